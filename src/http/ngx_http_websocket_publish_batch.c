
/*
 * A POST of many messages: application/x-ndjson, a message a line.
 */


#include "http/ngx_http_websocket_publish_batch.h"
#include "broker/ngx_http_websocket_broker.h"
#include "clock/ngx_http_websocket_turn.h"
#include "delivery/ngx_http_websocket_intake.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_history.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish.h"
#include "http/ngx_http_websocket_publish_typed.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_suspend.h"
#include "message/scan.h"
#include "session/ngx_http_websocket_session.h"
#include "wire/frame.h"


#define NGX_HTTP_WEBSOCKET_BATCH_LINES  1000
#define NGX_HTTP_WEBSOCKET_BATCH_TEXT   256

/* beside NGX_OK and NGX_BUSY: batch->rc is what the content handler returns */
#define NGX_HTTP_WEBSOCKET_BATCH_ANSWERED  NGX_DECLINED

/* steps of a turn's work to check a line, or to publish it */
#define ngx_http_websocket_batch_steps(line)  (4 + (line)->size / 128)


typedef struct {
    u_char                         *data;
    size_t                          size;
    uint8_t                         priority;
    unsigned                        ephemeral:1;
    uint64_t                        offset;     /* set when the line is
                                                   published */

    ngx_uint_t                      n;
    ngx_websocket_store_part_t      parts[NGX_HTTP_WEBSOCKET_INTAKE_PARTS
                                          + 1];
} ngx_http_websocket_line_message_t;


/* in r->pool */

typedef struct {
    ngx_array_t                     lines;
    ngx_uint_t                      checked;
    ngx_uint_t                      published;
    ngx_uint_t                      duplicates;

    ngx_http_websocket_publish_t    durable;    /* what the headers say of it,
                                                   and what was reached */
    ngx_websocket_store_message_t   message;    /* what the headers say of each
                                                   message */
    ngx_websocket_store_part_t      tags;
    ngx_websocket_store_info_t      info;       /* of the last one */
    ngx_int_t                       rc;         /* the result of an answer that
                                                   was given, or of waiting */
} ngx_http_websocket_batch_body_t;


/* what a batch is answered with whose messages are not all there */

typedef struct {
    int                             rc;
    ngx_uint_t                      status;
    char                           *code;
    char                           *reason;     /* NULL: the store says it */
    ngx_http_websocket_rejected_e   rejected;
} ngx_http_websocket_batch_cut_t;


static ngx_int_t ngx_http_websocket_batch_headers(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, char **error);
static ngx_int_t ngx_http_websocket_batch_split(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, ngx_websocket_store_part_t *parts,
    ngx_uint_t n);
static char *ngx_http_websocket_batch_line(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, u_char *p, u_char *last);
static ngx_int_t ngx_http_websocket_batch_make(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_batch_check(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch);
static ngx_websocket_json_e ngx_http_websocket_batch_check_line(
    ngx_http_request_t *r, ngx_http_websocket_line_message_t *line,
    ngx_websocket_json_error_t *error);
static ngx_int_t ngx_http_websocket_batch_invalid(ngx_http_request_t *r,
    ngx_uint_t n, ngx_websocket_json_error_t *error);
static ngx_int_t ngx_http_websocket_batch_publish(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch,
    ngx_http_websocket_line_message_t *line);
static ngx_http_websocket_durable_e ngx_http_websocket_batch_durable(
    ngx_http_websocket_batch_body_t *batch,
    ngx_http_websocket_line_message_t *line);
static ngx_int_t ngx_http_websocket_batch_published(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_batch_cut(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, int rc);
static ngx_int_t ngx_http_websocket_batch_go_on(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);
static ngx_int_t ngx_http_websocket_batch_again(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_batch_answer(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch);


static const ngx_http_websocket_batch_cut_t  ngx_http_websocket_batch_cuts[] =
{
    { NGX_WEBSOCKET_STORE_MISMATCH, NGX_HTTP_WEBSOCKET_UNPROCESSABLE,
      "idempotency_mismatch", NULL, NGX_HTTP_WEBSOCKET_REJECTED_HEADER },

    { NGX_WEBSOCKET_STORE_ENDED, NGX_HTTP_CONFLICT,
      "ended", NULL, NGX_HTTP_WEBSOCKET_REJECTED_ENDED },

    { NGX_HTTP_WEBSOCKET_BROKER_AWAY, NGX_HTTP_SERVICE_UNAVAILABLE,
      "broker_away", "the broker cannot be had now",
      NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE },

    { 0, NGX_HTTP_INSUFFICIENT_STORAGE,
      "zone_full", NULL, NGX_HTTP_WEBSOCKET_REJECTED_ZONE_FULL }
};


ngx_uint_t
ngx_http_websocket_publish_batch_is(ngx_http_request_t *r)
{
    static ngx_str_t  type = ngx_string("application/x-ndjson");

    return ngx_http_websocket_publish_of(r, &type);
}


ngx_int_t
ngx_http_websocket_publish_batch(ngx_http_request_t *r,
    ngx_websocket_store_part_t *parts, ngx_uint_t n)
{
    char                             *error;
    ngx_http_websocket_batch_body_t  *batch;

    batch = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_batch_body_t));
    if (batch == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = NULL;

    if (ngx_http_websocket_batch_headers(r, batch, &error) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (error) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HEADER);

        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                               "invalid_header", error);
    }

    return ngx_http_websocket_batch_split(r, batch, parts, n) == NGX_OK
           ? ngx_http_websocket_later(r, ngx_http_websocket_batch_make, batch)
           : batch->rc;
}


