
/*
 * RFC 7692: what is agreed on, the examples of section 7.2.3 byte by byte,
 * messages of all sizes and windows there and back, broken and hostile ones,
 * and memory that is refused.
 */

#include "unit.h"
#include "wire/deflate.c"


#define ROOM  (1024 * 1024)


/* zlib's memory, counted; the call number refuse gets none */

typedef struct {
    size_t    used;
    size_t    most;
    unsigned  calls;
    unsigned  refuse;
} memory_t;


static void *
memory_alloc(void *data, unsigned items, unsigned size)
{
    size_t     n, *p;
    memory_t  *memory;

    memory = data;
    n = (size_t) items * size;

    if (++memory->calls == memory->refuse) {
        return NULL;
    }

    p = malloc(n + 16);
    p[0] = n;

    memory->used += n;

    if (memory->used > memory->most) {
        memory->most = memory->used;
    }

    return p + 2;
}


static void
memory_free(void *data, void *address)
{
    size_t    *p;
    memory_t  *memory;

    memory = data;
    p = (size_t *) address - 2;

    memory->used -= p[0];
    free(p);
}


static uint8_t  in[ROOM], packed[ROOM * 2], out[ROOM];


/* NEGOTIATION: lines are separated by "\n"; the last one's result counts */

static ngx_websocket_deflate_e
negotiate(const char *lines, const ngx_websocket_deflate_conf_t *conf,
    char *text)
{
    size_t                    n;
    uint8_t                  *line, *response;
    ngx_websocket_deflate_e   rc;
    ngx_websocket_deflate_t   agreed;

    memset(&agreed, 0, sizeof(agreed));

    for ( ;; ) {

        n = strcspn(lines, "\n");
        line = unit_guarded(n);
        memcpy(line, lines, n);

        rc = ngx_websocket_deflate_accept(line, n, conf, &agreed);

        unit_unguard(line, n);

        if (lines[n] == '\0' || rc == NGX_WEBSOCKET_DEFLATE_ERROR) {
            break;
        }

        lines += n + 1;
    }

    text[0] = '\0';

    if (rc == NGX_WEBSOCKET_DEFLATE_OK) {

        response = unit_guarded(NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE);
        n = ngx_websocket_deflate_response(&agreed, response);

        sprintf(text, "%.*s (%u %u %u %u)", (int) n - 18,
                (char *) response + 18, agreed.server_no_takeover,
                agreed.client_no_takeover, agreed.server_bits,
                agreed.client_bits);

        unit_unguard(response, NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE);
    }

    return rc;
}


#define P    "permessage-deflate"
#define SNT  "; server_no_context_takeover"
#define CNT  "; client_no_context_takeover"
#define SB   "; server_max_window_bits"
#define CB   "; client_max_window_bits"

#define NONE  "declined"
#define BAD   "malformed"


static const ngx_websocket_deflate_conf_t  confs[] = {
    { 1, 1, 15, 15 },                       /* all that is possible */
    { 0, 0, 15, 15 },
    { 1, 0, 12, 10 },
    { 0, 1, 9, 9 }
};


/* want: the response's parameters, then the four values agreed on */

