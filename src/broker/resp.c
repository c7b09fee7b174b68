
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "broker/resp.h"


/* what the reader keeps of its buffer between replies, bytes */
#define NGX_WEBSOCKET_RESP_BUFFER  (64 * 1024)

/* a piece of the arena: the first one is kept */
#define NGX_WEBSOCKET_RESP_PIECE   (16 * 1024)

#define ngx_websocket_resp_align(n)  (((n) + 15) & ~(size_t) 15)

/* the interface of hiredis 1.0 and later */

#if (HIREDIS_MAJOR >= 1)
#define NGX_WEBSOCKET_RESP_COUNT  size_t
#else
#define NGX_WEBSOCKET_RESP_COUNT  int
#endif


typedef struct ngx_websocket_resp_piece_s  ngx_websocket_resp_piece_t;

struct ngx_websocket_resp_piece_s {
    ngx_websocket_resp_piece_t  *next;
    size_t                       size;      /* of what follows */
    size_t                       used;
    size_t                       reserved;  /* what follows is aligned to 16 */
};


struct ngx_websocket_resp_s {
    redisReader                 *reader;
    ngx_websocket_resp_piece_t  *pieces;    /* the last one made is first */
    size_t                       taken;     /* bytes of the arena */
    size_t                       max;
    const char                  *reason;
};


static void *ngx_websocket_resp_alloc(ngx_websocket_resp_t *resp, size_t size);
static void ngx_websocket_resp_reset(ngx_websocket_resp_t *resp);
static ngx_websocket_resp_value_t *ngx_websocket_resp_value(
    const redisReadTask *task, ngx_websocket_resp_type_e type);
static void *ngx_websocket_resp_make_string(const redisReadTask *task,
    char *text, size_t size);
static void *ngx_websocket_resp_make_array(const redisReadTask *task,
    NGX_WEBSOCKET_RESP_COUNT n);
static void *ngx_websocket_resp_make_integer(const redisReadTask *task,
    long long number);
static void *ngx_websocket_resp_make_nil(const redisReadTask *task);
static void ngx_websocket_resp_free(void *value);
static int ngx_websocket_resp_fail(ngx_websocket_resp_t *resp,
    const char *reason);
static int ngx_websocket_resp_is_text(const ngx_websocket_resp_value_t *value);
static uint8_t *ngx_websocket_resp_digits(uint8_t *p, uint64_t number);


static redisReplyObjectFunctions  ngx_websocket_resp_functions = {
    .createString = ngx_websocket_resp_make_string,
    .createArray = ngx_websocket_resp_make_array,
    .createInteger = ngx_websocket_resp_make_integer,
    .createNil = ngx_websocket_resp_make_nil,
    .freeObject = ngx_websocket_resp_free
};


ngx_websocket_resp_t *
ngx_websocket_resp_create(size_t max)
{
    ngx_websocket_resp_t  *resp;

    resp = calloc(1, sizeof(ngx_websocket_resp_t));
    if (resp == NULL) {
        return NULL;
    }

    resp->max = max;

    resp->reader = redisReaderCreateWithFunctions(
                                               &ngx_websocket_resp_functions);
    if (resp->reader == NULL) {
        free(resp);
        return NULL;
    }

    resp->reader->maxbuf = NGX_WEBSOCKET_RESP_BUFFER;
    resp->reader->privdata = resp;

    return resp;
}


void
ngx_websocket_resp_destroy(ngx_websocket_resp_t *resp)
{
    ngx_websocket_resp_piece_t  *piece;

    if (resp == NULL) {
        return;
    }

    redisReaderFree(resp->reader);

    while (resp->pieces) {
        piece = resp->pieces;
        resp->pieces = piece->next;
        free(piece);
    }

    free(resp);
}


int
ngx_websocket_resp_feed(ngx_websocket_resp_t *resp, const uint8_t *p, size_t n)
{
    if (resp->reason) {
        return NGX_WEBSOCKET_RESP_ERROR;
    }

    if (n > resp->max
        || resp->reader->len - resp->reader->pos > resp->max - n)
    {
        return ngx_websocket_resp_fail(resp, "the reply is too large");
    }

    if (redisReaderFeed(resp->reader, (const char *) p, n) != REDIS_OK) {
        return ngx_websocket_resp_fail(resp, "memory was refused");
    }

    return NGX_WEBSOCKET_RESP_OK;
}


