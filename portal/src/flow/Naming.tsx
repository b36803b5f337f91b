// The dialog that asks for a call flow's name: of a new one, another one, or a copy's.
import { Alert, Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { ApiError } from '../api'
import { t } from '../text'
import { reasonOf } from './saving'

interface Props {
  title: string
  initial?: string
  action: string // the button
  size?: string
  children?: ReactNode // below the name
  onName: (name: string) => Promise<void> // throws what the server refused
  onClose: () => void
}

// What is wrong with the name, or why else nothing was made of it.
function problemOf(e: unknown, name: string): { name?: string; other?: string } {
  const status = e instanceof ApiError ? e.problem.status : 0,
    wrong = e instanceof ApiError ? e.at('/name') : undefined
  if (status === 409 && wrong)
    return { name: t('Another call flow is named {name}. Choose another name.', { name }) }
  return wrong ? { name: t('The name {problem}', { problem: wrong }) } : { other: reasonOf(e) }
}

export function Naming({ title, initial = '', action, size, children, onName, onClose }: Props) {
  const [name, setName] = useState(initial)
  const [problem, setProblem] = useState<{ name?: string; other?: string }>({})
  const [busy, setBusy] = useState(false)
  const submit = async () => {
    const wanted = name.trim()
    if (!wanted || busy) return
    setBusy(true)
    setProblem({})
    try {
      await onName(wanted)
      onClose()
    } catch (e) {
      setProblem(problemOf(e, wanted))
    }
    setBusy(false)
  }
  return (
    <Modal opened onClose={onClose} title={title} size={size}>
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void submit()
        }}
      >
        <Stack>
          <TextInput
            data-autofocus
            label={t('Name')}
            required
            value={name}
            error={problem.name}
            onChange={(e) => {
              setName(e.currentTarget.value)
              setProblem({})
            }}
            onFocus={(e) => e.currentTarget.select()}
          />
          {children}
          {problem.other && (
            <Alert color="red" role="alert">
              {problem.other}
            </Alert>
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t('Cancel')}
            </Button>
            <Button type="submit" disabled={!name.trim()} loading={busy}>
              {action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
