// Reports of periods that meet: each call is in one of them, to the millisecond, and in the local
// hour and day that it began in, also where clocks are 15, 30 or 45 minutes beside UTC.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { Peer } from '../e2e/peer.ts'
import { Strowger, join, until } from '../e2e/harness.ts'
import { writeFileSync } from 'node:fs'

const QUARTER = 900_000,
  HALF = 2 * QUARTER,
  HOUR = 2 * HALF,
  DAY = 24 * HOUR
const FIRST = Date.UTC(2026, 2, 27),
  LAST = Date.UTC(2026, 3, 14) // clocks are set on 5 April
const ZONES = [
  'UTC',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Chatham',
  'Australia/Eucla',
  'America/New_York',
]
const COLUMNS = 'calls, connected, converted, duration_ms, revenue, payout, cost'

interface Made {
  at: number
  campaign: string
  target: string
  tag: string
  revenue: number
}

// Numbers that are the same in each run.
let state = 20261128
const random = (n: number) => {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0
  return Math.floor((state / 2 ** 32) * n)
}

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const callId = (at: number, n: number) => {
  let time = ''
  for (let i = 0, left = at; i < 10; i++, left = Math.floor(left / 32))
    time = alphabet[left % 32] + time
  return `call_${time}${String(n).padStart(16, '0')}`
}

// The sums, as the program keeps them.
const sumsOf = (organization: string, tag: string) => {
  const figures = `COUNT(*), SUM(CASE WHEN connected_at IS NULL THEN 0 ELSE 1 END), SUM(converted),
    SUM(CASE WHEN answered_at IS NULL OR ended_at IS NULL THEN 0
    ELSE ended_at - answered_at END), SUM(revenue), SUM(payout), SUM(cost)`
  const of = `FROM calls c WHERE c.organization_id = '${organization}'`
  const half = 'started_at / 1800000'
  const single = [
    ['', "''"],
    ['campaign', 'campaign_id'],
    ['publisher', "''"],
    ['target', 'target_id'],
  ].map(
    ([
      dimension,
      key,
    ]) => `INSERT INTO call_sums (organization_id, dimension, half_hour, key, ${COLUMNS})
    SELECT organization_id, '${dimension}', ${half}, ${key}, ${figures} ${of} GROUP BY 1, 2, 3, 4;`,
  )
  return [
    ...single,
    `INSERT INTO call_totals (organization_id, half_hour, campaign_id, publisher_id, target_id,
    ${COLUMNS}) SELECT organization_id, ${half}, campaign_id, '', target_id, ${figures} ${of}
    GROUP BY 1, 2, 3, 4, 5;`,
    `INSERT INTO call_sums (organization_id, dimension, half_hour, key, ${COLUMNS})
    SELECT c.organization_id, g.tag_id, ${half}, g.value, ${figures} FROM calls c
    JOIN call_tags g ON g.call_id = c.id WHERE g.tag_id = '${tag}' GROUP BY 1, 2, 3, 4;`,
  ].join('\n')
}

