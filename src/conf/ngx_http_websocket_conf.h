
/*
 * What the directives leave behind, as the layers above read it.  Nothing of
 * theirs is known here but names: what these structs are made of is pure.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_H
#define NGX_HTTP_WEBSOCKET_CONF_H


#include <ndk.h>
#include <ngx_http.h>

#include "auth/origin.h"
#include "auth/token.h"
#include "store/store.h"
#include "message/stamp.h"
#include "message/type.h"
#include "clock/rate.h"
#include "wire/deflate.h"


/* a function that would only burden its caller's fast path if inlined */
#define ngx_http_websocket_noinline  __attribute__((noinline))


/* the interval of heartbeats, where nothing says another one */
#define NGX_HTTP_WEBSOCKET_HEARTBEAT  25000

/* the longest time that a directive can say, milliseconds */
#define NGX_HTTP_WEBSOCKET_LONGEST   (20 * 24 * 60 * 60 * 1000u)

/* lines of one directive */
#define NGX_HTTP_WEBSOCKET_LIMITS    8

/* views of all types: 1 and up; 0 is all of a message, as it is */
#define NGX_HTTP_WEBSOCKET_VIEWS     127

/* what a message may have, where the location does not say */
#define NGX_HTTP_WEBSOCKET_DEPTH     32
#define NGX_HTTP_WEBSOCKET_VALUES    10000


typedef struct ngx_http_websocket_zone_s         ngx_http_websocket_zone_t;
typedef struct ngx_http_websocket_region_s       ngx_http_websocket_region_t;
typedef struct ngx_http_websocket_stats_s        ngx_http_websocket_stats_t;
typedef struct ngx_http_websocket_stats_table_s
    ngx_http_websocket_stats_table_t;


/* the formats of websocket_status */

typedef enum {
    NGX_HTTP_WEBSOCKET_STATUS_OFF = 0,
    NGX_HTTP_WEBSOCKET_STATUS_JSON,
    NGX_HTTP_WEBSOCKET_STATUS_PROMETHEUS,
    NGX_HTTP_WEBSOCKET_STATUS_HEALTH
} ngx_http_websocket_status_e;


/* where a directive stood: for what can be checked only later */

typedef struct {
    u_char                       *file;
    ngx_uint_t                    line;
} ngx_http_websocket_place_t;


/* a variable of a text */

typedef struct {
    ngx_str_t                        name;      /* without the dollar */
    ngx_int_t                        index;
    ngx_uint_t                       match;     /* 1 to 9: it is that part of
                                                   a regex's match */
} ngx_http_websocket_name_variable_t;


/* the name of a channel, as the location says it */

typedef struct {
    ngx_http_complex_value_t      value;
    ngx_array_t                  *variables;    /* name_variable_t that must
                                                   have a value; or NULL: none
                                                   must */
} ngx_http_websocket_name_t;


/* a websocket_set_decoded */

typedef struct {
    ngx_int_t                        index;     /* of its variable */
    ngx_http_complex_value_t         source;
    ngx_array_t                     *variables; /* of the source */
    ngx_uint_t                       once;      /* the source is there in the
                                                   rewrite phase only */
} ngx_http_websocket_set_name_t;


/*
 * Messages with such a field: of websocket_history they are not kept, of
 * websocket_hook the application is asked of them alone
 */

typedef struct {
    ngx_str_t                     field;    /* ended by a null */
    ngx_array_t                   values;   /* ngx_str_t */
} ngx_http_websocket_except_t;


/* what happens when a send queue is full */

typedef enum {
    NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE = 0,
    NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST,
    NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE
} ngx_http_websocket_overflow_e;


/* websocket_ack */

typedef enum {
    NGX_HTTP_WEBSOCKET_ACK_OFF = 0,
    NGX_HTTP_WEBSOCKET_ACK_ASK,         /* for clients that ask for it */
    NGX_HTTP_WEBSOCKET_ACK_ON
} ngx_http_websocket_ack_e;


/* websocket_hook: what the application is asked, and when */

