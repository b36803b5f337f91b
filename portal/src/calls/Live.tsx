// The calls that go on, as the server tells of them.
import { Badge, Button, Group, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { DataTable, type Column } from '../DataTable'
import { ListTitle } from '../ListTitle'
import { api } from '../api'
import { isExpired, onRenewed, useMay } from '../session'
import { t } from '../text'
import { complain, toast } from '../toast'
import { useNamed } from '../useNamed'
import { useRows } from '../useRows'
import { callColumns, lasting } from './fields'

const all = [
  'reset', 'call.started', 'call.dialing', 'call.connected', 'call.transferred', 'call.milestone',
  'call.converted', 'call.adjusted', 'call.failed', 'call.completed', 'tag.set', 'tag.changed',
  'tag.removed',
  'flow.started', 'flow.completed', 'flow.unavailable', 'flow.node_failed', 'flow.custom',
  'routing.no_target', 'recording.ready', 'voicemail.received',
]

const RECONNECT_MS = 15_000 // after an answer other than 200, which ends an EventSource for good

// Listens to an event feed until the returned function is called. A feed that the server refused is tried again after a
// while, and at once after a new sign-in; while the session is known to have expired it is not tried.
function listen(query: string, onOpen: () => void, onError: () => void, onEvent: () => void): () => void {
  let source: EventSource | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    clearTimeout(timer)
    source?.close()
    if (isExpired()) return later()
    const own = (source = new EventSource(`/api/v1/events?${query}`))
    own.onopen = onOpen
    own.onerror = () => {
      onError()
      if (own.readyState === EventSource.CLOSED) later() // else the browser reconnects by itself
    }
    for (const type of all) own.addEventListener(type, onEvent)
  }
  const later = () => {
    timer = setTimeout(open, RECONNECT_MS)
  }
  open()
  const stop = onRenewed(open)
  return () => {
    stop()
    clearTimeout(timer)
    source?.close()
  }
}

// Ask again for what the events are about, at most three times a second. Returns whether the server is listened to.
// query: of /events; null: nothing is listened to (a browser has few connections).
export function useLive(query: string | null, keys: string[][]): boolean {
  const client = useQueryClient()
  const [on, setOn] = useState(false)
  useEffect(() => {
    if (query === null) return
    let waits: ReturnType<typeof setTimeout> | undefined
    const heard = () => {
      waits ??= setTimeout(() => {
        waits = undefined
        keys.forEach((queryKey) => void client.invalidateQueries({ queryKey }))
      }, 300)
    }
    const opened = () => {
      setOn(true)
      heard()
    }
    const stop = listen(query, opened, () => setOn(false), heard)
    return () => {
      clearTimeout(waits)
      stop()
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
  const mayChange = useMay('manager')
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
      <Group><ListTitle group={t('Calls')} title={t('Live')} /><Badge color={on ? 'teal' : 'gray'} variant="light">{on ? t('live') : t('connecting…')}</Badge></Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={(r) => `/calls/${r.id}`}
        empty={<><Text fw={600}>{t('No live calls')}</Text><Text c="dimmed">{t('No call is in progress. New calls show up here by themselves.')}</Text></>}
        actions={!mayChange ? undefined : (r) => <Button size="compact-xs" color="red" variant="light" onClick={() => void hangUp(r.id)} aria-label={t('Hang up {name}', { name: r.caller_id })}>{t('Hang up')}</Button>} />
    </Stack>
  )
}
