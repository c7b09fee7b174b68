# Filters: a session narrows what it gets, when it connects and later.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: by the address
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
    }
    location = /off { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?filter=%7B%22level%22%3A%5B%22error%22%2C%22warn%22%5D%2C%22value%22%3A%7B%22gt%22%3A10%7D%7D
a< 101
! apart b a
b> GET /ws?filter={"level":"error"}&position=1
b< 101
b< json {"position":"qr/:0$/"}
c> GET /off?filter=nonsense
c< 101
d> GET /ws?filter={}
d< 101
e> GET /ws?filter={"a":{"gt":[]}}
e< 400
e< body qr/\Athe filter is wrong: a\.gt: ./
f> GET /ws?filter={"a":
f< 400
f< body qr/\Athe filter is wrong: invalid JSON/
g> GET /ws?filter=
g< 400
h> GET /ws?filter=5
h< 400
! POST /pub {"level":"error","value":11}
a< text {"level":"error","value":11}
b< text $EPOCH:1\n{"level":"error","value":11}
! POST /pub {"level":"error","value":9}
! POST /pub {"level":"info","value":99}
! POST /pub not json
! POST /pub [Content-Type: application/octet-stream] {"level":"warn","value":12}
c> text {"level":"warn","value":12}
a< text {"level":"warn","value":12}
! POST /pub {"level":"error"}
b< text $EPOCH:2\n{"level":"error","value":9}
b< text $EPOCH:7\n{"level":"error"}
c< text {"level":"error","value":11}
d< text {"level":"error","value":11}
d< text {"level":"error","value":9}
d< text {"level":"info","value":99}
d< text not json
d< binary {"level":"warn","value":12}



=== TEST 2: in band: set, replaced, a bad one is not taken, removed
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
    }
    location = /off { websocket pubsub; websocket_channel x; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
b> GET /off
b< 101
a> GET /ws
a< 101
! POST /pub {"n":1}
a< text {"n":1}
a> text {"filter":{"n":{"gte":2}}}
a< text {"filter":"ok"}
! POST /pub {"n":1.9}
! POST /pub {"n":2}
a< text {"n":2}
a> text  { "\\u0066ilter" : { "n" : 3 } }
a< text {"filter":"ok"}
a> text {"filter":{"n":{"between":[1,2]}}}
a< json {"error":{"code":"invalid_filter","path":"n.between","message":"qr/./"}}
a> text {"filter":true}
a< json {"error":{"code":"invalid_filter"}}
! POST /pub {"n":2}
! POST /pub {"n":3}
a< text {"n":3}
a> frame fin=0 opcode=1 {"fil
a> frame fin=1 opcode=0 ter":null}
a< text {"filter":"ok"}
a> text {"filter":null}
a< text {"filter":"ok"}
! POST /pub anything
a< text anything
# messages like any other: there is more in them, or not this
a> text {"filter":null,"n":1}
a< text {"filter":null,"n":1}
a> text {"filters":null}
a< text {"filters":null}
a> text {"filter":null
a< text {"filter":null
a> binary {"filter":null}
a< binary {"filter":null}
# none of all that was published
b< text {"n":1}
b< text {"n":1.9}
b< text {"n":2}
b< text {"n":2}
b< text {"n":3}
b< text anything
b< text {"filter":null,"n":1}
# where it is off, it is a message
b> text {"filter":null}
b< text {"filters":null}
b< text {"filter":null
b< binary {"filter":null}
b< text {"filter":null}



=== TEST 3: on a result location it is the one message that is taken
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_filter on;
        websocket_deflate on;
        websocket_max_message_size 200;
    }
    location = /bare {
        websocket subscribe;
        websocket_channel y;
        websocket_filter on form=bare replay=2;
    }
    location = /both { websocket pubsub; websocket_channel y; websocket_filter on form=bare; }
    location = /more { websocket_publish; websocket_channel y; websocket_history length=9; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
# a filter without the word: what matches is all the answer
! POST /more {"n":1}
! POST /more {"n":2}
! POST /more {"n":1,"m":1}
e> GET /bare
e< 101
e> text {"n":1}
e< text {"n":1,"m":1}
! POST /more {"n":2}
! POST /more {"n":1,"m":2}
e< text {"n":1,"m":2}
e> text {"n":{"like":1}}
e< json {"error":{"code":"invalid_filter","path":"n.like"}}
e> text no JSON
e< json {"error":{"code":"invalid_filter"}}
e> text ["n"]
e< json {"error":{"code":"invalid_filter"}}
e> text {"filter":{"n":2},"replay":9}
e< text {"filter":"ok"}
e< text {"n":2}
e< text {"n":2}
e> text null
e< text {"n":2}
e< text {"n":1,"m":2}
f> GET /both
f< 101
f> text {"n":1}
f< text {"n":1}
e< text {"n":1}
e> binary {"n":1}
e< close 1008
a+ Sec-WebSocket-Extensions: permessage-deflate
a> GET /ws
a< 101
a> compressed text {"filter":{"n":1}}
a< text {"filter":"ok"}
! POST /pub {"n":2}
! POST /pub {"n":1}
a< text {"n":1}
a> text {"n":1}
a< close 1008 reason this stream does not take messages but filters
b> GET /ws
b< 101
b> binary {"filter":{"n":1}}
b< close 1008
c> GET /ws
c< 101
c> text* 201 x
c< close 1009
! GET /pub
! < json {"offset":2}



=== TEST 4: tags
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
        websocket_replay all;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_history length=20; }
--- websocket
a> GET /ws?filter={"tags.room":"a"}
a< 101
b> GET /ws?filter={"not":{"tags.room":"a"}}
b< 101
c> GET /ws?filter={"tags.room":{"exists":true},"n":1}
c< 101
! POST /pub [X-WebSocket-Tags: room=a, n = x y ,empty=] one
! < 200
a< text one
! POST /pub [X-WebSocket-Tags: room=b] {"n":1}
b< text {"n":1}
c< text {"n":1}
! POST /pub [Content-Type: application/octet-stream; X-WebSocket-Tags: room=a] \x00\xff
a< binary \x00\xff
! POST /ws [X-WebSocket-Tags: room=a] {"tags":{"room":"b"}}
a< text {"tags":{"room":"b"}}
! POST /pub {"tags":{"room":"a"},"tags.room":"a"}
b< text {"tags":{"room":"a"},"tags.room":"a"}
! POST /pub [X-WebSocket-Tags:  ] nothing
! < 200
b< text nothing
# they are in the history, and no part of the message
! GET /pub?limit=20
! < body qr/"data":"one"/
d> GET /ws?filter={"tags.n":"x+y",+"tags.empty":""}
d< 101
d< text one
! POST /pub [X-WebSocket-Tags: room] x
! < 400
! < json {"error":{"code":"invalid_header"}}
! POST /pub [X-WebSocket-Tags: room=a,] x
! < 400
! POST /pub [X-WebSocket-Tags: room=a,room=b] x
! < 400
! POST /pub [X-WebSocket-Tags: ro om=a] x
! < 400
! POST /pub [X-WebSocket-Tags: =a] x
! < 400
! POST /pub [X-WebSocket-Tags: a=\xff] x
! < 400
! POST /pub [X-WebSocket-Tags: a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1] {"n":1}
! < 200
! POST /pub [X-WebSocket-Tags: a=1,b=1,c=1,d=1,e=1,f=1,g=1,h=1,i=1,j=1,k=1,l=1,m=1,n=1,o=1,p=1,q=1] x
! < 400
b< text {"n":1}



=== TEST 5: what came before is filtered like what is new
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_history length=100;
    websocket_filter on;
    location = /ws { websocket subscribe; websocket_channel x; websocket_replay 3; }
    location = /poll { websocket subscribe; websocket_channel x; websocket_heartbeat interval=300ms; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
! POST /pub {"n":1}
! POST /pub {"n":2}
! POST /pub {"n":1,"m":1}
! POST /pub {"n":2,"m":1}
! < json {"offset":4}
a> GET /ws?filter={"n":1}
a< 101
a< text {"n":1,"m":1}
b> GET /ws?filter={"n":1}&since=$EPOCH:0
b< 101
b< text {"n":1}
b< text {"n":1,"m":1}
c+ Accept: text/event-stream
c> plain GET /ws?filter={"n":1}&since=$EPOCH:0
c< 200
c< stream qr/id: $EPOCH:1\ndata: \{"n":1\}\n\nid: $EPOCH:3\n/
! GET /ws?filter={"n":1}&since=$EPOCH:0
! < json {"recovered":true,"position":"$EPOCH:4","messages":[{"offset":1},{"offset":3}]}
# a poll that found nothing does not look again at what it has seen
! GET /poll?filter={"n":3}&since=$EPOCH:0
! < json {"recovered":true,"position":"$EPOCH:4","messages":[]}
! POST /pub {"n":1,"m":2}
a< text {"n":1,"m":2}
b< text {"n":1,"m":2}
c< stream qr/id: $EPOCH:5\n/



=== TEST 6: a filter does not tell what a view hides
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m {
        field a number;
        field secret string;
        view v a;
    }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type m;
        websocket_view $arg_view;
        websocket_filter on;
    }
--- websocket
a> GET /ws?view=v&filter={"secret":{"prefix":"a"}}
a< 400
a< body qr/\Athe filter is wrong: secret: ./
b> GET /ws?view=v
b< 101
b> text {"filter":{"not":{"secret":"x"}}}
b< json {"error":{"code":"invalid_filter","path":"qr/secret/"}}
b> text {"filter":{"a":1}}
b< text {"filter":"ok"}
c> GET /ws?filter={"secret":"x"}
c< 101
b> text {"a":2,"secret":"x"}
b> text {"a":1,"secret":"y"}
b< text {"a":1}
c< text {"a":2,"secret":"x"}
# a filter is no message, though the type would refuse it
b> text {"filter":null}
b< text {"filter":"ok"}
b> text {"a":3}
b< text {"a":3}



=== TEST 7: limits of a filter
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
    }
--- websocket
a> GET /ws
a< 101
a> text {"filter":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"not":{"a":1}}}}}}}}}}}}}}}}}}}
a< json {"error":{"code":"invalid_filter"}}
a> text {"a":1}
a< text {"a":1}



