# Messages that no history keeps.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: a typing indicator beside stored messages loses nobody's place
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_history length=2;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
! POST /pub two
! < json {"offset":2}
a> GET /ws?position=1&since=$EPOCH:2
a< 101
a< json {"recovered":true}
! apart b a
b> GET /ws
b< 101
e+ Accept: text/event-stream
e+ Last-Event-ID: $EPOCH:2
e> plain GET /ws
e< 200
e< stream qr/\Aretry: \d+\nid: $EPOCH:2\n\n/
p> plain GET /ws?transport=poll&since=$EPOCH:2
! GET /pub
! < soon json {"subscribers":4}
! POST /pub [X-WebSocket-History: skip] typing
! < 200
! < json {"offset":2}
a< text $EPOCH:2\ntyping
b< text typing
e< stream qr/\Aid: $EPOCH:2\ndata: typing\n\n/
p< 200
p< body qr/\A\{"recovered":true,"position":"$EPOCH:2","messages":\[\{"time":\d+,"type":"text","data":"typing","ephemeral":true,"epoch":"$EPOCH"\}\]\}$/
! POST /pub [X-WebSocket-History: skip] typing again
! POST /pub [X-WebSocket-History: skip; Content-Type: application/octet-stream] \x00
! POST /pub [X-WebSocket-History: skip] typing still
a< text $EPOCH:2\ntyping again
a< binary $EPOCH:2\n\x00
a< text $EPOCH:2\ntyping still
! GET /pub?limit=10
! < body qr/"offset":2,.*"history":2,.*"data":"one".*"data":"two"[^{]*\]/
# who was away has missed nothing
c> GET /ws?since=$EPOCH:1&hello=1
c< 101
c< json {"recovered":true,"position":"$EPOCH:1"}
c< text two
! POST /pub three
! < json {"offset":3}
a< text $EPOCH:3\nthree
b< text typing again
b< binary \x00
b< text typing still
b< text three
c< text three
e< stream qr/\Aid: $EPOCH:2\ndata: typing again\n\nid: $EPOCH:2\nevent: binary\ndata: AA==\n\nid: $EPOCH:2\ndata: typing still\n\nid: $EPOCH:3\ndata: three\n\n/
! POST /pub [X-WebSocket-History: keep] four
! < 400
! < json {"error":{"code":"invalid_header","message":"X-WebSocket-History is not skip"}}



=== TEST 2: by a field, with types, views, filters and stamps
--- http_config
    websocket_zone zone=live:1m;
    websocket_type event {
        field type string required;
        field text string;
        field on boolean;
        field who string;
        view short type who;
    }
--- config
    websocket_history length=10 except=type:typing|cursor;
    websocket_inbound_type event;
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_view $arg_view;
        websocket_filter on;
        websocket_stamp sequence;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10 except=on:true;
    }
    location = /in { websocket publish; websocket_channel x; }
--- websocket
a> GET /ws?position=1
a< 101
a< json {"position":"qr/:0/"}
v> GET /ws?view=short
v< 101
f> GET /ws?filter={"type":"typing"}
f< 101
a> text {"type":"message","text":"hello","who":"ann"}
a< text qr/\A(?<epoch>\w+):1\n\{"sequence":1,"type":"message",/
a> text {"type":"typing","who":"ann"}
a< text qr/\A%{epoch}:1\n\{"sequence":1,"type":"typing",/
a> text {"type":"cursor","who":"ann"}
a< text qr/\A%{epoch}:1\n\{"sequence":1,"type":"cursor",/
# not a message of the type, and so nobody's
a> text {"type":"typing","what":1}
a< json {"error":{"code":"invalid_message","path":"what","message":"is not a field of event"}}
! POST /ws {"type":"typing","who":"bob"}
! < json {"offset":1}
! POST /pub {"type":"typing","who":"the server","on":true}
! < json {"offset":1}
! POST /pub {"type":"typing","who":"the server","on":false}
! < json {"offset":2}
i> GET /in
i< 101
i> text {"type":"cursor","who":"cid"}
i> text {"type":"message","who":"cid"}
a< text qr/"bob"/
a< text qr/:1\n.*"on":true/
a< text qr/:2\n.*"on":false/
a< text qr/:2\n\{"type":"cursor","who":"cid"\}\z/
a< text qr/:3\n\{"type":"message","who":"cid"\}\z/
v< text {"type":"message","who":"ann"}
v< text {"type":"typing","who":"ann"}
v< text {"type":"cursor","who":"ann"}
v< text {"type":"typing","who":"bob"}
v< text {"type":"typing","who":"the server"}
v< text {"type":"typing","who":"the server"}
v< text {"type":"cursor","who":"cid"}
f< text qr/"ann"/
f< text qr/"bob"/
f< text qr/"on":true/
f< text qr/"on":false/
! GET /pub?limit=10
! < body qr/"offset":3,.*"messages":\[[^]]*"offset":1,[^]]*"offset":2,[^]]*"offset":3,[^]]*\]/



=== TEST 3: a message that is no object is kept; a POST's key does not count
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10 except=n:7;
    }
--- websocket
a> GET /ws
a< 101
! POST /pub ["n",7]
! < json {"offset":1}
! POST /pub {"n":"7"}
! < json {"offset":1}
! POST /pub {"n":7.5}
! < json {"offset":2}
! POST /pub [Content-Type: application/octet-stream] {"n":7}
! < json {"offset":3}
! POST /pub [Idempotency-Key: k] {"n":7}
! < json {"offset":3}
! POST /pub [Idempotency-Key: k] {"n":7}
! < json {"offset":3}
! POST /pub [Idempotency-Key: k] kept
! < json {"offset":4}
a< text ["n",7]
a< text {"n":"7"}
a< text {"n":7.5}
a< binary {"n":7}
a< text {"n":7}
a< text {"n":7}
a< text kept



=== TEST 4: large ones, and nobody there
--- http_config
    websocket_zone zone=live:4m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
        websocket_max_message_size 1m;
    }
    location = /status { websocket_status json; }
--- websocket
! POST /pub one
! POST /pub [X-WebSocket-History: skip] * 1000000 x
! < 202
! < json {"offset":1}
a> GET /ws
a< 101
! POST /pub [X-WebSocket-History: skip] * 1000000 y
! < 200
a< text* 1000000 y
! POST /pub two
! < json {"offset":2}
a< text two
! GET /status
! < soon body qr/"messages":2[^0-9]/
