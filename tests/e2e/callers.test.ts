// Callers who call again, who are not wanted, and who are paid for once.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

describe('callers', () => {
  let s: Strowger
  let hook: string
  let from: Peer
  let n = 0
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    hook = (await s.api('POST', '/incoming-webhooks', { name: 'CRM', types: ['update_revenue'] })).key
  })
  after(() => s.stop())

  const who = () => `+1512555${1000 + ++n}`
  // A campaign with so many targets, by priority, and calls to its number.
  const campaign = async (fields: object, targets: object[] = [{}]) => {
    const number = `+1800555${8300 + ++n}`, peers = await Promise.all(targets.map(() => Peer.start())), made: any[] = []
    for (const [i, p] of peers.entries()) made.push(await s.api('POST', '/targets', { name: `Target ${++n}`, destination: { type: 'sip', uri: p.uri }, revenue: { amount: '40' }, ...targets[i] }))
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries: made.map((t, i) => ({ target_id: t.id, priority: i + 1 })) })
    const c = await s.campaign(number, { routing_plan_id: plan.id, conversion: { after_seconds: 0 }, payout: '10', ...fields })
    // resolves with the log, once the call is over
    const call = async (caller: string, { name = '', headers = [] as string[] } = {}) => {
      const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
      const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: ${name}<sip:${caller}@127.0.0.1>;tag=${Math.random()}`, ...headers] })
      if (d.status === 200) {
        await sleep(50)
        assert.equal(await d.request('BYE'), 200)
      }
      const log = await s.lastCall((x) => x.number === number && x.id > last)
      return { ...log, status: d.status }
    }
    return { number, id: c.id as string, plan, targets: made, peers, call, got: () => peers.map((p) => p.of('ACK').length) }
  }
  const say = async (body: object) => assert.equal((await s.raw('POST', `/update-revenue?key=${hook}`, body)).status, 200)
  const again = async () => {
    await s.kill()
    await s.serve()
  }

  test('a caller who calls again gets the same target first, though others come before it', async () => {
    const c = await campaign({ duplicates: { policy: 'same', within_days: 7 } }, [{}, {}, {}]), caller = who(), other = who()
    c.peers[0].invite = () => [486]
    await c.call(caller)
    c.peers[0].invite = () => [200]
    assert.deepEqual(c.got(), [1, 1, 0])
    await c.call(caller)
    await c.call(other)
    assert.deepEqual(c.got(), [2, 2, 0])
    await again()
    await c.call(caller)
    assert.deepEqual(c.got(), [2, 3, 0])
    const { data } = await s.api('POST', `/routing-plans/${c.plan.id}/explain`, { caller_id: caller, number: c.number })
    assert.deepEqual(data.map((x: any) => [x.target_id, x.order, x.priority]), [[c.targets[1].id, 1, 2], [c.targets[0].id, 2, 1], [c.targets[2].id, 3, 3]])
    // it is closed: the others as ever
    await s.api('PATCH', `/targets/${c.targets[1].id}`, { enabled: false })
    await c.call(caller)
    assert.deepEqual(c.got(), [3, 3, 0])
  })

  test('or different targets, until there is none; or is refused', async () => {
    const c = await campaign({ duplicates: { policy: 'different' } }, [{}, {}]), caller = who()
    await c.call(caller)
    await c.call(caller)
    assert.deepEqual(c.got(), [1, 1])
    const third = await c.call(caller)
    assert.deepEqual([third.status, third.attempts.map((a: any) => a.reason)], [480, Array(2).fill('the caller was connected with the target before')])
    assert.deepEqual((await s.api('POST', `/routing-plans/${c.plan.id}/explain`, { caller_id: caller, number: c.number })).data.map((x: any) => x.verdict), ['repeated', 'repeated'])
    const b = await campaign({ duplicates: { policy: 'block' } }), first = who()
    assert.equal((await b.call(first)).status, 200)
    const refused = await b.call(first)
    assert.deepEqual([refused.status, refused.disposition, refused.hangup_reason, refused.hangup_by], [603, 'duplicate', 'the caller was connected with a target of this campaign before', 'system'])
    assert.equal((await b.call(who())).status, 200)
    assert.equal((await b.call('anonymous')).status, 200)
    assert.equal((await b.call('anonymous')).status, 200)
    // who was only rung is no duplicate
    const busy = await campaign({ duplicates: { policy: 'block' } }), rung = who()
    busy.peers[0].invite = () => [486]
    await busy.call(rung)
    assert.equal((await busy.call(rung)).status, 486)
  })

  test('a target takes a caller once, whatever the campaign', async () => {
    const c = await campaign({}, [{ no_repeats_days: 30 }, {}]), caller = who()
    for (let i = 0; i < 3; i++) await c.call(caller)
    assert.deepEqual(c.got(), [1, 2])
    const flow = await s.flow('Names it', [{ id: 'd', type: 'dial', config: { to: { target_ids: [c.targets[0].id, c.targets[1].id] } } }], [['start', 'next', 'd']])
    await s.api('PATCH', `/campaigns/${c.id}`, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await c.call(caller)
    assert.deepEqual(c.got(), [1, 3])
  })

  test('a caller is paid for once, also when calls come at once, by webhook, and after a restart', async () => {
    const c = await campaign({ payout_once_days: 30 }, [{ revenue: { amount: '40', once_days: 30 } }]), caller = who()
    const first = await c.call(caller), second = await c.call(caller), other = await c.call(who())
    const money = (x: any) => [x.converted, x.revenue, x.payout, x.not_paid_twice]
    assert.deepEqual(money(first), [true, '40.00', '10.00', []])
    assert.deepEqual(money(second), [true, '0.00', '0.00', ['payout', 'revenue']])
    assert.deepEqual(money(other), [true, '40.00', '10.00', []])
    await again()
    assert.deepEqual(money(await c.call(caller)), [true, '0.00', '0.00', ['payout', 'revenue']])
    // what is said is paid all the same; a refund makes the next call one that is paid
    await say({ call_id: second.id, payout: '3' })
    assert.deepEqual(money(await s.api('GET', `/calls/${second.id}`)), [true, '0.00', '3.00', ['revenue']])
    for (const id of [first.id, second.id]) await s.api('POST', `/calls/${id}/adjustments`, { payout: '0', revenue: '0', note: 'refund' })
    assert.deepEqual(money(await c.call(caller)), [true, '40.00', '10.00', []])
    const crowd = who()
    await Promise.all(Array.from({ length: 20 }, async () => {
      const d = await from.call(s.sip, `sip:${c.number}@127.0.0.1`, { headers: [`From: <sip:${crowd}@127.0.0.1>;tag=${Math.random()}`] })
      await sleep(200)
      await d.request('BYE')
    }))
    await until('all calls to be over', async () => !(await s.metric('strowger_calls_active')))
    const all = await until('their logs', async () => {
      const { data } = await s.api('GET', `/calls?caller_id=${encodeURIComponent(crowd)}&limit=100`)
      return data.every((x: any) => x.status === 'completed') && data
    })
    assert.deepEqual([all.length, all.filter((x: any) => x.payout === '10.00').length, all.filter((x: any) => x.revenue === '40.00').length], [20, 1, 1])
    // by webhooks, after the calls
    const w = await campaign({ conversion: null, payout_once_days: 30 }, [{ revenue: { amount: '40', on: 'conversion', once_days: 30 } }]), late = who()
    const [x, y] = [await w.call(late), await w.call(late)]
    for (const id of [x.id, y.id, x.id]) await say({ call_id: id, converted: true })
    assert.deepEqual([money(await s.api('GET', `/calls/${x.id}`)), money(await s.api('GET', `/calls/${y.id}`))], [[true, '40.00', '10.00', []], [true, '0.00', '0.00', ['payout', 'revenue']]])
    const { totals } = await s.api('GET', `/reports/calls?group_by=campaign&campaign_id=${w.id}`)
    assert.deepEqual([totals.converted, totals.revenue, totals.payout], [2, '40.00', '10.00'])
  })

  test('a campaign says what tags begin with', async () => {
    const [source, tier] = [await s.api('POST', '/custom-tags', { name: 'source', type: 'string', default: 'none' }), await s.api('POST', '/custom-tags', { name: 'tier', type: 'number', default: '1' })]
    const c = await campaign({ tag_defaults: [{ tag_id: source.id, value: 'radio' }] })
    const { id, tags } = await c.call(who())
    assert.deepEqual(tags, { source: 'radio', tier: 1 })
    assert.deepEqual((await s.api('GET', `/calls/${id}/tags`)).data.map((x: any) => [x.name, x.source]), [['source', 'default'], ['tier', 'default']])
    for (const x of [source, tier]) await s.api('PATCH', `/custom-tags/${x.id}`, { archived: true })
  })

  test('terms that change are those of later calls', async () => {
    const c = await campaign({}), x = await c.call(who())
    await s.api('PATCH', `/campaigns/${c.id}`, { payout: '99' })
    await say({ call_id: x.id, revenue: '50' })
    assert.deepEqual([(await s.api('GET', `/calls/${x.id}`)).payout, (await c.call(who())).payout], ['10.00', '99.00'])
  })

  test('block lists, prefixes, anonymous callers, rates; allow lists', async () => {
    const blocked = who(), welcome = '+447911123456'
    const bad = await s.api('POST', '/lists', { name: 'Spam', values: [`(512) 555-${blocked.slice(-4)}`, 'no number', '+15125559999'] }), good = await s.api('POST', '/lists', { name: 'Friends', values: [welcome] })
    const c = await campaign({ screening: { block_list_ids: [bad.id], blocked_prefixes: ['+44', '+1900'], block_anonymous: true, max_calls: 3, max_calls_seconds: 3600, allow_list_ids: [good.id] } })
    const why = async (caller: string, more = {}) => {
      const x = await c.call(caller, more)
      return x.status === 603 ? `${x.disposition}: ${x.hangup_reason}` : x.status
    }
    assert.equal(await why(blocked), 'blocked: the caller is on a block list')
    assert.equal(await why('+447911999999'), "blocked: the caller's number begins with a blocked prefix")
    assert.equal(await why('anonymous'), 'blocked: the caller is anonymous')
    assert.equal(await why(who(), { headers: ['Privacy: id'] }), 'blocked: the caller is anonymous')
    const often = who()
    for (let i = 0; i < 3; i++) assert.equal(await why(often), 200)
    assert.equal(await why(often), 'blocked: the caller calls too often')
    for (let i = 0; i < 4; i++) assert.equal(await why(welcome), 200)
    const events = (await s.api('GET', `/calls/${(await s.lastCall((x) => x.caller_id === often)).id}/events`)).data.map((e: any) => e.type).filter((type: string) => !type.startsWith('tag.'))
    assert.deepEqual(events, ['call.started', 'call.failed', 'call.completed'])
    // a list that changes counts for the next call; also in front of a call flow
    await s.api('PATCH', `/lists/${bad.id}`, { values: [] })
    assert.equal(await why(blocked), 200)
    const flow = await s.flow('Hangs up', [{ id: 'h', type: 'hangup', config: { cause: 'busy' } }], [['start', 'next', 'h']])
    await s.api('PATCH', `/campaigns/${c.id}`, { execution_mode: 'call_flow', call_flow_id: flow.id, screening: { allow_list_ids: [good.id], only_allowed: true } })
    assert.equal(await why(blocked), "blocked: the caller is on none of the campaign's allow lists")
    assert.equal(await why(welcome), 486)
    assert.equal((await s.raw('POST', '/api/v1/campaigns', { name: 'x', screening: { blocked_prefixes: ['1900'] } })).status, 422)
    assert.equal((await s.raw('DELETE', `/api/v1/lists/${good.id}`)).status, 409)
  })
})
