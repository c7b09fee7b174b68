# websocket_origin: which pages browsers may come from.

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

=== TEST 1: by default the site's own pages, and who is not a browser
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /echo { websocket echo; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
none> GET /ws
none< 101
same+ Host: example.com:8080
same+ Origin: http://example.com:8080
same> GET /ws
same< 101
# TLS may have ended before nginx
proxied+ Host: example.com
proxied+ Origin: https://EXAMPLE.com
proxied> GET /ws
proxied< 101
other+ Host: example.com
other+ Origin: https://example.org
other> GET /ws
other< 403
other< header Content-Type: text/plain
other< body the page's Origin is not one that websocket_origin allows
port+ Host: example.com:8080
port+ Origin: http://example.com:8081
port> GET /echo
port< 403
below+ Host: example.com
below+ Origin: http://www.example.com
below> GET /echo
below< 403
null+ Origin: null
null> GET /ws
null< 403
empty+ Origin:\x20
empty> GET /ws
empty< 403
nonsense+ Origin: any
nonsense> GET /ws
nonsense< 403
control+ Origin: http://\e[2J
control> GET /ws
control< 403
! wait-log qr/\[error\] .*websocket request of a page of the origin "http:..\?\[2J",/
! wait-log qr/\[error\] .*websocket request of a page of the origin "any", which websocket_origin does not allow/
# not even when both are right
two+ Host: example.com
two+ Origin: http://example.com
two+ Origin: http://example.com
two> GET /ws
two< 403
two< body there are several Origin headers
! wait-log qr/\[info\] .*websocket request refused with 403: there are several Origin headers/
# what is no handshake is told so first
no+ Origin: http://example.org
no> plain GET /ws
no< 426



=== TEST 2: streams over HTTP, and what is published by HTTP, too
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x;
                     websocket_history length=10; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a+ Accept: text/event-stream
a+ Origin: http://example.org
a> plain GET /ws
a< 403
b+ Origin: http://example.org
b> plain GET /ws?transport=poll
b< 403
c+ Accept: text/event-stream
c+ Host: example.org
c+ Origin: http://example.org
c> plain GET /ws
c< 200
c< stream retry:
! POST /ws [Origin: http://example.org] one
! < 403
! < json {"error":{"code":"forbidden_origin","message":"the page's Origin is not one that websocket_origin allows"}}
! POST /pub [Origin: http://example.org] two
! < 403
! < json {"error":{"code":"forbidden_origin"}}
! DELETE /pub [Origin: http://example.org]
! < 403
! GET /pub [Origin: http://example.org]
! < 403
! POST /ws [Origin: http://localhost] three
! < 200
! POST /pub four
! < json {"offset":2}
c< stream data: four



=== TEST 3: a body that is refused is not the next request
--- http_config
    websocket_zone zone=live:1m;
    access_log logs/access.log;
--- config
    location = /pub { websocket_publish; websocket_channel $arg_c; }
    location = /next { return 200 "next\n"; }
--- raw_request eval
"POST /pub?c=x HTTP/1.1\r\nHost: a\r\nOrigin: http://b\r\nContent-Length: 34\r\n\r\n"
. "GET /body HTTP/1.1\r\nHost: aaaaaa\r\n\r\n"
. "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
--- error_code: 403
--- response_body_like: forbidden_origin
--- access_log eval
qr{GET /next}
--- no_access_log eval
qr{GET /body}



=== TEST 4: patterns
--- config
    location = /exact { websocket echo;
        websocket_origin https://example.com http://example.net:81; }
    location = /below { websocket echo; websocket_origin *.example.com; }
    location = /secure { websocket echo;
                         websocket_origin https://*.example.com:444; }
    location = /null { websocket echo; websocket_origin null; }
    location = /none { websocket echo; websocket_origin none; }
    location = /any { websocket echo; websocket_origin any; }
--- websocket
e1+ Origin: https://example.com
e1> GET /exact
e1< 101
e2+ Origin: http://example.net:81
e2> GET /exact
e2< 101
e3+ Origin: http://example.com
e3> GET /exact
e3< 403
e4+ Origin: https://example.com.example.org
e4> GET /exact
e4< 403
e5> GET /exact
e5< 403
e5< body an Origin header is required
b1+ Origin: https://a.b.example.com
b1> GET /below
b1< 101
b2+ Origin: https://example.com
b2> GET /below
b2< 403
b3+ Origin: https://notexample.com
b3> GET /below
b3< 403
s1+ Origin: https://a.example.com:444
s1> GET /secure
s1< 101
s2+ Origin: http://a.example.com:444
s2> GET /secure
s2< 403
n1+ Origin: null
n1> GET /null
n1< 101
n2+ Origin: http://localhost
n2> GET /null
n2< 403
o1> GET /none
o1< 101
o2+ Origin: http://localhost
o2> GET /none
o2< 403
a1+ Origin: what is no origin
a1> GET /any
a1< 101
a2> GET /any
a2< 101



=== TEST 5: a regex is of the whole origin
--- config
    location = /cased { websocket echo;
        websocket_origin ~https://(one|two)\.example\.com "~http://[a-z]{3}"; }
    location = /caseless { websocket echo;
        websocket_origin ~*HTTPS://EXAMPLE\.COM|http://b none; }
--- websocket
a+ Origin: https://two.example.com
a> GET /cased
a< 101
b+ Origin: https://two.example.com.example.org
b> GET /cased
b< 403
c+ Origin: xhttps://two.example.com
c> GET /cased
c< 403
d+ Origin: https://ONE.example.com
d> GET /cased
d< 403
e+ Origin: http://abc
e> GET /cased
e< 101
f+ Origin: https://Example.com
f> GET /caseless
f< 101
g+ Origin: https://example.com.org
g> GET /caseless
g< 403
h+ Origin: http://b
h> GET /caseless
h< 101
i+ Origin: http://bc
i> GET /caseless
i< 403
j> GET /caseless
j< 101



=== TEST 6: it is inherited, and replaced
--- http_config
    websocket_origin http://one.example;
--- config
    location = /http { websocket echo; }
    location /two {
        websocket_origin http://two.example;
        location = /two/deep { websocket echo; }
        location = /two/if { websocket echo; if ($arg_if) { set $x 1; } }
    }
--- websocket
a+ Origin: http://one.example
a> GET /http
a< 101
b+ Origin: http://two.example
b> GET /http
b< 403
c+ Origin: http://two.example
c> GET /two/deep
c< 101
d+ Origin: http://one.example
d> GET /two/deep
d< 403
e+ Origin: http://one.example
e> GET /two/if?if=1
e< 403
f+ Origin: http://two.example
f> GET /two/if?if=1
f< 101



=== TEST 7: what came by TLS is of an https page
--- http_config
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1 ssl;
        ssl_certificate $TEST_NGINX_TLS/cert.pem;
        ssl_certificate_key $TEST_NGINX_TLS/key.pem;
        location = /ws { websocket echo; }
    }
--- config
--- websocket
a+ Host: example.com
a+ Origin: https://example.com
a@$TEST_NGINX_RAND_PORT_1:tls> GET /ws
a< 101
b+ Host: example.com
b+ Origin: http://example.com
b@$TEST_NGINX_RAND_PORT_1:tls> GET /ws
b< 403
