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

// A sample of PCMU.
export const linear = (code: number) => {
  const c = ~code & 0xff, s = (((c & 15) << 3) + 132) << ((c >> 4) & 7)
  return c & 0x80 ? 132 - s : s - 132
}
// How strong a frequency is in that many samples (Goertzel).
export const power = (samples: number[], hertz: number) => {
  const c = 2 * Math.cos((2 * Math.PI * hertz) / 8000)
  let a = 0, b = 0
  for (const s of samples) [a, b] = [s + c * a - b, a]
  return (a * a + b * b - c * a * b) / samples.length ** 2
}

export class Rtp {
  received = 0
  packets: Buffer[] = [] // the last ones
  private sequence = 0
  private timestamp = 0
  socket!: Socket

  static async bind(address = '127.0.0.1'): Promise<Rtp> {
    const r = new Rtp()
    r.socket = await bound(address)
    r.socket.on('message', (m) => {
      r.received++
      r.packets.push(m)
      if (r.packets.length > 2000) r.packets.shift()
    })
    return r
  }

  // A pair, for RTP and RTCP.
  static async pair(address = '127.0.0.1'): Promise<[Rtp, Rtp]> {
    for (;;) {
      const a = await Rtp.bind(address)
      const b = new Rtp()
      if (a.port % 2 === 0) {
        b.socket = createSocket('udp4')
        const bound = await new Promise<boolean>((done) => b.socket.once('error', () => done(false)).bind(a.port + 1, address, () => done(true)))
        b.socket.unref()
        b.socket.on('message', (m) => b.packets.push(m))
        if (bound) return [a, b]
      }
      a.close()
    }
  }

  // What came of a payload type.
  of(type: number): Buffer[] {
    return this.packets.filter((p) => (p[1]! & 127) === type)
  }

  // A packet with that payload, so many samples after the one before.
  audio(port: number, payload: Uint8Array, type = 0, step = payload.length) {
    const packet = Buffer.alloc(12 + payload.length)
    packet.set([0x80, type])
    packet.writeUInt16BE(this.sequence++ & 0xffff, 2)
    packet.writeUInt32BE((this.timestamp += step) >>> 0, 4)
    packet.set([1, 2, 3, 4], 8)
    packet.set(payload, 12)
    this.socket.send(packet, port, '127.0.0.1')
  }

  get port() {
    return (this.socket.address() as AddressInfo).port
  }

  // One packet of PCMU silence; lost: it is numbered, and not sent.
  send(port: number, lost = false) {
    if (lost) this.skip(160)
    else this.audio(port, new Uint8Array(160).fill(0xff))
  }

  // Time in which nothing is sent.
  skipSamples(samples: number) {
    this.timestamp += samples
  }

  // One that is lost, of so many samples.
  skip(samples: number) {
    this.sequence++
    this.timestamp += samples
  }

  close() {
    this.socket.close()
  }
}

export class Caller {
  private cseq = 0
  private to = ''
  answer = '' // the last
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

  private send(method: string, body = '', cseq = ++this.cseq, type = 'application/sdp'): void {
    const { port } = this.socket.address() as AddressInfo
    const lines = [
      `${method} ${this.contact || `sip:${this.number}@127.0.0.1:${this.s.sip}`} SIP/2.0`, `Via: SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bK${method}${cseq}${this.id}`, 'Max-Forwards: 70',
      'From: <sip:+15125550123@127.0.0.1>;tag=test', this.to || `To: <sip:${this.number}@127.0.0.1>`, `Call-ID: ${this.id}`, `CSeq: ${cseq} ${method}`,
      `Contact: <sip:test@127.0.0.1:${port}>`, ...(body ? [`Content-Type: ${type}`] : []), `Content-Length: ${body.length}`,
    ]
    this.socket.send(`${lines.join('\r\n')}\r\n\r\n${body}`, this.s.sip, '127.0.0.1')
  }

  private final(): Promise<string> {
    return new Promise((done) => this.answers.push(done))
  }

  // INVITE, or re-INVITE once it was answered, with audio expected at the port; resolves with theirs.
  async offer(port: number, attribute = 'sendrecv', { formats = '0', attributes = [] as string[] } = {}): Promise<number> {
    const answer = this.final()
    this.send('INVITE', ['v=0', `o=- 1 ${this.cseq + 1} IN IP4 127.0.0.1`, 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', `m=audio ${port} RTP/AVP ${formats}`, ...attributes, `a=${attribute}`, ''].join('\r\n'))
    const text = await answer
    assert.match(text, /^SIP\/2.0 200/)
    this.to = /^To:.*$/im.exec(text)![0].trim()
    this.contact = /^Contact:\s*<([^>]*)>/im.exec(text)![1]
    this.send('ACK', '', this.cseq)
    this.answer = text
    return Number(/^m=audio (\d+)/m.exec(text)![1])
  }

  // A key by INFO.
  async info(key: string): Promise<void> {
    const answer = this.final()
    this.send('INFO', `Signal=${key}\r\nDuration=100\r\n`, undefined, 'application/dtmf-relay')
    assert.match(await answer, /^SIP\/2.0 200/)
  }

  async bye(): Promise<void> {
    const answer = this.final()
    this.send('BYE')
    assert.match(await answer, /^SIP\/2.0 200/)
    this.socket.close()
  }
}
