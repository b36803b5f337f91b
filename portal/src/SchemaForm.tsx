// Forms made from the API's schemas. A keystroke draws one field anew, however long the form is: each field keeps a way
// to change its own value that stays the same, and is drawn only when its value, its error or its schema is another.
import { ActionIcon, Autocomplete, Button, Checkbox, Fieldset, Group, Input, JsonInput, NumberInput, PasswordInput, Select, SimpleGrid, Stack, Switch, TagsInput, Text, TextInput, Textarea } from '@mantine/core'
import { Fragment, lazy, memo, Suspense, useCallback, useEffect, useMemo, useRef, useState, type ClipboardEvent, type ComponentType, type ReactNode } from 'react'
import { EventTypes } from './EventTypes'
import { FilterEditor, type Filter } from './Filter'
import { Lines } from './Lines'
import { ResourcePicker } from './Picker'
import { Template } from './Template'
import { useNames } from './names'
import { isType, itemTitle, optionsOf, titleOf, type Schema } from './schema'
import { t } from './text'
import { sentence } from './words'

export { ResourcePicker }

const Code = lazy(() => import('./Code'))

type Value = unknown
type Errors = (pointer: string) => string | undefined
type Change = (update: (old: Value) => Value) => void // stays the same for as long as the field is there

interface Props {
  schema: Schema
  value: Value
  change: Change
  pointer: string
  errors: Errors
  label: string
  required?: boolean
}

const asObject = (v: Value) => (typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Record<string, Value>) : {})
const asList = (v: Value) => (Array.isArray(v) ? (v as Value[]) : [])
const errorAt = (errors: Errors, pointer: string) => {
  const detail = errors(pointer)
  return detail && sentence(detail)
}

function JsonField({ value, onChange, ...p }: { value: Value; onChange: (v: Value) => void; label: string; description?: string; error?: string; required?: boolean }) {
  const [text, setText] = useState(value == null ? '' : JSON.stringify(value, null, 2))
  const [bad, setBad] = useState('')
  useEffect(() => {
    try {
      if (JSON.stringify(JSON.parse(text || 'null')) !== JSON.stringify(value ?? null)) setText(value == null ? '' : JSON.stringify(value, null, 2))
    } catch {
      /* being typed */
    }
  }, [value]) // eslint-disable-line react-hooks/exhaustive-deps
  return <JsonInput {...p} autosize minRows={3} value={text} error={bad || p.error} onChange={(typed) => {
    setText(typed)
    try {
      onChange(typed.trim() ? JSON.parse(typed) : null)
      setBad('')
    } catch {
      setBad(t('This is not valid JSON yet'))
    }
  }} />
}

// The name of a tag or a variable, with those that are there.
function NameField({ of, ...p }: { of: 'tags' | 'variables'; label: string; description?: string; error?: string; required?: boolean; value: string; onChange: (v: string | null) => void }) {
  const names = useNames()[of]
  return <Autocomplete {...p} data={names} onChange={(v) => p.onChange(v || null)} />
}

const written = (rows: [string, string][]) => Object.fromEntries(rows.filter(([name]) => name))

const Remove = ({ label, onClick, ...p }: { label: string; onClick: () => void; mt?: number; mb?: number }) => (
  <ActionIcon {...p} variant="subtle" color="red" aria-label={label} onClick={onClick}>×</ActionIcon>
)

