// Audio that says more than it is: what an upload takes of memory, and of others' threads.
import { strict as assert } from 'node:assert'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Strowger, join, until, usePostgres } from '../e2e/harness.ts'
import { Tenant, answersDuring } from './tenants.ts'

describe('uploads of audio that grows', { skip: usePostgres }, () => {
  let s: Strowger
  let other: Tenant
  let n = 0
  before(async () => {
    s = await Strowger.start()
    other = Tenant.add(s, 'other')
    await until('the organization', () => other.api('GET', '/campaigns').catch(() => false))
  })
  after(() => s.stop())

  const silence = (name: string, seconds: number, ...format: string[]) => {
    execFileSync('sox', ['-n', ...format, join(s.dir, name), 'trim', '0', String(seconds)])
    return readFileSync(join(s.dir, name))
  }
  const upload = async (body: Buffer) => {
    const { id } = await s.api('POST', '/prompts', { name: `Prompt ${++n}` })
    return fetch(`${s.url}/api/v1/prompts/${id}/audio`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${s.key}` },
      body: new Uint8Array(body),
    })
  }
  // The most memory that the server has ever had, in MB.
  const most = () => {
    const status = readFileSync(`/proc/${s.child!.pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+)/m.exec(status)![1]) / 1024
  }

  test('more than two channels and more than 96 kHz are refused with a sentence', async () => {
    for (const [format, why] of [
      [['-r', '192000', '-c', '8'], /8 channels: save it as mono or stereo/],
      [['-r', '48000', '-c', '6'], /6 channels/],
      [['-r', '192000', '-c', '1'], /192000 samples a second: save it with 4000 to 96000/],
    ] as [string[], RegExp][]) {
      const answer = await upload(silence('many.flac', 5, ...format))
      assert.equal(answer.status, 422)
      assert.match(JSON.stringify(await answer.json()), why)
    }
  })

  test('a small file of long silence takes little memory and holds up nobody', async () => {
    assert.equal((await upload(silence('short.flac', 1, '-r', '96000', '-c', '2'))).status, 200)
    const before = most()
    const bomb = silence('long.flac', 240, '-r', '96000', '-c', '2')
    assert.ok(bomb.length < 600_000, String(bomb.length))
    const uploaded = upload(bomb)
    let buyers = 0
    const buyer = () => other.api('POST', '/buyers', { name: `Buyer ${buyers++}` })
    const answers = await answersDuring(uploaded, buyer, 2)
    assert.equal(answers, 2)
    assert.equal((await uploaded).status, 200)
    // a copy of all samples has 184 MB
    assert.ok(most() - before < 60, `${before} MB before, ${most()} MB after`)
  })

  test('more than an hour is refused, also where only the end tells', async () => {
    const answer = await upload(silence('hours.flac', 3700, '-r', '4000', '-c', '1'))
    assert.equal(answer.status, 422)
    assert.match(JSON.stringify(await answer.json()), /one hour/)
  })
})
