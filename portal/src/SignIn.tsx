// Signing in: the page of a visitor without a session, and the dialog over a page whose session has expired.
import { Alert, Button, Center, Group, Modal, Paper, PasswordInput, Stack, Text, TextInput, Title } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import {
  CodeError, cancel, enter, leave, renew, signIn, signOut, useSessionState, type Session,
} from './session'
import { t } from './text'
import { usePageTitle } from './title'

interface FormProps {
  email?: string
  onSession: (session: Session) => void
  children?: ReactNode // buttons beside Sign in
}

function SignInForm({ email: known = '', onSession, children }: FormProps) {
  const [email, setEmail] = useState(known)
  const [password, setPassword] = useState('')
  const [asksCode, setAsksCode] = useState(false)
  const [code, setCode] = useState('')
  const [error, setError] = useState('')
  const [busy, setBusy] = useState(false)
  const submit = async () => {
    setBusy(true)
    setError('')
    try {
      onSession(await signIn(email, password, asksCode ? code.trim() : undefined))
    } catch (e) {
      setAsksCode(e instanceof CodeError)
      setError((e as Error).message)
      setBusy(false)
    }
  }
  return (
    <form onSubmit={(e) => { e.preventDefault(); void submit() }}>
      <Stack>
        <TextInput label={t('E-mail')} type="email" autoComplete="username" required
          value={email} onChange={(e) => setEmail(e.currentTarget.value)} data-autofocus={!known || undefined} />
        <PasswordInput label={t('Password')} autoComplete="current-password" required
          value={password} onChange={(e) => setPassword(e.currentTarget.value)}
          error={!asksCode && error} data-autofocus={!!known || undefined} />
        {asksCode && (
          <TextInput label={t('Code')} autoComplete="one-time-code" inputMode="numeric" required
            autoFocus description={t('From your authenticator app, or a recovery code.')}
            value={code} onChange={(e) => setCode(e.currentTarget.value)} error={error} />
        )}
        <Group justify="flex-end" grow={!children}>
          {children}
          <Button type="submit" loading={busy}>{t('Sign in')}</Button>
        </Group>
      </Stack>
    </form>
  )
}

export function SignInPage() {
  usePageTitle(t('Sign in'))
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={380}>
        <Title order={1} size="h2" mb="md">Strowger</Title>
        <SignInForm onSession={enter} />
      </Paper>
    </Center>
  )
}

// Somebody else has signed in over a page that is not theirs.
function OtherUser({ was, now, onBack }: { was: Session; now: Session; onBack: () => void }) {
  const [error, setError] = useState('')
  const back = () => signOut().then(onBack, (e: Error) => setError(e.message))
  const told = t('You are signed in as {now}. This page was opened by {was}: what was not saved is lost when it is loaded again.', { now: now.email, was: was.email })
  return (
    <Stack>
      <Text>{told}</Text>
      {error && <Alert color="red">{error}</Alert>}
      <Group justify="flex-end">
        <Button variant="default" onClick={() => void back()}>
          {t('Sign in as {email}', { email: was.email })}
        </Button>
        <Button data-autofocus onClick={() => leave(() => location.reload())}>{t('Reload the page')}</Button>
      </Group>
    </Stack>
  )
}

export function SignInDialog() {
  const { session, asking } = useSessionState()
  const [other, setOther] = useState<Session | null>(null)
  if (!session) return null
  const entered = (now: Session) => (now.user_id === session.user_id ? renew(now) : setOther(now))
  return (
    <Modal opened={asking} onClose={cancel} withCloseButton={false} closeOnClickOutside={false} closeOnEscape={false}
      zIndex={1000} centered title={other ? t('Another user has signed in') : t('Your session has expired')}>
      {other
        ? <OtherUser was={session} now={other} onBack={() => setOther(null)} />
        : (
            <Stack>
              <Text size="sm">{t('Sign in to go on. Nothing on this page is lost.')}</Text>
              <SignInForm email={session.email} onSession={entered}>
                <Button variant="default" onClick={cancel}>{t('Cancel')}</Button>
              </SignInForm>
            </Stack>
          )}
    </Modal>
  )
}
