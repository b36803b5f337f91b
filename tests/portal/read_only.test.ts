// What an analyst sees: everything that may be viewed, without the buttons that the role may not use.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'
import { fill, NUMBER } from './fill.ts'

const PASSWORD = 'correct horse battery'
const NOTICE = 'Your role can view this, but not change it.'

describe('portal: an analyst', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    await fill(s)
    const email = 'analyst@example.com'
    await s.asOwner('POST', '/users', { email, role: 'analyst', password: PASSWORD })
    portal = await openBrowser(s, 1280, 800)
    page = portal.page
    await signIn(page)
    await page.context().request.post(`${s.url}/api/v1/session`, {
      data: { email, password: PASSWORD },
    })
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const first = async (path: string) => (await s.api('GET', path)).data[0]
  const buttons = async (...names: string[]) => {
    const found: string[] = []
    for (const name of names) {
      if (await page.getByRole('button', { name, exact: true }).count()) found.push(name)
    }
    return found
  }

  test('reads a flow on the canvas, and nothing there changes it', async () => {
    const flow = await first('/call-flows')
    const changes: string[] = []
    page.on('request', (r) => {
      if (['PATCH', 'DELETE', 'PUT'].includes(r.method())) changes.push(`${r.method()} ${r.url()}`)
    })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText(NOTICE).waitFor()
    const names = ['Save', 'Publish', 'Add node /', 'Add node', 'Undo', 'Redo', 'Rename']
    assert.deepEqual(await buttons(...names), [])
    await page.getByRole('button', { name: 'More', exact: true }).click()
    await page.getByRole('menuitem', { name: 'Versions' }).waitFor()
    for (const name of ['Rename', 'Duplicate', 'Arrange the nodes', 'Add a note']) {
      assert.equal(await page.getByRole('menuitem', { name }).count(), 0, name)
    }
    await page.keyboard.press('Escape')
    await page.locator('.react-flow__node[data-id=set_tag_1]').click()
    const panel = page.getByRole('dialog')
    const name = panel.getByRole('textbox', { name: 'Name', exact: true })
    await name.waitFor()
    assert.ok(await name.isDisabled())
    assert.equal(await panel.getByRole('button', { name: 'Delete node' }).count(), 0)
    await axe(page, 'a flow that is only read')
    await page.screenshot({ path: join(shots, 'builder-read-only.png') })
    await panel.getByRole('button', { name: 'Close' }).click()
    await page.keyboard.press('Delete')
    await page.keyboard.press('Control+s')
    await page.locator('.react-flow__node[data-id=set_tag_1]').waitFor()
    assert.deepEqual(changes, [])
  })

  test('is not offered to create, import, rename or delete a flow', async () => {
    await page.goto(`${s.url}/data/call-flows`)
    await page.getByRole('button', { name: 'Actions for Drawn' }).click()
    await page.getByRole('menuitem', { name: 'Open' }).waitFor()
    for (const name of ['Rename', 'Duplicate', 'Delete']) {
      assert.equal(await page.getByRole('menuitem', { name }).count(), 0, name)
    }
    await page.keyboard.press('Escape')
    assert.deepEqual(await buttons('Create Call Flow', 'Import'), [])
    await page.keyboard.press('n')
    assert.equal(await page.getByRole('dialog').count(), 0)
  })

  test('sees the fields of every kind of form, disabled and without Save', async () => {
    const campaign = await first('/campaigns'), webhook = await first('/outgoing-webhooks')
    const number = (await s.api('GET', `/numbers?search=${NUMBER.slice(1)}`)).data[0]
    const trunk = await first('/trunks')
    for (const path of [
      `/campaigns/${campaign.id}`, `/campaigns/${campaign.id}/execution`, `/numbers/${number.id}`,
      `/data/webhooks/outgoing/${webhook.id}`, `/settings/trunks/${trunk.id}`,
      '/settings/organization',
    ]) {
      await page.goto(s.url + path)
      await page.getByText(NOTICE).waitFor()
      const names = ['Save', 'Delete', 'Clone', 'Rotate secret', 'Send a test']
      assert.deepEqual(await buttons(...names), [], path)
      const open = 'main form input:enabled:not([type=hidden]), main form textarea:enabled'
      assert.equal(await page.locator(open).count(), 0, path)
      await axe(page, path)
    }
  })

  test('reads a call, without Adjust', async () => {
    const call = await first('/calls')
    await page.goto(`${s.url}/calls/${call.id}`)
    await page.getByRole('tab', { name: 'Tags' }).waitFor()
    assert.deepEqual(await buttons('Adjust', 'Remove'), [])
  })
})
