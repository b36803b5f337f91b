// What the views on the canvas are told beside their own node.
import { createContext } from 'react'
import type { NodeType } from './types'

// How often a node was entered, how many callers left there, and how long the slowest stayed.
export interface Numbers {
  node: string
  entered: number
  dropped: number
  median_ms: number | null
  p95_ms: number | null
}

interface View {
  types: NodeType[]
  bad: Set<string> // nodes with an error
  passed: Set<string>
  insert?: (edge: string) => void // none: the flow is only read
  numbers: Map<string, Numbers>
  live?: string | null // the node that a live call is at
  labels?: boolean // ways tell their port: near enough to be read
  sketched?: boolean // ports are drawn only
  write?: (id: string, text: string) => void // of a note or a group; none: they are only read
}

export const Seen = createContext<View>({ types: [], bad: new Set(), passed: new Set(), numbers: new Map() })
