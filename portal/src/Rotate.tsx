// A key or secret is replaced; the old one still counts for some hours.
import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { api, type Row } from './api'
import { t } from './text'
import { complain } from './toast'

interface Props {
  path: string // of the request that replaces it
  texts: { title: string; what: string; hours: string; keep: string }
  onClose: () => void
  onDone: (made: Row) => void
}

export function Rotate({ path, texts, onClose, onDone }: Props) {
  const [hours, setHours] = useState<string | number>(24)
  const rotate = () => api<Row>('POST', path, { overlap_seconds: Math.round(Number(hours) * 3600) }).then((r) => onDone(r.data), complain)
  return (
    <Modal opened onClose={onClose} title={texts.title}>
      <Stack>
        <Text size="sm">{texts.what}</Text>
        <NumberInput label={texts.hours} min={0} max={720} value={hours} onChange={setHours} />
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{texts.keep}</Button><Button onClick={() => void rotate()}>{t('Replace it')}</Button></Group>
      </Stack>
    </Modal>
  )
}
