# Stamps: what the server says of a message, in the message, and nobody else.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: who, when and where, whatever the client says
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel room/$arg_room other;
        websocket_stamp from=$arg_user time channel;
    }
    location = /pub { websocket_publish; websocket_channel room/1; websocket_stamp from=server; }
    location = /off { websocket_publish; websocket_channel room/1; }
--- websocket
a> GET /ws?room=1&user=al%22ice
a< 101
b> GET /ws?room=1
b< 101
a> text {"text":"hi","n":0.10}
a< text qr/\A\{"from":"al%22ice","time":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","channel":"room\/1","text":"hi","n":0\.10\}\z/
b< json {"from":"al%22ice","text":"hi"}
b> text {}
a< json= {"from":null,"time":"qr/^20/","channel":"room/1"}
b< json {"from":null}
# in any spelling, as often as it comes
b> text {"from":"root","fr\\u006fm":"root","FROM":"root","a":1,"Time":0,"channel":"x"}
a< text qr/\A\{"from":null,"time":"[^"]+","channel":"room\/1","a":1\}\z/
b< json {"from":null}
b> frame fin=0 opcode=1 {"fr
b> frame fin=1 opcode=0 om":"root"}
b< json= {"from":null,"time":"qr/^20/","channel":"room/1"}
! POST /ws?room=1&user=bob {"from":"root","a":1}
! < 200
b< json= {"from":"bob","time":"qr/^20/","channel":"room/1","a":1}
# a publisher too, where its location says so; else it speaks for itself
! POST /pub {"from":"root","a":1}
b< text {"from":"server","a":1}
! POST /off {"from":"root"}
b< text {"from":"root"}



=== TEST 2: what cannot be stamped is refused
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_stamp time;
    }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws
a< 101
a> text hello
a< json {"error":{"code":"invalid_message","path":"","message":"qr/./"}}
a> text [1]
a< json {"error":{"code":"invalid_message"}}
a> text {"a":1}}
a< json {"error":{"code":"invalid_message"}}
a> binary {"a":1}
a< json {"error":{"code":"invalid_message","message":"expected text, got binary"}}
! POST /ws [1]
! < 422
! < json {"error":{"code":"invalid_message"}}
! POST /ws [Content-Type: application/octet-stream] {}
! < 422
a> text {"a":1}
a< json= {"time":"qr/Z$/","a":1}
! GET /pub
! < json {"offset":1}



=== TEST 3: after the type, defaults and the priority; in a view and by filters
--- http_config
    websocket_zone zone=live:1m;
    websocket_type chat {
        field text string required max=5;
        field kind string default=plain;
        field from string nullable;
        view v from text;
    }
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_inbound_type chat;
        websocket_view $arg_view;
        websocket_filter on;
        websocket_stamp from=$arg_user time;
    }
--- websocket
a> GET /ws?user=alice
a< 101
b> GET /ws?view=v&user=bob
b< 101
c> GET /ws?filter={"from":"bob"}
c< 101
a> text {"text":"hi"}
a< json= {"from":"alice","time":"qr/^20/","text":"hi","kind":"plain"}
b< text {"from":"alice","text":"hi"}
a> text {"text":"hello!"}
a< json {"error":{"path":"text"}}
a> text {"text":"hi","time":"x"}
a< json {"error":{"path":"time"}}
b> text {"text":"ho","from":null}
a< json {"from":"bob","text":"ho"}
b< text {"from":"bob","text":"ho"}
c< json {"from":"bob","text":"ho"}



=== TEST 4: the user of auth_basic, after a reload too
--- http_config
    websocket_zone zone=live:1m;
    websocket_drain 20d;
--- user_files
>>> users
alice:{PLAIN}secret
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_stamp from;
        auth_basic x;
        auth_basic_user_file $TEST_NGINX_SERVROOT/html/users;
    }
--- websocket
a+ Authorization: Basic YWxpY2U6c2VjcmV0
a> GET /ws
a< 101
a> text {"a":1}
a< text {"from":"alice","a":1}
! reload
a> text {"a":2}
a< text {"from":"alice","a":2}



