
/*
 * Who is there, on all nodes: each node has its own members in the zone, and
 * the server has all of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_PRESENCE_H
#define NGX_HTTP_WEBSOCKET_REMOTE_PRESENCE_H


#include "broker/ngx_http_websocket_remote.h"
#include "broker/ngx_http_websocket_remote_publish.h"


/* These are as in ngx_http_websocket_broker_t. */

ngx_int_t ngx_http_websocket_remote_join(ngx_http_websocket_subscription_t *s,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p);
void ngx_http_websocket_remote_leave(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message);
ngx_uint_t ngx_http_websocket_remote_reap_members(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message);

/*
 * A member of this node leaves, or, where node is not NULL, of that one, which
 * is being buried.  Returns NGX_OK, and done will be called with data as that
 * of a publish; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_remote_part(ngx_http_websocket_remote_t *remote,
    u_char *node, ngx_websocket_store_name_t *name,
    ngx_websocket_store_member_t *member,
    ngx_http_websocket_leave_message_pt leave_message,
    void (*done)(ngx_http_websocket_publish_t *p), void *data);

/*
 * Writes a member as the server has it to value, of
 * NGX_HTTP_WEBSOCKET_REMOTE_VALUE bytes.  Returns how many were written.
 */
size_t ngx_http_websocket_remote_member_write(u_char *value,
    ngx_websocket_store_member_t *member);

/*
 * Reads a member of a field, which ends with its session, and its value.
 * Returns NGX_OK, or NGX_ERROR when it is none.
 */
ngx_int_t ngx_http_websocket_remote_member_read(
    ngx_websocket_resp_value_t *field, ngx_websocket_resp_value_t *value,
    ngx_websocket_store_member_t *member);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_PRESENCE_H */
