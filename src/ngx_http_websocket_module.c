
/*
 * The directives: parsed, merged and checked.  Behaviour is in the folders.
 */


#include "ngx_http_websocket_module.h"
#include "http/ngx_http_websocket_http.h"
#include "hub/ngx_http_websocket_hub.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_session.h"


#define NGX_HTTP_WEBSOCKET_TICK      1000       /* milliseconds */
#define NGX_HTTP_WEBSOCKET_INACTIVE  60000
#define NGX_HTTP_WEBSOCKET_PAGES_MIN 16
#define NGX_HTTP_WEBSOCKET_BATCH_SIZE  16384
#define NGX_HTTP_WEBSOCKET_TOO_LONG    "is too long: 20d is the most"


/* a parameter NAME=VALUE of a directive */

typedef struct {
    char                         *name;         /* with the "=" */
    ngx_str_t                     value;        /* data is NULL: not given */
} ngx_http_websocket_param_t;


static char *ngx_http_websocket_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_publish(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_set_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_handler_pt handler,
    ngx_uint_t param);
static char *ngx_http_websocket_channel(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_websocket_compile(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, ngx_str_t *value);
static char *ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_replay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_batch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_priority(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_presence(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static ngx_int_t ngx_http_websocket_flag(ngx_conf_t *cf, ngx_flag_t *flag);
static char *ngx_http_websocket_send_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_subprotocols(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
static ngx_uint_t ngx_http_websocket_is_token(ngx_str_t *value);
static char *ngx_http_websocket_off_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_websocket_check_time(ngx_conf_t *cf, void *post,
    void *data);
static char *ngx_http_websocket_params(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_bad_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, char *what);

static void *ngx_http_websocket_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_websocket_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static void ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_check_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_from(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_find_zone(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what);

static ngx_int_t ngx_http_websocket_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_init_process(ngx_cycle_t *cycle);
static void ngx_http_websocket_exit_process(ngx_cycle_t *cycle);
static ngx_array_t *ngx_http_websocket_cycle_zones(ngx_cycle_t *cycle);
static void ngx_http_websocket_wake_handler(ngx_event_t *ev);
static void ngx_http_websocket_quit_handler(ngx_event_t *ev);
static void ngx_http_websocket_reap_handler(ngx_uint_t slot);
static void ngx_http_websocket_tick_handler(ngx_event_t *ev);


static ngx_conf_enum_t  ngx_http_websocket_modes[] = {
    { ngx_string("bidirectional"), NGX_HTTP_WEBSOCKET_BIDIRECTIONAL },
    { ngx_string("result"), NGX_HTTP_WEBSOCKET_RESULT },
    { ngx_string("payload"), NGX_HTTP_WEBSOCKET_PAYLOAD },
    { ngx_string("echo"), NGX_HTTP_WEBSOCKET_ECHO },
    { ngx_null_string, 0 }
};


static ndk_set_var_t  ngx_http_websocket_name_filter = {
    NDK_SET_VAR_VALUE,
    (void *) ngx_http_websocket_set_name,
    1,
    NULL
};


static ngx_conf_enum_t  ngx_http_websocket_overflows[] = {
    { ngx_string("close"), NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE },
    { ngx_string("drop_oldest"), NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST },
    { ngx_string("conflate"), NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_websocket_log_times[] = {
    { ngx_string("end"), 0 },
    { ngx_string("start"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_bitmask_t  ngx_http_websocket_event_names[] = {
    { ngx_string("off"), NGX_CONF_BITMASK_SET },
    { ngx_string("join"), NGX_HTTP_WEBSOCKET_JOIN },
    { ngx_string("leave"), NGX_HTTP_WEBSOCKET_LEAVE },
    { ngx_null_string, 0 }
};


static ngx_conf_post_t  ngx_http_websocket_time_post = {
    ngx_http_websocket_check_time
};


static ngx_conf_num_bounds_t  ngx_http_websocket_size_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_MAX_INT32_VALUE
};


static ngx_command_t  ngx_http_websocket_commands[] = {

    { ngx_string("websocket_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_websocket,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_publish"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_websocket_publish,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_channel"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_channel,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_set_name"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_SIF_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                       |NGX_CONF_TAKE2,
      ndk_set_var_value,
      0,
      0,
      &ngx_http_websocket_name_filter },

    { ngx_string("websocket_history"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_history,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_replay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_replay,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, replay),
      NULL },

    { ngx_string("websocket_own_messages"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, own_messages),
      NULL },

    { ngx_string("websocket_subprotocols"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_subprotocols,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_heartbeat,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_idle_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_off_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, idle_timeout),
      &ngx_http_websocket_time_post },

    { ngx_string("websocket_send_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, send_timeout),
      &ngx_http_websocket_time_post },

    { ngx_string("websocket_close_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, close_timeout),
      &ngx_http_websocket_time_post },

    { ngx_string("websocket_drain"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, drain),
      &ngx_http_websocket_time_post },

    { ngx_string("websocket_max_message_size"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, max_message_size),
      &ngx_http_websocket_size_bounds },

    { ngx_string("websocket_send_queue"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_websocket_send_queue,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_batch"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_batch,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_priority"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_priority,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_presence"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_presence,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_events"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, events),
      &ngx_http_websocket_event_names },

    { ngx_string("websocket_access_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, log_start),
      &ngx_http_websocket_log_times },

    { ngx_string("websocket_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_websocket_module_ctx = {
    ngx_http_websocket_add_variables,      /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_websocket_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_websocket_create_loc_conf,    /* create location configuration */
    ngx_http_websocket_merge_loc_conf      /* merge location configuration */
};


ngx_module_t  ngx_http_websocket_module = {
    NGX_MODULE_V1,
    &ngx_http_websocket_module_ctx,        /* module context */
    ngx_http_websocket_commands,           /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_websocket_init_module,        /* init module */
    ngx_http_websocket_init_process,       /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_websocket_exit_process,       /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_event_t       ngx_http_websocket_tick;
static ngx_connection_t  ngx_http_websocket_tick_dummy;
static ngx_uint_t        ngx_http_websocket_started;


static char *
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

    if (ngx_http_websocket_params(cf, params) != NGX_CONF_OK) {
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


static char *
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


static char *
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
        return "cannot stand in one location with the other of \"websocket\" "
               "and \"websocket_publish\"";
    }

    if (wlcf->status) {
        return "cannot stand in one location with \"websocket_status\"";
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

    if (ngx_http_websocket_worker_table(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_channel(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_complex_value_t  *cv;

    if (wlcf->channels != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wlcf->channels = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                      sizeof(ngx_http_complex_value_t));
    if (wlcf->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "an empty channel name");
            return NGX_CONF_ERROR;
        }

        cv = ngx_array_push(wlcf->channels);

        if (cv == NULL
            || ngx_http_websocket_compile(cf, cv, &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
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


static char *
ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                   length, time;
    ngx_http_websocket_param_t  params[] = {
        { "length=", ngx_null_string },
        { "time=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->history_length != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_http_websocket_params(cf, params) != NGX_CONF_OK) {
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

    wlcf->history_length = length;
    wlcf->history_time = time;

    return NGX_CONF_OK;
}


static char *
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


static char *
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

    if (ngx_http_websocket_params(cf, params) != NGX_CONF_OK) {
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


static char *
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

    if (ngx_http_websocket_params(cf, params) != NGX_CONF_OK) {
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


static char *
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

    if (ngx_http_websocket_params(cf, params) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    delay = params[1].value.data ? ngx_parse_time(&params[1].value, 0)
                                 : NGX_ERROR;

    if (delay == NGX_ERROR || delay == 0) {
        return ngx_http_websocket_bad_param(cf, &params[1],
                                            "delay=TIME is required, a time "
                                            "above zero");
    }

    size = params[0].value.data ? ngx_parse_size(&params[0].value)
                                : NGX_HTTP_WEBSOCKET_BATCH_SIZE;

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


static char *
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


static char *
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

static char *
ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

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


static char *
ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    if (wlcf->status) {
        return "is duplicate";
    }

    if (wlcf->publish || wlcf->mode != NGX_HTTP_WEBSOCKET_OFF) {
        return "cannot stand in one location with \"websocket\" or "
               "\"websocket_publish\"";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "json") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid format \"%V\", it must be \"json\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->status = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_websocket_status_handler;

    return NGX_CONF_OK;
}


static char *
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

static char *
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


/* sorts the directive's arguments NAME=VALUE to the params of that name */

static char *
ngx_http_websocket_check_time(ngx_conf_t *cf, void *post, void *data)
{
    ngx_msec_t *msp = data;

    return *msp > NGX_HTTP_WEBSOCKET_LONGEST ? NGX_HTTP_WEBSOCKET_TOO_LONG
                                             : NGX_CONF_OK;
}


static char *
ngx_http_websocket_params(ngx_conf_t *cf, ngx_http_websocket_param_t *params)
{
    size_t                       len;
    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_websocket_param_t  *param;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

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
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_bad_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%s%V\": %s",
                       param->name, &param->value, what);

    return NGX_CONF_ERROR;
}


static void *
ngx_http_websocket_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    if (ngx_array_init(&wmcf->zones, cf->pool, 1,
                       sizeof(ngx_http_websocket_zone_t *))
        != NGX_OK)
    {
        return NULL;
    }

    return wmcf;
}


static void *
ngx_http_websocket_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     conf->mode = NGX_HTTP_WEBSOCKET_OFF;
     *     conf->publish = 0;
     *     conf->status = 0;
     *     conf->zone_name = { 0, NULL };
     *     conf->place = { NULL, 0 };
     *     conf->zone = NULL;
     *     conf->history_time = 0;
     *     conf->priority_field = { 0, NULL };
     *     conf->presence_from = NULL;
     *     conf->events = 0;
     */

    conf->channels = NGX_CONF_UNSET_PTR;
    conf->subprotocols = NGX_CONF_UNSET_PTR;
    conf->history_length = NGX_CONF_UNSET_UINT;
    conf->heartbeat_interval = NGX_CONF_UNSET_MSEC;
    conf->heartbeat_timeout = NGX_CONF_UNSET_MSEC;
    conf->idle_timeout = NGX_CONF_UNSET_MSEC;
    conf->send_timeout = NGX_CONF_UNSET_MSEC;
    conf->close_timeout = NGX_CONF_UNSET_MSEC;
    conf->drain = NGX_CONF_UNSET_MSEC;
    conf->max_message_size = NGX_CONF_UNSET_SIZE;
    conf->queue_messages = NGX_CONF_UNSET_UINT;
    conf->queue_size = NGX_CONF_UNSET_SIZE;
    conf->overflow = NGX_CONF_UNSET_UINT;
    conf->replay = NGX_CONF_UNSET_UINT;
    conf->batch = NGX_CONF_UNSET_PTR;
    conf->log_start = NGX_CONF_UNSET_UINT;
    conf->own_messages = NGX_CONF_UNSET;
    conf->priority = NGX_CONF_UNSET;
    conf->presence = NGX_CONF_UNSET;

    return conf;
}


static char *
ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_websocket_loc_conf_t *prev = parent;
    ngx_http_websocket_loc_conf_t *conf = child;

    ngx_http_websocket_inherit_handler(cf, prev, conf);

    ngx_conf_merge_ptr_value(conf->channels, prev->channels, NULL);
    ngx_conf_merge_ptr_value(conf->subprotocols, prev->subprotocols, NULL);

    if (conf->history_length == NGX_CONF_UNSET_UINT) {
        conf->history_length = prev->history_length;
        conf->history_time = prev->history_time;
    }

    ngx_conf_merge_msec_value(conf->heartbeat_interval,
                              prev->heartbeat_interval, 25000);
    ngx_conf_merge_msec_value(conf->heartbeat_timeout,
                              prev->heartbeat_timeout, 10000);
    ngx_conf_merge_msec_value(conf->idle_timeout, prev->idle_timeout, 0);
    ngx_conf_merge_msec_value(conf->send_timeout, prev->send_timeout, 10000);
    ngx_conf_merge_msec_value(conf->close_timeout, prev->close_timeout, 5000);
    ngx_conf_merge_msec_value(conf->drain, prev->drain, 5000);

    ngx_conf_merge_size_value(conf->max_message_size, prev->max_message_size,
                              64 * 1024);
    ngx_conf_merge_uint_value(conf->queue_messages, prev->queue_messages, 256);
    ngx_conf_merge_size_value(conf->queue_size, prev->queue_size, 1024 * 1024);
    ngx_conf_merge_uint_value(conf->overflow, prev->overflow,
                              NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE);
    ngx_conf_merge_uint_value(conf->replay, prev->replay, 0);
    ngx_conf_merge_ptr_value(conf->batch, prev->batch, NULL);
    ngx_conf_merge_uint_value(conf->log_start, prev->log_start, 0);
    ngx_conf_merge_value(conf->own_messages, prev->own_messages, 1);

    if (conf->priority == NGX_CONF_UNSET) {
        conf->priority_field = prev->priority_field;
    }

    if (conf->presence == NGX_CONF_UNSET) {
        conf->presence_from = prev->presence_from;
    }

    ngx_conf_merge_value(conf->priority, prev->priority, 0);
    ngx_conf_merge_value(conf->presence, prev->presence, 0);
    ngx_conf_merge_bitmask_value(conf->events, prev->events,
                                 NGX_CONF_BITMASK_SET);
    conf->events &= ~(ngx_uint_t) NGX_CONF_BITMASK_SET;

    if (conf->mode == NGX_HTTP_WEBSOCKET_OFF && !conf->publish) {
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_check_location(cf, conf);
}


/* an "if" in a location is a location without a name: it goes on the same */

static void
ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname || clcf->handler
        || (prev->mode == NGX_HTTP_WEBSOCKET_OFF && !prev->publish))
    {
        return;
    }

    conf->mode = prev->mode;
    conf->publish = prev->publish;
    conf->zone_name = prev->zone_name;
    conf->place = prev->place;

    clcf->handler = prev->publish ? ngx_http_websocket_publish_handler
                                  : ngx_http_websocket_handshake_handler;
}


static char *
ngx_http_websocket_check_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_websocket_default_channel(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->publish && conf->channels->nelts > 1) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "\"websocket_publish\" takes one \"websocket_channel\" "
                       "name, for a message is published whole or not at all");
    }

    if (ngx_http_websocket_default_from(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (conf->publish || conf->mode == NGX_HTTP_WEBSOCKET_BIDIRECTIONAL
        || conf->mode == NGX_HTTP_WEBSOCKET_PAYLOAD)
    {
        /* our own limit answers in JSON; nginx's must not be in its way */

        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        if (clcf->client_max_body_size
            && clcf->client_max_body_size < (off_t) conf->max_message_size)
        {
            clcf->client_max_body_size = conf->max_message_size;
        }
    }

    if (conf->mode == NGX_HTTP_WEBSOCKET_ECHO && conf->zone_name.len == 0) {
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_find_zone(cf, conf);
}


static char *
ngx_http_websocket_default_from(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    static ngx_str_t  user = ngx_string("$websocket_user");

    if ((!conf->presence && conf->events == 0) || conf->presence_from) {
        return NGX_CONF_OK;
    }

    conf->presence_from = ngx_palloc(cf->pool,
                                     sizeof(ngx_http_complex_value_t));

    if (conf->presence_from == NULL
        || ngx_http_websocket_compile(cf, conf->presence_from, &user)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_default_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_complex_value_t  *cv;

    static ngx_str_t           uri = ngx_string("$uri");

    if (conf->channels) {
        return NGX_CONF_OK;
    }

    conf->channels = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_complex_value_t));
    if (conf->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    cv = ngx_array_push(conf->channels);

    if (cv == NULL || ngx_http_websocket_compile(cf, cv, &uri) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_find_zone(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_uint_t                        i;
    ngx_http_websocket_zone_t       **zones;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    zones = wmcf->zones.elts;

    if (conf->zone_name.len == 0) {

        if (wmcf->zones.nelts == 1) {
            conf->zone = zones[0];
            return NGX_CONF_OK;
        }

        return ngx_http_websocket_misplaced(cf, conf,
                        wmcf->zones.nelts ? "there are several zones: say "
                                            "which by zone=NAME"
                                          : "no \"websocket_zone\" is defined "
                                            "in the http block");
    }

    for (i = 0; i < wmcf->zones.nelts; i++) {
        if (zones[i]->name.len == conf->zone_name.len
            && ngx_strncmp(zones[i]->name.data, conf->zone_name.data,
                           conf->zone_name.len)
               == 0)
        {
            conf->zone = zones[i];
            return NGX_CONF_OK;
        }
    }

    return ngx_http_websocket_misplaced(cf, conf,
                                        "no \"websocket_zone\" has that name");
}


/* what is wrong with a directive, found when all was read */

static char *
ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\": %s in %s:%ui",
                  conf->publish ? "websocket_publish" : "websocket", what,
                  conf->place.file, conf->place.line);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_websocket_init_module(ngx_cycle_t *cycle)
{
    if (ngx_http_websocket_cycle_zones(cycle) == NULL) {
        return NGX_OK;
    }

    return ngx_http_websocket_worker_init_module(cycle);
}


static ngx_int_t
ngx_http_websocket_init_process(ngx_cycle_t *cycle)
{
    ngx_int_t                              rc;
    ngx_uint_t                             i;
    ngx_array_t                           *zones;
    ngx_http_websocket_zone_t            **zone;
    ngx_http_websocket_worker_handlers_t   handlers;

    zones = ngx_http_websocket_cycle_zones(cycle);

    if (zones == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    handlers.wake = ngx_http_websocket_wake_handler;
    handlers.quit = ngx_http_websocket_quit_handler;
    handlers.reap = ngx_http_websocket_reap_handler;

    rc = ngx_http_websocket_worker_start(cycle, &handlers);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : rc;
    }

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {

        if (ngx_http_websocket_hub_init(zone[i], cycle,
                                        &ngx_http_websocket_subscriber)
            != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_websocket_zone_attach(zone[i],
                                     ngx_http_websocket_worker_slot(),
                                     ngx_http_websocket_worker_incarnation());
    }

    ngx_http_websocket_session_init(cycle);

    if (ngx_http_websocket_request_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_websocket_tick_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_tick.handler = ngx_http_websocket_tick_handler;
    ngx_http_websocket_tick.data = &ngx_http_websocket_tick_dummy;
    ngx_http_websocket_tick.log = cycle->log;
    ngx_http_websocket_tick.cancelable = 1;

    ngx_add_timer(&ngx_http_websocket_tick, NGX_HTTP_WEBSOCKET_TICK);

    ngx_http_websocket_started = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_exit_process(ngx_cycle_t *cycle)
{
    if (!ngx_http_websocket_started) {
        return;
    }

    ngx_http_websocket_session_abandon_all();
    ngx_http_websocket_worker_stop(cycle);
}


/* NULL when nothing of the module is configured */

static ngx_array_t *
ngx_http_websocket_cycle_zones(ngx_cycle_t *cycle)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    return wmcf && wmcf->used ? &wmcf->zones : NULL;
}


static void
ngx_http_websocket_wake_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    ngx_http_websocket_worker_awake();

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);
    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        ngx_http_websocket_hub_deliver(zone[i], 0);
    }
}


static void
ngx_http_websocket_quit_handler(ngx_event_t *ev)
{
    ngx_http_websocket_session_drain_all();
}


static void
ngx_http_websocket_reap_handler(ngx_uint_t slot)
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);
    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        ngx_http_websocket_zone_attach(zone[i], slot, 0);
    }
}


/*
 * Housekeeping; and should a wake-up ever be lost with a worker that died
 * before it wrote it, this is when it is made good.
 */

static void
ngx_http_websocket_tick_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    ngx_http_websocket_worker_reap(ev->log);
    ngx_http_websocket_wake_handler(ev);

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);
    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        ngx_http_websocket_hub_bury(zone[i],
                                    ngx_http_websocket_presence_mourn);
        ngx_http_websocket_zone_sweep(zone[i]);
    }

    ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_TICK);
}
