"""Numbers for visitors of landing pages, and bids for publishers, at a fixed rate while calls go on; the server has one core, who asks the others."""
import os
import re
import subprocess

FOLDER = os.path.dirname(os.path.abspath(__file__))
CONNECTIONS, SECONDS = 64, 8
LEASES, BIDS = 5000, 2100  # a second, or a little less
NUMBERS = 1000
OTHERS = ['taskset', '-c', '1-%d' % (os.cpu_count() - 1)] if os.cpu_count() > 1 else []


def paced(script, url, rate, env=()):
    """Requests a second and the 99th percentile in ms, at about that rate."""
    out = subprocess.run([*OTHERS, 'wrk', '-t', '1', '-c', str(CONNECTIONS), '-d', '%ds' % SECONDS, '--latency', '-s', os.path.join(FOLDER, script), url], check=True, capture_output=True, text=True,
                         env={**os.environ, 'PAUSE_MS': str(CONNECTIONS * 1000 // rate), **dict(env)}).stdout
    assert 'Non-2xx' not in out, out
    p99 = re.search(r'99%\s+([\d.]+)(us|ms|s)', out)
    return float(re.search(r'Requests/sec:\s+([\d.]+)', out).group(1)), float(p99.group(1)) * {'us': 0.001, 'ms': 1, 's': 1000}[p99.group(2)]


def prepare(s):
    campaign = s.api('GET', '/campaigns?limit=1')['data'][0]['id']
    s.api('POST', '/custom-tags', {'name': 'utm_source'})
    s.api('POST', '/custom-tags', {'name': 'utm_term'})
    pool = s.api('POST', '/number-pools', {'name': 'pool', 'campaign_id': campaign})['id']
    for i in range(NUMBERS):
        s.api('POST', '/numbers', {'number': '+1512556%04d' % i, 'pool_id': pool})
    snippet = s.api('POST', '/dni-snippets', {'name': 'snippet', 'pool_id': pool, 'numbers': ['800-555-0100'], 'leases_of_address': 100000})['id']
    publisher = s.api('POST', '/publishers', {'name': 'publisher'})['id']
    return snippet, s.api('POST', '/inbound-rtb', {'name': 'endpoint', 'campaign_id': campaign, 'publisher_id': publisher})['id']


def measure(s, cpu_seconds, bare):
    """bare: a server that keeps nothing, asked the same; or None."""
    snippet, endpoint = prepare(s)
    if OTHERS:
        subprocess.run(['taskset', '-a', '-c', '-p', '0', str(s.pid)], check=True, capture_output=True)
    base, figures = 'http://127.0.0.1:%d' % s.http, {}
    for name, script, url, rate in (('dni_leases', 'visitors.lua', base + '/dni/lease', LEASES), ('rtb_bids', 'bids.lua', base + '/inbound_rtb/' + endpoint, BIDS)):
        before = cpu_seconds(s.pid)
        made, p99 = paced(script, url, rate, {'SNIPPET': snippet}.items())
        figures.update({name + '_per_second': round(made), name + '_p99_ms': round(p99, 2), name + '_cpu_ms': round((cpu_seconds(s.pid) - before) / (made * SECONDS) * 1000, 3)})
        if bare:
            figures[name + '_nginx_p99_ms'] = round(paced(script, bare, rate, {'SNIPPET': snippet}.items())[1], 2)
    return figures
