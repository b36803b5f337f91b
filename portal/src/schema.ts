// The API's own tables, as OpenAPI tells them: forms are made from these.
import { useQuery } from '@tanstack/react-query'
import { api } from './api'
import { t } from './text'
import { label } from './words'

export interface Schema {
  type?: string | string[]
  title?: string
  enum?: (string | null)[]
  format?: string
  description?: string
  default?: unknown
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  readOnly?: boolean
  writeOnly?: boolean
  minimum?: number
  maximum?: number
  maxLength?: number
  maxItems?: number
  $ref?: string
  examples?: string[]
  additionalProperties?: boolean | Schema
  'x-kind'?: string
  'x-only'?: { field: string; value: string }
  'x-labels'?: Record<string, string>
  'x-help'?: Record<string, string>
  'x-title-by'?: string
}

interface OpenApi {
  components: { schemas: Record<string, Schema> }
}

export function useSchema(name: string): Schema | undefined {
  const { data } = useQuery({ queryKey: ['openapi'], queryFn: async () => (await api<OpenApi>('GET', '/openapi.json')).data, staleTime: Infinity })
  return data?.components.schemas[name]
}

export const isType = (s: Schema, type: string) => s.type === type || (Array.isArray(s.type) && s.type.includes(type))

// What a property is called.
export const titleOf = (name: string, s?: Schema) => s?.title ?? label(name)

// What a value of an enum, or of a list of enums, is called.
export function labelOf(s: Schema | undefined, value: unknown): string {
  const labels = s?.['x-labels'] ?? s?.items?.['x-labels']
  return labels?.[String(value)] ?? String(value)
}

// The choices of an enum, for a select.
export const optionsOf = (s: Schema | undefined) =>
  (s?.enum ?? []).filter((v): v is string => v !== null).map((value) => ({ value, label: labelOf(s, value) }))

// What the i-th element of a list is called: "Target 1"; "Monday", where a member names it.
export function itemTitle(list: Schema, listTitle: string, i: number, items: unknown[] = []): string {
  const one = list.items, by = one?.['x-title-by']
  if (by) {
    const named = (item: unknown) => (item as Record<string, unknown> | null)?.[by]
    const value = named(items[i]), same = items.slice(0, i).filter((item) => named(item) === value).length
    if (value) return `${labelOf(one.properties?.[by], value)}${same ? ` ${same + 1}` : ''}`
  }
  return `${one?.title ?? listTitle} ${i + 1}`
}

const filterWords: Record<string, string> = { field: t('field'), op: t('operator'), value: t('value') }

// What the place of an error is called: "/entries/0/priority" is "Target 1, Priority".
export function titleAt(schema: Schema, pointer: string, value: unknown): string {
  const titles: string[] = []
  let s: Schema | undefined = schema, v = value
  for (const key of pointer.split('/').slice(1).map((k) => k.replaceAll('~1', '/').replaceAll('~0', '~'))) {
    const number = /^\d+$/.test(key) ? Number(key) : -1, inFilter: boolean = !!s?.$ref
    if (s?.properties?.[key]) {
      s = s.properties[key]
      titles.push(titleOf(key, s))
    } else if (s?.items && number >= 0) {
      titles.push(itemTitle(s, titles.pop() ?? '', number, Array.isArray(v) ? v : []))
      s = s.items
    } else if (inFilter && number >= 0) {
      titles.push(t('rule {number}', { number: number + 1 }))
    } else if (inFilter) {
      if (filterWords[key]) titles.push(filterWords[key])
    } else {
      titles.push(key)
      s = undefined
    }
    v = (v as Record<string, unknown> | null | undefined)?.[key]
  }
  return titles.join(', ')
}
