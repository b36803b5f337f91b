// Custom tags and incoming webhooks: rules of repeats, history, types, revenue, who may send, what is kept, and kill -9.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { Strowger, join, root, sleep, until, usePostgres } from './harness.ts'

interface Answer {
  status: number
  body: any
  headers: Headers
}

const post = async (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
  const r = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) })
  return { status: r.status, body: await r.json(), headers: r.headers }
}

describe('custom tags and incoming webhooks', () => {
  let s: Strowger
  let all: { id: string; url: string; key: string } // may do everything
  let other: string // another organization's API key
  const at = (path: string) => all.url.replace('/call-data', path)
  const tag = async (name: string, fields: object = {}) => s.api('POST', '/custom-tags', { name, ...fields })
  let caller = 5125550000
  const next = () => `+1${++caller}`
  const call = async (from: string, number = '+18005550601') => {
    await s.call(number, ['--from', from])
    return s.lastCall((c) => c.caller_id === from)
  }
  const tagsOf = async (id: string) => Object.fromEntries((await s.api('GET', `/calls/${id}/tags`)).data.map((t: any) => [t.name, t]))
  const requests = async (query = '') => (await s.api('GET', `/incoming-webhook-requests?limit=200${query}`)).data

  before(async () => {
    s = await Strowger.start()
    all = await s.api('POST', '/incoming-webhooks', { name: 'All', types: ['call_data', 'update_tags', 'update_revenue', 'update_fields'] })
    const flow = await s.flow('says hello', [{ id: 'p', type: 'play', config: { prompt: { text: 'Hello.', voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005550601', { execution_mode: 'call_flow', call_flow_id: flow.id, payout: '4.00' })
    const wait = await s.flow('waits', [{ id: 'w', type: 'wait', config: { seconds: 4 } }], [['start', 'next', 'w']])
    await s.campaign('+18005550602', { execution_mode: 'call_flow', call_flow_id: wait.id })
    const made = s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'other@example.com', ...s.databaseFlag()])
    other = JSON.parse(made).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/organization', undefined, {}, other)).ok)
  })
  after(() => s.stop())

  test('phones become E.164 in the formats of ten countries, choices are those of the list, and what does not fit is told', async () => {
    await tag('mobile', { type: 'phone' })
    await tag('plan', { type: 'enum', choices: ['Gold', 'Silver'] })
    const numbers: [string, string][] = [
      ['(512) 555-0199', '+15125550199'], ['512.555.0199', '+15125550199'], ['+44 20 7946 0018', '+442079460018'], ['0044 20 7946 0018', ''], ['+49 (30) 901820', '+4930901820'], ['+33 1 42 68 53 00', '+33142685300'],
      ['+61 2 9374 4000', '+61293744000'], ['+81 3-6384-9000', '+81363849000'], ['+91 22 6650 1000', '+912266501000'], ['+55 11 2395-8400', '+551123958400'], ['+34 915 55 55 55', '+34915555555'], ['011 52 55 5342 8400', '+525553428400'], ['1-800-555-0142', '+18005550142'],
    ]
    for (const [given, wanted] of numbers) {
      const r = await post(all.url, { caller_id: next(), mobile: given, plan: 'gOLD' })
      assert.equal(r.status, 200)
      if (wanted) assert.deepEqual(r.body.tags, { mobile: wanted, plan: 'Gold' }, given)
      if (wanted && !given.startsWith('1-800')) {
        const same = await post(all.url, { caller_id: given })
        assert.equal(same.status, 200, given)
        assert.equal((await s.api('GET', `/incoming-webhook-requests/${same.body.request_id}`)).caller_id, wanted)
      }
    }
    const wrong = await post(all.url, { caller_id: next(), mobile: 'call me', plan: 'Bronze' })
    assert.deepEqual(wrong.body.tags, {})
    assert.deepEqual(wrong.body.errors, [{ tag: 'mobile', detail: "'call me' is not a phone number" }, { tag: 'plan', detail: "'Bronze' is none of the tag's 2 choices" }])
    for (const bad of [{ name: 'x', type: 'enum' }, { name: 'x', choices: ['a'] }, { name: 'caller_state' }, { name: 'x', type: 'number', on_repeat: 'append' }, { name: 'x', sources: [{ kind: 'dni', header: 'X' }] }])
      assert.equal((await s.raw('POST', '/api/v1/custom-tags', bad)).status, 422, JSON.stringify(bad))
  })

  test('values sent more than once: the last, the first, all of them, or that of the source listed first', async () => {
    await tag('last')
    await tag('first', { on_repeat: 'first' })
    await tag('list', { on_repeat: 'append' })
    await tag('ranked', { on_repeat: 'precedence', sources: [{ kind: 'sip_header', parameter: 'X-Ranked' }, { kind: 'incoming_webhook', parameter: 'ranked' }] })
    const c = await call(next())
    const one = { last: 'a', first: 'a', list: 'a', ranked: 'a' }, two = { last: 'b', first: 'b', list: 'b', ranked: 'b' }
    assert.deepEqual((await post(all.url, { call_id: c.id, ...one })).body.tags, one)
    const r = await post(all.url, { call_id: c.id, ...two })
    assert.deepEqual(r.body.tags, { last: 'b', list: 'a, b', ranked: 'b' })
    assert.deepEqual(r.body.errors, [{ tag: 'first', detail: 'the first value stays' }])
    assert.deepEqual((await post(all.url, { call_id: c.id, list: 'a' })).body.errors, [{ tag: 'list', detail: 'the list has it already' }])
    assert.deepEqual((await s.api('GET', `/calls/${c.id}`)).tags, { last: 'b', first: 'a', list: 'a, b', ranked: 'b' })
    await s.api('PATCH', `/calls/${c.id}/tags`, { first: 'by hand', ranked: 'by hand' })
    assert.deepEqual((await post(all.url, { call_id: c.id, ranked: 'late' })).body.errors, [{ tag: 'ranked', detail: 'a source that goes before has given one' }])
    assert.deepEqual((await s.api('GET', `/calls/${c.id}`)).tags, { last: 'b', first: 'by hand', list: 'a, b', ranked: 'by hand' })
  })

  test('what arrives out of order settles by its timestamp, before a call and after it', async () => {
    const from = next(), hour = (h: number) => `2026-11-20T${String(h).padStart(2, '0')}:00:00Z`
    await post(all.url, { caller_id: from, last: 'noon', timestamp: hour(12) })
    await post(all.url, { caller_id: from, last: 'ten', first: 'ten', timestamp: hour(10) })
    const c = await call(from)
    assert.equal(c.tags.last, 'noon')
    const late = await post(all.url, { call_id: c.id, last: 'eleven', timestamp: hour(11) })
    assert.deepEqual(late.body.errors, [{ tag: 'last', detail: 'a later value is there' }])
    const earlier = await post(all.url, { call_id: c.id, first: 'nine', timestamp: hour(9) })
    assert.deepEqual(earlier.body.tags, { first: 'nine' })
    const odd = await post(all.url, { call_id: c.id, last: 'now', timestamp: 'yesterday' })
    assert.deepEqual(odd.body.tags, { last: 'now' })
    assert.equal(odd.body.errors[0].field, 'timestamp')
  })

  test('each value keeps where it came from, when, and what it replaced; a rename loses none of it', async () => {
    const t = await tag('old_name', { type: 'number' })
    const c = await call(next())
    const first = await post(all.url, { call_id: c.id, old_name: 1 })
    await post(all.url, { call_id: c.id, old_name: 2 })
    await s.api('PATCH', `/calls/${c.id}/tags`, { old_name: 3 })
    await s.api('PATCH', `/custom-tags/${t.id}`, { name: 'new_name' })
    const kept = (await tagsOf(c.id)).new_name
    assert.deepEqual([kept.value, kept.source], [3, 'api'])
    assert.match(kept.origin, /^key_/)
    assert.deepEqual(kept.history.map((h: any) => [h.previous, h.value, h.source]), [[null, 1, 'incoming_webhook'], [1, 2, 'incoming_webhook'], [2, 3, 'api']])
    assert.equal(kept.history[0].origin, first.body.request_id)
    assert.ok(kept.history.every((h: any) => Date.parse(h.set_at) > Date.now() - 60000))
    assert.deepEqual((await s.api('GET', `/calls/${c.id}`)).tags, { new_name: 3 })
    assert.deepEqual((await s.api('GET', '/calls?tag.new_name_gte=3')).data.map((x: any) => x.id), [c.id])
    assert.deepEqual((await s.api('GET', '/calls?tag.new_name_gt=3')).data, [])
    const events = (await s.api('GET', `/calls/${c.id}/events`)).data.filter((e: any) => e.type.startsWith('tag.'))
    assert.deepEqual(events.map((e: any) => e.type), ['tag.set', 'tag.changed', 'tag.changed'])
  })

  test('a tag that calls have is archived, not deleted; then data no longer fills it', async () => {
    const t = await tag('season')
    const c = await call(next())
    await post(all.url, { call_id: c.id, season: 'summer' })
    const refused = await s.raw('DELETE', `/api/v1/custom-tags/${t.id}`)
    assert.equal(refused.status, 409)
    assert.match((await refused.json() as any).detail, /archive/)
    await s.api('PATCH', `/custom-tags/${t.id}`, { archived: true })
    const r = await post(all.url, { call_id: c.id, season: 'winter' })
    assert.deepEqual([r.body.tags, r.body.unmatched], [{}, ['season']])
    assert.equal((await s.api('GET', `/calls/${c.id}`)).tags.season, 'summer')
    assert.equal((await s.api('GET', '/calls?tag.season=summer')).data.length, 1)
    const unused = await tag('unused')
    await s.api('DELETE', `/custom-tags/${unused.id}`)
  })

  test('sensitive values are sealed everywhere on disk, and revealed only to roles that may, each time audited', async () => {
    await tag('ssn', { sensitive: true })
    const from = next()
    const secret = '078-05-1120'
    const waiting = await post(all.url, { caller_id: from, ssn: secret, last: 'x' })
    assert.equal(waiting.body.tags.ssn, '********')
    await s.kill('SIGKILL') // what waits is read back from disk
    await s.serve()
    const c = await call(from)
    assert.equal(c.tags.ssn, '********')
    const analyst = await s.api('POST', '/api-keys', { name: 'analyst', role: 'analyst' }), manager = await s.api('POST', '/api-keys', { name: 'manager', role: 'manager' })
    for (const key of [analyst.key, manager.key]) assert.equal((await s.raw('POST', `/api/v1/calls/${c.id}/tags/reveal`, { name: 'ssn' }, {}, key)).status, 403)
    assert.equal((await s.raw('POST', `/api/v1/calls/${c.id}/tags/reveal`, { name: 'ssn' }, {}, other)).status, 422) // it has no such tag
    assert.deepEqual(await s.api('POST', `/calls/${c.id}/tags/reveal`, { name: 'SSN' }), { name: 'ssn', value: secret })
    assert.ok((await s.api('GET', '/audit-log')).data.some((a: any) => a.action === 'reveal_tag' && a.resource_id === `${c.id}/tags/ssn`))
    const everything = JSON.stringify([await s.api('GET', `/calls/${c.id}/tags`), await s.api('GET', `/calls/${c.id}/events`), await s.api('GET', `/calls/${c.id}/trace`), await s.api('GET', `/incoming-webhook-requests/${waiting.body.request_id}`)])
    assert.ok(!everything.includes(secret))
    if (!s.database) {
      const { execFileSync } = await import('node:child_process')
      assert.equal(execFileSync('sh', ['-c', `cat ${s.data}/strowger.db* | grep -ac '${secret}' || true`]).toString().trim(), '0')
      assert.equal(execFileSync('sh', ['-c', `cat ${s.data}/strowger.db* | grep -ac '${all.key}' || true`]).toString().trim(), '0', 'nor is a key there')
    }
  })

  test('revenue replaces or is added, once each, by time; reports follow', async () => {
    const c = await call(next()), money = async () => { const x = await s.api('GET', `/calls/${c.id}`); return [x.revenue, x.payout, x.converted] }
    const report = async () => { const t = (await s.api('GET', '/reports/calls?group_by=campaign')).totals; return [t.revenue, t.payout, t.converted] }
    const before = await report()
    assert.equal((await post(at('/update-revenue'), { call_id: c.id, revenue: '20.00', unique_id: 'r1' })).body.status, 'matched')
    assert.deepEqual(await money(), ['20.00', '0.00', false])
    assert.equal((await post(at('/update-revenue'), { call_id: c.id, revenue: '20.00', mode: 'add', unique_id: 'r2' })).status, 200)
    assert.equal((await post(at('/update-revenue'), { call_id: c.id, revenue: '20.00', mode: 'add', unique_id: 'r2' })).body.status, 'duplicate')
    assert.deepEqual(await money(), ['40.00', '0.00', false])
    await post(at('/update-revenue'), { call_id: c.id, revenue: '-5.5', payout: 1, mode: 'add' })
    assert.deepEqual(await money(), ['34.50', '1.00', false])
    const old = await post(at('/update-revenue'), { call_id: c.id, revenue: 99, timestamp: '2026-01-01T00:00:00Z' })
    assert.deepEqual(old.body.errors, [{ field: 'revenue', detail: 'a later value is there' }])
    await post(at('/update-revenue'), { call_id: c.id, revenue: 12.25, converted: 'yes' })
    assert.deepEqual(await money(), ['12.25', '1.00', true])
    assert.deepEqual(await report(), [(Number(before[0]) + 12.25).toFixed(2), (Number(before[1]) + 1).toFixed(2), before[2] + 1])
    assert.equal((await s.api('GET', `/calls/${c.id}/events`)).data.filter((e: any) => e.type === 'call.converted').length, 1)
    for (const [body, pointer] of [[{}, '/revenue'], [{ revenue: 'lots' }, '/revenue'], [{ revenue: -1 }, '/revenue'], [{ revenue: 1, mode: 'twice' }, '/mode'], [{ revenue: 1, currency: 'EUR' }, '/currency'], [{ converted: 'perhaps' }, '/converted']] as [object, string][]) {
      const r = await post(at('/update-revenue'), { call_id: c.id, ...body })
      assert.deepEqual([r.status, r.body.errors?.[0].pointer], [422, pointer], JSON.stringify(body))
    }
    assert.equal((await post(at('/update-revenue'), { caller_id: next(), revenue: 1 })).status, 422, 'nothing waits for a call that is not there')
  })

  test('a conversion by webhook pays the campaign\'s payout, and fields are those of the call', async () => {
    const c = await call(next()), publisher = await s.api('POST', '/publishers', { name: 'Blue' })
    const r = await post(at('/update-fields'), { call_id: c.id, converted: true, disposition: 'sold', publisher_id: publisher.id, colour: 'red' })
    assert.deepEqual([r.status, r.body.unmatched], [200, ['colour']])
    const log = await s.api('GET', `/calls/${c.id}`)
    assert.deepEqual([log.converted, log.payout, log.disposition, log.publisher_id], [true, '4.00', 'sold', publisher.id])
    assert.equal((await s.api('GET', '/reports/calls?group_by=publisher')).data.find((d: any) => d.key === publisher.id)?.calls, 1)
    assert.equal((await post(at('/update-fields'), { call_id: c.id, publisher_id: 'pub_none' })).body.errors[0].pointer, '/publisher_id')
  })

  test('revenue and disposition of a live call stay when it ends', async () => {
    const from = next(), running = s.call('+18005550602', ['--from', from])
    const live = await until('the call', async () => (await s.api('GET', `/calls?status=active&caller_id=${encodeURIComponent(from)}`)).data[0])
    assert.equal((await post(at('/update-revenue'), { caller_id: from, revenue: '7.00', payout: '2.00' })).body.call_id, live.id)
    await post(at('/update-revenue'), { caller_id: from, revenue: '1.00', mode: 'add' })
    await post(at('/update-fields'), { caller_id: from, disposition: 'hot lead' })
    await running
    const log = await s.lastCall((c) => c.id === live.id)
    assert.deepEqual([log.revenue, log.payout, log.disposition], ['8.00', '2.00', 'hot lead'])
  })

  test('of two live calls of one caller the newest is taken, and the answer says so', async () => {
    const from = next(), one = s.call('+18005550602', ['--from', from])
    await until('the first', async () => (await s.api('GET', `/calls?status=active&caller_id=${encodeURIComponent(from)}`)).data.length === 1)
    const two = s.call('+18005550602', ['--from', from])
    const both = await until('both', async () => { const d = (await s.api('GET', `/calls?status=active&caller_id=${encodeURIComponent(from)}`)).data; return d.length === 2 && d })
    const r = await post(all.url, { caller_id: from, last: 'z' })
    assert.deepEqual([r.body.call_id, r.body.live_calls], [both[0].id, 2])
    await Promise.all([one, two])
  })

  test('a thousand that wait for one caller are bounded: the newest hundred reach the call', async () => {
    const from = next()
    for (let i = 0; i < 1000; i += 50) await Promise.all(Array.from({ length: 50 }, (_, k) => post(all.url, { caller_id: from, list: `n${i + k}` })))
    const c = await call(from)
    assert.equal((await requests(`&call_id=${c.id}&limit=1000`)).length, 100)
    assert.ok(c.tags.list.split(', ').length <= 100)
  })

  test('headers and a webhook\'s own mapping are sources too', async () => {
    const src = await tag('campaign_source', { sources: [{ kind: 'incoming_webhook', header: 'X-Source' }] }), zip = await tag('zip')
    const mapped = await s.api('POST', '/incoming-webhooks', { name: 'Mapped', mapping: [{ tag_id: zip.id, pointer: '/address/0/postal' }, { tag_id: src.id, parameter: 'utm' }] })
    assert.deepEqual((await post(all.url, { caller_id: next(), zip: '78701' }, { 'x-source': 'radio' })).body.tags, { campaign_source: 'radio', zip: '78701' })
    const r = await post(mapped.url, { caller_id: next(), address: [{ postal: '10001' }], utm: 'mail', zip: 'not this' }, { 'X-SOURCE': 'not this' })
    assert.deepEqual(r.body.tags, { campaign_source: 'mail', zip: '10001' })
    assert.equal((await s.raw('POST', '/api/v1/incoming-webhooks', { name: 'bad', mapping: [{ tag_id: zip.id }] })).status, 422)
  })

  test('signature, password, address and rate are asked for where they are set; who failed is counted by address', async () => {
    const secret = 'shared secret', strict = await s.api('POST', '/incoming-webhooks', { name: 'Strict', verification: { hmac_secret: secret, username: 'crm', password: 'pass word' }, rate_per_minute: 20 })
    assert.deepEqual([strict.verification.hmac_secret, strict.verification.password], ['********', '********'])
    const body = JSON.stringify({ caller_id: next(), last: 's' }), basic = { authorization: `Basic ${Buffer.from('crm:pass word').toString('base64')}` }
    const hmac = (encoding: 'hex' | 'base64') => createHmac('sha256', secret).update(body).digest(encoding)
    assert.equal((await post(strict.url, body, basic)).status, 401)
    assert.equal((await post(strict.url, body, { 'x-signature': hmac('hex') })).status, 401)
    assert.equal((await post(strict.url, `${body} `, { ...basic, 'x-signature': hmac('hex') })).status, 401)
    for (const signature of [hmac('hex'), `sha256=${hmac('hex').toUpperCase()}`, hmac('base64')]) assert.equal((await post(strict.url, body, { ...basic, 'x-signature': signature })).status, 200)
    const shown = await s.api('GET', `/incoming-webhook-requests/${(await requests(`&incoming_webhook_id=${strict.id}&status=pending`))[0].id}`)
    assert.deepEqual([shown.headers.authorization, shown.headers['x-signature'], shown.headers['content-type']], ['********', '********', 'application/json'])
    assert.deepEqual([shown.method, shown.path, shown.address, shown.http_status], ['POST', '/call-data', '127.0.0.1', 200])
    assert.ok(shown.latency_ms > 0)
    let limited: Answer | undefined
    for (let i = 0; i < 30 && !limited; i++) {
      const r = await post(strict.url, body, { ...basic, 'x-signature': hmac('hex') })
      if (r.status === 429) limited = r
    }
    assert.ok(Number(limited!.headers.get('retry-after')) >= 1)
    const far = await s.api('POST', '/incoming-webhooks', { name: 'Far', allowed_addresses: ['203.0.113.0/24', '2001:db8::/32'] }), near = await s.api('POST', '/incoming-webhooks', { name: 'Near', allowed_addresses: ['127.0.0.0/8'] })
    assert.equal((await post(far.url, body)).status, 403)
    assert.equal((await post(near.url, body)).status, 200)
    assert.equal((await s.raw('PATCH', `/api/v1/incoming-webhooks/${far.id}`, { allowed_addresses: ['everywhere'] })).status, 422)
    await post(`${s.url}/call-data?key=iwk_guess`, body)
    const failures = (await s.api('GET', '/incoming-webhook-failures')).data
    assert.equal(failures.find((f: any) => f.incoming_webhook_id === far.id).reason, 'the address is not allowed')
    assert.equal(failures.find((f: any) => f.reason === 'wrong signature').count, 2)
    assert.ok(!failures.some((f: any) => f.reason === 'unknown key'), 'two organizations are here: whose it was nobody knows')
    assert.deepEqual((await s.api('GET', '/incoming-webhook-failures', undefined, other)).data, [])
    assert.ok((await s.metric('strowger_incoming_failures_total')) >= 5)
  })

  test('behind a trusted proxy the sender is whom the proxy names, and URLs and cookies are of HTTPS; nobody else is believed', async () => {
    const p = await Strowger.start(['--trusted-proxies', '127.0.0.0/8, 10.1.2.3'])
    try {
      const hook = await p.api('POST', '/incoming-webhooks', { name: 'Proxied', allowed_addresses: ['203.0.113.0/24', '2001:db8::/32'] })
      const from = async (forwarded: string) => (await post(hook.url, { caller_id: '+15125550001' }, { 'x-forwarded-for': forwarded })).status
      for (const good of ['203.0.113.9', '198.51.100.1, 203.0.113.9', '203.0.113.9, 10.1.2.3', '203.0.113.9:4711', '2001:db8::7', '[2001:db8::7]:443', 'rubbish, 203.0.113.9']) assert.equal(await from(good), 200, good)
      for (const bad of ['203.0.113.9, 198.51.100.1', '203.0.113.9, rubbish', '', '203.0.113.9,', '203.0.113.9, 10.1.2.4', 'x'.repeat(9000)]) assert.equal(await from(bad), 403, bad.slice(0, 50))
      const shown = (await p.api('GET', `/incoming-webhook-requests?limit=200`)).data.map((r: any) => r.address)
      assert.ok(shown.includes('203.0.113.9') && shown.includes('2001:db8::7'))
      const failed = (await p.api('GET', '/incoming-webhook-failures')).data.map((f: any) => f.address)
      assert.ok(failed.includes('198.51.100.1') && failed.includes('10.1.2.4') && failed.includes('127.0.0.1'), String(failed))
      const url = async (headers: object) => (await (await fetch(`${p.url}/api/v1/incoming-webhooks/${hook.id}`, { headers: { authorization: `Bearer ${p.key}`, ...headers } })).json()).url
      assert.match(await url({ 'x-forwarded-proto': 'https' }), /^https:/)
      assert.match(await url({}), /^http:/)
      const cookie = async (scheme: string) => (await post(`${p.url}/api/v1/session`, { email: 'owner@example.com', password: 'correct horse battery' }, { 'x-forwarded-proto': scheme })).headers.get('set-cookie')!
      assert.match(await cookie('https'), /; Secure/)
      assert.doesNotMatch(await cookie('http'), /Secure/)
    } finally {
      await p.stop()
    }
    const near = await s.api('POST', '/incoming-webhooks', { name: 'No proxy', allowed_addresses: ['203.0.113.9'] })
    assert.equal((await post(near.url, { caller_id: next() }, { 'x-forwarded-for': '203.0.113.9' })).status, 403)
  })

  test('a key is shown to who may see it, each time audited; a new one lets the old one go on for a while', async () => {
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'Rotated' })
    const reveals = async () => (await s.api('GET', '/audit-log?limit=200')).data.filter((a: any) => a.action === 'reveal_key' && a.resource_id === hook.id).length
    assert.ok((await s.api('GET', '/incoming-webhooks')).data.every((w: any) => w.key === '********' && w.url === null))
    assert.equal((await s.api('GET', `/incoming-webhooks/${hook.id}?reveal=false`)).key, '********')
    assert.equal(await reveals(), 0)
    assert.equal((await s.api('GET', `/incoming-webhooks/${hook.id}`)).url, hook.url)
    assert.equal(await reveals(), 1)
    const analyst = await s.api('POST', '/api-keys', { name: 'looks on', role: 'analyst' })
    assert.equal((await s.api('GET', `/incoming-webhooks/${hook.id}`, undefined, analyst.key)).key, '********')
    const rotated = await s.api('POST', `/incoming-webhooks/${hook.id}/rotate-key`, { overlap_seconds: 2 })
    assert.notEqual(rotated.key, hook.key)
    const body = { caller_id: next() }
    assert.deepEqual([(await post(hook.url, body)).status, (await post(rotated.url, body)).status], [200, 200])
    await sleep(2100)
    assert.deepEqual([(await post(hook.url, body)).status, (await post(rotated.url, body)).status], [401, 200])
    const again = await s.api('POST', `/incoming-webhooks/${hook.id}/rotate-key`, { overlap_seconds: 0 })
    assert.deepEqual([(await post(rotated.url, body)).status, (await post(again.url, body)).status], [401, 200])
    assert.equal((await s.raw('POST', `/api/v1/incoming-webhooks/${hook.id}/rotate-key`, { overlap_seconds: -1 })).status, 422)
    assert.equal((await s.raw('POST', `/api/v1/incoming-webhooks/${hook.id}/rotate-key`, {}, {}, other)).status, 404)
  })

  test('every request of a valid key is kept, those that were refused too, and can be looked for', async () => {
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'Kept' }), from = next()
    const sent: [unknown, number, string][] = [[{ caller_id: from, unique_id: 'k1' }, 200, 'pending'], [{ caller_id: from, unique_id: 'k1' }, 200, 'duplicate'], ['{"caller_id":', 400, 'rejected'], [{ state: 'TX' }, 422, 'rejected'], [{ call_id: 'call_none' }, 422, 'rejected'],
      ['{"caller_id":"1","caller_id":"2"}', 422, 'rejected'],
      [`{"caller_id":"${from}","x":${'['.repeat(40)}1${']'.repeat(40)}}`, 200, 'pending'],
      [{ caller_id: from, x: Array(6000).fill(1) }, 200, 'pending'],
      [{ caller_id: from, x: 'y'.repeat(300000) }, 413, 'rejected']]
    for (const [body, status] of sent) assert.equal((await post(hook.url, body)).status, status, JSON.stringify(body).slice(0, 60))
    assert.equal((await post(hook.url.replace('/call-data', '/update-revenue'), { caller_id: from })).status, 403)
    const rows = await requests(`&incoming_webhook_id=${hook.id}`)
    assert.deepEqual(rows.map((r: any) => r.status), ['rejected', ...sent.map((x) => x[2]).reverse()])
    assert.deepEqual(rows.map((r: any) => r.http_status), [403, ...sent.map((x) => x[1]).reverse()])
    assert.equal((await requests(`&incoming_webhook_id=${hook.id}&status=rejected`)).length, 6)
    assert.deepEqual((await requests(`&caller_id=${encodeURIComponent(from)}`)).length, 4)
    assert.deepEqual((await requests('&unique_id=k1')).length, 1)
    assert.deepEqual(await requests(`&incoming_webhook_id=${hook.id}&to=2020-01-01T00:00:00Z`), [])
    const broken = await s.api('GET', `/incoming-webhook-requests/${rows[7].id}`)
    assert.deepEqual([broken.body, broken.problem.status], ['{"caller_id":', 400])
    assert.equal((await s.raw('GET', '/api/v1/incoming-webhook-requests?from=soon')).status, 400)
  })

  test('fields that no tag takes are found; a request is evaluated again with the tag that was made for one', async () => {
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'Discovered' }), c = await call(next())
    const r = await post(hook.url, { call_id: c.id, lead: { budget: 900, tags: ['a'] }, city: 'Austin' })
    await post(hook.url, { call_id: c.id, city: 'Waco' })
    const fields = (await s.api('GET', `/incoming-webhooks/${hook.id}/fields`)).data
    assert.deepEqual(fields.map((f: any) => [f.pointer, f.parameter, f.example, f.count]).sort(), [['/city', 'city', 'Waco', 2], ['/lead/budget', null, '900', 1], ['/lead/tags/0', null, 'a', 1]])
    await tag('city')
    await tag('budget', { type: 'number', sources: [{ kind: 'incoming_webhook', pointer: '/lead/budget' }] })
    assert.deepEqual((await s.api('GET', `/incoming-webhooks/${hook.id}/fields`)).data.map((f: any) => f.pointer), ['/lead/tags/0'])
    const dry = await s.api('POST', `/incoming-webhook-requests/${r.body.request_id}/replay`)
    assert.deepEqual([dry.applied, dry.tags], [false, { budget: 900, city: 'Austin' }])
    assert.deepEqual((await s.api('GET', `/calls/${c.id}`)).tags, {})
    const wet = await s.api('POST', `/incoming-webhook-requests/${r.body.request_id}/replay`, { apply: true })
    assert.deepEqual([wet.applied, wet.tags], [true, { budget: 900, city: 'Austin' }])
    assert.deepEqual((await s.api('GET', `/calls/${c.id}`)).tags, { budget: 900, city: 'Austin' })
    for (const path of [`/incoming-webhooks/${hook.id}/fields`, `/incoming-webhook-requests/${r.body.request_id}`]) assert.equal((await s.raw('GET', `/api/v1${path}`, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('POST', `/api/v1/incoming-webhook-requests/${r.body.request_id}/replay`, { apply: true }, {}, other)).status, 404)
    assert.equal((await s.raw('POST', `/api/v1/calls/${c.id}/tags/reveal`, { name: 'city' }, {}, other)).status, 422)
  })

  test('another organization\'s key changes none of the calls', async () => {
    const c = await call(next()), theirs = await s.api('POST', '/incoming-webhooks', { name: 'Theirs', types: ['call_data', 'update_tags', 'update_revenue', 'update_fields'] }, other)
    for (const path of ['/call-data', '/update-tags', '/update-revenue', '/update-fields'])
      assert.equal((await post(theirs.url.replace('/call-data', path), { call_id: c.id, revenue: 5, disposition: 'mine', last: 'x' })).status, 422, path)
    const log = await s.api('GET', `/calls/${c.id}`)
    assert.deepEqual([log.revenue, log.disposition, log.tags], [c.revenue, c.disposition, {}])
  })

  test('senders that drip their request neither hold the others up nor stay for ever', async () => {
    const slow = Array.from({ length: 200 }, () => {
      const socket = connect(s.http, '127.0.0.1')
      socket.on('error', () => {})
      socket.write(`POST /call-data?key=${all.key} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{`)
      return socket
    })
    await sleep(200)
    for (let i = 0; i < 20; i++) assert.equal((await post(all.url, { caller_id: next() })).status, 200)
    slow.forEach((x) => x.destroy())
  })
})

