
/*
 * Centrifugo's protocol in Protobuf: commands taken out of frames, and what
 * replies and pushes look like, against bytes that protobufjs has made.
 */


#include "unit.h"
#include "commands.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/tags.c"
#include "centrifuge/protobuf_codec.c"
#include "centrifuge/protobuf_command.c"
#include "centrifuge/request.c"


static size_t
unhex(char *to, const char *hex)
{
    size_t    n;
    unsigned  byte;

    for (n = 0; sscanf(hex + 2 * n, "%2x", &byte) == 1; n++) {
        to[n] = (char) byte;
    }

    return n;
}


static void
is(const char *hex, const char *expected)
{
    char  frame[1024];

    commands_are(&ngx_websocket_protobuf_codec, frame, unhex(frame, hex),
                 expected);
}


static void
taken(void)
{
    is("", "");
    is("00", "0 pong;");
    is("0000", "0 pong;0 pong;");
    is("0408012200", "1 connect;");

    is("1908ffffffff0f22110a05612e622e6312016422026a732a0135",
       "4294967295 connect token=a.b.c name=js version=5 data=d;");
    is("3108022a2d0a066e6577733a61120174180132016538ac02420178480150"
       "0158016206666f7373696c6a0312016b70037804",
       "2 subscribe channel=news:a token=t epoch=e delta=fossil data=x "
       "tf=\x12\x01k 300/3/4/0 recover positioned recoverable join_leave;");
    is("1b080352170a016338ffffffffffffffffff01420508071201654801",
       "3 history channel=c epoch=e 7/0/0/-1 since reverse;");
    is("0b08013a070a01631202787907080232030a016307080342030a01630408"
       "044a000908056a050a0012016d0562030a01310007080672030a01740a08"
       "077a060a0163120174",
       "1 publish channel=c data=xy;2 unsubscribe channel=c;"
       "3 presence channel=c;4 presence_stats;5 rpc method=m data=;"
       "0 send data=1;0 pong;"
       "6 refresh token=t;7 sub_refresh channel=c token=t;");

    /* the first one of the protocol's order, and the last of equal ones */

    is("0c08013a030a01612a030a0163", "1 subscribe channel=c;");
    is("0a080132060a01610a0162", "1 unsubscribe channel=b;");

    /* what is not known, written in each of the ways */

    is("20080182010378797a8801059501010203049901010203040506070832"
       "030a0163",
       "1 unsubscribe channel=c;");

    /* numbers that are longer than they need be, or than what they are for */

    is("8a80000881800032040a026162", "1 unsubscribe channel=ab;");
    is("0d08ffffffffffffffffff012200", "4294967295 connect;");
}


static void
refused(void)
{
    size_t  i;

    static const char *const  frames[] = {
        "01", "80", "ffffffffffffffffffff", "ffffffffffffffffffff7f",
        "ffffffffffffffffff02", "020801", "0408002200", "022200",
        "040a002200", "0408012001", "04080152", "0408015a00", "0508012a010a",
        "0608012a020801", "0708012a030a02ff", "0808012a040a02c328",
        "0608012a021a00", "0608012a021001", "0408010000", "0308010c",
        "03080122", "050801220100", "0508015202c801"
    };

    for (i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        is(frames[i], "bad");
    }
}


static void
bytes_are(ngx_websocket_json_text_t *text, const char *hex)
{
    char    expected[1024];
    size_t  size;

    size = unhex(expected, hex);

    unit_ok(!text->failed && text->size == size
            && memcmp(text->data, expected, size) == 0, "%s", hex);

    ngx_websocket_json_text_done(text);
}


static void
reply(ngx_websocket_reply_t *r, const char *hex)
{
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(text));

    ngx_websocket_protobuf_codec.reply(&text, r);
    bytes_are(&text, hex);
}


