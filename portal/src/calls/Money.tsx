// Adjustments of a call's revenue and payout by people.
import { Button, Group, Modal, Stack, Switch, Text, TextInput, Textarea } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, list, type Row } from '../api'
import { Problems, useSaving } from '../form'
import { useLeaveGuard } from '../leave'
import { titleAt, type Schema } from '../schema'
import { t } from '../text'
import { useNamed } from '../useNamed'
import { said } from '../words'
import { Rows } from '../Facts'
import { plain } from './fields'

type Change = { from: string | boolean; to: string | boolean }
const shown = (v: string | boolean) => (typeof v === 'boolean' ? (v ? t('yes') : t('no')) : v)
const fields: Record<string, string> = { revenue: t('Revenue'), payout: t('Payout'), converted: t('Converted') }

const schema: Schema = { properties: { revenue: { title: fields.revenue }, payout: { title: fields.payout }, note: { title: t('Why') } } }

export function Adjust({ call, opened, close }: { call: Row; opened: boolean; close: () => void }) {
  const client = useQueryClient()
  const [revenue, setRevenue] = useState(plain(call.revenue))
  const [payout, setPayout] = useState(plain(call.payout))
  const [converted, setConverted] = useState(Boolean(call.converted))
  const [note, setNote] = useState('')
  const saving = useSaving((pointer) => titleAt(schema, pointer, null))
  const changed = { ...(revenue.trim() !== call.revenue && { revenue: revenue.trim() }), ...(payout.trim() !== call.payout && { payout: payout.trim() }), ...(converted !== call.converted && { converted }) }
  const isChanged = Object.keys(changed).length > 0
  const leave = useLeaveGuard(isChanged || note !== '')
  const save = () => void saving.run(async () => {
    await api('POST', `/calls/${call.id}/adjustments`, { ...changed, note })
    await client.invalidateQueries({ queryKey: ['call', call.id] })
    close()
  })
  return (
    <Modal opened={opened} onClose={close} title={t('Adjust revenue and payout')}>
      <Stack data-form>
        <Problems error={saving.error} schema={schema} value={null} />
        <Group grow align="flex-start">
          <TextInput label={fields.revenue} value={revenue} error={saving.at('/revenue')} onChange={(e) => setRevenue(e.currentTarget.value)} data-field="/revenue" />
          <TextInput label={fields.payout} value={payout} error={saving.at('/payout')} onChange={(e) => setPayout(e.currentTarget.value)} data-field="/payout" />
        </Group>
        <Switch label={fields.converted} checked={converted} onChange={(e) => setConverted(e.currentTarget.checked)} />
        <Textarea label={t('Why')} required autosize minRows={2} value={note} error={saving.at('/note')} onChange={(e) => setNote(e.currentTarget.value)} data-field="/note" />
        <Text size="xs" c="dimmed">{t('Kept with your name and note. Reports are updated, and an event is sent.')}</Text>
        <Group justify="flex-end"><Button variant="default" onClick={close}>{t('Cancel')}</Button><Button disabled={!isChanged || !note.trim()} loading={saving.busy} onClick={save}>{t('Adjust')}</Button></Group>
        {leave.question}
      </Stack>
    </Modal>
  )
}

export function Adjustments({ id }: { id: string }) {
  const { data } = useQuery({ queryKey: ['call', id, 'adjustments'], queryFn: async () => (await list(`/calls/${id}/adjustments`)).data })
  const named = useNamed()
  const what = (changes: Record<string, Change>) =>
    Object.entries(changes)
      .map(([k, c]) =>
        t('{field}: {from} → {to}', { field: fields[k] ?? said(k), from: shown(c.from), to: shown(c.to) }))
      .join(', ')
  const who = (r: Row) =>
    r.source === 'incoming_webhook' ? t('Incoming webhook') : named(r.by) ?? said(r.by)
  const rows = (data ?? []).map((r) => ({
    ...r, by: who(r), what: what(r.changes as Record<string, Change>),
  }))
  return (
    <Rows
      rows={rows}
      columns={[['at', t('When')], ['by', t('Who')], ['what', t('Change')], ['note', t('Why')]]}
      empty={t('Revenue and payout were not adjusted.')}
    />
  )
}
