"""python3-websockets, for whose version 10, of Debian 12, and 15, of Debian 13,
the tests need the same names: the client of the one is not that of the other.
"""

import os
import socket
import urllib.parse

from websockets import ConnectionClosed, WebSocketException

try:
    from websockets.asyncio.client import connect as open_connection
    from websockets import InvalidStatus as Refused
    OLD = False
except ImportError:
    from websockets import connect as open_connection
    from websockets import InvalidStatusCode as Refused
    OLD = True

__all__ = ['ConnectionClosed', 'WebSocketException', 'connect', 'extensions',
           'headers', 'reluctant', 'small_socket', 'status']

# the new one asks a proxy that the environment names, if not told otherwise

os.environ['no_proxy'] = '127.0.0.1'


def connect(url, headers=None, **options):
    """Both kinds: to await, or for `async with`."""
    name = 'extra_headers' if OLD else 'additional_headers'
    return open_connection(url, **{name: headers}, **options)


def small_socket(port):
    """One that holds little of what is not read."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.connect(('127.0.0.1', port))
    return s


def reluctant(url, **options):
    """Reads when it is asked to, and ahead no more than one message and what
    the library then has in its hands."""
    if OLD:
        options['read_limit'] = 512         # the new one reads for its queue
    return connect(url, sock=small_socket(urllib.parse.urlsplit(url).port),
                   max_queue=1, **options)


async def status(connection):
    """101 if it is let in, and closes it; else what it is refused with."""
    try:
        ws = await connection
    except Refused as e:
        return e.status_code if OLD else e.response.status_code
    await ws.close()
    return 101


def headers(ws):
    """Of the server's answer."""
    return ws.response_headers if OLD else ws.response.headers


def extensions(ws):
    return ws.extensions if OLD else ws.protocol.extensions
