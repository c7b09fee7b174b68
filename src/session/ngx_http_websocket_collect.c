
#include "session/ngx_http_websocket_collect.h"
#include "session/ngx_http_websocket_extra.h"


static ngx_int_t ngx_http_websocket_collect_shown(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in,
    ngx_websocket_json_text_t *text);


/*
 * the message was checked already, and may be as deep as its stamp has made it
 */

static const ngx_websocket_json_limits_t  ngx_http_websocket_collect_limits = {
    NGX_MAX_INT32_VALUE,
    NGX_WEBSOCKET_JSON_DEPTH,
    NGX_MAX_INT32_VALUE
};


ngx_http_websocket_collect_e
ngx_http_websocket_collect(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t                      rc;
    ngx_websocket_json_text_t      shown, *all;
    ngx_http_websocket_collect_e   result;

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NGX_HTTP_WEBSOCKET_COLLECT_NO_MEMORY;
    }

    ngx_memzero(&shown, sizeof(ngx_websocket_json_text_t));

    rc = NGX_OK;
    result = NGX_HTTP_WEBSOCKET_COLLECTED;
    all = &s->record->aside->extra->collected;

    if (s->conf->typed.collect->view) {
        rc = ngx_http_websocket_collect_shown(s, in, &shown);

    } else {
        ngx_websocket_json_append(&shown, in->data, in->size);
    }

    /*
     * the message with what is before it, a comma or a bracket, and the last
     * bracket
     */

    if (all->size + shown.size + 2 > s->conf->typed.collect->max) {
        result = NGX_HTTP_WEBSOCKET_COLLECT_FULL;

    } else if (rc == NGX_OK) {
        s->record->aside->extra->certain = all->size;

        ngx_websocket_json_append(all, all->size ? "," : "[", 1);
        ngx_websocket_json_append(all, shown.data, shown.size);
    }

    if (rc != NGX_OK || shown.failed || all->failed) {
        result = NGX_HTTP_WEBSOCKET_COLLECT_NO_MEMORY;
    }

    ngx_websocket_json_text_done(&shown);

    return result;
}


/*
 * what the server has stamped is in the text, not in the JSON that was parsed
 */

static ngx_int_t
ngx_http_websocket_collect_shown(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, ngx_websocket_json_text_t *text)
{
    int                          rc;
    json_t                      *json;
    ngx_websocket_json_error_t   error;

    if (in->stamp == NULL) {
        rc = ngx_websocket_view_project(s->conf->typed.collect->view,
                                        in->json, text);

        return rc == 0 ? NGX_OK : NGX_ERROR;
    }

    if (ngx_websocket_json_decode((char *) in->data, in->size,
                                  &ngx_http_websocket_collect_limits, &json,
                                  &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_websocket_view_project(s->conf->typed.collect->view, json, text);

    json_decref(json);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_http_websocket_collect_undo(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_extra_t  *extra;

    extra = s->record->aside->extra;

    if (extra && s->conf->typed.collect) {
        extra->collected.size = ngx_min(extra->certain, extra->collected.size);
    }
}


ngx_websocket_json_text_t *
ngx_http_websocket_collected(ngx_http_websocket_session_t *s)
{
    ngx_websocket_json_text_t  *all;

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NULL;
    }

    all = &s->record->aside->extra->collected;

    ngx_websocket_json_append(all, all->size ? "]" : "[]", all->size ? 1 : 2);

    return all->failed ? NULL : all;
}
