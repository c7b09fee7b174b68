# Refusals that a page can see: websocket_refuse close.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(1);

plan_tests();
run_tests();

__DATA__

=== TEST 1: what the module refuses is closed with 4000 and the status, and says why
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $request';
    access_log logs/access.log ws;
--- config
    websocket_refuse close;
    websocket_drain 0;
    location = /ws { websocket pubsub; websocket_channel $arg_c; }
    location = /one { websocket subscribe; websocket_channel x; websocket_max_connections 1; }
    location = /off { websocket pubsub; websocket_channel $arg_c; websocket_refuse status; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
a< close 4400 reason a variable of the channel name is empty: "$arg_c"
a> close 4400
a< eof
a> end
! wait-access qr/^400 GET \/ws HTTP/
b+ Origin: http://evil.example
b> GET /ws?c=x
b< 101
b< close 4403
b< eof
# the first session is as any other
c> GET /one
c< 101
d> GET /one
d< 101
d< header Retry-After: qr/\d/
d< close 4503 reason too many connections
! POST /pub hello
c< text hello
# where it is off
e> GET /off
e< 400
e< body a variable of the channel name is empty: "$arg_c"
# what is no proper handshake cannot be let in, and a request is none
f+ Sec-WebSocket-Version: 12
f> GET /ws
f< 426
g+ Sec-WebSocket-Key: short
g> GET /ws
g< 400
! GET /ws
! < 426
! POST /ws x
! < 400
h+ Accept: text/event-stream
h> plain GET /ws
h< 200
h< header Content-Type: text/event-stream
h< header Cache-Control: no-store
h< body qr/"code":4400,"reason":"/



=== TEST 2: what nginx refuses, too
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_refuse close;
    location = /denied { websocket pubsub; websocket_channel x; deny all; }
    
    location = /basic { websocket pubsub; websocket_channel x; auth_basic x; auth_basic_user_file /dev/null; }
    location = /check401 { internal; return 401; }
    location = /auth401 { websocket pubsub; websocket_channel x; auth_request /check401; }
    location = /check500 { internal; return 502; }
    location = /auth500 { websocket pubsub; websocket_channel x; auth_request /check500; }
    location = /if { websocket pubsub; websocket_channel x; if ($arg_no) { return 429; } }
    location = /login { websocket pubsub; websocket_channel x; if ($arg_no) { return 302 /other; } }
    location = /page { error_page 403 /403.html; websocket pubsub; websocket_channel x; deny all; }
    location = /403.html { root html; }
    location = /named { error_page 403 @no; websocket pubsub; websocket_channel x; deny all; }
    location @no { add_header X-Why because always; return 403 "no\n"; }
    location = /other { deny all; }
--- user_files
>>> 403.html
a page that is longer than a Close
--- websocket
a> GET /denied
a< 101
a< close 4403 reason HTTP status 403
b> GET /auth401
b< 101
b< close 4401 reason HTTP status 401
c> GET /auth500
c< 101
c< close 4500 reason HTTP status 500
d> GET /if?no=1
d< 101
d< close 4429 reason HTTP status 429
e> GET /login?no=1
e< 101
e< header ! Location
e< close 4302 reason HTTP status 302
f> GET /basic
f< 101
f< close 4401 reason HTTP status 401
g> GET /page
g< 101
g< close 4403
g< eof
h> GET /named
h< 101
h< header X-Why: because
h< close 4403 reason HTTP status 403
h< eof
j+ Accept: text/event-stream
j> plain GET /denied
j< 200
j< body retry: 3600000\nevent: close\ndata: {"code":4403,"reason":"HTTP status 403"}\n\n
k+ Accept: text/event-stream
k> plain GET /auth500
k< 200
k< body event: close\ndata: {"code":4500,"reason":"HTTP status 500"}\n\n
l+ Accept: text/event-stream
l> plain GET /page
l< 200
l< body retry: 3600000\nevent: close\ndata: {"code":4403,"reason":"HTTP status 403"}\n\n
# conditions are of what there is a copy of
o+ Accept: text/event-stream
o+ If-Unmodified-Since: Mon, 01 Jan 2001 00:00:00 GMT
o> plain GET /denied
o< 200
o< body retry: 3600000\nevent: close\ndata: {"code":4403,"reason":"HTTP status 403"}\n\n
p+ Accept: text/event-stream
p+ If-None-Match: *
p> plain GET /denied
p< 200
m> plain GET /denied
m< 403
# what is no stream is refused as ever
i> GET /other
i< 403



=== TEST 3: a browser must be given a subprotocol that it has offered
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_refuse close;
    location = /ws { websocket pubsub; websocket_channel $arg_c; websocket_subprotocols b; }
--- websocket
a+ Sec-WebSocket-Protocol: a, b
a> GET /ws
a< 101
a< header Sec-WebSocket-Protocol: b
a< close 4400
b+ Sec-WebSocket-Protocol: bearer.secret, a
b> GET /ws
b< 101
b< header Sec-WebSocket-Protocol: a
b< close 4400
c+ Sec-WebSocket-Protocol: bearer.secret
c> GET /ws
c< 101
c< header ! Sec-WebSocket-Protocol
c< close 4400



=== TEST 4: a token that is not there
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_jwt key=key alg=HS256;
        websocket_refuse close;
    }
--- user_files
>>> ../conf/key
0123456789abcdef0123456789abcdef
--- websocket
a> GET /ws
a< 101
a< header WWW-Authenticate: Bearer
a< close 4401 reason a token is required
b> GET /ws?token=abc
b< 101
b< close 4401
! wait-log qr/\[info\] .*websocket request refused with 401: a token is required/
