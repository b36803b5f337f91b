// A flow document, and the same as nodes and edges of the canvas.
import type { Edge, Node } from '@xyflow/react'
import { portList } from './ports'
import type { NodeType } from './types'

export interface Data extends Record<string, unknown> {
  type: string
  name?: string
  config: Record<string, unknown>
}
export interface Document {
  fallback?: { routing_plan_id?: string }
  nodes: { id: string; type: string; name?: string; position?: { x: number; y: number }; config?: Record<string, unknown> }[]
  edges: { from: string; port: string; to: string }[]
  notes?: { id: string; text: string; position: { x: number; y: number }; width?: number; height?: number }[]
  groups?: { id: string; name: string; position: { x: number; y: number }; width: number; height: number }[]
}
// On the canvas, notes and groups are nodes of another look: what moves, undoes and copies nodes does it to them, too.
export type FlowNode = Node<Data>
export const isStep = (n: FlowNode) => n.type === 'step'
export const noteNode = (id: string, text: string, position: { x: number; y: number }, width = 220, height = 120): FlowNode => ({ id, type: 'note', position, width, height, dragHandle: '.grip', connectable: false, data: { type: 'note', name: text, config: {} } })
export const groupNode = (id: string, name: string, position: { x: number; y: number }, width: number, height: number): FlowNode => ({ id, type: 'frame', position, width, height, zIndex: -1, dragHandle: '.grip', connectable: false, style: { pointerEvents: 'none' }, data: { type: 'group', name, config: {} } })

// The ids of a node's ports.
export const portsOf = (type: NodeType | undefined, config: Record<string, unknown>): string[] =>
  portList(type, config).map((p) => p.id)

export const portsOfNode = (types: NodeType[], n: FlowNode) => portsOf(types.find((t) => t.type === n.data.type), n.data.config)

// A step's measures, as main.css has them: its head, and a line for each port. With its types toCanvas tells the size before it is measured.
export const STEP = { width: 200, head: 54, port: 24, border: 2 }
const sizeOfStep = (type: NodeType | undefined, config: Record<string, unknown>) => ({ width: STEP.width, height: STEP.head + STEP.port * portsOf(type, config).length })
// How far below the node's top this port is: the ports are its last lines.
export const portAt = (height: number, ports: string[], port: string) => height - STEP.border - (ports.length - ports.indexOf(port) - 0.5) * STEP.port

export const toCanvas = (d: Document, types?: NodeType[]): [FlowNode[], Edge[]] => [
  [
    ...(d.groups ?? []).map((g) => groupNode(g.id, g.name, g.position, g.width, g.height)),
    ...d.nodes.map((n, i): FlowNode => ({ id: n.id, type: 'step', measured: types && sizeOfStep(types.find((t) => t.type === n.type), n.config ?? {}), className: n.type === 'start' ? 'start' : undefined, position: n.position ?? { x: 240 * i, y: 60 * (i % 3) }, deletable: n.type !== 'start', data: { type: n.type, name: n.name, config: n.config ?? {} } })),
    ...(d.notes ?? []).map((n) => noteNode(n.id, n.text, n.position, n.width, n.height)),
  ],
  connections(d.edges),
]
// A document that a program made may have two edges at a port. Each gets an id, so that it can be
// removed.
function connections(edges: Document['edges']): Edge[] {
  const taken = new Set<string>()
  return edges.map((e) => {
    const edge = connection(e.from, e.port, e.to)
    for (let n = 2; taken.has(edge.id); n++) edge.id = `${e.from}:${e.port}:${n}`
    taken.add(edge.id)
    return edge
  })
}
// A port leads to one node, so its edge is known by the port.
export const connection = (from: string, port: string, to: string): Edge => ({ id: `${from}:${port}`, source: from, sourceHandle: port, target: to, type: 'way' })

const place = (n: FlowNode) => ({ x: Math.round(n.position.x), y: Math.round(n.position.y) })
export const sizeOf = (n: FlowNode) => ({ width: Math.round(n.width ?? n.measured?.width ?? 200), height: Math.round(n.height ?? n.measured?.height ?? 100) })

export const toDocument = (nodes: FlowNode[], edges: Edge[], old: object): Document => {
  const { notes: _, groups: __, ...rest } = old as Document
  const notes = nodes.filter((n) => n.type === 'note').map((n) => ({ id: n.id, text: n.data.name ?? '', position: place(n), ...sizeOf(n) }))
  const groups = nodes.filter((n) => n.type === 'frame').map((n) => ({ id: n.id, name: n.data.name ?? '', position: place(n), ...sizeOf(n) }))
  return {
    ...rest,
    nodes: nodes.filter(isStep).map((n) => ({ id: n.id, type: n.data.type, ...(n.data.name ? { name: n.data.name } : {}), position: place(n), config: n.data.config })),
    edges: edges.map((e) => ({ from: e.source, port: e.sourceHandle ?? 'next', to: e.target })),
    ...(notes.length ? { notes } : {}), ...(groups.length ? { groups } : {}),
  }
}

