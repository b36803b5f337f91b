// What runs a campaign's calls: a routing plan or a call flow. Shared by Execution Settings and Create Campaign.
import { Alert, Anchor, Button, Group, List, Radio, Stack, Text } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, api, problemOf, type FlowProblem, type Row } from './api'
import { ResourcePicker } from './SchemaForm'
import { isError, problemText } from './flow/problem'
import { kinds } from './kinds'
import { t } from './text'
import { label } from './words'

export interface Execution {
  execution_mode: string
  routing_plan_id: string | null
  call_flow_id: string | null
}

export const executionFields = ['execution_mode', 'routing_plan_id', 'call_flow_id']

// Of a campaign, also of one that is not saved yet.
export const executionOf = (campaign: Record<string, unknown>): Execution => ({
  execution_mode: (campaign.execution_mode as string | undefined) ?? 'routing_plan',
  routing_plan_id: (campaign.routing_plan_id as string | null | undefined) ?? null,
  call_flow_id: (campaign.call_flow_id as string | null | undefined) ?? null,
})

// Throws what prevents that a campaign is saved so: calls cannot run a call flow without a published version.
export async function checkExecution(campaign: Record<string, unknown>): Promise<void> {
  const { execution_mode: mode, call_flow_id: id } = executionOf(campaign)
  if (mode !== 'call_flow' || !id) return
  const { data } = await api<Row>('GET', `/call-flows/${id}`)
  if (data.published_version) return
  const detail = t('{name} has no published version. Publish it first.', { name: String(data.name) })
  throw new ApiError({
    status: 422, title: t('The call flow is not published'), detail,
    errors: [{ pointer: '/call_flow_id', detail }],
  })
}

interface FlowNode {
  id: string
  type: string
  name?: string
}

// Below a chosen call flow that has no published version: publish it here, or see what prevents that.
function Unpublished({ flow, onPublished }: { flow: Row; onPublished: () => Promise<void> }) {
  const client = useQueryClient()
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<ApiError | null>(null)
  const check = useQuery({
    queryKey: ['call-flows', 'check', flow.id], gcTime: 0,
    queryFn: async () => (await api<{ problems: FlowProblem[] }>('POST', `/call-flows/${flow.id}/check`)).data.problems,
  })
  const errors = (failure?.problem.problems ?? check.data ?? []).filter(isError)
  const nodes = (flow.draft as { nodes?: FlowNode[] } | undefined)?.nodes ?? []
  const nameOf = (id: string | null) => {
    const node = nodes.find((n) => n.id === id)
    return node && (node.name || label(node.type))
  }
  const publish = async () => {
    setBusy(true)
    setFailure(null)
    try {
      await api('POST', `/call-flows/${flow.id}/publish`, { note: '' })
      await client.invalidateQueries({ queryKey: ['call-flows'] })
      await onPublished()
    } catch (e) {
      setFailure(problemOf(e))
      await check.refetch()
    }
    setBusy(false)
  }
  const builder = <Anchor component={Link} to={`${kinds.flows.page}/${flow.id}`} size="sm">{t('Open {name} in the builder', { name: String(flow.name) })}</Anchor>
  return (
    <Alert color="yellow" title={t('{name} has no published version', { name: String(flow.name) })}>
      <Stack gap="xs" align="flex-start">
        {check.error && <Text size="sm">{check.error.message}</Text>}
        {failure && !failure.problem.problems && <Text size="sm">{failure.message}</Text>}
        {errors.length > 0 && (
          <>
            <Text size="sm">{t('It cannot be published before these errors are fixed:')}</Text>
            <List size="sm">
              {errors.map((p) => <List.Item key={`${p.node} ${p.pointer} ${p.code} ${p.detail}`}>{problemText(p, nameOf(p.node))}</List.Item>)}
            </List>
          </>
        )}
        {check.data && !errors.length && <Text size="sm">{t('Calls run a published version. Publish the draft as version 1 to use it.')}</Text>}
        <Group>
          {check.data && !errors.length && <Button size="xs" loading={busy} onClick={() => void publish()}>{t('Publish and use it')}</Button>}
          {builder}
        </Group>
      </Stack>
    </Alert>
  )
}

interface Props {
  value: Execution
  onChange: (value: Execution) => void
  errors: (pointer: string) => string | undefined
  onPublished: () => Promise<void> // saves the form
}

export function ExecutionFields({ value, onChange, errors, onPublished }: Props) {
  const isFlow = value.execution_mode === 'call_flow'
  const id = value.call_flow_id
  const flow = useQuery({
    queryKey: ['call-flows', 'chosen', id], enabled: isFlow && !!id, staleTime: 0, gcTime: 0,
    queryFn: async () => (await api<Row>('GET', `/call-flows/${id}`)).data,
  })
  const shown = isFlow && flow.data && !flow.data.published_version ? flow.data : undefined
  return (
    <Stack gap="sm">
      <Radio.Group label={t('Execution Mode')} description={t('What runs this campaign’s calls. A change applies to new calls.')}
        value={value.execution_mode} error={errors('/execution_mode')}
        onChange={(execution_mode) => onChange({ ...value, execution_mode })}>
        <Group mt="xs">
          <Radio value="routing_plan" label={t('Routing Plan')} />
          <Radio value="call_flow" label={t('Call Flow')} />
        </Group>
      </Radio.Group>
      {isFlow
        ? <ResourcePicker key="flow" kind="call_flow" label={t('Call Flow')} required value={id} error={errors('/call_flow_id')}
            onChange={(call_flow_id) => onChange({ ...value, call_flow_id })} />
        : <ResourcePicker key="plan" kind="routing_plan" label={t('Routing Plan')} value={value.routing_plan_id}
            error={errors('/routing_plan_id')} onChange={(routing_plan_id) => onChange({ ...value, routing_plan_id })} />}
      {shown && <Unpublished key={shown.id} flow={shown} onPublished={onPublished} />}
    </Stack>
  )
}
