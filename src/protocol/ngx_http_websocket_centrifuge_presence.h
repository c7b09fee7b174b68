
/*
 * Who is there: the presence of channels in Centrifugo's protocol.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* a reply to a presence, or presence_stats, that is being made: zeros at first */

typedef struct {
    const ngx_websocket_codec_t  *codec;
    ngx_websocket_json_text_t     list;
    json_t                       *users;        /* NULL: a list is made, else
                                                   numbers */
    ngx_uint_t                    count;
    ngx_uint_t                    failed;
} ngx_http_websocket_centrifuge_crowd_t;


/* the members that it may have */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_CROWD  4096

/* Begins a list, or with stats set, numbers; to be freed. */
void ngx_http_websocket_centrifuge_crowd_init(
    ngx_http_websocket_centrifuge_crowd_t *crowd,
    const ngx_websocket_codec_t *codec, ngx_uint_t stats);
void ngx_http_websocket_centrifuge_crowd_free(
    ngx_http_websocket_centrifuge_crowd_t *crowd);

/* Adds one member. */
void ngx_http_websocket_centrifuge_crowd_add(
    ngx_http_websocket_centrifuge_crowd_t *crowd,
    ngx_websocket_store_member_t *member);

/*
 * Adds those of a channel that the zone has.  Returns what ended it: EMPTY, or
 * NOTFOUND; OK when there are more than CROWD; GAP, or BUSY.
 */
int ngx_http_websocket_centrifuge_crowd_read(ngx_http_websocket_zone_t *zone,
    ngx_str_t *channel, ngx_http_websocket_centrifuge_crowd_t *crowd);

/*
 * Sets the reply's list and numbers, which are valid as long as the crowd is,
 * or its error: rc is of crowd_read() where that is not BUSY, and max the
 * bytes that a list may have.
 */
void ngx_http_websocket_centrifuge_crowd_reply(
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc, size_t max,
    ngx_websocket_reply_t *reply);

/* Both commands, as an ngx_http_websocket_command_pt. */
ngx_int_t ngx_http_websocket_centrifuge_presence(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);

/*
 * The client is listed in the channel of its subscription, and others are
 * told, as its namespace has it.  Returns NGX_OK, or NGX_AGAIN when the zone
 * is stuck: then nothing was done.
 */
ngx_int_t ngx_http_websocket_centrifuge_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRESENCE_H */
