import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, until, usePostgres } from './harness.ts'

// Of the database they tell nothing: once is enough.
describe('dial policy', { skip: usePostgres }, () => {
  let s: Strowger
  let gateway: Peer
  let trunk: { id: string }
  let n = 0
  before(async () => {
    s = await Strowger.start()
    gateway = await Peer.start()
    trunk = await s.api('POST', '/trunks', { name: 'carrier', outbound: { gateways: [{ uri: gateway.uri }] } })
  })
  after(async () => {
    await s.stop()
  })
  const policy = (fields: object) => s.api('PATCH', '/organization', { dial_policy: fields })
  // A campaign whose flow dials that, and its request URI.
  const dials = async (to: object) => {
    const number = `+1800555${String(8300 + ++n)}`, flow = await s.flow(`Dials ${n}`, [{ id: 'd', type: 'dial', config: { to } }], [['start', 'next', 'd']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    return number
  }
  // Call it; resolves with why nobody was called, or null.
  const refusal = async (number: string): Promise<string | null> => {
    const from = `+1512556${1000 + ++n}`, caller = await Peer.start(), d = await caller.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:${from}@127.0.0.1>;tag=p`] })
    if (d.status === 200) await d.request('BYE')
    const { attempts } = await s.lastCall((c) => c.caller_id === from)
    return attempts[0].outcome === 'skipped' ? attempts[0].reason : null
  }

  test('numbers are called only where the policy says: country, prefix, cost', async () => {
    const to = async (e164: string) => dials({ number: e164, trunk_id: trunk.id })
    const numbers = { texas: '+15125550188', jamaica: '+18765550188', london: '+442071838750', premium: '+19002345678', satellite: '+881612345678', free: '+18005550199' }
    const flows: Record<string, string> = {}
    for (const [name, e164] of Object.entries(numbers)) flows[name] = await to(e164)
    const all = async () => {
      const out: Record<string, string> = {}
      for (const [name, number] of Object.entries(flows)) out[name] = /other numbers|of that country|cost so much|begin so/.exec((await refusal(number)) ?? '')?.[0] ?? 'called'
      return out
    }
    assert.deepEqual(await all(), { texas: 'other numbers', jamaica: 'other numbers', london: 'other numbers', premium: 'other numbers', satellite: 'other numbers', free: 'other numbers' })
    assert.equal(gateway.of('INVITE').length, 0)
    await policy({ numbers: true })
    assert.deepEqual(await all(), { texas: 'called', jamaica: 'of that country', london: 'of that country', premium: 'cost so much', satellite: 'of that country', free: 'called' })
    assert.deepEqual(gateway.of('INVITE').map((r) => /sip:(\+?\d+)@/.exec(r.uri)![1]), [numbers.texas, numbers.free])
    await policy({ countries: ['GB', 'US'], blocked_prefixes: ['+1512'], max_cost: 'premium' })
    assert.deepEqual(await all(), { texas: 'begin so', jamaica: 'of that country', london: 'called', premium: 'called', satellite: 'of that country', free: 'called' })
    assert.deepEqual((await s.api('GET', '/organization')).dial_policy, { sip_uris: false, numbers: true, countries: ['GB', 'US'], blocked_prefixes: ['+1512'], max_cost: 'premium', max_calls: 0 })
  })

  test('no more calls at once than it says, over all of the organization, and each that ends makes room', async () => {
    const agent = await Peer.start(), number = await dials({ uri: agent.uri })
    await policy({ sip_uris: true, max_calls: 2 })
    const callers = await Promise.all([Peer.start(), Peer.start(), Peer.start()])
    const call = (i: number) => callers[i].call(s.sip, `sip:${number}@127.0.0.1`)
    const first = await call(0), second = await call(1)
    assert.deepEqual([first.status, second.status], [200, 200])
    assert.match((await refusal(number))!, /as many calls are on/)
    assert.equal(await first.request('BYE'), 200)
    const third = await call(2)
    assert.equal(third.status, 200)
    assert.match((await refusal(number))!, /as many calls are on/)
    for (const d of [second, third]) assert.equal(await d.request('BYE'), 200)
    await until('all to be over', async () => (await s.api('GET', '/calls?status=active')).data.length === 0)
    assert.equal(await refusal(number), null)
    // a target of the organization's own is not counted
    await policy({ max_calls: 1 })
    const own = await Peer.start()
    await s.campaign('+18005558399', { routing_plan_id: (await s.plan('Own', [{ uri: own.uri }])).id })
    const d = [await callers[0].call(s.sip, 'sip:+18005558399@127.0.0.1'), await callers[1].call(s.sip, 'sip:+18005558399@127.0.0.1')]
    assert.deepEqual(d.map((x) => x.status), [200, 200])
    for (const x of d) await x.request('BYE')
  })

  test('what cannot be a policy is told', async () => {
    const wrong = async (fields: object) => (await (await s.raw('PATCH', '/api/v1/organization', { dial_policy: fields })).json()).errors.map((e: { pointer: string }) => e.pointer)
    assert.deepEqual(await wrong({ countries: ['us', 'USA', 'GB'] }), ['/dial_policy/countries/0', '/dial_policy/countries/1'])
    assert.deepEqual(await wrong({ blocked_prefixes: ['1900', '+', '+19a'] }), ['/dial_policy/blocked_prefixes/0', '/dial_policy/blocked_prefixes/1', '/dial_policy/blocked_prefixes/2'])
    assert.deepEqual(await wrong({ max_cost: 'any', max_calls: -1 }), ['/dial_policy/max_cost', '/dial_policy/max_calls'])
  })
})
