// The canvas: opens, edits, saves and publishes a call flow.
import {
  ActionIcon, Alert, Badge, Box, Button, Group, Kbd, Menu, Stack, Text, Title,
} from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useBlocker, useNavigate } from '@tanstack/react-router'
import { ReactFlowProvider, useEdgesState, useNodesState, useReactFlow, type Connection, type FinalConnectionState } from '@xyflow/react'
import {
  useCallback, useEffect, useMemo, useRef, useState, type DragEvent, type KeyboardEvent,
} from 'react'
import { api, type FlowProblem, type Row } from '../api'
import { kinds } from '../kinds'
import { LoadFailed } from '../LoadFailed'
import { ReadOnly } from '../ReadOnly'
import { ResourcePicker } from '../SchemaForm'
import { useMay } from '../session'
import { NodePanel } from './NodePanel'
import { FlowVariables, variablesOf } from '../names'
import { DRAGGED, Palette } from './Palette'
import { followPorts, movedPorts, portLabel } from './ports'
import { Problems } from './Problems'
import { Publish, Usage } from './Publish'
import { Duplicate, Rename } from './Renaming'
import { useSaving } from './saving'
import { Test, type Report } from './Test'
import { Versions } from './Versions'
import { Conflict } from './Conflict'
import { chosenOf, connection, copy, frame, freeId, groupNode, isStep, noteNode, paste, portsOf, sizeOf, toCanvas, toDocument, walked, within, type Data, type Document, type FlowNode } from './document'
import { useHistory } from './history'
import { isDialogOpen, isInDialog, isSomethingOpen, isTyping, useDeleteKeys } from './keys'
import { arranged } from './layout'
import { Panel, room, useIsDocked } from './Panel'
import { useNodeTypes, type NodeType } from './types'
import { Seen, type Numbers } from './look'
import { Surface } from './Surface'
import { t } from '../text'
import { complain } from '../toast'

// Where the node goes that the palette is asked for: after a port that was dropped on the canvas, or within an edge.
type Place = { after: { node: string; port: string }; at: { x: number; y: number } } | { within: string } | { at: { x: number; y: number } }

interface Checked {
  text: string // of the document that was checked
  problems: FlowProblem[]
}

const conflictText = t(
  'Somebody else saved this flow meanwhile. Nothing is saved here until you choose whose to keep.',
)
const MARGIN = 16 // around a node that is moved into sight
const titles = { test: t('Test'), versions: t('Versions'), settings: t('Fallback') }

