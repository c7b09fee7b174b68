
/*
 * How much clients may do, as the directives say it.
 */


#ifndef NGX_HTTP_WEBSOCKET_LIMITS_CONF_H
#define NGX_HTTP_WEBSOCKET_LIMITS_CONF_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "session/rate.h"


#define NGX_HTTP_WEBSOCKET_LIMITS  8    /* lines of one directive */


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


void ngx_http_websocket_limits_create(ngx_http_websocket_limits_conf_t *conf);
void ngx_http_websocket_limits_merge(ngx_http_websocket_limits_conf_t *conf,
    ngx_http_websocket_limits_conf_t *prev);


/* the directives */

char *ngx_http_websocket_max_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_max_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_max_times(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_LIMITS_CONF_H */
