// Records that are only read: requests of webhooks, the audit log.
import { Accordion, Alert, Button, Code, Group, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState, type ReactNode } from 'react'
import { ColumnMenu, DataTable, useColumns, type Column } from './DataTable'
import { ResourcePicker } from './Picker'
import { AttemptView, type Attempt } from './Outgoing'
import { api, list, type Problem, type Row } from './api'
import { Rows } from './Facts'
import { Status, moment, plain } from './calls/fields'
import { labelOf, useSchema } from './schema'
import { LoadFailed } from './LoadFailed'
import { useMay } from './session'
import { t } from './text'
import { complain, toast } from './toast'
import { useUrl } from './url'
import { useNamed } from './useNamed'
import { useRows } from './useRows'
import { said, sentence } from './words'

interface Props {
  title: string
  none: string // the list without any
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

// Columns of ids that are shown by names.
const named_ = new Set(['actor', 'resource_id'])

const isWhole = (key: string) => key.endsWith('_at') || ['status', 'caller_id', 'http_status'].includes(key)

// A text that narrows the list, once it is typed.
function Asked({ label, width, value, example, onAsk }: { label: string; width: number; value?: string; example: string; onAsk: (value?: string) => void }) {
  const ask = (e: { currentTarget: HTMLInputElement }) => onAsk(e.currentTarget.value || undefined)
  return <TextInput label={label} w={width} defaultValue={value ?? ''} placeholder={example} onBlur={ask} onKeyDown={(e) => e.key === 'Enter' && ask(e)} />
}

export function RecordList({ title, none, path, columns: given, open, teaches, statuses, webhook, webhookLabel = t('Webhook'), caller, search, fixed, head }: Props) {
  const [url, set] = useUrl()
  const named = useNamed(), types = useSchema('EventType')
  const asked = Object.fromEntries(Object.entries(url).filter(([k]) => ['status', 'call_id', 'caller_id', 'search', `${webhook}_id`].includes(k)))
  const { query, rows } = useRows([path, JSON.stringify({ ...fixed, ...asked })], `/${path}?${new URLSearchParams({ limit: '50', ...fixed, ...asked })}`)
  const cell = (r: Row, key: string) => {
    if (key.endsWith('_at')) return moment(r[key])
    if (key === 'status') return <Status of={r[key]} />
    if (key === 'event_type') return labelOf(types, r[key])
    if (key === 'action') return said(r[key])
    if (key === 'detail' && typeof r[key] === 'string') return sentence(r[key])
    return named_.has(key) || key === `${webhook}_id` ? (named(r[key]) ?? (key === 'actor' ? said(plain(r[key])) : plain(r[key]))) : plain(r[key])
  }
  const columns: Column[] = given.map(([label, key, hidden]) => ({ key, label, hidden, whole: isWhole(key), show: (r) => cell(r, key) }))
  const [shown, setShown] = useColumns(path, columns)
  return (
    <Stack>
      <Title order={2}>{title}</Title>
      {head}
      <Group align="flex-end">
        {statuses && <Select label={t('Status')} w={150} clearable placeholder={t('Any')} data={statuses.map((value) => ({ value, label: said(value) }))} value={url.status ?? null} onChange={(v) => set({ status: v ?? undefined })} />}
        {webhook && <ResourcePicker kind={webhook} label={webhookLabel} placeholder={t('All')} value={url[`${webhook}_id`] ?? null} onChange={(v) => set({ [`${webhook}_id`]: v ?? undefined })} />}
        {caller && <Asked label={t('Caller')} width={180} value={url.caller_id} example="+15125550100" onAsk={(v) => set({ caller_id: v })} />}
        {search && <Asked label={t('Search')} width={220} value={url.search} example={search} onAsk={(v) => set({ search: v })} />}
        <ColumnMenu columns={columns} shown={shown} onChange={setShown} />
      </Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={open} empty={Object.keys(asked).length ? <Text fw={600}>{t('No results match your filters')}</Text> : <><Text fw={600}>{none}</Text><Text c="dimmed">{teaches}</Text></>} />
    </Stack>
  )
}

// Failed authentications since the server started, for managers.
function Failures() {
  const allowed = useMay('manager')
  const { data } = useQuery({ queryKey: ['incoming-webhook-failures'], enabled: allowed, retry: false, queryFn: async () => (await list('/incoming-webhook-failures')).data })
  const named = useNamed()
  if (!data?.length) return null
  return (
    <Accordion variant="contained"><Accordion.Item value="failures">
      <Accordion.Control>{t('{count} addresses failed to authenticate', { count: data.length })}</Accordion.Control>
      <Accordion.Panel><Rows rows={data.map((f) => ({ ...f, reason: sentence(plain(f.reason)), webhook: named(f.incoming_webhook_id) ?? '–' }))} columns={[['address', t('Address')], ['reason', t('Why')], ['webhook', t('Webhook')], ['count', t('Times')], ['last_at', t('Last')]]} empty="" /></Accordion.Panel>
    </Accordion.Item></Accordion>
  )
}

export const IncomingRequests = () => <RecordList title={t('Incoming Webhook Requests')} none={t('No incoming webhook requests yet')} path="incoming-webhook-requests" webhook="incoming_webhook" caller head={<Failures />} statuses={['matched', 'pending', 'duplicate', 'rejected', 'expired']} open={(r) => `/data/webhooks/incoming-requests/${r.id}`} teaches={t('Every request with a valid key is listed here with its outcome.')}
  columns={[[t('Received'), 'received_at'], [t('Webhook'), 'incoming_webhook_id'], [t('Path'), 'path', true], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Response'), 'http_status'], [t('Call'), 'call_id', true], [t('Rejected values'), 'error_count'], [t('Milliseconds'), 'latency_ms', true], [t('Address'), 'address', true]]} />
export const OutgoingRequests = () => <RecordList title={t('Outgoing Webhook Requests')} none={t('No outgoing webhook requests yet')} path="outgoing-webhook-requests" webhook="outgoing_webhook" search={t('in event, request, response')} statuses={['pending', 'delivered', 'failed', 'dead']} open={(r) => `/data/webhooks/outgoing-requests/${r.id}`} teaches={t('Every event sent to an outgoing webhook is listed here with its attempts.')}
  columns={[[t('Created'), 'created_at'], [t('Webhook'), 'outgoing_webhook_id'], [t('Event'), 'event_type'], [t('Status'), 'status'], [t('Attempts'), 'attempt_count'], [t('Next attempt'), 'next_attempt_at']]} />
export const AuditLog = () => <RecordList title={t('Audit Log')} none={t('No changes yet')} path="audit-log" open={() => '/settings/audit-log'} teaches={t('Every change by a user or API key is listed here.')} columns={[[t('When'), 'created_at'], [t('Who'), 'actor'], [t('Action'), 'action'], [t('What'), 'resource_id']]} />

export const incomingRequests = { title: t('Incoming Webhook Requests'), page: '/data/webhooks/incoming-requests' }
export const outgoingRequests = { title: t('Outgoing Webhook Requests'), page: '/data/webhooks/outgoing-requests' }

interface Replayed {
  applied: boolean
  tags: Record<string, unknown>
  unmatched: string[]
  errors: { tag: string; detail: string }[]
}

// Evaluates the request with the current tags, and writes the result to the call.
function Replay({ request }: { request: Row }) {
  const client = useQueryClient()
  const [result, setResult] = useState<Replayed | null>(null)
  const run = async (apply: boolean) => {
    try {
      const { data } = await api<Replayed & Record<string, unknown>>('POST', `/incoming-webhook-requests/${request.id}/replay`, { apply })
      setResult(data)
      if (!apply) return
      toast(t('Tags applied to the call'))
      await client.invalidateQueries({ queryKey: ['call'] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack gap="xs">
      <Group><Button size="xs" variant="default" onClick={() => void run(false)}>{t('Re-run with current tags')}</Button>
        {result && !result.applied && typeof request.call_id === 'string' && <Button size="xs" onClick={() => void run(true)}>{t('Apply to call')}</Button>}</Group>
      {result && <Rows rows={[...Object.entries(result.tags).map(([tag, value]) => ({ tag, value })), ...result.errors.map((e) => ({ tag: e.tag, error: e.detail })), ...result.unmatched.map((tag) => ({ tag, error: t('Fills no tag') }))]} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why not')]]} empty={t('This request fills no tags.')} />}
    </Stack>
  )
}

// Why a request was refused. The places are those of the sender's JSON.
function Refused({ status, problem }: { status: unknown; problem: Problem }) {
  const errors = problem.errors ?? [{ pointer: '', detail: problem.detail }]
  return (
    <Alert color="red" title={`${plain(status)} ${problem.title}`}>
      {errors.map((e) => <div key={e.pointer + e.detail}>{e.pointer ? <><Code>{e.pointer}</Code> {e.detail}</> : sentence(e.detail)}</div>)}
    </Alert>
  )
}

export function Request({ path, id }: { path: string; id: string }) {
  const mayChange = useMay('manager')
  const client = useQueryClient()
  const q = useQuery({ queryKey: [path, 'one', id], queryFn: async () => (await api<Row>('GET', `/${path}/${id}`)).data })
  const types = useSchema('EventType')
  const outgoing = path.startsWith('outgoing')
  if (q.error) return <LoadFailed error={q.error} kind={outgoing ? outgoingRequests : incomingRequests} />
  if (!q.data) return <Text c="dimmed">{t('Loading…')}</Text>
  const of = q.data.caller_id ?? q.data.call_id
  const whose = of ? t('Request for {who}', { who: plain(of) }) : t('Request')
  const again = async () => {
    try {
      await api('POST', `/${path}/${id}/redeliver`, {})
      toast(t('Redelivery queued'))
      await client.invalidateQueries({ queryKey: [path] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack>
      <Group><Title order={2} style={{ overflowWrap: 'anywhere' }}>{outgoing ? labelOf(types, q.data.event_type) : whose}</Title><Status of={q.data.status} />
        {outgoing && mayChange && <Button size="xs" variant="light" onClick={() => void again()}>{t('Redeliver')}</Button>}</Group>
      {typeof q.data.call_id === 'string' && <Link to={`/calls/${q.data.call_id}`}>{t('Show call')}</Link>}
      {outgoing && typeof q.data.next_attempt_at === 'string' && <Text size="sm">{t('Next attempt: {when}', { when: moment(q.data.next_attempt_at) })}</Text>}
      {outgoing && (q.data.attempts as Attempt[]).map((a) => <AttemptView key={a.attempt} attempt={a} />)}
      {outgoing && !(q.data.attempts as Attempt[]).length && <Text c="dimmed">{t('No attempts yet.')}</Text>}
      {outgoing && <Title order={3} size="h5">{t('Event')}</Title>}
      {!outgoing && q.data.problem ? <Refused status={q.data.http_status} problem={q.data.problem as Problem} /> : null}
      {!outgoing && <Rows rows={(q.data.tags as Record<string, unknown>[]) ?? []} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why it was rejected')]]} empty={t('This request set no tags.')} />}
      {mayChange && !outgoing && (q.data.data || q.data.data_sealed) ? <Replay request={q.data} /> : null}
      {!outgoing && q.data.data_sealed === true && <Text size="sm" c="dimmed">{t('Payload hidden: it fills a sensitive tag.')}</Text>}
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify(outgoing ? q.data.event : q.data, null, 2)}</Code>
    </Stack>
  )
}
