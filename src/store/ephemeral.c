
#include "store/ephemeral.h"
#include "store/channel.h"
#include "store/message.h"
#include "store/store_private.h"


static int ngx_websocket_store_deserted(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);


uint64_t
ngx_websocket_store_ephemerals(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    ngx_websocket_message_t  *m;

    if (ch->ephemeral.first == 0) {
        return 0;
    }

    m = ngx_websocket_store_block(store, ch->ephemeral.first);

    return ch->ephemerals + 1 - m->number;
}


void
ngx_websocket_store_link_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, uint32_t workers)
{
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    m = ngx_websocket_store_block(store, ref);
    ch = ngx_websocket_store_block(store, m->channel);
    list = &ch->ephemeral;

    ngx_websocket_store_fault();
    m->unread = workers;
    m->number = ch->ephemerals + 1;
    m->before = list->last;

    if (list->last) {
        other = ngx_websocket_store_block(store, list->last);
        ngx_websocket_store_set32(store, &other->after, ref);

    } else {
        ngx_websocket_store_set32(store, &list->first, ref);
    }

    ngx_websocket_store_set32(store, &list->last, ref);
    ngx_websocket_store_set64(store, &ch->ephemerals, m->number);
    ngx_websocket_store_set64(store, &store->unnumbered,
                              store->unnumbered + m->blocks);
}


ngx_websocket_ref_t
ngx_websocket_store_next_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if (cursor->entry == 0 || cursor->ephemeral > ch->ephemerals) {
        return 0;
    }

    ref = ch->ephemeral.first;
    m = ngx_websocket_store_block(store, ref);

    if (m->number < cursor->ephemeral) {

        /*
         * if the message that was read last is still there, the next one
         * follows it
         */

        m = ngx_websocket_store_block(store, cursor->heard);
        ref = m->after;
        m = ngx_websocket_store_block(store, ref);
    }

    if (m->offset >= cursor->next) {
        return 0;
    }

    if (m->number != cursor->ephemeral) {

        /* older ones were dropped, of which one may have been read in part */

        cursor->ephemeral = m->number;
        cursor->done = 0;
    }

    return ref;
}


void
ngx_websocket_store_advance_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, ngx_websocket_ref_t ref)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ref);

    cursor->heard = ref;
    cursor->ephemeral = m->number + 1;
    cursor->done = 0;

    if (m->unread) {

        /* one word: right before and after */

        ngx_websocket_store_fault();
        m->unread--;
    }
}


int
ngx_websocket_store_ephemeral_over(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m, uint64_t now)
{
    return m->unread == 0 || ch->deleted
           || ngx_websocket_store_age(now, m->time) >= NGX_WEBSOCKET_STORE_HUNG
           || ngx_websocket_store_deserted(store, ch);
}


/* whether no worker has subscribers */

static int
ngx_websocket_store_deserted(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_live(store, entry)) {
            return 0;
        }
    }

    return 1;
}


void
ngx_websocket_store_drop_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    ch = ngx_websocket_store_block(store, channel);
    list = &ch->ephemeral;
    ref = list->first;
    m = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_set32(store, &list->first, m->after);

    if (m->after) {
        other = ngx_websocket_store_block(store, m->after);
        ngx_websocket_store_set32(store, &other->before, 0);

    } else {
        ngx_websocket_store_set32(store, &list->last, 0);
    }

    ngx_websocket_store_set64(store, &store->unnumbered,
                              store->unnumbered - m->blocks);
    ngx_websocket_store_free_message(store, ref);
    ngx_websocket_store_commit(store);
}


uint32_t
ngx_websocket_store_trim_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_store_block(store, channel);

    for (n = 0; ch->ephemeral.first && n < max; n++) {

        m = ngx_websocket_store_block(store, ch->ephemeral.first);

        if (!ngx_websocket_store_ephemeral_over(store, ch, m, now)
            && store->unnumbered <= ngx_websocket_store_crowd(store))
        {
            break;
        }

        ngx_websocket_store_looked(1);
        ngx_websocket_store_drop_ephemeral(store, channel);
    }

    return n;
}
