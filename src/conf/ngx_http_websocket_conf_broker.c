
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_broker.h"
#include "conf/ngx_http_websocket_conf_broker_host.h"


#define NGX_HTTP_WEBSOCKET_BROKER_WAIT      5000    /* milliseconds */
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
    NGX_HTTP_WEBSOCKET_BROKER_P_DEAF,
    NGX_HTTP_WEBSOCKET_BROKER_P_TIME,
    NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL,
    NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL_FILE,
    NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL_USER,
    NGX_HTTP_WEBSOCKET_BROKER_P_SSL_NAME
} ngx_http_websocket_broker_param_e;


static char *ngx_http_websocket_broker_urls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_uint_t *n);
static char *ngx_http_websocket_broker_sentinel(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_broker_params(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_broker_login(ngx_conf_t *cf,
    ngx_http_websocket_broker_login_t *login,
    ngx_http_websocket_param_t *file, ngx_http_websocket_param_t *user);
static char *ngx_http_websocket_broker_password(ngx_conf_t *cf,
    ngx_str_t *password, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_broker_tls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params);
#if (NGX_SSL)
static char *ngx_http_websocket_broker_ssl(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *trusted);
#endif


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
        { "deaf=", ngx_null_string },
        { "wait=", ngx_null_string },
        { "sentinel=", ngx_null_string },
        { "sentinel_password_file=", ngx_null_string },
        { "sentinel_user=", ngx_null_string },
        { "ssl_name=", ngx_null_string },
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

    broker->place.file = cf->conf_file->file.name.data;
    broker->place.line = cf->conf_file->line;

    if (ngx_http_websocket_broker_urls(cf, broker, &i) != NGX_CONF_OK
        || ngx_http_websocket_params(cf, params, i) != NGX_CONF_OK
        || ngx_http_websocket_broker_sentinel(cf, broker, params)
           != NGX_CONF_OK
        || ngx_http_websocket_broker_params(cf, broker, params) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_websocket_broker_tls(cf, broker, params);
}


/* *n is set to the place of the first argument that is no URL */

static char *
ngx_http_websocket_broker_urls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_uint_t *n)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;

    broker->hosts = ngx_pcalloc(cf->pool, (cf->args->nelts - 2)
                                  * sizeof(ngx_http_websocket_broker_host_t));
    if (broker->hosts == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (i > 2 && ngx_strlchr(value[i].data, value[i].data + value[i].len,
                                 '='))
        {
            break;
        }

        if (ngx_http_websocket_broker_host(cf, broker, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    *n = i;

    return NGX_CONF_OK;
}


/* with it the URLs are Sentinels'; without it there is one, the server's */

static char *
ngx_http_websocket_broker_sentinel(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params)
{
    ngx_http_websocket_param_t  *param, *file, *user;

    param = &params[NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL];
    file = &params[NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL_FILE];
    user = &params[NGX_HTTP_WEBSOCKET_BROKER_P_SENTINEL_USER];

    broker->sentinel = param->value;

    if (param->value.data == NULL) {

        if (file->value.data || user->value.data) {
            return ngx_http_websocket_bad_param(cf,
                                           file->value.data ? file : user,
                                           "there is no sentinel=");
        }

        if (broker->nhosts == 1) {
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

    return ngx_http_websocket_broker_login(cf, &broker->sentinel_login, file,
                                           user);
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

    value = &params[NGX_HTTP_WEBSOCKET_BROKER_P_DEAF].value;

    if (value->data) {
        if (ngx_strcmp(value->data, "stay") == 0) {
            broker->stay = 1;

        } else if (ngx_strcmp(value->data, "close") != 0) {
            return ngx_http_websocket_bad_param(cf,
                                  &params[NGX_HTTP_WEBSOCKET_BROKER_P_DEAF],
                                  "it is \"close\" or \"stay\"");
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

    return ngx_http_websocket_broker_login(cf, &broker->login,
                                   &params[NGX_HTTP_WEBSOCKET_BROKER_P_FILE],
                                   &params[NGX_HTTP_WEBSOCKET_BROKER_P_USER]);
}


static char *
ngx_http_websocket_broker_login(ngx_conf_t *cf,
    ngx_http_websocket_broker_login_t *login,
    ngx_http_websocket_param_t *file, ngx_http_websocket_param_t *user)
{
    ngx_file_info_t  fi;

    if (file->value.data == NULL) {
        return user->value.data
               ? ngx_http_websocket_bad_param(cf, user,
                                              "there is no password_file=")
               : NGX_CONF_OK;
    }

    if (ngx_http_websocket_broker_password(cf, &login->password, file)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    login->user = user->value;

    if (ngx_file_info(file->value.data, &fi) != NGX_FILE_ERROR
        && ngx_file_access(&fi) & 0007)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "the password file \"%V\" can be read by all",
                           &file->value);
    }

    return NGX_CONF_OK;
}


/* the first line of a file: in the configuration it would be seen by more */

static char *
ngx_http_websocket_broker_password(ngx_conf_t *cf, ngx_str_t *password,
    ngx_http_websocket_param_t *param)
{
    u_char   buf[NGX_HTTP_WEBSOCKET_BROKER_PASSWORD + 1], *last;
    ssize_t  n;

    n = ngx_http_websocket_conf_file(cf, "password file", &param->value, buf,
                                     NGX_HTTP_WEBSOCKET_BROKER_PASSWORD);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    last = ngx_strlchr(buf, buf + n, LF);

    password->len = (last ? last : buf + n) - buf;

    if (password->len && buf[password->len - 1] == CR) {
        password->len--;
    }

    if (password->len == 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "the file has no password");
    }

    password->data = ngx_pnalloc(cf->pool, password->len);
    if (password->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(password->data, buf, password->len);
    ngx_explicit_memzero(buf, sizeof(buf));

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_broker_tls(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker,
    ngx_http_websocket_param_t *params)
{
    ngx_http_websocket_param_t  *trusted, *name;

    trusted = &params[NGX_HTTP_WEBSOCKET_BROKER_P_TRUSTED];
    name = &params[NGX_HTTP_WEBSOCKET_BROKER_P_SSL_NAME];

    if (!broker->tls) {

        if (trusted->value.data || name->value.data) {
            return ngx_http_websocket_bad_param(cf,
                                        trusted->value.data ? trusted : name,
                                        "the URL is not rediss://");
        }

        return NGX_CONF_OK;
    }

    if (name->value.data && name->value.len == 0) {
        return ngx_http_websocket_bad_param(cf, name, "it is empty");
    }

    broker->ssl_name = name->value;

#if (NGX_SSL)

    return ngx_http_websocket_broker_ssl(cf, broker, &trusted->value);

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid broker \"%V\": nginx was built without SSL",
                       &broker->hosts[0].url);

    return NGX_CONF_ERROR;

#endif
}


#if (NGX_SSL)

static char *
ngx_http_websocket_broker_ssl(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *trusted)
{
    ngx_pool_cleanup_t  *cln;

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

    if (trusted->data) {
        return ngx_ssl_trusted_certificate(cf, broker->ssl, trusted,
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

        return ngx_http_websocket_broker_resolve(cf, &broker[i]) == NGX_OK
               ? &broker[i] : NULL;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "websocket broker \"%V\" is not defined in %s:%ui",
                  &brokered->broker, brokered->place.file,
                  brokered->place.line);

    return NULL;
}
