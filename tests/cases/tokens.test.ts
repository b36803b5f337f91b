// Tokens of events, calls and URLs: what a receiver gets in their place is what the call log has.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, until } from '../e2e/harness.ts'

type Json = Record<string, any>

describe('tokens of events', () => {
  let s: Strowger
  let agent: Peer
  let templates: Receiver
  let envelopes: Receiver
  let crm: { url: string }
  let target: Json
  let publisher: Json
  let log: Json
  const got = new Map<string, Json>() // by the event's id
  const sent = new Map<string, Json>()
  const number = '+18005557501'
  const names = {
    type: 'EVENT_TYPE',
    id: 'EVENT_ID',
    seconds: 'MILESTONE_SECONDS',
    tag: 'TAG_NAME',
    value: 'TAG_VALUE',
    previous: 'TAG_PREVIOUS',
    who: 'EVENT.who',
    score: 'EVENT.Score',
    target: 'TARGET_NAME',
    buyer: 'BUYER_NAME',
    publisher: 'PUBLISHER_NAME',
    number: 'NUMBER',
    recording: 'RECORDING_URL',
    ended: 'CALL_ENDED_AT',
    duration: 'CALL_DURATION',
    state: 'STATE',
    zip: 'ZIP_CODE',
    city: 'CITY',
    call: 'CALL_ID',
  }
  // Without quotes: JSON shows the type that a value has.
  const bodyOf = (of: Json) => JSON.stringify(of).replace(/"(\w+)":"([\w.]+)"/g, '"$1":[$2]')
  const all = [
    '*',
    'call.incoming',
    'call.hangup',
    'call.on_5_secs_mark',
    'call.revenue_changed',
    'call.final',
  ]
  const endpoint = (name: string, url: string, fields: object = {}) =>
    s.api('POST', '/outgoing-webhooks', { name, url, event_types: all, ...fields })
  const call = async (from: string, during: () => Promise<unknown> = async () => {}) => {
    const phone = await Peer.start()
    const d = await phone.call(s.sip, `sip:${number}@127.0.0.1`, {
      headers: [`From: <sip:${from}@127.0.0.1>;tag=p`],
    })
    assert.equal(d.status, 200)
    await during()
    await d.request('BYE')
    return s.lastCall((c) => c.caller_id === from)
  }
  const lead = (fields: object) => fetch(crm.url, { method: 'POST', body: JSON.stringify(fields) })

  before(async () => {
    s = await Strowger.start(['--public-url', 'https://calls.example.com/'])
    agent = await Peer.start()
    templates = await Receiver.start()
    envelopes = await Receiver.start()
    await s.api('POST', '/custom-tags', { name: 'plan' })
    await s.api('POST', '/custom-tags', { name: 'pin', sensitive: true })
    crm = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const buyer = await s.api('POST', '/buyers', { name: 'Ann & "Sons"' })
    target = await s.api('POST', '/targets', {
      name: 'Desk <1>',
      buyer_id: buyer.id,
      destination: { type: 'sip', uri: agent.uri },
      revenue: { amount: '12.50', on: 'connect' },
    })
    publisher = await s.api('POST', '/publishers', { name: 'Zoë Ads' })
    const plan = await s.api('POST', '/routing-plans', {
      name: 'Desk',
      entries: [{ target_id: target.id }],
    })
    const set = (id: string, value: string) => ({
      id,
      type: 'set_tag',
      config: { assignments: [{ tag: 'plan', value }] },
    })
    const fields = [
      { name: 'who', value: '[CALLER_ID]' },
      { name: 'score', value: '82' },
    ]
    const flow = await s.flow(
      'Intake',
      [
        set('first', 'gold'),
        set('then', 'silver "A"'),
        { id: 'tell', type: 'send_event', config: { name: 'qualified', fields } },
        { id: 'dial', type: 'dial', config: { to: { routing_plan_id: plan.id }, record: true } },
      ],
      [
        ['start', 'next', 'first'],
        ['first', 'next', 'then'],
        ['then', 'next', 'tell'],
        ['tell', 'next', 'dial'],
      ],
    )
    const campaign = await s.campaign(number, {
      execution_mode: 'call_flow',
      call_flow_id: flow.id,
      milestones_seconds: [1],
      final_after_seconds: 0,
    })
    const [own] = (await s.api('GET', '/numbers')).data
    await s.api('PATCH', `/numbers/${own.id}`, { publisher_id: publisher.id })
    assert.ok(campaign.id)

    await endpoint('templates', templates.url, { body_template: bodyOf(names) })
    await endpoint('envelopes', envelopes.url)
    log = await call('+15125550142', () =>
      until('the mark', () => envelopes.requests.find((r) => r.body.includes('5_secs_mark'))),
    )
    const final = (r: Receiver) => r.requests.some((q) => q.body.includes('"call.final"'))
    await until('the last event', () => final(templates) && final(envelopes))
    await until('as many', () => templates.requests.length === envelopes.requests.length)
    log = await s.api('GET', `/calls/${log.id}`)
    for (const r of templates.requests) got.set(JSON.parse(r.body).id, JSON.parse(r.body))
    for (const r of envelopes.requests) sent.set(JSON.parse(r.body).id, JSON.parse(r.body))
  })
  after(async () => {
    templates.stop()
    envelopes.stop()
    await s.stop()
  })

  const of = (type: string) => [...got.values()].filter((e) => e.type === type)
  const one = (type: string) => {
    assert.equal(of(type).length, 1, type)
    return of(type)[0]!
  }

  test('each event has its own type and id, and the id of its call', () => {
    assert.deepEqual([...got.keys()].sort(), [...sent.keys()].sort())
    for (const [id, e] of got) {
      assert.equal(e.type, sent.get(id)!.type)
      assert.equal(e.call, log.id)
    }
    const types = [...got.values()].map((e) => e.type)
    for (const type of [...all.slice(1), 'recording.ready', 'call.connected'])
      assert.ok(types.includes(type), type)
  })

  test('milestones and marks have their seconds, others have none', () => {
    assert.equal(one('call.milestone').seconds, 1)
    assert.equal(one('call.on_5_secs_mark').seconds, 5)
    for (const e of got.values())
      if (!['call.milestone', 'call.on_5_secs_mark'].includes(e.type)) assert.equal(e.seconds, null)
  })

  test("a tag's event has its name, its value and the value before", () => {
    const set = one('tag.set')
    assert.deepEqual([set.tag, set.value, set.previous], ['plan', 'gold', null])
    const changed = one('tag.changed')
    assert.deepEqual([changed.tag, changed.value, changed.previous], ['plan', 'silver "A"', 'gold'])
    assert.equal(log.tags.plan, changed.value)
    const { tag, value, previous } = one('call.hangup')
    assert.deepEqual([tag, value, previous], [null, null, null])
  })

  test('an event that a flow sends has its fields', () => {
    const custom = one('flow.custom')
    assert.deepEqual([custom.who, custom.score], [log.caller_id, '82'])
    for (const e of got.values())
      if (e.type !== 'flow.custom') assert.deepEqual([e.who, e.score], [null, null], e.type)
  })

  test("a call's number, publisher, target, buyer, end, duration and recording", async () => {
    for (const [id, e] of got) {
      const c = sent.get(id)!.data.call
      assert.deepEqual([e.number, e.publisher], [number, publisher.name], e.type)
      assert.deepEqual([e.ended, e.duration], [c.ended_at, c.duration_seconds], e.type)
      const dialing = e.type === 'call.dialing' || c.target_id
      const expected = dialing ? [target.name, 'Ann & "Sons"'] : [null, null]
      assert.deepEqual([e.target, e.buyer], expected, e.type)
      assert.deepEqual([e.state, e.city, e.zip], ['TX', one('call.final').city, null])
    }
    const end = one('call.hangup')
    assert.deepEqual([end.ended, end.duration], [log.ended_at, log.duration_seconds])
    assert.ok(end.duration >= 5)
    const base = 'https://calls.example.com'
    const [recording] = log.recordings
    const path = `/api/v1/calls/${log.id}/recording?recording_id=${recording.id}`
    for (const type of ['recording.ready', 'call.final'])
      assert.equal(one(type).recording, `${base}${path}`, type)
    assert.equal(one('call.incoming').recording, null)
    const audio = await s.raw('GET', one('recording.ready').recording.slice(base.length))
    assert.deepEqual([audio.status, audio.headers.get('content-type')], [200, 'audio/wav'])
    const nobody = await fetch(s.url + path)
    assert.equal(nobody.status, 401)
  })

  // The first request of that type for the caller, with that body.
  const event = async (from: string, fields: object, body: object, type = 'call.hangup') => {
    const receiver = await Receiver.start()
    const body_template = typeof body === 'string' ? body : bodyOf(body)
    const event_types = [type]
    const hook = await endpoint(from, receiver.url, { event_types, body_template, ...fields })
    const c = await call(from)
    const r = await until(type, () => receiver.requests[0])
    await s.api('PATCH', `/outgoing-webhooks/${hook.id}`, { enabled: false })
    receiver.stop()
    return { call: c, body: JSON.parse(r.body) as Json, hook }
  }

  test('[STATE], [CITY] and [ZIP_CODE] are tags, else what the number tells', async () => {
    const place = { state: 'STATE', city: 'CITY', zip: 'ZIP_CODE' }
    const ask = (from: string) => event(from, {}, place).then((r) => r.body)
    const houston = await ask('+17132200111')
    assert.deepEqual(houston, { state: 'TX', city: 'Houston', zip: null })
    assert.deepEqual(await ask('+442079460000'), { state: null, city: null, zip: null })
    const zip = await s.api('POST', '/custom-tags', { name: 'postal_code' })
    await lead({ caller_id: '+17132200112', postal_code: '77002-1234' })
    assert.deepEqual(await ask('+17132200112'), { ...houston, zip: '77002-1234' })
    await s.api('POST', '/custom-tags', { name: 'state' })
    await s.api('POST', '/custom-tags', { name: 'City' })
    await s.api('POST', '/custom-tags', { name: 'zip' })
    await s.api('PATCH', `/custom-tags/${zip.id}`, { name: 'zip_code' })
    const from = '+17132200113'
    const own = { state: 'OK', city: 'Tulsa', zip: '73301', zip_code: '74101' }
    await lead({ caller_id: from, ...own })
    assert.deepEqual(await ask(from), { state: 'OK', city: 'Tulsa', zip: '74101' })
    // a call that has no such tag
    assert.deepEqual(await ask('+17132200114'), { state: 'TX', city: 'Houston', zip: null })
  })

  test("a sensitive tag's value is masked, but for a webhook that may have it", async () => {
    const pin = (await s.api('GET', '/custom-tags')).data.find((t: Json) => t.name === 'pin')
    const tag = {
      type: 'EVENT_TYPE',
      tag: 'TAG_NAME',
      value: 'TAG_VALUE',
      previous: 'TAG_PREVIOUS',
      own: 'pin',
    }
    const receivers = await Promise.all([Receiver.start(), Receiver.start()])
    const settings = [{}, { sensitive_tag_ids: [pin.id] }]
    for (const [i, fields] of settings.entries())
      await endpoint(`pin ${i}`, receivers[i]!.url, {
        event_types: ['tag.*'],
        body_template: bodyOf(tag),
        filter: { rules: [{ field: 'call.caller_id', op: 'equals', value: '+17132200114' }] },
        ...fields,
      })
    const { id } = await call('+17132200114')
    const seen = (i: number, type: string) =>
      until(`${type} at ${i}`, () =>
        receivers[i]!.requests.map((r) => JSON.parse(r.body)).find(
          (e) => e.type === type && e.tag === 'pin',
        ),
      )
    const mask = '********'
    await lead({ call_id: id, pin: '4711' })
    const first = { type: 'tag.set', tag: 'pin', previous: null }
    assert.deepEqual(await seen(0, 'tag.set'), { ...first, value: mask, own: mask })
    assert.deepEqual(await seen(1, 'tag.set'), { ...first, value: '4711', own: '4711' })
    await lead({ call_id: id, pin: '0815' })
    const second = { type: 'tag.changed', tag: 'pin', previous: mask }
    assert.deepEqual(await seen(0, 'tag.changed'), { ...second, value: mask, own: mask })
    assert.deepEqual(await seen(1, 'tag.changed'), { ...second, value: '0815', own: '0815' })
    await lead({ call_id: id, pin: null })
    for (const i of [0, 1]) {
      const removed = await seen(i, 'tag.removed')
      assert.deepEqual([removed.value, removed.previous, removed.own], [null, mask, null])
    }
    const kept = await s.api('GET', `/outgoing-webhook-requests?call_id=${id}`)
    for (const r of kept.data) {
      const whole = JSON.stringify(await s.api('GET', `/outgoing-webhook-requests/${r.id}`))
      assert.doesNotMatch(whole, /4711|0815/)
    }
    for (const r of receivers) r.stop()
  })
})

