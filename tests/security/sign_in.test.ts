// Passwords and signing in, as somebody who attacks them would.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

const SALT_AND_HASH = 'c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

describe('passwords', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  const signIn = (email: string, password: string, headers: Record<string, string> = {}) =>
    s.raw('POST', '/api/v1/session', { email, password }, headers, '')

  test('a password that looks like a hash is a password, and costs what each costs', async () => {
    const ready = [
      `$argon2id$v=19$m=65536,t=4000000000,p=1$${SALT_AND_HASH}`,
      `$argon2id$v=19$m=4000000,t=2,p=1$${SALT_AND_HASH}`,
    ]
    for (const [i, password] of ready.entries()) {
      const email = `ready${i}@example.com`
      await s.asOwner('POST', '/users', { email, role: 'analyst', password })
      const answers = await Promise.all([signIn(email, 'anything else'), signIn(email, password)])
      assert.deepEqual(
        answers.map((a) => a.status),
        [401, 200],
        password,
      )
      assert.ok(await s.answers())
    }
  })

  test('a changed password that looks like a hash is hashed, too', async () => {
    const email = 'changed@example.com'
    const password = `$argon2id$v=19$m=65536,t=3,p=1$${SALT_AND_HASH}`
    const user = await s.asOwner('POST', '/users', { email })
    await s.asOwner('PATCH', `/users/${user.id}`, { password })
    assert.equal((await signIn(email, password)).status, 200)
  })

  test('what does not change the password keeps it, also sent back masked', async () => {
    const email = 'kept@example.com'
    const password = 'pale violet lantern'
    const user = await s.asOwner('POST', '/users', { email, password })
    await s.asOwner('PATCH', `/users/${user.id}`, { name: 'Kept' })
    const shown = await s.asOwner('GET', `/users/${user.id}`)
    assert.equal(shown.password, '********')
    await s.asOwner('PATCH', `/users/${user.id}`, shown)
    assert.equal((await signIn(email, password)).status, 200)
  })
})

