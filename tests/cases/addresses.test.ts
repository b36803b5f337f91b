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
import { Strowger, binary, freePort } from '../e2e/harness.ts'

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
