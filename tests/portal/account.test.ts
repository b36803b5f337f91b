// What users change of their own: the password, and the browsers that are signed in.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, fitsNarrow, openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'
const OTHER = 'staple battery horse 7'

describe('portal: the account', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 900)
    page = portal.page
    await signIn(page)
    await page.getByRole('button', { name: 'User menu, owner@example.com' }).click()
    await page.getByRole('menuitem', { name: 'Your account' }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const field = (name: string) => page.getByRole('textbox', { name })
  const change = async (current: string, password: string) => {
    await field('Current password').fill(current)
    await field('New password').fill(password)
    await page.getByRole('button', { name: 'Change password' }).click()
  }
  const elsewhere = (password: string) =>
    fetch(`${s.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@example.com', password }),
    })
  const lines = () => page.getByRole('table').getByRole('row')

  test('another browser is listed, and can be signed out', async () => {
    assert.equal((await elsewhere(PASSWORD)).status, 200)
    await page.reload()
    await lines().nth(2).waitFor()
    await axe(page, 'the account')
    await page.screenshot({ path: join(shots, 'account.png') })
    assert.equal(await page.getByText('This browser').count(), 1)
    await page.getByRole('table').getByRole('button', { name: 'Sign out' }).click()
    await lines().nth(2).waitFor({ state: 'detached' })
    await page.getByText('This browser').waitFor()
  })

  test('a wrong current password and a weak new one are said at their fields', async () => {
    await change('wrong wrong wrong', OTHER)
    await page.getByText('Is wrong').waitFor()
    await change(PASSWORD, '1234567890')
    await field('New password').and(page.locator('[aria-invalid=true]')).waitFor()
  })

  test('the password is changed, and this browser stays signed in', async () => {
    await change(PASSWORD, OTHER)
    await page.getByText('Password changed.').waitFor()
    assert.equal((await elsewhere(PASSWORD)).status, 401)
    assert.equal((await elsewhere(OTHER)).status, 200)
    await page.reload()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    await fitsNarrow(page, 'the account')
  })

  test('Sign out everywhere ends this session, too', async () => {
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByLabel('E-mail').waitFor()
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
