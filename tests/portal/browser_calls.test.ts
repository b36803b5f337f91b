// Calls by browsers: over SIP in a secure WebSocket through Kamailio, with WebRTC through rtpengine.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { buildSync } from 'esbuild'
import type { Page } from 'playwright-core'
import { Caller, Rtp, linear, power } from '../e2e/caller.ts'
import { Edge, Rtpengine, Strowger, freePort, join, root, sleep, until } from '../e2e/harness.ts'
import { axe, openBrowser, shots, signIn, type Portal } from './browser.ts'

describe('browser calls', () => {
  let s: Strowger, proxy: Rtpengine, edge: Edge, portal: Portal, page: Page
  before(async () => {
    proxy = await Rtpengine.start()
    s = await Strowger.start(proxy.media)
    edge = await Edge.start(s.sip)
    await s.kill('SIGTERM')
    s.extra.push('--trusted-sip-proxies', '127.0.0.1', '--sip-websocket', edge.url)
    await s.serve()
    portal = await openBrowser(s, 1280, 900, true)
    page = portal.page
    await signIn(page)
    // counts on what the browser hears
    await page.addInitScript(() => {
      const Native = RTCPeerConnection
      const all: RTCPeerConnection[] = ((window as any).connections = [])
      window.RTCPeerConnection = class extends Native { constructor(c?: RTCConfiguration) { super(c); all.push(this) } }
    })
  })
  after(async () => {
    await portal.browser.close()
    edge.stop()
    await s.stop()
    proxy.stop()
  })
  const energy = () => page.evaluate(async () => {
    let heard = 0
    for (const c of (window as any).connections as RTCPeerConnection[]) (await c.getStats()).forEach((r) => (heard += r.type === 'inbound-rtp' ? (r.totalAudioEnergy ?? 0) : 0))
    return heard
  })
  const idle = () => until('everything to be over', async () => !(await s.metric('strowger_calls_active')) && !(await s.metric('strowger_sip_legs')) && !(await s.metric('strowger_media_ports')), 40000)

  test('the portal places a test call that a flow answers: it is heard, keys get there, and the log has it', async () => {
    const flow = await s.flow('asks', [
      { id: 'm', type: 'menu', config: { prompt: { text: 'Press one to go on, or two for something else. Press one to go on, or two for something else.' }, options: [{ key: '2', port: 'two' }], timeout_seconds: 20 } },
      { id: 'p', type: 'play', config: { prompt: { text: 'You pressed two. Thank you very much for calling us today.' } } },
    ], [['start', 'next', 'm'], ['m', 'two', 'p']])
    const campaign = await s.api('POST', '/campaigns', { name: 'Browser', execution_mode: 'call_flow', call_flow_id: flow.id, recording: true })
    const number = await s.api('POST', '/numbers', { number: '+18005554301', campaign_id: campaign.id })
    await page.goto(`${s.url}/numbers/${number.id}`)
    const box = page.getByRole('region', { name: 'Test call' })
    await box.getByLabel('Call as').fill('+1 (512) 555-0177')
    await box.getByRole('button', { name: 'Call from this browser' }).click()
    await box.getByText('answered', { exact: true }).waitFor()
    await until('the prompt', async () => (await energy()) > 0.001)
    await box.getByText('0:01').waitFor()
    await page.screenshot({ path: join(shots, 'test-call.png') })
    await axe(page, 'a call from the browser')
    await page.setViewportSize({ width: 390, height: 900 })
    await page.screenshot({ path: join(shots, 'test-call-narrow.png'), fullPage: true })
    await page.setViewportSize({ width: 1280, height: 900 })
    await box.getByRole('button', { name: '2', exact: true }).click()
    const call = await until('the key', async () => (await s.api('GET', '/calls')).data.find((c: any) => c.number === '+18005554301'))
    await until('the flow to go on', async () => (await s.api('GET', `/calls/${call.id}/trace`)).data.some((e: any) => e.input === 'digits' && e.digits === '2'))
    await box.getByText('The call is over.').waitFor()
    await page.screenshot({ path: join(shots, 'test-call-over.png') })
    await box.getByRole('link', { name: 'To the log' }).click()
    await page.getByRole('cell', { name: '+15125550177' }).first().waitFor()
    const log = await s.api('GET', `/calls/${call.id}`)
    assert.deepEqual([log.caller_id, log.trunk_id, log.hangup_by], ['+15125550177', null, 'flow'])
    assert.ok(log.quality.caller.packets > 50 && log.quality.caller.loss_percent === 0, JSON.stringify(log.quality))
    const audit = (await s.api('GET', '/audit-log')).data
    assert.ok(audit.some((a: any) => a.action === 'test_call' && a.resource_id === '+18005554301'))
    await idle()
  })

  test('hanging up in the page ends the call; a wrong way is told in words', async () => {
    const number = (await s.api('GET', '/numbers')).data[0]
    await page.goto(`${s.url}/numbers/${number.id}`)
    const box = page.getByRole('region', { name: 'Test call' })
    await box.getByRole('button', { name: 'Call from this browser' }).click()
    await box.getByText('answered', { exact: true }).waitFor()
    await box.getByRole('button', { name: 'Hang up' }).click()
    await box.getByText('The call is over.').waitFor()
    await idle()
    await s.api('PATCH', `/campaigns/${number.campaign_id}`, { enabled: false })
    await box.getByRole('button', { name: 'Call from this browser' }).click()
    await box.getByText(/The call was refused: 480/).waitFor()
    await page.screenshot({ path: join(shots, 'test-call-refused.png') })
    assert.equal(await box.getByRole('link', { name: 'To the log' }).count(), 0)
    const { call_flow_id } = await s.api('GET', `/campaigns/${number.campaign_id}`)
    await page.goto(`${s.url}/data/call-flows/${call_flow_id}`)
    await page.getByRole('button', { name: 'Test', exact: true }).click()
    await page.getByRole('button', { name: 'Call from this browser' }).scrollIntoViewIfNeeded()
    await page.screenshot({ path: join(shots, 'test-call-builder.png') })
    await s.api('PATCH', `/campaigns/${number.campaign_id}`, { enabled: true })
  })

  test('credentials are for one number of one organization, and for managers', async () => {
    const other = JSON.parse(s.run(['organization', 'add', '--data', s.data, '--name', 'Other', '--email', 'o@example.com', '--password-file', join(s.dir, 'password'), ...s.databaseFlag()])).api_key
    await until('the other organization', async () => (await s.raw('GET', '/api/v1/numbers', undefined, {}, other)).ok)
    const ask = (body: unknown, key = s.key) => s.raw('POST', '/api/v1/test-calls', body, {}, key)
    assert.equal((await ask({ number: '+18005554301' }, other)).status, 422)
    assert.equal((await ask({ number: '+18005559999' })).status, 422)
    assert.equal((await ask({})).status, 422)
    assert.equal((await ask({ number: '+18005554301' }, '')).status, 401)
    const analyst = (await s.api('POST', '/api-keys', { name: 'looks', role: 'analyst' })).key
    assert.equal((await ask({ number: '+18005554301' }, analyst)).status, 403)
    const ticket = await (await ask({ number: '(800) 555-4301' })).json() as any
    assert.equal(ticket.number, '+18005554301')
    const campaign = (await s.api('GET', '/campaigns')).data[0]
    await s.api('POST', '/numbers', { number: '+18005554302', campaign_id: campaign.id })
    // the same credentials, for another number
    const place = (number: string, username: string, password: string) => page.evaluate(async ([url, number, username, password]) => {
      const { UA, WebSocketInterface } = (window as any).JsSIP
      return new Promise((done) => {
        const ua = new UA({ sockets: [new WebSocketInterface(url)], uri: 'sip:+15125550178@127.0.0.1', authorization_user: username, password, register: false })
        ua.on('connected', () => {
          const session = ua.call(`sip:${number}@127.0.0.1`, { mediaConstraints: { audio: true } })
          session.on('failed', (e: any) => (ua.stop(), done(e.message?.status_code ?? e.cause)))
          session.on('accepted', () => (session.terminate(), ua.stop(), done(200)))
        })
        ua.start()
      })
    }, [edge.url, number, username, password])
    await jssip(page)
    assert.equal(await place('+18005554302', ticket.username, ticket.password), 403)
    assert.equal(await place('+18005554301', ticket.username, `${ticket.password.slice(1)}0`), 403)
    assert.equal(await place('+18005554301', ticket.username.replace(/\d+/, (n: string) => String(Number(n) + 100)), ticket.password), 403)
    assert.equal(await place('+18005554301', ticket.username, ticket.password), 200)
    await idle()
    await s.api('PATCH', `/campaigns/${campaign.id}`, { recording: false })
  })

  // A page of its own, with JsSIP.
  async function jssip(page: Page) {
    const { outputFiles } = buildSync({ entryPoints: [join(root, 'portal/node_modules/jssip/lib/JsSIP.js')], bundle: true, format: 'iife', globalName: 'JsSIP', write: false, logLevel: 'silent' })
    const port = await freePort(), server = createServer((q, r) => (r.setHeader('content-type', q.url === '/jssip.js' ? 'text/javascript' : 'text/html'), r.end(q.url === '/jssip.js' ? outputFiles[0]!.text : '<script src="/jssip.js"></script>')))
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
    server.unref()
    await page.goto(`http://127.0.0.1:${port}/`)
    await page.waitForFunction(() => 'JsSIP' in window)
  }

  test('a browser registers as the phone of a target, is called, and both are heard', async () => {
    const target = await s.api('POST', '/targets', { name: 'Agent', destination: { type: 'phone', username: 'amy', password: 'a good password' } })
    const plan = await s.api('POST', '/routing-plans', { name: 'To the agent', entries: [{ target_id: target.id, priority: 1 }] })
    await jssip(page)
    await page.evaluate((url) => {
      const { UA, WebSocketInterface } = (window as any).JsSIP
      const ua = ((window as any).ua = new UA({ sockets: [new WebSocketInterface(url)], uri: 'sip:amy@127.0.0.1', password: 'a good password', register_expires: 120 }))
      ua.on('newRTCSession', ({ session }: any) => {
        session.on('peerconnection', ({ peerconnection }: any) => (peerconnection.ontrack = (e: RTCTrackEvent) => (Object.assign(new Audio(), { srcObject: e.streams[0], autoplay: true }), undefined)))
        session.answer({ mediaConstraints: { audio: true } })
      })
      ua.start()
    }, edge.url)
    const phone = await until('the phone', async () => ((p) => p.registered && p)(await s.api('GET', `/targets/${target.id}/phone`)))
    assert.match(phone.contact, /\.invalid;transport=ws/)
    await s.campaign('+18005554303', { routing_plan_id: plan.id })
    const c = await Caller.invite(s, '+18005554303'), rtp = await Rtp.bind()
    const port = await c.offer(rtp.port)
    let phase = 0
    const tone = () => Uint8Array.from({ length: 160 }, () => (Math.sin((2 * Math.PI * 500 * phase++) / 8000) > 0 ? 0x90 : 0x10))
    const timer = setInterval(() => rtp.audio(port, tone()), 20)
    await until('the browser to hear the caller', async () => (await energy()) > 0.01)
    await until('the caller to hear the browser', () => rtp.of(0).some((p) => [...p.subarray(12)].some((x) => Math.abs(linear(x)) > 2000)))
    clearInterval(timer)
    assert.ok(rtp.of(0).length > 20 && power([...rtp.of(0).at(-1)!.subarray(12)].map(linear), 440) >= 0)
    await page.evaluate(() => (window as any).ua.terminateSessions())
    const { attempts, hangup_reason } = await s.lastCall((x) => x.number === '+18005554303')
    assert.equal(attempts[0].outcome, 'answered', hangup_reason)
    await page.evaluate(() => (window as any).ua.stop())
    await until('it to leave', async () => !(await s.api('GET', `/targets/${target.id}/phone`)).registered)
    rtp.close()
    await idle()
  })

  test('the edge passes on nothing else', async () => {
    for (const trunk of (await s.api('GET', '/trunks')).data) await s.api('DELETE', `/trunks/${trunk.id}`) // whose address the browser has, too
    const message = (method: string, uri: string, more = '') => `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/WSS x.invalid;branch=z9hG4bK${Math.random()}\r\nMax-Forwards: 70\r\nFrom: <sip:x@x.invalid>;tag=a\r\nTo: <${uri}>\r\nCall-ID: ${Math.random()}\r\nCSeq: 1 ${method}\r\n${more}Content-Length: 0\r\n\r\n`
    const contact = 'Contact: <sip:x@x.invalid;transport=ws>\r\n'
    const said: string[] = []
    for (const text of [message('MESSAGE', 'sip:a@127.0.0.1'), message('REGISTER', 'sip:127.0.0.1', contact), message('INVITE', 'sip:+18005554301@127.0.0.1', `${contact}Route: <sip:127.0.0.1:1;lr>\r\n`), message('INVITE', 'sip:+18005554301@127.0.0.1', `${contact}Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bKb\r\n`), message('INVITE', 'sip:+18005554301@127.0.0.1', contact).replace('x.invalid;', 'x.invalid;branch=z9hG4bKc, SIP/2.0/UDP 203.0.113.9;'), 'nonsense\r\n\r\n'])
      said.push(await page.evaluate(([url, text]) => new Promise<string>((done) => {
        const w = new WebSocket(url!, 'sip')
        w.onopen = () => w.send(text!)
        w.onmessage = (m) => /^SIP\/2.0 100/.test(String(m.data)) || (done(String(m.data).split('\r\n')[0]!), w.close())
        setTimeout(() => (done('nothing'), w.close()), 2000)
      }), [edge.url, text]))
    assert.match(said[0]!, /405/)
    assert.match(said[1]!, /401/)
    assert.match(said[2]!, /407/)
    assert.deepEqual(said.slice(3), ['nothing', 'nothing', 'nothing'])
    await sleep(100)
  })
  test('nothing was complained about', () => assert.deepEqual(portal.problems.filter((p) => !p.includes('WebSocket connection')), []))
})
