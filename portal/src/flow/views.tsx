// What a node and an edge look like on the canvas.
import { Box, Text } from '@mantine/core'
import { BaseEdge, EdgeLabelRenderer, Handle, Position, getBezierPath, type EdgeProps, type NodeProps } from '@xyflow/react'
import { createContext, memo, useContext } from 'react'
import { words } from '../words'
import { portsOf, type FlowNode } from './document'
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
  insert: (edge: string) => void
  numbers: Map<string, Numbers>
  live?: string | null // the node that a live call is at
}

export const Seen = createContext<View>({ types: [], bad: new Set(), passed: new Set(), insert: () => {}, numbers: new Map() })

const long = (ms: number | null) => (ms === null ? '–' : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`)

function Figures({ of, calls }: { of: Numbers; calls: number }) {
  return <Text size="xs" px="sm" py={3} c="dimmed" style={{ borderTop: '1px solid var(--mantine-color-default-border)' }}>{of.entered} in{calls ? ` (${Math.round((100 * of.entered) / calls)} %)` : ''} · {of.dropped} hung up · p95 {long(of.p95_ms)}</Text>
}

const StepView = memo(function StepView({ id, data, selected }: NodeProps<FlowNode>) {
  const { types, bad: wrong, passed, numbers, live } = useContext(Seen)
  const type = types.find((t) => t.type === data.type)
  const bad = wrong.has(id)
  return (
    <Box bg="var(--mantine-color-body)" style={{ border: `2px solid var(--mantine-color-${bad ? 'red-6' : selected ? 'blue-6' : passed.has(id) ? 'teal-6' : 'default-border'})`, borderRadius: 10, minWidth: 170, boxShadow: live === id ? '0 0 0 4px var(--mantine-color-teal-3)' : undefined }}>
      {data.type !== 'start' && <Handle type="target" position={Position.Left} aria-label={`Into ${id}`} style={{ width: 12, height: 12 }} />}
      <Box px="sm" py={6}><Text size="xs" c="dimmed">{type?.label ?? data.type}</Text><Text size="sm" fw={600}>{data.name || id}</Text></Box>
      {numbers.has(id) && <Figures of={numbers.get(id)!} calls={numbers.get('start')?.entered ?? 0} />}
      {portsOf(type, data.config).map((p) => (
        <Box key={p} px="sm" py={3} style={{ position: 'relative', textAlign: 'right', borderTop: '1px solid var(--mantine-color-default-border)' }}>
          <Text size="xs">{words(p)}</Text>
          <Handle id={p} type="source" position={Position.Right} aria-label={`${id} ${p}`} style={{ width: 12, height: 12 }} />
        </Box>
      ))}
    </Box>
  )
})

// With a button in its middle while it is selected: a node can be put there.
function WayView({ id, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, style }: EdgeProps) {
  const { insert } = useContext(Seen)
  const [path, x, y] = getBezierPath({ sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition })
  return (
    <>
      <BaseEdge path={path} style={style} interactionWidth={24} />
      {selected && (
        <EdgeLabelRenderer>
          <button type="button" className="insert nodrag nopan" aria-label={`Insert a node after ${id.replace(':', ' ')}`} onClick={() => insert(id)} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>+</button>
        </EdgeLabelRenderer>
      )}
    </>
  )
}

export const nodeTypes = { step: StepView }
export const edgeTypes = { way: WayView }
