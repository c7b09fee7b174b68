# Compression of messages: permessage-deflate, RFC 7692.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: what is not offered is not agreed on
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a> text* 1000 x
a< uncompressed text* 1000 x
b+ Sec-WebSocket-Extensions: x-webkit-deflate-frame, foo; bar="baz"
b> GET /ws
b< 101
b< header ! Sec-WebSocket-Extensions
b> text* 1000 x
b< uncompressed text* 1000 x
b> frame rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
b< close 1002 reason qr/reserved bits/
b< eof



=== TEST 2: off: an offer is not even looked at
--- http_config
    websocket_deflate on;
--- config
    location = /none { websocket echo; websocket_deflate off; }
    location = /some { websocket echo; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /none
a< 101
a< header ! Sec-WebSocket-Extensions
a> frame rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
a< close 1002
a< eof
b+ Sec-WebSocket-Extensions: ;=;
b> GET /none
b< 101
c+ Sec-WebSocket-Extensions: permessage-deflate
c> GET /some
c< 101
c< header Sec-WebSocket-Extensions: qr/^permessage-deflate;/



=== TEST 3: it is off where nothing is said
--- config
    location = /ws { websocket echo; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions



=== TEST 4: what is agreed on without context takeover
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /15 { websocket echo; websocket_deflate on window=15; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=8; server_max_window_bits=9
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=8
a> compressed text Hello
a< text Hello
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /15
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=15
a> GET /15
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15



=== TEST 5: what is agreed on with it
--- config
    location = /ws { websocket echo; websocket_deflate on context_takeover=on window=10; }
    location = /15 { websocket echo; websocket_deflate on context_takeover=on window=15; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /15
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10; client_max_window_bits=10
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=9; server_no_context_takeover
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9
a+ Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_max_window_bits=10



=== TEST 6: the first acceptable offer is taken, of one line or of several
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate; unknown, permessage-deflate; server_max_window_bits=10, permessage-deflate
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: qr/server_max_window_bits=10$/
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8, permessage-deflate; server_max_window_bits="9"
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: qr/server_max_window_bits=9$/
a+ Sec-WebSocket-Extensions: something-else
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=11
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: qr/server_max_window_bits=11$/
a> compressed text Hello
a< text Hello



=== TEST 7: an offer that cannot be accepted: the session is without
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=8
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=16
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a+ Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover=1
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a+ Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; server_no_context_takeover
a> GET /ws
a< 101
a< header ! Sec-WebSocket-Extensions
a> text* 100 x
a< uncompressed text* 100 x



=== TEST 8: a header that is malformed
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate; =8
a> GET /ws
a< 400
a< body the Sec-WebSocket-Extensions header is malformed
a+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits="9
a> GET /ws
a< 400
a+ Sec-WebSocket-Extensions: permessage-deflate
a+ Sec-WebSocket-Extensions: permessage-deflate permessage-deflate
a> GET /ws
a< 400
a< body the Sec-WebSocket-Extensions header is malformed
a< header ! Sec-WebSocket-Extensions



=== TEST 9: compressed both ways, where it gains something
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /1k { websocket echo; websocket_deflate on min_length=1k; }
    location = /all { websocket echo; websocket_deflate on min_length=0; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text Hello
a< uncompressed text Hello
a> text* 63 x
a< uncompressed text* 63 x
a> text* 64 x
a< compressed text* 64 x
a> compressed text* 20000 h\u{e9}
a< compressed text* 20000 h\u{e9}
a> compressed binary* 30000 \x00\xff
a< compressed binary* 30000 \x00\xff
a> binary \x00
a< uncompressed binary \x00
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /1k
b< 101
b> compressed text* 1023 x
b< uncompressed text* 1023 x
b> compressed text* 1024 x
b< compressed text* 1024 x
c+ Sec-WebSocket-Extensions: permessage-deflate
c> GET /all
c< 101
c> text
c< uncompressed text
c> text x
c< uncompressed text x
c> text* 20 x
c< compressed text* 20 x
c> binary
c< uncompressed binary



=== TEST 10: what would not shrink goes as it is, and what comes after it shrinks
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text 0qZ8vN5kR2wLxY7cPjT3mGhU9sEaDfBi6o4tXrVnKqCzWlMpSyHgJuQeIdAbOF1vR5xLkTw
a< uncompressed text 0qZ8vN5kR2wLxY7cPjT3mGhU9sEaDfBi6o4tXrVnKqCzWlMpSyHgJuQeIdAbOF1vR5xLkTw
a> text* 100 x
a< compressed text* 100 x
a> compressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a< uncompressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a> text* 100 x
a< compressed text* 100 x



=== TEST 11: a compressed message in fragments, with control frames between
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> ping between
a< pong between
a> frame fin=0 opcode=0
a> pong nobody asked
a> frame fin=1 opcode=0 \xc9\xc9\x07\x00
a< text Hello
a> frame fin=0 opcode=1 Hel
a> frame fin=1 opcode=0 lo
a< text Hello
a> frame fin=0 rsv=4 opcode=2
a> ping again
a< pong again
a> frame fin=0 opcode=0 \xf2\x48\xcd\xc9\xc9\x07\x00
a> frame fin=1 opcode=0
a< binary Hello



=== TEST 12: any split of the input
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /over { websocket echo; websocket_deflate on context_takeover=on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> raw+ c1 87 37 fa 21 3d c5 b2 ec f4 fe fd 21
a< text Hello
a> raw+ 41 83 00 00 00 00 f2 48 cd 89 80 00 00 00 00 80 84 00 00 00 00 c9 c9 07 00
a< pong
a< text Hello
a> raw c1 87 37 fa 21 3d c5
a> raw b2 ec f4 fe fd 21 c1 87 00 00 00 00 f2 48 cd c9 c9 07 00 c1
a> raw 87 00 00 00 00 f2 48 cd c9 c9 07 00
a< text Hello
a< text Hello
a< text Hello
b+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
b> GET /over
b< 101
b> raw+ c1 87 00 00 00 00 f2 48 cd c9 c9 07 00 c1 85 00 00 00 00 f2 00 11 00 00
b< text Hello
b< text Hello
b> raw+ c1 85 00 00 00 00 f2 00 11 00 00
b< text Hello



=== TEST 13: empty messages, and blocks of every kind
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /over { websocket echo; websocket_deflate on context_takeover=on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text
a< uncompressed text
a> frame rsv=4 opcode=1 \x00
a< text
a> frame rsv=4 opcode=2
a< binary
a> frame fin=0 rsv=4 opcode=1
a> frame fin=1 opcode=0 \x00
a< text
# not compressed, two blocks, and one with BFINAL
a> frame rsv=4 opcode=1 \x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00
a< text Hello
a> frame rsv=4 opcode=1 \xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00
a< text Hello
a> frame rsv=4 opcode=1 \xf3\x48\xcd\xc9\xc9\x07\x00\x00
a< text Hello
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /over
b< 101
b> compressed text
b< text
b> compressed text Hello
b< text Hello
b> frame rsv=4 opcode=1
b< text
b> frame rsv=4 opcode=1 \x00
b< text
b> compressed text Hello
b< text Hello



=== TEST 14: the bit is for the first frame of a message alone
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> frame fin=1 rsv=4 opcode=0 \xc9\xc9\x07\x00
a< close 1002 reason qr/reserved bits/
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 opcode=1 Hel
a> frame fin=1 rsv=4 opcode=0 lo
a< close 1002
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=4 opcode=9 x
a< close 1002
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=4 opcode=8 \x03\xe8
a< close 1002
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=6 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
a< close 1002
a< eof



=== TEST 15: what is no deflate
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /over { websocket echo; websocket_deflate on context_takeover=on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=4 opcode=1 \xff\xff\xff
a< close 1007 reason compressed data is invalid
a< eof
# it ends within a block
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=4 opcode=1 \xf2\x48\xcd
a< close 1007 reason compressed data is invalid
a< eof
# in a later fragment
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff
a> frame fin=0 opcode=0 \x07
a< close 1007 reason compressed data is invalid
a< eof
# a reference to what came before the message, without takeover
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
a< text Hello
a> frame rsv=4 opcode=1 \xf2\x00\x11\x00\x00
a< close 1007 reason compressed data is invalid
a< eof
# or the client has said that there is none
a+ Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover
a> GET /over
a< 101
a> frame rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
a< text Hello
a> frame rsv=4 opcode=1 \xf2\x00\x11\x00\x00
a< close 1007
a< eof
# and with it, but before the first one
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /over
a< 101
a> frame rsv=4 opcode=1 \xf2\x00\x11\x00\x00
a< close 1007
a< eof
# others are not harmed by it
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text Hello
a< text Hello



=== TEST 16: text must be UTF-8 once it is unpacked
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed binary ab\xff
a< binary ab\xff
a> compressed text ab\xff
a< close 1007 reason text is not UTF-8
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text ab\xc3
a< close 1007 reason text ends within a character
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text* 2000 \u{1f600}x
a< text* 2000 \u{1f600}x
a> frame fin=0 rsv=4 opcode=1 \xff
a< close 1007
a< eof



=== TEST 17: a bomb is stopped
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /over { websocket echo; websocket_deflate on context_takeover=on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed binary* 10000000 \0
a< close 1009 reason message exceeds the maximum size
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /over
a< 101
a> compressed text* 10000000 x
a< close 1009 reason message exceeds the maximum size
a< eof



=== TEST 18: the largest message, and one byte more
--- config
    location = /64k { websocket echo; websocket_deflate on; }
    location = /1000 {
        websocket echo;
        websocket_deflate on;
        websocket_max_message_size 1000;
    }
    location = /2k {
        websocket echo;
        websocket_deflate on context_takeover=on;
        websocket_max_message_size 2k;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /64k
a< 101
a> compressed text* 65536 x
a< text* 65536 x
a> text* 65536 x
a< text* 65536 x
a> compressed text* 65537 x
a< close 1009 reason message exceeds the maximum size
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /1000
a< 101
a> compressed text* 1000 x
a< text* 1000 x
a> text* 1001 x
a< close 1009
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /1000
a< 101
a> compressed text* 1001 x
a< close 1009
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /2k
a< 101
a> compressed text* 2048 x
a< text* 2048 x
a> compressed text* 2048 y
a< text* 2048 y
a> compressed text* 2049 y
a< close 1009
a< eof



=== TEST 19: blocks without an end that unpack to nothing
--- config
    location = /ws { websocket echo; websocket_deflate on; }
    location = /100 {
        websocket echo;
        websocket_deflate on;
        websocket_max_message_size 100;
    }
--- websocket
# of 64k: 74264 bytes at most
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 * 14848 \x00\x00\x00\xff\xff
a> frame fin=1 opcode=0 * 4 \x02\x00\x00\x00\xff\xff
a< text
a> raw c1 ff 00 00 00 00 00 01 22 19 00 00 00 00
a< close 1009 reason message exceeds the maximum size
a< eof
# of 100: 136; the fragments count together, those of a message before do not
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /100
b< 101
b> frame fin=0 rsv=4 opcode=1 * 20 \x00\x00\x00\xff\xff
b> frame fin=1 opcode=0 * 6 \x02\x00\x00\x00\xff\xff
b< text
b> times 2 frame rsv=4 opcode=1 * 27 \x00\x00\x00\xff\xff
b< text
b< text
b> frame fin=0 rsv=4 opcode=1 * 20 \x00\x00\x00\xff\xff
b> frame fin=0 opcode=0 * 7 \x00\x00\x00\xff\xff
b> ping still here
b< pong still here
b> frame fin=0 opcode=0 \x00\x00
b< close 1009 reason message exceeds the maximum size
b< eof



=== TEST 20: a channel's subscribers get the same, each as it has agreed
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_deflate on;
    }
    location = /over {
        websocket pubsub;
        websocket_channel x;
        websocket_deflate on context_takeover=on;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
b+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9
b> GET /ws
b< 101
c> GET /ws
c< 101
d+ Sec-WebSocket-Extensions: permessage-deflate
d> GET /ws?position=1
d< 101
d< json {"position":"qr/./"}
e+ Sec-WebSocket-Extensions: permessage-deflate
e> GET /over
e< 101
f> GET /ws?position=1
f< 101
f< json {"position":"qr/./"}
s+ Accept: text/event-stream
s> plain GET /ws
s< 200
! apart g a
g+ Sec-WebSocket-Extensions: permessage-deflate
g> GET /ws
g< 101
! POST /pub * 5000 abc
a< compressed text* 5000 abc
b< compressed text* 5000 abc
c< uncompressed text* 5000 abc
d< compressed text qr/^[0-9a-f]{16}:1\n(abc){5000}$/
e< compressed text* 5000 abc
f< uncompressed text qr/^[0-9a-f]{16}:1\n(abc){5000}$/
s< stream qr/data: (abc){5000}\n/
g< compressed text* 5000 abc
a> compressed text* 200 \u{e9}
a< compressed text* 200 \u{e9}
b< compressed text* 200 \u{e9}
c< uncompressed text* 200 \u{e9}
d< compressed text qr/:2\n(\xc3\xa9){200}$/
e< compressed text* 200 \u{e9}
f< uncompressed text qr/:2\n(\xc3\xa9){200}$/
s< stream qr/data: (\xc3\xa9){200}\n/
g< compressed text* 200 \u{e9}
c> text short
a< uncompressed text short
b< uncompressed text short
d< uncompressed text qr/:3\nshort$/
e< uncompressed text short
g< uncompressed text short
e> compressed binary* 100 \0
a< compressed binary* 100 \0
c< text short
c< uncompressed binary* 100 \0
e< compressed binary* 100 \0



=== TEST 21: with context takeover what comes again is short, both ways
--- http_config
    log_format ws '$uri in=$websocket_bytes_in out=$websocket_bytes_out';
    access_log logs/access.log ws;
--- config
    location = /over { websocket echo; websocket_deflate on context_takeover=on; }
    location = /each { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
a> GET /over
a< 101
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> end
! wait-access qr/^.over in=(?:\d|1[0-3])\d out=(?:\d|1[0-3])\d$/
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /each
b< 101
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> end
! wait-access qr/^.each in=(?:1[5-9]|2\d)\d out=(?:1[5-9]|2\d)\d$/



=== TEST 22: also what would not shrink by itself
--- http_config
    log_format ws 'in=$websocket_bytes_in out=$websocket_bytes_out';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; websocket_deflate on context_takeover=on min_length=1; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> text {"user":"ann","text":"how are you"}
a< compressed text {"user":"ann","text":"how are you"}
a> text {"user":"ann","text":"how are you"}
a< compressed text {"user":"ann","text":"how are you"}
a> text {"user":"ann","text":"how are you"}
a< compressed text {"user":"ann","text":"how are you"}
a> text {"user":"ann","text":"how are you"}
a< compressed text {"user":"ann","text":"how are you"}
a> text {"user":"ann","text":"how are you"}
a< compressed text {"user":"ann","text":"how are you"}
a> compressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a< compressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a> compressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a< compressed binary \x00\x9b\x31\xe7\x5a\x8c\x12\xfd\x43\x77\xa9\x06\xd8\x6e\xb4\x2f\x90\xc5\x1b\xfa\x68\x34\xde\x81\x59\xa2\x0d\xf7\x73\xbe\x46\xec\x15\x9e\xd2\x38\x67\x8a\xf1\x04\xb9\x5d\xc6\x2b\x70\xe8\x93\x1c\xaf\x55\xcb\x02\x7e\xd9\x64\x3a\x88\xf5\x0b\xb1\x4e\xe6\x29\x97
a> end
# uncompressed it would be 369
! wait-access qr/^in=\d+ out=1\d\d$/



=== TEST 23: a client may ask for takeover in one direction alone
--- http_config
    log_format ws '$arg_c in=$websocket_bytes_in out=$websocket_bytes_out';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; websocket_deflate on context_takeover=on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_max_window_bits
a> GET /ws?c=a
a< 101
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
a> end
! wait-access qr/^a in=(?:\d|1[0-3])\d out=(?:1[5-9]|2\d)\d$/
b+ Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover
b> GET /ws?c=b
b< 101
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b< compressed text The quick brown fox jumps over the lazy dog, and then the quick brown dog over the lazy fox
b> end
! wait-access qr/^b in=(?:1[5-9]|2\d)\d out=(?:\d|1[0-3])\d$/



=== TEST 24: what may be dropped or passed is not referred to
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_channel x;
    websocket_deflate on context_takeover=on;
    location = /oldest {
        websocket pubsub;
        websocket_send_queue overflow=drop_oldest;
    }
    location = /conflate {
        websocket pubsub;
        websocket_send_queue overflow=conflate;
    }
    location = /priority { websocket pubsub; websocket_priority on; }
    location = /close { websocket pubsub; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /oldest
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /conflate
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /priority
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /close
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_max_window_bits=12
a> compressed text* 100 x
a< compressed text* 100 x
a> compressed text* 100 x
a< compressed text* 100 x



=== TEST 25: who does not hear itself
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_own_messages off;
        websocket_deflate on context_takeover=on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
b+ Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover
b> GET /ws
b< 101
a> compressed text* 100 a
a> compressed text* 101 a
b< compressed text* 100 a
b< compressed text* 101 a
b> compressed text* 100 b
b> compressed text* 101 b
a< compressed text* 100 b
a< compressed text* 101 b



=== TEST 26: the history is compressed as well
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_replay 2;
        websocket_deflate on;
    }
    location = /over {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_deflate on context_takeover=on;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
    }
--- websocket
! POST /pub * 100 1
! POST /pub * 100 2
! POST /pub 3
! POST /pub * 100 4
! < 202
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a< uncompressed text 3
a< compressed text* 100 4
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /over?since=$EPOCH:1
b< 101
b< compressed text* 100 2
b< uncompressed text 3
b< compressed text* 100 4
c+ Sec-WebSocket-Extensions: permessage-deflate
c> GET /ws?position=1&since=$EPOCH:1
c< 101
c< json {"recovered":true}
c< compressed text qr/^[0-9a-f]{16}:2\n2{100}$/
c< uncompressed text qr/^[0-9a-f]{16}:3\n3$/
c< compressed text qr/^[0-9a-f]{16}:4\n4{100}$/
! POST /pub * 100 5
a< compressed text* 100 5
b< compressed text* 100 5
c< compressed text qr/:5\n5{100}$/



=== TEST 27: the old worker and the new one, over a reload
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 20d;
        websocket_deflate on context_takeover=on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text* 100 one
a< compressed text* 100 one
! reload
b+ Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=9
b> GET /ws
b< 101
b> compressed text* 100 two
a< compressed text* 100 two
b< compressed text* 100 two
a> compressed text* 100 one
a< compressed text* 100 one
b< compressed text* 100 one
! reload
b> compressed text* 100 two
a< compressed text* 100 two
b< compressed text* 100 two



=== TEST 28: a session that ends within a compressed message
--- config
    location = /ws {
        websocket echo;
        websocket_deflate on;
        websocket_max_message_size 1m;
    }
    location = /over {
        websocket echo;
        websocket_deflate on context_takeover=on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> close 1000
a< close 1000
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> drop
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /over
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> close 1000
a< close 1000
a< eof
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /over
a< 101
a> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
a> ping
a< pong
a> drop
# the next message finds nothing of it
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /ws
b< 101
b> compressed text Hello
b< text Hello
b> frame rsv=4 opcode=1 \xf2\x00\x11\x00\x00
b< close 1007
b< eof



=== TEST 29: a publisher that is refused within its message
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_deflate on;
    }
    location = /in {
        websocket publish;
        websocket_channel x;
        websocket_deflate on;
    }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
b+ Sec-WebSocket-Extensions: permessage-deflate
b> GET /in
b< 101
b> compressed text* 100 x
a< compressed text* 100 x
a> compressed text Hello
a< close 1008 reason this stream does not take messages
a< eof
b> frame fin=0 rsv=4 opcode=1 \xf2\x48\xcd
b> raw 83
b< close 1002
b< eof



=== TEST 30: a deflated message within the handshake's packet
--- config
    location = /ws { websocket echo; websocket_deflate on; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> with-handshake frame rsv=4 opcode=1 \xf2\x48\xcd\xc9\xc9\x07\x00
a> GET /ws
a< 101
a< text Hello



=== TEST 31: all parameters, and inheritance
--- http_config
    websocket_deflate on level=9 min_length=1k window=15 memory=9 context_takeover=on;
--- config
    websocket_deflate off;
    location = /ws { websocket echo; websocket_deflate on level=1 min_length=0 window=9 memory=1 context_takeover=off; }
    location = /off { websocket echo; }
    location = /t { return 204; }
--- websocket
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /off
a< 101
a< header ! Sec-WebSocket-Extensions
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a< header Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9
a> compressed text* 20000 abc
a< compressed text* 20000 abc
