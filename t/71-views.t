# Views: some of a message's fields, however a client gets them.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: a view is chosen by the client, in the order that it names
--- http_config
    websocket_zone zone=live:1m;
    websocket_type metric {
        field name   string required;
        field value  number required;
        field secret string;
        field where  object;
        view summary value name;
        view place   where.x name;
    }
--- config
    websocket_outbound_type metric;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_view $arg_view;
    }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /free { websocket_publish; websocket_channel x; websocket_outbound_type off; }
--- websocket
a> GET /ws
a< 101
b> GET /ws?view=summary
b< 101
! apart c b
c> GET /ws?view=summary&position=1
c< 101
c< json {"position":"qr/:0$/"}
d> GET /ws?view=place
d< 101
e> GET /ws?view=default
e< 101
f> GET /ws?view=none
f< 400
f< body there is no view of that name
g> GET /ws?view=summary%20
g< 400
! POST /pub { "name": "n",\n "value": 0.10, "secret":"s", "where":{"y":1,"x":[2]}}
! < json {"offset":1}
a< text { "name": "n",\n "value": 0.10, "secret":"s", "where":{"y":1,"x":[2]}}
b< text {"value":0.10,"name":"n"}
c< text $EPOCH:1\n{"value":0.10,"name":"n"}
d< text {"where":{"x":[2]},"name":"n"}
e< text { "name": "n",\n "value": 0.10, "secret":"s", "where":{"y":1,"x":[2]}}
# what is no object, or has nothing that the view shows, is not for it
! POST /free plain
a< text plain
! POST /free [Content-Type: application/octet-stream] {"name":"x","value":1}
a< binary {"name":"x","value":1}
! POST /free {"other":1,"secret":"z"}
a< text {"other":1,"secret":"z"}
! POST /free [{"name":"x","value":1}]
a< text [{"name":"x","value":1}]
! POST /free {"name":5,"secret":"z"}
a< text {"name":5,"secret":"z"}
b< text {"name":5}
c< text $EPOCH:6\n{"name":5}
d< text {"name":5}
e< text plain



=== TEST 2: compressed, once for a view, and with context
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string; field b string; view v b; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_view $arg_view;
        websocket_deflate on min_length=10;
    }
    location = /own {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_view v;
        websocket_deflate on min_length=10 context_takeover=on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws?view=v
a< 101
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /ws
b< 101
c> GET /ws?view=v
c< 101
d+ Sec-WebSocket-Extensions: permessage-deflate
d> GET /own
d< 101
a> compressed text {"a":"secret","b":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
a< compressed text {"b":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
b< compressed text {"a":"secret","b":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
c< uncompressed text {"b":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
d< compressed text {"b":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}
d> text {"a":"secret","b":"y"}
a< uncompressed text {"b":"y"}
d< uncompressed text {"b":"y"}
# of the whole nothing is left in what is compressed later
d> text {"a":"secret","b":"secret"}
d< text {"b":"secret"}
a< text {"b":"secret"}



=== TEST 3: events, long-polling, the history
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string; field b number; view v b; }
--- config
    websocket_history length=10;
    websocket_outbound_type m;
    websocket_view $arg_view;
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /two { websocket subscribe; websocket_channel x y; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /free { websocket_publish; websocket_channel x; websocket_outbound_type off; websocket_view ""; }
--- websocket
! POST /pub {"a":"secret","b":1}
! POST /free plain
! POST /pub {"a":"secret"}
! POST /pub {"a":"secret","b":2}
! < json {"offset":4}
a+ Accept: text/event-stream
a> plain GET /ws?view=v&since=$EPOCH:0
a< 200
a< stream qr/id: $EPOCH:1\ndata: \{"b":1\}\n\nid: $EPOCH:4\ndata: \{"b":2\}\n\n/
b+ Accept: text/event-stream
b> plain GET /two?view=v&since=$EPOCH:0
b< 200
b< stream qr/data: \{"b":1\}\n\nid: \S+\ndata: \{"b":2\}\n\n/
! POST /pub {"a":"secret","b":3}
a< stream qr/id: $EPOCH:5\ndata: \{"b":3\}\n\n/
! GET /ws?transport=poll&view=v&since=$EPOCH:0
! < 200
! < body qr/"data":"\{\\"b\\":1\}".*"data":"\{\\"b\\":3\}"/
! < body qr/\A(?!.*secret)(?!.*plain)/
! GET /pub?since=$EPOCH:1&view=v
! < json {"position":"$EPOCH:5"}
! < body qr/"messages":\[\{"offset":4,[^{}]*"data":"\{\\"b\\":2\}"\},\{"offset":5,/
! < body qr/\A(?!.*secret)(?!.*plain)/
! GET /pub?since=$EPOCH:1
! < body qr/secret/
! GET /pub?since=$EPOCH:1&view=w
! < 400
! < json {"error":{"code":"invalid_view"}}
c> GET /ws?view=v&since=$EPOCH:1
c< 101
c< text {"b":2}
c< text {"b":3}



=== TEST 4: a poll that has nothing to show tells of where to go on
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string; field b number; view v b; }
--- config
    websocket_history length=10;
    websocket_outbound_type m;
    websocket_heartbeat interval=300ms;
    location = /ws { websocket subscribe; websocket_channel x; websocket_view v; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub {"a":"1"}
! POST /pub {"a":"2"}
! < json {"offset":2}
! GET /ws?since=$EPOCH:0
! < json {"recovered":true,"position":"$EPOCH:2","messages":[]}



=== TEST 5: the last of all views, many sessions, own messages, a reload
--- http_config eval
"websocket_zone zone=live:1m; websocket_drain 20d;
 websocket_type m { field a number; field b number; "
. CORE::join('', map { 'view v' . $_ . ($_ % 2 ? ' a; ' : ' b; ') } 1 .. 127) . "}"
--- config
    websocket_inbound_type m;
    websocket_view $arg_view;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /other { websocket pubsub; websocket_channel x; websocket_own_messages off; }
--- websocket
a> GET /ws?view=v127
a< 101
b> GET /ws?view=v126
b< 101
c> GET /ws?view=v1
c< 101
d> GET /other?view=v63
d< 101
e> GET /ws?view=v64
e< 101
d> text {"a":1,"b":2}
a< text {"a":1}
b< text {"b":2}
c< text {"a":1}
e< text {"b":2}
! reload
f> GET /ws?view=v127
f< 101
f> text {"b":3}
f> text {"a":4}
a< text {"a":4}
b< text {"b":3}
c< text {"a":4}
d< text {"a":4}
e< text {"b":3}
f< text {"a":4}