static void
replies(void)
{
    ngx_websocket_reply_t        all = {
        .id = 1, .client = bytes("c"), .version = bytes("v"),
        .session = bytes("s"), .node = bytes("n"), .epoch = bytes("e"), .offset = 300, .ttl = 9,
        .ping = 25, .clients = 2, .users = 1, .expires = 1, .pong = 1,
        .recoverable = 1, .positioned = 1, .recovered = 1, .was_recovering = 1,
        .delta = 1
    };
    ngx_websocket_reply_t        none = { .id = 4294967295u };
    ngx_websocket_json_text_t    list;
    ngx_websocket_publication_t  p = { .data = bytes("1") };
    ngx_websocket_client_info_t  info = {
        bytes("u"), bytes("c"), bytes("1"), bytes("[2]")
    };

    memset(&list, 0, sizeof(list));

    reply(&all, "1808012a140a016312017618012009381940014a017352016e");
    reply(&none, "0808ffffffff0f2a00");

    ngx_websocket_protobuf_codec.publication(&list, &p);
    ngx_websocket_protobuf_codec.publication(&list, &p);

    all.list.data = list.data;
    all.list.size = list.size;

    all.kind = NGX_WEBSOCKET_COMMAND_SUBSCRIBE;
    reply(&all, "220801321e0801100918013201653a032201313a03220131400148ac0250"
                "0160016801");

    all.kind = NGX_WEBSOCKET_COMMAND_HISTORY;
    reply(&all, "1408015a100a032201310a0322013112016518ac02");

    list.size = 0;
    ngx_websocket_protobuf_codec.member(&list, &info);

    all.list.size = list.size;
    all.kind = NGX_WEBSOCKET_COMMAND_PRESENCE;
    reply(&all, "1908014a150a130a0163120e0a01751201631a013122035b325d");

    all.kind = NGX_WEBSOCKET_COMMAND_PRESENCE_STATS;
    reply(&all, "080801520408021001");

    all.kind = NGX_WEBSOCKET_COMMAND_REFRESH;
    reply(&all, "0e0801720a0a016312017618012009");

    all.kind = NGX_WEBSOCKET_COMMAND_SUB_REFRESH;
    reply(&all, "0808017a0408011009");

    all.kind = NGX_WEBSOCKET_COMMAND_PUBLISH;
    reply(&all, "0408014200");

    all.error = NGX_WEBSOCKET_ERROR_INTERNAL;
    reply(&all, "1f0801121b08641215696e7465726e616c20736572766572206572726f72"
                "1801");

    ngx_websocket_json_text_done(&list);
}


static void
push(ngx_websocket_push_t *p, const char *hex)
{
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(text));

    ngx_websocket_protobuf_codec.push(&text, p);
    bytes_are(&text, hex);
}


static void
pushes(void)
{
    char                   big[200];
    ngx_websocket_push_t   p = {
        .channel = bytes("a\"b"), .publication = {
            .data = bytes("{\"n\":1}"),
            .info = { bytes("u"), bytes("c"), bytes("1"), bytes("[2]") },
            .offset = 7
        },
        .code = 2500, .reason = "insufficient state"
    };
    ngx_websocket_push_t   bare = {
        .channel = bytes("x"), .publication = { .data = bytes("1") }
    };
    ngx_websocket_reply_t  reply;

    push(&p, "2422221203612262221b22077b226e223a317d2a0e0a01751201631a0131"
             "22035b325d3007");
    push(&bare, "0a22081201782203220131");

    bare.publication.delta = NGX_WEBSOCKET_DELTA_WHOLE;
    push(&bare, "0a22081201782203220131");

    bare.publication.delta = NGX_WEBSOCKET_DELTA_PATCH;
    push(&bare, "0c220a12017822052201314001");

    bare.publication.delta = NGX_WEBSOCKET_DELTA_NONE;

    memset(big, 'A', sizeof(big));

    bare.publication.data.data = big;
    bare.publication.data.size = sizeof(big);
    push(&bare, "d40122d10112017822cb0122c80141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "414141414141414141414141414141414141414141414141414141414141"
                "41414141");

    p.channel.data = "x";
    p.channel.size = 1;

    p.kind = NGX_WEBSOCKET_PUSH_JOIN;
    push(&p, "1722151201782a100a0e0a01751201631a013122035b325d");

    p.kind = NGX_WEBSOCKET_PUSH_LEAVE;
    push(&p, "17221512017832100a0e0a01751201631a013122035b325d");

    p.kind = NGX_WEBSOCKET_PUSH_DISCONNECT;
    push(&p, "1e221c1201785a1708c4131212696e73756666696369656e742073746174"
             "65");

    p.kind = NGX_WEBSOCKET_PUSH_UNSUBSCRIBE;
    push(&p, "1e221c1201783a1710c4131a12696e73756666696369656e742073746174"
             "65");

    p.kind = NGX_WEBSOCKET_PUSH_REFRESH;
    p.ttl = 9;
    push(&p, "0b2209120178620408011009");

    memset(&reply, 0, sizeof(reply));

    reply.recoverable = reply.positioned = 1;
    reply.offset = 5;
    reply.epoch.data = "e";
    reply.epoch.size = 1;
    reply.data.data = "1";
    reply.data.size = 1;

    p.kind = NGX_WEBSOCKET_PUSH_SUBSCRIBE;
    p.subscribed = &reply;
    push(&p, "1322111201784a0c0801220165280530013a0131");
}


