
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "wire/frame.h"
#include "wire/utf8.h"


static ngx_http_websocket_call_t *ngx_http_websocket_centrifuge_call(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_hook_t *hook, ngx_str_t *channel);
static void ngx_http_websocket_centrifuge_told(
    ngx_http_websocket_call_t *call);
static ngx_int_t ngx_http_websocket_centrifuge_agreed(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_verdict_t *verdict, ngx_websocket_answer_t **answer);
static ngx_int_t ngx_http_websocket_centrifuge_unanswered(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_refusal(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_websocket_error_e error, const char *reason);


ngx_int_t
ngx_http_websocket_centrifuge_ask(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_hook_e event,
    ngx_str_t *channel, ngx_websocket_answer_t **answer)
{
    ngx_http_websocket_call_t        *call;
    ngx_http_websocket_hook_t        *hook;
    ngx_http_websocket_commands_t    *rest;
    ngx_http_websocket_centrifuge_t  *client;

    *answer = NULL;

    hook = s->conf->hooks[event];

    if (hook == NULL) {
        return NGX_OK;
    }

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->verdict) {

        /* the command is done anew */

        return ngx_http_websocket_centrifuge_agreed(s, command,
                                                    client->verdict, answer);
    }

    switch (ngx_http_websocket_hooked_matches(hook, NGX_WEBSOCKET_TEXT,
                                              (u_char *) command->data.data,
                                              command->data.size))
    {
    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_OK;

    default:  /* NGX_ERROR */
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    client->verdict = ngx_calloc(sizeof(ngx_http_websocket_verdict_t),
                                 s->connection->log);
    call = client->verdict
           ? ngx_http_websocket_centrifuge_call(s, command, hook, channel)
           : NULL;

    if (call == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    rest = ngx_http_websocket_centrifuge_wait(s);

    if (rest == NULL) {
        ngx_http_websocket_call_cancel(call);
        return NGX_DONE;
    }

    call->done = ngx_http_websocket_centrifuge_told;
    call->data = s;

    rest->again = 1;
    rest->call = call;

    return NGX_BUSY;
}


static ngx_http_websocket_call_t *
ngx_http_websocket_centrifuge_call(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_hook_t *hook,
    ngx_str_t *channel)
{
    u_char                      *data;
    ngx_websocket_utf8_t         utf8;
    ngx_websocket_json_text_t    text;
    ngx_http_websocket_asker_t   asker;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_http_websocket_hooked_asker(s, &asker);
    ngx_http_websocket_centrifuge_user(ngx_http_websocket_centrifuge_of(s),
                                       &asker.user);

    ngx_http_websocket_question(&text, hook, s->conf, &asker);

    ngx_http_websocket_question_add(&text, "protocol",
                     (u_char *) ngx_http_websocket_protocol_of(s)->name,
                     ngx_strlen(ngx_http_websocket_protocol_of(s)->name));
    ngx_http_websocket_question_add(&text, "address",
                                    s->connection->addr_text.data,
                                    s->connection->addr_text.len);

    if (channel) {
        ngx_http_websocket_question_add(&text, "channel", channel->data,
                                        channel->len);
    }

    if (command->kind == NGX_WEBSOCKET_COMMAND_RPC) {
        ngx_http_websocket_question_add(&text, "method",
                                        (u_char *) command->method.data,
                                        command->method.size);
    }

    if (command->name.size) {
        ngx_http_websocket_question_add(&text, "name",
                                        (u_char *) command->name.data,
                                        command->name.size);
    }

    if (command->data.size) {
        utf8 = 0;
        data = (u_char *) command->data.data;

        ngx_http_websocket_question_message(&text,
                          ngx_websocket_utf8(&utf8, data, command->data.size)
                          != 0 || utf8 != 0,
                          data, command->data.size);
    }

    ngx_http_websocket_question_end(&text);

    return ngx_http_websocket_call(s->conf, hook, s->connection, NULL, &text);
}


static void
ngx_http_websocket_centrifuge_told(ngx_http_websocket_call_t *call)
{
    ngx_http_websocket_session_t     *s;
    ngx_http_websocket_verdict_t     *verdict;
    ngx_http_websocket_centrifuge_t  *client;

    s = call->data;
    client = ngx_http_websocket_centrifuge_of(s);
    verdict = client->verdict;

    client->rest->call = NULL;
    s->record->aside->hooked->time += call->time;

    ngx_http_websocket_verdict(call, verdict);

    if (ngx_http_websocket_hooked_take(s, &verdict->answer) != NGX_OK) {
        verdict->rc = NGX_HTTP_WEBSOCKET_VERDICT_FAILED;
    }

    ngx_http_websocket_centrifuge_go_on(s);
}


static ngx_int_t
ngx_http_websocket_centrifuge_agreed(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_verdict_t *verdict,
    ngx_websocket_answer_t **answer)
{
    const char             *reason;
    ngx_websocket_error_e   error;

    if (verdict->rc == NGX_HTTP_WEBSOCKET_VERDICT_GO) {
        *answer = &verdict->answer;
        return NGX_OK;
    }

    if (verdict->rc == NGX_HTTP_WEBSOCKET_VERDICT_FAILED) {
        return ngx_http_websocket_centrifuge_unanswered(s, command);
    }

    s->conf->stats->rejected[NGX_HTTP_WEBSOCKET_REJECTED_HOOK]++;

    reason = json_string_value(verdict->answer.reason);

    if (verdict->answer.close) {
        ngx_http_websocket_session_close_code(s, verdict->answer.code,
                                              reason ? reason : "");

        return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
    }

    error = verdict->answer.code ? verdict->answer.code
                                 : NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;

    return ngx_http_websocket_centrifuge_refusal(s, command, error, reason);
}


/* the client may try again */

static ngx_int_t
ngx_http_websocket_centrifuge_unanswered(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    s->conf->stats->rejected[NGX_HTTP_WEBSOCKET_REJECTED_HOOK_FAILED]++;

    return ngx_http_websocket_centrifuge_refusal(s, command,
                                           NGX_WEBSOCKET_ERROR_INTERNAL, NULL);
}


static ngx_int_t
ngx_http_websocket_centrifuge_refusal(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_websocket_error_e error,
    const char *reason)
{
    ngx_websocket_reply_t  reply;

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    reply.error = error;
    reply.reason = reason;

    return ngx_http_websocket_centrifuge_answer(s, &reply) == NGX_OK
           ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : NGX_DONE;
}


/* in JSON data are a value, and a string is one, too */

ngx_int_t
ngx_http_websocket_centrifuge_answer_data(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_websocket_answer_t *answer,
    ngx_websocket_json_text_t *text)
{
    ngx_int_t  rc;

    ngx_memzero(text, sizeof(ngx_websocket_json_text_t));

    if (answer->data) {
        ngx_websocket_json_append_value(text, answer->data);
        rc = text->failed ? NGX_ERROR : NGX_OK;

    } else {
        rc = ngx_http_websocket_answer_data(answer, text);
    }

    if (rc == NGX_DECLINED) {
        return NGX_OK;
    }

    if (rc == NGX_OK
        && (answer->data || ngx_http_websocket_centrifuge_codec(s)->raw))
    {
        return NGX_OK;
    }

    ngx_websocket_json_text_done(text);

    if (rc != NGX_ERROR) {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket_hook: \"data_base64\" of the answer is not "
                      "base64, or the client speaks JSON");
    }

    return ngx_http_websocket_centrifuge_unanswered(s, command);
}


void
ngx_http_websocket_centrifuge_ask_done(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->verdict) {
        ngx_websocket_answer_done(&client->verdict->answer);
        ngx_free(client->verdict);

        client->verdict = NULL;
    }
}


ngx_int_t
ngx_http_websocket_centrifuge_rpc(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                   rc;
    ngx_websocket_reply_t       reply;
    ngx_websocket_answer_t     *answer;
    ngx_websocket_json_text_t   text;

    rc = ngx_http_websocket_centrifuge_ask(s, command,
                                           NGX_HTTP_WEBSOCKET_HOOK_ANSWER,
                                           NULL, &answer);
    if (rc != NGX_OK) {
        return rc;
    }

    if (answer == NULL) {
        return ngx_http_websocket_centrifuge_error(s, command,
                                            NGX_WEBSOCKET_ERROR_NOT_AVAILABLE);
    }

    rc = ngx_http_websocket_centrifuge_answer_data(s, command, answer, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    reply.data.data = text.data;
    reply.data.size = text.size;

    rc = ngx_http_websocket_centrifuge_answer(s, &reply);

    ngx_websocket_json_text_done(&text);

    return rc;
}
