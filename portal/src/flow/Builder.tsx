// The canvas: opens, edits, saves and publishes a call flow.
import { Alert, Badge, Box, Button, Drawer, Group, Kbd, Menu, Stack, Text, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useBlocker, useNavigate } from '@tanstack/react-router'
import { ReactFlowProvider, useEdgesState, useNodesState, useReactFlow, type Connection, type FinalConnectionState } from '@xyflow/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { ApiError, api, type FlowProblem, type Row } from '../api'
import { ResourcePicker } from '../SchemaForm'
import { NodePanel } from './NodePanel'
import { FlowVariables, variablesOf } from '../names'
import { DRAGGED, Palette } from './Palette'
import { Publish, Usage } from './Publish'
import { Test, type Report } from './Test'
import { Versions } from './Versions'
import { words } from '../words'
import { Conflict } from './Conflict'
import { chosenOf, connection, copy, frame, freeId, groupNode, isStep, noteNode, paste, portsOf, sizeOf, toCanvas, toDocument, walked, within, type Data, type Document, type FlowNode } from './document'
import { useHistory } from './history'
import { arranged } from './layout'
import { useNodeTypes, type NodeType } from './types'
import { Seen, type Numbers } from './look'
import { Surface } from './Surface'
import { t } from '../text'

// Where the node goes that the palette is asked for: after a port that was dropped on the canvas, or within an edge.
type Place = { after: { node: string; port: string }; at: { x: number; y: number } } | { within: string } | { at: { x: number; y: number } }

const isTyping = (target: EventTarget | null) => target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))

