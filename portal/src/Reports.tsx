// What calls came to: the dashboard's day, and any period by time or by what calls belong to.
import { Alert, Button, Group, Paper, Select, SimpleGrid, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Suspense, lazy, useMemo, useState } from 'react'
import { GettingStarted } from './GettingStarted'
import { api, list } from './api'
import { useLive } from './calls/Live'
import { csvLine, downloadCsv } from './csv'
import { label } from './words'
import { listAll } from './names'
import { t } from './text'

const Chart = lazy(() => import('./Chart'))

interface Figures {
  calls: number
  connected: number
  converted: number
  duration_seconds: number
  revenue: string
  payout: string
  cost: string
  margin: string
}
interface Line extends Figures {
  key: string | null
  name?: string | null
}
interface Report {
  data: Line[]
  totals: Figures
}
type By = 'hour' | 'day' | 'campaign' | 'publisher' | 'target' | `tag.${string}`

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
const columns: [keyof Figures, string][] = [['calls', t('Calls')], ['connected', t('Connected')], ['converted', t('Converted')], ['duration_seconds', t('Time')], ['revenue', t('Revenue')], ['payout', t('Payout')], ['cost', t('Cost')], ['margin', t('Margin')]]
const time = (s: number) => `${Math.floor(s / 3600)}:${String(Math.floor(s / 60) % 60).padStart(2, '0')}:${String(s % 60).padStart(2, '0')}`
const shown = (f: Figures, c: keyof Figures) => (c === 'duration_seconds' ? time(f[c]) : String(f[c]))
const isTime = (by: By) => by === 'day' || by === 'hour'
const named = (l: Line, by: By) => (by === 'day' ? l.key! : by === 'hour' ? new Date(l.key!).toLocaleString(undefined, { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' }) : (l.name ?? (l.key ? l.key : t('none'))))

const useReport = (by: By, from: Date, to: Date, refetch?: number) => useQuery({
  queryKey: ['reports', by, from.getTime(), to.getTime()], refetchInterval: refetch,
  queryFn: async () => (await api<Report>('GET', `/reports/calls?group_by=${encodeURIComponent(by)}&from=${from.toISOString()}&to=${to.toISOString()}&time_zone=${encodeURIComponent(zone)}`)).data,
})

function Tiles({ of, more = [] }: { of: Figures | undefined; more?: [string, string][] }) {
  const tiles: [string, string][] = [...more, ...columns.filter(([c]) => c !== 'duration_seconds' && c !== 'cost').map(([c, label]): [string, string] => [label, of ? shown(of, c) : '–'])]
  return <SimpleGrid cols={{ base: 2, sm: 4, xl: tiles.length }}>{tiles.map(([label, value]) => <Paper withBorder p="md" key={label}><Text size="sm" c="dimmed">{label}</Text><Text size="xl" fw={700}>{value}</Text></Paper>)}</SimpleGrid>
}

const none: Figures = { calls: 0, connected: 0, converted: 0, duration_seconds: 0, revenue: '0.00', payout: '0.00', cost: '0.00', margin: '0.00' }

// A line for every hour or day of the period that has begun, also where there were no calls.
function filled(lines: Line[], by: By, from: Date, to: Date): Line[] {
  if (by !== 'hour' && by !== 'day') return lines
  const there = new Map(lines.map((l) => [l.key, l]))
  const all: Line[] = []
  const end = Math.min(to.getTime(), Date.now())
  for (const at = new Date(from); at.getTime() < end && all.length < 2000; by === 'hour' ? at.setTime(at.getTime() + 3600e3) : at.setDate(at.getDate() + 1)) {
    const key = by === 'hour' ? at.toISOString() : day(at)
    all.push(there.get(key) ?? { key, ...none })
  }
  return all
}

function Graph({ lines: given, by, from, to }: { lines: Line[]; by: By; from: Date; to: Date }) {
  const lines = useMemo(() => filled(given, by, from, to), [given, by, from, to])
  const labels = useMemo(() => lines.map((l) => named(l, by)), [lines, by])
  const series = useMemo(() => [
    { name: t('Calls'), values: lines.map((l) => l.calls) }, { name: t('Connected'), values: lines.map((l) => l.connected) }, { name: t('Converted'), values: lines.map((l) => l.converted) },
    { name: t('Revenue'), values: lines.map((l) => Number(l.revenue)), line: true, own: true },
  ], [lines])
  return <Suspense fallback={<div style={{ height: 260 }} />}><Chart labels={labels} series={series} label={t('Calls by {by}', { by })} /></Suspense>
}

function Rows({ lines, by }: { lines: Line[]; by: By }) {
  return (
    <Table.ScrollContainer minWidth={700}>
      <Table verticalSpacing="xs">
        <Table.Thead><Table.Tr><Table.Th>{by.startsWith('tag.') ? by.slice(4) : label(by)}</Table.Th>{columns.map(([c, label]) => <Table.Th key={c} ta="right">{label}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{lines.map((l) => <Table.Tr key={l.key}><Table.Td style={{ whiteSpace: isTime(by) ? 'nowrap' : undefined }}>{named(l, by)}</Table.Td>{columns.map(([c]) => <Table.Td key={c} ta="right">{shown(l, c)}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

const day = (d: Date) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`
const midnight = (daysAgo = 0) => {
  const d = new Date()
  d.setHours(0, 0, 0, 0)
  d.setDate(d.getDate() - daysAgo)
  return d
}

export function Dashboard() {
  const [from, to] = useMemo(() => [midnight(), midnight(-1)], [])
  const hours = useReport('hour', from, to, 10_000)
  const campaigns = useReport('campaign', from, to, 10_000)
  const on = useLive('types=call.started,call.completed', [['calls', 'live count'], ['calls', 'any'], ['reports']])
  const live = useQuery({ queryKey: ['calls', 'live count'], queryFn: () => list('/calls?status=active&limit=200'), refetchInterval: on ? 60_000 : 5000 })
  const active = live.data ? `${live.data.data.length}${live.data.next_cursor ? '+' : ''}` : '–'
  return (
    <Stack>
      <Title order={2}>{t('Dashboard')}</Title>
      <GettingStarted />
      <Tiles of={hours.data?.totals} more={[[t('Live now'), active]]} />
      {(hours.data?.data.length ?? 0) > 0 && <Paper withBorder p="md"><Text fw={600} mb="xs">{t('Today, by hour')}</Text><Graph lines={hours.data!.data} by="hour" from={from} to={to} /></Paper>}
      {(campaigns.data?.data.length ?? 0) > 0 && <Paper withBorder p="md"><Text fw={600}>{t('Today, by campaign')}</Text><Rows lines={campaigns.data!.data.slice(0, 10)} by="campaign" /></Paper>}
      <Group><Link to="/calls">{t('All calls')}</Link><Link to="/reports">{t('Reports')}</Link></Group>
    </Stack>
  )
}

export function Reports() {
  const tags = useQuery({ queryKey: ['custom-tags', 'report'], queryFn: () => listAll('/custom-tags?report=true&sort=name') })
  const query = new URLSearchParams(location.search)
  const [first, setFirst] = useState(query.get('from') ?? day(midnight(6)))
  const [last, setLast] = useState(query.get('to') ?? day(midnight()))
  const [by, setBy] = useState<By>((query.get('by') as By | null) ?? 'day')
  const change = (next: { from?: string; to?: string; by?: By }) => {
    const all = { from: first, to: last, by, ...next }
    window.history.replaceState(null, '', `/reports?${new URLSearchParams(all)}`)
    setFirst(all.from)
    setLast(all.to)
    setBy(all.by)
  }
  const [from, to] = useMemo(() => {
    const end = new Date(`${last}T00:00`)
    end.setDate(end.getDate() + 1)
    return [new Date(`${first}T00:00`), end]
  }, [first, last])
  const readable = !Number.isNaN(from.getTime()) && !Number.isNaN(to.getTime()) && from < to
  const report = useReport(by, readable ? from : midnight(), readable ? to : midnight(-1))
  const save = () => {
    const lines = [[by, ...columns.map(([c]) => c)], ...(report.data?.data ?? []).map((l) => [by === 'hour' ? l.key! : named(l, by), ...columns.map(([c]) => String(l[c]))])]
    downloadCsv(`calls-by-${by}-${first}-${last}.csv`, lines.map(csvLine))
  }
  return (
    <Stack>
      <Title order={2}>{t('Reports')}</Title>
      <Group align="flex-end">
        <TextInput type="date" label={t('From')} value={first} onChange={(e) => change({ from: e.currentTarget.value })} />
        <TextInput type="date" label={t('To')} value={last} onChange={(e) => change({ to: e.currentTarget.value })} error={readable ? undefined : t('Not after the first day')} />
        <Select label={t('By')} data={[...['hour', 'day', 'campaign', 'publisher', 'target'].map((v) => ({ value: v, label: label(v) })), ...(tags.data ?? []).map((tag) => ({ value: `tag.${String(tag.name)}`, label: String(tag.name) }))]} value={by} onChange={(v) => change({ by: (v ?? 'day') as By })} allowDeselect={false} />
        <Button variant="default" onClick={save} disabled={!report.data?.data.length}>{t('Download CSV')}</Button>
        <Text size="sm" c="dimmed">{t('Times are in {zone}', { zone })}</Text>
      </Group>
      {report.error && <Alert color="red" title={t('This could not be added up')}>{report.error.message}</Alert>}
      {report.data && <>
        <Tiles of={report.data.totals} />
        {report.data.data.length === 0 ? <Paper withBorder p="xl"><Text fw={600}>{t('No calls in this time')}</Text><Text c="dimmed">{t('Calls are counted when they end, on the day they began.')}</Text></Paper>
          : <><Paper withBorder p="md"><Graph lines={report.data.data} by={by} from={from} to={to} /></Paper><Rows lines={report.data.data} by={by} /></>}
      </>}
    </Stack>
  )
}
