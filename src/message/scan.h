
/*
 * JSON text, gone through without being read: RFC 8259's grammar to the byte,
 * no values, no memory, no recursion.  What escapes mean, whether names come
 * twice and whether text is UTF-8 is not looked at.
 */


#ifndef NGX_WEBSOCKET_SCAN_H
#define NGX_WEBSOCKET_SCAN_H


#include <stddef.h>
#include <stdint.h>

#include "message/json.h"


/* p is where it stands, also when something is wrong */

typedef struct {
    const char                  *p;
    const char                  *last;
    uint32_t                     depth;     /* containers around p */
    uint32_t                     deepest;   /* that they may be */
    uint32_t                     deep;      /* it did not go on for that */
    uint8_t                     *objects;   /* for each: it is one */
    uint8_t                      few[NGX_WEBSOCKET_JSON_DEPTH - 1];
} ngx_websocket_scan_t;


/*
 * Begins at a text's first byte.  What is scanned is not deeper than
 * NGX_WEBSOCKET_JSON_DEPTH with one container around it, unless objects and
 * deepest are set to more.
 */
void ngx_websocket_scan_init(ngx_websocket_scan_t *scan, const char *text,
    size_t size);

/* Goes past spaces, if there are any. */
void ngx_websocket_scan_space(ngx_websocket_scan_t *scan);

/* Each goes past what it says.  Returns 0 when something else is there. */
int ngx_websocket_scan_char(ngx_websocket_scan_t *scan, char c);

/* a string with its quotes */
int ngx_websocket_scan_string(ngx_websocket_scan_t *scan);

/* a colon, with spaces before it */
int ngx_websocket_scan_colon(ngx_websocket_scan_t *scan);

/* a value with all that is in it, and spaces before it */
int ngx_websocket_scan_value(ngx_websocket_scan_t *scan);

/*
 * The same, but of up to so many values in it: returns -1 when there are more,
 * to be called again.
 */
int ngx_websocket_scan_part(ngx_websocket_scan_t *scan, size_t values);


#endif /* NGX_WEBSOCKET_SCAN_H */
