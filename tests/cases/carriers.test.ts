// What carriers say of a call beside its numbers, where they write the number, and header fields
// that go to targets and trunks.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger } from '../e2e/harness.ts'

const passport = (claims: object) => {
  const part = (o: object) => Buffer.from(JSON.stringify(o)).toString('base64url')
  const token = `${part({ alg: 'ES256', ppt: 'shaken' })}.${part(claims)}.c2lnbmF0dXJl`
  return `${token};info=<https://cert.example/c.pem>;alg=ES256;ppt=shaken`
}

describe('carriers', () => {
  let s: Strowger
  let from: Peer, target: Peer
  let caller = 2145556000
  let n = 0
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    target = await Peer.start()
  })
  after(() => s.stop())

  const number = () => `+1800555${7400 + ++n}`
  // A number whose campaign sends its calls to that target.
  const line = async (campaign: object = {}, more: object = {}) => {
    const own = number()
    const made = await s.api('POST', '/targets', {
      name: `Target ${n}`,
      destination: { type: 'sip', uri: target.uri },
      ...more,
    })
    const plan = await s.api('POST', '/routing-plans', {
      name: `Plan ${n}`,
      entries: [{ target_id: made.id }],
    })
    await s.campaign(own, { routing_plan_id: plan.id, ...campaign })
    return own
  }
  type Given = { user?: string; headers?: string[]; uri?: string; to?: string }
  const call = async (own: string, { user, headers = [], uri, to }: Given = {}) => {
    const who = user ?? `+1${++caller}`
    const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
    const sender = `From: <sip:${who}@127.0.0.1>;tag=${Math.random()}`
    const d = await from.call(s.sip, uri ?? `sip:${own}@127.0.0.1`, {
      headers: [sender, ...(to ? [`To: <sip:${to}@127.0.0.1>`] : []), ...headers],
    })
    if (d.status === 200) await d.request('BYE')
    return { status: d.status, log: await s.lastCall((c) => c.id > last) }
  }

  test('parameters of the numbers are in the log, in filters and in tags, not in the numbers', async () => {
    await s.api('POST', '/custom-tags', {
      name: 'line',
      sources: [{ kind: 'sip_parameter', parameter: 'isup-oli' }],
    })
    await s.api('POST', '/custom-tags', { name: 'user' })
    const rules = [{ field: 'call.cpc', op: 'equals', value: 'payphone' }]
    const own = await line({}, { filter: { match: 'all', rules } })
    const uri = `sip:${own};npdi;rn=+15125550999@127.0.0.1;user=phone`
    const user = '+12145550123;verstat=TN-Validation-Passed;cpc=payphone;isup-oli=27'
    const { status, log } = await call(own, { user, uri })
    assert.equal(status, 200)
    assert.deepEqual(
      [log.caller_id, log.number, log.rn, log.verstat, log.cpc, log.oli, log.attestation],
      ['+12145550123', own, '+15125550999', 'TN-Validation-Passed', 'payphone', '27', null],
    )
    assert.deepEqual([log.tags.line, log.tags.user], ['27', undefined])
    assert.equal((await call(own)).status, 480, 'the filter of the target refuses others')
  })

  test('the attestation is in the log, by any of its three ways', async () => {
    const own = await line()
    const ways: [Given, string | null][] = [
      [{ user: `+1${++caller};verstat=TN-Validation-Passed-A` }, 'A'],
      [{ headers: ['P-Attestation-Indicator: B'] }, 'B'],
      [{ headers: [`Identity: ${passport({ attest: 'C' })}`] }, 'C'],
      [{ headers: ['P-Attestation-Indicator: c;source=gateway'] }, 'C'],
      [{ headers: ['P-Attestation-Indicator: AB'] }, null],
      [{ headers: [`y: ${passport({ attest: 'B' })}`] }, 'B'],
      [{ headers: [`Identity: ${passport({ orig: { tn: '1' } })}`] }, null],
      [{}, null],
    ]
    for (const [given, attestation] of ways)
      assert.equal((await call(own, given)).log.attestation, attestation)
  })

  test('screening refuses calls that are attested less, and calls that do not match', async () => {
    const own = await line({ screening: { minimum_attestation: 'B' } })
    const said = (level: string) => ({ headers: [`P-Attestation-Indicator: ${level}`] })
    assert.equal((await call(own, said('A'))).status, 200)
    assert.equal((await call(own, said('B'))).status, 200)
    const less = await call(own, said('C'))
    assert.deepEqual([less.status, less.log.disposition], [603, 'blocked'])
    assert.match(less.log.hangup_reason, /attests too little/)
    assert.match((await call(own)).log.hangup_reason, /attests nothing/)
    const failed = { ...said('A'), user: `+1${++caller};verstat=TN-Validation-Failed` }
    assert.equal((await call(own, failed)).status, 603)
    const list = await s.api('POST', '/lists', { name: 'Known', values: ['+12145550199'] })
    const friends = await line({
      screening: { minimum_attestation: 'A', allow_list_ids: [list.id] },
    })
    assert.equal((await call(friends, { user: '+12145550199' })).status, 200)

    const rules = [{ field: 'call.oli', op: 'not_equals', value: '27' }]
    const homes = await line({ screening: { filter: { match: 'all', rules } } })
    assert.equal((await call(homes, { user: `+1${++caller};isup-oli=00` })).status, 200)
    const payphone = await call(homes, { user: `+1${++caller};isup-oli=27` })
    assert.equal(payphone.status, 603)
    assert.match(payphone.log.hangup_reason, /screening filter/)
    const wrong = await s.raw('POST', '/api/v1/campaigns', {
      name: 'Wrong',
      screening: { minimum_attestation: 'D' },
    })
    assert.equal(wrong.status, 422)
  })

  test('header fields of targets are rendered, cannot be split, and name no sensitive tag', async () => {
    await s.api('POST', '/custom-tags', {
      name: 'person',
      sources: [{ kind: 'sip_header', parameter: 'X-Person' }],
    })
    await s.api('POST', '/custom-tags', {
      name: 'ssn',
      sensitive: true,
      sources: [{ kind: 'sip_header', parameter: 'X-Ssn' }],
    })
    const headers = [
      { name: 'X-Lead', value: '[person] from [CALLER_ID]' },
      { name: 'X-Secret', value: 'a[ssn]' },
      { name: 'X-None', value: '[user]' },
    ]
    const own = await line({}, { headers })
    await call(own, { user: '+12145550123', headers: ['X-Person: J%0d%0aEvil: 1 "Doe"', 'X-Ssn: 1'] })
    const invite = target.of('INVITE').at(-1)!.text
    assert.match(invite, /^X-Lead: J%0d%0aEvil: 1 "Doe" from \+12145550123\r$/m)
    assert.match(invite, /^X-Secret: a\r$/m)
    assert.doesNotMatch(invite, /^(Evil|X-None|X-Ssn):/m)
    for (const name of ['From', 'v', 'a b', 'Content-Type', 'x:y']) {
      const r = await s.raw('POST', '/api/v1/targets', {
        name: 'Wrong',
        destination: { type: 'sip', uri: target.uri },
        headers: [{ name, value: 'x' }],
      })
      assert.equal(r.status, 422, name)
      assert.equal(((await r.json()) as any).errors[0].pointer, '/headers/0/name')
    }
  })

  test('a trunk passes Identity on and adds its own header fields where it says so', async () => {
    const carrier = await Peer.start()
    const trunk = await s.api('POST', '/trunks', {
      name: 'Out',
      outbound: {
        gateways: [{ uri: carrier.uri }],
        identity: true,
        headers: [{ name: 'X-Account', value: 'acme-[NUMBER]' }],
      },
    })
    const destination = { type: 'number', number: '+15125550142', trunk_id: trunk.id }
    const own = await line({}, { destination })
    const claims = [passport({ attest: 'A' }), passport({ attest: 'C' })]
    await call(own, { headers: claims.map((c) => `Identity: ${c}`) })
    const sent = carrier.of('INVITE').at(-1)!.text
    assert.deepEqual(
      [...sent.matchAll(/^Identity: (.+)\r$/gm)].map((m) => m[1]),
      claims,
    )
    assert.match(sent, new RegExp(`^X-Account: acme-\\${own}\\r$`, 'm'))
    await s.api('PATCH', `/trunks/${trunk.id}`, { outbound: { identity: false } })
    await call(own, { headers: [`Identity: ${claims[0]}`] })
    assert.doesNotMatch(carrier.of('INVITE').at(-1)!.text, /^Identity:/m)
  })

  test('of several asserted identities the one with a number counts', async () => {
    const own = await line()
    const of = async (headers: string[]) => (await call(own, { headers })).log.caller_id
    const alice = '"Alice" <sip:alice@a>', number = '<tel:+1-214-555-0166;cpc=ordinary>'
    assert.equal(await of([`P-Asserted-Identity: ${alice}`, `P-Asserted-Identity: ${number}`]), '+12145550166')
    assert.equal(await of([`P-Asserted-Identity: ${alice}, ${number}`]), '+12145550166')
    assert.equal(await of([`P-Asserted-Identity: ${number}, ${alice}`]), '+12145550166')
    assert.equal(await of([`P-Asserted-Identity: ${alice}`]), 'alice')
  })

  test('Remote-Party-ID is read where the trunk says so, after P-Asserted-Identity', async () => {
    const own = await line()
    const trunk = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    const party = 'Remote-Party-ID: <sip:+12145550177@a>;party=calling;screen=yes'
    const user = '+12145550111'
    assert.equal((await call(own, { user, headers: [party] })).log.caller_id, user)
    await s.api('PATCH', `/trunks/${trunk.id}`, { inbound: { remote_party_id: true } })
    assert.equal((await call(own, { user, headers: [party] })).log.caller_id, '+12145550177')
    const asserted = 'P-Asserted-Identity: <sip:+12145550188@a>'
    const both = await call(own, { user, headers: [party, asserted] })
    assert.equal(both.log.caller_id, '+12145550188')
    await s.api('PATCH', `/trunks/${trunk.id}`, { inbound: { remote_party_id: false } })
  })

  test('the called number is taken from To, or is the default, where the trunk says so', async () => {
    const own = await line(),
      other = await line()
    const trunk = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    const uri = 'sip:account77@127.0.0.1'
    assert.equal((await from.call(s.sip, uri, { headers: [`To: <sip:${own}@a>`] })).status, 404)
    await s.api('PATCH', `/trunks/${trunk.id}`, { inbound: { called_number: 'to' } })
    assert.equal((await call(own, { uri, to: own })).log.number, own)
    const numbers = (await s.api('GET', '/numbers?limit=200')).data
    const id = numbers.find((x: any) => x.number === other).id
    await s.api('PATCH', `/trunks/${trunk.id}`, { inbound: { default_number_id: id } })
    assert.equal((await call(own, { uri, to: 'reception' })).log.number, other)
    assert.equal((await call(own, { uri, to: own })).log.number, own)
    const used = await s.raw('DELETE', `/api/v1/numbers/${id}`)
    assert.equal(used.status, 409, 'a default number is not deleted unasked')
    await s.api('PATCH', `/trunks/${trunk.id}`, {
      inbound: { called_number: 'request_uri', default_number_id: null },
    })
  })
})

describe('numbers of an organization in Britain', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
    await s.api('PATCH', '/organization', { region: 'GB' })
  })
  after(() => s.stop())

  test('called and calling numbers are read as they are written there', async () => {
    const from = await Peer.start(),
      target = await Peer.start()
    const plan = await s.plan('Plan', [{ uri: target.uri }])
    await s.campaign('+442079460018', { routing_plan_id: plan.id })
    const written = ['+442079460018', '442079460018', '02079460018', '00442079460018']
    for (const called of written) {
      const last = (await s.api('GET', '/calls?limit=1')).data[0]?.id ?? ''
      const d = await from.call(s.sip, `sip:${called}@127.0.0.1`, {
        headers: [`From: <sip:07911123456@127.0.0.1>;tag=${Math.random()}`],
      })
      assert.equal(d.status, 200, called)
      await d.request('BYE')
      const log = await s.lastCall((c) => c.id > last)
      assert.deepEqual([log.caller_id, log.number], ['+447911123456', '+442079460018'])
    }
  })
})
