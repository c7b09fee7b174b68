# Presence: who subscribes to a channel, and the messages that tell of it.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: who is there, of all workers, those who came first first
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '[$arg_name] $websocket_session';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel $arg_c;
        websocket_presence on from=$arg_name;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_presence on;
    }
--- websocket
a> GET /ws?c=x&name=ann
a< 101
! apart b a
b> GET /ws?c=x&name=bob
b< 101
c> GET /ws?c=y&name=eve
c< 101
! GET /pub?c=x&presence=1
! < 200
! < body qr/"session":"(?<ann>[0-9a-f]{16})".*"session":"(?<bob>[0-9a-f]{16})"/
! < json {"channel":"x","offset":0,"subscribers":2,"members":2,"presence":[{"from":"ann","session":"%{ann}"},{"from":"bob","session":"%{bob}"}]}
! < body qr/\{"from":"ann","session":"\w+","since":\d{13}\}/
! GET /pub?c=x&presence=1&limit=1
! < json {"members":2,"presence":[{"from":"ann"}]}
! GET /pub?c=y&presence=1
! < json {"members":1,"presence":[{"from":"eve"}]}
# one name twice is two sessions
d> GET /ws?c=x&name=ann
d< 101
! GET /pub?c=x&presence=1
! < json {"members":3,"presence":[{"from":"ann","session":"%{ann}"},{"from":"bob"},{"from":"ann"}]}
a> close 1000
a< close 1000
a< eof
# the session is the one of the access log
! wait-access qr/^\[ann\] %{ann}$/
! GET /pub?c=x&presence=1
! < json {"members":2,"presence":[{"from":"bob","session":"%{bob}"},{"from":"ann"}]}
b> end
d> end
! wait-access qr/^\[bob\] %{bob}$/
! wait-access* 2 qr/^\[ann\] \w+$/
! GET /pub?c=x&presence=1
! < json {"subscribers":0,"members":0,"presence":[]}



=== TEST 2: without websocket_presence there is none
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket subscribe; websocket_channel x; websocket_presence on; }
    location = /no { websocket subscribe; websocket_channel x; }
    location = /off { websocket_publish; websocket_channel x; }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_presence on;
    }
--- websocket
a> GET /no
a< 101
! GET /off?presence=1
! < 403
! < header Content-Type: application/json
! < json= {"error":{"code":"presence_off","message":"the location does not have \"websocket_presence on\""}}
! GET /pub?c=y&presence=1
! < 404
! < json {"error":{"code":"channel_not_found"}}
! GET /pub?c=x&presence=1&limit=0
! < 400
! < json= {"error":{"code":"invalid_limit","message":"limit is not a number from 1 to 1000"}}
# who came by a location without it is a subscriber, but no member
! GET /pub?c=x&presence=1
! < json {"subscribers":1,"members":0,"presence":[]}
b> GET /ws
b< 101
! GET /pub?c=x&presence=1&limit=1000
! < json {"subscribers":2,"members":1,"presence":[{"from":null}]}



=== TEST 3: who it is: the user, or a value of any kind
--- http_config
    websocket_zone zone=live:1m;
