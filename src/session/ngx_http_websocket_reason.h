
/*
 * Why a session is closed, and what a language says then.
 */


#ifndef NGX_HTTP_WEBSOCKET_REASON_H
#define NGX_HTTP_WEBSOCKET_REASON_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef enum {
    NGX_HTTP_WEBSOCKET_REASON_TOO_SLOW = 0,
    NGX_HTTP_WEBSOCKET_REASON_QUEUE_MEMORY,     /* for what it is to be sent */
    NGX_HTTP_WEBSOCKET_REASON_LOST,             /* before it got them */
    NGX_HTTP_WEBSOCKET_REASON_DELETED,
    NGX_HTTP_WEBSOCKET_REASON_IDLE,
    NGX_HTTP_WEBSOCKET_REASON_NO_PONG,
    NGX_HTTP_WEBSOCKET_REASON_RESTART,          /* with a new configuration */
    NGX_HTTP_WEBSOCKET_REASON_SHUTDOWN,
    NGX_HTTP_WEBSOCKET_REASON_DEAF,             /* the node, for the zone */
    NGX_HTTP_WEBSOCKET_REASON_EXPIRED,
    NGX_HTTP_WEBSOCKET_REASON_REVOKED,
    NGX_HTTP_WEBSOCKET_REASON_WRONG_TOKENS,
    NGX_HTTP_WEBSOCKET_REASON_TOKEN_LACKS,      /* the new one */
    NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT,         /* to publish */
    NGX_HTTP_WEBSOCKET_REASON_NO_SPACE,         /* for what it sent */
    NGX_HTTP_WEBSOCKET_REASON_BUSY,             /* the zone, for too long */
    NGX_HTTP_WEBSOCKET_REASON_ENDED,            /* what it gets, or sends */
    NGX_HTTP_WEBSOCKET_REASON_UNWANTED,
    NGX_HTTP_WEBSOCKET_REASON_ONLY_FILTERS,
    NGX_HTTP_WEBSOCKET_REASON_INVALID,
    NGX_HTTP_WEBSOCKET_REASON_TOO_BIG,
    NGX_HTTP_WEBSOCKET_REASON_COLLECTED,        /* all together */
    NGX_HTTP_WEBSOCKET_REASON_FRAGMENTS,
    NGX_HTTP_WEBSOCKET_REASON_NOT_UTF8,
    NGX_HTTP_WEBSOCKET_REASON_CUT_UTF8,
    NGX_HTTP_WEBSOCKET_REASON_NOT_DEFLATE,
    NGX_HTTP_WEBSOCKET_REASON_MESSAGES,
    NGX_HTTP_WEBSOCKET_REASON_BYTES,
    NGX_HTTP_WEBSOCKET_REASON_PINGS,
    NGX_HTTP_WEBSOCKET_REASON_ERRORS,
    NGX_HTTP_WEBSOCKET_REASON_MEMORY,           /* for what it sent */
    NGX_HTTP_WEBSOCKET_REASONS
} ngx_http_websocket_reason_e;


/* what a language says for a reason */

typedef struct {
    uint16_t                      code;
    uint16_t                      drop;     /* 1: what is queued is dropped,
                                               since the client does not read,
                                               or will come back for it */
    const char                   *text;
} ngx_http_websocket_close_t;


#endif /* NGX_HTTP_WEBSOCKET_REASON_H */
