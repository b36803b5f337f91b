// The canvas: opens, edits, saves and publishes a call flow.
import '@xyflow/react/dist/style.css'
import { Alert, Badge, Box, Button, Drawer, Group, Menu, Modal, Stack, Text, TextInput, Textarea, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Background, Controls, Handle, MiniMap, Position, ReactFlow, ReactFlowProvider, addEdge, useEdgesState, useNodesState, type Connection, type Edge, type Node, type NodeProps } from '@xyflow/react'
import { createContext, memo, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { ApiError, api, type FlowProblem, type Row } from '../api'
import { Fields, ResourcePicker } from '../SchemaForm'
import type { Schema } from '../schema'
import { Palette } from './Palette'
import { Test, type Report } from './Test'
import { Versions } from './Versions'
import type { NodeType } from './types'

interface Data extends Record<string, unknown> {
  type: string
  name?: string
  config: Record<string, unknown>
}
interface Document {
  fallback?: { routing_plan_id?: string }
  nodes: { id: string; type: string; name?: string; position?: { x: number; y: number }; config?: Record<string, unknown> }[]
  edges: { from: string; port: string; to: string }[]
}
type FlowNode = Node<Data>

const Types = createContext<{ types: NodeType[]; problems: FlowProblem[]; passed: Set<string> }>({ types: [], problems: [], passed: new Set() })

// A node's ports: those its configuration names, then its type's own.
function portsOf(type: NodeType | undefined, config: Record<string, unknown>): string[] {
  const from = type?.ports_from ? ((config[type.ports_from] as (string | { port?: string })[] | undefined) ?? []) : []
  return [...new Set(from.map((e) => (typeof e === 'string' ? e : e?.port)).filter((p): p is string => !!p)), ...(type?.ports ?? []).map((p) => p.name)]
}

const FlowNodeView = memo(function FlowNodeView({ id, data, selected }: NodeProps<FlowNode>) {
  const { types, problems, passed } = useContext(Types)
  const type = types.find((t) => t.type === data.type)
  const mine = problems.filter((p) => p.node === id)
  const bad = mine.some((p) => p.severity === 'error')
  return (
    <Box bg="var(--mantine-color-body)" style={{ border: `2px solid var(--mantine-color-${bad ? 'red-6' : selected ? 'blue-6' : passed.has(id) ? 'teal-6' : 'default-border'})`, borderRadius: 10, minWidth: 170 }}>
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
  const version = useRef(etag) // not of a render: a save that waited for another one goes on from what that one made
  const [saved, setSaved] = useState(JSON.stringify(toDocument(startNodes, startEdges, flow.draft as object)))
  const [problems, setProblems] = useState<FlowProblem[]>([])
  const [openId, setOpenId] = useState<string | null>(null)
  const [conflict, setConflict] = useState(false)
  const [failed, setFailed] = useState(false) // the last save; the next change tries again
  const [published, setPublished] = useState(flow.published_version as number | null)
  const [rest, setRest] = useState(flow.draft as object)
  const [panel, setPanel] = useState<'test' | 'versions' | 'settings' | null>(null)
  const [report, setReport] = useState<Report | null>(null)
  const [note, setNote] = useState<string | null>(null)
  const document_ = toDocument(nodes, edges, rest)
  const text = JSON.stringify(document_)
  const dirty = text !== saved
  const open = nodes.find((n) => n.id === openId)

  useEffect(() => {
    const guard = (e: BeforeUnloadEvent) => dirty && e.preventDefault()
    window.addEventListener('beforeunload', guard)
    return () => window.removeEventListener('beforeunload', guard)
  }, [dirty])
  // The draft is saved a second after the last change. What somebody else saved meanwhile is never overwritten.
  useEffect(() => {
    if (!dirty || conflict) return
    const t = setTimeout(() => void save(), 1000)
    return () => clearTimeout(t)
  }, [text, dirty, conflict]) // eslint-disable-line react-hooks/exhaustive-deps
  useEffect(() => {
    const t = setTimeout(async () => setProblems((await api<{ problems: FlowProblem[] }>('POST', `/call-flows/${flow.id}/check`, JSON.parse(text))).data.problems), 400)
    return () => clearTimeout(t)
  }, [text, flow.id])

  const underWay = useRef<Promise<boolean> | null>(null)
  const save = async (): Promise<boolean> => {
    while (underWay.current) await underWay.current
    underWay.current = put()
    try {
      return await underWay.current
    } finally {
      underWay.current = null
    }
  }
  const put = async (): Promise<boolean> => {
    setFailed(false)
    try {
      const { etag: next } = await api('PATCH', `/call-flows/${flow.id}`, { draft: document_ }, { 'if-match': version.current })
      version.current = next
      setSaved(text)
      await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
      return true
    } catch (e) {
      setFailed(true)
      if (e instanceof ApiError && e.problem.status === 412) setConflict(true)
      else notifications.show({ color: 'red', message: (e as Error).message })
      return false
    }
  }
  const publish = async () => {
    if (dirty && !(await save())) return
    try {
      const { data } = await api<{ version: number }>('POST', `/call-flows/${flow.id}/publish`, { note: note ?? '' })
      setNote(null)
      setPublished(data.version)
      const fresh = await api<Row>('GET', `/call-flows/${flow.id}`)
      version.current = fresh.etag
      notifications.show({ message: `Version ${data.version} is published; the next call runs it` })
    } catch (e) {
      setNote(null)
      if (e instanceof ApiError && e.problem.problems) setProblems(e.problem.problems)
      notifications.show({ color: 'red', message: e instanceof ApiError ? e.problem.title : String(e) })
    }
  }
  const rollBack = async (to: number) => {
    try {
      const { data } = await api<{ version: number }>('POST', `/call-flows/${flow.id}/rollback`, { version: to })
      setPublished(data.version)
      version.current = (await api<Row>('GET', `/call-flows/${flow.id}`)).etag
      notifications.show({ message: `What was version ${to} is published as version ${data.version}; the draft is as it was` })
    } catch (e) {
      notifications.show({ color: 'red', message: e instanceof ApiError ? e.message : String(e) })
    }
  }
  const show = (next: typeof panel) => {
    setOpenId(null)
    setPanel(next)
  }
  // The way that the test took, on the canvas.
  const own = (report?.steps ?? []).filter((s) => !s.call_flow_id)
  const passed = useMemo(() => new Set(own.map((s) => s.node)), [report]) // eslint-disable-line react-hooks/exhaustive-deps
  const taken = new Set(own.map((s) => `${s.node}:${s.port}`))
  const shownEdges = report ? edges.map((e) => (taken.has(e.id) ? { ...e, animated: true, style: { stroke: 'var(--mantine-color-teal-6)', strokeWidth: 2 } } : e)) : edges
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
    <Types.Provider value={{ types, problems, passed }}>
      <Stack h="calc(100vh - 100px)" gap="xs">
        <Group justify="space-between">
          <Group><Title order={2}>{String(flow.name)}</Title><Badge variant="light" color={published ? 'green' : 'gray'}>{published ? `version ${published}` : 'not published'}</Badge><Text size="sm" c="dimmed" aria-live="polite">{!dirty ? 'Saved' : failed ? 'Not saved' : 'Saving…'}</Text></Group>
          <Group>
            <Palette types={types} onPick={add} />
            <Button variant="default" onClick={() => show('test')}>Test</Button>
            <Menu><Menu.Target><Button variant="default">More</Button></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => show('versions')}>Versions</Menu.Item>
                <Menu.Item onClick={() => show('settings')}>Fallback</Menu.Item>
                <Menu.Item component="a" href={`/api/v1/call-flows/${flow.id}/export`} download={`${String(flow.name)}.json`}>Export the saved draft</Menu.Item>
              </Menu.Dropdown>
            </Menu>
            <Button onClick={() => setNote('')} disabled={errors.length > 0}>Publish</Button>
          </Group>
        </Group>
        {conflict && <Alert color="yellow" title="Somebody else saved this flow meanwhile"><Group><Text size="sm">Reload to see their version; your unsaved changes are dropped.</Text><Button size="xs" onClick={() => location.reload()}>Reload</Button></Group></Alert>}
        <Box style={{ flex: 1, border: '1px solid var(--mantine-color-default-border)', borderRadius: 8, minHeight: 260 }}>
          <ReactFlow nodes={nodes} edges={shownEdges} onNodesChange={onNodes} onEdgesChange={onEdges} onConnect={connect} nodeTypes={nodeTypes} onNodeDoubleClick={(_, n) => setOpenId(n.id)} onNodeClick={(_, n) => { setPanel(null); setOpenId(n.id) }} deleteKeyCode={['Delete', 'Backspace']} fitView fitViewOptions={{ maxZoom: 1 }}>
            <Background /><Controls /><MiniMap pannable />
          </ReactFlow>
        </Box>
        {problems.length > 0 && (
          <Box mah={140} style={{ overflow: 'auto' }} role="list" aria-label="Problems">
            {problems.map((p, i) => <Group key={i} gap="xs" role="listitem"><Badge size="xs" color={p.severity === 'error' ? 'red' : 'yellow'}>{p.severity}</Badge><Button size="compact-xs" variant="subtle" disabled={!p.node} onClick={() => setOpenId(p.node)}>{p.node ?? 'flow'}</Button><Text size="sm">{p.detail}</Text></Group>)}
          </Box>
        )}
      </Stack>
      <Modal opened={note !== null} onClose={() => setNote(null)} title="Publish">
        <form onSubmit={(e) => { e.preventDefault(); void publish() }}><Stack>
          <Text size="sm">The next call runs it. Calls that run now stay on the version they began with.</Text>
          <Textarea label="Note" description="What changed, for whoever looks at the versions later" value={note ?? ''} onChange={(e) => setNote(e.currentTarget.value)} data-autofocus />
          <Button type="submit">Publish now</Button>
        </Stack></form>
      </Modal>
      <Drawer opened={!!panel} onClose={() => { setPanel(null); setReport(null) }} position="right" title={panel === 'test' ? 'Test' : panel === 'versions' ? 'Versions' : 'Fallback'} size="md" withOverlay={false} lockScroll={false}>
        {panel === 'test' && <Test flowId={flow.id} document={document_} nameOf={(id) => nodes.find((n) => n.id === id)?.data.name || id} onReport={setReport} />}
        {panel === 'versions' && <Versions flowId={flow.id} published={published} onRollBack={rollBack} />}
        {panel === 'settings' && <ResourcePicker kind="routing_plan" label="Routing plan" description="Runs when a node fails and the port for that is not connected. None: the call ends." value={(rest as Document).fallback?.routing_plan_id ?? null}
          onChange={(id) => setRest((old) => { const { fallback: _, ...other } = old as Document; return id ? { ...other, fallback: { routing_plan_id: id } } : other })} />}
      </Drawer>
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
