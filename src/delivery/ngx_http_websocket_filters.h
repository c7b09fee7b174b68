
/*
 * The filters of this worker's sessions: one set, which looks a message's
 * fields up once for all of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_FILTERS_H
#define NGX_HTTP_WEBSOCKET_FILTERS_H


#include "conf/ngx_http_websocket_conf.h"
#include "delivery/ngx_http_websocket_message.h"
#include "message/filter.h"


/* for the text of a filter, which is short */
extern const ngx_websocket_json_limits_t  ngx_http_websocket_filter_json;


/*
 * Makes a filter of its JSON, for a session of a location that has the view of
 * that number: what the view hides is not to be asked for, nor what the type
 * of the location's messages does not have.  Returns NGX_WEBSOCKET_JSON_OK
 * with a reference in *filter, _REFUSED with the error set, or _NO_MEMORY.
 */
ngx_websocket_json_e ngx_http_websocket_filters_compile(const json_t *json,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error);

/* Makes a filter of its JSON text.  Returns as above. */
ngx_websocket_json_e ngx_http_websocket_filters_read(u_char *data, size_t size,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error);

/* Takes one more reference. */
void ngx_http_websocket_filters_hold(ngx_websocket_filter_t *filter);

/* Gives the reference back. */
void ngx_http_websocket_filters_release(ngx_websocket_filter_t *filter);

/* Whether the message passes the filter: else it is hidden. */
ngx_http_websocket_shown_e ngx_http_websocket_filters_pass(ngx_log_t *log,
    ngx_websocket_filter_t *filter, ngx_http_websocket_message_t *message);

/* To be called before the message's content is freed. */
void ngx_http_websocket_filters_forget(ngx_http_websocket_message_t *message);


#endif /* NGX_HTTP_WEBSOCKET_FILTERS_H */
