# The HTTP side of channels.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: POST with and without a subscriber
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel $arg_c; }
    location = /pub { websocket_publish; websocket_channel $arg_c; }
--- websocket
! POST /pub?c=x nobody
! < 202
! < json {"channel":"x","offset":1,"subscribers":0}
! < header Content-Type: application/json
a> GET /ws?c=x
a< 101
! POST /pub?c=x hello
! < 200
! < json {"channel":"x","offset":2,"subscribers":1}
a< text hello
! POST /pub?c=x [Content-Type: application/octet-stream] \x00\xff
! < 200
a< binary \x00\xff
! POST /pub?c=x
! < 200
a< text



=== TEST 2: a text must be UTF-8
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub \xff\xfe
! < 400
! < json {"error":{"code":"invalid_utf8","message":"the body is not UTF-8: publish binary messages as application/octet-stream"}}
! GET /pub
! < 404



=== TEST 3: a message that is too large
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 100;
    }
--- websocket
! POST /pub * 101 x
! < 413
! < json {"error":{"code":"too_large","message":"the message is larger than websocket_max_message_size"}}
! POST /pub * 100 x
! < 202



=== TEST 4: a chunked message that is too large
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 10;
    }
--- websocket
! POST /pub [Transfer-Encoding: chunked; X-Chunks: 1]
! < 400



=== TEST 5: a body in a temporary file
--- http_config
    websocket_zone zone=live:4m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
        client_body_in_file_only clean;
    }
    location = /two {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
        client_body_buffer_size 1k;
    }
--- websocket
a> GET /ws
a< 101
! POST /pub * 300000 x
! < 200
a< text* 300000 x
! POST /two * 300000 y
! < 200
a< text* 300000 y



=== TEST 6: GET describes, and 404 where there is nothing
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=2;
    }
--- websocket
! GET /pub
! < 404
! < json {"error":{"code":"channel_not_found","message":"the channel does not exist"}}
! DELETE /pub
! < 404
! POST /pub one
! POST /pub two
! POST /pub three
! GET /pub
! < 200
! < json {"channel":"x","offset":3,"subscribers":0,"history":2,"first":2}



