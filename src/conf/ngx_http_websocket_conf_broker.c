
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_broker.h"


#define NGX_HTTP_WEBSOCKET_BROKER_WAIT      5000    /* milliseconds */
#define NGX_HTTP_WEBSOCKET_BROKER_PORT      6379
#define NGX_HTTP_WEBSOCKET_BROKER_PASSWORD  1024    /* bytes */
#define NGX_HTTP_WEBSOCKET_BROKER_PREFIX    64
#define NGX_HTTP_WEBSOCKET_BROKER_DEPTH     3       /* of certificates */


/* indexes of the parameters, in this order */

typedef enum {
    NGX_HTTP_WEBSOCKET_BROKER_P_PREFIX = 0,
    NGX_HTTP_WEBSOCKET_BROKER_P_FILE,
    NGX_HTTP_WEBSOCKET_BROKER_P_USER,
    NGX_HTTP_WEBSOCKET_BROKER_P_TRUSTED,
    NGX_HTTP_WEBSOCKET_BROKER_P_AWAY,
    NGX_HTTP_WEBSOCKET_BROKER_P_TIME,
    NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL
} ngx_http_websocket_broker_param_e;


static char *ngx_http_websocket_broker_sentinel(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param, ngx_uint_t urls);
static char *ngx_http_websocket_broker_url(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *url);
static char *ngx_http_websocket_broker_url_error(ngx_conf_t *cf,
    ngx_str_t *url, char *what);
static char *ngx_http_websocket_broker_params(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_broker_password(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param);
static void ngx_http_websocket_broker_warn(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *file);
static char *ngx_http_websocket_broker_tls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param);