// Names with a text each, such as headers: a row is kept while it is typed, also without a name.
function MapField(p: Props) {
  const value = asObject(p.value) as Record<string, string>, error = errorAt(p.errors, p.pointer)
  const [rows, setRows] = useState<[string, string][]>(() => Object.entries(value))
  useEffect(() => {
    if (JSON.stringify(written(rows)) !== JSON.stringify(value)) setRows(Object.entries(value))
  }, [p.value]) // eslint-disable-line react-hooks/exhaustive-deps
  const put = (next: [string, string][]) => {
    setRows(next)
    p.change(() => written(next))
  }
  const named = (what: string, i: number) => `${p.label} ${i + 1}: ${what}`
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        {p.schema.description && <Input.Description>{p.schema.description}</Input.Description>}
        {error && <Input.Error>{error}</Input.Error>}
        {rows.map(([name, text], i) => (
          <Group key={i} align="flex-end" wrap="nowrap" gap="xs" data-field={`${p.pointer}/${name}`}>
            <TextInput style={{ flex: 1 }} label={named(t('name'), i)} value={name} error={errorAt(p.errors, `${p.pointer}/${name}`)} onChange={(e) => put(rows.map((row, k) => (k === i ? [e.currentTarget.value, text] : row)))} />
            <div style={{ flex: 2 }}><Template label={named(t('value'), i)} minRows={1} value={text} onChange={(v) => put(rows.map((row, k) => (k === i ? [name, v ?? ''] : row)))} /></div>
            <Remove mb={4} label={t('Remove {what}', { what: `${p.label} ${i + 1}` })} onClick={() => put(rows.filter((_, k) => k !== i))} />
          </Group>
        ))}
        <Button size="xs" variant="light" w="fit-content" aria-label={t('Add {what}', { what: p.label })} onClick={() => setRows([...rows, ['', '']])}>{t('Add')}</Button>
      </Stack>
    </Fieldset>
  )
}

// What is long stands below what is short, and only when there is something, or it is asked for.
const isLong = (s: Schema) => !!s.$ref || isType(s, 'array') || !!s.properties || isType(s, 'object')
const isSet = (v: Value) => v !== null && v !== undefined && !(Array.isArray(v) && v.length === 0)

// A schema with some of its properties; without help, where there is little room.
const partOf = (s: Schema, fits: (property: Schema) => boolean, brief: boolean): Schema => ({
  ...s, properties: Object.fromEntries(Object.entries(s.properties ?? {}).filter(([, p]) => fits(p)).map(([name, p]) => [name, brief ? { ...p, description: undefined } : p])),
})

// One of several alike: a row of what is short.
function Row(p: Props) {
  const { schema } = p, value = asObject(p.value), error = errorAt(p.errors, p.pointer)
  const parts = useMemo(() => ({ short: partOf(schema, (s) => !isLong(s), true), long: partOf(schema, isLong, false) }), [schema])
  const long = Object.entries(parts.long.properties ?? {})
  const wanted = long.some(([name]) => isSet(value[name]) || p.errors(`${p.pointer}/${name}`))
  const [open, setOpen] = useState(false)
  return (
    <Fieldset legend={p.label} p="xs">
      <Stack gap="xs">
        {error && <Input.Error>{error}</Input.Error>}
        <Members {...p} schema={parts.short} inRow />
        {(open || wanted) && <Members {...p} schema={parts.long} />}
        {!open && !wanted && long.length > 0 && <Button size="compact-xs" variant="subtle" w="fit-content" aria-label={t('More of {what}', { what: p.label })} onClick={() => setOpen(true)}>{long.map(([name, s]) => titleOf(name, s)).join(', ')} …</Button>}
      </Stack>
    </Fieldset>
  )
}

// ---- lists ----

const LONG = 100 // texts from which on a list is edited line by line
const pasted = (e: ClipboardEvent) => {
  const text = e.clipboardData.getData('text/plain')
  return /[\r\n]/.test(text.trim()) ? text.split(/[\r\n\t]+/).map((x) => x.trim()).filter(Boolean) : null
}

// What is wrong with a list of texts or numbers, as a whole or with one of them.
function useListError(p: Props, length: number): string | undefined {
  const { errors, pointer } = p
  return useMemo(() => {
    for (let i = 0; i < length; i++) {
      const detail = errors(`${pointer}/${i}`)
      if (detail) return t('Number {number}: {detail}', { number: i + 1, detail })
    }
    return errorAt(errors, pointer)
  }, [errors, pointer, length])
}

