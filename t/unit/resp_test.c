
/*
 * RESP: replies in pieces, errors in their midst, replies that are too deep,
 * too large or none; and commands.
 */


#include "unit.h"
#include "broker/resp.c"


#define MAX  (64 * 1024)


/* a reply as a text: i1 sOK e"ERR no" "bulk" nil [..] */

static size_t
show(char *p, const ngx_websocket_resp_value_t *value)
{
    size_t  i, n;

    static const char  *kinds[] = { "nil", "\"", "+", "-" };

    switch (value->type) {

    case NGX_WEBSOCKET_RESP_INTEGER:
        return sprintf(p, ":%lld", (long long) value->number);

    case NGX_WEBSOCKET_RESP_ARRAY:
        n = sprintf(p, "[");

        for (i = 0; i < value->size; i++) {
            n += sprintf(p + n, i ? " " : "");
            n += show(p + n, ngx_websocket_resp_at(value, i));
        }

        return n + sprintf(p + n, "]");

    default:
        return sprintf(p, "%s%.*s", kinds[value->type], (int) value->size,
                       value->size ? (char *) value->data : "");
    }
}


/* the replies of a text that is fed in pieces, with the error at its end */

static void
read_all(const char *text, size_t size, size_t piece, char *shown)
{
    int                          rc;
    size_t                       at, n, left;
    uint8_t                     *copy;
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value;

    resp = ngx_websocket_resp_create(MAX);
    rc = NGX_WEBSOCKET_RESP_AGAIN;
    n = 0;

    for (at = 0; at < size && rc == NGX_WEBSOCKET_RESP_AGAIN; at += piece) {

        left = size - at < piece ? size - at : piece;

        copy = malloc(left);
        memcpy(copy, text + at, left);
        rc = ngx_websocket_resp_feed(resp, copy, left);
        free(copy);

        while (rc == NGX_WEBSOCKET_RESP_OK) {
            rc = ngx_websocket_resp_next(resp, &value);

            if (rc == NGX_WEBSOCKET_RESP_OK) {
                n += show(shown + n, value);
                n += sprintf(shown + n, ";");
            }
        }
    }

    if (rc == NGX_WEBSOCKET_RESP_ERROR) {
        sprintf(shown + n, "!");
        unit_ok(ngx_websocket_resp_reason(resp)[0]
                && ngx_websocket_resp_next(resp, &value) == rc
                && ngx_websocket_resp_feed(resp, (uint8_t *) "+", 1) == rc,
                "no way back from: %s", ngx_websocket_resp_reason(resp));

    } else {
        shown[n] = '\0';
    }

    ngx_websocket_resp_destroy(resp);
}


static void
reads(const char *text, const char *want, const char *name)
{
    int     ok;
    char    got[512];
    size_t  piece, size;

    size = strlen(text);

    for (ok = 1, piece = 1; piece <= size && ok; piece++) {
        read_all(text, size, piece, got);
        ok = strcmp(got, want) == 0;
    }

    unit_ok(ok, "%s: %s", name, got);
}


static void
breaks(const char *text, const char *want, const char *name)
{
    char  got[512];

    read_all(text, strlen(text), strlen(text), got);
    unit_ok(strcmp(got, want) == 0, "%s: %s", name, got);

    read_all(text, strlen(text), 1, got);
    unit_ok(strcmp(got, want) == 0, "%s, byte by byte: %s", name, got);
}


/* a bulk string of n bytes; the reader has MAX for a reply */

static int
large(size_t n)
{
    int                          rc;
    char                         head[32];
    size_t                       at, piece;
    uint8_t                      zeros[4096];
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value;

    memset(zeros, '0', sizeof(zeros));

    resp = ngx_websocket_resp_create(MAX);

    rc = ngx_websocket_resp_feed(resp, (uint8_t *) head,
                                 sprintf(head, "$%zu\r\n", n));

    for (at = 0; at < n && rc == NGX_WEBSOCKET_RESP_OK; at += piece) {

        rc = ngx_websocket_resp_next(resp, &value);
        piece = n - at < sizeof(zeros) ? n - at : sizeof(zeros);

        if (rc == NGX_WEBSOCKET_RESP_AGAIN) {
            rc = ngx_websocket_resp_feed(resp, zeros, piece);
        }
    }

    if (rc == NGX_WEBSOCKET_RESP_OK) {
        rc = ngx_websocket_resp_feed(resp, (uint8_t *) "\r\n", 2);
    }

    if (rc == NGX_WEBSOCKET_RESP_OK) {
        rc = ngx_websocket_resp_next(resp, &value);
    }

    if (rc == NGX_WEBSOCKET_RESP_OK && value->size != n) {
        rc = -2;
    }

    ngx_websocket_resp_destroy(resp);

    return rc;
}


/* the arena goes back to its first piece after a large reply */

