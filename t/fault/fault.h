
/*
 * Kills workers inside the log or the table of revocations, or stops them: put
 * before every file of the module by t/tools/build-fault.  WEBSOCKET_FAULT
 * names a file with about how many milliseconds a worker lives; 0 is for ever.
 * Each worker reads it once, at its first store.  WEBSOCKET_STOP names a file
 * that the worker which first finds it takes away: it stops so many stores
 * later as the file says.
 *
 * With WEBSOCKET_TURN each turn of the event loop is over as soon as it began,
 * so that what goes on in the next one does so after each step.
 */


#ifndef NGX_WEBSOCKET_FAULT_H
#define NGX_WEBSOCKET_FAULT_H


/* nginx defines this too, but later than the headers here */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <ngx_config.h>
#include <ngx_core.h>


/* up to so many stores after its time is over a worker dies */
#define NGX_WEBSOCKET_FAULT_STORES  500

/* a turn's budget, and what is done between two looks at the clock */
#define NGX_HTTP_WEBSOCKET_TURN   (ngx_websocket_fault_cut ? 0 : 1000)
#define NGX_HTTP_WEBSOCKET_STEPS  (ngx_websocket_fault_cut ? 1 : 64)


/* one for all files of the module */

#define ngx_websocket_fault_shared                                           \
    __attribute__((weak, visibility("hidden")))

ngx_websocket_fault_shared const char  *ngx_websocket_fault_file;
ngx_websocket_fault_shared int          ngx_websocket_fault_drawn;
ngx_websocket_fault_shared int64_t      ngx_websocket_fault_at;  /* 0: never */
ngx_websocket_fault_shared unsigned     ngx_websocket_fault_left;
ngx_websocket_fault_shared int          ngx_websocket_fault_cut;

ngx_websocket_fault_shared const char  *ngx_websocket_fault_stop_file;
ngx_websocket_fault_shared int          ngx_websocket_fault_stop_left;


static inline int64_t
ngx_websocket_fault_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* workers do not have the environment of the master: it is read here */

__attribute__((constructor)) static inline void
ngx_websocket_fault_init(void)
{
    ngx_websocket_fault_file = getenv("WEBSOCKET_FAULT");
    ngx_websocket_fault_stop_file = getenv("WEBSOCKET_STOP");
    ngx_websocket_fault_cut = getenv("WEBSOCKET_TURN") != NULL;
}


static inline void
ngx_websocket_fault_draw(void)
{
    FILE            *file;
    unsigned         life;
    int64_t          now;
    unsigned short   seed[3];

    life = 0;

    file = fopen(ngx_websocket_fault_file, "r");

    if (file) {
        if (fscanf(file, "%u", &life) != 1) {
            life = 0;
        }

        (void) fclose(file);
    }

    if (life == 0) {
        return;
    }

    now = ngx_websocket_fault_now();

    seed[0] = (unsigned short) getpid();
    seed[1] = (unsigned short) now;
    seed[2] = (unsigned short) (now >> 16);

    (void) nrand48(seed);

    /* time alone would favour the store that comes first after a pause */

    ngx_websocket_fault_at = now + nrand48(seed) % (2000 * (int64_t) life);
    ngx_websocket_fault_left = nrand48(seed) % NGX_WEBSOCKET_FAULT_STORES;
}


/* only one of them takes the file away */

static inline void
ngx_websocket_fault_stop(void)
{
    int    n, error;
    FILE  *file;

    if (ngx_websocket_fault_stop_left == 0) {

        error = errno;
        file = fopen(ngx_websocket_fault_stop_file, "r");

        if (file) {
            if (fscanf(file, "%d", &n) == 1
                && unlink(ngx_websocket_fault_stop_file) == 0)
            {
                ngx_websocket_fault_stop_left = n;
            }

            (void) fclose(file);
        }

        errno = error;
    }

    if (ngx_websocket_fault_stop_left && --ngx_websocket_fault_stop_left == 0)
    {
        (void) kill(getpid(), SIGSTOP);
    }
}


static inline void
ngx_websocket_fault(void)
{
    /* the master, which formats the log, must live */

    if (ngx_process != NGX_PROCESS_WORKER) {
        return;
    }

    if (ngx_websocket_fault_stop_file) {
        ngx_websocket_fault_stop();
    }

    if (ngx_websocket_fault_file == NULL) {
        return;
    }

    if (!ngx_websocket_fault_drawn) {
        ngx_websocket_fault_drawn = 1;
        ngx_websocket_fault_draw();
    }

    if (ngx_websocket_fault_at == 0
        || ngx_websocket_fault_now() < ngx_websocket_fault_at
        || ngx_websocket_fault_left-- > 0)
    {
        return;
    }

    (void) kill(getpid(), SIGKILL);

    for ( ;; ) {
        pause();
    }
}


#define ngx_websocket_store_fault()  ngx_websocket_fault()

/* what stands between the stores to the table of revocations */

#undef ngx_memory_barrier

#define ngx_memory_barrier()                                                 \
    (__sync_synchronize(), ngx_websocket_fault())


#endif /* NGX_WEBSOCKET_FAULT_H */
