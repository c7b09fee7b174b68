
#include "hub/ngx_http_websocket_region_file.h"

#include <ngx_md5.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>


/* as statfs(2) and Linux's magic.h have them */
#define NGX_HTTP_WEBSOCKET_TMPFS      0x01021994
#define NGX_HTTP_WEBSOCKET_RAMFS      0x858458f6

/* the memory of a zone whose file is on a disk */
#define NGX_HTTP_WEBSOCKET_REGION_LIVE  "/dev/shm/nginx-websocket-"

#define NGX_HTTP_WEBSOCKET_BOOT_ID    "/proc/sys/kernel/random/boot_id"


static int ngx_http_websocket_region_file_get(
    ngx_http_websocket_region_t *region, ngx_uint_t *made);
static const char *ngx_http_websocket_region_file_refuses(int fd);
static const char *ngx_http_websocket_region_file_lock(int fd, char *path);
static ngx_int_t ngx_http_websocket_region_file_look(
    ngx_http_websocket_region_t *region, int fd, u_char *addr,
    ngx_http_websocket_region_e *state);
static ngx_int_t ngx_http_websocket_region_file_anew(
    ngx_http_websocket_region_t *region, int old, u_char *addr,
    ngx_http_websocket_region_e *state);
static ngx_int_t ngx_http_websocket_region_file_fill(
    ngx_http_websocket_region_t *region, int fd, u_char *addr,
    ngx_http_websocket_region_e *state);
static ngx_int_t ngx_http_websocket_region_file_without(
    ngx_http_websocket_region_t *region, u_char *addr,
    ngx_http_websocket_region_e *state, ngx_err_t err, const char *why);
static const char *ngx_http_websocket_region_file_differs(
    ngx_http_websocket_region_t *region, int fd);
static uint64_t ngx_http_websocket_region_file_boot(void);


ngx_int_t
ngx_http_websocket_region_file_live(ngx_pool_t *pool,
    ngx_http_websocket_region_t *region)
{
    u_char      hash[16], *p;
    uid_t       uid;
    ngx_md5_t   md5;

    uid = geteuid();

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, &uid, sizeof(uid));
    ngx_md5_update(&md5, region->path.data, region->path.len);
    ngx_md5_final(hash, &md5);

    region->live.len = sizeof(NGX_HTTP_WEBSOCKET_REGION_LIVE) - 1 + 32;
    region->live.data = ngx_pnalloc(pool, region->live.len + 1);

    if (region->live.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(region->live.data, NGX_HTTP_WEBSOCKET_REGION_LIVE,
                   sizeof(NGX_HTTP_WEBSOCKET_REGION_LIVE) - 1);
    *ngx_hex_dump(p, hash, 16) = '\0';

    return NGX_OK;
}


ngx_uint_t
ngx_http_websocket_region_file_there(ngx_pool_t *pool, ngx_str_t *path)
{
    struct stat                   st;
    ngx_http_websocket_region_t   region;

    region.path = *path;

    return stat((char *) path->data, &st) == 0
           || (ngx_http_websocket_region_file_live(pool, &region) == NGX_OK
               && stat((char *) region.live.data, &st) == 0);
}


ngx_uint_t
ngx_http_websocket_region_file_on_disk(ngx_http_websocket_region_t *region)
{
    u_char         folder[NGX_MAX_PATH], *slash;
    struct statfs  fs;

    if (statfs((char *) region->path.data, &fs) == -1) {

        /* it is not there yet: then as its folder is */

        ngx_cpystrn(folder, region->path.data, sizeof(folder));

        slash = (u_char *) strrchr((char *) folder, '/');
        slash[slash == folder] = '\0';

        if (statfs((char *) folder, &fs) == -1) {
            return 0;
        }
    }

    return (unsigned) fs.f_type != NGX_HTTP_WEBSOCKET_TMPFS
           && (unsigned) fs.f_type != NGX_HTTP_WEBSOCKET_RAMFS;
}


ngx_str_t *
ngx_http_websocket_region_file_path(ngx_http_websocket_region_t *region)
{
    return region->disk ? &region->live : &region->path;
}


