# What docs/guide/auth.md says of API keys, signed links and applications that decide:
# nginx's own means, in front of a stream.

use lib 't/lib';
use Digest::MD5 qw(md5);
use MIME::Base64 qw(encode_base64url);
use Test::Nginx::WebSocket;

my $later = time + 3600;
my $before = time - 3600;

$ENV{TEST_NGINX_LINK} = "expires=$later&md5="
                        . encode_base64url(md5("$later/feed a secret"));
$ENV{TEST_NGINX_OLD_LINK} = "expires=$before&md5="
                            . encode_base64url(md5("$before/feed a secret"));

plan_tests();
run_tests();

__DATA__

=== TEST 1: keys of a file, in a header
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri $client $status';
    access_log logs/access.log ws;
    map $http_x_api_key $client {
        default "";
        include ../html/api_keys;
    }
--- user_files
>>> api_keys
6bd1a0c4e3f24f5f8f5b shop;
d2b9f1b4a7c84f0e9d11 "mobile app";
--- config
    location = /publish {
        if ($client = "") { return 401; }
        websocket_publish;
        websocket_channel orders;
    }
    location = /stream {
        if ($client = "") { return 401; }
        websocket pubsub;
        websocket_channel orders;
        websocket_presence on from=$client;
    }
--- websocket
! POST /publish [X-Api-Key: 6bd1a0c4e3f24f5f8f5b] one
! < 202
! POST /publish one
! < 401
! POST /publish [X-Api-Key: 6bd1a0c4e3f24f5f8f5] one
! < 401
a> GET /stream
a< 401
b+ X-Api-Key: d2b9f1b4a7c84f0e9d11
b> GET /stream
b< 101
! GET /publish?presence=1 [X-Api-Key: 6bd1a0c4e3f24f5f8f5b]
! < 403
b> text two
b< text two
b> close 1000
b< close 1000
b< eof
! wait-access qr/^.stream mobile app 101$/



=== TEST 2: a signed link that ends
--- skip_eval: 0: `$ENV{TEST_NGINX_BINARY} -V 2>&1` !~ /secure_link/
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /feed {
        secure_link     $arg_md5,$arg_expires;
        secure_link_md5 "$secure_link_expires$uri a secret";
        if ($secure_link = "")  { return 403; }
        if ($secure_link = "0") { return 410; }
        websocket subscribe;
    }
    location = /publish { websocket_publish; websocket_channel /feed; }
--- websocket
a> GET /feed?$TEST_NGINX_LINK
a< 101
! POST /publish one
! < 200
a< text one
b> GET /feed
b< 403
c> GET /feed?$TEST_NGINX_LINK%20
c< 403
d> GET /feed?$TEST_NGINX_OLD_LINK
d< 410



=== TEST 3: an application decides, and says who it is
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri $user $status';
    access_log logs/access.log ws;
    server {
        listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        location / {
            if ($cookie_session != "5") { return 401; }
            if ($cookie_nobody = "") { add_header X-User ann%40x; }
            return 204;
        }
    }
--- config
    location = /session {
        internal;
        proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header Upgrade "";
    }
    location = /stream {
        auth_request     /session;
        auth_request_set $user $upstream_http_x_user;
        websocket         pubsub;
        websocket_channel user/$user;
    }
    location = /decoded {
        auth_request       /session;
        auth_request_set   $user $upstream_http_x_user;
        websocket_set_decoded $name $user;
        websocket          pubsub;
        websocket_channel  user/$name;
        add_header         X-Name "[$name]" always;
    }
    location = /inbox {
        auth_request       /session;
        auth_request_set   $user $upstream_http_x_user;
        websocket_set_decoded $inbox $user/inbox;
        websocket          pubsub;
        websocket_channel  user/$inbox;
    }
    websocket_set_decoded $everywhere $user;
    location = /everywhere {
        auth_request       /session;
        auth_request_set   $user $upstream_http_x_user;
        websocket          pubsub;
        websocket_channel  user/$everywhere;
    }
    location = /preset {
        auth_request       /session;
        auth_request_set   $user $upstream_http_x_user;
        set                $user anybody;
        set                $other a%40;
        websocket_set_decoded $name "$user%41";
        websocket_set_decoded $fixed $user;
        websocket_set_decoded $early $other;
        set                $fixed fixed;
        set                $other b;
        websocket          pubsub;
        websocket_channel  user/$name/$fixed/$early;
    }
    location = /publish { websocket_publish; websocket_channel user/$arg_u; }
--- websocket
a+ Cookie: session=5
a> GET /stream
a< 101
! POST /publish?u=ann%40x one
! < 200
a< text one
a> close 1000
a< close 1000
a< eof
! wait-access qr/^.stream ann%40x 101$/
# what auth_request_set has set is decoded
d+ Cookie: session=5
d> GET /decoded
d< 101
d< header X-Name: [ann@x]
! POST /publish?u=ann@x two
! < 200
d< text two
# in a server it holds for the subrequest, too
h+ Cookie: session=5
h> GET /everywhere
h< 101
! POST /publish?u=ann@x two again
! < 200
h< text two again
# in order with "set", as far as what is there already goes
e+ Cookie: session=5
e> GET /preset
e< 101
! POST /publish?u=ann@xA/fixed/a@ three
! < 200
e< text three
# who has a session and no name is nobody
f+ Cookie: session=5; nobody=1
f> GET /stream
f< 400
f< body a variable of the channel name is empty: "$user"
g+ Cookie: session=5; nobody=1
g> GET /decoded
g< 400
g< body a variable of the channel name is empty: "$name"
# nor does what stands around it make it one
i+ Cookie: session=5; nobody=1
i> GET /inbox
i< 400
i< body a variable of the channel name is empty: "$inbox"
j+ Cookie: session=5
j> GET /inbox
j< 101
! POST /publish?u=ann@x/inbox four
! < 200
j< text four
b> GET /stream
b< 401
# with a cookie, pages of other sites are kept out by their Origin
c+ Cookie: session=5
c+ Origin: http://example.org
c> GET /stream
c< 403



=== TEST 4: arguments that are not logged
--- http_config
    map $request_uri $logged_uri {
        "~^(?<before>.*[?&](?:token|key)=)[^&]*(?<after>.*)$" "$before***$after";
        default                                               $request_uri;
    }
    log_format ws '$request_method $logged_uri $status';
    access_log logs/access.log ws;
--- config
    location = /stream { websocket echo; }
    location = /denied { websocket echo; deny all; }
--- websocket
a> GET /denied?a=1&token=secret&b=2
a< 403
! wait-access qr/^GET .denied\?a=1&token=\*\*\*&b=2 403$/
b> GET /stream?key=secret
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^GET .stream\?key=\*\*\* 101$/
c> GET /stream?monkey=banana
c< 101
c> close 1000
c< close 1000
c< eof
! wait-access qr/^GET .stream\?monkey=banana 101$/
