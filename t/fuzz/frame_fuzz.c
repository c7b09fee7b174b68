
/*
 * The parser against one that is written down simply, and has the whole
 * input: the same events, however the input is cut.  The first byte says how
 * it is cut, and whether RSV1 is allowed.
 */

#include <stdlib.h>
#include <string.h>

#include "wire/frame.c"


typedef struct {
    uint8_t    bytes[1 << 16];
    size_t     size;
} record_t;


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
record(record_t *r, uint8_t byte)
{
    if (r->size < sizeof(r->bytes)) {
        r->bytes[r->size++] = byte;
    }
}


static void
record_header(record_t *r, int opcode, int fin, int rsv1, uint64_t length)
{
    int  i;

    record(r, 'H');
    record(r, (uint8_t) (opcode | fin << 7 | rsv1 << 6));

    for (i = 0; i < 8; i++) {
        record(r, (uint8_t) (length >> 8 * i));
    }
}


/* 1 when the n bytes of a header show an error */

static int
wrong(const uint8_t *p, size_t n, int rsv1, int open)
{
    int       op, fin, len;
    uint64_t  length;
    size_t    i;

    if (n < 1) {
        return 0;
    }

    op = p[0] & 15;
    fin = p[0] >> 7;

    if ((p[0] & 0x30) || (op > 2 && op < 8) || op > 10
        || ((p[0] & 0x40) && (!rsv1 || (op != 1 && op != 2)))
        || (op >= 8 && !fin) || (op == 0 && !open)
        || ((op == 1 || op == 2) && open))
    {
        return 1;
    }

    if (n < 2) {
        return 0;
    }

    len = p[1] & 127;

    if (p[1] < 128 || (op >= 8 && len > 125)) {
        return 1;
    }

    if (len == 126) {
        return n >= 4 && p[2] * 256 + p[3] < 126;
    }

    if (len == 127) {

        /* the least value that the bytes so far can become */

        for (length = 0, i = 0; i < 8; i++) {
            length = length << 8 | (i + 2 < n ? p[i + 2] : 0xff);
        }

        return (n >= 3 && p[2] > 127) || length < 65536;
    }

    return 0;
}


static void
reference(const uint8_t *p, size_t n, int rsv1, record_t *r)
{
    int       op, fin, open, len;
    size_t    head, i;
    uint64_t  length;

    for (open = 0; n; /* void */ ) {

        len = n > 1 ? p[1] & 127 : 0;
        head = n > 1 ? len == 126 ? 8 : len == 127 ? 14 : 6 : 2;

        if (wrong(p, n < head ? n : head, rsv1, open)) {
            record(r, '!');
            return;
        }

        if (n < head) {
            return;
        }

        op = p[0] & 15;
        fin = p[0] >> 7;
        length = len;

        if (len > 125) {
            for (length = 0, i = 2; i < head - 4; i++) {
                length = length << 8 | p[i];
            }
        }

        record_header(r, op, fin, p[0] >> 6 & 1, length);

        for (i = 0; i < length && head + i < n; i++) {
            record(r, p[head + i] ^ p[head - 4 + i % 4]);
        }

        if (i < length) {
            return;
        }

        record(r, 'E');

        if (op < 8) {
            open = !fin;
        }

        p += head + i;
        n -= head + i;
    }
}


/* 0 after an error */

static int
parse(ngx_websocket_parser_t *parser, uint8_t *p, size_t n, record_t *r)
{
    size_t    i, size;
    uint8_t  *pos, *data;

    for (pos = p; /* void */ ; ) {

        switch (ngx_websocket_parse(parser, &pos, p + n, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_HEADER:
            record_header(r, parser->opcode, parser->fin, parser->rsv1,
                          parser->length);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            for (i = 0; i < size; i++) {
                record(r, data[i]);
            }

            break;

        case NGX_WEBSOCKET_PARSE_END:
            record(r, 'E');
            break;

        case NGX_WEBSOCKET_PARSE_ERROR:
            record(r, '!');
            return 0;

        default:
            return 1;
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                      rsv1;
    size_t                   i, n, step;
    uint8_t                 *piece;
    static record_t          want, got;
    ngx_websocket_parser_t   parser;

    if (size == 0) {
        return 0;
    }

    rsv1 = data[0] & 1;
    step = data[0] >> 1 ? data[0] >> 1 : size;
    data++;
    size--;

    want.size = 0;
    got.size = 0;

    reference(data, size, rsv1, &want);
    ngx_websocket_parser_init(&parser, rsv1);

    for (i = 0; i < size; i += n) {

        n = size - i < step ? size - i : step;
        piece = malloc(n);
        memcpy(piece, data + i, n);

        if (!parse(&parser, piece, n, &got)) {
            i = size;
        }

        free(piece);
    }

    if (want.size != got.size || memcmp(want.bytes, got.bytes, got.size) != 0)
    {
        abort();
    }

    return 0;
}
