// The other end of a trunk, whose answers a test chooses: what sipp's scenarios cannot do while they run.
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { until } from './harness.ts'

export interface Request {
  method: string
  uri: string
  text: string
  header: (name: string) => string | undefined
}

export interface Dialog {
  status: number
  text: string
  provisional: string[]
  // Send a request within it; resolves with the status it is answered with.
  request: (method: string, body?: string, headers?: string[]) => Promise<number>
}

const md5 = (text: string) => createHash('md5').update(text).digest('hex')

// A connection as a phone keeps one, for Peer.register(): what comes by it is message by message, and INVITEs are answered.
export function line(stream: Duplex, status: number) {
  const listeners = new Set<(m: Buffer) => void>(), requests: string[] = []
  let text = ''
  stream.on('error', () => {})
  stream.on('data', (d: Buffer) => {
    text += d
    for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; ) {
      const whole = end + 4 + Number(/^Content-Length:\s*(\d+)/im.exec(text)?.[1] ?? 0), message = text.slice(0, whole)
      if (text.length < whole) return
      text = text.slice(whole)
      for (const f of listeners) f(Buffer.from(message))
      if (message.startsWith('SIP/')) continue
      requests.push(message)
      if (message.startsWith('ACK')) continue
      const copied = message.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/.test(l)).join('\r\n'), to = /^To:.*/m.exec(message)![0].trim()
      stream.write(`SIP/2.0 ${message.startsWith('INVITE') ? status : 200} Whatever\r\n${copied}\r\n${to.includes('tag=') ? to : `${to};tag=phone`}\r\nContent-Length: 0\r\n\r\n`)
    }
  })
  return { requests, send: (m: string) => stream.write(m), on: (_: string, f: (m: Buffer) => void) => listeners.add(f), off: (_: string, f: (m: Buffer) => void) => listeners.delete(f) } as unknown as Pick<Socket, 'send' | 'on' | 'off'> & { requests: string[] }
}

export class Peer {
  requests: Request[] = []
  // What an INVITE is answered with, with further headers where it matters: 0 for silence; [100] for Trying and no more.
  invite: (r: Request) => (number | [number, string[]])[] = () => [180, 200]
  options = 200
  // user name and password that a REGISTER must have
  credentials?: [string, string]
  expires = 60
  // further headers of the answer to an UPDATE
  update: string[] = []
  // where its SDP asks audio to go
  media?: number
  // how its SDP says that audio goes
  mode = 'sendrecv'
  // the payload type of telephone-event that its SDP names
  telephoneEvent?: number
  // the other formats that it names, and what it says of them
  formats = '0'
  attributes: string[] = []
  private sent = 1
  private seen = new Set<string>()
  private constructor(private socket: Socket) {}

  // set: how it answers. Nobody needs to close it.
  static async start(set: Partial<Peer> = {}, address = '127.0.0.1'): Promise<Peer> {
    const socket = createSocket('udp4')
    await new Promise<void>((done) => socket.bind(0, address, done))
    socket.unref()
    const p = Object.assign(new Peer(socket), set)
    socket.on('message', (m, from) => p.take(m.toString(), from.port))
    return p
  }

  get port() {
    return (this.socket.address() as AddressInfo).port
  }

  get uri() {
    return `sip:127.0.0.1:${this.port}`
  }

  of(method: string): Request[] {
    return this.requests.filter((r) => r.method === method)
  }

  async first(method: string, n = 1): Promise<Request> {
    return until(`${method} number ${n} at the gateway`, () => this.of(method)[n - 1])
  }

