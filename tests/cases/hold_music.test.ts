// Music for who is put on hold: the organization's prompt, unless the holder plays music itself.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Rtp, linear, power } from '../e2e/caller.ts'
import { Peer, type Dialog, type Request } from '../e2e/peer.ts'
import { Strowger, join, sleep, until } from '../e2e/harness.ts'

const TONE = 700 // Hz
const modeOf = (text: string) => /^a=(sendrecv|sendonly|recvonly|inactive)\r$/m.exec(text)?.[1]
const mirrored: Record<string, string> = {
  sendrecv: 'sendrecv', sendonly: 'recvonly', recvonly: 'sendonly', inactive: 'inactive',
}
const portOf = (text: string) => Number(/^m=audio (\d+)/m.exec(text)![1])
const isMusic = (p: Buffer) => {
  const samples = [...p.subarray(12)].map(linear)
  const all = samples.reduce((sum, x) => sum + x * x, 0) / samples.length
  return all > 1e5 && power(samples, TONE) > all / 4
}
const isVoice = (p: Buffer, byte: number) => p[12] === byte && p[171] === byte
const music = (at: Rtp) => at.of(0).filter(isMusic)
const hears = (at: Rtp, byte: number) =>
  until('the other side', () => at.of(0).slice(-5).every((p) => isVoice(p, byte)))
const steps = (packets: Buffer[]) =>
  packets.slice(1).map((p, i) => [
    (p.readUInt16BE(2) - packets[i]!.readUInt16BE(2)) & 0xffff,
    (p.readUInt32BE(4) - packets[i]!.readUInt32BE(4)) >>> 0,
  ])

