// Every page of the navigation, wide and narrow, and what reports and prompts show.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { axe, fitsNarrow, openBrowser, shots, signIn, type Portal } from './browser.ts'
import { fill } from './fill.ts'

describe('pages', () => {
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

  test('a prompt is made from a text, then from a file, and heard', async () => {
    await page.getByRole('link', { name: 'Prompts', exact: true }).click()
    await page.getByRole('link', { name: 'Create Prompt' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Welcome')
    await page.getByRole('textbox', { name: 'Text' }).fill('Thank you for calling')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('until a file is uploaded').waitFor()
    const choose = async (button: string, name: string, buffer: Buffer) => {
      const chooser = page.waitForEvent('filechooser')
      await page.getByRole('button', { name: button }).click()
      await (await chooser).setFiles({ name, mimeType: 'audio/wav', buffer })
    }
    await choose('Upload audio', 'broken.wav', Buffer.from('no audio'))
    await page.getByRole('alert').filter({ hasText: /audio|format|file/i }).waitFor()
    const wav = execFileSync('sox', ['-n', '-r', '44100', '-t', 'wav', '-', 'synth', '1.5', 'sine', '440'])
    await choose('Upload audio', 'welcome.wav', wav)
    await page.getByText('Callers now hear welcome.wav').waitFor()
    await until('what is heard', () => page.locator('audio').evaluate((a) => Math.abs((a as unknown as { duration: number }).duration - 1.5) < 0.05))
    await page.screenshot({ path: join(shots, 'prompt.png') })
  })

  test('every page of the navigation opens, wide and narrow, and axe finds nothing serious', async () => {
    const paths = ['/', '/calls', '/calls/live', '/campaigns', '/data/call-flows', '/data/webhooks/incoming', '/data/webhooks/outgoing', '/data/webhooks/custom-tags', '/data/lists', '/data/lists/new', '/data/webhooks/incoming-requests', '/data/webhooks/outgoing-requests',
      '/routing-plans', '/targets', '/buyers', '/publishers', '/numbers', '/prompts', '/reports', '/settings/organization', '/settings/users', '/settings/api-keys', '/settings/trunks', '/settings/audit-log', '/targets/new', '/settings/trunks/new']
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(s.url + path)
      await page.getByRole('heading', { level: 2 }).first().waitFor()
      const name = path === '/' ? 'dashboard' : path.slice(1).replaceAll('/', '-')
      await page.waitForLoadState('networkidle')
      await page.screenshot({ path: join(shots, `${name}.png`) })
      await axe(page, path)
      await fitsNarrow(page, path)
    }
    await page.screenshot({ path: join(shots, 'narrow.png') })
  })

  test('the dashboard and the reports tell what calls came to', async () => {
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.goto(s.url)
    await page.getByRole('img', { name: 'Calls by hour' }).waitFor()
    await page.getByRole('cell', { name: 'By hand' }).waitFor()
    await page.getByRole('link', { name: 'Reports' }).first().click()
    await page.getByRole('combobox', { name: 'By' }).click()
    await page.getByRole('option', { name: 'Campaign' }).click()
    await page.getByRole('cell', { name: 'By hand' }).waitFor()
    assert.match(page.url(), /by=campaign/)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download CSV' }).click()
    const csv = readFileSync(await (await download).path(), 'utf8').slice(1).split('\r\n')
    assert.equal(csv[0], 'campaign,calls,connected,converted,duration_seconds,revenue,payout,cost,margin')
    assert.match(csv[1], /^By hand,\d+,0,0,\d+,0\.00,0\.00,0\.00,0\.00$/)
    await page.reload()
    await page.getByRole('cell', { name: 'By hand' }).waitFor()
    await page.getByLabel('From').fill('2025-01-01')
    await page.getByLabel('To').fill('2025-01-02')
    await page.getByText('No calls in this time').waitFor()
    await page.screenshot({ path: join(shots, 'reports-empty.png') })
  })

  test('nothing went wrong in the console', async () => {
    await until('a moment', () => true)
    assert.deepEqual(portal.problems, [])
  })
})
