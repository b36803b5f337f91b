// When the builder's keys mean the canvas: not while something is open in front of it, nor where
// somebody types.
import { useEffect, useRef } from 'react'

export const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

// The builder's own panels are dialogs, too, but stand beside the canvas: they have this attribute.
export const PANEL = { 'data-panel': true }

const isShown = (roles: string) =>
  [...document.querySelectorAll(roles)].some(
    (e) => !e.closest('[data-panel]') && e.getClientRects().length > 0,
  )

export const isDialogOpen = () => isShown('[role=dialog], [role=alertdialog]')
// A dialog, a menu or a list of choices.
export const isSomethingOpen = () =>
  isShown('[role=dialog], [role=alertdialog], [role=menu], [role=listbox]')

export const isInDialog = (target: EventTarget | null) =>
  target instanceof Element && !!target.closest('[role=dialog]')

// Delete and Backspace on the canvas.
export function useDeleteKeys(isOn: () => boolean, remove: () => void) {
  const latest = useRef({ isOn, remove })
  latest.current = { isOn, remove }
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      const isDelete = e.key === 'Delete' || e.key === 'Backspace',
        isModified = e.ctrlKey || e.metaKey || e.altKey
      if (
        isDelete &&
        !isModified &&
        !e.defaultPrevented &&
        !isTyping(e.target) &&
        latest.current.isOn()
      )
        latest.current.remove()
    }
    document.addEventListener('keydown', key)
    return () => document.removeEventListener('keydown', key)
  }, [])
}
