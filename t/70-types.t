# Message types: the block, what it refuses, and that no message that breaks
# its type is published.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: every word of the block, and both directives everywhere
--- http_config
    websocket_zone zone=live:1m;
    websocket_inbound_type metric;
    websocket_outbound_type metric depth=3 values=20;
    websocket_type point {
        field x number required min=-1.5 max=1.5;
        field y number default=0;
    }
    websocket_type metric {
        field name   string  required min=1 max=20 "pattern=^[a-z]+$";
        field kind   string  enum=gauge|counter;
        field at     string  format=date-time;
        field n      integer min=0;
        field on     boolean default=true;
        field tags   array   of=string max=3;
        field where  object  of=point nullable;
        field path   array   of=point;
        field parent object  of=metric;
        field rest   any;
        view  brief  name n;
        view  place  where.x;
        additional on;
    }
--- config
    websocket_inbound_type off;
    location = /ws {
        websocket pubsub;
        websocket_inbound_type metric violations=close depth=128 values=1000000;
        websocket_outbound_type off;
    }
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204



=== TEST 2: on the socket: told what is wrong, and not published
--- http_config
    websocket_zone zone=live:1m;
    websocket_type metric {
        field name  string required;
        field value number required;
        field note  string nullable;
    }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type metric;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
a> text {"name":"a","value":1}
a< text {"name":"a","value":1}
b< text {"name":"a","value":1}
a> text {"name":"a","value":"1"}
a< text {"error":{"code":"invalid_message","path":"value","message":"expected number, got string"}}
a> text {"name":"a"}
a< json {"error":{"code":"invalid_message","path":"value","message":"is required"}}
a> text {"name":"a","value":1,"valuE":2}
a< json {"error":{"code":"invalid_message","path":"valuE","message":"qr/./"}}
a> text {"name":"a","value":1,"value":2}
a< json {"error":{"code":"invalid_message","path":"qr/.*/","message":"qr/./"}}
a> text {"name":"a","value":1
a< json {"error":{"code":"invalid_message","path":"","message":"qr/./"}}
a> text {"name":"a","value":1}\0
a< json {"error":{"code":"invalid_message","path":"","message":"qr/./"}}
a> text
a< json {"error":{"code":"invalid_message","path":"","message":"qr/./"}}
a> text 1
a< json {"error":{"code":"invalid_message","path":"","message":"expected object, got integer"}}
a> binary {"name":"a","value":1}
a< text {"error":{"code":"invalid_message","path":"","message":"expected text, got binary"}}
# in pieces, and within the piece of a character of its spelling
a> frame fin=0 opcode=1 {"name":"a","val
a> ping
a< pong
a> frame fin=0 opcode=0 ue":
a> frame fin=1 opcode=0 true}
a< json {"error":{"code":"invalid_message","path":"value","message":"expected number, got boolean"}}
# another spelling of what is right, as it was written
a> text  { "n\\u0061me" : "\\u00e9" ,\n "value":1e0,"note":null}
a< text  { "n\\u0061me" : "\\u00e9" ,\n "value":1e0,"note":null}
b< text  { "n\\u0061me" : "\\u00e9" ,\n "value":1e0,"note":null}
# and of what is wrong
a> text {"name":"a","\\u0076alue":"\\u0031"}
a< json {"error":{"code":"invalid_message","path":"value","message":"expected number, got string"}}
! GET /pub
! < json {"offset":2}



=== TEST 3: compressed, and with positions
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a number required; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_deflate on min_length=1;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws?position=1
a< 101
a< json {"position":"qr/:0$/"}
a> compressed text {"a":[]}
a< text {"error":{"code":"invalid_message","path":"a","message":"expected number, got array"}}
a> compressed text {"a":1}
a< text qr/\A[0-9a-f]{16}:1\n\{"a":1\}\z/



=== TEST 4: violations=close
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a number required; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m violations=close;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
b> GET /ws
b< 101
a> GET /ws
a< 101
a> text {"a":"1"}
a> text {"a":2}
a< text {"error":{"code":"invalid_message","path":"a","message":"expected number, got string"}}
a< close 1007 reason invalid message
a< eof
! POST /pub marker
b< text marker



=== TEST 5: defaults are filled in, numbers stay what they were
--- http_config
    websocket_zone zone=live:1m;
    websocket_type in { field u string default=m; field v number; }
    websocket_type m {
        field a  number required;
        field b  string default=none;
        field in object of=in;
    }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_outbound_type m; }
