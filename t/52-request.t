# What nginx's own modules do to the request of a session, and what the access
# log's line tells of it: the request is given back after the handshake.

use lib 't/lib';
use File::Basename qw(dirname);
use Test::Nginx::WebSocket;

my $dir = dirname(server_root()) . "/tls";
mkdir $dir;
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
       . "-keyout $dir/key.pem -out $dir/cert.pem 2>/dev/null") == 0
    or die "openssl";
$ENV{TEST_NGINX_TLS} = $dir;

master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: what the request said is in the line at the session's end
--- http_config
    log_format ws '[$request_method $uri $args $request_uri $server_protocol] '
        '[$host $http_host $server_name $scheme $request_length] '
        '[$arg_a $arg_b $is_args] '
        '[$http_user_agent $http_referer $http_x_one $http_none] '
        '[$cookie_ann $cookie_bob $cookie_eve] '
        '[$http_x_forwarded_for $proxy_add_x_forwarded_for] '
        '[$remote_addr $connection_requests $status $websocket_close_code]';
    access_log logs/access.log ws;
--- config
    location / { websocket echo; }
--- websocket
a+ Host: example.com:81
a+ User-Agent: a b
a+ Referer: http://example.org/
a+ X-One: one
a+ Cookie: ann=1; bob="2 3"
a+ X-Forwarded-For: 192.0.2.1, 192.0.2.2
a> GET /a%20b/./c?a=1&b=%41
a< 101
# other requests of the worker in the meantime
b+ User-Agent: another
b+ Cookie: ann=3
b> GET /other
b< 101
b> text hello
b< text hello
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[GET .a b.c a=1&b=%41 .a%20b...c\?a=1&b=%41 HTTP.1\.1\] \[example\.com example\.com:81 localhost http \d+\] \[1 %41 \?\] \[a b http:..example\.org. one -\] \[1 \\x222 3\\x22 -\] \[192\.0\.2\.1, 192\.0\.2\.2 192\.0\.2\.1, 192\.0\.2\.2, 127\.0\.0\.1\] \[127\.0\.0\.1 1 101 1000\]$/
b> end
! wait-access qr/^\[GET .other - .other HTTP.1\.1\] .* \[another - - -\] \[3 - -\] \[- 127\.0\.0\.1\] \[127\.0\.0\.1 1 101 1006\]$/



=== TEST 2: variables of set, map, geo, if and a regex
--- http_config
    map $http_x_kind $kind { default other; ~^(?<letter>[a-z])\d$ $letter; }
    map $arg_late $late { default none; yes late; }
    map $uri:$cookie_ann $both { "/room/5:1" five; }
    geo $near { default far; 127.0.0.0/8 near; }
    log_format ws '[$a $b $c] [$room $number] [$kind $late $both] [$near] [$id]';
    log_format if 'if [$a $b $c] $websocket_close_code';
    access_log logs/access.log ws;
--- config
    set $a "of the server";
    set $b "";
    set $id $request_id;
    location ~ ^/(?<room>[a-z]+)/(?<number>\d+)$ {
        set $c "$arg_c and $http_x_kind";
        add_header X-Id $id always;
        if ($arg_if) {
            set $b "of the if";
            access_log logs/access.log if;
        }
        websocket echo;
    }
--- websocket
a+ X-Kind: k7
a+ Cookie: ann=1
a> GET /room/5?c=see&late=yes
a< 101
a< header X-Id: qr/\A(?<id>[0-9a-f]{32})\z/
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[of the server  see and k7\] \[room 5\] \[k late five\] \[near\] \[%{id}\]$/
b> GET /room/6?if=1
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^if \[of the server of the if  and ] 1000$/



=== TEST 3: a line at the start tells of the handshake; there is no other
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status [$uri $http_x_one] [$websocket_channel] '
        '[$websocket_messages_in $websocket_messages_out] '
        '$websocket_close_code $websocket_duration '
        '$websocket_session $bytes_sent';