function TextsField(p: Props) {
  const items = asList(p.value).map(String), max = p.schema.maxItems ?? 0
  const error = useListError(p, items.length)
  const put = useCallback((values: string[]) => p.change(() => values), [p.change])
  const common = { label: p.label, description: p.schema.description, error, required: p.required }
  if (items.length > LONG || max > 10 * LONG) return <Lines {...common} value={p.value == null ? none : (p.value as string[])} onChange={put} />
  return <TagsInput {...common} acceptValueOnBlur value={items} onChange={put} onPaste={(e) => {
    const values = pasted(e)
    if (!values) return
    e.preventDefault()
    put([...new Set([...items, ...values])])
  }} />
}
const none: string[] = []

function NumbersField(p: Props) {
  const items = asList(p.value).map(String)
  const [bad, setBad] = useState('')
  const wrong = useListError(p, items.length)
  const error = bad ? t('“{value}” is not a whole number', { value: bad }) : wrong
  const put = (values: string[]) => {
    const isWhole = (v: string) => /^-?\d+$/.test(v.trim())
    setBad(values.find((v) => !isWhole(v)) ?? '')
    p.change(() => values.filter(isWhole).map(Number))
  }
  return <TagsInput label={p.label} description={p.schema.description} error={error} required={p.required} value={items} onChange={put} />
}

function ChoicesField(p: Props) {
  return (
    <Checkbox.Group label={p.label} description={p.schema.description} error={errorAt(p.errors, p.pointer)} required={p.required} value={asList(p.value).map(String)} onChange={(values) => p.change(() => values)}>
      <Stack gap={6} mt={6}>{optionsOf(p.schema.items).map((o) => <Checkbox key={o.value} size="sm" value={o.value} label={o.label} />)}</Stack>
    </Checkbox.Group>
  )
}

interface ItemProps extends Props {
  One: ComponentType<Props>
  index: number
  onRemove: (index: number) => void
}

const Item = memo(function Item({ One, index, onRemove, ...p }: ItemProps) {
  const { change } = p
  const own = useCallback<Change>((update) => change((old) => asList(old).map((item, i) => (i === index ? update(item) : item))), [change, index])
  return (
    <Group align="flex-start" wrap="nowrap" data-field={p.pointer}>
      <div style={{ flex: 1, minWidth: 0 }}><One {...p} change={own} /></div>
      <Remove mt={26} label={t('Remove {what}', { what: p.label })} onClick={() => onRemove(index)} />
    </Group>
  )
})

const AT_FIRST = 20, MORE = 20

// How many of a long list are drawn: some at once, the others while nothing else is to be done.
function useDrawn(count: number): number {
  const [drawn, setDrawn] = useState(AT_FIRST)
  useEffect(() => {
    if (drawn >= count) return
    const timer = setTimeout(() => setDrawn((n) => n + MORE), 16)
    return () => clearTimeout(timer)
  }, [drawn, count])
  return Math.min(count, drawn)
}

// A key for each element that stays its own when others are removed.
function useKeys(count: number) {
  const keys = useRef<number[]>([]), next = useRef(0)
  while (keys.current.length < count) keys.current.push(next.current++)
  keys.current.length = count
  return { keys: keys.current, forget: (index: number) => void keys.current.splice(index, 1) }
}

