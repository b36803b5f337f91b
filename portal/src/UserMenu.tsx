// The menu at the right of the header: who is signed in, what belongs to this person, and Sign out.
import { Button, Menu, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useGettingStarted } from './GettingStarted'
import { roleName, useSession } from './session'
import { t } from './text'

export function UserMenu() {
  const { email, role } = useSession()
  const navigate = useNavigate()
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  const [, showGettingStarted] = useGettingStarted()
  const start = () => {
    showGettingStarted('shown')
    void navigate({ to: '/' })
  }
  return (
    <Menu position="bottom-end" width={240} withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <Button variant="subtle" size="compact-sm" fw={400} className="user" aria-label={t('User menu, {email}', { email })}>
          <span className="email">{email}</span>
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <circle cx="10" cy="7" r="3.5" /><path d="M3 18c0-4 3-6 7-6s7 2 7 6" />
          </svg>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text component="div" size="sm" c="var(--mantine-color-text)" className="whose">{email}</Text>
          <Text component="div" size="xs">{roleName(role)}</Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
          {dark ? t('Light colours') : t('Dark colours')}
        </Menu.Item>
        <Menu.Item onClick={() => void navigate({ to: '/account' })}>{t('Your account')}</Menu.Item>
        <Menu.Item onClick={start}>{t('Getting started')}</Menu.Item>
        <Menu.Item component="a" href="/docs" target="_blank" hiddenFrom="sm">{t('Documentation')}</Menu.Item>
        <Menu.Item component="a" href="/docs/api" target="_blank" hiddenFrom="sm">{t('API reference')}</Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={() => void navigate({ to: '/sign-out', state: { signOut: true } as never })}>
          {t('Sign out')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
