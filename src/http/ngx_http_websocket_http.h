
/*
 * What happens while it is still an HTTP request.
 */


#ifndef NGX_HTTP_WEBSOCKET_HTTP_H
#define NGX_HTTP_WEBSOCKET_HTTP_H


#include "ngx_http_websocket_module.h"

#include <jansson.h>

#include "session/ngx_http_websocket_session.h"


/* the content handlers, each of the directive of that name */

ngx_int_t ngx_http_websocket_handshake_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_publish_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_status_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_revoke_handler(ngx_http_request_t *r);

/*
 * Parts of these: they return what a content handler returns.  The channel's
 * names are in the request's context.
 */

/* a POST to a location with websocket */
ngx_int_t ngx_http_websocket_publish_from_client(ngx_http_request_t *r);

/*
 * Does with what is POSTed what the location says of its messages: sets the
 * message's priority, and may make it one part, for which there is room.
 * Returns NGX_OK, NGX_DECLINED with the error set, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_publish_intake(ngx_http_request_t *r,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts,
    ngx_uint_t *n, ngx_websocket_json_error_t *error);

/*
 * Puts the tags that a header gives before the parts, for which there is
 * room: valid until the next call.  Returns what is wrong with them, or NULL.
 */
char *ngx_http_websocket_publish_tags(ngx_http_request_t *r,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts,
    ngx_uint_t *n);

/* Answers with 422 and the error. */
ngx_int_t ngx_http_websocket_publish_invalid(ngx_http_request_t *r,
    ngx_websocket_json_error_t *error);

/*
 * Makes an answer that takes long, in as many turns as it takes, after those
 * that others wait for.  The handler returns NGX_AGAIN when it is to be called
 * in a later turn, or what a content handler returns, as this does.
 */
typedef ngx_int_t (*ngx_http_websocket_later_pt)(ngx_http_request_t *r,
    void *data);

ngx_int_t ngx_http_websocket_later(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler, void *data);

/*
 * Calls the handler, with NULL, of a request that takes a moment; in a later
 * turn if this one is over, or others wait for that already.  Returns what a
 * content handler returns, as the handler does.
 */
ngx_int_t ngx_http_websocket_in_turn(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler);

/* In init_process. */
void ngx_http_websocket_later_init(ngx_cycle_t *cycle);

