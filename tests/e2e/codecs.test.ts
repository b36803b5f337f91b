// Codecs that caller and target have in common and we have not.
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Rtp } from './caller.ts'
import { Peer, type Request } from './peer.ts'
import { Strowger, sleep, until, usePostgres, useRtpengine } from './harness.ts'

describe('codecs', { skip: usePostgres }, () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })

  const OPUS = ['a=rtpmap:96 opus/48000/2', 'a=fmtp:96 useinbandfec=1;minptime=10', 'a=rtpmap:101 telephone-event/48000']
  const own = /^m=audio \d+ RTP\/AVP 0 8 101\r$/m
  const formats = (text: string) => /^m=audio \d+ RTP\/AVP (.*)\r$/m.exec(text)?.[1]
  const port = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])
  const called = (number: string) => `sip:${number}@127.0.0.1`
  // A campaign that calls them, one after the other, and its number.
  const campaign = async (targets: Peer[], more = {}) => {
    const number = `+1800555${String(7000 + ++n)}`
    const made = await s.plan(`Plan ${n}`, targets.map((t) => ({ uri: t.uri })))
    await s.campaign(number, { routing_plan_id: made.id, ...more })
    return number
  }
  const flow = async (nodes: any[], ways: [string, string, string][]) => {
    const number = `+1800555${String(7000 + ++n)}`
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: (await s.flow(`Flow ${n}`, nodes, ways)).id })
    return number
  }
  // Packets until what they bring is there.
  const sent = async (what: string, send: () => void, there: () => unknown) => {
    const timer = setInterval(send, 20)
    await until(what, there).finally(() => clearInterval(timer))
  }
  const frame = (mark: number) => new Uint8Array(60).fill(mark)
  const has = (rtp: Rtp, type: number, payload: Uint8Array) => rtp.of(type).some((p) => Buffer.compare(p.subarray(12), payload) === 0)

  test('what both of them have is passed as it is, each in its own numbers, with its keys', async () => {
    const near = await Rtp.bind(), far = await Rtp.bind()
    const caller = await Peer.start({ media: near.port, formats: '96 9 0 8 101', attributes: OPUS })
    // rtpengine takes a telephone-event of another payload type than was offered for none
    const opus = useRtpengine ? 96 : 100, keys = useRtpengine ? 101 : 99
    const target = await Peer.start({ media: far.port, formats: `${opus} ${keys}`, attributes: [`a=rtpmap:${opus} opus/48000/2`, `a=fmtp:${opus} stereo=0`, `a=rtpmap:${keys} telephone-event/48000`] })
    const number = await campaign([target])
    const { text } = await caller.call(s.sip, called(number))
    const offer = (await target.first('INVITE')).text
    assert.equal(formats(offer), '96 9 0 8 101 102')
    assert.match(offer, /^a=rtpmap:96 opus\/48000\/2\r$/m)
    assert.match(offer, /^a=fmtp:96 useinbandfec=1;minptime=10\r$/m)
    assert.equal(formats(text), '96 101')
    assert.match(text, /^a=fmtp:96 stereo=0\r$/m)
    await sent('the caller at the target', () => near.audio(port(text), frame(1), 96, 960), () => has(far, opus, frame(1)))
    await sent('the target at the caller', () => far.audio(port(offer), frame(2), 96, 960), () => has(near, 96, frame(2)))
    await sent('20 packets', () => near.audio(port(text), frame(3), 96, 960), () => far.of(opus).length > 20)
    const at = far.of(opus).slice(-10).map((p) => p.readUInt32BE(4))
    assert.deepEqual(at.slice(1).map((t, i) => (t - at[i]!) >>> 0), Array(9).fill(960))
    await sent('the key', () => near.audio(port(text), new Uint8Array([5, 0x8a, 0x12, 0xc0]), 101, 0), () => far.of(keys).some((p) => p[12] === 5))
    await s.hangUp()
    const call = await s.lastCall((c) => c.number === number)
    assert.ok(call.quality.caller.packets > 20 && call.quality.caller.jitter_ms < 20, JSON.stringify(call.quality))
    near.close()
    far.close()
  })

  test('the opinion score is that of the codec', async () => {
    const near = await Rtp.bind(), far = await Rtp.bind()
    const caller = await Peer.start({ media: near.port, formats: '18 0' }), target = await Peer.start({ media: far.port, formats: '18' })
    const number = await campaign([target])
    const { text } = await caller.call(s.sip, called(number))
    assert.equal(formats(text), '18')
    await sent('20 packets of G.729', () => near.audio(port(text), frame(3).subarray(0, 20), 18, 160), () => far.of(18).length > 20)
    await s.hangUp()
    const { quality } = await s.lastCall((c) => c.number === number)
    assert.ok(quality.caller.lost === 0 && quality.caller.mos > 3.9 && quality.caller.mos < 4.15, JSON.stringify(quality))
    near.close()
    far.close()
  })

  test('PCMU where the target wants it, and nothing else where we have to hear or to be heard', async () => {
    const caller = await Peer.start({ formats: '9 0' }), target = await Peer.start(), wide = await Peer.start({ formats: '9 0' })
    const { text } = await caller.call(s.sip, called(await campaign([target])))
    assert.equal(formats((await target.first('INVITE')).text), '9 0 8 101')
    assert.equal(formats(text), '0')
    await s.hangUp()
    const recorded = await caller.call(s.sip, called(await campaign([target], { recording: true })))
    assert.match((await target.first('INVITE', 2)).text, own)
    assert.equal(formats(recorded.text), '0')
    await s.hangUp()
    // a prompt before, a whisper, a caller who does not offer
    const plan = await s.plan('wide', [{ uri: wide.uri }]), dial = (whisper = {}) => ({ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id }, ...whisper } })
    for (const [i, number] of [
      await flow([{ id: 'p', type: 'play', config: { prompt: { text: 'One.' } } }, dial()], [['start', 'next', 'p'], ['p', 'next', 'd']]),
      await flow([dial({ whisper: { text: 'Two.' } })], [['start', 'next', 'd']]),
    ].entries()) {
      void caller.call(s.sip, called(number))
      assert.match((await wide.first('INVITE', i + 1)).text, own, String(i))
      await wide.first('ACK', i + 1)
      await s.hangUp()
    }
    void caller.call(s.sip, called(await campaign([wide])), { offer: '', answer: caller.sdp() })
    assert.match((await wide.first('INVITE', 3)).text, own)
    await wide.first('ACK', 3)
    await s.hangUp()
    assert.equal(caller.of('INVITE').length, 0)
  })

  // RFC 3261 §18.1.1 wants TCP for it, which many carriers that are called by UDP drop without a word.
  test('an INVITE that has become long by it goes by UDP all the same', async () => {
    const many = [98, 99, 100, 102, 103, 104], target = await Peer.start({ formats: '98', attributes: ['a=rtpmap:98 AMR-WB/16000'] })
    const caller = await Peer.start({ formats: `${many.join(' ')} 0`, attributes: many.flatMap((t) => [`a=rtpmap:${t} AMR-WB/16000`, `a=fmtp:${t} octet-align=${t}; mode-set=0,1,2,3,4,5,6,7,8; mode-change-period=2; mode-change-neighbor=1`]) })
    const tcp = createServer(() => {}).listen(target.port, '127.0.0.1')
    const { text } = await caller.call(s.sip, called(await campaign([target])))
    assert.ok((await target.first('INVITE')).text.length > 1500)
    assert.equal(formats(text), '98')
    await s.hangUp()
    tcp.close()
  })

  test('a caller who has neither PCMU nor PCMA is refused', async () => {
    const caller = await Peer.start({ formats: '18' })
    assert.equal((await caller.call(s.sip, called(await campaign([await Peer.start({ formats: '18' })])))).status, 488)
  })

  for (const refuses of [false, true])
    test(`when the target has left, the caller is asked for PCMU to hear what follows${refuses ? '; one that refuses hears it, too' : ''}`, async () => {
      const near = await Rtp.bind(), caller = await Peer.start({ media: near.port, formats: '18 0', attributes: ['a=fmtp:18 annexb=no'] }), target = await Peer.start({ formats: '18', attributes: ['a=fmtp:18 annexb=no'] })
      const plan = await s.plan(`follows ${refuses}`, [{ uri: target.uri }])
      const { text } = await caller.call(s.sip, called(await flow([{ id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } }, { id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven.' } } }], [['start', 'next', 'd'], ['d', 'completed', 'p']])))
      assert.equal(formats(text), '18')
      await target.first('ACK')
      await sleep(200)
      caller.formats = '0'
      if (refuses) caller.invite = () => [488]
      assert.equal(near.of(0).length, 0)
      assert.equal(await target.within('BYE'), 200)
      assert.match((await caller.first('INVITE')).text, /RTP\/AVP 0 8 101\r/)
      await until('the prompt', () => near.of(0).length > 20)
      assert.equal(caller.of('INVITE').length, 1)
      await s.hangUp()
      near.close()
    })

  test('a target that hangs up at the end gets no new offer, nor does its caller', async () => {
    const caller = await Peer.start({ formats: '9 0' }), target = await Peer.start({ formats: '9' })
    await caller.call(s.sip, called(await campaign([target])))
    await target.first('ACK')
    target.bye()
    await caller.first('BYE')
    await sleep(100)
    assert.deepEqual([caller.of('INVITE').length, target.of('INVITE').length], [0, 1])
  })

  test('hold keeps the codec; who offers another changes it for both', async () => {
    const caller = await Peer.start({ formats: '9 0' }), target = await Peer.start({ formats: '9' })
    const d = await caller.call(s.sip, called(await campaign([target])))
    await target.first('ACK')
    target.mode = 'recvonly'
    assert.equal(await d.request('INVITE', caller.sdp().replace('sendrecv', 'sendonly')), 200)
    const held = (await target.first('INVITE', 2)).text
    assert.equal(formats(held), '9')
    assert.match(held, /^a=sendonly\r$/m)
    await target.first('ACK', 2)
    target.mode = 'sendrecv'
    target.formats = '0'
    caller.formats = '8'
    assert.equal(await d.request('INVITE', caller.sdp()), 200)
    const changed = (await target.first('INVITE', 3)).text
    assert.equal(formats(changed)!.replace(/ 101$/, ''), '0 8')
    assert.match(changed, /^a=sendrecv\r$/m)
    await target.first('ACK', 3)
    assert.equal(caller.of('INVITE').length, 0)
    await s.hangUp()
    // and the other way round; until both have changed, nothing passes that one of them would take for something else
    const near = await Rtp.bind(), far = await Rtp.bind(), again = await Peer.start({ media: near.port, formats: '18 0', invite: () => [100] }), other = await Peer.start({ media: far.port, formats: '18' })
    const { text } = await again.call(s.sip, called(await campaign([other])))
    await other.first('ACK')
    other.formats = again.formats = '0'
    assert.equal(await other.within('INVITE', { body: other.sdp() }), 200)
    assert.match((await again.first('INVITE')).text, /RTP\/AVP 0 8 101\r/)
    for (let i = 0; i < 10; i++) far.audio(port((await other.first('INVITE')).text), frame(5), 0)
    for (let i = 0; i < 10; i++) near.audio(port(text), frame(6), 18)
    await sleep(200)
    assert.deepEqual([near.of(18).length, near.of(0).length, far.of(0).length], [0, 0, 0])
    again.late(1, [200, []])
    await sent('the target at the caller', () => far.audio(port(other.of('INVITE')[0]!.text), frame(7), 0), () => has(near, 0, frame(7)))
    assert.deepEqual([again.of('INVITE').length, other.of('INVITE').length], [1, 1])
    await s.hangUp()
    near.close()
    far.close()
  })

  test('an answer that does not have what was offered changes it, too', { skip: useRtpengine && 'rtpengine leaves such a codec out' }, async () => {
    const third = await Peer.start({ formats: '9 0' }), fourth = await Peer.start({ formats: '9' })
    await third.call(s.sip, called(await campaign([fourth])))
    await fourth.first('ACK')
    third.formats = '0'
    assert.equal(await fourth.within('UPDATE', { body: fourth.sdp().replace('sendrecv', 'sendonly') }), 200)
    assert.equal(formats((await third.first('INVITE')).text), '9')
    fourth.formats = '0'
    assert.equal(formats((await fourth.first('INVITE', 2)).text), '0 8 101')
    await fourth.first('ACK', 2)
    await s.hangUp()
  })

  test('a caller who heard early audio is not told of another codec before it can be offered', async () => {
    const near = await Rtp.bind(), far = await Rtp.bind(), caller = await Peer.start({ media: near.port, formats: '9 0' })
    const first = await Peer.start({ media: far.port, formats: '9', invite: () => [183] }), second = await Peer.start({ formats: '0' })
    const call = caller.call(s.sip, called(await campaign([first, second])))
    const offer: Request = await first.first('INVITE')
    await sent('early audio', () => far.audio(port(offer.text), frame(4), 9, 160), () => has(near, 9, frame(4)))
    first.late(1, [486, []])
    caller.formats = '0'
    const { text, provisional } = await call
    assert.equal(formats(provisional.find((t) => t.startsWith('SIP/2.0 183'))!), '9')
    assert.equal(formats((await second.first('INVITE')).text), '9 0 8 101')
    assert.equal(formats(text), '9')
    assert.match((await caller.first('INVITE')).text, /RTP\/AVP 0 8 101\r/)
    await caller.first('ACK')
    await sleep(100)
    assert.deepEqual([caller.of('INVITE').length, second.of('INVITE').length], [1, 1])
    await s.hangUp()
    near.close()
    far.close()
  })

  test('who a call is transferred to speaks the codec as well, or is the reason for another', async () => {
    const refer = async (to: Peer) => {
      const caller = await Peer.start({ formats: '9 0' }), target = await Peer.start({ formats: '9' })
      await caller.call(s.sip, called(await campaign([target])))
      await target.first('ACK')
      assert.equal(await target.within('REFER', { headers: [`Refer-To: <${to.uri}>`] }), 202)
      assert.equal(formats((await to.first('INVITE')).text), '9 0 8 101')
      caller.formats = '0'
      await to.first('ACK')
      return caller
    }
    const same = await refer(await Peer.start({ formats: '9' }))
    await sleep(200)
    assert.equal(same.of('INVITE').length, 0)
    await s.hangUp()
    const other = await refer(await Peer.start({ formats: '0' }))
    assert.match((await other.first('INVITE')).text, /RTP\/AVP 0 8 101\r/)
    await other.first('ACK')
    await s.hangUp()
  })
})
