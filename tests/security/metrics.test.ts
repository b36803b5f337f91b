// Metrics name trunks and gateways of all organizations: not everybody who reaches the API sees them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger, freePort } from '../e2e/harness.ts'

const PATHS = ['/metrics', '/%6detrics', '/metrics?x=1']

describe('/metrics', () => {
  let s: Strowger, own: Strowger
  let port = 0
  before(async () => {
    port = await freePort()
    s = await Strowger.start(['--trusted-proxies', '127.0.0.1'])
    own = await Strowger.start(['--metrics', `127.0.0.1:${port}`])
  })
  after(async () => {
    await s.stop()
    await own.stop()
  })
  const status = async (url: string, headers: Record<string, string> = {}) =>
    (await fetch(url, { headers })).status

  test('is for this machine, and not for others whom a proxy names', async () => {
    for (const path of PATHS) {
      assert.equal(await status(s.url + path), 200, path)
      for (const from of ['203.0.113.5', '10.0.0.7', '2001:db8::5'])
        assert.equal(await status(s.url + path, { 'x-forwarded-for': from }), 404, path + from)
    }
    assert.equal(await status(`${s.url}/healthz`, { 'x-forwarded-for': '203.0.113.5' }), 200)
  })

  test('has an address of its own with --metrics, and nothing else is there', async () => {
    const at = `http://127.0.0.1:${port}`
    for (const path of PATHS) {
      assert.equal(await status(own.url + path), 404, path)
      assert.equal(await status(at + path), 200, path)
    }
    const answer = await (await fetch(`${at}/metrics`)).text()
    assert.match(answer, /^strowger_calls_active 0$/m)
    for (const path of ['/', '/healthz', '/api/v1/calls', '/api/v1/session', '/docs'])
      assert.equal(await status(at + path), 404, path)
  })
})
