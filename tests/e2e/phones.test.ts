// Softphones and desk phones that register, and take calls as targets.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp } from './caller.ts'
import { Peer, line } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

describe('phones', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const password = 'a good password'
  const phone = (username: string, rest: object = {}) => s.api('POST', '/targets', { name: username, destination: { type: 'phone', username, password, ...rest } })
  const status = (text: string) => Number(text.slice(8, 11))
  const shown = (id: string) => s.api('GET', `/targets/${id}/phone`)
  const campaign = async (number: string, target: string, more: object[] = []) => {
    const plan = await s.api('POST', '/routing-plans', { name: number, entries: [{ target_id: target, priority: 1 }, ...more], dial: { timeout_seconds: 20, max_attempts: 5 } })
    await s.campaign(number, { routing_plan_id: plan.id })
  }

  test('a target says what it needs, and keeps the password to itself', async () => {
    const bad = async (destination: object) => (await s.raw('POST', '/api/v1/targets', { name: 'bad', destination })).json()
    assert.deepEqual(((await bad({ type: 'phone' })) as any).errors.map((e: any) => e.pointer), ['/destination/username', '/destination/password'])
    assert.deepEqual(((await bad({ type: 'phone', username: 'a b', password })) as any).errors.map((e: any) => e.pointer), ['/destination/username'])
    assert.deepEqual(((await bad({ type: 'phone', username: 'ab', password: 'short' })) as any).errors.map((e: any) => e.pointer), ['/destination/username', '/destination/password'])
    const target = await phone('quiet')
    assert.ok(!JSON.stringify(await s.api('GET', `/targets/${target.id}`)).includes(password))
    assert.deepEqual(await shown(target.id), { username: 'quiet', registered: false, contact: null, address: null, user_agent: null, registered_at: null, expires_at: null, devices: [] })
    const sip = await s.api('POST', '/targets', { name: 'no phone', destination: { type: 'sip', uri: 'sip:a@127.0.0.1' } })
    assert.equal((await s.raw('GET', `/api/v1/targets/${sip.id}/phone`)).status, 404)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Others', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, other)).status === 200)
    assert.equal((await s.raw('GET', `/api/v1/targets/${target.id}/phone`, undefined, {}, other)).status, 404)
    await campaign('+18005554200', target.id)
    const c = await Peer.start()
    assert.equal((await c.call(s.sip, `sip:+18005554200@127.0.0.1:${s.sip}`)).status, 480)
    const call = await s.lastCall((x) => x.number === '+18005554200')
    assert.deepEqual(call.attempts.map((a: any) => [a.outcome, a.reason]), [['skipped', 'its phone is not registered']])
  })

  test('a phone registers, takes a call, is there after a restart, and leaves', async () => {
    const far = await Rtp.bind(), near = await Rtp.bind(), p = await Peer.start({ media: far.port }), target = await phone('amy')
    await campaign('+18005554201', target.id)
    const id = 'a-registration'
    const text = await p.register(s.sip, 'amy', password, { id })
    assert.equal(status(text), 200, text)
    assert.match(text, new RegExp(`^Contact:\\s*<sip:amy@127.0.0.1:${p.port}>;\\s*expires=300`, 'im'))
    const told = await shown(target.id)
    assert.deepEqual([told.registered, told.contact, told.address, told.user_agent], [true, `sip:amy@127.0.0.1:${p.port}`, '127.0.0.1', 'a test phone'])
    assert.ok(Math.abs(Date.parse(told.expires_at) - Date.now() - 300000) < 5000)
    assert.match(await (await s.raw('GET', '/metrics')).text(), /^strowger_phones_registered 1$/m)
    const talk = async () => {
      const c = await Caller.invite(s, '+18005554201')
      const port = await c.offer(near.port)
      const before = far.received
      for (let i = 0; i < 10; i++) {
        near.send(port)
        await sleep(20)
      }
      assert.ok(far.received > before, 'audio gets to the phone')
      await c.bye()
      await p.first('BYE', p.of('INVITE').length)
      return s.lastCall((x) => x.number === '+18005554201')
    }
    const call = await talk()
    assert.deepEqual([call.disposition, call.target_id], ['completed', target.id])
    assert.equal(p.of('INVITE')[0].uri, `sip:amy@127.0.0.1:${p.port}`)
    await s.kill('SIGKILL')
    await s.serve()
    assert.equal((await shown(target.id)).registered, true)
    assert.equal((await talk()).disposition, 'completed')
    // An older one of the same registration changes nothing; a query answers what there is.
    assert.equal(status(await p.register(s.sip, 'amy', password, { id: 'another', cseq: 10 })), 200)
    assert.equal(status(await p.register(s.sip, 'amy', password, { id: 'another', expires: 0 })), 500)
    assert.match(await p.register(s.sip, 'amy', password, { contact: '', expires: null }), /^Contact:\s*<sip:amy@.*expires=(29\d|300)/im)
    assert.equal(status(await p.register(s.sip, 'amy', password, { contact: '*', expires: 0 })), 200)
    assert.equal((await shown(target.id)).registered, false)
    assert.doesNotMatch(await p.register(s.sip, 'amy', password, { contact: '', expires: null }), /^Contact:/im)
    near.close()
    far.close()
  })

  test('behind NAT it is called, and heard, where it came from', async () => {
    const far = await Rtp.bind(), near = await Rtp.bind(), first = await Peer.start(), p = await Peer.start({ media: far.port }), target = await phone('ben')
    await campaign('+18005554202', target.id)
    // Its SDP names an address of its own network, too.
    const sdp = p.sdp.bind(p)
    p.sdp = () => sdp().replaceAll('127.0.0.1', '10.77.0.9')
    assert.equal(status(await first.register(s.sip, 'ben', password)), 200)
    first.invite = () => [180]
    const text = await p.register(s.sip, 'ben', password, { contact: 'sip:ben@10.77.0.9:5060', expires: 3600 })
    assert.match(text, /^Contact:\s*<sip:ben@10.77.0.9:5060>;\s*expires=60\b/im, 'so often that its way back stays open')
    assert.match(text, new RegExp(`^Contact:.*<sip:ben@127.0.0.1:${first.port}>`, 'im'), 'the answer names both devices')
    assert.match(await first.register(s.sip, 'ben', password, { expires: 0 }), /^Contact:\s*<sip:ben@10.77.0.9:5060>;\s*expires=\d+\r$/im)
    const c = await Caller.invite(s, '+18005554202')
    const port = await c.offer(near.port)
    assert.equal(p.of('INVITE')[0].uri, 'sip:ben@10.77.0.9:5060')
    assert.doesNotMatch(p.of('INVITE')[0].text, /^Route:/im)
    assert.ok(await p.first('ACK'))
    const theirs = Number(/^m=audio (\d+)/m.exec(p.of('INVITE')[0].text)![1])
    for (let i = 0; i < 20; i++) {
      near.send(port)
      far.send(theirs)
      await sleep(20)
    }
    assert.ok(far.received > 10 && near.received > 10, `${far.received}, ${near.received}`)
    await c.bye()
    assert.ok(await p.first('BYE'))
    assert.equal(first.of('INVITE').length, 0)
    near.close()
    far.close()
  })

  test('over TCP it is called by the connection it made', async () => {
    const p = await Peer.start(), target = await phone('dee'), stream = connect(s.sip, '127.0.0.1'), socket = line(stream, 486)
    stream.unref()
    await campaign('+18005554203', target.id)
    const text = await p.register(s.sip, 'dee', password, { contact: 'sip:dee@10.77.0.10:5060;transport=tcp', expires: 3600, socket, transport: 'TCP' })
    assert.match(text, /^Contact:\s*<sip:dee@10.77.0.10:5060;transport=tcp>;\s*expires=600\b/im)
    const c = await Peer.start()
    assert.equal((await c.call(s.sip, `sip:+18005554203@127.0.0.1:${s.sip}`)).status, 486)
    assert.match(socket.requests[0]!, /^INVITE sip:dee@10.77.0.10:5060;transport=tcp [^]*^Contact: <sip:127.0.0.1:\d+;transport=tcp>/m)
    assert.ok(await until('the ACK', () => socket.requests[1]?.startsWith('ACK')))
    assert.deepEqual((await s.lastCall((x) => x.number === '+18005554203')).attempts.map((a: any) => [a.outcome, a.sip_status]), [['busy', 486]])
    stream.destroy()
  })

  test('who may not is refused, and what cannot be is told', async () => {
    const p = await Peer.start(), target = await phone('cid')
    assert.equal(status(await p.register(s.sip, 'cid', 'a wrong password')), 403)
    assert.equal(status(await p.register(s.sip, 'nobody', password)), 403)
    const brief = await p.register(s.sip, 'cid', password, { expires: 5 })
    assert.equal(status(brief), 423)
    assert.match(brief, /^Min-Expires:\s*60/im)
    assert.equal(status(await p.register(s.sip, 'cid', password, { contact: '*', expires: 10 })), 400)
    assert.equal(status(await p.register(s.sip, 'cid', password, { contact: 'tel:+15125550100' })), 400)
    assert.equal(status(await p.register(s.sip, 'cid', password, { contact: `sip:${'x'.repeat(300)}@127.0.0.1` })), 400)
    assert.equal((await shown(target.id)).registered, false)
    // Two organizations may have the same user name: the password tells which.
    const key = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Same names', '--email', 'same@example.com', ...s.databaseFlag()])).api_key
    await until('the organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, key)).status === 200)
    const theirs = (await (await s.raw('POST', '/api/v1/targets', { name: 'cid', destination: { type: 'phone', username: 'cid', password: 'quite another one' } }, {}, key)).json()) as any
    assert.equal(status(await p.register(s.sip, 'cid', 'quite another one')), 200)
    assert.equal((await shown(target.id)).registered, false)
    assert.equal(((await (await s.raw('GET', `/api/v1/targets/${theirs.id}/phone`, undefined, {}, key)).json()) as any).registered, true)
    // A disabled target's phone does not register.
    await s.api('PATCH', `/targets/${target.id}`, { enabled: false })
    assert.equal(status(await p.register(s.sip, 'cid', password)), 403)
  })

  test('strangers who guess are banned, and a phone that is registered is not', async () => {
    const stranger = await Peer.start({}, '127.0.0.9')
    const guess = async () => stranger.register(s.sip, 'amy', `guess ${Math.random()}`).then(status, () => 0)
    let last = 403
    for (let i = 0; i < 25 && last; i++) last = await Promise.race([guess(), sleep(2000).then(() => 0)])
    assert.equal(last, 0, 'it is not answered any more')
    assert.match(await (await s.raw('GET', '/metrics')).text(), /^strowger_sip_banned 1$/m)
    const office = await Peer.start({}, '127.0.0.8')
    assert.equal(status(await office.register(s.sip, 'amy', password, { contact: `sip:amy@127.0.0.8:${office.port}` })), 200)
    for (let i = 0; i < 25; i++) assert.equal(status(await office.register(s.sip, 'amy', 'mistyped, again')), 403)
    assert.equal(status(await office.register(s.sip, 'amy', password, { contact: `sip:amy@127.0.0.8:${office.port}` })), 200)
  })
})