describe('reports of periods that meet', () => {
  let s: Strowger
  const calls: Made[] = []
  let campaigns: string[], targets: string[]

  const script = (text: string) => {
    const file = join(s.dir, 'calls.sql')
    writeFileSync(file, text)
    if (s.database) {
      const find = 'ls -d /usr/lib/postgresql/*/bin | tail -1'
      const bin = execFileSync('sh', ['-c', find]).toString().trim()
      execFileSync(`${bin}/psql`, [s.database, '-q', '-v', 'ON_ERROR_STOP=1', '-f', file])
      return
    }
    const run = `import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.executescript('BEGIN;' + open(sys.argv[2]).read() + 'COMMIT;')`
    execFileSync('/usr/bin/python3', ['-c', run, join(s.data, 'strowger.db'), file])
  }

  before(async () => {
    s = await Strowger.start()
    const named = (kind: string, name: string, more = {}) =>
      s.api('POST', `/${kind}`, { name, ...more })
    const destination = { type: 'sip', uri: 'sip:a@127.0.0.1' }
    campaigns = []
    targets = []
    for (const name of ['A', 'B', 'C']) {
      campaigns.push((await named('campaigns', name)).id)
      targets.push((await named('targets', name, { destination })).id)
    }
    const tag = await named('custom-tags', 'source', { report: true })
    const { id: organization } = await s.api('GET', '/organization')
    await s.kill('SIGTERM')
    const rows: string[] = [],
      values: string[] = []
    for (let n = 0; n < 6000; n++) {
      // many at and beside the edges of quarters
      const edge = FIRST + random((LAST - FIRST) / QUARTER) * QUARTER
      const at = n % 3 ? FIRST + random(LAST - FIRST) : edge + random(3) - 1
      const made = {
        at,
        campaign: campaigns[random(3)]!,
        target: targets[random(3)]!,
        tag: ['google', 'bing', 'duck'][random(3)]!,
        revenue: random(50) * 1_000_000,
      }
      const id = callId(at, n),
        status = n % 50 ? 'completed' : 'interrupted'
      calls.push(made)
      rows.push(`('${id}', '${organization}', '${made.campaign}', '${made.target}', '', '',
        '${status}',
        'routing_plan', ${at}, ${at + 1000}, ${at + 61000}, ${made.revenue}, '{}')`)
      values.push(
        `('${id}', '${tag.id}', '${organization}', 'source', 'string', '${made.tag}',
        0, 'api', ${at})`,
      )
    }
    script(`INSERT INTO calls (id, organization_id, campaign_id, target_id, caller_id, number,
      status, execution_mode, started_at, answered_at, ended_at, revenue, doc)
      VALUES ${rows.join(',\n')};
      INSERT INTO call_tags (call_id, tag_id, organization_id, name, kind, value, sensitive,
      source, at_ms)
      VALUES ${values.join(',\n')};\n${sumsOf(organization, tag.id)}\n`)
    await s.serve()
  })
  after(() => s.stop())

  const time = (ms: number) => new Date(ms).toISOString()
  const report = (from: number, to: number, query: Record<string, string>) =>
    s.api(
      'GET',
      `/reports/calls?${new URLSearchParams({ from: time(from), to: time(to), ...query })}`,
    )
  const money = (micros: number) => (micros / 1e6).toFixed(2)
  const within = (from: number, to: number, only: Record<string, string> = {}) =>
    calls.filter(
      (c) =>
        c.at >= from &&
        c.at < to &&
        (!only.campaign_id || c.campaign === only.campaign_id) &&
        (!only.target_id || c.target === only.target_id),
    )
  const grouped = (of: Made[], key: (c: Made) => string) => {
    const groups = new Map<string, [number, number]>()
    for (const c of of) {
      const [n, revenue] = groups.get(key(c)) ?? [0, 0]
      groups.set(key(c), [n + 1, revenue + c.revenue])
    }
    return [...groups].map(([k, [n, revenue]]) => `${k} ${n} ${money(revenue)}`).sort()
  }
  const lines = (data: any[]) => data.map((l) => `${l.key} ${l.calls} ${l.revenue}`).sort()

  const parts = new Map(
    ZONES.map((timeZone) => [
      timeZone,
      new Intl.DateTimeFormat('en-CA', {
        timeZone,
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
      }),
    ]),
  )
  const local = (at: number, zone: string) => {
    const of = Object.fromEntries(
      parts
        .get(zone)!
        .formatToParts(at)
        .map((p) => [p.type, p.value]),
    )
    return { day: `${of.year}-${of.month}-${of.day}`, hour: of.hour!, minute: Number(of.minute) }
  }
  // The first moment of the local hour that has it, as long as clocks are not set.
  const hourOf = (at: number, zone: string) => {
    const minutes = (ms: number) => {
      const { day, hour, minute } = local(ms, zone)
      return (
        Date.parse(`${day}T${hour}:00:00Z`) + minute * 60_000 - Math.floor(ms / 60_000) * 60_000
      )
    }
    let first = at - (at % QUARTER)
    while (local(first, zone).minute >= 15 && minutes(first - QUARTER) === minutes(at))
      first -= QUARTER
    return time(first)
  }
  const edge = () => {
    const at = FIRST - DAY + random(LAST - FIRST + 2 * DAY)
    return [at, at - (at % 1000), at - (at % QUARTER), at - (at % HALF), at - (at % HALF) + 1][
      random(5)
    ]!
  }
  const periods = (n: number) =>
    Array.from({ length: n }, () => {
      const [from, middle, to] = [edge(), edge(), edge()].sort((a, b) => a - b) as [
        number,
        number,
        number,
      ]
      return { from, middle: Math.max(middle, from + 1), to: Math.max(to, middle + 1, from + 2) }
    })

  for (const group_by of ['campaign', 'target', 'tag.source'])
    test(`random periods by ${group_by} have the calls that began in them`, async () => {
      const key = (c: Made) =>
        ({ campaign: c.campaign, target: c.target, 'tag.source': c.tag })[group_by]!
      for (const { from, middle, to } of periods(25)) {
        const said = `${time(from)} ${time(middle)} ${time(to)}`
        const [one, two, both] = await Promise.all([
          report(from, middle, { group_by }),
          report(middle, to, { group_by }),
          report(from, to, { group_by }),
        ])
        assert.deepEqual(lines(one.data), grouped(within(from, middle), key), said)
        assert.deepEqual(lines(both.data), grouped(within(from, to), key), said)
        for (const figure of ['calls', 'duration_seconds', 'converted'])
          assert.equal(
            one.totals[figure] + two.totals[figure],
            both.totals[figure],
            `${figure} ${said}`,
          )
        const sum = Number(one.totals.revenue) + Number(two.totals.revenue)
        assert.equal(sum.toFixed(2), both.totals.revenue, said)
      }
    })

  test('so do those of one campaign, and of a campaign and a target', async () => {
    for (const { from, to } of periods(15)) {
      const one = { campaign_id: campaigns[random(3)]! },
        two = { ...one, target_id: targets[random(3)]! }
      for (const only of [one, two]) {
        const day = await report(from, to, {
          group_by: 'day',
          time_zone: 'Asia/Kathmandu',
          ...only,
        })
        const key = (c: Made) => local(c.at, 'Asia/Kathmandu').day
        assert.deepEqual(lines(day.data), grouped(within(from, to, only), key))
        const target = await report(from, to, { group_by: 'target', ...only })
        assert.deepEqual(
          lines(target.data),
          grouped(within(from, to, only), (c) => c.target),
        )
      }
    }
  })

  for (const time_zone of ZONES)
    test(`days and hours in ${time_zone} have the calls that began in them`, async () => {
      for (const { from, to } of periods(12)) {
        const of = within(from, to),
          said = `${time(from)} ${time(to)}`
        const days = await report(from, to, { group_by: 'day', time_zone })
        assert.deepEqual(
          lines(days.data),
          grouped(of, (c) => local(c.at, time_zone).day),
          said,
        )
        const hours = await report(from, to, { group_by: 'hour', time_zone })
        assert.deepEqual(
          lines(hours.data),
          grouped(of, (c) => hourOf(c.at, time_zone)),
          said,
        )
        const keys = hours.data.map((l: any) => l.key)
        assert.deepEqual(keys, [...keys].sort(), 'in their order')
      }
    })

  test('of two periods that meet behind a call, the first alone has it', async () => {
    const to = await Peer.start(),
      from = await Peer.start()
    const plan = await s.plan('Real', [{ uri: to.uri }])
    await s.campaign('+18005556601', { routing_plan_id: plan.id })
    const d = await from.call(s.sip, 'sip:+18005556601@127.0.0.1')
    await d.request('BYE')
    const call = await s.lastCall((c) => c.number === '+18005556601')
    const at = Date.parse(call.started_at),
      count = async (a: number, b: number) =>
        (await report(a, b, { group_by: 'campaign' })).totals.calls
    await until('its sums', async () => (await count(at, at + 1)) === 1)
    for (const edge of [1, 2, 1000, 120_000]) {
      assert.equal(await count(at - HOUR, at + edge), 1)
      assert.equal(await count(at + edge, at + edge + HOUR), 0)
    }
    assert.equal(await count(at - HOUR, at), 0)
  })

  test('an edge in the half hour in which a tag was switched on is refused', async () => {
    const tag = (await s.api('GET', '/custom-tags')).data.find((t: any) => t.name === 'source')
    const half = Math.floor((FIRST + 5 * DAY) / HALF)
    await s.kill('SIGTERM')
    const where = `dimension = '${tag.id}' AND half_hour = ${half}`
    script(`UPDATE call_sums SET calls = calls + 1 WHERE ${where};`)
    await s.serve()
    const query = (from: number) =>
      new URLSearchParams({
        group_by: 'tag.source',
        from: time(from),
        to: time((half + 4) * HALF),
      })
    const refused = await s.raw('GET', `/api/v1/reports/calls?${query(half * HALF + 1000)}`)
    assert.equal(refused.status, 422)
    const { errors } = (await refused.json()) as any
    assert.deepEqual(
      errors.map((e: any) => e.pointer),
      ['/from'],
    )
    assert.match(
      errors[0].detail,
      new RegExp(`choose ${time(half * HALF)} or ${time((half + 1) * HALF)}`),
    )
    for (const from of [half * HALF, (half + 1) * HALF, (half + 1) * HALF + 1000])
      assert.equal((await s.raw('GET', `/api/v1/reports/calls?${query(from)}`)).status, 200)
    const other = new URLSearchParams({
      from: time(half * HALF + 1000),
      to: time((half + 4) * HALF),
    })
    assert.equal(
      (await s.raw('GET', `/api/v1/reports/calls?${other}`)).status,
      200,
      'not by the tag',
    )
  })
})
