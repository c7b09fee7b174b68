
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
    size_t    used;       /* bytes that were fed up to an error's piece */
    int       moved;      /* a piece of payload was not where it came */
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


/* parses what is in one piece, whole messages at once or not; 0: an error */

static int
feed(ngx_websocket_parser_t *parser, int messages, events_t *events,
    uint8_t *p, size_t n)
{
    size_t    i, size;
    uint8_t  *pos, *before, *data, opcode;

    pos = p;

    for ( ;; ) {

        before = pos;

        opcode = messages ? ngx_websocket_parse_message(parser, &pos, p + n,
                                                        &data, &size)
                          : 0;

        if (opcode) {
            events->moved |= data <= before || pos != data + size;

            note(events, "[%x:%zu ", opcode, size);

            for (i = 0; i < size; i++) {
                note(events, "%c", data[i]);
            }

            note(events, "/%x]", opcode);
            continue;
        }

        events->moved |= pos != before;

        switch (ngx_websocket_parse(parser, &pos, p + n, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_AGAIN:
            events->used += n;
            events->moved |= pos != p + n;
            return 1;

        case NGX_WEBSOCKET_PARSE_HEADER:
            note(events, "[%x%s%s:%llu ", parser->opcode,
                 parser->fin ? "" : "+", parser->rsv1 ? "r" : "",
                 (unsigned long long) parser->length);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            events->moved |= data != before || pos != data + size;

            for (i = 0; i < size; i++) {
                note(events, "%c", data[i]);
            }

            break;

        case NGX_WEBSOCKET_PARSE_END:
            note(events, "/%x]", parser->message);
            break;

        default:
            events->used += n;
            note(events, "!%d", parser->code);
            return 0;
        }
    }
}


/* after an error there is no way back, whatever comes */

static void
check_sticky(ngx_websocket_parser_t *parser, events_t *events)
{
    size_t       size;
    uint8_t      good[] = { 0x82, 0x80, 0, 0, 0, 0 }, *pos, *data;
    const char  *reason;

    pos = good;
    reason = parser->reason;

    if (ngx_websocket_parse(parser, &pos, good + sizeof(good), &data, &size)
        != NGX_WEBSOCKET_PARSE_ERROR
        || parser->code != 1002 || reason == NULL || parser->reason != reason)
    {
        note(events, "(not sticky)");
    }
}


static void
run(const char *bytes, size_t n, size_t cut, unsigned rsv1, int messages,
    events_t *events)
{
    int                      ok;
    size_t                   i, k;
    uint8_t                 *p;
    ngx_websocket_parser_t   parser;

    memset(events, 0, sizeof(events_t));
    ngx_websocket_parser_init(&parser, rsv1);

    for (ok = 1, i = 0; i < n && ok; i += k) {

        /* cut 0: a byte at a time */

        k = cut == 0 ? 1 : i == 0 && cut < n ? cut : n - i;

        p = unit_guarded(k);
        memcpy(p, bytes + i, k);
        ok = feed(&parser, messages, events, p, k);
        unit_unguard(p, k);
    }

    if (!ok) {
        check_sticky(&parser, events);
    }
}


/* used: how many bytes show an error; 0 where there is none */

static void
vector(const char *name, const char *bytes, size_t n, unsigned rsv1,
    const char *want, size_t used)
{
    size_t    i, cut, fed;
    events_t  events;

    for (i = 0; i <= 2 * n + 1; i++) {

        cut = i / 2;

        run(bytes, n, cut, rsv1, i % 2, &events);

        if (strcmp(events.text, want) != 0) {
            unit_ok(0, "%s: cut at %zu: %s, not %s", name, cut, events.text,
                    want);
            return;
        }

        if (events.moved) {
            unit_ok(0, "%s: cut at %zu: not in place", name, cut);
            return;
        }

        /* an error is found in the piece that has the byte that shows it */

        fed = used == 0 || (cut && cut < used) ? n : cut ? cut : used;

        if (events.used != fed) {
            unit_ok(0, "%s: cut at %zu: found after %zu bytes", name, cut,
                    events.used);
            return;
        }
    }

    unit_ok(1, "%s", name);
}


#define V(name, bytes, want)                                                  \
    vector(name, bytes, sizeof(bytes) - 1, 0, want, 0)

#define R(name, bytes, want, used)                                            \
    vector(name, bytes, sizeof(bytes) - 1, 1, want, used)

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
    V("5.5.1: an empty Close", "\x88\x80" K, "[8:0 /0]");
    V("5.5: a Ping between an empty first fragment and the last",
      "\x01\x80" K "\x89\x80" K "\x80\x81" K "x",
      "[1+:0 /1][9:0 /1][0:1 x/1]");
    R("RFC 7692, 6: messages with and without RSV1",
      "\xc2\x81" K "a" "\x82\x81" K "b", "[2r:1 a/2][2:1 b/2]", 0);
    R("RFC 7692, 6: RSV1 on a message's first frame",
      "\x41\x81" K "a" "\x80\x81" K "b", "[1+r:1 a/1][0:1 b/1]", 0);
}


