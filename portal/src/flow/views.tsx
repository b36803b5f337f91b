// What a node and an edge look like on the canvas.
import { Box, Text } from '@mantine/core'
import { BaseEdge, EdgeLabelRenderer, Handle, Position, getBezierPath, type EdgeProps, type NodeProps } from '@xyflow/react'
import { memo, useContext } from 'react'
import { words } from '../words'
import { portsOf, type FlowNode } from './document'
import { Seen, type Numbers } from './look'
import { FrameView, NoteView } from './notes'
import { t } from '../text'

const long = (ms: number | null) => (ms === null ? '–' : ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`)

function Figures({ of, calls }: { of: Numbers; calls: number }) {
  return <Text size="xs" px="sm" py={3} c="dimmed" style={{ borderTop: '1px solid var(--mantine-color-default-border)' }}>{t('{entered} in ({share} %) · {dropped} hung up · p95 {time}', { entered: of.entered, share: calls ? Math.round((100 * of.entered) / calls) : 0, dropped: of.dropped, time: long(of.p95_ms) })}</Text>
}

const StepView = memo(function StepView({ id, data, selected }: NodeProps<FlowNode>) {
  const { types, bad: wrong, passed, numbers, live } = useContext(Seen)
  const type = types.find((t) => t.type === data.type)
  const bad = wrong.has(id)
  return (
    <Box bg="var(--mantine-color-body)" style={{ border: `2px solid var(--mantine-color-${bad ? 'red-6' : selected ? 'blue-6' : passed.has(id) ? 'teal-6' : 'default-border'})`, borderRadius: 10, minWidth: 170, boxShadow: live === id ? '0 0 0 4px var(--mantine-color-teal-3)' : undefined }}>
      {data.type !== 'start' && <Handle type="target" position={Position.Left} aria-label={t('Into {id}', { id })} style={{ width: 12, height: 12 }} />}
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

// Its port's name along it, and while it is selected a button in its middle: a node can be put there.
function WayView({ id, sourceHandleId, sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, style }: EdgeProps) {
  const { insert, labels } = useContext(Seen)
  const [path, x, y] = getBezierPath({ sourceX, sourceY, sourcePosition, targetX, targetY, targetPosition })
  return (
    <>
      <BaseEdge path={path} style={style} interactionWidth={24} />
      {labels && !selected && sourceHandleId !== 'next' && <text className="way-label" x={x} y={y}>{words(sourceHandleId ?? '')}</text>}
      {selected && (
        <EdgeLabelRenderer>
          <button type="button" className="insert nodrag nopan" aria-label={t('Insert a node after {value}', { value: id.replace(':', ' ') })} onClick={() => insert(id)} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>+</button>
        </EdgeLabelRenderer>
      )}
    </>
  )
}

export const nodeTypes = { step: StepView, note: NoteView, frame: FrameView }
export const edgeTypes = { way: WayView }
export const miniColor = (n: { type?: string }) => (n.type === 'frame' ? 'rgb(120 140 170 / 15%)' : n.type === 'note' ? '#f4d35e' : '#a9b0b7')