static const struct {
    unsigned     conf;
    const char  *line;
    const char  *want;
} offers[] = {

    { 0, P, " (0 0 15 15)" },
    { 1, P, SNT CNT " (1 1 15 15)" },
    { 2, P, CNT SB "=12 (0 1 12 15)" },
    { 3, P, SNT CNT SB "=9 (1 1 9 15)" },
    { 3, P CB, SNT SB "=9" CB "=9 (1 0 9 9)" },

    { 0, P SNT, SNT " (1 0 15 15)" },
    { 0, P CNT, CNT " (0 1 15 15)" },
    { 0, P CNT SNT, SNT CNT " (1 1 15 15)" },
    { 1, P CNT SNT, SNT CNT " (1 1 15 15)" },

    { 0, P SB "=15", SB "=15 (0 0 15 15)" },
    { 0, P SB "=9", SB "=9 (0 0 9 15)" },
    { 0, P SB "=10", SB "=10 (0 0 10 15)" },
    { 2, P SB "=15", CNT SB "=12 (0 1 12 15)" },
    { 2, P SB "=11", CNT SB "=11 (0 1 11 15)" },
    { 0, P SB "=8", NONE },
    { 0, P SB, NONE },

    { 0, P CB, " (0 0 15 15)" },
    { 0, P CB "=15", " (0 0 15 15)" },
    { 0, P CB "=14", CB "=14 (0 0 15 14)" },
    { 0, P CB "=8", CB "=8 (0 0 15 8)" },
    { 2, P CB, CNT SB "=12" CB "=10 (0 1 12 10)" },
    { 2, P CB "=9", CNT SB "=12" CB "=9 (0 1 12 9)" },
    { 2, P CB "=13", CNT SB "=12" CB "=10 (0 1 12 10)" },
    { 3, P CB "=10" SB "=10" CNT SNT, SNT CNT SB "=9" CB "=9 (1 1 9 9)" },
    { 1, P CB "=10" SB "=10" CNT SNT, SNT CNT SB "=10" CB "=10 (1 1 10 10)" },

    /* values */

    { 0, P SB "=7", NONE },
    { 0, P SB "=16", NONE },
    { 0, P SB "=19", NONE },
    { 0, P SB "=25", NONE },
    { 0, P SB "=09", NONE },
    { 0, P SB "=010", NONE },
    { 0, P SB "=100", NONE },
    { 0, P SB "=1", NONE },
    { 0, P SB "=0", NONE },
    { 0, P SB "=-9", NONE },
    { 0, P SB "=1x", NONE },
    { 0, P SB "=x", NONE },
    { 0, P CB "=7", NONE },
    { 0, P CB "=16", NONE },
    { 0, P CB "=08", NONE },
    { 0, P CB "=true", NONE },
    { 0, P SNT "=1", NONE },
    { 0, P SNT "=15", NONE },
    { 0, P CNT "=10", NONE },
    { 0, P CNT "=\"10\"", NONE },

    /* quoted strings */

    { 0, P SB "=\"10\"", SB "=10 (0 0 10 15)" },
    { 0, P SB "=\"9\"", SB "=9 (0 0 9 15)" },
    { 0, P SB "=\"1\\0\"", SB "=10 (0 0 10 15)" },
    { 0, P CB "=\"\\1\\1\"", CB "=11 (0 0 15 11)" },
    { 0, P SB "=\"010\"", NONE },
    { 0, P SB "=\"100\"", NONE },
    { 0, P SB "=\"\"", BAD },
    { 0, P SB "=\" 10\"", BAD },
    { 0, P SB "=\"10", BAD },
    { 0, P SB "=\"10\\", BAD },
    { 0, P SB "=\"1,0\"", BAD },
    { 0, P SB "=\"1\\\"0\"", BAD },
    { 0, P SB "=\"10\"0", BAD },
    { 0, P SB "=\"10\" 0", BAD },

    /* parameters twice, or unknown */

    { 0, P SNT SNT, NONE },
    { 0, P CNT CNT, NONE },
    { 0, P SB "=10" SB "=10", NONE },
    { 0, P CB CB, NONE },
    { 0, P CB CB "=10", NONE },
    { 0, P "; x", NONE },
    { 0, P "; x=1", NONE },
    { 0, P "; server_no_context_takeove", NONE },
    { 0, P "; server_no_context_takeoverx", NONE },
    { 0, P "; Server_No_Context_Takeover", NONE },

    /* several offers, of which the first acceptable is taken */

    { 0, P SB "=10, " P, SB "=10 (0 0 10 15)" },
    { 0, P SB "=8, " P SB "=9, " P, SB "=9 (0 0 9 15)" },
    { 0, P SB "=8," P, " (0 0 15 15)" },
    { 0, P "; x, " P CNT, CNT " (0 1 15 15)" },
    { 0, P SB ", " P SNT "=1, " P CB "=12", CB "=12 (0 0 15 12)" },
    { 0, "x-webkit-deflate-frame, " P, " (0 0 15 15)" },
    { 0, "foo; bar=baz; bar=\"q\\ux\", " P, " (0 0 15 15)" },
    { 0, "foo; a; a; server_max_window_bits=8, " P, " (0 0 15 15)" },
    { 0, "foo, bar", NONE },
    { 0, "permessage-deflat", NONE },
    { 0, "permessage-deflate2", NONE },
    { 0, "Permessage-Deflate", NONE },
    { 0, "permessage-bzip2, permessage-deflate;x=1", NONE },

    /* several lines */

    { 0, "foo\n" P CNT, CNT " (0 1 15 15)" },
    { 0, P CNT "\nfoo", CNT " (0 1 15 15)" },
    { 0, P SB "=9\n" P SB "=10", SB "=9 (0 0 9 15)" },
    { 0, P SB "=8\n" P SB "=10", SB "=10 (0 0 10 15)" },
    { 0, "foo\nbar", NONE },
    { 0, P "\n=", BAD },
    { 0, "=\n" P, BAD },

    /* spaces and empty elements */

    { 0, "", NONE },
    { 0, " \t", NONE },
    { 0, ",", NONE },
    { 0, ", ,\t" P " , ,", " (0 0 15 15)" },
    { 0, "\t" P "\t;\tserver_max_window_bits\t=\t10\t", SB "=10 (0 0 10 15)" },
    { 0, P " ;client_max_window_bits = \"10\" ,x", CB "=10 (0 0 15 10)" },

    /* not the syntax, before or after a good offer */

    { 0, ";", BAD },
    { 0, "=", BAD },
    { 0, "; " P, BAD },
    { 0, P ";", BAD },
    { 0, P "; ", BAD },
    { 0, P ";;x", BAD },
    { 0, P "; ,x", BAD },
    { 0, P "; =1", BAD },
    { 0, P SB "=", BAD },
    { 0, P SB "=,", BAD },
    { 0, P SB "==10", BAD },
    { 0, P SB "=10=10", BAD },
    { 0, P " x", BAD },
    { 0, P "=10", BAD },
    { 0, P SB "=10 11", BAD },
    { 0, P "/1", BAD },
    { 0, P "@", BAD },
    { 0, P "[", BAD },
    { 0, P "{", BAD },
    { 0, P "\x7f", BAD },
    { 0, P "\x80", BAD },
    { 0, P "\xc3\xa4", BAD },
    { 0, P ", x y", BAD },
    { 0, P ", \"x\"", BAD },
    { 0, P ", x;", BAD },
    { 0, P ", x; y=\"", BAD },
    { 0, "x; y=\", " P, BAD },
    { 0, P "\r", BAD }
};


static void
negotiation(void)
{
    char                      text[256];
    size_t                    i;
    ngx_websocket_deflate_e   rc;

    for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {

        rc = negotiate(offers[i].line, &confs[offers[i].conf], text);

        if (rc == NGX_WEBSOCKET_DEFLATE_DECLINED) {
            strcpy(text, NONE);

        } else if (rc == NGX_WEBSOCKET_DEFLATE_ERROR) {
            strcpy(text, BAD);
        }

        /* the line may have bytes that TAP should not: its number stands */

        if (!unit_ok(strcmp(text, offers[i].want) == 0,
                     "7.1: offer %zu: %s", i, offers[i].want))
        {
            printf("# not: %s\n", text);
        }
    }
}


/* every byte in a name: a token's are those of RFC 7230, section 3.2.6 */

