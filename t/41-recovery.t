# Recovery: positions, what a client that comes back is given, the replay,
# the history over HTTP.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: position=1: where the session begins, and each message's place
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
a> GET /ws?position=1
a< 101
a< json= {"position":"$EPOCH:1","session":"qr/\\A[0-9a-f]{16}\\z/"}
! POST /pub two
! < json {"offset":2}
a< text $EPOCH:2\ntwo
! POST /pub [Content-Type: application/octet-stream] \x00\xff
! < json {"offset":3}
a< binary $EPOCH:3\n\x00\xff
! POST /pub
! < json {"offset":4}
a< text $EPOCH:4\n
a> text* 200 y
a< text qr/\A[0-9a-f]{16}:5\ny{200}\z/
b> GET /ws?position=0
b< 101
c> GET /ws
c< 101
a> text plain
b< text plain
c< text plain



=== TEST 2: position=1 on a channel that is new
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?position=1
a< 101
a< text qr/\A\{"position":"(?<epoch>[0-9a-f]{16}):0","session":"[0-9a-f]{16}"\}\z/
! POST /pub one
! < json {"epoch":"%{epoch}","offset":1}
a< text %{epoch}:1\none



=== TEST 3: what is no position is refused before the upgrade
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /two { websocket subscribe; websocket_channel x y; }
--- websocket
a> GET /ws?position=2
a< 400
a< body position is not 0 or 1
b> GET /ws?position=
b< 400
c> GET /ws?since=1
c< 400
c< body qr/\Athe position is not EPOCH:OFFSET/
d> GET /ws?since=0123456789abcdef:
d< 400
e> GET /ws?since=0123456789abcdeg:1
e< 400
f> GET /ws?since=0123456789abcdef:1x
f< 400
g> GET /ws?since=0123456789abcdef:99999999999999999999
g< 400
h> GET /ws?since=0123456789abcdef:1,0123456789abcdef:1
h< 400
i> GET /two?since=0123456789abcdef:1,0123456789abcdef:1
i< 101
j> GET /two?since=0123456789abcdef:1,
j< 400
k> GET /ws?since=
k< 400



