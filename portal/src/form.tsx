// What every form needs: saving that never fails in silence, the list of what is wrong, and what has changed.
import { Alert, Anchor, List } from '@mantine/core'
import { useCallback, useEffect, useRef, useState, type ReactNode } from 'react'
import { ApiError, problemOf } from './api'
import { reasonOf } from './reasons'
import { titleAt, type Schema } from './schema'
import { t } from './text'
import { complain } from './toast'
import { sentence } from './words'

export interface Saving {
  error: ApiError | null
  busy: boolean
  at: (pointer: string) => string | undefined // what is wrong with the field
  run: (save: () => Promise<unknown>) => Promise<boolean> // false: it failed, and the person was told
  clear: () => void
}

// The one thing that is wrong, or how many are.
function inShort(e: ApiError, titled?: (pointer: string) => string): string {
  const errors = e.problem.errors ?? [], [first] = errors
  if (errors.length > 1) return t('{count} fields need attention.', { count: errors.length })
  const title = first?.pointer ? titled?.(first.pointer) : ''
  return title ? `${title}: ${first.detail.replace(/\.$/, '')}.` : reasonOf(e)
}

// titled: what the place of an error is called.
export function useSaving(titled?: (pointer: string) => string): Saving {
  const title = useRef(titled)
  title.current = titled
  const [error, setError] = useState<ApiError | null>(null)
  const [busy, setBusy] = useState(false)
  const running = useRef(false)
  const run = useCallback(async (save: () => Promise<unknown>) => {
    if (running.current) return false
    running.current = true
    setBusy(true)
    try {
      await save()
      setError(null)
      return true
    } catch (e) {
      const problem = problemOf(e)
      setError(problem)
      complain(new Error(t('Not saved. {reason}', { reason: inShort(problem, title.current) })))
      return false
    } finally {
      running.current = false
      setBusy(false)
    }
  }, [])
  const at = useCallback((pointer: string) => error?.at(pointer), [error])
  return { error, busy, at, run, clear: useCallback(() => setError(null), []) }
}

// Where the field of an error is: the field itself, else the nearest part of the form that holds it.
function placeOf(form: ParentNode, pointer: string): HTMLElement | null {
  for (let at = pointer; at; at = at.slice(0, at.lastIndexOf('/'))) {
    const found = form.querySelector<HTMLElement>(`[data-field="${CSS.escape(at)}"]`)
    if (found) return found
  }
  return null
}

const focusable = 'input:not([type=hidden]):not([disabled]), textarea:not([disabled]), select, [contenteditable=true], button:not([disabled])'

function focusField(form: ParentNode, pointer: string) {
  const place = placeOf(form, pointer)
  place?.scrollIntoView({ block: 'center' })
  place?.querySelector<HTMLElement>(focusable)?.focus()
}

interface Wrong {
  error: ApiError | null
  schema: Schema
  value: unknown
  children?: ReactNode // what can be done about it
}

// At the top of a form: why it was not saved. It takes the focus; each line leads to its field.
export function Problems({ error, schema, value, children }: Wrong) {
  const box = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (error) box.current?.focus()
  }, [error])
  if (!error) return null
  const form = () => box.current?.closest('[data-form]') ?? document
  const errors = error.problem.errors ?? []
  const line = (pointer: string, detail: string) => {
    const title = titleAt(schema, pointer, value)
    return title ? `${title}: ${detail}` : sentence(detail)
  }
  return (
    <Alert ref={box} tabIndex={-1} color="red" title={t('Not saved')} className="problems">
      {errors.length === 0 && reasonOf(error)}
      {errors.length > 0 && (
        <List size="sm">
          {errors.map((e) => (
            <List.Item key={e.pointer + e.detail}>
              {e.pointer ? (
                <Anchor component="button" type="button" size="sm" ta="left"
                  c="var(--mantine-color-text)" underline="always"
                  onClick={() => focusField(form(), e.pointer)}>
                  {line(e.pointer, e.detail)}
                </Anchor>
              ) : sentence(e.detail)}
            </List.Item>
          ))}
        </List>
      )}
      {children}
    </Alert>
  )
}

// ---- what has changed ----

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
const isNothing = (v: unknown) => v === null || v === undefined || v === '' || (Array.isArray(v) && v.length === 0)

// Are they the same to a person? Nothing is nothing, however it is written; what is left out has its default.
export function isSame(a: unknown, b: unknown, schema?: Schema): boolean {
  const one = a ?? schema?.default, other = b ?? schema?.default
  if (one === other || (isNothing(one) && isNothing(other))) return true
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((v, i) => isSame(v, other[i], schema?.items))
  if (!isObject(one) || !isObject(other)) return false
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].every((key) => isSame(one[key], other[key], schema?.properties?.[key]))
}

// What changes `from` into `to`, as a merge patch (RFC 7396): of objects their changed members, null where one is gone.
export function mergePatch(from: Record<string, unknown>, to: Record<string, unknown>): Record<string, unknown> {
  const patch: Record<string, unknown> = {}
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const old = from[key], now = to[key]
    if (JSON.stringify(old ?? null) === JSON.stringify(now ?? null)) continue
    patch[key] = isObject(old) && isObject(now) ? mergePatch(old, now) : (now ?? null)
  }
  return patch
}

// The same patch on another object.
export function merged(to: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> {
  const result = { ...to }
  for (const [key, value] of Object.entries(patch)) result[key] = isObject(value) && isObject(to[key]) ? merged(to[key], value) : value
  return result
}
