// Starts the built program on free loopback ports with a data directory of its own.
import { spawn, execFileSync, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync, existsSync, readFileSync, chmodSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { connect, createServer as createTcp, type AddressInfo, type Socket } from 'node:net'
import { createSocket } from 'node:dgram'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

export const root = resolve(import.meta.dirname, '../..')
export const binary = process.env.STROWGER_BINARY ?? join(root, 'build/asan/strowger')
export const usePostgres = process.env.STROWGER_TEST_DATABASE === 'postgres'
export const useRtpengine = process.env.STROWGER_TEST_MEDIA === 'rtpengine'

export const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms))

export async function until<T>(what: string, f: () => Promise<T | undefined | false | null> | T | undefined | false | null, ms = 20000): Promise<T> {
  const end = Date.now() + ms
  for (;;) {
    const value = await f()
    if (value) return value as T
    if (Date.now() > end) throw new Error(`waited ${ms} ms for ${what}`)
    await sleep(30)
  }
}

export async function freePort(): Promise<number> {
  for (;;) {
    const tcp = createTcp()
    await new Promise<void>((r) => tcp.listen(0, '127.0.0.1', r))
    const { port } = tcp.address() as AddressInfo
    const udp = createSocket('udp4')
    const ok = await new Promise<boolean>((r) => udp.once('error', () => r(false)).bind(port, '127.0.0.1', () => r(true)))
    await new Promise<void>((r) => tcp.close(() => r()))
    if (ok) await new Promise<void>((r) => udp.close(() => r()))
    if (ok && port > 1024) return port
  }
}

// One PostgreSQL for a test process, in a temporary folder; its files' owner must not be root.
let cluster: Promise<{ url: (name: string) => string; stop: () => void }> | undefined

export async function startPostgres() {
  const dir = mkdtempSync(join(tmpdir(), 'strowger-pg-'))
  const bin = execFileSync('sh', ['-c', 'ls -d /usr/lib/postgresql/*/bin | tail -1']).toString().trim()
  const port = await freePort()
  chmodSync(dir, 0o777)
  const isRoot = process.getuid?.() === 0
  const run = (command: string) => execFileSync(isRoot ? 'runuser' : 'sh', isRoot ? ['-u', 'postgres', '--', 'sh', '-c', command] : ['-c', command], { stdio: 'pipe' })
  run(`${bin}/initdb -D ${dir}/data -A trust -U postgres --no-sync >/dev/null`)
  run(`${bin}/pg_ctl -D ${dir}/data -w -l ${dir}/log -o "-p ${port} -k ${dir} -c listen_addresses=127.0.0.1 -c max_connections=100" start >/dev/null`)
  const stop = () => {
    try {
      run(`${bin}/pg_ctl -D ${dir}/data -m immediate stop >/dev/null`)
    } catch {
      /* it is gone already */
    }
    rmSync(dir, { recursive: true, force: true })
  }
  process.once('exit', stop)
  const url = (name: string) => {
    run(`${bin}/createdb -h 127.0.0.1 -p ${port} -U postgres ${name}`)
    return `postgres://postgres@127.0.0.1:${port}/${name}`
  }
  return { url, stop }
}

let databases = 0

// Kamailio with the configuration of deploy/, in front of the server that listens there.
export class Edge {
  wss = 0
  sip = 0
  log = ''
  child!: ChildProcess

  static async start(strowger: number): Promise<Edge> {
    const e = new Edge(), dir = mkdtempSync(join(tmpdir(), 'strowger-edge-'))
    e.wss = await freePort()
    e.sip = await freePort()
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', join(dir, 'key.pem'), '-out', join(dir, 'certificate.pem'), '-days', '2', '-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' })
    const defined = { EDGE_SIP: `udp:127.0.0.1:${e.sip}`, EDGE_WSS: `tls:127.0.0.1:${e.wss}`, STROWGER_SIP: `"127.0.0.1:${strowger}"`, EDGE_CERTIFICATE: `"${join(dir, 'certificate.pem')}"`, EDGE_KEY: `"${join(dir, 'key.pem')}"` }
    e.child = spawn('kamailio', ['-f', join(root, 'deploy/kamailio/kamailio.cfg'), '-DD', '-E', '-Y', dir, ...Object.entries(defined).flatMap(([k, v]) => ['-A', `${k}=${v}`])], { stdio: ['ignore', 'ignore', 'pipe'] })
    e.child.stderr!.on('data', (d) => (e.log += d))
    process.once('exit', () => e.stop())
    await until('the edge', () => {
      if (e.child.exitCode !== null) throw new Error(`kamailio ended:\n${e.log}`)
      return new Promise<boolean>((done) => connect(e.wss, '127.0.0.1').once('connect', function (this: Socket) { this.destroy(); done(true) }).once('error', () => done(false)))
    })
    return e
  }

