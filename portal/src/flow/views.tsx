// What a node and an edge look like on the canvas.
import {
  BaseEdge, EdgeLabelRenderer, Handle, Position, getBezierPath, useStore, useUpdateNodeInternals,
  type EdgeProps, type NodeProps,
} from '@xyflow/react'
import { memo, useContext, useEffect, useRef } from 'react'
import type { FlowNode } from './document'
import { Seen } from './look'
import { FrameView, NoteView } from './notes'
import { portLabel, portList } from './ports'
import { t } from '../text'

const long = (ms: number | null) => (ms === null ? '–' : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`)

// React Flow measures a node's ports when the node changes its size, and keeps them by their ids.
// Measures them again when ports come, go, or get another id.
function useMeasuredPorts(node: string, ports: string) {
  const measure = useUpdateNodeInternals(), known = useRef(ports)
  useEffect(() => {
    if (known.current === ports) return
    known.current = ports
    measure(node)
  }, [node, ports, measure])
}

// Plain elements: a large flow has thousands of these, and each component of a library costs its share.
const StepView = memo(function StepView({ id, data, selected, height }: NodeProps<FlowNode>) {
  const { types, bad, passed, numbers, live, sketched } = useContext(Seen)
  const type = types.find((x) => x.type === data.type)
  const state = bad.has(id) ? 'bad' : selected ? 'selected' : passed.has(id) ? 'passed' : ''
  const of = numbers.get(id), calls = numbers.get('start')?.entered ?? 0
  // nopan: pressing the mouse on a node that cannot be dragged is a click, and does not move the canvas.
  const className = `step nopan ${state} ${live === id ? 'live' : ''}`
  const ports = portList(type, data.config)
  useMeasuredPorts(id, sketched ? '' : ports.map((p) => p.id).join('\n'))
  if (sketched) return <div className={`${className} sketched`} style={{ height }}>{data.name || id}</div>
  return (
    <div className={className}>
      {data.type !== 'start' && <Handle role="img" type="target" position={Position.Left} aria-label={t('Into {id}', { id })} />}
      <div className="head"><div className="kind">{type?.label ?? data.type}</div><div className="name" title={data.name || id}>{data.name || id}</div></div>
      {of && <div className="figures">{t('{entered} in ({share} %) · {dropped} hung up · p95 {time}', { entered: of.entered, share: calls ? Math.round((100 * of.entered) / calls) : 0, dropped: of.dropped, time: long(of.p95_ms) })}</div>}
      {ports.map((p) => (
        <div key={p.id} className="port">
          <div className="label" title={p.label}>{p.label}</div>
          <Handle
            role="img" id={p.id} type="source" position={Position.Right}
            aria-label={`${id} ${p.given || p.id}`}
          />
        </div>
      ))}
    </div>
  )
})

// Its port's name along it, and while it is selected a button in its middle: a node can be put there.
function WayView({
  id, source, sourceHandleId, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition,
  selected, style,
}: EdgeProps) {
  const { insert, labels, types } = useContext(Seen)
  const port = sourceHandleId ?? 'next'
  const from = useStore((s) => s.nodeLookup.get(source)?.data as FlowNode['data'] | undefined)
  const label = portLabel(types.find((x) => x.type === from?.type), from?.config ?? {}, port)
  const [path, x, y] = getBezierPath({ sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition })
  return (
    <>
      <BaseEdge path={path} style={style} interactionWidth={24} />
      {labels && !selected && port !== 'next' && (
        <text className="way-label" x={x} y={y}>{label}</text>
      )}
      {selected && insert && (
        <EdgeLabelRenderer>
          <button
            type="button" className="insert nodrag nopan" onClick={() => insert(id)}
            aria-label={t('Insert a node after {value}', { value: `${source} ${label}` })}
            style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}
          >+</button>
        </EdgeLabelRenderer>
      )}
    </>
  )
}

export const nodeTypes = { step: StepView, note: NoteView, frame: FrameView }
export const edgeTypes = { way: WayView }
export const miniColor = (n: { type?: string }) => (n.type === 'frame' ? 'rgb(120 140 170 / 15%)' : n.type === 'note' ? '#f4d35e' : '#a9b0b7')
