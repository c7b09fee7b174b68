
#include "protocol/ngx_http_websocket_centrifuge_history.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"


/* bytes of messages in a reply: less than a turn's work */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_BYTES  262144


static ngx_websocket_error_e ngx_http_websocket_centrifuge_history_refuses(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel);
static ngx_websocket_error_e ngx_http_websocket_centrifuge_page_begin(
    ngx_http_websocket_centrifuge_page_t *page,
    const ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_page_read(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page);
static ngx_int_t ngx_http_websocket_centrifuge_page_back(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page);
static int ngx_http_websocket_centrifuge_page_batch(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_cursor_t *cursor, ngx_uint_t n);
static int ngx_http_websocket_centrifuge_page_large(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_cursor_t *cursor, size_t size);
static void ngx_http_websocket_centrifuge_page_add(
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_message_t *message, u_char *p);


ngx_int_t
ngx_http_websocket_centrifuge_history(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                                rc;
    ngx_websocket_error_e                    error;
    ngx_websocket_reply_t                    reply;
    ngx_http_websocket_centrifuge_page_t     page;
    ngx_http_websocket_centrifuge_channel_t  channel;

    rc = ngx_http_websocket_centrifuge_channel(s, command, &channel);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    error = ngx_http_websocket_centrifuge_history_refuses(s, &channel);

    if (error) {
        return ngx_http_websocket_centrifuge_error(s, command, error);
    }

    ngx_memzero(&page, sizeof(ngx_http_websocket_centrifuge_page_t));

    page.codec = ngx_http_websocket_centrifuge_codec(s);
    page.name = channel.name;

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    rc = ngx_http_websocket_centrifuge_page(s->conf->zone, &page, command,
                                            &reply);
    if (rc == NGX_OK) {
        rc = reply.error
             ? ngx_http_websocket_centrifuge_error(s, command, reply.error)
             : ngx_http_websocket_centrifuge_answer(s, &reply);
    }

    ngx_websocket_json_text_done(&page.list);

    return rc;
}


ngx_int_t
ngx_http_websocket_centrifuge_page(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    const ngx_websocket_command_t *command, ngx_websocket_reply_t *reply)
{
    ngx_int_t  rc;

    if (ngx_http_websocket_zone_info(zone, &page->name, &page->info)
        == NGX_WEBSOCKET_STORE_BUSY)
    {
        return NGX_AGAIN;
    }

    reply->error = ngx_http_websocket_centrifuge_page_begin(page, command);

    if (reply->error) {
        return NGX_OK;
    }

    rc = command->reverse ? ngx_http_websocket_centrifuge_page_back(zone, page)
                          : ngx_http_websocket_centrifuge_page_read(zone,
                                                                    page);
    if (page->list.failed) {
        reply->error = NGX_WEBSOCKET_ERROR_INTERNAL;
    }

    reply->list.data = page->list.data;
    reply->list.size = page->list.size;
    reply->offset = page->info.offset;

    if (page->info.epoch) {
        ngx_websocket_position_print_epoch(page->epoch, page->info.epoch);

        reply->epoch.data = (char *) page->epoch;
        reply->epoch.size = NGX_WEBSOCKET_POSITION_EPOCH;
    }

    return rc;
}


static ngx_websocket_error_e
ngx_http_websocket_centrifuge_history_refuses(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    if (channel->ns->history.length == 0) {
        return NGX_WEBSOCKET_ERROR_NOT_AVAILABLE;
    }

    return ngx_http_websocket_centrifuge_may(s, channel,
                                             channel->ns->history_access)
           ? 0 : NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
}


/*
 * takes the command's limit and position: without a limit only the position is
 * told
 */

static ngx_websocket_error_e
ngx_http_websocket_centrifuge_page_begin(
    ngx_http_websocket_centrifuge_page_t *page,
    const ngx_websocket_command_t *command)
{
    u_char  epoch[NGX_WEBSOCKET_POSITION_EPOCH];

    page->limit = command->limit < 0
                  ? NGX_HTTP_WEBSOCKET_CENTRIFUGE_PAGE
                  : ngx_min((ngx_uint_t) command->limit,
                            NGX_HTTP_WEBSOCKET_CENTRIFUGE_PAGE);

    page->first = command->reverse ? page->info.offset : page->info.first;

    if (!command->since) {
        return 0;
    }

    ngx_websocket_position_print_epoch(epoch, page->info.epoch);

    if (command->epoch.size
        && (command->epoch.size != NGX_WEBSOCKET_POSITION_EPOCH
            || ngx_memcmp(command->epoch.data, epoch,
                          NGX_WEBSOCKET_POSITION_EPOCH)
               != 0))
    {
        return NGX_WEBSOCKET_ERROR_UNRECOVERABLE;
    }

    if (command->reverse) {

        if (command->offset == 0) {
            return NGX_WEBSOCKET_ERROR_BAD_REQUEST;
        }

        page->first = ngx_min(page->first, command->offset - 1);

    } else if (command->offset < page->info.offset) {
        page->first = ngx_max(page->first, command->offset + 1);

    } else {
        page->first = page->info.offset + 1;
    }

    return 0;
}


/* NGX_AGAIN when the zone is stuck, else NGX_OK */

static ngx_int_t
ngx_http_websocket_centrifuge_page_read(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page)
{
    int                           rc;
    ngx_websocket_store_cursor_t  cursor;
    ngx_websocket_store_info_t    info;

    if (page->limit == 0) {
        return NGX_OK;
    }

    /*
     * if the oldest messages have gone meanwhile, the page begins behind them
     */

    rc = ngx_http_websocket_zone_seek(zone, &page->name, page->first, &cursor,
                                      &info);

    while (rc == NGX_WEBSOCKET_STORE_OK && page->count < page->limit
           && page->bytes < NGX_HTTP_WEBSOCKET_CENTRIFUGE_BYTES)
    {
        rc = ngx_http_websocket_centrifuge_page_batch(zone, page, &cursor,
                                                    page->limit - page->count);
    }

    return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_OK;
}


/* the newest first */

static ngx_int_t
ngx_http_websocket_centrifuge_page_back(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page)
{
    int                           rc;
    uint64_t                      offset;
    ngx_websocket_store_cursor_t  cursor;
    ngx_websocket_store_info_t    info;

    rc = NGX_WEBSOCKET_STORE_OK;

    for (offset = page->first;
         offset && offset >= page->info.first && page->count < page->limit
         && page->bytes < NGX_HTTP_WEBSOCKET_CENTRIFUGE_BYTES;
         offset--)
    {
        rc = ngx_http_websocket_zone_seek(zone, &page->name, offset, &cursor,
                                          &info);

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            rc = ngx_http_websocket_centrifuge_page_batch(zone, page, &cursor,
                                                          1);
        }

        if (rc != NGX_WEBSOCKET_STORE_OK && rc != NGX_WEBSOCKET_STORE_EMPTY) {
            break;
        }
    }

    return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_OK;
}


