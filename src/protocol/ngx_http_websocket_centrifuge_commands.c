
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "clock/ngx_http_websocket_turn.h"
#include "protocol/ngx_http_websocket_centrifuge_connect.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_history.h"
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_presence.h"
#include "protocol/ngx_http_websocket_centrifuge_publish.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_subscribe.h"
#include "session/ngx_http_websocket_limits.h"
#include "wire/frame.h"
#include "wire/utf8.h"


/* steps of a turn's work for a command, beside what it does in the zone */
#define NGX_HTTP_WEBSOCKET_COMMAND_STEPS  8


static ngx_int_t ngx_http_websocket_centrifuge_run(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_centrifuge_next(
    ngx_http_websocket_session_t *s, ngx_websocket_commands_t *commands,
    ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_measure(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_do(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_stuck(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_turn_over(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_centrifuge_keep(
    ngx_http_websocket_session_t *s, const char *p, const char *last);
static ngx_int_t ngx_http_websocket_centrifuge_send(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static void ngx_http_websocket_centrifuge_fetched(
    ngx_http_websocket_fetch_t *f);
static ngx_int_t ngx_http_websocket_centrifuge_zone(
    ngx_http_websocket_waiter_t *waiter);
static void ngx_http_websocket_centrifuge_cancel(
    ngx_http_websocket_work_t *work);
static void ngx_http_websocket_centrifuge_event(ngx_event_t *ev);
static void ngx_http_websocket_centrifuge_resume(
    ngx_http_websocket_commands_t *rest);


static const ngx_http_websocket_command_pt
    ngx_http_websocket_centrifuge_does[NGX_WEBSOCKET_COMMANDS] =
{
    [NGX_WEBSOCKET_COMMAND_CONNECT] = ngx_http_websocket_centrifuge_connect,
    [NGX_WEBSOCKET_COMMAND_SUBSCRIBE] =
        ngx_http_websocket_centrifuge_subscribe,
    [NGX_WEBSOCKET_COMMAND_UNSUBSCRIBE] =
        ngx_http_websocket_centrifuge_unsubscribe,
    [NGX_WEBSOCKET_COMMAND_PUBLISH] = ngx_http_websocket_centrifuge_publish,
    [NGX_WEBSOCKET_COMMAND_PRESENCE] = ngx_http_websocket_centrifuge_presence,
    [NGX_WEBSOCKET_COMMAND_PRESENCE_STATS] =
        ngx_http_websocket_centrifuge_presence,
    [NGX_WEBSOCKET_COMMAND_HISTORY] = ngx_http_websocket_centrifuge_history,
    [NGX_WEBSOCKET_COMMAND_RPC] = ngx_http_websocket_centrifuge_rpc,
    [NGX_WEBSOCKET_COMMAND_SEND] = ngx_http_websocket_centrifuge_send,
    [NGX_WEBSOCKET_COMMAND_REFRESH] = ngx_http_websocket_centrifuge_refresh,
    [NGX_WEBSOCKET_COMMAND_SUB_REFRESH] =
        ngx_http_websocket_centrifuge_sub_refresh
};


/* sessions that are to go on */

static ngx_queue_t       ngx_http_websocket_centrifuge_ready;
static ngx_event_t       ngx_http_websocket_centrifuge_ready_event;
static ngx_connection_t  ngx_http_websocket_centrifuge_dummy;


void
ngx_http_websocket_centrifuge_commands_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_websocket_centrifuge_ready);

    ngx_http_websocket_centrifuge_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_centrifuge_ready_event.handler =
                                           ngx_http_websocket_centrifuge_event;
    ngx_http_websocket_centrifuge_ready_event.data =
                                          &ngx_http_websocket_centrifuge_dummy;
    ngx_http_websocket_centrifuge_ready_event.log = cycle->log;
}


ngx_int_t
ngx_http_websocket_centrifuge_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_websocket_utf8_t          utf8;
    const ngx_websocket_codec_t  *codec;

    utf8 = 0;
    codec = ngx_http_websocket_centrifuge_codec(s);

    /* text frames were checked to be UTF-8 already */

    if (size == 0
        || (type != NGX_WEBSOCKET_TEXT && codec->opcode == NGX_WEBSOCKET_TEXT
            && (ngx_websocket_utf8(&utf8, data, size) != 0 || utf8 != 0)))
    {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    return ngx_http_websocket_centrifuge_run(s, data, size);
}


/* returns as receive() */

static ngx_int_t
ngx_http_websocket_centrifuge_run(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    ngx_int_t                  rc;
    const char                *at;
    ngx_websocket_command_t    command;
    ngx_websocket_commands_t   commands;

    ngx_websocket_commands_init(&commands, (char *) data, size);

    do {
        at = commands.p;

        rc = ngx_http_websocket_centrifuge_next(s, &commands, &command);

        if (rc != NGX_OK) {
            break;
        }

        /* the first command was counted as the message that it came in */

        rc = at == (char *) data
             ? NGX_OK : ngx_http_websocket_centrifuge_measure(s, &command);

        if (rc == NGX_OK) {
            rc = ngx_http_websocket_centrifuge_do(s, &command);
        }

        if (rc == NGX_AGAIN) {
            rc = ngx_http_websocket_centrifuge_stuck(s, &command);
        }

        if (rc == NGX_BUSY
            && ngx_http_websocket_centrifuge_of(s)->rest->again)
        {
            commands.p = at;

        } else if (rc != NGX_DONE) {
            ngx_http_websocket_centrifuge_ask_done(s);
        }

        if (rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED) {
            rc = NGX_OK;
        }

        if (rc == NGX_OK && commands.p != commands.last && !s->close_queued
            && ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_COMMAND_STEPS))
        {
            rc = ngx_http_websocket_centrifuge_turn_over(s);
        }

    } while (rc == NGX_OK && !s->close_queued);

    if (rc == NGX_BUSY) {
        rc = ngx_http_websocket_centrifuge_keep(s, commands.p, commands.last);
    }

    ngx_websocket_commands_done(&commands);

    return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
}


/* COMMAND_ANSWERED when there is no other one, or the session closes */

static ngx_int_t
ngx_http_websocket_centrifuge_next(ngx_http_websocket_session_t *s,
    ngx_websocket_commands_t *commands, ngx_websocket_command_t *command)
{
    const ngx_websocket_codec_t  *codec;

    codec = ngx_http_websocket_centrifuge_codec(s);

    switch (codec->next(commands, command)) {

    case NGX_WEBSOCKET_COMMANDS_OK:
        return NGX_OK;

    case NGX_WEBSOCKET_COMMANDS_END:
        break;

    case NGX_WEBSOCKET_COMMANDS_BAD:
        (void) ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
        break;

    default:  /* NGX_WEBSOCKET_COMMANDS_NO_MEMORY */
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
}


/* COMMAND_ANSWERED when it exceeds a rate, and is dropped */

static ngx_int_t
ngx_http_websocket_centrifuge_measure(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t  rc;

    if (s->conf->limits.rates == NULL) {
        return NGX_OK;
    }

    switch (ngx_http_websocket_limits_message(s, 0)) {

    case NGX_HTTP_WEBSOCKET_LIMITED_TAKEN:
        return NGX_OK;

    case NGX_HTTP_WEBSOCKET_LIMITED_DROPPED:
        break;

    default:  /* NGX_HTTP_WEBSOCKET_LIMITED_CLOSED */
        return NGX_DONE;
    }

    if (command->id == 0) {
        return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
    }

    rc = ngx_http_websocket_centrifuge_error(s, command,
                                        NGX_WEBSOCKET_ERROR_TOO_MANY_REQUESTS);

    return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;
}


/* the first command must be connect, and no later one may be */

static ngx_int_t
ngx_http_websocket_centrifuge_do(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->connected != (command->kind != NGX_WEBSOCKET_COMMAND_CONNECT)
        || client->refused)
    {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    if (command->kind == NGX_WEBSOCKET_COMMAND_PONG) {
        return ngx_http_websocket_centrifuge_pong(s);
    }

    return ngx_http_websocket_centrifuge_does[command->kind](s, command);
}


/*
 * the zone is stuck: the command waits, NGX_BUSY; or it is answered with an
 * error
 */

static ngx_int_t
ngx_http_websocket_centrifuge_stuck(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_http_websocket_centrifuge_wait(s);
    if (rest == NULL) {
        return NGX_DONE;
    }

    if (ngx_http_websocket_wait(s->conf->zone, &rest->waiter)) {
        rest->again = 1;
        return NGX_BUSY;
    }

    ngx_http_websocket_work_done(&rest->work);
    ngx_http_websocket_centrifuge_cancel(&rest->work);

    return ngx_http_websocket_centrifuge_error(s, command,
                                               NGX_WEBSOCKET_ERROR_INTERNAL);
}


static ngx_int_t
ngx_http_websocket_centrifuge_turn_over(ngx_http_websocket_session_t *s)
{
    if (ngx_http_websocket_centrifuge_wait(s) == NULL) {
        return NGX_DONE;
    }

    ngx_http_websocket_centrifuge_go_on(s);

    return NGX_BUSY;
}


/* keeps the commands behind one that waits; NGX_AGAIN, or NGX_DONE */

static ngx_int_t
ngx_http_websocket_centrifuge_keep(ngx_http_websocket_session_t *s,
    const char *p, const char *last)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_http_websocket_centrifuge_of(s)->rest;

    if (p == last) {
        return NGX_AGAIN;
    }

    rest->data = ngx_alloc(last - p, s->connection->log);

    if (rest->data == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    rest->size = last - p;
    ngx_memcpy(rest->data, p, rest->size);

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_websocket_centrifuge_send(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    return ngx_http_websocket_centrifuge_disconnect(s,
                                  NGX_HTTP_WEBSOCKET_DISCONNECT_NOT_AVAILABLE);
}


ngx_http_websocket_commands_t *
ngx_http_websocket_centrifuge_wait(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_calloc(sizeof(ngx_http_websocket_commands_t),
                      s->connection->log);

    if (rest == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NULL;
    }

    rest->work.cancel = ngx_http_websocket_centrifuge_cancel;
    rest->waiter.handler = ngx_http_websocket_centrifuge_zone;

    if (ngx_http_websocket_session_work(s, &rest->work) != NGX_AGAIN) {
        ngx_free(rest);
        return NULL;
    }

    ngx_http_websocket_centrifuge_of(s)->rest = rest;

    return rest;
}


ngx_int_t
ngx_http_websocket_centrifuge_fetch(ngx_http_websocket_session_t *s,
    ngx_http_websocket_fetch_t *f)
{
    ngx_http_websocket_commands_t    *rest;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->fetched) {

        /* the command is done anew */

        client->fetched = 0;
        return client->unfetched ? NGX_DECLINED : NGX_OK;
    }

    if (s->conf->zone->broker->history(s->conf->zone, f) == NGX_OK) {
        return f->rc == NGX_HTTP_WEBSOCKET_FETCHED ? NGX_OK : NGX_DECLINED;
    }

    rest = ngx_http_websocket_centrifuge_wait(s);
    if (rest == NULL) {
        return NGX_DONE;
    }

    rest->again = 1;
    rest->fetch = f->pending;

    f->pending->done = ngx_http_websocket_centrifuge_fetched;
    f->pending->data = s;

    return NGX_BUSY;
}


static void
ngx_http_websocket_centrifuge_fetched(ngx_http_websocket_fetch_t *f)
{
    ngx_http_websocket_session_t     *s;
    ngx_http_websocket_centrifuge_t  *client;

    s = f->data;
    client = ngx_http_websocket_centrifuge_of(s);

    client->rest->fetch = NULL;
    client->fetched = 1;
    client->unfetched = (f->rc != NGX_HTTP_WEBSOCKET_FETCHED);

    ngx_http_websocket_centrifuge_go_on(s);
}


static ngx_int_t
ngx_http_websocket_centrifuge_zone(ngx_http_websocket_waiter_t *waiter)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_queue_data(waiter, ngx_http_websocket_commands_t, waiter);

    ngx_http_websocket_centrifuge_go_on(rest->work.session);

    return NGX_OK;
}


/* called when the session ends, or need not wait any more */

static void
ngx_http_websocket_centrifuge_cancel(ngx_http_websocket_work_t *work)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_queue_data(work, ngx_http_websocket_commands_t, work);

    ngx_http_websocket_centrifuge_of(work->session)->rest = NULL;

    if (rest->publish) {

        /* the broker publishes it all the same */

        rest->publish->done = NULL;
    }

    if (rest->fetch) {
        rest->fetch->done = NULL;
    }

    if (rest->call) {
        ngx_http_websocket_call_cancel(rest->call);
    }

    if (rest->queue.next) {
        ngx_queue_remove(&rest->queue);
    }

    ngx_http_websocket_wait_cancel(&rest->waiter);

    ngx_free(rest->data);
    ngx_free(rest);
}


void
ngx_http_websocket_centrifuge_go_on(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_http_websocket_centrifuge_of(s)->rest;

    if (rest == NULL || rest->queue.next) {
        return;
    }

    ngx_queue_insert_tail(&ngx_http_websocket_centrifuge_ready, &rest->queue);

    ngx_http_websocket_turn_next(&ngx_http_websocket_centrifuge_ready_event);
}


/* goes on with each session that is on the list now, once */

static void
ngx_http_websocket_centrifuge_event(ngx_event_t *ev)
{
    ngx_queue_t                     end, *q;
    ngx_http_websocket_commands_t  *rest;

    ngx_queue_insert_tail(&ngx_http_websocket_centrifuge_ready, &end);
    ngx_http_websocket_turn_loop();

    for (q = ngx_queue_head(&ngx_http_websocket_centrifuge_ready);
         q != &end;
         q = ngx_queue_head(&ngx_http_websocket_centrifuge_ready))
    {
        rest = ngx_queue_data(q, ngx_http_websocket_commands_t, queue);

        ngx_queue_remove(q);

        ngx_http_websocket_centrifuge_resume(rest);

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    ngx_queue_remove(&end);

    if (!ngx_queue_empty(&ngx_http_websocket_centrifuge_ready)) {
        ngx_http_websocket_turn_next(ev);
    }
}


/*
 * the session reads on when its commands are done, unless one has to wait again
 */

static void
ngx_http_websocket_centrifuge_resume(ngx_http_websocket_commands_t *rest)
{
    ngx_http_websocket_session_t  *s;

    s = rest->work.session;

    ngx_http_websocket_centrifuge_of(s)->rest = NULL;
    ngx_http_websocket_work_done(&rest->work);

    if (rest->size) {
        (void) ngx_http_websocket_centrifuge_run(s, rest->data, rest->size);
    }

    ngx_free(rest->data);
    ngx_free(rest);
}
