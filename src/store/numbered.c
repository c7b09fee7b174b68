
#include <string.h>

#include "store/numbered.h"
#include "store/channel.h"
#include "store/ephemeral.h"
#include "store/message.h"
#include "store/store_private.h"


static int ngx_websocket_store_drop_all(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);
static int ngx_websocket_store_leads_back(ngx_websocket_channel_t *ch,
    uint64_t epoch, uint64_t offset);


int
ngx_websocket_store_place(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    int                       rc;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, append->channel);

    rc = ngx_websocket_store_fits(store, append);

    if (rc == NGX_WEBSOCKET_STORE_OK && append->hole
        && ch->epoch == append->epoch && append->at != ch->offset + 1)
    {
        rc = ngx_websocket_store_drop_all(store, append->channel);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_append(store, append);
    }

    if (rc != NGX_WEBSOCKET_STORE_OK && append->info) {
        ngx_websocket_store_info(store, append->channel, append->info);
    }

    return rc;
}


int
ngx_websocket_store_fits(ngx_websocket_store_t *store,
    const ngx_websocket_store_append_t *append)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, append->channel);

    if (ch->epoch != append->epoch) {

        if (ch->offset
            || ngx_websocket_store_leads_back(ch, append->epoch, 0))
        {
            return NGX_WEBSOCKET_STORE_EPOCH;
        }

        return append->at == 1 || append->hole ? NGX_WEBSOCKET_STORE_OK
                                    : NGX_WEBSOCKET_STORE_GAP;
    }

    if (append->at <= ch->offset) {
        return NGX_WEBSOCKET_STORE_DUPLICATE;
    }

    return append->at == ch->offset + 1 || append->hole
           ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_GAP;
}


/* numbered messages; those of a channel have offsets without a hole */

static int
ngx_websocket_store_drop_all(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

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

void
ngx_websocket_store_begin_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset)
{
    uint32_t                  i;
    uint64_t                  read;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->epoch == epoch && ch->offset == offset) {
        return;
    }

    read = (ch->offset && ch->epoch != epoch) ? NGX_WEBSOCKET_STORE_MISSED
                                              : offset;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {

        if (entry->read != NGX_WEBSOCKET_STORE_MISSED) {
            ngx_websocket_store_fault();
            entry->read = read;
        }
    }

    ngx_websocket_store_set64(store, &ch->epoch, epoch);
    ngx_websocket_store_set64(store, &ch->offset, offset);
    ngx_websocket_store_set8(store, &ch->ended, 0);
}


int
ngx_websocket_store_reset(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_wake_t *wake)
{
    uint32_t                  max;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    ngx_websocket_store_wake(store, ch, wake);

    if (ch->epoch == epoch && ch->offset == offset) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (ngx_websocket_store_leads_back(ch, epoch, offset)) {
        return NGX_WEBSOCKET_STORE_EPOCH;
    }

    for (max = NGX_WEBSOCKET_STORE_TRIM; ch->ephemeral.first; max--) {

        if (max == 0) {
            return NGX_WEBSOCKET_STORE_AGAIN;
        }

        ngx_websocket_store_looked(1);
        ngx_websocket_store_drop_ephemeral(store, channel);
    }

    if (ngx_websocket_store_drop_all(store, channel)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    ngx_websocket_store_begin_at(store, channel, epoch, offset);
    ngx_websocket_store_commit(store);
    ngx_websocket_store_publish_hint(store, channel, 0);

    return NGX_WEBSOCKET_STORE_OK;
}


int
ngx_websocket_store_end(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_wake_t *wake)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    ngx_websocket_store_wake(store, ch, wake);

    if (ch->epoch != epoch
        && (ch->offset || ngx_websocket_store_leads_back(ch, epoch, 0)))
    {
        return NGX_WEBSOCKET_STORE_EPOCH;
    }

    if (ch->offset < offset) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    if (ch->epoch == epoch && ch->ended) {
        return NGX_WEBSOCKET_STORE_DUPLICATE;
    }

    if (ch->epoch != epoch) {
        ngx_websocket_store_begin_at(store, channel, epoch, 0);
    }

    ngx_websocket_store_set8(store, &ch->ended, 1);
    ngx_websocket_store_commit(store);
    ngx_websocket_store_publish_hint(store, channel, 0);

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * visitors know a place in a channel by epoch and offset: neither may lead back
 */

static int
ngx_websocket_store_leads_back(ngx_websocket_channel_t *ch, uint64_t epoch,
    uint64_t offset)
{
    if (epoch == ch->epoch) {
        return offset < ch->offset;
    }

    return !(ch->epoch & NGX_WEBSOCKET_STORE_OWN) && epoch < ch->epoch;
}


void
ngx_websocket_store_newest(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_info_t *info,
    ngx_websocket_store_history_t *history, uint64_t key[2])
{
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ngx_websocket_store_info(store, channel, info);

    ch = ngx_websocket_store_block(store, channel);

    history->length = ch->length;
    history->time = ch->time;
    history->max = ch->max;

    key[0] = 0;
    key[1] = 0;

    if (ch->last) {
        m = ngx_websocket_store_block(store, ch->last);
        key[0] = m->key[0];
        key[1] = m->key[1];
    }
}


void
ngx_websocket_store_read_key(ngx_websocket_store_t *store,
    const ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, cursor->message);

    message->key[0] = m->key[0];
    message->key[1] = m->key[1];
    message->digest = (uint32_t) m->key[1];
}
