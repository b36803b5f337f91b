// One node's name, configuration, and where its ports lead.
import { Anchor, Button, Fieldset, Select, Stack, Text, TextInput } from '@mantine/core'
import type { Edge } from '@xyflow/react'
import type { FlowProblem } from '../api'
import { Fields } from '../SchemaForm'
import { NodePorts } from '../names'
import { words } from '../words'
import { portsOf, type Data, type FlowNode } from './document'
import type { NodeType } from './types'
import { t } from '../text'

interface Props {
  node: FlowNode
  type: NodeType | undefined
  nodes: FlowNode[]
  edges: Edge[]
  problems: FlowProblem[]
  onChange: (data: Partial<Data>) => void
  onConnect: (port: string, to: string | null) => void
  onDelete: () => void
}

export function NodePanel({ node, type, nodes, edges, problems, onChange, onConnect, onDelete }: Props) {
  const index = nodes.findIndex((n) => n.id === node.id)
  const others = nodes.filter((n) => n.data.type !== 'start' && n.id !== node.id).map((n) => ({ value: n.id, label: n.data.name ? `${n.data.name} (${n.id})` : n.id }))
  const ports = portsOf(type, node.data.config)
  return (
    <Stack>
      <Text size="sm" c="dimmed">{type?.help} {type && <Anchor href={`/docs/nodes/${type.type}`} target="_blank" underline="always">{t('More about it')}</Anchor>}</Text>
      <TextInput label={t('Name')} value={node.data.name ?? ''} placeholder={node.id} onChange={(e) => onChange({ name: e.currentTarget.value })} />
      <NodePorts.Provider value={ports}><Fields schema={type?.config_schema ?? {}} value={node.data.config} pointer="" onChange={(config) => onChange({ config: config as Record<string, unknown> })}
        errors={(pointer) => problems.find((p) => p.node === node.id && p.pointer === `/nodes/${index}/config${pointer}`)?.detail} /></NodePorts.Provider>
      {ports.length > 0 && (
        <Fieldset legend={t('Where its ports lead')}><Stack gap="xs">
          {ports.map((p) => <Select key={p} label={words(p)} placeholder={t('Nowhere')} searchable clearable data={others} value={edges.find((e) => e.source === node.id && e.sourceHandle === p)?.target ?? null} onChange={(to) => onConnect(p, to)} />)}
        </Stack></Fieldset>
      )}
      {node.data.type !== 'start' && <Button color="red" variant="subtle" onClick={onDelete}>{t('Delete node')}</Button>}
    </Stack>
  )
}
