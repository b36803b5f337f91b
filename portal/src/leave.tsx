// A changed form is not left without a question: by a link, by Back, by another tab of the page, by closing the window.
import { Button, Group, Modal, Text } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import { t } from './text'

interface Guard {
  isChanged: () => boolean
  ask: () => Promise<boolean>
}
const guards = new Set<Guard>()

// Asks for each changed form on the page; false: the person wants to stay.
export async function mayLeave(): Promise<boolean> {
  for (const guard of guards) if (guard.isChanged() && !(await guard.ask())) return false
  return true
}

interface Leave {
  question: ReactNode // to be rendered by the form
  release: () => void // what follows needs no question: the form was saved or deleted
}

export function useLeaveGuard(changed: boolean): Leave {
  const now = useRef(changed), released = useRef(false)
  now.current = changed
  const [answer, setAnswer] = useState<((leave: boolean) => void) | null>(null)
  const isChanged = useCallback(() => now.current && !released.current, [])
  const ask = useCallback(() => new Promise<boolean>((resolve) => setAnswer(() => resolve)), [])
  useEffect(() => {
    const guard = { isChanged, ask }
    guards.add(guard)
    return () => void guards.delete(guard)
  }, [isChanged, ask])
  useEffect(() => {
    if (!changed) released.current = false
  }, [changed])
  const shouldBlockFn = useCallback(
    async ({ current, next }: { current: { pathname: string }; next: { pathname: string } }) =>
      isChanged() && current.pathname !== next.pathname && !(await ask()),
    [isChanged, ask],
  )
  useBlocker({ shouldBlockFn, enableBeforeUnload: isChanged })
  const choose = (leave: boolean) => {
    answer?.(leave)
    setAnswer(null)
  }
  const question = (
    <Modal opened={answer !== null} onClose={() => choose(false)} title={t('Leave without saving?')}>
      <Text size="sm" mb="md">{t('Your changes to this form will be lost.')}</Text>
      <Group justify="flex-end">
        <Button variant="default" onClick={() => choose(true)}>{t('Leave')}</Button>
        <Button data-autofocus onClick={() => choose(false)}>{t('Stay')}</Button>
      </Group>
    </Modal>
  )
  return { question, release: useCallback(() => { released.current = true }, []) }
}
