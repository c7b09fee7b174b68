# A stream to the server that ends with an answer.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: all that was sent, when the client says that it is all
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m {
        field a number required;
        field b string default=x;
        view v b a;
    }
--- config
    websocket_inbound_type m;
    location = /ws { websocket publish; websocket_channel x; websocket_collect on; }
    location = /view { websocket publish; websocket_channel x; websocket_collect on view=v; }
    location = /stamp {
        websocket publish;
        websocket_channel x;
        websocket_collect on view=v;
        websocket_stamp channel;
    }
    location = /off { websocket publish; websocket_channel x; }
    location = /sub { websocket subscribe; websocket_channel x; }
--- websocket
s> GET /sub
s< 101
a> GET /ws
a< 101
a> text {"a": 1, "b": "y"}
a> text {"a":"no"}
a> frame fin=0 opcode=1 {"a"
a> frame fin=1 opcode=0 :2}
a< json {"error":{"path":"a"}}
a> text  {"end" : true }
a> text {"a":4}
a< text [{"a": 1, "b": "y"},{"a":2,"b":"x"}]
a< close 1000 reason the stream has ended
a> close 1000
a< eof
s< text {"a": 1, "b": "y"}
s< text {"a":2,"b":"x"}
b> GET /ws
b< 101
b> text {"end":true}
b< text []
b< close 1000
# as the clients that Goa generates
g> GET /ws
g< 101
g> text {"a":3}
g> text null
g< text [{"a":3,"b":"x"}]
g< close 1000 reason the stream has ended
s< text {"a":3,"b":"x"}
c> GET /view?position=1
c< 101
c> text {"a":0.50}
c> text {"a":6,"b":""}
c> text {"end":true}
c< text [{"b":"x","a":0.5},{"b":"","a":6}]
c< close 1000
d> GET /stamp
d< 101
d> text {"a":7}
d> text {"end":true}
d< text [{"b":"x","a":7}]
d< close 1000
s< text {"a":0.5,"b":"x"}
s< text {"a":6,"b":""}
s< text {"channel":"x","a":7,"b":"x"}
# who does not wait for the answer gets it all the same
g> GET /ws
g< 101
g> raw 81 8c 00 00 00 00 7b 22 65 6e 64 22 3a 74 72 75 65 7d 88 82 00 00 00 00 03 e8
g< text []
g< close 1000 reason the stream has ended
g< eof
# not elsewhere, and no other end
e> GET /off
e< 101
e> text {"end":true}
e< json {"error":{"code":"invalid_message"}}
f> GET /ws
f< 101
f> text {"end":false}
f< json {"error":{"code":"invalid_message"}}
f> text {"end":true,"a":1}
f< json {"error":{"code":"invalid_message"}}
f> binary {"end":true}
f< json {"error":{"code":"invalid_message"}}



=== TEST 2: a bound: what goes beyond it is not published
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string required; }
--- config
    websocket_inbound_type m;
    location = /ws { websocket publish; websocket_channel x; websocket_collect on max=22; }
    location = /sub { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
s> GET /sub
s< 101
a> GET /ws
a< 101
a> text {"a":"1"}
a> text {"a":"12"}
a> text {"end":true}
a< text [{"a":"1"},{"a":"12"}]
a< close 1000
b> GET /ws
b< 101
b> text {"a":"1"}
b> text {"a":"123"}
b< close 1009 reason collected messages exceed the maximum
s< text {"a":"1"}
s< text {"a":"12"}
s< text {"a":"1"}
! POST /pub {"a":"marker"}
s< text {"a":"marker"}



=== TEST 3: compressed, and a POST is not part of it
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string required; }
--- config
    location = /ws {
        websocket publish;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_collect on;
        websocket_deflate on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text {"a":"1"}
! POST /ws {"a":"2"}
! < 202
a> compressed text {"end":true}
a< text [{"a":"1"}]
a< close 1000



=== TEST 4: inherited, but by what does not collect
--- http_config
    websocket_zone zone=live:1m;
    websocket_collect on;
    websocket_type m { field a number; }
--- config
    location = /typed { websocket publish; websocket_channel x; websocket_inbound_type m; }
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /off { websocket publish; websocket_channel x; websocket_collect off; }
--- websocket
a> GET /typed
a< 101
a> text {"end":true}
a< text []
b> GET /ws
b< 101
b> text {"end":true}
b< text {"end":true}
c> GET /off
c< 101
c> text {"end":true}
b< text {"end":true}
