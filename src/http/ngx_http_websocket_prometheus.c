
/*
 * The text format 0.0.4 of Prometheus.
 */


#include "conf/ngx_http_websocket_version.h"
#include "http/ngx_http_websocket_prometheus.h"
#include "http/ngx_http_websocket_answer.h"
#include "broker/ngx_http_websocket_remote_probe.h"
#include "hub/ngx_http_websocket_durable.h"
#include "hub/ngx_http_websocket_zone.h"


#define NGX_HTTP_WEBSOCKET_TEXT_SIZE  16384

/*
 * the size of a line without names: the metric, the labels' names and the value
 */
#define NGX_HTTP_WEBSOCKET_LINE_SIZE  256


/* text that grows; without memory it stays as it is */

typedef struct {
    ngx_pool_t                   *pool;
    u_char                       *start;
    u_char                       *last;
    u_char                       *end;
    ngx_uint_t                    failed;
} ngx_http_websocket_text_t;


static void ngx_http_websocket_text_build(ngx_http_websocket_text_t *text);
static void ngx_http_websocket_text_memory(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_text_zone(ngx_http_websocket_text_t *text,
    ngx_str_t *zone, ngx_websocket_store_stat_t *stat, ngx_uint_t what);
static void ngx_http_websocket_text_files(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_text_brokers(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_text_broker(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot, char *name, ngx_uint_t n);
static void ngx_http_websocket_text_zones(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_text_metric(ngx_http_request_t *r,
    ngx_http_websocket_text_t *text, ngx_http_websocket_snapshot_t *snapshot,
    const ngx_http_websocket_metric_t *metric);
static void ngx_http_websocket_text_histograms(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_text_histogram(ngx_http_websocket_text_t *text,
    char *name, ngx_str_t *zone, ngx_http_websocket_histogram_t *histogram);
static void ngx_http_websocket_text_head(ngx_http_websocket_text_t *text,
    char *name, char *type, char *help);
static void ngx_http_websocket_text_line(ngx_http_websocket_text_t *text,
    char *name, ngx_str_t *zone, ngx_str_t *location, char *label, char *value,
    uint64_t n);
static ngx_int_t ngx_http_websocket_text_reserve(
    ngx_http_websocket_text_t *text, size_t size);
static u_char *ngx_http_websocket_text_label(u_char *p, char *name,
    ngx_str_t *value);


static ngx_str_t  ngx_http_websocket_text_type =
    ngx_string("text/plain; version=0.0.4");


ngx_int_t
ngx_http_websocket_status_prometheus(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_str_t                           body;
    ngx_http_websocket_text_t           text;
    const ngx_http_websocket_metric_t  *metric;

    ngx_memzero(&text, sizeof(ngx_http_websocket_text_t));
    text.pool = r->pool;

    ngx_http_websocket_text_build(&text);

    ngx_http_websocket_text_memory(&text, snapshot);

    for (metric = ngx_http_websocket_metrics; metric->name; metric++) {
        ngx_http_websocket_text_metric(r, &text, snapshot, metric);
    }

    ngx_http_websocket_text_zones(&text, snapshot);
    ngx_http_websocket_text_files(&text, snapshot);
    ngx_http_websocket_text_brokers(&text, snapshot);
    ngx_http_websocket_text_histograms(&text, snapshot);

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = text.start;
    body.len = text.last - text.start;

    return ngx_http_websocket_answer(r, NGX_HTTP_OK,
                                     &ngx_http_websocket_text_type, &body);
}


/* a metric that tells something by its label; its value is always 1 */

static void
ngx_http_websocket_text_build(ngx_http_websocket_text_t *text)
{
    static char  line[] = "websocket_build_info{version=\""
                          NGX_HTTP_WEBSOCKET_VERSION "\"} 1\n";

    ngx_http_websocket_text_head(text, "websocket_build_info", "gauge",
                                 "The version of the module.");

    if (ngx_http_websocket_text_reserve(text, sizeof(line) - 1) == NGX_OK) {
        text->last = ngx_cpymem(text->last, line, sizeof(line) - 1);
    }
}


/* that of all workers, whatever the zone */

static void
ngx_http_websocket_text_memory(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_uint_t  i;

    ngx_http_websocket_text_head(text, "websocket_memory_bytes", "gauge",
                                 "Memory of the workers, by what it is for.");

    for (i = 0; i < NGX_HTTP_WEBSOCKET_MEMORY_KINDS; i++) {
        if (ngx_http_websocket_text_reserve(text,
                                            NGX_HTTP_WEBSOCKET_LINE_SIZE)
            != NGX_OK)
        {
            return;
        }

        text->last = ngx_sprintf(text->last,
                                 "websocket_memory_bytes{kind=\"%s\"} %uL\n",
                                 ngx_http_websocket_memory_names[i],
                                 snapshot->memory[i]);
    }
}


static void
ngx_http_websocket_text_metric(ngx_http_request_t *r,
    ngx_http_websocket_text_t *text, ngx_http_websocket_snapshot_t *snapshot,
    const ngx_http_websocket_metric_t *metric)
{
    ngx_str_t                          zone, location;
    ngx_uint_t                         i, n;
    const uint64_t                    *value;
    ngx_http_websocket_stats_entry_t  *entry;

    ngx_http_websocket_text_head(text, metric->name, metric->type,
                                 metric->help);

    for (i = 0; i < snapshot->nstats; i++) {

        entry = &snapshot->conf->stats->entries[i];

        if (!ngx_http_websocket_is_location(entry)) {
            continue;
        }

        if (ngx_http_websocket_entry_names(r, entry, &zone, &location)
            != NGX_OK)
        {
            text->failed = 1;
            return;
        }

        value = ngx_http_websocket_metric_of(metric, &snapshot->stats[i]);

        for (n = 0; n < metric->n; n++) {

            if (metric->label && metric->values[n] == NULL) {
                break;
            }

            ngx_http_websocket_text_line(text, metric->name, &zone, &location,
                                         metric->label,
                                         metric->label ? metric->values[n]
                                                       : NULL,
                                         value[n]);
        }
    }
}


/* the metrics of files on a disk, if zones have them */

static void
ngx_http_websocket_text_files(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot)
{
    uint64_t                                  values[
                                          NGX_HTTP_WEBSOCKET_FILE_VALUES];
    ngx_uint_t                                i, n, any;
    ngx_http_websocket_zone_t               **zones;
    const ngx_http_websocket_file_metric_t   *metric;

    zones = snapshot->conf->zones.elts;

    for (n = 0; n < NGX_HTTP_WEBSOCKET_FILE_VALUES; n++) {

        metric = &ngx_http_websocket_file_metrics[n];

        for (any = 0, i = 0; i < snapshot->conf->zones.nelts; i++) {

            if (!ngx_http_websocket_durable_stat(zones[i], values)) {
                continue;
            }

            if (!any) {
                any = 1;
                ngx_http_websocket_text_head(text, metric->name, metric->type,
                                             metric->help);
            }

            ngx_http_websocket_text_line(text, metric->name, &zones[i]->name,
                                         NULL, NULL, NULL, values[n]);
        }
    }
}


/* the metrics of brokers, if zones have them */

static void
ngx_http_websocket_text_brokers(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_uint_t                                  n;
    const ngx_http_websocket_broker_metric_t   *metric;

    if (snapshot->conf->brokered.nelts == 0) {
        return;
    }

    ngx_http_websocket_text_head(text, "websocket_broker_up", "gauge",
                                 "1 when this nginx hears what is published.");
    ngx_http_websocket_text_broker(text, snapshot, "websocket_broker_up",
                                   NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS);

    for (n = 0; n < NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS; n++) {

        metric = &ngx_http_websocket_broker_metrics[n];

        ngx_http_websocket_text_head(text, metric->name, "counter",
                                     metric->help);
        ngx_http_websocket_text_broker(text, snapshot, metric->name, n);
    }
}


/* writes the counter n of each broker, or whether it is up */

static void
ngx_http_websocket_text_broker(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot, char *name, ngx_uint_t n)
{
    ngx_uint_t                     i;
    ngx_http_websocket_zone_t    **zones;
    ngx_http_websocket_remote_t   *remote;

    zones = snapshot->conf->zones.elts;

    for (i = 0; i < snapshot->conf->zones.nelts; i++) {

        remote = zones[i]->remote;

        if (remote) {
            ngx_http_websocket_text_line(text, name, &zones[i]->name, NULL,
                               NULL, NULL,
                               n < NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS
                               ? remote->shared->counters[n]
                               : ngx_http_websocket_remote_hears(remote));
        }
    }
}


/* a family at a time: all its lines stand together */

static void
ngx_http_websocket_text_zones(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_uint_t                   i, what;
    ngx_http_websocket_zone_t  **zones;

    static char                 *heads[][2] = {
        { "websocket_channels", "Channels that there are." },
        { "websocket_stored_messages", "Messages that the zone holds." },
        { "websocket_zone_bytes", "The zone's memory." }
    };

    zones = snapshot->conf->zones.elts;

    for (what = 0; what < 3; what++) {

        ngx_http_websocket_text_head(text, heads[what][0], "gauge",
                                     heads[what][1]);

        for (i = 0; i < snapshot->conf->zones.nelts; i++) {
            ngx_http_websocket_text_zone(text, &zones[i]->name,
                                         &snapshot->zones[i], what);
        }
    }
}


static void
ngx_http_websocket_text_zone(ngx_http_websocket_text_t *text, ngx_str_t *zone,
    ngx_websocket_store_stat_t *stat, ngx_uint_t what)
{
    switch (what) {

    case 0:
        ngx_http_websocket_text_line(text, "websocket_channels", zone, NULL,
                                     NULL, NULL, stat->channels);
        return;

    case 1:
        ngx_http_websocket_text_line(text, "websocket_stored_messages", zone,
                                     NULL, NULL, NULL, stat->messages);
        return;

    default:
        ngx_http_websocket_text_line(text, "websocket_zone_bytes", zone, NULL,
                                     "state", "used",
                                     (uint64_t) stat->used
                                     * NGX_WEBSOCKET_STORE_BLOCK);

        ngx_http_websocket_text_line(text, "websocket_zone_bytes", zone, NULL,
                                     "state", "free",
                                     (uint64_t) (stat->blocks - stat->used)
                                     * NGX_WEBSOCKET_STORE_BLOCK);
    }
}


static void
ngx_http_websocket_text_histograms(ngx_http_websocket_text_t *text,
    ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_uint_t                   i, what;
    ngx_http_websocket_stats_t  *stats;
    ngx_http_websocket_zone_t  **zones;

    static const struct {
        char                    *name;
        char                    *help;
        size_t                   offset;
    } all[] = {
        { "websocket_hook_seconds", "From asking to the answer.",
          offsetof(ngx_http_websocket_stats_t, hooks) },
        { "websocket_rtt_seconds", "From a Ping to its Pong.",
          offsetof(ngx_http_websocket_stats_t, rtt) },
        { "websocket_delivery_seconds", "From publishing to writing.",
          offsetof(ngx_http_websocket_stats_t, delivery) }
    };

    zones = snapshot->conf->zones.elts;

    for (what = 0; what < sizeof(all) / sizeof(all[0]); what++) {

        ngx_http_websocket_text_head(text, all[what].name, "histogram",
                                     all[what].help);

        for (i = 0; i < snapshot->conf->zones.nelts; i++) {

            stats = ngx_http_websocket_zone_stats(snapshot, i);

            if (stats) {
                ngx_http_websocket_text_histogram(text, all[what].name,
                                 &zones[i]->name,
                                 (ngx_http_websocket_histogram_t *)
                                     ((u_char *) stats + all[what].offset));
            }
        }
    }
}


static void
ngx_http_websocket_text_histogram(ngx_http_websocket_text_t *text, char *name,
    ngx_str_t *zone, ngx_http_websocket_histogram_t *histogram)
{
    char        bound[32], line[64];
    uint64_t    count;
    uint32_t    us;
    ngx_uint_t  i;

    count = 0;

    (void) snprintf(line, sizeof(line), "%s_bucket", name);

    for (i = 0; i < NGX_HTTP_WEBSOCKET_STATS_BUCKETS; i++) {

        count += histogram->buckets[i];

        if (i < NGX_HTTP_WEBSOCKET_STATS_BUCKETS - 1) {
            us = ngx_http_websocket_stats_bounds[i];
            (void) snprintf(bound, sizeof(bound), "%g", us / 1e6);

        } else {
            (void) snprintf(bound, sizeof(bound), "+Inf");
        }

        ngx_http_websocket_text_line(text, line, zone, NULL, "le", bound,
                                     count);
    }

    (void) snprintf(line, sizeof(line), "%s_count", name);

    ngx_http_websocket_text_line(text, line, zone, NULL, NULL, NULL, count);

    /* the one value with a fraction */

    if (ngx_http_websocket_text_reserve(text, NGX_HTTP_WEBSOCKET_LINE_SIZE
                                              + 2 * zone->len)
        != NGX_OK)
    {
        return;
    }

    text->last = ngx_sprintf(text->last, "%s_sum{", name);
    text->last = ngx_http_websocket_text_label(text->last, "zone", zone);
    text->last = ngx_sprintf(text->last, "} %uL.%06uL\n",
                             histogram->time / 1000000,
                             histogram->time % 1000000);
}


static void
ngx_http_websocket_text_head(ngx_http_websocket_text_t *text, char *name,
    char *type, char *help)
{
    size_t  size;

    size = sizeof("# HELP  \n# TYPE  \n") + 2 * ngx_strlen(name)
           + ngx_strlen(type) + ngx_strlen(help);

    if (ngx_http_websocket_text_reserve(text, size) == NGX_OK) {
        text->last = ngx_sprintf(text->last, "# HELP %s %s\n# TYPE %s %s\n",
                                 name, help, name, type);
    }
}


static void
ngx_http_websocket_text_line(ngx_http_websocket_text_t *text, char *name,
    ngx_str_t *zone, ngx_str_t *location, char *label, char *value, uint64_t n)
{
    u_char     *p;
    size_t      size;
    ngx_str_t   other;

    size = NGX_HTTP_WEBSOCKET_LINE_SIZE + 2 * zone->len
           + (location ? 2 * location->len : 0);

    if (ngx_http_websocket_text_reserve(text, size) != NGX_OK) {
        return;
    }

    p = ngx_sprintf(text->last, "%s{", name);
    p = ngx_http_websocket_text_label(p, "zone", zone);

    if (location) {
        *p++ = ',';
        p = ngx_http_websocket_text_label(p, "location", location);
    }

    if (label) {
        other.data = (u_char *) value;
        other.len = ngx_strlen(value);

        *p++ = ',';
        p = ngx_http_websocket_text_label(p, label, &other);
    }

    text->last = ngx_sprintf(p, "} %uL\n", n);
}


static ngx_int_t
ngx_http_websocket_text_reserve(ngx_http_websocket_text_t *text, size_t size)
{
    u_char  *p;
    size_t   alloc, used;

    used = text->last - text->start;

    if (text->failed || size <= (size_t) (text->end - text->last)) {
        return text->failed ? NGX_ERROR : NGX_OK;
    }

    alloc = ngx_max(2 * (size_t) (text->end - text->start),
                    NGX_HTTP_WEBSOCKET_TEXT_SIZE);
    alloc = ngx_max(alloc, used + size);

    p = ngx_palloc(text->pool, alloc);

    if (p == NULL) {
        text->failed = 1;
        return NGX_ERROR;
    }

    if (used) {
        ngx_memcpy(p, text->start, used);
        (void) ngx_pfree(text->pool, text->start);
    }

    text->start = p;
    text->last = p + used;
    text->end = p + alloc;

    return NGX_OK;
}


/* what has to be escaped takes two bytes at most */

static u_char *
ngx_http_websocket_text_label(u_char *p, char *name, ngx_str_t *value)
{
    size_t  i;

    p = ngx_sprintf(p, "%s=\"", name);

    for (i = 0; i < value->len; i++) {

        if (value->data[i] == '\n') {
            *p++ = '\\';
            *p++ = 'n';
            continue;
        }

        if (value->data[i] == '\\' || value->data[i] == '"') {
            *p++ = '\\';
        }

        *p++ = value->data[i];
    }

    *p++ = '"';

    return p;
}
