// Digest challenges as gateways make them (RFC 3261 section 22, RFC 7616, RFC 8760).
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { Strowger, until } from '../e2e/harness.ts'
import { type Answer, Endpoint, bodyOf, field, sdp } from './sip_endpoint.ts'

interface Challenge {
  realm?: string
  nonce?: string
  algorithm?: string
  qop?: string
  more?: string
  // 401 by the other side itself, or 407 by a proxy
  by?: 'server' | 'proxy'
}

const header = ({ realm = 'r', nonce = 'n', algorithm, qop, more = '', by = 'proxy' }: Challenge) =>
  `${by === 'proxy' ? 'Proxy' : 'WWW'}-Authenticate: Digest realm="${realm}", nonce="${nonce}"` +
  (algorithm ? `, algorithm=${algorithm}` : '') +
  (qop ? `, qop="${qop}"` : '') +
  more

const hashes: Record<string, string> = {
  MD5: 'md5',
  'SHA-256': 'sha256',
  'SHA-512-256': 'sha512-256',
}

// Are there credentials of u with the password p that answer the challenge?
const answers = (request: string, c: Challenge) => {
  const name = c.by === 'server' ? 'Authorization' : 'Proxy-Authorization'
  const all = request.split('\r\n').filter((l) => l.startsWith(`${name}:`))
  return all.some((line) => {
    const get = (key: string) => new RegExp(`[ ,]${key}="?([^",\\s]*)`).exec(line)?.[1] ?? ''
    const algorithm = get('algorithm') || 'MD5'
    const base = algorithm.replace(/-sess$/, '')
    const digest = (text: string) => createHash(hashes[base]).update(text).digest('hex')
    const method = request.split(' ')[0]
    let secret = digest(`u:${c.realm ?? 'r'}:p`)
    if (base !== algorithm) secret = digest(`${secret}:${get('nonce')}:${get('cnonce')}`)
    const entity = get('qop') === 'auth-int' ? `:${digest(bodyOf(request))}` : ''
    const asked = digest(`${method}:${get('uri')}${entity}`)
    const middle = get('qop') ? `:${get('nc')}:${get('cnonce')}:${get('qop')}` : ''
    return (
      get('realm') === (c.realm ?? 'r') &&
      get('nonce') === (c.nonce ?? 'n') &&
      algorithm === (c.algorithm ?? 'MD5') &&
      (!c.qop || c.qop.split(/, ?/).includes(get('qop'))) &&
      get('uri') === request.split(' ')[1] &&
      get('response') === digest(`${secret}:${get('nonce')}${middle}:${asked}`)
    )
  })
}

const asking = (...list: Challenge[]): Answer => ({
  status: list[0].by === 'server' ? 401 : 407,
  headers: list.map(header),
})

