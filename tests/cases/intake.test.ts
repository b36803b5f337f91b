// What comes in, as senders put it on the wire, and calls that are too old for it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, join, until } from '../e2e/harness.ts'

type Json = Record<string, any>
const LIMIT = 256 * 1024
const latin1 = (text: string) => Buffer.from(text, 'latin1')

describe('requests of senders', () => {
  let s: Strowger
  let hook: { id: string; url: string; key: string }
  let next = 0
  const caller = () => `+1214555${String(1000 + ++next)}`

  before(async () => {
    s = await Strowger.start()
    for (const name of ['name', 'state', 'note']) await s.api('POST', '/custom-tags', { name })
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
    hook = await s.api('POST', '/incoming-webhooks', {
      name: 'Leads',
      types: ['call_data', 'update_tags', 'update_revenue', 'update_fields'],
    })
  })
  after(() => s.stop())

  // A connection whose bytes a test sends one by one.
  const dial = async () => {
    const socket: Socket = connect(s.http, '127.0.0.1')
    await new Promise((r) => socket.once('connect', r))
    const line = { text: '', closed: false, socket }
    socket.on('data', (d) => (line.text += d.toString('latin1')))
    socket.on('close', () => (line.closed = true))
    socket.on('error', () => (line.closed = true))
    return line
  }
  const path = () => new URL(hook.url).pathname + new URL(hook.url).search
  const head = (headers: string[], to = path()) =>
    [`POST ${to} HTTP/1.1`, `Host: 127.0.0.1:${s.http}`, ...headers, '', ''].join('\r\n')
  const post = async (
    body: string | Buffer,
    headers: Record<string, string> = {},
    url = hook.url,
  ) => {
    const r = await fetch(url, { method: 'POST', headers, body: body as BodyInit })
    return { status: r.status, body: (await r.json()) as Json }
  }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const stored = (id: string) => s.api('GET', `/incoming-webhook-requests/${id}`)

  describe('Expect: 100-continue', () => {
    test('is answered with 100, and the body that follows with 200', async () => {
      const json = `{"caller_id":"${caller()}","state":"TX"}`
      const chunked = `${json.length.toString(16)}\r\n${json}\r\n0\r\n\r\n`
      const ways: [string[], string][] = [
        [['Content-Type: application/json', `Content-Length: ${json.length}`], json],
        [['Content-Type: application/json', 'Transfer-Encoding: chunked'], chunked],
      ]
      for (const expect of ['100-continue', '100-Continue'])
        for (const [headers, body] of ways) {
          const line = await dial()
          line.socket.write(head([...headers, `Expect: ${expect}`]))
          await until('100', () => /^HTTP\/1\.1 100 .*\r\n\r\n/.test(line.text))
          line.socket.write(body)
          await until('the answer', () => line.text.includes('"unmatched"'))
          assert.match(line.text, /^HTTP\/1\.1 100 [^\r]*\r\n\r\nHTTP\/1\.1 200 /)
          assert.match(line.text, /"tags":\{"state":"TX"\}/)
          line.socket.destroy()
        }
    })

    test('of a body that is exactly as large as may be is answered with 100', async () => {
      const fields = `{"caller_id":"${caller()}","state":"TX"}`
      const line = await dial()
      line.socket.write(
        head([
          'Content-Type: application/json',
          `Content-Length: ${LIMIT}`,
          'Expect: 100-continue',
        ]),
      )
      await until('100', () => /^HTTP\/1\.1 100 /.test(line.text))
      line.socket.write(fields.padEnd(LIMIT))
      await until('200', () => /HTTP\/1\.1 200 /.test(line.text))
      line.socket.destroy()
    })

    test('of a body over the limit is answered with 413 before the body comes', async () => {
      const bare = path().replace(/\?.*/, '')
      const ways: [string, string[]][] = [
        [path(), []],
        [bare, [`Authorization: Bearer ${hook.key}`]],
        [bare, []], // the key may be in the body
      ]
      for (const [to, more] of ways)
        for (const length of [LIMIT + 1, 5_000_000_000]) {
          const line = await dial()
          line.socket.write(
            head(
              [
                'Content-Type: application/json',
                `Content-Length: ${length}`,
                'Expect: 100-continue',
                ...more,
              ],
              to,
            ),
          )
          await until('the answer', () => line.text.includes('\r\n\r\n'))
          assert.match(line.text, /^HTTP\/1\.1 413 /)
          assert.match(line.text, /at most 262144 bytes are taken here/)
          await until('the end of the connection', () => line.closed)
        }
      const { data } = await s.api(
        'GET',
        `/incoming-webhook-requests?incoming_webhook_id=${hook.id}&status=rejected`,
      )
      assert.equal(data.length, 4, 'those with a valid key are kept')
      const { problem } = await stored(data[0].id)
      assert.equal(problem.status, 413)
    })

    test('curl, which waits for the answer, gets it', () => {
      const file = join(s.dir, 'large')
      execFileSync('sh', ['-c', `head -c 3000000 /dev/zero | tr '\\0' x > ${file}`])
      const args = [
        '-sS',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code} %{size_upload}',
        '--expect100-timeout',
        '20',
      ]
      const run = (more: string[]) =>
        execFileSync('curl', [...args, ...more, hook.url], { encoding: 'utf8' })
      assert.equal(run(['--data-binary', `@${file}`, '-H', 'Expect: 100-continue']), '413 0')
      assert.match(
        run(['-d', `caller_id=${caller()}&state=TX`, '-H', 'Expect: 100-continue']),
        /^200 /,
      )
    })

    test('with the right key missing is refused before the body, too large or not', async () => {
      const wrong = await fetch(`${s.url}/call-data?key=iwk_wrong`, { method: 'POST', body: '{}' })
      assert.equal(wrong.status, 401)
      const line = await dial()
      line.socket.write(
        head([`Content-Length: ${LIMIT + 1}`, 'Expect: 100-continue'], '/call-data?key=iwk_wrong'),
      )
      await until('the answer', () => line.text.includes('\r\n\r\n'))
      assert.match(line.text, /^HTTP\/1\.1 401 /)
      line.socket.destroy()
    })
  })

  describe('compressed bodies', () => {
    const json = (from: string, size = 0) =>
      Buffer.from(JSON.stringify({ caller_id: from, state: 'TX', pad: 'x'.repeat(size) }))
    const encoded = (coding: string) => ({
      'content-type': 'application/json',
      'content-encoding': coding,
    })

    test('are read, up to the limit of what they hold', async () => {
      const packed: [string, (b: Buffer) => Buffer][] = [
        ['gzip', gzipSync],
        ['x-gzip', gzipSync],
        ['GZIP', gzipSync],
        ['deflate', deflateSync],
        ['deflate', deflateRawSync],
        ['gzip, gzip', (b) => gzipSync(gzipSync(b))],
        ['identity', (b) => b],
        ['gzip', (b) => Buffer.concat([gzipSync(b.subarray(0, 20)), gzipSync(b.subarray(20))])],
      ]
      for (const [coding, pack] of packed) {
        const r = await post(pack(json(caller(), 100)), encoded(coding))
        assert.deepEqual([r.status, r.body.tags], [200, { state: 'TX' }], coding)
      }
      const room = LIMIT - json('+12145550000').length
      assert.equal((await post(gzipSync(json(caller(), room)), encoded('gzip'))).status, 200)
      const over = await post(gzipSync(json(caller(), room + 1)), encoded('gzip'))
      assert.equal(over.status, 413)
      assert.match(over.body.detail, /at most 262144 bytes are taken here, when it is decompressed/)
      const f = await post(gzipSync(`caller_id=${caller()}&state=TX`), {
        ...form,
        'content-encoding': 'gzip',
      })
      assert.deepEqual(f.body.tags, { state: 'TX' })
    })

    test('that would fill the memory are refused while they are decompressed', async () => {
      const memory = () =>
        Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${s.child!.pid}/status`, 'utf8'))![1])
      const zeros = Buffer.alloc(150 * 1024 * 1024)
      const bomb = gzipSync(zeros, { level: 9 })
      const twice = gzipSync(bomb)
      assert.ok(bomb.length < LIMIT)
      const before = memory()
      for (const [coding, body] of [
        ['gzip', bomb],
        ['gzip, gzip', twice],
        ['deflate', deflateSync(zeros)],
      ] as const)
        for (let i = 0; i < 3; i++)
          assert.equal((await post(body, encoded(coding))).status, 413, coding)
      assert.ok(memory() - before < 60_000, `${memory() - before} KB more`)
    })

    test('that are damaged, or of another coding, are refused with the reason', async () => {
      const whole = gzipSync(json(caller()))
      const damaged = Buffer.from(whole)
      damaged[whole.length - 6]! ^= 0xff // the checksum
      const cases: [string, Buffer, number][] = [
        ['gzip', whole.subarray(0, -9), 400],
        ['gzip', damaged, 400],
        ['gzip', json(caller()), 400],
        ['deflate', Buffer.from('\u0001\u0002 no'), 400],
        ['br', whole, 415],
        ['gzip, zstd', whole, 415],
        ['gzip;q=1', whole, 415],
      ]
      for (const [coding, body, status] of cases) {
        const r = await post(body, encoded(coding))
        assert.equal(r.status, status, `${coding}: ${JSON.stringify(r.body)}`)
        assert.match(r.body.detail, /Content-Encoding/)
      }
    })
  })

  describe('what is empty, and what is not taken', () => {
    const json = (body: Json, url = hook.url) =>
      post(JSON.stringify(body), { 'content-type': 'application/json' }, url)

    test('blanks of any alphabet are empty', async () => {
      for (const blank of ['\u3000', '\u2003', '\u200b', '\ufeff', '\u00a0 \u1680'])
        for (let i = 0; i < 2; i++) {
          const r = await json({ caller_id: caller(), state: 'TX', unique_id: blank })
          assert.equal(r.body.status, 'pending', JSON.stringify(blank))
        }
    })

    test('an empty list or object is nothing, and so is a header of two quotes', async () => {
      for (const unique_id of [[], {}])
        for (let i = 0; i < 2; i++) {
          const r = await json({ caller_id: caller(), state: 'TX', unique_id, call_id: [] })
          assert.equal(r.body.status, 'pending', JSON.stringify(r.body))
        }
      for (let i = 0; i < 2; i++) {
        const headers = { 'content-type': 'application/json', 'idempotency-key': '""' }
        const r = await post(JSON.stringify({ caller_id: caller(), state: 'TX' }), headers)
        assert.equal(r.body.status, 'pending')
      }
    })

    test('blanks around a key are no part of it', async () => {
      const url = hook.url.replace(/key=[^&]*/, '')
      const body = { caller_id: caller(), state: 'TX', key: ` ${hook.key}\u00a0` }
      assert.equal((await json(body, url)).status, 200)
      const shown = `${url}key=%20${hook.key}%20`
      assert.equal((await json({ caller_id: caller(), state: 'TX' }, shown)).status, 200)
    })

    test('a number that cannot be read does not hide another that can', async () => {
      for (const bad of ['unknown', { n: 1 }, [1], 12]) {
        const phone = caller()
        const r = await json({ caller_id: bad, phone_number: phone, state: 'TX' })
        assert.equal(r.status, 200, JSON.stringify(r.body))
        assert.equal((await stored(r.body.request_id)).caller_id, phone)
        assert.deepEqual(r.body.unmatched, ['caller_id'])
      }
      const none = await json({ caller_id: 'unknown', phone_number: 'junk', state: 'TX' })
      assert.equal(none.status, 422)
      assert.equal(none.body.errors[0].pointer, '/caller_id')
    })

    test('an unusable unique_id is named, and the rest is taken', async () => {
      for (const unique_id of [{ a: 1 }, [1, 2], 'x'.repeat(201)]) {
        const r = await json({ caller_id: caller(), state: 'TX', unique_id })
        assert.deepEqual([r.status, r.body.tags.state], [200, 'TX'])
        assert.equal(r.body.errors[0].field, 'unique_id')
      }
    })

    test('a name that comes again in other case is named', async () => {
      const r = await json({ caller_id: caller(), state: 'TX', State: 'OK', STATE: 'NM' })
      assert.equal(r.body.tags.state, 'TX')
      assert.deepEqual(r.body.unmatched, ['State', 'STATE'])
    })

    test('a token in what no tag takes is reported, also within', async () => {
      const r = await json({ caller_id: caller(), state: 'TX', more: '[X]', lead: { z: ['[Z]'] } })
      const fields = r.body.errors.map((e: Json) => e.field)
      assert.deepEqual(fields, ['more', 'lead/z/0'])
    })

    test('tokens and wrong values alone leave nothing to be done, and are named', async () => {
      const url = hook.url.replace('/call-data', '/update-revenue')
      const r = await json({ caller_id: caller(), revenue: '[AMOUNT]', payout: 'x' }, url)
      assert.equal(r.status, 422)
      const pointers = r.body.errors.map((e: Json) => e.pointer).sort()
      assert.deepEqual(pointers, ['/payout', '/revenue'])
    })
  })

  describe('names that come more than once', () => {
    test('the last of a form or a URL counts', async () => {
      const from = caller()
      const cases: [string, string, Json][] = [
        ['', `caller_id=${from}&state=TX&state=OK`, { state: 'OK' }],
        ['', `caller_id=+1999&state=TX&caller_id=${from}`, { state: 'TX' }],
        [`&state=TX&state=OK&caller_id=${from}`, '', { state: 'OK' }],
        [`&state=TX`, `caller_id=${from}&state=OK`, { state: 'OK' }],
        ['', `caller_id=${from}&state=&state=NM&state=`, { state: '' }],
      ]
      for (const [query, body, tags] of cases) {
        const r = await post(body, form, `${hook.url}${query.replace(/\+/g, '%2B')}`)
        const given = r.body.tags.state ?? ''
        assert.deepEqual([r.status, given], [200, tags.state], `${query} ${body}`)
        assert.equal((await stored(r.body.request_id)).caller_id, from)
      }
    })

    test('the last of JSON counts, and the answer says that there were more', async () => {
      const body = `{"caller_id":"${caller()}","state":"TX","state":"OK","lead":{"a":1,"a":2}}`
      const r = await post(body, { 'content-type': 'application/json' })
      assert.deepEqual(r.body.tags, { state: 'OK' })
      const detail = 'came more than once: the last value was taken'
      assert.deepEqual(
        r.body.errors.sort((a: Json, b: Json) => (a.field < b.field ? -1 : 1)),
        [
          { field: '/lead/a', detail },
          { field: 'state', detail },
        ],
      )
    })

    test('the last part of a multipart body counts', async () => {
      const data = new FormData()
      for (const [name, value] of [
        ['caller_id', caller()],
        ['state', 'TX'],
        ['state', 'OK'],
      ])
        data.append(name!, value!)
      const r = await fetch(hook.url, { method: 'POST', body: data })
      assert.deepEqual(((await r.json()) as Json).tags, { state: 'OK' })
    })
  })

  test('percent signs that escape nothing stay, in forms and in URLs', async () => {
    const cases = [
      ['100%', '100%'],
      ['50%zz', '50%zz'],
      ['%', '%'],
      ['%4', '%4'],
      ['a%4', 'a%4'],
      ['%%41', '%A'],
      ['%u0041', '%u0041'],
      ['5%+off', '5% off'],
      ['%2541', '%41'],
      ['%C3%A9', 'é'],
      ['%c3%a9', 'é'],
      ['%G1%41', '%G1A'],
      ['%e2%82%ac%', '€%'],
    ]
    for (const [sent, read] of cases) {
      const r = await post(`caller_id=${caller()}&note=${sent}&state=TX`, form)
      assert.deepEqual(
        [r.status, r.body.tags, r.body.errors],
        [200, { note: read, state: 'TX' }, []],
        sent,
      )
      const line = await dial()
      const query = `&caller_id=${caller().slice(2)}&note=${sent}&state=TX`
      line.socket.write(`GET ${path()}${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      await until('the answer', () => line.closed)
      const body = JSON.parse(Buffer.from(line.text.split('\r\n\r\n')[1]!, 'latin1').toString())
      assert.deepEqual(body.tags, { note: read, state: 'TX' }, `in the URL: ${sent}`)
    }
  })

  test('forms and URLs in Latin-1 are read as such', async () => {
    const text = 'Zoë Müller, 5 £ “x”'
    const bytes = Buffer.concat([latin1('Zoë Müller, 5 £ '), Buffer.from([0x93, 0x78, 0x94])])
    const escaped = [...bytes].map((b) => `%${b.toString(16).padStart(2, '0')}`).join('')
    const as = (charset: string) => ({
      'content-type': `application/x-www-form-urlencoded;charset=${charset}`,
    })
    const part = (charset: string) =>
      Buffer.concat([
        Buffer.from(
          `--b\r\nContent-Disposition: form-data; name="caller_id"\r\n\r\n${caller()}\r\n`,
        ),
        Buffer.from(
          `--b\r\nContent-Disposition: form-data; name="name"\r\n` +
            `Content-Type: text/plain${charset}\r\n\r\n`,
        ),
        bytes,
        Buffer.from('\r\n--b--\r\n'),
      ])
    const multipart = { 'content-type': 'multipart/form-data; boundary=b' }
    const raw = () => Buffer.concat([Buffer.from(`caller_id=${caller()}&name=`), bytes])
    const cases: [string, string | Buffer, Record<string, string>, string?][] = [
      ['escaped', `caller_id=${caller()}&name=${escaped}`, form],
      ['bytes', raw(), form],
      ['charset', `caller_id=${caller()}&name=${escaped}`, as('ISO-8859-1')],
      ['quoted charset', raw(), as('"windows-1252"')],
      ['_charset_', `_charset_=iso-8859-1&caller_id=${caller()}&name=${escaped}`, form],
      ['multipart', part(''), multipart],
      ['multipart with charset', part('; charset=iso-8859-1'), multipart],
      [
        'text/plain',
        Buffer.concat([Buffer.from(`caller_id=${caller()}\r\nname=`), bytes]),
        { 'content-type': 'text/plain' },
      ],
      ['a URL', '', {}, `&caller_id=${caller().slice(2)}&name=${escaped}`],
      ['UTF-8 all the same', `caller_id=${caller()}&name=${encodeURIComponent(text)}`, form],
      [
        'UTF-8 in a URL',
        '',
        {},
        `&caller_id=${caller().slice(2)}&name=${encodeURIComponent(text)}`,
      ],
    ]
    for (const [what, body, headers, query = ''] of cases) {
      const r = await post(body, headers, hook.url + query)
      assert.deepEqual(
        [r.status, r.body.tags],
        [200, { name: text }],
        `${what}: ${JSON.stringify(r.body)}`,
      )
    }
  })

  describe('tokens that a sender did not replace', () => {
    const tokens = [
      '[ZIP]',
      '[zip|none]',
      '[lead.zip]',
      '[tag:User:zip]',
      ' [ZIP]\n',
      '{{zip}}',
      '{{ contact.zip }}',
      '{{1__zip}}',
      '{{lead.Zip Code:default=none}}',
      '{{ zip | default: "x" }}',
      '{{{zip}}}',
      '{{first}} {{last}}',
      '[first] [last]',
      '{{city}}, {{state}}',
      '[a][b]',
      '{{straße}}',
    ]
    const values = [
      '[2]',
      '[true|',
      '["x"]',
      '[a, b]',
      '[]',
      '{{}}',
      '{{ }}',
      '{zip}',
      '{"a":{"b":1}}',
      'Dear {{name}}',
      '[x] and more',
      '[x',
      'x]',
      '{{x}',
      '{{x}}}',
      '-',
      ', ',
      '[-1]',
    ]

    test('are reported, and no tag gets them', async () => {
      for (const token of tokens) {
        const r = await post(JSON.stringify({ caller_id: caller(), note: token, state: 'TX' }))
        assert.deepEqual([r.status, r.body.tags], [200, { state: 'TX' }], token)
        const detail = `the sender did not replace its token ${token}`
        assert.deepEqual(r.body.errors, [{ tag: 'note', detail }])
        const f = await post(
          new URLSearchParams({ caller_id: caller(), note: token, state: 'TX' }).toString(),
          form,
        )
        assert.deepEqual([f.body.tags, f.body.errors.length], [{ state: 'TX' }, 1], token)
        const added = await post(
          JSON.stringify({ caller_id: caller(), tags: { add: { note: token } } }),
        )
        assert.deepEqual([added.body.tags, added.body.errors.length], [{}, 1], token)
      }
      const long = `{{${'é'.repeat(100)}}}`
      const r = await post(JSON.stringify({ caller_id: caller(), note: long }))
      assert.match(r.body.errors[0].detail, /token \{\{é+ …$/)
    })

    test('are not confused with values that look like tokens', async () => {
      for (const value of values) {
        const r = await post(JSON.stringify({ caller_id: caller(), note: value }))
        assert.deepEqual([r.body.tags.note ?? null, r.body.errors], [value, []], value)
      }
    })

    test('are named as they came, whatever characters they have', async () => {
      for (const token of ['{{%s%s%n}}', '{{100%d}}', '{{a%20b}}']) {
        const lead = JSON.stringify({ caller_id: caller(), state: 'TX' })
        const { body } = await post(lead, { 'idempotency-key': token })
        const errors = body.errors.map((e: any) => [e.field, e.detail])
        assert.deepEqual(errors, [
          ['unique_id', `the sender did not replace its token ${token}`],
        ])
      }
    })

    test('as control members are reported, and are as if they were not sent', async () => {
      for (const token of ['[LEAD_ID]', '{{lead.id}}'])
        for (let i = 0; i < 2; i++) {
          const lead = { caller_id: caller(), unique_id: token, call_id: token, state: 'TX' }
          const r = await post(JSON.stringify(lead))
          assert.deepEqual(
            [r.status, r.body.status, r.body.tags],
            [200, 'pending', { state: 'TX' }],
          )
          assert.deepEqual(r.body.unmatched, [])
          const fields = r.body.errors.map((e: Json) => e.field)
          assert.deepEqual(fields.sort(), ['call_id', 'unique_id'])
        }
      for (let i = 0; i < 2; i++) {
        const lead = JSON.stringify({ caller_id: caller(), state: 'TX' })
        const r = await post(lead, { 'idempotency-key': '{{id}}' })
        assert.deepEqual([r.body.status, r.body.errors[0].field], ['pending', 'unique_id'])
      }
      const other = { caller_id: '[CALLER_ID]', phone: caller(), state: 'TX' }
      const r = await post(JSON.stringify(other))
      assert.deepEqual([r.body.status, r.body.errors[0].field], ['pending', 'caller_id'])
      const spare = { caller_id: caller(), phone: '{{phone}}', state: 'TX' }
      const second = await post(JSON.stringify(spare))
      assert.deepEqual([second.body.status, second.body.errors[0].field], ['pending', 'phone'])
      const nobody = await post(JSON.stringify({ caller_id: '{{phone}}', state: 'TX' }))
      assert.equal(nobody.status, 422)
      assert.match(JSON.stringify(nobody.body.errors), /did not replace its token \{\{phone\}\}/)
    })
  })
})

describe('calls that are old', () => {
  let s: Strowger
  let all: { url: string; id: string }
  let received: Receiver
  let phone: Peer
  const DAY = 86400_000
  const number = '+18005557701'
  const at = (path: string, url = all.url) => url.replace('/call-data', path)
  const bare = (path: string) => at(path).replace(/\?.*/, '')
  const post = async (url: string, body: object) => {
    const r = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    return { status: r.status, body: (await r.json()) as Json }
  }
  const log = (id: string) => s.api('GET', `/calls/${id}`)

  // Statements that the API does not offer, with the server stopped meanwhile.
  const sql = async (...statements: string[]) => {
    await s.kill('SIGTERM')
    const text = statements.join(';')
    if (s.database) {
      const find = 'ls -d /usr/lib/postgresql/*/bin | tail -1'
      const bin = execFileSync('sh', ['-c', find], { encoding: 'utf8' }).trim()
      execFileSync(`${bin}/psql`, [s.database, '-q', '-v', 'ON_ERROR_STOP=1', '-c', text])
    } else {
      const run = 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])'
      execFileSync('/usr/bin/python3', ['-c', run, join(s.data, 'strowger.db'), text])
    }
    await s.serve()
  }
  const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  // The id has the time of the call's start in its first ten letters (ULID).
  const idAt = (id: string, ms: number) => {
    let time = ''
    for (let i = 0, n = ms; i < 10; i++, n = Math.floor(n / 32)) time = letters[n % 32] + time
    return `call_${time}${id.slice(15)}`
  }
  // The statement that makes a call that many days older, and its id then.
  const age = (id: string, days: number, newId = true) => {
    const ms = Math.round(days * DAY)
    const now = newId ? idAt(id, Date.now() - ms) : id
    const times = `started_at = started_at - ${ms}, ended_at = ended_at - ${ms}`
    const text = `UPDATE calls SET id = '${now}', ${times} WHERE id = '${id}'`
    return { id: now, text }
  }
  let last = 0
  const call = async () => {
    const from = `+1214556${String(1000 + ++last)}`
    const d = await phone.call(s.sip, `sip:${number}@127.0.0.1`, {
      headers: [`From: <sip:${from}@127.0.0.1>;tag=p`],
    })
    if (d.status === 200) await d.request('BYE')
    return s.lastCall((c) => c.caller_id === from)
  }

  before(async () => {
    s = await Strowger.start()
    phone = await Peer.start()
    received = await Receiver.start(() => ({ body: '{"bid":"3.00"}' }))
    await s.api('POST', '/custom-tags', { name: 'state' })
    const types = ['call_data', 'update_tags', 'update_revenue', 'update_fields']
    all = await s.api('POST', '/incoming-webhooks', { name: 'All', types })
    const buyer = await Peer.start()
    const target = await s.api('POST', '/rtb-targets', {
      name: 'Buyer',
      request: {
        url: `${received.url}/ping/[CALL_KEY]?k=[CALL_KEY]`,
        headers: { 'X-Key': '[CALL_KEY]' },
        body: '{"call":"[CALL_ID]","key":"[CALL_KEY]"}',
      },
      win_notice: { url: `${received.url}/won?call=[CALL_ID]&k=[CALL_KEY]`, method: 'GET' },
      response: { format: 'json', accepted: null, bid: '/bid' },
      destination: { type: 'sip', uri: buyer.uri },
    })
    const tree = await s.api('POST', '/ring-trees', {
      name: 'T',
      targets: [{ rtb_target_id: target.id }],
    })
    const plan = await s.api('POST', '/routing-plans', {
      name: 'P',
      entries: [{ ring_tree_id: tree.id }],
    })
    await s.campaign(number, { routing_plan_id: plan.id })
    await s.api('POST', '/outgoing-webhooks', {
      name: 'Buyer',
      url: `${received.url}/hook/[CALL_KEY]`,
      event_types: ['call.completed'],
      body_template: 'call=[CALL_ID]&key=[CALL_KEY]',
      headers: { 'X-Key': 'k [CALL_KEY]' },
    })
  })
  after(async () => {
    received.stop()
    await s.stop()
  })
  const keyOf = async (id: string) => {
    const sent = await until('the key', () =>
      received.requests.find((r) => r.path.startsWith('/hook') && r.body.includes(id)),
    )
    return new URLSearchParams(sent.body).get('key')!
  }

  test("are found by number within match_within_days, and by their id for ever", async () => {
    const webhook = (days: number) =>
      s.api('POST', '/incoming-webhooks', {
        name: `${days} days`,
        match_within_days: days,
        types: ['call_data', 'update_tags', 'update_revenue', 'update_fields'],
      })
    const [one, year] = [await webhook(1), await webhook(365)]
    const made: { days: number; id: string; caller: string; text: string }[] = []
    for (const days of [0.9, 1.1, 6.9, 7.1, 364, 366]) {
      const c = await call()
      made.push({ days, caller: c.caller_id, ...age(c.id, days) })
    }
    await sql(...made.map((m) => m.text))
    for (const { days, id, caller } of made)
      for (const [url, within] of [
        [one.url, 1],
        [all.url, 7],
        [year.url, 365],
      ] as const)
        for (const path of ['/update-revenue', '/update-fields', '/update-tags']) {
          const what = `${path}, ${days} days old, within ${within}`
          const change = {
            caller_id: caller,
            revenue: String(within),
            state: 'TX',
            disposition: 'sold',
          }
          const r = await post(at(path, url), change)
          if (days < within) {
            assert.deepEqual([r.status, r.body.call_id, r.body.errors], [200, id, []], what)
            continue
          }
          assert.deepEqual([r.status, r.body.title], [422, 'There is no such call'], what)
          assert.match(r.body.detail, new RegExp(`none of the last ${within} days`))
        }
    for (const { days, id } of made) {
      const c = await log(id)
      const found = [365, 7, 1].filter((within) => days < within)
      assert.equal(c.revenue, found.length ? `${found[0]}.00` : '3.00', `${days} days old`)
    }
    const oldest = made.at(-1)!
    const r = await post(at('/update-revenue', one.url), { call_id: oldest.id, revenue: '8' })
    assert.deepEqual([r.status, r.body.call_id], [200, oldest.id])
    const data = await post(all.url, { caller_id: oldest.caller, state: 'TX' })
    assert.equal(data.body.status, 'pending', 'data of a lead waits for the next call')
  })

  test('of several calls of one caller the newest within match_within_days is taken', async () => {
    const first = await call()
    last-- // the same caller
    const from = first.caller_id
    const second = await (async () => {
      const d = await phone.call(s.sip, `sip:${number}@127.0.0.1`, {
        headers: [`From: <sip:${from}@127.0.0.1>;tag=p`],
      })
      if (d.status === 200) await d.request('BYE')
      return s.lastCall((c) => c.caller_id === from && c.id !== first.id)
    })()
    last++
    const [older, newer] = [age(first.id, 3), age(second.id, 2)]
    await sql(older.text, newer.text)
    const r = await post(at('/update-revenue'), { phone: from, revenue: '6' })
    assert.equal(r.body.call_id, newer.id)
    assert.equal((await log(older.id)).revenue, '3.00')
  })

  test('have a key until call_key_days after their end, which then changes nothing', async () => {
    const [young, old, other] = [await call(), await call(), await call()]
    const keys = [await keyOf(young.id), await keyOf(old.id)]
    await sql(age(young.id, 6.9, false).text, age(old.id, 7.1, false).text)
    const good = await post(`${bare('/update-revenue')}?call_key=${keys[0]}`, { revenue: '4' })
    assert.deepEqual([good.status, good.body.call_id], [200, young.id])
    for (const path of ['/update-revenue', '/update-fields', '/update-tags', '/call-data']) {
      const change = { revenue: '5', state: 'TX', disposition: 'sold' }
      const ways = [
        post(`${bare(path)}?call_key=${keys[1]}`, change),
        post(bare(path), { ...change, call_key: keys[1] }),
        post(bare(path), { ...change, call_key: keys[1], caller_id: other.caller_id }),
        post(at(path), { ...change, call_key: keys[1], call_id: old.id }),
      ]
      for (const r of await Promise.all(ways)) {
        assert.deepEqual([r.status, r.body.title], [401, 'The call key has expired'], path)
        assert.match(r.body.detail, /valid for 7 days after the call's end/)
      }
    }
    const { data } = await s.api('GET', `/incoming-webhook-requests?call_id=${old.id}&limit=100`)
    assert.equal(data.length, 16)
    for (const r of data) assert.equal(r.status, 'rejected')
    const kept = await s.api('GET', `/incoming-webhook-requests/${data[0].id}`)
    assert.equal(kept.problem.title, 'The call key has expired')
    for (const c of [old, other]) {
      const now = await log(c.id)
      assert.deepEqual([now.revenue, now.tags, now.disposition], [c.revenue, {}, c.disposition])
    }
    await s.api('PATCH', '/organization', { call_key_days: 8 })
    const again = await post(`${bare('/update-revenue')}?call_key=${keys[1]}`, { revenue: '5' })
    assert.deepEqual([again.status, again.body.call_id], [200, old.id])
    await s.api('PATCH', '/organization', { call_key_days: 7 })
  })

  test('a key of a call is sent to buyers, and shown in no request that is kept', async () => {
    const c = await call()
    const key = await keyOf(c.id)
    const of = (path: string) =>
      until(path, () =>
        received.requests.find(
          (r) => r.path.startsWith(path) && `${r.path}${r.body}`.includes(c.id),
        ),
      )
    const ping = await of('/ping')
    assert.equal(ping.path, `/ping/${key}?k=${key}`)
    assert.deepEqual([ping.headers['x-key'], JSON.parse(ping.body).key], [key, key])
    assert.equal(new URL((await of('/won')).path, received.url).searchParams.get('k'), key)
    const hook = await of('/hook')
    assert.deepEqual([hook.path, hook.headers['x-key']], [`/hook/${key}`, `k ${key}`])

    await post(`${bare('/update-tags')}?call_key=${key}`, { state: 'TX', note: `it is ${key}` })
    await post(`${bare('/update-tags')}?key=wrong&call_key=${key}`, { state: 'TX' })
    const kept: Json[] = []
    for (const kind of ['incoming-webhook-requests', 'outgoing-webhook-requests', 'rtb-requests']) {
      const rows = await until(kind, async () => {
        const { data } = await s.api('GET', `/${kind}?call_id=${c.id}`)
        const whole = await Promise.all(data.map((r: Json) => s.api('GET', `/${kind}/${r.id}`)))
        const done = whole.length && whole.every((r: Json) => kind[0] !== 'o' || r.attempts.length)
        return done && whole
      })
      kept.push(...rows)
      const text = JSON.stringify(rows)
      assert.ok(!text.includes(key), kind)
      assert.match(text, /\*{8}/, kind)
    }
    assert.ok(kept.length >= 3)
    const text = JSON.stringify([await log(c.id), await s.api('GET', `/calls/${c.id}/events`)])
    assert.ok(!text.includes(key), 'in the log of the call')
    assert.ok(!s.log.includes(key), 'in the log of the server')
    const { data: targets } = await s.api('GET', '/rtb-targets')
    const preview = await s.api('POST', `/rtb-targets/${targets[0].id}/preview`, {
      caller_id: c.caller_id,
      tags: {},
    })
    assert.doesNotMatch(JSON.stringify(preview), /ck_/)
  })
})
