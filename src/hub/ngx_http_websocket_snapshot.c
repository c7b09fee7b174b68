
#include "hub/ngx_http_websocket_snapshot.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/dump.h"

#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>


/* so long a worker that exits waits for its thread, ms */
#define NGX_HTTP_WEBSOCKET_SNAPSHOT_STOP  100


/* a file that was mapped */

typedef struct {
    u_char                          *data;
    size_t                           size;
    ngx_websocket_dump_info_t        info;
} ngx_http_websocket_snapshot_file_t;


/* what else was in a dump */

typedef struct {
    u_char                          *data;
    size_t                           size;
    uint64_t                         clock;     /* the dump's */
} ngx_http_websocket_snapshot_else_t;


/* what a thread writes, in memory of its own */

typedef struct {
    ngx_http_websocket_zone_t       *zone;
    ngx_http_websocket_snapshot_pt   more;
    ngx_log_t                       *log;
    int                              fd;
    ngx_uint_t                       locked;    /* 1: temp is this thread's */
    u_char                          *buf;
    size_t                           size;
    ngx_websocket_dump_t             dump;
    ngx_str_t                        temp;
} ngx_http_websocket_snapshot_t;


static void ngx_http_websocket_snapshot_keep(ngx_websocket_dump_info_t *info);
static ngx_int_t ngx_http_websocket_snapshot_open(
    ngx_http_websocket_region_t *region,
    ngx_http_websocket_snapshot_file_t *file);
static ngx_int_t ngx_http_websocket_snapshot_map(
    ngx_http_websocket_region_t *region, int fd,
    ngx_http_websocket_snapshot_file_t *file);
static const char *ngx_http_websocket_snapshot_refuses(
    ngx_http_websocket_region_t *region, struct stat *st);
static void ngx_http_websocket_snapshot_bad(ngx_str_t *path, ngx_log_t *log);
static void *ngx_http_websocket_snapshot_thread(void *data);
static ngx_int_t ngx_http_websocket_snapshot_begin(
    ngx_http_websocket_snapshot_t *snapshot);
static ngx_int_t ngx_http_websocket_snapshot_all(
    ngx_http_websocket_snapshot_t *snapshot);
static ngx_int_t ngx_http_websocket_snapshot_end(
    ngx_http_websocket_snapshot_t *snapshot);
static ngx_int_t ngx_http_websocket_snapshot_grow(
    ngx_http_websocket_snapshot_t *snapshot, size_t size);
static ngx_int_t ngx_http_websocket_snapshot_write(
    ngx_http_websocket_snapshot_t *snapshot, size_t size);
static ngx_int_t ngx_http_websocket_snapshot_replace(
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_snapshot_failed(
    ngx_http_websocket_snapshot_t *snapshot, const char *what);
static void ngx_http_websocket_snapshot_free(
    ngx_http_websocket_snapshot_t *snapshot);


/* in the master, while zones are made */

static ngx_http_websocket_snapshot_else_t  ngx_http_websocket_snapshot_else;

/* the threads of this worker: one for all zones is enough */

static ngx_atomic_t  ngx_http_websocket_snapshot_busy;

/* 1: the process exits, and what the thread would look at is going */

static ngx_atomic_t  ngx_http_websocket_snapshot_over;


ngx_int_t
ngx_http_websocket_snapshot_load(ngx_http_websocket_region_t *region,
    void *base, size_t size)
{
    int                                  rc;
    uint64_t                             random;
    ngx_int_t                            found;
    ngx_str_t                           *path;
    ngx_log_t                           *log;
    ngx_http_websocket_snapshot_file_t   file;

    path = &region->path;
    log = region->log;

    found = ngx_http_websocket_snapshot_open(region, &file);

    if (found != NGX_OK) {
        return found;
    }

    if (RAND_bytes((u_char *) &random, sizeof(random)) != 1) {
        (void) munmap(file.data, file.size);
        return NGX_ERROR;
    }

    /* the machine's clock may be wrong: time does not go back all the same */

    if (ngx_http_websocket_clock_now() < file.info.clock) {
        ngx_http_websocket_clock_follow(ngx_http_websocket_clock_base()
                                        + file.info.clock
                                        - ngx_http_websocket_clock_now());
    }

    rc = ngx_websocket_dump_load(base, size, file.data, file.size, random,
                                 ngx_http_websocket_clock_now(), &file.info);

    ngx_http_websocket_snapshot_keep(&file.info);

    (void) munmap(file.data, file.size);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0,
                      "\"%V\" cannot be loaded: %s", path,
                      ngx_websocket_store_strerror(rc));
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "websocket: %uL channels and %uL messages are loaded from "
                  "\"%V\", %uL of them found no room",
                  file.info.channels, file.info.messages, path,
                  file.info.dropped);

    return NGX_OK;
}


