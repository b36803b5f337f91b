// Short notices, with a way back where there is one.
import { Button, Group, Text } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { ApiError } from './api'
import { reasonOf } from './reasons'
import { t } from './text'

const close = { closeButtonProps: { 'aria-label': t('Close') } }

export function toast(message: string, undo?: () => Promise<void>) {
  const id = notifications.show({ ...close, autoClose: undo ? 8000 : 4000, message: !undo ? message : (
    <Group justify="space-between" wrap="nowrap"><Text size="sm">{message}</Text>
      <Button size="compact-sm" variant="light" style={{ flexShrink: 0 }} onClick={() => { notifications.hide(id); undo().catch(complain) }}>{t('Undo')}</Button></Group>
  ) })
}

// What failed, and why. An error of the portal's own says it itself.
export const complain = (e: unknown) =>
  void notifications.show({ ...close, color: 'red', autoClose: 8000, message: e instanceof ApiError || !(e instanceof Error) ? reasonOf(e) : e.message })
