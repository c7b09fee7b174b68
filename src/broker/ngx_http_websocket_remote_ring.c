
#include "broker/ngx_http_websocket_remote_ring.h"
#include "clock/ngx_http_websocket_clock.h"


/* the part, 1/n, of a zone's size, and what it is at least */
#define NGX_HTTP_WEBSOCKET_RING_PART   16
#define NGX_HTTP_WEBSOCKET_RING_LEAST  (1024 * 1024)

/* no message takes more than so much of it, 1/n */
#define NGX_HTTP_WEBSOCKET_RING_ONE    2

/* bytes that are copied while the lock is held */
#define NGX_HTTP_WEBSOCKET_RING_PIECE  (128 * 1024)


/*
 * Entries stand one after the other, in positions that only grow, and do not
 * go beyond the end of the memory: what is left there is passed over.  Who dies
 * here has let go of old entries, or has not told of a new one.
 */

static void ngx_http_websocket_ring_rest(ngx_http_websocket_remote_t *remote,
    uint64_t at, u_char *p, ngx_str_t *text, size_t n);
static void ngx_http_websocket_ring_make_room(
    ngx_http_websocket_remote_shared_t *shared, size_t size);
static uint64_t ngx_http_websocket_ring_after(
    ngx_http_websocket_remote_shared_t *shared, uint64_t position);


size_t
ngx_http_websocket_remote_ring_size(size_t zone)
{
    return ngx_align(ngx_max(zone / NGX_HTTP_WEBSOCKET_RING_PART,
                             NGX_HTTP_WEBSOCKET_RING_LEAST), ngx_pagesize);
}


void
ngx_http_websocket_remote_ring_keep(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_ring_entry_t *entry, ngx_str_t *channel,
    ngx_str_t *head, ngx_str_t *text)
{
    size_t                               n, left;
    u_char                              *p;
    uint64_t                             at;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    entry->name = channel->len;
    entry->content = head->len + text->len;
    entry->time = ngx_http_websocket_clock_now();
    entry->size = ngx_align(sizeof(ngx_http_websocket_ring_entry_t)
                            + entry->name + entry->content, sizeof(uint64_t));

    if (entry->size > shared->ring_size / NGX_HTTP_WEBSOCKET_RING_ONE
        || ngx_http_websocket_remote_lock(remote) != NGX_OK)
    {
        return;
    }

    left = shared->ring_size - shared->ring_last % shared->ring_size;

    if (left < entry->size) {
        ngx_http_websocket_ring_make_room(shared, left);

        if (left >= sizeof(ngx_http_websocket_ring_entry_t)) {
            p = shared->ring + shared->ring_last % shared->ring_size;
            ngx_memzero(p, sizeof(ngx_http_websocket_ring_entry_t));
            ((ngx_http_websocket_ring_entry_t *) p)->size = left;
        }

        shared->ring_last += left;
    }

    ngx_http_websocket_ring_make_room(shared, entry->size);

    p = shared->ring + shared->ring_last % shared->ring_size;

    n = ngx_min(text->len, NGX_HTTP_WEBSOCKET_RING_PIECE);

    entry->partly = (n < text->len);

    p = ngx_cpymem(p, entry, sizeof(ngx_http_websocket_ring_entry_t));
    p = ngx_cpymem(p, channel->data, channel->len);
    p = ngx_cpymem(p, head->data, head->len);
    (void) ngx_cpymem(p, text->data, n);

    ngx_memory_barrier();

    at = shared->ring_last;
    shared->ring_last += entry->size;

    ngx_http_websocket_remote_unlock(remote);

    if (entry->partly) {
        ngx_http_websocket_ring_rest(remote, at, p, text, n);
    }
}


/*
 * The rest of a large text, from n on, whose place is p: as long as its entry,
 * at that position, was not let go.
 */