// What must stay in its place: a path's segment, or a parameter's value.
const hostile = [
  'a/b?c=d&e#f',
  '..',
  '.',
  '...',
  '../../admin',
  '/',
  '@evil.example',
  '//evil.example/x',
  '\\..\\x',
  '%2e%2e',
  '%2F',
  ';p=1',
  ':81',
  'Zoë 😀',
  'a b+c',
  'x\r\nX-Evil: 1',
  '?',
  '#',
  '',
]

describe('tokens of URLs', () => {
  let s: Strowger
  let receiver: Receiver
  let from: Peer
  let crm: { url: string }
  const number = '+18005557601'
  const asSegment = (text: string) => (/^\.{1,2}$/.test(text) ? text.replaceAll('.', '%2E') : text)

  before(async () => {
    s = await Strowger.start()
    receiver = await Receiver.start((r) => ({
      body: r.path.startsWith('/rtb') ? '{"bid":1}' : '{}',
    }))
    from = await Peer.start()
    crm = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    for (const i of hostile.keys()) await s.api('POST', '/custom-tags', { name: `v${i}` })
    await s.api('POST', '/custom-tags', { name: 'host' })
  })
  after(async () => {
    receiver.stop()
    await s.stop()
  })

  test('a value stays one segment of the path, or one parameter', async () => {
    const phone = await Peer.start()
    const url = (who: string, i: number) =>
      `${receiver.url}/${who}/${i}/[v${i}]/x[v${i}]/end?p=[v${i}]&[v${i}]=1&fixed=2`
    const targets = []
    for (const i of hostile.keys()) {
      const t = await s.api('POST', '/rtb-targets', {
        name: `Buyer ${i}`,
        request: { url: url('rtb', i), method: 'GET' },
        response: { format: 'json', accepted: null, bid: '/bid' },
        destination: { type: 'sip', uri: phone.uri },
      })
      targets.push({ rtb_target_id: t.id })
    }
    const tree = await s.api('POST', '/ring-trees', { name: 'All', targets, timeout_ms: 10000 })
    const asks = [...hostile.keys()].map((i) => ({
      id: `ask${i}`,
      type: 'http_request',
      config: { method: 'GET', url: url('flow', i) },
    }))
    const edges = asks.map(
      ({ id }, i) =>
        [i ? `ask${i - 1}` : 'start', i ? 'success' : 'next', id] as [string, string, string],
    )
    const offer = { id: 'offer', type: 'rtb', config: { ring_tree_id: tree.id } }
    const last: [string, string, string] = [asks.at(-1)!.id, 'success', 'offer']
    const flow = await s.flow('Ask', [...asks, offer], [...edges, last])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    for (const i of hostile.keys())
      await s.api('POST', '/outgoing-webhooks', {
        name: `W${i}`,
        url: url('hook', i),
        event_types: ['call.completed'],
        method: 'GET',
        query: { more: `[v${i}]` },
      })
    const tags = Object.fromEntries(hostile.map((v, i) => [`v${i}`, v]))
    const lead = JSON.stringify({ caller_id: '+15125550123', ...tags })
    assert.equal((await fetch(crm.url, { method: 'POST', body: lead })).status, 200)
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(d.status, 200)
    await d.request('BYE')
    const { tags: kept } = await s.lastCall((c) => c.number === number)
    for (const who of ['flow', 'rtb', 'hook'])
      for (const i of hostile.keys()) {
        const r = await until(`${who} ${i}`, () =>
          receiver.requests.find((q) => q.path.startsWith(`/${who}/${i}/`)),
        )
        const value = kept[`v${i}`] ?? ''
        const [path, query] = r.path.split(/\?([^]*)/)
        const segments = path!.split('/').map(decodeURIComponent)
        assert.deepEqual(segments, ['', who, `${i}`, asSegment(value), `x${value}`, 'end'], r.path)
        const expected = [
          ['p', value],
          [value, '1'],
          ['fixed', '2'],
        ]
        if (who === 'hook') expected.push(['more', value])
        assert.deepEqual([...new URLSearchParams(query)], expected, r.path)
        assert.equal(r.headers['x-evil'], undefined)
        assert.equal(r.headers.host, `127.0.0.1:${receiver.port}`)
      }
  })

  // In each of these URLs a tag's value would decide which server is asked.
  const hosts = [
    'https://[host].example.com/',
    'https://[host]/',
    'https://example.com:[host]/x',
    'https://[host]@example.com/',
    'https://user:[host]@example.com/',
    '[host]://example.com/',
    '[host]',
    '[host|https://example.com/]',
    'https://example.com[host]',
    'HTTPS://example.com[host]/x',
    'https://example.com\\[host]/',
    'https://api.[host]?x=1',
  ]

  test('a token that decides the host is refused by webhooks and RTB targets', async () => {
    const refused = async (path: string, body: object, pointer: string, what: string) => {
      const r = await s.raw('POST', `/api/v1${path}`, body)
      assert.equal(r.status, 422, what)
      const { errors } = (await r.json()) as { errors: { pointer: string; detail: string }[] }
      assert.ok(
        errors.some((e) => e.pointer === pointer),
        `${what}: ${JSON.stringify(errors)}`,
      )
    }
    for (const url of hosts) {
      const hook = { name: 'x', url, event_types: ['call.completed'] }
      await refused('/outgoing-webhooks', hook, '/url', url)
      const target = (fields: object) => ({
        name: 'x',
        request: { url: 'https://bids.example.com/' },
        response: { format: 'json', bid: '/bid' },
        destination: { type: 'answer' },
        ...fields,
      })
      await refused('/rtb-targets', target({ request: { url } }), '/request/url', url)
      await refused('/rtb-targets', target({ win_notice: { url } }), '/win_notice/url', url)
      await refused('/rtb-targets', target({ loss_notice: { url } }), '/loss_notice/url', url)
    }
  })

  test('the check of a flow warns of a token that decides the host, and of no other', async () => {
    const problems = async (url: string) => {
      const draft = {
        nodes: [
          { id: 'start', type: 'start' },
          { id: 'ask', type: 'http_request', config: { url } },
        ],
        edges: [{ from: 'start', port: 'next', to: 'ask' }],
      }
      const flow = await s.api('POST', '/call-flows', { name: `Check ${Math.random()}`, draft })
      const checked = await s.api('POST', `/call-flows/${flow.id}/check`)
      return checked.problems
        .filter((p: Json) => p.code === 'url_host' || p.severity === 'error')
        .map((p: Json) => [p.code, p.severity, p.node])
    }
    const warning = [['url_host', 'warning', 'ask']]
    const unclear = ['http:[host]/', 'http:/[host]/', 'https:///[host]/', ' https://[host]/']
    for (const url of [...hosts.filter((u) => u.length > 7), ...unclear])
      assert.deepEqual(await problems(url), warning, url)
    for (const url of [
      'https://example.com/[host]',
      'https://example.com?h=[host]',
      'http://[::1]/[host]',
    ])
      assert.deepEqual(await problems(url), [], url)
  })
})

