# What a client must not be able to do: each attack, and how it is refused.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(1);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: a request behind the handshake is no request
--- http_config
    log_format ws '[$request $status $websocket_close_code]';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; }
    location = /secret { return 200 secret; }
--- websocket
# GET /secret HTTP/1.1
a> with-handshake raw 47 45 54 20 2f 73 65 63 72 65 74 20 48 54 54 50 2f 31 2e 31 0d 0a 0d 0a
a> GET /ws
a< 101
a< close 1002
a> end
! wait-access qr/^\[GET \/ws HTTP\/1.1 101 1002\]$/
b> GET /ws
b< 101
b> raw 47 45 54 20 2f 73 65 63 72 65 74 20 48 54 54 50 2f 31 2e 31 0d 0a 0d 0a
b< close 1002
b< eof
--- no_access_log
secret



=== TEST 2: a request within a frame is a message
--- http_config
    log_format ws '[$request $status]';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> text GET /secret HTTP/1.1\r\nHost: x\r\n\r\n
a< text GET /secret HTTP/1.1\r\nHost: x\r\n\r\n
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[GET \/ws HTTP\/1.1 101\]$/
--- no_access_log
secret



=== TEST 3: a handshake with a body, by its length
--- config
    location = /ws { websocket echo; }
    location = /secret { return 200 secret; }
--- websocket
a+ Content-Length: 30
a> with-handshake raw 47 45 54 20 2f 73 65 63 72 65 74 20 48 54 54 50 2f 31 2e 31 0d 0a 48 6f 73 74 3a 78 0d 0a
a> GET /ws
a< 400
a< body qr/^a WebSocket handshake has no body\n?$/
--- no_access_log
GET /secret



=== TEST 4: a handshake with a body in chunks
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Transfer-Encoding: chunked
a> with-handshake raw 30 0d 0a 0d 0a
a> GET /ws
a< 400
a< body qr/has no body/



=== TEST 5: a handshake whose body has two lengths
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Transfer-Encoding: chunked
a+ Content-Length: 5
a> with-handshake raw 30 0d 0a 0d 0a
a> GET /ws
a< 400
b+ Content-Length: -1
b> GET /ws
b< 400
c+ Transfer-Encoding: xchunked
c> GET /ws
c< 501
d+ Content-Length: 99999999999999999999
d> GET /ws
d< 400



=== TEST 6: what is smuggled as a body of a refused handshake stays one
--- config
    location = /ws { websocket echo; }
    location = /secret { return 200 secret; }
--- raw_request eval
"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
. "Content-Length: 35\r\n\r\nGET /secret HTTP/1.1\r\nHost: evil\r\n\r\n"
. "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- error_code: 400
--- no_access_log
GET /secret



=== TEST 7: a subprotocol is one of ours, never what the client wrote
--- config
    location = /ws { websocket echo; websocket_subprotocols chat; }
--- websocket
a+ Sec-WebSocket-Protocol: evil, chat;x=1, "chat", CHAT
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Protocol
b+ Sec-WebSocket-Protocol: evil,chat
b> GET /ws
b< 101
b< header Sec-WebSocket-Protocol: chat



=== TEST 8: a header's line cannot be broken
--- config
    location = /ws { websocket echo; websocket_subprotocols chat; }
--- raw_request eval
"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
. "Sec-WebSocket-Protocol: chat\0\rSet-Cookie: a=b\r\n\r\n"
--- error_code: 400
--- raw_response_headers_unlike
Set-Cookie



=== TEST 9: a channel's name cannot break a header, a log line or JSON
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '[$websocket_channel]';
    access_log logs/access.log ws;
--- config
    location /ws/ { websocket subscribe; }
    location /pub/ { websocket_publish; websocket_channel $uri; }
    location = /arg {
        websocket_set_decoded $room $arg_room;
        websocket subscribe;
        websocket_channel $room;
    }
