import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { connect, createServer, type TLSSocket } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Peer, line } from './peer.ts'
import { Strowger, binary, freePort, join, until, usePostgres } from './harness.ts'

const dir = mkdtempSync(join(tmpdir(), 'strowger-tls-'))
const file = (name: string) => join(dir, name)
const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe', cwd: dir })

// A CA, and certificates that it signs: the chain and the key in a file each.
function makeCa(name: string) {
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '30', '-subj', `/CN=${name}`)
}
function makeCertificate(name: string, ca: string, host: string, days = 20) {
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${host}`)
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${ca}.pem`, '-CAkey', `${ca}.key`, '-CAcreateserial', '-days', String(days), '-out', `${name}.pem`)
  writeFileSync(file(`${name}.chain`), readFileSync(file(`${name}.pem`)) + '' + readFileSync(file(`${ca}.pem`)))
}

// A gateway over TLS that answers whatever it is asked; what it was asked is kept.
class Gateway {
  requests: string[] = []
  port = 0
  private server?: ReturnType<typeof createServer>
  static async start(certificate: string): Promise<Gateway> {
    const g = new Gateway()
    g.server = createServer({ key: readFileSync(file(`${certificate}.key`)), cert: readFileSync(file(`${certificate}.chain`)) }, (socket) => g.serve(socket))
    g.server.on('tlsClientError', () => {})
    await new Promise<void>((done) => g.server!.listen(0, '127.0.0.1', done))
    g.port = (g.server.address() as AddressInfo).port
    g.server.unref()
    return g
  }

  private serve(socket: TLSSocket) {
    let text = ''
    socket.on('error', () => {})
    socket.unref()
    socket.on('data', (d) => {
      text += d
      for (let end; (end = text.indexOf('\r\n\r\n')) >= 0; ) {
        const whole = end + 4 + Number(/^Content-Length:\s*(\d+)/im.exec(text)?.[1] ?? 0)
        if (text.length < whole) return
        this.answer(socket, text.slice(0, whole))
        text = text.slice(whole)
      }
    })
  }

  private answer(socket: TLSSocket, request: string) {
    this.requests.push(request)
    if (/^(ACK|SIP)/.test(request)) return
    const sdp = request.startsWith('INVITE') ? 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n' : ''
    const copied = request.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/.test(l)).join('\r\n'), to = /^To:.*/m.exec(request)![0].trim()
    socket.write(`SIP/2.0 200 OK\r\n${copied}\r\n${to.includes('tag=') ? to : `${to};tag=gw`}\r\nContact: <sip:gw@127.0.0.1:${this.port};transport=tls>\r\n${sdp ? 'Content-Type: application/sdp\r\n' : ''}Content-Length: ${sdp.length}\r\n\r\n${sdp}`)
  }
}

