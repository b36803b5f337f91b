// A receiver whose name server never answers.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Receiver, Strowger, binary, until } from '../e2e/harness.ts'

const dir = mkdtempSync(join(tmpdir(), 'strowger-names-'))
const shim = join(dir, 'shim.so'), notes = join(dir, 'notes')

describe('a name server that never answers', () => {
  let s: Strowger
  let quick: Receiver
  before(async () => {
    const source = join(import.meta.dirname, 'names_shim.c')
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl'])
    // A sanitizer's library has to be the first.
    const libraries = execFileSync('ldd', [binary]).toString()
    const sanitizer = /=> (\S*lib[at]san\S*)/.exec(libraries)?.[1] ?? ''
    process.env.LD_PRELOAD = `${sanitizer} ${shim}`.trim()
    process.env.NAMES_SHIM = notes
    try {
      s = await Strowger.start(['--retry-schedule', '1,1,1,1,1,1,1,1,1,1'])
    } finally {
      delete process.env.LD_PRELOAD
      delete process.env.NAMES_SHIM
    }
    quick = await Receiver.start()
    const nodes = [{ id: 'h', type: 'hangup', config: { cause: 'busy' } }]
    const flow = await s.flow('No', nodes, [['start', 'next', 'h']])
    await s.campaign('+18005558901', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(async () => {
    quick.stop()
    await s.kill('SIGKILL')
  })
  const lookups = (what: string) => {
    const text = existsSync(notes) ? readFileSync(notes, 'utf8') : ''
    return text.split('\n').filter((l) => l === what).length
  }
  const hook = (name: string, url: string) =>
    s.api('POST', '/outgoing-webhooks', {
      name,
      url,
      event_types: ['call.completed'],
      timeout_seconds: 1,
      enabled: true,
    })

  test('holds up no other webhook, is not asked again at once, and is named as the cause', async () => {
    const silent = await hook('Silent', 'http://receiver.silent:8080/')
    await hook('Quick', quick.url)
    for (let n = 1; n <= 6; n++) {
      await s.call('+18005558901').catch(() => {})
      await until('the other webhook', () => quick.requests.length >= n)
    }
    assert.equal(lookups('end'), 0, 'no look-up had to end for the others')
    const tries = async () => {
      const path = `/outgoing-webhook-requests?outgoing_webhook_id=${silent.id}`
      const [{ id }] = (await s.api('GET', path)).data
      return (await s.api('GET', `/outgoing-webhook-requests/${id}`)).attempts
    }
    const made = await until('two tries', async () => {
      const all = await tries()
      return all.length >= 2 && all
    })
    assert.match(made.at(-1).error, /name.*does not answer/i)
    assert.equal(lookups('end'), 0, 'nor for the tries')
    assert.ok(lookups('begin') <= 6, `${lookups('begin')} look-ups`)
  })
})
