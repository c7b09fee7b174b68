"""The documents: every directive, variable and metric is in them, each link
leads somewhere, the tests, files and functions that they name exist, and CHANGES
begins with the present version."""

import glob
import os
import re
import sys

from nginx import Tap

DOCS = ['README.md', 'CONTRIBUTING.md'] + sorted(glob.glob('docs/**/*.md', recursive=True))


def read(name):
    with open(name, encoding='utf-8') as f:
        return f.read()


def prose(text):
    """The lines of a text outside of its blocks of code, as (number, line):
    these have a fence, or stand four columns in."""
    fence = False
    for n, line in enumerate(text.split('\n'), 1):
        if line.startswith('```'):
            fence = not fence
        elif not fence and not line.startswith('    '):
            yield n, line


def anchors(name):
    """What a link to a heading may say after "#", as GitHub makes it."""
    return {re.sub(r'[^\w -]', '', m[1].lower()).replace(' ', '-')
            for _, line in prose(read(name))
            if (m := re.match(r'#{1,6} +(.*)', line))}


def broken(name):
    """Links to files or headings that are not there."""
    text = '\n'.join(line for _, line in prose(read(name)))
    for target in re.findall(r'\]\(([^)\s]+)\)', text):
        path, _, anchor = target.partition('#')
        if re.match(r'\w+:', target):
            continue
        file = os.path.normpath(os.path.join(os.path.dirname(name), path)) \
            if path else name
        if not os.path.exists(file):
            yield f'{name}: {target}: no such file'
        elif anchor and anchor not in anchors(file):
            yield f'{name}: {target}: no such heading'


def wide(name, columns=90):
    """Lines that are too long; those of tables and code may be."""
    for n, line in prose(read(name)):
        if len(line) > columns and not line.startswith('|'):
            yield f'{name}:{n}: {len(line)} columns'


def unreachable():
    """Documents that no link leads to from README.md."""
    seen, ahead = set(), {'README.md'}
    while ahead:
        name = ahead.pop()
        seen.add(name)
        for target in re.findall(r'\]\(([^)#\s]+\.md)', read(name)):
            file = os.path.normpath(os.path.join(os.path.dirname(name),
                                                 target))
            if file in DOCS and file not in seen:
                ahead.add(file)
    return [name for name in DOCS if name not in seen]


def directives():
    found = set()
    for name in glob.glob('src/*.c') + glob.glob('src/*/*.c'):
        found |= set(re.findall(
            r'\{ ngx_string\("(websocket\w*)"\),\n\s+NGX_HTTP_', read(name)))
    return found


def variables():
    return set(re.findall(r'ngx_string\("(websocket_\w+)"\), NULL',
                          read('src/http/ngx_http_websocket_variables.c')))


def metrics():
    return set(re.findall(
        r'"(websocket_\w+)",?\s+"(?:counter|gauge|histogram|[A-Z].*\.")',
        read('src/http/ngx_http_websocket_metrics.c')
        + read('src/http/ngx_http_websocket_prometheus.c')))


def undocumented():
    """Directives without syntax, default, context and a place in the table,
    and variables and metrics that are not in theirs."""
    text = read('docs/directives.md')
    for name in sorted(directives()):
        if f'[{name}](#{name})' not in text:
            yield f'{name} is not in the table'
        if not re.search(rf'^### {name}\n\n    Syntax:   {name}\b.*\n'
                         r'(?: {14,}.*\n)*    Default:  .*\n'
                         r'    Context:  .*\n', text, re.M):
            yield f'{name}: no syntax, default and context'
    for name in re.findall(r'^### (.*)$', text, re.M):
        if name not in directives():
            yield f'{name} is not a directive'
    for name in sorted(variables()):
        if f'`${name}`' not in read('docs/variables.md'):
            yield f'${name} is not in docs/variables.md'
    table = re.findall(r'`(websocket_\w+)(?:\{.*?\})?`', ' '.join(
        re.findall(r'^\| ([^|]*) \|', read('docs/metrics.md'), re.M)))
    for name in sorted(metrics() ^ set(table)):
        yield f'{name} is not both a metric and in docs/metrics.md'


def tests():
    """All of them, as t/README.md names them."""
    return {os.path.relpath(name, 't') for name in
            glob.glob('t/*.t') + glob.glob('t/*/*_test.*')
            + glob.glob('t/fuzz/*_fuzz.c')}


def mentioned(text):
    """The tests that a text names."""
    return set(re.findall(r'`(?:t/)?([\w/-]+(?:\.t|_test\.\w+|_fuzz\.c))`',
                          text))


def unnamed():
    """Tests that are not in the table of t/README.md, and the other way."""
    table = read('t/README.md').partition('## What is tested where')[2] \
                               .partition('\n## ')[0]
    for name in sorted(tests() - mentioned(table)):
        yield f't/{name} is not in t/README.md'
    for doc, text in [('t/README.md', table)] + [(d, read(d)) for d in DOCS]:
        for name in sorted(mentioned(text) - tests()):
            yield f'{doc}: there is no t/{name}'


def absent():
    """Files of src/ and t/ that documents name and that are not there, and
    functions of the table in docs/design.md that their files do not have."""
    for doc in DOCS:
        for name in sorted(set(re.findall(
                r'`((?:src|t|conf|examples)/[\w./-]*)`', read(doc)))):
            if not os.path.exists(name):
                yield f'{doc}: there is no {name}'

    for files, names in re.findall(
            r'^\| \d+ \| [^|]+ \| ([^|]+) \| ([^|]+) \|$',
            read('docs/design.md'), re.M):
        text = '\n'.join(read(file) for file in re.findall(r'`([^`]+)`', files)
                         if os.path.exists(file))
        for name in re.findall(r'`(\w+)`', names):
            if not re.search(rf'^ngx_(http_)?websocket_{name}\(', text, re.M):
                yield f'docs/design.md: no {name}() in {files}'


def version():
    """CHANGES begins with the version that the module tells."""
    told = re.search(r'#define NGX_HTTP_WEBSOCKET_VERSION +"(.+)"',
                     read('src/conf/ngx_http_websocket_version.h'))[1]
    newest = re.match(r'\nChanges with ngx_http_websocket_module (\S+) +'
                      r'\d\d \w{3} \d{4}\n\n    \*\) '
                      r'(Feature|Change|Bugfix|Security): ', read('CHANGES'))
    if not newest:
        yield 'CHANGES does not begin as it should'
    elif newest[1] != told:
        yield f'CHANGES begins with {newest[1]}, the module tells {told}'


def check(tap, faults, name):
    faults = list(faults)
    if not tap.ok(not faults, name):
        print(*[f'# {fault}' for fault in faults], sep='\n', file=sys.stderr)


if __name__ == '__main__':
    tap = Tap()
    check(tap, undocumented(), 'every directive, variable and metric is documented')
    for name in DOCS + ['t/README.md']:
        check(tap, broken(name), f'{name}: its links lead somewhere')
        check(tap, wide(name), f'{name}: its lines are short')
    check(tap, unreachable(), 'README.md leads to every document')
    check(tap, absent(), 'the files and functions that are named exist')
    check(tap, version(), 'CHANGES begins with the present version')
    check(tap, unnamed(), 'every test is in the table, and those exist')
    tap.done()
