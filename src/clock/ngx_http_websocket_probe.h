
/*
 * Static probes, for bpftrace, perf and SystemTap: a place that nobody traces
 * is one instruction that does nothing.  docs/profiling.md lists them with
 * their arguments, which are at hand where they stand.
 *
 * https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation
 */


#ifndef NGX_HTTP_WEBSOCKET_PROBE_H
#define NGX_HTTP_WEBSOCKET_PROBE_H


#include <ngx_config.h>


#if (NGX_HTTP_WEBSOCKET_PROBES)

#include <sys/sdt.h>

#define ngx_http_websocket_probe3(name, a, b, c)                              \
    DTRACE_PROBE3(ngx_websocket, name, a, b, c)

#define ngx_http_websocket_probe4(name, a, b, c, d)                           \
    DTRACE_PROBE4(ngx_websocket, name, a, b, c, d)

#else

#define ngx_http_websocket_probe3(name, a, b, c)
#define ngx_http_websocket_probe4(name, a, b, c, d)

#endif


#endif /* NGX_HTTP_WEBSOCKET_PROBE_H */
