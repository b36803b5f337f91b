// The one way to the API: adds the session's CSRF token, waits for a new sign-in when the session has expired, turns
// problems into errors.
import { csrfToken, sessionRenewals, sessionSince, signInAgain } from './session'
import { t } from './text'

export interface Problem {
  status: number
  title: string
  detail: string
  errors?: { pointer: string; detail: string }[]
  problems?: FlowProblem[]
}

export interface FlowProblem {
  code: string
  severity: 'error' | 'warning'
  node: string | null
  pointer: string
  detail: string
}

export class ApiError extends Error {
  constructor(public problem: Problem) {
    super(problem.errors?.find((e) => !e.pointer)?.detail || problem.detail || problem.title)
  }

  at(pointer: string): string | undefined {
    return this.problem.errors?.find((e) => e.pointer === pointer)?.detail
  }
}

export function problemOf(e: unknown): ApiError {
  if (e instanceof ApiError) return e
  return new ApiError({ status: -1, title: e instanceof Error ? e.message : String(e), detail: '' })
}

const expired = (): Problem =>
  ({ status: 401, title: t('Not signed in'), detail: t('Your session has expired. Sign in again.') })

// One request. Where the session has expired it waits until the user has signed in again, and is repeated.
async function request(
  method: string, path: string, body: BodyInit | undefined, headers: Record<string, string>,
): Promise<Response> {
  const isChange = method !== 'GET'
  for (;;) {
    const renewals = sessionRenewals(), token = csrfToken()
    const all = isChange ? { 'x-csrf-token': token, ...headers } : headers
    const response = await fetch(`/api/v1${path}`, { method, headers: all, body }).catch(unreachable)
    if (response.status !== 401 && !(response.status === 403 && isChange)) return response
    const since = response.status === 403 ? await sessionSince(token) : 'ended'
    if (since === 'same') return response
    if (since === 'newer' || renewals !== sessionRenewals()) continue
    if (!(await signInAgain(isChange))) throw new ApiError(expired())
  }
}

const unreachable = (): never => {
  throw new ApiError({ status: 0, title: t('The server cannot be reached'), detail: '' })
}

// undefined: something between here and the server answered, and no JSON.
function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : null
  } catch {
    return undefined
  }
}

async function send<T>(method: string, path: string, body: BodyInit | undefined, headers: Record<string, string>): Promise<{ data: T; etag: string }> {
  const response = await request(method, path, body, headers)
  const text = await response.text().catch(unreachable)
  const data = parsed(text)
  if (!response.ok || data === undefined) {
    const problem = (data ?? { title: response.statusText || t('The answer is unreadable'), detail: '' }) as Problem
    throw new ApiError({ ...problem, status: response.ok ? 502 : response.status })
  }
  return { data: data as T, etag: response.headers.get('etag') ?? '' }
}

export const api = <T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  send<T>(method, path, body === undefined ? undefined : JSON.stringify(body), body === undefined ? headers : { 'content-type': 'application/json', ...headers })
export const upload = (path: string, file: File) => send('PUT', path, file, { 'content-type': file.type || 'application/octet-stream' })

export type Row = Record<string, unknown> & { id: string }
export interface Page {
  data: Row[]
  next_cursor: string | null
}
export const list = async (path: string) => (await api<Page>('GET', path)).data
