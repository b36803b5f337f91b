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
