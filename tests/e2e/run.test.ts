// scripts/run, by itself and under make: it can be repeated, says what keeps it from working, and
// leaves no process behind.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { describe, test } from 'node:test'
import { binary, existsSync, freePort, join, root, until, usePostgres } from './harness.ts'

const environment = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }
const SERVING = 'Stop with Ctrl-C.'
const CALLING = 'Placing a demo call'

// Processes whose environment names the data directory: make, the script and what they started.
const processes = (data: string) =>
  readdirSync('/proc').filter((pid) => {
    try {
      const variables = readFileSync(`/proc/${pid}/environ`).toString().split('\0')
      return /^\d+$/.test(pid) && variables.includes(`STROWGER_DATA=${data}`)
    } catch {
      return false
    }
  })

class Run {
  out = ''
  err = ''
  ended: Promise<number | NodeJS.Signals>
  child: ChildProcess
  constructor(
    readonly data: string,
    readonly http: number,
    readonly sip: number,
    env: Record<string, string> = {},
    command = ['scripts/run'],
  ) {
    this.child = spawn(command[0]!, command.slice(1), {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...environment,
        STROWGER_BINARY: binary,
        STROWGER_DATA: data,
        STROWGER_HTTP: `127.0.0.1:${http}`,
        STROWGER_SIP: `udp:127.0.0.1:${sip},tcp:127.0.0.1:${sip}`,
        ...env,
      },
    })
    this.child.stdout!.on('data', (d) => (this.out += d))
    this.child.stderr!.on('data', (d) => (this.err += d))
    this.ended = new Promise((done) =>
      this.child.once('exit', (code, signal) => done(code ?? signal!)),
    )
    process.once('exit', () => this.signal('SIGKILL', 'group'))
  }

  static async start(data: string, env = {}, command?: string[]) {
    return new Run(data, await freePort(), await freePort(), env, command)
  }

  // The next run on the same data, with other ports.
  again(env = {}) {
    return Run.start(this.data, env)
  }

  says(text: string) {
    return until(
      `'${text}', not only:\n${this.out}${this.err}`,
      () => this.out.includes(text),
      90000,
    )
  }

  signal(name: NodeJS.Signals, to: 'process' | 'group') {
    try {
      process.kill(to === 'group' ? -this.child.pid! : this.child.pid!, name)
    } catch {
      /* it has ended */
    }
  }

  // It has ended, and nothing of it is left; that may take a server that drains a call a moment.
  async leavesNothing() {
    const code = await this.ended
    await until(`${processes(this.data)} to end`, () => !processes(this.data).length)
    return code
  }

  async api(method: string, path: string, body?: object) {
    const { api_key: key } = JSON.parse(readFileSync(join(this.data, 'init.json'), 'utf8'))
    const r = await fetch(`http://127.0.0.1:${this.http}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    })
    assert.ok(r.ok, `${method} ${path}: ${r.status}`)
    return r.status === 204 ? null : ((await r.json()) as any)
  }

  async has() {
    const kinds = [
      'trunks',
      'custom-tags',
      'call-flows',
      'campaigns',
      'numbers',
      'incoming-webhooks',
    ]
    const counts = kinds.map(async (k) => (await this.api('GET', `/${k}`)).data.length)
    return Promise.all(counts)
  }
}

const complete = [1, 2, 1, 1, 1, 1]
const newData = () => join(mkdtempSync(join(tmpdir(), 'strowger-run-')), 'demo')

// The program, with something else instead of a subcommand.
const wrapped = (data: string, cases: string) => {
  const file = `${data}.program`
  writeFileSync(file, `#!/bin/sh\ncase $1 in\n${cases}\nesac\nexec '${binary}' "$@"\n`)
  chmodSync(file, 0o755)
  return { STROWGER_BINARY: file }
}

describe('strowger init', () => {
  test('without a password file it says how to set a password, and that works', async () => {
    const data = newData(),
      http = await freePort(),
      email = 'owner@example.com'
    const args = ['init', '--data', data, '--organization', 'X', '--email', email]
    const init = spawnSync(binary, args, { env: environment, encoding: 'utf8' })
    assert.equal(init.status, 0)
    const made = JSON.parse(init.stdout)
    assert.deepEqual(Object.keys(made), ['organization_id', 'user_id', 'api_key'])
    assert.match(
      init.stderr,
      /^strowger: nobody can sign in to the portal as owner@example\.com until/,
    )
    const sip = `udp:127.0.0.1:${await freePort()}`,
      address = `127.0.0.1:${http}`
    const server = spawn(binary, ['serve', '--data', data, '--http', address, '--sip', sip], {
      env: environment,
      stdio: 'ignore',
    })
    process.once('exit', () => server.kill('SIGKILL'))
    const url = `http://${address}/api/v1`
    await until('the server', () =>
      fetch(`http://${address}/healthz`).then(
        (r) => r.ok,
        () => false,
      ),
    )
    const signIn = async (password: string) =>
      (
        await fetch(`${url}/session`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ email, password }),
        })
      ).status
    assert.equal(await signIn('correct horse battery'), 401)
    const file = join(data, '../password')
    writeFileSync(file, 'correct horse battery\n')
    const command = init.stderr
      .slice(init.stderr.indexOf('  strowger'))
      .replace('strowger', `'${binary}'`)
      .replace('FILE', `'${file}'`)
      .replace('URL', '"$STROWGER_DATABASE"')
    execFileSync('sh', ['-c', command], { stdio: 'ignore', env: environment })
    assert.equal(await signIn('correct horse battery'), 200)
    server.kill('SIGTERM')
    await new Promise((done) => server.once('exit', done))
    const quiet = [...args.with(2, `${data}-2`), '--password-file', file]
    assert.equal(spawnSync(binary, quiet, { env: environment, encoding: 'utf8' }).stderr, '')
  })
})

