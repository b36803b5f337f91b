// DNI: the use of a number pool and its assigned numbers; a snippet's installation.
import { Alert, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { Suspense, lazy, useMemo } from 'react'
import { Copyable } from './Copyable'
import { api, list, type Row } from './api'
import { Rows } from './Facts'
import { moment, plain } from './calls/fields'
import { t } from './text'

const Chart = lazy(() => import('./Chart'))

interface Statistics {
  numbers: number
  in_use: number
  peak: number
  dry: number
  advised_numbers: number | null
  data: { from: string; peak: number; leases: number; dry: number }[]
}

function advice(s: Statistics) {
  if (s.numbers === 0) return t('The pool has no numbers yet. Choose the pool in the form of each number.')
  if (s.advised_numbers === null) return t('No visitor has needed a number yet.')
  if (s.dry) return t('{count} visitors got no number in 7 days. {advised} numbers would cover that with half as much in reserve.', { count: s.dry, advised: s.advised_numbers })
  return t('Peak in 7 days: {peak}. {advised} numbers are enough.', { peak: s.peak, advised: s.advised_numbers })
}

export function NumberPool({ pool }: { pool: Row }) {
  const statistics = useQuery({ queryKey: ['number-pools', 'statistics', pool.id], refetchInterval: 15_000, queryFn: async () => (await api<Statistics & Record<string, unknown>>('GET', `/number-pools/${pool.id}/statistics`)).data })
  const leases = useQuery({ queryKey: ['number-pools', 'leases', pool.id], refetchInterval: 15_000, queryFn: async () => (await list(`/number-pools/${pool.id}/leases?limit=100`)).data })
  const shown = useMemo(() => {
    const hours = statistics.data?.data ?? []
    return {
      labels: hours.map((h) => new Date(h.from).toLocaleString(undefined, { weekday: 'short', hour: '2-digit', minute: '2-digit' })),
      series: [{ name: t('In use'), values: hours.map((h) => h.peak) }, { name: t('No number free'), values: hours.map((h) => h.dry) }],
    }
  }, [statistics.data])
  const s = statistics.data
  const visit = (r: Row) => (r.visit ?? {}) as Record<string, string>
  return (
    <Stack gap="sm">
      {s && <Text size="sm"><b>{t('{used} of {all} numbers', { used: s.in_use, all: s.numbers })}</b> {t('in use or cooling down.')} {advice(s)}</Text>}
      <Group><Link to={'/numbers' as never} search={{ pool_id: pool.id } as never}>{t('Numbers')}</Link><a href="/docs/dni" target="_blank">{t('How number pools work')}</a></Group>
      {s && s.data.length > 0 && <Suspense fallback={null}><Chart labels={shown.labels} series={shown.series} label={t('Numbers in use, by hour')} height={210} /></Suspense>}
      <Title order={3} size="h4">{t('Assigned numbers')}</Title>
      <Rows rows={(leases.data ?? []).map((r) => ({ ...r, state: r.state === 'lent' ? t('in use') : t('cooling down'), source: visit(r).utm_source ?? visit(r).referrer ?? '–', page: visit(r).page ?? visit(r).landing_page ?? '–', call: typeof r.call_id === 'string' ? <Link to={`/calls/${r.call_id}`}>{plain(r.calls)}</Link> : plain(r.calls) }))}
        columns={[['number', t('Number')], ['state', t('State')], ['source', t('From')], ['page', t('Page')], ['started_at', t('Since')], ['expires_at', t('Until')], ['call', t('Calls')]]} empty={t('None in use.')} />
    </Stack>
  )
}

export function DniSnippet({ snippet }: { snippet: Row }) {
  const pages = useQuery({ queryKey: ['dni-snippets', 'pages', snippet.id], refetchInterval: 10_000, queryFn: async () => (await list(`/dni-snippets/${snippet.id}/pages`)).data })
  return (
    <Stack gap="sm">
      <Copyable label={t('Add this line to the page, before </body>')} value={`<script src="${snippet.url}" async></script>`} />
      <a href="/docs/dni" target="_blank">{t('How the snippet works')}</a>
      <Title order={3} size="h4">{t('Installation')}</Title>
      {pages.data?.length === 0
        ? <Alert color="yellow" title={t('No page has used the snippet yet')}>{t('Open the page in a browser: it is listed here a few seconds later. If not, check that its address is one of the allowed sites and that your browser does not send Do Not Track.')}</Alert>
        : <Rows rows={(pages.data ?? []).map((p) => ({ ...p, origin: p.origin || t('unknown'), last_at: moment(p.last_at) }))} columns={[['origin', t('Page')], ['leases', t('Numbers shown in 7 days')], ['last_at', t('Last')]]} empty={t('Loading…')} />}
    </Stack>
  )
}
