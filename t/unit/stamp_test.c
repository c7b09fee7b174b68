
/* Stamps: what the server says of a message, no client can say. */


#include <time.h>

#include "unit.h"
#include "memory.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/stamp.c"


#define FIELDS  NGX_WEBSOCKET_STAMP_FIELDS


static const ngx_websocket_stamp_name_t  none[FIELDS];

static const ngx_websocket_stamp_name_t  from[FIELDS] = {
    { NULL, 0 }, { "from", 4 }, { NULL, 0 }, { NULL, 0 }
};

static const ngx_websocket_stamp_name_t  sequence[FIELDS] = {
    { "sequence", 8 }
};

static const ngx_websocket_stamp_name_t  all[FIELDS] = {
    { "sequence", 8 }, { "from", 4 }, { "time", 4 }, { NULL, 0 },
    { NULL, 0 }, { "channel", 7 }, { NULL, 0 }
};

static const ngx_websocket_stamp_name_t  others[FIELDS] = {
    { "n", 1 }, { "Who.knows", 9 }, { "added_at", 8 }, { NULL, 0 },
    { NULL, 0 }, { "time", 4 }, { NULL, 0 }
};

static const ngx_websocket_stamp_name_t  several[FIELDS] = {
    { NULL, 0 }, { NULL, 0 }, { "time", 4 }, { "at", 2 }, { "when", 4 },
    { NULL, 0 }, { "length", 6 }
};

static ngx_websocket_stamp_t  stamp = {
    from, "u", 1, "room/1", 6, UINT64_C(1700000000123), NULL, 0, 0
};

static ngx_websocket_json_text_t  text;


/* the sequence's number is 7 */

static ngx_websocket_json_e
run(const char *message, size_t size, ngx_websocket_json_error_t *error)
{
    size_t                 number;
    uint8_t               *p;
    ngx_websocket_json_e   rc;

    p = unit_guarded(size);
    memcpy(p, message, size);

    text.size = 0;
    rc = ngx_websocket_stamp((char *) p, size, &stamp, &text, &number, error);
    ngx_websocket_json_append(&text, "\0", 2);

    unit_unguard(p, size);

    if (rc == NGX_WEBSOCKET_JSON_OK && number) {
        memmove(text.data + number + 1, text.data + number,
                text.size - 1 - number);
        text.data[number] = '7';
    }

    return rc;
}


/* without line ends: the name of a test */

static const char *
line(const char *message)
{
    size_t       i;
    static char  buf[256];

    snprintf(buf, sizeof(buf), "%s", message);

    for (i = 0; buf[i]; i++) {
        buf[i] = buf[i] == '\n' ? ' ' : buf[i];
    }

    return buf;
}


static void
stamped(const char *message, const char *expected)
{
    ngx_websocket_json_e        rc;
    ngx_websocket_json_error_t  error;

    rc = run(message, strlen(message), &error);

    unit_ok(rc == NGX_WEBSOCKET_JSON_OK && strcmp(text.data, expected) == 0,
            "%s -> %s", line(message), rc ? error.rule : text.data);
}


static void
refused(const char *message, const char *expected)
{
    ngx_websocket_json_e        rc;
    ngx_websocket_json_error_t  error;

    rc = run(message, strlen(message), &error);

    unit_ok(rc == NGX_WEBSOCKET_JSON_REFUSED
            && strcmp(error.rule, expected) == 0, "%s: %s", line(message),
            rc ? error.rule : text.data);
}


