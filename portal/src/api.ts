// The one way to the API: adds the session's CSRF token, turns problems into errors.
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

let csrf = ''
export const setCsrf = (token: string) => (csrf = token)

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
  const all = { ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }), ...headers }
  const response = await fetch(`/api/v1${path}`, { method, headers: all, body }).catch(unreachable)
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
