// HTTP as RFC 9110 has it: HEAD, Allow, challenges, preconditions, codings, repeated requests, pages.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { Strowger, until } from '../e2e/harness.ts'

describe('HTTP', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  // Headers as they are given, none added: fetch() adds Accept-Encoding.
  const plain = (path: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }>(
      (done, fail) => {
        request(s.url + path, { headers }, (res) => {
          const parts: Buffer[] = []
          res.on('data', (d: Buffer) => parts.push(d))
          res.on('end', () => {
            done({ status: res.statusCode!, headers: res.headers, body: Buffer.concat(parts) })
          })
        })
          .on('error', fail)
          .end()
      },
    )
  // A key of a new organization, once the server knows it.
  let organizations = 0
  const organization = async () => {
    const email = `o${organizations++}@example.com`
    const args = ['--data', s.data, '--name', email, '--email', email, ...s.databaseFlag()]
    const key: string = JSON.parse(s.run(['organization', 'add', ...args])).api_key
    const known = async () => (await s.raw('GET', '/api/v1/buyers', undefined, {}, key)).ok
    await until('the organization', known)
    return key
  }
  const buyer = (name: string) => s.api('POST', '/buyers', { name })

  test('HEAD is answered as GET is, without a body', async () => {
    const made = await buyer('Head')
    const paths = ['/healthz', '/readyz', '/metrics', '/', '/docs', '/api/v1/openapi.json']
    for (const path of [...paths, '/api/v1/buyers', `/api/v1/buyers/${made.id}`, '/api/v1/calls']) {
      const head = await s.raw('HEAD', path)
      assert.equal(head.status, 200, path)
      assert.equal(await head.text(), '', path)
      const get = await s.raw('GET', path)
      assert.equal(head.headers.get('content-type'), get.headers.get('content-type'), path)
      assert.equal(head.headers.get('etag'), get.headers.get('etag'), path)
      await get.arrayBuffer()
    }
    assert.equal((await s.raw('HEAD', '/api/v1/buyers', undefined, {}, '')).status, 401)
    assert.equal((await s.raw('HEAD', '/api/v1/buyers/buy_none')).status, 404)
    assert.equal((await s.raw('HEAD', '/api/v1/nothing')).status, 404)
  })

  test('HEAD of an inbound RTB endpoint asks for no bid', async () => {
    const campaign = await s.campaign('+18005550711', {})
    const publisher = await s.api('POST', '/publishers', { name: 'Head publisher' })
    const endpoint = await s.api('POST', '/inbound-rtb', {
      name: 'Head',
      campaign_id: campaign.id,
      publisher_id: publisher.id,
    })
    const path = `/inbound_rtb/${endpoint.id}?caller_id=%2B15125550142`
    assert.equal((await s.raw('HEAD', path)).status, 200)
    assert.deepEqual((await s.api('GET', '/rtb-requests')).data, [])
    assert.equal((await s.raw('HEAD', '/inbound_rtb/irt_none')).status, 404)
  })

  test('405 and OPTIONS name the methods that a path has', async () => {
    const made = await buyer('Allow')
    const cases: [string, string, string][] = [
      ['POST', '/healthz', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/api/v1/buyers', 'GET, HEAD, POST, OPTIONS'],
      ['PUT', `/api/v1/buyers/${made.id}`, 'GET, HEAD, PATCH, DELETE, OPTIONS'],
      ['GET', '/api/v1/test-calls', 'POST, OPTIONS'],
      ['PATCH', '/api/v1/session', 'POST, GET, HEAD, DELETE, OPTIONS'],
      ['POST', '/', 'GET, HEAD, OPTIONS'],
      ['DELETE', '/docs', 'GET, HEAD, OPTIONS'],
    ]
    for (const [method, path, allow] of cases) {
      const refused = await s.raw(method, path)
      assert.equal(refused.status, 405, `${method} ${path}`)
      assert.equal(refused.headers.get('allow'), allow, `${method} ${path}`)
      const options = await s.raw('OPTIONS', path, undefined, {}, '')
      assert.equal(options.status, 204, path)
      assert.equal(options.headers.get('allow'), allow, path)
    }
    const unknown = await s.raw('POST', '/api/v1/nothing', {})
    assert.equal(unknown.status, 404)
    assert.equal(unknown.headers.get('allow'), null)
    assert.equal((await s.raw('POST', '/call-dataa', {})).status, 404)
  })

  test('each 401 has a challenge', async () => {
    const none = await s.raw('GET', '/api/v1/buyers', undefined, {}, '')
    assert.equal(none.status, 401)
    assert.equal(none.headers.get('www-authenticate'), 'Bearer realm="strowger"')
    const wrong = await s.raw('GET', '/api/v1/buyers', undefined, {}, 'sk_wrong')
    assert.equal(wrong.status, 401)
    assert.match(wrong.headers.get('www-authenticate')!, /^Bearer .*error="invalid_token"$/)
    const basic = await s.raw(
      'GET',
      '/api/v1/buyers',
      undefined,
      { authorization: 'Basic eDp5' },
      '',
    )
    assert.match(basic.headers.get('www-authenticate')!, /^Bearer /)
    const login = await s.raw(
      'POST',
      '/api/v1/session',
      { email: 'a@b.example', password: 'x' },
      {},
      '',
    )
    assert.equal(login.status, 401)
    assert.match(login.headers.get('www-authenticate')!, /^Bearer /)
    assert.equal((await s.raw('GET', '/api/v1/buyers')).headers.get('www-authenticate'), null)
  })

  test('If-Match counts for the organization, too', async () => {
    const path = '/api/v1/organization'
    const etag = (await s.raw('GET', path)).headers.get('etag')!
    for (const match of ['"zz"', `W/${etag}`, 'garbage', '"0"']) {
      const refused = await s.raw('PATCH', path, { name: 'Lost' }, { 'if-match': match })
      assert.equal(refused.status, 412, match)
      assert.equal(refused.headers.get('etag'), etag)
    }
    const taken = await s.raw('PATCH', path, { name: 'Kept' }, { 'if-match': etag })
    assert.equal(taken.status, 200)
    assert.equal((await s.raw('PATCH', path, { name: 'Late' }, { 'if-match': etag })).status, 412)
    assert.equal((await s.api('GET', '/organization')).name, 'Kept')
  })

  test('If-Match that does not name the current version changes and deletes nothing', async () => {
    const made = await s.raw('POST', '/api/v1/buyers', { name: 'Match' })
    const etag = made.headers.get('etag')!,
      { id } = (await made.json()) as { id: string }
    const path = `/api/v1/buyers/${id}`
    const lost = [
      `W/${etag}`,
      '"0"',
      '"0", "99"',
      etag.replaceAll('"', ''),
      'garbage',
      `${etag} junk`,
      '"1',
      '""',
    ]
    for (const match of lost)
      for (const method of ['PATCH', 'DELETE']) {
        const body = method === 'PATCH' ? { name: 'lost update' } : undefined
        const refused = await s.raw(method, path, body, { 'if-match': match })
        assert.equal(refused.status, 412, `${method} ${match}`)
        assert.equal(refused.headers.get('etag'), etag)
      }
    assert.equal((await s.api('GET', `/buyers/${id}`)).name, 'Match')
    const listed = await s.raw('PATCH', path, { name: 'Match 2' }, { 'if-match': `"77", ${etag}` })
    assert.equal(listed.status, 200)
    assert.equal((await s.raw('DELETE', path, undefined, { 'if-match': etag })).status, 412)
    assert.equal((await s.raw('PATCH', path, { name: 'Match 3' }, { 'if-match': '*' })).status, 200)
    const now = (await s.raw('GET', path)).headers.get('etag')!
    assert.equal((await s.raw('DELETE', path, undefined, { 'if-match': now })).status, 204)
  })

  test('a client that has the current version is told so', async () => {
    const { id } = await buyer('Cached')
    const etag = (await s.raw('GET', `/api/v1/buyers/${id}`)).headers.get('etag')!
    for (const match of [etag, `W/${etag}`, `"9", ${etag}`, '*']) {
      const answer = await s.raw('GET', `/api/v1/buyers/${id}`, undefined, {
        'if-none-match': match,
      })
      assert.equal(answer.status, 304, match)
      assert.equal(answer.headers.get('etag'), etag)
    }
    await s.api('PATCH', `/buyers/${id}`, { name: 'Cached 2' })
    const changed = await s.raw('GET', `/api/v1/buyers/${id}`, undefined, { 'if-none-match': etag })
    assert.equal(changed.status, 200)
  })

  test('only who accepts gzip gets gzip', async () => {
    const page = await plain('/', { 'accept-encoding': 'gzip' })
    assert.equal(page.headers['content-encoding'], 'gzip')
    assert.equal(page.headers.vary, 'Accept-Encoding')
    const text = gunzipSync(page.body).toString()
    assert.match(text, /^<!doctype html>/i)
    const others = [
      {},
      { 'accept-encoding': 'identity' },
      { 'accept-encoding': 'br, gzip;q=0' },
      { 'accept-encoding': '' },
    ]
    for (const headers of others) {
      const other = await plain('/', headers as Record<string, string>)
      assert.equal(other.headers['content-encoding'], undefined, JSON.stringify(headers))
      assert.equal(other.body.toString(), text)
      assert.equal(other.headers.vary, 'Accept-Encoding')
    }
    const script = /src="(\/assets\/[^"]+)"/.exec(text)![1]
    const zipped = await plain(script, { 'accept-encoding': 'gzip, br' }),
      flat = await plain(script)
    assert.deepEqual(gunzipSync(zipped.body), flat.body)
  })

  test('an Idempotency-Key stands for one method, path and body', async () => {
    const send = (path: string, body: unknown, key = 'import-1') =>
      s.raw('POST', `/api/v1${path}`, body, { 'idempotency-key': key })
    const first = await send('/buyers', { name: 'Acme' })
    assert.equal(first.status, 201)
    assert.equal((await send('/publishers', { name: 'Acme' })).status, 409)
    const again = await send('/buyers', { name: 'Acme' })
    assert.equal(again.status, 201)
    assert.deepEqual(await again.json(), await first.json())
    assert.equal((await send('/publishers', { name: 'Acme' }, 'import-2')).status, 201)
    assert.equal((await s.api('GET', '/publishers?search=Acme')).data.length, 1)
  })

  test('a refused request does not use up its Idempotency-Key, and a blank key is none', async () => {
    const send = (name: unknown, key: string) =>
      s.raw('POST', '/api/v1/buyers', { name }, { 'idempotency-key': key })
    assert.equal((await send(7, 'fix-1')).status, 422)
    assert.equal((await send('Fixed', 'fix-1')).status, 201)
    for (const key of ['', '   ']) {
      assert.equal((await send(`Blank 1${key}`, key)).status, 201)
      assert.equal((await send(`Blank 2${key}`, key)).status, 201)
    }
    assert.equal((await send('Long', 'k'.repeat(201))).status, 400)
  })

  test('an Idempotency-Key makes a repeated action one', async () => {
    const flow = await s.flow(
      'Once',
      [{ id: 'h', type: 'hangup', config: {} }],
      [['start', 'next', 'h']],
    )
    const publish = () =>
      s.raw(
        'POST',
        `/api/v1/call-flows/${flow.id}/publish`,
        { note: 'once' },
        { 'idempotency-key': 'publish-1' },
      )
    const first = await publish(),
      again = await publish()
    assert.equal(first.status, again.status)
    assert.deepEqual(await again.json(), await first.json())
    const versions = (await s.api('GET', `/call-flows/${flow.id}/versions`)).data
    assert.equal(versions.filter((v: { note: string }) => v.note === 'once').length, 1)
  })

  for (const sort of ['name', '-name', 'updated_at', '-updated_at', 'created_at', '-created_at'])
    test(`pages sorted by ${sort} go on where they ended, whatever became of that row`, async () => {
      const other = await organization()
      const names = ['a', 'B', 'b', 'Ç', 'd e', 'f"g', 'h\\i', 'j+k%l']
      for (const name of names) await s.api('POST', '/publishers', { name }, other)
      const all = (await s.api('GET', `/publishers?sort=${sort}`, undefined, other)).data
      const seen: string[] = []
      let cursor = ''
      do {
        const page = await s.api(
          'GET',
          `/publishers?sort=${sort}&limit=2${cursor}`,
          undefined,
          other,
        )
        seen.push(...page.data.map((p: { id: string }) => p.id))
        await s.api('DELETE', `/publishers/${page.data.at(-1).id}`, undefined, other)
        cursor = page.next_cursor && `&cursor=${page.next_cursor}`
      } while (cursor)
      assert.deepEqual(
        seen,
        all.map((p: { id: string }) => p.id),
      )
    })

  test('a renamed row at the end of a page moves, and hides no other', async () => {
    const other = await organization()
    const made = []
    for (const name of ['A', 'B', 'C', 'D', 'E'])
      made.push(await s.api('POST', '/publishers', { name }, other))
    const first = await s.api('GET', '/publishers?sort=name&limit=2', undefined, other)
    await s.api('PATCH', `/publishers/${made[1].id}`, { name: 'Z' }, other)
    const rest = await s.api(
      'GET',
      `/publishers?sort=name&cursor=${first.next_cursor}`,
      undefined,
      other,
    )
    assert.deepEqual(
      rest.data.map((p: { name: string }) => p.name),
      ['C', 'D', 'E', 'Z'],
    )
  })

  test('a cursor of another sort is refused', async () => {
    for (const cursor of ['%%%', 'pub_1', 'e30', 'x'.repeat(3000)]) {
      const answer = await s.raw(
        'GET',
        `/api/v1/publishers?sort=name&cursor=${encodeURIComponent(cursor)}`,
      )
      assert.equal(answer.status, 400, cursor)
    }
  })
})
