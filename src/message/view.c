
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/view.h"


#define NGX_WEBSOCKET_VIEW_NONE  UINT32_MAX


/* a name in a path: a field to be shown, or an object with such in it */

typedef struct {
    const char    *name;
    uint32_t       size;
    uint32_t       key;       /* of the name as a JSON string with ":" behind:
                                 its offset and size in the view's keys */
    uint32_t       key_size;
    uint32_t       first;     /* member; none: the whole field is shown */
    uint32_t       next;
} ngx_websocket_view_node_t;


struct ngx_websocket_view_s {
    ngx_websocket_view_node_t   *nodes;
    uint32_t                     count;
    uint32_t                     first;
    char                        *name;
    char                        *paths;   /* copies, one behind the other */
    ngx_websocket_json_text_t    keys;
};


static int ngx_websocket_view_init(ngx_websocket_view_t *view,
    const char *name, const char *const *paths, size_t n);
static const char *ngx_websocket_view_add(ngx_websocket_view_t *view,
    const char *path);
static uint32_t *ngx_websocket_view_find(const ngx_websocket_view_t *view,
    uint32_t *list, const char *name, size_t size);
static int ngx_websocket_view_append(ngx_websocket_view_t *view,
    uint32_t *list, const char *name, size_t size);
static void ngx_websocket_view_object(const ngx_websocket_view_t *view,
    uint32_t first, json_t *object, ngx_websocket_json_text_t *text);


ngx_websocket_view_t *
ngx_websocket_view_create(const char *name, const char *const *paths, size_t n,
    char *error, size_t size)
{
    char                  *copy;
    size_t                 i;
    const char            *wrong;
    ngx_websocket_view_t  *view;

    view = calloc(1, sizeof(ngx_websocket_view_t));

    if (view == NULL || ngx_websocket_view_init(view, name, paths, n) != 0) {
        ngx_websocket_view_destroy(view);
        (void) snprintf(error, size, "no memory for view \"%s\"", name);
        return NULL;
    }

    for (i = 0, copy = view->paths; i < n; i++, copy += strlen(copy) + 1) {

        wrong = ngx_websocket_view_add(view, copy);

        if (wrong) {
            (void) snprintf(error, size, "view \"%s\": field \"%s\" %s", name,
                            copy, wrong);
            ngx_websocket_view_destroy(view);
            return NULL;
        }
    }

    return view;
}


/* all memory but the keys', and copies of the paths */

static int
ngx_websocket_view_init(ngx_websocket_view_t *view, const char *name,
    const char *const *paths, size_t n)
{
    char    *p;
    size_t   i, size;

    for (i = 0, size = 1; i < n; i++) {
        size += strlen(paths[i]) + 1;
    }

    view->first = NGX_WEBSOCKET_VIEW_NONE;
    view->name = strdup(name);
    view->paths = malloc(size);
    view->nodes = calloc(n * NGX_WEBSOCKET_VIEW_DEPTH + 1,
                         sizeof(ngx_websocket_view_node_t));

    if (view->name == NULL || view->paths == NULL || view->nodes == NULL) {
        return -1;
    }

    for (i = 0, p = view->paths; i < n; i++) {
        size = strlen(paths[i]) + 1;
        memcpy(p, paths[i], size);
        p += size;
    }

    return 0;
}


/* returns what is wrong with a path, or NULL */

static const char *
ngx_websocket_view_add(ngx_websocket_view_t *view, const char *path)
{
    int        depth;
    size_t     size;
    uint32_t  *list, *at;

    list = &view->first;

    for (depth = 1; depth <= NGX_WEBSOCKET_VIEW_DEPTH; depth++) {

        size = strcspn(path, ".");

        if (size == 0) {
            return "has an empty name";
        }

        at = ngx_websocket_view_find(view, list, path, size);

        if (*at != NGX_WEBSOCKET_VIEW_NONE) {

            if (view->nodes[*at].first == NGX_WEBSOCKET_VIEW_NONE) {
                return "is already shown";
            }

            if (path[size] == '\0') {
                return "is already shown in part";
            }

        } else if (ngx_websocket_view_append(view, at, path, size) != 0) {
            return "finds no memory";
        }

        if (path[size] == '\0') {
            return NULL;
        }

        list = &view->nodes[*at].first;
        path += size + 1;
    }

    return "is nested too deep";
}


