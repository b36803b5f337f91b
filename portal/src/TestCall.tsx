// A real call to a number of the organization, by this browser: SIP in a WebSocket, audio by WebRTC. Offered where the
// server has somewhere for browsers to call.
import { Alert, Anchor, Badge, Button, Group, SimpleGrid, Stack, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { UA } from 'jssip'
import type { RTCSession } from 'jssip/lib/RTCSession'
import { useEffect, useRef, useState } from 'react'
import { ApiError, api } from './api'
import { useMay } from './session'
import { t } from './text'

interface Ticket {
  websocket: string
  number: string
  username: string
  password: string
}
type Phase = 'idle' | 'connecting' | 'ringing' | 'talking'

const phases: Record<Exclude<Phase, 'idle'>, string> = { connecting: t('connecting'), ringing: t('ringing'), talking: t('answered') }
const keypad = [...'123456789*0#']
const WAIT_MS = 10000 // for the WebSocket

// Why there is no call, or no more.
const told = (cause: string, status?: number) =>
  cause === 'User Denied Media Access' ? t('The browser may not use the microphone: allow it for this page, and call again.')
    : cause === 'Canceled' || (cause === 'Terminated' && !status) ? t('The call is over.')
      : status ? t('The call was refused: {status} {cause}.', { status, cause }) : t('The call failed: {cause}.', { cause })

const clock = (seconds: number) => `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`

function usePhone(number: string, caller: string) {
  const [phase, setPhase] = useState<Phase>('idle')
  const [end, setEnd] = useState('')
  const [seconds, setSeconds] = useState(0)
  const line = useRef<{ ua?: UA; session?: RTCSession }>({})
  const audio = useRef<HTMLAudioElement>(null)
  const close = (why: string) => {
    const { ua } = line.current
    line.current = {}
    ua?.stop()
    setPhase('idle')
    setEnd(why)
  }
  useEffect(() => () => { line.current.session?.isEnded() === false && line.current.session.terminate(); line.current.ua?.stop() }, [])
  useEffect(() => {
    if (phase !== 'talking') return
    const began = Date.now(), timer = setInterval(() => setSeconds(Math.floor((Date.now() - began) / 1000)), 250)
    return () => clearInterval(timer)
  }, [phase])

  const call = async () => {
    const own: { ua?: UA; session?: RTCSession } = (line.current = {})
    setPhase('connecting')
    setEnd('')
    setSeconds(0)
    try {
      const { data: ticket } = await api<Ticket>('POST', '/test-calls', { number })
      const { UA, WebSocketInterface } = await import('jssip')
      if (line.current !== own) return // the page was left meanwhile
      const host = new URL(ticket.websocket).hostname
      const ua = (own.ua = new UA({ sockets: [new WebSocketInterface(ticket.websocket)], uri: `sip:${caller.replace(/[^+\d]/g, '') || 'anonymous'}@${host}`, authorization_user: ticket.username, password: ticket.password, register: false, session_timers: false, user_agent: 'Strowger portal' }))
      const late = setTimeout(() => line.current === own && close(t('{url} does not answer.', { url: ticket.websocket })), WAIT_MS)
      ua.on('connected', () => {
        clearTimeout(late)
        if (line.current !== own || own.session) return // it was left, or comes back
        const session = (own.session = ua.call(`sip:${ticket.number}@${host}`, { mediaConstraints: { audio: true, video: false }, pcConfig: { iceServers: [] } }))
        session.connection?.addEventListener('track', (e) => {
          if (audio.current) audio.current.srcObject = e.streams[0] ?? new MediaStream([e.track])
        })
        session.on('progress', () => setPhase('ringing'))
        session.on('accepted', () => setPhase('talking'))
        session.on('failed', ({ cause, message }) => { if (line.current === own) close(told(cause, message && 'status_code' in message ? message.status_code : undefined)) })
        session.on('ended', () => { if (line.current === own) close(t('The call is over.')) })
      })
      ua.start()
    } catch (e) {
      if (line.current === own) close(e instanceof ApiError ? e.message : String(e))
    }
  }
  return { phase, end, over: end === t('The call is over.'), seconds, audio, call, hangUp: () => (line.current.session && !line.current.session.isEnded() ? line.current.session.terminate() : close(t('The call is over.'))), press: (key: string) => line.current.session?.sendDTMF(key, { transportType: 'RFC2833' as never }) }
}

export function TestCall({ number, caller }: { number: string; caller?: string }) {
  const { data: websocket } = useQuery({ queryKey: ['system', 'websocket'], queryFn: async () => (await api<{ websocket: string | null }>('GET', '/system')).data.websocket })
  const [from, setFrom] = useState('+15125550100')
  const mayCall = useMay('manager')
  const phone = usePhone(number, caller ?? from)
  const busy = phone.phase !== 'idle'
  if (!websocket || !mayCall) return null
  return (
    <Stack gap="xs" mt="sm" component="section" aria-label={t('Test call')}>
      <audio ref={phone.audio} autoPlay />
      {caller === undefined && <Title order={3} mt="md">{t('Test call')}</Title>}
      {caller === undefined && <TextInput label={t('Call as')} description={t('The caller’s number, as the call will have it')} value={from} disabled={busy} onChange={(e) => setFrom(e.currentTarget.value)} maw={320} />}
      <Group gap="sm">
        {busy ? <Button color="red" onClick={phone.hangUp}>{t('Hang up')}</Button> : <Button variant="light" onClick={phone.call}>{t('Call from this browser')}</Button>}
        <Group gap="xs" role="status" aria-live="polite">
          {phone.phase !== 'idle' && <Badge variant="light" color={phone.phase === 'talking' ? 'teal' : 'blue'}>{phases[phone.phase]}</Badge>}
          {phone.phase === 'talking' && <Text size="sm" ff="monospace">{clock(phone.seconds)}</Text>}
        </Group>
      </Group>
      {phone.phase === 'talking' && (
        <SimpleGrid cols={3} spacing={6} maw={200} role="group" aria-label={t('Keys')}>
          {keypad.map((k) => <Button key={k} size="compact-md" variant="default" onClick={() => phone.press(k)}>{k}</Button>)}
        </SimpleGrid>
      )}
      {phone.end && <Alert color={phone.over ? 'gray' : 'red'} role="status">{phone.end} {phone.over && <Anchor component={Link} to="/calls" search={{ caller_id: caller ?? from } as never} size="sm">{t('To the log')}</Anchor>}</Alert>}
    </Stack>
  )
}
