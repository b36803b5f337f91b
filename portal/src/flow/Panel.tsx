// A panel at the right of the builder's canvas, below its buttons: the canvas gives it room. On a
// narrow screen it covers the page.
import { Drawer } from '@mantine/core'
import { useMediaQuery } from '@mantine/hooks'
import type { ReactNode, RefObject } from 'react'
import { PANEL } from './keys'

const WIDTH = 480
const GAP = 10

export const useIsDocked = () =>
  useMediaQuery('(min-width: 62em)', false, { getInitialValueInEffect: false })
// What the canvas leaves free while a panel is open.
export const room = (isOpen: boolean, isDocked: boolean | undefined) =>
  isOpen && isDocked ? WIDTH + GAP : 0

interface Props {
  within: RefObject<HTMLElement | null>
  title: ReactNode
  opened: boolean
  onClose: () => void
  children: ReactNode
}

export function Panel({ within, title, opened, onClose, children }: Props) {
  const isDocked = useIsDocked()
  const docked = isDocked && {
    portalProps: { target: within.current ?? undefined },
    classNames: { inner: 'docked-inner', content: 'docked' },
    transitionProps: { duration: 0 },
  }
  return (
    <Drawer
      {...PANEL}
      {...docked}
      opened={opened}
      onClose={onClose}
      title={title}
      position="right"
      size={isDocked ? WIDTH : '100%'}
      withOverlay={false}
      lockScroll={false}
    >
      {children}
    </Drawer>
  )
}
