# Without WebSocket: server-sent events, long-polling, and publishing by POST
# on the same locations.

use File::Basename qw(dirname);
use lib 't/lib';
use Test::Nginx::WebSocket;

my $dir = dirname(server_root()) . '/tls';
mkdir $dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
       . "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") == 0
    or die 'openssl';
$ENV{TEST_NGINX_TLS} = $dir;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: events: the header, the beginning, and each message
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< header Content-Type: text/event-stream
a< header Cache-Control: no-cache
a< header X-Accel-Buffering: no
a< header ! Content-Length
a< stream qr/\Aretry: 1\d\d\d\nid: $EPOCH:1\n\n/
! GET /pub
! < json {"subscribers":1}
if+ Accept: text/event-stream
if+ If-None-Match: *
if> plain GET /ws
if< 200
if< stream qr/\Aretry: 1\d\d\d\nid: $EPOCH:1\n\n/
if> end
! POST /pub two
! < 200
a< stream qr/\Aid: $EPOCH:2\ndata: two\n\n/
# each line is a field, whatever ends it
! POST /pub 1\n2\r\n3\r4\n\n
! < 200
a< stream qr/\Aid: $EPOCH:3\ndata: 1\ndata: 2\ndata: 3\ndata: 4\ndata: \ndata: \n\n/
! POST /pub [Content-Type: application/octet-stream] \x00\xff\n
! < 200
a< stream qr/\Aid: $EPOCH:4\nevent: binary\ndata: AP8K\n\n/
! POST /pub
! < 200
a< stream qr/\Aid: $EPOCH:5\ndata: \n\n/
# what clients of WebSocket say
b> GET /ws
b< 101
b> text from b
a< stream qr/\Aid: $EPOCH:6\ndata: from b\n\n/
! POST /pub * 100000 x
! < 413
b> text* 60000 y
a< stream qr/\Aid: $EPOCH:7\ndata: y{60000}\n\n/



=== TEST 2: what accepts events
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /payload { websocket publish; websocket_channel x; }
    location = /echo { websocket echo; }
