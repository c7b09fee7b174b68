#!/usr/bin/env python3
"""Pins notes to a board, and tells those of others: what Centrifugo's protocol
is without a library for it.  A line of the standard input is a note.

    client.py [-n NAME] [-b BOARD] [URL]
"""

import argparse
import asyncio
import json
import sys
from urllib.request import urlopen

import websockets


class Board:
    def __init__(self, url, name, board):
        self.url = url.rstrip('/')
        self.name = name
        self.channel = f'board:{board}'
        self.position = {}          # where it recovers from
        self.id = 0
        self.socket = None

    async def command(self, kind, **members):
        self.id += 1
        await self.socket.send(json.dumps({'id': self.id, kind: members}))

    async def run(self):
        """A connection, until it ends."""
        token = await asyncio.to_thread(
            lambda: urlopen(f'{self.url}/token?name={self.name}').read())
        url = self.url.replace('http', 'ws', 1) + '/connection/websocket'

        async with websockets.connect(url) as self.socket:
            await self.command('connect', token=token.decode())
            await self.command('subscribe', channel=self.channel,
                               recover=bool(self.position), **self.position)
            async for frame in self.socket:
                for line in frame.splitlines():
                    await self.reply(json.loads(line))

    async def reply(self, reply):
        if not reply:
            await self.socket.send('{}')        # a ping, and its pong
            return

        if 'error' in reply:
            raise SystemExit(f'error: {reply["error"]["message"]}')

        if 'subscribe' in reply:
            result = reply['subscribe']
            if result.get('was_recovering') and not result.get('recovered'):
                print('some notes were missed', flush=True)
            self.position = {'epoch': result['epoch'],
                             'offset': result.get('offset', 0)}
            for publication in result.get('publications', []):
                self.note(publication)
            print(f'there: {self.channel}', flush=True)

        publication = reply.get('push', {}).get('pub')
        if publication:
            self.note(publication)

    def note(self, publication):
        self.position['offset'] = publication['offset']
        info = publication.get('info', {'user': '?'})
        print(f'{info["user"]}: {publication["data"]["text"]}', flush=True)

    async def forever(self):
        pause = .5
        while True:
            try:
                await self.run()
                pause = .5
            except (OSError, websockets.WebSocketException):
                pause = min(2 * pause, 20)
            await asyncio.sleep(pause)

    async def pin(self):
        while True:
            line = await asyncio.to_thread(sys.stdin.readline)
            if not line:
                return
            await self.command('publish', channel=self.channel,
                               data={'text': line.rstrip('\n')})


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('-n', '--name', default='python')
    parser.add_argument('-b', '--board', default='red')
    parser.add_argument('url', nargs='?', default='http://localhost:8080')
    args = parser.parse_args()

    board = Board(args.url, args.name, args.board)
    tasks = asyncio.create_task(board.forever()), \
        asyncio.create_task(board.pin())
    await tasks[0]


if __name__ == '__main__':
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
