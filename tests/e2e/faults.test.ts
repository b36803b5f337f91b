import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { Receiver, Strowger, binary, freePort, join, sleep, until, usePostgres } from './harness.ts'

describe('a taken port', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  const second = (http: number, sip: string, rtp: string) => {
    const data = mkdtempSync(join(tmpdir(), 'strowger-second-'))
    s.run(['init', '--data', data, '--organization', 'Second', '--email', 'second@example.com'])
    const r = spawnSync(binary, ['serve', '--data', data, '--http', `127.0.0.1:${http}`, '--sip', sip, '--rtp-ports', rtp], { encoding: 'utf8', timeout: 20000, env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
    rmSync(data, { recursive: true })
    assert.equal(r.status, 1, r.stderr)
    return r.stderr
  }

  test('for HTTP ends serve with its address and what to do', async () => {
    assert.match(second(s.http, `udp:127.0.0.1:${await freePort()}`, '30000-30009'), new RegExp(`127.0.0.1:${s.http}.*(taken|in use)`))
  })

  test('for SIP too, over UDP and TCP', async () => {
    for (const transport of ['udp', 'tcp']) assert.match(second(await freePort(), `${transport}:127.0.0.1:${s.sip}`, '30000-30009'), new RegExp(`${transport}:127.0.0.1:${s.sip}.*taken`))
  })
})

describe('a client that sends a byte now and then', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start(['--http-read-timeout', '1'])))
  after(() => s.stop())

  // How the connection went: a byte each 200 ms of what comes after the beginning, for at most 15 s.
  const drip = async (begin: string, rest: string) => {
    const socket = connect(s.http, '127.0.0.1')
    let answer = '', ended = false
    socket.on('data', (d) => (answer += d)).on('close', () => (ended = true)).on('error', () => (ended = true))
    socket.write(begin)
    const from = Date.now()
    for (let i = 0; !ended && Date.now() - from < 15000; i++) {
      if (i < rest.length) socket.write(rest[i])
      await sleep(200)
    }
    socket.destroy()
    return { answer, ended }
  }

  test('is ended in its headers and in its body; one whose request is whole, or that is slow between requests, is not', async () => {
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'slow' })
    const path = new URL(hook.url).pathname + new URL(hook.url).search
    const body = JSON.stringify({ caller_id: '+15125550107' })
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
    const [headers, dripped, slow] = await Promise.all([
      drip('GET /healthz HTTP/1.1\r\n', 'X-Slow: '.padEnd(200, 'x')),
      drip(head.replace(/Content-Length: \d+/, 'Content-Length: 100'), 'x'.repeat(200)),
      (async () => {
        const socket = connect(s.http, '127.0.0.1')
        let answer = ''
        socket.on('data', (d) => (answer += d)).on('error', () => {})
        for (const _ of [1, 2]) {
          socket.write(head)
          await sleep(300)
          socket.write(body)
          await sleep(4500)
        }
        socket.destroy()
        return answer
      })(),
    ])
    assert.deepEqual([headers.ended, headers.answer], [true, ''])
    assert.deepEqual([dripped.ended, dripped.answer], [true, ''])
    assert.equal(slow.match(/HTTP\/1.1 200/g)?.length, 2, slow)
  })

  test('may be given longer, but not for ever', () => {
    const r = spawnSync(binary, ['serve', '--data', s.data, '--http-read-timeout', '0'], { encoding: 'utf8', timeout: 20000, env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' } })
    assert.match(r.stderr, /--http-read-timeout '0' must be a number of seconds/)
  })
})

// A file system of its own, so that it can be filled; mounting one takes root.
const small = mkdtempSync(join(tmpdir(), 'strowger-small-'))
const mounted = !usePostgres && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', small]).status === 0

