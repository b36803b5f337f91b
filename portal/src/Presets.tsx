// Templates of outgoing webhooks for ad networks, trackers and analytics.
import { Button, Group, Modal, Select, Stack, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, list } from './api'
import { t } from './text'
import { complain, toast } from './toast'

interface Preset {
  id: string
  name: string
  help: string
  parameters: { name: string; label: string; initial?: string }[]
  tags: string[]
  webhook: Record<string, unknown>
}

// Each {NAME} in any text of it.
function filled(json: unknown, values: Record<string, string>): unknown {
  if (typeof json === 'string') return json.replace(/\{([A-Z_]+)\}/g, (whole, name: string) => values[name]?.trim() ?? whole)
  if (Array.isArray(json)) return json.map((x) => filled(x, values))
  if (!json || typeof json !== 'object') return json
  return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, filled(v, values)]))
}

function Ask({ preset, onTake, onClose }: { preset: Preset; onTake: (webhook: Record<string, unknown>) => void; onClose: () => void }) {
  const client = useQueryClient()
  const [values, setValues] = useState<Record<string, string>>(() => Object.fromEntries(preset.parameters.map((p) => [p.name, p.initial ?? ''])))
  const take = async () => {
    try {
      const made: string[] = []
      for (const name of preset.tags) {
        const { data } = await list(`/custom-tags?${new URLSearchParams({ search: name, limit: '100' })}`)
        if (data.some((tag) => String(tag.name).toLowerCase() === name)) continue
        await api('POST', '/custom-tags', { name })
        made.push(name)
      }
      if (made.length) {
        await client.invalidateQueries({ queryKey: ['custom-tags'] })
        toast(t('Tags created: {names}', { names: made.join(', ') }))
      }
      onTake(filled(preset.webhook, values) as Record<string, unknown>)
      onClose()
    } catch (e) {
      complain(e)
    }
  }
  return (
    <Modal opened onClose={onClose} title={preset.name}>
      <form onSubmit={(e) => { e.preventDefault(); void take() }}>
        <Stack>
          <Text size="sm">{preset.help}</Text>
          {preset.tags.length > 0 && <Text size="sm" c="dimmed">{t('Uses these tags, which are created if missing: {names}. Fill them from your landing pages or an incoming webhook.', { names: preset.tags.join(', ') })}</Text>}
          {preset.parameters.map((p) => <TextInput key={p.name} label={p.label} required value={values[p.name]} onChange={(e) => { const text = e.currentTarget.value; setValues((old) => ({ ...old, [p.name]: text })) }} />)}
          <Group justify="flex-end"><Button variant="default" onClick={onClose}>{t('Cancel')}</Button><Button type="submit" disabled={preset.parameters.some((p) => !values[p.name].trim())}>{t('Fill the form')}</Button></Group>
        </Stack>
      </form>
    </Modal>
  )
}

export function Presets({ onTake }: { onTake: (webhook: Record<string, unknown>) => void }) {
  const presets = useQuery({ queryKey: ['outgoing-webhook-presets'], queryFn: async () => (await list('/outgoing-webhook-presets')).data as unknown as Preset[], staleTime: Infinity })
  const [id, setId] = useState<string | null>(null)
  const preset = presets.data?.find((p) => p.id === id)
  return (
    <>
      <Select label={t('Template')} description={t('Fills in the form for an ad network, tracker or analytics service')} placeholder={t('Blank')} searchable value={null} data={(presets.data ?? []).map((p) => ({ value: p.id, label: p.name }))} onChange={setId} />
      {preset && <Ask preset={preset} onTake={onTake} onClose={() => setId(null)} />}
    </>
  )
}
