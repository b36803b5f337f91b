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
