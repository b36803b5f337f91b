// Calls that registered phones place: to colleagues, to telephone numbers, and to consult somebody
// before a call is transferred.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createSocket, type Socket } from 'node:dgram'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, freePort, until } from '../e2e/harness.ts'

const md5 = (text: string) => createHash('md5').update(text).digest('hex')
const field = (text: string, name: string) =>
  new RegExp(`^${name}:[ \t]*(.*?)\r?$`, 'im').exec(text)?.[1] ?? ''
const tagOf = (value: string) => /;tag=([^;]+)/.exec(value)?.[1] ?? ''

// A phone at an address that is no trunk's. It answers calls, and one with Replaces in place of another.
class Phone {
  got: string[] = []
  busy = false
  private cseq = 1
  private constructor(
    private socket: Socket, readonly user: string, private password: string,
    private server: number, private host: string, private own: string,
  ) {}
  static async open(server: number, user: string, password: string, host = '127.0.0.1', own = '127.0.0.2') {
    const socket = createSocket('udp4')
    await new Promise<void>((done) => socket.bind(0, own, done))
    socket.unref()
    const phone = new Phone(socket, user, password, server, host, own)
    socket.on('message', (m) => phone.take(m.toString()))
    return phone
  }
  get contact() {
    return `<sip:${this.user}@${this.own}:${this.socket.address().port}>`
  }
  get sdp() {
    return ['v=0', `o=- 1 1 IN IP4 ${this.own}`, 's=-', `c=IN IP4 ${this.own}`, 't=0 0',
      `m=audio ${this.socket.address().port + 1} RTP/AVP 0`, ''].join('\r\n')
  }
  of = (method: string) => this.got.filter((m) => m.startsWith(`${method} `))
  private write(lines: string[], body = '') {
    const type = body ? ['Content-Type: application/sdp'] : []
    const all = [...lines, ...type, `Content-Length: ${body.length}`, '', body]
    this.socket.send(all.join('\r\n'), this.server, this.host)
  }
  private take(text: string) {
    this.got.push(text)
    if (/^(SIP|ACK)/.test(text)) return
    const invite = text.startsWith('INVITE')
    const to = field(text, 'To')
    const copied = text.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l))
    const status = invite && this.busy ? '486 Busy' : text.startsWith('REFER') ? '603 No' : '200 OK'
    const own = to.includes('tag=') ? to : `${to};tag=${this.user}${this.got.length}`
    this.write([`SIP/2.0 ${status}`, ...copied, `To: ${own}`, `Contact: ${this.contact}`], invite && !this.busy ? this.sdp : '')
    const replaced = /^Replaces: ([^;]+)/im.exec(text)?.[1]
    if (invite && replaced) this.hangUp(replaced)
  }
  // The dialog of an INVITE that came.
  private hangUp(id: string) {
    const invite = this.of('INVITE').find((m) => field(m, 'Call-ID') === id)!
    const at = this.got.indexOf(invite) + 1
    this.write([
      `BYE ${/<(.*?)>/.exec(field(invite, 'Contact'))![1]} SIP/2.0`, this.via(), 'Max-Forwards: 70',
      `From: ${field(invite, 'To')};tag=${this.user}${at}`, `To: ${field(invite, 'From')}`,
      `Call-ID: ${id}`, `CSeq: ${++this.cseq} BYE`,
    ])
  }
  private via = () =>
    `Via: SIP/2.0/UDP ${this.own}:${this.socket.address().port};rport;branch=z9hG4bK${Math.random()}`
  private answer(id: string, cseq: string) {
    const is = (m: string) =>
      /^SIP\/2.0 [2-6]/.test(m) && field(m, 'Call-ID') === id && field(m, 'CSeq') === cseq
    return until(`an answer to ${cseq}`, () => this.got.find(is))
  }
  private authorization(method: string, uri: string, challenge: string) {
    const nonce = /nonce="([^"]*)"/.exec(challenge)![1]
    const a1 = md5(`${this.user}:strowger:${this.password}`)
    const response = md5(`${a1}:${nonce}:00000001:c:auth:${md5(`${method}:${uri}`)}`)
    return `Digest username="${this.user}", realm="strowger", nonce="${nonce}", uri="${uri}", ` +
      `qop=auth, nc=00000001, cnonce="c", algorithm=MD5, response="${response}"`
  }
  private async ask(method: string, uri: string, id: string, more: string[], body = '') {
    let credentials: string[] = []
    for (;;) {
      const cseq = `${++this.cseq} ${method}`
      this.write([
        `${method} ${uri} SIP/2.0`, this.via(), 'Max-Forwards: 70',
        `From: <sip:${this.user}@127.0.0.1>;tag=own`, `To: <${uri}>`, `Call-ID: ${id}`,
        `CSeq: ${cseq}`, `Contact: ${this.contact}`, ...more, ...credentials,
      ], body)
      const text = await this.answer(id, cseq)
      const challenge = field(text, method === 'REGISTER' ? 'WWW-Authenticate' : 'Proxy-Authenticate')
      if (credentials.length || !challenge) return { text, cseq }
      const name = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization'
      credentials = [`${name}: ${this.authorization(method, uri, challenge)}`]
    }
  }
  async register() {
    const { text } = await this.ask('REGISTER', `sip:${this.host}:${this.server}`, `r${this.user}`, ['Expires: 300'])
    assert.match(text, /^SIP\/2.0 200/)
  }
  async call(called: string) {
    const id = `call${Math.random()}`, uri = `sip:${called}@${this.host}:${this.server}`
    const { text, cseq } = await this.ask('INVITE', uri, id, [], this.sdp)
    const status = Number(text.slice(8, 11)), tag = tagOf(field(text, 'To'))
    const within = (method: string, n: string, more: string[] = []) =>
      this.write([
        `${method} ${/<(.*?)>/.exec(field(text, 'Contact'))?.[1] ?? uri} SIP/2.0`, this.via(), 'Max-Forwards: 70',
        `From: <sip:${this.user}@127.0.0.1>;tag=own`, `To: <${uri}>;tag=${tag}`, `Call-ID: ${id}`,
        `CSeq: ${n} ${method}`, `Contact: ${this.contact}`, ...more,
      ])
    if (status === 200) within('ACK', cseq.split(' ')[0]!)
    const replaces = `${id};to-tag=${tag};from-tag=own`
    return { id, status, replaces, bye: () => within('BYE', `${++this.cseq}`) }
  }
  // Transfer the call that came last.
  async refer(to: string) {
    const invite = this.of('INVITE').at(-1)!, at = this.got.indexOf(invite) + 1, id = field(invite, 'Call-ID')
    const cseq = `${++this.cseq} REFER`
    this.write([
      `REFER ${/<(.*?)>/.exec(field(invite, 'Contact'))![1]} SIP/2.0`, this.via(), 'Max-Forwards: 70',
      `From: ${field(invite, 'To')};tag=${this.user}${at}`, `To: ${field(invite, 'From')}`,
      `Call-ID: ${id}`, `CSeq: ${cseq}`, `Contact: ${this.contact}`, `Refer-To: <${to}>`,
    ])
    return Number((await this.answer(id, cseq)).slice(8, 11))
  }
}