// What lies within a group: it moves along.
export function within(group: FlowNode, nodes: FlowNode[]): Set<string> {
  const { width, height } = sizeOf(group)
  return new Set(nodes.filter((n) => n.id !== group.id && n.type !== 'frame').filter((n) => {
    const size = sizeOf(n), x = n.position.x + size.width / 2 - group.position.x, y = n.position.y + size.height / 2 - group.position.y
    return x >= 0 && y >= 0 && x <= width && y <= height
  }).map((n) => n.id))
}

// The group's frame around these nodes.
export function frame(nodes: FlowNode[]): { position: { x: number; y: number }; width: number; height: number } {
  const x = Math.min(...nodes.map((n) => n.position.x)) - 30, y = Math.min(...nodes.map((n) => n.position.y)) - 60
  return { position: { x, y }, width: Math.max(...nodes.map((n) => n.position.x + sizeOf(n).width)) + 30 - x, height: Math.max(...nodes.map((n) => n.position.y + sizeOf(n).height)) + 30 - y }
}

// The edges with the way drawn that these steps took.
export function walked(edges: Edge[], steps: { node?: string; port?: string | null }[]): Edge[] {
  const taken = new Set(steps.map((s) => `${s.node}:${s.port}`))
  return edges.map((e) => (taken.has(e.id) ? { ...e, animated: true, style: { stroke: 'var(--mantine-color-teal-6)', strokeWidth: 2 } } : e))
}

// What is selected and may be taken away or copied.
export const chosenOf = (nodes: FlowNode[]) => nodes.filter((n) => n.selected && n.data.type !== 'start')

export function freeId(taken: Iterable<string>, type: string): string {
  const ids = new Set(taken)
  let n = 1
  while (ids.has(`${type}_${n}`)) n++
  return `${type}_${n}`
}

// What is selected, as text for the clipboard; null when that is nothing that can be copied.
export function copy(nodes: FlowNode[], edges: Edge[]): string | null {
  const chosen = chosenOf(nodes)
  const ids = new Set(chosen.map((n) => n.id))
  if (!chosen.length) return null
  return JSON.stringify(toDocument(chosen, edges.filter((e) => ids.has(e.source) && ids.has(e.target)), {}), null, 1)
}

// Nodes and edges of such a text, or of a whole flow document, with ids that are free, and without
// edges of ports that the nodes do not have. null: the text is neither.
export function paste(
  text: string, taken: Iterable<string>, types: NodeType[],
): { nodes: FlowNode[]; edges: Edge[] } | null {
  let part: Document
  try {
    part = JSON.parse(text)
  } catch {
    return null
  }
  if (!Array.isArray(part?.nodes) || !part.nodes.every((n) => typeof n?.id === 'string' && typeof n.type === 'string')) return null
  const ids = new Set(taken)
  const renamed = new Map<string, string>()
  const nodes = part.nodes.filter((n) => n.type !== 'start').map((n) => {
    const id = ids.has(n.id) ? freeId(ids, n.type) : n.id
    ids.add(id)
    renamed.set(n.id, id)
    return { ...n, id, position: { x: (n.position?.x ?? 0) + 40, y: (n.position?.y ?? 0) + 40 } }
  })
  const hasPort = (e: Document['edges'][number]) => {
    const from = part.nodes.find((n) => n.id === e.from)
    const type = types.find((x) => x.type === from?.type)
    return !type || portsOf(type, from?.config ?? {}).includes(e.port)
  }
  const edges = (part.edges ?? [])
    .filter((e) => renamed.has(e.from) && renamed.has(e.to) && hasPort(e))
    .map((e) => ({ ...e, from: renamed.get(e.from)!, to: renamed.get(e.to)! }))
  const named = <T extends { id: string; position: { x: number; y: number } }>(list: T[] | undefined, kind: string): T[] => (Array.isArray(list) ? list : []).map((n) => {
    const id = ids.has(n.id) ? freeId(ids, kind) : n.id
    ids.add(id)
    return { ...n, id, position: { x: n.position.x + 40, y: n.position.y + 40 } }
  })
  const [canvasNodes, canvasEdges] = toCanvas({ nodes, edges, notes: named(part.notes, 'note'), groups: named(part.groups, 'group') })
  return { nodes: canvasNodes.map((n) => ({ ...n, selected: true })), edges: canvasEdges }
}
