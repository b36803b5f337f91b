// A call's tags: the source of each value, its earlier values, and sensitive ones on request.
import { Button, Group, Stack, Text } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../api'
import { t } from '../text'
import { complain } from '../toast'
import { label } from '../words'
import { Rows } from './Call'
import { moment, plain } from './fields'

interface Written {
  value: unknown
  previous: unknown
  source: string
  origin: string | null
  set_at: string
}

const sources: Record<string, string> = { incoming_webhook: t('Incoming webhook'), sip_header: t('SIP header'), call_flow: t('Call flow'), api: t('API'), default: t('Default'), dni: t('DNI'), inbound_rtb: t('Inbound RTB') }

type NodeName = (id: string) => string

function From({ source, origin, node }: { source: string; origin: string | null; node: NodeName }) {
  const name = sources[source] ?? label(source)
  if (!origin) return <span>{name}</span>
  if (source === 'incoming_webhook') return <Link to={`/data/webhooks/incoming-requests/${origin}`}>{name}</Link>
  if (source === 'inbound_rtb') return <Link to={`/rtb/requests/${origin}`}>{name}</Link>
  return <span>{source === 'call_flow' ? t('Call flow, node {node}', { node: node(origin) }) : name}</span>
}

// Shown for as long as the page is open; each time is kept in the audit log.
function Sealed({ callId, name }: { callId: string; name: string }) {
  const [value, setValue] = useState<string | null>(null)
  const reveal = () => api<{ value: string }>('POST', `/calls/${callId}/tags/reveal`, { name }).then((r) => setValue(r.data.value), complain)
  return value !== null ? <span>{value}</span> : <Group gap="xs"><span>********</span><Button size="compact-xs" variant="light" aria-label={t('Show {name}', { name })} onClick={() => void reveal()}>{t('Show')}</Button></Group>
}

export function Tags({ callId, rows, node }: { callId: string; rows: Record<string, unknown>[]; node: NodeName }) {
  const before = (r: Record<string, unknown>) => {
    const older = ((r.history as Written[] | undefined) ?? []).slice(0, -1)
    return older.length ? <Stack gap={2}>{older.map((h, i) => <Text key={i} size="xs" c="dimmed">{plain(h.value)} · <From source={h.source} origin={h.origin} node={node} /> · {moment(h.set_at)}</Text>)}</Stack> : '–'
  }
  return <Rows rows={rows.map((r) => ({ ...r, value: r.sensitive ? <Sealed callId={callId} name={String(r.name)} /> : r.value, from: <From source={String(r.source)} origin={r.origin as string | null} node={node} />, before: before(r) }))}
    columns={[['name', t('Tag')], ['value', t('Value')], ['from', t('From')], ['set_at', t('Set')], ['before', t('Before')]]} empty={t('This call has no tags.')} />
}
