// Forms: saves that fail, pickers beyond one page, leaving with changes, and an outgoing webhook's two ways to be saved.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page, Route } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('portal, forms', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1280, 900)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  const save = (name = 'Save') => page.getByRole('button', { name, exact: true }).click()
  const type = async (label: string, text: string) => {
    const field = page.getByLabel(label, { exact: false }).first()
    await field.click()
    await field.press('Control+a')
    await field.pressSequentially(text)
  }
  const summary = () => page.getByRole('alert').filter({ hasText: 'Not saved' }).first()
  const notice = (text: string | RegExp) => page.locator('.mantine-Notification-root').filter({ hasText: text }).first()
  const isFocused = (what: string) => until(what, () => summary().evaluate((e) => e === document.activeElement))
  const target = (name: string) =>
    s.api('POST', '/targets', { name, destination: { type: 'sip', uri: 'sip:a@127.0.0.1:9' } })

  test('a save that is refused says so, and each line of the summary leads to its field', async () => {
    await page.goto(`${s.url}/data/webhooks/outgoing/new`)
    await type('URL', 'not a url')
    await save('Save and activate')
    await notice(/Not saved/).waitFor()
    await isFocused('the summary')
    await summary().getByRole('button', { name: 'Name: is required' }).waitFor()
    await summary().getByRole('button', { name: 'Event types: is required' }).waitFor()
    await axe(page, 'a refused form')
    await page.screenshot({ path: join(shots, 'forms-refused.png') })
    await summary().getByRole('button', { name: /^URL: must be/ }).click()
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLTextAreaElement).value), 'not a url')
    assert.equal((await s.api('GET', '/outgoing-webhooks')).data.length, 0)
  })

  const answers: [number, RegExp][] = [
    [403, /Your role does not allow this/], [412, /Someone else changed this/],
    [429, /Too many requests/], [500, /The server has a problem/], [503, /The server has a problem/],
  ]
  test('a save that fails for another reason says which, and keeps what was typed', async () => {
    const t = await target('Austin office')
    await page.goto(`${s.url}/targets/${t.id}`)
    await type('Name', 'Austin branch')
    for (const [status, reason] of answers) {
      const refuse = (route: Route) => route.request().method() !== 'PATCH' ? route.continue()
        : route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, title: 'No', detail: 'not now' }) })
      await page.route('**/api/v1/targets/*', refuse)
      await save()
      await notice(reason).waitFor()
      await summary().getByText(reason).waitFor()
      await isFocused(`the summary of a ${status}`)
      await page.unroute('**/api/v1/targets/*')
    }
    await page.route('**/api/v1/targets/*', (route) => (route.request().method() === 'PATCH' ? route.abort() : route.continue()))
    await save()
    await notice(/server cannot be reached/).waitFor()
    await isFocused('the summary without a server')
    await page.unroute('**/api/v1/targets/*')
    assert.equal(await page.getByLabel('Name').first().inputValue(), 'Austin branch')
    await save()
    await notice('Target saved').waitFor()
    assert.equal((await s.api('GET', `/targets/${t.id}`)).name, 'Austin branch')
  })

  test('what somebody else changed meanwhile is not overwritten unasked', async () => {
    const t = await target('Dallas office')
    await page.goto(`${s.url}/targets/${t.id}`)
    await type('Name', 'Dallas mine')
    await s.api('PATCH', `/targets/${t.id}`, { name: 'Dallas theirs', concurrency: 7 })
    await save()
    await summary().getByText('Someone else changed this meanwhile.').waitFor()
    assert.equal((await s.api('GET', `/targets/${t.id}`)).name, 'Dallas theirs')
    await page.getByRole('button', { name: 'Save my changes anyway' }).click()
    await notice('Target saved').waitFor()
    const saved = await s.api('GET', `/targets/${t.id}`)
    assert.deepEqual([saved.name, saved.concurrency], ['Dallas mine', 7])
  })

  test('a saved object stays open, undo brings back what was, and a removed header is gone', async () => {
    const hook = await s.api('POST', '/outgoing-webhooks', {
      name: 'CRM', url: 'https://example.com/x', event_types: ['call.completed'], headers: { 'X-A': '1', 'X-B': '2' },
    })
    await page.goto(`${s.url}/data/webhooks/outgoing/${hook.id}`)
    await page.getByRole('button', { name: 'Remove Headers 1' }).click()
    await save()
    await notice('Outgoing webhook saved').waitFor()
    assert.match(page.url(), new RegExp(hook.id))
    const headers = async () => Object.keys((await s.api('GET', `/outgoing-webhooks/${hook.id}`)).headers)
    assert.deepEqual(await headers(), ['X-B'])
    await page.getByRole('button', { name: 'Undo' }).click()
    await until('the header', async () => (await headers()).length === 2)
  })

  test('a picker finds objects beyond its first page, and shows the name of the one that is chosen', async () => {
    const ids: string[] = []
    for (let i = 0; i < 210; i++) ids.push((await target(`Office ${String(i).padStart(3, '0')}`)).id)
    const plan = await s.api('POST', '/routing-plans', { name: 'Wide', entries: [{ target_id: ids[0] }, { target_id: ids[205] }] })
    await page.goto(`${s.url}/routing-plans/${plan.id}`)
    const picker = (n: number) => page.getByRole('group', { name: `Target ${n}`, exact: true }).getByRole('combobox', { name: 'Target' })
    for (const [n, name] of [[1, 'Office 000'], [2, 'Office 205']] as const)
      await until(name, async () => (await picker(n).inputValue()) === name)
    await picker(1).click()
    await picker(1).press('Control+a')
    await picker(1).pressSequentially('office 209')
    await page.getByRole('option', { name: 'Office 209' }).click()
    assert.equal(await picker(1).inputValue(), 'Office 209')
    await picker(1).click()
    await picker(1).press('Control+a')
    await picker(1).pressSequentially('nowhere at all')
    await page.getByText('No matches').filter({ visible: true }).waitFor()
    await page.keyboard.press('Escape')
    await save()
    await notice('Routing plan saved').waitFor()
    assert.equal((await s.api('GET', `/routing-plans/${plan.id}`)).entries[0].target_id, ids[209])
  })

  test('a changed form is left after a question only; one that is as it was asks nothing', async () => {
    const t = await target('Left')
    const question = page.getByRole('dialog', { name: 'Leave without saving?' })
    const toBuyers = () => page.getByRole('link', { name: 'Buyers', exact: true }).click()
    await page.goto(`${s.url}/targets/${t.id}`)
    await type('Name', 'Left behind')
    await toBuyers()
    await question.waitFor()
    await question.getByRole('button', { name: 'Stay' }).click()
    assert.equal(await page.getByLabel('Name').first().inputValue(), 'Left behind')
    await type('Name', 'Left')
    await toBuyers()
    await page.getByRole('heading', { name: 'Buyers' }).waitFor()
    await page.goBack()
    await type('Name', 'Left again')
    await toBuyers()
    await question.getByRole('button', { name: 'Leave' }).click()
    await page.getByRole('heading', { name: 'Buyers' }).waitFor()
    assert.equal((await s.api('GET', `/targets/${t.id}`)).name, 'Left')
  })

  test('closing the window asks for a changed form, and not for a saved one', async () => {
    const t = await target('Closed')
    await page.goto(`${s.url}/targets/${t.id}`)
    const asked: string[] = []
    const listen = (d: { type: () => string; accept: () => Promise<void> }) => {
      asked.push(d.type())
      void d.accept()
    }
    page.on('dialog', listen)
    await type('Name', 'Closed once')
    await page.reload()
    assert.deepEqual(asked, ['beforeunload'])
    await type('Name', 'Closed twice')
    await save()
    await notice('Target saved').waitFor()
    await page.reload()
    assert.deepEqual(asked, ['beforeunload'])
    page.off('dialog', listen)
  })

  test('an outgoing webhook is saved inactive or active, with all events of an area', async () => {
    const fill = async (name: string) => {
      await page.goto(`${s.url}/data/webhooks/outgoing/new`)
      await type('Name', name)
      await type('URL', 'https://example.com/events')
    }
    const made = async (name: string) => (await s.api('GET', `/outgoing-webhooks?search=${name}`)).data[0]
    await fill('Asleep')
    await page.getByRole('checkbox', { name: 'All call events' }).check()
    assert.equal(await page.getByRole('switch', { name: 'Enabled' }).count(), 0)
    await save('Save')
    await page.getByText('Copy the secret: it is shown once').waitFor()
    assert.deepEqual([(await made('Asleep')).enabled, (await made('Asleep')).event_types], [false, ['call.*']])
    await fill('Awake')
    await page.getByRole('button', { name: 'Select each tag event' }).click()
    await page.screenshot({ path: join(shots, 'forms-outgoing.png'), fullPage: true })
    await save('Save and activate')
    await page.getByText('Copy the secret: it is shown once').waitFor()
    const awake = await made('Awake'), types: string[] = (await s.api('GET', '/event-types')).data.map((t: { type: string }) => t.type)
    assert.deepEqual([awake.enabled, [...awake.event_types].sort()], [true, types.filter((t) => t.startsWith('tag.')).sort()])
    await page.goto(`${s.url}/data/webhooks/outgoing/${(await made('Asleep')).id}`)
    await save('Save and activate')
    await until('it to be active', async () => (await made('Asleep')).enabled)
  })

  test('the URL of a new incoming webhook can be copied', async () => {
    await page.goto(`${s.url}/data/webhooks/incoming/new`)
    await type('Name', 'Form tool')
    await save()
    await page.getByRole('button', { name: 'Copy URL', exact: true }).click()
    const url = await page.evaluate(() => navigator.clipboard.readText())
    assert.match(url, /\/call-data\?key=iwk_/)
  })

  test('a long list is edited line by line, and a keystroke in it is not felt', async () => {
    const values = Array.from({ length: 5000 }, (_, i) => `+1512${String(5550000 + i)}`)
    const made = await s.api('POST', '/lists', { name: 'Long', values })
    await page.goto(`${s.url}/data/lists/${made.id}`)
    const area = page.getByRole('textbox', { name: 'Values' })
    await area.press('Control+End')
    await area.pressSequentially('\n+14055550100')
    await page.getByText('5,001 values').waitFor()
    await save()
    await notice('List saved').waitFor()
    assert.equal((await s.api('GET', `/lists/${made.id}`)).values.at(-1), '+14055550100')
  })

  test('nothing went wrong in the console', () => {
    assert.deepEqual(portal.problems.filter((p) => !/status of 5|ERR_FAILED/.test(p)), [])
  })
})
