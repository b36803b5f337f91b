// Calls of campaigns that run routing plans, as they were once: what went over the wire, what the log and the events say. Later
// changes must give the same. STROWGER_RECORD=1 writes the recording anew: for a change that is meant to be seen outside.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Peer, type Dialog } from './peer.ts'
import { Strowger, join, readFileSync, root, sleep, until } from './harness.ts'

const file = join(root, 'tests/e2e/recorded/routing-plans.json')
const record = !!process.env.STROWGER_RECORD
const recorded: Record<string, unknown> = record ? {} : JSON.parse(readFileSync(file).toString())

// Members that logs and events have got since: `call.NAME`, whatever they say.
const added = new Set<string>([
  'call.cost', 'call.margin', 'call.not_paid_twice', 'call.chosen', 'call.fallback_reason',
  'call.converted_at', 'call.reason', 'call.payout_hold_reason', 'call.custom_data',
  'call.attestation', 'call.verstat', 'call.rn', 'call.cpc', 'call.oli',
])

// What differs from run to run, by the order in which it comes up.
class Names {
  private seen = new Map<string, string>()
  private counts = new Map<string, number>()
  of(kind: string, text: string) {
    const key = `${kind} ${text}`
    if (!this.seen.has(key)) {
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1)
      this.seen.set(key, `${kind}-${this.counts.get(kind)}`)
    }
    return this.seen.get(key)!
  }
  text(t: string) {
    return t
      .replace(/\b([a-z]{2,4})_[0-9A-HJKMNP-TV-Z]{26}\b/g, (m, prefix) => this.of(prefix, m))
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/g, 'time')
      .replace(/^Date: .*$/gm, 'Date: time')
      .replace(/Strowger\/\S+/g, 'Strowger/version')
      .replace(/127\.0\.0\.1:(\d+)/g, (_, port) => this.of('address', port))
      .replace(/^(Call-ID): (.*?)(\r?)$/gm, (_, name, id, end) => `${name}: ${this.of('id', id)}${end}`)
      .replace(/;(tag|branch|rport|received)=[^;\s>]+/g, (m, name) => `;${name}=${this.of(name, m)}`)
      .replace(/o=(\S+) \d+ (\d+)/g, (_, user, version) => `o=${user} session ${version}`)
      .replace(/m=audio \d+/g, 'm=audio port')
      .replace(/^CSeq: \d{4,}/gm, 'CSeq: number')
      .replace(/^RSeq: \d+/gm, 'RSeq: number')
      .replace(/^Content-Length: \d+/gm, 'Content-Length: length')
  }
}

const plain = (names: Names, value: unknown, key = ''): unknown => {
  if (key === 'quality' && value) return 'quality'
  if (key === 'duration_seconds' && value !== null) return 'seconds'
  if (key === 'sip_call_id' && value) return names.of('id', String(value))
  if (typeof value === 'string') return names.text(value)
  if (Array.isArray(value)) return value.map((v) => plain(names, v))
  return value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(names, v, k)])) : value
}

// The same, but for members that were added since.
const without = (now: unknown, then: unknown, path = ''): unknown => {
  if (Array.isArray(now)) return now.map((v, i) => without(v, Array.isArray(then) ? then[i] : undefined, path))
  if (!now || typeof now !== 'object') return now
  const old = (then ?? {}) as Record<string, unknown>
  return Object.fromEntries(Object.entries(now).filter(([k]) => k in old || !added.has(`${path}${k}`)).map(([k, v]) => [k, without(v, old[k], k === 'call' ? 'call.' : path)]))
}