describe('scripts/run', { skip: usePostgres && 'its data is in SQLite', concurrency: 2 }, () => {
  test('a second run has other ports, the same data, and the webhook of its own port', async () => {
    const first = await Run.start(newData())
    await first.says(SERVING)
    assert.match(first.out, new RegExp(`POST http://127.0.0.1:${first.http}/call-data`))
    assert.match(first.out, /tags +\{.*'choice': 'sales in TX'/)
    first.signal('SIGINT', 'group')
    assert.equal(await first.leavesNothing(), 0)
    const second = await first.again()
    await second.says(SERVING)
    assert.match(second.out, new RegExp(`POST http://127.0.0.1:${second.http}/call-data`))
    assert.match(second.out, /tags +\{.*'choice': 'sales in TX'/)
    assert.deepEqual(await second.has(), complete)
    assert.equal((await second.api('GET', '/calls')).data.length, 2)

    const beside = await second.again()
    assert.equal(await beside.ended, 1)
    assert.match(
      beside.err,
      /^strowger: another make run \(process \d+\) uses .*: stop it, or .*\n$/,
    )
    second.signal('SIGTERM', 'process')
    assert.equal(await second.leavesNothing(), 0)
  })

  test('what is missing of the demo data is made, and nothing twice', async () => {
    const first = await Run.start(newData())
    await first.says(CALLING)
    const [[number], [campaign], [flow]] = await Promise.all(
      ['numbers', 'campaigns', 'call-flows'].map(
        async (k) => (await first.api('GET', `/${k}`)).data,
      ),
    )
    await first.api('DELETE', `/numbers/${number.id}`)
    await first.api('DELETE', `/campaigns/${campaign.id}`)
    await first.api('DELETE', `/call-flows/${flow.id}`)
    const { name, draft } = flow
    const made = await first.api('POST', '/call-flows', { name, draft }) // and not published
    first.signal('SIGKILL', 'process')
    await first.leavesNothing()
    const second = await first.again({ STROWGER_RUN_ONCE: '1' })
    assert.equal(await second.leavesNothing(), 0, second.err)
    assert.match(second.out, /tags +\{.*'choice': 'sales in TX'/)
    const third = await second.again()
    await third.says(CALLING)
    assert.deepEqual(await third.has(), complete)
    assert.equal((await third.api('GET', `/call-flows/${made.id}`)).published_version, 1)
    third.signal('SIGINT', 'process')
    assert.equal(await third.leavesNothing(), 0)
  })

  test('a run that is interrupted at any moment is completed by the next', async () => {
    const data = newData()
    let n = 0
    for (const [ms, signal, to] of [
      [60, 'SIGINT', 'group'],
      [120, 'SIGKILL', 'process'],
      [180, 'SIGTERM', 'group'],
      [260, 'SIGHUP', 'process'],
      [350, 'SIGKILL', 'process'],
      [500, 'SIGINT', 'process'],
      [700, 'SIGHUP', 'group'],
      [1000, 'SIGKILL', 'process'],
      [1400, 'SIGTERM', 'process'],
      [1900, 'SIGINT', 'group'],
      [2500, 'SIGKILL', 'process'],
      [4000, 'SIGINT', 'group'],
    ] as [number, NodeJS.Signals, 'process' | 'group'][]) {
      const r = await Run.start(data)
      setTimeout(() => r.signal(signal, to), ms)
      const code = await r.leavesNothing()
      if (code === signal) continue // killed, or before the script could say what signals do
      assert.deepEqual([code, r.err], [0, ''], `${signal} after ${ms} ms`)
      n++
    }
    const last = await Run.start(data)
    await last.says(CALLING)
    assert.deepEqual(await last.has(), complete, `after ${n} endings`)
    last.signal('SIGINT', 'process')
    assert.equal(await last.leavesNothing(), 0)
    assert.ok(
      !readdirSync(data).some((f) => /unfinished|init\.new/.test(f)),
      `${readdirSync(data)}`,
    )
  })

  test('an init that is interrupted before or after its work is done again', async () => {
    for (const during of [
      'kill -INT $PPID; sleep 5', // nothing done
      `'${binary}' "$@" >/dev/null; kill -INT $PPID; sleep 5`, // the key was made and not told
      `mkdir -p "$3"; head -c 32 /dev/urandom >"$3/secret.key"; kill -KILL $PPID; sleep 5`,
    ]) {
      const data = newData()
      mkdirSync(data)
      const r = await Run.start(data, wrapped(data, `init) ${during} ;;`))
      await r.leavesNothing()
      assert.ok(!existsSync(join(data, 'secret.key')))
      const next = await r.again()
      await next.says(CALLING)
      assert.deepEqual(await next.has(), complete)
      next.signal('SIGTERM', 'group')
      assert.equal(await next.leavesNothing(), 0)
    }
  })

  test('data without its key written down is set aside, foreign data is not touched', async () => {
    const data = newData(),
      init = ['init', '--data', data, '--organization', 'X', '--email', 'x@example.com']
    execFileSync(binary, init, { stdio: 'ignore', env: environment })
    const foreign = await Run.start(data)
    assert.equal(await foreign.leavesNothing(), 1)
    assert.match(
      foreign.err,
      /^strowger: .* has a Strowger that make run did not make: choose .*\n$/,
    )
    writeFileSync(join(data, 'password'), 'strowger-demo\n')
    writeFileSync(join(data, 'init.json'), '')
    const r = await Run.start(data)
    await r.says(CALLING)
    assert.ok(existsSync(join(data, 'unfinished-1/secret.key')))
    assert.deepEqual(await r.has(), complete)
    r.signal('SIGINT', 'group')
    assert.equal(await r.leavesNothing(), 0)
  })

  test('a busy port is named in one line, also one that accepts and never answers', async () => {
    const silent = createServer(() => {})
    await new Promise<void>((done) => silent.listen(0, '127.0.0.1', done))
    const taken = (silent.address() as { port: number }).port
    const udp = createSocket('udp4')
    await new Promise<void>((done) => udp.bind(0, '127.0.0.1', done))
    const udpTaken = udp.address().port
    const data = newData()
    for (const [http, sip, what] of [
      [taken, await freePort(), `HTTP port ${taken}`],
      [await freePort(), taken, `SIP port ${taken} .tcp`],
      [await freePort(), udpTaken, `SIP port ${udpTaken} .udp`],
    ] as const) {
      const r = new Run(data, http, sip)
      assert.equal(await r.leavesNothing(), 1)
      assert.match(
        r.err,
        new RegExp(`^strowger: the ${what}.* is in use .*: stop it, or choose.*\n$`),
      )
      assert.equal(r.out, '')
    }
    silent.close()
    udp.close()
  })

  test('a server of an earlier run that still uses the data is named', async () => {
    const first = await Run.start(newData())
    await first.says(CALLING)
    first.signal('SIGINT', 'group')
    await first.leavesNothing()
    const args = ['serve', '--data', first.data, '--http', `127.0.0.1:${await freePort()}`]
    const left = spawn(binary, [...args, '--sip', `udp:127.0.0.1:${await freePort()}`], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: environment,
    })
    process.once('exit', () => left.kill('SIGKILL'))
    let log = ''
    left.stderr.on('data', (d) => (log += d))
    await until('it to serve', () => log.includes('serving'))
    const second = await first.again()
    assert.equal(await second.ended, 1)
    assert.match(
      second.err,
      new RegExp(`^strowger: another server .process ${left.pid}. uses .*\n$`),
    )
    left.kill('SIGTERM')
    await new Promise((done) => left.once('exit', done))
  })

  test('a server that ends by itself ends the script', async () => {
    const dead = newData()
    mkdirSync(dead)
    const r = await Run.start(
      dead,
      wrapped(dead, 'serve) echo "strowger: no memory" >&2; exit 1 ;;'),
    )
    assert.equal(await r.leavesNothing(), 1)
    const killed = await Run.start(newData())
    await killed.says(SERVING)
    const isServer = (pid: string) => readFileSync(`/proc/${pid}/cmdline`).includes('\0serve\0')
    process.kill(Number(processes(killed.data).find(isServer)), 'SIGKILL')
    assert.equal(await killed.leavesNothing(), 1)
    assert.match(killed.err, /^strowger: the server ended with -9; see .*strowger.log\n$/)
  })

  const make = ['make', '-s', '-o', 'build', 'run', 'SKIP_INSTALL=1'] // without building
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    for (const [name, to, command] of [
      ['the script', 'process', undefined],
      ['its process group', 'group', undefined],
      ['make', 'process', make],
      ['the process group of make', 'group', make],
    ] as [string, 'process' | 'group', string[] | undefined][])
      test(`${signal} to ${name} in the demo call ends everything`, async () => {
        const r = await Run.start(newData(), {}, command)
        await r.says(CALLING)
        await until(
          'the call',
          async () => (await r.api('GET', '/calls?status=active')).data.length,
        )
        r.signal(signal, to)
        const code = await r.leavesNothing()
        assert.ok(command || code === 0, `${code}: ${r.err}`)
        assert.ok(command || !r.err, r.err)
      })
  }

  test('make that gets a signal while it serves ends everything', async () => {
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const r = await Run.start(newData(), {}, make)
      await r.says(SERVING)
      r.signal(signal, 'process')
      await r.leavesNothing()
    }
  })

  test('a reader that goes away ends everything', async () => {
    const r = await Run.start(newData())
    await r.says(CALLING)
    r.child.stdout!.destroy()
    assert.equal(await r.leavesNothing(), 1)
  })
})
