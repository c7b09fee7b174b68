
/*
 * The log: what its functions promise, random commands against a model, and
 * death at every store.
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static long  fault_after = -1;

static void fault(void);

#define ngx_websocket_log_fault()  fault()

#include "unit.h"
#include "hub/log.c"
#include "hub/log_channel.c"
#include "hub/log_message.c"
#include "log_check.c"
#include "log_model.h"


#define FAULT_EXIT  77


/* dies at the store that was asked for */

static void
fault(void)
{
    if (fault_after > 0 && --fault_after == 0) {
        _exit(FAULT_EXIT);
    }
}


static uint8_t *
region(size_t size)
{
    uint8_t  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}


static void
formats(void)
{
    size_t     size;
    uint8_t   *p, seed[16] = { 0 };

    size = ngx_websocket_log_min_size();
    p = region(1 << 20);

    unit_ok(ngx_websocket_log_format(p, size - 1, seed)
            == NGX_WEBSOCKET_LOG_NOSPACE, "a region that is too small");
    unit_ok(ngx_websocket_log_open(p, size) == NULL, "what is not a log");
    unit_ok(ngx_websocket_log_format(p, size, seed) == 0
            && ngx_websocket_log_check((ngx_websocket_log_t *) p) == NULL,
            "the smallest region");
    unit_ok(ngx_websocket_log_open(p, size) != NULL
            && ngx_websocket_log_open(p, size + 1) == NULL,
            "a log of another size");

    ((ngx_websocket_log_t *) p)->version++;
    unit_ok(ngx_websocket_log_open(p, size) == NULL, "another layout");

    munmap(p, 1 << 20);
}


/* the vector of the reference: key 00..0f, message 00..0e, rounds 1 and 3 */

static void
hashes(void)
{
    int                   i;
    uint8_t               name[64];
    uint64_t              seen[64];
    static uint8_t        p[1 << 16];
    ngx_websocket_log_t  *log;

    log = (ngx_websocket_log_t *) p;

    for (i = 0; i < 16; i++) {
        log->seed[i] = (uint8_t) i;
    }

    for (i = 0; i < 64; i++) {
        name[i] = (uint8_t) i;
        seen[i] = ngx_websocket_log_hash(log, name, i);

        for (int j = 0; j < i; j++) {
            if (seen[i] == seen[j]) {
                unit_ok(0, "hash: %d and %d are the same", i, j);
            }
        }
    }

    log->seed[0]++;

    unit_ok(ngx_websocket_log_hash(log, name, 7) != seen[7],
            "hash: the seed matters");
}


static void
gaps(void)
{
    int                           rc;
    unsigned                      i;
    size_t                        size;
    uint8_t                      *p;
    model_t                      *m;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_cursor_t    cursor;
    ngx_websocket_log_message_t   message;

    size = ngx_websocket_log_min_size();
    p = region(size);
    m = calloc(1, sizeof(model_t));

    model_init(m, p, size);
    model_subscribe(m, 0, 0);

    /* unread messages are not given up for new ones ... */

    for (i = 0; i < 200; i++) {
        model_append(m, 0, 500, NULL);
    }

    unit_ok(m->wrong == NULL && m->channels[0].offset < 64,
            "full of unread messages: the rest is refused");

    cursor = m->cursors[0][0];
    rc = ngx_websocket_log_read(m->log, &cursor, &message, m->buf,
                                sizeof(m->buf));
    unit_ok(rc == 0 && message.offset == 1, "and all are still there");

    /* ... unless their reader hangs */

    m->now += NGX_WEBSOCKET_LOG_HUNG;
    model_append(m, 0, 500, NULL);
    model_append(m, 0, 500, NULL);

    unit_ok(m->wrong == NULL, "after ten seconds a publish goes on");

    rc = ngx_websocket_log_read(m->log, &m->cursors[0][0], &message, m->buf,
                                sizeof(m->buf));
    unit_ok(rc == NGX_WEBSOCKET_LOG_GAP && m->cursors[0][0].next > 1,
            "and the reader is told of the gap");
    unit_ok(ngx_websocket_log_check(m->log) == NULL, "in good order");

    /* what can never fit takes nothing along */

    ngx_websocket_log_info(m->log, m->refs[0], &info);
    model_append(m, 0, 60000, NULL);
    unit_ok(m->channels[0].offset == info.offset
            && m->log->nmessages > 3, "a message beyond the region's size");

    munmap(p, size);
    free(m);
}


