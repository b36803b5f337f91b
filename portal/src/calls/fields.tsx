// A call's fields, as lists and pages show them.
import { Badge } from '@mantine/core'
import type { Row } from '../api'
import type { Column } from '../DataTable'
import { t } from '../text'
import { moment, said, side } from '../words'

export { moment }
export const plain = (v: unknown) => (v == null ? '–' : typeof v === 'boolean' ? (v ? t('yes') : t('no')) : typeof v === 'object' ? JSON.stringify(v) : String(v))
export const lasting = (seconds: number) => `${seconds >= 3600 ? `${Math.floor(seconds / 3600)}:` : ''}${String(Math.floor(seconds / 60) % 60).padStart(seconds >= 3600 ? 2 : 1, '0')}:${String(Math.floor(seconds) % 60).padStart(2, '0')}`
const bad = ['dead', 'rejected', 'failed', 'expired', 'interrupted']
export const Status = ({ of }: { of: unknown }) => <Badge variant="light" tt="none" color={bad.includes(String(of)) ? 'red' : of === 'active' || of === 'pending' ? 'teal' : 'blue'}>{of === null || of === undefined ? '–' : said(of)}</Badge>

// What runs a call.
const modes: Record<string, string> = { routing_plan: t('Routing Plan'), call_flow: t('Call Flow') }

export function callColumns(tags: string[], named: (id: unknown) => string | undefined): Column[] {
  const field = (key: string, label: string, more: Partial<Column> = {}): Column => ({ key, label, show: (r: Row) => plain(r[key]), ...more })
  const name = (key: string, label: string, hidden = true): Column => ({ key, label, hidden, show: (r) => (r[key] ? (named(r[key]) ?? String(r[key])) : '–') })
  return [
    field('started_at', t('Started'), { whole: true, show: (r) => moment(r.started_at) }),
    field('caller_id', t('Caller'), { whole: true }), field('number', t('Number'), { whole: true }), name('campaign_id', t('Campaign'), false),
    name('publisher_id', t('Publisher')), name('target_id', t('Target')), name('call_flow_id', t('Call flow')), field('execution_mode', t('Mode'), { hidden: true, show: (r) => modes[String(r.execution_mode)] ?? '–' }),
    field('status', t('Status'), { whole: true, hidden: true, show: (r) => <Status of={r.status} /> }), field('disposition', t('Disposition'), { whole: true, show: (r) => <Status of={r.disposition ?? r.status} /> }), field('hangup_by', t('Hung up by'), { hidden: true, show: (r) => (r.hangup_by ? side(r.hangup_by) : '–') }),
    field('duration_seconds', t('Duration'), { right: true, show: (r) => (r.duration_seconds == null ? '–' : lasting(Number(r.duration_seconds))) }), field('converted', t('Converted'), { hidden: true }),
    field('revenue', t('Revenue'), { right: true }), field('payout', t('Payout'), { right: true, hidden: true }), field('cost', t('Cost'), { right: true, hidden: true }), field('margin', t('Margin'), { right: true, hidden: true }), field('id', t('Call log ID'), { hidden: true }),
    ...tags.map((tag): Column => ({ key: `tag.${tag}`, label: tag, hidden: true, show: (r) => plain((r.tags as Record<string, unknown> | undefined)?.[tag]) })),
  ]
}
