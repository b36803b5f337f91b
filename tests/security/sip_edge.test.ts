// Who may call whose numbers, from which address.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger, until, usePostgres } from '../e2e/harness.ts'
import { Stranger } from './stranger.ts'

const status = (text: string) => Number(text.slice(8, 11))

// The database does not matter: once is enough.
describe('the edge of SIP', { skip: usePostgres }, () => {
  let s: Strowger
  let organizations = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })

  // Another organization's key.
  const organization = async () => {
    const name = `Tenant ${++organizations}`
    const args = ['--data', s.data, '--name', name, '--email', `${organizations}@example.com`]
    return JSON.parse(s.run(['organization', 'add', ...args])).api_key as string
  }
  const trunk = (key: string, inbound: object) =>
    s.api('POST', '/trunks', { name: `t${Math.random()}`, inbound }, key)
  // A number whose campaign is disabled: a call to it that is taken gets 480.
  const number = async (key: string, e164: string) => {
    const campaign = await s.api('POST', '/campaigns', { name: e164, enabled: false }, key)
    return s.api('POST', '/numbers', { number: e164, campaign_id: campaign.id }, key)
  }
  const known = (key: string) =>
    until('the organization', async () => {
      return (await s.raw('GET', '/api/v1/calls', undefined, {}, key)).status === 200
    })

  test('however many trunks share an address, each organization gets its calls', async () => {
    const crowd = await organization(), keys = [await organization(), await organization()]
    for (const key of [crowd, ...keys]) await known(key)
    for (let i = 0; i < 17; i++) await trunk(crowd, { allowed_addresses: ['127.0.0.0/24'] })
    const numbers = ['+18005557001', '+18005557002']
    for (const [i, key] of keys.entries()) {
      await trunk(key, { allowed_addresses: ['127.0.0.5'] })
      await number(key, numbers[i]!)
    }
    const carrier = await Stranger.at('127.0.0.5', s)
    const got = await Promise.all(numbers.map((user) => carrier.ask({ method: 'INVITE', user })))
    assert.deepEqual(got.map(status), [480, 480])
    // Numbers as a country writes them, and those in To, are found in the same way.
    assert.equal(status(await carrier.ask({ method: 'INVITE', user: '8005557001' })), 480)
    await trunk(keys[1]!, { allowed_addresses: ['127.0.0.6'], called_number: 'to' })
    const pbx = await Stranger.at('127.0.0.6', s)
    assert.equal(status(await pbx.ask({ method: 'INVITE', user: 'account', to: '8005557002' })), 480)
    assert.equal(status(await pbx.ask({ method: 'INVITE', user: '+18005557001' })), 404)
  })

  test('a number of nobody is the default number of the trunk that had the address first', async () => {
    const [first, second] = [await organization(), await organization()]
    await known(first)
    await known(second)
    for (const [key, e164] of [[first, '+18005557101'], [second, '+18005557102']] as const) {
      const made = await number(key, e164)
      await trunk(key, { allowed_addresses: ['127.0.0.7'], default_number_id: made.id })
    }
    const campaign = (await s.api('GET', '/campaigns', undefined, second)).data[0]
    await s.api('PATCH', `/campaigns/${campaign.id}`, { enabled: true }, second)
    const carrier = await Stranger.at('127.0.0.7', s)
    assert.equal(status(await carrier.ask({ method: 'INVITE', user: '+18005557199' })), 480)
  })

  test("a tenant's trunk address is no licence to try other tenants' numbers", async () => {
    const [mine, other] = [await organization(), await organization()]
    await known(mine)
    await known(other)
    await trunk(other, { allowed_addresses: ['127.0.0.128/25'] })
    await number(mine, '+18005557201')
    await number(other, '+18005557202')
    const friend = await Stranger.at('127.0.0.5', s)
    const stranger = await Stranger.at('127.0.0.130', s)
    const tried = await stranger.flood(40, { method: 'INVITE', user: '+18005557201' }, friend)
    assert.deepEqual(tried, Array.from({ length: 20 }, () => 404))
    // The ban is not for the calls that the trunk is for, nor for its OPTIONS.
    assert.equal(status(await stranger.ask({ method: 'INVITE', user: '+18005557202' })), 480)
    assert.equal(status(await stranger.ask({ method: 'OPTIONS' })), 200)
    // Numbers that a carrier still routes here, and nobody has any more, do not ban the carrier.
    const carrier = await Stranger.at('127.0.0.131', s)
    const stale = await carrier.flood(30, { method: 'INVITE', user: '+18005557299' }, friend)
    assert.deepEqual(stale, Array.from({ length: 30 }, () => 404))
  })

  test("guessing phones' passwords from a trunk's address is banned as from any other", async () => {
    const key = await organization()
    await known(key)
    await trunk(key, { allowed_addresses: ['127.0.0.140'] })
    await number(key, '+18005557301')
    const destination = { type: 'phone', username: 'guessed', password: 'a long enough one' }
    await s.api('POST', '/targets', { name: 'phone', destination }, key)
    const guesser = await Stranger.at('127.0.0.140', s)
    for (let i = 0; i < 20; i++)
      assert.equal(status(await guesser.register('guessed', `guess number ${i}`)), 403)
    const id = guesser.send({ method: 'REGISTER', from: 'guessed', to: 'guessed' })
    assert.equal(status(await guesser.ask({ method: 'INVITE', user: '+18005557301' })), 480)
    assert.equal(guesser.answer(id), '', 'a REGISTER is not answered any more')
  })

  test('a trunk for a wide network needs the operator', async () => {
    const wide = (allowed_addresses: string[], at = s) =>
      at.raw('POST', '/api/v1/trunks', { name: `w${Math.random()}`, inbound: { allowed_addresses } })
    for (const network of ['0.0.0.0/0', '203.0.112.0/23', '::/0', '2001:db8::/47']) {
      const r = await wide(['198.51.100.7', network])
      const { errors } = (await r.json()) as { errors: { pointer: string; detail: string }[] }
      assert.equal(r.status, 422, network)
      assert.deepEqual(errors.map((e) => e.pointer), ['/inbound/allowed_addresses/1'])
      assert.match(errors[0]!.detail, /wider than \/24 .* --allow-wide-trunks/)
    }
    assert.equal((await wide(['203.0.113.0/24', '2001:db8::/48', '203.0.113.9'])).status, 201)
    await s.kill('SIGTERM')
    s.extra = ['--allow-wide-trunks']
    await s.serve()
    assert.equal((await wide(['203.0.112.0/23', '2001:db8::/32'])).status, 201)
  })
})
