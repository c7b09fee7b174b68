
#include "hub/ngx_http_websocket_durable_writer.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hub/ngx_http_websocket_log_file.h"
#include "hub/ngx_http_websocket_thread.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/dump.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>


/* so long a thread waits for the bell, and after an error, ms */
#define NGX_HTTP_WEBSOCKET_WRITER_IDLE   1000
#define NGX_HTTP_WEBSOCKET_WRITER_ERROR  200

/* so long a dump waits for another log, and a worker that exits, ms */
#define NGX_HTTP_WEBSOCKET_WRITER_ROTATE  10000
#define NGX_HTTP_WEBSOCKET_WRITER_STOP    100


/* of a thread */

typedef struct {
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_ring_t    *ring;
    ngx_log_t                    *log;
    int                           fd;       /* -1: no log is open */
    uint64_t                      bytes;    /* of it */
    ngx_uint_t                    empty;    /* 1: nothing is in it for sure */
    ngx_uint_t                    told;     /* 1: that the disk has errors */
    ngx_str_t                     path;     /* of the dump */
    u_char                       *name;
} ngx_http_websocket_writer_t;


static ngx_uint_t ngx_http_websocket_writer_free(
    ngx_http_websocket_ring_t *ring);
static void ngx_http_websocket_writer_begin(ngx_http_websocket_zone_t *zone);
static ngx_http_websocket_writer_t *ngx_http_websocket_writer_create(
    ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_writer_destroy(
    ngx_http_websocket_writer_t *writer);
static void *ngx_http_websocket_writer_thread(void *data);
static void ngx_http_websocket_writer_write(
    ngx_http_websocket_writer_t *writer);
static int ngx_http_websocket_writer_group(
    ngx_http_websocket_writer_t *writer, uint64_t from, uint64_t to);
static int ngx_http_websocket_writer_all(int fd, struct iovec *iov, int n);
static int ngx_http_websocket_writer_open(
    ngx_http_websocket_writer_t *writer);
static int ngx_http_websocket_writer_headline(
    ngx_http_websocket_writer_t *writer, uint64_t n);
static void ngx_http_websocket_writer_close(
    ngx_http_websocket_writer_t *writer);
static void ngx_http_websocket_writer_failed(
    ngx_http_websocket_writer_t *writer, int err);
static void ngx_http_websocket_writer_tell(ngx_http_websocket_ring_t *ring);
static void ngx_http_websocket_writer_wait(ngx_http_websocket_ring_t *ring,
    uint64_t synced);
static void ngx_http_websocket_writer_ring(ngx_http_websocket_ring_t *ring);


/* 1: the process exits, and what a thread would look at is going */

static ngx_atomic_t  ngx_http_websocket_writer_over;

/* threads of this process */

static ngx_atomic_t  ngx_http_websocket_writers;


void
ngx_http_websocket_durable_writer(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_durable_t  *durable;

    durable = zone->durable;

    if (ngx_http_websocket_writer_free(durable->ring)) {
        ngx_http_websocket_writer_begin(zone);
        return;
    }

    if (__atomic_load_n(&durable->ring->asleep, __ATOMIC_SEQ_CST)) {
        ngx_http_websocket_writer_ring(durable->ring);
    }
}


/* 1: nobody writes, or he has died */

static ngx_uint_t
ngx_http_websocket_writer_free(ngx_http_websocket_ring_t *ring)
{
    int  rc;

    rc = pthread_mutex_trylock(&ring->lease);

    if (rc == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&ring->lease);

    } else if (rc != 0) {
        return 0;
    }

    (void) pthread_mutex_unlock(&ring->lease);

    return 1;
}


