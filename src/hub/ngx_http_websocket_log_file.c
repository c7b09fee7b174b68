
#include "hub/ngx_http_websocket_log_file.h"

#include <dirent.h>


#define NGX_HTTP_WEBSOCKET_LOG_SUFFIX  ".log-"


static void ngx_http_websocket_log_folder(u_char *buf, ngx_str_t *path);
static uint64_t ngx_http_websocket_log_number(ngx_str_t *path,
    const char *name);
static int ngx_http_websocket_log_compare(const void *one, const void *two);


void
ngx_http_websocket_log_name(u_char *buf, ngx_str_t *path, uint64_t n)
{
    ngx_sprintf(buf, "%V" NGX_HTTP_WEBSOCKET_LOG_SUFFIX "%uL%Z", path, n);
}


ngx_array_t *
ngx_http_websocket_log_list(ngx_pool_t *pool, ngx_str_t *path, uint64_t from)
{
    DIR            *dir;
    u_char          folder[NGX_MAX_PATH];
    uint64_t        n, *number;
    ngx_array_t    *numbers;
    struct dirent  *entry;

    numbers = ngx_array_create(pool, 16, sizeof(uint64_t));
    if (numbers == NULL) {
        return NULL;
    }

    ngx_http_websocket_log_folder(folder, path);

    dir = opendir((char *) folder);
    if (dir == NULL) {
        return numbers;
    }

    while ((entry = readdir(dir)) != NULL) {

        n = ngx_http_websocket_log_number(path, entry->d_name);

        if (n == 0 || n < from) {
            continue;
        }

        number = ngx_array_push(numbers);
        if (number == NULL) {
            (void) closedir(dir);
            return NULL;
        }

        *number = n;
    }

    (void) closedir(dir);

    ngx_qsort(numbers->elts, numbers->nelts, sizeof(uint64_t),
              ngx_http_websocket_log_compare);

    return numbers;
}


static void
ngx_http_websocket_log_folder(u_char *buf, ngx_str_t *path)
{
    u_char  *slash;

    ngx_cpystrn(buf, path->data, NGX_MAX_PATH);

    slash = (u_char *) strrchr((char *) buf, '/');
    slash[slash == buf] = '\0';
}


/* 0: it is the name of something else */

static uint64_t
ngx_http_websocket_log_number(ngx_str_t *path, const char *name)
{
    u_char     *base;
    size_t      len;
    ngx_int_t   n;

    base = (u_char *) strrchr((char *) path->data, '/') + 1;
    len = path->data + path->len - base;

    if (strncmp(name, (char *) base, len) != 0
        || strncmp(name + len, NGX_HTTP_WEBSOCKET_LOG_SUFFIX,
                   sizeof(NGX_HTTP_WEBSOCKET_LOG_SUFFIX) - 1)
           != 0)
    {
        return 0;
    }

    name += len + sizeof(NGX_HTTP_WEBSOCKET_LOG_SUFFIX) - 1;

    n = ngx_atoi((u_char *) name, strlen(name));

    return n == NGX_ERROR ? 0 : n;
}


static int
ngx_http_websocket_log_compare(const void *one, const void *two)
{
    const uint64_t *a = one, *b = two;

    return (*a > *b) - (*a < *b);
}


void
ngx_http_websocket_log_remove(ngx_str_t *path, uint64_t before, ngx_log_t *log)
{
    u_char       name[NGX_MAX_PATH + NGX_HTTP_WEBSOCKET_LOG_NAME];
    uint64_t    *number;
    ngx_uint_t   i;
    ngx_pool_t  *pool;
    ngx_array_t *numbers;

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return;
    }

    numbers = ngx_http_websocket_log_list(pool, path, 0);

    for (i = 0; numbers && i < numbers->nelts; i++) {
        number = numbers->elts;

        if (number[i] < before) {
            ngx_http_websocket_log_name(name, path, number[i]);
            (void) unlink((char *) name);
        }
    }

    ngx_destroy_pool(pool);
}


int
ngx_http_websocket_log_sync(ngx_str_t *path)
{
    int     fd, rc;
    u_char  folder[NGX_MAX_PATH];

    ngx_http_websocket_log_folder(folder, path);

    fd = open((char *) folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    rc = fsync(fd);

    (void) close(fd);

    return rc;
}
