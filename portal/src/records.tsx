// Records that are only read: requests of webhooks, the audit log.
import { Accordion, Alert, Badge, Button, Code, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ColumnMenu, DataTable, useColumns, type Column } from './DataTable'
import { ResourcePicker } from './SchemaForm'
import { AttemptView, type Attempt } from './Outgoing'
import { api, list, type Row } from './api'
import { Rows } from './calls/Call'
import { Status, moment, plain } from './calls/fields'
import { t } from './text'
import { complain, toast } from './toast'
import { useUrl } from './url'
import { useNamed } from './useNamed'
import { useRows } from './useRows'

interface Props {
  title: string
  path: string
  columns: [string, string, hidden?: boolean][]
  open: (r: Row) => string
  teaches: string
  statuses?: string[]
  webhook?: string // ?webhook_id= of this kind
  webhookLabel?: string
  caller?: boolean // ?caller_id=
  search?: string // ?search=, of what
  fixed?: Record<string, string> // what is asked for always
  head?: ReactNode
}

// A text that narrows the list, once it is typed.
function Asked({ label, width, value, example, onAsk }: { label: string; width: number; value?: string; example: string; onAsk: (value?: string) => void }) {
  const ask = (e: { currentTarget: HTMLInputElement }) => onAsk(e.currentTarget.value || undefined)
  return <TextInput label={label} w={width} defaultValue={value ?? ''} placeholder={example} onBlur={ask} onKeyDown={(e) => e.key === 'Enter' && ask(e)} />
}

export function RecordList({ title, path, columns: given, open, teaches, statuses, webhook, webhookLabel = t('Webhook'), caller, search, fixed, head }: Props) {
  const [url, set] = useUrl()
  const named = useNamed(webhook ? [webhook] : [])
  const asked = Object.fromEntries(Object.entries(url).filter(([k]) => ['status', 'call_id', 'caller_id', 'search', `${webhook}_id`].includes(k)))
  const { query, rows } = useRows([path, JSON.stringify({ ...fixed, ...asked })], `/${path}?${new URLSearchParams({ limit: '50', ...fixed, ...asked })}`)
  const columns: Column[] = given.map(([label, key, hidden]) => ({ key, label, hidden, show: (r) => key.endsWith('_at') ? moment(r[key]) : key === 'status' ? <Status of={r[key]} /> : key === `${webhook}_id` ? (named(r[key]) ?? plain(r[key])) : plain(r[key]) }))
  const [shown, setShown] = useColumns(path, columns)
  return (
    <Stack>
      <Title order={2}>{title}</Title>
      {head}
      <Group align="flex-end">
        {statuses && <Select label={t('Status')} w={150} clearable placeholder={t('Any')} data={statuses} value={url.status ?? null} onChange={(v) => set({ status: v ?? undefined })} />}
        {webhook && <ResourcePicker kind={webhook} label={webhookLabel} value={url[`${webhook}_id`] ?? null} onChange={(v) => set({ [`${webhook}_id`]: v ?? undefined })} />}
        {caller && <Asked label={t('Caller')} width={180} value={url.caller_id} example="+15125550100" onAsk={(v) => set({ caller_id: v })} />}
        {search && <Asked label={t('Search')} width={220} value={url.search} example={search} onAsk={(v) => set({ search: v })} />}
        <ColumnMenu columns={columns} shown={shown} onChange={setShown} />
      </Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={open} empty={Object.keys(asked).length ? <Text fw={600}>{t('Nothing here is like that')}</Text> : <><Text fw={600}>{t('Nothing yet')}</Text><Text c="dimmed">{teaches}</Text></>} />
    </Stack>
  )
}

// Who failed to authenticate since the server started. Roles that may not see it see nothing of it.
function Failures() {
  const { data } = useQuery({ queryKey: ['incoming-webhook-failures'], retry: false, queryFn: async () => (await list('/incoming-webhook-failures')).data })
  const named = useNamed(['incoming_webhook'])
  if (!data?.length) return null
  return (
    <Accordion variant="contained"><Accordion.Item value="failures">
      <Accordion.Control>{t('{count} addresses failed to authenticate', { count: data.length })}</Accordion.Control>
      <Accordion.Panel><Rows rows={data.map((f) => ({ ...f, webhook: named(f.incoming_webhook_id) ?? '–' }))} columns={[['address', t('Address')], ['reason', t('Why')], ['webhook', t('Webhook')], ['count', t('Times')], ['last_at', t('Last')]]} empty="" /></Accordion.Panel>
    </Accordion.Item></Accordion>
  )
}

