// Without --allow-private-destinations no call and no OPTIONS goes to a private address.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, until, usePostgres } from '../e2e/harness.ts'

const why = 'the address is private; the operator must allow it'

// The database does not matter: once is enough.
describe('private addresses', { skip: usePostgres }, () => {
  let s: Strowger
  let inner: Peer // a service of the server's own machine
  let made = 0
  before(async () => {
    s = await Strowger.start([], undefined, false)
    inner = await Peer.start()
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: true, numbers: true } })
  })
  after(async () => {
    await s.stop()
  })
  const number = () => `+1800555${7800 + made++}`
  const attempts = async (called: string) => {
    const caller = await Peer.start(), last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const d = await caller.call(s.sip, `sip:${called}@127.0.0.1`)
    if (d.status === 200) await d.request('BYE')
    return (await s.lastCall((c) => c.id > last && c.number === called)).attempts
  }
  const plan = async (called: string, targets: { destination: object }[]) => {
    const entries = []
    for (const t of targets) {
      const target = await s.api('POST', '/targets', { name: `t${made++}`, ...t })
      entries.push({ target_id: target.id, priority: entries.length })
    }
    const { id } = await s.api('POST', '/routing-plans', { name: called, entries })
    await s.campaign(called, { routing_plan_id: id })
  }

  test('a target is not called at one, by address or by name, and its attempt says why', async () => {
    const called = number()
    const hosts = ['127.0.0.1', '[::1]', '10.1.2.3', '169.254.169.254', '[::ffff:127.0.0.1]']
    const uris = hosts.map((h) => `sip:a@${h}:${inner.port}`)
    uris.push(`sip:a@127.0.0.1:${s.http};transport=tcp`)
    // maddr takes the place of a name server's answer: it is what the name resolves to.
    uris.push(`sip:a@inner.example:${inner.port};maddr=127.0.0.1`)
    uris.push(`sip:a@inner.example:${s.http};maddr=127.0.0.1;transport=tcp`)
    await plan(called, uris.map((uri) => ({ destination: { type: 'sip', uri } })))
    const seen = await attempts(called)
    assert.deepEqual(seen.map((a: any) => [a.outcome, a.reason]), uris.map(() => ['failed', why]))
    assert.deepEqual(inner.requests, [])
  })

  test('nor is a gateway, which is not asked with OPTIONS either', async () => {
    const named = `sip:inner.example:${inner.port};maddr=127.0.0.1`
    const gateways = [inner.uri, named].map((uri) => ({ uri }))
    const outbound = { gateways, username: 'u', password: 'p', register: true }
    const trunk = await s.api('POST', '/trunks', { name: 'inner', outbound })
    const called = number()
    await plan(called, [{ destination: { type: 'number', number: '+15125550188', trunk_id: trunk.id } }])
    const seen = await attempts(called)
    assert.deepEqual([...new Set(seen.map((a: any) => a.reason))], [why])
    const state = await until('the problem of both', async () => {
      const { gateways: list } = await s.api('GET', `/trunks/${trunk.id}/status`)
      return list.length === 2 && list.every((g: any) => g.problem) && list
    })
    assert.deepEqual(state.map((g: any) => g.problem), [why, why])
    assert.deepEqual(inner.requests, [])
  })

  test('nor what a flow dials', async () => {
    const called = number(), uri = `sip:x@127.0.0.1:${inner.port}`
    const node = { id: 'd', type: 'dial', config: { to: { uri } } }
    const flow = await s.flow(called, [node], [['start', 'next', 'd']])
    await s.campaign(called, { execution_mode: 'call_flow', call_flow_id: flow.id })
    assert.deepEqual((await attempts(called)).map((a: any) => a.reason), [why])
    assert.deepEqual(inner.requests, [])
  })

  test('a phone is called where it registered from, and sends no call on to one', async () => {
    const called = number(), phone = await Peer.start(), password = 'a long enough one'
    await plan(called, [{ destination: { type: 'phone', username: 'amy', password } }])
    assert.match(await phone.register(s.sip, 'amy', password), /^SIP\/2.0 200/)
    assert.deepEqual((await attempts(called)).map((a: any) => a.outcome), ['answered'])
    phone.invite = () => [[302, [`Contact: <sip:x@127.0.0.1:${inner.port}>`]]]
    const seen = await attempts(called)
    assert.deepEqual(seen.map((a: any) => a.outcome), ['redirected', 'failed'])
    assert.equal(seen[1].reason, why)
    assert.deepEqual(inner.requests, [])
  })

  test('gateways are asked each 10 seconds at most', async () => {
    const ask = async (options_interval_seconds: number) =>
      s.raw('POST', '/api/v1/trunks', { name: `o${made++}`, options_interval_seconds })
    for (const seconds of [1, 9]) {
      const r = await ask(seconds), { errors } = (await r.json()) as any
      assert.deepEqual([r.status, errors[0].pointer], [422, '/options_interval_seconds'])
    }
    for (const seconds of [0, 10, 3600]) assert.equal((await ask(seconds)).status, 201)
  })
})
