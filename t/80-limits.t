# How much clients may do: sessions, rates, fragments, Pings, errors.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: so many sessions, of all workers; who leaves makes room
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_max_connections 2;
    }
    location = /free { websocket pubsub; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
! together c a
c> GET /ws
c< 503
c< header Retry-After: 1
c< body too many connections
! apart d a
d> GET /ws
d< 503
# who is not counted is not refused
e> GET /free
e< 101
b> close 1000
b< close 1000
b< eof
! together f a
f> GET /ws
f< 101
g> GET /ws
g< 503
f> drop
a> close 1000
a< close 1000
a< eof
! wait-log* 3 qr/session refused: as many are there as may be/
--- error_log
session refused



=== TEST 2: server-sent events and long-polling count the same
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_max_connections 1;
        websocket_history length=10;
    }
    location = /status { websocket_status json; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream id:
b> GET /ws
b< 503
c+ Accept: text/event-stream
c> plain GET /ws
c< 503
c< header Retry-After: 1
d> plain GET /ws?transport=poll
d< 503
d< header Retry-After: 1
a> drop
! GET /status
! < soon json {"locations":[{"active_connections":{"sse":0}},{}]}
# an answer at once gives its seat back
e> plain GET /ws?transport=poll
e< 200
f> plain GET /ws?transport=poll
f< 200
f< body qr/"position":"(?<at>\w+:\d+)"/
# one that waits has one
g> plain GET /ws?since=%{at}
! GET /status
! < soon json {"locations":[{"active_connections":{"poll":1}},{}]}
h> GET /ws
h< 503
! POST /pub hello
! < 200
g< 200
g< body qr/hello/
i> GET /ws
i< 101



=== TEST 3: each key for itself, and all together
--- http_config
    websocket_zone zone=live:1m;
    websocket_max_connections 3;
    websocket_max_connections 2 key=$arg_user;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /none {
        websocket pubsub;
        websocket_channel x;
        websocket_max_connections off;
    }
--- websocket
a> GET /ws?user=ann
a< 101
b> GET /ws?user=ann
b< 101
c> GET /ws?user=ann
c< 503
# the refused one took no seat of those for all
d> GET /ws?user=bob
d< 101
e> GET /ws?user=eve
e< 503
f> GET /ws
f< 503
g> GET /none?user=ann
g< 101
b> close 1000
b< close 1000
b< eof
h> GET /ws
h< 101
a> close 1000
a< close 1000
a< eof
i> GET /ws
i< 101



=== TEST 4: a key is counted with those of its text, whatever the location
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /a { websocket echo; websocket_max_connections 1 key=$remote_addr; }
    location = /b { websocket echo; websocket_max_connections 2 key=$remote_addr; }
    location = /c { websocket echo; websocket_max_connections 1 key=$arg_a; }
    location = /d { websocket echo; websocket_max_connections 1 key=d$remote_addr; }
--- websocket
a> GET /a
a< 101
b> GET /a
b< 503
c> GET /b
c< 101
d> GET /b
d< 503
e> GET /c?a=127.0.0.1
e< 101
f> GET /d
f< 101
# an empty value is not counted
g> GET /c
g< 101
h> GET /c
h< 101
a> text hello
a< text hello



=== TEST 5: what a killed worker held is free at once
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_max_connections 3;
        websocket_max_connections 3 key=$remote_addr;
    }
--- websocket
a> GET /ws
a< 101
! apart b a
b> GET /ws
b< 101
! together c b
c> GET /ws
c< 101
d> GET /ws
d< 503
! kill worker of b
b< eof
c< eof
e> GET /ws
e< 101
f> GET /ws
f< 101
g> GET /ws
g< 503
a> text hello
a< text hello



=== TEST 6: after a reload the old workers' sessions count until they leave
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 20d;
        websocket_max_connections 2;
    }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
! reload
c> GET /ws
c< 503
b> close 1000
b< close 1000
b< eof
d> GET /ws
d< 101
e> GET /ws
e< 503
a> text hello
a< text hello
d< text hello



=== TEST 7: a key that nobody has takes nothing of the zone
--- http_config
    websocket_zone zone=live:64k inactive=1h;
--- config
    location = /ws {
        websocket publish;
        websocket_channel x;
        websocket_max_connections 100 key=$arg_c;
    }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws?c=a