=== TEST 4: who comes back gets what it missed, on whichever worker
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
a> text one
a< text one
a> text two
a< text two
a> text three
a< text three
! GET /pub
! < json {"offset":3,"history":3,"first":1}
! apart b a
b> GET /ws?since=$EPOCH:1
b< 101
b< text two
b< text three
a> text four
b< text four
! apart c a
c> GET /ws?position=1&since=$EPOCH:2
c< 101
c< json= {"recovered":true,"position":"$EPOCH:2","session":"qr/\\A[0-9a-f]{16}\\z/"}
c< text $EPOCH:3\nthree
c< text $EPOCH:4\nfour
! together d a
d> GET /ws?position=1&since=$EPOCH:4
d< 101
d< json= {"recovered":true,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
a> text five
b< text five
c< text $EPOCH:5\nfive
d< text $EPOCH:5\nfive
e> GET /ws?since=$EPOCH%3A4&position=1
e< 101
e< json= {"recovered":true,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
e< text $EPOCH:5\nfive
# from before the first message on
f> GET /ws?since=$EPOCH:0
f< 101
f< text one



=== TEST 5: a position that is lost: the client is told, and is a newcomer
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /none {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=2;
    }
    location = /all { websocket subscribe; websocket_channel x; websocket_replay all; }
    location = /one { websocket subscribe; websocket_channel x; websocket_replay 1; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=2;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
# the length has taken the second: the first that is missed
a> GET /none?since=$EPOCH:1
a< 101
a< json= {"recovered":false,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
# the third is the oldest: nothing is missed after the second
b> GET /none?since=$EPOCH:2
b< 101
b< text three
b< text four
c> GET /all?since=$EPOCH:1
c< 101
c< json= {"recovered":false,"position":"$EPOCH:2","session":"qr/\\A[0-9a-f]{16}\\z/"}
c< text three
c< text four
d> GET /one?position=1&since=$EPOCH:1
d< 101
d< json= {"recovered":false,"position":"$EPOCH:3","session":"qr/\\A[0-9a-f]{16}\\z/"}
d< text $EPOCH:4\nfour
# another epoch
e> GET /none?since=0123456789abcdef:3
e< 101
e< json= {"recovered":false,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
# an offset that was not given yet
f> GET /none?since=$EPOCH:5
f< 101
f< json= {"recovered":false,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
g> GET /none?since=$EPOCH:18446744073709551615
g< 101
g< json= {"recovered":false,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}
! POST /pub five
a< text five
b< text five
c< text five
d< text $EPOCH:5\nfive
e< text five
f< text five
g< text five



=== TEST 6: a position that time has taken
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_replay all;
        websocket_history length=10 time=3s;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=10 time=3s;
    }
--- websocket
! POST /pub?c=x one
! POST /pub?c=x two
! < body qr/"epoch":"(?<x>\w+)"/
! POST /pub?c=y later
a> GET /ws?since=%{x}:1
a< 101
a< text two
# when that of y is over, that of x is as well
! GET /pub?c=y
! < soon json {"history":0}
b> GET /ws?since=%{x}:1
b< 101
b< json= {"recovered":false,"position":"%{x}:2","session":"qr/\\A[0-9a-f]{16}\\z/"}
! GET /pub?c=x
! < json {"history":0,"first":3,"offset":2}
! GET /pub?c=x&since=%{x}:1
! < json {"recovered":false,"position":"%{x}:2","messages":[]}
! GET /pub?c=x&since=%{x}:2
! < json {"recovered":true,"position":"%{x}:2","messages":[]}
! POST /pub?c=x three
a< text three
b< text three
c> GET /ws?since=%{x}:2
d> GET /ws
d< 101
c< 101
c< text three
d< text three



=== TEST 7: a channel that was deleted is another one
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_replay all;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
    }
--- websocket
! POST /pub one
! < body qr/"epoch":"(?<old>\w+)"/
! POST /pub two
! DELETE /pub
! POST /pub three
! < json {"offset":1}
! POST /pub four
a> GET /ws?position=1&since=%{old}:1
a< 101
a< json= {"recovered":false,"position":"$EPOCH:0","session":"qr/\\A[0-9a-f]{16}\\z/"}
a< text $EPOCH:1\nthree
a< text $EPOCH:2\nfour



=== TEST 8: several channels have a position each, in any order
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x y z; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=5;
    }
--- websocket
! POST /pub?c=x x1
! < body qr/"epoch":"(?<x>\w+)"/
! POST /pub?c=y y1
! < body qr/"epoch":"(?<y>\w+)"/
! POST /pub?c=z z1
! < body qr/"epoch":"(?<z>\w+)"/
a> GET /ws?position=1
a< 101
a< json= {"position":"%{x}:1,%{y}:1,%{z}:1","session":"qr/\\A[0-9a-f]{16}\\z/","channels":[{"name":"x","position":"%{x}:1"},{"name":"y","position":"%{y}:1"},{"name":"z","position":"%{z}:1"}]}
! POST /pub?c=y y2
a< text %{y}:2\ny2
! POST /pub?c=x x2
a< text %{x}:2\nx2
! POST /pub?c=z z2
a< text %{z}:2\nz2
b> GET /ws?position=1&since=%{y}:1,%{z}:2,%{x}:2
b< 101
b< json= {"recovered":true,"position":"%{x}:2,%{y}:1,%{z}:2","session":"qr/\\A[0-9a-f]{16}\\z/","channels":[{"name":"x","position":"%{x}:2","recovered":true},{"name":"y","position":"%{y}:1","recovered":true},{"name":"z","position":"%{z}:2","recovered":true}]}
b< text %{y}:2\ny2
c> GET /ws?since=%{z}:1,%{y}:1,%{x}:1
c< 101
# the channels in the order of the location
c< text x2
c< text y2
c< text z2
# of one the position is lost: the others go on
d> GET /ws?position=1&since=%{z}:1,0123456789abcdef:1,%{x}:2
d< 101
d< json= {"recovered":false,"position":"%{x}:2,%{y}:2,%{z}:1","session":"qr/\\A[0-9a-f]{16}\\z/","channels":[{"name":"x","position":"%{x}:2","recovered":true},{"name":"y","position":"%{y}:2","recovered":false},{"name":"z","position":"%{z}:1","recovered":true}]}
d< text %{z}:2\nz2
# not said of all: of the others it is lost
e> GET /ws?since=%{x}:1
e< 101
e< json= {"recovered":false,"position":"%{x}:1,%{y}:2,%{z}:2","session":"qr/\\A[0-9a-f]{16}\\z/","channels":[{"name":"x","position":"%{x}:1","recovered":true},{"name":"y","position":"%{y}:2","recovered":false},{"name":"z","position":"%{z}:2","recovered":false}]}
e< text x2
! POST /pub?c=z z3
a< text %{z}:3\nz3
b< text %{z}:3\nz3
c< text z3
d< text %{z}:3\nz3
e< text z3



=== TEST 9: what a newcomer gets
--- http_config
    websocket_zone zone=live:1m;
    websocket_channel x;
    websocket_history length=3;
--- config
    location = /default { websocket subscribe; }
    location = /none { websocket subscribe; websocket_replay none; }
    location = /zero { websocket subscribe; websocket_replay 0; }
    location = /all { websocket subscribe; websocket_replay all; }
    location = /two { websocket subscribe; websocket_replay 2; }
    location = /nine { websocket subscribe; websocket_replay 9; }
    location = /pub { websocket_publish; }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
a> GET /default
a< 101
b> GET /none
b< 101
c> GET /zero
c< 101
d> GET /all
d< 101
d< text two
d< text three
d< text four
e> GET /two?position=1
e< 101
e< json= {"position":"$EPOCH:2","session":"qr/\\A[0-9a-f]{16}\\z/"}
e< text $EPOCH:3\nthree
e< text $EPOCH:4\nfour
f> GET /nine
f< 101
f< text two
f< text three
f< text four
# with a position: what follows it, and no replay
g> GET /all?since=$EPOCH:3
g< 101
g< text four
! POST /pub five
a< text five
b< text five
c< text five
d< text five
e< text $EPOCH:5\nfive
f< text five
g< text five



=== TEST 10: several channels are replayed each
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x y;
        websocket_replay 1;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=5;
    }
--- websocket
! POST /pub?c=x x1
! POST /pub?c=x x2
! POST /pub?c=y y1
! POST /pub?c=y y2
a> GET /ws
a< 101
a< text x2
a< text y2
! POST /pub?c=x x3
a< text x3



=== TEST 11: a location without websocket_history leaves what there is
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /keep {
        websocket_publish;
        websocket_channel x;
        websocket_history length=5;
    }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /forget {
        websocket_publish;
        websocket_channel x;
        websocket_history length=0;
    }
--- websocket
! POST /pub one
! POST /keep two
! POST /pub three
! GET /pub
! < json {"history":2,"first":2,"offset":3}
a> GET /ws?since=$EPOCH:1
a< 101
a< text two
a< text three
! POST /forget four
a< text four
! GET /pub
! < json {"history":0,"first":5,"offset":4}
b> GET /ws?since=$EPOCH:3
b< 101
b< json {"recovered":false}
# nothing was missed
c> GET /ws?position=1&since=$EPOCH:4
c< 101
c< json= {"recovered":true,"position":"$EPOCH:4","session":"qr/\\A[0-9a-f]{16}\\z/"}



=== TEST 12: after the death of its worker a client recovers
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?position=1
a< 101
a< text qr/"position":"(?<epoch>\w+):0"/
a> text one
a< text %{epoch}:1\none
! kill worker of a
a< eof
! POST /pub two
! < json {"epoch":"%{epoch}","offset":2}
a> GET /ws?position=1&since=%{epoch}:1
a< 101
a< json= {"recovered":true,"position":"%{epoch}:1","session":"qr/\\A[0-9a-f]{16}\\z/"}
a< text %{epoch}:2\ntwo
! kill worker of a
a< eof
a> GET /ws?since=%{epoch}:0
a< 101
a< text one
a< text two



=== TEST 13: over a reload too
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=10;
        websocket_drain 0;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?position=1
a< 101
a< text qr/"position":"(?<epoch>\w+):0"/
! POST /pub one
a< text %{epoch}:1\none
! reload
a< close 1012
! POST /pub two
a> GET /ws?position=1&since=%{epoch}:1
a< 101
a< json= {"recovered":true,"position":"%{epoch}:1","session":"qr/\\A[0-9a-f]{16}\\z/"}
a< text %{epoch}:2\ntwo



=== TEST 14: what a client published on an earlier connection is another's
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_own_messages off;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?position=1
a< 101
a< text qr/"position":"(?<epoch>\w+):0"/
a> text mine
a> ping published
a< pong published
! POST /pub marker
a< text %{epoch}:2\nmarker
a> close 1000
a< close 1000
a> GET /ws?since=%{epoch}:0
a< 101
a< text mine
a< text marker



=== TEST 15: a history longer than one reading
--- http_config
    websocket_zone zone=live:16m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /in {
        websocket publish;
        websocket_channel x;
        websocket_history length=1000;
        websocket_max_message_size 1m;
    }
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_send_queue messages=2 size=1k;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /in
a< 101
a> text* 500000 1
a> text* 500000 2
a> text* 500000 3
a> text* 500000 4
a> text* 500000 5
a> text 6
a> text 7
a> text 8
a> ping all is in
a< pong all is in
! GET /pub
! < json {"offset":8,"history":8}
c> rcvbuf 2048
c@$TEST_NGINX_RAND_PORT_1> GET /ws?since=$EPOCH:0
c< 101
c> stop-reading
! POST /pub 9
! < json {"offset":9}
! POST /pub 10
c< text* 500000 1
c< text* 500000 2
c< text* 500000 3
c< text* 500000 4
c< text* 500000 5
c< text 6
c< text 7
c< text 8
c< text 9
c< text 10
! POST /pub 11
c< text 11



=== TEST 16: what is lost while it is read: the session is closed
--- http_config
    websocket_zone zone=live:16m;
    log_format ws '$websocket_close_code $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
    }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=3;
        websocket_max_message_size 4m;
    }
