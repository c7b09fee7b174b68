
#include "session/ngx_http_websocket_collect.h"
#include "session/ngx_http_websocket_extra.h"


static ngx_int_t ngx_http_websocket_collect_shown(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in,
    ngx_websocket_json_text_t *text);


ngx_int_t
ngx_http_websocket_collect_ends(ngx_http_websocket_intake_t *in)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_intake_read(in);

    if (rc != NGX_OK) {
        return rc;
    }

    return json_object_size(in->json) == 1
           && json_is_true(json_object_get(in->json, "end"))
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_websocket_collect(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t                   rc;
    ngx_websocket_json_text_t   shown, *all;

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&shown, sizeof(ngx_websocket_json_text_t));

    rc = NGX_OK;
    all = &s->record->aside->extra->collected;

    if (s->conf->typed.collect->view) {
        rc = ngx_http_websocket_collect_shown(s, in, &shown);

    } else {
        ngx_websocket_json_append(&shown, in->data, in->size);
    }

    /* with a comma or a bracket before it, and one behind all */

    if (rc == NGX_OK
        && all->size + shown.size + 2 > s->conf->typed.collect->max)
    {
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK) {
        ngx_websocket_json_append(all, all->size ? "," : "[", 1);
        ngx_websocket_json_append(all, shown.data, shown.size);
    }

    if (shown.failed || all->failed) {
        rc = NGX_ERROR;
    }

    ngx_websocket_json_text_done(&shown);

    return rc;
}


/* what the server says in a message is not in what was read of it */

static ngx_int_t
ngx_http_websocket_collect_shown(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, ngx_websocket_json_text_t *text)
{
    int                           rc;
    json_t                       *json;
    ngx_websocket_json_error_t    error;
    ngx_websocket_json_limits_t   limits;

    if (in->stamp == NULL) {
        rc = ngx_websocket_view_project(s->conf->typed.collect->view,
                                        in->json, text);

        return rc == 0 ? NGX_OK : NGX_ERROR;
    }

    limits.size = NGX_MAX_INT32_VALUE;
    limits.depth = NGX_WEBSOCKET_JSON_DEPTH;
    limits.values = NGX_MAX_INT32_VALUE;

    if (ngx_websocket_json_decode((char *) in->data, in->size, &limits, &json,
                                  &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_websocket_view_project(s->conf->typed.collect->view, json, text);

    json_decref(json);

    return rc == 0 ? NGX_OK : NGX_ERROR;
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
