# The directives, good and bad: what nginx -t says, with the file and line.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: every directive, in every place where it may stand
--- http_config
    websocket_zone zone=live:1m inactive=30s;
    websocket_zone zone=other:64k;

    websocket_channel "all";
    websocket_history length=10 time=1m max=8g;
    websocket_own_messages off;
    websocket_subprotocols chat superchat;
    websocket_heartbeat interval=20s timeout=5s;
    websocket_idle_timeout 10m;
    websocket_send_timeout 3s;
    websocket_close_timeout 2s;
    websocket_drain 1s;
    websocket_max_message_size 16k;
    websocket_send_queue messages=16 size=64k overflow=close;
--- config
    websocket_channel "server/$arg_a" "$uri";
    websocket_history length=0;
    websocket_heartbeat off;
    websocket_idle_timeout off;

    location = /b {
        websocket_set_name $room $arg_room;
        websocket bidirectional zone=live;
        websocket_channel "$room";
        websocket_heartbeat interval=1s;
    }
    location = /r { websocket result zone=other; }
    location = /p { websocket payload zone=live; }
    location = /e { websocket echo; }
    location = /publish {
        websocket_publish zone=live;
        websocket_channel x;
        client_max_body_size 1k;
    }
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204



=== TEST 2: a zone needs a name and a size
--- http_config
    websocket_zone zone=live;
--- config
--- must_die
--- error_log eval
qr/invalid parameter "zone=live": zone=NAME:SIZE is required in \S+nginx\.conf:\d+/



=== TEST 3: a zone's size must be one
--- http_config
    websocket_zone zone=live:big;
--- config
--- must_die
--- error_log
the size is not a number with k or m



=== TEST 4: a zone has a smallest size
--- http_config
    websocket_zone zone=live:32k;
--- config
--- must_die
--- error_log
the zone is too small: 64k is the least



=== TEST 5: a zone is defined once
--- http_config
    websocket_zone zone=live:1m;
    websocket_zone zone=live:1m;
--- config
--- must_die
--- error_log
websocket zone "live" is already defined



=== TEST 6: an unknown parameter of a zone
--- http_config
    websocket_zone zone=live:1m colour=red;
--- config
--- must_die
--- error_log
invalid parameter "colour=red"



=== TEST 7: a parameter is given once
--- http_config
    websocket_zone zone=live:1m zone=live:2m;
--- config
--- must_die
--- error_log
given twice



=== TEST 8: inactive is a time
--- http_config
    websocket_zone zone=live:1m inactive=soon;
--- config
--- must_die
--- error_log
invalid parameter "inactive=soon": not a time



=== TEST 9: an unknown mode
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket duplex; }
--- must_die
--- error_log
invalid mode "duplex", it must be "bidirectional", "result", "payload", or "echo"



=== TEST 10: websocket without a zone names the line
--- config
    location = /ws { websocket result; }
--- must_die
--- error_log eval
qr/"websocket": no "websocket_zone" is defined in the http block, as in "websocket_zone zone=x:16m" in \S+nginx\.conf:\d+/



=== TEST 11: of several zones one must be named
--- http_config
    websocket_zone zone=a:1m;
    websocket_zone zone=b:1m;
--- config
    location = /publish { websocket_publish; }
--- must_die
--- error_log
"websocket_publish": there are several zones: say which by zone=NAME



=== TEST 12: a zone that does not exist
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /ws { websocket result zone=b; }
--- must_die
--- error_log
no "websocket_zone" has the name "b"



=== TEST 13: a zone that is defined after the location serves
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location = /ws { websocket result zone=late; }
    }
    websocket_zone zone=late:1m;
--- config
    location = /t { return 204; }
--- request
GET /t
--- error_code: 204



=== TEST 14: websocket and websocket_publish exclude each other
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /ws { websocket result; websocket_publish; }
--- must_die
--- error_log
cannot stand in one location with "websocket"



=== TEST 15: websocket twice
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /ws { websocket result; websocket echo; }
--- must_die
--- error_log
"websocket" directive is duplicate



=== TEST 16: a wrong second argument
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /ws { websocket result a; }
--- must_die
--- error_log
invalid parameter "a", zone=NAME is expected



=== TEST 17: publishing takes one channel
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /p { websocket_publish; websocket_channel a b; }
--- must_die
--- error_log eval
qr/one "websocket_channel" name can stand here.* in \S+nginx\.conf:\d+/



=== TEST 18: an empty channel name
--- http_config
    websocket_zone zone=a:1m;
--- config
    location = /p { websocket_publish; websocket_channel ""; }
--- must_die
--- error_log
an empty channel name



=== TEST 19: history without a length
--- http_config
    websocket_zone zone=a:1m;
    websocket_history time=10m;
--- config
--- must_die
--- error_log
invalid parameter "length=": length=NUMBER is required



=== TEST 20: history of no time
--- http_config
    websocket_history length=10 time=0;
--- config
--- must_die
--- error_log
not a time of a second or more



=== TEST 21: a heartbeat of no time
--- http_config
    websocket_heartbeat interval=0;
--- config
--- must_die
--- error_log
invalid parameter "interval=0": not a time above zero



=== TEST 22: a heartbeat's parameter
--- http_config
    websocket_heartbeat on;
--- config
--- must_die
--- error_log
invalid parameter "on"



=== TEST 23: a send queue of nothing
--- http_config
    websocket_send_queue messages=0;
--- config
--- must_die
--- error_log
invalid parameter "messages=0": not a number above zero



=== TEST 24: a send queue's policy
--- http_config
    websocket_send_queue overflow=grow;
--- config
--- must_die
--- error_log
invalid parameter "overflow=grow"



=== TEST 25: a message has a size
--- http_config
    websocket_max_message_size 0;
--- config
--- must_die
--- error_log
value must be between 1 and



=== TEST 26: a subprotocol is a token
--- http_config
    websocket_subprotocols "chat room";
--- config
--- must_die
--- error_log
invalid subprotocol "chat room"



=== TEST 27: times are times
--- http_config
    websocket_drain often;
--- config
--- must_die
--- error_log
"websocket_drain" directive invalid value



=== TEST 28: idle_timeout is off once
--- http_config
    websocket_idle_timeout off;
    websocket_idle_timeout off;
--- config
--- must_die
--- error_log
"websocket_idle_timeout" directive is duplicate



=== TEST 29: a zone of the http block only
--- config
    websocket_zone zone=a:1m;
--- must_die
--- error_log
"websocket_zone" directive is not allowed here
