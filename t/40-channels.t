# The hub: two workers, one zone.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: sessions of both workers hear each other, in one order
--- main_config
    env A;
--- http_config
    websocket_zone zone=live:1m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 reuseport;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a@$TEST_NGINX_RAND_PORT_1> GET /ws
a< 101
b@$TEST_NGINX_RAND_PORT_1> GET /ws
b< 101
c@$TEST_NGINX_RAND_PORT_1> GET /ws
c< 101
d@$TEST_NGINX_RAND_PORT_1> GET /ws
d< 101
e@$TEST_NGINX_RAND_PORT_1> GET /ws
e< 101
f@$TEST_NGINX_RAND_PORT_1> GET /ws
f< 101
a> text one
a< text one
b< text one
c< text one
d< text one
e< text one
f< text one
f> text two
a< text two
b< text two
c< text two
d< text two
e< text two
f< text two
! POST /pub three
! < json {"channel":"x","offset":3,"subscribers":6}
a< text three
b< text three
c< text three
d< text three
e< text three
f< text three



=== TEST 2: zones are apart
--- http_config
    websocket_zone zone=one:1m;
    websocket_zone zone=two:1m;
--- config
    location = /one { websocket pubsub zone=one; websocket_channel x; }
    location = /two { websocket pubsub zone=two; websocket_channel x; }
--- websocket
a> GET /one
a< 101
b> GET /two
b< 101
a> text one
a< text one
b> text two
b< text two



=== TEST 3: a deleted channel closes its subscribers, and begins anew
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
a> text one
a< text one
b< text one
! DELETE /pub
! < 200
a< close 1000 reason qr/deleted/
b< close 1000 reason qr/deleted/
! GET /pub
! < 404
c> GET /ws
c< 101
c> text first again
c< text first again
! GET /pub
! < json {"channel":"x","offset":1,"subscribers":1,"history":0,"first":2}



=== TEST 4: a worker that is killed loses its own sessions only
--- http_config
    websocket_zone zone=live:1m;
--- config
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 reuseport;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! kill worker 1
! kill worker 1
a< eof
b> GET /ws
b< 101
! POST /pub still here
! < json {"channel":"x","offset":1,"subscribers":1}
b< text still here
c> GET /ws
c< 101
c> text and on
b< text and on
c< text and on



=== TEST 5: a zone that is full refuses, and nothing is half done
--- http_config
    websocket_zone zone=live:128k;
--- config
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_max_message_size 1m;
        websocket_history length=1000;
    }
--- websocket
a> GET /ws
a< 101
! POST /pub * 200000 x
! < 507
! < json {"error":{"code":"zone_full","message":"the zone has no space for the message"}}
! POST /pub * 30000 1
a< text* 30000 1
! POST /pub * 30000 2
a< text* 30000 2
! POST /pub * 30000 3
a< text* 30000 3
! POST /pub * 30000 4
! < 200
a< text* 30000 4



=== TEST 6: socket publishers learn that the zone is full
--- http_config
    websocket_zone zone=live:64k;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_max_message_size 1m;
    }
--- websocket
a> GET /ws
a< 101
a> text* 100000 x
a< close 1013 reason qr/no space/



=== TEST 7: requests bring commands to a session of the other worker
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket            centrifuge;
        websocket_insecure   on;
        websocket_transports http_stream;
    }
    location = /emulation { websocket_emulation; }
--- websocket
a> plain POST /ws {"id":1,"connect":{}}
a< 200
a< stream qr/"session":"(?<session>[0-9a-f-]{36})","node":"(?<node>[0-9a-f-]{36})"\}\}\n$/
! apart b a
b> plain POST /emulation {"session":"%{session}","node":"%{node}","data":"{\\"id\\":2,\\"subscribe\\":{\\"channel\\":\\"x\\"}}"}
b< 204
a< stream {"id":2,"subscribe":{}}\n
! apart c a
c> plain POST /emulation {"session":"%{node}","node":"%{node}","data":"{}"}
c< 204
! apart d a
d> plain POST /emulation {"session":"%{session}","node":"%{session}","data":"{}"}
d< 404
e> GET /ws
e< 403
! kill worker of a
a< eof
! apart f b
f> plain POST /emulation {"session":"%{session}","node":"%{node}","data":"{}"}
f< 204
