
#include "conf/ngx_http_websocket_conf_limits.h"
#include "conf/ngx_http_websocket_conf_param.h"


static ngx_array_t *ngx_http_websocket_limits_array(ngx_conf_t *cf,
    ngx_array_t **array, size_t size);
static char *ngx_http_websocket_sessions_key(ngx_conf_t *cf,
    ngx_http_websocket_max_sessions_t *max, ngx_array_t *all,
    ngx_str_t *param);
static char *ngx_http_websocket_rate_param(ngx_conf_t *cf,
    ngx_http_websocket_max_rate_t *max, ngx_str_t *param);
static char *ngx_http_websocket_rate_action(ngx_conf_t *cf,
    ngx_http_websocket_max_rate_t *max, ngx_str_t *param);
static ngx_uint_t ngx_http_websocket_param_is(ngx_str_t *param, char *name,
    ngx_str_t *value);
static char *ngx_http_websocket_limits_bad(ngx_conf_t *cf, ngx_str_t *param,
    const char *what);


/* the default limit of Pings: a client that sends more has no use for them */

static ngx_websocket_rate_t  ngx_http_websocket_default_pings = {
    100, 1000, 100
};


static ngx_conf_enum_t  ngx_http_websocket_excesses[] = {
    { ngx_string("delay"), NGX_HTTP_WEBSOCKET_DELAY },
    { ngx_string("drop"), NGX_HTTP_WEBSOCKET_DROP },
    { ngx_string("close"), NGX_HTTP_WEBSOCKET_CLOSE },
    { ngx_null_string, 0 }
};


void
ngx_http_websocket_limits_create(ngx_http_websocket_limits_conf_t *conf)
{
    conf->sessions = NGX_CONF_UNSET_PTR;
    conf->rates = NGX_CONF_UNSET_PTR;
    conf->pings = NGX_CONF_UNSET_PTR;
    conf->errors = NGX_CONF_UNSET_PTR;
    conf->fragments = NGX_CONF_UNSET_UINT;
}


void
ngx_http_websocket_limits_merge(ngx_http_websocket_limits_conf_t *conf,
    ngx_http_websocket_limits_conf_t *prev)
{
    ngx_conf_merge_ptr_value(conf->sessions, prev->sessions, NULL);
    ngx_conf_merge_ptr_value(conf->rates, prev->rates, NULL);
    ngx_conf_merge_ptr_value(conf->pings, prev->pings,
                             &ngx_http_websocket_default_pings);
    ngx_conf_merge_ptr_value(conf->errors, prev->errors, NULL);
    ngx_conf_merge_uint_value(conf->fragments, prev->fragments, 1024);
}


/* off, and several lines, do not go together */

static ngx_array_t *
ngx_http_websocket_limits_array(ngx_conf_t *cf, ngx_array_t **array,
    size_t size)
{
    if (*array == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "it is off already");
        return NULL;
    }

    if (*array == NGX_CONF_UNSET_PTR) {
        *array = ngx_array_create(cf->pool, 1, size);

    } else if ((*array)->nelts == NGX_HTTP_WEBSOCKET_LIMITS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d of these lines",
                           NGX_HTTP_WEBSOCKET_LIMITS);
        return NULL;
    }

    return *array;
}


