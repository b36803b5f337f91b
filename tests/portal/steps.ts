// Numbered steps of the documentation, and a reader who follows them: each name that a step tells to look for is used.
import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import { join, readFileSync, root } from '../e2e/harness.ts'

const section = (file: string, heading: string) => {
  const text = readFileSync(join(root, file), 'utf8')
  const at = text.split('\n').findIndex((line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'))
  assert.ok(at >= 0, `${file} has no section ${heading}`)
  const rest = text.split('\n').slice(at + 1)
  const end = rest.findIndex((line) => /^#/.test(line))
  return (end < 0 ? rest : rest.slice(0, end)).join('\n')
}

export class Step {
  readonly paths: string[][] // **A → B**
  readonly codes: string[] // `text`
  private readonly names: Set<string> // *Name*
  private readonly used = new Set<string>()

  constructor(readonly text: string) {
    this.paths = [...text.matchAll(/\*\*([^*]+)\*\*/g)].map((m) => m[1].split(' → '))
    this.codes = [...text.matchAll(/`([^`]+)`/g)].map((m) => m[1])
    this.names = new Set([...text.replace(/\*\*[^*]+\*\*/g, '').matchAll(/\*([^*]+)\*/g)].map((m) => m[1]))
  }

  // A name of the step: it must be written there.
  name(name: string) {
    assert.ok(this.names.has(name), `the step does not say *${name}*: ${this.text}`)
    this.used.add(name)
    return { name, exact: true }
  }

  // No name was left out.
  done() {
    assert.deepEqual([...this.names].filter((n) => !this.used.has(n)), [], this.text)
  }
}

export function stepsOf(file: string, heading: string): Step[] {
  const steps = section(file, heading).split(/^(?=\d+\. )/m).filter((s) => /^\d+\. /.test(s))
  // What follows the last step is no part of it.
  return steps.map((s) => new Step(s.split(/\n\n(?! )/)[0]))
}

// Clicks the groups and pages of a path in the navigation, then links of the page: Webhooks → Incoming Webhooks → Demo CRM.
export async function follow(page: Page, path: string[]) {
  const sections = page.getByRole('navigation', { name: 'Sections' })
  for (const name of path) {
    const entry = sections.getByRole('link', { name, exact: true })
    const link = page.getByRole('main').getByRole('link', { name, exact: true })
    const tab = page.getByRole('tab', { name, exact: true })
    const any = entry.or(link).or(tab)
    await any.first().waitFor()
    await ((await entry.count()) ? entry : any.first()).click()
  }
}

// Draws a wire from a port to a node, as seen on the canvas.
export async function connect(page: Page, from: string, to: string) {
  const middle = async (label: string) => {
    const { x, y, width, height } = (await page.locator(`[aria-label="${label}"]`).boundingBox())!
    return { x: x + width / 2, y: y + height / 2 }
  }
  const a = await middle(from), b = await middle(to)
  await page.mouse.move(a.x, a.y)
  await page.mouse.down()
  await page.mouse.move(b.x - 20, b.y, { steps: 8 })
  await page.mouse.move(b.x, b.y, { steps: 4 })
  await page.mouse.up()
}
