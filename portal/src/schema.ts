// The API's own tables, as OpenAPI tells them: forms are made from these.
import { useQuery } from '@tanstack/react-query'
import { api } from './api'

export interface Schema {
  type?: string | string[]
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
  $ref?: string
  examples?: string[]
  additionalProperties?: boolean | Schema
  'x-kind'?: string
  'x-only'?: { field: string; value: string }
}

interface OpenApi {
  components: { schemas: Record<string, Schema> }
}

export function useSchema(name: string): Schema | undefined {
  const { data } = useQuery({ queryKey: ['openapi'], queryFn: async () => (await api<OpenApi>('GET', '/openapi.json')).data, staleTime: Infinity })
  return data?.components.schemas[name]
}

export const isType = (s: Schema, type: string) => s.type === type || (Array.isArray(s.type) && s.type.includes(type))
