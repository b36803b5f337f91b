// Names of custom tags: unique without regard to case, renamed everywhere at once, and in use.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Receiver, Sipp, Strowger, join, until } from '../e2e/harness.ts'

describe('names of custom tags', () => {
  let s: Strowger
  let agent: Sipp
  let next = 100
  const caller = () => `+1512558${String(next++).padStart(4, '0')}`
  const tag = (name: string, fields: object = {}) => s.api('POST', '/custom-tags', { name, ...fields })
  const rename = (id: string, name: string) => s.api('PATCH', `/custom-tags/${id}`, { name })
  const refused = async (method: string, path: string, body?: object) => {
    const r = await s.raw(method, `/api/v1${path}`, body)
    return { status: r.status, body: await r.json() as any }
  }
  const is = (field: string, value: string) => ({ match: 'all', rules: [{ field, op: 'equals', value }] })
  const dataFor = (url: string, body: object) => fetch(url, { method: 'POST', body: JSON.stringify(body) }).then((r) => r.json()) as Promise<any>

  before(async () => {
    s = await Strowger.start(['--retry-schedule', '0.2,60'])
    agent = await Sipp.answer('answer.xml')
  })
  after(async () => {
    agent.stop()
    await s.stop()
  })

  test('two names that differ in case alone are one name, in every alphabet', async () => {
    for (const [name, other] of [['county', 'County'], ['county', 'COUNTY'], ['straße', 'STRASSE'], ['Größe', 'GRÖSSE'], ['café', 'cafe\u0301'], ['город', 'ГОРОД']] as const) {
      const first = (await s.api('GET', '/custom-tags?limit=200')).data.find((t: any) => t.name === name) ?? await tag(name)
      const made = await refused('POST', '/custom-tags', { name: other })
      assert.equal(made.status, 409, other)
      assert.equal(made.body.errors[0].pointer, '/name')
      assert.match(made.body.errors[0].detail, new RegExp(name))
      const third = await tag(`third ${other}`)
      assert.equal((await refused('PATCH', `/custom-tags/${third.id}`, { name: other })).status, 409, other)
      await s.api('DELETE', `/custom-tags/${third.id}`)
      assert.equal((await s.api('GET', `/custom-tags/${first.id}`)).name, name)
    }
  })

  test('a name does not begin or end with a blank, and is not blank', async () => {
    for (const name of [' edge', 'edge ', '   ', '\u00a0', '\u200bedge', 'edge\u3000'])
      assert.equal((await s.raw('POST', '/api/v1/custom-tags', { name })).status, 422, JSON.stringify(name))
    await s.api('POST', '/custom-tags', { name: 'on the edge' })
  })

  test('a tag may be written in another case, and is found as it was', async () => {
    const t = await tag('zone')
    const view = await s.api('POST', '/saved-views', { name: 'zones', query: { 'tag.zone': 'a' } })
    const renamed = await rename(t.id, 'Zone')
    assert.deepEqual([renamed.name, renamed.former_names], ['Zone', []])
    assert.deepEqual((await s.api('GET', `/saved-views/${view.id}`)).query, { 'tag.Zone': 'a' })
  })

  test('data fills a tag whose name it has in another case, in every alphabet', async () => {
    await tag('Straßenname')
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'case' })
    const said = await dataFor(hook.url, { caller_id: caller(), 'STRASSENNAME': 'Ring' })
    assert.deepEqual([said.tags, said.unmatched], [{ 'Straßenname': 'Ring' }, []])
  })

  test('calls go on while the tag that their flow asks for gets another name; a call that is on keeps its version', async () => {
    const number = '+18005550701'
    const t = await tag('state')
    const crm = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const plan = await s.plan('agents', [{ uri: agent.uri }])
    const flow = await s.flow('Texas', [
      { id: 'ask', type: 'condition', config: { branches: [{ port: 'yes', filter: is('tag.state', 'TX') }] } },
      { id: 'play', type: 'wait', config: { seconds: 3 } },
      { id: 'again', type: 'condition', config: { branches: [{ port: 'yes', filter: is('tag.state', 'TX') }] } },
      { id: 'dial', type: 'dial', config: { to: { routing_plan_id: plan.id } } },
      { id: 'no', type: 'hangup', config: { sip_status: 603 } },
    ], [['start', 'next', 'ask'], ['ask', 'yes', 'play'], ['play', 'next', 'again'], ['again', 'yes', 'dial'], ['ask', 'else', 'no'], ['again', 'else', 'no']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const call = async (from: string, sent: object) => {
      await dataFor(crm.url, { caller_id: from, ...sent })
      const done = s.call(number, ['--from', from, '--duration', '5'])
      return { done, log: () => s.lastCall((c) => c.caller_id === from) }
    }
    const from = caller()
    const pinned = await call(from, { state: 'TX' })
    await until('the call to wait', async () => (await s.api('GET', '/calls?status=active')).data.some((c: any) => c.caller_id === from))
    const answer = await rename(t.id, 'us_state')
    assert.deepEqual(answer.former_names, ['state'])
    assert.deepEqual(answer.renamed, [{ kind: 'call_flow', id: flow.id, name: 'Texas', version: 2 }])
    assert.equal((await pinned.done).answered, true)
    const first = await pinned.log()
    assert.deepEqual([first.flow_version, first.disposition, first.tags], [1, 'completed', { us_state: 'TX' }])

    for (const sent of [{ us_state: 'TX' }, { state: 'TX' }]) { // senders need not know it yet
      const later = await call(caller(), sent)
      assert.equal((await later.done).answered, true, JSON.stringify(sent))
      const log = await later.log()
      assert.deepEqual([log.flow_version, log.disposition, log.tags], [2, 'completed', { us_state: 'TX' }])
    }
    const versions = (await s.api('GET', `/call-flows/${flow.id}/versions`)).data
    assert.deepEqual(versions.map((v: any) => [v.version, v.note]), [[2, 'Tag state renamed to us_state'], [1, 'test']])
    const { draft, published_version } = await s.api('GET', `/call-flows/${flow.id}`)
    assert.equal(published_version, 2)
    assert.deepEqual(draft.nodes[1].config.branches[0].filter, is('tag.us_state', 'TX'))
    const rolled = await s.api('POST', `/call-flows/${flow.id}/rollback`, { version: 1 })
    assert.equal(rolled.version, 3, 'an older version finds the tag by its former name')
    const last = await call(caller(), { us_state: 'TX' })
    assert.equal((await last.done).answered, true)
  })

  test('a rename changes every place that names the tag, and nothing else', async () => {
    const t = await tag('region', { type: 'string' }), other = await tag('region_code'), number = await tag('rank', { type: 'number' })
    const old = is('TAG.Region', 'TX'), now = is('tag.area', 'TX')
    const text = '[region] [Region|none] [tag.region] [REGION_NUMERIC] [region_SHA256|x] [[region] [region_code] [ region ] region'
    const renamed = '[area] [area|none] [tag.area] [area_NUMERIC] [area_SHA256|x] [[region] [region_code] [ region ] region'
    const trunk = await s.api('POST', '/trunks', { name: 'out', outbound: { gateways: [{ uri: 'sip:127.0.0.1:9' }] } })
    const target = await s.api('POST', '/targets', { name: 'all of it', destination: { type: 'sip', uri: agent.uri }, filter: { match: 'any', rules: [is('region', 'TX'), { match: 'all', rules: [old] }] }, whisper: { text } })
    const rtb = await s.api('POST', '/rtb-targets', {
      name: 'bidder', request: { url: 'http://127.0.0.1:9/ping/[region]?lead[region]=[region]', headers: { 'X-Region': text, 'Content-Type': 'application/json' }, body: '{"r":[region],"n":[rank|0],"l":[1],"s":"[[region] [region]"}' },
      response: { bid: '/bid' }, destination: { type: 'sip', uri: agent.uri }, filter: old, win_notice: { url: 'http://127.0.0.1:9/won?r=[region]' }, loss_notice: { url: 'http://127.0.0.1:9/lost', body: '<r>[region]</r>' },
    })
    const tree = await s.api('POST', '/ring-trees', { name: 'tree', targets: [{ rtb_target_id: rtb.id, filter: old }] })
    const plan = await s.api('POST', '/routing-plans', { name: 'every kind', entries: [{ target_id: target.id, filter: old }] })
    const publisher = await s.api('POST', '/publishers', { name: 'sender' })
    const campaign = await s.api('POST', '/campaigns', { name: 'every kind', routing_plan_id: plan.id, conversion: { after_seconds: 1, filter: old }, payout: '1.00', payout_tiers: [{ payout: '2.00', filter: old }], tag_defaults: [{ tag_id: t.id, value: 'TX' }], publishers: [{ publisher_id: publisher.id, payout_tiers: [{ payout: '3.00', filter: old }], conversion: { after_seconds: 2, filter: old } }] })
    const outgoing = await s.api('POST', '/outgoing-webhooks', { name: 'every kind', url: 'http://127.0.0.1:9/[region]/x?a[region]=1&r=[region]', enabled: false, event_types: ['call.completed'], filter: old, query: { r: '[region]' }, headers: { 'X-R': '[region]' }, body_template: '{"r":[region],"a":[2],"b":[true],"q":"say \\"[region]\\""}' })
    const incoming = await s.api('POST', '/incoming-webhooks', { name: 'every kind', mapping: [{ tag_id: t.id, parameter: 'region' }] })
    const view = await s.api('POST', '/saved-views', { name: 'every kind', query: { 'tag.region': 'TX', 'tag.rank_gte': '5', 'tag.Region_lt': '9', filter: JSON.stringify(is('tag.region', 'TX')) }, columns: ['caller_id', 'tag.region', 'tag.region_code'] })
    const draft = {
      nodes: [
        { id: 'start', type: 'start' },
        { id: 'play', type: 'play', config: { prompt: { text } } },
        { id: 'gather', type: 'gather', config: { prompt: { text: 'State of [region]?' }, save_to: { tag: 'region' }, max_digits: 2 } },
        { id: 'ask', type: 'condition', config: { branches: [{ port: 'yes', filter: old }] } },
        { id: 'set', type: 'set_tag', config: { assignments: [{ tag: 'Region', value: '[region]' }, { tag: 'region_code', value: '[region]' }] } },
        { id: 'http', type: 'http_request', config: { url: 'http://127.0.0.1:9/?r=[region]', method: 'POST', headers: { 'X-R': '[region]' }, body: '{"r":[region]}', save: [{ pointer: '/r', tag: 'region' }] } },
        { id: 'code', type: 'javascript', config: { code: "return { tags: { region: tags.region + '!' } }" } },
        { id: 'event', type: 'send_event', config: { name: 'region', fields: [{ name: 'region', value: '[region]' }] } },
        { id: 'debug', type: 'debug', config: { message: '[region]' } },
        { id: 'outcome', type: 'set_outcome', config: { disposition: 'region', revenue: '[region|1]' } },
        { id: 'dial', type: 'dial', config: { to: { number: '[region]', trunk_id: trunk.id }, caller_id: '[region]', whisper: { text: '[region]' } } },
      ],
      edges: ['play', 'gather', 'ask', 'set', 'http', 'code', 'event', 'debug', 'outcome', 'dial'].map((to, i, all) => ({ from: i ? all[i - 1]! : 'start', port: to === 'set' ? 'yes' : to === 'code' ? 'success' : 'next', to })),
    }
    const flow = await s.api('POST', '/call-flows', { name: 'every kind', draft })
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    const shadowed = await s.api('POST', '/call-flows', { name: 'has a variable area', draft: { nodes: [{ id: 'start', type: 'start' }, { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'area', value: '[region]' }] } }, { id: 'd', type: 'debug', config: { message: '[area] [region]' } }], edges: [{ from: 'start', port: 'next', to: 'v' }, { from: 'v', port: 'next', to: 'd' }] } })
    const named = await s.api('POST', '/call-flows', { name: 'a variable of that name', draft: { nodes: [{ id: 'start', type: 'start' }, { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'region', value: 'x' }] } }, { id: 'd', type: 'debug', config: { message: '[region] [var.region] [tag.region]' } }], edges: [{ from: 'start', port: 'next', to: 'v' }, { from: 'v', port: 'next', to: 'd' }] } })
    const get = (path: string) => s.api('GET', path)
    const before = await get(`/call-flows/${named.id}`)

    const answer = await rename(t.id, 'area')
    const changed = [['call_flow', flow.id], ['call_flow', shadowed.id], ['call_flow', named.id], ['campaign', campaign.id], ['outgoing_webhook', outgoing.id], ['ring_tree', tree.id], ['routing_plan', plan.id], ['rtb_target', rtb.id], ['saved_view', view.id], ['target', target.id]]
    assert.deepEqual(answer.renamed.map((x: any) => [x.kind, x.id]).sort(), changed.sort())
    assert.deepEqual(answer.scripts, [{ pointer: '/nodes/6/config/code', node: 'code', kind: 'call_flow', id: flow.id, name: 'every kind' }])

    const newTarget = await get(`/targets/${target.id}`)
    assert.deepEqual(newTarget.filter, { match: 'any', rules: [is('area', 'TX'), { match: 'all', rules: [now] }] })
    assert.equal(newTarget.whisper.text, renamed)
    const newRtb = await get(`/rtb-targets/${rtb.id}`)
    assert.deepEqual(newRtb.request, { ...rtb.request, url: 'http://127.0.0.1:9/ping/[area]?lead[region]=[area]', headers: { 'X-Region': renamed, 'Content-Type': 'application/json' }, body: '{"r":[area],"n":[rank|0],"l":[1],"s":"[[region] [area]"}' })
    assert.deepEqual([newRtb.filter, newRtb.win_notice.url, newRtb.loss_notice.body], [now, 'http://127.0.0.1:9/won?r=[area]', '<r>[area]</r>'])
    assert.deepEqual((await get(`/ring-trees/${tree.id}`)).targets[0].filter, now)
    assert.deepEqual((await get(`/routing-plans/${plan.id}`)).entries[0].filter, now)
    const newCampaign = await get(`/campaigns/${campaign.id}`)
    assert.deepEqual([newCampaign.conversion.filter, newCampaign.payout_tiers[0].filter, newCampaign.publishers[0].payout_tiers[0].filter, newCampaign.publishers[0].conversion.filter], [now, now, now, now])
    const newOutgoing = await get(`/outgoing-webhooks/${outgoing.id}`)
    assert.deepEqual([newOutgoing.url, newOutgoing.filter, newOutgoing.query, newOutgoing.headers, newOutgoing.body_template],
      ['http://127.0.0.1:9/[area]/x?a[region]=1&r=[area]', now, { r: '[area]' }, { 'X-R': '[area]' }, '{"r":[area],"a":[2],"b":[true],"q":"say \\"[area]\\""}'])
    assert.deepEqual((await get(`/incoming-webhooks/${incoming.id}`)).mapping, incoming.mapping)
    const newView = await get(`/saved-views/${view.id}`)
    assert.deepEqual([newView.query, newView.columns], [{ 'tag.area': 'TX', 'tag.rank_gte': '5', 'tag.area_lt': '9', filter: JSON.stringify(now) }, ['caller_id', 'tag.area', 'tag.region_code']])
    const wanted = JSON.parse(JSON.stringify(draft).replaceAll('[region]', '[area]').replaceAll('[region|1]', '[area|1]').replaceAll('"tag":"region"', '"tag":"area"').replaceAll('"tag":"Region"', '"tag":"area"').replaceAll('TAG.Region', 'tag.area'))
    wanted.nodes[1].config.prompt.text = renamed
    const newFlow = await get(`/call-flows/${flow.id}`)
    assert.deepEqual(newFlow.draft, wanted)
    assert.deepEqual((await get(`/call-flows/${flow.id}/versions/2`)).document, wanted)
    assert.deepEqual((await get(`/call-flows/${shadowed.id}`)).draft.nodes[2].config.message, '[area] [tag.area]')
    assert.equal((await get(`/call-flows/${named.id}`)).draft.nodes[2].config.message, '[region] [var.region] [tag.area]')
    assert.equal((await get(`/call-flows/${named.id}`)).published_version, before.published_version)
    const problems = (await s.api('POST', `/call-flows/${flow.id}/check`)).problems.filter((p: any) => p.node === 'code' && p.code !== 'unconnected_port')
    assert.deepEqual(problems.map((p: any) => [p.code, p.severity]), [['renamed_tag', 'warning']])
    assert.match(problems[0].detail, /region, whose name is area/)

    const audit = (await get('/audit-log?limit=40')).data
    const own = audit.find((a: any) => a.resource_id === t.id && a.action === 'update')
    assert.deepEqual([own.changes.name, own.changes.renamed.length], [{ from: 'region', to: 'area' }, changed.length])
    for (const [kind, id] of changed)
      assert.deepEqual(audit.find((a: any) => a.resource_id === id && a.action === 'update').changes, { renamed_tag: { id: t.id, from: 'region', to: 'area' } }, kind)
    assert.ok(audit.some((a: any) => a.resource_id === flow.id && a.action === 'publish'))
    void other, void number
  })

  test('a script goes on to find a tag by its former name', async () => {
    const number = '+18005550702', t = await tag('quality', { type: 'number' })
    const crm = await s.api('POST', '/incoming-webhooks', { name: 'scripted' })
    const flow = await s.flow('scripted', [
      { id: 'code', type: 'javascript', config: { code: "console.log('quality', tags.quality)\nreturn { tags: { quality: tags.quality + 1 } }" } },
    ], [['start', 'next', 'code']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await rename(t.id, 'grade')
    const from = caller()
    await dataFor(crm.url, { caller_id: from, grade: 7 })
    await s.call(number, ['--from', from, '--duration', '1'])
    const log = await s.lastCall((c) => c.caller_id === from)
    assert.deepEqual(log.tags, { grade: 8 })
    const trace = JSON.stringify(await s.api('GET', `/calls/${log.id}/trace`))
    assert.match(trace, /quality 7/)
  })

  test('a name that would make something else of a template or filter is refused, with what is in the way, and nothing is changed', async () => {
    const t = await tag('lead'), score = await tag('points', { type: 'number' })
    const webhook = await s.api('POST', '/outgoing-webhooks', { name: 'in the way', url: 'http://127.0.0.1:9/', event_types: ['call.completed'], body_template: '{"lead":[lead],"cents":[points_CENTS]}' })
    const target = await s.api('POST', '/targets', { name: 'not in the way', destination: { type: 'sip', uri: agent.uri }, filter: is('tag.lead', 'x') })
    for (const [name, why] of [['lead name', /outgoing_webhook in the way .*\/body_template: \[lead\] cannot be written as \[lead name\]/], ['piste n°1', /cannot be written/], ['points_CENTS', /\[?points_CENTS\]? would mean something else/], ['lead_NUMERIC', /lead would mean something else/]] as [string, RegExp][]) {
      const r = await refused('PATCH', `/custom-tags/${t.id}`, { name })
      assert.equal(r.status, 409, name)
      assert.match(JSON.stringify(r.body.errors), why)
      assert.equal((await s.api('GET', `/custom-tags/${t.id}`)).name, 'lead')
      assert.deepEqual((await s.api('GET', `/targets/${target.id}`)).filter, is('tag.lead', 'x'), 'all or nothing')
    }
    assert.equal((await refused('PATCH', `/custom-tags/${t.id}`, { name: 'CALLER_ID' })).status, 422)
    await rename(t.id, 'true') // [true] is an array in JSON
    assert.equal((await s.api('GET', `/outgoing-webhooks/${webhook.id}`)).body_template, '{"lead":[tag.true],"cents":[points_CENTS]}')
    void score
  })

  test('a rename is refused to who has not seen the latest, and to another organization', async () => {
    const t = await tag('mine')
    const first = await s.raw('GET', `/api/v1/custom-tags/${t.id}`), etag = first.headers.get('etag')!
    await s.api('PATCH', `/custom-tags/${t.id}`, { default: 'x' })
    assert.equal((await s.raw('PATCH', `/api/v1/custom-tags/${t.id}`, { name: 'yours' }, { 'If-Match': etag })).status, 412)
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'other@example.com', ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/organization', undefined, {}, other)).ok)
    assert.equal((await s.raw('PATCH', `/api/v1/custom-tags/${t.id}`, { name: 'yours' }, {}, other)).status, 404)
    const analyst = await s.api('POST', '/api-keys', { name: 'reads', role: 'analyst' })
    assert.equal((await s.raw('PATCH', `/api/v1/custom-tags/${t.id}`, { name: 'yours' }, {}, analyst.key)).status, 403)
    await s.api('POST', '/custom-tags', { name: 'MINE' }, other) // its names are its own
  })

  test('another tag may take a former name; what named the first goes on to mean it', async () => {
    const first = await tag('source_a')
    const target = await s.api('POST', '/targets', { name: 'former', destination: { type: 'sip', uri: agent.uri }, filter: is('tag.source_a', 'x') })
    await rename(first.id, 'source_b')
    const second = await tag('source_a')
    assert.deepEqual((await s.api('GET', `/targets/${target.id}`)).filter, is('tag.source_b', 'x'))
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'former' })
    assert.deepEqual((await dataFor(hook.url, { caller_id: caller(), source_a: 1, source_b: 2 })).tags, { source_a: '1', source_b: '2' })
    await s.api('DELETE', `/custom-tags/${second.id}`)
    assert.deepEqual((await dataFor(hook.url, { caller_id: caller(), source_a: 1 })).tags, { source_b: '1' })
    const both = await dataFor(hook.url, { caller_id: caller(), source_a: 1, source_b: 2 })
    assert.deepEqual([both.tags, both.unmatched], [{ source_b: '2' }, ['source_a']])
    await s.api('PATCH', `/custom-tags/${first.id}`, { former_names: [] })
    assert.deepEqual((await dataFor(hook.url, { caller_id: caller(), source_a: 1 })).unmatched, ['source_a'])
  })

  test('what was brought back with a former name goes on when that name is given up or taken', async () => {
    for (const [i, given] of ['given up', 'taken', 'taken by a rename'].entries()) {
      const [old, now] = [`back_${i}`, `forth_${i}`], t = await tag(old)
      const flow = await s.flow(given, [{ id: 'say', type: 'debug', config: { message: `[${old}]` } }], [['start', 'next', 'say']])
      await rename(t.id, now)
      await s.api('POST', `/call-flows/${flow.id}/rollback`, { version: 1 })
      if (i === 0) assert.deepEqual((await s.api('PATCH', `/custom-tags/${t.id}`, { former_names: [] })).renamed.map((x: any) => [x.id, x.version]), [[flow.id, 4]])
      else if (i === 1) await tag(old)
      else await rename((await tag('any other')).id, old)
      const { published_version } = await s.api('GET', `/call-flows/${flow.id}`)
      assert.equal(published_version, 4, given)
      assert.equal((await s.api('GET', `/call-flows/${flow.id}/versions/4`)).document.nodes[1].config.message, `[${now}]`)
    }
  })

  test('an event that waits to be sent again has the tag under its new name', async () => {
    const number = '+18005550703', t = await tag('colour', { default: 'red' }), secret = await tag('pin', { sensitive: true })
    let fail = true
    const receiver = await Receiver.start(() => ({ status: fail ? 500 : 200 }))
    const plan = await s.plan('colours', [{ uri: agent.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const crm = await s.api('POST', '/incoming-webhooks', { name: 'colours' })
    const out = await s.api('POST', '/outgoing-webhooks', { name: 'colours', url: receiver.url, event_types: ['call.completed'], filter: is('call.number', number), body_template: '{"c":"[colour]","p":"[pin]"}', sensitive_tag_ids: [secret.id] })
    const from = caller()
    await dataFor(crm.url, { caller_id: from, pin: '1234' })
    await s.call(number, ['--from', from, '--duration', '1'])
    await until('two tries', () => receiver.requests.length === 2)
    assert.equal(receiver.requests[0]!.body, '{"c":"red","p":"1234"}')
    await rename(t.id, 'shade')
    await rename(secret.id, 'code')
    fail = false
    await s.api('POST', `/outgoing-webhooks/${out.id}/redeliver`, { since: '2020-01-01T00:00:00Z' })
    await until('the third', () => receiver.requests.length === 3)
    assert.equal(receiver.requests[2]!.body, '{"c":"red","p":"1234"}')
    receiver.stop()
  })

  test('a tag that is used cannot be deleted: the answer names each user', async () => {
    const t = await tag('used'), free = await tag('used_not')
    const users: [string, string, string, object][] = [
      ['outgoing_webhook', 'outgoing-webhooks', 'a token', { url: 'http://127.0.0.1:9/[tag.used]', event_types: ['*'] }],
      ['outgoing_webhook', 'outgoing-webhooks', 'a conversion', { url: 'http://127.0.0.1:9/', event_types: ['*'], query: { x: '[used_SHA256|none]' } }],
      ['target', 'targets', 'a filter', { destination: { type: 'sip', uri: agent.uri }, filter: is('Used', 'x') }],
      ['saved_view', 'saved-views', 'a view', { query: { 'tag.used_gte': '1' } }],
      ['saved_view', 'saved-views', 'a column', { columns: ['tag.used'] }],
      ['incoming_webhook', 'incoming-webhooks', 'a mapping', { mapping: [{ tag_id: t.id, parameter: 'x' }] }],
      ['call_flow', 'call-flows', 'an alias', { draft: { nodes: [{ id: 'start', type: 'start' }, { id: 'c', type: 'javascript', config: { code: "const t = tags\nlet x = t.used\nreturn {}" } }], edges: [] } }],
      ['call_flow', 'call-flows', 'a script', { draft: { nodes: [{ id: 'start', type: 'start' }, { id: 'c', type: 'javascript', config: { code: "const { used } = tags; return { tags: { 'x': used } }" } }], edges: [] } }],
    ]
    for (const [kind, path, name, fields] of users) {
      const made = await s.api('POST', `/${path}`, { name, ...fields })
      const r = await refused('DELETE', `/custom-tags/${t.id}`)
      assert.equal(r.status, 409, name)
      assert.deepEqual(r.body.errors.map((e: any) => e.detail), [`${kind} ${name} (${made.id}) uses it`])
      assert.deepEqual((await s.api('GET', `/custom-tags/${t.id}/usage`)).data, [{ id: made.id, kind, name }])
      assert.equal((await s.raw('DELETE', `/api/v1/${path}/${made.id}`)).status, 204)
    }
    await s.api('DELETE', `/custom-tags/${free.id}`)
    await s.api('POST', '/targets', { name: 'used', destination: { type: 'sip', uri: agent.uri }, whisper: { text: 'used [[used] used' } })
    await s.api('DELETE', `/custom-tags/${t.id}`)
  })

  test('a database of an older version that has names in two cases goes on: the older tag is meant by both', async () => {
    const first = await tag('twin'), second = await tag('twin_two'), hook = await s.api('POST', '/incoming-webhooks', { name: 'twins' })
    await s.kill('SIGTERM')
    const sql = `UPDATE resources SET name = 'Twin', doc = REPLACE(doc, '"name":"twin_two"', '"name":"Twin"') WHERE id = '${second.id}'`
    if (s.database) {
      const bin = execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1']).toString().trim()
      execFileSync(join(bin, 'psql'), [s.database, '-c', sql])
    } else {
      execFileSync('python3', ['-c', 'import sqlite3, sys\nwith sqlite3.connect(sys.argv[1]) as d: d.execute(sys.argv[2])', join(s.data, 'strowger.db'), sql])
    }
    await s.serve()
    const target = await s.api('POST', '/targets', { name: 'twins', destination: { type: 'sip', uri: agent.uri }, filter: { rules: [is('tag.twin', 'x'), is('tag.Twin', 'x')] } })
    const said = await dataFor(hook.url, { caller_id: caller(), Twin: 'x' })
    assert.deepEqual(said.tags, { twin: 'x' })
    await s.api('PATCH', `/custom-tags/${second.id}`, { default: 'y' }) // its name stays
    await s.api('PATCH', `/custom-tags/${first.id}`, { default: 'y' })
    assert.equal((await refused('POST', '/custom-tags', { name: 'TWIN' })).status, 409)
    const apart = await rename(second.id, 'sister')
    assert.deepEqual(apart.renamed, [])
    assert.deepEqual((await s.api('GET', `/targets/${target.id}`)).filter.rules, [is('tag.twin', 'x'), is('tag.Twin', 'x')])
    assert.equal((await refused('PATCH', `/custom-tags/${second.id}`, { name: 'TWIN' })).status, 409)
    await rename(first.id, 'brother')
    assert.deepEqual((await s.api('GET', `/targets/${target.id}`)).filter.rules, [is('tag.brother', 'x'), is('tag.brother', 'x')])
    assert.deepEqual((await dataFor(hook.url, { caller_id: caller(), sister: 'x' })).tags, { sister: 'x' })
  })
})
