// Who may see the answer that was kept for an Idempotency-Key, and what of it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

describe('kept answers', () => {
  let s: Strowger
  let manager: string
  before(async () => {
    s = await Strowger.start()
    manager = (await s.api('POST', '/api-keys', { name: 'm', role: 'manager' })).key
  })
  after(() => s.stop())

  const send = async (path: string, body: unknown, key: string, by?: string) => {
    const r = await s.raw('POST', `/api/v1${path}`, body, { 'idempotency-key': key }, by)
    return { status: r.status, body: (await r.json()) as Record<string, unknown> }
  }

  test('a key of another sender gets nothing of what was kept, on no path', async () => {
    const body = { name: 'ci' }
    const made = await send('/api-keys', body, 'i-1')
    assert.equal(made.status, 201)
    assert.match(String(made.body.key), /^sk_/)
    for (const path of ['/buyers', '/publishers', '/incoming-webhooks']) {
      const other = await send(path, body, 'i-1', manager)
      assert.equal(other.status, 409, path)
      assert.doesNotMatch(JSON.stringify(other.body), /sk_/)
    }
    assert.equal((await send('/api-keys', body, 'i-1', manager)).status, 403)
    assert.equal((await send('/buyers', body, 'i-2')).status, 201)
    assert.equal((await send('/buyers', body, 'i-2', manager)).status, 409)
  })

  test('a changed role is another sender', async () => {
    const key = await s.api('POST', '/api-keys', { name: 'changing', role: 'manager' })
    assert.equal((await send('/buyers', { name: 'role' }, 'r-1', key.key)).status, 201)
    await s.api('PATCH', `/api-keys/${key.id}`, { role: 'admin' })
    assert.equal((await send('/buyers', { name: 'role' }, 'r-1', key.key)).status, 409)
  })

  test('secrets are left out of a repeated answer, and named', async () => {
    const url = 'https://example.com/hook'
    const cases: [string, object, string[], RegExp][] = [
      ['/api-keys', { name: 'once' }, ['key'], /sk_/],
      ['/incoming-webhooks', { name: 'once' }, ['key', 'url'], /iwk_/],
      ['/outgoing-webhooks', { name: 'once', url, event_types: ['call.completed'] }, ['secret'], /whsec_/],
    ]
    for (const [path, body, omitted, secret] of cases) {
      const first = await send(path, body, `s-${path}`)
      const again = await send(path, body, `s-${path}`)
      assert.equal(again.status, first.status, path)
      assert.match(JSON.stringify(first.body), secret)
      assert.doesNotMatch(JSON.stringify(again.body), secret)
      const none = Object.fromEntries(omitted.map((name) => [name, null]))
      assert.deepEqual(again.body, { ...first.body, ...none, omitted })
      const rotate = `${path}/${String(first.body.id)}/rotate-${omitted[0]}`
      if (path === '/api-keys') continue
      assert.match(JSON.stringify((await send(rotate, {}, `t-${path}`)).body), secret)
      const twice = await send(rotate, {}, `t-${path}`)
      assert.deepEqual(twice.body.omitted, omitted)
      assert.doesNotMatch(JSON.stringify(twice.body), secret)
    }
  })
})
