# Centrifugo's client protocol, to the byte.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: connect, subscribe, publish: what is said
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace default {
        subscribe client anonymous;
        publish   client anonymous;
    }
    websocket_namespace recovery {
        history        length=10 time=60s;
        recovery       force;
        positioning    force;
        subscribe      client anonymous;
        publish        client anonymous;
        history_access client anonymous;
    }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< text qr/^\{"id":1,"connect":\{"client":"(?<client>[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})","version":"[0-9.]+","ping":25,"pong":true\}\}$/
a> text {"id":2,"subscribe":{"channel":"recovery:t"}}
a< text qr/^\{"id":2,"subscribe":\{"recoverable":true,"epoch":"(?<epoch>[0-9a-f]{16})","positioned":true\}\}$/
a> text {"id":3,"publish":{"channel":"recovery:t","data":{"n":1}}}
a< text {"id":3,"publish":{}}
a< text {"push":{"channel":"recovery:t","pub":{"data":{"n":1},"info":{"user":"","client":"%{client}"},"offset":1}}}
a> text {"id":4,"subscribe":{"channel":"recovery:t"}}
a< text {"id":4,"error":{"code":105,"message":"already subscribed"}}
a> text {"id":6,"history":{"channel":"recovery:t","limit":10}}
a< text {"id":6,"history":{"publications":[{"data":{"n":1},"info":{"user":"","client":"%{client}"},"offset":1}],"epoch":"%{epoch}","offset":1}}
a> text {"id":7,"history":{"channel":"recovery:t"}}
a< text {"id":7,"history":{"publications":[],"epoch":"%{epoch}","offset":1}}
a> text {"id":8,"unsubscribe":{"channel":"recovery:t"}}
a< text {"id":8,"unsubscribe":{}}
a> text {"id":9,"publish":{"channel":"recovery:t","data":2}}
a< text {"id":9,"publish":{}}
a> text {"id":10,"subscribe":{"channel":"recovery:t","recover":true,"epoch":"%{epoch}","offset":1}}
a< text {"id":10,"subscribe":{"recoverable":true,"epoch":"%{epoch}","publications":[{"data":2,"info":{"user":"","client":"%{client}"},"offset":2}],"recovered":true,"offset":1,"positioned":true,"was_recovering":true}}
a> text {"id":11,"subscribe":{"channel":"plain"}}\n{"id":12,"publish":{"channel":"plain","data":"\\u00fc"}}
a< text {"id":11,"subscribe":{}}
a< text {"id":12,"publish":{}}
a< text qr/^\{"push":\{"channel":"plain","pub":\{"data":"\\u00fc","info":\{.*\}\}\}\}$/



=== TEST 2: what is no command ends the connection
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket centrifuge; websocket_insecure on; }
--- websocket
a> GET /ws
a< 101
a> text
a< close 3501 bad request
b> GET /ws
b< 101
b> text not JSON
b< close 3501 bad request
c> GET /ws
c< 101
c> text {"id":1,"subscribe":{"channel":"x"}}
c< close 3501 bad request
d> GET /ws
d< 101
d> text {"id":1,"connect":{}}
d< json {"id":1}
d> text {"id":2,"connect":{}}
d< close 3501 bad request
e> GET /ws
e< 101
e> text {"id":1,"connect":{}}\n{}
e< json {"id":1}
e< close 3501 bad request
f> GET /ws
f< 101
f> text {"id":1,"connect":{}}\n{"id":2,"ping":{}}
f< json {"id":1}
f< close 3501 bad request
g> GET /ws
g< 101
g> binary {"id":1,"connect":{}}\n{"id":2,"unsubscribe":{"channel":"\xff"}}
g< close 3501 bad request
h> GET /ws
h< 101
h> binary {"id":1,"connect":{"name":"js","version":"1"}}
h< json {"id":1}
h> text {"id":2,"subscribe":{"channel":""}}
h< close 3501 bad request
i> GET /ws
i< 101
i> text {"id":1,"connect":{"name":"12345678901234567"}}
i< close 3501 bad request
j> GET /ws
j< 101
j> text {"id":1,"connect":{}}\n{"id":2,"rpc":{"method":"m"}}\n{"send":{"data":1}}
j< json {"id":1}
j< text {"id":2,"error":{"code":108,"message":"not available"}}
j< close 3508 not available
k> GET /ws
k< 101
k> text {"id":1,"connect":{}}\n{"id":2,"refresh":{}}
k< json {"id":1}
k< close 3501 bad request



