import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { Rtp } from './caller.ts'
import { Peer } from './peer.ts'
import { Sipp, Strowger, binary, freePort, sleep, until, usePostgres } from './harness.ts'

// Of the database they tell nothing: once is enough.
describe('dialogs', { skip: usePostgres }, () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start(['--session-expires', '6', '--min-se', '3'])
  })
  after(async () => {
    await s.stop()
  })

  // A campaign that calls the peer, and its request URI.
  const calls = async (uri: string) => {
    const number = `+1800555${String(6000 + ++n)}`
    await s.campaign(number, { routing_plan_id: (await s.plan(`Plan ${n}`, [{ uri }])).id })
    return `sip:${number}@127.0.0.1`
  }
  const logged = (uri: string) => s.lastCall((c) => uri.includes(c.number))

  test('an INVITE without an offer is answered with ours, and the ACK brings theirs', async () => {
    const audio = await Rtp.bind(), caller = await Peer.start({ media: audio.port }), flow = await s.flow('talks', [{ id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven eight nine ten.', voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005556900', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const { status, text } = await caller.call(s.sip, 'sip:+18005556900@127.0.0.1', { offer: '', answer: caller.sdp() })
    assert.equal(status, 200)
    assert.match(text, /m=audio \d+ RTP\/AVP 0 8 101/)
    await until('the prompt to be heard', () => audio.received > 5)
    await s.hangUp()
    audio.close()
    await caller.call(s.sip, 'sip:+18005556900@127.0.0.1', { offer: '', answer: 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 RTP/AVP 34\r\n' })
    const refused = await s.lastCall((c) => c.number === '+18005556900' && c.disposition === 'failed')
    assert.match(refused.hangup_reason, /ACK/)
    assert.ok(await caller.first('BYE', 2))
  })

  test('what an INVITE requires and we do not know is refused, and named', async () => {
    const caller = await Peer.start()
    const { status, text } = await caller.call(s.sip, await calls('sip:nobody@127.0.0.1:1'), { headers: ['Require: timer, gruu, 100rel'] })
    assert.equal(status, 420)
    assert.match(text, /^Unsupported: gruu\r$/m)
  })

  test('provisional answers are reliable where the caller asks for it, and acknowledged where the target does', async () => {
    const caller = await Peer.start(), target = await Peer.start({ invite: () => [[183, ['Require: 100rel', 'RSeq: 77']], 180] })
    const uri = await calls(target.uri)
    const call = caller.call(s.sip, uri, { headers: ['Require: 100rel'] })
    const prack = await target.first('PRACK')
    assert.match(prack.header('RAck')!, /^77 \d+ INVITE$/)
    const invite = await target.first('INVITE')
    assert.match(invite.header('Supported')!, /100rel/)
    await sleep(300)
    await s.hangUp()
    const { provisional, status } = await call
    assert.equal(status, 480)
    const reliable = provisional.filter((t) => /^RSeq:/im.test(t))
    assert.ok(reliable.length >= 1 && /^SIP\/2.0 183/.test(reliable[0]) && /m=audio/.test(reliable[0]), provisional.join('\n'))
    assert.equal(provisional.filter((t) => /^SIP\/2.0 18/.test(t) && !/^RSeq:/im.test(t)).length, 0)
  })

  test('of a fork, the one that answers is talked to, not the one that rang reliably before', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    target.invite = (r) => [[183, ['Require: 100rel', 'RSeq: 1', `To: ${r.header('To')};tag=first`]], [200, [`To: ${r.header('To')};tag=second`]]]
    assert.equal((await caller.call(s.sip, await calls(target.uri))).status, 200)
    assert.match((await target.first('PRACK')).header('To')!, /tag=first/)
    assert.match((await target.first('ACK')).header('To')!, /tag=second/)
    await s.hangUp()
    assert.match((await target.first('BYE')).header('To')!, /tag=second/)
  })

  const modes = (p: Peer) => p.of('INVITE').map((r) => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(r.text)?.[1])
  const held = (p: Peer, mode: string) => p.sdp().replace(/a=\w+/, `a=${mode}`)

  test('hold is passed from the caller to the target and back, and its end', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    const d = await caller.call(s.sip, await calls(target.uri))
    await target.first('ACK')
    target.mode = 'recvonly'
    assert.equal(await d.request('INVITE', held(caller, 'sendonly')), 200)
    await target.first('ACK', 2)
    target.mode = 'sendrecv'
    assert.equal(await d.request('INVITE', held(caller, 'sendrecv')), 200)
    await target.first('ACK', 3)
    assert.equal(await d.request('UPDATE', held(caller, 'inactive')), 200)
    await target.first('ACK', 4)
    assert.deepEqual(modes(target), ['sendrecv', 'sendonly', 'sendrecv', 'inactive'])
    // nothing new is nothing to be told
    assert.equal(await d.request('INVITE', held(caller, 'inactive')), 200)
    await sleep(200)
    assert.equal(target.of('INVITE').length, 4)
    const versions = target.of('INVITE').map((r) => Number(/^o=strowger \d+ (\d+)/m.exec(r.text)![1]))
    assert.ok(versions.every((v, i) => !i || v > versions[i - 1]), versions.join())
    await s.hangUp()
  })

  test('hold by the target is passed to the caller, who hears of its end when the target hangs up and the call goes on', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    const plan = await s.plan(`Plan ${++n}`, [{ uri: target.uri }])
    const flow = await s.flow('goes on', [{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }, { id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven.' } } }], [['start', 'next', 'd'], ['d', 'completed', 'p']])
    await s.campaign('+18005556901', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await caller.call(s.sip, 'sip:+18005556901@127.0.0.1')
    await target.first('ACK')
    caller.mode = 'recvonly'
    assert.equal(await target.within('INVITE', { body: held(target, 'sendonly') }), 200)
    await caller.first('ACK')
    caller.mode = 'sendrecv'
    assert.equal(await target.within('BYE'), 200)
    await caller.first('ACK', 2)
    assert.deepEqual(modes(caller), ['sendonly', 'sendrecv'])
    await s.hangUp()
  })

  test('an offer that meets theirs is made again; one that is refused changes nothing', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    target.invite = () => [[200, 491, 488, 200][target.of('INVITE').length - 1] ?? 200]
    const d = await caller.call(s.sip, await calls(target.uri))
    await target.first('ACK')
    assert.equal(await d.request('INVITE', held(caller, 'sendonly')), 200)
    await target.first('INVITE', 3) // two to four seconds later
    assert.equal(await d.request('INVITE', held(caller, 'sendrecv')), 200)
    await target.first('INVITE', 4)
    assert.deepEqual(modes(target), ['sendrecv', 'sendonly', 'sendonly', 'sendrecv'])
    assert.equal(await d.request('BYE'), 200)
    await target.first('BYE')
  })

  test('a caller who is to refresh the session and does not is gone; a target is refreshed by us', async () => {
    const caller = await Peer.start(), target = await Peer.start({ update: ['Session-Expires: 4;refresher=uac'] })
    target.invite = () => [180, [200, ['Session-Expires: 4;refresher=uac', 'Require: timer', 'Allow: INVITE, ACK, BYE, CANCEL, UPDATE']]]
    const uri = await calls(target.uri)
    const { status, text } = await caller.call(s.sip, uri, { headers: ['Supported: timer', 'Session-Expires: 9'] })
    assert.equal(status, 200)
    assert.match(text, /^Session-Expires: 9;refresher=uac\r$/m)
    assert.match(text, /^Require: timer\r$/m)
    assert.equal((await target.first('INVITE')).header('Session-Expires'), '6')
    const refresh = await target.first('UPDATE')
    assert.equal(refresh.header('Session-Expires'), '4;refresher=uac')
    assert.ok(await target.first('UPDATE', 2)) // each after half the time
    const call = await logged(uri)
    assert.deepEqual([call.hangup_by, call.hangup_reason], ['caller', 'the SIP session was not refreshed'])
    assert.ok((await caller.first('BYE')) && (await target.first('BYE')))
  })

  test('a session timer that is too short is refused with ours, and theirs is taken up', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    target.invite = (r) => (r.header('Min-SE') === '7200' ? [200] : [[422, ['Min-SE: 7200']]])
    const uri = await calls(target.uri)
    const short = await caller.call(s.sip, uri, { headers: ['Supported: timer', 'Session-Expires: 2'] })
    assert.equal(short.status, 422)
    assert.match(short.text, /^Min-SE: 3\r$/m)
    assert.equal((await caller.call(s.sip, uri)).status, 200)
    assert.equal((await target.first('INVITE', 2)).header('Session-Expires'), '7200')
    await s.hangUp()
  })

  test('a target that is gone is noticed when its session is not refreshed; without UPDATE it is refreshed by INVITE', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    target.invite = (r) => (r.header('To')!.includes('tag=') ? [[481, []]] : [[200, ['Session-Expires: 4;refresher=uac', 'Require: timer', 'Allow: INVITE, ACK, BYE, CANCEL']]])
    const uri = await calls(target.uri)
    assert.equal((await caller.call(s.sip, uri)).status, 200)
    assert.match((await target.first('INVITE', 2)).text, /m=audio/)
    const call = await logged(uri)
    assert.deepEqual([call.hangup_by, call.hangup_reason], ['target', 'the SIP session was not refreshed'])
  })

  test('who sends a call on is followed where the organization lets calls go anywhere, and not for ever', async () => {
    const caller = await Peer.start(), there = await Peer.start({ invite: () => [486] }), on = await Peer.start()
    on.invite = () => [[302, [`Contact: <sip:else@127.0.0.1:${there.port}>`]]]
    const uri = await calls(on.uri)
    await caller.call(s.sip, uri)
    const refused = await logged(uri)
    assert.deepEqual(refused.attempts.map((a: any) => [a.outcome, a.sip_status, a.reason]), [['failed', 302, "it was sent on, which the organization's dial policy does not allow"]])
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: true } })
    const again = await calls(on.uri)
    assert.equal((await caller.call(s.sip, again)).status, 486)
    assert.deepEqual((await logged(again)).attempts.map((a: any) => [a.uri, a.outcome]), [[on.uri, 'redirected'], [`sip:else@127.0.0.1:${there.port}`, 'busy']])
    there.invite = () => [[302, [`Contact: <${there.uri}>`]]]
    const round = await calls(there.uri)
    await caller.call(s.sip, round)
    assert.deepEqual((await logged(round)).attempts.map((a: any) => a.outcome), ['redirected', 'redirected', 'redirected', 'failed'])
  })

  test('over TCP we are to be reached over TCP', async () => {
    const asked: string[] = []
    const target = createServer((socket) => socket.on('data', (d) => {
      const text = d.toString()
      asked.push(text)
      const copied = text.split('\r\n').filter((l) => /^(Via|From|To|Call-ID|CSeq):/i.test(l))
      if (text.startsWith('INVITE')) socket.write(`${['SIP/2.0 486 Busy Here', ...copied, 'Content-Length: 0'].join('\r\n')}\r\n\r\n`)
    }))
    await new Promise<void>((done) => target.listen(0, '127.0.0.1', done))
    const uri = await calls(`sip:busy@127.0.0.1:${(target.address() as AddressInfo).port};transport=tcp`)
    const socket = connect(s.sip, '127.0.0.1')
    let heard = ''
    socket.on('data', (d) => (heard += d))
    const body = (await Peer.start()).sdp()
    socket.write(`${[`INVITE ${uri} SIP/2.0`, 'Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKtcp1', 'Max-Forwards: 70', 'From: <sip:+15125550123@127.0.0.1>;tag=t', `To: <${uri}>`, 'Call-ID: over-tcp', 'CSeq: 1 INVITE',
      'Contact: <sip:c@127.0.0.1;transport=tcp>', 'Require: 100rel', 'Content-Type: application/sdp', `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`)
    await until('the answer', () => /^SIP\/2.0 486/m.test(heard))
    assert.match(asked[0], /^Contact:.*transport=tcp/im)
    assert.equal((await logged(uri)).attempts[0].sip_status, 486)
    const flow = await s.flow('over tcp', [{ id: 'p', type: 'play', config: { prompt: { text: 'Hi.', voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005556950', { execution_mode: 'call_flow', call_flow_id: flow.id })
    socket.write(`${['INVITE sip:+18005556950@127.0.0.1 SIP/2.0', 'Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKtcp2', 'Max-Forwards: 70', 'From: <sip:+15125550123@127.0.0.1>;tag=u', 'To: <sip:+18005556950@127.0.0.1>', 'Call-ID: over-tcp-2', 'CSeq: 1 INVITE',
      'Contact: <sip:c@127.0.0.1;transport=tcp>', 'Content-Type: application/sdp', `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`)
    await until('the call to be answered', () => /^SIP\/2.0 200/m.test(heard))
    assert.match(/^SIP\/2.0 200[^]*?^Contact:.*/m.exec(heard)![0], /transport=tcp/i)
    socket.destroy()
    target.close()
  })

  test('all of it over IPv6', { skip: !Object.values(networkInterfaces()).flat().some((i) => i?.address === '::1') }, async () => {
    const port = await freePort(), six = await Strowger.start(['--sip', `udp:[::1]:${port},tcp:[::1]:${port}`, '--rtp-address', '::1'])
    const target = await Sipp.answer('answer.xml', ['-i', '[::1]', '-mi', '[::1]'])
    await six.api('POST', '/trunks', { name: 'six', inbound: { allowed_addresses: ['::1/128'] } })
    await six.campaign('+18005556999', { routing_plan_id: (await six.plan('six', [{ uri: `sip:agent@[::1]:${target.port}` }])).id })
    for (const transport of ['udp', 'tcp']) {
      const r = JSON.parse(execFileSync(binary, ['call', `sip:+18005556999@[::1]:${port};transport=${transport}`, '--duration', '1'], { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } }).toString())
      assert.equal(r.status, 200, transport)
    }
    const call = await six.lastCall()
    assert.equal(call.disposition, 'completed')
    assert.ok(call.quality.caller.packets > 25, JSON.stringify(call.quality))
    target.stop()
    await six.stop()
  })

  test('after all of it no call, port or dialog is left', async () => {
    await s.hangUp()
    await until('everything to be free', async () => (await s.metric('strowger_calls_active')) + (await s.metric('strowger_media_ports')) + (await s.metric('strowger_sip_legs')) === 0, 40000)
  })
})
