// SRTP with SIP targets and phones, packets and all: the far side has keys and ciphers of its own.
import assert from 'node:assert/strict'
import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Caller, Rtp, linear } from '../e2e/caller.ts'
import { Rtpengine, Strowger, until, usePostgres, useRtpengine } from '../e2e/harness.ts'
import { Peer } from '../e2e/peer.ts'
import { Endpoint, bodyOf, statusOf, type Answer } from './sip_endpoint.ts'

const SUITE = 'AES_CM_128_HMAC_SHA1_80'
const TAG_BYTES = 10
const LOUD = 0x80 // the loudest sample of PCMU
const skip = usePostgres || (useRtpengine && 'it has its own')

// RFC 3711 for one direction of one stream, up to its first 65,536 packets.
class Srtp {
  private readonly key: Buffer
  private readonly salt: Buffer
  private readonly auth: Buffer
  constructor(readonly inline: string) {
    const master = Buffer.from(inline, 'base64')
    const derive = (label: number, size: number) => {
      const iv = Buffer.concat([master.subarray(16, 30), Buffer.alloc(2)])
      iv[7]! ^= label
      return createCipheriv('aes-128-ctr', master.subarray(0, 16), iv).update(Buffer.alloc(size))
    }
    this.key = derive(0, 16)
    this.auth = derive(1, 20)
    this.salt = derive(2, 14)
  }

  private crypt(packet: Buffer): Buffer {
    const iv = Buffer.concat([this.salt, Buffer.alloc(2)])
    for (let i = 0; i < 4; i++) iv[4 + i]! ^= packet[8 + i]!
    for (let i = 0; i < 2; i++) iv[12 + i]! ^= packet[2 + i]!
    const payload = createCipheriv('aes-128-ctr', this.key, iv).update(packet.subarray(12))
    return Buffer.concat([packet.subarray(0, 12), payload])
  }

  private tag(packet: Buffer): Buffer {
    const rollover = Buffer.alloc(4)
    return createHmac('sha1', this.auth).update(packet).update(rollover).digest()
  }

  seal(packet: Buffer): Buffer {
    const crypted = this.crypt(packet)
    return Buffer.concat([crypted, this.tag(crypted).subarray(0, TAG_BYTES)])
  }

  // The plain packet; undefined: it was not made with this key.
  open(packet: Buffer): Buffer | undefined {
    const end = packet.length - TAG_BYTES
    if (end < 12) return undefined
    const crypted = packet.subarray(0, end)
    const right = this.tag(crypted).subarray(0, TAG_BYTES).equals(packet.subarray(end))
    return right ? this.crypt(crypted) : undefined
  }
}

const sdp = (port: number, protocol: string, attributes: string[] = []) =>
  [
    'v=0',
    'o=- 7 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} ${protocol} 0`,
    ...attributes,
    '',
  ].join('\r\n')

// A phone or PBX that speaks SRTP.
class Secure {
  readonly own = new Srtp(randomBytes(30).toString('base64'))
  theirs?: Srtp
  private sequence = 0
  private constructor(
    readonly end: Endpoint,
    readonly rtp: Rtp,
  ) {}

  static async bind(): Promise<Secure> {
    const one = new Secure(await Endpoint.bind(), await Rtp.bind())
    one.end.answer = (request) => [one.reply(request)]
    return one
  }

  private reply(request: string): Answer {
    const offered = new RegExp(`^a=crypto:(\\d+) ${SUITE} inline:([^|\\r]+)`, 'm').exec(request)
    if (!offered) return { status: request.startsWith('INVITE') ? 488 : 200 }
    this.theirs = new Srtp(offered[2]!)
    const crypto = `a=crypto:${offered[1]} ${SUITE} inline:${this.own.inline}`
    return { status: 200, body: sdp(this.rtp.port, 'RTP/SAVP', [crypto]) }
  }

  // Where the offer asks audio to go.
  get port() {
    return Number(/^m=audio (\d+)/m.exec(bodyOf(this.end.of('INVITE')[0]!))![1])
  }

