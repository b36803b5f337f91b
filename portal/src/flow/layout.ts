// Places for all nodes, by elkjs: along the ways that a call takes, ports in their order.
import type { Edge } from '@xyflow/react'
import { portsOfNode, type FlowNode } from './document'
import type { NodeType } from './types'

export async function arranged(nodes: FlowNode[], edges: Edge[], types: NodeType[]): Promise<Map<string, { x: number; y: number }>> {
  const { default: Elk } = await import('elkjs/lib/elk.bundled.js')
  const graph = await new Elk().layout({
    id: 'flow',
    layoutOptions: {
      'elk.algorithm': 'layered', 'elk.direction': 'RIGHT', 'elk.layered.spacing.nodeNodeBetweenLayers': '90', 'elk.spacing.nodeNode': '40',
      'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX', 'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
    },
    children: nodes.map((n) => ({
      id: n.id, width: n.measured?.width ?? 180, height: n.measured?.height ?? 90,
      layoutOptions: { 'elk.portConstraints': 'FIXED_ORDER' },
      ports: [
        { id: `${n.id}>`, layoutOptions: { 'elk.port.side': 'WEST' } },
        ...portsOfNode(types, n).map((p) => ({ id: `${n.id}:${p}`, layoutOptions: { 'elk.port.side': 'EAST' } })),
      ],
    })),
    edges: edges.map((e) => ({ id: e.id, sources: [`${e.source}:${e.sourceHandle}`], targets: [`${e.target}>`] })),
  })
  return new Map((graph.children ?? []).map((c) => [c.id, { x: Math.round(c.x ?? 0), y: Math.round(c.y ?? 0) }]))
}
