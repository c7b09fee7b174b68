
#include <string.h>

#include "wire/frame.h"


#define NGX_WEBSOCKET_RSV         0x70
#define NGX_WEBSOCKET_OPCODE      0x0f
#define NGX_WEBSOCKET_MASKED      0x80
#define NGX_WEBSOCKET_LENGTH      0x7f

#define NGX_WEBSOCKET_LENGTH16    126
#define NGX_WEBSOCKET_LENGTH64    127

#define NGX_WEBSOCKET_KEY_SIZE    4


/* a vector of the compiler's: one register, or several */

typedef uint32_t  ngx_websocket_block_t  __attribute__((vector_size(16)));


enum {
    NGX_WEBSOCKET_STATE_HEADER = 0,
    NGX_WEBSOCKET_STATE_PAYLOAD,
    NGX_WEBSOCKET_STATE_ERROR
};


static const char *ngx_websocket_check_first(
    const ngx_websocket_parser_t *parser, uint8_t first);
static const char *ngx_websocket_check_second(uint8_t first, uint8_t second);
static const char *ngx_websocket_check_length(const uint8_t *head,
    size_t have);
static const char *ngx_websocket_check_head(
    const ngx_websocket_parser_t *parser, const uint8_t *head, size_t have);
static size_t ngx_websocket_head_size(const uint8_t *head, size_t have);
static uint64_t ngx_websocket_length(const uint8_t *head);
static int ngx_websocket_parse_header(ngx_websocket_parser_t *parser,
    uint8_t **pos, uint8_t *last);
static int ngx_websocket_collect_header(ngx_websocket_parser_t *parser,
    uint8_t **pos, uint8_t *last);
static void ngx_websocket_take_header(ngx_websocket_parser_t *parser,
    const uint8_t *head, size_t size);
static ngx_websocket_parse_e ngx_websocket_parse_payload(
    ngx_websocket_parser_t *parser, uint8_t **pos, uint8_t *last,
    uint8_t **data, size_t *size);


void
ngx_websocket_parser_init(ngx_websocket_parser_t *parser, unsigned allow_rsv1)
{
    memset(parser, 0, sizeof(ngx_websocket_parser_t));

    parser->allow_rsv1 = allow_rsv1 ? 1 : 0;
}


int
ngx_websocket_parser_idle(const ngx_websocket_parser_t *parser)
{
    return parser->state == NGX_WEBSOCKET_STATE_HEADER && parser->have == 0
           && !parser->open;
}


size_t
ngx_websocket_parser_weight(const ngx_websocket_parser_t *parser,
    const uint8_t *p, size_t n)
{
    size_t  length;

    if (parser->state != NGX_WEBSOCKET_STATE_HEADER || parser->have) {
        return 0;
    }

    if (n < 2) {
        return 1;
    }

    if ((p[0] & NGX_WEBSOCKET_OPCODE) == NGX_WEBSOCKET_CONTINUATION
        || (p[0] & NGX_WEBSOCKET_RSV1))
    {
        return 0;
    }

    length = p[1] & NGX_WEBSOCKET_LENGTH;

    if (length < NGX_WEBSOCKET_LENGTH16) {
        return 1;
    }

    if (length > NGX_WEBSOCKET_LENGTH16) {
        return 0;
    }

    /* the more significant byte of the length */

    return n < 3 ? 1 : 1 + p[2];
}


ngx_websocket_parse_e
ngx_websocket_parse(ngx_websocket_parser_t *parser, uint8_t **pos,
    uint8_t *last, uint8_t **data, size_t *size)
{
    switch (parser->state) {

    case NGX_WEBSOCKET_STATE_HEADER:

        switch (ngx_websocket_parse_header(parser, pos, last)) {

        case 0:
            return NGX_WEBSOCKET_PARSE_AGAIN;

        case 1:
            return NGX_WEBSOCKET_PARSE_HEADER;

        default:
            parser->state = NGX_WEBSOCKET_STATE_ERROR;
            parser->code = 1002;
            return NGX_WEBSOCKET_PARSE_ERROR;
        }

    case NGX_WEBSOCKET_STATE_PAYLOAD:
        return ngx_websocket_parse_payload(parser, pos, last, data, size);

    default:  /* NGX_WEBSOCKET_STATE_ERROR */
        return NGX_WEBSOCKET_PARSE_ERROR;
    }
}


