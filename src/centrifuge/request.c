
#include <string.h>

#include "centrifuge/request.h"


#define ngx_websocket_member(name, number, type, field)                       \
    { name, number, NGX_WEBSOCKET_MEMBER_##type,                              \
      offsetof(ngx_websocket_command_t, field) }

#define ngx_websocket_members_end  { NULL, 0, 0, 0 }


const ngx_websocket_member_t  ngx_websocket_request_position[] = {
    ngx_websocket_member("offset", 1, UINT64, offset),
    ngx_websocket_member("epoch", 2, STRING, epoch),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_connect[] = {
    ngx_websocket_member("token", 1, STRING, token),
    ngx_websocket_member("data", 2, DATA, data),
    ngx_websocket_member("subs", 3, RAW, subs),
    ngx_websocket_member("name", 4, STRING, name),
    ngx_websocket_member("version", 5, STRING, version),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_subscribe[] = {
    ngx_websocket_member("channel", 1, STRING, channel),
    ngx_websocket_member("token", 2, STRING, token),
    ngx_websocket_member("recover", 3, BOOL, recover),
    ngx_websocket_member("epoch", 6, STRING, epoch),
    ngx_websocket_member("offset", 7, UINT64, offset),
    ngx_websocket_member("data", 8, DATA, data),
    ngx_websocket_member("positioned", 9, BOOL, positioned),
    ngx_websocket_member("recoverable", 10, BOOL, recoverable),
    ngx_websocket_member("join_leave", 11, BOOL, join_leave),
    ngx_websocket_member("delta", 12, STRING, delta),
    ngx_websocket_member("tf", 13, RAW, tf),
    ngx_websocket_member("flag", 14, UINT32, flag),
    ngx_websocket_member("type", 15, UINT32, type),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_publish[] = {
    ngx_websocket_member("channel", 1, STRING, channel),
    ngx_websocket_member("data", 2, DATA, data),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_channel[] = {
    ngx_websocket_member("channel", 1, STRING, channel),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_history[] = {
    ngx_websocket_member("channel", 1, STRING, channel),
    ngx_websocket_member("limit", 7, INT32, limit),
    ngx_websocket_member("since", 8, POSITION, since),
    ngx_websocket_member("reverse", 9, BOOL, reverse),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_rpc[] = {
    ngx_websocket_member("data", 1, DATA, data),
    ngx_websocket_member("method", 2, STRING, method),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_refresh[] = {
    ngx_websocket_member("token", 1, STRING, token),
    ngx_websocket_members_end
};


static const ngx_websocket_member_t  ngx_websocket_request_sub_refresh[] = {
    ngx_websocket_member("channel", 1, STRING, channel),
    ngx_websocket_member("token", 2, STRING, token),
    ngx_websocket_members_end
};


const ngx_websocket_request_t  ngx_websocket_requests[NGX_WEBSOCKET_COMMANDS] =
{
    [NGX_WEBSOCKET_COMMAND_CONNECT] = {
        "connect", 4, 5, ngx_websocket_request_connect
    },
    [NGX_WEBSOCKET_COMMAND_SUBSCRIBE] = {
        "subscribe", 5, 6, ngx_websocket_request_subscribe
    },
    [NGX_WEBSOCKET_COMMAND_UNSUBSCRIBE] = {
        "unsubscribe", 6, 7, ngx_websocket_request_channel
    },
    [NGX_WEBSOCKET_COMMAND_PUBLISH] = {
        "publish", 7, 8, ngx_websocket_request_publish
    },
    [NGX_WEBSOCKET_COMMAND_PRESENCE] = {
        "presence", 8, 9, ngx_websocket_request_channel
    },
    [NGX_WEBSOCKET_COMMAND_PRESENCE_STATS] = {
        "presence_stats", 9, 10, ngx_websocket_request_channel
    },
    [NGX_WEBSOCKET_COMMAND_HISTORY] = {
        "history", 10, 11, ngx_websocket_request_history
    },
    [NGX_WEBSOCKET_COMMAND_RPC] = {
        "rpc", 13, 13, ngx_websocket_request_rpc
    },
    [NGX_WEBSOCKET_COMMAND_SEND] = {
        "send", 12, 0, ngx_websocket_request_rpc
    },
    [NGX_WEBSOCKET_COMMAND_REFRESH] = {
        "refresh", 14, 14, ngx_websocket_request_refresh
    },
    [NGX_WEBSOCKET_COMMAND_SUB_REFRESH] = {
        "sub_refresh", 15, 15, ngx_websocket_request_sub_refresh
    }
};


static const char *const  ngx_websocket_request_errors[] = {
    [NGX_WEBSOCKET_ERROR_INTERNAL - 100] = "internal server error",
    [NGX_WEBSOCKET_ERROR_UNAUTHORIZED - 100] = "unauthorized",
    [NGX_WEBSOCKET_ERROR_UNKNOWN_CHANNEL - 100] = "unknown channel",
    [NGX_WEBSOCKET_ERROR_PERMISSION_DENIED - 100] = "permission denied",
    [NGX_WEBSOCKET_ERROR_METHOD_NOT_FOUND - 100] = "method not found",
    [NGX_WEBSOCKET_ERROR_ALREADY_SUBSCRIBED - 100] = "already subscribed",
    [NGX_WEBSOCKET_ERROR_LIMIT_EXCEEDED - 100] = "limit exceeded",
    [NGX_WEBSOCKET_ERROR_BAD_REQUEST - 100] = "bad request",
    [NGX_WEBSOCKET_ERROR_NOT_AVAILABLE - 100] = "not available",
    [NGX_WEBSOCKET_ERROR_TOKEN_EXPIRED - 100] = "token expired",
    [NGX_WEBSOCKET_ERROR_EXPIRED - 100] = "expired",
    [NGX_WEBSOCKET_ERROR_TOO_MANY_REQUESTS - 100] = "too many requests",
    [NGX_WEBSOCKET_ERROR_UNRECOVERABLE - 100] = "unrecoverable position"
};


const char *
ngx_websocket_request_error(ngx_websocket_error_e error)
{
    return ngx_websocket_request_errors[error - 100];
}


int
ngx_websocket_request_temporary(ngx_websocket_error_e error)
{
    return error == NGX_WEBSOCKET_ERROR_INTERNAL
           || error == NGX_WEBSOCKET_ERROR_TOO_MANY_REQUESTS;
}


ngx_websocket_commands_e
ngx_websocket_request_kind(ngx_websocket_command_t *command, int kind)
{
    int  answered;

    answered = kind != NGX_WEBSOCKET_COMMANDS;

    command->kind = answered ? (ngx_websocket_command_e) kind
                             : NGX_WEBSOCKET_COMMAND_PONG;

    return command->kind == NGX_WEBSOCKET_COMMAND_SEND
           || answered == (command->id != 0)
           ? NGX_WEBSOCKET_COMMANDS_OK : NGX_WEBSOCKET_COMMANDS_BAD;
}