=== TEST 5: inherited, and off
--- http_config
    websocket_zone zone=live:1m;
    websocket_stamp channel;
--- config
    location = /ws { websocket pubsub; websocket_channel x; }
    location = /off { websocket pubsub; websocket_channel x; websocket_stamp off; }
--- websocket
a> GET /ws
a< 101
a> text {}
a< text {"channel":"x"}
b> GET /off
b< 101
b> text {}
b< text {}



=== TEST 6: the number of a message in its channel, on every way
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel room other;
        websocket_stamp sequence channel;
        websocket_history length=100;
    }
    location = /alone { websocket pubsub; websocket_channel alone; websocket_stamp sequence; }
    location = /pub { websocket_publish; websocket_channel room; }
--- websocket
a> GET /ws
a< 101
b> GET /ws?position=1
b< 101
b< text qr/\A\{"position":"[0-9a-f]{16}:0,/
a> text {"sequence":17,"a":0.10}
a< text {"sequence":1,"channel":"room","a":0.10}
b< text qr/\A[0-9a-f]{16}:1\n\{"sequence":1,"channel":"room","a":0\.10\}\z/
! POST /pub {"sequence":17}
! < 200
a< text {"sequence":17}
! POST /ws {"sequence":17}
! < 200
! < json {"offset":3}
a< text {"sequence":3,"channel":"room"}
a> text {"x":4}
a> text {"x":5}
a> text {"x":6}
a> text {"x":7}
a> text {"x":8}
a> text {"x":9}
a> text {"x":10}
a< text {"sequence":4,"channel":"room","x":4}
a< text {"sequence":5,"channel":"room","x":5}
a< text {"sequence":6,"channel":"room","x":6}
a< text {"sequence":7,"channel":"room","x":7}
a< text {"sequence":8,"channel":"room","x":8}
a< text {"sequence":9,"channel":"room","x":9}
a< text {"sequence":10,"channel":"room","x":10}
c> GET /alone
c< 101
c> text {}
c< text {"sequence":1}
# what is refused takes no number
c> text []
c< json {"error":{"code":"invalid_message"}}
c> text {}
c< text {"sequence":2}
! POST /ws [X-WebSocket-Tags: room=a] {"last":true}
! < 200
a< text {"sequence":11,"channel":"room","last":true}



=== TEST 7: other names
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket pubsub;
        websocket_channel x;
        websocket_stamp who:from=a:$arg_user added_at:time N-r:sequence time:channel;
    }
--- websocket
a> GET /ws?user=eve
a< 101
a> text {"who":1,"from":2,"added_at":3,"n-R":4,"time":5,"sequence":6,"channel":7}
a< text qr/\A\{"N-r":1,"who":"a:eve","added_at":"20[^"]+Z","time":"x","from":2,"sequence":6,"channel":7\}\z/



=== TEST 8: the time under several names, and how long a string is
--- http_config
    websocket_zone zone=live:1m;
    websocket_type m { field message string; field n integer default=1; }
--- config
    websocket_channel x;
    location = /ws { websocket pubsub; websocket_stamp added_at:time sent_at:time time length=message; }
    location = /typed { websocket publish; websocket_inbound_type m; websocket_stamp size:length=message; }
    location = /pub { websocket_publish; websocket_stamp length=message; }
--- websocket
a> GET /ws
a< 101
a> text {"message":"\u{20ac}\\u00e9","length":99}
a< text qr/\A\{"added_at":"([^"]+)","sent_at":"\1","time":"\1","length":5,"message":"\xe2\x82\xac\\u00e9"\}\z/
a> text {"message":7}
a< json {"length":null,"message":7}
a> text {}
a< json {"length":null}
a> text [1]
a< json {"error":{"code":"invalid_message"}}
! POST /typed {"message":"abc"}
a< text {"size":3,"message":"abc","n":1}
! POST /pub {"message":""}
a< text {"length":0,"message":""}
