
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_token.h"


static ngx_int_t ngx_http_websocket_centrifuge_grant_refuse(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_websocket_error_e error);
static ngx_uint_t ngx_http_websocket_centrifuge_grant_fits(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_token_t *token);
static ngx_http_websocket_centrifuge_grant_t *
    ngx_http_websocket_centrifuge_grant_make(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token);
static ngx_uint_t ngx_http_websocket_centrifuge_overrides(json_t *claims,
    const char *name);


ngx_int_t
ngx_http_websocket_centrifuge_grant(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t **grant)
{
    ngx_uint_t                             fits;
    ngx_http_websocket_centrifuge_token_t  token;

    if (s->conf->jwt == NULL) {
        return ngx_http_websocket_centrifuge_grant_refuse(s, command,
                                        NGX_WEBSOCKET_ERROR_PERMISSION_DENIED);
    }

    switch (ngx_http_websocket_centrifuge_token(s, &command->token, &token)) {

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK:
        break;

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG:

        /* to verify a signature takes as long as thousands of messages */

        (void) ngx_http_websocket_session_pause_for(s,
                                                    NGX_HTTP_WEBSOCKET_MOMENT);

        return ngx_http_websocket_centrifuge_grant_refuse(s, command,
                                        NGX_WEBSOCKET_ERROR_PERMISSION_DENIED);

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_EXPIRED:
        return ngx_http_websocket_centrifuge_grant_refuse(s, command,
                                            NGX_WEBSOCKET_ERROR_TOKEN_EXPIRED);

    default:  /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY */
        return ngx_http_websocket_centrifuge_grant_refuse(s, command,
                                                 NGX_WEBSOCKET_ERROR_INTERNAL);
    }

    fits = ngx_http_websocket_centrifuge_grant_fits(s, channel, &token);

    *grant = fits ? ngx_http_websocket_centrifuge_grant_make(s, &token) : NULL;

    ngx_http_websocket_centrifuge_token_free(&token);

    if (*grant) {
        return NGX_OK;
    }

    if (fits) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    (void) ngx_http_websocket_centrifuge_disconnect(s,
                                  NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN);
    return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
}


static ngx_int_t
ngx_http_websocket_centrifuge_grant_refuse(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_websocket_error_e error)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_centrifuge_error(s, command, error);

    return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;
}


/*
 * a token of another user, or for another channel, is not the client's to use
 */

static ngx_uint_t
ngx_http_websocket_centrifuge_grant_fits(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_token_t *token)
{
    json_t                           *client;
    ngx_str_t                         user;
    ngx_http_websocket_centrifuge_t  *own;

    own = ngx_http_websocket_centrifuge_of(s);
    ngx_http_websocket_centrifuge_user(own, &user);

    if (user.len != token->user.len
        || (user.len
            && ngx_memcmp(user.data, token->user.data, user.len) != 0))
    {
        return 0;
    }

    /* old tokens name the connection that they are for */

    client = json_object_get(token->token.grants, "client");

    if (json_string_length(client)
        && (json_string_length(client) != NGX_HTTP_WEBSOCKET_UUID
            || ngx_memcmp(json_string_value(client), own->client,
                          NGX_HTTP_WEBSOCKET_UUID)
               != 0))
    {
        return 0;
    }

    return token->channel.len == channel->name.len
           && ngx_memcmp(token->channel.data, channel->name.data,
                         channel->name.len)
              == 0;
}


static ngx_http_websocket_centrifuge_grant_t *
ngx_http_websocket_centrifuge_grant_make(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token)
{
    json_t                                 *claims;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    grant = ngx_alloc(sizeof(ngx_http_websocket_centrifuge_grant_t)
                      + token->info.len, s->connection->log);
    if (grant == NULL) {
        return NULL;
    }

    claims = token->token.grants;

    grant->expires = token->expires;
    grant->info.data = (u_char *) (grant + 1);
    grant->info.len = token->info.len;
    grant->recovery = ngx_http_websocket_centrifuge_overrides(claims,
                                                            "force_recovery");
    grant->positioning = ngx_http_websocket_centrifuge_overrides(claims,
                                                         "force_positioning");

    if (token->info.len) {
        ngx_memcpy(grant->info.data, token->info.data, token->info.len);
    }

    return grant;
}


