
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_queue.h"


/* of websocket_coalesce, bytes */
#define NGX_HTTP_WEBSOCKET_HOLD_SIZE  16384


static char *ngx_http_websocket_conflate_key(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_websocket_param_t *overflow,
    ngx_http_websocket_param_t *key);


static ngx_conf_enum_t  ngx_http_websocket_overflows[] = {
    { ngx_string("close"), NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE },
    { ngx_string("drop_oldest"), NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST },
    { ngx_string("conflate"), NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE },
    { ngx_null_string, 0 }
};


char *
ngx_http_websocket_send_queue(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                   n;
    ngx_conf_enum_t            *overflow;
    ngx_http_websocket_param_t  params[] = {
        { "messages=", ngx_null_string },
        { "size=", ngx_null_string },
        { "overflow=", ngx_null_string },
        { "key=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->queue_messages != NGX_CONF_UNSET_UINT
        || wlcf->queue_size != NGX_CONF_UNSET_SIZE
        || wlcf->overflow != NGX_CONF_UNSET_UINT)
    {
        return "is duplicate";
    }

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (params[0].value.data) {
        n = ngx_atoi(params[0].value.data, params[0].value.len);

        if (n == NGX_ERROR || n == 0) {
            return ngx_http_websocket_bad_param(cf, &params[0],
                                                "not a number above zero");
        }

        wlcf->queue_messages = n;
    }

    if (params[1].value.data) {
        n = ngx_parse_size(&params[1].value);

        if (n == NGX_ERROR || n == 0) {
            return ngx_http_websocket_bad_param(cf, &params[1],
                                                "not a size above zero");
        }

        wlcf->queue_size = n;
    }

    if (params[3].value.data
        && ngx_http_websocket_conflate_key(cf, wlcf, &params[2], &params[3])
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (params[2].value.data == NULL) {
        return NGX_CONF_OK;
    }

    for (overflow = ngx_http_websocket_overflows; overflow->name.len;
         overflow++)
    {
        if (ngx_strcmp(overflow->name.data, params[2].value.data) == 0) {
            wlcf->overflow = overflow->value;
            return NGX_CONF_OK;
        }
    }

    return ngx_http_websocket_bad_param(cf, &params[2],
                                        "it must be \"close\", "
                                        "\"drop_oldest\", or \"conflate\"");
}


/* a message has one key, whichever location it is delivered in */

static char *
ngx_http_websocket_conflate_key(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_websocket_param_t *overflow,
    ngx_http_websocket_param_t *key)
{
    ngx_str_t                       *known;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (overflow->value.data == NULL
        || ngx_strcmp(overflow->value.data, "conflate") != 0)
    {
        return ngx_http_websocket_bad_param(cf, key,
                                            "it goes with overflow=conflate");
    }

    if (key->value.len == 0) {
        return ngx_http_websocket_bad_param(cf, key, "it is empty");
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    known = &wmcf->conflate_key;

    if (known->len
        && (known->len != key->value.len
            || ngx_strncmp(known->data, key->value.data, known->len) != 0))
    {
        return ngx_http_websocket_bad_param(cf, key,
                                            "another directive has another "
                                            "key, and there can be one");
    }

    *known = key->value;
    wlcf->conflate_key = key->value;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ssize_t                      size;
    ngx_int_t                    delay;
    ngx_str_t                   *value;
    ngx_uint_t                   newest;
    ngx_http_websocket_batch_t  *batch;
    ngx_http_websocket_param_t   params[] = {
        { "size=", ngx_null_string },
        { "delay=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->batch != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->batch = NULL;

        return NGX_CONF_OK;
    }

    newest = ngx_strcmp(value[cf->args->nelts - 1].data, "newest") == 0;
    cf->args->nelts -= newest;

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    delay = params[1].value.data ? ngx_parse_time(&params[1].value, 0)
                                 : NGX_ERROR;

    if (delay == NGX_ERROR || delay == 0) {
        return ngx_http_websocket_bad_param(cf, &params[1],
                                            "delay=TIME is required, a time "
                                            "above zero");
    }

    if (delay > NGX_HTTP_WEBSOCKET_LONGEST) {
        return ngx_http_websocket_bad_param(cf, &params[1],
                                            NGX_HTTP_WEBSOCKET_TOO_LONG);
    }

    size = params[0].value.data ? ngx_parse_size(&params[0].value)
                                : NGX_HTTP_WEBSOCKET_HOLD_SIZE;

    if (size == NGX_ERROR || size == 0) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "not a size above zero");
    }

    batch = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_batch_t));
    if (batch == NULL) {
        return NGX_CONF_ERROR;
    }

    batch->delay = delay;
    batch->size = size;
    batch->newest = newest;
    ngx_queue_init(&batch->sessions);

    wlcf->batch = batch;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_priority(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->priority != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_http_websocket_conf_flag(cf, &wlcf->priority) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (value[2].len <= 6 || ngx_strncmp(value[2].data, "field=", 6) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", field=NAME is expected",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    wlcf->priority_field.data = value[2].data + 6;
    wlcf->priority_field.len = value[2].len - 6;

    return NGX_CONF_OK;
}
