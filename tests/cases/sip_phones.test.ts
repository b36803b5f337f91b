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
    const number = `+1800555430${numbers++}`
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
})
