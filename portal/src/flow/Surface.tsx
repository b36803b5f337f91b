// The canvas of a flow, as it is edited and as a call went through it.
// A large flow seen from far is a sketch: a node is its name, and all ways are one path. What is too small to be hit need not listen.
import '@xyflow/react/dist/style.css'
import { useComputedColorScheme } from '@mantine/core'
import { Background, Controls, MiniMap, Position, ReactFlow, ViewportPortal, getBezierPath, useStore, type Edge, type ReactFlowProps, type ReactFlowState } from '@xyflow/react'
import { useCallback, useContext, useMemo, useRef } from 'react'
import { isStep, portAt, portsOfNode, sizeOf, STEP, type FlowNode } from './document'
import { Seen } from './look'
import type { NodeType } from './types'
import { edgeTypes, miniColor, nodeTypes } from './views'

const LARGE = 200 // nodes
const FAR = 0.4 // the zoom
const PORT = 12 // its width and height, as main.css has them

const labelled = (s: ReactFlowState) => s.transform[2] > 0.6
const far = (s: ReactFlowState) => s.transform[2] < FAR || s.fitViewQueued

// Ways of one look, in one element.
function Sketch({ nodes, edges }: { nodes: FlowNode[]; edges: Edge[] }) {
  const { types } = useContext(Seen)
  const of = new Map(nodes.map((n) => [n.id, n]))
  const paths = new Map<string, { style: Edge['style']; d: string[] }>()
  for (const e of edges) {
    const from = of.get(e.source), to = of.get(e.target)
    if (!from?.measured || !to?.measured) continue
    const ports = portsOfNode(types, from)
    const size = sizeOf(from)
    const [d] = getBezierPath({ sourceX: from.position.x + size.width, sourceY: from.position.y + portAt(size.height, ports, e.sourceHandle ?? 'next'), sourcePosition: Position.Right, targetX: to.position.x, targetY: to.position.y + sizeOf(to).height / 2, targetPosition: Position.Left })
    const moved = from.selected || to.selected // apart from the others, which are then not drawn anew while nodes are dragged
    const key = `${e.style?.stroke ?? ''} ${moved ?? false}`
    const path = paths.get(key) ?? { style: e.style, d: [] }
    path.d.push(d)
    paths.set(key, path)
  }
  return <ViewportPortal><svg className="sketch">{[...paths].map(([key, { style, d }]) => <path key={key} style={style} d={d.join('')} />)}</svg></ViewportPortal>
}

// Where React Flow finds the ports of a node: those of a sketch are not there to be measured. The same object for the same node, for it is drawn anew otherwise.
function withPorts(types: NodeType[]): (n: FlowNode) => FlowNode {
  const made = new WeakMap<FlowNode, FlowNode>()
  return (n) => {
    if (!isStep(n)) return n
    let node = made.get(n)
    if (!node) {
      const { width, height } = sizeOf(n), ports = portsOfNode(types, n)
      const port = (type: 'source' | 'target', x: number, y: number, id: string | null) => ({ id, type, position: type === 'source' ? Position.Right : Position.Left, x: x - PORT / 2, y: y - PORT / 2, width: PORT, height: PORT })
      node = { ...n, handles: [port('target', 0, height / 2, null), ...ports.map((p) => port('source', width - STEP.border, portAt(height, ports, p), p))] }
      made.set(n, node)
    }
    return node
  }
}

// The same function for as long as this is on the page, which does what the latest one does: React Flow draws every node anew for another handler.
function useSame<F extends (...args: never[]) => unknown>(handler: F | undefined): F {
  const latest = useRef(handler)
  latest.current = handler
  return useCallback(((...args) => latest.current?.(...args)) as F, [])
}

const FIT = { maxZoom: 1 }

type Handlers = Pick<
  ReactFlowProps<FlowNode, Edge>,
  'onConnect' | 'onConnectStart' | 'onConnectEnd' | 'onNodeClick' | 'onEdgeClick' | 'onPaneClick'
  | 'onNodeDragStart' | 'onNodeDrag' | 'onNodesDelete' | 'onNodesChange' | 'onEdgesChange'
>

// Without editable, nothing is moved, connected or deleted.
export function Surface({ editable, nodes, edges, ...on }: Handlers & { editable: boolean; nodes: FlowNode[]; edges: Edge[] }) {
  const handlers: Handlers = {
    onConnect: useSame(on.onConnect), onConnectStart: useSame(on.onConnectStart),
    onConnectEnd: useSame(on.onConnectEnd), onNodeClick: useSame(on.onNodeClick),
    onEdgeClick: useSame(on.onEdgeClick), onPaneClick: useSame(on.onPaneClick),
    onNodeDragStart: useSame(on.onNodeDragStart), onNodeDrag: useSame(on.onNodeDrag), onNodesDelete: useSame(on.onNodesDelete), onNodesChange: useSame(on.onNodesChange), onEdgesChange: useSame(on.onEdgesChange),
  }
  const scheme = useComputedColorScheme('light')
  const seen = useContext(Seen)
  const labels = useStore(labelled), isFar = useStore(far)
  const large = nodes.length > LARGE, sketched = large && isFar
  const [chosen, others] = useMemo(() => (sketched ? [edges.filter((e) => e.selected), edges.filter((e) => !e.selected)] : [edges, []]), [edges, sketched])
  const ported = useMemo(() => withPorts(seen.types), [seen.types])
  const drawn = useMemo(() => (large && !sketched ? nodes.map(ported) : nodes), [nodes, large, sketched, ported])
  const view = useMemo(() => ({ ...seen, labels, sketched }), [seen, labels, sketched])
  return (
    <Seen.Provider value={view}>
      <ReactFlow
        nodes={drawn} edges={chosen} nodeTypes={nodeTypes} edgeTypes={edgeTypes} colorMode={scheme}
        elevateNodesOnSelect={false} onlyRenderVisibleElements={large && !sketched} minZoom={0.05}
        fitView fitViewOptions={FIT} nodesDraggable={editable} nodesConnectable={editable}
        deleteKeyCode={null} {...handlers}
      >
        {!sketched && <Background />}<Controls showInteractive={editable} /><MiniMap pannable nodeColor={miniColor} />
        {sketched && <Sketch nodes={nodes} edges={others} />}
      </ReactFlow>
    </Seen.Provider>
  )
}
