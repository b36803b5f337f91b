// Who is not answered any more, and what credentials are good for.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger, usePostgres } from '../e2e/harness.ts'
import { digest, nonceOf, Stranger } from './stranger.ts'

const status = (text: string) => Number(text.slice(8, 11))
const times = (n: number, value: number) => Array.from({ length: n }, () => value)

// The database does not matter: once is enough.
describe('bans and credentials', { skip: usePostgres }, () => {
  let s: Strowger
  let friend: Stranger // at a trunk's address
  const number = '+18005557500', password = 'a long enough one'
  before(async () => {
    s = await Strowger.start(['--sip-sha256'])
    friend = await Stranger.at('127.0.0.1', s)
    await s.api('POST', '/trunks', { name: 'a', inbound: { allowed_addresses: ['127.0.0.1'] } })
    await s.api('POST', '/trunks', { name: 'pbx', inbound: { username: 'pbx', password } })
    const campaign = await s.api('POST', '/campaigns', { name: 'Off', enabled: false })
    await s.api('POST', '/numbers', { number, campaign_id: campaign.id })
    for (const username of ['amy', 'bob'])
      await s.api('POST', '/targets', { name: username, destination: { type: 'phone', username, password } })
  })
  after(async () => {
    await s.stop()
  })
  const user = encodeURIComponent(number)
  const uri = () => `sip:${user}@127.0.0.1:${s.sip}`
  const invite = { method: 'INVITE', user }
  // The second INVITE of a call, with the credentials of the trunk.
  const call = (from: Stranger, nonce: string, more: object = {}, cseq = 2) => {
    const c = { username: 'pbx', password, nonce, ...more }
    const headers = [`Proxy-Authorization: ${digest('INVITE', uri(), c)}`]
    return from.ask({ ...invite, headers, cseq })
  }

  test('a PBX that begins 25 calls at once is challenged 25 times, and not banned', async () => {
    const pbx = await Stranger.at('127.0.1.1', s)
    const challenges = await Promise.all(times(25, 0).map(() => pbx.ask(invite)))
    assert.deepEqual(challenges.map(status), times(25, 407))
    const calls = await Promise.all(challenges.map((c) => call(pbx, nonceOf(c))))
    assert.deepEqual(calls.map(status), times(25, 480))
    const more = await pbx.flood(30, invite, friend)
    assert.deepEqual(more, times(30, 407))
  })

  test('packets with a forged source silence nobody', async () => {
    const victim = await Stranger.at('127.0.1.2', s), forger = await Stranger.at('127.0.1.3', s)
    // What somebody else sends with the victim's address as its source.
    const forged = victim
    await forged.flood(30, invite, friend)
    await forged.flood(30, { method: 'INVITE', user: '+18005557599' }, friend)
    await forged.flood(30, { method: 'OPTIONS' }, friend)
    const nonce = nonceOf(await forger.ask({ method: 'REGISTER', from: 'amy', to: 'amy' }))
    const wrong = { username: 'amy', password: 'wrong', nonce }
    const headers = [`Authorization: ${digest('REGISTER', forger.uri, wrong)}`]
    await forged.flood(30, { method: 'REGISTER', from: 'amy', to: 'amy', headers }, friend)
    const wrongCall = digest('INVITE', uri(), { ...wrong, username: 'pbx' })
    await forged.flood(30, { ...invite, headers: [`Proxy-Authorization: ${wrongCall}`] }, friend)
    assert.equal(status(await call(victim, nonceOf(await victim.ask(invite)))), 480)
    assert.equal(status(await victim.register('amy', password)), 200)
  })

  test('who asks for what nobody has is not answered any more, but for what has credentials', async () => {
    const scanner = await Stranger.at('127.0.1.4', s)
    const tried = await scanner.flood(40, { method: 'INVITE', user: '972599000000' }, friend)
    assert.deepEqual(tried, times(20, 403))
    assert.equal(status(await scanner.ask(invite)), 407)
  })

  test('wrong credentials for a nonce of its own ban an address: of calls, of phones', async () => {
    const guesser = await Stranger.at('127.0.1.5', s)
    for (let i = 0; i < 20; i++) {
      const nonce = nonceOf(await guesser.ask(invite))
      assert.equal(status(await call(guesser, nonce, { password: `guess ${i}` })), 403)
    }
    assert.deepEqual(await guesser.flood(5, invite, friend), [])
    const phone = await Stranger.at('127.0.1.6', s)
    for (let i = 0; i < 20; i++)
      assert.equal(status(await phone.register('amy', `guess ${i}`)), 403)
    const again = { method: 'REGISTER', from: 'amy', to: 'amy' }
    assert.deepEqual(await phone.flood(5, again, friend), [])
  })

  test('credentials of a REGISTER are of no use elsewhere, and only once', async () => {
    const phone = await Stranger.at('127.0.1.7', s), thief = await Stranger.at('127.0.1.8', s)
    const ask = { method: 'REGISTER', from: 'bob', to: 'bob' }
    const nonce = nonceOf(await phone.ask(ask))
    const own = { username: 'bob', password, nonce }
    const with_ = (more: object = {}) => [`Authorization: ${digest('REGISTER', phone.uri, { ...own, ...more })}`]
    const shown = async (from: Stranger, more: object = {}, cseq = 2) => {
      const text = await from.ask({ ...ask, headers: with_(more), cseq })
      return `${status(text)}${/stale=true/.test(text) ? ' stale' : ''}`
    }
    assert.equal(await shown(thief), '401 stale', 'another address')
    assert.equal(await shown(phone), '200')
    assert.equal(await shown(phone, {}, 3), '401 stale', 'the same count')
    assert.equal(await shown(thief, { nc: 2 }, 3), '401 stale', 'another address and count')
    assert.equal(await shown(phone, { nc: 5 }, 4), '200', 'a higher count')
    assert.equal(await shown(phone, { nc: 4 }, 5), '401 stale', 'a lower one')
    assert.equal(await shown(phone, { nc: 6, uri: 'sip:elsewhere.example' }, 6), '401', 'another URI')
    assert.equal(await shown(phone, { nc: 6, uri: `sip:bob@127.0.0.1:${s.sip}` }, 7), '401', 'another user')
    assert.equal(await shown(phone, { nc: 6, uri: 'sip:127.0.0.1' }, 8), '200', 'a port that is left out')
    const target = (await s.api('GET', '/targets')).data.find((t: any) => t.name === 'bob')
    const { devices } = await s.api('GET', `/targets/${target.id}/phone`)
    assert.deepEqual(devices.map((d: any) => d.address), ['127.0.1.7'])
  })

  test('the credentials of an INVITE are not good for another number or a second call', async () => {
    const pbx = await Stranger.at('127.0.1.9', s)
    const nonce = nonceOf(await pbx.ask(invite))
    assert.equal(status(await call(pbx, nonce)), 480)
    assert.equal(status(await call(pbx, nonce)), 407)
    assert.equal(status(await call(pbx, nonce, { nc: 2, uri: `sip:+18005557501@127.0.0.1:${s.sip}` })), 407)
    assert.equal(status(await call(pbx, nonce, { nc: 3 })), 480)
  })

  test('MD5 and SHA-256 are offered with one nonce, and either is taken', async () => {
    const pbx = await Stranger.at('127.0.1.10', s)
    const challenge = await pbx.ask(invite)
    const offered = challenge.match(/^Proxy-Authenticate:.*$/gim)!
    assert.deepEqual(offered.map((l) => /algorithm=([\w-]+)/.exec(l)![1]), ['MD5', 'SHA-256'])
    assert.equal(new Set(offered.map(nonceOf)).size, 1)
    assert.equal(status(await call(pbx, nonceOf(challenge), { algorithm: 'SHA-256' })), 480)
    const phone = await pbx.ask({ method: 'REGISTER', from: 'amy', to: 'amy' })
    const c = { username: 'amy', password, nonce: nonceOf(phone), algorithm: 'SHA-256' as const }
    const headers = [`Authorization: ${digest('REGISTER', pbx.uri, c)}`]
    assert.equal(status(await pbx.ask({ method: 'REGISTER', from: 'amy', to: 'amy', headers, cseq: 2 })), 200)
  })
})
