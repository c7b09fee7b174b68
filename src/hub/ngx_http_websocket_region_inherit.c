
#include "hub/ngx_http_websocket_region_inherit.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hub/ngx_http_websocket_region_file.h"

#include <dirent.h>
#include <sys/stat.h>


/* as /proc tells the name of a memfd, and of a file that has none any more */
#define NGX_HTTP_WEBSOCKET_REGION_MEMFD    "/memfd:"
#define NGX_HTTP_WEBSOCKET_REGION_REMOVED  " (deleted)"

/* of what a descriptor leads to */
#define NGX_HTTP_WEBSOCKET_REGION_LINK     (NGX_MAX_PATH + 32)


/* Called for a descriptor; 1 ends the search. */
typedef ngx_uint_t (*ngx_http_websocket_region_fd_pt)(void *data, int fd,
    ngx_http_websocket_region_head_t *head);


static int ngx_http_websocket_region_each(ngx_log_t *log,
    ngx_http_websocket_region_fd_pt handler, void *data);
static ngx_uint_t ngx_http_websocket_region_reads(int fd,
    ngx_http_websocket_region_head_t *head);
static ngx_uint_t ngx_http_websocket_region_is(void *data, int fd,
    ngx_http_websocket_region_head_t *head);
static ngx_int_t ngx_http_websocket_region_place(
    ngx_http_websocket_region_t *region, int fd);
static ngx_uint_t ngx_http_websocket_region_same(
    ngx_http_websocket_region_t *region, int fd, u_char *link);
static void ngx_http_websocket_region_link(int fd, u_char *link);
static ngx_uint_t ngx_http_websocket_region_is_memfd(u_char *link);
static ngx_uint_t ngx_http_websocket_region_unclaimed(void *data, int fd,
    ngx_http_websocket_region_head_t *head);


ngx_int_t
ngx_http_websocket_region_inherit(ngx_http_websocket_region_t *region,
    u_char *addr)
{
    int                               fd;
    ngx_http_websocket_region_head_t  head;

    if (!ngx_inherited || ngx_test_config || !ngx_is_init_cycle(ngx_cycle)) {
        return NGX_DECLINED;
    }

    fd = ngx_http_websocket_region_each(region->log,
                                        ngx_http_websocket_region_is, region);

    if (fd == -1) {
        return NGX_DECLINED;
    }

    if (ngx_http_websocket_region_place(region, fd) != NGX_OK) {
        return NGX_ERROR;
    }

    if (pread(fd, &head, sizeof(head), 0) != sizeof(head)) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "the inherited websocket zone \"%V\" cannot be read",
                      &region->name);
        return NGX_ERROR;
    }

    if (ngx_http_websocket_region_check(region, &head) != NGX_OK
        || ngx_http_websocket_region_map(region, fd, addr) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_websocket_clock_follow(head.clock);

    ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                  "websocket zone \"%V\" is taken over", &region->name);

    ngx_http_websocket_region_named(region);

    return NGX_OK;
}


/* returns the descriptor that ends the search, or -1 */

static int
ngx_http_websocket_region_each(ngx_log_t *log,
    ngx_http_websocket_region_fd_pt handler, void *data)
{
    int                               fd, found;
    DIR                              *dir;
    struct dirent                    *entry;
    ngx_http_websocket_region_head_t  head;

    dir = opendir("/proc/self/fd");

    if (dir == NULL) {
        ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                      "opendir(\"/proc/self/fd\") failed: websocket zones are "
                      "not taken over");
        return -1;
    }

    found = -1;

    while (found == -1 && (entry = readdir(dir)) != NULL) {

        fd = ngx_atoi((u_char *) entry->d_name, ngx_strlen(entry->d_name));

        if (fd != NGX_ERROR && ngx_http_websocket_region_reads(fd, &head)
            && handler(data, fd, &head))
        {
            found = fd;
        }
    }

    (void) closedir(dir);

    return found;
}


/* 1: it is a region's, which begins with its head */

static ngx_uint_t
ngx_http_websocket_region_reads(int fd, ngx_http_websocket_region_head_t *head)
{
    struct stat  st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
           && pread(fd, head, sizeof(*head), 0) == sizeof(*head)
           && ngx_memcmp(head->magic, NGX_HTTP_WEBSOCKET_REGION_MAGIC,
                         sizeof(head->magic))
              == 0;
}


static ngx_uint_t
ngx_http_websocket_region_is(void *data, int fd,
    ngx_http_websocket_region_head_t *head)
{
    ngx_http_websocket_region_t *region = data;

    return head->name == ngx_crc32_long(region->name.data, region->name.len);
}