test('the examples of the documentation work as written', { skip: usePostgres }, async () => {
  const s = await Strowger.start()
  for (const t of [{ name: 'state' }, { name: 'score', type: 'number' }]) await s.api('POST', '/custom-tags', t)
  const hook = await s.api('POST', '/incoming-webhooks', { name: 'hook', types: ['call_data', 'update_tags', 'update_revenue', 'update_fields'] })
  const flow = await s.flow('ends', [{ id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'h']])
  await s.campaign('+18005550604', { execution_mode: 'call_flow', call_flow_id: flow.id })
  await s.call('+18005550604', ['--from', '+15125550142'])
  const call = await s.lastCall()
  const blocks = [...readFileSync(join(root, 'docs/incoming-webhooks.md'), 'utf8').matchAll(/```sh\n(.*?)```/gs)].map((m) => m[1])
  assert.equal(blocks.length, 4)
  const run = promisify(execFile)
  for (const block of blocks) await run('bash', ['-euc', block], { env: { ...process.env, URL: hook.url, CALL: call.id } })
  const log = await s.api('GET', `/calls/${call.id}`)
  assert.deepEqual([log.revenue, log.converted, log.disposition], ['20.00', true, 'sold'])
  assert.equal((await s.api('GET', '/incoming-webhook-requests')).data.filter((r: any) => r.status === 'rejected').length, 0)
  await s.stop()
})

