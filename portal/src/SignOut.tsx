// Signing out is a page of its own: a form with unsaved changes asks before it is left for it. The page acts by itself only
// when it was opened from the menu, so that a link from elsewhere signs nobody out.
import { Alert, Button, Stack, Text } from '@mantine/core'
import { useRouterState } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { leave, signOut } from './session'
import { t } from './text'

export function SignOut() {
  const asked = useRouterState({ select: (s) => (s.location.state as { signOut?: boolean }).signOut === true })
  const [failed, setFailed] = useState(false)
  const began = useRef(false)
  const go = () => {
    setFailed(false)
    signOut().then(() => leave(() => location.replace('/')), () => setFailed(true))
  }
  useEffect(() => {
    if (!asked || began.current) return
    began.current = true
    go()
  }, [asked])
  return (
    <Stack align="flex-start">
      {failed && <Alert color="red">{t('The server cannot be reached. You are still signed in.')}</Alert>}
      {asked && !failed ? <Text c="dimmed">{t('Signing out…')}</Text> : <Button onClick={go}>{t('Sign out')}</Button>}
    </Stack>
  )
}
