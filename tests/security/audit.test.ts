// The audit log tells what was changed, by whom and from where, and no secrets.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

describe('audit log', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())
  const newest = async (id: string, action: string) => {
    const rows = (await s.api('GET', '/audit-log?limit=50')).data
    return rows.find((row: any) => row.resource === id && row.action === action)
  }

  test('an update has the changed fields alone, as they were and as they are', async () => {
    const made = await s.api('POST', '/buyers', { name: 'Acme' })
    await s.api('PATCH', `/buyers/${made.id}`, { name: 'Acme Ltd' })
    const row = await newest(made.id, 'update')
    assert.deepEqual([row.before, row.after], [{ name: 'Acme' }, { name: 'Acme Ltd' }])
    assert.equal(row.address, '127.0.0.1')
    assert.equal(row.resource_id, made.id)
  })

  test('what is made has no before, what is deleted no after, and it can be put back', async () => {
    const made = await s.api('POST', '/buyers', { name: 'Brief' })
    const created = await newest(made.id, 'create')
    assert.deepEqual([created.before, created.after.name], [null, 'Brief'])
    await s.api('DELETE', `/buyers/${made.id}`)
    const deleted = await newest(made.id, 'delete')
    assert.deepEqual([deleted.before.name, deleted.after], ['Brief', null])
    assert.equal(deleted.doc, undefined)
    assert.equal((await s.api('POST', `/buyers/${made.id}/restore`)).name, 'Brief')
  })

  test('secrets are ***, also inside objects, and a secret that was changed is seen as changed', async () => {
    const fields = {
      name: 'Hook',
      url: 'https://example.com/hook',
      event_types: ['call.completed'],
      authentication: { bearer_token: 'first-secret' },
    }
    const hook = await s.api('POST', '/outgoing-webhooks', fields)
    const authentication = { bearer_token: 'second-secret' }
    await s.api('PATCH', `/outgoing-webhooks/${hook.id}`, { authentication })
    const trunk = await s.api('POST', '/trunks', {
      name: 'Trunk',
      inbound: { username: 'carrier', password: 'third-secret' },
    })
    const [created, updated] = [await newest(hook.id, 'create'), await newest(hook.id, 'update')]
    assert.equal(created.after.authentication.bearer_token, '***')
    assert.deepEqual(updated.before, { authentication: { bearer_token: '***' } })
    assert.deepEqual(updated.after, { authentication: { bearer_token: '***' } })
    assert.equal((await newest(trunk.id, 'create')).after.inbound.password, '***')
    const all = JSON.stringify((await s.api('GET', '/audit-log?limit=200')).data)
    for (const secret of ['first-secret', 'second-secret', 'third-secret', 'v1:', '$argon2'])
      assert.equal(all.includes(secret), false, secret)
  })

  test('a change without an effect has nothing, a long value its size', async () => {
    const tree = await s.flow('Long', [{ id: 'h', type: 'hangup', config: {} }], [['start', 'next', 'h']])
    const nodes = Array.from({ length: 200 }, (_, i) => ({ id: `n${i}`, type: 'hangup', config: {} }))
    await s.api('PATCH', `/call-flows/${tree.id}`, { draft: { nodes, edges: [] } })
    const row = await newest(tree.id, 'update')
    assert.ok(row.after.draft.omitted_bytes > 4096)
    await s.api('PATCH', `/call-flows/${tree.id}`, { name: 'Long' })
    const same = await newest(tree.id, 'update')
    assert.deepEqual([same.before, same.after], [{}, {}])
  })

  test('the organization, too', async () => {
    const { id } = await s.api('GET', '/organization')
    await s.api('PATCH', '/organization', { sip_retention_days: 3 })
    const row = await newest(id, 'update')
    assert.deepEqual(row.after, { sip_retention_days: 3 })
  })
})
