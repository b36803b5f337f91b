import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { execFileSync } from 'node:child_process'
import { Caller, Rtp } from './caller.ts'
import { Receiver, Sipp, Strowger, join, sippCall, sleep, until } from './harness.ts'

describe('calls', () => {
  let s: Strowger
  let agent: Sipp
  before(async () => {
    s = await Strowger.start()
    agent = await Sipp.answer('answer.xml')
  })
  after(async () => {
    agent.stop()
    await s.stop()
  })

  test('a routing plan connects the caller, and the log tells it', async () => {
    const plan = await s.plan('simple', [{ uri: agent.uri, revenue: { amount: '25.00' } }])
    await s.campaign('+18005550101', { routing_plan_id: plan.id, conversion: { after_seconds: 0 }, payout: '18.00' })
    const r = await sippCall('call.xml', s, '+18005550101')
    assert.equal(r.code, 0, r.out)
    const call = await s.lastCall((c) => c.number === '+18005550101')
    assert.equal(call.execution_mode, 'routing_plan')
    assert.equal(call.disposition, 'completed')
    assert.equal(call.hangup_by, 'caller')
    assert.equal(call.caller_id, '+15125550123')
    assert.equal(call.revenue, '25.00')
    assert.equal(call.payout, '18.00')
    assert.equal(call.converted, true)
    assert.equal(call.attempts.length, 1)
    assert.equal(call.attempts[0].outcome, 'answered')
    const events = (await s.api('GET', `/calls/${call.id}/events`)).data.map((e: any) => e.type)
    assert.deepEqual(events, ['call.started', 'call.dialing', 'call.connected', 'call.converted', 'call.completed'])
  })

  test('a campaign made without an execution mode uses the routing plan', async () => {
    const c = await s.api('POST', '/campaigns', { name: 'plain' })
    assert.equal(c.execution_mode, 'routing_plan')
  })

  test('busy, failing and silent targets are passed over in order', async () => {
    const [busy, fail, ring] = await Promise.all([Sipp.answer('busy.xml'), Sipp.answer('fail.xml'), Sipp.answer('ring.xml')])
    const plan = await s.plan('failover', [{ uri: busy.uri }, { uri: fail.uri }, { uri: ring.uri, timeout_seconds: 1 }, { uri: agent.uri }])
    await s.campaign('+18005550102', { routing_plan_id: plan.id })
    const r = await sippCall('call.xml', s, '+18005550102')
    const call = await s.lastCall((c) => c.number === '+18005550102')
    assert.equal(r.code, 0, r.out + JSON.stringify(call.attempts))
    assert.deepEqual(call.attempts.map((a: any) => [a.outcome, a.sip_status]), [['busy', 486], ['failed', 500], ['no_answer', null], ['answered', 200]])
    for (const x of [busy, fail, ring]) x.stop()
  })

  test('when nobody takes the call the caller hears why', async () => {
    const busy = await Sipp.answer('busy.xml')
    const one = await s.plan('busy only', [{ uri: busy.uri }])
    const none = await s.plan('nobody', [])
    const filtered = await s.plan('filtered', [{ uri: agent.uri, filter: { rules: [{ field: 'call.caller_id', op: 'equals', value: '+1' }] } }])
    await s.campaign('+18005550103', { routing_plan_id: one.id })
    await s.campaign('+18005550104', { routing_plan_id: none.id })
    await s.campaign('+18005550105', { routing_plan_id: filtered.id })
    for (const [scenario, number, disposition] of [['expect_486.xml', '+18005550103', 'busy'], ['expect_480.xml', '+18005550104', 'no_target'], ['expect_480.xml', '+18005550105', 'no_target']]) {
      const r = await sippCall(scenario, s, number)
      assert.equal(r.code, 0, r.out)
      assert.equal((await s.lastCall((c) => c.number === number)).disposition, disposition)
    }
    const passed = await s.lastCall((c) => c.number === '+18005550105')
    assert.equal(passed.attempts[0].outcome, 'skipped')
    assert.match(passed.attempts[0].reason, /filter/)
    busy.stop()
  })

  test('unknown numbers, sources and codecs are refused', async () => {
    assert.equal((await sippCall('expect_404.xml', s, '+18005559999')).code, 0)
    assert.equal((await sippCall('expect_488.xml', s, '+18005550101')).code, 0)
    assert.equal((await sippCall('expect_403.xml', s, '+18005550101', [], '127.0.0.2')).code, 0)
  })

  test('a call that comes back to where it was is refused, one that is only sent on is not, and hops are counted', async () => {
    const back = (number: string) => ({ uri: `sip:${number}@127.0.0.1:${s.sip}` })
    const loop = await s.plan('back to itself', [back('+18005550171')]), there = await s.plan('there', [back('+18005550173')]), andBack = await s.plan('and back', [back('+18005550172')])
    const on = await s.plan('sent on', [back('+18005550101')])
    for (const [number, plan] of [['+18005550171', loop], ['+18005550172', there], ['+18005550173', andBack], ['+18005550174', on]] as const) await s.campaign(number, { routing_plan_id: plan.id })
    assert.equal((await s.call('+18005550171', ['--from', '+15125550171'])).answered, false)
    const itself = await s.lastCall((c) => c.caller_id === '+15125550171')
    assert.deepEqual([itself.attempts.map((a: any) => a.sip_status), itself.disposition], [[482], 'failed'])
    assert.equal((await s.call('+18005550172', ['--from', '+15125550172'])).answered, false)
    await until('both calls', async () => (await s.api('GET', '/calls?limit=20')).data.filter((c: any) => c.caller_id === '+15125550172' && c.status === 'completed').length === 2)
    assert.equal((await s.call('+18005550174', ['--from', '+15125550174', '--duration', '1'])).status, 200)
    const r = await sippCall('expect_483.xml', s, '+18005550101')
    assert.equal(r.code, 0, r.out)
    assert.equal((await sippCall('one_hop.xml', s, '+18005550174')).code, 0)
    assert.deepEqual((await s.lastCall((c) => c.number === '+18005550174' && c.disposition === 'failed')).attempts.map((a: any) => a.sip_status), [483])
    assert.equal((await s.api('GET', '/calls?limit=50')).data.filter((c: any) => c.caller_id === '+15125550171').length, 1)
  })

  test('the same calls run over TCP', async () => {
    const r = await sippCall('call.xml', s, '+18005550101', ['-t', 't1'])
    assert.equal(r.code, 0, r.out)
  })

  test('CANCEL ends a call that rings, and one that hardly began', async () => {
    const ring = await Sipp.answer('ring.xml')
    const plan = await s.plan('ringing', [{ uri: ring.uri }])
    await s.campaign('+18005550106', { routing_plan_id: plan.id })
    for (const scenario of ['cancel_ringing.xml', 'cancel_at_once.xml']) {
      const r = await sippCall(scenario, s, '+18005550106')
      assert.equal(r.code, 0, scenario + r.out)
    }
    await until('both calls in the log', async () => (await s.api('GET', '/calls')).data.filter((c: any) => c.number === '+18005550106' && c.disposition === 'abandoned').length === 2)
    ring.stop()
  })

  test('a target whose 200 crosses our CANCEL gets ACK and BYE', async () => {
    const target = await Sipp.answer('answer_despite_cancel.xml', ['-m', '1'])
    const ended = new Promise((done) => target.child.on('close', done))
    const plan = await s.plan('crosses', [{ uri: target.uri }])
    await s.campaign('+18005550117', { routing_plan_id: plan.id })
    const r = await sippCall('cancel_ringing.xml', s, '+18005550117')
    assert.equal(r.code, 0, r.out)
    assert.equal(await ended, 0, target.out.slice(-2000)) // its scenario went as written
    const call = await s.lastCall((c) => c.number === '+18005550117')
    assert.equal(call.disposition, 'abandoned')
    assert.equal(call.connected_at, null)
  })

  test('the target may hang up first', async () => {
    const target = await Sipp.answer('answer_bye.xml')
    const plan = await s.plan('hangs up', [{ uri: target.uri }])
    await s.campaign('+18005550107', { routing_plan_id: plan.id })
    const r = await s.call('+18005550107')
    assert.equal(r.answered, true)
    const call = await s.lastCall((c) => c.number === '+18005550107')
    assert.equal(call.hangup_by, 'target')
    assert.equal(call.disposition, 'completed')
    target.stop()
  })

  test('a caller with digest credentials is let in from anywhere, a wrong password is not', async () => {
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Digest', '--email', 'd@example.com', ...s.databaseFlag()]))
    const key = other.api_key
    await until('the server to know the new organization', async () => (await s.raw('GET', '/api/v1/trunks', undefined, {}, key)).ok)
    await s.api('POST', '/trunks', { name: 'pbx', inbound: { username: 'alice', password: 'wonderland' } }, key)
    const flow = await s.api('POST', '/call-flows', { name: 'bye', draft: { nodes: [{ id: 's', type: 'start' }, { id: 'p', type: 'play', config: { prompt: { text: 'Hi.', voice: 'kal' } } }], edges: [{ from: 's', port: 'next', to: 'p' }] } }, key)
    await s.api('POST', `/call-flows/${flow.id}/publish`, {}, key)
    const c = await s.api('POST', '/campaigns', { name: 'c', execution_mode: 'call_flow', call_flow_id: flow.id }, key)
    await s.api('POST', '/numbers', { number: '+18005550108', campaign_id: c.id }, key)
    assert.equal((await s.call('+18005550108', ['--username', 'alice', '--password', 'wonderland', '--duration', '10'])).status, 200)
    assert.equal((await s.call('+18005550108', ['--username', 'alice', '--password', 'wrong'])).status, 403)
  })

  test('keys choose the way through a flow, a prompt is heard, digits land in a tag', async () => {
    for (const name of ['zip', 'choice']) await s.api('POST', '/custom-tags', { name })
    const flow = await s.flow('keys', [
      { id: 'hello', type: 'play', config: { prompt: { text: 'Welcome to the test.', voice: 'kal' } } },
      { id: 'menu', type: 'menu', config: { prompt: { text: 'Press one or two.', voice: 'kal' }, timeout_seconds: 8, options: [{ key: '1', port: 'one' }, { key: '2', port: 'two' }] } },
      { id: 'zip', type: 'gather', config: { prompt: { text: 'Your zip code.', voice: 'kal' }, max_digits: 5, min_digits: 5, timeout_seconds: 8, save_to: { tag: 'zip' } } },
      { id: 'tag', type: 'set_tag', config: { assignments: [{ tag: 'choice', value: 'two-[zip]-[CALLER_ID]' }] } },
      { id: 'bye', type: 'hangup', config: {} },
    ], [['start', 'next', 'hello'], ['hello', 'next', 'menu'], ['menu', 'two', 'zip'], ['zip', 'next', 'tag'], ['tag', 'next', 'bye']])
    await s.campaign('+18005550109', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const wav = join(s.dir, 'heard.wav')
    const r = await s.call('+18005550109', ['--dtmf', 'wwwwwwwwww2wwww78701', '--record', wav])
    assert.deepEqual([r.status, r.dtmf_sent], [200, 6])
    const call = await s.lastCall((c) => c.number === '+18005550109')
    assert.deepEqual(call.tags, { zip: '78701', choice: 'two-78701-+15125550199' })
    const steps = (await s.api('GET', `/calls/${call.id}/trace`)).data.filter((e: any) => e.kind === 'step').map((e: any) => `${e.node}:${e.port}`)
    assert.deepEqual(steps, ['start:next', 'hello:next', 'menu:two', 'zip:next', 'tag:next', 'bye:null'])
    const stat = execFileSync('sox', [wav, '-n', 'stat'], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' }) as unknown as string
    void stat
    const rms = Number(execFileSync('sh', ['-c', `sox ${wav} -n stat 2>&1 | sed -n 's/^RMS *amplitude: *//p'`]).toString())
    assert.ok(rms > 0.01, `the caller heard speech (RMS ${rms})`)
  })

  test('an uploaded prompt is played as it is', async () => {
    const tone = join(s.dir, 'tone.wav')
    execFileSync('sox', ['-n', '-r', '44100', '-c', '2', tone, 'synth', '2', 'sine', '600'])
    const prompt = await s.api('POST', '/prompts', { name: 'tone' })
    const bytes = (await import('node:fs')).readFileSync(tone)
    const up = await fetch(`${s.url}/api/v1/prompts/${prompt.id}/audio`, { method: 'PUT', headers: { authorization: `Bearer ${s.key}`, 'content-type': 'audio/wav' }, body: bytes })
    assert.equal(up.status, 200, await up.text())
    const flow = await s.flow('tone', [{ id: 'p', type: 'play', config: { prompt: { prompt_id: prompt.id } } }], [['start', 'next', 'p']])
    await s.campaign('+18005550110', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const wav = join(s.dir, 'tone-heard.wav')
    await s.call('+18005550110', ['--record', wav])
    const frequency = Number(execFileSync('sh', ['-c', `sox ${wav} -n stat 2>&1 | sed -n 's/^Rough *frequency: *//p'`]).toString())
    const length = Number(execFileSync('soxi', ['-D', wav]).toString())
    assert.ok(Math.abs(frequency - 600) < 15, `600 Hz heard as ${frequency}`)
    assert.ok(Math.abs(length - 2) < 0.1, `2 s heard as ${length}`)
  })

  test('audio passes between PCMU and PCMA legs, and keys reach the target', async () => {
    const target = await Sipp.answer('answer_pcma.xml', ['-rtp_echo'])
    const plan = await s.plan('echo', [{ uri: target.uri }])
    await s.campaign('+18005550111', { routing_plan_id: plan.id })
    const tone = join(s.dir, 'a.wav')
    const wav = join(s.dir, 'echo.wav')
    execFileSync('sox', ['-n', '-r', '8000', tone, 'synth', '3', 'sine', '700', 'vol', '0.5'])
    await s.call('+18005550111', ['--play', tone, '--record', wav, '--duration', '3'])
    const frequency = Number(execFileSync('sh', ['-c', `sox ${wav} -n stat 2>&1 | sed -n 's/^Rough *frequency: *//p'`]).toString())
    assert.ok(Math.abs(frequency - 700) < 20, `700 Hz came back as ${frequency}`)
    target.stop()
  })

  test('an HTTP request changes the way, and its failure takes the failure port', async () => {
    const crm = await Receiver.start((r) => (r.path.includes('15125550199') ? { body: JSON.stringify({ lead: { vip: true } }) } : { status: 500 }))
    await s.api('POST', '/custom-tags', { name: 'vip', type: 'boolean' })
    const flow = await s.flow('crm', [
      { id: 'ask', type: 'http_request', config: { url: `${crm.url}/lookup?c=[CALLER_ID]`, save: [{ pointer: '/lead/vip', tag: 'vip' }] } },
      { id: 'is', type: 'condition', config: { branches: [{ port: 'vip', filter: { rules: [{ field: 'tag.vip', op: 'equals', value: true }] } }] } },
      { id: 'busy', type: 'hangup', config: { cause: 'busy' } },
      { id: 'down', type: 'hangup', config: { sip_status: 503 } },
    ], [['start', 'next', 'ask'], ['ask', 'success', 'is'], ['is', 'vip', 'busy'], ['ask', 'failure', 'down']])
    await s.campaign('+18005550112', { execution_mode: 'call_flow', call_flow_id: flow.id })
    assert.equal((await s.call('+18005550112')).status, 486)
    assert.equal((await s.call('+18005550112', ['--from', '+15125550777'])).status, 503)
    crm.stop()
  })

  test('split, variables, jumps and debug lines run on a call and stand in its trace', async () => {
    const flow = await s.flow('shares', [
      { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'line', value: 'from [CALLER_ID]' }] } },
      { id: 'x', type: 'split', config: { sticky: true, shares: [{ port: 'all', weight: 1 }, { port: 'none', weight: 0 }] } },
      { id: 'd', type: 'debug', config: { message: 'went all the way: [line]' } },
      { id: 'jump', type: 'go_to', config: { node: 'busy' } },
      { id: 'busy', type: 'hangup', config: { cause: 'busy' } },
      { id: 'no', type: 'hangup', config: { sip_status: 503 } },
    ], [['start', 'next', 'v'], ['v', 'next', 'x'], ['x', 'all', 'd'], ['x', 'none', 'no'], ['d', 'next', 'jump']])
    await s.campaign('+18005550119', { execution_mode: 'call_flow', call_flow_id: flow.id })
    assert.equal((await s.call('+18005550119', ['--from', '+15125550141'])).status, 486)
    const call = await s.lastCall((c) => c.number === '+18005550119')
    const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
    assert.equal(trace.find((e: any) => e.node === 'd').detail, 'went all the way: from +15125550141')
    assert.deepEqual(call.tags, {})
    const bad = await s.api('POST', '/call-flows', { name: 'no share', draft: { nodes: [{ id: 's', type: 'start' }, { id: 'x', type: 'split', config: { shares: [{ port: 'a', weight: 0 }] } }], edges: [{ from: 's', port: 'next', to: 'x' }] } })
    const refused = await s.raw('POST', `/api/v1/call-flows/${bad.id}/publish`, {})
    assert.equal(refused.status, 422)
    const { problems } = (await refused.json()) as any
    assert.ok(problems.some((p: any) => p.code === 'weights' && p.node === 'x'), JSON.stringify(problems))
  })

  test('a flow lets the caller wait, sends an event of its own and says what the call came to', async () => {
    const crm = await Receiver.start()
    await s.api('POST', '/outgoing-webhooks', { name: 'custom events', url: crm.url, event_types: ['flow.custom', 'call.converted'] })
    const flow = await s.flow('outcome', [
      { id: 'w', type: 'wait', config: { seconds: 2, prompt: { text: 'Hold.', voice: 'kal' } } },
      { id: 'o', type: 'set_outcome', config: { converted: true, revenue: '12.50', payout: '7', disposition: 'qualified' } },
      { id: 'e', type: 'send_event', config: { name: 'lead', fields: [{ name: 'worth', value: '[REVENUE]' }, { name: 'who', value: '[CALLER_ID]' }] } },
    ], [['start', 'next', 'w'], ['w', 'next', 'o'], ['o', 'next', 'e']])
    await s.campaign('+18005550120', { execution_mode: 'call_flow', call_flow_id: flow.id, payout: '99' })
    const wav = join(s.dir, 'wait.wav')
    const r = await s.call('+18005550120', ['--record', wav])
    assert.ok(r.duration_ms >= 1900 && r.duration_ms < 6000, `two seconds took ${r.duration_ms} ms`)
    const length = Number(execFileSync('soxi', ['-D', wav]).toString())
    assert.ok(length > 1.8, `the prompt was heard over and over for ${length} s`)
    const call = await s.lastCall((c) => c.number === '+18005550120')
    assert.deepEqual([call.converted, call.revenue, call.payout, call.disposition], [true, '12.50', '7.00', 'qualified'])
    await until('both events at the receiver', () => crm.requests.length === 2)
    const events = crm.requests.map((x) => JSON.parse(x.body)).sort((a, b) => a.type.localeCompare(b.type))
    assert.deepEqual(events.map((e) => e.type), ['call.converted', 'flow.custom'])
    assert.equal(events[1].data.name, 'lead')
    assert.deepEqual(events[1].data.fields, { worth: '12.50', who: '+15125550199' })
    crm.stop()
  })

  test('publishing during a call keeps the pinned version', async () => {
    const nodes = (text: string) => [{ id: 'start', type: 'start' }, { id: 'm', type: 'menu', config: { prompt: { text, voice: 'kal' }, timeout_seconds: 10, tries: 1, options: [{ key: '1', port: 'one' }] } }, { id: text, type: 'hangup', config: {} }]
    const edges = (text: string) => [{ from: 'start', port: 'next', to: 'm' }, { from: 'm', port: 'one', to: text }]
    const flow = await s.api('POST', '/call-flows', { name: 'pinned', draft: { nodes: nodes('first'), edges: edges('first') } })
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    await s.campaign('+18005550113', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const running = s.call('+18005550113', ['--dtmf', 'wwwwwwww1'])
    await until('the call', async () => (await s.api('GET', '/calls?status=active')).data.length)
    await s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: nodes('second'), edges: edges('second') } })
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    await running
    await s.call('+18005550113', ['--dtmf', 'ww1'])
    const calls = await until('both', async () => { const d = (await s.api('GET', '/calls')).data.filter((c: any) => c.number === '+18005550113' && c.status === 'completed'); return d.length === 2 && d })
    assert.deepEqual(calls.map((c: any) => c.flow_version), [2, 1])
    for (const [call, end] of [[calls[0], 'second'], [calls[1], 'first']]) {
      const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
      assert.ok(trace.some((e: any) => e.node === end), JSON.stringify(trace))
    }
  })

  test('audio goes to where a stream of packets comes from, until the next offer; single packets move nothing', async () => {
    const flow = await s.flow('long', [{ id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven eight nine ten. '.repeat(8), voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005550118', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const c = await Caller.invite(s, '+18005550118')
    const [offered, behindNat, third, moved] = await Promise.all([Rtp.bind(), Rtp.bind(), Rtp.bind(), Rtp.bind()])
    const stranger = await Rtp.bind('127.0.0.2')
    const heard = async (...sockets: Rtp[]) => {
      for (const x of sockets) x.received = 0
      await sleep(400)
      return sockets.map((x) => x.received > 5)
    }
    const stream = (from: Rtp) => [1, 2, 3].forEach(() => from.send(port))
    const port = await c.offer(offered.port)
    await until('the address of the offer is used before any packet', () => offered.received > 5) // once the text is spoken, which takes its time
    stranger.send(port)
    assert.deepEqual(await heard(offered, stranger), [true, false], 'a single packet is not followed')
    stream(behindNat)
    assert.deepEqual(await heard(offered, behindNat), [false, true], 'a stream is')
    stream(third)
    assert.deepEqual(await heard(behindNat, third), [true, false], 'a later one is not, so soon')
    assert.equal(await c.offer(moved.port), port, 'our own port stays')
    assert.deepEqual(await heard(behindNat, moved), [false, true], 'a new offer is followed')
    stream(third)
    assert.deepEqual(await heard(moved, third), [false, true], 'and the first stream after it')
    await c.bye()
    for (const x of [offered, behindNat, third, moved, stranger]) x.close()
    assert.equal((await s.lastCall((x) => x.number === '+18005550118')).hangup_by, 'caller')
  })

  test('every call above that ran a flow takes the same path when it is replayed on its version', async () => {
    const calls = (await s.api('GET', '/calls?limit=200')).data.filter((c: any) => c.execution_mode === 'call_flow' && c.status === 'completed' && c.flow_version)
    assert.ok(calls.length > 8, `${calls.length}`)
    for (const c of calls) {
      const r = await s.api('POST', `/call-flows/${c.call_flow_id}/replay`, { call_id: c.id, version: c.flow_version })
      const sensitive = r.parts && /sensitive/.test(r.parts.why)
      assert.ok(r.same || sensitive, JSON.stringify([c.number, r, (await s.api('GET', `/calls/${c.id}/trace`)).data]))
    }
  })

  test('after all of it no call, port or dialog is left', async () => {
    await sleep(500)
    await until('everything to be given back', async () => (await s.metric('strowger_calls_active')) === 0 && (await s.metric('strowger_media_ports')) === 0)
    await until('the last dialogs to go', async () => (await s.metric('strowger_sip_legs')) === 0, 45000)
  })
})
