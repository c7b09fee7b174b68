# Message types out of files with JSON Schema: the same as those of blocks.

use lib 't/lib';
use Test::Nginx::WebSocket;

workers(2);
master_on();

plan_tests();
run_tests();

__DATA__

=== TEST 1: a block and a file refuse the same, on the socket and over HTTP
--- http_config
    websocket_zone zone=live:1m;
    websocket_type block {
        field at    string  required format=date-time;
        field name  string  required min=2 max=4;
        field value number  required min=0 max=9.5;
        field n     integer nullable;
        field kind  string  enum=gauge|counter;
        field tags  array   of=string max=2;
        field unit  string  default=1;
    }
    websocket_type_file file ../html/metric.json;
--- user_files
>>> metric.json
{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A metric",
    "type": "object",
    "required": ["value", "at", "name"],
    "additionalProperties": false,
    "properties": {
        "at": {"type": "string", "format": "date-time"},
        "name": {"type": "string", "minLength": 2, "maxLength": 4},
        "value": {"type": "number", "minimum": 0, "maximum": 9.5},
        "n": {"type": ["integer", "null"]},
        "kind": {"type": "string", "enum": ["gauge", "counter"]},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        "unit": {"type": "string", "default": "1", "description": "UCUM"}
    }
}
--- config
    location = /block { websocket pubsub; websocket_channel b; websocket_inbound_type block; }
    location = /file { websocket pubsub; websocket_channel f; websocket_inbound_type file; }
    location = /pub_block { websocket_publish; websocket_channel b; websocket_outbound_type block; }
    location = /pub_file { websocket_publish; websocket_channel f; websocket_outbound_type file; }
--- websocket
b> GET /block
b< 101
f> GET /file
f< 101
b> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"n":null}
b< text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"n":null,"unit":"1"}
f> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"n":null}
f< text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"n":null,"unit":"1"}
b> text {"name":"ab","value":1}
b< text {"error":{"code":"invalid_message","path":"at","message":"is required"}}
f> text {"name":"ab","value":1}
f< text {"error":{"code":"invalid_message","path":"at","message":"is required"}}
b> text {"at":"2024-01-01T00:00:00Z","name":"\u{e9}","value":1}
b< text {"error":{"code":"invalid_message","path":"name","message":"expected at least 2 characters"}}
f> text {"at":"2024-01-01T00:00:00Z","name":"\u{e9}","value":1}
f< text {"error":{"code":"invalid_message","path":"name","message":"expected at least 2 characters"}}
b> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":9.6}
b< text {"error":{"code":"invalid_message","path":"value","message":"expected at most 9.5"}}
f> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":9.6}
f< text {"error":{"code":"invalid_message","path":"value","message":"expected at most 9.5"}}
b> text {"at":"today","name":"ab","value":9}
b< text {"error":{"code":"invalid_message","path":"at","message":"is not a valid date-time"}}
f> text {"at":"today","name":"ab","value":9}
f< text {"error":{"code":"invalid_message","path":"at","message":"is not a valid date-time"}}
b> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"more":1}
b< text {"error":{"code":"invalid_message","path":"more","message":"is not a field of block"}}
f> text {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"more":1}
f< text {"error":{"code":"invalid_message","path":"more","message":"is not a field of file"}}
! POST /pub_block {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"kind":"x"}
! < 422
! < body {"error":{"code":"invalid_message","path":"kind","message":"expected one of gauge|counter"}}
! POST /pub_file {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"kind":"x"}
! < 422
! < body {"error":{"code":"invalid_message","path":"kind","message":"expected one of gauge|counter"}}
! POST /pub_block {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"tags":["a",1]}
! < 422
! < body {"error":{"code":"invalid_message","path":"tags[1]","message":"expected string, got integer"}}
! POST /pub_file {"at":"2024-01-01T00:00:00Z","name":"ab","value":1,"tags":["a",1]}
! < 422
! < body {"error":{"code":"invalid_message","path":"tags[1]","message":"expected string, got integer"}}
! POST /pub_file {"at":"2024-01-01T00:00:00Z","name":"ab","value":2}
! < 200
f< text {"at":"2024-01-01T00:00:00Z","name":"ab","value":2,"unit":"1"}