--- config
    access_log logs/access.log ws;
    location = /start {
        websocket echo;
        websocket_channel one;
        websocket_access_log start;
    }
    location = /end { websocket echo; websocket_access_log end; }
    location = /off { websocket echo; access_log off; }
--- websocket
a+ X-One: one
a> GET /start
a< 101
! wait-access qr/^101 \[.start one\] \[[^\]]*\] \[0 0\] 1006 0\.\d{3} [0-9a-f]{16} 1\d\d$/
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
b> GET /off
b< 101
b> close 1000
b< close 1000
b< eof
c> GET /end
c< 101
c> close 1000
c< close 1000
c< eof
# the first line, and nothing, and the third
! wait-access qr/\A101 \[.start one\] [^\n]*\n101 \[.end -\] [^\n]* 1000 [^\n]*\n\z/



=== TEST 4: a start's line of events
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status [$args] $websocket_messages_out';
--- config
    access_log logs/access.log ws;
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_access_log start;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a> plain GET /ws?a
a< 200
a< stream qr/\n\n/
! wait-access qr/^200 \[a\] 0$/
! POST /pub one
! < 200
a< stream data: one
! DELETE /pub
a< body qr/event: close/
b> GET /ws?b
b< 101
b> end
! GET /pub
! < 200
! wait-access qr/\A200 \[a\] 0\n(?![^\0]*\[a\])[^\0]*^101 \[b\] 0$/



=== TEST 5: headers too large to be kept: the request stays
--- http_config
    log_format ws '[$http_x_one] [$args] $websocket_messages_in';
    access_log logs/access.log ws;
    large_client_header_buffers 4 32k;
--- config
    location = /ws { websocket echo; }

--- websocket eval
"a+ X-One: " . 'x' x 20000 . "\n" . <<'END' . "b+ X-One: " . 'y' x 15000 . "\n" . <<'END';
a> GET /ws?a
a< 101
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[x{20000}\] \[a\] 1$/
END
b> GET /ws?b
b< 101
b> text hello
b< text hello
b> close 1000
b< close 1000
b< eof
! wait-access qr/^\[y{15000}\] \[b\] 1$/
END



=== TEST 6: realip by a header: the address in the log, and the one before
--- http_config
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Forwarded-For;
    log_format ws '$remote_addr $realip_remote_addr [$http_x_one] $websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; allow 192.0.2.7; allow 127.0.0.1; deny all; }
--- websocket
a+ X-Forwarded-For: 192.0.2.7
a+ X-One: one
a> GET /ws
a< 101
b> GET /ws
b< 101
c+ X-Forwarded-For: 192.0.2.8
c> GET /ws
c< 403
! wait-access qr/^192\.0\.2\.8 127\.0\.0\.1 \[-\] -$/
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^192\.0\.2\.7 127\.0\.0\.1 \[one\] 1000$/
b> close 1001
b< close 1001
b< eof
! wait-access qr/^127\.0\.0\.1 127\.0\.0\.1 \[-\] 1001$/



=== TEST 7: limit_conn by the address counts sessions until they end
--- http_config
    websocket_zone zone=live:1m;
    limit_conn_zone $binary_remote_addr zone=addr:64k;
    limit_conn_status 429;
    log_format ws '$status $limit_conn_status [$args] $websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        limit_conn addr 2;
    }
--- websocket
a> GET /ws?a
a< 101
b+ Accept: text/event-stream
b> plain GET /ws?b
b< 200
c> GET /ws?c
c< 429
a> text hello
a< text hello
c> GET /ws?c
c< 429
# one that ends makes room for one
a> end
! wait-access qr/^101 PASSED \[a\] 1006$/
c> GET /ws?c
c< 101
d> GET /ws?d
d< 429
b> end
! wait-access qr/^200 PASSED \[b\] 1006$/
d> GET /ws?d
d< 101
! wait-access* 2 qr/^429 REJECTED \[c\] -$/



