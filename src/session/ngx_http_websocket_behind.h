
/*
 * Sessions that are behind: what they sent takes longer than a turn has, and
 * is not all looked at.  They go on one after the other, each for a moment,
 * in what the others leave of the turns to come; nothing more is read of them
 * meanwhile.
 */


#ifndef NGX_HTTP_WEBSOCKET_BEHIND_H
#define NGX_HTTP_WEBSOCKET_BEHIND_H


#include "session/ngx_http_websocket_pause.h"


/*
 * Whether the session that is being read has had its time.  Asked before each
 * step that may be expensive; the first step of a session that is behind is
 * granted.
 */
ngx_uint_t ngx_http_websocket_behind_over(void);

/* Puts the session, which has limits, at the end of those that are behind. */
void ngx_http_websocket_behind_add(ngx_http_websocket_session_t *s);

/* Takes the session off the list, if it is there: it reads on, or ends. */
void ngx_http_websocket_behind_del(ngx_http_websocket_session_t *s);

/* In init_process. */
void ngx_http_websocket_behind_init(ngx_cycle_t *cycle);


/* Whether the session is behind. */

static ngx_inline ngx_uint_t
ngx_http_websocket_behind_is(ngx_http_websocket_session_t *s)
{
    return s->paused && s->record->aside->pause->behind;
}


#endif /* NGX_HTTP_WEBSOCKET_BEHIND_H */
