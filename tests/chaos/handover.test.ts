// What limits count across a handover: calls of the server that stops belong to the same day.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Endpoint, sdp } from '../cases/sip_endpoint.ts'
import { Peer } from '../e2e/peer.ts'
import { Strowger, until } from '../e2e/harness.ts'

const NUMBER = '+18005558951'

describe('a daily cap across a handover', () => {
  let first: Strowger, second: Strowger
  let from: Peer, target: Endpoint
  let targetId = ''
  let answersAtOnce = false
  before(async () => {
    first = await Strowger.start(['--drain-seconds', '40', '--rtp-timeout', '0'])
    from = await Peer.start()
    target = await Endpoint.bind((r) => {
      const taken = { status: 200, body: sdp(9) }
      if (!r.startsWith('INVITE')) return [{ status: 200 }]
      return answersAtOnce ? [{ status: 180 }, taken] : [{ status: 180 }]
    })
    const uri = `sip:127.0.0.1:${target.port}`
    const plan = await first.plan('Plan', [{ uri, concurrency: 100, caps: { daily: 3 } }])
    targetId = (await first.api('GET', '/targets')).data[0].id
    await first.campaign(NUMBER, { routing_plan_id: plan.id })
    second = await first.beside(['--standby'])
    await until('it to stand by', () => second.log.includes('standing by'))
  })
  after(async () => {
    await first.kill('SIGKILL').catch(() => {})
    await second.stop()
  })
  const call = (s: Strowger) =>
    from.call(s.sip, `sip:${NUMBER}@127.0.0.1`, {
      headers: [`From: <sip:+15125558951@127.0.0.1>;tag=${Math.random()}`],
    })
  const used = async (s: Strowger) =>
    (await s.api('GET', `/targets/${targetId}/capacity`)).data[0].daily.used

  test('counts a call that was connected just before, and one that is answered after it', async () => {
    const ringing = call(first)
    const invite = await target.request('INVITE')
    answersAtOnce = true
    assert.equal((await call(first)).status, 200)
    first.child!.kill('SIGTERM') // before what that call did is written
    await until('the other one to answer', () => second.answers())
    assert.equal(await used(second), 1)
    target.later(invite, { status: 200, body: sdp(9) })
    assert.equal((await ringing).status, 200)
    await until('the late call to count', async () => (await used(second)) === 2)
    assert.equal((await call(second)).status, 200)
    assert.notEqual((await call(second)).status, 200)
    assert.equal(await used(second), 3)
  })
})
