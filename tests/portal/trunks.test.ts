import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Peer } from '../e2e/peer.ts'
import { Strowger, join } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal, trunks', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 900)
    page = portal.page
    await page.goto(s.url)
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  test('a trunk is made with its gateways and limits, and its page tells which answer', async () => {
    const works = await Peer.start(), refuses = await Peer.start({ options: 503 })
    await page.getByRole('link', { name: 'Trunks', exact: true }).click()
    await page.getByRole('link', { name: 'Create Trunk' }).first().click()
    await page.getByLabel('Name', { exact: false }).first().fill('Carrier')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Trunk saved').waitFor()
    const trunk = (await s.api('GET', '/trunks')).data[0]
    await s.api('PATCH', `/trunks/${trunk.id}`, { options_interval_seconds: 10, outbound: { ...trunk.outbound, gateways: [{ uri: works.uri, priority: 1 }, { uri: refuses.uri, priority: 2 }], max_calls: 30 } })
    await page.reload()
    const status = page.getByRole('region', { name: 'Status' })
    await status.getByText('answers', { exact: true }).waitFor()
    await status.getByText('does not answer', { exact: true }).waitFor()
    assert.match(await status.innerText(), /Outbound: 0 of 30 calls/)
    await page.screenshot({ path: join(shots, 'trunk.png'), fullPage: true })
    await page.setViewportSize({ width: 390, height: 900 })
    await page.screenshot({ path: join(shots, 'trunk-narrow.png') })
    await page.setViewportSize({ width: 1280, height: 900 })
    works.options = 503
    await page.getByText('No gateway answers').waitFor()
  })

  test('a phone is made as a target, and its page tells when it is there', async () => {
    await page.goto(`${s.url}/targets/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('Front desk')
    await page.getByLabel('Type', { exact: false }).first().click()
    await page.getByRole('option', { name: 'Registered phone' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('is required for a phone destination').first().waitFor()
    await page.getByLabel('Username', { exact: false }).fill('amy')
    await page.getByRole('textbox', { name: 'Password' }).fill('a good password')
    await page.screenshot({ path: join(shots, 'target-phone-new.png'), fullPage: true })
    await page.getByRole('button', { name: 'Save' }).click()
    const phone = page.getByRole('region', { name: 'Phone' })
    await phone.getByText('not registered', { exact: true }).waitFor()
    await (await Peer.start()).register(s.sip, 'amy', 'a good password')
    await phone.getByText('registered', { exact: true }).waitFor()
    assert.match(await phone.innerText(), /a test phone · from 127.0.0.1 · since /)
    await page.screenshot({ path: join(shots, 'target-phone.png'), fullPage: true })
    await page.goto(`${s.url}/settings/organization`)
    await page.getByText('WAV takes 115 MB', { exact: false }).waitFor()
    await page.screenshot({ path: join(shots, 'organization.png'), fullPage: true })
    assert.deepEqual(portal.problems, [])
  })
})