=== TEST 3: who does not connect, or does not answer a ping
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /stale {
        websocket centrifuge;
        websocket_anonymous on;
        websocket_connect_timeout 100ms;
    }
    location = /ping {
        websocket centrifuge;
        websocket_anonymous on;
        websocket_heartbeat interval=300ms timeout=100ms;
    }
    location = /quiet {
        websocket centrifuge;
        websocket_anonymous on;
        websocket_heartbeat off;
    }
--- websocket
a> GET /stale
a< 101
a< close 3502 stale
b> GET /ping
b< 101
b> text {"id":1,"connect":{}}
b< json {"id":1,"connect":{"ping":1,"pong":true}}
b< text {}
b> text {}
b< text {}
b> text {}
b< text {}
b< close 3012 no pong
c> GET /quiet
c< 101
c> text {"id":1,"connect":{}}
c< text qr/^\{"id":1,"connect":\{"client":"[^"]*","version":"[^"]*"\}\}$/



=== TEST 4: recovery: from the begin, of another life, too late, or not at all
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace keep {
        history length=500; recovery allow; subscribe client anonymous;
    }
    websocket_namespace read {
        history length=2; subscribe client anonymous;
        history_access client anonymous;
    }
    websocket_namespace told { history length=2; subscribe client anonymous; }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location /pub/ {
        websocket_publish;
        websocket_history length=500;
        websocket_channel $arg_c;
    }
--- websocket
! POST /pub/?c=keep:a {"n":1}
! < 202
! POST /pub/?c=keep:a {"n":2}
! < 202
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"keep:a"}}
a< text {"id":2,"subscribe":{}}
a> text {"id":3,"unsubscribe":{"channel":"keep:a"}}
a< text {"id":3,"unsubscribe":{}}
a> text {"id":4,"subscribe":{"channel":"keep:a","recoverable":true}}
a< text {"id":4,"subscribe":{"recoverable":true,"epoch":"$EPOCH","offset":2,"positioned":true}}
a> text {"id":5,"unsubscribe":{"channel":"keep:a"}}
a< text {"id":5,"unsubscribe":{}}
a> text {"id":6,"subscribe":{"channel":"keep:a","recover":true}}
a< text {"id":6,"subscribe":{"recoverable":true,"epoch":"$EPOCH","publications":[{"data":{"n":1},"offset":1},{"data":{"n":2},"offset":2}],"recovered":true,"positioned":true,"was_recovering":true}}
a> text {"id":7,"unsubscribe":{"channel":"keep:a"}}
a< text {"id":7,"unsubscribe":{}}
a> text {"id":8,"subscribe":{"channel":"keep:a","recover":true,"epoch":"_"}}
a< text {"id":8,"subscribe":{"recoverable":true,"epoch":"$EPOCH","offset":2,"positioned":true,"was_recovering":true}}
a> text {"id":9,"unsubscribe":{"channel":"keep:a"}}
a< text {"id":9,"unsubscribe":{}}
a> text {"id":10,"subscribe":{"channel":"keep:a","recover":true,"epoch":"_","flag":2}}
a< text {"id":10,"error":{"code":112,"message":"unrecoverable position"}}
a> text {"id":11,"subscribe":{"channel":"keep:a","recover":true,"offset":3,"flag":1}}
a< json {"id":11,"subscribe":{"offset":2,"was_recovering":true}}
! POST /pub/?c=keep:a 3
! < 200
a< text {"push":{"channel":"keep:a","pub":{"data":3,"offset":3}}}
a> text {"id":12,"subscribe":{"channel":"keep:new","recover":true}}
a< json {"id":12,"subscribe":{"recovered":true,"was_recovering":true}}
a> text {"id":13,"subscribe":{"channel":"read:a","recoverable":true}}
a< json {"id":13,"subscribe":{"recoverable":true,"positioned":true}}
a> text {"id":14,"subscribe":{"channel":"told:a","recoverable":true,"positioned":true,"recover":true}}
a< text {"id":14,"subscribe":{}}
! POST /pub/?c=told:a 1
! < 200
a< text {"push":{"channel":"told:a","pub":{"data":1,"offset":1}}}



