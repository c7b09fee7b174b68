
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_behind.h"
#include "session/ngx_http_websocket_limits.h"


static ngx_http_websocket_pause_t *ngx_http_websocket_pause_make(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_pause_over(ngx_http_websocket_session_t *s);


ngx_int_t
ngx_http_websocket_session_pause(ngx_http_websocket_session_t *s,
    ngx_uint_t why)
{
    ngx_http_websocket_pause_t  *pause;

    pause = ngx_http_websocket_pause_make(s);

    if (pause == NULL) {
        return NGX_ERROR;
    }

    pause->why |= why;
    s->paused = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_session_pause_for(ngx_http_websocket_session_t *s,
    uint32_t wait)
{
    ngx_http_websocket_time_t    until;
    ngx_http_websocket_pause_t  *pause;

    pause = ngx_http_websocket_pause_make(s);

    if (pause == NULL) {
        return NGX_ERROR;
    }

    until = ngx_http_websocket_now()
            + ngx_min(wait, NGX_HTTP_WEBSOCKET_LONGEST);

    if ((pause->why & NGX_HTTP_WEBSOCKET_PAUSE_TIME)
        && (int32_t) (pause->until - until) >= 0)
    {
        return NGX_OK;
    }

    pause->why |= NGX_HTTP_WEBSOCKET_PAUSE_TIME;
    pause->until = until;
    s->paused = 1;

    ngx_http_websocket_session_schedule(s);

    return NGX_OK;
}


static ngx_http_websocket_pause_t *
ngx_http_websocket_pause_make(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_pause_t  *pause;

    if (s->record->aside->pause) {
        return s->record->aside->pause;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NULL;
    }

    pause = ngx_calloc(sizeof(ngx_http_websocket_pause_t), s->connection->log);
    if (pause == NULL) {
        return NULL;
    }

    s->record->aside->pause = pause;

    return pause;
}


void
ngx_http_websocket_session_resume(ngx_http_websocket_session_t *s,
    ngx_uint_t why)
{
    ngx_http_websocket_pause_t  *pause;

    if (!ngx_http_websocket_session_is_paused(s)) {
        return;
    }

    if (why & NGX_HTTP_WEBSOCKET_PAUSE_TIME) {
        why |= NGX_HTTP_WEBSOCKET_PAUSE_TURN;
    }

    pause = s->record->aside->pause;
    pause->why &= ~why;

    if (pause->why == 0) {
        ngx_http_websocket_pause_over(s);
    }
}


void
ngx_http_websocket_session_resume_all(ngx_http_websocket_session_t *s)
{
    if (!ngx_http_websocket_session_is_paused(s)) {
        return;
    }

    ngx_http_websocket_pause_give_up(s);
    s->record->aside->pause->why = 0;

    ngx_http_websocket_pause_over(s);
}


ngx_int_t
ngx_http_websocket_session_work(ngx_http_websocket_session_t *s,
    ngx_http_websocket_work_t *work)
{
    if (ngx_http_websocket_session_pause(s, NGX_HTTP_WEBSOCKET_PAUSE_WORK)
        != NGX_OK)
    {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    work->session = s;
    s->record->aside->pause->work = work;

    return NGX_AGAIN;
}


void
ngx_http_websocket_work_done(ngx_http_websocket_work_t *work)
{
    ngx_http_websocket_session_t  *s;

    s = work->session;

    s->record->aside->pause->work = NULL;

    ngx_http_websocket_session_resume(s, NGX_HTTP_WEBSOCKET_PAUSE_WORK);
}


void
ngx_http_websocket_work_refused(ngx_http_websocket_work_t *work)
{
    ngx_http_websocket_work_done(work);

    (void) ngx_http_websocket_session_error(work->session);
}


void
ngx_http_websocket_work_failed(ngx_http_websocket_work_t *work,
    ngx_http_websocket_reason_e reason)
{
    ngx_http_websocket_work_done(work);

    ngx_http_websocket_session_close(work->session, reason);
}


void
ngx_http_websocket_pause_give_up(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_work_t   *work;
    ngx_http_websocket_pause_t  *pause;

    pause = s->record->aside->pause;

    if (pause && pause->work) {
        work = pause->work;
        pause->work = NULL;

        work->cancel(work);
    }
}


static void
ngx_http_websocket_pause_over(ngx_http_websocket_session_t *s)
{
    /* what the client has sent during the pause could not be heard */

    s->heard = ngx_http_websocket_now();
    s->active = s->heard;

    ngx_post_event(s->connection->read, &ngx_posted_events);
}


void
ngx_http_websocket_pause_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_pause_t  *pause;

    pause = s->record->aside->pause;

    if (pause == NULL) {
        return;
    }

    ngx_http_websocket_behind_del(s);
    ngx_http_websocket_pause_give_up(s);

    s->paused = 0;
    s->record->aside->pause = NULL;

    ngx_free(pause->parked);
    ngx_free(pause);
}


ngx_int_t
ngx_http_websocket_input_park(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    ngx_http_websocket_pause_t  *pause;

    if (pos == last) {
        return NGX_OK;
    }

    pause = ngx_http_websocket_pause_make(s);

    if (pause) {
        pause->parked = ngx_alloc(last - pos, s->connection->log);
    }

    if (pause == NULL || pause->parked == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    ngx_memcpy(pause->parked, pos, last - pos);
    pause->size = last - pos;

    s->paused = 1;

    return NGX_OK;
}


u_char *
ngx_http_websocket_input_resume(ngx_http_websocket_session_t *s, size_t *size)
{
    u_char                      *parked;
    ngx_http_websocket_pause_t  *pause;

    pause = s->record->aside->pause;

    if (pause->why & NGX_HTTP_WEBSOCKET_PAUSE_TURN) {

        if ((pause->why & NGX_HTTP_WEBSOCKET_PAUSE_TIME)
            && ngx_http_websocket_hub_behind(s->conf->zone))
        {
            ngx_post_event(s->connection->read, &ngx_posted_next_events);
            return NULL;
        }

        pause->why &= ~(NGX_HTTP_WEBSOCKET_PAUSE_TURN
                        | NGX_HTTP_WEBSOCKET_PAUSE_TIME);
    }

    if (pause->why) {
        return NULL;
    }

    parked = pause->parked;
    pause->parked = NULL;

    *size = pause->size;

    return parked;
}
