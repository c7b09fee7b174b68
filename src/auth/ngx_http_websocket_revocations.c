
/*
 * Which tokens were revoked: a table in shared memory, which a worker copies
 * when it has changed.  A worker that dies while it writes leaves an entry
 * that is not valid, and the lock to the master process, which opens it.
 */


#include <ngx_md5.h>

#include "auth/ngx_http_websocket_auth.h"


#define NGX_HTTP_WEBSOCKET_REVOCATIONS  8192


typedef struct {
    ngx_http_websocket_revocation_key_t     key;
    int64_t                                 time;
    int64_t                                 until;  /* 0: no entry */
} ngx_http_websocket_revocation_t;


typedef struct {
    ngx_atomic_t                            serial; /* of the last change */
    ngx_uint_t                              n;      /* entries ever used */
    ngx_http_websocket_revocation_t
        entries[NGX_HTTP_WEBSOCKET_REVOCATIONS];
} ngx_http_websocket_revocation_table_t;


static ngx_int_t ngx_http_websocket_revocations_init(ngx_shm_zone_t *zone,
    void *data);
static ngx_shm_zone_t *ngx_http_websocket_revocations_zone(void);
static void ngx_http_websocket_revocations_read(ngx_shm_zone_t *zone);
static int ngx_libc_cdecl ngx_http_websocket_revocation_compare(
    const void *one, const void *two);
static ngx_uint_t ngx_http_websocket_revocation_is(
    ngx_http_websocket_revocation_key_t *key, int64_t issued);


/* this worker's copy, sorted by keys */

static ngx_http_websocket_revocation_t
    ngx_http_websocket_revocations_copy[NGX_HTTP_WEBSOCKET_REVOCATIONS];
static ngx_uint_t         ngx_http_websocket_revocations_n;
static ngx_atomic_uint_t  ngx_http_websocket_revocations_serial;
static ngx_atomic_uint_t  ngx_http_websocket_revocations_told;


ngx_int_t
ngx_http_websocket_revocations(ngx_conf_t *cf)
{
    ngx_shm_zone_t                  *zone;
    ngx_http_websocket_main_conf_t  *wmcf;

    static ngx_str_t  name = ngx_string("websocket revocations");

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (wmcf->revocations) {
        return NGX_OK;
    }

    /* the table, and what nginx keeps of its pages */

    zone = ngx_shared_memory_add(cf, &name,
                                 sizeof(ngx_http_websocket_revocation_table_t)
                                 + 16 * ngx_pagesize,
                                 &ngx_http_websocket_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_websocket_revocations_init;
    wmcf->revocations = zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_revocations_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data) {
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    pool->data = ngx_slab_calloc(pool,
                               sizeof(ngx_http_websocket_revocation_table_t));
    zone->data = pool->data;

    return pool->data ? NGX_OK : NGX_ERROR;
}


static ngx_shm_zone_t *
ngx_http_websocket_revocations_zone(void)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_websocket_module);

    return wmcf ? wmcf->revocations : NULL;
}


void
ngx_http_websocket_revocation_key(ngx_http_websocket_revocation_key_t *key,
    u_char kind, const char *text, size_t size)
{
    ngx_md5_t  md5;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, &kind, 1);
    ngx_md5_update(&md5, text, size);
    ngx_md5_final(key->hash, &md5);
}


/* an entry is one from when it has its end, which is set last */

ngx_int_t
ngx_http_websocket_revocation_add(ngx_http_websocket_revocation_key_t *key,
    int64_t now, int64_t until)
{
    ngx_uint_t                              i;
    ngx_shm_zone_t                         *zone;
    ngx_slab_pool_t                        *pool;
    ngx_http_websocket_revocation_t        *e, *place;
    ngx_http_websocket_revocation_table_t  *table;

    zone = ngx_http_websocket_revocations_zone();
    pool = (ngx_slab_pool_t *) zone->shm.addr;
    table = zone->data;
    place = NULL;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < table->n; i++) {

        e = &table->entries[i];

        if (e->until > now
            && ngx_memcmp(&e->key, key, sizeof(*key)) == 0)
        {
            place = e;
            until = ngx_max(until, e->until);
            now = ngx_max(now, e->time);
            break;
        }

        if (place == NULL && e->until <= now) {
            place = e;
        }
    }

    if (place == NULL && table->n < NGX_HTTP_WEBSOCKET_REVOCATIONS) {
        place = &table->entries[table->n++];
    }

    if (place == NULL) {
        ngx_shmtx_unlock(&pool->mutex);
        return NGX_DECLINED;
    }

    if (ngx_memcmp(&place->key, key, sizeof(*key)) != 0) {
        place->until = 0;
        ngx_memory_barrier();
        place->key = *key;
    }

    place->time = now;
    ngx_memory_barrier();
    place->until = until;
    ngx_memory_barrier();

    (void) ngx_atomic_fetch_add(&table->serial, 1);

    ngx_shmtx_unlock(&pool->mutex);

    return NGX_OK;
}


