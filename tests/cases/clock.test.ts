// Somebody sets the system's clock while calls are on: durations, costs and timers do not follow.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { Strowger, binary, sleep, until } from '../e2e/harness.ts'
import { Endpoint, sdp, statusOf, type Answer } from './sip_endpoint.ts'

const dir = mkdtempSync(join(tmpdir(), 'strowger-clock-'))
const shim = join(dir, 'shim.so'), offset = join(dir, 'offset')

describe('a system clock that is set during a call', () => {
  let s: Strowger
  let file = 0
  const set = (seconds: number) => {
    const four = Buffer.alloc(4)
    four.writeInt32LE(seconds)
    writeSync(file, four, 0, 4, 0)
  }
  before(async () => {
    const source = join(import.meta.dirname, 'clock_shim.c')
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', shim, source])
    file = openSync(offset, 'w+')
    set(0)
    // A sanitizer's library has to be the first.
    const libraries = execFileSync('ldd', [binary]).toString()
    const sanitizer = /=> (\S*lib[at]san\S*)/.exec(libraries)?.[1] ?? ''
    process.env.LD_PRELOAD = `${sanitizer} ${shim}`.trim()
    process.env.CLOCK_SHIM = offset
    try {
      s = await Strowger.start()
    } finally {
      delete process.env.LD_PRELOAD
      delete process.env.CLOCK_SHIM
    }
    const cost = { per_minute: '0.06', minimum_seconds: 0, increment_seconds: 1 }
    const inbound = { allowed_addresses: ['127.0.0.1'], cost }
    await s.api('POST', '/trunks', { name: 'loopback', inbound })
  })
  after(() => s.stop())

  const target = async (number: string, answer: Answer, dial = {}) => {
    const end = await Endpoint.bind((text) => [
      text.startsWith('INVITE') ? answer : { status: 200 },
    ])
    const uri = `sip:127.0.0.1:${end.port}`
    const plan = await s.plan(`Plan ${number}`, [{ uri, ...dial }])
    await s.campaign(number, { routing_plan_id: plan.id })
    return end
  }

  for (const [name, seconds] of [['forward', 3600], ['back', -3600]] as const)
    test(`${name}: duration and cost are those of the call`, async () => {
      const number = seconds > 0 ? '+18005558801' : '+18005558802'
      await target(number, { status: 200, body: sdp(9) })
      const caller = await Endpoint.bind()
      const began = performance.now()
      const dialog = caller.call(s.sip, number, { body: sdp(9) })
      await dialog.answered()
      await sleep(1500)
      set(seconds)
      await sleep(1000)
      await dialog.ask('BYE')
      const most = (performance.now() - began) / 1000 + 1
      set(0)
      const call = await until('the call in the log', async () =>
        (await s.api('GET', '/calls?limit=50')).data.find(
          (c: any) => c.number === number && c.status === 'completed'))
      assert.ok(call.duration_seconds >= 2 && call.duration_seconds <= most, call.duration_seconds)
      assert.ok(Number(call.cost) >= 0.003 && Number(call.cost) <= 0.001 * most, call.cost)
      assert.ok(call.ended_at > call.answered_at, `${call.answered_at} to ${call.ended_at}`)
    })

  test('back: a target that rings is given up when its time is over', async () => {
    await target('+18005558803', { status: 180 }, { timeout_seconds: 5 })
    const caller = await Endpoint.bind()
    const dialog = caller.call(s.sip, '+18005558803', { body: sdp(9) })
    await dialog.provisional(180)
    set(-3600)
    assert.equal(statusOf(await dialog.answered()), 480)
    set(0)
  })

  test('forward: a target that rings may go on ringing', async () => {
    const end = await target('+18005558804', { status: 180 }, { timeout_seconds: 60 })
    const caller = await Endpoint.bind()
    const dialog = caller.call(s.sip, '+18005558804', { body: sdp(9) })
    await dialog.provisional(180)
    set(3600)
    await sleep(1500)
    assert.deepEqual(end.of('CANCEL'), [])
    end.later(end.of('INVITE')[0]!, { status: 200, body: sdp(9) })
    assert.equal(statusOf(await dialog.answered()), 200)
    await dialog.ask('BYE')
    set(0)
  })
})
