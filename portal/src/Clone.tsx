// Cloning a campaign, and what is attached to it.
import { Button, Group, Modal, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { api, type Row } from './api'
import { Problems, useSaving } from './form'
import { kindOf, kinds } from './kinds'
import { mayLeave } from './leave'
import type { Schema } from './schema'
import { t } from './text'
import { toast } from './toast'

const fields: Schema = { properties: { name: { title: t('Name') } } }

export function Clone({ campaign }: { campaign: Row }) {
  const client = useQueryClient(), navigate = useNavigate()
  const [open, setOpen] = useState(false)
  const [name, setName] = useState('')
  const [webhooks, setWebhooks] = useState(true)
  const saving = useSaving(() => t('Name'))
  const begin = async () => {
    if (!(await mayLeave())) return // the copy's page takes the place of this one
    setName(t('{name} copy', { name: String(campaign.name) }))
    saving.clear()
    setOpen(true)
  }
  const save = () => void saving.run(async () => {
    const { data } = await api<Row>('POST', `/campaigns/${campaign.id}/clone`, { name, webhooks })
    await client.invalidateQueries({ queryKey: ['campaigns'] })
    setOpen(false)
    toast(t('{name} created. Assign a number.', { name }))
    await navigate({ to: `/campaigns/${data.id}` })
  })
  return (
    <>
      <Button variant="light" onClick={() => void begin()}>{t('Clone')}</Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={t('Clone {name}', { name: String(campaign.name) })}>
        <Stack data-form>
          <Problems error={saving.error} schema={fields} value={{ name }} />
          <TextInput label={t('Name')} required value={name} error={saving.at('/name')} onChange={(e) => setName(e.currentTarget.value)} data-field="/name" />
          <Switch label={t('Also attach its webhooks')} checked={webhooks} onChange={(e) => setWebhooks(e.currentTarget.checked)} />
          <Text size="xs" c="dimmed">{t('Copies all settings except numbers.')}</Text>
          <Group justify="flex-end"><Button variant="default" onClick={() => setOpen(false)}>{t('Cancel')}</Button><Button disabled={!name.trim()} loading={saving.busy} onClick={save}>{t('Clone')}</Button></Group>
        </Stack>
      </Modal>
    </>
  )
}

interface User {
  id: string
  kind: string
  name: string
}
const attachable: [string, string][] = [
  ['number', kinds.numbers.title], ['incoming_webhook', kinds.incoming.title], ['outgoing_webhook', kinds.outgoing.title],
]

// The campaign's numbers, and the webhooks that are limited to it.
export function Attached({ campaign }: { campaign: Row }) {
  const { data } = useQuery({ queryKey: ['campaigns', 'usage', campaign.id], queryFn: async () => (await api<{ data: User[] }>('GET', `/campaigns/${campaign.id}/usage`)).data.data })
  return (
    <Stack gap="xs" mt="md" component="section" aria-label={t('Attached')}>
      <Title order={3}>{t('Attached')}</Title>
      {attachable.map(([kind, label]) => {
        const users = (data ?? []).filter((u) => u.kind === kind), page = kindOf(kind)?.page
        const nobody = kind === 'number'
          ? t('none') : t('none of its own; webhooks without a campaign apply')
        return (
          <Group key={kind} gap="xs" align="flex-start">
            <Text size="sm" c="dimmed" w={160}>{label}</Text>
            <Group gap="xs" style={{ flex: '1 1 200px' }}>
              {users.length === 0 && <Text size="sm">{nobody}</Text>}
              {users.map((u) => (
                <Text key={u.id} size="sm" component={Link} to={`${page}/${u.id}`}>{u.name}</Text>
              ))}
            </Group>
          </Group>
        )
      })}
    </Stack>
  )
}