static void
token_bytes(void)
{
    int                       c, wrong;
    uint8_t                   line[3];
    ngx_websocket_deflate_t   agreed;
    ngx_websocket_deflate_e   rc, want;

    for (wrong = 0, c = 0; c < 256; c++) {

        memset(&agreed, 0, sizeof(agreed));
        memcpy(line, "x?y", 3);
        line[1] = (uint8_t) c;

        want = c > 32 && c < 127 && !strchr("\"(),/:;<=>?@[\\]{}", c)
               ? NGX_WEBSOCKET_DEFLATE_DECLINED : NGX_WEBSOCKET_DEFLATE_ERROR;

        if (c == ',' || c == ';') {
            want = NGX_WEBSOCKET_DEFLATE_DECLINED;
        }

        rc = ngx_websocket_deflate_accept(line, 3, &confs[0], &agreed);
        wrong += rc != want;
    }

    unit_ok(wrong == 0, "RFC 7230, 3.2.6: all bytes in a token: %d wrong",
            wrong);
}


static void
longest_response(void)
{
    char     text[256];
    size_t   n;

    static const ngx_websocket_deflate_conf_t  conf = { 0, 0, 10, 10 };

    (void) negotiate(P CB, &conf, text);
    n = strcspn(text, "(") - 1 + 18;

    unit_ok(n == NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE,
            "the longest response has %zu bytes", n);
}


/* MESSAGES */

/*
 * Feeds a payload in pieces of step bytes (0: random ones) into room of
 * step bytes at a time, from and to guarded memory.  Returns OK with *size,
 * or the first other result.
 */

static ngx_websocket_deflate_e
unpack(ngx_websocket_inflater_t *inflater, const uint8_t *p, size_t n,
    size_t step, uint64_t *seed, uint8_t *dst, size_t limit, size_t *size)
{
    size_t                    k, room, at, used, made;
    uint8_t                  *piece, *part;
    ngx_websocket_deflate_e   rc;

    *size = 0;

    while (n) {

        k = step ? step : unit_random(seed) % 97;
        k = k < n ? k : n;

        piece = unit_guarded(k);
        memcpy(piece, p, k);
        at = 0;

        do {
            room = step ? step : 1 + unit_random(seed) % 300;
            room = room < limit - *size ? room : limit - *size;

            if (room == 0) {
                unit_unguard(piece, k);
                return NGX_WEBSOCKET_DEFLATE_FULL;
            }

            part = unit_guarded(room);

            rc = ngx_websocket_inflater_feed(inflater, piece + at, k - at,
                                             part, room, &used, &made);
            memcpy(dst + *size, part, made);
            unit_unguard(part, room);

            at += used;
            *size += made;

        } while (rc == NGX_WEBSOCKET_DEFLATE_FULL);

        unit_unguard(piece, k);

        if (rc != NGX_WEBSOCKET_DEFLATE_OK) {
            return rc;
        }

        if (at != k) {
            return NGX_WEBSOCKET_DEFLATE_DECLINED;
        }

        p += k;
        n -= k;
    }

    return ngx_websocket_inflater_end(inflater);
}


static const size_t  steps[] = { 1, 2, 3, 7, 4096, ROOM, 0 };

#define STEPS  (sizeof(steps) / sizeof(steps[0]))


/* hex to bytes */

static size_t
bytes(const char *hex, uint8_t *dst)
{
    size_t    n;
    unsigned  c;

    for (n = 0; sscanf(hex, "%2x", &c) == 1; n++) {
        dst[n] = (uint8_t) c;
        hex += 2;
        hex += *hex == ' ';
    }

    return n;
}


/* messages of one connection, in any pieces; NULL: it is invalid */

typedef struct {
    const char  *payload;
    const char  *message;
} received_t;


static void
receive(const char *name, unsigned takeover, const received_t *messages)
{
    int                        ok;
    size_t                     i, k, n, size, used, made;
    uint64_t                   seed;
    const char                *want;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_inflater_t   inflater;

    static const uint8_t       good[] = { 0x00 };

    for (ok = 1, seed = 1, k = 0; k < STEPS; k++) {

        (void) ngx_websocket_inflater_init(&inflater, 15, takeover, NULL,
                                           NULL, NULL);

        for (i = 0; messages[i].payload; i++) {

            want = messages[i].message;
            n = bytes(messages[i].payload, packed);
            rc = unpack(&inflater, packed, n, steps[k], &seed, out, ROOM,
                        &size);

            if (want == NULL) {
                ok &= rc == NGX_WEBSOCKET_DEFLATE_ERROR
                      && ngx_websocket_inflater_end(&inflater) == rc
                      && ngx_websocket_inflater_feed(&inflater, good, 1, out,
                                                     ROOM, &used, &made) == rc
                      && used == 0 && made == 0;

            } else {
                ok &= rc == NGX_WEBSOCKET_DEFLATE_OK && size == strlen(want)
                      && memcmp(out, want, size) == 0;
            }

            if (!ok) {
                unit_ok(0, "%s: message %zu, pieces of %zu: %d, %.*s", name,
                        i, steps[k], rc, (int) size, out);
                ngx_websocket_inflater_done(&inflater);
                return;
            }
        }

        ngx_websocket_inflater_done(&inflater);
    }

    unit_ok(1, "%s", name);
}


#define messages(...)  (const received_t[]) { __VA_ARGS__, { NULL, NULL } }


