
/*
 * The directives, how they are merged, and what the module does for a cycle.
 * Behaviour is in the folders.
 */


#include "ngx_http_websocket_directives.h"
#include "auth/ngx_http_websocket_auth.h"
#include "http/ngx_http_websocket_http.h"
#include "hub/ngx_http_websocket_hub.h"
#include "hub/ngx_http_websocket_sweep.h"
#include "hub/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_drain.h"
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_presence.h"
#include "session/ngx_http_websocket_session.h"
#include "session/ngx_http_websocket_token.h"


#define NGX_HTTP_WEBSOCKET_TICK      1000       /* milliseconds */


static void *ngx_http_websocket_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_websocket_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_http_handler_pt ngx_http_websocket_location_handler(
    ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_check_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_count_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_from(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_find_zone(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_warn_useless(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what);

static ngx_int_t ngx_http_websocket_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_init_process(ngx_cycle_t *cycle);
static void ngx_http_websocket_exit_process(ngx_cycle_t *cycle);
static ngx_array_t *ngx_http_websocket_cycle_zones(ngx_cycle_t *cycle);
static void ngx_http_websocket_each_zone(
    void (*handler)(ngx_http_websocket_zone_t *zone));
static void ngx_http_websocket_leased_handler(ngx_uint_t slot);
static void ngx_http_websocket_leased_zone(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_reap_handler(ngx_uint_t slot);
static void ngx_http_websocket_wake_handler(ngx_event_t *ev);
static void ngx_http_websocket_wake_zone(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_quit_handler(ngx_event_t *ev);
static void ngx_http_websocket_left_handler(void);
static void ngx_http_websocket_tick_handler(ngx_event_t *ev);
static void ngx_http_websocket_tick_zone(ngx_http_websocket_zone_t *zone);


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


static ngx_conf_post_t  ngx_http_websocket_timer_post = {
    ngx_http_websocket_check_timer
};


static ngx_conf_num_bounds_t  ngx_http_websocket_number_bounds = {
    ngx_conf_check_num_bounds, 1, NGX_MAX_INT32_VALUE
};


/*
 * An event of server-sent events may be seven times its message, and its size
 * has 32 bits.
 */

static ngx_conf_num_bounds_t  ngx_http_websocket_size_bounds = {
    ngx_conf_check_num_bounds, 1, 512 * 1024 * 1024
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
      ngx_http_websocket_set_name,
      0,
      0,
      NULL },

    { ngx_string("websocket_history"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
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
      &ngx_http_websocket_timer_post },

    { ngx_string("websocket_close_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, close_timeout),
      &ngx_http_websocket_timer_post },

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

    { ngx_string("websocket_deflate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_deflate,
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

    { ngx_string("websocket_max_connections"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_max_connections,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_rate"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_websocket_max_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_max_fragments"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, limits.fragments),
      &ngx_http_websocket_number_bounds },

    { ngx_string("websocket_max_pings"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_max_times,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, limits.pings),
      NULL },

    { ngx_string("websocket_max_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_max_times,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, limits.errors),
      NULL },

    { ngx_string("websocket_origin"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_jwt"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_jwt,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_require_scope"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_require_scope,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_revoke"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_revoke,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_access_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, log_start),
      &ngx_http_websocket_log_times },

    { ngx_string("websocket_message"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_websocket_message,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_message_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_websocket_message_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_receive"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_use,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, typed.receive),
      NULL },

    { ngx_string("websocket_send"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_use,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, typed.send),
      NULL },

    { ngx_string("websocket_view"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, typed.view),
      NULL },

    { ngx_string("websocket_filter"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, typed.filter),
      NULL },

    { ngx_string("websocket_stamp"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_stamp,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_collect"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_collects,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

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
    ngx_http_websocket_named_init,         /* postconfiguration */

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
        != NGX_OK
        || ngx_array_init(&wmcf->locations, cf->pool, 4,
                          sizeof(ngx_http_websocket_loc_conf_t *))
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
     *     conf->location = { 0, NULL };
     *     conf->history_time = 0;
     *     conf->history_max = 0;
     *     conf->priority_field = { 0, NULL };
     *     conf->presence_from = NULL;
     *     conf->events = 0;
     *     conf->revoke = 0;
     */

    conf->stats = &ngx_http_websocket_stats_none;
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
    conf->deflate = NGX_CONF_UNSET_PTR;
    conf->origins = NGX_CONF_UNSET_PTR;
    conf->jwt = NGX_CONF_UNSET_PTR;
    conf->scopes = NGX_CONF_UNSET_PTR;
    conf->log_start = NGX_CONF_UNSET_UINT;
    conf->own_messages = NGX_CONF_UNSET;
    conf->priority = NGX_CONF_UNSET;
    conf->presence = NGX_CONF_UNSET;

    ngx_http_websocket_limits_create(&conf->limits);
    ngx_http_websocket_typed_init(&conf->typed);

    return conf;
}


static char *
ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_websocket_loc_conf_t *prev = parent;
    ngx_http_websocket_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    ngx_http_websocket_inherit_handler(cf, prev, conf);
    ngx_http_websocket_warn_useless(cf, conf);

    ngx_conf_merge_ptr_value(conf->channels, prev->channels, NULL);
    ngx_conf_merge_ptr_value(conf->subprotocols, prev->subprotocols, NULL);

    if (conf->history_length == NGX_CONF_UNSET_UINT) {
        conf->history_length = prev->history_length;
        conf->history_time = prev->history_time;
        conf->history_max = prev->history_max;
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
    ngx_conf_merge_ptr_value(conf->deflate, prev->deflate, NULL);
    ngx_conf_merge_ptr_value(conf->origins, prev->origins,
                             &ngx_http_websocket_origins_default);
    ngx_conf_merge_ptr_value(conf->jwt, prev->jwt, NULL);
    ngx_conf_merge_ptr_value(conf->scopes, prev->scopes, NULL);
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

    ngx_http_websocket_limits_merge(&conf->limits, &prev->limits);

    if (ngx_http_websocket_typed_merge(cf, &prev->typed, &conf->typed)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->typed.takes |= conf->priority_field.len != 0;

    if (conf->mode == NGX_HTTP_WEBSOCKET_OFF && !conf->publish
        && !conf->revoke)
    {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != ngx_http_websocket_location_handler(conf)) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "another directive of this location, such as "
                       "\"proxy_pass\", answers its requests");
    }

    if (conf->scopes && conf->jwt == NULL) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "\"websocket_require_scope\" needs "
                       "\"websocket_jwt\", whose token has the scopes");
    }

    return conf->revoke ? NGX_CONF_OK
                        : ngx_http_websocket_check_location(cf, conf);
}


/* NULL where none of ours answers */

static ngx_http_handler_pt
ngx_http_websocket_location_handler(ngx_http_websocket_loc_conf_t *conf)
{
    return conf->publish ? ngx_http_websocket_publish_handler
           : conf->status ? ngx_http_websocket_status_handler
           : conf->revoke ? ngx_http_websocket_revoke_handler
           : conf->mode != NGX_HTTP_WEBSOCKET_OFF
             ? ngx_http_websocket_handshake_handler : NULL;
}


/* an "if" in a location is a location without a name: it goes on the same */

static void
ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_handler_pt        handler;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    handler = ngx_http_websocket_location_handler(prev);

    if (!clcf->noname || clcf->handler || handler == NULL) {
        return;
    }

    conf->mode = prev->mode;
    conf->publish = prev->publish;
    conf->status = prev->status;
    conf->revoke = prev->revoke;
    conf->zone_name = prev->zone_name;
    conf->place = prev->place;

    clcf->handler = handler;
}


static char *
ngx_http_websocket_check_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    char                      *wrong;
    ngx_http_core_loc_conf_t  *clcf;

    if (ngx_http_websocket_default_channel(cf, conf) != NGX_CONF_OK
        || ngx_http_websocket_count_location(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->publish && conf->channels->nelts > 1) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "one \"websocket_channel\" name can stand here, for a "
                       "message is published whole or not at all");
    }

    if (ngx_http_websocket_default_from(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    wrong = ngx_http_websocket_typed_check(cf, conf);

    if (wrong != NGX_CONF_OK) {
        return ngx_http_websocket_misplaced(cf, conf, wrong);
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

    if (conf->mode == NGX_HTTP_WEBSOCKET_ECHO && conf->zone_name.len == 0
        && conf->limits.sessions == NULL)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_find_zone(cf, conf);
}


static char *
ngx_http_websocket_count_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t         *clcf;
    ngx_http_websocket_loc_conf_t   **location;
    ngx_http_websocket_main_conf_t   *wmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    location = ngx_array_push(&wmcf->locations);
    if (location == NULL) {
        return NGX_CONF_ERROR;
    }

    *location = conf;
    conf->location = clcf->name;

    return NGX_CONF_OK;
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
    ngx_http_websocket_name_t  *name;

    static ngx_str_t            uri = ngx_string("$uri");

    if (conf->channels) {
        return NGX_CONF_OK;
    }

    conf->channels = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_websocket_name_t));
    if (conf->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    name = ngx_array_push(conf->channels);

    if (name == NULL
        || ngx_http_websocket_name_compile(cf, name, &uri, 0) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_find_zone(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    u_char                            text[NGX_MAX_CONF_ERRSTR];
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
                                            "in the http block, as in "
                                            "\"websocket_zone zone=x:16m\"");
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

    *ngx_snprintf(text, NGX_MAX_CONF_ERRSTR - 1,
                  "no \"websocket_zone\" has the name \"%V\"",
                  &conf->zone_name) = '\0';

    return ngx_http_websocket_misplaced(cf, conf, (char *) text);
}


/* what stands in the location itself, and does nothing there */

static void
ngx_http_websocket_warn_useless(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    char  *what;

    if (conf->publish && conf->typed.receive != NGX_CONF_UNSET_PTR
        && conf->typed.receive)
    {
        what = "\"websocket_receive\" checks nothing with "
               "\"websocket_publish\": \"websocket_send\" does";

    } else if (conf->typed.filter == 1
               && (conf->mode == NGX_HTTP_WEBSOCKET_PAYLOAD
                   || conf->mode == NGX_HTTP_WEBSOCKET_ECHO))
    {
        what = "\"websocket_filter\" filters nothing where nothing is sent to "
               "subscribers";

    } else if (conf->typed.collect != NGX_CONF_UNSET_PTR && conf->typed.collect
               && (conf->publish
                   || (conf->mode != NGX_HTTP_WEBSOCKET_PAYLOAD
                       && conf->mode != NGX_HTTP_WEBSOCKET_OFF)))
    {
        what = "\"websocket_collect\" answers with \"websocket payload\" only";

    } else {
        return;
    }

    ngx_log_error(NGX_LOG_WARN, cf->log, 0, "%s in %s:%ui", what,
                  conf->place.file, conf->place.line);
}


/* what is wrong with a directive, found when all was read */

static char *
ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\": %s in %s:%ui",
                  conf->revoke ? "websocket_revoke"
                  : conf->publish ? "websocket_publish" : "websocket", what,
                  conf->place.file, conf->place.line);

    return NGX_CONF_ERROR;
}


static ngx_int_t
ngx_http_websocket_init_module(ngx_cycle_t *cycle)
{
    ngx_http_websocket_worker_init_module(cycle);

    return NGX_OK;
}


/* a process is complete without a slot, which it may get, lose and get again */

static ngx_int_t
ngx_http_websocket_init_process(ngx_cycle_t *cycle)
{
    ngx_uint_t                             i;
    ngx_array_t                           *zones;
    ngx_http_websocket_zone_t            **zone;
    ngx_http_websocket_main_conf_t        *wmcf;
    ngx_http_websocket_worker_handlers_t   handlers;

    zones = ngx_http_websocket_cycle_zones(cycle);

    if (zones == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    ngx_http_websocket_turn_init(cycle);
    ngx_http_websocket_sweep_init(cycle, ngx_http_websocket_presence_mourn);

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (ngx_http_websocket_hub_init(zone[i], cycle,
                                        &ngx_http_websocket_subscriber)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    ngx_http_websocket_types_start(wmcf->views);
    ngx_http_websocket_later_init(cycle);
    ngx_http_websocket_session_init(cycle);
    ngx_http_websocket_drain_init(cycle, ngx_http_websocket_left_handler);
    ngx_http_websocket_stats_start(cycle, NGX_HTTP_WEBSOCKET_NO_SLOT);

    if (ngx_http_websocket_request_init(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    handlers.wake = ngx_http_websocket_wake_handler;
    handlers.quit = ngx_http_websocket_quit_handler;
    handlers.leased = ngx_http_websocket_leased_handler;
    handlers.reap = ngx_http_websocket_reap_handler;

    ngx_http_websocket_worker_start(cycle->log, &handlers);

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
    if (!ngx_http_websocket_started
        || ngx_http_websocket_cycle_zones(cycle) == NULL)
    {
        return;
    }

    ngx_http_websocket_drain_abandon_all();
    ngx_http_websocket_each_zone(ngx_http_websocket_wait_end);
    ngx_http_websocket_worker_stop();
    ngx_http_websocket_stats_merge(cycle);
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


/*
 * Without a master process the configuration may be a later one than that with
 * which the process began: its zones have no hub.
 */

static void
ngx_http_websocket_each_zone(void (*handler)(ngx_http_websocket_zone_t *zone))
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);

    if (zones == NULL) {
        return;
    }

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (zone[i]->hub) {
            handler(zone[i]);
        }
    }
}


static void
ngx_http_websocket_leased_handler(ngx_uint_t slot)
{
    ngx_http_websocket_stats_start((ngx_cycle_t *) ngx_cycle, slot);
    ngx_http_websocket_each_zone(ngx_http_websocket_leased_zone);
}


static void
ngx_http_websocket_leased_zone(ngx_http_websocket_zone_t *zone)
{
    (void) ngx_http_websocket_zone_attach(zone);
}


/* what was held in zones is seen to be void by all who know the zones */

static void
ngx_http_websocket_reap_handler(ngx_uint_t slot)
{
    ngx_http_websocket_stats_void((ngx_cycle_t *) ngx_cycle, slot);
}


static void
ngx_http_websocket_wake_handler(ngx_event_t *ev)
{
    ngx_http_websocket_worker_awake();

    if (ngx_http_websocket_worker_wanted()) {
        ngx_http_websocket_drain_dismiss();
    }

    ngx_http_websocket_each_zone(ngx_http_websocket_wake_zone);
}


static void
ngx_http_websocket_wake_zone(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_hub_deliver(zone, 0);
}


static void
ngx_http_websocket_quit_handler(ngx_event_t *ev)
{
    ngx_http_websocket_worker_drain();
    ngx_http_websocket_drain_all();
}


/* this worker shuts down, and has no session left that needs the slot */

static void
ngx_http_websocket_left_handler(void)
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);
    zone = zones->elts;

    /* what is owed yet is of this slot: the tick comes back to it */

    for (i = 0; i < zones->nelts; i++) {
        if (!ngx_queue_empty(&zone[i]->wait.owed)) {
            return;
        }
    }

    ngx_http_websocket_stats_start((ngx_cycle_t *) ngx_cycle,
                                   NGX_HTTP_WEBSOCKET_NO_SLOT);
    ngx_http_websocket_worker_release();
}


/*
 * Housekeeping; and should a wake-up ever be lost with a worker that died
 * before it wrote it, this is when it is made good.
 */

static void
ngx_http_websocket_tick_handler(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_TICK);

    /* without a master process the directives may be gone */

    if (ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle) == NULL) {
        return;
    }

    ngx_http_websocket_worker_reap(ev->log);

    if (ngx_exiting) {
        ngx_http_websocket_drain_look();

    } else {
        (void) ngx_http_websocket_worker_seek();
    }

    if (ngx_http_websocket_worker_slot() == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_stats_merge((ngx_cycle_t *) ngx_cycle);
    }

    ngx_http_websocket_wake_handler(ev);
    ngx_http_websocket_auth_revoke();

    ngx_http_websocket_each_zone(ngx_http_websocket_tick_zone);

    ngx_http_websocket_sweep(
                    ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle));
}


static void
ngx_http_websocket_tick_zone(ngx_http_websocket_zone_t *zone)
{
    (void) ngx_http_websocket_zone_attach(zone);

    ngx_http_websocket_zone_reap(zone);
}
