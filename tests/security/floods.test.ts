// What a side may send within a call, and the memory that it takes.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Peer, type Dialog } from '../e2e/peer.ts'
import { Strowger, sleep, until, usePostgres } from '../e2e/harness.ts'

// The database does not matter: once is enough.
describe('floods within a call', { skip: usePostgres }, () => {
  let s: Strowger
  let made = 0
  before(async () => {
    s = await Strowger.start()
  })
  after(async () => {
    await s.stop()
  })
  const call = async (target: Peer) => {
    const number = `+1800555${7450 + made++}`, caller = await Peer.start()
    const plan = await s.plan(`Plan ${number}`, [{ uri: target.uri }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = await caller.call(s.sip, `sip:${number}@127.0.0.1`)
    assert.equal(dialog.status, 200)
    await target.first('INVITE')
    return { caller, dialog, number }
  }
  const over = (number: string) => s.lastCall((c) => c.number === number)
  const memory = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${s.child!.pid}/status`, 'utf8'))![1]) / 1024

  const body = `m=${'x'.repeat(40000)}`
  const padded = (peer: Peer, n: number) => `${peer.sdp()}a=x-${n}:${'x'.repeat(20000)}\r\n`
  const floods: [string, (d: Dialog, peer: Peer, n: number) => Promise<number>][] = [
    ['INFO', (d) => d.request('INFO', body)],
    ['UPDATE', (d, peer, n) => d.request('UPDATE', padded(peer, n))],
    ['INVITE', (d, peer, n) => d.request('INVITE', padded(peer, n))],
    ['UPDATE', (d) => d.request('UPDATE')],
  ]
  for (const [method, send] of floods)
    test(`many ${method} in a row are refused, and end the call`, async () => {
      const target = await Peer.start(), { caller, dialog, number } = await call(target)
      const before = memory(), statuses = new Set<number>()
      for (let n = 0; n < 400; n++) {
        void send(dialog, caller, n).then((status) => statuses.add(status))
        if (n % 20 === 0) await sleep(10)
      }
      const { hangup_reason } = await over(number)
      assert.match(hangup_reason, /too many requests/)
      assert.ok(statuses.has(500), [...statuses].join())
      assert.equal(target.of('BYE').length, 1, 'the target is hung up')
      assert.ok(memory() - before < 60, `${memory() - before} MB more`)
    })

  test('keys by INFO and holds at the pace of people are answered', async () => {
    const target = await Peer.start(), { caller, dialog } = await call(target)
    const headers = ['Content-Type: application/dtmf-relay']
    for (let n = 0; n < 12; n++) {
      assert.equal(await dialog.request('INFO', '', headers), 200)
      await sleep(60)
    }
    caller.mode = 'sendonly'
    assert.equal(await dialog.request('INVITE', caller.sdp()), 200)
    assert.equal(await dialog.request('BYE'), 200)
  })

  test('a session interval of the far side is kept within bounds', async () => {
    // 2^30 seconds, multiplied for a timer, were none; 1 second made a flood of refreshes.
    for (const seconds of [1073741824, 1]) {
      const target = await Peer.start({
        invite: () => [[200, ['Supported: timer', 'Require: timer', 'Allow: INVITE, ACK, BYE, UPDATE', `Session-Expires: ${seconds};refresher=uac`]]],
      })
      const { dialog } = await call(target)
      await sleep(1500)
      assert.equal(target.of('UPDATE').length, 0, `${seconds}`)
      assert.equal(await dialog.request('BYE'), 200)
      await until('the BYE', () => target.of('BYE').length === 1)
    }
  })
})