static void
examples(void)
{
    receive("7.2.3.1: a message compressed in one block", 0,
            messages({ "f248cdc9c90700", "Hello" }));
    receive("7.2.3.2: two that share a window", 1,
            messages({ "f248cdc9c90700", "Hello" },
                     { "f200110000", "Hello" }, { "f200110000", "Hello" }));
    receive("7.2.3.2: two that do not", 0,
            messages({ "f248cdc9c90700", "Hello" },
                     { "f248cdc9c90700", "Hello" }));
    receive("7.2.3.2: a reference to a window that was not kept", 0,
            messages({ "f248cdc9c90700", "Hello" }, { "f200110000", NULL }));
    receive("7.2.3.3: a block without compression", 0,
            messages({ "000500faff48656c6c6f00", "Hello" }));
    receive("7.2.3.4: a block with BFINAL", 0,
            messages({ "f348cdc9c9070000", "Hello" },
                     { "f248cdc9c90700", "Hello" }));
    receive("7.2.3.4: and with a window kept around it", 1,
            messages({ "f248cdc9c90700", "Hello" },
                     { "f348cdc9c9070000", "Hello" },
                     { "f248cdc9c90700", "Hello" },
                     { "f200110000", "Hello" }));
    receive("7.2.3.4: what follows BFINAL has no window", 1,
            messages({ "f348cdc9c9070000", "Hello" },
                     { "f200110000", NULL }));
    receive("7.2.3.5: two blocks in a message", 0,
            messages({ "f248050000 00ffff cac9c90700", "Hello" }));
    receive("7.2.3.6: an empty message", 0,
            messages({ "00", "" }, { "00", "" }));
    receive("7.2.3.6: with a window kept", 1,
            messages({ "00", "" }, { "f248cdc9c90700", "Hello" },
                     { "00", "" }, { "f200110000", "Hello" }));

    receive("many streams in a message", 0,
            messages({ "f348cdc9c90700 f348cdc9c90700 0300 0300 "
                       "f348cdc9c9070000", "HelloHelloHello" },
                     { "f248cdc9c90700", "Hello" }));
}


/* payloads that are not as section 7.2.1 makes them, but clear */

static void
lenient(void)
{
    receive("an empty payload is an empty message", 1,
            messages({ "f248cdc9c90700", "Hello" }, { "", "" },
                     { "f200110000", "Hello" }, { "", "" }, { "", "" }));
    receive("the last 4 bytes were not taken away", 1,
            messages({ "f248cdc9c907000000ffff", "Hello" },
                     { "f2001100000000ffff", "Hello" },
                     { "000000ffff", "" }, { "f200110000", "Hello" }));
    receive("one that ends with its output, which may fill all room", 1,
            messages({ "000500faff48656c6c6f", "Hello" },
                     { "000500faff48656c6c6f", "Hello" },
                     { "f200110000", "Hello" }));
    receive("a payload that ends with BFINAL", 1,
            messages({ "f348cdc9c90700", "Hello" },
                     { "0300", "" }, { "f248cdc9c90700", "Hello" }));
}


static void
broken(void)
{
    receive("a payload that stops within a block", 0,
            messages({ "f248cdc9", NULL }));
    receive("one that lacks a byte", 0, messages({ "f248cdc9c907", NULL }));
    receive("stored data that lacks the last 4 bytes", 0,
            messages({ "000500faff48", NULL }));
    receive("stored data that lacks more", 0,
            messages({ "000700f8ff4865", NULL }));
    receive("a stored block's header without its length", 1,
            messages({ "f248cdc9c907000000", NULL }));
    receive("no end of BFINAL's block", 0, messages({ "f348cdc9c9", NULL }));
    receive("an unknown block type", 0, messages({ "06", NULL }));
    receive("a length that is not its complement", 0,
            messages({ "000500faf048656c6c6f00", NULL }));
    receive("codes that are over-subscribed", 0,
            messages({ "fcffffffffffffffffffffff", NULL }));
    receive("a distance before the first message", 1,
            messages({ "f200110000", NULL }));
    receive("a byte after the message", 0,
            messages({ "f248cdc9c9070001", NULL }));
}


/* an inflater is as new after a reset, whatever was before */

static void
resets(void)
{
    size_t                     i, n, size, used, made;
    uint64_t                   seed;
    ngx_websocket_inflater_t   inflater;

    static const char *const   before[] = { "f248cd", "f200110000", "06", "",
                                            "f348cdc9c90700", "000500faff48" };

    for (i = 0; i < sizeof(before) / sizeof(before[0]); i++) {

        (void) ngx_websocket_inflater_init(&inflater, 15, 1, NULL, NULL, NULL);

        n = bytes(before[i], packed);
        (void) ngx_websocket_inflater_feed(&inflater, packed, n, out, ROOM,
                                           &used, &made);

        if (i % 2) {
            (void) ngx_websocket_inflater_end(&inflater);
        }

        ngx_websocket_inflater_reset(&inflater);

        n = bytes("f248cdc9c90700", packed);
        seed = 1;

        unit_ok(unpack(&inflater, packed, n, 1, &seed, out, ROOM, &size)
                == NGX_WEBSOCKET_DEFLATE_OK
                && size == 5 && memcmp(out, "Hello", 5) == 0,
                "lent again after %s", before[i]);

        ngx_websocket_inflater_done(&inflater);
    }
}


/* text that repeats itself, noise, or one byte */

static void
fill(uint8_t *p, size_t n, unsigned kind, uint64_t *seed)
{
    size_t             i;
    static const char  words[] = "the quick brown fox {\"price\": 10734.25} ";

    for (i = 0; i < n; i++) {
        p[i] = kind == 0 ? 'a'
               : kind == 1 ? (uint8_t) unit_random(seed)
               : unit_random(seed) % 16 ? (uint8_t) words[(i * i / 7) % 40]
               : (uint8_t) unit_random(seed);
    }
}


static const size_t  sizes[] = { 0, 1, 2, 3, 5, 100, 125, 126, 127, 128, 255,
                                 256, 257, 262, 511, 512, 513, 1000, 4095,
                                 4096, 16383, 16384, 32768, 65535, 65536,
                                 70000, 200000 };

