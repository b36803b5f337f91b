import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from './caller.ts'
import { Receiver, Sipp, Strowger, binary, join, root, until } from './harness.ts'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

describe('call flows', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  // Places a call from `from` and answers its trace's steps as "node>port".
  const steps = async (number: string, from: string, args: string[] = []) => {
    await s.call(number, ['--from', from, '--duration', '10', ...args])
    const call = await s.lastCall((c) => c.number === number && c.caller_id === from)
    const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
    return { call, trace, path: trace.filter((e: any) => e.kind === 'step').map((e: any) => `${e.node}>${e.port}`) }
  }

  test('opening hours and the clock decide a call\'s way', async () => {
    const always = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => ({ day, open: '00:00', close: '24:00' }))
    const near = [-1, 0, 1].map((d) => ({ date: new Date(Date.now() + d * 86400e3).toISOString().slice(0, 10), name: 'Fair' }))
    const hours = (id: string, weekly: object[], holidays: object[] = []) => ({ id, type: 'business_hours', config: { schedule: { time_zone: 'America/Chicago', weekly, holidays }, callers_time_zone: true } })
    const flow = await s.flow('Hours', [hours('a', always), hours('b', []), hours('c', always, near), { id: 'd', type: 'debug', config: { message: '[CALLER_TIME_ZONE]' } }],
      [['start', 'next', 'a'], ['a', 'open', 'b'], ['b', 'closed', 'c'], ['c', 'holiday', 'd']])
    await s.campaign('+18005550401', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const { path, trace } = await steps('+18005550401', '+12125550142')
    assert.deepEqual(path, ['start>next', 'a>open', 'b>closed', 'c>holiday', 'd>next'])
    const said = Object.fromEntries(trace.filter((e: any) => e.kind === 'step').map((e: any) => [e.node, e.detail]))
    assert.match(said.a, /^\w{3} \d\d:\d\d in America\/New_York$/)
    assert.match(said.c, /: Fair$/)
    assert.equal(said.d.split(';')[0], 'America/New_York')
  })

  test('a flow runs another one, comes back, and the trace tells which version it was', async () => {
    const ask = await s.flow('Ask', [
      { id: 'q', type: 'menu', config: { prompt: { text: 'One?' }, timeout_seconds: 3, tries: 1, options: [{ key: '1', port: 'one' }] } },
      { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'answer', value: '[greeting|none] one' }, { variable: 'greeting', value: 'x' }] } },
    ], [['start', 'next', 'q'], ['q', 'one', 'v']])
    const outer = await s.flow('Outer', [
      { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'greeting', value: 'hello' }, { variable: 'answer', value: 'no' }] } },
      { id: 'c', type: 'call_flow', config: { call_flow_id: ask.id } },
      { id: 'd', type: 'debug', config: { message: '[answer]' } },
    ], [['start', 'next', 'v'], ['v', 'next', 'c'], ['c', 'next', 'd']])
    await s.campaign('+18005550402', { execution_mode: 'call_flow', call_flow_id: outer.id })
    const { path, trace, call } = await steps('+18005550402', '+12125550143', ['--dtmf', 'ww1'])
    assert.deepEqual(path, ['start>next', 'v>next', 'start>next', 'q>one', 'v>next', 'c>next', 'd>next'])
    const inner = trace.filter((e: any) => e.call_flow_id)
    assert.deepEqual(inner.map((e: any) => [e.call_flow_id, e.flow_version, e.node]), [[ask.id, 1, 'start'], [ask.id, 1, 'q'], [ask.id, 1, 'v']])
    assert.match(trace.find((e: any) => e.node === 'd').detail, /^hello one/)
    assert.equal((await s.raw('DELETE', `/api/v1/call-flows/${ask.id}`)).status, 409)
    assert.ok((await s.api('POST', `/call-flows/${outer.id}/replay`, { call_id: call.id, version: 1 })).same)
    const sim = await s.api('POST', `/call-flows/${outer.id}/simulate`, { digits: ['1'] })
    assert.equal(sim.steps.at(-1).detail.split(';')[0], 'hello one')
    const draft = await s.api('POST', '/call-flows', { name: 'Draft only', draft: { nodes: [{ id: 's', type: 'start' }], edges: [] } })
    const missing = await s.api('POST', `/call-flows/${outer.id}/simulate`, { document: { nodes: [{ id: 's', type: 'start' }, { id: 'c', type: 'call_flow', config: { call_flow_id: draft.id } }], edges: [{ from: 's', port: 'next', to: 'c' }] } })
    assert.equal(missing.steps[1].port, 'failed')
  })

  test('who answers hears a whisper, and takes the call with a key; who does not is passed over', async () => {
    const heard = await Rtp.bind()
    const [silent, leaving, pressing] = await Promise.all([Sipp.answer('answer.xml'), Sipp.answer('answer_bye.xml'), Sipp.answer('answer_press.xml', ['-key', 'audio_port', String(heard.port)])])
    const nobody = await s.plan('Whisper nobody', [{ uri: silent.uri }])
    const both = await s.plan('Whisper', [{ uri: leaving.uri }, { uri: pressing.uri }])
    const flow = async (name: string, plan: { id: string }, number: string, config: object) => {
      const f = await s.flow(name, [{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id }, ...config } }], [['start', 'next', 'd']])
      await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: f.id })
      return number
    }
    const whisper = { text: 'A call for you. Press one.' }
    const numbers = [await flow('Whisper 1', nobody, '+18005550411', { whisper, accept_key: '1' }), await flow('Whisper 2', both, '+18005550412', { whisper, accept_key: '1' }), await flow('Whisper 3', nobody, '+18005550413', { whisper })]
    const results = await Promise.all(numbers.map((n, i) => s.call(n, ['--from', `+1512555066${i}`, '--duration', i === 0 ? '20' : '4'])))
    assert.deepEqual(results.map((r) => r.answered), [false, true, true])
    const outcomes = async (number: string) => {
      const call = await s.lastCall((c) => c.number === number)
      return { outcomes: call.attempts.map((a: any) => a.outcome), call, path: (await s.api('GET', `/calls/${call.id}/trace`)).data.filter((e: any) => e.kind === 'step').map((e: any) => `${e.node}>${e.port}`) }
    }
    const first = await outcomes(numbers[0])
    assert.deepEqual([first.outcomes, first.path.at(-1)], [['not_accepted'], 'd>no_answer'])
    const second = await outcomes(numbers[1])
    assert.deepEqual(second.outcomes, ['not_accepted', 'answered'])
    assert.ok(heard.received > 60, `${heard.received} packets of whisper and talk`)
    assert.deepEqual((await outcomes(numbers[2])).outcomes, ['answered'])
    const spoken = new Date(second.call.connected_at).getTime() - new Date(second.call.started_at).getTime()
    assert.ok(spoken > 1900, `connected ${spoken} ms after the call began: before the key`)
    heard.close()
    for (const t of [silent, leaving, pressing]) t.stop()
  })

  test('a target of a routing plan has a whisper and a key of its own', async () => {
    const heard = await Rtp.bind()
    const [silent, pressing] = await Promise.all([Sipp.answer('answer.xml'), Sipp.answer('answer_press.xml', ['-key', 'audio_port', String(heard.port)])])
    const own = { accept_key: '1', whisper: { text: 'A call from [CALLER_STATE|far away]. Press one.' } }
    const ids = []
    for (const [i, t] of [silent, pressing].entries()) ids.push((await s.api('POST', '/targets', { name: `Own whisper ${i}`, destination: { type: 'sip', uri: t.uri }, ...(i ? own : { accept_key: '1' }) })).id)
    const plan = await s.api('POST', '/routing-plans', { name: 'Own whispers', entries: ids.map((target_id, i) => ({ target_id, priority: i + 1 })) })
    await s.campaign('+18005550414', { routing_plan_id: plan.id })
    const result = await s.call('+18005550414', ['--from', '+15125550664', '--duration', '15'])
    assert.equal(result.answered, true)
    const call = await s.lastCall((c) => c.number === '+18005550414')
    assert.deepEqual(call.attempts.map((a: any) => [a.outcome, a.chosen]), [['not_accepted', "in the plan's order, priority 1"], ['answered', "in the plan's order, priority 2"]])
    assert.ok(heard.received > 60, `${heard.received} packets of whisper and talk`)
    heard.close()
    for (const t of [silent, pressing]) t.stop()
    for (const whisper of [{}, { text: 'Hello', prompt_id: 'prm_01M86EAB1Q0004DZZ1STGFT7B0' }])
      await assert.rejects(s.api('PATCH', `/targets/${ids[0]}`, { whisper }), (e: any) => e.body.errors.some((x: any) => x.pointer.startsWith('/whisper')))
  })

  test('of those that ring at once the first that takes the call has it, and the others stop ringing', async () => {
    const [ringing, slow, busy, first] = await Promise.all([Sipp.answer('ring.xml'), Sipp.answer('answer_press.xml', ['-key', 'audio_port', '40000']), Sipp.answer('busy.xml'), Sipp.answer('answer.xml', ['-d', '700'])])
    const all = await s.plan('At once', [ringing, slow, busy].map(({ uri }) => ({ uri })))
    const quick = await s.plan('At once, quick', [ringing, busy, first].map(({ uri }) => ({ uri })))
    const none = await s.plan('At once, none', [busy, busy].map(({ uri }) => ({ uri })))
    const flow = async (name: string, plan: { id: string }, number: string, config: object) => {
      const f = await s.flow(name, [{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id }, ring: 'simultaneous', ...config } }], [['start', 'next', 'd']])
      await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: f.id })
      return number
    }
    const numbers = [await flow('At once 1', all, '+18005550421', { accept_key: '1' }), await flow('At once 2', quick, '+18005550422', {}), await flow('At once 3', none, '+18005550423', {})]
    const results = await Promise.all(numbers.map((n, i) => s.call(n, ['--from', `+1512555067${i}`, '--duration', i ? '1' : '4'])))
    assert.deepEqual(results.map((r) => r.answered), [true, true, false])
    const log = (number: string) => s.lastCall((c) => c.number === number)
    const [one, two, three] = [await log(numbers[0]), await log(numbers[1]), await log(numbers[2])]
    assert.deepEqual(one.attempts.map((a: any) => [a.uri, a.outcome]), [[busy.uri, 'busy'], [ringing.uri, 'answered_elsewhere'], [slow.uri, 'answered']])
    assert.deepEqual(two.attempts.map((a: any) => a.outcome).sort(), ['answered', 'answered_elsewhere', 'busy'])
    assert.equal(two.target_id, two.attempts.find((a: any) => a.outcome === 'answered').target_id)
    assert.deepEqual(three.attempts.map((a: any) => a.outcome), ['busy', 'busy'])
    assert.equal(results[2].status, 486) // the flow ends by an unconnected port: what the target meant
    const began = one.attempts.map((a: any) => Date.parse(a.started_at))
    assert.ok(Math.max(...began) - Math.min(...began) < 400, 'all were called at once')
    await until('every leg to end', async () => (await s.metric('strowger_calls_active')) === 0)
    for (const t of [ringing, slow, busy, first]) t.stop()
  })

  test('a request that fails is sent again while the caller waits, and the trace has each answer', async () => {
    const crm = await Receiver.start((_, n) => (n < 3 ? { status: 503 } : { body: '{"tier":"gold"}' }))
    const flow = await s.flow('Again', [{ id: 'r', type: 'http_request', config: { url: `${crm.url}/`, retries: 2, save: [{ pointer: '/tier', variable: 'tier' }] } }], [['start', 'next', 'r']])
    await s.campaign('+18005550405', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const { path, trace } = await steps('+18005550405', '+12125550145')
    assert.deepEqual(path, ['start>next', 'r>success'])
    assert.deepEqual(trace.filter((e: any) => e.input === 'http').map((e: any) => e.status), [503, 503, 200])
    assert.equal(crm.requests.length, 3)
    crm.stop()
  })

  const script = (id: string, code: string, more: object = {}) => ({ id, type: 'javascript', config: { code, ...more } })

  test('a script reads the call, sets tags and variables, chooses the way, and its words are in the trace', async () => {
    await s.api('POST', '/custom-tags', { name: 'tier' })
    await s.api('POST', '/custom-tags', { name: 'points', type: 'number' })
    await s.api('POST', '/custom-tags', { name: 'card', sensitive: true })
    const code = `const points = number.state === 'NY' ? 70.5 : 10
console.log('points', points, {caller: call.caller_id})
return {port: points > 50 ? 'good' : 'bad', tags: {points, tier: vars.greeting + '!', card: '4111'}, vars: {rate: points / 2, late: new Date(time.epoch * 1000).toISOString() > '2026'}}`
    const flow = await s.flow('Scripted', [
      { id: 'v', type: 'set_variable', config: { assignments: [{ variable: 'greeting', value: 'hi' }] } },
      script('j', code, { ports: ['good', 'bad'], variables: ['rate', 'late'] }),
      { id: 'd', type: 'debug', config: { message: '[points] [rate] [late]' } },
      script('k', 'nothing.there()'), script('l', 'for (;;);'), script('m', "return {tags: {tier: 'kept', nope: 1}}"),
      { id: 'e', type: 'debug', config: { message: 'end [tier]' } },
    ], [['start', 'next', 'v'], ['v', 'next', 'j'], ['j', 'good', 'd'], ['d', 'next', 'k'], ['k', 'error', 'l'], ['l', 'error', 'm'], ['m', 'error', 'e']])
    await s.campaign('+18005550451', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const { call, trace, path } = await steps('+18005550451', '+12125550177')
    assert.deepEqual(path, ['start>next', 'v>next', 'j>good', 'd>next', 'k>error', 'l>error', 'm>error', 'e>next'])
    const said = Object.fromEntries(trace.filter((e: any) => e.kind === 'step').map((e: any) => [e.node, e.detail]))
    assert.match(said.j, /^points 70.5 \{"caller":"\+12125550177"\}/)
    assert.match(said.d, /^70.5 35.25 true/)
    assert.match(said.k, /ReferenceError: Can't find variable: nothing \(line 1, column \d+\)/)
    assert.match(said.l, /more than 50 ms of CPU/)
    assert.match(said.m, /there is no tag named nope/)
    assert.match(said.e, /^end hi!/)
    assert.equal(call.tags.points, 70.5)
    assert.ok(!JSON.stringify(trace).includes('4111'), 'a sensitive value is in the trace')
    const again = await s.api('POST', `/call-flows/${flow.id}/replay`, { call_id: call.id, version: 1 })
    assert.ok(again.same, JSON.stringify(again.parts))
    const sim = await s.api('POST', `/call-flows/${flow.id}/simulate`, { caller_id: '+12125550177', version: 1 })
    assert.deepEqual(sim.steps.map((e: any) => `${e.node}>${e.port}`), path)
    assert.equal(sim.steps[2].after.tags.card, '********')
    const given = await s.api('POST', `/call-flows/${flow.id}/simulate`, { version: 1, scripts: [{ result: { port: 'bad' } }] })
    assert.equal(given.steps.at(-1).port, 'bad')
    const failed = await s.api('POST', `/call-flows/${flow.id}/simulate`, { version: 1, scripts: [{ error: 'made up' }] })
    assert.deepEqual([failed.steps.at(-1).port, failed.steps.at(-1).detail.split(';')[0]], ['error', 'made up'])
  })

  test('a script\'s syntax is checked before it is published, with line and column', async () => {
    const document = { nodes: [{ id: 'start', type: 'start', config: {} }, script('j', 'const a = 1\nreturn {port: a a}')], edges: [{ from: 'start', port: 'next', to: 'j' }] }
    const flow = await s.api('POST', '/call-flows', { name: 'Wrong', draft: document })
    const checked = await s.api('POST', `/call-flows/${flow.id}/check`)
    const problem = checked.problems.find((p: any) => p.code === 'script')
    assert.deepEqual([checked.ok, problem.severity, problem.node, problem.pointer], [false, 'error', 'j', '/nodes/1/config/code'])
    assert.match(problem.detail, /SyntaxError: Unexpected identifier 'a'.* \(line 2, column 17\)/)
    assert.equal((await s.raw('POST', `/api/v1/call-flows/${flow.id}/publish`, {})).status, 422)
    const file = join(s.dir, 'wrong.json')
    writeFileSync(file, JSON.stringify(document))
    assert.throws(() => execFileSync(binary, ['flow', 'check', file], { encoding: 'utf8' }), (e: any) => /error script in node j: SyntaxError.*line 2, column 17/.test(e.stdout))
    document.nodes[1] = script('j', 'return {port: "a", vars: {n: 1}}', { ports: ['a'], variables: ['n'] })
    writeFileSync(file, JSON.stringify(document))
    assert.match(execFileSync(binary, ['flow', 'check', file], { encoding: 'utf8' }), /ok/)
    assert.equal(JSON.parse(execFileSync(binary, ['flow', 'simulate', file], { encoding: 'utf8' })).steps.at(-1).port, 'a')
  })

  test('many calls run scripts at once, one of them without end, and none waits for another', async () => {
    const flow = await s.flow('Busy', [script('j', "if (call.caller_id.endsWith('0')) for (;;);\nreturn {port: 'own', tags: {tier: call.caller_id}}", { ports: ['own'], timeout_ms: 5000 })], [['start', 'next', 'j']])
    await s.campaign('+18005550452', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const callers = Array.from({ length: 20 }, (_, i) => `+121255502${String(i).padStart(2, '0')}`)
    await Promise.all(callers.map((from) => s.call('+18005550452', ['--from', from, '--duration', '5'])))
    for (const from of callers) {
      const call = await s.lastCall((c) => c.number === '+18005550452' && c.caller_id === from)
      const step = (await s.api('GET', `/calls/${call.id}/trace`)).data.filter((e: any) => e.kind === 'step').at(-1)
      assert.equal(step.port, from.endsWith('0') ? 'error' : 'own', `${from}: ${step.detail}`)
      assert.equal(call.tags.tier ?? null, from.endsWith('0') ? null : from)
    }
  })

  test('a list decides a call, a change of it the next one, and it is found by name when a flow is imported', async () => {
    const blocked = await s.api('POST', '/lists', { name: 'Blocked', values: ['+12125550199'] })
    const flow = await s.flow('Gate', [
      { id: 'c', type: 'condition', config: { branches: [{ port: 'blocked', filter: { rules: [{ match: 'any', rules: [{ field: 'call.caller_id', op: 'in_list', value: blocked.id }] }] } }] } },
      { id: 'no', type: 'hangup', config: { cause: 'reject' } }, { id: 'yes', type: 'hangup', config: { cause: 'busy' } },
    ], [['start', 'next', 'c'], ['c', 'blocked', 'no'], ['c', 'else', 'yes']])
    await s.campaign('+18005550404', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const status = async (from: string) => (await s.call('+18005550404', ['--from', from])).status
    assert.deepEqual([await status('+12125550199'), await status('+12125550198')], [603, 486])
    await s.api('PATCH', `/lists/${blocked.id}`, { values: ['+12125550198'] })
    assert.deepEqual([await status('+12125550199'), await status('+12125550198')], [486, 603])
    assert.equal((await s.raw('DELETE', `/api/v1/lists/${blocked.id}`)).status, 409)
    const bad = await s.raw('POST', '/api/v1/targets', { name: 'x', destination: { type: 'sip', uri: 'sip:x@127.0.0.1' }, filter: { rules: [{ field: 'call.caller_id', op: 'in_list', value: 'lst_none' }] } })
    assert.equal(bad.status, 422)
    assert.equal(((await bad.json()) as any).errors[0].pointer, '/filter/rules/0/value')
    const exported = await s.api('GET', `/call-flows/${flow.id}/export`)
    assert.deepEqual(exported.references, { [blocked.id]: { kind: 'list', name: 'Blocked' } })
  })

  test('the numbers of a version tell where callers went and left', async () => {
    const flow = await s.flow('Counted', [
      { id: 'm', type: 'menu', config: { prompt: { text: 'One?' }, timeout_seconds: 3, tries: 1, options: [{ key: '1', port: 'one' }] } },
      { id: 'h', type: 'hangup', config: {} },
    ], [['start', 'next', 'm'], ['m', 'one', 'h']])
    await s.campaign('+18005550403', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await Promise.all([
      s.call('+18005550403', ['--dtmf', 'ww1', '--duration', '9']), s.call('+18005550403', ['--dtmf', 'ww1', '--duration', '9']),
      s.call('+18005550403', ['--dtmf', 'ww9', '--duration', '9']), s.call('+18005550403', ['--duration', '1']),
    ])
    await until('all calls', async () => (await s.api('GET', '/calls')).data.filter((c: any) => c.number === '+18005550403' && c.status === 'completed').length === 4)
    const stats = await s.api('GET', `/call-flows/${flow.id}/stats`)
    assert.deepEqual([stats.calls, stats.version, stats.truncated], [4, 1, false])
    const by = Object.fromEntries(stats.nodes.map((n: any) => [n.node, n]))
    assert.deepEqual([by.start.entered, by.start.ports], [4, { next: 4 }])
    assert.deepEqual([by.m.entered, by.m.ports, by.m.dropped, by.m.ended], [4, { one: 2, invalid: 1 }, 1, 0])
    assert.deepEqual([by.h.entered, by.h.ended], [2, 2])
    assert.ok(by.m.median_ms > 500 && by.m.p95_ms >= by.m.median_ms, JSON.stringify(by.m))
    assert.equal((await s.api('GET', `/call-flows/${flow.id}/stats?to=2020-01-01`)).calls, 0)
    assert.equal((await s.api('GET', `/call-flows/${flow.id}/stats?version=2`)).calls, 0)
    await assert.rejects(s.api('GET', `/call-flows/${flow.id}/stats?from=noon`), { status: 400 })
    await assert.rejects(s.api('GET', '/calls?from=noon'), { status: 400 })
  })

  test('what two versions differ in is told by node and key', async () => {
    const draft = (text: string, extra: object[], edges: [string, string, string][], x: number) => ({
      nodes: [{ id: 'start', type: 'start', position: { x, y: 0 } }, { id: 'p', type: 'play', name: 'Hi', config: { prompt: { text } } }, ...extra],
      edges: edges.map(([from, port, to]) => ({ from, port, to })),
    })
    const flow = await s.api('POST', '/call-flows', { name: 'Differs', draft: draft('one', [{ id: 'old', type: 'hangup' }], [['start', 'next', 'p'], ['p', 'next', 'old']], 0) })
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    const diff = (query: string) => s.api('GET', `/call-flows/${flow.id}/diff${query}`)
    assert.equal((await diff('?from=1')).same, true)
    await s.api('PATCH', `/call-flows/${flow.id}`, { draft: draft('two', [{ id: 'new', type: 'hangup' }], [['start', 'next', 'p'], ['p', 'next', 'new']], 40) })
    assert.deepEqual(await diff('?from=1&to=draft'), {
      same: false,
      nodes: { added: ['new'], removed: ['old'], changed: [{ id: 'p', keys: ['/config/prompt/text'] }], moved: ['start'] },
      edges: { added: [{ from: 'p', port: 'next', to: 'new' }], removed: [{ from: 'p', port: 'next', to: 'old' }] },
      keys: [],
    })
    await assert.rejects(diff('?from=7'), { status: 404 })
    await assert.rejects(diff('?from=x'), { status: 400 })
  })

  test('an exported flow is imported again byte for byte, and elsewhere by the names it refers to', async () => {
    const plan = await s.plan('Export sales', [{ uri: 'sip:x@127.0.0.1' }])
    const prompt = await s.api('POST', '/prompts', { name: 'Export hello', text: 'Hello.' })
    const flow = await s.api('POST', '/call-flows', { name: 'Exported', draft: {
      nodes: [{ id: 's', type: 'start' }, { id: 'p', type: 'play', config: { prompt: { prompt_id: prompt.id } } }, { id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }],
      edges: [{ from: 's', port: 'next', to: 'p' }, { from: 'p', port: 'next', to: 'd' }], fallback: { routing_plan_id: plan.id } } })
    const text = async (id: string, key?: string) => (await s.raw('GET', `/api/v1/call-flows/${id}/export`, undefined, {}, key)).text()
    const first = await text(flow.id)
    assert.deepEqual(JSON.parse(first).references, { [plan.id]: { kind: 'routing_plan', name: 'Export sales' }, [prompt.id]: { kind: 'prompt', name: 'Export hello' } })
    await s.api('PATCH', `/call-flows/${flow.id}`, { name: 'Exported before' })
    const again = await s.api('POST', '/call-flows/import', JSON.parse(first))
    assert.equal(await text(again.id), first)
    // another organization: nothing of that name yet, then all of it
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Import', '--email', 'import@example.com', ...s.databaseFlag()])).api_key
    await until('the new organization', async () => (await s.raw('GET', '/api/v1/call-flows', undefined, {}, other)).ok)
    const refused = await s.raw('POST', '/api/v1/call-flows/import', JSON.parse(first), {}, other)
    assert.equal(refused.status, 422)
    assert.deepEqual(((await refused.json()) as any).errors.map((e: any) => e.pointer), ['/nodes/1/config/prompt/prompt_id', '/nodes/2/config/to/routing_plan_id', '/fallback/routing_plan_id'])
    const theirs = await s.api('POST', '/routing-plans', { name: 'Export sales', entries: [] }, other)
    const hello = await s.api('POST', '/prompts', { name: 'Export hello', text: 'Hi.' }, other)
    const made = await s.api('POST', '/call-flows/import', JSON.parse(first), other)
    assert.equal(made.draft.nodes[2].config.to.routing_plan_id, theirs.id)
    assert.equal(made.draft.nodes[1].config.prompt.prompt_id, hello.id)
    assert.equal(made.draft.fallback.routing_plan_id, theirs.id)
  })

  const path = (r: any) => r.steps.map((e: any) => `${e.node}>${e.port}`)

  test('a simulation runs the draft, a version or a document, and tells every value', async () => {
    await s.api('POST', '/custom-tags', { name: 'interest' })
    await s.api('POST', '/custom-tags', { name: 'age', type: 'number' })
    const nodes = [
      { id: 'ask', type: 'menu', config: { prompt: { text: 'Press one.' }, tries: 2, options: [{ key: '1', port: 'yes' }] } },
      { id: 'keep', type: 'set_tag', config: { assignments: [{ tag: 'interest', value: '[CALLER_STATE] at [HOUR]' }] } },
      { id: 'ring', type: 'dial', config: { to: { uri: 'sip:x@127.0.0.1' } } },
    ]
    const flow = await s.flow('Simulated', nodes, [['start', 'next', 'ask'], ['ask', 'yes', 'keep'], ['keep', 'next', 'ring']])
    const run = (body: object) => s.api('POST', `/call-flows/${flow.id}/simulate`, body)
    const r = await run({ caller_id: '(512) 555-0142', at: '2026-11-23T20:30:00Z', digits: ['', '1'], tags: { AGE: '41' }, dial: [{ outcome: 'busy' }] })
    assert.deepEqual(path(r), ['start>next', 'ask>yes', 'keep>next', 'ring>busy'])
    assert.deepEqual(r.steps[2].before.tags, { age: 41 })
    assert.deepEqual(r.steps[2].after.tags, { age: 41, interest: 'TX at 14' })
    assert.equal(r.steps[1].inputs.length, 2)
    assert.equal(r.steps[3].effects[0].uri, 'sip:x@127.0.0.1')
    assert.deepEqual(path(await run({})), ['start>next', 'ask>no_input'])
    await s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: [{ id: 'start', type: 'start' }], edges: [] } })
    assert.deepEqual(path(await run({})), ['start>next'])
    assert.deepEqual(path(await run({ version: 1, digits: ['1'] })), ['start>next', 'ask>yes', 'keep>next', 'ring>completed'])
    assert.deepEqual(path(await run({ document: { nodes: [{ id: 'a', type: 'start' }] } })), ['a>next'])
    for (const [body, pointer] of [[{ at: 'noon' }, '/at'], [{ tags: { nope: 1 } }, '/tags/nope'], [{ tags: { age: 'old' } }, '/tags/age'], [{ variables: { x: 1 } }, '/variables/x'], [{ dial: [{ outcome: 'sold' }] }, '/dial/0/outcome'], [{ digits: '1' }, '/digits'], [{ digit: [] }, '/digit']] as [object, string][]) {
      const bad = await s.raw('POST', `/api/v1/call-flows/${flow.id}/simulate`, body)
      assert.equal(bad.status, 422, pointer)
      assert.equal(((await bad.json()) as any).errors[0].pointer, pointer)
    }
    const broken = await s.raw('POST', `/api/v1/call-flows/${flow.id}/simulate`, { document: { nodes: [{ id: 'x', type: 'nonsense' }] } })
    assert.equal(broken.status, 422)
    assert.equal(((await broken.json()) as any).problems[0].code, 'node_type')
    assert.equal((await s.raw('POST', `/api/v1/call-flows/${flow.id}/simulate`, { version: 9 })).status, 404)
  })

  test('the command line checks and simulates a file', async () => {
    const script = join(s.dir, 'script.json')
    writeFileSync(script, JSON.stringify({ tags: { state: 'TX' }, digits: ['1'] }))
    const run = (...args: string[]) => execFileSync(binary, ['flow', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
    assert.match(run('check', join(root, 'docs/examples/demo.json')), /: ok$/m)
    assert.deepEqual(path(JSON.parse(run('simulate', join(root, 'docs/examples/demo.json'), script))), ['start>next', 'welcome>next', 'texas>yes', 'menu>sales', 'sales>next', 'thanks>next', 'bye>null'])
    writeFileSync(script, JSON.stringify({ dial: [{ outcome: 'sold' }] }))
    assert.throws(() => run('simulate', join(root, 'docs/examples/demo.json'), script), /dial\/0\/outcome/)
    writeFileSync(script, '{"nodes":')
    assert.throws(() => run('check', script), /:1:/)
  })

  test('the command line exports a flow of a running server and imports it into another organization', async () => {
    const plan = await s.plan('Exported plan', [{ uri: 'sip:a@127.0.0.1' }])
    await s.flow('Exported by name', [{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }], [['start', 'next', 'd']])
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Remote', '--email', 'remote@example.com', ...s.databaseFlag()])).api_key
    await until('the organization', async () => (await s.raw('GET', '/api/v1/calls', undefined, {}, other)).ok)
    const run = (args: string[], key = s.key) => execFileSync(binary, ['flow', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, STROWGER_URL: s.url, STROWGER_API_KEY: key, ASAN_OPTIONS: 'detect_leaks=0' } })
    const fails = (args: string[], why: RegExp, key = s.key) => assert.throws(() => run(args, key), (e: any) => why.test(e.stderr))
    const file = join(s.dir, 'exported.json')
    writeFileSync(file, run(['export', 'Exported by name']))
    fails(['import', file], /is taken already/)
    fails(['import', file], /\/nodes\/1\/config\/to\/routing_plan_id: there is no routing_plan named 'Exported plan'/, other)
    await s.api('POST', '/routing-plans', { name: 'Exported plan', entries: [] }, other)
    const made = JSON.parse(run(['import', file], other))
    assert.equal(made.name, 'Exported by name')
    assert.equal(JSON.parse(run(['export', made.id], other)).nodes.length, 2)
    fails(['export', 'Nobody knows'], /no call flow named 'Nobody knows'/)
    fails(['export', made.id], /404/)
    fails(['export', made.id], /401/, 'sk_wrong')
    fails(['import', join(s.dir, 'absent.json')], /absent.json/)
    fails(['export', 'x', '--url', 'http://127.0.0.1:1'], /connect/i)
  })

  test('random flows on real calls: each call replays to exactly its trace', async () => {
    const seed = Number(process.env.STROWGER_SEED ?? Date.now() % 1e9)
    let x = seed || 1
    const pick = (n: number) => ((x = (x * 48271) % 2147483647), x % n)
    const crm = await Receiver.start(() => ({ status: [200, 200, 404][pick(3)], body: JSON.stringify({ a: ['7', 'x', true][pick(3)] }), delay_ms: pick(60) }))
    await s.api('POST', '/custom-tags', { name: 'drawn', type: 'number' })
    const types: [string, () => object, string[]][] = [
      ['menu', () => ({ prompt: { text: 'Hi.' }, timeout_seconds: 1, tries: 1, options: [{ key: '1', port: 'a' }, { key: '2', port: 'b' }] }), ['a', 'b', 'no_input', 'invalid']],
      ['gather', () => ({ min_digits: 1, max_digits: 2, timeout_seconds: 1, inter_digit_seconds: 1, tries: 1, save_to: { tag: 'drawn' } }), ['next', 'no_input', 'invalid']],
      ['play', () => ({ prompt: { text: 'Yes [drawn|no].' }, interruptible: true }), ['next']],
      ['wait', () => ({ seconds: 1 }), ['next']],
      ['record', () => ({ action: ['start', 'stop', 'pause', 'resume'][pick(4)] }), ['next']],
      ['javascript', () => ({ code: `console.log(tags.drawn); if (Math.random() < 0.2) throw new Error('drawn'); return {port: Math.random() < 0.5 ? 'a' : 'b', tags: {drawn: ${pick(9)}}}`, ports: ['a', 'b'] }), ['a', 'b', 'next', 'error']],
      ['condition', () => ({ branches: [{ port: 'x', filter: { rules: [{ field: 'tag.drawn', op: 'greater_than', value: 4 }] } }, { port: 'y', filter: { rules: [{ field: 'call.duration_seconds', op: 'greater_than', value: 2 }] } }] }), ['x', 'y', 'else']],
      ['split', () => ({ shares: [{ port: 'l', weight: 1 }, { port: 'r', weight: 1 }] }), ['l', 'r']],
      ['set_variable', () => ({ assignments: [{ variable: 'v', value: '[drawn|0]' }] }), ['next']],
      ['http_request', () => ({ url: `${crm.url}/?v=[v|none]`, save: [{ pointer: '/a', tag: 'drawn' }] }), ['success', 'failure', 'timeout']],
      ['set_outcome', () => ({ revenue: '[drawn|1]', converted: true }), ['next']],
    ]
    const made = []
    for (let f = 0; f < 12; f++) {
      const nodes: any[] = [{ id: 'n0', type: 'set_variable', config: { assignments: [{ variable: 'v', value: 'none' }] } }]
      const edges: [string, string, string][] = [['start', 'next', 'n0'], ['n0', 'next', 'n1']]
      for (let n = 1; n < 12; n++) {
        const [type, config, ports] = types[pick(types.length)]
        nodes.push({ id: `n${n}`, type, config: config() })
        for (const port of ports) if (n < 11 && pick(10)) edges.push([`n${n}`, port, `n${n + 1 + pick(Math.min(3, 11 - n))}`]) // onwards only: no busy loops
      }
      const flow = await s.flow(`Random ${f}`, nodes, edges)
      await s.campaign(`+180055506${String(f).padStart(2, '0')}`, { execution_mode: 'call_flow', call_flow_id: flow.id })
      made.push({ flow, number: `+180055506${String(f).padStart(2, '0')}`, keys: Array.from({ length: 12 }, () => ['w', 'w', '1', '2', '9', '#'][pick(6)]).join('') })
    }
    await Promise.all(made.map(({ number, keys }) => s.call(number, ['--dtmf', keys, '--duration', '8'])))
    let steps = 0
    for (const { flow, number } of made) {
      const call = await s.lastCall((c) => c.number === number)
      const r = await s.api('POST', `/call-flows/${flow.id}/replay`, { call_id: call.id, version: 1 })
      const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
      assert.ok(r.same, `seed ${seed}: ${JSON.stringify([r.parts, r.steps.slice(-2), trace])}`)
      assert.deepEqual(path(r), trace.filter((e: any) => e.kind === 'step').map((e: any) => `${e.node}>${e.port}`))
      steps += r.steps_taken
      const other = await s.api('POST', `/call-flows/${flow.id}/replay`, { call_id: call.id, document: { nodes: [{ id: 'start', type: 'start' }] } })
      assert.deepEqual([other.same, other.parts.step], [false, 1])
    }
    crm.stop()
    assert.ok(steps > 40, `seed ${seed}: ${steps} steps`)
  })
})
