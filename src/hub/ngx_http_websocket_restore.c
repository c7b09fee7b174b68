
#include "hub/ngx_http_websocket_restore.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hub/ngx_http_websocket_log_file.h"
#include "hub/ngx_http_websocket_snapshot.h"
#include "store/dump_load.h"

#include <openssl/rand.h>
#include <sys/mman.h>
#include <sys/stat.h>


/* milliseconds between two lines of how far a file was read */
#define NGX_HTTP_WEBSOCKET_RESTORE_TOLD  5000


/* a file that was mapped: as much of it as is whole is in file */

typedef struct {
    ngx_websocket_dump_file_t        file;
    void                            *data;
    size_t                           size;
} ngx_http_websocket_restore_map_t;


/* what a zone is made of */

typedef struct {
    ngx_http_websocket_region_t       *region;
    ngx_pool_t                        *pool;
    ngx_http_websocket_restore_map_t   dump;
    ngx_websocket_dump_file_t         *logs;
    ngx_http_websocket_restore_map_t  *maps;    /* of the logs */
    ngx_websocket_dump_source_t        source;
} ngx_http_websocket_restore_t;


/* what else was in a dump */

typedef struct {
    u_char                          *data;
    size_t                           size;
    uint64_t                         clock;     /* the dump's */
} ngx_http_websocket_restore_else_t;


static ngx_int_t ngx_http_websocket_restore_all(
    ngx_http_websocket_restore_t *restore, void *base, size_t size);
static ngx_int_t ngx_http_websocket_restore_dump(
    ngx_http_websocket_restore_t *restore);
static ngx_int_t ngx_http_websocket_restore_logs(
    ngx_http_websocket_restore_t *restore);
static ngx_int_t ngx_http_websocket_restore_log(
    ngx_http_websocket_restore_t *restore, uint64_t n);
static ngx_int_t ngx_http_websocket_restore_load(
    ngx_http_websocket_restore_t *restore, void *base, size_t size);
static void ngx_http_websocket_restore_clock(uint64_t clock);
static void ngx_http_websocket_restore_free(
    ngx_http_websocket_restore_t *restore);
static void ngx_http_websocket_restore_keep(ngx_websocket_dump_info_t *info);
static ngx_int_t ngx_http_websocket_restore_open(
    ngx_http_websocket_region_t *region, char *path,
    ngx_http_websocket_restore_map_t *map);
static ngx_int_t ngx_http_websocket_restore_map(
    ngx_http_websocket_region_t *region, int fd, char *path,
    ngx_http_websocket_restore_map_t *map);
static void ngx_http_websocket_restore_read(
    ngx_http_websocket_region_t *region, char *path,
    ngx_http_websocket_restore_map_t *map);
static const char *ngx_http_websocket_restore_refuses(
    ngx_http_websocket_region_t *region, struct stat *st);
static void ngx_http_websocket_restore_bad(ngx_str_t *path, ngx_log_t *log);


/* in the master, while zones are made */

static ngx_http_websocket_restore_else_t  ngx_http_websocket_restore_else;


ngx_int_t
ngx_http_websocket_restore(ngx_http_websocket_region_t *region, void *base,
    size_t size)
{
    ngx_int_t                      rc;
    ngx_http_websocket_restore_t   restore;

    ngx_memzero(&restore, sizeof(ngx_http_websocket_restore_t));

    restore.region = region;
    restore.pool = ngx_create_pool(4096, region->log);

    if (restore.pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_websocket_restore_all(&restore, base, size);

    ngx_http_websocket_restore_free(&restore);

    return rc;
}


static ngx_int_t
ngx_http_websocket_restore_all(ngx_http_websocket_restore_t *restore,
    void *base, size_t size)
{
    if (ngx_http_websocket_restore_dump(restore) == NGX_ERROR
        || ngx_http_websocket_restore_logs(restore) == NGX_ERROR)
    {
        return NGX_ERROR;
    }

    if (restore->source.dump == NULL && restore->source.nlogs == 0) {
        return NGX_DECLINED;
    }

    return ngx_http_websocket_restore_load(restore, base, size);
}


static ngx_int_t
ngx_http_websocket_restore_dump(ngx_http_websocket_restore_t *restore)
{
    ngx_int_t                          rc;
    ngx_str_t                         *path;
    ngx_http_websocket_restore_map_t  *map;

    map = &restore->dump;
    path = &restore->region->path;

    rc = ngx_http_websocket_restore_open(restore->region, (char *) path->data,
                                         map);
    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_websocket_dump_check(&map->file) != NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_restore_bad(path, restore->region->log);
        return NGX_DECLINED;
    }

    restore->source.dump = &map->file;

    ngx_http_websocket_restore_clock(map->file.info.clock);

    return NGX_OK;
}


