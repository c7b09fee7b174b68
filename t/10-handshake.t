# The opening handshake: RFC 6455, section 4.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: the accept key of the RFC's example
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
a> GET /ws
a< 101
a< header Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
a< header Upgrade: websocket
a< header Connection: upgrade
a< header ! Sec-WebSocket-Protocol
a< header ! Content-Length
a< header ! Transfer-Encoding



=== TEST 2: a plain GET is told to upgrade
--- config
    location = /ws { websocket echo; }
--- request
GET /ws
--- error_code: 426
--- response_headers
Upgrade: websocket
Sec-WebSocket-Version: 13
Content-Type: text/plain
--- response_body
this is a WebSocket endpoint: connect with a WebSocket client



=== TEST 3: another method
--- config
    location = /ws { websocket echo; }
--- request
POST /ws
hello
--- error_code: 405
--- response_headers
Allow: GET
--- response_body
{"error":{"code":"method_not_allowed","message":"use a WebSocket or GET"}}



=== TEST 4: HTTP/1.0
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws HTTP/1.0
a< 400
a< body qr/older version, which a proxy/
! wait-log qr/\[info\] .*websocket request refused with 400: WebSocket needs HTTP/



=== TEST 5: no Upgrade
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Upgrade:
a> GET /ws
a< 400
a< body qr/the Upgrade header is missing: a proxy on the way must pass it on/



=== TEST 6: another Upgrade
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Upgrade: h2c
a> GET /ws
a< 400
a< body qr/the Upgrade header is not "websocket"/



=== TEST 7: Upgrade and Connection are lists, in any case
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Upgrade: h2c, WebSocket
a+ Connection: keep-alive , UPGRADE
a> GET /ws
a< 101



=== TEST 8: no Connection: upgrade
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Connection: keep-alive
a> GET /ws
a< 400
a< body qr/the Connection header has no "upgrade"/



=== TEST 9: no key
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Key:
a> GET /ws
a< 400
a< body qr/the Sec-WebSocket-Key header is missing/



=== TEST 10: a key of 15 bytes
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1
a> GET /ws
a< 400
a< body qr/not one of 16 bytes in base64/



=== TEST 11: a key that is not base64
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Key: ????????????????????????
a> GET /ws
a< 400
a< body qr/not one of 16 bytes in base64/



=== TEST 12: another version
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Version: 8
a> GET /ws
a< 426
a< header Sec-WebSocket-Version: 13
a< header Upgrade: websocket
a< body qr/must be 13/



=== TEST 13: no version
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Version:
a> GET /ws
a< 400
a< body qr/the Sec-WebSocket-Version header is missing/



=== TEST 14: the subprotocol is the server's first that the client offers
--- config
    location = /ws { websocket echo; websocket_subprotocols v2 v1; }
--- websocket
a+ Sec-WebSocket-Protocol: v1, v0 ,v2
a> GET /ws
a< 101
a< header Sec-WebSocket-Protocol: v2



=== TEST 15: no subprotocol in common
--- config
    location = /ws { websocket echo; websocket_subprotocols v2 v1; }
--- websocket
a+ Sec-WebSocket-Protocol: v3
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Protocol
a> text still here
a< text still here



=== TEST 16: a handshake has no body
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Content-Length: 5
a> GET /ws
a> raw 68 65 6c 6c 6f
a< 400
a< body qr/has no body/



=== TEST 17: frames in the same packet as the handshake
--- config
    location = /ws { websocket echo; }
--- websocket
a> with-handshake text one
a> with-handshake text two
a> GET /ws
a< 101
a< text one
a< text two
a> text three
a< text three



=== TEST 18: the access phase of nginx comes first
--- config
    location = /ws { websocket echo; deny all; }
--- websocket
a> GET /ws
a< 403



=== TEST 19: an "if" of the location leaves the stream as it is
--- config
    location = /ws {
        websocket echo;
        if ($arg_a) { set $b 1; }
        if ($arg_refuse) { return 402; }
    }
--- websocket
a> GET /ws?a=1
a< 101
a> text through
a< text through
b> GET /ws?refuse=1
b< 402



=== TEST 20: an empty channel name
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel $arg_c; }
--- websocket
a> GET /ws
a< 400
a< body a variable of the channel name is empty: "$arg_c"



=== TEST 21: a channel name that is not UTF-8, or has control characters
--- http_config
    websocket_zone zone=live:1m;
