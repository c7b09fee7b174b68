
/*
 * The directives' parameters: read and checked.
 */


#include "conf/ngx_http_websocket_conf_param.h"
#include "http/ngx_http_websocket_http.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_wheel.h"


#define NGX_HTTP_WEBSOCKET_INACTIVE    60000    /* milliseconds */
#define NGX_HTTP_WEBSOCKET_PAGES_MIN   16
#define NGX_HTTP_WEBSOCKET_HOLD_SIZE   16384

/* a block has a number of 32 bits: beyond, memory would not be used */
#define NGX_HTTP_WEBSOCKET_ZONE_MAX    (UINT64_C(1) << 40)

#define NGX_HTTP_WEBSOCKET_TOO_LONG    "is too long: 20d is the most"

/* of websocket_deflate */

#define NGX_HTTP_WEBSOCKET_MIN_LENGTH  64
#define NGX_HTTP_WEBSOCKET_LEVEL       1
#define NGX_HTTP_WEBSOCKET_WINDOW      12
#define NGX_HTTP_WEBSOCKET_MEMORY      5


static char *ngx_http_websocket_set_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_handler_pt handler,
    ngx_uint_t param);
static char *ngx_http_websocket_unknown_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params, ngx_str_t *value);
static ngx_int_t ngx_http_websocket_number_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t *value, ngx_int_t least,
    ngx_int_t most);
static ngx_int_t ngx_http_websocket_flag_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag);
static ngx_int_t ngx_http_websocket_flag(ngx_conf_t *cf, ngx_flag_t *flag);
static ngx_uint_t ngx_http_websocket_is_token(ngx_str_t *value);


static ngx_conf_enum_t  ngx_http_websocket_modes[] = {
    { ngx_string("bidirectional"), NGX_HTTP_WEBSOCKET_BIDIRECTIONAL },
    { ngx_string("result"), NGX_HTTP_WEBSOCKET_RESULT },
    { ngx_string("payload"), NGX_HTTP_WEBSOCKET_PAYLOAD },
    { ngx_string("echo"), NGX_HTTP_WEBSOCKET_ECHO },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_websocket_overflows[] = {
    { ngx_string("close"), NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE },
    { ngx_string("drop_oldest"), NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST },
    { ngx_string("conflate"), NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE },
    { ngx_null_string, 0 }
};


char *
ngx_http_websocket_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_main_conf_t *wmcf = conf;

    u_char                      *colon;
    ssize_t                      size;
    ngx_int_t                    inactive;
    ngx_str_t                    name, s;
    ngx_http_websocket_zone_t   *zone, **zp;
    ngx_http_websocket_param_t   params[] = {
        { "zone=", ngx_null_string },
        { "inactive=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    name = params[0].value;
    colon = name.data ? ngx_strlchr(name.data, name.data + name.len, ':')
                      : NULL;

    if (colon == NULL || colon == name.data) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "zone=NAME:SIZE is required");
    }

    s.data = colon + 1;
    s.len = name.data + name.len - s.data;
    name.len = colon - name.data;

    size = ngx_parse_size(&s);

    if (size == NGX_ERROR) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "the size is not a number with "
                                            "k or m");
    }

    if (size < (ssize_t) (NGX_HTTP_WEBSOCKET_PAGES_MIN * ngx_pagesize)) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "the zone is too small: 64k is "
                                            "the least");
    }

    if ((uint64_t) size > NGX_HTTP_WEBSOCKET_ZONE_MAX) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "the zone is too large: 1048576m "
                                            "is the most");
    }

    inactive = NGX_HTTP_WEBSOCKET_INACTIVE;

    if (params[1].value.data) {
        inactive = ngx_parse_time(&params[1].value, 0);

        if (inactive == NGX_ERROR) {
            return ngx_http_websocket_bad_param(cf, &params[1],
                                                "not a time");
        }
    }

    zone = ngx_http_websocket_zone_add(cf, &name, size);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    zone->inactive = inactive;
    wmcf->used = 1;

    zp = ngx_array_push(&wmcf->zones);
    if (zp == NULL) {
        return NGX_CONF_ERROR;
    }

    *zp = zone;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_websocket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (wlcf->mode != NGX_HTTP_WEBSOCKET_OFF) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; ngx_http_websocket_modes[i].name.len; i++) {

        if (ngx_http_websocket_modes[i].name.len == value[1].len
            && ngx_strncmp(ngx_http_websocket_modes[i].name.data,
                           value[1].data, value[1].len)
               == 0)
        {
            wlcf->mode = ngx_http_websocket_modes[i].value;

            return ngx_http_websocket_set_location(cf, wlcf,
                                      ngx_http_websocket_handshake_handler, 2);
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid mode \"%V\", it must be \"bidirectional\", "
                       "\"result\", \"payload\", or \"echo\"", &value[1]);

    return NGX_CONF_ERROR;
}


