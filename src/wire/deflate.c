
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "wire/deflate.h"


#define NGX_WEBSOCKET_DEFLATE_NAME  "permessage-deflate"

#define NGX_WEBSOCKET_DEFLATE_TAIL  4     /* the 4 bytes that a message's
                                             payload leaves out at its end */

/* comparisons of zlib for all bytes of a message, and at least for each */
#define NGX_WEBSOCKET_DEFLATE_WORK   (4 * 1024 * 1024)
#define NGX_WEBSOCKET_DEFLATE_CHAIN  16


/* the parameters, in the order of the response */

enum {
    NGX_WEBSOCKET_SERVER_NO_TAKEOVER = 0,
    NGX_WEBSOCKET_CLIENT_NO_TAKEOVER,
    NGX_WEBSOCKET_SERVER_BITS,
    NGX_WEBSOCKET_CLIENT_BITS,
    NGX_WEBSOCKET_DEFLATE_PARAMS
};


/* one offer: for each parameter 0, 1 (without a value), or the bits 8..15 */

typedef struct {
    uint8_t         params[NGX_WEBSOCKET_DEFLATE_PARAMS];
    uint8_t         deflate;          /* 1: it is permessage-deflate */
    uint8_t         bad;              /* 1: but it cannot be accepted */
} ngx_websocket_offer_t;


typedef struct {
    const uint8_t  *pos;
    const uint8_t  *last;
} ngx_websocket_line_t;


/* a token of the line; of a quoted one the first bytes, unescaped */

typedef struct {
    const uint8_t  *data;
    size_t          size;
    uint8_t         head[2];
} ngx_websocket_token_t;


static int ngx_websocket_line_is(ngx_websocket_line_t *line, uint8_t c);
static int ngx_websocket_tchar(uint8_t c);
static int ngx_websocket_read_extension(ngx_websocket_line_t *line,
    ngx_websocket_offer_t *offer);
static int ngx_websocket_read_token(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token);
static int ngx_websocket_read_value(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token);
static int ngx_websocket_read_quoted(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token);
static int ngx_websocket_token_equal(const ngx_websocket_token_t *token,
    const char *name);
static uint8_t ngx_websocket_window_bits(const ngx_websocket_token_t *value);
static void ngx_websocket_offer_param(ngx_websocket_offer_t *offer,
    const ngx_websocket_token_t *name, const ngx_websocket_token_t *value);
static void ngx_websocket_offer_accept(const ngx_websocket_offer_t *offer,
    const ngx_websocket_deflate_conf_t *conf,
    ngx_websocket_deflate_t *agreed);
static uint8_t *ngx_websocket_put(uint8_t *dst, const char *s);
static uint8_t *ngx_websocket_put_bits(uint8_t *dst, const char *name,
    unsigned bits);
static void ngx_websocket_stream_init(z_stream *stream, alloc_func alloc,
    free_func release, void *data);
static ngx_websocket_deflate_e ngx_websocket_zlib_result(int rc);
static void ngx_websocket_deflater_reset(ngx_websocket_deflater_t *deflater);
static void ngx_websocket_deflater_tune(ngx_websocket_deflater_t *deflater,
    size_t n);
static voidpf ngx_websocket_lent_alloc(voidpf data, uInt items, uInt size);
static void ngx_websocket_lent_free(voidpf data, voidpf p);
static ngx_websocket_deflate_e ngx_websocket_inflate_step(
    ngx_websocket_inflater_t *inflater, const uint8_t *p, size_t n,
    uint8_t *dst, size_t capacity, size_t *consumed, size_t *produced);
static int ngx_websocket_inflater_between(
    const ngx_websocket_inflater_t *inflater);


/* the shared window: before it is used, its content is set */

static uint8_t  ngx_websocket_lent_window[1 << NGX_WEBSOCKET_DEFLATE_MAX_BITS];

static const ngx_websocket_inflater_t  *ngx_websocket_lent_to;


static const char *const  ngx_websocket_deflate_names[] = {
    "server_no_context_takeover",
    "client_no_context_takeover",
    "server_max_window_bits",
    "client_max_window_bits"
};


