# What waits for a client that reads slowly: bounds, policies, priorities,
# batches. And what a publisher's Idempotency-Key is good for.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: overflow=close by the number of messages
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_dropped $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=3;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
# what b has was offered to a
! together b a
b> GET /ws
b< 101
! POST /pub * 500000 x
! POST /pub one
! POST /pub two
b< text* 500000 x
b< text one
b< text two
! POST /pub three
b< text three
# what was begun is ended; what waited is not in the way of the Close
a< text* 500000 x
a< close 1013 reason too slow: the send queue is full
a> close 1013
a< eof
! wait-access qr/^1013 3 too slow: the send queue is full$/
! POST /pub four
! < json {"subscribers":1}
b< text four



=== TEST 2: as many as the bound says do wait
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=3;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! POST /pub * 500000 x
! POST /pub one
! POST /pub two
a< text* 500000 x
a< text one
a< text two
! POST /pub three
! POST /pub four
a< text three
a< text four



=== TEST 3: overflow=close by size
--- http_config
    websocket_zone zone=live:8m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=100 size=1m overflow=close;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /ws
b< 101
! POST /pub * 700000 x
b< text* 700000 x
! POST /pub * 200000 y
b< text* 200000 y
! POST /pub * 300000 z
b< text* 300000 z
a< text* 700000 x
a< close 1013
a> close 1013
! wait-access qr/^1013 2$/



=== TEST 4: overflow=drop_oldest by the number of messages
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_messages_out $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=3 overflow=drop_oldest;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /ws
b< 101
! POST /pub * 500000 x
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
b< text* 500000 x
b< text one
b< text two
b< text three
b< text four
a< text* 500000 x
a< text three
a< text four
! POST /pub five
a< text five
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 4 2$/



=== TEST 5: overflow=drop_oldest by size
--- http_config
    websocket_zone zone=live:8m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue size=1m overflow=drop_oldest;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /ws
b< 101
! POST /pub * 600000 x
! POST /pub one
! POST /pub * 300000 y
! POST /pub * 300000 z
! POST /pub two
b< text* 600000 x
b< text one
b< text* 300000 y
b< text* 300000 z
b< text two
# one was in the way first, and was not enough
a< text* 600000 x
a< text* 300000 z
a< text two
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 2$/



=== TEST 6: overflow=conflate: of each channel the newest
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_send_queue messages=4 overflow=conflate;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /ws
b< 101
! POST /pub?c=x * 500000 x
b< text* 500000 x
! POST /pub?c=y y1
b< text y1
! POST /pub?c=x x1
b< text x1
! POST /pub?c=y y2
b< text y2
# at the bound: x1 goes, and both of y stay
! POST /pub?c=x x2
b< text x2
# and now both of y go
! POST /pub?c=y y3
b< text y3
a< text* 500000 x
a< text x2
a< text y3
! POST /pub?c=x x3
a< text x3
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 3$/



=== TEST 7: one message larger than the queue is queued where it is alone
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=1 size=1k;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! POST /pub * 60000 x
a< text* 60000 x
! POST /pub * 60000 y
a< text* 60000 y



