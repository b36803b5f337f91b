// The user menu, and a session that expires.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'

describe('portal: the session', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 900)
    page = portal.page
    await signIn(page)
  })
  // Each test begins with a session, also after one that ended it.
  beforeEach(async () => {
    await page.context().request.post(`${s.url}/api/v1/session`, { data: { email: 'owner@example.com', password: PASSWORD } })
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const sections = () => page.getByRole('navigation', { name: 'Sections' })
  const entry = (name: string) => sections().getByRole('link', { name, exact: true })
  const open = async (path: string) => {
    await page.goto(s.url + path)
    await page.getByRole('heading', { level: 2 }).first().waitFor()
  }

  const start = { id: 'start', type: 'start', config: {} }

  test('Sign out is in the user menu, and not where a panel is closed', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'Closed twice', draft: { nodes: [start], edges: [] } })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.locator('.react-flow__node').first().click()
    const close = page.getByRole('dialog').getByRole('button', { name: 'Close' })
    const { x, y, width, height } = (await close.boundingBox())!
    for (let i = 0; i < 3; i++) {
      await page.mouse.click(x + width / 2, y + height / 2)
      await page.waitForTimeout(300) // as somebody clicks again who is not sure
    }
    assert.equal((await page.context().request.get(`${s.url}/api/v1/campaigns`)).status(), 200, 'still signed in')
    await page.keyboard.press('Escape')
    await open('/')
    await page.getByRole('button', { name: 'User menu, owner@example.com' }).click()
    const menu = page.getByRole('menu')
    await menu.getByText('owner@example.com').waitFor()
    await menu.getByText('Owner', { exact: true }).waitFor()
    await menu.getByRole('menuitem', { name: 'Dark colours' }).click()
    assert.equal(await page.locator('html').getAttribute('data-mantine-color-scheme'), 'dark')
    await page.getByRole('button', { name: /^User menu/ }).click()
    await axe(page, 'the user menu')
    await page.screenshot({ path: join(shots, 'user-menu-dark.png') })
    await menu.getByRole('menuitem', { name: 'Light colours' }).click()
    await page.getByRole('button', { name: /^User menu/ }).focus() // by keyboard
    await page.keyboard.press('Enter')
    await menu.waitFor()
    await page.keyboard.press('ArrowUp')
    await menu.getByRole('menuitem', { name: 'Sign out' }).and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Strowger' }).waitFor()
    await page.getByLabel('E-mail').waitFor()
    assert.equal(await page.title(), 'Sign in · Strowger')
    assert.equal((await page.context().request.get(`${s.url}/api/v1/campaigns`)).status(), 401)
    await page.goto(`${s.url}/buyers`)
    await page.getByLabel('E-mail').fill('owner@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Buyers' }).waitFor() // the page that was asked for
  })

  // The session is ended as by another browser or by time: the cookie stays, and is refused.
  const endSession = async () => {
    const cookies = await page.context().cookies()
    const cookie = cookies.map((c) => `${c.name}=${c.value}`).join('; ')
    assert.equal((await fetch(`${s.url}/api/v1/session`, { method: 'DELETE', headers: { cookie } })).status, 204)
  }
  const dialog = () => page.getByRole('dialog', { name: 'Your session has expired' })
  const signInAgain = async (email = 'owner@example.com') => {
    await dialog().getByLabel('E-mail').fill(email)
    await dialog().getByRole('textbox', { name: 'Password' }).fill(PASSWORD)
    await dialog().getByRole('button', { name: 'Sign in' }).click()
  }

  test('an expired session asks for the password over the page, keeps what was typed, and repeats the request', async () => {
    await open('/buyers/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Typed for an hour')
    await endSession()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await dialog().waitFor()
    assert.equal(await dialog().getByLabel('E-mail').inputValue(), 'owner@example.com')
    await dialog().getByRole('textbox', { name: 'Password' }).and(page.locator(':focus')).waitFor()
    await axe(page, 'the sign-in dialog')
    await page.screenshot({ path: join(shots, 'session-expired.png') })
    await dialog().getByRole('textbox', { name: 'Password' }).fill('wrong wrong wrong')
    await dialog().getByRole('button', { name: 'Sign in' }).click()
    await dialog().getByText('The e-mail address or the password is wrong').waitFor()
    await signInAgain()
    await page.getByText('Buyer saved').waitFor()
    await dialog().waitFor({ state: 'hidden' })
    assert.equal((await s.api('GET', '/buyers?search=Typed')).data.length, 1, 'once')
  })

  test('several requests wait for one sign-in, and panels below the dialog stay open', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'Long session', draft: { nodes: [start], edges: [] } })
    await Promise.all([
      page.waitForResponse((r) => r.url().endsWith('/check')), // else it opens the dialog while the name is typed
      page.goto(`${s.url}/data/call-flows/${flow.id}`),
    ])
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.locator('.react-flow__node').first().click()
    const panel = page.getByRole('dialog').filter({ hasNotText: 'session' })
    await endSession()
    await panel.getByRole('textbox', { name: 'Name' }).fill('Begins here') // checked and saved, both by themselves
    await dialog().waitFor()
    await page.keyboard.press('Escape')
    await dialog().getByRole('textbox', { name: 'Password' }).press('Escape')
    await page.evaluate(() => (document.activeElement as HTMLElement).blur()) // as before the dialog has the focus
    await page.keyboard.press('Escape')
    await signInAgain()
    await until('the draft', async () => (await s.api('GET', `/call-flows/${flow.id}`)).draft.nodes[0].name === 'Begins here')
    assert.equal(await panel.getByRole('textbox', { name: 'Name' }).inputValue(), 'Begins here')
    await dialog().waitFor({ state: 'hidden' })
    await page.keyboard.press('Escape')
  })

  test('Cancel leaves the page as it is; what is refreshed by itself asks no more, a save does', async () => {
    await open('/buyers/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Later')
    await endSession()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await page.getByRole('alert').filter({ hasText: 'Your session has expired' }).first().waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Name' }).inputValue(), 'Later')
    await dialog().waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await dialog().waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await signInAgain()
    await dialog().waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Buyer saved').waitFor()
    assert.equal((await s.api('GET', '/buyers?search=Later')).data.length, 1)
  })

  test('after a cancelled sign-in, pages that failed to load are loaded once somebody signs in', async () => {
    await open('/buyers')
    await page.waitForLoadState('networkidle') // else one of its own requests may be the first that is refused
    await endSession()
    await entry('Publishers').click()
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await dialog().waitFor({ state: 'hidden' })
    await page.getByRole('alert').filter({ hasText: 'could not be loaded' }).waitFor()
    await page.getByRole('button', { name: 'Sign in', exact: true }).click()
    await signInAgain()
    await page.getByText('No publishers yet').waitFor()
  })

  test('another user who signs in is asked before the page is loaded again, and nothing is saved in that name', async () => {
    await s.asOwner('POST', '/users', { email: 'second@example.com', name: 'Second', role: 'manager', password: PASSWORD })
    await open('/publishers/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Of the first user')
    await endSession()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await signInAgain('second@example.com')
    const other = page.getByRole('dialog', { name: 'Another user has signed in' })
    await other.getByText('You are signed in as second@example.com').waitFor()
    await page.screenshot({ path: join(shots, 'session-other-user.png') })
    await other.getByRole('button', { name: 'Sign in as owner@example.com' }).click()
    await signInAgain()
    await page.getByText('Publisher saved').waitFor()
    assert.equal((await s.api('GET', '/publishers?search=first')).data.length, 1)

    await open('/publishers/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Given up')
    await endSession()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await signInAgain('second@example.com')
    await Promise.all([
      page.waitForEvent('load'),
      other.getByRole('button', { name: 'Reload the page' }).click(),
    ])
    await page.getByRole('button', { name: 'User menu, second@example.com' }).waitFor()
    assert.equal(await page.getByRole('textbox', { name: 'Name' }).inputValue(), '')
    assert.equal((await s.api('GET', '/publishers?search=Given')).data.length, 0)
  })

  test('a sign-in in another tab gives this one its CSRF token', async () => {
    await open('/publishers/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Two tabs')
    const tab = await page.context().newPage()
    await tab.goto(s.url)
    await tab.getByRole('heading', { name: 'Dashboard' }).waitFor()
    await tab.getByRole('button', { name: /^User menu/ }).click()
    await tab.getByRole('menuitem', { name: 'Sign out' }).click()
    await tab.getByLabel('E-mail').fill('owner@example.com')
    await tab.getByRole('textbox', { name: 'Password' }).fill(PASSWORD)
    await tab.getByRole('button', { name: 'Sign in' }).click()
    await tab.getByRole('heading', { name: 'Dashboard' }).waitFor()
    await tab.close()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Publisher saved').waitFor()
    assert.equal((await s.api('GET', '/publishers?search=Two')).data.length, 1)
  })

  test('the live feed is heard again after the sign-in', async () => {
    await open('/calls/live')
    await page.getByText('live', { exact: true }).waitFor()
    await endSession()
    // The server ends each stream after ten minutes, and a restart ends it, too: then the session is asked for again.
    await s.kill('SIGTERM')
    await s.serve()
    await dialog().waitFor()
    await signInAgain()
    await page.getByText('live', { exact: true }).waitFor()
  })
})