export const IncomingRequests = () => <RecordList title={t('Incoming webhook requests')} path="incoming-webhook-requests" webhook="incoming_webhook" caller head={<Failures />} statuses={['matched', 'pending', 'duplicate', 'rejected', 'expired']} open={(r) => `/data/webhooks/incoming-requests/${r.id}`} teaches={t('Each request that came with a valid key is kept here with what became of it.')}
  columns={[[t('Received'), 'received_at'], [t('Webhook'), 'incoming_webhook_id'], [t('Path'), 'path', true], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Answered'), 'http_status'], [t('Call'), 'call_id', true], [t('Refused values'), 'error_count'], [t('Milliseconds'), 'latency_ms', true], [t('Address'), 'address', true]]} />
export const OutgoingRequests = () => <RecordList title={t('Outgoing webhook requests')} path="outgoing-webhook-requests" webhook="outgoing_webhook" search={t('in event, request, answer')} statuses={['pending', 'delivered', 'failed', 'dead']} open={(r) => `/data/webhooks/outgoing-requests/${r.id}`} teaches={t('Each event that an outgoing webhook takes is kept here with every try.')}
  columns={[[t('Made'), 'created_at'], [t('Webhook'), 'outgoing_webhook_id'], [t('Event'), 'event_type'], [t('Status'), 'status'], [t('Tries'), 'attempt_count'], [t('Next try'), 'next_attempt_at']]} />
export const AuditLog = () => <RecordList title={t('Audit log')} path="audit-log" open={() => '/settings/audit-log'} teaches={t('Every change by a user or key is kept here.')} columns={[[t('When'), 'created_at'], [t('Who'), 'actor'], [t('Action'), 'action'], [t('What'), 'resource_id']]} />

interface Replayed {
  applied: boolean
  tags: Record<string, unknown>
  unmatched: string[]
  errors: { tag: string; detail: string }[]
}

// What today's tags would take from the request, and have it taken.
function Replay({ request }: { request: Row }) {
  const client = useQueryClient()
  const [result, setResult] = useState<Replayed | null>(null)
  const run = async (apply: boolean) => {
    try {
      const { data } = await api<Replayed & Record<string, unknown>>('POST', `/incoming-webhook-requests/${request.id}/replay`, { apply })
      setResult(data)
      if (!apply) return
      toast(t('The call has these tags now'))
      await client.invalidateQueries({ queryKey: ['call'] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack gap="xs">
      <Group><Button size="xs" variant="default" onClick={() => void run(false)}>{t('Evaluate again with today\'s tags')}</Button>
        {result && !result.applied && typeof request.call_id === 'string' && <Button size="xs" onClick={() => void run(true)}>{t('Write them to the call')}</Button>}</Group>
      {result && <Rows rows={[...Object.entries(result.tags).map(([tag, value]) => ({ tag, value })), ...result.errors.map((e) => ({ tag: e.tag, error: e.detail })), ...result.unmatched.map((tag) => ({ tag, error: t('no tag takes it') }))]} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why not')]]} empty={t('No tag takes anything from it.')} />}
    </Stack>
  )
}

export function Request({ path, id }: { path: string; id: string }) {
  const client = useQueryClient()
  const q = useQuery({ queryKey: [path, 'one', id], queryFn: async () => (await api<Row>('GET', `/${path}/${id}`)).data })
  if (q.error) return <Alert color="red">{q.error.message}</Alert>
  if (!q.data) return <Text c="dimmed">{t('Loading…')}</Text>
  const outgoing = path.startsWith('outgoing')
  const again = async () => {
    try {
      await api('POST', `/${path}/${id}/redeliver`, {})
      toast(t('It is sent again'))
      await client.invalidateQueries({ queryKey: [path] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack>
      <Group><Title order={2} style={{ overflowWrap: 'anywhere' }}>{outgoing ? String(q.data.event_type) : t('Data for {who}', { who: plain(q.data.caller_id ?? q.data.call_id) })}</Title><Badge>{plain(q.data.status)}</Badge>
        {outgoing && <Button size="xs" variant="light" onClick={() => void again()}>{t('Send again')}</Button>}</Group>
      {typeof q.data.call_id === 'string' && <Link to={`/calls/${q.data.call_id}`}>{t('The call')}</Link>}
      {outgoing && typeof q.data.next_attempt_at === 'string' && <Text size="sm">{t('Next try {when}', { when: moment(q.data.next_attempt_at) })}</Text>}
      {outgoing && (q.data.attempts as Attempt[]).map((a) => <AttemptView key={a.attempt} attempt={a} />)}
      {outgoing && !(q.data.attempts as Attempt[]).length && <Text c="dimmed">{t('Not tried yet.')}</Text>}
      {outgoing && <Title order={3} size="h5">{t('The event')}</Title>}
      {!outgoing && (q.data.problem as { detail?: string; errors?: { pointer: string; detail: string }[] } | null) && <Alert color="red" title={`${plain(q.data.http_status)} ${(q.data.problem as { title: string }).title}`}>{((q.data.problem as { errors?: { pointer: string; detail: string }[] }).errors ?? [{ pointer: '', detail: (q.data.problem as { detail: string }).detail }]).map((e) => <div key={e.pointer + e.detail}>{e.pointer} {e.detail}</div>)}</Alert>}
      {!outgoing && <Rows rows={(q.data.tags as Record<string, unknown>[]) ?? []} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why it was refused')]]} empty={t('No tag took anything from it.')} />}
      {!outgoing && (q.data.data || q.data.data_sealed) ? <Replay request={q.data} /> : null}
      {!outgoing && q.data.data_sealed === true && <Text size="sm" c="dimmed">{t('What came is sealed, because a sensitive tag took something from it.')}</Text>}
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify(outgoing ? q.data.event : q.data, null, 2)}</Code>
    </Stack>
  )
}