#define SIZES  (sizeof(sizes) / sizeof(sizes[0]))


/*
 * Messages of all sizes through a deflater into an inflater with the same
 * window, and, without takeover, into one that all share.
 */

static int
round_trip(ngx_websocket_deflater_t *deflater,
    ngx_websocket_inflater_t *inflater, size_t n, unsigned kind, size_t step,
    uint64_t *seed)
{
    size_t    size, got, bound;
    uint8_t  *room;

    fill(in, n, kind, seed);

    bound = ngx_websocket_deflate_bound(n);
    room = unit_guarded(bound);

    if (ngx_websocket_deflate(deflater, in, n, room, bound, &size)
        != NGX_WEBSOCKET_DEFLATE_OK)
    {
        unit_unguard(room, bound);
        return 0;
    }

    memcpy(packed, room, size);
    unit_unguard(room, bound);

    return size >= 1
           && unpack(inflater, packed, size, step, seed, out, ROOM, &got)
              == NGX_WEBSOCKET_DEFLATE_OK
           && got == n && memcmp(in, out, n) == 0;
}


static void
round_trips(int bits, unsigned takeover, int level, int mem_level)
{
    int                        ok;
    size_t                     i, k, step;
    uint64_t                   seed;
    unsigned                   kind;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater, shared;

    ok = ngx_websocket_deflater_init(&deflater, bits, level, mem_level,
                                     takeover, NULL, NULL, NULL) == 0
         && ngx_websocket_inflater_init(&inflater, bits, takeover, NULL, NULL,
                                        NULL) == 0
         && ngx_websocket_inflater_init(&shared, 15, 0, NULL, NULL, NULL) == 0;

    seed = bits * 10 + takeover;

    for (kind = 0; kind < 3 && ok; kind++) {
        for (i = 0; i < SIZES * 2 && ok; i++) {

            /* pieces that are small only where the message is */

            k = i % SIZES;
            step = sizes[k] < 300 ? steps[(i + kind) % STEPS] : 4096;

            ok = round_trip(&deflater, &inflater, sizes[k], kind, step, &seed)
                 && (takeover
                     || round_trip(&deflater, &shared, sizes[k], kind, step,
                                   &seed));
        }
    }

    unit_ok(ok, "%d bits, level %d, memory %d, %s takeover: there and back",
            bits, level, mem_level, takeover ? "with" : "without");

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
    ngx_websocket_inflater_done(&shared);
}


/*
 * Two messages piece by piece, in turn, through inflaters that are lent one
 * window: neither sees the other's.
 */

static void
lent(size_t n, size_t step)
{
    int                        i, ok;
    size_t                     k, size, used, made, at[2], got[2];
    uint64_t                   seed;
    uint8_t                   *text[2];
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater[2];

    seed = n + step;
    fill(in, n, 2, &seed);

    (void) ngx_websocket_deflater_init(&deflater, 15, 6, 8, 0, NULL, NULL,
                                       NULL);
    ok = ngx_websocket_deflate(&deflater, in, n, packed, sizeof(packed), &size)
         == 0;

    for (i = 0; i < 2; i++) {
        ok &= ngx_websocket_inflater_init_lent(&inflater[i]) == 0;
        text[i] = malloc(n + 1);
        at[i] = 0;
        got[i] = 0;
    }

    for (i = 0; ok && (at[0] < size || at[1] < size); i = !i) {

        k = step * (size_t) (i + 1);
        k = k < size - at[i] ? k : size - at[i];

        ngx_websocket_inflater_recall(&inflater[i], text[i] + got[i]);

        ok = ngx_websocket_inflater_feed(&inflater[i], packed + at[i], k,
                                         text[i] + got[i], n + 1 - got[i],
                                         &used, &made) == 0
             && used == k;
        at[i] += used;
        got[i] += made;
    }

    for (i = 0; i < 2; i++) {
        ngx_websocket_inflater_recall(&inflater[i], text[i] + got[i]);
        ok &= ngx_websocket_inflater_end(&inflater[i]) == 0 && got[i] == n
              && memcmp(text[i], in, n) == 0;
    }

    unit_ok(ok, "two messages of %zu bytes, in turn by %zu", n, step);

    /* "Hello" is there, and not for the other one: too far back */

    for (i = 0; i < 2; i++) {
        size = bytes(i ? "f200110000" : "f248cdc9c907000000ffff", packed);

        ngx_websocket_inflater_recall(&inflater[i], text[i]);
        ok = ngx_websocket_inflater_feed(&inflater[i], packed, size, text[i],
                                         n + 1, &used, &made)
             == (i ? NGX_WEBSOCKET_DEFLATE_ERROR : NGX_WEBSOCKET_DEFLATE_OK);
        unit_ok(ok, "another's bytes are %s", i ? "too far back" : "its own");
    }

    for (i = 0; i < 2; i++) {
        ngx_websocket_inflater_done(&inflater[i]);
        free(text[i]);
    }

    ngx_websocket_deflater_done(&deflater);
}


/* what the deflater writes for the examples, and for equal messages */

