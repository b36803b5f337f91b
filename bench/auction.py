"""Auctions of many buyers: the time from the answer of the slowest to the INVITE of the winner."""
import json
import re
import selectors
import socket
import threading
import time

BUYERS, SECONDS, RATE, DELAY = 20, 20, 10, 0.05  # auctions a second; each buyer answers after so long


class Buyers(threading.Thread):
    """All of them at one HTTP port, and the phone of the winner at one SIP port, by one clock."""

    def __init__(self):
        super().__init__(daemon=True)
        self.web, self.sip = socket.create_server(('127.0.0.1', 0), backlog=1024), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sip.bind(('127.0.0.1', 0))
        self.answered, self.invited, self.asked, self.stop = {}, {}, {}, False

    def run(self):
        select, waiting, rest = selectors.DefaultSelector(), [], {}
        for s in (self.web, self.sip):
            s.setblocking(False)
            select.register(s, selectors.EVENT_READ)
        while not self.stop:
            now = time.monotonic()
            for key, _ in select.select(max(0, waiting[0][0] - now) if waiting else 0.1):
                s = key.fileobj
                if s is self.web:
                    connection, _ = s.accept()
                    connection.setblocking(False)
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    select.register(connection, selectors.EVENT_READ)
                    rest[connection] = b''
                elif s is self.sip:
                    self.take_sip()
                else:
                    self.take_ping(s, rest, waiting, select)
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, connection, call, bid = waiting.pop(0)
                body = b'{"accepted":true,"bid":%d}' % bid
                connection.send(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (len(body), body))
                self.answered[call] = time.monotonic()

    def take_ping(self, s, rest, waiting, select):
        data = s.recv(65536)
        if not data:
            select.unregister(s)
            s.close()
            return
        rest[s] += data
        while True:
            head, found, after = rest[s].partition(b'\r\n\r\n')
            if not found:
                return
            length = int(re.search(rb'(?i)content-length: (\d+)', head).group(1))
            if len(after) < length:
                return
            ping, rest[s] = json.loads(after[:length]), after[length:]
            self.asked.setdefault(ping['call'], time.monotonic())
            waiting.append((time.monotonic() + DELAY, s, ping['call'], int(ping['buyer']) + 1))

    def take_sip(self):
        data, sender = self.sip.recvfrom(65536)
        at, text = time.monotonic(), data.decode()
        if not text.startswith('INVITE'):
            return
        self.invited[re.search(r'X-Strowger-Call-ID: (\S+)', text).group(1)] = at
        copied = [line for line in text.split('\r\n') if re.match(r'(?i)(Via|From|Call-ID|CSeq):', line)]
        to = re.search(r'(?m)^To:.*?\r$', text).group(0).rstrip()
        self.sip.sendto('\r\n'.join(['SIP/2.0 486 Busy Here', *copied, to + ';tag=buyer', 'Content-Length: 0', '', '']).encode(), sender)


def measure(s, place_calls):
    """Milliseconds from the last answer to the INVITE, of a tree of all buyers and of one alone."""
    buyers, figures = Buyers(), {}
    buyers.start()
    web, sip = buyers.web.getsockname()[1], buyers.sip.getsockname()[1]
    ids = [s.api('POST', '/rtb-targets', {
        'name': 'Buyer %d' % i, 'request': {'url': 'http://127.0.0.1:%d/ping' % web, 'headers': {'Content-Type': 'application/json'}, 'body': '{"call":[CALL_ID],"buyer":"%d","state":[CALLER_STATE]}' % i},
        'response': {'accepted': '/accepted', 'bid': '/bid'}, 'destination': {'type': 'sip', 'uri': 'sip:127.0.0.1:%d' % sip}})['id'] for i in range(BUYERS)]
    campaign = s.api('GET', '/campaigns?limit=1')['data'][0]['id']
    try:
        for name, count in (('one', 1), ('twenty', BUYERS)):
            tree = s.api('POST', '/ring-trees', {'name': name, 'targets': [{'rtb_target_id': i} for i in ids[:count]], 'max_attempts': 1})['id']
            plan = s.api('POST', '/routing-plans', {'name': name, 'entries': [{'ring_tree_id': tree}]})['id']
            s.api('PATCH', '/campaigns/' + campaign, {'execution_mode': 'routing_plan', 'routing_plan_id': plan})
            time.sleep(0.5)
            buyers.answered, buyers.invited, buyers.asked = {}, {}, {}
            caller = place_calls(s.sip, RATE * SECONDS, RATE)
            caller.wait(SECONDS + 30)
            time.sleep(1)
            added = sorted((buyers.invited[c] - at) * 1000 for c, at in buyers.answered.items() if c in buyers.invited)
            whole = sorted((buyers.invited[c] - at) * 1000 for c, at in buyers.asked.items() if c in buyers.invited)
            assert len(added) >= RATE * SECONDS * 0.95, '%d of %d auctions ended in a call' % (len(added), RATE * SECONDS)
            figures.update({'auction_%s_added_p50_ms' % name: round(added[len(added) // 2], 2), 'auction_%s_added_p99_ms' % name: round(added[len(added) * 99 // 100], 2), 'auction_%s_whole_p50_ms' % name: round(whole[len(whole) // 2], 1)})
    finally:
        buyers.stop = True
    return figures
