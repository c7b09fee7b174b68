
/*
 * The HTTP side of a channel: GET tells of it, of its history and of who is
 * there, DELETE deletes it.
 */


#include "http/ngx_http_websocket_history.h"
#include "http/ngx_http_websocket_history_args.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "delivery/ngx_http_websocket_content.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_fetch.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_roll.h"
#include "session/ngx_http_websocket_session.h"
#include "wire/frame.h"


/*
 * bytes that are read for a page, and how many a message counts beside its own
 */
#define NGX_HTTP_WEBSOCKET_PAGE_SIZE  (1024 * 1024)
#define NGX_HTTP_WEBSOCKET_PAGE_HEAD  64

/* members read while the lock is held once */
#define NGX_HTTP_WEBSOCKET_MEMBERS    64


/*
 * A page of the history: where it begins, and where the next one does.  It is
 * made in as many turns as it takes, in r->pool.
 */

typedef struct {
    ngx_http_websocket_history_args_t  args;

    ngx_websocket_store_cursor_t       cursor;
    uint64_t                           start;     /* the offset of the message
                                                     before the page, or behind
                                                     it */
    uint64_t                           offset;    /* the offset of the last
                                                     message that was read for
                                                     the page, or start */
    ngx_uint_t                         recovered;

    ngx_websocket_store_info_t         info;
    ngx_uint_t                         count;     /* of messages in it */
    size_t                             total;     /* bytes that were read */
    u_char                            *buf;       /* for one message */
    size_t                             size;
    ngx_websocket_json_text_t          messages;  /* what is between the
                                                     brackets */
    ngx_websocket_json_text_t          answer;
} ngx_http_websocket_page_t;


