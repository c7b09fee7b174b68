
/*
 * Messages of the history that were read just now: others who catch up, and
 * are at the same place, are given the same ones, with what was found in them
 * and the frames that were made of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_RECENT_H
#define NGX_HTTP_WEBSOCKET_RECENT_H


#include "delivery/ngx_http_websocket_message.h"


/*
 * Returns the message of that epoch, channel and offset, to be released as a
 * new one is; NULL when it is not among them.
 */
ngx_http_websocket_message_t *ngx_http_websocket_recent_find(uint64_t epoch,
    ngx_websocket_channel_ref_t channel, uint64_t offset);

/* Keeps a message, in place of others. */
void ngx_http_websocket_recent_keep(ngx_http_websocket_message_t *message);

/* Keeps none any more. */
void ngx_http_websocket_recent_forget(void);


#endif /* NGX_HTTP_WEBSOCKET_RECENT_H */
