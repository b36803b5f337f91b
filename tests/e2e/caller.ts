// A caller whose packets a test sends one by one: what sipp and `strowger call` do by themselves.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import type { Strowger } from './harness.ts'

const bound = async (address: string): Promise<Socket> => {
  const socket = createSocket('udp4')
  await new Promise<void>((done) => socket.bind(0, address, done))
  socket.unref() // a test that fails closes nothing
  return socket
}

export class Rtp {
  received = 0
  private sequence = 0
  socket!: Socket

  static async bind(address = '127.0.0.1'): Promise<Rtp> {
    const r = new Rtp()
    r.socket = await bound(address)
    r.socket.on('message', () => r.received++)
    return r
  }

  get port() {
    return (this.socket.address() as AddressInfo).port
  }

  // One packet of PCMU silence; lost: it is numbered, and not sent.
  send(port: number, lost = false) {
    const packet = Buffer.alloc(172, 0xff)
    packet.set([0x80, 0, 0, this.sequence++, 0, 0, 0, this.sequence, 1, 2, 3, 4])
    if (!lost) this.socket.send(packet, port, '127.0.0.1')
  }

  close() {
    this.socket.close()
  }
}

export class Caller {
  private cseq = 0
  private to = ''
  private contact = ''
  private answers: ((text: string) => void)[] = []
  private readonly id = `${Date.now()}-${Math.random()}`

  private constructor(private s: Strowger, private number: string, private socket: Socket) {}

  static async invite(s: Strowger, number: string): Promise<Caller> {
    const c = new Caller(s, number, await bound('127.0.0.1'))
    c.socket.on('message', (m) => {
      const text = m.toString()
      if (/^SIP\/2.0 [2-6]/.test(text)) c.answers.shift()?.(text)
    })
    return c
  }

  private send(method: string, body = '', cseq = ++this.cseq): void {
    const { port } = this.socket.address() as AddressInfo
    const lines = [
      `${method} ${this.contact || `sip:${this.number}@127.0.0.1:${this.s.sip}`} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${method}${cseq}${this.id}`, 'Max-Forwards: 70',
      'From: <sip:+15125550123@127.0.0.1>;tag=test', this.to || `To: <sip:${this.number}@127.0.0.1>`, `Call-ID: ${this.id}`, `CSeq: ${cseq} ${method}`,
      `Contact: <sip:test@127.0.0.1:${port}>`, ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`,
    ]
    this.socket.send(`${lines.join('\r\n')}\r\n\r\n${body}`, this.s.sip, '127.0.0.1')
  }

  private final(): Promise<string> {
    return new Promise((done) => this.answers.push(done))
  }

  // INVITE, or re-INVITE once it was answered, with audio expected at the port; resolves with theirs.
  async offer(port: number, attribute = 'sendrecv'): Promise<number> {
    const answer = this.final()
    this.send('INVITE', ['v=0', `o=- 1 ${this.cseq + 1} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP 0`, `a=${attribute}`, ''].join('\r\n'))
    const text = await answer
    assert.match(text, /^SIP\/2.0 200/)
    this.to = /^To:.*$/im.exec(text)![0].trim()
    this.contact = /^Contact:\s*<([^>]*)>/im.exec(text)![1]
    this.send('ACK', '', this.cseq)
    return Number(/^m=audio (\d+)/m.exec(text)![1])
  }

  async bye(): Promise<void> {
    const answer = this.final()
    this.send('BYE')
    assert.match(await answer, /^SIP\/2.0 200/)
    this.socket.close()
  }
}