=== TEST 8: filtered sessions and others, several channels, a reload
--- http_config
    websocket_zone zone=live:1m;
    websocket_drain 20d;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x y;
        websocket_filter on;
        websocket_own_messages off;
    }
    location = /x { websocket_publish; websocket_channel x; }
    location = /y { websocket_publish; websocket_channel y; }
--- websocket
a> GET /ws?filter={"n":1}
a< 101
b> GET /ws
b< 101
a> text {"n":1,"own":true}
b< text {"n":1,"own":true}
! reload
! POST /y {"n":2}
! POST /y {"n":1}
! POST /x {"n":1,"x":1}
a< text {"n":1}
a< text {"n":1,"x":1}
b< text {"n":2}
b< text {"n":1}
b< text {"n":1,"x":1}
a> text {"filter":{"n":3}}
a< text {"filter":"ok"}
! POST /x {"n":1}
! POST /x {"n":3}
a< text {"n":3}



=== TEST 9: what the messages never have is not to be asked for
--- http_config
    websocket_zone zone=live:1m;
    websocket_type point { field x number; }
    websocket_type entry {
        field level string required enum=info|warn;
        field value number;
        field where object of=point;
    }
    websocket_type open { additional on; }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type entry;
        websocket_filter on;
    }
    location = /tail {
        websocket subscribe;
        websocket_channel x;
        websocket_outbound_type entry;
        websocket_filter on;
    }
    location = /any {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type entry;
        websocket_outbound_type open;
        websocket_filter on;
    }
    location = /stamped {
        websocket publish;
        websocket_channel x;
        websocket_inbound_type entry;
        websocket_stamp channel author:from=bob;
    }
