// Filters of one organization that take long: what they do to its own calls, and not to those of others.
import { strict as assert } from 'node:assert'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'
import { Tenant, answersDuring } from './tenants.ts'

const rules = (count: number, value: (i: number) => string) => ({
  match: 'any',
  rules: Array.from({ length: count }, (_, i) => ({ field: 'tag.long', op: 'matches', value: value(i) })),
})

describe('filters that take long', () => {
  let s: Strowger
  let bad: Tenant
  let good: Tenant
  let targets: { id: string }[]

  before(async () => {
    s = await Strowger.start()
    good = Tenant.add(s, 'good')
    bad = new Tenant(s, s.key)
    await until('the organization', () => good.api('GET', '/campaigns').catch(() => false))
    const tag = await bad.api('POST', '/custom-tags', { name: 'long', type: 'string' })
    // exponential, polynomial, and a number of alternatives that overlap
    const kinds = [(i: number) => `^(a+)+[0-9]|q${i}`, (i: number) => `a*a*a*a*a*[0-9]${i}`, (i: number) => `(?:a|aa|aaa)+${i}`]
    targets = []
    for (let i = 0; i < 30; i++)
      targets.push(await bad.api('POST', '/targets', { name: `T${i}`, destination: { type: 'sip', uri: 'sip:nobody@127.0.0.1:9' }, filter: rules(20, (k) => kinds[i % 3]!(i * 20 + k)) }))
    const plan = await bad.api('POST', '/routing-plans', { name: 'P', entries: targets.map((t) => ({ target_id: t.id })), dial: { timeout_seconds: 5, max_attempts: 10 } })
    await s.campaign('+18005550111', { routing_plan_id: plan.id, tag_defaults: [{ tag_id: tag.id, value: 'a'.repeat(200) }] })
  })
  after(() => s.stop())

  test('a call spends its budget for filters, and its attempts say so', async () => {
    const call = await s.call('+18005550111')
    assert.notEqual(call.status, 200)
    const { attempts } = await s.lastCall()
    const why = (attempts as { reason: string }[]).map((a) => a.reason)
    assert.equal(why.length, 30)
    assert.equal(why.filter((w) => w === 'the filters of this call take more computing than a call may use').length > 20, true, why.join('\n'))
    assert.equal(why.every((w) => /filter/.test(w)), true, 'nothing passes')
  })

  test('the explanation of a plan names the verdict', async () => {
    const plan = (await bad.api('GET', '/routing-plans')).data[0]
    const explained = await bad.api('POST', `/routing-plans/${plan.id}/explain`, { tags: { long: 'a'.repeat(200) } })
    assert.match(JSON.stringify(explained), /filters_spent/)
    const short = await bad.api('POST', `/routing-plans/${plan.id}/explain`, { tags: { long: 'b' } })
    assert.doesNotMatch(JSON.stringify(short), /filters_spent/)
  })

  test('an ordinary tag is judged by all of these filters', async () => {
    const plan = (await bad.api('GET', '/routing-plans')).data[0]
    const explained = await bad.api('POST', `/routing-plans/${plan.id}/explain`, { tags: { long: 'q0' } })
    assert.match(JSON.stringify(explained), /"eligible"/)
    assert.doesNotMatch(JSON.stringify(explained), /filters_spent/)
  })

  test('a filter with more than 20 regular expressions is refused with the place of the first', async () => {
    const answer = await bad.raw('POST', '/targets', { name: 'many', destination: { type: 'sip', uri: 'sip:a@127.0.0.1:9' }, filter: rules(25, (i) => `^${i}`) })
    assert.equal(answer.status, 422)
    const { errors } = await answer.json()
    assert.equal(errors.length, 1)
    assert.equal(errors[0].pointer, '/filter/rules/20/value')
    assert.match(errors[0].detail, /at most 20 regular expressions/)
  })

  test('a condition with as many is refused in a flow, too', async () => {
    const draft = {
      nodes: [{ id: 'start', type: 'start' }, { id: 'c', type: 'condition', config: { branches: [{ port: 'a', filter: rules(21, (i) => `^${i}`) }] } }],
      edges: [{ from: 'start', port: 'next', to: 'c' }],
    }
    const flow = await bad.api('POST', '/call-flows', { name: 'F', draft })
    const answer = await bad.raw('POST', `/call-flows/${flow.id}/publish`, {})
    assert.equal(answer.status, 422)
    assert.match(JSON.stringify(await answer.json()), /at most 20 regular expressions/)
  })

  test('changes of many filters do not hold up changes of others', async () => {
    const change = (round: number) => Promise.all(targets.map((t, i) => bad.api('PATCH', `/targets/${t.id}`, { filter: rules(20, (k) => `^new${i}x${k}y${round}`) })))
    const work = (async () => {
      for (let round = 0; round < 5; round++) await change(round)
    })()
    let buyers = 0
    assert.equal(await answersDuring(work, () => good.api('POST', '/buyers', { name: `Buyer ${buyers++}` }), 2), 2)
  })
})
