
/*
 * A connection to a Redis or Valkey server, on nginx's own: made again when it
 * is lost, with pauses that grow.  Commands are written together at the end of
 * the turn in which they were given, and answered in their order.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_H
#define NGX_HTTP_WEBSOCKET_REDIS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>

#include "broker/resp.h"
#include "broker/scripts.h"
#include "conf/ngx_http_websocket_conf.h"


/* the most bytes of a name that a Sentinel tells, and its end */
#define NGX_HTTP_WEBSOCKET_REDIS_HOST  256

/* errors of different kinds that are told within a minute */
#define NGX_HTTP_WEBSOCKET_REDIS_REASONS  8


typedef struct ngx_http_websocket_redis_s    ngx_http_websocket_redis_t;
typedef struct ngx_http_websocket_command_s  ngx_http_websocket_command_t;

/*
 * value is valid during the call, and NULL when the connection was lost, or
 * the server did not answer in time: whether the command was executed is not
 * known then.
 */
typedef void (*ngx_http_websocket_reply_pt)(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);


/* a command on its way: its memory is freed when it was answered */

struct ngx_http_websocket_command_s {
    ngx_queue_t                   queue;
    ngx_http_websocket_reply_pt   reply;    /* NULL: it has none */
    void                         *data;     /* the caller's */
    ngx_str_t                     body;     /* the caller's, until the reply; of
                                               length 0 there is none */
    u_char                       *at;       /* before which it is written */
    u_char                       *last;     /* of what is to be written */
    u_char                        text[1];
};


typedef struct {
    void                        (*up)(ngx_http_websocket_redis_t *redis);
    void                        (*down)(ngx_http_websocket_redis_t *redis);

    /* what is no command's reply: of a connection that subscribes; or NULL */
    void                        (*push)(ngx_http_websocket_redis_t *redis,
                                     ngx_websocket_resp_value_t *value);

    /* the worker shuts down; or NULL */
    void                        (*quit)(ngx_http_websocket_redis_t *redis);
} ngx_http_websocket_redis_handlers_t;


struct ngx_http_websocket_redis_s {
    ngx_http_websocket_broker_conf_t           *conf;
    const ngx_http_websocket_redis_handlers_t  *handlers;
    void                         *data;     /* the owner's */
    ngx_log_t                    *log;

    ngx_connection_t             *connection;   /* NULL: there is none */
    ngx_peer_connection_t         peer;
    ngx_websocket_resp_t         *resp;
    ngx_uint_t                    turn;     /* of hosts and their addresses */

    /* the master that a Sentinel has named; an empty host: none was */

    ngx_http_websocket_broker_host_t  master;
    u_char                        master_text[NGX_HTTP_WEBSOCKET_REDIS_HOST
                                              + sizeof(":65535")];
    u_char                        master_host[NGX_HTTP_WEBSOCKET_REDIS_HOST];

    /* where it connects to */

    ngx_sockaddr_t                sockaddr;
    ngx_str_t                     name;
    u_char                        text[NGX_SOCKADDR_STRLEN];
    ngx_resolver_ctx_t           *resolving;    /* NULL: it does not wait for
                                                   the address */

    ngx_queue_t                   unsent;
    size_t                        written;  /* bytes, of the first of them */
    ngx_queue_t                   sent;
    ngx_event_t                   flush;

    ngx_event_t                   retry;
    ngx_connection_t              dummy;
    ngx_uint_t                    failed;   /* times in a row */
    time_t                        told;     /* when the first error was */
    uint32_t                      reasons[NGX_HTTP_WEBSOCKET_REDIS_REASONS];
                                            /* hashes of those that were told */
    ngx_err_t                     error;    /* the system's, to be told */

    /* what the server said of itself */

    u_char                        generation[16];
    u_char                        sha[NGX_WEBSOCKET_SCRIPTS][40];

    unsigned                      scripts:1;    /* it is to know them */
    unsigned                      watch:1;      /* it stays with a Sentinel */
    unsigned                      known:1;      /* its generation is */
    unsigned                      up:1;
    unsigned                      ended:1;      /* it is not made again */
};


/* Prepares a connection, whose members up to log are set, and makes it. */
void ngx_http_websocket_redis_start(ngx_http_websocket_redis_t *redis);

/* Ends it for good: commands are answered with NULL. */
void ngx_http_websocket_redis_stop(ngx_http_websocket_redis_t *redis);

/* The address is known, or has come: the connection is made. */
void ngx_http_websocket_redis_dial(ngx_http_websocket_redis_t *redis);

/* TLS is done, where it is asked for: the connection is used. */
void ngx_http_websocket_redis_ready(ngx_http_websocket_redis_t *redis);

/* A Sentinel has named redis->master: the connection to that is made. */
void ngx_http_websocket_redis_found(ngx_http_websocket_redis_t *redis);

/* The other side is what it is to be: it is of use. */
void ngx_http_websocket_redis_welcome(ngx_http_websocket_redis_t *redis);

/* How long it is waited for: time, or less where another Sentinel may be. */
ngx_msec_t ngx_http_websocket_redis_patience(
    ngx_http_websocket_redis_t *redis, ngx_msec_t time);

/* What it is connected to, or was told to be. */
ngx_http_websocket_broker_host_t *ngx_http_websocket_redis_host(
    ngx_http_websocket_redis_t *redis);

/* It is of no use: it is made again. */
void ngx_http_websocket_redis_fail(ngx_http_websocket_redis_t *redis,
    const char *reason);

/*
 * Allocates a command of up to size bytes, with a reply handler or NULL.
 * Returns it with last at its beginning, or NULL when memory was refused.
 */
ngx_http_websocket_command_t *ngx_http_websocket_redis_command(
    ngx_http_websocket_redis_t *redis, size_t size,
    ngx_http_websocket_reply_pt reply, void *data);

/* Gives the command, when it was written until last. */
void ngx_http_websocket_redis_send(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command);

/*
 * Begins an EVALSHA with so many keys and arguments; the most bytes that it
 * takes for itself.
 */
u_char *ngx_http_websocket_redis_script(ngx_http_websocket_redis_t *redis,
    u_char *p, ngx_websocket_script_e script, size_t keys, size_t args);

#define NGX_HTTP_WEBSOCKET_REDIS_SCRIPT                                       \
    (NGX_WEBSOCKET_RESP_HEADER + ngx_websocket_resp_bulk_size(7)              \
     + ngx_websocket_resp_bulk_size(40) + NGX_WEBSOCKET_RESP_NUMBER)

/* A bulk string of the prefix, kind and name: a key, or where to publish. */
u_char *ngx_http_websocket_redis_key(ngx_http_websocket_redis_t *redis,
    u_char *p, const char *kind, ngx_str_t *name);

/* How many bytes that takes at most, with a kind of up to 8 bytes. */
size_t ngx_http_websocket_redis_key_size(ngx_http_websocket_redis_t *redis,
    ngx_str_t *name);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_H */
