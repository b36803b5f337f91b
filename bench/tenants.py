#!/usr/bin/env python3
"""One organization does its worst on each path in turn, and another's calls and requests are timed meanwhile.
Run by bench/run, or alone: bench/tenants.py [BINARY]."""
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = 8  # of each attack
SETTLE = 3  # then, for what is under way
PAUSE = 0.05  # between two calls, and between two requests, of the one that is timed
ATTACKERS = 6  # requests or calls under way at once
GOOD, COSTLY, ENDLESS = '+18005550100', '+18005550111', '+18005550122'


class Tenant:
    def __init__(self, http, key):
        self.http, self.key = http, key

    def raw(self, method, path, body=None, kind='application/json'):
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        request = urllib.request.Request('http://127.0.0.1:%d/api/v1%s' % (self.http, path), method=method, data=data,
                                         headers={'Authorization': 'Bearer ' + self.key, 'Content-Type': kind})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def api(self, method, path, body=None):
        return json.loads(self.raw(method, path, body))


class Caller:
    """Places one call after the other from a UDP socket of its own."""
    def __init__(self, sip):
        self.sip = sip
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.connect(('127.0.0.1', sip))
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]

    def message(self, method, number, call, cseq, to_tag='', body='', branch=None):
        return ('%s sip:%s@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n'
                'From: <sip:+15125550142@127.0.0.1>;tag=%s\r\nTo: <sip:%s@127.0.0.1>%s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n'
                'Contact: <sip:bench@127.0.0.1:%d>\r\n%sContent-Length: %d\r\n\r\n%s'
                % (method, number, self.sip, self.port, branch or '%s%d%s' % (call, cseq, method), call, number, to_tag, call, cseq, method,
                   self.port, 'Content-Type: application/sdp\r\n' if body else '', len(body), body)).encode()

    def wait_for(self, call, least):
        """The next response of the call with at least that status: (status, ;tag=…)."""
        while True:
            text = self.socket.recv(65536).decode(errors='replace')
            if not text.startswith('SIP/2.0 ') or call not in text:
                continue
            status = int(text[8:11])
            if status >= least:
                to = [line for line in text.split('\r\n') if line.lower().startswith('to:')][0]
                return status, ';tag=' + to.split(';tag=')[1] if ';tag=' in to else ''

    def place(self, number):
        """One call, hung up as soon as it is answered. Seconds until the final response."""
        call = '%016x' % random.getrandbits(64)
        sdp = ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n')
        invite = self.message('INVITE', number, call, 1, body=sdp)
        began = time.monotonic()
        self.socket.send(invite)
        status, tag = self.wait_for(call, 200)
        took = time.monotonic() - began
        self.socket.send(self.message('ACK', number, call, 1, tag, branch=None if status == 200 else call + '1INVITE'))
        if status == 200:
            self.socket.send(self.message('BYE', number, call, 2, tag))
            self.wait_for(call, 200)
        return took


def script(name, code):
    return {'id': name, 'type': 'javascript', 'config': {'code': code}}


def edge(source, port, target):
    return {'from': source, 'port': port, 'to': target}


def endless():
    """Scripts that are stopped, over and over."""
    return {'nodes': [{'id': 's', 'type': 'start'}, script('js', 'for (;;) {}'), {'id': 'w', 'type': 'wait', 'config': {'seconds': 1}}],
            'edges': [edge('s', 'next', 'js'), edge('js', 'next', 'w'), edge('js', 'error', 'w'), edge('w', 'next', 'js')]}


def in_a_row(count, salt):
    nodes = [script('js%d' % i, 'return {} // %s %d %s' % (salt, i, 'x' * 200)) for i in range(count)]
    return {'nodes': [{'id': 's', 'type': 'start'}, *nodes],
            'edges': [edge('s', 'next', 'js0'), *[edge('js%d' % i, 'next', 'js%d' % (i + 1)) for i in range(count - 1)]]}


def flac(seconds):
    """None without sox."""
    with tempfile.NamedTemporaryFile(suffix='.flac') as f, contextlib.suppress(OSError, subprocess.CalledProcessError):
        subprocess.run(['sox', '-n', '-r', '96000', '-c', '2', f.name, 'trim', '0', str(seconds)], check=True)
        return open(f.name, 'rb').read()
    return None


def flow(tenant, name, draft):
    made = tenant.api('POST', '/call-flows', {'name': name, 'draft': draft})
    tenant.api('POST', '/call-flows/%s/publish' % made['id'], {})
    return made['id']


def number(tenant, e164, fields):
    campaign = tenant.api('POST', '/campaigns', {'name': e164, **fields})
    tenant.api('POST', '/numbers', {'number': e164, 'campaign_id': campaign['id']})


