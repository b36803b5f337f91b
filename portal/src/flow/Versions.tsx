// What was published before: who, when, why, what differs from the draft; and going back to it.
import { Alert, Button, Code, Group, Paper, Stack, Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { api, list } from '../api'
import { moment } from '../words'
import { t } from '../text'
import type { Document } from './document'
import { portNames } from './ports'
import type { NodeType } from './types'

export interface Difference {
  same: boolean
  nodes: { added: string[]; removed: string[]; moved: string[]; changed: { id: string; keys: string[] }[] }
  edges: { added: Edge[]; removed: Edge[] }
  keys: string[]
}
interface Edge {
  from: string
  port: string
  to: string
}

// An added edge has its port's label of the later document, a removed one that of the earlier.
export function lines(
  d: Difference, types: NodeType[], before?: Document, after?: Document,
): string[] {
  const now = portNames(types, after, before), then = portNames(types, before, after)
  const edge = (e: Edge, port: typeof now) => `${e.from} ${port(e.from, e.port)} → ${e.to}`
  return [
    ...d.nodes.added.map((id) => `+ node ${id}`), ...d.nodes.removed.map((id) => `- node ${id}`),
    ...d.nodes.changed.map((n) => `~ node ${n.id}: ${n.keys.join(', ')}`),
    ...d.nodes.moved.map((id) => `~ node ${id} was moved`),
    ...d.edges.added.map((e) => `+ ${edge(e, now)}`),
    ...d.edges.removed.map((e) => `- ${edge(e, then)}`),
    ...d.keys.map((k) => `~ ${k}`),
  ]
}

// How the saved draft differs from a version, by lines.
export async function difference(
  flowId: string, version: number, types: NodeType[],
): Promise<string[]> {
  const get = async <T,>(path: string) => (await api<T>('GET', `/call-flows/${flowId}${path}`)).data
  const [diff, from, flow] = await Promise.all([
    get<Difference>(`/diff?from=${version}&to=draft`),
    get<{ document: Document }>(`/versions/${version}`),
    get<{ draft: Document }>(''),
  ])
  return lines(diff, types, from.document, flow.draft)
}

interface Props {
  flowId: string
  published: number | null
  types: NodeType[]
  onRollBack?: (version: number) => void // none: the user may not
}

export function Versions({ flowId, published, types, onRollBack }: Props) {
  const versions = useQuery({ queryKey: ['call-flows', 'versions', flowId, published], queryFn: () => list(`/call-flows/${flowId}/versions`) })
  const [compared, setCompared] = useState<{ version: number; lines: string[] } | null>(null)
  const compare = async (version: number) => {
    setCompared({ version, lines: await difference(flowId, version, types) })
  }
  if (versions.error) return <Alert color="red" title={t('The versions could not be loaded')}>{versions.error.message}</Alert>
  if (versions.data?.data.length === 0) return <Text c="dimmed">{t('Nothing is published yet. Calls run what is published, never the draft.')}</Text>
  return (
    <Stack>
      {versions.data?.data.map((v) => (
        <Paper withBorder p="sm" key={Number(v.version)}>
          <Group justify="space-between"><Text fw={600}>{v.version === published ? t('Version {n}, which calls run', { n: v.version }) : t('Version {n}', { n: v.version })}</Text><Text size="xs" c="dimmed">{moment(v.created_at)}</Text></Group>
          {v.note ? <Text size="sm">{String(v.note)}</Text> : null}
          <Group mt="xs" gap="xs">
            <Button size="compact-sm" variant="default" onClick={() => compare(Number(v.version))}>{t('Compare with the saved draft')}</Button>
            {onRollBack && v.version !== published && <Button size="compact-sm" variant="default" onClick={() => onRollBack(Number(v.version))}>{t('Roll back to it')}</Button>}
          </Group>
          {compared && compared.version === v.version && (compared.lines.length ? <Code block mt="xs" style={{ whiteSpace: 'pre-wrap' }}>{compared.lines.join('\n')}</Code> : <Text size="sm" mt="xs">{t('The saved draft is the same.')}</Text>)}
        </Paper>
      ))}
    </Stack>
  )
}
