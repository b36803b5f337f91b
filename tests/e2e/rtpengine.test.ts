// Calls whose audio goes through rtpengine: SRTP with a carrier, and what happens when it does not answer.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear } from './caller.ts'
import { Peer } from './peer.ts'
import { Rtpengine, Sipp, Strowger, sippCall, sleep, until, useRtpengine } from './harness.ts'

describe('rtpengine', { skip: useRtpengine && 'it has its own' }, () => {
  let proxy: Rtpengine, near: Strowger, far: Strowger
  const loud = (rtp: Rtp) => rtp.of(0).some((p) => [...p.subarray(12)].some((c) => Math.abs(linear(c)) > 2000))
  const idle = (s: Strowger) => until('everything to be over', async () => !(await s.metric('strowger_calls_active')) && !(await s.metric('strowger_sip_legs')) && !(await s.metric('strowger_media_ports')))
  before(async () => {
    proxy = await Rtpengine.start()
    near = await Strowger.start(proxy.media)
    far = await Strowger.start(proxy.media)
    const flow = await far.flow('speaks', [{ id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven eight nine ten.' } } }], [['start', 'next', 'p']])
    await far.campaign('+18005554201', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(async () => {
    await near.stop()
    await far.stop()
    proxy.stop()
  })

  const to = async (s: Strowger, name: string, number: string, outbound: object) => {
    const trunk = await s.api('POST', '/trunks', { name, options_interval_seconds: 0, outbound })
    const target = await s.api('POST', '/targets', { name, destination: { type: 'number', number: '+18005554201', trunk_id: trunk.id } })
    const plan = await s.api('POST', '/routing-plans', { name, entries: [{ target_id: target.id, priority: 1 }] })
    await s.campaign(number, { routing_plan_id: plan.id })
  }
  const ladder = async (s: Strowger, number: string): Promise<string[]> => {
    const call = await s.lastCall((c) => c.number === number)
    return until('the ladder', async () => ((m) => m.some((x: string) => x.startsWith('BYE')) && m)((await s.api('GET', `/calls/${call.id}/sip`)).data.map((x: any) => x.text)))
  }

  test('speaks SRTP with a trunk that wants it, and RTP with the caller', async () => {
    await to(near, 'secure', '+18005554211', { gateways: [{ uri: `sip:127.0.0.1:${far.sip}` }], srtp: true })
    const c = await Caller.invite(near, '+18005554211'), rtp = await Rtp.bind()
    const port = await c.offer(rtp.port)
    assert.match(c.answer, /^m=audio \d+ RTP\/AVP 0/m)
    const timer = setInterval(() => rtp.send(port), 20)
    await until('the prompt', () => loud(rtp))
    clearInterval(timer)
    await c.bye()
    const messages = await ladder(near, '+18005554211')
    const offer = messages.find((m) => m.startsWith('INVITE sip:+18005554201'))!, answer = messages.find((m) => m.startsWith('SIP/2.0 200') && m.includes('crypto'))!
    for (const m of [offer, answer]) assert.match(m, /^m=audio \d+ RTP\/SAVP [^]*^a=crypto:\d+ \S+ inline:x+(\||\r$)/m)
    assert.doesNotMatch(messages.join(), /inline:[^x]|NULL_HMAC|F8_128/)
    rtp.close()
    await idle(near)
    await idle(far)
  })

  test('without one, an attempt that is to be encrypted says why it is not made', async () => {
    const plain = await Strowger.start()
    await to(plain, 'secure', '+18005554212', { gateways: [{ uri: `sip:127.0.0.1:${far.sip}` }], srtp: true })
    await plain.call('+18005554212')
    const { attempts } = await plain.lastCall()
    assert.equal(attempts[0].outcome, 'failed')
    assert.match(attempts[0].reason, /needs rtpengine/)
    await plain.stop()
  })

  test('that does not answer: calls are refused, or given up by the caller, and nothing is left of them', async () => {
    const target = await Peer.start()
    await near.campaign('+18005554213', { routing_plan_id: (await near.plan('plain', [{ uri: target.uri }])).id })
    proxy.child.kill('SIGSTOP')
    const t = Date.now()
    assert.equal((await near.call('+18005554213')).status, 503)
    assert.ok(Date.now() - t < 10000)
    assert.equal(target.requests.length, 0)
    assert.equal((await sippCall('cancel_at_once.xml', near, '+18005554213')).code, 0)
    await idle(near)
    proxy.child.kill('SIGCONT')
    await sleep(300)
    const call = near.call('+18005554213', ['--duration', '1'])
    await target.first('ACK')
    assert.equal((await call).status, 200)
    assert.match(near.log, /rtpengine does not answer/)
    await idle(near)
  })

  test('that ends while the target rings: the attempt fails in words, and the call goes to the next one', async () => {
    const slow = await Sipp.answer('ring.xml'), next = await Peer.start()
    await near.campaign('+18005554214', { routing_plan_id: (await near.plan('rings', [{ uri: slow.uri, timeout_seconds: 2 }, { uri: next.uri }])).id })
    const call = near.call('+18005554214', ['--duration', '1'])
    await until('it to ring', async () => (await near.api('GET', '/calls?status=active')).data.some((c: any) => c.number === '+18005554214') && (await near.metric('strowger_sip_legs')) === 2)
    proxy.child.kill('SIGSTOP')
    const { attempts } = (await call, await near.lastCall((c) => c.number === '+18005554214'))
    proxy.child.kill('SIGCONT')
    assert.equal(next.of('INVITE').length, 0)
    assert.match(attempts[1].reason, /media proxy/)
    slow.stop()
    await idle(near)
  })

  test('that was started anew knows the calls to come', async () => {
    const { port } = proxy
    proxy.stop()
    await sleep(200)
    proxy = await Rtpengine.start(port)
    const target = await Peer.start()
    await near.campaign('+18005554215', { routing_plan_id: (await near.plan('anew', [{ uri: target.uri }])).id })
    const c = await Caller.invite(near, '+18005554215'), rtp = await Rtp.bind()
    await c.offer(rtp.port)
    await target.first('ACK')
    await c.bye()
    rtp.close()
    await idle(near)
  })
})