static void
ngx_http_websocket_snapshot_keep(ngx_websocket_dump_info_t *info)
{
    if (info->more == NULL
        || info->more_size > NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE
        || (ngx_http_websocket_snapshot_else.data
            && ngx_http_websocket_snapshot_else.clock > info->clock))
    {
        return;
    }

    ngx_http_websocket_snapshot_loaded();

    ngx_http_websocket_snapshot_else.data = malloc(info->more_size);

    if (ngx_http_websocket_snapshot_else.data) {
        ngx_memcpy(ngx_http_websocket_snapshot_else.data, info->more,
                   info->more_size);
        ngx_http_websocket_snapshot_else.size = info->more_size;
        ngx_http_websocket_snapshot_else.clock = info->clock;
    }
}


void
ngx_http_websocket_snapshot_more(void *data, size_t size)
{
    if (ngx_http_websocket_snapshot_else.data
        && ngx_http_websocket_snapshot_else.size == size)
    {
        ngx_memcpy(data, ngx_http_websocket_snapshot_else.data, size);
    }
}


void
ngx_http_websocket_snapshot_loaded(void)
{
    free(ngx_http_websocket_snapshot_else.data);
    ngx_http_websocket_snapshot_else.data = NULL;
}


static ngx_int_t
ngx_http_websocket_snapshot_open(ngx_http_websocket_region_t *region,
    ngx_http_websocket_snapshot_file_t *file)
{
    int         fd;
    ngx_int_t   rc;
    ngx_str_t  *path;

    path = &region->path;

    fd = open((char *) path->data, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        if (ngx_errno == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "open() \"%V\" failed", path);
        return NGX_ERROR;
    }

    rc = ngx_http_websocket_snapshot_map(region, fd, file);

    (void) close(fd);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_websocket_dump_check(file->data, file->size, &file->info)
        != NGX_WEBSOCKET_STORE_OK)
    {
        (void) munmap(file->data, file->size);
        ngx_http_websocket_snapshot_bad(path, region->log);

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_snapshot_map(ngx_http_websocket_region_t *region, int fd,
    ngx_http_websocket_snapshot_file_t *file)
{
    void         *data;
    const char   *why;
    struct stat   st;

    why = fstat(fd, &st) == -1 ? "cannot be read"
                               : ngx_http_websocket_snapshot_refuses(region,
                                                                     &st);
    if (why) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "\"%V\" cannot be the file of websocket zone \"%V\": "
                      "it %s", &region->path, &region->name, why);
        return NGX_ERROR;
    }

    file->size = st.st_size;

    if (file->size == 0) {
        return NGX_DECLINED;
    }

    data = mmap(NULL, file->size, PROT_READ, MAP_PRIVATE, fd, 0);

    if (data == MAP_FAILED) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "mmap() \"%V\" failed", &region->path);
        return NGX_ERROR;
    }

    (void) madvise(data, file->size, MADV_SEQUENTIAL);

    file->data = data;

    return NGX_OK;
}


/* NULL: it may be read; or the end of a sentence */

static const char *
ngx_http_websocket_snapshot_refuses(ngx_http_websocket_region_t *region,
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
ngx_http_websocket_snapshot_bad(ngx_str_t *path, ngx_log_t *log)
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


void
ngx_http_websocket_snapshot_tick(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_snapshot_pt more)
{
    int                             err;
    sigset_t                        all, old;
    pthread_t                       thread;
    pthread_attr_t                  attr;
    ngx_http_websocket_snapshot_t  *snapshot;

    if (zone->dump.len == 0
        || ngx_http_websocket_worker_slot() == NGX_HTTP_WEBSOCKET_NO_SLOT
        || ngx_exiting
        || ngx_http_websocket_snapshot_busy
        || !ngx_http_websocket_zone_snapshot(zone))
    {
        return;
    }

    snapshot = ngx_calloc(sizeof(ngx_http_websocket_snapshot_t),
                          ngx_cycle->log);
    if (snapshot == NULL) {
        return;
    }

    snapshot->zone = zone;
    snapshot->more = more;
    snapshot->log = ngx_cycle->log;
    snapshot->fd = -1;

    ngx_http_websocket_snapshot_busy = 1;

    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    /* signals are the worker's */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&thread, &attr, ngx_http_websocket_snapshot_thread,
                         snapshot);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "pthread_create() failed: websocket zone \"%V\" is not "
                      "written to its file", &zone->name);
        ngx_http_websocket_snapshot_busy = 0;
        ngx_free(snapshot);
    }
}


