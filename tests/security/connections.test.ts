// TCP and TLS connections that others make to SIP.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, sleep, until, usePostgres } from '../e2e/harness.ts'

interface Line {
  socket: Socket
  closed: boolean
  text: string
}

// The database does not matter: once is enough.
describe('connections of others', { skip: usePostgres }, () => {
  let s: Strowger
  const lines: Line[] = []
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    for (const l of lines) l.socket.destroy()
    await s.stop()
  })
  const open = async (localAddress: string): Promise<Line> => {
    const socket = connect({ host: '127.0.0.1', port: s.sip, localAddress })
    const line = { socket, closed: false, text: '' }
    lines.push(line)
    socket.on('data', (d) => (line.text += d))
    socket.on('error', () => (line.closed = true)).on('close', () => (line.closed = true))
    await new Promise((done) => socket.once('connect', done).once('error', done))
    return line
  }
  const many = async (n: number, address: string) => {
    const made = []
    for (let i = 0; i < n; i++) made.push(await open(address))
    return made
  }
  const options = (l: Line) => {
    const id = Math.random()
    const text = [`OPTIONS sip:127.0.0.1 SIP/2.0`, `Via: SIP/2.0/TCP 127.0.0.1;branch=z9hG4bK${id}`,
      'Max-Forwards: 70', 'From: <sip:a@b>;tag=1', 'To: <sip:c@d>', `Call-ID: ${id}`, 'CSeq: 1 OPTIONS',
      'Content-Length: 0', '', ''].join('\r\n')
    l.socket.write(text)
    return until('an answer or the end', () => (l.text.includes(`${id}`) ? 'answered' : l.closed && 'closed'))
  }
  const openOf = (list: Line[]) => list.filter((l) => !l.closed).length
  const settle = (list: Line[], n: number) => until(`${n} open, not ${openOf(list)}`, () => openOf(list) === n)

  test('what sends no whole request is closed after 30 seconds, what a phone or a call uses is not', async () => {
    const half = await many(3, '127.0.3.1'), silent = await many(2, '127.0.3.2')
    for (const l of half) l.socket.write('OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1;branch=z9')
    const password = 'a long enough one', destination = { type: 'phone', username: 'amy', password }
    await s.api('POST', '/targets', { name: 'amy', destination })
    const phone = await open('127.0.3.3'), peer = await Peer.start()
    const socket = {
      send: (m: string) => phone.socket.write(m),
      on: (_: string, f: (m: Buffer) => void) => phone.socket.on('data', f),
      off: (_: string, f: (m: Buffer) => void) => phone.socket.off('data', f),
    } as any
    assert.match(await peer.register(s.sip, 'amy', password, { socket, transport: 'TCP' }), /^SIP\/2.0 200/)
    // A byte now and then makes no request whole.
    const drip = setInterval(() => half[0]!.socket.write('x'), 1000)
    const began = Date.now()
    await until('all of them to be closed', () => !openOf([...half, ...silent]), 45000)
    clearInterval(drip)
    assert.ok(Date.now() - began > 25000, 'not at once')
    await sleep(5000)
    assert.equal(phone.closed, false)
  })

  test('an address has 20, a trunk and an office with phones more, and the log tells', async () => {
    const stranger = await many(25, '127.0.3.10')
    await settle(stranger, 20)
    await until('the log', () => /SIP connections are refused, the last one from 127.0.3.10/.test(s.log))
    // One that leaves makes room.
    stranger.find((l) => !l.closed)!.socket.destroy()
    await until('room', async () => (await options(await open('127.0.3.10'))) === 'answered')
    await s.api('POST', '/trunks', { name: 'tcp', inbound: { allowed_addresses: ['127.0.3.11'] } })
    const trunk = await many(60, '127.0.3.11')
    await Promise.all(trunk.map(options))
    assert.equal(openOf(trunk), 60)
    assert.equal(s.log.match(/SIP connections are refused/g)!.length, 1, 'once a minute')
  })

  test('a banned address is closed at once', async () => {
    const scanner = await open('127.0.3.20')
    for (let i = 0; i < 25 && !scanner.closed; i++) {
      scanner.text = ''
      void options(scanner).catch(() => {})
      await sleep(20)
    }
    await until('the ban', () => /127\.0\.3\.20 is not answered/.test(s.log))
    const again = await open('127.0.3.20')
    await until('its end', () => again.closed)
    assert.equal(await options(await open('127.0.3.21')), 'answered', 'another address is not')
  })

  test('with 1,024 descriptors calls still have theirs', async () => {
    execFileSync('prlimit', ['--pid', `${s.child!.pid}`, '--nofile=1024:1024'])
    const crowd: Line[] = []
    for (let host = 1; host <= 30; host++) crowd.push(...(await many(20, `127.0.4.${host}`)))
    await until('most to be closed', () => openOf(crowd) <= 256)
    const agent = await Peer.start(), caller = await Peer.start()
    await s.campaign('+18005557900', { routing_plan_id: (await s.plan('P', [{ uri: agent.uri }])).id })
    const d = await caller.call(s.sip, 'sip:+18005557900@127.0.0.1')
    assert.equal(d.status, 200)
    assert.equal(await d.request('BYE'), 200)
    assert.equal((await fetch(`${s.url}/healthz`)).status, 200)
  })
})
