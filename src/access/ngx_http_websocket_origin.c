
/* Whether the page that a request comes from is one that may connect. */


#include "access/ngx_http_websocket_origin.h"
#include "access/ngx_http_websocket_headers.h"
#include "conf/ngx_http_websocket_conf.h"


/*
 * the longest origin that regular expressions are tried on: more than a host's
 * name can have
 */
#define NGX_HTTP_WEBSOCKET_ORIGIN_SIZE  512


static ngx_uint_t ngx_http_websocket_origin_known(
    ngx_http_websocket_origins_t *origins, ngx_str_t *origin);


const char *
ngx_http_websocket_origin_error(ngx_http_request_t *r, ngx_str_t **origin)
{
    int                             https;
    ngx_str_t                       host, *value;
    ngx_uint_t                      several;
    ngx_table_elt_t                *h;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    *origin = NULL;

    h = ngx_http_websocket_header(r, "origin", &several);

    if (several) {
        return "there are several Origin headers";
    }

    value = h ? &h->value : NULL;

    ngx_str_null(&host);

    if (r->headers_in.host) {
        host = r->headers_in.host->value;
    }

    https = 0;

#if (NGX_HTTP_SSL)
    https = r->connection->ssl != NULL;
#endif

    if (ngx_websocket_origin_match(conf->origins->patterns,
                                   conf->origins->npatterns,
                                   value ? value->data : NULL,
                                   value ? value->len : 0,
                                   host.data, host.len, https)
        || (value
            && ngx_http_websocket_origin_known(conf->origins, value)))
    {
        return NULL;
    }

    *origin = value;

    return value ? "the page's Origin is not one that websocket_origin allows"
                 : "an Origin header is required";
}


static ngx_uint_t
ngx_http_websocket_origin_known(ngx_http_websocket_origins_t *origins,
    ngx_str_t *origin)
{
#if (NGX_PCRE)

    ngx_uint_t  i;

    if (origin->len > NGX_HTTP_WEBSOCKET_ORIGIN_SIZE) {
        return 0;
    }

    for (i = 0; i < origins->nregexes; i++) {
        if (ngx_regex_exec(origins->regexes[i], origin, NULL, 0) >= 0) {
            return 1;
        }
    }

#endif

    return 0;
}
