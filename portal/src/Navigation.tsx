// The navigation: a group's link opens the group and goes to its first page; folding it has a button of its own.
import { ActionIcon, NavLink } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { Link, useNavigate, useRouterState } from '@tanstack/react-router'
import { useEffect, useId, useRef, type MouseEvent } from 'react'
import { currentPage, firstPage, holds, isGroup, navigation, type Group, type Item, type Page } from './navigation'
import { may, useSession } from './session'
import { t } from './text'

interface Shared {
  current: string | undefined
  folded: string[]
  onFold: (id: string, folded: boolean) => void
  onPage: () => void // a page was chosen
}

function PageLink({ page, current, onPage }: { page: Page } & Shared) {
  const active = page.to === current
  return (
    <NavLink className="page" label={page.label} component={Link} to={page.to} activeOptions={{ exact: true }}
      active={active} aria-current={active ? 'page' : undefined} onClick={onPage} />
  )
}

// An anchor without the router's marks: the group's first page has an entry of its own that is marked.
function GroupLink({ group, onOpen }: { group: Group; onOpen: () => void }) {
  const navigate = useNavigate()
  const to = firstPage(group)
  const go = (e: MouseEvent) => {
    if (e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
    e.preventDefault()
    onOpen()
    void navigate({ to })
  }
  return <NavLink className="page" label={group.label} href={to} onClick={go} />
}

function GroupItem({ group, ...shared }: { group: Group } & Shared) {
  const list = useId()
  const isHere = holds(group, shared.current)
  const isOpen = isHere || !shared.folded.includes(group.id)
  const name = isOpen ? t('Collapse {group}', { group: group.label }) : t('Expand {group}', { group: group.label })
  const hint = isHere ? t('Stays open: it contains this page') : name
  return (
    <li>
      <div className="group">
        <GroupLink group={group} onOpen={() => shared.onFold(group.id, false)} />
        <ActionIcon className="fold" variant="subtle" color="gray" size="sm" aria-label={name} title={hint}
          aria-expanded={isOpen} aria-controls={isOpen ? list : undefined} aria-disabled={isHere || undefined}
          onClick={() => !isHere && shared.onFold(group.id, isOpen)}>
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M5 3l5 5-5 5" /></svg>
        </ActionIcon>
      </div>
      {isOpen && <ul id={list}><Items items={group.items} {...shared} /></ul>}
    </li>
  )
}

function Items({ items, ...shared }: { items: Item[] } & Shared) {
  const { role } = useSession()
  const shown = items.filter((i) => isGroup(i) || !i.least || may(role, i.least))
  return shown.map((i) => (isGroup(i)
    ? <GroupItem key={i.id} group={i} {...shared} />
    : <li key={i.to}><PageLink page={i} {...shared} /></li>))
}

export function Navigation({ onPage }: { onPage: () => void }) {
  const current = useRouterState({ select: (s) => currentPage(s.location.pathname) })
  const [folded, setFolded] = useLocalStorage<string[]>({
    key: 'navigation:folded', defaultValue: [], getInitialValueInEffect: false,
  })
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    list.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: 'nearest' })
  }, [current])
  const fold = (id: string, isFolded: boolean) =>
    setFolded((all) => [...all.filter((x) => x !== id), ...(isFolded ? [id] : [])])
  return (
    <ul className="navigation" ref={list}>
      <Items items={navigation} current={current} folded={folded} onFold={fold} onPage={onPage} />
    </ul>
  )
}