static ngx_int_t ngx_http_websocket_history_fetched(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_http_websocket_history_info(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_history_begin(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static ngx_http_websocket_page_t *ngx_http_websocket_history_create(
    ngx_http_request_t *r);
static void ngx_http_websocket_history_cleanup(void *data);
static int ngx_http_websocket_history_seek(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static int ngx_http_websocket_history_seek_newest(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static int ngx_http_websocket_history_seek_to(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, uint64_t offset,
    ngx_websocket_store_info_t *info);
static ngx_int_t ngx_http_websocket_history_make(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_history_await(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static ngx_int_t ngx_http_websocket_history_again(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_history_page(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static int ngx_http_websocket_history_read(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message);
static int ngx_http_websocket_history_read_back(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message);
static ngx_int_t ngx_http_websocket_history_entry(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message);
static ngx_int_t ngx_http_websocket_history_shown(ngx_log_t *log,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message);
static void ngx_http_websocket_history_append(ngx_log_t *log,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message,
    u_char *payload, size_t size);
static ngx_uint_t ngx_http_websocket_history_more(
    ngx_http_websocket_page_t *page);
static ngx_int_t ngx_http_websocket_history_answer(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page);
static ngx_int_t ngx_http_websocket_history_presence(ngx_http_request_t *r,
    void *data);
static json_t *ngx_http_websocket_history_members(ngx_http_request_t *r,
    ngx_uint_t limit);
static ngx_int_t ngx_http_websocket_history_deleted(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_uint_t ngx_http_websocket_history_is_empty(ngx_http_request_t *r);
static void ngx_http_websocket_history_add_position(json_t *json,
    ngx_websocket_store_info_t *info);
static void ngx_http_websocket_history_add_details(json_t *json,
    ngx_websocket_store_info_t *info);


static ngx_str_t  ngx_http_websocket_page_type =
    ngx_string("application/json");


ngx_int_t
ngx_http_websocket_history_get(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return ngx_http_websocket_fetch(r, conf->zone->broker->history,
                                    ngx_http_websocket_history_fetched);
}


static ngx_int_t
ngx_http_websocket_history_fetched(ngx_http_request_t *r, ngx_int_t rc)
{
    char                       *code, *error;
    ngx_str_t                   value;
    ngx_http_websocket_page_t  *page;

    if (rc != NGX_OK) {
        return ngx_http_websocket_broker_away(r);
    }

    if (ngx_http_websocket_arg(r, "presence", &value) == NGX_OK) {
        return ngx_http_websocket_later(r, ngx_http_websocket_history_presence,
                                        NULL);
    }

    if (ngx_http_websocket_arg(r, "position", &value) != NGX_OK
        && ngx_http_websocket_history_is_empty(r))
    {
        return ngx_http_websocket_history_not_found(r);
    }

    page = ngx_http_websocket_history_create(r);
    if (page == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_websocket_history_args(r, &page->args, &code, &error);

    switch (rc) {

    case NGX_OK:
        return ngx_http_websocket_history_begin(r, page);

    case NGX_DECLINED:
        return ngx_http_websocket_history_info(r);

    case NGX_HTTP_BAD_REQUEST:
        return ngx_http_websocket_answer_error(r, rc, code, error);

    default:  /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/*
 * Whether the channel is there only because the broker was asked for it, and
 * the broker has none.
 */

static ngx_uint_t
ngx_http_websocket_history_is_empty(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_info_t      info;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return conf->zone->remote
           && ngx_http_websocket_zone_info(conf->zone, &ctx->channels[0],
                                           &info)
              == NGX_WEBSOCKET_STORE_OK
           && info.length == 0 && info.published == 0
           && info.subscribers == 0;
}


/* adds the position of the newest message */

static void
ngx_http_websocket_history_add_position(json_t *json,
    ngx_websocket_store_info_t *info)
{
    u_char                    text[NGX_WEBSOCKET_POSITION_SIZE];
    size_t                    size;
    ngx_websocket_position_t  position;

    position.epoch = info->epoch;
    position.offset = info->offset;

    size = ngx_websocket_position_print(text, &position);

    (void) json_object_set_new(json, "position",
                               json_stringn((char *) text, size));
}


/*
 * A client that asks for a position is given one also in a channel that does
 * not exist yet: what is published from now on comes after it.  A broker has
 * begun the channel when it was asked for it.
 */

static ngx_int_t
ngx_http_websocket_history_info(ngx_http_request_t *r)
{
    int                             rc;
    json_t                         *json;
    ngx_str_t                       value;
    ngx_uint_t                      asks;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_info_t      info;
    ngx_websocket_store_history_t   history;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    asks = ngx_http_websocket_arg(r, "position", &value) == NGX_OK;

    rc = asks && !conf->zone->remote
         ? ngx_http_websocket_zone_begin(conf->zone, &ctx->channels[0],
                               ngx_http_websocket_conf_history(conf, &history),
                               &info)
         : ngx_http_websocket_zone_info(conf->zone, &ctx->channels[0], &info);

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        return ngx_http_websocket_publish_refused(r, rc);
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return ngx_http_websocket_history_not_found(r);
    }

    if (asks && conf->zone->remote && (info.epoch & NGX_WEBSOCKET_STORE_OWN)) {
        return ngx_http_websocket_broker_away(r);
    }

    json = ngx_http_websocket_history_channel(&ctx->channels[0], &info);
    ngx_http_websocket_history_add_details(json, &info);

    if (asks) {
        ngx_http_websocket_history_add_position(json, &info);
    }

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK, json);
}


static ngx_int_t
ngx_http_websocket_history_begin(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    int                             rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    page->size = ngx_max(conf->max_message_size, (size_t) ngx_pagesize);

    page->buf = ngx_palloc(r->pool, page->size);
    if (page->buf == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = page->args.newest ? ngx_http_websocket_history_seek_newest(r, page)
                           : ngx_http_websocket_history_seek(r, page);

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND || rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_history_not_found(r);
    }

    page->recovered = (rc == NGX_WEBSOCKET_STORE_OK);
    page->offset = page->start;

    return ngx_http_websocket_later(r, ngx_http_websocket_history_make, page);
}


static ngx_http_websocket_page_t *
ngx_http_websocket_history_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t         *cleanup;
    ngx_http_websocket_page_t  *page;

    page = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_page_t));
    cleanup = ngx_pool_cleanup_add(r->pool, 0);

    if (page == NULL || cleanup == NULL) {
        return NULL;
    }

    cleanup->handler = ngx_http_websocket_history_cleanup;
    cleanup->data = page;

    return page;
}


static void
ngx_http_websocket_history_cleanup(void *data)
{
    ngx_http_websocket_page_t  *page;

    page = data;

    ngx_websocket_json_text_done(&page->messages);
    ngx_websocket_json_text_done(&page->answer);

    if (page->args.filter) {
        ngx_http_websocket_filters_release(page->args.filter);
    }
}


/* OK, NOTFOUND, BUSY, or GAP: then it begins with the oldest message */

static int
ngx_http_websocket_history_seek(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    int                        rc;
    ngx_websocket_position_t  *position;

    position = &page->args.position;

    rc = ngx_http_websocket_history_seek_to(r, page,
                                            position->offset == UINT64_MAX
                                            ? UINT64_MAX
                                            : position->offset + 1,
                                            &page->info);

    if (rc != NGX_WEBSOCKET_STORE_NOTFOUND && rc != NGX_WEBSOCKET_STORE_BUSY
        && page->info.epoch != position->epoch)
    {
        /*
         * The position is of an earlier epoch of the channel: its offset has
         * no meaning in this one.
         */

        rc = ngx_http_websocket_history_seek_to(r, page, page->info.first,
                                                &page->info);

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            rc = NGX_WEBSOCKET_STORE_GAP;
        }
    }

    page->start = page->cursor.next - 1;

    return rc;
}


/* OK, NOTFOUND, BUSY, or GAP: then it begins with the newest message */

static int
ngx_http_websocket_history_seek_newest(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    int                        rc;
    ngx_websocket_position_t  *position;

    rc = ngx_http_websocket_history_seek_to(r, page, UINT64_MAX, &page->info);

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND || rc == NGX_WEBSOCKET_STORE_BUSY) {
        return rc;
    }

    position = &page->args.position;
    page->start = page->info.offset + 1;

    if (page->info.epoch != position->epoch) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    page->start = ngx_min(page->start, position->offset);

    return NGX_WEBSOCKET_STORE_OK;
}


static int
ngx_http_websocket_history_seek_to(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, uint64_t offset,
    ngx_websocket_store_info_t *info)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return ngx_http_websocket_zone_seek(conf->zone, &ctx->channels[0], offset,
                                        &page->cursor, info);
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_history_make(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_page_t *page = data;

    ngx_int_t  rc;

    rc = ngx_http_websocket_history_page(r, page);

    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    return rc == NGX_AGAIN ? ngx_http_websocket_history_await(r, page)
                           : ngx_http_websocket_history_answer(r, page);
}


/* the zone is stuck: the page goes on when it is not */

static ngx_int_t
ngx_http_websocket_history_await(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    ctx->pending = page;

    return ngx_http_websocket_await_or_refuse(r,
                                             ngx_http_websocket_history_again);
}


static ngx_int_t
ngx_http_websocket_history_again(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_later(r, ngx_http_websocket_history_make,
                                    ctx->pending);
}


/*
 * NGX_BUSY when the turn is over and the page goes on in the next one,
 * NGX_AGAIN when the zone is stuck, NGX_ERROR, or NGX_OK
 */

static ngx_int_t
ngx_http_websocket_history_page(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    int                             rc;
    ngx_websocket_store_message_t   message;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_http_websocket_turn_loop();

    while (page->count < page->args.limit
           && page->total < NGX_HTTP_WEBSOCKET_PAGE_SIZE)
    {
        rc = page->args.newest
             ? ngx_http_websocket_history_read_back(r, page, &message)
             : ngx_http_websocket_history_read(conf->zone, page, &message);

        if (rc == NGX_WEBSOCKET_STORE_SHORT) {

            /*
             * The message comes from a location with a larger
             * websocket_max_message_size.
             */

            page->size = message.size;

            page->buf = ngx_palloc(r->pool, page->size);
            if (page->buf == NULL) {
                goto failed;
            }

            continue;
        }

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_OK;
        }

        page->offset = message.offset;
        page->total += message.size + NGX_HTTP_WEBSOCKET_PAGE_HEAD;

        if (ngx_http_websocket_history_entry(r, page, &message) != NGX_OK) {
            goto failed;
        }

        if (ngx_http_websocket_turn_step(1 + message.size / 512)) {
            return NGX_BUSY;
        }
    }

    return NGX_OK;

failed:

    page->messages.failed = 1;

    return NGX_ERROR;
}


/*
 * A gap before the first message is told of, and the page begins behind it;
 * one within the page is its end.
 */

static int
ngx_http_websocket_history_read(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message)
{
    int         rc;
    ngx_uint_t  n;

    for ( ;; ) {

        n = 1;
        rc = ngx_http_websocket_zone_read(zone, &page->cursor, message, &n,
                                          page->buf, page->size);

        if (rc != NGX_WEBSOCKET_STORE_GAP
            || page->offset != page->start)
        {
            return rc;
        }

        ngx_http_websocket_zone_skip(zone, &page->cursor);

        page->recovered = 0;
        page->start = page->cursor.next - 1;
        page->offset = page->start;
    }
}


/*
 * The message before the last one that was read: where there is none, or the
 * channel is another one by now, the page ends.
 */

static int
ngx_http_websocket_history_read_back(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message)
{
    int                             rc;
    ngx_uint_t                      n;
    ngx_websocket_store_info_t      info;
    ngx_http_websocket_loc_conf_t  *conf;

    if (page->offset <= 1) {
        return NGX_WEBSOCKET_STORE_EMPTY;
    }

    rc = ngx_http_websocket_history_seek_to(r, page, page->offset - 1, &info);

    if (rc == NGX_WEBSOCKET_STORE_OK && info.epoch != page->info.epoch) {
        rc = NGX_WEBSOCKET_STORE_GAP;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    n = 1;

    return ngx_http_websocket_zone_read(conf->zone, &page->cursor, message, &n,
                                        page->buf, page->size);
}


/* adds a message, or what the view shows of it, if the filter lets it pass */

static ngx_int_t
ngx_http_websocket_history_entry(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message)
{
    ngx_log_t  *log;

    log = r->connection->log;

    if (page->args.view || page->args.filter
        || ngx_http_websocket_message_is_event(message, page->buf))
    {
        return ngx_http_websocket_history_shown(log, page, message);
    }

    ngx_http_websocket_history_append(log, page, message,
                                      page->buf + message->meta,
                                      message->size - message->meta);

    return page->messages.failed ? NGX_ERROR : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_history_shown(ngx_log_t *log,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message)
{
    ngx_http_websocket_shown_e     rc;
    ngx_http_websocket_message_t  *whole, *shown;

    whole = ngx_http_websocket_message_read(message, page->buf, log);
    if (whole == NULL) {
        return NGX_ERROR;
    }

    shown = whole;
    rc = page->args.filter
         ? ngx_http_websocket_filters_pass(log, page->args.filter, whole)
         : NGX_HTTP_WEBSOCKET_SHOWN;

    if (rc == NGX_HTTP_WEBSOCKET_SHOWN) {
        rc = ngx_http_websocket_content_view(log, &shown, page->args.view);
    }

    if (rc == NGX_HTTP_WEBSOCKET_SHOWN) {
        ngx_http_websocket_history_append(log, page, message, shown->payload,
                                          shown->size);
    }

    ngx_http_websocket_message_release(whole);

    return rc == NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY || page->messages.failed
           ? NGX_ERROR : NGX_OK;
}


/*
 * Appends a message, a binary one's data in base64.  Refused memory is told by
 * the text's failed.
 */

static void
ngx_http_websocket_history_append(ngx_log_t *log,
    ngx_http_websocket_page_t *page, ngx_websocket_store_message_t *message,
    u_char *payload, size_t size)
{
    u_char     *p, head[sizeof(",{\"offset\":,\"time\":,\"type\":\"binary\","
                               "\"data\":\"") + 2 * NGX_INT64_LEN];
    ngx_str_t   bytes, base64;

    p = ngx_sprintf(head, "%s{\"offset\":%uL,\"time\":%uL,\"type\":\"%s\","
                    "\"data\":\"", page->count ? "," : "", message->offset,
                    ngx_http_websocket_clock_wall(message->time),
                    message->type == NGX_WEBSOCKET_TEXT ? "text" : "binary");

    ngx_websocket_json_append(&page->messages, head, p - head);

    if (message->type == NGX_WEBSOCKET_TEXT) {
        ngx_websocket_json_append_escaped(&page->messages, (char *) payload,
                                          size);

    } else {
        bytes.data = payload;
        bytes.len = size;

        base64.data = ngx_alloc(ngx_base64_encoded_length(size) + 1, log);
        if (base64.data == NULL) {
            page->messages.failed = 1;
            return;
        }

        ngx_encode_base64(&base64, &bytes);
        ngx_websocket_json_append(&page->messages, base64.data, base64.len);

        ngx_free(base64.data);
    }

    ngx_websocket_json_append(&page->messages, "\"}", 2);
    page->count++;
}


/* whether there were more messages when the page was begun */

static ngx_uint_t
ngx_http_websocket_history_more(ngx_http_websocket_page_t *page)
{
    return page->args.newest ? page->offset > page->info.first
                             : page->offset < page->info.offset;
}


static ngx_int_t
ngx_http_websocket_history_answer(ngx_http_request_t *r,
    ngx_http_websocket_page_t *page)
{
    u_char                      text[NGX_WEBSOCKET_POSITION_SIZE];
    size_t                      size;
    json_t                     *json;
    ngx_str_t                   body;
    ngx_http_websocket_ctx_t   *ctx;
    ngx_websocket_position_t    position;
    ngx_websocket_json_text_t  *answer;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    position.epoch = page->cursor.epoch;
    position.offset = page->offset;

    size = ngx_websocket_position_print(text, &position);

    json = ngx_http_websocket_history_channel(&ctx->channels[0], &page->info);
    ngx_http_websocket_history_add_details(json, &page->info);

    answer = &page->answer;

    if (json_object_set_new(json, "more",
                            json_boolean(ngx_http_websocket_history_more(
                                                                   page)))
        != 0
        || json_object_set_new(json, "recovered",
                               page->args.asked
                               ? json_boolean(page->recovered) : json_null())
           != 0
        || json_object_set_new(json, "position",
                               json_stringn((char *) text, size)) != 0)
    {
        answer->failed = 1;

    } else {
        ngx_websocket_json_append_value(answer, json);
    }

    json_decref(json);

    if (answer->failed || page->messages.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the messages take the place of the object's closing bracket */

    answer->size--;

    ngx_websocket_json_append(answer, ",\"messages\":[",
                              sizeof(",\"messages\":[") - 1);
    ngx_websocket_json_append(answer, page->messages.data,
                              page->messages.size);
    ngx_websocket_json_append(answer, "]}\n", sizeof("]}\n") - 1);

    if (answer->failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = (u_char *) answer->data;
    body.len = answer->size;

    return ngx_http_websocket_answer(r, NGX_HTTP_OK,
                                     &ngx_http_websocket_page_type, &body);
}


static ngx_int_t
ngx_http_websocket_history_presence(ngx_http_request_t *r, void *data)
{
    char                           *error;
    json_t                         *json, *page;
    ngx_uint_t                      limit;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_info_t      info;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->presence) {
        return ngx_http_websocket_answer_error(r, NGX_HTTP_FORBIDDEN,
                                               "presence_off",
                                               "the location does not have "
                                               "\"websocket_presence on\"");
    }

    error = ngx_http_websocket_history_limit(r, &limit);

    if (error) {
        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                               "invalid_limit", error);
    }

    if (ngx_http_websocket_zone_info(conf->zone, &ctx->channels[0], &info)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return ngx_http_websocket_history_not_found(r);
    }

    if (conf->zone->broker->roll) {
        return ngx_http_websocket_roll(r, limit);
    }

    page = ngx_http_websocket_history_members(r, limit);
    json = ngx_http_websocket_history_channel(&ctx->channels[0], &info);

    if (page == NULL
        || json_object_set_new(json, "members", json_integer(info.members))
           != 0
        || json_object_set(json, "presence", page) != 0)
    {
        json_decref(json);
        json = NULL;
    }

    json_decref(page);

    if (json == NULL && conf->zone->wait.stuck) {
        return ngx_http_websocket_history_not_found(r);
    }

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK, json);
}


/*
 * Returns the members who joined first, or NULL when memory was refused or the
 * zone is stuck.
 */

static json_t *
ngx_http_websocket_history_members(ngx_http_request_t *r, ngx_uint_t limit)
{
    int                             rc;
    json_t                         *page;
    uint32_t                        i, n;
    uint64_t                        id;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_member_t   *members;
    ngx_websocket_member_ref_t      ref;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    members = ngx_palloc(r->pool, NGX_HTTP_WEBSOCKET_MEMBERS
                                  * sizeof(ngx_websocket_store_member_t));
    page = json_array();

    ref = 0;
    id = 0;

    do {
        if (members == NULL || page == NULL) {
            json_decref(page);
            return NULL;
        }

        n = ngx_min(limit - json_array_size(page), NGX_HTTP_WEBSOCKET_MEMBERS);

        rc = ngx_http_websocket_zone_members(conf->zone, &ctx->channels[0],
                                             &ref, &id, members, &n);

        if (rc == NGX_WEBSOCKET_STORE_BUSY) {
            (void) ngx_pfree(r->pool, members);
            json_decref(page);
            return NULL;
        }

        if (rc == NGX_WEBSOCKET_STORE_GAP) {

            /*
             * The member at which the reading goes on has left meanwhile: the
             * reading begins again.
             */

            json_array_clear(page);
            ref = 0;
            rc = NGX_WEBSOCKET_STORE_OK;
            continue;
        }

        for (i = 0; rc != NGX_WEBSOCKET_STORE_NOTFOUND && i < n; i++) {
            if (json_array_append_new(page,
                                 ngx_http_websocket_history_member(&members[i]))
                != 0)
            {
                json_decref(page);
                return NULL;
            }
        }

    } while (rc == NGX_WEBSOCKET_STORE_OK && json_array_size(page) < limit);

    return page;
}


json_t *
ngx_http_websocket_history_member(ngx_websocket_store_member_t *member)
{
    ngx_websocket_meta_t        meta;
    ngx_websocket_meta_part_t  *user, *client;

    (void) ngx_websocket_meta_read(member->data, member->size, &meta);

    user = &meta.parts[NGX_WEBSOCKET_META_USER];
    client = &meta.parts[NGX_WEBSOCKET_META_CLIENT];

    return json_pack("{s:o,s:s%,s:I}",
                     "from", user->data
                             ? json_stringn((char *) user->data, user->size)
                             : json_null(),
                     "session", client->data, client->size,
                     "since", (json_int_t)
                              ngx_http_websocket_clock_wall(member->time));
}


ngx_int_t
ngx_http_websocket_history_delete(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return ngx_http_websocket_fetch(r, conf->zone->broker->remove,
                                    ngx_http_websocket_history_deleted);
}


static ngx_int_t
ngx_http_websocket_history_deleted(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_str_t                      *name;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    name = &ctx->channels[0];

    if (rc == NGX_HTTP_WEBSOCKET_FETCH_AWAY && !conf->zone->wait.stuck) {
        return ngx_http_websocket_broker_away(r);
    }

    if (rc != NGX_OK) {
        return ngx_http_websocket_history_not_found(r);
    }

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK,
                               json_pack("{s:s%,s:b}", "channel", name->data,
                                         name->len, "deleted", 1));
}


json_t *
ngx_http_websocket_history_channel(ngx_str_t *name,
    ngx_websocket_store_info_t *info)
{
    u_char   epoch[NGX_WEBSOCKET_POSITION_EPOCH];
    json_t  *json;

    ngx_websocket_position_print_epoch(epoch, info->epoch);

    json = json_pack("{s:s%,s:s%,s:I,s:i}", "channel", name->data, name->len,
                     "epoch", epoch, (size_t) NGX_WEBSOCKET_POSITION_EPOCH,
                     "offset", (json_int_t) info->offset,
                     "subscribers", (int) info->subscribers);

    if (info->ended) {
        (void) json_object_set_new(json, "end", json_true());
    }

    return json;
}


/* adds what only the answer to a GET tells; json may be NULL */

static void
ngx_http_websocket_history_add_details(json_t *json,
    ngx_websocket_store_info_t *info)
{
    (void) json_object_set_new(json, "history",
                               json_integer((json_int_t) info->length));
    (void) json_object_set_new(json, "first",
                               json_integer((json_int_t) info->first));
    (void) json_object_set_new(json, "published",
                               info->published
                               ? json_integer((json_int_t)
                                ngx_http_websocket_clock_wall(info->published))
                               : json_null());
}


/*
 * The channel does not exist, or the zone is stuck and cannot tell whether it
 * does.
 */

ngx_int_t
ngx_http_websocket_history_not_found(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->zone->wait.stuck) {
        return ngx_http_websocket_await_or_refuse(r,
                                            r->method == NGX_HTTP_DELETE
                                            ? ngx_http_websocket_history_delete
                                            : ngx_http_websocket_history_get);
    }

    return ngx_http_websocket_answer_error(r, NGX_HTTP_NOT_FOUND,
                                           "channel_not_found",
                                           "the channel does not exist");
}