--- websocket
a> GET /ws
a< 101
a> text {"a": 0.1}
a< text {"a":0.1,"b":"none"}
a> text {"a": 9007199254740993, "b":"x"}
a< text {"a": 9007199254740993, "b":"x"}
a> text {"b":"x","in":{"v":1.50},"a":1}
a< text {"b":"x","in":{"v":1.5,"u":"m"},"a":1}
! POST /pub {"a":5}
! < 200
a< text {"a":5,"b":"none"}



=== TEST 6: over HTTP: 422 with the same, also what a client POSTs
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a number required; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_outbound_type m;
        client_body_in_file_only clean;
        client_body_temp_path $TEST_NGINX_SERVROOT/logs/body;
    }
    location = /free { websocket_publish; websocket_channel x; websocket_inbound_type m; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a> text 5
a< json {"error":{"code":"invalid_message"}}
! POST /pub {"a":"1"}
! < 422
! < header Content-Type: application/json
! < body {"error":{"code":"invalid_message","path":"a","message":"expected number, got string"}}
! POST /ws {"a":"1"}
! < 422
! < json {"error":{"code":"invalid_message","path":"a","message":"expected number, got string"}}
! POST /pub [Content-Type: application/octet-stream] {"a":1}
! < 422
! < json {"error":{"message":"expected text, got binary"}}
! POST /pub
! < 422
! POST /pub [Content-Type: application/json] {"a":1}
! < 200
! < json {"offset":1}
a< text {"a":1}
! POST /ws {"a":2}
! < 200
a< text {"a":2}
# what is received is not what is sent
! POST /free anything
! < 200
a< text anything
! GET /status
! < soon json {"locations":[{"location":"/ws","rejected_requests":{"invalid":2}},{"location":"/pub","rejected_requests":{"invalid":3}},{}]}



=== TEST 7: limits
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a any; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m depth=3 values=6;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_outbound_type m; }
--- websocket
a> GET /ws
a< 101
a> text {"a":[[1]]}
a< text {"a":[[1]]}
a> text {"a":[[[1]]]}
a< json {"error":{"code":"invalid_message","path":"qr/.*/","message":"qr/depth|deep|nest/"}}
a> text {"a":[1,2,3,4]}
a< text {"a":[1,2,3,4]}
a> text {"a":[1,2,3,4,5]}
a< json {"error":{"code":"invalid_message","path":"qr/.*/","message":"qr/values/"}}
! POST /pub {"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
! < 422



=== TEST 8: who gets errors and reads none has a bound
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a number required; }
    log_format ws '$websocket_close_code $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket publish;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_send_queue messages=8;
        websocket_send_timeout 60s;
        websocket_close_timeout 200ms;
    }
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=4k;
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
a> times 2000 text x
! wait-access qr/^1013 too slow: the send queue is full$/



=== TEST 9: types after a reload
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a string "pattern=^(x|y)+$" default=x; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_drain 20d;
    }
--- websocket
a> GET /ws
a< 101
a> text {}
a< text {"a":"x"}
! reload
a> text {"a":"z"}
a< json {"error":{"code":"invalid_message","path":"a","message":"qr/pattern/"}}
b> GET /ws
b< 101
b> text {"a":"z"}
b< json {"error":{"code":"invalid_message","path":"a","message":"qr/pattern/"}}
b> text {}
b< text {"a":"x"}
a< text {"a":"x"}



