// How often one caller may call a campaign: within any time of that length, not within fixed ones.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, sleep } from '../e2e/harness.ts'

describe('calls of one caller within a time', () => {
  let s: Strowger, from: Peer
  let n = 0
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
  })
  after(() => s.stop())

  const campaign = async (max_calls: number, max_calls_seconds: number, more: object = {}) => {
    const number = `+1800555${6200 + ++n}`, target = await Peer.start()
    const plan = await s.plan(`Plan ${n}`, [{ uri: target.uri }])
    const screening = { max_calls, max_calls_seconds }
    const made = await s.campaign(number, { routing_plan_id: plan.id, screening, ...more })
    return { id: made.id as string, number }
  }
  const call = async (number: string, caller: string) => {
    const headers = [`From: <sip:${caller}@127.0.0.1>;tag=${Math.random()}`]
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers })
    if (d.status === 200) await d.request('BYE')
    return d.status
  }

  test('each refused call had as many taken ones before it, each taken one had fewer', async () => {
    const seconds = 4, most = 3, caller = '+15125553101'
    const { number } = await campaign(most, seconds)
    const calls: { begun: number; done: number; status: number }[] = []
    // at 0, 0.5, 1, 2 seconds and so on, past the end of a second window
    const waits = [0, 500, 500, 1000, 400, 600, 500, 700, 400, 1500, 600, 300, 300, 1000, 800]
    for (const wait of waits) {
      await sleep(wait)
      const begun = Date.now()
      calls.push({ begun, status: await call(number, caller), done: Date.now() })
    }
    const taken = calls.filter((c) => c.status === 200)
    for (const c of calls) {
      const before = taken.filter((t) => t !== c && t.begun < c.begun)
      const surely = before.filter((t) => c.done - t.begun < seconds * 1000)
      const perhaps = before.filter((t) => c.begun - t.done < seconds * 1000)
      if (c.status === 200) assert.ok(surely.length < most, 'taken after fewer')
      else assert.ok(c.status === 603 && perhaps.length >= most, `${c.status} after as many`)
    }
    assert.deepEqual(calls.slice(0, 4).map((c) => c.status), [200, 200, 200, 603])
    assert.ok(taken.length > most, 'the window went on')
  })

  test('of calls at the same moment as many are taken as may be', async () => {
    const { number } = await campaign(5, 3600)
    const all = await Promise.all(Array.from({ length: 16 }, () => call(number, '+15125553102')))
    assert.equal(all.filter((status) => status === 200).length, 5)
    assert.equal(all.filter((status) => status === 603).length, 11)
    assert.equal(await call(number, '+15125553103'), 200, 'another caller')
  })

  test('a bid is refused as the call would be, and asking counts nothing', async () => {
    const caller = '+15125553104', { id, number } = await campaign(1, 3600)
    const publisher = await s.api('POST', '/publishers', { name: 'Publisher' })
    const rtb = { name: 'Endpoint', campaign_id: id, publisher_id: publisher.id }
    const endpoint = await s.api('POST', '/inbound-rtb', rtb)
    const url = `${endpoint.url}?caller_id=${encodeURIComponent(caller)}`
    const ask = async () => (await fetch(url)).json() as Promise<any>
    for (let i = 0; i < 3; i++) assert.equal((await ask()).success, true)
    assert.equal(await call(number, caller), 200)
    const refused = await ask()
    assert.deepEqual([refused.success, refused.reason], [false, 'blocked'])
    assert.equal(refused.detail, 'the caller calls too often')
  })

  test('a call that is refused as a duplicate does not count', async () => {
    const caller = '+15125553105'
    const { id, number } = await campaign(2, 3600, { duplicates: { policy: 'block' } })
    assert.deepEqual([await call(number, caller), await call(number, caller)], [200, 603])
    await s.api('PATCH', `/campaigns/${id}`, { duplicates: null })
    assert.deepEqual([await call(number, caller), await call(number, caller)], [200, 603])
  })
})
