// Where a name leads: NAPTR, SRV and addresses (RFC 3263), asked of a name server.
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { Peer, line } from './peer.ts'
import { Strowger, freePort, join, sleep, until } from './harness.ts'

// An address of loopback that no other run has.
const address = `127.${1 + Math.floor(Math.random() * 250)}.${Math.floor(Math.random() * 250)}.53`

describe('names', () => {
  let s: Strowger
  let server: ChildProcess
  let first: Peer, second: Peer, heavy: Peer, light: Peer, nobody: number
  const lines: string[][] = [] // what came over TCP
  const dir = mkdtempSync(join(tmpdir(), 'strowger-names-'))

  before(async () => {
    ;[first, second, heavy, light] = await Promise.all([Peer.start(), Peer.start(), Peer.start({ invite: () => [486] }), Peer.start({ invite: () => [486] })])
    nobody = await freePort()
    const tcp = createServer((socket: Socket) => void lines.push(line(socket.unref(), 486).requests)).unref()
    await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done))
    const tcpPort = (tcp.address() as AddressInfo).port
    server = spawn('dnsmasq', ['--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--pid-file', '--user=root', '--bind-interfaces', `--listen-address=${address}`, '--local=/test/',
      ...['first', 'second', 'heavy', 'light', 'tcp'].map((h) => `--host-record=${h}.test,127.0.0.1`),
      `--srv-host=_sip._udp.carrier.test,second.test,${second.port},20`, `--srv-host=_sip._udp.carrier.test,first.test,${first.port},10`,
      `--srv-host=_sip._udp.halfgone.test,first.test,${nobody},10`, `--srv-host=_sip._udp.halfgone.test,second.test,${second.port},20`,
      `--srv-host=_sip._udp.weighted.test,heavy.test,${heavy.port},10,80`, `--srv-host=_sip._udp.weighted.test,light.test,${light.port},10,20`,
      '--naptr-record=streams.test,10,10,S,SIP+D2T,,_sip._tcp.streams.test', '--naptr-record=streams.test,10,20,S,SIP+D2U,,_sip._udp.streams.test', `--srv-host=_sip._tcp.streams.test,tcp.test,${tcpPort},10`, `--srv-host=_sip._udp.streams.test,second.test,${second.port},10`,
    ], { stdio: ['ignore', 'ignore', 'inherit'] })
    process.once('exit', () => server.kill('SIGKILL'))
    writeFileSync(join(dir, 'resolv.conf'), `nameserver ${address}\noptions timeout:1 attempts:2\n`)
    s = await Strowger.start([], undefined, true, join(dir, 'resolv.conf'))
  })
  after(async () => {
    server.kill()
    await s.stop()
  })

  let n = 0
  const campaign = async (uri: string) => {
    const number = `+180055543${60 + ++n}`
    await s.campaign(number, { routing_plan_id: (await s.plan(number, [{ uri, timeout_seconds: 8 }])).id })
    return number
  }
  const attempts = async (number: string) => (await s.lastCall((c) => c.number === number)).attempts.map((a: any) => [a.outcome, a.sip_status])
  const call = (number: string, duration = '1') => s.call(number, ['--duration', duration])

  test('the SRV record of the least priority is called, by the name that was asked for', async () => {
    const number = await campaign('sip:sales@carrier.test')
    await call(number)
    assert.deepEqual(await attempts(number), [['answered', 200]])
    assert.equal(first.of('INVITE')[0]!.uri, 'sip:sales@carrier.test')
    assert.deepEqual([first.of('BYE').length, second.of('INVITE').length], [1, 0])
  })

  test('where nobody is there, the next one is called', async () => {
    const gone = await campaign('sip:sales@halfgone.test')
    await call(gone)
    assert.deepEqual(await attempts(gone), [['answered', 200]])
    assert.equal(second.of('INVITE').length, 1)
  })

  test('those of one priority share the calls by weight', async () => {
    const number = await campaign('sip:share@weighted.test')
    for (let i = 0; i < 40; i++) await call(number)
    const [h, l] = [heavy.of('INVITE').length, light.of('INVITE').length]
    assert.equal(h + l, 40)
    assert.ok(h > l && l > 0, `${h} and ${l}`)
  })

  test('NAPTR chooses the transport, and a URI that names one is not asked about', async () => {
    const number = await campaign('sip:t@streams.test')
    await call(number)
    assert.deepEqual(await attempts(number), [['busy', 486]])
    assert.match(lines.flat()[0]!, /^INVITE sip:t@streams.test [^]*^Via: SIP\/2.0\/TCP /m)
    const told = await campaign('sip:u@streams.test;transport=udp')
    const before = second.of('INVITE').length
    await call(told)
    assert.equal(second.of('INVITE').length, before + 1)
    const port = await campaign(`sip:p@first.test:${first.port}`)
    await call(port)
    assert.equal(first.of('INVITE').at(-1)!.uri, `sip:p@first.test:${first.port}`)
  })

  test('a name that is none fails at once; a name server that is gone keeps no other call waiting', async () => {
    const none = await campaign('sip:x@nowhere.test'), before = Date.now()
    await call(none)
    assert.equal((await attempts(none))[0][0], 'failed')
    assert.ok(Date.now() - before < 4000, `${Date.now() - before} ms`)
    server.kill('SIGSTOP')
    const lost = await campaign('sip:x@unasked.test'), here = await campaign(second.uri)
    const waiting = call(lost)
    await sleep(200)
    await call(here)
    assert.deepEqual(await attempts(here), [['answered', 200]])
    await waiting
    assert.notEqual((await attempts(lost))[0][0], 'answered')
    await until('nothing to be left', async () => /^strowger_calls_active 0$/m.test(await (await s.raw('GET', '/metrics')).text()))
  })
})
