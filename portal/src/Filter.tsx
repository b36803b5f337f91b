// A filter drawn as rules and groups: {"match", "rules": [{"field", "op", "value"} | group]}.
import { ActionIcon, Button, Group, Paper, SegmentedControl, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { FieldName } from './FieldName'
import { ResourcePicker } from './Picker'
import { optionsOf, useSchema } from './schema'
import { t } from './text'
import { sentence } from './words'

interface Rule {
  field: string
  op: string
  value?: unknown
}
export interface Filter {
  match?: 'all' | 'any'
  rules?: (Rule | Filter)[]
}
type Errors = (pointer: string) => string | undefined

const errorAt = (errors: Errors, pointer: string) => {
  const detail = errors(pointer)
  return detail && sentence(detail)
}

const isGroup = (r: Rule | Filter): r is Filter => Array.isArray((r as Filter).rules)
const listed = ['in', 'not_in']
const valueless = ['exists', 'not_exists']
// Operators that take two values: what each is called, and what stands in its empty field.
const pairs: Record<string, [string, string][]> = { between: [[t('from'), t('From')], [t('to'), t('To')]], within_miles: [[t('ZIP code'), t('ZIP code')], [t('miles'), t('Miles')]] }

function Value({ rule, onChange, error, label }: { rule: Rule; onChange: (v: unknown) => void; error?: string; label: string }) {
  const text = rule.value == null ? '' : String(rule.value)
  if (valueless.includes(rule.op)) return null
  if (listed.includes(rule.op)) return <TagsInput aria-label={label} placeholder={t('Values')} value={(Array.isArray(rule.value) ? rule.value : text ? [text] : []).map(String)} onChange={onChange} error={error} />
  if (rule.op === 'in_list') return <ResourcePicker kind="list" label="" aria-label={label} value={text || null} onChange={onChange} error={error} />
  if (pairs[rule.op]) {
    const both: unknown[] = Array.isArray(rule.value) ? rule.value : ['', '']
    return <Group gap="xs" wrap="nowrap">{pairs[rule.op].map(([name, empty], i) => <TextInput key={name} aria-label={`${label}, ${name}`} placeholder={empty} value={String(both[i] ?? '')} onChange={(e) => onChange(i ? [both[0], e.currentTarget.value] : [e.currentTarget.value, both[1]])} error={i ? undefined : error} />)}</Group>
  }
  return <TextInput aria-label={label} placeholder={rule.op === 'matches' ? t('Regular expression') : t('Value')} value={text} onChange={(e) => onChange(e.currentTarget.value)} error={error} />
}

// What another operator makes of the value: a list stays one where it may.
function changed(rule: Rule, op: string): Rule {
  if (valueless.includes(op)) return { field: rule.field, op }
  if (listed.includes(op)) return { ...rule, op, value: Array.isArray(rule.value) ? rule.value : rule.value == null || rule.value === '' ? [] : [rule.value] }
  if (pairs[op]) return { ...rule, op, value: Array.isArray(rule.value) && rule.value.length === 2 ? rule.value : ['', ''] }
  return { ...rule, op, value: Array.isArray(rule.value) ? (rule.value[0] ?? '') : (rule.value ?? '') }
}

export function FilterEditor({ value, onChange, pointer, errors, depth = 0 }: { value: Filter; onChange: (f: Filter) => void; pointer: string; errors: Errors; depth?: number }) {
  const operators = optionsOf(useSchema('FilterRule')?.properties?.op)
  const rules = value.rules ?? []
  const set = (i: number, r: Rule | Filter) => onChange({ match: value.match ?? 'all', rules: rules.map((old, k) => (k === i ? r : old)) })
  const add = (r: Rule | Filter) => onChange({ match: value.match ?? 'all', rules: [...rules, r] })
  return (
    <Paper withBorder p="xs" bg={depth % 2 ? 'var(--mantine-color-default-hover)' : undefined}>
      <Stack gap="xs">
        {rules.length > 1 && <SegmentedControl size="xs" w="fit-content" data={[{ value: 'all', label: t('All of these') }, { value: 'any', label: t('Any of these') }]} value={value.match ?? 'all'} onChange={(m) => onChange({ ...value, match: m as 'all' | 'any' })} />}
        {rules.length === 0 && <Text size="sm" c="dimmed">{depth ? t('No rules: the group always passes.') : t('No rules: every call passes.')}</Text>}
        {rules.map((r, i) => {
          const at = `${pointer}/rules/${i}`
          return (
            <Group key={i} gap="xs" align="flex-start" wrap="nowrap" data-field={at}>
              {isGroup(r) ? <div style={{ flex: 1 }}><FilterEditor value={r} onChange={(g) => set(i, g)} pointer={at} errors={errors} depth={depth + 1} /></div> : (
                <Stack gap={4} style={{ flex: 1, minWidth: 0 }}>
                  <Group gap="xs" style={{ flexWrap: 'wrap' }}>
                    <FieldName aria-label={t('Field of rule {value}', { value: i + 1 })} value={r.field} onChange={(field) => set(i, { ...r, field })} error={errorAt(errors, `${at}/field`)} />
                    <Select style={{ flex: '1 1 130px' }} aria-label={t('Operator of rule {value}', { value: i + 1 })} data={operators} value={r.op} onChange={(op) => op && set(i, changed(r, op))} error={errorAt(errors, `${at}/op`)} allowDeselect={false} />
                  </Group>
                  <Value rule={r} onChange={(v) => set(i, { ...r, value: v })} error={errorAt(errors, `${at}/value`) ?? errorAt(errors, at)} label={t('Value of rule {value}', { value: i + 1 })} />
                </Stack>
              )}
              <ActionIcon variant="subtle" color="red" aria-label={isGroup(r) ? t('Remove group {value}', { value: i + 1 }) : t('Remove rule {value}', { value: i + 1 })} onClick={() => onChange({ ...value, rules: rules.filter((_, k) => k !== i) })}>×</ActionIcon>
            </Group>
          )
        })}
        <Group gap="xs">
          <Button size="compact-xs" variant="light" onClick={() => add({ field: '', op: 'equals', value: '' })}>{t('Add rule')}</Button>
          {depth < 6 && <Button size="compact-xs" variant="subtle" onClick={() => add({ match: 'any', rules: [{ field: '', op: 'equals', value: '' }] })}>{t('Add group')}</Button>}
        </Group>
      </Stack>
    </Paper>
  )
}
