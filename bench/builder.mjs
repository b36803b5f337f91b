// builder.mjs URL KEY PASSWORD: a call flow of 1,000 nodes in Chromium: how long it takes to open, and the frames while it is moved.
import { createRequire } from 'node:module'
const { chromium } = createRequire(new URL('../tests/package.json', import.meta.url))('playwright-core')

const [url, key, password] = process.argv.slice(2)
const nodes = [{ id: 'start', type: 'start', position: { x: 0, y: 0 }, config: {} }]
const edges = []
for (let i = 1; i < 1000; i++) {
  // every third one has branches
  const branches = i % 3 ? null : ['TX', 'CA', 'NY'].map((value) => ({ port: value, filter: { rules: [{ field: 'call.caller_id', op: 'equals', value }] } }))
  nodes.push({ id: `n${i}`, position: { x: 260 * (i % 40), y: 190 * Math.floor(i / 40) }, ...(branches ? { type: 'condition', config: { branches } } : { type: 'debug', config: { message: `I am node ${i}` } }) })
  const before = i - 1
  edges.push({ from: before ? `n${before}` : 'start', port: before && before % 3 === 0 ? 'else' : 'next', to: `n${i}` })
  if (branches && i < 900) for (const [k, b] of branches.entries()) edges.push({ from: `n${i}`, port: b.port, to: `n${i + 40 * (k + 1) > 999 ? i + 1 : i + 40 * (k + 1)}` })
}
const made = await fetch(`${url}/api/v1/call-flows`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify({ name: 'Large', draft: { nodes, edges } }) })
const { id } = await made.json()

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] })
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 860 } })
  await page.goto(url)
  await page.getByLabel('E-mail').fill('b@example.com')
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  const opened = []
  for (let i = 0; i < 3; i++) {
    await page.goto(`${url}/data/call-flows`)
    await page.locator(`a[href$="${id}"]`).waitFor()
    const began = Date.now()
    await page.locator(`a[href$="${id}"]`).click()
    await page.locator('.react-flow__node').nth(100).waitFor()
    opened.push(Date.now() - began)
  }
  const frames = async (move) => {
    await page.evaluate(() => {
      window.frames_ = []
      let last = performance.now()
      const tick = (now) => {
        window.frames_.push(now - last)
        last = now
        window.ticking_ = requestAnimationFrame(tick)
      }
      window.ticking_ = requestAnimationFrame(tick)
    })
    await move()
    return page.evaluate(() => {
      cancelAnimationFrame(window.ticking_)
      const sorted = window.frames_.slice(2).sort((a, b) => a - b)
      return { median: sorted[Math.floor(sorted.length / 2)], p95: sorted[Math.floor(sorted.length * 0.95)], frames: sorted.length }
    })
  }
  await page.mouse.move(700, 450)
  await page.waitForTimeout(800)
  const drag = async (x, y) => {
    await page.mouse.move(x, y)
    await page.mouse.down()
    for (let i = 0; i < 240; i++) await page.mouse.move(x - i * 1.5, y + Math.round(60 * Math.sin(i / 32)))
    await page.mouse.up()
  }
  const results = { open_ms: opened.sort((a, b) => a - b)[1] }
  const empty = await page.evaluate(() => { // a place with no node
    for (let x = 400; x < 1300; x += 7) for (let y = 150; y < 700; y += 7) if (document.elementFromPoint(x, y)?.classList.contains('react-flow__pane')) return { x, y }
    return { x: 700, y: 450 }
  })
  results.pan = await frames(() => drag(empty.x, empty.y))
  results.zoom = await frames(async () => { for (let i = 0; i < 30; i++) await page.mouse.wheel(0, i % 10 < 5 ? 60 : -60) })
  const drawn = page.locator('.react-flow__node')
  await page.getByRole('button', { name: 'Fit View' }).click()
  await page.waitForTimeout(500)
  const node = await page.locator('[data-id="n500"]').boundingBox() // in the middle
  results.nodes_drawn = await drawn.count()
  results.drag = await frames(() => drag(node.x + node.width / 2, node.y + node.height / 2))
  // nodes that can be read: the borders of what is drawn are crossed
  await page.getByRole('button', { name: 'Fit View' }).click()
  await page.waitForTimeout(500)
  await page.mouse.move(800, 400)
  results.zoom_in = await frames(async () => { for (let i = 0; i < 80 && (await page.locator('.react-flow__viewport').evaluate((v) => new DOMMatrixReadOnly(getComputedStyle(v).transform).a)) < 0.8; i++) await page.mouse.wheel(0, -60) })
  await page.waitForTimeout(800)
  const place = await page.evaluate(() => {
    for (let x = 900; x < 1300; x += 3) for (let y = 150; y < 700; y += 3) if (document.elementFromPoint(x, y)?.classList.contains('react-flow__pane')) return { x, y }
  })
  results.near_pan = await frames(() => drag(place.x, place.y))
  results.near_drawn = await drawn.count()
  console.log(JSON.stringify(results))
} finally {
  await browser.close()
}
