// The call log: its filters, saved views, and the calls as a file.
import { Button, Group, Menu, Modal, Paper, Progress, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo, useRef, useState } from 'react'
import { ColumnMenu, DataTable, useColumns, type Column } from '../DataTable'
import { Delete } from '../Delete'
import { FilterEditor, type Filter } from '../Filter'
import { ListTitle } from '../ListTitle'
import { ResourcePicker } from '../Picker'
import { ApiError, api, list, type Row } from '../api'
import { csvLine, downloadCsv } from '../csv'
import { useNames } from '../names'
import { reasonOf } from '../reasons'
import { t } from '../text'
import { complain, toast } from '../toast'
import { useUrl, type Url } from '../url'
import { useNamed } from '../useNamed'
import { useRows } from '../useRows'
import { said, sentence } from '../words'
import { callColumns } from './fields'

const asked = ['days', 'from', 'to', 'campaign_id', 'publisher_id', 'target_id', 'status', 'caller_id', 'filter']
const periods = [{ value: '1', label: t('Last 24 hours') }, { value: '7', label: t('Last 7 days') }, { value: '30', label: t('Last 30 days') }]

// The parameters of GET /calls that the address asks for. "days" goes back from now.
function parameters(url: Url, minute: number): Record<string, string> {
  const { days, ...rest } = Object.fromEntries(Object.entries(url).filter(([k, v]) => asked.includes(k) && v))
  return days ? { ...rest, from: new Date((minute - Number(days) * 1440) * 60_000).toISOString() } : rest
}

function Export({ query, columns, onClose }: { query: Record<string, string>; columns: Column[]; onClose: () => void }) {
  const [count, setCount] = useState(0)
  const [share, setShare] = useState<number | null>(null) // of the period
  const [running, setRunning] = useState(false)
  const stop = useRef(false)
  const value = (r: Row, key: string) => {
    const v = key.startsWith('tag.') ? (r.tags as Record<string, unknown> | undefined)?.[key.slice(4)] : r[key]
    return v == null ? '' : String(v)
  }
  const run = async () => {
    const keys = columns.map((c) => c.key)
    const parts = [csvLine(keys)]
    setRunning(true)
    try {
      let first = 0
      for (let cursor = '', n = 0; !stop.current; ) {
        const page = await list(`/calls?${new URLSearchParams({ ...query, include: 'tags', limit: '1000', ...(cursor ? { cursor } : {}) })}`)
        parts.push(page.data.map((r) => csvLine(keys.map((k) => value(r, k)))).join(''))
        setCount((n += page.data.length))
        const last = page.data.at(-1)
        first ||= page.data[0] ? Date.parse(String(page.data[0].started_at)) : 0
        if (query.from && last) setShare((first - Date.parse(String(last.started_at))) / Math.max(1, first - Date.parse(query.from)))
        if (!page.next_cursor) {
          downloadCsv(`calls-${new Date().toISOString().slice(0, 10)}.csv`, parts)
          toast(t('{count} calls are in the file', { count: n }))
          break
        }
        cursor = page.next_cursor
      }
    } catch (e) {
      complain(e)
    }
    onClose()
  }
  const close = () => {
    stop.current = true
    onClose()
  }
  return (
    <Modal opened onClose={close} title={t('Download calls as CSV')}>
      <Stack>
        <Text size="sm">{t('All calls that match the filters, with the columns shown.')}</Text>
        {running && <><Progress value={share === null ? 100 : Math.round(100 * share)} animated aria-label={t('Progress')} /><Text size="sm" role="status">{t('{count} calls so far', { count })}</Text></>}
        <Group justify="flex-end"><Button variant="default" onClick={close}>{t('Cancel')}</Button><Button disabled={running} onClick={() => void run()}>{t('Download CSV')}</Button></Group>
      </Stack>
    </Modal>
  )
}

interface View extends Row {
  query: Record<string, string>
  columns: string[]
}