static void
bad(void)
{
    E("5.2: RSV1 that was not negotiated", "\xc1\x80" K, "!1002", 1);
    E("5.2: RSV2", "\xa1\x80" K, "!1002", 1);
    E("5.2: RSV3", "\x91\x80" K, "!1002", 1);
    R("RFC 7692, 6: RSV1 on a continuation",
      "\x41\x81" K "a" "\xc0\x81" K, "[1+r:1 a/1]!1002", 8);
    R("RFC 7692, 6: RSV1 on a control frame", "\xc9\x80" K, "!1002", 1);
    R("5.2: RSV2 beside RSV1", "\xe1\x80" K, "!1002", 1);
    R("RFC 7692, 6: RSV1 on the last fragment",
      "\x02\x80" K "\xc0\x80" K, "[2+:0 /2]!1002", 7);
    E("5.2: opcode 3", "\x83\x80" K, "!1002", 1);
    E("5.2: opcode 7", "\x87\x80" K, "!1002", 1);
    E("5.2: opcode 11", "\x8b\x80" K, "!1002", 1);
    E("5.2: opcode 15", "\x8f\x80" K, "!1002", 1);
    E("5.1: no mask", "\x81\x00", "!1002", 2);
    E("5.1: no mask on a Close", "\x88\x02\x03\xe8", "!1002", 2);
    E("5.1: no mask and a length of 64 bits",
      "\x82\x7f\0\0\0\0\0\1\0\0", "!1002", 2);
    E("5.2: 125 in 16 bits", "\x81\xfe\0\x7d" K, "!1002", 4);
    E("5.2: 0 in 16 bits", "\x81\xfe\0\0" K, "!1002", 4);
    E("5.2: 65535 in 64 bits", "\x81\xff\0\0\0\0\0\0\xff\xff" K, "!1002", 8);
    E("5.2: 0 in 64 bits", "\x81\xff\0\0\0\0\0\0\0\0" K, "!1002", 8);
    E("5.2: the highest bit and a small length",
      "\x81\xff\x80\0\0\0\0\0\0\5" K, "!1002", 3);
    E("5.2: the highest bit of 64", "\x81\xff\x80\0\0\0\0\0\0\0" K, "!1002",
      3);
    E("5.5: a fragmented Ping", "\x09\x80" K, "!1002", 1);
    E("5.5: a fragmented Close", "\x08\x80" K, "!1002", 1);
    E("5.5: a fragmented Pong in a message", "\x01\x80" K "\x0a\x80" K,
      "[1+:0 /1]!1002", 7);
    E("5.5: a Ping of 126 bytes", "\x89\xfe\0\x7e" K, "!1002", 2);
    E("5.5: a Close of 64 bits", "\x88\xff\0\0\0\0\0\1\0\0" K, "!1002", 2);
    E("5.4: continuation without a message", "\x80\x80" K, "!1002", 1);
    E("5.4: continuation after the last fragment",
      "\x81\x80" K "\x80\x80" K, "[1:0 /1]!1002", 7);
    E("5.4: a message within a message", "\x01\x80" K "\x82\x80" K,
      "[1+:0 /1]!1002", 7);
}


/* the same rules as a list: which first bytes may come */

static int
may_begin(unsigned first, int open, unsigned rsv1)
{
    switch (first) {

    case 0x00: case 0x80:
        return open;

    case 0x01: case 0x02: case 0x81: case 0x82:
        return !open;

    case 0x41: case 0x42: case 0xc1: case 0xc2:
        return rsv1 && !open;

    case 0x88: case 0x89: case 0x8a:
        return 1;

    default:
        return 0;
    }
}


