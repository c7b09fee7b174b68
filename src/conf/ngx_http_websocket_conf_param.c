
#include "conf/ngx_http_websocket_conf_param.h"


static char *ngx_http_websocket_unknown_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params, ngx_str_t *value);


char *
ngx_http_websocket_params(ngx_conf_t *cf, ngx_http_websocket_param_t *params,
    ngx_uint_t first)
{
    size_t                       len;
    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_websocket_param_t  *param;

    value = cf->args->elts;

    for (i = first; i < cf->args->nelts; i++) {

        for (param = params; param->name; param++) {

            len = ngx_strlen(param->name);

            if (value[i].len < len
                || ngx_strncmp(value[i].data, param->name, len) != 0)
            {
                continue;
            }

            if (param->value.data) {
                return ngx_http_websocket_bad_param(cf, param,
                                                    "given twice");
            }

            param->value.data = value[i].data + len;
            param->value.len = value[i].len - len;
            break;
        }

        if (param->name == NULL) {
            return ngx_http_websocket_unknown_param(cf, params, &value[i]);
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_unknown_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params, ngx_str_t *value)
{
    u_char                      *p, *last;
    u_char                       known[NGX_MAX_CONF_ERRSTR];
    ngx_http_websocket_param_t  *param;

    p = known;
    last = known + NGX_MAX_CONF_ERRSTR;

    for (param = params; param->name; param++) {
        p = ngx_slprintf(p, last, "%s%s", param == params ? "" : ", ",
                         param->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\", none of %*s", value,
                       (size_t) (p - known), known);

    return NGX_CONF_ERROR;
}


char *
ngx_http_websocket_bad_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%s%V\": %s",
                       param->name, &param->value, what);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_websocket_conf_flag(ngx_conf_t *cf, ngx_flag_t *flag)
{
    ngx_str_t  *value;

    value = cf->args->elts;

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        *flag = 1;
        return NGX_OK;
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        *flag = 0;
        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\", it must be \"on\" or \"off\"",
                       &value[1]);

    return NGX_ERROR;
}


ngx_int_t
ngx_http_websocket_compile(ngx_conf_t *cf, ngx_http_complex_value_t *cv,
    ngx_str_t *value)
{
    ngx_http_compile_complex_value_t  ccv;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = value;
    ccv.complex_value = cv;

    return ngx_http_compile_complex_value(&ccv);
}


ssize_t
ngx_http_websocket_conf_file(ngx_conf_t *cf, char *what, ngx_str_t *name,
    u_char *buf, size_t size)
{
    ssize_t     n;
    ngx_file_t  file;

    if (ngx_conf_full_name(cf->cycle, name, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;
    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, buf, size + 1, 0);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_file_n " \"%V\" failed", name);

    } else if ((size_t) n > size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the %s \"%V\" is larger than %uz bytes", what,
                           name, size);
        n = NGX_ERROR;
    }

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return n;
}


char *
ngx_http_websocket_off_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t   *value;
    ngx_msec_t  *msp;

    value = cf->args->elts;
    msp = (ngx_msec_t *) (p + cmd->offset);

    if (ngx_strcmp(value[1].data, "off") != 0) {
        return ngx_conf_set_msec_slot(cf, cmd, conf);
    }

    if (*msp != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    *msp = 0;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_check_time(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *msp = data;

    return *msp > NGX_HTTP_WEBSOCKET_LONGEST ? NGX_HTTP_WEBSOCKET_TOO_LONG
                                             : NGX_CONF_OK;
}


char *
ngx_http_websocket_check_timer(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *msp = data;

    return *msp == 0 ? "must be above zero"
                     : ngx_http_websocket_check_time(cf, post, data);
}
