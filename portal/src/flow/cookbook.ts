// The flows of docs/cookbook, as they are there when the portal is built: what a new call flow can
// start from.
import type { Document } from './document'

export interface Recipe extends Document {
  key: string // the file's name
  name: string
  description: string
  references?: Record<string, { kind: string; name: string }> // by the id that the document has
}

const files = import.meta.glob<Omit<Recipe, 'key'>>(
  ['../../../docs/cookbook/*.json', '!../../../docs/cookbook/*.test.json'],
  { eager: true, import: 'default' },
)

export const recipes: Recipe[] = Object.entries(files)
  .map(([path, recipe]) => ({ ...recipe, key: path.replace(/^.*\/|\.json$/g, '') }))
  .sort((a, b) => a.name.localeCompare(b.name))
