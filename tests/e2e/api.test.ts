import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Sipp, Strowger, sippCall } from './harness.ts'

describe('HTTP API', () => {
  let s: Strowger
  let other: string
  before(async () => {
    s = await Strowger.start()
    other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'other@example.com', ...s.databaseFlag()])).api_key
    await s.kill('SIGTERM')
    await s.serve()
  })
  after(() => s.stop())

  test('a document is made, read, changed and deleted, and a lost update is refused', async () => {
    const made = await s.raw('POST', '/api/v1/campaigns', { name: 'One' })
    assert.equal(made.status, 201)
    const c = (await made.json()) as any
    assert.match(made.headers.get('location')!, new RegExp(c.id))
    const etag = made.headers.get('etag')!
    const changed = await s.raw('PATCH', `/api/v1/campaigns/${c.id}`, { payout: '5.00' }, { 'if-match': etag })
    assert.equal(changed.status, 200)
    assert.notEqual(changed.headers.get('etag'), etag)
    assert.equal((await s.raw('PATCH', `/api/v1/campaigns/${c.id}`, { payout: '6.00' }, { 'if-match': etag })).status, 412)
    assert.equal((await s.api('GET', `/campaigns/${c.id}`)).payout, '5.00')
    assert.equal((await s.raw('DELETE', `/api/v1/campaigns/${c.id}`)).status, 204)
    assert.equal((await s.raw('GET', `/api/v1/campaigns/${c.id}`)).status, 404)
  })

  test('a campaign is cloned, without its numbers, with the webhooks that name it', async () => {
    const tag = await s.api('POST', '/custom-tags', { name: 'leads', type: 'number' })
    assert.deepEqual(await s.raw('POST', '/api/v1/campaigns', { name: 'x', tag_defaults: [{ tag_id: tag.id, value: 'many' }] }).then(async (r) => [r.status, ((await r.json()) as any).errors[0].pointer]), [422, '/tag_defaults/0/value'])
    const c = await s.api('POST', '/campaigns', { name: 'Original', payout: '5.00', tag_defaults: [{ tag_id: tag.id, value: '7' }] })
    const [named, all] = [await s.api('POST', '/outgoing-webhooks', { name: 'named', url: 'https://example.com', event_types: ['*'], campaign_ids: [c.id] }), await s.api('POST', '/outgoing-webhooks', { name: 'all', url: 'https://example.com', event_types: ['*'] })]
    const copy = await s.api('POST', `/campaigns/${c.id}/clone`, { name: 'Copy' }), alone = await s.api('POST', `/campaigns/${c.id}/clone`, { name: 'Alone', webhooks: false })
    assert.deepEqual([copy.payout, copy.tag_defaults, copy.name, alone.name], ['5.00', c.tag_defaults, 'Copy', 'Alone'])
    assert.deepEqual([(await s.api('GET', `/outgoing-webhooks/${named.id}`)).campaign_ids, (await s.api('GET', `/outgoing-webhooks/${all.id}`)).campaign_ids], [[c.id, copy.id], []])
    assert.equal((await s.raw('POST', `/api/v1/campaigns/${c.id}/clone`, { name: 'Copy' })).status, 409)
    assert.equal((await s.raw('POST', `/api/v1/campaigns/${c.id}/clone`, {})).status, 422)
    assert.equal((await s.raw('POST', `/api/v1/campaigns/${c.id}/clone`, { name: 'Theirs' }, {}, other)).status, 404)
    assert.ok(!(await s.api('GET', '/campaigns', undefined, other)).data.length)
    for (const w of [named, all]) await s.api('DELETE', `/outgoing-webhooks/${w.id}`)
  })

  test('errors point at the field, and names are taken once', async () => {
    const bad = await s.raw('POST', '/api/v1/campaigns', { name: '', execution_mode: 'x', nope: 1, routing_plan_id: 'pln_0' })
    assert.equal(bad.status, 422)
    assert.equal(bad.headers.get('content-type'), 'application/problem+json')
    const pointers = ((await bad.json()) as any).errors.map((e: any) => e.pointer).sort()
    assert.deepEqual(pointers, ['/execution_mode', '/name', '/nope', '/routing_plan_id'])
    await s.api('POST', '/buyers', { name: 'Ann' })
    const twice = await s.raw('POST', '/api/v1/buyers', { name: 'Ann' })
    const taken = (await twice.json()) as any
    assert.deepEqual([twice.status, taken.status, taken.errors[0].pointer], [409, 409, '/name'])
    assert.equal((await s.raw('POST', '/api/v1/buyers', '{')).status, 400)
    assert.equal((await s.raw('PUT', '/api/v1/buyers', {})).status, 405)
    assert.equal((await s.raw('GET', '/api/v1/nothing')).status, 404)
    assert.equal((await s.raw('GET', '/api/v1/buyers', undefined, {}, '')).status, 401)
    assert.equal((await s.raw('GET', '/api/v1/buyers', undefined, {}, 'sk_wrong')).status, 401)
  })

  test('lists are paged by cursor', async () => {
    for (let i = 0; i < 7; i++) await s.api('POST', '/publishers', { name: `P${i}` })
    const first = await s.api('GET', '/publishers?limit=5')
    const second = await s.api('GET', `/publishers?limit=5&cursor=${first.next_cursor}`)
    assert.deepEqual([...first.data, ...second.data].map((p: any) => p.name), ['P6', 'P5', 'P4', 'P3', 'P2', 'P1', 'P0'])
    assert.equal(second.next_cursor, null)
  })

  test('numbers are read as those of the organization\'s region', async () => {
    const target = async (number: string) => {
      const trunk = (await s.api('GET', '/trunks')).data[0] ?? (await s.api('POST', '/trunks', { name: 'region' }))
      return (await s.api('POST', '/targets', { name: `Region ${number}`, destination: { type: 'number', number, trunk_id: trunk.id } })).destination.number
    }
    assert.equal(await target('(512) 555-0142'), '+15125550142')
    await s.api('PATCH', '/organization', { region: 'GB' })
    assert.equal(await target('020 7946 0018'), '+442079460018')
    await s.api('PATCH', '/organization', { region: 'US' })
  })

  test('an Idempotency-Key makes a repeated POST one', async () => {
    const send = (name: string) => s.raw('POST', '/api/v1/buyers', { name }, { 'idempotency-key': 'k1' })
    const a = (await (await send('Bob')).json()) as any
    const b = (await (await send('Bob')).json()) as any
    assert.equal(a.id, b.id)
    assert.equal((await send('Carl')).status, 409)
  })

  test('what is used is not deleted', async () => {
    const plan = await s.api('POST', '/routing-plans', { name: 'used' })
    await s.api('POST', '/campaigns', { name: 'uses it', routing_plan_id: plan.id })
    const r = await s.raw('DELETE', `/api/v1/routing-plans/${plan.id}`)
    assert.equal(r.status, 409)
    assert.match(JSON.stringify(await r.json()), /uses it/)
  })

  test('secrets do not come back, and a masked one that is sent back stays', async () => {
    const t = await s.api('POST', '/trunks', { name: 'secret', inbound: { username: 'u', password: 'very secret' } })
    assert.equal(t.inbound.password, '********')
    await s.api('PATCH', `/trunks/${t.id}`, { name: 'secret 2', inbound: t.inbound })
    const key = await s.api('POST', '/api-keys', { name: 'k', role: 'analyst' })
    assert.match(key.key, /^sk_/)
    assert.equal((await s.api('GET', `/api-keys/${key.id}`)).key, '********')
    assert.equal((await s.raw('GET', '/api/v1/buyers', undefined, {}, key.key)).status, 200)
    assert.equal((await s.raw('POST', '/api/v1/buyers', { name: 'no' }, {}, key.key)).status, 403)
  })

  test('another organization sees and changes nothing', async () => {
    const flow = await s.flow('mine', [{ id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'h']])
    const c = await s.campaign('+18005550401', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const hook = await s.api('POST', '/outgoing-webhooks', { name: 'o', url: 'http://127.0.0.1:9/', event_types: ['*'] })
    await s.api('POST', '/incoming-webhooks', { name: 'i' })
    const prompt = await s.api('POST', '/prompts', { name: 'p', text: 'x' })
    await s.call('+18005550401')
    const call = await s.lastCall()
    const paths = ['call-flows', 'campaigns', 'numbers', 'trunks', 'targets', 'routing-plans', 'custom-tags', 'incoming-webhooks', 'outgoing-webhooks', 'prompts', 'calls', 'incoming-webhook-requests', 'outgoing-webhook-requests', 'publishers', 'buyers', 'lists']
    for (const p of paths) assert.deepEqual((await s.api('GET', `/${p}`, undefined, other)).data, [], p)
    const tries: [string, string, unknown?][] = [
      ['GET', `/call-flows/${flow.id}`], ['PATCH', `/call-flows/${flow.id}`, { name: 'x' }], ['DELETE', `/call-flows/${flow.id}`], ['POST', `/call-flows/${flow.id}/publish`, {}],
      ['POST', `/call-flows/${flow.id}/check`, {}], ['POST', `/call-flows/${flow.id}/simulate`, {}], ['POST', `/call-flows/${flow.id}/rollback`, { version: 1 }], ['GET', `/call-flows/${flow.id}/versions`], ['GET', `/call-flows/${flow.id}/versions/1`], ['GET', `/call-flows/${flow.id}/export`], ['GET', `/call-flows/${flow.id}/diff`], ['GET', `/call-flows/${flow.id}/stats`],
      ['GET', `/calls/${call.id}`], ['GET', `/calls/${call.id}/tags`], ['PATCH', `/calls/${call.id}/tags`, {}], ['GET', `/calls/${call.id}/events`], ['GET', `/calls/${call.id}/trace`], ['POST', `/calls/${call.id}/hangup`, {}],
      ['POST', `/outgoing-webhooks/${hook.id}/test`, {}], ['POST', `/outgoing-webhooks/${hook.id}/rotate-secret`, {}], ['POST', `/outgoing-webhooks/${hook.id}/redeliver`, { since: '2020-01-01' }],
      ['PUT', `/prompts/${prompt.id}/audio`, 'x'], ['GET', `/prompts/${prompt.id}/audio`], ['PATCH', `/campaigns/${c.id}`, { name: 'x' }],
    ]
    for (const [method, path, body] of tries) assert.equal((await s.raw(method, `/api/v1${path}`, body, {}, other)).status, 404, `${method} ${path}`)
    const theirs = await s.api('POST', '/call-flows', { name: 'theirs', draft: flow.draft }, other)
    assert.equal((await s.raw('POST', `/api/v1/call-flows/${theirs.id}/replay`, { call_id: call.id }, {}, other)).status, 422)
    const delivery = (await s.api('GET', '/outgoing-webhook-requests')).data[0]
    assert.equal((await s.raw('GET', `/api/v1/outgoing-webhook-requests/${delivery.id}`, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhook-requests/${delivery.id}/redeliver`, {}, {}, other)).status, 404)
    assert.equal((await s.raw('POST', '/api/v1/campaigns', { name: 'thief', call_flow_id: flow.id }, {}, other)).status, 422, 'a reference to another organization\'s flow')
  })

  test('a flow with errors is not published, versions are kept and rolled back', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'versions', draft: { nodes: [{ id: 's', type: 'start' }, { id: 'd', type: 'dial', config: { to: {} } }], edges: [{ from: 's', port: 'next', to: 'd' }] } })
    const bad = await s.raw('POST', `/api/v1/call-flows/${flow.id}/publish`, {})
    assert.equal(bad.status, 422)
    assert.ok(((await bad.json()) as any).problems.some((p: any) => p.code === 'dial_target' && p.node === 'd'))
    for (const cause of ['busy', 'reject']) {
      await s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: [{ id: 's', type: 'start' }, { id: 'h', type: 'hangup', config: { cause } }], edges: [{ from: 's', port: 'next', to: 'h' }] } })
      await s.api('POST', `/call-flows/${flow.id}/publish`, { note: cause })
    }
    assert.equal((await s.api('POST', `/call-flows/${flow.id}/rollback`, { version: 1 })).version, 3)
    const versions = (await s.api('GET', `/call-flows/${flow.id}/versions`)).data
    assert.deepEqual(versions.map((v: any) => v.version), [3, 2, 1])
    assert.equal((await s.api('GET', `/call-flows/${flow.id}/versions/3`)).document.nodes[1].config.cause, 'busy')
    assert.equal((await s.api('GET', `/call-flows/${flow.id}`)).published_version, 3)
    const exported = await s.api('GET', `/call-flows/${flow.id}/export`)
    const copy = await s.api('POST', '/call-flows/import', { ...exported, name: 'copy' })
    assert.deepEqual(copy.draft.nodes, exported.nodes)
  })

  test('the portal\'s session needs its CSRF token', async () => {
    const wrong = await s.raw('POST', '/api/v1/session', { email: 'owner@example.com', password: 'nope nope nope' }, {}, '')
    assert.equal(wrong.status, 401)
    const login = await s.raw('POST', '/api/v1/session', { email: 'owner@example.com', password: 'correct horse battery' }, {}, '')
    assert.equal(login.status, 200)
    const cookie = login.headers.get('set-cookie')!
    assert.match(cookie, /HttpOnly; SameSite=Strict/)
    const headers = { cookie: cookie.split(';')[0] }
    const { csrf_token } = (await login.json()) as any
    assert.equal((await s.raw('GET', '/api/v1/campaigns', undefined, headers, '')).status, 200)
    assert.equal((await s.raw('POST', '/api/v1/buyers', { name: 'csrf' }, headers, '')).status, 403)
    assert.equal((await s.raw('POST', '/api/v1/buyers', { name: 'csrf' }, { ...headers, 'x-csrf-token': csrf_token }, '')).status, 201)
    assert.equal((await s.raw('DELETE', '/api/v1/session', undefined, { ...headers, 'x-csrf-token': csrf_token }, '')).status, 204)
    assert.equal((await s.raw('GET', '/api/v1/campaigns', undefined, headers, '')).status, 401)
  })

  test('who is signed in is asked without a 401, except with credentials that are no session', async () => {
    const ask = async (headers: Record<string, string> = {}) => {
      const r = await s.raw('GET', '/api/v1/session', undefined, headers, '')
      return [r.status, ((await r.json()) as any).authenticated]
    }
    assert.deepEqual(await ask(), [200, false])
    assert.deepEqual(await ask({ cookie: 'strowger_session=gone' }), [200, false])
    assert.equal((await ask({ authorization: 'Bearer sk_wrong' }))[0], 401)
    assert.equal((await ask({ authorization: `Bearer ${s.key}` }))[0], 401, 'an API key is no session')
    assert.equal((await ask({ authorization: 'Basic b3duZXI6cGFzc3dvcmQ=' }))[0], 401)
    const login = await s.raw('POST', '/api/v1/session', { email: 'owner@example.com', password: 'correct horse battery' }, {}, '')
    const headers = { cookie: login.headers.get('set-cookie')!.split(';')[0] }
    const session = (await (await s.raw('GET', '/api/v1/session', undefined, headers, '')).json()) as any
    assert.deepEqual([session.authenticated, session.email, session.role], [true, 'owner@example.com', 'owner'])
    assert.equal(session.csrf_token, ((await login.json()) as any).csrf_token)
    await s.raw('DELETE', '/api/v1/session', undefined, headers, '')
    assert.deepEqual(await ask(headers), [200, false])
    assert.equal((await s.raw('GET', '/api/v1/campaigns', undefined, headers, '')).status, 401)
  })

  test('OpenAPI names every path, and its references lead somewhere', async () => {
    const doc = (await (await fetch(`${s.url}/api/v1/openapi.json`)).json()) as any
    assert.equal(doc.openapi, '3.1.0')
    for (const p of ['/api/v1/campaigns', '/api/v1/campaigns/{id}', '/api/v1/calls/{id}/trace', '/call-data']) assert.ok(doc.paths[p], p)
    const ids = Object.values(doc.paths).flatMap((p: any) => Object.values(p).map((o: any) => o.operationId))
    assert.equal(new Set(ids).size, ids.length, 'operation ids are unique')
    for (const [, name] of JSON.stringify(doc).matchAll(/#\/components\/schemas\/(\w+)/g)) assert.ok(doc.components.schemas[name], name)
  })

  test('call flows change no byte of what a routing-plan campaign does on the wire', async () => {
    const agent = await Sipp.answer('answer.xml')
    const plan = await s.plan('wire', [{ uri: agent.uri }])
    await s.campaign('+18005550402', { routing_plan_id: plan.id })
    // What differs between two calls by its nature: tags, ids, ports, times.
    const record = async () => {
      const log = `/tmp/strowger-wire-${process.pid}.log`
      const r = await sippCall('call.xml', s, '+18005550402', ['-trace_msg', '-message_file', log, '-p', '5988'])
      assert.equal(r.code, 0, r.out)
      const text = (await import('node:fs')).readFileSync(log, 'utf8')
      return text.split(/^-{10,}.*$/m).filter((m) => m.includes('received')).map((m) => m
        .replace(/UDP message received.*/g, '').replace(/tag=[^;\s>]+/g, 'tag=').replace(/branch=[^;\s]+/g, 'branch=').replace(/^Call-ID:.*$/gm, '').replace(/o=strowger \d+ \d+/g, 'o=')
        .replace(/m=audio \d+/g, 'm=audio').replace(/Content-Length: \d+/g, '').replace(/\d+ messages?/g, '').trim()).filter(Boolean)
    }
    const before = await record()
    assert.ok(before.some((m) => m.startsWith('SIP/2.0 200')), JSON.stringify(before))
    const flow = await s.flow('passing by', [{ id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'h']])
    assert.deepEqual(await record(), before)
    await s.api('DELETE', `/call-flows/${flow.id}`)
    assert.deepEqual(await record(), before)
    agent.stop()
  })
})
