// Event streams: what one user, and one organization, may have of those that the server has.
import { strict as assert } from 'node:assert'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'
import { Tenant } from './tenants.ts'

describe('event streams of an organization that opens many', () => {
  let s: Strowger
  let other: Tenant
  const open: AbortController[] = []
  before(async () => {
    s = await Strowger.start()
    other = Tenant.add(s, 'other')
    await until('the organization', () => other.api('GET', '/campaigns').catch(() => false))
  })
  after(async () => {
    for (const one of open) one.abort()
    await s.stop()
  })

  const stream = async (key: string) => {
    const control = new AbortController()
    const headers = { authorization: `Bearer ${key}` }
    const answer = await fetch(`${s.url}/api/v1/events`, { headers, signal: control.signal })
    if (answer.status === 200) open.push(control)
    return answer
  }
  const many = async (key: string, count: number) => {
    const answers: Response[] = []
    for (let i = 0; i < count; i++) answers.push(await stream(key))
    return answers
  }
  const opened = (answers: Response[]) => answers.filter((a) => a.status === 200).length
  // How many of the streams the server has ended.
  const ended = (answers: Response[]) => {
    let count = 0
    for (const a of answers) void a.text().then(() => count++, () => undefined)
    return () => count
  }

  test('one key has 20: its oldest streams end for newer ones', async () => {
    const answers = await many(s.key, 30)
    assert.equal(opened(answers), 30)
    const over = ended(answers.slice(0, 10))
    const left = ended(answers.slice(10))
    await until('the oldest ten to end', () => over() === 10)
    assert.equal(left(), 0)
  })

  test('all keys of an organization have 50, and others still have theirs', async () => {
    const keys: string[] = []
    for (const name of ['K0', 'K1'])
      keys.push((await s.api('POST', '/api-keys', { name, role: 'analyst' })).key)
    assert.equal(opened(await many(keys[0]!, 20)), 20)
    const last = await many(keys[1]!, 15)
    assert.equal(opened(last), 10)
    const refused = last[14]!
    assert.equal(refused.status, 429)
    assert.equal(refused.headers.get('retry-after'), '30')
    assert.match((await refused.json()).detail, /an organization may have 50 open/)
    assert.equal((await stream(other.key)).status, 200)
  })
})
