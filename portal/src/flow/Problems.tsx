// What is wrong with the flow, errors first. An edge that no port has is drawn nowhere: it is
// removed here.
import { Badge, Box, Button, Group, Text } from '@mantine/core'
import type { FlowProblem } from '../api'
import { t } from '../text'
import { isError, problemText } from './problem'

interface Props {
  problems: FlowProblem[]
  nameOf: (node: string) => string | undefined // undefined: there is no such node
  onGoTo: (node: string) => void
  onRemoveEdge?: (index: number) => void // of the document that was checked
}

const severities: Record<string, string> = { error: t('error'), warning: t('warning') }

const edgeOf = (p: FlowProblem) =>
  p.code === 'edge' ? /^\/edges\/(\d+)$/.exec(p.pointer)?.[1] : undefined

// A row stays the same problem's when others come and go, so that a click meets what was aimed at.
function keysOf(problems: FlowProblem[]) {
  const seen = new Map<string, number>()
  return problems.map((p) => {
    const text = [p.code, p.node, p.pointer, p.detail].join(' ')
    seen.set(text, (seen.get(text) ?? 0) + 1)
    return `${text} ${seen.get(text)}`
  })
}

export function Problems({ problems, nameOf, onGoTo, onRemoveEdge }: Props) {
  if (!problems.length) return null
  const sorted = [...problems.filter(isError), ...problems.filter((p) => !isError(p))]
  const keys = keysOf(sorted)
  return (
    <Box
      mah={140}
      style={{ overflow: 'auto', flexShrink: 0 }}
      role="list"
      aria-label={t('Problems')}
      id="problems"
    >
      {sorted.map((p, i) => {
        const edge = edgeOf(p),
          name = p.node ? nameOf(p.node) : undefined
        return (
          <Group key={keys[i]} gap="xs" role="listitem">
            <Badge size="xs" color={isError(p) ? 'red' : 'yellow'}>
              {severities[p.severity] ?? p.severity}
            </Badge>
            <Button
              size="compact-xs"
              variant="subtle"
              disabled={!name}
              onClick={() => onGoTo(p.node!)}
            >
              {name ?? p.node ?? t('flow')}
            </Button>
            <Text size="sm" style={{ flex: 1, minWidth: 160 }}>
              {problemText(p)}
            </Text>
            {edge !== undefined && onRemoveEdge && (
              <Button
                size="compact-xs"
                variant="light"
                color="red"
                onClick={() => onRemoveEdge(Number(edge))}
              >
                {t('Remove')}
              </Button>
            )}
          </Group>
        )
      })}
    </Box>
  )
}
