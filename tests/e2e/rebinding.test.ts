// A host name that changes its mind: its addresses are asked of a name server of the test, in a network of its own.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { Strowger, join, sleep, until, usePostgres } from './harness.ts'

const outside = '11.22.33.44' // public, and the loopback device's in that network
const inNetwork = process.env.STROWGER_TEST_NETWORK === 'own'
const { NODE_TEST_CONTEXT: _, ...environment } = process.env // the inner run prints for itself
const enter = (command: string) => {
  const resolver = join(mkdtempSync(join(tmpdir(), 'strowger-resolver-')), 'resolv.conf')
  writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n')
  return spawnSync('unshare', ['--net', '--mount', 'sh', '-c', `ip link set lo up && ip address add ${outside}/32 dev lo && mount --bind ${resolver} /etc/resolv.conf && exec ${command}`], { encoding: 'utf8', timeout: 120000, env: { ...environment, STROWGER_TEST_NETWORK: 'own' } })
}
const possible = inNetwork || (!usePostgres && enter('true').status === 0)

if (!inNetwork) {
  test('names that are resolved anew', { skip: !possible && 'needs SQLite and the right to make a network' }, () => {
    const r = enter(`${process.execPath} --import tsx --test --test-force-exit --test-reporter=tap ${import.meta.filename}`)
    assert.equal(r.status, 0, r.stdout + r.stderr)
    assert.match(r.stdout, /# pass 3\n/)
  })
} else {
  describe('a name that is resolved anew', () => {
    let s: Strowger
    let answers: string[] = [] // of the name server, for every name
    const servers: Server[] = []
    const got: Record<string, number> = { [outside]: 0, '127.0.0.1': 0 }
    let status = 200
    let port = 0
    const names = createSocket('udp4')
    const listen = (address: string, at: number) => new Promise<void>((done) => {
      const server = createServer((_, res) => {
        got[address]++
        res.writeHead(status, { connection: 'close' }).end()
      })
      servers.push(server)
      server.listen(at, address, () => {
        port = (server.address() as AddressInfo).port
        done()
      })
    })
    // RFC 1035 §4.1: the question comes back, and an A record for each address.
    names.on('message', (q, from) => {
      const end = q.indexOf(0, 12) + 5
      const found = q.readUInt16BE(end - 4) === 1 ? answers : []
      const head = Buffer.from([q[0], q[1], 0x81, 0x80, 0, 1, 0, found.length, 0, 0, 0, 0])
      const records = found.map((a) => Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...a.split('.').map(Number)]))
      names.send(Buffer.concat([head, q.subarray(12, end), ...records]), from.port, from.address)
    })
    const outgoing = (name: string) => s.api('POST', '/outgoing-webhooks', { name, url: `http://${name}.example.com:${port}/`, event_types: ['call.failed'] })
    const sent = async (id: string) => {
      const { id: delivery } = await s.api('POST', `/outgoing-webhooks/${id}/test`, {})
      return () => s.api('GET', `/outgoing-webhook-requests/${delivery}`)
    }

    before(async () => {
      await new Promise<void>((done) => names.bind(53, '127.0.0.1', done))
      await listen(outside, 0)
      await listen('127.0.0.1', port)
      s = await Strowger.start(['--retry-schedule', '0.3,0.3'], undefined, false)
    })
    after(async () => {
      await s.stop()
      names.close()
      for (const server of servers) server.close()
    })

    test('is judged at each try: what was public and turns inward is refused', async () => {
      answers = [outside]
      status = 503
      const request = await sent((await outgoing('rebind')).id)
      await until('the first try', () => got[outside] === 1)
      answers = ['127.0.0.1']
      const dead = await until('it is given up', async () => {
        const r = await request()
        return r.status === 'dead' && r
      })
      assert.equal(dead.attempts[0].response.status, 503)
      for (const a of dead.attempts.slice(1)) assert.match(a.error, /the address is private/)
      assert.equal(dead.attempts.length, 3)
      assert.deepEqual([got[outside], got['127.0.0.1']], [1, 0])
    })

    test('is found again where it moved to', async () => {
      answers = ['127.0.0.1']
      status = 200
      const request = await sent((await outgoing('moved')).id)
      await until('a refusal', async () => (await request()).attempts.length > 0)
      answers = [outside]
      await until('it is delivered', async () => (await request()).status === 'delivered')
      assert.deepEqual([got[outside], got['127.0.0.1']], [2, 0])
    })

    test('is never reached inside, though it has a public address, too', async () => {
      answers = ['127.0.0.1', outside, '10.0.0.1']
      const out = await outgoing('mixed')
      for (let i = 0; i < 5; i++) await sent(out.id)
      await sleep(1500)
      assert.equal(got['127.0.0.1'], 0)
    })
  })
}
