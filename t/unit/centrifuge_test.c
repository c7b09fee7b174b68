
/*
 * Centrifugo's protocol in JSON: commands taken out of frames, and what
 * replies and pushes look like.
 */


#include "unit.h"
#include "commands.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/tags.c"
#include "centrifuge/json_codec.c"
#include "centrifuge/json_command.c"
#include "centrifuge/request.c"


static void
is(const char *frame, const char *expected)
{
    commands_are(&ngx_websocket_json_codec, frame, strlen(frame), expected);
}


static void
taken(void)
{
    is("", "");
    is("{}", "0 pong;");
    is("{}\n{}\n", "0 pong;0 pong;");
    is("{\"id\":1,\"connect\":{}}", "1 connect;");
    is(" { \"id\" : 1 , \"connect\" : { } } \r\n", "1 connect;");

    is("{\"connect\":{\"token\":\"a.b.c\",\"data\":{\"x\": [1]},\"name\":\"js\","
       "\"version\":\"5\",\"subs\":{\"n\":{\"recover\":true}}},\"id\":4294967295}",
       "4294967295 connect token=a.b.c name=js version=5 data={\"x\": [1]} "
       "subs={\"n\":{\"recover\":true}};");

    is("{\"id\":2,\"subscribe\":{\"channel\":\"news:a\",\"recover\":true,"
       "\"epoch\":\"e\",\"offset\":18446744073709551615,\"flag\":3,"
       "\"positioned\":true,\"recoverable\":true,\"join_leave\":true,"
       "\"delta\":\"fossil\",\"tf\":{\"key\":\"k\"},\"type\":4}}",
       "2 subscribe channel=news:a epoch=e delta=fossil tf={\"key\":\"k\"} "
       "18446744073709551615/3/4/0 recover positioned recoverable "
       "join_leave;");

    is("{\"id\":3,\"history\":{\"channel\":\"c\",\"limit\":-1,"
       "\"since\":{\"offset\":7,\"epoch\":\"e\"},\"reverse\":true}}",
       "3 history channel=c epoch=e 7/0/0/-1 since reverse;");

    is("{\"id\":1,\"publish\":{\"channel\":\"c\",\"data\":\"a\"}}\n"
       "{\"id\":2,\"unsubscribe\":{\"channel\":\"c\"}}\n"
       "{\"id\":3,\"presence\":{\"channel\":\"c\"}}\n"
       "{\"id\":4,\"presence_stats\":{}}\n"
       "{\"id\":5,\"rpc\":{\"method\":\"m\",\"data\":null}}\n"
       "{\"send\":{\"data\":1}}\n"
       "{\"id\":6,\"refresh\":{\"token\":\"t\"}}\n"
       "{\"id\":7,\"sub_refresh\":{\"channel\":\"c\",\"token\":\"t\"}}",
       "1 publish channel=c data=\"a\";2 unsubscribe channel=c;"
       "3 presence channel=c;4 presence_stats;5 rpc method=m data=null;"
       "0 send data=1;"
       "6 refresh token=t;7 sub_refresh channel=c token=t;");

    /* the first one of the protocol's order, and the last of equal ones */

    is("{\"id\":1,\"publish\":{},\"subscribe\":{\"channel\":\"c\"}}",
       "1 subscribe channel=c;");
    is("{\"id\":1,\"id\":2,\"unsubscribe\":{\"channel\":\"a\",\"channel\":\"b\"}}",
       "2 unsubscribe channel=b;");
    is("{\"id\":1,\"subscribe\":{\"tf\":null,\"token\":null}}",
       "1 subscribe;");
    is("{\"id\":1,\"connect\":null,\"presence\":{},\"other\":[{}]}",
       "1 presence;");

    /* strings that are written with escapes */

    is("{\"id\":1,\"unsubscribe\":{\"channel\":\"\\u0061\\/\\\\\\\"\\n\"}}",
       "1 unsubscribe channel=a/\\\"\n;");
    is("{\"id\":1,\"subscribe\":{\"channel\":\"\\u00fc\\u20ac\\ud83d\\uDE00\","
       "\"token\":\"\\ud83dx\\ude00\\ud83d\\ud83d\\ude00\"}}",
       "1 subscribe channel=\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80 "
       "token=\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80;");
}


