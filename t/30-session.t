# Sessions: modes, heartbeats, timeouts, bounds, TLS.

use File::Basename qw(dirname);
use lib 't/lib';
use Test::Nginx::WebSocket;

my $dir = dirname(server_root()) . '/tls';
mkdir $dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
       . "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") == 0
    or die 'openssl';
$ENV{TEST_NGINX_TLS} = $dir;

plan_tests();
run_tests();

__DATA__

=== TEST 1: pubsub: what one sends, all get, itself too
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel $arg_c; }
--- websocket
a> GET /ws?c=x
a< 101
b> GET /ws?c=x
b< 101
c> GET /ws?c=y
c< 101
a> text hello
a< text hello
b< text hello
b> binary \x00\x01
a< binary \x00\x01
b< binary \x00\x01
a> text
b< text
c> text other
c< text other



=== TEST 2: own messages left out
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel $arg_c;
        websocket_own_messages off;
    }
--- websocket
a> GET /ws?c=x
a< 101
b> GET /ws?c=x
b< 101
a> text from a
b< text from a
b> text from b
a< text from b



=== TEST 3: subscribe: a message from the client is refused
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
! POST /pub one
! < 200
a< text one
b< text one
a> ping still
a< pong still
a> text x
a< close 1008 reason qr/does not take messages/
a< eof
! POST /pub two
! < json {"channel":"x","offset":2,"subscribers":1}
b< text two



=== TEST 4: publish: the client publishes and gets nothing
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /in { websocket publish; websocket_channel x; }
    location = /out { websocket subscribe; websocket_channel x; }
--- websocket
o> GET /out
o< 101
i> GET /in
i< 101
i> text one
o< text one
i> text two
i> ping marker
i< pong marker
o< text two



=== TEST 5: several channels: all are received, the first is spoken to
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel room/$arg_r user/$arg_u room/$arg_r;
    }
    location = /pub { websocket_publish; websocket_channel $arg_c; }
--- websocket
a> GET /ws?r=1&u=ann
a< 101
b> GET /ws?r=1&u=bob
b< 101
a> text to the room
a< text to the room
b< text to the room
! POST /pub?c=user/bob only for bob
! < 200
b< text only for bob
! POST /pub?c=room/1 marker
a< text marker
b< text marker



=== TEST 6: a heartbeat after silence, and the end without an answer
--- config
    location = /ws {
        websocket echo;
        websocket_heartbeat interval=200ms timeout=3s;
        websocket_close_timeout 200ms;
    }
--- websocket
a> GET /ws
a< 101
a< ping
a> pong
a< ping
a> text any traffic will do
a< text any traffic will do
a< ping
a< close 1011 reason qr/no answer to Ping/
a< eof



=== TEST 7: no heartbeat
--- config
    location = /ws {
        websocket echo;
        websocket_heartbeat off;
        websocket_idle_timeout 500ms;
    }
--- websocket
a> GET /ws
a< 101
a< close 1000 reason qr/no message/
a> close 1000
a< eof



=== TEST 8: idle_timeout counts messages, not pings
--- http_config
    log_format ws '$arg_n';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket echo;
        websocket_heartbeat off;
        websocket_idle_timeout 3s;
        websocket_close_timeout 100ms;
    }
--- websocket
a> GET /ws?n=a
a< 101
! sleep 0.3
b> GET /ws?n=b
b< 101
! sleep 0.3
a> ping
a< pong
# by the ping it would be the later one
! wait-access* 2 qr/^[ab]$/
! wait-access qr/^a\n(?:.*\n)*b$/
a< close 1000
b< close 1000



=== TEST 9: a client that does not answer our Close
--- config
    location = /ws {
        websocket echo;
        websocket_heartbeat off;
        websocket_idle_timeout 100ms;
        websocket_close_timeout 200ms;
    }
--- websocket
a> GET /ws
a< 101
a< close 1000
a< eof
! wait-log qr/websocket client did not close/



=== TEST 10: a client that does not read: the write makes no progress
--- http_config
    websocket_zone zone=live:16m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_timeout 300ms;
        websocket_send_queue messages=1000 size=64m;
        websocket_heartbeat off;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 4m;
    }
