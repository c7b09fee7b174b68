
/*
 * Message types in the configuration: websocket_message, and what the
 * locations do with it.
 */


#ifndef NGX_HTTP_WEBSOCKET_TYPES_H
#define NGX_HTTP_WEBSOCKET_TYPES_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "message/stamp.h"
#include "message/type.h"


/* what a message may have, where the location does not say */
#define NGX_HTTP_WEBSOCKET_DEPTH   32
#define NGX_HTTP_WEBSOCKET_VALUES  10000

/* views of all types: 1 and up; 0 is all of a message, as it is */
#define NGX_HTTP_WEBSOCKET_VIEWS  127


/* where a directive stood: for what can be checked only later */

typedef struct {
    u_char                       *file;
    ngx_uint_t                    line;
} ngx_http_websocket_place_t;


/* a view of a type, as an element of the main configuration's views */

typedef struct {
    const ngx_websocket_type_t   *type;
    const ngx_websocket_view_t   *view;
} ngx_http_websocket_view_t;


/* websocket_receive or websocket_send */

typedef struct {
    ngx_str_t                     name;     /* of the type */
    ngx_http_websocket_place_t    place;
    const ngx_websocket_type_t   *type;
    ngx_uint_t                    close;    /* a violation ends the session */
    uint32_t                      depth;
    uint32_t                      values;
} ngx_http_websocket_use_t;


/* websocket_stamp */

typedef struct {
    ngx_websocket_stamp_name_t    names[NGX_WEBSOCKET_STAMP_FIELDS];
    ngx_http_complex_value_t     *from;
} ngx_http_websocket_stamp_t;


/* websocket_collect */

typedef struct {
    size_t                        max;
    ngx_str_t                     name;     /* of the view; may be empty */
    const ngx_websocket_view_t   *view;     /* NULL: all */
} ngx_http_websocket_collect_t;


/* what a location says of its messages */

typedef struct {
    ngx_http_websocket_use_t     *receive;  /* NULL: any message */
    ngx_http_websocket_use_t     *send;     /* NULL: any message */
    ngx_http_complex_value_t     *view;     /* NULL: all of a message */
    ngx_flag_t                    filter;
    ngx_http_websocket_stamp_t   *stamp;    /* NULL: off */
    ngx_http_websocket_collect_t *collect;  /* NULL: off */
    ngx_uint_t                    takes;    /* something is to be done with
                                               what a client sends */
} ngx_http_websocket_typed_t;


/* the directives */

char *ngx_http_websocket_message(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_message_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_use(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_stamp(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_collects(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

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

/* Merges, and finds the types, which may stand anywhere in the http block. */
char *ngx_http_websocket_typed_merge(ngx_conf_t *cf,
    ngx_http_websocket_typed_t *prev, ngx_http_websocket_typed_t *typed);

/*
 * The number of the view of a name, 0 for "default"; NGX_ERROR when the type
 * has none of that name.  Either of the first two may be NULL.
 */
ngx_int_t ngx_http_websocket_view_number(ngx_array_t *views,
    const ngx_websocket_type_t *type, ngx_str_t *name);

/* In init_process: the views of the configuration that runs. */
void ngx_http_websocket_types_start(ngx_array_t *views);

/* The view of a number above 0, in a worker. */
const ngx_websocket_view_t *ngx_http_websocket_view(ngx_uint_t number);


#endif /* NGX_HTTP_WEBSOCKET_TYPES_H */
