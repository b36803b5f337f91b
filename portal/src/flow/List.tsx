// The call flows there are; one is begun with its name, or by an exported file.
import { Alert, Button, FileButton, Group, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, api, type Row } from '../api'
import { kinds } from '../kinds'
import { ResourceList } from '../resources'
import { t } from '../text'

export function FlowList() {
  const [name, setName] = useState('')
  const [error, setError] = useState('')
  const [refused, setRefused] = useState<{ pointer: string; detail: string }[]>([])
  const navigate = useNavigate()
  const make = async () => {
    try {
      const { data } = await api<Row>('POST', '/call-flows', { name })
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      setError(e instanceof ApiError ? (e.at('/name') ?? e.message) : String(e))
    }
  }
  const importFile = async (file: File | null) => {
    if (!file) return
    try {
      const { data } = await api<Row>('POST', '/call-flows/import', JSON.parse(await file.text()))
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      setRefused(e instanceof ApiError ? (e.problem.errors ?? [{ pointer: '', detail: e.message }]) : [{ pointer: '', detail: t('{file} is not JSON', { file: file.name }) }])
    }
  }
  return (
    <Stack>
      {refused.length > 0 && <Alert color="red" title={t('The file was not imported')} withCloseButton onClose={() => setRefused([])}>{refused.map((e) => <Text size="sm" key={e.pointer}>{e.pointer} {e.detail}</Text>)}</Alert>}
      <ResourceList kind={kinds.flows} head={
        <form onSubmit={(e) => { e.preventDefault(); void make() }}><Group align="flex-start" gap="sm">
          <TextInput aria-label={t('Name of the new call flow')} placeholder={t('Name of a new call flow')} value={name} error={error} onChange={(e) => { setName(e.currentTarget.value); setError('') }} />
          <Button type="submit" disabled={!name.trim()}>{t('New call flow')}</Button>
          <FileButton accept="application/json,.json" onChange={importFile}>{(props) => <Button variant="default" {...props}>{t('Import')}</Button>}</FileButton>
        </Group></form>
      } />
    </Stack>
  )
}