/*
 * reads up to n messages more; returns what ended the reading, OK when there
 * may be others
 */

static int
ngx_http_websocket_centrifuge_page_batch(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_cursor_t *cursor, ngx_uint_t n)
{
    int                             rc;
    u_char                         *p;
    ngx_uint_t                      i;
    ngx_websocket_store_message_t  *messages;

    n = ngx_min(n, NGX_HTTP_WEBSOCKET_BATCH);
    p = ngx_http_websocket_hub_buffer;
    messages = ngx_http_websocket_hub_messages;

    rc = ngx_http_websocket_zone_read(zone, cursor, messages, &n, p,
                                      NGX_HTTP_WEBSOCKET_BATCH_SIZE);

    if (rc == NGX_WEBSOCKET_STORE_SHORT && n == 0) {
        return ngx_http_websocket_centrifuge_page_large(zone, page, cursor,
                                                        messages[0].size);
    }

    for (i = 0; i < n; i++) {
        ngx_http_websocket_centrifuge_page_add(page, &messages[i], p);
        p += messages[i].size;
    }

    return rc == NGX_WEBSOCKET_STORE_SHORT ? NGX_WEBSOCKET_STORE_OK : rc;
}


static int
ngx_http_websocket_centrifuge_page_large(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_cursor_t *cursor, size_t size)
{
    int                            rc;
    u_char                        *buf;
    ngx_uint_t                     n;
    ngx_websocket_store_message_t  message;

    buf = ngx_alloc(size, ngx_cycle->log);

    if (buf == NULL) {
        page->list.failed = 1;
        return NGX_WEBSOCKET_STORE_EMPTY;
    }

    n = 1;
    rc = ngx_http_websocket_zone_read(zone, cursor, &message, &n, buf, size);

    if (rc == NGX_WEBSOCKET_STORE_OK && n) {
        ngx_http_websocket_centrifuge_page_add(page, &message, buf);
    }

    ngx_free(buf);

    return rc;
}


static void
ngx_http_websocket_centrifuge_page_add(
    ngx_http_websocket_centrifuge_page_t *page,
    ngx_websocket_store_message_t *message, u_char *p)
{
    ngx_uint_t                   event;
    ngx_websocket_publication_t  publication;

    ngx_http_websocket_turn_worked(1 + message->size / 1024);

    page->bytes += message->size;

    event = ngx_http_websocket_centrifuge_publication(page->codec,
                                              &publication, message->type, p,
                                              message->meta, p + message->meta,
                                              message->size - message->meta);

    if (event) {
        return;
    }

    if (publication.data.data == NULL) {
        page->list.failed = 1;
        return;
    }

    page->count++;
    publication.offset = message->offset;

    page->codec->publication(&page->list, &publication);
}
