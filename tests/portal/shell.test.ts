// The portal's frame: navigation, names, and addresses.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Page, Request } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'

// Every page of the navigation: the groups it is in, its entry, its address, and the button of lists that have one.
const PAGES: [string[], string, string, string?][] = [
  [[], 'Dashboard', '/'],
  [['Calls'], 'Log', '/calls'],
  [['Calls'], 'Live', '/calls/live'],
  [[], 'Campaigns', '/campaigns', 'Create Campaign'],
  [['Data'], 'Call Flows', '/data/call-flows'], // whose Create Call Flow opens a dialog
  [['Data', 'Webhooks'], 'Incoming Webhooks', '/data/webhooks/incoming', 'Create Incoming Webhook'],
  [['Data', 'Webhooks'], 'Outgoing Webhooks', '/data/webhooks/outgoing', 'Create Outgoing Webhook'],
  [['Data', 'Webhooks'], 'Custom Tags', '/data/webhooks/custom-tags', 'Create Custom Tag'],
  [['Data', 'Webhooks'], 'Incoming Webhook Requests', '/data/webhooks/incoming-requests'],
  [['Data', 'Webhooks'], 'Outgoing Webhook Requests', '/data/webhooks/outgoing-requests'],
  [['Data'], 'Lists', '/data/lists', 'Create List'],
  [[], 'Routing Plans', '/routing-plans', 'Create Routing Plan'],
  [[], 'Targets', '/targets', 'Create Target'],
  [[], 'Buyers', '/buyers', 'Create Buyer'],
  [[], 'Publishers', '/publishers', 'Create Publisher'],
  [[], 'Numbers', '/numbers', 'Create Number'],
  [['DNI'], 'Number Pools', '/number-pools', 'Create Number Pool'],
  [['DNI'], 'DNI Snippets', '/dni-snippets', 'Create DNI Snippet'],
  [['RTB'], 'RTB Endpoints', '/rtb/inbound', 'Create RTB Endpoint'],
  [['RTB'], 'RTB Targets', '/rtb/targets', 'Create RTB Target'],
  [['RTB'], 'Ring Trees', '/rtb/ring-trees', 'Create Ring Tree'],
  [['RTB'], 'RTB Requests', '/rtb/requests'],
  [[], 'Prompts', '/prompts', 'Create Prompt'],
  [[], 'Reports', '/reports'],
  [['Settings'], 'Organization', '/settings/organization'],
  [['Settings'], 'Users', '/settings/users', 'Create User'],
  [['Settings'], 'API Keys', '/settings/api-keys', 'Create API Key'],
  [['Settings'], 'Trunks', '/settings/trunks', 'Create Trunk'],
  [['Settings'], 'Audit Log', '/settings/audit-log'],
]