static void
refused(void)
{
    size_t  i;

    static const char *const  frames[] = {
        "\n", " ", "{}\n\n", "{}{}", "{} {}", "[]", "1", "\"\"", "null", "{",
        "{\"id\":1}", "{\"id\":0,\"connect\":{}}", "{\"connect\":{}}",
        "{\"id\":-1,\"connect\":{}}", "{\"id\":1.5,\"connect\":{}}",
        "{\"id\":1e1,\"connect\":{}}", "{\"id\":\"1\",\"connect\":{}}",
        "{\"id\":4294967296,\"connect\":{}}", "{\"id\":1,\"connect\":[]}",
        "{\"id\":1,\"connect\":true}", "{\"id\":1,\"ping\":{}}",
        "{\"id\":1,\"other\":{}}",
        "{\"id\":1,\"connect\":{\"token\":1}}",
        "{\"id\":1,\"subscribe\":{\"channel\":{}}}",
        "{\"id\":1,\"subscribe\":{\"recover\":1}}",
        "{\"id\":1,\"subscribe\":{\"offset\":-1}}",
        "{\"id\":1,\"subscribe\":{\"offset\":18446744073709551616}}",
        "{\"id\":1,\"subscribe\":{\"flag\":4294967296}}",
        "{\"id\":1,\"history\":{\"limit\":2147483648}}",
        "{\"id\":1,\"history\":{\"since\":7}}",
        "{\"id\":1,\"history\":{\"since\":{\"offset\":\"7\"}}}",
        "{\"id\":1,\"connect\":{}", "{\"id\":1,\"connect\":{},}",
        "{id:1,\"connect\":{}}", "{\"id\":1,\"publish\":{\"data\":{a}}}",
        "{\"id\":1,\"publish\":{\"data\":\"\n\"}}",
        "{\"id\":1,\"connect\":{\"token\":\"\\x\"}}"
    };

    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        is(frames[i], strncmp(frames[i], "{}\n", 3) ? "bad" : "0 pong;bad");
    }
}


/* one that is too deep, and one that is just not */

static void
deep(void)
{
    char    frame[400], *p;
    size_t  i, n;

    for (n = NGX_WEBSOCKET_JSON_DEPTH - 3; n <= NGX_WEBSOCKET_JSON_DEPTH - 2;
         n++)
    {
        p = frame + sprintf(frame, "{\"id\":1,\"rpc\":{\"data\":");

        for (i = 0; i < n; i++) {
            *p++ = '[';
        }

        for (i = 0; i < n; i++) {
            *p++ = ']';
        }

        strcpy(p, "}}");

        unit_ok(ngx_websocket_json_valid(frame, strlen(frame))
                == (n == NGX_WEBSOCKET_JSON_DEPTH - 3),
                "%zu brackets and two", n);
    }

    unit_ok(ngx_websocket_json_valid(" \"a\" ", 5)
            && !ngx_websocket_json_valid("1 2", 3)
            && !ngx_websocket_json_valid("", 0)
            && !ngx_websocket_json_valid("a", 1), "one value, or it is not");
}


static void
reply(ngx_websocket_reply_t *r, const char *expected)
{
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(text));

    ngx_websocket_json_codec.reply(&text, r);

    unit_ok(text.size == strlen(expected)
            && memcmp(text.data, expected, text.size) == 0, "%.*s",
            (int) text.size, text.data);

    ngx_websocket_json_text_done(&text);
}


