// Why a request failed, as a person reads it.
import { problemOf } from './api'
import { t } from './text'
import { sentence } from './words'

const reasons: Record<number, string> = {
  0: t('The server cannot be reached. Check the connection, then try again.'),
  401: t('Your session has expired. Sign in again, then repeat this.'),
  412: t('Someone else changed this meanwhile.'),
  429: t('Too many requests. Try again in a moment.'),
}

const ended = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)

export function reasonOf(e: unknown): string {
  const { problem, message } = problemOf(e), detail = problem.detail || problem.title
  if (reasons[problem.status]) return reasons[problem.status]
  if (problem.status === 403) return t('Your role does not allow this: {detail}', { detail: ended(detail) })
  if (problem.status >= 500) return t('The server has a problem: {detail}', { detail: ended(detail) })
  return ended(sentence(message))
}