/* a seek is short however long the history */

static void
seeks(void)
{
    size_t                       size;
    uint8_t                     *p;
    model_t                     *m;
    unsigned                     i, steps, most;
    ngx_websocket_ref_t          ref;
    ngx_websocket_channel_t     *ch;
    ngx_websocket_message_t     *msg;
    ngx_websocket_log_history_t  history = { 60000, 0 };

    size = 64 << 20;
    p = region(size);
    m = calloc(1, sizeof(model_t));

    model_init(m, p, size);
    m->roomy = 1;

    for (i = 0; i < 100000; i++) {
        model_append(m, 0, 8, &history);
    }

    ch = ngx_websocket_log_block(m->log, m->refs[0]);

    for (most = 0, i = 0; i < 2000; i++) {

        uint64_t  offset = ch->offset - (i * 29) % ch->count;

        steps = 0;

        for (ref = ch->last; ref; steps++) {
            msg = ngx_websocket_log_block(m->log, ref);

            if (msg->offset == offset) {
                break;
            }

            ref = msg->jump_offset >= offset ? msg->jump : msg->before;
        }

        most = steps > most ? steps : most;

        if (ngx_websocket_log_search(m->log, ch, offset) != ref || ref == 0) {
            m->wrong = "a search found another message";
        }
    }

    unit_ok(m->wrong == NULL && ch->count == 60000, "a history of 60,000");
    unit_ok(most <= 3 * 16, "searched in at most %u steps", most);

    munmap(p, size);
    free(m);
}


static void
hints(void)
{
    int                           rc;
    size_t                        size;
    uint8_t                      *p;
    model_t                      *m;
    uint32_t                      offset;
    uint64_t                      position, i;
    ngx_websocket_channel_ref_t   ref;

    size = 1 << 20;
    p = region(size);
    m = calloc(1, sizeof(model_t));

    model_init(m, p, size);

    position = ngx_websocket_log_hints(m->log);

    model_append(m, 0, 10, NULL);
    unit_ok(ngx_websocket_log_hint(m->log, &position, &ref, &offset)
            == NGX_WEBSOCKET_LOG_EMPTY, "no hint where nobody listens");

    model_subscribe(m, 0, 0);
    model_append(m, 0, 10, NULL);
    rc = ngx_websocket_log_hint(m->log, &position, &ref, &offset);
    unit_ok(rc == 0 && ref == m->refs[0] && offset == 2, "a hint");

    for (i = 0; i < m->log->nhints; i++) {
        model_append(m, 0, 10, NULL);
        model_read(m, 0, 0, sizeof(m->buf));
    }

    rc = ngx_websocket_log_hint(m->log, &position, &ref, &offset);
    unit_ok(rc == NGX_WEBSOCKET_LOG_GAP, "hints that were overwritten");
    unit_ok(ngx_websocket_log_hint(m->log, &position, &ref, &offset)
            == NGX_WEBSOCKET_LOG_EMPTY, "and then the newest");

    munmap(p, size);
    free(m);
}


static void
random_commands(size_t size, int roomy, unsigned rounds)
{
    uint8_t      *p, c[4];
    model_t      *m;
    uint64_t      seed;
    unsigned      i, k;
    const char   *wrong;

    p = region(size);
    m = calloc(1, sizeof(model_t));
    wrong = NULL;

    for (seed = 1; seed <= 3 && wrong == NULL; seed++) {

        uint64_t  state = seed;

        model_init(m, p, size);
        m->roomy = roomy;

        for (i = 0; i < rounds && wrong == NULL; i++) {

            for (k = 0; k < 4; k++) {
                c[k] = (uint8_t) unit_random(&state);
            }

            model_command(m, c);

            wrong = m->wrong;

            if (wrong == NULL && i % 8 == 0) {
                wrong = ngx_websocket_log_check(m->log);
            }
        }
    }

    unit_ok(wrong == NULL, "%u random commands in %zu bytes%s%s", rounds, size,
            wrong ? ": " : "", wrong ? wrong : "");

    /* all goes, and all blocks are free again */

    for (i = 0; i < MODEL_WORKERS; i++) {
        ngx_websocket_log_attach(m->log, i, 0);
    }

    for (i = 0; i < MODEL_CHANNELS; i++) {
        memset(m->channels[i].subscribers, 0,
               sizeof(m->channels[i].subscribers));
        model_delete(m, i);
    }

    for (i = 0; i < 100; i++) {
        ngx_websocket_log_sweep(m->log, UINT32_MAX, m->now, 0);
    }

    unit_ok(ngx_websocket_log_free_blocks(m->log) == m->log->nblocks - 1
            && ngx_websocket_log_check(m->log) == NULL,
            "and everything was given back");

    munmap(p, size);
    free(m);
}