--- websocket
a+ Accept: text/html, Text/Event-Stream;q=0.5
a> plain GET /ws
a< 200
a< stream id:
b+ Accept: text/html
b> plain GET /ws
b< 426
# several lines are one list, and q=0 is a no
list+ Accept: application/json
list+ Accept: text/html;a="b,c", text/event-stream
list> plain GET /ws
list< 200
no+ Accept: */*, text/event-stream; q=0.000
no> plain GET /ws
no< 426
no2+ Accept: text/event-stream;q=0;charset=utf-8
no2> plain GET /ws
no2< 426
not+ Accept: text/event-streams, x-text/event-stream
not> plain GET /ws
not< 426
little+ Accept: text/event-stream;Q=0.001
little> plain GET /ws
little< 200
# nothing is to be received there
c+ Accept: text/event-stream
c> plain GET /payload
c< 426
d+ Accept: text/event-stream
d> plain GET /echo
d< 426
# a WebSocket is what it asks for
e+ Accept: text/event-stream
e> GET /ws
e< 101



=== TEST 3: Last-Event-ID: a client that comes back misses nothing
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=3;
        websocket_replay all;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=3;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
a+ Accept: text/event-stream
a+ Last-Event-ID: $EPOCH:2
a> plain GET /ws
a< 200
a< stream qr/\Aretry: \d+\nid: $EPOCH:2\n\nid: $EPOCH:3\ndata: three\n\nid: $EPOCH:4\ndata: four\n\n/
# the header is newer than the URL
b+ Accept: text/event-stream
b+ Last-Event-ID: $EPOCH:3
b> plain GET /ws?since=$EPOCH:1
b< 200
b< stream qr/\Aretry: \d+\nid: $EPOCH:3\n\nid: $EPOCH:4\ndata: four\n\n/
c+ Accept: text/event-stream
c> plain GET /ws?since=$EPOCH:3
c< 200
c< stream qr/\Aretry: \d+\nid: $EPOCH:3\n\nid: $EPOCH:4\ndata: four\n\n/
# a newcomer
d+ Accept: text/event-stream
d> plain GET /ws
d< 200
d< stream qr/\Aretry: \d+\nid: $EPOCH:1\n\nid: $EPOCH:2\ndata: two\n\nid: $EPOCH:3\ndata: three\n\nid: $EPOCH:4\ndata: four\n\n/
# lost
e+ Accept: text/event-stream
e+ Last-Event-ID: $EPOCH:0
e> plain GET /ws
e< 200
e< stream qr/\Aretry: \d+\nid: $EPOCH:1\nevent: unrecovered\ndata: \{"recovered":false,"position":"$EPOCH:1","session":"[0-9a-f]{16}"\}\n\nid: $EPOCH:2\ndata: two\n\n/
# an id that is none: EventSource takes no other status than 200
f+ Accept: text/event-stream
f+ Last-Event-ID: urn:uuid:36d883aa-4015-4241-aaae-bde887c2662e
f> plain GET /ws
f< 200
f< stream qr/\Aretry: \d+\nid: $EPOCH:1\nevent: unrecovered\ndata: \{"recovered":false,"position":"$EPOCH:1","session":"[0-9a-f]{16}"\}\n\nid: $EPOCH:2\n/
f2+ Accept: text/event-stream
f2+ Last-Event-ID: $EPOCH:x
f2> plain GET /ws
f2< 200
f2< stream qr/\nevent: unrecovered\n/
f3+ Accept: text/event-stream
f3+ Last-Event-ID: ,
f3> plain GET /ws
f3< 200
f3< stream qr/\nevent: unrecovered\n/
# of other channels and of this one
f4+ Accept: text/event-stream
f4+ Last-Event-ID: 0123456789abcdef:7,$EPOCH:3,x,0123456789abcde0:7
f4> plain GET /ws
f4< 200
f4< stream qr/\Aretry: \d+\nid: $EPOCH:3\n\nid: $EPOCH:4\ndata: four\n\n/
f5+ Accept: text/event-stream
f5> plain GET /ws?since=17
f5< 400
f5< body qr/\Athe position is not EPOCH:OFFSET/
! apart g a
g+ Accept: text/event-stream
g+ Last-Event-ID: $EPOCH:4
g> plain GET /ws
g< 200
g< stream qr/\Aretry: \d+\nid: $EPOCH:4\n\n/
! POST /pub five
a< stream qr/\Aid: $EPOCH:5\ndata: five\n\n/
g< stream qr/\Aid: $EPOCH:5\ndata: five\n\n/



=== TEST 4: events of several channels: each id has all positions
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x y; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=3;
    }
--- websocket
! POST /pub?c=x x1
! < body qr/"epoch":"(?<x>\w+)"/
! POST /pub?c=y y1
! < body qr/"epoch":"(?<y>\w+)"/
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream qr/\Aretry: \d+\nid: %{x}:1,%{y}:1\n\n/
! POST /pub?c=y y2
a< stream qr/\Aid: %{x}:1,%{y}:2\ndata: y2\n\n/
! POST /pub?c=x x2
a< stream qr/\Aid: %{x}:2,%{y}:2\ndata: x2\n\n/
b+ Accept: text/event-stream
b+ Last-Event-ID: %{x}:1,%{y}:2
b> plain GET /ws
b< 200
b< stream qr/\Aretry: \d+\nid: %{x}:1,%{y}:2\n\nid: %{x}:2,%{y}:2\ndata: x2\n\n/
c+ Accept: text/event-stream
c+ Last-Event-ID: %{x}:1,0123456789abcdef:2
c> plain GET /ws
c< 200
c< stream qr/\Aretry: \d+\nid: %{x}:1,%{y}:2\nevent: unrecovered\ndata: \{"recovered":false,"position":"%{x}:1,%{y}:2","session":"[0-9a-f]{16}","channels":\[.*\]\}\n\nid: %{x}:2,%{y}:2\ndata: x2\n\n/



=== TEST 5: a heartbeat is a comment, and finds out who is gone
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_heartbeat interval=100ms timeout=100ms;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream qr/\n\n:\n\n:\n\n:\n\n/
! POST /pub one
! < json {"subscribers":1}
a< stream qr/\A(:\n\n)*id: $EPOCH:1\ndata: one\n\n/
a< stream qr/\A(:\n\n)*:\n\n/



=== TEST 6: the end of a stream of events says why
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $websocket_close_code $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket subscribe; websocket_channel $arg_c; }
    location = /idle {
        websocket subscribe;
        websocket_channel x;
        websocket_idle_timeout 200ms;
    }
    location = /pub { websocket_publish; websocket_channel $arg_c; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws?c=x
a< 200
a< stream qr/\n\n/
! DELETE /pub?c=x
! < 200
# the response has its end, and the connection goes on
a< body qr/\Aevent: close\ndata: \{"code":1000,"reason":"the channel was deleted"\}\n\n\z/
! wait-access qr/^200 1000 the channel was deleted$/
b+ Accept: text/event-stream
b> plain GET /idle
b< 200
b< body qr/\n\nevent: close\ndata: \{"code":1000,"reason":"no message for too long"\}\n\n\z/
c+ Accept: text/event-stream
c> plain GET /ws?c=y
c< 200
c< stream qr/\n\n/
c> end
! wait-access qr/^200 1006 -$/
! GET /pub?c=y
! < json {"subscribers":0}



=== TEST 7: events over a reload, and at a quit
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=5;
        websocket_drain 0;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream qr/\n\n/
! POST /pub one
a< stream qr/\Aid: $EPOCH:1\ndata: one\n\n/
! reload
a< body qr/\Aevent: close\ndata: \{"code":1012,"reason":"server restarts: connect again"\}\n\n\z/
! POST /pub two
a+ Accept: text/event-stream
a+ Last-Event-ID: $EPOCH:1
a> plain GET /ws
a< 200
a< stream qr/\Aretry: \d+\nid: $EPOCH:1\n\nid: $EPOCH:2\ndata: two\n\n/
! quit
a< body qr/\Aevent: close\ndata: \{"code":1001,"reason":"server shuts down"\}\n\n\z/
! wait-exit



=== TEST 8: events over HTTP/1.0 end with the connection
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws HTTP/1.0
a< 200
a< header ! Transfer-Encoding
a< header Connection: close
a< stream qr/\Aretry: \d+\nid: \w+:0\n\n/
! POST /pub one
a< stream qr/\Aid: $EPOCH:1\ndata: one\n\n/
! DELETE /pub
a< stream qr/\Aevent: close\ndata: \{"code":1000,"reason":"[^"]+"\}\n\n/
a< eof



=== TEST 9: events and polls over TLS
--- http_config
    websocket_zone zone=live:4m;
    websocket_heartbeat off;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 ssl;
        ssl_certificate $TEST_NGINX_TLS/cert.pem;
        ssl_certificate_key $TEST_NGINX_TLS/key.pem;
        location = /ws {
            websocket pubsub;
            websocket_channel x;
            websocket_history length=5;
        }
    }
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a+ Accept: text/event-stream
a@$TEST_NGINX_RAND_PORT_1:tls> plain GET /ws
a< 200
a< stream qr/\Aretry: \d+\nid: \w+:0\n\n/
! POST /pub one
! < json {"subscribers":1}
a< stream qr/\Aid: $EPOCH:1\ndata: one\n\n/
! POST /pub * 900000 x
! < json {"offset":2}
a< stream qr/\Aid: $EPOCH:2\ndata: x+\n\n/
b@$TEST_NGINX_RAND_PORT_1:tls> plain GET /ws?since=$EPOCH:0
b< 200
b< body qr/\A\{"recovered":true,"position":"$EPOCH:1",[^{]*\{"offset":1,[^{]*"data":"one","epoch":"\w+"\}/
b@$TEST_NGINX_RAND_PORT_1:tls> plain GET /ws?since=$EPOCH:1
b< 200
b< body qr/\A\{"recovered":true,"position":"$EPOCH:2",[^{]*\{"offset":2,[^{]*"data":"x+","epoch":"\w+"\}\]\}$/
b@$TEST_NGINX_RAND_PORT_1:tls> plain GET /ws?since=$EPOCH:2
! POST /pub three
b< 200
b< body qr/"offset":3,.*"data":"three"/
a< stream qr/\Aid: $EPOCH:3\ndata: three\n\n/
! DELETE /pub
a< body qr/\Aevent: close\n/



=== TEST 10: a slow reader of events: the bound, and the rest
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=2 size=8m;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 2m;
        websocket_history length=5;
    }
--- websocket
! POST /pub zero
a+ Accept: text/event-stream
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> plain GET /ws
a< 200
a< stream qr/\n\n/
! POST /pub * 1500000 x
! < 200
! POST /pub two
! < 200
! POST /pub three
! < 200
! POST /pub four
# what was begun is ended, so that the id of it is right
a< body qr/\Aid: $EPOCH:2\ndata: x+\n\nevent: close\ndata: \{"code":1013,"reason":"too slow: the send queue is full"\}\n\n\z/
! wait-access qr/^1013 too slow: the send queue is full$/
a+ Accept: text/event-stream
a+ Last-Event-ID: $EPOCH:2
a> plain GET /ws
a< 200
a< stream qr/\nid: $EPOCH:3\ndata: two\n\nid: $EPOCH:4\ndata: three\n\nid: $EPOCH:5\ndata: four\n\n/



=== TEST 11: a poll without a position is given one at once
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_history length=5; }
    location = /all { websocket subscribe; websocket_channel x; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> plain GET /ws?transport=poll
a< 200
a< header Content-Type: application/json
a< header Cache-Control: no-store
a< body qr/\A\{"position":"(?<epoch>[0-9a-f]{16}):0","messages":\[\]\}\n\z/
! POST /pub one
! < json {"epoch":"%{epoch}"}
! POST /pub [Content-Type: application/octet-stream] \x00\xff
a> plain GET /ws?transport=poll
a< 200
a< body qr/\A\{"position":"$EPOCH:2","messages":\[\]\}\n\z/
# one with a replay has something
a> plain GET /all?transport=poll
a< 200
a< body qr/\A\{"position":"$EPOCH:2","messages":\[\{"offset":1,"time":\d{13},"type":"text","data":"one","epoch":"$EPOCH"\},\{"offset":2,"time":\d{13},"type":"binary","data":"AP8=","epoch":"$EPOCH"\}\]\}\n\z/
b> plain GET /ws?transport=carrier
b< 426
c> plain GET /ws?transport=poll&since=1
c< 400
c< body qr/\Athe position is not EPOCH:OFFSET/



=== TEST 12: a poll with a position: what there is at once, else what comes
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=3;
        websocket_heartbeat off;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> plain GET /ws?transport=poll
a< body qr/"position":"(?<p>\w+:0)"/
a> plain GET /ws?since=%{p}
! POST /pub one
a< 200
a< body qr/\A\{"recovered":true,"position":"$EPOCH:1","messages":\[\{"offset":1,[^{]*"data":"one"[^{]*\}\]\}\n\z/
! POST /pub two
! POST /pub three
a> plain GET /ws?since=$EPOCH:1
a< 200
a< body qr/\A\{"recovered":true,"position":"$EPOCH:3","messages":\[\{"offset":2,[^{]*\},\{"offset":3,[^{]*\}\]\}\n\z/
! apart b a
b> plain GET /ws?since=$EPOCH:3
! apart c b
c> plain GET /ws?transport=poll&since=$EPOCH:3
! POST /pub four
b< body qr/\A\{"recovered":true,"position":"$EPOCH:4","messages":\[\{"offset":4,[^{]*"data":"four"[^{]*\}\]\}\n\z/
c< body qr/\A\{"recovered":true,"position":"$EPOCH:4","messages":\[\{"offset":4,[^{]*"data":"four"[^{]*\}\]\}\n\z/
# lost: said at once, with where to go on from
a> plain GET /ws?since=$EPOCH:0
a< body qr/\A\{"recovered":false,"position":"$EPOCH:4","messages":\[\]\}\n\z/
a> plain GET /ws?since=$EPOCH:5
a< body qr/\A\{"recovered":false,"position":"$EPOCH:4","messages":\[\]\}\n\z/
a> plain GET /ws?since=0123456789abcdef:4
a< body qr/\A\{"recovered":false,"position":"$EPOCH:4","messages":\[\]\}\n\z/



=== TEST 13: a poll ends after the heartbeat's interval with nothing
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $request_time [$args]';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_heartbeat interval=300ms;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
a> plain GET /ws?since=$EPOCH:1
a< 200
a< body qr/\A\{"recovered":true,"position":"$EPOCH:1","messages":\[\]\}\n\z/
! wait-access qr/^200 (0\.[3-9]|[1-9]\.)\d* \[since/



=== TEST 14: one poll takes no more than the send queue: the next has the rest
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /two {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=2;
    }
    location = /size {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue size=200;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
! POST /pub five
a> plain GET /two?since=$EPOCH:0
a< body qr/\A\{"recovered":true,"position":"$EPOCH:2","messages":\[\{"offset":1,[^{]*\},\{"offset":2,[^{]*\}\]\}\n\z/
a> plain GET /two?since=$EPOCH:2
a< body qr/\A\{"recovered":true,"position":"$EPOCH:4","messages":\[\{"offset":3,[^{]*\},\{"offset":4,[^{]*\}\]\}\n\z/
a> plain GET /two?since=$EPOCH:4
a< body qr/\A\{"recovered":true,"position":"$EPOCH:5","messages":\[\{"offset":5,[^{]*\}\]\}\n\z/
# of some 90 bytes each, as JSON: a third would be more than the bound
b> plain GET /size?since=$EPOCH:0
b< body qr/\A\{"recovered":true,"position":"$EPOCH:2","messages":\[\{"offset":1,[^{]*\},\{"offset":2,[^{]*\}\]\}\n\z/



=== TEST 15: a poll of several channels
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_send_queue messages=2;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=5;
    }
--- websocket
! POST /pub?c=x x1
! < body qr/"epoch":"(?<x>\w+)"/
! POST /pub?c=y y1
! < body qr/"epoch":"(?<y>\w+)"/
a> plain GET /ws?transport=poll
a< body qr/\A\{"position":"%{x}:1,%{y}:1","messages":\[\]\}\n\z/
a> plain GET /ws?since=%{y}:1,%{x}:1
! POST /pub?c=y y2
a< body qr/\A\{"recovered":true,"position":"%{x}:1,%{y}:2","messages":\[\{"offset":2,[^{]*"y2","epoch":"%{y}"\}\]\}\n\z/
! POST /pub?c=x x2
! POST /pub?c=x x3
! POST /pub?c=x x4
# what was not given in one answer is not skipped
a> plain GET /ws?since=%{x}:1,%{y}:2
a< body qr/\A\{"recovered":true,"position":"%{x}:3,%{y}:2","messages":\[\{[^{]*"x2"[^{]*\},\{[^{]*"x3"[^{]*\}\]\}\n\z/
a> plain GET /ws?since=%{x}:3,%{y}:2
a< body qr/\A\{"recovered":true,"position":"%{x}:4,%{y}:2","messages":\[\{[^{]*"x4"[^{]*\}\]\}\n\z/



=== TEST 16: a poll that waits when its stream ends is told why
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_drain 0; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
c> GET /ws
c< 101
! POST /pub one
c< text one
! together a c
a> plain GET /ws?since=$EPOCH:1
# what was sent before on the same worker is read before
c> ping a waits
c< pong a waits
! reload
a< 200
a< body qr/\A\{"recovered":true,"position":"$EPOCH:1","messages":\[\],"close":\{"code":1012,"reason":"server restarts: connect again"\}\}\n\z/
c< close 1012



=== TEST 17: a poll whose client is gone is no subscriber
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $websocket_close_code [$args]';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=5;
        websocket_heartbeat off;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
a> plain GET /ws?since=$EPOCH:1&transport=poll
b+ Accept: text/event-stream
b> plain GET /ws
b< 200
a> end
! wait-access qr/^\d+ 1006 \[since=\w+:1&transport=poll\]$/
! GET /pub
! < json {"subscribers":1}
# over HTTP/1.0
c> plain GET /ws?since=$EPOCH:1 HTTP/1.0
! POST /pub two
c< 200
c< body qr/\A\{"recovered":true,"position":"$EPOCH:2","messages":\[\{[^{]*"two"[^{]*\}\]\}\n\z/
c< eof



=== TEST 18: clients without WebSocket publish by POST to the location
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x y;
        websocket_max_message_size 1k;
        websocket_history length=5;
    }
    location = /payload { websocket publish; websocket_channel x; }
    location = /result { websocket subscribe; websocket_channel x; }
    location = /echo { websocket echo; }
--- websocket
! POST /ws one
! < 202
! < json {"channel":"x","offset":1,"subscribers":0}
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream qr/\n\n/
! POST /payload [Content-Type: application/octet-stream] \x00
! < 200
! < json {"channel":"x","offset":2,"subscribers":1}
a< stream qr/\Aid: [^\n]*\nevent: binary\ndata: AA==\n\n/
! POST /ws [Idempotency-Key: k; X-WebSocket-Priority: high] three
! < json {"offset":3}
! POST /ws [Idempotency-Key: k] three
! < json {"offset":3}
a< stream qr/\Aid: [^\n]*\ndata: three\n\n/
! POST /ws * 1025 x
! < 413
! < json {"error":{"code":"too_large"}}
! POST /ws \xff
! < 400
! < json {"error":{"code":"invalid_utf8"}}
! POST /result four
! < 405
! < header Allow: GET
! < json {"error":{"code":"method_not_allowed","message":"this stream does not take messages: publish in a location with websocket_publish"}}
! POST /echo four
! < 405
! < header Allow: GET
! POST /payload five
! < json {"offset":4}
a< stream qr/\Aid: [^\n]*\ndata: five\n\n/



=== TEST 19: other methods are no way to a stream
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! HEAD /ws [Accept: text/event-stream]
! < 200
! < header Content-Type: text/event-stream
! HEAD /ws?transport=poll
! < 200
! < header Content-Type: application/json
! HEAD /ws?since=x
! < 400
! HEAD /ws
! < 426
! GET /pub
! < 404
! PUT /ws?transport=poll [Accept: text/event-stream] x
! < 405
! < header Allow: GET, POST
! < json {"error":{"code":"method_not_allowed","message":"use a WebSocket, GET or POST"}}
! DELETE /ws?since=0123456789abcdef:1
! < 405
! GET /pub
! < 404
! POST /pub one
! HEAD /pub
! < 200
! < header Content-Type: application/json
! < body
# what a GET is given, it is not
! HEAD /pub?limit=1
! < 200
! < body



=== TEST 20: a body of a GET is no harm
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws ignored
a< 200
a< stream qr/\Aretry: \d+\nid: \w+:0\n\n/
! POST /pub one
a< stream qr/\Aid: $EPOCH:1\ndata: one\n\n/
! DELETE /pub
a< body qr/\Aevent: close\n/



=== TEST 21: with "Upgrade: h2c", as some clients send on every request
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /ws [Connection: Upgrade, HTTP2-Settings; Upgrade: h2c] one
! < 202
! GET /pub [Connection: Upgrade; Upgrade: h2c]
! < 200
! < json {"offset":1}
a+ Upgrade: h2c
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream qr/\nid: $EPOCH:1\n/
b+ Upgrade: h2c
b> plain GET /ws?transport=poll
b< 200
! GET /pub [Upgrade: h2c, websocket]
! < 400
! < json {"error":{"code":"not_a_stream"}}
=== TEST 22: a poll of two channels: what does not fit comes with the next
--- http_config
    websocket_zone zone=live:4m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_history length=10;
        websocket_send_queue size=1000;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=10;
    }
--- websocket
a> plain GET /ws?transport=poll
a< body qr/"position":"(?<x>\w+):0,(?<y>\w+):0"/
! POST /pub?c=x * 700 1
! POST /pub?c=y * 700 2
a> plain GET /ws?transport=poll&since=%{x}:0,%{y}:0
a< body qr/"position":"%{x}:1,%{y}:0","messages":\[\{"offset":1,"time":\d+,"type":"text","data":"1{700}"/
a> plain GET /ws?transport=poll&since=%{x}:1,%{y}:0
a< body qr/"position":"%{x}:1,%{y}:1","messages":\[\{"offset":1,"time":\d+,"type":"text","data":"2{700}"/
