// Filters of one organization that take long: what they do to its own calls, and not to others'.
import { strict as assert } from 'node:assert'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'
import { Tenant, answersDuring } from './tenants.ts'

const destination = { type: 'sip', uri: 'sip:nobody@127.0.0.1:9' }
const rules = (count: number, value: (i: number) => string) => ({
  match: 'any',
  rules: Array.from({ length: count }, (_, i) => ({
    field: 'tag.long',
    op: 'matches',
    value: value(i),
  })),
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
    const kinds = [
      (i: number) => `^(a+)+[0-9]|q${i}`,
      (i: number) => `a*a*a*a*a*[0-9]${i}`,
      (i: number) => `(?:a|aa|aaa)+${i}`,
    ]
    targets = []
    for (let i = 0; i < 30; i++) {
      const filter = rules(20, (k) => kinds[i % 3]!(i * 20 + k))
      targets.push(await bad.api('POST', '/targets', { name: `T${i}`, destination, filter }))
    }
    const entries = targets.map((t) => ({ target_id: t.id }))
    const dial = { timeout_seconds: 5, max_attempts: 10 }
    const plan = await bad.api('POST', '/routing-plans', { name: 'P', entries, dial })
    const tag_defaults = [{ tag_id: tag.id, value: 'a'.repeat(200) }]
    await s.campaign('+18005550111', { routing_plan_id: plan.id, tag_defaults })
  })
  after(() => s.stop())

  const explain = async (long: string) => {
    const plan = (await bad.api('GET', '/routing-plans')).data[0]
    return bad.api('POST', `/routing-plans/${plan.id}/explain`, { tags: { long } })
  }

  test('a call spends its budget for filters, and its attempts say so', async () => {
    const call = await s.call('+18005550111')
    assert.notEqual(call.status, 200)
    const { attempts } = await s.lastCall()
    const why = (attempts as { reason: string }[]).map((a) => a.reason)
    assert.equal(why.length, 30)
    const spent = 'the filters of this call take more computing than a call may use'
    assert.ok(why.filter((w) => w === spent).length > 20, why.join('\n'))
    assert.ok(why.every((w) => /filter/.test(w)), 'nothing passes')
  })

  test('the explanation of a plan names the verdict', async () => {
    const explained = await explain('a'.repeat(200))
    assert.match(JSON.stringify(explained), /filters_spent/)
    const short = await explain('b')
    assert.doesNotMatch(JSON.stringify(short), /filters_spent/)
  })

  test('an ordinary tag is judged by all of these filters', async () => {
    const explained = await explain('q0')
    assert.match(JSON.stringify(explained), /"eligible"/)
    assert.doesNotMatch(JSON.stringify(explained), /filters_spent/)
  })

  test('a filter with more than 20 regular expressions is refused', async () => {
    const filter = rules(25, (i) => `^${i}`)
    const answer = await bad.raw('POST', '/targets', { name: 'many', destination, filter })
    assert.equal(answer.status, 422)
    const { errors } = await answer.json()
    assert.equal(errors.length, 1)
    assert.equal(errors[0].pointer, '/filter/rules/20/value')
    assert.match(errors[0].detail, /at most 20 regular expressions/)
  })

  test('a condition with as many is refused in a flow, too', async () => {
    const branches = [{ port: 'a', filter: rules(21, (i) => `^${i}`) }]
    const draft = {
      nodes: [
        { id: 'start', type: 'start' },
        { id: 'c', type: 'condition', config: { branches } },
      ],
      edges: [{ from: 'start', port: 'next', to: 'c' }],
    }
    const flow = await bad.api('POST', '/call-flows', { name: 'F', draft })
    const answer = await bad.raw('POST', `/call-flows/${flow.id}/publish`, {})
    assert.equal(answer.status, 422)
    assert.match(JSON.stringify(await answer.json()), /at most 20 regular expressions/)
  })

  test('changes of many filters do not hold up changes of others', async () => {
    const patch = (id: string, i: number, round: number) =>
      bad.api('PATCH', `/targets/${id}`, { filter: rules(20, (k) => `^new${i}x${k}y${round}`) })
    const change = (round: number) => Promise.all(targets.map((t, i) => patch(t.id, i, round)))
    const work = (async () => {
      for (let round = 0; round < 5; round++) await change(round)
    })()
    let buyers = 0
    const buyer = () => good.api('POST', '/buyers', { name: `Buyer ${buyers++}` })
    assert.equal(await answersDuring(work, buyer, 2), 2)
  })
})
