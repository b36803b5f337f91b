// Saving, publishing and naming call flows; and keys, which mean the canvas only while nothing is
// in front of it.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('saving in the builder', () => {
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

  const start = { id: 'start', type: 'start', position: { x: 0, y: 0 }, config: {} }
  const play = (id: string, x = 260, config: object = { prompt: { text: 'Hello.' } }) => ({
    id,
    type: 'play',
    position: { x, y: 0 },
    config,
  })
  const toA = { from: 'start', port: 'next', to: 'a' }
  const read = (id: string) => s.api('GET', `/call-flows/${id}`)
  const open = async (name: string, nodes: object[] = [play('a')], edges: object[] = [toA]) => {
    const flow = await s.api('POST', '/call-flows', {
      name,
      draft: { nodes: [start, ...nodes], edges },
    })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    return flow.id as string
  }
  const dialog = () => page.getByRole('dialog')
  const save = () => page.getByRole('button', { name: 'Save', exact: true })
  const notice = (text: string | RegExp) => page.getByRole('alert').getByText(text)
  const closeNotices = async () => {
    const notices = page.locator('.mantine-Notification-root')
    while (await notices.count())
      await notices
        .first()
        .getByRole('button', { name: 'Close' })
        .click()
        .catch(() => undefined)
  }
  const nameNode = async (id: string, text: string) => {
    await page.locator(`[data-id="${id}"] .head`).click()
    await dialog().getByRole('textbox', { name: 'Name' }).click()
    await page.keyboard.press('Control+a')
    await page.keyboard.type(text)
  }
  const versions = async (id: string) =>
    (await s.api('GET', `/call-flows/${id}/versions`)).data.length

  test('Save publishes the first version, and says so; later it saves only', async () => {
    const id = await open('First')
    await save().dblclick() // is one
    await notice('Saved and published as version 1').waitFor()
    await page.getByText('version 1', { exact: true }).waitFor()
    assert.equal(await versions(id), 1)
    await save().click()
    await notice('Saved. Calls keep using version 1 until you publish.').waitFor()
    await page.screenshot({ path: join(shots, 'save-first.png') })
    await closeNotices()
    await nameNode('a', 'Greeting')
    await page.keyboard.press('Control+s') // in a field, before it saves itself
    await notice('Saved. Calls keep using version 1 until you publish.').waitFor()
    const flow = await read(id)
    assert.deepEqual(
      [flow.draft.nodes[1].name, flow.published_version, await versions(id)],
      ['Greeting', 1, 1],
    )
    await closeNotices()
  })

  test('Save of a flow with errors saves it, and says why it is not published', async () => {
    const id = await open('With errors', [play('a', 260, {}), play('b', 520, {})])
    await nameNode('b', 'Later')
    await dialog().getByRole('button', { name: 'Close' }).click()
    await save().click()
    await notice('Saved, but not published yet: 2 errors. See the list of problems.').waitFor()
    const problems = page.getByRole('list', { name: 'Problems' })
    assert.equal(await problems.getByText('error', { exact: true }).count(), 2)
    const flow = await read(id)
    assert.deepEqual([flow.draft.nodes[2].name, flow.published_version], ['Later', null])
    assert.match(
      (await page.getByRole('button', { name: 'Publish', exact: true }).getAttribute('title'))!,
      /2 errors/,
    )
    await page.screenshot({ path: join(shots, 'save-errors.png') })
    // mended, the same button publishes
    for (const node of ['a', 'b']) {
      await page.locator(`[data-id="${node}"] .head`).click()
      await dialog().getByRole('textbox', { name: 'Text' }).fill('Hello.')
      await dialog().getByRole('button', { name: 'Close' }).click()
      await dialog().waitFor({ state: 'detached' })
    }
    await closeNotices()
    await save().click()
    await notice('Saved and published as version 1').waitFor()
    assert.equal((await read(id)).published_version, 1)
    await closeNotices()
  })

  test('a draft that somebody else changed meanwhile is not published by Save', async () => {
    const id = await open('Changed meanwhile')
    await s.api('PATCH', `/call-flows/${id}`, {
      draft: { nodes: [start, play('theirs')], edges: [] },
    })
    await save().click()
    await page.getByRole('heading', { name: 'Somebody else saved this flow meanwhile' }).waitFor()
    assert.equal((await read(id)).published_version, null)
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await page.locator('[data-id="theirs"]').waitFor()
    await save().click()
    await notice('Saved and published as version 1').waitFor()
    await closeNotices()
  })

  test('a save that fails says why, and is tried again by itself', async () => {
    const id = await open('Failing')
    const patch = '**/api/v1/call-flows/*'
    const refuse = (status: number, problem: object) =>
      page.route(patch, (route) =>
        route.request().method() === 'PATCH'
          ? route.fulfill({
              status,
              contentType: 'application/problem+json',
              body: JSON.stringify({ status, ...problem }),
            })
          : route.continue(),
      )
    const cases: [number, object, string][] = [
      [
        403,
        { title: 'Not allowed', detail: 'ask an administrator of the organization' },
        'Not saved: ask an administrator',
      ],
      [
        422,
        {
          title: 'Some fields are not valid',
          detail: 'see errors',
          errors: [{ pointer: '/draft', detail: 'is too large' }],
        },
        'Not saved: draft is too large',
      ],
    ]
    for (const [status, problem, told] of cases) {
      await refuse(status, problem)
      await nameNode('a', `After ${status}`)
      await notice(told).waitFor()
      await page.getByText('Not saved', { exact: true }).waitFor()
      await page.unroute(patch)
      await closeNotices()
      await save().click()
      await page.getByText('Saved', { exact: true }).waitFor()
      await until(
        'the name',
        async () => (await read(id)).draft.nodes[1].name === `After ${status}`,
      )
      await closeNotices()
    }
    // no server: nothing is lost, and nobody has to press anything when it is back
    await page.route('**/api/v1/**', (route) => route.abort('connectionrefused'))
    await nameNode('a', 'Without a server')
    await notice('Not saved: The server cannot be reached').waitFor()
    await page.screenshot({ path: join(shots, 'save-unreachable.png') })
    await dialog().getByRole('button', { name: 'Close' }).click()
    await save().click()
    await notice('Not saved: The server cannot be reached').waitFor()
    assert.equal(await page.locator('[data-id="a"] .name').textContent(), 'Without a server')
    await page.unroute('**/api/v1/**')
    await until('the name', async () => (await read(id)).draft.nodes[1].name === 'Without a server')
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByText('Not saved:').waitFor({ state: 'detached' })
  })

  test('a save that a cancelled sign-in stopped is repeated after the next sign-in', async () => {
    const id = await open('Expired session')
    const cookies = await page.context().cookies()
    const cookie = cookies.map((c) => `${c.name}=${c.value}`).join('; ')
    const ended = await fetch(`${s.url}/api/v1/session`, { method: 'DELETE', headers: { cookie } })
    assert.equal(ended.status, 204)
    await nameNode('a', 'After a sign-in')
    const asked = page.getByRole('dialog', { name: 'Your session has expired' })
    await asked.getByRole('button', { name: 'Cancel' }).click()
    await asked.waitFor({ state: 'hidden' })
    await page.getByText('Not saved', { exact: true }).waitFor()
    assert.equal((await read(id)).draft.nodes[1].name, undefined)
    await dialog().getByRole('button', { name: 'Close' }).click() // the panel lies over the notice
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await asked.getByRole('textbox', { name: 'Password' }).fill('correct horse battery')
    await asked.getByRole('button', { name: 'Sign in' }).click()
    await until('the name', async () => (await read(id)).draft.nodes[1].name === 'After a sign-in')
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByText('Not saved:').waitFor({ state: 'detached' })
  })

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
    assert.deepEqual(
      portal.problems.filter((p) => !p.includes('ERR_CONNECTION_REFUSED')),
      [],
    ))
})
