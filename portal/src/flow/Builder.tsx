// The canvas: opens, edits, saves and publishes a call flow.
import '@xyflow/react/dist/style.css'
import { Alert, Badge, Box, Button, Drawer, Group, Stack, Text, TextInput, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Background, Controls, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, addEdge, useEdgesState, useNodesState, type Connection, type Edge, type Node, type NodeProps } from '@xyflow/react'
import { createContext, memo, useContext, useEffect, useMemo, useState } from 'react'
import { ApiError, api, type FlowProblem, type Row } from '../api'
import { Fields } from '../SchemaForm'
import type { Schema } from '../schema'
import { Palette } from './Palette'
import type { NodeType } from './types'

interface Data extends Record<string, unknown> {
  type: string
  name?: string
  config: Record<string, unknown>
}
interface Document {
  nodes: { id: string; type: string; name?: string; position?: { x: number; y: number }; config?: Record<string, unknown> }[]
  edges: { from: string; port: string; to: string }[]
}
type FlowNode = Node<Data>

const Types = createContext<{ types: NodeType[]; problems: FlowProblem[] }>({ types: [], problems: [] })

// A node's ports: those its configuration names, then its type's own.
function portsOf(type: NodeType | undefined, config: Record<string, unknown>): string[] {
  const from = type?.ports_from ? ((config[type.ports_from] as { port?: string }[] | undefined) ?? []) : []
  return [...new Set(from.map((e) => e.port).filter((p): p is string => !!p)), ...(type?.ports ?? []).map((p) => p.name)]
}

const FlowNodeView = memo(function FlowNodeView({ id, data, selected }: NodeProps<FlowNode>) {
  const { types, problems } = useContext(Types)
  const type = types.find((t) => t.type === data.type)
  const mine = problems.filter((p) => p.node === id)
  const bad = mine.some((p) => p.severity === 'error')
  return (
    <Box bg="var(--mantine-color-body)" style={{ border: `2px solid var(--mantine-color-${bad ? 'red-6' : selected ? 'blue-6' : 'default-border'})`, borderRadius: 10, minWidth: 170 }}>
      {data.type !== 'start' && <Handle type="target" position={Position.Left} aria-label={`Into ${id}`} style={{ width: 12, height: 12 }} />}
      <Box px="sm" py={6}><Text size="xs" c="dimmed">{type?.label ?? data.type}</Text><Text size="sm" fw={600}>{data.name || id}</Text></Box>
      {portsOf(type, data.config).map((p) => (
        <Box key={p} px="sm" py={3} style={{ position: 'relative', textAlign: 'right', borderTop: '1px solid var(--mantine-color-default-border)' }}>
          <Text size="xs">{p.replaceAll('_', ' ')}</Text>
          <Handle id={p} type="source" position={Position.Right} aria-label={`${id} ${p}`} style={{ width: 12, height: 12 }} />
        </Box>
      ))}
    </Box>
  )
})
const nodeTypes = { step: FlowNodeView }

const toCanvas = (d: Document): [FlowNode[], Edge[]] => [
  d.nodes.map((n, i) => ({ id: n.id, type: 'step', position: n.position ?? { x: 240 * i, y: 60 * (i % 3) }, deletable: n.type !== 'start', data: { type: n.type, name: n.name, config: n.config ?? {} } })),
  d.edges.map((e) => ({ id: `${e.from}:${e.port}`, source: e.from, sourceHandle: e.port, target: e.to })),
]
const toDocument = (nodes: FlowNode[], edges: Edge[], old: object): Document => ({
  ...old,
  nodes: nodes.map((n) => ({ id: n.id, type: n.data.type, ...(n.data.name ? { name: n.data.name } : {}), position: { x: Math.round(n.position.x), y: Math.round(n.position.y) }, config: n.data.config })),
  edges: edges.map((e) => ({ from: e.source, port: e.sourceHandle ?? 'next', to: e.target })),
})