  get url() {
    return `wss://127.0.0.1:${this.wss}`
  }

  stop() {
    this.child.kill('SIGTERM')
  }
}

// An rtpengine as Debian packages it, in user space; one for a test process.
export class Rtpengine {
  port = 0
  child!: ChildProcess
  log = ''
  private static shared?: Promise<Rtpengine>
  static one() {
    return (this.shared ??= this.start())
  }

  static async start(port?: number): Promise<Rtpengine> {
    const r = new Rtpengine()
    r.port = port ?? (await freePort())
    const low = 40000 + (process.pid % 40) * 500
    r.child = spawn('rtpengine', ['--foreground', '--config-file=none', '--table=-1', '--interface=127.0.0.1', '--interface=::1', `--listen-ng=127.0.0.1:${r.port}`, `--port-min=${low}`, `--port-max=${low + 499}`, '--log-level=6', '--log-stderr'], { stdio: ['ignore', 'ignore', 'pipe'] })
    r.child.stderr!.on('data', (d) => (r.log += d))
    process.once('exit', () => r.child.kill('SIGKILL'))
    const socket = createSocket('udp4')
    try {
      let there = false
      socket.on('message', () => (there = true))
      socket.on('error', () => {})
      await until('rtpengine', async () => {
        socket.send('1 d7:command4:pinge', r.port, '127.0.0.1')
        await sleep(50)
        return there
      })
    } finally {
      socket.close()
    }
    return r
  }

  get media() {
    return ['--media', `rtpengine:127.0.0.1:${this.port}`]
  }

  stop() {
    this.child.kill('SIGKILL')
  }
}

export interface Problem {
  status: number
  title: string
  errors?: { pointer: string; detail: string }[]
}

process.setMaxListeners(100)

export class Strowger {
  data: string
  key = ''
  http = 0
  sip = 0
  database?: string
  child?: ChildProcess
  log = ''
  extra: string[] = []
  privateDestinations = true
  resolver = ''

  private constructor(public readonly dir: string) {
    this.data = join(dir, 'data')
  }

  // dir: where its files are, a temporary directory otherwise. resolver: what it finds as /etc/resolv.conf.
  static async start(extra: string[] = [], dir = mkdtempSync(join(tmpdir(), 'strowger-test-')), privateDestinations = true, resolver = ''): Promise<Strowger> {
    const s = new Strowger(dir)
    s.extra = extra
    s.resolver = resolver
    s.privateDestinations = privateDestinations
    if (usePostgres) {
      cluster ??= startPostgres()
      s.database = (await cluster).url(`t${process.pid}_${databases++}`)
    }
    writeFileSync(join(s.dir, 'password'), 'correct horse battery\n')
    const made = s.run(['init', '--data', s.data, '--organization', 'Test', '--email', 'owner@example.com', '--password-file', join(s.dir, 'password'), ...s.databaseFlag()])
    s.key = JSON.parse(made).api_key
    s.http = await freePort()
    s.sip = await freePort()
    await s.serve()
    return s
  }

  databaseFlag() {
    return this.database ? ['--database', this.database] : []
  }

