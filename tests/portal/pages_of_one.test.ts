// The pages of one thing, such as a call or a webhook, wide and narrow.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, until } from '../e2e/harness.ts'
import { axe, fitsNarrow, openBrowser, signIn, type Portal } from './browser.ts'
import { fill } from './fill.ts'

describe('pages of one thing', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    await fill(s)
    portal = await openBrowser(s, 1280, 800)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  test('pages of one thing fit a narrow window, and axe finds nothing serious', async () => {
    const flow = (await s.api('GET', '/call-flows?search=Drawn&sort=name')).data[0], campaign = (await s.api('GET', '/campaigns')).data[0]
    const call = (await s.api('GET', `/calls?call_flow_id=${flow.id}&limit=1`)).data[0]
    const [incoming] = (await s.api('GET', '/incoming-webhook-requests?limit=1')).data, [outgoing] = (await s.api('GET', '/outgoing-webhook-requests?limit=1')).data
    const accessible = async (what: string) => {
      // what fades in has other colours until it is there
      await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running' || a.effect?.getComputedTiming().iterations === Infinity))
      await axe(page, what)
    }
    const hook = (await s.api('GET', '/incoming-webhooks')).data[0]
    const paths = [`/data/webhooks/incoming/${hook.id}`, '/data/webhooks/custom-tags/new', `/campaigns/${campaign.id}`, `/campaigns/${campaign.id}/execution`, `/data/call-flows/${flow.id}`, `/calls/${call.id}`, `/calls/${call.id}/canvas`, `/data/webhooks/incoming-requests/${incoming.id}`, `/data/webhooks/outgoing-requests/${outgoing.id}`, `/data/webhooks/outgoing/${(await s.api('GET', '/outgoing-webhooks')).data[0].id}`, '/data/webhooks/outgoing/new', '/campaigns/new', '/numbers/new']
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(s.url + path)
      await page.getByRole('heading').first().waitFor()
      await page.waitForTimeout(600)
      await accessible(path)
      await fitsNarrow(page, path)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.locator('.react-flow__node').nth(1).click()
    await page.getByRole('dialog').waitFor()
    await accessible('node form')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor()
    await accessible('test panel')
  })

  test('nothing went wrong in the console', async () => {
    await until('a moment', () => true)
    assert.deepEqual(portal.problems, [])
  })
})
