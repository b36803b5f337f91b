// Sides that share no codec: Opus and G.722 are converted. By real packets, and what is heard.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Rtp, power } from '../e2e/caller.ts'
import { Peer, type Request } from '../e2e/peer.ts'
import { Strowger, binary, join, sleep, until } from '../e2e/harness.ts'

const tool = join(binary, '../tests/codec_tool')
const MAX = 64 * 1024 * 1024

interface Codec {
  name: string
  clock: number
  type: number
  step: number // of timestamps, each 20 ms
  formats: string
  attributes: string[]
}
const codec = (name: string, clock: number, type: number, more = ''): Codec => ({
  name, clock, type, step: clock / 50,
  formats: `${type} 101`,
  attributes: [`a=rtpmap:${type} ${name}/${clock}${more}`, `a=rtpmap:101 telephone-event/${clock}`],
})
const PCMU = codec('PCMU', 8000, 0), PCMA = codec('PCMA', 8000, 8)
const G722 = codec('G722', 8000, 9), OPUS = codec('opus', 48000, 96, '/2')

const sine = (hertz: number, seconds = 2) =>
  Int16Array.from({ length: seconds * 8000 }, (_, i) =>
    8000 * Math.sin((2 * Math.PI * hertz * i) / 8000))
const encode = (c: Codec, samples: Int16Array): Buffer[] => {
  const options = { input: Buffer.from(samples.buffer), maxBuffer: MAX }
  const out = execFileSync(tool, ['encode', c.name, String(c.clock)], options)
  const packets: Buffer[] = []
  for (let at = 0; at < out.length; at += 2 + out.readUInt16BE(at))
    packets.push(out.subarray(at + 2, at + 2 + out.readUInt16BE(at)))
  return packets
}
// While others still send: the test must not stand still.
const decode = async (c: Codec, payloads: Buffer[]): Promise<number[]> => {
  const framed = payloads.flatMap((p) => [Buffer.from([p.length >> 8, p.length & 255]), p])
  const out = await new Promise<Buffer>((done, fail) => {
    const options = { maxBuffer: MAX, encoding: 'buffer' as const }
    const child = execFile(tool, ['decode', c.name, String(c.clock)], options, (error, stdout) =>
      error ? fail(error) : done(stdout))
    child.stdin!.end(Buffer.concat(framed))
  })
  return Array.from({ length: out.length / 2 }, (_, i) => out.readInt16LE(i * 2))
}
// The share of what is heard, in frames of 20 ms, that is mostly that frequency.
const share = (samples: number[], hertz: number) => {
  const frames = Math.floor(samples.length / 160)
  const are = Array.from({ length: frames }, (_, i) => {
    const frame = samples.slice(i * 160, i * 160 + 160)
    const energy = frame.reduce((sum, x) => sum + x * x, 0) / 160
    return energy > 1e5 && (power(frame, hertz) * 2) / energy > 0.6
  })
  return are.filter(Boolean).length / frames
}
// Packets of an Ogg file, without its two headers (RFC 7845, RFC 3533).
const oggPackets = (file: Buffer): Buffer[] => {
  const packets: Buffer[] = []
  let packet = Buffer.alloc(0)
  for (let at = 0; at < file.length; ) {
    const segments = file[at + 26]!
    let data = at + 27 + segments
    for (let i = 0; i < segments; i++) {
      const len = file[at + 27 + i]!
      packet = Buffer.concat([packet, file.subarray(data, data + len)])
      data += len
      if (len === 255) continue
      packets.push(packet)
      packet = Buffer.alloc(0)
    }
    at = data
  }
  return packets.slice(2)
}
const opusenc = (dir: string, hertz: number, ...options: string[]) => {
  const wav = join(dir, 'in.wav'), opus = join(dir, 'out.opus')
  const tone = ['synth', '3', 'sine', String(hertz), 'vol', '0.5']
  execFileSync('sox', ['-n', '-r', '48000', '-c', '2', '-b', '16', wav, ...tone])
  execFileSync('opusenc', ['--quiet', ...options, wav, opus])
  return oggPackets(readFileSync(opus))
}
const portOf = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])
const formatsOf = (text: string) => /^m=audio \d+ RTP\/AVP (.*)\r$/m.exec(text)![1]!.split(' ')
const offers = (text: string, c: Codec) =>
  formatsOf(text).includes(String(c.type)) &&
  (c.type < 96 || text.toLowerCase().includes(`rtpmap:${c.type} ${c.name}/`))
const differences = (packets: Buffer[]) =>
  packets.slice(1).map((p, i) => [
    (p.readUInt16BE(2) - packets[i]!.readUInt16BE(2)) & 0xffff,
    (p.readUInt32BE(4) - packets[i]!.readUInt32BE(4)) >>> 0,
  ])