--- websocket
! POST /pub * 3000000 1
! POST /pub two
! POST /pub three
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> GET /ws?since=$EPOCH:0
a< 101
a> stop-reading
! POST /pub * 3000000 4
! POST /pub * 3000000 5
! POST /pub * 3000000 6
a< text* 3000000 1
a< close 1013 reason messages were lost
a> close 1013
a< eof
! wait-access qr/^1013 messages were lost$/



=== TEST 17: the history over HTTP, page after page
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=5;
    }
--- websocket
! POST /pub one
! POST /pub two
! POST /pub three
! POST /pub four
! POST /pub five
! POST /pub six
! GET /pub?limit=2
! < json {"recovered":null,"position":"$EPOCH:3","history":5,"first":2,"messages":[{"offset":2,"type":"text","data":"two"},{"offset":3,"data":"three"}]}
! GET /pub?limit=2&since=$EPOCH:3
! < json {"recovered":true,"position":"$EPOCH:5","messages":[{"offset":4,"data":"four"},{"offset":5,"data":"five"}]}
! GET /pub?limit=2&since=$EPOCH:5
! < json {"recovered":true,"position":"$EPOCH:6","messages":[{"offset":6,"data":"six"}]}
! GET /pub?limit=2&since=$EPOCH:6
! < json {"recovered":true,"position":"$EPOCH:6","messages":[]}
# a gap: from the oldest
! GET /pub?limit=2&since=$EPOCH:0
! < json {"recovered":false,"position":"$EPOCH:3","messages":[{"offset":2},{"offset":3}]}
! GET /pub?limit=1000&since=0123456789abcdef:3
! < json {"recovered":false,"position":"$EPOCH:6","messages":[{"offset":2},{"offset":3},{"offset":4},{"offset":5},{"offset":6}]}
# the future
! GET /pub?since=$EPOCH:7
! < json {"recovered":false,"position":"$EPOCH:6"}
! GET /pub?since=$EPOCH:18446744073709551615
! < json {"recovered":false,"position":"$EPOCH:6"}



