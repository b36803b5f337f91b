// The phone of a target: is it registered, and what is to be set on it?
import { Badge, Group, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { api, type Row } from './api'
import { moment } from './calls/fields'
import { t } from './text'

interface Phone {
  username: string
  registered: boolean
  contact: string | null
  address: string | null
  user_agent: string | null
  registered_at: string | null
  expires_at: string | null
}

export function PhoneStatus({ target }: { target: Row }) {
  const { data: p } = useQuery({ queryKey: ['targets', 'phone', target.id], refetchInterval: 2000, queryFn: async () => (await api<Phone>('GET', `/targets/${target.id}/phone`)).data })
  if (!p) return null
  return (
    <Stack gap="xs" component="section" aria-label={t('Phone')}>
      <Group gap="xs">
        <Badge variant="light" tt="none" color={p.registered ? 'teal' : 'gray'}>{p.registered ? t('registered') : t('not registered')}</Badge>
        {p.registered && <Text size="sm">{[p.user_agent, t('from {address}', { address: p.address ?? '' }), t('since {when}', { when: moment(p.registered_at ?? '') })].filter(Boolean).join(' · ')}</Text>}
      </Group>
      {!p.registered && <Text size="sm" c="dimmed">{t('Set up the phone with this server’s address and SIP port, the username {username} and the password. It rings once registered.', { username: p.username })}</Text>}
    </Stack>
  )
}
