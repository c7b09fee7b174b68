
/*
 * The metrics, as all formats tell them.
 */


#ifndef NGX_HTTP_WEBSOCKET_METRICS_H
#define NGX_HTTP_WEBSOCKET_METRICS_H


#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_stats.h"


/* a metric of a location: one value, or one for each value of a label */

typedef struct {
    char                         *name;
    char                         *type;
    char                         *help;
    char                         *label;    /* NULL: none */
    char *const                  *values;   /* up to one that is NULL */
    ngx_uint_t                    n;        /* values at most, 1 or more */
    size_t                        offset;   /* ngx_http_websocket_stats_t */
} ngx_http_websocket_metric_t;


/* the last one has no name */
extern const ngx_http_websocket_metric_t  ngx_http_websocket_metrics[];


/*
 * Counters of a zone's broker, in their order; in JSON without what is before
 * and after.
 */

#define NGX_HTTP_WEBSOCKET_BROKER_BEFORE  (sizeof("websocket_broker_") - 1)
#define NGX_HTTP_WEBSOCKET_BROKER_AFTER   (sizeof("_total") - 1)

/* of a zone with a file on a disk, in the order of file_e */

typedef struct {
    char                         *name;
    char                         *type;
    char                         *member;   /* in JSON */
    char                         *help;
} ngx_http_websocket_file_metric_t;

typedef struct {
    char                         *name;
    char                         *help;
} ngx_http_websocket_broker_metric_t;

extern const ngx_http_websocket_file_metric_t
    ngx_http_websocket_file_metrics[];
extern const ngx_http_websocket_broker_metric_t
    ngx_http_websocket_broker_metrics[];


/* all that is told, at one time */

typedef struct {
    ngx_http_websocket_main_conf_t  *conf;
    ngx_websocket_store_stat_t      *zones; /* in the configuration's order */
    ngx_http_websocket_stats_t      *stats; /* one for each entry */
    ngx_uint_t                       nstats;
    uint64_t                         memory[NGX_HTTP_WEBSOCKET_MEMORY_KINDS];
} ngx_http_websocket_snapshot_t;


/* what memory is taken for, in the order of ngx_http_websocket_memory_e */
extern char *const  ngx_http_websocket_memory_names[];

/* what an entry's counters say of a metric */
#define ngx_http_websocket_metric_of(metric, stats)                           \
    ((const uint64_t *) ((const u_char *) (stats) + (metric)->offset))

/* Whether an entry is one of a location, or of several. */
#define ngx_http_websocket_is_location(entry)                                 \
    ((entry)->location_size || (entry)->others)

/* Takes a snapshot, in r->pool.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_snapshot(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot);

/* The counters of a zone, or NULL when nothing is counted. */
ngx_http_websocket_stats_t *ngx_http_websocket_zone_stats(
    ngx_http_websocket_snapshot_t *snapshot, ngx_uint_t zone);

/*
 * The names of an entry's zone and location.  UTF-8 in any case: what is not
 * is told with question marks, in r->pool.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_entry_names(ngx_http_request_t *r,
    ngx_http_websocket_stats_entry_t *entry, ngx_str_t *zone,
    ngx_str_t *location);


#endif /* NGX_HTTP_WEBSOCKET_METRICS_H */
