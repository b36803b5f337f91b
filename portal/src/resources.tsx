// List and form of any kind of configuration, from the API's schema.
import { Alert, Badge, Button, Group, Kbd, Menu, Popover, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue, useHotkeys } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { ColumnMenu, DataTable, RowMenu, useColumns, type Column } from './DataTable'
import { Copyable } from './Copyable'
import { Attached, Clone } from './Clone'
import { Delete, nameOf } from './Delete'
import { DniSnippet, NumberPool } from './Dni'
import { ApiError, api, type Row } from './api'
import { IncomingWebhook, UntakenFields } from './Incoming'
import { OutgoingHealth, OutgoingWebhook } from './Outgoing'
import { PhoneStatus } from './Phone'
import { InboundRtb, MappingTester, RtbTarget } from './Rtb'
import { Capacity, Explain } from './Routing'
import { TestCall } from './TestCall'
import { TrunkStatus } from './Trunk'
import { Presets } from './Presets'
import { PromptAudio } from './Prompt'
import { Fields, ResourcePicker } from './SchemaForm'
import type { Kind } from './kinds'
import { isType, useSchema, type Schema } from './schema'
import { t } from './text'
import { toast } from './toast'
import { useUrl, type Url } from './url'
import { useNamed } from './useNamed'
import { useRows } from './useRows'
import { label, words } from './words'

const show = (v: unknown): string => (v == null ? '–' : typeof v === 'boolean' ? (v ? t('yes') : t('no')) : Array.isArray(v) ? v.join(', ') || '–' : typeof v === 'object' ? JSON.stringify(v) : String(v))
const sortable = ['updated_at', 'created_at']

// What a list can be narrowed by: the kind's own fields of few values.
function Narrow({ fields, url, set }: { fields: [string, Schema][]; url: Url; set: (next: Record<string, string | undefined>) => void }) {
  const given = fields.filter(([name]) => url[name])
  return (
    <Popover width={280} position="bottom-end" shadow="md">
      <Popover.Target><Button variant={given.length ? 'light' : 'default'}>{given.length ? t('Filter ({count})', { count: given.length }) : t('Filter')}</Button></Popover.Target>
      <Popover.Dropdown>
        <Stack gap="sm">
          {fields.map(([name, s]) => s['x-kind']
            ? <ResourcePicker key={name} kind={s['x-kind']} label={label(name)} value={url[name] ?? null} onChange={(v) => set({ [name]: v ?? undefined })} />
            : <Select key={name} clearable label={label(name)} placeholder={t('Any')} comboboxProps={{ withinPortal: false }} value={url[name] ?? null} onChange={(v) => set({ [name]: v ?? undefined })}
                data={isType(s, 'boolean') ? [{ value: 'true', label: t('yes') }, { value: 'false', label: t('no') }] : (s.enum ?? []).filter((e): e is string => e !== null).map((e) => ({ value: e, label: words(e) }))} />)}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

export function ResourceList({ kind, head }: { kind: Kind; head?: ReactNode }) {
  const [url, set] = useUrl()
  const navigate = useNavigate()
  const schema = useSchema(kind.schema)
  const [search, setSearch] = useState(url.search ?? '')
  const [late] = useDebouncedValue(search, 200)
  const [deleting, setDeleting] = useState<Row | null>(null)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (late !== (url.search ?? '')) set({ search: late || undefined })
  }, [late]) // eslint-disable-line react-hooks/exhaustive-deps
  useHotkeys([['/', () => input.current?.focus()], ...(head ? [] : ([['n', () => void navigate({ to: `${kind.page}/new` })]] as [string, () => void][]))])
  const properties = Object.entries(schema?.properties ?? {})
  const fields = properties.filter(([, s]) => isType(s, 'boolean') || s.enum || s['x-kind'])
  const named = useNamed([...new Set(properties.map(([, s]) => s['x-kind']).filter((k): k is string => !!k))])
  const asked = Object.fromEntries(Object.entries(url).filter(([k]) => k === 'sort' || k === 'search' || fields.some(([f]) => f === k)))
  const { query, rows } = useRows([kind.path, 'list', JSON.stringify(asked)], `/${kind.path}?${new URLSearchParams({ limit: '50', ...asked })}`)
  const keys = [...new Set([...kind.columns, ...properties.filter(([name, s]) => !isType(s, 'object') && !s.properties && !['id', 'draft', 'key', 'secret'].includes(name)).map(([name]) => name), 'created_at', 'updated_at'])]
  const columns: Column[] = keys.map((key) => ({
    key, label: label(key), sort: sortable.includes(key) || key === kind.columns[0], hidden: !kind.columns.includes(key),
    show: (r) => key.endsWith('_at') ? new Date(String(r[key])).toLocaleString() : key === 'execution_mode' ? <Badge variant="light">{words(show(r[key]))}</Badge> : key === 'published_version' ? (r[key] ? String(r[key]) : t('not published')) : key.endsWith('_id') ? (named(r[key]) ?? show(r[key])) : show(r[key]),
  }))
  const [shown, setShown] = useColumns(kind.path, columns)
  const byName = kind.columns[0] // the API sorts by what stands for the name
  const narrowed = !!url.search || fields.some(([f]) => url[f])
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{kind.title}</Title>
        {head ?? <Button component={Link} to={`${kind.page}/new`}>{t('New {kind}', { kind: kind.one })}</Button>}
      </Group>
      <Group>
        <TextInput ref={input} aria-label={t('Search')} placeholder={t('Search by name')} rightSection={<Kbd size="xs">/</Kbd>} value={search} onChange={(e) => setSearch(e.currentTarget.value)} style={{ flex: '1 1 200px' }} maw={320} />
        {fields.length > 0 && <Narrow fields={fields} url={url} set={set} />}
        <ColumnMenu columns={columns} shown={shown} onChange={setShown} />
      </Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={(r) => `${kind.page}/${r.id}`} sort={url.sort?.replace('name', byName)} onSort={(key) => set({ sort: key.replace(byName, 'name') })}
        empty={narrowed ? <Text fw={600}>{t('Nothing here is like that')}</Text> : <><Text fw={600}>{t('No {kinds} yet', { kinds: kind.title.toLowerCase() })}</Text><Text c="dimmed">{kind.teaches}</Text></>}
        actions={(r) => <RowMenu name={nameOf(r)}><Menu.Item onClick={() => void navigate({ to: `${kind.page}/${r.id}` })}>{t('Open')}</Menu.Item><Menu.Item color="red" onClick={() => setDeleting(r)}>{t('Delete')}</Menu.Item></RowMenu>} />
      {deleting && <Delete kind={kind} row={deleting} onClose={() => setDeleting(null)} />}
    </Stack>
  )
}