describe('guessing', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start(['--trusted-proxies', '127.0.0.1'])
  })
  after(() => s.stop())

  const signIn = (email: string, password: string, address: string, headers: object = {}) =>
    s.raw('POST', '/api/v1/session', { email, password }, { 'x-forwarded-for': address, ...headers }, '')
  const RIGHT = 'correct horse battery'

  test('the sixth wrong password of an address waits, however many are sent at once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `user${i % 4}@example.com`)
    const answers = await Promise.all(names.map((n) => signIn(n, 'wrong wrong', '203.0.113.5')))
    const statuses = answers.map((a) => a.status)
    assert.equal(statuses.filter((x) => x === 401).length, 5, statuses.join())
    assert.equal(statuses.filter((x) => x === 429).length, 15)
    const late = await signIn('owner@example.com', RIGHT, '203.0.113.5')
    assert.equal(late.status, 429)
    assert.ok(Number(late.headers.get('retry-after')) > 0)
    assert.equal((await signIn('owner@example.com', RIGHT, '203.0.113.6')).status, 200)
  })

  test('an IPv6 address counts with its /64', async () => {
    for (let i = 1; i <= 5; i++)
      assert.equal((await signIn('a@example.com', 'wrong wrong', `2001:db8:1:2::${i}`)).status, 401)
    assert.equal((await signIn('a@example.com', 'wrong wrong', '2001:db8:1:2:ffff::9')).status, 429)
    assert.equal((await signIn('b@example.com', 'wrong wrong', '2001:db8:1:3::9')).status, 401)
  })

  test('an account that several addresses guess waits for all but those it is known from', async () => {
    const email = 'amy@example.com'
    const head = { 'x-forwarded-for': '198.51.100.1' }
    const owner = await signIn('owner@example.com', RIGHT, '198.51.100.1')
    const { csrf_token } = (await owner.json()) as { csrf_token: string }
    const cookie = owner.headers.get('set-cookie')!.split(';')[0]!
    const as = { ...head, cookie, 'x-csrf-token': csrf_token }
    const made = await s.raw('POST', '/api/v1/users', { email, password: 'seven bright kites' }, as, '')
    assert.equal(made.status, 201)
    const amy = ((await made.json()) as { id: string }).id
    assert.equal((await signIn('Amy@Example.COM', 'seven bright kites', '198.51.100.2')).status, 200)
    for (let i = 1; i <= 5; i++)
      assert.equal((await signIn(email, 'wrong wrong', `192.0.2.${i}`)).status, 401)
    assert.equal((await signIn('AMY@example.com', 'seven bright kites', '192.0.2.6')).status, 429)
    assert.equal((await signIn(email, 'seven bright kites', '198.51.100.2')).status, 200)

    const { data } = await s.api('GET', '/audit-log')
    const of = (action: string) => data.filter((a: any) => a.action === action && a.resource_id === amy)
    assert.deepEqual(
      of('sign_in_failed').map((a: any) => a.address),
      ['192.0.2.5', '192.0.2.4', '192.0.2.3', '192.0.2.2', '192.0.2.1'],
    )
    assert.deepEqual(of('sign_in').map((a: any) => [a.actor, a.address]), Array(2).fill([amy, '198.51.100.2']))
    assert.match(s.log, /sign-in as amy@example\.com from 192\.0\.2\.5 failed/)
    assert.match(s.log, /sign-in as a@example\.com from 2001:db8:1:2::1 failed/)
    assert.ok((await s.metric('strowger_sign_in_failures_total')) >= 10)
    assert.ok((await s.metric('strowger_sign_in_refusals_total')) >= 17)
    assert.ok((await s.metric('strowger_sign_ins_total')) >= 3)
  })

  test('common passwords are refused, and e-mail addresses are one in any case', async () => {
    const cases: [string, object, string][] = [
      ['POST', { email: 'n@example.com', password: '1234567890' }, '/password'],
      ['POST', { email: 'n@example.com', password: 'aaaaaaaaaa' }, '/password'],
      ['POST', { email: 'newcomer@example.com', password: 'Newcomer2026' }, '/password'],
      ['POST', { email: 'n@example.com', password: 'Strowger2026!' }, '/password'],
      ['POST', { email: 'OWNER@example.com', password: 'seven bright kites' }, '/email'],
    ]
    const session = await s.session()
    for (const [method, body, pointer] of cases) {
      const r = await s.raw(method, '/api/v1/users', body, session, '')
      assert.equal(r.status, pointer === '/email' ? 409 : 422)
      assert.equal(((await r.json()) as any).errors[0].pointer, pointer)
    }
  })

  test('only JSON from this origin signs in', async () => {
    const body = JSON.stringify({ email: 'owner@example.com', password: RIGHT })
    const own = s.url
    const cases: [Record<string, string>, number][] = [
      [{ 'content-type': 'text/plain' }, 415],
      [{ 'content-type': 'application/x-www-form-urlencoded' }, 415],
      [{ 'content-type': 'application/json', origin: 'https://evil.example' }, 403],
      [{ 'content-type': 'application/json', origin: 'null' }, 403],
      [{ 'content-type': 'application/json; charset=utf-8', origin: own }, 200],
      [{ 'content-type': 'application/json' }, 200],
    ]
    for (const [headers, status] of cases) {
      const r = await s.raw('POST', '/api/v1/session', body, headers, '')
      assert.equal(r.status, status, JSON.stringify(headers))
    }
  })

  test('the API answers while many sign in', async () => {
    const waiting = Array.from({ length: 60 }, (_, i) => signIn(`x${i}@example.com`, 'wrong wrong', `10.1.${i}.1`))
    let answered = 0
    let done = false
    const all = Promise.all(waiting).then((answers) => ((done = true), answers))
    while (!done) {
      await s.api('GET', '/buyers')
      answered++
    }
    const statuses = (await all).map((a) => a.status)
    assert.ok(answered > statuses.filter((x) => x === 401).length, `${answered} answers meanwhile`)
    assert.ok(statuses.every((x) => x === 401 || x === 503))
    assert.ok(statuses.includes(503))
    const busy = (await all).find((a) => a.status === 503)!
    assert.equal(busy.headers.get('retry-after'), '1')
  })
})
