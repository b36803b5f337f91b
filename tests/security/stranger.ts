// Somebody on a UDP socket of an address of its own, who sends what a test writes and counts answers.
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import { until, type Strowger } from '../e2e/harness.ts'

export interface Message {
  method?: string
  user?: string // of the request URI
  from?: string
  to?: string
  id?: string
  cseq?: number
  headers?: string[]
  body?: string
}

export interface Credentials {
  username: string
  password: string
  nonce: string
  nc?: number
  uri?: string
  algorithm?: 'MD5' | 'SHA-256'
}

const random = () => Math.random().toString(36).slice(2)

export const nonceOf = (text: string) => /nonce="([^"]*)"/.exec(text)?.[1] ?? ''

// The value of an Authorization header field (RFC 7616), with qop=auth.
export function digest(method: string, uri: string, c: Credentials): string {
  const hash = (s: string) =>
    createHash(c.algorithm === 'SHA-256' ? 'sha256' : 'md5').update(s).digest('hex')
  const nc = (c.nc ?? 1).toString(16).padStart(8, '0')
  const secret = hash(`${c.username}:strowger:${c.password}`)
  const asked = hash(`${method}:${c.uri ?? uri}`)
  const response = hash(`${secret}:${c.nonce}:${nc}:c:auth:${asked}`)
  return (
    `Digest username="${c.username}", realm="strowger", nonce="${c.nonce}", ` +
    `uri="${c.uri ?? uri}", qop=auth, nc=${nc}, cnonce="c", ` +
    `algorithm=${c.algorithm ?? 'MD5'}, response="${response}"`
  )
}

export class Stranger {
  private answers = new Map<string, string[]>()
  private constructor(
    private socket: Socket,
    private server: number,
    private address: string,
  ) {}

  static async at(address: string, s: Strowger): Promise<Stranger> {
    const socket = createSocket('udp4')
    await new Promise<void>((done) => socket.bind(0, address, done))
    socket.unref()
    const made = new Stranger(socket, s.sip, address)
    socket.on('message', (m) => {
      const text = m.toString(), id = /^Call-ID:\s*(\S+)/im.exec(text)?.[1] ?? ''
      made.answers.set(id, [...(made.answers.get(id) ?? []), text])
    })
    return made
  }

  get port() {
    return (this.socket.address() as AddressInfo).port
  }

  get uri() {
    return `sip:127.0.0.1:${this.server}`
  }

  // Send a request; its Call-ID.
  send(m: Message = {}): string {
    const id = m.id ?? random(), method = m.method ?? 'OPTIONS', cseq = m.cseq ?? 1
    const at = `127.0.0.1:${this.server}`, uri = m.user ? `sip:${m.user}@${at}` : `sip:${at}`
    const contact = m.headers?.some((h) => h.startsWith('Contact:'))
      ? []
      : [`Contact: <sip:stranger@${this.address}:${this.port}>`]
    const lines = [
      `${method} ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${this.address}:${this.port};branch=z9hG4bK${random()}`,
      'Max-Forwards: 70',
      `From: <sip:${m.from ?? '+12145550123'}@${this.address}>;tag=s`,
      `To: <sip:${m.to ?? m.user ?? 'x'}@127.0.0.1>`,
      `Call-ID: ${id}`,
      `CSeq: ${cseq} ${method}`,
      ...contact,
      ...(m.headers ?? []),
      ...(m.body ? ['Content-Type: application/sdp'] : []),
      `Content-Length: ${m.body?.length ?? 0}`,
    ]
    this.socket.send(`${lines.join('\r\n')}\r\n\r\n${m.body ?? ''}`, this.server, '127.0.0.1')
    return id
  }

  // The last answer to the request with that CSeq, provisional ones aside; '': none yet.
  answer(id: string, cseq = 1): string {
    const final = (t: string) => /^SIP\/2.0 [2-6]/.test(t) && t.includes(`\r\nCSeq: ${cseq} `)
    return this.answers.get(id)?.findLast(final) ?? ''
  }

  // Send, and wait for the final answer.
  async ask(m: Message): Promise<string> {
    const id = this.send(m)
    return until(`an answer to ${m.method}`, () => this.answer(id, m.cseq))
  }

  // Send the same request n times at once; the statuses of those that were answered.
  async flood(n: number, m: Message, friend: Stranger): Promise<number[]> {
    const ids = Array.from({ length: n }, () => this.send(m))
    // The server reads its socket in order: when this is answered, so is what came before it.
    await friend.ask({ method: 'OPTIONS' })
    const statuses = () => ids.map((id) => Number(this.answer(id).slice(8, 11))).filter(Boolean)
    let before = -1
    await until('all answers', async () => {
      await friend.ask({ method: 'OPTIONS' })
      const now = statuses().length, same = now === before
      before = now
      return same
    })
    return statuses()
  }

  // REGISTER: fetch a nonce, then show credentials; the final answer.
  async register(username: string, password: string, m: Message = {}): Promise<string> {
    const id = m.id ?? random(), first = m.cseq ?? 1
    const asked = { ...m, method: 'REGISTER', from: username, to: username, id }
    const nonce = nonceOf(await this.ask({ ...asked, cseq: first }))
    const authorization = digest('REGISTER', this.uri, { username, password, nonce })
    const headers = [...(m.headers ?? []), `Authorization: ${authorization}`]
    return this.ask({ ...asked, headers, cseq: first + 1 })
  }
}
