
#include "message/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_typed.h"


ngx_int_t
ngx_http_websocket_extra_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_options_t *options)
{
    if (options->filter) {

        if (ngx_http_websocket_extra_create(s) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_websocket_select_by(s, options->filter);
        options->filter = NULL;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_extra_create(ngx_http_websocket_session_t *s)
{
    if (s->record->extra == NULL) {
        s->record->extra = ngx_calloc(sizeof(ngx_http_websocket_extra_t),
                                      s->connection->log);
    }

    return s->record->extra ? NGX_OK : NGX_ERROR;
}


void
ngx_http_websocket_extra_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_extra_t  *extra;

    extra = s->record->extra;

    if (extra == NULL) {
        return;
    }

    s->record->extra = NULL;

    if (extra->filter) {
        ngx_http_websocket_filters_release(extra->filter);
    }

    ngx_free(extra);
}
