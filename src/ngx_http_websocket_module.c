
/*
 * The table of contents: the directives, with the handlers of those that have
 * one, and what is done for a configuration, a cycle and a process.  How
 * directives are read is in conf/, what comes of them in the other folders.
 */


#include "access/ngx_http_websocket_revocations.h"
#include "broker/ngx_http_websocket_broker_local.h"
#include "broker/ngx_http_websocket_mailbox.h"
#include "broker/ngx_http_websocket_remote.h"
#include "conf/ngx_http_websocket_conf_broker.h"
#include "conf/ngx_http_websocket_conf_channel.h"
#include "conf/ngx_http_websocket_conf_collect.h"
#include "conf/ngx_http_websocket_conf_deflate.h"
#include "conf/ngx_http_websocket_conf_handler.h"
#include "conf/ngx_http_websocket_conf_hook.h"
#include "conf/ngx_http_websocket_conf_jwt.h"
#include "conf/ngx_http_websocket_conf_limits.h"
#include "conf/ngx_http_websocket_conf_location.h"
#include "conf/ngx_http_websocket_conf_mask.h"
#include "conf/ngx_http_websocket_conf_name.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "conf/ngx_http_websocket_conf_origin.h"
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_presence.h"
#include "conf/ngx_http_websocket_conf_queue.h"
#include "conf/ngx_http_websocket_conf_schema.h"
#include "conf/ngx_http_websocket_conf_session.h"
#include "conf/ngx_http_websocket_conf_stamp.h"
#include "conf/ngx_http_websocket_conf_types.h"
#include "conf/ngx_http_websocket_conf_zone.h"
#include "delivery/ngx_http_websocket_views.h"
#include "hook/ngx_http_websocket_call_request.h"
#include "http/ngx_http_websocket_api.h"
#include "http/ngx_http_websocket_centrifuge_stream.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_name.h"
#include "http/ngx_http_websocket_publish.h"
#include "http/ngx_http_websocket_refusal.h"
#include "http/ngx_http_websocket_revoke.h"
#include "http/ngx_http_websocket_status.h"
#include "http/ngx_http_websocket_variables.h"
#include "hub/ngx_http_websocket_durable.h"
#include "hub/ngx_http_websocket_process.h"
#include "hub/ngx_http_websocket_worker.h"
#include "protocol/ngx_http_websocket_centrifuge.h"
#include "protocol/ngx_http_websocket_protocols.h"
#include "session/ngx_http_websocket_drain.h"
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_linger.h"
#include "session/ngx_http_websocket_presence.h"
#include "session/ngx_http_websocket_session.h"
#include "session/ngx_http_websocket_token.h"


static ngx_int_t ngx_http_websocket_init_conf(ngx_conf_t *cf);
static ngx_int_t ngx_http_websocket_init_brokers(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf);
static void ngx_http_websocket_start_brokers(ngx_cycle_t *cycle);
static void ngx_http_websocket_stop_brokers(ngx_cycle_t *cycle);
static void *ngx_http_websocket_create_location(ngx_conf_t *cf);
static ngx_int_t ngx_http_websocket_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_init_process(ngx_cycle_t *cycle);
static void ngx_http_websocket_exit_process(ngx_cycle_t *cycle);


