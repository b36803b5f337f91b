// The documentation that the binary serves: every link leads somewhere, and the reference shows the API.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, fitsNarrow, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('documentation', () => {
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

  test('every link of every page leads to a page or a heading that is there', async () => {
    const seen = new Map<string, string>() // path: html
    const wanted = ['/docs']
    const anchors: [string, string, string][] = []
    while (wanted.length) {
      const path = wanted.pop()!
      if (seen.has(path)) continue
      const r = await fetch(s.url + path)
      const html = await r.text()
      assert.equal(r.status, 200, path)
      seen.set(path, html)
      if (!r.headers.get('content-type')?.startsWith('text/html') || path === '/docs/api') continue
      for (const [, href] of html.matchAll(/(?:href|src)="([^"]*)"/g)) {
        if (/^https?:/.test(href) || href === '/') continue
        const [to, anchor] = href.split('#')
        if (anchor) anchors.push([path, to || path, anchor])
        if (to) wanted.push(to)
      }
    }
    for (const [from, to, anchor] of anchors) assert.ok(seen.get(to)?.includes(`id="${anchor}"`), `${from} links to ${to}#${anchor}`)
    for (const path of ['/docs/quick-start', '/docs/concepts', '/docs/nodes', '/docs/nodes/dial', '/docs/http-api', '/docs/cookbook/intake.json', '/docs/decisions/0001-one-table-for-configuration']) assert.ok(seen.has(path), path)
    assert.equal((await fetch(`${s.url}/docs/nothing`)).status, 404)
    assert.equal((await fetch(`${s.url}/docs/../secret.key`)).status, 200) // the client makes it /secret.key, which is the portal's page
    assert.match(await (await fetch(`${s.url}/secret.key`)).text(), /<div id="root">/)
  })

  test('pages are read wide and narrow, light and dark', async () => {
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme })
      for (const path of ['/docs', '/docs/quick-start', '/docs/nodes/dial', '/docs/http-api', '/docs/concepts']) {
        await page.setViewportSize({ width: 1280, height: 800 })
        await page.goto(s.url + path)
        await page.getByRole('heading', { level: 1 }).waitFor()
        await axe(page, path)
        await fitsNarrow(page, path)
      }
      await page.setViewportSize({ width: 1280, height: 800 })
      await page.screenshot({ path: join(shots, `docs-${scheme}.png`) })
    }
  })

  test('the reference shows every path, and tries one with the session', async () => {
    await page.emulateMedia({ colorScheme: 'light' })
    await page.goto(s.url)
    await signIn(page)
    await page.goto(`${s.url}/docs/api`)
    await page.locator('.opblock-tag').first().waitFor()
    const { paths } = await s.api('GET', '/openapi.json')
    const tags = new Set(Object.values<any>(paths).flatMap((p) => Object.values<any>(p).flatMap((o) => o.tags)))
    assert.deepEqual((await page.locator('.opblock-tag').evaluateAll((all) => all.map((e) => (e as HTMLElement).dataset.tag))).sort(), [...tags].sort())
    await page.locator('.opblock-tag[data-tag="calls"]').click()
    await page.locator('[data-path="/api/v1/calls/{id}/recording/peaks"]').waitFor()
    await page.screenshot({ path: join(shots, 'docs-api.png') })
    await page.locator('.opblock-tag[data-tag="system"]').click()
    await page.locator('[data-path="/api/v1/system"]').click()
    await page.getByRole('button', { name: 'Try it out' }).click()
    await page.getByRole('button', { name: 'Execute' }).click()
    await page.locator('.responses-table.live-responses-table').getByText('200').first().waitFor()
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
