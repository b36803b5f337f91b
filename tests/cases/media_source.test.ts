// Where audio comes from: ports that change, late packets of the old port, stray packets, NAT, hold.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Peer, type Dialog } from '../e2e/peer.ts'
import { Strowger, sleep, until, useRtpengine } from '../e2e/harness.ts'

const local = '127.0.0.1'
// Audio of one voice: each packet is full of one byte.
const voice = (byte: number) => new Uint8Array(160).fill(byte)
const speak = async (from: Rtp, to: number, byte: number, packets = 20) => {
  for (let i = 0; i < packets; i++) {
    from.audio(to, voice(byte))
    await sleep(10)
  }
}
const speakUntilStopped = (from: Rtp, to: number, byte: number) => {
  const timer = setInterval(() => from.audio(to, voice(byte)), 20)
  return () => clearInterval(timer)
}
const heard = (at: Rtp, byte: number) => at.of(0).filter((p) => p[12] === byte).length
const hears = (at: Rtp, byte: number, packets = 20) =>
  until(`${packets} packets, not ${heard(at, byte)}`, () => heard(at, byte) === packets, 3000)
const portIn = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])
const sdp = (port: number, { host = local, mode = 'sendrecv', version = 1 } = {}) =>
  ['v=0', `o=- 1 ${version} IN IP4 ${host}`, 's=-', `c=IN IP4 ${host}`, 't=0 0',
    `m=audio ${port} RTP/AVP 0 101`, 'a=rtpmap:101 telephone-event/8000', `a=${mode}`, '',
  ].join('\r\n')

