// A long list of texts, one per line: typed, or pasted from a spreadsheet.
import { Group, Text, Textarea } from '@mantine/core'
import { memo, useEffect, useRef, useState } from 'react'
import { t } from './text'

// What a field of several texts is given.
export interface TextsProps {
  label: string
  description?: string
  error?: string
  required?: boolean
  value: string[]
  onChange: (values: string[]) => void
}

const valuesOf = (text: string) => text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean)

export const Lines = memo(function Lines({ value, onChange, description, ...p }: TextsProps) {
  const [text, setText] = useState(() => value.join('\n'))
  const own = useRef(value) // what was read from the text last
  useEffect(() => {
    if (value === own.current) return
    own.current = value
    setText(value.join('\n'))
  }, [value])
  const change = (next: string) => {
    setText(next)
    own.current = valuesOf(next)
    onChange(own.current)
  }
  return (
    <div>
      <Textarea {...p} rows={Math.min(16, Math.max(6, value.length + 1))} resize="vertical" spellCheck={false} value={text} onChange={(e) => change(e.currentTarget.value)}
        description={description ? `${description} ${t('One per line.')}` : t('One per line.')} styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }} />
      <Group mt={4}><Text size="xs" c="dimmed">{t('{shown} values', { count: value.length, shown: value.length.toLocaleString() })}</Text></Group>
    </div>
  )
})