/* tags are the same of all messages: they are kept apart from the buffer */

static ngx_int_t
ngx_http_websocket_batch_headers(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, char **error)
{
    u_char      *tags;
    ngx_uint_t   n;

    n = 0;

    if (ngx_http_websocket_publish_options(r, &batch->message, error)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (*error == NULL) {
        *error = ngx_http_websocket_publish_durable(r, &batch->durable);
    }

    if (*error == NULL) {
        *error = ngx_http_websocket_publish_skip(r, &batch->message);
    }

    if (*error == NULL) {
        *error = ngx_http_websocket_publish_tags(r, &batch->message,
                                                 &batch->tags, &n);
    }

    if (*error || n == 0) {
        return NGX_OK;
    }

    tags = ngx_pnalloc(r->pool, batch->tags.size);
    if (tags == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(tags, batch->tags.data, batch->tags.size);
    batch->tags.data = tags;

    return NGX_OK;
}


/* NGX_OK, or BATCH_ANSWERED */

static ngx_int_t
ngx_http_websocket_batch_split(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, ngx_websocket_store_part_t *parts,
    ngx_uint_t n)
{
    char        *error;
    u_char      *p, *end, *last;
    ngx_str_t    body;
    ngx_uint_t   i;

    body.len = 0;

    for (i = 0; i < n; i++) {
        body.len += parts[i].size;
    }

    body.data = ngx_pnalloc(r->pool, body.len + 1);

    if (body.data == NULL
        || ngx_array_init(&batch->lines, r->pool, 16,
                          sizeof(ngx_http_websocket_line_message_t))
           != NGX_OK)
    {
        batch->rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    last = body.data;

    for (i = 0; i < n; i++) {
        last = ngx_cpymem(last, parts[i].data, parts[i].size);
    }

    error = NULL;

    for (p = body.data; p < last && error == NULL; p = end + 1) {
        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            end = last;
        }

        error = ngx_http_websocket_batch_line(r, batch, p, end);
    }

    if (error) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_TOO_LARGE);

        batch->rc = ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                    "too_large", error);
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    if (batch->lines.nelts == 0) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_INVALID);

        batch->rc = ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_WEBSOCKET_UNPROCESSABLE,
                                    "invalid_message", "there is no message");
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    return NGX_OK;
}


/* returns what is too much, or NULL; lines of nothing but spaces are none */

static char *
ngx_http_websocket_batch_line(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, u_char *p, u_char *last)
{
    ngx_http_websocket_loc_conf_t      *conf;
    ngx_http_websocket_line_message_t  *line;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    while (p < last && (*p == ' ' || *p == '\t' || *p == CR)) {
        p++;
    }

    while (p < last
           && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == CR))
    {
        last--;
    }

    if (p == last) {
        return NULL;
    }

    if ((size_t) (last - p) > conf->max_message_size) {
        return "a message is larger than websocket_max_message_size";
    }

    if (batch->lines.nelts == NGX_HTTP_WEBSOCKET_BATCH_LINES) {
        return "there are more than "
               ngx_value(NGX_HTTP_WEBSOCKET_BATCH_LINES) " messages";
    }

    line = ngx_array_push(&batch->lines);
    if (line == NULL) {
        return "there is no memory for the messages";
    }

    ngx_memzero(line, sizeof(ngx_http_websocket_line_message_t));

    line->data = p;
    line->size = last - p;

    return NULL;
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_batch_make(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_batch_body_t *batch = data;

    ngx_int_t                           rc;
    ngx_http_websocket_line_message_t  *lines;

    lines = batch->lines.elts;

    ngx_http_websocket_turn_loop();

    while (batch->checked < batch->lines.nelts) {

        rc = ngx_http_websocket_batch_check(r, batch);

        if (rc != NGX_OK) {
            return rc == NGX_HTTP_WEBSOCKET_BATCH_ANSWERED ? batch->rc : rc;
        }
    }

    while (batch->published < batch->lines.nelts) {

        rc = ngx_http_websocket_batch_publish(r, batch,
                                              &lines[batch->published]);
        if (rc != NGX_OK) {
            return rc == NGX_HTTP_WEBSOCKET_BATCH_ANSWERED ? batch->rc : rc;
        }
    }

    return ngx_http_websocket_batch_answer(r, batch);
}


