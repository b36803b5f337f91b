// Sides that send no audio, and are there: muted phones, comfort noise, hold without music.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Peer } from '../e2e/peer.ts'
import { Strowger, sleep, until, useRtpengine } from '../e2e/harness.ts'

const timeoutSeconds = 2
const every = (ms: number, f: () => void) => {
  const timer = setInterval(f, ms)
  return () => clearInterval(timer)
}
// RFC 3550 section 6: a receiver report without blocks, and SDES; or goodbye.
const report = (ssrc: number, leaves = false) => {
  const p = Buffer.from([
    0x80, 201, 0, 1, 0, 0, 0, 0, 0x81, 202, 0, 3, 0, 0, 0, 0, 1, 4, 97, 64, 98, 99, 0, 0,
  ])
  p.writeUInt32BE(ssrc, 4)
  p.writeUInt32BE(ssrc, 12)
  if (!leaves) return p
  const bye = Buffer.from([0x81, 203, 0, 1, 0, 0, 0, 0])
  bye.writeUInt32BE(ssrc, 4)
  return Buffer.concat([p, bye])
}

describe('silence', { skip: useRtpengine }, () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', String(timeoutSeconds)])
  })
  after(() => s.stop())

  // A call whose target speaks all along. Gives what the caller has at hand.
  const call = async ({ host = '127.0.0.1', more = [] as string[] } = {}) => {
    const number = `+1800555${7400 + made++}`
    const [near, control] = await Rtp.pair(), far = await Rtp.bind()
    const target = await Peer.start({ media: far.port }), caller = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const sdp = (address: string, mode = 'sendrecv') =>
      ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', `c=IN IP4 ${address}`, 't=0 0',
        `m=audio ${near.port} RTP/AVP 0`, ...more, `a=${mode}`, '',
      ].join('\r\n')
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1:${s.sip}`, { offer: sdp(host) })
    assert.equal(dialog.status, 200)
    const port = Number(/^m=audio (\d+)/m.exec(dialog.text)![1])
    const toFar = Number(/^m=audio (\d+)/m.exec((await target.first('INVITE')).text)![1])
    const stop = every(20, () => far.send(toFar))
    for (let i = 0; i < 5; i++) near.send(port)
    const lasts = async () => {
      await sleep(timeoutSeconds * 2500)
      const { data } = await s.api('GET', '/calls?status=active')
      const on = data.some((c: any) => c.number === number)
      stop()
      if (on) await dialog.request('BYE')
      return on
    }
    return { near, control, port, dialog, sdp, lasts }
  }

  test('of a muted phone that sends RTCP does not end the call', async () => {
    for (const host of ['127.0.0.1', '10.9.8.7']) {
      const c = await call({ host })
      const stop = every(700, () => c.control.socket.send(report(0x01020304), c.port + 1, '127.0.0.1'))
      assert.equal(await c.lasts(), true, host)
      stop()
    }
  })

  test('of a muted phone whose RTCP comes by the port of RTP does not end the call', async () => {
    const c = await call({ more: ['a=rtcp-mux'] })
    const stop = every(700, () => c.near.socket.send(report(0x01020304), c.port, '127.0.0.1'))
    assert.equal(await c.lasts(), true)
    stop()
  })

  test('of a side that sends comfort noise does not end the call', async () => {
    const c = await call()
    const stop = every(700, () => c.near.audio(c.port, new Uint8Array([60]), 13, 160))
    assert.equal(await c.lasts(), true)
    stop()
  })

  test('ends the call where nothing that is RTP or RTCP comes', async () => {
    const c = await call(), stranger = await Rtp.bind()
    const stop = every(300, () => {
      c.near.socket.send(Buffer.alloc(4), c.port, '127.0.0.1')
      c.control.socket.send(Buffer.alloc(8, 0x80), c.port + 1, '127.0.0.1')
      c.control.socket.send(report(0x01020304, true), c.port + 1, '127.0.0.1')
      stranger.audio(c.port, new Uint8Array(160), 96)
    })
    assert.equal(await c.lasts(), false)
    stop()
  })

  test('on hold does not end the call, by 0.0.0.0 and by sendonly without music', async () => {
    for (const [address, mode] of [['0.0.0.0', 'sendrecv'], ['127.0.0.1', 'sendonly']] as const) {
      const c = await call()
      assert.equal(await c.dialog.request('INVITE', c.sdp(address, mode)), 200)
      assert.equal(await c.lasts(), true, `${address} ${mode}`)
    }
  })

  test('goes on to be judged after a hold', async () => {
    const c = await call()
    assert.equal(await c.dialog.request('INVITE', c.sdp('0.0.0.0')), 200)
    assert.equal(await c.dialog.request('INVITE', c.sdp('127.0.0.1')), 200)
    assert.equal(await c.lasts(), false)
    await until('the log', async () => (await s.api('GET', '/calls?status=active')).data.length === 0)
  })
})
