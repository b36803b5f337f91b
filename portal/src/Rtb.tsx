// Inbound RTB: an endpoint's URL with a form that asks it, the list of requests, and one of them.
import { Alert, Badge, Button, Code, Group, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Copyable } from './Copyable'
import { api, type Row } from './api'
import { Rows } from './calls/Call'
import { Status, moment, plain } from './calls/fields'
import { RecordList } from './records'
import { t } from './text'
import { complain } from './toast'
import { useNamed } from './useNamed'

interface Bid {
  success: boolean
  request_id: string
  allocation_time_seconds: number
  reason?: string
  detail?: string
  eligible_routes: { number: string; payout: string; currency: string; payout_condition: string; payout_condition_duration: number }[]
}

const condition = (route: Bid['eligible_routes'][number]) => route.payout_condition === 'duration' ? t('after {seconds} s of conversation', { seconds: route.payout_condition_duration }) : route.payout_condition === 'conversion' ? t('when the call converts') : t('when the caller is connected')

// Ask as the publisher would: the endpoint really keeps a number, and the request is listed.
function TryIt({ url }: { url: string }) {
  const client = useQueryClient()
  const [caller, setCaller] = useState('')
  const [parameters, setParameters] = useState('')
  const [told, setTold] = useState<Bid | { title: string; detail: string } | null>(null)
  const ask = async () => {
    const body: Record<string, string> = Object.fromEntries(parameters.split('\n').map((l) => l.split('=')).filter(([name]) => name?.trim()).map(([name, ...value]) => [name!.trim(), value.join('=').trim()]))
    try {
      const response = await fetch(new URL(url).pathname, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ ...body, ...(caller ? { caller_id: caller } : {}) }) })
      setTold((await response.json()) as Bid)
      await client.invalidateQueries({ queryKey: ['rtb-requests'] })
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack gap="sm" component="section" aria-label={t('Ask it')}>
      <Title order={3} size="h4">{t('Ask it')}</Title>
      <Text size="sm" c="dimmed">{t('This is a real request: the number is kept for the caller.')}</Text>
      <TextInput label={t('Caller')} w={220} placeholder="+15125550100" value={caller} onChange={(e) => setCaller(e.currentTarget.value)} />
      <Textarea label={t('Parameters')} description={t('One a line')} placeholder={t('zip = 78701')} autosize minRows={2} value={parameters} onChange={(e) => setParameters(e.currentTarget.value)} />
      <Button variant="light" w="fit-content" onClick={() => void ask()}>{t('Ask')}</Button>
      {told && ('success' in told ? (
        <>
          <Alert color={told.success ? 'teal' : 'yellow'} title={told.success ? t('A bid') : t('No bid')}>
            {told.success
              ? told.eligible_routes.map((r) => <Text key={r.number} size="sm">{t('{payout} {currency} for a call to {number}, due {condition}; the number is kept for {seconds} s.', { ...r, condition: condition(r), seconds: told.allocation_time_seconds })}</Text>)
              : <Text size="sm">{told.detail} ({told.reason})</Text>}
          </Alert>
          <Link to={`/rtb/requests/${told.request_id}`}>{t('The request')}</Link>
        </>
      ) : <Alert color="red" title={told.title}>{told.detail}</Alert>)}
    </Stack>
  )
}

export function InboundRtb({ endpoint }: { endpoint: Row }) {
  const url = String(endpoint.url)
  return (
    <Stack gap="sm">
      <Copyable label={t('Where the publisher asks')} value={url} />
      <Copyable label={t('Try it')} value={`curl '${url}?caller_id=%2B15125550100&zip=78701'`} />
      <Group><Link to={'/rtb/requests' as never} search={{ inbound_rtb_id: endpoint.id } as never}>{t('Its requests')}</Link><a href="/docs/rtb" target="_blank">{t('How publishers ask')}</a></Group>
      <TryIt url={url} />
    </Stack>
  )
}

