// 301 and 302 of carriers (RFC 3261 section 8.1.3.4): within the carrier the call stays the trunk's.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer, type Request } from '../e2e/peer.ts'
import { Strowger } from '../e2e/harness.ts'

type Json = any

describe('redirects of carriers', () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  const asks = (then: number) => (r: Request) =>
    r.header('Proxy-Authorization')
      ? [then]
      : [[407, ['Proxy-Authenticate: Digest realm="carrier", nonce="abc", algorithm=MD5']] as [number, string[]]]
  const to = (uri: string) => () => [[302, [`Contact: <${uri}>`]] as [number, string[]]]

  // A call over a trunk with these gateways; gives its entry in the log.
  const call = async (gateways: string[], outbound: object = {}) => {
    const number = `+1800555${7800 + made++}`
    const trunk = await s.api('POST', '/trunks', {
      name: `Carrier ${number}`,
      outbound: {
        gateways: gateways.map((uri, priority) => ({ uri, priority })),
        username: 'line', password: 'secret', caller_id: '+12125550100', max_calls: 1,
        cost: { per_minute: '6.00', minimum_seconds: 6, increment_seconds: 6 },
        ...outbound,
      },
    })
    const destination = { type: 'number', number: '+13105550123', trunk_id: trunk.id }
    const target = await s.api('POST', '/targets', { name: `Target ${number}`, destination })
    const entries = [{ target_id: target.id }]
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${number}`, entries })
    await s.campaign(number, { routing_plan_id: plan.id })
    const caller = await Peer.start()
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    if (dialog.status === 200) assert.equal(await dialog.request('BYE'), 200)
    const log = await s.lastCall((c) => c.number === number)
    return { status: dialog.status, log, trunk }
  }
  const outcomes = (log: Json) => log.attempts.map((a: Json) => [a.outcome, a.sip_status])

  test('keep credentials, caller ID, limits and cost, without a dial policy', async () => {
    const second = await Peer.start()
    second.invite = asks(200)
    const first = await Peer.start({ invite: to(`sip:+13105550199@127.0.0.1:${second.port}`) })
    const { status, log, trunk } = await call([first.uri, second.uri])
    assert.equal(status, 200)
    assert.deepEqual(outcomes(log), [['redirected', 302], ['answered', 200]])
    const [asked, answered] = second.of('INVITE')
    assert.match(asked!.uri, /^sip:\+13105550199@/)
    assert.match(asked!.header('From')!, /\+12125550100/)
    assert.match(answered!.header('Proxy-Authorization')!, /username="line"/)
    assert.notEqual(log.cost, '0.00')
    const { outbound } = await s.api('GET', `/trunks/${trunk.id}/status`)
    assert.equal(outbound.calls, 0, 'its place is given back')
    assert.equal(outbound.refused, 0)
  })

  test('that fail go on to the next gateway, and never for ever', async () => {
    const last = await Peer.start({ invite: () => [486] })
    const down = await Peer.start({ invite: () => [503] })
    const first = await Peer.start({ invite: to(down.uri) })
    const { log } = await call([first.uri, last.uri])
    assert.deepEqual(outcomes(log), [['redirected', 302], ['failed', 503], ['busy', 486]])
    const round = await Peer.start()
    round.invite = to(round.uri)
    const again = await call([round.uri])
    assert.deepEqual(
      again.log.attempts.map((a: Json) => a.outcome),
      ['redirected', 'redirected', 'redirected', 'failed'],
    )
    assert.equal(again.log.attempts.at(-1).reason, 'it was sent on too often')
  })

  test('to somebody else are followed only where the dial policy says so', async () => {
    const other = await Peer.start({}, '127.0.0.9')
    const first = await Peer.start({ invite: to(`sip:+13105550123@127.0.0.9:${other.port}`) })
    const { log } = await call([first.uri])
    assert.match(log.attempts[0].reason, /the organization's dial policy does not allow/)
    assert.equal(other.of('INVITE').length, 0)
  })
})
