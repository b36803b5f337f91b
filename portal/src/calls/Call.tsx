// One call: everything that is known of it.
import { Alert, Badge, Button, Code, Group, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState, type ReactNode } from 'react'
import { Copy } from '../Copyable'
import { Facts, Rows } from '../Facts'
import { LoadFailed } from '../LoadFailed'
import { api, list, type Row } from '../api'
import { LeftBy, type Step } from '../flow/stepPorts'
import { labelOf, useSchema } from '../schema'
import { useMay } from '../session'
import { t } from '../text'
import { complain } from '../toast'
import { useUrl } from '../url'
import { useNamed } from '../useNamed'
import { label, side, words } from '../words'
import { inputOf, useStepNames } from './steps'
import { Ladder } from './Ladder'
import { Adjust, Adjustments } from './Money'
import { CustomData, Tags } from './Tags'
import { Timeline, sentence, type Attempt } from './Timeline'
import { Player, type Recording } from './Waveform'
import { Status, lasting, moment, plain } from './fields'
import { useLive } from './Live'

interface Stream {
  loss_percent: number
  jitter_ms: number
  mos: number
}
interface Heard extends Stream {
  sent?: Stream
  round_trip_ms?: number
}
// How well somebody was heard here, and heard us, as mean opinion scores of 1 to 5.
const stream = (h: Stream) => t('MOS {mos}, loss {loss} %, jitter {jitter} ms', { mos: h.mos.toFixed(1), loss: h.loss_percent.toFixed(1), jitter: h.jitter_ms.toFixed(0) })
const heard = (h: Heard | null | undefined) =>
  h ? [stream(h), h.sent && t('sent to them: {how}', { how: stream(h.sent) }), h.round_trip_ms !== undefined && t('round trip {ms} ms', { ms: h.round_trip_ms.toFixed(0) })].filter(Boolean).join('; ') : '–'

const AFTER_MS = 60_000

// Is there news to come? A minute after a call's end, too: its recording is closed, webhooks answer.
function useGoesOn(call: Row | undefined): boolean {
  const [now, setNow] = useState(Date.now)
  const ended = typeof call?.ended_at === 'string' ? Date.parse(call.ended_at) : null
  useEffect(() => {
    if (ended === null) return
    const timer = setTimeout(() => setNow(Date.now()), ended + AFTER_MS - Date.now())
    return () => clearTimeout(timer)
  }, [ended])
  return call !== undefined && (ended === null || now < ended + AFTER_MS)
}

const callLog = { title: t('Log'), page: '/calls' }

// An entry of the trace: what came from outside, or the port that a node was left by.
function happened(
  e: Record<string, unknown>, call: Row, step: ReturnType<typeof useStepNames>,
): ReactNode {
  if (e.kind === 'input') return `⇢ ${inputOf(e.input)}${e.digits ? ` ${e.digits}` : ''}`
  const own = { id: String(call.call_flow_id), version: Number(call.flow_version) }
  return <>{step.name(e.node, e.type)} → {e.port ? <LeftBy step={e as Step} own={own} /> : t('end')}</>
}

// What the caller's carrier said, where it said something.
function carrierFacts(c: Row): [string, ReactNode][] {
  const all: [string, unknown][] = [
    [t('Attestation'), c.attestation],
    [t('Verification status'), c.verstat],
    [t('Routing number'), c.rn],
    [t('Caller category'), c.cpc],
    [t('Line information'), c.oli],
  ]
  return all.filter(([, value]) => value).map(([name, value]) => [name, plain(value)])
}