/* operations to die in: each on a log that is prepared the same way */

enum {
    OP_APPEND, OP_APPEND_LARGE, OP_APPEND_TRIM, OP_APPEND_EVICT, OP_OPEN,
    OP_OPEN_LONG, OP_DELETE, OP_DELETE_IDLE, OP_SUBSCRIBE, OP_SUBSCRIBE_AGAIN,
    OP_SUBSCRIBE_MANY, OP_UNSUBSCRIBE, OP_UNSUBSCRIBE_LAST, OP_READ, OP_SWEEP,
    OP_ATTACH, OPS
};

static const char  *op_names[OPS] = {
    "append", "append of many blocks", "append that trims",
    "append that evicts", "open", "open with a long name",
    "delete", "delete of an idle channel", "first subscribe",
    "second subscribe", "subscribe that needs a block", "unsubscribe",
    "last unsubscribe", "read", "sweep", "attach"
};


static void
prepare(model_t *m, uint8_t *p, size_t size, int op)
{
    unsigned                     i;
    ngx_websocket_log_history_t  history = { 3, 0 };

    model_init(m, p, size);

    model_append(m, 1, 100, &history);
    model_append(m, 2, 700, &history);
    model_subscribe(m, 0, 0);
    model_subscribe(m, 2, 0);
    model_subscribe(m, 2, 0);
    model_subscribe(m, 1, 1);
    model_append(m, 0, 300, NULL);
    model_append(m, 1, 300, NULL);
    model_append(m, 2, 10, NULL);
    model_read(m, 1, 1, sizeof(m->buf));

    if (op == OP_APPEND_TRIM) {
        for (i = 0; i < 4; i++) {
            model_append(m, 1, 400, NULL);
            model_read(m, 1, 1, sizeof(m->buf));
        }
    }

    if (op == OP_APPEND_EVICT) {
        history.length = 1000;

        while (ngx_websocket_log_free_blocks(m->log) > 3) {
            model_append(m, 4, 400, &history);
        }
    }

    if (op == OP_SUBSCRIBE_MANY) {
        for (i = 0; i < 4; i++) {
            model_subscribe(m, 1, i);
        }
    }

    if (op == OP_DELETE_IDLE) {
        model_append(m, 3, 100, &history);
    }
}


static void
operate(model_t *m, int op)
{
    ngx_websocket_log_history_t  history = { 3, 0 };

    switch (op) {

    case OP_APPEND:           model_append(m, 1, 100, NULL);      break;
    case OP_APPEND_LARGE:     model_append(m, 1, 3000, NULL);     break;
    case OP_APPEND_TRIM:      model_append(m, 1, 50, NULL);       break;
    case OP_APPEND_EVICT:     model_append(m, 1, 1500, NULL);     break;
    case OP_OPEN:             model_open(m, 3, &history);         break;
    case OP_OPEN_LONG:        model_open(m, 5, NULL);             break;
    case OP_DELETE:           model_delete(m, 2);                 break;
    case OP_DELETE_IDLE:      model_delete(m, 3);                 break;
    case OP_SUBSCRIBE:        model_subscribe(m, 1, 3);           break;
    case OP_SUBSCRIBE_AGAIN:  model_subscribe(m, 2, 0);           break;
    case OP_SUBSCRIBE_MANY:   model_subscribe(m, 1, 5);           break;
    case OP_UNSUBSCRIBE:      model_unsubscribe(m, 2, 0);         break;
    case OP_UNSUBSCRIBE_LAST: model_unsubscribe(m, 0, 0);         break;
    case OP_READ:             model_read(m, 0, 0, 70000);         break;
    case OP_ATTACH:           model_die(m, 0);                    break;

    default:
        m->now += 60000;
        ngx_websocket_log_attach(m->log, 0, 0);
        ngx_websocket_log_sweep(m->log, UINT32_MAX, m->now, 1000);
    }
}


