// The script of a DNI snippet on a landing page, in a real browser; and the portal's pages of pools and snippets.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import { Peer } from '../e2e/peer.ts'
import { Strowger, join, sleep, until } from '../e2e/harness.ts'
import { fitsNarrow, axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

const userAgent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36'

describe('DNI on a landing page', () => {
  let s: Strowger
  let portal: Portal
  let site: Server
  let home: string // of the landing page
  let pool: { id: string }, snippet: { id: string; url: string }
  let target: Peer, from: Peer
  const contexts: BrowserContext[] = []
  before(async () => {
    s = await Strowger.start(['--trusted-proxies', '127.0.0.1'])
    portal = await openBrowser(s, 1280, 1000)
    site = createServer((req, res) => {
      res.setHeader('content-type', 'text/html')
      res.end(`<!doctype html><title>Solar</title><body style="font: 16px sans-serif"><h1>Call <b id="main">(800) 555-0100</b></h1>
        <p id="forms">1-800-555-0100, 800.555.0100, +1 800 555 0100, 8005550100; fax (800) 555-0199, order 80055501001234</p>
        <p><a id="link" href="tel:+18005550100">Call us</a> <a id="other" href="tel:+18005550199">Fax</a></p>
        <p class="phone">Texas: <span>512-555-7777</span></p><p class="phone" id="bare">–</p>
        <textarea id="note">(800) 555-0100</textarea><div id="app"></div>
        <script src="${snippet.url}" async></script></body>`)
    })
    await new Promise<void>((r) => site.listen(0, '127.0.0.1', r))
    home = `http://localhost:${(site.address() as AddressInfo).port}`
    target = await Peer.start()
    from = await Peer.start()
    for (const name of ['utm_source', 'first_utm_source', 'page', 'referrer']) await s.api('POST', '/custom-tags', { name })
    const plan = await s.plan('DNI', [{ uri: target.uri }])
    const campaign = await s.campaign('+18005556600', { routing_plan_id: plan.id })
    pool = await s.api('POST', '/number-pools', { name: 'Solar visitors', campaign_id: campaign.id })
    for (let i = 1; i <= 4; i++) await s.api('POST', '/numbers', { number: `+1512556660${i}`, pool_id: pool.id })
    snippet = await s.api('POST', '/dni-snippets', { name: 'Solar page', pool_id: pool.id, numbers: ['800-555-0100'], selectors: ['.phone'], allowed_origins: [home] })
  })
  after(async () => {
    for (const c of contexts) await c.close()
    await portal.browser.close()
    site.close()
    await s.stop()
  })
  const open = async (path = '/', { script = '', ...rest }: { script?: string; referer?: string } = {}) => {
    const context = await portal.browser.newContext({ userAgent }), address = `192.0.2.${contexts.length + 1}` // visitors have addresses of their own
    contexts.push(context)
    await context.route(/\/dni\/(lease|heartbeat)$/, (r) => r.continue({ headers: { ...r.request().headers(), 'x-forwarded-for': address } }))
    if (script) await context.addInitScript(script)
    const page = await context.newPage(), problems: string[] = []
    page.on('pageerror', (e) => problems.push(String(e)))
    page.on('console', (m) => m.type() === 'error' && !m.text().includes('favicon') && problems.push(m.text()))
    await page.goto(home + path, rest)
    return { page, context, problems, asked: async () => (await s.api('GET', `/number-pools/${pool.id}/leases`)).data.length as number }
  }
  const swapped = async (page: Page) => {
    await page.waitForFunction(() => document.getElementById('main')!.textContent!.startsWith('(512)'))
    return (await page.textContent('#main'))!
  }

  test('numbers are swapped as they were written, in texts, links and by selector, and nothing else', async () => {
    const { page, problems } = await open('/?utm_source=google')
    const shown = await swapped(page), d = shown.replace(/\D/g, '')
    assert.match(shown, /^\(512\) 556-660\d$/)
    assert.equal(await page.textContent('#forms'), `1-${d.slice(0, 3)}-${d.slice(3, 6)}-${d.slice(6)}, ${d.slice(0, 3)}.${d.slice(3, 6)}.${d.slice(6)}, +1 ${d.slice(0, 3)} ${d.slice(3, 6)} ${d.slice(6)}, ${d}; fax (800) 555-0199, order 80055501001234`)
    assert.deepEqual([await page.getAttribute('#link', 'href'), await page.getAttribute('#other', 'href')], [`tel:+1${d}`, 'tel:+18005550199'])
    assert.deepEqual([await page.textContent('.phone span'), await page.textContent('#bare'), await page.inputValue('#note')], [`${d.slice(0, 3)}-${d.slice(3, 6)}-${d.slice(6)}`, shown, '(800) 555-0100'])
    const shift = await page.evaluate(() => new Promise<number>((r) => { let sum = 0; new PerformanceObserver((l) => l.getEntries().forEach((e) => (sum += (e as unknown as { value: number }).value))).observe({ type: 'layout-shift', buffered: true }); setTimeout(() => r(sum), 300) }))
    assert.ok(shift < 0.005, `layout shift ${shift}`)
    await page.screenshot({ path: join(shots, 'landing-page.png') })
    assert.deepEqual(problems, [])
    const call = await from.call(s.sip, `sip:+1${d}@127.0.0.1`)
    await call.request('BYE')
    const { id } = await s.lastCall()
    assert.deepEqual((await s.api('GET', `/calls/${id}`)).tags, { utm_source: 'google', first_utm_source: 'google', page: `${home}/?utm_source=google` })
  })

  test('the visitor keeps the number, from page to page, with first and last touch; and parts that a page adds have it', async () => {
    const { page, context } = await open('/?utm_source=newsletter')
    const shown = await swapped(page)
    await page.goto(`${home}/about`)
    assert.equal(await swapped(page), shown)
    const later = await context.newPage() // another visit of the same visitor
    await later.goto(`${home}/?utm_source=bing`, { referer: 'https://www.bing.com/' })
    assert.equal(await swapped(later), shown)
    await later.evaluate(() => { document.getElementById('app')!.innerHTML = '<p id="added">Call 800-555-0100 <a id="more" href="tel:8005550100">now</a></p>' })
    const d = shown.replace(/\D/g, '')
    await later.waitForFunction((t) => document.getElementById('added')!.textContent === t, `Call ${d.slice(0, 3)}-${d.slice(3, 6)}-${d.slice(6)} now`)
    assert.equal(await later.getAttribute('#more', 'href'), `tel:+1${d}`)
    await later.evaluate(() => history.pushState({}, '', '/checkout?utm_source=retargeting'))
    const call = async () => {
      const last = (await s.api('GET', '/calls?limit=1')).data[0].id
      await (await from.call(s.sip, `sip:+1${d}@127.0.0.1`)).request('BYE')
      const { id } = await s.lastCall((c) => c.id > last)
      return (await s.api('GET', `/calls/${id}`)).tags
    }
    const tags = await until('the page that was moved to', async () => { const t = await call(); return t.utm_source === 'retargeting' && t })
    assert.deepEqual([tags.first_utm_source, tags.page], ['newsletter', `${home}/checkout?utm_source=retargeting`])
  })

  test('who asks not to be tracked is not; where consent is required nothing is stored before it', async () => {
    for (const script of ["Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })", "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })"]) {
      const { page, asked } = await open('/', { script }), before = await asked()
      await sleep(400)
      assert.deepEqual([await page.textContent('#main'), await asked(), await page.evaluate(() => localStorage.length)], ['(800) 555-0100', before, 0])
    }
    await s.api('PATCH', `/dni-snippets/${snippet.id}`, { consent: 'required' })
    const { page, asked } = await open(), before = await asked()
    await sleep(400)
    assert.deepEqual([await page.textContent('#main'), await asked(), await page.evaluate(() => localStorage.length)], ['(800) 555-0100', before, 0])
    await page.evaluate(() => (window as any).strowger.consent())
    await swapped(page)
    await s.api('PATCH', `/dni-snippets/${snippet.id}`, { consent: 'none' })
  })

  test('when every number is lent the fallback is shown; other sites get nothing', async () => {
    const visitors = []
    for (let i = 0; i < 4; i++) visitors.push(await open())
    await sleep(500)
    await s.api('PATCH', `/number-pools/${pool.id}`, { fallback_number: '+18885550100' })
    const { page } = await open()
    await page.waitForFunction(() => document.getElementById('main')!.textContent === '(888) 555-0100')
    await s.api('PATCH', `/dni-snippets/${snippet.id}`, { allowed_origins: ['https://example.com'] })
    const other = await open()
    await sleep(400)
    assert.equal(await other.page.textContent('#main'), '(800) 555-0100')
    await s.api('PATCH', `/dni-snippets/${snippet.id}`, { allowed_origins: [home] })
  })

  test('the script is small', async () => {
    assert.ok(gzipSync(Buffer.from(await (await fetch(snippet.url)).arrayBuffer())).length < 5 * 1024)
  })

  test('the portal shows how to install a snippet and whether it is, and who has which number of a pool', async () => {
    const { page } = portal
    await signIn(page)
    await page.goto(`${s.url}/dni-snippets/${snippet.id}`)
    await page.getByText(`<script src="${snippet.url}" async></script>`).waitFor()
    await page.getByRole('cell', { name: home }).waitFor()
    await page.screenshot({ path: join(shots, 'dni-snippet.png'), fullPage: true })
    await axe(page, 'DNI snippet')
    await page.goto(`${s.url}/number-pools/${pool.id}`)
    await page.getByRole('cell', { name: '+15125566601' }).first().waitFor()
    await page.getByText('4 numbers').first().waitFor()
    await page.getByText('got no number', { exact: false }).waitFor()
    await page.screenshot({ path: join(shots, 'dni-pool.png'), fullPage: true })
    await axe(page, 'number pool')
    await fitsNarrow(page, 'the page')
    await page.screenshot({ path: join(shots, 'dni-pool-narrow.png'), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 1000 })
    await page.goto(`${s.url}/number-pools`)
    await page.getByRole('link', { name: 'Solar visitors' }).waitFor()
    assert.deepEqual(portal.problems, [])
  })
})
