import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Sipp, Strowger, sleep, until } from './harness.ts'

describe('finding calls, lists and the live feed', () => {
  let s: Strowger
  let target: Sipp
  let other: string
  const ids: Record<string, string> = {}
  before(async () => {
    s = await Strowger.start()
    target = await Sipp.answer('answer.xml')
    for (const [name, type, extra] of [['state', 'string'], ['score', 'number'], ['vip', 'boolean'], ['seen', 'datetime'], ['ssn', 'string', { sensitive: true }]] as [string, string, object?][])
      await s.api('POST', '/custom-tags', { name, type, ...extra })
    const plan = await s.plan('Search', [{ uri: target.uri, revenue: { amount: '10.00', on: 'connect' } }])
    await s.campaign('+18005550801', { routing_plan_id: plan.id })
    for (const [name, from, tags] of [['texan', '+15125550100', { state: 'TX', score: 90, vip: true, seen: '2026-11-01T10:00:00Z', ssn: '123-45-6789' }], ['okie', '+14055550100', { state: 'OK', score: 40 }], ['plain', '+12125550100', {}]] as const) {
      await s.call('+18005550801', ['--duration', '1', '--from', from])
      const call = await s.lastCall((c) => c.caller_id === from)
      ids[name] = call.id
      if (Object.keys(tags).length) await s.api('PATCH', `/calls/${call.id}/tags`, tags)
    }
    other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, other)).ok)
  })
  after(async () => {
    target.stop()
    await s.stop()
  })

  const found = async (query: string, key?: string) => {
    const names = Object.entries(ids)
    return (await s.api('GET', `/calls?${query}`, undefined, key)).data.map((c: any) => names.find(([, id]) => id === c.id)?.[0] ?? c.id)
  }
  const filter = (rules: unknown[], match = 'all') => `filter=${encodeURIComponent(JSON.stringify({ match, rules }))}`

  test('calls are found by their tags, whatever the case', async () => {
    assert.deepEqual(await found(''), ['plain', 'okie', 'texan'])
    assert.deepEqual(await found('tag.state=TX'), ['texan'])
    assert.deepEqual(await found('tag.STATE=tx'), ['texan'])
    assert.deepEqual(await found('tag.state=TX&tag.score_gte=80'), ['texan'])
    assert.deepEqual(await found('tag.state=TX&tag.score_lt=80'), [])
    assert.deepEqual(await found('tag.score_gt=40'), ['texan'])
    assert.deepEqual(await found('tag.score_gte=40'), ['okie', 'texan'])
    assert.deepEqual(await found('tag.score=90.0'), ['texan'])
    assert.deepEqual(await found('tag.vip=yes'), ['texan'])
    assert.deepEqual(await found('tag.seen_gte=2026-10-01T00:00:00Z'), ['texan'])
    assert.deepEqual(await found('tag.seen_gt=2026-12-01T00:00:00Z'), [])
  })

  test('calls are found by a filter, as flows and webhooks have them', async () => {
    assert.deepEqual(await found(filter([{ field: 'tag.state', op: 'in', value: ['TX', 'OK'] }])), ['okie', 'texan'])
    assert.deepEqual(await found(filter([{ field: 'tag.state', op: 'not_exists' }])), ['plain'])
    assert.deepEqual(await found(filter([{ field: 'tag.state', op: 'equals', value: 'tx' }, { field: 'number.state', op: 'equals', value: 'OK' }], 'any')), ['okie', 'texan'])
    assert.deepEqual(await found(filter([{ field: 'number.state', op: 'equals', value: 'NY' }])), ['plain'])
    assert.deepEqual(await found(filter([{ field: 'call.revenue', op: 'greater_than', value: 5 }, { field: 'call.caller_id', op: 'begins_with', value: '+1512' }])), ['texan'])
    assert.deepEqual(await found(filter([{ field: 'call.id', op: 'equals', value: ids.okie }])), ['okie'])
    assert.deepEqual(await found(filter([])), ['plain', 'okie', 'texan'])
    assert.deepEqual(await found(`caller_id=${encodeURIComponent('(512) 555-0100')}`), ['texan'])
    assert.deepEqual(await found(filter([{ field: 'call.caller_id', op: 'equals', value: '512 555 0100' }])), ['texan'])
    assert.deepEqual(await found(`number=${encodeURIComponent('(800) 555-0801')}`), ['plain', 'okie', 'texan'])
    const listed = await s.api('POST', '/lists', { name: 'Texans', values: ['+1 (512) 555-0100', '73301'] })
    assert.deepEqual(await found(filter([{ field: 'call.caller_id', op: 'in_list', value: listed.id }])), ['texan'])
    await s.api('DELETE', `/lists/${listed.id}`)
    assert.deepEqual(await found('status=active'), [])
    assert.deepEqual(await found('status=completed&disposition=completed&number=%2B18005550801'), ['plain', 'okie', 'texan'])
    const started = (await s.api('GET', `/calls/${ids.okie}`)).started_at
    assert.deepEqual(await found(`to=${started}`), ['texan'])
    assert.deepEqual(await found(`from=${started}`), ['plain', 'okie'])
    assert.deepEqual((await s.api('GET', '/calls?include=tags&tag.state=TX')).data[0].tags.score, 90)
  })

  test('pages go on where the last one ended, whatever is asked', async () => {
    for (const query of ['', 'tag.score_gte=1', 'status=completed', filter([{ field: 'tag.state', op: 'exists' }])]) {
      const all = await found(query)
      const seen: string[] = []
      for (let cursor = ''; ;) {
        const page = await s.api('GET', `/calls?limit=1&${query}${cursor && `&cursor=${cursor}`}`)
        seen.push(...page.data.map((c: any) => Object.entries(ids).find(([, id]) => id === c.id)![0]))
        if (!page.next_cursor) break
        cursor = page.next_cursor
      }
      assert.deepEqual(seen, all, query)
    }
  })

  test('unreadable questions are told, and what is sensitive cannot be asked', async () => {
    const refused = async (query: string) => {
      const r = await s.raw('GET', `/api/v1/calls?${query}`)
      const body = await r.json()
      return [r.status, body.errors?.[0]?.pointer, body.errors?.[0]?.detail] as const
    }
    assert.equal((await refused('filter={'))[0], 400)
    assert.deepEqual((await refused('tag.score_gte=many')).slice(0, 2), [422, 'tag.score_gte'])
    assert.deepEqual((await refused('tag.nothing=1')).slice(0, 2), [422, 'tag.nothing'])
    assert.deepEqual((await refused(filter([{ field: 'tag.state', op: 'like', value: 'x' }]))).slice(0, 2), [422, 'filter/rules/0/op'])
    for (const q of ['tag.ssn=123-45-6789', filter([{ field: 'tag.ssn', op: 'begins_with', value: '1' }])]) assert.match((await refused(q)).join(), /^422,.*sensitive/)
  })

  test('nothing of another organization is found', async () => {
    assert.deepEqual(await found('', other), [])
    assert.deepEqual(await found(filter([{ field: 'call.id', op: 'equals', value: ids.texan }]), other), [])
    assert.equal((await s.raw('GET', '/api/v1/calls?tag.state=TX', undefined, {}, other)).status, 422)
  })

  test('lists are sorted, narrowed by fields, and paged either way', async () => {
    for (const name of ['beta', 'Alpha', 'gamma', 'delta']) await s.api('POST', '/buyers', { name })
    const names = async (query: string) => (await s.api('GET', `/buyers?${query}`)).data.map((b: any) => b.name)
    assert.deepEqual(await names('sort=name'), ['Alpha', 'beta', 'delta', 'gamma'])
    assert.deepEqual(await names('sort=-name'), ['gamma', 'delta', 'beta', 'Alpha'])
    assert.deepEqual(await names('sort=created_at'), ['beta', 'Alpha', 'gamma', 'delta'])
    assert.deepEqual(await names(''), ['delta', 'gamma', 'Alpha', 'beta'])
    const beta = (await s.api('GET', '/buyers?search=BETA')).data[0]
    await s.api('PATCH', `/buyers/${beta.id}`, { name: 'beta 2' })
    assert.equal((await names('sort=-updated_at'))[0], 'beta 2')
    for (const sort of ['name', '-name', 'created_at', '-created_at', 'updated_at', '-updated_at']) {
      const seen: string[] = []
      for (let cursor = ''; ;) {
        const page = await s.api('GET', `/buyers?sort=${sort}&limit=1${cursor && `&cursor=${cursor}`}`)
        seen.push(...page.data.map((b: any) => b.name))
        if (!page.next_cursor) break
        cursor = page.next_cursor
      }
      assert.deepEqual(seen, await names(`sort=${sort}`), sort)
    }
    assert.equal((await s.raw('GET', '/api/v1/buyers?sort=colour')).status, 400)
    await s.api('POST', '/targets', { name: 'Off', destination: { type: 'sip', uri: 'sip:x@127.0.0.1' }, enabled: false, buyer_id: beta.id })
    const targets = async (query: string) => (await s.api('GET', `/targets?${query}`)).data.map((b: any) => b.name)
    assert.deepEqual(await targets('enabled=false'), ['Off'])
    assert.deepEqual(await targets(`buyer_id=${beta.id}&limit=1`), ['Off'])
    assert.deepEqual(await targets(`buyer_id=${beta.id}&enabled=true`), [])
    assert.deepEqual((await s.api('GET', '/buyers?sort=name', undefined, other)).data, [])
  })

  test('what is deleted can be put back as it was, where nothing took its place', async () => {
    const restore = (path: string, key?: string) => s.raw('POST', `/api/v1/${path}/restore`, {}, {}, key)
    const buyer = await s.api('POST', '/buyers', { name: 'Once' })
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'Deleted hook' })
    assert.equal((await restore(`buyers/${buyer.id}`)).status, 404)
    for (const path of [`buyers/${buyer.id}`, `incoming-webhooks/${hook.id}`]) assert.equal((await s.raw('DELETE', `/api/v1/${path}`)).status, 204)
    assert.equal((await fetch(hook.url, { method: 'POST', body: '{"caller_id":"+15125550100"}', headers: { 'content-type': 'application/json' } })).status, 401)
    assert.equal((await restore(`buyers/${buyer.id}`, other)).status, 404)
    assert.equal((await restore(`targets/${buyer.id}`)).status, 404)
    const back = await restore(`buyers/${buyer.id}`)
    assert.equal(back.status, 201)
    assert.deepEqual({ ...(await back.json()), updated_at: '' }, { ...buyer, updated_at: '' })
    assert.equal((await restore(`incoming-webhooks/${hook.id}`)).status, 201)
    assert.equal((await fetch(hook.url, { method: 'POST', body: '{"caller_id":"+15125550100"}', headers: { 'content-type': 'application/json' } })).status, 200) // with its key
    assert.equal((await restore(`buyers/${buyer.id}`)).status, 404)
    await s.api('DELETE', `/buyers/${buyer.id}`)
    await s.api('POST', '/buyers', { name: 'Once' })
    assert.equal((await restore(`buyers/${buyer.id}`)).status, 409)
    const owner = await s.api('POST', '/buyers', { name: 'Owner' })
    const target_ = await s.api('POST', '/targets', { name: 'Owned', buyer_id: owner.id, destination: { type: 'sip', uri: 'sip:y@127.0.0.1' } })
    await s.api('DELETE', `/targets/${target_.id}`)
    await s.api('DELETE', `/buyers/${owner.id}`)
    const orphan = await restore(`targets/${target_.id}`)
    assert.deepEqual([orphan.status, (await orphan.json()).errors[0].pointer], [409, '/buyer_id'])
  })

  test('what uses a thing is told, and keeps it: by id, by a published version, by a tag\'s name', async () => {
    const used = async (path: string, key?: string) => (await s.api('GET', `/${path}/usage`, undefined, key)).data.map((u: any) => `${u.kind} ${u.name}`)
    const buyer = await s.api('POST', '/buyers', { name: 'Kept' })
    assert.deepEqual(await used(`buyers/${buyer.id}`), [])
    await s.api('POST', '/targets', { name: 'Its target', buyer_id: buyer.id, destination: { type: 'sip', uri: 'sip:z@127.0.0.1' } })
    assert.deepEqual(await used(`buyers/${buyer.id}`), ['target Its target'])
    await assert.rejects(used(`buyers/${buyer.id}`, other), { status: 404 })
    const list = await s.api('POST', '/lists', { name: 'Listed', values: ['1'] })
    const tag = await s.api('POST', '/custom-tags', { name: 'Colour' })
    const flow = await s.flow('Uses both', [{ id: 'c', type: 'condition', config: { branches: [{ port: 'yes', filter: { rules: [{ field: 'call.caller_id', op: 'in_list', value: list.id }, { field: 'tag.colour', op: 'equals', value: 'red' }] } }] } }], [['start', 'next', 'c']])
    await s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: [{ id: 'start', type: 'start', config: {} }], edges: [] } })
    for (const path of [`lists/${list.id}`, `custom-tags/${tag.id}`]) {
      assert.deepEqual(await used(path), ['call_flow Uses both']) // the published version still does
      assert.equal((await s.raw('DELETE', `/api/v1/${path}`)).status, 409)
    }
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    for (const path of [`lists/${list.id}`, `custom-tags/${tag.id}`]) assert.equal((await s.raw('DELETE', `/api/v1/${path}`)).status, 204)
  })

  test('views of the call log are saved', async () => {
    const view = await s.api('POST', '/saved-views', { name: 'Texas', query: { 'tag.state': 'TX', days: '7' }, columns: ['caller_id', 'tag.state'] })
    assert.deepEqual((await s.api('GET', `/saved-views/${view.id}`)).query, { 'tag.state': 'TX', days: '7' })
    assert.deepEqual((await s.api('GET', '/saved-views', undefined, other)).data, [])
    assert.equal((await s.raw('GET', `/api/v1/saved-views/${view.id}`, undefined, {}, other)).status, 404)
  })

  test('the system says where it listens', async () => {
    assert.deepEqual((await s.api('GET', '/system', undefined, other)).sip, [`udp:127.0.0.1:${s.sip}`, `tcp:127.0.0.1:${s.sip}`])
    assert.equal((await s.raw('GET', '/api/v1/system', undefined, {}, '')).status, 401)
  })

  // What a listener heard, as [event, id, data].
  const listen = async (query = '', headers: Record<string, string> = {}, key?: string) => {
    const stop = new AbortController()
    const r = await fetch(`${s.url}/api/v1/events?${query}`, { headers: { authorization: `Bearer ${key ?? s.key}`, ...headers }, signal: stop.signal })
    assert.equal(r.headers.get('content-type'), 'text/event-stream')
    const heard: { event: string; id: string; data: any }[] = []
    void (async () => {
      let text = ''
      for await (const piece of r.body!.pipeThrough(new TextDecoderStream())) {
        text += piece
        for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2)) {
          const of = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(text.slice(0, end))?.[1] ?? ''
          if (of('event')) heard.push({ event: of('event'), id: of('id'), data: JSON.parse(of('data')) })
        }
      }
    })().catch(() => {})
    return { heard, stop: () => stop.abort() }
  }

  test('events are told as they happen, to their organization alone, by type and by call', async () => {
    const all = await listen(), calls = await listen('types=call.started,tag.*'), one = await listen(`call_id=${ids.okie}`), foreign = await listen('', {}, other)
    await s.call('+18005550801', ['--duration', '1', '--from', '+13125550100'])
    const call = await s.lastCall((c) => c.caller_id === '+13125550100')
    await s.api('PATCH', `/calls/${ids.okie}/tags`, { state: 'KS' })
    await until('the last event', () => one.heard.length === 1 && all.heard.length >= 5 && calls.heard.length >= 2)
    assert.deepEqual(all.heard.map((e) => e.event), ['call.started', 'call.dialing', 'call.connected', 'call.completed', 'tag.changed'])
    assert.deepEqual(calls.heard.map((e) => e.event), ['call.started', 'tag.changed'])
    assert.deepEqual(one.heard.map((e) => [e.event, e.data.data.tag.value]), [['tag.changed', 'KS']])
    assert.equal(all.heard[3].data.data.call.id, call.id)
    assert.equal(all.heard[3].id, (await s.api('GET', `/calls/${call.id}/events`)).data.at(-1).id)
    assert.deepEqual(foreign.heard, [])
    // one that was cut off goes on after what it heard last
    all.stop()
    await sleep(100)
    await s.api('PATCH', `/calls/${ids.okie}/tags`, { state: 'NE' })
    const again = await listen('', { 'last-event-id': all.heard[3].id }), lost = await listen('', { 'last-event-id': 'evt_01AAAAAAAAAAAAAAAAAAAAAAAA' }), stolen = await listen('', { 'last-event-id': all.heard[3].id }, other)
    await until('what was missed', () => again.heard.length === 2 && lost.heard.length === 1 && stolen.heard.length === 1)
    assert.deepEqual(again.heard.map((e) => e.data.data.tag.value), ['KS', 'NE'])
    assert.equal(lost.heard[0].event, 'reset')
    assert.equal(stolen.heard[0].event, 'reset')
    for (const l of [calls, one, foreign, again, lost, stolen]) l.stop()
    assert.equal((await s.raw('GET', '/api/v1/events', undefined, {}, 'sk_nothing')).status, 401)
  })

  test('listeners that never read cost the others nothing, and the server ends while they listen', async () => {
    const idle = await Promise.all(Array.from({ length: 20 }, () => fetch(`${s.url}/api/v1/events`, { headers: { authorization: `Bearer ${s.key}` } })))
    const one = await listen('types=tag.changed')
    for (let i = 0; i < 300; i++) await s.api('PATCH', `/calls/${ids.okie}/tags`, { state: `S${i}` })
    await until('all of them', () => one.heard.length === 300)
    assert.deepEqual(one.heard.map((e) => e.data.data.tag.value), Array.from({ length: 300 }, (_, i) => `S${i}`))
    await s.kill('SIGTERM')
    assert.equal(s.child!.exitCode, 0)
    await s.serve()
    for (const r of idle) void r.body?.cancel().catch(() => {})
    one.stop()
  })
})
