// One node's name, configuration, and where its ports lead.
import { Anchor, Button, Fieldset, Select, Stack, Text, TextInput } from '@mantine/core'
import type { Edge } from '@xyflow/react'
import type { FlowProblem } from '../api'
import { Fields } from '../SchemaForm'
import { NodePorts } from '../names'
import { ReadOnly } from '../ReadOnly'
import type { Schema } from '../schema'
import type { Data, FlowNode } from './document'
import { PortList } from './PortList'
import { portList } from './ports'
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
  onDelete?: () => void // none: the flow is only read
}
type Errors = (pointer: string) => string | undefined

// The configuration's fields, in their order; the list that makes ports has a form of its own.
function Config({
  type,
  node,
  leaving,
  errors,
  onChange,
}: {
  type: NodeType
  node: FlowNode
  leaving: string[]
  errors: Errors
  onChange: (config: Record<string, unknown>) => void
}) {
  const schema = type.config_schema,
    fields = Object.entries(schema.properties ?? {})
  const { config } = node.data
  const at = type.ports_from ? fields.findIndex(([name]) => name === type.ports_from) : -1
  const part = (some: [string, Schema][]) =>
    some.length > 0 && (
      <Fields
        schema={{ ...schema, properties: Object.fromEntries(some) }}
        value={config}
        pointer=""
        errors={errors}
        onChange={(v) => onChange(v as Record<string, unknown>)}
      />
    )
  if (at < 0) return part(fields)
  return (
    <>
      {part(fields.slice(0, at))}
      <PortList
        type={type}
        schema={fields[at][1]}
        config={config}
        leaving={leaving}
        errors={errors}
        onChange={onChange}
      />
      {part(fields.slice(at + 1))}
    </>
  )
}

export function NodePanel({
  node,
  type,
  nodes,
  edges,
  problems,
  onChange,
  onConnect,
  onDelete,
}: Props) {
  const index = nodes.findIndex((n) => n.id === node.id)
  const others = nodes
    .filter((n) => n.data.type !== 'start' && n.id !== node.id)
    .map((n) => ({ value: n.id, label: n.data.name ? `${n.data.name} (${n.id})` : n.id }))
  const ports = portList(type, node.data.config)
  const leaving = edges.filter((e) => e.source === node.id)
  const goal = (port: string) => leaving.find((e) => e.sourceHandle === port)?.target ?? null
  const errors: Errors = (pointer) =>
    problems.find((p) => p.node === node.id && p.pointer === `/nodes/${index}/config${pointer}`)
      ?.detail
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {type?.help}{' '}
        {type && (
          <Anchor href={`/docs/nodes/${type.type}`} target="_blank" underline="always">
            {t('More about it')}
          </Anchor>
        )}
      </Text>
      <ReadOnly when={!onDelete}><Stack>
      <TextInput
        label={t('Name')}
        value={node.data.name ?? ''}
        placeholder={node.id}
        onChange={(e) => onChange({ name: e.currentTarget.value })}
      />
      {type && (
        <NodePorts.Provider value={ports.map((p) => p.id)}>
          <Config
            type={type}
            node={node}
            leaving={leaving.map((e) => e.sourceHandle ?? '')}
            errors={errors}
            onChange={(config) => onChange({ config })}
          />
        </NodePorts.Provider>
      )}
      {ports.length > 0 && (
        <Fieldset legend={t('Where its ports lead')}>
          <Stack gap="xs">
            {ports.map((p) => (
              <Select
                key={p.id}
                label={p.label}
                placeholder={t('Nowhere')}
                searchable
                clearable
                data={others}
                value={goal(p.id)}
                onChange={(to) => onConnect(p.id, to)}
              />
            ))}
          </Stack>
        </Fieldset>
      )}
      </Stack></ReadOnly>
      {onDelete && node.data.type !== 'start' && (
        <Button color="red" variant="subtle" onClick={onDelete}>
          {t('Delete node')}
        </Button>
      )}
    </Stack>
  )
}
