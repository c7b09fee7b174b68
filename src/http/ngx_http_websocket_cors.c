
#include "http/ngx_http_websocket_cors.h"
#include "access/ngx_http_websocket_origin.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_request.h"


static ngx_str_t  ngx_http_websocket_cors_true = ngx_string("true");
static ngx_str_t  ngx_http_websocket_cors_origin = ngx_string("Origin");
static ngx_str_t  ngx_http_websocket_cors_age = ngx_string("300");


ngx_int_t
ngx_http_websocket_cors(ngx_http_request_t *r)
{
    ngx_table_elt_t  *origin;

    origin = ngx_http_websocket_header(r, "origin", NULL);

    if (origin == NULL) {
        return NGX_OK;
    }

    if (ngx_http_websocket_add_header(r, "Access-Control-Allow-Origin",
                                      &origin->value) != NGX_OK
        || ngx_http_websocket_add_header(r, "Access-Control-Allow-Credentials",
                                         &ngx_http_websocket_cors_true)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_websocket_add_header(r, "Vary",
                                         &ngx_http_websocket_cors_origin);
}


ngx_int_t
ngx_http_websocket_cors_preflight(ngx_http_request_t *r, ngx_str_t *methods)
{
    ngx_int_t         rc;
    ngx_table_elt_t  *asked;

    rc = ngx_http_websocket_cors_refuse(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    asked = ngx_http_websocket_header(r, "access-control-request-headers",
                                      NULL);

    if (ngx_http_websocket_cors(r) != NGX_OK
        || ngx_http_websocket_add_header(r, "Access-Control-Max-Age",
                                         &ngx_http_websocket_cors_age)
           != NGX_OK
        || ngx_http_websocket_add_header(r, "Access-Control-Allow-Methods",
                                         methods)
           != NGX_OK
        || (asked
            && ngx_http_websocket_add_header(r, "Access-Control-Allow-Headers",
                                             &asked->value)
               != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_HTTP_NO_CONTENT;
}


ngx_int_t
ngx_http_websocket_cors_refuse(ngx_http_request_t *r)
{
    ngx_str_t   *origin;
    const char  *error;

    error = ngx_http_websocket_origin_error(r, &origin);

    return error ? ngx_http_websocket_answer_text(r, NGX_HTTP_FORBIDDEN,
                                                  (char *) error)
                 : NGX_DECLINED;
}
