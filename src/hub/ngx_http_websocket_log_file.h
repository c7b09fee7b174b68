
/*
 * The logs that lie beside a dump: PATH.log-1, PATH.log-2, and so on.
 */


#ifndef NGX_HTTP_WEBSOCKET_LOG_FILE_H
#define NGX_HTTP_WEBSOCKET_LOG_FILE_H


#include <ngx_config.h>
#include <ngx_core.h>


/* what is added to the path of a dump, at most */
#define NGX_HTTP_WEBSOCKET_LOG_NAME  (sizeof(".log-") + NGX_INT64_LEN)


/* Prints the name of a log, and a zero. */
void ngx_http_websocket_log_name(u_char *buf, ngx_str_t *path, uint64_t n);

/*
 * Returns the numbers of the logs that there are from that one on, in order, as
 * an array of uint64_t; or NULL when memory is refused.
 */
ngx_array_t *ngx_http_websocket_log_list(ngx_pool_t *pool, ngx_str_t *path,
    uint64_t from);

/* Removes the logs before that one. */
void ngx_http_websocket_log_remove(ngx_str_t *path, uint64_t before,
    ngx_log_t *log);

/* Has the names in the folder of a path be on the disk: 0, or -1 and errno. */
int ngx_http_websocket_log_sync(ngx_str_t *path);


#endif /* NGX_HTTP_WEBSOCKET_LOG_FILE_H */