describe('transcoding', () => {
  let s: Strowger
  let made = 0
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const next = () => `+1800555${8100 + made++}`
  // A phone that has this codec and no other.
  const phone = async (c: Codec, rtp: Rtp) => {
    const p = await Peer.start({ media: rtp.port, formats: c.formats, attributes: c.attributes })
    p.invite = (r: Request) => [offers(r.text, c) ? 200 : 488]
    return p
  }
  class Side {
    constructor(public codec: Codec, public peer: Peer, public rtp: Rtp, public port: number) {}
    // Packets of a tone, or those given, every 20 ms or so, until it is stopped.
    talk(what: number | Buffer[], { step = this.codec.step, lost = 0, ms = 20 } = {}) {
      const packets = typeof what === 'number' ? encode(this.codec, sine(what)) : what
      let i = 0
      const began = Date.now()
      const timer = setInterval(() => {
        for (; i * ms <= Date.now() - began; i++)
          if (lost && i % lost === lost - 1) this.rtp.skip(step)
          else this.rtp.audio(this.port, packets[i % packets.length]!, this.codec.type, step)
      }, 10)
      return () => clearInterval(timer)
    }
    audio() {
      return this.rtp.of(this.codec.type)
    }
    heard(packets = 40) {
      return decode(this.codec, this.audio().slice(-packets).map((p) => p.subarray(12)))
    }
    async hears(hertz: number) {
      await until(`${hertz} Hz in ${this.codec.name}`, async () =>
        this.audio().length > 40 && share(await this.heard(), hertz) > 0.85)
    }
  }
  const call = async (near: Codec, far: Codec, more: object = {}) => {
    const number = next(), a = await Rtp.bind(), b = await Rtp.bind()
    const caller = await phone(near, a), target = await phone(far, b)
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id, ...more })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(dialog.status, 200)
    await target.first('ACK')
    const invite = target.of('INVITE').at(-1)!
    return {
      number, dialog, invite,
      caller: new Side(near, caller, a, portOf(dialog.text)),
      target: new Side(far, target, b, portOf(invite.text)),
    }
  }
  const recording = async (number: string) => {
    const c = await until('the recording', async () => {
      const found = (await s.api('GET', '/calls')).data.find(
        (x: any) => x.number === number && x.status === 'completed')
      const whole = found && (await s.api('GET', `/calls/${found.id}`))
      return whole?.recordings[0]?.status === 'ready' && whole
    })
    const path = join(s.dir, `${c.recordings[0].id}.wav`)
    const query = `recording_id=${c.recordings[0].id}`
    const r = await s.raw('GET', `/api/v1/calls/${c.id}/recording?${query}`)
    writeFileSync(path, Buffer.from(await r.arrayBuffer()))
    // the samples of a channel, so many seconds of them
    return (channel: number, from: number, length: number) => {
      const cut = ['remix', String(channel), 'trim', String(from), String(length)]
      const format = ['-t', 'raw', '-e', 'signed', '-b', '16', '-']
      const raw = execFileSync('sox', [path, ...format, ...cut], { maxBuffer: MAX })
      return Array.from({ length: raw.length / 2 }, (_, i) => raw.readInt16LE(i * 2))
    }
  }

  for (const [near, far] of [
    [OPUS, PCMU], [OPUS, PCMA], [OPUS, G722], [G722, PCMU], [G722, OPUS], [PCMU, OPUS],
    [PCMA, G722],
  ] as const)
    test(`a caller with ${near.name} and a target with ${far.name} hear each other`, async () => {
      const { caller, target, dialog } = await call(near, far)
      assert.equal(formatsOf(dialog.text)[0], String(near.type))
      const stops = [caller.talk(440), target.talk(660)]
      await target.hears(440)
      await caller.hears(660)
      for (const side of [caller, target])
        assert.deepEqual(differences(side.audio().slice(-20)), Array(19).fill([1, side.codec.step]))
      for (const stop of stops) stop()
      assert.equal(await dialog.request('BYE'), 200)
    })

  for (const c of [OPUS, G722])
    test(`${c.name} that both have is passed as it is`, async () => {
      const { caller, target, dialog } = await call(c, c)
      const marked = Buffer.alloc(60, 0x7e), stop = caller.talk([marked])
      await until('the packets', () => target.audio().length > 10)
      assert.ok(target.audio().every((p) => p.subarray(12).equals(marked)))
      stop()
      assert.equal(target.peer.of('INVITE').length, 1)
      await dialog.request('BYE')
    })

  test('a target that takes what it is offered is not offered more', async () => {
    const { target, dialog } = await call(PCMU, PCMU)
    assert.deepEqual(target.peer.of('INVITE').map((r) => formatsOf(r.text)), [['0', '8', '101']])
    await dialog.request('BYE')
  })

  test('Opus of another encoder, of any frame size and two channels, is heard', async () => {
    const { caller, target, dialog } = await call(OPUS, PCMU)
    for (const [i, ms] of [10, 20, 40, 60].entries()) {
      const hertz = 400 + 150 * i
      const packets = opusenc(s.dir, hertz, '--framesize', String(ms))
      const stop = caller.talk(packets, { step: 48 * ms, ms })
      target.rtp.packets = []
      await target.hears(hertz)
      stop()
      assert.ok(target.audio().every((p) => p.length === 172), 'packets of 20 ms')
    }
    await dialog.request('BYE')
  })

  test('what is lost of Opus is filled in', async () => {
    const { caller, target, dialog } = await call(OPUS, PCMU)
    const stop = caller.talk(encode(OPUS, sine(440, 30)), { lost: 10 })
    await target.hears(440)
    await sleep(300)
    target.rtp.packets = []
    await until('enough of it', () => target.audio().length > 60)
    assert.deepEqual(differences(target.audio().slice(0, 60)), Array(59).fill([1, 160]))
    const samples = await target.heard(50)
    const peaks = Array.from({ length: 50 }, (_, i) =>
      Math.max(...samples.slice(i * 160, i * 160 + 160).map(Math.abs)))
    assert.ok(Math.min(...peaks) > 500, `no gap: ${peaks.join()}`)
    assert.ok(share(samples, 440) > 0.7, `${share(samples, 440)}`)
    stop()
    await dialog.request('BYE')
  })

  test('a pause keeps its time', async () => {
    const { caller, target, dialog } = await call(OPUS, PCMU)
    const packets = encode(OPUS, sine(440))
    for (let i = 0; i < 10; i++) caller.rtp.audio(caller.port, packets[i]!, OPUS.type, 960)
    await until('what was said before', () => target.audio().length >= 10)
    // 120 ms of nothing (DTX): the sequence goes on without a gap
    caller.rtp.audio(caller.port, packets[16]!, OPUS.type, 7 * 960)
    await until('what is said after', () => target.audio().length >= 11)
    const [before, after] = target.audio().slice(9) as [Buffer, Buffer]
    assert.equal((after.readUInt32BE(4) - before.readUInt32BE(4)) >>> 0, 7 * 160)
    assert.ok(after[1]! & 128, 'marked')
    await dialog.request('BYE')
  })

  for (const [near, far] of [[OPUS, PCMU], [PCMU, OPUS], [G722, PCMU], [OPUS, G722]] as const)
    test(`keys of ${near.name} arrive at ${far.name}, as long as they were`, async () => {
      const { caller, target, dialog, invite } = await call(near, far)
      const keys = 101 // in the target's answer
      const stop = caller.talk(440)
      await target.hears(440)
      stop()
      const at = near.clock / 50
      // key 5, held for 200 ms
      for (let i = 1; i <= 10; i++) {
        const duration = i * at, payload = Buffer.from([5, 10, duration >> 8, duration & 255])
        caller.rtp.audio(caller.port, payload, 101, i === 1 ? at : 0)
      }
      const last = Buffer.from([5, 0x8a, (10 * at) >> 8, (10 * at) & 255])
      for (let i = 0; i < 3; i++) caller.rtp.audio(caller.port, last, 101, 0)
      await until('the key', () => target.rtp.of(keys).length === 13)
      const events = target.rtp.of(keys)
      assert.equal(new Set(events.map((p) => p.readUInt32BE(4))).size, 1, 'one timestamp')
      const durations = events.map((p) => p.readUInt16BE(14))
      const ticks = [...Array.from({ length: 10 }, (_, i) => i + 1), 10, 10, 10]
      assert.deepEqual(durations, ticks.map((t) => (t * far.clock) / 50))
      assert.deepEqual(events.map((p) => p[13]! >> 7), [...Array(10).fill(0), 1, 1, 1])
      assert.ok(offers(invite.text, far))
      await dialog.request('BYE')
    })

  for (const c of [OPUS, G722])
    test(`a caller with ${c.name} alone hears, presses keys and leaves a message`, async () => {
      const number = next(), rtp = await Rtp.bind(), peer = await phone(c, rtp)
      const prompt = await s.api('POST', '/prompts', { name: `Tone ${number}` })
      const wav = join(s.dir, 'prompt.wav')
      execFileSync('sox', ['-n', '-r', '8000', wav, 'synth', '8', 'sine', '500', 'vol', '0.5'])
      const { status } = await fetch(`${s.url}/api/v1/prompts/${prompt.id}/audio`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${s.key}` },
        body: new Uint8Array(readFileSync(wav)),
      })
      assert.equal(status, 200)
      const menu = { prompt: { prompt_id: prompt.id }, options: [{ key: '7', port: 'seven' }] }
      const nodes = [
        { id: 'm', type: 'menu', config: menu },
        { id: 'v', type: 'voicemail', config: { prompt: { text: 'Go.' } } },
      ]
      const edges: [string, string, string][] = [['start', 'next', 'm'], ['m', 'seven', 'v']]
      const flow = await s.flow(`Flow ${number}`, nodes, edges)
      await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
      const dialog = await peer.call(s.sip, `sip:${number}@127.0.0.1`)
      assert.equal(dialog.status, 200)
      assert.deepEqual(formatsOf(dialog.text), [String(c.type), '101'])
      const side = new Side(c, peer, rtp, portOf(dialog.text))
      await side.hears(500)
      const duration = c.clock / 10
      rtp.audio(side.port, Buffer.from([7, 0x8a, duration >> 8, duration & 255]), 101, c.step)
      await until('the beep', async () => side.audio().length > 20 && share(await side.heard(15), 1000) > 0.85)
      const stop = side.talk(750)
      await sleep(2500)
      stop()
      assert.equal(await dialog.request('BYE'), 200)
      const samples = (await recording(number))(1, 0.8, 1)
      assert.ok(share(samples, 750) > 0.85, `${share(samples, 750)}`)
      assert.equal(peer.of('INVITE').length, 0)
      rtp.close()
    })

  for (const [near, far] of [[OPUS, PCMU], [OPUS, OPUS], [PCMU, G722]] as const)
    test(`a recorded call of ${near.name} and ${far.name} has both sides`, async () => {
      const { caller, target, dialog, number } = await call(near, far, { recording: true })
      const stops = [caller.talk(440), target.talk(660)]
      await target.hears(440)
      await caller.hears(660)
      await sleep(2000)
      for (const stop of stops) stop()
      assert.equal(await dialog.request('BYE'), 200)
      const channel = await recording(number)
      assert.ok(share(channel(1, 1, 1), 440) > 0.85, 'the caller')
      assert.ok(share(channel(2, 1, 1), 660) > 0.85, 'the target')
    })

  test('who is held hears the music in Opus', async () => {
    const music = await s.api('POST', '/prompts', { name: 'Music' })
    const wav = join(s.dir, 'music.wav')
    execFileSync('sox', ['-n', '-r', '8000', wav, 'synth', '1', 'sine', '900', 'vol', '0.5'])
    await fetch(`${s.url}/api/v1/prompts/${music.id}/audio`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${s.key}` },
      body: new Uint8Array(readFileSync(wav)),
    })
    await s.api('PATCH', '/organization', { hold_music_prompt_id: music.id })
    const { caller, target, dialog } = await call(OPUS, PCMU)
    const body = target.peer.sdp().replace('a=sendrecv', 'a=inactive')
    assert.equal(await target.peer.within('INVITE', { body }), 200)
    await caller.hears(900)
    await s.api('PATCH', '/organization', { hold_music_prompt_id: null })
    await dialog.request('BYE')
  })

  for (const [name, formats, attributes] of [
    ['G.729', '18', []],
    ['AMR', '97', ['a=rtpmap:97 AMR/8000']],
  ] as const)
    test(`${name} alone is refused with the reason, of a caller and of a target`, async () => {
      const rtp = await Rtp.bind()
      const caller = await Peer.start({ media: rtp.port, formats, attributes: [...attributes] })
      const target = await phone(PCMU, rtp), number = next()
      const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
      await s.campaign(number, { routing_plan_id: plan.id })
      const { status, text } = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
      assert.equal(status, 488)
      assert.match(text, /^Reason: SIP;cause=488;text="None of PCMU, PCMA, G722 and opus is/m)
      const other = next(), deaf = await phone(codec(name, 8000, 18), rtp)
      const second = await s.plan(`Plan ${other}`, [{ uri: deaf.uri }])
      await s.campaign(other, { routing_plan_id: second.id })
      const near = await phone(PCMU, rtp)
      assert.equal((await near.call(s.sip, `sip:${other}@127.0.0.1`)).status, 488)
      const [first, again] = deaf.of('INVITE').map((r) => formatsOf(r.text).join(' '))
      assert.deepEqual([first, deaf.of('INVITE').length], ['0 8 101', 2])
      assert.match(again!, /^0 8 101 96 9/)
      rtp.close()
    })
})