ngx_int_t
ngx_http_websocket_region_file_open(ngx_http_websocket_region_t *region,
    u_char *addr, ngx_http_websocket_region_e *state)
{
    int          fd;
    ngx_err_t    err;
    ngx_str_t   *path;
    ngx_uint_t   made, asked;
    const char  *why;

    path = ngx_http_websocket_region_file_path(region);

    fd = ngx_http_websocket_region_file_get(region, &made);
    err = (fd == -1) ? ngx_errno : 0;

    why = (fd == -1) ? "cannot be opened"
                     : ngx_http_websocket_region_file_refuses(fd);

    if (why && region->disk) {

        /* somebody else has the name: it is done without */

        if (fd != -1) {
            (void) close(fd);
        }

        return ngx_http_websocket_region_file_without(region, addr, state,
                                                      err, why);
    }

    asked = (why == NULL);

    if (asked) {
        why = ngx_http_websocket_region_file_lock(fd, (char *) path->data);
    }

    if (why == NULL) {
        if (ngx_http_websocket_region_file_look(region, fd, addr, state)
            == NGX_OK)
        {
            return NGX_OK;
        }

        if (made) {
            (void) unlink((char *) path->data);
        }

        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_EMERG, region->log, err,
                  "\"%V\" cannot be the file of websocket zone \"%V\": it %s",
                  path, &region->name, why);

    if (made && !asked) {

        /* who has the lock has taken it for his own */

        (void) unlink((char *) path->data);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return NGX_ERROR;
}


/* a FIFO does not block, and neither a link nor a file is followed or made */

static int
ngx_http_websocket_region_file_get(ngx_http_websocket_region_t *region,
    ngx_uint_t *made)
{
    int    fd;
    char  *path;

    path = (char *) ngx_http_websocket_region_file_path(region)->data;
    *made = 0;

    fd = open(path, O_RDWR|O_NOFOLLOW|O_NONBLOCK);

    if (fd == -1 && ngx_errno == NGX_ENOENT) {
        fd = open(path, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_NONBLOCK, 0600);
        *made = (fd != -1);
    }

    return fd;
}


/* NULL: it may be used; or the end of a sentence */

static const char *
ngx_http_websocket_region_file_refuses(int fd)
{
    struct stat    st;
    struct statfs  fs;

    if (fstat(fd, &st) == -1 || fstatfs(fd, &fs) == -1) {
        return "cannot be read";
    }

    if (!S_ISREG(st.st_mode)) {
        return "is not a regular file";
    }

    if (st.st_uid != geteuid()) {
        return "belongs to another user";
    }

    if (st.st_mode & 077) {
        return "is not its owner's alone: its mode has to be 0600";
    }

    if (st.st_nlink != 1) {
        return "has several names, or none";
    }

    if ((unsigned) fs.f_type != NGX_HTTP_WEBSOCKET_TMPFS
        && (unsigned) fs.f_type != NGX_HTTP_WEBSOCKET_RAMFS)
    {
        return "is not on tmpfs, as files in /dev/shm are";
    }

    return NULL;
}


/* NULL: nobody else has it; or the end of a sentence */

static const char *
ngx_http_websocket_region_file_lock(int fd, char *path)
{
    struct stat  st, again;

    if (flock(fd, LOCK_EX|LOCK_NB) == -1) {
        return "is in use by another nginx, or by another zone";
    }

    /* who had it before may have removed it */

    if (fstat(fd, &st) == -1 || stat(path, &again) == -1
        || again.st_ino != st.st_ino || again.st_dev != st.st_dev)
    {
        return "was removed at this moment";
    }

    return NULL;
}


/* takes the descriptor over */

static ngx_int_t
ngx_http_websocket_region_file_look(ngx_http_websocket_region_t *region,
    int fd, u_char *addr, ngx_http_websocket_region_e *state)
{
    const char   *why;
    struct stat   st;

    *state = NGX_HTTP_WEBSOCKET_REGION_FRESH;

    if (fstat(fd, &st) == -1) {
        (void) close(fd);
        return NGX_ERROR;
    }

    if (st.st_size == 0) {
        return ngx_http_websocket_region_file_fill(region, fd, addr, state);
    }

    why = ngx_http_websocket_region_file_differs(region, fd);

    if (why && region->disk) {

        /* what there is on the disk is whole, and of any size and version */

        ngx_log_error(NGX_LOG_NOTICE, region->log, 0,
                      "the last memory of websocket zone \"%V\" %*s",
                      &region->name, strcspn(why, ":"), why);

        return ngx_http_websocket_region_file_anew(region, fd, addr, state);
    }

    if (why) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "\"%V\" is not what websocket zone \"%V\" can go on "
                      "with: it %s",
                      ngx_http_websocket_region_file_path(region),
                      &region->name, why);
        (void) close(fd);
        return NGX_ERROR;
    }

    if (ngx_http_websocket_region_map(region, fd, addr) != NGX_OK) {
        return NGX_ERROR;
    }

    /* who made it did not come to its head */

    if (ngx_http_websocket_region_head_of(region)->magic[0]) {
        *state = NGX_HTTP_WEBSOCKET_REGION_FOUND;
    }

    return NGX_OK;
}


/* the file makes room for another one, whose lock is had before it is seen */

static ngx_int_t
ngx_http_websocket_region_file_anew(ngx_http_websocket_region_t *region,
    int old, u_char *addr, ngx_http_websocket_region_e *state)
{
    int         fd;
    ngx_str_t  *path;

    path = ngx_http_websocket_region_file_path(region);

    (void) unlink((char *) path->data);

    fd = open((char *) path->data,
              O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_NONBLOCK, 0600);

    (void) close(old);

    if (fd == -1 || flock(fd, LOCK_EX|LOCK_NB) == -1) {
        ngx_log_error(NGX_LOG_EMERG, region->log, ngx_errno,
                      "\"%V\" cannot be made anew for websocket zone \"%V\"",
                      path, &region->name);

        if (fd != -1) {
            (void) close(fd);
        }

        return NGX_ERROR;
    }

    return ngx_http_websocket_region_file_fill(region, fd, addr, state);
}


