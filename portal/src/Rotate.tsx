// Rotating a key or secret: the old one stays valid for some hours.
import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { api, type Row } from './api'
import { t } from './text'
import { complain } from './toast'

interface Props {
  path: string // of the request that replaces it
  texts: { title: string; what: string; hours: string }
  onClose: () => void
  onDone: (made: Row) => void
}

export function Rotate({ path, texts, onClose, onDone }: Props) {
  const [hours, setHours] = useState<string | number>(24)
  const [busy, setBusy] = useState(false)
  const rotate = async () => {
    setBusy(true)
    try {
      onDone((await api<Row>('POST', path, { overlap_seconds: Math.round(Number(hours) * 3600) })).data)
    } catch (e) {
      complain(e)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Modal opened onClose={onClose} title={texts.title}>
      <Stack>
        <Text size="sm">{texts.what}</Text>
        <NumberInput label={texts.hours} min={0} max={720} value={hours} onChange={setHours} />
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('Cancel')}</Button><Button loading={busy} onClick={() => void rotate()}>{t('Rotate')}</Button></Group>
      </Stack>
    </Modal>
  )
}
