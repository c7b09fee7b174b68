
#include "session/ngx_http_websocket_index.h"


static ngx_rbtree_node_t *ngx_http_websocket_index_from(ngx_rbtree_key_t key);
static ngx_rbtree_key_t ngx_http_websocket_index_hash(ngx_str_t *user);


/*
 * The key of a user's session is the user's hash, and then a number that is
 * its own: to know the key of the one before is enough to go on.
 */

static ngx_rbtree_t       ngx_http_websocket_index_users;
static ngx_rbtree_t       ngx_http_websocket_index_ids;
static ngx_rbtree_node_t  ngx_http_websocket_index_sentinel;
static uint32_t           ngx_http_websocket_index_number;


void
ngx_http_websocket_index_init(void)
{
    ngx_rbtree_init(&ngx_http_websocket_index_users,
                    &ngx_http_websocket_index_sentinel,
                    ngx_rbtree_insert_value);
    ngx_rbtree_init(&ngx_http_websocket_index_ids,
                    &ngx_http_websocket_index_sentinel,
                    ngx_rbtree_insert_value);
}


void
ngx_http_websocket_index_add(ngx_http_websocket_entry_t *entry,
    ngx_http_websocket_session_t *s, ngx_str_t *user, uint64_t id)
{
    entry->session = s;
    entry->user.key = ngx_http_websocket_index_hash(user)
                      | ++ngx_http_websocket_index_number;
    entry->id.key = (ngx_rbtree_key_t) id;

    ngx_rbtree_insert(&ngx_http_websocket_index_users, &entry->user);
    ngx_rbtree_insert(&ngx_http_websocket_index_ids, &entry->id);
}


void
ngx_http_websocket_index_remove(ngx_http_websocket_entry_t *entry)
{
    if (entry->session == NULL) {
        return;
    }

    entry->session = NULL;

    ngx_rbtree_delete(&ngx_http_websocket_index_users, &entry->user);
    ngx_rbtree_delete(&ngx_http_websocket_index_ids, &entry->id);
}


ngx_http_websocket_session_t *
ngx_http_websocket_index_next(ngx_str_t *user, uint64_t *place)
{
    ngx_rbtree_key_t             hash;
    ngx_rbtree_node_t           *node;
    ngx_http_websocket_entry_t  *entry;

    hash = user ? ngx_http_websocket_index_hash(user) : 0;

    node = ngx_http_websocket_index_from(ngx_max(hash, *place));

    if (node == NULL || (user && (node->key ^ hash) >> 32)) {
        return NULL;
    }

    *place = node->key + 1;
    entry = ngx_queue_data(node, ngx_http_websocket_entry_t, user);

    return entry->session;
}


/* the first one with that key or a greater one */

static ngx_rbtree_node_t *
ngx_http_websocket_index_from(ngx_rbtree_key_t key)
{
    ngx_rbtree_node_t  *node, *found;

    found = NULL;
    node = ngx_http_websocket_index_users.root;

    while (node != &ngx_http_websocket_index_sentinel) {

        if (node->key >= key) {
            found = node;
            node = node->left;

        } else {
            node = node->right;
        }
    }

    return found;
}


/* the high bits of the keys of a user */

static ngx_rbtree_key_t
ngx_http_websocket_index_hash(ngx_str_t *user)
{
    return (ngx_rbtree_key_t) ngx_crc32_short(user->data, user->len) << 32;
}


ngx_http_websocket_session_t *
ngx_http_websocket_index_find(uint64_t id)
{
    ngx_rbtree_node_t           *node;
    ngx_http_websocket_entry_t  *entry;

    node = ngx_http_websocket_index_ids.root;

    while (node != &ngx_http_websocket_index_sentinel) {

        if (node->key == (ngx_rbtree_key_t) id) {
            entry = ngx_queue_data(node, ngx_http_websocket_entry_t, id);

            return entry->session;
        }

        node = id < node->key ? node->left : node->right;
    }

    return NULL;
}