uint8_t
ngx_websocket_parse_message(ngx_websocket_parser_t *parser,
    uint8_t **pos, uint8_t *last, uint8_t **data, size_t *size)
{
    size_t    n, header, length;
    uint8_t  *p, opcode;

    p = *pos;
    n = last - p;
    header = 2 + NGX_WEBSOCKET_KEY_SIZE;

    if (n < header || !ngx_websocket_parser_idle(parser)) {
        return 0;
    }

    opcode = p[0] & ~NGX_WEBSOCKET_FIN;
    length = p[1] & NGX_WEBSOCKET_LENGTH;

    if (p[0] == opcode || !(p[1] & NGX_WEBSOCKET_MASKED)
        || (opcode != NGX_WEBSOCKET_TEXT && opcode != NGX_WEBSOCKET_BINARY))
    {
        return 0;
    }

    if (length >= NGX_WEBSOCKET_LENGTH16) {

        if (length == NGX_WEBSOCKET_LENGTH64) {
            return 0;
        }

        length = (size_t) p[2] << 8 | p[3];

        if (length < NGX_WEBSOCKET_LENGTH16) {
            return 0;
        }

        header += 2;
    }

    if (n < header || n - header < length) {
        return 0;
    }

    p += header;
    parser->message = opcode;

    ngx_websocket_mask(p, length, p - NGX_WEBSOCKET_KEY_SIZE, 0);

    *data = p;
    *size = length;
    *pos = p + length;

    return opcode;
}


/*
 * Reads a header.  Returns 1 when it is complete, 0 when bytes are missing, -1
 * on errors, with the reason set.  A header that is complete in the input, as
 * most are, is not copied.
 */

static int
ngx_websocket_parse_header(ngx_websocket_parser_t *parser, uint8_t **pos,
    uint8_t *last)
{
    size_t    n;
    uint8_t  *head;

    head = *pos;
    n = last - head;

    if (parser->have || n < ngx_websocket_head_size(head, n)) {
        return ngx_websocket_collect_header(parser, pos, last);
    }

    n = ngx_websocket_head_size(head, n);

    parser->reason = ngx_websocket_check_head(parser, head, n);
    if (parser->reason) {
        return -1;
    }

    *pos += n;
    ngx_websocket_take_header(parser, head, n);

    return 1;
}


/* reads a header that arrives in pieces, which are gathered in parser->head */

static int
ngx_websocket_collect_header(ngx_websocket_parser_t *parser, uint8_t **pos,
    uint8_t *last)
{
    size_t  n, need;

    need = ngx_websocket_head_size(parser->head, parser->have);

    while (parser->have < need) {

        n = need - parser->have;

        if (n > (size_t) (last - *pos)) {
            n = last - *pos;
        }

        if (n == 0) {
            return 0;
        }

        memcpy(parser->head + parser->have, *pos, n);

        parser->have += (uint8_t) n;
        *pos += n;

        parser->reason = ngx_websocket_check_head(parser, parser->head,
                                                  parser->have);
        if (parser->reason) {
            return -1;
        }

        /* the first two bytes tell how many follow */

        need = ngx_websocket_head_size(parser->head, parser->have);
    }

    ngx_websocket_take_header(parser, parser->head, need);

    return 1;
}


