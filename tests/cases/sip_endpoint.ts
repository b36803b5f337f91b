// A SIP endpoint on a UDP socket: each answer and each request within a dialog is the test's own.
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { until } from '../e2e/harness.ts'

export interface Answer {
  status: number
  headers?: string[]
  body?: string
  tag?: string
  contact?: string
}

export interface Sent {
  headers?: string[]
  body?: string
  contact?: string
  cseq?: number
}

export const field = (text: string, name: string) =>
  new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)\\r?$`, 'im').exec(text)?.[1] ?? ''
export const statusOf = (text: string) => Number(/^SIP\/2\.0 (\d+)/.exec(text)?.[1] ?? 0)
export const bodyOf = (text: string) => text.slice(text.indexOf('\r\n\r\n') + 4)
const uriOf = (value: string) => /<(.*?)>/.exec(value)?.[1] ?? value
const random = () => Math.random().toString(36).slice(2)

export const sdp = (port: number, { mode = 'sendrecv', version = 1 } = {}) =>
  [
    'v=0',
    `o=- 1 ${version} IN IP4 127.0.0.1`,
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP 0`,
    `a=${mode}`,
    '',
  ].join('\r\n')

export class Endpoint {
  // Everything that came, and the requests without their repeats.
  messages: string[] = []
  requests: string[] = []
  // How a request is answered; an empty list: not at all.
  answer: (request: string) => Answer[] = () => [{ status: 200 }]
  private seen = new Set<string>()
  private constructor(readonly socket: Socket) {}

  static async bind(answer?: (request: string) => Answer[]): Promise<Endpoint> {
    const socket = createSocket('udp4')
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
    socket.unref()
    const e = new Endpoint(socket)
    if (answer) e.answer = answer
    socket.on('message', (m, from) => e.take(m.toString(), from.port))
    return e
  }

  get port() {
    return (this.socket.address() as AddressInfo).port
  }

  get contact() {
    return `<sip:e@127.0.0.1:${this.port}>`
  }

  private take(text: string, port: number) {
    this.messages.push(text)
    const key = `${field(text, 'Via')}${field(text, 'CSeq')}`
    if (text.startsWith('SIP/2.0') || this.seen.has(key)) return
    this.seen.add(key)
    this.requests.push(text)
    if (text.startsWith('ACK')) return
    for (const a of this.answer(text)) this.reply(text, port, a)
  }

  private reply(request: string, port: number, a: Answer) {
    const same = request.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l))
    const to = field(request, 'To')
    const tag = a.status === 100 || to.includes(';tag=') ? '' : `;tag=${a.tag ?? 'e'}`
    const contact = `Contact: ${a.contact ?? this.contact}`
    const lines = [...same, `To: ${to}${tag}`, contact, ...(a.headers ?? [])]
    this.put(`SIP/2.0 ${a.status} Whatever`, lines, a.body ?? '', port)
  }

  // Answer a request later than it came.
  later(request: string, a: Answer) {
    this.reply(request, Number(/^SIP\/2\.0\/UDP [^:;]+:(\d+)/.exec(field(request, 'Via'))![1]), a)
  }

  put(start: string, lines: string[], body: string, port: number) {
    const typed = !body || lines.some((l) => l.startsWith('Content-Type:'))
    const type = typed ? [] : ['Content-Type: application/sdp']
    const all = [start, ...lines, ...type, `Content-Length: ${body.length}`]
    this.socket.send(`${all.join('\r\n')}\r\n\r\n${body}`, port, '127.0.0.1')
  }

  of(method: string): string[] {
    return this.requests.filter((t) => t.startsWith(`${method} `))
  }

  request(method: string, n = 1): Promise<string> {
    return until(`${method} number ${n}`, () => this.of(method)[n - 1])
  }

  // A call to a number; the INVITE is sent, and what comes is the test's to wait for.
  call(server: number, number: string, { headers = [] as string[], body = '', contact = '' } = {}) {
    const to = `<sip:${number}@127.0.0.1>`
    const dialog = new Dialog(this, {
      id: random(),
      local: `<sip:+12145550123@127.0.0.1>;tag=${random()}`,
      remote: to,
      uri: `sip:${number}@127.0.0.1:${server}`,
      server,
    })
    dialog.contact = contact || this.contact
    dialog.send('INVITE', { headers, body, cseq: 1 })
    return dialog
  }

  // The dialog that the endpoint's answer to an INVITE made.
  dialog(invite: string, tag = 'e') {
    const uri = uriOf(field(invite, 'Contact'))
    return new Dialog(this, {
      id: field(invite, 'Call-ID'),
      local: `${field(invite, 'To')};tag=${tag}`,
      remote: field(invite, 'From'),
      uri,
      server: Number(/:(\d+)/.exec(uri.replace(/^sip:/, ''))![1]),
    })
  }
}