=== TEST 7: the history, by pages
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=3;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub [Content-Type: application/octet-stream] \x00\xff
! POST /pub four
! GET /pub?since=$EPOCH:1
! < body qr/"recovered":true,"position":"\w+:\d","messages":\[\{"offset":2,"time":\d+,"type":"text","data":"two"\},\{"offset":3,"time":\d+,"type":"binary","data":"AP8="\},\{"offset":4,.*"four"\}\]/
! GET /pub?since=$EPOCH:3&limit=1
! < body qr/"recovered":true,"position":"\w+:\d","messages":\[\{"offset":4,[^{]*\}\]/
! GET /pub?since=$EPOCH:4
! < body qr/"recovered":true,"position":"\w+:\d","messages":\[\]/
! GET /pub?since=$EPOCH:0
! < body qr/"recovered":false,"position":"\w+:4","messages":\[\{"offset":2,/
! GET /pub?since=$EPOCH:9
! < body qr/"recovered":false/
! GET /pub?since=0000000000000000:4
! < body qr/"recovered":false,"position":"\w+:4","messages":\[\{"offset":2,/



=== TEST 8: a position that is none
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
! GET /pub?since=1
! < 400
! < json {"error":{"code":"invalid_position","message":"since is not EPOCH:OFFSET"}}
! GET /pub?since=000000000000000g:1
! < 400
! GET /pub?since=0000000000000000:x
! < 400
! GET /pub?since=0000000000000000:1&limit=0
! < 400
! < json {"error":{"code":"invalid_limit","message":"limit is not a number from 1 to 1000"}}



=== TEST 9: other methods
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! PUT /pub one
! < 405
! < header Allow: GET, HEAD, POST, DELETE
! < json {"error":{"code":"method_not_allowed","message":"use POST, GET or DELETE"}}



=== TEST 10: a channel's name
--- http_config
    websocket_zone zone=live:1m;
--- config
    location /pub {
        websocket_set_decoded $room $arg_c;
        websocket_publish;
        websocket_channel $room;
    }
--- websocket
! POST /pub one
! < 400
! < json {"error":{"code":"invalid_channel","message":"a variable of the channel name is empty: \"$room\""}}
! POST /pub?c=caf%C3%A9%20%22x%22 one
! < 202
! < json {"channel":"café \"x\"","offset":1,"subscribers":0}



=== TEST 11: allow and deny
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; deny all; }
--- websocket
! POST /pub one
! < 403



=== TEST 12: the body of a publish that is refused is not the next request
--- http_config
    websocket_zone zone=live:1m;
    access_log logs/access.log;
--- config
    location = /pub { websocket_publish; websocket_channel $arg_c; }
    location = /next { return 200 "next\n"; }
--- raw_request eval
"POST /pub HTTP/1.1\r\nHost: a\r\nContent-Length: 34\r\n\r\n"
. "GET /body HTTP/1.1\r\nHost: aaaaaa\r\n\r\n"
. "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- response_body_like: invalid_channel
--- access_log eval
qr{GET /next}
--- no_access_log eval
qr{GET /body}



=== TEST 13: a client does not take a publisher's key
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=9;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! POST /ws [Idempotency-Key: 1] from a client
! < json {"offset":1}
! POST /pub [Idempotency-Key: 1] from a publisher
! < json {"offset":2}
! POST /pub [Idempotency-Key: 1] from a publisher
! < json {"offset":2}
! POST /ws [Idempotency-Key: 1] from a client
! < json {"offset":1}
a< text from a client
a< text from a publisher
a> text the end
a< text the end



=== TEST 14: a WebSocket is no publisher
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /pub
a< 400
a< body qr/"not_a_stream","message":"websocket_publish is for publishing: connect to a location with/
! GET /pub
! < 404
! wait-log qr/\[info\] .*websocket request refused with 404: the channel does not exist/



=== TEST 15: a user's key is the user's own
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=9;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /ws [Idempotency-Key: 1; Authorization: Basic YW5uOg==] of ann
! < json {"offset":1}
! POST /ws [Idempotency-Key: 1; Authorization: Basic Ym9iOg==] of bob
! < json {"offset":2}
! POST /ws [Idempotency-Key: 1] of nobody
! < json {"offset":3}
! POST /ws [Idempotency-Key: 1; Authorization: Basic YW5uOg==] of ann
! < json {"offset":1}
# publishers share theirs
! POST /pub [Idempotency-Key: 1; Authorization: Basic YW5uOg==] published
! < json {"offset":4}
! POST /pub [Idempotency-Key: 1; Authorization: Basic Ym9iOg==] published
! < json {"offset":4}



=== TEST 16: one header too many
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub [X-WebSocket-Tags: a=b; X-WebSocket-Tags: c=d] one
! < 400
! < json {"error":{"code":"invalid_header","message":"there are several X-WebSocket-Tags headers"}}
! POST /pub [Idempotency-Key: a; Idempotency-Key: a] one
! < 400
! < json {"error":{"code":"invalid_header","message":"there are several Idempotency-Key headers"}}
! POST /pub [X-WebSocket-Priority: low; X-WebSocket-Priority: high] one
! < 400
! < json {"error":{"code":"invalid_header","message":"there are several X-WebSocket-Priority headers"}}
! GET /pub
! < 404



=== TEST 17: headers that are for publishers only
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        if ($http_x_websocket_tags)     { return 400; }
        if ($http_x_websocket_priority) { return 400; }
    }
--- websocket
! POST /ws [X-WebSocket-Tags: a=b] one
! < 400
! POST /ws [X-WebSocket-Priority: urgent] one
! < 400
! POST /ws one
! < 202


=== TEST 18: a history that takes so much of the zone
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=100 max=700;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
! GET /pub
! < json {"channel":"x","offset":4,"subscribers":0,"history":3,"first":2}
! POST /pub ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
! GET /pub
! < json {"channel":"x","offset":5,"subscribers":0,"history":2,"first":4}



=== TEST 19: a page that its reader does not take at once
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=20;
        websocket_max_message_size 1m;
    }
--- websocket
! POST /pub * 300000 x
! POST /pub * 300000 y
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> plain GET /pub?limit=10
a< 200
a< body qr/"data":"x{300}.*"data":"y+"\}\]\}$/



=== TEST 20: many messages in one POST, a message a line
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field n integer required; field u string default=x; }
--- config
    websocket_channel x;
    websocket_history length=100;
    location = /ws { websocket pubsub; websocket_inbound_type m; websocket_stamp sequence; websocket_filter on; }
    location = /pub { websocket_publish; }
    location = /typed { websocket_publish; websocket_outbound_type m; }
--- websocket
a> GET /ws
a< 101
! POST /pub [Content-Type: application/x-ndjson] {"n":1}\n {"n":2}\r\n\n"three"\n[4]
! < 200
! < json {"channel":"x","offset":4,"subscribers":1,"offsets":[1,2,3,4]}
a< text {"n":1}
a< text {"n":2}
a< text "three"
a< text [4]
# all or none
! POST /pub [Content-Type: application/x-ndjson] {"n":1}\n{"n":2\n{"n":3}
! < 422
! < json {"error":{"code":"invalid_message","message":"message 2: is not JSON"}}
! POST /typed [Content-Type: application/x-ndjson] {"n":1}\n{"n":2}\n{"n":"3"}
! < 422
! < json {"error":{"code":"invalid_message","path":"n","message":"message 3: expected integer, got string"}}
! POST /pub [Content-Type: application/x-ndjson] \n \n
! < 422
! < json {"error":{"code":"invalid_message","message":"there is no message"}}
! POST /pub [Content-Type: application/x-ndjson] {"n":"\xff"}
! < 400
! < json {"error":{"code":"invalid_utf8"}}
! POST /pub [Content-Type: application/x-ndjson; X-WebSocket-Priority: none] {}
! < 400
! < json {"error":{"code":"invalid_header"}}
! GET /pub
! < json {"offset":4}
# typed, stamped, with a priority and tags
! POST /ws [Content-Type: application/x-ndjson] {"n":5}\n{"n":6,"u":"y"}
! < json {"offset":6,"offsets":[5,6]}
a< text {"sequence":5,"n":5,"u":"x"}
a< text {"sequence":6,"n":6,"u":"y"}
a> text {"filter":{"tags.to":"ann"}}
a< text {"filter":"ok"}
! POST /pub {"n":7}
! POST /pub [Content-Type: application/x-ndjson; X-WebSocket-Tags: to=ann] {"n":8}\n{"n":9}
a< text {"n":8}
a< text {"n":9}
# each message has its key
! POST /pub [Content-Type: application/x-ndjson; Idempotency-Key: k] {"n":10}\n{"n":11}
! < json {"offsets":[10,11]}
! POST /pub [Content-Type: application/x-ndjson; Idempotency-Key: k] {"n":10}\n{"n":11}\n{"n":12}
! < json {"offset":12,"offsets":[10,11,12],"duplicates":2}
! POST /pub [Content-Type: application/x-ndjson; Idempotency-Key: k] {"n":11}
! < 422
! < json {"error":{"code":"idempotency_mismatch"}}
! POST /pub [Content-Type: application/x-ndjson; Idempotency-Key: k] {"n":10}\n{"n":10}
! < 422
! < json {"error":{"code":"idempotency_mismatch","message":"1 of 2 messages are there: the key is another message's"}}
# and the last one may end the channel
! POST /pub [Content-Type: application/x-ndjson; X-WebSocket-End: 1; X-WebSocket-Tags: to=ann] {"n":13}\n{"n":14}
! < json {"offset":14}
a< text {"n":13}
a< text {"n":14}
a< close 1000
! POST /pub [Content-Type: application/x-ndjson] {"n":15}
! < 409
! < json {"error":{"code":"ended"}}



=== TEST 21: bounds of a body with many messages
--- http_config
    websocket_zone zone=live:64k;
--- config
    websocket_channel x;
    websocket_max_message_size 1k;
    location = /pub { websocket_publish; client_max_body_size 2m; }
--- websocket
! POST /pub [Content-Type: application/x-ndjson] * 1000 1\n
! < 202
! < json {"offset":1000}
! POST /pub [Content-Type: application/x-ndjson] * 1001 1\n
! < 413
! < json {"error":{"code":"too_large","message":"there are more than 1000 messages"}}
! POST /pub [Content-Type: application/x-ndjson] * 1025 1
! < 413
! < json {"error":{"code":"too_large","message":"a message is larger than websocket_max_message_size"}}
! POST /pub [Content-Type: application/x-ndjson] * 600000 1\n
! < 413
! < json {"error":{"code":"too_large"}}
! GET /pub
! < json {"offset":1000}
