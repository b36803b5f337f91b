"""Audio through the relay, and through rtpengine in user space: what a packet costs, and how long it takes."""
import os
import re
import shutil
import socket
import subprocess
import time

CALLS = 200
SECONDS = 8
LOCAL = 10000  # the load's ports, four a call
LIMIT_PORTS = '30000-65000'  # of a server whose limit is looked for
STEP, MOST, RECORDED = 250, 4500, 500  # a call has four sockets, and a process 20,000 files
LOST, LATE_US = 0.0001, 20000  # of the packets: so many are none; a packet that is late by its own length is as good as lost


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def sdp(port):
    return ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n'
            'a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n' % port)


def media_port(text):
    return int(re.search(r'^m=audio (\d+)', text, re.M).group(1))


def load(binary, calls, seconds, key_seconds=0):
    """calls: (port a, relay's for a, port b, relay's for b) each."""
    out = subprocess.run([binary, str(seconds), str(key_seconds)], input=''.join('%d %d %d %d\n' % c for c in calls), check=True, capture_output=True, text=True).stdout
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


class Ends:
    """Caller and target of calls, by one socket."""
    def __init__(self, server):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind(('127.0.0.1', 0))
        self.socket.settimeout(10)
        self.port = self.socket.getsockname()[1]

    def send(self, lines, body=''):
        text = '\r\n'.join(lines + (['Content-Type: application/sdp'] if body else []) + ['Content-Length: %d' % len(body)])
        self.socket.sendto((text + '\r\n\r\n' + body).encode(), ('127.0.0.1', self.server))

    def request(self, method, i, uri, to, body='', cseq=1):
        self.send(['%s %s SIP/2.0' % (method, uri), 'Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%d' % (self.port, method, i), 'Max-Forwards: 70',
                   'From: <sip:+1512%07d@127.0.0.1>;tag=b' % i, 'To: ' + to, 'Call-ID: bench-%d' % i, 'CSeq: %d %s' % (cseq, method), 'Contact: <sip:b@127.0.0.1:%d>' % self.port], body)

    def place_to_menu(self, number, count):
        """Calls that the server answers itself; the lines for load()."""
        return [(a, relay_a, 0, 0) for a, relay_a, _, _ in self.place(number, count, False)]

    def place(self, number, count, dials=True, first=0):
        """Calls that are answered; the lines for load()."""
        relay_a, relay_b, uri = {}, {}, 'sip:%s@127.0.0.1:%d' % (number, self.server)
        for i in range(first, first + count):
            self.request('INVITE', i, uri, '<%s>' % uri, sdp(LOCAL + 4 * i))
            while i not in relay_a:
                self.take(relay_a, relay_b)
        return [(LOCAL + 4 * i, relay_a[i], LOCAL + 4 * i + 2, relay_b[i] if dials else 0) for i in range(first, first + count)]

    def take(self, relay_a, relay_b):
        text = self.socket.recv(65536).decode()
        copied = [line for line in text.split('\r\n') if re.match(r'(Via|From|To|Call-ID|CSeq):', line)]
        if text.startswith('INVITE'):
            i = int(re.search(r'^From:.*\+1512(\d{7})', text, re.M).group(1))
            relay_b[i] = media_port(text)
            self.send(['SIP/2.0 200 OK'] + [line + ';tag=t' if line.startswith('To:') else line for line in copied] + ['Contact: <sip:t@127.0.0.1:%d>' % self.port], sdp(LOCAL + 4 * i + 2))
        elif text.startswith('SIP/2.0 200') and re.search(r'^CSeq:.*INVITE', text, re.M):
            i = int(re.search(r'^Call-ID: *bench-(\d+)', text, re.M).group(1))
            relay_a[i] = media_port(text)
            contact = re.search(r'^Contact: *<([^>]*)>', text, re.M).group(1)
            self.request('ACK', i, contact, re.search(r'^To: *(.*?)\r?$', text, re.M).group(1))
        elif text.startswith('SIP/2.0 4') or text.startswith('SIP/2.0 5'):
            raise RuntimeError(text)


def bencode(value):
    if isinstance(value, dict):
        return b'd' + b''.join(bencode(k) + bencode(v) for k, v in sorted(value.items())) + b'e'
    return b'%d:%s' % (len(value.encode()), value.encode())


