// What a user changes of their own: the password, and the browsers that are signed in.
import {
  Alert, Badge, Button, Code, Group, Paper, PasswordInput, Stack, Table, Text, TextInput, Title,
} from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Copyable } from './Copyable'
import { QrCode } from './QrCode'
import { api, list, type Row } from './api'
import { moment } from './calls/fields'
import { useSaving } from './form'
import { leave, refreshSession, useSession } from './session'
import { t } from './text'
import { complain, toast } from './toast'
import { sentence } from './words'

const SESSIONS = ['sessions']
const titles: Record<string, string> = {
  '/current_password': t('Current password'),
  '/password': t('New password'),
  '/code': t('Code'),
}
const titled = (pointer: string) => titles[pointer] ?? ''

function PasswordForm() {
  const { email } = useSession()
  const client = useQueryClient()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const { at, busy, run, clear } = useSaving(titled)
  const body = { current_password: current, password }
  const wrong = (pointer: string) => {
    const detail = at(pointer)
    return detail && sentence(detail)
  }
  const submit = async () => {
    if (!(await run(() => api('PATCH', '/session/password', body)))) return
    setCurrent('')
    setPassword('')
    toast(t('Password changed. Your other browsers are signed out.'))
    await client.invalidateQueries({ queryKey: SESSIONS })
  }
  return (
    <form onSubmit={(e) => { e.preventDefault(); void submit() }}>
      <Stack maw={420}>
        <input type="text" hidden autoComplete="username" value={email} readOnly />
        <PasswordInput label={t('Current password')} autoComplete="current-password" required
          value={current} error={wrong('/current_password')}
          onChange={(e) => { setCurrent(e.currentTarget.value); clear() }} />
        <PasswordInput label={t('New password')} autoComplete="new-password" required minLength={10}
          description={t('At least 10 characters, and not easily guessed.')}
          value={password} error={wrong('/password')}
          onChange={(e) => { setPassword(e.currentTarget.value); clear() }} />
        <Group><Button type="submit" loading={busy}>{t('Change password')}</Button></Group>
      </Stack>
    </form>
  )
}

function SessionLine({ session, onEnd }: { session: Row; onEnd: () => void }) {
  return (
    <Table.Tr>
      <Table.Td>
        <Group gap="xs">
          {String(session.address || t('Unknown'))}
          {session.current === true && <Badge variant="light">{t('This browser')}</Badge>}
        </Group>
      </Table.Td>
      <Table.Td className="whole">{moment(session.created_at)}</Table.Td>
      <Table.Td className="whole">{moment(session.expires_at)}</Table.Td>
      <Table.Td ta="right">
        {session.current !== true && (
          <Button variant="default" size="compact-sm" onClick={onEnd}>{t('Sign out')}</Button>
        )}
      </Table.Td>
    </Table.Tr>
  )
}

