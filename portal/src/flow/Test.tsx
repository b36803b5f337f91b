// Running what is on the canvas without a phone: made-up answers in, every step with its values out.
import { Accordion, Alert, Badge, Button, Code, CopyButton, Group, JsonInput, NumberInput, Stack, TagsInput, Text, TextInput, Textarea } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ApiError, api, list } from '../api'
import { TestCall } from '../TestCall'
import { t } from '../text'
import type { Document } from './document'
import { useStepPorts } from './stepPorts'
import { isError, problemText } from './problem'
import { label, lines } from '../words'
import { moment } from '../words'

interface Values {
  tags: Record<string, unknown>
  variables: Record<string, unknown>
}
interface Step {
  call_flow_id?: string
  node: string
  type: string
  port: string | null
  at: string
  detail: string | null
  inputs: Record<string, unknown>[]
  effects: Record<string, unknown>[]
  before: Values
  after: Values
}
export interface Report {
  ended: string
  steps_taken: number
  truncated: boolean
  steps: Step[]
}

const outcomes = ['completed', 'no_answer', 'busy', 'failed', 'no_target']
const ends: Record<string, string> = { hangup: t('The call ended.'), step_limit: t('It was stopped after 10,000 steps: this flow goes round in circles.'), stopped: t('It was stopped.'),
  budget: t('It was stopped here: a simulation runs 200 scripts and takes 2 seconds of computing time at most.') }

const keys = (text: string) => (text.trim() ? text.split(',').map((k) => k.trim()) : [])

// What a step changed, as "name: was → is".
function Changes({ before, after }: { before: Values; after: Values }) {
  const changed = (['tags', 'variables'] as const).flatMap((kind) =>
    Object.keys(after[kind]).filter((k) => JSON.stringify(before[kind][k]) !== JSON.stringify(after[kind][k])).map((k) => `${k}: ${before[kind][k] ?? t('nothing')} → ${after[kind][k]}`))
  return changed.map((c) => <Text size="sm" key={c}>{c}</Text>)
}

// A real call to the published version: a line for a shell on a machine that a trunk lets in.
function CallLine({ flowId, caller }: { flowId: string; caller: string }) {
  const { data } = useQuery({ queryKey: ['numbers', 'of flow', flowId], queryFn: async () => {
    const campaigns = (await list(`/campaigns?execution_mode=call_flow&call_flow_id=${flowId}&limit=20`)).data
    const numbers = await Promise.all(campaigns.map(async (c) => (await list(`/numbers?campaign_id=${c.id}&limit=1`)).data))
    const { sip } = (await api<{ sip: string[] }>('GET', '/system')).data
    return { number: numbers.flat()[0]?.number as string | undefined, sip: sip.find((l) => l.startsWith('udp:')) ?? sip[0] ?? 'udp:127.0.0.1:5060' }
  } })
  if (!data) return null
  if (!data.number) return <Text size="sm" c="dimmed">{t('For a real call, choose this flow in a campaign\'s Execution Settings and give the campaign a number.')}</Text>
  const [transport, host, port] = data.sip.split(':')
  const line = `strowger call 'sip:${data.number}@${host === '0.0.0.0' ? window.location.hostname : host}:${port}${transport === 'tcp' ? ';transport=tcp' : ''}' --from '${caller.replaceAll("'", '')}'`
  return (
    <div><Text size="sm" fw={600}>{t('A real call to what is published')}</Text>
      <Group wrap="nowrap" align="flex-start"><Code style={{ overflowWrap: 'anywhere' }}>{line}</Code><CopyButton value={line}>{({ copied, copy: put }) => <Button size="compact-xs" variant="light" onClick={put} style={{ flexShrink: 0 }}>{copied ? t('Copied') : t('Copy')}</Button>}</CopyButton></Group>
      <TestCall number={data.number} caller={caller} /></div>
  )
}

interface Props {
  flowId: string
  document: Document
  nameOf: (id: string) => string
  onReport: (r: Report | null) => void
}

