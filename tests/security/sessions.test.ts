// What a changed password, a deleted user and a sign-out end.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

const OLD = 'pale violet lantern'
const NEW = 'seven bright kites'

describe('sessions', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  type Headers = Record<string, string>
  const by = (who: Headers, method: string, path: string, body?: unknown) =>
    s.raw(method, `/api/v1${path}`, body, who, '')
  const works = async (who: Headers) => (await by(who, 'GET', '/buyers')).status
  let users = 0
  const user = async (role = 'analyst') => {
    const email = `u${users++}@example.com`
    const { id } = await s.asOwner('POST', '/users', { email, role, password: OLD })
    return { id, email }
  }

  test('a password that an admin sets ends the sessions of the user', async () => {
    const { id, email } = await user()
    const session = await s.session(email, OLD)
    await s.asOwner('PATCH', `/users/${id}`, { name: 'Renamed' })
    assert.equal(await works(session), 200)
    await s.asOwner('PATCH', `/users/${id}`, { password: NEW })
    assert.equal(await works(session), 401)
    assert.equal((await s.asOwner('GET', '/users')).data.length > 0, true)
  })

  test('a deleted user is signed out, and stays so when restored', async () => {
    const { id, email } = await user()
    const session = await s.session(email, OLD)
    await s.asOwner('DELETE', `/users/${id}`)
    assert.equal(await works(session), 401)
    await s.asOwner('POST', `/users/${id}/restore`, {})
    assert.equal(await works(session), 401)
    assert.equal(await works(await s.session(email, OLD)), 200)
  })

  test('every role changes its own password; the other sessions end, this one goes on', async () => {
    const { id, email } = await user()
    const here = await s.session(email, OLD)
    const there = await s.session(email, OLD)
    const change = (body: unknown, who = here) => by(who, 'PATCH', '/session/password', body)
    const errors = async (body: unknown) => {
      const r = await change(body)
      assert.equal(r.status, 422)
      return ((await r.json()) as { errors: { pointer: string }[] }).errors.map((e) => e.pointer)
    }
    assert.deepEqual(await errors({ current_password: OLD, password: '1234567890' }), ['/password'])
    assert.deepEqual(await errors({ current_password: OLD }), ['/password'])
    assert.deepEqual(await errors({ current_password: NEW, password: NEW }), ['/current_password'])
    const good = { current_password: OLD, password: NEW }
    assert.equal((await change(good, { ...here, 'x-csrf-token': 'x' })).status, 403)
    assert.equal((await s.raw('PATCH', '/api/v1/session/password', good)).status, 403)
    assert.equal(await works(there), 200)
    assert.equal((await change(good)).status, 204)
    assert.deepEqual([await works(here), await works(there)], [200, 401])
    assert.equal(await works(await s.session(email, NEW)), 200)
    const audit = (await s.api('GET', '/audit-log')).data
    assert.ok(audit.some((a: any) => a.action === 'change_password' && a.actor === id))
  })

  test('a user sees the own sessions, ends one, or all of them', async () => {
    const { email } = await user()
    const [a, b, c] = [await s.session(email, OLD), await s.session(email, OLD), await s.session(email, OLD)]
    const other = await s.session()
    const list = async (who: Headers) => ((await (await by(who, 'GET', '/sessions')).json()) as any).data
    const seen = await list(a)
    assert.equal(seen.length, 3)
    assert.deepEqual(seen.map((x: any) => x.address), ['127.0.0.1', '127.0.0.1', '127.0.0.1'])
    assert.equal(seen.filter((x: any) => x.current).length, 1)
    const [ofB] = (await list(b)).filter((x: any) => x.current)
    assert.equal((await by(other, 'DELETE', `/sessions/${ofB.id}`)).status, 404)
    assert.equal((await by(a, 'DELETE', `/sessions/${ofB.id}`)).status, 204)
    assert.deepEqual([await works(a), await works(b), await works(c)], [200, 401, 200])
    assert.equal((await s.raw('GET', '/api/v1/sessions')).status, 403)
    const all = await by(a, 'DELETE', '/sessions')
    assert.equal(all.status, 204)
    assert.match(all.headers.get('set-cookie')!, /Max-Age=0/)
    assert.deepEqual([await works(a), await works(c), await works(other)], [401, 401, 200])
  })
})
