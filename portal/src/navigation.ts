// What the navigation offers: pages, and groups of pages and groups.
import { kinds } from './kinds'
import type { Role } from './session'
import { t } from './text'

export interface Page {
  label: string
  to: string
  least?: Role // lower roles do not see the page
}
export interface Group {
  id: string // folded groups are remembered by it
  label: string
  items: Item[]
}
export type Item = Page | Group

export const isGroup = (i: Item): i is Group => 'items' in i

const list = ({ title, page }: { title: string; page: string }): Page => ({ label: title, to: page })

export const navigation: Item[] = [
  { label: t('Dashboard'), to: '/' },
  { id: 'calls', label: t('Calls'), items: [{ label: t('Log'), to: '/calls' }, { label: t('Live'), to: '/calls/live' }] },
  list(kinds.campaigns),
  { id: 'data', label: t('Data'), items: [
    list(kinds.flows),
    { id: 'webhooks', label: t('Webhooks'), items: [
      list(kinds.incoming), list(kinds.outgoing), list(kinds.tags),
      { label: t('Incoming Webhook Requests'), to: '/data/webhooks/incoming-requests' },
      { label: t('Outgoing Webhook Requests'), to: '/data/webhooks/outgoing-requests' },
    ] },
    list(kinds.lists),
  ] },
  list(kinds.plans), list(kinds.targets), list(kinds.buyers), list(kinds.publishers), list(kinds.numbers),
  { id: 'dni', label: t('DNI'), items: [list(kinds.pools), list(kinds.snippets)] },
  { id: 'rtb', label: t('RTB'), items: [
    list(kinds.inboundRtb), list(kinds.rtbTargets), list(kinds.ringTrees),
    { label: t('RTB Requests'), to: '/rtb/requests' },
  ] },
  list(kinds.prompts),
  { label: t('Reports'), to: '/reports' },
  { id: 'settings', label: t('Settings'), items: [
    { label: t('Organization'), to: '/settings/organization' },
    list(kinds.users), list(kinds.keys), list(kinds.trunks),
    { label: t('Audit Log'), to: '/settings/audit-log', least: 'admin' },
  ] },
]

// Where a group's own link leads: its first page, however deep.
export const firstPage = (i: Item): string => (isGroup(i) ? firstPage(i.items[0]) : i.to)

const pages = (items: Item[]): Page[] => items.flatMap((i) => (isGroup(i) ? pages(i.items) : [i]))
const covers = (to: string, path: string) => to === path || (to !== '/' && path.startsWith(`${to}/`))

// The entry that a path belongs to: of those it begins with, the longest.
export const currentPage = (path: string): string | undefined =>
  pages(navigation).map((p) => p.to).filter((to) => covers(to, path)).sort((a, b) => b.length - a.length)[0]

export const holds = (i: Item, to: string | undefined): boolean => (isGroup(i) ? i.items.some((x) => holds(x, to)) : i.to === to)
