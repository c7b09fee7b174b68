
/*
 * Members that stay in their channels for a while after their sessions have
 * ended: a page that is loaded anew is there again before it has left.
 */


#ifndef NGX_HTTP_WEBSOCKET_LINGER_H
#define NGX_HTTP_WEBSOCKET_LINGER_H


#include "hub/ngx_http_websocket_hub.h"


/* In init_process. */
void ngx_http_websocket_linger_init(ngx_cycle_t *cycle);

/*
 * Takes a member that leaves after so many milliseconds, with the message that
 * leave_message makes.  The worker's slot is held as long.  Of too many
 * members the first one leaves now.  Returns NGX_OK, or NGX_DECLINED when the
 * member is to leave at once: memory was refused, the slot is wanted, or
 * nginx quits.
 */
ngx_int_t ngx_http_websocket_linger(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_msec_t delay,
    ngx_http_websocket_leave_message_pt leave_message);

/* All leave now, as many as the turns allow. */
void ngx_http_websocket_linger_end(void);


#endif /* NGX_HTTP_WEBSOCKET_LINGER_H */
