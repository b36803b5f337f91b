// The call flows there are; one is made with a dialog, or from an exported file.
import { Alert, Button, FileButton, Group, Menu, Stack, Text } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, api, type Row } from '../api'
import { kinds } from '../kinds'
import { ResourceList } from '../resources'
import { useMay } from '../session'
import { t } from '../text'
import { Create } from './Create'
import { isSomethingOpen } from './keys'
import { Duplicate, Rename } from './Renaming'
import { reasonOf } from './saving'

type Refusal = { pointer: string; detail: string }
type Asking = { what: 'create' } | { what: 'rename' | 'duplicate'; flow: Row }

export function FlowList() {
  const client = useQueryClient(),
    navigate = useNavigate()
  const mayChange = useMay('manager')
  const [asking, setAsking] = useState<Asking | null>(null)
  const [refused, setRefused] = useState<Refusal[]>([])
  const close = () => setAsking(null)
  const create = () => setAsking({ what: 'create' })
  useHotkeys([
    [
      'n',
      () => {
        if (mayChange && !isSomethingOpen()) create()
      },
    ],
  ])
  const importFile = async (file: File | null) => {
    if (!file) return
    try {
      const { data } = await api<Row>('POST', '/call-flows/import', JSON.parse(await file.text()))
      await navigate({ to: `/data/call-flows/${data.id}` })
    } catch (e) {
      const isJson = !(e instanceof SyntaxError)
      const detail = isJson ? reasonOf(e) : t('{file} is not JSON', { file: file.name })
      setRefused((e instanceof ApiError && e.problem.errors) || [{ pointer: '', detail }])
    }
  }
  const rename = async (flow: Row, name: string) => {
    await api('PATCH', `/call-flows/${flow.id}`, { name })
    await client.invalidateQueries({ queryKey: ['call-flows'] })
  }
  return (
    <Stack>
      {refused.length > 0 && (
        <Alert
          color="red"
          title={t('The file was not imported')}
          withCloseButton
          onClose={() => setRefused([])}
        >
          {refused.map((e) => (
            <Text size="sm" key={e.pointer}>
              {e.pointer} {e.detail}
            </Text>
          ))}
        </Alert>
      )}
      <ResourceList
        kind={kinds.flows}
        head={
          mayChange ? <Group gap="sm">
            <FileButton accept="application/json,.json" onChange={importFile}>
              {(props) => (
                <Button variant="default" {...props}>
                  {t('Import')}
                </Button>
              )}
            </FileButton>
            <Button onClick={create}>{t('Create Call Flow')}</Button>
          </Group> : <></>
        }
        more={(flow) => (
          <>
            <Menu.Item onClick={() => setAsking({ what: 'rename', flow })}>{t('Rename')}</Menu.Item>
            <Menu.Item onClick={() => setAsking({ what: 'duplicate', flow })}>
              {t('Duplicate')}
            </Menu.Item>
          </>
        )}
      />
      {asking?.what === 'create' && <Create onClose={close} />}
      {asking?.what === 'rename' && (
        <Rename
          name={String(asking.flow.name)}
          onName={(name) => rename(asking.flow, name)}
          onClose={close}
        />
      )}
      {asking?.what === 'duplicate' && (
        <Duplicate id={asking.flow.id} name={String(asking.flow.name)} onClose={close} />
      )}
    </Stack>
  )
}
