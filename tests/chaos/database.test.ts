// PostgreSQL goes away and comes back under a server that is active and one that stands by.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, sleep, until, usePostgres } from '../e2e/harness.ts'

const only = { skip: !usePostgres && 'is about PostgreSQL' }

describe('a database that was away', only, () => {
  let active: Strowger, standby: Strowger
  let from: Peer
  before(async () => {
    active = await Strowger.start()
    from = await Peer.start()
    const target = await Peer.start()
    const plan = await active.plan('Plan', [{ uri: target.uri, concurrency: 1000 }])
    await active.campaign('+18005558801', { routing_plan_id: plan.id })
    standby = await active.beside(['--standby'])
    await until('it to stand by', () => standby.log.includes('standing by'))
  })
  after(async () => {
    await standby.kill('SIGKILL')
    await active.stop().catch(() => {})
  })
  const bin = () =>
    execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1']).toString().trim()
  const sql = (text: string) =>
    execFileSync(`${bin()}/psql`, [active.database!, '-Atc', text], { encoding: 'utf8' }).trim()
  // As a restart of PostgreSQL does, and a firewall that forgets connections.
  const cut = (which = 'true') =>
    sql(
      'SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE ' +
        `datname = current_database() AND pid <> pg_backend_pid() AND ${which}`,
    )
  const call = async (s: Strowger) => {
    const d = await from.call(s.sip, 'sip:+18005558801@127.0.0.1', {
      headers: [`From: <sip:+15125558801@127.0.0.1>;tag=${Math.random()}`],
    })
    assert.equal(d.status, 200)
    return d
  }

  test('changes neither who is active nor whose the calls are', async () => {
    const d = await call(active)
    for (let i = 0; i < 3; i++) {
      assert.notEqual(cut(), '0')
      await sleep(700)
    }
    await sleep(4500) // longer than the one that stands by leaves to the other
    assert.equal(await standby.answers(), false)
    assert.equal(standby.child!.exitCode, null, standby.log)
    assert.equal(await active.answers(), true)
    const [on] = (await active.api('GET', '/calls?status=active')).data
    await d.request('BYE')
    const ended = await active.lastCall((c) => c.id === on.id)
    assert.equal(ended.status, 'completed')
    await (await call(active)).request('BYE')
  })

  test('does not keep the one that stands by from taking over', async () => {
    // Its idle connections alone, just before it needs them.
    await call(active)
    assert.notEqual(cut("state = 'idle' AND query NOT LIKE '%advisory%'"), '0')
    await active.kill('SIGKILL')
    await until('the other one to answer', async () => {
      assert.equal(standby.child!.exitCode, null, standby.log)
      return standby.answers()
    })
    await (await call(standby)).request('BYE')
  })
})
