
#include "http/ngx_http_websocket_heartbeat_arg.h"
#include "http/ngx_http_websocket_request.h"


/*
 * the shortest interval that a client may ask for, where the location's is
 * longer
 */
#define NGX_HTTP_WEBSOCKET_HEARTBEAT_LEAST  5000

/* the shortest interval that a variable may say */
#define NGX_HTTP_WEBSOCKET_HEARTBEAT_VALUE  1000


static ngx_int_t ngx_http_websocket_heartbeat_value(ngx_http_request_t *r,
    ngx_msec_t *interval);
static ngx_msec_t ngx_http_websocket_heartbeat_longest(
    ngx_http_websocket_loc_conf_t *conf, ngx_msec_t interval);
static ngx_int_t ngx_http_websocket_heartbeat_words(ngx_str_t *text,
    ngx_http_websocket_options_t *options);


ngx_int_t
ngx_http_websocket_heartbeat_arg(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error)
{
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_msec_t                      least, interval;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_arg(r, "heartbeat", &text);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_OK
        && ngx_http_websocket_heartbeat_words(&text, options) != NGX_OK)
    {
        *error = "heartbeat is not a time, \"visible\", or both with a comma";
        return NGX_HTTP_BAD_REQUEST;
    }

    if (conf->heartbeat_interval == 0) {

        /* the location has no heartbeats to choose */

        options->interval = 0;
        options->visible = 0;

        return NGX_OK;
    }

    options->visible |= conf->heartbeat_visible;

    interval = conf->heartbeat_interval;

    if (conf->heartbeat_value
        && ngx_http_websocket_heartbeat_value(r, &interval) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (options->interval) {
        least = ngx_min(interval, NGX_HTTP_WEBSOCKET_HEARTBEAT_LEAST);

        interval = ngx_min(options->interval,
                           ngx_http_websocket_heartbeat_longest(conf,
                                                                interval));
        interval = ngx_max(interval, least);
    }

    options->interval = interval == conf->heartbeat_interval ? 0 : interval;

    return NGX_OK;
}


/* a value that is no time leaves the interval as it is */

static ngx_int_t
ngx_http_websocket_heartbeat_value(ngx_http_request_t *r, ngx_msec_t *interval)
{
    ngx_str_t                       text;
    ngx_msec_t                      value;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (ngx_http_complex_value(r, conf->heartbeat_value, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    value = text.len ? (ngx_msec_t) ngx_parse_time(&text, 0) : 0;

    if (value == (ngx_msec_t) NGX_ERROR) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "websocket heartbeat: \"%V\" is not a time", &text);
        value = 0;
    }

    if (value) {
        *interval = ngx_max(ngx_min(value, conf->heartbeat_max),
                            NGX_HTTP_WEBSOCKET_HEARTBEAT_VALUE);
    }

    return NGX_OK;
}


static ngx_msec_t
ngx_http_websocket_heartbeat_longest(ngx_http_websocket_loc_conf_t *conf,
    ngx_msec_t interval)
{
    if (conf->heartbeat_max == NGX_CONF_UNSET_MSEC) {
        return interval;
    }

    return ngx_max(conf->heartbeat_max, interval);
}


/* a time above zero, "visible", or both, in any order */

static ngx_int_t
ngx_http_websocket_heartbeat_words(ngx_str_t *text,
    ngx_http_websocket_options_t *options)
{
    u_char      *p, *last;
    ngx_str_t    word;
    ngx_msec_t   time;

    last = text->data + text->len;

    for (p = text->data; /* void */ ; p += word.len + 1) {

        word.data = p;
        word.len = 0;

        while (p + word.len < last && p[word.len] != ',') {
            word.len++;
        }

        if (word.len == sizeof("visible") - 1
            && ngx_strncmp(word.data, "visible", word.len) == 0)
        {
            options->visible = 1;

        } else {
            time = (ngx_msec_t) ngx_parse_time(&word, 0);

            if (word.len == 0 || time == 0 || time == (ngx_msec_t) NGX_ERROR
                || options->interval)
            {
                return NGX_DECLINED;
            }

            options->interval = time;
        }

        if (p + word.len == last) {
            return NGX_OK;
        }
    }
}
