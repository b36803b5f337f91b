import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { join, root, startPostgres, usePostgres } from './harness.ts'

test('the store keeps its promises on PostgreSQL, as it does on SQLite', { skip: !usePostgres }, async () => {
  const server = await startPostgres()
  const env = { ...process.env, STROWGER_TEST_POSTGRES: server.url('store') }
  const ran = spawnSync(join(root, 'build/asan/tests/test_store'), { env, encoding: 'utf8' })
  server.stop()
  assert.equal(ran.status, 0, ran.stdout + ran.stderr)
})
