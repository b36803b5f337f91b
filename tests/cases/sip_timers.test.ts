// Session timers (RFC 4028): each 2xx to a re-INVITE or UPDATE begins the interval anew.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger, sleep, until } from '../e2e/harness.ts'
import { type Answer, Endpoint, field, sdp } from './sip_endpoint.ts'

describe('SIP session timers', () => {
  let s: Strowger
  let n = 0
  before(async () => {
    s = await Strowger.start(['--session-expires', '6', '--min-se', '3'])
  })
  after(() => s.stop())

  const theirs = ['Supported: timer', 'Require: timer', 'Session-Expires: 6;refresher=uas']
  const accept =
    (headers: string[] = []) =>
    (r: string): Answer[] =>
      /^INVITE/.test(r)
        ? [{ status: 200, headers, body: sdp(40000, { version: 2 }) }]
        : [{ status: 200, headers: /^UPDATE/.test(r) ? headers : [] }]
  const talk = async (target: Endpoint, caller: Endpoint, headers: string[] = []) => {
    const number = `+1800555${String(7500 + ++n)}`
    const plan = await s.plan(`Timers ${n}`, [{ uri: `sip:127.0.0.1:${target.port}` }])
    await s.campaign(number, { routing_plan_id: plan.id })
    const dialog = caller.call(s.sip, number, { headers, body: sdp(40000) })
    assert.match(await dialog.answered(), /^SIP\/2\.0 200/)
    await target.request('ACK')
    return dialog
  }
  const modes = ['sendonly', 'sendrecv', 'sendonly', 'sendrecv', 'sendonly']

  test('holds of the caller keep the session that a target refreshes', async () => {
    const target = await Endpoint.bind(accept(theirs))
    const caller = await Endpoint.bind(accept())
    const dialog = await talk(target, caller)
    // The session would be over after 4 seconds.
    for (const [i, mode] of modes.entries()) {
      await sleep(1500)
      await dialog.ask('INVITE', { body: sdp(40000, { mode, version: i + 2 }) })
      const hold = await target.request('INVITE', i + 2)
      assert.equal(field(hold, 'Session-Expires'), '6;refresher=uas')
      assert.equal(field(hold, 'Min-SE'), '3')
    }
    assert.equal(target.of('BYE').length, 0)
    await target.request('BYE') // nothing refreshes it any more
  })

  test('holds of the target keep the session that the caller refreshes', async () => {
    const caller = await Endpoint.bind(accept(theirs))
    const target = await Endpoint.bind(accept())
    await talk(target, caller, ['Supported: timer', 'Session-Expires: 6;refresher=uac'])
    const back = target.dialog(target.of('INVITE')[0])
    for (const [i, mode] of modes.entries()) {
      await sleep(1500)
      await back.ask('INVITE', { body: sdp(40000, { mode, version: i + 2 }) })
      const hold = await caller.request('INVITE', i + 1)
      assert.equal(field(hold, 'Session-Expires'), '6;refresher=uas')
    }
    assert.equal(caller.of('BYE').length, 0)
    await caller.request('BYE')
  })

  for (const method of ['INVITE', 'UPDATE'])
    test(`a target that refreshes with ${method} keeps the session`, async () => {
      const target = await Endpoint.bind(accept(theirs))
      const caller = await Endpoint.bind(accept())
      const dialog = await talk(target, caller)
      const back = target.dialog(target.of('INVITE')[0])
      const headers = ['Supported: timer', 'Session-Expires: 6;refresher=uac']
      for (let i = 0; i < 4; i++) {
        await sleep(1500)
        const body = method === 'INVITE' ? sdp(40000, { version: 2 }) : ''
        const answer = await back.ask(method, { headers, body })
        assert.equal(field(answer, 'Session-Expires'), '6;refresher=uac')
      }
      assert.equal(target.of('BYE').length, 0)
      await dialog.ask('BYE')
    })

  test('when their re-INVITE names no refresher, the side that refreshed before goes on', async () => {
    const terms = [
      'Supported: timer',
      'Require: timer',
      'Session-Expires: 6;refresher=uac',
      'Allow: INVITE, ACK, BYE, CANCEL, UPDATE',
    ]
    const target = await Endpoint.bind(accept(terms))
    const caller = await Endpoint.bind(accept())
    const dialog = await talk(target, caller)
    const back = target.dialog(target.of('INVITE')[0])
    const headers = ['Supported: timer', 'Session-Expires: 6']
    const answer = await back.ask('INVITE', { headers, body: sdp(40000, { version: 2 }) })
    assert.equal(field(answer, 'Session-Expires'), '6;refresher=uas')
    const refresh = await target.request('UPDATE')
    assert.equal(field(refresh, 'Session-Expires'), '6;refresher=uac')
    await dialog.ask('BYE')
  })

  test('a re-INVITE whose interval is too short is sent again with a longer one', async () => {
    const target = await Endpoint.bind()
    target.answer = (r) => {
      const again = /^INVITE/.test(r) && /tag=e/.test(field(r, 'To'))
      if (again && field(r, 'Min-SE') !== '20') return [{ status: 422, headers: ['Min-SE: 20'] }]
      return accept()(r)
    }
    const caller = await Endpoint.bind(accept())
    const dialog = await talk(target, caller)
    await dialog.ask('INVITE', { body: sdp(40000, { mode: 'sendonly', version: 2 }) })
    const again = await target.request('INVITE', 3)
    assert.match(field(again, 'Session-Expires'), /^20\b/)
    assert.match(again, /^a=sendonly/m)
    const acknowledged = field(again, 'CSeq').replace('INVITE', 'ACK')
    await until('its ACK', () => target.of('ACK').some((t) => field(t, 'CSeq') === acknowledged))
    await dialog.ask('BYE')
  })
})
