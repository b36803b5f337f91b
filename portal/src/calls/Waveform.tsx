// A recording: how loud each side is over its time, and playing it from any place.
import { Alert, Anchor, Badge, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useRef, useState, type MouseEvent } from 'react'
import { api } from '../api'
import { reasonOf } from '../reasons'
import { t } from '../text'
import { lasting } from './fields'

export interface Recording {
  id: string
  kind: string
  status: string
  started_at: string
  duration_seconds: number
  format: string
  encrypted: boolean
}

const POINTS = 400, HEIGHT = 40

// One channel as a closed line around its middle.
const outline = (peaks: number[], middle: number) => {
  const y = (p: number, side: number) => (middle + side * Math.max(0.5, Math.sqrt(p) * (HEIGHT / 2 - 1))).toFixed(1)
  return `M0 ${middle} ${peaks.map((p, i) => `L${i} ${y(p, -1)}`).join(' ')} ${peaks.map((_, i) => `L${peaks.length - 1 - i} ${y(peaks[peaks.length - 1 - i], 1)}`).join(' ')} Z`
}

export function Player({ callId, recording: r }: { callId: string; recording: Recording }) {
  const audio = useRef<HTMLAudioElement>(null)
  const [at, setAt] = useState(0)
  const src = `/api/v1/calls/${callId}/recording?recording_id=${r.id}`
  const peaks = useQuery({ queryKey: ['peaks', r.id], enabled: r.status === 'ready', staleTime: Infinity, queryFn: async () => (await api<{ duration_seconds: number; channels: number[][] }>('GET', `/calls/${callId}/recording/peaks?recording_id=${r.id}&points=${POINTS}`)).data })
  const label = <Badge variant="light">{r.kind === 'voicemail' ? t('Voicemail') : t('Recording')}</Badge>
  if (r.status !== 'ready') return <Group>{label}<Text size="sm" c="dimmed">{r.status === 'recording' ? t('In progress') : t('The recording could not be written. Is the disk full?')}</Text></Group>
  const seek = (e: MouseEvent<SVGSVGElement>) => {
    const box = e.currentTarget.getBoundingClientRect()
    if (!audio.current || !peaks.data) return
    audio.current.currentTime = ((e.clientX - box.left) / box.width) * peaks.data.duration_seconds
    void audio.current.play()
  }
  const channels = peaks.data?.channels ?? [], sides = channels.length === 2 ? [t('Caller'), t('Other side')] : [t('Caller')]
  return (
    <Stack gap={6} maw={760}>
      <Group gap="sm">{label}<Text size="sm" c="dimmed">{lasting(r.duration_seconds)}</Text><Anchor size="sm" href={src} download={`${r.id}.${r.format}`}>{t('Download')}</Anchor>{r.encrypted && <Text size="sm" c="dimmed">{t('Encrypted on the disk')}</Text>}</Group>
      {peaks.error && <Alert color="yellow">{reasonOf(peaks.error)}</Alert>}
      {peaks.data && (
        <Group gap="xs" wrap="nowrap" align="stretch">
          <Stack gap={0} justify="space-around" w={70}>{sides.map((s) => <Text key={s} size="xs" c="dimmed">{s}</Text>)}</Stack>
          <svg role="img" aria-label={t('How loud each side is over the time')} className="waveform" viewBox={`0 0 ${POINTS} ${HEIGHT * channels.length}`} preserveAspectRatio="none" height={HEIGHT * channels.length} onClick={seek}>
            {channels.map((c, i) => <path key={i} className={`side-${i}`} d={outline(c, HEIGHT * i + HEIGHT / 2)} />)}
            <line x1={(at / peaks.data.duration_seconds) * POINTS} x2={(at / peaks.data.duration_seconds) * POINTS} y1={0} y2={HEIGHT * channels.length} />
          </svg>
        </Group>
      )}
      <audio ref={audio} controls preload="metadata" aria-label={t('{kind} of {seconds} seconds', { kind: r.kind === 'voicemail' ? t('Voicemail') : t('Recording'), seconds: r.duration_seconds })} src={src} onTimeUpdate={(e) => setAt(e.currentTarget.currentTime)} className="player" />
    </Stack>
  )
}
