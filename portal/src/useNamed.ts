// The names of what ids stand for. Ids that are asked for while a page is drawn are looked up together, a hundred in a
// request, whatever their kinds and however many objects there are; a name is kept for a minute.
import { useSyncExternalStore } from 'react'
import { list } from './api'

const KEPT_MS = 60_000, RETRY_MS = 5_000, AT_ONCE = 100

interface Known {
  name: string | null // null: there is no such object
  until: number
}
const known = new Map<string, Known>()
const wanted = new Set<string>()
const listeners = new Set<() => void>()
let version = 0
let waits: ReturnType<typeof setTimeout> | undefined

const changed = () => {
  version += 1
  listeners.forEach((told) => told())
}

export function remember(id: string, name: string) {
  known.set(id, { name, until: Date.now() + KEPT_MS })
  changed()
}

async function lookUp() {
  const ids = [...wanted].slice(0, AT_ONCE)
  ids.forEach((id) => wanted.delete(id))
  waits = wanted.size ? setTimeout(() => void lookUp(), 0) : undefined
  try {
    const { data } = await list(`/names?ids=${ids.map(encodeURIComponent).join(',')}`)
    const names = new Map(data.map((r) => [r.id, String(r.name)]))
    ids.forEach((id) => known.set(id, { name: names.get(id) ?? null, until: Date.now() + KEPT_MS }))
  } catch {
    ids.forEach((id) => known.set(id, { name: known.get(id)?.name ?? null, until: Date.now() + RETRY_MS }))
  }
  changed()
}

function nameOf(id: unknown): string | undefined {
  if (typeof id !== 'string' || !id) return undefined
  const entry = known.get(id)
  if (!entry || entry.until < Date.now()) {
    wanted.add(id)
    waits ??= setTimeout(() => void lookUp(), 5)
  }
  return entry ? (entry.name ?? undefined) : '…'
}

const subscribe = (told: () => void) => {
  listeners.add(told)
  return () => void listeners.delete(told)
}

// The name; '…' while it is looked up; undefined where there is no such object.
export function useNamed(): (id: unknown) => string | undefined {
  useSyncExternalStore(subscribe, () => version)
  return nameOf
}
