// A text that is copied as it stands.
import { Button, Code, Group, Text } from '@mantine/core'
import { useEffect, useState } from 'react'
import { t } from './text'
import { complain } from './toast'

// By the older way where the page has no secure origin: there browsers have no clipboard API.
function copyByCommand(text: string): boolean {
  const area = document.createElement('textarea'), focused = document.activeElement
  area.value = text
  area.style.position = 'fixed'
  area.style.opacity = '0'
  document.body.append(area)
  area.select()
  const done = document.execCommand('copy')
  area.remove()
  if (focused instanceof HTMLElement) focused.focus()
  return done
}

async function copied(text: string): Promise<boolean> {
  try {
    if (window.isSecureContext) await navigator.clipboard.writeText(text)
    return window.isSecureContext || copyByCommand(text)
  } catch {
    return copyByCommand(text)
  }
}

export function Copy({ value, label = t('Copy') }: { value: string; label?: string }) {
  const [done, setDone] = useState(false)
  useEffect(() => {
    if (!done) return
    const timer = setTimeout(() => setDone(false), 1000)
    return () => clearTimeout(timer)
  }, [done])
  const copy = async () => {
    if (await copied(value)) setDone(true)
    else complain(new Error(t('The browser did not allow copying. Select the text and copy it.')))
  }
  return <Button size="compact-xs" variant="light" onClick={() => void copy()} style={{ flexShrink: 0 }}>{done ? t('Copied') : label}</Button>
}

// copy: what the button is called, where there are several.
export function Copyable({ label, value, copy }: { label: string; value: string; copy?: string }) {
  return (
    <div>
      <Text size="sm" fw={500}>{label}</Text>
      <Group wrap="nowrap"><Code style={{ overflowWrap: 'anywhere' }}>{value}</Code><Copy value={value} label={copy} /></Group>
    </div>
  )
}
