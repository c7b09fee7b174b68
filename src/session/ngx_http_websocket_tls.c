
#include "session/ngx_http_websocket_tls.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_write.h"


#if (NGX_HTTP_SSL)

/* bytes of the queue that are encrypted at once, before the socket took them */
#define NGX_HTTP_WEBSOCKET_TLS_PIECE   32768

/*
 * the records of one write: the smallest that a client may ask for with OpenSSL
 * have 512 bytes (RFC 6066, section 4); a write that needs more fails
 */
#define NGX_HTTP_WEBSOCKET_TLS_SEALED  (2 * NGX_HTTP_WEBSOCKET_TLS_WRITE)

/* bytes that are copied at once */
#define NGX_HTTP_WEBSOCKET_TLS_COPY    2048

/*
 * what OpenSSL says by itself at most while something waits: some 600 answers
 * to new keys, each of which is put behind a copy of all that waits
 */
#define NGX_HTTP_WEBSOCKET_TLS_SAID    16384


/* ciphertext that waits for the socket */

typedef struct {
    size_t                       sent;
    size_t                       size;
    u_char                       data[1];
} ngx_http_websocket_tls_rest_t;


typedef struct {
    ngx_http_websocket_tls_rest_t  *rest;       /* NULL: nothing waits */
    uint32_t                        written;    /* by the socket */
    uint32_t                        said;       /* by OpenSSL, of the rest */
} ngx_http_websocket_tls_t;


static int ngx_http_websocket_tls_bio_write(BIO *bio, const char *data,
    int size);
static long ngx_http_websocket_tls_bio_ctrl(BIO *bio, int cmd, long number,
    void *data);
static ngx_http_websocket_tls_t *ngx_http_websocket_tls_of(
    ngx_connection_t *c);