=== TEST 2: objects within, named types both ways, any additional ones
--- http_config
    websocket_zone zone=live:1m;
    websocket_type point { field x number required; }
    websocket_type_file shape ../html/shape.json;
    websocket_type drawing { field shapes array of=shape; field size object of=shape.size; }
--- user_files
>>> shape.json
{
    "type": "object",
    "properties": {
        "at": {"type": "object", "x-type": "point"},
        "path": {"type": "array", "items": {"type": "object", "x-type": "point"}},
        "size": {
            "type": "object",
            "required": ["w"],
            "properties": {"w": {"type": "integer"}, "h": {"type": "integer", "default": 1}},
            "additionalProperties": false
        },
        "parts": {
            "type": "array",
            "items": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
        },
        "inner": {"type": "object", "x-type": "shape"},
        "free": {"type": "object"}
    }
}
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_inbound_type drawing; }
--- websocket
a> GET /ws
a< 101
a> text {"shapes":[{"at":{"x":1},"more":true,"free":{"a":1}}]}
a< text {"shapes":[{"at":{"x":1},"more":true,"free":{"a":1}}]}
a> text {"shapes":[{"at":{"y":1}}]}
a< json {"error":{"path":"shapes[0].at.x","message":"is required"}}
a> text {"shapes":[{"path":[{"x":1},{"x":""}]}]}
a< json {"error":{"path":"shapes[0].path[1].x","message":"expected number, got string"}}
a> text {"shapes":[{"size":{"w":1,"d":2}}]}
a< json {"error":{"path":"shapes[0].size.d","message":"is not a field of shape.size"}}
a> text {"shapes":[{"parts":[{"id":"a","x":1},{}]}]}
a< json {"error":{"path":"shapes[0].parts[1].id","message":"is required"}}
a> text {"shapes":[{"inner":{"inner":{"size":{}}}}]}
a< json {"error":{"path":"shapes[0].inner.inner.size.w","message":"is required"}}
a> text {"size":{"w":2},"shapes":[{"inner":{"size":{"w":1}}}]}
a< text {"size":{"w":2,"h":1},"shapes":[{"inner":{"size":{"w":1,"h":1}}}]}
a> text {"more":1}
a< json {"error":{"path":"more","message":"is not a field of drawing"}}



=== TEST 3: views and filters
--- http_config
    websocket_zone zone=live:1m;
    websocket_type_file m ../html/m.json;
--- user_files
>>> m.json
{
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "secret": {},
        "where": {"type": "object", "properties": {"x": {}, "y": {}}}
    },
    "x-views": {"brief": ["where.x", "name"], "y": ["where.y"]}
}
--- config
    websocket_outbound_type m;
    location = /ws { websocket subscribe; websocket_channel x; websocket_view $arg_view; websocket_filter on; }
    location = /pub { websocket_publish; websocket_channel x; }
--- websocket
a> GET /ws?view=brief&filter=%7B%22name%22%3A%22a%22%7D
a< 101
b> GET /ws?view=y
b< 101
c> GET /ws?view=none
c< 400
d> GET /ws?view=brief&filter=%7B%22secret%22%3A1%7D
d< 400
! POST /pub {"name":"b","secret":1,"where":{"x":1,"y":2}}
! POST /pub {"name":"a","secret":1,"where":{"x":3,"y":4}}
a< text {"where":{"x":3},"name":"a"}
b< text {"where":{"y":2}}
b< text {"where":{"y":4}}



=== TEST 4: patterns mean what they do in JSON Schema
--- http_config
    websocket_zone zone=live:1m;
    websocket_type_file m ../html/m.json;