// only: some of its fields, where a page shows it in parts; the first part has what belongs to the whole.
export function ResourceForm({ kind, id, only }: { kind: Kind; id: string; only?: (field: string) => boolean }) {
  const isNew = id === 'new', isWhole = !only || only('name')
  const whole = useSchema(`${kind.schema}Input`)
  const schema = useMemo(() => whole && { ...whole, properties: Object.fromEntries(Object.entries(whole.properties ?? {}).filter(([name]) => !only || only(name))) }, [whole, only])
  const client = useQueryClient()
  const navigate = useNavigate()
  const loaded = useQuery({ queryKey: [kind.path, 'one', id], queryFn: () => api<Row>('GET', `/${kind.path}/${id}${kind.path === 'incoming-webhooks' ? '?reveal=false' : ''}`), enabled: !isNew, refetchOnWindowFocus: false })
  const [value, setValue] = useState<Record<string, unknown>>({})
  const [error, setError] = useState<ApiError | null>(null)
  const [made, setMade] = useState<Row | null>(null)
  const [deleting, setDeleting] = useState(false)
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
  const save = (more: Record<string, unknown> = {}) => run(async () => {
    const before = loaded.data?.data
    const { data, etag } = isNew ? await api<Row>('POST', `/${kind.path}`, { ...value, ...more }) : await api<Row>('PATCH', `/${kind.path}/${id}`, { ...value, ...more }, { 'if-match': loaded.data!.etag })
    const own = Object.entries(schema!.properties ?? {}).filter(([, s]) => !s.readOnly && !s.writeOnly).map(([name]) => name)
    toast(t('{kind} saved', { kind: kind.one }), before && (async () => {
      await api('PATCH', `/${kind.path}/${id}`, Object.fromEntries(own.map((k) => [k, before[k] ?? null])), { 'if-match': etag })
      await client.invalidateQueries({ queryKey: [kind.path] })
      toast(t('It is as it was'))
    }))
    if (isNew && kind.path === 'incoming-webhooks') client.setQueryData(['incoming-webhooks', 'revealed', data.id], data)
    if (isNew && kind.path !== 'incoming-webhooks' && (data.secret || data.key)) setMade(data)
    else if (isNew || !only) await navigate({ to: isNew ? `${kind.page}/${data.id}` : kind.page })
  })
  if (made) {
    return (
      <Stack maw={640}>
        <Title order={2}>{kind.one}{' '}{t('made')}</Title>
        <Alert color="yellow" title={t('Copy this now')}>{t('It is shown this once and cannot be read again.')}</Alert>
        <Copyable label={made.secret ? t('Signing secret') : t('API key')} value={String(made.secret ?? made.key)} />
        <Button w="fit-content" component={Link} to={kind.page}>{t('Done')}</Button>
      </Stack>
    )
  }
  if (!schema || (!isNew && !loaded.data)) return loaded.error ? <Alert color="red">{loaded.error.message}</Alert> : <Text c="dimmed">{t('Loading…')}</Text>
  return (
    <Stack maw={720}>
      <Title order={2}>{isNew ? t('New {one}', { one: kind.one }) : String(loaded.data?.data.name ?? loaded.data?.data.number ?? loaded.data?.data.email)}</Title>
      {error && <Alert color="red" title={error.problem.title}>{error.problem.errors?.filter((e) => !e.pointer).map((e) => <div key={e.detail}>{e.detail}</div>)}{!error.problem.errors && error.message}</Alert>}
      {kind.path === 'outgoing-webhooks' && loaded.data && <OutgoingHealth webhook={loaded.data.data} />}
      {kind.path === 'inbound-rtb' && loaded.data && <InboundRtb endpoint={loaded.data.data} />}
      {kind.path === 'number-pools' && loaded.data && <NumberPool pool={loaded.data.data} />}
      {kind.path === 'dni-snippets' && loaded.data && <DniSnippet snippet={loaded.data.data} />}
      {kind.path === 'incoming-webhooks' && loaded.data && <IncomingWebhook webhook={loaded.data.data} />}
      {kind.path === 'targets' && (loaded.data?.data.destination as { type?: string } | undefined)?.type === 'phone' && loaded.data && <PhoneStatus target={loaded.data.data} />}
      {['targets', 'rtb-targets'].includes(kind.path) && loaded.data && <Capacity path={kind.path} target={loaded.data.data} />}
      {kind.path === 'trunks' && loaded.data && <TrunkStatus trunk={loaded.data.data} />}
      {isNew && kind.path === 'outgoing-webhooks' && <Presets onTake={setValue} />}
      <form noValidate onSubmit={(e) => { e.preventDefault(); void save() }}>
        <Stack>
          <Fields schema={schema} value={value} onChange={(v) => setValue(v as Record<string, unknown>)} pointer="" errors={(p) => error?.at(p)} after={kind.path === 'rtb-targets' ? { response: <MappingTester key={id} id={id} response={value.response} onResponse={(response) => setValue((v) => ({ ...v, response }))} saved={loaded.data?.data} /> } : undefined} />
          <Group>
            <Button type="submit">{t('Save')}</Button>
            {kind.path === 'outgoing-webhooks' && value.enabled === false && <Button variant="light" onClick={() => void save({ enabled: true })}>{t('Save and activate')}</Button>}
            {kind.path === 'campaigns' && isWhole && loaded.data && <Clone campaign={loaded.data.data} />}
            {!isNew && isWhole && <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>{t('Delete')}</Button>}
          </Group>
        </Stack>
      </form>
      {kind.path === 'campaigns' && isWhole && loaded.data && <Attached campaign={loaded.data.data} />}
      {kind.path === 'outgoing-webhooks' && loaded.data && <OutgoingWebhook webhook={loaded.data.data} />}
      {kind.path === 'incoming-webhooks' && loaded.data && <UntakenFields webhook={loaded.data.data} />}
      {kind.path === 'rtb-targets' && loaded.data && <RtbTarget target={loaded.data.data} />}
      {kind.path === 'routing-plans' && loaded.data && <Explain plan={loaded.data.data} />}
      {kind.path === 'numbers' && Boolean(loaded.data?.data.campaign_id) && loaded.data && <TestCall number={String(loaded.data.data.number)} />}
      {kind.path === 'prompts' && loaded.data && <PromptAudio prompt={loaded.data.data} />}
      {deleting && loaded.data && <Delete kind={kind} row={loaded.data.data} onClose={() => setDeleting(false)} onDeleted={() => void navigate({ to: kind.page })} />}
    </Stack>
  )
}