function ItemsField(p: Props) {
  const items = asList(p.value), one = p.schema.items!, { change } = p, error = errorAt(p.errors, p.pointer)
  const One = Object.keys(one.properties ?? {}).length > 2 ? Row : FieldBody
  const drawn = useDrawn(items.length), { keys, forget } = useKeys(items.length)
  const remove = useCallback((index: number) => {
    forget(index)
    change((old) => asList(old).filter((_, i) => i !== index))
  }, [change]) // eslint-disable-line react-hooks/exhaustive-deps
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        {p.schema.description && <Input.Description>{p.schema.description}</Input.Description>}
        {error && <Input.Error>{error}</Input.Error>}
        {items.slice(0, drawn).map((item, i) => (
          <Item key={keys[i]} One={One} index={i} onRemove={remove} schema={one} value={item} change={change} pointer={`${p.pointer}/${i}`} errors={p.errors} label={itemTitle(p.schema, p.label, i, items)} required={p.required || !!one.properties} />
        ))}
        {drawn < items.length && <Text size="sm" c="dimmed">{t('Loading {count} more …', { count: items.length - drawn })}</Text>}
        <Button size="xs" variant="light" w="fit-content" aria-label={t('Add {what}', { what: p.label })} onClick={() => change((old) => [...asList(old), one.properties ? {} : null])}>{t('Add')}</Button>
      </Stack>
    </Fieldset>
  )
}

function EventsField(p: Props) {
  const types = asList(p.value).map(String), error = useListError(p, types.length)
  return <EventTypes label={p.label} description={p.schema.description} error={error} required={p.required} value={types} onChange={(chosen) => p.change(() => chosen)} />
}

function ListField(p: Props) {
  const one = p.schema.items!
  if (one.enum) return <ChoicesField {...p} />
  if (one.format === 'event-type') return <EventsField {...p} />
  if (isType(one, 'integer')) return <NumbersField {...p} />
  return isType(one, 'string') && !one['x-kind'] ? <TextsField {...p} /> : <ItemsField {...p} />
}

// ---- one field ----

// What may be left out is there when it is asked for, and can be taken away again.
function ObjectField(p: Props) {
  const optional = !p.required && p.schema.default === undefined, error = errorAt(p.errors, p.pointer)
  const there = !optional || (p.value !== null && p.value !== undefined)
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        {p.schema.description && <Input.Description>{p.schema.description}</Input.Description>}
        {error && <Input.Error>{error}</Input.Error>}
        {there && <Members {...p} />}
        {optional && <Button size="xs" variant="light" color={there ? 'red' : undefined} w="fit-content" aria-label={there ? t('Remove {what}', { what: p.label }) : t('Add {what}', { what: p.label })} onClick={() => p.change(() => (there ? null : {}))}>{there ? t('Remove') : t('Add')}</Button>}
      </Stack>
    </Fieldset>
  )
}

const yesNo = [{ value: 'true', label: t('Yes') }, { value: 'false', label: t('No') }]

function FieldBody(p: Props) {
  const { schema: s, value, change } = p
  const onChange = useCallback((v: Value) => change(() => v), [change])
  const common = { label: p.label, description: s.description, error: errorAt(p.errors, p.pointer), required: p.required }
  const text = typeof value === 'string' ? value : ''
  if (s.$ref?.endsWith('/Filter')) return <Input.Wrapper {...common}><FilterEditor value={(value as Filter) ?? {}} onChange={(f) => onChange(f.rules?.length || p.required ? f : null)} pointer={p.pointer} errors={p.errors} /></Input.Wrapper>
  if (s.$ref || (!s.type && !s.properties)) return <JsonField {...common} value={value} onChange={onChange} />
  if (isType(s, 'array')) return <ListField {...p} />
  if (s.properties) return <ObjectField {...p} />
  if (isType(s, 'object') && typeof s.additionalProperties === 'object') return <MapField {...p} />
  if (isType(s, 'object')) return <JsonField {...common} value={value} onChange={onChange} />
  if (isType(s, 'boolean') && isType(s, 'null')) return <Select {...common} clearable data={yesNo} value={typeof value === 'boolean' ? String(value) : null} onChange={(v) => onChange(v === null ? null : v === 'true')} />
  if (isType(s, 'boolean')) return <Switch {...common} required={undefined} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />
  if (isType(s, 'integer')) return <NumberInput {...common} min={s.minimum} max={s.maximum} allowDecimal={false} value={(value as number | null) ?? ''} onChange={(v) => onChange(v === '' ? null : Number(v))} />
  const may = !p.required && s.default === undefined // be empty
  if (s.enum) return <Select {...common} clearable={may} allowDeselect={may} data={optionsOf(s)} value={(value as string) ?? null} onChange={onChange} />
  if (s['x-kind']) return <ResourcePicker {...common} kind={s['x-kind']} value={(value as string) ?? null} onChange={onChange} />
  if (s.writeOnly) return <PasswordInput {...common} value={text} onChange={(e) => onChange(e.currentTarget.value || null)} />
  if (s.format === 'tag' || s.format === 'variable') return <NameField {...common} of={s.format === 'tag' ? 'tags' : 'variables'} value={text} onChange={onChange} />
  if (s.format === 'template') return <Template {...common} value={text} onChange={onChange} />
  if (s.format === 'javascript') return <Suspense fallback={null}><Code {...common} value={text} onChange={onChange} /></Suspense>
  const typed = { ...common, value: text, onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value || null) }
  return (s.maxLength ?? 0) > 400 ? <Textarea autosize minRows={2} {...typed} /> : <TextInput {...typed} />
}

