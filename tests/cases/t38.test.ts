// Fax between caller and target: re-INVITEs to T.38 (ITU-T T.38 annex D) and back.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Strowger, sleep, until } from '../e2e/harness.ts'
import { Endpoint, bodyOf, sdp, statusOf, type Answer, type Dialog } from './sip_endpoint.ts'

const attributes = [
  'a=T38FaxVersion:0', 'a=T38MaxBitRate:14400', 'a=T38FaxRateManagement:transferredTCF',
  'a=T38FaxMaxBuffer:262', 'a=T38FaxMaxDatagram:176', 'a=T38FaxUdpEC:t38UDPRedundancy',
]
const old = [
  'a=T38FaxVersion:3', 'a=T38MaxBitRate:9600', 'a=T38FaxFillBitRemoval:0',
  'a=T38FaxTranscodingMMR:0', 'a=T38FaxTranscodingJBIG', 'a=T38FaxRateManagement:localTCF',
  'a=T38VendorInfo:0 0 37',
]
const session = (media: string[]) =>
  [
    'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', ...media, '',
  ].join('\r\n')
const image = (port: number, list = attributes, before: string[] = []) =>
  session([...before, `m=image ${port} udptl t38`, ...list])
const linesOf = (text: string) => bodyOf(text).split('\r\n')
const t38Of = (text: string) => linesOf(text).filter((l) => l.startsWith('a=T38'))
const mediaOf = (text: string) =>
  linesOf(text)
    .filter((l) => l.startsWith('m='))
    .map((l) => l.replace(/ [1-9]\d* /, ' PORT '))
const portOf = (text: string, type = 'audio') =>
  Number(new RegExp(`^m=${type} (\\d+)`, 'm').exec(bodyOf(text))![1])
// UDPTL: a sequence number, then whatever.
const datagram = (n: number, size = 20) =>
  Buffer.from([n >> 8, n & 255, ...new Array<number>(size).fill(n)])

