// The first steps of an organization, on the dashboard. Each is done when the organization has such a thing.
import { Anchor, Button, Code, Group, Paper, Stack, Text, ThemeIcon, Title } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { useQueries, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { api, list, type Row } from './api'
import { kinds, type Kind } from './kinds'
import { may, useSession, type Role, type Session } from './session'
import { t } from './text'

// What the user chose: nothing yet (shown until all is done), dismissed, or asked for again.
type Choice = 'open' | 'dismissed' | 'shown'

export function useGettingStarted(): [Choice, (choice: Choice) => void] {
  const { organization_id: organization, user_id: user } = useSession()
  const [choice, choose] = useLocalStorage<Choice>({
    key: `getting-started:${organization}:${user}`, defaultValue: 'open', getInitialValueInEffect: false,
  })
  return [choice, choose]
}

interface Step {
  path: string // one of these makes it done
  title: string
  text: string
  link: string
  to: string
  least: Role
}

const step = (kind: Kind, title: string, text: string, to = `${kind.page}/new`): Step =>
  ({ path: kind.path, title, text, link: kind.create, to, least: kind.adminOnly ? 'admin' : 'manager' })

const things: Step[] = [
  step(kinds.trunks, t('Trunk'), t('Connect your carrier or PBX, so that its calls are accepted.')),
  step(kinds.targets, t('Target'), t('Add a phone, SIP address or number that calls are sent to.')),
  step(kinds.flows, t('Call flow'), t('Draw what happens in a call, then publish it.'), kinds.flows.page),
  step(kinds.campaigns, t('Campaign'), t('Choose the call flow or routing plan that runs its calls.')),
  step(kinds.numbers, t('Number'), t('Add a tracking number and give it to the campaign.')),
]

function Mark({ done, number }: { done: boolean; number: number }) {
  const label = done ? t('Done') : t('To do')
  return (
    <ThemeIcon radius="xl" size={26} variant={done ? 'filled' : 'default'} color="teal.9" role="img" aria-label={label}>
      {done ? '✓' : <Text size="xs">{number}</Text>}
    </ThemeIcon>
  )
}

function StepRow({ number, done, title, children, action }: {
  number: number; done: boolean; title: string; children: ReactNode; action: ReactNode
}) {
  return (
    <Group component="li" wrap="nowrap" align="flex-start" data-done={done}>
      <Mark done={done} number={number} />
      <Stack gap={2} style={{ flex: 1, minWidth: 0 }}>
        <Text fw={600} c={done ? 'dimmed' : undefined}>{title}</Text>
        {!done && <Text size="sm" c="dimmed" component="div">{children}</Text>}
      </Stack>
      {!done && action}
    </Group>
  )
}

// The call that proves that everything fits: from a carrier, from the number's page, or by the test caller.
function TestCallStep({ done, number, session }: { done: boolean; number: Row | undefined; session: Session }) {
  const { data: sip } = useQuery({
    queryKey: ['system', 'sip'], enabled: !done && !!number, staleTime: Infinity,
    queryFn: async () => (await api<{ sip: string[] }>('GET', '/system')).data.sip,
  })
  const port = sip?.[0]?.split(':').at(-1)
  const link = may(session.role, 'manager') && number && (
    <Anchor component={Link} to={`${kinds.numbers.page}/${number.id}`} size="sm">{t('Open the number')}</Anchor>
  )
  return (
    <StepRow number={things.length + 1} done={done} title={t('Test call')} action={link}>
      {number ? t('Dial {number}, or run this on the server:', { number: number.number }) : t('Dial the number.')}
      {number && port && (
        <div><Code style={{ overflowWrap: 'anywhere' }}>{`strowger call sip:${String(number.number)}@127.0.0.1:${port}`}</Code></div>
      )}
    </StepRow>
  )
}

function Steps({ choice, choose }: { choice: Choice; choose: (choice: Choice) => void }) {
  const session = useSession()
  const results = useQueries({
    queries: [...things.map((s) => s.path), 'calls'].map((path) => ({
      queryKey: [path, 'any'], queryFn: () => list(`/${path}?limit=1`),
    })),
  })
  const known = results.map((r) => r.data?.data)
  if (known.some((rows) => rows === undefined)) return null // no step is shown undone before that is known
  const done = known.map((rows) => rows!.length > 0)
  const count = done.filter(Boolean).length
  if (choice === 'open' && count === done.length) return null
  return (
    <Paper withBorder p="lg" component="section" aria-labelledby="getting-started">
      <Group justify="space-between" mb="md">
        <div>
          <Title order={3} size="h4" id="getting-started">{t('Getting started')}</Title>
          <Text size="sm" c="dimmed">{t('{done} of {all} steps done', { done: count, all: done.length })}</Text>
        </div>
        <Button variant="default" size="xs" onClick={() => choose('dismissed')}>{t('Dismiss')}</Button>
      </Group>
      <Stack component="ol" gap="md" className="steps">
        {things.map((s, i) => (
          <StepRow key={s.path} number={i + 1} done={done[i]} title={s.title} action={may(session.role, s.least)
            && <Anchor component={Link} to={s.to} size="sm">{s.link}</Anchor>}>
            {s.text}
          </StepRow>
        ))}
        <TestCallStep done={done.at(-1)!} number={known[things.indexOf(things.at(-1)!)]?.[0]} session={session} />
      </Stack>
    </Paper>
  )
}

export function GettingStarted() {
  const [choice, choose] = useGettingStarted()
  return choice === 'dismissed' ? null : <Steps choice={choice} choose={choose} />
}
