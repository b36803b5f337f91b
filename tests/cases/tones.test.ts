// DTMF digits between two sides that send and want them in different ways: tones in the audio
// (ITU-T Q.23), telephone-event (RFC 4733) and INFO.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear, power } from '../e2e/caller.ts'
import { Strowger, sleep, until } from '../e2e/harness.ts'
import { Endpoint, bodyOf, field, type Answer } from './sip_endpoint.ts'

const rows = [697, 770, 852, 941], columns = [1209, 1336, 1477, 1633]
const pad = '123A456B789C*0#D', events = '0123456789*#ABCD'
const pcmu = 0, pcma = 8, event = 101
const withEvents = { type: event }

const encode = (sample: number) => {
  const sign = sample < 0 ? 0x80 : 0, s = Math.min(Math.abs(sample), 32635) + 132
  const exponent = Math.floor(Math.log2(s)) - 7
  return ~(sign | (exponent << 4) | ((s >> (exponent + 3)) & 15)) & 0xff
}
// A-law (ITU-T G.711), to and fro.
const encodeA = (sample: number) => {
  const s = Math.min(Math.abs(sample), 32767) >> 4
  const exponent = s < 16 ? 0 : Math.floor(Math.log2(s)) - 3
  const code = exponent ? (exponent << 4) | ((s >> (exponent - 1)) & 15) : s
  return (code | (sample < 0 ? 0 : 0x80)) ^ 0x55
}
const linearA = (code: number) => {
  const c = code ^ 0x55, exponent = (c >> 4) & 7, m = c & 15
  const s = exponent ? (m * 2 + 33) << (exponent + 2) : (m * 2 + 1) << 3
  return c & 0x80 ? s : -s
}

// Samples of a digit's tones; frames of 20 ms, the first one may begin within a frame.
const tones = (key: string, samples: number, loud = 0.25) => {
  const at = pad.indexOf(key), low = rows[at >> 2]!, high = columns[at & 3]!
  return Array.from({ length: samples }, (_, i) => {
    const t = (2 * Math.PI * i) / 8000
    return Math.round(32000 * loud * (Math.sin(low * t) + Math.sin(high * t)))
  })
}
const silence = (samples: number) => new Array<number>(samples).fill(0)
const frames = (samples: number[], codec = pcmu) => {
  const code = codec === pcma ? encodeA : encode
  return Array.from({ length: Math.floor(samples.length / 160) }, (_, f) =>
    Uint8Array.from(samples.slice(f * 160, f * 160 + 160), code),
  )
}
const samplesOf = (p: Buffer) =>
  [...p.subarray(12)].map((p[1]! & 127) === pcma ? linearA : linear)
const sounds = (p: Buffer) => {
  const samples = samplesOf(p)
  const strong = (list: number[]) => list.filter((f) => power(samples, f) > 2e5)
  return strong(rows).length > 0 && strong(columns).length > 0
}
const digitOf = (p: Buffer) => {
  const samples = samplesOf(p)
  const best = (list: number[]) =>
    list.reduce((a, f, i) => (power(samples, f) > power(samples, list[a]!) ? i : a), 0)
  return pad[best(rows) * 4 + best(columns)]!
}
const sequence = (p: Buffer) => p.readUInt16BE(2)
const timestamp = (p: Buffer) => p.readUInt32BE(4)
const marked = (p: Buffer) => p[1]! > 127

// The digits of events, one for each timestamp.
const digitsOf = (packets: Buffer[]) =>
  [...new Map(packets.map((p) => [timestamp(p), events[p[12]!]!])).values()].join('')

const sdpOf = (port: number, { codec = pcmu, type = 0 } = {}) =>
  [
    'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0',
    `m=audio ${port} RTP/AVP ${codec}${type ? ` ${type}` : ''}`,
    ...(type ? [`a=rtpmap:${type} telephone-event/8000`] : []), '',
  ].join('\r\n')
const portOf = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])

// A key as RFC 4733 has it, 20 ms a packet.
const press = async (rtp: Rtp, port: number, key: string) => {
  const packet = (end: boolean, duration: number) =>
    Uint8Array.from([events.indexOf(key), (end ? 0x80 : 0) | 10, duration >> 8, duration & 255])
  for (let n = 1; n <= 5; n++) {
    rtp.audio(port, packet(false, n * 160), event, n === 1 ? 160 : 0)
    await sleep(20)
  }
  for (let n = 0; n < 3; n++) rtp.audio(port, packet(true, 800), event, 0)
  rtp.skipSamples(800)
}

