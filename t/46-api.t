# websocket_api: Centrifugo's HTTP API, to the byte.

use lib 't/lib';
use File::Basename qw(dirname);
use Test::Nginx::WebSocket;
use Test::Nginx::WebSocket::Token qw(write_file);

my $dir = dirname(server_root()) . "/api";

mkdir $dir;
write_file("$dir/keys", "the first key of two\n\r\nthe second key of two\r\n");
chmod 0600, "$dir/keys";

$ENV{TEST_NGINX_KEYS} = $dir;

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value(http_config => <<'CONF') if !$block->http_config;
    websocket_zone zone=live:4m;
    websocket_namespace default {
        subscribe client anonymous;
    }
    websocket_namespace kept {
        history     length=10 time=60s;
        recovery    force;
        subscribe   client anonymous;
    }
    websocket_namespace room {
        presence    on;
        subscribe   client anonymous;
    }
CONF

    $block->set_value(config => <<'CONF') if !$block->config;
    location = /ws { websocket centrifuge; websocket_anonymous on; }
    location /api/ {
        websocket_api key=$TEST_NGINX_KEYS/keys;
        websocket_max_message_size 1000;
    }
    location /small/ {
        websocket_api insecure;
        internal;
        websocket_max_message_size 10;
        client_body_in_file_only clean;
    }
    location /file/ { rewrite ^/file(/.*) /small$1; }
    location /inner/ { internal; websocket_api insecure; }
    location /to/ { rewrite ^/to(/.*) /inner$1; }
CONF
});

plan_tests();
run_tests();

__DATA__

=== TEST 1: a key, in a header and nowhere else
--- websocket
! POST /api/publish [X-API-Key: the first key of two] {"channel":"x","data":1}
! < 200
! < json= {"result":{}}
! POST /api/publish [Authorization: apikey the second key of two] {"channel":"x","data":1}
! < 200
! < json= {"result":{}}
! POST /api/publish {"channel":"x","data":1}
! < 401
! < json {"error":{"code":"unauthorized","message":"no key, or not one of the API's"}}
! POST /api/publish?api_key=the%20first%20key%20of%20two {"channel":"x","data":1}
! < 401
! POST /api/publish [X-API-Key: the first key of tw] {"channel":"x","data":1}
! < 401
! POST /api/publish [Authorization: apikey ] {"channel":"x","data":1}
! < 401
! POST /api/publish [Authorization: Bearer the first key of two] {"channel":"x","data":1}
! < 401
! GET /api/publish
! < 405
! < header Allow: POST
! POST /inner/publish {"channel":"x","data":1}
! < 404
! POST /to/publish {"channel":"x","data":1}
! < 200
! < json= {"result":{}}



