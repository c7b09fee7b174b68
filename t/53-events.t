# What a publisher says of a message besides: whom it is not for, and which event
# it is.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: X-WebSocket-Except: not to the session that it comes from, by any door
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=9;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_filter on; }
    location = /deflate { websocket subscribe; websocket_channel x; websocket_deflate on context_takeover=on; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?hello=1
a< 101
a< json {"session":"qr/./"}
b> GET /ws?position=1
b< 101
b< json {"session":"qr/./"}
! apart c a
c> GET /ws?filter=%7B%22a%22:1%7D
c< 101
d> GET /deflate
d< 101
e+ Accept: text/event-stream
e> plain GET /ws?hello=1
e< 200
e< stream qr/event: hello\ndata: .*"session":"(?<e>\w{16})"/

# one that is not there
! POST /pub [X-WebSocket-Except: 00000000000000ff] {"a":1}
! < json {"offset":1,"subscribers":5}
a< text {"a":1}
b< text $EPOCH:1\n{"a":1}
c< text {"a":1}
d< text {"a":1}
e< stream data: {"a":1}
! POST /pub [X-WebSocket-Except: %{e}] {"a":1,"n":2}
! < json {"offset":2}
a< text {"a":1,"n":2}
b< text $EPOCH:2\n{"a":1,"n":2}
c< text {"a":1,"n":2}
d< text {"a":1,"n":2}
! POST /ws {"n":3}
e< stream qr/\A\n\nid: $EPOCH:3\ndata: \{"n":3\}\n\n/
a< text {"n":3}
# who was not given it comes back behind it
! POST /pub [X-WebSocket-Except: x] {}
! < 400
! < json= {"error":{"code":"invalid_header","message":"X-WebSocket-Except is not a session's 16 digits"}}
! POST /pub [X-WebSocket-Except: ffffffffffffffff] {}
! < 400
! POST /pub [X-WebSocket-Except: 1; X-WebSocket-Except: 1] {}
! < 400



=== TEST 2: of several sockets on one worker, one is left out
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=9;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_presence on from=$arg_n; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?n=a
a< 101
! together b a
b> GET /ws?n=b
b< 101
! together c a
c> GET /ws?n=c
c< 101
! GET /pub?presence=1
! < body qr/"from":"b","session":"(?<b>\w{16})"/
! POST /pub [X-WebSocket-Except: %{b}] one
! POST /pub two
a< text one
a< text two
b< text two
c< text one
c< text two
# the history has it, for another session of whoever it is
d> GET /ws
d< 101
d< text one
d< text two



=== TEST 3: X-WebSocket-Event names an event, and is a tag
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_filter on; }
    location = /two { websocket subscribe; websocket_channel x y; }
    location = /pub { websocket_publish; websocket_channel x; websocket_history length=9; }
--- websocket
e+ Accept: text/event-stream
e> plain GET /ws
e< 200
e< stream qr/\nid: \w+:0\n\n/
g+ Accept: text/event-stream
g> plain GET /two
g< 200
g< stream qr/\nid: \w+:0,\w+:0\n\n/
a> GET /ws?filter=%7B%22tags.event%22:%22move%22%7D
a< 101
! POST /pub [X-WebSocket-Event: join] 1
! POST /pub [X-WebSocket-Event: move; X-WebSocket-Tags: room=a] 2
! POST /pub [X-WebSocket-Event: move; Content-Type: application/octet-stream] 3
! POST /pub [X-WebSocket-Tags: event=close] 4
! POST /ws [X-WebSocket-Event: Straße] 5
! < 200
a< text 2
a< binary 3
e< stream qr/\Aid: $EPOCH:1\nevent: join\ndata: 1\n\nid: $EPOCH:2\nevent: move\ndata: 2\n\nid: $EPOCH:3\nevent: binary\ndata: Mw==\n\nid: $EPOCH:4\ndata: 4\n\nid: $EPOCH:5\nevent: Stra\xc3\x9fe\ndata: 5\n\n/
g< stream qr/\nevent: join\ndata: 1\n\n/
p> plain GET /ws?transport=poll&since=$EPOCH:1
p< 200
p< body qr/"data":"2","event":"move","epoch"/
! POST /pub [X-WebSocket-Event: close] x
! < 400
! < json= {"error":{"code":"invalid_header","message":"X-WebSocket-Event is not the name of an event, or is one of the server's"}}
! POST /pub [X-WebSocket-Event: a,b=c] x
! < 400
! POST /pub [X-WebSocket-Event: \xe9] x
! < 400
! < json {"error":{"code":"invalid_header","message":"X-WebSocket-Event is not the name of an event, or is too long"}}
! POST /pub [X-WebSocket-Event: a; X-WebSocket-Tags: event=b] x
! < 400
