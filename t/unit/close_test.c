
/* RFC 6455, sections 5.5.1 and 7.4 */

#include "unit.h"
#include "wire/utf8.c"
#include "wire/close.c"


static uint16_t
parse(const char *bytes, size_t n, uint16_t *code)
{
    uint8_t   *p;
    uint16_t   rc;

    p = unit_guarded(n);
    memcpy(p, bytes, n);
    rc = ngx_websocket_close_parse(p, n, code);
    unit_unguard(p, n);

    return rc;
}


static void
codes(void)
{
    char      p[2];
    unsigned  code, wrong;
    uint16_t  got;

    for (wrong = 0, code = 0; code < 65536; code++) {

        int  valid = (code >= 1000 && code <= 1003)
                     || (code >= 1007 && code <= 1014)
                     || (code >= 3000 && code <= 4999);

        p[0] = (char) (code >> 8);
        p[1] = (char) code;

        wrong += parse(p, 2, &got) != (valid ? 0 : 1002)
                 || (valid && got != code)
                 || !ngx_websocket_close_code_valid(code) != !valid;
    }

    unit_ok(wrong == 0, "7.4: every code: %u wrong", wrong);
    unit_ok(!ngx_websocket_close_code_valid(65536 + 1000),
            "7.4: a code of more than 16 bits");
}


static void
payloads(void)
{
    uint16_t  code;

    unit_ok(parse("", 0, &code) == 0 && code == 1005, "5.5.1: no payload is 1005");
    unit_ok(parse("\x03", 1, &code) == 1002, "a payload of one byte");
    unit_ok(parse("\x03\xe8" "bye", 5, &code) == 0 && code == 1000,
            "a code and a reason");
    unit_ok(parse("\x03\xe8\xff", 3, &code) == 1007,
            "a reason that is not UTF-8");
    unit_ok(parse("\x03\xe8" "bye\xed\xa0\x80", 8, &code) == 1007,
            "a surrogate in the reason");
    unit_ok(parse("\x03\xed\xff", 3, &code) == 1002,
            "a code that may not be sent comes before its reason");
    unit_ok(parse("\x03\xe8\xe2\x82", 4, &code) == 1007,
            "a reason that ends within a character");
}


static void
written(void)
{
    size_t    i, n;
    uint8_t   reason[200], *p;
    uint16_t  code;

    p = unit_guarded(125);

    n = ngx_websocket_close_payload(p, 1005, (uint8_t *) "x", 1);
    unit_ok(n == 0, "1005 is written as nothing");

    n = ngx_websocket_close_payload(p, 1000, (uint8_t *) "bye", 3);
    unit_ok(n == 5 && memcmp(p, "\x03\xe8" "bye", 5) == 0, "code and reason");

    n = ngx_websocket_close_payload(p, 4401, NULL, 0);
    unit_ok(n == 2 && memcmp(p, "\x11\x31", 2) == 0, "code only");

    memset(reason, 'x', sizeof(reason));
    n = ngx_websocket_close_payload(p, 1000, reason, 123);
    unit_ok(n == 125, "a reason of 123 bytes is whole");
    n = ngx_websocket_close_payload(p, 1000, reason, 200);
    unit_ok(n == 125, "a longer one is cut");

    /* a character of each size across the cut, and right before it */

    for (i = 2; i <= 4; i++) {
        memset(reason, 'x', sizeof(reason));
        memcpy(reason + 123 - i, i == 2 ? "\xc3\xa9"
                                 : i == 3 ? "\xe2\x82\xac"
                                          : "\xf0\x9f\x98\x80", i);

        n = ngx_websocket_close_payload(p, 1000, reason, 124);
        unit_ok(n == 125 && ngx_websocket_close_parse(p, n, &code) == 0,
                "cut after a character of %zu bytes", i);

        memset(reason, 'x', sizeof(reason));
        memcpy(reason + 122, i == 2 ? "\xc3\xa9" : i == 3 ? "\xe2\x82\xac"
                                                 : "\xf0\x9f\x98\x80", i);

        n = ngx_websocket_close_payload(p, 1000, reason, 200);
        unit_ok(n == 124 && ngx_websocket_close_parse(p, n, &code) == 0,
                "cut before a character of %zu bytes", i);
    }

    memset(reason, 0x80, sizeof(reason));
    n = ngx_websocket_close_payload(p, 1000, reason, 200);
    unit_ok(n == 2, "a reason without a beginning is left out");

    unit_unguard(p, 125);
}


int
main(void)
{
    codes();
    payloads();
    written();

    return unit_done();
}
