
/*
 * A store made of a dump, and of what was logged since.
 */


#ifndef NGX_WEBSOCKET_DUMP_LOAD_H
#define NGX_WEBSOCKET_DUMP_LOAD_H


#include "store/store.h"


/* what a dump, or a log, says of itself */

typedef struct {
    uint64_t       clock;           /* when it was begun, by the messages' */
    uint64_t       log;             /* the first log that is needed with it; or
                                       the number of a log */
    uint64_t       channels;
    uint64_t       messages;
    const uint8_t *more;            /* what its author has added, or NULL */
    size_t         more_size;
} ngx_websocket_dump_info_t;


/* what a store is made of: a dump, or none, and logs; all were checked */

typedef struct {
    const uint8_t                   *data;
    size_t                           size;
    ngx_websocket_dump_info_t        info;
} ngx_websocket_dump_file_t;


typedef struct {
    const ngx_websocket_dump_file_t *dump;  /* or NULL */
    const ngx_websocket_dump_file_t *logs;
    size_t                           nlogs;
    uint64_t                         random;    /* of the epochs */
    uint64_t                         now;   /* not before any of the clocks */

    /* set by load: messages that found no room */

    uint64_t                         dropped;
} ngx_websocket_dump_source_t;


/*
 * Looks at a whole dump: returns OK, or INVALID when anything of it is not as
 * it was written.  file->info is set.
 */
int ngx_websocket_dump_check(ngx_websocket_dump_file_t *file);

/*
 * Looks at a log: returns OK, with file->size set to the bytes of what is
 * whole, or INVALID when not even its head is.
 */
int ngx_websocket_dump_check_log(ngx_websocket_dump_file_t *file);

/*
 * Formats a store at base, of so many bytes, with what there is.  Returns OK,
 * or NOSPACE when the region is too small for any store, or memory is refused.
 */
int ngx_websocket_dump_load(void *base, size_t size,
    ngx_websocket_dump_source_t *source);


#endif /* NGX_WEBSOCKET_DUMP_LOAD_H */
