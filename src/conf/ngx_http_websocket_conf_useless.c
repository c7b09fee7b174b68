
#include "conf/ngx_http_websocket_conf_useless.h"


/* the directives that answer, as bits */

#define NGX_HTTP_WEBSOCKET_AT_PUBSUB     0x01
#define NGX_HTTP_WEBSOCKET_AT_SUBSCRIBE  0x02
#define NGX_HTTP_WEBSOCKET_AT_PUBLISH    0x04
#define NGX_HTTP_WEBSOCKET_AT_ECHO       0x08
#define NGX_HTTP_WEBSOCKET_AT_HTTP       0x10
#define NGX_HTTP_WEBSOCKET_AT_REVOKE     0x20
#define NGX_HTTP_WEBSOCKET_AT_STATUS     0x40
#define NGX_HTTP_WEBSOCKET_AT_API        0x80

/* not among those above: nothing is said of its locations */
#define NGX_HTTP_WEBSOCKET_AT_CENTRIFUGE  0

#define NGX_HTTP_WEBSOCKET_AT_FEEDS      (NGX_HTTP_WEBSOCKET_AT_PUBSUB        \
                                          |NGX_HTTP_WEBSOCKET_AT_SUBSCRIBE)
#define NGX_HTTP_WEBSOCKET_AT_ENTRIES    (NGX_HTTP_WEBSOCKET_AT_PUBSUB        \
                                          |NGX_HTTP_WEBSOCKET_AT_PUBLISH)
#define NGX_HTTP_WEBSOCKET_AT_CHANNELS   (NGX_HTTP_WEBSOCKET_AT_FEEDS         \
                                          |NGX_HTTP_WEBSOCKET_AT_PUBLISH)
#define NGX_HTTP_WEBSOCKET_AT_SESSIONS   (NGX_HTTP_WEBSOCKET_AT_CHANNELS      \
                                          |NGX_HTTP_WEBSOCKET_AT_ECHO)
#define NGX_HTTP_WEBSOCKET_AT_CHECKED    (NGX_HTTP_WEBSOCKET_AT_SESSIONS      \
                                          |NGX_HTTP_WEBSOCKET_AT_HTTP         \
                                          |NGX_HTTP_WEBSOCKET_AT_REVOKE)


/* where a directive does something; at: its place in the conf */

typedef struct {
    char                         *name;
    size_t                        at;
    ngx_uint_t                    number;   /* 0: a pointer */
    ngx_uint_t                    useful;
    ngx_uint_t                    off;      /* a number that means off, as 0
                                               does */
} ngx_http_websocket_use_of_t;