function Canvas({ flow, etag, types }: { flow: Row; etag: string; types: NodeType[] }) {
  const client = useQueryClient()
  const [startNodes, startEdges] = useMemo(() => toCanvas(flow.draft as Document), [flow.draft])
  const [nodes, setNodes, onNodes] = useNodesState(startNodes)
  const [edges, setEdges, onEdges] = useEdgesState(startEdges)
  const [version, setVersion] = useState(etag)
  const [saved, setSaved] = useState(JSON.stringify(toDocument(startNodes, startEdges, flow.draft as object)))
  const [problems, setProblems] = useState<FlowProblem[]>([])
  const [openId, setOpenId] = useState<string | null>(null)
  const [conflict, setConflict] = useState(false)
  const [published, setPublished] = useState(flow.published_version as number | null)
  const document_ = toDocument(nodes, edges, flow.draft as object)
  const text = JSON.stringify(document_)
  const dirty = text !== saved
  const open = nodes.find((n) => n.id === openId)

  useEffect(() => {
    const guard = (e: BeforeUnloadEvent) => dirty && e.preventDefault()
    window.addEventListener('beforeunload', guard)
    return () => window.removeEventListener('beforeunload', guard)
  }, [dirty])
  useEffect(() => {
    const t = setTimeout(async () => setProblems((await api<{ problems: FlowProblem[] }>('POST', `/call-flows/${flow.id}/check`, JSON.parse(text))).data.problems), 400)
    return () => clearTimeout(t)
  }, [text, flow.id])

  const save = async (): Promise<boolean> => {
    try {
      const { etag: next } = await api('PATCH', `/call-flows/${flow.id}`, { draft: document_ }, { 'if-match': version })
      setVersion(next)
      setSaved(text)
      await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
      return true
    } catch (e) {
      if (e instanceof ApiError && e.problem.status === 412) setConflict(true)
      else notifications.show({ color: 'red', message: (e as Error).message })
      return false
    }
  }
  const publish = async () => {
    if (dirty && !(await save())) return
    try {
      const { data } = await api<{ version: number }>('POST', `/call-flows/${flow.id}/publish`, { note: '' })
      setPublished(data.version)
      const fresh = await api<Row>('GET', `/call-flows/${flow.id}`)
      setVersion(fresh.etag)
      notifications.show({ message: `Version ${data.version} is published; the next call runs it` })
    } catch (e) {
      if (e instanceof ApiError && e.problem.problems) setProblems(e.problem.problems)
      notifications.show({ color: 'red', message: e instanceof ApiError ? e.problem.title : String(e) })
    }
  }
  const add = (type: NodeType) => {
    let n = 1
    while (nodes.some((x) => x.id === `${type.type}_${n}`)) n++
    const right = Math.max(0, ...nodes.map((x) => x.position.x))
    setNodes([...nodes, { id: `${type.type}_${n}`, type: 'step', position: { x: right + 260, y: 80 }, data: { type: type.type, config: {} } }])
    setOpenId(`${type.type}_${n}`)
  }
  const change = (id: string, data: Partial<Data>) => setNodes((all) => all.map((n) => (n.id === id ? { ...n, data: { ...n.data, ...data } } : n)))
  const connect = (c: Connection) => setEdges((all) => addEdge({ ...c, id: `${c.source}:${c.sourceHandle}` }, all.filter((e) => !(e.source === c.source && e.sourceHandle === c.sourceHandle))))
  const errors = problems.filter((p) => p.severity === 'error')
  const openIndex = nodes.findIndex((n) => n.id === openId)

  return (
    <Types.Provider value={{ types, problems }}>
      <Stack h="calc(100vh - 100px)" gap="xs">
        <Group justify="space-between">
          <Group><Title order={2}>{String(flow.name)}</Title><Badge variant="light" color={published ? 'green' : 'gray'}>{published ? `version ${published}` : 'not published'}</Badge><Text size="sm" c="dimmed" aria-live="polite">{dirty ? 'Unsaved changes' : 'Saved'}</Text></Group>
          <Group>
            <Palette types={types} onPick={add} />
            <Button variant="default" onClick={save} disabled={!dirty}>Save draft</Button>
            <Button onClick={publish} disabled={errors.length > 0}>Publish</Button>
          </Group>
        </Group>
        {conflict && <Alert color="yellow" title="Somebody else saved this flow meanwhile"><Group><Text size="sm">Reload to see their version; your unsaved changes are dropped.</Text><Button size="xs" onClick={() => location.reload()}>Reload</Button></Group></Alert>}
        <Box style={{ flex: 1, border: '1px solid var(--mantine-color-default-border)', borderRadius: 8, minHeight: 260 }}>
          <ReactFlow nodes={nodes} edges={edges} onNodesChange={onNodes} onEdgesChange={onEdges} onConnect={connect} nodeTypes={nodeTypes} onNodeDoubleClick={(_, n) => setOpenId(n.id)} onNodeClick={(_, n) => setOpenId(n.id)} deleteKeyCode={['Delete', 'Backspace']} fitView fitViewOptions={{ maxZoom: 1 }}>
            <Background /><Controls /><MiniMap pannable />
          </ReactFlow>
        </Box>
        {problems.length > 0 && (
          <Box mah={140} style={{ overflow: 'auto' }} role="list" aria-label="Problems">
            {problems.map((p, i) => <Group key={i} gap="xs" role="listitem"><Badge size="xs" color={p.severity === 'error' ? 'red' : 'yellow'}>{p.severity}</Badge><Button size="compact-xs" variant="subtle" disabled={!p.node} onClick={() => setOpenId(p.node)}>{p.node ?? 'flow'}</Button><Text size="sm">{p.detail}</Text></Group>)}
          </Box>
        )}
      </Stack>
      <Drawer opened={!!open} onClose={() => setOpenId(null)} position="right" title={open && types.find((t) => t.type === open.data.type)?.label} size="md" withOverlay={false} lockScroll={false}>
        {open && (
          <Stack>
            <Text size="sm" c="dimmed">{types.find((t) => t.type === open.data.type)?.help}</Text>
            <TextInput label="Name" value={open.data.name ?? ''} placeholder={open.id} onChange={(e) => change(open.id, { name: e.currentTarget.value })} />
            <Fields schema={types.find((t) => t.type === open.data.type)?.config_schema ?? {}} value={open.data.config} pointer="" onChange={(config) => change(open.id, { config: config as Record<string, unknown> })}
              errors={(pointer) => problems.find((p) => p.node === open.id && p.pointer === `/nodes/${openIndex}/config${pointer}`)?.detail} />
            {open.data.type !== 'start' && <Button color="red" variant="subtle" onClick={() => { setEdges(edges.filter((e) => e.source !== open.id && e.target !== open.id)); setNodes(nodes.filter((n) => n.id !== open.id)); setOpenId(null) }}>Delete node</Button>}
          </Stack>
        )}
      </Drawer>
    </Types.Provider>
  )
}

export default function Builder({ id }: { id: string }) {
  const flow = useQuery({ queryKey: ['call-flows', 'one', id], queryFn: () => api<Row>('GET', `/call-flows/${id}`), refetchOnWindowFocus: false, staleTime: 0, gcTime: 0 })
  const types = useQuery({ queryKey: ['node-types'], queryFn: async () => (await api<{ data: NodeType[] }>('GET', '/node-types')).data.data, staleTime: Infinity })
  if (flow.error) return <Alert color="red" title="This flow could not be loaded">{flow.error.message}</Alert>
  if (!flow.data || !types.data) return <Text c="dimmed">Loading…</Text>
  return <ReactFlowProvider><Canvas key={id} flow={flow.data.data} etag={flow.data.etag} types={types.data} /></ReactFlowProvider>
}
