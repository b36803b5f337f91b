// What an operator's machine keeps from a server that was taken over.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Strowger, join, root } from '../e2e/harness.ts'

test('a server leaves no core files, which would have its keys', async () => {
  const s = await Strowger.start()
  const limits = readFileSync(`/proc/${s.child!.pid}/limits`, 'utf8')
  assert.match(limits, /^Max core file size +0 +0 /m)
  await s.stop()
})

test('systemd-analyze counts the exposure of the unit in deploy/ below 2.5', () => {
  const unit = join(root, 'deploy/systemd/strowger.service')
  const options = ['security', '--offline=true', '--threshold=25', '--no-pager', unit]
  const { status, stdout, stderr } = spawnSync('systemd-analyze', options, { encoding: 'utf8' })
  assert.equal(status, 0, stdout + stderr)
})
