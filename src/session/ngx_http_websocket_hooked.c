
#include "session/ngx_http_websocket_hooked.h"
#include "delivery/ngx_http_websocket_except.h"
#include "message/fields.h"
#include "session/ngx_http_websocket_ack.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_token.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


/* a message of which the application is asked */

typedef struct {
    ngx_http_websocket_work_t     work;
    ngx_http_websocket_call_t    *call;
    ngx_int_t                   (*publish)(ngx_http_websocket_session_t *s,
                                     uint8_t type, u_char *data, size_t size);
    uint8_t                       type;
    size_t                        size;
    u_char                        data[1];
} ngx_http_websocket_asked_t;


static ngx_uint_t ngx_http_websocket_hooked_wanted(
    ngx_http_websocket_loc_conf_t *conf);
static ngx_int_t ngx_http_websocket_hooked_state(
    ngx_http_websocket_hooked_t *hooked, const void *data, size_t size);
static ngx_int_t ngx_http_websocket_hooked_send_one(
    ngx_http_websocket_session_t *s, json_t *json);
static ngx_int_t ngx_http_websocket_hooked_which(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size,
    ngx_http_websocket_hook_t **hook);
static ngx_http_websocket_call_t *ngx_http_websocket_hooked_call(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hook_t *hook,
    uint8_t type, u_char *data, size_t size);
static void ngx_http_websocket_asked_drop(ngx_http_websocket_work_t *work);
static void ngx_http_websocket_asked_done(ngx_http_websocket_call_t *call);
static ngx_int_t ngx_http_websocket_asked_go(ngx_http_websocket_asked_t *asked,
    ngx_http_websocket_session_t *s, ngx_websocket_answer_t *answer,
    ngx_uint_t event);
static ngx_int_t ngx_http_websocket_asked_publish(
    ngx_http_websocket_asked_t *asked, ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text, ngx_uint_t binary);
static ngx_int_t ngx_http_websocket_asked_answer(
    ngx_http_websocket_session_t *s, ngx_websocket_json_text_t *text);
static ngx_int_t ngx_http_websocket_asked_refused(
    ngx_http_websocket_session_t *s, ngx_http_websocket_verdict_t *verdict);
static ngx_int_t ngx_http_websocket_asked_error(
    ngx_http_websocket_session_t *s, const char *code, const char *text);


