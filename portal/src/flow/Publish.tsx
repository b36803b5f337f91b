// Before a draft becomes a version: what is different, who runs it, and a note.
import { Button, Code, Modal, Stack, Text, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { list } from '../api'
import type { NodeType } from './types'
import { difference } from './Versions'
import { t } from '../text'

// The campaigns whose calls run the flow.
export function Usage({ flowId }: { flowId: string }) {
  const { data } = useQuery({ queryKey: ['campaigns', 'of flow', flowId], queryFn: () => list(`/campaigns?limit=200&execution_mode=call_flow&call_flow_id=${flowId}`) })
  const users = data?.data ?? []
  if (!data) return null
  if (!users.length) return <Text size="sm" c="dimmed">{t('No campaign uses this flow yet: choose it under Campaigns → Execution Settings.')}</Text>
  return <Text size="sm">{t('{count} campaigns use this:', { count: users.length })}{' '}{users.slice(0, 5).map((c, i) => <span key={c.id}>{i > 0 && ', '}<Link to={`/campaigns/${c.id}/execution`}>{String(c.name)}</Link></span>)}{users.length > 5 && ' …'}</Text>
}

interface Props {
  flowId: string
  published: number | null
  types: NodeType[]
  onClose: () => void
  onPublish: (note: string) => void
}

export function Publish({ flowId, published, types, onClose, onPublish }: Props) {
  const [note, setNote] = useState('')
  const diff = useQuery({
    queryKey: ['call-flows', 'diff', flowId, published], enabled: published !== null, gcTime: 0,
    queryFn: () => difference(flowId, published!, types),
  })
  return (
    <Modal opened onClose={onClose} title={t('Publish')} size="lg">
      <form onSubmit={(e) => { e.preventDefault(); onPublish(note) }}><Stack>
        <Text size="sm">{t('The next call runs it. Calls that run now stay on the version they began with.')}</Text>
        <Usage flowId={flowId} />
        {published === null && <Text size="sm">{t('It is the first version.')}</Text>}
        {diff.data && (diff.data.length ? <><Text size="sm" fw={600}>{t('What is different from version {n}', { n: published })}</Text><Code block mah={240} style={{ overflow: 'auto', whiteSpace: 'pre-wrap' }}>{diff.data.join('\n')}</Code></> : <Text size="sm">{t('Nothing is different from version {n}.', { n: published })}</Text>)}
        <Textarea label={t('Note')} description={t('Why, for whoever looks at the versions later')} value={note} onChange={(e) => setNote(e.currentTarget.value)} data-autofocus />
        <Button type="submit">{t('Publish now')}</Button>
      </Stack></form>
    </Modal>
  )
}
