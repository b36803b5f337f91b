// The session: who is signed in, the CSRF token of changes, and the requests that wait while a session has expired.
import { useSyncExternalStore } from 'react'
import { t } from './text'

export type Role = 'analyst' | 'manager' | 'admin' | 'owner'

export interface Session {
  user_id: string
  organization_id: string
  csrf_token: string
  email: string
  role: Role
  second_factor: boolean
  limited: boolean // a second factor has to be set up before anything else
}

interface State {
  known: boolean // the server was asked
  session: Session | null // null: the sign-in page is shown
  expired: boolean // the server refused the session since
  asking: boolean // the sign-in dialog is open
}

let state: State = { known: false, session: null, expired: false, asking: false }
let waiting: ((signedIn: boolean) => void)[] = []
let renewals = 0 // counts sign-ins of this page, to tell a late 401 of the old session from one of the new
let leaving = false
const listeners = new Set<() => void>()
const renewed = new Set<() => void>()

function set(next: Partial<State>) {
  state = { ...state, ...next }
  listeners.forEach((f) => f())
}
const subscribe = (f: () => void) => {
  listeners.add(f)
  return () => void listeners.delete(f)
}

// This listener is registered before those of the forms and of the router, so that it can silence them.
window.addEventListener('beforeunload', (e) => leaving && e.stopImmediatePropagation(), { capture: true })

export const useSessionState = () => useSyncExternalStore(subscribe, () => state)

// Who is signed in. Only for components inside the frame, which is shown when somebody is.
export const useSession = () => useSessionState().session!

const ranks: Role[] = ['analyst', 'manager', 'admin', 'owner']
export const may = (role: Role, least: Role) => ranks.indexOf(role) >= ranks.indexOf(least)
// May the user do what this role may?
export const useMay = (least: Role) => may(useSession().role, least)
export const roleName = (role: Role) => ({ analyst: t('Analyst'), manager: t('Manager'), admin: t('Admin'), owner: t('Owner') })[role]

export const csrfToken = () => state.session?.csrf_token ?? ''
export const sessionRenewals = () => renewals
export const isExpired = () => state.expired

// Calls f after each sign-in that renewed an expired session. Returns the way to stop that.
export function onRenewed(f: () => void): () => void {
  renewed.add(f)
  return () => void renewed.delete(f)
}

interface Refusal {
  title: string
  detail: string
  errors: { pointer: string }[]
}

async function read(): Promise<Session | null> {
  const response = await fetch('/api/v1/session')
  if (!response.ok) throw new Error(response.statusText)
  const answer = (await response.json()) as Session & { authenticated: boolean }
  return answer.authenticated ? answer : null
}

// Escape closes nothing while the sign-in dialog is open: the dialogs and panels below it stay. Wherever the focus is:
// the listener is the window's first.
window.addEventListener('keydown', (e) => {
  if (e.key === 'Escape' && state.asking) e.stopImmediatePropagation()
}, { capture: true })

// Asks the server who is signed in, when the portal is opened.
export async function loadSession() {
  const session = await read()
  set({ known: true, session })
}

// The password was right; the code of the second factor is missing or wrong.
export class CodeError extends Error {}

// Signs in and returns who that is. Throws with a sentence for people.
export async function signIn(email: string, password: string, code?: string): Promise<Session> {
  const unreachable = new Error(t('The server cannot be reached. Try again.'))
  const body = JSON.stringify({ email, password, ...(code ? { code } : {}) })
  const send = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  const response = await fetch('/api/v1/session', send).catch(() => Promise.reject(unreachable))
  if (!response.ok) {
    const problem = (await response.json().catch(() => ({}))) as Partial<Refusal>
    const { detail, title, errors } = problem
    if (errors?.some((e) => e.pointer === '/code'))
      throw new CodeError(code ? t('The code is wrong') : '')
    const sentence = detail ?? title ?? response.statusText
    throw new Error(sentence.charAt(0).toUpperCase() + sentence.slice(1))
  }
  const session = await read().catch(() => Promise.reject(unreachable))
  if (!session) throw new Error(t('The browser did not keep the session’s cookie. Allow cookies for this site.'))
  return session
}

export const enter = (session: Session) => set({ known: true, session })

// Reads the session again: what it may do has changed.
export async function refreshSession() {
  const session = await read()
  if (session) set({ session })
}

export async function signOut() {
  const response = await fetch('/api/v1/session', { method: 'DELETE' })
  if (!response.ok) throw new Error(response.statusText)
}

// Leaves the page for good. What was typed is given up: the user has agreed.
export function leave(go: () => void) {
  leaving = true
  go()
}

/*
 * A request was answered with 401. The sign-in dialog opens over the page; all requests that come here wait for it.
 * Resolves with true when the same user has signed in again, and with false when the dialog was cancelled.
 * opens: false for requests that nobody asked for, such as those that refresh a page: after Cancel these do not open
 * the dialog again.
 */
export function signInAgain(opens: boolean): Promise<boolean> {
  if (state.expired && !state.asking && !opens) return Promise.resolve(false)
  set({ expired: true, asking: true })
  return new Promise((done) => waiting.push(done))
}

export const askAgain = () => set({ asking: true })

function release(signedIn: boolean) {
  const all = waiting
  waiting = []
  all.forEach((done) => done(signedIn))
}

// The same user has signed in: repeat what waited.
export function renew(session: Session) {
  renewals++
  set({ session, expired: false, asking: false })
  release(true)
  renewed.forEach((f) => f())
}

export function cancel() {
  set({ asking: false })
  release(false)
}

/*
 * A change was refused with 403: does the cookie belong to another session than the CSRF token that was sent? So it is
 * after a sign-in in another tab. 'newer' is a session of the same user, whose token is used from now on.
 */
export async function sessionSince(sent: string): Promise<'same' | 'newer' | 'other'> {
  if (csrfToken() !== sent) return 'newer'
  const session = await read().catch(() => null)
  if (!session || session.csrf_token === sent) return 'same'
  if (session.user_id !== state.session?.user_id) return 'other'
  set({ session })
  return 'newer'
}