class Rtpengine:
    """As Debian packages it, without its kernel module."""
    @staticmethod
    def there():
        return shutil.which('rtpengine') is not None

    def __init__(self):
        self.port = free_port()
        self.process = subprocess.Popen(['rtpengine', '--foreground', '--config-file=none', '--table=-1', '--interface=127.0.0.1', '--listen-ng=127.0.0.1:%d' % self.port, '--port-min=30000', '--port-max=39999', '--log-level=3', '--log-stderr'],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(2)
        for _ in range(20):
            try:
                self.ask({'command': 'ping'})
                break
            except OSError:
                time.sleep(0.2)

    def ask(self, command):
        self.socket.sendto(b'c%d ' % time.monotonic_ns() + bencode(command), ('127.0.0.1', self.port))
        return self.socket.recv(65536).decode()

    def place(self, count):
        calls = []
        for i in range(count):
            common = {'call-id': 'bench-%d' % i, 'from-tag': 'a%d' % i, 'ICE': 'remove'}
            for_b = media_port(self.ask({'command': 'offer', 'sdp': sdp(LOCAL + 4 * i), **common}).replace('\r', ''))
            for_a = media_port(self.ask({'command': 'answer', 'to-tag': 'b%d' % i, 'sdp': sdp(LOCAL + 4 * i + 2), **common}).replace('\r', ''))
            calls.append((LOCAL + 4 * i, for_a, LOCAL + 4 * i + 2, for_b))
        return calls

    def stop(self):
        self.process.kill()
        self.process.wait()


def measure(name, binary, calls, pid, cpu_seconds, seconds=SECONDS):
    before = cpu_seconds(pid)
    r = load(binary, calls, seconds)
    cpu = cpu_seconds(pid) - before
    return {name + '_packet_cpu_us': round(cpu / max(r['received'], 1) * 1e6, 2), name + '_lost': round(r['sent'] - r['received']), name + '_p50_us': round(r['p50_us']), name + '_p99_us': round(r['p99_us'])}


def prepare(server, **campaign):
    """The ends of calls through a server that nothing was configured in yet, and the number to call."""
    ends, number = Ends(server.sip), '+18005550100'
    server.api('POST', '/trunks', {'name': 'loopback', 'inbound': {'allowed_addresses': ['127.0.0.1']}})
    target = server.api('POST', '/targets', {'name': 'end', 'destination': {'type': 'sip', 'uri': 'sip:end@127.0.0.1:%d' % ends.port}})
    plan = server.api('POST', '/routing-plans', {'name': 'plan', 'entries': [{'target_id': target['id']}]})
    made = server.api('POST', '/campaigns', {'name': 'campaign', 'routing_plan_id': plan['id'], **campaign})
    server.api('POST', '/numbers', {'number': number, 'campaign_id': made['id']})
    return ends, number


def bench_limit(server, binary, cpu_seconds):
    """How many calls talk at once before packets are lost or late, while the load shares the cores; server: with LIMIT_PORTS."""
    ends, number = prepare(server)
    calls, figures = [], {'talking_calls_without_loss': 0}
    while len(calls) < MOST:
        calls += ends.place(number, STEP, first=len(calls))
        before, began = cpu_seconds(server.pid), time.time()
        r = load(binary, calls, SECONDS)
        figures.update(talking_tried=len(calls), talking_server_cpu_percent=round(100 * (cpu_seconds(server.pid) - before) / (time.time() - began)), talking_p99_us=round(r['p99_us']))
        if r['sent'] - r['received'] > r['sent'] * LOST or r['p99_us'] > LATE_US:
            break
        figures['talking_calls_without_loss'] = len(calls)
    return figures


def bench_recorded(server, binary, cpu_seconds):
    ends, number = prepare(server, recording=True)
    return measure('recorded', binary, ends.place(number, RECORDED), server.pid, cpu_seconds)


def bench_relay(server, binary, cpu_seconds):
    """server: one that nothing was configured in yet. It comes last: calls that are silent afterwards get comfort noise from it."""
    direct = load(binary, [(LOCAL + 4 * i, LOCAL + 4 * i + 2, LOCAL + 4 * i + 2, LOCAL + 4 * i) for i in range(CALLS)], 3)
    figures = {'direct_p50_us': round(direct['p50_us']), 'direct_p99_us': round(direct['p99_us'])}
    if Rtpengine.there():
        peer = Rtpengine()
        try:
            figures.update(measure('rtpengine', binary, peer.place(CALLS), peer.process.pid, cpu_seconds))
        finally:
            peer.stop()
    ends, number = prepare(server)
    figures.update(measure('relay', binary, ends.place(number, CALLS), server.pid, cpu_seconds))
    if 'rtpengine_packet_cpu_us' in figures:
        figures['relay_to_rtpengine'] = round(figures['rtpengine_packet_cpu_us'] / figures['relay_packet_cpu_us'], 2)
    return figures
