
#include "broker/ngx_http_websocket_redis_sentinel.h"
#include "broker/ngx_http_websocket_redis_greet.h"


static ngx_int_t ngx_http_websocket_sentinel_send(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_reply_pt reply,
    ngx_str_t *words, ngx_uint_t n);
static void ngx_http_websocket_sentinel_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_sentinel_master(
    ngx_http_websocket_redis_t *redis, u_char *host, size_t host_len,
    u_char *port, size_t port_len);
static void ngx_http_websocket_sentinel_set(ngx_http_websocket_redis_t *redis,
    ngx_str_t *host, in_port_t port);


ngx_int_t
ngx_http_websocket_redis_sentinel(ngx_http_websocket_redis_t *redis)
{
    ngx_str_t  ask[3] = {
        ngx_string("SENTINEL"),
        ngx_string("get-master-addr-by-name"),
        ngx_null_string
    };
    ngx_str_t  hear[2] = {
        ngx_string("SUBSCRIBE"),
        ngx_string("+switch-master")
    };

    ask[2] = redis->conf->sentinel;

    if (ngx_http_websocket_redis_log_in(redis, &redis->conf->sentinel_login)
        != NGX_OK
        || ngx_http_websocket_sentinel_send(redis,
                                   ngx_http_websocket_sentinel_reply, ask, 3)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* in one writing: the master does not change in between */

    return redis->watch
           ? ngx_http_websocket_sentinel_send(redis, NULL, hear, 2) : NGX_OK;
}


void
ngx_http_websocket_redis_sentinel_ping(ngx_http_websocket_redis_t *redis)
{
    ngx_str_t  ping = ngx_string("PING");

    (void) ngx_http_websocket_sentinel_send(redis, NULL, &ping, 1);
}


static ngx_int_t
ngx_http_websocket_sentinel_send(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_reply_pt reply, ngx_str_t *words, ngx_uint_t n)
{
    u_char                        *p;
    size_t                         size;
    ngx_uint_t                     i;
    ngx_http_websocket_command_t  *command;

    size = NGX_WEBSOCKET_RESP_HEADER;

    for (i = 0; i < n; i++) {
        size += ngx_websocket_resp_bulk_size(words[i].len);
    }

    command = ngx_http_websocket_redis_command(redis, size, reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, n);

    for (i = 0; i < n; i++) {
        p = ngx_websocket_resp_bulk(p, words[i].data, words[i].len);
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_sentinel_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_websocket_resp_value_t  *host, *port;

    if (ngx_http_websocket_redis_refused(redis, "SENTINEL", value)) {
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

    if (ngx_http_websocket_sentinel_master(redis, host->data, host->size,
                                           port->data, port->size)
        != NGX_OK)
    {
        ngx_http_websocket_redis_fail(redis, "the Sentinel tells no address");
        return;
    }

    if (redis->watch) {
        ngx_http_websocket_redis_welcome(redis);

    } else {
        ngx_http_websocket_redis_found(redis);
    }
}


static ngx_int_t
ngx_http_websocket_sentinel_master(ngx_http_websocket_redis_t *redis,
    u_char *host, size_t host_len, u_char *port, size_t port_len)
{
    ngx_int_t  n;
    ngx_str_t  name;

    n = ngx_atoi(port, port_len);

    if (n < 1 || n > 65535 || host_len == 0
        || host_len >= NGX_HTTP_WEBSOCKET_REDIS_HOST
        || ngx_strlchr(host, host + host_len, '\0'))
    {
        return NGX_ERROR;
    }

    name.data = host;
    name.len = host_len;

    ngx_http_websocket_sentinel_set(redis, &name, (in_port_t) n);

    return NGX_OK;
}


static void
ngx_http_websocket_sentinel_set(ngx_http_websocket_redis_t *redis,
    ngx_str_t *host, in_port_t port)
{
    ngx_http_websocket_broker_host_t  *master;

    master = &redis->master;

    ngx_memzero(master, sizeof(ngx_http_websocket_broker_host_t));

    master->port = port;

    master->host.len = host->len;
    master->host.data = redis->master_host;
    (void) ngx_cpystrn(master->host.data, host->data, host->len + 1);

    master->url.data = redis->master_text;
    master->url.len = ngx_sprintf(master->url.data, "%V:%ui", &master->host,
                                  (ngx_uint_t) port)
                      - master->url.data;
}


/* "NAME OLD-HOST OLD-PORT HOST PORT" */

ngx_int_t
ngx_http_websocket_redis_switched(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value)
{
    u_char                      *p, *last;
    ngx_str_t                    words[5];
    ngx_uint_t                   i;
    ngx_websocket_resp_value_t  *text;

    if (value->type == NGX_WEBSOCKET_RESP_REFUSED) {
        return NGX_ERROR;
    }

    text = ngx_websocket_resp_at(value, 2);

    if (!ngx_websocket_resp_is(ngx_websocket_resp_at(value, 0), "message")
        || !ngx_websocket_resp_begins(text, ""))
    {
        return NGX_DECLINED;
    }

    last = text->data + text->size;
    p = text->data;

    for (i = 0; i < 5; i++) {
        words[i].data = p;

        while (p < last && *p != ' ') {
            p++;
        }

        words[i].len = p - words[i].data;
        p += (p < last);
    }

    if (words[0].len != redis->conf->sentinel.len
        || ngx_strncmp(words[0].data, redis->conf->sentinel.data,
                       words[0].len)
           != 0)
    {
        return NGX_DECLINED;
    }

    return ngx_http_websocket_sentinel_master(redis, words[3].data,
                                              words[3].len, words[4].data,
                                              words[4].len);
}


void
ngx_http_websocket_redis_follow(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_redis_t *watch)
{
    if (redis->master.host.len == watch->master.host.len
        && redis->master.port == watch->master.port
        && ngx_strncmp(redis->master.host.data, watch->master.host.data,
                       watch->master.host.len)
           == 0)
    {
        return;
    }

    ngx_http_websocket_sentinel_set(redis, &watch->master.host,
                                    watch->master.port);

    ngx_http_websocket_redis_found(redis);
}
