// The portal's frame: navigation, names, a campaign's pages, the user menu, and a session that expires.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Page, Request } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

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
  const path = () => new URL(page.url()).pathname

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

  test('a campaign\'s tabs have addresses, and each says which campaign it is', async () => {
    const campaign = await s.api('POST', '/campaigns', { name: 'Solar West' })
    await open(`/campaigns/${campaign.id}`)
    const heading = page.getByRole('heading', { level: 2, name: 'Solar West', exact: true })
    for (const [tab, address, field] of [
      ['Money', '/money', 'Payout'], ['Callers', '/callers', 'Screening'], ['Execution Settings', '/execution', 'Execution Mode'],
    ]) {
      await page.getByRole('tab', { name: tab, exact: true }).click()
      await page.waitForURL(`${s.url}/campaigns/${campaign.id}${address}`)
      await page.getByText(field, { exact: true }).first().waitFor()
      await heading.waitFor()
      assert.equal(await heading.count(), 1)
      await until('the title', async () => (await page.title()) === `${tab} · Solar West · Campaigns · Strowger`)
      await page.reload()
      await page.getByRole('tab', { name: tab, exact: true, selected: true }).waitFor()
    }
    await page.goBack()
    await page.getByRole('tab', { name: 'Callers', selected: true }).waitFor()
    await page.goBack()
    await page.goBack()
    await page.getByRole('tab', { name: 'General', selected: true }).waitFor()
    assert.equal(path(), `/campaigns/${campaign.id}`)
    await page.getByRole('tab', { name: 'General' }).focus()
    await page.keyboard.press('ArrowRight') // the focus stays in the tabs
    await page.getByRole('tab', { name: 'Money', selected: true }).waitFor()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('tab', { name: 'Callers', selected: true }).waitFor()
  })

  test('the execution mode is asked for in Execution Settings and in Create Campaign, and nowhere else', async () => {
    const campaign = (await s.api('GET', '/campaigns?search=Solar')).data[0]
    await open(`/campaigns/${campaign.id}`)
    await page.getByRole('textbox', { name: 'Name' }).waitFor()
    const general = page.getByRole('tabpanel')
    for (const text of ['Execution Mode', 'Routing Plan', 'Call Flow']) assert.equal(await general.getByText(text).count(), 0, text)
    await entry('Campaigns').click()
    await page.getByRole('link', { name: 'Create Campaign' }).click()
    const mode = page.getByRole('radiogroup', { name: 'Execution Mode', exact: true })
    await mode.getByRole('radio', { name: 'Routing Plan', exact: true, checked: true }).waitFor()
    await page.getByRole('combobox', { name: 'Routing Plan', exact: true }).waitFor()
    await mode.getByRole('radio', { name: 'Call Flow', exact: true }).check()
    await page.getByRole('combobox', { name: 'Call Flow', exact: true }).waitFor()
  })

  const choose = async (flow: string) => {
    await page.getByRole('radio', { name: 'Call Flow', exact: true }).check()
    await page.getByRole('combobox', { name: 'Call Flow', exact: true }).click()
    await page.getByRole('option', { name: flow, exact: true }).click()
  }
  const start = { id: 'start', type: 'start', config: {} }

  test('a call flow that is not published is published where it is chosen', async () => {
    await s.api('POST', '/call-flows', { name: 'Ready', draft: { nodes: [start], edges: [] } })
    const campaign = (await s.api('GET', '/campaigns?search=Solar')).data[0]
    const stored = () => s.api('GET', `/campaigns/${campaign.id}`)
    await open(`/campaigns/${campaign.id}/execution`)
    await choose('Ready')
    await page.getByRole('alert').filter({ hasText: 'Ready has no published version' }).waitFor()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Ready has no published version. Publish it first.').waitFor()
    assert.equal((await stored()).execution_mode, 'routing_plan', 'nothing is saved')
    await axe(page, 'an unpublished call flow')
    await page.screenshot({ path: join(shots, 'execution-unpublished.png') })
    await page.getByRole('button', { name: 'Publish and use it' }).click()
    await page.getByText('Saved. New calls run version 1 of Ready.').waitFor()
    assert.equal((await stored()).execution_mode, 'call_flow')
    assert.equal((await s.api('GET', '/call-flows?search=Ready')).data[0].published_version, 1)
    assert.equal(await page.getByText('has no published version').count(), 0)
    await page.reload()
    await page.getByRole('radio', { name: 'Call Flow', checked: true }).waitFor()
  })

  test('what prevents publishing is said in words, with a link to the flow', async () => {
    const menu = { id: 'menu_1', type: 'menu', name: 'Welcome', config: {} }
    const flow = await s.api('POST', '/call-flows', { name: 'Half done', draft: { nodes: [start, menu], edges: [{ from: 'start', port: 'next', to: 'menu_1' }] } })
    await open('/campaigns/new')
    await page.getByRole('textbox', { name: 'Name' }).fill('Solar East')
    await choose('Half done')
    await page.getByText('It cannot be published before these errors are fixed').waitFor()
    await page.getByRole('listitem').filter({ hasText: /^Welcome: .*(required|choose|needs)/i }).first().waitFor()
    assert.equal(await page.getByRole('button', { name: 'Publish and use it' }).count(), 0)
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Half done has no published version. Publish it first.').first().waitFor()
    assert.equal((await s.api('GET', '/campaigns?search=East')).data.length, 0)
    await page.screenshot({ path: join(shots, 'create-campaign-errors.png') })
    assert.equal(await page.getByRole('link', { name: 'Open Half done in the builder' }).getAttribute('href'), `/data/call-flows/${flow.id}`)
    await s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: [start], edges: [] } })
    await choose('Ready')
    await choose('Half done')
    await page.getByRole('button', { name: 'Publish and use it' }).click()
    await page.getByRole('heading', { name: 'Solar East' }).waitFor()
    const made = (await s.api('GET', '/campaigns?search=East')).data[0]
    assert.deepEqual([made.execution_mode, made.call_flow_id], ['call_flow', flow.id])
  })

  test('the notice after a save is true for a plan, without one, and for a disabled campaign', async () => {
    const plan = await s.api('POST', '/routing-plans', { name: 'Texas', entries: [] })
    const campaign = await s.api('POST', '/campaigns', { name: 'Notices', routing_plan_id: plan.id })
    await open(`/campaigns/${campaign.id}/execution`)
    const save = () => page.getByRole('button', { name: 'Save', exact: true }).click()
    await save()
    await page.getByText('Saved. New calls use the routing plan Texas.').waitFor()
    await s.api('PATCH', `/campaigns/${campaign.id}`, { routing_plan_id: null })
    await page.reload()
    await save()
    await page.getByText('Saved. New calls have no routing plan: nobody is called.').waitFor()
    await s.api('PATCH', `/campaigns/${campaign.id}`, { enabled: false })
    await page.reload()
    await save()
    await page.getByText('Saved. The campaign is disabled: it takes no calls.').waitFor()
    await s.api('PATCH', `/campaigns/${campaign.id}`, { enabled: true })
    await save() // somebody else changed it meanwhile
    await page.getByRole('alert').filter({ hasText: /changed|meanwhile/i }).waitFor()
    await save()
    await page.getByText('Saved. New calls have no routing plan: nobody is called.').last().waitFor()
  })

  test('a warning of the server about a campaign\'s calls is on each of its pages', async () => {
    const { id } = (await s.api('GET', '/campaigns?search=Notices')).data[0]
    const warning = 'The call flow has no published version; calls use the routing plan instead.'
    await page.route(`**/api/v1/campaigns/${id}`, async (route) => {
      const response = await route.fetch()
      await route.fulfill({ response, json: { ...(await response.json()), execution_warning: warning } })
    })
    for (const tab of ['', '/money', '/callers', '/execution']) {
      await open(`/campaigns/${id}${tab}`)
      await page.getByRole('alert').filter({ hasText: warning }).waitFor()
    }
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText(`Saved. ${warning}`).waitFor()
    await page.unroute(`**/api/v1/campaigns/${id}`)
    await page.reload()
    await page.getByRole('radiogroup', { name: 'Execution Mode' }).waitFor()
    assert.equal(await page.getByText(warning).count(), 0)
  })

  test('changed execution settings are not left without a question', async () => {
    const { id } = (await s.api('GET', '/campaigns?search=Notices')).data[0]
    await open(`/campaigns/${id}/execution`)
    await page.getByRole('radio', { name: 'Call Flow', exact: true }).check()
    await entry('Buyers').click()
    const question = page.getByRole('dialog', { name: 'Leave without saving?' })
    await question.getByRole('button', { name: 'Stay' }).click()
    await question.waitFor({ state: 'hidden' })
    assert.equal(path(), `/campaigns/${id}/execution`)
    assert.ok(await page.getByRole('radio', { name: 'Call Flow', exact: true }).isChecked())
    await page.getByRole('tab', { name: 'Money' }).click()
    await question.getByRole('button', { name: 'Stay' }).click()
    await page.getByRole('button', { name: /^User menu/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    await question.getByRole('button', { name: 'Stay' }).click()
    assert.equal((await page.context().request.get(`${s.url}/api/v1/campaigns`)).status(), 200, 'still signed in')
    await entry('Buyers').click()
    await question.getByRole('button', { name: 'Leave' }).click()
    await page.getByRole('heading', { name: 'Buyers' }).waitFor()
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
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.locator('.react-flow__node').first().click()
    const panel = page.getByRole('dialog').filter({ hasNotText: 'session' })
    await endSession()
    await panel.getByRole('textbox', { name: 'Name' }).fill('Begins here') // checked and saved, both by themselves
    await dialog().waitFor()
    await page.keyboard.press('Escape')
    await dialog().getByRole('textbox', { name: 'Password' }).press('Escape')
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
    await s.api('POST', '/users', { email: 'second@example.com', name: 'Second', role: 'manager', password: PASSWORD })
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
