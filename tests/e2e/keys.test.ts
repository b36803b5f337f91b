// Keys in every way that telephones and carriers send them, and what RTCP tells.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear, power } from './caller.ts'
import { Peer } from './peer.ts'
import { Strowger, sleep, until, useRtpengine } from './harness.ts'

const rows = [697, 770, 852, 941], columns = [1209, 1336, 1477, 1633], keypad = '123A456B789C*0#D'
const ulaw = (sample: number) => {
  const sign = sample < 0 ? 0x80 : 0, s = Math.min(Math.abs(sample), 32635) + 132, exponent = Math.floor(Math.log2(s)) - 7
  return ~(sign | (exponent << 4) | ((s >> (exponent + 3)) & 15)) & 0xff
}
// So many frames of 20 ms of a key's tones, loud from 0 to 1.
const tones = (key: string, frames: number, loud = 0.25) => {
  const at = keypad.indexOf(key)
  return Array.from({ length: frames }, (_, f) => Uint8Array.from({ length: 160 }, (_, i) => ulaw(Math.round(32000 * loud * (Math.sin((2 * Math.PI * rows[at >> 2]! * (f * 160 + i)) / 8000) + Math.sin((2 * Math.PI * columns[at & 3]! * (f * 160 + i)) / 8000))))))
}
const silence = (frames: number) => Array.from({ length: frames }, () => new Uint8Array(160).fill(0xff))
const event = (key: string, end: boolean, duration: number) => Uint8Array.from([keypad.indexOf(key) >= 0 ? '0123456789*#ABCD'.indexOf(key) : 0, (end ? 0x80 : 0) | 10, duration >> 8, duration & 255])
describe('keys', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
    const flow = await s.flow('keys', [{ id: 'g', type: 'gather', config: { max_digits: 20, timeout_seconds: 60, inter_digit_seconds: 60, finish_key: '#', tries: 1, save_to: { variable: 'keys' } } }, { id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'g'], ['g', 'next', 'h']], { variables: [{ name: 'keys', type: 'string' }] })
    await s.campaign('+18005554101', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(() => s.stop())

  const withEvents = { formats: '0 101', attributes: ['a=rtpmap:101 telephone-event/8000'] }
  let over = 0
  const digits = async () => {
    const calls = await until('the call to be over', async () => ((x) => x.length > over && x)((await s.api('GET', '/calls?status=completed')).data.filter((c: any) => c.number === '+18005554101')))
    over = calls.length
    return (await s.api('GET', `/calls/${calls[0].id}/trace`)).data.find((e: any) => e.input === 'digits')?.digits
  }
  const play = async (rtp: Rtp, port: number, frames: Uint8Array[], lost: (i: number) => boolean = () => false) => {
    for (const [i, frame] of frames.entries()) {
      if (lost(i)) rtp.skip(160)
      else rtp.audio(port, frame)
      await sleep(useRtpengine ? 20 : 4) // faster than it is spoken: what counts are timestamps; rtpengine wants its time
    }
  }
  const pressed = (key: string, rtp: Rtp, port: number) => {
    for (let n = 1; n <= 5; n++) rtp.audio(port, event(key, false, n * 160), 101, n === 1 ? 1600 : 0)
    for (let n = 0; n < 3; n++) rtp.audio(port, event(key, true, 800), 101, 0)
  }

  test('are heard as tones where no events were offered, also with packets missing and out of a noisy line', async () => {
    const c = await Caller.invite(s, '+18005554101'), near = await Rtp.bind()
    const port = await c.offer(near.port)
    assert.doesNotMatch(c.answer, /telephone-event/)
    const frames = [silence(3), tones('1', 4), silence(4), tones('9', 5, 0.08), silence(4), tones('9', 4), silence(3), tones('A', 12), silence(4), tones('0', 4, 0.4), silence(4), tones('#', 4), silence(10)].flat()
    await play(near, port, frames, (i) => i % 17 === 16)
    assert.equal(await digits(), '199A0')
    near.close()
  })

  test('are heard once: tones beside events, INFO beside events, events in pieces', async () => {
    for (const [name, press] of [
      ['events and tones', async (k: string, rtp: Rtp, port: number) => (pressed(k, rtp, port), await play(rtp, port, [...tones(k, 5), ...silence(4)]))],
      ['events and INFO', async (k: string, rtp: Rtp, port: number, c: Caller) => (pressed(k, rtp, port), await c.info(k))],
      ['INFO and events', async (k: string, rtp: Rtp, port: number, c: Caller) => (await c.info(k), await sleep(30), pressed(k, rtp, port))],
      ['INFO alone', async (k: string, _r: Rtp, _p: number, c: Caller) => c.info(k === '#' ? '11' : k)],
      ['the end of an event alone', async (k: string, rtp: Rtp, port: number) => rtp.audio(port, event(k, true, 800), 101, 800)],
    ] as [string, (k: string, rtp: Rtp, port: number, c: Caller) => Promise<void>][]) {
      const c = await Caller.invite(s, '+18005554101'), near = await Rtp.bind()
      const port = await c.offer(near.port, 'sendrecv', withEvents)
      for (const k of '4477#') {
        await press(k, near, port, c)
        await sleep(40)
      }
      assert.equal(await digits(), '4477', name)
      near.close()
    }
  })

  test('get to the target in the way it knows', async () => {
    const theirs = useRtpengine ? 101 : 96 // rtpengine takes another number than was offered for none
    for (const [name, caller, telephoneEvent] of [['events to events', withEvents, theirs], ['events to tones', withEvents, undefined], ['INFO to events', undefined, theirs], ['INFO to tones', undefined, undefined]] as const) {
      const far = await Rtp.bind(), near = await Rtp.bind(), target = await Peer.start({ media: far.port, telephoneEvent })
      const number = `+180055541${name.length % 10}${['events to events', 'events to tones', 'INFO to events', 'INFO to tones'].indexOf(name)}`.slice(0, 12)
      await s.campaign(number, { routing_plan_id: (await s.plan(name, [{ uri: target.uri }])).id })
      const c = await Caller.invite(s, number)
      const port = await c.offer(near.port, 'sendrecv', caller ?? {})
      await until('both to be connected', async () => (await s.api('GET', '/calls?status=active')).data.find((x: any) => x.number === number && x.connected_at))
      for (const k of '5D') {
        if (caller) pressed(k, near, port)
        else await c.info(k)
        await sleep(350)
      }
      if (telephoneEvent) {
        const keys = far.of(telephoneEvent).map((p) => [p.readUInt32BE(4), '0123456789*#ABCD'[p[12]!]] as const)
        assert.equal([...new Map(keys).values()].join(''), '5D', name)
      } else {
        const heard = far.of(0).map((p) => [...p.subarray(12)].map(linear)), loud = heard.filter((x) => power(x, 770) > 1e5 || power(x, 941) > 1e5)
        assert.equal(loud.length, 10, `${name}: 100 ms each`)
        for (const [i, row, column] of [[0, 770, 1336], [5, 941, 1633]] as const)
          for (const f of rows.concat(columns)) assert.equal(power(loud.slice(i, i + 5).flat(), f) > 1e6, f === row || f === column, `${name}: ${f} Hz`)
      }
      await c.bye()
      near.close()
      far.close()
    }
  })

  // What a side is told, and what it tells: a sender report with a block about ours.
  const block = (about: number, lost: number, jitter: number, last: number) => {
    const b = Buffer.alloc(52)
    b.set([0x81, 200, 0, 12, 1, 2, 3, 4])
    b.writeUInt32BE(3990000000, 8)
    b.writeUInt32BE(about, 28)
    b.writeUInt32BE(lost, 32)
    b.writeUInt32BE(jitter, 40)
    b.writeUInt32BE(last, 44)
    b.writeUInt32BE(65536 / 4, 48) // a quarter of a second since then
    return b
  }

  for (const mux of [false, true])
    test(`RTCP is sent and read, ${mux ? 'by the port of RTP' : 'by its own port'}`, async () => {
      const [near, control] = await Rtp.pair(), far = await Rtp.bind(), target = await Peer.start({ media: far.port })
      const number = mux ? '+18005554121' : '+18005554120', by = mux ? near : control
      await s.campaign(number, { routing_plan_id: (await s.plan(`rtcp ${mux}`, [{ uri: target.uri }])).id })
      const c = await Caller.invite(s, number)
      const port = await c.offer(near.port, 'sendrecv', { attributes: mux ? ['a=rtcp-mux'] : [] })
      assert.equal(/^a=rtcp-mux/m.test(c.answer), mux)
      const theirs = Number(/^m=audio (\d+)/m.exec((await target.first('INVITE')).text)![1])
      let n = 0
      const timer = setInterval(() => (near.send(port, ++n % 5 === 0), far.audio(theirs, new Uint8Array(160).fill(0xff))), 20)
      const reports = () => by.packets.filter((p) => p[1] === 200)
      const told = await until('a report', () => reports()[0], 12000)
      assert.equal(told.readUInt16BE(2), 12) // RFC 3550 §6.4.1: with one block
      assert.equal(told.readUInt32BE(28), 0x01020304)
      assert.ok(Math.abs(told.readUInt32BE(8) - 2208988800 - Date.now() / 1000) < 60, 'NTP time')
      assert.ok(told.readUInt32BE(20) > 10 && told.readUInt32BE(24) === told.readUInt32BE(20) * 160, 'packets and octets')
      assert.ok(Math.abs(told[32]! / 256 - 0.2) < 0.1, `a fifth was lost: ${told[32]}`)
      assert.match(told.subarray(52 + 8 + 2).toString('latin1'), /^[0-9a-f]{32}\0/)
      const own = told.readUInt32BE(4), last = told.readUInt32BE(8) % 65536 * 65536 + (told.readUInt32BE(12) >>> 16)
      await sleep(400)
      by.socket.send(block(own, 25, 80, last), mux ? port : port + 1, '127.0.0.1')
      by.socket.send(Buffer.from([0x81, 200, 0, 99, 1, 2, 3, 4]), mux ? port : port + 1, '127.0.0.1') // cut short: not heard
      await sleep(200)
      clearInterval(timer)
      await c.bye()
      const { quality } = await s.lastCall((x) => x.number === number)
      assert.equal(quality.caller.sent.lost, 25)
      assert.equal(quality.caller.sent.jitter_ms, 10)
      assert.ok(quality.caller.sent.loss_percent > 0.5 && quality.caller.sent.mos < quality.target.mos, JSON.stringify(quality))
      assert.ok(quality.caller.round_trip_ms > 100 && quality.caller.round_trip_ms < 2000, `${quality.caller.round_trip_ms} ms`)
      assert.equal(quality.target.sent, undefined)
      const bye = await until('BYE', () => by.packets.find((p) => p[1]! >= 200 && p[1]! <= 201 && p.includes(Buffer.from([0x81, 203, 0, 1]))))
      assert.equal(bye.readUInt32BE(4), own)
      near.close()
      far.close()
      control.close()
    })
})
