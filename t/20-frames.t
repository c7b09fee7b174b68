# Frames, messages and the closing handshake: RFC 6455, sections 5, 7 and 8.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: the three lengths of a payload and their edges (5.2)
--- config
    location = /ws { websocket echo; websocket_max_message_size 128k; }
--- websocket
a> GET /ws
a< 101
a> text
a< text
a> text* 125 x
a< text* 125 x
a> text* 126 x
a< text* 126 x
a> text* 127 x
a< text* 127 x
a> text* 65535 x
a< text* 65535 x
a> text* 65536 x
a< text* 65536 x
a> binary \x00\xff\xfe
a< binary \x00\xff\xfe
a> binary
a< binary



=== TEST 2: any split of the input (5.4)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw+ 81 85 37 fa 21 3d 7f 9f 4d 51 58
a< text Hello
a> raw 81 85 37 fa
a> raw 21 3d 7f 9f 4d
a> raw 51 58 81 80 00 00 00 00 89 80 00 00 00 00
a< text Hello
a< text
a< pong



=== TEST 3: fragments, with control frames between them (5.4)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> frame fin=0 opcode=1 Hel
a> ping between
a< pong between
a> frame fin=0 opcode=0
a> pong nobody asked
a> frame fin=1 opcode=0 lo
a< text Hello
a> frame fin=0 opcode=2 \x01
a> frame fin=1 opcode=0 \x02
a< binary \x01\x02



=== TEST 4: reserved bits (5.2)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> frame rsv=4 opcode=1 x
a< close 1002 reason qr/reserved bits/
a< eof
b> GET /ws
b< 101
b> frame rsv=1 opcode=9 x
b< close 1002 reason qr/reserved bits/
b< eof



=== TEST 5: reserved opcodes (5.2), found at the first byte
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 83
a< close 1002 reason qr/unknown opcode/
a< eof
b> GET /ws
b< 101
b> raw 8b
b< close 1002 reason qr/unknown opcode/
b< eof



=== TEST 6: a client's frame without a mask (5.1)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 81 05
a< close 1002 reason qr/not masked/
a< eof



=== TEST 7: a length that is not in its shortest form (5.2)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 81 fe 00 7d
a< close 1002 reason qr/shortest form/
a< eof
b> GET /ws
b< 101
b> raw 82 ff 00 00 00 00 00 00
b< close 1002 reason qr/shortest form/
b< eof



=== TEST 8: a length of 2^63 (5.2)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 82 ff 80
a< close 1002 reason qr/highest bit/
a< eof



=== TEST 9: a claimed length is refused before its bytes come
--- config
    location = /ws { websocket echo; websocket_max_message_size 100; }
--- websocket
a> GET /ws
a< 101
a> text* 100 x
a< text* 100 x
a> raw 82 ff 00 00 00 00 c0 00 00 00 00 00 00 00
a< close 1009 reason qr/maximum size/
a< eof



=== TEST 10: the fragments of a message count together
--- config
    location = /ws { websocket echo; websocket_max_message_size 10; }
--- websocket
a> GET /ws
a< 101
a> frame fin=0 opcode=1 12345
a> frame fin=1 opcode=0 67890
a< text 1234567890
a> frame fin=0 opcode=1 12345
a> frame fin=1 opcode=0 678901
a< close 1009
a< eof



=== TEST 11: a control frame is whole and short (5.5)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 09
a< close 1002 reason qr/fragmented control/
a< eof
b> GET /ws
b< 101
b> raw 89 fe
b< close 1002 reason qr/too long/
b< eof



=== TEST 12: the order of fragments (5.4)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 80
a< close 1002 reason qr/continuation without/
a< eof
b> GET /ws
b< 101
b> frame fin=0 opcode=1 x
b> raw 81
b< close 1002 reason qr/within another/
b< eof



=== TEST 13: a Pong has the Ping's data (5.5.2), up to 125 bytes, in pieces
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> ping
a< pong
a> ping \x00\xff\x00
a< pong \x00\xff\x00
a> raw+ 89 84 00 00 00 00 61 62 63 64
a< pong abcd



=== TEST 14: UTF-8, whole and across fragments (8.1)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> text \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80
a< text \xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5 \xf0\x9f\x98\x80
a> frame fin=0 opcode=1 \xf0\x9f
a> frame fin=1 opcode=0 \x98\x80
a< text \xf0\x9f\x98\x80



=== TEST 15: what is not UTF-8 fails at once (8.1)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> frame fin=0 opcode=1 \xed\xa0
a< close 1007 reason qr/not UTF-8/
a< eof
b> GET /ws
b< 101
b> raw 81 fe 10 00 00 00 00 00 78 f5
b< close 1007
b< eof
c> GET /ws
c< 101
c> text \xf0\x9f\x98
c< close 1007 reason qr/ends within a character/
c< eof



=== TEST 16: a binary message is not looked into
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> binary \xed\xa0\x80
a< binary \xed\xa0\x80



=== TEST 17: the peer closes: the code comes back, then the end (5.5.1, 7.1.1)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> close 1000 goodbye
a< close 1000
a< eof
b> GET /ws
b< 101
b> close
b< close
b< eof
c> GET /ws
c< 101
c> close 4999
c< close 4999
c< eof
d> GET /ws
d< 101
d> close 3000 \xe2\x82\xac
d< close 3000
d< eof



=== TEST 18: codes that may not be sent (7.4)
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> close 999
a< close 1002
a< eof
b> GET /ws
b< 101
b> close 1005
b< close 1002
b< eof
c> GET /ws
c< 101
c> close 2999
c< close 1002
c< eof
d> GET /ws
d< 101
d> raw 88 81 00 00 00 00 03
d< close 1002
d< eof
e> GET /ws
e< 101
e> close 1000 \xff
e< close 1007
e< eof



=== TEST 19: nothing after a Close is answered
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 88 82 00 00 00 00 03 e8 81 81 00 00 00 00 78
a< close 1000
a< eof



=== TEST 20: many messages in one segment
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 81 81 00 00 00 00 61 81 81 00 00 00 00 62 01 81 00 00 00 00 63 80 81 00 00 00 00 64
a< text a
a< text b
a< text cd
