
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_stats.h"
#include "hub/ngx_http_websocket_worker.h"
#include "hub/ngx_http_websocket_zone.h"


/* changes with ngx_http_websocket_stats_table_t */
#define NGX_HTTP_WEBSOCKET_STATS_LAYOUT  2


static ngx_int_t ngx_http_websocket_stats_map(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static void ngx_http_websocket_stats_number(
    ngx_http_websocket_main_conf_t *wmcf, ngx_log_t *log);
static ngx_uint_t ngx_http_websocket_stats_entry(
    ngx_http_websocket_stats_table_t *table, ngx_str_t *zone,
    ngx_str_t *location);
static ngx_int_t ngx_http_websocket_stats_look(
    ngx_http_websocket_stats_table_t *table, ngx_str_t *zone,
    ngx_str_t *location);
static size_t ngx_http_websocket_stats_cut(ngx_str_t *name, size_t size);
static void ngx_http_websocket_stats_count(ngx_cycle_t *cycle,
    ngx_http_websocket_stats_t *stats);
static ngx_http_websocket_main_conf_t *ngx_http_websocket_stats_conf(
    ngx_cycle_t *cycle);
static void ngx_http_websocket_stats_add(ngx_http_websocket_stats_t *sum,
    ngx_http_websocket_stats_t *stats);


static ngx_str_t  ngx_http_websocket_stats_name =
    ngx_string("ngx_http_websocket_stats");

static ngx_str_t  ngx_http_websocket_stats_nothing = ngx_string("");


ngx_http_websocket_stats_t  ngx_http_websocket_stats_none;


/* counters of a process without a slot: its gauges mean nothing */

static ngx_http_websocket_stats_t  ngx_http_websocket_stats_own[
                                       NGX_HTTP_WEBSOCKET_STATS_ENTRIES];


const uint32_t  ngx_http_websocket_stats_bounds[] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000,
    500000, 1000000, 2500000, 10000000
};


char *const  ngx_http_websocket_stats_closes[] = {
    "1000", "1001", "1002", "1003", "1005", "1006", "1007", "1008", "1009",
    "1010", "1011", "1012", "1013", "1014", "4401", "3xxx", "4xxx"
};


_Static_assert(sizeof(ngx_http_websocket_stats_bounds) / sizeof(uint32_t)
               == NGX_HTTP_WEBSOCKET_STATS_BUCKETS - 1
               && sizeof(ngx_http_websocket_stats_closes) / sizeof(char *)
                  == NGX_HTTP_WEBSOCKET_STATS_CLOSES,
               "as many as there are counters");


ngx_int_t
ngx_http_websocket_stats_table(ngx_conf_t *cf)
{
    ngx_http_websocket_region_t  *region;

    /*
     * The table is always of one size, or a reload would begin a new one.
     * Parts that no worker counts in are never touched, and take no memory.
     */

    region = ngx_http_websocket_region_add(cf, &ngx_http_websocket_stats_name,
                                     NULL,
                                     sizeof(ngx_http_websocket_stats_table_t),
                                     NGX_HTTP_WEBSOCKET_STATS_LAYOUT,
                                     ngx_http_websocket_stats_map);
    if (region == NULL) {
        return NGX_ERROR;
    }

    region->owner = ngx_http_conf_get_module_main_conf(cf,
                                                   ngx_http_websocket_module);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_stats_map(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_http_websocket_main_conf_t    *wmcf;
    ngx_http_websocket_stats_table_t  *table;

    wmcf = region->owner;
    table = region->data;

    if (state == NGX_HTTP_WEBSOCKET_REGION_FRESH) {
        if (ngx_http_websocket_worker_mutex(&table->mutex) != NGX_OK) {
            return NGX_ERROR;
        }

        /*
         * the first entry is for locations without a zone, as an echo may be
         */

        (void) ngx_http_websocket_stats_entry(table,
                                             &ngx_http_websocket_stats_nothing,
                                             &ngx_http_websocket_stats_nothing);
    }

    wmcf->stats = table;

    /* the master process of another binary may be adding, too */

    if (pthread_mutex_lock(&table->mutex) == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&table->mutex);
    }

    ngx_http_websocket_stats_number(wmcf, region->log);

    (void) pthread_mutex_unlock(&table->mutex);

    return NGX_OK;
}


/* zones are added first: they stand in for locations that find no entry */