static void
written(void)
{
    int                        i;
    size_t                     n, size, first;
    uint8_t                    want[16];
    ngx_websocket_deflater_t   deflater;

    (void) ngx_websocket_deflater_init(&deflater, 15, -1, 8, 0, NULL, NULL,
                                       NULL);

    n = bytes("f248cdc9c90700", want);

    for (i = 0; i < 2; i++) {
        (void) ngx_websocket_deflate(&deflater, (uint8_t *) "Hello", 5, out,
                                     64, &size);
        unit_ok(size == n && memcmp(out, want, n) == 0,
                "7.2.3.1: Hello without takeover");
    }

    for (i = 0; i < 2; i++) {
        unit_ok(ngx_websocket_deflate(&deflater, in, 0, out, 1, &size) == 0
                && size == 1 && out[0] == 0,
                "7.2.3.6: the empty message is a byte 0");
    }

    ngx_websocket_deflater_done(&deflater);

    (void) ngx_websocket_deflater_init(&deflater, 15, -1, 8, 1, NULL, NULL,
                                       NULL);

    (void) ngx_websocket_deflate(&deflater, (uint8_t *) "Hello", 5, out, 64,
                                 &size);
    unit_ok(size == n && memcmp(out, want, n) == 0,
            "7.2.3.2: Hello with takeover");

    first = bytes("f200110000", want);

    (void) ngx_websocket_deflate(&deflater, (uint8_t *) "Hello", 5, out, 64,
                                 &size);
    unit_ok(size == first && memcmp(out, want, size) == 0,
            "7.2.3.2: Hello again");

    ngx_websocket_deflater_reset(&deflater);

    (void) ngx_websocket_deflate(&deflater, (uint8_t *) "Hello", 5, out, 64,
                                 &size);
    unit_ok(size == n, "and after a reset as at first");

    ngx_websocket_deflater_done(&deflater);
}


/* too little room: FULL, and the next message is read by the same peer */

static void
full(unsigned takeover)
{
    int                        ok;
    size_t                     n, need, capacity, size;
    uint64_t                   seed;
    uint8_t                   *room;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    n = 400;
    seed = 7;

    (void) ngx_websocket_deflater_init(&deflater, 15, 6, 8, takeover, NULL,
                                       NULL, NULL);
    (void) ngx_websocket_inflater_init(&inflater, 15, takeover, NULL, NULL,
                                       NULL);

    fill(in, n, 2, &seed);
    (void) ngx_websocket_deflate(&deflater, in, n, packed, ROOM, &need);
    ngx_websocket_deflater_reset(&deflater);

    for (ok = 1, capacity = 0; capacity < need + 10; capacity++) {

        room = unit_guarded(capacity);
        rc = ngx_websocket_deflate(&deflater, in, n, room, capacity, &size);
        unit_unguard(room, capacity);

        ok &= rc == (capacity >= need + 5 ? NGX_WEBSOCKET_DEFLATE_OK
                                          : NGX_WEBSOCKET_DEFLATE_FULL);
        ngx_websocket_deflater_reset(&deflater);
    }

    unit_ok(ok, "%s takeover: the room needed is 5 bytes more",
            takeover ? "with" : "without");

    seed = 7;

    ok = round_trip(&deflater, &inflater, n, 2, 0, &seed);
    (void) ngx_websocket_deflate(&deflater, in, n, packed, 3, &size);
    ok &= round_trip(&deflater, &inflater, n, 2, 0, &seed)
          && round_trip(&deflater, &inflater, n, 2, 0, &seed);

    unit_ok(ok, "%s takeover: a message that is not sent",
            takeover ? "with" : "without");

    unit_ok(ngx_websocket_deflate(&deflater, in, 0, packed, 0, &size)
            == NGX_WEBSOCKET_DEFLATE_FULL,
            "no room for an empty message");

#if (SIZE_MAX > UINT32_MAX)
    unit_ok(ngx_websocket_deflate(&deflater, in, (size_t) UINT_MAX + 1, packed,
                                  ROOM, &size)
            == NGX_WEBSOCKET_DEFLATE_ERROR
            && round_trip(&deflater, &inflater, n, 2, 0, &seed),
            "4 GB are refused, and harm nothing");
#endif

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
}


/* a megabyte of one letter is 1 KB: the caller stops it at any limit */

static void
bomb(void)
{
    size_t                     n, size, limit, used;
    uint64_t                   seed;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    seed = 1;
    fill(in, ROOM, 0, &seed);

    (void) ngx_websocket_deflater_init(&deflater, 15, 9, 9, 0, NULL, NULL,
                                       NULL);
    (void) ngx_websocket_inflater_init(&inflater, 15, 0, NULL, NULL, NULL);

    (void) ngx_websocket_deflate(&deflater, in, ROOM, packed, sizeof(packed),
                                 &n);
    unit_ok(n * 1000 < ROOM, "a bomb of %zu bytes", n);

    for (limit = 1; limit <= 65536; limit *= 16) {

        rc = ngx_websocket_inflater_feed(&inflater, packed, n, out, limit,
                                         &used, &size);
        unit_ok(rc == NGX_WEBSOCKET_DEFLATE_FULL && size == limit
                && used <= limit / 500 + 80,
                "stopped after %zu bytes: %zu of the payload were read",
                limit, used);
        ngx_websocket_inflater_reset(&inflater);
    }

    unit_ok(unpack(&inflater, packed, n, 4096, &seed, out, ROOM, &size)
            == NGX_WEBSOCKET_DEFLATE_FULL
            && size == ROOM && memcmp(in, out, ROOM) == 0,
            "where it is as large as the limit, it is whole");

    ngx_websocket_inflater_reset(&inflater);
    rc = ngx_websocket_inflater_feed(&inflater, packed, n, out, ROOM, &used,
                                     &size);
    unit_ok(rc == NGX_WEBSOCKET_DEFLATE_FULL && size == ROOM
            && ngx_websocket_inflater_feed(&inflater, packed + used, n - used,
                                           packed + n, 1, &used, &size)
               == NGX_WEBSOCKET_DEFLATE_OK
            && size == 0
            && ngx_websocket_inflater_end(&inflater) == 0,
            "which a byte more of room shows");

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
}


/* one bit changed: it is found, or another message, but never more */

