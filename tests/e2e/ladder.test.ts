import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Strowger, until } from './harness.ts'

interface Message {
  at: string
  sent: boolean
  transport: string
  local: string
  remote: string
  method: string
  status: number | null
  sip_call_id: string
  text: string
}

// What a capture file holds: RFC 791, RFC 768, with their checksums looked at.
function readPcap(file: Buffer) {
  assert.equal(file.readUInt32LE(0), 0xa1b2c3d4)
  assert.equal(file.readUInt32LE(20), 101)
  const sum = (b: Buffer, from = 0) => {
    for (let i = 0; i < b.length; i += 2) from += i + 1 < b.length ? b.readUInt16BE(i) : b[i] << 8
    while (from > 0xffff) from = (from & 0xffff) + (from >>> 16)
    return from
  }
  const packets = []
  for (let at = 24; at < file.length; ) {
    const length = file.readUInt32LE(at + 8), p = file.subarray(at + 16, at + 16 + length)
    assert.equal(p[0], 0x45)
    assert.equal(p.readUInt16BE(2), length)
    assert.equal(sum(p.subarray(0, 20)), 0xffff)
    const udp = p.subarray(20)
    assert.equal(udp.readUInt16BE(4), udp.length)
    assert.equal(sum(udp, sum(p.subarray(12, 20), 17 + udp.length)), 0xffff)
    packets.push({ from: `${p.subarray(12, 16).join('.')}:${udp.readUInt16BE(0)}`, to: `${p.subarray(16, 20).join('.')}:${udp.readUInt16BE(2)}`, text: udp.subarray(8).toString() })
    at += 16 + length
  }
  return packets
}