interface Parties {
  id: string
  local: string
  remote: string
  uri: string
  server: number
}

export class Dialog {
  contact: string
  private cseq = 1
  constructor(
    readonly end: Endpoint,
    private p: Parties,
  ) {
    this.contact = end.contact
  }

  // Returns its CSeq number.
  send(method: string, { headers = [], body = '', contact, cseq }: Sent = {}) {
    const number = cseq ?? ++this.cseq
    const lines = [
      `Via: SIP/2.0/UDP 127.0.0.1:${this.end.port};branch=z9hG4bK${random()}`,
      'Max-Forwards: 70',
      `From: ${this.p.local}`,
      `To: ${this.p.remote}`,
      `Call-ID: ${this.p.id}`,
      `CSeq: ${number} ${method}`,
      `Contact: ${contact ?? this.contact}`,
      ...headers,
    ]
    this.end.put(`${method} ${this.p.uri} SIP/2.0`, lines, body, this.p.server)
    return number
  }

  // CANCEL of a request within the dialog; via: the request's, as a response to it has it.
  cancel(cseq: number, via: string) {
    const lines = [
      via.replace(/;(received|rport)=[^;\s]*/g, ''),
      'Max-Forwards: 70',
      `From: ${this.p.local}`,
      `To: ${this.p.remote}`,
      `Call-ID: ${this.p.id}`,
      `CSeq: ${cseq} CANCEL`,
    ]
    this.end.put(`CANCEL ${this.p.uri} SIP/2.0`, lines, '', this.p.server)
  }

  private response(cseq: string, fits: (status: number) => boolean): Promise<string> {
    return until(`a response to ${cseq}`, () =>
      this.end.messages.find(
        (t) =>
          field(t, 'Call-ID') === this.p.id && field(t, 'CSeq') === cseq && fits(statusOf(t)),
      ),
    )
  }

  // The first provisional response with that status; requests go to its dialog from then on.
  async provisional(status: number): Promise<string> {
    const text = await this.response('1 INVITE', (s) => s === status)
    this.enter(text)
    return text
  }

  private enter(text: string) {
    this.p.remote = field(text, 'To')
    this.p.uri = uriOf(field(text, 'Contact')) || this.p.uri
  }

  // The final response to the first INVITE, acknowledged.
  async answered({ body = '' } = {}): Promise<string> {
    const text = await this.response('1 INVITE', (s) => s >= 200)
    if (statusOf(text) < 300) {
      this.enter(text)
      this.send('ACK', { cseq: 1, body })
    }
    return text
  }

  // A request within the dialog; resolves with its final response, an INVITE's is acknowledged.
  async ask(method: string, sent: Sent & { ack?: string } = {}): Promise<string> {
    const cseq = this.send(method, sent)
    const text = await this.response(`${cseq} ${method}`, (s) => s >= 200)
    if (method === 'INVITE' && statusOf(text) < 300)
      this.send('ACK', { cseq, body: sent.ack ?? '', contact: sent.contact })
    return text
  }
}
