// docs/quick-start.md, step by step, as its reader would type it: only the ports are others.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { binary, freePort, join, root, usePostgres } from './harness.ts'

test('the quick start works as written', { skip: usePostgres && 'it is on SQLite' }, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'strowger-quick-'))
  const [http, sip, phone] = [await freePort(), await freePort(), await freePort()]
  const uas = spawn('sipp', ['-sn', 'uas', '-i', '127.0.0.1', '-p', String(phone)], { cwd: dir, stdio: 'ignore' })
  const steps = [...readFileSync(join(root, 'docs/quick-start.md'), 'utf8').matchAll(/```sh\n(.*?)```/gs)].map((m) => m[1])
  const script = ['set -eu', ...steps, 'kill %1', 'wait'].join('\n')
    .replaceAll('8080', String(http)).replaceAll('5060', String(sip)).replaceAll('5090', String(phone))
    .replace(/^build\/strowger serve [^&]*&$/m, (line) => `${line}\nn=0; until curl -fs http://127.0.0.1:${http}/healthz; do n=$((n+1)); [ $n -lt 100 ]; sleep 0.1; done`)
  mkdirSync(join(dir, 'build'))
  symlinkSync(binary, join(dir, 'build/strowger'))
  writeFileSync(join(dir, 'steps.sh'), script)
  const r = spawnSync('bash', ['steps.sh'], { cwd: dir, encoding: 'utf8', timeout: 60000, env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
  spawnSync('pkill', ['-f', `serve --data ./data --http 127.0.0.1:${http}`])
  uas.kill('SIGKILL')
  rmSync(dir, { recursive: true })
  assert.equal(r.status, 0, r.stdout + r.stderr)
  assert.match(r.stdout, /"port":"quote"/)
  assert.match(r.stdout, /"tags":\{"interest":"battery"\}/)
  assert.match(r.stdout, /"secret":"whsec_/)
})