--- websocket
a> GET /ws/%0d%0aSet-Cookie:%20a=b
a< 400
a< header ! Set-Cookie
a< body qr/control character/
b> GET /ws/%00
b< 400
c> GET /ws/%7f
c< 400
d> GET /arg?room=%00x
d< 400
e> GET /arg?room=%0Ax
e< 400
! POST /pub/%22%7d%5c,%22x%22:%22 text
! < 202
! < json {"channel":"/pub/\"}\\,\"x\":\"","offset":1}
f> GET /ws/%22%5d%20[evil
f< 101
f> end
! wait-access qr/^\[\/ws\/\\x22\] \[evil\]$/



=== TEST 10: a close reason cannot break the access log
--- http_config
    log_format ws '[$websocket_close_code $websocket_close_reason]';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> close 1000 x\n127.0.0.1 "evil" \e[2J
a< close 1000
a< eof
! wait-access qr/^\[1000 x\\x0A127.0.0.1 \\x22evil\\x22 \\x1B\[2J\]$/
b> GET /ws
b< 101
b> close 1000 \xff
b< close 1007
b< eof
c> GET /ws
c< 101
c> close 1005
c< close 1002
c< eof



=== TEST 11: a message cannot become an event of its own, nor a position
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_history length=5; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws
a< 200
a< stream \n\n
b> GET /ws
b< 101
b> text a\n\nevent: close\rdata: {}\r\n\r\nid: 0:9
a< stream data: a\ndata: \ndata: event: close\ndata: data: {}\ndata: \ndata: id: 0:9\n\n
c> plain GET /ws?transport=poll
c< 200
c< body qr/"position":"(?<at>\w+):1"/
b> text "}],"position":"evil
b< text qr/id: 0:9/
b< text "}],"position":"evil
d> plain GET /ws?since=%{at}:1
d< 200
d< body qr/^\{"recovered":true,"position":"\w+:2","messages":\[\{[^\}]*"data":"\\"\}\],\\"position\\":\\"evil",/



=== TEST 12: headers beyond nginx's buffers, many of them, and a long URL
--- config
    location /ws { websocket echo; }
--- websocket eval
my $much = 'x' x 9000;
my $many = CORE::join '', map { "d+ X-Header-$_: " . 'x' x 100 . "\n" } 1 .. 400;
"a+ X-Header: $much
a> GET /ws
a< 400
b> GET /ws?$much
b< 414
c+ Sec-WebSocket-Key: $much
c> GET /ws
c< 400
${many}d> GET /ws
d< 400
e> GET /ws
e< 101
"



=== TEST 13: headers within the buffers: as many as there may be
--- config
    location /ws { websocket echo; }
--- websocket eval
my $many = CORE::join '', map { "a+ X-Header-$_: x\n" } 1 .. 600;
"${many}a> GET /ws
a< 101
a> text hello
a< text hello
"



=== TEST 14: a list of subprotocols of 8 KB
--- config
    location /ws { websocket echo; websocket_subprotocols chat; }
--- websocket eval
my $list = CORE::join ',', ('y' x 97) x 81;
my $empty = ',' x 7900;
"a+ Sec-WebSocket-Protocol: $list,chat
a> GET /ws
a< 101
a< header Sec-WebSocket-Protocol: chat
b+ Sec-WebSocket-Protocol: $list,$list
b> GET /ws
b< 400
c+ Sec-WebSocket-Protocol: $empty
c> GET /ws
c< 101
c< header ! Sec-WebSocket-Protocol
d+ Sec-WebSocket-Extensions: $empty
d> GET /ws
d< 101
d< header ! Sec-WebSocket-Extensions
e> GET /ws
e< 101
"



=== TEST 15: a channel's name of 240 bytes, and one more
--- http_config
    websocket_zone zone=live:1m;
--- config
    location / { websocket pubsub; }
--- websocket eval
my $name = 'x' x 239;
"a> GET /$name
a< 101
a> text hello
a< text hello
b> GET /${name}x
b< 400
b< body qr/longer than 240 bytes/
"



=== TEST 16: positions that are too many, too long, or none
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
--- websocket eval
my $many = CORE::join ',', ('0123456789abcdef:1') x 400;
"a> GET /ws?since=$many
a< 400
b> GET /ws?since=0123456789abcdef:99999999999999999999999
b< 400
c> GET /ws?since=%00
c< 400
d+ Accept: text/event-stream
d+ Last-Event-ID: $many
d> plain GET /ws
d< 200
d< stream qr/\\nevent: unrecovered\\n/
"



=== TEST 17: a frame that claims to be huge costs nothing
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> frame fin=1 opcode=2 len=4611686018427387904 lenbytes=8
a< close 1009
b> GET /ws
b< 101
b> raw 82 ff ff ff ff ff ff ff ff ff 00 00 00 00
b< close 1002
c> GET /ws
c< 101
c> frame fin=0 opcode=2 len=65000 lenbytes=2
c> end
d> GET /ws
d< 101
d> frame opcode=9 len=126 lenbytes=2
d< close 1002



=== TEST 18: methods and versions that are not those of a handshake
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws HTTP/1.0
a< 400
! POST /ws text
! < 405
! DELETE /ws
! < 405
! OPTIONS /ws
! < 405
! TRACE /ws
! < 405



=== TEST 19: control characters of two bytes
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_set_decoded $room $arg_room;
    location = /raw { websocket subscribe; websocket_channel r/$http_x_room; }
    location = /set { websocket subscribe; websocket_channel $room; }
    location = /origin { websocket echo; }
--- websocket
a+ X-Room: a\xc2\x85b
a> GET /raw
a< 400
a< body the channel name has a control character
a> GET /set?room=a%C2%9Fb
a< 400
a> GET /set?room=a%C2%A0b
a< 101
b+ Origin: https://a\xc2\x9b2J
b> GET /origin
b< 403
! wait-log qr/a\?\?2J/
