// The phone of a target: is it registered, and what is to be set on it?
import { Badge, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { t } from './text'

interface Device {
  contact: string
  address: string
  user_agent: string
  registered_at: string
  expires_at: string
}

interface Phone {
  username: string
  registered: boolean
  devices: Device[]
}

function describe(d: Device) {
  const from = t('from {address}', { address: d.address })
  const since = t('since {when}', { when: moment(d.registered_at) })
  return [d.user_agent, from, since].filter(Boolean).join(' · ')
}

export function PhoneStatus({ target }: { target: Row }) {
  const { data: p } = useQuery({ queryKey: ['targets', 'phone', target.id], refetchInterval: 2000, queryFn: async () => (await api<Phone>('GET', `/targets/${target.id}/phone`)).data })
  if (!p) return null
  return (
    <Stack gap="xs" component="section" aria-label={t('Phone')}>
      <Group gap="xs" align="start" wrap="nowrap">
        <Badge variant="light" tt="none" style={{ flexShrink: 0 }} color={p.registered ? 'teal' : 'gray'}>
          {p.registered ? t('registered') : t('not registered')}
        </Badge>
        <Stack gap={2}>
          {p.devices.map((d) => (
            <Text size="sm" key={d.contact}>{describe(d)}</Text>
          ))}
        </Stack>
      </Group>
      {!p.registered && <Text size="sm" c="dimmed">{t('Set up the phone with this server’s address and SIP port, the username {username} and the password. It rings once registered.', { username: p.username })}</Text>}
    </Stack>
  )
}
