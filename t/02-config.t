# What nginx -t says of each directive's bad values and of what cannot stand
# together, with the file and line; 01-config.t has the first of these.

use lib 't/lib';
use Test::Nginx::WebSocket;

plan_tests();
run_tests();

__DATA__

=== TEST 1: the directives of recovery, queues and presence, in every place
--- http_config
    websocket_zone zone=live:1m;
    websocket_replay all;
    websocket_batch delay=5ms;
    websocket_priority on field=level;
    websocket_presence on from=$arg_name;
    websocket_events join leave;
    websocket_access_log start;
--- config
    websocket_replay 10;
    websocket_batch size=8k delay=5ms;
    websocket_priority off;
    websocket_presence off;
    websocket_events off;
    websocket_access_log end;

    location = /ws {
        websocket result;
        websocket_replay none;
        websocket_batch off;
        websocket_priority on;
        websocket_presence on "from=$remote_addr of $arg_name";
        websocket_events leave;
    }
    location = /status { websocket_status json; }
--- request
GET /status
--- response_body_like
^\{"time":\d+,"zones":\[\{"name":"live","size":\d+,"used":\d+,"channels":0,"messages":0,"delivery_seconds":\{.*\}\}\],"locations":\[\{"zone":"live","location":"/ws",.*\}\]\}$



=== TEST 2: a zone's name is not empty
--- http_config
    websocket_zone zone=:1m;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "zone=:1m": zone=NAME:SIZE is required in \S+nginx\.conf:\d+/



=== TEST 3: a zone's size is not empty
--- http_config
    websocket_zone zone=live:;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "zone=live:": the size is not a number with k or m in \S+nginx\.conf:\d+/



=== TEST 4: a zone without a name
--- http_config
    websocket_zone inactive=1s;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "zone=": zone=NAME:SIZE is required in \S+nginx\.conf:\d+/



=== TEST 5: a zone's time is not empty
--- http_config
    websocket_zone zone=live:1m inactive=;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "inactive=": not a time in \S+nginx\.conf:\d+/



=== TEST 6: a mode is one
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket Result; }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid mode "Result", it must be "bidirectional", "result", "payload", or "echo" in \S+nginx\.conf:\d+/



=== TEST 7: a zone's name of a location is not empty
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket result zone=; }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "zone=", zone=NAME is expected in \S+nginx\.conf:\d+/



=== TEST 8: too many arguments
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket result zone=live zone=live; }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "websocket" directive in \S+nginx\.conf:\d+/



=== TEST 9: an echo may name a zone, but one that there is
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket echo zone=other; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket": no "websocket_zone" has the name "\w+" in \S+nginx\.conf:\d+/



=== TEST 10: a stream is a location
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket result;
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket" directive is not allowed here in \S+nginx\.conf:\d+/



=== TEST 11: a stream is not an if
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { if ($arg_a) { websocket result; } }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket" directive is not allowed here in \S+nginx\.conf:\d+/



