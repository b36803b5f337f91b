// How the ports are called that a call or a test left its nodes by: also in the flows that ran
// within its own.
import { useQueries } from '@tanstack/react-query'
import { api, type Row } from '../api'
import type { Document } from './document'
import { portNames } from './ports'
import { useNodeTypes } from './types'

// A step says its flow where it is not the call's own; a test does not say the version: that is the
// published one.
export interface Step {
  call_flow_id?: string
  flow_version?: number
  node?: string
  port?: string | null
}

interface Version {
  id: string
  version?: number
}

async function documentOf({ id, version }: Version): Promise<Document | null> {
  const path = `/call-flows/${id}`
  const number = version ?? (await api<Row>('GET', path)).data.published_version
  return number
    ? (await api<{ document: Document }>('GET', `${path}/versions/${number}`)).data.document
    : null
}

const keyOf = (v: Version) => `${v.id} ${v.version ?? ''}`

// own: the document of the steps that name no flow, or which version of which flow it is.
export function useStepPorts(
  steps: Step[],
  own: Document | Version | undefined,
): (step: Step) => string {
  const types = useNodeTypes().data ?? []
  const isVersion = !!own && !('nodes' in own),
    mine = isVersion ? own : undefined
  const versionOf = (s: Step): Version | undefined =>
    s.call_flow_id ? { id: s.call_flow_id, version: s.flow_version } : mine
  const versions = new Map(
    steps.flatMap((s) => {
      const v = versionOf(s)
      return v ? [[keyOf(v), v] as const] : []
    }),
  )
  const keys = [...versions.keys()]
  const documents = useQueries({
    queries: keys.map((key) => ({
      queryKey: ['call-flows', 'document', key],
      staleTime: versions.get(key)!.version ? Infinity : 30_000,
      queryFn: () => documentOf(versions.get(key)!),
    })),
  })
  return (s) => {
    const v = versionOf(s),
      read = v && documents[keys.indexOf(keyOf(v))]?.data
    const document = v ? read : (own as Document | undefined)
    return portNames(types, document ?? undefined)(s.node ?? '', s.port ?? '')
  }
}

// The port that a step left by, in a list of another page.
export const LeftBy = ({ step, own }: { step: Step; own: Version }) =>
  useStepPorts([step], own)(step)
