
#include "broker/ngx_http_websocket_redis_sentinel.h"


static void ngx_http_websocket_sentinel_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_sentinel_address(
    ngx_http_websocket_redis_t *redis, ngx_websocket_resp_value_t *host,
    ngx_websocket_resp_value_t *port);


ngx_int_t
ngx_http_websocket_redis_sentinel(ngx_http_websocket_redis_t *redis)
{
    u_char                        *p;
    ngx_str_t                     *name;
    ngx_http_websocket_command_t  *command;

    static ngx_str_t  ask = ngx_string("get-master-addr-by-name");

    name = &redis->conf->sentinel;

    command = ngx_http_websocket_redis_command(redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(8)
                        + ngx_websocket_resp_bulk_size(ask.len)
                        + ngx_websocket_resp_bulk_size(name->len),
                        ngx_http_websocket_sentinel_reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 3);
    p = ngx_websocket_resp_bulk(p, "SENTINEL", 8);
    p = ngx_websocket_resp_bulk(p, ask.data, ask.len);
    command->last = ngx_websocket_resp_bulk(p, name->data, name->len);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_sentinel_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_websocket_resp_value_t  *host, *port;

    if (value == NULL) {
        return;
    }

    host = ngx_websocket_resp_at(value, 0);
    port = ngx_websocket_resp_at(value, 1);

    if (!ngx_websocket_resp_begins(host, "")
        || !ngx_websocket_resp_begins(port, ""))
    {
        ngx_http_websocket_redis_fail(redis,
                                      "the Sentinel knows no such master");
        return;
    }

    if (ngx_http_websocket_sentinel_address(redis, host, port) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "the Sentinel tells no address");
        return;
    }

    ngx_http_websocket_redis_found(redis);
}


/* names would have to be resolved, which blocks */

static ngx_int_t
ngx_http_websocket_sentinel_address(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *host, ngx_websocket_resp_value_t *port)
{
    in_addr_t             ip;
    ngx_int_t             n;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    n = ngx_atoi(port->data, port->size);

    if (n < 1 || n > 65535) {
        return NGX_ERROR;
    }

    ngx_memzero(&redis->master, sizeof(ngx_sockaddr_t));

    ip = ngx_inet_addr(host->data, host->size);

    if (ip != INADDR_NONE) {
        sin = &redis->master.sockaddr_in;
        sin->sin_family = AF_INET;
        sin->sin_port = htons((in_port_t) n);
        sin->sin_addr.s_addr = ip;

        redis->master_len = sizeof(struct sockaddr_in);
        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    sin6 = &redis->master.sockaddr_in6;

    if (ngx_inet6_addr(host->data, host->size, sin6->sin6_addr.s6_addr)
        == NGX_OK)
    {
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons((in_port_t) n);

        redis->master_len = sizeof(struct sockaddr_in6);
        return NGX_OK;
    }

#endif

    return NGX_ERROR;
}