static void
ngx_http_websocket_writer_begin(ngx_http_websocket_zone_t *zone)
{
    int                           err;
    ngx_http_websocket_writer_t  *writer;

    writer = ngx_http_websocket_writer_create(zone);

    if (writer == NULL) {
        return;
    }

    (void) ngx_atomic_fetch_add(&ngx_http_websocket_writers, 1);

    err = ngx_http_websocket_thread(ngx_http_websocket_writer_thread, writer);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, err,
                      "pthread_create() failed: nothing is logged of websocket "
                      "zone \"%V\"", &zone->name);
        (void) ngx_atomic_fetch_add(&ngx_http_websocket_writers, -1);
        ngx_http_websocket_writer_destroy(writer);
    }
}


/* with memory of its own: the configuration may go before it */

static ngx_http_websocket_writer_t *
ngx_http_websocket_writer_create(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_writer_t  *writer;

    writer = ngx_calloc(sizeof(ngx_http_websocket_writer_t), ngx_cycle->log);
    if (writer == NULL) {
        return NULL;
    }

    writer->zone = zone;
    writer->ring = zone->durable->ring;
    writer->log = ngx_cycle->log;
    writer->fd = -1;
    writer->path.len = zone->dump.len;
    writer->path.data = ngx_alloc(zone->dump.len + 1, ngx_cycle->log);
    writer->name = ngx_alloc(zone->dump.len + NGX_HTTP_WEBSOCKET_LOG_NAME,
                             ngx_cycle->log);

    if (writer->path.data == NULL || writer->name == NULL) {
        ngx_http_websocket_writer_destroy(writer);
        return NULL;
    }

    ngx_sprintf(writer->path.data, "%V%Z", &zone->dump);

    return writer;
}


static void
ngx_http_websocket_writer_destroy(ngx_http_websocket_writer_t *writer)
{
    ngx_http_websocket_writer_close(writer);

    ngx_free(writer->path.data);
    ngx_free(writer->name);
    ngx_free(writer);
}


static void *
ngx_http_websocket_writer_thread(void *data)
{
    ngx_http_websocket_writer_t *writer = data;

    int              rc;
    struct timespec  end;

    /* who only looks whether it is free has it for a moment */

    (void) clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 1;

    rc = pthread_mutex_timedlock(&writer->ring->lease, &end);

    if (rc == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&writer->ring->lease);
        rc = 0;
    }

    if (rc == 0) {
        ngx_http_websocket_writer_write(writer);
        (void) pthread_mutex_unlock(&writer->ring->lease);
    }

    ngx_http_websocket_writer_destroy(writer);

    (void) ngx_atomic_fetch_add(&ngx_http_websocket_writers, -1);

    return NULL;
}


/* what is on the disk is the log, up to synced, after each round */

static void
ngx_http_websocket_writer_write(ngx_http_websocket_writer_t *writer)
{
    int                         err;
    uint64_t                    head, synced;
    ngx_http_websocket_ring_t  *ring;

    ring = writer->ring;

    while (!ngx_http_websocket_writer_over) {

        if (__atomic_load_n(&ring->rotate, __ATOMIC_SEQ_CST)) {
            ngx_http_websocket_writer_close(writer);

            ring->kept = ring->log + 1;
            __atomic_store_n(&ring->rotate, 0, __ATOMIC_SEQ_CST);
        }

        synced = ring->synced;
        head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);

        if (head == synced) {
            ngx_http_websocket_writer_wait(ring, synced);
            continue;
        }

        err = ngx_http_websocket_writer_group(writer, synced, head);

        if (ngx_http_websocket_writer_over) {
            break;
        }

        if (err) {
            ngx_http_websocket_writer_failed(writer, err);
            continue;
        }

        writer->told = 0;

        __atomic_store_n(&ring->synced, head, __ATOMIC_SEQ_CST);
        ngx_http_websocket_writer_tell(ring);
    }
}


/* 0, or an errno */

