// A text with [TOKENS]: an open bracket offers the names there are.
import { Combobox, Textarea, useCombobox } from '@mantine/core'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import { useNames } from './names'

interface Props {
  label: string
  description?: string
  error?: string
  required?: boolean
  minRows?: number
  value: string
  onChange: (v: string | null) => void
}

export function Template({ value, onChange, minRows = 2, ...field }: Props) {
  const { tokens } = useNames()
  const area = useRef<HTMLTextAreaElement>(null)
  const [typed, setTyped] = useState<string | null>(null) // after the open bracket
  const place = useRef<number | null>(null) // where the caret goes on, once the text is there
  useLayoutEffect(() => {
    if (place.current !== null) area.current?.setSelectionRange(place.current, place.current)
    place.current = null
  })
  const box = useCombobox({ onDropdownClose: () => box.resetSelectedOption() })
  const found = typed === null ? [] : tokens.filter((t) => t.toLowerCase().includes(typed.toLowerCase())).slice(0, 12)
  useEffect(() => {
    if (typed !== null) box.selectFirstOption()
  }, [typed]) // eslint-disable-line react-hooks/exhaustive-deps
  const look = (text: string, caret: number) => {
    const open = /(?:^|[^[])\[([A-Za-z0-9_.-]*)$/.exec(text.slice(0, caret))
    setTyped(open ? open[1] : null)
    if (open) box.openDropdown()
    else box.closeDropdown()
  }
  const take = (token: string) => {
    const caret = area.current?.selectionStart ?? value.length, begin = caret - (typed?.length ?? 0)
    const after = value.slice(caret).startsWith(']') ? value.slice(caret + 1) : value.slice(caret)
    onChange(`${value.slice(0, begin)}${token}]${after}`)
    setTyped(null)
    box.closeDropdown()
    place.current = begin + token.length + 1
  }
  return (
    <Combobox store={box} onOptionSubmit={take}>
      <Combobox.Target withKeyboardNavigation={found.length > 0}>
        <Textarea autosize minRows={minRows} ref={area} value={value} {...field}
          onChange={(e) => { onChange(e.currentTarget.value || null); look(e.currentTarget.value, e.currentTarget.selectionStart) }}
          onBlur={() => box.closeDropdown()} />
      </Combobox.Target>
      <Combobox.Dropdown hidden={found.length === 0}>
        <Combobox.Options mah={220} style={{ overflowY: 'auto' }}>{found.map((t) => <Combobox.Option key={t} value={t}>{t}</Combobox.Option>)}</Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
