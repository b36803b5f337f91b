// An incoming webhook's URLs and key, and the fields it received that fill no tag.
import { Alert, Button, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { Copyable } from './Copyable'
import { Rotate } from './Rotate'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { reasonOf } from './reasons'
import { labelOf, useSchema } from './schema'
import { useMay } from './session'
import { t } from './text'
import { complain, toast } from './toast'

const paths: Record<string, string> = { call_data: '/call-data', update_tags: '/update-tags', update_revenue: '/update-revenue', update_fields: '/update-fields' }
const examples: Record<string, string> = {
  call_data: '{"caller_id":"+15125550100","state":"TX"}', update_tags: '{"caller_id":"+15125550100","state":"TX"}',
  update_revenue: '{"caller_id":"+15125550100","revenue":"25.00"}',
  update_fields: '{"caller_id":"+15125550100","converted":true,"revenue":"25.00","reason":"sold"}',
}

export function IncomingWebhook({ webhook }: { webhook: Row }) {
  const client = useQueryClient()
  const [rotating, setRotating] = useState(false)
  const revealed = useQuery({ queryKey: ['incoming-webhooks', 'revealed', webhook.id], enabled: false, gcTime: 0, queryFn: async () => (await api<Row>('GET', `/incoming-webhooks/${webhook.id}`)).data })
  const url = revealed.data?.url
  const key = typeof url === 'string' ? url.slice(url.indexOf('?')) : null, base = typeof url === 'string' ? new URL(url).origin : ''
  const until = webhook.previous_key_expires_at
  const types = webhook.types as string[], accepts = useSchema('IncomingWebhook')?.properties?.types
  const mayChange = useMay('manager')
  const rotated = (made: Row) => {
    setRotating(false)
    client.setQueryData(['incoming-webhooks', 'revealed', webhook.id], made)
    void client.invalidateQueries({ queryKey: ['incoming-webhooks', 'one', webhook.id] })
    toast(t('Key rotated'))
  }
  return (
    <Stack gap="sm">
      {key ? types.map((type) => (
        <Stack key={type} gap={6}>
          <Copyable label={types.length > 1 ? t('Send data to this URL: {type}', { type: labelOf(accepts, type) }) : t('Send data to this URL')} value={`${base}${paths[type]}${key}`} copy={t('Copy URL')} />
          <Copyable label={t('Try it')} value={`curl -X POST '${base}${paths[type]}${key}' -H 'Content-Type: application/json' -d '${examples[type]}'`} copy={t('Copy command')} />
        </Stack>
      )) : <Text size="sm" c="dimmed">{t('The URL contains the key: anyone who has it can send data. Showing it is recorded in the audit log.')}</Text>}
      {revealed.error && <Alert color="red">{reasonOf(revealed.error)}</Alert>}
      {revealed.data && !key && <Alert color="yellow">{t('Your role does not allow you to see the key.')}</Alert>}
      <Group>
        {!key && <Button variant="default" loading={revealed.isFetching} onClick={() => void revealed.refetch()}>{t('Show the URL')}</Button>}
        {mayChange && <Button variant="default" onClick={() => setRotating(true)}>{t('Rotate key')}</Button>}
        <Link to={'/data/webhooks/incoming-requests' as never} search={{ incoming_webhook_id: webhook.id } as never}>{t('Requests')}</Link>
        <a href="/docs/incoming-webhooks" target="_blank">{t('How to send data')}</a>
      </Group>
      {typeof until === 'string' && Date.parse(until) > Date.now() && <Text size="sm">{t('The previous key works until {when}.', { when: moment(until) })}</Text>}
      {rotating && <Rotate path={`/incoming-webhooks/${webhook.id}/rotate-key`} onClose={() => setRotating(false)} onDone={rotated}
        texts={{ title: t('Rotate key'), what: t('Senders need the new URL. The old one keeps working for a while, so that no data is lost.'), hours: t('Hours that the old key still works') }} />}
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
      toast(t('New values fill the tag {name}', { name }), async () => {
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
      <Title order={3} size="h4">{t('Unmapped fields')}</Title>
      <Table.ScrollContainer minWidth={480}>
        <Table>
          <Table.Thead><Table.Tr><Table.Th>{t('Field')}</Table.Th><Table.Th>{t('Example')}</Table.Th><Table.Th>{t('Requests')}</Table.Th><Table.Th aria-label={t('Actions')} /></Table.Tr></Table.Thead>
          <Table.Tbody>{data.map((f) => <Table.Tr key={f.pointer}><Table.Td>{f.parameter ?? f.pointer}</Table.Td><Table.Td style={{ overflowWrap: 'anywhere' }}>{f.example}</Table.Td><Table.Td>{f.count}</Table.Td><Table.Td ta="right"><Button size="compact-sm" variant="light" aria-label={t('Create a tag from {field}', { field: f.parameter ?? f.pointer })} onClick={() => void make(f)}>{t('Create tag')}</Button></Table.Td></Table.Tr>)}</Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Stack>
  )
}