a< 101
! GET /status
! < json {"zones":[{"used":256,"channels":0}]}
a> close 1000
a< close 1000
a< eof
! GET /status
! < json {"zones":[{"used":0,"channels":0}]}



=== TEST 8: a rate closes
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=3/h burst=3 action=close;
    }
    location = /bytes {
        websocket echo;
        websocket_rate bytes=1k/h burst=10 action=close;
    }
--- websocket
a> GET /ws
a< 101
a> times 3 text x
a< text x
a< text x
a< text x
a> text y
a< close 1008 reason too many messages in too short a time
# a message that is larger than the burst is taken once
b> GET /bytes
b< 101
b> text 0123456789abcdef
b< text 0123456789abcdef
b> text z
b< close 1008 reason too many bytes in too short a time



=== TEST 9: a rate drops, and counts
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '[$websocket_messages_in $websocket_rate_limited $websocket_dropped]';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_rate messages=2/h burst=2 action=drop;
    }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws
a< 101
a> times 50 text x
a> raw 01 81 00 00 00 00 79
a> raw 80 81 00 00 00 00 7a
a< text x
a< text x
a> ping all
a< pong all
! POST /pub end
! < json {"offset":3}
a< text end
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[51 49 0\]$/
! GET /status
! < json {"locations":[{"location":"/ws","messages_received":51,"rate_limited_messages":49},{"location":"/pub"}]}



=== TEST 10: errors that are dropped messages close at last
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket publish;
        websocket_channel x;
        websocket_rate messages=1/h action=drop;
        websocket_max_errors 3/m;
    }
--- websocket
a> GET /ws
a< 101
a> times 4 text x
a> ping p
a< pong p
a> text x
a< close 1008 reason too many errors



=== TEST 11: a rate delays: nothing is lost, nothing is reordered
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=20/s burst=2;
    }
--- websocket
a> GET /ws
a< 101
a> text 1
a> text 2
a> text 3
a> text 4
a> raw 01 81 00 00 00 00 61 89 80 00 00 00 00 80 81 00 00 00 00 62
a> text 5
a> ping p
a> text 6
a< text 1
a< text 2
a< text 3
a< text 4
a< pong
a< text ab
a< text 5
a< pong p
a< text 6
a> close 1000
a< close 1000
a< eof



=== TEST 12: what comes in one piece, also with the handshake, is held
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '[$websocket_messages_in $websocket_duration]';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=10/s burst=1;
    }
--- websocket
a> with-handshake raw 81 81 00 00 00 00 78 81 81 00 00 00 00 78 81 81 00 00 00 00 78 81 81 00 00 00 00 78 81 81 00 00 00 00 78
a> GET /ws
a< 101
a< text x
a< text x
a< text x
a< text x
a< text x
a> end
! wait-access qr/^\[5 (0\.[4-9]|[1-9])/



=== TEST 13: a rate of bytes delays a large message's successor
--- http_config
    log_format ws '[$websocket_bytes_in $websocket_duration]';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=1000/s;
        websocket_rate bytes=20k/s burst=10k;
    }
--- websocket
a> GET /ws
a< 101
a> text* 20480 0
a> text end
a< text* 20480 0
a< text end
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[\d+ (0\.[5-9]|[1-9])/



=== TEST 14: one who is delayed is not taken for dead, nor for idle
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=1/s burst=1;
        websocket_heartbeat interval=200ms timeout=200ms;
        websocket_idle_timeout 300ms;
    }
--- websocket
a> with-handshake text 1
a> with-handshake text 2
a> with-handshake text 3
a> GET /ws
a< 101
a auto-pong on
a< text 1
a< text 2
a< text 3
a< close 1000 reason no message for too long



=== TEST 15: one who is delayed and silent is found dead afterwards
--- config
    location = /ws {
        websocket echo;
        websocket_rate messages=1/s burst=1;
        websocket_heartbeat interval=200ms timeout=200ms;
    }
--- websocket
a> with-handshake text 1
a> GET /ws
a< 101
a< text 1
a< ping
a< close 1011 reason no answer to Ping



=== TEST 16: the server's Close does not wait for a delayed client
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_rate messages=1/h;
        websocket_close_timeout 30s;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
a> text 1
a> text 2
a> text 3
a< text 1
! POST /pub more
! < json {"offset":2}
a< text more
! DELETE /pub
a< close 1000 reason the channel was deleted
a> close 1000
a< eof