static size_t
ngx_websocket_head_size(const uint8_t *head, size_t have)
{
    if (have < 2) {
        return 2;
    }

    switch (head[1] & NGX_WEBSOCKET_LENGTH) {

    case NGX_WEBSOCKET_LENGTH16:
        return 2 + 2 + NGX_WEBSOCKET_KEY_SIZE;

    case NGX_WEBSOCKET_LENGTH64:
        return 2 + 8 + NGX_WEBSOCKET_KEY_SIZE;

    default:
        return 2 + NGX_WEBSOCKET_KEY_SIZE;
    }
}


/* returns what is wrong with the first n bytes of a header, or NULL */

static const char *
ngx_websocket_check_head(const ngx_websocket_parser_t *parser,
    const uint8_t *head, size_t have)
{
    const char  *reason;

    reason = ngx_websocket_check_first(parser, head[0]);

    if (reason == NULL && have >= 2) {
        reason = ngx_websocket_check_second(head[0], head[1]);
    }

    if (reason == NULL && have >= 3) {
        reason = ngx_websocket_check_length(head, have);
    }

    return reason;
}


static const char *
ngx_websocket_check_first(const ngx_websocket_parser_t *parser, uint8_t first)
{
    uint8_t  opcode, rsv;

    opcode = first & NGX_WEBSOCKET_OPCODE;
    rsv = first & NGX_WEBSOCKET_RSV;

    if (rsv == NGX_WEBSOCKET_RSV1 && parser->allow_rsv1
        && (opcode == NGX_WEBSOCKET_TEXT || opcode == NGX_WEBSOCKET_BINARY))
    {
        rsv = 0;
    }

    if (rsv) {
        return "reserved bits are set";
    }

    switch (opcode) {

    case NGX_WEBSOCKET_CONTINUATION:
        return parser->open ? NULL : "continuation without a message";

    case NGX_WEBSOCKET_TEXT:
    case NGX_WEBSOCKET_BINARY:
        return parser->open ? "new message within another" : NULL;

    case NGX_WEBSOCKET_CLOSE:
    case NGX_WEBSOCKET_PING:
    case NGX_WEBSOCKET_PONG:
        return (first & NGX_WEBSOCKET_FIN) ? NULL : "fragmented control frame";

    default:
        return "unknown opcode";
    }
}


static const char *
ngx_websocket_check_second(uint8_t first, uint8_t second)
{
    if (!(second & NGX_WEBSOCKET_MASKED)) {
        return "frame is not masked";
    }

    if ((first & NGX_WEBSOCKET_CONTROL)
        && (second & NGX_WEBSOCKET_LENGTH) > NGX_WEBSOCKET_CONTROL_SIZE)
    {
        return "control frame is too long";
    }

    return NULL;
}


/*
 * The extended length must be the shortest form (RFC 6455, section 5.2).  The
 * second byte of 16 bits matters only where the first is 0; the upper six bytes
 * of 64 bits show that the value is too small.
 */

static const char *
ngx_websocket_check_length(const uint8_t *head, size_t have)
{
    static const uint8_t  zeros[6];

    switch (head[1] & NGX_WEBSOCKET_LENGTH) {

    case NGX_WEBSOCKET_LENGTH16:
        if (have >= 4 && head[2] == 0 && head[3] < NGX_WEBSOCKET_LENGTH16) {
            return "length is not in its shortest form";
        }

        break;

    case NGX_WEBSOCKET_LENGTH64:
        if (head[2] & 0x80) {
            return "length has its highest bit set";
        }

        if (have >= 8 && memcmp(head + 2, zeros, sizeof(zeros)) == 0) {
            return "length is not in its shortest form";
        }

        break;
    }

    return NULL;
}


/* stores the fields of the header, of which parser->head keeps the key only */

