// The builder's canvas with a live call and with a large flow.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('builder: live calls and large flows', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    portal = await openBrowser(s, 1440, 860)
    page = portal.page
    await signIn(page)
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })

  const play = (id: string, x: number, y: number) => ({ id, type: 'play', position: { x, y }, config: { prompt: { text: `I am ${id}.` } } })
  const start = { id: 'start', type: 'start', position: { x: 0, y: 0 }, config: {} }
  const open = async (name: string, nodes: object[] = [], edges: object[] = []) => {
    const flow = await s.api('POST', '/call-flows', { name, draft: { nodes: [start, ...nodes], edges } })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    return { id: flow.id, draft: async () => (await s.api('GET', `/call-flows/${flow.id}`)).draft }
  }
  const saved = (flow: { draft: () => Promise<any> }, what: string, is: (d: any) => unknown) => until(what, async () => is(await flow.draft()))
  const middle = async (label: string) => {
    const b = (await page.locator(`[aria-label="${label}"]`).boundingBox())!
    return { x: b.x + b.width / 2, y: b.y + b.height / 2 }
  }
  const drag = async (from: { x: number; y: number }, dx: number, dy: number) => {
    await page.mouse.move(from.x, from.y)
    await page.mouse.down()
    await page.mouse.move(from.x + dx, from.y + dy, { steps: 6 })
    await page.mouse.up()
  }

  test('a live call is watched on the canvas, a past one shown, and the numbers of all', async () => {
    const flow = await open('Watched', [{ id: 'w', type: 'wait', position: { x: 260, y: 0 }, config: { seconds: 4 } }, { id: 'd', type: 'debug', position: { x: 520, y: 0 }, config: { message: 'waited' } }], [{ from: 'start', port: 'next', to: 'w' }, { from: 'w', port: 'next', to: 'd' }])
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    await s.campaign('+18005550522', { execution_mode: 'call_flow', call_flow_id: flow.id })
    const calling = s.call('+18005550522')
    const live = await until('the call', async () => (await s.api('GET', '/calls?status=active')).data[0])
    await page.goto(`${s.url}/calls/${live.id}`)
    await page.getByRole('link', { name: 'Watch it on the canvas' }).click()
    await page.getByText('In progress', { exact: true }).waitFor()
    await page.locator('[data-id="w"] .step.live').waitFor()
    await page.screenshot({ path: join(shots, 'live-call.png') })
    await page.getByRole('list', { name: 'Steps' }).getByText('waited').waitFor()
    await page.getByText('In progress', { exact: true }).waitFor({ state: 'detached' })
    await calling
    await page.getByRole('button', { name: 'd', exact: true }).click()
    assert.equal(await page.locator('.react-flow__edge.animated').count(), 2)
    await page.screenshot({ path: join(shots, 'call-canvas.png') })
    await page.getByRole('link', { name: 'The flow' }).click()
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Numbers of the calls that ran it' }).click()
    await page.getByText(/^1 in \(100 %\) · 0 hung up · p95 4\.\d s$/).waitFor()
    await page.screenshot({ path: join(shots, 'numbers.png') })
  })

  test('a large flow is a sketch from far, and whole from near', async () => {
    const nodes = Array.from({ length: 300 }, (_, i) => play(`p${i}`, 260 * (i % 20 + 1), 140 * Math.floor(i / 20)))
    const flow = await open('Large', nodes, nodes.map((n, i) => ({ from: i ? nodes[i - 1].id : 'start', port: 'next', to: n.id })))
    const bow = page.locator('.sketch path'), ports = page.locator('.react-flow__handle')
    await bow.first().waitFor({ state: 'attached' })
    assert.deepEqual([await page.locator('.step').count(), await ports.count(), await page.locator('.react-flow__edge').count()], [301, 0, 0])
    assert.equal((await bow.first().getAttribute('d'))!.match(/M/g)!.length, 300)
    await page.screenshot({ path: join(shots, 'large.png') })
    // it is edited there, too
    const box = (await page.locator('[data-id="p110"]').boundingBox())!
    await drag({ x: box.x + box.width / 2, y: box.y + box.height / 2 }, 0, 150)
    await saved(flow, 'the new place', (d) => d.nodes.find((n: any) => n.id === 'p110').position.y > 800)
    await page.locator('[data-id="p50"]').click()
    await page.keyboard.press('Escape')
    await page.locator('[data-id="p50"]').focus()
    await page.keyboard.press('Delete')
    await saved(flow, 'no node and none of its ways', (d) => d.nodes.length === 300 && d.edges.length === 298)
    await page.keyboard.press('Control+z')
    await saved(flow, 'all of them again', (d) => d.nodes.length === 301 && d.edges.length === 300)
    // near, only what is seen is drawn, with ways to what is not
    await page.keyboard.press('/')
    await page.getByLabel('Find a node').fill('p110')
    await page.getByRole('option', { name: 'p110' }).click()
    await page.locator('[aria-label="p110 next"]').waitFor()
    await page.keyboard.press('Escape')
    assert.equal(await bow.count(), 0)
    assert.ok((await page.locator('.step').count()) < 60)
    await page.locator('.react-flow__edge[data-id="p110:next"]').waitFor()
    await page.screenshot({ path: join(shots, 'large-near.png') })
    await drag(await middle('p170 failed'), 30, 6)
    await page.getByPlaceholder('After p170, failed').waitFor()
    await page.keyboard.press('Escape')
  })

  test('leaving saves what is not saved yet', async () => {
    const flow = await open('Left', [play('a', 260, 0)])
    await page.locator('[data-id="a"]').click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Kept')
    await page.getByRole('link', { name: 'Targets', exact: true }).click()
    await page.getByRole('heading', { name: 'Targets' }).waitFor()
    assert.equal((await flow.draft()).nodes[1].name, 'Kept')
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
