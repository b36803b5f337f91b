// HTTP answers that flows and bids read, in the encodings and with the damage that servers send.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, until } from '../e2e/harness.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const type = (value: string) => ({ 'content-type': value })

describe('HTTP answers', () => {
  let s: Strowger
  let from: Peer
  let crm: Receiver
  let answer: { status?: number; headers?: Record<string, string>; body?: string | Buffer }
  const asked = '+18005557301'
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    crm = await Receiver.start(() => answer)
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
    await s.api('POST', '/custom-tags', { name: 'name' })
    const ask = {
      id: 'ask',
      type: 'http_request',
      config: {
        url: `${crm.url}/score`,
        save: [
          { pointer: '/score', tag: 'score' },
          { pointer: '/name', tag: 'name' },
        ],
      },
    }
    const flow = await s.flow('Scores', [ask], [['start', 'next', 'ask']])
    await s.campaign(asked, { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(async () => {
    crm.stop()
    await s.stop()
  })

  // The tags and the trace of a call whose flow gets that answer.
  const call = async (given: typeof answer) => {
    answer = given
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    await from.call(s.sip, `sip:${asked}@127.0.0.1`)
    const { id, tags } = await s.lastCall((c) => c.id > last && c.number === asked)
    const trace = (await s.api('GET', `/calls/${id}/trace`)).data
    const step = trace.find((e: any) => e.node === 'ask' && e.port)
    return { score: tags.score, name: tags.name, port: step.port, detail: step.detail }
  }
  const read = { port: 'success', detail: 'status 200, 2 of 2 values saved' }

  test('a byte order mark before JSON is not part of it', async () => {
    const body = '\ufeff{"score":82,"name":"Zoë"}'
    assert.deepEqual(await call({ body }), { score: 82, name: 'Zoë', ...read })
    const utf16 = Buffer.from('\ufeff{"score":83,"name":"Zoë"}', 'utf16le')
    assert.deepEqual(await call({ body: utf16 }), { score: 83, name: 'Zoë', ...read })
  })

  test('Latin-1 is read, whether its header names it or not', async () => {
    const body = latin1('{"score":1,"name":"Müller"}')
    const named = type('application/json; charset=iso-8859-1')
    const expected = { score: 1, name: 'Müller', ...read }
    assert.deepEqual(await call({ headers: named, body }), expected)
    assert.deepEqual(await call({ body }), expected)
  })

  test('integers of more than 64 bits keep their digits', async () => {
    const body = '{"score":7,"name":123456789012345678901234567890}'
    assert.deepEqual(await call({ body }), {
      score: 7,
      name: '123456789012345678901234567890',
      ...read,
    })
  })

  test('a damaged value does not cost the others', async () => {
    const body = '{"score":5,"name":"a\\ud800b","more":1e400,"nul":"\\u0000"}'
    assert.deepEqual(await call({ body }), { score: 5, name: 'a\ufffdb', ...read })
  })

  test('a compressed answer is read', async () => {
    const body = gzipSync('{"score":9,"name":"packed"}')
    assert.deepEqual(await call({ headers: { 'content-encoding': 'gzip' }, body }), {
      score: 9,
      name: 'packed',
      ...read,
    })
  })

  test('the trace says what cannot be read, and which value is not there', async () => {
    const page = await call({ headers: type('text/html'), body: '<html>Sorry</html>' })
    assert.match(page.detail, /^status 200, 0 of 2 values saved: the answer is not JSON: .+line 1/)
    assert.equal(page.port, 'success')
    const cut = await call({ body: '{"score":82,"na' })
    assert.match(cut.detail, /0 of 2 values saved: the answer is not JSON: /)
    const empty = await call({ status: 204, body: '' })
    assert.match(empty.detail, /^status 204, 0 of 2 values saved: the answer is not JSON: /)
    const other = await call({ body: '{"score":82,"Name":"x"}' })
    assert.equal(other.detail, 'status 200, 1 of 2 values saved; not in the answer: /name')
    assert.equal(other.score, 82)
    const both = await call({ body: '{"score":1e400,"name":"x"}' })
    assert.match(both.detail, /, 1 of 2 values saved; a tag keeps what it had: \/score /)
    const wrong = await call({ body: '{"score":"high","name":"x"}' })
    assert.match(wrong.detail, /a tag keeps what it had/)
  })

  test('codings of the answer are undone, though only gzip and deflate are asked for', async () => {
    const body = Buffer.from('{"score":82,"name":"Zoë"}')
    const saved = { score: 82, name: 'Zoë', ...read }
    const coded = (coding: string, bytes: Buffer) => ({ headers: { 'content-encoding': coding }, body: bytes })
    assert.deepEqual(await call(coded('br', brotliCompressSync(body))), saved)
    assert.deepEqual(await call(coded('deflate', deflateSync(body))), saved)
    const unknown = await call(coded('compress', body))
    assert.match(unknown.detail, /Unrecognized or bad HTTP Content/)
    const wrong = await call(coded('br', body))
    assert.match(wrong.detail, /Unrecognized or bad HTTP Content/)
  })

  // The RTB request of a call whose only buyer answers with that: its bid, and what is stored.
  let buyers = 0
  const bid = async (format: string, path: string, given: typeof answer) => {
    const buyer = await Receiver.start(() => given)
    const phone = await Peer.start()
    const target = await s.api('POST', '/rtb-targets', {
      name: `Buyer ${++buyers}`,
      request: { url: buyer.url, body: '{"caller":[CALLER_ID]}' },
      response: { format, accepted: null, bid: path },
      destination: { type: 'sip', uri: phone.uri },
    })
    const tree = await s.api('POST', '/ring-trees', {
      name: `Tree ${buyers}`,
      targets: [{ rtb_target_id: target.id }],
    })
    const plan = await s.api('POST', '/routing-plans', {
      name: `Plan ${buyers}`,
      entries: [{ ring_tree_id: tree.id }],
    })
    const number = `+180055574${String(buyers).padStart(2, '0')}`
    await s.campaign(number, { routing_plan_id: plan.id })
    const d = await from.call(s.sip, `sip:${number}@127.0.0.1`)
    if (d.status === 200) await d.request('BYE')
    const { id } = await s.lastCall((c) => c.number === number)
    const request = await until('the RTB request', async () => {
      const { data } = await s.api('GET', `/rtb-requests?call_id=${id}`)
      return data[0]
    })
    buyer.stop()
    return s.api('GET', `/rtb-requests/${request.id}`)
  }

  test('bids are read in the encoding that the answer has', async () => {
    const marked = await bid('json', '/bid', { body: '\ufeff{"bid":12.5}' })
    assert.deepEqual([marked.status, marked.bid], ['won', '12.50'])
    const xml = latin1('<?xml version="1.0" encoding="ISO-8859-1"?><r n="Müller"><b>7</b></r>')
    const declared = await bid('xml', '/r[@n="Müller"]/b', { headers: type('text/xml'), body: xml })
    assert.deepEqual([declared.status, declared.bid], ['won', '7.00'])
    assert.match(JSON.stringify(declared), /Müller/)
    const text = await bid('text', 'Gebühr: ([0-9.]+)', {
      headers: type('text/plain; charset=windows-1252'),
      body: latin1('Gebühr: 3.25'),
    })
    assert.deepEqual([text.status, text.bid], ['won', '3.25'])
    const page = await bid('json', '/bid', { body: '<html>' })
    assert.equal(page.status, 'no_bid')
    assert.match(JSON.stringify(page), /its answer cannot be read: it is not JSON/)
  })
})
