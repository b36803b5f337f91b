// Offers as phones and browsers make them: several media lines, refused lines, host names.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, until } from '../e2e/harness.ts'

describe('SIP offers', () => {
  let s: Strowger
  let target: Peer, from: Peer
  before(async () => {
    s = await Strowger.start()
    target = await Peer.start()
    from = await Peer.start()
    const plan = await s.plan('Offers', [{ uri: target.uri, concurrency: 1000 }])
    await s.campaign('+18005550711', { routing_plan_id: plan.id })
    const nodes = [
      { id: 'p', type: 'play', config: { prompt: { text: 'Hello' } } },
      { id: 'h', type: 'hangup', config: {} },
    ]
    const flow = await s.flow('Offers', nodes, [
      ['start', 'next', 'p'],
      ['p', 'next', 'h'],
    ])
    await s.campaign('+18005550712', { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(() => s.stop())

  const sdp = (lines: string[], address = '127.0.0.1') =>
    ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', ...lines, ''].join(
      '\r\n',
    )
  // Each m= line of a message's SDP: media, whether it has a port, protocol.
  const lines = (text: string) =>
    Array.from(
      text.matchAll(/^m=(\w+) (\d+) (\S+)/gm),
      ([, media, port, protocol]) => `${media} ${port === '0' ? 'refused' : 'taken'} ${protocol}`,
    )
  const call = (number: string, offer: string) =>
    from.call(s.sip, `sip:${number}@127.0.0.1:${s.sip}`, { offer })

  const cases: [string, string[], string[]][] = [
    [
      'audio and video',
      ['m=audio 40000 RTP/AVP 0', 'm=video 40002 RTP/AVP 34'],
      ['audio taken RTP/AVP', 'video refused RTP/AVP'],
    ],
    [
      'video and audio',
      ['m=video 40002 RTP/AVP 96', 'a=rtpmap:96 VP8/90000', 'm=audio 40000 RTP/AVP 8 0'],
      ['video refused RTP/AVP', 'audio taken RTP/AVP'],
    ],
    [
      'SAVP and AVP',
      ['m=audio 40002 RTP/SAVP 0', 'm=audio 40000 RTP/AVP 0'],
      ['audio refused RTP/SAVP', 'audio taken RTP/AVP'],
    ],
    [
      'audio and image',
      ['m=audio 40000 RTP/AVP 0', 'm=image 40002 udptl t38'],
      ['audio taken RTP/AVP', 'image refused udptl'],
    ],
    [
      'a refused line without a format',
      ['m=audio 0 RTP/AVP', 'm=audio 40000 RTP/AVP 0', 'm=text 0 RTP/AVP'],
      ['audio refused RTP/AVP', 'audio taken RTP/AVP', 'text refused RTP/AVP'],
    ],
  ]
  for (const [name, offered, answered] of cases)
    test(`${name}: the answer has as many lines in the same order`, async () => {
      for (const number of ['+18005550711', '+18005550712']) {
        const dialog = await call(number, sdp(offered))
        assert.equal(dialog.status, 200, dialog.text)
        assert.deepEqual(lines(dialog.text), answered, number)
        await dialog.request('BYE')
      }
    })

  test('a line that an UPDATE adds stays in the dialog, also in offers of ours', async () => {
    const two = ['audio taken RTP/AVP', 'video refused RTP/AVP']
    const got: string[] = []
    const listen = (
      from as unknown as { socket: { on: (e: string, f: (m: Buffer) => void) => void } }
    ).socket
    listen.on('message', (m) => got.push(m.toString()))
    const before = target.of('INVITE').length
    const dialog = await call('+18005550711', sdp(['m=audio 40000 RTP/AVP 0']))
    assert.deepEqual(lines(dialog.text), ['audio taken RTP/AVP'])
    const more = sdp(['m=audio 40000 RTP/AVP 0', 'm=video 40002 RTP/AVP 34'])
    assert.equal(await dialog.request('UPDATE', more), 200)
    const answer = got.findLast((t) => t.startsWith('SIP/2.0 200') && /^CSeq: \d+ UPDATE/m.test(t))!
    assert.deepEqual(lines(answer), two)
    // The target holds, which is offered to the caller.
    const hold = target.sdp().replace('sendrecv', 'sendonly')
    await target.within('INVITE', { n: before + 1, body: hold })
    const offer = await until('the offer', () =>
      got.find((t) => t.startsWith('INVITE ') && t.includes('a=sendonly')),
    )
    assert.deepEqual(lines(offer), two)
    await dialog.request('BYE')
  })

  for (const address of ['media.invalid', '224.2.1.1/127', '255.255.255.255'])
    test(`an offer with the address ${address} is refused with 488`, async () => {
      for (const number of ['+18005550711', '+18005550712']) {
        const dialog = await call(number, sdp(['m=audio 40000 RTP/AVP 0'], address))
        assert.equal(dialog.status, 488, number)
      }
    })
})
