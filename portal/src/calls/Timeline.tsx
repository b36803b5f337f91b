// What happened when: the caller's ringing, waiting and talking, each target that was tried, and the events.
import { Box, Group, Paper, Stack, Text, Tooltip } from '@mantine/core'
import type { Row } from '../api'
import { labelOf, useSchema } from '../schema'
import { t } from '../text'
import { lasting } from './fields'

export interface Attempt {
  target_name: string | null
  uri: string | null
  outcome: string
  reason: string | null
  chosen?: string | null
  sip_status: number | null
  started_at: string | null
  ringing_at: string | null
  ended_at: string | null
}

const who = (a: Attempt) => a.target_name ?? a.uri ?? t('a target')

// One attempt as a sentence.
export function sentence(a: Attempt): string {
  const seconds = a.started_at && a.ended_at ? Math.round((Date.parse(a.ended_at) - Date.parse(a.started_at)) / 1000) : 0
  const values = { name: who(a), seconds, status: a.sip_status ?? '', reason: a.reason ?? '' }
  switch (a.outcome) {
    case 'answered': return t('{name} answered after {seconds} s.', values)
    case 'busy': return t('{name} was busy ({status}).', values)
    case 'no_answer': return !a.ringing_at && !a.sip_status ? t('{name} did not respond within {seconds} s.', values) : t('{name} rang for {seconds} s and did not answer.', values)
    case 'answered_elsewhere': return t('{name} rang for {seconds} s; another target took the call first.', values)
    case 'transferred': return t('{name} took over the call after a transfer by the target.', values)
    case 'not_accepted': return t('{name}: {reason}.', values)
    case 'waited': return `${(a.reason ?? '').replace(/^the/, 'The')}.`
    case 'no_bid': return t('{name}: {reason}.', values)
    case 'skipped': return t('{name} was skipped: {reason}.', values)
    default: return a.sip_status ? t('{name} could not be reached ({status} {reason}).', values) : t('{name} could not be called: {reason}.', values)
  }
}

interface Bar {
  label: string
  from: number
  to: number
  kind: 'ring' | 'wait' | 'talk' | 'bad'
}

export function Timeline({ call, events }: { call: Row; events: Record<string, unknown>[] }) {
  const types = useSchema('EventType'), event = (type: unknown) => labelOf(types, type)
  const time = (v: unknown) => (typeof v === 'string' ? Date.parse(v) : NaN)
  const start = time(call.started_at), end = call.ended_at ? time(call.ended_at) : Date.now(), whole = Math.max(1000, end - start)
  const answered = call.answered_at ? time(call.answered_at) : end, connected = call.connected_at ? time(call.connected_at) : end
  const own: Bar[] = [
    { label: t('Ringing'), from: start, to: Math.min(answered, end), kind: 'ring' as const }, { label: t('In the call flow or waiting'), from: answered, to: Math.min(connected, end), kind: 'wait' as const },
    { label: t('Talking'), from: connected, to: end, kind: 'talk' as const },
  ].filter((b) => b.to > b.from)
  const attempts = ((call.attempts as Attempt[] | undefined) ?? []).filter((a) => a.started_at).map((a): Bar => ({ label: sentence(a), from: time(a.started_at), to: a.ended_at ? time(a.ended_at) : end, kind: a.outcome === 'answered' || a.outcome === 'transferred' ? 'ring' : 'bad' }))
  const lane = (name: string, bars: Bar[]) => (
    <Group key={name} wrap="nowrap" gap="xs"><Text size="xs" w={110} truncate title={name}>{name}</Text>
      <Box className="lane">{bars.map((b, i) => <Tooltip key={i} label={`${b.label} ${lasting((b.to - b.from) / 1000)}`}><Box className={`bar ${b.kind}`} style={{ left: `${(100 * (b.from - start)) / whole}%`, width: `${Math.max(0.4, (100 * (b.to - b.from)) / whole)}%` }} /></Tooltip>)}</Box></Group>
  )
  return (
    <Paper withBorder p="sm" role="img" aria-label={t('The call in its {time}: {parts}', { time: lasting(whole / 1000), parts: [...own, ...attempts].map((b) => b.label).join(' ') })}>
      <Stack gap={6}>
        {lane(t('Caller'), own)}
        {attempts.map((b, i) => lane(who((call.attempts as Attempt[]).filter((a) => a.started_at)[i]), [b]))}
        {events.length > 0 && (
          <Group wrap="nowrap" gap="xs"><Text size="xs" w={110}>{t('Events')}</Text>
            <Box className="lane">{events.map((e, i) => <Tooltip key={i} label={`${event(e.type)} +${lasting((time(e.timestamp) - start) / 1000)}`}><Box className="mark" style={{ left: `${Math.min(100, Math.max(0, (100 * (time(e.timestamp) - start)) / whole))}%` }} /></Tooltip>)}</Box></Group>
        )}
        <Group justify="space-between" pl={118}><Text size="xs" c="dimmed">0:00</Text><Text size="xs" c="dimmed">{lasting(whole / 1000)}</Text></Group>
      </Stack>
    </Paper>
  )
}
