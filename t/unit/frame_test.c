
/*
 * RFC 6455, section 5.  Every vector runs whole, byte by byte and split at
 * every place, with its end at the end of readable memory.
 */

#include "unit.h"
#include "wire/frame.c"


/* events as text: "H1:5" header, "P" payload (merged), "E" end, "!" error */

typedef struct {
    char      text[4096];
    size_t    size;
    size_t    used;       /* bytes that were read when an error was found */
} events_t;


static void
note(events_t *events, const char *format, ...)
{
    va_list  args;

    va_start(args, format);
    events->size += vsnprintf(events->text + events->size,
                              sizeof(events->text) - events->size, format,
                              args);
    va_end(args);
}


/* parses what is in one piece; 0 after an error */

static int
feed(ngx_websocket_parser_t *parser, events_t *events, uint8_t *p, size_t n)
{
    size_t    i, size;
    uint8_t  *pos, *data;

    pos = p;

    for ( ;; ) {

        switch (ngx_websocket_parse(parser, &pos, p + n, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_AGAIN:
            events->used += n;
            return 1;

        case NGX_WEBSOCKET_PARSE_HEADER:
            note(events, "[%x%s%s:%llu ", parser->opcode,
                 parser->fin ? "" : "+", parser->rsv1 ? "r" : "",
                 (unsigned long long) parser->length);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            for (i = 0; i < size; i++) {
                note(events, "%c", data[i]);
            }

            break;

        case NGX_WEBSOCKET_PARSE_END:
            note(events, "/%x]", parser->message);
            break;

        default:
            events->used += pos - p;
            note(events, "!%d", parser->code);
            return 0;
        }
    }
}


static void
run(const char *bytes, size_t n, size_t cut, unsigned rsv1, events_t *events)
{
    size_t                   i, k;
    uint8_t                 *p;
    ngx_websocket_parser_t   parser;

    memset(events, 0, sizeof(events_t));
    ngx_websocket_parser_init(&parser, rsv1);

    for (i = 0; i < n; i += k) {

        /* cut 0: a byte at a time */

        k = cut == 0 ? 1 : i == 0 && cut < n ? cut : n - i;

        p = unit_guarded(k);
        memcpy(p, bytes + i, k);

        if (!feed(&parser, events, p, k)) {
            unit_unguard(p, k);

            if (ngx_websocket_parse(&parser, &p, p, &p, &k)
                != NGX_WEBSOCKET_PARSE_ERROR)
            {
                note(events, "(not sticky)");
            }

            return;
        }

        unit_unguard(p, k);
    }
}


/* used: how many bytes show an error; 0 where there is none */

static void
vector(const char *name, const char *bytes, size_t n, unsigned rsv1,
    const char *want, size_t used)
{
    size_t    cut;
    events_t  events;

    for (cut = 0; cut <= n; cut++) {

        run(bytes, n, cut, rsv1, &events);

        if (strcmp(events.text, want) != 0) {
            unit_ok(0, "%s: cut at %zu: %s, not %s", name, cut, events.text,
                    want);
            return;
        }

        if (used && cut == 0 && events.used != used) {
            unit_ok(0, "%s: found after %zu bytes", name, events.used);
            return;
        }
    }

    unit_ok(1, "%s", name);
}


#define V(name, bytes, want)                                                  \
    vector(name, bytes, sizeof(bytes) - 1, 0, want, 0)

#define R(name, bytes, want)                                                  \
    vector(name, bytes, sizeof(bytes) - 1, 1, want, 0)

#define E(name, bytes, want, used)                                            \
    vector(name, bytes, sizeof(bytes) - 1, 0, want, used)

#define K  "\0\0\0\0"


static void
good(void)
{
    V("5.7: a masked \"Hello\"",
      "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "[1:5 Hello/1]");
    V("5.2: no payload", "\x81\x80" K, "[1:0 /1]");
    V("5.2: binary", "\x82\x81" K "x", "[2:1 x/2]");
    V("5.2: a length of 16 bits", "\x81\xfe\0\x7e" K
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "[1:126 "
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
      "/1]");
    V("5.2: a length of 64 bits", "\x82\xff\0\0\0\0\0\1\0\0" K "ab",
      "[2:65536 ab");
    V("5.2: the largest length", "\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"
      K "ab", "[2:9223372036854775807 ab");
    V("5.4: fragments", "\x01\x81" K "a" "\x00\x81" K "b" "\x80\x81" K "c",
      "[1+:1 a/1][0+:1 b/1][0:1 c/1]");
    V("5.4: control frames between fragments",
      "\x02\x81" K "a" "\x89\x81" K "p" "\x80\x80" K "\x8a\x80" K,
      "[2+:1 a/2][9:1 p/2][0:0 /2][a:0 /2]");
    V("5.4: messages one after the other", "\x81\x80" K "\x82\x80" K,
      "[1:0 /1][2:0 /2]");
    V("5.5.1: close", "\x88\x82" K "\x03\x68", "[8:2 \x03h/0]");
    R("RFC 7692, 6: RSV1 on a message's first frame",
      "\x41\x81" K "a" "\x80\x81" K "b", "[1+r:1 a/1][0:1 b/1]");
}


static void
bad(void)
{
    E("5.2: RSV1 that was not negotiated", "\xc1\x80" K, "!1002", 1);
    E("5.2: RSV2", "\xa1\x80" K, "!1002", 1);
    E("5.2: RSV3", "\x91\x80" K, "!1002", 1);
    R("RFC 7692, 6: RSV1 on a continuation",
      "\x41\x81" K "a" "\xc0\x81" K, "[1+r:1 a/1]!1002");
    R("RFC 7692, 6: RSV1 on a control frame", "\xc9\x80" K, "!1002");
    R("5.2: RSV2 beside RSV1", "\xe1\x80" K, "!1002");
    E("5.2: opcode 3", "\x83\x80" K, "!1002", 1);
    E("5.2: opcode 7", "\x87\x80" K, "!1002", 1);
    E("5.2: opcode 11", "\x8b\x80" K, "!1002", 1);
    E("5.2: opcode 15", "\x8f\x80" K, "!1002", 1);
    E("5.1: no mask", "\x81\x00", "!1002", 2);
    E("5.2: 125 in 16 bits", "\x81\xfe\0\x7d" K, "!1002", 4);
    E("5.2: 0 in 16 bits", "\x81\xfe\0\0" K, "!1002", 4);
    E("5.2: 65535 in 64 bits", "\x81\xff\0\0\0\0\0\0\xff\xff" K, "!1002", 8);
    E("5.2: the highest bit of 64", "\x81\xff\x80\0\0\0\0\0\0\0" K, "!1002",
      3);
    E("5.5: a fragmented Ping", "\x09\x80" K, "!1002", 1);
    E("5.5: a Ping of 126 bytes", "\x89\xfe\0\x7e" K, "!1002", 2);
    E("5.5: a Close of 64 bits", "\x88\xff\0\0\0\0\0\1\0\0" K, "!1002", 2);
    E("5.4: continuation without a message", "\x80\x80" K, "!1002", 1);
    E("5.4: continuation after the last fragment",
      "\x81\x80" K "\x80\x80" K, "[1:0 /1]!1002", 7);
    E("5.4: a message within a message", "\x01\x80" K "\x82\x80" K,
      "[1+:0 /1]!1002", 7);
}


static void
opcodes(void)
{
    char      bytes[6] = { 0, (char) 0x80, 0, 0, 0, 0 };
    unsigned  first, wrong;
    events_t  events;

    for (wrong = 0, first = 0; first < 256; first++) {

        int  ok = first == 0x81 || first == 0x82 || first == 0x01
                  || first == 0x02 || first == 0x88 || first == 0x89
                  || first == 0x8a;

        bytes[0] = (char) first;
        run(bytes, 6, 6, 0, &events);
        wrong += ok == (strchr(events.text, '!') != NULL);
    }

    unit_ok(wrong == 0, "5.2: every first byte: %u wrong", wrong);
}


static void
masks(void)
{
    size_t         i, n, shift, offset;
    uint8_t       *p, want[80];
    unsigned       wrong;
    const uint8_t  key[4] = { 0x12, 0x34, 0x56, 0x78 };

    for (wrong = 0, n = 0; n <= 70; n++) {
        for (shift = 0; shift < 8; shift++) {
            for (offset = 0; offset < 9; offset++) {

                p = unit_guarded(n + shift) ;

                for (i = 0; i < n; i++) {
                    p[i] = (uint8_t) (i * 7);
                    want[i] = p[i] ^ key[(offset + i) % 4];
                }

                ngx_websocket_mask(p, n, key, offset);
                wrong += n && memcmp(p, want, n) != 0;

                unit_unguard(p, n + shift);
            }
        }
    }

    unit_ok(wrong == 0, "5.3: masks of every size and offset: %u wrong",
            wrong);
}


static void
headers(void)
{
    size_t                  i, n, size;
    uint8_t                 p[14], *pos, *data;
    ngx_websocket_parser_t  parser;

    static const uint64_t   lengths[] = { 0, 1, 125, 126, 127, 65535, 65536,
                                          INT64_MAX };

    for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {

        n = ngx_websocket_frame_header(p, 0x82, lengths[i]);

        unit_ok(n == ngx_websocket_frame_header_size(lengths[i])
                && n == (i < 3 ? 2u : i < 6 ? 4u : 10u),
                "5.2: the header for %llu bytes",
                (unsigned long long) lengths[i]);

        /* read back as a client's: with a mask */

        p[1] |= 0x80;
        memset(p + n, 0, 4);
        pos = p;

        ngx_websocket_parser_init(&parser, 0);

        unit_ok(ngx_websocket_parse(&parser, &pos, p + n + 4, &data, &size)
                == NGX_WEBSOCKET_PARSE_HEADER
                && parser.length == lengths[i] && parser.opcode == 2,
                "5.2: and read back");
    }
}


int
main(void)
{
    good();
    bad();
    opcodes();
    masks();
    headers();

    return unit_done();
}
