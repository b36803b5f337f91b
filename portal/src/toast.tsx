// Short notices, with a way back where there is one.
import { Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { t } from './text'

const close = { closeButtonProps: { 'aria-label': t('Close') } }

export function toast(message: string, undo?: () => Promise<void>) {
  const id = notifications.show({ ...close, autoClose: undo ? 8000 : 4000, message: !undo ? message : (
    <Group justify="space-between" wrap="nowrap"><Text size="sm">{message}</Text>
      <Button size="compact-sm" variant="light" style={{ flexShrink: 0 }} onClick={() => { notifications.hide(id); undo().catch(complain) }}>{t('Undo')}</Button></Group>
  ) })
}

export const complain = (e: unknown) => void notifications.show({ ...close, color: 'red', message: e instanceof Error ? e.message : String(e) })
