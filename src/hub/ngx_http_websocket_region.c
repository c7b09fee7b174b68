
#include "clock/ngx_http_websocket_clock.h"
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_region_file.h"
#include "hub/ngx_http_websocket_region_inherit.h"

#include <sys/mman.h>


/* changes with this file's part of a region, its head */
#define NGX_HTTP_WEBSOCKET_REGION_LAYOUT  1

/* of a memfd's name, which is at most 249 bytes; the head tells long ones */
#define NGX_HTTP_WEBSOCKET_REGION_NAME    200

#define NGX_HTTP_WEBSOCKET_REGION_PREFIX  "ngx_http_websocket:"


static ngx_uint_t ngx_http_websocket_region_changed(ngx_conf_t *cf,
    ngx_http_websocket_region_t *region);
static ngx_int_t ngx_http_websocket_region_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_websocket_region_adopt(
    ngx_http_websocket_region_t *region);
static ngx_int_t ngx_http_websocket_region_make(
    ngx_http_websocket_region_t *region, u_char *addr);
static void ngx_http_websocket_region_cleanup(void *data);


ngx_http_websocket_region_t *
ngx_http_websocket_region_add(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, size_t size, uint32_t layout,
    ngx_http_websocket_region_pt handler)
{
    size_t                            bytes;
    ngx_shm_zone_t                   *shm_zone;
    ngx_pool_cleanup_t               *cln;
    ngx_http_websocket_region_t      *region, **slot;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_websocket_region_t));
    slot = ngx_array_push(&wmcf->regions);

    if (cln == NULL || slot == NULL) {
        return NULL;
    }

    region = cln->data;
    *slot = region;

    ngx_memzero(region, sizeof(ngx_http_websocket_region_t));

    region->name = *name;
    region->size = size;
    region->layout = layout;
    region->handler = handler;
    region->core = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                                    ngx_core_module);

    if (path && path->len) {
        region->path = *path;

        if (ngx_http_websocket_region_file_live(cf->pool, region) != NGX_OK) {
            return NULL;
        }
    }

    cln->handler = ngx_http_websocket_region_cleanup;

    if (ngx_http_websocket_region_changed(cf, region)) {
        return NULL;
    }

    /* the slab pool of nginx takes some for each page */

    bytes = ngx_http_websocket_region_bytes(region);
    bytes += ngx_align(bytes / 64, ngx_pagesize) + 8 * ngx_pagesize;

    shm_zone = ngx_shared_memory_add(cf, name, bytes,
                                     &ngx_http_websocket_module);
    if (shm_zone == NULL) {
        return NULL;
    }

    if (shm_zone->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "websocket zone \"%V\" is already defined", name);
        return NULL;
    }

    shm_zone->init = ngx_http_websocket_region_init;
    shm_zone->data = region;

    return region;
}


/*
 * nginx would make a new zone beside the old one: the old workers' clients
 * and the new ones' would not hear each other, and the channels be lost.
 */

static ngx_uint_t
ngx_http_websocket_region_changed(ngx_conf_t *cf,
    ngx_http_websocket_region_t *region)
{
    ngx_http_websocket_region_t  *last;

    last = ngx_http_websocket_region_running(&region->name);

    if (last == NULL) {
        return 0;
    }

    if (last->size != region->size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the size of websocket zone \"%V\" changed from "
                           "%uz to %uz bytes: restart nginx instead of "
                           "reloading", &region->name,
                           last->size + NGX_HTTP_WEBSOCKET_REGION_HEAD,
                           region->size + NGX_HTTP_WEBSOCKET_REGION_HEAD);
        return 1;
    }

    if (last->path.len != region->path.len
        || ngx_strncmp(last->path.data, region->path.data, last->path.len)
           != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file of websocket zone \"%V\" changed from "
                           "\"%V\" to \"%V\": restart nginx instead of "
                           "reloading", &region->name, &last->path,
                           &region->path);
        return 1;
    }

    return 0;
}