export default function Call({ id }: { id: string }) {
  const [url, set] = useUrl()
  const [adjusts, setAdjusts] = useState(false)
  const mayChange = useMay('manager')
  const part = (name: string) => ({ queryKey: ['call', id, name], queryFn: async () => (await api<{ data: Record<string, unknown>[] }>('GET', `/calls/${id}/${name}`)).data.data })
  const call = useQuery({ queryKey: ['call', id], queryFn: async () => (await api<Row>('GET', `/calls/${id}`)).data })
  useLive(useGoesOn(call.data) ? `call_id=${id}` : null, [['call', id]])
  const tags = useQuery(part('tags')), events = useQuery(part('events')), trace = useQuery(part('trace'))
  const incoming = useQuery({ queryKey: ['call', id, 'in'], queryFn: async () => (await list(`/incoming-webhook-requests?call_id=${id}&limit=200`)).data })
  const outgoing = useQuery({ queryKey: ['call', id, 'out'], refetchInterval: (q) => (q.state.data?.some((r) => r.status === 'pending') ? 3000 : false), queryFn: async () => (await list(`/outgoing-webhook-requests?call_id=${id}&limit=200`)).data })
  const bids = useQuery({ queryKey: ['call', id, 'bids'], queryFn: async () => (await list(`/rtb-requests?call_id=${id}`)).data })
  const named = useNamed(), types = useSchema('EventType'), step = useStepNames(call.data)
  if (call.error) return <LoadFailed error={call.error} kind={callLog} />
  if (!call.data) return <Text c="dimmed">{t('Loading…')}</Text>
  const c = call.data, attempts = (c.attempts as Attempt[] | undefined) ?? []
  const quality = c.quality as { caller: Heard | null; target: Heard | null } | null
  const linked = (kind: string, key: string) => (c[key] ? <Link to={`/${kind}/${String(c[key])}`}>{named(c[key]) ?? String(c[key])}</Link> : '–')
  const to = (path: string, r: Row, label: ReactNode) => <Link to={`/data/webhooks/${path}/${r.id}`}>{label}</Link>
  const money = (key: string) => <>{`${plain(c[key])} ${plain(c.currency)}`}{(c.not_paid_twice as string[] | undefined)?.includes(key) && <Text size="xs" c="dimmed">{t('Not paid: another call of this caller was')}</Text>}</>
  const asked = (direction: string) => (bids.data ?? []).filter((r) => r.direction === direction).map((r) => ({ ...r, who: <Link to={`/rtb/requests/${r.id}`}>{named(r.inbound_rtb_id ?? r.rtb_target_id) ?? r.id}</Link> }))
  const requests = (incoming.data?.length ?? 0) + (outgoing.data?.length ?? 0) + (bids.data?.length ?? 0)
  return (
    <Stack>
      <Group><Title order={2}>{String(c.caller_id)} → {String(c.number)}</Title><Status of={c.disposition ?? c.status} />
        {mayChange && c.status === 'active' && <Button size="xs" color="red" variant="light" onClick={() => api('POST', `/calls/${id}/hangup`, {}).catch(complain)}>{t('Hang up')}</Button>}
        {mayChange && c.status !== 'active' && <Button size="xs" variant="light" onClick={() => setAdjusts(true)}>{t('Adjust')}</Button>}</Group>
      {adjusts && <Adjust call={c} opened close={() => setAdjusts(false)} />}
      <Group><Code>{c.id}</Code><Copy value={c.id} />
        {typeof c.call_flow_id === 'string' && <Link to={`/calls/${id}/canvas`}>{c.status === 'active' ? t('Watch it on the canvas') : t('Show path in flow')}</Link>}</Group>
      {typeof c.fallback_reason === 'string' && (
        <Alert color="yellow" title={t('The call flow could not run')}>
          {c.fallback_reason}.{' '}
          {c.execution_mode === 'routing_plan'
            ? t('The routing plan ran this call.')
            : t('The call was refused.')}
        </Alert>
      )}
      <Facts of={[
        [t('Campaign'), linked('campaigns', 'campaign_id')], [t('Publisher'), linked('publishers', 'publisher_id')], [t('Routing'), c.call_flow_id ? <>{linked('data/call-flows', 'call_flow_id')} {t('version {n}', { n: c.flow_version })}</> : t('Routing Plan')], [t('Target'), linked(String(c.target_id).startsWith('rbt_') ? 'rtb/targets' : 'targets', 'target_id')],
        [t('Started'), moment(c.started_at)], [t('Answered'), moment(c.answered_at)], [t('Connected'), moment(c.connected_at)], [t('Ended'), c.ended_at ? <>{moment(c.ended_at)}{c.hangup_by ? `, ${t('by {who}', { who: side(c.hangup_by) })}` : ''}{c.hangup_reason ? <Text size="xs" c="dimmed">{String(c.hangup_reason)}</Text> : null}</> : '–'],
        [t('Duration'), c.duration_seconds == null ? '–' : lasting(Number(c.duration_seconds))], [t('Converted'), plain(c.converted)], [t('Revenue'), money('revenue')], [t('Payout'), money('payout')],
        ...(c.converted_at ? [[t('Converted at'), moment(c.converted_at)] as [string, ReactNode]] : []),
        ...(c.reason ? [[t('Reason'), plain(c.reason)] as [string, ReactNode]] : []),
        ...(c.payout_hold_reason ? [[t('Payout held back'), plain(c.payout_hold_reason)] as [string, ReactNode]] : []),
        [t('Cost'), `${plain(c.cost)} ${plain(c.currency)}`], [t('Margin'), `${plain(c.margin)} ${plain(c.currency)}`],
        [t('Trunk'), linked('settings/trunks', 'trunk_id')], ...carrierFacts(c), [t('Audio quality (caller)'), heard(quality?.caller)], [t('Audio quality (target)'), heard(quality?.target)],
      ]} />
      <Timeline call={c} events={events.data ?? []} />
      {((c.recordings as Recording[] | undefined) ?? []).map((r) => <Player key={r.id} callId={id} recording={r} />)}
      <Tabs value={url.tab ?? 'tags'} onChange={(v) => set({ tab: v ?? undefined })} keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="tags">{t('Tags')}</Tabs.Tab><Tabs.Tab value="attempts">{t('Attempts')}</Tabs.Tab><Tabs.Tab value="events">{t('Events')}</Tabs.Tab>
          <Tabs.Tab value="requests" rightSection={requests ? <Badge size="xs" variant="light">{requests}</Badge> : undefined}>{t('Webhooks')}</Tabs.Tab><Tabs.Tab value="adjustments">{t('Adjustments')}</Tabs.Tab><Tabs.Tab value="trace">{t('Trace')}</Tabs.Tab><Tabs.Tab value="sip">{t('SIP')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="tags">
          <Tags callId={id} rows={tags.data ?? []} node={(node) => step.name(node, null)} />
          <CustomData data={(c.custom_data as Record<string, unknown> | undefined) ?? {}} />
        </Tabs.Panel>
        <Tabs.Panel value="attempts"><Rows rows={attempts.map((a) => ({ ...a, what: sentence(a) }))} columns={[['what', t('What happened')], ['chosen', t('Why chosen')], ['uri', t('Address')], ['sip_status', t('SIP')], ['started_at', t('Started')], ['ended_at', t('Ended')]]} empty={t('No target was called.')} /></Tabs.Panel>
        <Tabs.Panel value="events"><Rows rows={(events.data ?? []).map((e) => ({ ...e, type: labelOf(types, e.type), data: <Code>{JSON.stringify(e.data)}</Code> }))} columns={[['timestamp', t('When')], ['type', t('Event')], ['data', t('Data')]]} empty={t('No events.')} /></Tabs.Panel>
        <Tabs.Panel value="requests">
          {asked('inbound').length > 0 && <>
            <Text fw={600} pt="md">{t('Bid requests before the call')}</Text>
            <Rows rows={asked('inbound')} columns={[['who', t('Endpoint')], ['received_at', t('Received')], ['payout', t('Payout')]]} empty="" />
          </>}
          {asked('outbound').length > 0 && <>
            <Text fw={600} pt="md">{t('Bid requests to buyers')}</Text>
            <Rows rows={asked('outbound')} columns={[['who', t('RTB target')], ['bid', t('Bid')], ['status', t('Status')], ['detail', t('Why')], ['latency_ms', t('Milliseconds')]]} empty="" />
          </>}
          <Text fw={600} pt="md">{t('Incoming data')}</Text>
          <Rows rows={(incoming.data ?? []).map((r) => ({ ...r, webhook: to('incoming-requests', r, named(r.incoming_webhook_id) ?? r.id) }))} columns={[['webhook', t('Incoming webhook')], ['received_at', t('Received')], ['status', t('Status')], ['error_count', t('Rejected values')]]} empty={t('No incoming webhook sent data for this call.')} />
          <Text fw={600} pt="md">{t('Events sent')}</Text>
          <Rows rows={(outgoing.data ?? []).map((r) => ({ ...r, event_type: labelOf(types, r.event_type), webhook: to('outgoing-requests', r, named(r.outgoing_webhook_id) ?? r.id) }))} columns={[['webhook', t('Outgoing webhook')], ['event_type', t('Event')], ['created_at', t('Created')], ['status', t('Status')], ['attempt_count', t('Attempts')]]} empty={t('No outgoing webhook receives events of this call.')} />
        </Tabs.Panel>
        <Tabs.Panel value="adjustments"><Adjustments id={id} /></Tabs.Panel>
        <Tabs.Panel value="trace">
          <Rows
            rows={(trace.data ?? []).map((e) => ({ ...e, what: happened(e, c, step), type: step.type(e.type) }))}
            columns={[
              ['at', t('When')], ['what', t('What happened')], ['type', t('Node')],
              ['detail', t('Detail')],
            ]}
            empty={t('Routing plans have no trace. See the attempts.')}
          />
        </Tabs.Panel>
        <Tabs.Panel value="sip"><Ladder id={id} active={c.status === 'active'} /></Tabs.Panel>
      </Tabs>
    </Stack>
  )
}
