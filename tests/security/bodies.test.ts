// What strangers can make the server hold: bodies, and connections.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'

const MB = 1024 * 1024

// A connection whose answer is gathered as text.
class Raw {
  socket!: Socket
  answer = ''
  closed = false
  static async open(s: Strowger, localAddress = '127.0.0.1'): Promise<Raw> {
    const raw = new Raw()
    raw.socket = connect({ port: s.http, host: '127.0.0.1', localAddress })
    raw.socket.on('data', (d) => (raw.answer += d))
    raw.socket.on('error', () => {})
    raw.socket.on('close', () => (raw.closed = true))
    await new Promise((r) => raw.socket.once('connect', r))
    return raw
  }

  // Resolves when the kernel has it.
  send(data: string | Buffer): Promise<void> {
    return new Promise((r) => void this.socket.write(data, () => r()))
  }

  status(): Promise<number> {
    return until('an answer', () => Number(/^HTTP\/1\.1 (\d+)/.exec(this.answer)?.[1]) || null)
  }
}

function memory(s: Strowger): number {
  const text = readFileSync(`/proc/${s.child!.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(text)![1]) / 1024
}

const head = (method: string, path: string, length: number, key: string) =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n` +
  `Content-Type: application/json\r\n${key ? `Authorization: Bearer ${key}\r\n` : ''}\r\n`

describe('bodies', () => {
  let s: Strowger
  let analyst: string
  before(async () => {
    s = await Strowger.start()
    analyst = (await s.api('POST', '/api-keys', { name: 'a', role: 'analyst' })).key
  })
  after(() => s.stop())

  // Bodies but for their last byte, all at once.
  const unfinished = async (count: number, method: string, path: string, key: string, mb: number) => {
    const piece = Buffer.alloc(mb * MB - 1, 32)
    const all = await Promise.all(Array.from({ length: count }, () => Raw.open(s)))
    await Promise.all(
      all.map(async (raw) => {
        await raw.send(head(method, path, mb * MB, key))
        await raw.send(piece)
      }),
    )
    return all
  }

  test('nothing is kept of what comes without a key, or with one that may not', async () => {
    const before = memory(s)
    const cases: [string, string, string, number][] = [
      ['PUT', '/api/v1/prompts/x/audio', '', 401],
      ['PUT', '/api/v1/prompts/x/audio', 'sk_wrong', 401],
      ['PUT', '/api/v1/prompts/x/audio', analyst, 403],
      ['POST', '/api/v1/nothing', s.key, 404],
      ['POST', '/api/v1/session', '', 413],
      ['POST', '/call-data?key=iwk_wrong', '', 401],
    ]
    const opened = await Promise.all(cases.map(([m, p, k]) => unfinished(1, m, p, k, 19)))
    assert.ok(memory(s) - before < 60, `${before} MB, then ${memory(s)} MB`)
    for (const [i, all] of opened.entries())
      for (const raw of all) {
        await raw.send('x')
        assert.equal(await raw.status(), cases[i]![3], cases[i]!.join(' '))
        raw.socket.destroy()
      }
  })

  test('a client that waits before its body is refused before it', async () => {
    for (const [path, key, status] of [
      ['/api/v1/buyers', '', 401],
      ['/api/v1/buyers', analyst, 403],
    ] as const) {
      const raw = await Raw.open(s)
      const text = head('POST', path, 100, key).replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n')
      await raw.send(text)
      assert.equal(await raw.status(), status)
      raw.socket.destroy()
    }
  })

  test('a body of 64 KB is taken from anybody, and a larger one once the key is known', async () => {
    const { key } = await s.api('POST', '/incoming-webhooks', { name: 'Large' })
    const note = 'n'.repeat(100 * 1024)
    const data = { caller_id: '+15125550142', note }
    const inUrl = await s.raw('POST', `/call-data?key=${key}`, data, {}, '')
    assert.equal(inUrl.status, 200)
    assert.equal((await s.raw('POST', '/call-data', data, {}, key)).status, 200)
    const inBody = await s.raw('POST', '/call-data', { ...data, key }, {}, '')
    assert.equal(inBody.status, 413)
    assert.match(((await inBody.json()) as { detail: string }).detail, /with the key in the URL/)
    const small = { ...data, note: 'n'.repeat(50 * 1024), key }
    assert.equal((await s.raw('POST', '/call-data', small, {}, '')).status, 200)
    const wrong = await s.raw('POST', `/call-data?key=${key}x`, data, {}, '')
    assert.equal(wrong.status, 401)
  })

  test('all bodies together take bounded memory; who comes too late is asked to try again', async () => {
    const held = await unfinished(7, 'PUT', '/api/v1/prompts/x/audio', s.key, 20)
    const late = await s.raw('PUT', '/api/v1/prompts/x/audio', ' '.repeat(19 * MB))
    assert.equal(late.status, 503)
    assert.equal(late.headers.get('retry-after'), '5')
    assert.equal((await s.raw('GET', '/api/v1/buyers')).status, 200)
    for (const raw of held) raw.socket.destroy()
    await until('room', async () => (await s.raw('POST', '/api/v1/buyers', { name: 'Now' })).ok)
  })
})

describe('slow and many connections', () => {
  let s: Strowger
  before(async () => {
    const proxy = ['--trusted-proxies', '127.0.0.3']
    s = await Strowger.start(['--http-read-timeout', '2', '--http-connections-per-address', '20', ...proxy])
  })
  after(() => s.stop())

  for (const chunked of [true, false])
    test(`a body that nearly stops is closed, however much came before (${chunked ? 'chunked' : 'with a length'})`, async () => {
      const raw = await Raw.open(s)
      const first = 'x'.repeat(60 * 1024)
      const start = head('POST', '/call-data', 64000, '')
      await raw.send(
        chunked
          ? start.replace(/Content-Length: \d+/, 'Transfer-Encoding: chunked') +
              `${first.length.toString(16)}\r\n${first}\r\n`
          : start + first,
      )
      const drip = setInterval(() => raw.socket.write(chunked ? '1\r\nx\r\n' : 'x'), 200)
      try {
        await until('the connection to be closed', () => raw.closed, 20000)
      } finally {
        clearInterval(drip)
      }
      assert.equal(raw.answer, '')
    })

  test('one address has its share of connections, and others are answered meanwhile', async () => {
    const many = await Promise.all(Array.from({ length: 60 }, () => Raw.open(s, '127.0.0.2')))
    const proxy = await Promise.all(Array.from({ length: 60 }, () => Raw.open(s, '127.0.0.3')))
    await until('the excess to be closed', () => many.filter((c) => c.closed).length >= 40)
    assert.ok(await s.answers())
    assert.equal(proxy.filter((c) => c.closed).length, 0)
    assert.match(s.log, /127\.0\.0\.2 has more than 20 HTTP connections open/)
    await until('the half-open ones to be closed, too', () => many.every((c) => c.closed))
    const again = await new Promise<number>((done, fail) => {
      const options = { localAddress: '127.0.0.2', agent: false }
      request(`${s.url}/healthz`, options, (r) => done(r.resume().statusCode!)).on('error', fail).end()
    })
    assert.equal(again, 200)
    for (const c of proxy) c.socket.destroy()
  })
})
