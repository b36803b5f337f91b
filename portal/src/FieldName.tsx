// What a filter's rule compares: chosen by words ("Caller's state", "Tag state"), or typed as the API names it.
import { Autocomplete } from '@mantine/core'
import { useState } from 'react'
import { useNames } from './names'
import { useSchema, labelOf } from './schema'
import { t } from './text'

interface Props {
  'aria-label': string
  value: string
  error?: string
  onChange: (field: string) => void
}

export function FieldName({ value, onChange, ...p }: Props) {
  const { fields } = useNames(), schema = useSchema('FilterRule')?.properties?.field
  const [typed, setTyped] = useState<string | null>(null) // while the field has the focus
  const label = (field: string) => {
    if (/^tag\./i.test(field)) return t('Tag {name}', { name: field.slice(4) })
    if (/^var\./i.test(field)) return t('Variable {name}', { name: field.slice(4) })
    return labelOf(schema, field)
  }
  const names = new Map(fields.map((field) => [label(field), field]))
  const fieldOf = (text: string) => names.get(text) ?? text.trim()
  const change = (text: string) => {
    setTyped(text)
    onChange(fieldOf(text))
  }
  const fits = (text: string, search: string) => `${text} ${names.get(text) ?? ''}`.toLowerCase().includes(search.toLowerCase().trim())
  return (
    <Autocomplete {...p} style={{ flex: '1 1 140px' }} placeholder={t('What to compare')} limit={50} data={[...names.keys()]} value={typed ?? (value ? label(value) : '')} onChange={change}
      onFocus={() => setTyped(value ? label(value) : '')} onBlur={() => setTyped(null)}
      filter={({ options, search, limit }) => options.filter((o) => 'label' in o && fits(o.label, search)).slice(0, limit)} />
  )
}