static ngx_int_t ngx_http_websocket_tls_seal(ngx_connection_t *c,
    u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_tls_send(ngx_http_websocket_session_t *s);
static ssize_t ngx_http_websocket_tls_socket(ngx_connection_t *c,
    u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_tls_say(ngx_connection_t *c,
    ngx_http_websocket_tls_t *tls);
static ngx_int_t ngx_http_websocket_tls_keep(ngx_connection_t *c,
    ngx_http_websocket_tls_t *tls, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_tls_send_rest(ngx_connection_t *c,
    ngx_http_websocket_tls_t *tls);
static size_t ngx_http_websocket_tls_gather(ngx_http_websocket_queue_t *q);
static void ngx_http_websocket_tls_broken(ngx_http_websocket_session_t *s);


/* where all sessions write: what is in it is sent before anything else is */

static BIO     *ngx_http_websocket_tls_bio;
static u_char   ngx_http_websocket_tls_sealed[NGX_HTTP_WEBSOCKET_TLS_SEALED];
static size_t   ngx_http_websocket_tls_size;

static u_char   ngx_http_websocket_tls_piece[NGX_HTTP_WEBSOCKET_TLS_PIECE];

static int      ngx_http_websocket_tls_index;


void
ngx_http_websocket_tls_init(ngx_cycle_t *cycle)
{
    BIO_METHOD  *method;

    ngx_http_websocket_tls_index = SSL_get_ex_new_index(0, NULL, NULL, NULL,
                                                        NULL);

    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK,
                          "websocket");

    if (method == NULL || ngx_http_websocket_tls_index == -1) {
        return;
    }

    (void) BIO_meth_set_write(method, ngx_http_websocket_tls_bio_write);
    (void) BIO_meth_set_ctrl(method, ngx_http_websocket_tls_bio_ctrl);

    ngx_http_websocket_tls_bio = BIO_new(method);

    if (ngx_http_websocket_tls_bio) {
        BIO_set_init(ngx_http_websocket_tls_bio, 1);
    }
}


/*
 * For larger copies the C library has the processor's instruction for strings,
 * which some are slow at where the places are not aligned, as records are not.
 */

static int
ngx_http_websocket_tls_bio_write(BIO *bio, const char *data, int size)
{
    int      left;
    size_t   n;
    u_char  *p;

    if ((size_t) size > NGX_HTTP_WEBSOCKET_TLS_SEALED
                        - ngx_http_websocket_tls_size)
    {
        return -1;
    }

    p = ngx_http_websocket_tls_sealed + ngx_http_websocket_tls_size;

    for (left = size; left; left -= n) {
        n = ngx_min(left, NGX_HTTP_WEBSOCKET_TLS_COPY);

        p = ngx_cpymem(p, data, n);
        data += n;
    }

    ngx_http_websocket_tls_size += size;

    return size;
}


static long
ngx_http_websocket_tls_bio_ctrl(BIO *bio, int cmd, long number, void *data)
{
    return cmd == BIO_CTRL_FLUSH;
}


void
ngx_http_websocket_tls_begin(ngx_http_websocket_session_t *s)
{
    SSL                       *ssl;
    ngx_connection_t          *c;
    ngx_http_websocket_tls_t  *tls;

    c = s->connection;
    ssl = c->ssl->connection;

    if (ngx_http_websocket_tls_bio == NULL || c->ssl->in_early) {
        return;
    }

#ifdef BIO_get_ktls_send
    if (BIO_get_ktls_send(SSL_get_wbio(ssl))) {
        return;
    }
#endif

    tls = ngx_calloc(sizeof(ngx_http_websocket_tls_t), c->log);
    if (tls == NULL) {
        return;
    }

    if (SSL_set_ex_data(ssl, ngx_http_websocket_tls_index, tls) == 0) {
        ngx_ssl_error(NGX_LOG_ERR, c->log, 0, "SSL_set_ex_data() failed");
        ngx_free(tls);
        return;
    }

    tls->written = (uint32_t) BIO_number_written(SSL_get_wbio(ssl));

    (void) BIO_up_ref(ngx_http_websocket_tls_bio);
    SSL_set0_wbio(ssl, ngx_http_websocket_tls_bio);

    ngx_ssl_free_buffer(c);

    s->tls = 1;
}


void
ngx_http_websocket_tls_end(ngx_http_websocket_session_t *s)
{
    SSL                       *ssl;
    BIO                       *bio;
    ngx_connection_t          *c;
    ngx_http_websocket_tls_t  *tls;

    c = s->connection;
    ssl = c->ssl->connection;
    tls = ngx_http_websocket_tls_of(c);

    /* what is buffered tells nginx to send no more */

    ngx_free(tls->rest);
    ngx_free(tls);

    (void) SSL_set_ex_data(ssl, ngx_http_websocket_tls_index, NULL);

    bio = SSL_get_rbio(ssl);

    (void) BIO_up_ref(bio);
    SSL_set0_wbio(ssl, bio);

    s->tls = 0;
}


static ngx_http_websocket_tls_t *
ngx_http_websocket_tls_of(ngx_connection_t *c)
{
    return SSL_get_ex_data(c->ssl->connection, ngx_http_websocket_tls_index);
}


uint32_t
ngx_http_websocket_tls_written(ngx_connection_t *c)
{
    return ngx_http_websocket_tls_of(c)->written;
}


size_t
ngx_http_websocket_tls_waits(ngx_connection_t *c)
{
    ngx_http_websocket_tls_rest_t  *rest;

    rest = ngx_http_websocket_tls_of(c)->rest;

    return rest ? rest->size - rest->sent : 0;
}


void
ngx_http_websocket_tls_write(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = s->connection;

    rc = ngx_http_websocket_tls_seal(c, data, size);

    if (rc == NGX_OK) {
        c->sent += size;
        s->conf->stats->bytes_sent += size;

        rc = ngx_http_websocket_tls_send(s);
    }

    if (rc == NGX_OK) {
        return;
    }

    if (rc == NGX_ERROR) {
        ngx_http_websocket_tls_broken(s);
        return;
    }

    ngx_http_websocket_post_flush(s);
}


void
ngx_http_websocket_tls_heard(ngx_http_websocket_session_t *s)
{
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_websocket_tls_t  *tls;

    if (ngx_http_websocket_tls_size == 0) {
        return;
    }

    c = s->connection;

    if (c->error) {

        /* its end is near: what is left out is missed */

        ngx_http_websocket_tls_size = 0;
        return;
    }

    tls = ngx_http_websocket_tls_of(c);

    rc = tls->rest ? ngx_http_websocket_tls_say(c, tls)
                   : ngx_http_websocket_tls_send(s);

    if (rc == NGX_ERROR) {
        ngx_http_websocket_tls_broken(s);

    } else if (rc == NGX_AGAIN) {
        ngx_http_websocket_post_flush(s);
    }
}


/* makes records, which wait to be sent at once */

static ngx_int_t
ngx_http_websocket_tls_seal(ngx_connection_t *c, u_char *data, size_t size)
{
    int  n;

    n = SSL_write(c->ssl->connection, data, size);

    if (n == (int) size) {
        return NGX_OK;
    }

    ngx_http_websocket_tls_size = 0;

    c->ssl->no_wait_shutdown = 1;
    c->ssl->no_send_shutdown = 1;

    ngx_ssl_error(NGX_LOG_INFO, c->log, 0, "SSL_write() failed");

    return NGX_ERROR;
}


/*
 * Sends the records that were made.  Returns NGX_AGAIN when some of it waits:
 * the session has a queue then, and is not ready.
 */

static ngx_int_t
ngx_http_websocket_tls_send(ngx_http_websocket_session_t *s)
{
    size_t             size;
    ssize_t            n;
    ngx_connection_t  *c;

    c = s->connection;

    size = ngx_http_websocket_tls_size;
    ngx_http_websocket_tls_size = 0;

    n = ngx_http_websocket_tls_socket(c, ngx_http_websocket_tls_sealed, size);

    if (n == (ssize_t) size) {
        return NGX_OK;
    }

    if (n == NGX_ERROR || ngx_http_websocket_queue_reserve(s) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_tls_keep(c, ngx_http_websocket_tls_of(c),
                                       ngx_http_websocket_tls_sealed + n,
                                       size - n);
}


/* returns the bytes that the socket took, 0 if it is full, or NGX_ERROR */

static ssize_t
ngx_http_websocket_tls_socket(ngx_connection_t *c, u_char *data, size_t size)
{
    ssize_t    n;
    ngx_err_t  err;

    do {
        n = send(c->fd, data, size, 0);
        err = (n == -1) ? ngx_socket_errno : 0;
    } while (err == NGX_EINTR);

    if (n != -1) {
        ngx_http_websocket_tls_of(c)->written += n;
        return n;
    }

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;
        return 0;
    }

    c->write->error = 1;
    ngx_connection_error(c, err, "send() failed");

    return NGX_ERROR;
}


/* puts what OpenSSL said behind what waits: returns as keep() */

static ngx_int_t
ngx_http_websocket_tls_say(ngx_connection_t *c, ngx_http_websocket_tls_t *tls)
{
    size_t  size;

    size = ngx_http_websocket_tls_size;
    ngx_http_websocket_tls_size = 0;

    tls->said += size;

    if (tls->said > NGX_HTTP_WEBSOCKET_TLS_SAID) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "TLS client reads nothing, and asks for more");
        return NGX_ERROR;
    }

    return ngx_http_websocket_tls_keep(c, tls, ngx_http_websocket_tls_sealed,
                                       size);
}


