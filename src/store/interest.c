
#include <string.h>

#include "store/interest.h"
#include "store/channel.h"
#include "store/store_private.h"


static uint32_t ngx_websocket_store_subscribers(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);
static void ngx_websocket_store_want(ngx_websocket_channel_t *ch,
    uint8_t wanted);
static uint64_t ngx_websocket_store_walk_bucket(ngx_websocket_store_t *store,
    uint64_t bucket, int which, ngx_websocket_store_name_t *names, uint64_t n);
static int ngx_websocket_store_is_among(const ngx_websocket_channel_t *ch,
    int which);


int
ngx_websocket_store_interest_first(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->state & NGX_WEBSOCKET_STORE_WANTED) {
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

    if (!(ch->state & NGX_WEBSOCKET_STORE_WANTED) || entry->count > 1
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

    return (ch->state & NGX_WEBSOCKET_STORE_WANTED)
           && ngx_websocket_store_subscribers(store, ch) == 0;
}


void
ngx_websocket_store_forsake(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_store_want(ngx_websocket_store_block(store, channel), 0);
}


/* counts subscribers of live workers */

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
 * The flag need not be undone: if the worker dies before it has changed its
 * entry, the entry does not count.
 */

static void
ngx_websocket_store_want(ngx_websocket_channel_t *ch, uint8_t wanted)
{
    ngx_websocket_store_fault();
    ch->state = (ch->state & ~NGX_WEBSOCKET_STORE_WANTED)
                | (wanted ? NGX_WEBSOCKET_STORE_WANTED : 0);
}


int
ngx_websocket_store_ask(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->state & NGX_WEBSOCKET_STORE_LIVE) {
        return 1;
    }

    ngx_websocket_store_fault();
    ch->state |= NGX_WEBSOCKET_STORE_ASKED;

    return 0;
}


void
ngx_websocket_store_enliven(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    ngx_websocket_store_fault();
    ch->state = (ch->state & ~NGX_WEBSOCKET_STORE_ASKED)
                | NGX_WEBSOCKET_STORE_LIVE;
}


int
ngx_websocket_store_neglect(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, int now)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->state & (NGX_WEBSOCKET_STORE_WANTED|NGX_WEBSOCKET_STORE_ASKED)) {
        return 0;
    }

    if (now) {
        ngx_websocket_store_fault();
        ch->state = 0;
    }

    return 1;
}


uint64_t
ngx_websocket_store_walk(ngx_websocket_store_t *store, uint64_t *bucket,
    int which, ngx_websocket_store_name_t *names, uint64_t n)
{
    uint64_t  found, end, one;

    found = 0;
    end = *bucket + NGX_WEBSOCKET_STORE_WALK;

    while (*bucket < store->nbuckets && *bucket < end) {

        ngx_websocket_store_looked(1);

        one = ngx_websocket_store_walk_bucket(store, *bucket, which,
                                              names + found, n - found);

        /* the bucket's names do not all fit: the next call begins with it */

        if (one > n - found && found) {
            break;
        }

        found += one < n - found ? one : n - found;
        (*bucket)++;
    }

    return found;
}


/* returns how many there are; the first n are copied */

static uint64_t
ngx_websocket_store_walk_bucket(ngx_websocket_store_t *store, uint64_t bucket,
    int which, ngx_websocket_store_name_t *names, uint64_t n)
{
    uint64_t                  found;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    found = 0;

    for (ref = *ngx_websocket_store_bucket(store, bucket); ref;
         ref = ch->bucket)
    {
        ch = ngx_websocket_store_block(store, ref);

        ngx_websocket_store_looked(1);

        if (ch->deleted || !ngx_websocket_store_is_among(ch, which)) {
            continue;
        }

        if (found < n) {
            ngx_websocket_store_name(store, ref, &names[found]);
        }

        found++;
    }

    return found;
}


static int
ngx_websocket_store_is_among(const ngx_websocket_channel_t *ch, int which)
{
    switch (which) {

    case NGX_WEBSOCKET_STORE_WALK_LIVE:
        return ch->state & NGX_WEBSOCKET_STORE_LIVE;

    case NGX_WEBSOCKET_STORE_WALK_MEMBERS:
        return ch->members.first != 0;

    case NGX_WEBSOCKET_STORE_WALK_ALL:
        return 1;

    default:
        return ch->state;
    }
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
