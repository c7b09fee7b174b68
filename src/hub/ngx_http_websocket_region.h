
/*
 * Shared memory that outlives the nginx that made it: each region lies in a
 * memfd, which the binary that takes over after USR2 inherits by exec.  Its
 * workers and those of the last binary then share all that is in it, as those
 * of two configurations do after a reload.
 *
 * nginx keeps a shared memory zone of its own for each region, with the header
 * of its slab pool, which the master process writes to when a worker dies; the
 * region is mapped over the pages behind.  So its address remains over reloads,
 * and nginx frees it as any zone.
 */


#ifndef NGX_HTTP_WEBSOCKET_REGION_H
#define NGX_HTTP_WEBSOCKET_REGION_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_http_websocket_region_s  ngx_http_websocket_region_t;
typedef struct ngx_http_websocket_memory_s  ngx_http_websocket_memory_t;

/* what is in a region that a process maps */

typedef enum {
    NGX_HTTP_WEBSOCKET_REGION_FRESH = 0,    /* zeros */
    NGX_HTTP_WEBSOCKET_REGION_SHARED,       /* others may be using it */
    NGX_HTTP_WEBSOCKET_REGION_FOUND         /* what processes have left that
                                               are gone */
} ngx_http_websocket_region_e;

/*
 * Called when the region is mapped.  Returns NGX_OK, or NGX_ERROR: the
 * configuration is not taken.
 */
typedef ngx_int_t (*ngx_http_websocket_region_pt)(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);


/* a descriptor, which goes with the last configuration that has the region */

struct ngx_http_websocket_memory_s {
    int                            fd;
    ngx_uint_t                     users;       /* configurations */
};


struct ngx_http_websocket_region_s {
    ngx_str_t                      name;
    ngx_str_t                      path;        /* of its file, zero-terminated;
                                                   or empty */
    ngx_str_t                      live;        /* where it is on a disk: of
                                                   the file that is mapped */
    ngx_uint_t                     disk;        /* 1: it is */
    size_t                         size;        /* of data, in bytes */
    void                          *data;        /* the caller's; aligned as
                                                   a cache line is */
    void                          *owner;       /* the caller's, to be set */
    uint32_t                       layout;
    ngx_http_websocket_memory_t   *memory;      /* NULL: none here */
    ngx_core_conf_t               *core;        /* of its configuration */
    ngx_log_t                     *log;
    ngx_http_websocket_region_pt   handler;
};


/* what a region has in front of its data, and how that begins */
#define NGX_HTTP_WEBSOCKET_REGION_HEAD   64
#define NGX_HTTP_WEBSOCKET_REGION_MAGIC  "ngx_ws\r\n"

/*
 * The head of a region: what is the same for all who use it; and of one in a
 * file, what it was made on.
 */

typedef struct {
    u_char                         magic[8];
    uint32_t                       format;      /* of this head */
    uint32_t                       layout;      /* of the data */
    uint32_t                       mutex;       /* the size of one */
    uint32_t                       name;        /* a checksum of it */
    uint64_t                       size;        /* of the data */

    int64_t                        clock;       /* its base */
    uint64_t                       boot;        /* of the machine */
    uint64_t                       inode;       /* of the file */
    ngx_atomic_t                   incarnations;    /* of workers that there
                                                       ever were */
} ngx_http_websocket_region_head_t;


_Static_assert(sizeof(ngx_http_websocket_region_head_t)
               <= NGX_HTTP_WEBSOCKET_REGION_HEAD, "the head has its place");


/* The head in front of the region's data. */

#define ngx_http_websocket_region_head_of(region)                             \
    ((ngx_http_websocket_region_head_t *)                                     \
         ((u_char *) (region)->data - NGX_HTTP_WEBSOCKET_REGION_HEAD))


/*
 * Adds a region to the configuration, with size bytes for the caller.  With a
 * path, which ends with a zero, it lies in that file; it may be NULL.  Where
 * the file is on a disk, the region lies in one on tmpfs, and what is on the
 * disk is the caller's.  Neither path nor name are copied; layout is the
 * version of what the caller keeps in it: a binary that has another one does
 * not start.  Returns NULL where the name is taken, which is logged, or when
 * memory is refused.
 */
ngx_http_websocket_region_t *ngx_http_websocket_region_add(ngx_conf_t *cf,
    ngx_str_t *name, ngx_str_t *path, size_t size, uint32_t layout,
    ngx_http_websocket_region_pt handler);

/* In a worker: only the master process hands regions on. */
void ngx_http_websocket_region_start(ngx_cycle_t *cycle);

/* In init_module: all regions of the cycle have one clock from here on. */
void ngx_http_websocket_region_settle(ngx_cycle_t *cycle);

/*
 * What the cycle's files say of the workers that there ever were: the most of
 * them all; and has them say so many, where they say fewer.
 */
uint64_t ngx_http_websocket_region_incarnations(ngx_cycle_t *cycle);
void ngx_http_websocket_region_incarnated(ngx_cycle_t *cycle, uint64_t n);


/*
 * The region of that name that the configuration which runs has, or NULL: there
 * is none while nginx starts.
 */
ngx_http_websocket_region_t *ngx_http_websocket_region_running(
    ngx_str_t *name);


/* These are for the other files of regions. */

/* The cycle's regions that have memory of their own, one after the other. */
ngx_http_websocket_region_t *ngx_http_websocket_region_next(
    ngx_cycle_t *cycle, ngx_uint_t *i);

/*
 * Whether a region that was found is of this layout and size: NGX_OK, or
 * NGX_ERROR, which is logged.
 */
ngx_int_t ngx_http_websocket_region_check(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *found);

/*
 * Gives the region a memfd, and maps it at addr.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_region_back(ngx_http_websocket_region_t *region,
    u_char *addr);

/* Sets the first part of a head, as the region is to have it. */
void ngx_http_websocket_region_head(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_head_t *head);

/* The bytes of memory that a region takes: its head, its data, whole pages. */
size_t ngx_http_websocket_region_bytes(ngx_http_websocket_region_t *region);

/*
 * Makes the descriptor the region's, and maps the region at addr.  The
 * descriptor is closed with the last configuration that has the region, and
 * at once on errors, which are logged.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_region_map(ngx_http_websocket_region_t *region,
    int fd, u_char *addr);


#endif /* NGX_HTTP_WEBSOCKET_REGION_H */
