// A page whose content could not be loaded says why, and where to go from there.
import { Alert, Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { Link, useRouter } from '@tanstack/react-router'
import { ApiError } from './api'
import { t } from './text'
import { usePageTitle } from './title'

export function LoadFailed({ error, kind }: { error: Error; kind: { title: string; page: string } }) {
  const isMissing = error instanceof ApiError && error.problem.status === 404
  return (
    <Stack align="flex-start">
      <Alert color="red" title={isMissing ? t('Not found') : t('This page could not be loaded')}>
        {isMissing ? t('It was deleted, or the address is wrong.') : error.message}
      </Alert>
      <Anchor component={Link} to={kind.page}>{t('Go to {list}', { list: kind.title })}</Anchor>
    </Stack>
  )
}

export function NotFound() {
  const router = useRouter()
  usePageTitle(t('Page not found'))
  return (
    <Stack align="flex-start">
      <Title order={2}>{t('Page not found')}</Title>
      <Text>{t('There is no page at this address. The link may be old, or mistyped.')}</Text>
      <Group>
        <Anchor component={Link} to="/">{t('Go to the Dashboard')}</Anchor>
        <Anchor component="button" type="button" onClick={() => router.history.back()}>{t('Go back')}</Anchor>
      </Group>
    </Stack>
  )
}
