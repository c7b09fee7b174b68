
/*
 * Patterns of JSON Schema as regular expressions of PCRE.
 */


#ifndef NGX_WEBSOCKET_SCHEMA_PATTERN_H
#define NGX_WEBSOCKET_SCHEMA_PATTERN_H


#include "message/json.h"


/*
 * Appends a pattern of JSON Schema, which is one of ECMA-262, as PCRE has to
 * be told to match the same.  Returns NULL, or what is not supported in it.
 */
const char *ngx_websocket_schema_pattern(const char *pattern,
    ngx_websocket_json_text_t *text);


#endif /* NGX_WEBSOCKET_SCHEMA_PATTERN_H */
