// The node types by category, and the nodes that are there, with a search; '/' opens it.
import { Button, Combobox, Kbd, Text, useCombobox } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useEffect, useState } from 'react'
import type { FlowNode } from './document'
import type { NodeType } from './types'
import { t } from '../text'

export const DRAGGED = 'application/x-strowger-node' // a node type that is dragged to the canvas

interface Props {
  types: NodeType[]
  nodes: FlowNode[]
  // A place that waits for a node, in words: the palette is open, and what is picked goes there.
  place: string | null
  onPick: (t: NodeType) => void
  onFind: (id: string) => void
  onClose: () => void
  isKeyOn: () => boolean // its key means the palette: nothing is open in front of the canvas
}

export function Palette({ types, nodes, place, onPick, onFind, onClose, isKeyOn }: Props) {
  const [search, setSearch] = useState('')
  const box = useCombobox({
    onDropdownClose: () => {
      box.resetSelectedOption()
      setSearch('')
      onClose()
    },
    onDropdownOpen: () => {
      box.focusSearchInput()
      box.selectFirstOption()
    },
  })
  useHotkeys([['/', () => isKeyOn() && box.openDropdown()]])
  useEffect(() => {
    if (place) box.openDropdown()
  }, [place]) // eslint-disable-line react-hooks/exhaustive-deps
  useEffect(() => {
    if (search) box.selectFirstOption()
  }, [search]) // eslint-disable-line react-hooks/exhaustive-deps
  const wanted = search.toLowerCase().split(' ').filter(Boolean)
  const fits = (text: string) => wanted.every((w) => text.toLowerCase().includes(w))
  const called = (t: NodeType) => fits(`${t.type} ${t.label}`)
  const matching = types.filter((t) => t.type !== 'start' && fits(`${t.type} ${t.label} ${t.category} ${t.help}`))
  const shown = search ? [...matching.filter(called), ...matching.filter((t) => !called(t))] : matching // what is called so goes first
  const there = search && !place ? nodes.filter((n) => fits(`${n.id} ${n.data.name ?? ''} ${n.data.type}`)).slice(0, 8) : []
  const categories = [...new Set(shown.map((t) => t.category))]
  return (
    <Combobox store={box} width={340} position="bottom-end" onOptionSubmit={(value) => {
      if (value.startsWith('node:')) onFind(value.slice(5))
      else onPick(types.find((t) => t.type === value)!)
      box.closeDropdown()
    }}>
      <Combobox.Target withAriaAttributes={false}><Button variant="default" onClick={() => box.toggleDropdown()} rightSection={<Kbd size="xs">/</Kbd>}>{t('Add node')}</Button></Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Search value={search} aria-label={t('Find a node')} placeholder={place ?? t('Find a node')} onChange={(e) => setSearch(e.currentTarget.value)} />
        <Combobox.Options mah="min(420px, 60vh)" style={{ overflowY: 'auto' }}>
          {categories.map((c) => (
            <Combobox.Group key={c} label={c[0].toUpperCase() + c.slice(1)}>
              {shown.filter((t) => t.category === c).map((t) => (
                <Combobox.Option key={t.type} value={t.type}>
                  {/* an option keeps the mouse from dragging it: its content does not */}
                  <div draggable onMouseDown={(e) => e.stopPropagation()} onDragStart={(e) => e.dataTransfer.setData(DRAGGED, t.type)} onDragEnd={() => box.closeDropdown()}><Text size="sm">{t.label}</Text><Text size="xs" opacity={0.9}>{t.help}</Text></div>
                </Combobox.Option>
              ))}
            </Combobox.Group>
          ))}
          {there.length > 0 && <Combobox.Group label={t('In this flow')}>{there.map((n) => <Combobox.Option key={n.id} value={`node:${n.id}`}><Text size="sm">{n.data.name || n.id}</Text></Combobox.Option>)}</Combobox.Group>}
          {shown.length + there.length === 0 && <Combobox.Empty>{t('No node is called that')}</Combobox.Empty>}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
