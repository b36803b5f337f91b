// Bodies as systems send them that were written for MojaAI's incoming webhooks (its documented fields), and what
// becomes of the fields that no tag takes.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Receiver, Strowger, until } from '../e2e/harness.ts'

const post = async (url: string, body: unknown) => {
  const headers = { 'content-type': 'application/json' }
  const r = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  return { status: r.status, body: (await r.json()) as any }
}

const types = ['call_data', 'update_tags', 'update_revenue', 'update_fields']

describe('MojaAI-style bodies', () => {
  let s: Strowger
  let url: string // with its moja_auth_key
  let caller = 2145560000
  const next = () => `+1${++caller}`
  const at = (path: string) => url.replace('/call-data', path)
  const call = async (from: string, number = '+18005550711') => {
    await s.call(number, ['--from', from])
    return s.lastCall((c) => c.caller_id === from)
  }
  const log = (id: string) => s.api('GET', `/calls/${id}`)

  before(async () => {
    s = await Strowger.start()
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'Moved here', types })
    url = hook.url.replace('?key=', '?moja_auth_key=')
    for (const name of ['state', 'lead_source', 'campaign'])
      await s.api('POST', '/custom-tags', { name })
    const node = [{ id: 'h', type: 'hangup', config: {} }]
    const ends = await s.flow('ends', node, [['start', 'next', 'h']])
    await s.campaign('+18005550711', { execution_mode: 'call_flow', call_flow_id: ends.id })
  })
  after(() => s.stop())

  test('call data: custom_data is data, tags take its members, the rest stays with the call', async () => {
    const from = next()
    const body = {
      caller_id: from, state: 'TX', source: 'landing page',
      custom_data: { campaign: 'q1_promo', landing_page: 'medicare', answers: { age: 67 } },
    }
    const r = await post(url, body)
    assert.deepEqual([r.status, r.body.status], [200, 'pending'])
    assert.deepEqual(r.body.tags, { state: 'TX', campaign: 'q1_promo' })
    assert.deepEqual(r.body.unmatched, ['source', 'landing_page', 'answers'])
    const c = await call(from)
    assert.deepEqual(c.tags, { state: 'TX', campaign: 'q1_promo' })
    const custom = { source: 'landing page', landing_page: 'medicare', answers: { age: 67 } }
    assert.deepEqual(c.custom_data, custom)
  })

  test('revenue: by phone number, once for each transaction_id', async () => {
    const from = next()
    const c = await call(from)
    const sale = { phone_number: from, revenue: 150.5, converted: true, transaction_id: 'TX-1' }
    for (const status of ['matched', 'duplicate']) {
      const r = await post(at('/update-revenue'), sale)
      assert.deepEqual([r.status, r.body.status, r.body.call_id], [200, status, c.id])
    }
    const now = await log(c.id)
    assert.deepEqual([now.revenue, now.converted], ['150.50', true])
  })

  test('tags: add and remove by call_log_id', async () => {
    const c = await call(next())
    const add = { lead_source: 'google', campaign: 'q2' }
    const set = await post(at('/update-tags'), { call_log_id: c.id, add })
    assert.deepEqual([set.body.tags, set.body.unmatched], [add, []])
    const gone = await post(at('/update-tags'), { call_log_id: c.id, remove: ['campaign'] })
    assert.deepEqual(gone.body.tags, { campaign: null })
    assert.deepEqual((await log(c.id)).tags, { lead_source: 'google' })
  })

  test('fields: at the top and inside fields, by their documented names', async () => {
    const c = await call(next())
    const fields = {
      converted: true, call_converted_at: new Date(Date.parse(c.started_at) + 1000).toISOString(),
      revenue_paid_out: 45, publisher_paid_out: 30, reason: 'Sold',
      no_payout_reason: 'Condition not met', add: { lead_source: 'fb' }, remove: 'state',
    }
    for (const body of [{ call_log_id: c.id, ...fields }, { call_log_id: c.id, fields }]) {
      await post(url, { call_log_id: c.id, state: 'TX' })
      const r = await post(at('/update-fields'), body)
      assert.deepEqual([r.status, r.body.unmatched, r.body.errors], [200, [], []])
      const now = await log(c.id)
      assert.deepEqual([now.revenue, now.payout, now.reason, now.payout_hold_reason], [
        '45.00', '30.00', 'Sold', 'Condition not met',
      ])
      assert.equal(Date.parse(now.converted_at), Date.parse(fields.call_converted_at))
      assert.deepEqual(now.tags, { lead_source: 'fb' })
    }
  })

  describe('fields that no tag takes', () => {
    test('of several requests are one object; the later value counts, null takes a field out', async () => {
      const c = await call(next())
      const send = (body: object) => post(url, { call_id: c.id, ...body })
      await send({ a: 1, b: 'two', gone: true })
      await send({ a: 2, gone: null })
      const old = await send({ a: 'old', timestamp: '2020-01-01T00:00:00Z' })
      assert.deepEqual(old.body.errors, [{ field: 'a', detail: 'a later value is there' }])
      assert.deepEqual((await log(c.id)).custom_data, { a: 2, b: 'two' })
    })

    test('of data that waited, also of several, and over a restart', async () => {
      const from = next()
      await post(url, { caller_id: from, one: 1, both: 'first' })
      await post(url, { caller_id: from, two: { deep: [1, 2] }, both: 'second' })
      await s.kill('SIGKILL')
      await s.serve()
      const c = await call(from)
      assert.deepEqual(c.custom_data, { one: 1, both: 'second', two: { deep: [1, 2] } })
    })

    test('beside what a tag takes out of an object', async () => {
      const sources = [{ kind: 'incoming_webhook', pointer: '/lead/budget' }]
      await s.api('POST', '/custom-tags', { name: 'budget', type: 'number', sources })
      const c = await call(next())
      await post(url, { call_id: c.id, lead: { budget: 900, city: 'Austin' } })
      const now = await log(c.id)
      assert.deepEqual([now.tags, now.custom_data], [{ budget: 900 }, { lead: { city: 'Austin' } }])
    })

    test('are at most 64 KB: what exceeds is named, the others stay', async () => {
      const c = await call(next())
      const r = await post(url, { call_id: c.id, small: 'kept', large: 'x'.repeat(70000) })
      assert.deepEqual(r.body.errors.map((e: { field: string }) => e.field), ['large'])
      assert.match(r.body.errors[0].detail, /64 KB/)
      await post(url, { call_id: c.id, half: 'y'.repeat(40000) })
      const more = await post(url, { call_id: c.id, half2: 'z'.repeat(40000) })
      assert.deepEqual(more.body.errors.map((e: { field: string }) => e.field), ['half2'])
      assert.deepEqual(Object.keys((await log(c.id)).custom_data), ['small', 'half'])
      const waits = await post(url, { caller_id: next(), large: 'x'.repeat(70000) })
      assert.deepEqual(waits.body.errors.map((e: { field: string }) => e.field), ['large'])
    })

    test('are not kept for a webhook that says so, but named', async () => {
      const hook = await s.api('POST', '/incoming-webhooks', {
        name: 'Keeps nothing', types, keep_unmatched: false,
      })
      const c = await call(next())
      const r = await post(hook.url, { call_id: c.id, colour: 'red' })
      assert.deepEqual(r.body.unmatched, ['colour'])
      assert.deepEqual((await log(c.id)).custom_data, {})
    })

    test('are masked where a sensitive tag took something of the same request', async () => {
      await s.api('POST', '/custom-tags', { name: 'ssn', sensitive: true })
      const from = next()
      await post(url, { caller_id: from, ssn: '078-05-1120', mother: 'Smith-Jones' })
      const c = await call(from)
      assert.deepEqual(c.custom_data, { mother: '********' })
      const told = JSON.stringify([c, await s.api('GET', `/calls/${c.id}/events`)])
      assert.ok(!told.includes('Smith-Jones'))
    })

    test('are found by filters and sent by templates', async () => {
      const received = await Receiver.start()
      try {
        const filter = { rules: [{ field: 'custom.lead.city', op: 'equals', value: 'laredo' }] }
        await s.api('POST', '/outgoing-webhooks', {
          name: 'Custom', url: received.url, event_types: ['call.completed'], filter,
          body_template:
            '{"id":"[CALL_ID]","source":"[custom.source]","city":"[custom.LEAD.city]",' +
            '"item":"[custom.items.1]","age":[custom.age],"none":"[custom.none|nothing]",' +
            '"name":"[custom.Your name?]","plz":"[custom.PLZ / Ort]","né":"[custom.né le|?]",' +
            '"no":"[custom.no such|-]","array":["custom.age"]}',
        })
        const from = next()
        const lead = { source: 'radio "4"', lead: { city: 'Laredo' }, items: ['a', 'b'], age: 67,
          'Your name?': 'Zoë', 'PLZ / Ort': '10115 Berlin', 'né le': '1959-02-01' }
        await post(url, { caller_id: from, ...lead })
        await call(next())
        const c = await call(from)
        const sent = await until('the event', () => received.requests[0])
        assert.deepEqual(JSON.parse(sent.body), {
          id: c.id, source: 'radio "4"', city: 'Laredo', item: 'b', age: 67, none: 'nothing',
          name: 'Zoë', plz: '10115 Berlin', né: '1959-02-01', no: '-', array: ['custom.age'],
        })
        const find = async (field: string, value: unknown) => {
          const rule = encodeURIComponent(JSON.stringify({ rules: [{ field, op: 'equals', value }] }))
          const { data } = await s.api('GET', `/calls?filter=${rule}`)
          return data.map((x: { id: string }) => x.id)
        }
        assert.deepEqual(await find('custom.lead.city', 'Laredo'), [c.id])
        assert.deepEqual(await find('custom./items/1', 'b'), [c.id])
        assert.deepEqual(await find('custom.age', 67), [c.id])
        assert.deepEqual(await find('custom.age', 68), [])
      } finally {
        received.stop()
      }
    })

    test('decide in a call flow, and in its simulation', async () => {
      const branch = {
        port: 'yes', filter: { rules: [{ field: 'custom.vip', op: 'equals', value: true }] },
      }
      const nodes = [
        { id: 'c', type: 'condition', config: { branches: [branch] } },
        { id: 't', type: 'set_tag', config: { assignments: [{ tag: 'state', value: '[custom.from]' }] } },
      ]
      const flow = await s.flow('asks', nodes, [['start', 'next', 'c'], ['c', 'yes', 't']])
      await s.campaign('+18005550712', { execution_mode: 'call_flow', call_flow_id: flow.id })
      const from = next()
      await post(url, { caller_id: from, vip: true, from: 'custom' })
      assert.equal((await call(from, '+18005550712')).tags.state, 'custom')
      assert.deepEqual((await call(next(), '+18005550712')).tags, {})
      for (const [vip, steps] of [[true, 't'], [false, 'c']] as const) {
        const script = { custom_data: { vip, from: 'x' } }
        const r = await s.api('POST', `/call-flows/${flow.id}/simulate`, script)
        assert.equal(r.steps.at(-1).node, steps)
      }
      const c = await s.lastCall((x) => x.caller_id === from)
      const again = await s.api('POST', `/call-flows/${flow.id}/replay`, { call_id: c.id })
      assert.equal(again.same, true)
    })
  })
})
