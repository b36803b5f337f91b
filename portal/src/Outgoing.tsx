// An outgoing webhook: its health, a test that shows request and response, its secret, and redelivery.
import { Alert, Badge, Button, Code, Group, Modal, SegmentedControl, Select, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Suspense, lazy, useMemo, useState } from 'react'
import { Copyable } from './Copyable'
import { Rotate } from './Rotate'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { optionsOf, useSchema } from './schema'
import { useMay } from './session'
import { t } from './text'
import { complain, toast } from './toast'

const Chart = lazy(() => import('./Chart'))

export interface Attempt {
  attempt: number
  at: string
  request: { method: string; url: string; headers: Record<string, string>; body: string | null }
  response: { status: number; body: string } | null
  error: string | null
  timings_ms: Record<'dns' | 'connect' | 'tls' | 'first_byte' | 'total', number>
}

type Sent = Attempt['request']
const asText = (r: Sent) => `${r.method} ${r.url}\n${Object.entries(r.headers).map(([k, v]) => `${k}: ${v}`).join('\n')}${r.body ? `\n\n${r.body}` : ''}`
const good = (a: Attempt) => !!a.response && a.response.status >= 200 && a.response.status < 300
const raw = { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', maxHeight: 320, overflow: 'auto' } as const

// One attempt: request, response, and where the time went.
export function AttemptView({ attempt: a }: { attempt: Attempt }) {
  const times = Object.entries(a.timings_ms) as [keyof Attempt['timings_ms'], number][]
  const named = { dns: t('DNS'), connect: t('connected'), tls: t('TLS'), first_byte: t('first byte'), total: t('total') }
  return (
    <Stack gap={6} component="section" aria-label={t('Attempt {number}', { number: a.attempt })}>
      <Group gap="xs"><Title order={3} size="h5">{t('Attempt {number}', { number: a.attempt })}</Title><Badge variant="light" color={good(a) ? 'teal' : 'red'}>{a.response ? a.response.status : t('no response')}</Badge><Text size="sm" c="dimmed">{moment(a.at)}</Text></Group>
      {a.error && <Alert color="red">{a.error}</Alert>}
      <Text size="sm">{times.filter(([, ms]) => ms > 0).map(([name, ms]) => t('{name} {ms} ms', { name: named[name], ms })).join(' · ')}</Text>
      <Code block style={raw}>{asText(a.request)}</Code>
      {a.response && <Code block style={raw}>{`${a.response.status}\n\n${a.response.body || t('(empty body)')}`}</Code>}
    </Stack>
  )
}

interface Health {
  backlog: number
  oldest_waiting_at: string | null
  last_24_hours: Record<'pending' | 'failed' | 'delivered' | 'dead', number>
  success_rate: number | null
  latency_ms: { p50: number; p95: number; p99: number } | null
  failing_since: string | null
  disabled_at: string | null
  reason: string | null
}

export function OutgoingHealth({ webhook }: { webhook: Row }) {
  const { data: h } = useQuery({ queryKey: ['outgoing-webhooks', 'health', webhook.id], queryFn: async () => (await api<Health>('GET', `/outgoing-webhooks/${webhook.id}/health`)).data, refetchInterval: 5000 })
  if (!h) return null
  const facts = [
    h.success_rate === null ? null : t('{share} % delivered in 24 hours', { share: Math.round(h.success_rate * 1000) / 10 }),
    h.latency_ms && t('response time: median {p50} ms, p95 {p95} ms', { p50: Math.round(h.latency_ms.p50), p95: Math.round(h.latency_ms.p95) }),
    h.backlog ? t('{count} queued', { count: h.backlog }) : t('none queued'),
    h.last_24_hours.dead ? t('{count} gave up', { count: h.last_24_hours.dead }) : null,
  ].filter((f) => f)
  return (
    <>
      {h.disabled_at && !webhook.enabled && <Alert color="red" title={t('Disabled since {when}', { when: moment(h.disabled_at) })}>{t('Reason: {reason}. Fix the endpoint, then re-enable it. Queued events are sent.', { reason: h.reason ?? '' })}</Alert>}
      {h.failing_since && webhook.enabled === true && <Alert color="yellow">{t('No delivery has succeeded since {when}.', { when: moment(h.failing_since) })}</Alert>}
      <Text size="sm">{facts.join(' · ')}</Text>
      <History id={String(webhook.id)} />
    </>
  )
}

interface Point {
  at: string
  delivered: number
  failed: number
  dead: number
  latency_ms: { p50: number; p95: number; p99: number } | null
  backlog: number
}
const hour = 3600e3
const periods: Record<string, { hours: number; interval: number; label: string }> = {
  hours: { hours: 6, interval: 300, label: t('6 hours') },
  day: { hours: 24, interval: 3600, label: t('24 hours') },
  month: { hours: 30 * 24, interval: 86400, label: t('30 days') },
}

// Attempts, queue and response times over a period, also of intervals in which nothing happened.
function History({ id }: { id: string }) {
  const [period, setPeriod] = useState('day')
  const { hours, interval } = periods[period]
  const step = interval * 1000
  const { data } = useQuery({
    queryKey: ['outgoing-webhooks', 'statistics', id, period], refetchInterval: 60000,
    queryFn: async () => (await api<{ data: Point[] }>('GET', `/outgoing-webhooks/${id}/statistics?interval=${interval}&from=${new Date(Math.floor((Date.now() - hours * hour) / step + 1) * step).toISOString()}`)).data.data,
  })
  const shown = useMemo(() => {
    const there = new Map((data ?? []).map((p) => [Date.parse(p.at), p]))
    const last = Math.floor(Date.now() / step) * step, count = (hours * hour) / step
    const at = Array.from({ length: count }, (_, i) => last - (count - 1 - i) * step)
    const points = at.map((ms) => there.get(ms))
    const of = (name: string, value: (p: Point) => number) => ({ name, values: points.map((p) => (p ? value(p) : 0)) })
    const within = (name: string, key: 'p50' | 'p95' | 'p99') => ({ name, values: points.map((p) => (p?.latency_ms ? Math.round(p.latency_ms[key]) : null)), line: true })
    return {
      labels: at.map((ms) => new Date(ms).toLocaleString(undefined, step >= 24 * hour ? { month: 'short', day: 'numeric', timeZone: 'UTC' } : { hour: '2-digit', minute: '2-digit' })),
      tries: [of(t('Delivered'), (p) => p.delivered), of(t('Failed'), (p) => p.failed), of(t('Gave up'), (p) => p.dead), { ...of(t('Queued'), (p) => p.backlog), line: true, own: true }],
      times: [within(t('median'), 'p50'), within('p95', 'p95'), within('p99', 'p99')],
    }
  }, [data, hours, step])
  return (
    <Stack gap="xs" component="section" aria-label={t('Deliveries')}>
      <Group justify="space-between"><Title order={3} size="h5">{t('Deliveries')}</Title><SegmentedControl size="xs" value={period} onChange={setPeriod} data={Object.entries(periods).map(([value, p]) => ({ value, label: p.label }))} /></Group>
      {data && !data.length ? <Text size="sm" c="dimmed">{t('No attempts in this period. New ones show up within a minute.')}</Text> : (
        <Suspense fallback={<div style={{ height: 240 }} />}>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <div><Text size="sm">{t('Attempts and queue')}</Text><Chart labels={shown.labels} series={shown.tries} label={t('Attempts and queue')} height={210} /></div>
            <div><Text size="sm">{t('Response time (ms)')}</Text><Chart labels={shown.labels} series={shown.times} label={t('Response times')} height={210} /></div>
          </SimpleGrid>
        </Suspense>
      )}
    </Stack>
  )
}

function Again({ id, onClose }: { id: string; onClose: () => void }) {
  const client = useQueryClient()
  const [since, setSince] = useState(() => new Date(Date.now() - 86400000 - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 16))
  const send = async () => {
    try {
      const { data } = await api<{ redelivered: number }>('POST', `/outgoing-webhooks/${id}/redeliver`, { since: new Date(since).toISOString() })
      toast(t('{count} redeliveries queued', { count: data.redelivered }))
      await client.invalidateQueries({ queryKey: ['outgoing-webhooks', 'health', id] })
      onClose()
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Modal opened onClose={onClose} title={t('Redeliver failed events')}>
      <Stack>
        <TextInput type="datetime-local" label={t('Events since')} value={since} onChange={(e) => setSince(e.currentTarget.value)} />
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('Cancel')}</Button><Button disabled={!since} onClick={() => void send()}>{t('Redeliver')}</Button></Group>
      </Stack>
    </Modal>
  )
}

function Trial({ webhook }: { webhook: Row }) {
  const client = useQueryClient()
  const types = optionsOf(useSchema('EventType'))
  const [type, setType] = useState('call.completed')
  const [request, setRequest] = useState<string | null>(null)
  const [call, setCall] = useState('')
  const [preview, setPreview] = useState<Sent | null>(null)
  const tried = useQuery({ queryKey: ['outgoing-webhook-requests', 'one', request], enabled: !!request, refetchInterval: (q) => (q.state.data?.attempts.length ? false : 500), queryFn: async () => (await api<Row & { attempts: Attempt[] }>('GET', `/outgoing-webhook-requests/${request}`)).data })
  const look = async () => {
    try {
      setRequest(null)
      setPreview((await api<Sent>('POST', `/outgoing-webhooks/${webhook.id}/preview`, { event_type: type, ...(call.trim() ? { call_id: call.trim() } : {}) })).data)
    } catch (e) {
      complain(e)
    }
  }
  const mayChange = useMay('manager')
  const send = async () => {
    try {
      setPreview(null)
      setRequest((await api<{ id: string }>('POST', `/outgoing-webhooks/${webhook.id}/test`, { event_type: type })).data.id)
      await client.invalidateQueries({ queryKey: ['outgoing-webhooks', 'health', webhook.id] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack gap="xs">
      <Group align="flex-end">
        <Select label={t('Example event')} data={types} value={type} onChange={(v) => v && setType(v)} allowDeselect={false} searchable />
        {mayChange && <Button onClick={() => void send()} disabled={webhook.enabled !== true} loading={!!request && !tried.data?.attempts.length}>{t('Send a test')}</Button>}
        <TextInput label={t('Call log ID')} placeholder={t('An example call')} value={call} onChange={(e) => setCall(e.currentTarget.value)} />
        <Button variant="default" onClick={() => void look()}>{t('Preview')}</Button>
      </Group>
      {preview && <section aria-label={t('Preview')}><Text size="sm" mb={6}>{t('The request that the saved webhook would send:')}</Text><Code block style={raw}>{asText(preview)}</Code></section>}
      {tried.data?.attempts[0] && <AttemptView attempt={tried.data.attempts.at(-1)!} />}
    </Stack>
  )
}

export function OutgoingWebhook({ webhook }: { webhook: Row }) {
  const client = useQueryClient()
  const [open, setOpen] = useState<'rotate' | 'again' | null>(null)
  const [secret, setSecret] = useState<string | null>(null)
  const mayChange = useMay('manager')
  const until = webhook.previous_secret_expires_at
  const rotated = (made: Row) => {
    setOpen(null)
    setSecret(String(made.secret))
    void client.invalidateQueries({ queryKey: ['outgoing-webhooks', 'one', webhook.id] })
  }
  return (
    <Stack gap="sm">
      <Trial webhook={webhook} />
      {secret && <Copyable label={t('The new signing secret: copy it, it is shown once')} value={secret} />}
      {typeof until === 'string' && Date.parse(until) > Date.now() && <Text size="sm">{t('Requests are also signed with the previous secret until {when}.', { when: moment(until) })}</Text>}
      <Group>
        {mayChange && <Button variant="default" onClick={() => setOpen('rotate')}>{t('Rotate secret')}</Button>}
        {mayChange && <Button variant="default" onClick={() => setOpen('again')}>{t('Redeliver failed events')}</Button>}
        <Link to={'/data/webhooks/outgoing-requests' as never} search={{ outgoing_webhook_id: webhook.id } as never}>{t('Requests')}</Link>
        <a href="/docs/outgoing-webhooks" target="_blank">{t('How to receive events')}</a>
      </Group>
      {open === 'rotate' && <Rotate path={`/outgoing-webhooks/${webhook.id}/rotate-secret`} onClose={() => setOpen(null)} onDone={rotated}
        texts={{ title: t('Rotate secret'), what: t('Requests are signed with both secrets for a while, so that the receiver can switch over.'), hours: t('Hours that both sign') }} />}
      {open === 'again' && <Again id={webhook.id} onClose={() => setOpen(null)} />}
    </Stack>
  )
}
