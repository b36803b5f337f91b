// Every page of the portal, in an organization without anything and in one with calls: nothing is logged, no request fails.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Receiver, Strowger } from '../e2e/harness.ts'
import { openBrowser, signIn, type Portal } from './browser.ts'

const LISTS = [
  '/', '/calls', '/calls/live', '/campaigns', '/data/call-flows', '/data/webhooks/incoming', '/data/webhooks/outgoing',
  '/data/webhooks/custom-tags', '/data/webhooks/incoming-requests', '/data/webhooks/outgoing-requests', '/data/lists',
  '/routing-plans', '/targets', '/buyers', '/publishers', '/numbers', '/number-pools', '/dni-snippets', '/rtb/inbound',
  '/rtb/targets', '/rtb/ring-trees', '/rtb/requests', '/prompts', '/reports', '/settings/organization', '/settings/users',
  '/settings/api-keys', '/settings/trunks', '/settings/audit-log', '/sign-out',
]
const FORMS = [
  '/campaigns', '/data/webhooks/incoming', '/data/webhooks/outgoing', '/data/webhooks/custom-tags', '/data/lists',
  '/routing-plans', '/targets', '/buyers', '/publishers', '/numbers', '/number-pools', '/dni-snippets', '/rtb/inbound',
  '/rtb/targets', '/rtb/ring-trees', '/prompts', '/settings/users', '/settings/api-keys', '/settings/trunks',
].map((p) => `${p}/new`)

describe('portal: the console', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  let heard: string[] = []
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 900)
    page = portal.page
    page.on('console', (m) => ['error', 'warning', 'assert'].includes(m.type()) && heard.push(`${m.type()}: ${m.text()}`))
    page.on('pageerror', (e) => heard.push(`page error: ${e}`))
    page.on('response', (r) => r.status() >= 400 && heard.push(`${r.status()} ${r.request().method()} ${r.url()}`))
    page.on('requestfailed', (r) => {
      const why = r.failure()?.errorText ?? ''
      if (why !== 'net::ERR_ABORTED') heard.push(`${why} ${r.url()}`) // aborted: the page was left meanwhile
    })
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const visit = async (paths: string[]) => {
    const wrong: string[] = []
    for (const path of paths) {
      heard = []
      await page.goto(s.url + path)
      await page.locator('main').waitFor()
      await page.waitForLoadState('networkidle', { timeout: 3000 }).catch(() => {}) // never with a live feed
      wrong.push(...heard.map((h) => `${path}: ${h}`))
    }
    assert.deepEqual(wrong, [])
  }

  test('the sign-in page logs nothing', async () => {
    heard = []
    await page.goto(s.url)
    await page.getByLabel('E-mail').waitFor()
    await page.waitForLoadState('networkidle')
    assert.deepEqual(heard, [])
    await signIn(page)
  })

  test('no page of a fresh organization logs anything', () => visit([...LISTS, ...FORMS]))

  test('no page of an organization with calls logs anything', async () => {
    const receiver = await Receiver.start()
    const tag = await s.api('POST', '/custom-tags', { name: 'state' })
    const flow = await s.flow('Demo', [{ id: 'bye', type: 'hangup', config: {} }], [['start', 'next', 'bye']])
    const buyer = await s.api('POST', '/buyers', { name: 'Acme' }), publisher = await s.api('POST', '/publishers', { name: 'Ads' })
    const target = await s.api('POST', '/targets', { name: 'Desk', buyer_id: buyer.id, destination: { type: 'sip', uri: 'sip:desk@127.0.0.1:9' } })
    const plan = await s.api('POST', '/routing-plans', { name: 'Sales', entries: [{ target_id: target.id }] })
    const campaign = await s.campaign('+18005557700', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const incoming = await s.api('POST', '/incoming-webhooks', { name: 'CRM' })
    const outgoing = await s.api('POST', '/outgoing-webhooks', { name: 'BI', url: receiver.url, event_types: ['call.completed'] })
    const body = JSON.stringify({ caller_id: '+15125550142', state: 'TX' })
    await fetch(incoming.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    await s.call('+18005557700', ['--from', '+15125550142'])
    const call = await s.lastCall()
    const first = async (path: string) => (await s.api('GET', `/${path}?limit=1`)).data[0].id
    await visit([
      ...LISTS, `/calls/${call.id}`, `/calls/${call.id}/canvas`, `/calls/${call.id}?tab=sip`, `/data/call-flows/${flow.id}`,
      ...['', '/money', '/callers', '/execution'].map((tab) => `/campaigns/${campaign.id}${tab}`),
      `/buyers/${buyer.id}`, `/publishers/${publisher.id}`, `/targets/${target.id}`, `/routing-plans/${plan.id}`,
      `/data/webhooks/custom-tags/${tag.id}`, `/data/webhooks/incoming/${incoming.id}`, `/data/webhooks/outgoing/${outgoing.id}`,
      `/data/webhooks/incoming-requests/${await first('incoming-webhook-requests')}`,
      `/data/webhooks/outgoing-requests/${await first('outgoing-webhook-requests')}`,
      `/numbers/${await first('numbers')}`, `/settings/trunks/${await first('trunks')}`, `/settings/users/${await first('users')}`,
    ])
    receiver.stop()
  })

  test('no list logs anything for an analyst', async () => {
    const password = 'correct horse battery'
    await s.asOwner('POST', '/users', { email: 'analyst@example.com', name: 'Analyst', role: 'analyst', password })
    await page.context().request.post(`${s.url}/api/v1/session`, { data: { email: 'analyst@example.com', password } })
    await visit(LISTS.filter((p) => p !== '/settings/audit-log'))
  })
})