/*
 * Whether the region lies where it is to be: nginx would make a new one
 * otherwise, beside that of the workers that run.
 */

static ngx_int_t
ngx_http_websocket_region_place(ngx_http_websocket_region_t *region, int fd)
{
    u_char       link[NGX_HTTP_WEBSOCKET_REGION_LINK];
    ngx_uint_t   memfd;

    ngx_http_websocket_region_link(fd, link);

    memfd = ngx_http_websocket_region_is_memfd(link);

    if (region->path.len == 0) {

        if (memfd) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "websocket zone \"%V\" is in \"%s\", and would have no "
                      "file: restart nginx instead, or leave its file as it "
                      "was", &region->name, link);
        return NGX_ERROR;
    }

    if (memfd) {

        /* the memory of a file on a disk may be a memfd, too */

        if (region->disk) {
            return NGX_OK;
        }

        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "websocket zone \"%V\" had no file: restart nginx "
                      "instead", &region->name);
        return NGX_ERROR;
    }

    if (ngx_http_websocket_region_same(region, fd, link)) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                  "websocket zone \"%V\" is in \"%s\", and not in \"%V\": "
                  "restart nginx instead, or leave its file as it was",
                  &region->name, link,
                  ngx_http_websocket_region_file_path(region));

    return NGX_ERROR;
}


/* a file that was removed is the one whose name it had last */

static ngx_uint_t
ngx_http_websocket_region_same(ngx_http_websocket_region_t *region, int fd,
    u_char *link)
{
    size_t        len;
    u_char       *name;
    ngx_str_t    *path;
    struct stat   st, file;

    path = ngx_http_websocket_region_file_path(region);

    if (fstat(fd, &st) == -1) {
        return 0;
    }

    if (st.st_nlink) {
        return stat((char *) path->data, &file) == 0
               && st.st_dev == file.st_dev && st.st_ino == file.st_ino;
    }

    name = (u_char *) strrchr((char *) path->data, '/');
    len = path->data + path->len - name;

    link = (u_char *) strrchr((char *) link, '/');

    return link && ngx_strncmp(link, name, len) == 0
           && ngx_strcmp(link + len, NGX_HTTP_WEBSOCKET_REGION_REMOVED) == 0;
}


static void
ngx_http_websocket_region_link(int fd, u_char *link)
{
    u_char   path[sizeof("/proc/self/fd/") + NGX_INT_T_LEN];
    ssize_t  n;

    ngx_sprintf(path, "/proc/self/fd/%d%Z", fd);

    n = readlink((char *) path, (char *) link,
                 NGX_HTTP_WEBSOCKET_REGION_LINK - 1);

    link[ngx_max(n, 0)] = '\0';
}


static ngx_uint_t
ngx_http_websocket_region_is_memfd(u_char *link)
{
    return ngx_strncmp(link, NGX_HTTP_WEBSOCKET_REGION_MEMFD,
                       sizeof(NGX_HTTP_WEBSOCKET_REGION_MEMFD) - 1)
           == 0;
}


void
ngx_http_websocket_region_named(ngx_http_websocket_region_t *region)
{
    u_char       link[NGX_HTTP_WEBSOCKET_REGION_LINK];
    struct stat  st;

    if (region->path.len == 0
        || fstat(region->memory->fd, &st) == -1 || st.st_nlink)
    {
        return;
    }

    ngx_http_websocket_region_link(region->memory->fd, link);

    if (!ngx_http_websocket_region_is_memfd(link)) {
        ngx_log_error(NGX_LOG_WARN, region->log, 0,
                      "\"%V\", where websocket zone \"%V\" is, was removed: "
                      "it goes on, but a restart of nginx will not find it",
                      ngx_http_websocket_region_file_path(region),
                      &region->name);
    }
}


void
ngx_http_websocket_region_disown(ngx_cycle_t *cycle)
{
    if (ngx_inherited && !ngx_test_config && ngx_is_init_cycle(ngx_cycle)) {
        (void) ngx_http_websocket_region_each(cycle->log,
                                         ngx_http_websocket_region_unclaimed,
                                              cycle);
    }
}


static ngx_uint_t
ngx_http_websocket_region_unclaimed(void *data, int fd,
    ngx_http_websocket_region_head_t *head)
{
    ngx_cycle_t *cycle = data;

    ngx_uint_t                    i;
    ngx_http_websocket_region_t  *region;

    for (i = 0;
         (region = ngx_http_websocket_region_next(cycle, &i)) != NULL;
         /* void */)
    {
        if (region->memory->fd == fd) {
            return 0;
        }
    }

    (void) close(fd);

    return 0;
}