#define ngx_http_websocket_use_of(name, field, number, useful)                \
    { name, offsetof(ngx_http_websocket_loc_conf_t, field), number,           \
      NGX_HTTP_WEBSOCKET_AT_##useful, 0 }


static ngx_uint_t ngx_http_websocket_useless_is_set(
    ngx_http_websocket_loc_conf_t *conf, ngx_http_websocket_use_of_t *use);
static ngx_uint_t ngx_http_websocket_useless_at(
    ngx_http_websocket_loc_conf_t *conf, char **name);
static char *ngx_http_websocket_useless_instead(
    ngx_http_websocket_loc_conf_t *conf);


static ngx_http_websocket_use_of_t  ngx_http_websocket_uses[] = {
    ngx_http_websocket_use_of("websocket_subprotocols", subprotocols, 0,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_history", history_length, 1,
                              CHANNELS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_replay", replay, 1, FEEDS),
    ngx_http_websocket_use_of("websocket_presence", presence, 1,
                              FEEDS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    { "websocket_events", offsetof(ngx_http_websocket_loc_conf_t, events), 1,
      NGX_HTTP_WEBSOCKET_AT_FEEDS, NGX_CONF_BITMASK_SET },
    ngx_http_websocket_use_of("websocket_heartbeat", heartbeat_interval, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_idle_timeout", idle_timeout, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_send_timeout", send_timeout, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_close_timeout", close_timeout, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_drain", drain, 1, SESSIONS),
    ngx_http_websocket_use_of("websocket_max_message_size", max_message_size,
                              1, SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP
                                 |NGX_HTTP_WEBSOCKET_AT_API),
    ngx_http_websocket_use_of("websocket_send_queue", queue_messages, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_durable", durable, 1,
                              ENTRIES|NGX_HTTP_WEBSOCKET_AT_HTTP
                              |NGX_HTTP_WEBSOCKET_AT_API),
    { "websocket_ack", offsetof(ngx_http_websocket_loc_conf_t, ack), 1,
      NGX_HTTP_WEBSOCKET_AT_SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP,
      NGX_HTTP_WEBSOCKET_ACK_ASK },
    ngx_http_websocket_use_of("websocket_coalesce", batch, 0, SESSIONS),
    ngx_http_websocket_use_of("websocket_deflate", deflate, 0, SESSIONS),
    ngx_http_websocket_use_of("websocket_priority", priority, 1,
                              CHANNELS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_access_log", log_start, 1, SESSIONS),
    ngx_http_websocket_use_of("websocket_refuse", refuse_close, 1, SESSIONS),
    ngx_http_websocket_use_of("websocket_max_connections", limits.sessions, 0,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_rate", limits.rates, 0, SESSIONS),
    ngx_http_websocket_use_of("websocket_max_pings", limits.pings, 0,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_max_errors", limits.errors, 0,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_max_fragments", limits.fragments, 1,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_origin", origins, 0, CHECKED),
    ngx_http_websocket_use_of("websocket_jwt", jwt, 0, CHECKED),
    ngx_http_websocket_use_of("websocket_require_scope", scopes, 0, CHECKED),
    ngx_http_websocket_use_of("websocket_user", user, 0, CHECKED),
    ngx_http_websocket_use_of("websocket_expires", expires, 0, CHECKED),
    ngx_http_websocket_use_of("websocket_hook",
                              hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT], 0,
                              SESSIONS),
    ngx_http_websocket_use_of("websocket_hook",
                              hooks[NGX_HTTP_WEBSOCKET_HOOK_SUBSCRIBE], 0,
                              CENTRIFUGE),
    ngx_http_websocket_use_of("websocket_hook",
                              hooks[NGX_HTTP_WEBSOCKET_HOOK_MESSAGE], 0,
                              ENTRIES),
    ngx_http_websocket_use_of("websocket_hook",
                              hooks[NGX_HTTP_WEBSOCKET_HOOK_ANSWER], 0,
                              ENTRIES),
    ngx_http_websocket_use_of("websocket_channel", channels, 0,
                              SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_inbound_type", typed.receive, 0,
                              SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_outbound_type", typed.send, 0,
                              CHANNELS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_view", typed.view, 0,
                              FEEDS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_filter", typed.filter, 1,
                              SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_stamp", typed.stamp, 0,
                              SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    ngx_http_websocket_use_of("websocket_collect", typed.collect, 0,
                              SESSIONS|NGX_HTTP_WEBSOCKET_AT_HTTP),
    { NULL, 0, 0, 0, 0 }
};


void
ngx_http_websocket_warn_useless(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    char                         *what, *name;
    ngx_uint_t                    at;
    ngx_http_websocket_use_of_t  *use;

    at = ngx_http_websocket_useless_at(conf, &name);

    if (at == 0) {
        return;
    }

    for (use = ngx_http_websocket_uses; use->name; use++) {

        if (!(use->useful & at)
            && ngx_http_websocket_useless_is_set(conf, use))
        {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"%s\" does nothing with \"%s\" in %s:%ui",
                          use->name, name, conf->place.file, conf->place.line);
        }
    }

    what = ngx_http_websocket_useless_instead(conf);

    if (what) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0, "%s in %s:%ui", what,
                      conf->place.file, conf->place.line);
    }
}


/* "off" is of use everywhere: it was meant so */

static ngx_uint_t
ngx_http_websocket_useless_is_set(ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_use_of_t *use)
{
    void        *pointer;
    ngx_uint_t   number;

    if (use->number) {
        number = *(ngx_uint_t *) ((u_char *) conf + use->at);

        return number != NGX_CONF_UNSET_UINT && number != 0
               && number != use->off;
    }

    pointer = *(void **) ((u_char *) conf + use->at);

    return pointer != NULL && pointer != NGX_CONF_UNSET_PTR;
}


/* what a location with Centrifugo's protocol may have its namespaces say */

static ngx_uint_t
ngx_http_websocket_useless_at(ngx_http_websocket_loc_conf_t *conf, char **name)
{
    if (conf->centrifuge) {
        return 0;
    }

    if (conf->status) {
        *name = "websocket_status";
        return NGX_HTTP_WEBSOCKET_AT_STATUS;
    }

    if (conf->api) {
        *name = "websocket_api";
        return NGX_HTTP_WEBSOCKET_AT_API;
    }

    if (conf->revoke) {
        *name = "websocket_revoke";
        return NGX_HTTP_WEBSOCKET_AT_REVOKE;
    }

    if (conf->publish) {
        *name = "websocket_publish";
        return NGX_HTTP_WEBSOCKET_AT_HTTP;
    }

    if (!conf->websocket) {
        return 0;
    }

    if (conf->echo) {
        *name = "websocket echo";
        return NGX_HTTP_WEBSOCKET_AT_ECHO;
    }

    if (conf->subscribes && conf->publishes) {
        *name = "websocket pubsub";
        return NGX_HTTP_WEBSOCKET_AT_PUBSUB;
    }

    *name = conf->subscribes ? "websocket subscribe" : "websocket publish";

    return conf->subscribes ? NGX_HTTP_WEBSOCKET_AT_SUBSCRIBE
                            : NGX_HTTP_WEBSOCKET_AT_PUBLISH;
}


/* where there is more to say of it; or NULL */

static char *
ngx_http_websocket_useless_instead(ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->publish && conf->typed.receive != NGX_CONF_UNSET_PTR
        && conf->typed.receive)
    {
        return "\"websocket_inbound_type\" checks nothing with "
               "\"websocket_publish\": \"websocket_outbound_type\" does";
    }

    if (conf->typed.filter == 1 && conf->websocket && !conf->subscribes) {
        return "\"websocket_filter\" filters nothing where nothing is sent to "
               "subscribers";
    }

    if (conf->typed.collect != NGX_CONF_UNSET_PTR && conf->typed.collect
        && (conf->publish || conf->subscribes || conf->echo))
    {
        return "\"websocket_collect\" answers with \"websocket publish\" only";
    }

    if (conf->ack == NGX_HTTP_WEBSOCKET_ACK_ON
        && (conf->publish || (conf->websocket && !conf->publishes
                              && !conf->echo)))
    {
        return "\"websocket_ack\" acknowledges what clients send on sockets "
               "only";
    }

    if (conf->typed.stamp != NGX_CONF_UNSET_PTR && conf->typed.stamp
        && conf->websocket && !conf->publishes)
    {
        return "\"websocket_stamp\" stamps nothing where nothing is published";
    }

    return NULL;
}
