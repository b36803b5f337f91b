// Requests that a proxy in front and this server could read differently.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

describe('malformed HTTP', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  // Everything that is answered until the server closes, or two answers have come.
  const send = (bytes: string) =>
    new Promise<string>((done) => {
      let text = ''
      const socket = connect(s.http, '127.0.0.1', () => socket.write(bytes, 'latin1'))
      socket.on('data', (d) => {
        text += d.toString('latin1')
        if (text.split('HTTP/1.1 ').length > 2) socket.destroy()
      })
      socket.on('error', () => {})
      socket.on('close', () => done(text))
      setTimeout(() => socket.destroy(), 15000).unref()
    })
  const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((m) => Number(m[1]))
  const hidden = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'

  const refused: [string, string][] = [
    ['two lengths', `POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n`],
    ['the same length twice', 'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n'],
    ['a length and a coding', 'POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['an unknown coding', 'POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n'],
    ['a list of codings', 'POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n'],
    ['a coding in HTTP/1.0', 'POST /healthz HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['a space before the colon', `GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length : ${hidden.length}\r\n\r\n`],
    ['a tab before the colon', 'GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t: chunked\r\n\r\n'],
    ['no Host', 'GET /healthz HTTP/1.1\r\nX: y\r\n\r\n'],
    ['two Hosts', 'GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n'],
    ['a folded line', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n c\r\nX-D: e\r\n\r\n'],
    ['a folded last line', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n\tc\r\n\r\n'],
    ['a folded first line', 'GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n'],
    ['a bare LF between fields', 'GET /healthz HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n'],
    ['a bare LF behind the request line', 'GET /healthz HTTP/1.1\nHost: x\r\n\r\n'],
    ['a section that ends with bare LFs', 'GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\n\n'],
    ['a NUL in a value', 'GET /healthz HTTP/1.1\r\nHost: x\0y\r\nX-A: b\r\n\r\n'],
    ['no field name', 'GET /healthz HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n'],
  ]
  for (const [name, bytes] of refused)
    test(`${name}: 400, and nothing after it is read`, async () => {
      assert.deepEqual(statuses(await send(bytes + hidden)), [400])
    })

  test('what is well formed is answered, one after the other on a connection', async () => {
    const good = [
      'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET /healthz HTTP/1.1\r\nhost:x\r\nX-Empty:\r\nX-Blank: \t \r\nX-A:  b c  \r\n\r\n',
      'POST /call-data HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n',
      'POST /call-data HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}',
    ]
    for (const bytes of good) {
      const seen = statuses(await send(bytes + hidden))
      assert.equal(seen.length, 2, bytes)
      assert.ok(!seen.includes(400) || bytes.startsWith('POST'), `${bytes}: ${seen.join()}`)
      assert.equal(seen[1], 200)
    }
  })

  test('3,000 query arguments are refused at once, and 200 are read', async () => {
    const query = (n: number) => Array.from({ length: n }, (_, i) => `a${i}=1`).join('&')
    assert.deepEqual(statuses(await send(`GET /healthz?${query(3000)} HTTP/1.1\r\nHost: x\r\n\r\n`)), [414])
    assert.equal((await s.raw('GET', `/healthz?${query(200)}`)).status, 200)
  })

  test('each line of the log is JSON, whatever is sent', async () => {
    await send('GARBAGE\r\n\r\n')
    await send(`GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(40000)}\r\n\r\n`)
    await send(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n`)
    for (const line of s.log.trim().split('\n')) JSON.parse(line)
  })
})
