// An organization that has one thing of each kind, for tests that open pages.
import { Receiver, Strowger, until } from '../e2e/harness.ts'

export const NUMBER = '+18005550501'

export async function fill(s: Strowger) {
  await s.api('POST', '/custom-tags', { name: 'choice' })
  const flow = await s.flow(
    'Drawn',
    [
      {
        id: 'set_tag_1',
        type: 'set_tag',
        config: { assignments: [{ tag: 'choice', value: 'drawn [CALLER_ID]' }] },
        position: { x: 260, y: 0 },
      },
      { id: 'hangup_1', type: 'hangup', position: { x: 520, y: 0 } },
    ],
    [['start', 'next', 'set_tag_1'], ['set_tag_1', 'next', 'hangup_1']],
  )
  const mode = { name: 'By hand', execution_mode: 'call_flow', call_flow_id: flow.id }
  await s.campaign(NUMBER, mode)
  const receiver = await Receiver.start()
  const url = `${receiver.url}/events`
  const events = { event_types: ['call.completed'], enabled: true }
  await s.api('POST', '/outgoing-webhooks', { name: 'BI', url, ...events })
  const incoming = await s.api('POST', '/incoming-webhooks', { name: 'Form tool' })
  const sent = await fetch(`${s.url}/call-data?key=${incoming.key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ caller_id: '+15125550502', choice: 'sent', colour: 'red' }),
  })
  if (sent.status !== 200) throw new Error(await sent.text())
  await s.call(NUMBER, ['--from', '+15125550502'])
  await s.lastCall()
  const done = async () =>
    (await s.api('GET', '/outgoing-webhook-requests?status=delivered')).data.length > 0
  await until('the event', done)
  receiver.stop()
}
