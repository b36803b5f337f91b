// What callers hear: uploaded audio of every kind, texts, and one after the other.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { linear, power } from './caller.ts'
import { Strowger, join, root, usePostgres } from './harness.ts'

describe('prompts', { skip: usePostgres }, () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })

  const upload = async (file: string | Buffer) => {
    const prompt = await s.api('POST', '/prompts', { name: `Prompt ${++n}` })
    const body = typeof file === 'string' ? readFileSync(file) : file
    const r = await fetch(`${s.url}/api/v1/prompts/${prompt.id}/audio`, { method: 'PUT', headers: { authorization: `Bearer ${s.key}` }, body: new Uint8Array(body) })
    return { id: prompt.id as string, status: r.status, text: await r.text() }
  }
  // Samples that a caller hears of what is played one after the other.
  const heard = async (prompts: object[]) => {
    const number = `+1800555${String(7600 + ++n)}`, wav = join(s.dir, `${n}.wav`)
    const nodes = prompts.map((prompt, i) => ({ id: `p${i}`, type: 'play', config: { prompt } }))
    const flow = await s.flow(`Flow ${n}`, nodes, nodes.map((p, i) => [i ? `p${i - 1}` : 'start', 'next', p.id] as [string, string, string]))
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call(number, ['--record', wav])
    const raw = execFileSync('sox', [wav, '-t', 'raw', '-r', '8000', '-e', 'mu-law', '-b', '8', '-c', '1', '-'])
    return [...raw].map(linear)
  }
  // How much of it, in seconds, is mostly that frequency.
  const seconds = (samples: number[], hertz: number) => {
    let frames = 0
    for (let i = 0; i + 160 <= samples.length; i += 160) {
      const frame = samples.slice(i, i + 160), all = frame.reduce((sum, x) => sum + x * x, 0) / 160
      if (all > 1e5 && power(frame, hertz) > all / 4) frames++
    }
    return frames / 50
  }
  const tone = (file: string, hertz: number, ...more: string[]) => {
    execFileSync('sox', ['-n', ...more, join(s.dir, file), 'synth', '1', 'sine', String(hertz), 'vol', '0.5'])
    return join(s.dir, file)
  }

  test('WAV, OGG, Opus, FLAC and MP3, of any rate and any channels', async () => {
    const wav = tone('cd.wav', 440, '-r', '44100', '-c', '2', '-b', '16'), opus = join(s.dir, 'tone.opus')
    execFileSync('opusenc', ['--quiet', wav, opus])
    for (const file of [wav, tone('phone.wav', 440, '-r', '8000', '-e', 'a-law'), tone('tone.ogg', 440, '-r', '22050'), opus, tone('tone.flac', 440, '-r', '48000', '-b', '24'), join(root, 'tests/audio/tone.mp3')]) {
      const { id, status, text } = await upload(file)
      assert.equal(status, 200, text)
      const length = seconds(await heard([{ prompt_id: id }]), 440)
      assert.ok(length > 0.9 && length < 1.1, `${file}: ${length} s`)
    }
  })

  test('what is no audio is refused, and says so', async () => {
    for (const bad of [Buffer.from('no audio at all'), Buffer.alloc(0), readFileSync(join(root, 'tests/audio/tone.mp3')).subarray(0, 40)]) {
      const { status, text } = await upload(bad)
      assert.ok(status >= 400 && status < 500, `${status} ${text}`)
      assert.ok(JSON.parse(text).detail.length > 10, text)
    }
  })

  test('prompts and texts follow each other without a gap', async () => {
    const low = await upload(tone('low.wav', 400, '-r', '8000')), high = await upload(tone('high.wav', 800, '-r', '8000'))
    const prompts = [{ prompt_id: low.id }, { prompt_id: high.id }, { prompt_id: low.id }]
    await heard([...prompts, { text: 'One two three.' }]) // now all of it is at hand
    // The longest silence between first and last sound. A machine that has other things to do may make one; not each time.
    let shortest = Infinity
    for (let tries = 0; tries < 3 && shortest >= 3 * 160; tries++) {
      const samples = await heard(prompts), isSound = (x: number) => Math.abs(x) > 300
      assert.deepEqual([seconds(samples, 400), seconds(samples, 800)].map(Math.round), [2, 1])
      let longest = 0, run = 0
      for (const x of samples.slice(samples.findIndex(isSound), samples.findLastIndex(isSound))) longest = Math.max(longest, (run = isSound(x) ? 0 : run + 1))
      shortest = Math.min(shortest, longest)
    }
    assert.ok(shortest < 3 * 160, `${shortest / 8} ms`)
  })
})
