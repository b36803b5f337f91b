import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 800)
    page = portal.page
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  test('a wrong password is told, the right one signs in', async () => {
    await page.goto(s.url)
    await page.getByLabel('E-mail').fill('owner@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill('wrong wrong wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('the e-mail address or the password is wrong').waitFor()
    await page.screenshot({ path: join(shots, 'sign-in.png') })
    await signIn(page)
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

  test('two browsers edit one flow: neither loses what the other did', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'Two browsers' })
    const second = await portal.browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' })
    const theirs = await second.newPage()
    await theirs.goto(s.url)
    await signIn(theirs)
    for (const p of [page, theirs]) {
      await p.goto(`${s.url}/data/call-flows/${flow.id}`)
      await p.getByText('Saved', { exact: true }).waitFor()
    }
    const rename = async (p: Page, name: string) => {
      await p.locator('.react-flow__node').first().click()
      await p.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill(name)
    }
    const name = async () => (await s.api('GET', `/call-flows/${flow.id}`)).draft.nodes[0].name
    await rename(theirs, 'the second was first')
    await until('the second one', async () => (await name()) === 'the second was first')
    await rename(page, 'the first came late')
    await page.getByRole('heading', { name: 'Somebody else saved this flow meanwhile' }).waitFor()
    await page.getByText('~ node start: /name').waitFor()
    assert.equal(await name(), 'the second was first')
    await page.getByRole('button', { name: 'Save mine over theirs' }).click()
    await until('what was chosen', async () => (await name()) === 'the first came late')
    await rename(theirs, 'and the second again')
    await theirs.getByRole('heading', { name: 'Somebody else saved this flow meanwhile' }).waitFor()
    await theirs.getByRole('button', { name: 'Take theirs' }).click()
    await theirs.locator('.react-flow__node').first().getByText('the first came late').waitFor()
    assert.equal(await name(), 'the first came late')
    await second.close()
  })

  test('two people editing one flow do not overwrite each other silently', async () => {
    const flow = (await s.api('GET', '/call-flows')).data[0]
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    await s.api('PATCH', `/call-flows/${flow.id}`, { description: 'somebody else was here' })
    await page.getByRole('button', { name: 'Add node' }).click()
    await page.getByRole('option', { name: /^Play/ }).click()
    await page.keyboard.press('Escape')
    await page.getByRole('heading', { name: 'Somebody else saved this flow meanwhile' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByText('Nothing is saved here until you choose').waitFor()
    assert.equal((await s.api('GET', `/call-flows/${flow.id}`)).description, 'somebody else was here')
    await page.getByRole('button', { name: 'Choose' }).click()
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await page.getByText('Saved', { exact: true }).waitFor()
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

  test('a script is written in the builder, its mistake is shown where it is, and the test runs it', async () => {
    const flow = await s.api('POST', '/call-flows', { name: 'Scripted', draft: { nodes: [{ id: 'start', type: 'start', config: {} }, { id: 'javascript_1', type: 'javascript', config: {}, position: { x: 260, y: 80 } }], edges: [{ from: 'start', port: 'next', to: 'javascript_1' }] } })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.locator('.react-flow__node').nth(1).click()
    const dialog = page.getByRole('dialog')
    const code = dialog.getByRole('textbox', { name: 'Code' })
    await code.click()
    await page.keyboard.type("return {port: 'gold' gold")
    await dialog.getByText(/SyntaxError: .*\(line 1, column \d+\)/).waitFor()
    await page.screenshot({ path: join(shots, 'script-wrong.png') })
    await dialog.getByLabel('Ports').fill('silver')
    await page.keyboard.press('Enter')
    await code.fill('')
    await page.keyboard.type("return {port: 'sil")
    await page.locator('.cm-tooltip-autocomplete', { hasText: 'silver' }).waitFor()
    await page.waitForTimeout(200) // a key that comes at once is not meant for the list yet
    await page.keyboard.press('Enter')
    await until('the port', async () => (await code.textContent())!.includes("port: 'silver"))
    await code.fill("const who = call.caller_id\nconsole.log('caller', who)\nreturn {port: 'gold'}")
    await dialog.getByLabel('Ports').fill('gold')
    await page.keyboard.press('Enter')
    await dialog.getByText(/SyntaxError/).waitFor({ state: 'detached' })
    await page.getByLabel('javascript_1 gold').waitFor()
    await page.getByRole('button', { name: 'Close' }).or(dialog.locator('.mantine-Drawer-close')).first().click()
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.getByText('caller +15125550100', { exact: false }).first().waitFor()
    await page.screenshot({ path: join(shots, 'script.png') })
  })

  test('a CRM is set up to send data in: the tag, the webhook, its URL, what came, and the call that has it', async () => {
    const go = async (link: string) => page.getByRole('link', { name: link, exact: true }).click()
    await go('Custom Tags')
    await page.getByRole('link', { name: 'New Custom tag' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('lead_score')
    await page.getByRole('combobox', { name: 'Type' }).click()
    await page.getByRole('option', { name: 'number' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Custom tag saved').waitFor()
    await go('Incoming Webhooks')
    await page.getByRole('link', { name: 'New Incoming webhook' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('Form tool')
    await page.getByRole('button', { name: 'Save' }).click()
    const url = await page.locator('code').first().textContent()
    assert.match(url!, /\/call-data\?key=iwk_/)
    await page.screenshot({ path: join(shots, 'incoming-webhook.png') })
    const send = (body: object) => fetch(url!, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    assert.equal((await send({ caller_id: '(512) 555-0502', lead_score: 87, colour: 'red' })).status, 200)
    assert.equal((await send({ caller_id: '(512) 555-0599', lead_score: 'many' })).status, 200)
    await go('Incoming Webhook Requests')
    await page.getByRole('combobox', { name: 'Status' }).click()
    await page.getByRole('option', { name: 'pending' }).click()
    await page.getByRole('cell', { name: 'pending' }).first().waitFor()
    await page.getByRole('row', { name: /\+15125550599/ }).getByRole('link').first().click()
    await page.getByText(/number/).first().waitFor() // why it was refused
    await page.screenshot({ path: join(shots, 'incoming-request.png') })
    await s.call('+18005550501', ['--from', '+15125550502'])
    const call = await s.lastCall((c) => c.caller_id === '+15125550502')
    await page.goto(`${s.url}/calls/${call.id}`)
    await page.getByRole('cell', { name: '87' }).waitFor()
    await page.getByRole('cell', { name: 'Incoming webhook' }).first().waitFor()
    await page.getByRole('tab', { name: /^Webhooks/ }).click()
    await page.getByRole('link', { name: 'Form tool' }).click()
    await page.getByText('matched').first().waitFor()
  })

  test('a BI system is set up to be told: the webhook, its secret, an example, a call, a failure, and sending again', async () => {
    let broken = false
    const got: { id: string; event: any }[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.on('data', (d) => (body += d)).on('end', () => {
        got.push({ id: String(request.headers['webhook-id']), event: JSON.parse(body) })
        response.writeHead(broken ? 500 : 204).end(broken ? 'out of order' : undefined)
      })
    })
    await new Promise<void>((r) => server.listen(0, '127.0.0.1', r))
    await page.getByRole('link', { name: 'Outgoing Webhooks', exact: true }).click()
    await page.getByRole('link', { name: 'New Outgoing webhook' }).click()
    await page.getByRole('textbox', { name: 'Name' }).fill('BI')
    await page.getByLabel('Url', { exact: false }).first().fill('not a url')
    await page.getByLabel('Event types', { exact: false }).first().fill('call.completed')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText(/http/).filter({ hasText: /must|URL/ }).first().waitFor()
    await page.getByLabel('Url', { exact: false }).first().fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/events`)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('Copy this now').waitFor()
    assert.match((await page.locator('code').first().textContent())!, /^whsec_/)
    await page.screenshot({ path: join(shots, 'outgoing-secret.png') })
    await page.getByRole('link', { name: 'Done' }).click()
    await s.call('+18005550501', ['--from', '+15125550503'])
    await until('the event', () => got.some((g) => g.event.data.call.caller_id === '+15125550503'))
    broken = true
    await s.call('+18005550501', ['--from', '+15125550504'])
    await until('the failure', () => got.some((g) => g.event.data.call.caller_id === '+15125550504'))
    broken = false
    await page.getByRole('link', { name: 'Outgoing Webhook Requests', exact: true }).click()
    await page.getByRole('combobox', { name: 'Status' }).click()
    await page.getByRole('option', { name: 'failed' }).click()
    await page.getByRole('row', { name: /failed/ }).getByRole('link').first().click()
    await page.getByRole('cell', { name: 'out of order' }).waitFor()
    await page.screenshot({ path: join(shots, 'outgoing-request.png') })
    const before = got.length
    await page.getByRole('button', { name: 'Send again' }).click()
    await page.getByText('It is sent again').waitFor()
    await until('it again', () => got.length > before)
    assert.equal(got.at(-1)!.id, got.find((g) => g.event.data.call.caller_id === '+15125550504')!.id)
    await page.reload()
    await page.getByText('delivered').first().waitFor()
    server.close()
  })

  test('a prompt is made from a text, then from a file, and heard', async () => {
    await page.getByRole('link', { name: 'Prompts', exact: true }).click()
    await page.getByRole('link', { name: 'New Prompt' }).click()
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
    await page.getByText('welcome.wav is what callers hear now').waitFor()
    await until('what is heard', () => page.locator('audio').evaluate((a) => Math.abs((a as unknown as { duration: number }).duration - 1.5) < 0.05))
    await page.screenshot({ path: join(shots, 'prompt.png') })
  })

  test('pages of one thing have nothing serious for axe either', async () => {
    const flow = (await s.api('GET', '/call-flows?search=Drawn&sort=name')).data[0], campaign = (await s.api('GET', '/campaigns')).data[0]
    const call = (await s.api('GET', `/calls?call_flow_id=${flow.id}&limit=1`)).data[0]
    const [incoming] = (await s.api('GET', '/incoming-webhook-requests?limit=1')).data, [outgoing] = (await s.api('GET', '/outgoing-webhook-requests?limit=1')).data
    const axe = async (what: string) => assert.deepEqual((await new AxeBuilder({ page }).analyze()).violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${what}: ${v.id} ${v.nodes[0].html.slice(0, 160)}`), [])
    const paths = [`/campaigns/${campaign.id}`, `/campaigns/${campaign.id}/execution`, `/data/call-flows/${flow.id}`, `/calls/${call.id}`, `/calls/${call.id}/canvas`, `/data/webhooks/incoming-requests/${incoming.id}`, `/data/webhooks/outgoing-requests/${outgoing.id}`, '/data/webhooks/outgoing/new', '/campaigns/new', '/numbers/new']
    for (const path of paths) {
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.goto(s.url + path)
      await page.getByRole('heading').first().waitFor()
      await page.waitForTimeout(600)
      await axe(path)
      await page.setViewportSize({ width: 390, height: 800 })
      await page.waitForTimeout(250)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert.ok(overflow <= 0, `${path} is ${overflow} px too wide at 390`)
    }
    await page.setViewportSize({ width: 1280, height: 800 })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.locator('.react-flow__node').nth(1).click()
    await page.getByRole('dialog').waitFor()
    await axe('node form')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByRole('button', { name: 'Run', exact: true }).waitFor()
    await axe('test panel')
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
      const found = (await new AxeBuilder({ page }).analyze()).violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
      assert.deepEqual(found.map((v) => `${path}: ${v.id} ${v.nodes[0].html.slice(0, 160)}`), [])
      await page.setViewportSize({ width: 390, height: 800 })
      await page.waitForTimeout(250)
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      assert.ok(overflow <= 0, `${path} is ${overflow} px too wide at 390`)
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
    await page.getByRole('option', { name: 'campaign' }).click()
    await page.getByRole('cell', { name: 'By hand' }).waitFor()
    assert.match(page.url(), /by=campaign/)
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download CSV' }).click()
    const csv = readFileSync(await (await download).path(), 'utf8').split('\n')
    assert.equal(csv[0], 'campaign,calls,connected,converted,duration_seconds,revenue,payout')
    assert.match(csv[1], /^By hand,\d+,0,0,\d+,0\.00,0\.00$/)
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
