// The organization's own settings.
import { Alert, Button, Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { api, type Row } from './api'
import { Problems, isSame, mergePatch, useSaving } from './form'
import { useLeaveGuard } from './leave'
import { reasonOf } from './reasons'
import { Fields } from './SchemaForm'
import { titleAt, useSchema } from './schema'
import { ReadOnly, ReadOnlyNotice } from './ReadOnly'
import { useMay } from './session'
import { t } from './text'
import { toast } from './toast'

export function Organization() {
  const schema = useSchema('Organization'), client = useQueryClient()
  const query = useQuery({ queryKey: ['organization'], queryFn: async () => (await api<Row>('GET', '/organization')).data, refetchOnWindowFocus: false })
  const mayChange = useMay('admin')
  const [base, setBase] = useState<Row | null>(null)
  const [value, setValue] = useState<Record<string, unknown>>({})
  const saving = useSaving((pointer) => titleAt(schema ?? {}, pointer, value))
  const changed = !!base && !isSame(value, base, schema)
  const leave = useLeaveGuard(changed)
  const take = (row: Row) => {
    setBase(row)
    setValue(row)
  }
  useEffect(() => {
    if (query.data && !changed) take(query.data)
  }, [query.data]) // eslint-disable-line react-hooks/exhaustive-deps
  const save = () => void saving.run(async () => {
    const { data } = await api<Row>('PATCH', '/organization', mergePatch(base!, value))
    client.setQueryData(['organization'], data)
    take(data)
    toast(t('Organization saved'))
  })
  if (query.error && !base) return <Alert color="red">{reasonOf(query.error)}</Alert>
  if (!schema || !base) return <Text c="dimmed">{t('Loading…')}</Text>
  return (
    <Stack maw={520} data-form>
      <Title order={2}>{t('Organization')}</Title>
      {!mayChange && <ReadOnlyNotice />}
      <Problems error={saving.error} schema={schema} value={value} />
      <form noValidate onSubmit={(e) => { e.preventDefault(); save() }}>
        <Stack>
          <ReadOnly when={!mayChange}>
            <Fields schema={schema} value={value} onChange={(v) => setValue(v as Record<string, unknown>)} pointer="" errors={saving.at} />
          </ReadOnly>
          {mayChange && <Button type="submit" w="fit-content" loading={saving.busy}>{t('Save')}</Button>}
        </Stack>
      </form>
      {leave.question}
    </Stack>
  )
}
