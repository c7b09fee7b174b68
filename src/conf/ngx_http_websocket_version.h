
/*
 * The module's version, as CHANGES has it.
 */


#ifndef NGX_HTTP_WEBSOCKET_VERSION_H
#define NGX_HTTP_WEBSOCKET_VERSION_H


#define NGX_HTTP_WEBSOCKET_VERSION  "0.9.0"


#endif /* NGX_HTTP_WEBSOCKET_VERSION_H */