=== TEST 18: a page has about a megabyte at most
--- http_config
    websocket_zone zone=live:8m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
        websocket_max_message_size 1m;
    }
--- websocket
! POST /pub * 500000 1
! POST /pub * 500000 2
! POST /pub * 500000 3
! POST /pub four
! GET /pub?limit=10
! < json {"position":"$EPOCH:3","messages":[{"offset":1},{"offset":2},{"offset":3}]}
! GET /pub?limit=10&since=$EPOCH:3
! < json {"position":"$EPOCH:4","messages":[{"offset":4,"data":"four"}]}



=== TEST 19: what is wrong with a request for the history, in JSON
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel $arg_c; }
--- websocket
! POST /pub?c=x one
! GET /pub?c=y&since=0123456789abcdef:1
! < 404
! < header Content-Type: application/json
! < json= {"error":{"code":"channel_not_found","message":"the channel does not exist"}}
! GET /pub?c=y&limit=1
! < 404
! < json {"error":{"code":"channel_not_found"}}
! GET /pub?c=&limit=1
! < 400
! < json {"error":{"code":"invalid_channel"}}
! GET /pub?c=x&since=
! < 400
! < json= {"error":{"code":"invalid_position","message":"since is not EPOCH:OFFSET"}}
! GET /pub?c=x&since=0123456789abcdef:1,0123456789abcdef:2
! < 400
! < json {"error":{"code":"invalid_position"}}