  private reply(r: Request, port: number, status: number, extra: string[] = [], body = '') {
    const copied = r.text.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq|Record-Route)\s*:/i.test(l))
    const to = extra.find((h) => h.startsWith('To:')) ?? `To: ${r.header('To')}${status > 100 && !/;tag=/.test(r.header('To')!) ? ';tag=peer' : ''}`
    const lines = [`SIP/2.0 ${status} Whatever`, ...copied, to, ...(extra.some((h) => h.startsWith('Contact:')) ? [] : [`Contact: <sip:peer@127.0.0.1:${this.port}>`]), ...extra.filter((h) => !h.startsWith('To:')), ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`]
    this.socket.send(`${lines.join('\r\n')}\r\n\r\n${body}`, port, '127.0.0.1')
  }

  sdp() {
    return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${this.media ?? this.port + 1} RTP/AVP ${this.formats}${this.telephoneEvent ? ` ${this.telephoneEvent}` : ''}`, ...(this.telephoneEvent ? [`a=rtpmap:${this.telephoneEvent} telephone-event/8000`] : []), ...this.attributes, `a=${this.mode}`, ''].join('\r\n')
  }

  private registers(r: Request, port: number) {
    const given = r.header('Authorization')
    if (this.credentials && !given) {
      this.reply(r, port, 401, ['WWW-Authenticate: Digest realm="provider", nonce="abc", algorithm=MD5'])
      return
    }
    const part = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(given ?? '')?.[1]
    const [user, password] = this.credentials ?? ['', '']
    const right = !this.credentials || part('response') === md5(`${md5(`${user}:provider:${password}`)}:abc:${md5(`REGISTER:${part('uri')}`)}`)
    this.reply(r, port, right ? 200 : 403, right ? [`Expires: ${Math.min(this.expires, Number(r.header('Expires')))}`] : [])
  }

  // The final answer to that request.
  private response(id: string, cseq: string): Promise<number> {
    return new Promise((done) => {
      const listen = (m: Buffer) => {
        const t = m.toString()
        if (!/^SIP\/2.0 [2-6]/.test(t) || !t.includes(id) || !new RegExp(`^CSeq: ${cseq}\\r$`, 'm').test(t)) return
        this.socket.off('message', listen)
        done(Number(t.slice(8, 11)))
      }
      this.socket.on('message', listen)
    })
  }

  private answer(r: Request, port: number) {
    for (const told of this.invite(r)) {
      const [status, headers] = typeof told === 'number' ? [told, []] : told
      if (status) this.reply(r, port, status, headers, status === 200 || status === 183 ? this.sdp() : '')
    }
  }

  private take(text: string, port: number) {
    const [method, uri] = text.split(' ')
    const header = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'im').exec(text)?.[1].trim()
    const r: Request = { method, uri, text, header }
    if (method.startsWith('SIP/')) return
    const again = this.seen.has(`${header('Via')}${method}`)
    this.seen.add(`${header('Via')}${method}`)
    if (!again) this.requests.push(r)
    if (method === 'OPTIONS' && this.options) this.reply(r, port, this.options)
    else if (method === 'REGISTER') this.registers(r, port)
    else if (['BYE', 'CANCEL', 'PRACK', 'UPDATE', 'NOTIFY'].includes(method)) this.reply(r, port, 200, method === 'UPDATE' ? this.update : [])
    else if (method === 'INVITE' && !again) this.answer(r, port)
  }

  // INVITE somebody, acknowledge what comes; resolves with the final answer and what came before it.
  async call(to: number, requestUri: string, { headers = [] as string[], offer = this.sdp(), answer = '', prack = true, ack = true } = {}): Promise<Dialog> {
    const id = `${Math.random()}`, provisional: string[] = []
    let refused = false // then the ACK belongs to the INVITE's transaction (RFC 3261 §17.1.1.3)
    const given = (name: string, otherwise: string) => headers.find((h) => h.startsWith(`${name}:`)) ?? otherwise
    const send = (method: string, cseq: string, more: string[], tag = '', body = '') => {
      const lines = [`${method} ${requestUri} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bK${cseq === '1 ACK' && refused ? '1INVITE' : cseq.replace(' ', '')}${id}`, 'Max-Forwards: 70', `Call-ID: ${id}`, `CSeq: ${cseq}`, `Contact: <sip:peer@127.0.0.1:${this.port}>`,
        given('From', 'From: <sip:+15125550123@127.0.0.1>;tag=p'), given('To', `To: <${requestUri}>`) + tag, ...more, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`]
      this.socket.send(`${lines.join('\r\n')}\r\n\r\n${body}`, to, '127.0.0.1')
    }
    const tagOf = (text: string) => /^To:.*(;tag=\S+)/im.exec(text)?.[1] ?? ''
    const final = new Promise<string>((done, fail) => {
      setTimeout(() => fail(new Error(`no final answer to ${requestUri}`)), 60000).unref()
      const listen = (m: Buffer) => {
        const t = m.toString(), rseq = /^RSeq:\s*(\d+)/im.exec(t)?.[1]
        if (!t.startsWith('SIP/2.0') || !t.includes(id) || !/^CSeq:.*INVITE/im.test(t)) return
        if (t.startsWith('SIP/2.0 1')) {
          provisional.push(t)
          if (rseq && prack) send('PRACK', `${1 + provisional.length} PRACK`, [`RAck: ${rseq} 1 INVITE`], tagOf(t))
          return
        }
        this.socket.off('message', listen)
        done(t)
      }
      this.socket.on('message', listen)
    })
    send('INVITE', '1 INVITE', headers.filter((h) => !/^(From|To):/.test(h)), '', offer)
    const text = await final
    refused = !text.startsWith('SIP/2.0 2')
    let cseq = 100
    const contact = /^Contact:\s*<([^>]*)>/im.exec(text)?.[1]
    if (ack) send('ACK', '1 ACK', [], tagOf(text), answer)
    const request = (method: string, body = '', more: string[] = []) => {
      const own = ++cseq
      requestUri = contact ?? requestUri
      const answered = this.response(id, `${own} ${method}`)
      send(method, `${own} ${method}`, more, tagOf(text), body)
      return answered
    }
    return { status: Number(text.slice(8, 11)), text, provisional, request }
  }

  // REGISTER as a phone does, with credentials once it is asked for them; resolves with the final answer. contact '': only ask.
  async register(to: number, user: string, password: string, { expires = 300 as number | null, contact = `sip:${user}@127.0.0.1:${this.port}` as string | undefined, headers = [] as string[], id = `${Math.random()}`, cseq = 0, socket = this.socket as Pick<Socket, 'send' | 'on' | 'off'>, transport = 'UDP' } = {}): Promise<string> {
    let authorization = ''
    for (let n = cseq + 1; ; n++) {
      const lines = [`REGISTER sip:127.0.0.1:${to} SIP/2.0`, `Via: SIP/2.0/${transport} 127.0.0.1:${this.port};rport;branch=z9hG4bKr${n}${id}`, 'Max-Forwards: 70', `From: <sip:${user}@127.0.0.1>;tag=r`, `To: <sip:${user}@127.0.0.1>`, `Call-ID: ${id}`, `CSeq: ${n} REGISTER`,
        ...(contact ? [`Contact: ${contact === '*' ? '*' : `<${contact}>`}`] : []), ...(expires === null ? [] : [`Expires: ${expires}`]), 'User-Agent: a test phone', ...headers, ...(authorization ? [`Authorization: ${authorization}`] : []), 'Content-Length: 0']
      const answered = new Promise<string>((done, fail) => {
        setTimeout(() => fail(new Error('no answer to REGISTER')), 10000).unref()
        const listen = (m: Buffer) => {
          const t = m.toString()
          if (!t.startsWith('SIP/2.0') || !t.includes(id) || !new RegExp(`^CSeq: ${n} REGISTER\\r$`, 'm').test(t)) return
          socket.off('message', listen)
          done(t)
        }
        socket.on('message', listen)
      })
      ;(socket as Socket).send(`${lines.join('\r\n')}\r\n\r\n`, to, '127.0.0.1')
      const text = await answered
      if (!text.startsWith('SIP/2.0 401') || (authorization && !/stale=true/.test(text))) return text
      const nonce = /nonce="([^"]*)"/.exec(text)![1], uri = `sip:127.0.0.1:${to}`
      const response = md5(`${md5(`${user}:strowger:${password}`)}:${nonce}:00000001:c:auth:${md5(`REGISTER:${uri}`)}`)
      authorization = `Digest username="${user}", realm="strowger", nonce="${nonce}", uri="${uri}", qop=auth, nc=00000001, cnonce="c", algorithm=MD5, response="${response}"`
    }
  }

  // Every message twice, as networks do.
  twice() {
    const send = this.socket.send.bind(this.socket) as (text: string, port: number, host: string) => void
    this.socket.send = ((text: string, port: number, host: string) => {
      send(text, port, host)
      send(text, port, host)
    }) as Socket['send']
    return this
  }

  // Answer the n-th INVITE now.
  late(n: number, told: [number, string[]]) {
    const r = this.of('INVITE')[n - 1], via = /^Via: SIP\/2.0\/UDP [^:]+:(\d+)/im.exec(r.text)!
    this.reply(r, Number(via[1]), told[0], told[1], this.sdp())
  }

  // A request within the dialog of the n-th INVITE; resolves with the status it is answered with.
  within(method: string, { n = 1, headers = [] as string[], body = '' } = {}): Promise<number> {
    const r = this.of('INVITE')[n - 1], cseq = `${++this.sent} ${method}`
    const to = /<([^>]*)>/.exec(r.header('Contact')!)![1]
    const lines = [`${method} ${to} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${this.port};branch=z9hG4bKwithin${Math.random()}`, 'Max-Forwards: 70', `From: ${r.header('To')};tag=peer`, `To: ${r.header('From')}`, `Call-ID: ${r.header('Call-ID')}`,
      `Contact: <sip:peer@127.0.0.1:${this.port}>`, `CSeq: ${cseq}`, ...headers, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`]
    const answered = this.response(r.header('Call-ID')!, cseq)
    this.socket.send(`${lines.join('\r\n')}\r\n\r\n${body}`, Number(/:(\d+)/.exec(to.replace(/^sip:/, ''))![1]), '127.0.0.1')
    return answered
  }

  // Hang up what was answered to the n-th INVITE; further headers go along.
  bye(n = 1, headers: string[] = []) {
    void this.within('BYE', { n, headers })
  }
}
