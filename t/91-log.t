# The access log: a line at a session's end, and the variables.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: one line, when the session ends
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $bytes_sent $request_time "$request" '
        '"$http_user_agent" [$websocket_channel] $websocket_messages_in '
        '$websocket_messages_out $websocket_bytes_in $websocket_bytes_out '
        '$websocket_dropped $websocket_close_code "$websocket_close_reason" '
        '$websocket_duration $websocket_session';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel one two;
    }
--- websocket
a+ User-Agent: tester
a> GET /ws?q=1
a< 101
a> text hello
a< text hello
a> text worlds
a< text worlds
! sleep 0.3
a> close 1000 goodbye
a< close 1000
a< eof
! wait-access qr/^101 2[01][0-9] (?:0\.[3-9]|[1-9]\d*\.\d)\d\d "GET .ws\?q=1 HTTP.1\.1" "tester" \[one,two\] 2 2 38 19 0 1000 "goodbye" (?:0\.[3-9]|[1-9]\d*\.\d)\d\d [0-9a-f]{16}$/



=== TEST 2: without a Close the code is 1006
--- http_config
    log_format ws '$websocket_close_code [$websocket_close_reason]';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> end
! wait-access qr/^1006 \[-\]$/



=== TEST 3: a failed connection says why
--- http_config
    log_format ws '$websocket_close_code [$websocket_close_reason]';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; }
--- websocket
a> GET /ws
a< 101
a> raw 83
a< close 1002
a< eof
a> end
! wait-access qr/^1002 \[unknown opcode\]$/



=== TEST 4: the user of auth_basic; nothing of a session elsewhere
--- http_config
    log_format ws '$status [$websocket_user] [$websocket_session]';
    access_log logs/access.log ws;
--- user_files
>>> passwords
ann:{PLAIN}secret
--- config
    location = /ws {
        websocket echo;
        auth_basic x;
        auth_basic_user_file ../html/passwords;
    }
    location = /t { return 204; }
--- websocket
a> GET /ws
a< 401
b+ Authorization: Basic YW5uOnNlY3JldA==
b> GET /ws
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^101 \[ann\] \[[0-9a-f]{16}\]$/
! GET /t
! < 204
! wait-access qr/^204 \[-\] \[-\]$/
