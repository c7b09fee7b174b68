
/*
 * The idempotency keys of clients.
 */


#ifndef NGX_HTTP_WEBSOCKET_KEY_H
#define NGX_HTTP_WEBSOCKET_KEY_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "store/store.h"


/*
 * Sets key to that of a client's message: of its id, without zero bytes, and
 * of whose it is: a user's name, without zero bytes, or NULL for one that all
 * clients without a name share; or the session, where that is not 0.  A client
 * that guesses another's ids, or a publisher's keys, does not take their
 * place.
 */
void ngx_http_websocket_client_key(const ngx_websocket_store_t *store,
    ngx_str_t *user, uint64_t session, ngx_str_t *id, uint64_t key[2]);


#endif /* NGX_HTTP_WEBSOCKET_KEY_H */
