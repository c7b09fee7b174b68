
/*
 * What the module's state is, for machines that watch it.
 */


#include "http/ngx_http_websocket_status.h"
#include "broker/ngx_http_websocket_remote_probe.h"
#include "clock/ngx_http_websocket_clock.h"
#include "conf/ngx_http_websocket_version.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_metrics.h"
#include "http/ngx_http_websocket_prometheus.h"
#include "hub/ngx_http_websocket_durable.h"
#include "hub/ngx_http_websocket_zone.h"


static ngx_int_t ngx_http_websocket_health(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_status_json(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot);
static json_t *ngx_http_websocket_memory_json(
    ngx_http_websocket_snapshot_t *snapshot);
static json_t *ngx_http_websocket_broker_json(
    ngx_http_websocket_remote_t *remote);
static json_t *ngx_http_websocket_zones_json(
    ngx_http_websocket_snapshot_t *snapshot);
static int ngx_http_websocket_file_json(json_t *zone_json,
    ngx_http_websocket_zone_t *zone);
static json_t *ngx_http_websocket_zone_json(
    ngx_http_websocket_snapshot_t *snapshot, ngx_uint_t i);
static json_t *ngx_http_websocket_histogram_json(
    ngx_http_websocket_histogram_t *histogram);
static json_t *ngx_http_websocket_locations_json(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot);
static json_t *ngx_http_websocket_location_json(ngx_http_request_t *r,
    ngx_http_websocket_stats_entry_t *entry,
    ngx_http_websocket_stats_t *stats);
static json_t *ngx_http_websocket_metric_json(
    const ngx_http_websocket_metric_t *metric,
    ngx_http_websocket_stats_t *stats);


static ngx_str_t  ngx_http_websocket_allow_read = ngx_string("GET, HEAD");


ngx_int_t
ngx_http_websocket_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_snapshot_t   snapshot;
    ngx_http_websocket_loc_conf_t  *conf;

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return ngx_http_websocket_not_allowed(r,
                                              &ngx_http_websocket_allow_read,
                                              "use GET");
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->status == NGX_HTTP_WEBSOCKET_STATUS_HEALTH) {
        return ngx_http_websocket_health(r);
    }

    if (ngx_http_websocket_snapshot(r, &snapshot) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return conf->status == NGX_HTTP_WEBSOCKET_STATUS_JSON
           ? ngx_http_websocket_status_json(r, &snapshot)
           : ngx_http_websocket_status_prometheus(r, &snapshot);
}


/* for balancers: whether clients are to be sent here */

static ngx_int_t
ngx_http_websocket_health(ngx_http_request_t *r)
{
    json_t                          *deaf;
    ngx_int_t                        rc;
    ngx_uint_t                       i;
    ngx_http_websocket_zone_t      **zone;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_websocket_module);

    rc = NGX_HTTP_OK;
    deaf = json_array();
    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {

        if (zone[i]->remote
            && !ngx_http_websocket_remote_hears(zone[i]->remote))
        {
            rc = NGX_HTTP_SERVICE_UNAVAILABLE;

            (void) json_array_append_new(deaf,
                         json_stringn((char *) zone[i]->name.data,
                                      zone[i]->name.len));
        }
    }

    return ngx_http_websocket_answer_json(r, rc,
                                  json_pack("{s:b,s:o}", "healthy",
                                            rc == NGX_HTTP_OK, "deaf", deaf));
}


static ngx_int_t
ngx_http_websocket_status_json(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot)
{
    uint64_t  now;

    now = ngx_http_websocket_clock_wall(ngx_http_websocket_clock_now());

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK,
                   json_pack("{s:s,s:I,s:o,s:o,s:o}",
                             "version", NGX_HTTP_WEBSOCKET_VERSION,
                             "time", (json_int_t) now,
                             "memory_bytes",
                             ngx_http_websocket_memory_json(snapshot),
                             "zones", ngx_http_websocket_zones_json(snapshot),
                             "locations",
                             ngx_http_websocket_locations_json(r, snapshot)));
}


