
/*
 * The channels of a session.  The first one is part of the session; it is what
 * the client came with, and where its messages go.  Further ones come and go
 * at any time, also when the HTTP request was given back.
 */


#ifndef NGX_HTTP_WEBSOCKET_SUBSCRIPTION_H
#define NGX_HTTP_WEBSOCKET_SUBSCRIPTION_H


#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_session.h"


/* a subscription that is not its session's first; of a client that chooses its
   channels all are */

struct ngx_http_websocket_further_s {
    ngx_http_websocket_subscription_t     subscription;
    ngx_http_websocket_session_t         *session;
    ngx_websocket_filter_t               *filter;   /* NULL: none */
    ngx_http_websocket_further_t         *next;     /* of the last one: the
                                                       first of them */

    /* of a client that chooses */

    ngx_http_websocket_namespace_t       *ns;
    void                                 *choice;   /* of its language, freed
                                                       with it; or NULL */
    uint64_t                              base;     /* with delta: the offset of
                                                       what the client was given
                                                       last; 0: of no history */
    unsigned                              events:1; /* joins and leaves are for
                                                       the client, too */
    unsigned                              server:1; /* it is not the client who
                                                       has subscribed */
    unsigned                              delta:1;  /* the client patches what
                                                       it was given */
};


/* In init_process. */
void ngx_http_websocket_subscription_init(ngx_cycle_t *cycle);

/*
 * Gives a new session the names of its channels, which it is not subscribed to
 * yet.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_subscription_create(
    ngx_http_websocket_session_t *s, ngx_str_t *channels, ngx_uint_t n);

/*
 * Subscribes a new session to all of its channels, with one hello.  Returns
 * ROOM_OK; or ROOM_FULL, ROOM_STUCK, or ROOM_NO_MEMORY: the session is to be
 * discarded then.
 */
ngx_int_t ngx_http_websocket_subscription_begin(
    ngx_http_websocket_session_t *s, ngx_http_websocket_options_t *options);

/*
 * Subscribes a session with a connection of its own to one channel more, whose
 * name is as a location's may be, and which it does not have.  Whether the
 * client has the right to the channel is for the caller to check; a token that
 * comes later must grant it.  The hello is behind what is queued.  Of the
 * options those on positions count, the view, and the filter, whose reference
 * was taken over where that is NULL then.  Returns ROOM_OK with the
 * subscription in *sub, which is valid until it is ended; ROOM_FULL, ROOM_STUCK
 * or ROOM_NO_MEMORY with nothing changed; ROOM_ENDING when the session is about
 * to end.
 */
ngx_int_t ngx_http_websocket_session_subscribe(
    ngx_http_websocket_session_t *s, ngx_str_t *name,
    ngx_http_websocket_options_t *options,
    ngx_http_websocket_subscription_t **sub);

/*
 * Subscribes a session whose client chooses to a channel that it does not
 * have, as begin says, with a filter, whose reference is taken over, or NULL.
 * Its language is told when all that came before was delivered, perhaps during
 * the call, and says hello itself.  Returns as above.  *sub is set before anything is delivered.
 */
ngx_int_t ngx_http_websocket_session_choose(ngx_http_websocket_session_t *s,
    ngx_str_t *name, ngx_http_websocket_namespace_t *ns,
    ngx_websocket_filter_t *filter, ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t **sub);

/*
 * Gives the session its channels' histories anew, from the newest so many
 * messages of each on, as its filter lets them pass.  Returns as
 * ngx_http_websocket_hub_rewind(): but that some may have begun.
 */
ngx_int_t ngx_http_websocket_session_rewind(ngx_http_websocket_session_t *s,
    ngx_uint_t newest);

/*
 * Ends one subscription, also within a delivery to it.  What is queued of it
 * is still sent.
 */
void ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub);

/* Ends all subscriptions of a session that ends; their names remain. */
void ngx_http_websocket_session_unsubscribe_all(
    ngx_http_websocket_session_t *s);

/* Frees the subscriptions, which have ended. */
void ngx_http_websocket_subscription_free(ngx_http_websocket_session_t *s);

/* The active subscription to the channel of that name, or NULL. */
ngx_http_websocket_subscription_t *ngx_http_websocket_session_find(
    ngx_http_websocket_session_t *s, ngx_str_t *name);

/* How many channels the session has, subscribed or not. */
ngx_uint_t ngx_http_websocket_session_channels(
    ngx_http_websocket_session_t *s);

/*
 * The channel that the client's messages go to, subscribed or not.  The name
 * is valid as long as the session is, or empty: then there is none.
 */
void ngx_http_websocket_session_channel(ngx_http_websocket_session_t *s,
    ngx_str_t *name);

/*
 * For positions of n subscriptions, to be freed with hello_end(): NGX_OK, or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hello_begin(ngx_http_websocket_hello_t *hello,
    ngx_uint_t n, ngx_http_websocket_options_t *options, ngx_log_t *log);
void ngx_http_websocket_hello_end(ngx_http_websocket_hello_t *hello);


/* The session that a subscription is of. */

static ngx_inline ngx_http_websocket_session_t *
ngx_http_websocket_session_of(ngx_http_websocket_subscription_t *sub)
{
    if (sub->further) {
        return ((ngx_http_websocket_further_t *) sub)->session;
    }

    return ngx_queue_data(sub, ngx_http_websocket_session_t, first);
}


/*
 * The session's channels in the order in which they came, active or not: the
 * first for NULL; NULL behind the last.
 */

static ngx_inline ngx_http_websocket_subscription_t *
ngx_http_websocket_subscription_next(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    ngx_http_websocket_further_t  *last;

    if (sub == NULL && (s->first.active || s->first.name)) {
        return &s->first;
    }

    last = s->record->aside->further;

    if (sub == NULL || !sub->further) {
        return last ? &last->next->subscription : NULL;
    }

    return sub == &last->subscription
           ? NULL
           : &((ngx_http_websocket_further_t *) sub)->next->subscription;
}


#endif /* NGX_HTTP_WEBSOCKET_SUBSCRIPTION_H */