/* those that were begun since the dump was */

static ngx_int_t
ngx_http_websocket_restore_logs(ngx_http_websocket_restore_t *restore)
{
    uint64_t     *number;
    ngx_uint_t    i;
    ngx_array_t  *numbers;

    numbers = ngx_http_websocket_log_list(restore->pool,
                                          &restore->region->path,
                                          restore->source.dump
                                          ? restore->dump.file.info.log : 0);
    if (numbers == NULL) {
        return NGX_ERROR;
    }

    restore->logs = ngx_palloc(restore->pool, (numbers->nelts + 1)
                                         * sizeof(ngx_websocket_dump_file_t));
    restore->maps = ngx_pcalloc(restore->pool, (numbers->nelts + 1)
                                  * sizeof(ngx_http_websocket_restore_map_t));

    if (restore->logs == NULL || restore->maps == NULL) {
        return NGX_ERROR;
    }

    restore->source.logs = restore->logs;
    number = numbers->elts;

    for (i = 0; i < numbers->nelts; i++) {
        if (ngx_http_websocket_restore_log(restore, number[i]) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_restore_log(ngx_http_websocket_restore_t *restore,
    uint64_t n)
{
    u_char                            *name;
    ngx_int_t                          rc;
    ngx_str_t                         *path;
    ngx_http_websocket_restore_map_t  *map;

    path = &restore->region->path;
    map = &restore->maps[restore->source.nlogs];

    name = ngx_pnalloc(restore->pool, path->len + NGX_HTTP_WEBSOCKET_LOG_NAME);
    if (name == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_log_name(name, path, n);

    rc = ngx_http_websocket_restore_open(restore->region, (char *) name, map);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_websocket_dump_check_log(&map->file) != NGX_WEBSOCKET_STORE_OK) {

        /* the power was lost before anything in it was acknowledged */

        (void) munmap(map->data, map->size);
        map->data = NULL;

        return NGX_DECLINED;
    }

    restore->logs[restore->source.nlogs++] = map->file;

    ngx_http_websocket_restore_clock(map->file.info.clock);

    return NGX_OK;
}


/* the machine's clock may be wrong: time does not go back all the same */

static void
ngx_http_websocket_restore_clock(uint64_t clock)
{
    uint64_t  now;

    now = ngx_http_websocket_clock_now();

    if (now < clock) {
        ngx_http_websocket_clock_follow(ngx_http_websocket_clock_base()
                                        + clock - now);
    }
}


static ngx_int_t
ngx_http_websocket_restore_load(ngx_http_websocket_restore_t *restore,
    void *base, size_t size)
{
    int                           rc;
    uint64_t                      logged;
    ngx_uint_t                    i;
    ngx_http_websocket_region_t  *region;

    region = restore->region;

    if (RAND_bytes((u_char *) &restore->source.random, sizeof(uint64_t)) != 1)
    {
        return NGX_ERROR;
    }

    restore->source.now = ngx_http_websocket_clock_now();

    rc = ngx_websocket_dump_load(base, size, &restore->source);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "\"%V\" cannot be loaded: %s", &region->path,
                      ngx_websocket_store_strerror(rc));
        return NGX_ERROR;
    }

    ngx_http_websocket_restore_keep(&restore->dump.file.info);

    for (logged = 0, i = 0; i < restore->source.nlogs; i++) {
        logged += restore->logs[i].info.messages;
    }

    ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                  "websocket: %uL channels and %uL messages are loaded from "
                  "\"%V\", and %uL that were logged; %uL found no room",
                  restore->dump.file.info.channels,
                  restore->dump.file.info.messages, &region->path, logged,
                  restore->source.dropped);

    return NGX_OK;
}


static void
ngx_http_websocket_restore_free(ngx_http_websocket_restore_t *restore)
{
    ngx_uint_t  i;

    if (restore->dump.data) {
        (void) munmap(restore->dump.data, restore->dump.size);
    }

    for (i = 0; i < restore->source.nlogs; i++) {
        (void) munmap(restore->maps[i].data, restore->maps[i].size);
    }

    ngx_destroy_pool(restore->pool);
}


