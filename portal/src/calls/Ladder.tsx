// The SIP messages of a call: a line for each, between Strowger and whoever was on the other end.
import { Alert, Button, Code, Group, Stack, Text, UnstyledButton } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Copy } from '../Copyable'
import { api } from '../api'
import { t } from '../text'
import { moment } from './fields'

interface Message {
  at: string
  sent: boolean
  transport: string
  local: string
  remote: string
  method: string | null
  status: number | null
  reason: string | null
  cseq: string | null
  content_type: string | null
  text: string
}
interface Answer {
  data: Message[]
  left_out: boolean
  retention_days: number
}

const label = (m: Message) => `${m.status ? `${m.status} ${m.reason ?? ''}` : m.method}${m.content_type === 'application/sdp' ? ' (SDP)' : ''}`
const colour = (m: Message) => (!m.status ? 'request' : m.status < 200 ? 'provisional' : m.status < 300 ? 'success' : 'failure')

export function Ladder({ id, active }: { id: string; active: boolean }) {
  const q = useQuery({ queryKey: ['call', id, 'sip'], queryFn: async () => (await api<Answer>('GET', `/calls/${id}/sip`)).data, refetchInterval: active ? 2000 : false })
  const [open, setOpen] = useState<number | null>(null)
  if (q.error) return <Alert color="red" mt="md" title={t('The messages could not be loaded')}>{q.error.message}</Alert>
  if (!q.data) return <Text c="dimmed" py="md">{t('Loading…')}</Text>
  const all = q.data.data
  if (!all.length) return <Text c="dimmed" py="md">{q.data.retention_days ? t('None. Kept for {n} days.', { n: q.data.retention_days }) : t('None are kept. Change this in the organization settings.')}</Text>
  // The caller on the left, then this server, then everybody who was called.
  const remotes = [...new Set(all.map((m) => m.remote))]
  const lanes = [remotes[0], 'Strowger', ...remotes.slice(1)]
  const start = Date.parse(all[0].at)
  return (
    <Stack pt="md" gap="xs">
      <Group>
        <Button component="a" size="xs" variant="light" href={`/api/v1/calls/${id}/sip.pcap`} download>{t('Download as pcap')}</Button>
        <Text size="xs" c="dimmed">{t('{n} messages, kept for {days} days. Select one to read it.', { n: all.length, days: q.data.retention_days })}</Text>
      </Group>
      {q.data.left_out && <Alert color="yellow">{t('The call had more messages than are kept. The last ones are missing.')}</Alert>}
      <div className="ladder" style={{ '--lanes': lanes.length } as React.CSSProperties}>
        <div className="heads"><span />{lanes.map((l) => <Text key={l} size="xs" fw={600} ta="center" truncate title={l}>{l}</Text>)}</div>
        {all.map((m, i) => {
          const own = 1, other = lanes.indexOf(m.remote), left = Math.min(own, other), right = Math.max(own, other)
          const toRight = m.sent === (other > own)
          return (
            <div key={i}>
              <UnstyledButton className="message" aria-expanded={open === i} onClick={() => setOpen(open === i ? null : i)} aria-label={`+${((Date.parse(m.at) - start) / 1000).toFixed(3)} s ${m.sent ? t('sent to {who}', { who: m.remote }) : t('received from {who}', { who: m.remote })}: ${label(m)}`}>
                <Text size="xs" c="dimmed" className="time">+{((Date.parse(m.at) - start) / 1000).toFixed(3)}</Text>
                {lanes.map((l) => <span key={l} className="pole" />)}
                <span className={`arrow ${colour(m)} ${toRight ? 'right' : 'left'}`} style={{ '--from': left, '--to': right } as React.CSSProperties}><span className="label">{label(m)}</span></span>
              </UnstyledButton>
              {open === i && (
                <Stack gap={4} p="xs">
                  <Group gap="xs"><Text size="xs" c="dimmed">{m.sent ? `${m.local} → ${m.remote}` : `${m.remote} → ${m.local}`} {m.transport.toUpperCase()} {moment(m.at)}</Text>
                    <Copy value={m.text} /></Group>
                  <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{m.text}</Code>
                </Stack>
              )}
            </div>
          )
        })}
      </div>
    </Stack>
  )
}