=== TEST 10: the priority of a message that was read for its type
--- http_config
    websocket_zone zone=live:4m;
    websocket_type m { field p string; field pad string; field zero number; }
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_priority on;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_outbound_type m;
        websocket_priority on field=p;
        websocket_max_message_size 1m;
    }
    location = /raw {
        websocket_publish;
        websocket_channel x;
        websocket_priority on field=p;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! POST /raw * 500000 x
! POST /pub {"p":"low"}
! POST /pub {"p":"urgent"}
! POST /raw {"p":"high"}
a< text* 500000 x
a< text {"p":"urgent"}
a< text {"p":"high"}
a< text {"p":"low"}



=== TEST 11: patterns that would take long
--- http_config
    websocket_zone zone=live:4m;
    websocket_type end { field s string "pattern=(a|aa)+$"; }
    websocket_type nested { field s string "pattern=^([a-z0-9]+\.?)+$"; }
    websocket_type m { field l array of=end; field a string pattern=^[a-z]*$; }
    websocket_type_file schema schema.json;
--- user_files
>>> ../conf/schema.json
{"type":"object","properties":{"s":{"type":"string","pattern":"(a|aa)+$"}}}
--- config
    websocket_channel x;
    location = /end { websocket publish; websocket_inbound_type end; }
    location = /nested { websocket publish; websocket_inbound_type nested; }
    location = /m { websocket publish; websocket_inbound_type m; }
    location = /schema { websocket publish; websocket_inbound_type schema; }
    location = /out { websocket subscribe; }
--- websocket
o> GET /out
o< 101
a> GET /end
a< 101
a> text {"s":"1a"}
o< text {"s":"1a"}
a> text {"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
a< json {"error":{"path":"s","message":"cannot be matched against its pattern"}}
b> GET /schema
b< 101
b> text {"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
b< json {"error":{"path":"s","message":"cannot be matched against its pattern"}}
c> GET /nested
c< 101
c> text {"s":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}
c< json {"error":{"path":"s","message":"cannot be matched against its pattern"}}
c> text {"s":"www.example.org"}
o< text {"s":"www.example.org"}



=== TEST 12: defaults are bounded by the size of a message
--- http_config
    websocket_zone zone=live:4m;
    websocket_type item { field unit string default=milliseconds; }
    websocket_type m { field l array of=item; field n array of=number; }
--- config
    websocket_channel x;
    websocket_max_message_size 100;
    location = /in { websocket publish; websocket_inbound_type m; }
    location = /out { websocket subscribe; }
    location = /pub { websocket_publish; websocket_outbound_type m; }
--- websocket
o> GET /out
o< 101
a> GET /in
a< 101
a> text {"l":[{},{},{}]}
o< text {"l":[{"unit":"milliseconds"},{"unit":"milliseconds"},{"unit":"milliseconds"}]}
a> text {"l":[{},{},{},{}]}
a< json {"error":{"code":"invalid_message","path":"","message":"with its defaults larger than 100 bytes"}}
# numbers are written in another way where there are defaults
a> text {"l":[{}],"n":[1e14,1e14,1e14,1e14,1e14]}
a< json {"error":{"message":"with its defaults larger than 100 bytes"}}
! POST /pub {"l":[{},{},{},{},{},{},{},{}]}
! < 422
! < json {"error":{"message":"with its defaults larger than 100 bytes"}}
! POST /in {"l":[{},{},{},{}]}
! < 422



=== TEST 13: types by a field, in the location and in a block, for clients and publishers
--- http_config
    websocket_zone zone=live:1m;
    websocket_type chat_message { field data string required max=5; field n integer default=1; }
    websocket_type member { field data object of=string; }
    websocket_type message {
        field from string;
        by type chat=chat_message join=member leave=member;
        view short data;
    }
--- config
    websocket_channel x;
    location = /ws { websocket pubsub; websocket_inbound_type by=type chat=chat_message join=member depth=3; }
    location = /pub { websocket_publish; websocket_outbound_type message; }
    location = /short { websocket subscribe; websocket_outbound_type message; websocket_view short; websocket_filter on; }
    location = /strict { websocket publish; websocket_inbound_type by=type chat=chat_message join=member violations=close; }
--- websocket
s> GET /short
s< 101
a> GET /ws
a< 101
a> text {"type":"chat","data":"hello"}
a< text {"type":"chat","data":"hello","n":1}
s< text {"data":"hello"}
a> text {"type":"join","data":{"name":"ann"}}
a< text {"type":"join","data":{"name":"ann"}}
s< text {"data":{"name":"ann"}}
a> text {"type":"join","data":{"name":7}}
a< text {"error":{"code":"invalid_message","path":"data.name","message":"expected string, got integer"}}
a> text {"type":"chat","data":"longer"}
a< text {"error":{"code":"invalid_message","path":"data","message":"expected at most 5 characters"}}
a> text {"type":"leave"}
a< text {"error":{"code":"invalid_message","path":"type","message":"expected one of chat|join"}}
a> text {"data":1}
a< json {"error":{"path":"type","message":"is required"}}
a> text {"type":"join","from":"x"}
a< json {"error":{"path":"from","message":"is not a field of member"}}
! POST /pub {"type":"leave","from":"x"}
! < 200
a< text {"type":"leave","from":"x"}
! POST /pub {"type":"chat"}
! < 422
! < body {"error":{"code":"invalid_message","path":"data","message":"is required"}}
! POST /pub {"type":"system"}
! < 422
! < body {"error":{"code":"invalid_message","path":"type","message":"expected one of chat|join|leave"}}
s> text {"filter":{"type":"chat"}}
s< json {"error":{"code":"invalid_filter","path":"type","message":"is not in view short"}}
s> text {"filter":{"data":{"prefix":"he"}}}
s< text {"filter":"ok"}
c> GET /strict
c< 101
c> text {"type":"left"}
c< json {"error":{"code":"invalid_message"}}
c< close 1007



=== TEST 14: a filter of types by a field
--- http_config
    websocket_zone zone=live:1m;
    websocket_type chat { field text string; field n integer; }
    websocket_type metric { field name string; field n integer; field labels object of=string; }
--- config
    websocket_channel x;
    websocket_outbound_type by=kind chat=chat metric=metric;
    location = /ws { websocket subscribe; websocket_filter on; }
    location = /pub { websocket_publish; }
--- websocket
a> GET /ws
a< 101
a> text {"filter":{"kind":"other"}}
a< json {"error":{"path":"kind","message":"expected one of chat|metric"}}
a> text {"filter":{"level":1}}
a< json {"error":{"path":"level","message":"qr/is not a field of/"}}
a> text {"filter":{"text":1}}
a< json {"error":{"path":"text","message":"expected string, got integer"}}
a> text {"filter":{"labels.region":1}}
a< json {"error":{"path":"labels.region","message":"expected string, got integer"}}
a> text {"filter":{"or":[{"kind":"chat","n":{"gt":1}},{"labels.region":"eu"}]}}
a< text {"filter":"ok"}
! POST /pub {"kind":"chat","n":1}
! POST /pub {"kind":"metric","labels":{"region":"us"}}
! POST /pub {"kind":"metric","labels":{"region":"eu"}}
! POST /pub {"kind":"chat","n":2}
a< text {"kind":"metric","labels":{"region":"eu"}}
a< text {"kind":"chat","n":2}



=== TEST 15: an echo is checked too
--- http_config
    websocket_type m { field message string required; field n integer default=1; }
--- config
    location = /echo { websocket echo; websocket_inbound_type m; }
    location = /strict { websocket echo; websocket_inbound_type m violations=close; }
--- websocket
a> GET /echo
a< 101
a> text {"message":"a","n":2}
a< text {"message":"a","n":2}
a> text {"message":"a"}
a< text {"message":"a","n":1}
a> text {"message":1}
a< text {"error":{"code":"invalid_message","path":"message","message":"expected string, got integer"}}
a> binary {}
a< json {"error":{"code":"invalid_message","path":"","message":"expected text, got binary"}}
a> text {"message":"b","n":3}
a< text {"message":"b","n":3}
b> GET /strict
b< 101
b> text {}
b< json {"error":{"code":"invalid_message","path":"message"}}
b< close 1007



=== TEST 16: maps of objects: checked, filled in, seen in a view, found by a filter
--- http_config
    websocket_zone zone=live:1m;
    websocket_type size   { field width integer required; field height integer default=1; }
    websocket_type images { additional object of=size; }
    websocket_type post   { field text string; field images object of=images max=2; view one images.a.width; }
--- config
    websocket_channel x;
    websocket_inbound_type post;
    location = /ws { websocket pubsub; websocket_view $arg_view; websocket_filter on; }
--- websocket
a> GET /ws
a< 101
v> GET /ws?view=one
v< 101
f> GET /ws?filter=%7B%22images.a.width%22:%7B%22gt%22:2%7D%7D
f< 101
a> text {"filter":{"images.a.depth":1}}
a< json {"error":{"path":"images.a.depth","message":"is not a field of size"}}
a> text {"filter":{"images.a":1}}
a< json {"error":{"path":"images.a","message":"never holds for kind object"}}
a> text {"images":{"a":{"width":2},"b":{"height":3}}}
a< json {"error":{"path":"images.b.width","message":"is required"}}
a> text {"images":{"a":1}}
a< json {"error":{"path":"images.a","message":"expected object, got integer"}}
a> text {"images":{"a":{"width":2},"b":{"width":3,"height":3}}}
a< text {"images":{"a":{"width":2,"height":1},"b":{"width":3,"height":3}}}
v< text {"images":{"a":{"width":2}}}
a> text {"images":{"b":{"width":4},"a":{"width":3,"height":3}}}
a< text {"images":{"b":{"width":4,"height":1},"a":{"width":3,"height":3}}}
v< text {"images":{"a":{"width":3}}}
f< text {"images":{"b":{"width":4,"height":1},"a":{"width":3,"height":3}}}
