
#include "conf/ngx_http_websocket_conf_broker_host.h"


#define NGX_HTTP_WEBSOCKET_BROKER_PORT  6379


static char *ngx_http_websocket_broker_parse(ngx_conf_t *cf,
    ngx_http_websocket_broker_host_t *host, size_t skip);
static char *ngx_http_websocket_broker_bad_url(ngx_conf_t *cf,
    ngx_str_t *url, char *what);
static ngx_int_t ngx_http_websocket_broker_look_up(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_broker_host_t *host);
static void ngx_http_websocket_broker_warn(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker);
static ngx_uint_t ngx_http_websocket_broker_is_near(
    ngx_http_websocket_broker_host_t *host);


char *
ngx_http_websocket_broker_host(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *url)
{
    size_t                             skip;
    ngx_uint_t                         tls;
    ngx_http_websocket_broker_host_t  *host;

    skip = 0;
    tls = 0;

    if (url->len > 8 && ngx_strncmp(url->data, "redis://", 8) == 0) {
        skip = 8;

    } else if (url->len > 9 && ngx_strncmp(url->data, "rediss://", 9) == 0) {
        skip = 9;
        tls = 1;

    } else if (url->len <= 5 || ngx_strncmp(url->data, "unix:", 5) != 0) {
        return ngx_http_websocket_broker_bad_url(cf, url,
                        "it does not begin with redis://, rediss:// or unix:");
    }

    if (broker->nhosts && tls != broker->tls) {
        return ngx_http_websocket_broker_bad_url(cf, url,
                                   "all URLs are rediss://, or none is");
    }

    if (ngx_strlchr(url->data, url->data + url->len, '@')) {

        /* it may have a password, which must not be in the error log */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the URL of broker \"%V\" has a \"@\": use user= "
                           "and password_file=", &broker->name);
        return NGX_CONF_ERROR;
    }

    host = &broker->hosts[broker->nhosts++];

    broker->tls = tls;
    host->url = *url;

    return ngx_http_websocket_broker_parse(cf, host, skip);
}


static char *
ngx_http_websocket_broker_parse(ngx_conf_t *cf,
    ngx_http_websocket_broker_host_t *host, size_t skip)
{
    ngx_url_t  u;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = host->url.data + skip;
    u.url.len = host->url.len - skip;
    u.default_port = NGX_HTTP_WEBSOCKET_BROKER_PORT;
    u.no_resolve = 1;

    if (skip && ngx_strlchr(u.url.data, u.url.data + u.url.len, '/')) {
        return ngx_http_websocket_broker_bad_url(cf, &host->url,
                                                 "there is no path in it");
    }

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        return ngx_http_websocket_broker_bad_url(cf, &host->url,
                                               u.err ? u.err : "no memory");
    }

    host->addrs = u.addrs;
    host->naddrs = u.naddrs;
    host->port = u.port;

    host->host.len = u.host.len;
    host->host.data = ngx_pnalloc(cf->pool, u.host.len + 1);

    if (host->host.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(host->host.data, u.host.data, u.host.len + 1);

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_broker_bad_url(ngx_conf_t *cf, ngx_str_t *url, char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid broker \"%V\": %s", url,
                       what);

    return NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_websocket_broker_resolve(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker)
{
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* a configuration without the directive has one that knows no servers */

    if (clcf->resolver && clcf->resolver->connections.nelts) {
        broker->resolver = clcf->resolver;
        broker->resolver_timeout = clcf->resolver_timeout;
    }

    for (i = 0; i < broker->nhosts; i++) {

        if (broker->hosts[i].addrs == NULL
            && ngx_http_websocket_broker_look_up(cf, broker,
                                                 &broker->hosts[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (!broker->tls && (broker->login.password.len
                         || broker->sentinel_login.password.len))
    {
        ngx_http_websocket_broker_warn(cf, broker);
    }

    return NGX_OK;
}


/*
 * as the addresses of an upstream: once, and not in a worker.  "localhost" is
 * a name that servers of names need not know (RFC 6761, section 6.3)
 */

static ngx_int_t
ngx_http_websocket_broker_look_up(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_broker_host_t *host)
{
    ngx_url_t  u;

    if (broker->resolver
        && (host->host.len != 9
            || ngx_strncasecmp(host->host.data, (u_char *) "localhost", 9)
               != 0))
    {
        return NGX_OK;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url = host->host;
    u.default_port = host->port;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "invalid broker \"%V\": %s in %s:%ui", &host->url,
                      u.err ? u.err : "no memory", broker->place.file,
                      broker->place.line);
        return NGX_ERROR;
    }

    host->addrs = u.addrs;
    host->naddrs = u.naddrs;

    return NGX_OK;
}


static void
ngx_http_websocket_broker_warn(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker)
{
    ngx_uint_t  i;

    for (i = 0; i < broker->nhosts; i++) {

        if (ngx_http_websocket_broker_is_near(&broker->hosts[i])) {
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "the password of broker \"%V\" goes to %V in plain "
                      "text: use rediss:// in %s:%ui", &broker->name,
                      broker->hosts[i].naddrs ? &broker->hosts[i].addrs[0].name
                                              : &broker->hosts[i].url,
                      broker->place.file, broker->place.line);
        return;
    }
}


/* what is sent to it does not leave the machine */

static ngx_uint_t
ngx_http_websocket_broker_is_near(ngx_http_websocket_broker_host_t *host)
{
    in_addr_t         ip;
    ngx_uint_t        i;
    struct sockaddr  *sa;

    for (i = 0; i < host->naddrs; i++) {

        sa = host->addrs[i].sockaddr;

        if (sa->sa_family == AF_UNIX) {
            continue;
        }

#if (NGX_HAVE_INET6)
        if (sa->sa_family == AF_INET6
            && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *) sa)->sin6_addr))
        {
            continue;
        }
#endif

        if (sa->sa_family == AF_INET) {
            ip = ntohl(((struct sockaddr_in *) sa)->sin_addr.s_addr);

            if (ip >> 24 == 127) {
                continue;
            }
        }

        return 0;
    }

    return host->naddrs != 0;
}
