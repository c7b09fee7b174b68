
/*
 * Frames.  The first byte of the input chooses the size of the pieces and,
 * with its highest bit, whether RSV1 is allowed.
 *
 * The rest is parsed as what a client sent: in these pieces, byte by byte
 * and whole.  Each time the parser must tell what a simple reading of the
 * whole buffer tells, and find an error in the piece that shows it.
 *
 * Then the same bytes are a message that is written in fragments, with Pings
 * between them, and read back.
 */

#include "fuzz.h"
#include "wire/frame.c"


/* what the parser told, or should tell, as bytes */

typedef struct {
    uint8_t   *bytes;
    size_t     size;
    size_t     room;
    size_t     error;      /* the place of the byte that shows an error */
} trace_t;


static void
trace_init(trace_t *trace, size_t n)
{
    /* a frame of 6 bytes, the shortest, leaves 14 */

    trace->room = n * 3 + 64;
    trace->bytes = malloc(trace->room);
    trace->size = 0;
    trace->error = FUZZ_NONE;

    fuzz_check(trace->bytes != NULL);
}


static void
trace_add(trace_t *trace, const void *p, size_t n)
{
    fuzz_check(n <= trace->room - trace->size);

    if (n) {
        memcpy(trace->bytes + trace->size, p, n);
        trace->size += n;
    }
}


static void
trace_header(trace_t *trace, uint8_t opcode, uint8_t fin, uint8_t rsv1,
    uint8_t message, uint64_t length)
{
    uint8_t  fields[5] = { 'H', opcode, fin, rsv1, message };

    trace_add(trace, fields, sizeof(fields));
    trace_add(trace, &length, sizeof(length));
}


/*
 * The reading of the whole buffer.  bad_byte() tells whether byte k of a
 * header is wrong after those before it; open: a message is not finished.
 */

static int
bad_byte(const uint8_t *h, size_t k, int open, int allow_rsv1)
{
    size_t   i;
    uint8_t  zeros;

    switch (k) {

    case 0:
        switch (h[0]) {

        case 0x00: case 0x80:
            return !open;

        case 0x01: case 0x02: case 0x81: case 0x82:
            return open;

        case 0x41: case 0x42: case 0xc1: case 0xc2:
            return open || !allow_rsv1;

        case 0x88: case 0x89: case 0x8a:
            return 0;

        default:
            return 1;
        }

    case 1:
        return h[1] < 0x80 || ((h[0] & 8) && h[1] > 0x80 + 125);

    case 2:
        return h[1] == 0xff && h[2] > 0x7f;

    case 3:
        return h[1] == 0xfe && h[2] * 256 + h[3] < 126;

    case 7:
        for (zeros = 0, i = 2; i < 8; i++) {
            zeros += h[i] == 0;
        }

        return h[1] == 0xff && zeros == 6;

    default:
        return 0;
    }
}


/* the size of the header at h; 0 when it is not whole or an error is found */

static size_t
read_header(trace_t *want, const uint8_t *p, size_t at, size_t n, int open,
    int allow_rsv1)
{
    size_t          k, need;
    const uint8_t  *h;

    h = p + at;

    for (need = 2, k = 0; k < need; k++) {

        if (at + k == n) {
            return 0;
        }

        if (bad_byte(h, k, open, allow_rsv1)) {
            want->error = at + k;
            return 0;
        }

        if (k == 1) {
            need = h[1] == 0xff ? 14 : h[1] == 0xfe ? 8 : 6;
        }
    }

    return need;
}


static uint64_t
read_length(const uint8_t *h)
{
    uint64_t  length;

    length = h[1] - 0x80;

    if (length == 126) {
        length = h[2] * 256u + h[3];

    } else if (length == 127) {
        memcpy(&length, h + 2, sizeof(length));
        length = __builtin_bswap64(length);
    }

    return length;
}


