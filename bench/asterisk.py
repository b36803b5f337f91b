"""Asterisk of Debian sid, as the peer of `make bench`: installed by debootstrap into build/asterisk
(once, as root; without that the figures are left out), run there by chroot on a free loopback port."""
import os
import shutil
import socket
import subprocess
import time

import menu

FILES = {
    'asterisk.conf': '[directories](!)\n[options]\nverbose = 0\ndebug = 0\n',
    'logger.conf': '[logfiles]\n',
    'cdr.conf': '[general]\nenable = no\n',
    'modules.conf': '[modules]\nautoload = yes\nnoload = chan_iax2.so\nnoload = pbx_dundi.so\nnoload = chan_unistim.so\nnoload = res_pjsip_phoneprov_provider.so\n',
    'rtp.conf': '[general]\nrtpstart = 30000\nrtpend = 39999\n',
    'extensions.conf': '[in]\nexten => _[+0-9].,1,Dial(PJSIP/agent)\n same => n,Hangup()\n' + menu.DIALPLAN,
    'pjsip.conf': '''[udp]
type = transport
protocol = udp
bind = 127.0.0.1:%(sip)d

[caller]
type = endpoint
context = in
disallow = all
allow = ulaw
direct_media = no

[caller]
type = identify
endpoint = caller
match = 127.0.0.1

[agent]
type = aor
contact = sip:agent@127.0.0.1:%(agent)d

[agent]
type = endpoint
aors = agent
disallow = all
allow = ulaw
direct_media = no
''',
}


def install(root):
    """True when there is an Asterisk in root. Takes a minute the first time."""
    binary = os.path.join(root, 'usr/sbin/asterisk')
    if os.path.exists(binary):
        return True
    if os.geteuid() != 0 or not shutil.which('debootstrap'):
        return False
    shutil.rmtree(root, ignore_errors=True)
    made = subprocess.run(['debootstrap', '--variant=minbase', '--include=asterisk', 'sid', root, 'http://deb.debian.org/debian'],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return made.returncode == 0 and os.path.exists(binary)


class Asterisk:
    def __init__(self, root, sip, agent):
        folder = os.path.join(root, 'etc/asterisk')
        shutil.rmtree(folder)
        os.makedirs(folder)
        for name, text in FILES.items():
            with open(os.path.join(folder, name), 'w') as f:
                f.write(text % {'sip': sip, 'agent': agent} if name == 'pjsip.conf' else text)
        with open(os.path.join(root, 'etc/hosts'), 'w') as f:  # its own name is asked for with each call
            f.write('127.0.0.1 localhost %s\n' % socket.gethostname())
        self.process = subprocess.Popen(['chroot', root, '/usr/sbin/asterisk', '-f'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        self.pid, self.sip = self.process.pid, sip
        self.wait_until_it_answers()

    def wait_until_it_answers(self):
        text = ('OPTIONS sip:a@127.0.0.1:%d SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: <sip:b@127.0.0.1>;tag=1\r\n'
                'To: <sip:a@127.0.0.1>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(('127.0.0.1', 0))
            s.settimeout(0.5)
            for i in range(60):
                s.sendto((text % (self.sip, s.getsockname()[1], i, i)).encode(), ('127.0.0.1', self.sip))
                try:
                    s.recv(4096)
                    return
                except OSError:
                    time.sleep(0.2)
        self.stop()
        raise RuntimeError('Asterisk did not answer')

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
