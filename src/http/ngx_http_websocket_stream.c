
/*
 * Streams for who cannot open a WebSocket: server-sent events and
 * long-polling, on the same locations.
 */


#include "http/ngx_http_websocket_http.h"


static ngx_uint_t ngx_http_websocket_accepts_events(ngx_http_request_t *r);
static char *ngx_http_websocket_flag_arg(ngx_http_request_t *r, char *name,
    ngx_uint_t *flag);
static ngx_int_t ngx_http_websocket_event_header(ngx_http_request_t *r);


static ngx_str_t  ngx_http_websocket_no_cache = ngx_string("no-cache");
static ngx_str_t  ngx_http_websocket_no_store = ngx_string("no-store");
static ngx_str_t  ngx_http_websocket_no = ngx_string("no");


ngx_http_websocket_protocol_e
ngx_http_websocket_stream_protocol(ngx_http_request_t *r)
{
    ngx_str_t                       value;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->method != NGX_HTTP_GET
        || (conf->mode != NGX_HTTP_WEBSOCKET_BIDIRECTIONAL
            && conf->mode != NGX_HTTP_WEBSOCKET_RESULT))
    {
        return NGX_HTTP_WEBSOCKET_RAW;
    }

    if (ngx_http_websocket_accepts_events(r)) {
        return NGX_HTTP_WEBSOCKET_SSE;
    }

    if (ngx_http_websocket_arg(r, "since", &value) == NGX_OK
        || (ngx_http_websocket_arg(r, "transport", &value) == NGX_OK
            && value.len == 4 && ngx_strncmp(value.data, "poll", 4) == 0))
    {
        return NGX_HTTP_WEBSOCKET_POLL;
    }

    return NGX_HTTP_WEBSOCKET_RAW;
}


static ngx_uint_t
ngx_http_websocket_accepts_events(ngx_http_request_t *r)
{
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "accept");

    return h && ngx_strcasestrn(h->value.data, "text/event-stream",
                                sizeof("text/event-stream") - 2);
}


ngx_int_t
ngx_http_websocket_options(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    char **error)
{
    int               n;
    ngx_int_t         rc;
    ngx_str_t         value;
    ngx_uint_t        position;
    ngx_table_elt_t  *h;

    static ngx_http_websocket_encoding_e  encodings[] = {
        NGX_HTTP_WEBSOCKET_RAW_FRAME,
        NGX_HTTP_WEBSOCKET_EVENT,
        NGX_HTTP_WEBSOCKET_JSON
    };

    *error = ngx_http_websocket_flag_arg(r, "position", &position);

    if (*error) {
        return NGX_DECLINED;
    }

    options->encoding = encodings[options->protocol];

    if (position && options->protocol == NGX_HTTP_WEBSOCKET_RAW) {
        options->encoding = NGX_HTTP_WEBSOCKET_POSITION_FRAME;
    }

    h = NULL;

    if (options->protocol == NGX_HTTP_WEBSOCKET_SSE) {

        /* it comes back to the URL that it had: the header is newer */

        h = ngx_http_websocket_header(r, "last-event-id");
    }

    rc = NGX_OK;

    if (h && h->value.len) {
        value = h->value;

    } else {
        rc = ngx_http_websocket_arg(r, "since", &value);
    }

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    options->since = ngx_palloc(r->pool, ctx->nchannels
                                         * sizeof(ngx_websocket_position_t));
    if (options->since == NULL) {
        return NGX_ERROR;
    }

    n = ngx_websocket_position_parse(value.data, value.len, options->since,
                                     (int) ctx->nchannels);

    if (n == -1) {
        *error = "the position is not EPOCH:OFFSET, or several with commas, "
                 "one for each channel";
        return NGX_DECLINED;
    }

    options->nsince = n;

    return NGX_OK;
}


static char *
ngx_http_websocket_flag_arg(ngx_http_request_t *r, char *name,
    ngx_uint_t *flag)
{
    ngx_str_t  value;

    *flag = 0;

    if (ngx_http_websocket_arg(r, name, &value) != NGX_OK) {
        return NULL;
    }

    if (value.len != 1 || (value.data[0] != '0' && value.data[0] != '1')) {
        return "position is not 0 or 1";
    }

    *flag = value.data[0] - '0';

    return NULL;
}


ngx_int_t
ngx_http_websocket_stream_header(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options)
{
    if (options->protocol == NGX_HTTP_WEBSOCKET_SSE) {
        return ngx_http_websocket_event_header(r);
    }

    /* the header goes with the answer */

    return ngx_http_websocket_add_header(r, "Cache-Control",
                                         &ngx_http_websocket_no_store);
}


static ngx_int_t
ngx_http_websocket_event_header(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    ngx_http_clear_content_length(r);

    /* proxies on the way must not collect what they are to pass on */

    if (ngx_http_websocket_add_header(r, "Cache-Control",
                                      &ngx_http_websocket_no_cache) != NGX_OK
        || ngx_http_websocket_add_header(r, "X-Accel-Buffering",
                                         &ngx_http_websocket_no) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    return rc == NGX_ERROR || rc > NGX_OK ? NGX_ERROR : NGX_OK;
}