function Sessions() {
  const client = useQueryClient()
  const q = useQuery({ queryKey: SESSIONS, queryFn: async () => (await list('/sessions')).data })
  const [busy, setBusy] = useState(false)
  const end = async (id: string) => {
    await api('DELETE', `/sessions/${id}`).catch(complain)
    await client.invalidateQueries({ queryKey: SESSIONS })
  }
  const endAll = async () => {
    setBusy(true)
    try {
      await api('DELETE', '/sessions')
      leave(() => location.replace('/'))
    } catch (e) {
      complain(e)
      setBusy(false)
    }
  }
  if (q.error) return <Alert color="red">{q.error.message}</Alert>
  return (
    <Stack>
      <Table.ScrollContainer minWidth={520}>
        <Table>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('Address')}</Table.Th>
              <Table.Th>{t('Signed in')}</Table.Th>
              <Table.Th>{t('Ends')}</Table.Th>
              <Table.Th aria-label={t('Actions')} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {(q.data ?? []).map((s) => (
              <SessionLine key={s.id} session={s} onEnd={() => void end(s.id)} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Group>
        <Button variant="default" loading={busy} onClick={() => void endAll()}>
          {t('Sign out everywhere')}
        </Button>
      </Group>
    </Stack>
  )
}

// The secret as a picture for the app's camera, as text for its keyboard, and the code that proves it.
function SecondFactorSetup({ onDone }: { onDone: (recovery: string[]) => void }) {
  const [shown, setShown] = useState<{ secret: string; uri: string } | null>(null)
  const [code, setCode] = useState('')
  const { at, busy, run, clear } = useSaving(titled)
  const begin = () =>
    run(async () => {
      setShown((await api<{ secret: string; uri: string }>('POST', '/session/totp', {})).data)
    })
  const confirm = () =>
    run(async () => {
      const { data } = await api<{ recovery_codes: string[] }>('POST', '/session/totp', { code })
      onDone(data.recovery_codes)
    })
  if (!shown)
    return <Group><Button loading={busy} onClick={() => void begin()}>{t('Set up')}</Button></Group>
  const wrong = at('/code')
  return (
    <form onSubmit={(e) => { e.preventDefault(); void confirm() }}>
      <Stack maw={420}>
        <Text size="sm">{t('Scan this with an authenticator app, then enter the code that it shows.')}</Text>
        <QrCode text={shown.uri} label={t('QR code for an authenticator app')} />
        <Copyable label={t('Or enter this secret')} value={shown.secret} />
        <TextInput label={t('Code')} autoComplete="one-time-code" inputMode="numeric" required
          value={code} error={wrong && sentence(wrong)}
          onChange={(e) => { setCode(e.currentTarget.value); clear() }} />
        <Group><Button type="submit" loading={busy}>{t('Turn on')}</Button></Group>
      </Stack>
    </form>
  )
}

function SecondFactorRemoval({ onDone }: { onDone: () => void }) {
  const [code, setCode] = useState('')
  const { at, busy, run, clear } = useSaving(titled)
  const remove = () =>
    run(async () => {
      await api('DELETE', '/session/totp', { code })
      onDone()
    })
  const wrong = at('/code')
  return (
    <form onSubmit={(e) => { e.preventDefault(); void remove() }}>
      <Stack maw={420}>
        <TextInput label={t('Code')} required value={code} error={wrong && sentence(wrong)}
          description={t('From your authenticator app, or a recovery code.')}
          onChange={(e) => { setCode(e.currentTarget.value); clear() }} />
        <Group>
          <Button type="submit" variant="default" loading={busy}>{t('Turn off')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

// They are shown once: the page goes on when its reader says so.
function RecoveryCodes({ codes, onDone }: { codes: string[]; onDone: () => void }) {
  return (
    <Alert color="green" title={t('The second factor is on')}>
      <Stack gap="sm">
        <Text size="sm">
          {t('Keep these recovery codes where you find them without your phone. Each works once, and they are not shown again.')}
        </Text>
        <Code block>{codes.join('\n')}</Code>
        <Group>
          <Button onClick={onDone}>{t('I have kept them')}</Button>
        </Group>
      </Stack>
    </Alert>
  )
}

function SecondFactor() {
  const { second_factor: isOn, limited } = useSession()
  const [recovery, setRecovery] = useState<string[] | null>(null)
  const refresh = () => {
    setRecovery(null)
    void refreshSession()
  }
  if (recovery) return <RecoveryCodes codes={recovery} onDone={refresh} />
  return (
    <Stack>
      {limited && (
        <Alert color="yellow">{t('Your organization requires a second factor. Set it up to go on.')}</Alert>
      )}
      {isOn ? <SecondFactorRemoval onDone={refresh} /> : <SecondFactorSetup onDone={setRecovery} />}
    </Stack>
  )
}

export function Account() {
  const { email } = useSession()
  return (
    <Stack gap="lg">
      <div>
        <Title order={2}>{t('Your account')}</Title>
        <Text c="dimmed">{email}</Text>
      </div>
      <Paper withBorder p="lg">
        <Title order={3} mb="md">{t('Password')}</Title>
        <PasswordForm />
      </Paper>
      <Paper withBorder p="lg">
        <Title order={3} mb="md">{t('Second factor')}</Title>
        <SecondFactor />
      </Paper>
      <Paper withBorder p="lg">
        <Title order={3} mb="md">{t('Where you are signed in')}</Title>
        <Sessions />
      </Paper>
    </Stack>
  )
}
