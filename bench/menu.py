"""Callers in a menu: each hears a prompt and presses a key every few seconds, which stops the prompt and begins it again.
What a second of such a call costs, beside Asterisk, which reads the prompt in the form that it sends."""
import audioop
import io
import math
import os
import struct
import urllib.request
import wave

import relay

CALLS = 200
SECONDS = 15
KEY_SECONDS = 3
NUMBER = '+18005550199'
DIALPLAN = 'exten => %s,1,Answer()\n same => n(again),Read(DIGIT,/tmp/bench,1,,1,60)\n same => n,Goto(again)\n' % NUMBER


def tone():
    """20 seconds of 16-bit audio at 8 kHz."""
    return b''.join(struct.pack('<h', int(8000 * math.sin(2 * math.pi * 440 * i / 8000))) for i in range(160000))


def measure(name, load, calls, pid, cpu_seconds):
    before = cpu_seconds(pid)
    r = relay.load(load, calls, SECONDS, KEY_SECONDS)
    cost = (cpu_seconds(pid) - before) / (CALLS * SECONDS)
    return {name + '_call_second_cpu_ms': round(cost * 1000, 3), name + '_calls_per_core': round(1 / cost), name + '_heard_percent': round(100 * r['received'] / (CALLS * 50 * SECONDS), 1)}, r


def bench_menu(server, load, cpu_seconds):
    """server: one that nothing was configured in yet."""
    audio = io.BytesIO()
    with wave.open(audio, 'wb') as w:
        w.setparams((1, 2, 8000, 0, 'NONE', ''))
        w.writeframes(tone())
    prompt = server.api('POST', '/prompts', {'name': 'tone'})
    urllib.request.urlopen(urllib.request.Request('http://127.0.0.1:%d/api/v1/prompts/%s/audio' % (server.http, prompt['id']), method='PUT', data=audio.getvalue(), headers={'Authorization': 'Bearer ' + server.key, 'Content-Type': 'audio/wav'}))
    server.api('POST', '/trunks', {'name': 'loopback', 'inbound': {'allowed_addresses': ['127.0.0.1']}})
    flow = server.api('POST', '/call-flows', {'name': 'menu', 'draft': {
        'nodes': [{'id': 's', 'type': 'start'}, {'id': 'g', 'type': 'gather', 'config': {'prompt': {'prompt_id': prompt['id']}, 'max_digits': 1, 'timeout_seconds': 60, 'save_to': {'variable': 'digit'}}}],
        'edges': [{'from': 's', 'port': 'next', 'to': 'g'}, {'from': 'g', 'port': 'next', 'to': 'g'}]}})
    server.api('POST', '/call-flows/%s/publish' % flow['id'], {})
    campaign = server.api('POST', '/campaigns', {'name': 'campaign', 'execution_mode': 'call_flow', 'call_flow_id': flow['id']})
    server.api('POST', '/numbers', {'number': NUMBER, 'campaign_id': campaign['id']})
    figures, r = measure('menu', load, relay.Ends(server.sip).place_to_menu(NUMBER, CALLS), server.pid, cpu_seconds)
    heard = sum(1 for call in server.api('GET', '/calls?status=active&limit=1000')['data'] for e in server.api('GET', '/calls/%s/trace' % call['id'])['data'] if e.get('node') == 'g')
    return {**figures, 'menu_keys_missed': round(r['keys'] - heard), 'barge_in_p50_ms': round(r['p50_us'] / 1000, 1), 'barge_in_p99_ms': round(r['p99_us'] / 1000, 1)}


def bench_peer_menu(a, root, load, cpu_seconds):
    with open(os.path.join(root, 'tmp/bench.ulaw'), 'wb') as f:
        f.write(audioop.lin2ulaw(tone(), 2))
    return measure('asterisk_menu', load, relay.Ends(a.sip).place_to_menu(NUMBER, CALLS), a.pid, cpu_seconds)[0]
