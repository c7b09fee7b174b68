
/* Answers of an application: what they say, and what is wrong with them. */


#include "unit.h"
#include "hook/answer.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/format.c"
#include "wire/utf8.c"


/* reads it, and says in a line what it is */

static void
is(const char *text, const char *expected)
{
    char                        line[512], *copy, *p;
    size_t                      size;
    ngx_websocket_answer_t      a;
    ngx_websocket_json_error_t  error;

    size = strlen(text);
    copy = (char *) unit_guarded(size);
    memcpy(copy, text, size);

    p = line;
    *p = '\0';

    if (ngx_websocket_answer_read(copy, size, &a, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        unit_ok(a.json == NULL, "nothing is left of %.60s", text);

        (void) snprintf(line, sizeof(line), "%s: %s", error.path, error.rule);

    } else {
        p += sprintf(p, "%s%s%s%s%s%s%s",
                     a.data ? "data " : "", a.data_base64 ? "base64 " : "",
                     a.send ? "send " : "", a.channels ? "channels " : "",
                     a.user ? "user " : "", a.state ? "state " : "",
                     a.silent ? "silent " : "");

        if (a.expires) {
            p += sprintf(p, "expires=%jd ", (intmax_t) a.expires);
        }

        if (a.code) {
            p += sprintf(p, "%s=%d(%s) ", a.close ? "close" : "error", a.code,
                         a.reason ? json_string_value(a.reason) : "");
        }

        if (p > line) {
            *--p = '\0';
        }

        ngx_websocket_answer_done(&a);
    }

    unit_ok(strcmp(line, expected) == 0, "%.60s: %s", text, line);
}


static void
good(void)
{
    is("", "");
    is("{}", "");
    is("{\"other\":[1,{}]}", "");
    is("{\"data\":\"a\",\"send\":[],\"channels\":[\"a\",\"b\"]}",
       "data send channels");
    is("{\"data\":null,\"publish\":true}", "data");
    is("{\"data_base64\":\"AA==\",\"publish\":false}", "base64 silent");
    is("{\"user\":\"ann\",\"expires\":1,\"state\":{}}",
       "user state expires=1");
    is("{\"state\":null}", "state");
    is("{\"error\":{\"code\":100,\"message\":\"no\"}}", "error=100(no)");
    is("{\"error\":{\"code\":1999}}", "error=1999()");
    is("{\"close\":{\"code\":4999,\"reason\":\"bye\"}}", "close=4999(bye)");
}


static void
bad(void)
{
    is("[]", ": expected object, got array");
    is("{\"user\":\"\"}", "user: expected a string of 1 to 255 bytes");
    is("{\"user\":7}", "user: expected a string of 1 to 255 bytes");
    is("{\"user\":\"a\\u001b\"}", "user: has a control character");
    is("{\"user\":\"a\\u007f\"}", "user: has a control character");
    is("{\"expires\":0}", "expires: expected seconds since 1970");
    is("{\"expires\":\"1\"}", "expires: expected seconds since 1970");
    is("{\"expires\":9223372036854775807}",
       "expires: expected seconds since 1970");
    is("{\"publish\":1}", "publish: expected true or false");
    is("{\"data\":1,\"data_base64\":\"\"}",
       "data_base64: there is \"data\" already");
    is("{\"data_base64\":1}", "data_base64: expected string");
    is("{\"send\":\"a\"}", "send: expected an array of up to 16");
    is("{\"send\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}",
       "send: expected an array of up to 16");
    is("{\"channels\":\"a\"}", "channels: expected array");
    is("{\"channels\":[1]}", "channels: expected strings");
    is("{\"state\":1}", "state: expected object or null");
    is("{\"error\":{\"code\":99}}",
       "error: expected a code from 100 to 1999");
    is("{\"error\":7}", "error: expected a code from 100 to 1999");
    is("{\"error\":{\"code\":100,\"message\":1}}",
       "error: expected a message of up to 123 bytes");
    is("{\"close\":{\"code\":1000}}",
       "close: expected a code from 3000 to 4999");
    is("{\"close\":{\"code\":5000}}",
       "close: expected a code from 3000 to 4999");
}


/* a state has up to so many bytes, however it was written */

static void
state(void)
{
    int   n;
    char  text[2048];

    for (n = 1015; n <= 1018; n++) {

        (void) sprintf(text, "{\"state\": {\"a\" : \"%0*d\"}}", n, 0);

        /* with {"a":""} around it */

        is(text, n + 8 <= NGX_WEBSOCKET_ANSWER_STATE
                 ? "state" : "state: has more than 1024 bytes");
    }
}


int
main(void)
{
    good();
    bad();
    state();

    return unit_done();
}
