// The first hour of a new organization, in the words of docs/quick-start.md: a call flow, data in, events out.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Receiver, Strowger, until } from '../e2e/harness.ts'
import { openBrowser, signIn, type Portal } from './browser.ts'
import { connect, follow, stepsOf } from './steps.ts'

const NUMBER = '+18005557800', CALLER = '+15125550142'

describe('the first hour', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    await s.api('POST', '/trunks', { name: 'loopback', inbound: { allowed_addresses: ['127.0.0.1'] } })
    portal = await openBrowser(s, 1440, 900)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const name = () => page.getByRole('textbox', { name: 'Name', exact: true })
  // The webhooks need a number that takes calls, also when the first list failed.
  const numberTakesCalls = async () => {
    if ((await s.api('GET', '/numbers')).data.length === 0) await s.campaign(NUMBER, {})
  }
  const pick = async (label: string, option: string) => {
    await page.getByRole('combobox', { name: label, exact: true }).click()
    await page.getByRole('option', { name: option, exact: true }).click()
  }

  test('everything is where the documentation says', async () => {
    const campaign = await s.api('POST', '/campaigns', { name: 'Somewhere' })
    for (const path of [
      'Data → Call Flows', 'Data → Webhooks → Incoming Webhooks', 'Data → Webhooks → Outgoing Webhooks',
      'Data → Webhooks → Custom Tags', 'Data → Webhooks → Incoming Webhook Requests',
      'Data → Webhooks → Outgoing Webhook Requests',
    ].map((p) => p.split(' → '))) {
      await page.goto(s.url)
      await follow(page, path)
      await page.getByRole('heading', { level: 2, name: path.at(-1), exact: true }).waitFor()
    }
    await follow(page, ['Campaigns', 'Somewhere', 'Execution Settings'])
    await page.getByRole('radiogroup', { name: 'Execution Mode', exact: true }).waitFor()
    await s.raw('DELETE', `/api/v1/campaigns/${campaign.id}`)
  })

  test('a call flow is drawn and chosen, and a call runs it', async () => {
    const [create, draw, save, choose, number] = stepsOf('docs/quick-start.md', 'Run calls by a call flow')
    await page.goto(s.url)
    await follow(page, create.paths[0])
    await page.getByRole('button', create.name('Create Call Flow')).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('textbox', { name: 'Name' }).fill('Intake')
    await dialog.getByRole('button', create.name('Create')).click()

    await page.getByRole('button', { name: draw.name('Add node').name }).click() // its key is in its name, too
    await page.getByRole('option', { name: new RegExp(`^${draw.name('Play').name}`) }).click()
    await page.getByRole('textbox', draw.name('Text')).fill('Welcome.')
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Fit View' }).click()
    await connect(page, `${draw.name('start').name} next`, 'Into play_1')

    await page.getByRole('button', save.name('Save')).click()
    await page.getByRole('button', save.name('Publish')).waitFor()
    await page.getByText('Saved', { exact: true }).waitFor()

    await follow(page, choose.paths[0])
    await page.getByRole('link', choose.name('Create Campaign')).click()
    await name().fill('Solar')
    await page.getByRole('radiogroup', choose.name('Execution Mode')).getByRole('radio', choose.name('Call Flow')).check()
    await pick('Call Flow', 'Intake')
    await page.getByRole('button', choose.name('Save')).click()
    const made = page.getByRole('heading', { level: 2, name: 'Solar', exact: true })
    const offer = page.getByRole('button', choose.name('Publish and use it')) // where the save did not publish
    await made.or(offer).first().waitFor()
    if (await offer.isVisible()) await offer.click()
    await made.waitFor()
    await page.getByRole('tab', choose.name('Execution Settings')).click()
    await page.getByRole('radio', { name: 'Call Flow', checked: true }).waitFor()

    await follow(page, number.paths[0])
    await page.getByRole('link', number.name('Create Number')).click()
    await page.getByRole('textbox', { name: 'Number', exact: true }).fill(NUMBER)
    await pick('Campaign', 'Solar')
    await page.getByRole('button', number.name('Save')).click()
    await page.getByText('Number saved').waitFor()
    for (const step of [create, draw, save, choose, number]) step.done()

    await s.call(NUMBER, ['--from', CALLER])
    const call = await s.lastCall()
    assert.deepEqual([call.execution_mode, call.flow_version], ['call_flow', 1])
    const { data: trace } = await s.api('GET', `/calls/${call.id}/trace`)
    assert.ok(trace.some((e: any) => e.node === 'play_1' && e.port === 'next'))
  })

  test('an incoming webhook takes data for a caller', async () => {
    const [create, copy, tag, requests] = stepsOf('docs/quick-start.md', 'Receive data by an incoming webhook')
    await page.goto(s.url)
    await follow(page, create.paths[0])
    await page.getByRole('link', create.name('Create Incoming Webhook')).click()
    await name().fill('CRM')
    await page.getByRole('button', create.name('Save')).click()

    await page.getByRole('button', copy.name('Copy URL')).click()
    const url = await page.evaluate(() => navigator.clipboard.readText())
    const body = new URLSearchParams([...copy.codes[0].matchAll(/-d (\S+?)=(\S+)/g)].map((m) => [m[1], m[2]]))
    assert.equal(body.get('interest'), 'battery')

    await follow(page, tag.paths[0])
    await page.getByRole('link', tag.name('Create Custom Tag')).click()
    await name().fill('interest')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Custom Tag saved').waitFor() // the list knows it earlier than the intake

    assert.equal((await fetch(url, { method: 'POST', body: new URLSearchParams(body) })).status, 200)
    await follow(page, requests.paths[0])
    await page.getByRole('cell', { name: body.get('caller_id')! }).first().waitFor()
    for (const step of [create, copy, tag, requests]) step.done()
    await numberTakesCalls()
    await s.call(NUMBER, ['--from', body.get('caller_id')!])
    const call = await s.lastCall((c) => c.caller_id === body.get('caller_id'))
    assert.equal(call.tags.interest, 'battery')
  })

  test('an outgoing webhook sends the events of a call', async () => {
    const [create, activate, requests] = stepsOf('docs/quick-start.md', 'Send events by an outgoing webhook')
    const receiver = await Receiver.start()
    await page.goto(s.url)
    await follow(page, create.paths[0])
    await page.getByRole('link', create.name('Create Outgoing Webhook')).click()
    await name().first().fill('BI')
    await page.getByLabel('URL', { exact: false }).first().fill(`${receiver.url}/events`)
    await page.getByRole('checkbox', { name: 'Call completed' }).check()
    await page.getByRole('button', activate.name('Save and activate')).click()
    await until('the webhook', async () => (await s.api('GET', '/outgoing-webhooks')).data[0]?.enabled)
    await numberTakesCalls()
    await s.call(NUMBER, ['--from', '+15125550777'])
    await until('the event', () => receiver.requests.some((r) => r.body.includes('+15125550777')))
    await page.goto(s.url)
    await follow(page, requests.paths[0])
    await page.getByRole('row', { name: /call\.completed|Call completed/ }).first().waitFor()
    for (const step of [create, activate, requests]) step.done()
    receiver.stop()
  })
})
