// Numbers that are lent to visitors of landing pages: leases, tags, attribution, limits, and what is told of pools.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

const browser = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36'

describe('DNI', () => {
  let s: Strowger
  let n = 0
  let from: Peer, target: Peer
  let plan: { id: string }
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '0', '--rtp-ports', '51000-54999', '--trusted-proxies', '127.0.0.1'])
    from = await Peer.start()
    target = await Peer.start()
    await s.campaign('+18005556500', {}) // and the trunk
    for (const name of ['utm_source', 'gclid', 'landing_page', 'first_utm_source', 'ga_client_id', 'who']) await s.api('POST', '/custom-tags', { name })
    await s.api('POST', '/custom-tags', { name: 'keyword', sources: [{ kind: 'dni', parameter: 'utm_term' }] })
    await s.api('POST', '/custom-tags', { name: 'email', sensitive: true })
    plan = await s.plan('DNI', [{ uri: target.uri, concurrency: 1000 }])
  })
  after(() => s.stop())

  // A pool with so many numbers, its campaign, and a snippet for it.
  const setUp = async ({ numbers = 2, pool = {}, snippet = {} }: { numbers?: number; pool?: object; snippet?: object } = {}) => {
    const campaign = await s.api('POST', '/campaigns', { name: `DNI campaign ${++n}`, routing_plan_id: plan.id })
    const made = await s.api('POST', '/number-pools', { name: `Pool ${n}`, campaign_id: campaign.id, ...pool }), list: string[] = []
    for (let i = 0; i < numbers; i++) {
      list.push(`+1512556${String(++n).padStart(4, '0')}`)
      await s.api('POST', '/numbers', { number: list.at(-1), pool_id: made.id })
    }
    const dni = await s.api('POST', '/dni-snippets', { name: `Snippet ${n}`, pool_id: made.id, numbers: ['(800) 555-0100'], ...snippet })
    return { campaign, pool: made, numbers: list, dni }
  }
  const visitor = () => `visitor${String(++n).padStart(12, '0')}`
  const post = async (path: string, body: object, headers: Record<string, string> = {}) => {
    const r = await fetch(`${s.url}${path}`, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'text/plain', 'user-agent': browser, ...headers } })
    return { status: r.status, headers: r.headers, ...((await r.json()) as any) }
  }
  // From an address of its own, unless the headers say another.
  const lease = (d: { dni: { id: string } }, who = visitor(), more: object = {}, headers: Record<string, string> = {}) => post('/dni/lease', { snippet: d.dni.id, visitor: who, url: 'https://example.com/', referrer: '', ...more }, { 'x-forwarded-for': `10.9.${++n >> 8}.${n & 255}`, ...headers })
  const call = async (number: string, caller: string) => {
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${caller}@127.0.0.1>;tag=${Math.random()}`] })
    assert.equal(d.status, 200)
    await d.request('BYE')
    const { id } = await s.lastCall((c) => c.id > last && c.number === number)
    return s.api('GET', `/calls/${id}`)
  }

  test('a visitor gets a number, and the call to it what is known of the visit', async () => {
    const d = await setUp(), me = visitor()
    const a = await lease(d, me, { url: 'https://example.com/solar?utm_source=google&utm_term=cheap%20solar&gclid=Cj0K&email=a%40b.com#top', first_url: 'https://example.com/?utm_source=newsletter', ga_client_id: '12.34' })
    assert.deepEqual([a.status, a.number, a.headers.get('access-control-allow-origin')], [200, d.numbers[0], '*'])
    assert.match(a.display, /^\(512\) 556-\d{4}$/)
    assert.ok(Math.abs(Date.parse(a.expires_at) - Date.now() - 1800_000) < 60_000)
    const c = await call(a.number, '+15125550171')
    assert.deepEqual([c.campaign_id, c.tags.utm_source, c.tags.keyword, c.tags.gclid, c.tags.first_utm_source, c.tags.ga_client_id], [d.campaign.id, 'google', 'cheap solar', 'Cj0K', 'newsletter', '12.34'])
    const tags = (await s.api('GET', `/calls/${c.id}/tags`)).data
    assert.ok(tags.every((t: any) => t.source === 'dni' && t.origin === a.lease_id))
    const [row] = await until('the call with the lease', async () => { const { data } = await s.api('GET', `/number-pools/${d.pool.id}/leases`); return data[0]?.calls && data })
    assert.deepEqual([row.id, row.number, row.state, row.calls, row.call_id, row.visitor], [a.lease_id, a.number, 'lent', 1, c.id, me.slice(0, 8)])
    assert.ok(!JSON.stringify(row).includes('a@b.com'), 'what a sensitive tag took is not shown')
    // the visitor's second call, after another page: the visit as it is now
    assert.deepEqual((await lease(d, me, { url: 'https://example.com/?utm_source=bing' })).lease_id, a.lease_id)
    assert.equal((await call(a.number, '+15125550171')).tags.utm_source, 'bing')
  })

  test('a lease lasts while the page tells of itself; then the number cools down, still the visitor\'s; then it is lent anew', async () => {
    const d = await setUp({ numbers: 1, pool: { lease_seconds: 60, cooldown_seconds: 2 } }), me = visitor()
    const a = await lease(d, me, { url: 'https://example.com/?who=me' })
    assert.equal((await post('/dni/heartbeat', { snippet: d.dni.id, visitor: me, lease_id: a.lease_id })).status, 200)
    for (const body of [{ visitor: me, lease_id: 'lse_00000000000000000000000000' }, { visitor: visitor(), lease_id: a.lease_id }, { visitor: me }]) assert.equal((await post('/dni/heartbeat', { snippet: d.dni.id, ...body })).status, 404)
    assert.deepEqual(await lease(d).then((x) => [x.lease_id, x.number, x.reason]), [null, null, 'no_number_free'])
    // the lease is made to end now: a pool's times are those of the lease's beginning
    const short = await setUp({ numbers: 1, pool: { lease_seconds: 60, cooldown_seconds: 0 } })
    await s.api('PATCH', `/number-pools/${short.pool.id}`, { fallback_number: '+18005550100' })
    const b = await lease(short)
    assert.equal(b.number, short.numbers[0])
    assert.deepEqual(await lease(short).then((x) => [x.lease_id, x.number, x.display]), [null, '+18005550100', '(800) 555-0100'])
    const { data, numbers, in_use, dry, advised_numbers } = await until('the hour', async () => { const x = await s.api('GET', `/number-pools/${short.pool.id}/statistics`); return x.dry && x })
    assert.deepEqual([numbers, in_use, dry, advised_numbers, data.length, data[0].peak, data[0].leases], [1, 1, 1, 2, 1, 1, 1])
  })

  test('leases are still there after the server was killed, and calls are attributed', async () => {
    const d = await setUp({ numbers: 3 }), visitors = Array.from({ length: 3 }, visitor)
    const leases = await Promise.all(visitors.map((v, i) => lease(d, v, { url: `https://example.com/?who=v${i}&email=x%40y.z` })))
    await until('the leases on disk', async () => (await s.api('GET', `/number-pools/${d.pool.id}/leases`)).data.length === 3)
    await s.kill()
    await s.serve()
    assert.deepEqual((await lease(d, visitors[1])).number, leases[1].number)
    assert.equal((await lease(d)).reason, 'no_number_free')
    const c = await call(leases[2].number, '+15125550172')
    assert.deepEqual([c.tags.who, c.tags.email], ['v2', '********'])
    assert.equal((await s.api('POST', `/calls/${c.id}/tags/reveal`, { name: 'email' })).value, 'x@y.z')
  })

  test('1,000 visitors on 50 numbers, calling all the while: no call gets another visitor\'s tags', async () => {
    const d = await setUp({ numbers: 50, snippet: { leases_of_address: 100000 }, pool: { cooldown_seconds: 0 } })
    const visitors = Array.from({ length: 1000 }, visitor)
    const answers = await Promise.all(visitors.map((v, i) => lease(d, v, { url: `https://example.com/?who=${v}` }, { 'x-forwarded-for': `10.0.${i % 250}.${i >> 8}` })))
    const lent = answers.map((a, i) => ({ ...a, who: visitors[i] })).filter((a) => a.lease_id)
    assert.equal(lent.length, 50)
    assert.equal(new Set(lent.map((a) => a.number)).size, 50)
    assert.ok(answers.every((a) => a.lease_id || a.reason === 'no_number_free'))
    for (let at = 0; at < lent.length; at += 10)
      await Promise.all(lent.slice(at, at + 10).map(async (a, i) => {
        const x = await from.call(s.sip, `sip:${a.number}@127.0.0.1`, { headers: [`From: <sip:+1512557${String(at + i).padStart(4, '0')}@127.0.0.1>;tag=${Math.random()}`] })
        await lease(d, visitors[at * 7 + i], {}, { 'x-forwarded-for': `10.1.0.${i}` }) // others go on asking
        await x.request('BYE')
      }))
    await until('all calls to be over', async () => !(await s.metric('strowger_calls_active')))
    const rows = (await s.api('GET', `/calls?limit=500&campaign_id=${d.campaign.id}&include=tags`)).data
    assert.equal(rows.length, 50)
    for (const r of rows) assert.equal(r.tags.who ?? lent.find((a) => a.number === r.number).who, lent.find((a) => a.number === r.number).who)
  })

  test('bots, other sites, and one address that wants all numbers get none', async () => {
    const d = await setUp({ numbers: 5, snippet: { allowed_origins: ['https://example.com', 'https://*.example.org'], leases_of_address: 2 } })
    const asked = async (headers: Record<string, string>) => { const a = await lease(d, visitor(), {}, { origin: 'https://example.com', 'x-forwarded-for': '198.51.100.6', ...headers }); return a.reason ?? (a.lease_id ? 'lent' : a.status) }
    assert.equal(await asked({ 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' }), 'bot')
    assert.equal(await asked({ 'user-agent': 'Mozilla/5.0 HeadlessChrome/130.0' }), 'bot')
    for (const origin of ['https://example.net', 'http://example.com', 'https://example.com.evil.net', 'https://example.org', 'https://evilexample.org', 'null']) assert.equal(await asked({ origin }), 403, origin)
    assert.equal(await asked({}), 'lent')
    assert.equal(await asked({ origin: 'https://www.example.org' }), 'lent')
    assert.equal(await asked({}), 'too_many_of_address')
    assert.equal(await asked({ 'x-forwarded-for': '198.51.100.7' }), 'lent')
    const preflight = await fetch(`${s.url}/dni/lease`, { method: 'OPTIONS', headers: { origin: 'https://example.com', 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } })
    assert.deepEqual([preflight.status, preflight.headers.get('access-control-allow-origin'), preflight.headers.get('access-control-allow-headers')], [204, 'https://example.com', 'Content-Type'])
    const page = await lease(d, visitor(), {}, { origin: 'https://www.example.org', 'x-forwarded-for': '198.51.100.8' })
    assert.deepEqual([page.headers.get('access-control-allow-origin'), page.headers.get('vary')], ['https://www.example.org', 'Origin'])
    const pages = await until('the pages', async () => { const { data } = await s.api('GET', `/dni-snippets/${d.dni.id}/pages`); return data.reduce((sum: number, p: any) => sum + p.leases, 0) === 4 && data })
    assert.deepEqual(pages.map((p: any) => [p.origin, p.leases]).sort(), [['https://example.com', 2], ['https://www.example.org', 2]])
    const small = await setUp({ numbers: 4 }), same = { 'x-forwarded-for': '198.51.100.10' }
    assert.deepEqual(await Promise.all([0, 1, 2].map(async () => (await lease(small, visitor(), {}, same)).reason ?? 'lent')).then((l) => l.sort()), ['lent', 'lent', 'too_many_of_address']) // half of them
    let last = 0
    for (let i = 0; i < 3000 && last !== 429; i += 20) last = Math.max(...(await Promise.all(Array.from({ length: 20 }, () => lease(d, visitor(), {}, { origin: 'https://example.com', 'x-forwarded-for': '198.51.100.9' })))).map((a) => a.status))
    assert.equal(last, 429)
  })

  test('bad requests say what is wrong; a disabled snippet lends nothing; guesses find nothing', async () => {
    const d = await setUp()
    for (const [body, pointer] of [[{ visitor: visitor() }, '/snippet'], [{ snippet: 'dni_00000000000000000000000000', visitor: visitor() }, '/snippet'], [{ snippet: d.dni.id }, '/visitor'], [{ snippet: d.dni.id, visitor: 'short' }, '/visitor'], [{ snippet: d.dni.id, visitor: 'x/../../../../../../y' }, '/visitor']] as const) {
      const a = await post('/dni/lease', body)
      assert.deepEqual([a.status, a.errors[0].pointer], [422, pointer])
    }
    assert.equal((await fetch(`${s.url}/dni/lease`, { method: 'POST', body: '{"a', headers: { 'user-agent': browser } })).status, 400)
    assert.equal((await lease(d, visitor(), { url: 5, referrer: ['x'], first_url: null })).status, 200)
    assert.equal((await lease(d, visitor(), { url: `https://example.com/?a=${'%zz'.repeat(10)}&${'x'.repeat(9000)}` })).status, 200)
    const script = await fetch(d.dni.url), text = await script.text()
    assert.deepEqual([script.status, script.headers.get('content-type'), script.headers.get('cache-control')], [200, 'application/javascript', 'public, max-age=300'])
    assert.ok(text.includes(`"snippet":"${d.dni.id}"`) && !text.includes(d.numbers[0]!))
    for (const id of ['dni_00000000000000000000000000.js', d.dni.id, `${d.pool.id}.js`]) assert.equal((await fetch(`${s.url}/dni/${id}`)).status, 404)
    await s.api('PATCH', `/dni-snippets/${d.dni.id}`, { enabled: false })
    assert.deepEqual([(await lease(d)).reason, (await (await fetch(d.dni.url)).text()).includes('disabled')], ['disabled', true])
    for (const [origin, ok] of [['example.com', false], ['https://example.com/', false], ['https://Example.com', false], ['http://localhost:8080', true]] as const)
      assert.equal((await s.raw('PATCH', `/api/v1/dni-snippets/${d.dni.id}`, { allowed_origins: [origin] })).status, ok ? 200 : 422, origin)
  })

  test('other organizations see and use nothing of it', async () => {
    const d = await setUp()
    await lease(d)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', '--password-file', `${s.dir}/password`, ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/numbers', undefined, {}, other)).ok)
    for (const path of [`/number-pools/${d.pool.id}`, `/dni-snippets/${d.dni.id}`, `/number-pools/${d.pool.id}/leases`, `/number-pools/${d.pool.id}/statistics`, `/dni-snippets/${d.dni.id}/pages`]) assert.equal((await s.raw('GET', `/api/v1${path}`, undefined, {}, other)).status, 404, path)
    assert.equal((await s.raw('POST', '/api/v1/dni-snippets', { name: 'x', pool_id: d.pool.id }, {}, other)).status, 422)
    assert.equal((await s.raw('POST', '/api/v1/numbers', { number: '+15125569999', pool_id: d.pool.id }, {}, other)).status, 422)
    await sleep(10)
  })
})
