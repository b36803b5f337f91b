// Scripts of one organization: they end by their budget, and take their turns with those of others.
import { strict as assert } from 'node:assert'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'
import { Tenant, answersDuring } from './tenants.ts'

const script = (id: string, code: string) => ({ id, type: 'javascript', config: { code } })
const start = { id: 'start', type: 'start' }
const edge = (from: string, to: string, port = 'next') => ({ from, port, to })

// A script, then a prompt, and round again, whether or not the script was stopped.
const circle = (code: string) => ({
  nodes: [
    start,
    script('js', code),
    { id: 'say', type: 'play', config: { prompt: { text: 'again' } } },
  ],
  edges: [edge('start', 'js'), edge('js', 'say'), edge('js', 'say', 'error'), edge('say', 'js')],
})

// So many different scripts, one after another.
function row(count: number, code: (i: number) => string) {
  const nodes = Array.from({ length: count }, (_, i) => script(`js${i}`, code(i)))
  const edges = nodes
    .slice(1)
    .flatMap((n, i) => [edge(`js${i}`, n.id), edge(`js${i}`, n.id, 'error')])
  return { nodes: [start, ...nodes], edges: [edge('start', 'js0'), ...edges] }
}

describe('scripts of an organization that means harm', () => {
  let s: Strowger
  let bad: Tenant
  let good: Tenant
  let flow: { id: string }

  before(async () => {
    s = await Strowger.start()
    bad = Tenant.add(s, 'bad')
    good = new Tenant(s, s.key)
    await until('the organization', () => bad.api('GET', '/campaigns').catch(() => false))
    flow = await bad.api('POST', '/call-flows', { name: 'F', draft: { nodes: [start], edges: [] } })
  })
  after(() => s.stop())

  const simulate = (document: object) =>
    bad.raw('POST', `/call-flows/${flow.id}/simulate`, { document })

  test('a simulation of endless scripts ends by its budget and says where', async () => {
    const report = await (await simulate(circle('for (;;) {}'))).json()
    assert.equal(report.ended, 'budget')
    assert.match(report.ended_why, /2 seconds of computing time/)
    assert.ok(['js', 'say'].includes(report.ended_at), report.ended_at)
    assert.ok(report.steps_taken > 0 && report.steps_taken < 400, String(report.steps_taken))
  })

  test('a simulation of quick scripts ends after 200 of them', async () => {
    const report = await (await simulate(circle('return {}'))).json()
    assert.equal(report.ended, 'budget')
    const scripts = report.steps.filter((x: { type: string }) => x.type === 'javascript').length
    // on a machine that is that busy, they are not so quick
    if (/200 scripts/.test(report.ended_why)) assert.equal(scripts, 200)
    else assert.match(report.ended_why, /computing time/)
  })

  test('a simulation of 100 scripts that each end is carried out to its end', async () => {
    const report = await (await simulate(row(100, (i) => `return {vars: {}} // ${i}`))).json()
    assert.equal(report.ended, 'hangup')
    assert.equal(report.steps_taken, 101)
  })

  test('others are answered while simulations run, and more than a few are refused', async () => {
    const draft = row(3, (i) => `return {} // own ${i}`)
    const own = await good.api('POST', '/call-flows', { name: 'Own', draft })
    const work = Promise.all(Array.from({ length: 8 }, () => simulate(circle('for (;;) {}'))))
    const answers = await answersDuring(work, async () => {
      assert.equal((await good.raw('GET', '/campaigns')).status, 200)
      assert.equal((await fetch(`${s.url}/healthz`)).status, 200)
      const report = await good.api('POST', `/call-flows/${own.id}/simulate`, {})
      assert.equal(report.ended, 'hangup')
      assert.doesNotMatch(JSON.stringify(report.steps), /"port":"error"/)
    }, 3)
    assert.equal(answers, 3)
    const codes = (await work).map((r) => r.status)
    assert.equal(codes.filter((c) => c === 200).length, 5, codes.join())
    const refused = (await work).filter((r) => r.status === 429)
    assert.equal(refused.length, 3)
    assert.equal(refused[0]!.headers.get('retry-after'), '2')
    const { detail } = await refused[0]!.json()
    assert.match(detail, /one of the organization runs and 4 of this kind wait/)
  })

  test('checks and publications of flows with hundreds of scripts hold up nobody', async () => {
    const draft = row(300, (i) => `return {vars: {}} // ${i} ${'x'.repeat(500)}`)
    const big = await bad.api('POST', '/call-flows', { name: 'Big', draft })
    const publish = async () =>
      (await bad.raw('POST', `/call-flows/${big.id}/publish`, { note: 'big' })).status
    let buyers = 0
    const buyer = () => good.api('POST', '/buyers', { name: `Buyer ${buyers++}` })
    const answers = await answersDuring(publish(), buyer, 3)
    assert.equal(answers, 3)
    // a check that ran out of its budget goes on where it ended; in the end the flow is published
    await until('the flow to be published', async () => (await publish()) === 200, 60000)
    const checked = await (await bad.raw('POST', `/call-flows/${big.id}/check`)).json()
    assert.equal(checked.ok, true)
  })

  test('a draft that is saved during a check is not published unchecked', async () => {
    const slow = row(200, (i) => `return {vars: {}} // slow ${i} ${Math.random()}`)
    const f = await bad.api('POST', '/call-flows', { name: 'Race', draft: slow })
    const published = bad.raw('POST', `/call-flows/${f.id}/publish`, {})
    const nodes = [start, script('js', 'this is no script')]
    const broken = { nodes, edges: [edge('start', 'js')] }
    assert.equal((await bad.raw('PATCH', `/call-flows/${f.id}`, { draft: broken })).status, 200)
    const status = (await published).status
    assert.ok([200, 409, 422].includes(status), String(status))
    const now = await bad.api('GET', `/call-flows/${f.id}`)
    if (status === 200) {
      const version = await bad.api('GET', `/call-flows/${f.id}/versions/${now.published_version}`)
      assert.equal(version.document.nodes.length, 201)
    } else assert.equal(now.published_version ?? 0, 0)
  })
})
