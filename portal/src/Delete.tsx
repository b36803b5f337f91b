// Deleting: shows what uses the object first, and can be undone.
import { Button, Group, List, Modal, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { api, type Row } from './api'
import { kindOf, type Kind } from './kinds'
import { reasonOf } from './reasons'
import { t } from './text'
import { complain, toast } from './toast'

interface User {
  id: string
  kind: string
  name: string
}

export const nameOf = (r: Row) => String(r.name ?? r.number ?? r.email ?? r.id)

export function Delete({ kind, row, onClose, onDeleted }: { kind: Pick<Kind, 'path'>; row: Row; onClose: () => void; onDeleted?: () => void }) {
  const client = useQueryClient()
  const usage = useQuery({ queryKey: [kind.path, 'usage', row.id], gcTime: 0, queryFn: async () => (await api<{ data: User[] }>('GET', `/${kind.path}/${row.id}/usage`)).data.data })
  const remove = async () => {
    onClose()
    try {
      await api('DELETE', `/${kind.path}/${row.id}`)
      onDeleted?.()
      await client.invalidateQueries({ queryKey: [kind.path], predicate: (q) => q.queryKey[2] !== row.id })
      toast(t('{name} deleted', { name: nameOf(row) }), async () => {
        await api('POST', `/${kind.path}/${row.id}/restore`, {})
        await client.invalidateQueries({ queryKey: [kind.path] })
        toast(t('{name} restored', { name: nameOf(row) }))
      })
    } catch (e) {
      complain(e)
    }
  }
  const archive = async () => {
    onClose()
    const set = async (archived: boolean) => {
      await api('PATCH', `/${kind.path}/${row.id}`, { archived })
      await client.invalidateQueries({ queryKey: [kind.path] })
    }
    await set(true).then(() => toast(t('{name} archived. Values of past calls stay readable.', { name: nameOf(row) }), () => set(false)), complain)
  }
  const used = usage.data ?? []
  return (
    <Modal opened onClose={onClose} title={t('Delete {name}?', { name: nameOf(row) })}>
      <Stack>
        {usage.isPending && <Text c="dimmed">{t('Loading…')}</Text>}
        {usage.error && <Text c="red">{reasonOf(usage.error)}</Text>}
        {used.length > 0 && <><Text>{t('In use. Remove it from these first:')}</Text>
          <List>{used.map((u) => <List.Item key={u.id}>{kindOf(u.kind) ? <Link to={`${kindOf(u.kind)!.page}/${u.id}`} onClick={onClose}>{u.name}</Link> : u.name} <Text span size="sm" c="dimmed">{kindOf(u.kind)?.one}</Text></List.Item>)}</List></>}
        {usage.data && !used.length && <Text>{t('Not used anywhere.')}</Text>}
        <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('Cancel')}</Button>{row.archived === false && <Button variant="light" onClick={() => void archive()}>{t('Archive')}</Button>}<Button color="red" disabled={!usage.data || used.length > 0} onClick={() => void remove()}>{t('Delete')}</Button></Group>
      </Stack>
    </Modal>
  )
}