describe('a full disk', { skip: !mounted && 'needs SQLite and the right to mount' }, () => {
  let s: Strowger
  const filler = join(small, 'filler')
  const fill = () => {
    const { bavail, bsize } = statfsSync(small)
    try {
      writeFileSync(filler, Buffer.alloc(bavail * bsize))
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code !== 'ENOSPC') throw e // the server wrote meanwhile
    }
  }
  before(async () => {
    mkdirSync(join(small, 'server'))
    s = await Strowger.start([], join(small, 'server'))
  })
  after(async () => {
    await s.stop()
    execFileSync('umount', [small])
    rmSync(small, { recursive: true })
  })

  test('is answered with 503 by webhook, API and call, loses nothing that was acknowledged, and mends by itself', async () => {
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'hook' })
    const flow = await s.flow('says hello', [{ id: 'p', type: 'play', config: { prompt: { text: 'Hello.', voice: 'kal' } } }], [['start', 'next', 'p']])
    await s.campaign('+18005550501', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const send = (n: number) => fetch(hook.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ caller_id: '+15125550199', unique_id: `n${n}`, noise: 'x'.repeat(2000) }) })
    fill()
    const acknowledged: string[] = []
    let refused = 0
    for (let n = 0; n < 400 && refused < 3; n++) {
      const r = await send(n)
      const body = (await r.json()) as any
      if (r.status === 200) acknowledged.push(`n${n}`)
      else {
        refused++
        assert.equal(r.status, 503, JSON.stringify(body))
        assert.match(r.headers.get('content-type')!, /problem\+json/)
        assert.ok(Number(r.headers.get('retry-after')) > 0)
      }
    }
    assert.equal(refused, 3, 'the disk was full')
    assert.equal((await s.raw('POST', '/api/v1/custom-tags', { name: 'late' })).status, 503)
    const call = await s.call('+18005550501')
    assert.deepEqual([call.status, call.answered], [503, false])
    assert.equal((await s.api('GET', '/campaigns')).data.length, 1, 'what is there can be read')
    rmSync(filler)
    assert.equal((await send(9999)).status, 200)
    assert.equal((await s.call('+18005550501')).status, 200)
    const kept = new Set<string>()
    for (let cursor = ''; ; ) {
      const page = await s.api('GET', `/incoming-webhook-requests?limit=100${cursor && `&cursor=${cursor}`}`)
      for (const r of page.data) kept.add(r.unique_id)
      if (!(cursor = page.next_cursor ?? '')) break
    }
    assert.deepEqual(acknowledged.filter((id) => !kept.has(id)), [])
  })

  test('what was delivered meanwhile is not sent again: it is noted when there is room', async () => {
    let open = () => {}
    const gate = new Promise<void>((done) => (open = done))
    const receiver = await Receiver.start(() => gate.then(() => ({})))
    const out = await s.api('POST', '/outgoing-webhooks', { name: 'out', url: receiver.url, event_types: ['call.failed'] })
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'noise' })
    for (let i = 0; i < 5; i++) await s.api('POST', `/outgoing-webhooks/${out.id}/test`, {})
    await until('all are under way', () => receiver.requests.length === 5)
    fill()
    let refused = 0
    for (let n = 0; n < 400 && refused < 3; n++) refused += (await fetch(hook.url, { method: 'POST', body: JSON.stringify({ caller_id: '+15125550199', noise: 'x'.repeat(2000) }) })).status === 503 ? 1 : 0
    assert.equal(refused, 3, 'the disk was full')
    open()
    await sleep(3500)
    assert.equal((await s.raw('POST', `/api/v1/outgoing-webhooks/${out.id}/test`, {})).status, 503)
    const delivered = async () => (await s.api('GET', `/outgoing-webhook-requests?outgoing_webhook_id=${out.id}&status=delivered`)).data.length
    assert.ok(await delivered() < 5, 'there was no room for their results')
    rmSync(filler)
    await until('the results', async () => (await delivered()) === 5)
    await sleep(1500)
    assert.equal(receiver.requests.length, 5)
    receiver.stop()
  })
})

if (!mounted && readdirSync(small).length === 0) rmSync(small, { recursive: true })
