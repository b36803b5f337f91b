import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal, routing', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 1000)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  test('a target gets hours, caps and limits in its form, and its page counts', async () => {
    await s.api('POST', '/campaigns', { name: 'Solar' })
    await page.goto(`${s.url}/targets/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('Austin office')
    await page.getByLabel('Type', { exact: false }).first().click()
    await page.getByRole('option', { name: 'SIP URI', exact: true }).click()
    await page.getByLabel('SIP URI').first().fill('sip:sales@127.0.0.1:9')
    await page.screenshot({ path: join(shots, 'target-new.png'), fullPage: true })
    await page.getByLabel('Concurrent calls').first().fill('5')
    await page.getByRole('button', { name: 'Add Caps' }).click()
    await page.getByLabel('Per day').first().fill('40')
    await page.screenshot({ path: join(shots, 'target-filled.png'), fullPage: true })
    await page.getByRole('button', { name: 'Save' }).click()
    const box = page.getByRole('region', { name: 'Calls', exact: true })
    await box.getByText('0 of 40').waitFor()
    await box.getByText('0 of 5').waitFor()
    assert.equal((await s.api('GET', '/targets')).data[0].caps.daily, 40)
    const available = async () => (await s.api('GET', `/targets/${(await s.api('GET', '/targets')).data[0].id}/capacity`)).available
    await box.getByLabel('Available').press('Space')
    await box.getByRole('switch', { checked: false }).waitFor()
    assert.equal(await available(), false)
    await box.getByLabel('Available').press('Space')
    await box.getByRole('switch', { checked: true }).waitFor()
    assert.equal(await available(), true)
    await axe(page, 'target')
    await page.screenshot({ path: join(shots, 'target.png'), fullPage: true })
  })

  test('a plan explains itself', async () => {
    const ids = (await s.api('GET', '/targets')).data.map((t: any) => t.id)
    const closed = await s.api('POST', '/targets', { name: 'Night shift', destination: { type: 'sip', uri: 'sip:night@127.0.0.1:9' }, schedule: { time_zone: 'America/Chicago', weekly: [] } })
    const other = await s.api('POST', '/targets', { name: 'Dallas office', destination: { type: 'sip', uri: 'sip:dallas@127.0.0.1:9' } })
    const rest = await s.api('POST', '/routing-plans', { name: 'Overflow', entries: [{ target_id: other.id }] })
    await s.api('POST', '/routing-plans', { name: 'Texas', strategy: 'weighted', fallback_plan_id: rest.id, entries: [{ target_id: closed.id, weight: 5 }, { target_id: ids[0], weight: 3 }, { target_id: other.id, weight: 1 }] })
    await page.goto(`${s.url}/routing-plans`)
    await page.getByText('Texas', { exact: true }).click()
    const box = page.getByRole('region', { name: 'Test routing' })
    await box.getByRole('button', { name: 'Explain' }).click()
    await box.getByText('The target is closed now').waitFor()
    await box.getByText('75 %').waitFor()
    assert.equal(await box.getByRole('row').count(), 5)
    await axe(page, 'plan')
    await page.screenshot({ path: join(shots, 'plan.png'), fullPage: true })
    await box.getByLabel('Time').fill('tomorrow')
    await box.getByRole('button', { name: 'Explain' }).click()
    await box.getByText(/such as/).waitFor()
    await box.getByLabel('Time').fill('')
    await box.getByRole('textbox', { name: 'Tags' }).fill('nothing = 1')
    await box.getByRole('button', { name: 'Explain' }).click()
    await box.getByText('there is no custom tag of this name').waitFor()
    await page.setViewportSize({ width: 390, height: 900 })
    await page.waitForTimeout(400)
    await page.screenshot({ path: join(shots, 'plan-narrow.png'), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 1000 })
  })
  test('nothing was complained about', () => assert.deepEqual(portal.problems, []))
})
