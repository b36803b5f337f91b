// Every list: sorted by its headings, with the columns one chose, and walked through by keyboard.
import { ActionIcon, Alert, Button, Checkbox, Group, Menu, Paper, Popover, Stack, Table, Text, UnstyledButton } from '@mantine/core'
import { useHotkeys, useLocalStorage } from '@mantine/hooks'
import type { UseInfiniteQueryResult } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useRef, type KeyboardEvent, type ReactNode } from 'react'
import type { Row } from './api'
import { t } from './text'

export interface Column {
  key: string
  label: string
  sort?: boolean // by ?sort=key
  hidden?: boolean // until it is chosen
  right?: boolean
  whole?: boolean // never broken into lines: times, phone numbers, badges
  show: (r: Row) => ReactNode
}

// Which columns are shown: kept in this browser.
export function useColumns(name: string, columns: Column[]): [string[], (keys: string[]) => void] {
  const [shown, setShown] = useLocalStorage<string[]>({ key: `columns:${name}`, defaultValue: [], getInitialValueInEffect: false })
  const known = shown.filter((k) => columns.some((c) => c.key === k))
  return [known.length ? known : columns.filter((c) => !c.hidden).map((c) => c.key), setShown]
}

export function ColumnMenu({ columns, shown, onChange }: { columns: Column[]; shown: string[]; onChange: (keys: string[]) => void }) {
  const toggle = (key: string) => onChange(shown.includes(key) ? shown.filter((k) => k !== key) : columns.map((c) => c.key).filter((k) => k === key || shown.includes(k)))
  return (
    <Popover position="bottom-end" shadow="md" trapFocus>
      <Popover.Target><Button variant="default">{t('Columns')}</Button></Popover.Target>
      <Popover.Dropdown mah={420} style={{ overflowY: 'auto' }}>
        <Stack gap={8}>{columns.map((c) => <Checkbox key={c.key} size="sm" label={c.label} checked={shown.includes(c.key)} disabled={shown.length === 1 && shown[0] === c.key} onChange={() => toggle(c.key)} />)}</Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

interface Props {
  columns: Column[]
  shown: string[]
  rows: Row[]
  query: UseInfiniteQueryResult
  open: (r: Row) => string
  empty: ReactNode
  sort?: string
  onSort?: (sort: string) => void
  actions?: (r: Row) => ReactNode // menu items or buttons at the row's end
}

export function DataTable({ columns, shown, rows, query: q, open, empty, sort, onSort, actions }: Props) {
  const navigate = useNavigate()
  const body = useRef<HTMLTableSectionElement>(null)
  const links = () => [...(body.current?.querySelectorAll<HTMLElement>('a[data-row]') ?? [])]
  useHotkeys([['j', () => links()[0]?.focus()]])
  const walk = (e: KeyboardEvent) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[e.key]
    const all = links(), at = all.indexOf(document.activeElement as HTMLElement)
    if (!step || at < 0) return
    e.preventDefault()
    all[Math.min(all.length - 1, Math.max(0, at + step))].focus()
  }
  const visible = shown.map((k) => columns.find((c) => c.key === k)).filter((c): c is Column => !!c)
  if (q.error) return <Alert color="red" title={t('This could not be loaded')}>{q.error.message}</Alert>
  if (q.isSuccess && rows.length === 0 && !q.hasNextPage) return <Paper withBorder p="xl">{empty}</Paper>
  const heading = (c: Column) => {
    if (!c.sort || !onSort) return c.label
    const now = sort === c.key ? ' ↑' : sort === `-${c.key}` ? ' ↓' : ''
    return <UnstyledButton fz="sm" fw={700} onClick={() => onSort(sort === c.key ? `-${c.key}` : c.key)}>{c.label}{now}</UnstyledButton>
  }
  return (
    <Stack gap="sm">
      <Table.ScrollContainer minWidth={Math.min(1400, 130 * visible.length)}>
        <Table className="list" highlightOnHover verticalSpacing="sm">
          <Table.Thead><Table.Tr>{visible.map((c) => <Table.Th key={c.key} ta={c.right ? 'right' : undefined} aria-sort={sort === c.key ? 'ascending' : sort === `-${c.key}` ? 'descending' : undefined}>{heading(c)}</Table.Th>)}{actions && <Table.Th w={40} aria-label={t('Actions')} />}</Table.Tr></Table.Thead>
          <Table.Tbody ref={body} onKeyDown={walk}>
            {rows.map((r) => (
              <Table.Tr key={r.id} style={{ cursor: 'pointer' }} onClick={() => navigate({ to: open(r) })}>
                {visible.map((c, i) => <Table.Td key={c.key} className={c.whole || c.right ? 'whole' : undefined} ta={c.right ? 'right' : undefined}>{i === 0 ? <Link data-row to={open(r)}>{c.show(r)}</Link> : c.show(r)}</Table.Td>)}
                {actions && <Table.Td className="actions" onClick={(e) => e.stopPropagation()}>{actions(r)}</Table.Td>}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {q.isSuccess && rows.length === 0 && <Text c="dimmed">{t('Nothing so far in the newest 20,000. Older ones can be looked at, too.')}</Text>}
      {q.hasNextPage && <Group><Button variant="default" loading={q.isFetchingNextPage} onClick={() => q.fetchNextPage()}>{t('Load more')}</Button></Group>}
    </Stack>
  )
}

export const RowMenu = ({ name, children }: { name: string; children: ReactNode }) => (
  <Menu position="bottom-end"><Menu.Target><ActionIcon variant="subtle" color="gray" aria-label={t('Actions for {name}', { name })}>⋯</ActionIcon></Menu.Target><Menu.Dropdown>{children}</Menu.Dropdown></Menu>
)
