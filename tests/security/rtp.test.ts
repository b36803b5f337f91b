// Audio that the server would send to itself, and audio of strangers.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Peer } from '../e2e/peer.ts'
import { Strowger, sleep, until, usePostgres, useRtpengine } from '../e2e/harness.ts'

const portIn = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])
const sdp = (port: number, version = 1) =>
  ['v=0', `o=- 1 ${version} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0',
    `m=audio ${port} RTP/AVP 0`, 'a=sendrecv', ''].join('\r\n')

// The database does not matter; rtpengine has rules of its own.
describe('audio at the edge', { skip: usePostgres || useRtpengine }, () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })
  const call = async (near: Rtp, far: Rtp) => {
    const number = `+1800555${7400 + made++}`
    const target = await Peer.start({ media: far.port }), caller = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`, { offer: sdp(near.port) })
    assert.equal(dialog.status, 200)
    await until('both to be connected', async () =>
      (await s.api('GET', '/calls?status=active')).data.find(
        (c: any) => c.number === number && c.connected_at,
      ),
    )
    const toFar = portIn((await target.first('INVITE')).text)
    return { number, caller, target, dialog, toNear: portIn(dialog.text), toFar }
  }

  test('an SDP that names the own address and port range for audio gets 488', async () => {
    const [near, far] = [await Rtp.bind(), await Rtp.bind()]
    const c = await call(near, far)
    // Each side with the port of the other's end: their packets would never come to rest.
    assert.equal(await c.dialog.request('INVITE', sdp(c.toFar, 2)), 488)
    assert.equal(await c.dialog.request('UPDATE', sdp(c.toNear, 3)), 488)
    assert.equal(await c.target.within('INVITE', { body: sdp(c.toNear, 2) }), 488)
    // Also the port of RTCP.
    assert.equal(await c.dialog.request('UPDATE', sdp(c.toNear + 1, 4)), 488)
    // A target that answers so is passed over.
    const own = await Peer.start({ media: c.toNear }), number = `+1800555${7400 + made++}`
    await s.campaign(number, { routing_plan_id: (await s.plan(number, [{ uri: own.uri }])).id })
    const caller = await Peer.start()
    const refused = await caller.call(s.sip, `sip:${number}@127.0.0.1`, { offer: sdp(near.port) })
    assert.notEqual(refused.status, 200)
    const { attempts } = await s.lastCall((x) => x.number === number)
    assert.match(attempts[0].reason, /no audio that can be used/)
    // The call goes on as before.
    near.audio(c.toNear, new Uint8Array(160).fill(0x33))
    await until('audio at the target', () => far.of(0).some((p) => p[12] === 0x33))
    await c.dialog.request('BYE')
  })

  test('a port that an SDP names is given to no other call while it is named', async () => {
    const [near, far] = [await Rtp.bind(), await Rtp.bind()]
    const first = await call(near, far)
    const next = Math.max(first.toNear, first.toFar) + 2
    const named = [next, next + 2, next + 8]
    // Another program might have them: such a call is taken, and ends of later calls are elsewhere.
    const callers = named.map(async (port) => {
      const caller = await Peer.start()
      const d = await caller.call(s.sip, `sip:${first.number}@127.0.0.1`, { offer: sdp(port) })
      assert.equal(d.status, 200)
      return d
    })
    const dialogs = await Promise.all(callers)
    const given = new Set<number>()
    for (let i = 0; i < 6; i++) {
      const c = await call(await Rtp.bind(), await Rtp.bind())
      given.add(c.toNear).add(c.toFar)
      await c.dialog.request('BYE')
    }
    assert.deepEqual(named.filter((port) => given.has(port)), [])
    assert.ok([...given].some((port) => port > next + 8), 'ports beyond those that are named')
    for (const d of [first.dialog, ...dialogs]) await d.request('BYE')
  })

  test('a call that the server sends to itself keeps its audio', async () => {
    const agent = await Rtp.bind(), target = await Peer.start({ media: agent.port })
    await s.campaign('+18005557490', { routing_plan_id: (await s.plan('Inner', [{ uri: target.uri }])).id })
    const plan = await s.plan('Outer', [{ uri: `sip:+18005557490@127.0.0.1:${s.sip}` }])
    await s.campaign('+18005557491', { routing_plan_id: plan.id })
    const near = await Rtp.bind(), caller = await Peer.start()
    const d = await caller.call(s.sip, 'sip:+18005557491@127.0.0.1', { offer: sdp(near.port) })
    assert.equal(d.status, 200)
    await until('audio at the target', () => {
      near.audio(portIn(d.text), new Uint8Array(160).fill(0x44))
      return agent.of(0).some((p) => p[12] === 0x44)
    })
    await d.request('BYE')
  })

  test('the port that the SDP names is heard again after a stranger of its host was', async () => {
    const [near, far, forged] = [await Rtp.bind(), await Rtp.bind(), await Rtp.bind()]
    const c = await call(near, far)
    for (let i = 0; i < 5; i++) {
      forged.audio(c.toNear, new Uint8Array(160).fill(0x55))
      await sleep(10)
    }
    await until('the stranger at the target', () => far.of(0).some((p) => p[12] === 0x55))
    near.audio(c.toNear, new Uint8Array(160).fill(0x66))
    await until('the caller at the target', () => far.of(0).some((p) => p[12] === 0x66))
    // What the target says goes to the caller from then on, and the stranger takes nothing over.
    far.audio(c.toFar, new Uint8Array(160).fill(0x77))
    await until('the target at the caller', () => near.of(0).some((p) => p[12] === 0x77))
    for (let i = 0; i < 5; i++) forged.audio(c.toNear, new Uint8Array(160).fill(0x56))
    near.audio(c.toNear, new Uint8Array(160).fill(0x67))
    await until('the caller at the target', () => far.of(0).some((p) => p[12] === 0x67))
    assert.equal(far.of(0).some((p) => p[12] === 0x56), false)
    await c.dialog.request('BYE')
  })
})