export const RtbRequests = () => <RecordList title={t('RTB requests')} path="rtb-requests" webhook="inbound_rtb" webhookLabel={t('Endpoint')} caller statuses={['bid', 'called', 'expired', 'no_bid', 'rejected']} open={(r) => `/rtb/requests/${r.id}`} teaches={t('Each time a publisher asks at an endpoint, it is kept here with the answer and why.')}
  columns={[[t('Received'), 'received_at'], [t('Endpoint'), 'inbound_rtb_id'], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Payout'), 'payout'], [t('Why not'), 'detail'], [t('Number'), 'number', true], [t('Call'), 'call_id', true], [t('Milliseconds'), 'latency_ms', true], [t('Address'), 'address', true]]} />

export function RtbRequest({ id }: { id: string }) {
  const named = useNamed(['inbound_rtb', 'campaign', 'publisher', 'target'])
  const q = useQuery({ queryKey: ['rtb-requests', 'one', id], queryFn: async () => (await api<Row>('GET', `/rtb-requests/${id}`)).data })
  if (q.error) return <Alert color="red">{q.error.message}</Alert>
  if (!q.data) return <Text c="dimmed">{t('Loading…')}</Text>
  const r = q.data, passed = (r.passed_over as Record<string, unknown>[] | undefined) ?? []
  const facts: [string, unknown][] = [
    [t('Endpoint'), <Link key="e" to={`/rtb/inbound/${String(r.inbound_rtb_id)}`}>{named(r.inbound_rtb_id) ?? plain(r.inbound_rtb_id)}</Link>], [t('Campaign'), named(r.campaign_id)], [t('Publisher'), named(r.publisher_id)], [t('Received'), moment(r.received_at)],
    ...(r.reason ? [] : [[t('Payout'), r.payout], [t('Number'), r.number], [t('Kept until'), moment(r.expires_at)], [t('Who would get the call'), named(r.target_id) ?? t('it depends on the caller')]] as [string, unknown][]),
  ]
  return (
    <Stack>
      <Group><Title order={2}>{t('Would you take {who}?', { who: plain(r.caller_id ?? t('a caller')) })}</Title><Status of={r.status} /></Group>
      {typeof r.call_id === 'string' && <Link to={`/calls/${r.call_id}`}>{t('The call')}</Link>}
      {typeof r.detail === 'string' && <Alert color="yellow" title={t('No bid')}>{r.detail} ({plain(r.reason)})</Alert>}
      {r.reason && !r.detail ? <Alert color="red" title={`${plain(r.http_status)} ${(r.answer as { title?: string })?.title ?? ''}`}>{(r.answer as { detail?: string })?.detail}</Alert> : null}
      <Group gap="xl">{facts.map(([name, value]) => <div key={name}><Text size="xs" c="dimmed">{name}</Text><Text size="sm" component="div">{(value as never) ?? '–'}</Text></div>)}</Group>
      {passed.length > 0 && <><Title order={3} size="h5">{t('Who was passed over')}</Title><Rows rows={passed} columns={[['target_name', t('Target')], ['reason', t('Why')]]} empty="" /></>}
      <Title order={3} size="h5">{t('Tags')}</Title>
      <Rows rows={(r.tags as Record<string, unknown>[]) ?? []} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why it was refused')]]} empty={t('No tag took anything from it.')} />
      {r.data_sealed === true && <Text size="sm" c="dimmed">{t('What came is sealed, because a sensitive tag took something from it.')}</Text>}
      <Title order={3} size="h5">{t('Request and answer')} <Badge variant="light" size="sm">{t('{ms} ms', { ms: plain(r.latency_ms) })}</Badge></Title>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify({ method: r.method, address: r.address, data: r.data, body: r.body, unmatched: r.unmatched, answer: r.answer }, null, 2)}</Code>
    </Stack>
  )
}
