
/*
 * Publishing through the server: messages of a turn go in one command, and
 * complete when they have their places.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_REMOTE_PUBLISH_H


#include "broker/ngx_http_websocket_remote.h"
#include "broker/ngx_http_websocket_remote_ring.h"


/* For a worker that begins. */
void ngx_http_websocket_remote_publish_init(
    ngx_http_websocket_remote_t *remote);

/* As publish() of ngx_http_websocket_broker_t. */
ngx_int_t ngx_http_websocket_remote_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p);

/* As remove() of it. */
ngx_int_t ngx_http_websocket_remote_remove(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f);

/* a change of a channel's members, on all nodes */

#define NGX_HTTP_WEBSOCKET_REMOTE_NODE   16      /* digits of a node's number */
#define NGX_HTTP_WEBSOCKET_REMOTE_VALUE  (9 + NGX_WEBSOCKET_STORE_MEMBER_SIZE)

typedef struct {
    u_char                        op;       /* j, l, b: of the script MEMBER */
    u_char                        node[NGX_HTTP_WEBSOCKET_REMOTE_NODE];
    uint64_t                      id;       /* of the member */
    ngx_str_t                     channel;  /* its name */
    size_t                        size;     /* of value */
    u_char                        value[NGX_HTTP_WEBSOCKET_REMOTE_VALUE];
} ngx_http_websocket_change_t;

/*
 * Changes a member, and with it publishes a message, or none where p->n is 0:
 * as ngx_http_websocket_remote_publish(), but in any case it is tried for as
 * long as a message waits for the server.
 */
ngx_int_t ngx_http_websocket_remote_change(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_publish_t *p, ngx_http_websocket_change_t *change);

/* A generation has begun: what is known of channels may not be so any more. */
void ngx_http_websocket_remote_forget(ngx_http_websocket_remote_t *remote);

/*
 * Sets key to a hash of a publisher's idempotency key that is the same on all
 * nodes.
 */
void ngx_http_websocket_remote_key(ngx_str_t *data, uint64_t key[2]);

/* The server's key for that one of a channel, as a bulk string. */
u_char *ngx_http_websocket_remote_key_name(ngx_http_websocket_redis_t *redis,
    u_char *p, ngx_str_t *channel, uint64_t key[2]);

/*
 * What the server keeps of a channel whose history has so many messages and
 * seconds: sets length, ttl and keep of *entry.
 */
void ngx_http_websocket_remote_stream(ngx_http_websocket_remote_t *remote,
    uint32_t length, uint32_t time, ngx_http_websocket_ring_entry_t *entry);

/*
 * Makes of a payload the message that it is: sets p->message, but for its
 * offset, p->parts, which has room for three, p->n and p->history, which is
 * history or NULL.
 */
void ngx_http_websocket_remote_open(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_history_t *history,
    const ngx_websocket_envelope_t *envelope, const u_char *payload,
    size_t size);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_PUBLISH_H */
