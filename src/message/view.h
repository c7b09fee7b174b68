
/*
 * A view: some of a message's fields, in the order in which it names them.
 * It is computed once per message, whatever number of subscribers has it.
 */


#ifndef NGX_WEBSOCKET_VIEW_H
#define NGX_WEBSOCKET_VIEW_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "message/json.h"


#define NGX_WEBSOCKET_VIEW_DEPTH  8     /* of "a.b.c": names in one path */


typedef struct ngx_websocket_view_s  ngx_websocket_view_t;


/*
 * Makes a view of n paths: "a", or "a.b" for the member b of the object a.
 * Those within one object come together, where its first one stands.  With n
 * of 0 it is the view of all fields.  Returns NULL and an error's text when a
 * path is malformed, comes twice, or is within another one; or when memory is
 * refused.
 */
ngx_websocket_view_t *ngx_websocket_view_create(const char *name,
    const char *const *paths, size_t n, char *error, size_t size);

/* Frees a view. */
void ngx_websocket_view_destroy(ngx_websocket_view_t *view);

/* Its name. */
const char *ngx_websocket_view_name(const ngx_websocket_view_t *view);

/* Not 0 when the view shows the value at a path, with all that is in it. */
int ngx_websocket_view_shows(const ngx_websocket_view_t *view,
    const char *path, size_t size);

/*
 * Appends a message, a JSON object, as the view shows it.  A field that the
 * message has not is left out; so is the member of what is not an object.
 * Returns 0, or -1 when memory was refused: the text is to be thrown away.
 */
int ngx_websocket_view_project(const ngx_websocket_view_t *view,
    json_t *message, ngx_websocket_json_text_t *text);


#endif /* NGX_WEBSOCKET_VIEW_H */