// A leaf depends on its own error alone, not on which function tells it.
const sameField = (a: Props, b: Props) =>
  a.schema === b.schema && a.value === b.value && a.change === b.change && a.pointer === b.pointer && a.label === b.label && a.required === b.required &&
  (a.errors === b.errors || (!isLong(a.schema) && a.errors(a.pointer) === b.errors(b.pointer)))

export const Field = memo(FieldBody, sameField)

// ---- the members of an object ----

interface MemberProps extends Omit<Props, 'label'> {
  name: string
}

function Member({ name, change, ...p }: MemberProps) {
  const fallback = p.schema.default
  const own = useCallback<Change>((update) => change((old) => {
    const object = asObject(old)
    return { ...object, [name]: update(object[name] === undefined ? fallback : object[name]) }
  }), [change, name, fallback])
  return <div data-field={p.pointer}><Field {...p} label={titleOf(name, p.schema)} change={own} /></div>
}

interface MembersProps extends Omit<Props, 'label' | 'required'> {
  inRow?: boolean
  after?: Record<string, ReactNode>
}

const Members = memo(function Members({ schema, value: whole, change, pointer, errors, inRow, after }: MembersProps) {
  const value = asObject(whole), properties = schema.properties ?? {}
  const has = (name: string) => (value[name] === undefined ? properties[name]?.default : value[name])
  const isShown = (name: string, s: Schema) => !s.readOnly && (!s['x-only'] || s['x-only'].value.split('|').includes(String(has(s['x-only'].field))) || !!errors(`${pointer}/${name}`))
  const fields = Object.entries(properties).filter(([name, s]) => isShown(name, s)).map(([name, s]) => (
    <Fragment key={name}>
      <Member name={name} schema={s} value={has(name)} change={change} pointer={`${pointer}/${name}`} errors={errors} required={schema.required?.includes(name)} />
      {after?.[name]}
    </Fragment>
  ))
  if (!inRow) return <Stack gap="sm">{fields}</Stack>
  const most = Math.min(fields.length, 3), wide = fields.length === 4 ? 4 : most
  return <SimpleGrid type="container" cols={{ base: 1, '420px': most, '560px': wide }} spacing="xs" verticalSpacing="xs">{fields}</SimpleGrid>
})

interface FieldsProps {
  schema: Schema
  value: Value
  onChange: (v: Value) => void
  pointer: string
  errors: Errors // the same function until an error is another: then no field is drawn in vain
  after?: Record<string, ReactNode> // what stands below a field
}

export function Fields({ value, onChange, ...p }: FieldsProps) {
  const latest = useRef(value), told = useRef(onChange)
  latest.current = value
  told.current = onChange
  const change = useCallback<Change>((update) => {
    latest.current = update(latest.current)
    told.current(latest.current)
  }, [])
  return <Members {...p} value={value} change={change} />
}