static void
ngx_http_websocket_ring_rest(ngx_http_websocket_remote_t *remote,
    uint64_t at, u_char *p, ngx_str_t *text, size_t n)
{
    size_t                               size;
    ngx_http_websocket_ring_entry_t     *entry;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    do {
        size = ngx_min(text->len - n, NGX_HTTP_WEBSOCKET_RING_PIECE);

        if (ngx_http_websocket_remote_lock(remote) != NGX_OK) {
            return;
        }

        if (at < shared->ring_first) {
            size = text->len - n;

        } else {
            ngx_memcpy(p + n, text->data + n, size);

            if (n + size == text->len) {
                entry = (ngx_http_websocket_ring_entry_t *)
                            (shared->ring + at % shared->ring_size);
                entry->partly = 0;
            }
        }

        ngx_http_websocket_remote_unlock(remote);

        n += size;

    } while (n < text->len);
}


static void
ngx_http_websocket_ring_make_room(ngx_http_websocket_remote_shared_t *shared,
    size_t size)
{
    while (shared->ring_last + size - shared->ring_first > shared->ring_size) {
        shared->ring_first = ngx_http_websocket_ring_after(shared,
                                                          shared->ring_first);
    }

    ngx_memory_barrier();
}


static uint64_t
ngx_http_websocket_ring_after(ngx_http_websocket_remote_shared_t *shared,
    uint64_t position)
{
    size_t                            left;
    ngx_http_websocket_ring_entry_t  *entry;

    left = shared->ring_size - position % shared->ring_size;

    if (left < sizeof(ngx_http_websocket_ring_entry_t)) {
        return position + left;
    }

    entry = (ngx_http_websocket_ring_entry_t *)
                (shared->ring + position % shared->ring_size);

    return position + entry->size;
}


ngx_int_t
ngx_http_websocket_remote_ring_next(ngx_http_websocket_remote_t *remote,
    uint64_t *position, ngx_http_websocket_ring_entry_t *entry,
    ngx_websocket_store_name_t *name, uint64_t *at)
{
    u_char                              *p;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    if (ngx_http_websocket_remote_lock(remote) != NGX_OK) {
        return NGX_BUSY;
    }

    *position = ngx_max(*position, shared->ring_first);
    entry->name = 0;

    while (*position < shared->ring_last && entry->name == 0) {

        if (shared->ring_size - *position % shared->ring_size
            >= sizeof(ngx_http_websocket_ring_entry_t))
        {
            p = shared->ring + *position % shared->ring_size;

            ngx_memcpy(entry, p, sizeof(ngx_http_websocket_ring_entry_t));

            if (entry->partly) {
                entry->name = 0;
            }

            p += sizeof(ngx_http_websocket_ring_entry_t);

            name->size = (uint8_t) entry->name;
            ngx_memcpy(name->data, p, name->size);

            *at = *position + sizeof(ngx_http_websocket_ring_entry_t)
                  + entry->name;
        }

        *position = ngx_http_websocket_ring_after(shared, *position);
    }

    ngx_http_websocket_remote_unlock(remote);

    return entry->name ? NGX_OK : NGX_DONE;
}


ngx_int_t
ngx_http_websocket_remote_ring_read(ngx_http_websocket_remote_t *remote,
    uint64_t at, u_char *buf, size_t size)
{
    size_t                               n, done;
    ngx_int_t                            rc;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;
    done = 0;

    do {
        n = ngx_min(size - done, NGX_HTTP_WEBSOCKET_RING_PIECE);

        if (ngx_http_websocket_remote_lock(remote) != NGX_OK) {
            return NGX_BUSY;
        }

        rc = at >= shared->ring_first ? NGX_OK : NGX_DECLINED;

        if (rc == NGX_OK) {
            ngx_memcpy(buf + done, shared->ring + at % shared->ring_size + done,
                       n);
        }

        ngx_http_websocket_remote_unlock(remote);

        done += n;

    } while (rc == NGX_OK && done < size);

    return rc;
}
