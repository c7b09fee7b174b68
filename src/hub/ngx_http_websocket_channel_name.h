
/* The name of a channel, which all users of the channel in a worker share. */


#ifndef NGX_HTTP_WEBSOCKET_CHANNEL_NAME_H
#define NGX_HTTP_WEBSOCKET_CHANNEL_NAME_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct {
    uint32_t                      refs;
    ngx_str_t                     text;     /* behind the struct */
} ngx_http_websocket_channel_name_t;


/*
 * Returns a name with a reference for the caller, or NULL: memory was refused.
 */
ngx_http_websocket_channel_name_t *ngx_http_websocket_channel_name_create(
    ngx_str_t *text, ngx_log_t *log);

/* Gives a reference back. */
void ngx_http_websocket_channel_name_release(
    ngx_http_websocket_channel_name_t *name);

/* Sets *text, which is valid as long as the name is, and empty for NULL. */
void ngx_http_websocket_channel_name(ngx_http_websocket_channel_name_t *name,
    ngx_str_t *text);

/* What is wrong with a channel's name, or NULL. */
char *ngx_http_websocket_channel_name_error(ngx_str_t *name);


/* Takes one more reference. */

static ngx_inline ngx_http_websocket_channel_name_t *
ngx_http_websocket_channel_name_hold(ngx_http_websocket_channel_name_t *name)
{
    name->refs++;

    return name;
}


#endif /* NGX_HTTP_WEBSOCKET_CHANNEL_NAME_H */
