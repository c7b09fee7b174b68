
#include "conf/ngx_http_websocket_conf_jwt.h"
#include "conf/ngx_http_websocket_conf_param.h"


enum {
    NGX_HTTP_WEBSOCKET_JWT_KEY = 0,
    NGX_HTTP_WEBSOCKET_JWT_ALG,
    NGX_HTTP_WEBSOCKET_JWT_FROM,
    NGX_HTTP_WEBSOCKET_JWT_COOKIE,
    NGX_HTTP_WEBSOCKET_JWT_ISSUER,
    NGX_HTTP_WEBSOCKET_JWT_AUDIENCE,
    NGX_HTTP_WEBSOCKET_JWT_LEEWAY,
    NGX_HTTP_WEBSOCKET_JWT_RENEW,
    NGX_HTTP_WEBSOCKET_JWT_EXP,
    NGX_HTTP_WEBSOCKET_JWT_CHANNELS,
    NGX_HTTP_WEBSOCKET_JWT_TYPE,
    NGX_HTTP_WEBSOCKET_JWT_MAX_AGE,
    NGX_HTTP_WEBSOCKET_JWT_N
};


/* the most that parameters may say, seconds */
#define NGX_HTTP_WEBSOCKET_JWT_HOUR  3600
#define NGX_HTTP_WEBSOCKET_JWT_DAY   (24 * 3600)
#define NGX_HTTP_WEBSOCKET_JWT_YEAR  (365 * 24 * 3600)


