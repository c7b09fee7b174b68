
/*
 * Calls of a location of the same server, on behalf of a session or a request:
 * what the location does with a request, as to pass it to an application, is
 * nginx's.
 */


#ifndef NGX_HTTP_WEBSOCKET_CALL_H
#define NGX_HTTP_WEBSOCKET_CALL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "conf/ngx_http_websocket_conf.h"
#include "message/json.h"


/* what is read of an answer, bytes: one that has more is none */
#define NGX_HTTP_WEBSOCKET_CALL_ANSWER  65536


/* what became of a call */

typedef enum {
    NGX_HTTP_WEBSOCKET_CALL_ANSWERED = NGX_OK,      /* with any status */
    NGX_HTTP_WEBSOCKET_CALL_FAILED = NGX_ERROR,     /* without memory, or a
                                                       connection */
    NGX_HTTP_WEBSOCKET_CALL_CUT = NGX_ABORT,        /* the answer ended early,
                                                       or there was none */
    NGX_HTTP_WEBSOCKET_CALL_LARGE = NGX_DECLINED,
    NGX_HTTP_WEBSOCKET_CALL_LATE = NGX_AGAIN,
    NGX_HTTP_WEBSOCKET_CALL_FULL = NGX_BUSY     /* as max= and queue= say */
} ngx_http_websocket_call_e;


typedef struct ngx_http_websocket_call_s  ngx_http_websocket_call_t;

struct ngx_http_websocket_call_s {
    /*
     * Called when the call is over, never within ngx_http_websocket_call();
     * the call is freed behind it.  NULL: nobody waits for it.
     */
    void                        (*done)(ngx_http_websocket_call_t *call);
    void                         *data;

    ngx_http_websocket_hook_t    *hook;
    ngx_http_websocket_loc_conf_t  *conf;   /* of the location that asks */

    /* set when it is over */

    ngx_http_websocket_call_e     rc;
    ngx_uint_t                    status;
    ngx_str_t                     body;
    ngx_msec_t                    time;     /* that it took */

    /* private */

    ngx_queue_t                   queue;
    ngx_http_request_t           *request;  /* NULL: it was not made yet, or
                                               has ended */
    ngx_http_request_t           *client;   /* whose headers are sent along, or
                                               NULL */
    ngx_event_t                   timer;
    ngx_event_t                   over;
    uint64_t                      started;  /* us */
    ngx_websocket_json_text_t     question;
    ngx_connection_t              from;     /* what is told of the client's
                                               connection */
    ngx_sockaddr_t                sockaddr;
    ngx_sockaddr_t                local_sockaddr;
    u_char                        addr_text[NGX_SOCKADDR_STRLEN];
    unsigned                      waits:1;  /* in the hook's queue */
    unsigned                      active:1; /* it counts as one of the hook's */
    unsigned                      headed:1;
    unsigned                      last:1;   /* all of the answer has come */
};


/*
 * Calls the hook's location with the question, whose memory the call takes
 * over, also where it fails.  What the location sees of the client is c, and
 * the headers of r, unless that is NULL: it must not end before the call is
 * over or cancelled.  Returns the call, or NULL when memory was refused.
 */
ngx_http_websocket_call_t *ngx_http_websocket_call(
    ngx_http_websocket_loc_conf_t *conf, ngx_http_websocket_hook_t *hook,
    ngx_connection_t *c, ngx_http_request_t *r,
    ngx_websocket_json_text_t *question);

/*
 * Nobody waits for the call any more: it is not made if it has not begun, and
 * its answer does not matter.
 */
void ngx_http_websocket_call_cancel(ngx_http_websocket_call_t *call);

/* Whether the request is such a call, or a part of one. */
ngx_uint_t ngx_http_websocket_call_is(ngx_http_request_t *r);

/*
 * In postconfiguration, where there are hooks: puts filters in the place of
 * nginx's first ones.
 */
void ngx_http_websocket_call_init(void);


#endif /* NGX_HTTP_WEBSOCKET_CALL_H */
