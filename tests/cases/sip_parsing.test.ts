// SIP messages as carriers and proxies write them: keepalives, lists on several lines, numbers with parameters.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, until } from '../e2e/harness.ts'

describe('SIP parsing', () => {
  let s: Strowger
  let target: Peer, from: Peer
  before(async () => {
    s = await Strowger.start()
    target = await Peer.start()
    from = await Peer.start()
    const tag = (name: string, parameter: string) =>
      s.api('POST', '/custom-tags', { name, sources: [{ kind: 'sip_header', parameter }] })
    await tag('diversion', 'Diversion')
    await tag('history', 'History-Info')
    await tag('last', 'X-Number-60')
    const plan = await s.plan('Parsing', [{ uri: target.uri, concurrency: 1000 }])
    await s.campaign('+18005550701', { routing_plan_id: plan.id })
  })
  after(() => s.stop())

  // The log of a call that was placed and answered.
  const logged = async (uri: string, headers: string[] = []) => {
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const call = await from.call(s.sip, uri, { headers })
    assert.equal(call.status, 200, call.text)
    await call.request('BYE')
    return s.lastCall((c) => c.id > last)
  }
  const options = (transport: string, port: number) =>
    [
      `OPTIONS sip:127.0.0.1:${s.sip} SIP/2.0`,
      `Via: SIP/2.0/${transport} 127.0.0.1:${port};branch=z9hG4bK${Math.random()}`,
      'Max-Forwards: 70',
      'From: <sip:a@a.example>;tag=1',
      'To: <sip:127.0.0.1>',
      `Call-ID: ${Math.random()}`,
      'CSeq: 1 OPTIONS',
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n')

  test('keepalives before, between and within the pieces of messages on TCP lose nothing', async () => {
    const connection = connect(s.sip, '127.0.0.1')
    let text = ''
    connection.on('data', (d: Buffer) => (text += d))
    await new Promise((done) => connection.once('connect', done))
    const port = connection.localPort!,
      answers = () => text.match(/^SIP\/2\.0 200/gm)?.length ?? 0
    let sent = 0
    const pieces = async (...list: string[]) => {
      for (const piece of list) {
        await new Promise<void>((done) => connection.write(piece, () => done()))
        await new Promise((done) => setTimeout(done, 20)) // so that they come one by one
      }
      await until(`answer ${++sent} of ${text}`, () => answers() === sent, 5000)
    }
    const m = () => options('TCP', port)
    await pieces(m())
    await pieces(`\r\n\r\n${m()}`)
    await pieces(`\r\n${m()}`)
    await pieces('\r\n\r\n', `\r\n\r\n\r\n\r\n${m()}`)
    const whole = m()
    await pieces(`\r\n\r\n${whole.slice(0, 4)}`, whole.slice(4))
    await pieces(`${m()}\r\n\r\n`)
    await pieces(`\r\n\r\n${m()}\r\n\r\n`)
    await pieces(m())
    sent++ // two in one piece
    await pieces(`${m()}\r\n\r\n${m()}`)
    connection.destroy()
  })

  test('a datagram may begin with line ends', async () => {
    for (const before of ['', '\r\n', '\r\n\r\n']) {
      const socket = createSocket('udp4')
      await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
      const answer = new Promise<string>((done) =>
        socket.once('message', (m) => done(m.toString())),
      )
      socket.send(before + options('UDP', socket.address().port), s.sip, '127.0.0.1')
      assert.match(await answer, /^SIP\/2\.0 200/)
      socket.close()
    }
  })

  test('parameters of a telephone number are no part of it', async () => {
    const caller =
      'From: <sip:+12145550123;verstat=TN-Validation-Passed;cpc=ordinary@carrier.example;user=phone>;tag=p'
    for (const uri of [
      `sip:+18005550701;npdi;rn=+15125550999@127.0.0.1:${s.sip};user=phone`,
      `sip:+18005550701;isub=7@127.0.0.1`,
      `sip:8005550701;phone-context=+1@127.0.0.1`,
      `sip:0701;phone-context=+1-800-555@127.0.0.1`,
      'tel:5550701;npdi;phone-context=+1800',
      'tel:+18005550701',
      'tel:+1-800-555-0701;npdi',
    ]) {
      const call = await logged(uri, [caller])
      assert.deepEqual([call.number, call.caller_id], ['+18005550701', '+12145550123'], uri)
      assert.match(target.of('INVITE').at(-1)!.header('From')!, /sip:\+12145550123@/)
    }
    const asserted = await logged(`sip:+18005550701@127.0.0.1:${s.sip}`, [
      'P-Asserted-Identity: <sip:+12145550199;verstat=No-TN-Validation@carrier.example>',
    ])
    assert.equal(asserted.caller_id, '+12145550199')
  })

  test('a header field on several lines is one list in order, and long lists of fields are read to their end', async () => {
    const call = await logged(`sip:+18005550701@127.0.0.1:${s.sip}`, [
      'Diversion: <sip:+18005550001@a.example>;reason=unconditional',
      ...Array.from({ length: 60 }, (_, i) => `X-Number-${i + 1}: ${i + 1}`),
      'diversion: <sip:+18005550002@b.example>;reason=no-answer, <sip:+18005550003@c.example>',
      'History-Info: <sip:1@a.example>;index=1',
      'History-Info: <sip:2@a.example>;index=1.1',
    ])
    assert.equal(
      call.tags.diversion,
      '<sip:+18005550001@a.example>;reason=unconditional, ' +
        '<sip:+18005550002@b.example>;reason=no-answer, <sip:+18005550003@c.example>',
    )
    assert.equal(call.tags.history, '<sip:1@a.example>;index=1, <sip:2@a.example>;index=1.1')
    assert.equal(call.tags.last, '60')
  })

  test('a CANCEL that matches no INVITE is answered with 481, and the call rings on', async () => {
    const ringing = await Peer.start({ invite: () => [180] })
    const plan = await s.plan('Ringing', [{ uri: ringing.uri }])
    await s.campaign('+18005550702', { routing_plan_id: plan.id })
    const socket = createSocket('udp4'),
      got: string[] = []
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
    socket.on('message', (m) => got.push(m.toString()))
    const uri = `sip:+18005550702@127.0.0.1:${s.sip}`,
      id = `${Math.random()}`,
      { port } = socket.address()
    const send = (method: string, sentBy: string, branch: string, body = '') => {
      const lines = [
        `${method} ${uri} SIP/2.0`,
        `Via: SIP/2.0/UDP ${sentBy};branch=z9hG4bK${branch}${id}`,
        'Max-Forwards: 70',
        'From: <sip:+15125550123@127.0.0.1>;tag=p',
        `To: <${uri}>`,
        `Call-ID: ${id}`,
        `CSeq: 1 ${method}`,
        `Contact: <sip:c@127.0.0.1:${port}>`,
        ...(body ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${body.length}`,
        '',
        body,
      ]
      socket.send(lines.join('\r\n'), s.sip, '127.0.0.1')
    }
    const final = (n: number) =>
      until(`final answer ${n}`, () => {
        return got.filter((t) => /^SIP\/2\.0 [2-6]/.test(t) && /^CSeq: 1 CANCEL/m.test(t))[n - 1]
      })
    send('INVITE', `127.0.0.1:${port}`, 'i', from.sdp())
    await until('the ringing', () => got.some((t) => t.startsWith('SIP/2.0 180')))
    send('CANCEL', `203.0.113.9:${port}`, 'i')
    assert.match(await final(1), /^SIP\/2\.0 481/)
    send('CANCEL', `127.0.0.1:${port}`, 'other')
    assert.match(await final(2), /^SIP\/2\.0 481/)
    assert.equal(ringing.of('CANCEL').length, 0)
    send('CANCEL', `127.0.0.1:${port}`, 'i')
    assert.match(await final(3), /^SIP\/2\.0 200/)
    await ringing.first('CANCEL')
    socket.close()
  })
})