static ngx_int_t
ngx_http_websocket_region_init(ngx_shm_zone_t *shm_zone, void *data)
{
    u_char                       *addr;
    ngx_int_t                     rc;
    ngx_slab_pool_t              *shpool;
    ngx_http_websocket_region_t  *region;

    region = shm_zone->data;
    region->log = shm_zone->shm.log;

    /* from here on there is a clock */

    (void) ngx_http_websocket_clock_base();

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (region->path.len && !ngx_test_config) {
        region->disk = ngx_http_websocket_region_file_on_disk(region);
    }

    if (data) {

        /* after a reload */

        region->data = shpool->data;

        if (ngx_http_websocket_region_adopt(region) != NGX_OK) {
            return NGX_ERROR;
        }

        return region->handler(region, NGX_HTTP_WEBSOCKET_REGION_SHARED);
    }

    addr = ngx_slab_alloc(shpool, ngx_http_websocket_region_bytes(region));
    if (addr == NULL) {
        return NGX_ERROR;
    }

    region->data = addr + NGX_HTTP_WEBSOCKET_REGION_HEAD;
    shpool->data = region->data;

    rc = ngx_http_websocket_region_inherit(region, addr);

    if (rc == NGX_DECLINED) {
        return ngx_http_websocket_region_make(region, addr);
    }

    return rc == NGX_OK
           ? region->handler(region, NGX_HTTP_WEBSOCKET_REGION_SHARED) : rc;
}


static ngx_int_t
ngx_http_websocket_region_adopt(ngx_http_websocket_region_t *region)
{
    ngx_http_websocket_region_t  *last;

    if (ngx_http_websocket_region_check(region,
                                    ngx_http_websocket_region_head_of(region))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    last = ngx_http_websocket_region_running(&region->name);

    if (last) {
        region->disk = last->disk;
    }

    if (last && last->memory) {
        region->memory = last->memory;
        region->memory->users++;

        ngx_http_websocket_region_named(region);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_region_map(ngx_http_websocket_region_t *region, int fd,
    u_char *addr)
{
    size_t                        size;
    ngx_http_websocket_memory_t  *memory;

    memory = ngx_alloc(sizeof(ngx_http_websocket_memory_t), region->log);

    if (memory == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    memory->fd = fd;
    memory->users = 1;

    region->memory = memory;

    size = ngx_http_websocket_region_bytes(region);

    if (mmap(addr, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
        == MAP_FAILED)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "mmap() of %uz bytes for websocket zone \"%V\" failed",
                      size, &region->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_region_make(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    ngx_int_t                          rc;
    ngx_http_websocket_region_e        state;
    ngx_http_websocket_region_head_t  *head;

    state = NGX_HTTP_WEBSOCKET_REGION_FRESH;

    if (ngx_test_config) {
        rc = NGX_OK;

    } else if (region->path.len) {
        rc = ngx_http_websocket_region_file_open(region, addr, &state);

    } else {
        rc = ngx_http_websocket_region_back(region, addr);
    }

    if (rc != NGX_OK || region->handler(region, state) != NGX_OK) {
        return NGX_ERROR;
    }

    head = ngx_http_websocket_region_head_of(region);

    if (state == NGX_HTTP_WEBSOCKET_REGION_FOUND) {
        ngx_http_websocket_clock_follow(head->clock);

        ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                      "websocket zone \"%V\" goes on as it was left in "
                      "\"%V\"", &region->name,
                      ngx_http_websocket_region_file_path(region));
        return NGX_OK;
    }

    /* a region without it is none yet */

    if (region->path.len && region->memory) {
        ngx_http_websocket_region_file_head(region);
    }

    head->clock = ngx_http_websocket_clock_base();
    ngx_http_websocket_region_head(region, head);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_region_back(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    int     fd;
    size_t  size;
    u_char  name[256];

    ngx_sprintf(name, NGX_HTTP_WEBSOCKET_REGION_PREFIX "%*s%Z",
                ngx_min(region->name.len, NGX_HTTP_WEBSOCKET_REGION_NAME),
                region->name.data);

    fd = memfd_create((char *) name, MFD_ALLOW_SEALING);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "memfd_create(\"%s\") failed", name);
        return NGX_ERROR;
    }

    size = ngx_http_websocket_region_bytes(region);

    if (ftruncate(fd, size) == -1
        || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "%uz bytes for websocket zone \"%V\" cannot be had",
                      size, &region->name);
        (void) close(fd);
        return NGX_ERROR;
    }

    return ngx_http_websocket_region_map(region, fd, addr);
}


/* the nginx that runs goes on with what it has: nothing is touched */

ngx_int_t
ngx_http_websocket_region_check(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *found)
{
    ngx_http_websocket_region_head_t  head;

    ngx_http_websocket_region_head(region, &head);

    if (ngx_memcmp(found, &head, offsetof(ngx_http_websocket_region_head_t,
                                          size))
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "websocket zone \"%V\" was made by another version of "
                      "the module: restart nginx instead", &region->name);
        return NGX_ERROR;
    }

    if (found->size != head.size) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "the size of websocket zone \"%V\" changed from %uL to "
                      "%uL bytes: restart nginx instead", &region->name,
                      found->size + NGX_HTTP_WEBSOCKET_REGION_HEAD,
                      head.size + NGX_HTTP_WEBSOCKET_REGION_HEAD);
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
ngx_http_websocket_region_head(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *head)
{
    ngx_memcpy(head->magic, NGX_HTTP_WEBSOCKET_REGION_MAGIC,
               sizeof(head->magic));

    head->format = NGX_HTTP_WEBSOCKET_REGION_LAYOUT;
    head->layout = region->layout;
    head->mutex = sizeof(pthread_mutex_t);
    head->name = ngx_crc32_long(region->name.data, region->name.len);
    head->size = region->size;
}


size_t
ngx_http_websocket_region_bytes(ngx_http_websocket_region_t *region)
{
    return ngx_align(region->size + NGX_HTTP_WEBSOCKET_REGION_HEAD,
                     ngx_pagesize);
}


ngx_http_websocket_region_t *
ngx_http_websocket_region_running(ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_websocket_region_t     **region;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_is_init_cycle(ngx_cycle)
           ? NULL : ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                                  ngx_http_websocket_module);
    if (wmcf == NULL) {
        return NULL;
    }

    region = wmcf->regions.elts;

    for (i = 0; i < wmcf->regions.nelts; i++) {

        if (region[i]->name.len == name->len
            && ngx_strncmp(region[i]->name.data, name->data, name->len) == 0)
        {
            return region[i];
        }
    }

    return NULL;
}


void
ngx_http_websocket_region_start(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_websocket_region_t  *region;

    if (ngx_process == NGX_PROCESS_SINGLE) {
        return;
    }

    for (i = 0;
         (region = ngx_http_websocket_region_next(cycle, &i)) != NULL;
         /* void */)
    {
        if (region->path.len == 0) {
            ngx_http_websocket_region_cleanup(region);

        } else {

            /* the file's lock is held as long as there is a worker */

            (void) fcntl(region->memory->fd, F_SETFD, FD_CLOEXEC);
        }
    }
}


ngx_http_websocket_region_t *
ngx_http_websocket_region_next(ngx_cycle_t *cycle, ngx_uint_t *i)
{
    ngx_http_websocket_region_t     **region;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);
    region = wmcf->regions.elts;

    while (*i < wmcf->regions.nelts) {

        if (region[(*i)++]->memory) {
            return region[*i - 1];
        }
    }

    return NULL;
}