describe('what was acknowledged', () => {
  const rounds = Number(process.env.STROWGER_KILL_ROUNDS ?? 10)
  test(`is there after kill -9, and not twice (${rounds} rounds)`, { timeout: 60000 + rounds * 12000 }, async () => {
    const s = await Strowger.start()
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'hook', types: ['call_data', 'update_revenue'] })
    await s.api('POST', '/custom-tags', { name: 'list', on_repeat: 'append' })
    const flow = await s.flow('ends', [{ id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'h']])
    await s.campaign('+18005550603', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call('+18005550603', ['--from', '+15125550999'])
    const call = await s.lastCall()
    const known = new Set<string>() // what the server said it has
    let n = 0, added = 0, unknown = 0
    for (let round = 0; round < rounds; round++) {
      let over = false
      const senders = Array.from({ length: 8 }, async () => {
        while (!over) {
          const unique_id = `n${n++}`, revenue = n % 4 === 0
          const send = () => post(revenue ? hook.url.replace('/call-data', '/update-revenue') : hook.url, revenue ? { call_id: call.id, unique_id, revenue: '1.00', mode: 'add' } : { caller_id: '+15125550998', unique_id, list: unique_id })
          const first = await send().catch(() => undefined)
          if (first?.status === 200) known.add(unique_id)
          else if (revenue) { // whether it was taken is not known: it is sent again, with the same id, until it is
            unknown++
            while (!(await send().catch(() => undefined))) await sleep(100)
            known.add(unique_id)
          }
          if (revenue) added++
        }
      })
      await sleep(50 + Math.random() * 250)
      await s.kill('SIGKILL')
      over = true
      await s.serve()
      await Promise.all(senders)
    }
    const kept = new Map<string, number>()
    for (let cursor = ''; ; ) {
      const page = await s.api('GET', `/incoming-webhook-requests?limit=1000${cursor && `&cursor=${cursor}`}`)
      for (const r of page.data) if (r.unique_id) kept.set(r.unique_id, (kept.get(r.unique_id) ?? 0) + 1)
      if (!(cursor = page.next_cursor ?? '')) break
    }
    assert.deepEqual([...known].filter((id) => kept.get(id) !== 1), [], `${known.size} acknowledged, ${unknown} sent again`)
    assert.equal((await s.api('GET', `/calls/${call.id}`)).revenue, `${added}.00`, 'each was added once')
    await s.stop()
  })
})
