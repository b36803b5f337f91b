import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Receiver, Sipp, Strowger, sippCall, sleep, until, usePostgres } from './harness.ts'

// Of the database they tell nothing: once is enough.
describe('races', { skip: usePostgres }, () => {
  let s: Strowger
  let agent: Sipp
  let n = 0
  let unacknowledged: Promise<unknown>
  const receivers: Receiver[] = []
  before(async () => {
    s = await Strowger.start()
    agent = await Sipp.answer('answer.xml')
  })
  after(async () => {
    agent.stop()
    for (const r of receivers) r.stop()
    await s.stop()
  })

  const number = () => `+1800555${String(7000 + ++n)}`
  const uriOf = (number: string) => `sip:${number}@127.0.0.1`
  const calls = async (uri: string, rest: object = {}) => {
    const to = number()
    await s.campaign(to, { routing_plan_id: (await s.plan(`Plan ${n}`, [{ uri, ...rest }])).id })
    return to
  }
  const runs = async (node: object) => {
    const to = number()
    const flow = await s.flow(`Flow ${n}`, [{ id: 'hello', type: 'play', config: { prompt: { text: 'Hi.', voice: 'kal' } } }, { id: 'x', ...node }], [['start', 'next', 'hello'], ['hello', 'next', 'x']])
    await s.campaign(to, { execution_mode: 'call_flow', call_flow_id: flow.id })
    return to
  }

  test('an ACK that never comes', async () => {
    const caller = await Peer.start(), to = await calls(agent.uri)
    assert.equal((await caller.call(s.sip, uriOf(to), { ack: false })).status, 200)
    unacknowledged = caller.first('BYE').catch(() => caller.first('BYE')) // after 64 T1: looked at in the end
    unacknowledged.catch(() => undefined)
  })

  test('a re-INVITE and a BYE at once', async () => {
    const caller = await Peer.start(), to = await calls(agent.uri)
    for (const order of [['INVITE', 'BYE'], ['BYE', 'INVITE']]) {
      const d = await caller.call(s.sip, uriOf(to))
      const [first, second] = await Promise.all(order.map((m) => d.request(m, m === 'INVITE' ? caller.sdp() : '')))
      assert.equal(order[0] === 'BYE' ? first : second, 200)
      assert.ok([200, 481, 491, 487].includes(order[0] === 'BYE' ? second : first), `${first} ${second}`)
    }
  })

  test('two re-INVITEs at once', async () => {
    const caller = await Peer.start(), to = await calls(agent.uri), d = await caller.call(s.sip, uriOf(to))
    const statuses = await Promise.all([d.request('INVITE', caller.sdp()), d.request('INVITE', caller.sdp())])
    assert.deepEqual([await d.request('OPTIONS'), await d.request('SUBSCRIBE')], [200, 405])
    assert.ok(statuses.every((x) => [200, 491, 500].includes(x)) && statuses.includes(200), statuses.join())
    assert.equal(await d.request('BYE'), 200)
  })

  test('a target that forks answers twice: one is talked to, the other hung up', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    target.invite = (r) => ['one', 'two'].map((tag): [number, string[]] => [200, [`To: ${r.header('To')};tag=${tag}`]])
    const d = await caller.call(s.sip, uriOf(await calls(target.uri)))
    await until('both to be acknowledged', () => ['one', 'two'].every((tag) => target.of('ACK').some((r) => r.header('To')!.endsWith(`tag=${tag}`))))
    assert.match((await target.first('BYE')).header('To')!, /tag=two/)
    await sleep(300)
    assert.equal(target.of('BYE').length, 1)
    assert.equal(await d.request('BYE'), 200)
    assert.match((await target.first('BYE', 2)).header('To')!, /tag=one/)
  })

  test('a target that answers after its time was over', async () => {
    const caller = await Peer.start(), target = await Peer.start({ invite: () => [180] }), to = await calls(target.uri, { timeout_seconds: 1 })
    const call = caller.call(s.sip, uriOf(to))
    await target.first('CANCEL')
    target.late(1, [200, []])
    assert.ok((await target.first('ACK')) && (await target.first('BYE')))
    assert.equal((await call).status, 480)
    assert.equal((await s.lastCall((c) => c.number === to)).connected_at, null)
  })

  test('everything twice, from both sides', async () => {
    const caller = (await Peer.start()).twice(), target = (await Peer.start()).twice(), to = await calls(target.uri)
    const d = await caller.call(s.sip, uriOf(to))
    assert.equal(d.status, 200)
    assert.equal(await d.request('INVITE', caller.sdp()), 200)
    assert.equal(await d.request('BYE'), 200)
    await target.first('BYE')
    const log = await s.lastCall((c) => c.number === to)
    assert.deepEqual([log.disposition, log.attempts.length], ['completed', 1])
    assert.equal((await s.api('GET', '/calls?limit=100')).data.filter((c: any) => c.number === to).length, 1)
  })

  test('a tenth of the messages is lost at both ends', async () => {
    const lossy = await Sipp.answer('answer.xml', ['-lost', '10']), to = await calls(lossy.uri)
    const { out } = await sippCall('call.xml', s, to, ['-lost', '10', '-m', '20', '-r', '20', '-timeout', '40s'])
    await until('all of them to be over', async () => (await s.api('GET', '/calls?status=active')).data.filter((c: any) => c.number === to).length === 0, 60000)
    const done = (await s.api('GET', '/calls?limit=100')).data.filter((c: any) => c.number === to)
    assert.ok(done.filter((c: any) => c.connected_at).length >= 15, `${done.length} ${out.slice(-1500)}`)
    lossy.stop()
  })

  test('a caller who is gone while a request or a script runs', async () => {
    const slow = await Receiver.start(() => ({ delay_ms: 1500 }))
    receivers.push(slow)
    const caller = await Peer.start()
    for (const [to, waits] of [
      [await runs({ type: 'http_request', config: { method: 'GET', url: `${slow.url}/x`, timeout_ms: 5000 } }), () => slow.requests.length > 0],
      [await runs({ type: 'javascript', config: { code: 'const until = Date.now() + 60000; while (Date.now() < until); return {}', timeout_ms: 1500 } }), null],
    ] as const) {
      const d = await caller.call(s.sip, uriOf(to))
      if (waits) await until('the request', waits)
      else await until('the script', async () => (await s.api('GET', `/calls/${(await s.api('GET', '/calls?status=active')).data.find((c: any) => c.number === to)?.id}/trace`)).data.some((e: any) => e.node === 'hello'))
      assert.equal(await d.request('BYE'), 200)
      assert.equal((await s.lastCall((c) => c.number === to)).hangup_by, 'caller')
    }
    await sleep(2000) // the answers come, to nobody
  })

  test('and after all of it nothing is left: no call, port, dialog or transaction', async () => {
    const talks = await (await Peer.start()).call(s.sip, uriOf(await calls(agent.uri)))
    await unacknowledged
    const names = ['calls_active', 'media_ports', 'sip_legs', 'sip_transactions'], left = () => Promise.all(names.map((name) => s.metric(`strowger_${name}`)))
    const gone = (what: string, wanted: number[]) => until(what, async () => (await left()).join() === wanted.join(), 80000).catch(async () => assert.deepEqual(await left(), wanted))
    await gone('the transactions to be over, also of a call that goes on', [1, 2, 2, 0])
    assert.equal(await talks.request('BYE'), 200)
    await gone('everything to be free', [0, 0, 0, 0])
  })
})
