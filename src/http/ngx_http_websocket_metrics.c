
#include "conf/ngx_http_websocket_conf_hook.h"
#include "http/ngx_http_websocket_metrics.h"
#include "broker/ngx_http_websocket_remote.h"
#include "hub/ngx_http_websocket_process.h"
#include "hub/ngx_http_websocket_durable.h"
#include "hub/ngx_http_websocket_worker.h"
#include "hub/ngx_http_websocket_zone.h"
#include "protocol/ngx_http_websocket_protocols.h"
#include "wire/utf8.h"


static ngx_int_t ngx_http_websocket_entry_name(ngx_http_request_t *r,
    u_char *data, size_t size, ngx_str_t *name);


/* in the order of ngx_http_websocket_protocols; NULL: no more of them */

static char  *ngx_http_websocket_protocol_names[
                                         NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS];

/* in the order of ngx_http_websocket_dropped_e, _rejected_e */

static char *const  ngx_http_websocket_dropped_names[] = {
    "close", "drop_oldest", "conflate", "memory", "left"
};

static char *const  ngx_http_websocket_rejected_names[] = {
    "handshake", "channel", "position", "selection", "invalid", "method",
    "header", "too_large", "invalid_utf8", "zone_full", "connections",
    "unavailable", "memory", "origin", "token", "right",
    "ended", "hook", "hook_failed"
};


char *const  ngx_http_websocket_memory_names[] = {
    "messages", "queues", "deflate", "input"
};


_Static_assert(sizeof(ngx_http_websocket_dropped_names) / sizeof(char *)
               == NGX_HTTP_WEBSOCKET_DROPPED_REASONS
               && sizeof(ngx_http_websocket_rejected_names) / sizeof(char *)
                  == NGX_HTTP_WEBSOCKET_REJECTED_REASONS
               && sizeof(ngx_http_websocket_memory_names) / sizeof(char *)
                  == NGX_HTTP_WEBSOCKET_MEMORY_KINDS
               && NGX_HTTP_WEBSOCKET_HOOKS <= NGX_HTTP_WEBSOCKET_STATS_HOOKS,
               "each has a name");


#define ngx_http_websocket_stat_at(field)                                     \
    offsetof(ngx_http_websocket_stats_t, field)