  send() {
    const packet = Buffer.alloc(172, LOUD)
    packet.set([0x80, 0])
    packet.writeUInt16BE(++this.sequence, 2)
    packet.writeUInt32BE(this.sequence * 160, 4)
    packet.writeUInt32BE(77, 8)
    this.rtp.socket.send(this.own.seal(packet), this.port, '127.0.0.1')
  }

  // What came and could be opened.
  get opened(): Buffer[] {
    return this.rtp.packets.flatMap((p) => this.theirs?.open(p) ?? [])
  }

  close() {
    this.rtp.close()
    this.end.socket.close()
  }
}

const isLoud = (packet: Buffer) => packet.subarray(12).some((c) => Math.abs(linear(c)) > 8000)

describe('SRTP with SIP targets and phones', { skip }, () => {
  let proxy: Rtpengine, s: Strowger
  let numbers = 0
  before(async () => {
    proxy = await Rtpengine.start()
    s = await Strowger.start(proxy.media)
  })
  after(async () => {
    await s.stop()
    proxy.stop()
  })

  const target = (name: string, destination: object) =>
    s.api('POST', '/targets', { name, destination })
  // A number whose calls go to these targets, one after another.
  const numberTo = async (server: Strowger, targets: { id: string }[]) => {
    const number = `+180055546${10 + numbers++}`
    const entries = targets.map((t, i) => ({ target_id: t.id, priority: i + 1 }))
    const plan = await server.api('POST', '/routing-plans', { name: number, entries })
    await server.campaign(number, { routing_plan_id: plan.id })
    return number
  }
  const attempts = async (number: string) =>
    (await s.lastCall((c) => c.number === number)).attempts

  async function talks(number: string, far: Secure) {
    const c = await Caller.invite(s, number), rtp = await Rtp.bind()
    const port = await c.offer(rtp.port)
    const invite = far.end.of('INVITE')[0]!
    assert.match(c.answer, /^m=audio \d+ RTP\/AVP 0/m, 'the caller speaks RTP')
    assert.match(invite, /^m=audio \d+ RTP\/SAVP /m)
    assert.doesNotMatch(invite, /NULL|F8_128|UNENCRYPTED/)
    const timer = setInterval(() => {
      rtp.audio(port, new Uint8Array(160).fill(LOUD))
      far.send()
    }, 20)
    await until('the caller to be heard', () => far.opened.some(isLoud))
    await until('the far side to be heard', () => rtp.of(0).some(isLoud))
    clearInterval(timer)
    const plain = far.rtp.packets.filter((p) => p.length === 172)
    assert.equal(plain.length, 0, 'no packet of the size of plain RTP')
    await c.bye()
    rtp.close()
    assert.equal((await attempts(number))[0].outcome, 'answered')
  }

  test('a SIP target that asks for it is spoken to with SRTP both ways', async () => {
    const far = await Secure.bind()
    const uri = `sip:pbx@127.0.0.1:${far.end.port}`
    const t = await target('a PBX', { type: 'sip', uri, srtp: true })
    assert.equal(t.destination.srtp, true)
    await talks(await numberTo(s, [t]), far)
    far.close()
  })

  test('a phone that asks for it is spoken to with SRTP both ways', async () => {
    const far = await Secure.bind(), p = await Peer.start()
    const account = { username: 'secure', password: 'a good password' }
    const t = await target('a phone', { type: 'phone', ...account, srtp: true })
    const contact = `sip:secure@127.0.0.1:${far.end.port}`
    const text = await p.register(s.sip, account.username, account.password, {
      contact,
      socket: far.end.socket,
    })
    assert.equal(statusOf(text), 200)
    await talks(await numberTo(s, [t]), far)
    far.close()
  })

  test('without the setting RTP is offered, as before', async () => {
    const far = await Endpoint.bind(() => [{ status: 486 }])
    const t = await target('plain', { type: 'sip', uri: `sip:pbx@127.0.0.1:${far.port}` })
    assert.equal(t.destination.srtp, false)
    const number = await numberTo(s, [t])
    await s.call(number)
    assert.match(await far.request('INVITE'), /^m=audio \d+ RTP\/AVP /m)
    assert.doesNotMatch(await far.request('INVITE'), /crypto/)
  })

  describe('a target that must have it and does not encrypt', () => {
    const answers: [string, (request: string) => string][] = [
      ['RTP/AVP', () => sdp(9, 'RTP/AVP')],
      ['RTP/AVP with a key', (r) => sdp(9, 'RTP/AVP', [key(r)])],
      ['no key', () => sdp(9, 'RTP/SAVP')],
      ['a key that is for nothing', (r) => sdp(9, 'RTP/SAVP', [`${key(r)} UNENCRYPTED_SRTP`])],
      ['a cipher that is none', () => sdp(9, 'RTP/SAVP', [key('', 'NULL_HMAC_SHA1_80')])],
      ['the key of another line', (r) => sdp(9, 'RTP/SAVP', ['m=video 0 RTP/SAVP 99', key(r)])],
    ]
    const key = (request: string, suite = SUITE) => {
      const tag = new RegExp(`a=crypto:(\\d+) ${suite}`).exec(request)?.[1] ?? '1'
      return `a=crypto:${tag} ${suite} inline:${randomBytes(30).toString('base64')}`
    }
    for (const [what, body] of answers)
      test(`answers with ${what}: the call is ended and goes on to the next target`, async () => {
        const far = await Endpoint.bind((r) =>
          r.startsWith('INVITE') ? [{ status: 200, body: body(r) }] : [{ status: 200 }],
        )
        const next = await Endpoint.bind(() => [{ status: 486 }])
        const uri = `sip:pbx@127.0.0.1:${far.port}`
        const first = await target(what, { type: 'sip', uri, srtp: true })
        const second = await target(`after ${what}`, {
          type: 'sip',
          uri: `sip:pbx@127.0.0.1:${next.port}`,
        })
        const number = await numberTo(s, [first, second])
        await s.call(number)
        const [a, b] = await attempts(number)
        assert.equal(a.outcome, 'failed')
        assert.equal(a.reason, 'its answer does not encrypt the audio (SRTP), as it has to')
        assert.equal(b.outcome, 'busy')
        await far.request('BYE')
      })

    test('refuses the offer: the reason names what was offered', async () => {
      const far = await Endpoint.bind(() => [{ status: 488 }])
      const uri = `sip:pbx@127.0.0.1:${far.port}`
      const number = await numberTo(s, [await target('refuses', { type: 'sip', uri, srtp: true })])
      await s.call(number)
      const [a] = await attempts(number)
      assert.equal(a.sip_status, 488)
      assert.match(a.reason, /^Whatever \(encrypted audio was offered\)$/)
    })
  })

  test('a re-INVITE that would end the encryption is refused, and the call goes on', async () => {
    const far = await Secure.bind()
    const uri = `sip:pbx@127.0.0.1:${far.end.port}`
    const number = await numberTo(s, [await target('downgrades', { type: 'sip', uri, srtp: true })])
    const c = await Caller.invite(s, number), rtp = await Rtp.bind()
    await c.offer(rtp.port)
    const dialog = far.end.dialog(await far.end.request('INVITE'))
    await far.end.request('ACK')
    const refused = await dialog.ask('INVITE', { body: sdp(far.rtp.port, 'RTP/AVP') })
    assert.equal(statusOf(refused), 488)
    const timer = setInterval(() => far.send(), 20)
    await until('the far side to be heard', () => rtp.of(0).some(isLoud))
    clearInterval(timer)
    await c.bye()
    rtp.close()
    far.close()
  })

  test('without rtpengine the attempt says what is missing', async () => {
    const plain = await Strowger.start(), far = await Endpoint.bind()
    const uri = `sip:pbx@127.0.0.1:${far.port}`
    const destination = { type: 'sip', uri, srtp: true }
    const t = await plain.api('POST', '/targets', { name: 'secure', destination })
    await plain.call(await numberTo(plain, [t]))
    const [a] = (await plain.lastCall()).attempts
    assert.equal(a.outcome, 'failed')
    assert.match(a.reason, /needs rtpengine/)
    assert.equal(far.requests.length, 0)
    await plain.stop()
  })
})
