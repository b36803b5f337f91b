import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear } from './caller.ts'
import { Peer } from './peer.ts'
import { Strowger, sleep, until } from './harness.ts'

describe('media and how calls end', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '2'])
    const flow = await s.flow('long', [{ id: 'p', type: 'play', config: { prompt: { text: 'One two three four five six seven eight nine ten. '.repeat(8), voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005554001', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(async () => {
    await s.stop()
  })

  // Packets each 20 ms until it is stopped.
  const talk = (rtp: Rtp, port: number, loses: (i: number) => boolean = () => false) => {
    let i = 0
    const timer = setInterval(() => rtp.send(port, loses(++i)), 20)
    return () => clearInterval(timer)
  }
  const connected = (number: string) => until('the call to be connected', async () => (await s.api('GET', '/calls?status=active')).data.find((c: any) => c.number === number && c.connected_at))

  test('how well caller and target were heard is in the log', async () => {
    const far = await Rtp.bind(), near = await Rtp.bind(), target = await Peer.start({ media: far.port })
    await s.campaign('+18005554002', { routing_plan_id: (await s.plan('heard', [{ uri: target.uri }])).id })
    const c = await Caller.invite(s, '+18005554002')
    const port = await c.offer(near.port)
    const sdp = (await target.first('INVITE')).text
    const stop = [talk(near, port, (i) => i % 10 === 0), talk(far, Number(/^m=audio (\d+)/m.exec(sdp)![1]))]
    await connected('+18005554002')
    await until('enough to be heard', () => far.received > 90)
    for (const f of stop) f()
    await c.bye()
    const { quality, trunk_id, sip_call_id } = await s.lastCall((x) => x.number === '+18005554002')
    assert.ok(quality.caller.packets > 90 && quality.caller.loss_percent > 8 && quality.caller.loss_percent < 12, JSON.stringify(quality))
    assert.ok(quality.target.packets > 50 && quality.target.lost === 0 && quality.target.mos > quality.caller.mos, JSON.stringify(quality))
    assert.ok(quality.caller.jitter_ms >= 0 && quality.caller.max_jitter_ms >= quality.caller.jitter_ms)
    assert.match(trunk_id, /^trk_/)
    assert.ok(sip_call_id)
    near.close()
    far.close()
  })

  test('where somebody falls silent there is a faint noise until they speak again, as loud as they say', async () => {
    const far = await Rtp.bind(), near = await Rtp.bind(), target = await Peer.start({ media: far.port })
    await s.campaign('+18005554005', { routing_plan_id: (await s.plan('falls silent', [{ uri: target.uri }])).id })
    const c = await Caller.invite(s, '+18005554005')
    const port = await c.offer(near.port), back = Number(/^m=audio (\d+)/m.exec((await target.first('INVITE')).text)![1])
    const stop = talk(near, port), speech = new Uint8Array(160).fill(0x10)
    const speak = () => {
      const timer = setInterval(() => far.audio(back, speech), 20)
      return () => clearInterval(timer)
    }
    const isSpeech = (p: Buffer) => p[12] === 0x10 && p[171] === 0x10
    const noise = () => near.of(0).filter((p) => !isSpeech(p))
    const loudest = (packets: Buffer[]) => Math.max(...packets.flatMap((p) => [...p.subarray(12)].map((x) => Math.abs(linear(x)))))
    await connected('+18005554005')
    let quiet = speak()
    await until('the target', () => near.of(0).filter(isSpeech).length > 20)
    assert.equal(noise().length, 0)
    quiet()
    await until('the noise', () => noise().length > 25)
    assert.ok(loudest(noise()) > 30 && loudest(noise()) < 100, `${loudest(noise())}`)
    assert.ok(new Set(noise().slice(-1)[0]!.subarray(12)).size > 3)
    const [last, first] = near.of(0).slice(near.of(0).findIndex((p) => p === noise()[0]) - 1) as [Buffer, Buffer]
    assert.ok(first.readUInt32BE(4) - last.readUInt32BE(4) > 1400, 'what did not come has its time')
    near.packets = []
    quiet = speak()
    await until('the target again', () => near.of(0).filter(isSpeech).length > 20)
    const after = near.of(0), again = after.findIndex(isSpeech)
    assert.ok(after.slice(again).every(isSpeech), 'no noise among what is said')
    assert.deepEqual(after.slice(1).map((p, i) => [(p.readUInt16BE(2) - after[i]!.readUInt16BE(2)) & 0xffff, p.readUInt32BE(4) - after[i]!.readUInt32BE(4)]), Array(after.length - 1).fill([1, 160]))
    quiet()
    // RFC 3389; and who says so now and then is there
    const packets = noise().length
    const tells = setInterval(() => far.audio(back, new Uint8Array([40]), 13, 160), 400)
    await until('the noise it says', () => noise().length > packets + 130)
    clearInterval(tells)
    assert.ok(loudest(noise().slice(-20)) > 400 && loudest(noise().slice(-20)) < 1000, `${loudest(noise().slice(-20))}`)
    assert.equal((await s.api('GET', '/calls?status=active')).data.length, 1)
    stop()
    await c.bye()
    const { quality } = await s.lastCall((x) => x.number === '+18005554005')
    assert.equal(quality.target.lost, 0)
    near.close()
    far.close()
  })

  test('a call whose caller is not there any more is ended, one on hold is not', async () => {
    const near = await Rtp.bind()
    const c = await Caller.invite(s, '+18005554001')
    const port = await c.offer(near.port)
    const stop = talk(near, port)
    await sleep(3500)
    stop()
    assert.equal((await s.api('GET', '/calls?status=active')).data.length, 1)
    await c.offer(near.port, 'inactive')
    await sleep(3500)
    assert.equal((await s.api('GET', '/calls?status=active')).data.length, 1)
    await c.offer(near.port)
    const call = await s.lastCall((x) => x.number === '+18005554001')
    assert.deepEqual([call.disposition, call.hangup_by, call.hangup_reason], ['media_timeout', 'system', 'no audio from the caller for 2 seconds'])
    near.close()
  })

  test('a target that falls silent ends the call, too', async () => {
    const near = await Rtp.bind(), target = await Peer.start()
    await s.campaign('+18005554003', { routing_plan_id: (await s.plan('silent', [{ uri: target.uri }])).id })
    const c = await Caller.invite(s, '+18005554003')
    const stop = talk(near, await c.offer(near.port))
    const call = await s.lastCall((x) => x.number === '+18005554003')
    stop()
    assert.deepEqual([call.disposition, call.hangup_by, call.hangup_reason, call.quality.target], ['completed', 'system', 'no audio from the target for 2 seconds', null])
    assert.ok(await target.first('BYE'))
    near.close()
  })

  test('why somebody hung up is passed on and kept, and who is not needed any more is told why', async () => {
    const quick = await Peer.start(), slow = await Peer.start({ invite: () => [180] }), caller = await Peer.start()
    const ids = []
    for (const [i, p] of [slow, quick].entries()) ids.push((await s.api('POST', '/targets', { name: `all ${i}`, destination: { type: 'sip', uri: p.uri } })).id)
    const both = await s.flow('both ring', [{ id: 'd', type: 'dial', config: { to: { target_ids: ids }, ring: 'simultaneous' } }, { id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'd'], ['d', 'completed', 'h']])
    await s.campaign('+18005554004', { execution_mode: 'call_flow', call_flow_id: both.id })
    assert.equal((await caller.call(s.sip, 'sip:+18005554004@127.0.0.1')).status, 200)
    assert.equal((await slow.first('CANCEL')).header('Reason'), 'SIP;cause=200;text="Call completed elsewhere"')
    quick.bye(1, ['Reason: Q.850;cause=16;text="Normal call clearing"'])
    assert.equal((await caller.first('BYE')).header('Reason'), 'Q.850;cause=16;text="Normal call clearing"')
    const call = await s.lastCall((x) => x.number === '+18005554004')
    assert.deepEqual([call.hangup_by, call.hangup_reason], ['target', 'Q.850;cause=16;text="Normal call clearing"'])
  })
})