ngx_websocket_deflate_e
ngx_websocket_deflate_accept(const uint8_t *line, size_t size,
    const ngx_websocket_deflate_conf_t *conf, ngx_websocket_deflate_t *agreed)
{
    ngx_websocket_line_t   rest;
    ngx_websocket_offer_t  offer;

    rest.pos = line;
    rest.last = line + size;

    for ( ;; ) {

        if (ngx_websocket_line_is(&rest, ',')) {
            continue;
        }

        if (rest.pos == rest.last) {
            break;
        }

        if (ngx_websocket_read_extension(&rest, &offer) != 0) {
            return NGX_WEBSOCKET_DEFLATE_ERROR;
        }

        if (offer.deflate && !offer.bad && !agreed->accepted) {
            ngx_websocket_offer_accept(&offer, conf, agreed);
        }

        if (!ngx_websocket_line_is(&rest, ',') && rest.pos != rest.last) {
            return NGX_WEBSOCKET_DEFLATE_ERROR;
        }
    }

    return agreed->accepted ? NGX_WEBSOCKET_DEFLATE_OK
                            : NGX_WEBSOCKET_DEFLATE_DECLINED;
}


/* skips spaces, and the byte c if it follows; returns 1 if it did */

static int
ngx_websocket_line_is(ngx_websocket_line_t *line, uint8_t c)
{
    while (line->pos != line->last
           && (*line->pos == ' ' || *line->pos == '\t'))
    {
        line->pos++;
    }

    if (line->pos == line->last || *line->pos != c) {
        return 0;
    }

    line->pos++;

    return 1;
}


/* RFC 7230, section 3.2.6 */