ngx_http_websocket_centrifuge_grant_t *
ngx_http_websocket_centrifuge_grant_of_options(ngx_http_websocket_session_t *s,
    json_t *options)
{
    json_t                                 *info;
    ngx_websocket_json_text_t               text;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    info = json_object_get(options, "info");

    if (info) {
        ngx_websocket_json_append_value(&text, info);
    }

    grant = text.failed
            ? NULL
            : ngx_alloc(sizeof(ngx_http_websocket_centrifuge_grant_t)
                        + text.size, s->connection->log);

    if (grant) {
        grant->expires = (time_t) json_integer_value(
                                         json_object_get(options, "expire_at"));
        grant->info.data = (u_char *) (grant + 1);
        grant->info.len = text.size;
        grant->recovery = ngx_http_websocket_centrifuge_overrides(options,
                                                            "force_recovery");
        grant->positioning = ngx_http_websocket_centrifuge_overrides(options,
                                                         "force_positioning");
        if (text.size) {
            ngx_memcpy(grant->info.data, text.data, text.size);
        }
    }

    ngx_websocket_json_text_done(&text);

    return grant;
}


/* {"override":{NAME:{"value":true}}} */

static ngx_uint_t
ngx_http_websocket_centrifuge_overrides(json_t *claims, const char *name)
{
    json_t  *override;

    override = json_object_get(json_object_get(claims, "override"), name);

    return json_is_true(json_object_get(override, "value"));
}


void
ngx_http_websocket_centrifuge_grant_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_centrifuge_grant_t *grant)
{
    ngx_http_websocket_further_t     *further;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);
    further = (ngx_http_websocket_further_t *) sub;

    ngx_free(further->choice);
    further->choice = grant;

    if (grant == NULL || grant->expires == 0 || s->conf->insecure) {
        return;
    }

    if (client->grants == 0 || grant->expires < client->grants) {
        client->grants = grant->expires;
        ngx_http_websocket_session_schedule(s);
    }
}


void
ngx_http_websocket_centrifuge_grants_expire(ngx_http_websocket_session_t *s)
{
    time_t                                  end;
    ngx_str_t                               name;
    ngx_http_websocket_centrifuge_t        *client;
    ngx_http_websocket_subscription_t      *sub, *next;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    client = ngx_http_websocket_centrifuge_of(s);
    client->grants = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL); sub; sub = next)
    {
        next = ngx_http_websocket_subscription_next(s, sub);
        grant = ngx_http_websocket_centrifuge_grant_of(sub);

        if (grant == NULL || grant->expires == 0) {
            continue;
        }

        end = grant->expires + s->conf->token_grace;

        if (ngx_time() < end) {

            if (client->grants == 0 || grant->expires < client->grants) {
                client->grants = grant->expires;
            }

            continue;
        }

        if (((ngx_http_websocket_further_t *) sub)->server) {
            (void) ngx_http_websocket_centrifuge_disconnect(s,
                           NGX_HTTP_WEBSOCKET_DISCONNECT_SUBSCRIPTION_EXPIRED);
            return;
        }

        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &name);

        ngx_http_websocket_centrifuge_unsubscribed(s, &name,
                                      NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_EXPIRED);
        ngx_http_websocket_session_unsubscribe(s, sub);
    }
}


ngx_int_t
ngx_http_websocket_centrifuge_sub_refresh(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                                 rc;
    ngx_websocket_reply_t                     reply;
    ngx_http_websocket_centrifuge_grant_t    *grant;
    ngx_http_websocket_centrifuge_channel_t   channel;

    rc = ngx_http_websocket_centrifuge_channel(s, command, &channel);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    if (channel.sub == NULL || command->token.size == 0) {
        return ngx_http_websocket_centrifuge_error(s, command,
                                         channel.sub
                                         ? NGX_WEBSOCKET_ERROR_BAD_REQUEST
                                       : NGX_WEBSOCKET_ERROR_PERMISSION_DENIED);
    }

    (void) ngx_http_websocket_session_pause_for(s, NGX_HTTP_WEBSOCKET_MOMENT);

    rc = ngx_http_websocket_centrifuge_grant(s, command, &channel, &grant);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    ngx_http_websocket_centrifuge_grant_take(s, channel.sub, grant);

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    if (!s->conf->insecure) {
        ngx_http_websocket_centrifuge_token_tell(&reply, grant->expires);
    }

    return ngx_http_websocket_centrifuge_answer(s, &reply);
}