/* entries of a map, field 3: {"a":{recover,epoch "e",offset 5}}, {"b":{}} */

static void
subs(void)
{
    json_t                *json, *a;
    ngx_websocket_bytes_t  bytes;

    static const char  text[] = "\x1a\x0c\x0a\x01" "a\x12\x07\x18\x01\x32\x01"
                                "e\x38\x05\x1a\x03\x0a\x01" "b";
    static const char  bad[] = "\x1a\x03\x0a\x01\xff";

    bytes.data = text;
    bytes.size = sizeof(text) - 1;

    unit_ok(ngx_websocket_protobuf_codec.subs(&bytes, &json)
            == NGX_WEBSOCKET_JSON_OK && json_object_size(json) == 2,
            "a connect's subs");

    a = json_object_get(json, "a");

    unit_ok(json_is_true(json_object_get(a, "recover"))
            && json_integer_value(json_object_get(a, "offset")) == 5
            && strcmp(json_string_value(json_object_get(a, "epoch")), "e") == 0
            && json_is_false(json_object_get(json_object_get(json, "b"),
                                             "recover")),
            "positions in it");

    json_decref(json);

    bytes.data = bad;
    bytes.size = sizeof(bad) - 1;

    unit_ok(ngx_websocket_protobuf_codec.subs(&bytes, &json)
            == NGX_WEBSOCKET_JSON_REFUSED, "a name that is no text");
}


static void
emulation(const char *hex, const char *expected)
{
    int                        ok;
    char                       body[256], line[256], *p;
    ngx_websocket_emulation_t  e;

    ok = ngx_websocket_protobuf_emulation(body, unhex(body, hex), &e);

    p = line;
    *p = '\0';

    if (ok) {
        p = field(p, "node", &e.node);
        p = field(p, "session", &e.session);
        (void) field(p, "data", &e.data);
    }

    unit_ok(strcmp(ok ? line : "bad", expected) == 0, "%s:%s", hex,
            ok ? line : " bad");
}


static void
emulations(void)
{
    emulation("0a016e12027373120273741a0164",
              " node=n session=st data=d");
    emulation("", "");
    emulation("2201782001", "");
    emulation("0801", "bad");
    emulation("0a", "bad");
    emulation("0a0261", "bad");
}


/* so many nodes with nothing in them */

static void
filter(size_t nodes, ngx_websocket_json_e expected)
{
    size_t                 i;
    json_t                *node;
    ngx_websocket_json_e   rc;
    ngx_websocket_bytes_t  tf;

    static char  text[2 * (NGX_WEBSOCKET_TAGS_FILTER_MOST + 1)];

    for (i = 0; i < nodes; i++) {
        text[2 * i] = 0x32;
        text[2 * i + 1] = 0;
    }

    tf.data = text;
    tf.size = 2 * nodes;

    rc = ngx_websocket_protobuf_filter(&tf, &node);

    unit_ok(rc == expected, "a filter of %zu nodes: %d", nodes, (int) rc);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        json_decref(node);
    }
}


static void
filters(void)
{
    filter(NGX_WEBSOCKET_TAGS_FILTER_MOST, NGX_WEBSOCKET_JSON_OK);
    filter(NGX_WEBSOCKET_TAGS_FILTER_MOST + 1, NGX_WEBSOCKET_JSON_REFUSED);
}


int
main(void)
{
    taken();
    refused();
    replies();
    pushes();
    subs();
    emulations();
    filters();

    return unit_done();
}