--- user_files
>>> passwords
ann:{PLAIN}secret
--- config
    location = /user {
        websocket subscribe;
        websocket_channel x;
        websocket_presence on;
        auth_basic x;
        auth_basic_user_file ../html/passwords;
    }
    location = /arg {
        websocket_set_decoded $name $arg_name;
        websocket subscribe;
        websocket_channel x;
        websocket_presence on "from=$name";
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a+ Authorization: Basic YW5uOnNlY3JldA==
a> GET /user
a< 101
b> GET /arg?name=%22caf%C3%A9%22%5C
b< 101
# not UTF-8
c> GET /arg?name=%FF
c< 101
d> GET /arg
d< 101
! GET /pub?presence=1
! < json {"members":4,"presence":[{"from":"ann"},{"from":"\"café\"\\"},{"from":null},{"from":null}]}



=== TEST 4: a long name is cut, not within a character
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /arg {
        websocket_set_decoded $name $arg_name;
        websocket subscribe;
        websocket_channel x;
        websocket_presence on "from=$name";
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /arg?name=0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
a< 101
! GET /pub?presence=1
! < body qr/"from":"[0-9]{140,160}"/
b> GET /arg?name=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9
b< 101
! GET /pub?presence=1
! < json {"members":2}
! < body qr/"from":"(\xc3\xa9){70,80}"/



=== TEST 5: who subscribes to many channels is there in each
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$websocket_close_code';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel a b c d e f g h i j k l m n o p q r s t u v w x y z;
        websocket_presence on from=$arg_name;
    }
    location = /pub {
        websocket_publish;
        websocket_channel $arg_c;
        websocket_presence on;
    }
--- websocket
a> GET /ws?name=ann
a< 101
! GET /pub?c=a&presence=1
! < json {"members":1,"presence":[{"from":"ann"}]}
! GET /pub?c=z&presence=1
! < json {"members":1,"presence":[{"from":"ann"}]}
a> end
! wait-access qr/^1006$/
! GET /pub?c=z&presence=1
! < json {"members":0,"presence":[]}



=== TEST 6: join and leave are messages like any other
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_presence on from=$arg_name;
        websocket_events join leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
a< json= {"type":"join","from":"ann","session":"qr/^[0-9a-f]{16}$/","time":"qr/^20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$/"}
! apart b a
b> GET /ws?name=bob&position=1
b< 101
b< json {"position":"qr/:1$/"}
b< text qr/\A\w+:2\n\{"type":"join","from":"bob","session":"(?<bob>\w+)"/
a< json {"type":"join","from":"bob","session":"%{bob}"}
! GET /pub?presence=1
! < json {"offset":2,"presence":[{"from":"ann"},{"from":"bob","session":"%{bob}"}]}
b> text hello
a< text hello
b> close 1000
b< text qr/hello/
b< close 1000
a< json= {"type":"leave","from":"bob","session":"%{bob}","time":"qr/Z$/"}
# also without a Close
b> GET /ws?name=bob
b< 101
a< json {"type":"join","from":"bob"}
b> drop
a< json {"type":"leave","from":"bob"}
! GET /pub?since=$EPOCH:3
! < json {"messages":[{"offset":4,"type":"text","data":"qr/\"leave\"/"},{"offset":5},{"offset":6}]}



=== TEST 7: one of both, or none; without presence there is no list
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$uri';
    access_log logs/access.log ws;
--- config
    websocket_channel x;
    websocket_history length=10;
    websocket_events leave;
    location = /join { websocket subscribe; websocket_events join; }
    location = /leave { websocket subscribe; }
    location = /off { websocket subscribe; websocket_events off; }
    location = /pub { websocket_publish; }
    location = /presence { websocket_publish; websocket_presence on; }
--- websocket
a> GET /off
a< 101
b> GET /join
b< 101
a< json {"type":"join","from":null}
b> end
! wait-access qr/^.join$/
c> GET /leave
c< 101
c> end
a< json {"type":"leave","from":null}
a> end
! wait-access qr/^.off$/
! GET /pub
! < json {"offset":2}
! GET /pub?presence=1
! < 403



=== TEST 8: events' clients are there, those who poll are not
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel x;
        websocket_history length=10;
        websocket_presence on from=$arg_name;
        websocket_events join leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
a< json {"type":"join","from":"ann"}
b+ Accept: text/event-stream
b> plain GET /ws?name=bob
b< 200
b< stream qr/\nid: (?<epoch>\w+):2\ndata: \{"type":"join","from":"bob",/
a< json {"type":"join","from":"bob"}
c> plain GET /ws?name=eve&transport=poll
c< 200
c> plain GET /ws?name=eve&since=%{epoch}:2
! GET /pub?presence=1
! < json {"members":2,"presence":[{"from":"ann"},{"from":"bob"}]}
! POST /pub marker
a< text marker
c< body qr/"offset":3,.*"marker"/
b> end
a< json {"type":"leave","from":"bob"}



=== TEST 9: who was on a worker that died has left, once
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_presence on from=$arg_name;
        websocket_events leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
! together b a
b> GET /ws?name=bob
b< 101
! apart c a
c> GET /ws?name=cid
c< 101
! GET /pub?presence=1
! < json {"members":3}
! kill worker of a
a< eof
b< eof
c< text qr/"type":"leave","from":"(?<one>ann|bob)"/
c< text qr/"type":"leave","from":"(?!%{one})(ann|bob)"/
! GET /pub?presence=1
! < json {"subscribers":1,"members":1,"presence":[{"from":"cid"}]}
# a second telling would come before the next one to die is told of
! apart d c
d> GET /ws?name=dan
d< 101
! kill worker of d
c< json {"type":"leave","from":"dan"}
! POST /pub marker
c< text marker
! GET /pub
! < json {"offset":4}



=== TEST 10: when all workers died, the new ones tell of it
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_replay all;
        websocket_presence on from=$arg_name;
        websocket_events leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
! apart b a
b> GET /ws?name=bob
b< 101
! kill worker of a
! kill worker of b
c> GET /ws?name=cid
c< 101
c< text qr/"type":"leave","from":"ann"/
c< text qr/"type":"leave","from":"bob"/
! GET /pub?presence=1
! < json {"members":1,"presence":[{"from":"cid"}]}



=== TEST 11: over a reload: each leaves once, and is there on the new workers
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_presence on from=$arg_name;
        websocket_events join leave;
        websocket_drain 1s;
    }
    location = /stay {
        websocket pubsub;
        websocket_channel x;
        websocket_drain 20d;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
s> GET /stay
s< 101
t> GET /stay
t< 101
a> GET /ws?name=ann
a< 101
s< json {"type":"join","from":"ann"}
! reload
s< json {"type":"leave","from":"ann"}
! GET /pub?presence=1
! < soon json {"subscribers":2,"members":0}
b> GET /ws?name=bob
b< 101
s< json {"type":"join","from":"bob"}
! GET /pub?presence=1
! < json {"members":1,"presence":[{"from":"bob"}]}
a> GET /ws?name=ann
a< 101
s< json {"type":"join","from":"ann"}
! GET /pub?presence=1
! < json {"members":2,"presence":[{"from":"bob"},{"from":"ann"}]}
# of each one: ann's join, leave and join, bob's join
! GET /pub
! < json {"offset":4}



=== TEST 12: a channel that is deleted has nobody
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_presence on from=$arg_name;
        websocket_events join leave;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
a< json {"type":"join"}
! DELETE /pub
a< close 1000
! GET /pub?presence=1
! < 404
b> GET /ws?name=bob
b< 101
b< json {"type":"join","from":"bob"}
! GET /pub?presence=1
! < json {"offset":1,"members":1,"presence":[{"from":"bob"}]}



=== TEST 13: events of which there is no record
--- http_config
    websocket_zone zone=live:1m;
    log_format ws '$arg_name';
    access_log logs/access.log ws;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_history length=10;
        websocket_presence on from=$arg_name;
        websocket_events join leave history=off;
    }
    location = /pub { websocket_publish; websocket_channel x; websocket_presence on; }
--- websocket
a> GET /ws?name=ann
a< 101
a< json= {"type":"join","from":"ann","session":"qr/^[0-9a-f]{16}$/","time":"qr/Z$/"}
! apart b a
b> GET /ws?name=bob&position=1
b< 101
b< json {"position":"qr/:0$/"}
b< text qr/\A\w+:0\n\{"type":"join","from":"bob"/
a< json {"type":"join","from":"bob"}
a> text one
a< text one
b< text qr/\A\w+:1\none/
b> end
a< json {"type":"leave","from":"bob"}
a> text two
a< text two
# who comes later is told of messages only
! GET /pub
! < json {"offset":2}
! apart c a
c> GET /ws?name=cid&position=1&since=$EPOCH:0
c< 101
c< json {"recovered":true}
c< text qr/:1\none/
c< text qr/:2\ntwo/
c< text qr/\A\w+:2\n\{"type":"join","from":"cid"/
a< json {"type":"join","from":"cid"}
! GET /pub?since=$EPOCH:0
! < json {"offset":2,"history":2,"messages":[{"offset":1,"data":"one"},{"offset":2,"data":"two"}]}
# of a worker that died
! kill worker of c
a< json {"type":"leave","from":"cid"}
! GET /pub
! < json {"offset":2}



=== TEST 14: events in a channel of one's choice, with the name of their own
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel board/$arg_c;
        websocket_presence on from=$arg_name;
        websocket_events join leave channel=online;
    }
    location /two {
        websocket subscribe;
        websocket_channel board/a board/b;
        websocket_events join leave history=off channel=online;
        location = /two/off { websocket subscribe; websocket_channel board/a; websocket_events off; }
        location = /two/own { websocket subscribe; websocket_channel board/d; websocket_events join; }
    }
    location = /online { websocket subscribe; websocket_channel online; websocket_history length=9; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel $arg_c; websocket_presence on; }
--- websocket
o> GET /online
o< 101
a> GET /ws?c=a&name=ann
a< 101
o< json= {"type":"join","channel":"board/a","from":"ann","session":"qr/^[0-9a-f]{16}$/","time":"qr/Z$/"}
! apart b a
b> GET /ws?c=b&name=bob
b< 101
o< json {"type":"join","channel":"board/b","from":"bob"}
# the subscribers get none of it, and their histories are not moved by it
b> text hello
b< text hello
! GET /pub?c=board/a&presence=1
! < json {"offset":0,"members":1,"presence":[{"from":"ann"}]}
b> close 1000
b< close 1000
b< eof
o< json {"type":"leave","channel":"board/b","from":"bob"}
# one for each channel, and not kept
t> GET /two
t< 101
o< json {"type":"join","channel":"board/a","from":null}
o< json {"type":"join","channel":"board/b","from":null}
n> GET /two/off
n< 101
w> GET /two/own
w< 101
w< json {"type":"join","from":null}
! POST /pub?c=online marker
o< text marker
# those who died
! kill worker of a
o2> GET /online
o2< 101
o2< json {"type":"join","channel":"board/a"}
o2< json {"type":"join","channel":"board/b"}
o2< json {"type":"leave","channel":"board/b"}
o2< text marker
o2< json {"type":"leave","channel":"board/a","from":"ann"}



=== TEST 15: who comes back joins before leaving
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel room;
        websocket_presence on from=$arg_name;
        websocket_events join leave channel=online delay=500ms;
    }
    location = /long {
        websocket pubsub;
        websocket_channel room;
        websocket_presence on from=$arg_name;
        websocket_events leave channel=online delay=1m;
    }
    location = /online { websocket subscribe; websocket_channel online; websocket_history length=99; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel room; websocket_presence on; }
--- websocket
o> GET /online
o< 101
a> GET /ws?name=ann
a< 101
o< text qr/"type":"join".*"from":"ann","session":"(?<first>\w+)"/
l> GET /long?name=long
l< 101
! together k l
k> GET /online
k< 101
l> drop
a> drop
b> GET /ws?name=ann
b< 101
o< text qr/"type":"join".*"from":"ann","session":"(?<second>\w+)"/
# the list agrees with what was told
! GET /pub?presence=1
! < json {"members":3,"subscribers":1}
o< json {"type":"leave","from":"ann","session":"%{first}"}
! GET /pub?presence=1
! < json {"members":2,"presence":[{"from":"long"},{"from":"ann","session":"%{second}"}]}
b> drop
o< json {"type":"leave","from":"ann","session":"%{second}"}
# those of a worker that died leave at once
! kill worker of k
o2> GET /online
o2< 101
o2< json {"type":"join"}
o2< json {"type":"join"}
o2< json {"type":"leave"}
o2< json {"type":"leave"}
o2< json {"type":"leave","from":"long"}



=== TEST 16: a reload does not end the time of who is gone
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel room;
        websocket_drain 0;
        websocket_events leave channel=online delay=2s;
    }
    location = /online { websocket subscribe; websocket_channel online; websocket_history length=99; websocket_replay all; }
    location = /pub { websocket_publish; websocket_channel room; websocket_presence on; }
    location = /told { websocket_publish; websocket_channel online; }
--- websocket
o> GET /online
o< 101
o> close 1000
o< close 1000
a> GET /ws
a< 101
! reload
a< close 1012
a> close 1012
a< eof
! GET /pub?presence=1
! < json {"members":1}
! GET /told
! < json {"offset":0}
b> GET /online
b< 101
b< json {"type":"leave"}



=== TEST 17: nginx quits without waiting for that
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket subscribe;
        websocket_channel room;
        websocket_drain 0;
        websocket_events leave channel=online delay=1m;
    }
    location = /pub { websocket_publish; websocket_channel room; websocket_presence on; }
--- websocket
a> GET /ws
a< 101
b> GET /ws
b< 101
a> drop
! GET /pub
! < soon json {"subscribers":1}
! GET /pub?presence=1
! < json {"members":2}
! quit
b< close 1001
b> close 1001
! wait-exit
