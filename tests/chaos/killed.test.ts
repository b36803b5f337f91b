// What stays of calls whose server is killed while they are on.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, sleep, until } from '../e2e/harness.ts'

// By hand: STROWGER_KILL_ROUNDS=1000
const ROUNDS = Number(process.env.STROWGER_KILL_ROUNDS ?? 4)
const DIALS = '+18005558701'
const SPEAKS = '+18005558702'

describe('calls whose server is killed', () => {
  let s: Strowger
  let from: Peer
  let hook: Receiver
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    hook = await Receiver.start()
    const target = await Peer.start()
    const plan = await s.plan('Plan', [{ uri: target.uri, concurrency: 1000 }])
    await s.campaign(DIALS, { routing_plan_id: plan.id })
    const nodes = [{ id: 'w', type: 'wait', config: { seconds: 60 } }]
    const flow = await s.flow('Speaks', nodes, [['start', 'next', 'w']])
    await s.campaign(SPEAKS, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.api('POST', '/outgoing-webhooks', {
      name: 'hook',
      url: hook.url,
      event_types: ['call.completed', 'call.final'],
      enabled: true,
    })
  })
  after(async () => {
    hook.stop()
    await s.stop()
  })
  const call = (number: string) =>
    from.call(s.sip, `sip:${number}@127.0.0.1`, {
      headers: [`From: <sip:+15125558700@127.0.0.1>;tag=${Math.random()}`],
    })
  const logged = async () => (await s.api('GET', '/calls?limit=200')).data as any[]
  const again = async () => {
    await s.kill('SIGKILL')
    await s.serve()
  }

  test('who was answered is answered in the log, however soon the server dies', async () => {
    for (let round = 0; round < ROUNDS; round++)
      for (const number of [DIALS, SPEAKS]) {
        const known = (await logged()).map((c) => c.id)
        assert.equal((await call(number)).status, 200)
        await again()
        const [last] = (await logged()).filter((c) => !known.includes(c.id))
        assert.equal(last.status, 'interrupted')
        assert.ok(last.answered_at, `${number} in round ${round}`)
      }
  })

  test('they end when their server was seen last, and reports add up what the log says', async () => {
    assert.equal((await call(DIALS)).status, 200)
    await sleep(2500)
    await s.kill('SIGKILL')
    const killed = Date.now()
    await sleep(3000)
    await s.serve()
    const calls = await logged()
    const [last] = calls
    const ended = Date.parse(last.ended_at)
    assert.ok(ended > Date.parse(last.answered_at), 'it lasted')
    assert.ok(ended <= killed, `it ended ${ended - killed} ms after its server`)
    const seconds = (c: any) => (Date.parse(c.ended_at) - Date.parse(c.answered_at)) / 1000
    const { totals } = await s.api('GET', '/reports/calls')
    assert.equal(totals.calls, calls.length)
    const sum = calls.reduce((all, c) => all + seconds(c), 0)
    assert.ok(Math.abs(totals.duration_seconds - sum) <= 1, `${totals.duration_seconds}, ${sum}`)
  })

  test('the next server sends call.completed once for each', async () => {
    const ids = (await logged()).map((c) => c.id)
    const told = (id: string) =>
      hook.requests
        .map((r) => JSON.parse(r.body))
        .filter((e) => e.type === 'call.completed' && e.data.call.id === id)
    await until('the events', () => ids.every((id) => told(id).length))
    await again()
    await sleep(1500)
    for (const id of ids) {
      const [event, ...more] = told(id)
      assert.deepEqual([event.data.call.status, more.length], ['interrupted', 0])
    }
  })
})
