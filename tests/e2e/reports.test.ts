import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Sipp, Strowger, until } from './harness.ts'

describe('reports', () => {
  let s: Strowger
  let target: Sipp
  before(async () => {
    s = await Strowger.start()
    target = await Sipp.answer('answer.xml')
  })
  after(async () => {
    target.stop()
    await s.stop()
  })
  const report = (query: string) => s.api('GET', `/reports/calls?${query}`)

  test('ended calls are added up by time and by what they belong to', async () => {
    const plan = await s.plan('Sold', [{ uri: target.uri, revenue: { amount: '12.50', on: 'connect' } }])
    const publisher = await s.api('POST', '/publishers', { name: 'Pub' })
    const sold = await s.campaign('+18005550701', { routing_plan_id: plan.id, payout: '4.00', conversion: { after_seconds: 0 } })
    const flow = await s.flow('No', [{ id: 'h', type: 'hangup', config: { cause: 'busy' } }], [['start', 'next', 'h']])
    const refused = await s.campaign('+18005550702', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const number = (await s.api('GET', '/numbers')).data.find((n: any) => n.number === '+18005550701')
    await s.api('PATCH', `/numbers/${number.id}`, { publisher_id: publisher.id })
    await Promise.all([s.call('+18005550701', ['--duration', '2']), s.call('+18005550701', ['--duration', '2', '--from', '+12125550101']), s.call('+18005550702').catch(() => {})])
    await until('three ended calls', async () => (await report('')).totals.calls === 3)
    const by = await report('group_by=campaign')
    assert.deepEqual(by.data.map((l: any) => [l.key, l.name, l.calls, l.connected, l.converted, l.revenue, l.payout]), [
      [sold.id, 'Campaign +18005550701', 2, 2, 2, '25.00', '8.00'],
      [refused.id, 'Campaign +18005550702', 1, 0, 0, '0.00', '0.00'],
    ])
    assert.ok(by.data[0].duration_seconds >= 3 && by.data[0].duration_seconds <= 6, `${by.data[0].duration_seconds} s`)
    assert.deepEqual([by.totals.calls, by.totals.revenue], [3, '25.00'])
    assert.deepEqual((await report('group_by=publisher')).data.map((l: any) => [l.name, l.calls]), [['Pub', 2], [null, 1]])
    assert.deepEqual((await report('group_by=target')).data.map((l: any) => [l.name, l.calls]), [['Sold 0', 2], [null, 1]])
    assert.equal((await report(`group_by=day&campaign_id=${sold.id}`)).totals.calls, 2)
    assert.equal((await report(`group_by=day&publisher_id=${publisher.id}`)).totals.calls, 2)
    const there = (zone: string) => new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(new Date())
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Honolulu', 'Asia/Kolkata']) {
      const days = await report(`group_by=day&time_zone=${zone}`)
      assert.equal(days.data.at(-1).key, there(zone), zone)
      const hours = (await report(`group_by=hour&time_zone=${zone}`)).data
      assert.match(hours[0].key, zone === 'Asia/Kolkata' ? /:30:00\.000Z$/ : /:00:00\.000Z$/)
    }
    assert.deepEqual((await report('from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z')).data, [])
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, other)).ok)
    assert.equal((await s.api('GET', `/reports/calls?campaign_id=${sold.id}`, undefined, other)).totals.calls, 0)
  })

  test('calls are added up by the values of a tag, also when those change afterwards', async () => {
    await s.api('POST', '/custom-tags', { name: 'source', report: true })
    await s.api('POST', '/custom-tags', { name: 'quiet' })
    const plan = await s.plan('Tagged', [{ uri: target.uri, revenue: { amount: '2.00', on: 'connect' } }])
    await s.campaign('+18005550704', { routing_plan_id: plan.id })
    const from = new Date(Date.now() - 3600e3).toISOString()
    const by = async (key?: string) => Object.fromEntries((await s.api('GET', `/reports/calls?group_by=tag.source&from=${from}`, undefined, key)).data.map((l: any) => [l.key, [l.calls, l.revenue]]))
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'In' })
    const send = (body: object) => fetch(hook.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    await send({ caller_id: '+15125550171', source: 'google' })
    await send({ caller_id: '+15125550172', source: 'bing' })
    for (const n of ['171', '172', '173']) await s.call('+18005550704', ['--duration', '1', '--from', `+15125550${n}`])
    const last = await s.lastCall((c) => c.caller_id === '+15125550173')
    await until('the sums', async () => (await by()).bing)
    assert.deepEqual(await by(), { google: [1, '2.00'], bing: [1, '2.00'] })
    await s.api('PATCH', `/calls/${last.id}/tags`, { source: 'google', quiet: 'x' })
    assert.deepEqual(await by(), { google: [2, '4.00'], bing: [1, '2.00'] })
    await send({ call_id: last.id, source: 'bing' })
    await send({ call_id: last.id, source: 'bing' })
    assert.deepEqual(await by(), { google: [1, '2.00'], bing: [2, '4.00'] })
    const first = await s.lastCall((c) => c.caller_id === '+15125550171')
    await send({ call_id: first.id, source: 'duck' })
    assert.deepEqual(await by(), { bing: [2, '4.00'], duck: [1, '2.00'] }) // nothing is left of google
    for (const q of ['group_by=tag.quiet', 'group_by=tag.nothing', `group_by=tag.source&campaign_id=${first.campaign_id}`]) assert.equal((await s.raw('GET', `/api/v1/reports/calls?${q}`)).status, 400, q)
    await assert.rejects(s.api('POST', '/custom-tags', { name: 'secret', report: true, sensitive: true }), { status: 422 })
    const key = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Third', '--email', 't@example.com', ...s.databaseFlag()])).api_key
    await until('the third organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, key)).ok)
    await s.api('POST', '/custom-tags', { name: 'source', report: true }, key)
    assert.deepEqual(await by(key), {})
  })

  test('one thing is asked of its own sums, several of those of all: they say the same', async () => {
    for (const dimension of ['campaign', 'publisher', 'target'])
      for (const line of (await report(`group_by=${dimension}`)).data) {
        if (!line.key) continue
        const one = (await report(`group_by=day&${dimension}_id=${line.key}`)).totals
        const several = await report(`group_by=${dimension === 'target' ? 'campaign' : 'target'}&${dimension}_id=${line.key}`)
        assert.deepEqual(several.totals, one)
        for (const figure of ['calls', 'connected', 'converted', 'revenue', 'payout']) assert.deepEqual(line[figure], one[figure], `${dimension} ${figure}`)
      }
  })

  test('unreadable questions are told', async () => {
    for (const q of ['group_by=moon', 'time_zone=Mars/Base', 'from=yesterday', 'from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z', 'group_by=hour&from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z'])
      assert.equal((await s.raw('GET', `/api/v1/reports/calls?${q}`)).status, 400, q)
  })

  test('calls of a process that dies are counted once, by the next', async () => {
    const plan = await s.plan('Cut', [{ uri: target.uri }])
    await s.campaign('+18005550703', { routing_plan_id: plan.id })
    const calling = s.call('+18005550703', ['--duration', '8']).catch(() => {})
    // Once it is connected the caller gives up by itself, and does not wait for an answer for ever.
    const live = async () => (await s.api('GET', '/calls?status=active')).data
    await until('the call', async () => (await live()).some((c: any) => c.connected_at))
    const before = (await report('')).totals.calls
    await s.kill('SIGKILL')
    await s.serve()
    assert.equal((await report('')).totals.calls, before + 1)
    await s.kill('SIGKILL')
    await s.serve()
    assert.equal((await report('')).totals.calls, before + 1)
    await calling
  })
})
