// DTMF digits as phones and gateways send them: telephone-event (RFC 4733) and INFO.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Rtp } from '../e2e/caller.ts'
import { Peer, type Dialog } from '../e2e/peer.ts'
import { Strowger, sleep, until, useRtpengine } from '../e2e/harness.ts'

const keypad = '0123456789*#ABCD', payloadType = 101

interface Event {
  key: string
  at: number // timestamp
  duration: number
  end?: boolean
  marker?: boolean
}

// Events with the sequence numbers that they were sent with, in whatever order they then come.
class Sender {
  private sequence = 65530
  packet({ key, at, duration, end, marker }: Event) {
    const p = Buffer.alloc(16)
    p.set([0x80, payloadType | (marker ? 0x80 : 0)])
    p.writeUInt16BE(this.sequence++ & 0xffff, 2)
    p.writeUInt32BE(at >>> 0, 4)
    p.set([1, 2, 3, 4, keypad.indexOf(key), (end ? 0x80 : 0) | 10], 8)
    p.writeUInt16BE(duration & 0xffff, 14)
    return p
  }
  // One key of 100 ms: five updates and three ends. step: how far the timestamp moves each time.
  key(key: string, at: number, step = 0): Buffer[] {
    return Array.from({ length: 8 }, (_, i) =>
      this.packet({
        key, at: at + i * step, end: i >= 5, marker: !i, duration: 160 * Math.min(i + 1, 6),
      }),
    )
  }
  skip(packets: number) {
    this.sequence += packets
  }
}

