# websocket_revoke: tokens that are not to be believed any more.

use lib 't/lib';
use File::Basename qw(dirname);
use Test::Nginx::WebSocket;
use Test::Nginx::WebSocket::Token qw(sign_token write_file);

my $dir = dirname(server_root()) . "/revoke";
my $secret = 'a secret of more than 32 bytes for HS256';
my $now = time;

mkdir $dir;
write_file("$dir/hs.key", $secret);

sub token {
    my (%claims) = @_;

    return sign_token({ exp => $now + 3600, iat => $now - 10, %claims },
                      'HS256', $secret);
}

my %tokens = (
    ANN => token(sub => 'ann'),
    ANN_2 => token(sub => 'ann', jti => 'x'),
    # of an issuer whose clock is ahead
    ANN_LATER => token(sub => 'ann', iat => $now + 600),
    ANN_ANY => sign_token({ sub => 'ann' }, 'HS256', $secret),
    BOB => token(sub => 'bob'),
    BOB_X => token(sub => 'bob', jti => 'x'),
    X => token(sub => 'x'),
    NOBODY => token(),
    ADMIN => token(sub => 'root', scope => 'revoke'),
);

$ENV{"TEST_NGINX_TOKEN_$_"} = $tokens{$_} for keys %tokens;
$ENV{TEST_NGINX_KEYS} = $dir;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: a user's sessions end in all workers, and do not come back
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$websocket_user $websocket_close_code $websocket_close_reason';
    access_log logs/access.log ws;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 leeway=1h renew=60s;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /revoke { websocket_revoke time=1h; websocket_jwt off; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 101
! apart b a
b> GET /ws?token=$TEST_NGINX_TOKEN_ANN
b< 101
c> GET /ws?token=$TEST_NGINX_TOKEN_BOB
c< 101
! apart d c
d> GET /ws?token=$TEST_NGINX_TOKEN_BOB
d< 101
e+ Accept: text/event-stream
e> plain GET /ws?token=$TEST_NGINX_TOKEN_ANN
e< 200
f> GET /ws?token=$TEST_NGINX_TOKEN_ANN_LATER
f< 101
g> GET /ws?token=$TEST_NGINX_TOKEN_ANN_ANY
g< 101
h> GET /ws?token=$TEST_NGINX_TOKEN_NOBODY
h< 101
! POST /revoke {"jti":"x"}
! < 200
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN_2"}
a< json {"type":"token_error","message":"the token was revoked"}
! POST /revoke {"user":"ann"}
a> text too late
b> text too late
! < 200
! < json {"user":"ann"}
a< close 4401 reason token revoked
b< close 4401 reason token revoked
e< stream event: close\ndata: {"code":4401,"reason":"token revoked"}
g< close 4401 reason token revoked
# clocks may differ by the leeway
f< close 4401 reason token revoked
a> close 4401
a< eof
! wait-access qr/^ann 4401 token revoked$/
# the same ones are refused, on every worker
! apart i c
i> GET /ws?token=$TEST_NGINX_TOKEN_ANN
i< 401
i< header WWW-Authenticate: Bearer error="invalid_token", error_description="the token was revoked"
i< body the token was revoked
! together j c
j> GET /ws?token=$TEST_NGINX_TOKEN_ANN_2
j< 401
! POST /pub?token=$TEST_NGINX_TOKEN_ANN one
! < 401
! < json {"error":{"code":"invalid_token","message":"the token was revoked"}}
# others go on
c> text two
c< text two
d< text two
h< text two
k> GET /ws?token=$TEST_NGINX_TOKEN_ANN_LATER
k< 401
l> GET /ws?token=$TEST_NGINX_TOKEN_ANN_ANY
l< 401



=== TEST 2: one token, by its jti
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /revoke { websocket_revoke time=1h;
                         websocket_require_scope revoke; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_BOB_X
a< 101
! apart b a
b> GET /ws?token=$TEST_NGINX_TOKEN_BOB
b< 101
c> GET /ws?token=$TEST_NGINX_TOKEN_X
c< 101
! POST /revoke?token=$TEST_NGINX_TOKEN_BOB {"jti":"x"}
! < 403
! POST /revoke {"jti":"x"}
! < 401
! POST /revoke?token=$TEST_NGINX_TOKEN_ADMIN {"jti":"x"}
! < 200
a< close 4401 reason token revoked
d> GET /ws?token=$TEST_NGINX_TOKEN_BOB_X
d< 401
e> GET /ws?token=$TEST_NGINX_TOKEN_BOB
e< 101
# a user of that name is not a token of that id
f> GET /ws?token=$TEST_NGINX_TOKEN_X
f< 101
! POST /revoke?token=$TEST_NGINX_TOKEN_ADMIN {"user":"bob"}
! < 200
b< close 4401 reason token revoked
e< close 4401 reason token revoked



=== TEST 3: it outlives reloads and the death of workers, for its time
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /ws { websocket subscribe; websocket_channel x; }
    location = /long { websocket_revoke time=1h; websocket_jwt off; }
    location = /short { websocket_revoke time=1s; websocket_jwt off; }
--- websocket
! POST /long {"user":"ann"}
! < 200
! POST /short {"user":"bob"}
! < 200
! POST /short {"user":"ann"}
! < 200
! reload
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 401
! kill worker
! kill worker 1
b> GET /ws?token=$TEST_NGINX_TOKEN_ANN
b< 401
! sleep 1.1
c> GET /ws?token=$TEST_NGINX_TOKEN_BOB
c< 101
d> GET /ws?token=$TEST_NGINX_TOKEN_ANN
d< 401



=== TEST 4: what is no revocation
--- config
    location = /revoke { websocket_revoke time=1h; }
--- websocket
! GET /revoke
! < 405
! < header Allow: POST
! POST /revoke
! < 400
! POST /revoke {"user":"a","jti":"b"}
! < 400
! < json {"error":{"code":"invalid_body"}}
! POST /revoke {"user":""}
! < 400
! POST /revoke {"user":5}
! < 400
! POST /revoke ["user"]
! < 400
! POST /revoke {"user":"a"
! < 400
! POST /revoke * 9000 x
! < 413
! POST /revoke [Origin: http://example.org] {"user":"a"}
! < 403



=== TEST 5: a token that was revoked has no claims
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /api {
        if ($websocket_jwt_sub = "") { return 401; }
        return 204;
    }
    location = /revoke { websocket_revoke time=1h; websocket_jwt off; }
--- websocket
! GET /api?token=$TEST_NGINX_TOKEN_BOB
! < 204
! POST /revoke {"user":"bob"}
! < 200
! GET /api?token=$TEST_NGINX_TOKEN_BOB
! < soon 401
! GET /api?token=$TEST_NGINX_TOKEN_ANN
! < 204



=== TEST 6: an if, and limit_except, do not take it away
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /revoke {
        websocket_revoke time=1h;
        if ($arg_x) { set $x 1; }
        limit_except POST { deny all; }
    }
    location = /status {
        websocket_status json;
        if ($arg_x) { set $x 1; }
        limit_except POST { allow all; }
    }
--- websocket
! POST /revoke?x=1 {"user":"carl"}
! < 200
! < json {"user":"carl"}
! POST /revoke {"user":"carl"}
! < 200
! GET /revoke
! < 403
! GET /status?x=1
! < 200
! < json {"zones":[{"name":"live"}]}
