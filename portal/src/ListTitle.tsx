// The heading of a page whose name says little without its group's: the group above it, small.
import { Text, Title } from '@mantine/core'

export const ListTitle = ({ group, title }: { group: string; title: string }) => (
  <div>
    <Text size="sm" c="dimmed">{group}</Text>
    <Title order={2}>{title}</Title>
  </div>
)
