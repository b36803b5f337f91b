// The calls that go on, as the server tells of them.
import { Badge, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { DataTable, type Column } from '../DataTable'
import { api } from '../api'
import { t } from '../text'
import { complain, toast } from '../toast'
import { useNamed } from '../useNamed'
import { useRows } from '../useRows'
import { callColumns, lasting } from './fields'

const all = [
  'reset', 'call.started', 'call.dialing', 'call.connected', 'call.transferred', 'call.milestone',
  'call.converted', 'call.adjusted', 'call.failed', 'call.completed', 'tag.set', 'tag.changed',
  'flow.started', 'flow.completed', 'flow.unavailable', 'flow.node_failed', 'flow.custom',
  'routing.no_target', 'recording.ready', 'voicemail.received',
]

// Ask again for what the events are about, at most three times a second. Returns whether the server is listened to.
// query: of /events; null: nothing is listened to (a browser has few connections).
export function useLive(query: string | null, keys: string[][]): boolean {
  const client = useQueryClient()
  const [on, setOn] = useState(false)
  useEffect(() => {
    if (query === null) return
    const source = new EventSource(`/api/v1/events?${query}`)
    let waits: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      waits ??= setTimeout(() => {
        waits = undefined
        keys.forEach((queryKey) => void client.invalidateQueries({ queryKey }))
      }, 300)
    }
    source.onopen = () => { setOn(true); heard() }
    source.onerror = () => setOn(false)
    for (const type of all) source.addEventListener(type, heard)
    return () => {
      clearTimeout(waits)
      source.close()
    }
  }, [query]) // eslint-disable-line react-hooks/exhaustive-deps
  return on
}

export function LiveCalls() {
  const on = useLive('types=call.*', [['calls', 'live']])
  const named = useNamed()
  const { query, rows } = useRows(['calls', 'live'], '/calls?status=active&limit=200', on ? 30_000 : 5000)
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(timer)
  }, [])
  const shown = ['caller_id', 'number', 'campaign_id', 'target_id', 'since', 'state']
  const columns: Column[] = [...callColumns([], named),
    { key: 'since', label: t('For'), right: true, show: (r) => lasting(Math.max(0, (now - Date.parse(String(r.started_at))) / 1000)) },
    { key: 'state', label: t('State'), show: (r) => <Badge variant="light" tt="none" color={r.connected_at ? 'teal' : 'blue'}>{r.connected_at ? t('talking') : r.answered_at ? t('in the flow') : t('ringing')}</Badge> }]
  const hangUp = async (id: string) => {
    try {
      await api('POST', `/calls/${id}/hangup`, {})
      toast(t('Call ended'))
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack>
      <Group><Title order={2}>{t('Live calls')}</Title><Badge color={on ? 'teal' : 'gray'} variant="light">{on ? t('live') : t('connecting…')}</Badge></Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={(r) => `/calls/${r.id}`}
        empty={<><Text fw={600}>{t('Nothing yet')}</Text><Text c="dimmed">{t('No call is in progress. New calls show up here by themselves.')}</Text></>}
        actions={(r) => <Button size="compact-xs" color="red" variant="light" onClick={() => void hangUp(r.id)} aria-label={t('Hang up {name}', { name: r.caller_id })}>{t('Hang up')}</Button>} />
    </Stack>
  )
}