/* NGX_OK; NGX_BUSY when the turn is over; or BATCH_ANSWERED */

static ngx_int_t
ngx_http_websocket_batch_check(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch)
{
    ngx_websocket_json_error_t          error;
    ngx_http_websocket_line_message_t  *line;

    line = batch->lines.elts;
    line += batch->checked++;

    switch (ngx_http_websocket_batch_check_line(r, line, &error)) {

    case NGX_WEBSOCKET_JSON_OK:
        break;

    case NGX_WEBSOCKET_JSON_REFUSED:
        batch->rc = ngx_http_websocket_batch_invalid(r, batch->checked,
                                                     &error);
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        batch->rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    return ngx_http_websocket_turn_step(ngx_http_websocket_batch_steps(line))
           ? NGX_BUSY : NGX_OK;
}


/* the parts begin with room for the tags */

static ngx_websocket_json_e
ngx_http_websocket_batch_check_line(ngx_http_request_t *r,
    ngx_http_websocket_line_message_t *line, ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_e            rc;
    ngx_websocket_scan_t            scan;
    ngx_websocket_store_message_t   message;

    ngx_websocket_scan_init(&scan, (char *) line->data, line->size);

    if (!ngx_websocket_scan_value(&scan) || scan.p != scan.last) {
        return ngx_websocket_json_refuse(error, NULL, "is not JSON");
    }

    ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

    message.type = NGX_WEBSOCKET_TEXT;

    line->n = 1;
    line->parts[1].data = line->data;
    line->parts[1].size = line->size;

    rc = ngx_http_websocket_publish_intake(r, &message, &line->parts[1],
                                           &line->n, error);
    line->priority = message.priority;
    line->ephemeral = message.ephemeral;

    return rc;
}


static ngx_int_t
ngx_http_websocket_batch_invalid(ngx_http_request_t *r, ngx_uint_t n,
    ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_error_t  told;

    told = *error;

    *ngx_snprintf((u_char *) told.rule, sizeof(told.rule) - 1,
                  "message %ui: %s", n, error->rule) = '\0';

    return ngx_http_websocket_publish_invalid(r, &told);
}


/* as ngx_http_websocket_batch_check() */

static ngx_int_t
ngx_http_websocket_batch_publish(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch,
    ngx_http_websocket_line_message_t *line)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_publish_t    p;
    ngx_websocket_store_history_t   history;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    p.message = batch->message;
    p.message.type = NGX_WEBSOCKET_TEXT;
    p.message.ephemeral |= line->ephemeral;
    p.message.end &= batch->published + 1 == batch->lines.nelts;

    if (p.message.priority == 0) {
        p.message.priority = line->priority;
    }

    if (p.message.key[0] || p.message.key[1]) {

        /* each message has a key of its own: that of its place */

        p.message.key[0] += batch->published;
        p.message.digest = ngx_crc32_long(line->data, line->size);
    }

    p.parts = &line->parts[1];
    p.n = line->n;

    if (p.message.meta) {
        line->parts[0] = batch->tags;
        p.parts--;
        p.n++;
    }

    p.channel = ctx->channels[0];
    p.history = ngx_http_websocket_conf_history(conf, &history);
    p.describe = 1;
    p.durable = ngx_http_websocket_batch_durable(batch, line);
    p.patience = batch->durable.patience;

    if (conf->zone->broker->publish(conf->zone, &p) == NGX_AGAIN) {
        batch->rc = ngx_http_websocket_publish_wait(r, p.pending,
                                               ngx_http_websocket_batch_go_on,
                                                    batch);
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    if (p.rc == NGX_WEBSOCKET_STORE_BUSY) {
        ctx->pending = batch;
        batch->rc = ngx_http_websocket_await_or_refuse(r,
                                               ngx_http_websocket_batch_again);
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    return ngx_http_websocket_batch_published(r, batch, &p);
}


/*
 * A message is on the disk when one is that was logged later: the last one is
 * waited for, of those that are numbered.
 */

static ngx_http_websocket_durable_e
ngx_http_websocket_batch_durable(ngx_http_websocket_batch_body_t *batch,
    ngx_http_websocket_line_message_t *line)
{
    ngx_http_websocket_line_message_t  *last;

    if (!batch->durable.durable) {
        return NGX_HTTP_WEBSOCKET_DURABLE_OFF;
    }

    last = batch->lines.elts;
    last += batch->lines.nelts;

    while (++line < last) {
        if (!line->ephemeral) {
            return NGX_HTTP_WEBSOCKET_DURABLE_LOG;
        }
    }

    return NGX_HTTP_WEBSOCKET_DURABLE_WAIT;
}


static ngx_int_t
ngx_http_websocket_batch_published(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_loc_conf_t      *conf;
    ngx_http_websocket_line_message_t  *line;

    if (p->rc < NGX_WEBSOCKET_STORE_OK) {
        batch->rc = batch->published
                    ? ngx_http_websocket_batch_cut(r, batch, p->rc)
                    : ngx_http_websocket_publish_refused(r, p->rc);
        return NGX_HTTP_WEBSOCKET_BATCH_ANSWERED;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    line = batch->lines.elts;
    line += batch->published++;

    line->offset = p->message.offset;
    batch->info = p->info;

    if (p->durable
        && batch->durable.reached != NGX_HTTP_WEBSOCKET_REACHED_LATE
        && p->reached > batch->durable.reached)
    {
        batch->durable.reached = p->reached;
    }

    if (p->rc == NGX_WEBSOCKET_STORE_DUPLICATE) {
        batch->duplicates++;

    } else {
        conf->stats->published++;
    }

    return ngx_http_websocket_turn_step(ngx_http_websocket_batch_steps(line))
           ? NGX_BUSY : NGX_OK;
}


/*
 * some messages are published: a client that comes again with the same key gets
 * the others published
 */

static ngx_int_t
ngx_http_websocket_batch_cut(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch, int rc)
{
    u_char                                *text;
    ngx_uint_t                             i;
    const ngx_http_websocket_batch_cut_t  *cut;

    for (i = 0; ngx_http_websocket_batch_cuts[i].rc; i++) {
        if (ngx_http_websocket_batch_cuts[i].rc == rc) {
            break;
        }
    }

    cut = &ngx_http_websocket_batch_cuts[i];

    text = ngx_pnalloc(r->pool, NGX_HTTP_WEBSOCKET_BATCH_TEXT);

    if (text == NULL
        || (cut->status == NGX_HTTP_SERVICE_UNAVAILABLE
            && ngx_http_websocket_retry_later(r) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    (void) ngx_snprintf(text, NGX_HTTP_WEBSOCKET_BATCH_TEXT,
                        "%ui of %ui messages are there: %s%Z",
                        batch->published, batch->lines.nelts,
                        cut->reason ? cut->reason
                                    : ngx_websocket_store_strerror(rc));

    ngx_http_websocket_rejected(r, cut->rejected);

    return ngx_http_websocket_answer_error(r, cut->status, cut->code,
                                           (char *) text);
}


/* the broker has published one of the messages: the next one */

static ngx_int_t
ngx_http_websocket_batch_go_on(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data)
{
    ngx_http_websocket_batch_body_t *batch = data;

    if (ngx_http_websocket_batch_published(r, batch, p)
        == NGX_HTTP_WEBSOCKET_BATCH_ANSWERED)
    {
        return batch->rc;
    }

    return ngx_http_websocket_later(r, ngx_http_websocket_batch_make, batch);
}


/* the zone is not stuck any more */

static ngx_int_t
ngx_http_websocket_batch_again(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    rc = ngx_http_websocket_check_again(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_later(r, ngx_http_websocket_batch_make,
                                    ctx->pending);
}


static ngx_int_t
ngx_http_websocket_batch_answer(ngx_http_request_t *r,
    ngx_http_websocket_batch_body_t *batch)
{
    json_t                             *json, *offsets;
    ngx_uint_t                          i;
    ngx_http_websocket_ctx_t           *ctx;
    ngx_http_websocket_line_message_t  *lines;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    lines = batch->lines.elts;
    offsets = json_array();

    for (i = 0; i < batch->lines.nelts; i++) {

        if (json_array_append_new(offsets, json_integer(lines[i].offset))
            != 0)
        {
            json_decref(offsets);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    batch->info.offset = lines[batch->lines.nelts - 1].offset;

    if (batch->durable.reached == NGX_HTTP_WEBSOCKET_REACHED_LATE) {
        json_decref(offsets);
        return ngx_http_websocket_publish_late(r);
    }

    json = ngx_http_websocket_history_channel(&ctx->channels[0], &batch->info);

    (void) json_object_set_new(json, "offsets", offsets);

    if (batch->durable.durable) {
        ngx_http_websocket_publish_reached(json, &batch->durable);
    }

    if (batch->duplicates) {
        (void) json_object_set_new(json, "duplicates",
                                   json_integer(batch->duplicates));
    }

    return ngx_http_websocket_answer_json(r, batch->info.subscribers
                                             ? NGX_HTTP_OK
                                             : NGX_HTTP_ACCEPTED,
                                          json);
}
