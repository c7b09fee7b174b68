
/*
 * A turn that lasts as long as it takes: put before every file of the module
 * by "t/tools/build-fault BUILD calm", for what counts instructions under
 * valgrind, where all takes fifty times as long.
 */


#ifndef NGX_WEBSOCKET_CALM_H
#define NGX_WEBSOCKET_CALM_H


#define NGX_HTTP_WEBSOCKET_TURN  1000000000


#endif /* NGX_WEBSOCKET_CALM_H */
