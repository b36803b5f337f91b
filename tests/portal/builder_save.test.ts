// Saving and publishing in the builder, also when saving fails.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'
import { savingIn } from './saving.ts'

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

  const builder = savingIn(() => s, () => page)
  const { start, play, read, open, dialog, save, notice, closeNotices, nameNode, versions } = builder

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
    await page.locator('[data-id="a"] .head').click()
    const name = dialog().getByRole('textbox', { name: 'Name' })
    await name.waitFor()
    const cookies = await page.context().cookies()
    const cookie = cookies.map((c) => `${c.name}=${c.value}`).join('; ')
    const ended = await fetch(`${s.url}/api/v1/session`, { method: 'DELETE', headers: { cookie } })
    assert.equal(ended.status, 204)
    const refused = page.waitForResponse(
      (r) => r.request().method() === 'PATCH' && r.status() === 401,
    )
    await name.fill('After a sign-in')
    await refused
    const asked = page.getByRole('dialog', { name: 'Your session has expired' })
    await asked.getByRole('button', { name: 'Cancel' }).click()
    await asked.waitFor({ state: 'hidden' })
    await page.getByText('Not saved', { exact: true }).waitFor()
    assert.equal((await read(id)).draft.nodes[1].name, undefined)
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await asked.getByRole('textbox', { name: 'Password' }).fill('correct horse battery')
    await asked.getByRole('button', { name: 'Sign in' }).click()
    await until('the name', async () => (await read(id)).draft.nodes[1].name === 'After a sign-in')
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByText('Not saved:').waitFor({ state: 'detached' })
  })

  test('nothing went wrong in the console', () =>
    assert.deepEqual(
      portal.problems.filter((p) => !p.includes('ERR_CONNECTION_REFUSED')),
      [],
    ))
})
