// What is on the canvas for people only: notes, and frames that hold a group of nodes together.
import { Box } from '@mantine/core'
import { NodeResizer, type NodeProps } from '@xyflow/react'
import { memo, useContext } from 'react'
import { t } from '../text'
import type { FlowNode } from './document'
import { Seen } from './look'

export const NoteView = memo(function NoteView({ id, data, selected }: NodeProps<FlowNode>) {
  const { write } = useContext(Seen)
  return (
    <Box className="note">
      {write && <NodeResizer isVisible={selected} minWidth={140} minHeight={80} />}
      <div className="grip">{t('Note')}</div>
      <textarea className="nodrag nowheel" aria-label={t('Note {id}', { id })} readOnly={!write} value={data.name ?? ''} placeholder={t('What should the next person know?')} onChange={(e) => write?.(id, e.currentTarget.value)} />
    </Box>
  )
})

export const FrameView = memo(function FrameView({ id, data, selected }: NodeProps<FlowNode>) {
  const { write } = useContext(Seen)
  return (
    <Box className={selected ? 'frame selected' : 'frame'}>
      {write && <NodeResizer isVisible={selected} minWidth={160} minHeight={120} />}
      <div className="grip"><input className="nodrag" aria-label={t('Name of the group {id}', { id })} readOnly={!write} value={data.name ?? ''} placeholder={t('Group')} onChange={(e) => write?.(id, e.currentTarget.value)} /></div>
    </Box>
  )
})
