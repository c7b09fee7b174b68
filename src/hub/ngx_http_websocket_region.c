
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/stat.h>


/* changes with this file's part of a region, its head */
#define NGX_HTTP_WEBSOCKET_REGION_LAYOUT  1

/* of a memfd's name, which is at most 249 bytes; the head tells long ones */
#define NGX_HTTP_WEBSOCKET_REGION_NAME    200

#define NGX_HTTP_WEBSOCKET_REGION_PREFIX  "ngx_http_websocket:"

/* as /proc tells the name of a memfd */
#define NGX_HTTP_WEBSOCKET_REGION_LINK    "/memfd:"


/* what is the same for all who use a region */

typedef struct {
    u_char                         magic[8];
    uint32_t                       format;      /* of this head */
    uint32_t                       layout;      /* of the data */
    uint32_t                       mutex;       /* the size of one */
    uint32_t                       name;        /* a checksum of it */
    uint64_t                       size;        /* of the data */
} ngx_http_websocket_region_head_t;


/* goes with the last configuration that has the region */

struct ngx_http_websocket_memfd_s {
    int                            fd;
    ngx_uint_t                     users;       /* configurations */
};


_Static_assert(sizeof(ngx_http_websocket_region_head_t)
               <= NGX_HTTP_WEBSOCKET_REGION_HEAD, "the head has its place");


static ngx_uint_t ngx_http_websocket_region_resized(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);
static ngx_http_websocket_region_t *ngx_http_websocket_region_running(
    ngx_str_t *name);
