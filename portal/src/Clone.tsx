// A campaign once more, and what is attached to it.
import { Alert, Button, Group, Modal, Stack, Switch, Text, TextInput, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { type ApiError, api, problemOf, type Row } from './api'
import { kindOf } from './kinds'
import { t } from './text'
import { toast } from './toast'

export function Clone({ campaign }: { campaign: Row }) {
  const client = useQueryClient(), navigate = useNavigate()
  const [open, setOpen] = useState(false)
  const [name, setName] = useState('')
  const [webhooks, setWebhooks] = useState(true)
  const [problem, setProblem] = useState<ApiError | null>(null)
  const begin = () => {
    setName(t('{name} copy', { name: String(campaign.name) }))
    setProblem(null)
    setOpen(true)
  }
  const save = async () => {
    try {
      const { data } = await api<Row>('POST', `/campaigns/${campaign.id}/clone`, { name, webhooks })
      await client.invalidateQueries({ queryKey: ['campaigns'] })
      setOpen(false)
      toast(t('{name} is made: give it a number', { name }))
      await navigate({ to: `/campaigns/${data.id}` })
    } catch (e) {
      setProblem(problemOf(e))
    }
  }
  return (
    <>
      <Button variant="light" onClick={begin}>{t('Clone')}</Button>
      <Modal opened={open} onClose={() => setOpen(false)} title={t('Clone {name}', { name: String(campaign.name) })}>
        <Stack>
          <TextInput label={t('Name')} required value={name} error={problem?.at('/name')} onChange={(e) => setName(e.currentTarget.value)} />
          <Switch label={t('Attach its webhooks, too')} checked={webhooks} onChange={(e) => setWebhooks(e.currentTarget.checked)} />
          {problem && !problem.at('/name') && <Alert color="red" title={problem.problem.title}>{problem.problem.detail}</Alert>}
          <Text size="xs" c="dimmed">{t('Everything but its numbers.')}</Text>
          <Group justify="flex-end"><Button variant="default" onClick={() => setOpen(false)}>{t('Cancel')}</Button><Button disabled={!name.trim()} onClick={() => void save()}>{t('Clone')}</Button></Group>
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
const attachable: [string, string][] = [['number', t('Numbers')], ['incoming_webhook', t('Incoming webhooks')], ['outgoing_webhook', t('Outgoing webhooks')]]

// Its numbers, and the webhooks that name it; those that name no campaign take all.
export function Attached({ campaign }: { campaign: Row }) {
  const { data } = useQuery({ queryKey: ['campaigns', 'usage', campaign.id], queryFn: async () => (await api<{ data: User[] }>('GET', `/campaigns/${campaign.id}/usage`)).data.data })
  return (
    <Stack gap="xs" mt="md" component="section" aria-label={t('Attached')}>
      <Title order={3}>{t('Attached')}</Title>
      {attachable.map(([kind, label]) => {
        const users = (data ?? []).filter((u) => u.kind === kind), page = kindOf(kind)?.page
        return <Group key={kind} gap="xs"><Text size="sm" c="dimmed" w={160}>{label}</Text>{users.length ? users.map((u) => <Text key={u.id} size="sm" component={Link} to={`${page}/${u.id}`}>{u.name}</Text>) : <Text size="sm">{kind === 'number' ? t('none') : t('none of its own: those that name no campaign take its calls')}</Text>}</Group>
      })}
    </Stack>
  )
}