char *
ngx_http_websocket_publish(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    if (wlcf->publish) {
        return "is duplicate";
    }

    wlcf->publish = 1;

    return ngx_http_websocket_set_location(cf, wlcf,
                                       ngx_http_websocket_publish_handler, 1);
}


/* what both have: the handler, and zone= as the argument of that number */

static char *
ngx_http_websocket_set_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_handler_pt handler,
    ngx_uint_t param)
{
    ngx_str_t                       *value;
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (wlcf->publish && wlcf->mode != NGX_HTTP_WEBSOCKET_OFF) {
        return handler == ngx_http_websocket_publish_handler
               ? "cannot stand in one location with \"websocket\""
               : "cannot stand in one location with \"websocket_publish\"";
    }

    if (wlcf->status) {
        return "cannot stand in one location with \"websocket_status\"";
    }

    if (wlcf->revoke) {
        return "cannot stand in one location with \"websocket_revoke\"";
    }

    value = cf->args->elts;

    if (cf->args->nelts > param) {

        if (value[param].len <= 5
            || ngx_strncmp(value[param].data, "zone=", 5) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", "
                               "zone=NAME is expected", &value[param]);
            return NGX_CONF_ERROR;
        }

        wlcf->zone_name.data = value[param].data + 5;
        wlcf->zone_name.len = value[param].len - 5;
    }

    wlcf->place.file = cf->conf_file->file.name.data;
    wlcf->place.line = cf->conf_file->line;

    if (ngx_http_websocket_worker_table(cf) != NGX_OK
        || ngx_http_websocket_stats_table(cf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return NGX_CONF_OK;
}


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
ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    off_t                       max;
    ngx_int_t                   length, time;
    ngx_http_websocket_param_t  params[] = {
        { "length=", ngx_null_string },
        { "time=", ngx_null_string },
        { "max=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->history_length != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

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
            || max > (off_t) UINT32_MAX * NGX_WEBSOCKET_LOG_BLOCK)
        {
            return ngx_http_websocket_bad_param(cf, &params[2],
                                                "not a size above zero");
        }
    }

    wlcf->history_length = length;
    wlcf->history_time = time;
    wlcf->history_max = (max + NGX_WEBSOCKET_LOG_BLOCK - 1)
                        / NGX_WEBSOCKET_LOG_BLOCK;

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

    if (ngx_strcmp(value[1].data, "none") == 0) {
        n = 0;

    } else if (ngx_strcmp(value[1].data, "all") == 0) {
        n = NGX_MAX_INT32_VALUE;

    } else {
        n = ngx_atoi(value[1].data, value[1].len);

        if (n == NGX_ERROR || n > NGX_MAX_INT32_VALUE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\", it must be \"none\", "
                               "\"all\", or a number of messages", &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    wlcf->replay = n;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_msec_t                  *times[2];
    ngx_http_websocket_param_t   params[] = {
        { "interval=", ngx_null_string },
        { "timeout=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->heartbeat_interval != NGX_CONF_UNSET_MSEC
        || wlcf->heartbeat_timeout != NGX_CONF_UNSET_MSEC)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->heartbeat_interval = 0;
        wlcf->heartbeat_timeout = 0;

        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    times[0] = &wlcf->heartbeat_interval;
    times[1] = &wlcf->heartbeat_timeout;

    for (i = 0; i < 2; i++) {

        if (params[i].value.data == NULL) {
            continue;
        }

        *times[i] = ngx_parse_time(&params[i].value, 0);

        if (*times[i] == (ngx_msec_t) NGX_ERROR || *times[i] == 0) {
            return ngx_http_websocket_bad_param(cf, &params[i],
                                                "not a time above zero");
        }

        if (*times[i] > NGX_HTTP_WEBSOCKET_LONGEST) {
            return ngx_http_websocket_bad_param(cf, &params[i],
                                               NGX_HTTP_WEBSOCKET_TOO_LONG);
        }
    }

    return NGX_CONF_OK;
}


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


char *
ngx_http_websocket_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                           level, min_length, window, memory;
    ngx_str_t                          *value;
    ngx_uint_t                          takeover;
    ngx_http_websocket_deflate_conf_t  *deflate;
    ngx_http_websocket_param_t          params[] = {
        { "level=", ngx_null_string },
        { "min_length=", ngx_null_string },
        { "window=", ngx_null_string },
        { "memory=", ngx_null_string },
        { "context_takeover=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->deflate != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->deflate = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\", it "
                           "must be \"on\" with parameters, or \"off\" alone",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    level = NGX_HTTP_WEBSOCKET_LEVEL;
    min_length = NGX_HTTP_WEBSOCKET_MIN_LENGTH;
    window = NGX_HTTP_WEBSOCKET_WINDOW;
    memory = NGX_HTTP_WEBSOCKET_MEMORY;
    takeover = 0;

    if (ngx_http_websocket_params(cf, params, 2) != NGX_CONF_OK
        || ngx_http_websocket_number_param(cf, &params[0], &level, 1, 9)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[1], &min_length, 0,
                                           NGX_MAX_INT32_VALUE)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[2], &window,
                                           NGX_WEBSOCKET_DEFLATE_MIN_BITS,
                                           NGX_WEBSOCKET_DEFLATE_MAX_BITS)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[3], &memory, 1, 9)
           != NGX_OK
        || ngx_http_websocket_flag_param(cf, &params[4], &takeover) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    deflate = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_deflate_conf_t));
    if (deflate == NULL) {
        return NGX_CONF_ERROR;
    }

    deflate->level = level;
    deflate->memory = memory;
    deflate->min_length = min_length;

    /* without takeover one inflater of the largest window serves all */

    deflate->agree.server_takeover = takeover;
    deflate->agree.client_takeover = takeover;
    deflate->agree.server_bits = window;
    deflate->agree.client_bits = takeover ? window
                                          : NGX_WEBSOCKET_DEFLATE_MAX_BITS;

    wlcf->deflate = deflate;

    return NGX_CONF_OK;
}


