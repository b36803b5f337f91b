// The first steps on the dashboard of a new organization.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'
const STEPS = ['Trunk', 'Target', 'Call flow', 'Campaign', 'Number', 'Test call']

describe('portal: getting started', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 800)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const list = () => page.getByRole('region', { name: 'Getting started' })
  const step = (name: string) => list().getByRole('listitem').filter({ has: page.getByText(name, { exact: true }) })
  const isDone = (name: string) => step(name).getByRole('img', { name: 'Done' }).waitFor()
  const signInAs = async (email: string) => {
    await page.context().request.post(`${s.url}/api/v1/session`, { data: { email, password: PASSWORD } })
    await page.goto(s.url)
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  }

  test('each step leads to where it is done, and none is done yet', async () => {
    await list().getByText('0 of 6 steps done').waitFor()
    for (const name of STEPS) await step(name).getByRole('img', { name: 'To do' }).waitFor()
    for (const [link, address] of [
      ['Create Trunk', '/settings/trunks/new'], ['Create Target', '/targets/new'], ['Create Call Flow', '/data/call-flows'],
      ['Create Campaign', '/campaigns/new'], ['Create Number', '/numbers/new'],
    ]) assert.equal(await list().getByRole('link', { name: link, exact: true }).getAttribute('href'), address)
    await axe(page, 'getting started')
    await page.screenshot({ path: join(shots, 'getting-started.png') })
  })

  test('an analyst sees the steps without links to what only others may do; a manager has all but the trunk\'s', async () => {
    for (const role of ['analyst', 'manager']) {
      await s.asOwner('POST', '/users', { email: `${role}@example.com`, name: role, role, password: PASSWORD })
    }
    await signInAs('analyst@example.com')
    await list().getByText('0 of 6 steps done').waitFor()
    assert.equal(await list().getByRole('link').count(), 0)
    await page.goto(`${s.url}/targets`)
    await page.getByText('No targets yet').waitFor()
    assert.equal(await page.getByRole('link', { name: 'Create Target' }).count(), 0)
    assert.equal(await page.getByRole('link', { name: 'Audit Log' }).count(), 0)
    await signInAs('manager@example.com')
    await list().getByRole('link', { name: 'Create Campaign' }).waitFor()
    assert.equal(await list().getByRole('link', { name: 'Create Trunk' }).count(), 0)
    await signInAs('owner@example.com')
  })

  test('a step is done when the organization has such a thing, however it was made', async () => {
    await s.api('POST', '/trunks', { name: 'loopback', inbound: { allowed_addresses: ['127.0.0.1'] } })
    await s.api('POST', '/targets', { name: 'Desk', destination: { type: 'sip', uri: 'sip:desk@127.0.0.1:9' } })
    await page.reload()
    await list().getByText('2 of 6 steps done').waitFor()
    await isDone('Trunk')
    await isDone('Target')
    await step('Call flow').getByRole('img', { name: 'To do' }).waitFor()
    const flow = await s.flow('Demo', [{ id: 'bye', type: 'hangup', config: {} }], [['start', 'next', 'bye']])
    const campaign = await s.api('POST', '/campaigns', { name: 'Solar', execution_mode: 'call_flow', call_flow_id: flow.id })
    const number = await s.api('POST', '/numbers', { number: '+18005557701', campaign_id: campaign.id })
    await page.reload()
    await list().getByText('5 of 6 steps done').waitFor()
    await step('Test call').getByText(`strowger call sip:+18005557701@127.0.0.1:${s.sip}`).waitFor()
    assert.equal(await step('Test call').getByRole('link').getAttribute('href'), `/numbers/${number.id}`)
    await page.screenshot({ path: join(shots, 'getting-started-test-call.png') })
  })

  test('it is dismissed for one user, also after a reload, and comes back from the user menu', async () => {
    await list().getByRole('button', { name: 'Dismiss' }).click()
    await list().waitFor({ state: 'detached' })
    await page.reload()
    await page.getByText('Live now').waitFor()
    assert.equal(await list().count(), 0)
    await signInAs('manager@example.com') // in the same browser
    await list().waitFor()
    await signInAs('owner@example.com')
    assert.equal(await list().count(), 0)
    await page.goto(`${s.url}/buyers`)
    await page.getByRole('button', { name: /^User menu/ }).click()
    await page.getByRole('menuitem', { name: 'Getting started' }).click()
    await list().waitFor()
    await page.waitForURL(`${s.url}/`)
  })

  test('the first call ends the list by itself', async () => {
    await signInAs('manager@example.com') // who never touched it
    await list().getByText('5 of 6 steps done').waitFor()
    await s.call('+18005557701')
    await list().waitFor({ state: 'detached' })
    await signInAs('owner@example.com') // who asked for it: it stays until it is dismissed
    await list().getByText('6 of 6 steps done').waitFor()
    for (const name of STEPS) await isDone(name)
    await list().getByRole('button', { name: 'Dismiss' }).click()
    await list().waitFor({ state: 'detached' })
  })
})
