
#include "http/ngx_http_websocket_suspend.h"


void
ngx_http_websocket_suspend(ngx_http_request_t *r)
{
    r->main->count++;

    if (r == r->main && !r->discard_body) {
        r->read_event_handler = ngx_http_test_reading;
    }
}


void
ngx_http_websocket_resume(ngx_http_request_t *r)
{
    ngx_http_set_log_request(r->connection->log, r);

    if (r == r->main && !r->discard_body) {
        r->read_event_handler = ngx_http_block_reading;
    }
}


void
ngx_http_websocket_finish(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_connection_t  *c;

    c = r->connection;

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}