static void
forgery(void)
{
    stamped("{}", "{\"from\":\"u\"}");
    stamped(" { } ", "{\"from\":\"u\"}");
    stamped("{\"a\":1}", "{\"from\":\"u\",\"a\":1}");
    stamped("{\"from\":\"evil\"}", "{\"from\":\"u\"}");
    stamped("{\"a\":1,\"from\":\"evil\",\"b\":2,\"from\":[{}]}",
            "{\"from\":\"u\",\"a\":1,\"b\":2}");
    stamped("{\"fr\\u006fm\":1,\"\\u0066\\u0072\\u006F\\u006d\":1}",
            "{\"from\":\"u\"}");
    stamped("{\"\\u0166rom\":1}", "{\"from\":\"u\",\"\\u0166rom\":1}");
    stamped("{\"From\":1,\"FR\\u004fM\":1}", "{\"from\":\"u\"}");
    stamped("{\"fro\":1,\"froms\":2,\"from \":3,\"\":4,\"fr\\nm\":5}",
            "{\"from\":\"u\",\"fro\":1,\"froms\":2,\"from \":3,\"\":4"
            ",\"fr\\nm\":5}");
}


static void
forgery_all(void)
{
    stamp.names = all;

    stamped("{\"time\":1,\"x\":1,\"sequence\":1,\"channel\":1,\"from\":1}",
            "{\"sequence\":7,\"from\":\"u\","
            "\"time\":\"2023-11-14T22:13:20.123Z\","
            "\"channel\":\"room/1\",\"x\":1}");

    /* letters that are others in the other case */

    stamped("{\"\xc5\xbf" "equence\":1,\"\\u017fequence\":1,"
            "\"t\xc4\xb0me\":1,\"T\\u0131ME\":1,\"t\xc4\xb1me\":1}",
            "{\"sequence\":7,\"from\":\"u\","
            "\"time\":\"2023-11-14T22:13:20.123Z\","
            "\"channel\":\"room/1\"}");

    stamp.names = sequence;
    stamped("{}", "{\"sequence\":7}");
    stamped("{\"time\":1,\"from\":1,\"sequences\":1,\"sequence\":2,"
            "\"t\xc5\xbfme\":2,\"sequenc\\u00e9\":3,\"sequenc\xc3\xa9\":4}",
            "{\"sequence\":7,\"time\":1,\"from\":1,\"sequences\":1,"
            "\"t\xc5\xbfme\":2,\"sequenc\\u00e9\":3,\"sequenc\xc3\xa9\":4}");

    stamp.names = others;
    stamped("{\"n\":1,\"N\":2,\"whO.\xe2\x84\xaanows\":3,"
            "\"who.\\u212Anows\":4,\"ADDED_AT\":5,\"Time\":6,\"from\":7,"
            "\"sequence\":8,\"channel\":9,\"\xe2\x84\xab\":10}",
            "{\"n\":7,\"Who.knows\":\"u\","
            "\"added_at\":\"2023-11-14T22:13:20.123Z\","
            "\"time\":\"room/1\",\"from\":7,\"sequence\":8,"
            "\"channel\":9,\"\xe2\x84\xab\":10}");

    stamp.names = several;
    stamp.length = 5;
    stamped("{\"AT\":1,\"Length\":2,\"a\":3}",
            "{\"time\":\"2023-11-14T22:13:20.123Z\","
            "\"at\":\"2023-11-14T22:13:20.123Z\","
            "\"when\":\"2023-11-14T22:13:20.123Z\",\"length\":5,\"a\":3}");
    stamp.length = -1;
    stamped("{}", "{\"time\":\"2023-11-14T22:13:20.123Z\","
            "\"at\":\"2023-11-14T22:13:20.123Z\","
            "\"when\":\"2023-11-14T22:13:20.123Z\",\"length\":null}");

    stamp.names = none;
    stamped(" {\"from\" : 1 } ", "{\"from\" : 1}");
    stamped("{}", "{}");

    stamp.names = from;
}


/* what a client gave stays what it is */

