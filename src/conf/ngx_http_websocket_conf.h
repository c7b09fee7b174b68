
/*
 * The module's configuration, as the directives leave it and as the layers
 * below read it.
 */


#ifndef NGX_HTTP_WEBSOCKET_MODULE_H
#define NGX_HTTP_WEBSOCKET_MODULE_H


#include <ndk.h>
#include <ngx_http.h>

#include "hub/ngx_http_websocket_stats.h"
#include "hub/ngx_http_websocket_zone.h"
#include "conf/ngx_http_websocket_conf_limits.h"
#include "conf/ngx_http_websocket_conf_types.h"
#include "wire/deflate.h"


/* a function that would only burden its caller's fast path if inlined */
#define ngx_http_websocket_noinline  __attribute__((noinline))


typedef enum {
    NGX_HTTP_WEBSOCKET_OFF = 0,
    NGX_HTTP_WEBSOCKET_BIDIRECTIONAL,
    NGX_HTTP_WEBSOCKET_RESULT,
    NGX_HTTP_WEBSOCKET_PAYLOAD,
    NGX_HTTP_WEBSOCKET_ECHO
} ngx_http_websocket_mode_e;


/* what happens when a send queue is full */

typedef enum {
    NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE = 0,
    NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST,
    NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE
} ngx_http_websocket_overflow_e;


#define NGX_HTTP_WEBSOCKET_JOIN   0x0002
#define NGX_HTTP_WEBSOCKET_LEAVE  0x0004


/* sessions of a location whose frames wait for more to be written with */

typedef struct {
    ngx_msec_t                    delay;
    size_t                        size;
    ngx_queue_t                   sessions;
    ngx_event_t                   timer;
    ngx_connection_t              dummy;
} ngx_http_websocket_batch_t;


typedef struct {
    ngx_websocket_deflate_conf_t  agree;
    size_t                        min_length;       /* of a message, bytes */
    int                           level;
    int                           memory;   /* zlib's memLevel */
} ngx_http_websocket_deflate_conf_t;


/* who may come in: auth/ngx_http_websocket_auth.h */

typedef struct ngx_http_websocket_origins_s  ngx_http_websocket_origins_t;
typedef struct ngx_http_websocket_jwt_s      ngx_http_websocket_jwt_t;


typedef struct {
    ngx_array_t                   zones;    /* ngx_http_websocket_zone_t * */
    ngx_array_t                   locations;
                                        /* ngx_http_websocket_loc_conf_t * */
    ngx_http_websocket_stats_table_t  *stats;
    ngx_uint_t                    used;     /* 1: a directive needs workers */
    ngx_shm_zone_t               *workers;          /* NULL: none needed */
    ngx_shm_zone_t               *revocations;      /* NULL: none */
    ngx_uint_t                    named;    /* 1: websocket_set_name works in
                                               later phases, too */

    ngx_array_t                  *types;    /* ngx_websocket_type_t *, or
                                               NULL: none */
    ngx_array_t                  *views;    /* ngx_http_websocket_view_t */
    ngx_array_t                  *stamps;   /* ngx_websocket_stamp_name_t, of
                                               all websocket_stamp; or NULL */
} ngx_http_websocket_main_conf_t;


/* the formats of websocket_status */

typedef enum {
    NGX_HTTP_WEBSOCKET_STATUS_OFF = 0,
    NGX_HTTP_WEBSOCKET_STATUS_JSON,
    NGX_HTTP_WEBSOCKET_STATUS_PROMETHEUS
} ngx_http_websocket_status_e;


typedef struct {
    ngx_uint_t                    mode;
    ngx_flag_t                    publish;
    ngx_uint_t                    status;
    ngx_str_t                     zone_name;
    ngx_http_websocket_place_t    place;

    ngx_http_websocket_zone_t    *zone;

    ngx_http_websocket_stats_t   *stats;    /* this worker's */
    ngx_str_t                     location; /* its name */

    ngx_array_t                  *channels; /* ngx_http_websocket_name_t */
    ngx_array_t                  *subprotocols;     /* ngx_str_t */

    /* history.length is NGX_CONF_UNSET_UINT where the location says nothing */
    ngx_uint_t                    history_length;
    time_t                        history_time;
    ngx_uint_t                    history_max;  /* blocks of the log */
    ngx_uint_t                    replay;   /* messages */

    ngx_msec_t                    heartbeat_interval;   /* 0: off */
    ngx_msec_t                    heartbeat_timeout;
    ngx_msec_t                    idle_timeout;         /* 0: off */
    ngx_msec_t                    send_timeout;
    ngx_msec_t                    close_timeout;
    ngx_msec_t                    drain;

    size_t                        max_message_size;
    ngx_uint_t                    queue_messages;
    size_t                        queue_size;
    ngx_uint_t                    overflow;
    ngx_http_websocket_batch_t   *batch;    /* NULL: off */
    ngx_http_websocket_deflate_conf_t  *deflate;    /* NULL: off */

    ngx_uint_t                    log_start;    /* the access log's line is
                                                   written at the upgrade */
    ngx_flag_t                    own_messages;
    ngx_flag_t                    priority;
    ngx_str_t                     priority_field;   /* of a JSON object */

    ngx_flag_t                    presence;
    ngx_http_complex_value_t     *presence_from;
    ngx_uint_t                    events;

    ngx_http_websocket_limits_conf_t  limits;

    ngx_http_websocket_origins_t *origins;
    ngx_http_websocket_jwt_t     *jwt;      /* NULL: no token is asked for */
    ngx_array_t                  *scopes;   /* ngx_str_t; NULL: none */
    time_t                        revoke;   /* for how long; 0: not here */

    ngx_http_websocket_typed_t    typed;
} ngx_http_websocket_loc_conf_t;


/*
 * What the location says of its channels' history: fills *history and
 * returns it, or NULL when the location has no websocket_history.
 */
static ngx_inline ngx_websocket_log_history_t *
ngx_http_websocket_conf_history(ngx_http_websocket_loc_conf_t *conf,
    ngx_websocket_log_history_t *history)
{
    if (conf->history_length == NGX_CONF_UNSET_UINT) {
        return NULL;
    }

    history->length = conf->history_length;
    history->time = conf->history_time;
    history->max = conf->history_max;

    return history;
}


/* The type of what subscribers get, or NULL. */
static ngx_inline const ngx_websocket_type_t *
ngx_http_websocket_sent_type(ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_websocket_use_t  *use;

    use = conf->typed.send ? conf->typed.send : conf->typed.receive;

    return use ? use->type : NULL;
}


/* What is wrong with a location that is merged, or NGX_CONF_OK. */
char *ngx_http_websocket_typed_check(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);


extern ngx_module_t  ngx_http_websocket_module;


#endif /* NGX_HTTP_WEBSOCKET_MODULE_H */