describe('SIP over TLS', { skip: usePostgres }, () => {
  let s: Strowger
  let tls: number
  before(async () => {
    for (const ca of ['ca', 'stranger']) makeCa(ca)
    makeCertificate('first', 'ca', '127.0.0.1', 20)
    makeCertificate('second', 'ca', '127.0.0.1', 25)
    makeCertificate('gateway', 'ca', '127.0.0.1')
    makeCertificate('elsewhere', 'ca', 'elsewhere.example')
    makeCertificate('unknown', 'stranger', '127.0.0.1')
    use('first')
    tls = await freePort()
    const udp = await freePort()
    s = await Strowger.start(['--sip', `udp:127.0.0.1:${udp},tls:127.0.0.1:${tls}`, '--sip-certificate', file('live.pem'), '--sip-key', file('live.key'), '--sip-ca', file('ca.pem')])
    s.sip = udp
  })
  after(async () => {
    await s.stop()
    rmSync(dir, { recursive: true, force: true })
  })
  const use = (name: string) => {
    copyFileSync(file(`${name}.chain`), file('live.pem'))
    copyFileSync(file(`${name}.key`), file('live.key'))
  }
  // The serial number of the certificate that is shown, and whether the CA vouches for it.
  const shown = (options = {}): Promise<{ serial: string; socket: TLSSocket }> => new Promise((done, fail) => {
    const socket = connect({ host: '127.0.0.1', port: tls, ca: readFileSync(file('ca.pem')), servername: '', checkServerIdentity: () => undefined, ...options }, () => done({ serial: socket.getPeerCertificate().serialNumber, socket }))
    socket.on('error', fail)
    socket.unref()
  })
  const serial = (name: string) => openssl('x509', '-in', `${name}.pem`, '-noout', '-serial').toString().trim().replace('serial=', '')
  const ask = (socket: TLSSocket) => new Promise<string>((done) => {
    socket.once('data', (d) => done(d.toString()))
    socket.write(`OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK${Math.random()}\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n`)
  })

  test('a call comes in over TLS, its chain is shown, and TLS 1.1 is refused', async () => {
    const flow = await s.flow('Ends', [{ id: 'p', type: 'play', config: { prompt: { text: 'One two three four five.' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005558001', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const out = JSON.parse(execFileSync(binary, ['call', `sips:+18005558001@127.0.0.1:${tls}`, '--duration', '10'], { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } }).toString())
    assert.equal(out.status, 200)
    const { id } = await s.lastCall((c) => c.number === '+18005558001')
    const messages: { transport: string; local: string; method: string; text: string; sent: boolean }[] = await until('its messages', async () => {
      const { data } = await s.api('GET', `/calls/${id}/sip`)
      return data.some((m: { method: string; status: number }) => m.method === 'BYE' && m.status === 200) && data
    })
    assert.ok(messages.every((m) => m.transport === 'tls' && m.local === `127.0.0.1:${tls}`))
    assert.match(messages.find((m) => m.sent && m.text.startsWith('SIP/2.0 200'))!.text, new RegExp(`^Contact: <sip:127.0.0.1:${tls};transport=tls>`, 'm'))
    const { socket } = await shown()
    assert.ok(socket.authorized)
    assert.equal(socket.getPeerCertificate(true).issuerCertificate.subject.CN, 'ca')
    socket.destroy()
    await assert.rejects(shown({ maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' }))
  })

  test('a phone that registered over TLS is called by its connection', async () => {
    const target = await s.api('POST', '/targets', { name: 'eve', destination: { type: 'phone', username: 'eve', password: 'a good password' } })
    const plan = await s.api('POST', '/routing-plans', { name: 'eve', entries: [{ target_id: target.id, priority: 1 }], dial: { timeout_seconds: 10, max_attempts: 1 } })
    await s.campaign('+18005558020', { routing_plan_id: plan.id })
    const { socket: stream } = await shown(), socket = line(stream, 486), p = await Peer.start()
    assert.match(await p.register(tls, 'eve', 'a good password', { contact: 'sip:eve@10.77.0.11:5061;transport=tls', socket, transport: 'TLS' }), /^SIP\/2.0 200/)
    await s.call('+18005558020', ['--duration', '1'])
    assert.deepEqual((await s.lastCall((c) => c.number === '+18005558020')).attempts.map((a: any) => [a.outcome, a.sip_status]), [['busy', 486]])
    assert.match(socket.requests[0]!, /^INVITE sip:eve@10.77.0.11:5061;transport=tls /)
    stream.destroy()
  })

  test('a gateway is called over TLS only where its certificate is signed by whom we trust, and is its own', async () => {
    const gateways = { gateway: await Gateway.start('gateway'), elsewhere: await Gateway.start('elsewhere'), unknown: await Gateway.start('unknown') }
    for (const [name, g] of Object.entries(gateways)) {
      const number = `+180055580${10 + Object.keys(gateways).indexOf(name)}`
      await s.campaign(number, { routing_plan_id: (await s.plan(name, [{ uri: `sip:sales@127.0.0.1:${g.port};transport=tls`, timeout_seconds: 3 }])).id })
      const { status } = await s.call(number, ['--duration', '1'])
      const log = await s.lastCall((c) => c.number === number)
      assert.equal(log.attempts[0].outcome, name === 'gateway' ? 'answered' : 'failed', `${name}: ${JSON.stringify(log.attempts)}`)
      assert.equal(status === 200, name === 'gateway')
      const why = {
        gateway: /^null$/,
        elsewhere: /^the certificate is for elsewhere\.example, not the address 127/,
        unknown: /^the certificate is signed by stranger/,
      }
      assert.match(String(log.attempts[0].reason), why[name as keyof typeof why])
      assert.equal(g.requests.length > 0, name === 'gateway', 'nothing is said to somebody else')
    }
    assert.match(gateways.gateway.requests[0], /^INVITE sip:sales@[^]*^Via: SIP\/2.0\/TLS [^]*^Contact: <sip:127.0.0.1:\d+;transport=tls>/m)
    await until('the BYE over TLS', () => gateways.gateway.requests.some((r) => r.startsWith('BYE')))
  })

  test('a new certificate is taken on SIGHUP by new connections; those that are there go on; a broken one is not taken', async () => {
    const old = await shown()
    assert.equal(old.serial, serial('first'))
    const expiry = () => s.metric('strowger_sip_certificate_expiry_seconds')
    assert.equal(await expiry(), Date.parse(openssl('x509', '-in', 'first.pem', '-noout', '-enddate').toString().replace('notAfter=', '')) / 1000)
    use('second')
    s.child!.kill('SIGHUP')
    await until('the new certificate', async () => {
      const { serial: now, socket } = await shown()
      socket.destroy()
      return now === serial('second')
    })
    assert.equal(await expiry(), Date.parse(openssl('x509', '-in', 'second.pem', '-noout', '-enddate').toString().replace('notAfter=', '')) / 1000)
    assert.match(await ask(old.socket), /^SIP\/2.0 200/)
    copyFileSync(file('first.key'), file('live.key')) // and the second's certificate
    s.child!.kill('SIGHUP')
    await until('the refusal in the log', () => /certificate stays what it was: the key .*live\.key cannot be used for TLS: key values mismatch/.test(s.log))
    const still = await shown()
    assert.equal(still.serial, serial('second'))
    assert.match(await ask(still.socket), /^SIP\/2.0 200/)
  })

  test('what cannot be used is told at the start', () => {
    const serve = (...args: string[]) => spawnSync(binary, ['serve', '--data', s.data, '--http', '127.0.0.1:1', '--sip', 'tls:127.0.0.1:0', ...args], { env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } }).stderr.toString()
    assert.match(serve(), /the SIP listener tls:127\.0\.0\.1:0 needs --sip-certificate/)
    assert.match(serve('--sip-certificate', file('nothing.pem')), /the certificate .*nothing\.pem cannot be used for TLS: No such file/)
    assert.match(serve('--sip-certificate', file('first.chain'), '--sip-key', file('second.key')), /the key .*second\.key cannot be used for TLS: key values mismatch/)
    assert.match(serve('--sip-certificate', file('first.chain'), '--sip-key', file('first.key'), '--sip-ca', file('first.key')), /the CA file .*first\.key cannot be used/)
  })
})
