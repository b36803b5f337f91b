"""Reports and searches over a million calls: milliseconds, the median of five, as one client sees them."""
import json
import random
import sqlite3
import time
import urllib.parse
import urllib.request

CALLS, DAYS, CAMPAIGNS, PUBLISHERS, TARGETS = 1000000, 30, 20, 50, 60
STATES = ['TX', 'OK', 'CA', 'NY', 'FL', 'WA', 'IL', 'GA', 'OH', 'MI']
SUM = 'COUNT(*), SUM(connected_at IS NOT NULL), SUM(converted), SUM(COALESCE(ended_at - answered_at, 0)), SUM(revenue), SUM(payout), 0'


def fill(database, organization, state, score):
    """Ended calls spread over the last days, each with a state and a score, added up as the server adds them up."""
    rng, now = random.Random(7), int(time.time() * 1000)
    db = sqlite3.connect(database)
    db.execute('PRAGMA synchronous = OFF')
    step = DAYS * 86400000 // CALLS

    def calls():
        for i in range(CALLS):
            at, talked = now - DAYS * 86400000 + i * step, rng.random() < 0.7
            yield ('call_%026d' % i, organization, 'cmp_%02d' % rng.randrange(CAMPAIGNS), 'pub_%02d' % rng.randrange(PUBLISHERS), '+1512%07d' % rng.randrange(300000), '+18005550100', 'completed', 'completed',
                   'routing_plan', 'tgt_%02d' % rng.randrange(TARGETS), at, at + 1000, at + 5000 if talked else None, at + 90000, int(talked and rng.random() < 0.4), 12500000 * talked, 9000000 * talked, '{}')

    def tags():
        for i in range(CALLS):
            call, at = 'call_%026d' % i, now - DAYS * 86400000 + i * step
            yield (call, state, organization, 'state', 'string', rng.choice(STATES), None, at)
            yield (call, score, organization, 'score', 'number', str(rng.randrange(1000)), None, at)

    db.executemany('INSERT INTO calls (id, organization_id, campaign_id, publisher_id, caller_id, number, status, disposition, execution_mode, target_id, started_at, answered_at, connected_at, ended_at, converted, revenue, payout, doc) '
                   'VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)', calls())
    db.executemany("INSERT INTO call_tags (call_id, tag_id, organization_id, name, kind, value, sensitive, number, source, at_ms) VALUES (?, ?, ?, ?, ?, ?, 0, ?, 'incoming_webhook', ?)", tags())
    db.execute("UPDATE call_tags SET number = CAST(value AS REAL) WHERE kind = 'number'")
    db.execute('INSERT INTO call_totals SELECT organization_id, started_at / 1800000, campaign_id, publisher_id, target_id, %s FROM calls GROUP BY 1, 2, 3, 4, 5' % SUM)
    for dimension, key in (('', "''"), ('campaign', 'campaign_id'), ('publisher', 'publisher_id'), ('target', 'target_id')):
        db.execute('INSERT INTO call_sums SELECT organization_id, ?, started_at / 1800000, %s, %s FROM calls GROUP BY 1, 3, 4' % (key, SUM), (dimension,))
    db.execute('INSERT INTO call_sums SELECT c.organization_id, t.tag_id, started_at / 1800000, t.value, %s FROM calls c JOIN call_tags t ON t.call_id = c.id AND t.tag_id = ? GROUP BY 1, 3, 4' % SUM, (state,))
    db.commit()
    db.close()


def measure(s):
    """s: a server whose database was filled."""
    since = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - (DAYS - 1) * 86400))
    day = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() - 86400))
    rare = json.dumps({'match': 'all', 'rules': [{'field': 'tag.state', 'op': 'equals', 'value': 'TX'}, {'field': 'tag.score', 'op': 'greater_or_equal', 'value': 998}]})
    asked = {
        'report_hour': '/reports/calls?' + urllib.parse.urlencode({'group_by': 'hour', 'from': day, 'time_zone': 'America/Chicago'}),
        'search_tags': '/calls?tag.state=TX&tag.score_gte=990',
        'search_rare': '/calls?tag.score=421&tag.state=WA',
        'search_filter': '/calls?' + urllib.parse.urlencode({'filter': rare}),
        'search_nothing': '/calls?tag.state=ZZ',
    }
    for by in ('day', 'campaign', 'publisher', 'target', 'tag.state'):
        asked['report_' + by.replace('tag.', 'tag_')] = '/reports/calls?' + urllib.parse.urlencode({'group_by': by, 'from': since, 'time_zone': 'America/Chicago'})
    for by, only in (('target', 'campaign_id=cmp_03'), ('campaign', 'publisher_id=pub_07'), ('day', 'campaign_id=cmp_03&target_id=tgt_05')):
        asked['report_%s_of_%s' % (by, only.split('_')[0])] = '/reports/calls?%s&%s' % (urllib.parse.urlencode({'group_by': by, 'from': since, 'time_zone': 'America/Chicago'}), only)
    figures = {}
    for name, path in asked.items():
        times = []
        for _ in range(5):
            began = time.time()
            rows = json.load(urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:%d/api/v1%s' % (s.http, path), headers={'Authorization': 'Bearer ' + s.key})))
            times.append((time.time() - began) * 1000)
        assert bool(rows['data']) == (name != 'search_nothing'), (name, rows)
        figures[name + '_ms'] = round(sorted(times)[2], 1)
    return figures
