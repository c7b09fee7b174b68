
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"


ngx_int_t
ngx_http_websocket_centrifuge_channel(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    ngx_int_t              rc;
    ngx_websocket_error_e  error;

    if (command->channel.size == 0) {
        (void) ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
        return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
    }

    channel->name.data = (u_char *) command->channel.data;
    channel->name.len = command->channel.size;

    channel->enters = 0;
    channel->sub = ngx_http_websocket_session_find(s, &channel->name);
    channel->ns = ngx_http_websocket_namespace_of(s->conf->namespaces,
                                                  &channel->name);

    if (ngx_http_websocket_channel_name_error(&channel->name)) {
        error = NGX_WEBSOCKET_ERROR_BAD_REQUEST;

    } else if (channel->ns == NULL) {
        error = NGX_WEBSOCKET_ERROR_UNKNOWN_CHANNEL;

    } else {
        return NGX_OK;
    }

    rc = ngx_http_websocket_centrifuge_error(s, command, error);

    return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;
}


ngx_uint_t
ngx_http_websocket_centrifuge_may(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel, ngx_uint_t who)
{
    ngx_str_t  user;

    if (s->conf->insecure) {
        return 1;
    }

    ngx_http_websocket_centrifuge_user(ngx_http_websocket_centrifuge_of(s),
                                       &user);

    if (user.len == 0 && !(who & NGX_HTTP_WEBSOCKET_WHO_ANONYMOUS)) {
        return 0;
    }

    return (who & NGX_HTTP_WEBSOCKET_WHO_CLIENT)
           || ((who & NGX_HTTP_WEBSOCKET_WHO_SUBSCRIBER)
               && (channel->sub || channel->enters));
}


/* what is behind the last "#", with commas between */

ngx_http_websocket_lists_e
ngx_http_websocket_centrifuge_lists(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    u_char     *p, *last, *end;
    ngx_str_t   user;

    if (!channel->ns->users) {
        return NGX_HTTP_WEBSOCKET_LISTS_NOBODY;
    }

    last = channel->name.data + channel->name.len;

    for (p = last; p > channel->name.data && p[-1] != '#'; p--) {
        /* void */
    }

    if (p == channel->name.data) {
        return NGX_HTTP_WEBSOCKET_LISTS_NOBODY;
    }

    ngx_http_websocket_centrifuge_user(ngx_http_websocket_centrifuge_of(s),
                                       &user);

    for ( /* void */ ; user.len; p = end + 1) {

        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        if ((size_t) (end - p) == user.len
            && ngx_memcmp(p, user.data, user.len) == 0)
        {
            return NGX_HTTP_WEBSOCKET_LISTS_USER;
        }

        if (end == last) {
            break;
        }
    }

    return NGX_HTTP_WEBSOCKET_LISTS_OTHERS;
}