=== TEST 20: what is wrong with a limit, in JSON
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub one
! GET /pub?limit=1000
! < 200
! GET /pub?limit=1001
! < 400
! < json= {"error":{"code":"invalid_limit","message":"limit is not a number from 1 to 1000"}}
! GET /pub?limit=0
! < 400
! < json {"error":{"code":"invalid_limit"}}
! GET /pub?limit=many&since=0123456789abcdef:1
! < 400
! < json {"error":{"code":"invalid_limit"}}
! GET /pub?limit=-1
! < 400
! < json {"error":{"code":"invalid_limit"}}



=== TEST 21: several channels: what is published at once after the handshake
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x y; }
    location = /history {
        websocket pubsub;
        websocket_channel z y;
        websocket_history length=10;
        websocket_replay all;
    }
--- websocket
a> with-handshake text one
a> GET /ws
a< 101
a< text one
b> with-handshake text two
b> GET /ws?position=1
b< 101
b< json {"position":"qr/:1,\\w+:0$/"}
b< text qr/:2\ntwo\z/
a< text two
c> with-handshake text three
c> GET /history
c< 101
c< text three
d> with-handshake text four
d> GET /history
d< 101
d< text three
d< text four
c< text four



=== TEST 22: a page for a client that reads it slowly
--- http_config
    websocket_zone zone=live:8m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 sndbuf=16k;
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
    }
--- websocket
! POST /pub * 60000 1
! POST /pub * 60000 2
! POST /pub * 60000 3
! POST /pub * 60000 4
! POST /pub * 60000 5
a> rcvbuf 2048
a@$TEST_NGINX_RAND_PORT_1> plain GET /pub?limit=10
a< 200
a< body qr/"data":"5{60000}"\}\]\}$/



=== TEST 17: a channel without a history never makes the answer false
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel "board \"1\"" live;
    }
    location = /live { websocket subscribe; websocket_channel live other; }
    location = /pub/live { websocket_publish; websocket_channel live; }
    location = /pub/board {
        websocket_publish;
        websocket_channel "board \"1\"";
        websocket_history length=2;
    }