static ngx_conf_enum_t  ngx_http_websocket_acks[] = {
    { ngx_string("off"), NGX_HTTP_WEBSOCKET_ACK_OFF },
    { ngx_string("ask"), NGX_HTTP_WEBSOCKET_ACK_ASK },
    { ngx_string("on"), NGX_HTTP_WEBSOCKET_ACK_ON },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_websocket_log_times[] = {
    { ngx_string("end"), 0 },
    { ngx_string("start"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_websocket_refusals[] = {
    { ngx_string("status"), 0 },
    { ngx_string("close"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_bitmask_t  ngx_http_websocket_transports[] = {
    { ngx_string("websocket"), NGX_HTTP_WEBSOCKET_TRANSPORT_WEBSOCKET },
    { ngx_string("http_stream"), NGX_HTTP_WEBSOCKET_TRANSPORT_HTTP_STREAM },
    { ngx_string("sse"), NGX_HTTP_WEBSOCKET_TRANSPORT_SSE },
    { ngx_null_string, 0 }
};


static ngx_conf_bitmask_t  ngx_http_websocket_event_names[] = {
    { ngx_string("off"), NGX_CONF_BITMASK_SET },
    { ngx_string("join"), NGX_HTTP_WEBSOCKET_JOIN },
    { ngx_string("leave"), NGX_HTTP_WEBSOCKET_LEAVE },
    { ngx_string("history=off"), NGX_HTTP_WEBSOCKET_UNRECORDED },
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


/* of a session: they are gone through one by one */

static ngx_conf_num_bounds_t  ngx_http_websocket_channels_bounds = {
    ngx_conf_check_num_bounds, 1, 10000
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
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      ngx_http_websocket_zone_add },

    { ngx_string("websocket_broker"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_websocket_broker,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_websocket,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_websocket_handshake_handler },

    { ngx_string("websocket_publish"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_websocket_publish,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_websocket_publish_handler },

    { ngx_string("websocket_channel"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_channel,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_set_decoded"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_SIF_CONF|NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF
                       |NGX_CONF_TAKE2,
      ngx_http_websocket_set_name,
      0,
      0,
      ngx_http_websocket_set },

    { ngx_string("websocket_history"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_websocket_history,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_replay"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
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

    { ngx_string("websocket_ack"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, ack),
      &ngx_http_websocket_acks },

    { ngx_string("websocket_hook"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_websocket_hook,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_durable"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE12,
      ngx_http_websocket_durable_conf,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_subprotocols"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_subprotocols,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_heartbeat"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
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
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1234,
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

    { ngx_string("websocket_coalesce"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
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
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, events),
      &ngx_http_websocket_event_names },

    { ngx_string("websocket_mask"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_mask_arguments,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_user"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, user),
      NULL },

    { ngx_string("websocket_expires"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, expires),
      NULL },

    { ngx_string("websocket_refuse"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, refuse_close),
      &ngx_http_websocket_refusals },

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
      ngx_http_websocket_revoke_handler },

    { ngx_string("websocket_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_websocket_api_handler },

    { ngx_string("websocket_access_log"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, log_start),
      &ngx_http_websocket_log_times },

    { ngx_string("websocket_type"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_websocket_message,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_type_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_websocket_message_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_inbound_type"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_websocket_use,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, typed.receive),
      NULL },

    { ngx_string("websocket_outbound_type"),
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
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE123,
      ngx_http_websocket_filter,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
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

    { ngx_string("websocket_namespace"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_websocket_namespace,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("websocket_anonymous"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, anonymous),
      NULL },

    { ngx_string("websocket_transports"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, transports),
      &ngx_http_websocket_transports },

    { ngx_string("websocket_emulation"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_websocket_emulation,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_websocket_emulation_handler },

    { ngx_string("websocket_insecure"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, insecure),
      NULL },

    { ngx_string("websocket_max_channels"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, max_channels),
      &ngx_http_websocket_channels_bounds },

    { ngx_string("websocket_connect_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, connect_timeout),
      &ngx_http_websocket_timer_post },

    { ngx_string("websocket_token_grace"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_sec_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_websocket_loc_conf_t, token_grace),
      NULL },

    { ngx_string("websocket_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_websocket_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      ngx_http_websocket_status_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_websocket_module_ctx = {
    ngx_http_websocket_add_variables,      /* preconfiguration */
    ngx_http_websocket_init_conf,          /* postconfiguration */

    ngx_http_websocket_create_main_conf,   /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_websocket_create_location,    /* create location configuration */
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


/* what the layers do when the process has something to tell them */

static const ngx_http_websocket_process_handlers_t
    ngx_http_websocket_handlers =
{
    ngx_http_websocket_presence_reap,
    ngx_http_websocket_drain_dismiss,
    ngx_http_websocket_drain_all,
    ngx_http_websocket_drain_look,
    ngx_http_websocket_auth_revoke,
    ngx_http_websocket_revocations_dump
};


static ngx_int_t
ngx_http_websocket_init_conf(ngx_conf_t *cf)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (ngx_http_websocket_init_brokers(cf, wmcf) != NGX_OK
        || ngx_http_websocket_durable_wanted(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (wmcf->used
        && (ngx_http_websocket_worker_table(cf) != NGX_OK
            || ngx_http_websocket_stats_table(cf) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (wmcf->revokes && ngx_http_websocket_revocations(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wmcf->refuses) {
        ngx_http_websocket_refusal_init();
    }

    if (ngx_http_websocket_hooks_check(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (wmcf->hooked) {
        ngx_http_websocket_call_init();
    }

    return ngx_http_websocket_named_init(cf);
}


static ngx_int_t
ngx_http_websocket_init_brokers(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf)
{
    ngx_uint_t                          i;
    ngx_http_websocket_zone_t         **zone;
    ngx_http_websocket_brokered_t      *brokered;
    ngx_http_websocket_broker_conf_t   *broker;

    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        ngx_http_websocket_broker_set(zone[i],
                                      &ngx_http_websocket_broker_local);
    }

    brokered = wmcf->brokered.elts;

    for (i = 0; i < wmcf->brokered.nelts; i++) {

        broker = ngx_http_websocket_broker_find(cf, &brokered[i]);

        if (broker == NULL
            || ngx_http_websocket_remote_add(cf, brokered[i].zone, broker)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_websocket_broker_set(brokered[i].zone,
                                      &ngx_http_websocket_broker_remote);
    }

    return NGX_OK;
}


static void *
ngx_http_websocket_create_location(ngx_conf_t *cf)
{
    ngx_http_websocket_loc_conf_t  *wlcf;

    wlcf = ngx_http_websocket_create_loc_conf(cf);

    if (wlcf) {
        wlcf->stats = &ngx_http_websocket_stats_none;
    }

    return wlcf;
}


static ngx_int_t
ngx_http_websocket_init_module(ngx_cycle_t *cycle)
{
    return ngx_http_websocket_worker_init_module(cycle);
}


static ngx_int_t
ngx_http_websocket_init_process(ngx_cycle_t *cycle)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    if (!ngx_http_websocket_process_needed(cycle)) {
        return NGX_OK;
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    ngx_http_websocket_views_start(wmcf->views);
    ngx_http_websocket_later_init(cycle);
    ngx_http_websocket_session_init(cycle, ngx_http_websocket_protocols);
    ngx_http_websocket_drain_init(cycle, ngx_http_websocket_process_left);
    ngx_http_websocket_linger_init(cycle);
    ngx_http_websocket_centrifuge_init(cycle, wmcf);

    if (ngx_http_websocket_mailbox_init(cycle) != NGX_OK
        || ngx_http_websocket_request_init(cycle) != NGX_OK
        || (wmcf->hooked && ngx_http_websocket_call_start(cycle) != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (ngx_http_websocket_process_start(cycle, &ngx_http_websocket_handlers)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_websocket_start_brokers(cycle);

    return NGX_OK;
}


static void
ngx_http_websocket_start_brokers(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_websocket_brokered_t   *brokered;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    brokered = wmcf->brokered.elts;

    for (i = 0; i < wmcf->brokered.nelts; i++) {
        ngx_http_websocket_remote_start(brokered[i].zone, cycle,
                                        ngx_http_websocket_drain_deaf);
    }
}


static void
ngx_http_websocket_stop_brokers(ngx_cycle_t *cycle)
{
    ngx_uint_t                       i;
    ngx_http_websocket_brokered_t   *brokered;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    brokered = wmcf->brokered.elts;

    for (i = 0; i < wmcf->brokered.nelts; i++) {

        /* without a master process the configuration may be a later one */

        if (brokered[i].zone->hub) {
            ngx_http_websocket_remote_stop(brokered[i].zone);
        }
    }
}


static void
ngx_http_websocket_exit_process(ngx_cycle_t *cycle)
{
    if (!ngx_http_websocket_process_works(cycle)) {
        return;
    }

    ngx_http_websocket_drain_abandon_all();
    ngx_http_websocket_stop_brokers(cycle);
    ngx_http_websocket_process_stop(cycle);
}
