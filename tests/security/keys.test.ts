// API keys that expire, that are limited to parts of the API, and that tell of their last use.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger, sleep } from '../e2e/harness.ts'

describe('API keys', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())
  const make = (fields: object) => s.api('POST', '/api-keys', { name: 'Key', role: 'admin', ...fields })
  const status = async (key: string, path: string, method = 'GET', body?: object) =>
    (await s.raw(method, `/api/v1${path}`, body, {}, key)).status

  test('that have expired are refused, and say so', async () => {
    const soon = await make({ expires_at: new Date(Date.now() + 1500).toISOString() })
    const past = await make({ expires_at: '2001-02-03T04:05:06Z' })
    const later = await make({ expires_at: '2999-01-01T00:00:00Z' })
    assert.equal(await status(soon.key, '/campaigns'), 200)
    assert.equal(await status(past.key, '/campaigns'), 401)
    assert.equal(await status(later.key, '/campaigns'), 200)
    await sleep(1600)
    const answer = await s.raw('GET', '/api/v1/campaigns', undefined, {}, soon.key)
    assert.equal(answer.status, 401)
    assert.equal(((await answer.json()) as any).title, 'The API key has expired')
    const refused = await s.raw('POST', '/api/v1/api-keys', { name: 'Odd', expires_at: 'tomorrow' })
    assert.equal(refused.status, 422)
  })

  test('with scopes reach those parts of the API alone', async () => {
    const paths: [string, string][] = [
      ['calls', '/calls'],
      ['reports', '/reports/calls'],
      ['webhooks', '/outgoing-webhooks'],
      ['webhooks', '/incoming-webhook-requests'],
      ['webhooks', '/custom-tags'],
      ['configuration', '/campaigns'],
      ['configuration', '/call-flows'],
      ['administration', '/users'],
      ['administration', '/audit-log'],
    ]
    for (const scopes of [['calls'], ['reports', 'webhooks'], ['configuration'], ['administration']]) {
      const { key } = await make({ scopes })
      for (const [scope, path] of paths)
        assert.equal(await status(key, path), scopes.includes(scope) ? 200 : 403, `${scopes} ${path}`)
      assert.equal(await status(key, '/event-types'), 200)
      const made = scopes.includes('configuration') ? 201 : 403
      assert.equal(await status(key, '/buyers', 'POST', { name: `Buyer of ${scopes}` }), made)
    }
    const all = await make({ scopes: [] })
    for (const [, path] of paths) assert.equal(await status(all.key, path), 200)
    const odd = await s.raw('POST', '/api/v1/api-keys', { name: 'Odd', scopes: ['everything'] })
    assert.equal(odd.status, 422)
  })

  test('tell when and from where they were used last', async () => {
    const { id, key } = await make({})
    assert.equal((await s.api('GET', `/api-keys/${id}`)).last_used_at, null)
    const before = Date.now() - 1000
    await status(key, '/campaigns')
    const used = await s.api('GET', `/api-keys/${id}`)
    assert.ok(Date.parse(used.last_used_at) > before)
    assert.equal(used.last_used_from, '127.0.0.1')
    assert.equal((await s.api('GET', '/api-keys')).data.find((k: any) => k.id === id).last_used_from, '127.0.0.1')
  })
})
