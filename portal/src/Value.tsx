// A value of configuration as lists show it: by the words of its schema, and ids by names.
import { labelOf, titleOf, useSchema, type Schema } from './schema'
import { t } from './text'
import { useNamed } from './useNamed'
import { words } from './words'

const MOST = 5 // elements of a list that are shown

export function useShow(): (value: unknown, schema?: Schema) => string {
  const named = useNamed(), events = useSchema('EventType')
  const event = (type: string) => (type === '*' ? t('All events') : type.endsWith('.*') ? t('All {area} events', { area: words(type.slice(0, -2)) }) : labelOf(events, type))
  const show = (value: unknown, schema?: Schema): string => {
    if (value === null || value === undefined || value === '') return '–'
    if (typeof value === 'boolean') return value ? t('Yes') : t('No')
    if (Array.isArray(value)) {
      const shown = value.slice(0, MOST).map((v) => show(v, schema?.items)).join(', ')
      return value.length > MOST ? t('{shown} and {count} more', { shown, count: value.length - MOST }) : shown || '–'
    }
    if (typeof value === 'object') return parts(value as Record<string, unknown>, schema)
    if (schema?.['x-kind']) return named(value) ?? t('Deleted')
    if (schema?.format === 'event-type') return event(String(value))
    return labelOf(schema, value)
  }
  const parts = (value: Record<string, unknown>, schema?: Schema) =>
    Object.entries(value).filter(([, v]) => v !== null).map(([key, v]) => `${titleOf(key, schema?.properties?.[key])}: ${show(v, schema?.properties?.[key])}`).join(', ') || '–'
  return show
}