--- user_files
>>> m.json
{
    "type": "object",
    "properties": {
        "some": {"type": "string", "pattern": "b+"},
        "word": {"type": "string", "pattern": "^[a-z]+$"},
        "four": {"type": "string", "pattern": "^.{4}$"},
        "other": {"type": "string", "pattern": "^[^a]$"},
        "space": {"type": "string", "pattern": "^a\\s\\S$"},
        "euro": {"type": "string", "pattern": "^\\u20ac|\\x41$"},
        "ahead": {"type": "string", "pattern": "^(?!root$)(?:a|b|root)+$"}
    }
}
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_inbound_type m; }
--- websocket
a> GET /ws
a< 101
a> text {"some":"ac"}
a< json {"error":{"path":"some","message":"does not match its pattern"}}
a> text {"word":"ab\\n"}
a< json {"error":{"path":"word","message":"does not match its pattern"}}
a> text {"four":"\u{20ac}a"}
a< json {"error":{"path":"four","message":"does not match its pattern"}}
a> text {"four":"aaa\\r"}
a< json {"error":{"path":"four","message":"does not match its pattern"}}
a> text {"space":"a \u{2003}"}
a< json {"error":{"path":"space","message":"does not match its pattern"}}
a> text {"ahead":"root"}
a< json {"error":{"path":"ahead","message":"does not match its pattern"}}
a> text {"euro":"A"}
a< text {"euro":"A"}
a> text {"some":"abc","word":"ab","four":"\u{20ac}\u{20ac}\u{20ac}\u{20ac}","other":"\u{e9}","space":"a\u{a0}b","euro":"\u{20ac}","ahead":"roota"}
a< text {"some":"abc","word":"ab","four":"\u{20ac}\u{20ac}\u{20ac}\u{20ac}","other":"\u{e9}","space":"a\u{a0}b","euro":"\u{20ac}","ahead":"roota"}



=== TEST 5: a reload takes what the file says now
--- http_config
    websocket_zone zone=live:1m;
    websocket_drain 20d;
    websocket_type_file m ../html/m.json;
--- user_files
>>> m.json
{"type":"object","properties":{"a":{"type":"integer"}}}
--- config
    location = /ws { websocket pubsub; websocket_channel x; websocket_inbound_type m; }
    location = /m.json { dav_methods PUT; }
--- websocket
a> GET /ws
a< 101
a> text {"a":"1"}
a< json {"error":{"path":"a","message":"expected integer, got string"}}
! PUT /m.json {"type":"object","properties":{"a":{"type":"string"}}}
! < 204
a> text {"a":"2"}
a< json {"error":{"path":"a","message":"expected integer, got string"}}
! reload
b> GET /ws
b< 101
b> text {"a":3}
b< json {"error":{"path":"a","message":"expected string, got integer"}}
b> text {"a":"4"}
b< text {"a":"4"}
a< text {"a":"4"}



=== TEST 6: oneOf by a constant, maps
--- http_config
    websocket_zone zone=live:1m;
    websocket_type_file m ../html/m.json;
--- user_files
>>> m.json
{
    "oneOf": [
        {
            "type": "object",
            "required": ["type", "data"],
            "properties": {"type": {"const": "chat"}, "data": {"type": "string", "maxLength": 5}},
            "additionalProperties": false
        },
        {
            "type": "object",
            "required": ["type"],
            "properties": {
                "type": {"const": "join"},
                "data": {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 2}
            }
        }
    ],
    "x-views": {"short": ["data"]}
}
--- config
    websocket_channel x;
    websocket_inbound_type m;
    location = /ws { websocket pubsub; }
    location = /short { websocket subscribe; websocket_view short; }
--- websocket
s> GET /short
s< 101
a> GET /ws
a< 101
a> text {"type":"chat","data":"hello"}
a< text {"type":"chat","data":"hello"}
s< text {"data":"hello"}
a> text {"type":"chat","data":"hello","more":1}
a< json {"error":{"path":"more","message":"is not a field of m.chat"}}
a> text {"type":"join","data":{"a":"b","c":1}}
a< json {"error":{"path":"data.c","message":"expected string, got integer"}}
a> text {"type":"join","data":{"a":"b","c":"d","e":"f"}}
a< json {"error":{"path":"data","message":"expected at most 2 members"}}
a> text {"type":"join","data":{"a":"b"},"more":1}
a< text {"type":"join","data":{"a":"b"},"more":1}
a> text {"type":"leave"}
a< json {"error":{"path":"type","message":"expected one of chat|join"}}
