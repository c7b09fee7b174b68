
/* websocket_message_file: a message type out of a file with JSON Schema. */


#include "ngx_http_websocket_directives.h"
#include "message/schema.h"


static ssize_t ngx_http_websocket_schema_read(ngx_conf_t *cf, ngx_str_t *name,
    u_char *buf);
static ngx_websocket_type_t *ngx_http_websocket_schema_create(void *data,
    const char *name, char *error, size_t size);
static int ngx_http_websocket_schema_view(void *data,
    ngx_websocket_type_t *type, const char *name, char *error, size_t size);


char *
ngx_http_websocket_message_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    u_char                        *buf;
    ssize_t                        n;
    ngx_str_t                     *value, name;
    ngx_websocket_schema_host_t    host;
    ngx_websocket_schema_error_t   error;

    value = cf->args->elts;
    name = value[2];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    buf = ngx_palloc(cf->temp_pool, NGX_WEBSOCKET_SCHEMA_SIZE + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_http_websocket_schema_read(cf, &name, buf);

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    host.data = cf;
    host.create = ngx_http_websocket_schema_create;
    host.view = ngx_http_websocket_schema_view;

    if (ngx_websocket_schema_make((char *) buf, n, (char *) value[1].data,
                                  &host, &error)
        != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "message type \"%V\": \"%V\" at \"%s\": %s",
                           &value[1], &name, error.place, error.reason);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* returns the size, or NGX_ERROR, which it has logged */

static ssize_t
ngx_http_websocket_schema_read(ngx_conf_t *cf, ngx_str_t *name, u_char *buf)
{
    ssize_t     n;
    ngx_file_t  file;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;
    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                            NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    n = ngx_read_file(&file, buf, NGX_WEBSOCKET_SCHEMA_SIZE + 1, 0);

    if (n == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_read_file_n " \"%V\" failed", name);

    } else if (n > NGX_WEBSOCKET_SCHEMA_SIZE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the schema \"%V\" is larger than "
                           ngx_value(NGX_WEBSOCKET_SCHEMA_SIZE) " bytes",
                           name);
        n = NGX_ERROR;
    }

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return n;
}


static ngx_websocket_type_t *
ngx_http_websocket_schema_create(void *data, const char *name, char *error,
    size_t size)
{
    return ngx_http_websocket_type_create(data, name, error, size);
}


static int
ngx_http_websocket_schema_view(void *data, ngx_websocket_type_t *type,
    const char *name, char *error, size_t size)
{
    return ngx_http_websocket_type_view(data, type, name, error, size);
}