describe('fax by T.38', () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start(['--rtp-timeout', '4'])
  })
  after(() => s.stop())

  interface Side { end: Endpoint; dialog: Dialog; rtp: Rtp; fax: Rtp; to: number }
  // A call between two sides that speak; each has further ports for fax.
  const talk = async (campaign: object = {}) => {
    const number = `+1800555${6600 + made++}`
    const [a, b, c, d] = await Promise.all([Rtp.bind(), Rtp.bind(), Rtp.bind(), Rtp.bind()])
    const caller = await Endpoint.bind(), callee = await Endpoint.bind()
    caller.answer = () => [{ status: 200 }]
    callee.answer = (text) => [
      { status: 200, body: text.startsWith('INVITE') ? sdp(b.port) : '' },
    ]
    const uri = `sip:127.0.0.1:${callee.port}`
    const plan = await s.plan(`Plan ${number}`, [{ uri }])
    await s.campaign(number, { routing_plan_id: plan.id, ...campaign })
    const dialog = caller.call(s.sip, number, { body: sdp(a.port) })
    const answered = await dialog.answered()
    const invite = await callee.request('INVITE')
    await callee.request('ACK')
    const near: Side = { end: caller, dialog, rtp: a, fax: c, to: portOf(answered) }
    const far: Side = {
      end: callee, dialog: callee.dialog(invite), rtp: b, fax: d, to: portOf(invite),
    }
    const hear = async () => {
      for (const [from, at] of [[near, far], [far, near]] as const) {
        const before = at.rtp.of(0).length
        await until('audio to pass', () => {
          from.rtp.send(from.to)
          return at.rtp.of(0).length > before + 3
        })
      }
    }
    const end = async () => {
      await dialog.ask('BYE')
      await callee.request('BYE')
      for (const r of [a, b, c, d]) r.close()
    }
    await hear()
    return { number, near, far, hear, end }
  }
  const answers = (side: Side, invite: Answer[]) => {
    side.end.answer = (text) => (text.startsWith('INVITE') ? invite : [{ status: 200 }])
  }
  const send = (side: Side, data: Buffer, from = side.fax, to = side.to) =>
    from.socket.send(data, to, '127.0.0.1')
  const exchange = async (one: Side, other: Side) => {
    for (const [from, at] of [[one, other], [other, one]] as const) {
      const before = at.fax.packets.length
      for (const size of [1, 20, 400, 1400]) send(from, datagram(before + size % 7, size))
      await until('all datagrams', () => at.fax.packets.length >= before + 4)
      assert.deepEqual(
        at.fax.packets.slice(before), [1, 20, 400, 1400].map((z) => datagram(before + z % 7, z)))
    }
  }

  for (const [name, by, list] of [
    ['the target offers', 'far', attributes],
    ['the caller offers', 'near', attributes],
    ['the target offers, in the way of older devices', 'far', old],
  ] as const)
    test(`is passed on, and audio after it: ${name}`, async () => {
      const t = await talk()
      const one = by === 'far' ? t.far : t.near, other = by === 'far' ? t.near : t.far
      const theirs = ['a=T38FaxVersion:0', 'a=T38FaxUdpEC:t38UDPFEC']
      const asked = other.end.of('INVITE').length
      answers(other, [{ status: 200, body: image(other.fax.port, theirs) }])
      const answer = await one.dialog.ask('INVITE', { body: image(one.fax.port, [...list]) })
      assert.equal(statusOf(answer), 200)
      const offer = await other.end.request('INVITE', asked + 1)
      assert.deepEqual(t38Of(offer), list)
      assert.deepEqual(t38Of(answer), theirs)
      assert.deepEqual(mediaOf(offer), ['m=image PORT udptl t38'])
      assert.equal(portOf(answer, 'image'), one.to)
      assert.equal(portOf(offer, 'image'), other.to)
      const quiet = one.rtp.received + other.rtp.received
      await exchange(one, other)
      await sleep(500)
      assert.equal(one.rtp.received + other.rtp.received, quiet, 'no RTP goes to anybody')
      answers(other, [{ status: 200, body: sdp(other.rtp.port, { version: 3 }) }])
      const back = await one.dialog.ask('INVITE', { body: sdp(one.rtp.port, { version: 3 }) })
      assert.equal(statusOf(back), 200)
      assert.match(await other.end.request('INVITE', asked + 2), /m=audio \d+ RTP\/AVP 0 /)
      await other.end.request('ACK', asked + 2)
      await t.hear()
      await t.end()
    })

  test('an offer with its audio refused is answered with as many lines', async () => {
    const t = await talk()
    answers(t.near, [{ status: 200, body: image(t.near.fax.port) }])
    const body = image(t.far.fax.port, attributes, ['m=audio 0 RTP/AVP 0'])
    const answer = await t.far.dialog.ask('INVITE', { body })
    assert.deepEqual(mediaOf(answer), ['m=audio 0 RTP/AVP 0', 'm=image PORT udptl t38'])
    await exchange(t.far, t.near)
    answers(t.far, [{ status: 200, body: session(['m=audio 9 RTP/AVP 0', 'm=image 0 udptl t38']) }])
    const back = await t.near.dialog.ask('INVITE', { body: sdp(t.near.rtp.port) })
    assert.equal(statusOf(back), 200)
    assert.deepEqual(
      mediaOf(await t.far.end.request('INVITE', 2)).map((l) => l.slice(0, 8)),
      ['m=audio ', 'm=image '])
    await t.end()
  })

  for (const [name, answer] of [
    ['488', { status: 488 }],
    ['415', { status: 415 }],
    ['606', { status: 606 }],
    ['audio alone', undefined],
  ] as [string, Answer | undefined][])
    test(`where the other side does not take it (${name}) it is refused, audio goes on`, async () => {
      const t = await talk()
      answers(t.near, [answer ?? { status: 200, body: sdp(t.near.rtp.port, { version: 2 }) }])
      const refused = await t.far.dialog.ask('INVITE', { body: image(t.far.fax.port) })
      assert.equal(statusOf(refused), 488)
      await t.hear()
      await t.end()
    })

  test('a side that refuses with port 0 is offered audio again', async () => {
    const t = await talk()
    let asked = 0
    t.near.end.answer = (text) =>
      !text.startsWith('INVITE') ? [{ status: 200 }] :
      [{ status: 200, body: asked++ ? sdp(t.near.rtp.port) : image(0, []) }]
    const refused = await t.far.dialog.ask('INVITE', { body: image(t.far.fax.port) })
    assert.equal(statusOf(refused), 488)
    assert.match(await t.near.end.request('INVITE', 2), /m=audio \d+ RTP/)
    await t.near.end.request('ACK', 2)
    await t.hear()
    await t.end()
  })

  test('an offer that is cancelled leaves both with audio', async () => {
    const t = await talk()
    answers(t.near, [])
    const cseq = t.far.dialog.send('INVITE', { body: image(t.far.fax.port) })
    const invite = await t.near.end.request('INVITE')
    const via = /^Via: .*\r$/m.exec(t.far.end.messages.find((m) =>
      m.startsWith('SIP/2.0 100') && m.includes(`CSeq: ${cseq} INVITE`))!)![0].trim()
    t.far.dialog.cancel(cseq, via)
    await until('487', () => t.far.end.messages.some((m) =>
      m.startsWith('SIP/2.0 487') && m.includes(`CSeq: ${cseq} INVITE`)))
    answers(t.near, [{ status: 200, body: sdp(t.near.rtp.port, { version: 3 }) }])
    t.near.end.later(invite, { status: 200, body: image(t.near.fax.port) })
    assert.match(await t.near.end.request('INVITE', 2), /m=audio \d+ RTP/)
    await t.hear()
    await t.end()
  })

  test('comes from where it comes by the rules of RTP: one stray sender is not heard', async () => {
    const t = await talk()
    answers(t.near, [{ status: 200, body: image(t.near.fax.port) }])
    await t.far.dialog.ask('INVITE', { body: image(t.far.fax.port) })
    await exchange(t.far, t.near)
    const stray = createSocket('udp4')
    const before = t.near.fax.received
    for (let n = 0; n < 5; n++) stray.send(datagram(100 + n), t.far.to, '127.0.0.1')
    send(t.far, datagram(7))
    await until('the next datagram', () => t.near.fax.received > before)
    await sleep(200)
    assert.deepEqual(t.near.fax.packets.slice(before), [datagram(7)])
    stray.close()
    await t.end()
  })

  test('a call whose fax goes one way for long is not taken for dead', async () => {
    const t = await talk()
    answers(t.near, [{ status: 200, body: image(t.near.fax.port) }])
    await t.far.dialog.ask('INVITE', { body: image(t.far.fax.port) })
    for (let n = 0; n < 60; n++) {
      send(t.far, datagram(n))
      await sleep(100)
    }
    assert.deepEqual(t.far.end.of('BYE'), [])
    await until('silence to end it', () => t.near.end.of('BYE').length > 0, 12000)
  })

  test('in a recorded call and in a call flow it is refused, as before', async () => {
    const t = await talk({ recording: true })
    const asked = t.near.end.of('INVITE').length
    const refused = await t.far.dialog.ask('INVITE', { body: image(t.far.fax.port) })
    assert.equal(statusOf(refused), 488)
    assert.equal(t.near.end.of('INVITE').length, asked)
    await t.hear()
    await t.end()
    const number = `+1800555${6600 + made++}`, caller = await Endpoint.bind()
    const nodes = [
      { id: 'g', type: 'gather', config: { timeout_seconds: 60, save_to: { variable: 'k' } } },
      { id: 'h', type: 'hangup', config: {} },
    ]
    const flow = await s.flow('Fax', nodes, [['start', 'next', 'g'], ['g', 'next', 'h']], {
      variables: [{ name: 'k', type: 'string' }],
    })
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const dialog = caller.call(s.sip, number, { body: sdp(9) })
    await dialog.answered()
    assert.equal(statusOf(await dialog.ask('INVITE', { body: image(9) })), 488)
    await dialog.ask('BYE')
  })

  test('a target that leaves a fax behind leaves the caller with audio', async () => {
    const number = `+1800555${6600 + made++}`
    const audio = await Rtp.bind(), fax = await Rtp.bind(), caller = await Endpoint.bind()
    const callee = await Endpoint.bind((text) => [
      { status: 200, body: text.startsWith('INVITE') ? sdp(9) : '' }])
    const plan = await s.plan('After a fax', [{ uri: `sip:127.0.0.1:${callee.port}` }])
    const nodes = [
      { id: 'd', type: 'dial', config: { to: { routing_plan_id: plan.id } } },
      { id: 'p', type: 'play', config: { prompt: { text: 'Thank you for your fax.' } } },
      { id: 'h', type: 'hangup', config: {} },
    ]
    const flow = await s.flow('After a fax', nodes,
      [['start', 'next', 'd'], ['d', 'completed', 'p'], ['p', 'next', 'h']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const dialog = caller.call(s.sip, number, { body: sdp(audio.port) })
    await dialog.answered()
    const other = callee.dialog(await callee.request('INVITE'))
    await callee.request('ACK')
    let offers = 0
    caller.answer = (text) => [{
      status: 200,
      body: !text.startsWith('INVITE') ? '' : offers++ ? sdp(audio.port) : image(fax.port),
    }]
    assert.equal(statusOf(await other.ask('INVITE', { body: image(9) })), 200)
    await other.ask('BYE')
    assert.match(await caller.request('INVITE', 2), /m=audio \d+ RTP/)
    await until('the prompt', () => audio.received > 10)
    await dialog.ask('BYE')
    audio.close()
    fax.close()
  })
})
