
/*
 * Refuses memory: preloaded into nginx by malloc_test.py.  The file that
 * WEBSOCKET_MALLOC names holds the control block, which the test maps too.
 * The master maps it when it starts, its workers have it by fork(); the
 * master itself is never refused anything.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


/* malloc_test.py has the same */

typedef struct {
    uint64_t    at;         /* the first one to be refused, from 1; 0: none */
    uint64_t    count;      /* how many from there on */
    uint64_t    seen;       /* allocations of the workers since armed */
    uint64_t    refused;
} ngx_websocket_malloc_t;


/* glibc's own, so that nothing has to be looked up before the first call */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);


static ngx_websocket_malloc_t  *ngx_websocket_malloc;
static pid_t                    ngx_websocket_malloc_master;


__attribute__((constructor)) static void
ngx_websocket_malloc_init(void)
{
    int          fd;
    void        *p;
    const char  *name;

    ngx_websocket_malloc_master = getpid();

    name = getenv("WEBSOCKET_MALLOC");

    if (name == NULL) {
        return;
    }

    fd = open(name, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        abort();
    }

    p = mmap(NULL, sizeof(ngx_websocket_malloc_t), PROT_READ|PROT_WRITE,
             MAP_SHARED, fd, 0);

    if (p == MAP_FAILED) {
        abort();
    }

    (void) close(fd);

    ngx_websocket_malloc = p;
}


static int
ngx_websocket_malloc_refuses(void)
{
    uint64_t                 n, at;
    ngx_websocket_malloc_t  *m;

    m = ngx_websocket_malloc;

    if (m == NULL) {
        return 0;
    }

    at = __atomic_load_n(&m->at, __ATOMIC_ACQUIRE);

    if (at == 0 || getpid() == ngx_websocket_malloc_master) {
        return 0;
    }

    n = __atomic_add_fetch(&m->seen, 1, __ATOMIC_RELAXED);

    if (n < at || n - at >= m->count) {
        return 0;
    }

    __atomic_add_fetch(&m->refused, 1, __ATOMIC_RELAXED);
    errno = ENOMEM;

    return 1;
}


void *
malloc(size_t size)
{
    return ngx_websocket_malloc_refuses() ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return ngx_websocket_malloc_refuses() ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return ngx_websocket_malloc_refuses() ? NULL : __libc_realloc(p, size);
}


void *
memalign(size_t alignment, size_t size)
{
    return ngx_websocket_malloc_refuses() ? NULL
                                          : __libc_memalign(alignment, size);
}


int
posix_memalign(void **p, size_t alignment, size_t size)
{
    void  *q;

    q = memalign(alignment, size);

    if (q == NULL) {
        return ENOMEM;
    }

    *p = q;

    return 0;
}