describe('DTMF digits', () => {
  let s: Strowger
  let from: Peer
  const number = '+18005550721'
  before(async () => {
    s = await Strowger.start()
    from = await Peer.start()
    await s.api('POST', '/custom-tags', { name: 'digits' })
    const gather = {
      prompt: { text: 'Hi' }, max_digits: 20, finish_key: '#', timeout_seconds: 60,
      inter_digit_seconds: 60, tries: 1, save_to: { tag: 'digits' },
    }
    const nodes = [
      { id: 'g', type: 'gather', config: gather },
      { id: 'h', type: 'hangup', config: {} },
    ]
    const flow = await s.flow('Digits', nodes, [
      ['start', 'next', 'g'],
      ['g', 'next', 'h'],
    ])
    await s.campaign(number, { execution_mode: 'call_flow', call_flow_id: flow.id })
  })
  after(() => s.stop())

  const offer = (port: number) =>
    ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0',
      `m=audio ${port} RTP/AVP 0 ${payloadType}`, 'a=rtpmap:101 telephone-event/8000', '',
    ].join('\r\n')
  let over = 0
  // What the flow's tag has after a call in which something was pressed, and then "#".
  const digits = async (press: (rtp: Rtp, port: number, dialog: Dialog) => Promise<void>) => {
    const rtp = await Rtp.bind()
    const dialog = await from.call(s.sip, `sip:${number}@127.0.0.1:${s.sip}`, {
      offer: offer(rtp.port),
    })
    assert.equal(dialog.status, 200)
    await press(rtp, Number(/^m=audio (\d+)/m.exec(dialog.text)![1]), dialog)
    const calls = await until('the call to be over', async () => {
      const { data } = await s.api('GET', '/calls?status=completed')
      return data.length > over && data
    })
    over = calls.length
    rtp.close()
    return (await s.api('GET', `/calls/${calls[0].id}`)).tags.digits
  }
  const sendAll = async (rtp: Rtp, port: number, packets: Buffer[]) => {
    for (const p of packets) {
      rtp.socket.send(p, port, '127.0.0.1')
      await sleep(useRtpengine ? 20 : 2)
    }
  }
  const byEvents = (packets: (sender: Sender) => Buffer[]) =>
    digits(async (rtp, port) => {
      const sender = new Sender(), sent = packets(sender)
      sender.skip(20)
      await sendAll(rtp, port, [...sent, ...sender.key('#', 9000000)])
    })

  test('count once, though their end comes after the next one has begun', async () => {
    const pressed = await byEvents((sender) => {
      const one = sender.key('1', 1000), two = sender.key('2', 2600), again = sender.key('2', 4200)
      return [
        ...one.slice(0, 6), two[0]!, one[7]!, two[1]!, one[6]!, ...two.slice(2, 7), again[0]!,
        two[7]!, ...again.slice(1),
      ]
    })
    assert.equal(pressed, '122')
  })

  test('count once in whatever order their packets come, and with any of them lost', async () => {
    const pressed = await byEvents((sender) => {
      const [a, b, c] = ['4', '4', '5'].map((key, i) => sender.key(key, 1000 + i * 1600))
      return [
        ...[3, 1, 0, 2, 4, 7, 5, 6, 6].map((i) => a![i]!),
        ...b!.slice(2, 4), // its beginning and its end are lost
        ...c!.slice(6), // all but the end is lost
      ]
    })
    assert.equal(pressed, '445')
  })

  test('that are held for 20 seconds come in segments, and count once', async () => {
    const pressed = await byEvents((sender) => {
      const packets: Buffer[] = []
      for (let time = 800; time <= 160000; time += 800) {
        const segment = Math.floor((time - 1) / 65535)
        packets.push(
          sender.packet({
            key: '7', at: 1000 + segment * 65535, duration: time - segment * 65535,
            end: time === 160000, marker: time === 800,
          }),
        )
      }
      return [...packets.filter((_, i) => i % 7 !== 3), ...sender.key('7', 180000)]
    })
    assert.equal(pressed, '77')
  })

  test('count once of senders whose timestamp moves with each packet', async () => {
    const pressed = await byEvents((sender) => [
      ...sender.key('8', 1000, 160), ...sender.key('8', 3400, 160), ...sender.key('9', 6000, 160),
    ])
    assert.equal(pressed, '889')
  })

  test('count each of senders whose timestamp stands still from key to key', async () => {
    const pressed = await byEvents((sender) =>
      ['3', '3', '6'].flatMap((key) => sender.key(key, 1000)),
    )
    assert.equal(pressed, '336')
  })

  test('count once across a session refresh', async () => {
    const pressed = await digits(async (rtp, port, dialog) => {
      const sender = new Sender(), one = sender.key('1', 1000)
      await sendAll(rtp, port, one.slice(0, 4))
      assert.equal(await dialog.request('UPDATE', offer(rtp.port)), 200)
      await sendAll(rtp, port, [...one.slice(4), ...sender.key('#', 9000)])
    })
    assert.equal(pressed, '1')
  })

  const byInfo = (type: string, bodies: string[]) =>
    digits(async (_rtp, _port, dialog) => {
      for (const body of bodies) {
        const headers = [`Content-Type: application/${type}`]
        assert.equal(await info(dialog, body, headers), 200)
      }
    })
  // Peer.request() says application/sdp of a body; here the header says what it is.
  const info = (dialog: Dialog, body: string, headers: string[]) => {
    const socket = (from as unknown as { socket: { send: (...a: unknown[]) => void } }).socket
    const send = socket.send
    socket.send = (text: unknown, ...rest: unknown[]) =>
      send.call(socket, (text as string).replace('Content-Type: application/sdp\r\n', ''), ...rest)
    const answered = dialog.request('INFO', body, headers)
    socket.send = send
    return answered
  }

  for (const [name, type, bodies, pressed] of [
    ['one each', 'dtmf-relay', ['Signal=5\r\nDuration=160\r\n', 'Signal= 0\r\n', 'Signal=#'], '50'],
    ['the hook flash is none', 'dtmf-relay',
      ['Signal=5', 'Signal=16\r\nDuration=160', 'Signal=!', 'Signal=Flash', 'Signal=6', 'Signal=11'],
      '56'],
    ['10 to 15 are the other keys', 'dtmf-relay',
      ['Signal=10', 'Signal=12', 'Signal=13', 'Signal=14', 'Signal=15', 'Signal=11'], '*ABCD'],
    ['the duration is none', 'dtmf-relay',
      ['Duration=160\r\nSignal=7', 'Signal=\r\nDuration=160', 'Duration=250', 'Signal=#'], '7'],
    ['several in one body', 'dtmf-relay', ['Signal=1\r\nSignal=2\r\nDuration=9', 'Signal=345', 'Signal=#'],
      '12345'],
    ['a body of digits', 'dtmf', ['1', '\r\n2\r\n', '34', '16', '!', '10', '5\r\nDuration=160', '#'],
      '1234*5'],
    ['a body of fields', 'dtmf', ['Duration=160', 'Signal=8\r\nDuration=160', 'd', '11'], '8D'],
  ] as [string, string, string[], string][])
    test(`by INFO (application/${type}): ${name}`, async () => {
      assert.equal(await byInfo(type, bodies), pressed)
    })
})
