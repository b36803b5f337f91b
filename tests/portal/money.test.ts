import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Peer } from '../e2e/peer.ts'
import { Strowger, join, sleep, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal, money', () => {
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
  test('a campaign gets tiers, terms of a publisher and screening in its form', async () => {
    await s.api('POST', '/publishers', { name: 'Blue Media' })
    await s.api('POST', '/lists', { name: 'Spam', values: ['+15125559999'] })
    await page.goto(`${s.url}/campaigns/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('Solar')
    await page.screenshot({ path: join(shots, 'campaign-new.png'), fullPage: true })
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('tab', { name: 'Money' }).click()
    await page.getByLabel('Payout', { exact: true }).first().fill('12')
    await page.getByRole('button', { name: 'Add Payout tiers' }).click()
    await page.getByLabel('From talk time (s)').first().fill('90')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Needs a payout, as an amount or as a percentage', { exact: true }).waitFor()
    await page.getByLabel('Payout (%)').nth(1).fill('40')
    await page.getByRole('button', { name: 'Add Publishers' }).click()
    await page.getByLabel('Publisher', { exact: false }).first().click()
    await page.getByRole('option', { name: 'Blue Media' }).click()
    await page.screenshot({ path: join(shots, 'campaign-money.png'), fullPage: true })
    await axe(page, 'campaign, money')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Campaign saved').last().waitFor()
    await page.getByRole('tab', { name: 'Callers' }).click()
    await page.getByRole('button', { name: 'Add Screening' }).click()
    await page.getByRole('button', { name: 'Add Block lists' }).click()
    await page.getByRole('group', { name: 'Block lists' }).getByRole('combobox').click()
    await page.getByRole('option', { name: 'Spam' }).click()
    await page.getByLabel('Block anonymous callers').press('Space')
    await page.screenshot({ path: join(shots, 'campaign-callers.png'), fullPage: true })
    await axe(page, 'campaign, callers')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Campaign saved').last().waitFor()
    const saved = await until('the screening to be saved', async () => { // the first save's notice may still be there
      const [campaign] = (await s.api('GET', '/campaigns')).data
      return campaign.screening && campaign
    })
    assert.deepEqual([saved.publishers.length, saved.screening.block_list_ids.length, saved.screening.block_anonymous], [1, 1, true])
    const { payout, payout_tiers } = (await s.api('GET', '/campaigns')).data[0]
    assert.deepEqual([payout, payout_tiers.length, payout_tiers[0].after_seconds, payout_tiers[0].payout_percent], ['12', 1, 90, '40'])
  })

  test('a campaign is cloned, with the webhooks that name it', async () => {
    const { id } = (await s.api('GET', '/campaigns')).data[0]
    const hook = await s.api('POST', '/incoming-webhooks', { name: 'CRM', campaign_ids: [id] })
    await s.api('POST', '/numbers', { number: '+18005558600', campaign_id: id })
    await page.goto(`${s.url}/campaigns/${id}`)
    const attached = page.getByRole('region', { name: 'Attached' })
    await attached.getByText('CRM').waitFor()
    await attached.getByText('+18005558600').waitFor()
    await page.getByRole('button', { name: 'Clone' }).click()
    const box = page.getByRole('dialog')
    await box.getByLabel('Name').fill('Solar')
    await box.getByRole('button', { name: 'Clone' }).click()
    await box.getByText('is taken already', { exact: true }).waitFor()
    await page.screenshot({ path: join(shots, 'clone.png') })
    await axe(page, 'clone')
    await box.getByLabel('Name').fill('Solar West')
    await box.getByRole('button', { name: 'Clone' }).click()
    await page.getByRole('heading', { name: 'Solar West' }).waitFor()
    await attached.getByText('CRM').waitFor()
    assert.equal(await attached.getByText('+18005558600').count(), 0)
    const copy = (await s.api('GET', '/campaigns')).data.find((c: any) => c.name === 'Solar West')
    assert.deepEqual([copy.payout, copy.payout_tiers.length, (await s.api('GET', `/incoming-webhooks/${hook.id}`)).campaign_ids], ['12', 1, [id, copy.id]])
    await page.screenshot({ path: join(shots, 'campaign-attached.png'), fullPage: true })
  })

  test('a finished call shows what it was worth, and a person corrects it', async () => {
    const t = await Peer.start(), from = await Peer.start()
    const target = await s.api('POST', '/targets', { name: 'Austin office', destination: { type: 'sip', uri: t.uri }, revenue: { amount: '40' } })
    const plan = await s.api('POST', '/routing-plans', { name: 'Texas', entries: [{ target_id: target.id }] })
    await s.campaign('+18005558601', { routing_plan_id: plan.id, conversion: { after_seconds: 0 }, payout: '12', payout_once_days: 30 })
    for (let i = 0; i < 2; i++) {
      const d = await from.call(s.sip, 'sip:+18005558601@127.0.0.1')
      await sleep(100)
      await d.request('BYE')
    }
    const { id } = await s.lastCall((c) => c.payout === '0.00')
    await page.goto(`${s.url}/calls/${id}`)
    await page.getByText('Not paid: another call of this caller was').waitFor()
    await page.getByRole('button', { name: 'Adjust' }).click()
    const box = page.getByRole('dialog')
    await box.getByLabel('Payout').fill('-3')
    await box.getByLabel('Why').fill('goodwill')
    await box.getByRole('button', { name: 'Adjust' }).click()
    await box.getByText('must not be negative', { exact: true }).waitFor()
    await box.getByLabel('Payout').fill('3.5')
    await page.screenshot({ path: join(shots, 'adjust.png') })
    await axe(page, 'adjust')
    await box.getByRole('button', { name: 'Adjust' }).click()
    await box.waitFor({ state: 'hidden' })
    await page.getByText('3.50 USD').waitFor()
    await page.getByRole('tab', { name: 'Adjustments' }).click()
    await page.getByText('Payout: 0.00 → 3.50').waitFor()
    await axe(page, 'adjustments')
    await page.screenshot({ path: join(shots, 'adjustments.png'), fullPage: true })
    await page.setViewportSize({ width: 400, height: 900 })
    await sleep(500)
    await page.screenshot({ path: join(shots, 'adjustments-narrow.png'), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 1000 })
    await page.goto(`${s.url}/reports`)
    await page.getByRole('columnheader', { name: 'Margin' }).waitFor()
    await page.getByText('64.50').first().waitFor() // 80 of revenue, 15.50 of payout
    await page.screenshot({ path: join(shots, 'reports-money.png'), fullPage: true })
    await page.goto(s.url)
    await page.getByText('Margin').first().waitFor()
    await page.screenshot({ path: join(shots, 'dashboard-money.png'), fullPage: true })
  })
})