  run(args: string[]): string {
    return execFileSync(binary, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } }).toString()
  }

  // Another server on the same database, with ports of its own. It is not waited for.
  async beside(extra: string[] = []): Promise<Strowger> {
    const other = new Strowger(this.dir)
    Object.assign(other, { key: this.key, database: this.database, extra: [...this.extra, ...extra], http: await freePort(), sip: await freePort() })
    await other.launch()
    return other
  }

  async serve() {
    await this.launch()
    await until('the server to answer', async () => {
      if (this.child!.exitCode !== null) throw new Error(`serve ended:\n${this.log}`)
      return this.answers()
    })
  }

  answers(): Promise<boolean> {
    return fetch(`${this.url}/healthz`).then((r) => r.ok, () => false)
  }

  private async launch() {
    const args = ['serve', '--data', this.data, '--http', `127.0.0.1:${this.http}`, '--sip', `udp:127.0.0.1:${this.sip},tcp:127.0.0.1:${this.sip}`,
      '--rtp-ports', await this.rtpPorts(), ...(this.privateDestinations ? ['--allow-private-destinations'] : []), '--drain-seconds', '1', ...this.databaseFlag(), ...(useRtpengine ? (await Rtpengine.one()).media : []), ...this.extra]
    // The libraries keep caches for ever that LeakSanitizer calls leaks; what is ours is counted by /metrics.
    const command = this.resolver ? ['unshare', '--mount', 'sh', '-c', 'mount --bind "$0" /etc/resolv.conf && exec "$@"', this.resolver, binary] : [binary]
    this.child = spawn(command[0]!, [...command.slice(1), ...args], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0:abort_on_error=1', UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' } })
    this.child.stderr!.on('data', (d) => (this.log += d))
    const { child } = this
    process.once('exit', () => child.kill('SIGKILL'))
  }

  private range?: string
  async rtpPorts() {
    this.range ??= await (async () => {
      // Below the ports that the kernel gives to callers and targets (from 32768 on).
      const low = 10000 + (process.pid % 40) * 400 + Math.floor(Math.random() * 14) * 400
      return `${low}-${low + 399}`
    })()
    return this.range
  }

  get url() {
    return `http://127.0.0.1:${this.http}`
  }

  async raw(method: string, path: string, body?: unknown, headers: Record<string, string> = {}, key = this.key): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { ...(key ? { authorization: `Bearer ${key}` } : {}), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    })
  }

  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async api(method: string, path: string, body?: unknown, key = this.key): Promise<any> {
    const r = await this.raw(method, `/api/v1${path}`, body, {}, key)
    const text = await r.text()
    if (!r.ok) throw Object.assign(new Error(`${method} ${path}: ${r.status} ${text}`), { status: r.status, body: text ? JSON.parse(text) : null })
    return text ? JSON.parse(text) : null
  }

  // Headers of a portal session, of the owner or of somebody else.
  async session(
    email = 'owner@example.com',
    password = 'correct horse battery',
  ): Promise<Record<string, string>> {
    const login = await this.raw('POST', '/api/v1/session', { email, password }, {}, '')
    if (!login.ok) throw new Error(`sign in as ${email}: ${login.status} ${await login.text()}`)
    const { csrf_token } = (await login.json()) as { csrf_token: string }
    return { cookie: login.headers.get('set-cookie')!.split(';')[0]!, 'x-csrf-token': csrf_token }
  }

  private owner?: Promise<Record<string, string>>
  // As api(), by a session of the owner: API keys do not change users.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  async asOwner(method: string, path: string, body?: unknown): Promise<any> {
    const r = await this.raw(method, `/api/v1${path}`, body, await (this.owner ??= this.session()), '')
    const text = await r.text()
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${text}`)
    return text ? JSON.parse(text) : null
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text()
    return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  }

  // The test caller; resolves with its JSON when the call is over.
  call(number: string, args: string[] = []): Promise<{ status: number; answered: boolean; duration_ms: number; dtmf_sent: number }> {
    return new Promise((done, fail) => {
      const p = spawn(binary, ['call', `sip:${number}@127.0.0.1:${this.sip}`, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
      let out = ''
      let err = ''
      p.stdout.on('data', (d) => (out += d))
      p.stderr.on('data', (d) => (err += d))
      p.on('close', () => {
        try {
          done(JSON.parse(out))
        } catch {
          fail(new Error(`strowger call printed '${out}' ${err}`))
        }
      })
    })
  }

  async lastCall(filter: (c: any) => boolean = () => true): Promise<any> {
    const call = await until('the call in the log', async () => (await this.api('GET', '/calls')).data.find((c: any) => c.status !== 'active' && filter(c)))
    return this.api('GET', `/calls/${call.id}`)
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL') {
    const child = this.child!
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((r) => child.once('exit', r))
    child.kill(signal)
    await ended
    const report = /^.*(ThreadSanitizer|AddressSanitizer|runtime error:)[^]*/m.exec(this.log) // also of one that is killed with SIGKILL
    if (report) throw new Error(report[0].slice(0, 6000))
  }

  async stop() {
    await this.kill('SIGTERM')
    const { exitCode, signalCode } = this.child!
    rmSync(this.dir, { recursive: true, force: true })
    if (exitCode !== 0) throw new Error(`serve ended with ${exitCode ?? signalCode}:\n${this.log.split('\n').slice(-60).join('\n')}`)
  }

  // What most tests start from: a trunk for loopback and a campaign with a number.
  async campaign(number: string, fields: Record<string, unknown>) {
    const trunks = (await this.api('GET', '/trunks')).data
    if (!trunks.some((t: any) => t.name === 'loopback')) await this.api('POST', '/trunks', { name: 'loopback', inbound: { allowed_addresses: ['127.0.0.1'] } })
    const campaign = await this.api('POST', '/campaigns', { name: `Campaign ${number}`, ...fields })
    await this.api('POST', '/numbers', { number, campaign_id: campaign.id })
    return campaign
  }

  async flow(name: string, nodes: object[], edges: [string, string, string][], rest: object = {}) {
    const draft = { nodes: [{ id: 'start', type: 'start' }, ...nodes], edges: edges.map(([from, port, to]) => ({ from, port, to })), ...rest }
    const flow = await this.api('POST', '/call-flows', { name, draft })
    await this.api('POST', `/call-flows/${flow.id}/publish`, { note: 'test' })
    return flow
  }

  // All calls that are on, also one that began so lately that no list has it.
  async hangUp() {
    await until('all calls to be over', async () => {
      const { data } = await this.api('GET', '/calls?status=active')
      for (const c of data) await this.raw('POST', `/api/v1/calls/${c.id}/hangup`) // 409 where it has just ended
      return !data.length && (await this.metric('strowger_calls_active')) === 0
    })
  }

  async plan(name: string, targets: { uri: string; filter?: object; timeout_seconds?: number; [k: string]: unknown }[], dial: object = { timeout_seconds: 20, max_attempts: 10 }) {
    const entries = []
    for (const [i, { uri, ...rest }] of targets.entries()) {
      const t = await this.api('POST', '/targets', { name: `${name} ${i}`, destination: { type: 'sip', uri }, ...rest })
      entries.push({ target_id: t.id, priority: i + 1 })
    }
    return this.api('POST', '/routing-plans', { name, entries, dial })
  }
}

// A target played by sipp from a scenario in tests/sip/.
export class Sipp {
  child!: ChildProcess
  port = 0
  out = ''
  uri = ''
  static async answer(scenario: string, args: string[] = []): Promise<Sipp> {
    for (let tries = 0; ; tries++) {
      const s = new Sipp()
      s.port = await freePort()
      s.uri = `sip:agent@127.0.0.1:${s.port}`
      const media = (await freePort()) & ~1
      s.child = spawn('sipp', ['-sf', join(root, 'tests/sip', scenario), '-i', '127.0.0.1', '-p', String(s.port), '-mi', '127.0.0.1', '-mp', String(media), '-nostdin', '-m', '1000', '-timeout', '200s', ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() })
      s.child.stdout!.on('data', (d) => (s.out += d))
      s.child.stderr!.on('data', (d) => (s.out += d))
      process.once('exit', () => s.child.kill('SIGKILL')) // a test that failed stops nothing itself
      await sleep(300)
      if (s.child.exitCode === null) return s
      if (tries === 3) throw new Error(`sipp does not answer: ${s.out.slice(-2000)}`) // else another test took a port meanwhile
    }
  }

  stop() {
    this.child.kill('SIGKILL')
  }
}

// sipp as caller; resolves with its exit code (0: the scenario went as written).
export async function sippCall(scenario: string, s: Strowger, number: string, args: string[] = [], host = '127.0.0.1'): Promise<{ code: number; out: string }> {
  for (let tries = 0; ; tries++) {
    const r = await sippOnce(scenario, s, number, [...(args.includes('-p') ? [] : ['-p', String(await freePort())]), ...args], host)
    if (r.code !== 254 || tries === 3) return r // 254: another test took a port meanwhile, and sipp never began
  }
}

async function sippOnce(scenario: string, s: Strowger, number: string, args: string[], host: string): Promise<{ code: number; out: string }> {
  const media = await freePort()
  return new Promise((done) => {
    const child = spawn('sipp', [`127.0.0.1:${s.sip}`, '-sf', join(root, 'tests/sip', scenario), '-i', host, '-mi', '127.0.0.1', '-mp', String(media - (media % 2)), '-s', number, '-nostdin', '-m', '1', '-timeout', '60s', ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd: tmpdir() })
    let out = ''
    child.stdout.on('data', (d) => (out += d))
    child.stderr.on('data', (d) => (out += d))
    child.on('close', (code) => done({ code: code ?? -1, out: out.slice(-3000) }))
  })
}

export interface Received {
  method: string
  path: string
  headers: IncomingMessage['headers']
  body: string
  at: number
}

// A real HTTP receiver; answer decides each response.
type Answer = { status?: number; body?: string | Buffer; delay_ms?: number; headers?: Record<string, string> }

export class Receiver {
  requests: Received[] = []
  server!: Server
  port = 0
  static async start(answer: (r: Received, n: number) => Answer | Promise<Answer> = () => ({})): Promise<Receiver> {
    const r = new Receiver()
    r.server = createServer((req, res) => {
      let body = ''
      req.on('data', (d) => (body += d))
      req.on('end', async () => {
        const got = { method: req.method!, path: req.url!, headers: req.headers, body, at: Date.now() }
        r.requests.push(got)
        const a = await answer(got, r.requests.length)
        if (a.delay_ms) await sleep(a.delay_ms)
        res.writeHead(a.status ?? 200, { 'content-type': 'application/json', ...a.headers })
        res.end(a.body ?? '{}')
      })
    })
    await new Promise<void>((done) => r.server.listen(0, '127.0.0.1', done))
    r.port = (r.server.address() as AddressInfo).port
    return r
  }

  get url() {
    return `http://127.0.0.1:${this.port}`
  }

  stop() {
    this.server.closeAllConnections()
    this.server.close()
  }
}

export { existsSync, readFileSync, join }