export function Test({ flowId, document, nameOf, onReport }: Props) {
  const [caller, setCaller] = useState('+15125550100')
  const [at, setAt] = useState('')
  const [tags, setTags] = useState('')
  const [pressed, setPressed] = useState('')
  const [dials, setDials] = useState<string[]>([])
  const [http, setHttp] = useState('')
  const [number, setNumber] = useState('')
  const [variables, setVariables] = useState('')
  const [scripts, setScripts] = useState('')
  const [voicemail, setVoicemail] = useState<number | string>('')
  const [report, setReport] = useState<Report | null>(null)
  const [problem, setProblem] = useState<ApiError | null>(null)
  const [tested, setTested] = useState(document) // what the report is about
  const portOf = useStepPorts(report?.steps ?? [], tested)
  const run = async () => {
    try {
      const script = { caller_id: caller, at: at.trim() || undefined, number: number.trim() || undefined, tags: lines(tags), variables: lines(variables), digits: keys(pressed), dial: dials.map((outcome) => ({ outcome })), http: http.trim() ? JSON.parse(http) : [], scripts: scripts.trim() ? JSON.parse(scripts) : [], voicemail_seconds: voicemail === '' ? undefined : Number(voicemail), document }
      const { data } = await api<Report>('POST', `/call-flows/${flowId}/simulate`, script)
      setProblem(null)
      setTested(document)
      setReport(data)
      onReport(data)
    } catch (e) {
      setProblem(e instanceof ApiError ? e : new ApiError({ status: 0, title: t('The answers are not JSON yet'), detail: '' }))
    }
  }
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">{t('Runs what is on the canvas, saved or not. Nobody is called, and no request is sent.')}</Text>
      <TextInput label={t('Caller')} value={caller} error={problem?.at('/caller_id')} onChange={(e) => setCaller(e.currentTarget.value)} />
      <TextInput label={t('Time')} placeholder={t('now')} description={t('Such as 2026-11-23T14:00:00Z')} value={at} error={problem?.at('/at')} onChange={(e) => setAt(e.currentTarget.value)} />
      <Textarea label={t('Tags')} placeholder="state = TX" description={t('One per line')} autosize minRows={2} value={tags} onChange={(e) => setTags(e.currentTarget.value)} />
      <TextInput label={t('Keys pressed')} placeholder="1, 78701" description={t('One answer per question, separated by commas. Leave one empty for a caller who presses nothing.')} value={pressed} onChange={(e) => setPressed(e.currentTarget.value)} />
      <TagsInput label={t('Dials end with')} placeholder="completed" data={outcomes} allowDuplicates acceptValueOnBlur={false} value={dials} error={problem?.problem.errors?.find((e) => e.pointer.startsWith('/dial'))?.detail} onChange={setDials} />
      <JsonInput label={t('HTTP answers')} placeholder='[{"status": 200, "body": {"score": 80}}]' autosize minRows={2} value={http} onChange={setHttp} />
      <Accordion variant="contained"><Accordion.Item value="more"><Accordion.Control>{t('More')}</Accordion.Control><Accordion.Panel><Stack gap="sm">
        <TextInput label={t('Number called')} placeholder="+18005550100" value={number} error={problem?.at('/number')} onChange={(e) => setNumber(e.currentTarget.value)} />
        <Textarea label={t('Variables')} placeholder="tries = 2" description={t('One per line: the values when the flow begins')} autosize minRows={2} value={variables} onChange={(e) => setVariables(e.currentTarget.value)} />
        <JsonInput label={t('Results of scripts')} placeholder='[{"result": {"port": "good"}}]' description={t('Empty: the scripts run.')} autosize minRows={2} value={scripts} onChange={setScripts} />
        <NumberInput label={t('Seconds of voicemail')} placeholder="10" min={0} max={3600} value={voicemail} error={problem?.at('/voicemail_seconds')} onChange={setVoicemail} />
      </Stack></Accordion.Panel></Accordion.Item></Accordion>
      <Button onClick={run}>{t('Run')}</Button>
      <CallLine flowId={flowId} caller={caller} />
      {problem && (
        <Alert color="red" title={problem.problem.title}>
          {(problem.problem.problems ?? []).filter(isError).map((p) => problemText(p, p.node && nameOf(p.node))).join('\n') ||
            (problem.problem.errors ?? []).map((e) => `${label(e.pointer.slice(1))}: ${e.detail}`).join('\n')}
        </Alert>
      )}
      {report && (
        <Stack gap="xs">
          <Text fw={600} role="status">{t('{count} steps.', { count: report.steps_taken })} {ends[report.ended]} {report.truncated && t('The first 2,000 are shown.')}</Text>
          <Accordion variant="separated" chevronPosition="left">
            {report.steps.map((s, i) => (
              <Accordion.Item key={i} value={String(i)}>
                <Accordion.Control>
                  <Group gap="xs" wrap="nowrap">
                    <Text size="sm" fw={600} ml={s.call_flow_id ? 'md' : 0}>
                      {s.call_flow_id ? s.node : nameOf(s.node)}
                    </Text>
                    <Badge size="sm" variant="light" tt="none">
                      {s.port ? portOf(s) : t('end')}
                    </Badge>
                  </Group>
                  {s.detail && <Text size="xs" c="dimmed">{s.detail}</Text>}
                </Accordion.Control>
                <Accordion.Panel>
                  <Stack gap={4}>
                    <Text size="xs" c="dimmed">{moment(s.at)}</Text>
                    <Changes before={s.before} after={s.after} />
                    {[...s.effects, ...s.inputs].map((x, k) => <Code block key={k} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify(x)}</Code>)}
                    <Text size="xs" c="dimmed">{t('Afterwards')}</Text>
                    <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{JSON.stringify(s.after)}</Code>
                  </Stack>
                </Accordion.Panel>
              </Accordion.Item>
            ))}
          </Accordion>
        </Stack>
      )}
    </Stack>
  )
}
