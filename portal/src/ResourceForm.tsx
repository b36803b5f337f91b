// The form of one object of configuration, from the API's schema, with what belongs to its kind around it.
import { Alert, Button, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'
import { Attached, Clone } from './Clone'
import { Copyable } from './Copyable'
import { Delete, nameOf } from './Delete'
import { DniSnippet, NumberPool } from './Dni'
import { ApiError, api, type Row } from './api'
import { Problems, isSame, mergePatch, merged, useSaving } from './form'
import { IncomingWebhook, UntakenFields } from './Incoming'
import { useLeaveGuard } from './leave'
import { LoadFailed } from './LoadFailed'
import { OutgoingHealth, OutgoingWebhook } from './Outgoing'
import { PhoneStatus } from './Phone'
import { Presets } from './Presets'
import { PromptAudio } from './Prompt'
import { ReadOnly, ReadOnlyNotice } from './ReadOnly'
import { Capacity, Explain } from './Routing'
import { InboundRtb, MappingTester, RtbTarget } from './Rtb'
import { Fields } from './SchemaForm'
import { TestCall } from './TestCall'
import { TrunkStatus } from './Trunk'
import type { Kind } from './kinds'
import { titleAt, useSchema, type Schema } from './schema'
import { useMay } from './session'
import { t } from './text'
import { toast } from './toast'
import { remember } from './useNamed'

type Doc = Record<string, unknown>
interface Loaded {
  data: Row
  etag: string
}

const someOf = (s: Schema, fits: (name: string) => boolean): Schema => ({ ...s, properties: Object.fromEntries(Object.entries(s.properties ?? {}).filter(([name]) => fits(name))) })

// What is edited, beside what the server has. What somebody else saved is taken over, unless both changed the same.
function useDraft(loaded: Loaded | undefined, schema: Schema | undefined) {
  const [base, setBase] = useState<Loaded | null>(null)
  const [value, setValue] = useState<Doc>({})
  const take = useCallback((next: Loaded) => {
    setBase(next)
    setValue(next.data)
  }, [])
  useEffect(() => {
    if (!loaded || loaded === base) return
    if (!base) return take(loaded)
    const mine = mergePatch(base.data, value), theirs = mergePatch(base.data, loaded.data)
    if (Object.keys(mine).some((key) => key in theirs)) return // saving is refused: it is asked then
    setBase(loaded)
    setValue(merged(loaded.data, mine))
  }, [loaded]) // eslint-disable-line react-hooks/exhaustive-deps
  const from: Doc = base?.data ?? nothing
  const changed = Object.keys({ ...from, ...value }).some((key) => value[key] !== from[key] && !isSame(value[key], from[key], schema?.properties?.[key]))
  return { base, value, setValue, take, changed }
}
const nothing: Doc = {}

// A secret that is shown once, before anything else.
function Made({ kind, made }: { kind: Kind; made: Row }) {
  return (
    <Stack maw={640}>
      <Title order={2}>{t('{kind} created', { kind: kind.one })}</Title>
      <Alert color="yellow" title={made.secret ? t('Copy the secret: it is shown once') : t('Copy the key: it is shown once')}>{t('It cannot be read again later.')}</Alert>
      <Copyable label={made.secret ? t('Signing secret') : t('API key')} value={String(made.secret ?? made.key)} />
      <Button w="fit-content" component={Link} to={`${kind.page}/${made.id}`}>{t('Done')}</Button>
    </Stack>
  )
}

// Above the fields: what the object does now.
function Above({ kind, row }: { kind: Kind; row: Row }) {
  const isPhone = (row.destination as { type?: string } | null | undefined)?.type === 'phone'
  switch (kind.path) {
    case 'outgoing-webhooks': return <OutgoingHealth webhook={row} />
    case 'inbound-rtb': return <InboundRtb endpoint={row} />
    case 'number-pools': return <NumberPool pool={row} />
    case 'dni-snippets': return <DniSnippet snippet={row} />
    case 'incoming-webhooks': return <IncomingWebhook webhook={row} />
    case 'targets': return <>{isPhone && <PhoneStatus target={row} />}<Capacity path={kind.path} target={row} /></>
    case 'rtb-targets': return <Capacity path={kind.path} target={row} />
    case 'trunks': return <TrunkStatus trunk={row} />
    default: return null
  }
}

// Below them: what can be tried with it.
function Below({ kind, row, isWhole }: { kind: Kind; row: Row; isWhole: boolean }) {
  switch (kind.path) {
    case 'campaigns': return isWhole ? <Attached campaign={row} /> : null
    case 'outgoing-webhooks': return <OutgoingWebhook webhook={row} />
    case 'incoming-webhooks': return <UntakenFields webhook={row} />
    case 'rtb-targets': return <RtbTarget target={row} />
    case 'routing-plans': return <Explain plan={row} />
    case 'numbers': return row.campaign_id ? <TestCall number={String(row.number)} /> : null
    case 'prompts': return <PromptAudio prompt={row} />
    default: return null
  }
}

// Somebody else saved the object meanwhile.
function Conflict({ onTheirs, onMine }: { onTheirs: () => void; onMine: () => void }) {
  return (
    <Group mt="sm">
      <Button size="xs" variant="default" onClick={onTheirs}>{t('Load their version')}</Button>
      <Button size="xs" variant="light" color="red" onClick={onMine}>{t('Save my changes anyway')}</Button>
    </Group>
  )
}

// What a form asks for beside its schema's fields.
export interface Addition {
  below: string // which field
  show: (form: AdditionProps) => ReactNode
  check: (value: Doc) => Promise<void> // throws an ApiError: the form is not saved
}
export interface AdditionProps {
  value: Doc
  change: (value: Doc) => void
  errors: (pointer: string) => string | undefined
  save: () => Promise<void>
}

interface Props {
  kind: Kind
  id: string
  only?: (field: string) => boolean // where a page shows it in parts; the first part has what belongs to the whole
  bare?: boolean // without a heading: the page has one
  addition?: Addition
}

export function ResourceForm({ kind, id, only, bare, addition }: Props) {
  const isNew = id === 'new', isWhole = !only || only('name'), isOutgoing = kind.path === 'outgoing-webhooks'
  const mayChange = useMay(kind.adminOnly ? 'admin' : 'manager')
  const whole = useSchema(`${kind.schema}Input`)
  const client = useQueryClient(), navigate = useNavigate()
  const key = useMemo(() => [kind.path, 'one', id], [kind.path, id])
  const path = `/${kind.path}/${id}`
  const query = useQuery({ queryKey: key, queryFn: () => api<Row>('GET', `${path}${kind.path === 'incoming-webhooks' ? '?reveal=false' : ''}`), enabled: !isNew, refetchOnWindowFocus: false })
  const { base, value, setValue, take, changed } = useDraft(query.data, whole)
  const [made, setMade] = useState<Row | null>(null)
  const [deleting, setDeleting] = useState(false)
  const latest = useRef(value)
  latest.current = value
  const saving = useSaving((pointer) => titleAt(whole ?? {}, pointer, latest.current))
  const leave = useLeaveGuard(changed && !made)
  // A webhook that is not active is saved in two ways; one that is has a switch.
  const hasPair = isOutgoing && (isNew || base?.data.enabled === false)
  const isOff = isOutgoing && !hasPair && value.enabled === false
  const schema = useMemo(() => whole && someOf(whole, (name) => (!only || only(name)) && !(hasPair && name === 'enabled')), [whole, only, hasPair])

  const fresh = async ({ data, etag }: Loaded) => {
    client.setQueryData(key, { data, etag })
    remember(data.id, nameOf(data))
    take({ data, etag })
    await client.invalidateQueries({ queryKey: [kind.path], predicate: (q) => q.queryKey[1] !== 'one' })
  }
  const create = async (more: Doc) => {
    const { data } = await api<Row>('POST', `/${kind.path}`, { ...value, ...more })
    await client.invalidateQueries({ queryKey: [kind.path] })
    leave.release()
    toast(t('{kind} saved', { kind: kind.one }))
    if (kind.path === 'incoming-webhooks') client.setQueryData(['incoming-webhooks', 'revealed', data.id], data)
    else if (data.secret || data.key) return setMade(data)
    await navigate({ to: `${kind.page}/${data.id}` })
  }
  // What was changed here is written over what the server has.
  const update = async (more: Doc, has: Loaded) => {
    const saved = await api<Row>('PATCH', path, mergePatch(base!.data, { ...value, ...more }), { 'if-match': has.etag })
    const isOwn = (name: string) => { const s = whole?.properties?.[name]; return s && !s.readOnly && !s.writeOnly }
    const own = (doc: Doc) => Object.fromEntries(Object.entries(doc).filter(([name]) => isOwn(name)))
    toast(t('{kind} saved', { kind: kind.one }), async () => {
      await fresh(await api<Row>('PATCH', path, mergePatch(own(saved.data), own(has.data)), { 'if-match': saved.etag }))
      toast(t('Change undone'))
    })
    await fresh(saved)
  }
  const save = async (more: Doc = {}) => {
    await saving.run(async () => {
      await addition?.check({ ...value, ...more })
      await (isNew ? create(more) : update(more, base!))
    })
  }
  const loadTheirs = () => void saving.run(async () => fresh(await api<Row>('GET', path)))
  const saveMine = () => void saving.run(async () => update({}, await api<Row>('GET', path)))

  if (made) return <Made kind={kind} made={made} />
  if (query.error && !base) return <LoadFailed error={query.error} kind={kind} />
  if (!schema || (!isNew && !base)) return <Text c="dimmed">{t('Loading…')}</Text>
  const row = base?.data
  const after: Record<string, ReactNode> = {}
  if (kind.path === 'rtb-targets') after.response = <MappingTester key={id} id={id} response={value.response} onResponse={(response) => setValue((v) => ({ ...v, response }))} saved={row} />
  if (addition) after[addition.below] = addition.show({ value, change: setValue, errors: saving.at, save })
  return (
    <Stack maw={720} data-form>
      {!bare && <Title order={2}>{row ? nameOf(row) : kind.create}</Title>}
      <Problems error={saving.error} schema={whole ?? schema} value={value}>{saving.error?.problem.status === 412 && <Conflict onTheirs={loadTheirs} onMine={saveMine} />}</Problems>
      {!mayChange && <ReadOnlyNotice />}
      {row && <Above kind={kind} row={row} />}
      {isNew && isOutgoing && mayChange && <Presets onTake={setValue} />}
      <form noValidate onSubmit={(e) => { e.preventDefault(); void save(hasPair ? { enabled: true } : {}) }}>
        <Stack>
          <ReadOnly when={!mayChange}>
            <Fields schema={schema} value={value} onChange={(v) => setValue(v as Doc)} pointer="" errors={saving.at} after={after} />
          </ReadOnly>
          {mayChange && <Group>
            <Button type="submit" loading={saving.busy}>{hasPair ? t('Save and activate') : t('Save')}</Button>
            {isOff && <Button variant="light" disabled={saving.busy} onClick={() => void save({ enabled: true })}>{t('Save and activate')}</Button>}
            {hasPair && <Button variant="default" disabled={saving.busy} onClick={() => void save({ enabled: false })}>{t('Save')}</Button>}
            {kind.path === 'campaigns' && isWhole && row && <Clone campaign={row} />}
            {!isNew && isWhole && <Button variant="subtle" color="red" onClick={() => setDeleting(true)}>{t('Delete')}</Button>}
          </Group>}
        </Stack>
      </form>
      {row && <Below kind={kind} row={row} isWhole={isWhole} />}
      {deleting && row && <Delete kind={kind} row={row} onClose={() => setDeleting(false)} onDeleted={() => { leave.release(); void navigate({ to: kind.page }) }} />}
      {leave.question}
    </Stack>
  )
}
