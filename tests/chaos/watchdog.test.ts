// What a service manager is told: that the server serves, lives, and stops; of one that hangs, nothing.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Strowger, sleep, until } from '../e2e/harness.ts'

// Node has no datagram sockets of this kind.
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(4096).decode().replace('\\n', ' '), flush=True)
`

describe('the service manager', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'strowger-notify-')), 'socket')
  const listener = spawn('python3', ['-c', LISTENER, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  let told = ''
  let s: Strowger
  before(async () => {
    listener.stdout.on('data', (d) => (told += d))
    await until('the socket', () => told.includes('bound'))
    process.env.NOTIFY_SOCKET = path
    try {
      s = await Strowger.start()
    } finally {
      delete process.env.NOTIFY_SOCKET
    }
  })
  after(() => {
    listener.kill('SIGKILL')
  })
  const alive = () => told.split('\n').filter((l) => l === 'WATCHDOG=1').length

  test('hears of a server that serves, and each second that it lives', async () => {
    await until('READY', () => told.includes('READY=1 STATUS=serving'))
    const before = alive()
    await until('signs of life', () => alive() >= before + 3)
  })

  test('hears nothing of one that hangs, and of one that goes on', async () => {
    s.child!.kill('SIGSTOP')
    await sleep(300) // for what was on its way
    const before = alive()
    await sleep(2500)
    assert.equal(alive(), before)
    s.child!.kill('SIGCONT')
    await until('a sign of life', () => alive() > before)
  })

  test('hears that it stops', async () => {
    await s.stop()
    await until('STOPPING', () => told.includes('STOPPING=1'))
  })
})