=== TEST 8: what limit_req and limit_conn said is in the line
--- http_config
    limit_conn_zone $server_name zone=conn:64k;
    limit_req_zone $server_name zone=req:64k rate=1r/m;
    limit_req_status 429;
    log_format ws '$status [$args] $limit_req_status $limit_conn_status';
    access_log logs/access.log ws;
--- config
    location = /req { websocket echo; limit_req zone=req; }
    location = /dry { websocket echo; limit_conn conn 1; limit_conn_dry_run on; }
--- websocket
a> GET /req?a
a< 101
b> GET /req?b
b< 429
! wait-access qr/^429 \[b\] REJECTED -$/
a> end
! wait-access qr/^101 \[a\] PASSED -$/
c> GET /dry?c
c< 101
d> GET /dry?d
d< 101
d> end
! wait-access qr/^101 \[d\] - REJECTED_DRY_RUN$/
c> end
! wait-access qr/^101 \[c\] - PASSED$/



=== TEST 9: the user of auth_basic, and of satisfy any
--- http_config
    log_format ws '$status [$remote_user] [$websocket_user] $websocket_close_code';
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
    location = /any {
        websocket echo;
        satisfy any;
        allow 127.0.0.1;
        deny all;
        auth_basic x;
        auth_basic_user_file ../html/passwords;
    }
--- websocket
a+ Authorization: Basic YW5uOnNlY3JldA==
a> GET /ws
a< 101
b+ Authorization: Basic YW5uOndyb25n
b> GET /ws
b< 401
b< header WWW-Authenticate: Basic realm="x"
! wait-access qr/^401 \[ann\] \[ann\] -$/
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^101 \[ann\] \[ann\] 1000$/
c> GET /any
c< 101
c> close 1001
c< close 1001
c< eof
! wait-access qr/^101 \[-\] \[-\] 1001$/



=== TEST 10: auth_request, and what it sets
--- http_config
    log_format ws '$status [$who] $websocket_messages_in';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket echo;
        auth_request /auth;
        auth_request_set $who "$role at $uri";
    }
    location = /auth {
        internal;
        set $role "the $http_x_name";
        if ($http_x_name = eve) { return 403; }
        return 204;
    }
--- websocket
a+ X-Name: ann
a> GET /ws
a< 101
b+ X-Name: eve
b> GET /ws
b< 403
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^101 \[the ann at .auth\] 1$/



=== TEST 11: try_files, rewrite and an internal redirect lead to a stream
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$status $uri [$args] $request_uri [$websocket_channel] $websocket_messages_in';
    access_log logs/access.log ws;
--- user_files
>>> file.txt
a file
--- config
    location /try/ { alias html/; try_files $uri @ws; }
    location /files/ { try_files /none /inner/of; }
    location /room/ { rewrite ^/room/(.*)$ /inner/room?name=$1? last; }
    location /index/ { index ws; }
    location = /index/ws { websocket pubsub; websocket_channel i; }
    location @ws { websocket pubsub; }
    location /inner/ {
        internal;
        websocket pubsub;
        websocket_channel $uri/$arg_name empty=allowed;
    }
--- websocket
a> GET /try/one?x=1
a< 101
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^101 .try.one \[x=1\] .try.one\?x=1 \[.try.one\] 1$/
b> GET /files/two
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^101 .inner.of \[-?\] .files.two \[.inner.of.\] 0$/
c> GET /room/5?x=1
c< 101
c> text hello
c< text hello
c> close 1000
c< close 1000
c< eof
! wait-access qr/^101 .inner.room \[name=5\] .room.5\?x=1 \[.inner.room.5\] 1$/
d> GET /inner/room
d< 404
e+ Accept: text/event-stream
e> plain GET /try/three
e< 200
e< stream qr/\nid: \w+:0\n\n/
e> end
! wait-access qr/^200 .try.three \[-\] .try.three \[.try.three\] 0$/



=== TEST 12: error_page leads to a stream, and from one
--- http_config
    log_format ws '$status $uri $request_uri $websocket_messages_in';
    access_log logs/access.log ws;