static void
corrupted(void)
{
    size_t                     n, i, size, errors;
    uint64_t                   seed;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    seed = 3;
    fill(in, 600, 2, &seed);

    (void) ngx_websocket_deflater_init(&deflater, 12, 9, 9, 0, NULL, NULL,
                                       NULL);
    (void) ngx_websocket_inflater_init(&inflater, 12, 0, NULL, NULL, NULL);

    (void) ngx_websocket_deflate(&deflater, in, 600, packed, ROOM, &n);

    for (errors = 0, i = 0; i < n * 8; i++) {

        packed[i / 8] ^= 1 << i % 8;

        rc = unpack(&inflater, packed, n, 4096, &seed, out, ROOM, &size);
        errors += rc == NGX_WEBSOCKET_DEFLATE_ERROR;
        ngx_websocket_inflater_reset(&inflater);

        packed[i / 8] ^= 1 << i % 8;
    }

    unit_ok(errors > n, "%zu of %zu bits, changed, are found", errors, n * 8);

    for (errors = 0, i = 1; i < n; i++) {
        rc = unpack(&inflater, packed, i, 4096, &seed, out, ROOM, &size);
        errors += rc != NGX_WEBSOCKET_DEFLATE_ERROR;
        ngx_websocket_inflater_reset(&inflater);
    }

    unit_ok(errors == 0, "a payload cut anywhere is found: %zu are not",
            errors);

    unit_ok(unpack(&inflater, packed, n, 4096, &seed, out, ROOM, &size) == 0
            && size == 600, "and the whole is good");

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
}


/* the figures in the header: state in bytes beside windows and tables */

static void
figures(int bits, int mem_level)
{
    size_t                     size, used, made, tables;
    memory_t                   memory;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    memset(&memory, 0, sizeof(memory));
    tables = ((size_t) 1 << (bits + 2)) + ((size_t) 1 << (mem_level + 9));

    (void) ngx_websocket_deflater_init(&deflater, bits, 6, mem_level, 0,
                                       memory_alloc, memory_free, &memory);
    (void) ngx_websocket_deflate(&deflater, in, 70000, packed, ROOM, &size);

    unit_ok(memory.used >= tables && memory.used <= tables + 6 * 1024
            && memory.most == memory.used,
            "a deflater of %d bits, memory %d: %zu bytes", bits, mem_level,
            memory.used);

    ngx_websocket_deflater_done(&deflater);
    unit_ok(memory.used == 0, "all of it is freed");

    memset(&memory, 0, sizeof(memory));
    (void) ngx_websocket_inflater_init(&inflater, bits, 0, memory_alloc,
                                       memory_free, &memory);
    unit_ok(memory.used <= 7 * 1024, "an inflater: %zu bytes", memory.used);

    (void) ngx_websocket_inflater_feed(&inflater, packed, size, out, ROOM,
                                       &used, &made);
    (void) ngx_websocket_inflater_end(&inflater);
    (void) ngx_websocket_inflater_feed(&inflater, packed, size, out, ROOM,
                                       &used, &made);

    unit_ok(memory.used >= ((size_t) 1 << bits)
            && memory.used <= ((size_t) 1 << bits) + 7 * 1024,
            "and of %d bits after two messages: %zu bytes", bits, memory.used);

    ngx_websocket_inflater_done(&inflater);
    unit_ok(memory.used == 0, "all of it is freed");
}


/* each allocation refused in turn; returns 0 when the last was not reached */

static int
refused(unsigned nth, int *ok)
{
    size_t                     n, size, used, made;
    memory_t                   memory;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    memset(&memory, 0, sizeof(memory));
    memory.refuse = nth;

    rc = ngx_websocket_deflater_init(&deflater, 10, 6, 4, 0, memory_alloc,
                                     memory_free, &memory);
    if (rc != NGX_WEBSOCKET_DEFLATE_OK) {
        *ok &= rc == NGX_WEBSOCKET_DEFLATE_NO_MEMORY && memory.used == 0;
        return 1;
    }

    rc = ngx_websocket_inflater_init(&inflater, 10, 1, memory_alloc,
                                     memory_free, &memory);
    if (rc != NGX_WEBSOCKET_DEFLATE_OK) {
        ngx_websocket_deflater_done(&deflater);
        *ok &= rc == NGX_WEBSOCKET_DEFLATE_NO_MEMORY && memory.used == 0;
        return 1;
    }

    n = 3000;
    *ok &= ngx_websocket_deflate(&deflater, in, n, packed, ROOM, &size) == 0;

    rc = ngx_websocket_inflater_feed(&inflater, packed, size, out, ROOM,
                                     &used, &made);

    if (rc == NGX_WEBSOCKET_DEFLATE_NO_MEMORY) {

        /* it stays, and after a reset all goes on */

        *ok &= ngx_websocket_inflater_end(&inflater) == rc
               && ngx_websocket_inflater_feed(&inflater, packed, size, out,
                                              ROOM, &used, &made) == rc
               && used == 0 && made == 0;

        ngx_websocket_inflater_reset(&inflater);
        rc = ngx_websocket_inflater_feed(&inflater, packed, size, out, ROOM,
                                         &used, &made);
    }

    *ok &= rc == NGX_WEBSOCKET_DEFLATE_OK && made == n
           && memcmp(in, out, n) == 0
           && ngx_websocket_inflater_end(&inflater) == 0;

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);

    *ok &= memory.used == 0;

    return memory.calls >= nth;
}


static void
refusals(void)
{
    int       ok;
    unsigned  nth;
    uint64_t  seed;

    seed = 5;
    fill(in, 3000, 2, &seed);

    for (ok = 1, nth = 1; refused(nth, &ok); nth++) {
        unit_ok(ok, "allocation %u refused", nth);
    }

    unit_ok(ok && nth > 5, "all allocations were refused once");
}


