
#include "session/ngx_http_websocket_subscription.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_presence.h"
#include "session/ngx_http_websocket_select.h"


static ngx_http_websocket_subscription_t *
    ngx_http_websocket_subscription_add(ngx_http_websocket_session_t *s,
    ngx_str_t *name);
static ngx_int_t ngx_http_websocket_subscription_start(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_options_t *options, ngx_http_websocket_hello_t *hello,
    ngx_uint_t i);
static ngx_int_t ngx_http_websocket_subscription_enter(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_begin_t *begin);
static ngx_uint_t ngx_http_websocket_subscription_closed(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_subscription_tell(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_options_t *options);
static void ngx_http_websocket_subscription_undo(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub);
static void ngx_http_websocket_subscription_changed(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *only);
static void ngx_http_websocket_subscription_over(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub);
static void ngx_http_websocket_subscription_remove(
    ngx_http_websocket_session_t *s, ngx_http_websocket_further_t *further);
static void ngx_http_websocket_subscription_removed(ngx_event_t *ev);
static void ngx_http_websocket_hello_found(ngx_http_websocket_hello_t *hello,
    ngx_uint_t i, ngx_http_websocket_begin_t *begin);


/*
 * Subscriptions that have ended, perhaps within a delivery to them: an event of
 * their own frees them.
 */

static ngx_http_websocket_further_t  *ngx_http_websocket_ended;
static ngx_event_t                    ngx_http_websocket_ended_event;
static ngx_connection_t               ngx_http_websocket_ended_dummy;


void
ngx_http_websocket_subscription_init(ngx_cycle_t *cycle)
{
    ngx_http_websocket_ended_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_ended_event.handler =
                                       ngx_http_websocket_subscription_removed;
    ngx_http_websocket_ended_event.data = &ngx_http_websocket_ended_dummy;
    ngx_http_websocket_ended_event.log = cycle->log;
}


ngx_int_t
ngx_http_websocket_subscription_create(ngx_http_websocket_session_t *s,
    ngx_str_t *channels, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_http_websocket_subscription_add(s, &channels[i]) == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_http_websocket_subscription_changed(s, NULL);

    return NGX_OK;
}


static ngx_http_websocket_subscription_t *
ngx_http_websocket_subscription_add(ngx_http_websocket_session_t *s,
    ngx_str_t *name)
{
    ngx_log_t                          *log;
    ngx_http_websocket_further_t       *further, *last;
    ngx_http_websocket_channel_name_t  *shared;

    log = s->connection->log;

    shared = ngx_http_websocket_channel_name_create(name, log);
    if (shared == NULL) {
        return NULL;
    }

    if (ngx_http_websocket_subscription_next(s, NULL) == NULL
        && ngx_http_websocket_protocol_of(s)->choice == NULL)
    {
        s->first.name = shared;
        return &s->first;
    }

    further = NULL;

    if (ngx_http_websocket_session_aside(s) == NGX_OK) {
        further = ngx_calloc(sizeof(ngx_http_websocket_further_t), log);
    }

    if (further == NULL) {
        ngx_http_websocket_channel_name_release(shared);
        return NULL;
    }

    last = s->record->aside->further;

    if (last) {
        further->next = last->next;
        last->next = further;
    } else {
        further->next = further;
    }

    s->record->aside->further = further;

    further->session = s;
    further->subscription.name = shared;
    further->subscription.kind = s->first.kind;
    further->subscription.further = 1;
    further->subscription.number = last ? last->subscription.number + 1 : 1;

    return &further->subscription;
}


ngx_int_t
ngx_http_websocket_subscription_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i, n;
    ngx_http_websocket_hello_t          hello;
    ngx_http_websocket_subscription_t  *sub;

    n = ngx_http_websocket_session_channels(s);

    if (ngx_http_websocket_hello_begin(&hello, n, options, s->connection->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = NGX_OK;
    sub = NULL;

    for (i = 0; i < n && rc == NGX_OK; i++) {
        sub = ngx_http_websocket_subscription_next(s, sub);
        rc = ngx_http_websocket_subscription_start(s, sub, options, &hello, i);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_protocol_of(s)->hello(s, &hello);
    }

    options->over = hello.asked && hello.over;

    ngx_http_websocket_hello_end(&hello);

    sub = NULL;

    while (rc == NGX_OK) {

        sub = ngx_http_websocket_subscription_next(s, sub);
        if (sub == NULL) {
            break;
        }

        rc = ngx_http_websocket_presence_join(s, sub);
    }

    return rc;
}


/* as ngx_http_websocket_hub_subscribe() */

static ngx_int_t
ngx_http_websocket_subscription_start(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_options_t *options, ngx_http_websocket_hello_t *hello,
    ngx_uint_t i)
{
    ngx_int_t                      rc;
    ngx_http_websocket_begin_t     begin;
    ngx_websocket_store_history_t  history;

    begin.history = ngx_http_websocket_conf_history(s->conf, &history);
    begin.replay.since = options->since;
    begin.replay.nsince = options->nsince;
    begin.replay.newest = s->conf->replay;
    begin.only = s->conf->replay_only;

    if (ngx_http_websocket_select_filter(s, sub)) {
        begin.replay.newest = ngx_max(s->conf->replay, s->conf->typed.replay);
    }

    /*
     * with several channels, or behind other ones, the hello comes before any
     * message
     */

    begin.defer = hello->n > 1 || hello->late;

    /* a client that counts positions must not be given a later one first */

    sub->ordered = options->nsince != 0;
    sub->view = options->view;

    rc = ngx_http_websocket_subscription_enter(s, sub, &begin);

    if (rc != NGX_OK) {
        return rc;
    }

    if (s->close_queued) {
        /* the channel was lost: memory was refused for its first messages */
        return NGX_ERROR;
    }

    ngx_http_websocket_hello_found(hello, i, &begin);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_subscription_enter(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub, ngx_http_websocket_begin_t *begin)
{
    ngx_int_t  rc;

    s->catching_up = 1;

    s->record->nsubscriptions++;
    ngx_http_websocket_subscription_changed(s, sub);

    rc = ngx_http_websocket_hub_subscribe(s->conf->zone, begin, sub);

    if (rc != NGX_OK) {
        ngx_http_websocket_subscription_over(s, sub);
    }

    return rc;
}


static ngx_uint_t
ngx_http_websocket_subscription_closed(ngx_http_websocket_session_t *s)
{
    return s->close_queued || s->record->away
           || s->state > NGX_HTTP_WEBSOCKET_OPEN;
}


ngx_int_t
ngx_http_websocket_session_choose(ngx_http_websocket_session_t *s,
    ngx_str_t *name, ngx_http_websocket_namespace_t *ns,
    ngx_websocket_filter_t *filter, ngx_http_websocket_begin_t *begin,
    ngx_http_websocket_subscription_t **sub)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_subscription_closed(s)
         ? NGX_HTTP_WEBSOCKET_ROOM_ENDING : NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY;

    *sub = NULL;

    if (rc == NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY) {
        *sub = ngx_http_websocket_subscription_add(s, name);
    }

    if (*sub == NULL) {
        if (filter) {
            ngx_http_websocket_filters_release(filter);
        }

        return rc;
    }

    (*sub)->ordered = 1;
    ((ngx_http_websocket_further_t *) *sub)->ns = ns;

    if (filter) {
        (void) ngx_http_websocket_select_one(s, *sub, filter);
    }

    rc = ngx_http_websocket_subscription_enter(s, *sub, begin);

    if (rc != NGX_OK) {
        ngx_http_websocket_subscription_undo(s, *sub);
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_session_subscribe(ngx_http_websocket_session_t *s,
    ngx_str_t *name, ngx_http_websocket_options_t *options,
    ngx_http_websocket_subscription_t **sub)
{
    ngx_int_t  rc;

    if (ngx_http_websocket_subscription_closed(s)) {
        return NGX_DONE;
    }

    *sub = ngx_http_websocket_subscription_add(s, name);
    if (*sub == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_OK;

    if (options->filter) {
        rc = ngx_http_websocket_select_one(s, *sub, options->filter);
        options->filter = NULL;
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_subscription_tell(s, *sub, options);
    }

    if (rc != NGX_OK) {
        ngx_http_websocket_subscription_undo(s, *sub);
    }

    return rc;
}


static void
ngx_http_websocket_subscription_undo(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    ngx_http_websocket_session_unsubscribe(s, sub);

    if (sub == &s->first) {
        ngx_http_websocket_channel_name_release(sub->name);
        sub->name = NULL;
    }
}


/* with a hello of its own */

static ngx_int_t
ngx_http_websocket_subscription_tell(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_options_t *options)
{
    ngx_int_t                   rc;
    ngx_http_websocket_hello_t  hello;

    (void) ngx_http_websocket_hello_begin(&hello, 1, options,
                                          s->connection->log);
    hello.late = 1;

    rc = ngx_http_websocket_subscription_start(s, sub, options, &hello, 0);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_protocol_of(s)->hello(s, &hello);
    }

    return rc == NGX_OK ? ngx_http_websocket_presence_join(s, sub) : rc;
}


/*
 * Sets what depends on the number of subscriptions, and on their kinds.  Where
 * there is one, it is this one.
 */

static void
ngx_http_websocket_subscription_changed(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *only)
{
    ngx_http_websocket_subscription_t  *sub;

    s->ordered = !s->conf->priority || s->record->aside->visible
                 || ngx_http_websocket_format_of(s->variant)->positions;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && !s->ordered;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        s->ordered = sub->ordered;
    }

    if (only && s->record->nsubscriptions == 1) {
        s->variant = ngx_http_websocket_variant_of(
                            ngx_http_websocket_variant_frame(s->variant),
                            only->view);
    }

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->direct = ngx_http_websocket_direct_allowed(s);
    }
}


static void
ngx_http_websocket_subscription_over(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    sub->ordered = 0;
    s->record->nsubscriptions--;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && !sub->active;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        /* void */
    }

    ngx_http_websocket_subscription_changed(s, sub);
}


ngx_int_t
ngx_http_websocket_session_rewind(ngx_http_websocket_session_t *s,
    ngx_uint_t newest)
{
    ngx_int_t                           rc;
    ngx_http_websocket_subscription_t  *sub;

    rc = NGX_OK;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && rc == NGX_OK;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        rc = ngx_http_websocket_hub_rewind(sub, newest);

        if (sub->catch_up) {
            s->catching_up = 1;
        }
    }

    return rc;
}


