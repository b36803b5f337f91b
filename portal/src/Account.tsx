// What a user changes of their own: the password, and the browsers that are signed in.
import { Alert, Badge, Button, Group, Paper, PasswordInput, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, list, type Row } from './api'
import { moment } from './calls/fields'
import { useSaving } from './form'
import { leave, useSession } from './session'
import { t } from './text'
import { complain, toast } from './toast'
import { sentence } from './words'

const SESSIONS = ['sessions']

function PasswordForm() {
  const { email } = useSession()
  const client = useQueryClient()
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const { at, busy, run, clear } = useSaving()
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
  const q = useQuery({ queryKey: SESSIONS, queryFn: () => list('/sessions') })
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
        <Title order={3} mb="md">{t('Where you are signed in')}</Title>
        <Sessions />
      </Paper>
    </Stack>
  )
}