/* hiredis asks for the parts of a reply before the whole of it has come */

int
ngx_websocket_resp_next(ngx_websocket_resp_t *resp,
    ngx_websocket_resp_value_t **value)
{
    void  *reply;

    if (resp->reason) {
        return NGX_WEBSOCKET_RESP_ERROR;
    }

    if (resp->reader->ridx == -1) {
        ngx_websocket_resp_reset(resp);
    }

    reply = NULL;

    if (redisReaderGetReply(resp->reader, &reply) != REDIS_OK) {
        return ngx_websocket_resp_fail(resp, resp->reader->errstr);
    }

    if (reply == NULL) {
        return NGX_WEBSOCKET_RESP_AGAIN;
    }

    *value = reply;

    return NGX_WEBSOCKET_RESP_OK;
}


static int
ngx_websocket_resp_fail(ngx_websocket_resp_t *resp, const char *reason)
{
    if (resp->reason == NULL) {
        resp->reason = reason;
    }

    return NGX_WEBSOCKET_RESP_ERROR;
}


const char *
ngx_websocket_resp_reason(const ngx_websocket_resp_t *resp)
{
    return resp->reason ? resp->reason : "";
}


static void *
ngx_websocket_resp_alloc(ngx_websocket_resp_t *resp, size_t size)
{
    size_t                       room;
    uint8_t                     *p;
    ngx_websocket_resp_piece_t  *piece;

    piece = resp->pieces;
    size = ngx_websocket_resp_align(size);

    if (size > resp->max || resp->taken > resp->max - size) {
        resp->reason = "the reply is too large";
        return NULL;
    }

    if (piece == NULL || piece->size - piece->used < size) {

        room = size > NGX_WEBSOCKET_RESP_PIECE ? size
                                               : NGX_WEBSOCKET_RESP_PIECE;

        piece = malloc(sizeof(ngx_websocket_resp_piece_t) + room);
        if (piece == NULL) {
            return NULL;
        }

        piece->next = resp->pieces;
        piece->size = room;
        piece->used = 0;

        resp->pieces = piece;
    }

    p = (uint8_t *) &piece[1] + piece->used;

    piece->used += size;
    resp->taken += size;

    return p;
}


/* what has the usual size is kept for the next reply */

static void
ngx_websocket_resp_reset(ngx_websocket_resp_t *resp)
{
    ngx_websocket_resp_piece_t  *piece;

    while (resp->pieces
           && (resp->pieces->next
               || resp->pieces->size > NGX_WEBSOCKET_RESP_PIECE))
    {
        piece = resp->pieces;
        resp->pieces = piece->next;
        free(piece);
    }

    if (resp->pieces) {
        resp->pieces->used = 0;
    }

    resp->taken = 0;
}


/* a value in its place, in the array that it is of */

static ngx_websocket_resp_value_t *
ngx_websocket_resp_value(const redisReadTask *task,
    ngx_websocket_resp_type_e type)
{
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value, *array;

    resp = task->privdata;

    value = ngx_websocket_resp_alloc(resp, sizeof(ngx_websocket_resp_value_t));
    if (value == NULL) {
        return NULL;
    }

    memset(value, 0, sizeof(ngx_websocket_resp_value_t));

    value->type = type;

    if (task->parent) {
        array = task->parent->obj;
        array->elements[task->idx] = value;
    }

    return value;
}


static void *
ngx_websocket_resp_make_string(const redisReadTask *task, char *text,
    size_t size)
{
    ngx_websocket_resp_type_e    type;
    ngx_websocket_resp_value_t  *value;

    type = task->type == REDIS_REPLY_ERROR ? NGX_WEBSOCKET_RESP_REFUSED
           : task->type == REDIS_REPLY_STATUS ? NGX_WEBSOCKET_RESP_STATUS
           : NGX_WEBSOCKET_RESP_STRING;

    value = ngx_websocket_resp_value(task, type);
    if (value == NULL) {
        return NULL;
    }

    value->data = ngx_websocket_resp_alloc(task->privdata, size);
    if (value->data == NULL) {
        return NULL;
    }

    if (size) {
        memcpy(value->data, text, size);
    }

    value->size = size;

    return value;
}


