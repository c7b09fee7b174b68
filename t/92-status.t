# What websocket_status tells: every counter, of two workers, over a worker's
# death and a reload.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: the text format: heads, labels, their escapes
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location ~ "^/a\"\\.b$" { websocket subscribe; websocket_channel x; }
    location = /echo { websocket echo; }
    location = /status { websocket_status prometheus; }
--- websocket
! GET /status
! < 200
! < header Content-Type: text/plain; version=0.0.4
! < body qr/\A# HELP websocket_build_info \S.*\n# TYPE websocket_build_info gauge\nwebsocket_build_info\{version="\d+\.\d+\.\d+"\} 1\n# HELP/
! < body qr/^# HELP websocket_active_connections \S.*\n# TYPE websocket_active_connections gauge\nwebsocket_active_connections\{zone="live",location="\/ws",protocol="websocket"\} 0\n/m
! < body qr/^# TYPE websocket_connections_total counter\n/m
! < soon body qr/^websocket_heartbeat_timeouts_total\{zone="live",location="\^\/a\\"\\\\\.b\$"\} 0\n/m
! < soon body qr/^websocket_published_messages_total\{zone="",location="\/echo"\} 0\n/m
! < soon body qr/^websocket_closes_total\{zone="live",location="\/ws",code="1006"\} 0\n/m
! < soon body qr/^websocket_rejected_requests_total\{zone="live",location="\/ws",reason="handshake"\} 0\n/m
! < soon body qr/^websocket_dropped_messages_total\{zone="live",location="\/ws",reason="drop_oldest"\} 0\n/m
! < soon body qr/^websocket_channels\{zone="live"\} 0\n/m
! < soon body qr/^websocket_zone_bytes\{zone="live",state="used"\} \d+\nwebsocket_zone_bytes\{zone="live",state="free"\} \d+\n/m
! < body qr/^# TYPE websocket_delivery_seconds histogram\nwebsocket_delivery_seconds_bucket\{zone="live",le="0.0001"\} 0\n(.*le=.*\n){14}websocket_delivery_seconds_bucket\{zone="live",le="\+Inf"\} 0\nwebsocket_delivery_seconds_count\{zone="live"\} 0\nwebsocket_delivery_seconds_sum\{zone="live"\} 0.000000\n\z/m
! HEAD /status
! < 200
! POST /status x
! < 405
! < header Allow: GET, HEAD
! < json {"error":{"code":"method_not_allowed","message":"use GET"}}



=== TEST 2: sessions, messages and bytes, of two workers
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; websocket_history length=9; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
a> text hello
a< text hello
b< text hello
b> binary 12
a< binary 12
b< binary 12
! POST /pub over HTTP
a< text over HTTP
b< text over HTTP
# published once
! POST /pub [Idempotency-Key: k] one
a< text one
b< text one
! POST /pub [Idempotency-Key: k] one
b> ping x
b< pong x
! GET /status
! < soon json {"locations":[{"zone":"live","location":"/ws","active_connections":{"websocket":2,"sse":0,"poll":0},"connections":{"websocket":2},"messages_received":2,"messages_sent":8,"bytes_received":26,"bytes_sent":57,"published_messages":2,"queued_messages":0,"heartbeat_timeouts":0},{"location":"/pub","published_messages":2,"messages_received":0,"messages_sent":0,"connections":{"websocket":0}}]}
# each message was measured by both workers
! < soon json {"zones":[{"name":"live","channels":1,"delivery_seconds":{"count":8}}]}
a> close 1000
a< close 1000
a< eof
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":1},"connections":{"websocket":2},"closes":{"1000":1}},{}]}



=== TEST 3: other protocols; and the bytes that the log tells of them
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$request_uri out=$websocket_bytes_out';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_history length=9; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
! POST /pub one
a< stream data: one
p> plain GET /ws?transport=poll
p< 200
p< body qr/"position":"(?<at>[^"]+)"/
p> plain GET /ws?since=%{at}
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":0,"sse":1,"poll":1},"connections":{"websocket":0,"sse":1,"poll":2},"messages_sent":1},{}]}
! POST /pub two
p< 200
p< body qr/two/
! wait-access qr/^\/ws\?since=\S+ out=[1-9]\d\d/
a< stream data: two
a> end
! wait-access qr/^\/ws out=[1-9]\d+/
! GET /status
# a poll that is answered is no stream that ended
! < soon json {"locations":[{"active_connections":{"sse":0,"poll":0},"connections":{"sse":1,"poll":2},"messages_sent":3,"closes":{"1000":0,"1006":1}},{}]}



