// What calls are worth: revenue, conversion, payout by terms, carriers' cost, and corrections afterwards.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

describe('money', () => {
  let s: Strowger
  let other: string
  let hook: string
  let n = 0
  before(async () => {
    s = await Strowger.start()
    other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    await s.api('POST', '/custom-tags', { name: 'sold', type: 'boolean' })
    hook = (await s.api('POST', '/incoming-webhooks', { name: 'CRM', types: ['call_data', 'update_revenue'] })).key
  })
  after(() => s.stop())

  const say = async (path: string, body: object) => {
    const r = await s.raw('POST', `${path}?key=${hook}`, body)
    assert.equal(r.status, 200, await r.clone().text())
  }
  // A campaign with one target and one publisher; calls to its number.
  const campaign = async (terms: object, target: object = { revenue: { amount: '40' } }, publisher?: string) => {
    const t = await Peer.start(), number = `+1800555${8100 + ++n}`
    const made = await s.api('POST', '/targets', { name: `Target ${n}`, destination: { type: 'sip', uri: t.uri }, ...target })
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries: [{ target_id: made.id }] })
    const c = await s.campaign(number, { routing_plan_id: plan.id, ...terms })
    if (publisher) await s.api('PATCH', `/numbers/${(await s.api('GET', '/numbers')).data.find((x: { number: string }) => x.number === number).id}`, { publisher_id: publisher })
    const from = await Peer.start()
    return { number, id: c.id as string, target: made, t, from, dial: () => from.call(s.sip, `sip:${number}@127.0.0.1`) }
  }
  const call = async (c: { number: string; t: Peer; dial: () => ReturnType<Peer['call']> }, ms = 0, during: (id: string) => Promise<unknown> = async () => {}) => {
    const before = c.t.of('ACK').length, d = await c.dial()
    assert.equal(d.status, 200)
    await c.t.first('ACK', before + 1)
    const { id } = await until('the call', async () => (await s.api('GET', '/calls?status=active')).data.find((x: any) => x.number === c.number && x.connected_at))
    await during(id)
    await sleep(ms)
    assert.equal(await d.request('BYE'), 200)
    return s.lastCall((x) => x.id === id)
  }
  const worth = (x: any) => [x.converted, x.revenue, x.payout]
  const conversions = async (id: string) => (await s.api('GET', `/calls/${id}/events`)).data.filter((e: any) => e.type === 'call.converted').length
  const refused = async (path: string, body: object) => {
    const r = await s.raw('POST', `/api/v1${path}`, body)
    assert.equal(r.status, 422)
    return (await r.json() as any).errors.map((e: any) => `${e.pointer}: ${e.detail}`)
  }

  test('a publisher gets a share of the revenue, exactly; one with terms of its own an amount', async () => {
    const [a, b, off] = await Promise.all(['A', 'B', 'Off'].map((name) => s.api('POST', '/publishers', { name })))
    const terms = { conversion: { after_seconds: 0 }, payout_percent: '33.333333', publishers: [{ publisher_id: b.id, payout: '7.5' }, { publisher_id: off.id, enabled: false }] }
    assert.deepEqual(worth(await call(await campaign(terms, { revenue: { amount: '40.01' } }, a.id))), [true, '40.01', '13.336667'])
    assert.deepEqual(worth(await call(await campaign(terms, undefined, b.id))), [true, '40.00', '7.50'])
    const c = await campaign(terms, undefined, off.id)
    assert.equal((await c.dial()).status, 480)
  })

  test('payout by the length of the conversation, and by a tag; the last tier that applies', async () => {
    const sold = { match: 'all', rules: [{ field: 'tag.sold', op: 'equals', value: true }] }
    const c = await campaign({ conversion: { after_seconds: 0 }, payout: '1', payout_tiers: [{ after_seconds: 1, payout: '10' }, { after_seconds: 3600, payout: '100' }, { filter: sold, payout_percent: '50' }] })
    assert.equal((await call(c)).payout, '1.00')
    assert.equal((await call(c, 1300)).payout, '10.00')
    assert.equal((await call(c, 0, (id) => say('/call-data', { call_id: id, sold: 'yes' }))).payout, '20.00')
    // a tag that comes later counts too, and so does its end
    const late = await call(c)
    await say('/call-data', { call_id: late.id, sold: true })
    assert.equal((await s.api('GET', `/calls/${late.id}`)).payout, '20.00')
    await s.api('PATCH', `/calls/${late.id}/tags`, { sold: false })
    assert.equal((await s.api('GET', `/calls/${late.id}`)).payout, '1.00')
    const report = async () => (await s.api('GET', `/reports/calls?group_by=campaign&campaign_id=${c.id}`)).totals
    assert.deepEqual([(await report()).revenue, (await report()).payout], ['160.00', '32.00'])
  })

  test('a payout follows the tier while the call goes on', async () => {
    const c = await campaign({ conversion: { after_seconds: 0 }, payout: '1', payout_tiers: [{ after_seconds: 1, payout: '10' }] })
    await call(c, 0, (id) => until('the tier', async () => (await s.api('GET', `/calls/${id}`)).payout === '10.00', 8000))
  })

  test('revenue that is due on conversion: by a webhook, after the call; taken back, and said otherwise', async () => {
    const c = await campaign({ payout_percent: '25' }, { revenue: { amount: '40', on: 'conversion' } })
    const x = await call(c)
    assert.deepEqual(worth(x), [false, '0.00', '0.00'])
    const now = async () => worth(await s.api('GET', `/calls/${x.id}`))
    await say('/update-revenue', { call_id: x.id, converted: true })
    assert.deepEqual(await now(), [true, '40.00', '10.00'])
    await say('/update-revenue', { call_id: x.id, converted: false })
    assert.deepEqual(await now(), [false, '0.00', '0.00'])
    await say('/update-revenue', { call_id: x.id, converted: true, revenue: '80' })
    assert.deepEqual(await now(), [true, '80.00', '20.00'])
    await say('/update-revenue', { call_id: x.id, revenue: '4', mode: 'add' })
    assert.deepEqual(await now(), [true, '84.00', '21.00'])
    await say('/update-revenue', { call_id: x.id, payout: '5' })
    await say('/update-revenue', { call_id: x.id, revenue: '100' })
    assert.deepEqual(await now(), [true, '100.00', '5.00'], 'what was said stands')
    // while the call is on
    const live = await call(c, 0, async (id) => {
      await say('/update-revenue', { call_id: id, converted: true })
      await until('it to be known', async () => (await s.api('GET', `/calls/${id}`)).payout === '10.00')
    })
    assert.deepEqual(worth(live), [true, '40.00', '10.00'])
    assert.equal(await conversions(live.id), 1)
    const back = await call(c, 0, async (id) => {
      await say('/update-revenue', { call_id: id, converted: true })
      await say('/update-revenue', { call_id: id, converted: false })
    })
    assert.deepEqual(worth(back), [false, '0.00', '0.00'])
  })

  test('a conversion rule with a filter: by a tag in the call, or one that comes later', async () => {
    const c = await campaign({ conversion: { after_seconds: 0, filter: { match: 'all', rules: [{ field: 'tag.sold', op: 'equals', value: true }] } }, payout: '9' })
    const x = await call(c)
    assert.deepEqual(worth(x), [false, '40.00', '0.00'])
    await say('/call-data', { call_id: x.id, sold: 'yes' })
    assert.deepEqual(worth(await s.api('GET', `/calls/${x.id}`)), [true, '40.00', '9.00'])
    assert.equal(await conversions(x.id), 1)
    const live = await call(c, 200, (id) => say('/call-data', { call_id: id, sold: 'yes' }))
    assert.deepEqual([...worth(live), await conversions(live.id)], [true, '40.00', '9.00', 1])
    const short = await call(await campaign({ conversion: { after_seconds: 60, filter: { match: 'all', rules: [] } }, payout: '9' }))
    await say('/call-data', { call_id: short.id, sold: 'yes' })
    assert.deepEqual(worth(await s.api('GET', `/calls/${short.id}`)), [false, '40.00', '0.00'])
  })

  test('a flow that converts the call pays by the terms, unless it says what is paid', async () => {
    const t = await Peer.start()
    const target = await s.api('POST', '/targets', { name: 'Of the flow', destination: { type: 'sip', uri: t.uri }, revenue: { amount: '40' } })
    const flow = await s.flow('Sells', [{ id: 'd', type: 'dial', config: { to: { target_ids: [target.id] } } }, { id: 'o', type: 'set_outcome', config: { converted: true } }, { id: 'h', type: 'hangup' }], [['start', 'next', 'd'], ['d', 'completed', 'o'], ['o', 'next', 'h']])
    const number = `+1800555${8100 + ++n}`, from = await Peer.start()
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id, payout_percent: '10' })
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(d.status, 200)
    await t.first('ACK')
    t.bye()
    assert.deepEqual(worth(await s.lastCall((x) => x.number === number)), [true, '40.00', '4.00'])
  })

  test('what carriers take, and what is left', async () => {
    const loopback = (await s.api('GET', '/trunks')).data.find((x: any) => x.name === 'loopback')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { allowed_addresses: ['127.0.0.1'], cost: { per_minute: '0.009' } } })
    const t = await Peer.start()
    const trunk = await s.api('POST', '/trunks', { name: 'out', outbound: { gateways: [{ uri: t.uri }], cost: { per_minute: '0.01', minimum_seconds: 0, increment_seconds: 6 } } })
    const c = await campaign({ conversion: { after_seconds: 0 }, payout: '12' }, { destination: { type: 'number', number: '+15125550142', trunk_id: trunk.id }, revenue: { amount: '40' } })
    const x = await call({ ...c, t })
    assert.deepEqual([x.cost, x.margin], ['0.01', '27.99']) // a minute of the one, six seconds of the other
    assert.deepEqual([(await s.api('GET', `/reports/calls?group_by=campaign&campaign_id=${c.id}`)).totals.cost, (await s.api('GET', `/reports/calls?group_by=target&target_id=${c.target.id}`)).data[0].margin], ['0.01', '27.99'])
    // nobody answers: nobody is paid
    t.invite = () => [486]
    assert.equal((await c.dial()).status, 486)
    assert.equal((await s.lastCall((y) => y.number === c.number && y.id !== x.id)).cost, '0.00')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { allowed_addresses: ['127.0.0.1'] } })
  })

  test('a person corrects a finished call: who, why, and what it was stay with it', async () => {
    const c = await campaign({ conversion: { after_seconds: 0 }, payout: '12' })
    await call(c, 0, async (id) => assert.equal((await s.raw('POST', `/api/v1/calls/${id}/adjustments`, { revenue: '0', note: 'too early' })).status, 409))
    const x = await call(c), path = `/calls/${x.id}/adjustments`
    const now = await s.api('POST', path, { revenue: '0', payout: '0', converted: false, note: 'the buyer was refunded' })
    assert.deepEqual(worth(now), [false, '0.00', '0.00'])
    await s.api('POST', path, { payout: '2.5', note: 'goodwill' })
    const { data } = await s.api('GET', path)
    assert.deepEqual(data.map((a: any) => [a.note, a.changes]), [
      ['the buyer was refunded', { revenue: { from: '40.00', to: '0.00' }, payout: { from: '12.00', to: '0.00' }, converted: { from: true, to: false } }],
      ['goodwill', { payout: { from: '0.00', to: '2.50' } }],
    ])
    assert.ok(data[0].by && data[0].at)
    assert.equal((await s.api('GET', '/audit-log')).data.filter((a: any) => a.action === 'adjust' && a.resource_id === x.id).length, 2)
    const { totals } = await s.api('GET', `/reports/calls?group_by=campaign&campaign_id=${c.id}`)
    assert.deepEqual([totals.calls, totals.converted, totals.revenue, totals.payout], [2, 1, '40.00', '14.50'])
    assert.deepEqual(await refused(path, { note: 'x' }), ['/revenue: revenue, payout or converted is required'])
    assert.deepEqual(await refused(path, { revenue: '-1' }), ['/revenue: must not be negative', '/note: is required'])
    for (const [method, body] of [['POST', { revenue: '0', note: 'theirs' }], ['GET', undefined]] as const) assert.equal((await s.raw(method, `/api/v1${path}`, body, {}, other)).status, 404)
    assert.equal((await s.api('GET', `/calls/${x.id}`)).payout, '2.50')
  })

  test('what cannot be is refused in words', async () => {
    assert.deepEqual(await refused('/campaigns', { name: 'x', payout: '5', payout_percent: '101', payout_tiers: [{ after_seconds: 1 }] }), [
      '/payout_percent: must be at most 100',
    ])
    assert.deepEqual(await refused('/campaigns', { name: 'x', payout: '5', payout_percent: '10', payout_tiers: [{ after_seconds: 1 }] }), [
      '/payout_percent: an amount is already set: use either an amount or a percentage',
      '/payout_tiers/0: needs a payout, as an amount or as a percentage',
    ])
    const p = await s.api('POST', '/publishers', { name: 'Twice' })
    assert.deepEqual(await refused('/campaigns', { name: 'x', publishers: [{ publisher_id: p.id }, { publisher_id: p.id }, { publisher_id: 'pub_nobody' }] }).then((e) => e.length), 1)
    assert.deepEqual(await refused('/campaigns', { name: 'x', publishers: [{ publisher_id: p.id }, { publisher_id: p.id }] }), ['/publishers/1: the publisher already has an entry'])
    assert.deepEqual(await refused('/campaigns', { name: 'x', payout: '-5' }), ['/payout: must not be negative'])
    assert.deepEqual(await refused('/trunks', { name: 'x', inbound: { cost: { minimum_seconds: 6 } } }), ['/inbound/cost/per_minute: is required'])
  })
})
