// A real browser on the portal of a server under test.
import { AxeBuilder } from '@axe-core/playwright'
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { join, root } from '../e2e/harness.ts'

export const shots = join(root, 'build/screenshots')

export interface Portal {
  browser: Browser
  context: BrowserContext
  page: Page
  problems: string[] // what the console and the page complained about
}

// media: with a microphone that beeps, and certificates of nobody believed.
export async function openBrowser(s: { url: string }, width: number, height: number, media = false): Promise<Portal> {
  mkdirSync(shots, { recursive: true })
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium-headless-shell', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...(media ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--ignore-certificate-errors', '--autoplay-policy=no-user-gesture-required'] : [])] })
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: 'reduce', permissions: ['clipboard-read', 'clipboard-write', ...(media ? ['microphone'] : [])] })
  const page = await context.newPage()
  // Pictures take a tenth of the time: they are for people, with STROWGER_SCREENSHOTS=1.
  if (!process.env.STROWGER_SCREENSHOTS) page.screenshot = async () => Buffer.alloc(0)
  const problems: string[] = []
  page.setDefaultTimeout(15000)
  page.on('pageerror', (e) => problems.push(String(e)))
  page.on('console', (m) => m.type() === 'error' && !m.text().includes('status of 4') && problems.push(m.text()))
  await page.goto(s.url)
  return { browser, context, page, problems }
}

export async function signIn(page: Page) {
  await page.getByLabel('E-mail').fill('owner@example.com')
  await page.getByRole('textbox', { name: 'Password' }).fill('correct horse battery')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
}

// Nothing that axe calls serious is on the page; a notification that fades has any contrast, and is left
// out. Of rules that hold axe keeps no elements, and in the legacy mode it opens no page for its own end:
// that takes a third of the time. The portal has no frames of others, which that mode would not see.
export async function axe(page: Page, what: string) {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ['violations'] })
    .exclude('.mantine-Notification-root')
    .analyze()
  const serious = violations.filter((v) => v.impact === 'serious' || v.impact === 'critical')
  const told = serious.map(({ id, nodes: [node] }) => {
    return `${what}: ${id} ${node.any[0]?.message} ${node.html.slice(0, 160)}`
  })
  assert.deepEqual(told, [])
}

// Nothing of the page lies beside a narrow window, once the page is laid out anew.
export async function fitsNarrow(page: Page, what: string) {
  await page.setViewportSize({ width: 390, height: 800 })
  const overflow = () => page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  const fits = () => document.documentElement.scrollWidth <= innerWidth
  await page.waitForTimeout(250) // for what the change of the size begins
  await page.waitForFunction(fits, undefined, { timeout: 5000 }).catch(() => undefined)
  assert.ok((await overflow()) <= 0, `${what} is ${await overflow()} px too wide at 390`)
}
