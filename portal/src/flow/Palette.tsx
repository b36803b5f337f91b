// The node types, by category, with a search; '/' opens it.
import { Button, Combobox, Kbd, Text, useCombobox } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import type { NodeType } from './types'

export function Palette({ types, onPick }: { types: NodeType[]; onPick: (t: NodeType) => void }) {
  const [search, setSearch] = useState('')
  const box = useCombobox({
    onDropdownClose: () => {
      box.resetSelectedOption()
      setSearch('')
    },
    onDropdownOpen: () => {
      box.focusSearchInput()
      box.selectFirstOption()
    },
  })
  useHotkeys([['/', () => box.openDropdown()]])
  useEffect(() => {
    if (search) box.selectFirstOption()
  }, [search])
  const words = search.toLowerCase().split(' ').filter(Boolean)
  const shown = types.filter((t) => t.type !== 'start' && words.every((w) => `${t.type} ${t.label} ${t.category} ${t.help}`.toLowerCase().includes(w)))
  const categories = [...new Set(shown.map((t) => t.category))]
  return (
    <Combobox store={box} width={340} position="bottom-end" onOptionSubmit={(value) => {
      onPick(types.find((t) => t.type === value)!)
      box.closeDropdown()
    }}>
      <Combobox.Target withAriaAttributes={false}><Button variant="default" onClick={() => box.toggleDropdown()} rightSection={<Kbd size="xs">/</Kbd>}>Add node</Button></Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search value={search} aria-label="Find a node" placeholder="Find a node" onChange={(e) => setSearch(e.currentTarget.value)} />
        <Combobox.Options mah="min(420px, 60vh)" style={{ overflowY: 'auto' }}>
          {categories.map((c) => (
            <Combobox.Group key={c} label={c[0].toUpperCase() + c.slice(1)}>
              {shown.filter((t) => t.category === c).map((t) => <Combobox.Option key={t.type} value={t.type}><Text size="sm">{t.label}</Text><Text size="xs" opacity={0.9}>{t.help}</Text></Combobox.Option>)}
            </Combobox.Group>
          ))}
          {shown.length === 0 && <Combobox.Empty>No node is called that</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
