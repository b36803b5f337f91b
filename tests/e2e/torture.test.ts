// Messages that are hard to read, or wrong in one thing each: the cases that RFC 4475 asks about, in our own words.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Strowger, sleep, until } from './harness.ts'

const number = '+18005554301'
const sdp = ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 9 RTP/AVP 0', ''].join('\r\n')

describe('messages that torture', () => {
  let s: Strowger
  let socket: Socket
  let port = 0
  const answers: string[] = []
  before(async () => {
    s = await Strowger.start()
    const flow = await s.flow('Short', [{ id: 'p', type: 'play', config: { prompt: { text: 'One.' } } }, { id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'p'], ['p', 'next', 'h']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.api('POST', '/targets', { name: 'phone', destination: { type: 'phone', username: 'amy', password: 'a good password' } })
    socket = createSocket('udp4')
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
    socket.unref()
    port = (socket.address() as AddressInfo).port
    socket.on('message', (m) => {
      const text = m.toString()
      // What hangs up on us is answered, so that nothing lingers.
      if (text.startsWith('BYE')) socket.send(`SIP/2.0 200 OK\r\n${text.split('\r\n').filter((l) => /^(Via|From|To|Call-ID|CSeq):/.test(l)).join('\r\n')}\r\nContent-Length: 0\r\n\r\n`, s.sip, '127.0.0.1')
      else answers.push(text)
    })
  })
  after(() => s.stop())

  let n = 0
  // A sound INVITE; what a case changes is replaced in it. Lines with undefined are left out.
  const invite = (change: Record<string, string | undefined> = {}, { line = `INVITE sip:${number}@127.0.0.1:${s.sip} SIP/2.0`, body = sdp, end = '' } = {}) => {
    const id = `torture-${++n}-${Math.random()}`
    const fields: Record<string, string | undefined> = {
      via: `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${id}`, max: 'Max-Forwards: 70', from: 'From: <sip:+15125550123@127.0.0.1>;tag=t', to: `To: <sip:${number}@127.0.0.1>`, id: `Call-ID: ${id}`,
      cseq: 'CSeq: 7 INVITE', contact: `Contact: <sip:t@127.0.0.1:${port}>`, type: 'Content-Type: application/sdp', length: `Content-Length: ${body.length}`, ...change,
    }
    return { id, text: `${[line, ...Object.values(fields).filter((f) => f !== undefined)].join('\r\n')}\r\n\r\n${body}${end}` }
  }
  const other = (method: string, change: Record<string, string | undefined> = {}, rest: object = {}) =>
    invite({ cseq: `CSeq: 7 ${method}`, type: undefined, ...change }, { line: `${method} sip:127.0.0.1:${s.sip} SIP/2.0`, body: '', ...rest })

  // The final status, or 0 for none within a moment. An INVITE's 200 is acknowledged, and others, as they must be.
  const ask = async ({ id, text }: { id: string; text: string }, wait = 1500): Promise<{ status: number; text: string }> => {
    answers.length = 0
    socket.send(text, s.sip, '127.0.0.1')
    for (const until = Date.now() + wait; Date.now() < until; await sleep(10)) {
      const final = answers.find((a) => /^SIP\/2.0 [2-6]/.test(a) && (a.includes(id) || !text.includes(`Call-ID: ${id}`)))
      if (!final) continue
      if (/^CSeq:\s*\d+ INVITE/im.test(final)) {
        const kept = final.split('\r\n').filter((l) => /^(From|To|Call-ID):/.test(l)), status = Number(final.slice(8, 11)), via = /^Via: (.*)$/im.exec(final)?.[1]
        const to = status < 300 ? /^Contact:\s*<([^>]*)>/im.exec(final)![1] : text.split('\r\n')[0]!.split(/\s+/)[1]
        socket.send(`ACK ${to} SIP/2.0\r\nVia: ${status < 300 ? `SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKack${id}` : via}\r\nMax-Forwards: 70\r\n${kept.join('\r\n')}\r\nCSeq: ${/^CSeq:\s*(\d+)/im.exec(final)![1]} ACK\r\nContent-Length: 0\r\n\r\n`, s.sip, '127.0.0.1')
      }
      return { status: Number(final.slice(8, 11)), text: final }
    }
    return { status: 0, text: '' }
  }
  // A response to nothing that we asked: nothing comes of it.
  const ignored = async (text: string) => {
    answers.length = 0
    socket.send(text, s.sip, '127.0.0.1')
    await sleep(200)
    if (answers.some((a) => a.includes(/^Call-ID: (.*)\r$/m.exec(text)![1]!))) wrong.push(`an answer to ${text.split('\r\n')[0]}`)
  }
  const wrong: string[] = []
  const told = (text: string, pattern: RegExp) => pattern.test(text) || wrong.push(`${pattern} is not in ${text}`)
  const sound = async (m: { id: string; text: string }, what: string) => void (await refused(m, [200], what))
  const refused = async (m: { id: string; text: string }, statuses: number[], what: string) => {
    const { status, text } = await ask(m, statuses[0] === 200 ? 6000 : 1500)
    if (!statuses.includes(status)) wrong.push(`${what}: ${status}, not ${statuses.join(' or ')}`)
    return text
  }

  test('sound ones are understood, however they are written (3.1.1)', async () => {
    const folded = invite({ via: `v:  SIP  /   2.0\r\n / UDP\r\n    127.0.0.1:${port} ; branch  =\tz9hG4bKfolded${Math.random()}`, to: `TO :\r\n ${`sip:${number}@127.0.0.1`} ;   unknown\t=   "a \\"quoted\\" one"`, max: 'MAX-FORWARDS:\t 0068', cseq: 'cseq: 0009\r\n  INVITE',
      from: 'from : "A\\"B" \r\n      <sip:+15125550123@127.0.0.1>\r\n  ;\r\n  tag = 98asjd8', contact: `m:"Quoted \\"\\"" <sip:t@127.0.0.1:${port};newparam=newvalue?novel=yes>;newparam ;other="a b";  q=0.33`, type: 'c: application\r\n /\tsdp', extra: 'X-New-Header: anything; at: all, "is\r\n fine\r\n\r\n'.replace(/\r\n\r\n$/, ''), route: 'Session-Expires-Never: ok' })
    await sound({ ...folded, text: folded.text.replace(/^(INVITE \S+) /, '$1;unknownparam ') }, 'whitespace, folding, short names, unknown parameters')
    await sound(invite({ from: 'From: caller<sip:+15125550123@127.0.0.1>;tag=323' }), 'no space before <')
    await sound(invite({ from: 'From: "%Z%45" <sip:%2B15125550123@127.0.0.1>;tag=f%74', to: `To: <sip:sips%3Auser%40example.com@127.0.0.1>` }, { line: `INVITE sip:%2B1800555430%31@127.0.0.1:${s.sip} SIP/2.0` }), 'escapes')
    await sound(invite({ to: `To: "I have a user name of ${'extreme '.repeat(20)}length" <sip:${'long'.repeat(60)}@127.0.0.1>`, from: `From: <sip:+15125550123@127.0.0.1;${'a'.repeat(150)}=${'b'.repeat(150)}>;tag=12;${'c'.repeat(200)}=d`, extra: `X-${'Long'.repeat(50)}: ${'value '.repeat(300)}`,
      via: `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${'long'.repeat(40)}${Math.random()}`, more: Array.from({ length: 30 }, (_, i) => `Via: SIP/2.0/TCP h${i}.example.com;branch=z9hG4bK${i}`).join('\r\n') }), 'long values')
    await sound(invite({}, { end: '\r\nINVITE sip:nobody@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1\r\n\r\n' }), 'more in the datagram than its length says')
    await sound(invite({ to: `To: <sip:user;par=u%40example.net@127.0.0.1>` }), 'a semicolon in a user name')
    await sound(invite({ more: 'Via: SIP/2.0/SCTP 127.0.0.1:5061;branch=z9hG4bKa\r\nVia: SIP/2.0/UNKNOWN 127.0.0.1;branch=z9hG4bKb\r\nVia: SIP/2.0/TLS example.com;branch=z9hG4bKc' }), 'transports that nobody knows')
    await sound(invite({ via: `Via: SIP/2.0/UDP 127.0.0.1:${port}` }), 'without a branch, as RFC 2543 had it (3.4)')
    await refused(other("!interesting-Method0123456789_*+`.%indeed'~"), [405, 501, 0], 'a method that begins so')
    told(await refused(other('odd-Method0.%x', { to: 'To: <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn\'t-it)@127.0.0.1>' }), [405, 501], 'a method that nobody knows'), /^Allow: /m)
    await refused(other('RE%47IST%45R'), [405, 501], 'an escape in a method is none')
    await refused(other('REGISTER', { to: 'To: <sip:null-%00-null@127.0.0.1>', from: 'From: <sip:null-%00-null@127.0.0.1>;tag=1', contact: 'Contact: <sip:%00@127.0.0.1>, <sip:%00%00@127.0.0.1>' }), [401], 'zero bytes, escaped')
    await refused(other('MESSAGE', { type: 'Content-Type: multipart/mixed;boundary=7a9cbec02ceef655' }, { body: '--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\0\x01\x02\r\n--7a9cbec02ceef655--' }), [405, 415, 501], 'several parts')
    for (const reason of ['= 2**3 * 5**2 \u043d\u043e \u0441\u0442\u043e', '']) await ignored(`SIP/2.0 200 ${reason}\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1324923\r\nCall-ID: unreason.1234ksdfak3j2erwedfsASdf\r\nCSeq: 35 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:u@example.edu>;tag=2\r\nContent-Length: 0\r\n\r\n`)
    assert.deepEqual(wrong.splice(0), [])
  })

  test('wrong ones are refused, or not answered (3.1.2)', async () => {
    await refused(invite({ contact: `Contact: "Joe" <sip:t@127.0.0.1:${port}>;;;;`, via: `Via: SIP/2.0/UDP 127.0.0.1:${port};;,;,,;branch=z9hG4bK${Math.random()}` }), [400, 0], 'separators too many')
    await refused(invite({ length: 'Content-Length: 9999' }), [400, 0], 'more bytes than there are')
    await refused(invite({ length: 'Content-Length: -999' }), [400, 0], 'a negative length')
    await refused(other('REGISTER', { cseq: 'CSeq: 36893488147419103232 REGISTER', max: 'Max-Forwards: 300', extra: 'Expires: 10000000000000000000000', contact: 'Contact: <sip:amy@127.0.0.1>;expires=280297596632815' }), [400, 401, 423, 0], 'numbers too large')
    await refused(invite({ cseq: 'CSeq: 36893488147419103232 INVITE' }), [400, 0], 'a CSeq too large')
    await refused(invite({ to: `To: "Mr. J. User <sip:${number}@127.0.0.1>` }), [400, 0], 'a quote without its end')
    await refused(invite({}, { line: `INVITE <sip:${number}@127.0.0.1:${s.sip}> SIP/2.0` }), [400, 416], 'a request URI in <>')
    await refused(invite({}, { line: `INVITE sip:${number}@127.0.0.1; lr SIP/2.0` }), [400, 0, 505], 'a space in the request URI')
    await refused(invite({}, { line: `INVITE  sip:${number}@127.0.0.1  SIP/2.0` }), [400, 200], 'spaces too many in the first line')
    await refused(invite({}, { line: `INVITE sip:${number}@127.0.0.1:${s.sip} SIP/2.0  ` }), [400, 200], 'spaces after the first line')
    await refused(invite({}, { line: `INVITE sip:${number}@127.0.0.1?Route=%3Csip:example.com%3E SIP/2.0` }), [400], 'headers in the request URI')
    await refused(invite({ extra: 'Date: Fri, 01 Jan 2010 16:00:00 EST' }), [400, 200], 'a date that is none')
    await refused(other('REGISTER', { contact: 'Contact: sip:amy@127.0.0.1?Route=%3Csip:sip.example.com%3E' }), [400, 401], 'a contact that needed <>')
    await refused(invite({ to: `To: "Watson, Thomas" < sip:${number}@127.0.0.1 >` }), [400, 200], 'spaces in an address')
    await refused(invite({ from: 'From: Bell, Alexander <sip:+15125550123@127.0.0.1>;tag=43' }), [400, 200, 0], 'a display name that needed quotes')
    await refused(other('OPTIONS', {}, { line: `OPTIONS sip:127.0.0.1:${s.sip} SIP/7.0` }), [505, 0], 'another version')
    await refused(other('OPTIONS', { cseq: 'CSeq: 8 INVITE' }), [400], 'two methods')
    await refused(other('NEWMETHOD', { cseq: 'CSeq: 8 INVITE' }), [400, 405, 501], 'two methods, one not known')
    await refused(invite({ via: `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK` }), [400, 200], 'the beginning of a branch alone (3.2)')
    for (const first of ['SIP/2.0 4294967301 better not break', 'SIP/2.0 99 low', 'SIP/2.0 two hundred']) await ignored(`${first}\r\nVia: SIP/2.0/UDP 127.0.0.1:${s.sip};branch=z9hG4bK1\r\nCall-ID: x\r\nCSeq: 353494 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:u@example.edu>;tag=2\r\nContent-Length: 0\r\n\r\n`)
    assert.deepEqual(wrong.splice(0), [])
  })

  test('what asks for something that is not here is told so (3.3)', async () => {
    for (const missing of ['id', 'from', 'to', 'cseq'] as const) await refused(invite({ [missing]: undefined }), [400, 0], `without ${missing}`)
    await refused(invite({}, { line: 'INVITE nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0' }), [416, 400], 'a scheme that nobody knows')
    await refused(invite({}, { line: 'INVITE soap.beep://192.0.2.103:3002 SIP/2.0' }), [416, 400], 'a scheme of others')
    await refused(other('REGISTER', { to: 'To: <isbn:2983792873>', from: 'From: <http://www.example.com>;tag=3234233', contact: 'Contact: <name:John_Smith>' }), [400, 401, 404], 'schemes of others in To and From')
    told(await refused(invite({ extra: 'Require: nothingSupportsThis, nothingSupportsThisEither\r\nProxy-Require: noProxiesSupportThis' }), [420], 'extensions'), /^Unsupported: .*nothingSupportsThis/m)
    told(await refused(invite({ type: 'Content-Type: application/unknownformat' }, { body: '<audio>\r\n <pcmu port="443"/>\r\n</audio>\r\n' }), [415], 'a body that nobody can read'), /^Accept: application\/sdp/m)
    await refused(other('REGISTER', { extra: 'Authorization: NoOneKnowsThisScheme opaque-data=here' }), [401], 'credentials of another kind')
    await refused(invite({ extra: `Call-ID: another\r\nFrom: <sip:b@127.0.0.1>;tag=9\r\nTo: <sip:b@127.0.0.1>\r\nCSeq: 8 INVITE\r\nMax-Forwards: 5` }), [400, 0], 'two of what there is one of')
    await refused(invite({ extra: 'Content-Length: 5' }), [400, 0], 'two lengths')
    await ignored(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.198;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2\r\nCall-ID: bcast\r\nCSeq: 3 INVITE\r\nFrom: <sip:u@example.com>;tag=1\r\nTo: <sip:u@example.edu>;tag=2\r\nContent-Length: 0\r\n\r\n`)
    await refused(invite({ max: 'Max-Forwards: 0' }), [483], 'no hop left')
    for (const [type, other] of [['application/isup;version=itu-t92+', '\x01\x00\x49'], ['text/plain', 'hello']])
      await sound(invite({ type: 'Content-Type: multipart/mixed;boundary="of parts"', mime: 'MIME-Version: 1.0' }, { body: `--of parts\r\nContent-Type: ${type}\r\nContent-Disposition: signal;handling=optional\r\n\r\n${other}\r\n--of parts\r\nContent-Type: application/sdp\r\n\r\n${sdp}\r\n--of parts--\r\n` }), `SDP beside ${type}`)
    await refused(invite({ type: 'Content-Type: multipart/mixed;boundary=b' }, { body: '--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n' }), [415], 'parts, none of which is SDP')
    for (const broken of ['', '--', '--b', '--b\r\n', '--b\r\n\r\n--b--', 'x'.repeat(5000)]) await refused(invite({ type: 'Content-Type: multipart/mixed;boundary=b' }, { body: broken }), broken ? [415, 400] : [200], `parts that are none: ${broken.slice(0, 9)}`)
    await refused(invite({ extra: 'Content-Encoding: gzip' }), [415], 'a body that is packed')
    told(await refused(other('OPTIONS', { max: 'Max-Forwards: 0' }), [200], 'OPTIONS with no hop left: they are for us'), /^Allow: /m)
    await refused(invite({ extra: 'Accept: text/nobodyKnowsThis' }), [200, 406], 'an answer in a form that nobody knows')
    assert.deepEqual(wrong.splice(0), [])
  })

  test('after all that calls go on, and nothing is left', async () => {
    await sound(invite(), 'a call')
    await until('nothing to be left', async () => /^strowger_calls_active 0$/m.test(await (await s.raw('GET', '/metrics')).text()) && /^strowger_media_ports 0$/m.test(await (await s.raw('GET', '/metrics')).text()))
    assert.deepEqual(wrong, [])
  })
})