static json_t *
ngx_http_websocket_memory_json(ngx_http_websocket_snapshot_t *snapshot)
{
    json_t      *json;
    ngx_uint_t   i;

    json = json_object();

    for (i = 0; json && i < NGX_HTTP_WEBSOCKET_MEMORY_KINDS; i++) {

        if (json_object_set_new(json, ngx_http_websocket_memory_names[i],
                                json_integer((json_int_t) snapshot->memory[i]))
            != 0)
        {
            json_decref(json);
            return NULL;
        }
    }

    return json;
}


static json_t *
ngx_http_websocket_broker_json(ngx_http_websocket_remote_t *remote)
{
    char        *p;
    size_t       size;
    json_t      *json;
    ngx_uint_t   i;
    char         name[64];

    json = json_pack("{s:s%,s:b}", "name", remote->conf->name.data,
                     remote->conf->name.len,
                     "up", (int) ngx_http_websocket_remote_hears(remote));

    for (i = 0; i < NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS; i++) {

        p = ngx_http_websocket_broker_metrics[i].name
            + NGX_HTTP_WEBSOCKET_BROKER_BEFORE;
        size = ngx_strlen(p) - NGX_HTTP_WEBSOCKET_BROKER_AFTER;

        (void) ngx_cpystrn((u_char *) name, (u_char *) p, size + 1);

        (void) json_object_set_new(json, name,
                     json_integer((json_int_t) remote->shared->counters[i]));
    }

    return json;
}


static json_t *
ngx_http_websocket_zones_json(ngx_http_websocket_snapshot_t *snapshot)
{
    json_t      *zones;
    ngx_uint_t   i;

    zones = json_array();

    for (i = 0; i < snapshot->conf->zones.nelts; i++) {

        if (json_array_append_new(zones,
                                  ngx_http_websocket_zone_json(snapshot, i))
            != 0)
        {
            json_decref(zones);
            return NULL;
        }
    }

    return zones;
}


/* adds what is known of the zone's files, if it has any on a disk */

static int
ngx_http_websocket_file_json(json_t *zone_json,
    ngx_http_websocket_zone_t *zone)
{
    json_t      *json;
    uint64_t     values[NGX_HTTP_WEBSOCKET_FILE_VALUES];
    ngx_uint_t   n;

    if (!ngx_http_websocket_durable_stat(zone, values)) {
        return 0;
    }

    json = json_object();

    for (n = 0; n < NGX_HTTP_WEBSOCKET_FILE_VALUES; n++) {
        (void) json_object_set_new(json,
                                   ngx_http_websocket_file_metrics[n].member,
                                   json_integer((json_int_t) values[n]));
    }

    return json_object_set_new(zone_json, "file", json);
}


