import { Alert, Button, Stack, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { ApiError, api, type Row } from './api'
import { Fields } from './SchemaForm'
import { t } from './text'

const organizationSchema = { type: 'object', required: ['name'], properties: {
  name: { type: 'string', description: t('Name for people.') }, currency: { type: 'string', description: t('ISO 4217, such as USD.') }, region: { type: 'string', description: t('Country (ISO 3166) that numbers without a country code are read as.') },
  incoming_retention_days: { type: 'integer', description: t('How many days requests of incoming webhooks and of RTB, and leases of DNI are kept.') }, sip_retention_days: { type: 'integer', description: t('How many days the SIP messages of calls are kept; 0: not at all.') },
  recording_format: { type: 'string', enum: ['wav', 'opus'], description: t('What calls are recorded as: wav takes 115 MB an hour of conversation, opus 15.') }, recording_encryption: { type: 'boolean', description: t('Encrypt what is recorded from now on, on the disk, with the server’s key; it is read as before.') },
  dial_policy: { type: 'object', properties: { sip_uris: { type: 'boolean', description: t('Call flows may dial any SIP URI.') }, numbers: { type: 'boolean', description: t('Call flows may dial numbers over a trunk, as far as the following allows.') },
    countries: { type: 'array', items: { type: 'string' }, description: t('Countries (ISO 3166) whose numbers may be called; empty: the organization’s own.') }, blocked_prefixes: { type: 'array', items: { type: 'string' }, description: t('Numbers that begin so may not be called, such as +1900.') },
    max_cost: { type: 'string', enum: ['standard', 'shared_cost', 'premium'], description: t('The dearest numbers that may be called; toll-free ones may be always.') }, max_calls: { type: 'integer', description: t('How many such calls may be on at once; 0: any number.') } } },
} }

export function Organization() {
  const q = useQuery({ queryKey: ['organization'], queryFn: async () => (await api<Row>('GET', '/organization')).data, refetchOnWindowFocus: false })
  const [value, setValue] = useState<Record<string, unknown>>({})
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    if (q.data) setValue(q.data)
  }, [q.data])
  const save = async () => {
    try {
      setError(null)
      await api('PATCH', '/organization', value)
      notifications.show({ message: t('Organization saved') })
    } catch (e) {
      if (e instanceof ApiError) setError(e)
    }
  }
  return (
    <Stack maw={520}>
      <Title order={2}>{t('Organization')}</Title>
      {error && <Alert color="red" title={error.problem.title}>{error.problem.errors ? '' : error.message}</Alert>}
      <Fields schema={organizationSchema} value={value} onChange={(v) => setValue(v as Record<string, unknown>)} pointer="" errors={(p) => error?.at(p)} />
      <Button w="fit-content" onClick={save}>{t('Save')}</Button>
    </Stack>
  )
}
