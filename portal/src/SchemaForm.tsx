import { ActionIcon, Autocomplete, Button, Input, Fieldset, Group, JsonInput, NumberInput, PasswordInput, Select, SimpleGrid, Stack, Switch, TagsInput, TextInput, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Fragment, lazy, Suspense, useEffect, useState, type ReactNode } from 'react'
import { list } from './api'
import { FilterEditor, type Filter } from './Filter'
import { Template } from './Template'
import { useNames } from './names'
import { isType, type Schema } from './schema'
import { label } from './words'
import { kindOf } from './kinds'
import { t } from './text'

const Code = lazy(() => import('./Code'))

type Value = unknown
type Errors = (pointer: string) => string | undefined
interface Props {
  schema: Schema
  value: Value
  onChange: (v: Value) => void
  pointer: string
  errors: Errors
  label: string
  required?: boolean
}


export function ResourcePicker({ kind, ...p }: { kind: string; label: string; 'aria-label'?: string; description?: string; value: string | null; onChange: (v: string | null) => void; error?: string; required?: boolean }) {
  const path = kindOf(kind)?.path ?? `${kind}s`
  const { data } = useQuery({ queryKey: [path, 'picker'], queryFn: () => list(`/${path}?limit=200`) })
  return <Select searchable clearable placeholder={t('None')} nothingFoundMessage={t('Nothing there yet')} data={(data?.data ?? []).map((r) => ({ value: r.id, label: String(r.name ?? r.number ?? r.id) }))} {...p} />
}

