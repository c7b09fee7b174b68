
#include "broker/ngx_http_websocket_redis_address.h"


/* the most milliseconds that a name is waited for: others may be known */
#define NGX_HTTP_WEBSOCKET_ADDRESS_WAIT  2000


static void ngx_http_websocket_address_set(ngx_http_websocket_redis_t *redis,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port);
static ngx_int_t ngx_http_websocket_address_number(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_broker_host_t *host);
static ngx_int_t ngx_http_websocket_address_ask(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_broker_host_t *host);
static void ngx_http_websocket_address_answer(ngx_resolver_ctx_t *ctx);
static void ngx_http_websocket_address_unknown(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_broker_host_t *host,
    ngx_int_t state);


ngx_int_t
ngx_http_websocket_redis_address(ngx_http_websocket_redis_t *redis)
{
    ngx_addr_t                        *addr;
    ngx_http_websocket_broker_host_t  *host;

    host = ngx_http_websocket_redis_host(redis);

    if (host->naddrs) {
        addr = &host->addrs[redis->turn / redis->conf->nhosts % host->naddrs];

        redis->peer.sockaddr = addr->sockaddr;
        redis->peer.socklen = addr->socklen;
        redis->peer.name = &addr->name;

        return NGX_OK;
    }

    if (ngx_http_websocket_address_number(redis, host) == NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_websocket_address_ask(redis, host);
}


static void
ngx_http_websocket_address_set(ngx_http_websocket_redis_t *redis,
    struct sockaddr *sockaddr, socklen_t socklen, in_port_t port)
{
    struct sockaddr  *sa;

    sa = &redis->sockaddr.sockaddr;

    ngx_memcpy(sa, sockaddr, socklen);
    ngx_inet_set_port(sa, port);

    redis->name.data = redis->text;
    redis->name.len = ngx_sock_ntop(sa, socklen, redis->text,
                                    NGX_SOCKADDR_STRLEN, 1);

    redis->peer.sockaddr = sa;
    redis->peer.socklen = socklen;
    redis->peer.name = &redis->name;
}


/* Sentinels name masters by numbers, when they are not told otherwise */

static ngx_int_t
ngx_http_websocket_address_number(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_broker_host_t *host)
{
    in_addr_t            ip;
    struct sockaddr_in   sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  sin6;
#endif

    ip = ngx_inet_addr(host->host.data, host->host.len);

    if (ip != INADDR_NONE) {
        ngx_memzero(&sin, sizeof(struct sockaddr_in));
        sin.sin_family = AF_INET;
        sin.sin_addr.s_addr = ip;

        ngx_http_websocket_address_set(redis, (struct sockaddr *) &sin,
                                       sizeof(struct sockaddr_in), host->port);
        return NGX_OK;
    }

#if (NGX_HAVE_INET6)

    ngx_memzero(&sin6, sizeof(struct sockaddr_in6));

    if (ngx_inet6_addr(host->host.data, host->host.len, sin6.sin6_addr.s6_addr)
        == NGX_OK)
    {
        sin6.sin6_family = AF_INET6;

        ngx_http_websocket_address_set(redis, (struct sockaddr *) &sin6,
                                       sizeof(struct sockaddr_in6),
                                       host->port);
        return NGX_OK;
    }

#endif

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_websocket_address_ask(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_broker_host_t *host)
{
    ngx_resolver_ctx_t  *ctx;

    if (redis->conf->resolver == NULL) {
        ngx_http_websocket_redis_fail(redis, "its name cannot be resolved: "
                                      "there is no \"resolver\" in http");
        return NGX_ERROR;
    }

    ctx = ngx_resolve_start(redis->conf->resolver, NULL);

    if (ctx == NULL) {
        ngx_http_websocket_redis_fail(redis, "memory was refused");
        return NGX_ERROR;
    }

    ctx->name = host->host;
    ctx->handler = ngx_http_websocket_address_answer;
    ctx->data = redis;
    ctx->timeout = ngx_min(redis->conf->resolver_timeout,
                           ngx_http_websocket_redis_patience(redis,
                                         NGX_HTTP_WEBSOCKET_ADDRESS_WAIT));
    ctx->cancelable = 1;

    redis->resolving = ctx;

    /* an answer that is known comes within the call */

    if (ngx_resolve_name(ctx) != NGX_OK) {
        redis->resolving = NULL;
        ngx_http_websocket_redis_fail(redis, "its name cannot be resolved");
        return NGX_ERROR;
    }

    return NGX_AGAIN;
}


static void
ngx_http_websocket_address_answer(ngx_resolver_ctx_t *ctx)
{
    ngx_int_t                          state;
    ngx_uint_t                         i;
    ngx_resolver_addr_t               *addr;
    ngx_http_websocket_redis_t        *redis;
    ngx_http_websocket_broker_host_t  *host;

    redis = ctx->data;
    redis->resolving = NULL;

    host = ngx_http_websocket_redis_host(redis);
    state = ctx->state;

    if (state == NGX_OK && ctx->naddrs) {

        i = redis->turn / redis->conf->nhosts % ctx->naddrs;
        addr = &ctx->addrs[i];

        ngx_memcpy(&host->resolved, addr->sockaddr, addr->socklen);
        host->resolved_len = addr->socklen;
    }

    ngx_resolve_name_done(ctx);

    if (state != NGX_OK || host->resolved_len == 0) {
        ngx_http_websocket_address_unknown(redis, host, state);
        return;
    }

    ngx_http_websocket_address_set(redis, &host->resolved.sockaddr,
                                   host->resolved_len, host->port);

    ngx_http_websocket_redis_dial(redis);
}


/* while the server of names is away, what it has said last is held on to */

static void
ngx_http_websocket_address_unknown(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_broker_host_t *host, ngx_int_t state)
{
    u_char  reason[NGX_MAX_CONF_ERRSTR];

    if (host->resolved_len && state != NGX_RESOLVE_NXDOMAIN) {

        ngx_http_websocket_address_set(redis, &host->resolved.sockaddr,
                                       host->resolved_len, host->port);
        ngx_http_websocket_redis_dial(redis);
        return;
    }

    (void) ngx_snprintf(reason, sizeof(reason),
                        "its name cannot be resolved (%i: %s)%Z", state,
                        ngx_resolver_strerror(state));

    ngx_http_websocket_redis_fail(redis, (char *) reason);
}


void
ngx_http_websocket_redis_address_cancel(ngx_http_websocket_redis_t *redis)
{
    if (redis->resolving) {
        ngx_resolve_name_done(redis->resolving);
        redis->resolving = NULL;
    }
}
