// An incoming webhook's URLs and key, and the fields that came and no tag takes.
import { Alert, Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Copyable } from './Copyable'
import { Rotate } from './Rotate'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { t } from './text'
import { complain, toast } from './toast'

const paths: Record<string, string> = { call_data: '/call-data', update_tags: '/update-tags', update_revenue: '/update-revenue', update_fields: '/update-fields' }
const examples: Record<string, string> = {
  call_data: '{"caller_id":"+15125550100","state":"TX"}', update_tags: '{"caller_id":"+15125550100","state":"TX"}',
  update_revenue: '{"call_id":"call_…","revenue":"25.00","mode":"replace"}', update_fields: '{"call_id":"call_…","disposition":"sold","converted":true}',
}

export function IncomingWebhook({ webhook }: { webhook: Row }) {
  const client = useQueryClient()
  const [rotating, setRotating] = useState(false)
  const revealed = useQuery({ queryKey: ['incoming-webhooks', 'revealed', webhook.id], enabled: false, gcTime: 0, queryFn: async () => (await api<Row>('GET', `/incoming-webhooks/${webhook.id}`)).data })
  const url = revealed.data?.url
  const key = typeof url === 'string' ? url.slice(url.indexOf('?')) : null, base = typeof url === 'string' ? new URL(url).origin : ''
  const until = webhook.previous_key_expires_at
  const rotated = (made: Row) => {
    setRotating(false)
    client.setQueryData(['incoming-webhooks', 'revealed', webhook.id], made)
    void client.invalidateQueries({ queryKey: ['incoming-webhooks', 'one', webhook.id] })
    toast(t('The key is replaced'))
  }
  return (
    <Stack gap="sm">
      {key ? (webhook.types as string[]).map((type) => (
        <Stack key={type} gap={6}>
          <Copyable label={t('Send data to this URL')} value={`${base}${paths[type]}${key}`} />
          <Copyable label={t('Try it')} value={`curl -X POST '${base}${paths[type]}${key}' -H 'Content-Type: application/json' -d '${examples[type]}'`} />
        </Stack>
      )) : <Text size="sm" c="dimmed">{t('The URL has the key in it: who has it can send. Each time it is shown is kept in the audit log.')}</Text>}
      {revealed.error && <Alert color="red">{revealed.error.message}</Alert>}
      {revealed.data && !key && <Alert color="yellow">{t('Your role may not see the key.')}</Alert>}
      <Group>
        {!key && <Button variant="default" loading={revealed.isFetching} onClick={() => void revealed.refetch()}>{t('Show the URL')}</Button>}
        <Button variant="default" onClick={() => setRotating(true)}>{t('Replace the key')}</Button>
        <Link to={'/data/webhooks/incoming-requests' as never} search={{ incoming_webhook_id: webhook.id } as never}>{t('Its requests')}</Link>
        <a href="/docs/incoming-webhooks" target="_blank">{t('How to send')}</a>
      </Group>
      {typeof until === 'string' && Date.parse(until) > Date.now() && <Text size="sm">{t('The key before this one works until {when}.', { when: moment(until) })}</Text>}
      {rotating && <Rotate path={`/incoming-webhooks/${webhook.id}/rotate-key`} onClose={() => setRotating(false)} onDone={rotated}
        texts={{ title: t('Replace the key'), what: t('Senders need the new URL. The old one goes on working for a while, so that nothing is lost meanwhile.'), hours: t('Hours that the old key still works'), keep: t('Keep the key') }} />}
    </Stack>
  )
}

interface Found {
  pointer: string
  parameter: string | null
  example: string
  count: number
  last_at: string
}

// The last part of the pointer that is a name: /lead/0/budget is "budget".
const nameFor = (pointer: string) => pointer.split('/').filter((p) => p && !/^\d+$/.test(p)).at(-1)!.slice(0, 64)

export function UntakenFields({ webhook }: { webhook: Row }) {
  const client = useQueryClient()
  const path = ['incoming-webhooks', 'fields', webhook.id]
  const { data } = useQuery({ queryKey: path, queryFn: async () => (await api<{ data: Found[] }>('GET', `/incoming-webhooks/${webhook.id}/fields`)).data.data })
  const make = async (f: Found) => {
    const name = f.parameter ?? nameFor(f.pointer)
    try {
      const { data: tag } = await api<Row>('POST', '/custom-tags', { name, sources: f.parameter ? [] : [{ kind: 'incoming_webhook', pointer: f.pointer }] })
      const refresh = () => client.invalidateQueries({ queryKey: path }).then(() => client.invalidateQueries({ queryKey: ['custom-tags'] }))
      await refresh()
      toast(t('The tag {name} takes it from now on', { name }), async () => {
        await api('DELETE', `/custom-tags/${tag.id}`)
        await refresh()
      })
    } catch (e) {
      complain(e)
    }
  }
  if (!data?.length) return null
  return (
    <Stack gap="xs">
      <Title order={3} size="h4">{t('Fields that came and no tag takes')}</Title>
      <Table.ScrollContainer minWidth={480}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('Field')}</Table.Th><Table.Th>{t('Example')}</Table.Th><Table.Th>{t('Requests')}</Table.Th><Table.Th aria-label={t('Actions')} /></Table.Tr></Table.Thead>
          <Table.Tbody>{data.map((f) => <Table.Tr key={f.pointer}><Table.Td>{f.parameter ?? f.pointer}</Table.Td><Table.Td style={{ overflowWrap: 'anywhere' }}>{f.example}</Table.Td><Table.Td>{f.count}</Table.Td><Table.Td ta="right"><Button size="compact-sm" variant="light" aria-label={t('Make a tag of {field}', { field: f.parameter ?? f.pointer })} onClick={() => void make(f)}>{t('Make a tag')}</Button></Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  )
}