describe('calls of routing plans are what they were', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
    await s.api('POST', '/custom-tags', { name: 'source', type: 'string', sources: [{ kind: 'sip_header', parameter: 'X-Source' }, { kind: 'incoming_webhook', parameter: 'source' }] })
    await s.api('POST', '/custom-tags', { name: 'tier', type: 'string', default: 'bronze' })
  })
  after(async () => {
    await s.stop()
    if (record) writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`)
  })

  const target = async (destination: object, more: object = {}) => s.api('POST', '/targets', { name: `Target ${++n}`, destination, ...more })
  const sip = (p: Peer) => ({ type: 'sip', uri: p.uri })
  const campaign = async (entries: object[], more: object = {}, dial?: object) => {
    const number = `+1800555${7100 + ++n}`
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries, ...(dial ? { dial } : {}) })
    const made = await s.campaign(number, { routing_plan_id: plan.id, conversion: { after_seconds: 0 }, payout: '12.50', milestones_seconds: [], ...more })
    return { number, id: made.id as string, dial: (from: Peer, headers: string[] = []) => from.call(s.sip, `sip:${number}@127.0.0.1`, { headers }) }
  }
  const talking = (number: string) => until('the call', async () => (await s.api('GET', '/calls?status=active')).data.find((c: { number: string; connected_at: string | null }) => c.number === number && c.connected_at))

  // Everything that the last call to the number left, as often as it is the same.
  const left = async (name: string, number: string, from: Peer, peers: Peer[]) => {
    const log = await s.lastCall((c) => c.number === number && c.execution_mode === 'routing_plan')
    const begin = () => {
      const names = new Names()
      for (const port of [s.sip, from.port, ...peers.map((p) => p.port)]) names.of('address', String(port)) // address-1 is ours, address-2 the caller's, then those who were called
      return names
    }
    const then = recorded[name] as { wire: Record<string, unknown[]>; call: object; events: object[] } | undefined
    if (record) await sleep(1500)
    const told = await until('its events', async () => {
      const all = (await s.api('GET', `/calls/${log.id}/events`)).data
      return all.length >= (then?.events.length ?? 1) && all
    })
    // what is sent again is there once
    const wire = await until('its messages', async () => {
      const all = (await s.api('GET', `/calls/${log.id}/sip`)).data
      const sides = [from, ...peers].map((p, i): [string, string[]] => {
        const names = begin()
        const lines: string[] = all.filter((m: { remote: string }) => m.remote.endsWith(`:${p.port}`)).map((m: { sent: boolean; text: string }) => `${m.sent ? '>' : '<'} ${names.text(m.text).replaceAll('\r', '')}`)
        return [i ? `target ${i}` : 'caller', lines.filter((l, k) => lines.indexOf(l) === k)]
      })
      return (!then || sides.every(([side, lines]) => lines.length >= (then.wire[side]?.length ?? 0))) && Object.fromEntries(sides.map(([side, lines]) => [side, lines.map((l) => l.split('\n'))]))
    })
    const names = begin()
    const now = { wire, call: plain(names, log), events: told.map((e: { type: string; data: object }) => plain(names, { type: e.type, data: e.data })) }
    if (record) recorded[name] = now
    else {
      assert.ok(then, 'it was recorded')
      assert.deepEqual(wire, then.wire, 'what went over the wire')
      assert.deepEqual(without(now.call, then.call, 'call.'), then.call, 'the call log')
      assert.deepEqual(without(now.events, then.events), then.events, 'the events')
    }
  }
  const scenario = (name: string, f: (from: Peer) => Promise<{ number: string; peers: Peer[] }>) => test(name, async () => {
    const from = await Peer.start()
    const { number, peers } = await f(from)
    await left(name, number, from, peers)
  })
  const over = (d: Dialog) => d.request('BYE').then((status) => assert.equal(status, 200))

  scenario('a target answers, the caller hangs up', async (from) => {
    const t = await Peer.start(), buyer = await s.api('POST', '/buyers', { name: 'Buyer' }), publisher = await s.api('POST', '/publishers', { name: 'Publisher' })
    const c = await campaign([{ target_id: (await target(sip(t), { buyer_id: buyer.id, revenue: { amount: '30.25' } })).id }])
    const number = (await s.api('GET', '/numbers')).data.find((x: { number: string }) => x.number === c.number)
    await s.api('PATCH', `/numbers/${number.id}`, { publisher_id: publisher.id })
    const d = await c.dial(from)
    await t.first('ACK')
    await sleep(100)
    await over(d)
    return { number: c.number, peers: [t] }
  })

  scenario('the first is busy, the second answers and hangs up', async (from) => {
    const [busy, t] = await Promise.all([Peer.start({ invite: () => [486] }), Peer.start()])
    const c = await campaign([{ target_id: (await target(sip(busy), { revenue: { amount: '1.00' } })).id, priority: 1 }, { target_id: (await target(sip(t), { revenue: { amount: '2.00' } })).id, priority: 2 }])
    await c.dial(from)
    await t.first('ACK')
    t.bye(1, ['Reason: Q.850;cause=16;text="Normal call clearing"'])
    await from.first('BYE')
    return { number: c.number, peers: [busy, t] }
  })

  scenario('all are busy', async (from) => {
    const t = await Peer.start({ invite: () => [180, 486] })
    const c = await campaign([{ target_id: (await target(sip(t))).id }])
    assert.equal((await c.dial(from)).status, 486)
    return { number: c.number, peers: [t] }
  })

  scenario('nobody takes such calls: filter, disabled, closed', async (from) => {
    const t = await Peer.start(), filter = { match: 'all', rules: [{ field: 'tag.source', op: 'equals', value: 'radio' }] }
    const c = await campaign([
      { target_id: (await target(sip(t), { filter })).id, priority: 1 }, { target_id: (await target(sip(t), { enabled: false })).id, priority: 2 },
      { target_id: (await target(sip(t), { schedule: { time_zone: 'America/New_York', weekly: [] } })).id, priority: 3 }, { target_id: (await target(sip(t))).id, priority: 4, filter },
    ])
    assert.equal((await c.dial(from, ['X-Source: tv'])).status, 480)
    return { number: c.number, peers: [] }
  })

  scenario('nobody answers in time', async (from) => {
    const t = await Peer.start({ invite: () => [180] })
    const c = await campaign([{ target_id: (await target(sip(t))).id }], {}, { timeout_seconds: 1, max_attempts: 3 })
    const d = c.dial(from)
    await t.first('CANCEL')
    t.late(1, [487, []])
    assert.equal((await d).status, 480)
    return { number: c.number, peers: [t] }
  })

  scenario('a gateway is down, the next one takes the call; tags go along', async (from) => {
    const [down, t] = await Promise.all([Peer.start({ invite: () => [503] }), Peer.start()])
    const trunk = await s.api('POST', '/trunks', { name: 'carrier', outbound: { gateways: [{ uri: down.uri, priority: 1 }, { uri: t.uri, priority: 2 }], number_format: 'digits', asserted_identity: true, diversion: true } })
    const c = await campaign([{ target_id: (await target({ type: 'number', number: '+15125550142', trunk_id: trunk.id }, { send_tags: true, revenue: { amount: '7.125', on: 'duration', duration_seconds: 3600 } })).id }], { conversion: { after_seconds: 3600 } })
    const d = await c.dial(from, ['X-Source: radio'])
    await t.first('ACK')
    await sleep(100)
    await over(d)
    return { number: c.number, peers: [down, t] }
  })

  scenario('a webhook tells a tag during the call, and afterwards what it was worth', async (from) => {
    const t = await Peer.start()
    const c = await campaign([{ target_id: (await target(sip(t), { revenue: { amount: '3.00' } })).id }], { conversion: undefined })
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'CRM', types: ['call_data', 'update_revenue'] })
    const d = await c.dial(from)
    await t.first('ACK')
    const live = await talking(c.number)
    assert.equal((await s.raw('POST', `/call-data?key=${hook.key}`, { call_id: live.id, source: 'web' })).status, 200)
    await sleep(200)
    await over(d)
    await s.lastCall((x) => x.number === c.number)
    assert.equal((await s.raw('POST', `/update-revenue?key=${hook.key}`, { call_id: live.id, revenue: '40', converted: true })).status, 200)
    return { number: c.number, peers: [t] }
  })

  scenario('a disabled campaign', async (from) => {
    const t = await Peer.start(), c = await campaign([{ target_id: (await target(sip(t))).id }])
    await s.api('PATCH', `/campaigns/${c.id}`, { enabled: false })
    const refused = await c.dial(from)
    assert.equal(refused.status, 480)
    assert.equal((await from.call(s.sip, 'sip:+18005550000@127.0.0.1')).status, 404)
    // enabled again, its next call is taken
    await s.api('PATCH', `/campaigns/${c.id}`, { enabled: true })
    await over(await c.dial(from))
    return { number: c.number, peers: [t] }
  })

  scenario('a campaign that went to a call flow and back', async (from) => {
    const t = await Peer.start(), c = await campaign([{ target_id: (await target(sip(t))).id }])
    const flow = await s.flow('Ends', [{ id: 'h', type: 'hangup', config: { cause: 'busy' } }], [['start', 'next', 'h']])
    await s.api('PATCH', `/campaigns/${c.id}`, { execution_mode: 'call_flow', call_flow_id: flow.id })
    assert.equal((await c.dial(from)).status, 486)
    await s.api('PATCH', `/campaigns/${c.id}`, { execution_mode: 'routing_plan' })
    await over(await c.dial(from))
    return { number: c.number, peers: [t] }
  })
})
