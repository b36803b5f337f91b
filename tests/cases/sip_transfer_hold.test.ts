// A transfer of a caller who was on hold, as phones do it: hold, then REFER (RFC 3515, RFC 3264 section 8.4).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Peer, type Request } from '../e2e/peer.ts'
import { Strowger, sleep, until } from '../e2e/harness.ts'

const modeOf = (text: string) => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(text)?.[1]
const mirrored: Record<string, string> = {
  sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive',
}
const every = (ms: number, f: () => void) => {
  const timer = setInterval(f, ms)
  return () => clearInterval(timer)
}
const portOf = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])

describe('a caller on hold who is transferred', () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  // An answer goes no further than the offer, as a phone's.
  const obeys = (p: Peer, status = () => 200) => {
    p.invite = (r: Request) => {
      p.mode = mirrored[modeOf(r.text) ?? 'sendrecv']!
      return [status()]
    }
    return p
  }

  const held = async (mode: 'sendonly' | 'inactive', status = () => 200) => {
    const number = `+1800555${7600 + made++}`
    const near = await Rtp.bind(), far = await Rtp.bind()
    const caller = await Peer.start({ media: near.port }), agent = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: agent.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    obeys(caller, status)
    await agent.first('ACK')
    const body = agent.sdp().replace('sendrecv', mode)
    assert.equal(await agent.within('INVITE', { body }), 200)
    const told = modeOf((await caller.first('INVITE')).text)
    assert.equal(told, mode)
    await caller.first('ACK')
    const closer = obeys(await Peer.start({ media: far.port }))
    const refer = () =>
      agent.within('REFER', { headers: [`Refer-To: <${closer.uri}>`] })
    const talks = async () => {
      const invite = await closer.first('INVITE')
      const stops = [
        every(20, () => near.send(portOf(dialog.text))),
        every(20, () => far.send(portOf(invite.text))),
      ]
      await until('the caller to be heard', () => far.received > 10)
      await until('the caller to hear', () => near.received > 10)
      stops.forEach((stop) => stop())
    }
    const end = async () => {
      assert.equal(await dialog.request('BYE'), 200)
      await closer.first('BYE')
      near.close()
      far.close()
    }
    return { agent, caller, closer, dialog, refer, talks, end }
  }

  for (const mode of ['sendonly', 'inactive'] as const) {
    test(`by ${mode} talks with the new target, both ways`, async () => {
      const c = await held(mode)
      assert.equal(await c.refer(), 202)
      await c.talks()
      assert.equal(modeOf((await c.caller.first('INVITE', 2)).text), 'sendrecv')
      await sleep(300)
      assert.deepEqual(c.closer.of('INVITE').map((r) => modeOf(r.text)), ['sendrecv'])
      await c.end()
    })
  }

  test('does so where the agent hangs up at once', async () => {
    const c = await held('sendonly')
    assert.equal(await c.refer(), 202)
    assert.equal(await c.agent.within('BYE'), 200)
    await c.talks()
    assert.equal(modeOf(c.caller.of('INVITE').at(-1)!.text), 'sendrecv')
    assert.equal(modeOf(c.closer.of('INVITE').at(-1)!.text), 'sendrecv')
    await c.end()
  })

  test('whose phone refuses the end of the hold is heard no further than it said', async () => {
    let refuses = false
    const c = await held('sendonly', () => (refuses ? 488 : 200))
    refuses = true
    assert.equal(await c.refer(), 202)
    await c.closer.first('INVITE', 2)
    assert.deepEqual(c.closer.of('INVITE').map((r) => modeOf(r.text)), ['sendrecv', 'recvonly'])
    await c.end()
  })

  test('by itself stays on hold with the new target until it goes on', async () => {
    const number = `+1800555${7600 + made++}`
    const caller = await Peer.start(), agent = obeys(await Peer.start())
    const plan = await s.plan(`Plan ${number}`, [{ uri: agent.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    await agent.first('ACK')
    const offer = (mode: string) => dialog.request('INVITE', caller.sdp().replace('sendrecv', mode))
    assert.equal(await offer('sendonly'), 200)
    await agent.first('ACK', 2)
    const closer = obeys(await Peer.start())
    assert.equal(await agent.within('REFER', { headers: [`Refer-To: <${closer.uri}>`] }), 202)
    await closer.first('INVITE', 2)
    assert.equal(await offer('sendrecv'), 200)
    await closer.first('INVITE', 3)
    const told = closer.of('INVITE').map((r) => modeOf(r.text))
    assert.deepEqual(told, ['sendrecv', 'sendonly', 'sendrecv'])
    assert.equal(await dialog.request('BYE'), 200)
    await closer.first('BYE')
  })
})
