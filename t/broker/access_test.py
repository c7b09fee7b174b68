"""
A server that asks who we are: passwords, users, TLS with certificates that
are right and wrong, a socket in the file system; replicas are refused.
"""

import asyncio
import os
import subprocess
import tempfile

from cluster import Cluster, history, publish
from nginx import Tap, free_port
from peer import Peer, ask, becomes
from redis_server import Redis, need_redis

SECRET = 'a-secret-word'


def openssl(tmp, *args):
    subprocess.run(['openssl', *args], cwd=tmp, check=True,
                   capture_output=True)


def certificates(tmp):
    """An authority, and certificates for localhost and for another."""
    openssl(tmp, 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
            '-subj', '/CN=authority', '-keyout', 'ca.key', '-out', 'ca.pem')
    for name in 'localhost', 'other.example':
        openssl(tmp, 'req', '-newkey', 'rsa:2048', '-nodes', '-subj',
                f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
        with open(f'{tmp}/ext', 'w') as f:
            f.write(f'subjectAltName=DNS:{name}'
                    + (',IP:127.0.0.1' if name == 'localhost' else ''))
        openssl(tmp, 'x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem',
                '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
                '-extfile', 'ext', '-out', f'{name}.pem')


def password(tmp, text=SECRET):
    path = f'{tmp}/password'
    with open(path, 'w') as f:
        f.write(text + '\n')
    os.chmod(path, 0o600)
    return path


async def works(tap, cluster, name):
    port = cluster.ports[0]
    reader = await Peer(port).websocket('/ws/c')
    await publish(port, 'c', 'x')
    tap.ok(await reader.receive() == b'x', name)
    reader.close()


async def fails(tap, cluster, words, name):
    node = cluster.nodes[0]
    status, _ = await ask(node.port, 'POST', '/pub/c', '', b'x')
    node.wait(lambda: words in node.log())
    tap.ok(status == 503, f'{name}: "{words}"')


async def passwords(tap, tmp):
    path = password(tmp)
    with Cluster(1, f'password_file={path}',
                 ('--requirepass', SECRET)) as cluster:
        await works(tap, cluster, 'a password')
        tap.ok(SECRET not in cluster.nodes[0].log(), 'which is in no log')

    with Cluster(1, 'wait=500ms', ('--requirepass', SECRET)) as cluster:
        await fails(tap, cluster, 'NOAUTH', 'without it')

    wrong = password(tmp, 'another')
    with Cluster(1, f'wait=500ms password_file={wrong}',
                 ('--requirepass', SECRET)) as cluster:
        await fails(tap, cluster, 'WRONGPASS', 'a wrong one')
        tap.ok('another' not in cluster.nodes[0].log(), 'is in no log, either')

    path = password(tmp)
    user = ('--user', 'default', 'off', '--user', 'nginx', 'on',
            f'>{SECRET}', '~ws:*', '&ws:*', '+@all', '-@dangerous', '+info',
            '+role')
    with Cluster(1, f'user=nginx password_file={path}', user) as cluster:
        await works(tap, cluster, 'a user with the rights of the manual')


async def tls(tap, tmp):
    certificates(tmp)

    def options(name, port):
        return ('--tls-port', str(port), '--tls-cert-file', f'{tmp}/{name}.pem',
                '--tls-key-file', f'{tmp}/{name}.key', '--tls-ca-cert-file',
                f'{tmp}/ca.pem', '--tls-auth-clients', 'no')

    port = free_port()
    url = f'rediss://localhost:{port}'
    trusted = f'trusted_certificate={tmp}/ca.pem'

    with Cluster(1, trusted, options('localhost', port), url) as cluster:
        await works(tap, cluster, 'TLS')
        await publish(cluster.ports[0], 'large', 'x' * 60_000)
        tap.ok(await history(cluster.ports[0], 'large') == ['x' * 60_000],
               'with a large message')

    address = f'rediss://127.0.0.1:{port}'
    with Cluster(1, trusted, options('localhost', port), address) as cluster:
        await works(tap, cluster, 'a certificate for an address')

    with Cluster(1, f'{trusted} ssl_name=other.example',
                 options('other.example', port), address) as cluster:
        await works(tap, cluster, 'for the name that it is to be for')

    with Cluster(1, f'wait=500ms {trusted}', options('other.example', port),
                 address) as cluster:
        await fails(tap, cluster, 'its certificate is for another name',
                    'for neither')

    with Cluster(1, 'wait=500ms', options('localhost', port), url) as cluster:
        await fails(tap, cluster, 'its certificate is not trusted',
                    'an authority that nobody knows')

    with Cluster(1, f'wait=500ms {trusted}', options('other.example', port),
                 url) as cluster:
        await fails(tap, cluster, 'its certificate is for another name',
                    "another's certificate")


async def others(tap, tmp):
    path = f'{tmp}/redis.sock'
    with Cluster(1, 'wait=5s', ('--unixsocket', path), f'unix:{path}') \
            as cluster:
        await works(tap, cluster, 'a socket in the file system')

    with Redis() as master:
        with Cluster(1, 'wait=500ms', ('--replicaof',
                                       f'127.0.0.1 {master.port}')) as cluster:
            await fails(tap, cluster, 'it is a replica', 'a replica')

            cluster.client().replicaof('NO', 'ONE')

            async def status():
                return (await ask(cluster.ports[0], 'POST', '/pub/c', '',
                                  b'x'))[0]
            tap.ok(await becomes(status, 202) == 202, 'until it is promoted')


async def run(tap):
    with tempfile.TemporaryDirectory() as tmp:
        os.chmod(tmp, 0o755)
        await passwords(tap, tmp)
        await tls(tap, tmp)
        await others(tap, tmp)


if __name__ == '__main__':
    need_redis()
    tests = Tap()
    asyncio.run(run(tests))
    tests.done()
