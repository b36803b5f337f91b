// Saving, publishing and renaming a call flow: one request after the other, and never over what
// somebody else saved.
import { notifications } from '@mantine/notifications'
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { ApiError, api, type FlowProblem, type Row } from '../api'
import { onRenewed } from '../session'
import { t } from '../text'
import type { Document } from './document'

interface State {
  name: string
  published: number | null
  saved: string // the document's text that the server has
  conflict: boolean // somebody else saved meanwhile: saving waits for a choice whose to keep
  asking: boolean // the dialog about it is open
  failures: number // failed saves so far
  failed: boolean // the last save
  retries: boolean // it is tried again by itself
}

interface Options {
  flow: Row
  etag: string
  document_: Document
  text: string // of the document
  onProblems: (problems: FlowProblem[]) => void
}

const AUTOSAVE_MS = 1000
const TOLD_MS = 6000
const COMPLAINED_MS = 12000
const RETRY_MS = 2000 // after the first failure, then twice as long up to RETRY_MOST_MS
const RETRY_MOST_MS = 15000

const statusOf = (e: unknown) => (e instanceof ApiError ? e.problem.status : 0)
const passes = (status: number) => status === 0 || status === 408 || status === 429 || status >= 500

// Why a request failed, in words.
export function reasonOf(e: unknown): string {
  if (e instanceof TypeError) return t('The server cannot be reached')
  if (!(e instanceof ApiError)) return String(e)
  const errors = (e.problem.errors ?? []).filter((x) => x.pointer)
  return errors.length
    ? errors.map((x) => `${x.pointer.slice(1)} ${x.detail}`).join('; ')
    : e.message
}

export const errorsIn = (problems: FlowProblem[]) =>
  problems.filter((p) => p.severity === 'error').length