function Views({ url, set, shown, onShown }: { url: Url; set: (next: Record<string, string | undefined>) => void; shown: string[]; onShown: (keys: string[]) => void }) {
  const client = useQueryClient()
  const views = useQuery({ queryKey: ['saved-views'], queryFn: async () => (await list('/saved-views?sort=name&limit=1000')).data as View[] })
  const [naming, { open, close }] = useDisclosure()
  const [deleting, setDeleting] = useState(false)
  const [name, setName] = useState('')
  const [error, setError] = useState('')
  const now = views.data?.find((v) => v.id === url.view)
  const query = Object.fromEntries(Object.entries(url).filter(([k, v]) => asked.includes(k) && v))
  const nothing = Object.fromEntries(asked.map((k) => [k, undefined]))
  const pick = (id: string | null) => {
    const view = views.data?.find((v) => v.id === id)
    set({ ...nothing, view: view?.id, ...view?.query })
    if (view?.columns.length) onShown(view.columns)
  }
  const save = async (id?: string) => {
    try {
      const { data } = id ? await api<Row>('PATCH', `/saved-views/${id}`, { query: { ...Object.fromEntries(Object.keys(now?.query ?? {}).map((k) => [k, null])), ...query }, columns: shown }) : await api<Row>('POST', '/saved-views', { name, query, columns: shown })
      await client.invalidateQueries({ queryKey: ['saved-views'] })
      set({ view: data.id })
      close()
      toast(t('View saved'))
    } catch (e) {
      if (e instanceof ApiError && !id) setError(e.at('/name') ? sentence(e.at('/name')!) : reasonOf(e))
      complain(e)
    }
  }
  return (
    <>
      <Select aria-label={t('Saved view')} placeholder={t('Saved views')} clearable data={(views.data ?? []).map((v) => ({ value: v.id, label: String(v.name) }))} value={now?.id ?? null} onChange={pick} nothingFoundMessage={t('No saved views yet')} />
      <Menu><Menu.Target><Button variant="default">{t('View')}</Button></Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => { setName(''); setError(''); open() }}>{t('Save as a new view')}</Menu.Item>
          {now && <Menu.Item onClick={() => void save(now.id)}>{t('Save into {name}', { name: now.name })}</Menu.Item>}
          {now && <Menu.Item color="red" onClick={() => setDeleting(true)}>{t('Delete {name}', { name: now.name })}</Menu.Item>}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={naming} onClose={close} title={t('Save this view')}>
        <form onSubmit={(e) => { e.preventDefault(); void save() }}><Stack>
          <Text size="sm">{t('Saves the filters and columns for everyone in the organization.')}</Text>
          <TextInput label={t('Name')} required value={name} error={error} onChange={(e) => { setName(e.currentTarget.value); setError('') }} data-autofocus />
          <Button type="submit">{t('Save')}</Button>
        </Stack></form>
      </Modal>
      {deleting && now && <Delete kind={{ path: 'saved-views' }} row={now} onClose={() => setDeleting(false)} onDeleted={() => set({ view: undefined })} />}
    </>
  )
}

function Segment({ filter, problem, onApply }: { filter: Filter; problem: ApiError | null; onApply: (f: Filter | null) => void }) {
  const [value, setValue] = useState<Filter>(filter)
  return (
    <Paper withBorder p="md">
      <form onSubmit={(e) => { e.preventDefault(); onApply(value.rules?.length ? value : null) }}><Stack gap="sm">
        <Text size="sm" c="dimmed">{t('Rules on tags, the call, the caller’s number and the time, as in flows and webhooks.')}</Text>
        <FilterEditor value={value} onChange={setValue} pointer="" errors={(p) => problem?.at(`filter${p}`)} />
        <Group><Button type="submit">{t('Show these calls')}</Button><Button variant="subtle" onClick={() => { setValue({}); onApply(null) }}>{t('Clear')}</Button></Group>
      </Stack></form>
    </Paper>
  )
}

const parsed = (text: string | undefined): Filter => {
  try {
    return text ? JSON.parse(text) : {}
  } catch {
    return {}
  }
}