ngx_int_t ngx_http_websocket_channel_get(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_channel_delete(ngx_http_request_t *r);

/*
 * The zone is stuck: has handler called when it is not any more, or after too
 * long a time, and its result taken as a content handler's.  Returns NGX_DONE;
 * NGX_DECLINED when it is too long already, and the request is to be refused;
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_await(ngx_http_request_t *r,
    ngx_http_handler_pt handler);

/* The same, but refuses it then; returns as a content handler. */
ngx_int_t ngx_http_websocket_await_or_refuse(ngx_http_request_t *r,
    ngx_http_handler_pt handler);

/* Adds a Retry-After to what is refused.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_retry_later(ngx_http_request_t *r);

/* Adds the variables $websocket_*.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_variables(ngx_conf_t *cf);


/*
 * An argument of the request, decoded, in r->pool.  Returns NGX_OK,
 * NGX_DECLINED when there is none, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_arg(ngx_http_request_t *r, char *name,
    ngx_str_t *value);

/* The first header of that name (in lower case), or NULL. */
ngx_table_elt_t *ngx_http_websocket_header(ngx_http_request_t *r, char *name);

/* How many headers of that name there are. */
ngx_uint_t ngx_http_websocket_headers(ngx_http_request_t *r, char *name);

/* Whether the request is a handshake, or meant as one. */
ngx_uint_t ngx_http_websocket_asks(ngx_http_request_t *r);

/*
 * The protocol that a GET which is no WebSocket's handshake asks for: RAW when
 * it asks for no other.
 */
ngx_http_websocket_protocol_e ngx_http_websocket_stream_protocol(
    ngx_http_request_t *r);

/*
 * Reads where the client wants to begin, for options->protocol.  Returns
 * NGX_OK; NGX_DECLINED with *error set to a constant string that says what is
 * wrong; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_options(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    char **error);

/*
 * Reads which view and filter the client wants; options->filter gets a
 * reference, which is to be given back where it is not taken.  Returns as the
 * above.
 */
ngx_int_t ngx_http_websocket_selection(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error);

/* The view alone. */
ngx_int_t ngx_http_websocket_selection_view(ngx_http_request_t *r,
    ngx_uint_t *view, char **error);

/*
 * Opens a stream; key is of a WebSocket's handshake, or NULL.  Returns what a
 * content handler returns.
 */
ngx_int_t ngx_http_websocket_open_now(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);

/*
 * Holds the request until the worker can hold a session of its location, or a
 * second is over, then does the above.
 */
ngx_int_t ngx_http_websocket_slotless(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);

/* Begins the response of such a stream.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_stream_header(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options);

/* The same for who wants the header only: what a content handler returns. */
ngx_int_t ngx_http_websocket_stream_head(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options);

/*
 * What the answer to a POST says of a channel; NULL when memory was refused.
 */
json_t *ngx_http_websocket_channel_json(ngx_str_t *name,
    ngx_websocket_log_info_t *info);


/* The request's context, which is made if there is none; NULL: no memory. */
ngx_http_websocket_ctx_t *ngx_http_websocket_ctx(ngx_http_request_t *r);

/*
 * Whether a request may come in, by its Origin, its token and the token's
 * scopes; and by the token's rights on the channels of ctx.  Each returns
 * NGX_DECLINED when it may, else what a content handler returns: the request
 * was answered.
 */
ngx_int_t ngx_http_websocket_admit(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_permit(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);

/* Whether what let it in still holds, after a wait: as the above. */
ngx_int_t ngx_http_websocket_readmit(ngx_http_request_t *r);

/*
 * Overwrites the request's token where logs would tell it, if the location
 * asks for one; it cannot be verified any more.
 */
void ngx_http_websocket_mask(ngx_http_request_t *r);

/* Adds the variables of the token's claims.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_claims(ngx_conf_t *cf);

/* The subject of the request's token, or NULL. */
const char *ngx_http_websocket_subject(ngx_http_request_t *r);

/*
 * Who it is, as $websocket_user says; not longer than the token is there.
 * Returns NGX_OK, NGX_DECLINED when nobody knows, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_user(ngx_http_request_t *r, ngx_str_t *user);

/*
 * Evaluates the names of the location's channels, and makes the request's
 * context.  Returns NGX_OK; NGX_DECLINED with *error set to what is wrong with
 * a name; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_channels(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t **ctx, char **error);

/* What is wrong with a channel's name, or NULL. */
char *ngx_http_websocket_channel_error(ngx_str_t *name);


/* the name of a channel, as the location says it */

typedef struct {
    ngx_http_complex_value_t      value;
    ngx_array_t                  *variables;    /* that must have a value; or
                                                   NULL: none must */
} ngx_http_websocket_name_t;


/* Compiles one, whose variables may be empty or not: NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_name_compile(ngx_conf_t *cf,
    ngx_http_websocket_name_t *name, ngx_str_t *text, ngx_uint_t empty);

/*
 * Evaluates one.  Returns NGX_OK; NGX_DECLINED with *error set to a text that
 * says which variable is empty; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_name_value(ngx_http_request_t *r,
    ngx_http_websocket_name_t *name, ngx_str_t *value, char **error);

/*
 * websocket_set_name, which decodes what a client wrote in a URI to (a part
 * of) a channel's name: empty where that would not be a valid one.
 */
char *ngx_http_websocket_set_name(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* What that does in later phases, if it is used.  NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_named_init(ngx_conf_t *cf);


static ngx_inline ngx_uint_t
ngx_http_websocket_header_is(ngx_table_elt_t *h, char *name)
{
    return h->key.len == ngx_strlen(name)
           && ngx_strncmp(h->lowcase_key, name, h->key.len) == 0;
}


/* Counts a handshake or a publish that is refused. */
static ngx_inline void
ngx_http_websocket_rejected(ngx_http_request_t *r,
    ngx_http_websocket_rejected_e reason)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    conf->stats->rejected[reason]++;
}


/* of a text in a log's line */
#define NGX_HTTP_WEBSOCKET_PLAIN_SIZE  512

/*
 * Copies what a client may have sent for a log's line: cut off, ended by a
 * zero, and without characters that move a terminal's cursor.  plain has
 * NGX_HTTP_WEBSOCKET_PLAIN_SIZE bytes.
 */
void ngx_http_websocket_plain(u_char *plain, const u_char *text, size_t size);


/* statuses that nginx has no name for */
#define NGX_HTTP_WEBSOCKET_UNPROCESSABLE  422
#define NGX_HTTP_WEBSOCKET_UPGRADE        426

/*
 * The functions below send a whole response and return what a content
 * handler returns: of a refusal, where an error_page is for its status, that
 * status, and nginx sends the page.
 */

/* type and body remain the caller's until the request ends */
ngx_int_t ngx_http_websocket_respond(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);

/* a refusal, which is logged; text is a string, without the end of line */
ngx_int_t ngx_http_websocket_respond_text(ngx_http_request_t *r,
    ngx_uint_t status, char *text);

/* takes over the reference to json, which may be NULL: out of memory */
ngx_int_t ngx_http_websocket_respond_json(ngx_http_request_t *r,
    ngx_uint_t status, json_t *json);

/* a refusal, which is logged: {"error":{"code":code,"message":message}} */
ngx_int_t ngx_http_websocket_respond_error(ngx_http_request_t *r,
    ngx_uint_t status, char *code, char *message);

/* 405: allow is the Allow header, text says what to use instead */
ngx_int_t ngx_http_websocket_not_allowed(ngx_http_request_t *r,
    ngx_str_t *allow, char *text);

/* Adds a header to the response.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value);


#endif /* NGX_HTTP_WEBSOCKET_HTTP_H */