void
ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    if (sub->active) {
        ngx_http_websocket_presence_leave(sub);
        ngx_http_websocket_hub_unsubscribe(sub);

        ngx_http_websocket_subscription_over(s, sub);
    }

    if (!s->close_queued && ngx_http_websocket_select_filter(s, sub)) {
        (void) ngx_http_websocket_select_one(s, sub, NULL);
    }

    if (sub->further) {
        ngx_http_websocket_subscription_remove(s,
                                         (ngx_http_websocket_further_t *) sub);
    }
}


static void
ngx_http_websocket_subscription_remove(ngx_http_websocket_session_t *s,
    ngx_http_websocket_further_t *further)
{
    ngx_http_websocket_aside_t    *aside;
    ngx_http_websocket_further_t  *p;

    aside = s->record->aside;

    for (p = aside->further; p->next != further; p = p->next) {
        /* void */
    }

    p->next = further->next;

    if (aside->further == further) {
        aside->further = (p == further) ? NULL : p;
    }

    further->next = ngx_http_websocket_ended;
    ngx_http_websocket_ended = further;

    ngx_post_event(&ngx_http_websocket_ended_event, &ngx_posted_events);
}


static void
ngx_http_websocket_subscription_removed(ngx_event_t *ev)
{
    ngx_http_websocket_further_t  *further;

    while (ngx_http_websocket_ended) {
        further = ngx_http_websocket_ended;
        ngx_http_websocket_ended = further->next;

        if (further->filter) {
            ngx_http_websocket_filters_release(further->filter);
        }

        ngx_http_websocket_channel_name_release(further->subscription.name);
        ngx_free(further->choice);
        ngx_free(further);
    }
}


