// What filters and templates may name: the organization's tags, system fields, and in a flow its variables.
import { useQuery } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import { list, type Row } from './api'
import { useSchema } from './schema'

// Whether fields are only read: for editors that a disabled fieldset does not reach.
export const IsReadOnly = createContext(false)
export const FlowVariables = createContext<string[]>([])
export const NodePorts = createContext<string[]>([]) // of the node whose form it is

// All rows of a list, page after page.
export async function listAll(path: string): Promise<Row[]> {
  const rows: Row[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: URLSearchParams = new URLSearchParams({ limit: '1000', ...(cursor ? { cursor } : {}) })
    const page = await list(`${path}${path.includes('?') ? '&' : '?'}${query}`)
    rows.push(...page.data)
    cursor = page.next_cursor
  }
  return rows
}

export function useNames() {
  const variables = useContext(FlowVariables)
  const { data } = useQuery({ queryKey: ['custom-tags', 'names'], queryFn: () => listAll('/custom-tags'), staleTime: 30_000 })
  const tags = (data ?? []).map((t) => String(t.name)).sort()
  const rule = useSchema('FilterRule')
  const tokens = useSchema('Token')
  return {
    tags, variables,
    fields: [...tags.map((t) => `tag.${t}`), ...variables.map((v) => `var.${v}`), ...(rule?.properties?.field.examples ?? [])],
    tokens: [...tags, ...variables, ...(tokens?.examples ?? [])],
  }
}

// Every variable that a flow document writes.
export function variablesOf(json: unknown, into = new Set<string>()): Set<string> {
  if (Array.isArray(json)) json.forEach((j) => variablesOf(j, into))
  else if (json && typeof json === 'object')
    for (const [key, value] of Object.entries(json)) {
      if (key === 'variable' && typeof value === 'string' && value) into.add(value)
      else if (key === 'variables' && Array.isArray(value)) value.forEach((v) => typeof v === 'string' && v && into.add(v))
      else variablesOf(value, into)
    }
  return into
}
