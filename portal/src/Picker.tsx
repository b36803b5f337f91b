// One object of a kind, found by typing: the server searches, so it does not matter how many there are.
import { Select } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useRef, useState } from 'react'
import { list, type Row } from './api'
import { kindOf } from './kinds'
import { t } from './text'
import { remember, useNamed } from './useNamed'

const PAGE = 50, MORE = 'more'

interface Props {
  kind: string
  label?: string
  'aria-label'?: string
  description?: string
  placeholder?: string // where none is chosen
  value: string | null
  onChange: (v: string | null) => void
  onRow?: (row: Row | null) => void // what was chosen, whole
  error?: string
  required?: boolean
  w?: number
}

const nameOf = (r: Row) => String(r.name ?? r.number ?? r.email ?? r.id)

// What the server finds for a text, and whether it is still looking.
function useFound(path: string, search: string, wanted: boolean) {
  const [late] = useDebouncedValue(search, 250)
  const asked = search === '' ? '' : late // all of them need no pause
  const query = new URLSearchParams({ limit: String(PAGE), sort: 'name', ...(asked ? { search: asked } : {}) })
  const { data, isFetching, error } = useQuery({
    queryKey: [path, 'picker', asked], enabled: wanted, placeholderData: keepPreviousData, staleTime: 5000,
    queryFn: async () => {
      const page = await list(`/${path}?${query}`)
      page.data.forEach((r) => remember(r.id, nameOf(r)))
      return page
    },
  })
  return { rows: data?.data ?? [], more: !!data?.next_cursor, looking: isFetching || asked !== search, error }
}

export function ResourcePicker({ kind, value, onChange, onRow, placeholder = t('None'), required, ...p }: Props) {
  const path = kindOf(kind)?.path ?? `${kind.replaceAll('_', '-')}s`
  const named = useNamed()
  const name = value ? (named(value) ?? t('Deleted')) : ''
  const [opened, setOpened] = useState(false)
  const [typed, setTyped] = useState('')
  const search = opened && typed !== name ? typed.trim() : ''
  const found = useFound(path, search, opened)
  const input = useRef<HTMLInputElement>(null)
  const { rows, more, looking } = found
  const data = useMemo(() => {
    const options = rows.map((r) => ({ value: r.id, label: nameOf(r), disabled: false }))
    if (value && !rows.some((r) => r.id === value)) options.unshift({ value, label: name, disabled: false })
    if (more) options.push({ value: MORE, label: t('Type to find others …'), disabled: true })
    return options
  }, [rows, more, value, name])
  // While the server looks, what is there already is narrowed to what fits.
  const fits = (id: string, label: string) => (id === MORE ? !looking : rows.some((r) => r.id === id) && (!looking || label.toLowerCase().includes(search.toLowerCase())))
  const choose = (id: string | null) => {
    onChange(id)
    onRow?.(rows.find((r) => r.id === id) ?? null)
  }
  // Typing replaces the name of what is chosen.
  useEffect(() => {
    if (opened && value) input.current?.select()
  }, [opened]) // eslint-disable-line react-hooks/exhaustive-deps
  const nothing = looking ? t('Loading…') : found.error ? t('This could not be loaded') : t('No matches')
  return (
    <Select {...p} ref={input} required={required} searchable clearable={!required} allowDeselect={false} placeholder={placeholder} data={data} value={value} onChange={choose}
      searchValue={typed} onSearchChange={setTyped} dropdownOpened={opened} onDropdownOpen={() => setOpened(true)} onDropdownClose={() => setOpened(false)}
      filter={({ options }) => options.filter((o) => 'value' in o && fits(String(o.value), o.label))} nothingFoundMessage={nothing} />
  )
}
