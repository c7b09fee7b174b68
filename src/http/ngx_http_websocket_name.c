
/*
 * Names with variables in them: of channels, where a variable without a value
 * would bring all together that have none, and those of websocket_set_name.
 */


#include "conf/ngx_http_websocket_conf_param.h"
#include "http/ngx_http_websocket_http.h"


/* a variable of a text */

typedef struct {
    ngx_str_t                        name;      /* without the dollar */
    ngx_int_t                        index;
    ngx_uint_t                       match;     /* 1 to 9: it is that part of
                                                   a regex's match */
} ngx_http_websocket_name_variable_t;


/* a websocket_set_name */

typedef struct {
    ngx_int_t                        index;     /* of its variable */
    ngx_http_complex_value_t         source;
    ngx_array_t                     *variables; /* of the source */
    ngx_uint_t                       once;      /* the source is there in the
                                                   rewrite phase only */
} ngx_http_websocket_set_name_t;


/* one that a request has come by, in r->pool */

struct ngx_http_websocket_named_s {
    ngx_http_websocket_named_t      *next;
    ngx_http_websocket_set_name_t   *set;
    ngx_str_t                        given;     /* the variable's value */
    ngx_str_t                        seen;      /* the source's, before the
                                                   access phase */
};


static ngx_array_t *ngx_http_websocket_name_variables(ngx_conf_t *cf,
    ngx_str_t *text);
static ngx_str_t ngx_http_websocket_name_next(u_char **pp, u_char *last);
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

#if (NDK_SET_VAR)
static ngx_uint_t ngx_http_websocket_name_has_match(ngx_array_t *variables);
static ngx_int_t ngx_http_websocket_set(ngx_http_request_t *r, ngx_str_t *res,
    ngx_http_variable_value_t *v, void *data);
#endif


ngx_int_t
ngx_http_websocket_name_compile(ngx_conf_t *cf,
    ngx_http_websocket_name_t *name, ngx_str_t *text, ngx_uint_t empty)
{
    name->variables = NULL;

    if (ngx_http_websocket_compile(cf, &name->value, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (empty) {
        return NGX_OK;
    }

    name->variables = ngx_http_websocket_name_variables(cf, text);

    return name->variables ? NGX_OK : NGX_ERROR;
}


/* of a text that was compiled, and so is right */

static ngx_array_t *
ngx_http_websocket_name_variables(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char                              *p, *last;
    ngx_str_t                            name;
    ngx_array_t                         *variables;
    ngx_http_websocket_name_variable_t  *variable;

    variables = ngx_array_create(cf->pool, 1,
                                 sizeof(ngx_http_websocket_name_variable_t));
    if (variables == NULL) {
        return NULL;
    }

    p = text->data;
    last = text->data + text->len;

    for ( ;; ) {

        name = ngx_http_websocket_name_next(&p, last);

        if (name.len == 0) {
            return variables;
        }

        variable = ngx_array_push(variables);
        if (variable == NULL) {
            return NULL;
        }

        variable->name = name;
        variable->index = 0;
        variable->match = 0;

        if (p[-1] >= '1' && p[-1] <= '9' && p[-2] == '$') {
            variable->match = p[-1] - '0';
            continue;
        }

        variable->index = ngx_http_get_variable_index(cf, &variable->name);

        if (variable->index == NGX_ERROR) {
            return NULL;
        }
    }
}


/* as ngx_http_script_compile() reads them; an empty one: there is no more */

static ngx_str_t
ngx_http_websocket_name_next(u_char **pp, u_char *last)
{
    u_char     *p;
    ngx_str_t   name;

    ngx_str_null(&name);

    p = ngx_strlchr(*pp, last, '$');

    if (p == NULL) {
        return name;
    }

    name.data = ++p;

    if (p < last && *p >= '1' && *p <= '9') {
        name.len = 1;
        *pp = p + 1;

        return name;
    }

    if (p < last && *p == '{') {
        name.data = ++p;
    }

    while (p < last
           && ((*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z')
               || (*p >= '0' && *p <= '9') || *p == '_'))
    {
        p++;
    }

    name.len = p - name.data;
    *pp = p;

    return name;
}


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

    return NGX_DECLINED;
}


/* the first one that is empty, or NULL */

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


/* they have just been evaluated */

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


#if (NDK_SET_VAR)

char *
ngx_http_websocket_set_name(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                            *rc;
    ngx_str_t                       *value, name;
    ndk_set_var_t                   *filter;
    ngx_http_websocket_set_name_t   *set;
    ngx_http_websocket_main_conf_t  *wmcf;

    value = cf->args->elts;

    filter = ngx_pcalloc(cf->pool, sizeof(ndk_set_var_t));
    set = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_set_name_t));

    if (filter == NULL || set == NULL) {
        return NGX_CONF_ERROR;
    }

    filter->type = NDK_SET_VAR_VALUE_DATA;
    filter->func = (void *) ngx_http_websocket_set;
    filter->size = 1;
    filter->data = set;

    name = value[1];

    rc = ndk_set_var_value_core(cf, &name, &value[2], filter);

    if (rc != NGX_CONF_OK) {
        return rc;
    }

    name.data = value[1].data + 1;
    name.len = value[1].len - 1;

    set->index = ngx_http_get_variable_index(cf, &name);
    set->variables = ngx_http_websocket_name_variables(cf, &value[2]);

    if (set->index == NGX_ERROR || set->variables == NULL
        || ngx_http_websocket_compile(cf, &set->source, &value[2]) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    /* the parts of a match may be another regex's by then */

    set->once = set->variables->nelts == 0
                || ngx_http_websocket_name_has_match(set->variables);

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->named |= !set->once;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_websocket_name_has_match(ngx_array_t *variables)
{
    ngx_uint_t                           i;
    ngx_http_websocket_name_variable_t  *variable;

    variable = variables->elts;

    for (i = 0; i < variables->nelts; i++) {
        if (variable[i].match) {
            return 1;
        }
    }

    return 0;
}


/* in the rewrite phase, by ngx_devel_kit, in order with "set" and "if" */

static ngx_int_t
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


#else

char *
ngx_http_websocket_set_name(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%V\" needs nginx's rewrite module, without which "
                       "this nginx was built", &cmd->name);

    return NGX_CONF_ERROR;
}

#endif


/* nothing, where it would be the same for all who lack a variable of it */

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

    if (ngx_http_websocket_channel_error(res)
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

        /* something else may have set it since; a subrequest sets the same */

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
