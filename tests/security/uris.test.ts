// URIs that callers, phones, targets and webhooks write choose whom to call, and no more.
import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, usePostgres } from '../e2e/harness.ts'

// The database does not matter: once is enough.
describe('URIs of others', { skip: usePostgres }, () => {
  let s: Strowger
  let made = 0
  const elsewhere: string[] = [] // what came at 127.0.0.9
  const open: Socket[] = []
  before(async () => {
    s = await Strowger.start()
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: true } })
  })
  after(async () => {
    for (const socket of open) socket.close()
    await s.stop()
  })

  // Somebody listens at the same port of 127.0.0.9.
  const trap = async (port: number) => {
    const socket = createSocket('udp4')
    open.push(socket)
    socket.on('message', (m) => elsewhere.push(m.toString()))
    await new Promise<void>((done) => socket.bind(port, '127.0.0.9', done))
  }
  const steered = (uri: string) =>
    `${uri};maddr=127.0.0.9;x=1;%6daddr=127.0.0.9;method=BYE?X-Evil=1&Route=%3Csip:127.0.0.9;lr%3E`
  // What the peer gets: to itself, with what only says who it is, and no header of its URI.
  const isClean = async (peer: Peer, n = 1) => {
    const { uri, text } = await peer.first('INVITE', n)
    assert.match(uri, /;x=1$/)
    assert.doesNotMatch(text, /maddr|X-Evil|127\.0\.0\.9|method=/i)
    assert.deepEqual(elsewhere, [])
  }
  const number = () => `+1800555${7600 + made++}`
  const call = async (called: string, headers: string[] = []) => {
    const caller = await Peer.start()
    const d = await caller.call(s.sip, `sip:${called}@127.0.0.1`, { headers })
    return d
  }

  test('a phone is called at its Contact, without steering parameters, header fields or its own Path', async () => {
    const phone = await Peer.start(), password = 'a long enough one', called = number()
    await trap(phone.port)
    const destination = { type: 'phone', username: 'amy', password }
    const target = await s.api('POST', '/targets', { name: 'amy', destination })
    const plan = { name: called, entries: [{ target_id: target.id }] }
    const { id } = await s.api('POST', '/routing-plans', plan)
    await s.campaign(called, { routing_plan_id: id })
    const contact = steered(`sip:amy@127.0.0.1:${phone.port}`)
    const path = [`Path: <sip:127.0.0.9:${phone.port};lr>`, 'Supported: path']
    const text = await phone.register(s.sip, 'amy', password, { contact, headers: path })
    assert.match(text, /^SIP\/2.0 200/)
    assert.doesNotMatch(text, /^Path:/im, 'the answer does not say that the Path is taken')
    const d = await call(called)
    assert.equal(d.status, 200)
    await isClean(phone)
    await d.request('BYE')
  })

  test('a transfer goes to the host of its Refer-To, which the dial policy judges', async () => {
    const called = number(), agent = await Peer.start(), other = await Peer.start()
    await trap(other.port)
    await s.campaign(called, { routing_plan_id: (await s.plan(called, [{ uri: agent.uri }])).id })
    const d = await call(called)
    const headers = [`Refer-To: <${steered(`sip:x@127.0.0.1:${other.port}`)}>`]
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: false } })
    assert.equal(await agent.within('REFER', { headers }), 202)
    await isClean(other)
    await s.api('PATCH', '/organization', { dial_policy: { sip_uris: true } })
    await d.request('BYE')
  })

  test('a redirect goes to the host of its Contact', async () => {
    const called = number(), other = await Peer.start()
    await trap(other.port)
    const to = steered(`sip:x@127.0.0.1:${other.port}`)
    const first = await Peer.start({ invite: () => [[302, [`Contact: <${to}>`]]] })
    await s.campaign(called, { routing_plan_id: (await s.plan(called, [{ uri: first.uri }])).id })
    const d = await call(called)
    await isClean(other)
    await d.request('BYE')
  })

  test("a template's result is a URI of others, what a flow has without tokens is its own", async () => {
    await s.api('POST', '/custom-tags', {
      name: 'to', type: 'string', sources: [{ kind: 'sip_header', parameter: 'X-To' }],
    })
    const other = await Peer.start(), [composed, own] = [number(), number()]
    await trap(other.port)
    const dials = async (called: string, uri: string) => {
      const node = { id: 'd', type: 'dial', config: { to: { uri } } }
      const flow = await s.flow(called, [node], [['start', 'next', 'd']])
      await s.campaign(called, { execution_mode: 'call_flow', call_flow_id: flow.id })
    }
    await dials(composed, '[tag.to]')
    const d = await call(composed, [`X-To: ${steered(`sip:x@127.0.0.1:${other.port}`)}`])
    await isClean(other)
    await d.request('BYE')
    for (const bad of ['sip:a@b>;tag=1,<sip:c', 'mailto:a@b', 'sip:']) {
      const e = await call(composed, [`X-To: ${bad}`])
      assert.notEqual(e.status, 200, bad)
    }
    await dials(own, `sip:x@127.0.0.1:${other.port};maddr=127.0.0.1;y=2`)
    const f = await call(own)
    assert.match((await other.first('INVITE', 2)).uri, /maddr=127\.0\.0\.1;y=2$/)
    await f.request('BYE')
  })

  test('a caller ID that a flow composes stays within From', async () => {
    const called = number(), agent = await Peer.start()
    await s.api('POST', '/custom-tags', {
      name: 'from', type: 'string', sources: [{ kind: 'sip_header', parameter: 'X-From' }],
    })
    const config = { to: { uri: agent.uri }, caller_id: '[tag.from]' }
    const node = { id: 'd', type: 'dial', config }
    const flow = await s.flow(called, [node], [['start', 'next', 'd']])
    await s.campaign(called, { execution_mode: 'call_flow', call_flow_id: flow.id })
    const shown = ['x>;tag=1,<sip:b', 'a@b:c', '+15125550100', '100%41', '*67#']
    for (const [i, from] of shown.entries()) {
      const d = await call(called, [`X-From: ${from}`])
      const user = /^<sip:([^@>]*)@[^@<>]*>;tag=[^;,<>]+$/.exec((await agent.first('INVITE', i + 1)).header('From')!)
      assert.equal(decodeURIComponent(user![1]!), from)
      await d.request('BYE')
    }
  })
})