typedef enum {
    NGX_HTTP_WEBSOCKET_HOOK_CONNECT = 0,
    NGX_HTTP_WEBSOCKET_HOOK_SUBSCRIBE,
    NGX_HTTP_WEBSOCKET_HOOK_MESSAGE,
    NGX_HTTP_WEBSOCKET_HOOK_ANSWER,     /* message: nothing is published */
    NGX_HTTP_WEBSOCKET_HOOKS
} ngx_http_websocket_hook_e;


typedef struct {
    ngx_uint_t                    event;    /* an ngx_http_websocket_hook_e */
    ngx_str_t                     name;     /* of it */
    ngx_str_t                     target;   /* the location's URI, as given */
    ngx_str_t                     uri;      /* of it */
    ngx_str_t                     args;
    ngx_str_t                     line;     /* "POST URI HTTP/1.1" */
    ngx_http_websocket_place_t    place;
    ngx_msec_t                    timeout;
    ngx_http_websocket_except_t  *match;    /* NULL: of all messages */
    ngx_uint_t                    open;     /* 1: without an answer it goes on
                                               as with one */
    ngx_uint_t                    max;      /* calls at once */
    ngx_uint_t                    queue_max;        /* that wait */

    /* of this worker */

    ngx_uint_t                    active;
    ngx_uint_t                    waiting;
    ngx_queue_t                   queue;
} ngx_http_websocket_hook_t;


#define NGX_HTTP_WEBSOCKET_JOIN        0x0002
#define NGX_HTTP_WEBSOCKET_LEAVE       0x0004
#define NGX_HTTP_WEBSOCKET_UNRECORDED  0x0008   /* neither is numbered, nor in
                                                   the history */
#define NGX_HTTP_WEBSOCKET_PUSH        0x0010   /* to all, asked for or not */


/* websocket_namespace: the rules for a family of channels */

#define NGX_HTTP_WEBSOCKET_ALLOW  1         /* to who asks for it */
#define NGX_HTTP_WEBSOCKET_FORCE  2
#define NGX_HTTP_WEBSOCKET_CACHE  4         /* recovery: the newest message */
#define NGX_HTTP_WEBSOCKET_CACHE_AUTO  8    /* asked for or not */

#define NGX_HTTP_WEBSOCKET_WHO_CLIENT      0x01
#define NGX_HTTP_WEBSOCKET_WHO_SUBSCRIBER  0x02
#define NGX_HTTP_WEBSOCKET_WHO_ANONYMOUS   0x04     /* too */

typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    lines;    /* that were read of the block */

    ngx_websocket_store_history_t  history; /* of no length: none */
    ngx_uint_t                    recovery;
    ngx_uint_t                    positioning;
    ngx_uint_t                    presence;
    ngx_uint_t                    events;

    /* who may, where no token says more; 0: nobody */

    ngx_uint_t                    subscribe;
    ngx_uint_t                    publish;
    ngx_uint_t                    history_access;
    ngx_uint_t                    presence_access;

    ngx_uint_t                    users;    /* names may list who may */
    ngx_uint_t                    filter;   /* clients may filter by tags */
    ngx_uint_t                    delta;    /* clients may get patches */
    void                         *pattern;  /* NULL: any */
} ngx_http_websocket_namespace_t;


/* sessions of a location whose frames wait for more to be written with */

