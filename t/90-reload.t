# Reload and quit.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: at a reload sessions are sent away with 1012, channels stay
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_drain 500ms;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
a> text one
a< text one
b< text one
! reload
a< close 1012 reason qr/connect again/
a> close 1012
a< eof
b< close 1012
b> close 1012
b< eof
c> GET /ws
c< 101
! POST /pub two
! < json {"channel":"x","offset":2,"subscribers":1}
c< text two
! wait-log qr/exited with code 0/



=== TEST 2: while old workers drain, old and new sessions hear each other
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 20d;
    }
--- websocket
a> GET /ws
a< 101
! reload
b> GET /ws
b< 101
b> text from new to old
a< text from new to old
b< text from new to old
a> text from old to new
b< text from old to new
a< text from old to new



=== TEST 3: at a quit sessions are sent away with 1001
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 0;
    }
--- websocket
a> GET /ws
a< 101
! quit
a< close 1001 reason qr/shuts down/
a> close 1001
a< eof



=== TEST 4: at a fast shutdown too, without waiting
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
! term
a< close 1001
a< eof



=== TEST 5: websocket_drain fits into worker_shutdown_timeout
--- main_config
    worker_shutdown_timeout 800ms;
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 20d;
    }
--- websocket
a> GET /ws
a< 101
e+ Accept: text/event-stream
e> plain GET /ws
e< 200
e< stream qr/\n\n/
! reload
a< close 1012 reason qr/connect again/
a< eof
e< body qr/\Aevent: close\ndata: \{"code":1012,/
b> GET /ws
b< 101
b> text on
b< text on



=== TEST 6: a session that does not answer does not hold its worker
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 0;
        websocket_close_timeout 300ms;
    }
--- websocket
a> GET /ws
a< 101
! reload
a< close 1012
a< eof
! wait-log qr/exited with code 0/
