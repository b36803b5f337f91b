// Naming call flows; and keys, which mean the canvas only while nothing is in front of it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, until } from '../e2e/harness.ts'
import { openBrowser, signIn, type Portal } from './browser.ts'
import { savingIn } from './saving.ts'

describe('names and keys in the builder', () => {
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
  const { start, play, toA, read, open, dialog, closeNotices, nameNode } = builder

  test('Delete, Backspace and other single keys do nothing while something is open', async () => {
    const id = await open(
      'Single keys',
      [play('a'), play('b', 520)],
      [toA, { from: 'a', port: 'next', to: 'b' }],
    )
    const untouched = async (what: string) => {
      for (const key of ['Delete', 'Backspace', '/', 'Shift+N', 'Control+x', 'Control+z'])
        await page.keyboard.press(key)
      assert.equal(await page.locator('.react-flow__node').count(), 3, what)
      assert.equal(await page.getByRole('textbox', { name: 'Find a node' }).count(), 0, what)
    }
    const select = async () => {
      await page.locator('[data-id="a"] .head').click()
      await page.keyboard.press('Escape')
      await dialog().waitFor({ state: 'detached' })
      await page.locator('.react-flow__node.selected').waitFor()
    }
    await select()
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByRole('button', { name: 'Publish now' }).focus()
    await untouched('in the dialog before publishing')
    await page.keyboard.press('Escape')
    await page.keyboard.press('?')
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor()
    await untouched('in the list of keys')
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Keys', exact: true }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).hover()
    await untouched('in the menu')
    await page.keyboard.press('Escape')
    await page.getByRole('menu').waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    await dialog().getByRole('button', { name: 'Cancel' }).focus()
    await untouched('in the dialog for the name')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await dialog().getByRole('button', { name: 'Run', exact: true }).focus()
    await untouched('in the panel of the test')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    await page.locator('[data-id="b"] .head').click()
    await dialog().getByRole('button', { name: 'Close' }).focus()
    await untouched('in the panel of a node')
    await dialog().getByRole('textbox', { name: 'Name' }).focus()
    await page.keyboard.press('Backspace')
    await page.keyboard.press('Delete')
    assert.equal(await page.locator('.react-flow__node').count(), 3, 'in a field')
    await page.keyboard.press('Escape')
    await dialog().waitFor({ state: 'detached' })
    // and on the canvas they mean it: a wire, then a node
    await page.locator('.react-flow__edge').last().click()
    await page.keyboard.press('Backspace')
    await until('one wire less', async () => (await read(id)).draft.edges.length === 1)
    await select()
    await page.keyboard.press('Delete')
    await until('one node less', async () => (await read(id)).draft.nodes.length === 2)
    assert.equal((await read(id)).draft.edges.length, 0)
  })

  test('a flow is renamed and duplicated in the list', async () => {
    await s.api('POST', '/call-flows', { name: 'Taken' })
    const flow = await s.api('POST', '/call-flows', {
      name: 'Old name',
      description: 'About it',
      draft: { nodes: [start, play('a')], edges: [toA] },
    })
    await page.goto(`${s.url}/data/call-flows`)
    await page.getByRole('heading', { name: 'Call Flows', exact: true }).waitFor()
    const menu = async (name: string, item: string) => {
      await page.getByRole('button', { name: `Actions for ${name}` }).click()
      await page.getByRole('menuitem', { name: item }).click()
    }
    await menu('Old name', 'Rename')
    assert.equal(await dialog().getByLabel('Name').inputValue(), 'Old name')
    await page.keyboard.type('Taken') // the old name is selected
    await page.keyboard.press('Enter')
    await dialog().getByText('Another call flow is named Taken. Choose another name.').waitFor()
    await dialog().getByLabel('Name').fill('New name')
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'New name' }).waitFor()
    assert.equal((await read(flow.id)).name, 'New name')
    await menu('New name', 'Duplicate')
    assert.equal(await dialog().getByLabel('Name').inputValue(), 'New name copy')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'New name copy' }).waitFor()
    await page.locator('[data-id="a"]').waitFor()
    const copy = await read(page.url().split('/').at(-1)!)
    assert.deepEqual([copy.description, copy.draft], ['About it', (await read(flow.id)).draft])
    await closeNotices()
  })

  test('a flow is renamed and duplicated in the builder, and saving goes on', async () => {
    const id = await open('In the builder')
    await page.getByRole('button', { name: 'Rename', exact: true }).click()
    await page.keyboard.type('Taken')
    await page.keyboard.press('Enter')
    await dialog().getByText('Another call flow is named Taken. Choose another name.').waitFor()
    await dialog().getByLabel('Name').fill('Renamed here')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Renamed here', exact: true }).waitFor()
    await dialog().waitFor({ state: 'detached' })
    await nameNode('a', 'Afterwards')
    await until('the change', async () => (await read(id)).draft.nodes[1].name === 'Afterwards')
    assert.equal((await read(id)).name, 'Renamed here')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Duplicate' }).click()
    await page.keyboard.type('The copy')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'The copy' }).waitFor()
    assert.equal((await read(page.url().split('/').at(-1)!)).draft.nodes[1].name, 'Afterwards')
    await closeNotices()
  })

  test('nothing went wrong in the console', () =>
    assert.deepEqual(portal.problems, []))
})
