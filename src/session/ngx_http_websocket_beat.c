
#include "session/ngx_http_websocket_beat.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


/* the longest answer: it says no more than the heartbeat */
#define NGX_HTTP_WEBSOCKET_BEAT_ANSWER  4096


static ngx_uint_t ngx_http_websocket_beat_begins(u_char *p, u_char *last);


ngx_int_t
ngx_http_websocket_beat_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    ngx_uint_t                   visible;
    ngx_http_websocket_aside_t  *aside;

    visible = options->visible && ngx_http_websocket_protocol_of(s)->beat;

    if (options->interval == 0 && !visible) {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    aside = s->record->aside;

    aside->visible = visible;
    aside->interval = (ngx_http_websocket_time_t) options->interval;
    aside->beat = ngx_http_websocket_now()
                  + ngx_http_websocket_beat_interval(s);

    return NGX_OK;
}


void
ngx_http_websocket_beat(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_time_t    now;
    ngx_http_websocket_aside_t  *aside;

    now = ngx_http_websocket_now();
    aside = s->record->aside;

    if ((int32_t) (now - aside->beat) < 0) {
        return;
    }

    aside->beat = now + ngx_http_websocket_beat_interval(s);

    ngx_http_websocket_protocol_of(s)->beat(s);
}


void
ngx_http_websocket_beat_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    if (ngx_http_websocket_direct_ready(s)) {

        ngx_http_websocket_direct_write(s, frame->data, frame->size);
        ngx_http_websocket_progress(s);

    } else if (!s->write_blocked) {

        (void) ngx_http_websocket_send_bytes(s, frame);
        return;
    }

    ngx_http_websocket_frame_release(frame);
}


ngx_http_websocket_aside_e
ngx_http_websocket_beat_answer(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    json_t     *json;
    ngx_int_t   rc;

    if (type != NGX_WEBSOCKET_TEXT || size > NGX_HTTP_WEBSOCKET_BEAT_ANSWER
        || !ngx_http_websocket_beat_begins(data, data + size))
    {
        return NGX_HTTP_WEBSOCKET_ASIDE_OTHER;
    }

    rc = NGX_HTTP_WEBSOCKET_ASIDE_OTHER;
    json = json_loadb((char *) data, size, 0, NULL);

    if (json_object_size(json) == 1 && json_object_get(json, "position")) {
        rc = ngx_http_websocket_limits_ping(s);
    }

    json_decref(json);

    return rc;
}


/* whether the text begins like an answer: any other need not be parsed */

static ngx_uint_t
ngx_http_websocket_beat_begins(u_char *p, u_char *last)
{
    size_t            i, n;

    static ngx_str_t  words[] = {
        ngx_string("{"), ngx_string("\"position\"")
    };

    for (i = 0; i < 2; i++) {

        while (p < last && ngx_strchr(" \t\r\n", *p)) {
            p++;
        }

        n = words[i].len;

        if ((size_t) (last - p) < n
            || ngx_memcmp(p, words[i].data, n) != 0)
        {
            return 0;
        }

        p += n;
    }

    return 1;
}