describe('DTMF digits between two sides', () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  interface Media { codec?: number; type?: number }
  // A call between two sides, each with its audio. target: further fields of the target.
  const talk = async (near: Media, far: Media, target: object = {}, answer?: Answer[]) => {
    const number = `+1800555${6400 + made++}`
    const caller = await Endpoint.bind(), a = await Rtp.bind(), b = await Rtp.bind()
    const callee = await Endpoint.bind((text) =>
      text.startsWith('INVITE')
        ? [{ status: 200, body: sdpOf(b.port, far) }]
        : (answer ?? [{ status: 200 }]),
    )
    const uri = `sip:127.0.0.1:${callee.port}`
    const plan = await s.plan(`Plan ${number}`, [{ uri, ...target }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = caller.call(s.sip, number, { body: sdpOf(a.port, near) })
    const answered = await dialog.answered()
    const invite = await callee.request('INVITE')
    await callee.request('ACK')
    const end = async () => {
      await dialog.ask('BYE')
      await callee.request('BYE')
      a.close()
      b.close()
    }
    return {
      caller, callee, dialog, end, other: callee.dialog(invite),
      near: a, far: b, toNear: portOf(answered), toFar: portOf(invite),
    }
  }
  // As a side speaks: a frame each 20 ms.
  const say = async (rtp: Rtp, port: number, list: Uint8Array[], codec = pcmu) => {
    for (const frame of list) {
      rtp.audio(port, frame, codec)
      await sleep(20)
    }
  }

  for (const [name, codec, starts, loud] of [
    ['PCMU', pcmu, 0, 0.25],
    ['PCMA', pcma, 0, 0.25],
    ['a tone that begins within a packet', pcmu, 90, 0.25],
    ['a faint line', pcmu, 40, 0.04],
  ] as const)
    test(`tones become events, and are left out of the audio: ${name}`, async () => {
      const t = await talk({ codec }, withEvents)
      const speech = [...silence(480 + starts)]
      for (const key of '1590#AD**')
        speech.push(...tones(key, 640, loud), ...silence(key === '*' ? 640 : 560))
      speech.push(...silence(2400))
      await say(t.near, t.toNear, frames(speech, codec), codec)
      const heard = t.far.of(event)
      assert.equal(digitsOf(heard), '1590#AD**')
      const audio = t.far.of(pcmu)
      const runs = audio.map(sounds)
      assert.ok(!runs.some((r, i) => r && runs[i + 1]), 'no 40 ms of a tone pass')
      await t.end()
    })

  test('tones of the target become events at the caller', async () => {
    const t = await talk(withEvents, {})
    const speech = [...'4422'].flatMap((key) => [...tones(key, 800), ...silence(800)])
    await say(t.far, t.toFar, frames([...speech, ...silence(1600)]))
    assert.equal(digitsOf(t.near.of(event)), '4422')
    await t.end()
  })

  test('a tone that is held is one digit, and none of it passes', async () => {
    const t = await talk({}, withEvents)
    await say(t.near, t.toNear, frames([...tones('7', 8000), ...silence(2400)]))
    assert.equal(digitsOf(t.far.of(event)), '7')
    assert.ok(t.far.of(pcmu).filter(sounds).length <= 1)
    await t.end()
  })

  test('events from tones are well formed: one timestamp a digit, three ends', async () => {
    const t = await talk({}, withEvents)
    const speech = [...'18'].flatMap((key) => [...tones(key, 800), ...silence(1600)])
    await say(t.near, t.toNear, frames([...silence(800), ...speech, ...silence(1600)]))
    const packets = t.far.of(event)
    assert.equal(packets.length, 14)
    for (const key of [packets.slice(0, 7), packets.slice(7)]) {
      assert.equal(new Set(key.map(timestamp)).size, 1)
      assert.deepEqual(key.map(marked), [true, ...new Array(6).fill(false)])
      assert.deepEqual(key.map((p) => p[13]! >> 7), [0, 0, 0, 0, 1, 1, 1])
      assert.deepEqual(
        key.map((p) => p.readUInt16BE(14)), [160, 320, 480, 640, 800, 800, 800])
    }
    const all = t.far.packets
    for (const [i, p] of all.entries())
      if (i) assert.equal((sequence(p) - sequence(all[i - 1]!)) & 0xffff, 1)
    const between = timestamp(packets[7]!) - timestamp(packets[0]!)
    // A digit of 100 ms and a pause of 100 ms at least; how long the sender's timers took is not known.
    assert.ok(between >= 1600 && between < 16000, `${between} samples between two digits`)
    await t.end()
  })

  test('tones between two sides that know no events stay in the audio', async () => {
    const t = await talk({}, {})
    await say(t.near, t.toNear, frames([...tones('6', 1600), ...silence(800)]))
    assert.ok(t.far.of(pcmu).filter(sounds).length >= 9)
    assert.deepEqual(t.callee.of('INFO'), [])
    await t.end()
  })

  test('speech passes unchanged where tones are listened for', async () => {
    const t = await talk({}, withEvents)
    const voice = Array.from({ length: 8000 }, (_, i) =>
      Math.round([180, 360, 540, 900, 1500, 2500].reduce(
        (sum, f, n) => sum + (5000 / (n + 1)) * Math.sin((2 * Math.PI * f * i) / 8000 + n), 0)))
    const sent = frames(voice)
    await say(t.near, t.toNear, sent)
    await until('all of it', () => t.far.of(pcmu).length >= sent.length)
    const bytes = (list: Uint8Array[]) => Buffer.concat(list).toString('hex')
    assert.equal(bytes(t.far.of(pcmu).map((p) => p.subarray(12))), bytes(sent))
    assert.deepEqual(t.far.of(event), [])
    await t.end()
  })

  // What the far side hears of a near one that speaks before, between and after its digits.
  const generated = async (keys: string, codec = pcmu) => {
    const t = await talk(withEvents, { codec })
    const speak = (count: number) => say(t.near, t.toNear, frames(silence(160 * count)))
    await speak(12)
    for (const key of keys) {
      await press(t.near, t.toNear, key)
      await speak(2)
    }
    await speak(7 * keys.length + 20)
    await t.end()
    return t.far.of(codec)
  }

  for (const codec of [pcmu, pcma])
    test(`generated tones continue the stream, payload type ${codec}`, async () => {
      const packets = await generated('55*', codec)
      for (const [i, p] of packets.entries()) {
        if (!i) continue
        assert.equal((sequence(p) - sequence(packets[i - 1]!)) & 0xffff, 1, `sequence at ${i}`)
        const step = (timestamp(p) - timestamp(packets[i - 1]!)) >>> 0
        // The clocks of the tests' timers and the server's differ by some frames.
        assert.ok(step === 160 || (marked(p) && step < 8000), `timestamp step ${step} at ${i}`)
      }
      const steps = packets.slice(1).map((p, i) => (timestamp(p) - timestamp(packets[i]!)) >>> 0)
      assert.ok(steps.filter((x) => x !== 160).length <= 3, `${steps}`)
    })

  test('generated tones last 100 ms each, with 100 ms of silence after each', async () => {
    const packets = await generated('5512')
    const loud = packets.map(sounds)
    const runs: { digit: string; from: number; length: number }[] = []
    loud.forEach((is, i) => {
      if (is && !loud[i - 1]) runs.push({ digit: digitOf(packets[i]!), from: i, length: 0 })
      if (is) runs.at(-1)!.length++
    })
    assert.equal(runs.map((r) => r.digit).join(''), '5512')
    for (const [i, r] of runs.entries()) {
      assert.equal(r.length, 5, `length of ${r.digit}`)
      const gap = (runs[i + 1]?.from ?? packets.length) - r.from - r.length
      assert.ok(gap >= 5, `${gap} packets after ${r.digit}`)
      for (const p of packets.slice(r.from + 5, r.from + 10))
        assert.ok(samplesOf(p).every((x) => Math.abs(x) <= 8), 'silence')
    }
  })

  test('timestamps of digits count the time between them, though nothing is sent', async () => {
    for (const far of [{}, withEvents]) {
      const t = await talk({}, far)
      const came: number[] = [], packets: Buffer[] = []
      t.far.socket.on('message', (m) => {
        came.push(performance.now())
        packets.push(m)
      })
      const key = (k: string) =>
        t.dialog.ask('INFO', {
          headers: ['Content-Type: application/dtmf-relay'], body: `Signal=${k}`,
        })
      await key('3')
      await sleep(1200)
      await key('3')
      await sleep(600)
      const starts = packets
        .map((p, i) => ({ p, at: came[i]! }))
        .filter(({ p }, i) => !i || came[i]! - came[i - 1]! > 500)
      assert.equal(starts.length, 2)
      const [one, two] = starts as [(typeof starts)[0], (typeof starts)[0]]
      const counted = ((timestamp(two.p) - timestamp(one.p)) >>> 0) / 8
      assert.ok(counted > 1000, `${counted} of ${two.at - one.at} ms`)
      assert.ok(marked(two.p))
      await t.end()
    }
  })

  const infos = (e: Endpoint) => e.of('INFO').map(bodyOf)
  const relay = (keys: string) => [...keys].map((k) => `Signal=${k}\r\nDuration=160\r\n`)

  test('go by INFO where the target wants it: from events, tones and INFO', async () => {
    const ways: [string, Media, (t: Awaited<ReturnType<typeof talk>>) => Promise<unknown>][] = [
      ['events', withEvents, async (t) => {
        for (const key of '1*D') await press(t.near, t.toNear, key)
      }],
      ['tones', {}, (t) => {
        const keys = [...'1*D'].flatMap((k) => [...tones(k, 800), ...silence(800)])
        return say(t.near, t.toNear, frames([...keys, ...silence(1600)]))
      }],
    ]
    for (const [name, near, send] of ways) {
      const t = await talk(near, withEvents, { dtmf: 'info' })
      await send(t)
      await until(`INFO from ${name}`, () => infos(t.callee).length >= 3)
      assert.deepEqual(infos(t.callee), relay('1*D'), name)
      for (const text of t.callee.of('INFO'))
        assert.equal(field(text, 'Content-Type'), 'application/dtmf-relay')
      assert.deepEqual(t.far.of(event), [], 'no event goes beside')
      const loud = t.far.of(pcmu).map(sounds)
      assert.ok(!loud.some((x, i) => x && loud[i + 1]), 'nor a tone')
      await t.end()
    }
    const target = await Endpoint.bind((text) =>
      text.startsWith('INVITE') ? [{ status: 200, body: sdpOf(9, {}) }] : [{ status: 200 }])
    const uri = `sip:127.0.0.1:${target.port}`, number = `+1800555${6400 + made++}`
    const plan = await s.plan('INFO to INFO', [{ uri, dtmf: 'info' }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const c = await Caller.invite(s, number), near = await Rtp.bind()
    await c.offer(near.port)
    await target.request('ACK')
    for (const k of '90#') await c.info(k)
    await until('INFO', () => infos(target).length >= 3)
    assert.deepEqual(infos(target), relay('90#'))
    await c.bye()
    near.close()
  })

  test('INFO goes one at a time, and the next one though one is refused', async () => {
    const t = await talk(withEvents, {}, { dtmf: 'info' }, [])
    for (const key of '123') await press(t.near, t.toNear, key)
    await t.callee.request('INFO')
    await sleep(700)
    assert.deepEqual(infos(t.callee), relay('1'))
    t.callee.later(t.callee.of('INFO')[0]!, { status: 415 })
    await t.callee.request('INFO', 2)
    assert.deepEqual(infos(t.callee), relay('12'))
    t.callee.later(t.callee.of('INFO')[1]!, { status: 200 })
    await t.callee.request('INFO', 3)
    assert.deepEqual(infos(t.callee), relay('123'))
    t.callee.later(t.callee.of('INFO')[2]!, { status: 200 })
    t.callee.answer = () => [{ status: 200 }]
    await t.end()
  })

  test('go by INFO to the caller where its trunk says so', async () => {
    const trunks = (await s.api('GET', '/trunks')).data
    const { id, dtmf } = trunks.find((t: any) => t.name === 'loopback')
    assert.equal(dtmf, 'auto')
    await s.api('PATCH', `/trunks/${id}`, { dtmf: 'info' })
    try {
      const t = await talk(withEvents, withEvents)
      for (const key of '28') await press(t.far, t.toFar, key)
      await until('INFO', () => infos(t.caller).length >= 2)
      assert.deepEqual(infos(t.caller), relay('28'))
      assert.deepEqual(t.near.of(event), [])
      await t.end()
    } finally {
      await s.api('PATCH', `/trunks/${id}`, { dtmf: 'auto' })
    }
  })

  test('go as tones to a target that wants them, though its SDP has events', async () => {
    const t = await talk(withEvents, withEvents, { dtmf: 'inband' })
    await press(t.near, t.toNear, '6')
    const tone = () => t.far.of(pcmu).filter(sounds)
    await until('the tone', () => tone().length >= 5)
    assert.deepEqual(new Set(tone().map(digitOf)), new Set('6'))
    assert.deepEqual(t.far.of(event), [])
    await say(t.far, t.toFar, frames([...tones('0', 800), ...silence(2400)]))
    assert.equal(digitsOf(t.near.of(event)), '0', 'its tones are understood, too')
    await t.end()
  })

  test('a way that there is not is refused', async () => {
    await assert.rejects(
      s.api('POST', '/trunks', { name: 'no such way', dtmf: 'rfc2833' }), /"pointer":"\/dtmf"/)
  })
})
