// The frame around every page: header, navigation, the session's expiry.
import { Alert, Anchor, AppShell, Burger, Button, Center, Container, Group, ScrollArea, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { Outlet } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { Account } from './Account'
import { Navigation } from './Navigation'
import { SignInDialog, SignInPage } from './SignIn'
import { Shortcuts } from './Shortcuts'
import { UserMenu } from './UserMenu'
import { askAgain, loadSession, onRenewed, useSessionState } from './session'
import { t } from './text'

function Unreachable({ retry }: { retry: () => void }) {
  return (
    <Center mih="100vh" p="md" component="main">
      <Alert color="red" title={t('The server cannot be reached')}>
        <Stack align="flex-start">
          <Text size="sm">{t('Check the connection, then try again.')}</Text>
          <Button size="xs" onClick={retry}>{t('Try again')}</Button>
        </Stack>
      </Alert>
    </Center>
  )
}

// Shown after the sign-in dialog was cancelled: nothing on the page reaches the server until somebody signs in.
function ExpiredNotice() {
  return (
    <Alert color="yellow" mb="md">
      <Group>
        <Text size="sm">{t('Your session has expired. Sign in again.')}</Text>
        <Button size="xs" onClick={askAgain}>{t('Sign in')}</Button>
      </Group>
    </Alert>
  )
}

function Frame() {
  const client = useQueryClient()
  const { expired, asking } = useSessionState()
  const [opened, { toggle, close }] = useDisclosure()
  const main = useRef<HTMLElement>(null)
  // Only what failed meanwhile is asked for again: forms keep what was typed.
  useEffect(() => onRenewed(() => void client.refetchQueries({ predicate: (q) => q.state.status === 'error' })), [client])
  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 260, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <a className="skip" href="#content" onClick={(e) => { e.preventDefault(); main.current?.focus() }}>{t('Skip to the page')}</a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('Navigation')} />
            <Text fw={700}>Strowger</Text>
          </Group>
          <Group wrap="nowrap">
            <Anchor size="sm" href="/docs" target="_blank" visibleFrom="sm">{t('Docs')}</Anchor>
            <Anchor size="sm" href="/docs/api" target="_blank" visibleFrom="sm">{t('API')}</Anchor>
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar aria-label={t('Sections')}><ScrollArea p="xs"><Navigation onPage={close} /></ScrollArea></AppShell.Navbar>
      <AppShell.Main ref={main} id="content" tabIndex={-1}>
        {expired && !asking && <ExpiredNotice />}
        <Outlet />
        <Shortcuts />
      </AppShell.Main>
      <SignInDialog />
    </AppShell>
  )
}

// All that a session without the second factor that is required may do.
function LimitedAccount() {
  return (
    <Container size="sm" py="xl" component="main">
      <Account />
    </Container>
  )
}

export function Shell() {
  const { known, session } = useSessionState()
  const [failed, setFailed] = useState(false)
  const load = () => {
    setFailed(false)
    loadSession().catch(() => setFailed(true))
  }
  useEffect(load, [])
  if (failed) return <Unreachable retry={load} />
  if (!known) return null
  if (!session) return <SignInPage />
  return session.limited ? <LimitedAccount /> : <Frame />
}
