
#include "conf/ngx_http_websocket_conf_origin.h"


static char *ngx_http_websocket_origin_regex(ngx_conf_t *cf,
    ngx_http_websocket_origins_t *origins, ngx_str_t *pattern);


static ngx_websocket_origin_t  ngx_http_websocket_same_or_none[] = {
    { .kind = NGX_WEBSOCKET_ORIGIN_SAME },
    { .kind = NGX_WEBSOCKET_ORIGIN_NONE }
};


ngx_http_websocket_origins_t  ngx_http_websocket_origins_default = {
    .patterns = ngx_http_websocket_same_or_none,
    .npatterns = 2
};


char *
ngx_http_websocket_origin(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    const char                    *error;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_websocket_origins_t  *origins;

    if (wlcf->origins != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    origins = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_origins_t));
    if (origins == NULL) {
        return NGX_CONF_ERROR;
    }

    origins->patterns = ngx_pcalloc(cf->pool, cf->args->nelts
                                           * sizeof(ngx_websocket_origin_t));
    if (origins->patterns == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len && value[i].data[0] == '~') {

            if (ngx_http_websocket_origin_regex(cf, origins, &value[i])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

            continue;
        }

        error = ngx_websocket_origin_parse(
                                   &origins->patterns[origins->npatterns++],
                                   value[i].data, value[i].len);
        if (error) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid origin \"%V\": %s", &value[i], error);
            return NGX_CONF_ERROR;
        }
    }

    wlcf->origins = origins;

    return NGX_CONF_OK;
}


#if (NGX_PCRE)

/*
 * A regex that need only occur somewhere in the origin would let in anybody who
 * chooses a name to fit it, and no origin is to be looked at for long.
 */

static char *
ngx_http_websocket_origin_regex(ngx_conf_t *cf,
    ngx_http_websocket_origins_t *origins, ngx_str_t *pattern)
{
    u_char               *p, errstr[NGX_MAX_CONF_ERRSTR];
    size_t                skip;
    ngx_regex_compile_t   rc;

    static const char     bounds[] =
#if (NGX_PCRE2)
                              "(*NO_JIT)"
#endif
                              "(*LIMIT_MATCH=10000)\\A(?:%*s)\\z%Z";

    if (origins->regexes == NULL) {
        origins->regexes = ngx_palloc(cf->pool, cf->args->nelts
                                                * sizeof(ngx_regex_t *));
        if (origins->regexes == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    skip = 1;

    if (pattern->len > 1 && pattern->data[1] == '*') {
        skip = 2;
        rc.options = NGX_REGEX_CASELESS;
    }

    p = ngx_pnalloc(cf->pool, pattern->len + sizeof(bounds));
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    rc.pattern.data = p;
    rc.pattern.len = ngx_sprintf(p, bounds, pattern->len - skip,
                                 pattern->data + skip)
                     - p - 1;
    rc.pool = cf->pool;
    rc.err.data = errstr;
    rc.err.len = NGX_MAX_CONF_ERRSTR;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid origin \"%V\": %V",
                           pattern, &rc.err);
        return NGX_CONF_ERROR;
    }

    origins->regexes[origins->nregexes++] = rc.regex;

    return NGX_CONF_OK;
}

#else

static char *
ngx_http_websocket_origin_regex(ngx_conf_t *cf,
    ngx_http_websocket_origins_t *origins, ngx_str_t *pattern)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid origin \"%V\": nginx has no PCRE", pattern);

    return NGX_CONF_ERROR;
}

#endif
