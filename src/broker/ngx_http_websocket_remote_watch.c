
#include "broker/ngx_http_websocket_remote_watch.h"
#include "broker/ngx_http_websocket_redis_sentinel.h"
#include "broker/ngx_http_websocket_seat.h"


/* milliseconds: between pings, and without a word from the Sentinel */
#define NGX_HTTP_WEBSOCKET_WATCH_PING    1000
#define NGX_HTTP_WEBSOCKET_WATCH_SILENT  3000


static void ngx_http_websocket_watch_up(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_watch_down(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_watch_push(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value);


static const ngx_http_websocket_redis_handlers_t
    ngx_http_websocket_watch_handlers =
{
    ngx_http_websocket_watch_up,
    ngx_http_websocket_watch_down,
    ngx_http_websocket_watch_push,
    NULL
};


void
ngx_http_websocket_remote_watch_start(ngx_http_websocket_remote_t *remote)
{
    if (remote->conf->sentinel.len == 0) {
        return;
    }

    remote->watch.conf = remote->conf;
    remote->watch.handlers = &ngx_http_websocket_watch_handlers;
    remote->watch.data = remote;
    remote->watch.log = remote->log;
    remote->watch.watch = 1;

    ngx_http_websocket_redis_start(&remote->watch);
}


void
ngx_http_websocket_remote_watch_stop(ngx_http_websocket_remote_t *remote)
{
    if (remote->watch.watch) {
        ngx_http_websocket_redis_stop(&remote->watch);
    }
}


void
ngx_http_websocket_remote_watch_tick(ngx_http_websocket_remote_t *remote)
{
    if (!remote->watch.up) {
        return;
    }

    if (ngx_current_msec - remote->watch_heard
        >= NGX_HTTP_WEBSOCKET_WATCH_SILENT)
    {
        ngx_http_websocket_redis_fail(&remote->watch, "it does not answer");
        return;
    }

    if (ngx_current_msec - remote->watch_asked
        >= NGX_HTTP_WEBSOCKET_WATCH_PING)
    {
        remote->watch_asked = ngx_current_msec;
        ngx_http_websocket_redis_sentinel_ping(&remote->watch);
    }
}


/* it has named the master: whoever seeks that need not ask */

static void
ngx_http_websocket_watch_up(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;

    remote->watch_heard = ngx_current_msec;
    remote->watch_asked = ngx_current_msec;

    if (!remote->redis.up) {
        ngx_http_websocket_redis_follow(&remote->redis, redis);
    }

    if (remote->seat && !remote->seat->redis.up) {
        ngx_http_websocket_redis_follow(&remote->seat->redis, redis);
    }
}


static void
ngx_http_websocket_watch_down(ngx_http_websocket_redis_t *redis)
{
    /* void */
}


static void
ngx_http_websocket_watch_push(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;

    remote->watch_heard = ngx_current_msec;

    switch (ngx_http_websocket_redis_switched(redis, value)) {

    case NGX_OK:
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "websocket broker \"%V\": the master is %V now",
                      &redis->conf->name, &redis->master.url);

        ngx_http_websocket_redis_follow(&remote->redis, redis);

        if (remote->seat) {
            ngx_http_websocket_redis_follow(&remote->seat->redis, redis);
        }

        break;

    case NGX_ERROR:
        ngx_http_websocket_redis_fail(redis,
                                      "it does not tell of a new master");
        break;

    default:
        break;      /* a pong, or another master's */
    }
}
