// What a page is asked for stands in its address, so that it can be sent to somebody, and Back goes back to it.
import { useNavigate, useSearch } from '@tanstack/react-router'

export type Url = Record<string, string>

export function useUrl(): [Url, (next: Record<string, string | undefined>) => void] {
  const search = useSearch({ strict: false }) as Url
  const navigate = useNavigate()
  const set = (next: Record<string, string | undefined>) =>
    void navigate({ to: '.', replace: true, search: ((old: Url) => Object.fromEntries(Object.entries({ ...old, ...next }).filter(([, v]) => v))) as never })
  return [search, set]
}

export const parseSearch = (text: string): Url => Object.fromEntries(new URLSearchParams(text))
export const stringifySearch = (search: Record<string, unknown>): string => {
  const text = new URLSearchParams(Object.entries(search).filter(([, v]) => v).map(([k, v]) => [k, String(v)])).toString()
  return text ? `?${text}` : ''
}
