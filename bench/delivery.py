"""Deliveries of outgoing webhooks from a backlog on disk, beside a bare libcurl loop that keeps nothing."""
import json
import sqlite3
import subprocess
import time


def fill(database, organization, webhook, count):
    """Events of many calls that wait to be delivered."""
    now = int(time.time() * 1000)
    db = sqlite3.connect(database)
    db.execute('PRAGMA synchronous = OFF')
    payload = json.dumps({'id': 'evt', 'type': 'call.completed', 'organization_id': organization, 'data': {'call': {'id': 'call', 'filler': 'x' * 780}}}, separators=(',', ':'))
    db.executemany("INSERT INTO deliveries (id, organization_id, webhook_id, event_id, event_type, call_id, payload, status, attempt_count, next_attempt_at, created_at, updated_at, sequence) "
                   "VALUES (?, ?, ?, ?, 'call.completed', ?, ?, 'pending', 0, ?, ?, ?, ?)",
                   (('dlv_%026d' % i, organization, webhook, 'evt_%026d' % i, 'call_%026d' % (i // 10), payload, now, now, now, i % 10 + 1) for i in range(count)))
    db.commit()
    db.close()


def drained(database, backlog):
    """Seconds until no more than backlog wait."""
    began = time.time()
    db = sqlite3.connect(database)
    while db.execute("SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'failed')").fetchone()[0] > backlog:
        time.sleep(0.3)
        assert time.time() - began < 900, 'the backlog is not drained'
    db.close()
    return time.time() - began


def tries(database):
    db = sqlite3.connect(database)
    count = db.execute('SELECT COUNT(*) FROM delivery_attempts').fetchone()[0]
    db.close()
    return count


def states(database):
    """How many deliveries are in each state."""
    db = sqlite3.connect(database)
    counts = {'outage_' + status: count for status, count in db.execute('SELECT status, COUNT(*) FROM deliveries GROUP BY status')}
    db.close()
    return counts


def made_at(event_id):
    """The milliseconds in evt_ and a ULID."""
    ms = 0
    for c in event_id[4:14]:
        ms = ms * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.index(c)
    return ms


def waits(log):
    """Milliseconds from each event's making to its request, in order of size. log: lines of a time in seconds and a webhook-id."""
    with open(log) as f:
        return sorted(round(float(line.split()[0]) * 1000) - made_at(line.split()[1]) for line in f)


def bare(program, url, count, concurrency):
    return float(subprocess.run([program, url, str(count), str(concurrency)], check=True, capture_output=True, text=True).stdout)