ngx_int_t
ngx_http_websocket_hooked_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_introduced_t *introduced)
{
    ngx_http_websocket_hooked_t  *hooked;

    if (introduced == NULL && !ngx_http_websocket_hooked_wanted(s->conf)) {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    hooked = ngx_calloc(sizeof(ngx_http_websocket_hooked_t),
                        s->connection->log);
    if (hooked == NULL) {
        return NGX_ERROR;
    }

    s->record->aside->hooked = hooked;

    hooked->number = 1;

    if (introduced == NULL) {
        return NGX_OK;
    }

    hooked->time = introduced->time;

    return ngx_http_websocket_hooked_state(hooked, introduced->state.data,
                                           introduced->state.len);
}


/* whether the application may be asked of the session */

static ngx_uint_t
ngx_http_websocket_hooked_wanted(ngx_http_websocket_loc_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_HOOKS; i++) {
        if (conf->hooks[i]) {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_websocket_hooked_state(ngx_http_websocket_hooked_t *hooked,
    const void *data, size_t size)
{
    u_char  *p;

    p = NULL;

    if (size) {
        p = ngx_alloc(size, ngx_cycle->log);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, data, size);
    }

    ngx_free(hooked->state.data);

    hooked->state.data = p;
    hooked->state.len = size;

    return NGX_OK;
}


void
ngx_http_websocket_hooked_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_hooked_t  *hooked;

    hooked = s->record->aside->hooked;

    if (hooked) {
        s->record->aside->hooked = NULL;

        ngx_free(hooked->state.data);
        ngx_free(hooked);
    }
}


void
ngx_http_websocket_hooked_asker(ngx_http_websocket_session_t *s,
    ngx_http_websocket_asker_t *asker)
{
    const char                   *subject;
    ngx_http_websocket_auth_t    *auth;
    ngx_http_websocket_hooked_t  *hooked;

    hooked = s->record->aside->hooked;
    auth = s->record->aside->auth;

    asker->session = s->record->id;
    asker->number = hooked->number++;
    asker->state = hooked->state;

    ngx_str_null(&asker->user);

    if (auth) {
        ngx_http_websocket_auth_user(auth, &asker->user);
        subject = ngx_http_websocket_auth_subject(auth);

        if (asker->user.len == 0 && subject) {
            asker->user.data = (u_char *) subject;
            asker->user.len = ngx_strlen(subject);
        }
    }
}


ngx_int_t
ngx_http_websocket_hooked_take(ngx_http_websocket_session_t *s,
    ngx_websocket_answer_t *answer)
{
    ngx_int_t                  rc;
    ngx_websocket_json_text_t  text;

    if (answer->state == NULL) {
        return NGX_OK;
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    if (!json_is_null(answer->state)) {
        ngx_websocket_json_append_value(&text, answer->state);
    }

    rc = text.failed
         ? NGX_ERROR
         : ngx_http_websocket_hooked_state(s->record->aside->hooked, text.data,
                                           text.size);

    ngx_websocket_json_text_done(&text);

    return rc;
}


ngx_int_t
ngx_http_websocket_hooked_send(ngx_http_websocket_session_t *s, json_t *send)
{
    size_t     i;
    ngx_int_t  rc;

    rc = NGX_OK;

    if (ngx_http_websocket_protocol_of(s)->reply == NULL || s->close_queued) {
        return NGX_OK;
    }

    for (i = 0; i < json_array_size(send) && rc == NGX_OK; i++) {
        rc = ngx_http_websocket_hooked_send_one(s, json_array_get(send, i));
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_hooked_send_one(ngx_http_websocket_session_t *s,
    json_t *json)
{
    ngx_int_t                  rc;
    ngx_websocket_answer_t     one;
    ngx_websocket_json_text_t  text;

    ngx_memzero(&one, sizeof(ngx_websocket_answer_t));

    one.data = json;
    rc = ngx_http_websocket_answer_data(&one, &text);

    rc = rc == NGX_OK ? ngx_http_websocket_asked_answer(s, &text)
                      : ngx_http_websocket_asked_error(s, NULL, NULL);

    ngx_websocket_json_text_done(&text);

    return rc;
}


ngx_http_websocket_ask_e
ngx_http_websocket_hooked_ask(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size,
    ngx_int_t (*publish)(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size))
{
    ngx_http_websocket_hook_t   *hook;
    ngx_http_websocket_asked_t  *asked;

    switch (ngx_http_websocket_hooked_which(s, type, data, size, &hook)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return NGX_HTTP_WEBSOCKET_ASK_NOT;

    default:  /* NGX_ERROR */
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_HTTP_WEBSOCKET_ASK_FAILED;
    }

    asked = ngx_alloc(sizeof(ngx_http_websocket_asked_t) + size,
                      s->connection->log);

    if (asked) {
        ngx_memzero(asked, sizeof(ngx_http_websocket_asked_t));
        asked->call = ngx_http_websocket_hooked_call(s, hook, type, data,
                                                     size);
    }

    if (asked == NULL || asked->call == NULL) {
        ngx_free(asked);
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);

        return NGX_HTTP_WEBSOCKET_ASK_FAILED;
    }

    asked->call->done = ngx_http_websocket_asked_done;
    asked->call->data = asked;

    asked->work.cancel = ngx_http_websocket_asked_drop;
    asked->publish = publish;
    asked->type = type;
    asked->size = size;
    ngx_memcpy(asked->data, data, size);

    if (ngx_http_websocket_session_work(s, &asked->work) != NGX_AGAIN) {
        asked->work.session = s;
        ngx_http_websocket_asked_drop(&asked->work);

        return NGX_HTTP_WEBSOCKET_ASK_FAILED;
    }

    return NGX_HTTP_WEBSOCKET_ASKED;
}


/* whoever answers a message goes before who decides on it */

static ngx_int_t
ngx_http_websocket_hooked_which(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size, ngx_http_websocket_hook_t **hook)
{
    ngx_int_t   rc;
    ngx_uint_t  event;

    rc = NGX_DECLINED;

    for (event = NGX_HTTP_WEBSOCKET_HOOK_ANSWER;
         rc == NGX_DECLINED && event >= NGX_HTTP_WEBSOCKET_HOOK_MESSAGE;
         event--)
    {
        *hook = s->conf->hooks[event];

        if (*hook) {
            rc = ngx_http_websocket_hooked_matches(*hook, type, data, size);
        }
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_hooked_matches(ngx_http_websocket_hook_t *hook,
    uint8_t type, u_char *data, size_t size)
{
    json_t      *json;
    ngx_uint_t   matches;

    if (hook->match == NULL) {
        return NGX_OK;
    }

    if (type != NGX_WEBSOCKET_TEXT) {
        return NGX_DECLINED;
    }

    if (ngx_websocket_fields_find((char *) data, size,
                                  (char *) hook->match->field.data, &json,
                                  NULL)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_ERROR;
    }

    matches = json && ngx_http_websocket_except_json(hook->match, json);

    json_decref(json);

    return matches ? NGX_OK : NGX_DECLINED;
}


static ngx_http_websocket_call_t *
ngx_http_websocket_hooked_call(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hook_t *hook, uint8_t type, u_char *data, size_t size)
{
    ngx_str_t                   channel;
    ngx_websocket_json_text_t   text;
    ngx_http_websocket_asker_t  asker;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_http_websocket_hooked_asker(s, &asker);
    ngx_http_websocket_session_channel(s, &channel);

    ngx_http_websocket_question(&text, hook, s->conf, &asker);
    ngx_http_websocket_question_add(&text, "channel", channel.data,
                                    channel.len);
    ngx_http_websocket_question_message(&text, type == NGX_WEBSOCKET_BINARY,
                                        data, size);
    ngx_http_websocket_question_end(&text);

    return ngx_http_websocket_call(s->conf, hook, s->connection, NULL, &text);
}


/* the session ends: what the application says does not matter any more */

static void
ngx_http_websocket_asked_drop(ngx_http_websocket_work_t *work)
{
    ngx_http_websocket_asked_t  *asked;

    asked = ngx_queue_data(work, ngx_http_websocket_asked_t, work);

    ngx_http_websocket_call_cancel(asked->call);
    ngx_free(asked);
}


static void
ngx_http_websocket_asked_done(ngx_http_websocket_call_t *call)
{
    ngx_int_t                      rc;
    ngx_http_websocket_asked_t    *asked;
    ngx_http_websocket_session_t  *s;
    ngx_http_websocket_verdict_t   verdict;

    asked = call->data;
    s = asked->work.session;

    ngx_http_websocket_verdict(call, &verdict);
    s->record->aside->hooked->time += call->time;

    ngx_http_websocket_work_done(&asked->work);

    rc = ngx_http_websocket_hooked_take(s, &verdict.answer);

    if (rc != NGX_OK) {
        (void) ngx_http_websocket_asked_error(s, NULL, NULL);

    } else if (verdict.rc == NGX_HTTP_WEBSOCKET_VERDICT_GO) {
        (void) ngx_http_websocket_asked_go(asked, s, &verdict.answer,
                                           call->hook->event);
    } else {
        (void) ngx_http_websocket_asked_refused(s, &verdict);
    }

    ngx_websocket_answer_done(&verdict.answer);
    ngx_free(asked);
}


/* the message is published before what is for the session alone is sent */

static ngx_int_t
ngx_http_websocket_asked_go(ngx_http_websocket_asked_t *asked,
    ngx_http_websocket_session_t *s, ngx_websocket_answer_t *answer,
    ngx_uint_t event)
{
    ngx_int_t                  rc;
    ngx_uint_t                 binary;
    ngx_websocket_json_text_t  text;

    rc = ngx_http_websocket_answer_data(answer, &text);
    binary = answer->data_base64 != NULL;

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        binary = asked->type == NGX_WEBSOCKET_BINARY;
        break;

    case NGX_ABORT:
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket_hook message: \"data_base64\" of the answer "
                      "is not base64");

        return ngx_http_websocket_asked_error(s, "hook_failed",
                                              "the application does not "
                                              "answer now");

    default:  /* NGX_ERROR */
        ngx_websocket_json_text_done(&text);
        return ngx_http_websocket_asked_error(s, NULL, NULL);
    }

    if (event == NGX_HTTP_WEBSOCKET_HOOK_ANSWER) {
        rc = rc == NGX_OK ? ngx_http_websocket_asked_answer(s, &text) : NGX_OK;

    } else if (answer->silent) {
        rc = s->record->aside->ack ? ngx_http_websocket_ack(s, NULL, 0, NULL)
                                   : NGX_OK;
    } else {
        rc = ngx_http_websocket_asked_publish(asked, s,
                                              rc == NGX_OK ? &text : NULL,
                                              binary);
    }

    ngx_websocket_json_text_done(&text);

    return rc == NGX_DONE
           ? rc : ngx_http_websocket_hooked_send(s, answer->send);
}


static ngx_int_t
ngx_http_websocket_asked_publish(ngx_http_websocket_asked_t *asked,
    ngx_http_websocket_session_t *s, ngx_websocket_json_text_t *text,
    ngx_uint_t binary)
{
    if (text == NULL) {
        return asked->publish(s, asked->type, asked->data, asked->size);
    }

    return asked->publish(s, binary ? NGX_WEBSOCKET_BINARY
                                    : NGX_WEBSOCKET_TEXT,
                          (u_char *) text->data, text->size);
}


static ngx_int_t
ngx_http_websocket_asked_answer(ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text)
{
    return ngx_http_websocket_send_answer(s,
                     ngx_http_websocket_protocol_of(s)->reply(s, text->data,
                                                              text->size));
}


static ngx_int_t
ngx_http_websocket_asked_refused(ngx_http_websocket_session_t *s,
    ngx_http_websocket_verdict_t *verdict)
{
    const char  *reason;

    reason = json_string_value(verdict->answer.reason);

    if (verdict->answer.close) {
        ngx_http_websocket_session_close_code(s, verdict->answer.code,
                                              reason ? reason : "");
        return NGX_OK;
    }

    if (verdict->rc == NGX_HTTP_WEBSOCKET_VERDICT_FAILED) {
        return ngx_http_websocket_asked_error(s, "hook_failed",
                                              "the application does not "
                                              "answer now");
    }

    return ngx_http_websocket_asked_error(s, "refused",
                                          reason ? reason
                                                 : "the application refuses "
                                                   "the message");
}


/* tells the client; without a code that memory was refused */

static ngx_int_t
ngx_http_websocket_asked_error(ngx_http_websocket_session_t *s,
    const char *code, const char *text)
{
    ngx_int_t                  rc;
    ngx_websocket_json_text_t  all;

    if (code == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    s->conf->stats->rejected[NGX_HTTP_WEBSOCKET_REJECTED_HOOK]++;

    if (s->record->aside->ack) {
        return ngx_http_websocket_ack_error(s, code, NULL, text);
    }

    ngx_memzero(&all, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_error(&all, code, NULL, text);

    rc = all.failed ? ngx_http_websocket_asked_error(s, NULL, NULL)
                    : ngx_http_websocket_asked_answer(s, &all);

    ngx_websocket_json_text_done(&all);

    return rc;
}