--- websocket
a> GET /ws?filter={"level":"info","levle":"info"}
a< 400
a< body qr/\Athe filter is wrong: levle: is not a field of entry$/
b> GET /tail?filter={"or":[{"value":1},{"value":{"lt":"1"}}]}
b< 400
b< body qr/\Athe filter is wrong: or\[1\]\.value\.lt: expected number, got string$/
c> GET /tail?filter={"level":"warn"}
c< 101
c> text {"filter":{"where.y":1}}
c< json {"error":{"code":"invalid_filter","path":"where.y","message":"is not a field of point"}}
c> text {"filter":{"not":{"level":["fatal"]}}}
c< json {"error":{"code":"invalid_filter","path":"not.level[0]","message":"expected one of info|warn"}}
# the old one holds
d> GET /ws
d< 101
d> text {"level":"info","value":1}
d> text {"level":"warn","value":2}
c< text {"level":"warn","value":2}
c> text {"filter":{"where.x":{"gt":0},"level":["fatal","info"]}}
c< text {"filter":"ok"}
d> text {"level":"info","where":{"x":0}}
d> text {"level":"info","where":{"x":1}}
c< text {"level":"info","where":{"x":1}}
# a location that says that anything may come
e> GET /any?filter={"levle":"info"}
e< 101
# stamps of other locations, and only such as there are
f> GET /tail?filter={"author":"bob","channel":{"prefix":"x"}}
f< 101
f> text {"filter":{"from":{"exists":true}}}
f< json {"error":{"path":"from"}}
g> GET /stamped
g< 101
d> text {"level":"info"}
g> text {"level":"warn"}
f< text {"author":"bob","channel":"x","level":"warn"}



