
/*
 * websocket_origin: which pages browsers may come from.
 */


#ifndef NGX_HTTP_WEBSOCKET_ORIGIN_H
#define NGX_HTTP_WEBSOCKET_ORIGIN_H


#include "ngx_http_websocket_module.h"
#include "auth/origin.h"


struct ngx_http_websocket_origins_s {
    ngx_websocket_origin_t       *patterns;
    ngx_uint_t                    npatterns;
#if (NGX_PCRE)
    ngx_regex_t                 **regexes;  /* of whole origins */
    ngx_uint_t                    nregexes;
#endif
};


/*
 * What a location without websocket_origin has: the pages of the server
 * itself, and clients that are no browsers.
 */
extern ngx_http_websocket_origins_t  ngx_http_websocket_origins_default;


/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Whether the pages that the request comes from may do so: NULL, or a
 * constant text that says why not; *origin is the one that is not allowed, or
 * NULL.
 */
const char *ngx_http_websocket_origin_error(ngx_http_request_t *r,
    ngx_str_t **origin);


#endif /* NGX_HTTP_WEBSOCKET_ORIGIN_H */
