# The end of a stream: X-WebSocket-End with the last message.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: subscribers get the last message, then the end; it is told in each way
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
! POST /pub one
! < json= {"channel":"x","epoch":"qr/./","offset":1,"subscribers":2}
e+ Accept: text/event-stream
e> plain GET /ws
e< 200
e< stream data: one
p> plain GET /ws?transport=poll&since=$EPOCH:1
! GET /pub
! < soon json {"subscribers":4}
! POST /pub [X-WebSocket-End: 1] two
! < json= {"channel":"x","epoch":"qr/./","offset":2,"subscribers":4,"end":true}
a< text one
a< text two
a< close 1000 reason the stream has ended
b< text one
b< text two
b< close 1000 reason the stream has ended
e< body qr/\Aid: $EPOCH:2\ndata: two\n\nid: $EPOCH:2\nevent: end\ndata: \{"code":1000,"reason":"the stream has ended"\}\n\n\z/
p< 200
p< body qr/"position":"$EPOCH:2","messages":\[\{"offset":2,.*"data":"two".*\}\],"end":true\}/
# who comes later gets the history and the end
c> GET /ws
c< 101
c< text one
c< text two
c< close 1000 reason the stream has ended
d> GET /ws?position=1&since=$EPOCH:2
d< 101
d< json {"recovered":true,"position":"$EPOCH:2"}
d< close 1000 reason the stream has ended
f+ Accept: text/event-stream
f> plain GET /ws
f< 200
f< body qr/data: one\n\nid: $EPOCH:2\ndata: two\n\nid: $EPOCH:2\nevent: end\ndata: \{"code":1000,"reason":"the stream has ended"\}\n\n\z/
# EventSource that returns is told not to
f2+ Accept: text/event-stream
f2+ Last-Event-ID: $EPOCH:2
f2> plain GET /ws
f2< 204
f2< body
g> plain GET /ws?transport=poll&since=$EPOCH:1
g< 200
g< body qr/"messages":\[\{"offset":2,.*"data":"two"/
g2> plain GET /ws?transport=poll&since=$EPOCH:2
g2< 200
g2< body {"recovered":true,"position":"$EPOCH:2","messages":[],"end":true}
! GET /pub
! < json {"offset":2,"end":true,"history":2}



=== TEST 2: nothing is published after it, until a DELETE
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /in { websocket publish; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /in
a< 101
! POST /pub [X-WebSocket-End: 1; Idempotency-Key: k] last
! < 202
! POST /pub more
! < 409
! < json= {"error":{"code":"ended","message":"the channel has ended: DELETE it to begin anew"}}
# a publisher that did not hear of it tries again
! POST /pub [X-WebSocket-End: 1; Idempotency-Key: k] last
! < json {"offset":1,"duplicate":true,"end":true}
! POST /ws more
! < 409
a> text more
a< close 1000 reason the stream has ended
! POST /pub * 60000 x
! < 409
! GET /pub?since=$EPOCH:0
! < json {"offset":1,"end":true,"messages":[{"data":"last"}]}
! DELETE /pub
! < 200
! POST /pub anew
! < json= {"channel":"x","epoch":"qr/./","offset":1,"subscribers":0}



=== TEST 3: the header; a client cannot end what others get
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /ws [X-WebSocket-End: 1] x
! < 400
! < json= {"error":{"code":"invalid_header","message":"X-WebSocket-End is for locations with websocket_publish"}}
! POST /ws [X-WebSocket-End: 1]
! < 400
! POST /pub [X-WebSocket-End: yes] x
! < 400
! < json= {"error":{"code":"invalid_header","message":"X-WebSocket-End is not 1"}}
! POST /pub [X-WebSocket-End: 1; X-WebSocket-End: 1] x
! < 400
! POST /pub x
! < json {"offset":1}



=== TEST 4: an end without a last message, also of a type
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string required; }
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_history length=9; }
    location = /pub { websocket_publish; websocket_channel x; websocket_outbound_type m; }
--- websocket
a> GET /ws?position=1
a< 101
a< json {"position":"qr/:0$/"}
! apart b a
b> GET /ws
b< 101
! POST /pub {"a":"1"}
! < 200
! POST /pub
! < 422
! POST /pub [X-WebSocket-End: 1; X-WebSocket-Tags: a=b]
! < json= {"channel":"x","epoch":"qr/./","offset":1,"subscribers":2,"end":true}
a< text $EPOCH:1\n{"a":"1"}
a< close 1000 reason the stream has ended
b< text {"a":"1"}
b< close 1000 reason the stream has ended
! POST /pub {"a":"2"}
! < 409



=== TEST 5: it survives workers, and a reload
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> plain POST /pub one
a< 202
b+ X-WebSocket-End: 1
! together b a
b> plain POST /pub two
b< 202
! kill worker of b
c> GET /ws
c< 101
c< text one
c< text two
c< close 1000 reason the stream has ended
! reload
d> GET /ws
d< 101
d< text one
d< text two
d< close 1000 reason the stream has ended
! POST /pub three
! < 409



=== TEST 6: of several channels the session goes on until the last has ended
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket subscribe; websocket_channel x y; }
    location = /pub { websocket_publish; websocket_channel $arg_c; }
--- websocket
! POST /pub?c=x 0
a> GET /ws
a< 101
e+ Accept: text/event-stream
e> plain GET /ws
e< 200
e< stream qr/\nid: \w+:1,\w+:0\n\n/
! POST /pub?c=x [X-WebSocket-End: 1] 1
! < 200
! GET /pub?c=x
! < soon json {"subscribers":0}
! POST /pub?c=y 2
! < json {"subscribers":2}
! POST /pub?c=y [X-WebSocket-End: 1]
a< text 1
a< text 2
a< close 1000 reason the stream has ended
e< body qr/data: 1\n\nid: \w+:2,\w+:1\ndata: 2\n\nid: (?<at>\w+:2,\w+:1)\nevent: end\n/
f+ Accept: text/event-stream
f+ Last-Event-ID: %{at}
f> plain GET /ws
f< 204
g> GET /ws?since=%{at}
g< 101
g< close 1000 reason the stream has ended



=== TEST 7: who filters is behind what it was not sent, and need not come back
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_filter on; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
e+ Accept: text/event-stream
e> plain GET /ws?filter=%7B%22a%22:1%7D
e< 200
e< stream qr/\nid: \w+:0\n\n/
! POST /pub {"a":1}
! < 200
! POST /pub {"a":2}
! < 200
! POST /pub [X-WebSocket-End: 1] {"a":2}
! < 200
e< body qr/data: \{"a":1\}\n\nid: (?<at>\w+:3)\nevent: end\n/
f+ Accept: text/event-stream
f+ Last-Event-ID: %{at}
f> plain GET /ws?filter=%7B%22a%22:1%7D
f< 204



=== TEST 8: joins and leaves are not after the end
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=10;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_presence on;
        websocket_events join leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws
a< 101
a< json {"type":"join"}
! POST /pub [X-WebSocket-End: 1] last
a< text last
a< close 1000 reason the stream has ended
b> GET /ws
b< 101
b< close 1000 reason the stream has ended
! GET /pub?presence=1
! < soon json {"offset":2,"members":0}
! GET /pub?since=$EPOCH:1
! < json {"offset":2,"messages":[{"data":"last"}]}