static void
kept(void)
{
    stamped("{\"a\" :\t1e400,\n\"b\": 12345678901234567890 , \"c\":0.10}",
            "{\"from\":\"u\",\"a\" :\t1e400,\"b\": 12345678901234567890"
            ",\"c\":0.10}");
    stamped("{\"a\":{\"from\":1},\"b\":[\"from\",{\"from\":2}]}",
            "{\"from\":\"u\",\"a\":{\"from\":1},\"b\":[\"from\","
            "{\"from\":2}]}");
    stamped("{\"a\":\"\\\"\\\\\",\"b\":\"{\\\\\"}",
            "{\"from\":\"u\",\"a\":\"\\\"\\\\\",\"b\":\"{\\\\\"}");
    stamped("{\"a\":[ ] , \"b\":{ },\"c\":[[],[{}],{\"d\":[]}],\"e\":true,"
            "\"f\":false,\"g\":null,\"h\":-0.5E+10,\"i\":0,\"j\":-1e-1}",
            "{\"from\":\"u\",\"a\":[ ],\"b\":{ },\"c\":[[],[{}],{\"d\":[]}],"
            "\"e\":true,\"f\":false,\"g\":null,\"h\":-0.5E+10,\"i\":0,"
            "\"j\":-1e-1}");
    stamped("{\"a\":\"\\u00e9\\ud800\\b\\f\\n\\r\\t\\/\"}",
            "{\"from\":\"u\",\"a\":\"\\u00e9\\ud800\\b\\f\\n\\r\\t\\/\"}");
}


static void
senders(void)
{
    stamp.from = NULL;
    stamped("{\"from\":1}", "{\"from\":null}");

    stamp.from = "a\"\\\n\xc3\xa9";
    stamp.from_size = 6;
    stamped("{}", "{\"from\":\"a\\\"\\\\\\n\xc3\xa9\"}");

    stamp.from = "a\xff" "b\xe2\x82";
    stamp.from_size = 5;
    stamped("{}", "{\"from\":\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd\"}");

    stamp.from = "\xe2\x82\xac";
    stamp.from_size = 2;
    stamped("{}", "{\"from\":\"\xef\xbf\xbd\xef\xbf\xbd\"}");

    stamp.from = "a\0b\xed\xa0\x80";
    stamp.from_size = 6;
    stamped("{}", "{\"from\":\"a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd"
            "\xef\xbf\xbd\"}");

    stamp.from = "";
    stamp.from_size = 0;
    stamped("{}", "{\"from\":\"\"}");

    stamp.from = "u";
    stamp.from_size = 1;
}


