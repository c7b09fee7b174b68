
#include "session/ngx_http_websocket_deflate.h"
#include "clock/ngx_http_websocket_turn.h"
#include "session/ngx_http_websocket_frames.h"


#define NGX_HTTP_WEBSOCKET_INFLATERS  8     /* inflaters that are kept for the
                                               next message */

/* steps of a turn's work for so many bytes to compress */
#define ngx_http_websocket_deflate_steps(size)  (1 + (size) / 64)


/*
 * A deflater without context takeover: all sessions of the worker with the same
 * parameters use the same one.
 */

typedef struct {
    ngx_websocket_deflater_t      deflater;
    ngx_uint_t                    ready;
    size_t                        min_length;
    int                           bits;
    int                           level;
    int                           memory;
} ngx_http_websocket_codec_t;


/* what a session with context takeover keeps between messages */

struct ngx_http_websocket_context_s {
    ngx_websocket_deflater_t      deflater;
    ngx_websocket_inflater_t      inflater;
    uint8_t                       client_bits;

    unsigned                      server:1; /* 1: with context takeover of the
                                               server */
    unsigned                      client:1;
    unsigned                      deflating:1;      /* 1: the deflater was
                                                       made */
    unsigned                      inflating:1;
};


static ngx_uint_t ngx_http_websocket_codec(
    ngx_http_websocket_deflate_conf_t *conf, int bits);
static ngx_websocket_deflater_t *ngx_http_websocket_codec_deflater(
    ngx_http_websocket_codec_t *codec);
static ngx_websocket_deflater_t *ngx_http_websocket_context_deflater(
    ngx_http_websocket_session_t *s);
static ngx_http_websocket_frame_t *ngx_http_websocket_deflate_with(
    ngx_log_t *log, ngx_websocket_deflater_t *deflater,
    ngx_http_websocket_frame_t *frame);
static ngx_websocket_inflater_t *ngx_http_websocket_context_inflater(
    ngx_http_websocket_context_t *context);
static ngx_websocket_inflater_t *ngx_http_websocket_inflater_create(
    ngx_log_t *log);
static void *ngx_http_websocket_deflate_alloc(void *data, unsigned items,
    unsigned size);
static void ngx_http_websocket_deflate_free(void *data, void *p);


/* a session has its codec's index here plus 1 */

static ngx_http_websocket_codec_t   ngx_http_websocket_codecs[
                                        NGX_HTTP_WEBSOCKET_CODECS];
static ngx_uint_t                   ngx_http_websocket_ncodecs;

/* not in use */

static ngx_websocket_inflater_t    *ngx_http_websocket_inflaters[
                                        NGX_HTTP_WEBSOCKET_INFLATERS];
static ngx_uint_t                   ngx_http_websocket_ninflaters;