void
ngx_http_websocket_region_settle(ngx_cycle_t *cycle)
{
    ngx_uint_t                    i;
    ngx_http_websocket_region_t  *region;

    for (i = 0;
         (region = ngx_http_websocket_region_next(cycle, &i)) != NULL;
         /* void */)
    {
        ngx_http_websocket_region_head_of(region)->clock =
                                               ngx_http_websocket_clock_base();
    }
}


uint64_t
ngx_http_websocket_region_incarnations(ngx_cycle_t *cycle)
{
    uint64_t                      n, most;
    ngx_uint_t                    i;
    ngx_http_websocket_region_t  *region;

    most = 0;

    for (i = 0;
         (region = ngx_http_websocket_region_next(cycle, &i)) != NULL;
         /* void */)
    {
        n = ngx_http_websocket_region_head_of(region)->incarnations;
        most = ngx_max(most, n);
    }

    return most;
}


void
ngx_http_websocket_region_incarnated(ngx_cycle_t *cycle, uint64_t n)
{
    ngx_uint_t                         i;
    ngx_atomic_uint_t                  last;
    ngx_http_websocket_region_t       *region;
    ngx_http_websocket_region_head_t  *head;

    for (i = 0;
         (region = ngx_http_websocket_region_next(cycle, &i)) != NULL;
         /* void */)
    {
        if (region->path.len == 0) {
            continue;
        }

        head = ngx_http_websocket_region_head_of(region);

        do {
            last = head->incarnations;
        } while (last < n
                 && !ngx_atomic_cmp_set(&head->incarnations, last, n));
    }
}


static void
ngx_http_websocket_region_cleanup(void *data)
{
    ngx_http_websocket_region_t  *region = data;

    if (region->memory && --region->memory->users == 0) {
        (void) close(region->memory->fd);
        ngx_free(region->memory);
    }

    region->memory = NULL;
}
