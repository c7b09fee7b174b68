
#include <string.h>

#include "store/interest.h"
#include "store/channel.h"
#include "store/store_private.h"


static uint32_t ngx_websocket_store_subscribers(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);
static void ngx_websocket_store_want(ngx_websocket_channel_t *ch,
    uint8_t wanted);


int
ngx_websocket_store_interest_first(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->wanted) {
        return 0;
    }

    ngx_websocket_store_want(ch, 1);

    return 1;
}


int
ngx_websocket_store_interest_last(ngx_websocket_store_t *store,
    const ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, cursor->channel);
    entry = ngx_websocket_store_at(store, cursor->entry);

    if (!ch->wanted || entry->count > 1
        || ngx_websocket_store_subscribers(store, ch) > 1)
    {
        return 0;
    }

    ngx_websocket_store_want(ch, 0);

    return 1;
}


int
ngx_websocket_store_forsaken(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    return ch->wanted && ngx_websocket_store_subscribers(store, ch) == 0;
}


void
ngx_websocket_store_forsake(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_store_want(ngx_websocket_store_block(store, channel), 0);
}


/* of workers that live */

static uint32_t
ngx_websocket_store_subscribers(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint32_t                i, n;
    ngx_websocket_entry_t  *entry;

    n = 0;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_live(store, entry)) {
            n += entry->count;
        }
    }

    return n;
}


/*
 * It need not be undone: who dies between this and the change of the entry
 * that it goes with is dead, and its entry does not count.
 */

static void
ngx_websocket_store_want(ngx_websocket_channel_t *ch, uint8_t wanted)
{
    ngx_websocket_store_fault();
    ch->wanted = wanted;
}


void
ngx_websocket_store_name(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_name_t *name)
{
    const uint8_t            *data;
    ngx_websocket_block_t    *block;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    data = ch->name;

    if (ch->long_name) {
        block = ngx_websocket_store_block(store, ch->long_name);
        data = block->data;
    }

    name->epoch = ch->epoch;
    name->size = ch->name_size;

    memcpy(name->data, data, ch->name_size);
}