static void
ngx_http_websocket_restore_keep(ngx_websocket_dump_info_t *info)
{
    if (info->more == NULL
        || info->more_size > NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE
        || (ngx_http_websocket_restore_else.data
            && ngx_http_websocket_restore_else.clock > info->clock))
    {
        return;
    }

    ngx_http_websocket_restored();

    ngx_http_websocket_restore_else.data = malloc(info->more_size);

    if (ngx_http_websocket_restore_else.data) {
        ngx_memcpy(ngx_http_websocket_restore_else.data, info->more,
                   info->more_size);
        ngx_http_websocket_restore_else.size = info->more_size;
        ngx_http_websocket_restore_else.clock = info->clock;
    }
}


void
ngx_http_websocket_restore_more(void *data, size_t size)
{
    if (ngx_http_websocket_restore_else.data
        && ngx_http_websocket_restore_else.size == size)
    {
        ngx_memcpy(data, ngx_http_websocket_restore_else.data, size);
    }
}


void
ngx_http_websocket_restored(void)
{
    free(ngx_http_websocket_restore_else.data);
    ngx_http_websocket_restore_else.data = NULL;
}


static ngx_int_t
ngx_http_websocket_restore_open(ngx_http_websocket_region_t *region,
    char *path, ngx_http_websocket_restore_map_t *map)
{
    int        fd;
    ngx_int_t  rc;

    fd = open(path, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "open() \"%s\" failed", path);
        return NGX_ERROR;
    }

    rc = ngx_http_websocket_restore_map(region, fd, path, map);

    (void) close(fd);

    return rc;
}


static ngx_int_t
ngx_http_websocket_restore_map(ngx_http_websocket_region_t *region, int fd,
    char *path, ngx_http_websocket_restore_map_t *map)
{
    void         *data;
    const char   *why;
    struct stat   st;

    why = fstat(fd, &st) == -1 ? "cannot be read"
                               : ngx_http_websocket_restore_refuses(region,
                                                                    &st);
    if (why) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "\"%s\" cannot be the file of websocket zone \"%V\": "
                      "it %s", path, &region->name, why);
        return NGX_ERROR;
    }

    if (st.st_size == 0) {
        return NGX_DECLINED;
    }

    data = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (data == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "mmap() \"%s\" failed", path);
        return NGX_ERROR;
    }

    map->data = data;
    map->size = st.st_size;
    map->file.data = data;
    map->file.size = st.st_size;

    ngx_http_websocket_restore_read(region, path, map);

    return NGX_OK;
}


/* a slow disk takes its time: who waits is to know for what */

static void
ngx_http_websocket_restore_read(ngx_http_websocket_region_t *region,
    char *path, ngx_http_websocket_restore_map_t *map)
{
    size_t           i;
    uint64_t         now, told;
    volatile u_char  byte;

    (void) madvise(map->data, map->size, MADV_SEQUENTIAL);

    told = ngx_http_websocket_clock_now();

    for (i = 0; i < map->size; i += ngx_pagesize) {

        byte = ((u_char *) map->data)[i];
        now = ngx_http_websocket_clock_now();

        if (now - told >= NGX_HTTP_WEBSOCKET_RESTORE_TOLD) {
            told = now;

            ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                          "websocket: %uz of %uz bytes of \"%s\" are read",
                          i, map->size, path);
        }
    }

    (void) byte;
}


/* NULL: it may be read; or the end of a sentence */

static const char *
ngx_http_websocket_restore_refuses(ngx_http_websocket_region_t *region,
    struct stat *st)
{
    if (!S_ISREG(st->st_mode)) {
        return "is not a regular file";
    }

    if (st->st_uid != geteuid() && st->st_uid != region->core->user) {
        return "belongs to another user";
    }

    if (st->st_mode & 022) {
        return "can be written by others: its mode has to be 0600";
    }

    return NULL;
}


/* out of the way, for whoever wants to know what it is */

static void
ngx_http_websocket_restore_bad(ngx_str_t *path, ngx_log_t *log)
{
    u_char  name[NGX_MAX_PATH];

    ngx_snprintf(name, sizeof(name), "%V.bad-%T%Z", path, ngx_time());

    if (rename((char *) path->data, (char *) name) == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "\"%V\" is not a whole dump of a websocket zone, and "
                      "cannot be renamed to \"%s\": the zone begins anew",
                      path, name);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "\"%V\" is not a whole dump of a websocket zone, and is "
                  "renamed to \"%s\": the zone begins anew", path, name);
}