=== TEST 8: in a backlog urgent ones come first, in order among themselves
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    websocket_send_timeout 1h;
    websocket_heartbeat off;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_priority on;
    }
    location = /off { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
b> rcvbuf 2048
b@$TEST_NGINX_RAND_PORT_1> GET /off
b< 101
b> stop-reading
c> rcvbuf 2048
c@$TEST_NGINX_RAND_PORT_1> GET /ws?position=1
c< 101
c> stop-reading
d+ Accept: text/event-stream
d> rcvbuf 2048
d@$TEST_NGINX_RAND_PORT_1> plain GET /ws
d< 200
d> stop-reading
# the first has begun, the others are published within a second
! together e a
e> GET /off
e< 101
! POST /pub * 500000 x
e< text* 500000 x
! with-next POST /pub [X-WebSocket-Priority: low] l1
! with-next POST /pub n1
! with-next POST /pub [X-WebSocket-Priority: urgent] u1
! with-next POST /pub [X-WebSocket-Priority: high] h1
! with-next POST /pub [X-WebSocket-Priority: normal] n2
! with-next POST /pub [X-WebSocket-Priority: urgent] u2
! with-next POST /pub [X-WebSocket-Priority: low] l2
! POST /pub [X-WebSocket-Priority: high] h2
! < json {"offset":9}
a< text* 500000 x
a< text u1
a< text u2
a< text h1
a< text h2
a< text n1
a< text n2
a< text l1
a< text l2
# where priorities are off, and where positions are counted, by the offset
b< text* 500000 x
b< text l1
b< text n1
b< text u1
b< text h1
b< text n2
b< text u2
b< text l2
b< text h2
c< text qr/"position"/
c< text qr/\A\w+:1\nx+\z/
c< text qr/\nl1\z/
c< text qr/\nn1\z/
c< text qr/\nu1\z/
c< text qr/\nh1\z/
d< stream qr/x\n\n.*\nl1\n|x\n\nid: \w+:2\ndata: l1\n\nid: \w+:3\ndata: n1\n\nid: \w+:4\ndata: u1\n\n/
# and without a backlog there is nothing to be passed
! POST /pub [X-WebSocket-Priority: low] l3
a< text l3
! POST /pub [X-WebSocket-Priority: urgent] u3
a< text u3



=== TEST 9: what has waited a second is not passed any more
--- http_config
    websocket_zone zone=live:4m;
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
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! POST /pub * 500000 x
! with-next POST /pub [X-WebSocket-Priority: low] l1
! POST /pub n1
! sleep 1.1
! with-next POST /pub [X-WebSocket-Priority: low] l2
! POST /pub [X-WebSocket-Priority: urgent] u1
a< text* 500000 x
a< text n1
a< text l1
a< text u1
a< text l2



=== TEST 10: at the bound the lowest priority goes first
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_priority on;
        websocket_send_queue messages=4 overflow=drop_oldest;
    }
    location = /all { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub * 500000 x
b< text* 500000 x
! with-next POST /pub [X-WebSocket-Priority: high] h1
! with-next POST /pub [X-WebSocket-Priority: low] l1
! with-next POST /pub n1
# l1 goes, then n1 before n2; l2 is less than all that wait
! with-next POST /pub [X-WebSocket-Priority: urgent] u1
! with-next POST /pub n2
! POST /pub [X-WebSocket-Priority: low] l2
b< text h1
b< text l1
b< text n1
b< text u1
b< text n2
b< text l2
a< text* 500000 x
a< text u1
a< text h1
a< text n2
! POST /pub n3
a< text n3
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 3$/



=== TEST 11: the priority as a field of the message
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    websocket_send_timeout 1h;
    websocket_heartbeat off;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_priority on;
    }
    location = /all { websocket subscribe; websocket_channel x; }
    location = /in {
        websocket publish;
        websocket_channel x;
        websocket_priority off field=level;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_priority off field=level;
        websocket_max_message_size 1m;
    }
    location = /plain { websocket_publish; websocket_channel x; }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub * 500000 x
