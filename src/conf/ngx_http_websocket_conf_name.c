
#include "conf/ngx_http_websocket_conf_name.h"
#include "conf/ngx_http_websocket_conf_param.h"


static ngx_str_t ngx_http_websocket_name_next(u_char **pp, u_char *last);

#if (NDK_SET_VAR)
static ngx_uint_t ngx_http_websocket_name_has_match(ngx_array_t *variables);
#endif


ngx_array_t *
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
    filter->func = cmd->post;
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
