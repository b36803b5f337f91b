// XML and JSON bodies made from templates: what a receiver's parser reads is what the call has.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Receiver, Strowger, until, type Received } from '../e2e/harness.ts'

interface Element {
  tag: string
  text: string
  attributes: Record<string, string>
  children: Element[]
}

// Expat reads the document (an error for what is not well-formed); the tree comes back as JSON.
const reader = `import json, sys
import xml.etree.ElementTree as tree
def of(e):
    return {'tag': e.tag, 'text': e.text or '', 'attributes': e.attrib,
            'children': [of(c) for c in e]}
documents = [d.encode() for d in json.load(sys.stdin)]
print(json.dumps([of(tree.fromstring(d)) for d in documents]))`
const parse = (...documents: string[]): Element[] =>
  JSON.parse(
    execFileSync('/usr/bin/python3', ['-c', reader], {
      input: JSON.stringify(documents),
      encoding: 'utf8',
    }),
  )

// What leads have, and what breaks XML that is put together as text.
const values: Record<string, string> = {
  company: 'Smith & Sons',
  quoted: `5'9" <tall>`,
  escaped: '&amp;&lt;&#60; stays as it is written',
  section: 'a]]>b]]]]>c]',
  comment: '--> <x/> <!-- -- ---',
  tag: '</name><bid>99</bid>',
  doctype: '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;',
  script: '<![CDATA[ x ]]> <?php echo 1 ?>',
  unicode: 'Zoë Müller 😀 漢字',
  lines: 'one\ntwo\tthree',
}
const names = Object.keys(values)
const template = `<lead call="[CALL_ID]">
  ${names.map((n) => `<${n} a="[${n}]" b='[${n}]'>[${n}]</${n}>`).join('\n  ')}
  ${names.map((n) => `<raw><![CDATA[[${n}]]]></raw>`).join('\n  ')}
  <!-- ${names.map((n) => `[${n}]`).join(' ')} -->
  <missing a="[nothing]">[nothing]</missing><instead>[nothing|R & D]</instead>
</lead>`