b< text* 500000 x
c> with-handshake text {"level":"low","n":1}
c> with-handshake text {"n":2,"level":"high"}
c> with-handshake binary {"level":"low","n":3}
c> GET /in
c< 101
b< text {"level":"low","n":1}
b< text {"n":2,"level":"high"}
b< binary {"level":"low","n":3}
a< text* 500000 x
a< text {"n":2,"level":"high"}
a< binary {"level":"low","n":3}
a< text {"level":"low","n":1}
a> stop-reading
! POST /pub * 500000 y
b< text* 500000 y
! with-next POST /pub {"level":"low","n":1}
! with-next POST /pub {"level":"urgent","n":2}
# the header counts more than the field
! with-next POST /pub [X-WebSocket-Priority: low] {"level":"urgent","n":4}
# these say nothing
! with-next POST /pub {"level":17,"n":5}
! with-next POST /pub {"level":"very","n":6}
! with-next POST /pub {"level":"low","n":7
! with-next POST /pub ["low"]
! with-next POST /pub [Content-Type: application/octet-stream] {"level":"low","n":8}
! POST /plain {"level":"low","n":9}
a< text* 500000 y
a< text {"level":"urgent","n":2}
a< text {"level":17,"n":5}
a< text {"level":"very","n":6}
a< text {"level":"low","n":7
a< text ["low"]
a< binary {"level":"low","n":8}
a< text {"level":"low","n":9}
a< text {"level":"low","n":1}
a< text {"level":"urgent","n":4}



=== TEST 12: a header that says no priority
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub [X-WebSocket-Priority: highest] one
! < 400
! < json= {"error":{"code":"invalid_header","message":"X-WebSocket-Priority is not low, normal, high or urgent"}}
! POST /pub [X-WebSocket-Priority: 1] one
! < 400
! GET /pub
! < 404



=== TEST 13: a batch is held back, until there is enough or something else
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '[$args] $websocket_messages_out $websocket_bytes_out';
    access_log logs/access.log ws;
--- config
    location = /hold {
        websocket pubsub;
        websocket_channel x;
        websocket_coalesce size=100 delay=1h;
    }
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /hold?a
a< 101
! together b a
b> GET /ws
b< 101
! together c a
c> GET /hold?c
c< 101
! together d a
d> GET /hold?d
d< 101
! POST /pub * 60 x
# delivered to all three before, or together with c and d in the same turn
b< text* 60 x
a> end
! wait-access qr/^\[a\] 0 0$/
# what must not wait takes along what does
c> ping now
c< text* 60 x
c< pong now
! POST /pub * 60 y
b< text* 60 y
# 2 * 62 bytes are enough
d< text* 60 x
d< text* 60 y
! DELETE /pub
c< text* 60 y
c< close 1000 reason the channel was deleted
d< close 1000



=== TEST 14: a batch's delay ends; a history is not held back
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /soon {
        websocket subscribe;
        websocket_channel x;
        websocket_coalesce delay=100ms;
        websocket_history length=5;
    }
    location = /hold {
        websocket subscribe;
        websocket_channel x;
        websocket_replay all;
        websocket_coalesce delay=1h;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /soon
a< 101
b> GET /soon
b< 101
! POST /pub one
a< text one
b< text one
! POST /pub two
! POST /pub three
a< text two
a< text three
b< text two
c> GET /hold
c< 101
c< text one
c< text two
c< text three
d> GET /hold?position=1&since=$EPOCH:2
d< 101
d< json {"recovered":true}
d< text $EPOCH:3\nthree
# events are held and released the same way
e+ Accept: text/event-stream
e> plain GET /soon
e< 200
e< stream qr/\n\n/
! POST /pub four
e< stream data: four
b< text three
b< text four



=== TEST 15: an Idempotency-Key: the same answer, and one message
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel $arg_c; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=3;
    }
--- websocket
s> GET /ws?c=x
s< 101
a+ Idempotency-Key: k1
a> plain POST /pub?c=x one
a< 200
a< body qr/\A\{"channel":"x","epoch":"(?<epoch>\w+)","offset":1,"subscribers":1\}\n\z/
s< text one
! POST /pub?c=x two
s< text two
# on both workers, and not with another body
! apart b a
b+ Idempotency-Key: k1
b> plain POST /pub?c=x one
b< 200
b< body {"channel":"x","epoch":"%{epoch}","offset":1,"subscribers":1,"duplicate":true}
! together b a
b+ Idempotency-Key: k1
b> plain POST /pub?c=x one
b< 200
b< body {"channel":"x","epoch":"%{epoch}","offset":1,"subscribers":1,"duplicate":true}
b+ Idempotency-Key: k1
b> plain POST /pub?c=x One
b< 422
b< body {"error":{"code":"idempotency_mismatch","message":"the Idempotency-Key was that of a message with another body"}}
# the key is the channel's
! POST /pub?c=y [Idempotency-Key: k1] of y
! < 202
! < json {"channel":"y","offset":1}
! GET /pub?c=y
! < json {"offset":1,"history":1}
# another key, and none
! POST /pub?c=x [Idempotency-Key: K1] three
! < json {"offset":3}
s< text three
! GET /pub?c=x&since=%{epoch}:0
! < json {"messages":[{"data":"one"},{"data":"two"},{"data":"three"}]}
# with the message the key is gone
! POST /pub?c=x four
s< text four
! POST /pub?c=x [Idempotency-Key: k1] one
! < json {"offset":5}
s< text one



=== TEST 16: an Idempotency-Key after a reload and after the death of a worker
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=3;
    }
--- websocket
a+ Idempotency-Key: k
a> plain POST /pub one
a< 202
! kill worker of a
! POST /pub [Idempotency-Key: k] one
! < json {"offset":1,"duplicate":true}
! reload
! POST /pub [Idempotency-Key: k] two
! < 422
! POST /pub [Idempotency-Key: k] one
! < json {"offset":1}
! GET /pub
! < json {"offset":1,"history":1}



=== TEST 17: without a history a key is not remembered; a key has a length
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel $arg_c; }
    location = /keep {
        websocket_publish;
        websocket_channel k;
        websocket_history length=1;
    }