/* a child dies at store number n of the operation, or lives to its end */

static int
die_at(model_t *m, int op, long n)
{
    int    status;
    pid_t  pid;

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        fault_after = n;
        operate(m, op);
        _exit(m->wrong ? 2 : 0);
    }

    waitpid(pid, &status, 0);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}


/* recovers, and again after a death within the recovery at every store */

static const char *
recover(ngx_websocket_log_t *log, uint8_t *copy, size_t size)
{
    int          status;
    long         n;
    pid_t        pid;
    const char  *wrong;

    memcpy(copy, log, size);

    for (n = 1; n < 1000; n += 1 + n / 4) {

        memcpy(log, copy, size);

        pid = fork();

        if (pid == 0) {
            fault_after = n;
            ngx_websocket_log_recover(log);
            _exit(0);
        }

        waitpid(pid, &status, 0);

        ngx_websocket_log_recover(log);
        wrong = ngx_websocket_log_check(log);

        if (wrong || WEXITSTATUS(status) == 0) {
            return wrong;
        }
    }

    return "the recovery does not end";
}


/* every channel is as before or as after, and a reader reads on */

static const char *
survivors(ngx_websocket_log_t *log, model_t *m)
{
    size_t                        size;
    uint64_t                      hash;
    unsigned                      n;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_cursor_t    cursor;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_message_t   message;

    for (n = 0; n < MODEL_CHANNELS; n++) {

        model_name(m, n, &hash, &size);
        ref = ngx_websocket_log_find(log, (const uint8_t *) model_names[n],
                                     size, hash);
        if (ref == 0) {
            continue;
        }

        ngx_websocket_log_info(log, ref, &info);

        if (info.offset != m->channels[n].offset
            && info.offset != m->channels[n].offset + 1)
        {
            return "an offset is neither the old nor the new one";
        }

        ngx_websocket_log_seek(log, ref, info.first, &cursor);

        while (ngx_websocket_log_read(log, &cursor, &message, m->buf,
                                      sizeof(m->buf)) == 0)
        {
            if (!model_same(m->buf, message.size, info.epoch, message.offset))
            {
                return "a message is damaged";
            }
        }
    }

    return NULL;
}


static void
death(int op)
{
    int          status;
    long         n;
    size_t       size;
    uint8_t     *p, *copy;
    model_t     *m;
    const char  *wrong;

    size = ngx_websocket_log_min_size();
    p = region(size);
    copy = malloc(size);
    m = calloc(1, sizeof(model_t));
    wrong = NULL;

    for (n = 1; n < 5000 && wrong == NULL; n++) {

        prepare(m, p, size, op);
        wrong = m->wrong;

        status = die_at(m, op, n);

        if (status == 0) {
            break;
        }

        if (status != FAULT_EXIT) {
            wrong = "the operation failed";
        }

        /* forks are dear: to die in the recovery too, every ninth time */

        if (wrong == NULL && n % 9 == 0) {
            wrong = recover(m->log, copy, size);

        } else if (wrong == NULL) {
            ngx_websocket_log_recover(m->log);
            wrong = ngx_websocket_log_check(m->log);
        }

        if (wrong == NULL) {
            wrong = survivors(m->log, m);
        }
    }

    unit_ok(wrong == NULL && n > 1, "death at each of %ld stores: %s%s%s",
            n - 1, op_names[op], wrong ? ": " : "", wrong ? wrong : "");

    munmap(p, size);
    free(copy);
    free(m);
}


/* writers that are killed at any instant, under the lock that zones use */

typedef struct {
    pthread_mutex_t   mutex;
    model_t           model;
} arena_t;


static void
lock(arena_t *arena)
{
    if (pthread_mutex_lock(&arena->mutex) == EOWNERDEAD) {
        ngx_websocket_log_recover(arena->model.log);
        pthread_mutex_consistent(&arena->mutex);
    }
}


