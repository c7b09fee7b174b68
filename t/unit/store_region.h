
/*
 * One store in memory of this process, which each test begins anew.  Included
 * behind store_check.c.
 */


#ifndef LOG_REGION_H
#define LOG_REGION_H


static ngx_websocket_store_t  *l;
static size_t                l_size;


static void
begin(size_t size)
{
    uint8_t  seed[16] = { 0, 1, 2, 3, 4, 5, 6, 7,
                          8, 9, 10, 11, 12, 13, 14, 15 };

    if (l) {
        munmap(l, l_size);
    }

    l_size = size;
    l = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1,
             0);

    if (l == MAP_FAILED
        || ngx_websocket_store_format(l, size, seed) != NGX_WEBSOCKET_STORE_OK)
    {
        perror("mmap");
        exit(1);
    }
}


static int
sound(void)
{
    const char  *wrong;

    wrong = ngx_websocket_store_check(l);

    if (wrong) {
        printf("# %s\n", wrong);
    }

    return wrong == NULL;
}


static uint64_t
used(void)
{
    ngx_websocket_store_stat_t  stat;

    ngx_websocket_store_stat(l, &stat);

    return stat.used;
}


/* looks at the whole table, in as many sections as it takes */

__attribute__((unused))
static void
sweep(uint64_t now, uint64_t idle)
{
    uint64_t  n, buckets;

    buckets = ngx_websocket_store_buckets(l);

    for (n = 0; n < buckets; /* void */ ) {
        log_section();
        n += ngx_websocket_store_sweep(l, buckets - n, now, idle, NULL);
        log_section();
    }
}


#endif /* LOG_REGION_H */
