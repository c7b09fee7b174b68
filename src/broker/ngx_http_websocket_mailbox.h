
/*
 * Letters from any worker to the workers that have sessions: of this nginx,
 * and of all that share the zone by a broker.  A letter is a message in a
 * channel that no client can name: it outlives the worker that wrote it, and
 * all who hear it hear the same order.
 *
 * Whoever reads letters of a kind gives the kind a number below and a reader
 * in init_process, and calls mailbox_listen() before a session of its own can
 * be meant: from then on the worker hears each letter once, or is told that
 * some were lost.  Letters are taken one after the other, in turns of their
 * own, not within a delivery: a reader may do to sessions whatever it likes.
 */


#ifndef NGX_HTTP_WEBSOCKET_MAILBOX_H
#define NGX_HTTP_WEBSOCKET_MAILBOX_H


#include "broker/ngx_http_websocket_broker.h"
#include "broker/ngx_http_websocket_uuid.h"


/* what is left of a letter that came when too many waited, bytes */
#define NGX_HTTP_WEBSOCKET_LETTER_CUT  64

/* what stands before a letter's text: its kind, and who it is for, or zeros */
#define NGX_HTTP_WEBSOCKET_LETTER_HEAD  (1 + NGX_HTTP_WEBSOCKET_UUID)


/*
 * What a letter is about: its first byte, which all nodes must agree on.  A
 * worker passes over what it has no reader for.
 */

typedef enum {
    NGX_HTTP_WEBSOCKET_LETTER_LOST = 0,     /* none: some were lost */
    NGX_HTTP_WEBSOCKET_LETTER_COMMANDS,     /* of a client, whose requests may
                                               come to any worker */
    NGX_HTTP_WEBSOCKET_LETTER_CONTROL,      /* of an application, to clients
                                               that choose their channels */
    NGX_HTTP_WEBSOCKET_LETTERS
} ngx_http_websocket_letter_e;


/* a letter that has come */

typedef struct {
    ngx_http_websocket_zone_t    *zone;
    u_char                       *data;     /* its text; may be changed */
    size_t                        size;
    ngx_uint_t                    cut;      /* too many wait: of the data there
                                               are the first bytes alone */
    uint64_t                      place;    /* the reader's own, 0 and NULL at */
    void                         *work;     /* first: what is left to do */
} ngx_http_websocket_letter_t;


typedef struct {
    /*
     * Does what a letter says, and counts its steps by turn_worked().  Returns
     * NGX_OK; or NGX_AGAIN when the turn is over: it is called anew in a later
     * one, with what it left in place and work, before the next letter.
     */
    ngx_int_t                   (*take)(ngx_http_websocket_letter_t *letter);

    /*
     * Letters of the zone were lost: no session that they may have been for
     * can live on.  The letter has no data.  Returns as take().
     */
    ngx_int_t                   (*lost)(ngx_http_websocket_letter_t *letter);

    ngx_uint_t                    own;      /* each letter is for one worker */
} ngx_http_websocket_reader_t;


/* In init_process.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_mailbox_init(ngx_cycle_t *cycle);

/* In init_process: who reads letters of a kind. */
void ngx_http_websocket_mailbox_reader(ngx_http_websocket_letter_e kind,
    const ngx_http_websocket_reader_t *reader);

/* The name of this worker, which others write to it by. */
extern u_char  ngx_http_websocket_mailbox_node[NGX_HTTP_WEBSOCKET_UUID];

/*
 * Has this worker hear the letters of the zone that are for it alone, with own
 * set, or those that are for all; does nothing when it does already, and it
 * goes on as long as the worker lives.  Returns as
 * ngx_http_websocket_hub_subscribe().
 */
ngx_int_t ngx_http_websocket_mailbox_listen(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own);

/* Whether it does. */
ngx_uint_t ngx_http_websocket_mailbox_hears(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own);

/*
 * The channel that such letters come by, for the history() of a broker, which
 * is to hear it before this worker does: a constant text.
 */
ngx_str_t *ngx_http_websocket_mailbox_name(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own);

/*
 * Sends a letter, whose text is parts[1] to parts[n]: the first one is set.  to
 * is the name of a worker, NULL for all.  Returns as the publish() of a broker
 * does, in p, which it fills in; p->rc is NGX_WEBSOCKET_STORE_NOTFOUND where
 * there is no such worker, as far as this nginx knows.
 */
ngx_int_t ngx_http_websocket_mailbox_send(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_letter_e kind, const u_char *to,
    ngx_websocket_store_part_t *parts, ngx_uint_t n,
    ngx_http_websocket_publish_t *p);


#endif /* NGX_HTTP_WEBSOCKET_MAILBOX_H */
