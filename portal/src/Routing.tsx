// Test of a routing plan: which targets a call would reach, and why not the others. And a target's use of its limits.
import { Alert, Badge, Button, Group, Stack, Switch, Table, Text, TextInput, Textarea, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type ApiError, api, problemOf, type Row } from './api'
import { reasonOf } from './reasons'
import { useMay } from './session'
import { t } from './text'
import { complain } from './toast'
import { useNamed } from './useNamed'
import { lines, sentence } from './words'

interface Candidate {
  routing_plan_id: string
  routing_plan_name: string
  target_id: string
  target_name: string
  priority: number
  order: number | null
  verdict: string
  reason: string | null
  chosen: string | null
  share?: number
  score?: string
}
interface Explained {
  strategy: string
  data: Candidate[]
}

export function Explain({ plan }: { plan: Row }) {
  const [caller, setCaller] = useState('+15125550100')
  const [number, setNumber] = useState('')
  const [at, setAt] = useState('')
  const [tags, setTags] = useState('')
  const [told, setTold] = useState<Explained | null>(null)
  const [problem, setProblem] = useState<ApiError | null>(null)
  const ask = async () => {
    try {
      const given = lines(tags)
      setTold((await api<Explained>('POST', `/routing-plans/${plan.id}/explain`, { caller_id: caller.trim() || undefined, number: number.trim() || undefined, at: at.trim() || undefined, tags: given })).data)
      setProblem(null)
    } catch (e) {
      setTold(null)
      setProblem(problemOf(e))
    }
  }
  const wrong = (pointer: string) => problem?.at(pointer) && sentence(problem.at(pointer)!)
  const rest = problem?.problem.errors?.filter((e) => !['/at', '/caller_id', '/number'].includes(e.pointer))
  const plans = new Set(told?.data.map((c) => c.routing_plan_id))
  return (
    <Stack gap="sm" mt="md" component="section" aria-label={t('Test routing')}>
      <Title order={3}>{t('Test routing')}</Title>
      <Text size="sm" c="dimmed">{t('Uses the saved plan. No call is placed.')}</Text>
      <Group align="flex-start" grow preventGrowOverflow={false}>
        <TextInput label={t('Caller')} value={caller} error={wrong('/caller_id')} onChange={(e) => setCaller(e.currentTarget.value)} />
        <TextInput label={t('Dialed number')} placeholder="+18005550100" value={number} error={wrong('/number')} onChange={(e) => setNumber(e.currentTarget.value)} />
        <TextInput label={t('Time')} placeholder={t('now')} value={at} error={wrong('/at')} onChange={(e) => setAt(e.currentTarget.value)} />
      </Group>
      <Textarea label={t('Tags')} placeholder="state = TX" description={t('One per line')} autosize minRows={2} value={tags} onChange={(e) => setTags(e.currentTarget.value)} />
      <Button variant="light" w="fit-content" onClick={ask}>{t('Explain')}</Button>
      {problem && <Alert color="red" title={problem.problem.title}>{rest?.map((e) => `${e.pointer.split('/').at(-1)}: ${e.detail}`).join('\n') || reasonOf(problem)}</Alert>}
      {told && (told.data.length === 0 ? <Text c="dimmed">{t('The plan has no targets yet.')}</Text> : (
        <Table.ScrollContainer minWidth={420}>
          <Table aria-label={t('Targets in order')}>
            <Table.Thead><Table.Tr><Table.Th>{t('Order')}</Table.Th><Table.Th>{t('Target')}</Table.Th>{plans.size > 1 && <Table.Th>{t('Plan')}</Table.Th>}<Table.Th>{t('Priority')}</Table.Th>{told.strategy === 'weighted' && <Table.Th>{t('Share')}</Table.Th>}{told.strategy === 'best' && <Table.Th>{t('Revenue per call')}</Table.Th>}<Table.Th>{t('Why')}</Table.Th></Table.Tr></Table.Thead>
            <Table.Tbody>{told.data.map((c, i) => (
              <Table.Tr key={i}>
                <Table.Td>{c.order === null ? '–' : <Badge variant="light" color="teal">{c.order}</Badge>}</Table.Td>
                <Table.Td><Text size="sm" c={c.order === null ? 'dimmed' : undefined}>{c.target_name}</Text></Table.Td>
                {plans.size > 1 && <Table.Td>{c.routing_plan_name}</Table.Td>}
                <Table.Td>{c.priority}</Table.Td>
                {told.strategy === 'weighted' && <Table.Td>{c.share ? `${Math.round(c.share * 1000) / 10} %` : '–'}</Table.Td>}
                {told.strategy === 'best' && <Table.Td>{c.score ?? '–'}</Table.Td>}
                <Table.Td><Text size="sm">{sentence(c.reason ?? c.chosen ?? '')}</Text></Table.Td>
              </Table.Tr>))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      ))}
    </Stack>
  )
}

interface Used {
  used: number
  limit: number | null
}
type Limit = { campaign_id: string | null; publisher_id: string | null } & Record<'concurrency' | 'hourly' | 'daily' | 'monthly' | 'total', Used>

function Count({ of }: { of: Used }) {
  const full = of.limit !== null && of.used >= of.limit
  return <Text size="sm" fw={full ? 600 : undefined} c={full ? 'red.8' : undefined}>{of.limit === null ? of.used : t('{used} of {limit}', { used: of.used, limit: of.limit })}</Text>
}

export function Capacity({ path, target }: { path: string; target: Row }) {
  const { data } = useQuery({ queryKey: [path, 'capacity', target.id], refetchInterval: 2000, queryFn: async () => (await api<{ time_zone: string; available: boolean; data: Limit[] }>('GET', `/${path}/${target.id}/capacity`)).data })
  const named = useNamed()
  const client = useQueryClient(), mayChange = useMay('manager')
  const available = (on: boolean) => api('PUT', `/${path}/${target.id}/availability`, { available: on }).then(() => client.invalidateQueries({ queryKey: [path, 'capacity', target.id] }), complain)
  if (!data) return null
  const whose = (l: Limit) => [l.campaign_id && named(l.campaign_id), l.publisher_id && named(l.publisher_id)].filter(Boolean).join(', ') || t('All')
  return (
    <Stack gap={4} component="section" aria-label={t('Calls')}>
      <Switch label={t('Available')} description={t('Turn off when nobody can answer. Calls go to other targets or wait.')} checked={data.available} disabled={!mayChange} onChange={(e) => void available(e.currentTarget.checked)} />
      <Table.ScrollContainer minWidth={420}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('Calls')}</Table.Th><Table.Th>{t('Now')}</Table.Th><Table.Th>{t('This hour')}</Table.Th><Table.Th>{t('Today')}</Table.Th><Table.Th>{t('This month')}</Table.Th><Table.Th>{t('Total')}</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{data.data.map((l, i) => <Table.Tr key={i}><Table.Td>{whose(l)}</Table.Td>{(['concurrency', 'hourly', 'daily', 'monthly', 'total'] as const).map((k) => <Table.Td key={k}><Count of={l[k]} /></Table.Td>)}</Table.Tr>)}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Text size="xs" c="dimmed">{t('Counted in {zone}', { zone: data.time_zone })}</Text>
    </Stack>
  )
}