--- config
    location = /named { return 404; error_page 404 = @ws; }
    location = /equal { deny all; error_page 403 = /ws; }
    location = /code { deny all; error_page 403 =101 /ws; }
    location = /ws { websocket echo; }
    location @ws { websocket echo; }
    location = /denied {
        websocket echo;
        deny all;
        error_page 403 =401 /sorry;
    }
    location = /sorry { return 200 "sorry"; }
--- websocket
a> GET /named
a< 101
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^101 .named .named 1$/
b> GET /equal
b< 101
b> text hello
b< text hello
b> close 1000
b< close 1000
b< eof
! wait-access qr/^101 .ws .equal 1$/
c> GET /code
c< 101
c> text hello
c< text hello
c> end
! wait-access qr/^101 .ws .code 1$/
d> GET /denied
d< 401
d< body sorry



=== TEST 13: an error_page that keeps its status does not open a stream
--- config
    location = /kept { deny all; error_page 403 /ws; }
    location = /ws { websocket echo; }
--- websocket
a> GET /kept
a< 403
a< body qr/403 Forbidden/
b> GET /ws
b< 101
b> text hello
b< text hello



=== TEST 14: the counters of stub_status are right
--- config
    location = /ws { websocket echo; }
    location = /stub { stub_status; access_log off; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
c> GET /ws
c< 101
a> close 1000
a< close 1000
a< eof
b> end
! wait-access qr/"GET .ws [^\0]*"GET .ws /
! GET /stub
! < body qr/\AActive connections: 2 \nserver accepts handled requests\n 4 4 4 \nReading: 0 Writing: 1 /



=== TEST 15: a log file's name and a condition, of variables
--- http_config
    log_format ws '$websocket_close_code';
    map $websocket_close_code $bad { default 1; 1000 0; }
--- config
    location = /ws {
        websocket echo;
        access_log logs/$arg_log.log ws;
    }
    location = /bad { websocket echo; access_log logs/access.log ws if=$bad; }
--- websocket
a> GET /ws?log=access
a< 101
a> close 1000
a< close 1000
a< eof
! wait-access qr/^1000$/
b> GET /bad
b< 101
b> close 1000
b< close 1000
b< eof
c> GET /bad
c< 101
c> close 1001
c< close 1001
c< eof
! wait-access qr/\A1000\n1001\n\z/



=== TEST 16: a session outlives its configuration, and its line is of it
--- http_config
    log_format ws 'then [$http_x_one] [$a] $websocket_messages_in $websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws {
        set $a set;
        websocket echo;
        websocket_drain 20d;
    }
--- websocket
a+ X-One: one
a> GET /ws
a< 101
a> text hello
a< text hello
! reload
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^then \[one\] \[set\] 2 1000$/



=== TEST 17: over TLS
--- http_config
    log_format ws '$scheme $ssl_protocol [$http_x_one] $https $websocket_messages_in';
    access_log logs/access.log ws;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 ssl;
        ssl_certificate $TEST_NGINX_TLS/cert.pem;
        ssl_certificate_key $TEST_NGINX_TLS/key.pem;
        location = /ws { websocket echo; }
    }
--- config
--- websocket
a+ X-One: one
a@$TEST_NGINX_RAND_PORT_1:tls> GET /ws
a< 101
a> text hello
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^https TLSv1\.[23] \[one\] on 1$/



=== TEST 18: variables of nginx that read a header by themselves
--- http_config
    log_format ws '[$invalid_referer] [$msie$ancient_browser$modern_browser]';
    access_log logs/access.log ws;
--- config
    valid_referers none example.com;
    modern_browser gecko 1.0;
    location = /ws { websocket echo; }
--- websocket
a+ Referer: http://example.org/
a+ User-Agent: Mozilla/5.0 (X11; rv:100.0) Gecko/20100101 Firefox/100.0
a> GET /ws
a< 101
a> end
! wait-access qr/^\[1\] \[1\]$/
b> GET /ws
b< 101
b> end
! wait-access qr/^\[-?\] \[1\]$/



