// Routing plans and the limits of targets, on real calls.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear } from './caller.ts'
import { Peer } from './peer.ts'
import { Sipp, Strowger, sippCall, sleep, until } from './harness.ts'

describe('routing', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '0', '--rtp-ports', '61000-65499'])
    await s.campaign('+18005554400', {}) // and the trunk
  })
  after(() => s.stop())

  const target = async (uri: string, more: object = {}) => s.api('POST', '/targets', { name: `Target ${++n}`, destination: { type: 'sip', uri }, ...more })
  // A plan, and a number whose calls it runs.
  const plan = async (fields: object, more: object = {}) => {
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${++n}`, ...fields })
    const number = `+180055${54400 + ++n}`
    const campaign = await s.campaign(number, { routing_plan_id: plan.id, ...more })
    return { plan, number, campaign }
  }
  const caller = async () => Peer.start()
  const call = async (number: string, from: Peer, who = '+15125550123') => from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${who}@127.0.0.1>;tag=${Math.random()}`] })
  // All calls are over, and in the log: one thread writes everything in its order.
  const quiet = async () => {
    await until('all calls to be over', async () => !(await s.metric('strowger_calls_active')))
    await s.api('POST', '/publishers', { name: `Written after the calls ${++n}` })
  }
  const hangUp = async () => {
    for (const c of (await s.api('GET', '/calls?status=active&limit=1000')).data) await s.raw('POST', `/api/v1/calls/${c.id}/hangup`)
    await quiet()
  }
  // Of one that takes every call: its ACKs may come after the caller's answer.
  const answered = (p: Peer) => new Set(p.of('INVITE').map((r) => r.header('Call-ID'))).size

  test('round robin gives each its turn, also to calls that come at once', async () => {
    const targets = await Promise.all([0, 1, 2].map(() => Peer.start())), from = await caller()
    const entries = []
    for (const t of targets) entries.push({ target_id: (await target(t.uri)).id })
    const { number, campaign } = await plan({ strategy: 'round_robin', entries })
    await Promise.all(Array.from({ length: 30 }, () => call(number, from)))
    assert.deepEqual(targets.map(answered), [10, 10, 10])
    await hangUp()
    const why = (await s.api('GET', `/calls?limit=30&campaign_id=${campaign.id}`)).data.map((c: any) => c.attempts[0].chosen)
    assert.deepEqual([...new Set(why)].sort(), ['its turn: it had no call yet', 'its turn: its last call is the longest ago'])
  })

  test('weighted draws follow the weights, and who does not answer is followed by the others', async () => {
    const [often, seldom, never] = await Promise.all([Peer.start(), Peer.start(), Peer.start({ invite: () => [503] })]), from = await caller()
    const entries = [[often, 6], [seldom, 2], [never, 4]] as const
    const { number } = await plan({ strategy: 'weighted', entries: await Promise.all(entries.map(async ([p, weight]) => ({ target_id: (await target(p.uri)).id, weight }))) })
    for (let i = 0; i < 6; i++) await Promise.all(Array.from({ length: 10 }, () => call(number, from)))
    assert.equal(answered(often!) + answered(seldom!), 60)
    // 45 of 60 are expected; these bounds are missed by chance less than once in a million runs
    assert.ok(answered(often!) > 27 && answered(often!) < 60, `${answered(often!)} of 60`)
    assert.ok(never!.of('INVITE').length > 5)
    await hangUp()
  })

  test('simultaneous rings all of a priority at once, then the next priority, then the fallback plan', async () => {
    const first = await Promise.all([0, 1].map(() => Peer.start({ invite: () => [180, 486] }))), second = await Peer.start({ invite: () => [486] }), last = await Peer.start(), from = await caller()
    const fallback = await s.api('POST', '/routing-plans', { name: 'The last', entries: [{ target_id: (await target(last.uri)).id }] })
    const entries = [...(await Promise.all(first.map(async (p) => ({ target_id: (await target(p.uri)).id, priority: 1 })))), { target_id: (await target(second.uri)).id, priority: 2 }]
    const { number } = await plan({ strategy: 'simultaneous', entries, fallback_plan_id: fallback.id })
    await call(number, from)
    await hangUp()
    const { attempts } = await s.lastCall((c) => c.number === number)
    assert.deepEqual(attempts.map((a: any) => a.outcome), ['busy', 'busy', 'busy', 'answered'])
    const times = attempts.map((a: any) => [Date.parse(a.started_at), Date.parse(a.ended_at)])
    assert.ok(times[1][0] <= times[0][1] && times[2][0] >= Math.max(times[0][1], times[1][1]) && times[3][0] >= times[2][1], JSON.stringify(times))
    // two plans that fall back on each other end
    await s.api('PATCH', `/routing-plans/${fallback.id}`, { fallback_plan_id: (await s.api('GET', '/routing-plans')).data.find((p: any) => p.fallback_plan_id)!.id })
    last.invite = () => [486]
    assert.equal((await call(number, from)).status, 486)
    await quiet()
  })

  test('a group is tried in its place, by its own strategy, round robin over groups too', async () => {
    const [a, b, c, last] = await Promise.all([0, 1, 2, 3].map(() => Peer.start())), from = await caller()
    const ids = await Promise.all([a, b, c, last].map(async (p) => (await target(p!.uri)).id))
    const pair = await s.api('POST', '/routing-plans', { name: 'Pair', strategy: 'round_robin', entries: [{ target_id: ids[0] }, { target_id: ids[1] }] })
    const single = await s.api('POST', '/routing-plans', { name: 'Single', entries: [{ target_id: ids[2] }] })
    const { plan: made, number } = await plan({ strategy: 'round_robin', entries: [{ routing_plan_id: pair.id }, { routing_plan_id: single.id }, { target_id: ids[3], priority: 2 }] })
    for (let i = 0; i < 8; i++) await (await call(number, from)).request('BYE')
    assert.deepEqual([a, b, c, last].map((p) => answered(p!)), [2, 2, 4, 0])
    // all of a group that do not take the call are followed by the next group, then the next priority
    for (const p of [a, b, c]) p!.invite = () => [486]
    await (await call(number, from)).request('BYE')
    assert.deepEqual([a, b, c, last].map((p) => p!.of('INVITE').length), [3, 3, 5, 1])
    assert.deepEqual((await s.api('POST', `/routing-plans/${made.id}/explain`, { number })).data.map((x: any) => [x.routing_plan_name, x.order]).sort(), [['Pair', 1], ['Pair', 2], ['Single', 3], [made.name, 4]].sort())
    await quiet()
    const chosen = (await s.lastCall((x) => x.number === number)).attempts.map((x: any) => x.chosen)
    assert.deepEqual([...new Set(chosen)].sort(), ["in the plan's order, priority 1, in the plan Single", 'its turn: it had no call yet', 'its turn: its last call is the longest ago, in the plan Pair'])
    // a group that rings at once, behind another target
    await s.api('PATCH', `/routing-plans/${pair.id}`, { strategy: 'simultaneous' })
    const rings = await plan({ entries: [{ target_id: ids[2] }, { routing_plan_id: pair.id, priority: 2, filter: { match: 'all', rules: [{ field: 'number.state', op: 'equals', value: 'TX' }] } }] })
    assert.equal((await call(rings.number, from)).status, 486)
    await quiet()
    const { attempts } = await s.lastCall((x) => x.number === rings.number), times = attempts.map((x: any) => [Date.parse(x.started_at), Date.parse(x.ended_at)])
    assert.ok(attempts.length === 3 && times[1][0] >= times[0][1] && times[2][0] <= times[1][1], JSON.stringify(times))
    assert.equal((await call(rings.number, from, '+12125550123')).status, 486)
    await quiet()
    assert.deepEqual((await s.lastCall((x) => x.number === rings.number && x.caller_id === '+12125550123')).attempts.map((x: any) => [x.uri, x.reason])[0], ['Pair', "the call does not pass the plan entry's filter"])
    // one within itself ends
    await s.api('PATCH', `/routing-plans/${single.id}`, { entries: [{ target_id: ids[2] }, { routing_plan_id: single.id }] })
    assert.equal((await call(number, from, '+12125550123')).status, 200)
    await hangUp()
    for (const [entry, pointer] of [[{}, '/entries/0/target_id'], [{ target_id: ids[0], routing_plan_id: pair.id }, '/entries/0/routing_plan_id']] as const) {
      const r = await s.raw('POST', '/api/v1/routing-plans', { name: 'x', entries: [entry] })
      assert.deepEqual([r.status, ((await r.json()) as any).errors[0].pointer], [422, pointer])
    }
  })

  test('best begins with who brings in the most, learns from what calls brought, and tries others by chance', async () => {
    const [dear, fair] = await Promise.all([Peer.start(), Peer.start()]), from = await caller()
    const big = await target(dear.uri, { revenue: { amount: '30', on: 'duration', duration_seconds: 3600 } }), small = await target(fair.uri, { revenue: { amount: '20' } })
    const { plan: made, number } = await plan({ strategy: 'best', best: { explore_percent: 0 }, entries: [{ target_id: small.id }, { target_id: big.id }] })
    const order = async () => (await s.api('POST', `/routing-plans/${made.id}/explain`, { number })).data.filter((c: any) => c.order).map((c: any) => [c.target_id, c.score])
    assert.deepEqual(await order(), [[big.id, '30.00'], [small.id, '20.00']])
    for (let i = 0; i < 5; i++) await (await call(number, from)).request('BYE')
    assert.deepEqual([answered(dear), answered(fair)], [5, 0])
    // five calls that were expected to bring 30 each, and five that brought nothing
    await until('the scores', async () => (await order())[0][0] === small.id)
    assert.deepEqual(await order(), [[small.id, '20.00'], [big.id, '15.00']])
    await (await call(number, from)).request('BYE')
    assert.equal(answered(fair), 1)
    await quiet()
    const why = async (calls: number) => { // the newest, once so many are in the log
      const ended = await until('the log', async () => {
        const of = (await s.api('GET', '/calls?limit=1000')).data.filter((c: any) => c.number === number && c.status !== 'active')
        return of.length === calls && of
      })
      return (await s.api('GET', `/calls/${ended[0].id}`)).attempts[0].chosen
    }
    assert.equal(await why(6), 'its score: 20.00 a call')
    await s.api('PATCH', `/routing-plans/${made.id}`, { best: { explore_percent: 100 } })
    await Promise.all(Array.from({ length: 30 }, async () => (await call(number, from)).request('BYE')))
    assert.ok(answered(dear) > 10 && answered(fair) > 5, `${answered(dear)}, ${answered(fair)}`)
    await quiet()
    assert.equal(await why(36), 'by chance, so that its score is learned')
  })

  test('a target that is set unavailable gets no calls, and who waits for it gets it when it is back', async () => {
    const t = await Peer.start(), from = await caller()
    const agent = await target(t.uri)
    const { plan: made, number } = await plan({ entries: [{ target_id: agent.id }] }), waits = await plan({ entries: [{ target_id: agent.id }], dial: { wait_seconds: 20 } })
    const set = async (available: boolean) => assert.deepEqual(await s.api('PUT', `/targets/${agent.id}/availability`, { available }), { target_id: agent.id, available })
    await set(false)
    assert.equal((await call(number, from)).status, 480)
    assert.equal((await s.lastCall((c) => c.number === number)).attempts[0].reason, 'the target is set unavailable')
    assert.equal((await s.api('POST', `/routing-plans/${made.id}/explain`, { number })).data[0].verdict, 'unavailable')
    await s.kill()
    await s.serve()
    assert.equal((await s.api('GET', `/targets/${agent.id}/capacity`)).available, false)
    const waiting = call(waits.number, from)
    await until('the caller to wait', async () => (await s.metric('strowger_calls_active')) === 1)
    await sleep(300)
    assert.equal(t.of('INVITE').length, 0)
    await set(true)
    const d = await waiting
    assert.deepEqual([d.status, answered(t)], [200, 1])
    await hangUp()
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Others', '--email', 'others@example.com', ...s.databaseFlag()])).api_key
    await until('the organization', async () => (await s.raw('GET', '/api/v1/targets', undefined, {}, other)).ok)
    assert.equal((await s.raw('PUT', `/api/v1/targets/${agent.id}/availability`, { available: false }, {}, other)).status, 404)
    assert.equal((await s.raw('PUT', `/api/v1/targets/${agent.id}/availability`, {})).status, 422)
    assert.equal((await s.api('GET', `/targets/${agent.id}/capacity`)).available, true)
  })

  test('a daily cap is never exceeded by calls that come at once, and is still known after the server was killed', async () => {
    const busy = [await Sipp.answer('answer.xml'), await Sipp.answer('answer.xml')] as const // which repeat what gets lost in such a crowd
    const t = await Peer.start(), from = await caller()
    const capped = await target(busy[0].uri, { caps: { daily: 25, time_zone: 'America/New_York' } }), rest = await target(busy[1].uri)
    const { number } = await plan({ entries: [{ target_id: capped.id }, { target_id: rest.id, priority: 2 }] })
    const { code, out } = await sippCall('call.xml', s, number, ['-m', '300', '-r', '300', '-l', '300'])
    assert.equal(code, 0, out)
    await quiet()
    const had = async (id: string) => (await s.api('GET', `/targets/${id}/capacity`)).data[0]
    assert.deepEqual([(await had(capped.id)).daily.used, (await had(rest.id)).daily.used], [25, 275])
    for (const b of busy) b.stop()
    await s.api('PATCH', `/targets/${capped.id}`, { destination: { type: 'sip', uri: t.uri } })
    await s.api('PATCH', `/targets/${rest.id}`, { destination: { type: 'sip', uri: (await Peer.start()).uri } })
    const use = await s.api('GET', `/targets/${capped.id}/capacity`)
    assert.deepEqual([use.time_zone, use.data[0].daily, use.data[0].concurrency], ['America/New_York', { used: 25, limit: 25 }, { used: 0, limit: null }])
    await s.kill()
    await s.serve()
    assert.deepEqual((await s.api('GET', `/targets/${capped.id}/capacity`)).data[0].daily, { used: 25, limit: 25 })
    await call(number, from)
    assert.equal(answered(t), 0)
    await hangUp()
    const { attempts } = await s.lastCall((c) => c.number === number)
    assert.deepEqual(attempts.map((a: any) => [a.outcome, a.reason]), [['skipped', 'the target has its calls of this day'], ['answered', null]])
    await s.api('PATCH', `/targets/${capped.id}`, { caps: { daily: 26 } })
    await call(number, from)
    assert.equal(answered(t), 1)
    await hangUp()
    // by other clocks it is counted anew
    await s.api('PATCH', `/targets/${capped.id}`, { caps: { daily: 26, time_zone: 'Pacific/Kiritimati' } })
    const again = (await s.api('GET', `/targets/${capped.id}/capacity`)).data[0]
    assert.ok([0, 26].includes(again.daily.used) && again.total.used === 26, JSON.stringify(again))
  })

  test('a cap counts who was connected, not who was only called', async () => {
    const t = await Peer.start({ invite: () => [486] }), from = await caller()
    const capped = await target(t.uri, { caps: { total: 1 } })
    const { number } = await plan({ entries: [{ target_id: capped.id }] })
    for (let i = 0; i < 3; i++) assert.equal((await call(number, from)).status, 486)
    t.invite = () => [200]
    assert.equal((await call(number, from)).status, 200)
    assert.equal((await call(number, from)).status, 480)
    assert.equal(t.of('INVITE').length, 4)
    await hangUp()
  })

  test('concurrency is freed by every ending: caller, target, API, no answer, cancel and a crash', async () => {
    const t = await Peer.start(), from = await caller()
    const limited = await target(t.uri, { concurrency: 3 })
    const { number } = await plan({ entries: [{ target_id: limited.id }] })
    const on = async () => (await s.api('GET', `/targets/${limited.id}/capacity`)).data[0].concurrency.used
    const full = async () => {
      const ds = await Promise.all(Array.from({ length: 10 }, () => call(number, from)))
      assert.equal(ds.filter((d) => d.status === 200).length, 3)
      assert.equal(await on(), 3)
      return ds.filter((d) => d.status === 200)
    }
    const freed = () => until('places to be free', async () => (await on()) === 0)
    for (const d of await full()) await d.request('BYE')
    await freed()
    await full()
    await hangUp()
    await freed()
    const leaves = await Peer.start()
    await s.api('PATCH', `/targets/${limited.id}`, { destination: { type: 'sip', uri: leaves.uri } })
    await full()
    await leaves.within('BYE')
    await until('one place', async () => (await on()) === 2)
    await hangUp()
    await s.api('PATCH', `/targets/${limited.id}`, { destination: { type: 'sip', uri: t.uri } })
    t.invite = () => [404]
    await call(number, from)
    await freed()
    t.invite = () => [200]
    await full()
    await s.kill()
    await s.serve()
    assert.equal(await on(), 0)
    await full()
    await hangUp()
  })

  test('callers wait for a target in their order, ringing or with music, and no longer than they may', async () => {
    const t = await Peer.start(), one = await target(t.uri, { concurrency: 1 })
    const { plan: p, number } = await plan({ entries: [{ target_id: one.id }], dial: { wait_seconds: 60 } })
    const others = Array.from({ length: 3 }, (_, i) => `+1512555010${i}`), froms = await Promise.all(others.map(() => caller()))
    const first = await call(number, await caller())
    const waiting = []
    for (const [i, who] of others.entries()) {
      waiting.push(call(number, froms[i]!, who))
      await until('it to be there', async () => (await s.metric('strowger_calls_active')) === i + 2)
    }
    await sleep(300)
    assert.equal(answered(t), 1)
    await first.request('BYE')
    for (const [i, w] of waiting.entries()) {
      const d = await w
      assert.equal(d.status, 200)
      assert.ok(d.provisional.some((x) => x.startsWith('SIP/2.0 180')), 'it rings')
      assert.equal(t.of('INVITE').length, i + 2)
      assert.ok(t.of('INVITE')[i + 1]!.text.includes(others[i]!), 'in their order')
      if (i === 0) assert.equal((await s.api('GET', `/targets/${one.id}/capacity`)).data[0].concurrency.used, 1)
      await d.request('BYE')
    }
    await quiet()
    const { attempts } = await s.lastCall((c) => c.caller_id === others[2])
    assert.deepEqual(attempts.map((a: any) => a.outcome), ['skipped', 'waited', 'answered'])
    assert.match(attempts[1].reason, /^the caller waited \d+ seconds for a target to be free$/)
    // no longer than they may
    await s.api('PATCH', `/routing-plans/${p.id}`, { dial: { wait_seconds: 1 } })
    const holder = await call(number, await caller())
    assert.equal((await call(number, froms[0]!)).status, 480)
    // who gives up while waiting leaves nothing
    await s.api('PATCH', `/routing-plans/${p.id}`, { dial: { wait_seconds: 60 } })
    assert.equal((await sippCall('cancel_ringing.xml', s, number)).code, 0)
    await until('it to be gone', async () => (await s.metric('strowger_calls_active')) === 1)
    // with music, which is said again and again
    const music = await s.api('POST', '/prompts', { name: 'Music', text: 'One.' })
    await s.api('PATCH', `/routing-plans/${p.id}`, { dial: { wait_seconds: 60, wait_prompt_id: music.id } })
    const c = await Caller.invite(s, number), rtp = await Rtp.bind()
    await c.offer(rtp.port)
    const seconds = () => rtp.of(0).map((x) => [...x.subarray(12)].some((y) => Math.abs(linear(y)) > 1500)).map((x, i, all) => x && !all.slice(Math.max(0, i - 15), i).some(Boolean)).filter(Boolean).length
    await until('it to be said three times', () => seconds() >= 3)
    await holder.request('BYE')
    await until('the target', () => answered(t) === 5)
    await c.bye()
    rtp.close()
    await quiet()
    assert.equal(await s.metric('strowger_media_ports'), 0)
  })

  test('limits of a campaign or a publisher hold beside the target\'s own', async () => {
    const t = await Peer.start(), from = await caller()
    const publisher = await s.api('POST', '/publishers', { name: 'Ads' })
    const one = await target(t.uri)
    const a = await plan({ entries: [{ target_id: one.id }] }), b = await plan({ entries: [{ target_id: one.id }] })
    await s.api('PATCH', `/numbers/${(await s.api('GET', `/numbers?campaign_id=${b.campaign.id}`)).data[0].id}`, { publisher_id: publisher.id })
    await s.api('PATCH', `/targets/${one.id}`, { limits: [{ campaign_id: a.campaign.id, daily: 2 }, { publisher_id: publisher.id, concurrency: 1 }] })
    const statuses = async (number: string, k: number) => (await Promise.all(Array.from({ length: k }, async () => (await call(number, from)).status))).sort()
    assert.deepEqual(await statuses(a.number, 4), [200, 200, 480, 480])
    assert.deepEqual(await statuses(b.number, 3), [200, 480, 480])
    await hangUp()
    assert.deepEqual(await statuses(a.number, 1), [480])
    assert.deepEqual(await statuses(b.number, 2), [200, 480])
    await hangUp()
    const { data } = await s.api('GET', `/targets/${one.id}/capacity`)
    assert.deepEqual(data.map((l: any) => [l.campaign_id, l.publisher_id, l.daily.used, l.daily.limit]), [[null, null, 4, null], [a.campaign.id, null, 2, 2], [null, publisher.id, 2, null]])
    await assert.rejects(s.api('PATCH', `/targets/${one.id}`, { limits: [{ daily: 2 }] }), /needs a campaign, a publisher, or both/)
    await assert.rejects(s.api('PATCH', `/targets/${one.id}`, { caps: { hourly: 0 } }), /caps\/hourly/)
  })

  test('a closed target is passed over, and explain says so for any time', async () => {
    const open = await Peer.start(), from = await caller()
    await s.api('POST', '/custom-tags', { name: 'state' })
    const weekly = ['mon', 'tue', 'wed', 'thu', 'fri'].map((day) => ({ day, open: '09:00', close: '17:00' }))
    const closed = await target('sip:127.0.0.1:9', { schedule: { time_zone: 'America/Chicago', weekly: [] } })
    const office = await target('sip:127.0.0.1:9', { schedule: { time_zone: 'America/Chicago', weekly } })
    const texas = await target(open.uri, { filter: { match: 'all', rules: [{ field: 'tag.state', op: 'equals', value: 'TX' }] } })
    const rest = await target(open.uri)
    const { plan: p, number } = await plan({ entries: [closed, office, texas, rest].map((t, i) => ({ target_id: t.id, priority: i + 1 })) })
    const explain = async (body?: object) => (await s.api('POST', `/routing-plans/${p.id}/explain`, body)).data.map((c: any) => [c.target_name, c.order, c.verdict])
    const at = '2026-11-26T16:00:00Z', night = '2026-11-26T03:00:00Z'
    assert.deepEqual(await explain({ at, tags: { STATE: 'TX' }, caller_id: '(512) 555-0100', number }), [[closed.name, null, 'closed'], [office.name, 1, 'eligible'], [texas.name, 2, 'eligible'], [rest.name, 3, 'eligible']])
    assert.deepEqual(await explain({ at: night }), [[closed.name, null, 'closed'], [office.name, null, 'closed'], [texas.name, null, 'target_filter'], [rest.name, 1, 'eligible']])
    await s.api('PATCH', `/routing-plans/${p.id}`, { entries: [{ target_id: closed.id }, { target_id: rest.id }] })
    await call(number, from)
    await hangUp()
    const c = await s.lastCall((x) => x.number === number)
    assert.deepEqual(c.attempts.map((a: any) => [a.outcome, a.reason]), [['skipped', 'the target is closed now'], ['answered', null]])
    for (const [body, pointer] of [[{ at: 'tomorrow' }, '/at'], [{ tags: { nothing: 1 } }, '/tags/nothing'], [{ tags: 5 }, '/tags'], [{ who: 1 }, '/who']] as const)
      await assert.rejects(s.api('POST', `/routing-plans/${p.id}/explain`, body), (e: any) => e.body.errors[0].pointer === pointer)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', '--password-file', `${s.dir}/password`, ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/numbers', undefined, {}, other)).ok)
    for (const [method, path] of [['POST', `/routing-plans/${p.id}/explain`], ['GET', `/targets/${rest.id}/capacity`]] as const) assert.equal((await s.raw(method, `/api/v1${path}`, method === 'POST' ? {} : undefined, {}, other)).status, 404)
  })

  test('explain tells shares of weights, turns, caps, and what cannot be reached', async () => {
    const t = await Peer.start()
    const full = await target(t.uri, { caps: { total: 1 } }), phone = await s.api('POST', '/targets', { name: 'Desk', destination: { type: 'phone', username: 'desk', password: 'a good password' } })
    const entries = [{ target_id: full.id, weight: 1 }, { target_id: (await target(t.uri)).id, weight: 3 }, { target_id: phone.id, weight: 4 }]
    const { plan: p, number } = await plan({ strategy: 'weighted', entries })
    const explain = async () => (await s.api('POST', `/routing-plans/${p.id}/explain`, {})).data
    const shares = async () => (await explain()).map((c: any) => [c.target_id, c.share]).sort()
    assert.deepEqual(await shares(), [[full.id, 0.125], [entries[1]!.target_id, 0.375], [phone.id, 0]].sort())
    await s.api('PATCH', `/routing-plans/${p.id}`, { strategy: 'priority', dial: { max_attempts: 1 } })
    await call(number, await caller())
    await hangUp()
    const said = (await explain()).map((c: any) => [c.target_id, c.order, c.verdict, c.reason])
    assert.deepEqual(said, [[full.id, null, 'total_cap', 'the target has all its calls'], [entries[1]!.target_id, 1, 'eligible', null], [phone.id, null, 'over_attempts', "the plan's attempts were used up before it"]])
    await sleep(10)
  })
})