function JsonField({ value, onChange, label, description, error }: { value: Value; onChange: (v: Value) => void; label: string; description?: string; error?: string }) {
  const [text, setText] = useState(value == null ? '' : JSON.stringify(value, null, 2))
  const [bad, setBad] = useState('')
  useEffect(() => {
    try {
      if (JSON.stringify(JSON.parse(text || 'null')) !== JSON.stringify(value ?? null)) setText(value == null ? '' : JSON.stringify(value, null, 2))
    } catch {
      /* being typed */
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [value])
  return <JsonInput label={label} description={description} autosize minRows={3} value={text} error={bad || error} onChange={(typed) => {
    setText(typed)
    try {
      onChange(typed.trim() ? JSON.parse(typed) : null)
      setBad('')
    } catch {
      setBad(t('This is not JSON yet'))
    }
  }} />
}

// The name of a tag or a variable, with those that are there.
function NameField({ of, ...p }: { of: 'tags' | 'variables'; label: string; description?: string; error?: string; required?: boolean; value: string; onChange: (v: string | null) => void }) {
  const names = useNames()[of]
  return <Autocomplete {...p} data={names} onChange={(v) => p.onChange(v || null)} />
}

const written = (rows: [string, string][]) => Object.fromEntries(rows.filter(([name]) => name))

// Names with a text each, such as headers: a row is kept while it is typed, also without a name.
function MapField(p: Props) {
  const value = (p.value ?? {}) as Record<string, string>
  const [rows, setRows] = useState<[string, string][]>(() => Object.entries(value))
  useEffect(() => {
    if (JSON.stringify(written(rows)) !== JSON.stringify(value)) setRows(Object.entries(value))
  }, [p.value]) // eslint-disable-line react-hooks/exhaustive-deps
  const change = (next: [string, string][]) => {
    setRows(next)
    p.onChange(written(next))
  }
  const named = (what: string, i: number) => `${p.label} ${i + 1}: ${what}`
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        <Input.Description>{p.schema.description}</Input.Description>
        {p.errors(p.pointer) && <Input.Error>{p.errors(p.pointer)}</Input.Error>}
        {rows.map(([name, text], i) => (
          <Group key={i} align="flex-end" wrap="nowrap" gap="xs">
            <TextInput style={{ flex: 1 }} label={named(t('name'), i)} value={name} error={p.errors(`${p.pointer}/${name}`)} onChange={(e) => change(rows.map((row, k) => (k === i ? [e.currentTarget.value, text] : row)))} />
            <div style={{ flex: 2 }}><Template label={named(t('value'), i)} minRows={1} value={text} onChange={(v) => change(rows.map((row, k) => (k === i ? [name, v ?? ''] : row)))} /></div>
            <ActionIcon variant="subtle" color="red" mb={4} aria-label={t('Remove {label} {value}', { label: p.label, value: i + 1 })} onClick={() => change(rows.filter((_, k) => k !== i))}>×</ActionIcon>
          </Group>
        ))}
        <Button size="xs" variant="light" w="fit-content" onClick={() => setRows([...rows, ['', '']])}>{t('Add')}</Button>
      </Stack>
    </Fieldset>
  )
}

// What is long stands below what is short, and only when there is something, or it is asked for.
const isLong = (s: Schema) => !!s.$ref || isType(s, 'array') || !!s.properties || isType(s, 'object')
const isSet = (v: Value) => v !== null && v !== undefined && !(Array.isArray(v) && v.length === 0)

// One of several alike: a row of what is short.
function Row(p: Props) {
  const properties = Object.entries(p.schema.properties ?? {}), value = (p.value ?? {}) as Record<string, Value>
  const long = properties.filter(([, s]) => isLong(s)), wanted = long.some(([name]) => isSet(value[name]) || p.errors(`${p.pointer}/${name}`))
  const [open, setOpen] = useState(false)
  const part = (some: [string, Schema][]) => ({ ...p, schema: { ...p.schema, properties: Object.fromEntries(some) } })
  return (
    <Fieldset legend={p.label} p="xs">
      <Stack gap="xs">
        {p.errors(p.pointer) && <Input.Error>{p.errors(p.pointer)}</Input.Error>}
        <Fields {...part(properties.filter(([, s]) => !isLong(s)))} inRow />
        {(open || wanted) && <Fields {...part(long)} />}
        {!open && !wanted && long.length > 0 && <Button size="compact-xs" variant="subtle" w="fit-content" aria-label={t('More of {what}', { what: p.label })} onClick={() => setOpen(true)}>{long.map(([name]) => label(name)).join(', ')} …</Button>}
      </Stack>
    </Fieldset>
  )
}

function ListField(p: Props) {
  const items = (Array.isArray(p.value) ? p.value : []) as Value[]
  const one = p.schema.items!
  if (one.enum || (isType(one, 'string') && !one['x-kind'])) return <TagsInput label={p.label} description={p.schema.description} data={(one.enum ?? []).filter((e): e is string => e !== null)} value={items.map(String)} onChange={p.onChange} error={p.errors(p.pointer) ?? items.map((_, i) => p.errors(`${p.pointer}/${i}`)).find(Boolean)} />
  if (isType(one, 'integer')) return <TagsInput label={p.label} description={p.schema.description} value={items.map(String)} onChange={(v) => p.onChange(v.map(Number).filter((n) => Number.isInteger(n)))} error={p.errors(p.pointer)} />
  const shapes = Object.values(one.properties ?? {}), One = shapes.length > 2 ? Row : Field
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        {p.schema.description && <Input.Description>{p.schema.description}</Input.Description>}
        {items.map((item, i) => (
          <Group key={i} align="flex-start" wrap="nowrap">
            <div style={{ flex: 1, minWidth: 0 }}><One {...p} schema={one} required={p.required || !!one.properties} label={`${p.label} ${i + 1}`} pointer={`${p.pointer}/${i}`} value={item} onChange={(v) => p.onChange(items.map((old, k) => (k === i ? v : old)))} /></div>
            <ActionIcon variant="subtle" color="red" mt={26} aria-label={t('Remove {label} {value}', { label: p.label, value: i + 1 })} onClick={() => p.onChange(items.filter((_, k) => k !== i))}>×</ActionIcon>
          </Group>
        ))}
        <Button size="xs" variant="light" w="fit-content" aria-label={t('Add {what}', { what: p.label })} onClick={() => p.onChange([...items, one.properties ? {} : null])}>{t('Add')}</Button>
      </Stack>
    </Fieldset>
  )
}

// What may be left out is there when it is asked for, and can be taken away again.
function ObjectField(p: Props) {
  const optional = !p.required && p.schema.default === undefined
  const there = !optional || (p.value !== null && p.value !== undefined)
  return (
    <Fieldset legend={p.label}>
      <Stack gap="sm">
        {p.schema.description && <Input.Description>{p.schema.description}</Input.Description>}
        {p.errors(p.pointer) && <Input.Error>{p.errors(p.pointer)}</Input.Error>}
        {there && <Fields {...p} />}
        {optional && <Button size="xs" variant="light" color={there ? 'red' : undefined} w="fit-content" aria-label={there ? t('Remove {what}', { what: p.label }) : t('Add {what}', { what: p.label })} onClick={() => p.onChange(there ? null : {})}>{there ? t('Remove') : t('Add')}</Button>}
      </Stack>
    </Fieldset>
  )
}

