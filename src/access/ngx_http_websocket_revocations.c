
/*
 * Which tokens were revoked: a table in shared memory, which a worker copies
 * when it has changed.  A worker that dies while it writes leaves an entry that
 * is not valid; its lock is a robust one of its own, since nginx unlocks a dead
 * worker's locks only in zones of the present configuration.
 */


#include <ngx_md5.h>

#include "access/ngx_http_websocket_revocations.h"
#include "clock/ngx_http_websocket_clock.h"
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_region_file.h"
#include "hub/ngx_http_websocket_restore.h"
#include "hub/ngx_http_websocket_worker.h"
#include "hub/ngx_http_websocket_zone.h"


/* changes with ngx_http_websocket_revocation_table_t */
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_LAYOUT  1

/* the name of their file, behind that of a zone's */
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_SUFFIX  ".revocations"

#define NGX_HTTP_WEBSOCKET_REVOCATIONS       8192   /* a power of two */

/* the lock is held for some 50 us; its owner may be suspended, though */

#define NGX_HTTP_WEBSOCKET_REVOCATIONS_SPIN  200    /* tries in a row */
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_LOCK  2000   /* the longest, us */
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_AGAIN 100    /* milliseconds until the
                                                       lock is tried again */


typedef struct {
    ngx_http_websocket_revocation_key_t     key;
    int64_t                                 time;
    int64_t                                 until;  /* 0: no entry */
} ngx_http_websocket_revocation_t;


typedef struct {
    pthread_mutex_t                         mutex;
    ngx_atomic_t                            serial; /* of the last change */
    ngx_uint_t                              n;      /* entries ever used */
    ngx_http_websocket_revocation_t
        entries[NGX_HTTP_WEBSOCKET_REVOCATIONS];
} ngx_http_websocket_revocation_table_t;


static ngx_int_t ngx_http_websocket_revocations_file(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *path);
static ngx_int_t ngx_http_websocket_revocations_path(ngx_conf_t *cf,
    ngx_str_t *file, const char *suffix, ngx_str_t *path);
