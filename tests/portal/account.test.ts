// What users change of their own: the password, and the browsers that are signed in.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { Strowger, join } from '../e2e/harness.ts'
import { axe, fitsNarrow, openBrowser, shots, signIn, type Portal } from './browser.ts'

const PASSWORD = 'correct horse battery'
const OTHER = 'staple battery horse 7'

// RFC 6238
function totp(secret: string) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g)!.map((b) => parseInt(b, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)))
  const hash = createHmac('sha1', key).update(counter).digest()
  const number = hash.readUInt32BE(hash[19]! & 15) & 0x7fffffff
  return String(number % 1000000).padStart(6, '0')
}

describe('portal: the account', () => {
  let s: Strowger
  let portal: Portal
  let page: Page
  before(async () => {
    s = await Strowger.start()
    const newcomer = { email: 'new@example.com', name: 'New', role: 'manager', password: PASSWORD }
    await s.asOwner('POST', '/users', newcomer)
    portal = await openBrowser(s, 1280, 900)
    page = portal.page
    await signIn(page)
    await page.getByRole('button', { name: 'User menu, owner@example.com' }).click()
    await page.getByRole('menuitem', { name: 'Your account' }).click()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
  })
  after(async () => {
    await portal.browser.close()
    await s.stop()
  })
  const field = (name: string) => page.getByRole('textbox', { name })
  const change = async (current: string, password: string) => {
    await field('Current password').fill(current)
    await field('New password').fill(password)
    await page.getByRole('button', { name: 'Change password' }).click()
  }
  const elsewhere = (password: string) =>
    fetch(`${s.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: 'owner@example.com', password }),
    })
  const lines = () => page.getByRole('table').getByRole('row')

  test('another browser is listed, and can be signed out', async () => {
    assert.equal((await elsewhere(PASSWORD)).status, 200)
    await page.reload()
    await lines().nth(2).waitFor()
    await axe(page, 'the account')
    await page.screenshot({ path: join(shots, 'account.png') })
    assert.equal(await page.getByText('This browser').count(), 1)
    const others = page.getByRole('table').getByRole('button', { name: 'Sign out' })
    for (let left = await others.count(); left; left--) {
      await others.first().click()
      await others.nth(left - 1).waitFor({ state: 'detached' })
    }
    await page.getByText('This browser').waitFor()
  })

  test('a wrong current password and a weak new one are said at their fields', async () => {
    await change('wrong wrong wrong', OTHER)
    await page.getByText('Is wrong', { exact: true }).waitFor()
    await change(PASSWORD, '1234567890')
    await page.locator('.mantine-InputWrapper-error').waitFor()
  })

  test('the password is changed, and this browser stays signed in', async () => {
    await change(PASSWORD, OTHER)
    await page.getByText('Password changed.').waitFor()
    assert.equal((await elsewhere(PASSWORD)).status, 401)
    assert.equal((await elsewhere(OTHER)).status, 200)
    await page.reload()
    await page.getByRole('heading', { name: 'Your account' }).waitFor()
    await fitsNarrow(page, 'the account')
  })

  test('a second factor is set up, and asked for at the next sign-in', async () => {
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.getByRole('button', { name: 'Set up' }).click()
    await page.getByRole('img', { name: 'QR code for an authenticator app' }).waitFor()
    await axe(page, 'the set-up of the second factor')
    await page.screenshot({ path: join(shots, 'second-factor.png') })
    const secret = await page.locator('code').first().innerText()
    await field('Code').fill('000000')
    await page.getByRole('button', { name: 'Turn on' }).click()
    await page.getByText('Is wrong', { exact: true }).waitFor()
    await field('Code').fill(totp(secret))
    await page.getByRole('button', { name: 'Turn on' }).click()
    await page.getByText('The second factor is on').waitFor()
    const codes = (await page.locator('pre').innerText()).split('\n')
    assert.equal(codes.length, 10)
    await page.getByRole('button', { name: 'I have kept them' }).click()
    await page.getByRole('button', { name: 'Turn off' }).waitFor()
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByLabel('E-mail').fill('owner@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill(OTHER)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await field('Code').fill('000000')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The code is wrong').waitFor()
    await field('Code').fill(codes[0]!)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    await page.goto(`${s.url}/account`)
    await page.getByRole('button', { name: 'Turn off' }).waitFor()
  })

  test('where it is required, a user without it sets it up before anything else', async () => {
    await s.api('PATCH', '/organization', { require_second_factor: true })
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByLabel('E-mail').fill('new@example.com')
    await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Your organization requires a second factor.').waitFor()
    assert.equal(await page.getByRole('navigation', { name: 'Sections' }).count(), 0)
    await fitsNarrow(page, 'the account of a limited session')
    await page.getByRole('button', { name: 'Set up' }).click()
    await field('Code').fill(totp(await page.locator('code').first().innerText()))
    await page.getByRole('button', { name: 'Turn on' }).click()
    await page.getByRole('button', { name: 'I have kept them' }).click()
    await page.getByRole('navigation', { name: 'Sections' }).or(page.getByRole('button', { name: /^User menu/ })).first().waitFor()
  })

  test('nothing went wrong in the console', () => assert.deepEqual(portal.problems, []))
})
