
#include "conf/ngx_http_websocket_conf_hook.h"
#include "conf/ngx_http_websocket_conf_param.h"


#define NGX_HTTP_WEBSOCKET_HOOK_TIMEOUT  5000   /* ms */
#define NGX_HTTP_WEBSOCKET_HOOK_MAX      64
#define NGX_HTTP_WEBSOCKET_HOOK_QUEUE    1024

/* the most that max= and queue= can say */
#define NGX_HTTP_WEBSOCKET_HOOK_MOST     65535


/* the parameters, in the order of those that the directive has */

enum {
    NGX_HTTP_WEBSOCKET_HOOK_P_TIMEOUT = 0,
    NGX_HTTP_WEBSOCKET_HOOK_P_MODE,
    NGX_HTTP_WEBSOCKET_HOOK_P_MATCH,
    NGX_HTTP_WEBSOCKET_HOOK_P_FAIL,
    NGX_HTTP_WEBSOCKET_HOOK_P_MAX,
    NGX_HTTP_WEBSOCKET_HOOK_P_QUEUE
};


static char *ngx_http_websocket_hook_set(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_uint_t event,
    ngx_http_websocket_hook_t *hook);
static ngx_uint_t ngx_http_websocket_hook_event(ngx_conf_t *cf);
static ngx_http_websocket_hook_t *ngx_http_websocket_hook_create(
    ngx_conf_t *cf, ngx_uint_t event);
