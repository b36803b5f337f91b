import { ActionIcon, Anchor, AppShell, Burger, Button, Center, Group, NavLink, Paper, PasswordInput, ScrollArea, Stack, Text, TextInput, Title, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useState } from 'react'
import { Shortcuts } from './Shortcuts'
import { ApiError, api, setCsrf } from './api'
import { t } from './text'

type Item = { label: string; to?: string; items?: Item[] }
const navigation: Item[] = [
  { label: t('Dashboard'), to: '/' },
  { label: t('Calls'), items: [{ label: t('Log'), to: '/calls' }, { label: t('Live'), to: '/calls/live' }] },
  { label: t('Campaigns'), to: '/campaigns' },
  { label: t('Data'), items: [
    { label: t('Call Flows'), to: '/data/call-flows' },
    { label: t('Webhooks'), items: [
      { label: t('Incoming Webhooks'), to: '/data/webhooks/incoming' }, { label: t('Outgoing Webhooks'), to: '/data/webhooks/outgoing' }, { label: t('Custom Tags'), to: '/data/webhooks/custom-tags' },
      { label: t('Incoming Webhook Requests'), to: '/data/webhooks/incoming-requests' }, { label: t('Outgoing Webhook Requests'), to: '/data/webhooks/outgoing-requests' },
    ] },
    { label: t('Lists'), to: '/data/lists' },
  ] },
  { label: t('Routing plans'), to: '/routing-plans' }, { label: t('Targets'), to: '/targets' }, { label: t('Buyers'), to: '/buyers' }, { label: t('Publishers'), to: '/publishers' },
  { label: t('Numbers'), to: '/numbers' }, { label: t('DNI'), items: [{ label: t('Pools'), to: '/number-pools' }, { label: t('Snippets'), to: '/dni-snippets' }] }, { label: t('RTB'), items: [{ label: t('Endpoints'), to: '/rtb/inbound' }, { label: t('RTB targets'), to: '/rtb/targets' }, { label: t('Ring trees'), to: '/rtb/ring-trees' }, { label: t('Requests'), to: '/rtb/requests' }] }, { label: t('Prompts'), to: '/prompts' }, { label: t('Reports'), to: '/reports' },
  { label: t('Settings'), items: [{ label: t('Organization'), to: '/settings/organization' }, { label: t('Users'), to: '/settings/users' }, { label: t('API keys'), to: '/settings/api-keys' }, { label: t('Trunks'), to: '/settings/trunks' }, { label: t('Audit log'), to: '/settings/audit-log' }] },
]

function Items({ items, close }: { items: Item[]; close: () => void }) {
  const path = useRouterState({ select: (s) => s.location.pathname })
  return items.map((i) => i.items
    ? <NavLink key={i.label} label={i.label} defaultOpened component="button"><Items items={i.items} close={close} /></NavLink>
    : <NavLink key={i.label} label={i.label} component={Link} to={i.to!} active={i.to === '/' ? path === '/' : path === i.to || (path.startsWith(`${i.to}/`) && !items.some((o) => o !== i && o.to && o.to.length > i.to!.length && path.startsWith(o.to)))} onClick={close} />)
}

function Scheme() {
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  return <ActionIcon variant="subtle" color="gray" aria-label={dark ? t('Light colours') : t('Dark colours')} title={dark ? t('Light colours') : t('Dark colours')} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>{dark ? '☀' : '☾'}</ActionIcon>
}

interface Session {
  csrf_token: string
  email: string
  role: string
}

function SignIn({ done }: { done: () => void }) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState('')
  const submit = async () => {
    try {
      await api('POST', '/session', { email, password })
      done()
    } catch (e) {
      setError(e instanceof ApiError ? e.message : t('The server cannot be reached'))
    }
  }
  return (
    <Center mih="100vh" p="md" component="main">
      <Paper withBorder p="xl" w={380}>
        <form onSubmit={(e) => { e.preventDefault(); void submit() }}>
          <Stack>
            <Title order={1} size="h2">Strowger</Title>
            <TextInput label={t('E-mail')} type="email" autoComplete="username" required value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
            <PasswordInput label={t('Password')} autoComplete="current-password" required value={password} onChange={(e) => setPassword(e.currentTarget.value)} error={error} />
            <Button type="submit">{t('Sign in')}</Button>
          </Stack>
        </form>
      </Paper>
    </Center>
  )
}

export function Shell() {
  const client = useQueryClient()
  const [opened, { toggle, close }] = useDisclosure()
  const session = useQuery({ queryKey: ['session'], retry: false, queryFn: async () => {
    const response = await fetch('/api/v1/session') // 401 is an answer here, not an error
    return response.ok ? ((await response.json()) as Session) : null
  } })
  if (session.isPending) return null
  if (!session.data) return <SignIn done={() => client.invalidateQueries()} />
  setCsrf(session.data.csrf_token)
  const signOut = async () => {
    await api('DELETE', '/session')
    client.clear()
    location.href = '/'
  }
  return (
    <AppShell header={{ height: 52 }} navbar={{ width: 260, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding="md">
      <AppShell.Header><Group h="100%" px="md" justify="space-between"><Group><Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('Navigation')} /><Text fw={700}>Strowger</Text></Group><Group><Anchor size="sm" href="/docs" target="_blank" visibleFrom="xs">{t('Docs')}</Anchor><Anchor size="sm" href="/docs/api" target="_blank" visibleFrom="sm">{t('API')}</Anchor><Text size="sm" c="dimmed" visibleFrom="sm">{session.data.email}</Text><Scheme /><Button variant="subtle" size="xs" onClick={signOut}>{t('Sign out')}</Button></Group></Group></AppShell.Header>
      <AppShell.Navbar aria-label={t('Sections')}><ScrollArea p="xs"><Items items={navigation} close={close} /></ScrollArea></AppShell.Navbar>
      <AppShell.Main><Outlet /><Shortcuts /></AppShell.Main>
    </AppShell>
  )
}
