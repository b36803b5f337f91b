// Who may make, change and delete whom.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

const PASSWORD = 'pale violet lantern'

describe('users', () => {
  let s: Strowger
  let owner: Record<string, string>
  let admin: Record<string, string>
  let ownerId: string
  before(async () => {
    s = await Strowger.start()
    owner = await s.session()
    await s.asOwner('POST', '/users', { email: 'admin@example.com', role: 'admin', password: PASSWORD })
    admin = await s.session('admin@example.com', PASSWORD)
    const users = (await s.api('GET', '/users')).data as { id: string; role: string }[]
    ownerId = users.find((u) => u.role === 'owner')!.id
  })
  after(() => s.stop())

  const by = async (who: Record<string, string>, method: string, path: string, body?: unknown) => {
    const r = await s.raw(method, `/api/v1${path}`, body, who, '')
    const text = await r.text()
    return { status: r.status, body: text ? JSON.parse(text) : null }
  }

  test('an API key of any role makes, changes and deletes no user, but lists them', async () => {
    const { key } = await s.api('POST', '/api-keys', { name: 'm', role: 'manager' })
    for (const k of [s.key, key]) {
      const cases: [string, string, object | undefined][] = [
        ['POST', '/users', { email: 'x@example.com', role: 'owner', password: PASSWORD }],
        ['POST', '/users', { email: 'x@example.com', role: 'analyst' }],
        ['PATCH', `/users/${ownerId}`, { password: PASSWORD }],
        ['PATCH', `/users/${ownerId}`, { name: 'X' }],
        ['DELETE', `/users/${ownerId}`, undefined],
        ['POST', `/users/${ownerId}/restore`, {}],
      ]
      for (const [method, path, body] of cases) {
        const r = await s.raw(method, `/api/v1${path}`, body, {}, k)
        assert.equal(r.status, 403, `${method} ${path}`)
        assert.match(((await r.json()) as { title: string }).title, /API keys do not change users/)
      }
      assert.equal((await s.raw('GET', '/api/v1/users', undefined, {}, k)).status, 200)
    }
  })

  test('an admin makes others, but no owner, and leaves owners as they are', async () => {
    const made = await by(admin, 'POST', '/users', { email: 'm@example.com', role: 'manager' })
    assert.equal(made.status, 201)
    const path = `/users/${made.body.id}`
    const refused: [string, string, object | undefined][] = [
      ['POST', '/users', { email: 'o@example.com', role: 'owner', password: PASSWORD }],
      ['PATCH', path, { role: 'owner' }],
      ['PATCH', `/users/${ownerId}`, { password: PASSWORD }],
      ['PATCH', `/users/${ownerId}`, { role: 'analyst' }],
      ['DELETE', `/users/${ownerId}`, undefined],
    ]
    for (const [method, to, body] of refused)
      assert.equal((await by(admin, method, to, body)).status, 403, `${method} ${to}`)
    assert.equal((await by(admin, 'PATCH', path, { role: 'admin' })).status, 200)
    assert.equal((await by(admin, 'DELETE', path)).status, 204)
    assert.equal((await by(admin, 'POST', `${path}/restore`, {})).status, 201)
    assert.equal((await by(owner, 'PATCH', path, { role: 'owner' })).status, 200)
    assert.equal((await by(owner, 'DELETE', path)).status, 204)
    assert.equal((await by(admin, 'POST', `${path}/restore`, {})).status, 403)
  })

  test('the last owner stays one', async () => {
    assert.equal((await by(owner, 'PATCH', `/users/${ownerId}`, { role: 'admin' })).status, 409)
    assert.equal((await by(owner, 'DELETE', `/users/${ownerId}`)).status, 409)
    const second = await by(owner, 'POST', '/users', { email: 'second@example.com', role: 'owner' })
    assert.equal((await by(owner, 'PATCH', `/users/${ownerId}`, { role: 'admin' })).status, 200)
    assert.equal((await by(owner, 'PATCH', `/users/${second.body.id}`, { name: 'S' })).status, 403)
  })
})
