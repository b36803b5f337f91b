// The one way to the API: adds the session's CSRF token, turns problems into errors.
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

export const problemOf = (e: unknown) => (e instanceof ApiError ? e : new ApiError({ status: 0, title: String(e), detail: '' }))

let csrf = ''
export const setCsrf = (token: string) => (csrf = token)

async function send<T>(method: string, path: string, body: BodyInit | undefined, headers: Record<string, string>): Promise<{ data: T; etag: string }> {
  const response = await fetch(`/api/v1${path}`, { method, headers: { ...(method === 'GET' ? {} : { 'x-csrf-token': csrf }), ...headers }, body })
  const text = await response.text()
  const data = text ? JSON.parse(text) : null
  if (!response.ok) throw new ApiError(data ?? { status: response.status, title: response.statusText, detail: '' })
  return { data, etag: response.headers.get('etag') ?? '' }
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
