// Signing in with a second factor: one-time passwords, recovery codes, and who must have one.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

const PASSWORD = 'correct horse battery'

// RFC 6238, written once more so that the server is not its own witness.
function code(secret: string, seconds = Date.now() / 1000) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g)!.map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(seconds / 30)))
  const hash = createHmac('sha1', key).update(counter).digest()
  const at = hash[19]! & 15
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, '0')
}

describe('second factor', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start(['--trusted-proxies', '127.0.0.1'])
  })
  after(() => s.stop())

  // Each user at an address of its own, so that wrong codes of one do not make others wait.
  const addresses = new Map<string, string>()
  const at = (email: string) => {
    if (!addresses.has(email)) addresses.set(email, `198.51.100.${addresses.size + 1}`)
    return { 'content-type': 'application/json', 'x-forwarded-for': addresses.get(email)! }
  }
  const signIn = async (email: string, more: object = {}) => {
    const body = JSON.stringify({ email, password: PASSWORD, ...more })
    const r = await fetch(`${s.url}/api/v1/session`, { method: 'POST', headers: at(email), body })
    const cookie = r.headers.getSetCookie()[0]?.split(';')[0] ?? ''
    return { email, status: r.status, cookie, body: (await r.json()) as any }
  }
  type Session = Awaited<ReturnType<typeof signIn>>
  const ask = async (who: Session, method: string, path: string, body?: object) => {
    const headers = { ...at(who.email), cookie: who.cookie, 'x-csrf-token': who.body.csrf_token }
    const sent = body && JSON.stringify(body)
    const r = await fetch(`${s.url}/api/v1${path}`, { method, headers, body: sent })
    const text = await r.text()
    return { status: r.status, body: text ? (JSON.parse(text) as any) : null }
  }
  const owner = () => signIn('owner@example.com')
  const user = async (name: string, role = 'manager') => {
    const email = `${name}@example.com`
    const made = await ask(await owner(), 'POST', '/users', { email, name, role, password: PASSWORD })
    assert.equal(made.status, 201)
    return { email, id: made.body.id as string }
  }
  const enrol = async (email: string) => {
    const session = await signIn(email)
    const { secret, uri } = (await ask(session, 'POST', '/session/totp', {})).body
    const now = code(secret)
    const { recovery_codes: recovery } = (await ask(session, 'POST', '/session/totp', { code: now })).body
    return { session, secret, uri, now, recovery: recovery as string[] }
  }

  test('a sign-in needs the code once it is set up, and each code counts once', async () => {
    const { email } = await user('amy')
    const { secret, uri, now, recovery } = await enrol(email)
    assert.match(uri, new RegExp(`^otpauth://totp/Strowger:amy%40example\\.com\\?secret=${secret}&`))
    assert.equal(new Set(recovery).size, 10)
    const without = await signIn(email)
    assert.deepEqual([without.status, without.cookie], [401, ''])
    assert.deepEqual(without.body.errors, [{ pointer: '/code', detail: 'is needed' }])
    const again = await signIn(email, { code: now })
    assert.deepEqual([again.status, again.body.errors[0].detail], [401, 'is wrong'])
    const next = code(secret, Date.now() / 1000 + 30)
    const entered = await signIn(email, { code: next })
    assert.equal(entered.status, 200)
    assert.equal((await ask(entered, 'GET', '/campaigns')).status, 200)
    assert.equal((await ask(entered, 'GET', '/session')).body.second_factor, true)
    assert.equal((await signIn(email, { code: next })).status, 401)
  })

  test('a recovery code counts once, in any case', async () => {
    const { email } = await user('ben')
    const { recovery } = await enrol(email)
    const [first, second] = recovery
    assert.equal((await signIn(email, { code: first!.toUpperCase().replace('-', ' ') })).status, 200)
    assert.equal((await signIn(email, { code: first })).status, 401)
    assert.equal((await signIn(email, { code: second })).status, 200)
  })

  test('what is set up without its code does not count, and removing it needs one', async () => {
    const { email } = await user('cat')
    const session = await signIn(email)
    await ask(session, 'POST', '/session/totp', {})
    assert.equal((await ask(session, 'POST', '/session/totp', { code: '000000' })).status, 422)
    assert.equal((await signIn(email)).status, 200)
    const { recovery, session: other } = await enrol(email)
    assert.equal((await ask(other, 'POST', '/session/totp', {})).status, 409)
    assert.equal((await ask(other, 'DELETE', '/session/totp', { code: '000000' })).status, 422)
    assert.equal((await ask(other, 'DELETE', '/session/totp', { code: recovery[0] })).status, 204)
    assert.equal((await signIn(email)).status, 200)
  })

  test('an admin removes that of others, but not an owner’s; a key that of nobody', async () => {
    const [dan, eve] = [await user('dan'), await user('eve', 'admin')]
    await enrol(dan.email)
    const admin = await signIn(eve.email)
    const users = (await ask(admin, 'GET', '/users')).body.data
    const { id } = users.find((u: any) => u.email === 'owner@example.com')
    assert.equal((await ask(admin, 'DELETE', `/users/${id}/totp`)).status, 403)
    assert.equal((await s.raw('DELETE', `/api/v1/users/${dan.id}/totp`)).status, 403)
    assert.equal((await s.raw('POST', '/api/v1/session/totp', {})).status, 403)
    assert.equal((await ask(admin, 'DELETE', `/users/${dan.id}/totp`)).status, 204)
    assert.equal((await signIn(dan.email)).status, 200)
  })

  test('where it is required, a session without it can set it up and nothing else', async () => {
    const { email } = await user('fay')
    await s.api('PATCH', '/organization', { require_second_factor: true })
    const session = await signIn(email)
    assert.equal(session.status, 200)
    assert.equal((await ask(session, 'GET', '/session')).body.limited, true)
    const refused = await ask(session, 'GET', '/campaigns')
    assert.deepEqual([refused.status, refused.body.title], [403, 'A second factor is required'])
    const { secret } = (await ask(session, 'POST', '/session/totp', {})).body
    assert.equal((await ask(session, 'POST', '/session/totp', { code: code(secret) })).status, 200)
    assert.equal((await ask(session, 'GET', '/campaigns')).status, 200)
    await s.api('PATCH', '/organization', { require_second_factor: false })
  })

  test('codes are guessed no faster than passwords', async () => {
    const { email } = await user('gil')
    await enrol(email)
    const statuses: number[] = []
    for (let i = 0; i < 7; i++) statuses.push((await signIn(email, { code: '000000' })).status)
    assert.equal(statuses.at(-1), 429)
  })
})
