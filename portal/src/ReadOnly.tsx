// What a role may look at, but not change: its fields and buttons are there, disabled.
import { Alert } from '@mantine/core'
import type { ReactNode } from 'react'
import { IsReadOnly } from './names'
import { t } from './text'

export function ReadOnly({ when, children }: { when: boolean; children: ReactNode }) {
  if (!when) return children
  return (
    <IsReadOnly.Provider value>
      <fieldset disabled className="readonly">{children}</fieldset>
    </IsReadOnly.Provider>
  )
}

export const ReadOnlyNotice = () => (
  <Alert color="gray">{t('Your role can view this, but not change it.')}</Alert>
)
