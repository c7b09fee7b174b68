
/*
 * The message types that there are, and the search for one by its name that
 * they are made with: to be included behind "message/type.h".
 */


#ifndef NGX_WEBSOCKET_TYPES_LIST_H
#define NGX_WEBSOCKET_TYPES_LIST_H


#include <string.h>


#define TYPES_MAX  512


static ngx_websocket_type_t  *types[TYPES_MAX];
static size_t                 types_count;


static ngx_websocket_type_t *
find(void *data, const char *name)
{
    size_t  i;

    (void) data;

    for (i = 0; i < types_count; i++) {

        if (strcmp(ngx_websocket_type_name(types[i]), name) == 0) {
            return types[i];
        }
    }

    return NULL;
}


#endif /* NGX_WEBSOCKET_TYPES_LIST_H */