static ngx_int_t ngx_http_websocket_revocations_map(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static ngx_http_websocket_revocation_table_t *
    ngx_http_websocket_revocations_table(void);
static ngx_int_t ngx_http_websocket_revocations_lock(
    ngx_http_websocket_revocation_table_t *table);
static ngx_int_t ngx_http_websocket_revocations_try(
    ngx_http_websocket_revocation_table_t *table);
static void ngx_http_websocket_revocations_unlock(
    ngx_http_websocket_revocation_table_t *table);
static ngx_http_websocket_revocation_t *ngx_http_websocket_revocation_place(
    ngx_http_websocket_revocation_table_t *table,
    ngx_http_websocket_revocation_key_t *key, int64_t now);
static void ngx_http_websocket_revocations_read(
    ngx_http_websocket_revocation_table_t *table);
static void ngx_http_websocket_revocations_index(void);
static ngx_uint_t ngx_http_websocket_revocation_bucket(
    ngx_http_websocket_revocation_key_t *key);
static ngx_uint_t ngx_http_websocket_revocation_is(
    ngx_http_websocket_revocation_key_t *key, int64_t issued);


/* this worker's copy, and by their keys the chains of its entries, from 1 */

static ngx_http_websocket_revocation_t
    ngx_http_websocket_revocations_copy[NGX_HTTP_WEBSOCKET_REVOCATIONS];
static uint16_t
    ngx_http_websocket_revocations_first[NGX_HTTP_WEBSOCKET_REVOCATIONS];
static uint16_t
    ngx_http_websocket_revocations_next[NGX_HTTP_WEBSOCKET_REVOCATIONS + 1];
static ngx_uint_t         ngx_http_websocket_revocations_n;
static ngx_msec_t         ngx_http_websocket_revocations_busy;
static ngx_atomic_uint_t  ngx_http_websocket_revocations_serial;
static ngx_atomic_uint_t  ngx_http_websocket_revocations_told;


ngx_int_t
ngx_http_websocket_revocations(ngx_conf_t *cf)
{
    ngx_str_t                        path;
    ngx_http_websocket_main_conf_t  *wmcf;

    static ngx_str_t  name = ngx_string("websocket revocations");

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (ngx_http_websocket_revocations_file(cf, &name, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    wmcf->revocations = ngx_http_websocket_region_add(cf, &name, &path,
                                sizeof(ngx_http_websocket_revocation_table_t),
                                NGX_HTTP_WEBSOCKET_REVOCATIONS_LAYOUT,
                                ngx_http_websocket_revocations_map);

    return wmcf->revocations ? NGX_OK : NGX_ERROR;
}


/*
 * They lie beside the file of a zone: where they are already, whichever zone
 * comes first by now; otherwise beside the first one's.
 */

static ngx_int_t
ngx_http_websocket_revocations_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path)
{
    ngx_str_t                       *files, other;
    ngx_uint_t                       i;
    ngx_http_websocket_region_t     *last;
    ngx_http_websocket_main_conf_t  *wmcf;

    ngx_str_null(path);

    last = ngx_http_websocket_region_running(name);

    if (last) {
        return ngx_http_websocket_revocations_path(cf, &last->path, "", path);
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    files = wmcf->zone_files.elts;

    for (i = 0; i < wmcf->zone_files.nelts; i++) {

        if (ngx_http_websocket_revocations_path(cf, &files[i],
                                    NGX_HTTP_WEBSOCKET_REVOCATIONS_SUFFIX,
                                                &other)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (i == 0) {
            *path = other;
        }

        if (ngx_http_websocket_region_file_there(cf->pool, &other)) {
            *path = other;
            break;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_revocations_path(ngx_conf_t *cf, ngx_str_t *file,
    const char *suffix, ngx_str_t *path)
{
    path->len = file->len + ngx_strlen(suffix);
    path->data = ngx_pnalloc(cf->pool, path->len + 1);

    if (path->data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(path->data, "%V%s%Z", file, suffix);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_revocations_map(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_http_websocket_revocation_table_t  *table;

    table = region->data;

    if (state == NGX_HTTP_WEBSOCKET_REGION_FRESH && region->disk) {

        /* the dumps of zones that were loaded have them, too */

        ngx_http_websocket_restore_more(table,
                               sizeof(ngx_http_websocket_revocation_table_t));
    }

    /* nobody holds a lock that was found */

    return state == NGX_HTTP_WEBSOCKET_REGION_SHARED
           ? NGX_OK : ngx_http_websocket_worker_mutex(&table->mutex);
}


size_t
ngx_http_websocket_revocations_dump(u_char *buf, size_t size)
{
    ngx_http_websocket_revocation_table_t  *table;

    table = ngx_http_websocket_revocations_table();

    if (table == NULL || size < sizeof(*table)) {
        return 0;
    }

    if (pthread_mutex_lock(&table->mutex) == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&table->mutex);
    }

    ngx_memcpy(buf, table, sizeof(*table));

    (void) pthread_mutex_unlock(&table->mutex);

    return sizeof(*table);
}


static ngx_http_websocket_revocation_table_t *
ngx_http_websocket_revocations_table(void)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_websocket_module);

    return wmcf && wmcf->revocations ? wmcf->revocations->data : NULL;
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


static ngx_int_t
ngx_http_websocket_revocations_lock(
    ngx_http_websocket_revocation_table_t *table)
{
    uint64_t  end;

    if (ngx_http_websocket_revocations_try(table) == NGX_OK) {
        return NGX_OK;
    }

    end = ngx_http_websocket_clock_now_us()
          + NGX_HTTP_WEBSOCKET_REVOCATIONS_LOCK;

    do {
        (void) sched_yield();

        if (ngx_http_websocket_revocations_try(table) == NGX_OK) {
            return NGX_OK;
        }

    } while (ngx_http_websocket_clock_now_us() < end);

    return NGX_BUSY;
}


static ngx_int_t
ngx_http_websocket_revocations_try(
    ngx_http_websocket_revocation_table_t *table)
{
    int         rc;
    ngx_uint_t  n;

    for (n = 0; n < NGX_HTTP_WEBSOCKET_REVOCATIONS_SPIN; n++) {

        rc = pthread_mutex_trylock(&table->mutex);

        if (rc == EOWNERDEAD) {
            (void) pthread_mutex_consistent(&table->mutex);
            rc = 0;
        }

        if (rc == 0) {
            return NGX_OK;
        }

        ngx_cpu_pause();
    }

    return NGX_BUSY;
}


static void
ngx_http_websocket_revocations_unlock(
    ngx_http_websocket_revocation_table_t *table)
{
    (void) pthread_mutex_unlock(&table->mutex);
}


/* the entry's expiry is written last: an entry is valid from then on */

ngx_http_websocket_revocation_e
ngx_http_websocket_revocation_add(ngx_http_websocket_revocation_key_t *key,
    int64_t now, int64_t until)
{
    ngx_http_websocket_revocation_t        *place;
    ngx_http_websocket_revocation_table_t  *table;

    table = ngx_http_websocket_revocations_table();

    if (table == NULL) {
        return NGX_HTTP_WEBSOCKET_REVOKED;
    }

    if (ngx_http_websocket_revocations_lock(table) != NGX_OK) {
        return NGX_HTTP_WEBSOCKET_REVOCATIONS_BUSY;
    }

    place = ngx_http_websocket_revocation_place(table, key, now);

    if (place == NULL) {
        ngx_http_websocket_revocations_unlock(table);
        return NGX_HTTP_WEBSOCKET_REVOCATIONS_FULL;
    }

    if (ngx_memcmp(&place->key, key, sizeof(*key)) != 0) {
        place->until = 0;
        ngx_memory_barrier();
        place->key = *key;

    } else if (place->until > now) {
        until = ngx_max(until, place->until);
        now = ngx_max(now, place->time);
    }

    place->time = now;
    ngx_memory_barrier();
    place->until = until;
    ngx_memory_barrier();

    (void) ngx_atomic_fetch_add(&table->serial, 1);

    ngx_http_websocket_revocations_unlock(table);

    return NGX_HTTP_WEBSOCKET_REVOKED;
}


/* the entry of that key, or one that is free, or NULL */

static ngx_http_websocket_revocation_t *
ngx_http_websocket_revocation_place(
    ngx_http_websocket_revocation_table_t *table,
    ngx_http_websocket_revocation_key_t *key, int64_t now)
{
    ngx_uint_t                        i;
    ngx_http_websocket_revocation_t  *e, *place;

    place = NULL;

    for (i = 0; i < table->n; i++) {

        e = &table->entries[i];

        if (e->until > now && ngx_memcmp(&e->key, key, sizeof(*key)) == 0) {
            return e;
        }

        if (place == NULL && e->until <= now) {
            place = e;
        }
    }

    if (place == NULL && table->n < NGX_HTTP_WEBSOCKET_REVOCATIONS) {
        place = &table->entries[table->n++];
    }

    return place;
}


/*
 * The lock's owner may be suspended, and what it was about to write is not
 * known yet: the next look tries again.
 */

static void
ngx_http_websocket_revocations_read(
    ngx_http_websocket_revocation_table_t *table)
{
    if (table->serial == ngx_http_websocket_revocations_serial
        || (ngx_msec_int_t) (ngx_http_websocket_revocations_busy
                             - ngx_current_msec)
           > 0)
    {
        return;
    }

    if (ngx_http_websocket_revocations_lock(table) != NGX_OK) {
        ngx_http_websocket_revocations_busy = ngx_current_msec
                                       + NGX_HTTP_WEBSOCKET_REVOCATIONS_AGAIN;
        return;
    }

    ngx_memcpy(ngx_http_websocket_revocations_copy, table->entries,
               table->n * sizeof(ngx_http_websocket_revocation_t));

    ngx_http_websocket_revocations_n = table->n;
    ngx_http_websocket_revocations_serial = table->serial;

    ngx_http_websocket_revocations_unlock(table);

    ngx_http_websocket_revocations_index();
}


static void
ngx_http_websocket_revocations_index(void)
{
    uint16_t    *first;
    ngx_uint_t   i;

    ngx_memzero(ngx_http_websocket_revocations_first,
                sizeof(ngx_http_websocket_revocations_first));

    for (i = 0; i < ngx_http_websocket_revocations_n; i++) {

        first = &ngx_http_websocket_revocations_first[
                    ngx_http_websocket_revocation_bucket(
                                 &ngx_http_websocket_revocations_copy[i].key)];

        ngx_http_websocket_revocations_next[i + 1] = *first;
        *first = i + 1;
    }
}


/* keys are hashes */

static ngx_uint_t
ngx_http_websocket_revocation_bucket(ngx_http_websocket_revocation_key_t *key)
{
    return (key->hash[0] << 8 | key->hash[1])
           % NGX_HTTP_WEBSOCKET_REVOCATIONS;
}


static ngx_uint_t
ngx_http_websocket_revocation_is(ngx_http_websocket_revocation_key_t *key,
    int64_t issued)
{
    ngx_uint_t                        n;
    ngx_http_websocket_revocation_t  *e;

    n = ngx_http_websocket_revocations_first[
                                   ngx_http_websocket_revocation_bucket(key)];

    for ( /* void */ ; n; n = ngx_http_websocket_revocations_next[n]) {

        e = &ngx_http_websocket_revocations_copy[n - 1];

        if (ngx_memcmp(&e->key, key, sizeof(*key)) == 0
            && e->until > (int64_t) ngx_time() && issued <= e->time)
        {
            return 1;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_websocket_revocable(ngx_http_websocket_revocable_t *what,
    ngx_websocket_token_t *token)
{
    json_t  *id;

    if (ngx_http_websocket_revocations_table() == NULL) {
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

    /* a token without "iat" counts as issued before the revocation */

    what->issued = token->issued;

    return 1;
}


ngx_uint_t
ngx_http_websocket_revocable_user(ngx_http_websocket_revocable_t *what,
    ngx_str_t *user)
{
    if (ngx_http_websocket_revocations_table() == NULL) {
        return 0;
    }

    ngx_memzero(what, sizeof(ngx_http_websocket_revocable_t));

    ngx_http_websocket_revocation_key(&what->subject,
                                      NGX_HTTP_WEBSOCKET_REVOKED_SUBJECT,
                                      (char *) user->data, user->len);
    what->issued = (int64_t) ngx_time();

    return 1;
}


ngx_uint_t
ngx_http_websocket_revoked(ngx_http_websocket_revocable_t *what)
{
    ngx_http_websocket_revocations_read(
                                       ngx_http_websocket_revocations_table());

    return ngx_http_websocket_revocation_is(&what->subject, what->issued)
           || ngx_http_websocket_revocation_is(&what->id, 0);
}


ngx_uint_t
ngx_http_websocket_revocations_new(void)
{
    ngx_http_websocket_revocation_table_t  *table;

    table = ngx_http_websocket_revocations_table();

    if (table == NULL) {
        return 0;
    }

    ngx_http_websocket_revocations_read(table);

    if (ngx_http_websocket_revocations_told
        == ngx_http_websocket_revocations_serial)
    {
        return 0;
    }

    ngx_http_websocket_revocations_told =
                                        ngx_http_websocket_revocations_serial;

    return 1;
}