=== TEST 12: websocket_publish twice
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /p { websocket_publish; websocket_publish; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_publish" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 13: an argument of websocket_publish
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /p { websocket_publish live; }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "live", zone=NAME is expected in \S+nginx\.conf:\d+/



=== TEST 14: websocket after websocket_publish
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /p { websocket_publish; websocket result; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket" directive cannot stand in one location with "websocket_publish" in \S+nginx\.conf:\d+/



=== TEST 15: the status beside a stream
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /p { websocket result; websocket_status json; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_status" directive cannot stand in one location with "websocket", "websocket_publish" or "websocket_revoke" in \S+nginx\.conf:\d+/



=== TEST 16: a stream beside the status
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /p { websocket_status json; websocket_publish; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_publish" directive cannot stand in one location with "websocket_status" in \S+nginx\.conf:\d+/



=== TEST 17: websocket_publish inherits several channels
--- http_config
    websocket_zone zone=live:1m;
    websocket_channel a b;
--- config
    location = /p { websocket_publish; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_publish": one "websocket_channel" name can stand here, for a message is published whole or not at all in \S+nginx\.conf:\d+/



=== TEST 18: websocket_channel twice
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_channel a;
    websocket_channel b;
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_channel" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 19: a channel's variable that there is not
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws { websocket result; websocket_channel "room/$nope"; }
--- must_die
--- error_log eval
qr/\[emerg\] .*unknown "nope" variable/



=== TEST 20: websocket_set_name sets a variable
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_set_name room $arg_room;
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid variable name "room" in \S+nginx\.conf:\d+/



=== TEST 21: websocket_set_name takes a value
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_set_name $room;
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid number of arguments in "websocket_set_name" directive in \S+nginx\.conf:\d+/



=== TEST 22: websocket_set_name is not for the http block
--- http_config
    websocket_set_name $room $arg_room;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_set_name" directive is not allowed here in \S+nginx\.conf:\d+/



=== TEST 23: a history's length is not -1
--- http_config
    websocket_history length=-1;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "length=-1": length=NUMBER is required in \S+nginx\.conf:\d+/



=== TEST 24: a history's length is not 99999999999
--- http_config
    websocket_history length=99999999999;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "length=99999999999": length=NUMBER is required in \S+nginx\.conf:\d+/



=== TEST 25: a history's length is not many
--- http_config
    websocket_history length=many;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "length=many": length=NUMBER is required in \S+nginx\.conf:\d+/



=== TEST 26: a history's length is not empty
--- http_config
    websocket_history length=;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "length=": length=NUMBER is required in \S+nginx\.conf:\d+/



=== TEST 27: a history's time is not shorter than a second
--- http_config
    websocket_history length=1 time=500ms;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "time=500ms": not a time of a second or more in \S+nginx\.conf:\d+/



=== TEST 28: a history's length twice
--- http_config
    websocket_history length=1 length=2;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "length=1": given twice in \S+nginx\.conf:\d+/



=== TEST 29: websocket_history twice
--- http_config
    websocket_history length=1;
    websocket_history length=2;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_history" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 30: an unknown parameter of a history
--- http_config
    websocket_history length=1 size=1k;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "size=1k", none of length=, time=, max= in \S+nginx\.conf:\d+/



=== TEST 31: a replay of some
--- http_config
    websocket_replay some;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "some", it must be "none", "all", or a number of messages in \S+nginx\.conf:\d+/



=== TEST 32: a replay of -1
--- http_config
    websocket_replay -1;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "-1", it must be "none", "all", or a number of messages in \S+nginx\.conf:\d+/



=== TEST 33: a replay of 99999999999
--- http_config
    websocket_replay 99999999999;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "99999999999", it must be "none", "all", or a number of messages in \S+nginx\.conf:\d+/



=== TEST 34: websocket_replay twice
--- http_config
    websocket_replay all;
    websocket_replay all;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_replay" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 35: own messages are on or off
--- http_config
    websocket_own_messages maybe;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "maybe" in "websocket_own_messages" directive, it must be "on" or "off" in \S+nginx\.conf:\d+/



=== TEST 36: an empty subprotocol
--- http_config
    websocket_subprotocols chat "";
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid subprotocol "": a name has no spaces, separators or control characters in \S+nginx\.conf:\d+/



=== TEST 37: websocket_subprotocols twice
--- http_config
    websocket_subprotocols a;
    websocket_subprotocols b;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_subprotocols" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 38: a heartbeat's timeout of no time
--- http_config
    websocket_heartbeat interval=1s timeout=0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "timeout=0": not a time above zero in \S+nginx\.conf:\d+/



=== TEST 39: a heartbeat's interval that is no time
--- http_config
    websocket_heartbeat interval=often;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "interval=often": not a time above zero in \S+nginx\.conf:\d+/



=== TEST 40: a heartbeat that is off has no interval
--- http_config
    websocket_heartbeat off interval=1s;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "off", none of interval=, timeout= in \S+nginx\.conf:\d+/



=== TEST 41: websocket_heartbeat twice
--- http_config
    websocket_heartbeat off;
    websocket_heartbeat interval=1s;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_heartbeat" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 42: an idle timeout is a time
--- http_config
    websocket_idle_timeout never;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_idle_timeout" directive invalid value in \S+nginx\.conf:\d+/



=== TEST 43: a send timeout is a time
--- http_config
    websocket_send_timeout off;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_send_timeout" directive invalid value in \S+nginx\.conf:\d+/



=== TEST 44: a close timeout is a time
--- http_config
    websocket_close_timeout off;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_close_timeout" directive invalid value in \S+nginx\.conf:\d+/



=== TEST 45: websocket_close_timeout twice
--- http_config
    websocket_close_timeout 1s;
    websocket_close_timeout 1s;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_close_timeout" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 46: websocket_drain twice
--- http_config
    websocket_drain 1s;
    websocket_drain 1s;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_drain" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 47: a message is not larger than 512m
--- http_config
    websocket_max_message_size 513m;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*value must be between 1 and 536870912 in \S+nginx\.conf:\d+/



=== TEST 48: a message's size is one
--- http_config
    websocket_max_message_size large;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_max_message_size" directive invalid value in \S+nginx\.conf:\d+/



=== TEST 49: a send queue of no size
--- http_config
    websocket_send_queue size=0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "size=0": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 50: a send queue's size that is none
--- http_config
    websocket_send_queue size=big;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "size=big": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 51: a send queue's number that is none
--- http_config
    websocket_send_queue messages=few;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "messages=few": not a number above zero in \S+nginx\.conf:\d+/



=== TEST 52: a send queue's policies, all
--- http_config
    websocket_send_queue overflow=drop;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "overflow=drop": it must be "close", "drop_oldest", or "conflate" in \S+nginx\.conf:\d+/



=== TEST 53: an unknown parameter of a send queue
--- http_config
    websocket_send_queue 100;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "100", none of messages=, size=, overflow= in \S+nginx\.conf:\d+/



=== TEST 54: websocket_send_queue twice
--- http_config
    websocket_send_queue messages=1;
    websocket_send_queue size=1k;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_send_queue" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 55: a batch needs a delay
--- http_config
    websocket_batch size=1k;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "delay=": delay=TIME is required, a time above zero in \S+nginx\.conf:\d+/



=== TEST 56: a batch's delay is not nothing
--- http_config
    websocket_batch delay=0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "delay=0": delay=TIME is required, a time above zero in \S+nginx\.conf:\d+/



=== TEST 57: a batch's size is not nothing
--- http_config
    websocket_batch size=0 delay=1ms;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "size=0": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 58: a batch is not just on
--- http_config
    websocket_batch on;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "on", none of size=, delay= in \S+nginx\.conf:\d+/



=== TEST 59: websocket_batch twice
--- http_config
    websocket_batch off;
    websocket_batch off;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_batch" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 60: priorities are on or off
--- http_config
    websocket_priority urgent;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "urgent", it must be "on" or "off" in \S+nginx\.conf:\d+/



=== TEST 61: a priority's field has a name
--- http_config
    websocket_priority on field=;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "field=", field=NAME is expected in \S+nginx\.conf:\d+/



=== TEST 62: an unknown parameter of websocket_priority
--- http_config
    websocket_priority on level;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "level", field=NAME is expected in \S+nginx\.conf:\d+/



=== TEST 63: websocket_priority twice
--- http_config
    websocket_priority on;
    websocket_priority off;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_priority" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 64: presence is on or off
--- http_config
    websocket_presence all;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "all", it must be "on" or "off" in \S+nginx\.conf:\d+/



=== TEST 65: presence is from someone
--- http_config
    websocket_presence on from=;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "from=", from=VALUE is expected in \S+nginx\.conf:\d+/



=== TEST 66: an unknown parameter of websocket_presence
--- http_config
    websocket_presence on $arg_name;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "\$arg_name", from=VALUE is expected in \S+nginx\.conf:\d+/



=== TEST 67: presence from a variable that there is not
--- http_config
    websocket_presence on from=$nope;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*unknown "nope" variable/



=== TEST 68: websocket_presence twice
--- http_config
    websocket_presence on;
    websocket_presence on;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_presence" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 69: an unknown event
--- http_config
    websocket_events arrive;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "arrive", it must be "join", "leave", or "off" in \S+nginx\.conf:\d+/



=== TEST 70: events are not off and on
--- http_config
    websocket_events off join;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"off" stands alone in \S+nginx\.conf:\d+/



=== TEST 71: websocket_events twice
--- http_config
    websocket_events join;
    websocket_events leave;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_events" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 72: websocket_status twice
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /s { websocket_status json; websocket_status json; }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_status" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 73: a format of the status that there is not
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /s { websocket_status xml; }
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid format "xml", it must be "json" or "prometheus" in \S+nginx\.conf:\d+/



=== TEST 74: a status is a location
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_status json;
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_status" directive is not allowed here in \S+nginx\.conf:\d+/



=== TEST 75: the access log's line is at the end or at the start
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_access_log both;
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid value "both" in \S+nginx\.conf:\d+/



=== TEST 76: websocket_access_log twice
--- http_config
    websocket_zone zone=live:1m;
--- config
    websocket_access_log end;
    websocket_access_log start;
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_access_log" directive is duplicate in \S+nginx\.conf:\d+/



=== TEST 77: another directive has the location's requests
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /ws {
        websocket result;
        proxy_pass http://127.0.0.1:1;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket": another directive of this location, such as "proxy_pass", answers its requests in \S+nginx\.conf:\d+/



=== TEST 78: or had them
--- http_config
    websocket_zone zone=live:1m;
--- config
    location = /pub {
        proxy_pass http://127.0.0.1:1;
        websocket_publish;
        stub_status;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_publish": another directive of this location, such as "proxy_pass", answers its requests in \S+nginx\.conf:\d+/



=== TEST 79: an "if" may have another answer
--- config
    location = /ws {
        websocket echo;
        if ($arg_other) { return 204; }
    }
--- request
GET /ws?other=1
--- error_code: 204



=== TEST 80: what is warned of, where it stands in the location itself
--- http_config
    websocket_zone zone=live:1m;
    websocket_message m { field a string required; }
--- config
    location = /pub { websocket_publish; websocket_receive m; }
    location = /echo { websocket echo; websocket_filter on; }
    location = /both { websocket bidirectional; websocket_receive m;
                       websocket_collect on; }
    location = /plain { return 204; }
--- request
GET /plain
--- error_code: 204
--- error_log eval
[qr/\[warn\] .*"websocket_receive" checks nothing with "websocket_publish": "websocket_send" does in \S+nginx\.conf:\d+/,
qr/\[warn\] .*"websocket_filter" filters nothing where nothing is sent to subscribers in \S+nginx\.conf:\d+/,
qr/\[warn\] .*"websocket_collect" answers with "websocket payload" only in \S+nginx\.conf:\d+/]



=== TEST 81: and not where all locations have it
--- http_config
    websocket_zone zone=live:1m;
    websocket_message m { field a string required; }
    websocket_receive m;
    websocket_filter on;
    websocket_collect on;
--- config
    location = /pub { websocket_publish; }
    location = /payload { websocket payload; }
    location = /both { websocket bidirectional; }
    location = /plain { return 204; }
--- request
GET /plain
--- error_code: 204
--- no_error_log
[warn]



=== TEST 82: a history keeps something
--- http_config
    websocket_history length=1 max=0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "max=0": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 83: a history's max is a size
--- http_config
    websocket_history length=1 max=much;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "max=much": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 84: a history is no larger than any zone
--- http_config
    websocket_history length=1 max=1025g;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "max=1025g": not a size above zero in \S+nginx\.conf:\d+/



=== TEST 85: a zone is not larger than its blocks can be counted
--- http_config
    websocket_zone zone=live:1048577m;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "zone=live:1048577m": the zone is too large: 1048576m is the most in \S+nginx\.conf:\d+/



=== TEST 86: a client has some time to read
--- http_config
    websocket_send_timeout 0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_send_timeout" directive must be above zero in \S+nginx\.conf:\d+/



=== TEST 87: a Close has some time
--- http_config
    websocket_close_timeout 0;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*"websocket_close_timeout" directive must be above zero in \S+nginx\.conf:\d+/



=== TEST 88: a batch does not wait for more than twenty days
--- http_config
    websocket_batch delay=49d;
--- config
--- must_die
--- error_log eval
qr/\[emerg\] .*invalid parameter "delay=49d": is too long: 20d is the most in \S+nginx\.conf:\d+/