--- websocket
! POST /pub/board b1
! < body qr/"epoch":"(?<b>\w+)"/
! POST /pub/live l1
! < body qr/"epoch":"(?<l>\w+)"/
! POST /pub/board b2
! POST /pub/live l2
# of "live" l2 is gone, as it is for all who were away
a> GET /ws?since=%{b}:1,%{l}:1&hello=1
a< 101
a< json= {"recovered":true,"position":"%{b}:1,%{l}:2","session":"qr/\\A[0-9a-f]{16}\\z/","channels":[{"name":"board \"1\"","position":"%{b}:1","recovered":true},{"name":"live","position":"%{l}:2","recovered":false}]}
a< text b2
! GET /ws?transport=poll&since=%{b}:1,%{l}:1
! < 200
! < json {"recovered":true,"position":"%{b}:2,%{l}:2","channels":[{"name":"board \"1\"","position":"%{b}:2","recovered":true},{"name":"live","position":"%{l}:2","recovered":false}]}
! GET /ws?transport=poll&since=%{b}:1,%{l}:2
! < 200
! < body qr/\A\{"recovered":true,"position":"%{b}:2,%{l}:2","messages":/
e+ Accept: text/event-stream
e+ Last-Event-ID: %{b}:1,%{l}:1
e> plain GET /ws
e< 200
e< stream qr/\Aretry: \d+\nid: %{b}:1,%{l}:2\n\nid: %{b}:2,%{l}:2\ndata: b2\n\n/
# but the board's own gap does
! POST /pub/board b3
! POST /pub/board b4
b> GET /ws?since=%{b}:1,%{l}:2
b< 101
b< json {"recovered":false,"channels":[{"name":"board \"1\"","position":"%{b}:4","recovered":false},{"name":"live","position":"%{l}:2","recovered":true}]}
# where none has a history, nothing else can be said
c> GET /live?since=%{l}:1
c< 101
c< json {"recovered":false}



=== TEST 18: hello=1: the first message, and nothing with the others
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$websocket_session';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
--- websocket
a> GET /ws?hello=1
a< 101
a< text qr/\A\{"position":"\w+:0","session":"(?<id>[0-9a-f]{16})"\}\z/
a> text one
a< text one
a> close 1000
a< close 1000
a< eof
! wait-access qr/^%{id}$/
e+ Accept: text/event-stream
e> plain GET /ws?hello=1
e< 200
e< stream qr/\Aretry: \d+\nid: (?<at>\w+:1)\nevent: hello\ndata: \{"position":"\w+:1","session":"[0-9a-f]{16}"\}\n\n/
! GET /ws?hello=1&transport=poll
! < 200
! < json {"position":"%{at}"}
b> GET /ws?hello=yes
b< 400
b< body hello is not 0 or 1



=== TEST 25: the history over HTTP, newest first
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_history length=5;
    }
    location = /ws { websocket pubsub; websocket_channel $arg_c; }
--- websocket
! POST /pub?c=x one
! POST /pub?c=x two
! POST /pub?c=x three
! POST /pub?c=x four
! POST /pub?c=x five
! POST /pub?c=x six
! GET /pub?c=x&limit=2&order=desc
! < json {"recovered":null,"more":true,"position":"$EPOCH:5","messages":[{"offset":6,"data":"six"},{"offset":5,"data":"five"}]}
! GET /pub?c=x&limit=2&before=$EPOCH:5
! < json {"recovered":true,"more":true,"position":"$EPOCH:3","messages":[{"offset":4,"data":"four"},{"offset":3,"data":"three"}]}
! GET /pub?c=x&limit=2&order=desc&before=$EPOCH:3
! < json {"recovered":true,"more":false,"position":"$EPOCH:2","messages":[{"offset":2,"data":"two"}]}
! GET /pub?c=x&before=$EPOCH:2
! < json {"recovered":true,"more":false,"position":"$EPOCH:2","messages":[]}
! GET /pub?c=x&limit=1&before=$EPOCH:99
! < json {"recovered":true,"position":"$EPOCH:6","messages":[{"offset":6}]}
! GET /pub?c=x&limit=1&before=$EPOCH:0
! < json {"more":false,"messages":[]}
! GET /pub?c=x&limit=1&before=$EPOCH:18446744073709551615
! < json {"messages":[{"offset":6}]}
# of another epoch: the newest
! GET /pub?c=x&limit=1&before=0123456789abcdef:2
! < json {"recovered":false,"position":"$EPOCH:6","messages":[{"offset":6}]}
# and the oldest, as without an order
! GET /pub?c=x&limit=1&order=asc
! < json {"recovered":null,"more":true,"position":"$EPOCH:2","messages":[{"offset":2}]}
! GET /pub?c=x&order=asc&since=$EPOCH:5
! < json {"recovered":true,"more":false,"messages":[{"offset":6}]}
# a channel without messages
a> GET /ws?c=y
a< 101
! GET /pub?c=y&order=desc
! < json {"offset":0,"more":false,"messages":[]}
! GET /pub?c=z&order=desc
! < 404
# what does not go together
! GET /pub?c=x&order=newest
! < 400
! < json {"error":{"code":"invalid_order","message":"order is not asc or desc"}}
! GET /pub?c=x&order=desc&since=$EPOCH:1
! < json {"error":{"code":"invalid_order","message":"order=desc goes with before, not with since"}}
! GET /pub?c=x&order=asc&before=$EPOCH:1
! < json {"error":{"code":"invalid_order"}}
! GET /pub?c=x&since=$EPOCH:1&before=$EPOCH:2
! < json {"error":{"code":"invalid_position","message":"there are both since and before"}}
! GET /pub?c=x&before=5
! < json {"error":{"code":"invalid_position","message":"before is not EPOCH:OFFSET"}}
! GET /pub?c=x&order=desc&limit=0
! < json {"error":{"code":"invalid_limit"}}
! GET /pub?c=x&filter={}
! < 400
! < json {"error":{"code":"invalid_filter","message":"the location does not have \"websocket_filter on\""}}