=== TEST 5: as many as a reply may have are recovered, and no more
--- http_config
    websocket_zone zone=live:4m;
    websocket_namespace keep {
        history length=500; recovery force; subscribe client anonymous;
        publish client anonymous;
    }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> times 300 text {"id":2,"publish":{"channel":"keep:a","data":"x"}}
b> GET /ws
b< 101
a> text {"id":3,"unsubscribe":{"channel":"keep:a"}}
a< text {"id":2,"publish":{}}
b> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"keep:a","recover":true}}
b< json {"id":1}
b< text qr/"publications":\[(\{"data":"x","info":\{[^{}]*\},"offset":\d+\},){299}\{"data":"x","info":\{[^{}]*\},"offset":300\}\],"recovered":true,"positioned":true,"was_recovering":true\}\}$/
a> text {"id":4,"publish":{"channel":"keep:a","data":"y"}}
b< text qr/"data":"y".*"offset":301\}\}\}$/
b> text {"id":3,"unsubscribe":{"channel":"keep:a"}}\n{"id":4,"subscribe":{"channel":"keep:a","recover":true}}
b< text {"id":3,"unsubscribe":{}}
b< json {"id":4,"subscribe":{"offset":301,"was_recovering":true}}



=== TEST 6: many commands in a frame, in their order
--- http_config
    websocket_zone zone=live:4m;
--- config
    location = /ws {
        websocket centrifuge;
        websocket_insecure on;
        websocket_max_channels 1000;
    }
--- websocket eval
my $many = CORE::join '\n', map { qq({"id":$_,"subscribe":{"channel":"c$_"}}) }
           2 .. 500;
my $each = CORE::join "\n", map { qq(a< text {"id":$_,"subscribe":{}}) } 2 .. 500;
<<"END"
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\\n$many
a< json {"id":1}
$each
a> text {"id":501,"publish":{"channel":"c77","data":null}}
a< text {"id":501,"publish":{}}
a< text qr/^\\{"push":\\{"channel":"c77","pub":\\{"data":null,/
END



=== TEST 7: what a subscription may not be
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace ab {
        subscribe client anonymous; pattern ^[a-z]*$;
        publish subscriber anonymous;
    }
    websocket_namespace cd { subscribe client; publish client; }
--- config
    location = /ws {
        websocket centrifuge; websocket_anonymous on; websocket_max_channels 2;
    }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"xy:a"}}
a< text {"id":2,"error":{"code":102,"message":"unknown channel"}}
a> text {"id":3,"subscribe":{"channel":"a"}}
a< text {"id":3,"error":{"code":103,"message":"permission denied"}}
a> text {"id":4,"subscribe":{"channel":"ab:A"}}
a< text {"id":4,"error":{"code":107,"message":"bad request"}}
a> text {"id":5,"subscribe":{"channel":"ab:\\u0001"}}
a< text {"id":5,"error":{"code":107,"message":"bad request"}}
a> text {"id":6,"subscribe":{"channel":"$ab:a"}}
a< text {"id":6,"error":{"code":103,"message":"permission denied"}}
a> text {"id":7,"subscribe":{"channel":"ab:a","type":1}}
a< text {"id":7,"error":{"code":103,"message":"permission denied"}}
a> text {"id":8,"subscribe":{"channel":"ab:a","tf":{"key":"a","cmp":"ex"}}}
a< text {"id":8,"error":{"code":107,"message":"bad request"}}
a> text {"id":9,"subscribe":{"channel":"cd:a"}}
a< text {"id":9,"error":{"code":103,"message":"permission denied"}}
a> text {"id":10,"publish":{"channel":"ab:a","data":1}}
a< text {"id":10,"error":{"code":103,"message":"permission denied"}}
a> text {"id":11,"publish":{"channel":"ab:a"}}
a< text {"id":11,"error":{"code":107,"message":"bad request"}}
a> text {"id":12,"subscribe":{"channel":"ab:a"}}\n{"id":13,"subscribe":{"channel":"ab:b"}}
a< text {"id":12,"subscribe":{}}
a< text {"id":13,"subscribe":{}}
a> text {"id":14,"subscribe":{"channel":"ab:c"}}
a< text {"id":14,"error":{"code":106,"message":"limit exceeded"}}
a> text {"id":15,"unsubscribe":{"channel":"ab:c"}}\n{"id":16,"unsubscribe":{"channel":"ab:a"}}
a< text {"id":15,"unsubscribe":{}}
a< text {"id":16,"unsubscribe":{}}
a> text {"id":17,"subscribe":{"channel":"ab:c"}}
a< text {"id":17,"subscribe":{}}
a> text {"id":18,"history":{"channel":"ab:c"}}
a< text {"id":18,"error":{"code":108,"message":"not available"}}
a> text {"id":19,"sub_refresh":{"channel":"ab:c"}}
a< text {"id":19,"error":{"code":107,"message":"bad request"}}
a> text {"id":20,"subscribe":{"channel":"ab:d","delta":"other"}}
a< close 3501 bad request



=== TEST 8: what others publish, JSON or not
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace default { subscribe client anonymous; }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location = /plain { websocket pubsub; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"x"}}
a< json {"id":1}
a< text {"id":2,"subscribe":{}}
b> GET /plain
b< 101
b> text {"a":\r\n [1, "\\n"] }\n
a< text {"push":{"channel":"x","pub":{"data":{"a": [1, "\\n"] }}}}
b> text say "hello"
a< text {"push":{"channel":"x","pub":{"data":"say \\"hello\\""}}}
b> text
a< text {"push":{"channel":"x","pub":{"data":""}}}
b> text 01
a< text {"push":{"channel":"x","pub":{"data":"01"}}}
b> binary \x00\x01\x02\x03
a< text {"push":{"channel":"x","pub":{"data":"AAECAw=="}}}