=== TEST 19: mirror goes on while the session does
--- http_config
    limit_req_zone $server_name zone=slow:1m rate=1r/s;
    log_format ws '$status $uri $websocket_messages_in';
    access_log logs/access.log ws;
--- config
    location = /ws { websocket echo; mirror /mirror; }
    location = /mirror {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/slow;
        proxy_set_header Upgrade "";
    }
    location = /slow { limit_req zone=slow burst=9; empty_gif; }
--- websocket
! GET /slow
! < 200
! wait-access qr/^200 .slow -$/
a> GET /ws
a< 101
a> text before
a< text before
! wait-access* 2 qr/^200 .slow -$/
a> text after
a< text after
a> close 1000
a< close 1000
a< eof
! wait-access qr/^101 .ws 2$/
# it ends before
b> GET /ws
b< 101
b> text hello
b< text hello
b> close 1000
b< close 1000
b< eof
! wait-access qr/^101 .ws 1$/
c> GET /ws
c< 101
c> drop
! wait-access qr/^101 .ws 0$/
d> GET /ws
d< 101
d> text hello
d< text hello



=== TEST 20: a stream is no part of another response
--- http_config
    websocket_zone zone=live:1m;
--- user_files
>>> page.html
[<!--# include virtual="/ws?transport=poll" -->]
>>> secret
secret
--- config
    location = /page.html { ssi on; }
    location = /secret { auth_request /ws; }
    location = /mirrored { mirror /ws; empty_gif; }
    location = /ws { websocket pubsub; }
--- websocket
a> plain GET /page.html
a< 200
a< body [a stream is no part of another response\n]
b> GET /page.html
b< 200
b< body [a stream is no part of another response\n]
c> GET /secret
c< 403
d> GET /mirrored
d< 200
e> GET /ws
e< 101
e> text hello
e< text hello
--- error_log
websocket stream "/ws" is no part of another response



=== TEST 21: error_page is for refusals of ours as for others
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field a integer required; }
--- config
    location = /ws {
        websocket         pubsub;
        websocket_channel room/$arg_r;
        websocket_inbound_type m;
        websocket_max_message_size 100;
        error_page 400 =200 /page;
        error_page 403 /why;
        error_page 405 413 =303 http://example.org/;
        error_page 422 = @named;
        error_page 426 = @named;
        if ($arg_if) { error_page 426 =404 /page; }
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        error_page 404 /why;
        deny 192.0.2.1;
    }
    location = /full {
        websocket echo zone=live;
        websocket_max_connections 1;
        error_page 503 /why;
    }
    location = /page { return 200 "a page\n"; }
    location = /why { return 200 "why\n"; }
    location @named { return 200 "named\n"; }
--- websocket
! GET /ws
! < 200
! < body named
! GET /ws?if=1
! < 404
! < body a page
a> GET /ws
a< 200
a< body a page
b+ Origin: http://example.org
b> GET /ws?r=1
b< 403
b< body why
! POST /ws?r=1 {"a":"b"}
! < 200
! < body named
! POST /ws?r=1 * 101 x
! < 303
! < header Location: http://example.org/
! PUT /ws?r=1 x
! < 303
! < header Allow: GET, POST
! POST /ws?r=1 {"a":1}
! < 202
! GET /pub?c=none
! < 404
! < body why
# a status without a page of its own
! GET /pub?c=x&limit=x
! < 400
! < json {"error":{"code":"invalid_limit"}}
c> GET /full
c< 101
d> GET /full
d< 503
d< header Retry-After: 1
d< body why



=== TEST 22: an error_page that is a stream which refuses
--- config
    location = /one { websocket echo; error_page 426 /two; }
    location = /two { websocket echo; error_page 426 /one; }
    location = /round {
        websocket echo;
        recursive_error_pages on;
        error_page 426 = /round;
    }
--- websocket
! GET /one
! < 426
! < body this is a WebSocket endpoint: connect with a WebSocket client
! GET /round
! < 500
! GET /two
! < 426
