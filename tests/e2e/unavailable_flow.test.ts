// Campaigns whose call flow cannot run: their calls take the routing plan, or are refused.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Receiver, Strowger, join, until } from './harness.ts'

const unpublished = 'The call flow has no published version'
const hangUp = { id: 'h', type: 'hangup', config: { cause: 'busy' } }

describe('a campaign whose call flow cannot run', () => {
  let s: Strowger, receiver: Receiver, from: Peer, target: Peer
  let plan: { id: string; name: string }
  let n = 0
  before(async () => {
    s = await Strowger.start()
    receiver = await Receiver.start()
    from = await Peer.start()
    target = await Peer.start()
    await s.api('POST', '/outgoing-webhooks', {
      name: 'Watch',
      url: receiver.url,
      event_types: ['flow.*', 'call.*'],
    })
    plan = await s.plan('Sales', [{ uri: target.uri }])
  })
  after(async () => {
    receiver.stop()
    await s.stop()
  })

  const draft = (nodes: { id: string }[]) => ({
    nodes: [{ id: 'start', type: 'start' }, ...nodes],
    edges: nodes.map(({ id }, i) => ({
      from: i ? nodes[i - 1]!.id : 'start',
      port: 'next',
      to: id,
    })),
  })
  const flow = (name: string, nodes: { id: string }[] = [hangUp]) =>
    s.api('POST', '/call-flows', { name, draft: draft(nodes) })
  const campaign = async (call_flow_id: string, more: object = {}) => {
    const number = `+1800555${5300 + ++n}`
    return {
      number,
      ...(await s.campaign(number, { execution_mode: 'call_flow', call_flow_id, ...more })),
    }
  }
  const call = async (number: string) => {
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    if (d.status === 200) await d.request('BYE')
    return { status: d.status, log: await s.lastCall((c) => c.id > last && c.number === number) }
  }
  const eventsOf = async (id: string) =>
    (await s.api('GET', `/calls/${id}/events`)).data as {
      type: string
      data: Record<string, unknown>
    }[]
  const received = (callId: string, type: string) =>
    until(`${type} at the receiver`, () =>
      receiver.requests
        .map((r) => JSON.parse(r.body))
        .find((e) => e.type === type && e.data.call.id === callId),
    )
  const warning = async (id: string) => (await s.api('GET', `/campaigns/${id}`)).execution_warning
  const ran = (log: any) => [
    log.execution_mode,
    log.call_flow_id,
    log.flow_version,
    log.fallback_reason,
  ]

  // Statements that the API does not offer, with the server stopped meanwhile.
  const sql = async (statement: string) => {
    await s.kill('SIGTERM')
    if (s.database) {
      const psql =
        execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1']).toString().trim() +
        '/psql'
      execFileSync(psql, [s.database, '-c', statement], { stdio: 'ignore' })
    } else {
      const run =
        'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()'
      execFileSync('python3', ['-c', run, join(s.data, 'strowger.db'), statement])
    }
    await s.serve()
  }

  test('calls of a flow that was never published run the routing plan', async () => {
    const f = await flow('Draft with plan'),
      c = await campaign(f.id, { routing_plan_id: plan.id })
    const { status, log } = await call(c.number)
    assert.equal(status, 200)
    assert.deepEqual(ran(log), ['routing_plan', null, null, unpublished])
    assert.deepEqual(
      log.attempts.map((a: any) => a.outcome),
      ['answered'],
    )
    const events = await eventsOf(log.id)
    assert.deepEqual(events.map((e) => e.type).slice(0, 2), ['call.started', 'flow.unavailable'])
    assert.ok(!events.some((e) => e.type === 'flow.started' || e.type === 'flow.completed'))
    const event = await received(log.id, 'flow.unavailable')
    assert.deepEqual(
      [event.data.call_flow_id, event.data.reason, event.data.routing_plan_id],
      [f.id, unpublished, plan.id],
    )
    assert.deepEqual(ran(event.data.call), ['routing_plan', null, null, unpublished])
    assert.equal((await received(log.id, 'call.completed')).data.call.fallback_reason, unpublished)
    assert.equal(await warning(c.id), `${unpublished}. Calls run the routing plan Sales instead.`)
    assert.equal(
      (await s.api('GET', '/calls')).data.find((x: any) => x.id === log.id).fallback_reason,
      unpublished,
    )
  })

  test('without a routing plan the call is refused with 480', async () => {
    const f = await flow('Draft without plan'),
      c = await campaign(f.id)
    const { status, log } = await call(c.number)
    assert.deepEqual([status, log.disposition, log.attempts], [480, 'no_call_flow', []])
    assert.deepEqual(ran(log), ['call_flow', f.id, null, unpublished])
    const event = await received(log.id, 'flow.unavailable')
    assert.deepEqual(
      [event.data.call_flow_id, event.data.reason, event.data.routing_plan_id],
      [f.id, unpublished, null],
    )
    assert.equal(
      await warning(c.id),
      `${unpublished}. Calls are refused until the call flow runs, ` +
        'or the campaign has a routing plan to run instead.',
    )
  })

  test('a caller whom screening refuses reports no flow', async () => {
    const f = await flow('Screened'),
      c = await campaign(f.id, { routing_plan_id: plan.id, screening: { only_allowed: true } })
    const { status, log } = await call(c.number)
    assert.deepEqual([status, log.disposition, log.fallback_reason], [603, 'blocked', null])
    assert.deepEqual(
      (await eventsOf(log.id)).map((e) => e.type),
      ['call.started', 'call.failed', 'call.completed'],
    )
  })

  test('the next call after the publication runs the flow', async () => {
    const f = await flow('Published later'),
      c = await campaign(f.id, { routing_plan_id: plan.id })
    assert.equal((await call(c.number)).status, 200)
    await s.api('POST', `/call-flows/${f.id}/publish`, {})
    const { status, log } = await call(c.number)
    assert.equal(status, 486)
    assert.deepEqual(ran(log), ['call_flow', f.id, 1, null])
    assert.ok(!(await eventsOf(log.id)).some((e) => e.type === 'flow.unavailable'))
    assert.equal(await warning(c.id), null)
  })

  test('a plan that the campaign gets later runs its next call', async () => {
    const f = await flow('Plan later'),
      c = await campaign(f.id)
    assert.equal((await call(c.number)).status, 480)
    const changed = await s.api('PATCH', `/campaigns/${c.id}`, { routing_plan_id: plan.id })
    assert.match(
      changed.execution_warning,
      /^The call flow has no published version\. Calls run the routing plan Sales/,
    )
    assert.equal((await call(c.number)).status, 200)
    const back = await s.api('PATCH', `/campaigns/${c.id}`, {
      ...changed,
      execution_mode: 'routing_plan',
    })
    assert.equal(back.execution_warning, null, 'a warning that is sent back is no error')
    assert.deepEqual(ran((await call(c.number)).log), ['routing_plan', null, null, null])
  })

  test('a version that no longer compiles is reported with its first error', async () => {
    const f = await flow('Broken'),
      c = await campaign(f.id, { routing_plan_id: plan.id })
    await s.api('POST', `/call-flows/${f.id}/publish`, {})
    assert.equal(await warning(c.id), null)
    const broken = JSON.stringify(draft([{ id: 'x', type: 'teleport' } as { id: string }]))
    await sql(`UPDATE flow_versions SET document = '${broken}' WHERE flow_id = '${f.id}'`)
    const reason = (await warning(c.id)).split('. Calls run')[0]
    assert.match(reason, /^Version 1 of the call flow cannot run: .*teleport/)
    const { status, log } = await call(c.number)
    assert.equal(status, 200)
    assert.deepEqual(ran(log), ['routing_plan', null, null, reason])
    await sql(`DELETE FROM flow_versions WHERE flow_id = '${f.id}'`)
    assert.deepEqual(ran((await call(c.number)).log), [
      'routing_plan',
      null,
      null,
      'Version 1 of the call flow could not be loaded',
    ])
    await s.api('POST', `/call-flows/${f.id}/publish`, {})
    assert.equal((await call(c.number)).status, 486, 'published again, it runs')
  })

  test('a flow in use is not deleted; of one that is gone the plan is left', async () => {
    const f = await flow('Gone'),
      c = await campaign(f.id, { routing_plan_id: plan.id }),
      alone = await campaign(f.id)
    await s.api('POST', `/call-flows/${f.id}/publish`, {})
    assert.equal((await s.raw('DELETE', `/api/v1/call-flows/${f.id}`)).status, 409)
    await sql(`DELETE FROM resources WHERE id = '${f.id}'`)
    const { status, log } = await call(c.number)
    assert.equal(status, 200)
    assert.deepEqual(ran(log), ['routing_plan', null, null, 'The call flow was deleted'])
    assert.equal((await received(log.id, 'flow.unavailable')).data.call_flow_id, f.id)
    assert.match(
      await warning(c.id),
      /^The call flow was deleted\. Calls run the routing plan Sales instead/,
    )
    assert.equal((await call(alone.number)).status, 480)
  })

  test('publishers are bid what the call will get: the plan, or nothing', async () => {
    const f = await flow('Bids'),
      c = await campaign(f.id, {
        routing_plan_id: plan.id,
        conversion: { after_seconds: 0 },
        payout: '7.00',
      })
    const publisher = await s.api('POST', '/publishers', { name: 'Publisher' })
    const endpoint = await s.api('POST', '/inbound-rtb', {
      name: 'Endpoint',
      campaign_id: c.id,
      publisher_id: publisher.id,
    })
    const ask = async () =>
      (await fetch(`${endpoint.url}?caller_id=5125550142`)).json() as Promise<any>
    const bid = await ask()
    assert.deepEqual([bid.success, bid.eligible_routes?.[0]?.payout], [true, '7.00'])
    await s.api('PATCH', `/campaigns/${c.id}`, { routing_plan_id: null })
    const none = await ask()
    assert.deepEqual([none.success, none.reason, none.detail], [false, 'no_target', unpublished])
    await s.api('POST', `/call-flows/${f.id}/publish`, {})
    assert.match((await ask()).detail, /the call flow would send the call to nobody/)
  })

  test('campaigns answer the warning in lists and when made, and OpenAPI has it', async () => {
    const f = await flow('Lists'),
      made = await campaign(f.id)
    assert.match(made.execution_warning, /^The call flow has no published version/)
    const plain = await s.campaign('+18005555399', { routing_plan_id: plan.id })
    const listed = Object.fromEntries(
      (await s.api('GET', '/campaigns?limit=100')).data.map((x: any) => [
        x.id,
        x.execution_warning,
      ]),
    )
    assert.match(listed[made.id], /^The call flow has no published version/)
    assert.equal(listed[plain.id], null)
    const { components, paths } = await s.api('GET', '/openapi.json')
    assert.ok(components.schemas.Campaign.properties.execution_warning)
    assert.ok(!components.schemas.CampaignInput.properties.execution_warning)
    assert.match(
      components.schemas.Call.properties.fallback_reason.description,
      /call flow could not run/,
    )
    assert.equal(
      paths['/api/v1/calls/{id}'].get.responses['200'].content['application/json'].schema.$ref,
      '#/components/schemas/Call',
    )
  })
})
