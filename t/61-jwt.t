# websocket_jwt: tokens, what they grant, and what is not believed.

use lib 't/lib';
use File::Basename qw(dirname);
use Test::Nginx::WebSocket;
use Test::Nginx::WebSocket::Token qw(make_keys sign_token write_file);

my $dir = dirname(server_root()) . "/jwt";
my $secret = 'a secret of more than 32 bytes for HS256';
my $now = time;

make_keys($dir);

my $public = do { local (@ARGV, $/) = "$dir/rsa.pub"; <> };

write_file("$dir/short", "short\n");
write_file("$dir/keys.json",
           qq({"keys":[{"kid":"one","alg":"HS256","secret":"$secret 1"},)
           . qq({"kid":"two","alg":"HS256","secret":"$secret 2"}]}));

sub token {
    my ($claims, @header) = @_;

    $claims = { sub => 'ann', exp => $now + 3600, %{$claims} }
        if ref $claims;

    return sign_token($claims, 'HS256', $secret, @header);
}

my $body = { sub => 'ann', exp => $now + 3600 };
my $forged = token({});
my $none = sign_token($body, 'none', '');

$forged =~ s/.(?=..\z)/$& eq 'A' ? 'B' : 'A'/e;

my %tokens = (
    ANN => token({ name => 'Ann "A"', n => 5, Level => 7, list => [1, 'a'] }),
    BOB => token({ sub => 'bob' }),
    NOBODY => sign_token({ exp => $now + 3600 }, 'HS256', $secret),
    FORGED => $forged,
    OTHER => sign_token($body, 'HS256', "$secret!"),
    NONE => $none,
    NONE_SIGNED => $none . (split /\./, token({}))[2],
    UNSIGNED => (token({}) =~ s/[^.]+\z//r),
    PUBLIC => sign_token($body, 'HS256', $public),
    RSA => sign_token($body, 'RS256', "$dir/rsa.pem"),
    EC => sign_token($body, 'ES256', "$dir/ec.pem"),
    CRIT => token({}, crit => ['x'], x => 1),
    ACCESS => token({}, typ => 'at+jwt'),
    LOGOUT => token({}, typ => 'logout+jwt'),
    JTI => token({ jti => 7 }),
    EMPTY => token({ sub => '' }),
    EXPIRED => token({ exp => $now - 100 }),
    NEVER => sign_token({ sub => 'ann' }, 'HS256', $secret),
    NOT_YET => token({ nbf => $now + 3600 }),
    ISSUER => token({ iss => 'https://id.example' }),
    AUDIENCE => token({ aud => ['a', 'chat'] }),
    KID_ONE => sign_token($body, 'HS256', "$secret 1", kid => 'one'),
    KID_WRONG => sign_token($body, 'HS256', "$secret 1", kid => 'two'),
    KID_NONE => sign_token($body, 'HS256', "$secret 2"),
    KID_OTHER => sign_token($body, 'HS256', "$secret 1", kid => 'three'),
    SCOPE => token({ scope => 'read' }),
    SCOPES => token({ scope => 'read  write' }),
    SCP => token({ scp => ['write', 'read'] }),
    INJECT => token({ name => "a\r\nX-Evil: 1" }),
    INJECT_SUB => token({ sub => "a\r\nX-Evil: 1" }),
    ROOMS => token({ channels => { 'room/a' => ['subscribe', 'publish'],
                                   'room/b' => ['subscribe'],
                                   'room/c' => ['publish'],
                                   'room/p' => ['presence'],
                                   'room/h' => ['history'] } }),
    ROOM_A => token({ channels => ['room/a'] }),
    READER => token({ channels => { 'room/a' => ['subscribe'] } }),
    NO_ROOMS => token({ channels => {} }),
    BAD_ROOMS => token({ channels => { 'room/a' => ['all'] } }),
    LONG => token({ x => 'x' x 9000 }),
);

$ENV{"TEST_NGINX_TOKEN_$_"} = $tokens{$_} for keys %tokens;
$ENV{TEST_NGINX_KEYS} = $dir;
$ENV{TEST_NGINX_FAT} = 'x' x 9300;

master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: where the token is looked for
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 cookie=session;
    location = /ws { websocket echo; add_header X-User "$websocket_user"
                     always; }
    location = /chat { websocket echo; websocket_subprotocols chat;
                       add_header X-User "$websocket_user" always; }
    location = /from { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 from=$http_x_token;
    }
--- websocket
no> GET /ws
no< 401
no< header WWW-Authenticate: Bearer
no< header Content-Type: text/plain
no< body a token is required
arg> GET /ws?a=1&token=$TEST_NGINX_TOKEN_ANN
arg< 101
arg< header X-User: ann
arg> text hello
arg< text hello
auth+ Authorization: bearer  $TEST_NGINX_TOKEN_BOB
auth> GET /ws
auth< 101
auth< header X-User: bob
cookie+ Cookie: a=b; session=$TEST_NGINX_TOKEN_ANN
cookie> GET /ws
cookie< 101
# a browser wants one of those that it offered
sub+ Sec-WebSocket-Protocol: chat, bearer.$TEST_NGINX_TOKEN_BOB
sub> GET /chat
sub< 101
sub< header Sec-WebSocket-Protocol: chat
sub< header X-User: bob
subs+ Sec-WebSocket-Protocol: chat
subs+ Sec-WebSocket-Protocol: bearer.,bearer.$TEST_NGINX_TOKEN_BOB
subs> GET /chat
subs< 101
subs< header Sec-WebSocket-Protocol: chat
# what a browser sends by itself comes last
both+ Cookie: session=$TEST_NGINX_TOKEN_ANN
both> GET /chat?token=$TEST_NGINX_TOKEN_BOB
both< 101
both< header X-User: bob
# a wrong one is not made good by another
worse+ Cookie: session=$TEST_NGINX_TOKEN_ANN
worse> GET /chat?token=x
worse< 401
empty+ Cookie: session=
empty> GET /chat
empty< 401
empty< header WWW-Authenticate: Bearer
basic+ Authorization: Basic YW5uOmI=
basic> GET /ws
basic< 401
basic< body a token is required
from+ X-Token: $TEST_NGINX_TOKEN_ANN
from> GET /from
from< 101
from2+ Cookie: session=$TEST_NGINX_TOKEN_ANN
from2> GET /from?token=$TEST_NGINX_TOKEN_ANN
from2< 401



=== TEST 2: signatures
--- config
    location = /hs { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256; }
    location = /rs { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/rsa.pub alg=RS256; }
    location = /es { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/ec.pub alg=ES256; }
--- websocket
hs> GET /hs?token=$TEST_NGINX_TOKEN_ANN
hs< 101
rs> GET /rs?token=$TEST_NGINX_TOKEN_RSA
rs< 101
es> GET /es?token=$TEST_NGINX_TOKEN_EC
es< 101
f> GET /hs?token=$TEST_NGINX_TOKEN_FORGED
f< 401
f< header WWW-Authenticate: Bearer error="invalid_token", error_description="the token's signature is wrong"
f< body the token's signature is wrong
o> GET /hs?token=$TEST_NGINX_TOKEN_OTHER
o< 401
u> GET /hs?token=$TEST_NGINX_TOKEN_UNSIGNED
u< 401
n1> GET /hs?token=$TEST_NGINX_TOKEN_NONE
n1< 401
n2> GET /hs?token=$TEST_NGINX_TOKEN_NONE_SIGNED
n2< 401
n2< body the token's algorithm is not its key's
n3> GET /rs?token=$TEST_NGINX_TOKEN_NONE_SIGNED
n3< 401
# the public key is no secret
p> GET /rs?token=$TEST_NGINX_TOKEN_PUBLIC
p< 401
p< body the token's algorithm is not its key's
r> GET /hs?token=$TEST_NGINX_TOKEN_RSA
r< 401
e> GET /rs?token=$TEST_NGINX_TOKEN_EC
e< 401
c> GET /hs?token=$TEST_NGINX_TOKEN_CRIT
c< 401
g> GET /hs?token=a.b.c
g< 401
l> GET /hs?token=%00
l< 401



=== TEST 3: times, issuer and audience
--- config
    location = /hs { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256; }
    location = /lee { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 leeway=1h; }
    location = /exp { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 exp=required; }
    location = /iss { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256
                      issuer=https://id.example; }
    location = /aud { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 audience=chat; }
--- websocket
a> GET /hs?token=$TEST_NGINX_TOKEN_EXPIRED
a< 401
a< header WWW-Authenticate: Bearer error="invalid_token", error_description="the token has expired"
a< body the token has expired
b> GET /lee?token=$TEST_NGINX_TOKEN_EXPIRED
b< 101
c> GET /hs?token=$TEST_NGINX_TOKEN_NOT_YET
c< 401
c< body the token is not valid yet
d> GET /hs?token=$TEST_NGINX_TOKEN_NEVER
d< 101
e> GET /exp?token=$TEST_NGINX_TOKEN_NEVER
e< 401
e< body the token never expires
f> GET /iss?token=$TEST_NGINX_TOKEN_ISSUER
f< 101
g> GET /iss?token=$TEST_NGINX_TOKEN_ANN
g< 401
h> GET /aud?token=$TEST_NGINX_TOKEN_AUDIENCE
h< 101
i> GET /aud?token=$TEST_NGINX_TOKEN_ANN
i< 401



=== TEST 4: several keys, each of its own kid
--- config
    location = /ws { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/keys.json; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_KID_ONE
a< 101
b> GET /ws?token=$TEST_NGINX_TOKEN_KID_WRONG
b< 401
c> GET /ws?token=$TEST_NGINX_TOKEN_KID_NONE
c< 101
d> GET /ws?token=$TEST_NGINX_TOKEN_KID_OTHER
d< 401
d< body the token's key is not known



=== TEST 5: scopes
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    websocket_require_scope read;
    location = /read { websocket echo; }
    location = /write { websocket_publish; websocket_channel x;
                        websocket_require_scope write read; }
--- websocket
a> GET /read?token=$TEST_NGINX_TOKEN_SCOPE
a< 101
b> GET /read?token=$TEST_NGINX_TOKEN_ANN
b< 403
b< header WWW-Authenticate: Bearer error="insufficient_scope", error_description="the token lacks a scope that is required", scope="read"
b< body the token lacks a scope that is required
c> GET /read
c< 401
! POST /write?token=$TEST_NGINX_TOKEN_SCOPE one
! < 403
! < header WWW-Authenticate: qr/scope="write read"/
! < json {"error":{"code":"forbidden","message":"the token lacks a scope that is required"}}
! POST /write?token=$TEST_NGINX_TOKEN_SCOPES one
! < 202
! POST /write?token=$TEST_NGINX_TOKEN_SCP one
! < 202
! POST /write?token=x one
! < 401
! < json {"error":{"code":"invalid_token"}}
! POST /write one
! < 401
! < header WWW-Authenticate: Bearer
! < json {"error":{"code":"unauthorized"}}



=== TEST 6: claims as variables
--- http_config
    websocket_zone zone=live:1m;
    map $websocket_jwt_sub $who { default other; ann Ann; }
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /ws {
        websocket pubsub;
        websocket_channel user/$websocket_jwt_sub;
        set $early $websocket_jwt_name;
        if ($websocket_jwt_level != 7) { return 402; }
        add_header X-Name "$early|$websocket_jwt_n|$websocket_jwt_list|$websocket_jwt_none|$who" always;
    }
    location = /inject {
        websocket echo;
        add_header X-Name "[$websocket_jwt_name]" always;
        add_header X-User "[$websocket_user]" always;
    }
    location = /off { websocket echo; websocket_jwt off;
        add_header X-Name "[$websocket_jwt_name$websocket_user]" always; }
    location = /pub { websocket_publish; websocket_jwt off;
                      websocket_channel $arg_c; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 101
a< header X-Name: Ann "A"|5|[1,"a"]||Ann
! POST /pub?c=user/ann one
! < json {"channel":"user/ann","subscribers":1}
a< text one
b> GET /ws?token=$TEST_NGINX_TOKEN_BOB
b< 402
i> GET /inject?token=$TEST_NGINX_TOKEN_INJECT
i< 101
i< header X-Name: []
i< header X-User: [ann]
i< header ! X-Evil
j> GET /inject?token=$TEST_NGINX_TOKEN_INJECT_SUB
j< 401
j< body the token's subject has control characters
j< header X-User: []
j< header ! X-Evil
k> GET /off?token=$TEST_NGINX_TOKEN_ANN
k< 101
k< header X-Name: []
# what is not verified says nothing
l> GET /ws?token=$TEST_NGINX_TOKEN_FORGED
l< 402
l< header X-Name: ||||other



=== TEST 7: the rights that the claim "channels" gives
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    websocket_history length=10;
    location = /ws { websocket pubsub; websocket_channel room/$arg_r; }
    location = /in { websocket publish; websocket_channel room/$arg_r; }
    location = /out { websocket subscribe;
                      websocket_channel room/$arg_r room/$arg_s; }
    location = /echo { websocket echo; }
    location = /pub { websocket_publish; websocket_channel room/$arg_r;
                      websocket_presence on; }
--- websocket
a> GET /ws?r=a&token=$TEST_NGINX_TOKEN_ROOMS
a< 101
a> text one
a< text one
b> GET /ws?r=b&token=$TEST_NGINX_TOKEN_ROOMS
b< 101
b> text two
b< close 1008 reason the token does not allow to publish
z> GET /ws?r=b&ack=1&token=$TEST_NGINX_TOKEN_ROOMS
z< 101
z> text {"id":"7"}
z< json= {"error":{"code":"forbidden","message":"the token does not allow to publish","id":"7"}}
z< close 1008 reason the token does not allow to publish
c> GET /ws?r=c&token=$TEST_NGINX_TOKEN_ROOMS
c< 403
c< header WWW-Authenticate: qr/\ABearer error="insufficient_scope", error_description="the token has no right to do this on the channel"\z/
c< body the token has no right to do this on the channel
d> GET /ws?r=d&token=$TEST_NGINX_TOKEN_ROOMS
d< 403
# without the claim all is allowed that the location allows
e> GET /ws?r=d&token=$TEST_NGINX_TOKEN_ANN
e< 101
f> GET /ws?r=a&token=$TEST_NGINX_TOKEN_NO_ROOMS
f< 403
g> GET /ws?r=a&token=$TEST_NGINX_TOKEN_BAD_ROOMS
g< 401
# a list leaves to the location what may be done
h> GET /ws?r=a&token=$TEST_NGINX_TOKEN_ROOM_A
h< 101
h> text three
h< text three
# who only sends needs no right to hear
i> GET /in?r=c&token=$TEST_NGINX_TOKEN_ROOMS
i< 101
j> GET /in?r=b&token=$TEST_NGINX_TOKEN_ROOMS
j< 403
# every one of several channels
k> GET /out?r=a&s=b&token=$TEST_NGINX_TOKEN_ROOMS
k< 101
l> GET /out?r=a&s=c&token=$TEST_NGINX_TOKEN_ROOMS
l< 403
m> GET /echo?token=$TEST_NGINX_TOKEN_NO_ROOMS
m< 101
m> text echo
m< text echo
# streams over HTTP
n+ Accept: text/event-stream
n> plain GET /ws?r=c&token=$TEST_NGINX_TOKEN_ROOMS
n< 403
o+ Accept: text/event-stream
o> plain GET /ws?r=b&token=$TEST_NGINX_TOKEN_ROOMS
o< 200
p> plain GET /ws?r=c&transport=poll&token=$TEST_NGINX_TOKEN_ROOMS
p< 403
q> plain GET /ws?r=b&transport=poll&token=$TEST_NGINX_TOKEN_ROOMS
q< 200
r+ Accept: text/event-stream
r> plain GET /ws?r=b
r< 401
# publishing, by clients and by applications
! POST /ws?r=a&token=$TEST_NGINX_TOKEN_ROOMS four
! < 200
a< text three
a< text four
! POST /ws?r=b&token=$TEST_NGINX_TOKEN_ROOMS five
! < 403
! < json {"error":{"code":"forbidden"}}
! POST /in?r=c&token=$TEST_NGINX_TOKEN_ROOMS five
! < 202
! POST /pub?r=a&token=$TEST_NGINX_TOKEN_ROOMS six
! < 200
! POST /pub?r=b&token=$TEST_NGINX_TOKEN_ROOMS six
! < 403
! GET /pub?r=b&token=$TEST_NGINX_TOKEN_ROOMS
! < 200
! GET /pub?r=d&token=$TEST_NGINX_TOKEN_ROOMS
! < 403
! GET /pub?r=a&since=0:0&token=$TEST_NGINX_TOKEN_ROOMS
! < 403
! GET /pub?r=a&limit=1&token=$TEST_NGINX_TOKEN_ROOMS
! < 403
! GET /pub?r=h&limit=1&token=$TEST_NGINX_TOKEN_ROOMS
! < 404
! GET /pub?r=h&presence=1&token=$TEST_NGINX_TOKEN_ROOMS
! < 403
! GET /pub?r=p&presence=1&token=$TEST_NGINX_TOKEN_ROOMS
! < 404
! DELETE /pub?r=a&token=$TEST_NGINX_TOKEN_ROOMS
! < 403
! DELETE /pub?r=a&token=$TEST_NGINX_TOKEN_ROOM_A
! < 200
a< text six
a< close 1000



=== TEST 8: the claim may be asked for
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel room/a;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256
                      channels=required; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 403
a< body the token has no claim "channels"
a< header WWW-Authenticate: Bearer error="insufficient_scope", error_description="the token has no claim 'channels'"
b> GET /ws?token=$TEST_NGINX_TOKEN_ROOM_A
b< 101
# it is not to send
b> text one
b< close 1008 reason this stream does not take messages



=== TEST 9: nothing of a token in the access log
--- http_config
    websocket_zone zone=live:1m;
    limit_conn_zone $websocket_jwt_sub zone=c:1m;
    log_format ws '[$request] [$args] [$websocket_user] [$websocket_jwt_n] [$websocket_channel] $status';
    access_log logs/access.log ws;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /ws { websocket pubsub;
                     websocket_channel user/$websocket_jwt_sub; }
    location = /busy { websocket echo; limit_conn c 1; }
    location = /start { websocket echo; websocket_access_log start; }
    location = /out { websocket subscribe; websocket_channel x; }
    location = /kept { return 418; error_page 418 /ws; }
    location = /revoke { websocket_revoke time=1h; }
--- websocket
a> GET /ws?a=1&token=$TEST_NGINX_TOKEN_ANN&b=2
a< 101
a> text one
a< text one
a> close 1000
a< close 1000
a< eof
! wait-access qr/^\[GET .ws\?a=1&token=\*+&b=2 HTTP.1\.1\] \[a=1&token=\*+&b=2\] \[ann\] \[5\] \[user.ann\] 101$/
b> GET /start?token=$TEST_NGINX_TOKEN_ANN
b< 101
! wait-access qr/^\[GET .start\?token=\*+ HTTP.1\.1\] \[token=\*+\] \[ann\] \[5\] \[[^\]]*\] 101$/
c> GET /ws?Token=x.y.z
c< 401
! wait-access qr/^\[GET .ws\?Token=\*\*\*\*\* HTTP.1\.1\] \[Token=\*+\] \[-\] \[-\] \[-\] 401$/
! wait-log qr/websocket request refused with 401: [^\n]*request: "GET .ws.Token=\*\*\*\*\* HTTP/
d+ Accept: text/event-stream
d> plain GET /ws?token=$TEST_NGINX_TOKEN_ANN
d< 200
d> end
! wait-access qr/^\[GET .ws\?token=\*+ HTTP.1\.1\] \[token=\*+\] \[ann\] \[5\] \[user.ann\] 200$/
# limit_conn holds the request as long as the session lives
e> GET /busy?token=$TEST_NGINX_TOKEN_ANN
e< 101
f+ Authorization: Bearer $TEST_NGINX_TOKEN_ANN
f> GET /busy
f< 503
e> text one
e< text one
e> close 1000
e< close 1000
e< eof
! wait-access qr/^\[GET .busy\?token=\*+ HTTP.1\.1\] \[token=\*+\] \[ann\] \[5\] \[[^\]]*\] 101$/
# what is refused before the token is looked at
g+ Origin: https://evil.example
g> GET /ws?token=$TEST_NGINX_TOKEN_ANN
g< 403
! wait-access qr/^\[GET .ws\?token=\*+ HTTP.1\.1\] \[token=\*+\] .* 403$/
! wait-log qr/websocket request refused with 403: [^\n]*request: "GET .ws.token=\*+ HTTP/
! GET /ws?token=$TEST_NGINX_TOKEN_ANN
! < 426
! wait-access qr/^\[GET .ws\?token=\*+ HTTP.1\.1\] \[token=\*+\] .* 426$/
! POST /out?token=$TEST_NGINX_TOKEN_ANN x
! < 405
! wait-access qr/^\[POST .out\?token=\*+ HTTP.1\.1\] \[token=\*+\] .* 405$/
h+ Sec-WebSocket-Key: x
h> GET /ws?token=$TEST_NGINX_TOKEN_ANN
h< 400
! wait-access qr/^\[GET .ws\?token=\*+ HTTP.1\.1\] \[token=\*+\] .* 400$/
i> GET /kept?token=$TEST_NGINX_TOKEN_ANN
i< 418
! wait-access qr/^\[GET .kept\?token=\*+ HTTP.1\.1\] .* 418$/
! GET /revoke?token=$TEST_NGINX_TOKEN_ANN
! < 405
! wait-access qr/^\[GET .revoke\?token=\*+ HTTP.1\.1\] \[token=\*+\] .* 405$/
--- no_access_log eval
qr/eyJ/
--- no_error_log eval
qr/\[(?!debug)\w+\] [^\n]*eyJ/



=== TEST 10: tokens are renewed in band
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 renew=60s;
    location = /ws { websocket pubsub; websocket_channel room/a; }
    location = /out { websocket subscribe; websocket_channel room/a; }
    location = /scope { websocket echo; websocket_require_scope read; }
    location = /plain { websocket pubsub; websocket_channel room/a;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 101
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_NEVER"}
a< json= {"type":"token_renewed","expires":null}
a> text {"type": "token", "token": "$TEST_NGINX_TOKEN_ANN"}
a< json {"type":"token_renewed"}
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_BOB"}
a< json= {"type":"token_error","message":"the token is of another subject"}
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_NOBODY"}
a< json {"type":"token_error"}
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_FORGED"}
a< json= {"type":"token_error","message":"the token's signature is wrong"}
# what only looks like one is a message
a> text {"type":"token"}
a< text {"type":"token"}
a> text {"token":"x"}
a< text {"token":"x"}
a> text {"type":"token","token":5}
a< text {"type":"token","token":5}
a> text "token"
a< text "token"
a> binary {"type":"token","token":"x"}
a< binary {"type":"token","token":"x"}
# what might have been a token is not for others to see
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"
a< json= {"type":"token_error","message":"the message is no JSON, or too much of it"}
a> text \u{20}\n{"token":"a", "token":"b"}
a< json {"type":"token_error"}
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"}
a< json {"type":"token_renewed"}
a> text {"token"
a< json {"type":"token_error"}
# nor one that is longer than any that is right, or goes with much else
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_LONG"}
a< json= {"type":"token_error","message":"the token is malformed"}
a> text {"x":"$TEST_NGINX_FAT","token":5}
a< text {"x":"$TEST_NGINX_FAT","token":5}
# a right that is lost
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_READER"}
a< json {"type":"token_renewed"}
a> text hello
a< close 1008 reason the token does not allow to publish
b> GET /out?token=$TEST_NGINX_TOKEN_ANN
b< 101
b> text {"type":"token","token":"$TEST_NGINX_TOKEN_ROOM_A"}
b< json {"type":"token_renewed"}
b> text {"type":"token","token":"$TEST_NGINX_TOKEN_NO_ROOMS"}
b< close 1008 reason the new token has no right to the channel
c> GET /out?token=$TEST_NGINX_TOKEN_ANN
c< 101
c> text hello
c< close 1008 reason this stream does not take messages
d> GET /scope?token=$TEST_NGINX_TOKEN_SCOPE
d< 101
d> text {"type":"token","token":"$TEST_NGINX_TOKEN_SCOPES"}
d< json {"type":"token_renewed"}
d> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"}
d< close 1008 reason the token lacks a scope that is required
# where it is not asked for, such a message is one
e> GET /plain?token=$TEST_NGINX_TOKEN_ANN
e< 101
e> text {"type":"token","token":"x"}
e< text {"type":"token","token":"x"}
f> GET /ws?token=$TEST_NGINX_TOKEN_NOBODY
f< 101
f> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"}
f< json {"type":"token_error"}
f> times 7 text {"type":"token","token":"x"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f< json {"type":"token_error"}
f> text {"type":"token","token":"x"}
f< close 1008 reason too many wrong tokens



=== TEST 11: presence is of the token's subject
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x;
        websocket_presence on;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256; }
    location = /pub { websocket_publish; websocket_channel x;
                      websocket_presence on; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_BOB
a< 101
! GET /pub?presence=1
! < json {"members":1,"presence":[{"from":"bob"}]}



=== TEST 12: a short secret is warned of
--- config
    location = /ws { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/short alg=HS256; }
--- request
GET /ws
--- error_code: 426
--- error_log eval
qr/\[warn\] .*a secret in "\S+short" is shorter than the hash/



=== TEST 13: filters of who may not publish, and of who may not come in
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    websocket_channel room/a;
    websocket_filter on;
    location = /ws { websocket pubsub; }
    location = /result { websocket subscribe; }
    location = /pub { websocket_publish; websocket_jwt off; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_READER
a< 101
b> GET /result?token=$TEST_NGINX_TOKEN_READER
b< 101
a> text {"filter":{"n":1}}
a< text {"filter":"ok"}
b> text {"filter":{"n":2}}
b< text {"filter":"ok"}
! POST /pub {"n":1}
! POST /pub {"n":2}
a< text {"n":1}
b< text {"n":2}
a> text {"n":1}
a< close 1008 reason the token does not allow to publish
b> text {"n":1}
b< close 1008
c> GET /ws?token=$TEST_NGINX_TOKEN_NO_ROOMS&filter={"n":
c< 403



=== TEST 14: who sends tokens without end waits after each
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$websocket_messages_in $websocket_duration';
    access_log logs/access.log ws;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 renew=60s;
    location = /ws { websocket pubsub; websocket_channel room/a; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 101
a> times 5 text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"}
a> text hello
a< json {"type":"token_renewed"}
a< json {"type":"token_renewed"}
a< json {"type":"token_renewed"}
a< json {"type":"token_renewed"}
a< json {"type":"token_renewed"}
a< text hello
a> close 1000
a< close 1000
a< eof
! wait-access qr/^6 (0\.[4-9]|[1-9])/



=== TEST 15: a token that names nobody, and a header that does
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
        websocket_stamp from;
        add_header X-User "[$websocket_user]" always; }
--- websocket
a+ Authorization: Basic cm9vdDp4
a> GET /ws?token=$TEST_NGINX_TOKEN_NOBODY
a< 101
a< header X-User: []
a> text {"a":1}
a< json= {"from":null,"a":1}
! POST /ws?token=$TEST_NGINX_TOKEN_NOBODY [Authorization: Basic cm9vdDp4] {"a":2}
a< json= {"from":null,"a":2}
b+ Authorization: Basic cm9vdDp4
b> GET /ws
b< 401
b< header X-User: []



=== TEST 16: claims are those of the location, whoever asked before it
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri [$websocket_jwt_sub] [$websocket_channel]';
    access_log logs/access.log ws;
--- config
    set $early $websocket_jwt_sub;
    location = /ws {
        websocket pubsub;
        websocket_channel user/$websocket_jwt_sub;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    }
    location = /asks {
        websocket pubsub;
        websocket_channel asks/$websocket_jwt_sub;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
        auth_request /auth;
        mirror /mirror;
    }
    location = /auth { internal; if ($websocket_jwt_sub) { return 403; }
                       return 204; }
    location = /mirror { internal; if ($websocket_jwt_sub) { return 403; }
                         return 204; }
    location = /first {
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256
                      from=$http_x_first;
        if ($websocket_jwt_sub = bob) { rewrite ^ /ws last; }
        return 403;
    }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_ANN
a< 101
a> close 1000
a< close 1000
a< eof
! wait-access qr/^.ws \[ann\] \[user.ann\]$/
b> GET /asks?token=$TEST_NGINX_TOKEN_ANN
b< 101
b> close 1000
b< close 1000
b< eof
! wait-access qr/^.asks \[ann\] \[asks.ann\]$/
c+ Accept: text/event-stream
c> plain GET /asks?token=$TEST_NGINX_TOKEN_BOB
c< 200
c> end
! wait-access qr/^.asks \[bob\] \[asks.bob\]$/
d+ X-First: $TEST_NGINX_TOKEN_BOB
d> GET /first?token=$TEST_NGINX_TOKEN_ANN
d< 101
d> end
! wait-access* 2 qr/^.ws \[ann\] \[user.ann\]$/



=== TEST 17: a Close behind what closes the session is seen
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri $websocket_duration';
    access_log logs/access.log ws;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    websocket_close_timeout 1m;
    location = /ws { websocket pubsub; websocket_channel room/a; }
    location = /out { websocket subscribe; websocket_channel room/a;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 renew=1s; }
--- websocket
a> GET /ws?token=$TEST_NGINX_TOKEN_READER
a< 101
a> raw 81 82 00 00 00 00 68 69 88 82 00 00 00 00 03 e8
a< close 1008
a< eof
! wait-access qr/^.ws \d\.\d+$/
b> GET /out?token=$TEST_NGINX_TOKEN_READER
b< 101
b> raw 81 82 00 00 00 00 68 69 88 82 00 00 00 00 03 e8
b< close 1008
b< eof
! wait-access qr/^.out \d\.\d+$/



=== TEST 18: types of tokens, and claims that are none
--- config
    location = /any { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256; }
    location = /access { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 typ=at+jwt; }
    location = /jwt { websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 typ=JWT; }
--- websocket
a> GET /any?token=$TEST_NGINX_TOKEN_ACCESS
a< 101
b> GET /any?token=$TEST_NGINX_TOKEN_LOGOUT
b< 401
b< body the token's "typ" is not one that is taken here
c> GET /access?token=$TEST_NGINX_TOKEN_ACCESS
c< 101
d> GET /access?token=$TEST_NGINX_TOKEN_ANN
d< 401
e> GET /jwt?token=$TEST_NGINX_TOKEN_ACCESS
e< 401
f> GET /any?token=$TEST_NGINX_TOKEN_JTI
f< 401
f< body a claim of the token is of the wrong type, or empty
g> GET /any?token=$TEST_NGINX_TOKEN_EMPTY
g< 401



=== TEST 19: a token without a name has no channel
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /inbox { websocket subscribe;
                        websocket_channel user/$websocket_jwt_sub; }
--- websocket
a> GET /inbox?token=$TEST_NGINX_TOKEN_ANN
a< 101
b> GET /inbox?token=$TEST_NGINX_TOKEN_NOBODY
b< 400
b< body a variable of the channel name is empty: "$websocket_jwt_sub"



=== TEST 20: a user's key is the user's own
--- http_config
    websocket_zone zone=live:1m;
    websocket_history length=9;
--- config
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
    location = /ws { websocket pubsub; websocket_channel x; }
--- websocket
! POST /ws?token=$TEST_NGINX_TOKEN_ANN [Idempotency-Key: 1] of ann
! < json {"offset":1}
! POST /ws?token=$TEST_NGINX_TOKEN_BOB [Idempotency-Key: 1] of bob
! < json {"offset":2}
! POST /ws?token=$TEST_NGINX_TOKEN_ANN [Idempotency-Key: 1] of ann
! < json {"offset":1,"duplicate":true}



=== TEST 21: a page of one's own for who has no token
--- config
    location = /ws {
        websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
        error_page 401 = @login;
    }
    location = /kept {
        websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
        error_page 401 /why;
    }
    location = /why { return 200 "a token is missing\n"; }
    location @login { return 302 /login; }
    # who may come in without one
    location = /guests {
        websocket echo;
        websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256;
        error_page 401 = /guest;
    }
    location = /guest { websocket echo; }
--- websocket
a> GET /ws
a< 302
a< header Location: qr/.login$/
b> GET /kept?token=x
b< 401
b< header WWW-Authenticate: qr/\ABearer error="invalid_token"/
b< body a token is missing
c> GET /guests
c< 101
c> text hello
c< text hello



=== TEST 22: a renewal is no message too many, and no escape hides it
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_channel room/a;
    websocket_jwt key=$TEST_NGINX_KEYS/hs.key alg=HS256 renew=60s;
    location = /rate { websocket pubsub; websocket_rate messages=1/1h action=drop; }
    location = /ws { websocket pubsub; }
--- websocket
a> GET /rate?token=$TEST_NGINX_TOKEN_ANN
a< 101
a> text one
a< text one
a> text two
a> text {"type":"token","token":"$TEST_NGINX_TOKEN_ANN"}
a< json {"type":"token_renewed"}
b> GET /ws?token=$TEST_NGINX_TOKEN_ANN
b< 101
b> text {"type":"\\u0074oken","\\u0074oken":"$TEST_NGINX_TOKEN_ANN"}
b< json {"type":"token_renewed"}
b> text {"type":"token","t\\u006fken":"cut
b< json {"type":"token_error"}
b> text {"x":"\\u00e9"}
b< text {"x":"\\u00e9"}
a< text {"x":"\\u00e9"}
