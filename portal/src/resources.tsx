// List and form of any kind of configuration, from the API's schema.
import { Alert, Badge, Button, Code, CopyButton, Group, Paper, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { ApiError, api, type Row } from './api'
import { Fields } from './SchemaForm'
import { useSchema } from './schema'
import { useRows } from './useRows'

export interface Kind {
  title: string
  one: string
  path: string // of the API
  page: string // of the portal
  schema: string
  columns: string[]
  teaches: string
}

const show = (v: unknown): string => (v == null ? '–' : typeof v === 'boolean' ? (v ? 'yes' : 'no') : Array.isArray(v) ? v.join(', ') || '–' : typeof v === 'object' ? JSON.stringify(v) : String(v))

export function ResourceList({ kind }: { kind: Kind }) {
  const [search, setSearch] = useState('')
  const navigate = useNavigate()
  const { query: q, rows } = useRows([kind.path, search], `/${kind.path}?limit=50&search=${encodeURIComponent(search)}`)
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{kind.title}</Title>
        <Button component={Link} to={`${kind.page}/new`}>New {kind.one}</Button>
      </Group>
      <TextInput aria-label="Search" placeholder="Search by name" value={search} onChange={(e) => setSearch(e.currentTarget.value)} maw={320} />
      {q.error && <Alert color="red" title="This could not be loaded">{q.error.message}</Alert>}
      {q.isSuccess && rows.length === 0 ? (
        <Paper withBorder p="xl"><Text fw={600}>{search ? 'Nothing has this name' : `No ${kind.title.toLowerCase()} yet`}</Text><Text c="dimmed">{kind.teaches}</Text></Paper>
      ) : (
        <Table.ScrollContainer minWidth={500}>
          <Table highlightOnHover verticalSpacing="sm">
            <Table.Thead><Table.Tr>{kind.columns.map((c) => <Table.Th key={c}>{c.replaceAll('_', ' ')}</Table.Th>)}</Table.Tr></Table.Thead>
            <Table.Tbody>
              {rows.map((r) => (
                <Table.Tr key={r.id} style={{ cursor: 'pointer' }} onClick={() => navigate({ to: `${kind.page}/${r.id}` })}>
                  {kind.columns.map((c, i) => <Table.Td key={c}>{i === 0 ? <Link to={`${kind.page}/${r.id}`}>{show(r[c])}</Link> : c === 'execution_mode' ? <Badge variant="light">{show(r[c]).replace('_', ' ')}</Badge> : show(r[c])}</Table.Td>)}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {q.hasNextPage && <Button variant="default" w="fit-content" onClick={() => q.fetchNextPage()}>Load more</Button>}
    </Stack>
  )
}

function Copyable({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="sm" fw={500}>{label}</Text>
      <Group wrap="nowrap"><Code style={{ overflowWrap: 'anywhere' }}>{value}</Code><CopyButton value={value}>{({ copied, copy }) => <Button size="compact-xs" variant="light" onClick={copy}>{copied ? 'Copied' : 'Copy'}</Button>}</CopyButton></Group>
    </div>
  )
}

export function ResourceForm({ kind, id }: { kind: Kind; id: string }) {
  const isNew = id === 'new'
  const schema = useSchema(`${kind.schema}Input`)
  const client = useQueryClient()
  const navigate = useNavigate()
  const loaded = useQuery({ queryKey: [kind.path, 'one', id], queryFn: () => api<Row>('GET', `/${kind.path}/${id}`), enabled: !isNew, refetchOnWindowFocus: false })
  const [value, setValue] = useState<Record<string, unknown>>({})
  const [error, setError] = useState<ApiError | null>(null)
  const [made, setMade] = useState<Row | null>(null)
  useEffect(() => {
    if (loaded.data) setValue(loaded.data.data)
  }, [loaded.data])
  const run = async (what: () => Promise<void>) => {
    try {
      setError(null)
      await what()
      await client.invalidateQueries({ queryKey: [kind.path] })
    } catch (e) {
      if (e instanceof ApiError) setError(e)
      else throw e
    }
  }
  const save = () => run(async () => {
    const { data } = isNew ? await api<Row>('POST', `/${kind.path}`, value) : await api<Row>('PATCH', `/${kind.path}/${id}`, value, { 'if-match': loaded.data!.etag })
    notifications.show({ message: `${kind.one} saved` })
    if (isNew && kind.path !== 'incoming-webhooks' && (data.secret || data.key)) setMade(data)
    else await navigate({ to: isNew ? `${kind.page}/${data.id}` : kind.page })
  })
  const remove = () => run(async () => {
    await api('DELETE', `/${kind.path}/${id}`)
    notifications.show({ message: `${kind.one} deleted` })
    await navigate({ to: kind.page })
  })
  if (made) {
    return (
      <Stack maw={640}>
        <Title order={2}>{kind.one} made</Title>
        <Alert color="yellow" title="Copy this now">It is shown this once and cannot be read again.</Alert>
        <Copyable label={made.secret ? 'Signing secret' : 'API key'} value={String(made.secret ?? made.key)} />
        <Button w="fit-content" component={Link} to={kind.page}>Done</Button>
      </Stack>
    )
  }
  if (!schema || (!isNew && !loaded.data)) return loaded.error ? <Alert color="red">{loaded.error.message}</Alert> : <Text c="dimmed">Loading…</Text>
  const url = loaded.data?.data.url
  return (
    <Stack maw={720}>
      <Title order={2}>{isNew ? `New ${kind.one}` : String(loaded.data?.data.name ?? loaded.data?.data.number ?? loaded.data?.data.email)}</Title>
      {error && <Alert color="red" title={error.problem.title}>{error.problem.errors?.filter((e) => !e.pointer).map((e) => <div key={e.detail}>{e.detail}</div>)}{!error.problem.errors && error.message}</Alert>}
      {kind.path === 'incoming-webhooks' && typeof url === 'string' && <Copyable label="Send data to this URL" value={url} />}
      {kind.path === 'incoming-webhooks' && typeof url === 'string' && <Copyable label="Try it" value={`curl -X POST '${url}' -H 'Content-Type: application/json' -d '{"caller_id":"+15125550100","state":"TX"}'`} />}
      <form noValidate onSubmit={(e) => { e.preventDefault(); void save() }}>
        <Stack>
          <Fields schema={schema} value={value} onChange={(v) => setValue(v as Record<string, unknown>)} pointer="" errors={(p) => error?.at(p)} />
          <Group><Button type="submit">Save</Button>{!isNew && <Button variant="subtle" color="red" onClick={remove}>Delete</Button>}</Group>
        </Stack>
      </form>
    </Stack>
  )
}
