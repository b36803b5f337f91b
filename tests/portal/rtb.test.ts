import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Peer } from '../e2e/peer.ts'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal, real-time bidding', () => {
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
  test('an endpoint is made, asked, and its requests are read, with and without a bid', async () => {
    const t = await Peer.start(), from = await Peer.start()
    await s.api('POST', '/custom-tags', { name: 'zip' })
    await s.api('POST', '/publishers', { name: 'Blue Media' })
    const target = await s.api('POST', '/targets', { name: 'Office', destination: { type: 'sip', uri: t.uri }, filter: { match: 'all', rules: [{ field: 'tag.zip', op: 'begins_with', value: '78' }] } })
    const plan = await s.api('POST', '/routing-plans', { name: 'Plan', entries: [{ target_id: target.id }] })
    await s.campaign('+18005558801', { name: 'Solar', routing_plan_id: plan.id, conversion: { after_seconds: 60 }, payout: '25' })
    await page.goto(`${s.url}/rtb/requests`)
    await page.getByText('Nothing yet').waitFor()
    await page.getByRole('link', { name: 'Endpoints' }).click()
    await page.getByText('A URL at which a publisher asks').waitFor()
    await page.screenshot({ path: join(shots, 'rtb-empty.png') })
    await page.goto(`${s.url}/rtb/inbound/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('Blue Media, solar')
    await page.getByLabel('Campaign', { exact: false }).first().click()
    await page.getByRole('option', { name: 'Solar' }).click()
    await page.getByLabel('Publisher', { exact: false }).first().click()
    await page.getByRole('option', { name: 'Blue Media' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Where the publisher asks').waitFor()
    const ask = page.getByRole('region', { name: 'Ask it' })
    await ask.getByLabel('Caller').fill('(512) 555-0111')
    await ask.getByLabel('Parameters').fill('zip = 10001')
    await ask.getByRole('button', { name: 'Ask' }).click()
    await ask.getByText('no target takes the call (no_target)').waitFor()
    await ask.getByLabel('Parameters').fill('zip = 78701')
    await ask.getByRole('button', { name: 'Ask' }).click()
    await ask.getByText('25.00 USD for a call to +18005558801, due after 60 s of conversation; the number is kept for 60 s.').waitFor()
    await page.screenshot({ path: join(shots, 'rtb-endpoint.png'), fullPage: true })
    await axe(page, 'RTB endpoint')
    await page.setViewportSize({ width: 390, height: 800 })
    await page.screenshot({ path: join(shots, 'rtb-endpoint-narrow.png'), fullPage: true })
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing is wider than the window')
    await page.setViewportSize({ width: 1280, height: 1000 })
    const d = await from.call(s.sip, 'sip:+18005558801@127.0.0.1', { headers: [`From: <sip:+15125550111@127.0.0.1>;tag=${Math.random()}`] })
    await d.request('BYE')
    const call = await s.lastCall()
    await page.getByRole('link', { name: 'Its requests' }).click()
    await page.getByRole('cell', { name: 'called' }).waitFor()
    assert.equal(await page.getByRole('row').count(), 3)
    await page.screenshot({ path: join(shots, 'rtb-requests.png') })
    await axe(page, 'RTB requests')
    await page.getByRole('cell', { name: 'no bid' }).click()
    await page.getByText("the call does not pass the target's filter").waitFor()
    await page.screenshot({ path: join(shots, 'rtb-request.png'), fullPage: true })
    await axe(page, 'RTB request')
    await page.goto(`${s.url}/calls/${call.id}`)
    await page.getByRole('link', { name: 'Inbound RTB' }).click()
    await page.getByRole('heading', { name: 'Would you take +15125550111?' }).waitFor()
    await page.getByRole('link', { name: 'The call' }).waitFor()
    await page.screenshot({ path: join(shots, 'rtb-request-called.png'), fullPage: true })
    await page.goto(`${s.url}/calls/${call.id}?tab=requests`)
    await page.getByText('Asked before the call').waitFor()
    await page.getByRole('link', { name: 'Blue Media, solar' }).click()
    await page.getByRole('heading', { name: 'Would you take +15125550111?' }).waitFor()
  })

  test('nothing was wrong in the browser meanwhile', () => {
    assert.deepEqual(portal.problems, [])
  })
})
