// Going somewhere by two keys, and the list of all keys.
import { Group, Kbd, Modal, Stack, Table, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { kinds } from './kinds'
import { t } from './text'

const places: [string, string, string][] = [
  ['d', '/', t('Dashboard')], ['c', '/calls', t('Call log')], ['l', '/calls/live', t('Live calls')],
  ...([['m', kinds.campaigns], ['f', kinds.flows], ['i', kinds.incoming], ['o', kinds.outgoing], ['t', kinds.tags]] as const)
    .map(([key, kind]): [string, string, string] => [key, kind.page, kind.title]),
  ['r', '/reports', t('Reports')],
]
const keys: [string, [string[], string][]][] = [
  [t('In lists'), [[['/'], t('Search')], [['n'], t('Create')], [['j'], t('Into the list')], [['↑', '↓'], t('From row to row')], [['Enter'], t('Open')]]],
  [t('On the canvas'), [[['/'], t('Add or find a node')], [['Enter'], t('Open the chosen node')], [['Ctrl', 'Z'], t('Undo')], [['Ctrl', 'Shift', 'Z'], t('Redo')], [['Ctrl', 'C'], t('Copy')], [['Ctrl', 'V'], t('Paste')], [['Ctrl', 'A'], t('Choose all')], [['Shift', 'N'], t('Add a note')], [['Ctrl', 'G'], t('Group what is chosen')], [['Delete'], t('Delete what is chosen')]]],
]
const typing = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

export function Shortcuts() {
  const navigate = useNavigate()
  const [opened, setOpened] = useState(false)
  const pressed = useRef(0) // when g was
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      if (typing(e.target) || e.ctrlKey || e.metaKey || e.altKey) return
      const place = Date.now() - pressed.current < 1500 ? places.find(([k]) => k === e.key) : undefined
      pressed.current = e.key === 'g' ? Date.now() : 0
      if (e.key === '?') setOpened(true)
      else if (place) {
        e.preventDefault()
        e.stopImmediatePropagation()
        void navigate({ to: place[1] })
      }
    }
    window.addEventListener('keydown', key, true)
    return () => window.removeEventListener('keydown', key, true)
  }, [navigate])
  const row = (pressed: string[], what: string) => <Table.Tr key={what}><Table.Td w={160}><Group gap={4}>{pressed.map((k) => <Kbd key={k}>{k}</Kbd>)}</Group></Table.Td><Table.Td>{what}</Table.Td></Table.Tr>
  return (
    <Modal opened={opened} onClose={() => setOpened(false)} title={t('Keys')} size="lg">
      <Stack>
        <div><Text fw={600}>{t('Go to')}</Text><Table><Table.Tbody>{places.map(([k, , what]) => row(['g', k], what))}</Table.Tbody></Table></div>
        {keys.map(([title, list]) => <div key={title}><Text fw={600}>{title}</Text><Table><Table.Tbody>{list.map(([k, what]) => row(k, what))}</Table.Tbody></Table></div>)}
        <Group gap={6}><Kbd>?</Kbd><Text size="sm">{t('shows this again')}</Text></Group>
      </Stack>
    </Modal>
  )
}