static void
read_all(trace_t *want, const uint8_t *p, size_t n, int allow_rsv1)
{
    int             open;
    size_t          at, size;
    uint8_t         message, c;
    uint64_t        i, length;
    const uint8_t  *h;

    open = 0;
    message = 0;

    for (at = 0; at < n; /* void */ ) {

        h = p + at;
        size = read_header(want, p, at, n, open, allow_rsv1);

        if (size == 0) {
            return;
        }

        if (!(h[0] & 0x0f)) {
            open = !(h[0] & 0x80);

        } else if (!(h[0] & 0x08)) {
            open = !(h[0] & 0x80);
            message = h[0] & 0x0f;
        }

        length = read_length(h);

        trace_header(want, h[0] & 0x0f, h[0] >> 7, h[0] >> 6 & 1, message,
                     length);
        at += size;

        for (i = 0; i < length; i++) {

            if (at == n) {
                return;
            }

            c = p[at++] ^ h[size - 4 + i % 4];
            trace_add(want, &c, 1);
        }

        trace_add(want, "E", 1);
    }
}


/* feeds one piece, whole messages at once or not; 0 after an error */

static int
feed(ngx_websocket_parser_t *parser, int messages, trace_t *trace, uint8_t *p,
    size_t n)
{
    size_t    size;
    uint8_t  *pos, *before, *data, opcode;

    pos = p;

    for ( ;; ) {

        before = pos;

        opcode = messages ? ngx_websocket_parse_message(parser, &pos, p + n,
                                                        &data, &size)
                          : 0;

        if (opcode) {
            fuzz_check(data > before && pos == data + size && pos <= p + n);

            trace_header(trace, opcode, 1, 0, opcode, size);
            trace_add(trace, data, size);
            trace_add(trace, "E", 1);
            continue;
        }

        fuzz_check(pos == before);

        switch (ngx_websocket_parse(parser, &pos, p + n, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_AGAIN:
            fuzz_check(pos == p + n);
            return 1;

        case NGX_WEBSOCKET_PARSE_HEADER:
            fuzz_check(pos > before && pos <= p + n);
            trace_header(trace, parser->opcode, parser->fin, parser->rsv1,
                         parser->message, parser->length);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            fuzz_check(data == before && size > 0 && pos == data + size
                       && pos <= p + n);
            trace_add(trace, data, size);
            break;

        case NGX_WEBSOCKET_PARSE_END:
            fuzz_check(pos == before);
            trace_add(trace, "E", 1);
            break;

        case NGX_WEBSOCKET_PARSE_ERROR:
            fuzz_check(parser->code == 1002 && parser->reason != NULL);
            fuzz_check(pos <= p + n);
            fuzz_check(ngx_websocket_parse(parser, &pos, p + n, &data, &size)
                       == NGX_WEBSOCKET_PARSE_ERROR);
            return 0;
        }
    }
}


static void
check_pieces(const uint8_t *p, size_t n, int allow_rsv1, uint8_t choice,
    int whole, int messages, const trace_t *want)
{
    int                      ok;
    size_t                   i, at, size;
    uint8_t                 *piece;
    trace_t                  got;
    ngx_websocket_parser_t   parser;

    trace_init(&got, n);
    ngx_websocket_parser_init(&parser, allow_rsv1);

    for (at = 0, i = 0, ok = 1; at < n && ok; at += size, i++) {

        size = whole ? n : fuzz_piece(choice, i, n - at);

        piece = fuzz_copy(p + at, size);
        ok = feed(&parser, messages, &got, piece, size);
        free(piece);

        fuzz_check(ok == (want->error >= at + size));
    }

    fuzz_check(got.size == want->size);
    fuzz_check(memcmp(got.bytes, want->bytes, got.size) == 0);

    free(got.bytes);
}


/* a client's frame: the server's header, a mask bit, a key, the payload */

static size_t
write_frame(uint8_t *dst, uint8_t first, const uint8_t *p, size_t n,
    const uint8_t *key)
{
    size_t  size, cut;

    size = ngx_websocket_frame_header(dst, first, n);
    fuzz_check(size == ngx_websocket_frame_header_size(n));

    dst[1] |= 0x80;
    memcpy(dst + size, key, 4);
    size += 4;

    if (n) {
        memcpy(dst + size, p, n);
    }

    /* in two steps: the second goes on within the key */

    cut = n ? key[0] % n : 0;
    ngx_websocket_mask(dst + size, cut, key, 0);
    ngx_websocket_mask(dst + size + cut, n - cut, key, cut);

    return size + n;
}


/* how much of the n bytes left goes into the next fragment: 0 only of 0 */

static size_t
fragment_size(const uint8_t *p, size_t n, uint8_t choice)
{
    size_t  size;

    size = (size_t) p[0] * (1 + choice);

    if (n < 200 || size > n) {
        return n;
    }

    return size ? size : 1;
}


static void
check_written(const uint8_t *p, size_t n, uint8_t choice)
{
    size_t    at, i, k, size, ping;
    uint8_t  *dst, first, key[4];
    trace_t   want;

    /* at most a frame for each byte and a Ping for every third frame */

    dst = malloc(n * 16 + 64);
    fuzz_check(dst != NULL);
    trace_init(&want, n * 8);

    for (at = 0, size = 0, i = 0; at < n; at += k, i++) {

        k = fragment_size(p + at, n - at, choice);
        first = (i ? 0x00 : 0x02) | (at + k == n ? 0x80 : 0x00);

        memset(key, choice + (int) i * 91, 4);
        key[i % 4] ^= 0x5a;

        trace_header(&want, first & 0x0f, first >> 7, 0, 2, k);
        trace_add(&want, p + at, k);
        trace_add(&want, "E", 1);
        size += write_frame(dst + size, first, p + at, k, key);

        if (i % 3 == 1) {
            ping = i % 126 < k ? i % 126 : k;

            trace_header(&want, 0x09, 1, 0, 2, ping);
            trace_add(&want, p + at, ping);
            trace_add(&want, "E", 1);
            size += write_frame(dst + size, 0x89, p + at, ping, key);
        }
    }

    check_pieces(dst, size, 0, choice, 0, 1, &want);

    free(want.bytes);
    free(dst);
}


/* any length at all: what is written is read, as far as it may be */

static void
check_length(const uint8_t *p)
{
    size_t                  n, size;
    uint8_t                 dst[14], *pos, *data;
    uint64_t                length;
    ngx_websocket_parser_t  parser;

    memcpy(&length, p, sizeof(length));
    length >>= p[0] % 64;

    memset(dst, 0, sizeof(dst));
    n = ngx_websocket_frame_header(dst, 0x82, length);
    fuzz_check(n == ngx_websocket_frame_header_size(length));

    dst[1] |= 0x80;
    pos = dst;
    ngx_websocket_parser_init(&parser, 0);

    if (ngx_websocket_parse(&parser, &pos, dst + n + 4, &data, &size)
        == NGX_WEBSOCKET_PARSE_HEADER)
    {
        fuzz_check(parser.length == length && pos == dst + n + 4);

    } else {
        fuzz_check(length >> 63);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int      allow_rsv1;
    uint8_t  choice;
    trace_t  want;

    if (n == 0) {
        return 0;
    }

    choice = p[0];
    allow_rsv1 = choice >> 7;
    p++;
    n--;

    trace_init(&want, n);
    read_all(&want, p, n, allow_rsv1);

    check_pieces(p, n, allow_rsv1, choice, 0, 0, &want);
    check_pieces(p, n, allow_rsv1, choice, 0, 1, &want);
    check_pieces(p, n, allow_rsv1, 1, 0, 0, &want);
    check_pieces(p, n, allow_rsv1, 0, 1, 0, &want);
    check_pieces(p, n, allow_rsv1, 0, 1, 1, &want);

    free(want.bytes);

    check_written(p, n, choice);

    if (n >= 8) {
        check_length(p);
    }

    return 0;
}
