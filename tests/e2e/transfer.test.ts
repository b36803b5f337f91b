import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from './caller.ts'
import { Peer } from './peer.ts'
import { Strowger, sleep, until, usePostgres } from './harness.ts'

// Of the database they tell nothing: once is enough.
describe('transfers (REFER)', { skip: usePostgres }, () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })

  // A call that talks to the target already.
  const talking = async ({ target = {} as Partial<Peer>, fields = {} as Record<string, unknown> } = {}) => {
    const number = `+1800555${String(8100 + ++n)}`, caller = await Peer.start(), agent = await Peer.start(target)
    await s.campaign(number, { routing_plan_id: (await s.plan(`Plan ${n}`, [{ uri: agent.uri, revenue: { amount: '10.00', on: 'connect' }, ...fields }])).id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    await agent.first('ACK')
    return { number, caller, agent, dialog, log: () => s.lastCall((c) => c.number === number), id: (await s.api('GET', '/calls')).data.find((c: { number: string }) => c.number === number).id as string }
  }
  const refer = (agent: Peer, to: string, headers: string[] = []) => agent.within('REFER', { headers: [`Refer-To: <${to}>`, 'Referred-By: <sip:agent@example.com>', ...headers] })
  // What the agent was told of it, and whether that was all.
  const told = (agent: Peer) => agent.of('NOTIFY').map((r) => `${/SIP\/2.0 (\d+)/.exec(r.text.slice(r.text.indexOf('\r\n\r\n')))![1]} ${r.header('Subscription-State')!.split(';')[0]}`)

  test('the other is called while both still talk, and takes the target\'s place', async () => {
    const near = await Rtp.bind(), far = await Rtp.bind(), { agent, caller, dialog, id, log } = await talking(), closer = await Peer.start({ media: far.port, invite: () => [180] })
    assert.equal(await refer(agent, closer.uri), 202)
    const invite = await closer.first('INVITE')
    assert.equal(invite.header('X-Strowger-Call-ID'), id)
    assert.equal(invite.header('Referred-By'), '<sip:agent@example.com>')
    await until('the ringing to be told', () => told(agent).includes('180 active'))
    assert.equal(await refer(agent, closer.uri), 491, 'one at a time')
    assert.equal(agent.of('BYE').length, 0)
    closer.late(1, [200, []])
    await agent.first('BYE')
    assert.deepEqual(told(agent), ['100 active', '180 active', '200 terminated'])
    assert.equal(agent.of('NOTIFY')[0].header('Event'), 'refer')
    const port = Number(/m=audio (\d+)/.exec(dialog.text)![1])
    await until('the caller to be heard by the other', () => {
      near.send(port)
      return far.received > 3
    })
    assert.equal(caller.of('BYE').length, 0)
    assert.equal(await dialog.request('BYE'), 200)
    await closer.first('BYE')
    const call = await log()
    assert.deepEqual(call.attempts.map((a: { outcome: string; uri: string }) => [a.outcome, a.uri]), [['answered', agent.uri], ['transferred', closer.uri]])
    assert.deepEqual([call.disposition, call.hangup_by, call.revenue], ['completed', 'caller', '10.00'])
    const events = (await s.api('GET', `/calls/${id}/events`)).data.map((e: { type: string }) => e.type)
    assert.deepEqual(events.filter((t: string) => /connected|transferred/.test(t)), ['call.connected', 'call.transferred'])
    near.close()
    far.close()
  })

  test('when the other is busy both go on talking', async () => {
    const { agent, dialog, log } = await talking(), closer = await Peer.start({ invite: () => [486] })
    assert.equal(await refer(agent, closer.uri), 202)
    await until('the end to be told', () => told(agent).at(-1) === '486 terminated')
    await sleep(200)
    assert.equal(agent.of('BYE').length, 0)
    const second = await Peer.start()
    assert.equal(await refer(agent, second.uri), 202, 'and may be sent on once more')
    await agent.first('BYE')
    assert.equal(await dialog.request('BYE'), 200)
    await second.first('BYE')
    assert.deepEqual((await log()).attempts.map((a: { outcome: string }) => a.outcome), ['answered', 'busy', 'transferred'])
  })

  test('the one that it was sent on to may send it on again', async () => {
    const { agent, dialog } = await talking(), second = await Peer.start(), third = await Peer.start()
    assert.equal(await refer(agent, second.uri), 202)
    await agent.first('BYE')
    assert.equal(await refer(second, third.uri), 202)
    await second.first('BYE')
    assert.equal(await dialog.request('BYE'), 200)
    await third.first('BYE')
  })

  test('a target that hangs up at once leaves the caller waiting for the other', async () => {
    const { agent, dialog, caller } = await talking(), closer = await Peer.start({ invite: () => [180] })
    assert.equal(await refer(agent, closer.uri), 202)
    assert.equal(await agent.within('BYE'), 200)
    await closer.first('INVITE')
    await sleep(200)
    assert.equal(caller.of('BYE').length, 0)
    closer.late(1, [200, []])
    await closer.first('ACK')
    assert.equal(await dialog.request('BYE'), 200)
    await closer.first('BYE')
  })

  test('and ends the call when the other cannot be reached', async () => {
    const { agent, caller, log } = await talking(), closer = await Peer.start({ invite: () => [180] })
    assert.equal(await refer(agent, closer.uri), 202)
    await closer.first('INVITE')
    assert.equal(await agent.within('BYE'), 200)
    closer.late(1, [480, []])
    await caller.first('BYE')
    assert.deepEqual((await log()).attempts.map((a: { outcome: string }) => a.outcome), ['answered', 'no_answer'])
  })

  test('a caller who hangs up meanwhile ends all of it', async () => {
    const { agent, dialog } = await talking(), closer = await Peer.start({ invite: () => [180] })
    assert.equal(await refer(agent, closer.uri), 202)
    await closer.first('INVITE')
    await until('it to ring', () => told(agent).includes('180 active'))
    assert.equal(await dialog.request('BYE'), 200)
    await Promise.all([closer.first('CANCEL'), agent.first('BYE')])
  })

  test('attended: Replaces goes along', async () => {
    const { agent, dialog } = await talking(), closer = await Peer.start()
    assert.equal(await refer(agent, `${closer.uri}?Replaces=12%40x%3Bto-tag%3Da%3Bfrom-tag%3Db`, ['Refer-Sub: false']), 202)
    assert.equal((await closer.first('INVITE')).header('Replaces'), '12@x;to-tag=a;from-tag=b')
    await agent.first('BYE')
    assert.deepEqual(told(agent), [], 'it asked not to be told (RFC 4488)')
    assert.equal(await dialog.request('BYE'), 200)
  })

  test('nobody else is called unless the dial policy lets calls go there', async () => {
    const { agent, dialog, id } = await talking(), closer = await Peer.start()
    const elsewhere = closer.uri.replace('127.0.0.1', 'localhost')
    for (const to of [elsewhere, 'sip:+19005550100@127.0.0.2', 'tel:+19005550100']) assert.equal(await refer(agent, to), 403, to)
    assert.equal(await agent.within('REFER'), 400)
    assert.equal(await refer(agent, 'mailto:x@example.com'), 400)
    assert.equal(await dialog.request('REFER', '', [`Refer-To: <${closer.uri}>`]), 603, 'a caller')
    assert.equal(closer.of('INVITE').length, 0)
    assert.equal(await dialog.request('BYE'), 200)
    const { attempts } = await until('the call to be over', async () => {
      const c = await s.api('GET', `/calls/${id}`)
      return c.status === 'completed' && c
    })
    assert.match(attempts[1].reason + attempts[2].reason, /dial policy/)
  })

  test('a number is called over the trunk that the target was called by, where numbers may be called', async () => {
    const gateway = await Peer.start(), caller = await Peer.start()
    const trunk = await s.api('POST', '/trunks', { name: 'carrier', outbound: { gateways: [{ uri: gateway.uri }] } })
    const target = await s.api('POST', '/targets', { name: 'By number', destination: { type: 'number', number: '+15125550177', trunk_id: trunk.id } })
    const plan = await s.api('POST', '/routing-plans', { name: 'By number', entries: [{ target_id: target.id }] })
    await s.campaign('+18005558191', { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, 'sip:+18005558191@127.0.0.1')
    await gateway.first('ACK')
    assert.equal(await refer(gateway, `sip:(512)%20555-0188@127.0.0.1:${s.sip}`), 403)
    await s.api('PATCH', '/organization', { dial_policy: { numbers: true } })
    assert.equal(await refer(gateway, 'tel:+15125550188'), 403, 'a call keeps the configuration that it began with')
    assert.equal(await dialog.request('BYE'), 200)
    await gateway.first('BYE')
    const again = await caller.call(s.sip, 'sip:+18005558191@127.0.0.1')
    await gateway.first('ACK', 2)
    assert.equal(await gateway.within('REFER', { n: 2, headers: ['Refer-To: <tel:+1-512-555-0188>'] }), 202)
    assert.match((await gateway.first('INVITE', 3)).uri, /^sip:\+15125550188@127\.0\.0\.1/)
    await gateway.first('BYE', 2)
    assert.equal(await again.request('BYE'), 200)
    await gateway.first('BYE', 3)
  })
})
