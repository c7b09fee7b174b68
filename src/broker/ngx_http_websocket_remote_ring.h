
/*
 * What this node has published of late, as the server took it: in shared
 * memory, as the zone need not have it.  When the server has lost it, it is
 * brought back from here.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_RING_H
#define NGX_HTTP_WEBSOCKET_REMOTE_RING_H


#include "broker/ngx_http_websocket_remote.h"


/* a message, or the deletion of a channel */

typedef struct {
    uint32_t                      size;     /* of all that is kept of it */
    uint32_t                      content;  /* bytes, as of the script BRING */
    uint64_t                      time;     /* when it was kept, ms */
    uint64_t                      epoch;
    uint64_t                      offset;
    uint64_t                      key[2];   /* of idempotency; or zeros */
    uint64_t                      keep;     /* the key, ms */
    uint64_t                      length;   /* of the stream */
    uint64_t                      ttl;      /* of the stream, ms */
    uint32_t                      name;     /* bytes of the channel's; 0: it is
                                               nothing */
    uint32_t                      partly;   /* 1: its content is not whole */
} ngx_http_websocket_ring_entry_t;


/* How many bytes of memory it takes in a zone of that size. */
size_t ngx_http_websocket_remote_ring_size(size_t zone);

/*
 * Keeps what entry tells, whose content is head and text one after the other.
 * What is too large is not kept.
 */
void ngx_http_websocket_remote_ring_keep(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_ring_entry_t *entry, ngx_str_t *channel,
    ngx_str_t *head, ngx_str_t *text);

/*
 * Reads what is at *position, which is 0 for the first one, and advances it.
 * Sets *entry, the channel's name, and *at to the place of its content.
 * Returns NGX_OK; NGX_DONE when there is no more; NGX_BUSY.
 */
ngx_int_t ngx_http_websocket_remote_ring_next(
    ngx_http_websocket_remote_t *remote, uint64_t *position,
    ngx_http_websocket_ring_entry_t *entry, ngx_websocket_store_name_t *name,
    uint64_t *at);

/*
 * Copies the content.  Returns NGX_OK; NGX_DECLINED when it is gone; NGX_BUSY.
 */
ngx_int_t ngx_http_websocket_remote_ring_read(
    ngx_http_websocket_remote_t *remote, uint64_t at, u_char *buf,
    size_t size);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_RING_H */