/* leaves *value as it is when the parameter was not given */

static ngx_int_t
ngx_http_websocket_number_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t *value, ngx_int_t least,
    ngx_int_t most)
{
    ngx_int_t  n;

    if (param->value.data == NULL) {
        return NGX_OK;
    }

    n = ngx_parse_size(&param->value);

    if (n == NGX_ERROR || n < least || n > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%s%V\": "
                           "not a number from %i to %i", param->name,
                           &param->value, least, most);
        return NGX_ERROR;
    }

    *value = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_flag_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag)
{
    if (param->value.data == NULL) {
        return NGX_OK;
    }

    *flag = ngx_strcmp(param->value.data, "on") == 0;

    if (!*flag && ngx_strcmp(param->value.data, "off") != 0) {
        (void) ngx_http_websocket_bad_param(cf, param,
                                            "it must be \"on\" or \"off\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_websocket_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ssize_t                      size;
    ngx_int_t                    delay;
    ngx_str_t                   *value;
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

    if (ngx_http_websocket_flag(cf, &wlcf->priority) != NGX_OK) {
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


char *
ngx_http_websocket_presence(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t  *value, from;

    if (wlcf->presence != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_http_websocket_flag(cf, &wlcf->presence) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (value[2].len <= 5 || ngx_strncmp(value[2].data, "from=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", from=VALUE is expected",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    from.data = value[2].data + 5;
    from.len = value[2].len - 5;

    wlcf->presence_from = ngx_palloc(cf->pool,
                                     sizeof(ngx_http_complex_value_t));

    if (wlcf->presence_from == NULL
        || ngx_http_websocket_compile(cf, wlcf->presence_from, &from)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* join and leave, or off */

char *
ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (wlcf->events) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3
        && (ngx_strcmp(value[1].data, "off") == 0
            || ngx_strcmp(value[2].data, "off") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"off\" stands alone");
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "join") != 0
            && ngx_strcmp(value[i].data, "leave") != 0
            && ngx_strcmp(value[i].data, "off") != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\", it must be \"join\", "
                               "\"leave\", or \"off\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_conf_set_bitmask_slot(cf, cmd, conf);
}


/* the first argument of a directive that has more */

static ngx_int_t
ngx_http_websocket_flag(ngx_conf_t *cf, ngx_flag_t *flag)
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


char *
ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (wlcf->status) {
        return "is duplicate";
    }

    if (wlcf->publish || wlcf->revoke
        || wlcf->mode != NGX_HTTP_WEBSOCKET_OFF)
    {
        return "cannot stand in one location with \"websocket\", "
               "\"websocket_publish\" or \"websocket_revoke\"";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "json") == 0) {
        wlcf->status = NGX_HTTP_WEBSOCKET_STATUS_JSON;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        wlcf->status = NGX_HTTP_WEBSOCKET_STATUS_PROMETHEUS;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid format \"%V\", it must be \"json\" or "
                           "\"prometheus\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_websocket_status_handler;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_subprotocols(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (wlcf->subprotocols != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wlcf->subprotocols = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                          sizeof(ngx_str_t));
    if (wlcf->subprotocols == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_websocket_is_token(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid subprotocol \"%V\": a name has no "
                               "spaces, separators or control characters",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wlcf->subprotocols);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* RFC 9110, section 5.6.2 */

static ngx_uint_t
ngx_http_websocket_is_token(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] >= 0x7f
            || ngx_strchr("()<>@,;:\\\"/[]?={}", value->data[i]))
        {
            return 0;
        }
    }

    return value->len > 0;
}


/* a time, or "off", which is 0 */

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