static json_t *
ngx_http_websocket_zone_json(ngx_http_websocket_snapshot_t *snapshot,
    ngx_uint_t i)
{
    json_t                       *json;
    ngx_websocket_store_stat_t   *stat;
    ngx_http_websocket_stats_t   *stats;
    ngx_http_websocket_zone_t   **zones;

    zones = snapshot->conf->zones.elts;
    stat = &snapshot->zones[i];

    json = json_pack("{s:s%,s:I,s:I,s:I,s:I}",
                     "name", zones[i]->name.data, zones[i]->name.len,
                     "size", (json_int_t) stat->blocks
                             * NGX_WEBSOCKET_STORE_BLOCK,
                     "used", (json_int_t) stat->used
                             * NGX_WEBSOCKET_STORE_BLOCK,
                     "channels", (json_int_t) stat->channels,
                     "messages", (json_int_t) stat->messages);

    if (zones[i]->wait.stuck) {
        (void) json_object_set_new(json, "busy", json_true());
    }

    if (ngx_http_websocket_file_json(json, zones[i]) != 0) {
        json_decref(json);
        return NULL;
    }

    if (zones[i]->remote
        && json_object_set_new(json, "broker",
                               ngx_http_websocket_broker_json(
                                                           zones[i]->remote))
           != 0)
    {
        json_decref(json);
        return NULL;
    }

    stats = ngx_http_websocket_zone_stats(snapshot, i);

    if (stats
        && (json_object_set_new(json, "delivery_seconds",
                           ngx_http_websocket_histogram_json(&stats->delivery))
            != 0
            || json_object_set_new(json, "rtt_seconds",
                                ngx_http_websocket_histogram_json(&stats->rtt))
               != 0
            || json_object_set_new(json, "hook_seconds",
                              ngx_http_websocket_histogram_json(&stats->hooks))
               != 0))
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


/* as in Prometheus, a bucket counts all values up to its bound */

static json_t *
ngx_http_websocket_histogram_json(
    ngx_http_websocket_histogram_t *histogram)
{
    json_t      *buckets;
    uint64_t     count;
    ngx_uint_t   i;

    buckets = json_array();
    count = 0;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_STATS_BUCKETS - 1; i++) {

        count += histogram->buckets[i];

        if (json_array_append_new(buckets,
                   json_pack("[f,I]",
                             ngx_http_websocket_stats_bounds[i] / 1e6,
                             (json_int_t) count))
            != 0)
        {
            json_decref(buckets);
            return NULL;
        }
    }

    count += histogram->buckets[i];

    return json_pack("{s:o,s:f,s:I}", "buckets", buckets,
                     "sum", histogram->time / 1e6,
                     "count", (json_int_t) count);
}


static json_t *
ngx_http_websocket_locations_json(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot)
{
    json_t                            *locations, *location;
    ngx_uint_t                         i;
    ngx_http_websocket_stats_entry_t  *entry;

    locations = json_array();

    for (i = 0; i < snapshot->nstats; i++) {

        entry = &snapshot->conf->stats->entries[i];

        if (!ngx_http_websocket_is_location(entry)) {
            continue;
        }

        location = ngx_http_websocket_location_json(r, entry,
                                                    &snapshot->stats[i]);

        if (json_array_append_new(locations, location) != 0) {
            json_decref(locations);
            return NULL;
        }
    }

    return locations;
}


static json_t *
ngx_http_websocket_location_json(ngx_http_request_t *r,
    ngx_http_websocket_stats_entry_t *entry,
    ngx_http_websocket_stats_t *stats)
{
    char                               name[64];
    size_t                             len;
    json_t                            *json;
    ngx_str_t                          zone, location;
    const ngx_http_websocket_metric_t  *metric;

    if (ngx_http_websocket_entry_names(r, entry, &zone, &location) != NGX_OK) {
        return NULL;
    }

    json = json_pack("{s:s%,s:s%}", "zone", zone.data, zone.len,
                     "location", location.data, location.len);

    for (metric = ngx_http_websocket_metrics; metric->name; metric++) {

        /* the prefix and the suffix say nothing here */

        len = ngx_strlen(metric->name) - (sizeof("websocket_") - 1);

        if (ngx_strcmp(metric->type, "counter") == 0) {
            len -= sizeof("_total") - 1;
        }

        ngx_memcpy(name, metric->name + sizeof("websocket_") - 1, len);
        name[len] = '\0';

        if (json_object_set_new(json, name,
                                ngx_http_websocket_metric_json(metric, stats))
            != 0)
        {
            json_decref(json);
            return NULL;
        }
    }

    return json;
}


static json_t *
ngx_http_websocket_metric_json(const ngx_http_websocket_metric_t *metric,
    ngx_http_websocket_stats_t *stats)
{
    json_t          *json;
    ngx_uint_t       i;
    const uint64_t  *value;

    value = ngx_http_websocket_metric_of(metric, stats);

    if (metric->label == NULL) {
        return json_integer((json_int_t) *value);
    }

    json = json_object();

    for (i = 0; i < metric->n && metric->values[i]; i++) {

        if (json_object_set_new(json, metric->values[i],
                                json_integer((json_int_t) value[i]))
            != 0)
        {
            json_decref(json);
            return NULL;
        }
    }

    return json;
}
