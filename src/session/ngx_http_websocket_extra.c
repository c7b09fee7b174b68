
#include "session/ngx_http_websocket_extra.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_select.h"


static ngx_int_t ngx_http_websocket_extra_from(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r);


ngx_int_t
ngx_http_websocket_extra_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_options_t *options)
{
    ngx_int_t  rc;

    if (options->filter) {

        rc = ngx_http_websocket_select_by(s, options->filter);
        options->filter = NULL;

        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (s->conf->typed.stamp && s->conf->typed.stamp->from
        && ngx_http_websocket_protocol_of(s)->receive)
    {
        return ngx_http_websocket_extra_from(s, r);
    }

    return NGX_OK;
}


/* evaluated now, since the request may be given back */

static ngx_int_t
ngx_http_websocket_extra_from(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r)
{
    ngx_str_t  value, *from;

    if (ngx_http_complex_value(r, s->conf->typed.stamp->from, &value)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (value.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NGX_ERROR;
    }

    from = &s->record->aside->extra->from;

    from->data = ngx_alloc(value.len, s->connection->log);
    if (from->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(from->data, value.data, value.len);
    from->len = value.len;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_extra_create(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_extra_t  *extra;

    if (s->record->aside->extra) {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    extra = ngx_calloc(sizeof(ngx_http_websocket_extra_t), s->connection->log);
    if (extra == NULL) {
        return NGX_ERROR;
    }

    s->record->aside->extra = extra;

    return NGX_OK;
}


void
ngx_http_websocket_extra_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_extra_t  *extra;

    extra = s->record->aside->extra;

    if (extra == NULL) {
        return;
    }

    s->record->aside->extra = NULL;

    if (extra->filter) {
        ngx_http_websocket_filters_release(extra->filter);
    }

    ngx_free(extra->from.data);
    ngx_free(extra->member);
    ngx_websocket_json_text_done(&extra->collected);

    ngx_free(extra);
}