static void
replies(void)
{
    ngx_websocket_reply_t  all = {
        .id = 1, .client = bytes("c"), .version = bytes("v"),
        .session = bytes("s"), .node = bytes("n"), .epoch = bytes("e"), .list = bytes("1,2"),
        .offset = 18446744073709551615u, .ttl = 9, .ping = 25, .clients = 2,
        .expires = 1, .pong = 1, .recoverable = 1, .positioned = 1,
        .recovered = 1, .was_recovering = 1, .delta = 1
    };
    ngx_websocket_reply_t  none = { .id = 4294967295u };

    reply(&all, "{\"id\":1,\"connect\":{\"client\":\"c\",\"version\":\"v\","
          "\"expires\":true,\"ttl\":9,\"subs\":{1,2},"
          "\"ping\":25,\"pong\":true,"
          "\"session\":\"s\",\"node\":\"n\"}}");
    reply(&none, "{\"id\":4294967295,\"connect\":{}}");

    all.kind = none.kind = NGX_WEBSOCKET_COMMAND_SUBSCRIBE;
    reply(&all, "{\"id\":1,\"subscribe\":{\"expires\":true,\"ttl\":9,"
          "\"recoverable\":true,\"epoch\":\"e\",\"publications\":[1,2],"
          "\"recovered\":true,\"offset\":18446744073709551615,"
          "\"positioned\":true,\"was_recovering\":true,\"delta\":true}}");
    reply(&none, "{\"id\":4294967295,\"subscribe\":{}}");

    all.kind = none.kind = NGX_WEBSOCKET_COMMAND_PRESENCE;
    reply(&none, "{\"id\":4294967295,\"presence\":{\"presence\":{}}}");

    all.kind = none.kind = NGX_WEBSOCKET_COMMAND_PRESENCE_STATS;
    reply(&all, "{\"id\":1,\"presence_stats\":{\"num_clients\":2,"
          "\"num_users\":0}}");

    all.kind = none.kind = NGX_WEBSOCKET_COMMAND_HISTORY;
    reply(&all, "{\"id\":1,\"history\":{\"publications\":[1,2],"
          "\"epoch\":\"e\",\"offset\":18446744073709551615}}");
    reply(&none, "{\"id\":4294967295,\"history\":{\"publications\":[],"
          "\"epoch\":\"\",\"offset\":0}}");

    all.kind = none.kind = NGX_WEBSOCKET_COMMAND_REFRESH;
    reply(&all, "{\"id\":1,\"refresh\":{\"client\":\"c\",\"version\":\"v\","
          "\"expires\":true,\"ttl\":9}}");

    none.kind = NGX_WEBSOCKET_COMMAND_PUBLISH;
    reply(&none, "{\"id\":4294967295,\"publish\":{}}");

    none.error = NGX_WEBSOCKET_ERROR_ALREADY_SUBSCRIBED;
    reply(&none, "{\"id\":4294967295,\"error\":{\"code\":105,"
          "\"message\":\"already subscribed\"}}");

    none.error = NGX_WEBSOCKET_ERROR_INTERNAL;
    reply(&none, "{\"id\":4294967295,\"error\":{\"code\":100,"
          "\"message\":\"internal server error\",\"temporary\":true}}");
}


static void
push(ngx_websocket_push_t *p, const char *expected)
{
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(text));

    ngx_websocket_json_codec.push(&text, p);

    unit_ok(text.size == strlen(expected)
            && memcmp(text.data, expected, text.size) == 0, "%.*s",
            (int) text.size, text.data);

    ngx_websocket_json_text_done(&text);
}