=== TEST 9: a channel that is deleted, and one that has ended
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace keep {
        history length=10; recovery force; subscribe client anonymous;
        publish client anonymous;
    }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location /pub/ {
        websocket_publish;
        websocket_history length=10;
        websocket_channel $arg_c;
    }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"keep:a"}}\n{"id":3,"subscribe":{"channel":"keep:b"}}
a< json {"id":1}
a< json {"id":2}
a< json {"id":3}
! DELETE /pub/?c=keep:a
! < 200
a< text {"push":{"channel":"keep:a","unsubscribe":{"code":2500,"reason":"insufficient state"}}}
! POST /pub/?c=keep:b [X-WebSocket-End: 1] "last"
! < 200
a< json {"push":{"channel":"keep:b","pub":{"data":"last","offset":1}}}
a< text {"push":{"channel":"keep:b","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}
a> text {"id":4,"publish":{"channel":"keep:b","data":1}}
a< text {"id":4,"error":{"code":108,"message":"not available"}}
a> text {"id":5,"subscribe":{"channel":"keep:b","recover":true}}\n{"id":6,"unsubscribe":{"channel":"x"}}
a< json {"id":5,"subscribe":{"recovered":true,"publications":[{"data":"last","offset":1}]}}
a< text {"push":{"channel":"keep:b","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}
a< text {"id":6,"unsubscribe":{}}



=== TEST 10: other requests than handshakes
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location = /status { websocket_status json; }
--- websocket
! GET /ws
! < 426
! POST /ws {}
! < 405
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
! GET /status
! < soon json {"locations":[{"active_connections":{"centrifuge":1}}]}



=== TEST 11: presence, joins and leaves
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace ask {
        presence on; events join leave; subscribe client anonymous;
        presence_access client anonymous; publish client anonymous;
        history length=10; recovery force;
    }
    websocket_namespace all {
        events join leave push; subscribe client anonymous;
    }
    websocket_namespace hide { presence on; subscribe client anonymous; }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location = /plain {
        websocket pubsub; websocket_channel ask:a;
        websocket_presence on from=$arg_u;
    }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< text qr/"client":"(?<a>[^"]*)"/
a> text {"id":2,"subscribe":{"channel":"ask:a","join_leave":true}}
a< json {"id":2,"subscribe":{"recoverable":true}}
a< text {"push":{"channel":"ask:a","join":{"info":{"user":"","client":"%{a}"}}}}
b> GET /ws
b< 101
b> text {"id":1,"connect":{}}
b< text qr/"client":"(?<b>[^"]*)"/
b> text {"id":2,"subscribe":{"channel":"ask:a"}}
b< json {"id":2,"subscribe":{"recoverable":true}}
a< text {"push":{"channel":"ask:a","join":{"info":{"user":"","client":"%{b}"}}}}
b> text {"id":3,"presence":{"channel":"ask:a"}}
b< text {"id":3,"presence":{"presence":{"%{a}":{"user":"","client":"%{a}"},"%{b}":{"user":"","client":"%{b}"}}}}
b> text {"id":4,"presence_stats":{"channel":"ask:a"}}
b< text {"id":4,"presence_stats":{"num_clients":2,"num_users":1}}
b> text {"id":5,"presence":{"channel":"ask:none"}}
b< text {"id":5,"presence":{"presence":{}}}
b> text {"id":6,"presence_stats":{"channel":"ask:none"}}
b< text {"id":6,"presence_stats":{"num_clients":0,"num_users":0}}
c> GET /plain?u=carl
c< 101
b> text {"id":7,"presence_stats":{"channel":"ask:a"}}
b< text {"id":7,"presence_stats":{"num_clients":3,"num_users":2}}
b> text {"id":8,"unsubscribe":{"channel":"ask:a"}}
b< text {"id":8,"unsubscribe":{}}
a< text {"push":{"channel":"ask:a","leave":{"info":{"user":"","client":"%{b}"}}}}
b> text {"id":9,"subscribe":{"channel":"all:a"}}
b< text {"id":9,"subscribe":{}}
b< text {"push":{"channel":"all:a","join":{"info":{"user":"","client":"%{b}"}}}}
a> text {"id":10,"publish":{"channel":"ask:a","data":1}}\n{"id":11,"history":{"channel":"ask:a"}}
a< text {"id":10,"publish":{}}
a< json {"id":11,"error":{"code":103}}
a< json {"push":{"pub":{"data":1,"offset":1}}}
b> text {"id":12,"presence":{"channel":"all:a"}}
b< text {"id":12,"error":{"code":108,"message":"not available"}}
b> text {"id":13,"presence":{"channel":"hide:a"}}
b< text {"id":13,"error":{"code":103,"message":"permission denied"}}



