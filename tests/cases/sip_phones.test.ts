// Several devices of one phone, and connections that break.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Peer, line } from '../e2e/peer.ts'
import { Strowger, until } from '../e2e/harness.ts'

describe('devices of a phone', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const password = 'a good password'
  let numbers = 0
  // A phone as a target, and the number that rings it.
  const phone = async (username: string, rest: object = {}) => {
    const destination = { type: 'phone', username, password }
    const target = await s.api('POST', '/targets', { name: username, destination, ...rest })
    const number = `+180055543${String(numbers++).padStart(2, '0')}`
    const entries = [{ target_id: target.id, priority: 1 }]
    const plan = await s.api('POST', '/routing-plans', { name: username, entries })
    await s.campaign(number, { routing_plan_id: plan.id })
    return { id: target.id as string, number }
  }
  const ok = (text: string) => assert.match(text, /^SIP\/2.0 200/)
  const devices = async (id: string) =>
    (await s.api('GET', `/targets/${id}/phone`)).devices.map((d: any) => d.contact)
  const contact = (p: Peer, user: string) => `sip:${user}@127.0.0.1:${p.port}`
  const calls = async (number: string) => {
    const caller = await Peer.start()
    return caller.call(s.sip, `sip:${number}@127.0.0.1`)
  }
  const attempts = async (number: string, before = '') => {
    const log = await s.lastCall((c) => c.number === number && c.id > before)
    return log.attempts.map((a: any) => [a.uri, a.outcome]).sort()
  }

  test('all ring, one takes the call, and the target counts one call', async () => {
    const { id, number } = await phone('ann', { concurrency: 1 })
    const desk = await Peer.start({ invite: () => [180] })
    const soft = await Peer.start()
    ok(await desk.register(s.sip, 'ann', password))
    ok(await soft.register(s.sip, 'ann', password))
    assert.deepEqual(await devices(id), [contact(soft, 'ann'), contact(desk, 'ann')])
    for (let n = 1; n <= 2; n++) {
      const call = await calls(number)
      assert.equal(call.status, 200)
      const cancel = await desk.first('CANCEL', n)
      assert.match(cancel.header('Reason')!, /cause=200/, 'no missed call is shown')
      assert.equal(await call.request('BYE'), 200)
      const log = await s.lastCall((c) => c.number === number)
      assert.deepEqual([log.target_id, log.disposition], [id, 'completed'])
    }
    assert.equal(soft.of('INVITE').length, 2)
    // The one that rang the whole time takes the next call, and the place is the target's still.
    soft.invite = () => [180]
    desk.invite = () => [180, 200]
    const call = await calls(number)
    assert.equal(call.status, 200)
    await soft.first('CANCEL')
    assert.equal((await calls(number)).status, 480, 'it has one call')
    await call.request('BYE')
    await s.lastCall((c) => c.number === number && c.disposition === 'completed')
    const again = await calls(number)
    assert.equal(again.status, 200)
    await again.request('BYE')
  })

  test('a busy device leaves the others ringing; all busy is busy', async () => {
    const { number } = await phone('bob')
    const busy = await Peer.start({ invite: () => [486] })
    const free = await Peer.start()
    ok(await busy.register(s.sip, 'bob', password))
    ok(await free.register(s.sip, 'bob', password))
    const call = await calls(number)
    assert.equal(call.status, 200)
    await call.request('BYE')
    const first = await s.lastCall((c) => c.number === number)
    const answered = (await attempts(number)).filter(([, outcome]: string[]) => outcome === 'answered')
    assert.deepEqual(answered, [[contact(free, 'bob'), 'answered']])
    free.invite = () => [486]
    assert.equal((await calls(number)).status, 486)
    const outcomes = (await attempts(number, first.id)).map(([, outcome]: string[]) => outcome)
    assert.deepEqual(outcomes, ['busy', 'busy'])
  })

  test('a device that registers anew takes its own place, also after a restart', async () => {
    const { id } = await phone('cat')
    const p = await Peer.start()
    const named = (n: number, instance: string) =>
      p.register(s.sip, 'cat', password, {
        contact: '',
        headers: [`Contact: <sip:cat@127.0.0.1:${n}>;+sip.instance="<urn:uuid:${instance}>";reg-id=1`],
      })
    ok(await named(6001, 'one'))
    ok(await named(6002, 'two'))
    ok(await p.register(s.sip, 'cat', password, { contact: 'sip:cat@127.0.0.1:6003', id: 'same' }))
    await s.api('POST', '/buyers', { name: 'Written after' }) // and so after the registrations
    await s.kill('SIGKILL')
    await s.serve()
    assert.equal((await devices(id)).length, 3)
    ok(await named(6004, 'one'))
    const moved = { contact: 'sip:cat@127.0.0.1:6005', id: 'same', cseq: 20 }
    ok(await p.register(s.sip, 'cat', password, moved))
    const ports = (await devices(id)).map((c: string) => c.slice(-4))
    assert.deepEqual(ports, ['6005', '6004', '6002'])
    const left = await p.register(s.sip, 'cat', password, { contact: 'sip:cat@127.0.0.1:6002', expires: 0 })
    const answered = left.split('\r\n').filter((l) => l.startsWith('Contact:')).join()
    assert.deepEqual(answered.match(/127.0.0.1:\d+/g), ['127.0.0.1:6005', '127.0.0.1:6004'])
    assert.deepEqual((await devices(id)).map((c: string) => c.slice(-4)), ['6005', '6004'])
    for (let n = 0; n < 12; n++)
      ok(await p.register(s.sip, 'cat', password, { contact: `sip:cat@127.0.0.1:${6100 + n}` }))
    const kept = (await devices(id)).map((c: string) => c.slice(-4))
    assert.deepEqual(kept, ['6111', '6110', '6109', '6108', '6107', '6106', '6105', '6104', '6103', '6102'])
    ok(await p.register(s.sip, 'cat', password, { contact: '*', expires: 0 }))
    await s.kill('SIGTERM')
    await s.serve()
    assert.deepEqual(await devices(id), [])
  })

  test('a phone whose connection is closed is not called any more', async () => {
    const { id, number } = await phone('dan')
    const p = await Peer.start()
    const stays = await Peer.start()
    const stream = connect(s.sip, '127.0.0.1')
    const tcp = { contact: 'sip:dan@10.77.0.10:5060;transport=tcp', socket: line(stream, 486), transport: 'TCP' }
    ok(await p.register(s.sip, 'dan', password, tcp))
    ok(await p.register(s.sip, 'dan', password, tcp)) // by the same connection
    assert.equal((await devices(id)).length, 1)
    stream.end()
    await until('it is gone', async () => (await devices(id)).length === 0)
    assert.equal((await calls(number)).status, 480)
    const log = await s.lastCall((c) => c.number === number)
    assert.deepEqual(log.attempts.map((a: any) => a.reason), ['its phone is not registered'])
    // One that breaks does not take another device along.
    const second = connect(s.sip, '127.0.0.1')
    ok(await p.register(s.sip, 'dan', password, { ...tcp, socket: line(second, 486) }))
    ok(await stays.register(s.sip, 'dan', password))
    second.resetAndDestroy()
    await until('one is left', async () => (await devices(id)).length === 1)
    assert.deepEqual(await devices(id), [contact(stays, 'dan')])
  })

  describe('that transfer a call', () => {
    const refer = (p: Peer, to: string) => p.within('REFER', { headers: [`Refer-To: <${to}>`] })
    let agent: Peer
    // A call that an agent's phone has answered.
    const talking = async (username: string, rest: object = {}) => {
      const { number } = await phone(username, rest)
      agent = await Peer.start()
      ok(await agent.register(s.sip, username, password))
      const call = await calls(number)
      assert.equal(call.status, 200)
      await agent.first('ACK')
      return { number, call }
    }
    const attempted = async (number: string) => {
      const log = await s.lastCall((c) => c.number === number)
      return log.attempts.map((a: any) => [a.outcome, a.target_id ?? a.uri])
    }

    test('to another phone by its short number or user name, and on from there', async () => {
      const { id: erin } = await phone('erin', { short_number: '202' })
      const { id: fay } = await phone('fay.desk')
      const [first, second] = [await Peer.start(), await Peer.start()]
      ok(await first.register(s.sip, 'erin', password))
      ok(await second.register(s.sip, 'fay.desk', password))
      const { number, call } = await talking('eve')
      assert.equal(await refer(agent, `sip:202@127.0.0.1:${s.sip}`), 202)
      await agent.first('BYE')
      assert.equal(await refer(first, `sip:Fay.Desk@pbx.example.com;transport=udp`), 202)
      await first.first('BYE')
      assert.equal(await call.request('BYE'), 200)
      await second.first('BYE')
      const outcomes = (await attempted(number)).slice(1)
      assert.deepEqual(outcomes, [['transferred', erin], ['transferred', fay]])
    })

    test('to a telephone number, as the dial policy allows, over the trunk that is said', async () => {
      const carrier = await Peer.start()
      const trunk = (name: string, gateway: Peer) =>
        s.api('POST', '/trunks', { name, outbound: { gateways: [{ uri: gateway.uri }], number_format: 'e164' } })
      const { number, call } = await talking('gil')
      const outside = `sip:512-555-0142@127.0.0.1:${s.sip}`
      assert.equal(await refer(agent, outside), 403, 'there is no trunk')
      await trunk('Carrier', carrier)
      const other = await talking('gus')
      assert.equal(await refer(agent, outside), 403, 'the dial policy does not allow it')
      assert.equal(await other.call.request('BYE'), 200)
      await s.api('PATCH', '/organization', { dial_policy: { numbers: true } })
      const third = await talking('gwen')
      assert.equal(await refer(agent, outside), 202)
      const invite = await carrier.first('INVITE')
      assert.match(invite.uri, /^sip:\+15125550142@/)
      await agent.first('BYE')
      assert.equal(await third.call.request('BYE'), 200)
      await carrier.first('BYE')
      // With a second trunk it must be said which.
      const backup = await Peer.start()
      const { id } = await trunk('Backup', backup)
      const fourth = await talking('hal')
      assert.equal(await refer(agent, outside), 403)
      assert.equal(await fourth.call.request('BYE'), 200)
      const fifth = await talking('hugo', { transfer_trunk_id: id })
      assert.equal(await refer(agent, outside), 202)
      await backup.first('INVITE')
      assert.equal(await fifth.call.request('BYE'), 200)
      assert.equal(await call.request('BYE'), 200)
      const log = await s.lastCall((c) => c.number === number)
      assert.equal(log.attempts[1].reason, 'the target has no trunk for telephone numbers')
    })

    test('who cannot be called is told why, and the talk goes on', async () => {
      await phone('ida', { short_number: '209' })
      const { number, call } = await talking('ike')
      assert.equal(await refer(agent, `sip:209@127.0.0.1:${s.sip}`), 480)
      assert.equal(await refer(agent, `sip:nobody@127.0.0.1:${s.sip}`), 404)
      assert.equal(await refer(agent, `sip:127.0.0.1:${s.sip}`), 404)
      assert.equal(agent.of('BYE').length, 0)
      assert.equal(await call.request('BYE'), 200)
      const log = await s.lastCall((c) => c.number === number)
      const unknown = "it is no target's short number or user name, and no phone number"
      assert.deepEqual(log.attempts.slice(1).map((a: any) => a.reason), [
        'its phone is not registered', unknown, unknown,
      ])
    })

    test('a short number has digits and one target', async () => {
      const made = await phone('joan', { short_number: '230' })
      const destination = { type: 'phone', username: 'jon', password }
      const refused = async (short_number: string, status: number) => {
        const r = await s.raw('POST', '/api/v1/targets', { name: 'jon', destination, short_number })
        assert.equal(r.status, status)
        return ((await r.json()) as any).errors[0]
      }
      assert.deepEqual(await refused('2a', 422), { pointer: '/short_number', detail: 'may only have digits' })
      await until('it is known', async () => (await s.raw('GET', `/api/v1/targets/${made.id}/phone`)).status === 200)
      assert.deepEqual(await refused('230', 409), { pointer: '/short_number', detail: 'is taken already' })
      await s.api('PATCH', `/targets/${made.id}`, { short_number: '230', name: 'Jo' })
    })
  })
})
