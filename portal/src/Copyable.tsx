// A text that is copied as it stands.
import { Button, Code, CopyButton, Group, Text } from '@mantine/core'
import { t } from './text'

export function Copyable({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <Text size="sm" fw={500}>{label}</Text>
      <Group wrap="nowrap"><Code style={{ overflowWrap: 'anywhere' }}>{value}</Code><CopyButton value={value}>{({ copied, copy }) => <Button size="compact-xs" variant="light" onClick={copy} style={{ flexShrink: 0 }}>{copied ? t('Copied') : t('Copy')}</Button>}</CopyButton></Group>
    </div>
  )
}