describe('SIP challenges', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start(['--session-expires', '6', '--min-se', '3'])
  })
  after(() => s.stop())

  // A number whose calls go to the gateway, and its caller.
  const through = async (gateway: Endpoint) => {
    const outbound = {
      gateways: [{ uri: `sip:127.0.0.1:${gateway.port}` }],
      username: 'u',
      password: 'p',
    }
    const name = `Challenges ${++n}`
    const trunk = await s.api('POST', '/trunks', { name, outbound, options_interval_seconds: 0 })
    const destination = { type: 'number', number: '+12125550100', trunk_id: trunk.id }
    const target = await s.api('POST', '/targets', { name, destination })
    const entries = [{ target_id: target.id, priority: 0 }]
    const plan = await s.api('POST', '/routing-plans', { name, entries })
    const number = `+1800555${String(7400 + n)}`
    await s.campaign(number, { routing_plan_id: plan.id })
    const caller = await Endpoint.bind((r) =>
      r.startsWith('INVITE') ? [{ status: 200, body: sdp(40000) }] : [{ status: 200 }],
    )
    return { dialog: caller.call(s.sip, number, { body: sdp(40000) }), number }
  }
  const accepted = { status: 200, body: sdp(40002) }

  // Each challenge in turn, until its credentials are there; then the call is answered.
  const chain = async (...steps: Challenge[][]) => {
    const gateway = await Endpoint.bind()
    gateway.answer = (r) => {
      if (!r.startsWith('INVITE')) return [{ status: 200 }]
      const step = gateway.of('INVITE').length - 1
      const right = step === 0 || steps[step - 1].some((c) => answers(r, c))
      if (!right) return [{ status: 403 }]
      return [step < steps.length ? asking(...steps[step]) : accepted]
    }
    const { dialog } = await through(gateway)
    const answer = await dialog.answered()
    await dialog.ask('BYE')
    return [Number(answer.slice(8, 11)), gateway.of('INVITE').length]
  }

  const single: [string, Challenge[]][] = [
    ['SHA-256 alone', [{ algorithm: 'SHA-256', qop: 'auth' }]],
    ['SHA-512-256 by the server itself', [{ algorithm: 'SHA-512-256', qop: 'auth', by: 'server' }]],
    ['MD5 without a qop', [{ algorithm: 'MD5' }]],
    ['no algorithm named', [{ qop: 'auth' }]],
    ['qop auth and auth-int', [{ algorithm: 'MD5', qop: 'auth,auth-int' }]],
    ['qop auth-int alone', [{ algorithm: 'SHA-256', qop: 'auth-int' }]],
    ['MD5-sess', [{ algorithm: 'MD5-sess', qop: 'auth' }]],
    ['an empty qop', [{ more: ', qop=""' }]],
    ['an empty algorithm', [{ qop: 'auth', more: ', algorithm=""' }]],
    ['SHA-256-sess', [{ algorithm: 'SHA-256-sess', qop: 'auth', more: ', opaque="o"' }]],
  ]
  for (const [name, challenge] of single)
    test(`${name}: answered with the right credentials`, async () => {
      assert.deepEqual(await chain(challenge), [200, 2])
    })

  test('of several challenges of a realm the first that is known is answered', async () => {
    const sha = { algorithm: 'SHA-256', nonce: 's', qop: 'auth' }
    const md5 = { algorithm: 'MD5', nonce: 'm', qop: 'auth' }
    const other = { algorithm: 'SHA-1', nonce: 'x', qop: 'auth' }
    for (const list of [
      [sha, md5],
      [md5, sha],
      [other, sha, md5],
    ]) {
      const seen = await Endpoint.bind()
      const first = list.find((c) => c !== other)!
      seen.answer = (r) => {
        if (!r.startsWith('INVITE')) return [{ status: 200 }]
        if (seen.of('INVITE').length === 1) return [asking(...list)]
        return [answers(r, first) ? accepted : { status: 403 }]
      }
      const { dialog } = await through(seen)
      assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
      await dialog.ask('BYE')
    }
  })

  test('a stale nonce is replaced, also twice', async () => {
    const stale = (nonce: string) => [{ nonce, qop: 'auth', more: ', stale=true' }]
    assert.deepEqual(await chain([{ nonce: '1', qop: 'auth' }], stale('2'), stale('3')), [200, 4])
  })

  test('a second realm is answered beside the first', async () => {
    const gateway = await Endpoint.bind()
    const [one, two] = [{ realm: 'one' }, { realm: 'two', by: 'server' as const, nonce: 'm' }]
    gateway.answer = (r) => {
      if (!r.startsWith('INVITE')) return [{ status: 200 }]
      if (!answers(r, one)) return [asking(one)]
      return [answers(r, two) ? accepted : asking(two)]
    }
    const { dialog } = await through(gateway)
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    assert.equal(gateway.of('INVITE').length, 3)
    // The ACK has what the INVITE had (RFC 3261 section 22.1).
    const ack = await gateway.request('ACK', 3)
    const last = gateway.of('INVITE')[2]
    for (const name of ['Authorization', 'Proxy-Authorization'])
      assert.equal(field(ack, name), field(last, name))
    await dialog.ask('BYE')
  })

  test('two realms in one response are answered at once', async () => {
    const gateway = await Endpoint.bind()
    const list = [{ realm: 'one' }, { realm: 'two', nonce: 'm', algorithm: 'SHA-256' }]
    gateway.answer = (r) => {
      if (!r.startsWith('INVITE')) return [{ status: 200 }]
      return [list.every((c) => answers(r, c)) ? accepted : asking(...list)]
    }
    const { dialog } = await through(gateway)
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    assert.equal(gateway.of('INVITE').length, 2)
    await dialog.ask('BYE')
  })

  test('credentials that are refused are not sent again', async () => {
    const gateway = await Endpoint.bind()
    gateway.answer = (r) =>
      r.startsWith('INVITE')
        ? [asking({ nonce: `n${gateway.of('INVITE').length}` })]
        : [{ status: 200 }]
    const { dialog } = await through(gateway)
    assert.ok(Number((await dialog.answered()).slice(8, 11)) >= 400)
    assert.equal(gateway.of('INVITE').length, 2)
  })

  test('a gateway that calls every nonce stale is given up after a few tries', async () => {
    const gateway = await Endpoint.bind()
    gateway.answer = (r) => {
      const nonce = `n${gateway.of('INVITE').length}`
      return [r.startsWith('INVITE') ? asking({ nonce, more: ', stale=true' }) : { status: 200 }]
    }
    const { dialog } = await through(gateway)
    assert.ok(Number((await dialog.answered()).slice(8, 11)) >= 400)
    const tries = gateway.of('INVITE').length
    assert.ok(tries > 2 && tries <= 10, `${tries}`)
  })

  // Every request within the dialog has a nonce of its own.
  const jealous = async (allow: string, more: string[] = []) => {
    const gateway = await Endpoint.bind()
    const nonces = new Map<string, string>()
    gateway.answer = (r) => {
      const key = `${r.split(' ')[0]} ${nonces.size}`
      const known = [...nonces.values()].some((nonce) => answers(r, { nonce, qop: 'auth' }))
      if (known) {
        nonces.clear()
        const invite = r.startsWith('INVITE')
        const headers = [`Allow: ${allow}`, ...(/^(INVITE|UPDATE)/.test(r) ? more : [])]
        return [{ status: 200, headers, body: invite ? accepted.body : '' }]
      }
      const nonce = Math.random().toString(36)
      nonces.set(key, nonce)
      return [asking({ nonce, qop: 'auth' })]
    }
    return gateway
  }

  test('re-INVITE and BYE are sent again with credentials', async () => {
    const gateway = await jealous('INVITE, ACK, BYE, CANCEL')
    const { dialog } = await through(gateway)
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await dialog.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    const hold = await gateway.request('INVITE', 4)
    assert.ok(hold.includes('a=sendonly'))
    const acknowledged = field(hold, 'CSeq').replace('INVITE', 'ACK')
    await until('its ACK', () => gateway.of('ACK').some((t) => field(t, 'CSeq') === acknowledged))
    await dialog.ask('BYE')
    await gateway.request('BYE', 2)
  })

  test('UPDATE is sent again with credentials, and the session goes on', async () => {
    const terms = ['Session-Expires: 4;refresher=uac', 'Require: timer']
    const gateway = await jealous('INVITE, ACK, BYE, CANCEL, UPDATE', terms)
    const { dialog } = await through(gateway)
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await gateway.request('UPDATE', 4)
    assert.equal(gateway.of('BYE').length, 0)
    await dialog.ask('BYE')
    await gateway.request('BYE', 2)
  })

  test('PRACK is sent again with credentials', async () => {
    const gateway = await Endpoint.bind()
    gateway.answer = (r) => {
      if (r.startsWith('INVITE'))
        return [{ status: 180, headers: ['Require: 100rel', 'RSeq: 7'] }]
      if (r.startsWith('PRACK') && !answers(r, {})) return [asking({})]
      return [{ status: 200 }]
    }
    const { dialog } = await through(gateway)
    const prack = await gateway.request('PRACK', 2)
    assert.equal(field(prack, 'RAck').split(' ')[0], '7')
    gateway.later(gateway.of('INVITE')[0], accepted)
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await dialog.ask('BYE')
  })

  test('a BYE to a caller is sent again with the credentials of its trunk', async () => {
    const loopback = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    const outbound = { ...loopback.outbound, username: 'u', password: 'p' }
    await s.api('PATCH', `/trunks/${loopback.id}`, { outbound })
    const target = await Endpoint.bind((r) =>
      r.startsWith('INVITE') ? [accepted] : [{ status: 200 }],
    )
    const number = '+18005557499'
    const plan = await s.plan('Callers', [{ uri: `sip:127.0.0.1:${target.port}` }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const theirs: Challenge = { by: 'server', algorithm: 'SHA-256', qop: 'auth' }
    const caller = await Endpoint.bind((r) =>
      answers(r, theirs) ? [{ status: 200 }] : [asking(theirs)],
    )
    const dialog = caller.call(s.sip, number, { body: sdp(40000) })
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await target.request('ACK')
    await target.dialog(target.of('INVITE')[0]).ask('BYE')
    assert.ok(answers(await caller.request('BYE', 2), theirs))
  })
})
