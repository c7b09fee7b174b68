"""Configurations of Centrifugo become configurations that nginx accepts, with
what has no counterpart said; and none where they are none."""

import json
import os
import re
import stat
import subprocess
import tempfile

from nginx import Tap

TOOL = os.path.abspath('tools/centrifugo2nginx')

V6 = {
    'client': {
        'allowed_origins': ['https://example.com', 'https://*.example.com',
                            'http://localhost:*'],
        'token': {'hmac_secret_key': '0123456789abcdef' * 2,
                  'audience': 'web', 'issuer': 'the "app"'},
        'ping_interval': '20s', 'pong_timeout': '5s', 'channel_limit': 200,
        'queue_max_size': 2097152, 'stale_close_delay': '500ms',
        'expired_close_delay': '1m30s', 'user_connection_limit': 7,
        'proxy': {'connect': {'enabled': True, 'endpoint': 'http://x'}}},
    'channel': {
        'without_namespace': {'allow_subscribe_for_client': True},
        'namespaces': [
            {'name': 'chat', 'history_size': 100, 'history_ttl': '300s',
             'force_recovery': True, 'force_positioning': True,
             'presence': True, 'join_leave': True,
             'force_push_join_leave': True,
             'allow_subscribe_for_client': True,
             'allow_publish_for_subscriber': True,
             'allow_presence_for_subscriber': True,
             'allow_history_for_subscriber': True,
             'allow_user_limited_channels': True,
             'channel_regex': '^[a-z\\d]{2,}"?;$', 'allow_tags_filter': True},
            {'name': 'last', 'history_size': 1, 'history_ttl': '24h',
             'allow_recovery': True, 'force_recovery_mode': 'cache',
             'auto_cache_recover': True, 'allow_subscribe_for_client': True,
             'allowed_delta_types': ['fossil'], 'delta_publish': True,
             'allow_subscribe_for_anonymous': True},
            {'name': 'bare', 'force_recovery': True}]},
    'http_server': {'port': '9000', 'address': '127.0.0.1'},
    'http_api': {'key': 'hidden, but long enough'},
    'http_stream': {'enabled': True},
    'sse': {'enabled': True, 'handler_prefix': '/events'},
    'websocket': {'compression': True, 'message_size_limit': 131072},
    'engine': {'type': 'redis', 'redis': {
        'address': 'redis://127.0.0.1:6379', 'prefix': 'cf',
        'password': 'hidden'}},
    'prometheus': {'enabled': True}, 'health': {'enabled': True},
    'admin': {'enabled': False}}

V5 = {
    'token_hmac_secret_key': 'short', 'allowed_origins': [], 'port': 8001,
    'ping_interval': -1, 'allow_anonymous_connect_without_token': True,
    'presence': True, 'allow_subscribe_for_client': True,
    'allow_presence_for_client': True,
    'namespaces': [{'name': 'a-1', 'allow_publish_for_client': True}],
    'api_key': 'hidden', 'grpc_api': True, 'sse': False}


def accepts(folder, text):
    for path in os.environ['TEST_NGINX_LOAD_MODULES'].split():
        text = text.replace(f'modules/{os.path.basename(path)}', path)
    temp = ' '.join(f'{name}_temp_path {name};' for name in
                    ('client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'))
    text = text.replace('http {', f'http {{ access_log off; {temp}', 1)
    with open(f'{folder}/test.conf', 'w', encoding='utf-8') as file:
        file.write(text)
    run = subprocess.run(
        [os.environ.get('TEST_NGINX_BINARY', 'nginx'), '-t', '-p', folder,
         '-c', f'{folder}/test.conf', '-e', 'stderr'],
        capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stderr


def converted(tap, name, tree):
    with tempfile.TemporaryDirectory() as folder:
        with open(f'{folder}/config.json', 'w', encoding='utf-8') as file:
            file.write(tree if isinstance(tree, str) else json.dumps(tree))
        run = subprocess.run(
            [TOOL, f'{folder}/config.json', '-o', f'{folder}/nginx.conf'],
            capture_output=True, text=True, check=False)
        if run.returncode:
            return '', run.stderr
        with open(f'{folder}/nginx.conf', encoding='utf-8') as file:
            text = file.read()
        accepted, why = accepts(folder, text)
        tap.ok(accepted, f'{name} {"" if accepted else why}')
        modes = {stat.S_IMODE(os.stat(f'{folder}/{key}').st_mode)
                 for key in ('token.keys', 'redis.pw', 'api.keys')
                 if os.path.exists(f'{folder}/{key}')}
        tap.ok(modes == {0o600} and 'hidden' not in text + run.stderr
               and '0123456789' not in text,
               f'{name}: its keys are in files of their own')
        return text, run.stderr


def main():
    tap = Tap()

    text, notes = converted(tap, 'a configuration of v6', V6)
    for line in ('recovery allow cache auto;', 'history length=100 time=300s;',
                 'events join leave push;', 'subscribe client anonymous;',
                 'filter tags;', 'delta fossil;', 'users on;',
                 'presence_access subscriber;',
                 'websocket_heartbeat interval=20s timeout=5s;',
                 'websocket_connect_timeout 500ms;',
                 'websocket_token_grace 90s;', 'listen 127.0.0.1:9000;',
                 'location = /metrics {', 'location = /events {',
                 'websocket_transports sse;', 'websocket_emulation;',
                 'location = /connection/http_stream {',
                 'websocket_api key=api.keys;'):
        tap.ok(line in text, f'v6: {line}')
    said = re.findall(r'centrifugo2nginx: ([^:]*):', notes)
    tap.ok(said == ['channel.namespaces[2].force_recovery',
                    'client.user_connection_limit',
                    'client.proxy.connect.enabled',
                    'client.proxy.connect.endpoint'],
           f'v6: what has no counterpart is said {said}')

    text, notes = converted(tap, 'a configuration of v5', V5)
    for line in ('websocket_heartbeat off;', 'websocket_origin none;',
                 'websocket_anonymous on;', 'websocket_namespace default {',
                 'websocket_namespace a-1 {', 'presence_access client;',
                 'publish client;'):
        tap.ok(line in text, f'v5: {line}')
    tap.ok('http_api.key: is shorter' in notes and 'grpc_api: no' in notes,
           'v5: what has no counterpart is said')

    text, notes = converted(tap, 'an empty configuration', {})
    tap.ok('nobody can connect' in notes, 'an empty one: nobody can connect')

    for name, tree, why in (
            ('no JSON', '{', 'Expecting'), ('no object', [], 'an object'),
            ('a time', {'client': {'pong_timeout': 'soon'}},
             'client.pong_timeout: "soon" is no duration'),
            ('a name', {'channel': {'namespaces': [{'name': 'a:b'}]}},
             'namespaces[0].name: "a:b" is no name'),
            ('a number', {'client': {'channel_limit': 'x'}},
             'client.channel_limit: expected a number'),
            ('anonymous alone', {'allow_subscribe_for_anonymous': True},
             'needs allow_subscribe_for_client')):
        text, error = converted(tap, name, tree)
        tap.ok(text == '' and why in error, f'refused: {name} {error}')

    tap.done()


if __name__ == '__main__':
    main()