static int
ngx_websocket_tchar(uint8_t c)
{
    uint8_t  letter;

    letter = c | 0x20;

    return (letter >= 'a' && letter <= 'z')
           || (c >= '0' && c <= '9')
           || (c && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}


/* reads an extension with its parameters; -1 where the line is malformed */

static int
ngx_websocket_read_extension(ngx_websocket_line_t *line,
    ngx_websocket_offer_t *offer)
{
    ngx_websocket_token_t  name, value;

    memset(offer, 0, sizeof(ngx_websocket_offer_t));

    if (ngx_websocket_read_token(line, &name) != 0) {
        return -1;
    }

    offer->deflate = ngx_websocket_token_equal(&name,
                                               NGX_WEBSOCKET_DEFLATE_NAME);

    while (ngx_websocket_line_is(line, ';')) {

        if (ngx_websocket_read_token(line, &name) != 0) {
            return -1;
        }

        value.data = NULL;

        if (ngx_websocket_line_is(line, '=')
            && ngx_websocket_read_value(line, &value) != 0)
        {
            return -1;
        }

        if (offer->deflate) {
            ngx_websocket_offer_param(offer, &name, &value);
        }
    }

    return 0;
}


static int
ngx_websocket_read_token(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token)
{
    size_t  i;

    while (line->pos != line->last
           && (*line->pos == ' ' || *line->pos == '\t'))
    {
        line->pos++;
    }

    token->data = line->pos;

    while (line->pos != line->last && ngx_websocket_tchar(*line->pos)) {
        line->pos++;
    }

    token->size = line->pos - token->data;

    for (i = 0; i < token->size && i < sizeof(token->head); i++) {
        token->head[i] = token->data[i];
    }

    return token->size ? 0 : -1;
}


static int
ngx_websocket_read_value(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token)
{
    if (ngx_websocket_line_is(line, '"')) {
        return ngx_websocket_read_quoted(line, token);
    }

    return ngx_websocket_read_token(line, token);
}


/* reads a quoted value after its first quote: a token once unescaped */

static int
ngx_websocket_read_quoted(ngx_websocket_line_t *line,
    ngx_websocket_token_t *token)
{
    uint8_t  c;

    token->data = line->pos;
    token->size = 0;

    while (line->pos != line->last) {

        c = *line->pos++;

        if (c == '"') {
            return token->size ? 0 : -1;
        }

        if (c == '\\') {

            if (line->pos == line->last) {
                return -1;
            }

            c = *line->pos++;
        }

        if (!ngx_websocket_tchar(c)) {
            return -1;
        }

        if (token->size < sizeof(token->head)) {
            token->head[token->size] = c;
        }

        token->size++;
    }

    return -1;
}


static int
ngx_websocket_token_equal(const ngx_websocket_token_t *token,
    const char *name)
{
    return token->size == strlen(name)
           && memcmp(token->data, name, token->size) == 0;
}


/* 8..15, or 0 for any other value */

static uint8_t
ngx_websocket_window_bits(const ngx_websocket_token_t *value)
{
    const uint8_t  *head;

    head = value->head;

    if (value->size == 1 && (head[0] == '8' || head[0] == '9')) {
        return head[0] - '0';
    }

    if (value->size == 2 && head[0] == '1' && head[1] >= '0' && head[1] <= '5')
    {
        return 10 + head[1] - '0';
    }

    return 0;
}


/* value->data is NULL where there is no value */

static void
ngx_websocket_offer_param(ngx_websocket_offer_t *offer,
    const ngx_websocket_token_t *name, const ngx_websocket_token_t *value)
{
    int      i;
    uint8_t  bits;

    for (i = 0; i < NGX_WEBSOCKET_DEFLATE_PARAMS; i++) {
        if (ngx_websocket_token_equal(name, ngx_websocket_deflate_names[i])) {
            break;
        }
    }

    if (i == NGX_WEBSOCKET_DEFLATE_PARAMS || offer->params[i]) {
        offer->bad = 1;
        return;
    }

    if (value->data == NULL) {
        offer->params[i] = 1;
        offer->bad |= (i == NGX_WEBSOCKET_SERVER_BITS);
        return;
    }

    bits = ngx_websocket_window_bits(value);

    if (bits == 0 || i < NGX_WEBSOCKET_SERVER_BITS
        || (i == NGX_WEBSOCKET_SERVER_BITS
            && bits < NGX_WEBSOCKET_DEFLATE_MIN_BITS))
    {
        offer->bad = 1;
        return;
    }

    offer->params[i] = bits;
}


/*
 * The response may say, although the offer does not, that either side keeps no
 * window, and how large the server's is (RFC 7692, sections 7.1.1 and 7.1.2.1).
 * Without a parameter a window has 15 bits.
 */

static void
ngx_websocket_offer_accept(const ngx_websocket_offer_t *offer,
    const ngx_websocket_deflate_conf_t *conf, ngx_websocket_deflate_t *agreed)
{
    uint8_t         server, client;
    const uint8_t  *params;

    params = offer->params;
    server = params[NGX_WEBSOCKET_SERVER_BITS];
    client = params[NGX_WEBSOCKET_CLIENT_BITS];

    agreed->accepted = 1;

    agreed->server_no_takeover = !conf->server_takeover
                                 || params[NGX_WEBSOCKET_SERVER_NO_TAKEOVER];

    /* the client cannot be asked for a smaller window: it must keep none */

    agreed->client_no_takeover = !conf->client_takeover
                                 || params[NGX_WEBSOCKET_CLIENT_NO_TAKEOVER]
                                 || (!client && conf->client_bits < 15);

    agreed->server_bits = conf->server_bits;

    if (server && server < agreed->server_bits) {
        agreed->server_bits = server;
    }

    agreed->client_bits = 15;

    if (client) {
        agreed->client_bits = conf->client_bits;

        if (client > 1 && client < agreed->client_bits) {
            agreed->client_bits = client;
        }
    }

    agreed->say_server_bits = server || agreed->server_bits < 15;
    agreed->say_client_bits = agreed->client_bits < 15;
}


size_t
ngx_websocket_deflate_response(const ngx_websocket_deflate_t *agreed,
    uint8_t *dst)
{
    uint8_t            *p;
    const char *const  *names;

    names = ngx_websocket_deflate_names;

    p = ngx_websocket_put(dst, NGX_WEBSOCKET_DEFLATE_NAME);

    if (agreed->server_no_takeover) {
        p = ngx_websocket_put(p, "; ");
        p = ngx_websocket_put(p, names[NGX_WEBSOCKET_SERVER_NO_TAKEOVER]);
    }

    if (agreed->client_no_takeover) {
        p = ngx_websocket_put(p, "; ");
        p = ngx_websocket_put(p, names[NGX_WEBSOCKET_CLIENT_NO_TAKEOVER]);
    }

    if (agreed->say_server_bits) {
        p = ngx_websocket_put_bits(p, names[NGX_WEBSOCKET_SERVER_BITS],
                                   agreed->server_bits);
    }

    if (agreed->say_client_bits) {
        p = ngx_websocket_put_bits(p, names[NGX_WEBSOCKET_CLIENT_BITS],
                                   agreed->client_bits);
    }

    return p - dst;
}


static uint8_t *
ngx_websocket_put(uint8_t *dst, const char *s)
{
    size_t  n;

    n = strlen(s);
    memcpy(dst, s, n);

    return dst + n;
}


static uint8_t *
ngx_websocket_put_bits(uint8_t *dst, const char *name, unsigned bits)
{
    dst = ngx_websocket_put(dst, "; ");
    dst = ngx_websocket_put(dst, name);

    *dst++ = '=';

    if (bits >= 10) {
        *dst++ = '1';
    }

    *dst++ = '0' + bits % 10;

    return dst;
}


static void
ngx_websocket_stream_init(z_stream *stream, alloc_func alloc,
    free_func release, void *data)
{
    memset(stream, 0, sizeof(z_stream));

    stream->zalloc = alloc;
    stream->zfree = release;
    stream->opaque = data;
}


static ngx_websocket_deflate_e
ngx_websocket_zlib_result(int rc)
{
    switch (rc) {

    case Z_OK:
        return NGX_WEBSOCKET_DEFLATE_OK;

    case Z_MEM_ERROR:
        return NGX_WEBSOCKET_DEFLATE_NO_MEMORY;

    default:
        return NGX_WEBSOCKET_DEFLATE_ERROR;
    }
}


ngx_websocket_deflate_e
ngx_websocket_deflater_init(ngx_websocket_deflater_t *deflater, int bits,
    int level, int mem_level, unsigned takeover, alloc_func alloc,
    free_func release, void *data)
{
    /* negative bits mean raw deflate to zlib; other bits are its own check */

    if (bits < NGX_WEBSOCKET_DEFLATE_MIN_BITS) {
        return NGX_WEBSOCKET_DEFLATE_ERROR;
    }

    ngx_websocket_stream_init(&deflater->stream, alloc, release, data);

    deflater->takeover = takeover ? 1 : 0;
    deflater->level = (uint8_t) (level < 0 ? 6 : level);

    return ngx_websocket_zlib_result(deflateInit2(&deflater->stream, level,
                                                  Z_DEFLATED, -bits, mem_level,
                                                  Z_DEFAULT_STRATEGY));
}


/*
 * For each byte zlib compares earlier places of the same hash, up to 4096 at
 * level 9.  Text of few different letters has as many: 64 KB of such text took
 * 130 ms.
 */

static void
ngx_websocket_deflater_tune(ngx_websocket_deflater_t *deflater, size_t n)
{
    size_t  chain;

    /* good_length, max_lazy, nice_length, max_chain, as zlib has them */

    static const int  levels[][4] = {
        { 8, 16, 128, 128 },
        { 8, 32, 128, 256 },
        { 32, 128, 258, 1024 },
        { 32, 258, 258, 4096 }
    };

    if (deflater->level < 6) {
        return;
    }

    chain = NGX_WEBSOCKET_DEFLATE_WORK / (n + 1);

    if (chain < NGX_WEBSOCKET_DEFLATE_CHAIN) {
        chain = NGX_WEBSOCKET_DEFLATE_CHAIN;
    }

    if (chain < (size_t) levels[deflater->level - 6][3]) {
        (void) deflateTune(&deflater->stream, 8, 32, 128, (int) chain);
        return;
    }

    (void) deflateTune(&deflater->stream, levels[deflater->level - 6][0],
                       levels[deflater->level - 6][1],
                       levels[deflater->level - 6][2],
                       levels[deflater->level - 6][3]);
}


/*
 * The worst case is literals of 9 bits in fixed Huffman codes, which zlib
 * chooses where its buffers are too small for stored blocks, and a header for
 * each block, of which the smallest has 127 bytes.
 */

size_t
ngx_websocket_deflate_bound(size_t n)
{
    return n + (n >> 3) + (n >> 7) + 24;
}


ngx_websocket_deflate_e
ngx_websocket_deflate(ngx_websocket_deflater_t *deflater, const uint8_t *p,
    size_t n, uint8_t *dst, size_t capacity, size_t *size)
{
    int        rc;
    z_stream  *stream;

    if (n == 0 && capacity) {

        /* zlib would give nothing where the last message ended so, too */

        dst[0] = 0;
        *size = 1;

        return NGX_WEBSOCKET_DEFLATE_OK;
    }

    stream = &deflater->stream;

    stream->next_in = (Bytef *) p;
    stream->avail_in = (uInt) n;
    stream->next_out = dst;
    stream->avail_out = capacity < UINT_MAX ? (uInt) capacity : UINT_MAX;

    capacity = stream->avail_out;

    ngx_websocket_deflater_tune(deflater, n);

    if (n > UINT_MAX) {
        rc = Z_STREAM_ERROR;

    } else {
        rc = capacity ? deflate(stream, Z_SYNC_FLUSH) : Z_OK;
    }

    /* without room left, zlib may have more output */

    if (rc != Z_OK || stream->avail_out == 0) {
        ngx_websocket_deflater_reset(deflater);

        return rc != Z_OK ? NGX_WEBSOCKET_DEFLATE_ERROR
                          : NGX_WEBSOCKET_DEFLATE_FULL;
    }

    *size = capacity - stream->avail_out - NGX_WEBSOCKET_DEFLATE_TAIL;

    if (!deflater->takeover) {
        ngx_websocket_deflater_reset(deflater);
    }

    return NGX_WEBSOCKET_DEFLATE_OK;
}


/* the next message does not refer to earlier ones */

static void
ngx_websocket_deflater_reset(ngx_websocket_deflater_t *deflater)
{
    (void) deflateReset(&deflater->stream);
}


void
ngx_websocket_deflater_done(ngx_websocket_deflater_t *deflater)
{
    (void) deflateEnd(&deflater->stream);
}


ngx_websocket_deflate_e
ngx_websocket_inflater_init(ngx_websocket_inflater_t *inflater, int bits,
    unsigned takeover, alloc_func alloc, free_func release, void *data)
{
    if (bits < 8) {
        return NGX_WEBSOCKET_DEFLATE_ERROR;
    }

    if (bits == 8) {
        bits = NGX_WEBSOCKET_DEFLATE_MIN_BITS;
    }

    ngx_websocket_stream_init(&inflater->stream, alloc, release, data);

    inflater->takeover = takeover ? 1 : 0;
    inflater->fresh = 1;
    inflater->failed = NGX_WEBSOCKET_DEFLATE_OK;

    return ngx_websocket_zlib_result(inflateInit2(&inflater->stream, -bits));
}


ngx_websocket_deflate_e
ngx_websocket_inflater_init_lent(ngx_websocket_inflater_t *inflater)
{
    inflater->lent = 0;

    return ngx_websocket_inflater_init(inflater,
                                       NGX_WEBSOCKET_DEFLATE_MAX_BITS, 0,
                                       ngx_websocket_lent_alloc,
                                       ngx_websocket_lent_free, inflater);
}


/* zlib allocates the window at the first output, all other memory before */

static voidpf
ngx_websocket_lent_alloc(voidpf data, uInt items, uInt size)
{
    ngx_websocket_inflater_t  *inflater;

    inflater = data;

    if ((size_t) items * size != sizeof(ngx_websocket_lent_window)) {
        return malloc((size_t) items * size);
    }

    inflater->lent = 1;
    ngx_websocket_lent_to = inflater;

    return ngx_websocket_lent_window;
}


static void
ngx_websocket_lent_free(voidpf data, voidpf p)
{
    if (p != ngx_websocket_lent_window) {
        free(p);
        return;
    }

    if (ngx_websocket_lent_to == data) {
        ngx_websocket_lent_to = NULL;
    }
}


/*
 * zlib fills a window from its beginning up to its size.  Output of the
 * window's size or more replaces all of its content.
 */

void
ngx_websocket_inflater_recall(ngx_websocket_inflater_t *inflater,
    const uint8_t *last)
{
    size_t  n;

    if (!inflater->lent || ngx_websocket_lent_to == inflater) {
        return;
    }

    ngx_websocket_lent_to = inflater;

    n = inflater->stream.total_out;

    if (n < sizeof(ngx_websocket_lent_window)) {

        if (n) {
            memcpy(ngx_websocket_lent_window, last - n, n);
        }

        return;
    }

    (void) inflateSetDictionary(&inflater->stream,
                                last - sizeof(ngx_websocket_lent_window),
                                sizeof(ngx_websocket_lent_window));
}


ngx_websocket_deflate_e
ngx_websocket_inflater_feed(ngx_websocket_inflater_t *inflater,
    const uint8_t *p, size_t n, uint8_t *dst, size_t capacity,
    size_t *consumed, size_t *produced)
{
    size_t                   used, made;
    ngx_websocket_deflate_e  rc;

    *consumed = 0;
    *produced = 0;

    do {
        rc = ngx_websocket_inflate_step(inflater, p + *consumed, n - *consumed,
                                        dst + *produced, capacity - *produced,
                                        &used, &made);
        *consumed += used;
        *produced += made;

        if (rc != NGX_WEBSOCKET_DEFLATE_OK) {
            return rc;
        }

        if (*produced == capacity) {
            return NGX_WEBSOCKET_DEFLATE_FULL;
        }

    } while (*consumed != n);

    return NGX_WEBSOCKET_DEFLATE_OK;
}


/* calls inflate() once, which also stops at the end of a stream */

static ngx_websocket_deflate_e
ngx_websocket_inflate_step(ngx_websocket_inflater_t *inflater,
    const uint8_t *p, size_t n, uint8_t *dst, size_t capacity,
    size_t *consumed, size_t *produced)
{
    int        rc;
    uInt       in, out;
    z_stream  *stream;

    *consumed = 0;
    *produced = 0;

    if (inflater->failed) {
        return inflater->failed;
    }

    if (n == 0 && ngx_websocket_inflater_between(inflater)) {

        /* zlib would forget that it is between two blocks */

        return NGX_WEBSOCKET_DEFLATE_OK;
    }

    in = n < UINT_MAX ? (uInt) n : UINT_MAX;
    out = capacity < UINT_MAX ? (uInt) capacity : UINT_MAX;

    stream = &inflater->stream;

    stream->next_in = (Bytef *) p;
    stream->avail_in = in;
    stream->next_out = dst;
    stream->avail_out = out;

    rc = inflate(stream, Z_SYNC_FLUSH);

    *consumed = in - stream->avail_in;
    *produced = out - stream->avail_out;

    if (*consumed) {
        inflater->fresh = 0;
    }

    if (rc == Z_STREAM_END) {
        ngx_websocket_inflater_reset(inflater);
        return NGX_WEBSOCKET_DEFLATE_OK;
    }

    /* Z_BUF_ERROR: there was nothing to do */

    if (rc != Z_OK && rc != Z_BUF_ERROR) {
        inflater->failed = ngx_websocket_zlib_result(rc);
    }

    return inflater->failed;
}


/*
 * The 4 bytes that the sender removed must complete an empty block, which has
 * no output.  There is output when the message ended within a block's data.
 */

ngx_websocket_deflate_e
ngx_websocket_inflater_end(ngx_websocket_inflater_t *inflater)
{
    size_t                   used, made;
    uint8_t                  byte;
    ngx_websocket_deflate_e  rc;

    static const uint8_t     tail[NGX_WEBSOCKET_DEFLATE_TAIL] = {
        0x00, 0x00, 0xff, 0xff
    };

    if (inflater->failed) {
        return inflater->failed;
    }

    if (!ngx_websocket_inflater_between(inflater)) {

        rc = ngx_websocket_inflater_feed(inflater, tail, sizeof(tail), &byte,
                                         1, &used, &made);

        if (rc == NGX_WEBSOCKET_DEFLATE_NO_MEMORY) {
            return rc;
        }

        if (rc != NGX_WEBSOCKET_DEFLATE_OK
            || !ngx_websocket_inflater_between(inflater))
        {
            inflater->failed = NGX_WEBSOCKET_DEFLATE_ERROR;
            return NGX_WEBSOCKET_DEFLATE_ERROR;
        }
    }

    if (!inflater->takeover) {
        ngx_websocket_inflater_reset(inflater);
    }

    return NGX_WEBSOCKET_DEFLATE_OK;
}


/* whether zlib is between two blocks, with no bit of the last byte left */

static int
ngx_websocket_inflater_between(const ngx_websocket_inflater_t *inflater)
{
    return inflater->fresh || (inflater->stream.data_type & (128|63)) == 128;
}


void
ngx_websocket_inflater_reset(ngx_websocket_inflater_t *inflater)
{
    (void) inflateReset(&inflater->stream);

    inflater->fresh = 1;
    inflater->failed = NGX_WEBSOCKET_DEFLATE_OK;
}


void
ngx_websocket_inflater_done(ngx_websocket_inflater_t *inflater)
{
    (void) inflateEnd(&inflater->stream);
}
