
/*
 * Which page of a channel's history a GET asks for.
 */


#include "http/ngx_http_websocket_history_args.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_subscribe_args.h"


#define NGX_HTTP_WEBSOCKET_PAGE      100        /* messages, or members, of a
                                                   page */
#define NGX_HTTP_WEBSOCKET_PAGE_MAX  1000


/* each argument is NULL where it is not given */

typedef struct {
    ngx_str_t    since;
    ngx_str_t    before;
    ngx_str_t    order;
    ngx_str_t    limit;
    ngx_str_t    filter;
} ngx_http_websocket_history_texts_t;


static ngx_int_t ngx_http_websocket_history_texts(ngx_http_request_t *r,
    ngx_http_websocket_history_texts_t *texts);
static char *ngx_http_websocket_history_position(
    ngx_http_websocket_history_texts_t *texts,
    ngx_http_websocket_history_args_t *args);
static char *ngx_http_websocket_history_order(
    ngx_http_websocket_history_texts_t *texts,
    ngx_http_websocket_history_args_t *args);


ngx_int_t
ngx_http_websocket_history_args(ngx_http_request_t *r,
    ngx_http_websocket_history_args_t *args, char **code, char **error)
{
    ngx_int_t                            rc;
    ngx_http_websocket_loc_conf_t       *conf;
    ngx_http_websocket_history_texts_t   texts;

    rc = ngx_http_websocket_history_texts(r, &texts);

    if (rc != NGX_OK) {
        return rc;
    }

    *code = "invalid_position";
    *error = ngx_http_websocket_history_position(&texts, args);

    if (*error == NULL) {
        *code = "invalid_order";
        *error = ngx_http_websocket_history_order(&texts, args);
    }

    if (*error == NULL) {
        *code = "invalid_limit";
        *error = ngx_http_websocket_history_limit(r, &args->limit);
    }

    if (*error) {
        return NGX_HTTP_BAD_REQUEST;
    }

    *code = "invalid_view";
    rc = ngx_http_websocket_view_arg(r, &args->view, error);

    if (rc != NGX_OK || texts.filter.data == NULL) {
        return rc;
    }

    *code = "invalid_filter";
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->typed.filter) {
        *error = "the location does not have \"websocket_filter on\"";
        return NGX_HTTP_BAD_REQUEST;
    }

    return ngx_http_websocket_filter_arg(r, args->view, &args->filter, error);
}


static ngx_int_t
ngx_http_websocket_history_texts(ngx_http_request_t *r,
    ngx_http_websocket_history_texts_t *texts)
{
    ngx_int_t   rc;
    ngx_str_t  *text;
    ngx_uint_t  i, given;

    static char *const  names[] = {
        "since", "before", "order", "limit", "filter"
    };

    ngx_memzero(texts, sizeof(ngx_http_websocket_history_texts_t));

    text = &texts->since;
    given = 0;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        rc = ngx_http_websocket_arg(r, names[i], &text[i]);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_OK) {
            given = 1;

        } else {
            text[i].data = NULL;
        }
    }

    return given ? NGX_OK : NGX_DECLINED;
}


static char *
ngx_http_websocket_history_position(ngx_http_websocket_history_texts_t *texts,
    ngx_http_websocket_history_args_t *args)
{
    ngx_str_t  *text;

    if (texts->since.data && texts->before.data) {
        return "there are both since and before";
    }

    args->newest = (texts->before.data != NULL);
    text = args->newest ? &texts->before : &texts->since;
    args->asked = (text->data != NULL);

    if (args->asked
        && ngx_websocket_position_parse(text->data, text->len, &args->position,
                                        1)
           != 1)
    {
        return args->newest ? "before is not EPOCH:OFFSET"
                            : "since is not EPOCH:OFFSET";
    }

    return NULL;
}


static char *
ngx_http_websocket_history_order(ngx_http_websocket_history_texts_t *texts,
    ngx_http_websocket_history_args_t *args)
{
    ngx_str_t   *order;
    ngx_uint_t   newest;

    order = &texts->order;

    if (order->data == NULL) {
        return NULL;
    }

    newest = order->len == 4 && ngx_strncmp(order->data, "desc", 4) == 0;

    if (!newest
        && (order->len != 3 || ngx_strncmp(order->data, "asc", 3) != 0))
    {
        return "order is not asc or desc";
    }

    if (newest ? texts->since.data != NULL : texts->before.data != NULL) {
        return newest ? "order=desc goes with before, not with since"
                      : "order=asc goes with since, not with before";
    }

    args->newest = newest;

    return NULL;
}


char *
ngx_http_websocket_history_limit(ngx_http_request_t *r, ngx_uint_t *limit)
{
    ngx_int_t  n;
    ngx_str_t  arg;

    *limit = NGX_HTTP_WEBSOCKET_PAGE;

    if (ngx_http_websocket_arg(r, "limit", &arg) != NGX_OK) {
        return NULL;
    }

    n = ngx_atoi(arg.data, arg.len);

    if (n < 1 || n > NGX_HTTP_WEBSOCKET_PAGE_MAX) {
        return "limit is not a number from 1 to "
               ngx_value(NGX_HTTP_WEBSOCKET_PAGE_MAX);
    }

    *limit = n;

    return NULL;
}
