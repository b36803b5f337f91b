// Which events an outgoing webhook is sent: chosen one by one, an area at once, or all, also those of later versions.
import { Button, Checkbox, Code, Fieldset, Group, Input, SimpleGrid, Stack, Text, VisuallyHidden } from '@mantine/core'
import { useMemo } from 'react'
import type { TextsProps } from './Lines'
import { labelOf, useSchema } from './schema'
import { t } from './text'
import { label as titled, words } from './words'

const areas: Record<string, string> = {
  call: t('Calls'), tag: t('Tags'), flow: t('Call flows'), routing: t('Routing'), recording: t('Recordings'),
  voicemail: t('Voicemail'), webhook: t('Webhooks'),
}

const areaOf = (type: string) => type.slice(0, type.indexOf('.'))

export function EventTypes({ label, description, error, required, value, onChange }: TextsProps) {
  const schema = useSchema('EventType')
  const byArea = useMemo(() => {
    const map = new Map<string, string[]>()
    for (const type of schema?.enum ?? []) if (type) map.set(areaOf(type), [...(map.get(areaOf(type)) ?? []), type])
    return [...map]
  }, [schema])
  const chosen = new Set(value), all = chosen.has('*')
  const known = new Set(['*', ...byArea.flatMap(([area, types]) => [`${area}.*`, ...types])])
  const others = schema ? value.filter((type) => !known.has(type)) : []
  const set = (types: string[], on: boolean) => onChange(on ? [...value, ...types.filter((type) => !chosen.has(type))] : value.filter((type) => !types.includes(type)))
  const one = (type: string, title: string, help: string | undefined, given: boolean) => (
    <Checkbox key={type} size="sm" checked={chosen.has(type) || given} disabled={given} onChange={(e) => set([type], e.currentTarget.checked)}
      label={<Group gap={8}><span>{title}</span>{!type.includes('*') && <Code>{type}</Code>}</Group>} description={help} />
  )
  const legend = (
    <>
      {label}
      {required && <span className="asterisk" aria-hidden> *</span>}
      {required && <VisuallyHidden> ({t('required')})</VisuallyHidden>}
    </>
  )
  return (
    <Fieldset legend={legend}>
      <Stack gap="md">
        {description && <Input.Description>{description}</Input.Description>}
        {error && <Input.Error>{error}</Input.Error>}
        {one('*', t('All events'), t('Also events that later versions add.'), false)}
        {byArea.map(([area, types]) => {
          const whole = `${area}.*`, given = all || chosen.has(whole)
          return (
            <Stack key={area} gap="xs" component="section" aria-label={areas[area] ?? titled(area)}>
              <Group justify="space-between">
                <Text fw={600} size="sm">{areas[area] ?? titled(area)}</Text>
                <Button size="compact-xs" variant="light" disabled={given} onClick={() => set(types, true)}>{t('Select each {area} event', { area: words(area) })}</Button>
              </Group>
              {one(whole, t('All {area} events', { area: words(area) }), t('Also events of this kind that later versions add.'), all)}
              <SimpleGrid type="container" cols={{ base: 1, '520px': 2 }} spacing="md" verticalSpacing={8} pl="md">{types.map((type) => one(type, labelOf(schema, type), schema?.['x-help']?.[type], given))}</SimpleGrid>
            </Stack>
          )
        })}
        {others.map((type) => one(type, titled(type), t('This version has no such event.'), false))}
      </Stack>
    </Fieldset>
  )
}
