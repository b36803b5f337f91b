// What a call was worth, and its corrections by people.
import { Alert, Button, Group, Modal, Stack, Switch, Text, TextInput, Textarea } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { type ApiError, api, list, problemOf, type Row } from '../api'
import { t } from '../text'
import { useNamed } from '../useNamed'
import { Rows } from './Call'
import { plain } from './fields'

type Change = { from: string | boolean; to: string | boolean }
const said = (v: string | boolean) => (typeof v === 'boolean' ? (v ? t('yes') : t('no')) : v)
const fields: Record<string, string> = { revenue: t('Revenue'), payout: t('Payout'), converted: t('Converted') }

export function Adjust({ call, opened, close }: { call: Row; opened: boolean; close: () => void }) {
  const client = useQueryClient()
  const [revenue, setRevenue] = useState(plain(call.revenue))
  const [payout, setPayout] = useState(plain(call.payout))
  const [converted, setConverted] = useState(Boolean(call.converted))
  const [note, setNote] = useState('')
  const [problem, setProblem] = useState<ApiError | null>(null)
  const changed = { ...(revenue.trim() !== call.revenue && { revenue: revenue.trim() }), ...(payout.trim() !== call.payout && { payout: payout.trim() }), ...(converted !== call.converted && { converted }) }
  const save = async () => {
    try {
      await api('POST', `/calls/${call.id}/adjustments`, { ...changed, note })
      await client.invalidateQueries({ queryKey: ['call', call.id] })
      close()
    } catch (e) {
      setProblem(problemOf(e))
    }
  }
  return (
    <Modal opened={opened} onClose={close} title={t('Adjust what the call was worth')}>
      <Stack>
        <Group grow align="flex-start">
          <TextInput label={t('Revenue')} value={revenue} error={problem?.at('/revenue')} onChange={(e) => setRevenue(e.currentTarget.value)} />
          <TextInput label={t('Payout')} value={payout} error={problem?.at('/payout')} onChange={(e) => setPayout(e.currentTarget.value)} />
        </Group>
        <Switch label={t('Converted')} checked={converted} onChange={(e) => setConverted(e.currentTarget.checked)} />
        <Textarea label={t('Why')} required autosize minRows={2} value={note} error={problem?.at('/note')} onChange={(e) => setNote(e.currentTarget.value)} />
        {problem && !problem.problem.errors && <Alert color="red" title={problem.problem.title}>{problem.problem.detail}</Alert>}
        <Text size="xs" c="dimmed">{t('It stays with the call who changed it, why, and what it was before. Reports follow, and call.adjusted is told.')}</Text>
        <Group justify="flex-end"><Button variant="default" onClick={close}>{t('Cancel')}</Button><Button disabled={!Object.keys(changed).length || !note.trim()} onClick={save}>{t('Adjust')}</Button></Group>
      </Stack>
    </Modal>
  )
}

export function Adjustments({ id }: { id: string }) {
  const { data } = useQuery({ queryKey: ['call', id, 'adjustments'], queryFn: async () => (await list(`/calls/${id}/adjustments`)).data })
  const named = useNamed(['user', 'api_key'])
  const what = (changes: Record<string, Change>) => Object.entries(changes).map(([k, c]) => t('{field}: {from} → {to}', { field: fields[k] ?? k, from: said(c.from), to: said(c.to) })).join(', ')
  const who = (r: Row) =>
    r.source === 'incoming_webhook' ? t('Incoming webhook') : named(r.by) ?? r.by
  return <Rows rows={(data ?? []).map((r) => ({ ...r, by: who(r), what: what(r.changes as Record<string, Change>) }))} columns={[['at', t('When')], ['by', t('Who')], ['what', t('What changed')], ['note', t('Why')]]} empty={t('Nobody corrected what the call was worth.')} />
}
