// The builder's canvas: by mouse and by keyboard alone.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('builder', () => {
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
  const ids = (d: any) => d.nodes.map((n: any) => n.id).sort().join(' ')
  const ways = (d: any) => d.edges.map((e: any) => `${e.from}:${e.port}>${e.to}`).sort().join(' ')
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

  test('a flow is built from nothing by keyboard alone, published, and runs', async () => {
    const flow = await open('By keyboard')
    const key = (k: string) => page.keyboard.press(k)
    await key('/')
    await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Find a node')
    await page.keyboard.type('play')
    await page.locator('[data-combobox-selected]', { hasText: 'Play' }).waitFor()
    await key('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText('Interruptible', { exact: false }).first().waitFor()
    const field = async (name: RegExp) => { // as Tab finds it
      for (let i = 0; i < 60; i++) {
        const label = await page.evaluate(() => (document.activeElement as HTMLInputElement)?.labels?.[0]?.textContent ?? document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '')
        if (name.test(label)) return
        await key('Tab')
      }
      throw new Error(`Tab does not come to ${name}`)
    }
    await field(/^Text/)
    await page.keyboard.type('Built without a mouse.')
    await key('Escape')
    await dialog.waitFor({ state: 'detached' })
    // the start node: Tab reaches it, Enter opens it, and its port is led to the new node
    for (let i = 0; i < 80 && !(await page.evaluate(() => document.activeElement?.getAttribute('data-id') === 'start')); i++) await key('Tab')
    await key('Enter')
    await dialog.waitFor()
    await field(/^next/)
    await key('ArrowDown')
    await page.keyboard.type('play')
    await key('ArrowDown')
    await key('Enter')
    await saved(flow, 'the edge', (d) => ways(d) === 'start:next>play_1')
    await key('Escape')
    await field(/^Skip to the page$/) // over the navigation, to the buttons of the flow
    await key('Enter')
    await field(/^Publish$/)
    await key('Enter')
    await field(/^Publish now$/)
    await key('Enter')
    await page.getByText('version 1', { exact: true }).waitFor()
    await s.campaign('+18005550520', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call('+18005550520')
    const call = await s.lastCall()
    assert.ok((await s.api('GET', `/calls/${call.id}/trace`)).data.some((e: any) => e.node === 'play_1' && e.port === 'next'))
  })

  test('what is done is undone and done again', async () => {
    const flow = await open('Undo', [play('a', 260, 0)], [{ from: 'start', port: 'next', to: 'a' }])
    await page.locator('[data-id="a"]').click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill('Greeting')
    await saved(flow, 'the name', (d) => d.nodes[1].name === 'Greeting')
    await page.getByRole('dialog').getByRole('button', { name: 'Delete node' }).click()
    await saved(flow, 'the deletion', (d) => ids(d) === 'start' && d.edges.length === 0)
    await page.getByRole('button', { name: 'Undo' }).click()
    await saved(flow, 'the node, back', (d) => ids(d) === 'a start' && ways(d) === 'start:next>a' && d.nodes[1].name === 'Greeting')
    await page.keyboard.press('Control+z')
    await saved(flow, 'the name, gone', (d) => !d.nodes[1].name)
    await page.keyboard.press('Control+Shift+Z')
    await saved(flow, 'the name, again', (d) => d.nodes[1].name === 'Greeting')
    await page.getByRole('button', { name: 'Redo' }).click()
    await saved(flow, 'the deletion, again', (d) => ids(d) === 'start')
    assert.ok(await page.getByRole('button', { name: 'Redo' }).isDisabled())
  })

  test('nodes are copied within a flow and into another one', async () => {
    const flow = await open('Copy', [play('a', 260, 0), play('b', 520, 0)], [{ from: 'start', port: 'next', to: 'a' }, { from: 'a', port: 'next', to: 'b' }])
    await page.locator('.react-flow__pane').click({ position: { x: 20, y: 20 } })
    await page.keyboard.press('Control+a')
    await page.keyboard.press('Control+c')
    await page.keyboard.press('Control+v')
    await saved(flow, 'the copies', (d) => ids(d) === 'a b play_1 play_2 start')
    assert.equal(ways(await flow.draft()), 'a:next>b play_1:next>play_2 start:next>a')
    const other = await open('Copied into')
    await page.locator('.react-flow__pane').click({ position: { x: 20, y: 20 } })
    await page.keyboard.press('Control+v')
    await saved(other, 'the nodes', (d) => ids(d) === 'a b start' && ways(d) === 'a:next>b')
    await page.keyboard.press('Control+x')
    await saved(other, 'that they are cut', (d) => ids(d) === 'start')
    await page.getByRole('button', { name: 'Undo' }).click()
    await saved(other, 'that they are back', (d) => ids(d) === 'a b start')
  })

  test('a port dropped on the canvas, or a way, asks for the node that goes there', async () => {
    const flow = await open('Places', [play('a', 420, 0)], [{ from: 'start', port: 'next', to: 'a' }])
    await drag(await middle('a failed'), 60, 160)
    await page.getByPlaceholder('After a, failed').waitFor()
    await page.screenshot({ path: join(shots, 'dropped-port.png') })
    await page.getByRole('option', { name: /^Hang up/ }).click()
    await saved(flow, 'the wired node', (d) => ways(d) === 'a:failed>hangup_1 start:next>a')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Add node' }).click()
    await page.getByRole('option', { name: /^Debug/ }).dragTo(page.locator('.react-flow__pane'), { targetPosition: { x: 120, y: 500 } })
    await saved(flow, 'the dragged node', (d) => d.nodes.some((n: any) => n.id === 'debug_1'))
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Undo' }).click()
    const [p, q] = [await middle('start next'), await middle('Into a')]
    await page.mouse.click((p.x + q.x) / 2, (p.y + q.y) / 2)
    await page.getByRole('button', { name: 'Insert a node after start next' }).click()
    await page.getByRole('option', { name: /^Wait/ }).click()
    await saved(flow, 'the node between', (d) => ways(d) === 'a:failed>hangup_1 start:next>wait_1 wait_1:next>a')
    await page.keyboard.press('Escape')
    await page.screenshot({ path: join(shots, 'inserted.png') })
  })

  test('nodes are arranged along the ways, aligned, and found', async () => {
    const flow = await open('Arrange', [play('a', 0, 0), play('b', 0, 0), play('c', 0, 0)], [{ from: 'start', port: 'next', to: 'a' }, { from: 'a', port: 'next', to: 'b' }, { from: 'a', port: 'failed', to: 'c' }])
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Arrange the nodes' }).click()
    const at = (d: any) => Object.fromEntries(d.nodes.map((n: any) => [n.id, n.position]))
    await saved(flow, 'the order', (d) => at(d).start.x < at(d).a.x && at(d).a.x < at(d).b.x && at(d).b.y < at(d).c.y)
    await page.screenshot({ path: join(shots, 'arranged.png') })
    await page.keyboard.press('Control+a')
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Align at the top' }).click()
    await saved(flow, 'one line', (d) => new Set(d.nodes.map((n: any) => n.position.y)).size === 1)
    await page.keyboard.press('/')
    await page.getByRole('textbox', { name: 'Find a node' }).fill('c')
    await page.getByRole('group', { name: 'In this flow' }).getByRole('option', { name: 'c', exact: true }).click()
    await page.getByRole('dialog').getByPlaceholder('c', { exact: true }).waitFor()
  })

  test('notes and groups are drawn, move with what they hold, undo, copy, and stay when the flow is saved', async () => {
    const flow = await open('Noted', [play('a', 260, 0), play('b', 520, 0)], [{ from: 'start', port: 'next', to: 'a' }, { from: 'a', port: 'failed', to: 'b' }])
    await page.locator('.way-label', { hasText: 'failed' }).waitFor()
    assert.equal(await page.locator('.way-label').count(), 1) // the only way on is not labelled
    await page.keyboard.press('Shift+N')
    await page.locator('.note textarea:focus').waitFor()
    await page.keyboard.type('Ask legal first')
    await saved(flow, 'the note', (d) => d.notes?.[0].text === 'Ask legal first')
    await page.locator('.react-flow__pane').click({ position: { x: 20, y: 20 } })
    for (const id of ['a', 'b']) await page.locator(`[data-id="${id}"]`).click({ modifiers: ['Control'] })
    await page.keyboard.press('Control+g')
    await page.locator('.frame input:focus').waitFor()
    await page.keyboard.type('Greeting')
    await saved(flow, 'the group', (d) => d.groups?.[0].name === 'Greeting')
    const before = await flow.draft()
    assert.ok(before.groups[0].position.x < 260 && before.groups[0].width > 260)
    await page.getByRole('button', { name: 'Fit View' }).click()
    await page.waitForTimeout(400)
    const grip = (await page.locator('.frame .grip').boundingBox())!
    await drag({ x: grip.x + grip.width - 6, y: grip.y + 6 }, 66, 84)
    await saved(flow, 'what moved along', (d) => d.groups[0].position.y > before.groups[0].position.y + 20 && d.nodes[1].position.y > before.nodes[1].position.y + 20 && d.nodes[2].position.y > before.nodes[2].position.y + 20)
    const moved = await flow.draft()
    assert.deepEqual(moved.nodes[0].position, before.nodes[0].position) // start stays
    assert.equal(moved.nodes[1].position.x - before.nodes[1].position.x, moved.groups[0].position.x - before.groups[0].position.x)
    await page.screenshot({ path: join(shots, 'notes-groups.png') })
    await page.getByRole('button', { name: 'Undo' }).click()
    await saved(flow, 'where they were', (d) => d.nodes[1].position.y === before.nodes[1].position.y && d.groups[0].position.y === before.groups[0].position.y)
    await page.reload()
    await page.getByText('Ask legal first').waitFor()
    assert.equal(await page.getByLabel('Name of the group group_1').inputValue(), 'Greeting')
    assert.equal((await s.raw('POST', `/api/v1/call-flows/${flow.id}/publish`, {})).status, 200)
  })

  test('while a port is dragged, what it cannot lead to dims', async () => {
    await open('Dims', [play('a', 260, 0)])
    const a = await middle('a next')
    await page.mouse.move(a.x, a.y)
    await page.mouse.down()
    await page.mouse.move(a.x + 60, a.y + 120, { steps: 4 })
    const opacity = (id: string) => page.locator(`[data-id="${id}"]`).first().evaluate((e) => getComputedStyle(e).opacity)
    assert.deepEqual([await opacity('start'), await opacity('a')], ['0.3', '1'])
    await page.screenshot({ path: join(shots, 'dimmed.png') })
    await page.mouse.up()
    await page.keyboard.press('Escape')
    assert.equal(await opacity('start'), '1')
  })

  test('somebody else saved: theirs are taken, mine are kept as a flow, or written over, as one says', async () => {
    const flow = await open('Both', [play('a', 260, 0)])
    const theirs = (name: string) => s.api('PATCH', `/call-flows/${flow.id}`, { draft: { nodes: [start, { ...play('a', 260, 0), name }], edges: [] } })
    const mine = async (text: string) => {
      await page.locator('[data-id="a"]').click()
      await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).fill(text)
      await page.getByText('What yours would change in theirs').waitFor()
      await page.getByText('~ node a: /name').waitFor()
    }
    await theirs('theirs 1')
    await mine('mine 1')
    await page.screenshot({ path: join(shots, 'conflict.png') })
    await page.getByRole('button', { name: 'Take theirs' }).click()
    await page.locator('[data-id="a"]').getByText('theirs 1').waitFor()
    await page.getByText('Saved', { exact: true }).waitFor()
    assert.equal((await flow.draft()).nodes[1].name, 'theirs 1')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Undo' }).click()
    await saved(flow, 'mine again', (d) => d.nodes[1].name === 'mine 1')
    await theirs('theirs 2')
    await mine('mine 2')
    await page.getByRole('button', { name: 'Save mine over theirs' }).click()
    await saved(flow, 'mine', (d) => d.nodes[1].name === 'mine 2')
    await theirs('theirs 3')
    await mine('mine 3')
    await page.getByRole('button', { name: 'Keep mine as a new flow' }).click()
    await page.getByRole('heading', { name: /^Both, / }).waitFor()
    const copy = (await s.api('GET', '/call-flows')).data[0]
    assert.deepEqual([copy.draft.nodes[1].name, (await flow.draft()).nodes[1].name], ['mine 3', 'theirs 3'])
  })

  test('a real call is offered as a line for a shell, and it calls', async () => {
    const flow = await open('Called', [{ id: 'h', type: 'hangup', position: { x: 260, y: 0 }, config: { cause: 'busy' } }], [{ from: 'start', port: 'next', to: 'h' }])
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByText('choose this flow in a campaign').waitFor()
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    await s.campaign('+18005550531', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await page.reload()
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    const line = (await page.locator('code', { hasText: 'strowger call' }).textContent())!
    assert.equal(line, `strowger call 'sip:+18005550531@127.0.0.1:${s.sip}' --from '+15125550100'`)
    await s.call('+18005550531', ['--from', '+15125550100']).catch(() => {})
    assert.equal((await s.lastCall((c) => c.number === '+18005550531')).call_flow_id, flow.id)
    await page.getByRole('dialog').getByRole('button', { name: 'More' }).click()
    await page.getByRole('textbox', { name: 'Number called' }).fill('+18005550531')
    await page.getByRole('button', { name: 'Run', exact: true }).press('Enter') // it still moves while 'More' opens: a click may miss it
    await page.getByText('2 steps. The call ended.').waitFor()
    await page.screenshot({ path: join(shots, 'call-line.png') })
  })

  test('before publishing it is told what is different and who runs it', async () => {
    const flow = await open('Told', [play('a', 260, 0)], [{ from: 'start', port: 'next', to: 'a' }])
    await s.api('POST', `/call-flows/${flow.id}/publish`, {})
    await s.campaign('+18005550521', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await page.reload()
    await page.locator('[data-id="a"]').click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Text' }).fill('Another text.')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Publish' }).click()
    await page.getByText('~ node a: /config/prompt/text').waitFor()
    await page.getByText('1 campaign uses this').waitFor()
    await page.screenshot({ path: join(shots, 'publish.png') })
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText('version 2', { exact: true }).waitFor()
  })

  test('filters are drawn, and names are offered where they can be written', async () => {
    for (const name of ['state', 'status']) await s.api('POST', '/custom-tags', { name })
    const flow = await open('Names', [
      { id: 'c', type: 'condition', position: { x: 260, y: 0 }, config: { branches: [{ port: 'texas', filter: { rules: [] } }] } },
      { id: 'd', type: 'debug', position: { x: 520, y: 0 }, config: {} },
      { id: 'v', type: 'set_variable', position: { x: 780, y: 0 }, config: { assignments: [{ variable: 'rate', value: '1' }] } },
    ])
    const dialog = page.getByRole('dialog')
    await page.locator('[data-id="c"]').click()
    await dialog.getByRole('button', { name: 'Add rule' }).click()
    await dialog.getByRole('combobox', { name: 'Field of rule 1' }).fill('stat')
    await page.getByRole('option', { name: 'Tag state' }).click()
    await dialog.getByRole('combobox', { name: 'Operator of rule 1' }).click()
    await page.getByRole('option', { name: 'is one of', exact: true }).click()
    await dialog.getByLabel('Value of rule 1').fill('TX')
    await page.keyboard.press('Enter')
    await dialog.getByLabel('Value of rule 1').fill('OK')
    await page.keyboard.press('Enter')
    const rule = { field: 'tag.state', op: 'in', value: ['TX', 'OK'] }
    await saved(flow, 'the rule', (d) => JSON.stringify(d.nodes[1].config.branches[0].filter.rules) === JSON.stringify([rule]))
    await dialog.getByRole('button', { name: 'Add group' }).click()
    await dialog.getByRole('combobox', { name: 'Field of rule 1' }).nth(1).fill('var.rate')
    await dialog.getByRole('combobox', { name: 'Operator of rule 1' }).nth(1).click()
    await page.getByRole('option', { name: 'has a value', exact: true }).click()
    await dialog.getByText('Any of these').first().click()
    await saved(flow, 'the group', (d) => JSON.stringify(d.nodes[1].config.branches[0].filter) === JSON.stringify({ match: 'any', rules: [rule, { match: 'any', rules: [{ field: 'var.rate', op: 'exists' }] }] }))
    await page.screenshot({ path: join(shots, 'filter.png') })
    await dialog.getByRole('combobox', { name: 'Field of rule 1' }).first().fill('tag.nowhere')
    await dialog.getByText(/there is no tag|no field|unknown/i).first().waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click() // the next node is behind it
    await dialog.waitFor({ state: 'hidden' })
    await page.locator('[data-id="d"]').click()
    const message = dialog.getByRole('textbox', { name: 'Message' })
    await message.click()
    await page.keyboard.type('Hello [stat')
    await page.getByRole('option', { name: 'status', exact: true }).waitFor()
    await page.screenshot({ path: join(shots, 'tokens.png') })
    await page.locator('[data-combobox-selected]', { hasText: 'state' }).waitFor()
    await page.keyboard.press('Enter')
    await page.keyboard.type(', [RAT')
    await page.locator('[data-combobox-selected]', { hasText: 'rate' }).waitFor()
    await page.keyboard.press('Enter')
    await saved(flow, 'the message', (d) => d.nodes[2].config.message === 'Hello [state], [rate]')
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
