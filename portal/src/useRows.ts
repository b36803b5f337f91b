import { useInfiniteQuery } from '@tanstack/react-query'
import { list } from './api'

// The rows of a cursor list, page after page. path has its query already, such as ?limit=50.
export function useRows(queryKey: string[], path: string, refetchMs = 0) {
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => list(`${path}${pageParam ? `&cursor=${pageParam}` : ''}`),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    refetchInterval: refetchMs || false,
  })
  return { query, rows: query.data?.pages.flatMap((p) => p.data) ?? [] }
}
