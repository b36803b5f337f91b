// Campaigns → [campaign]: its tabs, each with an address of its own; and Execution Settings.
import { Alert, Anchor, Button, Group, Stack, Tabs, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router'
import { useState } from 'react'
import { type ApiError, api, problemOf, type Row } from './api'
import { ExecutionFields, checkExecution, executionFields, executionOf, type Execution } from './ExecutionFields'
import { LoadFailed } from './LoadFailed'
import { kinds } from './kinds'
import { useLeaveGuard } from './leave'
import { ResourceForm, type Addition } from './ResourceForm'
import { ReadOnly, ReadOnlyNotice } from './ReadOnly'
import { useMay } from './session'
import { t } from './text'
import { usePageTitle } from './title'
import { toast } from './toast'

const useCampaign = (id: string) => useQuery({
  queryKey: ['campaigns', 'one', id], refetchOnWindowFocus: false,
  queryFn: () => api<Row>('GET', `/campaigns/${id}`),
})

// What new calls do after a save. The server has the last word on whether they can run that way.
async function outcome(campaign: Row): Promise<string> {
  const { execution_mode: mode, call_flow_id: flowId, routing_plan_id: planId } = executionOf(campaign)
  if (campaign.execution_warning) return t('Saved. {warning}', { warning: String(campaign.execution_warning) })
  if (!campaign.enabled) return t('Saved. The campaign is disabled: it takes no calls.')
  if (mode === 'call_flow') {
    const { data: flow } = await api<Row>('GET', `/call-flows/${flowId}`)
    return t('Saved. New calls run version {version} of {name}.', { version: flow.published_version, name: String(flow.name) })
  }
  if (!planId) return t('Saved. New calls have no routing plan: nobody is called.')
  const { data: plan } = await api<Row>('GET', `/routing-plans/${planId}`)
  return t('Saved. New calls use the routing plan {name}.', { name: String(plan.name) })
}

const same = (a: Execution, b: Execution) => JSON.stringify(a) === JSON.stringify(b)

function Settings({ id, campaign, etag }: { id: string; campaign: Row; etag: string }) {
  const client = useQueryClient()
  const [changed, setChanged] = useState<Execution | null>(null)
  const [error, setError] = useState<ApiError | null>(null)
  const [busy, setBusy] = useState(false)
  const mayChange = useMay('manager')
  const saved = executionOf(campaign)
  const value = changed ?? saved
  const { question } = useLeaveGuard(!same(value, saved))
  const save = async () => {
    setBusy(true)
    setError(null)
    try {
      await checkExecution({ ...value })
      const { data } = await api<Row>('PATCH', `/campaigns/${id}`, value, { 'if-match': etag })
      await client.invalidateQueries({ queryKey: ['campaigns'] })
      setChanged(null)
      toast(await outcome(data))
    } catch (e) {
      setError(problemOf(e))
      // Somebody else changed the campaign: what is chosen here stays, and the next save is made on top of their change.
      if (problemOf(e).problem.status === 412) await client.invalidateQueries({ queryKey: ['campaigns', 'one', id] })
    }
    setBusy(false)
  }
  return (
    <form noValidate onSubmit={(e) => { e.preventDefault(); void save() }}>
      <Stack maw={560}>
        {!mayChange && <ReadOnlyNotice />}
        <ReadOnly when={!mayChange}>
          <ExecutionFields value={value} onChange={setChanged} errors={(p) => error?.at(p)} onPublished={save} />
        </ReadOnly>
        {error && !error.problem.errors?.length && <Alert color="red" title={error.problem.title}>{error.problem.detail || error.message}</Alert>}
        {mayChange && <Button type="submit" w="fit-content" loading={busy}>{t('Save')}</Button>}
        {question}
      </Stack>
    </form>
  )
}

export function ExecutionSettings({ id }: { id: string }) {
  const { data } = useCampaign(id)
  return data ? <Settings id={id} campaign={data.data} etag={data.etag} /> : null
}

// Each field in one of four parts; a field that is named nowhere here is general.
const money = ['conversion', 'payout', 'payout_percent', 'payout_tiers', 'payout_once_days', 'publishers']
const callers = ['duplicates', 'screening', 'tag_defaults']
const isMoney = (f: string) => money.includes(f)
const isCallers = (f: string) => callers.includes(f)
const isGeneral = (f: string) => !isMoney(f) && !isCallers(f) && !executionFields.includes(f)

type Part = 'general' | 'money' | 'callers'
const parts: Record<Part, (field: string) => boolean> = { general: isGeneral, money: isMoney, callers: isCallers }

export const CampaignPart = ({ id, part }: { id: string; part: Part }) =>
  <ResourceForm kind={kinds.campaigns} id={id} only={parts[part]} bare />

const tabs: Record<string, string> = {
  general: t('General'), money: t('Money'), callers: t('Callers'), execution: t('Execution Settings'),
}

// Around every page of a campaign: its name, what is wrong with it, and the tabs.
export function CampaignFrame({ id }: { id: string }) {
  const campaign = useCampaign(id)
  const navigate = useNavigate()
  const here = useRouterState({ select: (s) => s.location.pathname.split('/')[3] || 'general' })
  const name = campaign.data && String(campaign.data.data.name)
  const warning = campaign.data?.data.execution_warning as string | null | undefined
  usePageTitle(here === 'general' ? undefined : tabs[here], name, kinds.campaigns.title)
  if (campaign.error) return <LoadFailed error={campaign.error} kind={kinds.campaigns} />
  const to = (tab: string | null) => `/campaigns/${id}${tab === 'general' ? '' : `/${tab}`}`
  return (
    <Stack gap="sm">
      <div>
        <Text size="sm" c="dimmed">{t('Campaign')}</Text>
        <Title order={2} style={{ overflowWrap: 'anywhere' }}>{name ?? '…'}</Title>
      </div>
      {warning && (
        <Alert color="yellow" title={t('Calls do not run the call flow')} role="alert">
          <Group gap="xs">
            <Text size="sm">{warning}</Text>
            {here !== 'execution' && <Anchor component={Link} to={to('execution')} size="sm">{t('Execution Settings')}</Anchor>}
          </Group>
        </Alert>
      )}
      <Tabs value={here} onChange={(tab) => void navigate({ to: to(tab) })} keepMounted={false}>
        <Tabs.List>{Object.entries(tabs).map(([tab, label]) => <Tabs.Tab key={tab} value={tab}>{label}</Tabs.Tab>)}</Tabs.List>
        <Tabs.Panel value={here} pt="md"><Outlet /></Tabs.Panel>
      </Tabs>
    </Stack>
  )
}

// Create Campaign asks for the execution mode, too, right below the name.
const addition: Addition = {
  below: 'name',
  check: checkExecution,
  show: ({ value, change, errors, save }) => (
    <ExecutionFields value={executionOf(value)} onChange={(e) => change({ ...value, ...e })} errors={errors} onPublished={save} />
  ),
}

export const CreateCampaign = () => <ResourceForm kind={kinds.campaigns} id="new" only={isGeneral} addition={addition} />