ngx_int_t
ngx_http_websocket_deflate_offer(ngx_http_websocket_loc_conf_t *conf,
    ngx_str_t *line, ngx_websocket_deflate_t *agreed)
{
    ngx_websocket_deflate_conf_t  wanted;

    wanted = conf->deflate->agree;

    if (conf->overflow != NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE || conf->priority)
    {
        /*
         * a message that a later one refers to can be neither dropped nor
         * passed
         */

        wanted.server_takeover = 0;
    }

    return ngx_websocket_deflate_accept(line->data, line->len, &wanted, agreed)
           == NGX_WEBSOCKET_DEFLATE_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_websocket_deflate_begin(ngx_http_websocket_session_t *s,
    ngx_websocket_deflate_t *agreed)
{
    ngx_uint_t                     codec;
    ngx_http_websocket_context_t  *context;

    codec = ngx_http_websocket_codec(s->conf->deflate, agreed->server_bits);

    if (codec == 0) {
        agreed->accepted = 0;
        return NGX_OK;
    }

    s->variant = ngx_http_websocket_variant(s->variant, codec);

    if (agreed->server_no_takeover && agreed->client_no_takeover) {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    context = ngx_http_websocket_memory_alloc(
                                           NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,
                                           sizeof(ngx_http_websocket_context_t),
                                           s->connection->log);
    if (context == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(context, sizeof(ngx_http_websocket_context_t));

    context->server = !agreed->server_no_takeover;
    context->client = !agreed->client_no_takeover;
    context->client_bits = agreed->client_bits;

    s->record->aside->context = context;

    return NGX_OK;
}


void
ngx_http_websocket_deflate_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_context_t  *context;

    context = s->record->aside->context;

    if (context == NULL) {
        return;
    }

    if (context->deflating) {
        ngx_websocket_deflater_done(&context->deflater);
    }

    if (context->inflating) {
        ngx_websocket_inflater_done(&context->inflater);
    }

    ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE, context);

    s->record->aside->context = NULL;
}


/* returns 0 when there are too many codecs */

static ngx_uint_t
ngx_http_websocket_codec(ngx_http_websocket_deflate_conf_t *conf, int bits)
{
    ngx_uint_t                   i;
    ngx_http_websocket_codec_t  *codec;

    for (i = 0; i < ngx_http_websocket_ncodecs; i++) {

        codec = &ngx_http_websocket_codecs[i];

        if (codec->bits == bits && codec->level == conf->level
            && codec->memory == conf->memory
            && codec->min_length == conf->min_length)
        {
            return i + 1;
        }
    }

    if (i == NGX_HTTP_WEBSOCKET_CODECS) {
        return 0;
    }

    codec = &ngx_http_websocket_codecs[i];

    codec->bits = bits;
    codec->level = conf->level;
    codec->memory = conf->memory;
    codec->min_length = conf->min_length;

    return ++ngx_http_websocket_ncodecs;
}


ngx_uint_t
ngx_http_websocket_deflate_own(ngx_http_websocket_session_t *s)
{
    return s->record->aside->context && s->record->aside->context->server;
}


ngx_uint_t
ngx_http_websocket_deflate_worth(ngx_uint_t codec, size_t size)
{
    return size >= ngx_http_websocket_codecs[codec - 1].min_length;
}


ngx_int_t
ngx_http_websocket_deflate_message(ngx_http_websocket_session_t *s,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame)
{
    ngx_log_t                   *log;
    ngx_uint_t                   codec, format;
    ngx_http_websocket_frame_t  *plain;

    log = s->connection->log;
    codec = ngx_http_websocket_variant_codec(variant);
    format = ngx_http_websocket_variant_format(variant);

    if (ngx_http_websocket_shared_frame(log, message, format, &plain)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ngx_http_websocket_deflate_worth(codec, message->size)) {
        *frame = plain;
        return NGX_OK;
    }

    *frame = ngx_http_websocket_deflate_with(log,
                                        ngx_http_websocket_context_deflater(s),
                                        plain);

    ngx_http_websocket_frame_release(plain);

    if (*frame == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_frame_of(*frame, message);

    return NGX_OK;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_deflate_frame(ngx_log_t *log, ngx_uint_t codec,
    ngx_http_websocket_frame_t *frame)
{
    return ngx_http_websocket_deflate_with(log,
             ngx_http_websocket_codec_deflater(
                                     &ngx_http_websocket_codecs[codec - 1]),
             frame);
}


/* NULL when memory was refused: the message goes uncompressed */

static ngx_websocket_deflater_t *
ngx_http_websocket_codec_deflater(ngx_http_websocket_codec_t *codec)
{
    if (!codec->ready
        && ngx_websocket_deflater_init(&codec->deflater, codec->bits,
                                       codec->level, codec->memory, 0,
                                       ngx_http_websocket_deflate_alloc,
                                       ngx_http_websocket_deflate_free, NULL)
           == NGX_WEBSOCKET_DEFLATE_OK)
    {
        codec->ready = 1;
    }

    return codec->ready ? &codec->deflater : NULL;
}


static ngx_websocket_deflater_t *
ngx_http_websocket_context_deflater(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_codec_t    *codec;
    ngx_http_websocket_context_t  *context;

    context = s->record->aside->context;
    codec = &ngx_http_websocket_codecs[
                          ngx_http_websocket_variant_codec(s->variant) - 1];

    if (!context->deflating
        && ngx_websocket_deflater_init(&context->deflater, codec->bits,
                                       codec->level, codec->memory, 1,
                                       ngx_http_websocket_deflate_alloc,
                                       ngx_http_websocket_deflate_free, NULL)
           == NGX_WEBSOCKET_DEFLATE_OK)
    {
        context->deflating = 1;
    }

    return context->deflating ? &context->deflater : NULL;
}


/*
 * Makes a new frame in any case, so that it is found out only once that a
 * message does not shrink.
 */

static ngx_http_websocket_frame_t *
ngx_http_websocket_deflate_with(ngx_log_t *log,
    ngx_websocket_deflater_t *deflater, ngx_http_websocket_frame_t *frame)
{
    u_char                      *payload, *compressed, first;
    size_t                       n, size, capacity;
    ngx_http_websocket_frame_t  *result;

    n = frame->size - frame->header;
    payload = frame->data + frame->header;
    first = frame->data[0];

    /*
     * with takeover, later messages shrink because of this one, even if it does
     * not
     */

    capacity = deflater && deflater->takeover ? ngx_websocket_deflate_bound(n)
                                              : n;

    ngx_http_websocket_turn_worked(ngx_http_websocket_deflate_steps(n));

    compressed = deflater ? ngx_alloc(capacity, log) : NULL;

    if (compressed
        && ngx_websocket_deflate(deflater, payload, n, compressed, capacity,
                                 &size)
           == NGX_WEBSOCKET_DEFLATE_OK)
    {
        payload = compressed;
        n = size;
        first |= NGX_WEBSOCKET_RSV1;
    }

    result = ngx_http_websocket_frame_create(first, payload, n, log);

    ngx_free(compressed);

    return result;
}


ngx_websocket_inflater_t *
ngx_http_websocket_inflater_take(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_context_t  *context;

    context = s->record->aside->context;

    if (context && context->client) {
        return ngx_http_websocket_context_inflater(context);
    }

    if (ngx_http_websocket_ninflaters) {
        return ngx_http_websocket_inflaters[--ngx_http_websocket_ninflaters];
    }

    return ngx_http_websocket_inflater_create(s->connection->log);
}


static ngx_websocket_inflater_t *
ngx_http_websocket_context_inflater(ngx_http_websocket_context_t *context)
{
    if (!context->inflating
        && ngx_websocket_inflater_init(&context->inflater,
                                       context->client_bits, 1,
                                       ngx_http_websocket_deflate_alloc,
                                       ngx_http_websocket_deflate_free, NULL)
           == NGX_WEBSOCKET_DEFLATE_OK)
    {
        context->inflating = 1;
    }

    return context->inflating ? &context->inflater : NULL;
}


/* an inflater with the largest window takes what was compressed with any */

static ngx_websocket_inflater_t *
ngx_http_websocket_inflater_create(ngx_log_t *log)
{
    ngx_websocket_inflater_t  *inflater;

    inflater = ngx_http_websocket_memory_alloc(
                                            NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,
                                            sizeof(ngx_websocket_inflater_t),
                                            log);
    if (inflater == NULL) {
        return NULL;
    }

    if (ngx_websocket_inflater_init_lent(inflater)
        != NGX_WEBSOCKET_DEFLATE_OK)
    {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,
                                       inflater);
        return NULL;
    }

    return inflater;
}


void
ngx_http_websocket_inflater_give(ngx_http_websocket_session_t *s,
    ngx_websocket_inflater_t *inflater)
{
    if (s->record->aside->context
        && inflater == &s->record->aside->context->inflater)
    {
        return;
    }

    if (ngx_http_websocket_ninflaters < NGX_HTTP_WEBSOCKET_INFLATERS) {
        ngx_websocket_inflater_reset(inflater);
        ngx_http_websocket_inflaters[ngx_http_websocket_ninflaters++] =
                                                                     inflater;
        return;
    }

    ngx_websocket_inflater_done(inflater);
    ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,
                                   inflater);
}


/* zlib's own memory is counted, too */

static void *
ngx_http_websocket_deflate_alloc(void *data, unsigned items, unsigned size)
{
    return ngx_http_websocket_memory_alloc(NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,
                                           (size_t) items * size,
                                           ngx_cycle->log);
}


static void
ngx_http_websocket_deflate_free(void *data, void *p)
{
    ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE, p);
}