static void
wrong(void)
{
    size_t                       i;
    char                         rule[64], buf[700];
    ngx_websocket_json_error_t   error;

    static const char  *objects[] = {
        "", " ", "[]", "1", "\"{}\"", "null", "from", "\xef\xbb\xbf{}"
    };

    static const struct {
        const char  *message;
        int          byte;
    } cases[] = {
        { "{", 1 }, { "{}x", 2 }, { "{} {}", 3 }, { "{,}", 1 },
        { "{\"a\"}", 4 }, { "{\"a\":}", 5 }, { "{\"a\":1,}", 7 },
        { "{\"a\":1 \"from\":2}", 7 }, { "{a:1}", 1 }, { "{'a':1}", 1 },
        { "{\"a\":01}", 6 }, { "{\"a\":1.}", 7 }, { "{\"a\":.1}", 5 },
        { "{\"a\":+1}", 5 }, { "{\"a\":-}", 6 }, { "{\"a\":1e}", 7 },
        { "{\"a\":1e+}", 8 }, { "{\"a\":1e-+1}", 8 }, { "{\"a\":tru}", 8 },
        { "{\"a\":TRUE}", 5 }, { "{\"a\":nulll}", 9 }, { "{\"a\":[1,]}", 8 },
        { "{\"a\":[1}", 7 }, { "{\"a\":[1}]", 7 }, { "{\"a\":{\"b\"]}", 9 },
        { "{\"a\":{\"b\":1]}", 11 }, { "{\"a\":{1:1}}", 6 },
        { "{\"a\":{\"b\":1,}}", 12 }, { "{\"a\":[", 6 },
        { "{\"a\":\"\n\"}", 6 }, { "{\"a\":\"\\x\"}", 7 },
        { "{\"a\":\"\\u12g4\"}", 10 }, { "{\"a\":\"\\u12\"}", 10 },
        { "{\"a\":\"\\u123\"}", 11 }, { "{:1}", 1 },
        { "{\"a\":{:1}}", 6 }, { "{\"a\":\"\\u12", 10 },
        { "{\"a\":\"\\", 7 }, { "{\"a\":\"", 6 },
        { "{\"a\":1", 6 }, { "{\"a\"", 4 }, { "{\"a", 3 },
        { "{\"a\":NaN}", 5 }, { "{/**/}", 1 }, { "{\"a\":1;}", 6 }
    };

    for (i = 0; i < sizeof(objects) / sizeof(objects[0]); i++) {
        refused(objects[i], "expected a JSON object");
    }

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(rule, sizeof(rule), "invalid JSON at byte %d", cases[i].byte);
        refused(cases[i].message, rule);
    }

    unit_ok(run("{\"a\\\0\":1}", 9, &error) == NGX_WEBSOCKET_JSON_REFUSED,
            "a zero behind a backslash");

    memcpy(buf, "{\"a\":", 5);
    memset(buf + 5, '[', 127);
    memset(buf + 132, ']', 127);
    buf[259] = '}';
    unit_ok(run(buf, 260, &error) == NGX_WEBSOCKET_JSON_OK, "128 deep");

    memset(buf + 5, '[', 128);
    memset(buf + 133, ']', 128);
    buf[261] = '}';
    unit_ok(run(buf, 262, &error) == NGX_WEBSOCKET_JSON_REFUSED
            && strcmp(error.rule, "nested too deep, at byte 133") == 0,
            "129 deep: %s", error.rule);
}


/* every day of 9 eras, and the times around them, against libc */

static void
times(void)
{
    char       buf[25], libc[32];
    size_t     bad;
    time_t     t;
    uint64_t   ms, state;
    struct tm  tm;

    state = 1;
    bad = 0;
    buf[24] = '\0';

    for (t = 0; t < 253402300800; t += 86400) {

        ms = (uint64_t) t * 1000 + unit_random(&state) % 86400000;
        ngx_websocket_stamp_time(buf, ms);

        tm = *gmtime(&(time_t) { (time_t) (ms / 1000) });
        snprintf(libc + strftime(libc, 32, "%Y-%m-%dT%H:%M:%S", &tm), 12,
                 ".%03dZ", (int) (ms % 1000));

        bad += strcmp(buf, libc) != 0;
    }

    unit_ok(bad == 0, "each day up to the year 9999: %zu wrong", bad);

    ngx_websocket_stamp_time(buf, 0);
    unit_ok(strcmp(buf, "1970-01-01T00:00:00.000Z") == 0, "%s", buf);
    ngx_websocket_stamp_time(buf, UINT64_MAX);
    unit_ok(strcmp(buf, "9999-12-31T23:59:59.999Z") == 0, "%s", buf);
}


static int
refusals(void)
{
    char                         message[600];
    size_t                       number;
    ngx_websocket_json_e         rc;
    ngx_websocket_json_text_t    out = { NULL, 0, 0, 0, 0, 0 };
    ngx_websocket_json_error_t   error;

    snprintf(message, sizeof(message), "{\"a\":\"%0500d\"}", 1);

    rc = ngx_websocket_stamp(message, strlen(message), &stamp, &out, &number,
                             &error);
    ngx_websocket_json_text_done(&out);

    return rc == NGX_WEBSOCKET_JSON_REFUSED ? 0 : rc;
}


int
main(void)
{
    (void) unit_each_refused("a stamp", refusals);

    forgery();
    forgery_all();
    kept();
    senders();
    wrong();
    times();

    ngx_websocket_json_text_done(&text);

    return unit_done();
}