--- websocket
a> GET /ws
a< 101
! POST /pub * 4000000 x
! < 200
! POST /pub * 4000000 x
! POST /pub * 4000000 x
! POST /pub * 4000000 x
! wait-log qr/websocket client does not read/
! GET /pub
! < json {"channel":"x","offset":4,"subscribers":0,"history":0,"first":5}



=== TEST 11: a slow client reaches the bound of its queue, others go on
--- http_config
    websocket_zone zone=live:16m;
    log_format ws '$websocket_close_code $websocket_close_reason $websocket_dropped';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=4 size=64m;
        websocket_close_timeout 300ms;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 4m;
    }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
! POST /pub * 3000000 1
b< text* 3000000 1
! POST /pub * 3000000 2
b< text* 3000000 2
! POST /pub * 3000000 3
b< text* 3000000 3
! POST /pub * 3000000 4
b< text* 3000000 4
! POST /pub * 3000000 5
b< text* 3000000 5
! POST /pub * 3000000 6
b< text* 3000000 6
! POST /pub * 3000000 7
b< text* 3000000 7
! POST /pub * 3000000 8
b< text* 3000000 8
! POST /pub * 3000000 9
b< text* 3000000 9
! wait-access qr/^1013 too slow: the send queue is full [1-9]/



=== TEST 12: a flood of Pings is answered within bounds
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> times 1000 ping flood
a> text after
a< pong flood
a> drop
b> GET /ws
b< 101
b> text alive
b< text alive



=== TEST 13: a message larger than the session's read buffer
--- http_config
    websocket_zone zone=live:8m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_max_message_size 1m;
        websocket_send_queue size=64k;
    }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
a> text* 1000000 y
a< text* 1000000 y
b< text* 1000000 y
a> text* 65536 z
b< text* 65536 z



=== TEST 14: over TLS
--- http_config
    websocket_zone zone=live:1m;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 ssl;
        ssl_certificate $TEST_NGINX_TLS/cert.pem;
        ssl_certificate_key $TEST_NGINX_TLS/key.pem;
        location = /echo { websocket echo; websocket_max_message_size 4m; }
        location = /ws { websocket pubsub; websocket_channel x; }
    }
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
--- websocket
a@$TEST_NGINX_RAND_PORT_1:tls> GET /echo
a< 101
a> text hello
a< text hello
a> text* 2000000 x
a< text* 2000000 x
a> close 1000
a< close 1000
a< eof
b@$TEST_NGINX_RAND_PORT_1:tls> with-handshake text early
b@$TEST_NGINX_RAND_PORT_1:tls> GET /ws
b< 101
b< text early
c> GET /ws
c< 101
c> text from plain to tls
b< text from plain to tls
c< text from plain to tls
b> text back
c< text back
b> frame rsv=4 opcode=1 x
b< text back
b< close 1002
b< eof



=== TEST 15: HTTP/2 is told that it cannot
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 http2;
        location = /ws { websocket echo; }
    }
--- config
    location = /t {
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/ws;
    }
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101



=== TEST 16: the connection was kept alive before
--- config
    location = /ws { websocket echo; }
    location = /t { return 200 "t"; }
--- websocket
a+ Upgrade:
a+ Connection: keep-alive
a> GET /t
a< 200
a< body t
a+ Upgrade: websocket
a+ Connection: upgrade
a> GET /ws
a< 101
a> text hello
a< text hello



=== TEST 17: a client that drops the connection takes nobody along
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
a> raw 81 85 00 00
a> drop
b> text on
b< text on



=== TEST 18: limit_conn counts a session until it ends
--- http_config
    limit_conn_zone $server_name zone=all:64k;
--- config
    location = /ws { websocket echo; limit_conn all 1; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 503
a> close 1000
a< close 1000
a< eof
c> GET /ws
c< 101



=== TEST 19: a timer set anew does not hold up those that are due before it
--- config
    location = /a {
        websocket echo;
        websocket_heartbeat interval=200ms timeout=1h;
    }
    location = /b {
        websocket echo;
        websocket_heartbeat interval=500ms timeout=1h;
    }
--- websocket
a> GET /a
a< 101
b> GET /b
b< 101
a< ping
b< ping
