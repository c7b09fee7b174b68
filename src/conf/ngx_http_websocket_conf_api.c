
#include "conf/ngx_http_websocket_conf_api.h"
#include "conf/ngx_http_websocket_conf_param.h"

#include <openssl/sha.h>


/* the bytes of a file of keys, and the fewest of a key */
#define NGX_HTTP_WEBSOCKET_API_FILE  4096
#define NGX_HTTP_WEBSOCKET_API_KEY   16


static char *ngx_http_websocket_api_file(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_str_t *name);
static char *ngx_http_websocket_api_lines(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_str_t *name, u_char *p,
    u_char *last);
static ngx_int_t ngx_http_websocket_api_add(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, u_char *p, size_t size);


char *
ngx_http_websocket_conf_api(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf)
{
    ngx_str_t   *value, text;
    ngx_uint_t   i, insecure;

    insecure = 0;
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (value[i].len > 4 && ngx_strncmp(value[i].data, "key=", 4) == 0) {
            text.data = value[i].data + 4;
            text.len = value[i].len - 4;

            if (ngx_http_websocket_api_file(cf, wlcf, &text) != NGX_CONF_OK) {
                return NGX_CONF_ERROR;
            }

        } else if (value[i].len > 5
                   && ngx_strncmp(value[i].data, "zone=", 5) == 0)
        {
            wlcf->zone_name.data = value[i].data + 5;
            wlcf->zone_name.len = value[i].len - 5;

        } else if (ngx_strcmp(value[i].data, "insecure") == 0) {
            insecure = 1;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", it must be "
                               "key=FILE, zone=NAME or \"insecure\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    if ((wlcf->api_keys != NULL) == insecure) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "either key=FILE or \"insecure\" is expected");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_api_file(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_str_t *name)
{
    char             *rc;
    u_char            buf[NGX_HTTP_WEBSOCKET_API_FILE + 1];
    ssize_t           n;
    ngx_file_info_t   fi;

    n = ngx_http_websocket_conf_file(cf, "file of keys", name, buf,
                                     NGX_HTTP_WEBSOCKET_API_FILE);
    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    rc = NGX_CONF_ERROR;

    if (ngx_file_info(name->data, &fi) == NGX_FILE_ERROR
        || ngx_file_access(&fi) & 0007)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file of keys \"%V\" can be read by all: "
                           "\"chmod o= FILE\" takes that right away", name);

    } else {
        rc = ngx_http_websocket_api_lines(cf, wlcf, name, buf, buf + n);
    }

    ngx_explicit_memzero(buf, sizeof(buf));

    return rc;
}


/* a key in each line that is not empty */

static char *
ngx_http_websocket_api_lines(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_str_t *name, u_char *p,
    u_char *last)
{
    u_char      *end, *next;
    ngx_uint_t   line, keys;

    for (line = 1, keys = 0; p < last; p = next, line++) {

        end = ngx_strlchr(p, last, LF);
        next = end ? end + 1 : last;
        end = end ? end : last;

        if (end > p && end[-1] == CR) {
            end--;
        }

        if (end == p) {
            continue;
        }

        if (end - p < NGX_HTTP_WEBSOCKET_API_KEY) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "the key in line %ui of \"%V\" is shorter than "
                               ngx_value(NGX_HTTP_WEBSOCKET_API_KEY) " bytes",
                               line, name);
            return NGX_CONF_ERROR;
        }

        if (ngx_http_websocket_api_add(cf, wlcf, p, end - p) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        keys++;
    }

    if (keys == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the file of keys \"%V\" has no key", name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* workers have what tells a key, not the key */

static ngx_int_t
ngx_http_websocket_api_add(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, u_char *p, size_t size)
{
    ngx_http_websocket_api_key_t  *key;

    if (wlcf->api_keys == NULL) {
        wlcf->api_keys = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_websocket_api_key_t));
        if (wlcf->api_keys == NULL) {
            return NGX_ERROR;
        }
    }

    key = ngx_array_push(wlcf->api_keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    (void) SHA256(p, size, key->digest);

    return NGX_OK;
}