static void
pushes(void)
{
    ngx_websocket_push_t       p = {
        .channel = bytes("a\"b"), .publication = {
            .data = bytes("{\"n\":1}"),
            .info = { bytes("u"), bytes("c"), bytes("1"), bytes("[2]") },
            .offset = 7
        },
        .code = 2500, .reason = "insufficient state"
    };
    ngx_websocket_push_t       bare = {
        .channel = bytes("x"), .publication = { .data = bytes("1") }
    };
    ngx_websocket_reply_t      reply;
    ngx_websocket_json_text_t  list;

    push(&p, "{\"push\":{\"channel\":\"a\\\"b\",\"pub\":{\"data\":{\"n\":1},"
         "\"info\":{\"user\":\"u\",\"client\":\"c\",\"conn_info\":1,"
         "\"chan_info\":[2]},\"offset\":7}}}");
    push(&bare, "{\"push\":{\"channel\":\"x\",\"pub\":{\"data\":1}}}");

    p.publication.delta = NGX_WEBSOCKET_DELTA_WHOLE;
    push(&p, "{\"push\":{\"channel\":\"a\\\"b\",\"pub\":{"
         "\"data\":\"{\\\"n\\\":1}\",\"info\":{\"user\":\"u\","
         "\"client\":\"c\",\"conn_info\":1,\"chan_info\":[2]},"
         "\"offset\":7}}}");

    bare.publication.delta = NGX_WEBSOCKET_DELTA_PATCH;
    push(&bare, "{\"push\":{\"channel\":\"x\",\"pub\":{\"data\":\"1\","
         "\"delta\":true}}}");

    p.kind = NGX_WEBSOCKET_PUSH_JOIN;
    push(&p, "{\"push\":{\"channel\":\"a\\\"b\",\"join\":{\"info\":{"
         "\"user\":\"u\",\"client\":\"c\",\"conn_info\":1,"
         "\"chan_info\":[2]}}}}");

    p.kind = NGX_WEBSOCKET_PUSH_UNSUBSCRIBE;
    push(&p, "{\"push\":{\"channel\":\"a\\\"b\",\"unsubscribe\":{"
         "\"code\":2500,\"reason\":\"insufficient state\"}}}");

    memset(&bare, 0, sizeof(bare));

    bare.kind = NGX_WEBSOCKET_PUSH_DISCONNECT;
    bare.code = 3001;
    bare.reason = "shutdown";
    push(&bare, "{\"push\":{\"disconnect\":{\"code\":3001,"
         "\"reason\":\"shutdown\"}}}");

    bare.kind = NGX_WEBSOCKET_PUSH_REFRESH;
    push(&bare, "{\"push\":{\"refresh\":{}}}");
    bare.ttl = 9;
    push(&bare, "{\"push\":{\"refresh\":{\"expires\":true,\"ttl\":9}}}");

    memset(&reply, 0, sizeof(reply));

    bare.kind = NGX_WEBSOCKET_PUSH_SUBSCRIBE;
    bare.channel.data = "x";
    bare.channel.size = 1;
    bare.subscribed = &reply;
    push(&bare, "{\"push\":{\"channel\":\"x\",\"subscribe\":{}}}");

    reply.recoverable = reply.positioned = reply.recovered = 1;
    reply.offset = 5;
    reply.epoch.data = "e";
    reply.epoch.size = 1;
    reply.data.data = "[1]";
    reply.data.size = 3;
    push(&bare, "{\"push\":{\"channel\":\"x\",\"subscribe\":{"
         "\"recoverable\":true,\"epoch\":\"e\",\"offset\":5,"
         "\"positioned\":true,\"data\":[1]}}}");

    memset(&list, 0, sizeof(list));

    ngx_websocket_json_codec.subscription(&list, &bare.channel, &reply);
    ngx_websocket_json_codec.subscription(&list, &bare.channel, &reply);
    unit_ok(list.size == 2 * 93 + 1
            && memcmp(list.data, "\"x\":{\"recoverable\":true,\"epoch\":\"e\","
                      "\"recovered\":true,\"offset\":5,\"positioned\":true,"
                      "\"data\":[1]},", 94) == 0,
            "subscriptions of a connect: %.*s", (int) list.size, list.data);
    ngx_websocket_json_text_done(&list);

    memset(&list, 0, sizeof(list));

    bare.publication.data.data = "1";
    bare.publication.data.size = 1;

    ngx_websocket_json_codec.publication(&list, &bare.publication);
    ngx_websocket_json_codec.publication(&list, &bare.publication);

    unit_ok(list.size == 21
            && memcmp(list.data, "{\"data\":1},{\"data\":1}", 21) == 0,
            "a list of publications");

    list.size = 0;

    ngx_websocket_json_codec.member(&list, &p.publication.info);
    ngx_websocket_json_codec.member(&list, &p.publication.info);

    ngx_websocket_json_append(&list, "", 1);

    unit_ok(strcmp(list.data, "\"c\":{\"user\":\"u\",\"client\":\"c\","
                              "\"conn_info\":1,\"chan_info\":[2]},"
                              "\"c\":{\"user\":\"u\",\"client\":\"c\","
                              "\"conn_info\":1,\"chan_info\":[2]}") == 0,
            "a list of members");

    ngx_websocket_json_text_done(&list);
}


int
main(void)
{
    taken();
    refused();
    deep();
    replies();
    pushes();

    return unit_done();
}