--- config
    location /ws {
        websocket_set_decoded $room $arg_c;
        websocket pubsub;
        websocket_channel $room;
    }
    location /uri { websocket subscribe; }
--- websocket
a> GET /ws?c=%ff
a< 400
a< body a variable of the channel name is empty: "$room"
b> GET /uri/%0a
b< 400
b< body qr/control character/
c> GET /uri/%c3%28
c< 400
c< body qr/not UTF-8/



=== TEST 22: a channel name that is too long
--- http_config
    websocket_zone zone=live:1m;
--- config
    location / { websocket subscribe; }
--- websocket
a> GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
a< 400
a< body qr/longer than 240 bytes/



=== TEST 23: behind the PROXY protocol and realip
--- http_config
    log_format ws '$remote_addr $status';
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 proxy_protocol;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        access_log logs/access.log ws;
        location = /ws { websocket echo; }
    }
--- config
--- websocket
a@$TEST_NGINX_RAND_PORT_1> proxy PROXY TCP4 192.0.2.7 127.0.0.1 1234 80
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^192\.0\.2\.7 101$/m



=== TEST 24: another Upgrade asks for no WebSocket
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Connection: Upgrade, HTTP2-Settings
a+ Upgrade: h2c
a+ HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA
a> plain GET /ws
a< 426
a< body qr/this is a WebSocket endpoint/
# what a proxy has taken something from is told so
b+ Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==
b> plain GET /ws
b< 400
b< body qr/the Upgrade header is missing/
c+ Sec-WebSocket-Version: 13
c> plain GET /ws
c< 400
c< body qr/the Upgrade header is missing/
d+ Upgrade: WEBSOCKET
d> plain GET /ws
d< 400
d< body qr/the Connection header has no "upgrade"/
# several lines are one list
e+ Upgrade: websocket
e+ Upgrade: h2c
e> GET /ws
e< 101
f> plain GET /ws HTTP/1.0
f< 426



=== TEST 25: HEAD is answered as a GET that asks for no WebSocket
--- config
    location = /ws { websocket echo; }
--- websocket
! HEAD /ws
! < 426
! < header Sec-WebSocket-Version: 13
! HEAD /ws [Connection: upgrade; Upgrade: websocket; Sec-WebSocket-Version: 13; Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==]
! < 426



=== TEST 26: a name in which a variable is empty is nobody's
--- http_config
    websocket_zone zone=live:1m;
    map $arg_d $mapped { default ""; x y; }
--- config
    location = /ws { websocket subscribe; websocket_channel room/$arg_a/${arg_b}x; }
    location = /map { websocket subscribe; websocket_channel a $mapped; }
    location ~ ^/part-([a-z]*)-(?<named>[a-z]*)-?([0-9]+)?$ {
        websocket subscribe;
        websocket_channel part/$1/$named/$3;
    }
    location = /any {
        websocket subscribe;
        websocket_channel room/$arg_a all empty=allowed;
    }
    location = /none { websocket subscribe; websocket_channel $arg_a empty=allowed; }
    location = /pub { websocket_publish; websocket_channel room/$arg_a; }
--- websocket
a> GET /ws?a=1&b=2
a< 101
b> GET /ws?a=1
b< 400
b< body a variable of the channel name is empty: "$arg_b"
c> GET /ws?a=&b=2
c< 400
c< body a variable of the channel name is empty: "$arg_a"
c+ Accept: text/event-stream
c> plain GET /ws?b=2
c< 400
d> GET /map?d=x
d< 101
e> GET /map
e< 400
e< body a variable of the channel name is empty: "$mapped"
f> GET /part-a-b-1
f< 101
g> GET /part--b-1
g< 400
g< body a variable of the channel name is empty: "$1"
h> GET /part-a--1
h< 400
h< body a variable of the channel name is empty: "$named"
i> GET /part-a-b
i< 400
i< body a variable of the channel name is empty: "$3"
j> GET /any
j< 101
k> GET /none
k< 400
k< body the channel name is empty
! POST /pub one
! < 400
! < json {"error":{"code":"invalid_channel","message":"a variable of the channel name is empty: \"$arg_a\""}}
! GET /pub
! < 400
! DELETE /pub
! < 400
! POST /pub?a=1 one
! < 202



=== TEST 27: an "if" may have another answer
--- config
    location = /ws {
        websocket echo;
        if ($arg_other) { return 204; }
    }
--- request
GET /ws?other=1
--- error_code: 204