=== TEST 4: how sessions end
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_max_message_size 10; }
    location = /ro { websocket subscribe; websocket_channel x; }
    location = /dead { websocket echo; websocket_heartbeat interval=100ms timeout=100ms; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a> close 1001
a< eof
a> GET /ws
a< 101
a> close
a< eof
a> GET /ws
a< 101
a> close 4000
a< eof
a> GET /ws
a< 101
a> close 4401
a< eof
a> GET /ws
a< 101
a> close 3999
a< eof
a> GET /ws
a< 101
a> frame opcode=3
a< close 1002
a< eof
a> GET /ws
a< 101
a> text \xff
a< close 1007
a< eof
a> GET /ws
a< 101
a> text 12345678901
a< close 1009
a< eof
a> GET /ro
a< 101
a> text x
a< close 1008
a< eof
a> GET /dead
a< 101
a< ping
a< close 1011
a< eof
a> GET /ro
a< 101
! DELETE /pub
a< close 1000
a> close 1000
a< eof
! GET /status
! < soon json {"locations":[{"location":"/ws","active_connections":{"websocket":0},"closes":{"1000":0,"1001":1,"1002":1,"1005":1,"1006":0,"1007":1,"1008":0,"1009":1,"1011":0,"4401":1,"3xxx":1,"4xxx":1}},{"location":"/ro","closes":{"1000":1,"1008":1}},{"zone":"","location":"/dead","heartbeat_timeouts":1,"closes":{"1011":1}},{"location":"/pub"}]}



=== TEST 5: a connection that ends without a Close
--- http_config
    websocket_zone zone=live:1m;
    log_format ws 'code=$websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a> end
! wait-access qr/code=1006/
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":0},"closes":{"1006":1},"heartbeat_timeouts":0}]}



=== TEST 6: what is refused, and why
--- http_config
    websocket_zone zone=live:64k;
--- config
    location = /ws { websocket subscribe; websocket_channel $arg_c; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_max_message_size 200k;
    }
    location = /status { websocket_status json; }
--- websocket
! GET /ws?c=x
! < 426
a+ Sec-WebSocket-Version: 12
a> GET /ws?c=x
a< 426
b> GET /ws?c=
b< 400
c> GET /ws?c=x&since=y
c< 400
! POST /ws?c=x y
! < 405
! PUT /pub?c=x y
! < 405
! POST /pub?c= y
! < 400
! POST /pub?c=x [X-WebSocket-Priority: none] y
! < 400
! POST /pub?c=x * 204801 y
! < 413
! POST /pub?c=x \xff
! < 400
! POST /pub?c=x * 200000 y
! < 507
! GET /status
! < soon json {"locations":[{"location":"/ws","connections":{"websocket":0},"rejected_requests":{"handshake":2,"channel":1,"position":1,"method":1,"header":0,"unavailable":0,"memory":0}},{"location":"/pub","published_messages":0,"rejected_requests":{"method":1,"channel":1,"header":1,"too_large":1,"invalid_utf8":1,"zone_full":1}}]}



=== TEST 7: what is dropped, and why; what waits
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=3;

        location = /ws/oldest { websocket subscribe; websocket_send_queue messages=3 overflow=drop_oldest; }
        location = /ws/conflate { websocket subscribe; websocket_send_queue messages=3 overflow=conflate; }
        location = /ws/left { websocket subscribe; websocket_send_queue messages=10; }
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
    location = /status { websocket_status json; }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
b> rcvbuf 2048
! together b a
b@$TEST_NGINX_RAND_PORT_1> GET /ws/oldest
b< 101
b> stop-reading
c> rcvbuf 2048
! together c a
c@$TEST_NGINX_RAND_PORT_1> GET /ws/conflate
c< 101
c> stop-reading
d> rcvbuf 2048
! together d a
d@$TEST_NGINX_RAND_PORT_1> GET /ws/left
d< 101
d> stop-reading
! together m a
m> GET /ws
m< 101
! POST /pub * 500000 x
! POST /pub one
! POST /pub two
m< text* 500000 x
m< text one
m< text two
! GET /status
! < soon json {"locations":[{"location":"/ws","queued_messages":3},{"location":"/ws/oldest","queued_messages":3},{"location":"/ws/conflate","queued_messages":3},{"location":"/ws/left","queued_messages":3},{"location":"/pub"}]}
! < body qr/"location":"\/ws",[^}]*\}?.*"queued_bytes":[1-9]/
! POST /pub three
m< text three
d> close 1000
a< text* 500000 x
a< close 1013
a> close 1013
a< eof
b< text* 500000 x
b< text two
b< text three
c< text* 500000 x
c< text three
d< text* 500000 x
d< close 1000
d< eof
! GET /status
! < soon json {"locations":[{"location":"/ws","queued_messages":0,"queued_bytes":0,"messages_sent":5,"dropped_messages":{"close":3,"drop_oldest":0,"conflate":0,"memory":0,"left":0},"closes":{"1013":1}},{"location":"/ws/oldest","queued_messages":0,"queued_bytes":0,"dropped_messages":{"close":0,"drop_oldest":1,"conflate":0}},{"location":"/ws/conflate","queued_messages":0,"queued_bytes":0,"dropped_messages":{"drop_oldest":0,"conflate":2}},{"location":"/ws/left","queued_messages":0,"queued_bytes":0,"dropped_messages":{"close":0,"left":3}},{"published_messages":4}]}