=== TEST 12: Protobuf, by its subprotocol or in the query
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket centrifuge; websocket_insecure on; }
--- websocket
a+ Sec-WebSocket-Protocol: other, centrifuge-json, centrifuge-protobuf
a> GET /ws
a< 101
a< header Sec-WebSocket-Protocol: centrifuge-protobuf
b> GET /ws?format=protobuf
b< 101
b< header ! Sec-WebSocket-Protocol
c> GET /ws?a=1&cf_protocol=protobuf
c< 101
d+ Sec-WebSocket-Protocol: centrifuge-json
d> GET /ws?format=json
d< 101
d< header Sec-WebSocket-Protocol: centrifuge-json
d> text {"id":1,"connect":{}}
d< text qr/^\{"id":1,"connect":/
a> binary \x04\x08\x01\x22\x00
a< binary qr/^.\x08\x01\x2a.\x0a\x24/s
a> binary \x07\x08\x02\x2a\x03\x0a\x01x\x09\x08\x03\x3a\x05\x0a\x01x\x12\x00
a< binary \x04\x08\x02\x32\x00
a< binary \x13\x08\x03\x12\x0f\x08\x6b\x12\x0bbad\x20request
a> binary \x0a\x08\x03\x3a\x06\x0a\x01x\x12\x01\x80
a< binary \x04\x08\x03\x42\x00
a< binary qr/^.\x22.\x12\x01x\x22.\x22\x01\x80\x2a\x26\x12\x24/s
b> binary \x05\x08\x01\x22\x00
b< close 3501 bad request
c> binary \x00
c< close 3501 bad request



=== TEST 13: a client that filters by tags
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace tags {
        filter tags; subscribe client anonymous; history length=10;
        recovery force; events join push; presence on;
    }
    websocket_namespace none { subscribe client anonymous; }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location = /pub {
        websocket publish; websocket_channel tags:a;
        websocket_history length=10;
    }
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"tags:a","tf":{"op":"and","nodes":[{"key":"room","cmp":"eq","val":"x"},{"key":"n","cmp":"gte","val":"10"}]}}}
a< text qr/"epoch":"(?<epoch>[^"]*)"/
a< json {"push":{"channel":"tags:a","join":{}}}
b> GET /ws?format=protobuf
b< 101
b> binary \x04\x08\x01\x22\x00
b< binary qr/^./s
b> binary \x1f\x08\x02\x2a\x1b\x0a\x06tags:a\x6a\x11\x0a\x03not\x32\x0a\x12\x01n\x1a\x02sw\x22\x01\x31
b< binary qr/^./s
b< binary qr/tags:a\x2a/
a< json {"push":{"channel":"tags:a","join":{}}}
! POST /pub [X-WebSocket-Tags: room=x, n=9] 1
! < 200
! POST /pub 2
! < 200
! POST /pub [X-WebSocket-Tags: room=y, n=10] 3
! < 200
! POST /pub [X-WebSocket-Tags: room=x, n=10.0] 4
! < 200
a< text {"push":{"channel":"tags:a","pub":{"data":4,"offset":4,"tags":{"room":"x","n":"10.0"}}}}
b< binary \x24\x22\x22\x12\x06tags:a\x22\x18\x22\x01\x31\x30\x01\x3a\x09\x0a\x04room\x12\x01x\x3a\x06\x0a\x01n\x12\x01\x39
b< binary \x11\x22\x0f\x12\x06tags:a\x22\x05\x22\x01\x32\x30\x02
a> text {"id":3,"unsubscribe":{"channel":"tags:a"}}
a< json {"id":3}
a> text {"id":4,"subscribe":{"channel":"tags:a","tf":{"key":"room","cmp":"in","vals":["y",""]},"recover":true,"epoch":"%{epoch}"}}
a< text {"id":4,"subscribe":{"recoverable":true,"epoch":"%{epoch}","publications":[{"data":2,"offset":2},{"data":3,"offset":3,"tags":{"room":"y","n":"10"}}],"recovered":true,"positioned":true,"was_recovering":true}}
a< json {"push":{"channel":"tags:a","join":{}}}
a> text {"id":5,"subscribe":{"channel":"none","tf":{"key":"k","cmp":"ex"}}}
a< json {"id":5,"error":{"code":103}}
a> text {"id":6,"subscribe":{"channel":"none:a","tf":{"key":"k","cmp":"ex"}}}
a< json {"id":6,"error":{"code":107}}
a> text {"id":7,"subscribe":{"channel":"tags:b","tf":{"key":"k","cmp":"eq"}}}\n{"id":8,"subscribe":{"channel":"tags:b","tf":{"op":"and","nodes":[]}}}\n{"id":9,"subscribe":{"channel":"tags:b","tf":{"key":"a..b","cmp":"ex"}}}\n{"id":10,"subscribe":{"channel":"tags:b","tf":7}}
a< json {"id":7,"error":{"code":107}}
a< json {"id":8,"error":{"code":107}}
a< json {"id":9,"error":{"code":107}}
a< json {"id":10,"error":{"code":107}}



