// What the caller's carrier is answered when nobody takes a call.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger } from '../e2e/harness.ts'

describe('refusals', () => {
  let s: Strowger
  let from: Peer
  const target: Peer[] = []
  let answer: [number, string[]] = [486, []]
  const byPlan = '+18005557501',
    byFlow = '+18005557502',
    byTrunk = '+18005557503'
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    target.push(await Peer.start({ invite: () => [answer] }))
    const plan = await s.plan('Plan', [{ uri: target[0]!.uri, concurrency: 1000 }])
    await s.campaign(byPlan, { routing_plan_id: plan.id })
    const dial = { id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }
    const flow = await s.flow('Flow', [dial], [['start', 'next', 'd']])
    await s.campaign(byFlow, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const trunk = await s.api('POST', '/trunks', {
      name: 'Out',
      outbound: { gateways: [{ uri: target[0]!.uri }] },
    })
    const office = await s.api('POST', '/targets', {
      name: 'Office',
      destination: { type: 'number', number: '+15125550142', trunk_id: trunk.id },
    })
    const over = await s.api('POST', '/routing-plans', {
      name: 'Over a trunk',
      entries: [{ target_id: office.id }],
    })
    await s.campaign(byTrunk, { routing_plan_id: over.id })
  })
  after(() => s.stop())

  const call = async (number: string) => {
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    const reason = /^Reason: (.*)\r$/m.exec(d.text)?.[1]
    return [d.status, reason]
  }

  const meanings: [number, number][] = [
    [404, 404], [410, 404], [484, 404], [604, 404], [403, 403], [486, 486], [600, 486], [488, 488],
    [606, 488], [603, 603], [607, 603], [480, 480], [408, 480], [500, 480], [503, 480], [400, 480],
  ]
  for (const [theirs, ours] of meanings)
    test(`a target's ${theirs} is ${ours} to the caller`, async () => {
      answer = [theirs, []]
      assert.deepEqual(await call(byPlan), [ours, undefined])
      assert.deepEqual(await call(byTrunk), [ours, undefined])
    })

  test("the target's Reason goes along", async () => {
    const reason = 'Q.850;cause=21;text="call rejected"'
    answer = [603, [`Reason: ${reason}`]]
    for (const number of [byPlan, byFlow, byTrunk])
      assert.deepEqual(await call(number), [603, reason], number)
  })

  // The caller's number, whose flow tries a target that refuses with a Reason, and then goes on.
  let flows = 0
  const goesOn = async (nodes: object[], edges: [string, string, string][]) => {
    const refuses = await Peer.start({
      invite: () => [[486, ['Reason: Q.850;cause=17;text="user busy"']]],
    })
    const plan = await s.plan(`Busy ${++flows}`, [{ uri: refuses.uri }])
    const dial = { id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }
    const flow = await s.flow(
      `Goes on ${flows}`,
      [dial, ...nodes],
      [['start', 'next', 'd'], ...edges],
    )
    const number = `+180055575${10 + flows}`
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    return number
  }

  test("a cause that the flow names comes without the target's Reason", async () => {
    const hangup = { id: 'h', type: 'hangup', config: { cause: 'reject' } }
    assert.deepEqual(await call(await goesOn([hangup], [['d', 'busy', 'h']])), [603, undefined])
  })

  test('who talked with another target is hung up without the Reason of the first', async () => {
    const takes = await Peer.start()
    const plan = await s.plan('Takes', [{ uri: takes.uri }])
    const second = { id: 'e', type: 'dial', config: { to: { routing_plan_id: plan.id } } }
    const hangup = { id: 'h', type: 'hangup', config: {} }
    const number = await goesOn([second, hangup], [
      ['d', 'busy', 'e'],
      ['e', 'completed', 'h'],
    ])
    const caller = await Peer.start()
    const d = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(d.status, 200)
    await takes.first('ACK')
    takes.bye(1)
    const bye = await caller.first('BYE')
    assert.equal(bye.header('Reason'), undefined)
  })

  test('a target that says nothing at all is passed over for the next one', async () => {
    const silent = await Peer.start({ invite: () => [] }),
      next = await Peer.start()
    const plan = await s.plan('Silent', [{ uri: silent.uri }, { uri: next.uri }])
    await s.campaign('+18005557504', { routing_plan_id: plan.id })
    const keep = setInterval(() => {}, 1000)
    const d = await from.call(s.sip, 'sip:+18005557504@127.0.0.1')
    clearInterval(keep)
    await d.request('BYE')
    const { attempts } = await s.lastCall((c) => c.number === '+18005557504')
    assert.deepEqual(
      attempts.map((a: any) => [a.outcome, a.reason]),
      [
        ['failed', 'it did not answer the INVITE'],
        ['answered', null],
      ],
    )
  })

  test('a call flow that ends without a cause of its own says what the target meant', async () => {
    answer = [404, []]
    assert.deepEqual(await call(byFlow), [404, undefined])
  })
})
