// The five-minute tour of README.md, step by step, as its reader would take it: only the ports are others.
import assert from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { binary, freePort, join, root, until, usePostgres } from '../e2e/harness.ts'
import { openBrowser, type Portal } from './browser.ts'
import { connect, follow, stepsOf, type Step } from './steps.ts'

const run = promisify(execFile)

describe('the five-minute tour', { skip: usePostgres && 'the demo is on SQLite' }, () => {
  const steps = stepsOf('README.md', 'Five-minute tour')
  const dir = mkdtempSync(join(tmpdir(), 'strowger-tour-'))
  const env: NodeJS.ProcessEnv = { ...process.env, ASAN_OPTIONS: 'detect_leaks=0', STROWGER_BINARY: binary }
  let [http, sip, out] = [0, 0, '']
  let demo: ChildProcess
  let portal: Portal
  let page: Page
  before(async () => {
    ;[http, sip] = [await freePort(), await freePort()]
    // What `make run` runs once it has built, in a tree that has no more than it needs.
    for (const folder of ['scripts', 'build']) mkdirSync(join(dir, folder))
    copyFileSync(join(root, 'scripts/run'), join(dir, 'scripts/run'))
    symlinkSync(join(root, 'docs'), join(dir, 'docs'))
    symlinkSync(binary, join(dir, 'build/strowger'))
    const places = { STROWGER_HTTP: `127.0.0.1:${http}`, STROWGER_SIP: `udp:127.0.0.1:${sip},tcp:127.0.0.1:${sip}` }
    demo = spawn(join(dir, 'scripts/run'), { cwd: dir, env: { ...env, ...places, STROWGER_DATA: join(dir, 'demo') } })
    demo.stdout!.on('data', (d) => (out += d))
    demo.stderr!.on('data', (d) => (out += d))
    process.once('exit', () => demo.kill('SIGTERM'))
    await until('the demo to serve', () => {
      if (demo.exitCode !== null) throw new Error(out)
      return out.includes('Stop with Ctrl-C')
    }, 90_000)
    portal = await openBrowser({ url: `http://127.0.0.1:${http}` }, 1440, 900)
    page = portal.page
  })
  after(async () => {
    await portal?.browser.close()
    const ended = new Promise((r) => demo.once('exit', r))
    demo.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  })
  const here = (text: string) => text.replaceAll('8080', String(http)).replaceAll('5060', String(sip))
  const command = (line: string, more: NodeJS.ProcessEnv = {}) =>
    run('sh', ['-c', here(line)], { cwd: dir, env: { ...env, ...more } })
  const take = (number: number, walk: (step: Step) => Promise<void>) =>
    test(`step ${number}`, async () => {
      await walk(steps[number - 1])
      steps[number - 1].done()
    })

  test('it has the steps that are taken here', () => assert.equal(steps.length, 7))

  take(1, async (step) => {
    const [make, email, password] = step.codes
    assert.equal(make, 'make run')
    const [address] = /http:\S+/.exec(step.text)!
    await page.goto(here(address))
    await page.getByLabel('E-mail').fill(email)
    await page.getByRole('textbox', { name: 'Password' }).fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  })

  take(2, async (step) => {
    await follow(page, step.paths[0])
    await page.getByRole('link', step.name('Demo intake')).click()
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.locator('[data-id="welcome"]').click()
    await page.getByRole('dialog').getByRole('textbox', { name: 'Name' }).waitFor()
    await page.keyboard.press('Escape')
  })

  take(3, async (step) => {
    await page.getByRole('button', { name: step.name('Add node').name }).click() // its key is in its name, too
    const { name } = step.name('Play')
    await page.getByRole('option', { name: new RegExp(`^${name}`) }).click()
    const panel = page.getByRole('dialog')
    await panel.getByRole('textbox', step.name('Text')).fill('This is the tour.')
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'hidden' })
    await page.getByRole('button', { name: 'Fit View' }).click()
    await connect(page, 'thanks next', 'Into play_1')
    await page.getByText('Saved', { exact: true }).waitFor()
    await page.getByRole('button', step.name('Test')).click()
    await page.getByRole('button', { name: 'Run', exact: true }).click()
    await page.getByText(/The call ended/).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('button', step.name('Publish')).click()
    await page.getByRole('button', { name: 'Publish now' }).click()
    await page.getByText('version 2', { exact: true }).waitFor()
  })

  take(4, async (step) => {
    await follow(page, step.paths[0])
    const mode = page.getByRole('radiogroup', step.name('Execution Mode'))
    assert.ok(await mode.getByRole('radio', step.name('Call Flow')).isChecked())
    await mode.getByRole('radio', step.name('Routing Plan')).waitFor()
  })

  take(5, async (step) => {
    const { stdout } = await command(step.codes[0])
    assert.equal(JSON.parse(stdout).status, 200)
  })

  take(6, async (step) => {
    await follow(page, step.paths[0])
    await page.getByRole('main').getByRole('row').nth(1).getByRole('link').first().click()
    for (const name of ['Tags', 'Attempts', 'Events', 'Trace']) await page.getByRole('tab', step.name(name)).click()
    await page.getByText('Play 1 → next').waitFor() // the call ran the version of step 3
  })

  take(7, async (step) => {
    await follow(page, step.paths[0])
    await page.getByRole('button', step.name('Show the URL')).click()
    const url = (await page.locator('code', { hasText: /^http\S+\/call-data\?key=/ }).first().textContent())!
    const { stdout } = await command(step.codes[0], { URL: url })
    assert.match(stdout, /"status":"(matched|pending)"/)
  })
})