function Canvas({ flow, etag, types }: { flow: Row; etag: string; types: NodeType[] }) {
  const client = useQueryClient()
  const navigate = useNavigate()
  const [startNodes, startEdges] = useMemo(() => toCanvas(flow.draft as Document, types), [flow.draft, types])
  const [nodes, setNodes, onNodes] = useNodesState(startNodes)
  const [edges, setEdges, onEdges] = useEdgesState(startEdges)
  const [checked, setChecked] = useState<Checked>({ text: '', problems: [] })
  const { problems } = checked
  const mayEdit = useMay('manager')
  const [openId, setOpenId] = useState<string | null>(null)
  const [naming, setNaming] = useState<'rename' | 'duplicate' | null>(null)
  const [rest, setRest] = useState(flow.draft as object)
  const [panel, setPanel] = useState<'test' | 'versions' | 'settings' | null>(null)
  const [report, setReport] = useState<Report | null>(null)
  const [publishing, setPublishing] = useState(false)
  const [numbers, setNumbers] = useState(false)
  const [place, setPlace] = useState<Place | null>(null)
  const canvas = useReactFlow<FlowNode>()
  const box = useRef<HTMLDivElement>(null), work = useRef<HTMLDivElement>(null)
  const isDocked = useIsDocked()
  // What there is to save; where nodes are dragged to is told when they are let go.
  const told = useRef<{ document_: Document; text: string } | null>(null)
  if (!told.current || !nodes.some((n) => n.dragging)) {
    const document_ = toDocument(nodes, edges, rest)
    told.current = { document_, text: JSON.stringify(document_) }
  }
  const { document_, text } = told.current
  const showProblems = (list: FlowProblem[]) => {
    setChecked({ text, problems: list })
    document.getElementById('problems')?.scrollTo({ top: 0 })
  }
  const saving = useSaving({ flow, etag, document_, text, onProblems: showProblems })
  const { dirty, published, conflict, name } = saving
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
  useEffect(() => {
    const check = async () => {
      const path = `/call-flows/${flow.id}/check`
      const { data } = await api<{ problems: FlowProblem[] }>('POST', path, JSON.parse(text))
      setChecked({ text, problems: data.problems })
    }
    // Without an answer the last problems stay. Saving says what is wrong with the server, and
    // publishing checks again.
    const timer = setTimeout(() => void check().catch(() => undefined), 400)
    return () => clearTimeout(timer)
  }, [text, flow.id])

  const takeTheirs = (theirs: Row, from: string) => {
    const [n, e] = toCanvas(theirs.draft as Document, types)
    saving.goOnFrom(theirs, from, JSON.stringify(toDocument(n, e, theirs.draft as object)))
    restore(theirs.draft as Document)
  }
  const isLeaving = useRef(false) // for the copy: what is here may be given up
  const keepAsCopy = async () => {
    const own = `${name.slice(0, 60)}, ${new Date().toLocaleString()}`
    try {
      const { data } = await api<Row>('POST', '/call-flows', { name: own, draft: document_ })
      await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
      isLeaving.current = true
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      complain(e)
    }
  }
  const openPublish = async () => {
    if (await saving.save()) setPublishing(true)
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
  const typeOf = (n: FlowNode | undefined) => types.find((x) => x.type === n?.data.type)
  // Edges follow the node's ports: a renamed port keeps its edge, a removed one takes it along.
  const change = (id: string, data: Partial<Data>) => {
    const node = nodes.find((n) => n.id === id)
    setNodes((all) => all.map((n) => (n.id === id ? { ...n, data: { ...n.data, ...data } } : n)))
    if (!node || !data.config) return
    const moved = movedPorts(typeOf(node), node.data.config, data.config)
    setEdges((all) => followPorts(all, id, moved))
  }
  // The edge that a problem points at in the document that was checked. It may have moved since.
  const removeEdge = (index: number) => {
    const wrong = (JSON.parse(checked.text) as Document).edges[index]
    const is = (e: typeof edges[number] | undefined) =>
      !!e && e.source === wrong.from && e.sourceHandle === wrong.port && e.target === wrong.to
    const gone = is(edges[index]) ? edges[index] : edges.findLast(is)
    if (gone) setEdges((all) => all.filter((e) => e.id !== gone.id))
  }
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
    const view = { nodes: [{ id }], maxZoom: 1, duration: 300, padding: 0.6 }
    setTimeout(() => void canvas.fitView(view), 50) // when the canvas has given room to the panel
  }
  // The node whose panel opens is seen: the panel takes room from the canvas.
  useEffect(() => {
    const node = openId ? canvas.getInternalNode(openId) : undefined
    const seen = box.current?.getBoundingClientRect()
    if (!node || !seen) return
    const { x, y } = canvas.flowToScreenPosition(node.internals.positionAbsolute)
    const { x: left, y: top, zoom } = canvas.getViewport(), size = sizeOf(node)
    const into = (at: number, length: number, from: number, to: number) =>
      Math.max(from + MARGIN, Math.min(at, to - length * zoom - MARGIN)) - at
    const dx = into(x, size.width, seen.left, seen.right)
    const dy = into(y, size.height, seen.top, seen.bottom)
    if (dx || dy) void canvas.setViewport({ x: left + dx, y: top + dy, zoom })
  }, [openId, canvas])
  const clickNode = (e: { shiftKey: boolean; ctrlKey: boolean; metaKey: boolean }, n: FlowNode) => {
    setPanel(null)
    setOpenId(e.shiftKey || e.ctrlKey || e.metaKey || !isStep(n) ? null : n.id)
  }
  const openByEnter = (e: KeyboardEvent) => {
    const { id } = (e.target as HTMLElement).dataset
    if (e.key !== 'Enter' || !nodes.some((n) => n.id === id && isStep(n))) return
    setPanel(null)
    setOpenId(id!)
  }
  const setConnecting = (is: boolean) => box.current?.classList.toggle('connecting', is)
  const nameOf = (id: string) => {
    const n = nodes.find((x) => x.id === id)
    return n && (n.data.name || id)
  }
  const allowDrop = (e: DragEvent) => {
    if (mayEdit && e.dataTransfer.types.includes(DRAGGED)) e.preventDefault()
  }
  const dropType = (e: DragEvent) => {
    const type = types.find((x) => x.type === e.dataTransfer.getData(DRAGGED))
    if (type) add(type, { at: canvas.screenToFlowPosition({ x: e.clientX, y: e.clientY }) })
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
    const part = paste(clipboard, nodes.map((n) => n.id), types)
    if (!part?.nodes.length) return false
    setNodes((all) => [...all.map((n) => ({ ...n, selected: false })), ...part.nodes])
    setEdges((all) => [...all, ...part.edges])
    setOpenId(null)
    return true
  }
  useEffect(() => {
    const elsewhere = ({ target }: ClipboardEvent) =>
      isTyping(target) || isInDialog(target) || isSomethingOpen()
    const outside = (e: ClipboardEvent) => elsewhere(e) || !!window.getSelection()?.toString()
    const give = (e: ClipboardEvent) => {
      const part = outside(e) ? null : copy(nodes, edges)
      if (!part) return
      e.clipboardData?.setData('text/plain', part)
      e.preventDefault()
      if (mayEdit && e.type === 'cut') remove(chosenOf(nodes).map((n) => n.id))
    }
    const take = (e: ClipboardEvent) => {
      const pasted = e.clipboardData?.getData('text/plain') ?? ''
      if (mayEdit && !elsewhere(e) && pasteText(pasted)) e.preventDefault()
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
  // Keys mean the canvas while nothing is open in front of it. Single keys do so only while no
  // panel is open either: its buttons may have the focus.
  const isKeyOn = () => mayEdit && !open && !panel && !isSomethingOpen()
  const unlessOpen = (act: () => void) => () => { if (mayEdit && !isSomethingOpen()) act() }
  useHotkeys([
    ['mod+Z', unlessOpen(history.undo)], ['mod+shift+Z', unlessOpen(history.redo)],
    ['mod+Y', unlessOpen(history.redo)], ['mod+G', unlessOpen(group)],
    ['mod+A', unlessOpen(() => setNodes((all) => all.map((n) => ({ ...n, selected: true }))))],
    ['shift+N', () => { if (isKeyOn()) addNote() }],
  ])
  const saveByKey = () => { if (mayEdit && !isDialogOpen()) void saving.saveNow() }
  useHotkeys([['mod+S', saveByKey]], [], true) // in fields, too
  useDeleteKeys(isKeyOn, () => {
    const isChosen = (x: { selected?: boolean }) => !!x.selected
    void canvas.deleteElements({ nodes: nodes.filter(isChosen), edges: edges.filter(isChosen) })
  })
  // Within the portal nothing is lost by leaving: what is not saved yet is saved first.
  const mayLeave = async () => {
    if (!dirty || isLeaving.current || (!conflict && (await saving.save()))) return true
    return window.confirm(t('The last changes could not be saved. Leave all the same?'))
  }
  useBlocker({ shouldBlockFn: async () => !(await mayLeave()), enableBeforeUnload: false })
  // One object until something in it changes: every node on the canvas is drawn anew when it does.
  const figures = useQuery({ queryKey: ['call-flows', 'stats', flow.id, published], enabled: numbers && published !== null, queryFn: async () => (await api<{ nodes: Numbers[] }>('GET', `/call-flows/${flow.id}/stats?version=${published}`)).data.nodes })
  const write = useCallback((id: string, text: string) => setNodes((all) => all.map((n) => (n.id === id ? { ...n, data: { ...n.data, name: text } } : n))), [setNodes])
  const seen = useMemo(() => ({ types, bad: new Set(problems.filter((p) => p.severity === 'error' && p.node).map((p) => p.node!)), passed, insert: mayEdit ? (within: string) => setPlace({ within }) : undefined, numbers: new Map((numbers ? (figures.data ?? []) : []).map((n) => [n.node, n])), write: mayEdit ? write : undefined }), [types, problems, passed, numbers, figures.data, write, mayEdit])
  // The same list until a name changes: while a node is dragged nothing that reads it is drawn anew.
  const written = useMemo(() => [...variablesOf(document_.nodes.map((n) => n.config))].sort().join('\n'), [document_])
  const variables = useMemo(() => (written ? written.split('\n') : []), [written])
  const errors = problems.filter((p) => p.severity === 'error')
  const blocked = errors.length
    ? t('Fix {count} errors before publishing', { count: errors.length })
    : undefined
  const stateText = () => {
    if (!mayEdit) return t('Your role can view this, but not change it.')
    if (!dirty) return t('Saved')
    return saving.failed ? t('Not saved') : t('Saving…')
  }
  const placeText = () => {
    if (!place) return null
    if ('within' in place) return t('Between both')
    if (!('after' in place)) return t('Here')
    const { node, port } = place.after, from = nodes.find((n) => n.id === node)
    const label = portLabel(typeOf(from), from?.data.config ?? {}, port)
    return t('After {node}, {port}', { node, port: label })
  }
  const chosen = nodes.filter((n) => n.selected).length

  return (
    <FlowVariables.Provider value={variables}><Seen.Provider value={seen}>
      <Stack h="calc(100vh - 100px)" gap="xs">
        <Group justify="space-between">
          <Group gap="sm">
            <Title order={2} style={{ overflowWrap: 'anywhere' }}>{name}</Title>
            {mayEdit && <ActionIcon
              variant="subtle" color="gray" aria-label={t('Rename')} title={t('Rename')}
              onClick={() => setNaming('rename')}
            >✎</ActionIcon>}
            <Badge variant="light" color={published ? 'green' : 'gray'}>
              {published ? t('version {n}', { n: published }) : t('not published')}
            </Badge>
            <Text size="sm" c="dimmed" aria-live="polite">{stateText()}</Text>
          </Group>
          <Group gap="sm">
            {mayEdit && <Button.Group>
              <Button variant="default" aria-label={t('Undo')} title={t('Undo (Ctrl+Z)')} disabled={!history.canUndo} onClick={history.undo}>↶</Button>
              <Button variant="default" aria-label={t('Redo')} title={t('Redo (Ctrl+Shift+Z)')} disabled={!history.canRedo} onClick={history.redo}>↷</Button>
            </Button.Group>}
            {mayEdit && <Palette
              types={types} nodes={nodes.filter(isStep)} place={placeText()}
              onPick={(t) => add(t, place)} onFind={goTo} onClose={() => setPlace(null)}
              isKeyOn={isKeyOn}
            />}
            <Button variant="default" onClick={() => show('test')}>{t('Test')}</Button>
            <Menu><Menu.Target><Button variant="default">{t('More')}</Button></Menu.Target>
              <Menu.Dropdown>
                {mayEdit && <>
                <Menu.Item onClick={addNote} rightSection={<Kbd size="xs">⇧N</Kbd>}>{t('Add a note')}</Menu.Item>
                <Menu.Item onClick={group} disabled={!chosen} rightSection={<Kbd size="xs">Ctrl G</Kbd>}>{t('Group what is selected')}</Menu.Item>
                <Menu.Item onClick={() => void arrange()}>{t('Arrange the nodes')}</Menu.Item>
                </>}
                {mayEdit && chosen > 1 && <><Menu.Item onClick={() => align('x')}>{t('Align left')}</Menu.Item><Menu.Item onClick={() => align('y')}>{t('Align at the top')}</Menu.Item></>}
                <Menu.Item disabled={published === null} onClick={() => setNumbers(!numbers)}>{numbers ? t('Hide the numbers') : t('Numbers of the calls that ran it')}</Menu.Item>
                <Menu.Item onClick={() => show('versions')}>{t('Versions')}</Menu.Item>
                <Menu.Item onClick={() => show('settings')}>{t('Fallback')}</Menu.Item>
                <Menu.Item
                  component="a" download={`${name}.json`}
                  href={`/api/v1/call-flows/${flow.id}/export`}
                >{t('Export the saved draft')}</Menu.Item>
                {mayEdit && <>
                <Menu.Item onClick={() => setNaming('rename')}>{t('Rename')}</Menu.Item>
                <Menu.Item onClick={() => setNaming('duplicate')}>{t('Duplicate')}</Menu.Item>
                </>}
              </Menu.Dropdown>
            </Menu>
            {mayEdit && <><Button
              variant="light" title={t('Save (Ctrl+S)')} onClick={() => void saving.saveNow()}
            >{t('Save')}</Button>
            <Button
              onClick={() => void openPublish()} disabled={errors.length > 0} title={blocked}
            >{t('Publish')}</Button></>}
          </Group>
        </Group>
        {conflict && (
          <Alert color="yellow"><Group>
            <Text size="sm">{conflictText}</Text>
            <Button size="xs" onClick={() => saving.ask(true)}>{t('Choose')}</Button>
          </Group></Alert>
        )}
        {conflict && saving.asking && (
          <Conflict
            flowId={flow.id} mine={document_} types={types}
            onTheirs={takeTheirs} onMine={saving.goOnFrom}
            onCopy={() => void keepAsCopy()} onLater={() => saving.ask(false)}
          />
        )}
        <Box ref={work} className="work">
          <Stack h="100%" gap="xs" mr={room(!!open || !!panel, isDocked)}>
            <Box
              ref={box} className="canvas" onDragOver={allowDrop} onDrop={dropType}
              onKeyDown={openByEnter}
            >
              <Surface
                editable={mayEdit} nodes={nodes} edges={report ? walked(edges, own) : edges}
                onNodesChange={onNodes} onEdgesChange={onEdges}
                onNodesDelete={(gone) => remove(gone.map((n) => n.id))}
                onConnect={connect} onConnectStart={() => setConnecting(true)}
                onConnectEnd={(e, state) => { setConnecting(false); dropped(e, state) }}
                onNodeClick={clickNode}
                onEdgeClick={() => setOpenId(null)} onPaneClick={() => setOpenId(null)}
                onNodeDragStart={takeAlong} onNodeDrag={carry}
              />
            </Box>
            <Problems
              problems={problems} nameOf={nameOf} onGoTo={goTo}
              onRemoveEdge={mayEdit ? removeEdge : undefined}
            />
          </Stack>
        </Box>
      </Stack>
      {publishing && (
        <Publish
          flowId={flow.id} published={published} types={types} onClose={() => setPublishing(false)}
          onPublish={(note) => { setPublishing(false); void saving.publish(note) }}
        />
      )}
      {naming === 'rename' && (
        <Rename name={name} onName={saving.rename} onClose={() => setNaming(null)} />
      )}
      {naming === 'duplicate' && (
        <Duplicate id={flow.id} name={name} draft={document_} onClose={() => setNaming(null)} />
      )}
      <Panel
        within={work} title={panel && titles[panel]} opened={!!panel}
        onClose={() => { setPanel(null); setReport(null) }}
      >
        {panel === 'test' && <Test flowId={flow.id} document={document_} nameOf={(id) => nodes.find((n) => n.id === id)?.data.name || id} onReport={setReport} />}
        {panel === 'versions' && (
          <Versions
            flowId={flow.id} published={published} types={types}
            onRollBack={mayEdit ? (to) => void saving.rollBack(to) : undefined}
          />
        )}
        {panel === 'settings' && <Stack><Usage flowId={flow.id} /><ReadOnly when={!mayEdit}><ResourcePicker kind="routing_plan" label={t('Routing plan')} description={t('Runs when a node fails and the port for that is not connected. None: the call ends.')} value={(rest as Document).fallback?.routing_plan_id ?? null}
          onChange={(id) => setRest((old) => { const { fallback: _, ...other } = old as Document; return id ? { ...other, fallback: { routing_plan_id: id } } : other })} /></ReadOnly></Stack>}
      </Panel>
      <Panel
        within={work} title={typeOf(open)?.label} opened={!!open} onClose={() => setOpenId(null)}
      >
        {open && <NodePanel node={open} type={types.find((t) => t.type === open.data.type)} nodes={nodes.filter(isStep)} edges={edges} problems={problems} onChange={(data) => change(open.id, data)} onDelete={mayEdit ? () => remove([open.id]) : undefined}
          onConnect={(port, to) => (to ? connect({ source: open.id, sourceHandle: port, target: to, targetHandle: null }) : setEdges((all) => all.filter((e) => !(e.source === open.id && e.sourceHandle === port))))} />}
      </Panel>
    </Seen.Provider></FlowVariables.Provider>
  )
}

export default function Builder({ id }: { id: string }) {
  // Loaded once: a later answer must not replace what is on the canvas, nor a failed one remove it.
  const flow = useQuery({
    queryKey: ['call-flows', 'one', id], queryFn: () => api<Row>('GET', `/call-flows/${id}`),
    refetchOnWindowFocus: false, refetchOnReconnect: false, staleTime: 0, gcTime: 0,
  })
  const types = useNodeTypes()
  const error = (!flow.data && flow.error) || (!types.data && types.error)
  if (error) return <LoadFailed error={error} kind={kinds.flows} />
  if (!flow.data || !types.data) return <Text c="dimmed">{t('Loading…')}</Text>
  return <ReactFlowProvider fitView><Canvas key={id} flow={flow.data.data} etag={flow.data.etag} types={types.data} /></ReactFlowProvider>
}
