// A call on the canvas of the version that it ran: the way it took, and while it lasts where it is.
import { Alert, Badge, Box, Button, Group, Paper, ScrollArea, Stack, Text, Title } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { ReactFlowProvider, useNodesState, useReactFlow, type Edge } from '@xyflow/react'
import { useMemo, useState } from 'react'
import { api, type Row } from '../api'
import { Status } from '../calls/fields'
import { words } from '../words'
import { toCanvas, walked, type Document } from './document'
import { useStepPorts } from './stepPorts'
import { useNodeTypes, type NodeType } from './types'
import { Seen } from './look'
import { Surface } from './Surface'
import { t } from '../text'

interface Entry {
  at: string
  kind: 'step' | 'input'
  call_flow_id?: string
  flow_version?: number
  node?: string
  port?: string | null
  detail?: string
  entered_at?: string
  input?: string
  digits?: string
}

const clock = (at: string) => new Date(at).toLocaleTimeString(undefined, { hourCycle: 'h23' })

// What the node is called on the canvas. A step of a sub-flow has the sub-flow's node ID.
const nameOf = (document: Document, e: Entry) =>
  (e.call_flow_id ? undefined : document.nodes.find((n) => n.id === e.node)?.name) || e.node

// Where a call is that goes on: where the last port leads, or the node that the flow began with.
function standing(steps: Entry[], edges: Edge[]): string | null {
  const last = steps.at(-1)
  if (!last) return null
  return edges.find((e) => e.source === last.node && e.sourceHandle === last.port)?.target ?? null
}

function Steps({ trace, document, at, onPick }: {
  trace: Entry[]
  document: Document
  at: number | null
  onPick: (i: number) => void
}) {
  const portOf = useStepPorts(trace, document)
  return (
    <Stack gap={6} role="list" aria-label={t('Steps')}>
      {trace.map((e, i) => e.kind === 'input' ? (
        <Text key={i} size="xs" c="dimmed" role="listitem" pl="md">{clock(e.at)} {words(e.input ?? '')}{e.digits ? `: ${e.digits}` : ''}</Text>
      ) : (
        <Paper key={i} withBorder p="xs" role="listitem" ml={e.call_flow_id ? 'md' : 0} style={at === i ? { borderColor: 'var(--mantine-color-blue-6)' } : undefined}>
          <Group gap="xs" wrap="nowrap">
            <Button
              size="compact-xs" variant="subtle" disabled={!!e.call_flow_id}
              onClick={() => onPick(i)}
            >{nameOf(document, e)}</Button>
            <Badge size="sm" variant="light" tt="none">{e.port ? portOf(e) : t('end')}</Badge>
            <Text size="xs" c="dimmed" ml="auto">{clock(e.at)}</Text>
          </Group>
          {e.detail && <Text size="xs" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{e.detail}</Text>}
        </Paper>
      ))}
    </Stack>
  )
}

function View({ call, document, trace, types }: { call: Row; document: Document; trace: Entry[]; types: NodeType[] }) {
  const canvas = useReactFlow()
  const [at, setAt] = useState<number | null>(null)
  const [placed, edges] = useMemo(() => toCanvas(document, types), [document, types])
  const [nodes, , onNodes] = useNodesState(placed)
  const steps = trace.filter((e) => e.kind === 'step' && !e.call_flow_id)
  const live = call.status === 'active' ? (standing(steps, edges) ?? 'start') : null
  const seen = useMemo(() => ({ types, bad: new Set<string>(), passed: new Set([...steps.map((s) => s.node!), ...(live ? [live] : [])]), numbers: new Map(), live }), [types, trace, live]) // eslint-disable-line react-hooks/exhaustive-deps
  const pick = (i: number) => {
    setAt(i)
    void canvas.fitView({ nodes: [{ id: trace[i].node! }], maxZoom: 1, duration: 300, padding: 0.6 })
  }
  return (
    <Seen.Provider value={seen}>
      <Group align="stretch" style={{ flex: 1, minHeight: 300 }}>
        <Box style={{ flex: '1 1 380px', minHeight: 300, border: '1px solid var(--mantine-color-default-border)', borderRadius: 8 }}>
          <Surface editable={false} nodes={nodes} onNodesChange={onNodes} edges={walked(edges, steps)} />
        </Box>
        <ScrollArea style={{ flex: '0 1 360px' }} type="auto">
          <Steps trace={trace} document={document} at={at} onPick={pick} />
        </ScrollArea>
      </Group>
    </Seen.Provider>
  )
}

export default function CallTrace({ id }: { id: string }) {
  const live = (status: unknown) => (status === 'active' ? 1000 : (false as const)) // a step is no event: it is asked for
  const call = useQuery({ queryKey: ['call', id], queryFn: async () => (await api<Row>('GET', `/calls/${id}`)).data, refetchInterval: (q) => live(q.state.data?.status) })
  const status = call.data?.status // of the key: when the call has ended its last steps are asked for once more
  const trace = useQuery({ queryKey: ['call', id, 'trace', status], enabled: !!status, placeholderData: keepPreviousData, queryFn: async () => (await api<{ data: Entry[] }>('GET', `/calls/${id}/trace`)).data.data, refetchInterval: live(status) })
  const flow = call.data?.call_flow_id as string | undefined, version = call.data?.flow_version
  const document = useQuery({ queryKey: ['call-flows', 'version', flow, version], enabled: !!flow, staleTime: Infinity, queryFn: async () => (await api<{ document: Document }>('GET', `/call-flows/${flow}/versions/${version}`)).data.document })
  const types = useNodeTypes()
  const error = call.error ?? trace.error ?? document.error
  if (error) return <Alert color="red" title={t('This call could not be loaded')}>{error.message}</Alert>
  if (call.data && !flow) return <Alert title={t('This call ran a routing plan')}>{t('It has attempts, but no path through a flow.')}{' '}<Link to={`/calls/${id}`}>{t('The call')}</Link></Alert>
  if (!call.data || !trace.data || !document.data || !types.data) return <Text c="dimmed">{t('Loading…')}</Text>
  return (
    <Stack h="calc(100vh - 100px)" gap="xs">
      <Group><Title order={2}>{String(call.data.caller_id)} → {String(call.data.number)}</Title><Status of={call.data.disposition ?? call.data.status} /><Link to={`/calls/${id}`}>{t('The call')}</Link><Link to={`/data/call-flows/${flow}`}>{t('The flow')}</Link><Text size="sm" c="dimmed">{t('version {n}', { n: version })}</Text></Group>
      <ReactFlowProvider fitView><View call={call.data} document={document.data} trace={trace.data} types={types.data} /></ReactFlowProvider>
    </Stack>
  )
}
