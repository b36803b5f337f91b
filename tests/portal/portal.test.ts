import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { Strowger, join, root, until } from '../e2e/harness.ts'

const shots = join(root, 'build/screenshots')
mkdirSync(shots, { recursive: true })

describe('portal', () => {
  let s: Strowger
  let browser: Browser
  let context: BrowserContext
  let page: Page
  const problems: string[] = []
  before(async () => {
    s = await Strowger.start()
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
    page = await context.newPage()
    page.setDefaultTimeout(15000)
    page.on('pageerror', (e) => problems.push(String(e)))
    page.on('console', (m) => m.type() === 'error' && !m.text().includes('status of 4') && problems.push(m.text()))
  })
  after(async () => {
    await browser.close()
    await s.stop()
  })

  test('a wrong password is told, the right one signs in', async () => {
    await page.goto(s.url)
    await page.getByLabel('E-mail').fill('owner@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong wrong wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('the e-mail address or the password is wrong').waitFor()
    await page.screenshot({ path: join(shots, 'sign-in.png') })
    await page.getByRole('textbox', { name: 'Password' }).fill('correct horse battery')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  })

  test('a person draws a flow, publishes it, gives it to a campaign, and a call runs it', async () => {
    await s.api('POST', '/custom-tags', { name: 'choice' })
    await s.api('POST', '/routing-plans', { name: 'Fallback plan', entries: [] })
    await page.getByRole('link', { name: 'Call Flows', exact: true }).click()
    await page.getByText('No call flows yet').waitFor()
    await page.getByLabel('Name of the new call flow').fill('Drawn')
    await page.getByRole('button', { name: 'New call flow' }).click()
    const add = async (name: RegExp) => {
      await page.getByRole('button', { name: 'Add node' }).click()
      await page.getByRole('option', { name }).click()
    }
    await page.getByRole('button', { name: 'Add node' }).waitFor()
    await page.keyboard.press('/')
    await page.getByRole('textbox', { name: 'Find a node' }).fill('set tag')
    await page.screenshot({ path: join(shots, 'palette-search.png') })
    await page.keyboard.press('Enter')
    await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click()
    await page.getByRole('dialog').getByLabel('Tag', { exact: false }).first().fill('choice')
    await page.getByRole('dialog').getByLabel('Value', { exact: false }).first().fill('drawn [CALLER_ID]')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Add node' }).click()
    await page.getByRole('option').first().waitFor()
    await page.screenshot({ path: join(shots, 'palette.png') })
    await page.keyboard.press('Escape')
    await add(/^Hang up/)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Fit View' }).click()
    const connect = async (from: string, to: string) => {
      const a = (await page.locator(`[aria-label="${from}"]`).boundingBox())!
      const b = (await page.locator(`[aria-label="${to}"]`).boundingBox())!
      await page.mouse.move(a.x + a.width / 2, a.y + a.height / 2)
      await page.mouse.down()
      await page.mouse.move(b.x + b.width / 2 - 20, b.y + b.height / 2, { steps: 8 })
      await page.mouse.move(b.x + b.width / 2, b.y + b.height / 2, { steps: 4 })
      await page.mouse.up()
    }
    await connect('start next', 'Into set_tag_1')
    await connect('set_tag_1 next', 'Into hangup_1')
    await page.waitForTimeout(300)
    await page.getByText('Saving…').waitFor()
    await page.screenshot({ path: join(shots, 'builder.png') })
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByRole('textbox', { name: 'Note' }).fill('drawn by hand')
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText('version 1', { exact: true }).waitFor()

    // the way of a test on the canvas, with each step's values
    await page.getByRole('button', { name: 'Test' }).click()
    await page.getByRole('textbox', { name: 'Caller' }).fill('nobody')
    await page.getByRole('textbox', { name: 'Time' }).fill('noon')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByText('must be a time such as').first().waitFor()
    await page.getByRole('textbox', { name: 'Caller' }).fill('(512) 555-0142')
    await page.getByRole('textbox', { name: 'Time' }).fill('')
    await page.getByRole('button', { name: 'Run' }).click()
    await page.getByText('3 steps. The call ended.').waitFor()
    await page.getByRole('button', { name: /set_tag_1/ }).click()
    await page.getByText('nothing → drawn +15125550142').waitFor()
    assert.equal(await page.locator('.react-flow__edge.animated').count(), 2)
    await page.screenshot({ path: join(shots, 'test-panel.png') })
    await page.keyboard.press('Escape')

    // a fallback, a second version, what it changed, and back
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Fallback' }).click()
    await page.getByRole('combobox', { name: 'Routing plan' }).click()
    await page.getByRole('option', { name: 'Fallback plan' }).click()
    await page.keyboard.press('Escape')
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).click()
    await page.getByText('drawn by hand').waitFor()
    await page.getByRole('button', { name: 'Compare with the saved draft' }).click()
    await page.getByText('~ /fallback').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText('version 2', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).click()
    await page.getByRole('button', { name: 'Roll back to it' }).click()
    await page.getByText('Version 3, which calls run').waitFor()
    await page.screenshot({ path: join(shots, 'versions.png') })
    await page.keyboard.press('Escape')

    // export and import
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Export the saved draft' }).click()
    const exported = await (await download).path()
    const copy = JSON.parse(readFileSync(exported, 'utf8'))
    await page.getByRole('link', { name: 'Call Flows', exact: true }).click()
    const file = (name: string, text: string) => page.locator('input[type=file]').setInputFiles({ name, mimeType: 'application/json', buffer: Buffer.from(text) })
    await file('broken.json', '{')
    await page.getByText('broken.json is not JSON').waitFor()
    await file('copy.json', JSON.stringify({ ...copy, name: 'Drawn again' }))
    await page.getByRole('heading', { name: 'Drawn again' }).waitFor()

    await page.getByRole('link', { name: 'Campaigns' }).click()
    await page.getByRole('link', { name: 'New Campaign' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('is required').first().waitFor()
    await page.getByLabel('Name', { exact: false }).first().fill('By hand')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('tab', { name: 'Execution Settings' }).click()
    assert.ok(await page.getByRole('radio', { name: 'Routing Plan' }).isChecked(), 'a campaign starts with its routing plan')
    await page.getByRole('radio', { name: 'Call Flow' }).check()
    await page.getByRole('combobox', { name: 'Call flow' }).click()
    await page.getByRole('option', { name: 'Drawn', exact: true }).click()
    await page.screenshot({ path: join(shots, 'execution-settings.png') })
    await page.getByRole('tabpanel').getByRole('button', { name: 'Save' }).click()
    await page.getByText('the next call runs this way').waitFor()

    const campaign = (await s.api('GET', '/campaigns')).data[0]
    assert.equal(campaign.execution_mode, 'call_flow')
    await s.api('POST', '/trunks', { name: 'loopback', inbound: { allowed_addresses: ['127.0.0.1'] } })
    await s.api('POST', '/numbers', { number: '+18005550501', campaign_id: campaign.id })
    await s.call('+18005550501')
    await s.lastCall()
    await page.getByRole('link', { name: 'Log', exact: true }).click()
    await page.getByRole('row', { name: /\+15125550199/ }).click()
    await page.getByRole('cell', { name: 'drawn +15125550199' }).waitFor()
    await page.screenshot({ path: join(shots, 'call.png') })
    await page.getByRole('tab', { name: 'Trace' }).click()
    await page.getByText('set_tag_1 → next').waitFor()
    await page.screenshot({ path: join(shots, 'trace.png') })
  })

  test('two people editing one flow do not overwrite each other silently', async () => {
    const flow = (await s.api('GET', '/call-flows')).data[0]
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    await s.api('PATCH', `/call-flows/${flow.id}`, { description: 'somebody else was here' })
    await page.getByRole('button', { name: 'Add node' }).click()
    await page.getByRole('option', { name: /^Play/ }).click()
    await page.keyboard.press('Escape')
    await page.getByText('Somebody else saved this flow meanwhile').waitFor()
    await page.screenshot({ path: join(shots, 'conflict.png') })
    page.once('dialog', (d) => d.accept())
    await page.getByRole('button', { name: 'Reload' }).click()
  })

  test('a change made while a slow save is under way is saved after it, and is nobody else\'s', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'Slow' })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.route('**/api/v1/call-flows/*', async (route) => {
      if (route.request().method() === 'PATCH') await new Promise((r) => setTimeout(r, 2500))
      await route.continue()
    })
    await page.locator('.react-flow__node').first().click()
    const name = page.getByRole('dialog').getByRole('textbox', { name: 'Name' })
    await name.fill('one')
    await page.waitForRequest((r) => r.method() === 'PATCH')
    await name.fill('two')
    await until('both saves', async () => (await s.api('GET', `/call-flows/${flow.id}`)).draft.nodes[0].name === 'two')
    await page.getByText('Saved', { exact: true }).waitFor()
    assert.equal(await page.getByText('Somebody else saved this flow meanwhile').count(), 0)
    await page.unroute('**/api/v1/call-flows/*')
  })

  test('webhooks in and out are set up, and their requests are seen', async () => {
    await page.goto(`${s.url}/data/webhooks/incoming/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('Form tool')
    await page.getByRole('button', { name: 'Save' }).click()
    const url = await page.locator('code').first().textContent()
    assert.match(url!, /\/call-data\?key=iwk_/)
    assert.equal((await fetch(url!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"caller_id":"+15125550502","choice":"x"}' })).status, 200)
    await page.getByRole('link', { name: 'Incoming Webhook Requests' }).click()
    await page.getByRole('cell', { name: 'pending' }).waitFor()
    await page.goto(`${s.url}/data/webhooks/outgoing/new`)
    await page.getByLabel('Name', { exact: false }).first().fill('BI')
    await page.getByLabel('Url', { exact: false }).first().fill('http://127.0.0.1:9/')
    await page.getByLabel('Event types', { exact: false }).first().fill('call.completed')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Copy this now').waitFor()
    assert.match((await page.locator('code').first().textContent())!, /^whsec_/)
  })

  test('every page of the navigation opens, wide and narrow, and axe finds nothing serious', async () => {
    const paths = ['/', '/calls', '/calls/live', '/campaigns', '/data/call-flows', '/data/webhooks/incoming', '/data/webhooks/outgoing', '/data/webhooks/custom-tags', '/data/lists', '/data/lists/new', '/data/webhooks/incoming-requests', '/data/webhooks/outgoing-requests',
      '/routing-plans', '/targets', '/buyers', '/publishers', '/numbers', '/prompts', '/settings/organization', '/settings/users', '/settings/api-keys', '/settings/trunks', '/settings/audit-log', '/targets/new', '/settings/trunks/new']
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(s.url + path)
      await page.getByRole('heading', { level: 2 }).first().waitFor()
      const name = path === '/' ? 'dashboard' : path.slice(1).replaceAll('/', '-')
      await page.waitForLoadState('networkidle')
      await page.screenshot({ path: join(shots, `${name}.png`) })
      const found = (await new AxeBuilder({ page }).analyze()).violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
      assert.deepEqual(found.map((v) => `${path}: ${v.id} ${v.nodes[0].html.slice(0, 160)}`), [])
      await page.setViewportSize({ width: 390, height: 800 })
      await page.waitForTimeout(250)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert.ok(overflow <= 0, `${path} is ${overflow} px too wide at 390`)
    }
    await page.screenshot({ path: join(shots, 'narrow.png') })
  })

  test('nothing went wrong in the console', async () => {
    await until('a moment', () => true)
    assert.deepEqual(problems, [])
  })
})
