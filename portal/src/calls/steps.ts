// What the steps of a call's flow are called: by the names that nodes have in the version the call ran, else by their types.
import { useQuery } from '@tanstack/react-query'
import { api, type Row } from '../api'
import { useNodeTypes } from '../flow/types'
import { t } from '../text'
import { label } from '../words'

interface Version {
  document: { nodes: { id: string; name?: string; type: string }[] }
}

// What a call reports to its flow.
const inputs: Record<string, string> = {
  digits: t('Keys pressed'), played: t('Prompt played'), dial_ended: t('Dial ended'),
  http: t('HTTP response'), script: t('Script result'), recorded: t('Message recorded'),
}
export const inputOf = (input: unknown) => inputs[String(input)] ?? label(String(input))

export function useStepNames(call: Row | undefined) {
  const flow = call?.call_flow_id, version = call?.flow_version
  const types = useNodeTypes()
  const { data } = useQuery({
    // The canvas of a call reads the same version under this key: both keep the whole document.
    queryKey: ['call-flows', 'version', flow, version],
    enabled: !!flow && !!version, staleTime: Infinity, retry: false,
    queryFn: async () => {
      const path = `/call-flows/${String(flow)}/versions/${String(version)}`
      return (await api<Version>('GET', path)).data.document
    },
  })
  const type = (name: unknown) => types.data?.find((x) => x.type === name)?.label ?? (name ? label(String(name)) : '–')
  // "set_tag_1" has the id that the builder gave it: "Set tags 1".
  const name = (id: unknown, typeName: unknown) => {
    const node = data?.nodes.find((n) => n.id === id), kind = String(node?.type ?? typeName ?? '')
    const number = new RegExp(`^${kind}_(\\d+)$`).exec(String(id))?.[1]
    return node?.name || (number ? `${type(kind)} ${number}` : label(String(id)))
  }
  return { type, name }
}