/*
 * Has the memory charged now: later, there would be a SIGBUS.  Takes the
 * descriptor over.
 */

static ngx_int_t
ngx_http_websocket_region_file_fill(ngx_http_websocket_region_t *region,
    int fd, u_char *addr, ngx_http_websocket_region_e *state)
{
    size_t      size;
    ngx_err_t   err;
    ngx_str_t  *path;

    size = ngx_http_websocket_region_bytes(region);

    if (fallocate(fd, 0, 0, size) == 0) {
        return ngx_http_websocket_region_map(region, fd, addr);
    }

    err = ngx_errno;
    path = ngx_http_websocket_region_file_path(region);

    if (region->disk) {

        /* what was taken already is needed by others */

        (void) unlink((char *) path->data);
        (void) close(fd);

        return ngx_http_websocket_region_file_without(region, addr, state,
                                           err, "cannot have so much memory");
    }

    ngx_log_error(NGX_LOG_EMERG, region->log, err,
                  "fallocate() of %uz bytes for \"%V\" failed, the file of "
                  "websocket zone \"%V\"", size, path, &region->name);

    (void) close(fd);

    return NGX_ERROR;
}


/* what is on the disk is enough to go on with */

static ngx_int_t
ngx_http_websocket_region_file_without(ngx_http_websocket_region_t *region,
    u_char *addr, ngx_http_websocket_region_e *state, ngx_err_t err,
    const char *why)
{
    ngx_log_error(NGX_LOG_WARN, region->log, err,
                  "\"%V\" cannot be the memory of websocket zone \"%V\": "
                  "it %s; a restart goes on with what \"%V\" has",
                  ngx_http_websocket_region_file_path(region), &region->name,
                  why, &region->path);

    *state = NGX_HTTP_WEBSOCKET_REGION_FRESH;

    return ngx_http_websocket_region_back(region, addr);
}


/* NULL: it is what the region was; or the end of a sentence */

static const char *
ngx_http_websocket_region_file_differs(ngx_http_websocket_region_t *region,
    int fd)
{
    struct stat                       st;
    ngx_http_websocket_region_head_t  wanted, found;

    static const ngx_http_websocket_region_head_t  none;

    if (fstat(fd, &st) == -1
        || pread(fd, &found, sizeof(found), 0) != sizeof(found))
    {
        return "is not the file of a websocket zone";
    }

    ngx_http_websocket_region_head(region, &wanted);

    if (ngx_memcmp(&found, &none, sizeof(found)) == 0) {
        return (size_t) st.st_size == ngx_http_websocket_region_bytes(region)
               ? NULL : "is not the file of a websocket zone";
    }

    if (ngx_memcmp(found.magic, wanted.magic, sizeof(found.magic)) != 0) {
        return "is not the file of a websocket zone";
    }

    if (found.format != wanted.format || found.layout != wanted.layout
        || found.mutex != wanted.mutex)
    {
        return "was made by another version of the module: remove it";
    }

    if (found.name != wanted.name) {
        return "is the file of another websocket zone";
    }

    if (found.size != wanted.size
        || (size_t) st.st_size != ngx_http_websocket_region_bytes(region))
    {
        return "was made for another size of the zone: remove it, or use the "
               "size of before";
    }

    if (found.boot != ngx_http_websocket_region_file_boot()) {
        return "was made before this machine was started: remove it";
    }

    if (found.inode != st.st_ino) {
        return "is a copy of the file of a zone, which may have gone on: "
               "remove it";
    }

    return NULL;
}


void
ngx_http_websocket_region_file_head(ngx_http_websocket_region_t *region)
{
    struct stat                        st;
    ngx_http_websocket_region_head_t  *head;

    head = ngx_http_websocket_region_head_of(region);

    head->boot = ngx_http_websocket_region_file_boot();

    if (fstat(region->memory->fd, &st) == 0) {
        head->inode = st.st_ino;
    }
}


/* the first half of the kernel's random number; 0 where there is no /proc */

static uint64_t
ngx_http_websocket_region_file_boot(void)
{
    int       fd;
    u_char    text[18], *p;
    ssize_t   n;
    uint64_t  boot;

    boot = 0;

    fd = open(NGX_HTTP_WEBSOCKET_BOOT_ID, O_RDONLY);

    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text));

    (void) close(fd);

    for (p = text; p < text + n; p++) {
        if (*p != '-') {
            boot = boot * 16 + (ngx_uint_t) ngx_hextoi(p, 1);
        }
    }

    return boot;
}
