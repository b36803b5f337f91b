// Offers and answers before a call is answered: reliable responses, forks, UPDATE (RFC 3262, 3311).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Strowger, until } from '../e2e/harness.ts'
import { type Answer, Endpoint, bodyOf, field, sdp, statusOf } from './sip_endpoint.ts'

describe('SIP early dialogs', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  const ok: Answer[] = [{ status: 200 }]
  // A target whose INVITEs are answered so, and a caller with a number that reaches it.
  const ends = async (invite: Answer[]) => {
    const target = await Endpoint.bind((r) => (r.startsWith('INVITE') ? invite : ok))
    const number = `+1800555${String(7700 + ++n)}`
    const plan = await s.plan(`Early ${n}`, [{ uri: `sip:127.0.0.1:${target.port}` }])
    await s.campaign(number, { routing_plan_id: plan.id })
    return { target, caller: await Endpoint.bind(), number }
  }
  const reliable = (rseq: number) => ['Require: 100rel', `RSeq: ${rseq}`]
  const portOf = (text: string) => Number(/^m=audio (\d+)/m.exec(bodyOf(text))?.[1] ?? 0)

  test('a target that answers and leaves at once was a call: 200, then BYE', async () => {
    for (let round = 0; round < 5; round++) {
      const { target, caller, number } = await ends([{ status: 200, body: sdp(40010) }])
      target.socket.on('message', (m) => {
        if (m.toString().startsWith('ACK')) target.dialog(target.of('INVITE')[0]!).send('BYE')
      })
      const dialog = caller.call(s.sip, number, { body: sdp(40000) })
      assert.equal(statusOf(await dialog.answered()), 200)
      await caller.request('BYE')
      const log = await s.lastCall((c) => c.number === number)
      assert.deepEqual([log.disposition, log.hangup_by], ['completed', 'target'])
      assert.ok(log.answered_at)
    }
  })

  // ---- answers of targets ----

  for (const [name, headers] of [
    ['reliable', reliable(10)],
    ['plain', []],
  ] as const)
    test(`the answer of a ${name} 183 stands when the 200 has none`, async () => {
      const audio = await Rtp.bind()
      const { target, caller, number } = await ends([
        { status: 183, headers: [...headers], body: sdp(audio.port) },
      ])
      const from = await Rtp.bind()
      const dialog = caller.call(s.sip, number, { body: sdp(from.port) })
      await dialog.provisional(183)
      target.later(target.of('INVITE')[0], { status: 200 })
      const answer = await dialog.answered()
      assert.equal(statusOf(answer), 200)
      await target.request('ACK')
      await until('audio at the port of the 183', () => {
        from.send(portOf(answer))
        return audio.received > 2
      })
      await dialog.ask('BYE')
      await target.request('BYE')
    })

  test('of a fork the answer of the dialog that takes the call stands', async () => {
    const { target, caller, number } = await ends([
      { status: 183, tag: 'a', headers: reliable(1), body: sdp(40010) },
      { status: 183, tag: 'b', headers: reliable(1), body: sdp(40020) },
    ])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await target.request('PRACK', 2)
    target.later(target.of('INVITE')[0], { status: 200, tag: 'a' })
    assert.equal(statusOf(await dialog.answered()), 200)
    assert.match(field(await target.request('ACK'), 'To'), /tag=a$/)
    await dialog.ask('BYE')
    assert.match(field(await target.request('BYE'), 'To'), /tag=a$/)
  })

  test('each early dialog of a fork counts RSeq and CSeq by itself', async () => {
    const { target, caller, number } = await ends([
      { status: 180, tag: 'a', headers: reliable(5) },
      { status: 180, tag: 'b', headers: reliable(2) },
      { status: 183, tag: 'a', headers: reliable(6) },
    ])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await target.request('PRACK', 3)
    const pracks = target.of('PRACK').map((t) => {
      const tag = /tag=(\w+)$/.exec(field(t, 'To'))![1]
      return [tag, field(t, 'RAck').split(' ')[0], Number(field(t, 'CSeq').split(' ')[0])] as const
    })
    assert.deepEqual(
      pracks.map(([tag, rseq]) => `${tag} ${rseq}`),
      ['a 5', 'b 2', 'a 6'],
    )
    assert.ok(pracks[2][2] > pracks[0][2], JSON.stringify(pracks))
    target.later(target.of('INVITE')[0], { status: 200, tag: 'b', body: sdp(40020) })
    assert.equal(statusOf(await dialog.answered()), 200)
    assert.match(field(await target.request('ACK'), 'To'), /tag=b$/)
    await dialog.ask('BYE')
    const bye = await target.request('BYE')
    assert.match(field(bye, 'To'), /tag=b$/)
    assert.ok(Number(field(bye, 'CSeq').split(' ')[0]) > pracks[1][2])
  })

  test('a reliable response that is repeated is acknowledged once', async () => {
    const again = { status: 180, headers: reliable(3) }
    const next = { status: 180, headers: reliable(4) }
    const { target, caller, number } = await ends([again, again, next])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await target.request('PRACK', 2)
    assert.deepEqual(
      target.of('PRACK').map((t) => field(t, 'RAck').split(' ')[0]),
      ['3', '4'],
    )
    target.later(target.of('INVITE')[0], { status: 486 })
    assert.equal(statusOf(await dialog.answered()), 486)
  })

  test('199 is not passed on, and the call goes on', async () => {
    const { target, caller, number } = await ends([
      { status: 180, tag: 'a' },
      { status: 199, tag: 'a', headers: ['Reason: SIP;cause=486'] },
    ])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await dialog.provisional(180)
    target.later(target.of('INVITE')[0], { status: 200, tag: 'b', body: sdp(40020) })
    assert.equal(statusOf(await dialog.answered()), 200)
    assert.deepEqual(caller.messages.map(statusOf).filter((c) => c === 199), [])
    await dialog.ask('BYE')
  })

  // ---- callers with PRACK ----

  test('a PRACK with an offer is answered', async () => {
    const { target, caller, number } = await ends([{ status: 183, body: sdp(40010) }])
    const supported = ['Supported: 100rel']
    const dialog = caller.call(s.sip, number, { headers: supported, body: sdp(40000) })
    const early = await dialog.provisional(183)
    const headers = [`RAck: ${field(early, 'RSeq')} 1 INVITE`]
    const answer = await dialog.ask('PRACK', { headers, body: sdp(40004, { version: 2 }) })
    assert.equal(statusOf(answer), 200)
    assert.equal(portOf(answer), portOf(early))
    // Another UPDATE is taken, too, and the 200 has no SDP of an older offer.
    const updated = await dialog.ask('UPDATE', { body: sdp(40006, { version: 3 }) })
    assert.equal(portOf(updated), portOf(early))
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    const final = await dialog.answered()
    assert.equal(statusOf(final), 200)
    assert.equal(bodyOf(final), '')
    await dialog.ask('BYE')
  })

  test('a PRACK with an offer that cannot be used is refused, and the call goes on', async () => {
    const { target, caller, number } = await ends([{ status: 183, body: sdp(40010) }])
    const supported = ['Supported: 100rel']
    const dialog = caller.call(s.sip, number, { headers: supported, body: sdp(40000) })
    const early = await dialog.provisional(183)
    const headers = [`RAck: ${field(early, 'RSeq')} 1 INVITE`]
    const body = sdp(40004, { version: 2 }).replace('m=audio', 'm=video')
    assert.equal(statusOf(await dialog.ask('PRACK', { headers, body })), 488)
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    assert.equal(statusOf(await dialog.answered()), 200)
    await dialog.ask('BYE')
  })

  test('with 100rel required and no offer, the 180 offers and the PRACK answers', async () => {
    const { target, caller, number } = await ends([{ status: 180 }])
    const dialog = caller.call(s.sip, number, { headers: ['Require: 100rel'] })
    const ringing = await dialog.provisional(180)
    assert.match(bodyOf(ringing), /^m=audio \d+ RTP\/AVP 0 8 101/m)
    const headers = [`RAck: ${field(ringing, 'RSeq')} 1 INVITE`]
    assert.equal(statusOf(await dialog.ask('PRACK', { headers, body: sdp(40000) })), 200)
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    const final = await dialog.answered()
    assert.equal(statusOf(final), 200)
    assert.equal(bodyOf(final), '')
    await target.request('ACK')
    await dialog.ask('BYE')
    await target.request('BYE')
  })

  test('the 200 waits for the PRACK that answers our offer', async () => {
    const { target, caller, number } = await ends([{ status: 180 }])
    const dialog = caller.call(s.sip, number, { headers: ['Require: 100rel'] })
    const ringing = await dialog.provisional(180)
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    await target.request('ACK')
    const headers = [`RAck: ${field(ringing, 'RSeq')} 1 INVITE`]
    const pracked = await dialog.ask('PRACK', { headers, body: sdp(40000) })
    const final = await dialog.answered()
    assert.equal(bodyOf(final), '')
    const order = caller.messages.filter((t) => [pracked, final].includes(t))
    assert.deepEqual(order, [pracked, final])
    await dialog.ask('BYE')
  })

  test('a PRACK without the answer leaves it to the ACK', async () => {
    const { target, caller, number } = await ends([{ status: 180 }])
    const dialog = caller.call(s.sip, number, { headers: ['Require: 100rel'] })
    const ringing = await dialog.provisional(180)
    const headers = [`RAck: ${field(ringing, 'RSeq')} 1 INVITE`]
    assert.equal(statusOf(await dialog.ask('PRACK', { headers })), 200)
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    const final = await dialog.answered({ body: sdp(40000) })
    assert.ok(portOf(final))
    await target.request('ACK')
    assert.equal(statusOf(await dialog.ask('OPTIONS')), 200)
    await dialog.ask('BYE')
  })

  // ---- within a call ----

  const talk = async () => {
    const { target, caller, number } = await ends([{ status: 200, body: sdp(40010) }])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    assert.equal(statusOf(await dialog.answered()), 200)
    await target.request('ACK')
    return { target, caller, dialog, back: target.dialog(target.of('INVITE')[0]) }
  }

  test('an empty ACK to a re-INVITE without an offer leaves what stood', async () => {
    const { target, caller, dialog, back } = await talk()
    for (const one of [dialog, back]) {
      assert.ok(portOf(await one.ask('INVITE')))
      assert.equal(statusOf(await one.ask('OPTIONS')), 200)
    }
    assert.equal(caller.of('BYE').length + target.of('BYE').length, 0)
    // The next one has its answer in the ACK again.
    await dialog.ask('INVITE', { ack: sdp(40000, { mode: 'sendonly', version: 2 }) })
    assert.match(await target.request('INVITE', 2), /^a=sendonly/m)
    await dialog.ask('BYE')
  })

  // ---- UPDATE while an offer is open (RFC 3311 section 5.2) ----

  test('UPDATE of a caller whose offer is not answered: 500 with Retry-After', async () => {
    const { target, caller, number } = await ends([{ status: 180 }])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await dialog.provisional(180)
    const refused = await dialog.ask('UPDATE', { body: sdp(40004, { version: 2 }) })
    assert.equal(statusOf(refused), 500)
    assert.match(field(refused, 'Retry-After'), /^([0-9]|10)$/)
    assert.equal(statusOf(await dialog.ask('UPDATE')), 200) // it offers nothing
    target.later(target.of('INVITE')[0], { status: 486 })
    assert.equal(statusOf(await dialog.answered()), 486)
  })

  test('UPDATE of a target that has not answered our offer: 491', async () => {
    const { target, caller, number } = await ends([{ status: 180 }])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await dialog.provisional(180)
    const back = target.dialog(target.of('INVITE')[0])
    const refused = await back.ask('UPDATE', { body: sdp(40014, { version: 2 }) })
    assert.equal(statusOf(refused), 491)
    target.later(target.of('INVITE')[0], { status: 200, body: sdp(40010) })
    assert.equal(statusOf(await dialog.answered()), 200)
    await dialog.ask('BYE')
  })

  test('UPDATE of a target after its early answer is taken; its 200 may have none', async () => {
    const { target, caller, number } = await ends([
      { status: 183, headers: reliable(1), body: sdp(40010) },
    ])
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    await target.request('PRACK')
    const back = target.dialog(target.of('INVITE')[0])
    const answer = await back.ask('UPDATE', { body: sdp(40014, { version: 2 }) })
    assert.equal(statusOf(answer), 200)
    assert.ok(portOf(answer))
    target.later(target.of('INVITE')[0], { status: 200 })
    assert.equal(statusOf(await dialog.answered()), 200)
    await dialog.ask('BYE')
  })

  test('UPDATE and re-INVITE while our re-INVITE is not answered: 491', async () => {
    const { target, dialog, back } = await talk()
    target.answer = (r) => (r.startsWith('INVITE') ? [{ status: 100 }] : ok)
    await dialog.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    const hold = await target.request('INVITE', 2)
    for (const method of ['UPDATE', 'INVITE'])
      assert.equal(statusOf(await back.ask(method, { body: sdp(40014, { version: 2 }) })), 491)
    assert.equal(statusOf(await back.ask('UPDATE')), 200)
    target.later(hold, { status: 200, body: sdp(40010, { version: 2 }) })
    await until('its ACK', () => target.of('ACK').length > 1)
    assert.equal(statusOf(await back.ask('UPDATE', { body: sdp(40014, { version: 3 }) })), 200)
    await dialog.ask('BYE')
  })

  test('the answer of a reliable 183 to our re-INVITE stands when its 200 has none', async () => {
    const { target, dialog } = await talk()
    const headers = reliable(1)
    const body = sdp(40010, { mode: 'recvonly', version: 2 })
    target.answer = (r) => (r.startsWith('INVITE') ? [{ status: 183, headers, body }] : ok)
    await dialog.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    await target.request('PRACK')
    target.later(target.of('INVITE')[1], { status: 200 })
    await until('its ACK', () => target.of('ACK').length > 1)
    assert.equal(statusOf(await dialog.ask('OPTIONS')), 200)
    await dialog.ask('BYE')
  })
})