static void
ngx_http_websocket_stats_number(ngx_http_websocket_main_conf_t *wmcf,
    ngx_log_t *log)
{
    ngx_str_t                       *zone;
    ngx_uint_t                       i, n, others;
    ngx_http_websocket_zone_t      **zones;
    ngx_http_websocket_loc_conf_t  **conf;

    zones = wmcf->zones.elts;
    conf = wmcf->locations.elts;
    others = 0;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        (void) ngx_http_websocket_stats_entry(wmcf->stats, &zones[i]->name,
                                            &ngx_http_websocket_stats_nothing);
    }

    for (i = 0; i < wmcf->locations.nelts; i++) {

        zone = conf[i]->zone ? &conf[i]->zone->name
                             : &ngx_http_websocket_stats_nothing;

        n = ngx_http_websocket_stats_entry(wmcf->stats, zone,
                                           &conf[i]->location);

        if (wmcf->stats->entries[n].location_size == 0) {
            wmcf->stats->entries[n].others = 1;
            others = 1;
        }
    }

    if (others) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "websocket: more than %d zones and locations since "
                      "nginx was started, the others are counted together",
                      NGX_HTTP_WEBSOCKET_STATS_ENTRIES - 1);
    }
}


/* finds, or adds while there is room */

static ngx_uint_t
ngx_http_websocket_stats_entry(ngx_http_websocket_stats_table_t *table,
    ngx_str_t *zone, ngx_str_t *location)
{
    ngx_uint_t                         n;
    ngx_http_websocket_stats_entry_t  *entry;

    n = table->nentries;

    if (ngx_http_websocket_stats_look(table, zone, location) != NGX_DECLINED
        || n == NGX_HTTP_WEBSOCKET_STATS_ENTRIES)
    {
        return ngx_http_websocket_stats_find(table, zone, location);
    }

    entry = &table->entries[n];

    entry->zone_size = ngx_http_websocket_stats_cut(zone, sizeof(entry->zone));
    entry->location_size = ngx_http_websocket_stats_cut(location,
                                                     sizeof(entry->location));
    ngx_memcpy(entry->zone, zone->data, entry->zone_size);
    ngx_memcpy(entry->location, location->data, entry->location_size);

    /* workers of the last configuration may be reading */

    __atomic_store_n(&table->nentries, n + 1, __ATOMIC_RELEASE);

    return n;
}


ngx_uint_t
ngx_http_websocket_stats_find(ngx_http_websocket_stats_table_t *table,
    ngx_str_t *zone, ngx_str_t *location)
{
    ngx_int_t  n;

    n = ngx_http_websocket_stats_look(table, zone, location);

    if (n == NGX_DECLINED) {
        n = ngx_http_websocket_stats_look(table, zone,
                                          &ngx_http_websocket_stats_nothing);
    }

    return n == NGX_DECLINED ? 0 : n;
}


static ngx_int_t
ngx_http_websocket_stats_look(ngx_http_websocket_stats_table_t *table,
    ngx_str_t *zone, ngx_str_t *location)
{
    ngx_uint_t                         i;
    ngx_http_websocket_stats_entry_t  *entry;

    for (i = 0; i < table->nentries; i++) {

        entry = &table->entries[i];

        if (entry->zone_size
            == ngx_http_websocket_stats_cut(zone, sizeof(entry->zone))
            && entry->location_size
               == ngx_http_websocket_stats_cut(location,
                                               sizeof(entry->location))
            && ngx_memcmp(entry->zone, zone->data, entry->zone_size) == 0
            && ngx_memcmp(entry->location, location->data,
                          entry->location_size)
               == 0)
        {
            return i;
        }
    }

    return NGX_DECLINED;
}


static size_t
ngx_http_websocket_stats_cut(ngx_str_t *name, size_t size)
{
    return ngx_min(name->len, size);
}


ngx_uint_t
ngx_http_websocket_stats_close(uint16_t code)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_STATS_CLOSES - 2; i++) {
        if (ngx_atoi((u_char *) ngx_http_websocket_stats_closes[i], 4) == code)
        {
            return i;
        }
    }

    /* the codes 3000 to 3999 of libraries, and 4000 to 4999 of applications */

    return code < 4000 ? i : i + 1;
}


void
ngx_http_websocket_histogram_add(ngx_http_websocket_histogram_t *histogram,
    uint64_t time)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_STATS_BUCKETS - 1; i++) {
        if (time <= ngx_http_websocket_stats_bounds[i]) {
            break;
        }
    }

    histogram->buckets[i]++;
    histogram->time += time;
}


void
ngx_http_websocket_stats_start(ngx_cycle_t *cycle, ngx_uint_t slot)
{
    ngx_uint_t                         n;
    ngx_http_websocket_stats_table_t  *table;

    ngx_http_websocket_stats_merge(cycle);

    if (slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_stats_count(cycle, ngx_http_websocket_stats_own);
        return;
    }

    table = ngx_http_websocket_stats_conf(cycle)->stats;

    do {
        n = table->nslots;
    } while (n <= slot && !ngx_atomic_cmp_set(&table->nslots, n, slot + 1));

    ngx_http_websocket_stats_void(cycle, slot);
    ngx_http_websocket_stats_count(cycle, table->stats[slot]);
}


/* counts in these entries from now on */