describe('bodies made from templates', () => {
  let s: Strowger
  let caller: Peer
  let buyer: Peer
  let flowAsks: Receiver
  let bids: Receiver
  let events: Receiver
  let data: { url: string }
  let next = 0

  before(async () => {
    s = await Strowger.start()
    caller = await Peer.start()
    buyer = await Peer.start()
    flowAsks = await Receiver.start()
    bids = await Receiver.start(() => ({ body: '{"bid":"5.00"}' }))
    events = await Receiver.start()
    for (const name of [...names, 'nothing']) await s.api('POST', '/custom-tags', { name })
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
    await s.api('POST', '/custom-tags', { name: 'owner', type: 'boolean' })
    data = await s.api('POST', '/incoming-webhooks', { name: 'Leads' })
  })
  after(async () => {
    for (const r of [flowAsks, bids, events]) r.stop()
    await s.stop()
  })

  interface Body {
    headers?: Record<string, string>
    body: string
  }

  // A call with those tags, whose flow, buyer and outgoing webhook get a request with the body.
  const requests = async ({ headers = {}, body }: Body, tags: object): Promise<Received[]> => {
    const name = `Case ${++next}`
    const number = `+180055591${String(next).padStart(2, '0')}`
    const target = await s.api('POST', '/rtb-targets', {
      name,
      request: { url: `${bids.url}/${next}`, headers, body },
      response: { format: 'json', accepted: null, bid: '/bid' },
      destination: { type: 'sip', uri: buyer.uri },
    })
    const tree = await s.api('POST', '/ring-trees', {
      name,
      targets: [{ rtb_target_id: target.id }],
      timeout_ms: 5000,
    })
    const url = `${flowAsks.url}/${next}`
    const flow = await s.flow(
      name,
      [
        { id: 'ask', type: 'http_request', config: { method: 'POST', url, headers, body } },
        { id: 'offer', type: 'rtb', config: { ring_tree_id: tree.id } },
      ],
      [
        ['start', 'next', 'ask'],
        ['ask', 'success', 'offer'],
      ],
    )
    const campaign = await s.campaign(number, {
      execution_mode: 'call_flow',
      call_flow_id: flow.id,
    })
    const hook = await s.api('POST', '/outgoing-webhooks', {
      name,
      url: `${events.url}/${next}`,
      event_types: ['call.completed'],
      campaign_ids: [campaign.id],
      headers,
      body_template: body,
    })
    const from = `+1512555${String(1000 + next)}`
    const lead = JSON.stringify({ caller_id: from, ...tags })
    const sent = await fetch(data.url, { method: 'POST', body: lead })
    const answer = (await sent.json()) as { status: string; errors: object[] }
    assert.deepEqual([answer.status, answer.errors], ['pending', []])
    const d = await caller.call(s.sip, `sip:${number}@127.0.0.1`, {
      headers: [`From: <sip:${from}@127.0.0.1>;tag=p`],
    })
    assert.equal(d.status, 200)
    await d.request('BYE')
    const of = (r: Receiver) => r.requests.filter((q) => q.path.endsWith(`/${next}`))
    const all = () => [flowAsks, bids, events].flatMap(of)
    await until('the three requests', () => all().length === 3)
    await s.api('PATCH', `/outgoing-webhooks/${hook.id}`, { enabled: false })
    return all()
  }
  const who = ['the http_request node', 'the RTB ping', 'the outgoing webhook']

  const assertReads = (root: Element) => {
    const of = (tag: string) => root.children.filter((c) => c.tag === tag)
    for (const n of names) {
      const [element] = of(n)
      assert.equal(element!.text, values[n])
      assert.deepEqual(element!.attributes, { a: values[n], b: values[n] })
    }
    assert.deepEqual(
      of('raw').map((c) => c.text),
      Object.values(values),
    )
    assert.deepEqual([of('missing')[0]!.text, of('missing')[0]!.attributes], ['', { a: '' }])
    assert.equal(of('instead')[0]!.text, 'R & D')
    assert.equal(root.children.length, 2 * names.length + 2, 'no value makes an element')
  }

  test('a parser of XML reads the values of the call, whoever asks for them', async () => {
    const made: Body[] = [
      { headers: { 'Content-Type': 'application/xml' }, body: template },
      { headers: { 'content-type': 'text/xml; charset=utf-8' }, body: template },
      { headers: { 'Content-Type': 'application/soap+xml' }, body: `\n${template}` },
      { body: `<?xml version="1.0"?>\n${template}` },
      { body: ` \r\n${template}` },
    ]
    for (const body of made) {
      const got = await requests(body, values)
      const expected = Object.values(body.headers ?? { type: 'application/xml' })[0]
      assert.deepEqual(
        got.map((r) => r.headers['content-type']),
        [expected, expected, expected],
      )
      const roots = parse(...got.map((r) => r.body.trimStart()))
      for (const [i, root] of roots.entries()) {
        assertReads(root)
        assert.match(root.attributes.call!, /^call_/, who[i])
      }
    }
  })

  test('characters that XML lacks are left out, others are read in any encoding', async () => {
    const body = `<?xml version="1.0" encoding="ISO-8859-1"?><lead n="[company]">[company]</lead>`
    const tags = { company: 'Zoë\u0001\u0008\uffff 😀\u007f €' }
    const got = await requests({ body }, tags)
    for (const { body } of got) assert.doesNotMatch(body, /[^\x00-\x7f]/, 'it is ASCII')
    for (const root of parse(...got.map((r) => r.body))) {
      assert.equal(root.text, 'Zoë\ufffd 😀\u007f €')
      assert.equal(root.attributes.n, root.text)
    }
  })

  test('a body that begins like a form is one, with angle brackets in it, too', async () => {
    const body = 'name=[company]&lead[note]=[quoted]&html=<b>'
    const tags = { company: 'A&B=C <c>+%41', quoted: '&html=x#?/' }
    for (const [i, r] of (await requests({ body }, tags)).entries()) {
      assert.equal(r.headers['content-type'], 'application/x-www-form-urlencoded', who[i])
      assert.deepEqual(
        [...new URLSearchParams(r.body)],
        [
          ['name', tags.company],
          ['lead[note]', tags.quoted],
          ['html', '<b>'],
        ],
      )
    }
  })

  test('values in JSON keep the type of their tag, with a value and by default', async () => {
    const body = `{"score":[score|0],"owner":[owner|false],"name":"[company|none]",
      "bare":[company|none],"none":[score],"of":"[score|0]","price":[score|1.50]}`
    const [none, some] = [
      await requests({ body }, {}),
      await requests({ body }, { score: 82.5, owner: true, company: 'A "B" \\ C\n' }),
    ]
    for (const [i, r] of none.entries())
      assert.deepEqual(
        JSON.parse(r.body),
        { score: 0, owner: false, name: 'none', bare: 'none', none: null, of: '0', price: 1.5 },
        who[i],
      )
    const text = 'A "B" \\ C\n'
    const read = { name: text, bare: text, none: 82.5, of: '82.5', price: 82.5 }
    for (const [i, r] of some.entries())
      assert.deepEqual(JSON.parse(r.body), { score: 82.5, owner: true, ...read }, who[i])
  })

  test('brackets with a JSON literal are an array of it, and no token', async () => {
    const body = `{"listIds":[2],"yes":[true],"no":[false],"null":[null],"negative":[-1],
      "fraction":[2.50],"power":[1e3],"many":[1,2],"lists":[[1],[-2]],"none":[],"texts":["a"],
      "tags":["[company]",[score]],"in":"[[2]"}`
    const got = await requests({ body }, { score: 7, company: 'x' })
    const literals = { listIds: [2], yes: [true], no: [false], null: [null], negative: [-1] }
    const more = { fraction: [2.5], power: [1000], many: [1, 2], lists: [[1], [-2]], none: [] }
    const read = { ...literals, ...more, texts: ['a'], tags: ['x', 7], in: '[2]' }
    for (const [i, r] of got.entries()) assert.deepEqual(JSON.parse(r.body), read, who[i])
    const array = await requests({ body: '[[-1],[score],"[company]"]' }, { score: 7 })
    for (const r of array) assert.deepEqual(JSON.parse(r.body), [[-1], 7, ''])
  })

  test('a template that makes no XML or JSON, or has an unknown token, is refused', async () => {
    const fields = { name: 'refused', url: events.url, event_types: ['call.completed'] }
    for (const body_template of [
      '<a>[company]',
      '<a b=[company]/>',
      '{"a":[2}',
      '<a>[nobody]</a>',
    ]) {
      const r = await s.raw('POST', '/api/v1/outgoing-webhooks', { ...fields, body_template })
      assert.equal(r.status, 422, body_template)
      const { errors } = (await r.json()) as { errors: { pointer: string }[] }
      assert.equal(errors[0]!.pointer, '/body_template')
    }
  })
})