void
ngx_http_websocket_snapshot_stop(void)
{
    ngx_uint_t  n;

    ngx_http_websocket_snapshot_over = 1;

    /* one that waits for a disk looks at this first when it goes on */

    for (n = 0;
         ngx_http_websocket_snapshot_busy
         && n < NGX_HTTP_WEBSOCKET_SNAPSHOT_STOP;
         n++)
    {
        ngx_msleep(1);
    }
}


static void *
ngx_http_websocket_snapshot_thread(void *data)
{
    ngx_http_websocket_snapshot_t *snapshot = data;

    if (ngx_http_websocket_snapshot_begin(snapshot) == NGX_OK
        && ngx_http_websocket_snapshot_all(snapshot) == NGX_OK
        && ngx_http_websocket_snapshot_end(snapshot) == NGX_OK
        && ngx_http_websocket_snapshot_replace(snapshot) == NGX_OK
        && !ngx_http_websocket_snapshot_over)
    {
        ngx_log_error(NGX_LOG_INFO, snapshot->log, 0,
                      "websocket zone \"%V\" is in its file: %uL channels, "
                      "%uL messages", &snapshot->zone->name,
                      snapshot->dump.channels, snapshot->dump.messages);
    }

    ngx_http_websocket_snapshot_free(snapshot);

    ngx_memory_barrier();
    ngx_http_websocket_snapshot_busy = 0;

    return NULL;
}


static ngx_int_t
ngx_http_websocket_snapshot_begin(ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_str_t    *path;
    struct stat   st, named;

    path = &snapshot->zone->dump;

    snapshot->size = NGX_WEBSOCKET_DUMP_BUFFER;
    snapshot->buf = malloc(snapshot->size);
    snapshot->temp.data = malloc(path->len + sizeof(".tmp"));

    if (snapshot->buf == NULL || snapshot->temp.data == NULL
        || ngx_websocket_dump_begin(snapshot->zone->store, &snapshot->dump)
           != 0)
    {
        ngx_http_websocket_snapshot_failed(snapshot, "malloc()");
        return NGX_ERROR;
    }

    ngx_sprintf(snapshot->temp.data, "%V.tmp%Z", path);

    snapshot->fd = open((char *) snapshot->temp.data,
                        O_WRONLY|O_CREAT|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC,
                        0600);

    if (snapshot->fd == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "open()");
        return NGX_ERROR;
    }

    /* a worker that is about to exit may be writing yet */

    if (flock(snapshot->fd, LOCK_EX|LOCK_NB) == -1) {
        return NGX_DECLINED;
    }

    /* or it has written all, and this is the dump by now */

    if (fstat(snapshot->fd, &st) == -1
        || lstat((char *) snapshot->temp.data, &named) == -1
        || st.st_dev != named.st_dev || st.st_ino != named.st_ino)
    {
        return NGX_DECLINED;
    }

    if (!S_ISREG(st.st_mode) || st.st_nlink != 1 || st.st_uid != geteuid()) {
        ngx_log_error(NGX_LOG_ERR, snapshot->log, 0,
                      "\"%s\" is somebody else's: websocket zone \"%V\" is "
                      "not written", snapshot->temp.data,
                      &snapshot->zone->name);
        return NGX_ERROR;
    }

    snapshot->locked = 1;

    if (ftruncate(snapshot->fd, 0) == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "ftruncate()");
        return NGX_ERROR;
    }

    return ngx_http_websocket_snapshot_write(snapshot,
                 ngx_websocket_dump_head(snapshot->zone->store,
                                         ngx_http_websocket_clock_now(),
                                         snapshot->buf));
}


