// Recordings and voicemail, listened to with sox.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Rtp, linear, power } from './caller.ts'
import { Peer } from './peer.ts'
import { Receiver, Sipp, Strowger, join, until } from './harness.ts'

const sox = (...args: string[]) => execFileSync('sh', ['-c', `sox ${args.join(' ')} 2>&1`], { encoding: 'utf8' })
const frequency = (wav: string, ...effects: string[]) => Number(/Rough +frequency: +(\d+)/.exec(sox(wav, '-n', ...effects, 'stat'))![1])
const loudness = (wav: string, ...effects: string[]) => Number(/RMS +amplitude: +([\d.]+)/.exec(sox(wav, '-n', ...effects, 'stat'))![1])
const seconds = (wav: string) => Number(execFileSync('soxi', ['-D', wav]).toString())
const near = (value: number, wanted: number, by: number, what: string) => assert.ok(Math.abs(value - wanted) <= by, `${what}: ${value}, not ${wanted}`)
// How long the caller and the target were connected: a caller may hang up late on a busy machine.
const talked = (call: any) => (Date.parse(call.ended_at) - Date.parse(call.connected_at)) / 1000

describe('recordings', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const tone = (name: string, hertz: number, length: number) => {
    const path = join(s.dir, `${name}.wav`)
    execFileSync('sox', ['-n', '-r', '8000', path, 'synth', String(length), 'sine', String(hertz), 'vol', '0.5'])
    return path
  }
  const fetched = async (call: any, id: string) => {
    const r = await s.raw('GET', `/api/v1/calls/${call.id}/recording?recording_id=${id}`)
    assert.equal(r.status, 200, r.status === 200 ? '' : await r.text())
    const { format, encrypted } = (await s.api('GET', `/calls/${call.id}`)).recordings.find((x: any) => x.id === id)
    assert.equal(r.headers.get('content-type'), format === 'opus' ? 'audio/ogg' : 'audio/wav')
    const path = join(s.dir, `${id}.wav`), bytes = Buffer.from(await r.arrayBuffer()), stored = readFileSync(join(s.data, 'recordings', `${id}.${format}`))
    assert.equal(Number(r.headers.get('content-length')), bytes.length)
    assert.equal(bytes.subarray(0, 4).toString(), format === 'opus' ? 'OggS' : 'RIFF')
    assert.equal(stored.equals(bytes), !encrypted)
    for (const word of ['OggS', 'RIFF', 'WAVE', 'Opus']) assert.ok(!encrypted || !stored.includes(word), `${word} can be read on the disk`)
    writeFileSync(format === 'opus' ? `${path}.opus` : path, bytes)
    if (format === 'opus') execFileSync('opusdec', ['--quiet', '--rate', '8000', `${path}.opus`, path])
    return path
  }
  const ready = (number: string, count = 1): Promise<any> =>
    until('the recording', async () => {
      const found = (await s.api('GET', '/calls')).data.find((c: any) => c.number === number && c.status === 'completed')
      const call = found && (await s.api('GET', `/calls/${found.id}`))
      return call && call.recordings.length === count && call.recordings.every((r: any) => r.status === 'ready') && call
    })
  const inputs = async (call: any, kind: string) => (await s.api('GET', `/calls/${call.id}/trace`)).data.filter((e: any) => e.input === kind)

  test('a caller who hangs up has left a message, which is told and can be heard', async () => {
    const receiver = await Receiver.start()
    await s.api('POST', '/outgoing-webhooks', { name: 'Messages', url: `${receiver.url}/`, event_types: ['voicemail.received'] })
    const flow = await s.flow('Voicemail', [{ id: 'v', type: 'voicemail', config: { prompt: { text: 'Leave a message.' } } }], [['start', 'next', 'v']])
    await s.campaign('+18005550601', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call('+18005550601', ['--play', tone('message', 700, 20), '--duration', '10'])
    const call = await ready('+18005550601')
    const [recording] = call.recordings
    assert.equal(recording.kind, 'voicemail')
    const wav = await fetched(call, recording.id)
    near(frequency(wav), 700, 20, 'Hz')
    assert.match(execFileSync('soxi', ['-c', wav]).toString(), /1/)
    assert.ok(seconds(wav) > 2 && seconds(wav) < 10, `${seconds(wav)} s`)
    near(recording.duration_seconds, seconds(wav), 0.6, 'seconds')
    const [told] = await until('the event', async () => receiver.requests.length && receiver.requests)
    const event = JSON.parse(told.body)
    assert.deepEqual([event.type, event.data.recording_id, event.data.call.id], ['voicemail.received', recording.id, call.id])
    assert.equal((await s.raw('GET', event.data.path)).status, 200)
    receiver.stop()

    const part = await s.raw('GET', event.data.path, undefined, { range: 'bytes=8-11' })
    assert.deepEqual([part.status, part.headers.get('content-range')?.split('/')[0], await part.text()], [206, 'bytes 8-11', 'WAVE'])
    assert.equal((await (await s.raw('GET', event.data.path, undefined, { range: 'bytes=-100' })).arrayBuffer()).byteLength, 100)
    for (const range of ['bytes=9999999-', 'bytes=5-3', 'lines=1-2']) assert.equal((await s.raw('GET', event.data.path, undefined, { range })).status, 416, range)

    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Others', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, other)).status === 200)
    assert.equal((await s.raw('GET', event.data.path, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('DELETE', event.data.path, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('GET', `/api/v1/calls/${call.id}/recording/peaks`, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('GET', `/api/v1/calls/${call.id}/recording/peaks?points=0`)).status, 400)
    assert.equal((await s.raw('GET', `/api/v1/calls/${call.id}/recording`)).status, 200)
    assert.equal((await s.raw('DELETE', event.data.path)).status, 204)
    assert.equal((await s.raw('GET', event.data.path)).status, 404)
    assert.ok(!existsSync(join(s.data, 'recordings', `${recording.id}.wav`)))
    assert.deepEqual((await s.api('GET', `/calls/${call.id}`)).recordings, [])
  })

  test('a key ends a message, silence ends it, and one without a word is thrown away', async () => {
    const nodes = (config: object) => [{ id: 'v', type: 'voicemail', config }, { id: 'b', type: 'play', config: { prompt: { text: 'Thank you.' } } }]
    const edges: [string, string, string][] = [['start', 'next', 'v'], ['v', 'next', 'b']]
    const key = await s.flow('Key', nodes({ finish_key: '9' }), edges)
    const silence = await s.flow('Silence', nodes({ silence_seconds: 2, prompt: { text: 'One.' } }), edges)
    const time = await s.flow('Time', nodes({ max_seconds: 2 }), edges)
    await s.campaign('+18005550602', { execution_mode: 'call_flow', call_flow_id: key.id })
    await s.campaign('+18005550603', { execution_mode: 'call_flow', call_flow_id: silence.id })
    await s.campaign('+18005550604', { execution_mode: 'call_flow', call_flow_id: time.id })
    const talk = tone('talk', 500, 4)
    await Promise.all([
      s.call('+18005550602', ['--play', talk, '--dtmf', 'wwww9']),
      s.call('+18005550603', ['--play', talk]),
      s.call('+18005550603', ['--from', '+15125550155']),
      s.call('+18005550604', ['--play', talk]),
    ])
    const ended = async (call: any) => (await inputs(call, 'recorded')).map((e: any) => e.ended_by)
    const byKey = await ready('+18005550602'), byTime = await ready('+18005550604')
    assert.deepEqual([await ended(byKey), await ended(byTime)], [['key'], ['time']])
    near(byTime.recordings[0].duration_seconds, 2, 1, 'seconds')
    const bySilence = await s.lastCall((c) => c.number === '+18005550603' && c.caller_id === '+15125550199')
    assert.deepEqual([await ended(bySilence), bySilence.recordings.length], [['silence'], 1])
    const wordless = await s.lastCall((c) => c.number === '+18005550603' && c.caller_id === '+15125550155')
    assert.deepEqual([await ended(wordless), wordless.recordings], [['silence'], []])
    const step = (await s.api('GET', `/calls/${wordless.id}/trace`)).data.find((e: any) => e.kind === 'step' && e.node === 'v')
    assert.match(step.detail, /nothing was said/)
    for (const call of [byKey, bySilence, wordless]) {
      const again = await s.api('POST', `/call-flows/${call.call_flow_id}/replay`, { call_id: call.id, version: 1 })
      assert.ok(again.same, JSON.stringify(again.parts))
    }
    const sim = await s.api('POST', `/call-flows/${key.id}/simulate`, { voicemail_seconds: 7 })
    assert.deepEqual(sim.steps.map((e: any) => e.node), ['start', 'v', 'b'])
    assert.match(sim.steps[1].detail, /7 s were recorded/)
  })

  test('record nodes keep both sides apart, and pause hides what is said', async () => {
    const prompt = await s.api('POST', '/prompts', { name: 'a tone' })
    const up = await fetch(`${s.url}/api/v1/prompts/${prompt.id}/audio`, { method: 'PUT', headers: { authorization: `Bearer ${s.key}`, 'content-type': 'audio/wav' }, body: (await import('node:fs')).readFileSync(tone('prompt', 600, 2)) })
    assert.equal(up.status, 200)
    const play = (id: string) => ({ id, type: 'play', config: { prompt: { prompt_id: prompt.id } } })
    const record = (id: string, action: string) => ({ id, type: 'record', config: { action } })
    const flow = await s.flow('Both sides', [record('r1', 'start'), play('p1'), record('r2', 'pause'), play('p2'), record('r3', 'resume'), play('p3'), record('r4', 'stop'), play('p4')],
      [['start', 'next', 'r1'], ['r1', 'next', 'p1'], ['p1', 'next', 'r2'], ['r2', 'next', 'p2'], ['p2', 'next', 'r3'], ['r3', 'next', 'p3'], ['p3', 'next', 'r4'], ['r4', 'next', 'p4']])
    await s.campaign('+18005550605', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call('+18005550605', ['--play', tone('caller', 400, 20)])
    const call = await ready('+18005550605')
    assert.equal(call.recordings[0].kind, 'call')
    const wav = await fetched(call, call.recordings[0].id)
    near(seconds(wav), 6, 0.8, 'seconds')
    near(frequency(wav, 'remix', '1', 'trim', '0.5', '1'), 400, 15, 'the caller')
    near(frequency(wav, 'remix', '2', 'trim', '0.5', '1'), 600, 20, 'what the caller hears')
    for (const side of ['1', '2']) {
      assert.ok(loudness(wav, 'remix', side, 'trim', '2.5', '1') < 0.01, 'the pause is silent')
      assert.ok(loudness(wav, 'remix', side, 'trim', '4.6', '1') > 0.1, 'after it is not')
    }
    const peaks = await s.api('GET', `/calls/${call.id}/recording/peaks?points=60`)
    near(peaks.duration_seconds, seconds(wav), 0.01, 'seconds')
    assert.equal(peaks.channels.length, 2)
    for (const channel of peaks.channels) {
      assert.equal(channel.length, 60)
      const at = (second: number) => channel[Math.floor((second / peaks.duration_seconds) * 60)]
      assert.ok(at(1) > 0.1 && at(3) < 0.01 && at(5) > 0.1, channel.join())
    }
  })

  test('conversations are recorded by a dial node or a whole campaign', async () => {
    const target = await Sipp.answer('answer_pcma.xml', ['-rtp_echo'])
    const plan = await s.plan('Echo', [{ uri: target.uri }])
    const flow = await s.flow('Recorded dial', [{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id }, record: true } }], [['start', 'next', 'd']])
    await s.campaign('+18005550606', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.campaign('+18005550607', { routing_plan_id: plan.id, recording: true })
    await s.campaign('+18005550608', { routing_plan_id: plan.id })
    const talk = tone('conversation', 650, 5)
    await Promise.all(['+18005550606', '+18005550607', '+18005550608'].map((n) => s.call(n, ['--play', talk, '--duration', '3'])))
    for (const number of ['+18005550606', '+18005550607']) {
      const call = await ready(number)
      const wav = await fetched(call, call.recordings[0].id)
      near(seconds(wav), talked(call), 0.6, `${number} seconds`)
      for (const side of ['1', '2']) near(frequency(wav, 'remix', side, 'trim', '1', '1.5'), 650, 20, `${number} side ${side}`)
      await until('recording.ready', async () => (await s.api('GET', `/calls/${call.id}/events`)).data.some((e: any) => e.type === 'recording.ready' && e.data.recording_id === call.recordings[0].id))
    }
    assert.deepEqual((await s.lastCall((c) => c.number === '+18005550608')).recordings, [])
    target.stop()
  })

  test('a campaign has a tone tell both sides that they are recorded', async () => {
    // Who is called says nothing, and so nothing but the tone comes; the other is listened to packet by packet.
    const target = await Sipp.answer('answer.xml'), far = await Rtp.bind(), peer = await Peer.start({ media: far.port })
    const silent = await s.plan('Silent', [{ uri: target.uri }]), plan = await s.plan('Listens', [{ uri: peer.uri }])
    await s.campaign('+18005550610', { routing_plan_id: silent.id, recording: true, recording_beep: true })
    await s.campaign('+18005550611', { routing_plan_id: plan.id, recording: true, recording_beep: true })
    const heard = join(s.dir, 'heard.wav')
    await Promise.all([s.call('+18005550610', ['--record', heard, '--duration', '17']), s.call('+18005550611', ['--play', tone('low', 300, 20), '--duration', '3'])])
    const alone = await fetched(await ready('+18005550610'), (await ready('+18005550610')).recordings[0].id)
    for (const [at, length] of [[0.05, 0.12], [0.3, 14.4], [15.05, 0.12], [15.3, 1]] as const) {
      const there = length === 0.12, part = ['remix', '2', 'trim', String(at), String(length)]
      if (there) near(frequency(alone, ...part), 1331, 15, `the tone at ${at} s`) // what sox makes of 1400 Hz at this rate
      else assert.ok(loudness(alone, ...part) < 0.005, `silence at ${at} s`)
    }
    assert.ok(loudness(heard) > 0.001, 'the caller hears it')
    const powers = far.of(0).map((p) => power([...p.subarray(12)].map(linear), 1400)), most = Math.max(...powers)
    assert.ok(most > 1e5, 'there is a tone')
    const told = powers.map((p) => p > most / 10) // a gap in the other sound has a little of every frequency
    assert.ok(told.length > 100 && told.slice(20).every((t) => !t), 'the other side hears it at the beginning')
    assert.ok(told.filter(Boolean).length >= 7 && told.filter(Boolean).length <= 11, `for 200 ms: ${told.filter(Boolean).length} packets`)
    far.close()
    target.stop()
  })

  test('recordings are Opus, and encrypted, when the organization wants that', async () => {
    for (const bad of [{ recording_format: 'mp3' }, { recording_encryption: 'yes' }]) assert.equal((await s.raw('PATCH', '/api/v1/organization', bad)).status, 422)
    const target = await Sipp.answer('answer_pcma.xml', ['-rtp_echo'])
    const plan = await s.plan('Kept well', [{ uri: target.uri }])
    await s.campaign('+18005550612', { routing_plan_id: plan.id, recording: true })
    for (const [i, wanted] of [{ recording_format: 'opus', recording_encryption: false }, { recording_format: 'wav', recording_encryption: true }, { recording_format: 'opus', recording_encryption: true }].entries()) {
      await s.api('PATCH', '/organization', wanted)
      await s.call('+18005550612', ['--play', tone('kept', 650, 6), '--duration', '4', '--from', `+1512555011${i}`])
      const found = await until('the recording', async () => {
        const row = (await s.api('GET', '/calls')).data.find((c: any) => c.caller_id === `+1512555011${i}`)
        const call = row && (await s.api('GET', `/calls/${row.id}`))
        return call?.recordings[0]?.status === 'ready' && call
      })
      const [recording] = found.recordings
      assert.deepEqual([recording.format, recording.encrypted], [wanted.recording_format, wanted.recording_encryption])
      const wav = await fetched(found, recording.id)
      near(seconds(wav), talked(found), 0.6, 'seconds')
      near(recording.duration_seconds, seconds(wav), 0.6, 'seconds')
      for (const side of ['1', '2']) near(frequency(wav, 'remix', side, 'trim', '1', '2'), 650, 20, `side ${side}`)
      const path = `/api/v1/calls/${found.id}/recording`, whole = Buffer.from(await (await s.raw('GET', path)).arrayBuffer())
      for (const [from, to] of [[4000, 4200], [0, 3], [whole.length - 5, whole.length - 1], [4095, 8192]]) {
        const part = await s.raw('GET', path, undefined, { range: `bytes=${from}-${to}` })
        assert.equal(part.status, 206)
        assert.ok(Buffer.from(await part.arrayBuffer()).equals(whole.subarray(from, to + 1)), `bytes ${from} to ${to}`)
      }
      const peaks = await s.api('GET', `${path.slice(7)}/peaks?points=40`)
      near(peaks.duration_seconds, seconds(wav), 0.1, 'seconds')
      assert.ok(peaks.channels.every((c: number[]) => c[20] > 0.1))
      const file = join(s.data, 'recordings', `${recording.id}.${recording.format}`)
      if (wanted.recording_encryption) {
        // One byte changed: nothing of that block is given out.
        const stored = readFileSync(file)
        stored[9000]! ^= 1
        writeFileSync(file, stored)
        const damaged = await s.raw('GET', path).then((r) => r.arrayBuffer()).then((b) => b.byteLength, () => 0)
        assert.ok(damaged < whole.length, `${damaged} bytes`)
      }
      assert.equal((await s.raw('DELETE', path)).status, 204)
      assert.ok(!existsSync(file))
    }
    target.stop()
    await s.api('PATCH', '/organization', { recording_format: 'wav', recording_encryption: false })
  })

  for (const [i, kept] of [{ recording_format: 'wav', recording_encryption: false }, { recording_format: 'wav', recording_encryption: true }, { recording_format: 'opus', recording_encryption: true }].entries()) test(`what a process that dies was recording is kept, and told by the next: ${JSON.stringify(kept)}`, async () => {
    const number = `+1800555062${i}`
    await s.api('PATCH', '/organization', kept)
    const flow = await s.flow(`Cut ${i}`, [{ id: 'v', type: 'voicemail', config: {} }], [['start', 'next', 'v']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const calling = s.call(number, ['--play', tone('cut', 800, 20), '--duration', '8'])
    const files = readdirSync(join(s.data, 'recordings')).length
    await until('the file', async () => readdirSync(join(s.data, 'recordings')).length > files)
    await sleep(3500)
    await s.kill('SIGKILL')
    await s.serve()
    const call = await until('the recording', async () => {
      const found = (await s.api('GET', '/calls')).data.find((c: any) => c.number === number)
      const whole = found && (await s.api('GET', `/calls/${found.id}`))
      return whole?.recordings[0]?.status === 'ready' && whole
    })
    const wav = await fetched(call, call.recordings[0].id)
    near(frequency(wav), 800, 20, 'Hz')
    assert.ok(seconds(wav) >= 1, `${seconds(wav)} s`)
    assert.equal((await s.api('GET', `/calls/${call.id}/events`)).data.filter((e: any) => e.type === 'voicemail.received').length, 1)
    await calling.catch(() => {})
  })
})
