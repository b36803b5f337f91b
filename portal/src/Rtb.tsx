// Real-time bidding: an endpoint's URL with a form that asks it, an RTB target's mapping tester and ping, the list of requests, and one of them.
import { Alert, Badge, Button, Code, Group, NumberInput, SegmentedControl, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { Copyable } from './Copyable'
import { api, list, type ApiError, problemOf, type Row } from './api'
import { Facts, Rows } from './calls/Call'
import { Status, moment, plain } from './calls/fields'
import { RecordList } from './records'
import { t } from './text'
import { complain } from './toast'
import { useUrl } from './url'
import { useNamed } from './useNamed'
import { lines } from './words'

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

// Both directions: publishers who asked here, and buyers who were asked.
export function RtbRequests() {
  const [url, set] = useUrl()
  const outbound = url.direction === 'outbound'
  const head = <SegmentedControl w="fit-content" aria-label={t('Direction')} value={outbound ? 'outbound' : 'inbound'} data={[{ value: 'inbound', label: t('Publishers asked') }, { value: 'outbound', label: t('Buyers were asked') }]}
    onChange={(v) => set({ direction: v === 'outbound' ? v : undefined, status: undefined, inbound_rtb_id: undefined, rtb_target_id: undefined })} />
  if (outbound) {
    return <RecordList key="outbound" title={t('RTB requests')} path="rtb-requests" fixed={{ direction: 'outbound' }} head={head} webhook="rtb_target" webhookLabel={t('RTB target')} caller statuses={['won', 'lost', 'no_bid', 'failed']} open={(r) => `/rtb/requests/${r.id}`} teaches={t('Each time a ring tree asks a buyer for a bid, it is kept here with the answer and what became of it.')}
      columns={[[t('Asked'), 'received_at'], [t('RTB target'), 'rtb_target_id'], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Bid'), 'bid'], [t('Why'), 'detail'], [t('Milliseconds'), 'latency_ms'], [t('Call'), 'call_id', true], [t('Number'), 'number', true]]} />
  }
  return <RecordList key="inbound" title={t('RTB requests')} path="rtb-requests" fixed={{ direction: 'inbound' }} head={head} webhook="inbound_rtb" webhookLabel={t('Endpoint')} caller statuses={['bid', 'called', 'expired', 'no_bid', 'rejected']} open={(r) => `/rtb/requests/${r.id}`} teaches={t('Each time a publisher asks at an endpoint, it is kept here with the answer and why.')}
    columns={[[t('Received'), 'received_at'], [t('Endpoint'), 'inbound_rtb_id'], [t('Caller'), 'caller_id'], [t('Status'), 'status'], [t('Payout'), 'payout'], [t('Why not'), 'detail'], [t('Number'), 'number', true], [t('Call'), 'call_id', true], [t('Milliseconds'), 'latency_ms', true], [t('Address'), 'address', true]]} />
}

// A buyer that was asked.
function Ping({ request: r }: { request: Row }) {
  const named = useNamed(['rtb_target', 'ring_tree', 'campaign', 'publisher'])
  const notice = r.notice === 'win' ? t('It was told that it won.') : r.notice === 'loss' ? t('It was told that it lost.') : null
  return (
    <Stack>
      <Group><Title order={2}>{t('What would {buyer} pay?', { buyer: named(r.rtb_target_id) ?? plain(r.rtb_target_id) })}</Title><Status of={r.status} /></Group>
      <Link to={`/calls/${String(r.call_id)}`}>{t('The call')}</Link>
      {typeof r.detail === 'string' && <Alert color="yellow" title={r.status === 'lost' ? t('It did not get the call') : t('No bid')}>{r.detail}</Alert>}
      <Facts of={[
        [t('RTB target'), <Link key="t" to={`/rtb/targets/${String(r.rtb_target_id)}`}>{named(r.rtb_target_id) ?? plain(r.rtb_target_id)}</Link>], [t('Ring tree'), <Link key="r" to={`/rtb/ring-trees/${String(r.ring_tree_id)}`}>{named(r.ring_tree_id) ?? plain(r.ring_tree_id)}</Link>],
        [t('Campaign'), named(r.campaign_id) ?? '–'], [t('Publisher'), named(r.publisher_id) ?? '–'], [t('Asked'), moment(r.received_at)], [t('Bid'), plain(r.bid)], [t('Holds until'), moment(r.expires_at)], [t('Where it wanted the call'), plain(r.number)],
      ]} />
      {notice && <Text size="sm">{notice}</Text>}
      <Title order={3} size="h5">{t('The ping')}</Title>
      <Text size="sm" c="dimmed">{t('As it was sent, but for the values of sensitive tags.')}</Text>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{`${plain(r.method)} ${plain(r.url)}${r.body ? `\n\n${String(r.body)}` : ''}`}</Code>
      <Title order={3} size="h5">{t('The answer')} <Badge variant="light" size="sm">{t('{ms} ms', { ms: plain(r.latency_ms) })}</Badge></Title>
      <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{r.answer === null ? t('None.') : `${plain(r.http_status)}\n\n${String(r.answer)}`}</Code>
    </Stack>
  )
}

export function RtbRequest({ id }: { id: string }) {
  const q = useQuery({ queryKey: ['rtb-requests', 'one', id], queryFn: async () => (await api<Row>('GET', `/rtb-requests/${id}`)).data })
  if (q.error) return <Alert color="red">{q.error.message}</Alert>
  if (!q.data) return <Text c="dimmed">{t('Loading…')}</Text>
  return q.data.direction === 'outbound' ? <Ping request={q.data} /> : <Asked request={q.data} />
}

// A publisher who asked.
function Asked({ request: r }: { request: Row }) {
  const named = useNamed(['inbound_rtb', 'campaign', 'publisher', 'target', 'rtb_target'])
  const passed = (r.passed_over as Record<string, unknown>[] | undefined) ?? []
  const facts: [string, ReactNode][] = [
    [t('Endpoint'), <Link key="e" to={`/rtb/inbound/${String(r.inbound_rtb_id)}`}>{named(r.inbound_rtb_id) ?? plain(r.inbound_rtb_id)}</Link>], [t('Campaign'), named(r.campaign_id) ?? '–'], [t('Publisher'), named(r.publisher_id) ?? '–'], [t('Received'), moment(r.received_at)],
    ...(r.reason ? [] : [[t('Payout'), plain(r.payout)], [t('Number'), plain(r.number)], [t('Kept until'), moment(r.expires_at)], [t('Who would get the call'), named(r.target_id) ?? t('it depends on the caller')]] as [string, ReactNode][]),
  ]
  return (
    <Stack>
      <Group><Title order={2}>{t('Would you take {who}?', { who: plain(r.caller_id ?? t('a caller')) })}</Title><Status of={r.status} /></Group>
      {typeof r.call_id === 'string' && <Link to={`/calls/${r.call_id}`}>{t('The call')}</Link>}
      {typeof r.detail === 'string' && <Alert color="yellow" title={t('No bid')}>{r.detail} ({plain(r.reason)})</Alert>}
      {r.reason && !r.detail ? <Alert color="red" title={`${plain(r.http_status)} ${(r.answer as { title?: string })?.title ?? ''}`}>{(r.answer as { detail?: string })?.detail}</Alert> : null}
      <Facts of={facts} />
      {passed.length > 0 && <><Title order={3} size="h5">{t('Who was passed over')}</Title><Rows rows={passed} columns={[['target_name', t('Target')], ['reason', t('Why')]]} empty="" /></>}
      <Title order={3} size="h5">{t('Tags')}</Title>
      <Rows rows={(r.tags as Record<string, unknown>[]) ?? []} columns={[['tag', t('Tag')], ['value', t('Value')], ['error', t('Why it was refused')]]} empty={t('No tag took anything from it.')} />
      {r.data_sealed === true && <Text size="sm" c="dimmed">{t('What came is sealed, because a sensitive tag took something from it.')}</Text>}
      <Title order={3} size="h5">{t('Request and answer')} <Badge variant="light" size="sm">{t('{ms} ms', { ms: plain(r.latency_ms) })}</Badge></Title>
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

// The mapping as it stands in the form, saved or not, on an answer: what it would mean. The draft is there again after leaving the page.
export function MappingTester({ id, response, onResponse, saved }: { id: string; response: unknown; onResponse: (v: unknown) => void; saved?: Row }) {
  const place = `rtb-mapping-${id}`
  const [kept] = useState<Draft | null>(() => JSON.parse(localStorage.getItem(place) ?? 'null') as Draft | null)
  const [answer, setAnswer] = useState(kept?.answer ?? '')
  const [status, setStatus] = useState(kept?.status ?? 200)
  const [meaning, setMeaning] = useState<Meaning | null>(null)
  const [problem, setProblem] = useState<ApiError | null>(null)
  const [isOffered, setOffered] = useState(Boolean(kept?.response))
  const mapping = JSON.stringify(response ?? null)
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
      if (!whole?.answer) return complain(new Error(t('It has not answered a ping yet.')))
      setAnswer(String(whole.answer))
      setStatus(Number(whole.http_status))
    } catch (e) {
      complain(e)
    }
  }
  const parts: [string, string, unknown][] = meaning ? [['accepted', t('Takes the call'), meaning.accepted ? t('yes') : t('no')], ['bid', t('Bid'), meaning.bid], ['destination', t('Where to'), meaning.destination], ['duration', t('Paid after'), meaning.duration_seconds === null ? null : t('{seconds} s', { seconds: meaning.duration_seconds })], ['expires', t('Holds until'), meaning.expires_at && moment(meaning.expires_at)], ['reason', t('Why not'), meaning.detail]] : []
  const keptMapping = Boolean(kept?.response) && JSON.stringify(kept?.response) !== mapping
  return (
    <Stack gap="sm" component="section" aria-label={t('Try the response mapping')} p="md" style={{ border: '1px solid var(--mantine-color-default-border)', borderRadius: 'var(--mantine-radius-md)' }}>
      <Title order={3} size="h5">{t('Try the response mapping')}</Title>
      <Text size="sm" c="dimmed">{t('Paste an answer of the buyer: below it is what the mapping above makes of it, also before it is saved. What you try stays here when you leave.')}</Text>
      {isOffered && keptMapping && <Alert color="blue" title={t('There is a mapping that you tried and did not save')}><Group gap="xs"><Button size="xs" onClick={() => { onResponse(kept?.response); setOffered(false) }}>{t('Go on with it')}</Button><Button size="xs" variant="default" onClick={() => setOffered(false)}>{t('Let it go')}</Button></Group></Alert>}
      <Group align="flex-end"><NumberInput label={t('HTTP status')} w={120} min={100} max={599} value={status} onChange={(v) => setStatus(Number(v) || 200)} />{saved && <Button variant="default" onClick={() => void newest()}>{t('Take its newest answer')}</Button>}</Group>
      <Textarea label={t('Answer')} placeholder={'{"accepted": true, "bid": 12.50}'} autosize minRows={4} maxRows={16} value={answer} onChange={(e) => { setOffered(false); setAnswer(e.currentTarget.value) }} styles={{ input: { fontFamily: 'monospace' } }} />
      {problem && <Alert color="red" title={problem.problem.title}>{problem.problem.errors?.map((e) => <div key={e.pointer + e.detail}>{e.pointer.slice(1).replaceAll('/', ', ')}: {e.detail}</div>) ?? problem.message}</Alert>}
      {meaning && answer && <>
        <Alert color={meaning.accepted ? 'teal' : 'yellow'} title={meaning.accepted ? t('A bid') : t('No bid')}>{meaning.accepted ? (meaning.bid ? t('It pays {bid}.', { bid: meaning.bid }) : t('It pays the fixed bid.')) : meaning.detail}</Alert>
        <Rows rows={parts.map(([part, what, means]) => ({ what, found: meaning.found[part] ?? '–', means: means ?? '–' }))} columns={[['what', t('Part')], ['found', t('Found')], ['means', t('What it means')]]} empty="" />
      </>}
    </Stack>
  )
}

// The ping of a call that is made up.
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
    <Stack gap="sm" component="section" aria-label={t('What it would be asked')}>
      <Title order={3} size="h4">{t('What it would be asked')}</Title>
      <Text size="sm" c="dimmed">{t('As it is saved. Nothing is sent.')}</Text>
      <TextInput label={t('Caller')} w={220} value={caller} onChange={(e) => setCaller(e.currentTarget.value)} />
      <Textarea label={t('Tags')} description={t('One a line')} placeholder="state = TX" autosize minRows={2} value={tags} onChange={(e) => setTags(e.currentTarget.value)} />
      <Button variant="light" w="fit-content" onClick={() => void show()}>{t('Show the ping')}</Button>
      {told && <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{[`${told.method} ${told.url}`, ...told.headers, ...(told.body ? ['', told.body] : [])].join('\n')}</Code>}
    </Stack>
  )
}

export function RtbTarget({ target }: { target: Row }) {
  return (
    <Stack>
      <PingPreview target={target} />
      <Group><Link to={'/rtb/requests' as never} search={{ direction: 'outbound', rtb_target_id: target.id } as never}>{t('Its requests')}</Link><a href="/docs/rtb" target="_blank">{t('How buyers are asked')}</a></Group>
    </Stack>
  )
}
