// The title of the browser's tab: what the page shows, where it is, and the product.
import { useQueryClient, type QueryKey } from '@tanstack/react-query'
import { useEffect, useSyncExternalStore } from 'react'
import type { Row } from './api'

export function usePageTitle(...parts: (string | undefined)[]) {
  const title = [...parts.filter(Boolean), 'Strowger'].join(' · ')
  useEffect(() => {
    document.title = title
  }, [title])
}

const nameOf = (r: Row) => {
  if (r.caller_id && r.number) return `${String(r.caller_id)} → ${String(r.number)}`
  return r.name ?? r.number ?? r.email ?? r.event_type ?? r.caller_id
}

// The name of what the page loads under that key, once it is loaded. Only the cache is read: an observer of its own would
// change the query's options.
export function useLoadedName(queryKey: QueryKey | undefined): string | undefined {
  const client = useQueryClient()
  const data = useSyncExternalStore(
    (changed) => client.getQueryCache().subscribe(changed),
    () => (queryKey ? client.getQueryData<Row | { data: Row; etag: string }>(queryKey) : undefined),
  )
  if (!data) return undefined
  const name = nameOf('etag' in data ? (data as { data: Row }).data : (data as Row))
  return name === undefined || name === null ? undefined : String(name)
}
