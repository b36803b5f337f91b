// Servers that are called over TLS: whose certificate they show, and what is said when none fits.
import assert from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls, createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { Peer, line } from '../e2e/peer.ts'
import { Strowger, freePort, join, until, usePostgres } from '../e2e/harness.ts'
import { field, sdp } from './sip_endpoint.ts'

const dir = mkdtempSync(join(tmpdir(), 'strowger-sip-tls-'))
const file = (name: string) => join(dir, name)
const SILENCE_MS = 4000 // after which a target that says nothing is passed over
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: dir })
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const makeCa = (name: string) =>
  openssl(
    ...['req', '-x509', ...key, '-keyout', `${name}.key`, '-out', `${name}.pem`],
    ...['-days', '30', '-subj', `/CN=The CA ${name}`],
  )

// ca "": its own key signs it. alone: the CA's certificate is not shown beside it.
interface Shown {
  ca?: string
  common?: string
  alternative?: string
  days?: number
  alone?: boolean
}

let made = 0
// The files NAME.key and NAME.pem, the latter with the CA's certificate behind it.
function makeCertificate({ ca = 'ca', common, alternative, days = 20, alone }: Shown): string {
  const name = `c${made++}`
  const extensions = alternative ? `subjectAltName=${alternative}\n` : ''
  writeFileSync(file(`${name}.ext`), `basicConstraints=CA:FALSE\n${extensions}`)
  const subject = common ? `/O=Test/CN=${common}` : '/O=Test'
  const request = ['-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject]
  openssl('req', ...key, ...request)
  const signer = ca
    ? ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial']
    : ['-signkey', `${name}.key`]
  const out = ['-days', String(days), '-extfile', `${name}.ext`, '-out', `${name}.pem`]
  openssl('x509', '-req', '-in', `${name}.csr`, ...signer, ...out)
  const text = (n: string) => readFileSync(file(`${n}.pem`), 'utf8')
  if (ca && !alone) writeFileSync(file(`${name}.pem`), text(name) + text(ca))
  return name
}

// A SIP server that answers 200 to all that it is asked over TLS.
class Gateway {
  requests: string[] = []
  connections = 0
  servername: unknown
  private constructor(private readonly server: Server) {}

  static async start(shown: Shown, options: TlsOptions = {}, port = 0): Promise<Gateway> {
    const name = makeCertificate(shown)
    const [ownKey, cert] = [readFileSync(file(`${name}.key`)), readFileSync(file(`${name}.pem`))]
    const server = createServer({ key: ownKey, cert, ...options }, (s) => g.serve(s))
    const g = new Gateway(server)
    server.on('tlsClientError', () => {})
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
    server.unref()
    return g
  }

  get port() {
    return (this.server.address() as AddressInfo).port
  }

  // The URI of a host that is found here; DNS is not asked.
  uri(host: string, user = '') {
    const found = host === '127.0.0.1' ? '' : ';maddr=127.0.0.1'
    return `sip:${user}${host}:${this.port};transport=tls${found}`
  }

  private serve(socket: TLSSocket) {
    let text = ''
    this.connections++
    this.servername = socket.servername
    socket.unref()
    socket.on('error', () => {})
    socket.on('data', (d) => {
      text += d
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; ) {
        const body = Number(/^Content-Length:\s*(\d+)/im.exec(text)?.[1] ?? 0)
        if (text.length < end + 4 + body) return
        this.answer(socket, text.slice(0, end + 4 + body))
        text = text.slice(end + 4 + body)
      }
    })
  }

  private answer(socket: TLSSocket, request: string) {
    this.requests.push(request)
    if (/^(ACK|SIP)/.test(request)) return
    const same = request.split('\r\n').filter((l) => /^(Via|From|To|Call-ID|CSeq):/.test(l))
    const lines = same.map((l) => (/^To:(?!.*tag=)/.test(l) ? `${l};tag=gw` : l))
    const contact = `Contact: <${this.uri('127.0.0.1', 'gw@')}>`
    const all = ['SIP/2.0 200 OK', ...lines, contact, 'Content-Length: 0', '', '']
    socket.write(all.join('\r\n'))
  }
}

