
#include "conf/ngx_http_websocket_conf_channel.h"
#include "conf/ngx_http_websocket_conf_hook.h"
#include "conf/ngx_http_websocket_conf_limits.h"
#include "conf/ngx_http_websocket_conf_location.h"
#include "conf/ngx_http_websocket_conf_mask.h"
#include "conf/ngx_http_websocket_conf_origin.h"
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_types.h"
#include "conf/ngx_http_websocket_conf_useless.h"


static void ngx_http_websocket_merge_access(
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_merge_overflow(
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_merge_presence(
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_merge_history(
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_merge_centrifuge(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_merge_heartbeat(
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static void ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_check_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_check_api(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_centrifuge_check(
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_count_location(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_from(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_default_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_find_zone(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_zone_of(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);
static char *ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what);


void *
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
        || ngx_array_init(&wmcf->zone_names, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&wmcf->zone_files, cf->pool, 1, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&wmcf->durably, cf->pool, 1,
                          sizeof(ngx_http_websocket_durably_t))
           != NGX_OK
        || ngx_array_init(&wmcf->regions, cf->pool, 4,
                          sizeof(ngx_http_websocket_region_t *))
           != NGX_OK
        || ngx_array_init(&wmcf->brokers, cf->pool, 1,
                          sizeof(ngx_http_websocket_broker_conf_t))
           != NGX_OK
        || ngx_array_init(&wmcf->brokered, cf->pool, 1,
                          sizeof(ngx_http_websocket_brokered_t))
           != NGX_OK
        || ngx_array_init(&wmcf->locations, cf->pool, 4,
                          sizeof(ngx_http_websocket_loc_conf_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return wmcf;
}


void *
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
     *     conf->handler = NULL;
     *     conf->websocket = 0;
     *     conf->publish = 0;
     *     conf->status = 0;
     *     conf->revoke = 0;
     *     conf->api = 0;
     *     conf->subscribes = 0;
     *     conf->publishes = 0;
     *     conf->echo = 0;
     *     conf->centrifuge = 0;
     *     conf->emulation = 0;
     *     conf->transports = 0;
     *     conf->zone_name = { 0, NULL };
     *     conf->place = { NULL, 0 };
     *     conf->zone = NULL;
     *     conf->stats = NULL;
     *     conf->location = { 0, NULL };
     *     conf->history_time = 0;
     *     conf->history_max = 0;
     *     conf->history_except = NULL;
     *     conf->heartbeat_value = NULL;
     *     conf->priority_field = { 0, NULL };
     *     conf->presence_from = NULL;
     *     conf->events = 0;
     *     conf->events_channel = { 0, NULL };
     *     conf->events_delay = 0;
     *     conf->user = NULL;
     *     conf->expires = NULL;
     *     conf->namespaces = NULL;
     *     conf->api_keys = NULL;
     */

    conf->channels = NGX_CONF_UNSET_PTR;
    conf->subprotocols = NGX_CONF_UNSET_PTR;
    conf->history_length = NGX_CONF_UNSET_UINT;
    conf->heartbeat_interval = NGX_CONF_UNSET_MSEC;
    conf->heartbeat_timeout = NGX_CONF_UNSET_MSEC;
    conf->heartbeat_max = NGX_CONF_UNSET_MSEC;
    conf->heartbeat_visible = NGX_CONF_UNSET;
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
    conf->masks = NGX_CONF_UNSET_PTR;
    conf->refuse_close = NGX_CONF_UNSET_UINT;
    conf->log_start = NGX_CONF_UNSET_UINT;
    conf->ack = NGX_CONF_UNSET_UINT;
    conf->durable = NGX_CONF_UNSET_UINT;
    conf->durable_wait = NGX_CONF_UNSET_MSEC;
    conf->own_messages = NGX_CONF_UNSET;
    conf->priority = NGX_CONF_UNSET;
    conf->presence = NGX_CONF_UNSET;
    conf->anonymous = NGX_CONF_UNSET;
    conf->insecure = NGX_CONF_UNSET;
    conf->max_channels = NGX_CONF_UNSET_UINT;
    conf->connect_timeout = NGX_CONF_UNSET_MSEC;
    conf->token_grace = NGX_CONF_UNSET;

    ngx_http_websocket_limits_create(&conf->limits);
    ngx_http_websocket_hooks_create(conf);
    ngx_http_websocket_typed_init(&conf->typed);

    return conf;
}


char *
ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_websocket_loc_conf_t *prev = parent;
    ngx_http_websocket_loc_conf_t *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    conf->ctx = *(ngx_http_conf_ctx_t *) cf->ctx;

    ngx_http_websocket_inherit_handler(cf, prev, conf);
    ngx_http_websocket_warn_useless(cf, conf);

    ngx_conf_merge_ptr_value(conf->channels, prev->channels, NULL);
    ngx_conf_merge_ptr_value(conf->subprotocols, prev->subprotocols, NULL);

    ngx_http_websocket_merge_history(prev, conf);
    ngx_http_websocket_merge_heartbeat(prev, conf);

    ngx_conf_merge_msec_value(conf->idle_timeout, prev->idle_timeout, 0);
    ngx_conf_merge_msec_value(conf->send_timeout, prev->send_timeout, 10000);
    ngx_conf_merge_msec_value(conf->close_timeout, prev->close_timeout, 5000);
    ngx_conf_merge_msec_value(conf->drain, prev->drain, 5000);

    ngx_conf_merge_size_value(conf->max_message_size, prev->max_message_size,
                              64 * 1024);
    ngx_conf_merge_uint_value(conf->queue_messages, prev->queue_messages,
                              conf->centrifuge ? NGX_MAX_INT32_VALUE : 256);
    ngx_conf_merge_size_value(conf->queue_size, prev->queue_size, 1024 * 1024);
    ngx_http_websocket_merge_overflow(prev, conf);
    ngx_conf_merge_ptr_value(conf->batch, prev->batch, NULL);
    ngx_conf_merge_ptr_value(conf->deflate, prev->deflate, NULL);

    ngx_http_websocket_merge_access(prev, conf);

    ngx_conf_merge_uint_value(conf->log_start, prev->log_start, 0);
    ngx_conf_merge_uint_value(conf->ack, prev->ack,
                              NGX_HTTP_WEBSOCKET_ACK_ASK);
    ngx_conf_merge_value(conf->own_messages, prev->own_messages, 1);
    ngx_http_websocket_merge_centrifuge(cf, prev, conf);

    if (conf->priority == NGX_CONF_UNSET) {
        conf->priority_field = prev->priority_field;
    }

    ngx_conf_merge_value(conf->priority, prev->priority, 0);
    ngx_http_websocket_merge_presence(prev, conf);

    ngx_http_websocket_limits_merge(&conf->limits, &prev->limits);
    ngx_http_websocket_hooks_merge(prev, conf);

    if (ngx_http_websocket_typed_merge(cf, &prev->typed, &conf->typed)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    conf->typed.takes |= conf->priority_field.len != 0
                         || conf->history_except;

    if (!conf->websocket && !conf->publish && !conf->revoke
        && !conf->emulation && !conf->api)
    {
        return NGX_CONF_OK;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler != conf->handler) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "another directive of this location, such as "
                       "\"proxy_pass\", answers its requests");
    }

    if (conf->scopes && conf->jwt == NULL) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "\"websocket_require_scope\" needs "
                       "\"websocket_jwt\", whose token has the scopes");
    }

    if (conf->emulation) {
        return ngx_http_websocket_find_zone(cf, conf);
    }

    if (conf->api) {
        return ngx_http_websocket_check_api(cf, conf);
    }

    return conf->revoke ? NGX_CONF_OK
                        : ngx_http_websocket_check_location(cf, conf);
}


static void
ngx_http_websocket_merge_access(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_conf_merge_ptr_value(conf->origins, prev->origins,
                             &ngx_http_websocket_origins_default);
    ngx_conf_merge_ptr_value(conf->jwt, prev->jwt, NULL);
    ngx_conf_merge_ptr_value(conf->scopes, prev->scopes, NULL);
    ngx_conf_merge_ptr_value(conf->masks, prev->masks,
                             &ngx_http_websocket_masks_default);
    ngx_conf_merge_uint_value(conf->refuse_close, prev->refuse_close, 0);

    if (conf->user == NULL) {
        conf->user = prev->user;
    }

    if (conf->expires == NULL) {
        conf->expires = prev->expires;
    }
}


static void
ngx_http_websocket_merge_overflow(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->overflow == NGX_CONF_UNSET_UINT) {
        conf->conflate_key = prev->conflate_key;
    }

    ngx_conf_merge_uint_value(conf->overflow, prev->overflow,
                              NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE);
}


static void
ngx_http_websocket_merge_presence(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->presence == NGX_CONF_UNSET) {
        conf->presence_from = prev->presence_from;
    }

    if (conf->events == 0) {
        conf->events_channel = prev->events_channel;
        conf->events_delay = prev->events_delay;
    }

    ngx_conf_merge_value(conf->presence, prev->presence, 0);
    ngx_conf_merge_bitmask_value(conf->events, prev->events,
                                 NGX_CONF_BITMASK_SET);
    conf->events &= ~(ngx_uint_t) NGX_CONF_BITMASK_SET;
}


static void
ngx_http_websocket_merge_history(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->history_length == NGX_CONF_UNSET_UINT) {
        conf->history_length = prev->history_length;
        conf->history_time = prev->history_time;
        conf->history_max = prev->history_max;
        conf->history_except = prev->history_except;
    }

    if (conf->replay == NGX_CONF_UNSET_UINT) {
        conf->replay = prev->replay == NGX_CONF_UNSET_UINT ? 0 : prev->replay;
        conf->replay_only = prev->replay_only;
    }

    ngx_conf_merge_uint_value(conf->durable, prev->durable, 0);
    ngx_conf_merge_msec_value(conf->durable_wait, prev->durable_wait, 5000);
}


/* its clients are told of each message in its place, or that one was lost */

static void
ngx_http_websocket_merge_centrifuge(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    ngx_conf_merge_value(conf->anonymous, prev->anonymous, 0);
    ngx_conf_merge_value(conf->insecure, prev->insecure, 0);
    ngx_conf_merge_bitmask_value(conf->transports, prev->transports,
                                 NGX_CONF_BITMASK_SET
                                 |NGX_HTTP_WEBSOCKET_TRANSPORT_WEBSOCKET);
    ngx_conf_merge_uint_value(conf->max_channels, prev->max_channels, 128);
    ngx_conf_merge_msec_value(conf->connect_timeout, prev->connect_timeout,
                              10000);
    ngx_conf_merge_sec_value(conf->token_grace, prev->token_grace, 25);

    if (!conf->centrifuge) {
        return;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    conf->namespaces = wmcf->namespaces;
    conf->own_messages = 1;
    conf->overflow = NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE;
}


static void
ngx_http_websocket_merge_heartbeat(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->heartbeat_interval == NGX_CONF_UNSET_MSEC) {
        conf->heartbeat_value = prev->heartbeat_value;
    }

    ngx_conf_merge_msec_value(conf->heartbeat_interval,
                              prev->heartbeat_interval,
                              NGX_HTTP_WEBSOCKET_HEARTBEAT);
    ngx_conf_merge_msec_value(conf->heartbeat_max, prev->heartbeat_max,
                              NGX_CONF_UNSET_MSEC);
    ngx_conf_merge_value(conf->heartbeat_visible, prev->heartbeat_visible, 0);
    ngx_conf_merge_msec_value(conf->heartbeat_timeout,
                              prev->heartbeat_timeout, 10000);
}


/* an "if" in a location is a location without a name: it goes on the same */

static void
ngx_http_websocket_inherit_handler(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *prev, ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname || clcf->handler || prev->handler == NULL) {
        return;
    }

    conf->handler = prev->handler;
    conf->websocket = prev->websocket;
    conf->publish = prev->publish;
    conf->status = prev->status;
    conf->revoke = prev->revoke;
    conf->api = prev->api;
    conf->api_keys = prev->api_keys;
    conf->subscribes = prev->subscribes;
    conf->publishes = prev->publishes;
    conf->echo = prev->echo;
    conf->centrifuge = prev->centrifuge;
    conf->emulation = prev->emulation;
    conf->zone_name = prev->zone_name;
    conf->place = prev->place;

    clcf->handler = conf->handler;
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

    wrong = conf->centrifuge ? ngx_http_websocket_centrifuge_check(conf)
                             : ngx_http_websocket_typed_check(cf, conf);

    if (wrong != NGX_CONF_OK) {
        return ngx_http_websocket_misplaced(cf, conf, wrong);
    }

    if (conf->publish || conf->publishes) {

        /* our own limit answers in JSON; nginx's must not be in its way */

        clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

        if (clcf->client_max_body_size
            && clcf->client_max_body_size < (off_t) conf->max_message_size)
        {
            clcf->client_max_body_size = conf->max_message_size;
        }
    }

    if (conf->echo && conf->zone_name.len == 0
        && conf->limits.sessions == NULL)
    {
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_find_zone(cf, conf);
}


static char *
ngx_http_websocket_check_api(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t        *clcf;
    ngx_http_websocket_main_conf_t  *wmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (conf->api_keys == NULL && !clcf->internal) {
        return ngx_http_websocket_misplaced(cf, conf,
                       "without a key anybody could publish: it needs "
                       "\"key=FILE\", or \"internal\" with \"insecure\"");
    }

    if (ngx_http_websocket_count_location(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    conf->namespaces = wmcf->namespaces;

    return ngx_http_websocket_find_zone(cf, conf);
}


static char *
ngx_http_websocket_centrifuge_check(ngx_http_websocket_loc_conf_t *conf)
{
    return conf->jwt || conf->anonymous || conf->insecure
           || conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT]
           ? NGX_CONF_OK
           : "nobody could connect with \"centrifuge\": it needs "
             "\"websocket_jwt\", \"websocket_anonymous on\", "
             "\"websocket_insecure on\" or \"websocket_hook connect\"";
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

    wmcf->refuses |= conf->refuse_close;

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

    if (conf->channels && !conf->centrifuge) {
        return NGX_CONF_OK;
    }

    conf->channels = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_websocket_name_t));
    if (conf->channels == NULL) {
        return NGX_CONF_ERROR;
    }

    if (conf->centrifuge) {

        /* clients choose their channels themselves */

        return NGX_CONF_OK;
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
    ngx_http_websocket_durably_t    *durably;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (ngx_http_websocket_zone_of(cf, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (!conf->durable) {
        return NGX_CONF_OK;
    }

    /* only the zone knows whether it has a file on a disk */

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    durably = ngx_array_push(&wmcf->durably);
    if (durably == NULL) {
        return NGX_CONF_ERROR;
    }

    durably->zone = conf->zone;
    durably->place = conf->place;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_zone_of(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    u_char                            text[NGX_MAX_CONF_ERRSTR];
    ngx_str_t                        *names;
    ngx_uint_t                        i;
    ngx_http_websocket_zone_t       **zones;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    zones = wmcf->zones.elts;
    names = wmcf->zone_names.elts;

    if (conf->zone_name.len == 0) {

        if (wmcf->zones.nelts == 1 || wmcf->default_zone) {
            conf->zone = wmcf->default_zone ? wmcf->default_zone : zones[0];
            return NGX_CONF_OK;
        }

        return ngx_http_websocket_misplaced(cf, conf,
                        wmcf->zones.nelts ? "there are several zones: say "
                                            "which by zone=NAME, or mark one "
                                            "\"default\""
                                          : "no \"websocket_zone\" is defined "
                                            "in the http block, as in "
                                            "\"websocket_zone zone=x:16m\"");
    }

    for (i = 0; i < wmcf->zones.nelts; i++) {
        if (names[i].len == conf->zone_name.len
            && ngx_strncmp(names[i].data, conf->zone_name.data,
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


/* what is wrong with a directive, found when all was read */

static char *
ngx_http_websocket_misplaced(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf, char *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\": %s in %s:%ui",
                  conf->api ? "websocket_api"
                  : conf->revoke ? "websocket_revoke"
                  : conf->emulation ? "websocket_emulation"
                  : conf->publish ? "websocket_publish" : "websocket", what,
                  conf->place.file, conf->place.line);

    return NGX_CONF_ERROR;
}
