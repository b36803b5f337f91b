// What the documentation promises is so: node pages are made from the descriptors, recipes can be imported and do what they say.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { Strowger, binary, join, root, usePostgres } from './harness.ts'

test('every problem that the static checks can tell is in the concepts', { skip: usePostgres }, () => {
  const source = (dir: string): string => readdirSync(dir, { withFileTypes: true }).map((e) => (e.isDirectory() ? source(join(dir, e.name)) : readFileSync(join(dir, e.name), 'utf8'))).join('\n')
  const codes = [...source(join(root, 'src/flow')).matchAll(/flow_problem\([^;]*?(?:true|false), "([a-z_]+)"/g)].map((m) => m[1])
  assert.ok(codes.length > 20)
  const table = readFileSync(join(root, 'docs/concepts.md'), 'utf8').split('## Static checks')[1].split('\n## ')[0]
  for (const code of new Set(codes)) assert.match(table, new RegExp(`^\\| [a-z_, ]*\\b${code}\\b`, 'm'), code)
})

test('the pages of the node types are what scripts/docs makes of the descriptors', { skip: usePostgres }, () => {
  const made = mkdtempSync(join(tmpdir(), 'strowger-docs-'))
  execFileSync(join(root, 'scripts/docs'), [made], { env: { ...process.env, STROWGER_BINARY: binary, ASAN_OPTIONS: 'detect_leaks=0' } })
  const kept = join(root, 'docs/nodes')
  assert.deepEqual(readdirSync(kept).sort(), readdirSync(made).sort())
  for (const f of readdirSync(made)) assert.equal(readFileSync(join(kept, f), 'utf8'), readFileSync(join(made, f), 'utf8'), `${f}: run scripts/docs`)
  rmSync(made, { recursive: true })
})

test('the node type that the documentation adds compiles', { skip: usePostgres }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'strowger-node-'))
  const file = join(dir, 'state_check.c')
  const [, code] = /```c\n([^]*?)```/.exec(readFileSync(join(root, 'docs/adding-a-node-type.md'), 'utf8'))!
  writeFileSync(file, code)
  execFileSync('cc', ['-std=c17', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-I', join(root, 'src'), '-c', '-o', join(dir, 'x.o'), file], { stdio: 'inherit' })
  rmSync(dir, { recursive: true })
})

describe('the cookbook', { skip: usePostgres }, () => {
  let s: Strowger
  const folder = join(root, 'docs/cookbook')
  const recipes = readdirSync(folder).filter((f) => f.endsWith('.json') && !f.endsWith('.test.json'))
  before(async () => {
    s = await Strowger.start()
    for (const name of ['Sales', 'Concierge', 'Premium buyers']) await s.plan(name, [{ uri: 'sip:buyer@127.0.0.1' }])
    for (const name of ['state', 'variant', 'crm_id', 'zip']) await s.api('POST', '/custom-tags', { name })
    await s.api('POST', '/custom-tags', { name: 'score', type: 'number' })
  })
  after(() => s.stop())

  for (const file of recipes)
    test(`${file} is imported, published, and takes the paths it says`, async () => {
      const flow = await s.api('POST', '/call-flows/import', JSON.parse(readFileSync(join(folder, file), 'utf8')))
      assert.equal((await s.api('POST', `/call-flows/${flow.id}/publish`, { note: 'cookbook' })).version, 1)
      const scripts = JSON.parse(readFileSync(join(folder, file.replace('.json', '.test.json')), 'utf8'))
      assert.ok(scripts.length >= 3)
      for (const { path, ...script } of scripts) {
        const r = await s.api('POST', `/call-flows/${flow.id}/simulate`, { ...script, version: 1 })
        assert.equal(r.steps.map((e: any) => `${e.node}>${e.port ?? ''}`).join(' '), path, JSON.stringify(script))
      }
    })

  test('has every recipe in its table', () => {
    const text = readFileSync(join(folder, 'README.md'), 'utf8')
    for (const file of recipes) assert.ok(text.includes(`(${file})`), file)
    assert.ok(recipes.length >= 6)
  })
})