static void
ranges(void)
{
    int                        i;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    static const int  bad[][3] = {
        { 8, 6, 8 }, { 16, 6, 8 }, { -15, 6, 8 }, { 0, 6, 8 }, { 31, 6, 8 },
        { 15, 10, 8 }, { 15, -2, 8 }, { 15, 6, 0 }, { 15, 6, 10 }
    };

    for (i = 0; i < 9; i++) {
        unit_ok(ngx_websocket_deflater_init(&deflater, bad[i][0], bad[i][1],
                                            bad[i][2], 0, NULL, NULL, NULL)
                == NGX_WEBSOCKET_DEFLATE_ERROR,
                "no deflater of %d bits, level %d, memory %d", bad[i][0],
                bad[i][1], bad[i][2]);
    }

    unit_ok(ngx_websocket_inflater_init(&inflater, 7, 0, NULL, NULL, NULL)
            == NGX_WEBSOCKET_DEFLATE_ERROR
            && ngx_websocket_inflater_init(&inflater, 16, 0, NULL, NULL, NULL)
               == NGX_WEBSOCKET_DEFLATE_ERROR
            && ngx_websocket_inflater_init(&inflater, -9, 0, NULL, NULL, NULL)
               == NGX_WEBSOCKET_DEFLATE_ERROR,
            "no inflater of 7 or 16 bits");
}


/* 512 bytes before: too far for 8 bits, but old clients say 8 and do it */

static void
eight_bits(void)
{
    size_t                     size, made, used;
    uint64_t                   seed;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    seed = 9;
    fill(in, 300, 1, &seed);
    memcpy(in + 300, in, 300);

    (void) ngx_websocket_deflater_init(&deflater, 15, 6, 8, 0, NULL, NULL,
                                       NULL);
    (void) ngx_websocket_deflate(&deflater, in, 600, packed, ROOM, &size);
    unit_ok(size < 400, "a message with a distance of 300");

    (void) ngx_websocket_inflater_init(&inflater, 8, 0, NULL, NULL, NULL);

    /* room for less than the distance: only the window has it */

    (void) ngx_websocket_inflater_feed(&inflater, packed, size, out, 299,
                                       &used, &made);
    unit_ok(made == 299
            && ngx_websocket_inflater_feed(&inflater, packed + used,
                                           size - used, out + 299, 400, &used,
                                           &made) == 0
            && made == 301 && memcmp(in, out, 600) == 0,
            "is read by an inflater of 8 bits");

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
}


/*
 * The bound holds whatever zlib's parameters, with noise of which a half has
 * codes of 9 bits in fixed Huffman codes.
 */

static void
bounds(void)
{
    int                        level, mem_level;
    size_t                     i, size, wrong;
    uint64_t                   seed;
    ngx_websocket_deflater_t   deflater;

    seed = 11;
    wrong = 0;

    for (i = 0; i < 20000; i++) {
        in[i] = i % 255 < 128 ? (uint8_t) unit_random(&seed)
                              : 144 + unit_random(&seed) % 112;
    }

    for (level = 0; level <= 9; level++) {
        for (mem_level = 1; mem_level <= 9; mem_level++) {

            (void) ngx_websocket_deflater_init(&deflater, 9 + level % 7,
                                               level, mem_level, 1, NULL,
                                               NULL, NULL);

            for (i = 1; i < 20000; i += 1 + i / 3) {
                wrong += ngx_websocket_deflate(&deflater, in, i, packed,
                                              ngx_websocket_deflate_bound(i),
                                              &size) != 0;
            }

            ngx_websocket_deflater_done(&deflater);
        }
    }

    unit_ok(wrong == 0, "the bound holds: %zu times it does not", wrong);
}


/* a small message gets all that a level does, a large one not more than so */

static void
work(void)
{
    size_t                    i, k, n, size, plain;
    z_stream                  stream;
    ngx_websocket_deflater_t  deflater;

    static const size_t  sizes[] = { 1000, 65536 };

    for (k = 0; k < 2; k++) {

        n = sizes[k];
        srand(1);

        for (i = 0; i < n; i++) {
            in[i] = rand() % 2 ? 'a' : 'b';
        }

        (void) ngx_websocket_deflater_init(&deflater, 15, 9, 8, 0, NULL, NULL,
                                           NULL);
        (void) ngx_websocket_deflate(&deflater, in, n, packed, ROOM, &size);
        ngx_websocket_deflater_done(&deflater);

        memset(&stream, 0, sizeof(stream));
        (void) deflateInit2(&stream, 9, Z_DEFLATED, -15, 8,
                            Z_DEFAULT_STRATEGY);

        if (k == 1) {
            (void) deflateTune(&stream, 8, 32, 128, 63);
        }

        stream.next_in = in;
        stream.avail_in = (uInt) n;
        stream.next_out = packed;
        stream.avail_out = ROOM;

        (void) deflate(&stream, Z_SYNC_FLUSH);
        plain = stream.total_out - NGX_WEBSOCKET_DEFLATE_TAIL;
        (void) deflateEnd(&stream);

        unit_ok(size == plain, "work: %zu bytes at level 9 become %zu", n,
                size);
    }
}


int
main(void)
{
    int  bits;

    negotiation();
    token_bytes();
    longest_response();

    examples();
    lenient();
    broken();
    resets();
    written();

    for (bits = 9; bits <= 15; bits++) {
        round_trips(bits, 0, 6, 8);
        round_trips(bits, 1, 6, 8);
    }

    round_trips(15, 1, 0, 8);
    round_trips(12, 1, 1, 1);
    round_trips(9, 1, 9, 9);
    round_trips(9, 0, 3, 2);

    lent(5000, 1);
    lent(30000, 100);
    lent(200000, 7);
    lent(200000, 1000);
    lent(200000, 30000);

    full(0);
    full(1);
    bomb();
    corrupted();
    eight_bits();
    bounds();
    work();

    figures(15, 8);
    figures(12, 5);
    figures(9, 2);
    refusals();
    ranges();

    return unit_done();
}
