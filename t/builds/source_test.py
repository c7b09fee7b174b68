"""How the source is laid out: who includes whom, where a function is declared,
how long it is, and what can do without nginx."""

import os
import re
import statistics
import sys
from collections import namedtuple

from nginx import Tap

# What the files of a folder of src/ may include besides their own folder; the
# top may include all.  F* are the pure parts of F, which do without nginx: the
# files whose names do not begin with "ngx_http_".  Who may include F may
# include F*.  No way leads back, not even from the pure parts of a folder to
# its other ones by way of a second folder.

MAY = {
    'http': 'protocol centrifuge* session hook broker access hub delivery '
            'clock auth* message* store* wire* conf',
    'protocol': 'centrifuge* session hook broker access hub delivery clock '
                'auth* message* store* wire* conf',
    'centrifuge*': 'message* wire*',
    'session': 'hook broker access hub delivery clock auth* message* store* '
               'wire* conf',
    'hook': 'access hub clock message* store* conf',
    'hook*': 'message*',
    'broker': 'access hub clock store* wire* conf',
    'broker*': '',
    'access': 'hub clock auth* store* wire* conf',
    'hub': 'delivery clock store* wire* conf',
    'delivery': 'clock message* store* wire* conf',
    'clock': 'store*',
    'conf': 'auth* clock* store* message* wire*',
    'message*': 'wire*',
}

# Includes that are against MAY, and why they are there.

BUT = {}

LONGEST, MEDIAN, P95 = 90, 25, 60       # lines of functions

Function = namedtuple('Function', 'file line name exported length')


def read():
    """The files of src/ by their names, each a list of its lines."""
    files = {}
    for folder, _, names in os.walk('src'):
        for name in names:
            path = f'{folder}/{name}'
            with open(path, encoding='ascii') as f:
                files[path.removeprefix('src/')] = f.read().splitlines()
    return dict(sorted(files.items()))


def place(file):
    """The folder of a file, as it stands in MAY; '' is the top."""
    folder, name = os.path.split(file)
    return folder if name.startswith('ngx_http_') else f'{folder}*'


def may(folder):
    """All that the files of a folder may include."""
    found = set(MAY.get(folder, '').split())
    if not folder.endswith('*'):
        found |= {f'{f}*' for f in found | {folder} if not f.endswith('*')}
    return found


def code(lines):
    """A header without its comments and the inside of its functions."""
    text = re.sub(r'/\*.*?\*/', '', '\n'.join(lines), flags=re.S)
    return re.sub(r'^\{.*?^\}', '', text, flags=re.S | re.M)


def includes(files):
    for file, lines in files.items():
        for n, line in enumerate(lines, 1):
            m = re.match(r'\s*#\s*include\s+(?:"(.+)"|<(.+)>)', line)
            if m:
                yield file, n, m[1], m[2]


def functions(files):
    """nginx's style has a function's name and its last brace alone at the
    beginning of a line, and its type on the line before the name."""
    for file, lines in files.items():
        name = None
        for n, line in enumerate(lines, 1):
            m = re.match(r'(\w+)\(', line)
            if m and re.match(r'[A-Za-z].*[^;{}]$', lines[n - 2]):
                name, start, kind = m[1], n, lines[n - 2]
            elif name and line == '}':
                exported = not kind.startswith('static')
                yield Function(file, start, name, exported, n - start + 1)
                name = None


def arrows(files):
    """Includes that MAY does not have."""
    for file, n, ours, _ in includes(files):
        if not ours or (file, ours) in BUT:
            continue
        above, below = place(file), place(ours)
        if above and above != below and below not in may(above):
            yield (f'src/{file}:{n}: {above} may not include '
                   f'{below or "the top"}: {ours}')


def circles():
    """Folders that MAY leads from and comes back to."""
    for folder in MAY:
        seen, ahead = set(), may(folder)
        while ahead:
            one = ahead.pop()
            if one not in seen:
                seen.add(one)
                ahead |= may(one)
        if folder in seen:
            yield f'MAY leads from {folder} back to it'


def pairs(files):
    """Folders that include each other, be it by way of others."""
    leads = {}
    for file, _, ours, _ in includes(files):
        if ours and '/' in file and '/' in ours:
            leads.setdefault(os.path.dirname(file), set()).add(
                os.path.dirname(ours))

    for folder, ahead in leads.items():
        seen, ahead = {folder}, ahead - {folder}
        while ahead:
            one = ahead.pop()
            if one not in seen:
                seen.add(one)
                ahead |= leads.get(one, set()) - {one}
                if folder in leads.get(one, ()):
                    yield f'src/{folder}/ and src/{one}/ include each other'


