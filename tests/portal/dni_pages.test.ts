// What the script of a DNI snippet replaces on a page, and what it leaves alone, in a real browser.
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Strowger } from '../e2e/harness.ts'
import { openBrowser, type Portal } from './browser.ts'

const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36'

describe('what a DNI snippet replaces', () => {
  let s: Strowger
  let portal: Portal
  let site: Server
  let body = '' // of the page that is served
  let campaign: { id: string }
  let visitors = 0
  before(async () => {
    s = await Strowger.start(['--trusted-proxies', '127.0.0.1'])
    portal = await openBrowser(s, 1280, 800)
    site = createServer((_, res) => {
      res.setHeader('content-type', 'text/html; charset=utf-8')
      res.end(`<!doctype html><title>Page</title><body>${body}</body>`)
    })
    await new Promise<void>((r) => site.listen(0, '127.0.0.1', r))
    campaign = await s.campaign('+18005556600', {})
  })
  after(async () => {
    await portal.browser.close()
    site.close()
    await s.stop()
  })

  // A snippet for these numbers, whose pool has this one number.
  const made = async (number: string, numbers: string[], rest: object = {}) => {
    const pool = await s.api('POST', '/number-pools', {
      name: `Pool ${number}`,
      campaign_id: campaign.id,
    })
    await s.api('POST', '/numbers', { number, pool_id: pool.id })
    const fields = { name: `Snippet ${number}`, pool_id: pool.id, numbers, ...rest }
    const snippet = await s.api('POST', '/dni-snippets', fields)
    return snippet.url as string
  }
  // The page after its numbers were replaced: the text of each element with an id, and where links lead.
  const open = async (url: string, html: string) => {
    body = `${html}<script src="${url}" async></script>`
    const context = await portal.browser.newContext({ userAgent })
    const address = `192.0.2.${++visitors}` // visitors have addresses of their own
    await context.route(/\/dni\/lease$/, (r) =>
      r.continue({ headers: { ...r.request().headers(), 'x-forwarded-for': address } }),
    )
    const page = await context.newPage(),
      problems: string[] = []
    page.on('pageerror', (e) => problems.push(String(e)))
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}`)
    await page.waitForFunction(
      () => !!(window as unknown as { strowger: { number?: string } }).strowger?.number,
    )
    // what was replaced stays as it is when the page is gone through again
    await page.evaluate(() => {
      const { strowger } = window as unknown as { strowger: { refresh: () => void } }
      for (let i = 0; i < 3; i++) strowger.refresh()
    })
    const texts = await page.evaluate(() =>
      Array.from(document.querySelectorAll('[id]'), (e) => e.textContent),
    )
    const links = await page.evaluate(() =>
      Array.from(document.querySelectorAll('a'), (a) => a.getAttribute('href')),
    )
    assert.deepEqual(problems, [])
    await context.close()
    return { texts, links }
  }
  const paragraphs = (texts: string[]) => texts.map((t, i) => `<p id="p${i}">${t}</p>`).join('')

  test('digits beside a number stay, and so do numbers that end as it does', async () => {
    const url = await made('+15125560101', ['(800) 555-0100'])
    const cases: [string, string][] = [
      ['Austin, TX 78701 (800) 555-0100 24/7', 'Austin, TX 78701 (512) 556-0101 24/7'],
      ['Open 24/7 800-555-0100', 'Open 24/7 512-556-0101'],
      ['800-555-0100 / 800-555-0199', '512-556-0101 / 800-555-0199'],
      ['800-555-0100/800-555-0199', '512-556-0101/800-555-0199'],
      ['1-800-555-0100, +1 (800) 555 0100', '1-512-556-0101, +1 (512) 556 0101'],
      ['001 800 555 0100 or 011 1 800 555 0100', '001 512 556 0101 or 011 1 512 556 0101'],
      ['(+1) 800.555.0100', '(+1) 512.556.0101'],
      ['(800) - 555 - 0100', '(512) - 556 - 0101'],
      ['800·555·0100 • 24/7', '512·556·0101 • 24/7'],
      ['(call 8005550100)', '(call 5125560101)'],
      ['(8005550100)', '(5125560101)'],
      ['(800) 555-0100 ext. 12, (800)555-0100x12', '(512) 556-0101 ext. 12, (512)556-0101x12'],
      ['2024 800 555 0100 2025', '2024 512 556 0101 2025'],
      [
        '800\u2011555\u20110100, 800\u00a0555\u00a00100',
        '512\u2011556\u20110101, 512\u00a0556\u00a00101',
      ],
      ['(900) 555-0100, 512-800-555-0100', '(900) 555-0100, 512-800-555-0100'],
      ['+44 800 555 0100, 0044 800 555 0100', '+44 800 555 0100, 0044 800 555 0100'],
      ['+8005550100', '+8005550100'],
      ['order 80055501001, 18005550100.50, A8005550100, 8005550100B', ''],
      ['78005550100', ''],
      ['800-555-0100-77', ''],
    ]
    const { texts } = await open(url, paragraphs(cases.map(([t]) => t)))
    cases.forEach(([text, now], i) => assert.equal(texts[i], now || text, text))
  })

  test('tel: links keep what follows the number, and one that cannot be read hinders no other', async () => {
    const url = await made('+15125560102', ['(800) 555-0100'])
    const cases: [string, string][] = [
      ['tel:+1-800-555-0100;ext=12', 'tel:+15125560102;ext=12'],
      ['tel:%%phone%%', 'tel:%%phone%%'],
      ['tel:800-555-0100%', 'tel:800-555-0100%'],
      ['tel:8005550100', 'tel:+15125560102'],
      ['TEL:8005550100', 'tel:+15125560102'],
      ['Tel:(800)%20555-0100', 'tel:+15125560102'],
      ['tel:+18005550100,,12%23', 'tel:+15125560102,,12%23'],
      ['tel:18005550100p5', 'tel:+15125560102p5'],
      ['tel:%2B18005550100', 'tel:+15125560102'],
      ['tel:8005550100;phone-context=+1', 'tel:+15125560102'],
      ['tel:8005550100;phone-context=+44', 'tel:8005550100;phone-context=+44'],
      ['tel:+19005550100', 'tel:+19005550100'],
      ['tel:+448005550100', 'tel:+448005550100'],
      ['tel:+1 (800) 555\u20110100', 'tel:+15125560102'],
      ['tel:%C2%A08005550100', 'tel:+15125560102'],
      ['tel:\u202a8005550100\u202c', 'tel:+15125560102'],
      ['tel:800%E2%80%93555%E2%80%930100;ext=3', 'tel:+15125560102;ext=3'],
      ['tel:', 'tel:'],
    ]
    const { links } = await open(url, cases.map(([href]) => `<a href="${href}">x</a>`).join(''))
    cases.forEach(([href, now], i) => assert.equal(links[i], now, href))
  })

  test('an office with the same last digits keeps its number', async () => {
    const url = await made('+15125560103', ['212-555-0100'])
    const html = `<p id="all">New York 212-555-0100, Chicago 312-555-0100, Dallas (512) 555-0100</p>
      <a href="tel:+13125550100">Chicago</a> <a href="tel:+12125550100">New York</a>`
    const { texts, links } = await open(url, html)
    assert.deepEqual(texts, ['New York 512-556-0103, Chicago 312-555-0100, Dallas (512) 555-0100'])
    assert.deepEqual(links, ['tel:+13125550100', 'tel:+15125560103'])
  })

  test('numbers of other countries are found with and without country code and trunk prefix', async () => {
    const url = await made('+441614960000', ['+47 22 12 34 56', '+44 20 7946 0000'])
    const cases: [string, string][] = [
      ['Ring 22 12 34 56 eller +47 22 12 34 56', 'Ring 0161 496 0000 eller +44 161 496 0000'],
      ['22123456', '0161 496 0000'],
      ['22 12 34 56 78 or 01 22 12 34 56', '22 12 34 56 78 or 01 22 12 34 56'],
      ['020 7946 0000, (020) 7946 0000', '0161 496 0000, 0161 496 0000'],
      ['02079460000', '01614960000'],
      ['20 7946 0000', '161 496 0000'],
      ['+44 (0)20 7946 0000', '+44 161 496 0000'],
      ['0044 20 7946 0000', '0044 161 496 0000'],
      ['+442079460000', '+441614960000'],
      ['+33 20 7946 0000', '+33 20 7946 0000'],
      ['(207) 946-0000 or 207-946-0000 in Maine', '(207) 946-0000 or 207-946-0000 in Maine'],
      ['(20) 7946 0000, 207 946 0000', '161 496 0000, 161 496 0000'],
      ['kl 08-16 22 12 34 56', 'kl 08-16 0161 496 0000'],
      ['22 12 34 56 08–16', '0161 496 0000 08–16'],
    ]
    const { texts } = await open(url, paragraphs(cases.map(([t]) => t)))
    // Eight digits of the plan of Norway, ten of that of the United Kingdom: written as the lease is.
    cases[1][1] = '0161 496 0000'
    cases.forEach(([text, now], i) => assert.equal(texts[i], now, text))
  })

  test('a number that takes the place of another country’s is written as its own country does', async () => {
    const url = await made('+15125560110', ['+44 20 7946 0000', '+7 495 123-45-67'])
    const cases: [string, string][] = [
      ['020 7946 0000', '(512) 556-0110'],
      ['8 (495) 123-45-67', '(512) 556-0110'],
      ['+44 20 7946 0000', '+1 512-556-0110'],
    ]
    const { texts } = await open(url, paragraphs(cases.map(([t]) => t)))
    cases.forEach(([text, now], i) => assert.equal(texts[i], now, text))
    const brazil = await made('+5511987654321', ['+55 11 4002-8922'])
    const { texts: there } = await open(brazil, paragraphs(['(11) 4002-8922', '+55 11 4002-8922']))
    assert.match(there[0]!, /^\(?11\)? 98765-4321$/)
    assert.equal(there[1], '+55 11 98765-4321')
  })

  test('a number without a country code may be one of the pool’s country', async () => {
    const url = await made('+49301234567', ['030 7654321', '800-555-0100'])
    const cases: [string, string][] = [
      ['030 7654321, (030) 765 4321', '030 1234567, 030 1234567'],
      ['+49 30 7654321', '+49 30 1234567'],
      ['+1 800-555-0100', '+49 30 1234567'],
    ]
    const { texts } = await open(url, paragraphs(cases.map(([t]) => t)))
    cases.forEach(([text, now], i) => assert.equal(texts[i], now, text))
  })

  test('in an element of a selector the number is replaced, and the words beside it stay', async () => {
    const url = await made('+15125560104', [], { selectors: ['.phone'] })
    const cases: [string, string][] = [
      ['Austin, TX 78701 (713) 555-7777 24/7', 'Austin, TX 78701 (512) 556-0104 24/7'],
      ['+44 20 7946 0018', '+1 512-556-0104'],
      ['555-7777', '(512) 556-0104'],
      ['1-713-555-7777 ext 5', '1-512-556-0104 ext 5'],
      ['no number', '(512) 556-0104'],
    ]
    const html = cases.map(([t], i) => `<p class="phone" id="s${i}">${t}</p>`).join('')
    const { texts } = await open(url, `${html}<p id="other">713-555-7777</p>`)
    cases.forEach(([text, now], i) => assert.equal(texts[i], now, text))
    assert.equal(texts.at(-1), '713-555-7777')
  })

  test('in random texts nothing but the number changes', async () => {
    const url = await made('+15125560105', ['800-555-0100'])
    let seed = 7 // the same texts each time
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n
    const pick = <T>(list: T[]) => list[random(list.length)]
    const words = [
      'Call',
      'us',
      '24/7',
      '78701',
      'Suite 300',
      '9:00-17:00',
      '$1,800.55',
      'or',
      '–',
      '(new)',
      '2026',
      '512-555-0100',
      '+44 20 7946 0018',
      '#5550100',
      'C3PO',
      '100%',
      'é',
      '12.5',
      '(800)',
      '0199',
      '555',
      '800-555-0199',
      '1',
      'v2.0',
      'ISBN 978-0-8005-5501-0',
      '800 555',
      'fax:',
    ]
    const ways = [
      '(###) ###-####',
      '###-###-####',
      '###.###.####',
      '1-###-###-####',
      '+1 ### ### ####',
      '##########',
    ]
    const write = (way: string, number: string) => {
      let at = 0
      return way.replace(/#/g, () => number[at++])
    }
    const texts: string[] = [],
      wanted: string[] = []
    for (let i = 0; i < 300; i++) {
      // A lone 1, 011 or +44 just before the number would be part of it.
      const before = Array.from({ length: random(5) }, () => pick(words)).concat('at')
      const behind = Array.from({ length: random(5) }, () => pick(words)),
        way = pick(ways)
      const text = (number: string) => [...before, write(way, number), ...behind].join(' ')
      texts.push(text('8005550100'))
      wanted.push(text('5125560105'))
    }
    const { texts: now } = await open(url, paragraphs(texts))
    now.forEach((text, i) => assert.equal(text, wanted[i]))
  })
})