describe('portal: the frame', () => {
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

  test('each list is called as in the navigation, and its button and form as what they create', async () => {
    for (const [groups, name, address, create] of PAGES) {
      for (const group of groups) await entry(group).click()
      await entry(name).click()
      await page.waitForURL(s.url + address)
      await page.getByRole('heading', { level: 2, name, exact: true }).waitFor()
      const section = address === '/calls' ? 'Calls' : address === '/calls/live' ? 'Live calls' : name
      await until(`the title of ${name}`, async () => (await page.title()) === `${section} · Strowger`)
      if (!create) continue
      await page.getByRole('link', { name: create, exact: true }).click()
      await page.getByRole('heading', { level: 2, name: create, exact: true }).waitFor()
      await until(`the title of ${create}`, async () => (await page.title()) === `${create} · Strowger`)
    }
  })

  test('call flows are created in a dialog', async () => {
    await open('/data/call-flows')
    await page.getByRole('button', { name: 'Create Call Flow', exact: true }).click()
    await page.getByRole('dialog', { name: 'Create Call Flow', exact: true }).waitFor()
    await page.keyboard.press('Escape')
  })

  test('an empty list says so in a sentence', async () => {
    for (const [address, text] of [
      ['/rtb/inbound', 'No RTB endpoints yet'], ['/dni-snippets', 'No DNI snippets yet'], ['/targets', 'No targets yet'],
      ['/data/webhooks/custom-tags', 'No custom tags yet'], ['/calls', 'No calls yet'], ['/calls/live', 'No live calls'],
      ['/data/webhooks/incoming-requests', 'No incoming webhook requests yet'], ['/rtb/requests', 'No RTB requests yet'],
    ]) {
      await open(address)
      await page.getByText(text, { exact: true }).waitFor()
    }
    await page.goto(`${s.url}/targets?search=nothing`)
    await page.getByText('No results match your filters').waitFor()
  })

  test('a group opens with its first page; only its own button folds it, and that is remembered', async () => {
    await open('/')
    const fold = (name: string) => sections().getByRole('button', { name: `Collapse ${name}`, exact: true })
    const unfold = (name: string) => sections().getByRole('button', { name: `Expand ${name}`, exact: true })
    await fold('Data').click()
    assert.equal(await entry('Call Flows').count(), 0)
    assert.equal(await entry('Webhooks').count(), 0)
    await fold('Settings').focus()
    await page.keyboard.press('Enter')
    await unfold('Settings').waitFor()
    await page.reload()
    await unfold('Data').waitFor()
    await unfold('Settings').waitFor()

    await entry('Data').click() // opens it
    await page.waitForURL(`${s.url}/data/call-flows`)
    await entry('Incoming Webhooks').waitFor()
    await entry('Data').click() // and never hides it
    await entry('Incoming Webhooks').waitFor()
    await fold('Webhooks').click() // the page is not within
    assert.equal(await entry('Incoming Webhooks').count(), 0)
    await entry('Webhooks').focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`${s.url}/data/webhooks/incoming`)
    await entry('Custom Tags').waitFor()
    assert.equal(await fold('Webhooks').getAttribute('aria-disabled'), 'true', 'the group of this page stays open')
    await fold('Webhooks').click({ force: true })
    await entry('Custom Tags').waitFor()

    await page.goto(`${s.url}/settings/trunks`) // folded, and the page is within
    await entry('Trunks').waitFor()
    await until('one marked entry', async () => (await sections().locator('[aria-current]').allTextContents()).join() === 'Trunks')
    await entry('Dashboard').click()
    await unfold('Settings').click()
    await entry('Live').click()
    await until('one marked entry', async () => (await sections().locator('[aria-current]').allTextContents()).join() === 'Live')
  })

  test('the marked entry is in sight, also far down', async () => {
    await page.setViewportSize({ width: 1280, height: 500 })
    await open('/settings/audit-log')
    await until('it', () => entry('Audit Log').evaluate((e) => {
      const { top, bottom } = e.getBoundingClientRect()
      return top >= 0 && bottom <= window.innerHeight
    }))
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  test('on a phone the menu stays open while groups are opened, and closes for a page', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await open('/')
    await page.getByRole('button', { name: 'Navigation' }).click()
    const inSight = (name: string) => entry(name).evaluate((e) => e.getBoundingClientRect().left >= 0)
    await until('the menu', () => inSight('Data'))
    await entry('Data').click()
    await page.waitForURL(`${s.url}/data/call-flows`)
    assert.ok(await inSight('Webhooks'))
    await entry('Webhooks').click()
    await page.screenshot({ path: join(shots, 'navigation-narrow.png') })
    await entry('Custom Tags').click()
    await page.getByRole('heading', { name: 'Custom Tags' }).waitFor()
    await until('the menu to be gone', async () => !(await inSight('Data')))
    await page.getByRole('button', { name: /^User menu/ }).click()
    await page.getByRole('menuitem', { name: 'Documentation' }).waitFor()
    await page.screenshot({ path: join(shots, 'user-menu-narrow.png') })
    await page.keyboard.press('Escape')
    await page.setViewportSize({ width: 1440, height: 900 })
  })

  test('an address without a page, or of a thing that is gone, gives a way on at once', async () => {
    await page.goto(`${s.url}/nothing/here`)
    await page.getByRole('heading', { name: 'Page not found' }).waitFor()
    assert.equal(await page.title(), 'Page not found · Strowger')
    await page.screenshot({ path: join(shots, 'not-found.png') })
    await page.getByRole('link', { name: 'Go to the Dashboard' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    for (const [address, list] of [
      ['/targets/tgt_gone', 'Targets'], ['/campaigns/cmp_gone', 'Campaigns'], ['/campaigns/cmp_gone/money', 'Campaigns'],
      ['/calls/call_gone', 'Log'], ['/rtb/requests/rtb_gone', 'RTB Requests'],
      ['/data/webhooks/incoming-requests/gone', 'Incoming Webhook Requests'],
    ]) {
      const asked: string[] = []
      const count = (r: Request) => asked.push(r.url())
      page.on('request', count)
      await page.goto(s.url + address)
      await page.getByRole('alert').filter({ hasText: 'Not found' }).waitFor()
      page.off('request', count)
      const own = asked.filter((url) => /\/api\/v1\/[^?]*gone$/.test(url))
      assert.equal(own.length, 1, `${address} is asked for once: ${own}`)
      await page.getByRole('link', { name: `Go to ${list}`, exact: true }).click()
      await page.getByRole('heading', { level: 2, name: list, exact: true }).waitFor()
    }
  })

  test('the page says so when the server cannot be reached, and tries again', async () => {
    await page.route('**/api/v1/session', (route) => route.abort())
    await page.goto(s.url)
    await page.getByText('The server cannot be reached').waitFor()
    await page.unroute('**/api/v1/session')
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  })

  test('the keyboard reaches the page past the navigation', async () => {
    await open('/buyers')
    await page.keyboard.press('Tab')
    await page.getByRole('link', { name: 'Skip to the page' }).and(page.locator(':focus')).waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.ok(await page.evaluate(() => !!document.activeElement?.closest('main')))
  })
})