// With rtpengine between, it is that which follows the far side.
describe('the source of audio', { skip: useRtpengine }, () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  interface Call {
    caller: Peer
    target: Peer
    dialog: Dialog
    near: Rtp // the caller's audio
    far: Rtp // the target's
    toNear: number // the server's port for the caller's audio
    toFar: number
  }
  // A call between a caller and a target, and where the caller's SDP says that its audio is.
  const call = async (offer: (port: number) => string = sdp, near?: Rtp): Promise<Call> => {
    const number = `+1800555${7300 + made++}`
    const audio = near ?? (await Rtp.bind()), far = await Rtp.bind()
    const target = await Peer.start({ media: far.port }), caller = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@${local}:${s.sip}`, {
      offer: offer(audio.port),
    })
    assert.equal(dialog.status, 200)
    await until('both to be connected', async () =>
      (await s.api('GET', '/calls?status=active')).data.find(
        (c: any) => c.number === number && c.connected_at,
      ),
    )
    const toFar = portIn((await target.first('INVITE')).text)
    return { caller, target, dialog, near: audio, far, toNear: portIn(dialog.text), toFar }
  }
  const bothHearEachOther = async (c: Call, near = c.near, far = c.far) => {
    const [up, down] = [0x31, 0x41].map((b) => b + made)
    await speak(near, c.toNear, up!)
    await hears(far, up!)
    await speak(far, c.toFar, down!)
    await hears(near, down!)
    made++
  }

  test('is the port of a re-INVITE, though packets of the old one still come', async () => {
    const c = await call(), moved = await Rtp.bind(), farMoved = await Rtp.bind()
    let stop = speakUntilStopped(c.near, c.toNear, 0x11)
    await until('the caller to be heard', () => heard(c.far, 0x11) > 5)
    assert.equal(await c.dialog.request('INVITE', sdp(moved.port, { version: 2 })), 200)
    await sleep(30)
    stop()
    await bothHearEachOther(c, moved)
    stop = speakUntilStopped(c.far, c.toFar, 0x12)
    await until('the target to be heard', () => heard(moved, 0x12) > 5)
    c.target.media = farMoved.port
    assert.equal(await c.target.within('INVITE', { body: c.target.sdp() }), 200)
    await bothHearEachOther(c, moved, farMoved) // while the old port speaks all along
    stop()
    await c.dialog.request('BYE')
  })

  test('is the port of a 200, though the 183 named another, which still speaks', async () => {
    const number = '+18005557290', early = await Rtp.bind(), far = await Rtp.bind()
    const near = await Rtp.bind(), caller = await Peer.start()
    const target = await Peer.start({ media: early.port, invite: () => [183] })
    const plan = await s.plan('Early', [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const answered = caller.call(s.sip, `sip:${number}@${local}:${s.sip}`, { offer: sdp(near.port) })
    const toFar = portIn((await target.first('INVITE')).text)
    const stop = speakUntilStopped(early, toFar, 0x21)
    await until('the early audio', () => heard(near, 0x21) > 5)
    target.media = far.port
    target.late(1, [200, []])
    const dialog = await answered
    assert.equal(dialog.status, 200)
    await sleep(30)
    stop()
    const toNear = portIn(dialog.text)
    await speak(far, toFar, 0x22)
    await hears(near, 0x22)
    await speak(near, toNear, 0x23)
    await hears(far, 0x23)
    assert.equal(heard(early, 0x23), 0)
    await dialog.request('BYE')
  })

  test('is not a stray packet of another port, before and while the caller speaks', async () => {
    const c = await call(), stray = await Rtp.bind()
    stray.socket.send(Buffer.alloc(4), c.toNear, local)
    stray.socket.send(Buffer.from('OPTIONS sip:x SIP/2.0\r\n\r\n'), c.toNear, local)
    stray.audio(c.toNear, voice(0x51))
    stray.audio(c.toNear, voice(0x51), 96) // a payload type that nobody named
    stray.audio(c.toNear, voice(0x51), 96)
    stray.audio(c.toNear, voice(0x51), 96)
    await sleep(30)
    await bothHearEachOther(c)
    stray.audio(c.toNear, voice(0x52))
    await speak(stray, c.toNear, 0x52, 10)
    await bothHearEachOther(c)
    assert.deepEqual([heard(c.far, 0x51), heard(c.far, 0x52), stray.received], [0, 0, 0])
    await c.dialog.request('BYE')
  })

  test('is followed behind NAT, where the SDP names a private address', async () => {
    const stray = await Rtp.bind()
    const c = await call((port) => sdp(port, { host: '10.9.8.7' }))
    stray.audio(c.toNear, voice(0x53))
    await bothHearEachOther(c)
    assert.equal(heard(c.far, 0x53), 0)
    // The same SDP again, as a session refresh has it.
    const again = sdp(c.near.port, { host: '10.9.8.7', version: 2 })
    assert.equal(await c.dialog.request('INVITE', again), 200)
    await speak(c.far, c.toFar, 0x54)
    await hears(c.near, 0x54)
    // Another port, and late packets of the one before.
    const moved = await Rtp.bind()
    const other = sdp(moved.port, { host: '10.9.8.7', version: 3 })
    assert.equal(await c.dialog.request('INVITE', other), 200)
    await speak(c.near, c.toNear, 0x55, 3)
    await bothHearEachOther(c, moved)
    assert.equal(heard(c.far, 0x55), 0)
    await c.dialog.request('BYE')
  })

  test('of a target behind NAT is followed, too', async () => {
    const number = '+18005557291', far = await Rtp.bind(), near = await Rtp.bind()
    const caller = await Peer.start(), target = await Peer.start({ media: far.port })
    target.sdp = () => sdp(far.port, { host: '192.168.7.7' })
    const plan = await s.plan('NAT', [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@${local}:${s.sip}`, {
      offer: sdp(near.port),
    })
    assert.equal(dialog.status, 200)
    await speak(far, portIn((await target.first('INVITE')).text), 0x61)
    await hears(near, 0x61)
    await speak(near, portIn(dialog.text), 0x62)
    await hears(far, 0x62)
    await dialog.request('BYE')
  })

  test('follows the trunk: symmetric_rtp true takes other hosts, false does not', async () => {
    await call().then((c) => c.dialog.request('BYE')) // so that the trunk is there
    const { data } = await s.api('GET', '/trunks')
    const { id, symmetric_rtp } = data.find((t: any) => t.name === 'loopback')
    assert.equal(symmetric_rtp, null)
    const set = (value: boolean | null) =>
      s.api('PATCH', `/trunks/${id}`, { symmetric_rtp: value })
    const from = (host: string) => call((port) => sdp(port, { host }))
    const reaches = async (c: Call) => {
      await speak(c.near, c.toNear, 0x71)
      await sleep(200)
      await c.dialog.request('BYE')
      return heard(c.far, 0x71)
    }
    assert.equal(await reaches(await from('11.22.33.44')), 0, 'a public address')
    await set(true)
    assert.equal(await reaches(await from('11.22.33.44')), 20, 'true')
    await set(false)
    assert.equal(await reaches(await from('10.9.8.7')), 0, 'false')
    // Audio goes to the SDP's port, not to the one that is spoken from.
    const c = await call(), other = await Rtp.bind()
    await speak(other, c.toNear, 0x72)
    await hears(c.far, 0x72)
    await speak(c.far, c.toFar, 0x73)
    await hears(c.near, 0x73)
    assert.equal(heard(other, 0x73), 0)
    await c.dialog.request('BYE')
    await set(null)
    assert.equal(await reaches(await from('10.9.8.7')), 20, 'null')
    await assert.rejects(
      s.api('PATCH', `/trunks/${id}`, { symmetric_rtp: 'yes' }),
      /"pointer":"\/symmetric_rtp"/,
    )
  })

  test('on hold by 0.0.0.0 is heard, and hears nothing, until it is back', async () => {
    const c = await call(), music = await Rtp.bind()
    await bothHearEachOther(c)
    const held = sdp(c.near.port, { host: '0.0.0.0', version: 2 })
    assert.equal(await c.dialog.request('INVITE', held), 200)
    await speak(c.near, c.toNear, 0x81)
    await hears(c.far, 0x81)
    const before = c.near.received
    await speak(c.far, c.toFar, 0x82)
    await sleep(100)
    assert.deepEqual([heard(c.near, 0x82), c.near.received], [0, before])
    // Again, and the music has a port of its own.
    assert.equal(await c.dialog.request('INVITE', held.replace('1 2 IN', '1 3 IN')), 200)
    await speak(music, c.toNear, 0x83)
    await hears(c.far, 0x83)
    assert.equal(await c.dialog.request('INVITE', sdp(c.near.port, { version: 4 })), 200)
    await bothHearEachOther(c)
    await c.dialog.request('BYE')
  })
})