static void
again(void)
{
    int                          i, ok;
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value;
    char                        *text;

    resp = ngx_websocket_resp_create(MAX);
    text = malloc(MAX);
    memset(text, 'x', MAX);
    memcpy(text, "$32000\r\n", 8);
    memcpy(text + 8 + 32000, "\r\n", 2);

    for (ok = 1, i = 0; i < 50 && ok; i++) {
        ok = ngx_websocket_resp_feed(resp, (uint8_t *) text, 32010) == 0
             && ngx_websocket_resp_next(resp, &value) == 0
             && value->size == 32000
             && ngx_websocket_resp_next(resp, &value)
                == NGX_WEBSOCKET_RESP_AGAIN
             && resp->taken == 0 && resp->pieces->next == NULL
             && resp->pieces->size == NGX_WEBSOCKET_RESP_PIECE;
    }

    unit_ok(ok, "what a large reply took is given back");

    free(text);
    ngx_websocket_resp_destroy(resp);
}


static void
looks(void)
{
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value, *one;

    static const uint8_t  text[] = "*3\r\n$3\r\nabc\r\n-ERR no\r\n:-7\r\n";

    resp = ngx_websocket_resp_create(MAX);

    unit_ok(ngx_websocket_resp_feed(resp, text, sizeof(text) - 1) == 0
            && ngx_websocket_resp_next(resp, &value) == 0, "a reply");

    one = ngx_websocket_resp_at(value, 0);

    unit_ok(ngx_websocket_resp_is(one, "abc") && !ngx_websocket_resp_is(one, "a")
            && ngx_websocket_resp_begins(one, "a")
            && !ngx_websocket_resp_begins(one, "abcd"), "a text is compared");

    one = ngx_websocket_resp_at(value, 1);

    unit_ok(one->type == NGX_WEBSOCKET_RESP_REFUSED
            && ngx_websocket_resp_begins(one, "ERR"), "an error too");

    one = ngx_websocket_resp_at(value, 2);

    unit_ok(one->number == -7 && !ngx_websocket_resp_is(one, "")
            && !ngx_websocket_resp_is(NULL, ""), "a number is no text");

    unit_ok(ngx_websocket_resp_at(value, 3) == NULL
            && ngx_websocket_resp_at(one, 0) == NULL
            && ngx_websocket_resp_at(NULL, 0) == NULL,
            "there is no such element");

    ngx_websocket_resp_destroy(resp);
    ngx_websocket_resp_destroy(NULL);
}


static void
writes(void)
{
    uint8_t     *p, buf[128];
    const char  *want;

    want = "*4\r\n$3\r\nSET\r\n$0\r\n\r\n$20\r\n18446744073709551615\r\n"
           "$1\r\n0\r\n";

    p = ngx_websocket_resp_array(buf, 4);
    p = ngx_websocket_resp_bulk(p, "SET", 3);
    p = ngx_websocket_resp_bulk(p, NULL, 0);
    p = ngx_websocket_resp_number(p, UINT64_MAX);
    p = ngx_websocket_resp_number(p, 0);

    unit_ok((size_t) (p - buf) == strlen(want)
            && memcmp(buf, want, p - buf) == 0, "a command");
}


int
main(void)
{
    reads("+OK\r\n", "+OK;", "a status");
    reads("-ERR unknown command\r\n", "-ERR unknown command;", "an error");
    reads(":9223372036854775807\r\n", ":9223372036854775807;", "a number");
    reads("$-1\r\n*-1\r\n", "nil;nil;", "nothing");
    reads("$0\r\n\r\n$4\r\n$1:*\r\n", "\";\"$1:*;", "bulk strings");
    reads("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n*0\r\n",
          "[\"message \"c \"hi];[];", "a message, and an empty array");
    reads("*2\r\n-ERR in the midst\r\n*2\r\n:1\r\n$-1\r\n+PONG\r\n",
          "[-ERR in the midst [:1 nil]];+PONG;", "an error in the midst");

    breaks("+OK\r\nHTTP/1.1 400\r\n", "+OK;!", "no RESP");
    breaks("*2147483647\r\n", "!", "an array that cannot be");
    breaks("*1048577\r\n", "!", "an array of too many");
    breaks("*9223372036854775807\r\n", "!", "more than there are numbers");
    breaks("*100000\r\n*100000\r\n", "!", "arrays that take too much");
    breaks("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"
           "*1\r\n*1\r\n:1\r\n", "!", "too deep");

    unit_ok(large(1000) == 0, "a bulk string");
    unit_ok(large(MAX / 2) == 0, "a large one");
    unit_ok(large(MAX + 1) == NGX_WEBSOCKET_RESP_ERROR, "one too large");
    unit_ok(large(512 * 1024 * 1024) == NGX_WEBSOCKET_RESP_ERROR,
            "one of 512 MB is refused before it has come");

    again();
    looks();
    writes();

    return unit_done();
}