static ngx_int_t ngx_http_websocket_region_init(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_websocket_region_adopt(
    ngx_http_websocket_region_t *region);
static ngx_int_t ngx_http_websocket_region_own(
    ngx_http_websocket_region_t *region, int fd);
static ngx_int_t ngx_http_websocket_region_make(
    ngx_http_websocket_region_t *region, u_char *addr);
static ngx_int_t ngx_http_websocket_region_back(
    ngx_http_websocket_region_t *region, u_char *addr);
static ngx_int_t ngx_http_websocket_region_inherit(
    ngx_http_websocket_region_t *region, u_char *addr);
static ngx_int_t ngx_http_websocket_region_check(
    ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *found);
static int ngx_http_websocket_region_find(
    ngx_http_websocket_region_t *region);
static ngx_uint_t ngx_http_websocket_region_is(int fd, u_char *link);
static void ngx_http_websocket_region_print(
    ngx_http_websocket_region_t *region, const char *prefix, u_char *name);
static void ngx_http_websocket_region_head(
    ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *head);
static size_t ngx_http_websocket_region_bytes(
    ngx_http_websocket_region_t *region);
static void ngx_http_websocket_region_cleanup(void *data);


ngx_http_websocket_region_t *
ngx_http_websocket_region_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    uint32_t layout, ngx_http_websocket_region_pt handler)
{
    size_t                            bytes;
    ngx_shm_zone_t                   *shm_zone;
    ngx_pool_cleanup_t               *cln;
    ngx_http_websocket_region_t      *region, **slot;
    ngx_http_websocket_main_conf_t   *wmcf;

    if (ngx_http_websocket_region_resized(cf, name, size)) {
        return NULL;
    }

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

    cln->handler = ngx_http_websocket_region_cleanup;

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
ngx_http_websocket_region_resized(ngx_conf_t *cf, ngx_str_t *name, size_t size)
{
    ngx_http_websocket_region_t  *last;

    last = ngx_http_websocket_region_running(name);

    if (last == NULL || last->size == size) {
        return 0;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "the size of websocket zone \"%V\" changed from %uz "
                       "to %uz bytes: restart nginx instead of reloading",
                       name, last->size + NGX_HTTP_WEBSOCKET_REGION_HEAD,
                       size + NGX_HTTP_WEBSOCKET_REGION_HEAD);
    return 1;
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

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    if (data) {

        /* after a reload */

        region->data = shpool->data;

        if (ngx_http_websocket_region_adopt(region) != NGX_OK) {
            return NGX_ERROR;
        }

        return region->handler(region, 0);
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

    return rc == NGX_OK ? region->handler(region, 0) : rc;
}


static ngx_int_t
ngx_http_websocket_region_adopt(ngx_http_websocket_region_t *region)
{
    ngx_http_websocket_region_t       *last;
    ngx_http_websocket_region_head_t  *head;

    head = (ngx_http_websocket_region_head_t *)
               ((u_char *) region->data - NGX_HTTP_WEBSOCKET_REGION_HEAD);

    if (ngx_http_websocket_region_check(region, head) != NGX_OK) {
        return NGX_ERROR;
    }

    last = ngx_http_websocket_region_running(&region->name);

    if (last && last->memfd) {
        region->memfd = last->memfd;
        region->memfd->users++;
    }

    return NGX_OK;
}


/* takes the descriptor over */

static ngx_int_t
ngx_http_websocket_region_own(ngx_http_websocket_region_t *region, int fd)
{
    ngx_http_websocket_memfd_t  *memfd;

    memfd = ngx_alloc(sizeof(ngx_http_websocket_memfd_t), region->log);

    if (memfd == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    memfd->fd = fd;
    memfd->users = 1;

    region->memfd = memfd;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_region_make(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    if (!ngx_test_config
        && ngx_http_websocket_region_back(region, addr) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (region->handler(region, 1) != NGX_OK) {
        return NGX_ERROR;
    }

    /* a region without it is none yet */

    ngx_http_websocket_region_head(region,
                                   (ngx_http_websocket_region_head_t *) addr);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_region_back(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    int     fd;
    size_t  size;
    u_char  name[256];

    ngx_http_websocket_region_print(region, "", name);

    fd = memfd_create((char *) name, MFD_ALLOW_SEALING);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "memfd_create(\"%s\") failed", name);
        return NGX_ERROR;
    }

    if (ngx_http_websocket_region_own(region, fd) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_http_websocket_region_bytes(region);

    if (ftruncate(fd, size) == -1
        || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW) == -1
        || mmap(addr, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
           == MAP_FAILED)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "%uz bytes for websocket zone \"%V\" cannot be had",
                      size, &region->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* NGX_DECLINED where there is nothing to inherit */

static ngx_int_t
ngx_http_websocket_region_inherit(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    int                               fd;
    size_t                            size;
    struct stat                       st;
    ngx_http_websocket_region_head_t  head;

    if (!ngx_inherited || ngx_test_config || !ngx_is_init_cycle(ngx_cycle)) {
        return NGX_DECLINED;
    }

    fd = ngx_http_websocket_region_find(region);

    if (fd == -1) {
        return NGX_DECLINED;
    }

    if (ngx_http_websocket_region_own(region, fd) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_http_websocket_region_bytes(region);

    if (fstat(fd, &st) == -1
        || pread(fd, &head, sizeof(head), 0) != sizeof(head))
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "the inherited websocket zone \"%V\" cannot be read",
                      &region->name);
        return NGX_ERROR;
    }

    if (ngx_http_websocket_region_check(region, &head) != NGX_OK) {
        return NGX_ERROR;
    }

    if ((uint64_t) st.st_size != size
        || mmap(addr, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd,
                0)
           == MAP_FAILED)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "the inherited websocket zone \"%V\" cannot be mapped",
                      &region->name);
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                  "websocket zone \"%V\" is taken over", &region->name);

    return NGX_OK;
}


/* the nginx that runs goes on with what it has: nothing is touched */

static ngx_int_t
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


/* the descriptor, which has the same number after exec, or -1 */

static int
ngx_http_websocket_region_find(ngx_http_websocket_region_t *region)
{
    int             fd, found;
    DIR            *dir;
    u_char          link[256];
    struct dirent  *entry;

    dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        ngx_log_error(NGX_LOG_WARN, region->log, ngx_errno,
                      "opendir(\"/proc/self/fd\") failed: websocket zones are "
                      "not taken over");
        return -1;
    }

    ngx_http_websocket_region_print(region, NGX_HTTP_WEBSOCKET_REGION_LINK,
                                    link);
    found = -1;

    while (found == -1 && (entry = readdir(dir)) != NULL) {

        fd = ngx_atoi((u_char *) entry->d_name, ngx_strlen(entry->d_name));

        if (fd != NGX_ERROR && ngx_http_websocket_region_is(fd, link)) {
            found = fd;
        }
    }

    (void) closedir(dir);

    return found;
}


static ngx_uint_t
ngx_http_websocket_region_is(int fd, u_char *link)
{
    u_char   path[sizeof("/proc/self/fd/") + NGX_INT_T_LEN], found[512];
    ssize_t  n;

    ngx_sprintf(path, "/proc/self/fd/%d%Z", fd);

    n = readlink((char *) path, (char *) found, sizeof(found) - 1);

    if (n == -1) {
        return 0;
    }

    found[n] = '\0';

    /* what has no name any more is told to be deleted */

    if (n > (ssize_t) sizeof(" (deleted)") - 1
        && ngx_strcmp(found + n - (sizeof(" (deleted)") - 1), " (deleted)")
           == 0)
    {
        found[n - (sizeof(" (deleted)") - 1)] = '\0';
    }

    return ngx_strcmp(found, link) == 0;
}


static void
ngx_http_websocket_region_print(ngx_http_websocket_region_t *region,
    const char *prefix, u_char *name)
{
    ngx_sprintf(name, "%s" NGX_HTTP_WEBSOCKET_REGION_PREFIX "%*s%Z", prefix,
                ngx_min(region->name.len, NGX_HTTP_WEBSOCKET_REGION_NAME),
                region->name.data);
}


static void
ngx_http_websocket_region_head(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *head)
{
    ngx_memcpy(head->magic, "ngx_ws\r\n", sizeof(head->magic));

    head->format = NGX_HTTP_WEBSOCKET_REGION_LAYOUT;
    head->layout = region->layout;
    head->mutex = sizeof(pthread_mutex_t);
    head->name = ngx_crc32_long(region->name.data, region->name.len);
    head->size = region->size;
}


static size_t
ngx_http_websocket_region_bytes(ngx_http_websocket_region_t *region)
{
    return ngx_align(region->size + NGX_HTTP_WEBSOCKET_REGION_HEAD,
                     ngx_pagesize);
}


/*
 * The region of that name that the configuration which runs has, or NULL: there
 * is none while nginx starts.
 */

static ngx_http_websocket_region_t *
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
    ngx_uint_t                        i;
    ngx_http_websocket_region_t     **region;
    ngx_http_websocket_main_conf_t   *wmcf;

    if (ngx_process == NGX_PROCESS_SINGLE) {
        return;
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);
    region = wmcf->regions.elts;

    for (i = 0; i < wmcf->regions.nelts; i++) {
        ngx_http_websocket_region_cleanup(region[i]);
    }
}


static void
ngx_http_websocket_region_cleanup(void *data)
{
    ngx_http_websocket_region_t  *region = data;

    if (region->memfd && --region->memfd->users == 0) {
        (void) close(region->memfd->fd);
        ngx_free(region->memfd);
    }

    region->memfd = NULL;
}
