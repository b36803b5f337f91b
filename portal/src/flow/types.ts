import { useQuery } from '@tanstack/react-query'
import { api } from '../api'
import type { Schema } from '../schema'

// A node type's descriptor, as /call-flow-node-types gives it.
export interface NodeType {
  type: string
  category: string
  label: string
  help: string
  ports: { name: string; failure: boolean; help: string }[]
  ports_from: string | null
  config_schema: Schema
}

export const useNodeTypes = () => useQuery({ queryKey: ['node-types'], queryFn: async () => (await api<{ data: NodeType[] }>('GET', '/node-types')).data.data, staleTime: Infinity })