describe('URLs that lead to private addresses', () => {
  let s: Strowger
  let inside: Receiver
  const number = '+18005557602'
  before(async () => {
    inside = await Receiver.start(() => ({ body: '{"bid":9}' }))
    s = await Strowger.start(['--retry-schedule', '0.1'], undefined, false)
    await s.api('POST', '/custom-tags', { name: 'host' })
  })
  after(async () => {
    inside.stop()
    await s.stop()
  })

  test('are refused where a value makes them, and nothing is sent', async () => {
    const crm = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const ask = {
      id: 'ask',
      type: 'http_request',
      config: { url: `http://[host]:${inside.port}/`, timeout_ms: 3000 },
    }
    const flow = await s.flow('Ask', [ask], [['start', 'next', 'ask']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.api('POST', '/outgoing-webhooks', {
      name: 'hook',
      url: `http://127.0.0.1:${inside.port}/[host]?x=[host]`,
      event_types: ['call.completed'],
    })
    const addresses = [
      '127.0.0.1',
      'localhost',
      '127.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '10.0.0.1',
      '169.254.169.254',
      '192.168.0.1',
      '[::1]',
      '0.0.0.0',
      '127.0.0.1/',
      'x@127.0.0.1',
      '127.0.0.1#',
    ]
    for (const [i, host] of addresses.entries()) {
      const from = `+1512555${7000 + i}`
      await fetch(crm.url, { method: 'POST', body: JSON.stringify({ caller_id: from, host }) })
      const phone = await Peer.start()
      await phone.call(s.sip, `sip:${number}@127.0.0.1`, {
        headers: [`From: <sip:${from}@127.0.0.1>;tag=p`],
      })
      const { id, tags } = await s.lastCall((c) => c.caller_id === from)
      assert.equal(tags.host, host)
      const trace = (await s.api('GET', `/calls/${id}/trace`)).data
      const step = trace.find((e: Json) => e.node === 'ask' && e.port)
      assert.equal(step.port, 'failure', host)
      const plain = !/[^\w.]/.test(host)
      if (plain) assert.match(step.detail, /the address is private/, host)
    }
    const dead = await until('the webhooks', async () => {
      const { data } = await s.api('GET', '/outgoing-webhook-requests?status=dead&limit=100')
      return data.length === addresses.length && data
    })
    for (const { id } of dead) {
      const { attempts } = await s.api('GET', `/outgoing-webhook-requests/${id}`)
      for (const a of attempts) assert.match(a.error, /the address is private/)
    }
    assert.equal(inside.requests.length, 0)
  })
})