--- websocket
! POST /pub?c=x [Idempotency-Key: k] one
! < json {"offset":1}
! POST /pub?c=x [Idempotency-Key: k] one
! < json {"offset":2}
! POST /keep [Idempotency-Key: 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345] one
! < 400
! < json= {"error":{"code":"invalid_header","message":"Idempotency-Key is not of 1 to 255 bytes"}}
! POST /keep [Idempotency-Key: 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234] one
! < json {"offset":1}
! POST /keep [Idempotency-Key: 012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234] one
! < json {"offset":1}



=== TEST 18: with a history's time a key's time is over too
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=10 time=3s;
    }
--- websocket
! POST /pub?c=x [Idempotency-Key: k] one
! < json {"offset":1}
! POST /pub?c=x [Idempotency-Key: k] one
! < json {"offset":1}
# when the history of y is over, that of x is as well
! POST /pub?c=y later
! GET /pub?c=y
! < soon json {"history":0}
# the next one takes away what is over
! POST /pub?c=x two
! < json {"offset":2}
! POST /pub?c=x [Idempotency-Key: k] one
! < json {"offset":3}



=== TEST 19: overflow=conflate by size
--- http_config
    websocket_zone zone=live:8m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_send_queue messages=100 size=1m overflow=conflate;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /ws
b< 101
! POST /pub?c=x * 600000 x
b< text* 600000 x
! POST /pub?c=x x1
b< text x1
! POST /pub?c=y * 200000 1
b< text* 200000 1
! POST /pub?c=x x2
b< text x2
# beyond the bound: the one of y goes, both of x stay
! POST /pub?c=y * 300000 2
b< text* 300000 2
a< text* 600000 x
a< text x1
a< text x2
a< text* 300000 2
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 1$/



