
/*
 * A zone: a log in shared memory, under one robust lock.  Every section that
 * holds the lock is in this file's .c, and holds it for the log's work only.
 */


#ifndef NGX_HTTP_WEBSOCKET_ZONE_H
#define NGX_HTTP_WEBSOCKET_ZONE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "hub/log.h"


typedef struct ngx_http_websocket_zone_s    ngx_http_websocket_zone_t;
typedef struct ngx_http_websocket_hub_s     ngx_http_websocket_hub_t;
typedef struct ngx_http_websocket_shared_s  ngx_http_websocket_shared_t;

struct ngx_http_websocket_zone_s {
    ngx_str_t                     name;
    ngx_shm_zone_t               *shm_zone;
    ngx_msec_t                    inactive;  /* then an idle channel goes */

    ngx_http_websocket_shared_t  *shared;
    ngx_websocket_log_t          *log;

    ngx_http_websocket_hub_t     *hub;       /* this worker's subscribers;
                                                NULL where it has no slot */
};


/*
 * Finds this worker's cursor of a channel: NULL when nobody subscribed to it
 * here.  Called with the lock held.
 */
typedef ngx_websocket_log_cursor_t *(*ngx_http_websocket_cursor_pt)(
    ngx_http_websocket_zone_t *zone, ngx_websocket_channel_ref_t ref);


/*
 * Adds a zone of size bytes to the configuration, or only names it when size
 * is 0.  Returns NULL on errors, which are logged.
 */
ngx_http_websocket_zone_t *ngx_http_websocket_zone_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);

/*
 * The functions below answer with the NGX_WEBSOCKET_LOG_* codes of log.h.
 * name is 1 to NGX_WEBSOCKET_LOG_NAME_SIZE bytes; history may be NULL.
 */

/* Gives a worker's slot to an incarnation, 0 for nobody. */
void ngx_http_websocket_zone_attach(ngx_http_websocket_zone_t *zone,
    ngx_uint_t slot, uint32_t incarnation);

/*
 * Appends a message to the channel of that name, which is made when it does
 * not exist, and wakes the other workers that have subscribers of it.
 * *here is 1 when this worker is one of those.
 */
int ngx_http_websocket_zone_publish(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts,
    size_t n, ngx_websocket_log_info_t *info, ngx_uint_t *here);

/* Deletes a channel: NOTFOUND when there is none. */
int ngx_http_websocket_zone_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_uint_t *here);

/* Describes a channel: NOTFOUND when there is none. */
int ngx_http_websocket_zone_info(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_info_t *info);

/*
 * Subscribes once more to the channel of that name.  *cursor is the one to
 * use when find() knows none for the channel; *offset is the newest offset.
 */
int ngx_http_websocket_zone_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_log_history_t *history,
    ngx_http_websocket_cursor_pt find, ngx_websocket_log_cursor_t *cursor,
    ngx_websocket_channel_ref_t *ref, uint64_t *offset);

void ngx_http_websocket_zone_unsubscribe(ngx_http_websocket_zone_t *zone,
    ngx_websocket_log_cursor_t *cursor);

/*
 * Reads up to *n messages into buf, one after the other, as many as fit in
 * size bytes; sets *n to their number.  Returns OK when there may be more,
 * else what ended the reading.  With SHORT messages[*n].size is the size of
 * the one that did not fit.
 */
int ngx_http_websocket_zone_read(ngx_http_websocket_zone_t *zone,
    ngx_websocket_log_cursor_t *cursor, ngx_websocket_log_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size);

/*
 * Sets a visitor's cursor in the channel of that name to read from offset:
 * NOTFOUND, GAP or OK as ngx_websocket_log_seek(); info is set but with
 * NOTFOUND.
 */
int ngx_http_websocket_zone_seek(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t offset, ngx_websocket_log_cursor_t *cursor,
    ngx_websocket_log_info_t *info);

/*
 * Lets a worker do its share of a second's sweeping: the whole table is seen
 * about once in NGX_HTTP_WEBSOCKET_SWEEP seconds.
 */
void ngx_http_websocket_zone_sweep(ngx_http_websocket_zone_t *zone);

#define NGX_HTTP_WEBSOCKET_SWEEP  16


#endif /* NGX_HTTP_WEBSOCKET_ZONE_H */