static ngx_int_t
ngx_http_websocket_snapshot_all(ngx_http_websocket_snapshot_t *snapshot)
{
    int     rc;
    size_t  used;

    do {
        if (ngx_http_websocket_snapshot_over) {
            return NGX_DECLINED;
        }

        rc = ngx_http_websocket_zone_dump(snapshot->zone, &snapshot->dump,
                                          snapshot->buf, snapshot->size,
                                          &used);

        if (rc == NGX_WEBSOCKET_STORE_SHORT) {

            if (ngx_http_websocket_snapshot_grow(snapshot,
                                                 snapshot->dump.need)
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            continue;
        }

        if (used
            && ngx_http_websocket_snapshot_write(snapshot, used) != NGX_OK)
        {
            return NGX_ERROR;
        }

    } while (rc == NGX_WEBSOCKET_STORE_AGAIN
             || rc == NGX_WEBSOCKET_STORE_SHORT);

    if (rc == NGX_WEBSOCKET_STORE_GAP) {
        ngx_log_error(NGX_LOG_WARN, snapshot->log, 0,
                      "websocket zone \"%V\" changes faster than it can be "
                      "written to its file", &snapshot->zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_snapshot_end(ngx_http_websocket_snapshot_t *snapshot)
{
    u_char  *more;
    size_t   n;

    if (snapshot->more) {

        if (ngx_http_websocket_snapshot_grow(snapshot,
                                       2 * NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        more = snapshot->buf + NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE;
        n = snapshot->more(more, NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE - 64);

        if (n && ngx_http_websocket_snapshot_write(snapshot,
                               ngx_websocket_dump_more(more, n, snapshot->buf))
                 != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_websocket_snapshot_write(snapshot,
                     ngx_websocket_dump_end(&snapshot->dump, snapshot->buf));
}


static ngx_int_t
ngx_http_websocket_snapshot_grow(ngx_http_websocket_snapshot_t *snapshot,
    size_t size)
{
    u_char  *buf;

    if (size <= snapshot->size) {
        return NGX_OK;
    }

    buf = realloc(snapshot->buf, size);

    if (buf == NULL) {
        ngx_http_websocket_snapshot_failed(snapshot, "realloc()");
        return NGX_ERROR;
    }

    snapshot->buf = buf;
    snapshot->size = size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_snapshot_write(ngx_http_websocket_snapshot_t *snapshot,
    size_t size)
{
    u_char   *p;
    ssize_t   n;

    for (p = snapshot->buf; size; p += n, size -= n) {

        n = write(snapshot->fd, p, size);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
        }

        if (n == -1) {
            ngx_http_websocket_snapshot_failed(snapshot, "write()");
            return NGX_ERROR;
        }

        /* a disk may have taken its time */

        if (ngx_http_websocket_snapshot_over) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* after a loss of power there is the last one, or this one */

static ngx_int_t
ngx_http_websocket_snapshot_replace(ngx_http_websocket_snapshot_t *snapshot)
{
    int         fd, rc;
    u_char     *slash;
    ngx_str_t  *path;

    path = &snapshot->zone->dump;

    if (fdatasync(snapshot->fd) == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "fdatasync()");
        return NGX_ERROR;
    }

    if (ngx_http_websocket_snapshot_over) {
        return NGX_DECLINED;
    }

    if (rename((char *) snapshot->temp.data, (char *) path->data) == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "rename()");
        return NGX_ERROR;
    }

    snapshot->locked = 0;

    slash = (u_char *) strrchr((char *) snapshot->temp.data, '/');
    slash[slash == snapshot->temp.data] = '\0';

    fd = open((char *) snapshot->temp.data, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    rc = (fd == -1) ? -1 : fsync(fd);

    if (rc == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "fsync()");
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return rc == -1 ? NGX_ERROR : NGX_OK;
}


static void
ngx_http_websocket_snapshot_failed(ngx_http_websocket_snapshot_t *snapshot,
    const char *what)
{
    if (ngx_http_websocket_snapshot_over) {
        return;
    }

    ngx_log_error(NGX_LOG_ERR, snapshot->log, ngx_errno,
                  "%s failed: websocket zone \"%V\" is not written to \"%V\"",
                  what, &snapshot->zone->name, &snapshot->zone->dump);
}


static void
ngx_http_websocket_snapshot_free(ngx_http_websocket_snapshot_t *snapshot)
{
    /* what is not whole would only keep a disk full */

    if (snapshot->locked) {
        (void) unlink((char *) snapshot->temp.data);
    }

    if (snapshot->fd != -1) {
        (void) close(snapshot->fd);
    }

    ngx_websocket_dump_done(&snapshot->dump);

    free(snapshot->temp.data);
    free(snapshot->buf);
    ngx_free(snapshot);
}
