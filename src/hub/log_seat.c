
#include <string.h>

#include "hub/log_seat.h"
#include "hub/log_channel.h"
#include "hub/log_message.h"
#include "hub/log_private.h"


/* a byte before the name */
#define NGX_WEBSOCKET_LOG_SEATS  (1 + NGX_WEBSOCKET_LOG_ROW_SIZE)


static uint64_t ngx_websocket_log_seat_name(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *row, uint8_t *name);
static int ngx_websocket_log_sit_down(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *row, uint32_t slot, uint64_t now,
    ngx_websocket_log_seat_t *seat);


int
ngx_websocket_log_sit(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *rows, size_t n, uint32_t slot,
    uint64_t now, ngx_websocket_log_seat_t *seats)
{
    int                          rc;
    size_t                       i;
    uint8_t                      name[NGX_WEBSOCKET_LOG_SEATS];
    uint32_t                     missing;
    uint64_t                     hash;
    ngx_websocket_log_info_t     info;
    ngx_websocket_channel_ref_t  ref;

    missing = 0;

    for (i = 0; i < n; i++) {

        hash = ngx_websocket_log_seat_name(log, &rows[i], name);
        ref = ngx_websocket_log_find(log, name, sizeof(name), hash);

        if (ref == 0) {
            missing++;
            continue;
        }

        ngx_websocket_log_info(log, ref, &info);

        if (info.subscribers >= rows[i].max) {
            return NGX_WEBSOCKET_LOG_FULL;
        }
    }

    /* for all at once, or each would look for room on its own */

    rc = ngx_websocket_log_make_room(log, missing, now, 0,
                                     NGX_WEBSOCKET_LOG_ROOM);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    for (i = 0; i < n; i++) {

        rc = ngx_websocket_log_sit_down(log, &rows[i], slot, now, &seats[i]);

        if (rc != NGX_WEBSOCKET_LOG_OK) {
            ngx_websocket_log_rise(log, seats, i, now);
            return rc;
        }
    }

    return NGX_WEBSOCKET_LOG_OK;
}


static uint64_t
ngx_websocket_log_seat_name(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *row, uint8_t *name)
{
    name[0] = 0;
    memcpy(name + 1, row->name, NGX_WEBSOCKET_LOG_ROW_SIZE);

    return ngx_websocket_log_hash(log, name, NGX_WEBSOCKET_LOG_SEATS);
}


static int
ngx_websocket_log_sit_down(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *row, uint32_t slot, uint64_t now,
    ngx_websocket_log_seat_t *seat)
{
    int                          rc;
    uint8_t                      name[NGX_WEBSOCKET_LOG_SEATS];
    uint64_t                     hash, offset;
    ngx_websocket_log_cursor_t   cursor;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_log_seat_name(log, row, name);

    rc = ngx_websocket_log_open_channel(log, name, sizeof(name), hash, now,
                                        NULL, &ref);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    cursor.entry = 0;

    rc = ngx_websocket_log_subscribe(log, ref, slot, now, &cursor, &offset);

    if (rc == NGX_WEBSOCKET_LOG_OK) {
        seat->channel = cursor.channel;
        seat->entry = cursor.entry;
    }

    return rc;
}


void
ngx_websocket_log_rise(ngx_websocket_log_t *log,
    const ngx_websocket_log_seat_t *seats, size_t n, uint64_t now)
{
    size_t                      i;
    ngx_websocket_log_cursor_t  cursor;

    memset(&cursor, 0, sizeof(ngx_websocket_log_cursor_t));

    for (i = 0; i < n; i++) {

        cursor.channel = seats[i].channel;
        cursor.entry = seats[i].entry;

        ngx_websocket_log_unsubscribe(log, &cursor, now);

        /* clients choose the names: what nobody sits on goes at once */

        if (cursor.entry == 0) {
            ngx_websocket_log_release(log, seats[i].channel, now, 0);
        }
    }
}


int
ngx_websocket_log_crowded(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot)
{
    int                       crowded;
    uint32_t                  i;
    uint64_t                  many;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    /* as if all messages were equal: it is nothing to be right about */

    many = log->nblocks - ngx_websocket_log_free_blocks(log) - log->waste;
    many = many ? log->nmessages * log->nblocks
                  / (many * NGX_WEBSOCKET_LOG_CROWD) : 0;

    ch = ngx_websocket_log_block(log, channel);
    crowded = 0;

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {

        if (!ngx_websocket_log_live(log, entry)
            || ch->offset - entry->read <= many)
        {
            continue;
        }

        if (entry->slot != slot) {
            return 2;
        }

        crowded = 1;
    }

    return crowded;
}
