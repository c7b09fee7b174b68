# Who a session is of without a token, until when, and what logs do not tell.

use lib 't/lib';
use Test::Nginx::WebSocket;

my $now = time;

$ENV{TEST_NGINX_LATER} = $now + 3600;
$ENV{TEST_NGINX_BEFORE} = $now - 1;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: websocket_user is $websocket_user, in presence, stamps and keys
--- http_config
    websocket_zone zone=live:1m;
    map $http_x_key $owner { default ""; k1 ann; k2 bob; }
    log_format ws 'user $websocket_user ends';
    access_log logs/access.log ws;
--- config
    websocket_user $owner;
    websocket_history length=9;
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_presence on;
        websocket_stamp from;
    }
    location = /own { websocket subscribe; websocket_channel u/$websocket_user; }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
    location = /basic { websocket pubsub; websocket_channel x; websocket_user ""; websocket_presence on; }
--- websocket
a+ X-Key: k1
a> GET /ws
a< 101
! GET /pub?presence=1
! < json {"presence":[{"from":"ann"}]}
a> text {}
a< text {"from":"ann"}
b+ X-Key: k2
b> GET /ws
b< 101
b> text {"from":"ann"}
b< text {"from":"bob"}
# each user's idempotency keys are the user's own
! POST /ws [X-Key: k1; Idempotency-Key: 1] {"a":1}
! < json {"offset":3}
! POST /ws [X-Key: k2; Idempotency-Key: 1] {"a":2}
! < json {"offset":4}
! POST /ws [X-Key: k1; Idempotency-Key: 1] {"a":1}
! < json {"offset":3,"duplicate":true}
# nobody, who cannot name a user in another way
c+ Authorization: Basic YW5uOg==
c> GET /own
c< 400
d+ Authorization: Basic YW5uOg==
d> GET /basic
d< 101
! GET /pub?presence=1
! < json {"presence":[{"from":"ann"},{"from":"bob"},{"from":null}]}
a> drop
! wait-access qr/^user ann ends$/



=== TEST 2: a user is sent away without a token; who comes after that is let in
--- http_config
    websocket_zone zone=live:1m;
    map $http_x_key $owner { default ""; k1 ann; k2 bob; }
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_user $owner; }
    location = /revoke { websocket_revoke time=1h; }
--- websocket
a+ X-Key: k1
a> GET /ws
a< 101
! apart a2 a
a2+ X-Key: k1
a2+ Accept: text/event-stream
a2> plain GET /ws
a2< 200
b+ X-Key: k2
b> GET /ws
b< 101
! POST /revoke {"user":"ann"}
! < 200
a< close 4401
a2< body qr/event: close\ndata: \{"code":4401,/
b> text still here
b< text still here
! sleep 1.1
c+ X-Key: k1
c> GET /ws
c< 101
c> text back
c< text back
b< text back



=== TEST 3: what has expired, and what is no time, is not let in
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_expires $arg_until;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
n> GET /ws?until=$TEST_NGINX_BEFORE
n< 401
n< body this has expired
m> GET /ws?until=tomorrow
m< 401
m< body it is not known when this expires
! wait-log qr/\[error\] .*the value of "websocket_expires" is not a time in seconds/
! POST /pub?until=$TEST_NGINX_BEFORE x
! < 401
! < json= {"error":{"code":"unauthorized","message":"this has expired"}}
b> GET /ws?until=$TEST_NGINX_LATER
b< 101
c> GET /ws
c< 101
b> text two
b< text two
c< text two



=== TEST 4: arguments that name a secret are not logged
--- http_config
    websocket_zone zone=live:1m;
    map $arg_api_key $owner { default ""; k1secret ann; }
    log_format ws '$status $request_uri $args';
    access_log logs/access.log ws;
--- config
    websocket_user $owner;
    location = /ws { websocket pubsub; websocket_channel u/$websocket_user/$arg_k; }
    location = /named { websocket pubsub; websocket_channel x; websocket_mask md5 k; }
    location = /off { websocket pubsub; websocket_channel x; websocket_mask off; }
    location = /pub { websocket_publish; websocket_channel $arg_k; }
--- websocket
# refused: neither log has it, and the next line of the log does not either
a+ Origin: http://evil.example
a> GET /ws?api_key=k1secret&k=1
a< 403
! wait-log qr/origin "http:\/\/evil.example".*request: "GET \/ws\?api_key=\*{8}&k=1 HTTP/
! wait-access qr/^403 \/ws\?api_key=\*{8}&k=1 api_key=\*{8}&k=1$/
# let in, and the variable of it had its value
b> GET /ws?k=1&API_KEY=k1secret
b< 101
! POST /pub?k=u/ann/1&password=pw hello
! < 200
b< text hello
! wait-access qr/^200 \/pub\?k=u\/ann\/1&password=\*\* k=/
b> close 1000
b< close 1000
b< eof
! wait-access qr/^101 \/ws\?k=1&API_KEY=\*{8} k=1&API_KEY=\*{8}$/
e+ Accept: text/event-stream
e> plain GET /named?md5=abc&k=5&api_key=x&md56=a&=b
e< 200
e> drop
! wait-access qr/^200 \/named\?md5=\*{3}&k=\*&api_key=x&md56=a&=b /
c> GET /off?secret=abc&token=abc
c< 101
c> drop
! wait-access qr/^101 \/off\?secret=abc&token=abc /
