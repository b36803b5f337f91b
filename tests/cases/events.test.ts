// Events out: the names that receivers know, money that changed, and the one event that says a call is over.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, join, root, sleep, until, usePostgres } from '../e2e/harness.ts'

interface Event {
  id: string
  type: string
  timestamp: string
  sequence: number
  data: any
}

describe('events out', () => {
  let s: Strowger
  let takes: Peer
  let busy: Peer
  let hook: string
  let next = 0
  const receivers: Receiver[] = []

  before(async () => {
    s = await Strowger.start(['--retry-schedule', '0.2,0.4,0.8'])
    takes = await Peer.start()
    busy = await Peer.start({ invite: () => [486] })
    await s.api('POST', '/custom-tags', { name: 'state' })
    await s.api('POST', '/custom-tags', { name: 'pin', sensitive: true })
    await s.api('POST', '/custom-tags', { name: 'sold', type: 'boolean' })
    const types = ['call_data', 'update_tags', 'update_revenue', 'update_fields']
    hook = (await s.api('POST', '/incoming-webhooks', { name: 'CRM', types })).key
  })
  after(async () => {
    for (const r of receivers) r.stop()
    await s.stop()
  })

  // Each event that came fits the schema of its type.
  const check = async () => {
    const ajv = new Ajv2020.default({ strict: false })
    addFormats.default(ajv)
    const types = (await s.api('GET', '/event-types')).data as { type: string; schema: object }[]
    const checks = new Map(types.map((t) => [t.type, ajv.compile(t.schema)]))
    for (const e of receivers.flatMap((r) => r.requests.map((q) => JSON.parse(q.body) as Event))) {
      const fits = checks.get(e.type)!
      assert.ok(fits(e), `${e.type}: ${JSON.stringify(fits.errors)}`)
    }
  }

  const send = async (path: string, body: object) => {
    const r = await s.raw('POST', `${path}?key=${hook}`, body)
    assert.equal(r.status, 200, await r.clone().text())
    return (await r.json()) as any
  }

  // An endpoint with a receiver of its own.
  const endpoint = async (event_types: string[], fields: object = {}) => {
    const receiver = await Receiver.start()
    receivers.push(receiver)
    const name = `endpoint ${++next}`
    const { id } = await s.api('POST', '/outgoing-webhooks', { name, url: receiver.url, event_types, ...fields })
    const events = (call: string) =>
      receiver.requests
        .map((r) => JSON.parse(r.body) as Event)
        .filter((e) => e.data.call?.id === call)
        .sort((a, b) => a.sequence - b.sequence)
    const types = (call: string) => events(call).map((e) => e.type)
    const get = (call: string, count: number) =>
      until(`${count} events of ${event_types}, not ${types(call)}`, () => events(call).length >= count && events(call))
    const off = () => s.api('PATCH', `/outgoing-webhooks/${id}`, { enabled: false })
    return { id, receiver, events, types, get, off }
  }
  type Endpoint = Awaited<ReturnType<typeof endpoint>>

  // All that was sent, once nothing is left to send.
  const settled = async (e: Endpoint, call: string) => {
    await until('the backlog', async () => (await s.api('GET', `/outgoing-webhooks/${e.id}/health`)).backlog === 0)
    return e.types(call)
  }

  const campaign = async (fields: object, uri = takes.uri, target: object = {}) => {
    const number = `+1800555${6100 + ++next}`
    const plan = await s.plan(`plan ${next}`, [{ uri, ...target }])
    const made = await s.campaign(number, { routing_plan_id: plan.id, milestones_seconds: [], ...fields })
    return { number, id: made.id as string, plan: plan.id as string }
  }
  const flow = async (nodes: object[], edges: [string, string, string][], fields: object = {}) => {
    const made = await s.flow(`flow ${++next}`, nodes, edges)
    return campaign({ execution_mode: 'call_flow', call_flow_id: made.id, ...fields })
  }
  const play = { id: 'play', type: 'play', config: { prompt: { text: 'Please hold.' } } }
  const dial = (uri: string) => s.plan(`to ${++next}`, [{ uri }]).then((p) => ({ id: 'dial', type: 'dial', config: { to: { routing_plan_id: p.id } } }))

  // A call from the caller's side; during() runs while it is connected.
  const call = async (number: string, during: (id: string) => Promise<unknown> = async () => {}) => {
    const from = await Peer.start()
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    if (d.status !== 200) return s.lastCall((c) => c.number === number)
    const { id } = await until('the call', async () =>
      (await s.api('GET', '/calls?status=active')).data.find((c: any) => c.number === number && c.connected_at))
    await during(id)
    assert.equal(await d.request('BYE'), 200)
    return s.lastCall((c) => c.id === id)
  }

  const sql = (text: string): string =>
    usePostgres
      ? execFileSync('psql', ['-qtAc', text, s.database!], { encoding: 'utf8' }).trim()
      : execFileSync('sqlite3', ['-cmd', '.timeout 10000', join(s.data, 'strowger.db'), text], { encoding: 'utf8' }).trim()

  describe('the names that receivers know', () => {
    test('each endpoint gets an occurrence once: by the name it lists, else by the old one', async () => {
      const { number } = await campaign({ milestones_seconds: [5, 6] })
      const expected: [string[], string[]][] = [
        [['*'], ['call.started', 'call.dialing', 'call.connected', 'call.milestone', 'call.milestone', 'call.completed']],
        [['call.incoming', 'call.on_5_secs_mark'], ['call.incoming', 'call.on_5_secs_mark']],
        [['call.*', 'call.incoming'], ['call.incoming', 'call.dialing', 'call.connected', 'call.milestone', 'call.milestone', 'call.completed']],
        [['*', 'call.on_5_secs_mark', 'call.hangup'], ['call.started', 'call.dialing', 'call.connected', 'call.on_5_secs_mark', 'call.milestone', 'call.hangup']],
        [['call.started', 'call.incoming', 'call.hangup', 'call.completed'], ['call.incoming', 'call.started', 'call.hangup', 'call.completed']],
        [['call.failure', 'call.failed'], []],
        [['call.on_60_secs_mark', 'call.on_10_secs_mark'], []],
      ]
      const all: [Endpoint, string[]][] = []
      for (const [names, types] of expected) all.push([await endpoint(names), types])
      const log = await call(number, (id) => until('the last milestone', async () =>
        (await s.api('GET', `/calls/${id}/events`)).data.filter((e: any) => e.type === 'call.milestone').length === 2))
      for (const [e, types] of all) {
        await e.get(log.id, types.length)
        assert.deepEqual(await settled(e, log.id), types, JSON.stringify(types))
        const events = e.events(log.id)
        assert.equal(new Set(events.map((x) => x.id)).size, events.length)
        for (const x of events.filter((y) => /milestone|mark/.test(y.type))) assert.equal(typeof x.data.seconds, 'number')
        for (const r of e.receiver.requests) assert.equal(r.headers['webhook-id'], `${JSON.parse(r.body).id}-${e.id}`)
        await e.off()
      }
    })

    test('a failure is sent where a flow answered first, and no target was connected', async () => {
      const [named, both, old] = [await endpoint(['call.failure']), await endpoint(['call.*', 'call.failure']), await endpoint(['*'])]
      const answered = await flow([play, await dial(busy.uri)], [['start', 'next', 'play'], ['play', 'next', 'dial']])
      await s.call(answered.number, ['--duration', '20'])
      const log = await s.lastCall((c) => c.number === answered.number)
      assert.ok(log.answered_at && !log.connected_at)
      await named.get(log.id, 1)
      assert.deepEqual(await settled(named, log.id), ['call.failure'])
      await both.get(log.id, 4)
      assert.deepEqual(await settled(both, log.id), ['call.started', 'call.dialing', 'call.failure', 'call.completed'])
      await old.get(log.id, 5)
      assert.deepEqual((await settled(old, log.id)).filter((t) => t.startsWith('call.')), ['call.started', 'call.dialing', 'call.completed'])

      const refused = await campaign({}, busy.uri)
      const never = await call(refused.number)
      assert.equal(never.answered_at, null)
      await named.get(never.id, 1)
      assert.deepEqual(await settled(named, never.id), ['call.failure'])
      await both.get(never.id, 4)
      assert.deepEqual(await settled(both, never.id), ['call.started', 'call.dialing', 'call.failure', 'call.completed'])

      const good = await call((await campaign({})).number)
      await both.get(good.id, 4)
      assert.deepEqual(await settled(both, good.id), ['call.started', 'call.dialing', 'call.connected', 'call.completed'])
      assert.deepEqual(await settled(named, good.id), [])
      for (const e of [named, both, old]) await e.off()
    })

    test('marks count from the connection with a target, in a flow that answered first and without milestones', async () => {
      const named = await endpoint(['call.on_5_secs_mark', 'call.connected'])
      const c = await flow([play, await dial(takes.uri)], [['start', 'next', 'play'], ['play', 'next', 'dial']])
      const caller = s.call(c.number, ['--duration', '60'])
      const [connected, mark] = await until('the mark', () => {
        const events = named.receiver.requests.map((r) => JSON.parse(r.body) as Event).sort((a, b) => a.sequence - b.sequence)
        return events.length >= 2 && events
      })
      assert.deepEqual([connected.type, mark.type, mark.data.seconds], ['call.connected', 'call.on_5_secs_mark', 5])
      const { answered_at, connected_at } = mark.data.call
      assert.ok(answered_at < connected_at, 'the flow answered before')
      assert.ok(Date.parse(mark.timestamp) - Date.parse(connected_at) >= 5000)
      await s.hangUp()
      await caller
      await named.off()
    })

    test('an endpoint whose filter or campaign does not fit gets neither name, and the log keeps none', async () => {
      const c = await campaign({}), elsewhere = await campaign({})
      const other = await endpoint(['call.incoming', '*'], { campaign_ids: [elsewhere.id] })
      const filtered = await endpoint(['call.hangup'], { filter: { rules: [{ field: 'call.number', op: 'equals', value: '+10000000000' }] } })
      const log = await call(c.number)
      const logged = (await s.api('GET', `/calls/${log.id}/events`)).data.map((e: any) => e.type)
      assert.deepEqual(logged, ['call.started', 'call.dialing', 'call.connected', 'call.completed'])
      assert.deepEqual([...await settled(other, log.id), ...await settled(filtered, log.id)], [])
      for (const e of [other, filtered]) await e.off()
    })

    test('the live feed takes them by name, too', async () => {
      const { number } = await campaign({})
      const stop = new AbortController()
      const listen = async (types: string) => {
        const heard: string[] = []
        const r = await fetch(`${s.url}/api/v1/events?types=${types}`, { headers: { authorization: `Bearer ${s.key}` }, signal: stop.signal })
        void (async () => {
          for await (const piece of r.body!.pipeThrough(new TextDecoderStream())) heard.push(...[...piece.matchAll(/^event: (.*)$/gm)].map((m) => m[1]))
        })().catch(() => {})
        return heard
      }
      const [named, mixed, old] = [await listen('call.incoming,call.hangup'), await listen('call.*,call.hangup'), await listen('*')]
      await call(number)
      await until('the end of the call', () => named.length === 2 && mixed.includes('call.hangup') && old.includes('call.completed'))
      assert.deepEqual(named, ['call.incoming', 'call.hangup'])
      assert.deepEqual(mixed, ['call.started', 'call.dialing', 'call.connected', 'call.hangup'])
      assert.deepEqual(old, ['call.started', 'call.dialing', 'call.connected', 'call.completed'])
      stop.abort()
    })

    test('a test and a preview are of an event that the endpoint takes', async () => {
      const e = await endpoint(['call.on_30_secs_mark', 'call.final'])
      await s.api('POST', `/outgoing-webhooks/${e.id}/test`)
      const sent = JSON.parse((await until('the test', () => e.receiver.requests[0])).body)
      assert.deepEqual([sent.type, sent.test, sent.data.seconds, sent.data.call.status], ['call.on_30_secs_mark', true, 30, 'active'])
      const preview = await s.api('POST', `/outgoing-webhooks/${e.id}/preview`, { event_type: 'call.incoming' })
      assert.deepEqual([JSON.parse(preview.body).type, JSON.parse(preview.body).data.call.answered_at], ['call.incoming', null])
      await e.off()
    })
  })

  describe('money that changed', () => {
    const names = ['call.revenue_changed', 'call.adjusted', 'call.converted']
    const changes = (events: Event[]) => events.map((e) => [e.type, e.data.source, e.data.changes])

    test('a webhook, a person and a rule each report what they changed on a call that has ended', async () => {
      const e = await endpoint(names), wild = await endpoint(['*'])
      const sold = { rules: [{ field: 'tag.sold', op: 'equals', value: true }] }
      const c = await campaign({ conversion: { after_seconds: 0, filter: sold }, payout: '4' }, takes.uri, { revenue: { amount: '25', on: 'connect' } })
      const log = await call(c.number)
      await e.get(log.id, 1)
      assert.deepEqual(changes(e.events(log.id)), [['call.revenue_changed', 'rule', { revenue: { from: '0.00', to: '25.00' } }]])

      const request = await send('/update-revenue', { call_id: log.id, revenue: '10.00' })
      await e.get(log.id, 3)
      const money = { revenue: { from: '25.00', to: '10.00' } }
      assert.deepEqual(changes(e.events(log.id)).slice(1), [['call.adjusted', 'incoming_webhook', money], ['call.revenue_changed', 'incoming_webhook', money]])
      assert.deepEqual(e.events(log.id).slice(1).map((x) => [x.data.by, x.data.call.revenue]), [[request.request_id, '10.00'], [request.request_id, '10.00']])

      await send('/update-revenue', { call_id: log.id, revenue: '10.00' }) // the same: nothing has changed
      await send('/call-data', { call_id: log.id, sold: true })
      await e.get(log.id, 5)
      assert.deepEqual(e.events(log.id).slice(3).map((x) => [x.type, x.data.source]), [['call.converted', undefined], ['call.revenue_changed', 'rule']])
      assert.deepEqual(e.events(log.id)[4].data.changes, { payout: { from: '0.00', to: '4.00' } })

      await s.api('POST', `/calls/${log.id}/adjustments`, { revenue: '0', note: 'refunded' })
      await e.get(log.id, 7)
      const [adjusted, changed] = e.events(log.id).slice(5)
      assert.deepEqual([adjusted.type, adjusted.data.source, adjusted.data.note], ['call.adjusted', 'api', 'refunded'])
      assert.deepEqual([changed.type, changed.data.source, changed.data.changes], ['call.revenue_changed', 'api', { revenue: { from: '10.00', to: '0.00' } }])
      assert.equal(changed.data.by, adjusted.data.by)
      assert.equal((await settled(e, log.id)).length, 7)

      assert.ok((await settled(wild, log.id)).every((t) => t !== 'call.revenue_changed'))
      const corrections = (await s.api('GET', `/calls/${log.id}/adjustments`)).data
      assert.deepEqual(corrections.map((x: any) => [x.source, x.note]), [['incoming_webhook', null], ['api', 'refunded']])
      for (const x of [e, wild]) await x.off()
    })

    test('a live call reports what a webhook changed once, and what its flow sets', async () => {
      const e = await endpoint(names)
      const c = await campaign({ conversion: { after_seconds: 0 }, payout_percent: '50' }, takes.uri, { revenue: { amount: '20', on: 'connect' } })
      const log = await call(c.number, async (id) => {
        await e.get(id, 2)
        await send('/update-revenue', { call_id: id, revenue: '30.00' })
        await e.get(id, 3)
      })
      assert.deepEqual([log.revenue, log.payout], ['30.00', '15.00'])
      await settled(e, log.id)
      const money = e.events(log.id).filter((x) => x.type === 'call.revenue_changed')
      assert.deepEqual(money.map((x) => x.data.source), ['rule', 'incoming_webhook'])
      // Each goes on from where the one before ended.
      const first = { revenue: { from: '0.00', to: '20.00' }, payout: { from: '0.00', to: '10.00' } }
      const second = { revenue: { from: '20.00', to: '30.00' }, payout: { from: '10.00', to: '15.00' } }
      assert.deepEqual(money.map((x) => x.data.changes), [first, second])
      assert.ok(!e.types(log.id).includes('call.adjusted'), 'a live call is not a finished one')

      const outcome = { id: 'o', type: 'set_outcome', config: { revenue: '7.5' } }
      const f = await flow([outcome, await dial(takes.uri)], [['start', 'next', 'o'], ['o', 'next', 'dial']])
      const set = await call(f.number)
      await e.get(set.id, 1)
      assert.deepEqual(changes(e.events(set.id)), [['call.revenue_changed', 'call_flow', { revenue: { from: '0.00', to: '7.50' } }]])
      await e.off()
    })
  })

  describe('when a call is really over', () => {
    const names = ['call.hangup', 'recording.ready', 'call.final', 'call.updated']
    const waiting = (id: string) => Number(sql(`SELECT COUNT(*) FROM call_finals WHERE call_id = '${id}'`)) === 1

    test('call.final comes once, after the recording and the wait, with what came until then; later, call.updated', async () => {
      const e = await endpoint(names)
      const c = await campaign({ recording: true, final_after_seconds: 3 })
      const log = await call(c.number)
      await send('/update-revenue', { call_id: log.id, revenue: '12.00' })
      await e.get(log.id, 3)
      const types = await settled(e, log.id) // a short recording may be stored before the call's end is
      assert.deepEqual([types.slice(0, 2).sort(), types.slice(2)], [['call.hangup', 'recording.ready'], ['call.final']])
      const final = e.events(log.id)[2]
      assert.deepEqual([final.data.recording, final.data.call.revenue, final.data.call.recordings[0].status], ['stored', '12.00', 'ready'])
      assert.ok(Date.parse(final.timestamp) - Date.parse(log.ended_at) >= 3000)
      assert.equal(waiting(log.id), false)

      const request = await send('/call-data', { call_id: log.id, state: 'TX', pin: '1234' })
      await e.get(log.id, 4)
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'OK' })
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'OK' }) // the same: nothing has changed
      await send('/update-fields', { call_id: log.id, disposition: 'sold' })
      await s.api('POST', `/calls/${log.id}/adjustments`, { payout: '3', converted: true, note: 'agreed' })
      await s.raw('DELETE', `/api/v1/calls/${log.id}/recording`)
      await e.get(log.id, 8)
      assert.equal((await settled(e, log.id)).length, 8)
      const updated = e.events(log.id).slice(3)
      assert.ok(updated.every((x) => x.type === 'call.updated'))
      assert.deepEqual(updated.map((x) => x.data.source), ['incoming_webhook', 'api', 'incoming_webhook', 'api', 'api'])
      assert.equal(updated[0].data.by, request.request_id)
      assert.deepEqual(updated.map((x) => x.data.changes), [
        { tags: { state: { from: null, to: 'TX' }, pin: { from: null, to: '********' } } },
        { tags: { state: { from: 'TX', to: 'OK' } } },
        { disposition: { from: 'completed', to: 'sold' } },
        { payout: { from: '0.00', to: '3.00' }, converted: { from: false, to: true } },
        { recordings: { [final.data.call.recordings[0].id]: { from: 'ready', to: 'deleted' } } },
      ])
      await e.off()
    })

    test('a call whose server is killed gets its final from the next one, and no call gets two', async () => {
      const e = await endpoint(['call.hangup', 'call.final'])
      const c = await campaign({ final_after_seconds: 2 }), slow = await campaign({ final_after_seconds: 4 })
      const early = await call(c.number)
      await e.get(early.id, 2)
      const late = await call(slow.number)
      await until('its end on disk', () => waiting(late.id))
      const from = await Peer.start()
      assert.equal((await from.call(s.sip, `sip:${c.number}@127.0.0.1`)).status, 200)
      const live = await until('the live call', async () => (await s.api('GET', '/calls?status=active')).data[0])
      await s.kill('SIGKILL')
      await s.serve()
      for (const id of [late.id, live.id]) await until(`the final of ${id}`, () => e.types(id).includes('call.final'))
      const ids = new Set<string>()
      for (let round = 0; round < 3; round++) {
        for (const { id } of [early, late, live]) {
          await settled(e, id)
          for (const x of e.events(id)) if (x.type === 'call.final') ids.add(x.id)
        }
        await s.kill('SIGKILL')
        await s.serve()
      }
      assert.equal(ids.size, 3, 'each final has one id, however often it is delivered')
      for (const { id } of [early, late, live]) {
        const events = (await s.api('GET', `/calls/${id}/events`)).data.map((x: any) => x.type)
        assert.equal(events.filter((t: string) => t === 'call.final').length, 1)
        assert.equal(events.at(-1), 'call.final')
      }
      const { data } = e.events(live.id).find((x) => x.type === 'call.final')!
      assert.deepEqual([data.call.status, data.recording], ['interrupted', 'none'])
      assert.equal(sql('SELECT COUNT(*) FROM call_finals'), '0')
      await e.off()
    })

    test('a recording that failed is said to have failed', async () => {
      const e = await endpoint(['call.final'])
      const c = await campaign({ recording: true, final_after_seconds: 3 })
      const from = await Peer.start()
      assert.equal((await from.call(s.sip, `sip:${c.number}@127.0.0.1`)).status, 200)
      const live = await until('the recorded call', async () => {
        const found = (await s.api('GET', '/calls?status=active')).data.find((x: any) => x.number === c.number && x.connected_at)
        return found && (await s.api('GET', `/calls/${found.id}`)).recordings.length && found
      })
      await s.kill('SIGKILL')
      rmSync(join(s.data, 'recordings'), { recursive: true })
      await s.serve()
      await e.get(live.id, 1)
      const [final] = e.events(live.id)
      assert.deepEqual([final.data.recording, final.data.call.recordings[0].status], ['failed', 'failed'])
      await e.off()
    })

    test('a recording that is not stored is waited for, and not for ever', async () => {
      const e = await endpoint(names)
      const c = await campaign({ final_after_seconds: 2 })
      const log = await call(c.number)
      sql(`INSERT INTO recordings (id, organization_id, call_id, kind, status, started_at) SELECT 'rec_lost', organization_id, id, 'call', 'recording', 1 FROM calls WHERE id = '${log.id}'`)
      const due = await until('its end on disk', () => sql(`SELECT due_at FROM call_finals WHERE call_id = '${log.id}'`))
      await until('it is put off', () => sql(`SELECT due_at FROM call_finals WHERE call_id = '${log.id}'`) > due)
      assert.deepEqual(await settled(e, log.id), ['call.hangup'])
      sql(`UPDATE call_finals SET waits_until = 1 WHERE call_id = '${log.id}'`) // ten minutes have passed
      await e.get(log.id, 2)
      assert.equal(e.events(log.id)[1].data.recording, 'pending')
      sql(`DELETE FROM recordings WHERE id = 'rec_lost'`)
      await e.off()
    })

    test('without one who asks for it by name nothing is kept, and wildcards get old names alone', async () => {
      const e = await endpoint(['*', 'call.*'])
      const c = await campaign({ final_after_seconds: 0 })
      const log = await call(c.number)
      await e.get(log.id, 4)
      assert.equal(waiting(log.id), false)
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'KS' })
      await e.get(log.id, 5)
      await sleep(1500) // a final would have come
      assert.deepEqual(await settled(e, log.id), ['call.started', 'call.dialing', 'call.connected', 'call.completed', 'tag.set'])
      await e.off()

      // Also for one that ended while nobody asked, later changes are reported once somebody does.
      const asks = await endpoint(['call.updated'])
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'NE' })
      await asks.get(log.id, 1)
      assert.deepEqual(asks.events(log.id)[0].data.changes, { tags: { state: { from: 'KS', to: 'NE' } } })
      await asks.off()
    })

    test('one that only asks for updates gets none before the final is due', async () => {
      const e = await endpoint(['call.updated'])
      const c = await campaign({ final_after_seconds: 86400 })
      const log = await call(c.number)
      await until('its end on disk', () => waiting(log.id))
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'KS' })
      assert.deepEqual(await settled(e, log.id), [])
      sql(`UPDATE call_finals SET due_at = 1 WHERE call_id = '${log.id}'`)
      await until('the final, which nobody takes', () => !waiting(log.id))
      await s.api('PATCH', `/calls/${log.id}/tags`, { state: 'NE' })
      await e.get(log.id, 1)
      assert.deepEqual(await settled(e, log.id), ['call.updated'])
      await e.off()
    })
  })

  test('every event that was sent fits the schema of its type', check)

  test('the documentation has each event type, when it is sent, and an example of its data', async () => {
    const text = readFileSync(join(root, 'docs/outgoing-webhooks.md'), 'utf8')
    for (const t of (await s.api('GET', '/event-types')).data) {
      const { call: _, ...data } = t.example.data
      const example = Object.keys(data).length ? `\`${JSON.stringify(data)}\`` : ''
      const named = t.by_name ? ' (by name)' : ''
      if (!/_secs_mark$/.test(t.type)) // the marks share a row
        assert.ok(text.includes(`| \`${t.type}\`${named} | ${t.help} | ${example} |`), t.type)
    }
    assert.match(text, /\| `call\.on_5_secs_mark`.*`call\.on_60_secs_mark`.*\(by name\)/)
  })
})