char *
ngx_http_websocket_max_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                           n;
    ngx_str_t                          *value, none;
    ngx_array_t                       **all;
    ngx_http_websocket_max_sessions_t  *max;

    value = cf->args->elts;
    all = &wlcf->limits.sessions;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (*all != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        *all = NULL;

        return NGX_CONF_OK;
    }

    n = ngx_atoi(value[1].data, value[1].len);

    if (n == NGX_ERROR || n == 0 || n > NGX_MAX_INT32_VALUE) {
        return ngx_http_websocket_limits_bad(cf, &value[1],
                                             "not a number above zero");
    }

    if (ngx_http_websocket_limits_array(cf, all,
                                    sizeof(ngx_http_websocket_max_sessions_t))
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    max = ngx_array_push(*all);
    if (max == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_null(&none);

    max->max = n;

    return ngx_http_websocket_sessions_key(cf, max, *all,
                                           cf->args->nelts == 3 ? &value[2]
                                                                : &none);
}


static char *
ngx_http_websocket_sessions_key(ngx_conf_t *cf,
    ngx_http_websocket_max_sessions_t *max, ngx_array_t *all,
    ngx_str_t *param)
{
    ngx_http_websocket_max_sessions_t  *other;

    ngx_str_null(&max->text);

    if (param->len
        && (!ngx_http_websocket_param_is(param, "key=", &max->text)
            || max->text.len == 0))
    {
        return ngx_http_websocket_limits_bad(cf, param,
                                             "key=VALUE is expected");
    }

    for (other = all->elts; other < max; other++) {

        if (other->text.len == max->text.len
            && (max->text.len == 0
                || ngx_memcmp(other->text.data, max->text.data,
                              max->text.len) == 0))
        {
            return "has this key twice";
        }
    }

    if (max->text.len
        && ngx_http_websocket_compile(cf, &max->key, &max->text) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_max_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    char                            *rv;
    ngx_str_t                       *value, burst;
    ngx_uint_t                       i;
    const char                      *error;
    ngx_http_websocket_max_rate_t   *max;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {

        if (wlcf->limits.rates != NGX_CONF_UNSET_PTR) {
            return "is duplicate";
        }

        wlcf->limits.rates = NULL;

        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_limits_array(cf, &wlcf->limits.rates,
                                        sizeof(ngx_http_websocket_max_rate_t))
        == NULL)
    {
        return NGX_CONF_ERROR;
    }

    max = ngx_array_push(wlcf->limits.rates);
    if (max == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(max, sizeof(ngx_http_websocket_max_rate_t));

    rv = ngx_http_websocket_rate_param(cf, max, &value[1]);

    for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {

        if (!ngx_http_websocket_param_is(&value[i], "burst=", &burst)) {
            rv = ngx_http_websocket_rate_action(cf, max, &value[i]);
            continue;
        }

        error = ngx_websocket_rate_parse_burst(&max->rate, burst.data,
                                               burst.len, (int) max->bytes);
        if (error) {
            return ngx_http_websocket_limits_bad(cf, &value[i], error);
        }
    }

    return rv;
}


static char *
ngx_http_websocket_rate_param(ngx_conf_t *cf,
    ngx_http_websocket_max_rate_t *max, ngx_str_t *param)
{
    ngx_str_t    value;
    const char  *error;

    max->bytes = ngx_http_websocket_param_is(param, "bytes=", &value);

    if (!max->bytes
        && !ngx_http_websocket_param_is(param, "messages=", &value))
    {
        return ngx_http_websocket_limits_bad(cf, param,
                                             "messages=N/s, bytes=SIZE/s, "
                                             "or off is expected");
    }

    error = ngx_websocket_rate_parse(&max->rate, value.data, value.len,
                                     (int) max->bytes);
    if (error) {
        return ngx_http_websocket_limits_bad(cf, param, error);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_rate_action(ngx_conf_t *cf,
    ngx_http_websocket_max_rate_t *max, ngx_str_t *param)
{
    ngx_str_t         value;
    ngx_conf_enum_t  *e;

    if (!ngx_http_websocket_param_is(param, "action=", &value)) {
        return ngx_http_websocket_limits_bad(cf, param,
                                             "burst= or action= is expected");
    }

    for (e = ngx_http_websocket_excesses; e->name.len; e++) {

        if (ngx_strcmp(e->name.data, value.data) == 0) {
            max->excess = e->value;
            return NGX_CONF_OK;
        }
    }

    return ngx_http_websocket_limits_bad(cf, param,
                                         "it must be \"delay\", \"drop\", "
                                         "or \"close\"");
}


/* N/TIME or off, of pings and of errors */

char *
ngx_http_websocket_max_times(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t              *value;
    const char             *error;
    ngx_websocket_rate_t  **rate;

    rate = (ngx_websocket_rate_t **) (p + cmd->offset);

    if (*rate != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    *rate = NULL;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    *rate = ngx_palloc(cf->pool, sizeof(ngx_websocket_rate_t));
    if (*rate == NULL) {
        return NGX_CONF_ERROR;
    }

    error = ngx_websocket_rate_parse(*rate, value[1].data, value[1].len, 0);

    if (error) {
        return ngx_http_websocket_limits_bad(cf, &value[1], error);
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_websocket_param_is(ngx_str_t *param, char *name, ngx_str_t *value)
{
    size_t  len;

    len = ngx_strlen(name);

    if (param->len < len || ngx_strncmp(param->data, name, len) != 0) {
        return 0;
    }

    value->data = param->data + len;
    value->len = param->len - len;

    return 1;
}


static char *
ngx_http_websocket_limits_bad(ngx_conf_t *cf, ngx_str_t *param,
    const char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\": %s",
                       param, what);

    return NGX_CONF_ERROR;
}
