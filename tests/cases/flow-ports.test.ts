// Ports of a call flow: an id that edges name, and a label that people read; and publishing what
// was seen.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'

describe('ports of a call flow', () => {
  let s: Strowger
  before(async () => {
    s = await Strowger.start()
  })
  after(() => s.stop())

  const start = { id: 'start', type: 'start', config: {} }
  const menu = (options: object[]) => ({
    id: 'm',
    type: 'menu',
    config: { prompt: { text: 'Press.' }, options },
  })
  const toMenu = { from: 'start', port: 'next', to: 'm' }
  const make = (name: string, nodes: object[], edges: object[]) =>
    s.api('POST', '/call-flows', { name, draft: { nodes: [start, ...nodes], edges } })

  test('a label is read by people, the id by edges, traces and simulations', async () => {
    const options = [
      { key: '1', port: 'option_1', label: 'New York' },
      { key: '2', port: 'sales' },
    ]
    const hangup = { id: 'h', type: 'hangup', config: {} }
    const flow = await make(
      'Labelled',
      [menu(options), hangup],
      [toMenu, { from: 'm', port: 'option_1', to: 'h' }],
    )
    const { ok, problems } = await s.api('POST', `/call-flows/${flow.id}/check`)
    assert.equal(ok, true)
    assert.deepEqual(problems.map((p: any) => p.detail).sort(), [
      'port "invalid" is not connected: the call ends there',
      'port "no input" is not connected: the call ends there',
      'port "sales" is not connected: the call ends there',
    ])
    const report = await s.api('POST', `/call-flows/${flow.id}/simulate`, { digits: ['1'] })
    assert.deepEqual(
      report.steps.map((e: any) => [e.node, e.port]),
      [
        ['start', 'next'],
        ['m', 'option_1'],
        ['h', null],
      ],
    )
    await s.api('PATCH', `/call-flows/${flow.id}`, {
      draft: { nodes: [start, menu(options)], edges: [toMenu] },
    })
    const unwired = await s.api('POST', `/call-flows/${flow.id}/check`)
    assert.ok(
      unwired.problems.some((p: any) => p.detail.startsWith('port "New York" is not connected')),
    )
    const exported = await s.api('GET', `/call-flows/${flow.id}/export`)
    assert.deepEqual(exported.nodes[1].config.options, options)
  })

  test('a label may have 60 characters of any script, and be left out or null', async () => {
    for (const label of [
      '北'.repeat(60),
      'é'.repeat(60),
      '📞'.repeat(60),
      'New York',
      '',
      null,
      undefined,
    ]) {
      const flow = await make(
        `Label ${String(label)}`.slice(0, 20),
        [menu([{ key: '1', port: 'a', label }])],
        [toMenu],
      )
      assert.equal((await s.api('POST', `/call-flows/${flow.id}/check`)).ok, true, String(label))
      await s.api('DELETE', `/call-flows/${flow.id}`)
    }
    for (const [label, detail] of [
      ['北'.repeat(61), 'must have at most 60 characters'],
      [5, 'must be a string'],
    ] as const) {
      const flow = await make('Too much', [menu([{ key: '1', port: 'a', label }])], [toMenu])
      const { ok, problems } = await s.api('POST', `/call-flows/${flow.id}/check`)
      const wrong = problems.find((p: any) => p.severity === 'error')
      assert.deepEqual(
        [ok, wrong.pointer, wrong.detail],
        [false, '/nodes/1/config/options/0/label', detail],
      )
      await s.api('DELETE', `/call-flows/${flow.id}`)
    }
  })

  test('an edge of a port that is gone is pointed at, so that it can be removed', async () => {
    const flow = await make(
      'Gone',
      [menu([{ key: '1', port: 'a' }])],
      [toMenu, { from: 'm', port: 'sales', to: 'm' }],
    )
    const { problems } = await s.api('POST', `/call-flows/${flow.id}/check`)
    const [wrong] = problems.filter((p: any) => p.severity === 'error')
    assert.deepEqual([wrong.code, wrong.node, wrong.pointer], ['edge', 'm', '/edges/1'])
    assert.match(wrong.detail, /^there is no port "sales": remove this edge/)
  })

  test('publishing with If-Match publishes the draft that was seen, or nothing', async () => {
    const flow = await make('Seen', [], [])
    const read = () => s.raw('GET', `/api/v1/call-flows/${flow.id}`)
    const seen = (await read()).headers.get('etag')!
    await s.api('PATCH', `/call-flows/${flow.id}`, { description: 'somebody else' })
    const publish = (etag: string) =>
      s.raw('POST', `/api/v1/call-flows/${flow.id}/publish`, {}, { 'if-match': etag })
    assert.equal((await publish(seen)).status, 412)
    assert.equal((await s.api('GET', `/call-flows/${flow.id}`)).published_version, null)
    const published = await publish((await read()).headers.get('etag')!)
    assert.equal(published.status, 200)
    assert.equal(published.headers.get('etag'), (await read()).headers.get('etag'))
    const back = { version: 1 },
      stale = { 'if-match': seen }
    assert.equal(
      (await s.raw('POST', `/api/v1/call-flows/${flow.id}/rollback`, back, stale)).status,
      412,
    )
    assert.equal((await s.raw('POST', `/api/v1/call-flows/${flow.id}/publish`, {})).status, 200)
  })

  test('the description of an imported document is kept, and exported', async () => {
    const document = {
      name: 'Described',
      description: 'Asks for a key.',
      nodes: [start],
      edges: [],
    }
    const flow = await s.api('POST', '/call-flows/import', document)
    assert.equal(flow.description, 'Asks for a key.')
    assert.deepEqual(Object.keys(flow.draft).sort(), ['edges', 'nodes'])
    assert.equal(
      (await s.api('GET', `/call-flows/${flow.id}/export`)).description,
      'Asks for a key.',
    )
    const refused = await s.raw('POST', '/api/v1/call-flows/import', {
      ...document,
      name: 'Other',
      description: 5,
    })
    assert.equal(refused.status, 422)
    assert.equal(((await refused.json()) as any).errors[0].pointer, '/description')
  })
})
