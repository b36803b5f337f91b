// Names of what ids stand for: a thousand of each kind are read at once, and kept for a while.
import { useQueries } from '@tanstack/react-query'
import { list, type Row } from './api'
import { kindOf } from './kinds'

export function useNamed(kindNames: string[]): (id: unknown) => string | undefined {
  const results = useQueries({ queries: kindNames.map((k) => ({ queryKey: [kindOf(k)?.path, 'names'], staleTime: 60_000, enabled: !!kindOf(k), queryFn: async () => (await list(`/${kindOf(k)!.path}?limit=1000`)).data })) })
  const names = new Map(results.flatMap((r) => (r.data as Row[] | undefined) ?? []).map((r) => [r.id, String(r.name ?? r.number ?? r.id)]))
  return (id) => names.get(String(id))
}
