
#include "hub/ngx_http_websocket_recent.h"


/*
 * A message has one place, by its offset, so that the messages of a batch do
 * not replace each other.  The parsed content of a message may take many times
 * its size.
 */

#define NGX_HTTP_WEBSOCKET_RECENT       256             /* a power of two */
#define NGX_HTTP_WEBSOCKET_RECENT_SIZE  (128 * 1024)    /* bytes in all */


typedef struct {
    ngx_http_websocket_message_t  *messages[NGX_HTTP_WEBSOCKET_RECENT];
    size_t                         size;        /* of them */
    ngx_uint_t                     hand;        /* the next message to be
                                                   dropped */
} ngx_http_websocket_recent_t;


static ngx_http_websocket_message_t **ngx_http_websocket_recent_place(
    uint64_t offset);
static void ngx_http_websocket_recent_drop(
    ngx_http_websocket_message_t **place);


static ngx_http_websocket_recent_t  ngx_http_websocket_recent;


ngx_http_websocket_message_t *
ngx_http_websocket_recent_find(uint64_t epoch,
    ngx_websocket_channel_ref_t channel, uint64_t offset)
{
    ngx_http_websocket_message_t  *message;

    message = *ngx_http_websocket_recent_place(offset);

    if (message == NULL || message->offset != offset
        || message->epoch != epoch || message->frame.channel != channel)
    {
        return NULL;
    }

    message->holders++;

    return message;
}


static ngx_http_websocket_message_t **
ngx_http_websocket_recent_place(uint64_t offset)
{
    return &ngx_http_websocket_recent.messages[
                                   offset & (NGX_HTTP_WEBSOCKET_RECENT - 1)];
}


void
ngx_http_websocket_recent_keep(ngx_http_websocket_message_t *message)
{
    ngx_http_websocket_recent_t    *recent;
    ngx_http_websocket_message_t  **place;

    recent = &ngx_http_websocket_recent;

    if (message->size > NGX_HTTP_WEBSOCKET_RECENT_SIZE / 2) {
        return;
    }

    place = ngx_http_websocket_recent_place(message->offset);
    ngx_http_websocket_recent_drop(place);

    while (recent->size + message->size > NGX_HTTP_WEBSOCKET_RECENT_SIZE) {
        ngx_http_websocket_recent_drop(
                     ngx_http_websocket_recent_place(recent->hand++));
    }

    *place = message;
    message->holders++;
    recent->size += message->size;
}


static void
ngx_http_websocket_recent_drop(ngx_http_websocket_message_t **place)
{
    ngx_http_websocket_message_t  *message;

    message = *place;

    if (message == NULL) {
        return;
    }

    *place = NULL;
    ngx_http_websocket_recent.size -= message->size;

    ngx_http_websocket_message_release(message);
}


void
ngx_http_websocket_recent_forget(void)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_RECENT; i++) {
        ngx_http_websocket_recent_drop(ngx_http_websocket_recent_place(i));
    }
}