static void
first_bytes(int open, unsigned rsv1)
{
    char      bytes[13];
    size_t    skip;
    unsigned  first, wrong;
    events_t  events;

    memcpy(bytes, "\x01\x80" K, 6);
    skip = open ? 0 : 6;

    for (wrong = 0, first = 0; first < 256; first++) {
        bytes[6] = (char) first;
        run(bytes + skip, 7 - skip, 0, rsv1, 0, &events);

        wrong += may_begin(first, open, rsv1)
                 == (strchr(events.text, '!') != NULL);
    }

    unit_ok(wrong == 0, "5.2, 5.4: every first byte %s, %s: %u wrong",
            open ? "within a message" : "outside of messages",
            rsv1 ? "RSV1 allowed" : "no RSV1", wrong);
}


/* control frames of every size, 7 bits of it: up to 125 */

static void
control_sizes(void)
{
    char      bytes[2];
    unsigned  size, wrong;
    events_t  events;

    for (wrong = 0, size = 0; size < 128; size++) {
        bytes[0] = (char) 0x8a;
        bytes[1] = (char) (0x80 | size);
        run(bytes, 2, 0, 0, 0, &events);

        wrong += (size > 125) != (strchr(events.text, '!') != NULL);
    }

    unit_ok(wrong == 0, "5.5: a Pong of every size: %u wrong", wrong);
}


/*
 * A binary frame of n bytes with a mask, split once: what is wrong with the
 * events, or NULL.
 */

static const char *
split_frame(const uint8_t *frame, size_t header, size_t n, size_t cut)
{
    int                      event;
    size_t                   size, got, wrong, headers, ends;
    uint8_t                 *p, *pos, *last, *data;
    ngx_websocket_parser_t   parser;

    p = unit_guarded(header + n);
    memcpy(p, frame, header + n);

    ngx_websocket_parser_init(&parser, 0);

    got = wrong = headers = ends = 0;
    pos = p;
    last = p + cut;

    for ( ;; ) {
        event = ngx_websocket_parse(&parser, &pos, last, &data, &size);

        if (event == NGX_WEBSOCKET_PARSE_HEADER) {
            headers++;
            wrong += parser.length != n;

        } else if (event == NGX_WEBSOCKET_PARSE_PAYLOAD) {
            wrong += data != p + header + got;

            for ( /* void */ ; size; size--, got++) {
                wrong += *data++ != (uint8_t) (got * 31);
            }

        } else if (event == NGX_WEBSOCKET_PARSE_END) {
            ends++;

        } else if (event == NGX_WEBSOCKET_PARSE_AGAIN && last < p + header + n)
        {
            last = p + header + n;

        } else {
            break;
        }
    }

    unit_unguard(p, header + n);

    return event != NGX_WEBSOCKET_PARSE_AGAIN ? "an error"
           : headers != 1 || ends != 1 ? "not one frame"
           : got != n ? "not all of the payload"
           : wrong ? "wrong bytes" : NULL;
}


/* split at every place; long frames at each place near an end, else some */

static void
length(size_t n)
{
    size_t       i, header, cut;
    uint8_t     *frame;
    const char  *wrong;

    static const uint8_t  key[4] = { 0xa1, 0x52, 0x13, 0xf4 };

    frame = malloc(n + NGX_WEBSOCKET_CLIENT_HEADER_SIZE);

    if (frame == NULL) {
        exit(1);
    }

    header = ngx_websocket_frame_header(frame, 0x82, n);
    frame[1] |= 0x80;
    memcpy(frame + header, key, 4);
    header += 4;

    for (i = 0; i < n; i++) {
        frame[header + i] = (uint8_t) (i * 31) ^ key[i % 4];
    }

    for (wrong = NULL, cut = 0; cut <= header + n && !wrong; cut++) {

        wrong = split_frame(frame, header, n, cut);

        if (n > 1000 && cut > 40 && cut + 40 < header + n) {
            cut += 996;
        }
    }

    unit_ok(wrong == NULL, "5.2: a frame of %zu bytes, any split: %s", n,
            wrong ? wrong : "whole");

    free(frame);
}


