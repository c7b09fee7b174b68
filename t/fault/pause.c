
/*
 * Holds a worker up in an allocation: preloaded into nginx by gap_test.py,
 * with a control block as that of malloc.c.
 */


#define _GNU_SOURCE

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


/* gap_test.py has the same */

typedef struct {
    uint64_t    pid;        /* of the worker; 0: none */
    uint64_t    size;       /* of what it allocates, at least */
    uint64_t    waits;      /* 1 while it does */
} ngx_websocket_pause_t;


void *__libc_malloc(size_t size);


static ngx_websocket_pause_t  *ngx_websocket_pause;


__attribute__((constructor)) static void
ngx_websocket_pause_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    name = getenv("WEBSOCKET_PAUSE");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        abort();
    }

    p = mmap(NULL, sizeof(ngx_websocket_pause_t), PROT_READ|PROT_WRITE,
             MAP_SHARED, fd, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    (void) close(fd);

    ngx_websocket_pause = p;
}


void *
malloc(size_t size)
{
    uint64_t                pid;
    ngx_websocket_pause_t  *pause;

    pause = ngx_websocket_pause;
    pid = pause ? __atomic_load_n(&pause->pid, __ATOMIC_ACQUIRE) : 0;

    if (pid && pid == (uint64_t) getpid() && size >= pause->size) {

        __atomic_store_n(&pause->waits, 1, __ATOMIC_RELEASE);

        while (__atomic_load_n(&pause->pid, __ATOMIC_ACQUIRE)) {
            (void) usleep(1000);
        }

        __atomic_store_n(&pause->waits, 0, __ATOMIC_RELEASE);
    }

    return __libc_malloc(size);
}