=== TEST 26: a page newest first has about a megabyte at most, and messages beyond its buffer
--- http_config
    websocket_zone zone=live:8m;
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=10;
        websocket_max_message_size 1m;
    }
    location = /get {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1k;
    }
--- websocket
! POST /pub one
! POST /pub * 500000 2
! POST /pub * 500000 3
! POST /pub * 500000 4
! GET /get?order=desc
! < json {"position":"$EPOCH:2","more":true,"messages":[{"offset":4},{"offset":3},{"offset":2}]}
! GET /get?before=$EPOCH:2
! < json {"position":"$EPOCH:1","more":false,"messages":[{"offset":1,"data":"one"}]}



=== TEST 27: a page that an application made misses nothing, also of a new channel
--- http_config
    websocket_zone zone=live:1m default;
    websocket_zone zone=other:1m;
    websocket_history length=10;
--- config
    location = /ws { websocket subscribe; websocket_channel $arg_c; }
    location = /pub { websocket_publish; websocket_channel $arg_c; }
    location = /other { websocket_publish zone=other; websocket_channel $arg_c; }
--- websocket
! GET /pub?c=x
! < 404
! GET /pub?c=x&position=1
! < 200
! < body qr/"offset":0,"subscribers":0,.*"position":"(?<at>[0-9a-f]{16}:0)"/
! POST /pub?c=x one
! < json {"offset":1}
a> GET /ws?c=x&position=1&since=%{at}
a< 101
a< json {"recovered":true,"position":"%{at}"}
a< text $EPOCH:1\none
e+ Accept: text/event-stream
e> plain GET /ws?c=x&since=%{at}
e< 200
e< stream qr/\nid: %{at}\n\nid: $EPOCH:1\ndata: one\n\n/
# the header is newer than the address
f+ Accept: text/event-stream
f+ Last-Event-ID: $EPOCH:1
f> plain GET /ws?c=x&since=%{at}
f< 200
! POST /pub?c=x two
! < 200
f< stream qr/\nid: $EPOCH:1\n\nid: $EPOCH:2\ndata: two\n\n/
# one that exists; and the zone that is named has none of it
! GET /pub?c=x&position=1
! < json {"offset":2,"position":"$EPOCH:2","subscribers":3}
! GET /other?c=x
! < 404



=== TEST 28: the history, and then the end
--- http_config
    websocket_zone zone=live:2m;
--- config
    location = /pub { websocket_publish; websocket_channel $arg_c; websocket_history length=1000; }
    location = /history { websocket subscribe; websocket_channel $arg_c; websocket_replay all only; websocket_filter on; }
    location = /two { websocket subscribe; websocket_channel x y; websocket_replay 1 only; }
--- websocket
! POST /pub?c=x one
! POST /pub?c=x {"n":2}
! POST /pub?c=x three
! POST /pub?c=y four
a> GET /history?c=x
a< 101
a< text one
a< text {"n":2}
a< text three
a< close 1000
b> GET /history?c=x&filter={"n":2}
b< 101
b< text {"n":2}
b< close 1000
# nothing there
c> GET /history?c=z
c< 101
c< close 1000
d> GET /two
d< 101
d< text three
d< text four
d< close 1000
! GET /pub?c=x
! < json {"subscribers":0,"offset":3}
e+ Accept: text/event-stream
e> plain GET /history?c=x
e< 200
e< body qr/data: one\n\n.*data: three\n\n/s