// A time of the viewer's zone, as the table has them; the address has it in UTC.
function Instant({ label, value, onChange }: {
  label: string
  value?: string
  onChange: (value?: string) => void
}) {
  const at = value ? new Date(value) : null
  const local = at && !Number.isNaN(at.getTime())
    ? new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : ''
  return (
    <TextInput
      type="datetime-local" label={label} value={local}
      onChange={({ currentTarget: { value: typed } }) =>
        onChange(typed ? new Date(typed).toISOString() : undefined)}
    />
  )
}

export function Calls() {
  const [url, set] = useUrl()
  const { tags } = useNames()
  const named = useNamed()
  const columns = callColumns(tags, named)
  const [shown, onShown] = useColumns('calls', columns)
  const [segment, { toggle }] = useDisclosure(!!url.filter)
  const [exporting, setExporting] = useState(false)
  const minute = useMemo(() => Math.floor(Date.now() / 60_000), [url])
  const query = { ...parameters(url, minute), ...(shown.some((k) => k.startsWith('tag.')) ? { include: 'tags' } : {}) }
  const { query: q, rows } = useRows(['calls', 'list', JSON.stringify(query)], `/calls?${new URLSearchParams({ ...query, limit: '50' })}`)
  const refused = q.error instanceof ApiError && q.error.problem.status === 422 ? q.error : null
  const period = url.from || url.to ? 'dates' : (url.days ?? '')
  const narrowed = Object.keys(query).some((k) => k !== 'include')
  return (
    <Stack>
      <Group justify="space-between"><ListTitle group={t('Calls')} title={t('Log')} /><Group><Views url={url} set={set} shown={shown} onShown={onShown} /></Group></Group>
      <Group align="flex-end">
        <Select label={t('When')} w={160} data={[{ value: '', label: t('Any time') }, ...periods, { value: 'dates', label: t('From … to …') }]} value={period} allowDeselect={false}
          onChange={(v) => set(v === 'dates' ? { days: undefined, from: new Date((minute - 1440) * 60_000).toISOString() } : { days: v || undefined, from: undefined, to: undefined })} />
        {period === 'dates' && <>
          <Instant label={t('From')} value={url.from} onChange={(from) => set({ from })} />
          <Instant label={t('To')} value={url.to} onChange={(to) => set({ to })} />
        </>}
        <ResourcePicker kind="campaign" label={t('Campaign')} placeholder={t('All')} value={url.campaign_id ?? null} onChange={(v) => set({ campaign_id: v ?? undefined })} />
        <Select label={t('Status')} w={140} clearable placeholder={t('Any')} data={['active', 'completed', 'interrupted'].map((value) => ({ value, label: said(value) }))} value={url.status ?? null} onChange={(v) => set({ status: v ?? undefined })} />
        <TextInput key={url.view ?? ''} label={t('Caller')} w={150} placeholder="+15125550100" defaultValue={url.caller_id ?? ''} onBlur={(e) => set({ caller_id: e.currentTarget.value.trim() || undefined })} onKeyDown={(e) => e.key === 'Enter' && set({ caller_id: e.currentTarget.value.trim() || undefined })} />
        <Button variant={url.filter ? 'light' : 'default'} onClick={toggle} aria-expanded={segment}>{t('Segment')}</Button>
        <ColumnMenu columns={columns} shown={shown} onChange={onShown} />
        <Button variant="default" onClick={() => setExporting(true)} disabled={rows.length === 0}>{t('CSV')}</Button>
      </Group>
      {segment && <Segment key={url.view ?? ''} filter={parsed(url.filter)} problem={refused} onApply={(f) => set({ filter: f ? JSON.stringify(f) : undefined })} />}
      <DataTable columns={columns} shown={shown} rows={rows} query={q} open={(r) => `/calls/${r.id}`}
        empty={narrowed ? <><Text fw={600}>{t('No calls match')}</Text><Text c="dimmed">{t('Try a longer period or remove a filter.')}</Text></> : <><Text fw={600}>{t('No calls yet')}</Text><Text c="dimmed">{t('Every call is kept here. Place one with a softphone, or with: strowger call sip:<number>@<this host>')}</Text></>} />
      {exporting && <Export query={parameters(url, minute)} columns={shown.map((k) => columns.find((c) => c.key === k)!)} onClose={() => setExporting(false)} />}
    </Stack>
  )
}
