// Outgoing webhooks: what is sent, in which order, how fast, signed and authenticated how, and what becomes of those that fail.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Webhook } from 'standardwebhooks'
import { Receiver, Sipp, Strowger, join, sleep, until } from './harness.ts'

describe('outgoing webhooks', () => {
  let s: Strowger
  let agent: Sipp
  let other: string // another organization's API key
  let crm: { url: string }
  let campaign: { id: string }
  let next = 100
  const caller = () => `+1512557${String(next++).padStart(4, '0')}`
  const number = '+18005550601'
  const call = async (from = caller()) => {
    await s.call(number, ['--from', from, '--duration', '1'])
    return s.lastCall((c) => c.caller_id === from)
  }
  // From one caller, so that the tests do not see each other's calls.
  const filter = (from: string) => ({ rules: [{ field: 'call.caller_id', op: 'equals', value: from }] })
  const outgoing = (name: string, url: string, fields: object = {}) => s.api('POST', '/outgoing-webhooks', { name, url, event_types: ['*'], ...fields })
  const requests = async (id: string, query = '') => (await s.api('GET', `/outgoing-webhook-requests?limit=200&outgoing_webhook_id=${id}${query}`)).data
  const off = (id: string) => s.api('PATCH', `/outgoing-webhooks/${id}`, { enabled: false })

  before(async () => {
    s = await Strowger.start(['--retry-schedule', '0.2,0.4,0.8', '--disable-webhooks-after', '3'])
    agent = await Sipp.answer('answer.xml')
    await s.api('POST', '/custom-tags', { name: 'state' })
    crm = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const plan = await s.plan('agent', [{ uri: agent.uri }])
    const flow = await s.flow('qualify', [
      { id: 'tag', type: 'set_tag', config: { assignments: [{ tag: 'state', value: 'TX' }] } },
      { id: 'tell', type: 'send_event', config: { name: 'qualified', fields: [{ name: 'who', value: '[CALLER_ID]' }] } },
      { id: 'dial', type: 'dial', config: { to: { routing_plan_id: plan.id } } },
    ], [['start', 'next', 'tag'], ['tag', 'next', 'tell'], ['tell', 'next', 'dial']])
    campaign = await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id, milestones_seconds: [] })
    other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'other@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/organization', undefined, {}, other)).ok)
  })
  after(async () => {
    agent.stop()
    await s.stop()
  })

  test('every event type has a schema that its example fits; so do real events, each once, numbered in the order of the call', async () => {
    const types = (await s.api('GET', '/event-types')).data
    const ajv = new Ajv2020.default({ strict: false })
    addFormats.default(ajv)
    const check = new Map(types.map((t: any) => [t.type, ajv.compile(t.schema)])) as Map<string, any>
    const named = (byName: boolean) =>
      types.filter((t: any) => t.by_name === byName).map((t: any) => t.type).sort()
    assert.deepEqual(named(false), [
      'call.adjusted', 'call.completed', 'call.connected', 'call.converted', 'call.dialing',
      'call.failed', 'call.milestone', 'call.started', 'call.transferred', 'flow.completed',
      'flow.custom', 'flow.node_failed', 'flow.started', 'flow.unavailable', 'recording.ready',
      'routing.no_target', 'tag.changed', 'tag.removed', 'tag.set',
      'voicemail.received', 'webhook.disabled',
    ])
    const marks = Array.from({ length: 12 }, (_, i) => `call.on_${5 * (i + 1)}_secs_mark`)
    const others = 'call.incoming call.hangup call.failure call.revenue_changed call.final call.updated'
    assert.deepEqual(named(true), [...others.split(' '), ...marks].sort())
    for (const t of types) assert.match(t.help, /^Sent .*\.$/)
    for (const t of types) assert.ok(check.get(t.type)(t.example), `${t.type}: ${JSON.stringify(check.get(t.type).errors)}`)

    const receiver = await Receiver.start()
    const from = caller()
    const out = await outgoing('all', receiver.url, { filter: filter(from) })
    const log = await call(from)
    const later = await fetch(crm.url, { method: 'POST', body: JSON.stringify({ call_id: log.id, state: 'OK' }) })
    assert.equal(later.status, 200)
    const events = (await s.api('GET', `/calls/${log.id}/events`)).data
    assert.deepEqual(events.map((e: any) => e.sequence), events.map((_: unknown, i: number) => i + 1))
    await until('all of them', () => receiver.requests.length >= events.length)
    const got = receiver.requests.map((r) => JSON.parse(r.body)).sort((a, b) => a.sequence - b.sequence)
    assert.deepEqual(got.map((e) => [e.sequence, e.id, e.type]), events.map((e: any) => [e.sequence, e.id, e.type]))
    assert.deepEqual(got.map((e) => e.type), ['call.started', 'flow.started', 'tag.set', 'flow.custom', 'call.dialing', 'call.connected', 'flow.completed', 'call.completed', 'tag.changed'])
    assert.equal(got.at(-1).type, 'tag.changed', 'a filter is asked of an ended call, too')
    for (const e of got) assert.ok(check.get(e.type)(e), `${e.type}: ${JSON.stringify(check.get(e.type).errors)}`)
    await off(out.id)
    receiver.stop()
  })

  test('each event type is emitted once for each cause', async () => {
    const receiver = await Receiver.start()
    const out = await outgoing('causes', receiver.url)
    const plan = await s.plan('causes', [{ uri: agent.uri }]), nobody = await s.api('POST', '/routing-plans', { name: 'nobody', entries: [] })
    const busy = await s.flow('busy', [
      { id: 'first', type: 'set_tag', config: { assignments: [{ tag: 'state', value: 'TX' }] } },
      { id: 'second', type: 'set_tag', config: { assignments: [{ tag: 'state', value: 'OK' }] } },
      { id: 'ask', type: 'http_request', config: { method: 'GET', url: 'http://127.0.0.1:9/', retries: 1 } },
      { id: 'tell', type: 'send_event', config: { name: 'twice', fields: [] } },
      { id: 'again', type: 'send_event', config: { name: 'twice', fields: [] } },
      { id: 'rec', type: 'record', config: { action: 'start' } },
      { id: 'dial', type: 'dial', config: { to: { routing_plan_id: plan.id } } },
    ], [['start', 'next', 'first'], ['first', 'next', 'second'], ['second', 'next', 'ask'], ['ask', 'failure', 'tell'], ['tell', 'next', 'again'], ['again', 'next', 'rec'], ['rec', 'next', 'dial']])
    const message = await s.flow('message', [{ id: 'v', type: 'voicemail', config: { prompt: { text: 'Speak.' } } }], [['start', 'next', 'v']])
    const tone = join(s.dir, 'tone.wav')
    execFileSync('sox', ['-n', '-r', '8000', '-c', '1', '-b', '16', tone, 'synth', '20', 'sine', '700'])
    const run = async (to: string, fields: object, args: string[], expected: string[]) => {
      await s.campaign(to, { milestones_seconds: [], ...fields })
      const from = caller()
      await s.call(to, ['--from', from, ...args])
      const log = await s.lastCall((c) => c.caller_id === from)
      const types = async () => (await s.api('GET', `/calls/${log.id}/events`)).data.map((e: any) => e.type).sort()
      await until(`the events of ${to}`, async () => (await types()).length >= expected.length).catch(() => 0) // what is missing is told below
      await until('their deliveries', () => receiver.requests.filter((r) => JSON.parse(r.body).data.call?.id === log.id).length >= expected.length).catch(() => 0)
      await sleep(300)
      assert.deepEqual(await types(), [...expected].sort(), to)
      const got = receiver.requests.map((r) => JSON.parse(r.body)).filter((e) => e.data.call?.id === log.id)
      assert.deepEqual(got.map((e) => e.type).sort(), [...expected].sort())
      assert.deepEqual(got.map((e) => e.sequence).sort((a, b) => a - b), expected.map((_, i) => i + 1))
      assert.equal(new Set(got.map((e) => e.id)).size, got.length)
    }
    await run('+18005550611', { execution_mode: 'call_flow', call_flow_id: busy.id, conversion: { after_seconds: 1 }, milestones_seconds: [1, 2] }, ['--duration', '4'],
      ['call.started', 'flow.started', 'tag.set', 'tag.changed', 'flow.node_failed', 'flow.custom', 'flow.custom', 'call.dialing', 'call.connected', 'call.converted', 'call.milestone', 'call.milestone', 'flow.completed', 'call.completed', 'recording.ready'])
    await run('+18005550612', { routing_plan_id: nobody.id }, [], ['call.started', 'routing.no_target', 'call.failed', 'call.completed'])
    await run('+18005550613', { execution_mode: 'call_flow', call_flow_id: message.id }, ['--play', tone, '--duration', '6'], ['call.started', 'flow.started', 'flow.completed', 'call.completed', 'voicemail.received'])
    await off(out.id)
    receiver.stop()
  })

  test('a GET carries its query, basic authentication or a bearer token, and no secret is shown again', async () => {
    const receiver = await Receiver.start()
    const from = caller()
    const get = await outgoing('postback', `${receiver.url}/pb?src=calls#x`, { method: 'GET', event_types: ['call.completed'], filter: filter(from), query: { cid: '[CALL_ID]', 'who & what': '[CALLER_ID]' }, authentication: { username: 'ann', password: 'p:w' } })
    const bearer = await outgoing('bearer', `${receiver.url}/bearer`, { event_types: ['call.completed'], filter: filter(from), authentication: { bearer_token: 'tok_123' } })
    assert.equal(get.authentication.password, '********')
    assert.equal((await s.api('GET', `/outgoing-webhooks/${bearer.id}`)).authentication.bearer_token, '********')
    const log = await call(from)
    await until('both', () => receiver.requests.length >= 2)
    const pb = receiver.requests.find((r) => r.method === 'GET')!
    const url = new URL(pb.path, receiver.url)
    assert.deepEqual([...url.searchParams], [['src', 'calls'], ['cid', log.id], ['who & what', from]])
    assert.deepEqual([pb.body, pb.headers['content-type'], pb.headers.authorization], ['', undefined, `Basic ${Buffer.from('ann:p:w').toString('base64')}`])
    new Webhook(get.secret).verify('', pb.headers as Record<string, string>, { tolerance: 300 } as never)
    assert.equal(receiver.requests.find((r) => r.path === '/bearer')!.headers.authorization, 'Bearer tok_123')
    for (const id of [get.id, bearer.id]) {
      const [made] = await until('its try', async () => { const l = await requests(id, '&status=delivered'); return l.length && l })
      const text = JSON.stringify(await s.api('GET', `/outgoing-webhook-requests/${made.id}`))
      assert.ok(text.includes('"Authorization":"********"') && !text.includes('tok_123') && !text.includes('YW5u'), text)
      await off(id)
    }
    receiver.stop()
  })

  test('a token of OAuth 2.0 client credentials is asked for once, used until it is refused or old, and what went wrong is told', async () => {
    let issued = 0, good = '', lifetime: unknown = 3600
    const authority = await Receiver.start((r) => {
      const form = new URLSearchParams(r.body), basic = Buffer.from(String(r.headers.authorization ?? '').slice(6), 'base64').toString()
      const known = basic === 'my%20id:s%3Ecret' || (form.get('client_id') === 'my id' && form.get('client_secret') === 's>cret')
      if (!known) return { status: 401, body: '{"error":"invalid_client","error_description":"who are you?"}' }
      good = `token-${++issued}`
      return { body: JSON.stringify({ access_token: good, token_type: 'Bearer', expires_in: lifetime }) }
    })
    const receiver = await Receiver.start((r) => ({ status: r.headers.authorization === `Bearer ${good}` ? 200 : 401 }))
    const authentication = { token_url: `${authority.url}/token`, client_id: 'my id', client_secret: 's>cret', scope: 'calls.write' }
    const out = await outgoing('by token', receiver.url, { event_types: ['call.failed'], authentication })
    assert.equal(out.authentication.client_secret, '********')
    const send = async (id = out.id) => s.api('POST', `/outgoing-webhooks/${id}/test`, { event_type: 'call.failed' })
    const settled = async (r: { id: string }, status = 'delivered') => until(`the request is ${status}`, async () => {
      const q = await s.api('GET', `/outgoing-webhook-requests/${r.id}`)
      return q.status === status && q
    })
    const first = await Promise.all(Array.from({ length: 12 }, () => send()))
    for (const r of first) await settled(r)
    assert.equal(authority.requests.length, 1, 'one token for all')
    assert.deepEqual(Object.fromEntries(new URLSearchParams(authority.requests[0].body)), { grant_type: 'client_credentials', scope: 'calls.write' })
    const shown = await s.api('GET', `/outgoing-webhook-requests/${first[0].id}`)
    assert.doesNotMatch(JSON.stringify(shown), /token-1|s>cret/)
    assert.equal((await s.api('POST', `/outgoing-webhooks/${out.id}/preview`, { event_type: 'call.failed' })).headers.Authorization, '********')
    assert.equal(authority.requests.length, 1, 'a preview asks nobody')

    good = 'revoked'
    const revoked = await settled(await send())
    assert.deepEqual([revoked.attempts.length, revoked.attempts[0].response.status, issued], [2, 401, 2])
    lifetime = '0'
    good = 'revoked'
    await settled(await send())
    await sleep(1200) // what lives no time at all is kept for a second
    await settled(await send())
    assert.equal(issued, 4)

    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { authentication: { ...authentication, client_secret: 'wrong' } })
    const refused = await settled(await send(), 'failed')
    assert.equal(refused.attempts[0].error, 'no access token: the token URL answered 401 invalid_client: who are you?')
    assert.equal(refused.attempts[0].response, null)
    const count = receiver.requests.length
    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { authentication: { ...authentication, client_credentials_in: 'body' } })
    await settled(refused)
    assert.equal(receiver.requests.length, count + 1, 'it was not sent without a token')
    for (const [wrong, pointer] of [[{ token_url: authentication.token_url }, '/authentication/client_id'], [{ ...authentication, bearer_token: 'x' }, '/authentication/token_url']] as const) {
      const r = await s.raw('POST', '/api/v1/outgoing-webhooks', { name: 'wrong', url: receiver.url, event_types: ['*'], authentication: wrong })
      assert.equal(r.status, 422)
      assert.ok(((await r.json()) as any).errors.some((e: any) => e.pointer === pointer))
    }
    await off(out.id)
    authority.stop()
    receiver.stop()
  })

  test('a preview of a past call is what would be sent, with its templates filled, and nothing is sent', async () => {
    const receiver = await Receiver.start()
    const log = await call()
    const out = await outgoing('previewed', receiver.url, { event_types: ['call.failed'], authentication: { bearer_token: 'tok_9' }, query: { id: '[CALL_ID]' }, headers: { 'X-State': '[state|none]' }, body_template: '{"who":"[CALLER_ID]","state":"[state]","seconds":[CALL_DURATION],"from":"[CALLER_STATE]"}' })
    const shown = await s.api('POST', `/outgoing-webhooks/${out.id}/preview`, { call_id: log.id })
    assert.equal(shown.url, `${receiver.url}?id=${log.id}`)
    assert.deepEqual(JSON.parse(shown.body), { who: log.caller_id, state: 'TX', seconds: log.duration_seconds, from: 'TX' })
    assert.deepEqual([shown.method, shown.headers['X-State'], shown.headers.Authorization], ['POST', 'TX', '********'])
    assert.match((await s.api('POST', `/outgoing-webhooks/${out.id}/preview`, { event_type: 'call.started' })).url, /id=call_EXAMPLE$/)
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/preview`, { call_id: 'call_01ARZ3NDEKTSV4RRFFQ69G5FAV' })).status, 422)
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/preview`, {}, {}, other)).status, 404)
    assert.equal(receiver.requests.length, 0)
    await off(out.id)
    receiver.stop()
  })

  test('presets for ad networks, trackers and analytics are taken as they stand, and make requests of a past call that are whole', async () => {
    const presets = (await s.api('GET', '/outgoing-webhook-presets')).data
    assert.ok(presets.length >= 12)
    const fill = (json: unknown) => JSON.parse(JSON.stringify(json).replace(/\{([A-Z_]+)\}/g, (_, name: string) => `my-${name.toLowerCase().replaceAll('_', '-')}`))
    for (const name of new Set<string>(presets.flatMap((p: any) => p.tags))) await s.api('POST', '/custom-tags', { name })
    const log = await call('+15125570042')
    await s.api('PATCH', `/calls/${log.id}/tags`, { click_id: 'a click&1', fbc: 'fb.1.2.three', ga_client_id: '12.34' })
    const sent: Record<string, any> = {}
    for (const p of presets) {
      const hook = await s.api('POST', '/outgoing-webhooks', { ...fill(p.webhook), enabled: false })
      const used = [...JSON.stringify(p.webhook).matchAll(/\{([A-Z_]+)\}/g)].map((m) => m[1])
      assert.deepEqual([...new Set(used)].sort(), p.parameters.map((x: any) => x.name).sort(), p.id)
      sent[p.id] = await s.api('POST', `/outgoing-webhooks/${hook.id}/preview`, { event_type: p.webhook.event_types[0], call_id: log.id })
      if (sent[p.id].body) sent[p.id].json = JSON.parse(sent[p.id].body)
      assert.doesNotMatch(sent[p.id].url + (sent[p.id].body ?? ''), /\[[A-Z]|\{[A-Z]/, p.id)
    }
    const [meta] = sent.meta_conversions.json.data
    assert.deepEqual([meta.event_time, meta.user_data, meta.custom_data], [Math.floor(Date.parse(log.started_at) / 1000), { ph: [createHash('sha256').update('15125570042').digest('hex')], fbc: 'fb.1.2.three' }, { value: Number(log.revenue), currency: 'my-currency' }], 'a name that ends in _NUMERIC is a number')
    assert.equal(sent.meta_conversions.url, 'https://graph.facebook.com/v21.0/my-pixel-id/events')
    assert.equal(sent.tiktok_events.json.data[0].user.ttclid, null, 'a tag with no value')
    assert.equal(sent.voluum.method, 'GET')
    assert.equal(new URL(sent.voluum.url).searchParams.get('cid'), 'a click&1')
    assert.equal(sent.amplitude.json.events[0].time, Date.parse(log.started_at))
    assert.match(sent.slack.json.text, /^Voicemail from \(512\) 557-0042 \(.+\) for /)
  })

  test('values of sensitive tags go only where they are allowed, and are kept nowhere else', async () => {
    const receiver = await Receiver.start()
    const from = caller()
    const ssn = await s.api('POST', '/custom-tags', { name: 'ssn', sensitive: true })
    await s.api('POST', '/custom-tags', { name: 'dob', sensitive: true })
    await fetch(crm.url, { method: 'POST', body: JSON.stringify({ caller_id: from, ssn: '078-05-1120', dob: '1970-01-02' }) })
    const at = (path: string, fields: object) => outgoing(path, `${receiver.url}/${path}`, { event_types: ['call.completed'], filter: filter(from), ...fields })
    const made = [await at('masked', {}), await at('whole', { sensitive_tag_ids: [ssn.id] }), await at('template', { sensitive_tag_ids: [ssn.id], query: { s: '[ssn]' }, headers: { 'X-Ssn': '[ssn]' }, body_template: '{"ssn":"[ssn]","dob":"[dob]"}' })]
    await call(from)
    await until('all', () => receiver.requests.length >= 3)
    const got = (path: string) => receiver.requests.find((r) => r.path.startsWith(`/${path}`))!
    assert.deepEqual(JSON.parse(got('masked').body).data.call.tags, { dob: '********', ssn: '********', state: 'TX' })
    assert.deepEqual(JSON.parse(got('whole').body).data.call.tags, { dob: '********', ssn: '078-05-1120', state: 'TX' })
    new Webhook(made[1].secret).verify(got('whole').body, got('whole').headers as Record<string, string>)
    assert.deepEqual([got('template').path, got('template').headers['x-ssn'], JSON.parse(got('template').body)], ['/template?s=078-05-1120', '078-05-1120', { ssn: '078-05-1120', dob: '********' }])
    for (const w of made) {
      const [d] = await until('its try', async () => { const l = await requests(w.id, '&status=delivered'); return l.length && l })
      const kept = JSON.stringify(await s.api('GET', `/outgoing-webhook-requests/${d.id}`))
      assert.ok(!kept.includes('078-05-1120'), kept)
    }
    const { key: manager } = await s.api('POST', '/api-keys', { name: 'manager', role: 'manager' })
    const refused = await s.raw('PATCH', `/api/v1/outgoing-webhooks/${made[1].id}`, { url: 'https://example.com/' }, {}, manager)
    assert.equal(((await refused.json()) as any).errors[0].pointer, '/sensitive_tag_ids')
    assert.equal((await s.raw('PATCH', `/api/v1/outgoing-webhooks/${made[0].id}`, { sensitive_tag_ids: [ssn.id] }, {}, manager)).status, 422)
    assert.equal((await s.raw('PATCH', `/api/v1/outgoing-webhooks/${made[0].id}`, { name: 'mask' }, {}, manager)).status, 200)
    for (const w of made) await off(w.id)
    receiver.stop()
  })

  test('only the campaigns that are named', async () => {
    const receiver = await Receiver.start()
    const from = caller()
    const elsewhere = await s.api('POST', '/campaigns', { name: 'Elsewhere' })
    const [mine, theirs] = [await outgoing('mine', `${receiver.url}/mine`, { event_types: ['call.completed'], filter: filter(from), campaign_ids: [campaign.id] }), await outgoing('theirs', `${receiver.url}/theirs`, { event_types: ['call.completed'], filter: filter(from), campaign_ids: [elsewhere.id] })]
    await call(from)
    await until('mine', () => receiver.requests.length >= 1)
    assert.deepEqual([await requests(mine.id), await requests(theirs.id)].map((l) => l.length), [1, 0])
    for (const w of [mine, theirs]) await off(w.id)
    receiver.stop()
  })

  test('in strict order an event waits for the earlier ones of its call, and for no other call\'s', async () => {
    const failing = caller(), well = caller()
    let refused = 0
    const receiver = await Receiver.start((r) => (r.body.includes(failing) && JSON.parse(r.body).type === 'call.started' && refused++ < 2 ? { status: 500 } : {}))
    const out = await outgoing('ordered', receiver.url, { ordered: true, filter: { match: 'any', rules: [...filter(failing).rules, ...filter(well).rules] } })
    await Promise.all([call(failing), call(well)])
    const taken = (from: string) => receiver.requests.map((r) => JSON.parse(r.body)).filter((e) => e.data.call.caller_id === from)
    await until('the last of both', () => [failing, well].every((from) => taken(from).some((e) => e.type === 'call.completed')))
    const order = taken(failing).map((e) => e.sequence)
    assert.deepEqual(order, [1, 1, ...order.slice(2).map((_, i) => i + 1)])
    assert.deepEqual(taken(well).map((e) => e.sequence), taken(well).map((_, i) => i + 1))
    await off(out.id)
    receiver.stop()
  })

  test('a rate is kept, and 429 with Retry-After holds all that is for that receiver', async () => {
    const receiver = await Receiver.start()
    const out = await outgoing('slow', receiver.url, { rate_per_second: 5, event_types: ['call.milestone'] })
    for (let i = 0; i < 6; i++) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, { event_type: 'call.milestone' })
    await until('six', () => receiver.requests.length >= 6)
    const at = receiver.requests.map((r) => r.at)
    assert.ok(at[5] - at[0] >= 900, `${at.map((x) => x - at[0])}`) // one at once, then one each 200 ms
    await off(out.id)
    const busy = await Receiver.start((_, n) => (n === 1 ? { status: 429, headers: { 'retry-after': '2' } } : {}))
    const paused = await outgoing('busy', busy.url, { event_types: ['call.milestone'], concurrency: 1 })
    for (let i = 0; i < 3; i++) await s.api('POST', `/outgoing-webhooks/${paused.id}/test`, {})
    await until('all', () => busy.requests.length >= 4)
    assert.ok(busy.requests[1].at - busy.requests[0].at >= 1900, 'the second waited, too')
    await off(paused.id)
    for (const r of [receiver, busy]) r.stop()
  })

  test('a rotated secret signs beside the new one while they overlap', async () => {
    const receiver = await Receiver.start()
    const out = await outgoing('rotated', receiver.url, { event_types: ['call.completed'] })
    const send = async (n: number) => {
      await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
      await until('the test', () => receiver.requests.length >= n)
      return receiver.requests[n - 1]
    }
    const rotated = await s.api('POST', `/outgoing-webhooks/${out.id}/rotate-secret`, { overlap_seconds: 3600 })
    assert.match(rotated.secret, /^whsec_/)
    assert.ok(Date.parse(rotated.previous_secret_expires_at) > Date.now() + 3500e3)
    const both = await send(1)
    assert.equal(String(both.headers['webhook-signature']).split(' ').length, 2)
    for (const secret of [out.secret, rotated.secret]) new Webhook(secret).verify(both.body, both.headers as Record<string, string>)
    const again = await s.api('POST', `/outgoing-webhooks/${out.id}/rotate-secret`, { overlap_seconds: 0 })
    const one = await send(2)
    new Webhook(again.secret).verify(one.body, one.headers as Record<string, string>)
    assert.throws(() => new Webhook(rotated.secret).verify(one.body, one.headers as Record<string, string>))
    const shown = await s.api('GET', `/outgoing-webhooks/${out.id}`)
    assert.deepEqual([shown.secret, shown.previous_secret], ['********', '********'])
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/rotate-secret`, {}, {}, other)).status, 404)
    await off(out.id)
    receiver.stop()
  })

  test('a receiver that only fails, or is gone, is disabled, and that is told; enabled again it has its time anew', async () => {
    const watch = await Receiver.start()
    const watcher = await outgoing('watcher', watch.url, { event_types: ['webhook.disabled'] })
    const gone = await Receiver.start(() => ({ status: 410 }))
    const failing = await Receiver.start(() => ({ status: 500 }))
    const [a, b] = [await outgoing('gone', gone.url, { event_types: ['call.failed'] }), await outgoing('failing', failing.url, { event_types: ['call.failed'] })]
    const told = (id: string) => watch.requests.map((r) => JSON.parse(r.body)).filter((e) => e.data.outgoing_webhook.id === id)
    await s.api('POST', `/outgoing-webhooks/${a.id}/test`, {})
    await until('the first', () => told(a.id).length)
    assert.match(told(a.id)[0].data.reason, /410/)
    await until('it is disabled', async () => !(await s.api('GET', `/outgoing-webhooks/${a.id}`)).enabled)
    // by the configuration that the deliveries have, too, which is read anew after the change is stored
    await until('no test any more', async () => (await s.raw('POST', `/api/v1/outgoing-webhooks/${a.id}/test`, {})).status === 409)
    await until('the second', async () => {
      if (!told(b.id).length) await s.raw('POST', `/api/v1/outgoing-webhooks/${b.id}/test`, {})
      await sleep(300)
      return told(b.id).length
    })
    assert.match(told(b.id)[0].data.reason, /no delivery was taken for \d+ seconds/)
    assert.ok(failing.requests.length >= 2)
    assert.ok((await s.api('GET', '/audit-log')).data.some((x: any) => x.action === 'disable' && x.resource_id === b.id))
    // by the configuration, which is read anew after the change is stored
    const health = await until('its reason', async () => {
      const h = await s.api('GET', `/outgoing-webhooks/${b.id}/health`)
      return h.disabled_at && h
    })
    assert.match(health.reason, /no delivery was taken/)
    assert.ok(health.backlog > 0 && health.success_rate === 0)
    await until('the snapshot', async () => (await s.raw('POST', `/api/v1/outgoing-webhooks/${b.id}/test`, {})).status === 409)
    const before = failing.requests.length
    await s.api('PATCH', `/outgoing-webhooks/${b.id}`, { enabled: true })
    await until('it is tried again', () => failing.requests.length > before)
    assert.equal((await s.api('GET', `/outgoing-webhooks/${b.id}`)).enabled, true)
    assert.equal(told(b.id).length, 1)
    await off(b.id)
    await off(watcher.id)
    for (const r of [watch, gone, failing]) r.stop()
  })

  test('a try that was on its way when its webhook was disabled leaves the reason as it is', async () => {
    let first = true
    const receiver = await Receiver.start(() => {
      const slow = first
      first = false
      return slow ? { status: 500, delay_ms: 1000 } : { status: 410 }
    })
    const out = await outgoing('late', receiver.url, { event_types: ['call.failed'], concurrency: 2 })
    for (let i = 0; i < 2; i++) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
    const health = () => s.api('GET', `/outgoing-webhooks/${out.id}/health`)
    await until('it is disabled', async () => (await health()).disabled_at)
    await until('the slow answer', async () => {
      const all = await requests(out.id)
      return all.length === 2 && all.every((r) => r.attempt_count > 0)
    })
    assert.match((await health()).reason, /410/)
    assert.ok((await health()).disabled_at)
    receiver.stop()
  })

  test('what failed is sent again by what it is, and never another organization\'s', async () => {
    let well = false
    const receiver = await Receiver.start(() => ({ status: well ? 200 : 400 }))
    const since = new Date(Date.now() - 1000).toISOString()
    const out = await outgoing('again', receiver.url, { event_types: ['call.failed'] })
    for (const event_type of ['call.started', 'call.completed', 'flow.custom']) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, { event_type })
    await until('dead letters', async () => (await requests(out.id, '&status=dead')).length === 3)
    well = true
    if (!(await s.api('GET', `/outgoing-webhooks/${out.id}`)).enabled) await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: true })
    const again = async (body: object, key = s.key) => (await s.api('POST', '/outgoing-webhook-requests/redeliver', body, key)).redelivered
    assert.equal(await again({ since, outgoing_webhook_id: out.id }, other), 0)
    assert.equal(await again({ since, outgoing_webhook_id: out.id, event_type: 'flow.custom' }), 1)
    await until('that one', async () => (await requests(out.id, '&status=delivered')).length === 1)
    assert.equal(await again({ since, until: since, outgoing_webhook_id: out.id }), 0)
    assert.equal((await s.api('POST', `/outgoing-webhooks/${out.id}/redeliver`, { since })).redelivered, 2)
    await until('all', async () => (await requests(out.id, '&status=delivered')).length === 3)
    assert.equal(await again({ since, outgoing_webhook_id: out.id, status: 'delivered' }), 3)
    await until('them once more', async () => (await requests(out.id, '&status=delivered')).length === 3)
    const health = await s.api('GET', `/outgoing-webhooks/${out.id}/health`)
    assert.deepEqual([health.backlog, health.last_24_hours, health.success_rate, health.failing_since, health.reason], [0, { pending: 0, failed: 0, delivered: 3, dead: 0 }, 1, null, null])
    assert.ok(health.latency_ms.p50 > 0 && health.latency_ms.p50 <= health.latency_ms.p99)
    assert.equal((await s.raw('GET', `/api/v1/outgoing-webhooks/${out.id}/health`, undefined, {}, other)).status, 404)
    const metrics = await (await fetch(`${s.url}/metrics`)).text()
    const metric = (name: string, labels = '') => Number(new RegExp(`^strowger_webhook_${name}\\{webhook="${out.id}"${labels}\\} (.*)$`, 'm').exec(metrics)?.[1])
    assert.deepEqual([metric('tries_total', ',result="delivered"'), metric('tries_total', ',result="dead"')], [6, 3])
    assert.equal(metric('answer_seconds_count'), metric('answer_seconds_bucket', ',le="\\+Inf"'))
    assert.ok(metric('answer_seconds_sum') > 0 && metric('answer_seconds_bucket', ',le="0.025"') <= metric('answer_seconds_count'))
    for (const bad of [{}, { since: 'yesterday' }, { since, status: 'sent' }, { since, call_id: 7 }]) assert.equal((await s.raw('POST', '/api/v1/outgoing-webhook-requests/redeliver', bad)).status, 422)
    await off(out.id)
    receiver.stop()
  })

  test('requests are found by a text of event, request, answer or error', async () => {
    const receiver = await Receiver.start((r) => (r.path.includes('odd') ? { status: 400, body: 'Unknown Partner 50%_off "x"' } : {}))
    const from = caller()
    const fields = { event_types: ['call.completed'], filter: filter(from) }
    const even = await outgoing('even', `${receiver.url}/even`, fields), odd = await outgoing('odd', `${receiver.url}/odd`, { ...fields, query: { click: 'c-[CALLER_ID]' } })
    const log = await call(from)
    const found = async (query: string, webhook?: string) => (await s.api('GET', `/outgoing-webhook-requests?${new URLSearchParams(`search=${encodeURIComponent(query)}`)}${webhook ? `&outgoing_webhook_id=${webhook}` : ''}`)).data.map((d: any) => d.outgoing_webhook_id)
    await until('both', async () => (await found(from)).length === 2 && (await found('partner')).length)
    assert.deepEqual((await found(from)).sort(), [even.id, odd.id].sort())
    assert.deepEqual(await found(from, even.id), [even.id])
    assert.deepEqual(await found('unknown PARTNER'), [odd.id])
    assert.deepEqual(await found('50%_off "x"'), [odd.id])
    assert.deepEqual(await found('50x_off'), [])
    assert.deepEqual(await found('ner%50'), [])
    assert.deepEqual(await found(`c-%2B${from.slice(1)}`), [odd.id])
    const of = async (query: string, key = s.key) => (await s.api('GET', `/outgoing-webhook-requests?${query}`, undefined, key)).data.length
    assert.equal(await of(`search=partner&call_id=${log.id}`), 1)
    assert.equal(await of('search=partner&call_id=call_01ARZ3NDEKTSV4RRFFQ69G5FAV'), 0)
    assert.equal(await of(`call_id=${log.id}&event_type=call.started`), 0)
    assert.equal(await of(`call_id=${log.id}&event_type=call.completed`), 2)
    assert.equal(await of(`call_id=${log.id}&to=2026-01-01T00:00:00Z`), 0)
    assert.equal(await of(`search=partner&from=${new Date(Date.now() + 60000).toISOString()}`), 0)
    assert.equal(await of('search=partner', other), 0)
    assert.equal((await s.raw('GET', '/api/v1/outgoing-webhook-requests?from=yesterday')).status, 400)
    for (const w of [even, odd]) await off(w.id)
    receiver.stop()
  })

  test('how deliveries went is kept by the interval, over a restart', async () => {
    const receiver = await Receiver.start((r, n) => ({ status: n === 1 ? 503 : 200, delay_ms: n === 1 ? 0 : 60 }))
    const out = await outgoing('counted', receiver.url, { event_types: ['call.failed'] })
    for (let i = 0; i < 4; i++) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
    await until('all', async () => (await requests(out.id, '&status=delivered')).length === 4)
    await s.kill('SIGTERM')
    await s.serve()
    const statistics = async (query = '') => (await s.api('GET', `/outgoing-webhooks/${out.id}/statistics${query}`)).data
    const points = await statistics('?interval=86400')
    const sum = (key: string) => points.reduce((n: number, p: any) => n + p[key], 0)
    assert.deepEqual([sum('delivered'), sum('failed'), sum('dead')], [4, 1, 0])
    if (points.length === 1) {
      assert.equal(points[0].success_rate, 0.8)
      assert.ok(points[0].latency_ms.p50 > 50 && points[0].latency_ms.p50 <= points[0].latency_ms.p99, JSON.stringify(points[0]))
    }
    assert.equal((await statistics()).reduce((n: number, p: any) => n + p.delivered, 0), 4)
    assert.deepEqual(await statistics('?to=2026-01-02T00:00:00Z&from=2026-01-01T00:00:00Z'), [])
    for (const bad of ['?interval=7', '?interval=0', '?from=yesterday', '?interval=300&from=2020-01-01T00:00:00Z']) assert.equal((await s.raw('GET', `/api/v1/outgoing-webhooks/${out.id}/statistics${bad}`)).status, 400, bad)
    assert.equal((await s.raw('GET', `/api/v1/outgoing-webhooks/${out.id}/statistics`, undefined, {}, other)).status, 404)
    await off(out.id)
    receiver.stop()
  })

  test('many at once, some of which fail at first, are each taken once', async () => {
    const taken: string[] = []
    const refused = new Set<string>()
    const receiver = await Receiver.start((r, n) => {
      const id = String(r.headers['webhook-id'])
      if (n % 5 === 0 && !refused.has(id)) return refused.add(id), { status: 503, delay_ms: n % 40 }
      taken.push(id)
      return { delay_ms: n % 40 }
    })
    const out = await outgoing('once', receiver.url, { event_types: ['call.failed'], concurrency: 5 })
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 40 }, () => s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})))
    await until('all', async () => (await s.api('GET', `/outgoing-webhooks/${out.id}/health`)).backlog === 0, 60000)
    assert.deepEqual([taken.length, new Set(taken).size], [400, 400])
    assert.ok(refused.size > 20)
    await off(out.id)
    receiver.stop()
  })

  test('all of many that failed are tried again, though more become due than are read at once', async () => {
    let well = false
    const taken = new Set<string>()
    const receiver = await Receiver.start((r) => (well ? (taken.add(String(r.headers['webhook-id'])), { delay_ms: 20 }) : { status: 503 }))
    const patient = await Strowger.start(['--retry-schedule', '1,1,1,1,1,1,1,1,1'])
    const out = await patient.api('POST', '/outgoing-webhooks', { name: 'later', url: receiver.url, event_types: ['call.failed'], concurrency: 10 })
    for (let i = 0; i < 7; i++) await Promise.all(Array.from({ length: 60 }, () => patient.api('POST', `/outgoing-webhooks/${out.id}/test`, {})))
    await patient.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: false })
    await sleep(1300) // now all are due, and fail once more within a moment; then it takes them, more slowly than they become due
    const before = receiver.requests.length
    await patient.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: true })
    await until('all have failed again', () => receiver.requests.length >= before + 420)
    well = true
    await until('all', () => taken.size === 420, 20000)
    receiver.stop()
    await patient.stop()
  })

  test('a batch is sent when it is full or its first event has waited, signed as one; a try shows its own part', async () => {
    let well = true
    const receiver = await Receiver.start(() => ({ status: well ? 200 : 503 }))
    const from = caller()
    const log = await call(from)
    const out = await outgoing('batch', receiver.url, { event_types: ['tag.*'], filter: filter(from), batch: { max_events: 4, max_seconds: 2 }, headers: { 'X-Kind': 'many' } })
    const set = (state: string) => s.api('PATCH', `/calls/${log.id}/tags`, { state })
    const values = (n: number) => JSON.parse(receiver.requests[n].body).map((e: any) => e.data.tag.value)
    for (const state of ['a', 'b', 'c', 'd', 'e']) await set(state)
    await until('the full batch', () => receiver.requests.length === 1)
    const began = Date.now()
    assert.deepEqual(values(0), ['a', 'b', 'c', 'd'])
    await until('the rest', () => receiver.requests.length === 2)
    assert.deepEqual(values(1), ['e'])
    assert.ok(Date.now() - began > 1000, 'it waited for more')
    const { headers, body } = receiver.requests[0]
    assert.match(String(headers['webhook-id']), /^bat_/)
    assert.notEqual(headers['webhook-id'], receiver.requests[1].headers['webhook-id'])
    assert.equal(headers['x-kind'], 'many')
    new Webhook(out.secret).verify(body, headers as Record<string, string>)

    // What fails comes again, each event with a try of its own.
    well = false
    for (const state of ['f', 'g', 'h', 'i']) await set(state)
    await until('a refusal', () => receiver.requests.length > 2)
    well = true
    await until('all', async () => (await requests(out.id, '&status=delivered')).length === 9)
    const taken = receiver.requests.at(-1)!
    assert.deepEqual(JSON.parse(taken.body).map((e: any) => e.data.tag.value), ['f', 'g', 'h', 'i'])
    const one = await s.api('GET', `/outgoing-webhook-requests/${(await requests(out.id))[0].id}`)
    assert.deepEqual([one.attempts.length, one.attempts[0].response.status, one.attempts[1].response.status], [2, 503, 200])
    assert.deepEqual(one.attempts[1].request.batch, { id: taken.headers['webhook-id'], events: 4 })
    assert.equal(JSON.parse(one.attempts[1].request.body).data.tag.value, 'i')

    // A test does not wait, and a template makes each element.
    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { body_template: '{"call":"[CALL_ID]"}', batch: { max_events: 3, max_seconds: 300 } })
    const at = receiver.requests.length
    for (let i = 0; i < 3; i++) await set(`t${i}`)
    await until('the templates', () => receiver.requests.length === at + 1)
    assert.deepEqual(JSON.parse(receiver.requests[at].body), [{ call: log.id }, { call: log.id }, { call: log.id }])
    await until('their tries', async () => (await requests(out.id, '&status=delivered')).length === 12)
    assert.equal((await s.api('GET', `/outgoing-webhook-requests/${(await requests(out.id))[0].id}`)).attempts[0].request.body, `{"call":"${log.id}"}`)
    await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
    await until('the test', () => receiver.requests.length === at + 2)
    assert.deepEqual(JSON.parse((await s.api('POST', `/outgoing-webhooks/${out.id}/preview`, { call_id: log.id })).body), [{ call: log.id }])
    await off(out.id)
    receiver.stop()
  })

  test('a receiver that has not answered yet is sent more, as many at once as it takes', async () => {
    let open = () => {}
    const gate = new Promise<void>((done) => (open = done))
    const receiver = await Receiver.start(() => gate.then(() => ({})))
    const out = await outgoing('unanswered', receiver.url, { event_types: ['call.failed'], concurrency: 3 })
    for (let i = 0; i < 5; i++) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
    await until('three', () => receiver.requests.length === 3)
    await sleep(300)
    assert.equal(receiver.requests.length, 3)
    open()
    await until('the rest', () => receiver.requests.length === 5)
    await off(out.id)
    receiver.stop()
  })

  test('one receiver of a hundred that hangs delays none of the others', async () => {
    let answered = 0
    const from = caller()
    const receiver = await Receiver.start((r) => (r.path === '/7' ? { delay_ms: 60000 } : (answered++, {})))
    const made = await Promise.all(Array.from({ length: 100 }, (_, i) => outgoing(`many ${i}`, `${receiver.url}/${i}`, { event_types: ['call.completed', 'call.started'], filter: filter(from), concurrency: 1 })))
    await call(from)
    await until('the others', () => answered >= 198)
    assert.equal((await requests(made[7].id, '&status=delivered')).length, 0)
    assert.equal(receiver.requests.filter((r) => r.path === '/7').length, 1)
    await Promise.all(made.map((w) => off(w.id)))
    receiver.stop()
  })

  test('what was acknowledged is delivered, however often the process is killed', async () => {
    const seen = new Map<number, string>() // by sequence: the value
    const refused = new Set<string>() // once each
    const receiver = await Receiver.start((r, n) => {
      const e = JSON.parse(r.body)
      if (n % 5 === 0 && !refused.has(e.id)) return refused.add(e.id), { status: 503 }
      seen.set(e.sequence, e.data.tag.value)
      return {}
    })
    const from = caller()
    const log = await call(from)
    const out = await outgoing('killed', receiver.url, { event_types: ['tag.*'], filter: filter(from) })
    const acknowledged: string[] = []
    const rounds = Number(process.env.STROWGER_KILL_ROUNDS ?? 10)
    for (let round = 0; round < rounds; round++) {
      let stop = false
      const senders = Array.from({ length: 4 }, async (_, i) => {
        for (let n = 0; !stop; n++) {
          const state = `r${round}s${i}n${n}`
          try {
            const r = await fetch(crm.url, { method: 'POST', body: JSON.stringify({ call_id: log.id, state }) })
            const body = (await r.json()) as any
            if (r.status === 200 && body.tags.state === state) acknowledged.push(state)
          } catch {
            return
          }
        }
      })
      await until('some of them', () => acknowledged.length >= 4 * (round + 1))
      await sleep(Math.random() * 400)
      await s.kill('SIGKILL')
      stop = true
      await Promise.all(senders)
      await s.serve()
    }
    await until('the backlog is gone', async () => (await s.api('GET', `/outgoing-webhooks/${out.id}/health`)).backlog === 0, 60000)
    assert.deepEqual(await requests(out.id, '&status=dead'), [])
    const values = new Set(seen.values())
    assert.ok(acknowledged.length > rounds * 3, `${acknowledged.length} were acknowledged`)
    assert.deepEqual(acknowledged.filter((v) => !values.has(v)), [])
    const numbers = [...seen.keys()].sort((a, b) => a - b)
    assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i), 'none is missing between, and none was told under two numbers')
    await off(out.id)
    receiver.stop()
  })

  test('wrong settings are told where they are wrong', async () => {
    const wrong = async (fields: object) => {
      const r = await s.raw('POST', '/api/v1/outgoing-webhooks', { name: 'wrong', url: 'https://example.com/', event_types: ['*'], ...fields })
      assert.equal(r.status, 422)
      return ((await r.json()) as any).errors[0].pointer
    }
    assert.equal(await wrong({ event_types: ['call.finished'] }), '/event_types/0')
    assert.equal(await wrong({ authentication: { username: 'x' } }), '/authentication/password')
    assert.equal(await wrong({ authentication: { username: 'x', password: 'y', bearer_token: 'z' } }), '/authentication/bearer_token')
    assert.equal(await wrong({ method: 'GET', body_template: '{}' }), '/body_template')
    assert.equal(await wrong({ rate_per_second: 0 }), '/rate_per_second')
    assert.equal(await wrong({ body_template: '{"a":1,\n"call":[CALL_ID]"}' }), '/body_template')
    assert.equal(await wrong({ event_types: ['webhook.disabled'], body_template: '{"call":"[CALL_ID]"' }), '/body_template')
    const draft = await outgoing('draft', 'https://example.com/', { enabled: false, body_template: '{"call":' }) // it can be saved, and not be enabled
    const refused = await s.raw('PATCH', `/api/v1/outgoing-webhooks/${draft.id}`, { enabled: true })
    assert.deepEqual([refused.status, ((await refused.json()) as any).errors[0].pointer], [422, '/body_template'])
    assert.equal((await s.api('PATCH', `/outgoing-webhooks/${draft.id}`, { enabled: true, body_template: '{"call":"[CALL_ID]","revenue":[REVENUE],"none":[STATE]}' })).enabled, true)
    await off(draft.id)
    const batch = { max_events: 10, max_seconds: 5 }
    assert.equal(await wrong({ batch: { max_events: 1, max_seconds: 5 } }), '/batch/max_events')
    assert.equal(await wrong({ batch, method: 'GET' }), '/batch')
    assert.equal(await wrong({ batch, body_template: 'id=[CALL_ID]' }), '/batch')
    assert.equal(await wrong({ batch, headers: { 'X-Call': '[CALL_ID]' } }), '/headers/X-Call')
    assert.equal(await wrong({ batch, query: { id: '[CALL_ID]' } }), '/query/id')
    assert.equal(await wrong({ campaign_ids: ['cmp_01ARZ3NDEKTSV4RRFFQ69G5FAV'] }), '/campaign_ids/0')
    const out = await outgoing('right', 'https://example.com/', { enabled: false })
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/test`, {}, {}, other)).status, 404)
    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: true, url: 'http://127.0.0.1:9/' })
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/test`, { event_type: 'call.finished' })).status, 422)
    await off(out.id)
  })
})

describe('destinations that are not public', () => {
  let s: Strowger
  let inside: Receiver
  before(async () => {
    inside = await Receiver.start()
    s = await Strowger.start(['--retry-schedule', '0.1'], undefined, false)
  })
  after(async () => {
    inside.stop()
    await s.stop()
  })

  test('are refused in every spelling, at each try, and nothing is sent', async () => {
    const hosts = ['127.0.0.1', 'localhost', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '0.0.0.0', '10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.169.254', '[fe80::1]', '[fd00:ec2::254]', '100.64.0.1']
    const made = await Promise.all(hosts.map((host, i) => s.api('POST', '/outgoing-webhooks', { name: `h${i}`, url: `http://${host}:${inside.port}/`, event_types: ['call.failed'] })))
    for (const w of made) await s.api('POST', `/outgoing-webhooks/${w.id}/test`, {})
    const dead = await until('all dead', async () => {
      const l = (await s.api('GET', '/outgoing-webhook-requests?status=dead&limit=100')).data
      return l.length === hosts.length && l
    })
    for (const d of dead) {
      const { attempts } = await s.api('GET', `/outgoing-webhook-requests/${d.id}`)
      assert.equal(attempts.length, 2)
      for (const a of attempts) assert.match(a.error, /the address is private/, JSON.stringify(a.request.url))
    }
    assert.equal(inside.requests.length, 0)
  })
})
