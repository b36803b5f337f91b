import { Alert, Anchor, Badge, Button, Code, Group, Paper, SimpleGrid, Stack, Table, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { api, type Row } from './api'
import { useRows } from './useRows'

const time = (v: unknown) => (typeof v === 'string' ? new Date(v).toLocaleString() : '–')
const text = (v: unknown) => (v == null ? '–' : typeof v === 'object' ? JSON.stringify(v) : String(v))

// A list of records that are only read: calls, webhook requests.
export function RecordList({ title, path, columns, open, teaches, live }: { title: string; path: string; columns: [string, string][]; open: (r: Row) => string; teaches: string; live?: boolean }) {
  const navigate = useNavigate()
  const { query: q, rows } = useRows([path], `${path}${path.includes('?') ? '&' : '?'}limit=50`, live)
  return (
    <Stack>
      <Title order={2}>{title}</Title>
      {q.error && <Alert color="red" title="This could not be loaded">{q.error.message}</Alert>}
      {q.isSuccess && rows.length === 0 ? <Paper withBorder p="xl"><Text fw={600}>Nothing yet</Text><Text c="dimmed">{teaches}</Text></Paper> : (
        <Table.ScrollContainer minWidth={640}>
          <Table highlightOnHover verticalSpacing="sm">
            <Table.Thead><Table.Tr>{columns.map(([label]) => <Table.Th key={label}>{label}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {rows.map((r) => (
                <Table.Tr key={r.id} style={{ cursor: 'pointer' }} onClick={() => navigate({ to: open(r) })}>
                  {columns.map(([label, key], i) => <Table.Td key={label}>{i === 0 ? <Link to={open(r)}>{key.endsWith('_at') ? time(r[key]) : text(r[key])}</Link> : key === 'status' || key === 'disposition' ? <Badge variant="light" color={r[key] === 'dead' || r[key] === 'rejected' || r[key] === 'failed' ? 'red' : 'blue'}>{text(r[key])}</Badge> : key.endsWith('_at') ? time(r[key]) : text(r[key])}</Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {q.hasNextPage && <Button variant="default" w="fit-content" onClick={() => q.fetchNextPage()}>Load more</Button>}
    </Stack>
  )
}

export const Calls = () => <RecordList title="Calls" path="/calls" open={(r) => `/calls/${r.id}`} teaches="Every call is kept here for ever. Place one with a softphone, or with: strowger call sip:<number>@<this host>" columns={[['Started', 'started_at'], ['Caller', 'caller_id'], ['Number', 'number'], ['Mode', 'execution_mode'], ['Disposition', 'disposition'], ['Seconds', 'duration_seconds'], ['Revenue', 'revenue']]} />
export const LiveCalls = () => <RecordList live title="Live calls" path="/calls?status=active" open={(r) => `/calls/${r.id}`} teaches="No call is running just now." columns={[['Started', 'started_at'], ['Caller', 'caller_id'], ['Number', 'number'], ['Mode', 'execution_mode']]} />
export const IncomingRequests = () => <RecordList title="Incoming webhook requests" path="/incoming-webhook-requests" open={(r) => `/data/webhooks/incoming-requests/${r.id}`} teaches="Each request that came with a valid key is kept here with what became of it." columns={[['Received', 'received_at'], ['Caller', 'caller_id'], ['Status', 'status'], ['Call', 'call_id'], ['Refused values', 'error_count']]} />
export const OutgoingRequests = () => <RecordList title="Outgoing webhook requests" path="/outgoing-webhook-requests" open={(r) => `/data/webhooks/outgoing-requests/${r.id}`} teaches="Each event that an outgoing webhook takes is kept here with every try." columns={[['Made', 'created_at'], ['Event', 'event_type'], ['Status', 'status'], ['Tries', 'attempt_count'], ['Next try', 'next_attempt_at']]} />

function Facts({ of, keys }: { of: Row; keys: string[] }) {
  return <SimpleGrid cols={{ base: 2, sm: 4 }}>{keys.map((k) => <div key={k}><Text size="xs" c="dimmed">{k.replaceAll('_', ' ')}</Text><Text size="sm" style={{ overflowWrap: 'anywhere' }}>{k.endsWith('_at') ? time(of[k]) : text(of[k])}</Text></div>)}</SimpleGrid>
}

function Rows({ rows, columns, empty }: { rows: Record<string, unknown>[]; columns: string[]; empty: string }) {
  if (!rows.length) return <Text c="dimmed" py="md">{empty}</Text>
  return (
    <Table.ScrollContainer minWidth={500}>
      <Table>
        <Table.Thead><Table.Tr>{columns.map((c) => <Table.Th key={c}>{c.replaceAll('_', ' ')}</Table.Th>)}</Table.Tr></Table.Thead>
        <Table.Tbody>{rows.map((r, i) => <Table.Tr key={i}>{columns.map((c) => <Table.Td key={c} style={{ overflowWrap: 'anywhere' }}>{['at', 'timestamp'].includes(c) || c.endsWith('_at') ? time(r[c]) : text(r[c])}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

const fetchPart = (id: string, part: string) => ({ queryKey: ['call', id, part], queryFn: async () => ((await api<{ data: Record<string, unknown>[] }>('GET', `/calls/${id}/${part}`)).data.data) })

interface Recording {
  id: string
  kind: string
  status: string
  started_at: string
  duration_seconds: number
}

function Recordings({ call }: { call: Row }) {
  const list = (call.recordings as Recording[] | undefined) ?? []
  return list.map((r) => (
    <Group key={r.id} gap="sm">
      <Badge variant="light">{r.kind === 'voicemail' ? 'Voicemail' : 'Recording'}</Badge>
      {r.status === 'ready'
        ? <><audio controls preload="metadata" aria-label={`${r.kind} of ${r.duration_seconds} seconds`} src={`/api/v1/calls/${call.id}/recording?recording_id=${r.id}`} style={{ height: 36 }} />
          <Anchor size="sm" href={`/api/v1/calls/${call.id}/recording?recording_id=${r.id}`} download={`${r.id}.wav`}>Download</Anchor></>
        : <Text size="sm" c="dimmed">{r.status === 'recording' ? 'Goes on' : 'It could not be written: is the disk full?'}</Text>}
    </Group>
  ))
}

export function Call({ id }: { id: string }) {
  const call = useQuery({ queryKey: ['call', id], queryFn: async () => (await api<Row>('GET', `/calls/${id}`)).data, refetchInterval: (q) => (q.state.data?.status === 'active' ? 1000 : false) })
  const tags = useQuery(fetchPart(id, 'tags'))
  const events = useQuery(fetchPart(id, 'events'))
  const trace = useQuery(fetchPart(id, 'trace'))
  if (call.error) return <Alert color="red" title="This call could not be loaded">{call.error.message}</Alert>
  if (!call.data) return <Text c="dimmed">Loading…</Text>
  const c = call.data
  return (
    <Stack>
      <Group><Title order={2}>{String(c.caller_id)} → {String(c.number)}</Title><Badge>{text(c.disposition ?? c.status)}</Badge>
        {c.status === 'active' && <Button size="xs" color="red" variant="light" onClick={() => api('POST', `/calls/${id}/hangup`, {})}>Hang up</Button>}</Group>
      <Group><Code w="fit-content">{c.id}</Code>{typeof c.call_flow_id === 'string' && <Link to={`/calls/${id}/canvas`}>{c.status === 'active' ? 'Watch it on the canvas' : 'Its way on the canvas'}</Link>}</Group>
      <Facts of={c} keys={['status', 'execution_mode', 'flow_version', 'hangup_by', 'started_at', 'answered_at', 'connected_at', 'ended_at', 'duration_seconds', 'converted', 'revenue', 'payout']} />
      <Recordings call={c} />
      <Tabs defaultValue="tags">
        <Tabs.List><Tabs.Tab value="tags">Tags</Tabs.Tab><Tabs.Tab value="attempts">Attempts</Tabs.Tab><Tabs.Tab value="events">Events</Tabs.Tab><Tabs.Tab value="trace">Trace</Tabs.Tab></Tabs.List>
        <Tabs.Panel value="tags"><Rows rows={tags.data ?? []} columns={['name', 'value', 'source', 'set_at']} empty="This call has no tags." /></Tabs.Panel>
        <Tabs.Panel value="attempts"><Rows rows={c.attempts as Record<string, unknown>[]} columns={['target_name', 'uri', 'outcome', 'sip_status', 'reason', 'started_at', 'ended_at']} empty="No target was called." /></Tabs.Panel>
        <Tabs.Panel value="events"><Rows rows={events.data ?? []} columns={['timestamp', 'type', 'data']} empty="No events." /></Tabs.Panel>
        <Tabs.Panel value="trace"><Rows rows={(trace.data ?? []).map((e) => ({ ...e, what: e.kind === 'input' ? `⇢ ${e.input}${e.digits ? ` ${e.digits}` : ''}` : `${e.node} → ${e.port ?? 'end'}` }))} columns={['at', 'what', 'type', 'detail']} empty="A routing plan has no trace; see the attempts." /></Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

export function Request({ path, id }: { path: string; id: string }) {
  const q = useQuery({ queryKey: [path, id], queryFn: async () => (await api<Row>('GET', `/${path}/${id}`)).data })
  if (q.error) return <Alert color="red">{q.error.message}</Alert>
  if (!q.data) return <Text c="dimmed">Loading…</Text>
  const outgoing = path.startsWith('outgoing')
  return (
    <Stack>
      <Group><Title order={2}>{outgoing ? String(q.data.event_type) : `Data for ${text(q.data.caller_id ?? q.data.call_id)}`}</Title><Badge>{text(q.data.status)}</Badge>
        {outgoing && <Button size="xs" variant="light" onClick={async () => { await api('POST', `/${path}/${id}/redeliver`, {}); await q.refetch() }}>Send again</Button>}</Group>
      {typeof q.data.call_id === 'string' && <Link to={`/calls/${q.data.call_id}`}>The call</Link>}
      {outgoing && <Rows rows={(q.data.attempts as { attempt: number; at: string; error: string | null; response: { status: number; body: string } | null }[]).map((a) => ({ try: a.attempt, at: a.at, status: a.response?.status ?? a.error, answer: a.response?.body }))} columns={['try', 'at', 'status', 'answer']} empty="Not tried yet." />}
      {!outgoing && <Rows rows={(q.data.tags as Record<string, unknown>[]) ?? []} columns={['tag', 'value', 'error']} empty="No tag took anything from it." />}
      <Code block>{JSON.stringify(outgoing ? q.data.event : q.data, null, 2)}</Code>
    </Stack>
  )
}
