import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Webhook } from 'standardwebhooks'
import { Receiver, Sipp, Strowger, until } from './harness.ts'

describe('webhooks', () => {
  let s: Strowger
  let agent: Sipp
  let hook: { id: string; url: string; key: string }
  const send = async (body: unknown, init: RequestInit = {}, url = hook.url) => {
    const r = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body), ...init })
    return { status: r.status, body: (await r.json()) as any }
  }
  before(async () => {
    s = await Strowger.start(['--retry-schedule', '0.2,0.4,0.8'])
    agent = await Sipp.answer('answer.xml')
    await s.api('POST', '/custom-tags', { name: 'state', sources: [{ kind: 'incoming_webhook', pointer: '/lead/address/st' }] })
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
    await s.api('POST', '/custom-tags', { name: 'ssn', sensitive: true })
    hook = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const plan = await s.plan('agent', [{ uri: agent.uri }])
    const flow = await s.flow('by state', [
      { id: 'is', type: 'condition', config: { branches: [{ port: 'tx', filter: { rules: [{ field: 'tag.state', op: 'equals', value: 'TX' }, { field: 'tag.score', op: 'greater_or_equal', value: 80 }] } }] } },
      { id: 'dial', type: 'dial', config: { to: { routing_plan_id: plan.id } } },
      { id: 'no', type: 'hangup', config: { cause: 'busy' } },
    ], [['start', 'next', 'is'], ['is', 'tx', 'dial'], ['is', 'else', 'no']])
    await s.campaign('+18005550201', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(async () => {
    agent.stop()
    await s.stop()
  })

  test('data that came before the call changes its path', async () => {
    assert.equal((await s.call('+18005550201', ['--from', '+15125550301'])).status, 486)
    const r = await send({ caller_id: '(512) 555-0301', lead: { address: { st: 'TX' } }, SCORE: '82', ssn: '078-05-1120', noise: 1 })
    assert.equal(r.status, 200)
    assert.equal(r.body.status, 'pending')
    assert.equal(r.body.call_id, null)
    assert.deepEqual(r.body.tags, { state: 'TX', score: 82, ssn: '********' })
    assert.deepEqual(r.body.unmatched, ['noise'])
    const call = await s.call('+18005550201', ['--from', '+15125550301', '--duration', '1'])
    assert.equal(call.status, 200)
    const log = await s.lastCall((c) => c.disposition === 'completed')
    assert.deepEqual(log.tags, { score: 82, ssn: '********', state: 'TX' })
    const request = await s.api('GET', `/incoming-webhook-requests/${r.body.request_id}`)
    assert.equal(request.status, 'matched')
    assert.equal(request.call_id, log.id)
    assert.equal(request.data ?? null, null, 'the body is not kept where a sensitive tag was filled from it')
    assert.equal((await s.call('+18005550201', ['--from', '+15125550301'])).status, 486, 'it was that call\'s, not the next one\'s')
  })

  test('data during a call joins it by caller, data after it by id', async () => {
    const flow = await s.flow('wait', [{ id: 'm', type: 'menu', config: { prompt: { text: 'Wait.', voice: 'kal' }, timeout_seconds: 10, tries: 1, options: [{ key: '1', port: 'on' }] } },
      { id: 'is', type: 'condition', config: { branches: [{ port: 'tx', filter: { rules: [{ field: 'tag.state', op: 'equals', value: 'OK' }] } }] } }, { id: 'yes', type: 'hangup', config: {} }],
    [['start', 'next', 'm'], ['m', 'on', 'is'], ['is', 'tx', 'yes']])
    await s.campaign('+18005550202', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const running = s.call('+18005550202', ['--from', '+15125550302', '--dtmf', 'wwwwwwww1'])
    const live = await until('the call', async () => (await s.api('GET', '/calls?status=active')).data[0])
    const r = await send({ caller_id: '1-512-555-0302', state: 'OK' })
    assert.equal(r.body.status, 'matched')
    assert.equal(r.body.call_id, live.id)
    await running
    // the trace's last steps are stored with the call's end, which its caller may see sooner
    await s.lastCall((c) => c.id === live.id)
    const trace = (await s.api('GET', `/calls/${live.id}/trace`)).data
    assert.ok(trace.some((e: any) => e.node === 'yes'), JSON.stringify(trace))
    const later = await send({ call_id: live.id, score: 7 })
    assert.equal(later.body.status, 'matched')
    assert.deepEqual((await s.api('GET', `/calls/${live.id}`)).tags, { score: 7, state: 'OK' })
    const types = (await s.api('GET', `/calls/${live.id}/events`)).data.map((e: any) => e.type)
    assert.equal(types.filter((t: string) => t === 'tag.set').length, 2)
    assert.ok((await s.api('GET', '/calls?tag.score_gte=7&tag.state=OK')).data.some((c: any) => c.id === live.id))
    assert.ok(!(await s.api('GET', '/calls?tag.score_gt=7')).data.some((c: any) => c.id === live.id))
  })

  test('forms, queries and plain curl are read', async () => {
    const form = await send('caller_id=5125550303&state=TX&score=1', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    assert.deepEqual(form.body.tags, { state: 'TX', score: 1 })
    const curl = await send('{"caller_id":"5125550303","score":2}', { headers: { 'content-type': 'application/x-www-form-urlencoded' } })
    assert.deepEqual(curl.body.tags, { score: 2 })
    const query = await send('', {}, `${hook.url}&caller_id=5125550303&score=3`)
    assert.deepEqual(query.body.tags, { score: 3 })
  })

  test('a repeat by unique_id is a no-op', async () => {
    const first = await send({ caller_id: '+15125550304', unique_id: 'u1', score: 1 })
    const second = await send({ caller_id: '+15125550304', unique_id: 'u1', score: 2 })
    assert.equal(second.body.status, 'duplicate')
    assert.equal(second.body.request_id, first.body.request_id)
    const both = await Promise.all(Array.from({ length: 8 }, () => send({ caller_id: '+15125550304', unique_id: 'u2' })))
    assert.equal(both.filter((r) => r.body.status === 'pending').length, 1)
    assert.equal(both.filter((r) => r.body.status === 'duplicate').length, 7)
  })

  test('wrong requests are told what is wrong', async () => {
    const base = `${s.url}/call-data`
    assert.equal((await send({}, {}, base)).status, 401)
    assert.equal((await send({}, {}, `${base}?key=iwk_wrong`)).status, 401)
    assert.equal((await send('{"caller_id":')).status, 400)
    assert.equal((await send('[1]')).status, 400)
    assert.equal((await send({ state: 'TX' })).status, 422)
    assert.equal((await send({ caller_id: 'nobody' })).status, 422)
    assert.equal((await send({ call_id: 'call_01ARZ3NDEKTSV4RRFFQ69G5FAV' })).status, 422)
    assert.equal((await send({ caller_id: '+15125550305', x: 'y'.repeat(300000) })).status, 413)
    assert.equal((await send({ caller_id: '+15125550305' }, {}, hook.url.replace('/call-data', '/update-tags'))).status, 403)
    const typed = await send({ caller_id: '+15125550305', score: 'many' })
    assert.equal(typed.status, 200)
    assert.match(typed.body.errors[0].detail, /not a number/)
  })

  test('a signed event is retried until it is taken, and every attempt can be read', async () => {
    const receiver = await Receiver.start((_, n) => ({ status: n <= 2 ? 500 : 200 }))
    const out = await s.api('POST', '/outgoing-webhooks', { name: 'BI', url: `${receiver.url}/hook`, event_types: ['call.completed'], filter: { rules: [{ field: 'call.caller_id', op: 'equals', value: '+15125550306' }] } })
    assert.match(out.secret, /^whsec_/)
    assert.equal((await s.api('GET', `/outgoing-webhooks/${out.id}`)).secret, '********')
    await s.call('+18005550201', ['--from', '+15125550399'])
    await s.call('+18005550201', ['--from', '+15125550306'])
    await until('three requests', () => receiver.requests.length >= 3)
    const ids = new Set(receiver.requests.map((r) => r.headers['webhook-id']))
    assert.equal(ids.size, 1, 'the id is the same on every retry')
    for (const r of receiver.requests) {
      const event = new Webhook(out.secret).verify(r.body, r.headers as Record<string, string>) as any
      assert.equal(event.type, 'call.completed')
      assert.equal(event.data.call.caller_id, '+15125550306')
    }
    const request = await until('the delivery', async () => {
      const list = (await s.api('GET', `/outgoing-webhook-requests?outgoing_webhook_id=${out.id}`)).data
      return list.length === 1 && list[0].status === 'delivered' && (await s.api('GET', `/outgoing-webhook-requests/${list[0].id}`))
    })
    assert.deepEqual(request.attempts.map((a: any) => a.response.status), [500, 500, 200])
    const again = await s.raw('POST', `/api/v1/outgoing-webhook-requests/${request.id}/redeliver`, {})
    assert.equal(again.status, 202)
    await until('a fourth', () => receiver.requests.length >= 4)
    await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/test`, {})
    await until('the test event', () => receiver.requests.some((r) => JSON.parse(r.body).test === true))
    receiver.stop()
    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: false })
  })

  test('a receiver that hangs does not hold up another, templates are filled, and dead ones are kept', async () => {
    const slow = await Receiver.start(() => ({ delay_ms: 60000 }))
    const gone = await Receiver.start(() => ({ status: 410 }))
    const quick = await Receiver.start()
    const filter = { rules: [{ field: 'call.caller_id', op: 'equals', value: '+15125550307' }] }
    await s.api('POST', '/outgoing-webhooks', { name: 'slow', url: slow.url, event_types: ['*'], filter, concurrency: 1 })
    const dead = await s.api('POST', '/outgoing-webhooks', { name: 'gone', url: gone.url, event_types: ['call.started'], filter })
    await s.api('POST', '/outgoing-webhooks', { name: 'quick', url: quick.url, event_types: ['call.*'], filter, headers: { 'X-Caller': '[CALLER_ID]' }, body_template: '{"who":[CALLER_ID],"status":"[CALL_STATUS]"}' })
    await s.call('+18005550201', ['--from', '+15125550307'])
    await until('the quick one', () => quick.requests.length >= 3)
    assert.deepEqual(JSON.parse(quick.requests[0].body), { who: '+15125550307', status: 'active' })
    assert.equal(quick.requests[0].headers['x-caller'], '+15125550307')
    assert.ok(slow.requests.length <= 1)
    await until('the dead letter', async () => (await s.api('GET', `/outgoing-webhook-requests?outgoing_webhook_id=${dead.id}`)).data[0]?.status === 'dead')
    for (const r of [slow, gone, quick]) r.stop()
  })

  test('nothing acknowledged is lost when the process is killed under load', async () => {
    const out = await s.api('POST', '/outgoing-webhooks', { name: 'all', url: 'http://127.0.0.1:9/', event_types: ['call.completed'] })
    const acknowledged: string[] = []
    for (let round = 0; round < 3; round++) {
      let stop = false
      const senders = Array.from({ length: 8 }, async (_, i) => {
        for (let n = 0; !stop; n++) {
          const id = `${round}-${i}-${n}`
          try {
            if ((await send({ caller_id: `+1512556${String(1000 + (n % 9000))}`, unique_id: id, score: n })).status === 200) acknowledged.push(id)
          } catch {
            return
          }
        }
      })
      const callers = Array.from({ length: 3 }, (_, i) => s.call('+18005550202', ['--from', `+1512557${round}00${i}`, '--duration', '5']).catch(() => null))
      await until('answered calls', async () => (await s.api('GET', '/calls?status=active')).data.length >= 3)
      await new Promise((r) => setTimeout(r, 300 + Math.random() * 400))
      const live = (await s.api('GET', '/calls?status=active')).data.map((c: any) => c.id)
      await s.kill('SIGKILL')
      stop = true
      await Promise.all(senders)
      await s.serve()
      for (const id of live) assert.equal((await s.api('GET', `/calls/${id}`)).status, 'interrupted')
      await Promise.all(callers)
    }
    const kept = new Set<string>()
    let cursor = ''
    do {
      const page = await s.api('GET', `/incoming-webhook-requests?limit=200${cursor && `&cursor=${cursor}`}`)
      for (const r of page.data) if (r.unique_id) {
        assert.ok(!kept.has(r.unique_id) || !r.unique_id.includes('-'), `${r.unique_id} is there twice`)
        kept.add(r.unique_id)
      }
      cursor = page.next_cursor ?? ''
    } while (cursor)
    assert.ok(acknowledged.length > 50, `${acknowledged.length} were acknowledged`)
    assert.deepEqual(acknowledged.filter((id) => !kept.has(id)), [])
    await s.api('PATCH', `/outgoing-webhooks/${out.id}`, { enabled: false })
  })
})