=== TEST 2: publish
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"kept:x"}}
a< text qr/"epoch":"(?<epoch>[0-9a-f]{16})"/
a> text {"id":3,"subscribe":{"channel":"plain"}}
a< text {"id":3,"subscribe":{}}
! POST /to/publish {"channel":"kept:x","data":{"n": 1.00,\n"big":12345678901234567890}}
! < 200
! < json= {"result":{"offset":1,"epoch":"%{epoch}"}}
a< text {"push":{"channel":"kept:x","pub":{"data":{"n": 1.00,"big":12345678901234567890},"offset":1}}}
! POST /to/publish {"b64data":"eyJhIjoxfQ==","channel":"kept:x","tags":{"lang":"de"}}
! < json= {"result":{"offset":2,"epoch":"%{epoch}"}}
a< text {"push":{"channel":"kept:x","pub":{"data":{"a":1},"offset":2,"tags":{"lang":"de"}}}}
! POST /to/publish {"channel":"kept:x","data":3,"skip_history":true}
! < json= {"result":{}}
a< text {"push":{"channel":"kept:x","pub":{"data":3}}}
! POST /to/publish {"channel":"kept:x","data":4,"idempotency_key":"k"}
! < json= {"result":{"offset":3,"epoch":"%{epoch}"}}
a< text {"push":{"channel":"kept:x","pub":{"data":4,"offset":3}}}
! POST /to/publish {"channel":"kept:x","data":5,"idempotency_key":"k"}
! < json= {"result":{"offset":3,"epoch":"%{epoch}"}}
! POST /to/publish {"channel":"plain","data":null,"unknown":{"deep":[1]}}
! < json= {"result":{}}
a< text qr/^\{"push":\{"channel":"plain","pub":\{"data":null/



=== TEST 3: what is refused is said as Centrifugo says it
--- websocket
! POST /to/publish {"channel":"x"}
! < 200
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"data":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":["x"],"data":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x\\u0001","data":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x","b64data":"?"}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x","data":1,"tags":{"a":"1,b=2"}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x","data":1,"tags":{"a=1,b":"2"}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x","data":1,"tags":{"a=b":"c"}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"x","data":1,"other":{"a":1,"a":"\\u0000"}}
! < json= {"result":{}}
! POST /to/publish {"channel":"x","data":1,"tags":{"a":1}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/publish {"channel":"none:x","data":1}
! < json= {"error":{"code":102,"message":"unknown channel"}}
! POST /to/publish {"channel":"x","data":1,"version":2}
! < json= {"error":{"code":108,"message":"not available"}}
! POST /file/publish {"channel":"x","data":"01234567"}
! < json= {"result":{}}
! POST /file/publish {"channel":"x","data":"012345678"}
! < json= {"error":{"code":106,"message":"limit exceeded"}}
! POST /to/nothing {}
! < json= {"error":{"code":104,"message":"not found"}}
! POST /to/publish {"channel":"x","data":nul}
! < 400
! < json {"error":{"code":"invalid_body","message":"the body is not a JSON object"}}
! POST /to/publish [1]
! < 400
! POST /to/publish {"channel":"x","data":1} {}
! < 400
! POST /to/publish {"channel":"x","data":1,}
! < 400
! POST /to/publish
! < 400
! POST /to/publish {"channel":"x","data":"\xff"}
! < 400



=== TEST 4: broadcast: each channel has its own result
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< json {"id":1}
a> text {"id":2,"subscribe":{"channel":"kept:x"}}
a< text qr/"epoch":"(?<epoch>[0-9a-f]{16})"/
! POST /to/broadcast {"channels":["kept:x","none:x","plain"],"data":"all"}
! < 200
! < json= {"result":{"responses":[{"result":{"offset":1,"epoch":"%{epoch}"}},{"error":{"code":102,"message":"unknown channel"}},{"result":{}}]}}
a< text {"push":{"channel":"kept:x","pub":{"data":"all","offset":1}}}
! POST /to/broadcast {"channels":[],"data":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/broadcast {"channels":"x","data":1}
! < json= {"error":{"code":107,"message":"bad request"}}



=== TEST 5: to sessions of a user, or to one of them
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}
a< text qr/"client":"(?<ann>[0-9a-f-]{36})"/
b> GET /ws
b< 101
b> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"x"}}\n{"id":3,"subscribe":{"channel":"y"}}
b< text qr/"client":"(?<bob>[0-9a-f-]{36})"/
b< text {"id":2,"subscribe":{}}
b< text {"id":3,"subscribe":{}}
! POST /to/refresh {"user":"","client":"%{ann}","expire_at":4000000000,"info":{"n":1}}
! < json= {"result":{}}
a< text {"push":{"refresh":{"expires":true,"ttl":31536000}}}
! POST /to/refresh {"user":"","client":"%{ann}"}
! < json= {"result":{}}
a< text {"push":{"refresh":{}}}
! POST /to/unsubscribe {"user":"","client":"%{bob}","channel":"y"}
! < json= {"result":{}}
b< text {"push":{"channel":"y","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}
! POST /to/unsubscribe {"user":""}
! < json= {"result":{}}
b< text {"push":{"channel":"x","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}
! POST /to/disconnect {"user":"nobody"}
! < json= {"result":{}}
! POST /to/disconnect {"user":"","session":"%{ann}"}
! < json= {"result":{}}
! POST /to/disconnect {"user":"","whitelist":["%{ann}"]}
! < json= {"result":{}}
b< close 3503 force disconnect
! POST /to/refresh {"user":"","expired":true}
! < json= {"result":{}}
a< close 3005 connection expired



=== TEST 6: whom it is for must be said
--- websocket
! POST /to/disconnect {}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","client":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","whitelist":[1]}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","whitelist":"b"}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","disconnect":{"code":1000}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","disconnect":{"code":5000}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/disconnect {"user":"a","disconnect":{"code":4000,"reason":"a\\u0001"}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/unsubscribe {"user":"a","channel":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/refresh {"user":"a","expire_at":-1}
! < json= {"error":{"code":107,"message":"bad request"}}



=== TEST 7: who is there
--- websocket
! POST /to/presence {"channel":"room:a"}
! < json= {"result":{"presence":{}}}
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room:a"}}
a< text qr/"client":"(?<ann>[0-9a-f-]{36})"/
a< text {"id":2,"subscribe":{}}
! POST /to/presence {"channel":"room:a"}
! < json= {"result":{"presence":{"%{ann}":{"user":"","client":"%{ann}"}}}}
! POST /to/presence_stats {"channel":"room:a"}
! < json= {"result":{"num_clients":1,"num_users":1}}
! POST /to/presence {"channel":"x"}
! < json= {"error":{"code":108,"message":"not available"}}
! POST /to/presence_stats {"channel":"none:x"}
! < json= {"error":{"code":102,"message":"unknown channel"}}
! POST /to/presence {}
! < json= {"error":{"code":107,"message":"bad request"}}



=== TEST 8: what was published
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"kept:h"}}
a< json {"id":1}
a< text qr/"epoch":"(?<epoch>[0-9a-f]{16})"/
! POST /to/publish {"channel":"kept:h","data":{"n":1.0}}
! < 200
! POST /to/publish {"channel":"kept:h","data":2,"tags":{"a":"b"}}
! < 200
! POST /to/publish {"channel":"kept:h","data":3}
! < 200
! POST /to/history {"channel":"kept:h"}
! < json= {"result":{"publications":[],"epoch":"%{epoch}","offset":3}}
! POST /to/history {"channel":"kept:h","limit":2}
! < json= {"result":{"publications":[{"data":{"n":1.0},"offset":1},{"data":2,"offset":2,"tags":{"a":"b"}}],"epoch":"%{epoch}","offset":3}}
! POST /to/history {"channel":"kept:h","limit":-1,"since":{"offset":1,"epoch":"%{epoch}"}}
! < json= {"result":{"publications":[{"data":2,"offset":2,"tags":{"a":"b"}},{"data":3,"offset":3}],"epoch":"%{epoch}","offset":3}}
! POST /to/history {"channel":"kept:h","limit":1,"reverse":true}
! < json= {"result":{"publications":[{"data":3,"offset":3}],"epoch":"%{epoch}","offset":3}}
! POST /to/history {"channel":"kept:h","limit":1,"since":{"offset":1,"epoch":"other"}}
! < json= {"error":{"code":112,"message":"unrecoverable position"}}
! POST /to/history {"channel":"kept:h","limit":1,"since":{"offset":0},"reverse":true}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/history {"channel":"kept:h","limit":"1"}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/history {"channel":"kept:h","since":1}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/history {"channel":"x","limit":1}
! < json= {"error":{"code":108,"message":"not available"}}
! POST /to/history {"channel":"none:x"}
! < json= {"error":{"code":102,"message":"unknown channel"}}



=== TEST 9: several calls in one
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"x"}}
a< json {"id":1}
a< text {"id":2,"subscribe":{}}
! POST /to/batch {"commands":[{"publish":{"channel":"x","data":{"n":1.0}}},{"publish":{"channel":"none:x","data":1}},{"nothing":{}},{"broadcast":{"channels":["x","y"],"data":2}},{"presence_stats":{"channel":"room:b"}},{"unsubscribe":{"user":"","channel":"x"}}]}
! < json= {"result":{"replies":[{"publish":{}},{"error":{"code":102,"message":"unknown channel"}},{"error":{"code":104,"message":"not found"}},{"broadcast":{"responses":[{"result":{}},{"result":{}}]}},{"presence_stats":{"num_clients":0,"num_users":0}},{"unsubscribe":{}}]}}
a< text {"push":{"channel":"x","pub":{"data":{"n":1.0}}}}
a< text {"push":{"channel":"x","pub":{"data":2}}}
a< text {"push":{"channel":"x","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}
! POST /to/batch {"commands":[]}
! < json= {"result":{"replies":[]}}
! POST /to/batch {}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/batch {"commands":{}}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/batch {"commands":[1]}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/batch {"commands":[{"publish":1}]}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/batch {"commands":[{"publish":{},"x":{}}]}
! < json= {"error":{"code":107,"message":"bad request"}}
! POST /to/batch {"commands":[{"batch":{"commands":[]}}]}
! < json= {"result":{"replies":[{"error":{"code":107,"message":"bad request"}}]}}



=== TEST 10: which channels have subscribers
--- websocket
a> GET /ws
a< 101
a> text {"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"list:no"}}\n{"id":3,"subscribe":{"channel":"list-a"}}\n{"id":4,"subscribe":{"channel":"list-bb"}}
a< json {"id":1}
a< json {"id":2}
a< json {"id":3}
a< json {"id":4}
b> GET /ws
b< 101
b> text {"id":1,"connect":{}}\n{"id":3,"subscribe":{"channel":"list-a"}}
b< json {"id":1}
b< json {"id":3}
! POST /to/publish {"channel":"kept:list-c","data":1}
! < 200
! POST /to/channels {"pattern":"list-?"}
! < json= {"result":{"channels":{"list-a":{"num_clients":2}}}}
! POST /to/channels {"pattern":"*list-b*b"}
! < json= {"result":{"channels":{"list-bb":{"num_clients":1}}}}
! POST /to/channels {"pattern":"l*-*"}
! < json= {"result":{"channels":{"list-a":{"num_clients":2},"list-bb":{"num_clients":1}}}}
! POST /to/channels {"pattern":"*mail*"}
! < json= {"result":{"channels":{}}}
! POST /to/channels {"pattern":"kept:*"}
! < json= {"result":{"channels":{}}}
! POST /to/channels {"pattern":1}
! < json= {"error":{"code":107,"message":"bad request"}}