static int
ngx_http_websocket_writer_group(ngx_http_websocket_writer_t *writer,
    uint64_t from, uint64_t to)
{
    int           n, err;
    size_t        at, first;
    struct iovec  iov[2];

    if (writer->fd == -1) {
        err = ngx_http_websocket_writer_open(writer);

        if (err) {
            return err;
        }
    }

    at = from % NGX_HTTP_WEBSOCKET_RING;
    first = ngx_min(to - from, NGX_HTTP_WEBSOCKET_RING - at);

    iov[0].iov_base = writer->ring->data + at;
    iov[0].iov_len = first;
    iov[1].iov_base = writer->ring->data;
    iov[1].iov_len = to - from - first;

    n = iov[1].iov_len ? 2 : 1;
    writer->bytes += to - from;

    err = ngx_http_websocket_writer_all(writer->fd, iov, n);

    if (err == 0 && fdatasync(writer->fd) == -1) {
        err = ngx_errno;
    }

    if (err == 0) {
        writer->empty = 0;
    }

    /* what is replayed at a start is to be no more than a zone */

    if (err == 0 && writer->bytes > writer->zone->size
        && !ngx_http_websocket_writer_over)
    {
        writer->bytes = 0;
        ngx_http_websocket_zone_due(writer->zone);
    }

    return err;
}


