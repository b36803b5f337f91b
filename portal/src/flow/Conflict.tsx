// Somebody else saved the flow while it was being changed here: whose is kept is asked, never guessed.
import { Button, Code, Group, Modal, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, type Row } from '../api'
import { moment } from '../words'
import { t } from '../text'
import type { Document } from './document'
import type { NodeType } from './types'
import { lines, type Difference } from './Versions'

interface Props {
  flowId: string
  mine: Document
  types: NodeType[]
  onTheirs: (flow: Row, etag: string) => void
  onMine: (flow: Row, etag: string) => void
  onCopy: () => void
  onLater: () => void
}

export function Conflict({ flowId, mine, types, onTheirs, onMine, onCopy, onLater }: Props) {
  const theirs = useQuery({ queryKey: ['call-flows', 'theirs', flowId], gcTime: 0, queryFn: () => api<Row>('GET', `/call-flows/${flowId}`) })
  const compared = useQuery({
    queryKey: ['call-flows', 'mine', flowId], gcTime: 0,
    queryFn: async () => {
      const path = `/call-flows/${flowId}/diff`
      return (await api<Difference>('POST', path, { document: mine })).data
    },
  })
  const draft = theirs.data?.data.draft as Document | undefined
  const different = compared.data && lines(compared.data, types, draft, mine)
  const changed = theirs.data && moment(theirs.data.data.updated_at)
  return (
    <Modal opened onClose={onLater} title={t('Somebody else saved this flow meanwhile')} size="lg">
      <Stack>
        <Text size="sm">{t('They saved at {time}. None of your changes is lost until you choose.', { time: changed ?? '…' })}</Text>
        {different && different.length === 0 && <Text size="sm">{t('Both drafts are the same.')}</Text>}
        {different && different.length > 0 && (
          <>
            <Text size="sm" fw={600}>{t('What yours would change in theirs')}</Text>
            <Code block mah={240} style={{ overflow: 'auto', whiteSpace: 'pre-wrap' }}>
              {different.join('\n')}
            </Code>
          </>
        )}
        <Group>
          <Button disabled={!theirs.data} onClick={() => onTheirs(theirs.data!.data, theirs.data!.etag)}>{t('Take theirs')}</Button>
          <Button variant="default" onClick={onCopy}>{t('Keep mine as a new flow')}</Button>
          <Button
            variant="subtle" color="red" disabled={!theirs.data}
            onClick={() => onMine(theirs.data!.data, theirs.data!.etag)}
          >{t('Save mine over theirs')}</Button>
        </Group>
        <Text size="xs" c="dimmed">{t('After taking theirs, undo brings yours back.')}</Text>
      </Stack>
    </Modal>
  )
}
