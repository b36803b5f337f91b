// Ports in the builder, drawn as people do: typed letter by letter, wired by dragging with the
// mouse.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Locator, Page } from 'playwright-core'
import { Strowger, join, until } from '../e2e/harness.ts'
import { openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('ports in the builder', () => {
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

  const start = { id: 'start', type: 'start', position: { x: 0, y: 0 }, config: {} }
  const hangup = (id: string, y: number) => ({
    id,
    type: 'hangup',
    position: { x: 520, y },
    config: {},
  })
  const goals = [hangup('a', 0), hangup('b', 140), hangup('c', 280)]
  const node = (type: string, config: object) => ({
    id: 'n',
    type,
    position: { x: 240, y: 0 },
    config,
  })
  const toN = { from: 'start', port: 'next', to: 'n' }

  interface Flow {
    id: string
    draft: () => Promise<any>
  }
  const open = async (name: string, nodes: object[], edges: object[] = [toN]): Promise<Flow> => {
    const flow = await s.api('POST', '/call-flows', {
      name,
      draft: { nodes: [start, ...nodes], edges },
    })
    await page.goto(`${s.url}/data/call-flows/${flow.id}`)
    await page.getByText('Saved', { exact: true }).waitFor()
    return { id: flow.id, draft: async () => (await s.api('GET', `/call-flows/${flow.id}`)).draft }
  }
  const saved = (flow: Flow, what: string, is: (d: any) => unknown) =>
    until(what, async () => is(await flow.draft()))
  const ways = (d: any) =>
    d.edges
      .map((e: any) => `${e.from}:${e.port}>${e.to}`)
      .sort()
      .join(' ')
  const config = (d: any) => d.nodes.find((n: any) => n.id === 'n').config
  const panel = () => page.getByRole('dialog')
  const openNode = async (id = 'n') => {
    await page.locator(`[data-id="${id}"] .head`).click()
    await panel().getByLabel('Name', { exact: true }).waitFor()
  }
  const closeNode = async () => {
    await panel().getByRole('button', { name: 'Close' }).click()
    await panel().waitFor({ state: 'detached' })
  }
  const middle = async (what: Locator) => {
    const box = (await what.boundingBox())!
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 }
  }
  const port = (label: string, id = 'n') => page.getByLabel(`${id} ${label}`, { exact: true })
  const wire = async (from: Locator, to: string) => {
    const a = await middle(from),
      b = await middle(page.locator(`[aria-label="Into ${to}"]`))
    await page.mouse.move(a.x, a.y)
    await page.mouse.down()
    await page.mouse.move((a.x + b.x) / 2, (a.y + b.y) / 2, { steps: 4 })
    await page.mouse.move(b.x, b.y, { steps: 4 })
    await page.mouse.up()
  }
  const wires = () => page.locator('.react-flow__edge-path').count()
  const option = (list: string, n: number) =>
    panel().getByRole('group', { name: `${list} ${n}`, exact: true })
  // Adds an element; its label is typed into the field that has the focus.
  const add = async (list: string, label: string) => {
    await panel()
      .getByRole('button', { name: `Add ${list}` })
      .click()
    const n = await panel()
      .getByRole('group', { name: new RegExp(`^${list} \\d+$`) })
      .count()
    await option(list, n).getByLabel('Label').and(page.locator(':focus')).waitFor()
    await page.keyboard.type(label)
    return option(list, n)
  }
  const choose = async (from: Locator, field: string, value: string) => {
    await from.getByRole('combobox', { name: field }).click()
    await page.getByRole('option', { name: value, exact: true }).click()
  }
  const publish = async (version: number) => {
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText(`version ${version}`, { exact: true }).waitFor()
  }
  const errors = () =>
    page.getByRole('list', { name: 'Problems' }).getByText('error', { exact: true }).count()

  test('three options of a menu are typed and wired at once by dragging', async () => {
    const flow = await open('Menu', [node('menu', { prompt: { text: 'Press.' } }), ...goals])
    await openNode()
    const cities: [string, string][] = [
      ['New York', '1'],
      ['Dallas', '2'],
      ['Zürich, "west"', '3'],
    ]
    for (const [label, key] of cities) await choose(await add('Options', label), 'Key', key)
    await closeNode()
    // the last one typed first, as nothing measured the node after it
    await wire(port('Zürich, "west"'), 'c')
    await wire(port('New York'), 'a')
    await wire(port('Dallas'), 'b')
    await page.waitForFunction(
      () => document.querySelectorAll('.react-flow__edge-path').length === 4,
    )
    await page.screenshot({ path: join(shots, 'ports-menu.png') })
    await saved(flow, 'three wires', (d) => d.edges.length === 4)
    const d = await flow.draft(),
      { options } = config(d)
    assert.deepEqual(
      options.map((o: any) => [o.key, o.label]),
      cities.map(([label, key]) => [key, label]),
    )
    const ids: string[] = options.map((o: any) => o.port)
    assert.equal(new Set(ids).size, 3)
    for (const id of ids) assert.match(id, /^[A-Za-z0-9_.-]{1,40}$/)
    assert.equal(
      ways(d),
      ['n', 'n', 'n']
        .map((n, i) => `${n}:${ids[i]}>${'abc'[i]}`)
        .concat('start:next>n')
        .sort()
        .join(' '),
    )
    await publish(1)
  })

  test('a goal chosen in the form for a port just typed is drawn at once', async () => {
    const flow = await open('Chosen', [node('menu', { prompt: { text: 'Press.' } }), ...goals])
    await openNode()
    await choose(await add('Options', 'Sales'), 'Key', '1')
    await panel().getByRole('combobox', { name: 'Sales' }).click()
    await page.getByRole('option', { name: 'b', exact: true }).click()
    await page.waitForFunction(
      () => document.querySelectorAll('.react-flow__edge-path').length === 2,
    )
    await page.locator('.way-label', { hasText: 'Sales' }).waitFor()
    await saved(flow, 'the wire', (d) => d.edges.length === 2)
  })

  test('branches of a condition and shares of a split are typed and wired likewise', async () => {
    for (const [type, list] of [
      ['condition', 'Branches'],
      ['split', 'Shares'],
    ] as const) {
      const flow = await open(`Of a ${type}`, [node(type, {}), ...goals])
      await openNode()
      for (const label of ['East coast', 'West']) {
        const form = await add(list, label)
        if (type === 'split') await form.getByLabel('Weight').fill('1')
        else await form.getByRole('button', { name: 'Add rule' }).click()
      }
      for (const n of type === 'condition' ? [1, 2] : []) {
        await option(list, n).getByLabel('Field of rule 1').fill('number.state')
        await option(list, n).getByLabel('Value of rule 1').fill('TX')
      }
      await closeNode()
      await wire(port('West'), 'b')
      await wire(port('East coast'), 'a')
      await saved(flow, 'both wires', (d) => d.edges.length === 3)
      assert.equal(await wires(), 3)
      await publish(1)
    }
  })

  test('a renamed port keeps its wire and id; people read its label everywhere', async () => {
    const options = [
      { key: '1', port: 'sales' },
      { key: '2', port: 'support' },
    ]
    const edges = [
      toN,
      { from: 'n', port: 'sales', to: 'a' },
      { from: 'n', port: 'support', to: 'b' },
    ]
    const flow = await open(
      'Renamed',
      [node('menu', { prompt: { text: 'Press.' }, options }), ...goals],
      edges,
    )
    await publish(1)
    await openNode()
    const label = option('Options', 1).getByLabel('Label')
    assert.equal(await label.inputValue(), 'sales') // without a label it is the id
    await label.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.type('Sales team, New York')
    await saved(flow, 'the label', (d) => config(d).options[0].label === 'Sales team, New York')
    const d = await flow.draft()
    assert.equal(config(d).options[0].port, 'sales')
    assert.deepEqual(config(d).options[1], options[1]) // what was not changed is as it was
    assert.equal(ways(d), 'n:sales>a n:support>b start:next>n')
    await panel().getByRole('combobox', { name: 'Sales team, New York' }).waitFor()
    await page.locator('.way-label', { hasText: 'Sales team, New York' }).waitFor()
    await closeNode()
    // before publishing, in a test, in the call's trace: the label; in the API: the id
    await wire(port('Sales team, New York'), 'c')
    await saved(flow, 'the new goal', (x) => ways(x).includes('n:sales>c'))
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('+ n Sales team, New York → c').waitFor()
    await page.getByText('- n sales → a').waitFor()
    await page.screenshot({ path: join(shots, 'ports-publish.png') })
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText('version 2', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByLabel('Keys pressed').fill('1')
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await panel().getByText('Sales team, New York').waitFor()
    await page.screenshot({ path: join(shots, 'ports-test.png') })
    await s.campaign('+18005550601', { execution_mode: 'call_flow', call_flow_id: flow.id })
    await s.call('+18005550601', ['--dtmf', 'ww1']).catch(() => undefined)
    const call = await s.lastCall((c) => c.number === '+18005550601')
    const trace = (await s.api('GET', `/calls/${call.id}/trace`)).data
    assert.ok(trace.some((e: any) => e.node === 'n' && e.port === 'sales'))
    await page.goto(`${s.url}/calls/${call.id}/canvas`)
    await page.getByRole('list', { name: 'Steps' }).getByText('Sales team, New York').waitFor()
    await page.goto(`${s.url}/calls/${call.id}?tab=trace`)
    await page.getByText('n → Sales team, New York').waitFor()
  })

  test('a label may be emptied, and is then what it was made with', async () => {
    const options = [{ key: '1', port: 'sales', label: 'Sales' }]
    const flow = await open('Emptied', [
      node('menu', { prompt: { text: 'Press.' }, options }),
      ...goals,
    ])
    await openNode()
    const label = option('Options', 1).getByLabel('Label')
    await label.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.press('Backspace')
    await saved(flow, 'no label', (d) => config(d).options[0].label === '')
    assert.equal(await label.inputValue(), '')
    await port('sales').waitFor()
    await page.keyboard.type('北京 '.repeat(20)) // 60 characters
    await saved(flow, 'the long label', (d) => config(d).options[0].label === '北京 '.repeat(20))
    await page.keyboard.type('x')
    await panel().getByText('must have at most 60 characters').waitFor()
    await page.keyboard.press('Backspace')
    await panel().getByText('must have at most 60 characters').waitFor({ state: 'detached' })
    await closeNode()
  })

  test('a removed option takes its wire along, and undo brings both back', async () => {
    for (const [type, list, elements] of [
      [
        'menu',
        'options',
        [
          { key: '1', port: 'x', label: 'East' },
          { key: '2', port: 'y', label: 'West' },
        ],
      ],
      [
        'condition',
        'branches',
        [
          { port: 'x', label: 'East', filter: { rules: [] } },
          { port: 'y', label: 'West', filter: { rules: [] } },
        ],
      ],
      [
        'split',
        'shares',
        [
          { port: 'x', label: 'East', weight: 1 },
          { port: 'y', label: 'West', weight: 1 },
        ],
      ],
    ] as const) {
      const title = list[0]!.toUpperCase() + list.slice(1)
      const own = type === 'menu' ? { prompt: { text: 'Press.' } } : {}
      const edges = [toN, { from: 'n', port: 'x', to: 'a' }, { from: 'n', port: 'y', to: 'b' }]
      const flow = await open(
        `Removed from a ${type}`,
        [node(type, { ...own, [list]: elements }), ...goals],
        edges,
      )
      await openNode()
      await panel()
        .getByRole('button', { name: `Remove ${title} 1` })
        .click()
      await saved(
        flow,
        'the removal',
        (d) => config(d)[list].length === 1 && ways(d) === 'n:y>b start:next>n',
      )
      assert.equal(await wires(), 2)
      await closeNode()
      await page.keyboard.press('Control+z')
      await saved(
        flow,
        'both again',
        (d) => config(d)[list].length === 2 && ways(d) === 'n:x>a n:y>b start:next>n',
      )
      await page.waitForFunction(
        () => document.querySelectorAll('.react-flow__edge-path').length === 3,
      )
      await page.keyboard.press('Control+Shift+z')
      await saved(
        flow,
        'neither',
        (d) => config(d)[list].length === 1 && ways(d) === 'n:y>b start:next>n',
      )
      assert.equal(await errors(), 0)
      // a new one does not come with the wire of the one before it
      await openNode()
      const form = await add(title, 'North')
      if (type === 'menu') await choose(form, 'Key', '5')
      if (type === 'split') await form.getByLabel('Weight').fill('2')
      if (type === 'condition') await form.getByRole('button', { name: 'Add rule' }).click()
      await saved(flow, 'the new one', (d) => config(d)[list].length === 2 && d.edges.length === 2)
      if (type === 'condition') await panel().getByRole('button', { name: 'Remove rule 1' }).click()
      await closeNode()
      await publish(1)
    }
  })

  test('ports of a script keep their wires while they are renamed', async () => {
    const own = { code: 'return {}', ports: ['goo', 'sold'] }
    const edges = [toN, { from: 'n', port: 'goo', to: 'a' }, { from: 'n', port: 'sold', to: 'b' }]
    const flow = await open('Script', [node('javascript', own), ...goals], edges)
    await openNode()
    await panel().getByLabel('Ports').click()
    await page.keyboard.type('late')
    await page.keyboard.press('Enter')
    await saved(flow, 'the new port', (d) => config(d).ports.join() === 'goo,sold,late')
    const second = panel().getByRole('textbox', { name: 'Port 2' })
    await second.click()
    await page.keyboard.press('Control+a')
    await page.keyboard.type('goo')
    await panel().getByText('Another port has this name. It is still called go.').waitFor()
    await page.keyboard.type('d')
    await saved(flow, 'the new name', (d) => config(d).ports.join() === 'goo,good,late')
    assert.equal(ways(await flow.draft()), 'n:goo>a n:good>b start:next>n')
    for (const [name, problem] of [
      ['error', 'Every script has the port error'],
      ['a b', 'Use 1 to 40 letters'],
    ] as const) {
      await second.fill(name)
      await panel().getByText(problem).waitFor()
    }
    await second.fill('good')
    await panel().getByRole('button', { name: 'Remove port 1' }).click()
    await saved(flow, 'the removal', (d) => ways(d) === 'n:good>b start:next>n')
    await closeNode()
    await wire(port('late'), 'c')
    await saved(
      flow,
      'the wire of the typed one',
      (d) => ways(d) === 'n:good>b n:late>c start:next>n',
    )
    await page.keyboard.press('Control+z')
    await page.keyboard.press('Control+z')
    await saved(flow, 'all of it again', (d) => ways(d) === 'n:goo>a n:good>b start:next>n')
    assert.equal(await errors(), 0)
  })

  test('wires of ports that a loaded flow lacks are listed, and removed there', async () => {
    const options = [{ key: '1', port: 'option_1', label: 'Sales' }]
    const gone = [
      { from: 'n', port: 'old', to: 'a' },
      { from: 'n', port: 'older', to: 'b' },
    ]
    const odd = [
      { from: 'n', port: 'option_1', to: 'a' },
      { from: 'n', port: 'option_1', to: 'b' },
      { from: 'x', port: 'next', to: 'a' },
    ]
    const flow = await open(
      'Loaded',
      [node('menu', { prompt: { text: 'Press.' }, options }), ...goals],
      [toN, ...gone, ...odd],
    )
    const problems = page.getByRole('list', { name: 'Problems' })
    await problems.getByText('There is no port "older"').waitFor()
    assert.equal(await errors(), 4)
    assert.ok(await page.getByRole('button', { name: 'Publish', exact: true }).isDisabled())
    await page.screenshot({ path: join(shots, 'ports-gone.png') })
    // an option that is added meanwhile does not get one of them
    await openNode()
    await choose(await add('Options', 'New'), 'Key', '2')
    await closeNode()
    await problems
      .getByRole('listitem')
      .filter({ hasText: 'There is no port "older"' })
      .getByRole('button', { name: 'Remove' })
      .click()
    await saved(flow, 'one less', (d) => !ways(d).includes('older') && ways(d).includes('n:old>a'))
    await page.keyboard.press('Control+z')
    await saved(flow, 'it is back', (d) => ways(d).includes('older'))
    for (let n = 4; n > 0; n--) {
      await until(`${n} errors`, async () => (await errors()) === n)
      await problems.getByRole('button', { name: 'Remove' }).first().click()
    }
    await saved(flow, 'only what is drawn', (d) => ways(d) === 'n:option_1>a start:next>n')
    assert.equal(await wires(), 2)
    await publish(1)
  })

  test('an id that the server refuses is replaced when its label is changed', async () => {
    const options = [{ key: '1', port: 'New York' }, { key: '2' }, { key: '3', port: 'invalid' }]
    const edges = [toN, { from: 'n', port: 'New York', to: 'a' }]
    const flow = await open(
      'Refused ids',
      [node('menu', { prompt: { text: 'Press.' }, options }), ...goals],
      edges,
    )
    await openNode()
    await panel().getByText("may only have letters, digits, '_', '-' and '.'").waitFor()
    for (const n of [1, 2, 3]) {
      await option('Options', n).getByLabel('Label').click()
      await page.keyboard.press('End')
      await page.keyboard.type('!')
    }
    await saved(
      flow,
      'the labels',
      (d) =>
        config(d)
          .options.map((o: any) => o.label)
          .join() === 'New York!,!,invalid!',
    )
    const ids = config(await flow.draft()).options.map((o: any) => o.port)
    assert.equal(new Set(ids).size, 3)
    assert.equal(ways(await flow.draft()), `n:${ids[0]}>a start:next>n`)
    await closeNode()
    await until('no error', async () => (await errors()) === 0)
  })

  test('pasted nodes come without wires of ports that they do not have', async () => {
    const flow = await open('Pasted', [], [])
    const part = {
      nodes: [
        {
          id: 'm',
          type: 'split',
          position: { x: 0, y: 120 },
          config: { shares: [{ port: 'x', weight: 1 }] },
        },
        { id: 'h', type: 'hangup', position: { x: 300, y: 120 }, config: {} },
      ],
      edges: [
        { from: 'm', port: 'x', to: 'h' },
        { from: 'm', port: 'y', to: 'h' },
      ],
    }
    await page.locator('.react-flow__pane').click({ position: { x: 20, y: 20 } })
    await page.evaluate((text) => navigator.clipboard.writeText(text), JSON.stringify(part))
    await page.keyboard.press('Control+v')
    await saved(flow, 'the nodes', (d) => d.nodes.length === 3)
    assert.equal(
      (await flow.draft()).edges
        .filter((e: any) => e.from === 'm')
        .map((e: any) => e.port)
        .join(),
      'x',
    )
    assert.equal(await errors(), 0)
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
