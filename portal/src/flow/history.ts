// Undo and redo of everything that the document tells, by its text. Changes close to each other are one.
import { useEffect, useRef, useState } from 'react'

const MOST = 20_000_000 // characters of past documents

export function useHistory(text: string, apply: (text: string) => void) {
  const past = useRef<string[]>([])
  const future = useRef<string[]>([])
  const present = useRef(text)
  const latest = useRef(text)
  const [, redraw] = useState(0)
  latest.current = text
  const commit = () => {
    if (latest.current === present.current) return
    past.current.push(present.current)
    for (let size = past.current.reduce((n, t) => n + t.length, 0); size > MOST && past.current.length > 1;) size -= past.current.shift()!.length
    present.current = latest.current
    future.current = []
    redraw((n) => n + 1)
  }
  useEffect(() => {
    const t = setTimeout(commit, 350)
    return () => clearTimeout(t)
  }, [text]) // eslint-disable-line react-hooks/exhaustive-deps
  const go = (from: string[], to: string[]) => {
    commit()
    const next = from.pop()
    if (next === undefined) return
    to.push(present.current)
    present.current = next
    apply(next)
    redraw((n) => n + 1)
  }
  return {
    canUndo: past.current.length > 0 || text !== present.current,
    canRedo: future.current.length > 0,
    undo: () => go(past.current, future.current),
    redo: () => go(future.current, past.current),
  }
}
