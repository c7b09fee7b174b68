
/*
 * The signature of a token, by libcrypto: for the types of tokens that
 * libjwt refuses before it has looked at the signature.
 *
 * Plain C on libcrypto, no nginx header.
 */


#ifndef NGX_WEBSOCKET_SIGNATURE_H
#define NGX_WEBSOCKET_SIGNATURE_H


#include "auth/keys.h"


/*
 * Verifies the signature of size bytes of text, of n bytes as RFC 7518 has
 * it, with the key and by the key's algorithm.  Returns 1 when it is right, 0
 * when it is not, or -1 when memory was refused.
 */
int ngx_websocket_signature_verify(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n);


#endif /* NGX_WEBSOCKET_SIGNATURE_H */
