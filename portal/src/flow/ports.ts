// The ports of a node: the id that edges name, and the label that people read.
import type { Edge } from '@xyflow/react'
import { words } from '../words'
import type { Document } from './document'
import type { NodeType } from './types'

export interface Port {
  id: string
  given: string // the label that somebody gave it, or ''
  label: string // what is shown: that, or the id in words
}
type Config = Record<string, unknown>
// An element of a list that makes ports: a name that is the port, or an object that has its id and
// label.
export type Element =
  string | { port?: string | null; label?: string | null; [member: string]: unknown } | null

// The names that the server takes.
export const isPortName = (name: string) => /^[A-Za-z0-9_.-]{1,40}$/.test(name)

export const elementsOf = (type: NodeType | undefined, config: Config): Element[] => {
  const list = type?.ports_from ? config[type.ports_from] : undefined
  return Array.isArray(list) ? list : []
}
const idOf = (e: Element) => (typeof e === 'string' ? e : e?.port) || null
const own = (type: NodeType | undefined) => (type?.ports ?? []).map((p) => p.name)

// Those that the configuration makes, then the type's own. Elements that name one port share it,
// and its first label.
export function portList(type: NodeType | undefined, config: Config): Port[] {
  const ports = new Map<string, string>()
  for (const e of elementsOf(type, config)) {
    const id = idOf(e),
      label = typeof e === 'string' ? '' : (e?.label ?? '').trim()
    if (id && !ports.get(id)) ports.set(id, label)
  }
  for (const id of own(type)) if (!ports.has(id)) ports.set(id, '')
  return [...ports].map(([id, given]) => ({ id, given, label: given || words(id) }))
}

export const portLabel = (type: NodeType | undefined, config: Config, port: string) =>
  portList(type, config).find((p) => p.id === port)?.label ?? words(port)

// How ports of nodes are called in these documents; the first that has the port says it.
export const portNames =
  (types: NodeType[], ...documents: (Document | undefined)[]) =>
  (node: string, port: string): string => {
    for (const d of documents) {
      const n = d?.nodes.find((x) => x.id === node)
      const p =
        n &&
        portList(
          types.find((x) => x.type === n.type),
          n.config ?? {},
        ).find((x) => x.id === port)
      if (p) return p.label
    }
    return words(port)
  }

// What became of ports when the configuration changed: another id where an element in the same
// place has a new one, null where the port is gone. Ports that stay are not in it.
export function movedPorts(
  type: NodeType | undefined,
  before: Config,
  after: Config,
): Map<string, string | null> {
  const was = elementsOf(type, before).map(idOf),
    is = elementsOf(type, after).map(idOf)
  const stays = new Set([...is, ...own(type)]),
    old = new Set(was)
  const moved = new Map<string, string | null>()
  was.forEach((id, i) => {
    if (!id || stays.has(id) || moved.get(id)) return
    const next = was.length === is.length ? is[i] : null
    moved.set(id, next && !old.has(next) ? next : null)
  })
  return moved
}

// The edges with those of the node's ports that were renamed at their new port, and without those
// of ports that are gone.
export function followPorts(
  edges: Edge[],
  node: string,
  moved: Map<string, string | null>,
): Edge[] {
  if (!moved.size) return edges
  const of = (e: Edge) => (e.source === node ? moved.get(e.sourceHandle ?? '') : undefined)
  const taken = new Set(moved.values())
  return edges.flatMap((e) => {
    const to = of(e)
    if (to === undefined) return e.source === node && taken.has(e.sourceHandle ?? '') ? [] : [e]
    return to ? [{ ...e, id: `${node}:${to}`, sourceHandle: to }] : []
  })
}

// An id that no port of the node has, and no edge that leaves it: "option_3" in a list of options.
export function freePort(type: NodeType, config: Config, taken: Iterable<string>): string {
  const used = new Set([...taken, ...own(type), ...elementsOf(type, config).map(idOf)])
  const one = (type.ports_from ?? 'port').replace(/(ch|sh|x)es$|s$/, '$1')
  let n = 1
  while (used.has(`${one}_${n}`)) n++
  return `${one}_${n}`
}