=== TEST 14: a channel that is a cache: its newest message
--- http_config
    websocket_zone zone=live:1m;
    websocket_namespace cache {
        history length=10; recovery allow cache; subscribe client anonymous;
    }
    websocket_namespace auto {
        history length=10; recovery force cache auto;
        subscribe client anonymous;
    }
--- config
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location ~ ^/pub/(.*)$ {
        websocket publish; websocket_channel $1; websocket_history length=10;
    }
--- websocket
! POST /pub/cache:a 1
! < 202
! POST /pub/cache:a 2
! < 202
! POST /pub/auto:a 3
! < 202
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"cache:a","recover":true,"epoch":"_"}}
a< text qr/^\{"id":2,"subscribe":\{"recoverable":true,"epoch":"(?<epoch>[^"]*)","publications":\[\{"data":2,"offset":2\}\],"recovered":true,"offset":1,"positioned":true,"was_recovering":true\}\}$/
! POST /pub/cache:a 4
! < 200
a< json {"push":{"pub":{"data":4,"offset":3}}}
a> text {"id":3,"unsubscribe":{"channel":"cache:a"}}\n{"id":4,"subscribe":{"channel":"cache:a","recover":true,"epoch":"%{epoch}","offset":3}}
a< json {"id":3}
a< text {"id":4,"subscribe":{"recoverable":true,"epoch":"%{epoch}","recovered":true,"offset":3,"positioned":true,"was_recovering":true}}
a> text {"id":5,"unsubscribe":{"channel":"cache:a"}}\n{"id":6,"subscribe":{"channel":"cache:a","recover":true,"epoch":"%{epoch}","offset":1}}
a< json {"id":5}
a< json {"id":6,"subscribe":{"recovered":true,"publications":[{"data":4,"offset":3}]}}
a> text {"id":7,"subscribe":{"channel":"cache:none","recover":true}}
a< text qr/^\{"id":7,"subscribe":\{"recoverable":true,"epoch":"[^"]*","positioned":true,"was_recovering":true\}\}$/
a> text {"id":8,"subscribe":{"channel":"auto:a"}}
a< json {"id":8,"subscribe":{"recovered":true,"publications":[{"data":3,"offset":1}]}}
a> text {"id":9,"unsubscribe":{"channel":"cache:a"}}\n{"id":10,"subscribe":{"channel":"cache:a"}}
a< json {"id":9}
a< text {"id":10,"subscribe":{}}



=== TEST 15: streams, and the requests that bring commands
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket            centrifuge;
        websocket_insecure   on;
        websocket_transports websocket http_stream sse;
        websocket_origin     none https://a.example;
        websocket_max_message_size 200;
    }
    location = /emulation {
        websocket_emulation;
        websocket_origin     none https://a.example;
        websocket_max_message_size 200;
    }