describe('calls that phones place', () => {
  let s: Strowger
  let numbers = 0
  const password = 'a good password'
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const phone = async (username: string, short_number: string, rest: object = {}) => {
    const destination = { type: 'phone', username, password }
    const target = await s.api('POST', '/targets', { name: username, destination, short_number, ...rest })
    const p = await Phone.open(s.sip, username, password)
    await p.register()
    return { p, id: target.id as string }
  }
  const logged = (number: string) => s.lastCall((c) => c.number === number)

  test('a colleague is called by the short number, and the call is in the log without a campaign', async () => {
    const { p: anna } = await phone('anna', '301')
    const pays = { revenue: { amount: '10.00', on: 'connect' }, caps: { daily: 1 } }
    const { p: bert, id } = await phone('bert', '302', pays)
    const call = await anna.call('302')
    assert.equal(call.status, 200)
    assert.match(bert.of('INVITE')[0]!, /^From:.*sip:301@/m)
    call.bye()
    await until('the end', () => bert.of('BYE').length)
    const log = await logged('302')
    const { campaign_id, caller_id, target_id, disposition, revenue, converted } = log
    assert.deepEqual([campaign_id, caller_id, target_id, disposition], [null, '301', id, 'completed'])
    assert.deepEqual([revenue, converted], ['0.00', false], 'nobody pays for it')
    assert.equal((await anna.call('bert')).status, 200)
    bert.busy = true
    assert.equal((await anna.call('302')).status, 486)
  })

  test('who is nobody, or may not be called, is refused', async () => {
    const { p: carl } = await phone('carl', '303')
    assert.equal((await carl.call('999')).status, 404)
    assert.equal((await carl.call('512-555-0142')).status, 403)
    const stranger = await Phone.open(s.sip, 'carl', 'a wrong password')
    assert.equal((await stranger.call('303')).status, 403)
    assert.equal(carl.of('INVITE').length, 0)
  })

  test('a number of the organization runs its campaign', async () => {
    const { p: dora } = await phone('dora', '304')
    const target = await Peer.start()
    const campaign = await s.campaign('+18005556401', { routing_plan_id: (await s.plan('Own', [{ uri: target.uri }])).id })
    const call = await dora.call('8005556401')
    assert.equal(call.status, 200)
    call.bye()
    assert.equal((await logged('+18005556401')).campaign_id, campaign.id)
  })

  test('a telephone number goes over the trunk, as the dial policy allows', async () => {
    const carrier = await Peer.start()
    await s.api('POST', '/trunks', { name: 'Carrier', outbound: { gateways: [{ uri: carrier.uri }] } })
    await s.api('PATCH', '/organization', { dial_policy: { numbers: true } })
    const { p: emil } = await phone('emil', '305')
    const call = await until('the setting', async () => {
      const c = await emil.call('512-555-0142')
      return c.status === 200 && c
    })
    assert.match(carrier.of('INVITE')[0]!.uri, /^sip:\+?15125550142@/)
    call.bye()
    await carrier.first('BYE')
  })

  test('who was consulted takes the caller in place of the one who did', async () => {
    const { p: fred } = await phone('fred', '306'), { p: gina, id } = await phone('gina', '307', { concurrency: 1 })
    const number = `+180055564${10 + numbers++}`
    const plan = await s.api('POST', '/routing-plans', { name: number, entries: [{ target_id: (await s.api('GET', '/targets?search=fred')).data[0].id, priority: 1 }] })
    await s.campaign(number, { routing_plan_id: plan.id })
    const caller = await Peer.start()
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(dialog.status, 200)
    const consult = await fred.call('307')
    assert.equal(consult.status, 200)
    const to = `sip:307@127.0.0.1:${s.sip}?Replaces=${encodeURIComponent(consult.replaces)}`
    assert.equal(await fred.refer(to), 202)
    const second = await until('the second INVITE', () => gina.of('INVITE')[1])
    const first = gina.of('INVITE')[0]!
    assert.ok(field(second, 'Replaces').startsWith(`${field(first, 'Call-ID')};`), second)
    assert.ok(field(second, 'Replaces').includes(`from-tag=${tagOf(field(first, 'From'))}`))
    await until('both of fred’s calls to end', () => fred.of('BYE').length === 2)
    assert.equal(caller.of('BYE').length, 0)
    assert.equal(await dialog.request('BYE'), 200)
    await until('the end at gina’s', () => gina.of('BYE').length)
    const log = await logged(number)
    assert.deepEqual(log.attempts.map((a: any) => [a.outcome, a.target_id]).at(-1), ['transferred', id])
  })

  test('a transfer to a number of the organization runs its campaign with the same caller', async () => {
    const port = await freePort()
    const own = await Strowger.start(['--sip', `udp:127.0.0.3:${port}`])
    await own.api('POST', '/trunks', { name: 'Carrier', inbound: { allowed_addresses: ['127.0.0.4'] } })
    const open = (user: string, at: string) => Phone.open(port, user, password, '127.0.0.3', at)
    const agent = await open('hanna', '127.0.0.2')
    const target = await own.api('POST', '/targets', { name: 'hanna', destination: { type: 'phone', username: 'hanna', password } })
    await until('the phone', () => agent.register().then(() => true, () => false))
    const second = await open('second', '127.0.0.5')
    const entries = [{ target_id: target.id, priority: 1 }]
    const first = await own.api('POST', '/routing-plans', { name: 'First', entries })
    await own.campaign('+18005556421', { routing_plan_id: first.id })
    const plan = await own.plan('Second', [{ uri: second.contact.slice(1, -1) }])
    const campaign = await own.campaign('+18005556422', { routing_plan_id: plan.id })
    const caller = await open('+15125550177', '127.0.0.4')
    const call = await caller.call('+18005556421')
    assert.equal(call.status, 200)
    assert.equal(await agent.refer(`sip:800-555-6422@127.0.0.3:${port}`), 202)
    const invite = await until('the second target', () => second.of('INVITE')[0])
    assert.match(invite, /^From:.*sip:\+15125550177@/m)
    await until('the agent to be free', () => agent.of('BYE').length)
    assert.equal(caller.of('BYE').length, 0)
    call.bye()
    await until('the end', () => second.of('BYE').length)
    const log = await own.lastCall((c) => c.number === '+18005556422')
    assert.deepEqual([log.campaign_id, log.caller_id, log.disposition], [campaign.id, '+15125550177', 'completed'])
    // Nobody else may say that a call comes from the server itself.
    const stranger = await Phone.open(port, 'transfer', 'guess', '127.0.0.3', '127.0.0.6')
    assert.equal((await stranger.call('+18005556422')).status, 403)
    await own.stop()
  })
})