char *
ngx_http_websocket_broker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_main_conf_t *wmcf = conf;

    ngx_str_t                         *value;
    ngx_uint_t                         i;
    ngx_http_websocket_broker_conf_t  *broker;
    ngx_http_websocket_param_t         params[] = {
        { "prefix=", ngx_null_string },
        { "password_file=", ngx_null_string },
        { "user=", ngx_null_string },
        { "trusted_certificate=", ngx_null_string },
        { "away=", ngx_null_string },
        { "wait=", ngx_null_string },
        { "sentinel=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    value = cf->args->elts;
    broker = wmcf->brokers.elts;

    for (i = 0; i < wmcf->brokers.nelts; i++) {
        if (value[1].len == broker[i].name.len
            && ngx_strncmp(value[1].data, broker[i].name.data, value[1].len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "websocket broker \"%V\" is already defined",
                               &value[1]);
            return NGX_CONF_ERROR;
        }
    }

    broker = ngx_array_push(&wmcf->brokers);
    if (broker == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(broker, sizeof(ngx_http_websocket_broker_conf_t));

    broker->name = value[1];
    broker->wait = NGX_HTTP_WEBSOCKET_BROKER_WAIT;
    ngx_str_set(&broker->prefix, "ws:");

    broker->url = value[2];

    for (i = 2; i < cf->args->nelts; i++) {

        if (i > 2 && ngx_strlchr(value[i].data, value[i].data + value[i].len,
                                 '='))
        {
            break;
        }

        if (ngx_http_websocket_broker_url(cf, broker, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_websocket_params(cf, params, i) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_websocket_broker_sentinel(cf, broker,
                         &params[NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL], i - 2)
           == NGX_CONF_OK
           ? ngx_http_websocket_broker_params(cf, broker, params)
           : NGX_CONF_ERROR;
}


/* with it the URLs are Sentinels'; without it there is one, the server's */

static char *
ngx_http_websocket_broker_sentinel(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param, ngx_uint_t urls)
{
    broker->sentinel = param->value;

    if (param->value.data == NULL) {

        if (urls == 1) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "broker \"%V\" has several URLs: they are for "
                           "Sentinels, with sentinel=", &broker->name);
        return NGX_CONF_ERROR;
    }

    if (param->value.len == 0) {
        return ngx_http_websocket_bad_param(cf, param, "it is empty");
    }

    /* a Sentinel tells addresses, which certificates do not have */

    return broker->tls ? ngx_http_websocket_bad_param(cf, param,
                                                      "it is not for rediss://")
                       : NGX_CONF_OK;
}


static char *
ngx_http_websocket_broker_url(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *url)
{
    size_t       skip;
    ngx_url_t    u;
    ngx_addr_t  *addrs;

    skip = 0;

    if (url->len > 8 && ngx_strncmp(url->data, "redis://", 8) == 0) {
        skip = 8;

    } else if (url->len > 9 && ngx_strncmp(url->data, "rediss://", 9) == 0) {
        skip = 9;
        broker->tls = 1;

    } else if (url->len <= 5 || ngx_strncmp(url->data, "unix:", 5) != 0) {
        return ngx_http_websocket_broker_url_error(cf, url,
                        "it does not begin with redis://, rediss:// or unix:");
    }

    if (ngx_strlchr(url->data, url->data + url->len, '@')) {

        /* it may have a password, which must not be in the error log */

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the URL of broker \"%V\" has a \"@\": use user= "
                           "and password_file=", &broker->name);
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = url->data + skip;
    u.url.len = url->len - skip;
    u.default_port = NGX_HTTP_WEBSOCKET_BROKER_PORT;

    if (skip && ngx_strlchr(u.url.data, u.url.data + u.url.len, '/')) {
        return ngx_http_websocket_broker_url_error(cf, url,
                                                   "there is no path in it");
    }

    /* as the addresses of an upstream: once, and not in a worker */

    if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
        return ngx_http_websocket_broker_url_error(cf, url,
                                               u.err ? u.err : "no memory");
    }

    addrs = ngx_palloc(cf->pool, (broker->naddrs + u.naddrs)
                                 * sizeof(ngx_addr_t));
    if (addrs == NULL) {
        return NGX_CONF_ERROR;
    }

    if (broker->naddrs) {
        ngx_memcpy(addrs, broker->addrs, broker->naddrs * sizeof(ngx_addr_t));
    }

    ngx_memcpy(&addrs[broker->naddrs], u.addrs,
               u.naddrs * sizeof(ngx_addr_t));

    broker->addrs = addrs;
    broker->naddrs += u.naddrs;

    broker->host.len = u.host.len;
    broker->host.data = ngx_pnalloc(cf->pool, u.host.len + 1);

    if (broker->host.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_cpystrn(broker->host.data, u.host.data, u.host.len + 1);

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_broker_url_error(ngx_conf_t *cf, ngx_str_t *url, char *what)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid broker \"%V\": %s", url,
                       what);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_websocket_broker_params(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params)
{
    ngx_str_t  *value;
    ngx_int_t   wait;

    value = &params[NGX_HTTP_WEBSOCKET_BROKER_P_PREFIX].value;

    if (value->data) {
        if (value->len == 0 || value->len > NGX_HTTP_WEBSOCKET_BROKER_PREFIX) {
            return ngx_http_websocket_bad_param(cf, params,
                                                "it is of 1 to 64 bytes");
        }

        broker->prefix = *value;
    }

    value = &params[NGX_HTTP_WEBSOCKET_BROKER_P_AWAY].value;

    if (value->data) {
        if (ngx_strcmp(value->data, "refuse") == 0) {
            broker->refuse = 1;

        } else if (ngx_strcmp(value->data, "wait") != 0) {
            return ngx_http_websocket_bad_param(cf,
                                  &params[NGX_HTTP_WEBSOCKET_BROKER_P_AWAY],
                                  "it is \"wait\" or \"refuse\"");
        }
    }

    value = &params[NGX_HTTP_WEBSOCKET_BROKER_P_TIME].value;

    if (value->data) {
        wait = ngx_parse_time(value, 0);

        if (wait == NGX_ERROR || wait == 0
            || wait > (ngx_int_t) NGX_HTTP_WEBSOCKET_LONGEST)
        {
            return ngx_http_websocket_bad_param(cf,
                                  &params[NGX_HTTP_WEBSOCKET_BROKER_P_TIME],
                                  "not a time above zero");
        }

        broker->wait = wait;
    }

    if (ngx_http_websocket_broker_password(cf, broker,
                                   &params[NGX_HTTP_WEBSOCKET_BROKER_P_FILE])
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = &params[NGX_HTTP_WEBSOCKET_BROKER_P_USER].value;

    if (value->data && broker->password.len == 0) {
        return ngx_http_websocket_bad_param(cf,
                                   &params[NGX_HTTP_WEBSOCKET_BROKER_P_USER],
                                   "there is no password_file=");
    }

    broker->user = *value;

    return ngx_http_websocket_broker_tls(cf, broker,
                                &params[NGX_HTTP_WEBSOCKET_BROKER_P_TRUSTED]);
}


/* the first line of a file: in the configuration it would be seen by more */

static char *
ngx_http_websocket_broker_password(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param)
{
    u_char   buf[NGX_HTTP_WEBSOCKET_BROKER_PASSWORD + 1], *last;
    ssize_t  n;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    n = ngx_http_websocket_conf_file(cf, "password file", &param->value, buf,
                                     NGX_HTTP_WEBSOCKET_BROKER_PASSWORD);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    last = ngx_strlchr(buf, buf + n, LF);

    broker->password.len = (last ? last : buf + n) - buf;

    if (broker->password.len && buf[broker->password.len - 1] == CR) {
        broker->password.len--;
    }

    if (broker->password.len == 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "the file has no password");
    }

    broker->password.data = ngx_pnalloc(cf->pool, broker->password.len);
    if (broker->password.data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(broker->password.data, buf, broker->password.len);
    ngx_explicit_memzero(buf, sizeof(buf));

    ngx_http_websocket_broker_warn(cf, broker, &param->value);

    return NGX_CONF_OK;
}


static void
ngx_http_websocket_broker_warn(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *file)
{
    in_addr_t         ip;
    ngx_uint_t        i;
    ngx_file_info_t   fi;
    struct sockaddr  *sa;

    if (ngx_file_info(file->data, &fi) != NGX_FILE_ERROR
        && ngx_file_access(&fi) & 0007)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the password file \"%V\" can be read by all",
                           file);
    }

    for (i = 0; !broker->tls && i < broker->naddrs; i++) {

        sa = broker->addrs[i].sockaddr;

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

        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the password of broker \"%V\" goes to %V in plain "
                           "text: use rediss://", &broker->name,
                           &broker->addrs[i].name);
        return;
    }
}


#if (NGX_SSL)

static char *
ngx_http_websocket_broker_tls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param)
{
    ngx_pool_cleanup_t  *cln;

    if (!broker->tls) {
        return param->value.data
               ? ngx_http_websocket_bad_param(cf, param,
                                              "the URL is not rediss://")
               : NGX_CONF_OK;
    }

    broker->ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    if (broker->ssl == NULL) {
        return NGX_CONF_ERROR;
    }

    broker->ssl->log = cf->log;

    if (ngx_ssl_create(broker->ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        ngx_ssl_cleanup_ctx(broker->ssl);
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = broker->ssl;

    if (param->value.data) {
        return ngx_ssl_trusted_certificate(cf, broker->ssl, &param->value,
                                           NGX_HTTP_WEBSOCKET_BROKER_DEPTH)
               == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    /* trusts the authorities that the system trusts */

    if (SSL_CTX_set_default_verify_paths(broker->ssl->ctx) == 0) {
        ngx_ssl_error(NGX_LOG_EMERG, cf->log, 0,
                      "SSL_CTX_set_default_verify_paths() failed");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}

#else

static char *
ngx_http_websocket_broker_tls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *param)
{
    if (broker->tls) {
        return ngx_http_websocket_broker_url_error(cf, &broker->url,
                                                   "nginx was built without "
                                                   "SSL");
    }

    return param->value.data
           ? ngx_http_websocket_bad_param(cf, param,
                                          "the URL is not rediss://")
           : NGX_CONF_OK;
}

#endif


ngx_http_websocket_broker_conf_t *
ngx_http_websocket_broker_find(ngx_conf_t *cf,
    ngx_http_websocket_brokered_t *brokered)
{
    ngx_uint_t                         i;
    ngx_http_websocket_main_conf_t    *wmcf;
    ngx_http_websocket_broker_conf_t  *broker;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    broker = wmcf->brokers.elts;

    for (i = 0; i < wmcf->brokers.nelts; i++) {

        if (brokered->broker.len != broker[i].name.len
            || ngx_strncmp(brokered->broker.data, broker[i].name.data,
                           broker[i].name.len)
               != 0)
        {
            continue;
        }

        /* two zones with the same broker would have the same channels */

        if (broker[i].used) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "websocket broker \"%V\" is used by two zones: "
                          "define another one, with another prefix=, in "
                          "%s:%ui", &broker[i].name, brokered->place.file,
                          brokered->place.line);
            return NULL;
        }

        broker[i].used = 1;

        return &broker[i];
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "websocket broker \"%V\" is not defined in %s:%ui",
                  &brokered->broker, brokered->place.file,
                  brokered->place.line);

    return NULL;
}
