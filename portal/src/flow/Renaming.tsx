// Another name for a call flow, and a copy of it.
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api, type Row } from '../api'
import { t } from '../text'
import { toast } from '../toast'
import { Naming } from './Naming'

// onName: renames; throws what the server refused.
export function Rename({
  name,
  onName,
  onClose,
}: {
  name: string
  onName: (name: string) => Promise<void>
  onClose: () => void
}) {
  const rename = async (next: string) => {
    if (next === name) return
    await onName(next)
    toast(t('Renamed to {name}', { name: next }))
  }
  return (
    <Naming
      title={t('Rename call flow')}
      initial={name}
      action={t('Rename')}
      onName={rename}
      onClose={onClose}
    />
  )
}

// draft: what the copy has, where it is not yet what is saved.
export function Duplicate({
  id,
  name,
  draft,
  onClose,
}: {
  id: string
  name: string
  draft?: object
  onClose: () => void
}) {
  const client = useQueryClient(),
    navigate = useNavigate()
  const duplicate = async (copy: string) => {
    const { data: flow } = await api<Row>('GET', `/call-flows/${id}`)
    const { description, draft: saved } = flow
    const { data } = await api<Row>('POST', '/call-flows', {
      name: copy,
      description,
      draft: draft ?? saved,
    })
    await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
    toast(t('{name} is a copy of {original}', { name: copy, original: name }))
    await navigate({ to: `/data/call-flows/${data.id}` })
  }
  return (
    <Naming
      title={t('Duplicate call flow')}
      initial={t('{name} copy', { name })}
      action={t('Duplicate')}
      onName={duplicate}
      onClose={onClose}
    />
  )
}
