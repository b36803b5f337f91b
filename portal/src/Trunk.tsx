// A trunk: its calls against its limits, and which of its gateways answer.
import { Alert, Badge, Group, Stack, Table, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { t } from './text'

interface Direction {
  calls: number
  refused: number
  max_calls: number | null
  max_calls_per_second: number | null
}
interface Gateway {
  uri: string
  state: 'unknown' | 'up' | 'down'
  sip_status: number | null
  latency_ms: number | null
  checked_at: string | null
  registration_status: number | null
  registered_until: string | null
  problem: string | null
}
interface Status {
  inbound: Direction
  outbound: Direction
  gateways: Gateway[]
}

const states = { unknown: { color: 'gray', text: t('not checked yet') }, up: { color: 'teal', text: t('answers') }, down: { color: 'red', text: t('does not answer') } }
const calls = (d: Direction) => (d.max_calls ? t('{count} of {most} calls', { count: d.calls, most: d.max_calls }) : t('{count} calls', { count: d.calls }))
const refused = (d: Direction) => (d.refused ? ` (${t('{count} rejected by limits', { count: d.refused })})` : '')

const registration = (g: Gateway) => {
  if (g.registered_until) return t('registered until {when}', { when: moment(g.registered_until) })
  return g.registration_status ? t('not registered ({status})', { status: g.registration_status }) : ''
}

export function TrunkStatus({ trunk }: { trunk: Row }) {
  const { data: s } = useQuery({ queryKey: ['trunks', 'status', trunk.id], refetchInterval: 2000, queryFn: async () => (await api<Status>('GET', `/trunks/${trunk.id}/status`)).data })
  if (!s) return null
  const down = s.gateways.length > 0 && s.gateways.every((g) => g.state === 'down')
  return (
    <Stack gap="xs" component="section" aria-label={t('Status')}>
      {down && <Alert color="red">{t('No gateway answers: calls to numbers over this trunk fail.')}</Alert>}
      <Text size="sm">{`${t('Inbound')}: ${calls(s.inbound)}${refused(s.inbound)} · ${t('Outbound')}: ${calls(s.outbound)}${refused(s.outbound)}`}</Text>
      {s.gateways.length > 0 && (
        <Table.ScrollContainer minWidth={480}>
          <Table>
            <Table.Tbody>
              {s.gateways.map((g) => (
                <Table.Tr key={g.uri}>
                  <Table.Td>{g.uri}</Table.Td>
                  <Table.Td><Group gap="xs" wrap="nowrap"><Badge variant="light" tt="none" color={states[g.state].color}>{states[g.state].text}</Badge>{g.sip_status && <Text size="sm">{g.sip_status}</Text>}{g.state === 'up' && g.latency_ms !== null && <Text size="sm" c="dimmed">{t('{ms} ms', { ms: g.latency_ms })}</Text>}</Group></Table.Td>
                  <Table.Td>
                    <Text size="sm">{registration(g)}</Text>
                    {g.problem && <Text size="sm">{g.problem}</Text>}
                  </Table.Td>
                  <Table.Td><Text size="sm" c="dimmed">{g.checked_at ? moment(g.checked_at) : ''}</Text></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Stack>
  )
}
