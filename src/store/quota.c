
#include <string.h>

#include "store/quota.h"
#include "store/channel.h"
#include "store/message.h"
#include "store/store_private.h"


/* a byte before the name */
#define NGX_WEBSOCKET_STORE_QUOTAS  (1 + NGX_WEBSOCKET_STORE_QUOTA_SIZE)


static uint64_t ngx_websocket_store_quota_name(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *key, uint8_t *name);
static int ngx_websocket_store_quota_take(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *key, uint32_t slot, uint64_t now,
    ngx_websocket_store_quota_t *quota);


int
ngx_websocket_store_quota_acquire(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *keys, size_t n, uint32_t slot,
    uint64_t now, ngx_websocket_store_quota_t *quotas)
{
    int                          rc;
    size_t                       i;
    uint8_t                      name[NGX_WEBSOCKET_STORE_QUOTAS];
    uint32_t                     missing;
    uint64_t                     hash;
    ngx_websocket_store_info_t   info;
    ngx_websocket_channel_ref_t  ref;

    missing = 0;

    for (i = 0; i < n; i++) {

        hash = ngx_websocket_store_quota_name(store, &keys[i], name);
        ref = ngx_websocket_store_find(store, name, sizeof(name), hash);

        if (ref == 0) {
            missing++;
            continue;
        }

        ngx_websocket_store_info(store, ref, &info);

        if (info.subscribers >= keys[i].max) {
            return NGX_WEBSOCKET_STORE_FULL;
        }
    }

    /*
     * makes room for all entries at once, or each would look for room on its
     * own
     */

    rc = ngx_websocket_store_make_room(store, missing, now, 0,
                                       NGX_WEBSOCKET_STORE_ROOM);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    for (i = 0; i < n; i++) {

        rc = ngx_websocket_store_quota_take(store, &keys[i], slot, now,
                                            &quotas[i]);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            ngx_websocket_store_quota_release(store, quotas, i, now);
            return rc;
        }
    }

    return NGX_WEBSOCKET_STORE_OK;
}


static uint64_t
ngx_websocket_store_quota_name(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *key, uint8_t *name)
{
    name[0] = 0;
    memcpy(name + 1, key->name, NGX_WEBSOCKET_STORE_QUOTA_SIZE);

    return ngx_websocket_store_hash(store, name, NGX_WEBSOCKET_STORE_QUOTAS);
}


static int
ngx_websocket_store_quota_take(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *key, uint32_t slot, uint64_t now,
    ngx_websocket_store_quota_t *quota)
{
    int                           rc;
    uint8_t                       name[NGX_WEBSOCKET_STORE_QUOTAS];
    uint64_t                      hash, offset;
    ngx_websocket_store_cursor_t  cursor;
    ngx_websocket_channel_ref_t   ref;

    hash = ngx_websocket_store_quota_name(store, key, name);

    rc = ngx_websocket_store_open_channel(store, name, sizeof(name), hash, now,
                                          NULL, &ref);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    cursor.entry = 0;

    rc = ngx_websocket_store_subscribe(store, ref, slot, now, &cursor,
                                       &offset);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        quota->channel = cursor.channel;
        quota->entry = cursor.entry;
    }

    return rc;
}


void
ngx_websocket_store_quota_release(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_t *quotas, size_t n, uint64_t now)
{
    size_t                        i;
    ngx_websocket_store_cursor_t  cursor;

    memset(&cursor, 0, sizeof(ngx_websocket_store_cursor_t));

    for (i = 0; i < n; i++) {

        cursor.channel = quotas[i].channel;
        cursor.entry = quotas[i].entry;

        ngx_websocket_store_unsubscribe(store, &cursor, now);

        /* clients choose the names: a key that is not used goes at once */

        if (cursor.entry == 0) {
            ngx_websocket_store_release(store, quotas[i].channel, now, 0);
        }
    }
}


int
ngx_websocket_store_crowded(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot)
{
    int                       crowded, unread;
    uint32_t                  i;
    uint64_t                  many;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    /* counts as if all messages were of one size: an estimate suffices */

    many = store->nblocks - ngx_websocket_store_free_blocks(store)
           - store->waste;
    many = many ? store->nmessages * store->nblocks
                  / (many * NGX_WEBSOCKET_STORE_CROWD) : 0;

    ch = ngx_websocket_store_block(store, channel);
    crowded = 0;

    /* for ephemeral messages it is not known who has not read them */

    unread = store->unnumbered > ngx_websocket_store_crowd(store) / 2
             && ch->ephemeral.first;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {

        if (!ngx_websocket_store_live(store, entry)
            || (!unread
                && (entry->read >= ch->offset
                    || ch->offset - entry->read <= many)))
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