static void
ngx_http_websocket_stats_count(ngx_cycle_t *cycle,
    ngx_http_websocket_stats_t *stats)
{
    ngx_str_t                        *zone;
    ngx_uint_t                        i, n;
    ngx_http_websocket_zone_t       **zones;
    ngx_http_websocket_main_conf_t   *wmcf;
    ngx_http_websocket_loc_conf_t   **conf;

    wmcf = ngx_http_websocket_stats_conf(cycle);

    zones = wmcf->zones.elts;
    conf = wmcf->locations.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        n = ngx_http_websocket_stats_find(wmcf->stats, &zones[i]->name,
                                          &ngx_http_websocket_stats_nothing);
        zones[i]->stats = &stats[n];
    }

    for (i = 0; i < wmcf->locations.nelts; i++) {
        zone = conf[i]->zone ? &conf[i]->zone->name
                             : &ngx_http_websocket_stats_nothing;
        n = ngx_http_websocket_stats_find(wmcf->stats, zone,
                                          &conf[i]->location);
        conf[i]->stats = &stats[n];
    }
}


/* several processes add to this row: it is the one with many writers */

void
ngx_http_websocket_stats_merge(ngx_cycle_t *cycle)
{
    uint64_t                          *to, *from;
    ngx_uint_t                         i, n;
    ngx_http_websocket_stats_table_t  *table;

    table = ngx_http_websocket_stats_conf(cycle)->stats;

    for (i = 0; i < table->nentries; i++) {

        from = (uint64_t *) &ngx_http_websocket_stats_own[i];
        to = (uint64_t *) &table->stats[NGX_HTTP_WEBSOCKET_STATS_SLOTLESS][i];

        for (n = offsetof(ngx_http_websocket_stats_t, connections) / 8;
             n < sizeof(ngx_http_websocket_stats_t) / 8;
             n++)
        {
            if (from[n]) {
                (void) __atomic_fetch_add(&to[n], from[n], __ATOMIC_RELAXED);
                from[n] = 0;
            }
        }
    }
}


void
ngx_http_websocket_stats_void(ngx_cycle_t *cycle, ngx_uint_t slot)
{
    ngx_uint_t                       i;
    ngx_http_websocket_stats_t      *stats;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_websocket_stats_conf(cycle);
    stats = wmcf->stats->stats[slot];

    for (i = 0; i < wmcf->stats->nentries; i++) {
        ngx_memzero(stats[i].active, sizeof(stats[i].active));
        stats[i].queued = 0;
        stats[i].queued_bytes = 0;
        stats[i].hook_active = 0;
        stats[i].hook_queued = 0;
    }

    ngx_memzero(wmcf->stats->memory[slot], sizeof(wmcf->stats->memory[slot]));
}


void
ngx_http_websocket_stats_memory(ngx_cycle_t *cycle, ngx_uint_t slot)
{
    ngx_uint_t   kind;
    uint64_t    *memory;

    memory = ngx_http_websocket_stats_conf(cycle)->stats->memory[slot];

    for (kind = 0; kind < NGX_HTTP_WEBSOCKET_MEMORY_KINDS; kind++) {
        __atomic_store_n(&memory[kind], ngx_http_websocket_memory[kind],
                         __ATOMIC_RELAXED);
    }
}


uint64_t
ngx_http_websocket_stats_memory_sum(ngx_http_websocket_stats_table_t *table,
    ngx_uint_t kind)
{
    uint64_t    sum;
    ngx_uint_t  slot;

    sum = 0;

    for (slot = 0; slot < table->nslots; slot++) {
        sum += __atomic_load_n(&table->memory[slot][kind], __ATOMIC_RELAXED);
    }

    return sum;
}


static ngx_http_websocket_main_conf_t *
ngx_http_websocket_stats_conf(ngx_cycle_t *cycle)
{
    return ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);
}


void
ngx_http_websocket_stats_sum(ngx_http_websocket_stats_table_t *table,
    ngx_uint_t entry, ngx_http_websocket_stats_t *sum)
{
    ngx_uint_t  slot;

    ngx_memzero(sum, sizeof(ngx_http_websocket_stats_t));

    for (slot = 0; slot < table->nslots; slot++) {
        ngx_http_websocket_stats_add(sum, &table->stats[slot][entry]);
    }

    ngx_http_websocket_stats_add(sum,
                   &table->stats[NGX_HTTP_WEBSOCKET_STATS_SLOTLESS][entry]);
}


static void
ngx_http_websocket_stats_add(ngx_http_websocket_stats_t *sum,
    ngx_http_websocket_stats_t *stats)
{
    uint64_t    *to, *from;
    ngx_uint_t   i;

    to = (uint64_t *) sum;
    from = (uint64_t *) stats;

    for (i = 0; i < sizeof(ngx_http_websocket_stats_t) / 8; i++) {
        to[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}
