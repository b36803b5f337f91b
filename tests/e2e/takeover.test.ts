// Several servers on one database: one is active, others stand by, and calls outlive the change.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Receiver, Strowger, sleep, until, usePostgres } from './harness.ts'

describe('two servers on one database', () => {
  let first: Strowger
  let from: Peer
  let hook: Receiver
  const started: Strowger[] = []
  const number = '+18005558600'
  before(async () => {
    first = await Strowger.start(['--rtp-timeout', '0', '--drain-seconds', '40'])
    started.push(first)
    from = await Peer.start()
    hook = await Receiver.start()
    const target = await Peer.start(), plan = await first.plan('Plan', [{ uri: target.uri, revenue: { amount: '5' } }])
    await first.campaign(number, { routing_plan_id: plan.id })
    await first.api('POST', '/custom-tags', { name: 'zip' })
    await first.api('POST', '/outgoing-webhooks', { name: 'hook', url: hook.url, event_types: ['call.completed'], enabled: true })
  })
  after(async () => {
    hook.stop()
    for (const s of started) await s.kill('SIGKILL').catch(() => {})
    await first.stop().catch(() => {})
  })
  const call = (s: Strowger) => from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: [`From: <sip:+15125558600@127.0.0.1>;tag=${Math.random()}`] })
  const told = (id: string) => hook.requests.filter((r) => r.body.includes(`"${id}"`)).length
  const standby = async (s: Strowger) => {
    const other = await s.beside(['--standby'])
    started.push(other)
    await until('it to stand by', () => other.log.includes('standing by'))
    return other
  }
  const active = async (s: Strowger) => (await s.api('GET', '/calls?status=active')).data as any[]

  test('a second one is refused, unless it is to stand by; then it waits, and may be stopped', async () => {
    const second = await first.beside()
    const [code] = await once(second.child!, 'exit')
    assert.equal(code, 1)
    assert.match(second.log, /another server is active on this database: stop it, or start this one with --standby/)
    const waits = await standby(first)
    await sleep(300)
    assert.equal(await waits.answers(), false)
    waits.child!.kill('SIGTERM')
    assert.deepEqual((await once(waits.child!, 'exit'))[0], 0)
    assert.equal((await call(first)).status, 200)
  })

  test('it takes over when the other one stops, whose calls go on, and are told of', async () => {
    const second = await standby(first)
    const [mine] = await active(first), d = await call(first)
    assert.equal(d.status, 200)
    const other = (await active(first)).find((c) => c.id !== mine.id)
    first.child!.kill('SIGTERM')
    await until('the other one to answer', () => second.answers())
    // new calls and requests are the second one's
    assert.equal((await call(first)).status, 503)
    const refused = await first.raw('POST', '/api/v1/publishers', { name: 'x' })
    assert.deepEqual([refused.status, refused.headers.get('retry-after'), ((await refused.json()) as any).title], [503, '1', 'This server is stopping'])
    assert.equal((await first.raw('GET', '/readyz')).status, 503)
    assert.equal((await first.raw('GET', '/healthz')).status, 200)
    assert.equal((await active(first)).length, 2)
    const [e, again] = [await call(second), (await active(second)).map((c) => c.id)]
    assert.equal(e.status, 200)
    assert.ok([mine.id, other.id].every((id) => again.includes(id)) && again.length === 3, 'the calls of the first go on')
    await e.request('BYE')
    assert.equal((await second.api('PATCH', `/calls/${other.id}/tags`, { zip: '78701' })).length !== 0, true)
    await d.request('BYE')
    assert.equal((await first.raw('POST', `/api/v1/calls/${mine.id}/hangup`)).status < 300, true)
    if (first.child!.exitCode === null) await once(first.child!, 'exit')
    assert.equal(first.child!.exitCode, 0, first.log)
    for (const id of [mine.id, other.id]) {
      const c = await second.api('GET', `/calls/${id}`)
      assert.deepEqual([c.status, c.disposition, c.revenue], ['completed', 'completed', '5.00'])
    }
    const ended = (await second.api('GET', '/calls')).data.map((c: any) => c.id)
    await until('each call to be told of', () => ended.every((id: string) => told(id)))
    await sleep(1500)
    assert.deepEqual(ended.map(told), ended.map(() => 1))
    assert.equal((await second.api('GET', `/calls/${other.id}/tags`)).data.find((t: any) => t.name === 'zip')?.value, '78701')
    started.push(second)
  })

  test('calls of one that dies are closed by the other: at once, and also while it only waits for its last calls', async () => {
    const second = started.at(-1)!, third = await standby(second)
    assert.equal((await call(second)).status, 200)
    const [dies] = await active(second)
    second.child!.kill('SIGTERM')
    await until('the third to answer', () => third.answers())
    assert.deepEqual((await active(third)).map((c) => c.id), [dies.id])
    await second.kill('SIGKILL')
    await until('the call to be closed', async () => (await third.api('GET', `/calls/${dies.id}`)).status === 'interrupted')
    const fourth = await standby(third)
    assert.equal((await call(third)).status, 200)
    const [also] = await active(third)
    await third.kill('SIGKILL')
    await until('the fourth to answer', () => fourth.answers())
    assert.equal((await fourth.api('GET', `/calls/${also.id}`)).status, 'interrupted')
    const e = await call(fourth)
    assert.equal(e.status, 200)
    await e.request('BYE')
    await fourth.lastCall((c) => c.id > also.id && c.disposition === 'completed')
    started.push(fourth)
  })

  test('one that lost its connection to the database to another server ends, when its calls have', { skip: !usePostgres && 'is about PostgreSQL' }, async () => {
    const active = started.at(-1)!, other = await standby(active), d = await call(active)
    assert.equal(d.status, 200)
    const psql = execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1']).toString().trim() + '/psql'
    const cut = () => execFileSync(psql, [active.database!, '-c', "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND (classid::bigint << 32 | objid::bigint) = hashtextextended('active', 0)"], { stdio: 'ignore' })
    // It asks once a second, the one that stands by ten times. Cut again only if it was the quicker one all the same.
    await until('the other one to be quicker', async () => {
      if (!(await other.answers())) cut()
      for (let i = 0; i < 40 && !active.log.includes('this server ends'); i++) await sleep(100)
      return active.log.includes('this server ends')
    })
    await until('it to answer', () => other.answers())
    assert.equal((await active.raw('POST', '/api/v1/publishers', { name: 'y' })).status, 503)
    await d.request('BYE')
    if (active.child!.exitCode === null) await once(active.child!, 'exit')
    assert.equal(active.child!.exitCode, 1)
    assert.equal((await call(other)).status, 200)
  })
})