const ngx_http_websocket_metric_t  ngx_http_websocket_metrics[] = {

    { "websocket_active_connections", "gauge",
      "Sessions that are open now.",
      "protocol", ngx_http_websocket_protocol_names,
      NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS,
      ngx_http_websocket_stat_at(active) },

    { "websocket_queued_messages", "gauge",
      "Messages that wait in send queues now.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(queued) },

    { "websocket_queued_bytes", "gauge",
      "Bytes that wait in send queues now.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(queued_bytes) },

    { "websocket_connections_total", "counter",
      "Sessions that were opened; each long-polling request is one.",
      "protocol", ngx_http_websocket_protocol_names,
      NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS,
      ngx_http_websocket_stat_at(connections) },

    { "websocket_heartbeat_timeouts_total", "counter",
      "Sessions that were closed because no answer to a Ping came.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(dead) },

    { "websocket_messages_received_total", "counter",
      "Messages of clients, on their sockets.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(messages_received) },

    { "websocket_messages_sent_total", "counter",
      "Messages that were written to clients.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(messages_sent) },

    { "websocket_bytes_received_total", "counter",
      "Bytes of clients after their handshakes.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(bytes_received) },

    { "websocket_bytes_sent_total", "counter",
      "Bytes that were written to clients after their handshakes.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(bytes_sent) },

    { "websocket_published_messages_total", "counter",
      "Messages that were published, on sockets and over HTTP.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(published) },

    { "websocket_rate_limited_messages_total", "counter",
      "Messages of clients that websocket_rate dropped.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(refused) },

    { "websocket_dropped_messages_total", "counter",
      "Messages that were dropped from send queues.",
      "reason", ngx_http_websocket_dropped_names,
      NGX_HTTP_WEBSOCKET_DROPPED_REASONS,
      ngx_http_websocket_stat_at(dropped) },

    { "websocket_closes_total", "counter",
      "Sessions that ended, by the code of the first Close.",
      "code", ngx_http_websocket_stats_closes,
      NGX_HTTP_WEBSOCKET_STATS_CLOSES,
      ngx_http_websocket_stat_at(closes) },

    { "websocket_rejected_requests_total", "counter",
      "Handshakes, and publishes over HTTP, that were refused.",
      "reason", ngx_http_websocket_rejected_names,
      NGX_HTTP_WEBSOCKET_REJECTED_REASONS,
      ngx_http_websocket_stat_at(rejected) },

    { "websocket_hook_active_calls", "gauge",
      "Calls of websocket_hook that wait for an answer now.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(hook_active) },

    { "websocket_hook_queued_calls", "gauge",
      "Calls of websocket_hook that wait for others to end.",
      NULL, NULL, 1, ngx_http_websocket_stat_at(hook_queued) },

    { "websocket_hook_calls_total", "counter",
      "Times that the application was asked, or was to be.",
      "event", ngx_http_websocket_hook_names, NGX_HTTP_WEBSOCKET_STATS_HOOKS,
      ngx_http_websocket_stat_at(hook_calls) },

    { "websocket_hook_failures_total", "counter",
      "Calls that had no answer, or none that can be used.",
      "event", ngx_http_websocket_hook_names, NGX_HTTP_WEBSOCKET_STATS_HOOKS,
      ngx_http_websocket_stat_at(hook_failures) },

    { "websocket_hook_dropped_calls_total", "counter",
      "Calls that were not made, since too many waited.",
      "event", ngx_http_websocket_hook_names, NGX_HTTP_WEBSOCKET_STATS_HOOKS,
      ngx_http_websocket_stat_at(hook_dropped) },

    { NULL, NULL, NULL, NULL, NULL, 0, 0 }
};


const ngx_http_websocket_file_metric_t
    ngx_http_websocket_file_metrics[NGX_HTTP_WEBSOCKET_FILE_VALUES] =
{
    { "websocket_snapshot_age_seconds", "gauge", "age",
      "Since the last snapshot was begun, or nginx started." },
    { "websocket_snapshot_duration_milliseconds", "gauge", "duration_ms",
      "What the last snapshot took." },
    { "websocket_snapshot_bytes", "gauge", "bytes",
      "The size of the last snapshot." },
    { "websocket_snapshots_total", "counter", "snapshots",
      "Snapshots that were written." },
    { "websocket_snapshot_failures_total", "counter", "failures",
      "Snapshots that could not be written." },
    { "websocket_log_bytes_total", "counter", "logged_bytes",
      "Bytes of durable messages that are on the disk." },
    { "websocket_log_waiting_bytes", "gauge", "waiting_bytes",
      "Bytes of durable messages that wait for the disk." },
    { "websocket_log_failures_total", "counter", "log_failures",
      "Times that durable messages could not be written." }
};


const ngx_http_websocket_broker_metric_t
    ngx_http_websocket_broker_metrics[NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS] =
{
    { "websocket_broker_received_messages_total",
      "Messages that the broker told this nginx of." },
    { "websocket_broker_gaps_total",
      "Times that messages before one of them were missing." },
    { "websocket_broker_filled_messages_total",
      "Messages that were read from the broker." },
    { "websocket_broker_refused_messages_total",
      "Publishes that the broker did not take." },
    { "websocket_broker_reconnects_total",
      "Connections to the broker that were lost." },
    { "websocket_broker_seat_takeovers_total",
      "Workers that began to subscribe for all." },
    { "websocket_broker_healed_messages_total",
      "Messages that the broker had lost and that this nginx put back." },
    { "websocket_broker_unhealed_total",
      "Times that not all could be put back: channels began anew." }
};


ngx_int_t
ngx_http_websocket_snapshot(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_uint_t                         i;
    ngx_http_websocket_zone_t        **zone;
    ngx_http_websocket_main_conf_t    *wmcf;
    ngx_http_websocket_stats_table_t  *table;

    for (i = 0; ngx_http_websocket_protocols[i]; i++) {
        ngx_http_websocket_protocol_names[i]
                                       = ngx_http_websocket_protocols[i]->name;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_websocket_module);
    table = wmcf->used ? wmcf->stats : NULL;

    /* voids the gauges of dead workers first */

    if (table) {
        ngx_http_websocket_worker_reap(r->connection->log);
        ngx_http_websocket_process_memory();
    }

    snapshot->conf = wmcf;
    snapshot->nstats = table ? table->nentries : 0;
    snapshot->zones = ngx_palloc(r->pool,
                                 wmcf->zones.nelts
                                 * sizeof(ngx_websocket_store_stat_t));
    snapshot->stats = ngx_palloc(r->pool, snapshot->nstats
                                        * sizeof(ngx_http_websocket_stats_t));

    if (snapshot->zones == NULL || snapshot->stats == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < NGX_HTTP_WEBSOCKET_MEMORY_KINDS; i++) {
        snapshot->memory[i] = table
                              ? ngx_http_websocket_stats_memory_sum(table, i)
                              : 0;
    }

    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        ngx_http_websocket_zone_stat(zone[i], &snapshot->zones[i]);
    }

    for (i = 0; i < snapshot->nstats; i++) {
        ngx_http_websocket_stats_sum(table, i, &snapshot->stats[i]);
    }

    return NGX_OK;
}


ngx_http_websocket_stats_t *
ngx_http_websocket_zone_stats(ngx_http_websocket_snapshot_t *snapshot,
    ngx_uint_t zone)
{
    ngx_uint_t                   n;
    ngx_http_websocket_zone_t  **zones;

    static ngx_str_t             nothing = ngx_string("");

    zones = snapshot->conf->zones.elts;

    if (snapshot->nstats == 0) {
        return NULL;
    }

    n = ngx_http_websocket_stats_find(snapshot->conf->stats,
                                      &zones[zone]->name, &nothing);

    return &snapshot->stats[n];
}


ngx_int_t
ngx_http_websocket_entry_names(ngx_http_request_t *r,
    ngx_http_websocket_stats_entry_t *entry, ngx_str_t *zone,
    ngx_str_t *location)
{
    if (ngx_http_websocket_entry_name(r, entry->zone, entry->zone_size, zone)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (entry->location_size == 0) {
        ngx_str_set(location, "other");
        return NGX_OK;
    }

    return ngx_http_websocket_entry_name(r, entry->location,
                                         entry->location_size, location);
}


static ngx_int_t
ngx_http_websocket_entry_name(ngx_http_request_t *r, u_char *data, size_t size,
    ngx_str_t *name)
{
    size_t                i;
    ngx_websocket_utf8_t  utf8;

    name->data = data;
    name->len = size;

    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, data, size) == 0 && utf8 == 0) {
        return NGX_OK;
    }

    name->data = ngx_pnalloc(r->pool, size);
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < size; i++) {
        name->data[i] = data[i] < 0x80 ? data[i] : '?';
    }

    return NGX_OK;
}
