import { Alert, Button, Paper, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiError, api, list, type Row } from './api'
import { Fields } from './SchemaForm'
import { RecordList } from './calls'

export function Dashboard() {
  const calls = useQuery({ queryKey: ['calls', 'recent'], queryFn: () => list('/calls?limit=200'), refetchInterval: 5000 })
  const rows = calls.data?.data ?? []
  const today = rows.filter((c) => new Date(String(c.started_at)).toDateString() === new Date().toDateString())
  const more = calls.data?.next_cursor && today.length === rows.length ? '+' : ''
  const facts: [string, string][] = [
    ['Live now', String(rows.filter((c) => c.status === 'active').length)],
    ['Calls today', `${today.length}${more}`],
    ['Connected today', `${today.filter((c) => c.connected_at).length}${more}`],
    ['Converted today', `${today.filter((c) => c.converted).length}${more}`],
  ]
  return (
    <Stack>
      <Title order={2}>Dashboard</Title>
      <SimpleGrid cols={{ base: 2, md: 4 }}>{facts.map(([label, value]) => <Paper withBorder p="md" key={label}><Text size="sm" c="dimmed">{label}</Text><Text size="xl" fw={700}>{value}</Text></Paper>)}</SimpleGrid>
      {calls.isSuccess && rows.length === 0 && <Paper withBorder p="xl"><Text fw={600}>No calls yet</Text><Text c="dimmed">Give a number to a campaign, let a trunk in under Settings, and call it.</Text></Paper>}
      <Link to="/calls">All calls</Link>
    </Stack>
  )
}

const organizationSchema = { type: 'object', required: ['name'], properties: {
  name: { type: 'string', description: 'Name for people.' }, currency: { type: 'string', description: 'ISO 4217, such as USD.' }, region: { type: 'string', description: 'Country (ISO 3166) that numbers without a country code are read as.' },
  dial_policy: { type: 'object', properties: { sip_uris: { type: 'boolean', description: 'Call flows may dial any SIP URI.' }, numbers: { type: 'boolean', description: 'Call flows may dial any number over a trunk.' } } },
} }

export function Organization() {
  const q = useQuery({ queryKey: ['organization'], queryFn: async () => (await api<Row>('GET', '/organization')).data, refetchOnWindowFocus: false })
  const [value, setValue] = useState<Record<string, unknown>>({})
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    if (q.data) setValue(q.data)
  }, [q.data])
  const save = async () => {
    try {
      setError(null)
      await api('PATCH', '/organization', value)
      notifications.show({ message: 'Organization saved' })
    } catch (e) {
      if (e instanceof ApiError) setError(e)
    }
  }
  return (
    <Stack maw={520}>
      <Title order={2}>Organization</Title>
      {error && <Alert color="red" title={error.problem.title}>{error.problem.errors ? '' : error.message}</Alert>}
      <Fields schema={organizationSchema} value={value} onChange={(v) => setValue(v as Record<string, unknown>)} pointer="" errors={(p) => error?.at(p)} />
      <Button w="fit-content" onClick={save}>Save</Button>
    </Stack>
  )
}

export const AuditLog = () => <RecordList title="Audit log" path="/audit-log" open={() => '/settings/audit-log'} teaches="Every change by a user or key is kept here." columns={[['When', 'created_at'], ['Who', 'actor'], ['Action', 'action'], ['What', 'resource_id']]} />
