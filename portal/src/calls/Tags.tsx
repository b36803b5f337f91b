// A call's tags: the source of each value, its earlier values, and sensitive ones on request.
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { api } from '../api'
import { useMay } from '../session'
import { t } from '../text'
import { complain, toast } from '../toast'
import { label } from '../words'
import { Rows } from '../Facts'
import { moment, plain } from './fields'

interface Written {
  value: unknown
  previous: unknown
  source: string
  origin: string | null
  set_at: string
}

const sources: Record<string, string> = { incoming_webhook: t('Incoming webhook'), sip_header: t('SIP header'), sip_parameter: t('SIP parameter'), call_flow: t('Call flow'), api: t('API'), default: t('Default'), dni: t('DNI'), inbound_rtb: t('Inbound RTB') }

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

// Sensitive values cannot be put back: nobody here knows them.
function Remove({ callId, row }: { callId: string; row: Record<string, unknown> }) {
  const client = useQueryClient()
  const name = String(row.name)
  const set = async (value: unknown) => {
    await api('PATCH', `/calls/${callId}/tags`, { [name]: value })
    await client.invalidateQueries({ queryKey: ['call', callId] })
  }
  const undo = row.sensitive ? undefined : () => set(row.value)
  const remove = () => set(null).then(() => toast(t('The tag {name} is removed', { name }), undo), complain)
  return (
    <Button size="compact-xs" variant="subtle" color="red" aria-label={t('Remove {name}', { name })}
      onClick={() => void remove()}>{t('Remove')}</Button>
  )
}

// Fields that incoming webhooks brought and no tag took.
export function CustomData({ data }: { data: Record<string, unknown> }) {
  const rows = Object.entries(data).map(([name, value]) => ({ name, value }))
  if (!rows.length) return null
  return (
    <Stack gap={4} pt="md">
      <Title order={3} size="h5">{t('Custom data')}</Title>
      <Rows rows={rows} columns={[['name', t('Field')], ['value', t('Value')]]} empty="" />
    </Stack>
  )
}

export function Tags({ callId, rows, node }: { callId: string; rows: Record<string, unknown>[]; node: NodeName }) {
  const mayChange = useMay('manager')
  const before = (r: Record<string, unknown>) => {
    const history = (r.history as Written[] | undefined) ?? []
    const older = r.removed ? history.filter((h) => h.value !== null) : history.slice(0, -1)
    if (!older.length) return '–'
    return (
      <Stack gap={2}>
        {older.map((h, i) => (
          <Text key={i} size="xs" c="dimmed">
            {plain(h.value)} · <From source={h.source} origin={h.origin} node={node} /> · {moment(h.set_at)}
          </Text>
        ))}
      </Stack>
    )
  }
  const value = (r: Record<string, unknown>) => {
    if (r.removed) return <Text size="sm" c="dimmed">{t('removed')}</Text>
    return r.sensitive ? <Sealed callId={callId} name={String(r.name)} /> : r.value
  }
  const shown = rows.map((r) => ({
    ...r, value: value(r), before: before(r),
    from: <From source={String(r.source)} origin={r.origin as string | null} node={node} />,
    remove: r.removed || !mayChange ? '' : <Remove callId={callId} row={r} />,
  }))
  return (
    <Rows rows={shown} empty={t('This call has no tags.')}
      columns={[['name', t('Tag')], ['value', t('Value')], ['from', t('From')], ['set_at', t('Set')],
        ['before', t('Before')], ['remove', '']]} />
  )
}
