
/*
 * What the store does while the lock is held once, counted.  Included before
 * the store's files; log_section() is called where the lock would be given up.
 */


#ifndef LOG_WORK_H
#define LOG_WORK_H


#include <stdint.h>


#define LOG_MEGABYTE  (1024 * 1024)

#define ngx_websocket_store_looked(n)  log_work.looked += (n)
#define ngx_websocket_store_moved(n)   log_work.moved += (n)


typedef struct {
    uint64_t    looked;
    uint64_t    moved;
} log_work_t;


static log_work_t  log_work;            /* of this section */
static log_work_t  log_most;            /* of all */


static inline void
log_section(void)
{
    if (log_most.looked < log_work.looked) {
        log_most.looked = log_work.looked;
    }

    if (log_most.moved < log_work.moved) {
        log_most.moved = log_work.moved;
    }

    log_work.looked = 0;
    log_work.moved = 0;
}


#endif /* LOG_WORK_H */
