
#include "hub/ngx_http_websocket_snapshot.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hub/ngx_http_websocket_durable_writer.h"
#include "hub/ngx_http_websocket_log_file.h"
#include "hub/ngx_http_websocket_thread.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/dump.h"

#include <sys/file.h>
#include <sys/stat.h>


/* so long a worker that exits waits for its thread, ms */
#define NGX_HTTP_WEBSOCKET_SNAPSHOT_STOP  100


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
    uint64_t                         kept;      /* the first log needed with
                                                   it */
    uint64_t                         begun;
    uint64_t                         bytes;     /* written so far */
    ngx_str_t                        temp;
} ngx_http_websocket_snapshot_t;


static void *ngx_http_websocket_snapshot_thread(void *data);
static ngx_int_t ngx_http_websocket_snapshot_make(
    ngx_http_websocket_snapshot_t *snapshot);
static void ngx_http_websocket_snapshot_count(
    ngx_http_websocket_snapshot_t *snapshot, ngx_int_t rc);
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


/* the threads of this worker: one for all zones is enough */

static ngx_atomic_t  ngx_http_websocket_snapshot_busy;

/* 1: the process exits, and what the thread would look at is going */

static ngx_atomic_t  ngx_http_websocket_snapshot_over;


void
ngx_http_websocket_snapshot_tick(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_snapshot_pt more)
{
    int                             err;
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

    err = ngx_http_websocket_thread(ngx_http_websocket_snapshot_thread,
                                    snapshot);

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

    ngx_int_t  rc;

    snapshot->begun = ngx_http_websocket_clock_now();

    rc = ngx_http_websocket_snapshot_make(snapshot);

    if (!ngx_http_websocket_snapshot_over) {
        ngx_http_websocket_snapshot_count(snapshot, rc);
    }

    ngx_http_websocket_snapshot_free(snapshot);

    ngx_memory_barrier();
    ngx_http_websocket_snapshot_busy = 0;

    return NULL;
}


/* NGX_DECLINED: another worker does, or this one exits */

static ngx_int_t
ngx_http_websocket_snapshot_make(ngx_http_websocket_snapshot_t *snapshot)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_snapshot_begin(snapshot);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_snapshot_all(snapshot);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_snapshot_end(snapshot);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_snapshot_replace(snapshot);
    }

    return rc;
}


static void
ngx_http_websocket_snapshot_count(ngx_http_websocket_snapshot_t *snapshot,
    ngx_int_t rc)
{
    ngx_http_websocket_dumped_t  *dumped;

    dumped = &snapshot->zone->durable->ring->dumped;

    if (rc == NGX_ERROR) {
        dumped->failed++;
    }

    if (rc != NGX_OK) {
        return;
    }

    dumped->begun = snapshot->begun;
    dumped->time = ngx_http_websocket_clock_now() - snapshot->begun;
    dumped->bytes = snapshot->bytes;
    dumped->written++;

    ngx_log_error(NGX_LOG_INFO, snapshot->log, 0,
                  "websocket zone \"%V\" is in its file: %uL channels, "
                  "%uL messages", &snapshot->zone->name,
                  snapshot->dump.channels, snapshot->dump.messages);
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

    /* what comes into the zone from here on is in the next log, too */

    snapshot->kept = ngx_http_websocket_durable_rotate(snapshot->zone,
                                            &ngx_http_websocket_snapshot_over);

    if (ngx_http_websocket_snapshot_over) {
        return NGX_DECLINED;
    }

    if (ftruncate(snapshot->fd, 0) == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "ftruncate()");
        return NGX_ERROR;
    }

    return ngx_http_websocket_snapshot_write(snapshot,
                 ngx_websocket_dump_head(snapshot->zone->store,
                                         ngx_http_websocket_clock_now(),
                                         snapshot->kept, snapshot->buf));
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

    snapshot->bytes += size;

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

    if (ngx_http_websocket_log_sync(path) == -1) {
        ngx_http_websocket_snapshot_failed(snapshot, "fsync()");
        return NGX_ERROR;
    }

    if (!ngx_http_websocket_snapshot_over) {
        ngx_http_websocket_log_remove(path, snapshot->kept, snapshot->log);
    }

    return NGX_OK;
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
