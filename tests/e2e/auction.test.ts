// Buyers who are asked what they pay for a call: pings, bids, whom the call goes to, and what is kept.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Receiver, Strowger, sleep, until } from './harness.ts'

describe('outbound RTB', () => {
  let s: Strowger
  let from: Peer
  let n = 0
  let caller = 5125558000
  const who = () => `+1${++caller}`
  const json = { format: 'json', accepted: '/accepted', bid: '/bid', destination: '/to', duration: '/duration', expires: '/expires', reason: '/why' }
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '0', '--rtp-ports', '52000-56499'])
    from = await Peer.start()
    await s.campaign('+18005558000', {}) // and the trunk
    await s.api('POST', '/custom-tags', { name: 'zip' })
    await s.api('POST', '/custom-tags', { name: 'ssn', sensitive: true })
    await s.api('POST', '/custom-tags', { name: 'income', sensitive: true })
  })
  after(() => s.stop())

  interface Buyer { id: string; name: string; http: Receiver; phone: Peer; answer: any; delay_ms: number; pings: () => any[]; notices: (which: string) => any[] }
  // A buyer that answers pings with `answer`, and takes calls; both can change.
  const buyer = async (answer: any, more: any = {}): Promise<Buyer> => {
    const b = { answer, delay_ms: 0 } as Buyer
    b.http = await Receiver.start((r) => (r.path.startsWith('/ping') ? { delay_ms: b.delay_ms, ...(typeof b.answer === 'string' ? { body: b.answer } : 'status' in b.answer ? b.answer : { body: JSON.stringify(b.answer) }) } : {}))
    b.phone = await Peer.start()
    const notice = (which: string) => ({ method: 'POST', url: `${b.http.url}/${which}`, body: '{"id":[RTB_REQUEST_ID],"bid":[BID],"winner":[WINNING_BID]}' })
    const made = await s.api('POST', '/rtb-targets', {
      name: `Buyer ${++n}`, request: { url: `${b.http.url}/ping`, body: '{"id":[RTB_REQUEST_ID],"caller":[CALLER_ID],"state":[CALLER_STATE],"zip":[zip],"ssn":[ssn],"income":[income]}' },
      response: json, destination: { type: 'sip', uri: b.phone.uri }, win_notice: notice('win'), loss_notice: notice('loss'), ...more,
    })
    b.pings = () => b.http.requests.filter((r) => r.path.startsWith('/ping')).map((r) => JSON.parse(r.body))
    b.notices = (which) => b.http.requests.filter((r) => r.path === `/${which}`).map((r) => JSON.parse(r.body))
    return Object.assign(b, { id: made.id, name: made.name })
  }
  // A ring tree of them, and a number whose plan has it.
  const tree = async (buyers: Buyer[], { tree = {}, priorities = [], after = [], campaign = {}, plan = {} }: any = {}) => {
    const made = await s.api('POST', '/ring-trees', { name: `Tree ${++n}`, targets: buyers.map((b, i) => ({ rtb_target_id: b.id, priority: priorities[i] ?? 1 })), timeout_ms: 3000, ...tree })
    const routing = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries: [{ ring_tree_id: made.id }, ...after], ...plan })
    const number = `+18005558${(++n + 100).toString().slice(-3)}`
    const c = await s.campaign(number, { routing_plan_id: routing.id, ...campaign })
    return { number, tree: made, plan: routing, campaign: c }
  }
  const call = async (number: string, caller_id = who(), talk_ms = 0) => {
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${caller_id}@127.0.0.1>;tag=${Math.random()}`] })
    if (talk_ms) await sleep(talk_ms)
    if (d.status === 200) await d.request('BYE')
    return s.lastCall((c) => c.id > last && c.number === number && c.caller_id === caller_id)
  }
  const requests = async (call: { id: string }, count: number) => until(`${count} requests`, async () => {
    const d = (await s.api('GET', `/rtb-requests?call_id=${call.id}`)).data
    return d.length >= count && d
  })
  const of = (list: any[], b: Buyer) => list.filter((r) => r.rtb_target_id === b.id).map((r) => [r.status, r.reason, r.bid])
  const attempts = (c: any) => c.attempts.map((a: any) => [a.target_id, a.outcome])

  test('all are asked at once, the best bid gets the call and is its revenue, and each is told how it ended', async () => {
    const low = await buyer({ accepted: true, bid: 10 }), best = await buyer({ accepted: 'yes', bid: '$1,032.50' }), refuses = await buyer({ accepted: false, why: 'enough today' }), high = await buyer({ accepted: 'true', bid: 20.125 })
    for (const b of [low, best, refuses, high]) b.delay_ms = 300
    const t = await tree([low, best, refuses, high]), me = who(), began = Date.now()
    const c = await call(t.number, me)
    assert.deepEqual(attempts(c), [[best.id, 'answered']])
    assert.equal(c.attempts[0].chosen, `its bid of 1032.50 in the ring tree ${t.tree.name}: the best of 3`)
    assert.deepEqual([c.target_id, c.revenue, c.disposition], [best.id, '1032.50', 'completed'])
    const times = [low, best, refuses, high].map((b) => b.http.requests[0]!.at)
    assert.ok(Math.max(...times) - Math.min(...times) < 250 && Date.parse(c.attempts[0].started_at) - began < 2500, 'not one after another, and not until the deadline')
    const list = await requests(c, 4)
    assert.deepEqual([of(list, low), of(list, best), of(list, refuses), of(list, high)], [[['lost', 'outbid', '10.00']], [['won', null, '1032.50']], [['no_bid', 'refused', null]], [['lost', 'outbid', '20.125']]])
    const r = await s.api('GET', `/rtb-requests/${list.find((r: any) => r.rtb_target_id === refuses.id).id}`)
    assert.deepEqual([r.direction, r.detail, r.http_status, r.answer, r.ring_tree_id, r.campaign_id, r.caller_id, r.method, r.payout, r.inbound_rtb_id], ['outbound', 'it does not take the call: enough today', 200, '{"accepted":false,"why":"enough today"}', t.tree.id, t.campaign.id, me, 'POST', null, null])
    assert.ok(r.latency_ms >= 300 && r.url === `${refuses.http.url}/ping`)
    const id = (b: Buyer) => b.pings()[0].id
    await until('the notices', () => best.notices('win').length && low.notices('loss').length && high.notices('loss').length)
    assert.deepEqual([best.notices('win'), low.notices('loss'), high.notices('loss')], [[{ id: id(best), bid: 1032.5, winner: 1032.5 }], [{ id: id(low), bid: 10, winner: 1032.5 }], [{ id: id(high), bid: 20.125, winner: 1032.5 }]])
    assert.deepEqual([refuses.http.requests.length, best.notices('loss'), low.notices('win')], [1, [], []])
    assert.deepEqual((await s.api('GET', `/rtb-requests?rtb_target_id=${best.id}`)).data.map((x: any) => x.id), [id(best)])
    assert.ok((await s.api('GET', '/rtb-requests?direction=outbound')).data.length >= 4)
    assert.deepEqual((await s.api('GET', '/rtb-requests?direction=inbound')).data, [])
    const report = (await s.api('GET', `/reports/calls?group_by=target&from=${new Date(Date.now() - 86400000).toISOString()}&to=${new Date(Date.now() + 86400000).toISOString()}&target_id=${best.id}`)).data
    assert.deepEqual(report.map((x: any) => [x.key, x.revenue]), [[best.id, '1032.50']])
  })

  test('who fails is followed by the next bid, equal bids by priority, and after all the plan goes on', async () => {
    const first = await buyer({ accepted: true, bid: 30 }), second = await buyer({ accepted: true, bid: 20 }), third = await buyer({ accepted: true, bid: 20 }), last = await Peer.start()
    first.phone.invite = () => [486]
    second.phone.invite = () => [180, 603]
    const target = await s.api('POST', '/targets', { name: `Last ${++n}`, destination: { type: 'sip', uri: last.uri }, revenue: { amount: '5' } })
    const t = await tree([first, second, third], { priorities: [1, 2, 1], after: [{ target_id: target.id, priority: 2 }] })
    const c = await call(t.number)
    assert.deepEqual(attempts(c), [[first.id, 'busy'], [third.id, 'answered']])
    assert.match(c.attempts[1].chosen, /its bid of 20.00 .*: the next of 3/)
    assert.equal(c.revenue, '20.00')
    assert.deepEqual(of(await requests(c, 3), first), [['lost', 'call_failed', '30.00']])
    third.phone.invite = () => [480]
    const on = await call(t.number)
    assert.deepEqual([attempts(on), on.revenue], [[[first.id, 'busy'], [third.id, 'no_answer'], [second.id, 'failed'], [target.id, 'answered']], '5.00'])
    await until('the loss notices', () => second.notices('loss').length === 2)
    assert.deepEqual(second.notices('loss')[1], { id: second.pings()[1].id, bid: 20, winner: null }) // it went to none of the tree
    await s.api('PATCH', `/ring-trees/${t.tree.id}`, { max_attempts: 1 })
    assert.deepEqual(attempts(await call(t.number)), [[first.id, 'busy'], [target.id, 'answered']])
    await s.api('PATCH', `/ring-trees/${t.tree.id}`, { enabled: false })
    const without = await call(t.number)
    assert.deepEqual([without.attempts[0].outcome, attempts(without)[1]], ['skipped', [target.id, 'answered']])
  })

  test('the deadline is one for all; nobody who is late holds the call up', async () => {
    const quick = await buyer({ accepted: true, bid: 1 }), slow = await buyer({ accepted: true, bid: 99 }), away = await buyer({ accepted: true, bid: 99 })
    slow.delay_ms = 5000
    away.http.stop()
    const t = await tree([quick, slow, away], { tree: { timeout_ms: 600 } }), began = Date.now()
    const c = await call(t.number)
    assert.deepEqual(attempts(c), [[quick.id, 'answered']])
    assert.ok(Date.parse(c.attempts[0].started_at) - began < 4000)
    const list = await requests(c, 3)
    assert.deepEqual([of(list, slow), of(list, away)], [[['failed', 'timeout', null]], [['failed', 'no_answer', null]]])
    // nobody bids: the caller is told as when no target is there
    quick.answer = { accepted: false }
    const none = await call(t.number)
    assert.deepEqual([none.disposition, none.attempts[0].outcome, none.attempts[0].reason], ['no_target', 'no_bid', 'nobody bid for the call'])
    assert.ok((await s.api('GET', `/calls/${none.id}/events`)).data.some((e: any) => e.type === 'routing.no_target'))
  })

  test('what is sensitive is sent to whom may have it alone, and kept nowhere', async () => {
    const ssn = (await s.api('GET', '/custom-tags')).data.find((x: any) => x.name === 'ssn').id
    const may = await buyer({ accepted: true, bid: 2 }, { send_caller_number: true, sensitive_tag_ids: [ssn] }), not = await buyer({ accepted: true, bid: 1 })
    const t = await tree([may, not]), me = who()
    const hook = await s.api('POST', '/incoming-webhooks', { name: `Hook ${++n}`, types: ['call_data'] })
    assert.equal((await s.raw('POST', `/call-data?key=${hook.key ?? new URL(hook.url).searchParams.get('key')}`, { caller_id: me, zip: '78701', ssn: '123-45', income: 'much' }, {}, '')).status, 200)
    const c = await call(t.number, me)
    const { id: a, ...told } = may.pings()[0], { id: b, ...less } = not.pings()[0]
    assert.deepEqual([told, less], [{ caller: me, state: 'TX', zip: '78701', ssn: '123-45', income: null }, { caller: null, state: 'TX', zip: '78701', ssn: null, income: null }])
    assert.ok(a.startsWith('rtq_') && a !== b)
    const kept = await s.api('GET', `/rtb-requests/${a}`)
    assert.ok(kept.body.includes('78701') && !JSON.stringify(kept).includes('123-45'), JSON.stringify(kept))
    assert.equal(c.revenue, '2.00')
    const manager = await s.api('POST', '/api-keys', { name: 'manager', role: 'manager' })
    const refused = await s.raw('PATCH', `/api/v1/rtb-targets/${not.id}`, { sensitive_tag_ids: [ssn] }, {}, manager.key)
    assert.deepEqual([refused.status, ((await refused.json()) as any).errors[0].pointer], [422, '/sensitive_tag_ids'])
  })

  test('an answer may say where the call goes, as far as the dial policy allows', async () => {
    const other = await Peer.start(), asks = await buyer({ accepted: true, bid: 9, to: other.uri }, { destination: { type: 'answer' } }), spare = await buyer({ accepted: true, bid: 1 })
    const t = await tree([asks, spare])
    const no = await call(t.number)
    assert.deepEqual([attempts(no), no.attempts[0].reason], [[[asks.id, 'skipped'], [spare.id, 'answered']], "the organization's dial policy lets no call go to other addresses"])
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: true, numbers: true } })
    const yes = await call(t.number)
    assert.deepEqual([attempts(yes), yes.attempts[0].uri, yes.revenue], [[[asks.id, 'answered']], other.uri, '9.00'])
    const trunk = await s.api('POST', '/trunks', { name: 'out', outbound: { gateways: [{ uri: other.uri }] } })
    await s.api('PATCH', `/rtb-targets/${asks.id}`, { destination: { type: 'answer', trunk_id: trunk.id } })
    asks.answer = { accepted: true, bid: 9, to: '(512) 555-0199' }
    assert.equal((await call(t.number)).attempts[0].uri, `sip:+15125550199@127.0.0.1:${other.port}`)
    asks.answer = { accepted: true, bid: 9, to: 'somewhere' }
    const nowhere = await call(t.number)
    assert.deepEqual(attempts(nowhere), [[spare.id, 'answered']])
    const list = await requests(nowhere, 2)
    assert.match(list.find((r: any) => r.rtb_target_id === asks.id).detail, /somewhere, is neither a phone number nor a SIP URI/)
    await s.api('PATCH', '/organization', { dial_policy: {} })
  })

  test('a bid that has ended by its turn is asked for again', async () => {
    const first = await buyer({ accepted: true, bid: 30 }), second = await buyer({ accepted: true, bid: 20, expires: 1 }), third = await buyer({ accepted: true, bid: 10 })
    first.phone.invite = () => [180]
    await s.api('PATCH', `/rtb-targets/${first.id}`, { timeout_seconds: 2 })
    const t = await tree([first, second, third])
    const d = from.call(s.sip, `sip:${t.number}@127.0.0.1`, { headers: [`From: <sip:${who()}@127.0.0.1>;tag=again`] })
    await until('the first ping', () => second.pings().length)
    second.answer = { accepted: true, bid: 5 }
    await (await d).request('BYE')
    const c = await s.lastCall((c) => c.number === t.number)
    assert.deepEqual(attempts(c), [[first.id, 'no_answer'], [third.id, 'answered']])
    assert.deepEqual([second.pings().length, third.pings().length], [2, 1])
    assert.deepEqual(of(await requests(c, 4), second), [['lost', 'outbid', '5.00'], ['lost', 'expired', '20.00']])
  })

  test('minimum, maximum and fixed bids; XML, text, and answers that are none', async () => {
    const xml = { format: 'xml', accepted: '//response/@status', accepted_values: ['ACCEPT'], bid: '//bid/text()', duration: '//call/@seconds' }
    const text = { format: 'text', accepted: '^OK', bid: 'PAY=([0-9.]+)' }
    const taken: [any, any, string][] = [
      ['<rtb><response status="accept"><bid>12.5</bid></response></rtb>', { response: xml }, '12.50'],
      ['OK PAY=7.77 ID=3', { response: text }, '7.77'],
      [{ accepted: 1 }, { response: { format: 'json', accepted: '/accepted' }, bid: { fixed: '33' } }, '33.00'],
      [{ bid: 4 }, { response: { format: 'json', bid: '/bid' }, bid: { minimum: '4', maximum: '4' } }, '4.00'],
    ]
    for (const [answer, more, revenue] of taken) assert.equal((await call((await tree([await buyer(answer, more)])).number)).revenue, revenue, JSON.stringify(answer))
    const refused: [any, any, RegExp, any?][] = [
      ['<rtb><response status="REJECT"><bid>12.5</bid></response></rtb>', { response: xml }, /its answer says REJECT/],
      ['<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><rtb><response status="ACCEPT"><bid>&e;</bid></response></rtb>', { response: xml }, /has a document type/],
      ['<rtb>'.repeat(5000), { response: xml }, /it is not XML/],
      ['NO', { response: text }, /does not say that it takes the call/],
      [{ bid: 3.99 }, { response: { format: 'json', bid: '/bid' }, bid: { minimum: '4' } }, /below its minimum/],
      [{ bid: 5000 }, { response: { format: 'json', bid: '/bid' }, bid: { maximum: '500' } }, /above its maximum/],
      [{ bid: 3 }, {}, /below the ring tree's minimum/, { minimum_bid: '3.01' }],
      [{ bid: '12,50' }, {}, /is no amount/],
      [{ bid: -3 }, {}, /is no amount/],
      [{ bid: 3, expires: 0 }, {}, /had ended when it came/],
      [{ status: 204, body: '' }, {}, /204/],
      [{ status: 500, body: '{"bid":1,"why":"down"}' }, {}, /with an error: down/],
      ['{"bid":', {}, /it is not JSON/],
      [`"${'x'.repeat(70000)}"`, {}, /longer than 64 KiB/],
    ]
    for (const [answer, more, why, of_tree] of refused) {
      const b = await buyer(answer, { response: { ...json, accepted: null }, ...more }), c = await call((await tree([b], { tree: of_tree })).number)
      assert.equal(c.disposition, 'no_target', why.source)
      const [r] = await requests(c, 1)
      assert.deepEqual([r.status, r.bid !== null], ['no_bid', /minimum|maximum|ended/.test(why.source)], why.source)
      assert.match(r.detail, why)
      assert.equal((await s.api('GET', `/rtb-requests/${r.id}`)).answer.length <= 16384, true)
    }
  })

  test('revenue after the duration that the answer names, and on a conversion that comes after the call', async () => {
    const long = await buyer({ accepted: true, bid: 11, duration: 60 }), short = await buyer({ accepted: true, bid: 12, duration: 1 })
    assert.equal((await call((await tree([long])).number)).revenue, '0.00')
    assert.equal((await call((await tree([short])).number, who(), 1600)).revenue, '12.00')
    const later = await buyer({ accepted: true, bid: 13 }, { revenue: { on: 'conversion' } })
    const c = await call((await tree([later])).number)
    assert.equal(c.revenue, '0.00')
    await requests(c, 1)
    const hook = await s.api('POST', '/incoming-webhooks', { name: `Hook ${++n}`, types: ['update_revenue'] })
    assert.equal((await s.raw('POST', `/update-revenue?key=${hook.key ?? new URL(hook.url).searchParams.get('key')}`, { call_id: c.id, converted: true }, {}, '')).status, 200)
    assert.equal((await s.api('GET', `/calls/${c.id}`)).revenue, '13.00')
  })

  test('who has as many calls as it may is not asked, nor who is closed, filtered or unavailable', async () => {
    const full = await buyer({ accepted: true, bid: 9 }, { concurrency: 1 }), spare = await buyer({ accepted: true, bid: 1 }), filtered = await buyer({ accepted: true, bid: 9 }, { filter: { match: 'all', rules: [{ field: 'tag.zip', op: 'exists' }] } })
    const t = await tree([full, spare, filtered])
    const d = await from.call(s.sip, `sip:${t.number}@127.0.0.1`, { headers: [`From: <sip:${who()}@127.0.0.1>;tag=full`] })
    assert.deepEqual((await s.api('GET', `/rtb-targets/${full.id}/capacity`)).data[0].concurrency, { used: 1, limit: 1 })
    const c = await call(t.number)
    assert.deepEqual(c.attempts.map((a: any) => [a.target_id, a.outcome, a.reason]), [[full.id, 'skipped', 'as many calls are with the target as may be at once'], [filtered.id, 'skipped', "the call does not pass the target's filter"], [spare.id, 'answered', null]])
    assert.deepEqual([full.pings().length, filtered.pings().length], [1, 0])
    await d.request('BYE')
    await s.api('PUT', `/rtb-targets/${spare.id}/availability`, { available: false })
    assert.deepEqual(attempts(await call(t.number)).at(-1), [full.id, 'answered'])
  })

  test('beside other targets that ring at once, and a caller who leaves meanwhile', async () => {
    const bids = await buyer({ accepted: true, bid: 8 }), rings = await Peer.start({ invite: () => [180] })
    const target = await s.api('POST', '/targets', { name: `Rings ${++n}`, destination: { type: 'sip', uri: rings.uri } })
    const t = await tree([bids], { after: [{ target_id: target.id }], plan: { strategy: 'simultaneous' } })
    assert.deepEqual(attempts(await call(t.number)), [[target.id, 'answered_elsewhere'], [bids.id, 'answered']])
    const slow = await buyer({ accepted: true, bid: 8 }), gone = await tree([slow])
    slow.delay_ms = 1500
    const p = from.call(s.sip, `sip:${gone.number}@127.0.0.1`, { headers: [`From: <sip:${who()}@127.0.0.1>;tag=gone`] })
    await until('the ping', () => slow.pings().length)
    const live = async () => (await s.api('GET', '/calls?status=active')).data
    const leaves = await until('the call', async () => (await live()).find((c: any) => c.number === gone.number))
    await s.api('POST', `/calls/${leaves.id}/hangup`)
    const c = await s.lastCall((c) => c.number === gone.number)
    await p
    assert.deepEqual(of(await requests(c, 1), slow), [['failed', 'call_over', null]])
  })

  test('the rtb node of a flow: won, or no_bid and what follows', async () => {
    const b = await buyer({ accepted: true, bid: 15 }), t = await tree([b])
    const nodes = [{ id: 'ask', type: 'rtb', config: { ring_tree_id: t.tree.id } }, { id: 'sold', type: 'set_outcome', config: { disposition: 'sold' } }, { id: 'unsold', type: 'set_outcome', config: { disposition: 'unsold' } }]
    const flow = await s.flow(`Bids ${++n}`, nodes, [['start', 'next', 'ask'], ['ask', 'won', 'sold'], ['ask', 'no_bid', 'unsold']])
    const number = `+1800555${7000 + n}`
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    b.phone.invite = () => [180, 200]
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${who()}@127.0.0.1>;tag=flow`] })
    assert.equal(d.status, 200)
    await d.request('BYE')
    const c = await s.lastCall((c) => c.number === number)
    assert.deepEqual([c.revenue, attempts(c)], ['15.00', [[b.id, 'answered']]])
    b.answer = { accepted: false }
    await call(number)
    const none = await s.lastCall((x) => x.number === number && x.id > c.id)
    assert.equal(none.disposition, 'unsold')
    const trace = (await s.api('GET', `/calls/${none.id}/trace`)).data
    assert.ok(trace.some((e: any) => e.node === 'ask' && e.port === 'no_bid' && /nobody bid/.test(e.detail)), JSON.stringify(trace))
    const simulated = await s.api('POST', `/call-flows/${flow.id}/simulate`, { dial: [{ outcome: 'no_answer' }] })
    assert.ok(JSON.stringify(simulated).includes(t.tree.id))
    const wrong = await s.api('POST', `/call-flows/${flow.id}/check`, { nodes: [{ id: 'start', type: 'start' }, { id: 'ask', type: 'rtb', config: { ring_tree_id: 'rng_0' } }], edges: [{ from: 'start', port: 'next', to: 'ask' }] })
    assert.ok(JSON.stringify(wrong).includes('there is no ring tree'), JSON.stringify(wrong))
  })

  test('a publisher who asks for a campaign with a ring tree is bid the least that its buyers would pay', async () => {
    const b = await buyer({ accepted: true, bid: 50 }, { bid: { minimum: '20' } }), t = await tree([b], { campaign: { conversion: { after_seconds: 0 }, payout_percent: '50' } })
    const publisher = await s.api('POST', '/publishers', { name: `Publisher ${++n}` }), e = await s.api('POST', '/inbound-rtb', { name: `Endpoint ${n}`, campaign_id: t.campaign.id, publisher_id: publisher.id })
    const bid = (await (await fetch(`${e.url}?cid=${who().slice(1)}`)).json()) as any
    assert.deepEqual([bid.success, bid.eligible_routes?.[0]?.payout, b.pings().length], [true, '10.00', 0], JSON.stringify(bid))
    const plan = await s.api('POST', `/routing-plans/${t.plan.id}/explain`, { caller_id: who() })
    assert.deepEqual(plan.data.map((x: any) => [x.ring_tree_id, x.target_name, x.verdict, x.order]), [[t.tree.id, t.tree.name, 'eligible', 1]])
  })

  test('the mapping tester and the preview say what would be; what is wrong has its pointer', async () => {
    const said = await s.api('POST', '/rtb-targets/test-mapping', { response: json, body: '{"accepted":"Yes","bid":"USD 12.30","to":"512-555-0100","duration":90,"expires":"30"}' })
    assert.deepEqual([said.accepted, said.detail, said.bid, said.destination, said.duration_seconds, said.found.bid], [true, null, '12.30', '+15125550100', 90, 'USD 12.30'])
    assert.ok(Math.abs(Date.parse(said.expires_at) - Date.now() - 30000) < 10000)
    const marked = await s.api('POST', '/rtb-targets/test-mapping', { response: json, body: '\ufeff{"accepted":"Yes","bid":"7"}' })
    assert.deepEqual([marked.accepted, marked.bid], [true, '7.00'])
    const no = await s.api('POST', '/rtb-targets/test-mapping', { response: json, status: 500, body: 'oops' })
    assert.deepEqual([no.accepted, no.detail, no.bid], [false, 'it answered with the HTTP status 500', null])
    const b = await buyer({}, { send_caller_number: true, request: { method: 'GET', url: 'https://buyer.example/ping?c=[CALLER_ID]&z=[zip]&id=[RTB_REQUEST_ID]', headers: { 'X-Zip': '[zip]' } } })
    const preview = await s.api('POST', `/rtb-targets/${b.id}/preview`, { caller_id: '+15125550100', tags: { zip: '78 701' } })
    assert.match(preview.url, /^https:\/\/buyer.example\/ping\?c=%2B15125550100&z=78%20701&id=rtq_\w+$/)
    assert.deepEqual([preview.method, preview.headers, preview.body], ['GET', ['X-Zip: 78 701'], null])
    const wrong = async (path: string, body: object, method = 'POST') => { const r = await s.raw(method, `/api/v1${path}`, body); return [r.status, ...((await r.json()) as any).errors.map((e: any) => e.pointer)] }
    const whole = { name: 'x', request: { url: 'https://b.example' }, response: json, destination: { type: 'sip', uri: 'sip:a@b' } }
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, response: { format: 'xml', accepted: '//a[', bid: '//b' } }), [422, '/response/accepted'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, response: { format: 'text', accepted: 'a(', bid: '*' } }), [422, '/response/accepted', '/response/bid'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, response: { ...json, bid: 'bid' } }), [422, '/response/bid'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, response: { format: 'json' } }), [422, '/response/bid'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, request: { method: 'GET', url: 'ftp://b.example', body: 'x', headers: { 'a b': 'c' } } }), [422, '/request/url', '/request/headers/a b', '/request/body'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, request: { url: 'https://b.example/[NOBODY]' } }), [422, '/request/url'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, destination: { type: 'answer' }, response: { format: 'json', bid: '/bid' } }), [422, '/response/destination'])
    assert.deepEqual(await wrong('/rtb-targets', { ...whole, destination: { type: 'number' } }), [422, '/destination/number', '/destination/trunk_id'])
    assert.deepEqual(await wrong('/ring-trees', { name: 'x', targets: [{ rtb_target_id: b.id }, { rtb_target_id: b.id }] }), [422, '/targets/1/rtb_target_id'])
    assert.deepEqual(await wrong('/ring-trees', { name: 'x', targets: [{ rtb_target_id: 'rbt_0' }], timeout_ms: 1 }), [422, '/targets/0/rtb_target_id', '/timeout_ms'])
    assert.deepEqual(await wrong('/routing-plans', { name: 'x', entries: [{ ring_tree_id: 'rng_0' }] }), [422, '/entries/0/ring_tree_id'])
    assert.deepEqual(await wrong('/rtb-targets/test-mapping', { response: { format: 'xml', bid: '///' } }), [422, '/response/bid'])
  })

  test('other organizations see and use nothing of it, and what is in use is not deleted unasked', async () => {
    const b = await buyer({ accepted: true, bid: 1 }), t = await tree([b]), c = await call(t.number), [r] = await requests(c, 1)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', '--password-file', `${s.dir}/password`, ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/numbers', undefined, {}, other)).ok)
    for (const [method, path] of [['GET', `/rtb-targets/${b.id}`], ['PATCH', `/rtb-targets/${b.id}`], ['DELETE', `/rtb-targets/${b.id}`], ['POST', `/rtb-targets/${b.id}/preview`], ['GET', `/rtb-targets/${b.id}/capacity`], ['PUT', `/rtb-targets/${b.id}/availability`], ['GET', `/ring-trees/${t.tree.id}`], ['PATCH', `/ring-trees/${t.tree.id}`], ['DELETE', `/ring-trees/${t.tree.id}`], ['GET', `/rtb-requests/${r.id}`]] as const)
      assert.equal((await s.raw(method, `/api/v1${path}`, method === 'PATCH' ? { name: 'x' } : method === 'PUT' ? { available: false } : undefined, {}, other)).status, 404, `${method} ${path}`)
    for (const path of ['/rtb-targets', '/ring-trees', '/rtb-requests', `/rtb-requests?rtb_target_id=${b.id}`]) assert.deepEqual(((await (await s.raw('GET', `/api/v1${path}`, undefined, {}, other)).json()) as any).data, [], path)
    assert.equal((await s.raw('POST', '/api/v1/ring-trees', { name: 'x', targets: [{ rtb_target_id: b.id }] }, {}, other)).status, 422)
    assert.equal((await s.raw('POST', '/api/v1/routing-plans', { name: 'x', entries: [{ ring_tree_id: t.tree.id }] }, {}, other)).status, 422)
    assert.equal((await s.raw('POST', '/api/v1/rtb-targets/test-mapping', { response: json }, {}, 'sk_none')).status, 401)
    assert.equal((await s.raw('DELETE', `/api/v1/rtb-targets/${b.id}`)).status, 409)
    assert.equal((await s.raw('DELETE', `/api/v1/ring-trees/${t.tree.id}`)).status, 409)
  })
})