def prepare(good, bad):
    for tenant in (good, bad):
        tenant.api('POST', '/trunks', {'name': 'loopback', 'inbound': {'allowed_addresses': ['127.0.0.1']}})
    answer = {'nodes': [{'id': 's', 'type': 'start'}, {'id': 'p', 'type': 'play', 'config': {'prompt': {'text': 'hello'}}}], 'edges': [edge('s', 'next', 'p')]}
    number(good, GOOD, {'execution_mode': 'call_flow', 'call_flow_id': flow(good, 'answer', answer)})
    number(bad, ENDLESS, {'execution_mode': 'call_flow', 'call_flow_id': flow(bad, 'endless', endless())})
    tag = bad.api('POST', '/custom-tags', {'name': 'long'})['id']
    entries = []
    for t in range(60):
        rules = [{'field': 'tag.long', 'op': 'matches', 'value': '^(a+)+[0-9]|q%d' % (t * 20 + r)} for r in range(20)]
        target = bad.api('POST', '/targets', {'name': 'T%d' % t, 'destination': {'type': 'sip', 'uri': 'sip:nobody@127.0.0.1:9'}, 'filter': {'match': 'any', 'rules': rules}})
        entries.append({'target_id': target['id']})
    plan = bad.api('POST', '/routing-plans', {'name': 'costly', 'entries': entries})['id']
    number(bad, COSTLY, {'routing_plan_id': plan, 'tag_defaults': [{'tag_id': tag, 'value': 'a' * 200}]})
    return good.api('POST', '/incoming-webhooks', {'name': 'hook'})['key']


def attacks(bad, sip):
    """{name: what one attacker does over and over}"""
    some = flow(bad, 'empty', {'nodes': [{'id': 's', 'type': 'start'}], 'edges': []})
    prompt, audio = bad.api('POST', '/prompts', {'name': 'bomb'})['id'], flac(300)
    found = {
        'nothing': lambda caller: time.sleep(0.1),
        'filters': lambda caller: caller.place(COSTLY),
        'scripts': lambda caller: caller.place(ENDLESS),
    }
    if audio:
        found['upload'] = lambda caller: bad.raw('PUT', '/prompts/%s/audio' % prompt, audio, 'audio/flac')
    found['simulate'] = lambda caller: bad.raw('POST', '/call-flows/%s/simulate' % some, {'document': endless()})
    found['check'] = lambda caller: bad.raw('POST', '/call-flows/%s/check' % some, in_a_row(900, random.random()))
    return found


def over_and_over(what, sip, until):
    caller = Caller(sip)
    while time.monotonic() < until:
        try:
            what(caller)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503):
                raise
            time.sleep(0.2)
        except OSError:
            pass


def timed(what, until):
    took = []
    while time.monotonic() < until:
        began = time.monotonic()
        took.append(what() or time.monotonic() - began)
        time.sleep(PAUSE)
    return sorted(took)


def call_data(http, key):
    request = urllib.request.Request('http://127.0.0.1:%d/call-data?key=%s' % (http, key), method='POST', data=b'{"caller_id":"+15125550123","state":"TX"}',
                                     headers={'Content-Type': 'application/json'})
    urllib.request.urlopen(request).read()


def at(took, percent):
    return round(took[min(len(took) - 1, len(took) * percent // 100)] * 1000, 1)


def measure(http, sip, good_key, bad_key):
    """Pairs of a name and its figures, as they come."""
    good, bad = Tenant(http, good_key), Tenant(http, bad_key)
    key, caller = prepare(good, bad), Caller(sip)
    caller.place(GOOD)  # the voice is loaded
    for name, what in attacks(bad, sip).items():
        until, requests = time.monotonic() + SECONDS, []
        threads = [threading.Thread(target=over_and_over, args=(what, sip, until), daemon=True) for _ in range(ATTACKERS)]
        threads.append(threading.Thread(target=lambda: requests.extend(timed(lambda: call_data(http, key), until)), daemon=True))
        for t in threads:
            t.start()
        time.sleep(0.3)
        calls = timed(lambda: caller.place(GOOD), until)
        for t in threads:  # what still waits for its answer disturbs the next a little
            t.join(max(0, until + SETTLE - time.monotonic()))
        yield 'beside_%s' % name, {'invite_p50_ms': at(calls, 50), 'invite_p99_ms': at(calls, 99), 'call_data_p50_ms': at(requests, 50), 'call_data_p99_ms': at(requests, 99)}


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'build/release/strowger')
    with tempfile.TemporaryDirectory() as folder:
        data, secret, http, sip = os.path.join(folder, 'data'), os.path.join(folder, 'password'), free_port(), free_port()
        with open(secret, 'w') as f:
            f.write('correct horse battery\n')
        init = [binary, 'init', '--data', data, '--organization', 'Good', '--email', 'g@example.com', '--password-file', secret]
        add = [binary, 'organization', 'add', '--data', data, '--name', 'Bad', '--email', 'b@example.com']
        good, bad = (json.loads(subprocess.run(c, check=True, capture_output=True).stdout)['api_key'] for c in (init, add))
        server = subprocess.Popen([binary, 'serve', '--data', data, '--http', '127.0.0.1:%d' % http, '--sip', 'udp:127.0.0.1:%d' % sip,
                                   '--rtp-ports', '21000-29999', '--drain-seconds', '0'], stderr=subprocess.DEVNULL)
        try:
            while True:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen('http://127.0.0.1:%d/healthz' % http)
                    break
                time.sleep(0.05)
            for name, figure in measure(http, sip, good, bad):
                print('%-20s %s' % (name, figure), flush=True)
        finally:
            server.terminate()
            server.wait()


if __name__ == '__main__':
    main()