static void
ngx_websocket_take_header(ngx_websocket_parser_t *parser, const uint8_t *head,
    size_t size)
{
    parser->opcode = head[0] & NGX_WEBSOCKET_OPCODE;
    parser->fin = (head[0] & NGX_WEBSOCKET_FIN) ? 1 : 0;
    parser->rsv1 = (head[0] & NGX_WEBSOCKET_RSV1) ? 1 : 0;
    parser->length = ngx_websocket_length(head);
    parser->received = 0;
    parser->state = NGX_WEBSOCKET_STATE_PAYLOAD;
    parser->have = 0;

    memmove(parser->head, head + size - NGX_WEBSOCKET_KEY_SIZE,
            NGX_WEBSOCKET_KEY_SIZE);

    if (parser->opcode == NGX_WEBSOCKET_TEXT
        || parser->opcode == NGX_WEBSOCKET_BINARY)
    {
        parser->message = parser->opcode;
        parser->open = 1;
    }
}


static uint64_t
ngx_websocket_length(const uint8_t *head)
{
    int       i;
    uint64_t  length;

    length = head[1] & NGX_WEBSOCKET_LENGTH;

    if (length == NGX_WEBSOCKET_LENGTH16) {
        return (uint64_t) head[2] << 8 | head[3];
    }

    if (length == NGX_WEBSOCKET_LENGTH64) {

        for (length = 0, i = 0; i < 8; i++) {
            length = length << 8 | head[2 + i];
        }
    }

    return length;
}


static ngx_websocket_parse_e
ngx_websocket_parse_payload(ngx_websocket_parser_t *parser, uint8_t **pos,
    uint8_t *last, uint8_t **data, size_t *size)
{
    size_t  n;

    if (parser->received == parser->length) {

        /* a control frame does not end the message around it */

        if (parser->fin && !(parser->opcode & NGX_WEBSOCKET_CONTROL)) {
            parser->open = 0;
        }

        parser->state = NGX_WEBSOCKET_STATE_HEADER;

        return NGX_WEBSOCKET_PARSE_END;
    }

    n = last - *pos;

    if (n == 0) {
        return NGX_WEBSOCKET_PARSE_AGAIN;
    }

    if (n > parser->length - parser->received) {
        n = (size_t) (parser->length - parser->received);
    }

    *data = *pos;
    *size = n;

    ngx_websocket_mask(*pos, n, parser->head, parser->received);

    parser->received += n;
    *pos += n;

    return NGX_WEBSOCKET_PARSE_PAYLOAD;
}


void
ngx_websocket_mask(uint8_t *p, size_t n, const uint8_t key[4],
    uint64_t offset)
{
    size_t                 k;
    uint8_t                twice[8];
    uint32_t               word;
    ngx_websocket_block_t  block, mask;

    memcpy(twice, key, 4);
    memcpy(twice + 4, key, 4);
    memcpy(&word, twice + (offset & 3), 4);

    mask = (ngx_websocket_block_t) { word, word, word, word };

    for (k = 0; n - k >= sizeof(block); k += sizeof(block)) {
        memcpy(&block, p + k, sizeof(block));
        block ^= mask;
        memcpy(p + k, &block, sizeof(block));
    }

    for ( /* void */ ; k < n; k++) {
        p[k] ^= twice[(offset + k) & 3];
    }
}


size_t
ngx_websocket_frame_header(uint8_t *dst, uint8_t first, uint64_t length)
{
    int  i;

    dst[0] = first;

    if (length < NGX_WEBSOCKET_LENGTH16) {
        dst[1] = (uint8_t) length;
        return 2;
    }

    if (length <= 0xffff) {
        dst[1] = NGX_WEBSOCKET_LENGTH16;
        dst[2] = (uint8_t) (length >> 8);
        dst[3] = (uint8_t) length;
        return 4;
    }

    dst[1] = NGX_WEBSOCKET_LENGTH64;

    for (i = 0; i < 8; i++) {
        dst[2 + i] = (uint8_t) (length >> (56 - 8 * i));
    }

    return 10;
}


size_t
ngx_websocket_frame_header_size(uint64_t length)
{
    if (length < NGX_WEBSOCKET_LENGTH16) {
        return 2;
    }

    return length <= 0xffff ? 4 : 10;
}
