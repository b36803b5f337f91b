import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from './harness.ts'

describe('call flows', () => {
  let s: Strowger
  before(async () => void (s = await Strowger.start()))
  after(() => s.stop())

  // Places a call from `from` and answers its trace's steps as "node>port".
  const steps = async (number: string, from: string, args: string[] = []) => {
    await s.call(number, ['--from', from, '--duration', '10', ...args])
    const call = await s.lastCall((c) => c.number === number && c.caller_id === from)
    const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
    return { call, trace, path: trace.filter((e: any) => e.kind === 'step').map((e: any) => `${e.node}>${e.port}`) }
  }

  test('opening hours and the clock decide a call\'s way', async () => {
    const always = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map((day) => ({ day, open: '00:00', close: '24:00' }))
    const near = [-1, 0, 1].map((d) => ({ date: new Date(Date.now() + d * 86400e3).toISOString().slice(0, 10), name: 'Fair' }))
    const hours = (id: string, weekly: object[], holidays: object[] = []) => ({ id, type: 'business_hours', config: { schedule: { time_zone: 'America/Chicago', weekly, holidays }, callers_time_zone: true } })
    const flow = await s.flow('Hours', [hours('a', always), hours('b', []), hours('c', always, near), { id: 'd', type: 'debug', config: { message: '[CALLER_TIME_ZONE]' } }],
      [['start', 'next', 'a'], ['a', 'open', 'b'], ['b', 'closed', 'c'], ['c', 'holiday', 'd']])
    await s.campaign('+18005550401', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const { path, trace } = await steps('+18005550401', '+12125550142')
    assert.deepEqual(path, ['start>next', 'a>open', 'b>closed', 'c>holiday', 'd>next'])
    const said = Object.fromEntries(trace.filter((e: any) => e.kind === 'step').map((e: any) => [e.node, e.detail]))
    assert.match(said.a, /^\w{3} \d\d:\d\d in America\/New_York$/)
    assert.match(said.c, /: Fair$/)
    assert.equal(said.d.split(';')[0], 'America/New_York')
  })
})
