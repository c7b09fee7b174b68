# Clients that are told what became of their messages.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: ids, counts, and what is asked for
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_history length=100;
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /on { websocket publish; websocket_channel x; websocket_ack on; }
    location = /off { websocket pubsub; websocket_channel y; websocket_ack off; }
    location = /read { websocket subscribe; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub zero
! < json {"offset":1}
a> GET /ws?ack=1
a< 101
b> GET /read?ack=1
b< 101
a> text {"id":"7","text":"hello"}
a< json= {"ack":"7","position":"$EPOCH:2"}
a< text {"id":"7","text":"hello"}
b< text {"id":"7","text":"hello"}
# a number is told as a text; without an id it is the client's third
a> text {"id":8}
a< json= {"ack":"8","position":"$EPOCH:3"}
a< text {"id":8}
a> text no JSON
a< json= {"ack":3,"position":"$EPOCH:4"}
a< text no JSON
a> binary \x00
a< json= {"ack":4,"position":"$EPOCH:5"}
a< binary \x00
# what is no id: too long, not a text, empty
a> text {"id":1.5}
a< json= {"ack":5,"position":"$EPOCH:6"}
a< text {"id":1.5}
a> text {"id":""}
a< json= {"ack":6,"position":"$EPOCH:7"}
a< text {"id":""}
a> text ["id",1]
a< json= {"ack":7,"position":"$EPOCH:8"}
a< text ["id",1]
a> text {"id":"\\u0065\\n\\""}
a< text qr/\A\{"ack":"e\\n\\"","position":"$EPOCH:9"\}\z/
c> GET /on
c< 101
c> times 3 text {}
c< json= {"ack":1,"position":"qr/:10/"}
c< json= {"ack":2,"position":"qr/:11/"}
c< json= {"ack":3,"position":"qr/:12/"}
d> GET /ws?ack=0
d< 101
d> text {"id":"1"}
d< text {"id":"1"}
e> GET /off?ack=1
e< 101
e> text {"id":"1"}
e< text {"id":"1"}
f> GET /ws?ack=yes
f< 400
f< body ack is not 0 or 1



=== TEST 2: an echo
--- config
    location = /ws { websocket echo; websocket_ack on; }
    location = /typed { websocket echo; websocket_ack on; websocket_inbound_type t; }
--- http_config
    websocket_zone zone=live:1m;
    websocket_type t { field id string; field n integer required; }
--- websocket
a> GET /ws
a< 101
a> text {"id":"a"}
a< text {"id":"a"}
a< json= {"ack":"a"}
a> text* 60000 x
a< text* 60000 x
a< json= {"ack":2}
b> GET /typed
b< 101
b> text {"id":"b"}
b< json= {"error":{"code":"invalid_message","path":"n","message":"is required","id":"b"}}
b> text {"id":"b","n":1}
b< text {"id":"b","n":1}
b< json= {"ack":"b"}



=== TEST 3: errors: of a type, of a rate, of a full zone
--- http_config
    websocket_zone zone=live:64k;
    websocket_zone zone=other:1m;
    websocket_type t { field id string; field n integer required; }
--- config
    location = /typed {
        websocket pubsub zone=other;
        websocket_channel x;
        websocket_inbound_type t;
        websocket_filter on;
    }
    location = /rate {
        websocket publish zone=other;
        websocket_channel y;
        websocket_rate messages=1/h burst=2 action=drop;
    }
    location = /full {
        websocket publish zone=live;
        websocket_channel z;
        websocket_history length=10;
    }
--- error_log
cannot take the message
--- websocket
a> GET /typed?ack=1
a< 101
a> text {"id":"1","n":"one"}
a< json= {"error":{"code":"invalid_message","path":"n","message":"expected integer, got string","id":"1"}}
a> text no JSON
a< json {"error":{"code":"invalid_message","id":2}}
a> text {"filter":{"n":{"gt":5}}}
a< text {"filter":"ok"}
a> text {"filter":7}
a< json {"error":{"code":"invalid_filter"}}
a> text {"id":"5","n":5}
a< json {"ack":"5"}
a> text {"id":"6","n":6}
a< json {"ack":"6"}
a< text {"id":"6","n":6}
b> GET /rate?ack=1
b< 101
b> text {"id":"1"}
b> text {"id":"2"}
b> text {"id":"3"}
b> text {}
b< json {"ack":"1"}
b< json {"ack":"2"}
b< json= {"error":{"code":"rate_limited","message":"too much in too short a time","id":"3"}}
b< json= {"error":{"code":"rate_limited","message":"too much in too short a time","id":4}}
c> GET /full?ack=1
c< 101
c> text* 65000 x
c< json= {"error":{"code":"zone_full","message":"the zone has no space for the message","id":1}}
c> text {"id":"small"}
c< json {"ack":"small"}



=== TEST 4: the id is the key: per user, over connections, workers and POSTs
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_history length=100;
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_stamp time;
        auth_basic realm;
        auth_basic_user_file users;
    }
    location = /anon { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- user_files
>>> ../conf/users
ann:{PLAIN}a
bob:{PLAIN}b
--- websocket
r> GET /anon
r< 101
a+ Authorization: Basic YW5uOmE=
a> GET /ws?ack=1
a< 101
a> text {"id":"1","text":"hello"}
a< text qr/\A\{"ack":"1","position":"(?<epoch>\w+):1"\}\z/
a> text {"id":"1","text":"hello"}
a< text qr/"time".*hello/
a< json= {"ack":"1","position":"%{epoch}:1","duplicate":true}
a> text {"id":"1","text":"something else"}
a< json= {"error":{"code":"idempotency_mismatch","message":"the id was that of a message with another body","id":"1"}}
! apart b a
b+ Authorization: Basic YW5uOmE=
b> GET /ws?ack=1
b< 101
a> drop
b> text {"id":"1","text":"hello"}
b< json= {"ack":"1","position":"%{epoch}:1","duplicate":true}
# by another door
! POST /ws [Authorization: Basic YW5uOmE=; Idempotency-Key: 1] {"id":"1","text":"hello"}
! < json {"offset":1,"duplicate":true}
! POST /ws [Authorization: Basic YW5uOmE=; Idempotency-Key: 2] {"id":"2"}
! < json {"offset":2}
b< text qr/"id":"2"/
b> text {"id":"2"}
b< json= {"ack":"2","position":"%{epoch}:2","duplicate":true}
# another user's is another
c+ Authorization: Basic Ym9iOmI=
c> GET /ws?ack=1
c< 101
c> text {"id":"1","text":"hello"}
c< json= {"ack":"1","position":"%{epoch}:3"}
# a publisher's is another
! POST /pub [Idempotency-Key: 1] {"id":"1","text":"hello"}
! < json {"offset":4}
# without a user it is the session's
d> GET /anon?ack=1
d< 101
d> text {"id":"1","text":"hello"}
d< json= {"ack":"1","position":"%{epoch}:5"}
d< text {"id":"1","text":"hello"}
d> text {"id":"1","text":"hello"}
d< json= {"ack":"1","position":"%{epoch}:5","duplicate":true}
e> GET /anon?ack=1
e< 101
e> text {"id":"1","text":"hello"}
e< json= {"ack":"1","position":"%{epoch}:6"}
r< text qr/hello/
r< text qr/"id":"2"/
r< text qr/hello/
r< text qr/hello/
r< text qr/hello/
r< text qr/hello/
! POST /pub marker
r< text marker



=== TEST 5: long users and keys are told apart
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket publish;
        websocket_channel x;
        websocket_history length=100;
    }
--- websocket
# "u" 250 times and no password
! POST /ws [Authorization: Basic dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dTo=; Idempotency-Key: message-1] same
! < json {"offset":1}
! POST /ws [Authorization: Basic dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dTo=; Idempotency-Key: message-2] same
! < json {"offset":2}
! POST /ws [Authorization: Basic dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dTo=; Idempotency-Key: message-1] same
! < json {"offset":1,"duplicate":true}



=== TEST 6: the end of a channel, of a stream, and what is not kept
--- http_config
    websocket_zone zone=live:1m;
    websocket_type t { field id string; field type string required; }
--- config
    websocket_history length=10 except=type:typing;
    location = /ws { websocket publish; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
    location = /in {
        websocket publish;
        websocket_channel y;
        websocket_inbound_type t;
        websocket_collect on;
        websocket_ack on;
    }
--- websocket
a> GET /ws?ack=1
a< 101
a> text {"id":"1"}
a< json {"ack":"1","position":"qr/:1/"}
a> text {"id":"2","type":"typing"}
a< json {"ack":"2","position":"qr/:1/"}
! POST /pub [X-WebSocket-End: 1] last
! < json {"offset":2}
a> text {"id":"3"}
a< json= {"error":{"code":"ended","message":"the channel has ended","id":"3"}}
a< close 1000 reason the stream has ended
i> GET /in
i< 101
i> text {"id":"1","type":"a"}
i< json {"ack":"1"}
i> text {"end":true}
i< text [{"id":"1","type":"a"}]
i< close 1000
# what is sent again, or was refused, is not collected
j> GET /in
j< 101
j> text {"id":"1","type":"a"}
j> text {"id":"1","type":"a"}
j> text {"id":"1","type":"b"}
j> text {"id":"2","type":"b"}
j> text {"end":true}
j< json {"ack":"1"}
j< json {"ack":"1","duplicate":true}
j< json {"error":{"code":"idempotency_mismatch","id":"1"}}
j< json {"ack":"2"}
j< text [{"id":"1","type":"a"},{"id":"2","type":"b"}]
j< close 1000
k> GET /in
k< 101
k> text {"id":"3","type":"a"}
k> text {"id":"3","type":"a"}
k> text {"end":true}
k< json {"ack":"3"}
k< json {"ack":"3","duplicate":true}
k< text [{"id":"3","type":"a"}]
k< close 1000
