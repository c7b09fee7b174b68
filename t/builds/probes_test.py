"""The static probes: those that docs/profiling.md lists, with as many
arguments, are in the module, and the scripts of tools/ know no others."""

import glob
import re
import subprocess
import sys

from nginx import Tap

MODULE = 'build/modules/ngx_http_websocket_module.so'


def documented():
    with open('docs/profiling.md', encoding='utf-8') as f:
        return {m[1]: len(re.sub(r': [^,]*,', ':', m[2]).split(','))
                for m in re.finditer(r'^\| `(\w+)` \| .* \| (.*) \|$',
                                     f.read(), re.M)}


def built():
    notes = subprocess.run(['readelf', '-n', MODULE], check=True,
                           capture_output=True, text=True).stdout
    return {m[1]: len(m[2].split()) for m in re.finditer(
        r'Provider: ngx_websocket\n\s+Name: (\w+)\n.*\n\s+Arguments: (.*)',
        notes)}


def traced():
    found = set()
    for name in glob.glob('tools/*.bt'):
        with open(name, encoding='utf-8') as f:
            found |= set(re.findall(r'usdt:MODULE:ngx_websocket:(\w+)',
                                    f.read()))
    return found


if __name__ == '__main__':
    if not glob.glob('/usr/include/sys/sdt.h') \
            + glob.glob('/usr/include/*/sys/sdt.h'):
        print('1..0 # SKIP the module was built without sys/sdt.h')
        sys.exit()

    tap = Tap()
    tap.ok(len(documented()) == 6, f'documented: {documented()}')
    tap.ok(built() == documented(), f'built: {built()}')
    tap.ok(traced() == set(documented()), f'traced: {traced()}')
    usage = subprocess.run(['tools/trace', 'nothing'], capture_output=True,
                           text=True)
    tap.ok(usage.returncode == 2 and 'tools/trace latency' in usage.stderr,
           f'usage: {usage.stderr[:60]}')
    tap.done()