=== TEST 20: what waits for a slow client is sent over a reload, by priority
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_priority on;
        websocket_send_timeout 1m;
        websocket_close_timeout 1m;
        websocket_drain 0;
    }
    location = /all { websocket subscribe; websocket_channel x; websocket_drain 0; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub * 500000 x
b< text* 500000 x
! with-next POST /pub [X-WebSocket-Priority: low] low
! POST /pub [X-WebSocket-Priority: high] high
b< text low
b< text high
! reload
b< close 1012
a< text* 500000 x
a< text high
a< text low
a< close 1012
a> close 1012
a< eof



=== TEST 21: what a batch holds goes before the Close of a reload
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /hold {
        websocket subscribe;
        websocket_channel x;
        websocket_coalesce delay=1h;
        websocket_drain 0;
    }
    location = /ws { websocket subscribe; websocket_channel x; websocket_drain 0; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /hold
a< 101
! together b a
b> GET /ws
b< 101
e+ Accept: text/event-stream
e> plain GET /hold
e< 200
e< stream qr/\n\n/
! POST /pub one
b< text one
! reload
b< close 1012
a< text one
a< close 1012
e< body qr/\Aid: \w+:1\ndata: one\n\nevent: close\ndata: \{"code":1012,/



=== TEST 22: without priorities the oldest goes, whatever a publisher says
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=3 overflow=drop_oldest;
    }
    location = /all { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub * 500000 x
b< text* 500000 x
! POST /pub n1
! POST /pub n2
! POST /pub [X-WebSocket-Priority: low] l1
! POST /pub [X-WebSocket-Priority: low] l2
b< text n1
b< text n2
b< text l1
b< text l2
a< text* 500000 x
a< text l1
a< text l2
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 2$/



=== TEST 23: overflow=conflate drops no answer to the client
--- http_config
    websocket_zone zone=live:4m;
    websocket_type t { field n number; }
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type t;
        websocket_send_queue messages=4 overflow=conflate;
    }
    location = /all { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub * 500000 x
b< text* 500000 x
a> text no JSON
a> text {"n":1}
b< text {"n":1}
! POST /pub x2
b< text x2
# at the bound: the oldest message makes room for an answer, then x2 goes
a> text {"n":"no number"}
a> text {"n":3}
b< text {"n":3}
a< text* 500000 x
a< json {"error":{"code":"invalid_message"}}
a< json {"error":{"code":"invalid_message","path":"n"}}
a< text {"n":3}
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 2$/



=== TEST 24: overflow=conflate finds what may go behind history that has gone
--- http_config
    websocket_zone zone=live:4m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel a b c d;
        websocket_replay all;
        websocket_send_queue messages=2 overflow=conflate;
    }
    location = /live { websocket subscribe; websocket_channel a b c d; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=20;
    }
--- websocket
! POST /pub?c=a * 5000 1
! POST /pub?c=a * 5000 2
! POST /pub?c=a * 5000 3
! POST /pub?c=a * 5000 4
! POST /pub?c=a * 5000 5
! POST /pub?c=a * 5000 6
! POST /pub?c=a * 5000 7
! POST /pub?c=a * 5000 8
! POST /pub?c=a * 5000 9
! POST /pub?c=a * 5000 0
! POST /pub?c=a * 5000 x
! POST /pub?c=a * 5000 y
a> rcvbuf 2048
a+ Accept: text/event-stream
a@$TEST_NGINX_RAND_PORT_1> plain GET /ws
a< 200
a> stop-reading
! together b a
b> GET /live
b< 101
! POST /pub?c=b b1
b< text b1
! POST /pub?c=c c1
b< text c1
# at the bound, behind the history: b1 goes
! POST /pub?c=d d1
b< text d1
# the history of a goes, then c1
! POST /pub?c=a a1
b< text a1
# then d1
! POST /pub?c=b b2
b< text b2
a< stream data: a1
a< stream data: b2



=== TEST 25: overflow=conflate by a key: of each the newest
--- http_config
    websocket_zone zone=live:4m;
    log_format ws '$websocket_close_code $websocket_dropped';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_send_queue messages=5 overflow=conflate key=symbol;
    }
    location = /all {
        websocket subscribe;
        websocket_channel x y;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_max_message_size 1m;
    }
--- websocket
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> stop-reading
! together b a
b> GET /all
b< 101
! POST /pub?c=x * 500000 x
b< text* 500000 x
! POST /pub?c=x {"symbol":"A","p":1}
b< text {"symbol":"A","p":1}
! POST /pub?c=x {"symbol":"B","p":1}
b< text {"symbol":"B","p":1}
! POST /pub?c=y {"symbol":"A","p":7}
b< text {"symbol":"A","p":7}
! POST /pub?c=x {"none":1}
b< text {"none":1}
# at the bound: the A of x is replaced, that of y is another one
! POST /pub?c=x {"p":2,"symbol":"\\u0041"}
b< text {"p":2,"symbol":"\\u0041"}
! POST /pub?c=x {"symbol":"B","p":2}
b< text {"symbol":"B","p":2}
# nothing is like it: the oldest goes
! POST /pub?c=x {"symbol":5}
b< text {"symbol":5}
a< text* 500000 x
a< text {"none":1}
a< text {"p":2,"symbol":"\\u0041"}
a< text {"symbol":"B","p":2}
a< text {"symbol":5}
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000 3$/



=== TEST 26: a pace: the newest of each key, or of each channel, once in a while
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_channel x;
    location = /keys {
        websocket subscribe;
        websocket_send_queue messages=4 overflow=conflate key=symbol;
        websocket_coalesce delay=300ms newest;
    }
    location = /channel {
        websocket subscribe;
        websocket_coalesce delay=300ms newest;
    }
    location = /pub { websocket_publish; }
--- websocket
a> GET /keys
a< 101
b> GET /channel
b< 101
! POST /pub [Content-Type: application/x-ndjson] {"symbol":"A","p":1}\n{"symbol":"B","p":1}\n{"symbol":"A","p":2}\n{"symbol":"B","p":2}\n{"symbol":"A","p":3}\n{"symbol":"C","p":1}\n{"symbol":"A","p":4}
a< text {"symbol":"B","p":2}
a< text {"symbol":"C","p":1}
a< text {"symbol":"A","p":4}
b< text {"symbol":"A","p":4}
! POST /pub {"symbol":"A","p":5}
a< text {"symbol":"A","p":5}
b< text {"symbol":"A","p":5}
