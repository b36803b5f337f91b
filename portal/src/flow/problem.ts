// A problem of a flow as people read it.
import type { FlowProblem } from '../api'
import { label, sentence } from '../words'

export const isError = (p: FlowProblem) => p.severity === 'error'

// "/nodes/3/config/options/0/key" as "Options 1 Key".
const place = (pointer: string) =>
  (pointer.split('/config/')[1] ?? '')
    .split('/')
    .filter(Boolean)
    .map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : label(part)))
    .join(' ')

// "Options 1 Key is required": for a wrong setting, which one. With a node's name before it, where it is given.
export function problemText(p: FlowProblem, node?: string | null): string {
  const text = sentence(p.code === 'config' ? `${place(p.pointer)} ${p.detail}`.trim() : p.detail)
  return node ? `${node}: ${text}` : text
}