function Canvas({ flow, etag, types }: { flow: Row; etag: string; types: NodeType[] }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [startNodes, startEdges] = useMemo(() => toCanvas(flow.draft as Document, types), [flow.draft, types])
  const [nodes, setNodes, onNodes] = useNodesState(startNodes)
  const [edges, setEdges, onEdges] = useEdgesState(startEdges)
  const version = useRef(etag) // not of a render: a save that waited for another one goes on from what that one made
  const [saved, setSaved] = useState(JSON.stringify(toDocument(startNodes, startEdges, flow.draft as object)))
  const [problems, setProblems] = useState<FlowProblem[]>([])
  const [openId, setOpenId] = useState<string | null>(null)
  const [conflict, setConflict] = useState(false)
  const [asking, setAsking] = useState(false) // the dialog about it is open
  const [failed, setFailed] = useState(false) // the last save; the next change tries again
  const [published, setPublished] = useState(flow.published_version as number | null)
  const [rest, setRest] = useState(flow.draft as object)
  const [panel, setPanel] = useState<'test' | 'versions' | 'settings' | null>(null)
  const [report, setReport] = useState<Report | null>(null)
  const [publishing, setPublishing] = useState(false)
  const [numbers, setNumbers] = useState(false)
  const [place, setPlace] = useState<Place | null>(null)
  const canvas = useReactFlow()
  const box = useRef<HTMLDivElement>(null)
  // What there is to save; where nodes are dragged to is told when they are let go.
  const told = useRef<{ document_: Document; text: string } | null>(null)
  if (!told.current || !nodes.some((n) => n.dragging)) {
    const document_ = toDocument(nodes, edges, rest)
    told.current = { document_, text: JSON.stringify(document_) }
  }
  const { document_, text } = told.current
  const dirty = text !== saved
  const restore = (d: Document) => {
    const [n, e] = toCanvas(d, types)
    const chosen = new Set(nodes.filter((x) => x.selected).map((x) => x.id))
    setNodes(n.map((x) => ({ ...x, selected: chosen.has(x.id), measured: nodes.find((o) => o.id === x.id)?.measured ?? x.measured })))
    setEdges(e)
    setRest(d)
  }
  const history = useHistory(text, (t) => restore(JSON.parse(t)))
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
      if (e instanceof ApiError && e.problem.status === 412) { setConflict(true); setAsking(true) }
      else notifications.show({ color: 'red', message: (e as Error).message })
      return false
    }
  }
  const takeTheirs = (theirs: Row, etag: string) => {
    const [n, e] = toCanvas(theirs.draft as Document, types)
    version.current = etag
    setSaved(JSON.stringify(toDocument(n, e, theirs.draft as object)))
    setPublished(theirs.published_version as number | null)
    restore(theirs.draft as Document)
    setConflict(false)
  }
  const keepAsCopy = async () => {
    try {
      const { data } = await api<Row>('POST', '/call-flows', { name: `${String(flow.name).slice(0, 60)}, ${new Date().toLocaleString()}`, draft: document_ })
      await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      notifications.show({ color: 'red', message: (e as Error).message })
    }
  }
  const openPublish = async () => {
    if (!dirty || (await save())) setPublishing(true)
  }
  const publish = async (note: string) => {
    setPublishing(false)
    if (dirty && !(await save())) return
    try {
      const { data } = await api<{ version: number }>('POST', `/call-flows/${flow.id}/publish`, { note })
      setPublished(data.version)
      version.current = (await api<Row>('GET', `/call-flows/${flow.id}`)).etag
      notifications.show({ message: t('Version {version} is published; the next call runs it', { version: data.version }) })
    } catch (e) {
      if (e instanceof ApiError && e.problem.problems) setProblems(e.problem.problems)
      notifications.show({ color: 'red', message: e instanceof ApiError ? e.problem.title : String(e) })
    }
  }
  const rollBack = async (to: number) => {
    try {
      const { data } = await api<{ version: number }>('POST', `/call-flows/${flow.id}/rollback`, { version: to })
      setPublished(data.version)
      version.current = (await api<Row>('GET', `/call-flows/${flow.id}`)).etag
      notifications.show({ message: t('What was version {to} is published as version {version}; the draft is as it was', { to, version: data.version }) })
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
  const connect = (c: Connection) => setEdges((all) => [...all.filter((e) => !(e.source === c.source && e.sourceHandle === c.sourceHandle)), connection(c.source, c.sourceHandle ?? 'next', c.target)])
  const add = (type: NodeType, place: Place | null) => {
    const id = freeId(nodes.map((n) => n.id), type.type)
    const within = place && 'within' in place ? edges.find((e) => e.id === place.within) : undefined
    const of = (nodeId: string | undefined) => nodes.find((n) => n.id === nodeId)?.position ?? { x: 0, y: 0 }
    const position = place && 'at' in place ? place.at : within ? { x: (of(within.source).x + of(within.target).x) / 2, y: (of(within.source).y + of(within.target).y) / 2 + 40 } : { x: Math.max(0, ...nodes.map((x) => x.position.x)) + 260, y: 80 }
    setNodes([...nodes.map((n) => ({ ...n, selected: false })), { id, type: 'step', position, selected: true, data: { type: type.type, config: {} } }])
    if (place && 'after' in place) connect({ source: place.after.node, sourceHandle: place.after.port, target: id, targetHandle: null })
    if (within) {
      const [port] = portsOf(type, {})
      setEdges((all) => [...all.filter((e) => e.id !== within.id), connection(within.source, within.sourceHandle!, id), ...(port ? [connection(id, port, within.target)] : [])])
    }
    setPlace(null)
    setOpenId(id)
  }
  // A port that is dropped on nothing asks what shall follow.
  const dropped = (event: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    if (state.isValid || state.fromHandle?.type !== 'source' || !state.fromNode || state.toNode) return
    const { clientX, clientY } = 'changedTouches' in event ? event.changedTouches[0] : event
    setPlace({ after: { node: state.fromNode.id, port: state.fromHandle.id ?? 'next' }, at: canvas.screenToFlowPosition({ x: clientX, y: clientY }) })
  }
  // The middle of what is seen, or below it where something lies there.
  const freePlace = () => {
    const at = canvas.screenToFlowPosition({ x: window.innerWidth / 2, y: window.innerHeight / 2 })
    const covers = (n: FlowNode) => n.type !== 'frame' && Math.abs(n.position.x - at.x) < 230 && n.position.y < at.y + 130 && n.position.y + sizeOf(n).height + 10 > at.y
    for (let n = nodes.find(covers), tries = 0; n && tries < 50; n = nodes.find(covers), tries++) at.y = n.position.y + sizeOf(n).height + 20
    return at
  }
  const addNote = () => {
    const id = freeId(nodes.map((n) => n.id), 'note')
    setNodes([...nodes.map((n) => ({ ...n, selected: false })), { ...noteNode(id, '', freePlace()), selected: true }])
    setTimeout(() => document.querySelector<HTMLTextAreaElement>(`[data-id="${id}"] textarea`)?.focus(), 50)
  }
  const group = () => {
    const inside = nodes.filter((n) => n.selected && n.type !== 'frame')
    if (!inside.length) return
    const { position, width, height } = frame(inside)
    const id = freeId(nodes.map((n) => n.id), 'group')
    setNodes([groupNode(id, '', position, width, height), ...nodes.map((n) => ({ ...n, selected: false }))])
    setTimeout(() => document.querySelector<HTMLInputElement>(`[data-id="${id}"] input`)?.focus(), 50)
  }
  // A group takes along what lies within it.
  const carried = useRef<{ at: { x: number; y: number }; ids: Set<string> } | null>(null)
  const takeAlong = (_: unknown, n: FlowNode) => {
    carried.current = n.type === 'frame' ? { at: n.position, ids: within(n, nodes.filter((x) => !x.selected || x.id === n.id)) } : null
  }
  const carry = (_: unknown, n: FlowNode) => {
    const c = carried.current
    if (!c?.ids.size) return
    const dx = n.position.x - c.at.x, dy = n.position.y - c.at.y
    c.at = n.position
    setNodes((all) => all.map((x) => (c.ids.has(x.id) ? { ...x, position: { x: x.position.x + dx, y: x.position.y + dy } } : x)))
  }
  const change = (id: string, data: Partial<Data>) => setNodes((all) => all.map((n) => (n.id === id ? { ...n, data: { ...n.data, ...data } } : n)))
  const remove = (ids: string[]) => {
    const gone = new Set(ids)
    setEdges((all) => all.filter((e) => !gone.has(e.source) && !gone.has(e.target)))
    setNodes((all) => all.filter((n) => !gone.has(n.id)))
    setOpenId(null)
  }
  const goTo = (id: string) => {
    setPanel(null)
    setNodes((all) => all.map((n) => ({ ...n, selected: n.id === id })))
    setOpenId(id)
    void canvas.fitView({ nodes: [{ id }], maxZoom: 1, duration: 300, padding: 0.6 })
  }
  const arrange = async () => {
    const places = await arranged(nodes.filter(isStep), edges, types)
    const held = new Map(nodes.filter((n) => n.type === 'frame').map((g) => [g.id, within(g, nodes)]))
    setNodes((all) => {
      const moved = all.map((n) => ({ ...n, position: places.get(n.id) ?? n.position }))
      return moved.map((n) => (held.get(n.id)?.size ? { ...n, ...frame(moved.filter((m) => held.get(n.id)!.has(m.id))) } : n)) // groups go around their nodes again
    })
    setTimeout(() => void canvas.fitView({ maxZoom: 1, duration: 300 }), 50)
  }
  const align = (axis: 'x' | 'y') => {
    const least = Math.min(...nodes.filter((n) => n.selected).map((n) => n.position[axis]))
    setNodes((all) => all.map((n) => (n.selected ? { ...n, position: { ...n.position, [axis]: least } } : n)))
  }
  const pasteText = (clipboard: string) => {
    const part = paste(clipboard, nodes.map((n) => n.id))
    if (!part?.nodes.length) return false
    setNodes((all) => [...all.map((n) => ({ ...n, selected: false })), ...part.nodes])
    setEdges((all) => [...all, ...part.edges])
    setOpenId(null)
    return true
  }
  useEffect(() => {
    const outside = (e: ClipboardEvent) => isTyping(e.target) || !!window.getSelection()?.toString()
    const give = (e: ClipboardEvent) => {
      const part = outside(e) ? null : copy(nodes, edges)
      if (!part) return
      e.clipboardData?.setData('text/plain', part)
      e.preventDefault()
      if (e.type === 'cut') remove(chosenOf(nodes).map((n) => n.id))
    }
    const take = (e: ClipboardEvent) => {
      if (!isTyping(e.target) && pasteText(e.clipboardData?.getData('text/plain') ?? '')) e.preventDefault()
    }
    document.addEventListener('copy', give)
    document.addEventListener('cut', give)
    document.addEventListener('paste', take)
    return () => {
      document.removeEventListener('copy', give)
      document.removeEventListener('cut', give)
      document.removeEventListener('paste', take)
    }
  })
  useHotkeys([
    ['mod+Z', history.undo], ['mod+shift+Z', history.redo], ['mod+Y', history.redo],
    ['mod+A', () => setNodes((all) => all.map((n) => ({ ...n, selected: true })))],
    ['mod+S', () => void save()], ['shift+N', addNote], ['mod+G', group],
  ])
  // Within the portal nothing is lost by leaving: what is not saved yet is saved first.
  useBlocker({ shouldBlockFn: async () => dirty && !conflict && !(await save()) && !window.confirm(t('The last changes could not be saved. Leave all the same?')), enableBeforeUnload: false })
  // One object until something in it changes: every node on the canvas is drawn anew when it does.
  const figures = useQuery({ queryKey: ['call-flows', 'stats', flow.id, published], enabled: numbers && published !== null, queryFn: async () => (await api<{ nodes: Numbers[] }>('GET', `/call-flows/${flow.id}/stats?version=${published}`)).data.nodes })
  const write = useCallback((id: string, text: string) => setNodes((all) => all.map((n) => (n.id === id ? { ...n, data: { ...n.data, name: text } } : n))), [setNodes])
  const seen = useMemo(() => ({ types, bad: new Set(problems.filter((p) => p.severity === 'error' && p.node).map((p) => p.node!)), passed, insert: (within: string) => setPlace({ within }), numbers: new Map((numbers ? (figures.data ?? []) : []).map((n) => [n.node, n])), write }), [types, problems, passed, numbers, figures.data, write])
  // The same list until a name changes: while a node is dragged nothing that reads it is drawn anew.
  const written = useMemo(() => [...variablesOf(document_.nodes.map((n) => n.config))].sort().join('\n'), [document_])
  const variables = useMemo(() => (written ? written.split('\n') : []), [written])
  const errors = problems.filter((p) => p.severity === 'error')
  const chosen = nodes.filter((n) => n.selected).length

  return (
    <FlowVariables.Provider value={variables}><Seen.Provider value={seen}>
      <Stack h="calc(100vh - 100px)" gap="xs">
        <Group justify="space-between">
          <Group><Title order={2}>{String(flow.name)}</Title><Badge variant="light" color={published ? 'green' : 'gray'}>{published ? t('version {n}', { n: published }) : t('not published')}</Badge><Text size="sm" c="dimmed" aria-live="polite">{!dirty ? t('Saved') : failed ? t('Not saved') : t('Saving…')}</Text></Group>
          <Group>
            <Button.Group>
              <Button variant="default" aria-label={t('Undo')} title={t('Undo (Ctrl+Z)')} disabled={!history.canUndo} onClick={history.undo}>↶</Button>
              <Button variant="default" aria-label={t('Redo')} title={t('Redo (Ctrl+Shift+Z)')} disabled={!history.canRedo} onClick={history.redo}>↷</Button>
            </Button.Group>
            <Palette types={types} nodes={nodes.filter(isStep)} place={!place ? null : 'after' in place ? t('After {node}, {port}', place.after) : 'within' in place ? t('Between both') : t('Here')} onPick={(t) => add(t, place)} onFind={goTo} onClose={() => setPlace(null)} />
            <Button variant="default" onClick={() => show('test')}>{t('Test')}</Button>
            <Menu><Menu.Target><Button variant="default">{t('More')}</Button></Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={addNote} rightSection={<Kbd size="xs">⇧N</Kbd>}>{t('Add a note')}</Menu.Item>
                <Menu.Item onClick={group} disabled={!chosen} rightSection={<Kbd size="xs">Ctrl G</Kbd>}>{t('Group what is selected')}</Menu.Item>
                <Menu.Item onClick={() => void arrange()}>{t('Arrange the nodes')}</Menu.Item>
                {chosen > 1 && <><Menu.Item onClick={() => align('x')}>{t('Align left')}</Menu.Item><Menu.Item onClick={() => align('y')}>{t('Align at the top')}</Menu.Item></>}
                <Menu.Item disabled={published === null} onClick={() => setNumbers(!numbers)}>{numbers ? t('Hide the numbers') : t('Numbers of the calls that ran it')}</Menu.Item>
                <Menu.Item onClick={() => show('versions')}>{t('Versions')}</Menu.Item>
                <Menu.Item onClick={() => show('settings')}>{t('Fallback')}</Menu.Item>
                <Menu.Item component="a" href={`/api/v1/call-flows/${flow.id}/export`} download={`${String(flow.name)}.json`}>{t('Export the saved draft')}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
            <Button onClick={() => void openPublish()} disabled={errors.length > 0}>{t('Publish')}</Button>
          </Group>
        </Group>
        {conflict && <Alert color="yellow"><Group><Text size="sm">{t('Somebody else saved this flow meanwhile. Nothing is saved here until you choose whose to keep.')}</Text><Button size="xs" onClick={() => setAsking(true)}>{t('Choose')}</Button></Group></Alert>}
        {conflict && asking && <Conflict flowId={flow.id} mine={document_} onTheirs={takeTheirs} onMine={(etag) => { version.current = etag; setConflict(false) }} onCopy={() => void keepAsCopy()} onLater={() => setAsking(false)} />}
        <Box ref={box} onDragOver={(e) => e.dataTransfer.types.includes(DRAGGED) && e.preventDefault()} onDrop={(e) => { const type = types.find((t) => t.type === e.dataTransfer.getData(DRAGGED)); if (type) add(type, { at: canvas.screenToFlowPosition({ x: e.clientX, y: e.clientY }) }) }}
          onKeyDown={(e) => { const id = (e.target as HTMLElement).dataset.id; if (e.key === 'Enter' && nodes.some((n) => n.id === id && isStep(n))) { setPanel(null); setOpenId(id!) } }} style={{ flex: 1, border: '1px solid var(--mantine-color-default-border)', borderRadius: 8, minHeight: 260 }}>
          <Surface editable nodes={nodes} edges={report ? walked(edges, own) : edges} onNodesChange={onNodes} onEdgesChange={onEdges} onNodesDelete={(gone) => remove(gone.map((n) => n.id))} onConnect={connect} onConnectEnd={(e, state) => { box.current?.classList.remove('connecting'); dropped(e, state) }} onNodeClick={(e, n) => { setPanel(null); setOpenId(e.shiftKey || e.ctrlKey || e.metaKey || !isStep(n) ? null : n.id) }} onNodeDragStart={takeAlong} onNodeDrag={carry} onConnectStart={() => box.current?.classList.add('connecting')} />
        </Box>
        {problems.length > 0 && (
          <Box mah={140} style={{ overflow: 'auto' }} role="list" aria-label={t('Problems')}>
            {problems.map((p, i) => <Group key={i} gap="xs" role="listitem"><Badge size="xs" color={p.severity === 'error' ? 'red' : 'yellow'}>{p.severity}</Badge><Button size="compact-xs" variant="subtle" disabled={!p.node} onClick={() => goTo(p.node!)}>{p.node ?? t('flow')}</Button><Text size="sm">{p.code === 'config' ? `${words(p.pointer?.split('/config/')[1] ?? '')} ${p.detail}` : p.detail}</Text></Group>)}
          </Box>
        )}
      </Stack>
      {publishing && <Publish flowId={flow.id} published={published} onClose={() => setPublishing(false)} onPublish={(note) => void publish(note)} />}
      <Drawer opened={!!panel} onClose={() => { setPanel(null); setReport(null) }} position="right" title={panel === 'test' ? t('Test') : panel === 'versions' ? t('Versions') : t('Fallback')} size="md" withOverlay={false} lockScroll={false}>
        {panel === 'test' && <Test flowId={flow.id} document={document_} nameOf={(id) => nodes.find((n) => n.id === id)?.data.name || id} onReport={setReport} />}
        {panel === 'versions' && <Versions flowId={flow.id} published={published} onRollBack={rollBack} />}
        {panel === 'settings' && <Stack><Usage flowId={flow.id} /><ResourcePicker kind="routing_plan" label={t('Routing plan')} description={t('Runs when a node fails and the port for that is not connected. None: the call ends.')} value={(rest as Document).fallback?.routing_plan_id ?? null}
          onChange={(id) => setRest((old) => { const { fallback: _, ...other } = old as Document; return id ? { ...other, fallback: { routing_plan_id: id } } : other })} /></Stack>}
      </Drawer>
      <Drawer opened={!!open} onClose={() => setOpenId(null)} position="right" title={open && types.find((t) => t.type === open.data.type)?.label} size={520} withOverlay={false} lockScroll={false}>
        {open && <NodePanel node={open} type={types.find((t) => t.type === open.data.type)} nodes={nodes.filter(isStep)} edges={edges} problems={problems} onChange={(data) => change(open.id, data)} onDelete={() => remove([open.id])}
          onConnect={(port, to) => (to ? connect({ source: open.id, sourceHandle: port, target: to, targetHandle: null }) : setEdges((all) => all.filter((e) => !(e.source === open.id && e.sourceHandle === port))))} />}
      </Drawer>
    </Seen.Provider></FlowVariables.Provider>
  )
}

export default function Builder({ id }: { id: string }) {
  const flow = useQuery({ queryKey: ['call-flows', 'one', id], queryFn: () => api<Row>('GET', `/call-flows/${id}`), refetchOnWindowFocus: false, staleTime: 0, gcTime: 0 })
  const types = useNodeTypes()
  if (flow.error) return <Alert color="red" title={t('This flow could not be loaded')}>{flow.error.message}</Alert>
  if (!flow.data || !types.data) return <Text c="dimmed">{t('Loading…')}</Text>
  return <ReactFlowProvider fitView><Canvas key={id} flow={flow.data.data} etag={flow.data.etag} types={types.data} /></ReactFlowProvider>
}
