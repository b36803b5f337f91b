// Every flow of the cookbook, as Create Call Flow makes it.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, root, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'
import { savingIn } from './saving.ts'

describe('flows of the cookbook', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 860)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  const builder = savingIn(() => s, () => page)
  const { dialog, save, notice, closeNotices } = builder
  const folder = join(root, 'docs/cookbook')
  const recipes = readdirSync(folder)
    .filter((f) => f.endsWith('.json') && !f.endsWith('.test.json'))
    .map((f) => JSON.parse(readFileSync(join(folder, f), 'utf8')))
  const create = async (name: string, from?: string) => {
    await page.goto(`${s.url}/data/call-flows`)
    await page.getByRole('button', { name: 'Create Call Flow', exact: true }).click()
    await dialog().getByRole('textbox', { name: 'Name' }).and(page.locator(':focus')).waitFor()
    await page.keyboard.type(name)
    if (from) await dialog().getByRole('radio', { name: from }).check()
  }
  // How many pairs of nodes lie on each other.
  const overlaps = async () => {
    const nodes = await page.locator('.react-flow__node .step').all()
    const boxes = (await Promise.all(nodes.map((n) => n.boundingBox()))).map((b) => b!)
    const meet = (a: (typeof boxes)[0], b: (typeof boxes)[0]) =>
      a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
    return boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) => meet(a, b))).length
  }

  test('each flow of the cookbook opens without overlaps, and Save publishes it', async () => {
    for (const name of ['Sales', 'Concierge', 'Premium buyers'])
      await s.plan(name, [{ uri: 'sip:buyer@127.0.0.1' }])
    for (const name of ['state', 'variant', 'crm_id', 'zip'])
      await s.api('POST', '/custom-tags', { name })
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
    assert.ok(recipes.length >= 7)
    for (const recipe of recipes) {
      await create(`My ${recipe.name}`, recipe.name)
      await dialog().getByText(recipe.description).waitFor()
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: `My ${recipe.name}` }).waitFor()
      await until(
        'its nodes',
        async () => (await page.locator('.react-flow__node .step').count()) === recipe.nodes.length,
      )
      assert.equal(await overlaps(), 0, recipe.name)
      await save().click()
      await notice('Saved and published as version 1').waitFor()
      await page.screenshot({
        path: join(shots, `cookbook-${recipe.name.toLowerCase().replaceAll(/\W+/g, '-')}.png`),
      })
      await closeNotices()
    }
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