=== TEST 10: what passes is written at once, and only that is measured
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_filter on;
    }
    location = /in { websocket publish; websocket_channel x; }
    location = /status { websocket_status json; }
--- websocket
a> GET /ws?filter={"n":1}
a< 101
b> GET /ws?filter={"n":2}
b< 101
c> GET /in
c< 101
c> times 80 text {"n":3}
c> text {"n":2}
b< text {"n":2}
! GET /status
! < soon json {"zones":[{"delivery_seconds":{"count":1}}],"locations":[{"location":"/ws","messages_sent":1},{"location":"/in"}]}
c> times 2 text {"n":1}
a< text {"n":1}
a< text {"n":1}
! GET /status
! < soon json {"zones":[{"delivery_seconds":{"count":3}}],"locations":[{"messages_sent":3},{}]}



=== TEST 11: what only some read as JSON is an object, too
--- http_config
    websocket_zone zone=live:1m;
    websocket_type entry { additional on; field level string; view short level id; }
--- config
    websocket_channel x;
    location = /f { websocket pubsub; websocket_filter on; }
    location = /v { websocket subscribe; websocket_outbound_type entry; websocket_view short; }
    location = /pub { websocket_publish; }
--- websocket
a> GET /f?filter={"level":"e"}
a< 101
b> GET /f?filter={"id":{"gt":5}}
b< 101
c> GET /v
c< 101
! POST /pub {"level":"e","id":18446744073709551615}
a< text {"level":"e","id":18446744073709551615}
b< text {"level":"e","id":18446744073709551615}
c< text {"level":"e","id":18446744073709551615}
! POST /pub {"id":1e999,"level":"\\ud800"}
b< text {"id":1e999,"level":"\\ud800"}
c< text {"level":"\\ud800","id":1e999}
! POST /pub {"id":[ 7, 0.10 ],"level":"\\u0065","x":"\\u0000"}
a< text {"id":[ 7, 0.10 ],"level":"\\u0065","x":"\\u0000"}
c< text {"level":"e","id":[7,0.10]}
# of a name that comes twice the last counts
! POST /pub {"level":"e","id":1,"level":"d"}
! POST /pub {"level":"d","id":1,"level":"e"}
a< text {"level":"d","id":1,"level":"e"}
c< text {"level":"d","id":1}
c< text {"level":"e","id":1}



=== TEST 12: the history over HTTP, what matches of it
--- http_config
    websocket_zone zone=live:4m;
    websocket_type entry {
        field level string required;
        field n integer required;
        view short n;
        view level level;
    }
--- config
    location = /pub {
        websocket_publish;
        websocket_channel x;
        websocket_history length=5000;
        websocket_outbound_type entry;
        websocket_view $arg_view;
        websocket_filter on;
    }
--- websocket
! POST /pub [X-WebSocket-Tags: to=ann] {"level":"error","n":1}
! POST /pub {"level":"info","n":2}
! POST /pub {"level":"error","n":3}
! POST /pub {"level":"info","n":4}
! POST /pub {"level":"error","n":5}
! GET /pub?filter={"level":"error"}
! < json {"position":"$EPOCH:5","recovered":null,"more":false,"messages":[{"offset":1},{"offset":3},{"offset":5}]}
! GET /pub?filter=%7B%22level%22:%22error%22%7D&limit=2
! < json {"position":"$EPOCH:3","more":true,"messages":[{"offset":1},{"offset":3}]}
! GET /pub?filter={"level":"error"}&limit=2&since=$EPOCH:3
! < json {"position":"$EPOCH:5","more":false,"messages":[{"offset":5}]}
! GET /pub?filter={"level":"error"}&limit=2&order=desc
! < json {"position":"$EPOCH:3","more":true,"messages":[{"offset":5},{"offset":3}]}
! GET /pub?filter={"level":"error"}&before=$EPOCH:3
! < json {"position":"$EPOCH:1","more":false,"messages":[{"offset":1,"data":"{\"level\":\"error\",\"n\":1}"}]}
! GET /pub?filter={"tags.to":"ann"}
! < json {"messages":[{"offset":1}]}
! GET /pub?filter={"n":{"gte":4}}&view=short&order=desc
! < json {"messages":[{"offset":5,"data":"{\"n\":5}"},{"offset":4,"data":"{\"n\":4}"}]}
! GET /pub?filter={}
! < json {"messages":[{"offset":1},{"offset":2},{"offset":3},{"offset":4},{"offset":5}]}
! GET /pub?filter={"level":5}
! < 400
! < json {"error":{"code":"invalid_filter","message":"the filter is wrong: level: expected string, got integer"}}
! GET /pub?filter={"n":{"gte":4}}&view=level
! < json {"error":{"code":"invalid_filter"}}
! GET /pub?filter=5
! < json {"error":{"code":"invalid_filter"}}
! GET /pub?filter=
! < json {"error":{"code":"invalid_filter"}}



