
#include "conf/ngx_http_websocket_conf_channel.h"
#include "conf/ngx_http_websocket_conf_name.h"
#include "conf/ngx_http_websocket_conf_param.h"


static char *ngx_http_websocket_except(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_websocket_param_t *param);


/* names, and at the end perhaps empty=allowed */

char *
ngx_http_websocket_channel(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  i, n, empty;
    ngx_http_websocket_name_t  *name;

    if (wlcf->channels != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = cf->args->nelts;

    empty = ngx_strcmp(value[n - 1].data, "empty=allowed") == 0;
    n -= empty;

    if (n == 1) {
        return "needs a channel's name";
    }

    wlcf->channels = ngx_array_create(cf->pool, n - 1,
                                      sizeof(ngx_http_websocket_name_t));
    if (wlcf->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {

        if (value[i].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "an empty channel name");
            return NGX_CONF_ERROR;
        }

        if (ngx_strncmp(value[i].data, "empty=", 6) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\": it can only be "
                               "\"empty=allowed\", behind the names",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wlcf->channels);

        if (name == NULL
            || ngx_http_websocket_name_compile(cf, name, &value[i], empty)
               != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


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


char *
ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_websocket_store_history_t  history;

    if (wlcf->history_length != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_http_websocket_history_params(cf, wlcf, &history) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    wlcf->history_length = history.length;
    wlcf->history_time = history.time;
    wlcf->history_max = history.max;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_history_params(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf,
    ngx_websocket_store_history_t *history)
{
    off_t                       max;
    ngx_int_t                   length, time;
    ngx_http_websocket_param_t  params[] = {
        { "length=", ngx_null_string },
        { "time=", ngx_null_string },
        { "max=", ngx_null_string },
        { wlcf ? "except=" : NULL, ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    length = params[0].value.data ? ngx_atoi(params[0].value.data,
                                             params[0].value.len)
                                  : NGX_ERROR;

    if (length == NGX_ERROR || length > NGX_MAX_INT32_VALUE) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "length=NUMBER is required");
    }

    time = 0;

    if (params[1].value.data) {
        time = ngx_parse_time(&params[1].value, 1);

        if (time == NGX_ERROR || time == 0 || time > NGX_MAX_INT32_VALUE) {
            return ngx_http_websocket_bad_param(cf, &params[1],
                                                "not a time of a second or "
                                                "more");
        }
    }

    max = 0;

    if (params[2].value.data) {
        max = ngx_parse_offset(&params[2].value);

        if (max == NGX_ERROR || max == 0
            || max > (off_t) UINT32_MAX * NGX_WEBSOCKET_STORE_BLOCK)
        {
            return ngx_http_websocket_bad_param(cf, &params[2],
                                                "not a size above zero");
        }
    }

    if (params[3].value.data
        && ngx_http_websocket_except(cf, wlcf, &params[3]) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    history->length = length;
    history->time = time;
    history->max = (max + NGX_WEBSOCKET_STORE_BLOCK - 1)
                   / NGX_WEBSOCKET_STORE_BLOCK;

    return NGX_CONF_OK;
}


/* FIELD:VALUE|VALUE... */

static char *
ngx_http_websocket_except(ngx_conf_t *cf, ngx_http_websocket_loc_conf_t *wlcf,
    ngx_http_websocket_param_t *param)
{
    u_char                       *p, *last, *end;
    ngx_str_t                    *value;
    ngx_http_websocket_except_t  *except;

    p = param->value.data;
    last = p + param->value.len;

    end = ngx_strlchr(p, last, ':');

    if (end == NULL || end == p) {
        return ngx_http_websocket_bad_param(cf, param, "not FIELD:VALUE, or "
                                            "several values with \"|\"");
    }

    except = ngx_palloc(cf->pool, sizeof(ngx_http_websocket_except_t));

    if (except == NULL
        || ngx_array_init(&except->values, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    except->field.data = p;
    except->field.len = end - p;

    for (p = end + 1; /* void */ ; p = end + 1) {

        end = ngx_strlchr(p, last, '|');
        end = end ? end : last;

        if (end == p) {
            return ngx_http_websocket_bad_param(cf, param,
                                                "a value is empty");
        }

        value = ngx_array_push(&except->values);
        if (value == NULL) {
            return NGX_CONF_ERROR;
        }

        value->data = p;
        value->len = end - p;

        if (end == last) {
            break;
        }
    }

    /* the name is looked for as a text that ends with a null */

    except->field.data[except->field.len] = '\0';

    wlcf->history_except = except;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_replay(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (wlcf->replay != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = ngx_http_websocket_replay_number(cf, &value[1]);

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    wlcf->replay = n;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (n == 0 || ngx_strcmp(value[2].data, "only") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, n == 0
                           ? "invalid parameter \"%V\": there is nothing to "
                             "replay"
                           : "invalid parameter \"%V\", it may be \"only\"",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    wlcf->replay_only = 1;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_websocket_replay_number(ngx_conf_t *cf, ngx_str_t *value)
{
    ngx_int_t  n;

    if (ngx_strcmp(value->data, "none") == 0) {
        return 0;
    }

    if (ngx_strcmp(value->data, "all") == 0) {
        return NGX_MAX_INT32_VALUE;
    }

    n = ngx_atoi(value->data, value->len);

    if (n == NGX_ERROR || n > NGX_MAX_INT32_VALUE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"none\", "
                           "\"all\", or a number of messages", value);
        return NGX_ERROR;
    }

    return n;
}