export function useSaving({ flow, etag, document_, text, onProblems }: Options) {
  const client = useQueryClient()
  const path = `/call-flows/${flow.id}`
  const latest = useRef({ document_, text })
  latest.current = { document_, text }
  const version = useRef(etag)
  const [state, setState] = useState<State>(() => ({
    name: String(flow.name),
    published: flow.published_version as number | null,
    saved: text,
    conflict: false,
    asking: false,
    failures: 0,
    failed: false,
    retries: false,
  }))
  const now = useRef(state) // of no render: requests go on while the page is drawn anew
  const set = (change: Partial<State>) => {
    now.current = { ...now.current, ...change }
    setState(now.current)
  }
  // One notice, which says how the newest attempt went. It stays for ms; another duration begins it
  // anew.
  const notice = `saving-${flow.id}`,
    told = useRef(0)
  const tell = (message: string, ms: number | false = TOLD_MS, color?: string) => {
    const autoClose = ms && ms + (told.current++ % 2)
    const shown = {
      id: notice,
      message,
      autoClose,
      color,
      closeButtonProps: { 'aria-label': t('Close') },
    }
    notifications.update(shown)
    notifications.show(shown) // where it is not shown yet
  }
  const complain = (message: string, ms: number | false = COMPLAINED_MS) => tell(message, ms, 'red')

  // A request begins when the one before it has ended: it needs the ETag of that one's answer.
  const turn = useRef<Promise<unknown>>(Promise.resolve())
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.current.then(work)
    turn.current = mine.catch(() => undefined)
    return mine
  }
  const changed = () => client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
  const isConflict = (e: unknown) => {
    if (statusOf(e) !== 412) return false
    set({ conflict: true, asking: true })
    return true
  }

  const put = async (isQuiet: boolean): Promise<boolean> => {
    const { document_: draft, text: written } = latest.current
    if (written === now.current.saved) return true
    if (now.current.conflict) {
      set({ asking: true })
      return false
    }
    set({ failed: false })
    try {
      const answer = await api('PATCH', path, { draft }, { 'if-match': version.current })
      version.current = answer.etag
      if (now.current.failures) notifications.hide(notice)
      set({ saved: written, failures: 0, retries: false })
      await changed()
      return true
    } catch (e) {
      set({ failed: true, failures: now.current.failures + 1, retries: passes(statusOf(e)) })
      if (!isConflict(e) && !isQuiet)
        complain(t('Not saved: {reason}', { reason: reasonOf(e) }), false)
      return false
    }
  }
  const save = (isQuiet = false) => inTurn(() => put(isQuiet))

  // Throws what the server refused.
  const post = async (action: 'publish' | 'rollback', body: object): Promise<number> => {
    const answer = await api<{ version: number }>('POST', `${path}/${action}`, body, {
      'if-match': version.current,
    })
    version.current = answer.etag
    set({ published: answer.data.version })
    await changed()
    return answer.data.version
  }
  const refused = (e: unknown) => {
    if (e instanceof ApiError && e.problem.problems) onProblems(e.problem.problems)
    if (!isConflict(e)) complain(t('Not published: {reason}', { reason: reasonOf(e) }))
  }
  const publish = (note: string) =>
    inTurn(async () => {
      if (!(await put(false))) return
      try {
        const number = await post('publish', { note })
        tell(t('Version {version} is published. New calls use it.', { version: number }))
      } catch (e) {
        refused(e)
      }
    })
  const rollBack = (to: number) =>
    inTurn(async () => {
      try {
        const number = await post('rollback', { version: to })
        const numbers = { to, version: number }
        tell(
          t(
            'Version {to} is published again, as version {version}. The draft is unchanged.',
            numbers,
          ),
        )
      } catch (e) {
        refused(e)
      }
    })
  // What Save does: the first version is published along with it, later ones only by Publish.
  const saveOrPublish = async () => {
    if (!(await put(false))) return
    const { published } = now.current
    if (published !== null) {
      tell(
        t('Saved. Calls keep using version {version} until you publish.', { version: published }),
      )
      return
    }
    try {
      const number = await post('publish', { note: '' })
      tell(t('Saved and published as version {version}', { version: number }))
    } catch (e) {
      const problems = e instanceof ApiError ? e.problem.problems : undefined
      if (!problems) return refused(e)
      onProblems(problems)
      const count = { count: errorsIn(problems) }
      complain(t('Saved, but not published yet: {count} errors. See the list of problems.', count))
    }
  }
  const busy = useRef(false) // a double click, and a key that is held, save once
  const saveNow = async () => {
    if (busy.current) return
    busy.current = true
    await inTurn(saveOrPublish).finally(() => {
      busy.current = false
    })
  }
  // Throws what the server refused, to be shown where the name was typed.
  const rename = (name: string) =>
    inTurn(async () => {
      try {
        const answer = await api<Row>('PATCH', path, { name }, { 'if-match': version.current })
        version.current = answer.etag
        set({ name })
        await changed()
      } catch (e) {
        if (!isConflict(e)) throw e
      }
    })

  // After a conflict: what the server has is where one goes on from, with what is on the canvas, or
  // as it is (saved).
  const goOnFrom = (theirs: Row, from: string, saved?: string) => {
    version.current = from
    set({
      name: String(theirs.name),
      published: theirs.published_version as number | null,
      conflict: false,
      asking: false,
      ...(saved === undefined ? {} : { saved }),
    })
  }

  const dirty = text !== state.saved
  // The draft is saved a second after the last change.
  useEffect(() => {
    if (!dirty || state.conflict) return
    const timer = setTimeout(() => void save(), AUTOSAVE_MS)
    return () => clearTimeout(timer)
  }, [text, dirty, state.conflict]) // eslint-disable-line react-hooks/exhaustive-deps
  // What failed because of the network or the server is tried again by itself.
  useEffect(() => {
    if (!state.failed || !state.retries || !dirty) return
    const again = () => void save(true)
    const timer = setTimeout(again, Math.min(RETRY_MOST_MS, RETRY_MS * 2 ** (state.failures - 1)))
    window.addEventListener('online', again)
    return () => {
      clearTimeout(timer)
      window.removeEventListener('online', again)
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [state.failed, state.failures, state.retries, dirty])
  // A save that failed because the session had expired is repeated after the next sign-in.
  useEffect(() => {
    if (!state.failed || !dirty || state.conflict) return
    return onRenewed(() => void save(true))
  }, [state.failed, dirty, state.conflict]) // eslint-disable-line react-hooks/exhaustive-deps

  return {
    ...state,
    dirty,
    save,
    saveNow,
    publish,
    rollBack,
    rename,
    goOnFrom,
    ask: (asking: boolean) => set({ asking }),
  }
}