static char *ngx_http_websocket_jwt_places(ngx_conf_t *cf,
    ngx_http_websocket_jwt_t *jwt, ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_jwt_rules(ngx_conf_t *cf,
    ngx_http_websocket_jwt_t *jwt, ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_jwt_type(ngx_conf_t *cf,
    ngx_http_websocket_jwt_t *jwt, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_jwt_seconds(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, time_t *seconds, time_t most);
static char *ngx_http_websocket_jwt_required(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag);
static char *ngx_http_websocket_jwt_load(ngx_conf_t *cf,
    ngx_http_websocket_jwt_t *jwt, ngx_http_websocket_param_t *params);
static void ngx_http_websocket_jwt_cleanup(void *data);
static ngx_http_complex_value_t *ngx_http_websocket_jwt_value(ngx_conf_t *cf,
    ngx_str_t *text);


char *
ngx_http_websocket_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                   *value;
    ngx_pool_cleanup_t          *cln;
    ngx_http_websocket_jwt_t    *jwt;
    ngx_http_websocket_param_t   params[] = {
        { "key=", ngx_null_string },
        { "alg=", ngx_null_string },
        { "from=", ngx_null_string },
        { "cookie=", ngx_null_string },
        { "issuer=", ngx_null_string },
        { "audience=", ngx_null_string },
        { "leeway=", ngx_null_string },
        { "renew=", ngx_null_string },
        { "exp=", ngx_null_string },
        { "channels=", ngx_null_string },
        { "typ=", ngx_null_string },
        { "max_age=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->jwt != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->jwt = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, sizeof(ngx_http_websocket_jwt_t));
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    jwt = cln->data;
    ngx_memzero(jwt, sizeof(ngx_http_websocket_jwt_t));

    if (ngx_http_websocket_jwt_places(cf, jwt, params) != NGX_CONF_OK
        || ngx_http_websocket_jwt_rules(cf, jwt, params) != NGX_CONF_OK
        || ngx_http_websocket_jwt_load(cf, jwt, params) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_websocket_jwt_cleanup;

    wlcf->jwt = jwt;

    return NGX_CONF_OK;
}


/* where a request has its token */

static char *
ngx_http_websocket_jwt_places(ngx_conf_t *cf, ngx_http_websocket_jwt_t *jwt,
    ngx_http_websocket_param_t *params)
{
    ngx_str_t                    name;
    ngx_http_websocket_param_t  *from, *cookie;

    from = &params[NGX_HTTP_WEBSOCKET_JWT_FROM];
    cookie = &params[NGX_HTTP_WEBSOCKET_JWT_COOKIE];

    if (from->value.data) {

        if (cookie->value.data) {
            return ngx_http_websocket_bad_param(cf, cookie,
                                                "from= is the only place");
        }

        if (from->value.len == 0) {
            return ngx_http_websocket_bad_param(cf, from, "no value");
        }

        jwt->from = ngx_http_websocket_jwt_value(cf, &from->value);

        return jwt->from ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (cookie->value.data == NULL) {
        return NGX_CONF_OK;
    }

    /* as it stands after $cookie_ */

    for (name = cookie->value; name.len; name.data++, name.len--) {
        if ((name.data[0] < '0' || name.data[0] > '9')
            && (name.data[0] < 'a' || name.data[0] > 'z')
            && (name.data[0] < 'A' || name.data[0] > 'Z')
            && name.data[0] != '_')
        {
            break;
        }
    }

    if (name.len || cookie->value.len == 0) {
        return ngx_http_websocket_bad_param(cf, cookie, "a cookie's name has "
                                            "letters, digits and underscores");
    }

    name.data = ngx_pnalloc(cf->pool, sizeof("$cookie_") + cookie->value.len);
    if (name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    name.len = ngx_sprintf(name.data, "$cookie_%V%Z", &cookie->value)
               - name.data - 1;

    jwt->cookie = ngx_http_websocket_jwt_value(cf, &name);

    return jwt->cookie ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_http_complex_value_t *
ngx_http_websocket_jwt_value(ngx_conf_t *cf, ngx_str_t *text)
{
    ngx_http_complex_value_t  *cv;

    cv = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));

    if (cv == NULL || ngx_http_websocket_compile(cf, cv, text) != NGX_OK) {
        return NULL;
    }

    return cv;
}


/* what is asked of a token besides its signature */

static char *
ngx_http_websocket_jwt_rules(ngx_conf_t *cf, ngx_http_websocket_jwt_t *jwt,
    ngx_http_websocket_param_t *params)
{
    time_t      leeway, age;
    ngx_uint_t  i, expiry;

    for (i = NGX_HTTP_WEBSOCKET_JWT_ISSUER;
         i <= NGX_HTTP_WEBSOCKET_JWT_AUDIENCE;
         i++)
    {
        if (params[i].value.data && params[i].value.len == 0) {
            return ngx_http_websocket_bad_param(cf, &params[i], "no value");
        }
    }

    /* arguments of the configuration end with a null */

    jwt->rules.issuer =
              (char *) params[NGX_HTTP_WEBSOCKET_JWT_ISSUER].value.data;
    jwt->rules.audience =
              (char *) params[NGX_HTTP_WEBSOCKET_JWT_AUDIENCE].value.data;

    age = 0;
    leeway = 0;
    expiry = 0;

    if (ngx_http_websocket_jwt_seconds(cf,
                                       &params[NGX_HTTP_WEBSOCKET_JWT_LEEWAY],
                                       &leeway, NGX_HTTP_WEBSOCKET_JWT_HOUR)
        != NGX_CONF_OK
        || ngx_http_websocket_jwt_seconds(cf,
                                       &params[NGX_HTTP_WEBSOCKET_JWT_RENEW],
                                       &jwt->renew, NGX_HTTP_WEBSOCKET_JWT_DAY)
           != NGX_CONF_OK
        || ngx_http_websocket_jwt_seconds(cf,
                                       &params[NGX_HTTP_WEBSOCKET_JWT_MAX_AGE],
                                       &age, NGX_HTTP_WEBSOCKET_JWT_YEAR)
           != NGX_CONF_OK
        || ngx_http_websocket_jwt_required(cf,
                                       &params[NGX_HTTP_WEBSOCKET_JWT_EXP],
                                       &expiry)
           != NGX_CONF_OK
        || ngx_http_websocket_jwt_required(cf,
                                     &params[NGX_HTTP_WEBSOCKET_JWT_CHANNELS],
                                     &jwt->channels)
           != NGX_CONF_OK
        || ngx_http_websocket_jwt_type(cf, jwt,
                                       &params[NGX_HTTP_WEBSOCKET_JWT_TYPE])
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    jwt->rules.leeway = leeway;
    jwt->rules.max_age = age;
    jwt->rules.expiry = expiry;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_jwt_type(ngx_conf_t *cf, ngx_http_websocket_jwt_t *jwt,
    ngx_http_websocket_param_t *param)
{
    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(param->value.data, "at+jwt") != 0
        && ngx_strcmp(param->value.data, "JWT") != 0)
    {
        return ngx_http_websocket_bad_param(cf, param,
                                            "it is \"at+jwt\" or \"JWT\"");
    }

    jwt->rules.type = (char *) param->value.data;

    return NGX_CONF_OK;
}


/* leaves *seconds as it is when the parameter was not given */

static char *
ngx_http_websocket_jwt_seconds(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, time_t *seconds, time_t most)
{
    ngx_int_t  n;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    n = ngx_parse_time(&param->value, 1);

    if (n == NGX_ERROR || n == 0 || n > most) {
        return ngx_http_websocket_bad_param(cf, param,
                                      most == NGX_HTTP_WEBSOCKET_JWT_HOUR
                                      ? "not a time from 1s to 1h"
                                      : most == NGX_HTTP_WEBSOCKET_JWT_DAY
                                        ? "not a time from 1s to 1d"
                                        : "not a time from 1s to 1y");
    }

    *seconds = n;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_jwt_required(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag)
{
    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(param->value.data, "required") != 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "it can only be \"required\"");
    }

    *flag = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_jwt_load(ngx_conf_t *cf, ngx_http_websocket_jwt_t *jwt,
    ngx_http_websocket_param_t *params)
{
    ssize_t                      n;
    ngx_str_t                    name;
    const char                  *error;
    ngx_http_websocket_param_t  *key, *alg;
    u_char                       buf[NGX_WEBSOCKET_KEYS_SIZE + 1];

    key = &params[NGX_HTTP_WEBSOCKET_JWT_KEY];
    alg = &params[NGX_HTTP_WEBSOCKET_JWT_ALG];

    if (key->value.len == 0) {
        return ngx_http_websocket_bad_param(cf, key, "key=FILE is required");
    }

    if (alg->value.data
        && ngx_websocket_keys_alg((char *) alg->value.data) == JWT_ALG_INVAL)
    {
        return ngx_http_websocket_bad_param(cf, alg,
                                     "it is one of HS256, HS384, HS512, "
                                     "RS256, RS384, RS512, ES256, ES384, "
                                     "ES512");
    }

    name = key->value;

    n = ngx_http_websocket_conf_file(cf, "key file", &name, buf,
                                     NGX_WEBSOCKET_KEYS_SIZE);

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    error = ngx_websocket_keys_load(&jwt->keys, buf, n,
                                    (char *) alg->value.data);

    ngx_explicit_memzero(buf, n);

    if (error) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key %ui of \"%V\": %s",
                           (ngx_uint_t) jwt->keys.n + 1, &name, error);
        jwt->keys.n = 0;
        return NGX_CONF_ERROR;
    }

    if (jwt->keys.weak) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "a secret in \"%V\" is shorter than the hash that "
                           "it is used with, and can be guessed", &name);
    }

    return NGX_CONF_OK;
}


static void
ngx_http_websocket_jwt_cleanup(void *data)
{
    ngx_http_websocket_jwt_t *jwt = data;

    ngx_websocket_keys_free(&jwt->keys);
}


/* as they stand in a quoted string: RFC 6750, section 3 */

char *
ngx_http_websocket_require_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    size_t      k;
    ngx_str_t  *value, *name;
    ngx_uint_t  i;

    if (wlcf->scopes != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wlcf->scopes = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                    sizeof(ngx_str_t));
    if (wlcf->scopes == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        for (k = 0; k < value[i].len; k++) {
            if (value[i].data[k] <= ' ' || value[i].data[k] >= 0x7f
                || value[i].data[k] == '"' || value[i].data[k] == '\\')
            {
                break;
            }
        }

        if (k < value[i].len || value[i].len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid scope \"%V\": a scope has no spaces, "
                               "quotes or backslashes", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wlcf->scopes);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}