--- websocket
a+ Origin: https://a.example
a> plain POST /ws {"id":1,"connect":{"token":"t"}}
a< 200
a< header Content-Type: application/json
a< header Access-Control-Allow-Origin: https://a.example
a< header X-Accel-Buffering: no
a< stream qr/^\{"id":1,"connect":\{.*"session":"(?<session>[0-9a-f-]{36})","node":"(?<node>[0-9a-f-]{36})"\}\}\n$/
! POST /emulation {"session":"%{session}","node":"%{node}","data":"{\\"id\\":2,\\"subscribe\\":{\\"channel\\":\\"x\\"}}\\n{\\"id\\":3,\\"publish\\":{\\"channel\\":\\"x\\",\\"data\\":1}}"}
! < 204
a< stream qr/\{"id":2,"subscribe":\{\}\}\n\{"id":3,"publish":\{\}\}\n\{"push":.*"data":1.*\}\n/
! POST /emulation {"session":"%{session}","node":"%{node}","data":"no command"}
! < 204
a< stream qr/^\{"push":\{"disconnect":\{"code":3501,"reason":"bad request"\}\}\}\n/
a> end
! POST /emulation {"session":"%{session}","node":"%{node}","data":"{}"}
! < 204
! POST /emulation {"session":"%{session}","node":"%{session}","data":"{}"}
! < 404
! POST /emulation {"session":1,"node":"%{node}","data":"{}"}
! < 400
! POST /emulation {"session":"%{session}","node":"%{node}"}
! < 400
! POST /emulation no JSON
! < 400
! GET /emulation
! < 405
! POST /emulation [Origin: https://b.example] {}
! < 403
! OPTIONS /emulation [Origin: https://b.example]
! < 403
! OPTIONS /ws [Origin: https://a.example; Access-Control-Request-Headers: content-type]
! < 204
! < header Access-Control-Allow-Origin: https://a.example
! < header Access-Control-Allow-Headers: content-type
! < header Access-Control-Max-Age: 300
! POST /ws [Origin: https://b.example] {}
! < 403
! POST /ws
! < 400
! GET /ws?cf_connect=
! < 400
! GET /ws
! < 426
! POST /ws {"id":1,"connect":{"token":"%{session}%{session}%{session}%{session}%{session}%{session}"}}
! < 413
b> plain GET /ws?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%22token%22%3A%22hush%22%7D%7D
b< 200
b< header Content-Type: text/event-stream
b< stream qr/^data: \{"id":1,"connect":\{.*\}\}\n\n$/
b> end
! wait-access qr/cf_connect=\*+ HTTP/
