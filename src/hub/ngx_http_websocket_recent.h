
/*
 * Messages of histories that were read just now: other subscribers that catch
 * up from the same place are given the same objects, with their parsed content
 * and their frames.
 */


#ifndef NGX_HTTP_WEBSOCKET_RECENT_H
#define NGX_HTTP_WEBSOCKET_RECENT_H


#include "delivery/ngx_http_websocket_message.h"


/*
 * Returns the message of that epoch, channel and offset, which the caller
 * releases as it would a new one; NULL when it is not kept.
 */
ngx_http_websocket_message_t *ngx_http_websocket_recent_find(uint64_t epoch,
    ngx_websocket_channel_ref_t channel, uint64_t offset);

/* Keeps a message, in place of others. */
void ngx_http_websocket_recent_keep(ngx_http_websocket_message_t *message);

/* Drops all that are kept. */
void ngx_http_websocket_recent_forget(void);


#endif /* NGX_HTTP_WEBSOCKET_RECENT_H */