static void
lengths(void)
{
    size_t  i;

    static const size_t  all[] = { 0, 1, 2, 3, 4, 5, 7, 8, 9, 124, 125, 126,
                                   127, 128, 255, 256, 257, 512, 65535,
                                   65536, 65537 };

    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        length(all[i]);
    }
}


static void
nothing(void)
{
    size_t                  size;
    uint8_t                 byte[1], *pos, *data;
    ngx_websocket_parser_t  parser;

    pos = byte;
    ngx_websocket_parser_init(&parser, 0);

    unit_ok(ngx_websocket_parse(&parser, &pos, byte, &data, &size)
            == NGX_WEBSOCKET_PARSE_AGAIN && pos == byte,
            "no input gives no event");
}


/* n bytes, shift before the end of a buffer of 80: is it what it should be? */

static int
mask_ok(uint8_t *p, size_t n, size_t shift, uint64_t offset)
{
    size_t   i;
    uint8_t  want[80], *last;

    static const uint8_t  key[4] = { 0x12, 0x34, 0x56, 0x78 };

    last = p + 80 - shift;

    for (i = 0; i < 80; i++) {
        p[i] = want[i] = (uint8_t) (i * 7);
    }

    for (i = 0; i < n; i++) {
        want[80 - shift - n + i] ^= key[(offset + i) % 4];
    }

    ngx_websocket_mask(last - n, n, key, offset);

    return memcmp(p, want, 80) == 0;
}


static void
masks(void)
{
    size_t     n, shift, i;
    uint8_t   *p;
    unsigned   wrong;

    static const uint64_t  offsets[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8,
                                         UINT64_C(0x100000001), INT64_MAX };

    p = unit_guarded(80);

    for (wrong = 0, n = 0; n <= 70; n++) {
        for (shift = 0; shift < 9; shift++) {
            for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
                wrong += !mask_ok(p, n, shift, offsets[i]);
            }
        }
    }

    unit_unguard(p, 80);

    unit_ok(wrong == 0, "5.3: masks of every size, place and offset, and "
            "nothing around them: %u wrong", wrong);
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


/* what a frame may take, by its first bytes */

static void
weights(void)
{
    size_t                  size;
    uint8_t                *p, *last, *data;
    ngx_websocket_parser_t  parser;

    static uint8_t  small[] = { 0x81, 0x80 + 125 };
    static uint8_t  medium[] = { 0x82, 0x80 + 126, 4, 1 };
    static uint8_t  large[] = { 0x81, 0x80 + 127, 0, 0 };
    static uint8_t  packed[] = { 0xc1, 0x80 + 5 };
    static uint8_t  end[] = { 0x80, 0x80 + 5 };
    static uint8_t  ping[] = { 0x89, 0x80 };

    ngx_websocket_parser_init(&parser, 1);

    unit_ok(ngx_websocket_parser_weight(&parser, small, 2) == 1,
       "a small frame");
    unit_ok(ngx_websocket_parser_weight(&parser, ping, 2) == 1, "a Ping");
    unit_ok(ngx_websocket_parser_weight(&parser, small, 1) == 1,
       "one byte of it");
    unit_ok(ngx_websocket_parser_weight(&parser, medium, 4) == 5,
       "1025 bytes weigh 5");
    unit_ok(ngx_websocket_parser_weight(&parser, medium, 2) == 1,
       "its length has not come");
    unit_ok(ngx_websocket_parser_weight(&parser, large, 4) == 0,
       "a large one is not to be told");
    unit_ok(ngx_websocket_parser_weight(&parser, packed, 2) == 0,
       "nor one that is compressed");
    unit_ok(ngx_websocket_parser_weight(&parser, end, 2) == 0,
       "nor the end of a message");

    p = small;
    last = small + 1;
    (void) ngx_websocket_parse(&parser, &p, last, &data, &size);

    unit_ok(ngx_websocket_parser_weight(&parser, small + 1, 1) == 0,
       "nor one that has come in part");
}


int
main(void)
{
    good();
    bad();
    nothing();
    first_bytes(0, 0);
    first_bytes(0, 1);
    first_bytes(1, 0);
    first_bytes(1, 1);
    control_sizes();
    lengths();
    masks();
    headers();
    weights();

    return unit_done();
}