static char *ngx_http_websocket_hook_target(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook);
static char *ngx_http_websocket_hook_params(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook);
static char *ngx_http_websocket_hook_timeout(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_hook_mode(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_hook_match(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_hook_fail(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_hook_bound(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t least, ngx_uint_t *bound);
static ngx_int_t ngx_http_websocket_hook_check(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf, ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_hook_t *hook);


char *const  ngx_http_websocket_hook_names[] = {
    "connect", "subscribe", "message", "answer", NULL
};


_Static_assert(sizeof(ngx_http_websocket_hook_names) / sizeof(char *)
               == NGX_HTTP_WEBSOCKET_HOOKS + 1,
               "each event has a name");


char *
ngx_http_websocket_hook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                  *value;
    ngx_uint_t                  event;
    ngx_http_websocket_hook_t  *hook;

    value = cf->args->elts;
    event = ngx_http_websocket_hook_event(cf);

    if (event == NGX_HTTP_WEBSOCKET_HOOKS) {
        return NGX_CONF_ERROR;
    }

    hook = NULL;

    if (cf->args->nelts != 3 || ngx_strcmp(value[2].data, "off") != 0) {

        hook = ngx_http_websocket_hook_create(cf, event);

        if (hook == NULL
            || ngx_http_websocket_hook_target(cf, hook) != NGX_CONF_OK
            || ngx_http_websocket_hook_params(cf, hook) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        event = hook->event;
    }

    if (ngx_http_websocket_hook_set(cf, wlcf, event, hook) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    /* "off" is for both modes of a message */

    return hook == NULL && event == NGX_HTTP_WEBSOCKET_HOOK_MESSAGE
           ? ngx_http_websocket_hook_set(cf, wlcf,
                                         NGX_HTTP_WEBSOCKET_HOOK_ANSWER, NULL)
           : NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_set(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_uint_t event,
    ngx_http_websocket_hook_t *hook)
{
    ngx_str_t  *value;

    if (wlcf->hooks[event] != NGX_CONF_UNSET_PTR) {
        value = cf->args->elts;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"websocket_hook %V\" is duplicate", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->hooks[event] = hook;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_websocket_hook_event(ngx_conf_t *cf)
{
    u_char      *p, *last;
    u_char       known[NGX_MAX_CONF_ERRSTR];
    ngx_str_t   *value;
    ngx_uint_t   i;

    p = known;
    last = known + NGX_MAX_CONF_ERRSTR;
    value = cf->args->elts;

    /* what is behind "message" is a mode of that */

    for (i = 0; i <= NGX_HTTP_WEBSOCKET_HOOK_MESSAGE; i++) {

        if (ngx_strcmp(value[1].data, ngx_http_websocket_hook_names[i]) == 0) {
            return i;
        }

        p = ngx_slprintf(p, last, "%s%s", i ? ", " : "",
                         ngx_http_websocket_hook_names[i]);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid event \"%V\", none of "
                       "%*s", &value[1], (size_t) (p - known), known);

    return NGX_HTTP_WEBSOCKET_HOOKS;
}


static ngx_http_websocket_hook_t *
ngx_http_websocket_hook_create(ngx_conf_t *cf, ngx_uint_t event)
{
    ngx_str_t                  *value;
    ngx_http_websocket_hook_t  *hook;

    hook = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_hook_t));
    if (hook == NULL) {
        return NULL;
    }

    value = cf->args->elts;

    hook->event = event;
    hook->name = value[1];
    hook->target = value[2];
    hook->place.file = cf->conf_file->file.name.data;
    hook->place.line = cf->conf_file->line;
    hook->timeout = NGX_HTTP_WEBSOCKET_HOOK_TIMEOUT;
    hook->max = NGX_HTTP_WEBSOCKET_HOOK_MAX;
    hook->queue_max = NGX_HTTP_WEBSOCKET_HOOK_QUEUE;

    return hook;
}


static char *
ngx_http_websocket_hook_target(ngx_conf_t *cf, ngx_http_websocket_hook_t *hook)
{
    u_char  *p;

    if (hook->target.len == 0 || hook->target.data[0] != '/'
        || ngx_http_script_variables_count(&hook->target))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid URI \"%V\": a hook's begins with \"/\", "
                           "has no variables, and is one of this server; or "
                           "\"off\"", &hook->target);
        return NGX_CONF_ERROR;
    }

    hook->uri = hook->target;
    p = ngx_strlchr(hook->uri.data, hook->uri.data + hook->uri.len, '?');

    if (p) {
        hook->args.data = p + 1;
        hook->args.len = hook->uri.data + hook->uri.len - p - 1;
        hook->uri.len = p - hook->uri.data;
    }

    hook->line.len = sizeof("POST  HTTP/1.1") - 1 + hook->target.len;
    hook->line.data = ngx_pnalloc(cf->pool, hook->line.len);

    if (hook->line.data == NULL) {
        return NGX_CONF_ERROR;
    }

    (void) ngx_sprintf(hook->line.data, "POST %V HTTP/1.1", &hook->target);

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_params(ngx_conf_t *cf, ngx_http_websocket_hook_t *hook)
{
    ngx_http_websocket_param_t   params[] = {
        { "timeout=", ngx_null_string },
        { "mode=", ngx_null_string },
        { "match=", ngx_null_string },
        { "fail=", ngx_null_string },
        { "max=", ngx_null_string },
        { "queue=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (ngx_http_websocket_params(cf, params, 3) != NGX_CONF_OK
        || ngx_http_websocket_hook_timeout(cf, hook,
                                   &params[NGX_HTTP_WEBSOCKET_HOOK_P_TIMEOUT])
           != NGX_CONF_OK
        || ngx_http_websocket_hook_mode(cf, hook,
                                      &params[NGX_HTTP_WEBSOCKET_HOOK_P_MODE])
           != NGX_CONF_OK
        || ngx_http_websocket_hook_match(cf, hook,
                                     &params[NGX_HTTP_WEBSOCKET_HOOK_P_MATCH])
           != NGX_CONF_OK
        || ngx_http_websocket_hook_fail(cf, hook,
                                      &params[NGX_HTTP_WEBSOCKET_HOOK_P_FAIL])
           != NGX_CONF_OK
        || ngx_http_websocket_hook_bound(cf,
                                       &params[NGX_HTTP_WEBSOCKET_HOOK_P_MAX],
                                         1, &hook->max)
           != NGX_CONF_OK
        || ngx_http_websocket_hook_bound(cf,
                                     &params[NGX_HTTP_WEBSOCKET_HOOK_P_QUEUE],
                                         0, &hook->queue_max)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_timeout(ngx_conf_t *cf,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_param_t *param)
{
    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    hook->timeout = ngx_parse_time(&param->value, 0);

    if (hook->timeout == (ngx_msec_t) NGX_ERROR || hook->timeout == 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "not a time above zero");
    }

    return hook->timeout > NGX_HTTP_WEBSOCKET_LONGEST
           ? ngx_http_websocket_bad_param(cf, param,
                                          NGX_HTTP_WEBSOCKET_TOO_LONG)
           : NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_mode(ngx_conf_t *cf, ngx_http_websocket_hook_t *hook,
    ngx_http_websocket_param_t *param)
{
    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    if (hook->event != NGX_HTTP_WEBSOCKET_HOOK_MESSAGE) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "only of \"message\"");
    }

    if (ngx_strcmp(param->value.data, "decide") == 0) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(param->value.data, "answer") == 0) {
        hook->event = NGX_HTTP_WEBSOCKET_HOOK_ANSWER;
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_bad_param(cf, param,
                                        "neither decide nor answer");
}


/* FIELD:VALUE, of a message that is a JSON object */

static char *
ngx_http_websocket_hook_match(ngx_conf_t *cf, ngx_http_websocket_hook_t *hook,
    ngx_http_websocket_param_t *param)
{
    u_char     *p;
    ngx_str_t  *value;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    if (hook->event < NGX_HTTP_WEBSOCKET_HOOK_MESSAGE) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "only of \"message\"");
    }

    p = ngx_strlchr(param->value.data, param->value.data + param->value.len,
                    ':');

    if (p == NULL || p == param->value.data) {
        return ngx_http_websocket_bad_param(cf, param, "not FIELD:VALUE");
    }

    hook->match = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_except_t));

    if (hook->match == NULL
        || ngx_array_init(&hook->match->values, cf->pool, 1,
                          sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    value = ngx_array_push(&hook->match->values);
    if (value == NULL) {
        return NGX_CONF_ERROR;
    }

    value->data = p + 1;
    value->len = param->value.data + param->value.len - value->data;

    hook->match->field.data = param->value.data;
    hook->match->field.len = p - param->value.data;

    *p = '\0';

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_fail(ngx_conf_t *cf, ngx_http_websocket_hook_t *hook,
    ngx_http_websocket_param_t *param)
{
    if (param->value.data == NULL
        || ngx_strcmp(param->value.data, "closed") == 0)
    {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(param->value.data, "open") != 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "neither closed nor open");
    }

    if (hook->event == NGX_HTTP_WEBSOCKET_HOOK_ANSWER) {
        return ngx_http_websocket_bad_param(cf, param, "without an answer "
                                            "there is none to give");
    }

    hook->open = 1;

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "\"websocket_hook %V\" with \"fail=open\": while the "
                       "application is down, everything is allowed",
                       &hook->name);

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_hook_bound(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t least, ngx_uint_t *bound)
{
    ngx_int_t  n;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    n = ngx_atoi(param->value.data, param->value.len);

    if (n == NGX_ERROR || n < least || n > NGX_HTTP_WEBSOCKET_HOOK_MOST) {
        return ngx_http_websocket_bad_param(cf, param, least
                                      ? "not a number from 1 to 65535"
                                      : "not a number from 0 to 65535");
    }

    *bound = n;

    return NGX_CONF_OK;
}


void
ngx_http_websocket_hooks_create(ngx_http_websocket_loc_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_HOOKS; i++) {
        conf->hooks[i] = NGX_CONF_UNSET_PTR;
    }
}


void
ngx_http_websocket_hooks_merge(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_HOOKS; i++) {
        ngx_conf_merge_ptr_value(conf->hooks[i], prev->hooks[i], NULL);
    }
}


ngx_int_t
ngx_http_websocket_hooks_check(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf)
{
    ngx_uint_t                       i, event;
    ngx_http_websocket_hook_t       *hook;
    ngx_http_websocket_loc_conf_t  **conf;

    conf = wmcf->locations.elts;

    for (i = 0; i < wmcf->locations.nelts; i++) {

        for (event = 0; event < NGX_HTTP_WEBSOCKET_HOOKS; event++) {

            hook = conf[i]->hooks[event];

            if (hook == NULL) {
                continue;
            }

            wmcf->hooked = 1;

            if (ngx_http_websocket_hook_check(cf, wmcf, conf[i], hook)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* what can be said of the target without a request: its name is a stream's */

static ngx_int_t
ngx_http_websocket_hook_check(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf, ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_hook_t *hook)
{
    ngx_uint_t                       i;
    ngx_http_websocket_loc_conf_t  **other;

    other = wmcf->locations.elts;

    for (i = 0; i < wmcf->locations.nelts; i++) {

        if (other[i]->ctx.srv_conf == conf->ctx.srv_conf
            && other[i]->location.len == hook->uri.len
            && ngx_strncmp(other[i]->location.data, hook->uri.data,
                           hook->uri.len)
               == 0)
        {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"websocket_hook %V\": its target \"%V\" is a "
                          "stream itself, or publishes, where it must be a "
                          "location that asks an application in %s:%ui",
                          &hook->name, &hook->target, hook->place.file,
                          hook->place.line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
