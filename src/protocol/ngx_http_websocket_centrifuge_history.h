
/*
 * Histories of channels, as clients of Centrifugo's protocol read them.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_HISTORY_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_HISTORY_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* As an ngx_http_websocket_command_pt. */
ngx_int_t ngx_http_websocket_centrifuge_history(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);

/* a reply that is being made: zeros at first */

typedef struct {
    const ngx_websocket_codec_t  *codec;
    ngx_str_t                     name;         /* of the channel */
    ngx_websocket_store_info_t    info;
    ngx_websocket_json_text_t     list;
    ngx_uint_t                    limit;
    ngx_uint_t                    count;
    size_t                        bytes;
    uint64_t                      first;        /* the offset to begin at */
    u_char                        epoch[NGX_WEBSOCKET_POSITION_EPOCH];
} ngx_http_websocket_centrifuge_page_t;


/*
 * Makes the page that a command wants of the channel, of which it has limit,
 * since, reverse, epoch and offset.  Returns NGX_OK with the reply set, perhaps
 * to an error: what it refers to is valid until the page's list is freed, also
 * then; or NGX_AGAIN when the zone is stuck.
 */
ngx_int_t ngx_http_websocket_centrifuge_page(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_page_t *page,
    const ngx_websocket_command_t *command, ngx_websocket_reply_t *reply);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_HISTORY_H */
