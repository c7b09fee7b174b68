
/*
 * What applications say to sessions of this protocol, wherever they are: a
 * letter to all workers, whose text is the API's call as a JSON object, with
 * its name as "method".
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONTROL_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONTROL_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* In init_process. */
void ngx_http_websocket_centrifuge_control_init(void);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_CONTROL_H */
