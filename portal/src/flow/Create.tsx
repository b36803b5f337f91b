// A new call flow: its name, and what it starts from.
import { Radio, ScrollArea, Stack } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ApiError, api, type Row } from '../api'
import { t } from '../text'
import { toast } from '../toast'
import { recipes, type Recipe } from './cookbook'
import { Naming } from './Naming'

const EMPTY = ''

const within = (value: unknown, path: string[]): unknown =>
  path.reduce((v, key) => (v as Record<string, unknown> | undefined)?.[key], value)
const pathOf = (pointer: string) => pointer.slice(1).split('/')

// The document without what the pointers name. Those of a list's later elements come first: the
// others keep their place.
function without(document: object, pointers: string[]): object {
  const copy = structuredClone(document)
  for (const path of pointers.map(pathOf).reverse()) {
    const last = path.pop()!,
      parent = within(copy, path)
    if (Array.isArray(parent)) parent.splice(Number(last), 1)
    else if (parent) delete (parent as Record<string, unknown>)[last]
  }
  return copy
}

// A recipe names plans as the cookbook does. Those that are there are used; where one is missing
// the node is left without it: the list of problems says so, and a notice says which ones.
async function makeFrom({ key: _, ...recipe }: Recipe, name: string): Promise<Row> {
  const post = async (document: object) =>
    (await api<Row>('POST', '/call-flows/import', { ...document, name })).data
  try {
    return await post(recipe)
  } catch (e) {
    const missing =
      e instanceof ApiError && e.problem.status === 422 ? (e.problem.errors ?? []) : []
    const pointers = missing.map((x) => x.pointer)
    if (!pointers.length || !pointers.every((p) => /^\/(nodes|fallback)\//.test(p))) throw e
    const flow = await post(without(recipe, pointers))
    const names = new Set(
      pointers.map((p) => recipe.references?.[String(within(recipe, pathOf(p)))]?.name ?? p),
    )
    toast(
      t('Not found, so choose another one on the canvas: {names}', {
        names: [...names].join(', '),
      }),
    )
    return flow
  }
}

export function Create({ onClose }: { onClose: () => void }) {
  const client = useQueryClient(),
    navigate = useNavigate()
  const [from, setFrom] = useState(EMPTY)
  const make = async (name: string) => {
    const recipe = recipes.find((r) => r.key === from)
    const flow = recipe
      ? await makeFrom(recipe, name)
      : (await api<Row>('POST', '/call-flows', { name })).data
    await client.invalidateQueries({ queryKey: ['call-flows'], refetchType: 'none' })
    await navigate({ to: `/data/call-flows/${flow.id}` })
  }
  return (
    <Naming
      title={t('Create Call Flow')}
      action={t('Create')}
      size="lg"
      onName={make}
      onClose={onClose}
    >
      <Radio.Group label={t('Start from')} value={from} onChange={setFrom}>
        <ScrollArea.Autosize mah="50vh" type="auto" mt="xs">
          <Stack gap="sm" pb={4}>
            <Radio
              value={EMPTY}
              label={t('Empty')}
              description={t('A canvas with the start node only.')}
            />
            {recipes.map((r) => (
              <Radio key={r.key} value={r.key} label={r.name} description={r.description} />
            ))}
          </Stack>
        </ScrollArea.Autosize>
      </Radio.Group>
    </Naming>
  )
}