describe('music on hold', () => {
  let s: Strowger
  let prompt: string
  let made = 0
  before(async () => {
    s = await Strowger.start()
    prompt = (await s.api('POST', '/prompts', { name: 'Music' })).id
    const file = join(s.dir, 'music.wav')
    // 0.31 s: its end is not that of a packet
    const tone = ['synth', '0.31', 'sine', String(TONE), 'vol', '0.5']
    execFileSync('sox', ['-n', '-r', '8000', file, ...tone])
    const { status } = await fetch(`${s.url}/api/v1/prompts/${prompt}/audio`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${s.key}` },
      body: new Uint8Array(readFileSync(file)),
    })
    assert.equal(status, 200)
  })
  after(() => s.stop())

  const set = (id: string | null) => s.api('PATCH', '/organization', { hold_music_prompt_id: id })

  interface Side {
    peer: Peer
    rtp: Rtp
    to: number // the server's port for its audio
    offer: (sdp: string) => Promise<number>
    talk: (byte: number) => () => void
  }
  interface Call {
    caller: Side
    target: Side
    dialog: Dialog
  }
  // An answer goes no further than the offer, as a phone's.
  const obeys = (p: Peer) => {
    p.invite = (r: Request) => {
      p.mode = mirrored[modeOf(r.text) ?? 'sendrecv']!
      return [200]
    }
    return p
  }
  const side = (peer: Peer, rtp: Rtp, to: number, offer: Side['offer']): Side => ({
    peer, rtp, to, offer,
    talk: (byte) => {
      const timer = setInterval(() => rtp.audio(to, new Uint8Array(160).fill(byte)), 20)
      return () => clearInterval(timer)
    },
  })
  const call = async (): Promise<Call> => {
    const number = `+1800555${7900 + made++}`, near = await Rtp.bind(), far = await Rtp.bind()
    const caller = await Peer.start({ media: near.port })
    const target = await Peer.start({ media: far.port })
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    await target.first('ACK')
    obeys(caller)
    obeys(target)
    const toFar = portOf((await target.first('INVITE')).text)
    return {
      dialog,
      caller: side(caller, near, portOf(dialog.text), (sdp) => dialog.request('INVITE', sdp)),
      target: side(target, far, toFar, (body) => target.within('INVITE', { body })),
    }
  }
  const held: Record<string, (sdp: string) => string> = {
    'a=sendonly': (sdp) => sdp.replace('a=sendrecv', 'a=sendonly'),
    'a=inactive': (sdp) => sdp.replace('a=sendrecv', 'a=inactive'),
    'the address 0.0.0.0': (sdp) => sdp.replace('c=IN IP4 127.0.0.1', 'c=IN IP4 0.0.0.0'),
  }
  const plain = (p: Peer) => {
    p.mode = 'sendrecv'
    return p.sdp()
  }

  for (const [how, hold] of Object.entries(held))
    for (const who of ['caller', 'target'] as const)
      test(`is heard by the other side while the ${who} holds it by ${how}`, async () => {
        await set(prompt)
        const c = await call(), holder = c[who], other = c[who === 'caller' ? 'target' : 'caller']
        let quiet = holder.talk(0x21)
        const alive = other.talk(0x22)
        await hears(other.rtp, 0x21)
        const invites = other.peer.of('INVITE').length
        assert.equal(await holder.offer(hold(plain(holder.peer))), 200)
        const told = await other.peer.first('INVITE', invites + 1)
        assert.equal(modeOf(told.text), 'sendonly')
        quiet()
        await until('the music', () => music(other.rtp).length > 60)
        // three rounds of it, without a gap
        const packets = other.rtp.of(0), last = packets.slice(-45)
        assert.ok(last.every(isMusic), 'nothing but music')
        assert.deepEqual(steps(last), Array(44).fill([1, 160]))
        assert.equal(music(holder.rtp).length, 0)
        assert.equal(await holder.offer(plain(holder.peer)), 200)
        await other.peer.first('INVITE', invites + 2)
        quiet = holder.talk(0x23)
        await hears(other.rtp, 0x23)
        await sleep(300)
        assert.ok(other.rtp.of(0).slice(-10).every((p) => isVoice(p, 0x23)))
        quiet()
        other.rtp.packets = []
        await until('noise, not music', () => other.rtp.of(0).length > 30)
        assert.equal(music(other.rtp).length, 0)
        alive()
        await c.dialog.request('BYE')
      })

  test('is heard where the holder has never sent audio', async () => {
    await set(prompt)
    const c = await call()
    assert.equal(await c.target.offer(held['a=inactive']!(plain(c.target.peer))), 200)
    await until('the music', () => music(c.caller.rtp).length > 30)
    await c.dialog.request('BYE')
  })

  test('is not heard where the holder plays its own, and takes its place when that ends', async () => {
    await set(prompt)
    const c = await call(), stop = c.target.talk(0x31)
    await hears(c.caller.rtp, 0x31)
    assert.equal(await c.target.offer(held['a=sendonly']!(plain(c.target.peer))), 200)
    await c.caller.peer.first('INVITE')
    await sleep(1000)
    assert.equal(music(c.caller.rtp).length, 0)
    assert.ok(c.caller.rtp.of(0).slice(-20).every((p) => isVoice(p, 0x31)))
    stop()
    await until('the music', () => music(c.caller.rtp).length > 10)
    const again = c.target.talk(0x32)
    await hears(c.caller.rtp, 0x32)
    again()
    await c.dialog.request('BYE')
  })

  test('is not heard without the setting, nor where both sides hold', async () => {
    await set(null)
    const c = await call()
    assert.equal(await c.target.offer(held['a=inactive']!(plain(c.target.peer))), 200)
    assert.equal(modeOf((await c.caller.peer.first('INVITE')).text), 'inactive')
    await set(prompt) // counts for calls that begin later
    await sleep(600)
    assert.equal(music(c.caller.rtp).length, 0)
    await c.dialog.request('BYE')
    const both = await call(), { caller, target } = both
    assert.equal(await caller.offer(held['a=sendonly']!(plain(caller.peer))), 200)
    await until('the music', () => music(target.rtp).length > 10)
    assert.equal(await target.offer(held['a=inactive']!(plain(target.peer))), 200)
    await sleep(200)
    const before = [caller.rtp.received, target.rtp.received]
    await sleep(600)
    assert.deepEqual([caller.rtp.received, target.rtp.received], before)
    await both.dialog.request('BYE')
  })

  test('ends when the side on hold is transferred', async () => {
    await set(prompt)
    const c = await call(), far = await Rtp.bind()
    assert.equal(await c.target.offer(held['a=sendonly']!(plain(c.target.peer))), 200)
    await until('the music', () => music(c.caller.rtp).length > 10)
    const closer = obeys(await Peer.start({ media: far.port }))
    const refer = { headers: [`Refer-To: <${closer.uri}>`] }
    assert.equal(await c.target.peer.within('REFER', refer), 202)
    const to = portOf((await closer.first('INVITE')).text)
    const stop = side(closer, far, to, async () => 0).talk(0x41)
    await hears(c.caller.rtp, 0x41)
    await sleep(300)
    assert.ok(c.caller.rtp.of(0).slice(-10).every((p) => isVoice(p, 0x41)))
    stop()
    await c.dialog.request('BYE')
  })

  test('is one of the organization\'s prompts, which is then in use', async () => {
    await set(prompt)
    assert.equal((await s.api('GET', '/organization')).hold_music_prompt_id, prompt)
    const buyer = await s.api('POST', '/buyers', { name: 'No prompt' })
    for (const bad of ['prm_00000000000000000000000000', buyer.id, 7])
      await assert.rejects(set(bad), /"pointer":"\/hold_music_prompt_id"/)
    const { data } = await s.api('GET', `/prompts/${prompt}/usage`)
    assert.deepEqual(data.map((u: any) => [u.kind, u.name]), [['organization', 'Test']])
    assert.equal((await s.raw('DELETE', `/api/v1/prompts/${prompt}`)).status, 409)
    await set(null)
    assert.equal((await s.api('GET', '/organization')).hold_music_prompt_id, null)
    assert.deepEqual((await s.api('GET', `/prompts/${prompt}/usage`)).data, [])
  })
})
