
#include "store/numbered.h"
#include "store/channel.h"
#include "store/message.h"
#include "store/store_private.h"


static int ngx_websocket_store_close_hole(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t at);


int
ngx_websocket_store_append_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n,
    ngx_websocket_store_wake_t *wake, ngx_websocket_store_info_t *info)
{
    int                        rc;
    ngx_websocket_channel_t   *ch;
    ngx_websocket_store_put_t  put;

    put.message = message;
    put.parts = parts;
    put.n = n;
    put.reserve = NULL;
    put.at = message->offset;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->epoch != epoch) {
        rc = ngx_websocket_store_begin_at(store, channel, epoch, put.at - 1);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            return rc;
        }
    }

    if (put.at <= ch->offset) {
        return ngx_websocket_store_known(store, channel, wake, info);
    }

    rc = ngx_websocket_store_close_hole(store, channel, put.at);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    rc = ngx_websocket_store_prepare(store, channel, &put, 0, wake);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    ngx_websocket_store_put(store, channel, &put);
    ngx_websocket_store_commit(store);
    ngx_websocket_store_tell(store, channel, &put);

    if (info) {
        ngx_websocket_store_info(store, channel, info);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * A channel's messages have offsets without a hole: before one above the next
 * offset is appended, the others are dropped, in as many calls as it takes.
 */

static int
ngx_websocket_store_close_hole(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t at)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (at == ch->offset + 1) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    for (n = 0; ch->held.of.count; n++) {

        if (n == NGX_WEBSOCKET_STORE_TRIM) {
            return NGX_WEBSOCKET_STORE_AGAIN;
        }

        ngx_websocket_store_looked(1);
        ngx_websocket_store_drop_first(store, channel);
    }

    ngx_websocket_store_settle(store, channel);

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * What the entries have read is set first, and not noted in the journal: it has
 * no meaning as long as the channel has no message.
 */

int
ngx_websocket_store_begin_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset)
{
    uint32_t                  i;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->offset) {
        return NGX_WEBSOCKET_STORE_EPOCH;
    }

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        ngx_websocket_store_fault();
        entry->read = offset;
    }

    ngx_websocket_store_set64(store, &ch->epoch, epoch);
    ngx_websocket_store_set64(store, &ch->offset, offset);
    ngx_websocket_store_commit(store);

    return NGX_WEBSOCKET_STORE_OK;
}
