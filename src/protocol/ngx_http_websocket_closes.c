
#include "protocol/ngx_http_websocket_closes.h"
#include "wire/close.h"


/* of the codes that RFC 6455 leaves to applications */
#define NGX_HTTP_WEBSOCKET_CLOSE_TOKEN  4401


const ngx_http_websocket_close_t  ngx_http_websocket_closes[] = {
    [NGX_HTTP_WEBSOCKET_REASON_TOO_SLOW] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 1, "too slow: the send queue is full"
    },
    [NGX_HTTP_WEBSOCKET_REASON_QUEUE_MEMORY] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 1, "out of memory"
    },
    [NGX_HTTP_WEBSOCKET_REASON_LOST] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 1, "messages were lost"
    },
    [NGX_HTTP_WEBSOCKET_REASON_DELETED] = {
        NGX_WEBSOCKET_CLOSE_NORMAL, 0, "the channel was deleted"
    },
    [NGX_HTTP_WEBSOCKET_REASON_IDLE] = {
        NGX_WEBSOCKET_CLOSE_NORMAL, 0, "no message for too long"
    },
    [NGX_HTTP_WEBSOCKET_REASON_NO_PONG] = {
        NGX_WEBSOCKET_CLOSE_INTERNAL, 0, "no answer to Ping"
    },
    [NGX_HTTP_WEBSOCKET_REASON_RESTART] = {
        NGX_WEBSOCKET_CLOSE_RESTART, 0, "server restarts: connect again"
    },
    [NGX_HTTP_WEBSOCKET_REASON_SHUTDOWN] = {
        NGX_WEBSOCKET_CLOSE_GOING_AWAY, 0, "server shuts down"
    },
    [NGX_HTTP_WEBSOCKET_REASON_DEAF] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 0,
        "this server is cut off from others: connect again"
    },
    [NGX_HTTP_WEBSOCKET_REASON_EXPIRED] = {
        NGX_HTTP_WEBSOCKET_CLOSE_TOKEN, 0, "token expired"
    },
    [NGX_HTTP_WEBSOCKET_REASON_REVOKED] = {
        NGX_HTTP_WEBSOCKET_CLOSE_TOKEN, 0, "token revoked"
    },
    [NGX_HTTP_WEBSOCKET_REASON_WRONG_TOKENS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "too many wrong tokens"
    },
    [NGX_HTTP_WEBSOCKET_REASON_TOKEN_LACKS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0,
        "the new token has no right to the channel"
    },
    [NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "the token does not allow to publish"
    },
    [NGX_HTTP_WEBSOCKET_REASON_NO_SPACE] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 1, "message not published: no space"
    },
    [NGX_HTTP_WEBSOCKET_REASON_BUSY] = {
        NGX_WEBSOCKET_CLOSE_TRY_LATER, 1,
        "message not published: the server is busy"
    },
    [NGX_HTTP_WEBSOCKET_REASON_ENDED] = {
        NGX_WEBSOCKET_CLOSE_NORMAL, 0, "the stream has ended"
    },
    [NGX_HTTP_WEBSOCKET_REASON_UNWANTED] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "this stream does not take messages"
    },
    [NGX_HTTP_WEBSOCKET_REASON_ONLY_FILTERS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0,
        "this stream does not take messages but filters"
    },
    [NGX_HTTP_WEBSOCKET_REASON_INVALID] = {
        NGX_WEBSOCKET_CLOSE_INVALID, 0, "invalid message"
    },
    [NGX_HTTP_WEBSOCKET_REASON_TOO_BIG] = {
        NGX_WEBSOCKET_CLOSE_TOO_BIG, 0, "message exceeds the maximum size"
    },
    [NGX_HTTP_WEBSOCKET_REASON_COLLECTED] = {
        NGX_WEBSOCKET_CLOSE_TOO_BIG, 0, "collected messages exceed the maximum"
    },
    [NGX_HTTP_WEBSOCKET_REASON_FRAGMENTS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "too many fragments"
    },
    [NGX_HTTP_WEBSOCKET_REASON_NOT_UTF8] = {
        NGX_WEBSOCKET_CLOSE_INVALID, 0, "text is not UTF-8"
    },
    [NGX_HTTP_WEBSOCKET_REASON_CUT_UTF8] = {
        NGX_WEBSOCKET_CLOSE_INVALID, 0, "text ends within a character"
    },
    [NGX_HTTP_WEBSOCKET_REASON_NOT_DEFLATE] = {
        NGX_WEBSOCKET_CLOSE_INVALID, 0, "compressed data is invalid"
    },
    [NGX_HTTP_WEBSOCKET_REASON_MESSAGES] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "too many messages in too short a time"
    },
    [NGX_HTTP_WEBSOCKET_REASON_BYTES] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "too many bytes in too short a time"
    },
    [NGX_HTTP_WEBSOCKET_REASON_PINGS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0,
        "too many Pings and Pongs in too short a time"
    },
    [NGX_HTTP_WEBSOCKET_REASON_ERRORS] = {
        NGX_WEBSOCKET_CLOSE_POLICY, 0, "too many errors"
    },
    [NGX_HTTP_WEBSOCKET_REASON_MEMORY] = {
        NGX_WEBSOCKET_CLOSE_INTERNAL, 0, "out of memory"
    }
};


_Static_assert(sizeof(ngx_http_websocket_closes)
               / sizeof(ngx_http_websocket_close_t)
               == NGX_HTTP_WEBSOCKET_REASONS,
               "each reason has a code");
