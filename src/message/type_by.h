
/*
 * Types of several: a field of the message says which.
 */


#ifndef NGX_WEBSOCKET_TYPE_BY_H
#define NGX_WEBSOCKET_TYPE_BY_H


#include "message/type.h"


/*
 * Takes the words FIELD WORD=TYPE ... behind "by".  The field is made here: a
 * string that is required, and one of the words.  Returns 0, or -1 with an
 * error's text: the type is then only to be destroyed.
 */
int ngx_websocket_type_by(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size);

/*
 * The type that an object is of beside this one, which its field says; NULL
 * when there is none, or the field is not one of the words.
 */
const ngx_websocket_type_t *ngx_websocket_type_variant(
    const ngx_websocket_type_t *type, const json_t *json);


#endif /* NGX_WEBSOCKET_TYPE_BY_H */