static int
ngx_http_websocket_writer_all(int fd, struct iovec *iov, int n)
{
    ssize_t  size;

    while (n) {

        size = writev(fd, iov, n);

        if (size == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (size <= 0) {
            return size ? ngx_errno : ENOSPC;
        }

        while (n && (size_t) size >= iov->iov_len) {
            size -= iov->iov_len;
            iov++;
            n--;
        }

        if (n) {
            iov->iov_base = (u_char *) iov->iov_base + size;
            iov->iov_len -= size;
        }
    }

    return 0;
}


/* 0, or an errno: the log is there, with its name and its head */

static int
ngx_http_websocket_writer_open(ngx_http_websocket_writer_t *writer)
{
    int       err;
    uint64_t  n;

    n = writer->ring->log;

    do {
        ngx_http_websocket_log_name(writer->name, &writer->path, ++n);

        writer->fd = open((char *) writer->name,
                          O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

        /* one that died had made it, and did not come to say so */

    } while (writer->fd == -1 && ngx_errno == NGX_EEXIST);

    if (writer->fd == -1) {
        return ngx_errno;
    }

    writer->ring->log = n;
    writer->bytes = 0;
    writer->empty = 1;

    err = ngx_http_websocket_writer_headline(writer, n);

    if (err == 0 && ngx_http_websocket_log_sync(&writer->path) == -1) {
        err = ngx_errno;
    }

    return err;
}


static int
ngx_http_websocket_writer_headline(ngx_http_websocket_writer_t *writer,
    uint64_t n)
{
    u_char        buf[NGX_WEBSOCKET_DUMP_HEAD];
    struct iovec  iov;

    if (ngx_http_websocket_writer_over) {
        return ECANCELED;
    }

    iov.iov_base = buf;
    iov.iov_len = ngx_websocket_dump_log_head(writer->zone->store,
                                              ngx_http_websocket_clock_now(),
                                              n, buf);

    return ngx_http_websocket_writer_all(writer->fd, &iov, 1);
}


static void
ngx_http_websocket_writer_close(ngx_http_websocket_writer_t *writer)
{
    if (writer->fd != -1) {
        (void) close(writer->fd);
        writer->fd = -1;
    }
}


/*
 * What was to be written is written again, to another log: after an error
 * nobody knows what is in this one.
 */

static void
ngx_http_websocket_writer_failed(ngx_http_websocket_writer_t *writer, int err)
{
    if (writer->fd != -1 && writer->empty) {

        /* there would be more and more of them */

        (void) unlink((char *) writer->name);
    }

    ngx_http_websocket_writer_close(writer);

    writer->ring->errors++;

    if (!writer->told) {
        writer->told = 1;

        ngx_log_error(NGX_LOG_ERR, writer->log, err,
                      "\"%s\" cannot be written: messages of websocket zone "
                      "\"%V\" wait for the disk", writer->name,
                      &writer->zone->name);
    }

    ngx_msleep(NGX_HTTP_WEBSOCKET_WRITER_ERROR);
}


/* who waits, in any worker */

static void
ngx_http_websocket_writer_tell(ngx_http_websocket_ring_t *ring)
{
    uint64_t    slots;
    ngx_uint_t  i;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS / 64; i++) {

        slots = __atomic_load_n(&ring->waiting[i], __ATOMIC_SEQ_CST);

        if (slots) {
            slots = __atomic_exchange_n(&ring->waiting[i], 0,
                                        __ATOMIC_SEQ_CST);
        }

        for ( /* void */ ; slots; slots &= slots - 1) {
            ngx_http_websocket_worker_rouse(64 * i + __builtin_ctzll(slots));
        }
    }
}


/* until something is added, or wanted, or for a second */

static void
ngx_http_websocket_writer_wait(ngx_http_websocket_ring_t *ring,
    uint64_t synced)
{
    uint32_t         bell;
    struct timespec  ts;

    bell = __atomic_load_n(&ring->bell, __ATOMIC_SEQ_CST);

    __atomic_store_n(&ring->asleep, 1, __ATOMIC_SEQ_CST);

    if (__atomic_load_n(&ring->head, __ATOMIC_SEQ_CST) == synced
        && !__atomic_load_n(&ring->rotate, __ATOMIC_SEQ_CST)
        && !ngx_http_websocket_writer_over)
    {
        ts.tv_sec = NGX_HTTP_WEBSOCKET_WRITER_IDLE / 1000;
        ts.tv_nsec = 0;

        (void) syscall(SYS_futex, &ring->bell, FUTEX_WAIT, bell, &ts, NULL, 0);
    }

    __atomic_store_n(&ring->asleep, 0, __ATOMIC_SEQ_CST);
}


static void
ngx_http_websocket_writer_ring(ngx_http_websocket_ring_t *ring)
{
    (void) __atomic_fetch_add(&ring->bell, 1, __ATOMIC_SEQ_CST);
    (void) syscall(SYS_futex, &ring->bell, FUTEX_WAKE, 1, NULL, NULL, 0);
}


uint64_t
ngx_http_websocket_durable_rotate(ngx_http_websocket_zone_t *zone,
    ngx_atomic_t *over)
{
    int                         rc;
    ngx_uint_t                  n;
    ngx_http_websocket_ring_t  *ring;

    if (zone->durable == NULL) {
        return 0;
    }

    ring = zone->durable->ring;

    __atomic_store_n(&ring->rotate, 1, __ATOMIC_SEQ_CST);
    ngx_http_websocket_writer_ring(ring);

    for (n = 0; n < NGX_HTTP_WEBSOCKET_WRITER_ROTATE && !*over; n++) {

        if (!__atomic_load_n(&ring->rotate, __ATOMIC_SEQ_CST)) {
            return ring->kept;
        }

        rc = pthread_mutex_trylock(&ring->lease);

        if (rc == EOWNERDEAD) {
            (void) pthread_mutex_consistent(&ring->lease);
            rc = 0;
        }

        if (rc == 0) {

            /* nobody writes: who does next begins another one */

            ring->kept = ring->log + 1;
            ring->rotate = 0;
            (void) pthread_mutex_unlock(&ring->lease);

            return ring->kept;
        }

        ngx_msleep(1);
    }

    /* the disk is slow: the dump needs more than it would have to */

    return ring->kept;
}


void
ngx_http_websocket_durable_stop(ngx_http_websocket_zone_t *zone)
{
    ngx_uint_t  n;

    if (zone->durable == NULL) {
        return;
    }

    ngx_http_websocket_writer_over = 1;

    for (n = 0;
         ngx_http_websocket_writers && n < NGX_HTTP_WEBSOCKET_WRITER_STOP;
         n++)
    {
        ngx_http_websocket_writer_ring(zone->durable->ring);
        ngx_msleep(1);
    }
}
