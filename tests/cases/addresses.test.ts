// Which address and port audio is asked for: 1:1 NAT, addresses that are not this machine's, and ranges of
// ports that other programs use a part of.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, binary, freePort, until } from '../e2e/harness.ts'

const audio = (text: string) => ({
  address: /^c=IN IP4 (\S+)\r$/m.exec(text)?.[1],
  port: Number(/^m=audio (\d+)/m.exec(text)?.[1]),
})

describe('addresses for audio', () => {
  const data = mkdtempSync(join(tmpdir(), 'strowger-test-'))
  // What `serve` says when it does not start.
  const refusal = async (...args: string[]) => {
    const http = await freePort()
    const all = ['serve', '--data', data, '--http', `127.0.0.1:${http}`, ...args]
    const env = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' }
    const r = spawnSync(binary, all, { encoding: 'utf8', timeout: 20000, env })
    assert.equal(r.status, 1, r.stderr)
    return r.stderr
  }

  test('that are none of this machine are refused at start, with what to do', async () => {
    for (const address of ['203.0.113.9', '2001:db8::9']) {
      const told = await refusal('--rtp-address', address)
      assert.match(told, new RegExp(`${address} is not an address of this machine`))
      assert.match(told, /--rtp-advertised-address/)
    }
    for (const bad of ['example.com', '300.1.1.1', ' '])
      assert.match(await refusal('--rtp-address', bad), /must be an IP address of this machine/)
    assert.match(await refusal('--sip', 'udp:localhost:5060'), /'localhost' in --sip is no IP address/)
  })

  test('to be advertised must be addresses, of the family of those that are used', async () => {
    const local = ['--rtp-address', '127.0.0.1', '--rtp-advertised-address']
    for (const bad of ['calls.example.com', '0.0.0.0', '::'])
      assert.match(await refusal(...local, bad), /must be the IP address that others send audio to/)
    assert.match(await refusal(...local, '2001:db8::1'), /both be IPv4 or both IPv6/)
    assert.match(await refusal('--sip', 'udp:127.0.0.1:5060=2001:db8::1'), /same family/)
    assert.match(await refusal('--sip', 'udp:127.0.0.1:5060=example.com'), /example.com, the outside address of 127.0.0.1, must be an IP address/)
    assert.match(await refusal('--sip', 'udp=127.0.0.1:5060'), /must look like udp:0.0.0.0:5060/)
    const second = ['--rtp-address', '127.0.0.1,203.0.113.9']
    assert.match(await refusal(...second), /203.0.113.9 is not an address of this machine/)
    const proxy = ['--media', 'rtpengine:127.0.0.1:2223']
    assert.match(await refusal(...local, '203.0.113.7', ...proxy), /rtpengine is told its outside/)
  })

  test('name the outside one of 1:1 NAT, to callers and targets', async () => {
    const s = await Strowger.start(['--rtp-advertised-address', '203.0.113.7'])
    const caller = await Peer.start(), target = await Peer.start()
    const plan = await s.plan('NAT', [{ uri: target.uri }])
    await s.campaign('+18005557701', { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, 'sip:+18005557701@127.0.0.1')
    assert.equal(audio(dialog.text).address, '203.0.113.7')
    assert.equal(audio((await target.first('INVITE')).text).address, '203.0.113.7')
    await target.first('ACK')
    const held = caller.sdp().replace('sendrecv', 'sendonly')
    assert.equal(await dialog.request('INVITE', held), 200)
    assert.equal(audio((await target.first('INVITE', 2)).text).address, '203.0.113.7')
    assert.equal(await dialog.request('BYE'), 200)
    await s.stop()
  })
})

describe('ports for audio', () => {
  const bound = (port: number) =>
    new Promise<Socket | null>((done) => {
      const socket = createSocket('udp4')
      socket.once('error', () => done(null))
      socket.bind(port, '127.0.0.1', () => done(socket))
      socket.unref()
    })
  // Calls that number, whose target answers.
  const caller = async (s: Strowger, number: string) => {
    const near = await Peer.start(), target = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    return () => near.call(s.sip, `sip:${number}@127.0.0.1`)
  }
  // The first of so many ports in a row that are free, which are then taken, all but the last `left`.
  const range = async (count: number, left: number) => {
    for (;;) {
      const low = 2 * Math.floor((12000 + Math.random() * 20000) / 2)
      const all: (Socket | null)[] = []
      for (let i = 0; i < count; i++) all.push(await bound(low + i))
      const free = all.every(Boolean)
      all.forEach((socket, i) => (!free || i >= count - left) && socket?.close())
      if (free) return { low, high: low + count - 1, taken: all.slice(0, count - left) }
    }
  }

  test('are found through the whole range, behind any number that other programs have', async () => {
    const { low, high, taken } = await range(200, 40)
    const s = await Strowger.start(['--rtp-ports', `${low}-${high}`])
    const call = await caller(s, '+18005557702')
    const calls = await Promise.all([call(), call(), call()])
    for (const dialog of calls) {
      assert.equal(dialog.status, 200)
      assert.ok(audio(dialog.text).port > low + 159, dialog.text)
    }
    for (const dialog of calls) assert.equal(await dialog.request('BYE'), 200)
    taken.forEach((socket) => socket?.close())
    await s.stop()
  })

  test('that run out are a 503, and of use again once another program gives them back', async () => {
    const { low, high, taken } = await range(60, 0)
    const s = await Strowger.start(['--rtp-ports', `${low}-${high}`])
    const call = await caller(s, '+18005557703')
    assert.equal((await call()).status, 503)
    taken.forEach((socket) => socket?.close())
    let dialog = await call()
    for (let i = 0; i < 20 && dialog.status === 503; i++) {
      await new Promise((done) => setTimeout(done, 250))
      dialog = await call()
    }
    assert.equal(dialog.status, 200)
    assert.equal(await dialog.request('BYE'), 200)
    await s.stop()
  })
})

describe('listeners', () => {
  // A SIP endpoint of either family that answers what it is asked.
  class End {
    got: string[] = []
    heard = 0
    rtp!: Socket
    private constructor(readonly socket: Socket, readonly host: string) {}
    static async bind(host: string) {
      const type = host.includes(':') ? 'udp6' : 'udp4'
      const open = () =>
        new Promise<Socket>((done) => {
          const socket = createSocket(type)
          socket.unref()
          socket.bind(0, host, () => done(socket))
        })
      const e = new End(await open(), host)
      e.rtp = await open()
      e.rtp.on('message', () => e.heard++)
      e.socket.on('message', (m, from) => e.take(m.toString(), from))
      return e
    }
    get port() {
      return this.socket.address().port
    }
    get at() {
      return `${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.port}`
    }
    get sdp() {
      const family = this.host.includes(':') ? 'IP6' : 'IP4'
      return ['v=0', `o=- 1 1 IN ${family} ${this.host}`, 's=-', `c=IN ${family} ${this.host}`, 't=0 0',
        `m=audio ${this.rtp.address().port} RTP/AVP 0`, ''].join('\r\n')
    }
    private take(text: string, from: { address: string; port: number }) {
      this.got.push(text)
      if (/^(SIP|ACK)/.test(text)) return
      const same = text.split('\r\n').filter((l) => /^(Via|From|Call-ID|CSeq):/i.test(l))
      const to = /^To:.*$/im.exec(text)![0].trim()
      const body = text.startsWith('INVITE') ? this.sdp : ''
      const lines = ['SIP/2.0 200 OK', ...same, to.includes(';tag=') ? to : `${to};tag=e`, `Contact: <sip:${this.at}>`,
        ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`, '', body]
      this.socket.send(lines.join('\r\n'), from.port, from.address)
    }
    send(method: string, cseq: number, to: { host: string; port: number }, uri: string, tag = '', body = '') {
      const lines = [`${method} ${uri} SIP/2.0`, `Via: SIP/2.0/UDP ${this.at};rport;branch=z9hG4bK${method}${cseq}${this.port}`,
        'Max-Forwards: 70', `From: <sip:+15125550123@${this.at}>;tag=f`, `To: <sip:called@example.com>${tag}`,
        `Call-ID: ${this.port}@${cseq > 99 ? 'x' : 'call'}`, `CSeq: ${cseq} ${method}`, `Contact: <sip:${this.at}>`,
        ...(body ? ['Content-Type: application/sdp'] : []), `Content-Length: ${body.length}`, '', body]
      this.socket.send(lines.join('\r\n'), to.port, to.host)
    }
    async answer(method: string) {
      const is = (m: string) => /^SIP\/2.0 [2-6]/.test(m) && new RegExp(`^CSeq: \\d+ ${method}`, 'm').test(m)
      return until(`an answer to ${method}`, () => this.got.find(is))
    }
  }
  const contact = (text: string) => /^Contact:\s*<sip:([^;>]*)/im.exec(text)?.[1]
  const asked = (text: string) => ({
    address: /^c=IN (IP[46] \S+)\r$/m.exec(text)?.[1],
    port: Number(/^m=audio (\d+)/m.exec(text)?.[1]),
  })

  test('each names itself, with its outside address, in Contact and SDP, to callers and targets of its family', async () => {
    const port = await freePort()
    const all = [`udp:127.0.0.1:${port}`, `udp:127.0.0.2:${port}=198.51.100.7`, `udp:[::1]:${port}`, `tcp:[::1]:${port}`]
    const s = await Strowger.start(['--sip', all.join()])
    const [four, six] = [await End.bind('127.0.0.1'), await End.bind('::1')]
    const allowed_addresses = ['127.0.0.0/24', '::1']
    await s.api('POST', '/trunks', { name: 'loopback', inbound: { allowed_addresses } })
    const numbers = { '+18005557711': four, '+18005557712': six }
    for (const [number, target] of Object.entries(numbers)) {
      const plan = await s.plan(`Plan ${number}`, [{ uri: `sip:${target.at}` }])
      await s.campaign(number, { routing_plan_id: plan.id })
    }
    const cases = [
      { from: '127.0.0.1', host: '127.0.0.1', named: `127.0.0.1:${port}`, audio: 'IP4 127.0.0.1' },
      { from: '127.0.0.3', host: '127.0.0.2', named: `198.51.100.7:${port}`, audio: 'IP4 198.51.100.7' },
      { from: '::1', host: '::1', named: `[::1]:${port}`, audio: 'IP6 ::1' },
    ]
    for (const c of cases) {
      for (const [number, target] of Object.entries(numbers)) {
        const caller = await End.bind(c.from)
        const to = { host: c.host, port }
        caller.send('INVITE', 1, to, `sip:${number}@example.com`, '', caller.sdp)
        const ok = await caller.answer('INVITE')
        const what = `${c.from} to ${c.host}, ${number}`
        assert.match(ok, /^SIP\/2.0 200/, what)
        assert.deepEqual([contact(ok), asked(ok).address], [c.named, c.audio], what)
        const tag = /^To:.*(;tag=\S+)/im.exec(ok)![1]!
        caller.send('ACK', 1, to, `sip:${c.named}`, tag)
        const invite = target.got.filter((m) => m.startsWith('INVITE')).at(-1)!
        const own = target === six ? { named: `[::1]:${port}`, audio: 'IP6 ::1' } : { named: `127.0.0.1:${port}`, audio: 'IP4 127.0.0.1' }
        assert.deepEqual([contact(invite), asked(invite).address], [own.named, own.audio], what)
        // Audio from one family to the other, both ways.
        const host = c.host
        const near = { port: asked(ok).port, host }
        const far = { port: asked(invite).port, host: target.host }
        const [heard, before] = [caller.heard, target.heard]
        let n = 0
        await until(`audio both ways, ${what}`, () => {
          const packet = Buffer.alloc(172, 0xd5)
          packet.writeUInt16BE(0x8000, 0)
          packet.writeUInt16BE(n++, 2)
          packet.writeUInt32BE(n * 160, 4)
          packet.writeUInt32BE(7, 8)
          caller.rtp.send(packet, near.port, near.host)
          target.rtp.send(packet, far.port, far.host)
          return caller.heard > heard + 3 && target.heard > before + 3
        })
        caller.send('BYE', 2, to, `sip:${c.named}`, tag)
        assert.match(await caller.answer('BYE'), /^SIP\/2.0 200/)
        await until('the BYE', () => target.got.filter((m) => m.startsWith('BYE')).length === target.got.filter((m) => m.startsWith('INVITE')).length)
      }
    }
    await s.stop()
  })
})