=== TEST 8: a worker dies: what it counted stays, what it held goes
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
a> text hello
a< text hello
b< text hello
! kill worker of a
a< eof
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":1},"queued_messages":0,"connections":{"websocket":2},"messages_received":1,"messages_sent":2,"published_messages":1,"closes":{"1006":0}}]}
! < soon json {"zones":[{"delivery_seconds":{"count":2}}]}
c> GET /ws
c< 101
b> text again
b< text again
c< text again
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":2},"connections":{"websocket":3},"messages_received":2,"messages_sent":4}]}



=== TEST 9: a reload: the totals go on, while old sessions are counted as they are
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_drain 20d; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a> text hello
a< text hello
! reload
b> GET /ws
b< 101
b> text new
a< text new
b< text new
! GET /status
! < soon json {"locations":[{"location":"/ws","active_connections":{"websocket":2},"connections":{"websocket":2},"messages_received":2,"messages_sent":3,"bytes_received":20,"bytes_sent":17}]}
a> close 1000
a< eof
! wait-log qr/exited with code 0/
! GET /status
! < soon json {"locations":[{"active_connections":{"websocket":1},"connections":{"websocket":2},"messages_sent":3,"closes":{"1000":1,"1012":0}}]}



=== TEST 10: locations of one name are one; an "if" is its location
--- http_config
    websocket_zone zone=live:1m;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location = /ws { websocket pubsub; websocket_channel x; }
    }
--- config
    location /ws {
        websocket pubsub;
        websocket_channel x;
        if ($arg_quiet) { access_log off; }
    }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