=== TEST 17: a delayed session is sent away at a reload
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_rate messages=1/h;
        websocket_close_timeout 30s;
        websocket_drain 0;
    }
--- websocket
a> GET /ws
a< 101
a> text 1
a> text 2
a< text 1
! reload
a< close 1012
a> close 1012
a< eof
b> GET /ws
b< 101
b> text 1
b< text 1



=== TEST 18: what is measured of a compressed message is its whole length
--- config
    location = /ws {
        websocket echo;
        websocket_deflate on;
        websocket_rate bytes=1k/h burst=1k action=close;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text hello
a< text hello
a> compressed text* 2000 x
a< close 1008 reason too many bytes in too short a time



=== TEST 19: rates are inherited, and switched off
--- http_config
    websocket_rate messages=1/h action=close;
--- config
    location = /ws { websocket echo; }
    location = /off { websocket echo; websocket_rate off; }
--- websocket
a> GET /ws
a< 101
a> times 2 text x
a< text x
a< close 1008
b> GET /off
b< 101
b> times 3 text x
b< text x
b< text x
b< text x



=== TEST 20: as many fragments as there may be, and one more
--- config
    location = /ws { websocket echo; websocket_max_fragments 3; }
--- websocket
a> GET /ws
a< 101
a> frame fin=0 opcode=1 a
a> frame fin=0 opcode=0 b
a> ping p
a> frame fin=1 opcode=0 c
a< pong p
a< text abc
# each message anew
a> frame fin=0 opcode=1 a
a> frame fin=0 opcode=0 b
a> frame fin=1 opcode=0 c
a< text abc
a> frame fin=0 opcode=1 a
a> frame fin=0 opcode=0 b
a> frame fin=0 opcode=0 c
a> frame fin=0 opcode=0
a< close 1008 reason too many fragments



=== TEST 21: fragments in one piece, and without end
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> frame fin=0 opcode=1
a> times 1023 frame fin=0 opcode=0
a> ping p
a< pong p
a> frame fin=1 opcode=0
a< close 1008 reason too many fragments



=== TEST 22: as many Pings and Pongs as there may be, and one more
--- config
    location = /ws { websocket echo; websocket_max_pings 3/h; }
    location = /three { websocket echo; websocket_max_pings 180/m; }
    location = /off { websocket echo; websocket_max_pings off; }
    location = /default { websocket echo; }
--- websocket
a> GET /three
a< 101
a> ping 1
a> pong 2
a> ping 3
a< pong 1
a< pong 3
a> text all right
a< text all right
b> GET /ws
b< 101
b> ping 1
b< pong 1
b> pong
b< close 1008 reason too many Pings and Pongs in too short a time
c> GET /off
c< 101
c> times 500 ping p
c> text all right
c< pong p
d> GET /default
d< 101
d> times 200 ping p
d< eof
! wait-log* 2 qr/closed with 1008: too many Pings and Pongs/



=== TEST 23: one who is delayed and goes is gone
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri $websocket_messages_in $websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; websocket_rate bytes=10/m action=delay;
                     websocket_max_connections 1;
                     websocket_heartbeat interval=2s timeout=500ms; }
    location = /slow { websocket echo; websocket_rate messages=2/s burst=1; }
--- websocket
a> with-handshake text 0123456789abcdef
a> GET /ws
a< 101
a< text 0123456789abcdef
b> GET /ws
b< 503
a> drop
! wait-access qr/^.ws 1 1006$/
c> with-handshake text 0123456789abcdef
c> GET /ws
c< 101
c< text 0123456789abcdef
# with no more than an end it is the answer to a Ping that tells
c> end
! wait-access* 2 qr/^.ws 1 1006$/
# what came before an end is taken in its time
d> GET /slow
d< 101
d> times 2 text 0
d> shutdown
d< text 0
d< text 0
d< eof



=== TEST 24: a filter that is refused is an error
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
        websocket_max_errors 2/1h;
    }
--- websocket
a> GET /ws
a< 101
a> times 3 text {"filter":5}
a< json {"error":{"code":"invalid_filter"}}
a< json {"error":{"code":"invalid_filter"}}
a< json {"error":{"code":"invalid_filter"}}
a< close 1008 reason too many errors