describe('the SIP messages of a call', () => {
  let s: Strowger
  let other: string
  before(async () => {
    s = await Strowger.start()
    other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
  })
  after(async () => {
    await s.stop()
  })

  const ladder = async (id: string, whole: (m: Message[]) => boolean): Promise<Message[]> => until('the messages of the call', async () => {
    const { data } = await s.api('GET', `/calls/${id}/sip`)
    return whole(data) && data
  })
  const called = async (number: string, uri: string) => {
    await s.campaign(number, { routing_plan_id: (await s.plan(`Plan ${number}`, [{ uri }])).id })
    return `sip:${number}@127.0.0.1`
  }
  const bye = (n: number) => (m: Message[]) => m.filter((x) => x.method === 'BYE' && x.status === 200).length === n

  test('both sides are kept as they went over the wire, in order, and are a capture file', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    const call = await caller.call(s.sip, await called('+18005557001', target.uri))
    assert.equal(call.status, 200)
    await target.first('ACK')
    target.bye()
    const { id } = await s.lastCall((c) => c.number === '+18005557001')
    const all = await ladder(id, bye(2))
    const short = (m: Message) => `${m.sent ? '>' : '<'}${m.remote === `127.0.0.1:${caller.port}` ? 'caller' : m.remote === `127.0.0.1:${target.port}` ? 'target' : m.remote} ${m.status ?? m.method}`
    const side = (who: string) => all.map(short).filter((x) => x.includes(who))
    assert.deepEqual(side('caller'), ['<caller INVITE', '>caller 100', '>caller 180', '>caller 200', '<caller ACK', '>caller BYE', '<caller 200'])
    assert.deepEqual(side('target'), ['>target INVITE', '<target 180', '<target 200', '>target ACK', '<target BYE', '>target 200'])
    assert.equal(all.find((m) => m.sent && m.method === 'INVITE' && !m.status)!.text, target.of('INVITE')[0].text, 'to the byte, its SDP too')
    assert.ok(all.every((m) => m.transport === 'udp' && m.local === `127.0.0.1:${s.sip}`))
    assert.equal(new Set(all.map((m) => m.sip_call_id)).size, 2)
    const r = await s.raw('GET', `/api/v1/calls/${id}/sip.pcap`)
    assert.equal(r.headers.get('content-type'), 'application/vnd.tcpdump.pcap')
    const packets = readPcap(Buffer.from(await r.arrayBuffer()))
    assert.deepEqual(packets, all.map((m) => ({ from: m.sent ? m.local : m.remote, to: m.sent ? m.remote : m.local, text: m.text })))
    for (const path of ['sip', 'sip.pcap']) assert.equal((await s.raw('GET', `/api/v1/calls/${id}/${path}`, undefined, {}, other)).status, 404)
    assert.equal((await s.raw('GET', '/api/v1/calls/call_nowhere/sip')).status, 404)
  })

  test('a line of any length, and what follows it', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    const identity = `Identity: ${'eyJhbGciOiJFUzI1NiJ9'.repeat(160)};info=<https://example.com/c>`
    const call = await caller.call(s.sip, await called('+18005557006', target.uri), { headers: [identity] })
    assert.equal(call.status, 200)
    const { id } = (await s.api('GET', '/calls?status=active')).data[0]
    const all = await ladder(id, (m) => m.some((x) => x.method === 'ACK' && !x.sent))
    const { text } = all.find((m) => !m.sent && m.method === 'INVITE' && !m.status)!
    assert.ok(text.includes(`\r\n${identity}\r\n`))
    assert.ok(text.endsWith(`\r\n\r\n${caller.sdp()}`), 'its SDP too')
    await s.api('POST', `/calls/${id}/hangup`)
    await s.lastCall((c) => c.id === id)
  })

  test('headers of any number, as they came and as they are sent back', async () => {
    const caller = await Peer.start(), target = await Peer.start()
    const routes = Array.from({ length: 2000 }, (_, i) => `Record-Route: <sip:${i ? 'a' : `127.0.0.1:${caller.port}`};lr>`)
    const call = await caller.call(s.sip, await called('+18005557007', target.uri), { headers: routes })
    assert.equal(call.status, 200)
    const { id } = (await s.api('GET', '/calls?status=active')).data[0]
    const all = await ladder(id, (m) => m.some((x) => x.method === 'ACK' && !x.sent))
    const from = (x: Message) => x.remote === `127.0.0.1:${caller.port}` && x.method === 'INVITE' && (x.text.match(/^Record-Route: <sip:.*;lr>\r$/gm) ?? []).length
    assert.deepEqual(all.filter(from).map((x) => [x.sent, x.status, from(x)]), [[false, null, 2000], [true, 100, 2000], [true, 180, 2000], [true, 200, 2000]])
    await s.api('POST', `/calls/${id}/hangup`)
    await s.lastCall((c) => c.id === id)
  })

  test('what is repeated is there as often as it came', async () => {
    const caller = (await Peer.start()).twice(), target = await Peer.start()
    await caller.call(s.sip, await called('+18005557002', target.uri), { ack: false })
    const { id } = (await s.api('GET', '/calls?status=active')).data[0]
    const all = await ladder(id, (m) => m.filter((x) => x.sent && x.method === 'INVITE' && x.status === 200).length >= 2)
    assert.equal(all.filter((m) => !m.sent && m.method === 'INVITE' && !m.status && m.remote.endsWith(`:${caller.port}`)).length, 2)
    await s.api('POST', `/calls/${id}/hangup`)
    await s.lastCall((c) => c.id === id)
  })

  test('passwords, keys and sensitive headers are not in it', async () => {
    await s.api('POST', '/custom-tags', { name: 'policy', type: 'string', sensitive: true, sources: [{ kind: 'sip_header', parameter: 'X-Policy' }] })
    const caller = await Peer.start(), target = await Peer.start()
    const call = await caller.call(s.sip, await called('+18005557003', target.uri), { headers: ['X-Policy: 4711-secret', 'X-Other: open'] })
    assert.equal(await call.request('INFO'), 200)
    assert.equal(await call.request('BYE'), 200)
    const { id, tags } = await s.lastCall((c) => c.number === '+18005557003')
    assert.ok(tags.policy)
    const text = (await ladder(id, bye(2))).map((m) => m.text).join('')
    assert.match(text, /^X-Policy: x{11}\r$/m)
    assert.match(text, /^X-Other: open\r$/m)
    assert.ok(!text.includes('4711-secret'))
    const key = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Digest', '--email', 'd@example.com', ...s.databaseFlag()])).api_key
    await until('the organization', async () => (await s.raw('GET', '/api/v1/trunks', undefined, {}, key)).ok)
    const flow = await s.api('POST', '/call-flows', { name: 'Ends', draft: { nodes: [{ id: 'start', type: 'start' }, { id: 'p', type: 'gather', config: { prompt: { text: 'Code please' }, max_digits: 2, save_to: { variable: 'x' } } }], edges: [{ from: 'start', port: 'next', to: 'p' }] } }, key)
    await s.api('POST', `/call-flows/${flow.id}/publish`, { note: 'x' }, key)
    await s.api('POST', '/trunks', { name: 'pbx', inbound: { username: 'alice', password: 'wonderland' } }, key)
    const campaign = await s.api('POST', '/campaigns', { name: 'D', execution_mode: 'call_flow', call_flow_id: flow.id }, key)
    await s.api('POST', '/numbers', { number: '+18005557004', campaign_id: campaign.id }, key)
    assert.equal((await s.call('+18005557004', ['--username', 'alice', '--password', 'wonderland', '--duration', '1'])).status, 200)
    const log = await until('the call', async () => (await s.api('GET', '/calls', undefined, key)).data.find((c: { number: string }) => c.number === '+18005557004'))
    const digest = await until('its messages', async () => {
      const all = (await s.api('GET', `/calls/${log.id}/sip`, undefined, key)).data as Message[]
      return all.some((m) => m.method === 'BYE' && m.status === 200) && all
    })
    assert.deepEqual(digest.slice(0, 5).map((m) => m.status ?? m.method), ['INVITE', 100, 407, 'ACK', 'INVITE'], 'from the first INVITE on, which was nobody\'s then')
    assert.match(digest[4].text, /^Proxy-Authorization: Digest .*username="alice".*response="x{32}"/m)
  })

  test('what an organization keeps no longer is deleted, and nothing is kept where it says so', async () => {
    const before = (await s.api('GET', '/calls')).data.at(-1).id
    assert.ok((await s.api('GET', `/calls/${before}/sip`)).data.length)
    await s.api('PATCH', '/organization', { sip_retention_days: 0 })
    assert.equal((await s.raw('PATCH', '/api/v1/organization', { sip_retention_days: 91 })).status, 422)
    const caller = await Peer.start(), target = await Peer.start()
    const call = await caller.call(s.sip, await called('+18005557005', target.uri))
    await call.request('BYE')
    const { id } = await s.lastCall((c) => c.number === '+18005557005')
    await s.kill('SIGTERM')
    await s.serve()
    assert.deepEqual(await s.api('GET', `/calls/${id}/sip`), { call_id: id, data: [], left_out: false, retention_days: 0 })
    assert.deepEqual((await s.api('GET', `/calls/${before}/sip`)).data, [])
  })
})
