import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from './peer.ts'
import { Sipp, Strowger, sleep, until } from './harness.ts'

describe('trunks', () => {
  let s: Strowger
  let agent: Sipp
  let n = 0
  before(async () => {
    s = await Strowger.start()
    agent = await Sipp.answer('answer.xml')
  })
  after(async () => {
    agent.stop()
    await s.stop()
  })

  // A campaign whose calls go to a number over a trunk with these gateways; answers what to dial, and the trunk.
  const campaign = async (outbound: object, rest: object = {}, numbers = ['+12125550100']) => {
    const trunk = await s.api('POST', '/trunks', { name: `Trunk ${++n}`, outbound, ...rest })
    const entries = []
    for (const [i, number] of numbers.entries()) entries.push({ target_id: (await s.api('POST', '/targets', { name: `Target ${n}.${i}`, destination: { type: 'number', number, trunk_id: trunk.id } })).id, priority: i })
    const plan = await s.api('POST', '/routing-plans', { name: `Plan ${n}`, entries, dial: { timeout_seconds: 20 } })
    const number = `+1800555${String(2000 + n)}`
    await s.campaign(number, { routing_plan_id: plan.id })
    return { number, trunk }
  }
  const status = (id: string) => s.api('GET', `/trunks/${id}/status`)

  test('a gateway that cannot is passed over for the next; a number that is busy is not called again', async () => {
    const fails = await Peer.start({ invite: () => [503] }), works = await Peer.start(), busy = await Peer.start({ invite: () => [486] })
    const { number } = await campaign({ gateways: [{ uri: works.uri, priority: 2 }, { uri: fails.uri, priority: 1 }] }, { options_interval_seconds: 0 })
    assert.equal((await s.call(number, ['--duration', '1'])).status, 200)
    const call = await s.lastCall((c) => c.number === number)
    assert.deepEqual(call.attempts.map((a: any) => [a.uri, a.outcome, a.sip_status]), [[`sip:+12125550100@127.0.0.1:${fails.port}`, 'failed', 503], [`sip:+12125550100@127.0.0.1:${works.port}`, 'answered', 200]])
    const other = await campaign({ gateways: [{ uri: busy.uri, priority: 1 }, { uri: works.uri, priority: 2 }] }, { options_interval_seconds: 0 })
    assert.equal((await s.call(other.number)).status, 486)
    assert.deepEqual((await s.lastCall((c) => c.number === other.number)).attempts.map((a: any) => a.outcome), ['busy'])
  })

  test('a gateway that is silent is passed over after 4 seconds, one that only rings slowly is not', async () => {
    const silent = await Peer.start({ invite: () => [0] }), slow = await Peer.start({ invite: () => [100] })
    const { number, trunk } = await campaign({ gateways: [{ uri: silent.uri, priority: 1 }, { uri: slow.uri, priority: 2 }] }, { options_interval_seconds: 0 })
    const call = s.call(number, ['--duration', '60'])
    await slow.first('INVITE')
    await sleep(5000)
    await until('the first gateway to be down', async () => (await status(trunk.id)).gateways.find((g: any) => g.uri === silent.uri)?.state === 'down')
    const live = (await s.api('GET', '/calls')).data.find((c: any) => c.number === number)
    assert.equal(live.status, 'active')
    await s.api('POST', `/calls/${live.id}/hangup`)
    await call
    const log = await s.lastCall((c) => c.number === number)
    assert.deepEqual(log.attempts.map((a: any) => [a.outcome, a.reason]).slice(0, 1), [['failed', 'it did not answer the INVITE']])
    silent.invite = () => [180, 200]
    const next = await s.call(number, ['--duration', '1'])
    assert.ok(next)
    assert.equal(slow.of('INVITE').length, 2) // the one that did not answer comes last now
  })

  test('OPTIONS tell which gateways answer, before any call goes there', async () => {
    const there = await Peer.start(), refuses = await Peer.start({ options: 503 }), old = await Peer.start({ options: 405 })
    const { number, trunk } = await campaign({ gateways: [{ uri: refuses.uri, priority: 1 }, { uri: there.uri, priority: 2 }, { uri: old.uri, priority: 3 }] }, { options_interval_seconds: 10 })
    const seen = await until('all gateways to be known', async () => {
      const { gateways } = await status(trunk.id)
      return gateways.length === 3 && gateways.every((g: any) => g.state !== 'unknown') && gateways
    })
    assert.deepEqual(seen.map((g: any) => [g.uri, g.state, g.sip_status]), [[refuses.uri, 'down', 503], [there.uri, 'up', 200], [old.uri, 'up', 405]])
    assert.ok(seen[1].latency_ms >= 0 && seen[1].latency_ms < 5000)
    assert.equal((await s.call(number, ['--duration', '1'])).status, 200)
    assert.equal(refuses.of('INVITE').length, 0)
    refuses.options = 200
    await until('it to be back', async () => (await status(trunk.id)).gateways[0].state === 'up')
    assert.equal((await s.call(number, ['--duration', '1'])).status, 200)
    assert.equal(refuses.of('INVITE').length, 1)
    await s.api('PATCH', `/trunks/${trunk.id}`, { options_interval_seconds: 0, outbound: { gateways: [{ uri: there.uri, priority: 2 }] } })
    await until('the others to be forgotten', async () => (await status(trunk.id)).gateways.length === 1)
    const asked = there.of('OPTIONS').length
    await sleep(1500)
    assert.equal(there.of('OPTIONS').length, asked)
  })

  test('gateways of one priority take calls in turn', async () => {
    const [a, b] = [await Peer.start(), await Peer.start()]
    const { number } = await campaign({ gateways: [{ uri: a.uri, priority: 1 }, { uri: b.uri, priority: 1 }] }, { options_interval_seconds: 0 })
    for (let i = 0; i < 4; i++) await s.call(number, ['--duration', '1'])
    assert.deepEqual([a.of('INVITE').length, b.of('INVITE').length], [2, 2])
  })

  test('a trunk has no more calls than its limits, in either direction', async () => {
    const p = await Peer.start()
    const { number, trunk } = await campaign({ gateways: [{ uri: p.uri }], max_calls: 1 }, { options_interval_seconds: 0 }, ['+12125550100', '+12125550101'])
    const first = s.call(number, ['--duration', '4', '--from', '+15125550201'])
    await until('the first call to talk', async () => (await status(trunk.id)).outbound.calls === 1 && (await s.api('GET', '/calls')).data.some((c: any) => c.caller_id === '+15125550201' && c.connected_at))
    assert.equal((await s.call(number, ['--from', '+15125550202'])).status, 480)
    const second = await s.lastCall((c) => c.caller_id === '+15125550202')
    assert.deepEqual(second.attempts.map((a: any) => [a.outcome, a.reason]), Array(2).fill(['skipped', 'all the calls that its trunk may have are on']))
    assert.deepEqual((await status(trunk.id)).outbound, { calls: 1, refused: 2, max_calls: 1, max_calls_per_second: null })
    await first
    await until('its place to be free', async () => (await status(trunk.id)).outbound.calls === 0)
    assert.equal((await s.call(number, ['--duration', '1'])).status, 200)

    const loopback = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { ...loopback.inbound, max_calls: 1 } })
    const open = await s.plan('limits', [{ uri: agent.uri }])
    await s.campaign('+18005552900', { routing_plan_id: open.id })
    const one = s.call('+18005552900', ['--duration', '3'])
    await until('it to be counted', async () => (await status(loopback.id)).inbound.calls === 1)
    assert.equal((await s.call('+18005552900')).status, 503)
    await one
    await until('it to be over', async () => (await status(loopback.id)).inbound.calls === 0)
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { ...loopback.inbound, max_calls: null, max_calls_per_second: 2 } })
    const statuses = (await Promise.all(Array.from({ length: 6 }, () => s.call('+18005552900', ['--duration', '1'])))).map((c) => c.status)
    assert.ok(statuses.includes(503) && statuses.filter((x) => x === 200).length >= 2, statuses.join())
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { ...loopback.inbound, max_calls_per_second: null } })
  })

  test('calls over the rate of a trunk are called a moment later', async () => {
    const p = await Peer.start()
    const { number, trunk } = await campaign({ gateways: [{ uri: p.uri }], max_calls_per_second: 1 }, { options_interval_seconds: 0 })
    const times: number[] = []
    p.invite = () => {
      times.push(performance.now())
      return [180, 200]
    }
    const calls = await Promise.all(Array.from({ length: 3 }, () => s.call(number, ['--duration', '1'])))
    assert.deepEqual(calls.map((c) => c.status), [200, 200, 200])
    assert.equal(times.length, 3)
    for (let i = 1; i < 3; i++) assert.ok(times[i] - times[i - 1] > 900, `${times}`)
    assert.equal((await status(trunk.id)).outbound.refused, 0)
  })

  test('numbers are dialled as the trunk wants them, with who called and what was called', async () => {
    const p = await Peer.start()
    const { number, trunk } = await campaign({ gateways: [{ uri: p.uri }], caller_id: '+15125559999', asserted_identity: true, diversion: true, number_format: 'national', number_prefix: '77#' }, { options_interval_seconds: 0 }, ['+12125550100'])
    await s.call(number, ['--duration', '1', '--from', '+15125550301'])
    const r = await p.first('INVITE')
    assert.equal(r.uri, `sip:77#2125550100@127.0.0.1:${p.port}`)
    assert.match(r.header('From')!, /sip:\+15125559999@/)
    assert.match(r.header('P-Asserted-Identity')!, /^<sip:\+15125550301@[^>]+>$/)
    assert.match(r.header('Diversion')!, new RegExp(`^<sip:\\${number}@[^>]+>;reason=unconditional$`))
    assert.equal(r.header('Privacy'), undefined)
    await s.api('PATCH', `/trunks/${trunk.id}`, { outbound: { ...trunk.outbound, number_format: 'digits', number_prefix: null, asserted_identity: false, diversion: false } })
    await s.call(number, ['--duration', '1'])
    const plain = await p.first('INVITE', 2)
    assert.equal(plain.uri, `sip:12125550100@127.0.0.1:${p.port}`)
    assert.deepEqual(['P-Asserted-Identity', 'Diversion'].map(plain.header), [undefined, undefined])
  })

  test('the caller that the carrier vouches for is the caller, and one who withholds it stays withheld', async () => {
    const p = await Peer.start(), from = await Peer.start()
    const { number, trunk } = await campaign({ gateways: [{ uri: p.uri }], asserted_identity: true }, { options_interval_seconds: 0 })
    await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: ['From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=x', 'P-Asserted-Identity: "A" <sip:+15125550401@carrier.example>, <tel:+15125550402>', 'Privacy: id'] })
    const r = await p.first('INVITE')
    assert.match(r.header('From')!, /^"Anonymous" <sip:anonymous@anonymous\.invalid>/)
    assert.match(r.header('P-Asserted-Identity')!, /sip:\+15125550401@/)
    assert.equal(r.header('Privacy'), 'id')
    const live = await until('the call', async () => (await s.api('GET', '/calls')).data.find((c: any) => c.number === number))
    assert.equal(live.caller_id, '+15125550401')
    await s.api('POST', `/calls/${live.id}/hangup`)
    await s.api('PATCH', `/trunks/${trunk.id}`, { outbound: { ...trunk.outbound, asserted_identity: false } })
    await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: ['From: <sip:+15125550403@x.example>;tag=y', 'P-Asserted-Identity: <tel:+15125550404>', 'Privacy: id'] })
    const second = await p.first('INVITE', 2)
    assert.match(second.header('From')!, /anonymous\.invalid/)
    assert.equal(second.header('P-Asserted-Identity'), undefined)
    const loopback = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { ...loopback.inbound, asserted_identity: false } })
    await from.call(s.sip, `sip:${number}@127.0.0.1`, { headers: ['From: <sip:+15125550405@x.example>;tag=z', 'P-Asserted-Identity: <tel:+15125550406>'] })
    assert.match((await p.first('INVITE', 3)).header('From')!, /sip:\+15125550405@/)
    for (const c of (await s.api('GET', '/calls?status=active')).data) await s.api('POST', `/calls/${c.id}/hangup`)
  })

  test('a trunk registers with its provider, and calls that come over that registration are taken', async () => {
    const provider = await Peer.start({ credentials: ['line7', 'secret'], expires: 4 })
    const { trunk } = await campaign({ gateways: [{ uri: provider.uri }], username: 'line7', password: 'wrong', register: true }, { options_interval_seconds: 0 })
    await until('the refusal', async () => (await status(trunk.id)).gateways[0]?.registration_status === 403)
    assert.equal((await status(trunk.id)).gateways[0].registered_until, null)
    await s.api('DELETE', `/trunks/${trunk.id}?force=true`).catch(() => undefined)
    const { number, trunk: right } = await campaign({ gateways: [{ uri: provider.uri }], username: 'line7', password: 'secret', register: true }, { options_interval_seconds: 0 })
    await until('the registration', async () => (await status(right.id)).gateways[0]?.registered_until)
    const registers = provider.of('REGISTER').filter((r) => r.header('Authorization')?.includes('line7'))
    assert.match(registers.at(-1)!.header('To')!, /^<sip:line7@127\.0\.0\.1>/)
    const contact = /<([^>]*)>/.exec(registers.at(-1)!.header('Contact')!)![1]
    const count = provider.of('REGISTER').length
    await until('the registration to be renewed', () => provider.of('REGISTER').length > count)
    // no address of the provider's is configured: what it was told when we registered is enough
    const loopback = (await s.api('GET', '/trunks')).data.find((t: any) => t.name === 'loopback')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { allowed_addresses: [] } })
    assert.equal((await provider.call(s.sip, `sip:${number}@127.0.0.1`)).status, 403)
    provider.invite = () => [486]
    assert.equal((await provider.call(s.sip, contact, { headers: [`To: <sip:${number}@provider.example>`] })).status, 486)
    assert.equal((await s.lastCall((c) => c.number === number)).disposition, 'busy')
    await s.api('PATCH', `/trunks/${loopback.id}`, { inbound: { allowed_addresses: ['127.0.0.1'] } })
    const before = provider.of('REGISTER').length
    await s.kill('SIGTERM')
    const last = provider.of('REGISTER').slice(before).at(-1)!
    assert.equal(last.header('Expires'), '0')
    await s.serve()
  })

  test('who keeps asking for what it may not is answered no more, and others are', async () => {
    const stranger = await Peer.start({}, '127.0.0.9'), friend = await Peer.start()
    for (let i = 0; i < 20; i++) assert.equal((await stranger.call(s.sip, `sip:+1800555${i}@127.0.0.1`)).status, 403)
    const refused = await Promise.race([stranger.call(s.sip, 'sip:+18005551@127.0.0.1').then(() => true, () => false), sleep(1000).then(() => false)])
    assert.equal(refused, false)
    await until('the ban to be counted', async () => (await s.metric('strowger_sip_banned')) === 1 && (await s.metric('strowger_sip_dropped_total')) >= 1)
    assert.equal((await friend.call(s.sip, 'sip:+18005550000@127.0.0.1')).status, 404)
    assert.match(s.log, /127\.0\.0\.9 is not answered/)
  })

  test('what a trunk may not be is said where it is', async () => {
    for (const [outbound, pointer] of [[{ register: true, gateways: [{ uri: 'sip:a.example' }] }, '/outbound/username'], [{ register: true, username: 'a', password: 'b' }, '/outbound/gateways'], [{ number_prefix: 'x' }, '/outbound/number_prefix'], [{ max_calls: 0 }, '/outbound/max_calls']] as const) {
      const r = await s.raw('POST', '/api/v1/trunks', { name: `Bad ${pointer}`, outbound })
      assert.equal(r.status, 422)
      assert.deepEqual((await r.json()).errors.map((e: any) => e.pointer), [pointer])
    }
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', ...s.databaseFlag()])).api_key
    const trunk = (await s.api('GET', '/trunks')).data[0]
    await until('the server to know the new organization', async () => (await s.raw('GET', '/api/v1/trunks', undefined, {}, other)).ok)
    assert.equal((await s.raw('GET', `/api/v1/trunks/${trunk.id}/status`, undefined, {}, other)).status, 404)
  })
})