/* puts ciphertext behind what waits: returns NGX_AGAIN, or NGX_ERROR */

static ngx_int_t
ngx_http_websocket_tls_keep(ngx_connection_t *c, ngx_http_websocket_tls_t *tls,
    u_char *data, size_t size)
{
    size_t                          left;
    ngx_http_websocket_tls_rest_t  *old, *rest;

    old = tls->rest;
    left = old ? old->size - old->sent : 0;

    rest = ngx_alloc(offsetof(ngx_http_websocket_tls_rest_t, data)
                     + left + size, c->log);
    if (rest == NULL) {
        return NGX_ERROR;
    }

    if (left) {
        ngx_memcpy(rest->data, old->data + old->sent, left);
    }

    ngx_memcpy(rest->data + left, data, size);

    rest->sent = 0;
    rest->size = left + size;

    ngx_free(old);

    tls->rest = rest;
    c->buffered |= NGX_SSL_BUFFERED;

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_websocket_tls_flush(ngx_http_websocket_session_t *s)
{
    size_t                     size;
    ngx_int_t                  rc;
    ngx_connection_t          *c;
    ngx_http_websocket_tls_t  *tls;

    c = s->connection;
    tls = ngx_http_websocket_tls_of(c);

    for ( ;; ) {

        if (!c->write->ready && (tls->rest || s->out->count)) {
            return ngx_http_websocket_blocked(s);
        }

        if (tls->rest) {
            rc = ngx_http_websocket_tls_send_rest(c, tls);

        } else if (s->out->count) {
            size = ngx_http_websocket_tls_gather(s->out);

            rc = ngx_http_websocket_tls_seal(c, ngx_http_websocket_tls_piece,
                                             size);
            if (rc == NGX_OK) {
                c->sent += size;
                ngx_http_websocket_queue_sent(s, size);

                rc = ngx_http_websocket_tls_send(s);
            }

        } else {
            return NGX_OK;
        }

        if (rc == NGX_ERROR) {
            c->error = 1;
            return NGX_ERROR;
        }
    }
}


/* NGX_ERROR, or else anything */

static ngx_int_t
ngx_http_websocket_tls_send_rest(ngx_connection_t *c,
    ngx_http_websocket_tls_t *tls)
{
    ssize_t                         n;
    ngx_http_websocket_tls_rest_t  *rest;

    rest = tls->rest;

    n = ngx_http_websocket_tls_socket(c, rest->data + rest->sent,
                                      rest->size - rest->sent);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    rest->sent += n;

    if (rest->sent == rest->size) {
        ngx_free(rest);

        tls->rest = NULL;
        tls->said = 0;
        c->buffered &= ~NGX_SSL_BUFFERED;
    }

    return NGX_OK;
}


/* the first bytes of the queue, in one piece */

static size_t
ngx_http_websocket_tls_gather(ngx_http_websocket_queue_t *q)
{
    size_t                       n, sent, size;
    uint32_t                     i;
    ngx_http_websocket_frame_t  *frame;

    size = 0;
    sent = q->sent;

    for (i = 0; i < q->count && size < NGX_HTTP_WEBSOCKET_TLS_PIECE; i++) {

        frame = *ngx_http_websocket_queue_at(q, i);

        n = ngx_min(frame->size - sent, NGX_HTTP_WEBSOCKET_TLS_PIECE - size);

        ngx_memcpy(ngx_http_websocket_tls_piece + size, frame->data + sent, n);

        size += n;
        sent = 0;
    }

    return size;
}


/*
 * a session must not be freed by whoever writes to it: its event does so, even
 * if it waits for the socket
 */

static void
ngx_http_websocket_tls_broken(ngx_http_websocket_session_t *s)
{
    s->connection->error = 1;
    s->write_blocked = 0;

    ngx_http_websocket_post_flush(s);
}

#endif
