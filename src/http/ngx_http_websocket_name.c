
/*
 * Names with variables in them, of a request: of channels, where a variable
 * without a value would bring all together that have none, and those of
 * websocket_set_decoded.
 */


#include "http/ngx_http_websocket_name.h"
#include "http/ngx_http_websocket_channel_names.h"


/* a websocket_set_decoded that a request has come by, in r->pool */

struct ngx_http_websocket_named_s {
    ngx_http_websocket_named_t      *next;
    ngx_http_websocket_set_name_t   *set;
    ngx_str_t                        given;     /* the variable's value */
    ngx_str_t                        seen;      /* the source's, before the
                                                   access phase */
};


static ngx_http_websocket_name_variable_t *ngx_http_websocket_name_lacking(
    ngx_http_request_t *r, ngx_array_t *variables);
static ngx_uint_t ngx_http_websocket_name_lacks(ngx_http_request_t *r,
    ngx_http_websocket_name_variable_t *variable);
static ngx_int_t ngx_http_websocket_set_decode(ngx_http_request_t *r,
    ngx_http_websocket_set_name_t *set, ngx_str_t *res, ngx_str_t *source);
static ngx_int_t ngx_http_websocket_named_before(ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_is_same(ngx_str_t *text, u_char *data,
    size_t len);
static ngx_int_t ngx_http_websocket_named_after(ngx_http_request_t *r);


ngx_int_t
ngx_http_websocket_name_value(ngx_http_request_t *r,
    ngx_http_websocket_name_t *name, ngx_str_t *value, char **error)
{
    u_char                              *p;
    ngx_http_websocket_name_variable_t  *variable;

    static char  text[] = "a variable of the channel name is empty: ";

    if (ngx_http_complex_value(r, &name->value, value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name->variables == NULL) {
        return NGX_OK;
    }

    variable = ngx_http_websocket_name_lacking(r, name->variables);

    if (variable == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, sizeof(text) + sizeof("\"$\"")
                             + variable->name.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    *error = (char *) p;
    ngx_sprintf(p, "%s\"$%V\"%Z", text, &variable->name);

    return NGX_HTTP_BAD_REQUEST;
}


/* returns the first variable that is empty, or NULL */

static ngx_http_websocket_name_variable_t *
ngx_http_websocket_name_lacking(ngx_http_request_t *r, ngx_array_t *variables)
{
    ngx_uint_t                           i;
    ngx_http_websocket_name_variable_t  *variable;

    variable = variables->elts;

    for (i = 0; i < variables->nelts; i++) {
        if (ngx_http_websocket_name_lacks(r, &variable[i])) {
            return &variable[i];
        }
    }

    return NULL;
}


/* the variables' values are cached: the name was evaluated just before */

static ngx_uint_t
ngx_http_websocket_name_lacks(ngx_http_request_t *r,
    ngx_http_websocket_name_variable_t *variable)
{
#if (NGX_PCRE)
    ngx_uint_t                  n;
#endif
    ngx_http_variable_value_t  *v;

#if (NGX_PCRE)

    if (variable->match) {
        n = 2 * variable->match;

        return n >= r->ncaptures || r->captures[n] == r->captures[n + 1];
    }

#endif

    v = ngx_http_get_indexed_variable(r, variable->index);

    return v == NULL || v->not_found || v->len == 0;
}


ngx_int_t
ngx_http_websocket_set(ngx_http_request_t *r, ngx_str_t *res,
    ngx_http_variable_value_t *v, void *data)
{
    ngx_http_websocket_set_name_t *set = data;

    ngx_str_t                    source;
    ngx_http_websocket_ctx_t    *ctx;
    ngx_http_websocket_named_t  *named;

    source.data = v->data;
    source.len = v->len;

    if (ngx_http_websocket_set_decode(r, set, res, &source) != NGX_OK) {
        return NGX_ERROR;
    }

    if (set->once) {
        return NGX_OK;
    }

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    for (named = ctx->named; named && named->set != set; named = named->next) {
        /* void */
    }

    if (named == NULL) {

        named = ngx_palloc(r->pool, sizeof(ngx_http_websocket_named_t));
        if (named == NULL) {
            return NGX_ERROR;
        }

        named->set = set;
        named->next = ctx->named;
        ctx->named = named;
    }

    named->given = *res;

    return NGX_OK;
}


/*
 * The value is empty where a variable of it is: else all clients that lack the
 * variable would share one channel.
 */

static ngx_int_t
ngx_http_websocket_set_decode(ngx_http_request_t *r,
    ngx_http_websocket_set_name_t *set, ngx_str_t *res, ngx_str_t *source)
{
    u_char  *dst, *src;

    res->len = 0;
    res->data = ngx_pnalloc(r->pool, source->len + 1);
    if (res->data == NULL) {
        return NGX_ERROR;
    }

    dst = res->data;
    src = source->data;

    ngx_unescape_uri(&dst, &src, source->len, 0);

    res->len = dst - res->data;

    if (ngx_http_websocket_channel_name_error(res)
        || ngx_http_websocket_name_lacking(r, set->variables))
    {
        res->len = 0;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_named_init(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_handler_pt             *handler;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_websocket_main_conf_t  *wmcf;

    static const struct {
        ngx_uint_t                   phase;
        ngx_http_handler_pt          handler;
    } handlers[] = {
        { NGX_HTTP_PREACCESS_PHASE, ngx_http_websocket_named_before },
        { NGX_HTTP_PRECONTENT_PHASE, ngx_http_websocket_named_after }
    };

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (!wmcf->named) {
        return NGX_OK;
    }

    for (i = 0; i < 2; i++) {

        handler = ngx_array_push(&cmcf->phases[handlers[i].phase].handlers);
        if (handler == NULL) {
            return NGX_ERROR;
        }

        *handler = handlers[i].handler;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_named_before(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t    *ctx;
    ngx_http_websocket_named_t  *named;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    for (named = ctx ? ctx->named : NULL; named; named = named->next) {
        if (ngx_http_complex_value(r, &named->set->source, &named->seen)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_websocket_is_same(ngx_str_t *text, u_char *data, size_t len)
{
    return text->len == len
           && (len == 0 || ngx_memcmp(text->data, data, len) == 0);
}


/* auth_request_set sets variables after the rewrite phase */

static ngx_int_t
ngx_http_websocket_named_after(ngx_http_request_t *r)
{
    ngx_str_t                    source;
    ngx_http_websocket_ctx_t    *ctx;
    ngx_http_variable_value_t   *v;
    ngx_http_websocket_named_t  *named;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    for (named = ctx ? ctx->named : NULL; named; named = named->next) {

        v = &r->variables[named->set->index];

        /*
         * Another directive may have set the variable since, or a subrequest,
         * which shares its variables with this request.
         */

        if (!ngx_http_websocket_is_same(&named->given, v->data, v->len)) {
            continue;
        }

        if (ngx_http_complex_value(r, &named->set->source, &source)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (ngx_http_websocket_is_same(&named->seen, source.data,
                                       source.len))
        {
            continue;
        }

        if (ngx_http_websocket_set_decode(r, named->set, &named->given,
                                          &source)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        v->data = named->given.data;
        v->len = named->given.len;
    }

    return NGX_DECLINED;
}
