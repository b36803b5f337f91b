// What tests of saving in the builder have in common.
import type { Page } from 'playwright-core'
import type { Strowger } from '../e2e/harness.ts'

// The server and the page are asked for when they are used: they begin after the tests are listed.
export function savingIn(s: () => Strowger, page: () => Page) {
  const start = { id: 'start', type: 'start', position: { x: 0, y: 0 }, config: {} }
  const play = (id: string, x = 260, config: object = { prompt: { text: 'Hello.' } }) => ({
    id,
    type: 'play',
    position: { x, y: 0 },
    config,
  })
  const toA = { from: 'start', port: 'next', to: 'a' }
  const read = (id: string) => s().api('GET', `/call-flows/${id}`)
  const open = async (name: string, nodes: object[] = [play('a')], edges: object[] = [toA]) => {
    const flow = await s().api('POST', '/call-flows', {
      name,
      draft: { nodes: [start, ...nodes], edges },
    })
    await page().goto(`${s().url}/data/call-flows/${flow.id}`)
    await page().getByText('Saved', { exact: true }).waitFor()
    return flow.id as string
  }
  const dialog = () => page().getByRole('dialog')
  const save = () => page().getByRole('button', { name: 'Save', exact: true })
  const notice = (text: string | RegExp) => page().getByRole('alert').getByText(text)
  const closeNotices = async () => {
    const notices = page().locator('.mantine-Notification-root')
    while (await notices.count())
      await notices
        .first()
        .getByRole('button', { name: 'Close' })
        .click({ timeout: 500 }) // it may have gone by itself meanwhile
        .catch(() => undefined)
  }
  const nameNode = async (id: string, text: string) => {
    await page().locator(`[data-id="${id}"] .head`).click()
    await dialog().getByRole('textbox', { name: 'Name' }).click()
    await page().keyboard.press('Control+a')
    await page().keyboard.type(text)
  }
  const versions = async (id: string) =>
    (await s().api('GET', `/call-flows/${id}/versions`)).data.length
  return { start, play, toA, read, open, dialog, save, notice, closeNotices, nameNode, versions }
}
