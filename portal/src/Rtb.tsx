// Real-time bidding: an endpoint's URL with a test form, an RTB target's mapping tester and request preview, and the requests.
import { Alert, Badge, Button, Code, Group, NumberInput, SegmentedControl, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { Copyable } from './Copyable'
import { api, list, type ApiError, problemOf, type Row } from './api'
import { LoadFailed } from './LoadFailed'
import { Facts, Rows } from './Facts'
import { Status, moment, plain } from './calls/fields'
import { RecordList } from './records'
import { reasonOf } from './reasons'
import { titleAt, useSchema } from './schema'
import { t } from './text'
import { complain } from './toast'
import { useUrl } from './url'
import { useNamed } from './useNamed'
import { lines, sentence, words } from './words'

interface Bid {
  success: boolean
  request_id: string
  allocation_time_seconds: number
  reason?: string
  detail?: string
  eligible_routes: { number: string; payout: string; currency: string; payout_condition: string; payout_condition_duration: number }[]
}

const condition = (route: Bid['eligible_routes'][number]) => route.payout_condition === 'duration' ? t('after {seconds} s of talk', { seconds: route.payout_condition_duration }) : route.payout_condition === 'conversion' ? t('when the call converts') : t('when the caller is connected')

// Sends a request as the publisher would: the endpoint reserves a number, and the request is listed.
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
    <Stack gap="sm" component="section" aria-label={t('Test bid request')}>
      <Title order={3} size="h4">{t('Test bid request')}</Title>
      <Text size="sm" c="dimmed">{t('This is a real request: it reserves a number for the caller.')}</Text>
      <TextInput label={t('Caller')} w={220} placeholder="+15125550100" value={caller} onChange={(e) => setCaller(e.currentTarget.value)} />
      <Textarea label={t('Parameters')} description={t('One per line')} placeholder={t('zip = 78701')} autosize minRows={2} value={parameters} onChange={(e) => setParameters(e.currentTarget.value)} />
      <Button variant="light" w="fit-content" onClick={() => void ask()}>{t('Send request')}</Button>
      {told && ('success' in told ? (
        <>
          <Alert color={told.success ? 'teal' : 'yellow'} title={told.success ? t('Bid') : t('No bid')}>
            {told.success
              ? told.eligible_routes.map((r) => <Text key={r.number} size="sm">{t('{payout} {currency} for a call to {number}, paid {condition}. The number is reserved for {seconds} s.', { ...r, condition: condition(r), seconds: told.allocation_time_seconds })}</Text>)
              : <Text size="sm">{sentence(told.detail ?? '')} ({words(told.reason ?? '')})</Text>}
          </Alert>
          <Link to={`/rtb/requests/${told.request_id}`}>{t('Show request')}</Link>
        </>
      ) : <Alert color="red" title={told.title}>{told.detail}</Alert>)}
    </Stack>
  )
}

export function InboundRtb({ endpoint }: { endpoint: Row }) {
  const url = String(endpoint.url)
  return (
    <Stack gap="sm">
      <Copyable label={t('URL for the publisher')} value={url} />
      <Copyable label={t('Try it')} copy={t('Copy command')} value={`curl '${url}?caller_id=%2B15125550100&zip=78701'`} />
      <Group><Link to={'/rtb/requests' as never} search={{ inbound_rtb_id: endpoint.id } as never}>{t('Requests')}</Link><a href="/docs/rtb" target="_blank">{t('How publishers send bid requests')}</a></Group>
      <TryIt url={url} />
    </Stack>
  )
}

