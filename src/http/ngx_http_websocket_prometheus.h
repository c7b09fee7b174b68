
/*
 * The metrics in the text format of Prometheus.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROMETHEUS_H
#define NGX_HTTP_WEBSOCKET_PROMETHEUS_H


#include "http/ngx_http_websocket_metrics.h"


/* Answers with the metrics.  Returns what a content handler returns. */
ngx_int_t ngx_http_websocket_status_prometheus(ngx_http_request_t *r,
    ngx_http_websocket_snapshot_t *snapshot);


#endif /* NGX_HTTP_WEBSOCKET_PROMETHEUS_H */
