import { Alert, Button, FileButton, Group, Paper, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, api, list, type Row } from '../api'

export function FlowList() {
  const [name, setName] = useState('')
  const [error, setError] = useState('')
  const navigate = useNavigate()
  const q = useQuery({ queryKey: ['call-flows', 'list'], queryFn: () => list('/call-flows?limit=200') })
  const make = async () => {
    try {
      const { data } = await api<Row>('POST', '/call-flows', { name })
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      setError(e instanceof ApiError ? (e.at('/name') ?? e.message) : String(e))
    }
  }
  const [refused, setRefused] = useState<{ pointer: string; detail: string }[]>([])
  const importFile = async (file: File | null) => {
    if (!file) return
    try {
      const { data } = await api<Row>('POST', '/call-flows/import', JSON.parse(await file.text()))
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      setRefused(e instanceof ApiError ? (e.problem.errors ?? [{ pointer: '', detail: e.message }]) : [{ pointer: '', detail: `${file.name} is not JSON` }])
    }
  }
  return (
    <Stack>
      <Group justify="space-between"><Title order={2}>Call flows</Title><FileButton accept="application/json,.json" onChange={importFile}>{(props) => <Button variant="default" {...props}>Import</Button>}</FileButton></Group>
      {refused.length > 0 && <Alert color="red" title="The file was not imported" withCloseButton onClose={() => setRefused([])}>{refused.map((e) => <Text size="sm" key={e.pointer}>{e.pointer} {e.detail}</Text>)}</Alert>}
      <form onSubmit={(e) => { e.preventDefault(); void make() }}><Group align="flex-start"><TextInput aria-label="Name of the new call flow" placeholder="Name of a new call flow" value={name} error={error} onChange={(e) => { setName(e.currentTarget.value); setError('') }} /><Button type="submit" disabled={!name.trim()}>New call flow</Button></Group></form>
      {q.data?.data.length === 0 ? <Paper withBorder p="xl"><Text fw={600}>No call flows yet</Text><Text c="dimmed">A call flow is logic you draw once and use in any number of campaigns. Name one above to begin.</Text></Paper> : (
        <Table highlightOnHover verticalSpacing="sm"><Table.Thead><Table.Tr><Table.Th>Name</Table.Th><Table.Th>Published version</Table.Th></Table.Tr></Table.Thead>
          <Table.Tbody>{q.data?.data.map((f) => <Table.Tr key={f.id}><Table.Td><Link to={`/data/call-flows/${f.id}`}>{String(f.name)}</Link></Table.Td><Table.Td>{f.published_version ? String(f.published_version) : 'not published'}</Table.Td></Table.Tr>)}</Table.Tbody></Table>
      )}
    </Stack>
  )
}
