
/*
 * What the application is asked, and what follows from its answer.
 */


#ifndef NGX_HTTP_WEBSOCKET_HOOK_H
#define NGX_HTTP_WEBSOCKET_HOOK_H


#include "hook/ngx_http_websocket_call.h"
#include "hook/answer.h"


/* what follows from a call */

typedef enum {
    NGX_HTTP_WEBSOCKET_VERDICT_GO = 0,      /* as the answer says */
    NGX_HTTP_WEBSOCKET_VERDICT_REFUSED,
    NGX_HTTP_WEBSOCKET_VERDICT_FAILED       /* there is no answer */
} ngx_http_websocket_verdict_e;

typedef struct {
    ngx_http_websocket_verdict_e  rc;
    ngx_uint_t                    status;   /* of a refusal, 400 to 499 */
    ngx_websocket_answer_t        answer;
} ngx_http_websocket_verdict_t;


/* who it is about: what is empty is not told */

typedef struct {
    uint64_t                      session;
    uint64_t                      number;   /* of the question, in it */
    ngx_str_t                     user;
    ngx_str_t                     state;    /* a JSON text */
} ngx_http_websocket_asker_t;


/*
 * Begins a question: an object to which members can be added, until
 * ngx_http_websocket_question_end() has ended it.  The text is all zeros.
 */
void ngx_http_websocket_question(ngx_websocket_json_text_t *text,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_asker_t *asker);

/* Adds a member that is a string of UTF-8; the name is as it is. */
void ngx_http_websocket_question_add(ngx_websocket_json_text_t *text,
    const char *name, const u_char *data, size_t size);

/* Adds a client's message: "type", and "data" or "data_base64". */
void ngx_http_websocket_question_message(ngx_websocket_json_text_t *text,
    ngx_uint_t binary, const u_char *data, size_t size);

/* Adds an array of strings. */
void ngx_http_websocket_question_list(ngx_websocket_json_text_t *text,
    const char *name, ngx_str_t *list, ngx_uint_t n);

void ngx_http_websocket_question_end(ngx_websocket_json_text_t *text);

/*
 * Reads what a call was answered with.  What has failed is logged, and counted;
 * with fail=open it is an answer without anything in it.  The verdict's answer
 * is to be given back by ngx_websocket_answer_done().
 */
void ngx_http_websocket_verdict(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict);

/*
 * The bytes of the answer's data: those of a string, JSON text of another
 * value, or what base64 stands for, in *text, to be given back.  Returns
 * NGX_OK; NGX_DECLINED when it has none; NGX_ABORT when it is not base64; or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_answer_data(ngx_websocket_answer_t *answer,
    ngx_websocket_json_text_t *text);


#endif /* NGX_HTTP_WEBSOCKET_HOOK_H */
