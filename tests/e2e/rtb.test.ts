// Publishers who ask before they send a call: bids, reservations, tags, and what is kept.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

describe('inbound RTB', () => {
  let s: Strowger
  let n = 0
  let from: Peer
  let caller = 5125557000
  const who = () => `+1${++caller}`
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '0', '--rtp-ports', '56500-60999'])
    from = await Peer.start()
    await s.campaign('+18005557000', {}) // and the trunk
    await s.api('POST', '/custom-tags', { name: 'zip' })
    await s.api('POST', '/custom-tags', { name: 'debt', type: 'number', sources: [{ kind: 'inbound_rtb', parameter: 'total_debt' }] })
    await s.api('POST', '/custom-tags', { name: 'ssn', sensitive: true })
  })
  after(() => s.stop())

  // A campaign with a target, so many numbers, a publisher, and an endpoint for it.
  const endpoint = async ({ campaign = {}, target = {}, numbers = 1, more = {}, plan = {} }: { campaign?: object; target?: object; numbers?: number; more?: object; plan?: object } = {}) => {
    const t = await Peer.start(), list = Array.from({ length: numbers }, () => `+1800556${8000 + ++n}`)
    const made = await s.api('POST', '/targets', { name: `Target ${++n}`, destination: { type: 'sip', uri: t.uri }, revenue: { amount: '40' }, ...target })
    const routing = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries: [{ target_id: made.id }], ...plan })
    const c = await s.campaign(list[0]!, { routing_plan_id: routing.id, conversion: { after_seconds: 0 }, payout: '12.50', ...campaign })
    for (const number of list.slice(1)) await s.api('POST', '/numbers', { number, campaign_id: c.id })
    const publisher = await s.api('POST', '/publishers', { name: `Publisher ${n}` })
    const e = await s.api('POST', '/inbound-rtb', { name: `Endpoint ${n}`, campaign_id: c.id, publisher_id: publisher.id, ...more })
    return { ...e, campaign: c, publisher, target: made, peer: t, numbers: list, plan: routing }
  }
  const ask = async (e: { url: string }, query: object = {}, init: RequestInit = {}) => {
    const r = await fetch(`${e.url}?${new URLSearchParams(query as Record<string, string>)}`, init)
    return { status: r.status, headers: r.headers, ...((await r.json()) as any) }
  }
  const call = async (number: string, caller_id: string) => {
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${caller_id}@127.0.0.1>;tag=${Math.random()}`] })
    if (d.status === 200) await d.request('BYE')
    return s.lastCall((c) => c.id > last && c.number === number && c.caller_id === caller_id)
  }
  const kept = async (id: string) => until('the request', async () => {
    const r = await s.raw('GET', `/api/v1/rtb-requests/${id}`)
    return r.ok && ((await r.json()) as any)
  })

  test('a publisher asks, gets a number and a payout, and the call that follows has its tags and is paid to it', async () => {
    const e = await endpoint(), me = who()
    assert.equal(e.url, `http://${new URL(s.url).host}/inbound_rtb/${e.id}`)
    const bid = await ask(e, { CallerID: me.slice(2), Zip: '78701', TOTAL_DEBT: '12000', ssn: '123-45', unknown: 'x' })
    assert.deepEqual([bid.status, bid.success, bid.inbound_rtb_id, bid.allocation_time_seconds], [200, true, e.id, 60])
    assert.deepEqual(bid.eligible_routes, [{ number: e.numbers[0], payout: '12.50', currency: 'USD', duration: 0, payout_condition: 'connect', payout_condition_duration: 0 }])
    const c = await call(e.numbers[0]!, me)
    assert.deepEqual([c.publisher_id, c.payout, c.revenue, c.target_id], [e.publisher.id, '12.50', '40.00', e.target.id])
    const tags = Object.fromEntries((await s.api('GET', `/calls/${c.id}/tags`)).data.map((t: any) => [t.name, [t.value, t.source]]))
    assert.deepEqual([tags.zip, tags.debt, tags.ssn[1]], [['78701', 'inbound_rtb'], [12000, 'inbound_rtb'], 'inbound_rtb'])
    const r = await kept(bid.request_id)
    assert.deepEqual([r.status, r.call_id, r.caller_id, r.number, r.payout, r.publisher_id, r.target_id], ['called', c.id, me, e.numbers[0], '12.50', e.publisher.id, e.target.id])
    assert.ok(r.data_sealed && !JSON.stringify(r).includes('123-45'), 'what a sensitive tag took is not shown')
    assert.deepEqual((await s.api('GET', `/rtb-requests?call_id=${c.id}`)).data.map((x: any) => x.id), [bid.request_id])
    // the reservation was for one call
    const again = await call(e.numbers[0]!, me)
    assert.deepEqual([again.publisher_id, again.tags?.zip ?? null], [null, null])
  })

  test('GET with a query, a form and JSON are the same, whatever the case of cid, callerid and caller_id', async () => {
    const e = await endpoint(), numbers = []
    for (const [i, name] of ['cid', 'CID', 'CallerId', 'callerid', 'caller_id', 'Caller_ID'].entries()) {
      const me = who(), body = { [name]: me, zip: '10001' }
      const bid = i % 3 === 0 ? await ask(e, body) : await ask(e, {}, { method: 'POST', headers: { 'content-type': i % 3 === 1 ? 'application/json' : 'application/x-www-form-urlencoded' }, body: i % 3 === 1 ? JSON.stringify(body) : new URLSearchParams(body).toString() })
      assert.equal(bid.success, true, JSON.stringify(bid))
      numbers.push((await kept(bid.request_id)).caller_id === me)
    }
    assert.deepEqual(numbers, Array(6).fill(true)) // and one number is kept for them all
    for (const [body, status, type] of [['{"cid":', 400, 'application/json'], ['{"cid":"me"}', 422, 'application/json'], ['cid=%zz', 422, 'application/x-www-form-urlencoded']] as const) {
      const bad = await ask(e, {}, { method: 'POST', headers: { 'content-type': type }, body })
      assert.equal(bad.status, status, JSON.stringify(bad))
    }
    const rejected = await until('three', async () => { const d = (await s.api('GET', `/rtb-requests?inbound_rtb_id=${e.id}&status=rejected`)).data; return d.length === 3 && d })
    assert.deepEqual(rejected.map((r: any) => r.reason).sort(), ['invalid_caller_id', 'invalid_caller_id', 'unreadable'])
  })

  test('no bid says why: closed targets, blocked callers, duplicates, filters, switched off', async () => {
    const reasons = async (e: any, query: object) => {
      const a = await ask(e, query)
      assert.deepEqual([a.status, a.success, a.eligible_routes, a.allocation_time_seconds], [200, false, [], 0], JSON.stringify(a))
      assert.equal((await kept(a.request_id)).status, 'no_bid')
      return [a.reason, a.detail]
    }
    const list = await s.api('POST', '/lists', { name: 'Blocked', values: ['+15125556999'] })
    const e = await endpoint({ target: { filter: { match: 'all', rules: [{ field: 'tag.zip', op: 'begins_with', value: '787' }] } }, campaign: { duplicates: { policy: 'block', within_days: 30 }, screening: { block_list_ids: [list.id] } } })
    const me = who()
    assert.deepEqual(await reasons(e, { cid: '5125556999', zip: '78701' }), ['blocked', 'the caller is on a block list'])
    assert.deepEqual(await reasons(e, { cid: me, zip: '10001' }), ['no_target', 'no target takes the call'])
    const [why] = (await s.api('GET', `/rtb-requests?caller_id=${me.slice(1)}`)).data
    assert.deepEqual((await kept(why.id)).passed_over, [{ target_id: e.target.id, target_name: e.target.name, reason: "the call does not pass the target's filter" }])
    assert.equal((await ask(e, { cid: me, zip: '78702' })).success, true)
    await call(e.numbers[0], me)
    assert.deepEqual(await reasons(e, { cid: me, zip: '78702' }), ['duplicate', 'the caller was connected with a target of this campaign before'])
    await s.api('PATCH', `/campaigns/${e.campaign.id}`, { publishers: [{ publisher_id: e.publisher.id, enabled: false }] })
    assert.deepEqual(await reasons(e, { cid: who(), zip: '78702' }), ['disabled', 'the publisher is switched off in the campaign'])
    await s.api('PATCH', `/inbound-rtb/${e.id}`, { enabled: false })
    assert.deepEqual(await reasons(e, { cid: who(), zip: '78702' }), ['disabled', 'the endpoint is disabled'])
    const once = await endpoint({ campaign: { payout_once_days: 7 } }), you = who()
    await ask(once, { cid: you })
    await call(once.numbers[0], you)
    assert.deepEqual(await reasons(once, { cid: you }), ['duplicate', 'a call of this caller was paid for before'])
    const capped = await endpoint({ target: { caps: { total: 1 } } }), third = who()
    await ask(capped, { cid: third })
    await call(capped.numbers[0], third)
    assert.deepEqual(await reasons(capped, { cid: who() }), ['no_target', 'no target takes the call'])
  })

  test('what is bid is what the terms pay: a share, after a time, on conversion, and the publisher\'s own', async () => {
    const priced = async (...given: Parameters<typeof endpoint>) => {
      const { payout, duration, payout_condition, payout_condition_duration } = (await ask(await endpoint(...given), { cid: who() })).eligible_routes[0]
      return [payout, duration, payout_condition, payout_condition_duration]
    }
    assert.deepEqual(await priced({ campaign: { payout: null, payout_percent: '25' }, target: { revenue: { amount: '40', on: 'duration', duration_seconds: 90 } } }), ['10.00', 90, 'duration', 90])
    assert.deepEqual(await priced({ campaign: { conversion: { after_seconds: 30 } } }), ['12.50', 30, 'duration', 30])
    assert.deepEqual(await priced({ campaign: { conversion: null } }), ['12.50', 0, 'conversion', 0])
    assert.deepEqual(await priced({ campaign: { payout: null, payout_tiers: [{ after_seconds: 60, payout: '5' }, { after_seconds: 120, payout: '20' }] } }), ['5.00', 60, 'duration', 60])
    const own = await endpoint()
    await s.api('PATCH', `/campaigns/${own.campaign.id}`, { publishers: [{ publisher_id: own.publisher.id, payout: '18' }] })
    assert.equal((await ask(own, { cid: who() })).eligible_routes[0].payout, '18.00')
  })

  test('a campaign with a call flow bids by what the flow would do, and the flow does nothing meanwhile', async () => {
    const e = await endpoint(), seen = await s.api('GET', '/calls?limit=1')
    const edges: [string, string, string][] = [['start', 'next', 'zip'], ['zip', 'texas', 'd'], ['zip', 'else', 'm'], ['m', 'one', 'd'], ['m', 'no_input', 'h']]
    const flow = await s.flow('Bid', [
      { id: 'zip', type: 'condition', config: { branches: [{ port: 'texas', filter: { match: 'all', rules: [{ field: 'tag.zip', op: 'begins_with', value: '787' }] } }] } },
      { id: 'm', type: 'menu', config: { prompt: { text: 'Press one.' }, options: [{ key: '1', port: 'one' }] } },
      { id: 'd', type: 'dial', config: { to: { routing_plan_id: e.plan.id } } },
      { id: 'h', type: 'hangup' },
    ], edges)
    await s.api('PATCH', `/campaigns/${e.campaign.id}`, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const texas = await ask(e, { cid: who(), zip: '78701' }), asks = await ask(e, { cid: who(), zip: '10001' })
    assert.deepEqual([texas.success, asks.success], [true, true])
    assert.deepEqual([(await kept(texas.request_id)).target_id, (await kept(asks.request_id)).target_id], [e.target.id, null])
    await s.api('PATCH', `/targets/${e.target.id}`, { enabled: false })
    const nobody = await ask(e, { cid: who(), zip: '78701' })
    assert.deepEqual([nobody.success, nobody.reason, nobody.detail], [false, 'no_target', 'the call flow would send the call to nobody'])
    assert.deepEqual(await s.api('GET', '/calls?limit=1'), seen)
  })

  test('a number is kept for its caller alone, as long as was said, also over a restart', async () => {
    // Long enough for a restart on a busy machine.
    const e = await endpoint({ numbers: 2, more: { allocation_time_seconds: 12 } }), [a, b] = [who(), who()]
    const first = await ask(e, { cid: a, zip: '1' }), again = await ask(e, { cid: a, zip: '2' })
    assert.equal(again.eligible_routes[0].number, first.eligible_routes[0].number)
    // who does not say who calls gets a number of its own, which is then nobody else's
    const unknown = await ask(e, { zip: '3' })
    assert.notEqual(unknown.eligible_routes[0].number, first.eligible_routes[0].number)
    const none = await ask(e, { zip: '4' })
    assert.deepEqual([none.success, none.reason], [false, 'no_number'])
    assert.equal((await ask(e, { cid: b })).eligible_routes[0].number, first.eligible_routes[0].number)
    await kept(unknown.request_id)
    await s.kill()
    await s.serve()
    const c = await call(first.eligible_routes[0].number, a)
    assert.deepEqual([c.publisher_id, (await s.api('GET', `/calls/${c.id}`)).tags.zip], [e.publisher.id, '2'])
    const stranger = await call(unknown.eligible_routes[0].number, who())
    assert.equal((await s.api('GET', `/calls/${stranger.id}`)).tags.zip, '3')
    await sleep(12200)
    const late = await call(first.eligible_routes[0].number, b)
    assert.equal(late.publisher_id, null)
  })

  test('limits: requests a minute, and numbers that are kept at the same time', async () => {
    const e = await endpoint({ more: { rate_per_minute: 2, max_reservations: 1 } })
    assert.equal((await ask(e, { cid: who() })).success, true)
    const full = await ask(e, { cid: who() })
    assert.deepEqual([full.success, full.reason], [false, 'too_many_reservations'])
    const over = await ask(e, { cid: who() })
    assert.deepEqual([over.status, Number(over.headers.get('retry-after')) > 0], [429, true])
    await until('it', async () => (await s.api('GET', `/rtb-requests?inbound_rtb_id=${e.id}&status=rejected`)).data[0]?.reason === 'throttled')
  })

  test('many callers at once: each has a number for itself, and no call gets another one\'s tags', async () => {
    const e = await endpoint({ numbers: 3, more: { allocation_time_seconds: 120 }, target: { concurrency: 1000 } })
    const callers = Array.from({ length: 120 }, who)
    const bids = await Promise.all(callers.map((cid) => ask(e, { cid, zip: cid })))
    assert.ok(bids.every((b) => b.success))
    for (let at = 0; at < callers.length; at += 20)
      await Promise.all(callers.slice(at, at + 20).map(async (cid, i) => {
        const d = await from.call(s.sip, `sip:${bids[at + i].eligible_routes[0].number}@127.0.0.1`, { headers: [`From: <sip:${cid}@127.0.0.1>;tag=${Math.random()}`] })
        assert.equal(d.status, 200)
        await d.request('BYE')
      }))
    await until('all calls to be over', async () => !(await s.metric('strowger_calls_active')))
    const rows = (await s.api('GET', `/calls?limit=500&campaign_id=${e.campaign.id}&include=tags`)).data
    assert.equal(rows.length, callers.length)
    for (const r of rows) assert.equal(r.tags.zip, r.caller_id)
  })

  test('guessed endpoints and other organizations learn nothing', async () => {
    const e = await endpoint(), bid = await ask(e, { cid: who() })
    await kept(bid.request_id)
    for (const id of ['rtb_00000000000000000000000000', `${e.id.slice(0, -1)}0`, e.campaign.id, '%27'].filter((x) => x !== e.id)) assert.equal((await ask({ url: e.url.replace(e.id, id) }, { cid: who() })).status, 404)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', '--password-file', `${s.dir}/password`, ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/numbers', undefined, {}, other)).ok)
    for (const [method, path] of [['GET', `/inbound-rtb/${e.id}`], ['PATCH', `/inbound-rtb/${e.id}`], ['DELETE', `/inbound-rtb/${e.id}`], ['GET', `/rtb-requests/${bid.request_id}`]] as const)
      assert.equal((await s.raw(method, `/api/v1${path}`, method === 'PATCH' ? { name: 'x' } : undefined, {}, other)).status, 404)
    for (const path of ['/inbound-rtb', '/rtb-requests', `/rtb-requests?inbound_rtb_id=${e.id}`]) assert.deepEqual((await (await s.raw('GET', `/api/v1${path}`, undefined, {}, other)).json() as any).data, [])
    const named = await s.raw('POST', '/api/v1/inbound-rtb', { name: 'x', campaign_id: e.campaign.id, publisher_id: e.publisher.id }, {}, other)
    assert.equal(named.status, 422)
    assert.equal((await s.raw('GET', `/api/v1/rtb-requests?from=yesterday`)).status, 400)
  })
})
