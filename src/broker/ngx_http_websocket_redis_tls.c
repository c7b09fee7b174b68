
#include "broker/ngx_http_websocket_redis_tls.h"

#if (NGX_SSL)

#include <openssl/x509v3.h>


/* of a handshake, in milliseconds */
#define NGX_HTTP_WEBSOCKET_TLS_TIMEOUT  2000


static ngx_int_t ngx_http_websocket_tls_begin(
    ngx_http_websocket_redis_t *redis);
static ngx_str_t *ngx_http_websocket_tls_name(
    ngx_http_websocket_redis_t *redis);
static ngx_uint_t ngx_http_websocket_tls_is_address(ngx_str_t *name);
static void ngx_http_websocket_tls_done(ngx_connection_t *c);
static ngx_uint_t ngx_http_websocket_tls_is_for(ngx_connection_t *c,
    ngx_str_t *name);


void
ngx_http_websocket_redis_tls(ngx_http_websocket_redis_t *redis)
{
    ngx_connection_t  *c;

    c = redis->connection;

    if (c->pool == NULL) {
        c->pool = ngx_create_pool(512, redis->log);
        if (c->pool == NULL) {
            ngx_http_websocket_redis_fail(redis, "memory was refused");
            return;
        }
    }

    if (ngx_http_websocket_tls_begin(redis) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "TLS cannot begin");
        return;
    }

    if (ngx_ssl_handshake(c) == NGX_AGAIN) {
        ngx_add_timer(c->write, ngx_http_websocket_redis_patience(redis,
                                         NGX_HTTP_WEBSOCKET_TLS_TIMEOUT));
        c->ssl->handler = ngx_http_websocket_tls_done;
        return;
    }

    ngx_http_websocket_tls_done(c);
}


static ngx_int_t
ngx_http_websocket_tls_begin(ngx_http_websocket_redis_t *redis)
{
    ngx_str_t         *name;
    ngx_connection_t  *c;

    c = redis->connection;

    if (ngx_ssl_create_connection(redis->conf->ssl, c,
                                  NGX_SSL_BUFFER|NGX_SSL_CLIENT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* RFC 6066, section 3: a name, but no address */

    name = ngx_http_websocket_tls_name(redis);

    return ngx_http_websocket_tls_is_address(name)
           || SSL_set_tlsext_host_name(c->ssl->connection, (char *) name->data)
           ? NGX_OK : NGX_ERROR;
}


static ngx_str_t *
ngx_http_websocket_tls_name(ngx_http_websocket_redis_t *redis)
{
    return redis->conf->ssl_name.len
           ? &redis->conf->ssl_name
           : &ngx_http_websocket_redis_host(redis)->host;
}


static ngx_uint_t
ngx_http_websocket_tls_is_address(ngx_str_t *name)
{
    return ngx_inet_addr(name->data, name->len) != INADDR_NONE
           || ngx_strlchr(name->data, name->data + name->len, ':');
}


static void
ngx_http_websocket_tls_done(ngx_connection_t *c)
{
    ngx_http_websocket_redis_t  *redis;

    redis = c->data;

    if (!c->ssl->handshaked) {
        ngx_http_websocket_redis_fail(redis, "the TLS handshake failed");
        return;
    }

    if (SSL_get_verify_result(c->ssl->connection) != X509_V_OK) {
        ngx_http_websocket_redis_fail(redis,
                                      "its certificate is not trusted");
        return;
    }

    if (!ngx_http_websocket_tls_is_for(c, ngx_http_websocket_tls_name(redis)))
    {
        ngx_http_websocket_redis_fail(redis, "its certificate is for "
                                             "another name");
        return;
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    ngx_http_websocket_redis_ready(redis);
}


/* an address is in a certificate as such, or in place of a name */

static ngx_uint_t
ngx_http_websocket_tls_is_for(ngx_connection_t *c, ngx_str_t *name)
{
    int         found;
    X509       *certificate;
    u_char      text[NGX_INET6_ADDRSTRLEN + 1];
    ngx_str_t   address;

    if (ngx_ssl_check_host(c, name) == NGX_OK) {
        return 1;
    }

    if (!ngx_http_websocket_tls_is_address(name)) {
        return 0;
    }

    address = *name;

    if (address.data[0] == '[') {
        address.data++;
        address.len -= 2;
    }

    certificate = SSL_get_peer_certificate(c->ssl->connection);

    if (certificate == NULL || address.len >= sizeof(text)) {
        X509_free(certificate);
        return 0;
    }

    (void) ngx_cpystrn(text, address.data, address.len + 1);

    found = X509_check_ip_asc(certificate, (char *) text, 0);

    X509_free(certificate);

    return found == 1;
}

#endif
