
/*
 * "pattern=" of message types: regular expressions of the configuration on
 * texts of clients, within bounds.
 */


#ifndef NGX_HTTP_WEBSOCKET_PATTERN_H
#define NGX_HTTP_WEBSOCKET_PATTERN_H


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Compiles a pattern, in the pool that is the data.  Returns it, or NULL with
 * an error's text.
 */
void *ngx_http_websocket_pattern_compile(ngx_pool_t *pool,
    const char *pattern, char *error, size_t size);

/* A message begins: what is spent on its patterns is counted from now on. */
void ngx_http_websocket_pattern_begin(void);

/*
 * Returns 1 when the text matches, 0 when not, -1 when to find that out takes
 * too long.
 */
int ngx_http_websocket_pattern_match(void *pattern, const char *text,
    size_t size);


#endif /* NGX_HTTP_WEBSOCKET_PATTERN_H */