// Both directions: requests from publishers, and requests to buyers.
export function RtbRequests() {
  const [url, set] = useUrl()
  const outbound = url.direction === 'outbound'
  const head = <SegmentedControl w="fit-content" aria-label={t('Direction')} value={outbound ? 'outbound' : 'inbound'} data={[{ value: 'inbound', label: t('From publishers') }, { value: 'outbound', label: t('To buyers') }]}
    onChange={(v) => set({ direction: v === 'outbound' ? v : undefined, status: undefined, inbound_rtb_id: undefined, rtb_target_id: undefined })} />
  if (outbound) {
    return <RecordList key="outbound" title={t('RTB Requests')} none={t('No RTB requests yet')} path="rtb-requests" fixed={{ direction: 'outbound' }} head={head} webhook="rtb_target" webhookLabel={t('RTB target')} caller statuses={['won', 'lost', 'no_bid', 'failed']} open={(r) => `/rtb/requests/${r.id}`} teaches={t('Every bid request to a buyer is listed here with its response and outcome.')}
      columns={[[t('Sent'), 'received_at'], [t('RTB target'), 'rtb_target_id'], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Bid'), 'bid'], [t('Why'), 'detail'], [t('Latency (ms)'), 'latency_ms'], [t('Call'), 'call_id', true], [t('Number'), 'number', true]]} />
  }
  return <RecordList key="inbound" title={t('RTB Requests')} none={t('No RTB requests yet')} path="rtb-requests" fixed={{ direction: 'inbound' }} head={head} webhook="inbound_rtb" webhookLabel={t('Endpoint')} caller statuses={['bid', 'called', 'expired', 'no_bid', 'rejected']} open={(r) => `/rtb/requests/${r.id}`} teaches={t('Every bid request from a publisher is listed here with its response.')}
    columns={[[t('Received'), 'received_at'], [t('Endpoint'), 'inbound_rtb_id'], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Payout'), 'payout'], [t('Why not'), 'detail'], [t('Number'), 'number', true], [t('Call'), 'call_id', true], [t('Latency (ms)'), 'latency_ms', true], [t('Address'), 'address', true]]} />
}

// A bid request to a buyer.
function Ping({ request: r }: { request: Row }) {
  const named = useNamed()
  const notice = r.notice === 'win' ? t('Win notice sent') : r.notice === 'loss' ? t('Loss notice sent') : null
  return (
    <Stack>
      <Group><Title order={2}>{t('Bid request to {buyer}', { buyer: named(r.rtb_target_id) ?? plain(r.rtb_target_id) })}</Title><Status of={r.status} /></Group>
      <Link to={`/calls/${String(r.call_id)}`}>{t('Show call')}</Link>
      {typeof r.detail === 'string' && <Alert color="yellow" title={r.status === 'lost' ? t('Lost') : t('No bid')}>{sentence(r.detail)}</Alert>}
      <Facts of={[
        [t('RTB target'), <Link key="t" to={`/rtb/targets/${String(r.rtb_target_id)}`}>{named(r.rtb_target_id) ?? plain(r.rtb_target_id)}</Link>], [t('Ring tree'), <Link key="r" to={`/rtb/ring-trees/${String(r.ring_tree_id)}`}>{named(r.ring_tree_id) ?? plain(r.ring_tree_id)}</Link>],
        [t('Campaign'), named(r.campaign_id) ?? '–'], [t('Publisher'), named(r.publisher_id) ?? '–'], [t('Sent'), moment(r.received_at)], [t('Bid'), plain(r.bid)], [t('Valid until'), moment(r.expires_at)], [t('Destination'), plain(r.number)],
      ]} />
      {notice && <Text size="sm">{notice}</Text>}
      <Title order={3} size="h5">{t('Request')}</Title>
      <Text size="sm" c="dimmed">{t('As sent. Values of sensitive tags are hidden.')}</Text>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{`${plain(r.method)} ${plain(r.url)}${r.body ? `\n\n${String(r.body)}` : ''}`}</Code>
      <Title order={3} size="h5">{t('Response')} <Badge variant="light" size="sm" tt="none">{t('{ms} ms', { ms: plain(r.latency_ms) })}</Badge></Title>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{r.answer === null ? t('None.') : `${plain(r.http_status)}\n\n${String(r.answer)}`}</Code>
    </Stack>
  )
}

export const rtbRequests = { title: t('RTB Requests'), page: '/rtb/requests' }

export function RtbRequest({ id }: { id: string }) {
  const q = useQuery({ queryKey: ['rtb-requests', 'one', id], queryFn: async () => (await api<Row>('GET', `/rtb-requests/${id}`)).data })
  if (q.error) return <LoadFailed error={q.error} kind={rtbRequests} />
  if (!q.data) return <Text c="dimmed">{t('Loading…')}</Text>
  return q.data.direction === 'outbound' ? <Ping request={q.data} /> : <Asked request={q.data} />
}

// A bid request from a publisher.
function Asked({ request: r }: { request: Row }) {
  const named = useNamed()
  const passed = (r.passed_over as Record<string, unknown>[] | undefined) ?? []
  const facts: [string, ReactNode][] = [
    [t('Endpoint'), <Link key="e" to={`/rtb/inbound/${String(r.inbound_rtb_id)}`}>{named(r.inbound_rtb_id) ?? plain(r.inbound_rtb_id)}</Link>], [t('Campaign'), named(r.campaign_id) ?? '–'], [t('Publisher'), named(r.publisher_id) ?? '–'], [t('Received'), moment(r.received_at)],
    ...(r.reason ? [] : [[t('Payout'), plain(r.payout)], [t('Number'), plain(r.number)], [t('Reserved until'), moment(r.expires_at)], [t('Target'), named(r.target_id) ?? t('depends on the caller')]] as [string, ReactNode][]),
  ]
  return (
    <Stack>
      <Group><Title order={2}>{t('Bid request for {who}', { who: plain(r.caller_id ?? t('a caller')) })}</Title><Status of={r.status} /></Group>
      {typeof r.call_id === 'string' && <Link to={`/calls/${r.call_id}`}>{t('Show call')}</Link>}
      {typeof r.detail === 'string' && <Alert color="yellow" title={t('No bid')}>{sentence(r.detail)} ({words(plain(r.reason))})</Alert>}
      {r.reason && !r.detail ? <Alert color="red" title={`${plain(r.http_status)} ${(r.answer as { title?: string })?.title ?? ''}`}>{(r.answer as { detail?: string })?.detail}</Alert> : null}
      <Facts of={facts} />
      {passed.length > 0 && <><Title order={3} size="h5">{t('Skipped targets')}</Title><Rows rows={passed} columns={[['target_name', t('Target')], ['reason', t('Why')]]} empty="" /></>}
      <Title order={3} size="h5">{t('Tags')}</Title>
      <Rows rows={(r.tags as Record<string, unknown>[]) ?? []} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why it was rejected')]]} empty={t('This request set no tags.')} />
      {r.data_sealed === true && <Text size="sm" c="dimmed">{t('Payload hidden: it fills a sensitive tag.')}</Text>}
      <Title order={3} size="h5">{t('Request and response')} <Badge variant="light" size="sm" tt="none">{t('{ms} ms', { ms: plain(r.latency_ms) })}</Badge></Title>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify({ method: r.method, address: r.address, data: r.data, body: r.body, unmatched: r.unmatched, answer: r.answer }, null, 2)}</Code>
    </Stack>
  )
}

interface Meaning {
  accepted: boolean
  detail: string | null
  bid: string | null
  destination: string | null
  duration_seconds: number | null
  expires_at: string | null
  found: Record<string, string | null>
}
interface Draft {
  answer: string
  status: number
  response?: unknown // the mapping as it was tried last
}

// What the mapping in the form, saved or not, makes of a response. The draft is kept in this browser.
export function MappingTester({ id, response, onResponse, saved }: { id: string; response: unknown; onResponse: (v: unknown) => void; saved?: Row }) {
  const place = `rtb-mapping-${id}`
  const [kept] = useState<Draft | null>(() => JSON.parse(localStorage.getItem(place) ?? 'null') as Draft | null)
  const [answer, setAnswer] = useState(kept?.answer ?? '')
  const [status, setStatus] = useState(kept?.status ?? 200)
  const [meaning, setMeaning] = useState<Meaning | null>(null)
  const [problem, setProblem] = useState<ApiError | null>(null)
  const [isOffered, setOffered] = useState(Boolean(kept?.response))
  const mapping = JSON.stringify(response ?? null), schema = useSchema('RtbTargetInput')
  useEffect(() => {
    if (!answer || mapping === 'null') return
    const later = setTimeout(() => {
      const isSaved = mapping === JSON.stringify(saved?.response ?? null)
      if (!isOffered) localStorage.setItem(place, JSON.stringify({ answer, status, ...(isSaved ? {} : { response: JSON.parse(mapping) }) } satisfies Draft))
      api<Meaning>('POST', '/rtb-targets/test-mapping', { response: JSON.parse(mapping), status, body: answer }).then(({ data }) => { setMeaning(data); setProblem(null) }, (e: unknown) => { setMeaning(null); setProblem(problemOf(e)) })
    }, 250)
    return () => clearTimeout(later)
  }, [answer, status, mapping, saved, place, isOffered])
  const newest = async () => {
    try {
      const [one] = (await list(`/rtb-requests?rtb_target_id=${id}&limit=1`)).data
      const whole = one && (await api<Row>('GET', `/rtb-requests/${one.id}`)).data
      if (!whole?.answer) return complain(new Error(t('The buyer has not responded yet.')))
      setAnswer(String(whole.answer))
      setStatus(Number(whole.http_status))
    } catch (e) {
      complain(e)
    }
  }
  const parts: [string, string, unknown][] = meaning ? [['accepted', t('Accepts the call'), meaning.accepted ? t('yes') : t('no')], ['bid', t('Bid'), meaning.bid], ['destination', t('Destination'), meaning.destination], ['duration', t('Paid after'), meaning.duration_seconds === null ? null : t('{seconds} s', { seconds: meaning.duration_seconds })], ['expires', t('Valid until'), meaning.expires_at && moment(meaning.expires_at)], ['reason', t('Why not'), meaning.detail]] : []
  const keptMapping = Boolean(kept?.response) && JSON.stringify(kept?.response) !== mapping
  return (
    <Stack gap="sm" component="section" aria-label={t('Try the response mapping')} p="md" style={{ border: '1px solid var(--mantine-color-default-border)', borderRadius: 'var(--mantine-radius-md)' }}>
      <Title order={3} size="h5">{t('Try the response mapping')}</Title>
      <Text size="sm" c="dimmed">{t('Paste a response of the buyer to see what the mapping above makes of it, also before saving. Your draft stays in this browser.')}</Text>
      {isOffered && keptMapping && <Alert color="blue" title={t('There is an unsaved mapping')}><Group gap="xs"><Button size="xs" onClick={() => { onResponse(kept?.response); setOffered(false) }}>{t('Restore draft')}</Button><Button size="xs" variant="default" onClick={() => setOffered(false)}>{t('Discard')}</Button></Group></Alert>}
      <Group align="flex-end"><NumberInput label={t('HTTP status')} w={120} min={100} max={599} value={status} onChange={(v) => setStatus(Number(v) || 200)} />{saved && <Button variant="default" onClick={() => void newest()}>{t('Load last response')}</Button>}</Group>
      <Textarea label={t('Response')} placeholder={'{"accepted": true, "bid": 12.50}'} autosize minRows={4} maxRows={16} value={answer} onChange={(e) => { setOffered(false); setAnswer(e.currentTarget.value) }} styles={{ input: { fontFamily: 'monospace' } }} />
      {problem && <Alert color="red" title={problem.problem.title}>{problem.problem.errors?.map((e) => <div key={e.pointer + e.detail}>{titleAt(schema ?? {}, e.pointer, null)}: {e.detail}</div>) ?? problem.message}</Alert>}
      {meaning && answer && <>
        <Alert color={meaning.accepted ? 'teal' : 'yellow'} title={meaning.accepted ? t('Bid') : t('No bid')}>{meaning.accepted ? (meaning.bid ? t('Pays {bid}.', { bid: meaning.bid }) : t('Pays the fixed bid.')) : sentence(meaning.detail ?? '')}</Alert>
        <Rows rows={parts.map(([part, what, means]) => ({ what, found: meaning.found[part] ?? '–', means: means ?? '–' }))} columns={[['what', t('Part')], ['found', t('Found')], ['means', t('Meaning')]]} empty="" />
      </>}
    </Stack>
  )
}

// The bid request of an example call.
function PingPreview({ target }: { target: Row }) {
  const [caller, setCaller] = useState('+15125550100')
  const [tags, setTags] = useState('')
  const [told, setTold] = useState<{ method: string; url: string; headers: string[]; body: string | null } | null>(null)
  const show = async () => {
    try {
      setTold((await api<NonNullable<typeof told>>('POST', `/rtb-targets/${target.id}/preview`, { caller_id: caller.trim() || undefined, tags: lines(tags) })).data)
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Stack gap="sm" component="section" aria-label={t('Request preview')}>
      <Title order={3} size="h4">{t('Request preview')}</Title>
      <Text size="sm" c="dimmed">{t('Uses the saved settings. Nothing is sent.')}</Text>
      <TextInput label={t('Caller')} w={220} value={caller} onChange={(e) => setCaller(e.currentTarget.value)} />
      <Textarea label={t('Tags')} description={t('One per line')} placeholder="state = TX" autosize minRows={2} value={tags} onChange={(e) => setTags(e.currentTarget.value)} />
      <Button variant="light" w="fit-content" onClick={() => void show()}>{t('Show request')}</Button>
      {told && <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{[`${told.method} ${told.url}`, ...told.headers, ...(told.body ? ['', told.body] : [])].join('\n')}</Code>}
    </Stack>
  )
}

export function RtbTarget({ target }: { target: Row }) {
  return (
    <Stack>
      <PingPreview target={target} />
      <Group><Link to={'/rtb/requests' as never} search={{ direction: 'outbound', rtb_target_id: target.id } as never}>{t('Requests')}</Link><a href="/docs/rtb" target="_blank">{t('How bid requests work')}</a></Group>
    </Stack>
  )
}
