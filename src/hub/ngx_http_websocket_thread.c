
#include "hub/ngx_http_websocket_thread.h"

#include <pthread.h>


int
ngx_http_websocket_thread(void *(*start)(void *data), void *data)
{
    int             err;
    sigset_t        all, old;
    pthread_t       thread;
    pthread_attr_t  attr;

    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);

    err = pthread_create(&thread, &attr, start, data);

    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void) pthread_attr_destroy(&attr);

    return err;
}
