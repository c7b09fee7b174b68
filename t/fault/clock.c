
/*
 * Steps the wall clock: preloaded into nginx by clock_test.py.  The file that
 * WEBSOCKET_CLOCK names holds the seconds by which it is wrong, which the test
 * changes while nginx runs.  The monotonic clocks are left alone, as an
 * administrator's step leaves them.
 */


#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>


/* clock_test.py has the same */

typedef struct {
    int64_t     offset;     /* seconds */
    uint64_t    asked;      /* how often */
} ngx_websocket_clock_t;


static ngx_websocket_clock_t  *ngx_websocket_clock;


__attribute__((constructor)) static void
ngx_websocket_clock_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("WEBSOCKET_CLOCK");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        abort();
    }

    p = mmap(NULL, sizeof(ngx_websocket_clock_t), PROT_READ|PROT_WRITE,
             MAP_SHARED, fd, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    (void) close(fd);

    ngx_websocket_clock = p;
}


static int64_t
ngx_websocket_clock_offset(void)
{
    if (ngx_websocket_clock == NULL) {
        return 0;
    }

    __atomic_add_fetch(&ngx_websocket_clock->asked, 1, __ATOMIC_RELAXED);

    return __atomic_load_n(&ngx_websocket_clock->offset, __ATOMIC_ACQUIRE);
}


int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int  rc;

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        ts->tv_sec += ngx_websocket_clock_offset();
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict tv, void *restrict tz)
{
    struct timespec  ts;

    (void) tz;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *t)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    if (t) {
        *t = ts.tv_sec;
    }

    return ts.tv_sec;
}
