// Create Call Flow: from nothing, or from a flow of the cookbook.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, root } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'
import { savingIn } from './saving.ts'

describe('creating a call flow', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 860)
    page = portal.page
    await signIn(page)
    await s.api('POST', '/call-flows', { name: 'Taken' })
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  const builder = savingIn(() => s, () => page)
  const { read, dialog, save, notice, closeNotices } = builder
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

  test('Enter makes an empty flow; a name that is taken stays in the dialog', async () => {
    await create('Taken')
    await page.screenshot({ path: join(shots, 'create.png') })
    await axe(page, 'create')
    await page.keyboard.press('Enter')
    await dialog().getByText('Another call flow is named Taken. Choose another name.').waitFor()
    await dialog().getByLabel('Name').fill('x'.repeat(101))
    await page.keyboard.press('Enter')
    await dialog().getByText('must have at most 100 characters').waitFor()
    await dialog().getByLabel('Name').fill('  From nothing  ')
    await dialog().getByRole('radio', { name: 'Empty' }).focus()
    await page.keyboard.press('Enter') // from anywhere in the form
    await page.getByRole('heading', { name: 'From nothing' }).waitFor()
    assert.equal(await page.locator('.react-flow__node').count(), 1)
    assert.equal((await read(page.url().split('/').at(-1)!)).name, 'From nothing')
    await save().click()
    await notice('Saved and published as version 1').waitFor()
    await closeNotices()
  })

  test('a flow of the cookbook without its plan opens, and says what is missing', async () => {
    for (const recipe of recipes.filter((r) =>
      ['Voicemail fallback', 'Solar intake'].includes(r.name),
    )) {
      await create(`Without plans, ${recipe.name}`, recipe.name)
      await page.keyboard.press('Enter')
      await notice(/^Not found, so choose another one on the canvas: .*Sales/).waitFor()
      await page.getByRole('heading', { name: recipe.name }).waitFor()
      const problems = page.getByRole('list', { name: 'Problems' })
      await problems
        .getByRole('listitem')
        .filter({ hasText: 'error' })
        .getByRole('button', { name: 'Sales' })
        .waitFor()
      await save().click()
      await notice(/^Saved, but not published yet: \d errors?\./).waitFor()
      await closeNotices()
    }
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
