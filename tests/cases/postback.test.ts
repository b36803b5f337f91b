// Postbacks as partners, trackers and CRMs send them: empty members, updates by the caller's number, GET, every way to
// show a key, one request for everything, tags that are removed, and keys of single calls.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Receiver, Strowger, until } from '../e2e/harness.ts'

interface Answer {
  status: number
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any
}

const answer = async (r: Response): Promise<Answer> => {
  const text = await r.text()
  return { status: r.status, body: text ? JSON.parse(text) : null }
}
const post = async (url: string, body: unknown, headers: Record<string, string> = {}) =>
  answer(
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  )
const form = async (url: string, fields: Record<string, string>) =>
  answer(await fetch(url, { method: 'POST', body: new URLSearchParams(fields) }))
const get = async (url: string, query: Record<string, string> = {}) => {
  const whole = new URL(url)
  for (const [name, value] of Object.entries(query)) whole.searchParams.append(name, value)
  return answer(await fetch(whole))
}

const types = ['call_data', 'update_tags', 'update_revenue', 'update_fields']

describe('postbacks', () => {
  let s: Strowger
  let all: { id: string; url: string; key: string }
  let other: string // another organization's API key
  let caller = 2145550000
  const next = () => `+1${++caller}`
  const at = (path: string) => all.url.replace('/call-data', path)
  const call = async (from = next(), number = '+18005550701') => {
    const query = `/calls?caller_id=${encodeURIComponent(from)}`
    const before = (await s.api('GET', query)).data.map((c: { id: string }) => c.id)
    await s.call(number, ['--from', from])
    return s.lastCall((c) => c.caller_id === from && !before.includes(c.id))
  }
  const log = (id: string) => s.api('GET', `/calls/${id}`)
  const money = async (id: string) => {
    const c = await log(id)
    return [c.revenue, c.payout, c.converted]
  }
  const stored = (id: string) => s.api('GET', `/incoming-webhook-requests/${id}`)
  const tag = (name: string, fields: object = {}) =>
    s.api('POST', '/custom-tags', { name, ...fields })
  const events = async (id: string, type: string) =>
    (await s.api('GET', `/calls/${id}/events`)).data.filter((e: { type: string }) => e.type === type)
  const live = async (from: string) =>
    until('the live call', async () => {
      const query = `/calls?status=active&caller_id=${encodeURIComponent(from)}`
      return (await s.api('GET', query)).data[0]
    })

  before(async () => {
    s = await Strowger.start()
    all = await s.api('POST', '/incoming-webhooks', { name: 'All', types })
    await tag('state')
    await tag('plan')
    await tag('lead_source')
    await tag('sold')
    await tag('score', { type: 'number' })
    const ends = await s.flow('ends', [{ id: 'h', type: 'hangup', config: {} }], [
      ['start', 'next', 'h'],
    ])
    const waits = await s.flow('waits', [{ id: 'w', type: 'wait', config: { seconds: 6 } }], [
      ['start', 'next', 'w'],
    ])
    const mode = { execution_mode: 'call_flow' }
    await s.campaign('+18005550701', { ...mode, call_flow_id: ends.id, payout: '4.00' })
    await s.campaign('+18005550702', { ...mode, call_flow_id: waits.id })
    const flag = ['--data', s.data, '--name', 'Other', '--email', 'other@example.com']
    other = JSON.parse(s.run(['organization', 'add', ...flag, ...s.databaseFlag()])).api_key
    const known = async () => (await s.raw('GET', '/api/v1/organization', undefined, {}, other)).ok
    await until('the other organization', known)
  })
  after(() => s.stop())

  describe('what is empty or blank is as if it were not sent', () => {
    test('unique_id, transaction_id and the header: each lead waits, none is a duplicate', async () => {
      for (const [body, headers] of [
        [{ unique_id: '' }, {}],
        [{ unique_id: '  \t' }, {}],
        [{ unique_id: '\u00a0' }, {}],
        [{ unique_id: null }, {}],
        [{ transaction_id: '' }, {}],
        [{}, { 'idempotency-key': ' ' }],
        [{ fields: { unique_id: '' } }, {}],
      ] as [object, Record<string, string>][])
        for (let i = 0; i < 2; i++) {
          const r = await post(all.url, { caller_id: next(), state: 'TX', ...body }, headers)
          assert.deepEqual([r.status, r.body.status, r.body.tags], [200, 'pending', { state: 'TX' }])
          assert.deepEqual(r.body.unmatched, [], JSON.stringify(body))
        }
      for (let i = 0; i < 2; i++) {
        const r = await form(all.url, { caller_id: next(), state: 'TX', unique_id: '' })
        assert.equal(r.body.status, 'pending', 'a form')
        const g = await get(all.url, { caller_id: next(), state: 'TX', unique_id: ' ' })
        assert.equal(g.body.status, 'pending', 'a GET')
      }
    })

    test('the next name that has a value counts', async () => {
      const c = await call()
      const ids = { call_id: '', call_log_id: ' ', callId: c.id }
      assert.equal((await post(all.url, { ...ids, state: 'TX' })).body.call_id, c.id)
      const r = await post(all.url, { caller_id: '', phone_number: ' ', phone: '(214) 555-0199' })
      assert.equal((await stored(r.body.request_id)).caller_id, '+12145550199')
      for (const status of ['matched', 'duplicate']) {
        const body = { call_id: c.id, unique_id: ' ', transaction_id: 'blank-1' }
        assert.equal((await post(all.url, body)).body.status, status)
      }
    })

    test('an empty call_id is that of no call: the caller counts', async () => {
      for (const empty of ['', '   ', null]) {
        const r = await post(all.url, { call_id: empty, caller_id: next(), state: 'TX' })
        assert.deepEqual([r.status, r.body.status], [200, 'pending'])
      }
      const nobody = await post(all.url, { call_id: '', caller_id: ' ', state: 'TX' })
      assert.deepEqual([nobody.status, nobody.body.errors[0].pointer], [422, '/caller_id'])
    })

    test('what a sale does not have stays as it is', async () => {
      const c = await call()
      await post(at('/update-revenue'), { call_id: c.id, payout: '3.00', converted: true })
      const rest = { payout: '', converted: '', currency: '', mode: ' ', timestamp: '' }
      const r = await post(at('/update-revenue'), { call_id: c.id, revenue: '20.00', ...rest })
      assert.deepEqual([r.status, r.body.errors, r.body.unmatched], [200, [], []])
      assert.deepEqual(await money(c.id), ['20.00', '3.00', true])
      const fields = { publisher_id: '', disposition: ' ', reason: '', converted_at: '' }
      const f = { call_id: c.id, revenue_paid_out: '', revenue: '21', ...fields }
      assert.deepEqual((await post(at('/update-fields'), f)).body.errors, [])
      const now = await log(c.id)
      assert.deepEqual([now.revenue, now.disposition, now.publisher_id, now.reason], [
        '21.00', c.disposition, null, null,
      ])
      const nothing = { call_id: c.id, revenue: '', payout: ' ' }
      assert.equal((await post(at('/update-revenue'), nothing)).status, 422)
    })
  })

  test('a repeat is answered with what the first became, also what was refused of it', async () => {
    const from = next()
    const lead = { caller_id: from, unique_id: 'lead-1', state: 'TX', score: 'ten', colour: 'red' }
    const first = await post(all.url, lead)
    assert.equal(first.body.status, 'pending')
    const again = await post(all.url, { ...lead, state: 'OK' })
    assert.deepEqual(again.body, { ...first.body, status: 'duplicate' })
    const c = await call(from)
    const later = await post(all.url, lead)
    assert.deepEqual(later.body, { ...first.body, status: 'duplicate', call_id: c.id })
    assert.equal((await log(c.id)).tags.state, 'TX')
    await s.api('PATCH', `/calls/${c.id}/tags`, { state: 'NM' })
    const old = { call_id: c.id, state: 'TX', unique_id: 'old', timestamp: '2020-01-01T00:00:00Z' }
    const refused = await post(all.url, old)
    assert.deepEqual(refused.body.errors, [{ tag: 'state', detail: 'a later value is there' }])
    const repeated = await post(all.url, old)
    assert.deepEqual(repeated.body, { ...refused.body, status: 'duplicate' })
  })

  test('the id of a lead is its id on each path: its sale is no repeat of its data', async () => {
    const c = await call()
    const id = { call_id: c.id, unique_id: 'record-8812' }
    assert.equal((await post(all.url, { ...id, state: 'TX' })).body.status, 'matched')
    const sale = { ...id, revenue: '12.00', mode: 'add' }
    assert.equal((await post(at('/update-revenue'), sale)).body.status, 'matched')
    assert.equal((await post(at('/update-revenue'), sale)).body.status, 'duplicate')
    assert.equal((await post(at('/update-tags'), { ...id, sold: 'yes' })).body.status, 'matched')
    assert.deepEqual(await money(c.id), ['12.00', '0.00', false])
  })

  test('a transaction_id makes one sale one, however often and by whatever method it is sent', async () => {
    const c = await call()
    const sale = { call_id: c.id, revenue: '5.00', mode: 'add', transaction_id: 'T-9' }
    assert.equal((await post(at('/update-revenue'), sale)).body.status, 'matched')
    assert.equal((await get(at('/update-revenue'), sale)).body.status, 'duplicate')
    assert.equal((await form(at('/update-revenue'), sale)).body.status, 'duplicate')
    const inside = { call_id: c.id, fields: { revenue: 5, mode: 'add', transaction_id: 'T-9' } }
    assert.equal((await post(at('/update-revenue'), inside)).body.status, 'duplicate')
    const both = { ...sale, unique_id: 'U-9' }
    assert.equal((await post(at('/update-revenue'), both)).body.status, 'matched')
    assert.deepEqual(await money(c.id), ['10.00', '0.00', false])
  })

  describe('an update finds its call', () => {
    test('by each name of its id', async () => {
      const c = await call()
      for (const [i, name] of ['call_id', 'call_log_id', 'callId', 'CALL_ID'].entries()) {
        const r = await post(at('/update-revenue'), { [name]: c.id, revenue: i + 1 })
        assert.deepEqual([r.status, r.body.call_id, r.body.unmatched], [200, c.id, []], name)
        assert.equal((await log(c.id)).revenue, `${i + 1}.00`)
      }
    })

    test("by each name of the caller's number, in usual notations: the newest call", async () => {
      const from = next()
      const old = await call(from)
      const c = await call(from)
      const national = `(${from.slice(2, 5)}) ${from.slice(5, 8)}-${from.slice(8)}`
      for (const [i, [name, number]] of (
        [
          ['caller_id', from],
          ['phone_number', national],
          ['phone', from.slice(2)],
          ['phone', Number(from.slice(1))],
        ] as [string, unknown][]
      ).entries()) {
        const r = await post(at('/update-revenue'), { [name]: number, revenue: 100 + i })
        assert.deepEqual([r.status, r.body.status, r.body.call_id], [200, 'matched', c.id], name)
        assert.equal((await log(c.id)).revenue, `${100 + i}.00`)
      }
      const tags = await post(at('/update-tags'), { caller_id: from, sold: 'yes' })
      assert.deepEqual([tags.body.status, tags.body.tags], ['matched', { sold: 'yes' }])
      const fields = await post(at('/update-fields'), { phone: national, disposition: 'sold' })
      assert.equal(fields.body.call_id, c.id)
      assert.equal((await log(c.id)).disposition, 'sold')
      const before = await log(old.id)
      assert.deepEqual([before.revenue, before.tags, before.disposition], ['0.00', {}, old.disposition])
      const third = await call(from)
      assert.deepEqual(third.tags, {}, 'nothing waited for the next call')
    })

    test('by number the live call goes before those that ended, and an id before a number', async () => {
      const from = next()
      const ended = await call(from)
      const running = s.call('+18005550702', ['--from', from])
      const now = await live(from)
      const r = await post(at('/update-revenue'), { phone: from, revenue: '7.00' })
      assert.equal(r.body.call_id, now.id)
      const named = { call_log_id: ended.id, caller_id: from, revenue: '8.00' }
      assert.equal((await post(at('/update-revenue'), named)).body.call_id, ended.id)
      await s.api('POST', `/calls/${now.id}/hangup`)
      await running
      await until('the end', async () => (await log(now.id)).status === 'completed')
      assert.deepEqual(await money(now.id), ['7.00', '0.00', false])
      const wrong = { call_id: 'call_none', caller_id: from, revenue: '9.00' }
      const none = await post(at('/update-revenue'), wrong)
      assert.deepEqual([none.status, none.body.title], [422, 'There is no such call'])
    })

    test('only in its campaigns, of its organization, and within match_within_days', async () => {
      const from = next()
      const c = await call(from)
      const campaigns = (await s.api('GET', '/campaigns')).data
      const elsewhere = campaigns.find((x: { id: string }) => x.id !== c.campaign_id).id
      const narrow = { name: 'Narrow', types, campaign_ids: [elsewhere] }
      const hook = await s.api('POST', '/incoming-webhooks', narrow)
      const revenue = hook.url.replace('/call-data', '/update-revenue')
      assert.equal((await post(revenue, { phone: from, revenue: 1 })).status, 422)
      const theirs = await s.api('POST', '/incoming-webhooks', { name: 'Theirs', types }, other)
      for (const path of ['/update-revenue', '/update-fields', '/update-tags']) {
        const url = theirs.url.replace('/call-data', path)
        assert.equal((await post(url, { phone: from, revenue: 1 })).status, 422, path)
        assert.equal((await post(url, { call_log_id: c.id, revenue: 1 })).status, 422, path)
      }
      assert.deepEqual(await money(c.id), ['0.00', '0.00', false])
      const shown = await s.api('GET', `/incoming-webhooks/${all.id}`)
      assert.deepEqual([shown.match_within_days, shown.keep_unmatched], [7, true])
      for (const days of [0, 366, 1.5, 'a week']) {
        const bad = await s.raw('PATCH', `/api/v1/incoming-webhooks/${all.id}`, {
          match_within_days: days,
        })
        assert.equal(bad.status, 422, String(days))
      }
    })

    test('or is refused, kept with its outcome, and never data of the next call', async () => {
      const from = next()
      for (const path of ['/update-tags', '/update-revenue', '/update-fields']) {
        const r = await post(at(path), { phone_number: from, revenue: '1.00', sold: 'yes', converted: true })
        assert.deepEqual([r.status, r.body.title], [422, 'There is no such call'], path)
        assert.match(r.body.detail, /none of the last 7 days/)
      }
      const query = `/incoming-webhook-requests?caller_id=${encodeURIComponent(from)}`
      const rows = (await s.api('GET', query)).data
      assert.deepEqual(rows.map((x: { status: string }) => x.status), Array(3).fill('rejected'))
      const kept = await stored(rows[0].id)
      assert.deepEqual([kept.problem.title, kept.data.revenue], ['There is no such call', '1.00'])
      const c = await call(from)
      assert.deepEqual([c.tags, c.revenue, c.converted, c.custom_data], [{}, '0.00', false, {}])
    })
  })

  describe('GET and every way to show the key', () => {
    test('all four paths take GET, with values in the URL', async () => {
      const c = await call()
      const revenue = await get(at('/update-revenue'), { call_id: c.id, revenue: '10' })
      assert.deepEqual([revenue.status, revenue.body.status], [200, 'matched'])
      const query = { call_id: c.id, converted: '1', disposition: 'sold', reason: 'bought it' }
      assert.equal((await get(at('/update-fields'), query)).status, 200)
      const tags = await get(at('/update-tags'), { call_id: c.id, state: 'NM' })
      assert.deepEqual(tags.body.tags, { state: 'NM' })
      const from = next()
      const data = await get(all.url, { caller_id: from, plan: 'gold', source: 'radio' })
      assert.deepEqual([data.body.status, data.body.unmatched], ['pending', ['source']])
      const now = await log(c.id)
      assert.deepEqual([now.revenue, now.converted, now.disposition, now.reason, now.tags.state], [
        '10.00', true, 'sold', 'bought it', 'NM',
      ])
      const coming = await call(from)
      assert.deepEqual([coming.tags, coming.custom_data], [{ plan: 'gold' }, { source: 'radio' }])
      assert.equal((await stored(revenue.body.request_id)).method, 'GET')
    })

    test('values at the top, in fields, as text of JSON and in brackets', async () => {
      const c = await call()
      const set = async (n: number, r: Promise<Answer>) => {
        const { status, body } = await r
        assert.deepEqual([status, body.unmatched, body.errors], [200, [], []], `${n}`)
        assert.equal((await log(c.id)).revenue, `${n}.00`)
      }
      await set(1, post(at('/update-fields'), { call_id: c.id, fields: { revenue: 1 } }))
      await set(2, post(at('/update-fields'), { fields: { call_id: c.id, revenue: 2 } }))
      await set(3, get(at('/update-fields'), { call_id: c.id, fields: '{"revenue":3}' }))
      await set(4, form(at('/update-fields'), { call_id: c.id, 'fields[revenue]': '4' }))
      await set(5, get(at('/update-revenue'), { 'fields[call_id]': c.id, 'fields[revenue]': '5' }))
      const both = { call_id: c.id, revenue: 6, fields: { revenue: 7, revenue_paid_out: 8 } }
      const r = await post(at('/update-fields'), both)
      assert.deepEqual(r.body.unmatched, ['revenue', 'revenue_paid_out'], 'the top counts')
      assert.equal((await log(c.id)).revenue, '6.00')
      const twice = await post(at('/update-fields'), { call_id: c.id, fields: { revenue: 7 }, Fields: { reason: 'late' } })
      assert.deepEqual(twice.body.errors, [{ field: 'Fields', detail: 'is there in another case, too: only that one was read' }])
      assert.equal((await log(c.id)).revenue, '7.00')
      const data = await post(all.url, { fields: { caller_id: next(), state: 'TX' } })
      assert.deepEqual([data.body.status, data.body.tags], ['pending', { state: 'TX' }])
    })

    test('the key in the URL, the body or a header, each by its name', async () => {
      const c = await call()
      const bare = at('/update-revenue').replace(/\?.*/, '')
      const sale = { call_id: c.id, revenue: '10.00' }
      const { key } = all
      const bearer = { authorization: `Bearer ${key}` }
      const good: Promise<Answer>[] = [
        post(`${bare}?key=${key}`, sale),
        post(`${bare}?moja_auth_key=${key}`, sale),
        post(`${bare}?key=&moja_auth_key=${key}`, sale),
        post(bare, { ...sale, moja_auth_key: key }),
        post(bare, { ...sale, fields: { moja_auth_key: key } }),
        post(bare, { ...sale, fields: JSON.stringify({ moja_auth_key: key }) }),
        form(bare, { ...sale, fields: JSON.stringify({ key }) }),
        form(bare, { ...sale, 'Fields[key]': key }),
        post(bare, { ...sale, key }),
        post(bare, sale, bearer),
        post(bare, sale, { authorization: `bearer  ${key}` }),
        form(bare, { ...sale, moja_auth_key: key }),
        get(bare, { ...sale, moja_auth_key: key }),
        post(`${bare}?key=${key}`, { ...sale, moja_auth_key: 'iwk_old' }),
        post(bare, { ...sale, moja_auth_key: key }, { authorization: 'Bearer something' }),
      ]
      for (const [i, r] of (await Promise.all(good)).entries()) {
        assert.deepEqual([r.status, r.body.unmatched], [200, []], `${i}`)
        const kept = JSON.stringify(await stored(r.body.request_id))
        assert.ok(!kept.includes(key), `${i} is kept with its key`)
      }
      const bad: Promise<Answer>[] = [
        post(bare, sale),
        post(`${bare}?key=iwk_guess`, { ...sale, moja_auth_key: key }, bearer),
        post(`${bare}?moja_auth_key=iwk_guess`, sale, bearer),
        post(bare, { ...sale, moja_auth_key: 'iwk_guess' }, bearer),
        post(bare, sale, { authorization: `Bearer ${s.key}` }),
        post(bare, '{"moja_auth_key":', {}),
        get(bare, sale),
      ]
      for (const [i, r] of (await Promise.all(bad)).entries()) assert.equal(r.status, 401, `${i}`)
      const damaged = await post(bare, '{"call_id":', bearer)
      assert.equal(damaged.status, 400)
    })

    test('HEAD, and GET without data, tell whether the URL is good, and nothing comes of them', async () => {
      const from = next()
      const before = (await s.api('GET', '/incoming-webhook-requests?limit=1')).data[0].id
      for (const path of ['/call-data', '/update-tags', '/update-revenue', '/update-fields']) {
        const url = at(path)
        const head = await fetch(url, { method: 'HEAD' })
        assert.deepEqual([head.status, await head.text()], [200, ''], path)
        const data = await fetch(`${url}&caller_id=${encodeURIComponent(from)}`, { method: 'HEAD' })
        assert.equal(data.status, 200)
        const check = await get(url)
        assert.deepEqual([check.status, check.body], [200, { status: 'ok' }])
        const bare = url.replace(/\?.*/, '')
        const bearer = { headers: { authorization: `Bearer ${all.key}` } }
        assert.equal((await fetch(bare, { method: 'HEAD', ...bearer })).status, 200)
        assert.equal((await fetch(bare, bearer)).status, 200)
        for (const bad of [bare, `${bare}?key=iwk_guess`])
          for (const method of ['HEAD', 'GET'])
            assert.equal((await fetch(bad, { method })).status, 401)
        assert.equal((await get(url, { call_id: '' })).status, 422, 'an empty macro is no check')
      }
      const only = await s.api('POST', '/incoming-webhooks', { name: 'Only data' })
      const wrong = only.url.replace('/call-data', '/update-tags')
      assert.equal((await fetch(wrong, { method: 'HEAD' })).status, 403)
      const rows = (await s.api('GET', '/incoming-webhook-requests?limit=200')).data
      const since = rows.slice(0, rows.findIndex((x: { id: string }) => x.id === before))
      assert.deepEqual(since.map((x: { http_status: number }) => x.http_status), Array(4).fill(422))
    })

    test('where bodies are signed, a GET may only ask whether the URL is good', async () => {
      const hook = await s.api('POST', '/incoming-webhooks', {
        name: 'Signed', types, verification: { hmac_secret: 'a shared secret' },
      })
      assert.equal((await fetch(hook.url, { method: 'HEAD' })).status, 200)
      assert.equal((await get(hook.url)).status, 200)
      const r = await get(hook.url, { caller_id: next(), state: 'TX' })
      assert.deepEqual([r.status, r.body.title], [401, 'A GET has no signature'])
    })
  })

  describe('one request updates everything', () => {
    test('of a call that ended, by the names of this API', async () => {
      const c = await call()
      const publisher = await s.api('POST', '/publishers', { name: 'Blue' })
      await post(all.url, { call_id: c.id, plan: 'gold' })
      const at_ms = Date.parse(c.started_at) + 1000
      const r = await post(at('/update-fields'), {
        call_id: c.id, converted: true, converted_at: new Date(at_ms).toISOString(),
        revenue: '45.00', publisher_payout: '30.00', reason: 'sold', payout_hold_reason: 'checking',
        disposition: 'sale', publisher_id: publisher.id,
        tags: { add: { lead_source: 'fb' }, remove: ['plan'] },
      })
      assert.deepEqual([r.status, r.body.unmatched, r.body.errors], [200, [], []])
      assert.deepEqual(r.body.tags, { lead_source: 'fb', plan: null })
      const now = await log(c.id)
      assert.deepEqual([now.converted, Date.parse(now.converted_at), now.revenue, now.payout], [
        true, at_ms, '45.00', '30.00',
      ])
      assert.deepEqual([now.reason, now.payout_hold_reason, now.disposition, now.publisher_id], [
        'sold', 'checking', 'sale', publisher.id,
      ])
      assert.deepEqual(now.tags, { lead_source: 'fb' })
    })

    test('of a live call, which keeps it when it ends', async () => {
      const from = next()
      const running = s.call('+18005550702', ['--from', from])
      const c = await live(from)
      const publisher = await s.api('POST', '/publishers', { name: 'Green' })
      const said = {
        converted: true, revenue: 9, payout: 4, reason: 'upsell', no_payout_reason: 'Caps exceeded',
        disposition: 'sold live', publisher_id: publisher.id, add: { plan: 'gold', score: 3 },
      }
      const r = await post(at('/update-fields'), { phone: from, ...said })
      assert.deepEqual([r.status, r.body.call_id, r.body.unmatched], [200, c.id, []])
      const off = await post(at('/update-fields'), { phone: from, remove: 'score' })
      assert.deepEqual(off.body.tags, { score: null })
      await s.api('POST', `/calls/${c.id}/hangup`)
      await running
      await until('the end', async () => (await log(c.id)).status === 'completed')
      const now = await log(c.id)
      assert.deepEqual([now.converted, now.revenue, now.payout, now.reason, now.payout_hold_reason], [
        true, '9.00', '4.00', 'upsell', 'Caps exceeded',
      ])
      assert.deepEqual([now.disposition, now.publisher_id, now.tags], [
        'sold live', publisher.id, { plan: 'gold' },
      ])
      assert.ok(Date.parse(now.converted_at) >= Date.parse(c.started_at))
      const told = (await events(c.id, 'call.completed')).length
      assert.equal(told, 1)
    })

    test('each member is taken, or is an error of its own', async () => {
      const c = await call()
      const wrong: [string, unknown, RegExp][] = [
        ['revenue', 'lots', /amount such as 12\.50/],
        ['revenue', [1], /single value/],
        ['revenue_paid_out', '-3', /negative/],
        ['publisher_paid_out', 'x', /amount such as 12\.50/],
        ['converted', 'perhaps', /true or false/],
        ['converted_at', 'yesterday', /is not a date/],
        ['converted_at', '02/30/2026', /there is no such day/],
        ['converted_at', '2019-01-01T00:00:00Z', /before the call/],
        ['converted_at', '2099-01-01T00:00:00Z', /future/],
        ['publisher_id', 'pub_none', /no publisher/],
        ['mode', 'twice', /replace or add/],
        ['currency', 'EUR', /USD/],
        ['reason', 'x'.repeat(300), /255/],
        ['disposition', { a: 1 }, /single value/],
        ['timestamp', 'noon', /is not a date and time.*: the time of arrival is used/],
        ['timestamp', '20261350', /is not a date and time.*: the time of arrival is used/],
        ['timestamp', '7', /is not a date and time.*: the time of arrival is used/],
        ['timestamp', '2099-01-01T00:00:00Z', /is in the future: the time of arrival is used/],
      ]
      for (const [name, value, detail] of wrong) {
        const good = name === 'disposition' ? { reason: 'kept' } : { disposition: 'kept' }
        const r = await post(at('/update-fields'), { call_id: c.id, [name]: value, ...good, converted: true, ...(name === 'converted' ? { converted: value } : {}) })
        assert.deepEqual([r.status, r.body.errors.length], [200, 1], name)
        assert.equal(r.body.errors[0].field, name)
        assert.match(r.body.errors[0].detail, detail, name)
        const now = await log(c.id)
        assert.equal(now.revenue, '0.00')
        assert.ok(now.disposition === 'kept' || now.reason === 'kept', name)
      }
      const theirs = await s.api('POST', '/publishers', { name: 'Theirs' }, other)
      const foreign = { call_id: c.id, publisher_id: theirs.id, reason: 'x' }
      assert.equal((await post(at('/update-fields'), foreign)).body.errors[0].field, 'publisher_id')
      assert.equal((await log(c.id)).publisher_id, null)
      const alone = await post(at('/update-fields'), { call_id: c.id, revenue: 'lots', fields: { publisher_id: 'pub_none' } })
      assert.deepEqual([alone.status, alone.body.errors.map((e: { pointer: string }) => e.pointer)], [
        422, ['/revenue', '/fields/publisher_id'],
      ])
    })

    test('an amount whose mode or currency is wrong is not taken, and says so', async () => {
      const c = await call()
      const sale = { call_id: c.id, revenue: 5, payout: 2, mode: 'twice', converted: true }
      const r = await post(at('/update-revenue'), sale)
      assert.deepEqual(r.body.errors.map((e: { field: string }) => e.field), ['mode', 'revenue', 'payout'])
      assert.deepEqual(await money(c.id), ['0.00', '4.00', true])
    })

    test('a time of conversion needs a conversion; taking that back forgets it', async () => {
      const c = await call()
      const when = new Date(Date.parse(c.started_at) + 2000).toISOString()
      const early = await post(at('/update-fields'), { call_id: c.id, converted_at: when })
      assert.match(early.body.errors[0].detail, /has not converted/)
      assert.equal((await log(c.id)).converted_at, null)
      await post(at('/update-revenue'), { call_id: c.id, converted: true })
      const said = Date.parse((await log(c.id)).converted_at)
      assert.ok(said >= Date.parse(c.started_at) && said <= Date.now())
      await post(at('/update-revenue'), { call_id: c.id, converted: true })
      assert.equal(Date.parse((await log(c.id)).converted_at), said, 'it converted once')
      await post(at('/update-fields'), { call_id: c.id, call_converted_at: when })
      assert.equal(Date.parse((await log(c.id)).converted_at), Date.parse(when))
      const both = { call_id: c.id, converted: false, converted_at: when }
      assert.match((await post(at('/update-fields'), both)).body.errors[0].detail, /converted: true/)
      const now = await log(c.id)
      assert.deepEqual([now.converted, now.converted_at], [false, null])
    })

    test('reasons are set, cleared with null, and settle by their time', async () => {
      const c = await call()
      const say = (fields: object) => post(at('/update-fields'), { call_id: c.id, ...fields })
      const said = async () => {
        const { reason, payout_hold_reason } = await log(c.id)
        return [reason, payout_hold_reason]
      }
      await say({ reason: ' sold ', no_payout_reason: 'Condition not met' })
      assert.deepEqual(await said(), ['sold', 'Condition not met'])
      const old = await say({ reason: 'earlier', timestamp: '2020-01-01T00:00:00Z' })
      assert.deepEqual(old.body.errors, [{ field: 'reason', detail: 'a later value is there' }])
      assert.equal((await say({ reason: null, converted: true })).status, 200)
      assert.equal((await say({ no_payout_reason: null })).status, 200)
      assert.deepEqual(await said(), [null, null])
    })

    test('update-revenue takes money by its other names, update-tags tags; each names the rest', async () => {
      const c = await call()
      const sale = { call_id: c.id, revenue_paid_out: '11', publisher_paid_out: 3, reason: 'sale' }
      const rest = { disposition: 'sold', tags: { add: { plan: 'gold' } }, add: { plan: 'silver' } }
      const r = await post(at('/update-revenue'), { ...sale, ...rest })
      assert.deepEqual([r.status, r.body.unmatched], [200, ['disposition', 'tags', 'add']])
      assert.deepEqual(await money(c.id), ['11.00', '3.00', false])
      const t = await post(at('/update-tags'), { call_id: c.id, state: 'TX', revenue: 9, ...rest })
      assert.deepEqual(t.body.tags, { plan: 'gold', state: 'TX' })
      assert.deepEqual(t.body.unmatched, ['revenue', 'disposition'])
      assert.deepEqual(await money(c.id), ['11.00', '3.00', false])
    })

    test('tags are added and removed in every form that senders have', async () => {
      const c = await call()
      const send = async (method: typeof post | typeof get, body: object) =>
        (await (method as typeof post)(at('/update-fields'), { call_id: c.id, ...body })).body
      const added: [typeof post | typeof get, object][] = [
        [post, { tags: { add: { plan: 'a', score: 1 } } }],
        [post, { add: { plan: 'b', score: 2 } }],
        [post, { fields: { add: { PLAN: 'c', score: '3' } } }],
        [post, { add: [{ name: 'plan', value: 'd' }, { key: 'score', value: 4 }] }],
        [post, { add: [{ plan: 'e' }, 'score=5'] }],
        [get as typeof post, { add: '{"plan":"f","score":6}' }],
        [get as typeof post, { add: 'plan=g, score:7' }],
        [get as typeof post, { 'tags[add][plan]': 'h', 'tags[add][score]': '8' }],
        [get as typeof post, { 'add[plan]': 'i', 'add[score]': '9' }],
      ]
      for (const [i, [method, body]] of added.entries()) {
        const r = await send(method, body)
        const tags = { plan: 'abcdefghi'[i], score: i + 1 }
        assert.deepEqual([r.tags, r.unmatched, r.errors], [tags, [], []], JSON.stringify(body))
        assert.deepEqual((await log(c.id)).tags, tags)
      }
      const removed: [typeof post | typeof get, object][] = [
        [post, { tags: { remove: ['plan', 'score'] } }],
        [post, { remove: ['Plan', 'SCORE'] }],
        [post, { remove: 'plan, score' }],
        [post, { remove: { plan: true, score: 1, state: false } }],
        [post, { add: { plan: null, score: null } }],
        [get as typeof post, { remove: 'plan,score' }],
        [get as typeof post, { remove: '["plan","score"]' }],
        [get as typeof post, { 'remove[0]': 'plan', 'remove[1]': 'score' }],
        [get as typeof post, { 'tags.remove': 'plan,score' }],
      ]
      for (const [method, body] of removed) {
        await send(post, { add: { plan: 'x', score: 5 } })
        const r = await send(method, body)
        const gone = { plan: null, score: null }
        assert.deepEqual([r.tags, r.unmatched, r.errors], [gone, [], []], JSON.stringify(body))
        assert.deepEqual((await log(c.id)).tags, {}, JSON.stringify(body))
      }
      const mixed = await send(post, { add: { plan: 'y', colour: 'red', score: 'ten' }, remove: ['plan', 'shape'] })
      assert.deepEqual(mixed.tags, { plan: 'y' }, 'what is added and removed is added')
      assert.deepEqual(mixed.unmatched, ['colour'])
      assert.deepEqual(mixed.errors.map((e: { tag: string }) => e.tag), ['shape', 'score'])
    })
  })

  describe('a tag can be removed', () => {
    test('by null from a webhook and from the API; history keeps it, and an event tells it', async () => {
      const c = await call()
      await post(all.url, { call_id: c.id, plan: 'gold', state: 'TX' })
      const r = await post(all.url, { call_id: c.id, plan: null })
      assert.deepEqual([r.status, r.body.tags, r.body.errors], [200, { plan: null }, []])
      const patched = await s.api('PATCH', `/calls/${c.id}/tags`, { state: null })
      assert.deepEqual(patched, { tags: {} })
      assert.deepEqual((await log(c.id)).tags, {})
      const rows = (await s.api('GET', `/calls/${c.id}/tags`)).data
      const plan = rows.find((x: { name: string }) => x.name === 'plan')
      assert.deepEqual([plan.value, plan.removed], [null, true])
      const history = plan.history.map((h: { previous: string; value: string }) => [h.previous, h.value])
      assert.deepEqual(history, [[null, 'gold'], ['gold', null]])
      const told = await events(c.id, 'tag.removed')
      const members = told.map((e: { data: { tag: Record<string, unknown> } }) => e.data.tag)
      assert.deepEqual(members.map((t: Record<string, unknown>) => [t.name, t.value, t.previous, t.source]), [
        ['plan', null, 'gold', 'incoming_webhook'], ['state', null, 'TX', 'api'],
      ])
      assert.equal(members[0].origin, r.body.request_id)
      await post(all.url, { call_id: c.id, plan: null, state: null })
      assert.equal((await events(c.id, 'tag.removed')).length, 2, 'what is not there is not removed')
      await post(all.url, { call_id: c.id, plan: 'silver' })
      assert.deepEqual((await log(c.id)).tags, { plan: 'silver' })
    })

    test('by data that waits, from a live call, and of a sensitive tag', async () => {
      const secret = await tag('secret', { sensitive: true, default: 'nothing' })
      const from = next()
      await post(all.url, { caller_id: from, plan: 'gold', secret: '078-05-1120' })
      await post(all.url, { caller_id: from, remove: ['plan', 'secret'] })
      const running = s.call('+18005550702', ['--from', from])
      const c = await live(from)
      assert.deepEqual((await log(c.id)).tags, {})
      await post(all.url, { call_id: c.id, state: 'TX', score: 4 })
      await post(all.url, { call_id: c.id, state: null })
      await s.api('PATCH', `/calls/${c.id}/tags`, { score: null })
      await s.api('POST', `/calls/${c.id}/hangup`)
      await running
      await until('the end', async () => (await log(c.id)).status === 'completed')
      assert.deepEqual((await log(c.id)).tags, {})
      const everything = JSON.stringify([
        await s.api('GET', `/calls/${c.id}/tags`), await s.api('GET', `/calls/${c.id}/events`),
      ])
      assert.ok(!everything.includes('078-05-1120'))
      await s.api('PATCH', `/custom-tags/${secret.id}`, { default: null })
    })

    test('what was said before a removal does not bring the tag back, in whatever order it comes', async () => {
      const c = await call()
      const hour = (h: number) => `2026-11-20T${h}:00:00Z`
      await post(all.url, { call_id: c.id, plan: 'ten', timestamp: hour(10) })
      await post(all.url, { call_id: c.id, remove: 'plan', timestamp: hour(12) })
      const late = await post(all.url, { call_id: c.id, plan: 'eleven', timestamp: hour(11) })
      assert.deepEqual(late.body.errors, [{ tag: 'plan', detail: 'it was removed later' }])
      await post(all.url, { call_id: c.id, plan: 'one', timestamp: hour(13) })
      const early = await post(all.url, { call_id: c.id, plan: null, timestamp: hour(12) })
      assert.deepEqual(early.body.errors, [{ tag: 'plan', detail: 'a later value is there' }])
      assert.deepEqual((await log(c.id)).tags, { plan: 'one' })
    })

    test('the sums of a report follow', async () => {
      await tag('region', { report: true })
      const c = await call()
      const sums = async () => {
        const { data } = await s.api('GET', '/reports/calls?group_by=tag.region')
        return data.filter((d: { calls: number }) => d.calls).map((d: { key: string }) => d.key)
      }
      await post(all.url, { call_id: c.id, region: 'south' })
      assert.deepEqual(await sums(), ['south'])
      await post(at('/update-fields'), { call_id: c.id, remove: 'region' })
      assert.deepEqual(await sums(), [])
    })

    test('not with a key of another organization, nor by an analyst', async () => {
      const c = await call()
      await post(all.url, { call_id: c.id, plan: 'gold' })
      const path = `/api/v1/calls/${c.id}/tags`
      assert.notEqual((await s.raw('PATCH', path, { plan: null }, {}, other)).status, 200)
      const analyst = await s.api('POST', '/api-keys', { name: 'looks on', role: 'analyst' })
      assert.equal((await s.raw('PATCH', path, { plan: null }, {}, analyst.key)).status, 403)
      assert.equal((await log(c.id)).tags.plan, 'gold')
    })
  })

  describe('a field of a lead that is called like a control member is the lead\'s', () => {
    test('add and remove of /call-data are addresses and texts, where no tags are meant', async () => {
      const lead = { caller_id: next(), add: '12 Main St', remove: 'no, thanks' }
      const r = await post(all.url, lead)
      assert.deepEqual([r.status, r.body.unmatched, r.body.errors], [200, ['add', 'remove'], []])
    })

    test('a tag takes the other names of control members, too', async () => {
      await tag('phone')
      await tag('transaction_id')
      const from = next()
      const lead = { phone: from, transaction_id: 'lead-77', state: 'TX' }
      const r = await post(all.url, lead)
      assert.deepEqual(r.body.tags, { phone: from, transaction_id: 'lead-77', state: 'TX' })
      assert.equal((await stored(r.body.request_id)).caller_id, from)
      assert.equal((await post(all.url, lead)).body.status, 'duplicate')
    })
  })

  describe('a key of one call', () => {
    const template = '{"call":"[CALL_ID]","key":"[CALL_KEY]"}'
    let received: Receiver
    let hook: { id: string }
    const keyOf = async (id: string) => {
      const sent = await until('the key', () => received.requests.find((r) => r.body.includes(id)))
      return JSON.parse(sent.body).key as string
    }
    const bare = (path: string) => at(path).replace(/\?.*/, '')

    before(async () => {
      received = await Receiver.start()
      hook = await s.api('POST', '/outgoing-webhooks', {
        name: 'Buyer', url: `${received.url}/won`, event_types: ['call.completed'],
        body_template: template, headers: { 'X-Key': '[CALL_KEY]' }, query: { k: '[CALL_KEY]' },
      })
    })
    after(() => received.stop())

    test('changes that call on every path, in the URL, a form and JSON, and no other call', async () => {
      const c = await call()
      const another = await call()
      const key = await keyOf(c.id)
      assert.notEqual(key, await keyOf(another.id))
      const sent = received.requests.find((r) => r.body.includes(c.id))!
      assert.equal(sent.headers['x-key'], key)
      assert.ok(sent.path.endsWith(`?k=${key}`))
      const sale = (n: number) => ({ revenue: `${n}` })
      const ways: Promise<Answer>[] = []
      const send = async (n: number, r: Promise<Answer>) => {
        const { status, body } = await r
        assert.deepEqual([status, body.call_id, body.unmatched], [200, c.id, []], `${n}`)
        assert.equal((await log(c.id)).revenue, `${n}.00`)
        ways.push(r)
      }
      await send(1, post(`${bare('/update-revenue')}?call_key=${key}`, sale(1)))
      await send(2, post(bare('/update-revenue'), { call_key: key, ...sale(2) }))
      await send(3, form(bare('/update-fields'), { call_key: key, ...sale(3) }))
      await send(4, get(bare('/update-fields'), { call_key: key, ...sale(4) }))
      await send(5, post(bare('/update-fields'), { fields: { call_key: key, ...sale(5) } }))
      await send(6, post(bare('/update-fields'), { call_key: key, call_id: c.id, ...sale(6) }))
      await send(7, post(at('/update-revenue'), { call_key: key, ...sale(7) }))
      const data = await post(bare('/call-data'), { call_key: key, state: 'TX', colour: 'red' })
      assert.deepEqual([data.body.status, data.body.tags], ['matched', { state: 'TX' }])
      const tags = await post(bare('/update-tags'), { call_key: key, remove: 'state' })
      assert.deepEqual(tags.body.tags, { state: null })
      assert.deepEqual((await log(c.id)).custom_data, { colour: 'red' })
      assert.equal((await fetch(`${bare('/update-tags')}?call_key=${key}`)).status, 200)
      for (const id of [another.id, 'call_none']) {
        const r = await post(bare('/update-revenue'), { call_key: key, call_id: id, ...sale(9) })
        assert.deepEqual([r.status, r.body.errors[0].pointer], [422, '/call_id'])
      }
      assert.equal((await log(another.id)).revenue, another.revenue)
      const others = { call_key: key, caller_id: another.caller_id, ...sale(8) }
      assert.equal((await post(bare('/update-revenue'), others)).body.call_id, c.id)
    })

    test('is not to be guessed, changed, or used for another organization', async () => {
      const c = await call()
      const key = await keyOf(c.id)
      const turned = (i: number) => key.slice(0, i) + (key[i] === 'A' ? 'B' : 'A') + key.slice(i + 1)
      const wrong = [turned(key.length - 1), turned(5), turned(40), turned(60), key.slice(0, -1), `${key}A`, 'ck_', 'x']
      for (const bad of wrong) {
        const r = await post(`${bare('/update-revenue')}?call_key=${bad}`, { revenue: 5 })
        assert.equal(r.status, 401, bad)
      }
      const theirs = await s.api('POST', '/incoming-webhooks', { name: 'Both', types }, other)
      const both = await post(theirs.url, { call_key: key, state: 'TX' })
      assert.equal(both.status, 401)
      const foreign = await post(all.url, { caller_id: next(), call_key: 'of another platform' })
      assert.deepEqual([foreign.status, foreign.body.unmatched], [200, ['call_key']])
      assert.equal((await log(c.id)).revenue, '0.00')
      const failures = (await s.api('GET', '/incoming-webhook-failures', undefined, other)).data
      assert.equal(failures.find((f: { reason: string }) => f.reason === 'wrong call key').count, 1)
    })

    test('has no place in what is kept and shown of requests', async () => {
      const c = await call()
      const key = await keyOf(c.id)
      const r = await post(`${bare('/update-fields')}?call_key=${key}`, {
        reason: 'x', call_key: key, note: `my key is ${key}`, fields: { call_key: key },
      })
      assert.equal(r.status, 200)
      await post(bare('/update-fields'), `{"call_key":"${key}",`, { authorization: `Bearer ${all.key}` })
      const rows = (await s.api('GET', '/incoming-webhook-requests?limit=10')).data
      const all_kept = await Promise.all(rows.map((x: { id: string }) => stored(x.id)))
      assert.ok(!JSON.stringify(all_kept).includes(key), 'of what came')
      assert.deepEqual((await log(c.id)).custom_data, { note: 'my key is ********' })
      const mine = all_kept.find((x) => x.id === r.body.request_id)
      assert.deepEqual([mine.by_call_key, mine.incoming_webhook_id], [true, null])
      const delivered = (await s.api('GET', `/outgoing-webhook-requests?call_id=${c.id}`)).data[0]
      const attempt = await until('the attempt', async () => {
        const whole = await s.api('GET', `/outgoing-webhook-requests/${delivered.id}`)
        return whole.attempts.length && whole.attempts[0]
      })
      assert.ok(!JSON.stringify(attempt).includes(key), 'of what went out')
      assert.match(attempt.request.body, new RegExp(`"call":"${c.id}","key":"\\*{8}"`))
      assert.equal(attempt.request.headers['X-Key'], '********')
      assert.match(attempt.request.url, /\?k=\*{8}$/)
      const preview = await s.api('POST', `/outgoing-webhooks/${hook.id}/preview`, { call_id: c.id })
      assert.ok(!JSON.stringify(preview).includes(key), 'of what would go out')
      assert.match(preview.body, /\*{8}/)
    })

    test('ends with call_key_days, and 0 switches keys off', async () => {
      const c = await call()
      const key = await keyOf(c.id)
      const url = `${bare('/update-revenue')}?call_key=${key}`
      assert.equal((await s.api('GET', '/organization')).call_key_days, 7)
      for (const bad of [-1, 366, '7'])
        assert.equal((await s.raw('PATCH', '/api/v1/organization', { call_key_days: bad })).status, 422)
      await s.api('PATCH', '/organization', { call_key_days: 0 })
      assert.equal((await post(url, { revenue: 3 })).status, 401)
      const without = await call()
      assert.equal(await keyOf(without.id), '')
      await s.api('PATCH', '/organization', { call_key_days: 7 })
      assert.equal((await post(url, { revenue: 3 })).status, 200)
    })

    test('is known in requests to other systems only', async () => {
      const flow = (nodes: object[]) =>
        s.raw('POST', '/api/v1/call-flows', {
          name: `keys ${Math.random()}`,
          draft: { nodes: [{ id: 'start', type: 'start' }, ...nodes], edges: [{ from: 'start', port: 'next', to: 'n' }] },
        })
      const check = async (node: object) => {
        const made = (await (await flow([{ id: 'n', ...node }])).json()) as { id: string }
        const { problems } = await s.api('POST', `/call-flows/${made.id}/check`)
        return problems.some((p: { code: string }) => p.code === 'unknown_token')
      }
      const text = '[CALL_KEY]'
      assert.equal(await check({ type: 'debug', config: { message: text } }), true)
      assert.equal(await check({ type: 'set_tag', config: { assignments: [{ tag: 'plan', value: text }] } }), true)
      assert.equal(await check({ type: 'http_request', config: { url: `http://x.example/?k=${text}` } }), false)
      const filter = { rules: [{ field: 'call.key', op: 'exists' }] }
      const asked = await s.raw('GET', `/api/v1/calls?filter=${encodeURIComponent(JSON.stringify(filter))}`)
      assert.equal(asked.status, 422)
      const named = await s.raw('POST', '/api/v1/custom-tags', { name: 'call_key' })
      assert.equal(named.status, 422)
    })

    test('repeats are told by the call: two buyers may count alike', async () => {
      const [a, b] = [await call(), await call()]
      const sale = { revenue: 1, mode: 'add', transaction_id: '1' }
      for (const [c, status] of [[a, 'matched'], [b, 'matched'], [a, 'duplicate']] as const) {
        const url = `${bare('/update-revenue')}?call_key=${await keyOf(c.id)}`
        assert.equal((await post(url, sale)).body.status, status)
      }
      assert.deepEqual([(await log(a.id)).revenue, (await log(b.id)).revenue], ['1.00', '1.00'])
    })

    test('has a rate of its own', async () => {
      const c = await call()
      const url = `${bare('/update-tags')}?call_key=${await keyOf(c.id)}`
      let limited = 0
      for (let i = 0; i < 200 && !limited; i++) {
        const r = await fetch(url)
        if (r.status === 429) limited = Number(r.headers.get('retry-after'))
        await r.text()
      }
      assert.ok(limited >= 1)
      assert.equal((await get(all.url)).status, 200, 'others go on')
    })
  })
})