static void
hammer(arena_t *arena, unsigned worker, uint64_t seed)
{
    uint8_t                       buf[4096];
    uint64_t                      hash, offset;
    unsigned                      n;
    ngx_websocket_log_t          *log;
    ngx_websocket_log_part_t      part;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_cursor_t    cursors[4];
    ngx_websocket_log_history_t   history = { 20, 0 };
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_message_t   message;

    log = arena->model.log;
    memset(cursors, 0, sizeof(cursors));

    lock(arena);
    ngx_websocket_log_attach(log, worker, (uint32_t) seed);
    pthread_mutex_unlock(&arena->mutex);

    for ( ;; ) {
        char    name[16];
        size_t  size;

        n = unit_random(&seed) % 4;
        size = (size_t) snprintf(name, sizeof(name), "channel %u", n);
        hash = ngx_websocket_log_hash(log, (uint8_t *) name, size);

        lock(arena);

        if (ngx_websocket_log_open_channel(log, (uint8_t *) name, size, hash,
                                           1000, &history, &ref) == 0)
        {
            if (cursors[n].entry == 0) {
                (void) ngx_websocket_log_subscribe(log, ref, worker, 1000,
                                                   &cursors[n], &offset);
            }

            ngx_websocket_log_info(log, ref, &info);
            memset(&message, 0, sizeof(message));

            message.time = 1000;
            part.size = unit_random(&seed) % 2000;
            part.data = buf;
            model_fill(buf, part.size, info.epoch, info.offset + 1);

            (void) ngx_websocket_log_append(log, ref, &message, &part, 1, NULL,
                                            NULL);

            while (cursors[n].entry
                   && ngx_websocket_log_read(log, &cursors[n], &message, buf,
                                             sizeof(buf)) == 0)
            {
                if (!model_same(buf, message.size, cursors[n].epoch,
                                message.offset))
                {
                    abort();
                }
            }
        }

        pthread_mutex_unlock(&arena->mutex);
    }
}


static void
kills(void)
{
    int                   status;
    pid_t                 pids[2];
    size_t                size;
    uint8_t              *p;
    arena_t              *arena;
    uint64_t              state;
    unsigned              i, k, n;
    const char           *wrong;
    struct timespec       pause;
    pthread_mutexattr_t   attr;

    n = getenv("LOG_TEST_KILLS") ? atoi(getenv("LOG_TEST_KILLS")) : 300;
    size = 256 << 10;
    p = region(size);
    arena = mmap(NULL, sizeof(arena_t), PROT_READ|PROT_WRITE,
                 MAP_SHARED|MAP_ANONYMOUS, -1, 0);
    wrong = NULL;
    state = 7;

    model_init(&arena->model, p, size);

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&arena->mutex, &attr);

    for (k = 0; k < 2; k++) {
        pids[k] = fork();

        if (pids[k] == 0) {
            hammer(arena, k, 100 + k);
        }
    }

    for (i = 0; i < n && wrong == NULL; i++) {

        pause.tv_sec = 0;
        pause.tv_nsec = unit_random(&state) % 2000000;
        nanosleep(&pause, NULL);

        k = i % 2;
        kill(pids[k], SIGKILL);
        waitpid(pids[k], &status, 0);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            wrong = "a worker read something else";
        }

        lock(arena);

        if (wrong == NULL) {
            wrong = ngx_websocket_log_check(arena->model.log);
        }

        pthread_mutex_unlock(&arena->mutex);

        pids[k] = fork();

        if (pids[k] == 0) {
            hammer(arena, k, 1000 + i);
        }
    }

    for (k = 0; k < 2; k++) {
        kill(pids[k], SIGKILL);
        waitpid(pids[k], &status, 0);
    }

    lock(arena);

    for (k = 0; k < 2; k++) {
        ngx_websocket_log_attach(arena->model.log, k, 0);
    }

    while (ngx_websocket_log_evict_message(arena->model.log, 100000)) {
        /* void */
    }

    ngx_websocket_log_sweep(arena->model.log, UINT32_MAX, 1 << 30, 0);

    unit_ok(wrong == NULL, "%u kills at any instant, %llu recoveries%s%s", i,
            (unsigned long long) ngx_websocket_log_repairs(arena->model.log),
            wrong ? ": " : "", wrong ? wrong : "");
    unit_ok(ngx_websocket_log_free_blocks(arena->model.log)
            == arena->model.log->nblocks - 1, "and every block came back");
}


int
main(void)
{
    int  op;

    formats();
    hashes();
    gaps();
    seeks();
    hints();

    random_commands(ngx_websocket_log_min_size(), 0, 20000);
    random_commands(256 << 10, 0, 20000);
    random_commands(64 << 20, 1, 4000);

    for (op = 0; op < OPS; op++) {
        death(op);
    }

    kills();

    return unit_done();
}