static void
ngx_http_websocket_revocations_read(ngx_shm_zone_t *zone)
{
    ngx_slab_pool_t                        *pool;
    ngx_http_websocket_revocation_table_t  *table;

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    table = zone->data;

    if (table->serial == ngx_http_websocket_revocations_serial) {
        return;
    }

    ngx_shmtx_lock(&pool->mutex);

    ngx_memcpy(ngx_http_websocket_revocations_copy, table->entries,
               table->n * sizeof(ngx_http_websocket_revocation_t));

    ngx_http_websocket_revocations_n = table->n;
    ngx_http_websocket_revocations_serial = table->serial;

    ngx_shmtx_unlock(&pool->mutex);

    ngx_qsort(ngx_http_websocket_revocations_copy,
              ngx_http_websocket_revocations_n,
              sizeof(ngx_http_websocket_revocation_t),
              ngx_http_websocket_revocation_compare);
}


/* of entries of one key the valid one is first: others may be old */

static int ngx_libc_cdecl
ngx_http_websocket_revocation_compare(const void *one, const void *two)
{
    int                                     rc;
    const ngx_http_websocket_revocation_t  *first, *second;

    first = one;
    second = two;

    rc = ngx_memcmp(&first->key, &second->key, sizeof(first->key));

    if (rc == 0 && first->until != second->until) {
        rc = first->until > second->until ? -1 : 1;
    }

    return rc;
}


static ngx_uint_t
ngx_http_websocket_revocation_is(ngx_http_websocket_revocation_key_t *key,
    int64_t issued)
{
    ngx_uint_t                        low, high, middle;
    ngx_http_websocket_revocation_t  *e;

    low = 0;
    high = ngx_http_websocket_revocations_n;

    while (low < high) {

        middle = (low + high) / 2;
        e = &ngx_http_websocket_revocations_copy[middle];

        if (ngx_memcmp(&e->key, key, sizeof(*key)) < 0) {
            low = middle + 1;

        } else {
            high = middle;
        }
    }

    e = &ngx_http_websocket_revocations_copy[low];

    return low < ngx_http_websocket_revocations_n
           && ngx_memcmp(&e->key, key, sizeof(*key)) == 0
           && e->until > (int64_t) ngx_time() && issued <= e->time;
}


ngx_uint_t
ngx_http_websocket_revocable(ngx_http_websocket_revocable_t *what,
    ngx_websocket_token_t *token)
{
    json_t  *id;

    if (ngx_http_websocket_revocations_zone() == NULL) {
        return 0;
    }

    ngx_memzero(what, sizeof(ngx_http_websocket_revocable_t));

    id = json_object_get(token->grants, "jti");

    if (token->subject) {
        ngx_http_websocket_revocation_key(&what->subject,
                                          NGX_HTTP_WEBSOCKET_REVOKED_SUBJECT,
                                          token->subject,
                                          ngx_strlen(token->subject));
    }

    if (id) {
        ngx_http_websocket_revocation_key(&what->id,
                                          NGX_HTTP_WEBSOCKET_REVOKED_ID,
                                          json_string_value(id),
                                          json_string_length(id));
    }

    /* one that does not say when it was issued is of before */

    what->issued = token->issued;

    return 1;
}


ngx_uint_t
ngx_http_websocket_revoked(ngx_http_websocket_revocable_t *what)
{
    ngx_http_websocket_revocations_read(ngx_http_websocket_revocations_zone());

    return ngx_http_websocket_revocation_is(&what->subject, what->issued)
           || ngx_http_websocket_revocation_is(&what->id, 0);
}


ngx_uint_t
ngx_http_websocket_revocations_new(void)
{
    ngx_shm_zone_t  *zone;

    zone = ngx_http_websocket_revocations_zone();

    if (zone == NULL) {
        return 0;
    }

    ngx_http_websocket_revocations_read(zone);

    if (ngx_http_websocket_revocations_told
        == ngx_http_websocket_revocations_serial)
    {
        return 0;
    }

    ngx_http_websocket_revocations_told =
                                        ngx_http_websocket_revocations_serial;

    return 1;
}