describe('SIP servers over TLS', { skip: usePostgres }, () => {
  let s: Strowger, tlsPort: number
  before(async () => {
    for (const ca of ['ca', 'stranger']) makeCa(ca)
    const own = makeCertificate({ alternative: 'IP:127.0.0.1' })
    tlsPort = await freePort()
    const listeners = `udp:127.0.0.1:${await freePort()},tls:127.0.0.1:${tlsPort}`
    const certificate = ['--sip-certificate', file(`${own}.pem`), '--sip-key', file(`${own}.key`)]
    s = await Strowger.start(['--sip', listeners, ...certificate, '--sip-ca', file('ca.pem')])
    s.sip = Number(/udp:[^:]+:(\d+)/.exec(listeners)![1])
  })
  after(async () => {
    await s.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const trunk = (uri: string, fields: object = {}): Promise<{ id: string }> =>
    s.api('POST', '/trunks', { name: uri, outbound: { gateways: [{ uri }] }, ...fields })
  // What is known of the trunk's gateway once it was asked with OPTIONS.
  const status = async (t: { id: string }) =>
    until('the gateway to be asked', async () => {
      const { gateways } = await s.api('GET', `/trunks/${t.id}/status`)
      return gateways[0] && gateways[0].state !== 'unknown' && gateways[0]
    })
  const asked = async (g: Gateway, host: string) => status(await trunk(g.uri(host)))

  describe('the certificate is that of the host in the URI', () => {
    const cases: [string, Shown, string, RegExp?][] = [
      ['an IP address', { alternative: 'IP:127.0.0.1' }, '127.0.0.1'],
      ['an address among names', { alternative: 'DNS:a.example,IP:127.0.0.1' }, '127.0.0.1'],
      ['a common name alone', { common: '127.0.0.1' }, '127.0.0.1'],
      [
        'a DNS name with the digits of the address',
        { alternative: 'DNS:127.0.0.1' },
        '127.0.0.1',
        /^the certificate is for the DNS name 127\.0\.0\.1, not the address 127\.0\.0\.1$/,
      ],
      [
        'a common name beside a subjectAltName',
        { common: '127.0.0.1', alternative: 'DNS:a.example' },
        '127.0.0.1',
        /^the certificate is for a\.example, not the address 127\.0\.0\.1$/,
      ],
      [
        'another address',
        { alternative: 'IP:127.0.0.2' },
        '127.0.0.1',
        /^the certificate is for 127\.0\.0\.2, not the address 127\.0\.0\.1$/,
      ],
      ['a name in other case', { alternative: 'DNS:SIP.Example' }, 'sip.example'],
      ['a common name', { common: 'sip.example' }, 'sip.example'],
      ['a name with a final dot', { alternative: 'DNS:sip.example' }, 'sip.example.'],
      ['a wildcard', { alternative: 'DNS:*.pstn.example' }, 'eu1.pstn.example'],
      ['a SIP URI', { alternative: 'URI:sip:sip.example' }, 'sip.example'],
      [
        'a SIP URI with a user',
        { alternative: 'URI:sip:alice@sip.example' },
        'sip.example',
        /^the certificate is for sip:alice@sip\.example, not sip\.example$/,
      ],
      [
        'a wildcard for two labels',
        { alternative: 'DNS:*.pstn.example' },
        'a.eu1.pstn.example',
        /^the certificate is for \*\.pstn\.example, not a\.eu1\.pstn\.example$/,
      ],
      [
        'a wildcard within a label',
        { alternative: 'DNS:eu*.pstn.example' },
        'eu1.pstn.example',
        /^the certificate is for eu\*\.pstn\.example, not eu1\.pstn\.example$/,
      ],
      [
        'other names',
        { common: 'sip.example', alternative: 'DNS:other.example,DNS:b.example' },
        'sip.example',
        /^the certificate is for other\.example and b\.example, not sip\.example$/,
      ],
    ]
    for (const [what, shown, host, problem] of cases)
      test(`${what} ${problem ? 'does not count' : 'counts'}`, async () => {
        const g = await Gateway.start(shown)
        const seen = await asked(g, host)
        assert.equal(seen.state, problem ? 'down' : 'up', JSON.stringify(seen))
        if (problem) assert.match(seen.problem, problem)
        else assert.equal(seen.problem, null)
        assert.equal(seen.sip_status, problem ? null : 200)
        assert.equal(g.requests.length > 0, !problem, 'nothing is said to somebody else')
      })
  })

  test('a connection is used for a second name only if the certificate has that, too', async () => {
    const g = await Gateway.start({ alternative: 'DNS:a.example,DNS:b.example' })
    assert.equal((await asked(g, 'a.example')).state, 'up')
    assert.equal((await asked(g, 'b.example')).state, 'up')
    assert.equal(g.connections, 1)
    const seen = await asked(g, 'c.example')
    assert.equal(seen.state, 'down', JSON.stringify(seen))
    assert.match(seen.problem, /^the certificate is for a\.example and b\.example, not c\.example$/)
    assert.ok(g.requests.every((r) => !r.includes('c.example')))
  })

  test('the host name goes along in the handshake, an address does not', async () => {
    const g = await Gateway.start({ alternative: 'DNS:sip.example,IP:127.0.0.1' })
    await asked(g, 'sip.example.')
    assert.equal(g.servername, 'sip.example')
    const other = await Gateway.start({ alternative: 'IP:127.0.0.1' })
    await asked(other, '127.0.0.1')
    assert.equal(other.servername, false)
  })

  test('a BYE goes by the connection of the caller whose Contact nobody listens at', async () => {
    const number = '+18005557050', prompt = { text: 'One.' }
    const node = { id: 'p', type: 'play', config: { prompt } }
    const flow = await s.flow('speaks', [node], [['start', 'next', 'p']])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const ca = readFileSync(file('ca.pem'))
    const stream = connectTls({ host: '127.0.0.1', port: tlsPort, ca, servername: '' })
    const caller = line(stream, 200), closed = await freePort()
    const answers: string[] = []
    caller.on('message', (m) => answers.push(m.toString()))
    const send = (method: string, to: string, body: string) => {
      const lines = [
        `${method} sip:${number}@127.0.0.1:${tlsPort};transport=tls SIP/2.0`,
        `Via: SIP/2.0/TLS 127.0.0.1:${closed};branch=z9hG4bK${Math.random()}`,
        'Max-Forwards: 70',
        'From: <sip:+15125550123@127.0.0.1>;tag=caller',
        `To: ${to}`,
        'Call-ID: no-listener',
        `CSeq: 1 ${method}`,
        `Contact: <sip:caller@127.0.0.1:${closed};transport=tls>`,
        ...(body ? ['Content-Type: application/sdp'] : []),
        `Content-Length: ${body.length}`,
      ]
      stream.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
    }
    send('INVITE', `<sip:${number}@127.0.0.1>`, sdp(9))
    const ok = await until('the 200', () => answers.find((t) => t.startsWith('SIP/2.0 200')))
    send('ACK', field(ok, 'To'), '')
    await until('the BYE', () => caller.requests.some((r) => r.startsWith('BYE')))
    stream.destroy()
  })

  describe('why a server is not reached is said at once', () => {
    const address = { alternative: 'IP:127.0.0.1' }
    const gateway = async (shown: Shown, options?: TlsOptions) =>
      (await Gateway.start(shown, options)).port
    const bad = 'SIP/2.0 400 Bad Request\r\nContent-Length: 0\r\n\r\n'
    // A server without TLS.
    const tcp = async (serve: (socket: Socket) => void) => {
      const server = createTcpServer((socket) => {
        socket.on('error', () => {})
        serve(socket)
      })
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      server.unref()
      return (server.address() as AddressInfo).port
    }
    // A server that takes clients of another CA alone.
    const mutual = async (version: string) => {
      const name = makeCertificate(address), port = await freePort()
      const files = ['-cert', file(`${name}.pem`), '-key', file(`${name}.key`)]
      const asks = ['-Verify', '1', '-verify_return_error', '-CAfile', file('stranger.pem')]
      const args = ['s_server', '-accept', `127.0.0.1:${port}`, version, '-quiet', ...files]
      const child = spawn('openssl', [...args, ...asks], { stdio: ['pipe', 'ignore', 'ignore'] })
      servers.push(child)
      await until('the server to listen', () =>
        new Promise<boolean>((done) => {
          const c = connect(port, '127.0.0.1', () => done(!c.destroy().connecting))
          c.on('error', () => done(false))
        }),
      )
      return port
    }
    const servers: ChildProcess[] = []
    after(() => servers.forEach((child) => child.kill()))

    const cases: [string, () => Promise<number>, RegExp][] = [
      [
        'a certificate that expired',
        () => gateway({ ...address, days: -1 }),
        /^the certificate expired on \d{4}-\d\d-\d\d \d\d:\d\d UTC$/,
      ],
      [
        'a CA that is not known',
        () => gateway({ ...address, ca: 'stranger' }),
        /^the certificate is signed by The CA stranger, a CA that this server does not trust/,
      ],
      [
        'a CA that is not known and not shown',
        () => gateway({ ...address, ca: 'stranger', alone: true }),
        /^the certificate is signed by The CA stranger, a CA that this server does not trust/,
      ],
      [
        'a certificate that is its own CA',
        () => gateway({ ...address, ca: '' }),
        /^the certificate is self-signed, and this server does not trust it/,
      ],
      [
        'a certificate for another name',
        () => gateway({ alternative: 'DNS:other.example' }),
        /^the certificate is for other\.example, not the address 127\.0\.0\.1$/,
      ],
      [
        'no cipher in common',
        () => gateway(address, { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' }),
        /^the other side refuses the TLS handshake: handshake failure$/,
      ],
      [
        'no version of TLS in common',
        () =>
          gateway(address, {
            ...{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
            ciphers: 'DEFAULT@SECLEVEL=0',
          }),
        /^the other side refuses the TLS handshake: protocol version$/,
      ],
      [
        'a client certificate that is refused within the handshake',
        () => mutual('-tls1_2'),
        /^the other side refuses this server's certificate: unknown CA$/,
      ],
      [
        'a client certificate that is refused after the handshake',
        () => mutual('-tls1_3'),
        /^the other side refuses this server's certificate: unknown CA$/,
      ],
      [
        'a server without TLS',
        () => tcp((socket) => void socket.once('data', () => socket.write(bad))),
        /^the other side does not speak TLS on this port$/,
      ],
      [
        'a connection that is ended',
        () => tcp((socket) => void socket.end()),
        /^the other side ended the connection during the TLS handshake$/,
      ],
      [
        'a connection that is reset',
        () => tcp((socket) => void socket.once('data', () => socket.resetAndDestroy())),
        /^the other side ended the connection/,
      ],
      ['a port that nobody listens on', () => freePort(), /^the connection was refused$/],
    ]
    for (const [i, [what, serve, problem]] of cases.entries())
      test(what, async () => {
        const uri = `sip:gw@127.0.0.1:${await serve()};transport=tls`
        const t = await trunk(uri)
        const seen = await status(t)
        assert.equal(seen.state, 'down')
        assert.equal(seen.sip_status, null)
        assert.match(seen.problem, problem)
        const line = `trunk ${t.id}: the gateway ${uri} is not reached: ${seen.problem}`
        assert.ok(s.log.includes(line), s.log)

        const number = `+180055570${10 + i}`, next = await Peer.start()
        const plan = await s.plan(what, [{ uri }, { uri: next.uri }])
        await s.campaign(number, { routing_plan_id: plan.id })
        assert.equal((await s.call(number, ['--duration', '1'])).status, 200)
        const call = await s.lastCall((c) => c.number === number)
        const [first, second] = call.attempts
        assert.match(first.reason, problem)
        assert.deepEqual([first.outcome, first.sip_status], ['failed', null])
        assert.equal(second.outcome, 'answered')
        const took = Date.parse(first.ended_at) - Date.parse(first.started_at)
        assert.ok(took < SILENCE_MS, `${took} ms`)
        assert.ok(s.log.includes(`"127.0.0.1 is not reached: ${first.reason}"`), s.log)
      })

    test('the reason is gone once the server answers', async () => {
      const port = await freePort(), uri = `sip:127.0.0.1:${port};transport=tls`
      const t = await trunk(uri, { options_interval_seconds: 10 })
      assert.match((await status(t)).problem, /^the connection was refused$/)
      await Gateway.start(address, {}, port)
      await until('the gateway to be up', async () => (await status(t)).state === 'up')
      assert.equal((await status(t)).problem, null)
    })

    test('a server without a TLS listener of its own', async () => {
      const plain = await Strowger.start(), uri = 'sip:127.0.0.1:5061;transport=tls'
      const outbound = { gateways: [{ uri }] }
      const { id } = await plain.api('POST', '/trunks', { name: 'tls', outbound })
      const seen = await until('the reason', async () => {
        const { gateways } = await plain.api('GET', `/trunks/${id}/status`)
        return gateways[0]?.problem
      })
      assert.match(seen, /^this server has no TLS listener/)
      await plain.stop()
    })

    test('a registration that cannot be sent says why', async () => {
      const g = await Gateway.start({ alternative: 'DNS:other.example' })
      const t = await s.api('POST', '/trunks', {
        name: 'registers',
        options_interval_seconds: 0,
        outbound: {
          gateways: [{ uri: g.uri('127.0.0.1') }],
          register: true,
          username: 'a',
          password: 'a password',
        },
      })
      const seen = await until('the reason', async () => {
        const { gateways } = await s.api('GET', `/trunks/${t.id}/status`)
        return gateways[0]?.problem && gateways[0]
      })
      assert.match(seen.problem, /^the certificate is for other\.example/)
      assert.match(s.log, /not registered at \S+ \(0\): the certificate is for other\.example/)
      assert.equal(g.requests.length, 0)
    })
  })
})