typedef struct {
    ngx_msec_t                    delay;
    size_t                        size;
    ngx_uint_t                    newest;   /* of each key or channel alone */
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


/* what happens with a message that exceeds a rate */

typedef enum {
    NGX_HTTP_WEBSOCKET_DELAY = 0,       /* it passes, the next one waits */
    NGX_HTTP_WEBSOCKET_DROP,
    NGX_HTTP_WEBSOCKET_CLOSE
} ngx_http_websocket_excess_e;


typedef struct {
    ngx_uint_t                    max;
    ngx_str_t                     text;     /* of the key: sessions are
                                               counted together where it is
                                               the same */
    ngx_http_complex_value_t      key;
} ngx_http_websocket_max_sessions_t;


typedef struct {
    ngx_websocket_rate_t          rate;
    ngx_uint_t                    bytes;    /* 0: messages */
    ngx_uint_t                    excess;
} ngx_http_websocket_max_rate_t;


typedef struct {
    ngx_array_t                  *sessions; /* of max_sessions_t; or NULL */
    ngx_array_t                  *rates;    /* of max_rate_t; or NULL */
    ngx_websocket_rate_t         *pings;    /* NULL: off */
    ngx_websocket_rate_t         *errors;   /* NULL: off */
    ngx_uint_t                    fragments;
} ngx_http_websocket_limits_conf_t;


/* websocket_origin */

typedef struct {
    ngx_websocket_origin_t       *patterns;
    ngx_uint_t                    npatterns;
#if (NGX_PCRE)
    ngx_regex_t                 **regexes;  /* of whole origins */
    ngx_uint_t                    nregexes;
#endif
} ngx_http_websocket_origins_t;


/* websocket_jwt */

typedef struct {
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_rules_t   rules;
    ngx_http_complex_value_t     *from;     /* NULL: the usual places */
    ngx_http_complex_value_t     *cookie;   /* one of them, or NULL */
    time_t                        renew;    /* seconds before a token's end
                                               to ask for another; 0: never */
    ngx_uint_t                    channels; /* 1: the claim must be there */
} ngx_http_websocket_jwt_t;


/* a key of websocket_api: its SHA-256 */

#define NGX_HTTP_WEBSOCKET_API_DIGEST  32

typedef struct {
    u_char                        digest[NGX_HTTP_WEBSOCKET_API_DIGEST];
} ngx_http_websocket_api_key_t;


/* a server, or a Sentinel */

typedef struct {
    ngx_str_t                     url;      /* as it was given */
    ngx_str_t                     host;     /* terminated, for TLS */
    in_port_t                     port;
    ngx_addr_t                   *addrs;    /* NULL: the name is resolved
                                               before each connection */
    ngx_uint_t                    naddrs;

    /* what it was resolved to last, in a worker; a length of 0: nothing */

    ngx_sockaddr_t                resolved;
    socklen_t                     resolved_len;
} ngx_http_websocket_broker_host_t;


/* whose connection it is */

typedef struct {
    ngx_str_t                     user;     /* may be empty */
    ngx_str_t                     password; /* empty: none is asked for */
} ngx_http_websocket_broker_login_t;


/* websocket_broker */

typedef struct {
    ngx_str_t                     name;
    ngx_http_websocket_broker_host_t  *hosts;   /* one, or Sentinels */
    ngx_uint_t                    nhosts;
    ngx_str_t                     sentinel; /* the master's name; or empty */
    ngx_str_t                     prefix;   /* of all keys */
    ngx_http_websocket_broker_login_t  login;   /* at the server */
    ngx_http_websocket_broker_login_t  sentinel_login;
    ngx_resolver_t               *resolver; /* NULL: addresses are known */
    ngx_msec_t                    resolver_timeout;
    ngx_msec_t                    wait;     /* while the server is away */
    ngx_uint_t                    refuse;   /* 1: at once then */
    ngx_uint_t                    stay;     /* 1: sessions do, of a node that
                                               is deaf */
    ngx_uint_t                    used;     /* by a zone */
    ngx_uint_t                    tls;
    ngx_str_t                     ssl_name; /* of certificates; terminated;
                                               empty: the host's */
#if (NGX_SSL)
    ngx_ssl_t                    *ssl;      /* NULL without tls */
#endif
    ngx_http_websocket_place_t    place;
} ngx_http_websocket_broker_conf_t;


/* a websocket_zone with broker= */

typedef struct {
    ngx_http_websocket_zone_t    *zone;
    ngx_str_t                     broker;
    ngx_http_websocket_place_t    place;
} ngx_http_websocket_brokered_t;


/* a location with websocket_durable file */

typedef struct {
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_place_t    place;
} ngx_http_websocket_durably_t;


/* a view of a type, as an element of the main configuration's views */

typedef struct {
    const ngx_websocket_type_t   *type;
    const ngx_websocket_view_t   *view;
} ngx_http_websocket_view_t;


/* websocket_inbound_type or websocket_outbound_type */

typedef struct {
    ngx_str_t                     name;     /* of the type, or all words */
    ngx_array_t                  *by;       /* of char *: "FIELD", "WORD=TYPE";
                                               NULL: the name is a type's */
    ngx_http_websocket_place_t    place;
    const ngx_websocket_type_t   *type;
    ngx_uint_t                    close;    /* a violation ends the session */
    ngx_websocket_json_limits_t   limits;
} ngx_http_websocket_use_t;


/* websocket_stamp */

typedef struct {
    ngx_websocket_stamp_name_t    names[NGX_WEBSOCKET_STAMP_FIELDS];
    ngx_http_complex_value_t     *from;
    ngx_str_t                     measured; /* the field of which the length
                                               is told; may be empty */
} ngx_http_websocket_stamp_t;


/* websocket_collect */

typedef struct {
    size_t                        max;
    ngx_str_t                     name;     /* of the view; may be empty */
    const ngx_websocket_view_t   *view;     /* NULL: all */
} ngx_http_websocket_collect_t;


/* what a location says of its messages */

typedef struct {
    ngx_http_websocket_use_t     *receive;  /* NULL: any message */
    ngx_http_websocket_use_t     *send;     /* NULL: any message */
    ngx_http_complex_value_t     *view;     /* NULL: all of a message */
    ngx_flag_t                    filter;
    ngx_uint_t                    replay;   /* of what matches a filter: from
                                               so many messages */
    ngx_uint_t                    bare;     /* 1: a client's message is a
                                               filter itself */
    ngx_http_websocket_stamp_t   *stamp;    /* NULL: off */
    ngx_http_websocket_collect_t *collect;  /* NULL: off */
    ngx_uint_t                    takes;    /* something is to be done with
                                               what a client sends */
} ngx_http_websocket_typed_t;


typedef struct {
    ngx_array_t                   zones;    /* ngx_http_websocket_zone_t * */
    ngx_array_t                   zone_names;       /* ngx_str_t, theirs */
    ngx_array_t                   zone_files;       /* ngx_str_t, paths of
                                                       those that have one */
    ngx_http_websocket_zone_t    *default_zone;     /* NULL: none of several */
    ngx_array_t                   brokers;
                                        /* ngx_http_websocket_broker_conf_t */
    ngx_array_t                   brokered;
                                        /* ngx_http_websocket_brokered_t */
    ngx_array_t                   durably;
                                        /* ngx_http_websocket_durably_t */
    ngx_array_t                   locations;
                                        /* ngx_http_websocket_loc_conf_t * */
    ngx_http_websocket_stats_table_t  *stats;
    ngx_uint_t                    used;     /* 1: a directive needs workers */
    ngx_array_t                   regions;
                                        /* ngx_http_websocket_region_t * */
    ngx_http_websocket_region_t  *workers;          /* NULL: none needed */
    ngx_uint_t                    revokes;  /* 1: a directive revokes */
    ngx_http_websocket_region_t  *revocations;      /* NULL: none */
    ngx_uint_t                    refuses;  /* 1: a location has
                                               websocket_refuse close */
    ngx_uint_t                    hooked;   /* 1: a location has hooks */
    ngx_uint_t                    named;    /* 1: websocket_set_decoded works in
                                               later phases, too */

    ngx_array_t                  *namespaces;
                           /* ngx_http_websocket_namespace_t *, or NULL: none */

    ngx_array_t                  *types;    /* ngx_websocket_type_t *, or
                                               NULL: none */
    ngx_array_t                  *views;    /* ngx_http_websocket_view_t */
    ngx_array_t                  *events;   /* ngx_str_t, the channels of all
                                               websocket_events channel=; or
                                               NULL */
    ngx_array_t                  *stamps;   /* ngx_websocket_stamp_name_t, of
                                               all websocket_stamp; or NULL */
    ngx_str_t                     conflate_key; /* of the locations */
} ngx_http_websocket_main_conf_t;


/* how a client of Centrifugo's protocol may connect */

#define NGX_HTTP_WEBSOCKET_TRANSPORT_WEBSOCKET    0x0002
#define NGX_HTTP_WEBSOCKET_TRANSPORT_HTTP_STREAM  0x0004
#define NGX_HTTP_WEBSOCKET_TRANSPORT_SSE          0x0008


typedef struct {
    /* the directives that answer, of which one at most stands in a location */

    ngx_http_handler_pt           handler;  /* of the one that does, or
                                               NULL */
    ngx_uint_t                    websocket;
    ngx_uint_t                    publish;
    ngx_uint_t                    status;
    time_t                        revoke;   /* for how long; 0: not here */
    ngx_uint_t                    api;

    /* what clients do with "websocket" */

    ngx_uint_t                    subscribes;
    ngx_uint_t                    publishes;
    ngx_uint_t                    echo;
    ngx_uint_t                    centrifuge;

    ngx_uint_t                    emulation;    /* it takes their requests */

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
    ngx_http_websocket_except_t  *history_except;   /* NULL: none */
    ngx_uint_t                    replay;   /* messages */
    ngx_uint_t                    replay_only;  /* nothing else */

    ngx_msec_t                    heartbeat_interval;   /* 0: off */
    ngx_msec_t                    heartbeat_timeout;
    ngx_msec_t                    heartbeat_max;    /* UNSET: the interval */
    ngx_http_complex_value_t     *heartbeat_value;  /* of the interval; NULL:
                                                       it has no variables */
    ngx_flag_t                    heartbeat_visible;
    ngx_msec_t                    idle_timeout;         /* 0: off */
    ngx_msec_t                    send_timeout;
    ngx_msec_t                    close_timeout;
    ngx_msec_t                    drain;

    size_t                        max_message_size;
    ngx_uint_t                    queue_messages;
    size_t                        queue_size;
    ngx_uint_t                    overflow;
    ngx_str_t                     conflate_key; /* the field of it, which all
                                                   locations with one have; of
                                                   length 0: the channel */
    ngx_http_websocket_batch_t   *batch;    /* NULL: off */
    ngx_http_websocket_deflate_conf_t  *deflate;    /* NULL: off */

    ngx_uint_t                    refuse_close; /* a refused handshake is let
                                                   in, and told why */
    ngx_uint_t                    log_start;    /* the access log's line is
                                                   written at the upgrade */
    ngx_uint_t                    ack;      /* an ngx_http_websocket_ack_e */
    ngx_uint_t                    durable;  /* 1: on the disk before the
                                               publisher is told */
    ngx_msec_t                    durable_wait;
    ngx_flag_t                    own_messages;
    ngx_flag_t                    priority;
    ngx_str_t                     priority_field;   /* of a JSON object */

    ngx_flag_t                    presence;
    ngx_http_complex_value_t     *presence_from;
    ngx_uint_t                    events;
    ngx_str_t                     events_channel;   /* empty: their own */
    ngx_msec_t                    events_delay;     /* of leaves; 0: none */

    ngx_http_websocket_limits_conf_t  limits;

    ngx_http_websocket_origins_t *origins;
    ngx_http_websocket_jwt_t     *jwt;      /* NULL: no token is asked for */
    ngx_array_t                  *scopes;   /* ngx_str_t; NULL: none */
    ngx_http_complex_value_t     *user;     /* NULL: the token's subject, or
                                               that of auth_basic */
    ngx_http_complex_value_t     *expires;  /* NULL: never */
    ngx_array_t                  *masks;    /* ngx_str_t, of arguments */

    /* by their events; NULL: the application is not asked */
    ngx_http_websocket_hook_t    *hooks[NGX_HTTP_WEBSOCKET_HOOKS];

    /* of Centrifugo's protocol */

    ngx_flag_t                    anonymous;
    ngx_flag_t                    insecure;
    ngx_uint_t                    transports;   /* of NGX_HTTP_WEBSOCKET_
                                                   TRANSPORT_* */
    ngx_uint_t                    max_channels; /* of a session */
    ngx_msec_t                    connect_timeout;
    time_t                        token_grace;
    ngx_array_t                  *namespaces;   /* as of the main conf */
    ngx_array_t                  *api_keys; /* ngx_http_websocket_api_key_t;
                                               NULL: none is asked for */

    ngx_http_websocket_typed_t    typed;

    ngx_http_conf_ctx_t           ctx;      /* what this is a part of */
} ngx_http_websocket_loc_conf_t;


/*
 * What the location says of its channels' history: fills *history and
 * returns it, or NULL when the location has no websocket_history.
 */
static ngx_inline ngx_websocket_store_history_t *
ngx_http_websocket_conf_history(ngx_http_websocket_loc_conf_t *conf,
    ngx_websocket_store_history_t *history)
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


extern ngx_module_t  ngx_http_websocket_module;


#endif /* NGX_HTTP_WEBSOCKET_CONF_H */
