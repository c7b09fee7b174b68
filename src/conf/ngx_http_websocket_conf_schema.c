
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_schema.h"
#include "conf/ngx_http_websocket_conf_types.h"
#include "message/schema.h"


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

    buf = ngx_palloc(cf->temp_pool, NGX_WEBSOCKET_SCHEMA_SIZE + 1);
    if (buf == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ngx_http_websocket_conf_file(cf, "schema", &name, buf,
                                     NGX_WEBSOCKET_SCHEMA_SIZE);

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