void
ngx_http_websocket_session_unsubscribe_all(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_subscription_t  *sub;

    if (s->record->nsubscriptions == 0) {
        return;
    }

    s->record->nsubscriptions = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        ngx_http_websocket_presence_leave(sub);
        ngx_http_websocket_hub_unsubscribe(sub);
    }
}


void
ngx_http_websocket_subscription_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_further_t  *last;

    for (last = s->record->aside->further;
         last;
         last = s->record->aside->further)
    {
        ngx_http_websocket_subscription_remove(s, last->next);
    }

    if (s->first.name) {
        ngx_http_websocket_channel_name_release(s->first.name);
    }
}


ngx_http_websocket_subscription_t *
ngx_http_websocket_session_find(ngx_http_websocket_session_t *s,
    ngx_str_t *name)
{
    ngx_str_t                           other;
    ngx_http_websocket_subscription_t  *sub;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &other);

        if (sub->active && other.len == name->len
            && ngx_memcmp(other.data, name->data, name->len) == 0)
        {
            return sub;
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_websocket_session_channels(ngx_http_websocket_session_t *s)
{
    ngx_uint_t                          n;
    ngx_http_websocket_subscription_t  *sub;

    n = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        n++;
    }

    return n;
}


void
ngx_http_websocket_session_channel(ngx_http_websocket_session_t *s,
    ngx_str_t *name)
{
    ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(&s->first),
                                    name);
}


ngx_int_t
ngx_http_websocket_hello_begin(ngx_http_websocket_hello_t *hello,
    ngx_uint_t n, ngx_http_websocket_options_t *options, ngx_log_t *log)
{
    ngx_memzero(hello, sizeof(ngx_http_websocket_hello_t));

    hello->n = n;
    hello->asked = options->nsince != 0;
    hello->wanted = options->hello;
    hello->recovered = 1;
    hello->over = 1;
    hello->positions = &hello->position;
    hello->found = &hello->only;

    if (n > 1) {
        hello->positions = ngx_alloc(n * (sizeof(ngx_websocket_position_t)
                                          + 1), log);
        if (hello->positions == NULL) {
            return NGX_ERROR;
        }

        hello->found = (uint8_t *) &hello->positions[n];
    }

    ngx_memset(hello->found, 1, n);

    return NGX_OK;
}


static void
ngx_http_websocket_hello_found(ngx_http_websocket_hello_t *hello,
    ngx_uint_t i, ngx_http_websocket_begin_t *begin)
{
    hello->over &= begin->over;
    hello->positions[i] = begin->position;
    hello->found[i] = (uint8_t) begin->recovered;

    if (!begin->recovered) {
        hello->lost = 1;
        hello->lost_kept |= begin->keeps;
    }

    /* messages that no history keeps are lost to every client that is away */

    hello->kept |= begin->keeps;
    hello->recovered = hello->kept ? !hello->lost_kept : !hello->lost;
}


void
ngx_http_websocket_hello_end(ngx_http_websocket_hello_t *hello)
{
    if (hello->positions != &hello->position) {
        ngx_free(hello->positions);
    }
}