b> GET /ws?quiet=1
b< 101
c@$TEST_NGINX_RAND_PORT_1> GET /ws
c< 101
! GET /status
! < body qr/"locations":\[\{[^\[]*\}\]/
! < soon json {"locations":[{"location":"/ws","active_connections":{"websocket":3}}]}



=== TEST 11: of more locations than there is room for the rest is one
--- http_config
    websocket_zone zone=live:1m;
--- config eval
CORE::join('', map { "location = /ws$_ { websocket subscribe; websocket_channel x; }\n" } 1 .. 70)
. 'location = /status { websocket_status prometheus; }'
--- websocket
a> GET /ws62
a< 101
b> GET /ws63
b< 101
c> GET /ws70
c< 101
! GET /status
! < soon body qr/^websocket_active_connections\{zone="live",location="\/ws62",protocol="websocket"\} 1$/m
! < soon body qr/^websocket_active_connections\{zone="live",location="other",protocol="websocket"\} 2$/m
# once for each start of nginx
! wait-log qr/\[notice\] .*websocket: more than 63 zones and locations since nginx was started, the others are counted together/



=== TEST 12: several zones
--- http_config
    websocket_zone zone=one:1m;
    websocket_zone zone=two:1m;
--- config
    location = /a { websocket pubsub zone=one; websocket_channel x; }
    location = /b { websocket pubsub zone=two; websocket_channel x; }
    location = /status { websocket_status prometheus; }
--- websocket
a> GET /a
a< 101
b> GET /b
b< 101
b> text x
b< text x
! GET /status
! < soon body qr/^websocket_connections_total\{zone="one",location="\/a",protocol="websocket"\} 1$/m
! < soon body qr/^websocket_messages_sent_total\{zone="one",location="\/a"\} 0$/m
! < soon body qr/^websocket_messages_sent_total\{zone="two",location="\/b"\} 1$/m
! < soon body qr/^websocket_delivery_seconds_count\{zone="one"\} 0$/m
! < soon body qr/^websocket_delivery_seconds_count\{zone="two"\} 1$/m



=== TEST 13: history is not measured, what is held back is
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_history length=9;
    location = /ws { websocket subscribe; websocket_channel x; websocket_replay all; websocket_coalesce delay=300ms; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
! POST /pub old
a> GET /ws
a< 101
a< text old
! GET /status
! < soon json {"zones":[{"delivery_seconds":{"count":0,"sum":0.0}}],"locations":[{"location":"/ws","messages_sent":1},{}]}
! POST /pub new
a< text new
! GET /status
# 300 ms, or more where the machine is slow
! < soon body qr/"delivery_seconds":\{"buckets":\[\[0\.0001,0\],\[0\.00025,0\],\[0\.0005,0\],\[0\.001,0\],\[0\.0025,0\],\[0\.005,0\],\[0\.01,0\],\[0\.025,0\],\[0\.05,0\],\[0\.1,0\],\[0\.25,0\],(?:\[[\d.]+,[01]\],)*\[10\.0,1\]\],"sum":[\d.]+,"count":1\}/



=== TEST 14: a status where nothing is counted
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /json { websocket_status json; }
    location = /text { websocket_status prometheus; }
--- websocket
! GET /json
! < 200
! < soon json {"zones":[{"name":"live","channels":0}],"locations":[]}
! GET /text
! < 200
! < soon body qr/^websocket_channels\{zone="live"\} 0$/m



=== TEST 15: a location with the directives of recovery, queues and presence
--- http_config
    websocket_zone zone=live:1m;
    websocket_replay all;
    websocket_coalesce delay=5ms;
    websocket_priority on field=level;
    websocket_presence on from=$arg_name;
    websocket_events join leave;
    websocket_access_log start;
--- config
    websocket_replay 10;
    websocket_coalesce size=8k delay=5ms;
    websocket_priority off;
    websocket_presence off;
    websocket_events off;
    websocket_access_log end;

    location = /ws {
        websocket subscribe;
        websocket_replay none;
        websocket_coalesce off;
        websocket_priority on;
        websocket_presence on "from=$remote_addr of $arg_name";
        websocket_events leave;
    }
    location = /status { websocket_status json; }
--- request
GET /status
--- response_body_like
^\{"version":"\d+\.\d+\.\d+","time":\d+,"memory_bytes":\{"messages":0,"queues":0,"deflate":0,"input":0\},"zones":\[\{"name":"live","size":\d+,"used":\d+,"channels":0,"messages":0,"delivery_seconds":\{.*\}\}\],"locations":\[\{"zone":"live","location":"/ws",.*\}\]\}$



=== TEST 16: the round trip of a Ping and its Pong
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$request_uri rtt=$websocket_rtt';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_heartbeat interval=100ms timeout=60s;
    }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a< ping
! sleep 0.2
a> pong-back
a< ping
a> pong-back
# not asked for
a> pong x
! GET /status
! < soon json {"zones":[{"rtt_seconds":{"count":2}}]}
! < body qr/"rtt_seconds":\{"buckets":\[\[0\.0001,[01]\].*\],"sum":(?:0\.[2-9]|[1-9])/
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\/ws rtt=\d+\.\d\d\d$/
b> GET /ws?never
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^\/ws\?never rtt=-$/



=== TEST 17: what the memory of the workers is for
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_coalesce delay=1h size=1m;
        websocket_deflate on context_takeover=on window=12 memory=5;
        websocket_max_message_size 256k;
    }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /status { websocket_status json; }
    location = /metrics { websocket_status prometheus; }
--- websocket
! GET /status
! < json {"memory_bytes":{"messages":0,"queues":0,"deflate":0,"input":0}}
a> GET /ws
a< 101
# 10000 bytes wait, and are in a queue
! POST /pub * 10000 a
! GET /status
! < soon body qr/"messages":[1-9]\d{4},"queues":[1-9]\d*,"deflate":\d+,"input":0\}/
# a message that is not complete
a> frame fin=0 opcode=1 len=70000 xxxxxxxxxxxxxxxxxxxx
! GET /status
! < soon body qr/"input":[1-9]\d*\}/
b+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
b> GET /ws
b< 101
b> compressed text hello
! GET /status
! < soon body qr/"deflate":[1-9]\d{4},/
! GET /metrics
! < body qr/^websocket_memory_bytes\{kind="messages"\} [1-9]\d*$/m
# it goes with them
a> drop
b> drop
! GET /status
! < soon json {"memory_bytes":{"messages":0,"input":0}}
! < body qr/"deflate":\d{1,5},/