static void *
ngx_websocket_resp_make_array(const redisReadTask *task,
    NGX_WEBSOCKET_RESP_COUNT n)
{
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value;

    resp = task->privdata;

    value = ngx_websocket_resp_value(task, NGX_WEBSOCKET_RESP_ARRAY);
    if (value == NULL) {
        return NULL;
    }

    if ((uint64_t) n > NGX_WEBSOCKET_RESP_ELEMENTS) {
        resp->reason = "the reply has too many elements";
        return NULL;
    }

    value->elements = ngx_websocket_resp_alloc(resp,
                              (n ? n : 1) * sizeof(ngx_websocket_resp_value_t *));
    if (value->elements == NULL) {
        return NULL;
    }

    value->size = n;

    return value;
}


static void *
ngx_websocket_resp_make_integer(const redisReadTask *task, long long number)
{
    ngx_websocket_resp_value_t  *value;

    value = ngx_websocket_resp_value(task, NGX_WEBSOCKET_RESP_INTEGER);

    if (value) {
        value->number = number;
    }

    return value;
}


static void *
ngx_websocket_resp_make_nil(const redisReadTask *task)
{
    return ngx_websocket_resp_value(task, NGX_WEBSOCKET_RESP_NIL);
}


/* it goes with the arena */

static void
ngx_websocket_resp_free(void *value)
{
    (void) value;
}


static int
ngx_websocket_resp_is_text(const ngx_websocket_resp_value_t *value)
{
    return value && (value->type == NGX_WEBSOCKET_RESP_STRING
                     || value->type == NGX_WEBSOCKET_RESP_STATUS
                     || value->type == NGX_WEBSOCKET_RESP_REFUSED);
}


int
ngx_websocket_resp_is(const ngx_websocket_resp_value_t *value,
    const char *text)
{
    return ngx_websocket_resp_begins(value, text)
           && value->size == strlen(text);
}


int
ngx_websocket_resp_begins(const ngx_websocket_resp_value_t *value,
    const char *text)
{
    size_t  size;

    size = strlen(text);

    return ngx_websocket_resp_is_text(value) && value->size >= size
           && memcmp(value->data, text, size) == 0;
}


ngx_websocket_resp_value_t *
ngx_websocket_resp_at(const ngx_websocket_resp_value_t *value, size_t i)
{
    if (value == NULL || value->type != NGX_WEBSOCKET_RESP_ARRAY
        || i >= value->size)
    {
        return NULL;
    }

    return value->elements[i];
}


static uint8_t *
ngx_websocket_resp_digits(uint8_t *p, uint64_t number)
{
    size_t   n;
    uint8_t  digits[20];

    if (number < 10) {
        *p++ = '0' + number;
        return p;
    }

    n = 20;

    do {
        digits[--n] = '0' + number % 10;
        number /= 10;
    } while (number);

    memcpy(p, digits + n, 20 - n);

    return p + 20 - n;
}


uint8_t *
ngx_websocket_resp_array(uint8_t *p, size_t n)
{
    *p++ = '*';
    p = ngx_websocket_resp_digits(p, n);
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


uint8_t *
ngx_websocket_resp_bulk_header(uint8_t *p, size_t size)
{
    *p++ = '$';
    p = ngx_websocket_resp_digits(p, size);
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


uint8_t *
ngx_websocket_resp_bulk(uint8_t *p, const void *data, size_t size)
{
    p = ngx_websocket_resp_bulk_header(p, size);

    if (size) {
        memcpy(p, data, size);
    }

    p += size;
    *p++ = '\r';
    *p++ = '\n';

    return p;
}


uint8_t *
ngx_websocket_resp_number(uint8_t *p, uint64_t number)
{
    uint8_t  digits[20];

    return ngx_websocket_resp_bulk(p, digits,
                         ngx_websocket_resp_digits(digits, number) - digits);
}
