// Where requests within a dialog go: target refreshes (RFC 3261 section 12.2), and NAT.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'
import { type Answer, Endpoint, field, sdp } from './sip_endpoint.ts'

describe('SIP targets of dialogs', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  const accept = (r: string): Answer[] =>
    r.startsWith('INVITE') ? [{ status: 200, body: sdp(40000) }] : [{ status: 200 }]
  const campaign = async (target: Endpoint) => {
    const number = `+1800555${String(7600 + ++n)}`
    const plan = await s.plan(`Targets ${n}`, [{ uri: `sip:127.0.0.1:${target.port}` }])
    await s.campaign(number, { routing_plan_id: plan.id })
    return number
  }
  // A call that talks: both ends, a third one that nobody knows yet, and both dialogs.
  const talk = async () => {
    const [caller, target, other] = [
      await Endpoint.bind(accept),
      await Endpoint.bind(accept),
      await Endpoint.bind(accept),
    ]
    const dialog = caller.call(s.sip, await campaign(target), { body: sdp(40000) })
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await target.request('ACK')
    return { caller, target, other, dialog, back: target.dialog(target.of('INVITE')[0]) }
  }

  for (const [method, body] of [
    ['INVITE', sdp(40000, { version: 2 })],
    ['UPDATE', sdp(40000, { version: 2 })],
    ['UPDATE', ''],
  ]) {
    const what = `${method}${body ? '' : ' without an offer'}`
    test(`${what} of the caller moves its target`, async () => {
      const { caller, other, dialog, back } = await talk()
      assert.match(await dialog.ask(method, { body, contact: other.contact }), /^SIP\/2\.0 200/)
      await back.ask('BYE')
      assert.match(await other.request('BYE'), new RegExp(`^BYE sip:e@127.0.0.1:${other.port} `))
      assert.equal(caller.of('BYE').length, 0)
    })
    test(`${what} of the target moves its target`, async () => {
      const { target, other, dialog, back } = await talk()
      assert.match(await back.ask(method, { body, contact: other.contact }), /^SIP\/2\.0 200/)
      await dialog.ask('BYE')
      await other.request('BYE')
      assert.equal(target.of('BYE').length, 0)
    })
  }

  test('the 200 to a re-INVITE of ours moves the target, and the ACK goes there', async () => {
    const { target, other, dialog } = await talk()
    target.answer = (r) => accept(r).map((a) => ({ ...a, contact: other.contact }))
    await dialog.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    const cseq = field(await target.request('INVITE', 2), 'CSeq').split(' ')[0]
    assert.equal(field(await other.request('ACK'), 'CSeq'), `${cseq} ACK`)
    await dialog.ask('BYE')
    await other.request('BYE')
    assert.equal(target.of('BYE').length, 0)
  })

  test('the 200 to an INVITE moves the target that a reliable 183 named', async () => {
    const [caller, target, other] = [
      await Endpoint.bind(accept),
      await Endpoint.bind(),
      await Endpoint.bind(accept),
    ]
    const reliable = ['Require: 100rel', 'RSeq: 1']
    target.answer = (r) => {
      if (!r.startsWith('INVITE')) return [{ status: 200 }]
      return [{ status: 183, headers: reliable, body: sdp(40000), contact: other.contact }]
    }
    const dialog = caller.call(s.sip, await campaign(target), { body: sdp(40000) })
    await other.request('PRACK')
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40000) })
    await dialog.answered()
    await target.request('ACK')
    await dialog.ask('BYE')
    await target.request('BYE')
    assert.equal(other.of('BYE').length, 0)
  })

  test('a re-INVITE that is refused moves nothing', async () => {
    const { caller, other, dialog, back } = await talk()
    const body = sdp(40000, { version: 2 }).replace('m=audio', 'm=video')
    assert.match(await dialog.ask('INVITE', { body, contact: other.contact }), /^SIP\/2\.0 488/)
    await back.ask('BYE')
    await caller.request('BYE')
    assert.equal(other.of('BYE').length, 0)
  })

  // Its address is of a network behind NAT: nothing that is sent there arrives.
  const hidden = '<sip:e@10.77.1.2:5060>'

  test('a caller with a private Contact is reached where it called from', async () => {
    const [caller, target] = [await Endpoint.bind(accept), await Endpoint.bind(accept)]
    const number = await campaign(target)
    const dialog = caller.call(s.sip, number, { body: sdp(40000), contact: hidden })
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    const back = target.dialog(await target.request('INVITE'))
    await target.request('ACK')
    await back.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    assert.match(await caller.request('INVITE'), /^INVITE sip:e@10\.77\.1\.2:5060 /)
    await back.ask('BYE')
    await caller.request('BYE')
  })

  test('a target with a private Contact is reached where it answers from', async () => {
    const [caller, target] = [await Endpoint.bind(accept), await Endpoint.bind()]
    target.answer = (r) => accept(r).map((a) => ({ ...a, contact: hidden }))
    const dialog = caller.call(s.sip, await campaign(target), { body: sdp(40000) })
    await dialog.answered()
    await target.request('ACK')
    await dialog.ask('BYE')
    assert.match(await target.request('BYE'), /^BYE sip:e@10\.77\.1\.2:5060 /)
  })

  test('a private Contact of a re-INVITE is reached at the source, another is not', async () => {
    const { caller, other, dialog, back } = await talk()
    await dialog.ask('INVITE', { body: sdp(40000, { version: 2 }), contact: hidden })
    await back.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    await caller.request('INVITE')
    await caller.request('ACK')
    await dialog.ask('UPDATE', { contact: other.contact })
    await back.ask('BYE')
    await other.request('BYE')
  })

  test('nat_contact of the trunk: always at the source, or never', async () => {
    const loopback = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    assert.equal(loopback.nat_contact ?? null, null)
    const set = (nat_contact: boolean | null) =>
      s.api('PATCH', `/trunks/${loopback.id}`, { nat_contact })
    const [caller, other] = [await Endpoint.bind(accept), await Endpoint.bind(accept)]
    const call = async (contact: string) => {
      const target = await Endpoint.bind(accept)
      const dialog = caller.call(s.sip, await campaign(target), { body: sdp(40000), contact })
      await dialog.answered()
      await target.request('ACK')
      await target.dialog(target.of('INVITE')[0]).ask('BYE')
    }
    await set(true)
    await call(other.contact)
    await caller.request('BYE')
    assert.equal(other.of('BYE').length, 0)
    await set(false)
    await call(hidden) // its BYE is lost
    await set(null)
    await call(other.contact)
    await other.request('BYE')
    await call(hidden)
    await caller.request('BYE', 2)
    assert.ok(caller.of('BYE')[1].includes('sip:e@10.77.1.2'))
    assert.equal(caller.of('BYE').length, 2)
  })
})