/* the link to the name in a list, or the list's end */

static uint32_t *
ngx_websocket_view_find(const ngx_websocket_view_t *view, uint32_t *list,
    const char *name, size_t size)
{
    ngx_websocket_view_node_t  *node;

    while (*list != NGX_WEBSOCKET_VIEW_NONE) {

        node = &view->nodes[*list];

        if (node->size == size && memcmp(node->name, name, size) == 0) {
            break;
        }

        list = &node->next;
    }

    return list;
}


static int
ngx_websocket_view_append(ngx_websocket_view_t *view, uint32_t *list,
    const char *name, size_t size)
{
    ngx_websocket_view_node_t  *node;

    node = &view->nodes[view->count];

    node->name = name;
    node->size = (uint32_t) size;
    node->first = NGX_WEBSOCKET_VIEW_NONE;
    node->next = NGX_WEBSOCKET_VIEW_NONE;
    node->key = (uint32_t) view->keys.size;

    ngx_websocket_json_append_string(&view->keys, name, size);
    ngx_websocket_json_append(&view->keys, ":", 1);

    node->key_size = (uint32_t) view->keys.size - node->key;

    *list = view->count++;

    return view->keys.failed ? -1 : 0;
}


void
ngx_websocket_view_destroy(ngx_websocket_view_t *view)
{
    if (view == NULL) {
        return;
    }

    ngx_websocket_json_text_done(&view->keys);
    free(view->nodes);
    free(view->paths);
    free(view->name);
    free(view);
}


const char *
ngx_websocket_view_name(const ngx_websocket_view_t *view)
{
    return view->name;
}


int
ngx_websocket_view_shows(const ngx_websocket_view_t *view, const char *path,
    size_t size)
{
    size_t       n;
    uint32_t     first;
    const char  *dot, *last;

    last = path + size;
    first = view->first;

    while (first != NGX_WEBSOCKET_VIEW_NONE) {

        dot = memchr(path, '.', (size_t) (last - path));
        n = (size_t) ((dot ? dot : last) - path);

        first = *ngx_websocket_view_find(view, &first, path, n);

        if (first == NGX_WEBSOCKET_VIEW_NONE) {
            return 0;
        }

        first = view->nodes[first].first;

        if (first == NGX_WEBSOCKET_VIEW_NONE) {
            return 1;
        }

        if (dot == NULL) {
            return 0;
        }

        path = dot + 1;
    }

    return 1;
}


int
ngx_websocket_view_project(const ngx_websocket_view_t *view, json_t *message,
    ngx_websocket_json_text_t *text)
{
    if (view->count == 0) {
        ngx_websocket_json_append_value(text, message);

    } else {
        ngx_websocket_view_object(view, view->first, message, text);
    }

    return text->failed ? -1 : 0;
}


/* goes as deep as the view does: at most NGX_WEBSOCKET_VIEW_DEPTH */

static void
ngx_websocket_view_object(const ngx_websocket_view_t *view, uint32_t first,
    json_t *object, ngx_websocket_json_text_t *text)
{
    json_t                     *value;
    size_t                      empty;
    uint32_t                    i;
    ngx_websocket_view_node_t  *node;

    ngx_websocket_json_append(text, "{", 1);

    empty = text->size;

    for (i = first; i != NGX_WEBSOCKET_VIEW_NONE; i = node->next) {

        node = &view->nodes[i];
        value = json_object_getn(object, node->name, node->size);

        if (value == NULL
            || (node->first != NGX_WEBSOCKET_VIEW_NONE
                && !json_is_object(value)))
        {
            continue;
        }

        if (text->size > empty) {
            ngx_websocket_json_append(text, ",", 1);
        }

        ngx_websocket_json_append(text, view->keys.data + node->key,
                                  node->key_size);

        if (node->first == NGX_WEBSOCKET_VIEW_NONE) {
            ngx_websocket_json_append_value(text, value);

        } else {
            ngx_websocket_view_object(view, node->first, value, text);
        }
    }

    ngx_websocket_json_append(text, "}", 1);
}
