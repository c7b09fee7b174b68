
/*
 * Message types: websocket_type, and what locations do with it.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_TYPES_H
#define NGX_HTTP_WEBSOCKET_CONF_TYPES_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Makes a type without fields, which is found by its name from then on.
 * Returns NULL with an error's text.
 */
ngx_websocket_type_t *ngx_http_websocket_type_create(ngx_conf_t *cf,
    const char *name, char *error, size_t size);

/*
 * Gives a type's new view its number.  Returns 0, or -1 with an error's text.
 */
int ngx_http_websocket_type_view(ngx_conf_t *cf, ngx_websocket_type_t *type,
    const char *name, char *error, size_t size);

/* Sets all to "not said". */
void ngx_http_websocket_typed_init(ngx_http_websocket_typed_t *typed);

/*
 * Merges, and finds the types, which may stand anywhere in the http block.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR, which it has logged.
 */
char *ngx_http_websocket_typed_merge(ngx_conf_t *cf,
    ngx_http_websocket_typed_t *prev, ngx_http_websocket_typed_t *typed);

/* What is wrong with a location that is merged, or NGX_CONF_OK. */
char *ngx_http_websocket_typed_check(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);

/* A text that says that the type has no such view as a directive says. */
char *ngx_http_websocket_no_view(ngx_conf_t *cf,
    const ngx_websocket_type_t *type, ngx_str_t *name, char *directive);

/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_message(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_use(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_filter(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_TYPES_H */
