// List and form of any kind of configuration, from the API's schema.
import { Badge, Button, Group, Kbd, Menu, Popover, Select, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue, useHotkeys } from '@mantine/hooks'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { ColumnMenu, DataTable, RowMenu, useColumns, type Column } from './DataTable'
import { Delete, nameOf } from './Delete'
import type { Row } from './api'
import { ResourcePicker } from './Picker'
import { useShow } from './Value'
import type { Kind } from './kinds'
import { isType, optionsOf, titleOf, useSchema, type Schema } from './schema'
import { moment } from './calls/fields'
import { useMay } from './session'
import { t } from './text'
import { useUrl, type Url } from './url'
import { useRows } from './useRows'

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
            ? <ResourcePicker key={name} kind={s['x-kind']} label={titleOf(name, s)} placeholder={t('Any')} value={url[name] ?? null} onChange={(v) => set({ [name]: v ?? undefined })} />
            : <Select key={name} clearable label={titleOf(name, s)} placeholder={t('Any')} comboboxProps={{ withinPortal: false }} value={url[name] ?? null} onChange={(v) => set({ [name]: v ?? undefined })}
                data={isType(s, 'boolean') ? [{ value: 'true', label: t('Yes') }, { value: 'false', label: t('No') }] : optionsOf(s)} />)}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

interface ListProps {
  kind: Kind
  head?: ReactNode
  more?: (row: Row) => ReactNode // entries of a row's menu
}

const isWhole = (key: string, s: Schema | undefined) =>
  key.endsWith('_at') || (!!s && (s.format === 'e164' || !!s.enum || isType(s, 'boolean')))

export function ResourceList({ kind, head, more }: ListProps) {
  const [url, set] = useUrl()
  const navigate = useNavigate()
  const schema = useSchema(kind.schema)
  const mayCreate = useMay(kind.adminOnly ? 'admin' : 'manager')
  const [search, setSearch] = useState(url.search ?? '')
  const [late] = useDebouncedValue(search, 200)
  const [deleting, setDeleting] = useState<Row | null>(null)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (late !== (url.search ?? '')) set({ search: late || undefined })
  }, [late]) // eslint-disable-line react-hooks/exhaustive-deps
  useHotkeys([['/', () => input.current?.focus()], ...(head || !mayCreate ? [] : ([['n', () => void navigate({ to: `${kind.page}/new` })]] as [string, () => void][]))])
  const properties = Object.entries(schema?.properties ?? {})
  const fields = properties.filter(([, s]) => isType(s, 'boolean') || s.enum || s['x-kind'])
  const show = useShow()
  const asked = Object.fromEntries(Object.entries(url).filter(([k]) => k === 'sort' || k === 'search' || fields.some(([f]) => f === k)))
  const { query, rows } = useRows([kind.path, 'list', JSON.stringify(asked)], `/${kind.path}?${new URLSearchParams({ limit: '50', ...asked })}`)
  const keys = [...new Set([...kind.columns, ...properties.filter(([name, s]) => !isType(s, 'object') && !s.properties && !['id', 'draft', 'key', 'secret'].includes(name)).map(([name]) => name), 'created_at', 'updated_at'])]
  const columns: Column[] = keys.map((key) => ({
    key, label: titleOf(key, schema?.properties?.[key]), sort: sortable.includes(key) || key === kind.columns[0], hidden: !kind.columns.includes(key), whole: isWhole(key, schema?.properties?.[key]),
    show: (r) => key.endsWith('_at') ? moment(r[key]) : key === 'execution_mode' ? <Badge variant="light" tt="none">{show(r[key], schema?.properties?.[key])}</Badge> : key === 'published_version' ? (r[key] ? String(r[key]) : t('not published')) : show(r[key], schema?.properties?.[key]),
  }))
  const [shown, setShown] = useColumns(kind.path, columns)
  const byName = kind.columns[0] // the API sorts by what stands for the name
  const narrowed = !!url.search || fields.some(([f]) => url[f])
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={2}>{kind.title}</Title>
        {head ?? (mayCreate && <Button component={Link} to={`${kind.page}/new`}>{kind.create}</Button>)}
      </Group>
      <Group>
        <TextInput ref={input} aria-label={t('Search')} placeholder={t('Search by name')} rightSection={<Kbd size="xs">/</Kbd>} value={search} onChange={(e) => setSearch(e.currentTarget.value)} style={{ flex: '1 1 200px' }} maw={320} />
        {fields.length > 0 && <Narrow fields={fields} url={url} set={set} />}
        <ColumnMenu columns={columns} shown={shown} onChange={setShown} />
      </Group>
      <DataTable columns={columns} shown={shown} rows={rows} query={query} open={(r) => `${kind.page}/${r.id}`} sort={url.sort?.replace('name', byName)} onSort={(key) => set({ sort: key.replace(byName, 'name') })}
        empty={narrowed ? <Text fw={600}>{t('No results match your filters')}</Text> : <><Text fw={600}>{kind.none}</Text><Text c="dimmed">{kind.teaches}</Text></>}
        actions={(r) => (
          <RowMenu name={nameOf(r)}>
            <Menu.Item
              onClick={() => void navigate({ to: `${kind.page}/${r.id}` })}
            >{t('Open')}</Menu.Item>
            {mayCreate && more?.(r)}
            {mayCreate && <Menu.Item color="red" onClick={() => setDeleting(r)}>{t('Delete')}</Menu.Item>}
          </RowMenu>
        )} />
      {deleting && <Delete kind={kind} row={deleting} onClose={() => setDeleting(null)} />}
    </Stack>
  )
}