=== TEST 13: a filter that is sent gets what matches of the history, then what is new
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_filter on; websocket_history length=100; }
    location = /all { websocket subscribe; websocket_channel x; websocket_filter on replay=all; websocket_history length=100; }
    location = /two { websocket subscribe; websocket_channel x y; websocket_filter on replay=2; websocket_history length=100; }
    location = /pub { websocket_publish; websocket_channel x; websocket_history length=100; }
    location = /puby { websocket_publish; websocket_channel y; websocket_history length=100; }
--- websocket
! POST /pub {"l":"e","n":1}
! POST /pub {"l":"i","n":2}
! POST /pub {"l":"e","n":3}
a> GET /ws?position=1
a< 101
a< json {"position":"$EPOCH:3"}
a> text {"filter":{"l":"e"}}
a< text {"filter":"ok"}
! POST /pub {"l":"e","n":4}
a< text $EPOCH:4\n{"l":"e","n":4}
a> text {"filter":{"l":"e"},"replay":3}
a< text {"filter":"ok"}
a< text $EPOCH:3\n{"l":"e","n":3}
a< text $EPOCH:4\n{"l":"e","n":4}
! POST /pub {"l":"i","n":5}
! POST /pub {"l":"e","n":6}
a< text $EPOCH:6\n{"l":"e","n":6}
a> text {"replay":"all","filter":{"l":"i"}}
a< text {"filter":"ok"}
a< text $EPOCH:2\n{"l":"i","n":2}
a< text $EPOCH:5\n{"l":"i","n":5}
a> text {"filter":null,"replay":1}
a< text {"filter":"ok"}
a< text $EPOCH:6\n{"l":"e","n":6}
a> text {"filter":null,"replay":0}
a< text {"filter":"ok"}
a> text {"filter":null,"replay":-1}
a< text {"error":{"code":"invalid_filter","path":"replay","message":"expected \\"all\\" or a number of messages"}}
a> text {"filter":null,"replay":"some"}
a< json {"error":{"code":"invalid_filter","path":"replay"}}
# what the location says, also when the client connects
b> GET /all
b< 101
b> text {"filter":{"l":"i"}}
b< text {"filter":"ok"}
b< text {"l":"i","n":2}
b< text {"l":"i","n":5}
b> text {"filter":{"l":"i"},"replay":0}
b< text {"filter":"ok"}
c> GET /all?filter={"n":{"gte":4}}
c< 101
c< text {"l":"e","n":4}
c< text {"l":"i","n":5}
c< text {"l":"e","n":6}
# of each channel
! POST /puby {"l":"y","n":1}
d> GET /two
d< 101
d> text {"filter":{"n":{"ne":5}}}
d< text {"filter":"ok"}
d< text {"l":"e","n":6}
d< text {"l":"y","n":1}
! POST /pub {"l":"i","n":7}
a< text $EPOCH:7\n{"l":"i","n":7}
b< text {"l":"i","n":7}
c< text {"l":"i","n":7}
d< text {"l":"i","n":7}



=== TEST 14: a filter that is too much for one is not published
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_filter on; }
    location = /sub { websocket subscribe; websocket_channel x; websocket_filter on; }
--- websocket
a> GET /ws
a< 101
b> GET /sub
b< 101
a> text {"filter":{"a":1},"replay":99999999999999999999}
a< json {"error":{"code":"invalid_filter"}}
b> text {"replay":1,"filter":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}
b< json {"error":{"code":"invalid_filter","message":"qr/nest|deep/"}}
# which has more than a filter is a message
a> text {"filter":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]],"text":"hello"}
a< json {"text":"hello"}
b< json {"text":"hello"}
