// Campaigns → [campaign] → Execution Settings
import { Alert, Button, Radio, Select, Stack, Tabs, Text, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { ApiError, api, list, type Row } from './api'
import { kinds } from './kinds'
import { ResourceForm } from './resources'
import { t } from './text'

function Execution({ id }: { id: string }) {
  const client = useQueryClient()
  const campaign = useQuery({ queryKey: ['campaigns', 'one', id], queryFn: () => api<Row>('GET', `/campaigns/${id}`), refetchOnWindowFocus: false })
  const plans = useQuery({ queryKey: ['routing-plans', 'picker'], queryFn: () => list('/routing-plans?limit=200') })
  const flows = useQuery({ queryKey: ['call-flows', 'picker'], queryFn: () => list('/call-flows?limit=200') })
  const [value, setValue] = useState<{ execution_mode: string; routing_plan_id: string | null; call_flow_id: string | null } | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  useEffect(() => {
    if (campaign.data) setValue({ execution_mode: String(campaign.data.data.execution_mode), routing_plan_id: campaign.data.data.routing_plan_id as string | null, call_flow_id: campaign.data.data.call_flow_id as string | null })
  }, [campaign.data])
  if (!value || !campaign.data) return <Text c="dimmed">{t('Loading…')}</Text>
  const chosen = flows.data?.data.find((f) => f.id === value.call_flow_id)
  const save = async () => {
    try {
      setError(null)
      await api('PATCH', `/campaigns/${id}`, value, { 'if-match': campaign.data.etag })
      await client.invalidateQueries({ queryKey: ['campaigns'] })
      notifications.show({ message: t('Saved; the next call runs this way') })
    } catch (e) {
      if (e instanceof ApiError) setError(e)
    }
  }
  const options = (rows?: Row[]) => (rows ?? []).map((r) => ({ value: r.id, label: String(r.name) }))
  return (
    <Stack maw={520} pt="md">
      <Radio.Group label={t('Execution mode')} description={t('What runs this campaign\'s calls. A change takes effect on the next call.')} value={value.execution_mode} onChange={(execution_mode) => setValue({ ...value, execution_mode })}>
        <Stack mt="xs"><Radio value="routing_plan" label={t('Routing Plan')} /><Radio value="call_flow" label={t('Call Flow')} /></Stack>
      </Radio.Group>
      {value.execution_mode === 'routing_plan'
        ? <Select label={t('Routing plan')} clearable searchable data={options(plans.data?.data)} value={value.routing_plan_id} onChange={(routing_plan_id) => setValue({ ...value, routing_plan_id })} error={error?.at('/routing_plan_id')} />
        : <Select label={t('Call flow')} clearable searchable data={options(flows.data?.data)} value={value.call_flow_id} onChange={(call_flow_id) => setValue({ ...value, call_flow_id })} error={error?.at('/call_flow_id')} />}
      {value.execution_mode === 'call_flow' && chosen && !chosen.published_version && <Alert color="yellow" title={t('This flow is not published')}>{t('Calls are refused until it has a published version.')}</Alert>}
      {error && !error.problem.errors && <Alert color="red" title={error.problem.title}>{error.message}</Alert>}
      <Button w="fit-content" onClick={save}>{t('Save')}</Button>
    </Stack>
  )
}

// Each field in one of three parts; what comes later is general until it is named here.
const money = ['conversion', 'payout', 'payout_percent', 'payout_tiers', 'payout_once_days', 'publishers'], callers = ['duplicates', 'screening', 'tag_defaults']
const isGeneral = (f: string) => !money.includes(f) && !callers.includes(f)
const isMoney = (f: string) => money.includes(f)
const isCallers = (f: string) => callers.includes(f)

export function Campaign({ id, tab }: { id: string; tab?: string }) {
  if (id === 'new') return <ResourceForm kind={kinds.campaigns} id={id} only={isGeneral} />
  return (
    <Tabs defaultValue={tab ?? 'general'} keepMounted={false}>
      <Title order={1} size="h4" c="dimmed" mb="xs">{t('Campaign')}</Title>
      <Tabs.List><Tabs.Tab value="general">{t('General')}</Tabs.Tab><Tabs.Tab value="money">{t('Money')}</Tabs.Tab><Tabs.Tab value="callers">{t('Callers')}</Tabs.Tab><Tabs.Tab value="execution">{t('Execution Settings')}</Tabs.Tab></Tabs.List>
      <Tabs.Panel value="general" pt="md"><ResourceForm kind={kinds.campaigns} id={id} only={isGeneral} /></Tabs.Panel>
      <Tabs.Panel value="money" pt="md"><ResourceForm kind={kinds.campaigns} id={id} only={isMoney} /></Tabs.Panel>
      <Tabs.Panel value="callers" pt="md"><ResourceForm kind={kinds.campaigns} id={id} only={isCallers} /></Tabs.Panel>
      <Tabs.Panel value="execution"><Execution id={id} /></Tabs.Panel>
    </Tabs>
  )
}