export function Field(p: Props) {
  const { schema: s, value, onChange } = p
  const common = { label: p.label, description: s.description, error: p.errors(p.pointer), required: p.required }
  if (s.$ref?.endsWith('/Filter')) return <Input.Wrapper {...common}><FilterEditor value={(value as Filter) ?? {}} onChange={(f) => onChange(f.rules?.length || p.required ? f : null)} pointer={p.pointer} errors={p.errors} /></Input.Wrapper>
  if (s.$ref || (!s.type && !s.properties)) return <JsonField value={value} onChange={onChange} label={p.label} description={s.description} error={common.error} />
  if (isType(s, 'array')) return <ListField {...p} />
  if (s.properties) return <ObjectField {...p} />
  if (isType(s, 'object') && typeof s.additionalProperties === 'object') return <MapField {...p} />
  if (isType(s, 'object')) return <JsonField value={value} onChange={onChange} label={p.label} description={s.description} error={common.error} />
  if (isType(s, 'boolean')) return <Switch {...common} required={undefined} checked={value === true} onChange={(e) => onChange(e.currentTarget.checked)} />
  if (isType(s, 'integer')) return <NumberInput {...common} min={s.minimum} max={s.maximum} allowDecimal={false} value={(value as number | null) ?? ''} onChange={(v) => onChange(v === '' ? null : Number(v))} />
  if (s.enum) return <Select {...common} clearable={!p.required} data={s.enum.filter((e): e is string => e !== null)} value={(value as string) ?? null} onChange={onChange} />
  if (s['x-kind']) return <ResourcePicker {...common} kind={s['x-kind']} value={(value as string) ?? null} onChange={onChange} />
  if (s.writeOnly) return <PasswordInput {...common} value={(value as string) ?? ''} onChange={(e) => onChange(e.currentTarget.value || null)} />
  if (s.format === 'tag' || s.format === 'variable') return <NameField {...common} of={s.format === 'tag' ? 'tags' : 'variables'} value={(value as string) ?? ''} onChange={onChange} />
  if (s.format === 'template') return <Template {...common} value={(value as string) ?? ''} onChange={onChange} />
  if (s.format === 'javascript') return <Suspense fallback={null}><Code {...common} value={(value as string) ?? ''} onChange={onChange} /></Suspense>
  const text = { ...common, value: (value as string) ?? '', onChange: (e: { currentTarget: { value: string } }) => onChange(e.currentTarget.value || null) }
  return (s.maxLength ?? 0) > 400 ? <Textarea autosize minRows={2} {...text} /> : <TextInput {...text} />
}

// after: what stands below a field.
export function Fields(p: Omit<Props, 'label' | 'required'> & { inRow?: boolean; after?: Record<string, ReactNode> }) {
  const value = (p.value ?? {}) as Record<string, Value>, properties = p.schema.properties ?? {}
  const has = (name: string) => (value[name] === undefined ? properties[name]?.default : value[name])
  const shown = (name: string, s: Schema) => !s.readOnly && (!s['x-only'] || has(s['x-only'].field) === s['x-only'].value || !!p.errors(`${p.pointer}/${name}`))
  const fields = Object.entries(properties).filter(([name, s]) => shown(name, s))
  if (p.inRow)
    return (
      <SimpleGrid type="container" cols={{ base: 1, '420px': Math.min(fields.length, 3), '560px': Math.min(fields.length, 4) }} spacing="xs" verticalSpacing="xs">
        {fields.map(([name, s]) => <Field key={name} schema={{ ...s, description: undefined }} label={label(name)} pointer={`${p.pointer}/${name}`} errors={p.errors} required={p.schema.required?.includes(name)} value={has(name)} onChange={(v) => p.onChange({ ...value, [name]: v })} />)}
      </SimpleGrid>
    )
  return (
    <Stack gap="sm">
      {fields.map(([name, s]) => (
        <Fragment key={name}>
          <Field schema={s} label={label(name)} pointer={`${p.pointer}/${name}`} errors={p.errors} required={p.schema.required?.includes(name)}
            value={has(name)} onChange={(v) => p.onChange({ ...value, [name]: v })} />
          {p.after?.[name]}
        </Fragment>
      ))}
    </Stack>
  )
}
