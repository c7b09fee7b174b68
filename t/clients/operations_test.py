"""What operators do: a reload that must be refused, HTTP/2, kills in a row."""

import os
import signal
import subprocess
import time

from nginx import BUILD, Nginx, Tap, free_port
from peer import FIN, TEXT, connect, frame

HTTP2 = free_port()
JS = '/usr/lib/nginx/modules/ngx_http_js_module.so'

CONF = f'''
    websocket_zone zone=live:1m;
    server {{
        listen 127.0.0.1:$PORT;
        listen 127.0.0.1:{HTTP2} http2;
        add_header X-Worker $pid always;
        location = /ws {{ websocket pubsub; websocket_channel x; }}
        location = /publish {{ websocket_publish; websocket_channel x; }}
    }}
'''


def curl(*arguments):
    run = subprocess.run(['curl', '-s', '-m', '10', '-w', ' %{http_code}',
                          *arguments], capture_output=True, text=True,
                         check=False)
    return run.stdout


def resized(tap, nginx):
    path = f'{nginx.prefix}/nginx.conf'
    with open(path) as f:
        conf = f.read()
    with open(path, 'w') as f:
        f.write(conf.replace('live:1m', 'live:2m'))

    ws, _ = connect(nginx.port, '/ws')
    nginx.process.send_signal(signal.SIGHUP)
    nginx.wait(lambda: 'the size of websocket zone "live" changed from 1048576 '
               'to 2097152 bytes' in nginx.log())
    tap.ok(True, 'a reload with another size of the zone is refused')

    ws.sendall(frame(FIN | TEXT, b'on'))
    tap.ok(ws.recv(4) == b'\x81\x02on', 'and everything goes on')
    ws.close()

    with open(path, 'w') as f:
        f.write(conf)


def http2(tap):
    url = f'http://127.0.0.1:{HTTP2}/ws'
    answer = curl('--http2-prior-knowledge', '-H', 'Sec-WebSocket-Version: 13',
                  url)
    tap.ok('uses HTTP/2' in answer and answer.endswith(' 400'),
           f'HTTP/2 is refused: {answer}')
    answer = curl('--http2-prior-knowledge', '-I', url)
    tap.ok(answer.endswith(' 426') and 'upgrade:' not in answer.lower(),
           f'and HEAD is told so: {answer[-4:]}')


SCRIPT = '''
    js_path .;
    js_import log.js;
    js_set $device log.device;
    log_format js '$uri device=$device';
    server {
        listen 127.0.0.1:$PORT;
        access_log logs/js.log js;
        add_header X-Worker $pid always;
        location = /end { websocket echo; }
        location = /start { websocket echo; websocket_access_log start; }
    }
'''


def scripts(tap):
    """A script may read any header when the log's line is written."""
    prefix = os.path.abspath(f'{BUILD}/clients/script')
    own = os.environ['TEST_NGINX_LOAD_MODULES']
    os.environ['TEST_NGINX_LOAD_MODULES'] = f'{own} {JS}'
    nginx = Nginx('script', SCRIPT, files={'log.js': '''
        export default { device: r => r.headersIn['X-Device'] };
    '''})
    os.environ['TEST_NGINX_LOAD_MODULES'] = own
    try:
        for path in '/start', '/end':
            ws, _ = connect(nginx.port, path, 'X-Device: phone')
            ws.close()
            line = f'{path} device=phone\n'

            def logged(line=line):
                with open(f'{prefix}/logs/js.log') as f:
                    return line in f.read()

            nginx.wait(logged)
            tap.ok(True, f'logged by a script: {line.strip()}')
        tap.ok(not nginx.alerts(), 'no alerts of it')
    finally:
        nginx.stop()


def killed_in_a_row(tap, nginx):
    """A slot is free again however often its worker dies."""
    for _ in range(40):
        victim = nginx.workers()[0]
        os.kill(victim, signal.SIGKILL)
        nginx.wait(lambda v=victim: v not in nginx.workers()
                   and len(nginx.workers()) == 2)

    def serves():
        try:
            ws, _ = connect(nginx.port, '/ws')
        except (AssertionError, IndexError, OSError):
            return False
        ws.close()
        return True

    nginx.wait(serves)
    tap.ok('no free worker slot' not in nginx.log(),
           'forty workers killed in a row, and there are slots')

    end = time.monotonic() + 10
    url = f'http://127.0.0.1:{nginx.port}/publish'
    while time.monotonic() < end and not curl('-d', 'x', url).endswith(' 202'):
        time.sleep(0.1)
    tap.ok(curl('-d', 'x', url).endswith(' 202'),
           'and nobody is counted who is gone')


if __name__ == '__main__':
    tap = Tap()
    nginx = Nginx('operations', CONF)
    try:
        resized(tap, nginx)
        http2(tap)
        scripts(tap)
        killed_in_a_row(tap, nginx)
        alerts = nginx.alerts(but=('exited on signal 9', 'the size of'))
        tap.ok(not alerts, f'no alerts {alerts[:3]}')
    finally:
        nginx.stop()
    tap.done()
