
#include "broker/ngx_http_websocket_key.h"
#include "broker/ngx_http_websocket_remote_publish.h"

#include <ngx_sha1.h>


#define NGX_HTTP_WEBSOCKET_KEY_BYTES  255   /* of ngx_websocket_store_key() */


void
ngx_http_websocket_publisher_key(ngx_http_websocket_zone_t *zone,
    ngx_str_t *id, uint64_t key[2])
{
    if (zone->remote) {
        ngx_http_websocket_remote_key(id, key);
        return;
    }

    ngx_websocket_store_key(zone->store, id->data, id->len, key);
}


void
ngx_http_websocket_client_key(ngx_http_websocket_zone_t *zone, ngx_str_t *user,
    uint64_t own, ngx_str_t *id, uint64_t key[2])
{
    u_char      *p, buf[NGX_HTTP_WEBSOCKET_KEY_BYTES];
    ngx_str_t    text;
    ngx_sha1_t   sha1;

    p = buf;

    if ((user ? user->len : 0) + 1 + id->len > sizeof(buf)) {

        /* a key that is too long is told apart from others by its digest */

        *p++ = '\0';
        *p++ = '\0';

        ngx_sha1_init(&sha1);

        if (user) {
            ngx_sha1_update(&sha1, user->data, user->len);
            ngx_sha1_update(&sha1, "", 1);
        }

        ngx_sha1_update(&sha1, id->data, id->len);
        ngx_sha1_final(p, &sha1);

        p += 20;

    } else {

        if (user) {
            p = ngx_cpymem(p, user->data, user->len);
            *p++ = '\0';
        }

        p = ngx_cpymem(p, id->data, id->len);
    }

    text.data = buf;
    text.len = p - buf;

    ngx_http_websocket_publisher_key(zone, &text, key);

    /* no publisher's key can be the same, nor another session's */

    key[0] ^= own;
    key[1] = ~key[1];
}
