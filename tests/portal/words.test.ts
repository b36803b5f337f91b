// No page with data shows a name of the API to a person.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Peer } from '../e2e/peer.ts'
import { Strowger } from '../e2e/harness.ts'
import { openBrowser, signIn, type Portal } from './browser.ts'

// What is an identifier by nature: code and JSON, and what a person types in.
const exempt = 'code, pre, kbd, script, style, textarea'

// Visible texts that look like names of the API.
const identifiers = (page: Page) => page.evaluate((skip) => {
  const found: string[] = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const parent = node.parentElement!
    if (parent.closest(skip) || !parent.checkVisibility()) continue
    found.push(...(node.textContent!.match(/\b[a-z0-9]+_[a-z0-9_]+\b/g) ?? []))
  }
  for (const input of document.querySelectorAll('input[role=combobox], input[readonly]')) {
    const { value } = input as HTMLInputElement
    found.push(...(value.match(/\b[a-z0-9]+_[a-z0-9_]+\b/g) ?? []))
  }
  return [...new Set(found)]
}, exempt)

describe('portal, words', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  const paths: string[] = []
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 900)
    page = portal.page
    await signIn(page)
    const post = (path: string, body: object) => s.api('POST', path, body)
    const phone = await Peer.start(), from = await Peer.start()
    const buyer = await post('/buyers', { name: 'Buyer' }), publisher = await post('/publishers', { name: 'Publisher' })
    const weekly = [{ day: 'mon', open: '00:00', close: '24:00' }]
    const office = await post('/targets', {
      name: 'Office', buyer_id: buyer.id, destination: { type: 'sip', uri: phone.uri },
      revenue: { amount: '25', on: 'duration', duration_seconds: 1 }, accept_key: null,
    })
    const closed = await post('/targets', {
      name: 'Closed', destination: { type: 'sip', uri: phone.uri }, schedule: { time_zone: 'America/Chicago', weekly },
    })
    const plan = await post('/routing-plans', { name: 'Plan', strategy: 'round_robin', entries: [{ target_id: office.id }, { target_id: closed.id, priority: 2 }] })
    await post('/custom-tags', { name: 'state', sources: [{ kind: 'sip_header', parameter: 'X-State' }, { kind: 'incoming_webhook', pointer: '/lead/state' }] })
    const campaign = await s.campaign('+18005557001', { name: 'Solar', routing_plan_id: plan.id, duplicates: { policy: 'same' } })
    await post('/call-flows', { name: 'Flow' })
    await post('/incoming-webhooks', { name: 'CRM', types: ['call_data', 'update_tags', 'update_revenue'] })
    await post('/outgoing-webhooks', { name: 'BI', url: 'http://127.0.0.1:9/x', event_types: ['call.*', 'flow.node_failed', 'routing.no_target'] })
    await post('/lists', { name: 'Spam', values: ['+15125559999'] })
    await post('/prompts', { name: 'Welcome', text: 'Hello', voice: 'slt' })
    const pool = await post('/number-pools', { name: 'Pool', campaign_id: campaign.id })
    await post('/dni-snippets', { name: 'Snippet', pool_id: pool.id })
    await post('/inbound-rtb', { name: 'Endpoint', campaign_id: campaign.id, publisher_id: publisher.id })
    const rtb = await post('/rtb-targets', {
      name: 'Bidder', request: { url: 'http://127.0.0.1:9/ping' }, response: { bid: '/bid' }, destination: { type: 'sip', uri: phone.uri },
    })
    await post('/ring-trees', { name: 'Tree', targets: [{ rtb_target_id: rtb.id }] })
    await post('/trunks', { name: 'Carrier', outbound: { number_format: 'e164' } })
    await s.asOwner('POST', '/users', { email: 'amy@example.com', password: 'a good password', role: 'analyst' })
    const dialog = await from.call(s.sip, 'sip:+18005557001@127.0.0.1')
    await dialog.request('BYE')
    const call = await s.lastCall()
    paths.push('/', '/calls', '/calls/live', '/reports', '/settings/organization', '/settings/audit-log')
    paths.push('/data/webhooks/incoming-requests', '/data/webhooks/outgoing-requests', '/rtb/requests', '/rtb/requests?direction=outbound')
    for (const tab of ['tags', 'attempts', 'events', 'requests', 'adjustments', 'trace', 'sip']) paths.push(`/calls/${call.id}?tab=${tab}`)
    const kinds: [string, string][] = [
      ['campaigns', '/campaigns'], ['routing-plans', '/routing-plans'], ['targets', '/targets'], ['buyers', '/buyers'],
      ['publishers', '/publishers'], ['numbers', '/numbers'], ['prompts', '/prompts'], ['lists', '/data/lists'],
      ['incoming-webhooks', '/data/webhooks/incoming'], ['outgoing-webhooks', '/data/webhooks/outgoing'],
      ['custom-tags', '/data/webhooks/custom-tags'], ['number-pools', '/number-pools'], ['dni-snippets', '/dni-snippets'],
      ['inbound-rtb', '/rtb/inbound'], ['rtb-targets', '/rtb/targets'], ['ring-trees', '/rtb/ring-trees'],
      ['users', '/settings/users'], ['api-keys', '/settings/api-keys'], ['trunks', '/settings/trunks'],
    ]
    for (const [path, place] of kinds) {
      const [first] = (await s.api('GET', `/${path}`)).data
      paths.push(place, `${place}/new`, `${place}/${first.id}`)
    }
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  test('no page shows an identifier', async () => {
    const found: string[] = []
    for (const path of paths) {
      await page.goto(s.url + path)
      await page.getByRole('heading', { level: 2 }).first().waitFor()
      await page.waitForFunction(() => !document.body.innerText.includes('Loading…'))
      found.push(...(await identifiers(page)).map((name) => `${path}: ${name}`))
    }
    assert.deepEqual(found, [])
  })

  test('enums, lists and days are called by their words', async () => {
    await page.goto(`${s.url}/routing-plans`)
    await page.getByRole('cell', { name: 'Round robin' }).waitFor()
    await page.getByRole('link', { name: 'Plan', exact: true }).click()
    await page.getByRole('group', { name: 'Target 2', exact: true }).waitFor()
    await page.goto(`${s.url}/campaigns`)
    await page.getByText('Routing Plan', { exact: true }).first().waitFor()
    const closed = (await s.api('GET', '/targets?search=Closed')).data[0]
    await page.goto(`${s.url}/targets/${closed.id}`)
    await page.getByRole('group', { name: 'Monday', exact: true }).waitFor()
  })
})
