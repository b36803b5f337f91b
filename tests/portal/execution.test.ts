// A campaign's pages: its tabs, its execution mode, and what the server warns of.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'

describe('portal: pages of a campaign', () => {
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
})
