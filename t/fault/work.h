
/*
 * Counts what the log does while a zone's lock is held once: put before every
 * file of the module by "t/tools/build-fault BUILD work".  A worker says in
 * the error log when it has done more in one section than ever before.
 */


#ifndef NGX_WEBSOCKET_WORK_H
#define NGX_WEBSOCKET_WORK_H


/* nginx defines this too, but later than the headers here */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <stdio.h>
#include <unistd.h>


typedef struct {
    uint64_t    looked;     /* messages, channels, members, buckets */
    uint64_t    moved;      /* bytes */
} ngx_websocket_work_t;


/* one for all files of the module */

#define ngx_websocket_work_shared                                             \
    __attribute__((weak, visibility("hidden")))

ngx_websocket_work_shared ngx_websocket_work_t  ngx_websocket_work;
ngx_websocket_work_shared ngx_websocket_work_t  ngx_websocket_work_most;


static inline void
ngx_websocket_work_section(void)
{
    ngx_websocket_work_t  *work, *most;

    work = &ngx_websocket_work;
    most = &ngx_websocket_work_most;

    if (work->looked > most->looked || work->moved > most->moved) {

        if (work->looked > most->looked) {
            most->looked = work->looked;
        }

        if (work->moved > most->moved) {
            most->moved = work->moved;
        }

        (void) dprintf(STDERR_FILENO, "websocket section: looked %llu moved "
                       "%llu\n", (unsigned long long) most->looked,
                       (unsigned long long) most->moved);
    }

    work->looked = 0;
    work->moved = 0;
}


#define ngx_websocket_store_looked(n)  ngx_websocket_work.looked += (n)
#define ngx_websocket_store_moved(n)   ngx_websocket_work.moved += (n)
#define ngx_websocket_store_section()  ngx_websocket_work_section()

/* what is done without the lock does not count */

#define ngx_websocket_store_section_begin()                                   \
    (ngx_websocket_work.looked = ngx_websocket_work.moved = 0)


#endif /* NGX_WEBSOCKET_WORK_H */