def unused(files):
    """Exceptions that are none any more."""
    there = {(file, ours) for file, _, ours, _ in includes(files)}
    for file, ours in BUT:
        if (file, ours) not in there:
            yield f'BUT: src/{file} does not include {ours}'


def declarations(files):
    """Exported functions that the header of their file's name does not
    declare."""
    declared = {file: set(re.findall(r'\b(\w+)\(', code(lines)))
                for file, lines in files.items() if file.endswith('.h')}

    for f in functions(files):
        header = f'{f.file.removesuffix(".c")}.h'
        if (f.file.endswith('.c') and f.exported
                and f.name not in declared.get(header, ())):
            other = [h for h in declared if f.name in declared[h]]
            yield (f'src/{f.file}:{f.line}: {f.name}() is not declared in '
                   f'src/{header}, but in {" ".join(other) or "no header"}')


def needless(files):
    """Functions that a header declares, and nobody calls but the file that has
    them: neither another file, nor the header itself, nor a test's."""
    words = {file: set(re.findall(r'\w+', '\n'.join(lines)))
             for file, lines in files.items()}

    for folder, _, names in os.walk('t'):
        for name in names:
            if name.endswith(('.c', '.h')):
                with open(f'{folder}/{name}', encoding='utf-8') as f:
                    words[f'{folder}/{name}'] = set(re.findall(r'\w+',
                                                               f.read()))

    for f in functions(files):
        header = f'{f.file.removesuffix(".c")}.h'
        if not f.file.endswith('.c') or not f.exported:
            continue

        own = re.findall(rf'\b{f.name}\b', re.sub(
            r'/\*.*?\*/', '', '\n'.join(files.get(header, ())), flags=re.S))

        if len(own) < 2 and not any(f.name in found
                                    for file, found in words.items()
                                    if file not in (f.file, header)):
            yield f'src/{f.file}:{f.line}: {f.name}() is for nobody else'


def lengths(files):
    """Functions that are too long, alone or together."""
    found = list(functions(files))

    for f in found:
        if f.length > LONGEST:
            yield (f'src/{f.file}:{f.line}: {f.name}() has {f.length} lines, '
                   f'more than {LONGEST}')

    counts = sorted(f.length for f in found)
    median, p95 = statistics.median(counts), counts[len(counts) * 95 // 100]

    if median > MEDIAN or p95 > P95:
        yield (f'{len(counts)} functions: median {median} of {MEDIAN} lines, '
               f'95 of 100 up to {p95} of {P95}')


def impure(files):
    """Pure parts that include what nginx has."""
    for file, n, ours, system in includes(files):
        name = os.path.basename(ours or system)
        if (place(file).endswith('*')
                and re.match(r'ngx_|ndk\.|nginx\.', name)):
            yield f'src/{file}:{n}: a pure part includes {name}'


def nginx_first(files):
    """Files that include something else before nginx's headers, which define
    what a system's header has: a macro then comes too late for it."""
    found = {}

    def first(file):
        if file not in found:
            found[file] = None
            for name, _, ours, system in includes({file: files[file]}):
                if ours and place(ours).endswith('*'):
                    found[file] = ours
                elif system and not re.match(r'ngx_|ndk\.|nginx\.', system):
                    found[file] = system
                elif ours:
                    found[file] = first(ours)
                    if found[file] is None:
                        continue
                else:
                    found[file] = ''
                break
        return found[file]

    for file in files:
        if not place(file).endswith('*') and first(file):
            yield f'src/{file}: {first(file)} comes before <ngx_config.h>'


def check(tap, faults, name):
    faults = list(faults)
    if not tap.ok(not faults, name):
        print(*[f'# {fault}' for fault in faults], sep='\n', file=sys.stderr)


if __name__ == '__main__':
    tap = Tap()
    source = read()
    check(tap, circles(), 'no arrow between folders leads back')
    check(tap, arrows(source), 'folders include what they may')
    check(tap, pairs(source), 'no two folders include each other')
    check(tap, unused(source), 'exceptions are needed')
    check(tap, declarations(source), 'a function is declared in the header '
          'that bears the name of its file')
    check(tap, needless(source), 'exported functions are called elsewhere')
    check(tap, lengths(source), 'functions are short')
    check(tap, impure(source), 'pure parts do without nginx')
    check(tap, nginx_first(source), "nginx's headers come first")
    tap.done()
