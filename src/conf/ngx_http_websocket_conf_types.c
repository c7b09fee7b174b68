
#include "conf/ngx_http_websocket_conf_types.h"
#include "conf/ngx_http_websocket_conf_channel.h"
#include "conf/ngx_http_websocket_conf_collect.h"
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_pattern.h"
#include "message/type_by.h"


/* a text of what is wrong in a block */
#define NGX_HTTP_WEBSOCKET_TYPE_ERROR  512

/* words of one line in a block */
#define NGX_HTTP_WEBSOCKET_TYPE_WORDS  256

/* the most that values= may be */
#define NGX_HTTP_WEBSOCKET_VALUES_MAX  1000000


static ngx_int_t ngx_http_websocket_types_init(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf);
static char *ngx_http_websocket_message_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static ngx_websocket_type_t *ngx_http_websocket_find_type(void *data,
    const char *name);
static void *ngx_http_websocket_compile_pattern(void *data,
    const char *pattern, char *error, size_t size);
static int ngx_http_websocket_match_pattern(void *data, void *pattern,
    const char *text, size_t size);
static void ngx_http_websocket_types_destroy(void *data);
static char *ngx_http_websocket_use_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_websocket_use_t *use, ngx_str_t *value);
static char *ngx_http_websocket_use_by(ngx_conf_t *cf,
    ngx_http_websocket_use_t *use, ngx_str_t *value);
static ngx_int_t ngx_http_websocket_use_number(ngx_str_t *value,
    const char *name, uint32_t *number, ngx_int_t most);
static char *ngx_http_websocket_use_resolve(ngx_conf_t *cf,
    ngx_http_websocket_use_t *use, const char *directive);
static ngx_websocket_type_t *ngx_http_websocket_use_several(ngx_conf_t *cf,
    ngx_http_websocket_use_t *use, char *error, size_t size);


char *
ngx_http_websocket_message(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                  *rv, error[NGX_HTTP_WEBSOCKET_TYPE_ERROR];
    ngx_str_t             *value;
    ngx_conf_t             save;
    ngx_websocket_type_t  *type;

    value = cf->args->elts;

    type = ngx_http_websocket_type_create(cf, (char *) value[1].data, error,
                                          sizeof(error));

    if (type == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", error);
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_websocket_message_line;
    cf->handler_conf = (void *) type;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv;
}


ngx_websocket_type_t *
ngx_http_websocket_type_create(ngx_conf_t *cf, const char *name, char *error,
    size_t size)
{
    ngx_websocket_type_t            *type, **slot;
    ngx_websocket_type_maker_t       maker;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (ngx_http_websocket_types_init(cf, wmcf) != NGX_OK) {
        (void) ngx_snprintf((u_char *) error, size, "no memory%Z");
        return NULL;
    }

    if (ngx_http_websocket_find_type(wmcf, name)) {
        (void) ngx_snprintf((u_char *) error, size,
                            "duplicate message type \"%s\"%Z", name);
        error[size - 1] = '\0';
        return NULL;
    }

    /* a type that is called so could not be used */

    if (ngx_strcmp(name, "off") == 0) {
        (void) ngx_snprintf((u_char *) error, size,
                            "\"off\" cannot be a type's name%Z");
        return NULL;
    }

    ngx_memzero(&maker, sizeof(ngx_websocket_type_maker_t));

    maker.data = wmcf;
    maker.find = ngx_http_websocket_find_type;
    maker.compile = ngx_http_websocket_compile_pattern;
    maker.match = ngx_http_websocket_match_pattern;

    type = ngx_websocket_type_create(name, &maker, error, size);

    if (type == NULL) {
        return NULL;
    }

    slot = ngx_array_push(wmcf->types);

    if (slot == NULL) {
        (void) ngx_snprintf((u_char *) error, size, "no memory%Z");
        ngx_websocket_type_destroy(type);
        return NULL;
    }

    *slot = type;

    return type;
}


static ngx_int_t
ngx_http_websocket_types_init(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf)
{
    ngx_pool_cleanup_t  *cln;

    if (wmcf->types) {
        return NGX_OK;
    }

    wmcf->types = ngx_array_create(cf->pool, 4,
                                   sizeof(ngx_websocket_type_t *));
    wmcf->views = ngx_array_create(cf->pool, 4,
                                   sizeof(ngx_http_websocket_view_t));

    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (wmcf->types == NULL || wmcf->views == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_websocket_types_destroy;
    cln->data = wmcf->types;

    return NGX_OK;
}


static void
ngx_http_websocket_types_destroy(void *data)
{
    ngx_array_t *types = data;

    ngx_uint_t              i;
    ngx_websocket_type_t  **type;

    type = types->elts;

    for (i = 0; i < types->nelts; i++) {
        ngx_websocket_type_destroy(type[i]);
    }
}


static char *
ngx_http_websocket_message_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_websocket_type_t *type = conf;

    int          rc;
    char         error[NGX_HTTP_WEBSOCKET_TYPE_ERROR];
    size_t       i, n;
    ngx_str_t   *value;
    const char  *words[NGX_HTTP_WEBSOCKET_TYPE_WORDS];

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    if (n > NGX_HTTP_WEBSOCKET_TYPE_WORDS) {
        return "too many words in a line of \"websocket_type\"";
    }

    for (i = 0; i < n; i++) {
        words[i] = (char *) value[i + 1].data;
    }

    if (ngx_strcmp(value[0].data, "field") == 0) {
        rc = ngx_websocket_type_field(type, words, n, error, sizeof(error));

    } else if (ngx_strcmp(value[0].data, "view") == 0) {
        rc = ngx_websocket_type_view(type, words, n, error, sizeof(error));

        if (rc == 0) {
            rc = ngx_http_websocket_type_view(cf, type, words[0], error,
                                              sizeof(error));
        }

    } else if (ngx_strcmp(value[0].data, "by") == 0) {
        rc = ngx_websocket_type_by(type, words, n, error, sizeof(error));

    } else if (ngx_strcmp(value[0].data, "additional") == 0) {
        rc = ngx_websocket_type_additional(type, words, n, error,
                                           sizeof(error));
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in "
                           "\"websocket_type\": it knows \"field\", \"by\", "
                           "\"view\" and \"additional\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    if (rc != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "message type \"%s\": %s",
                           ngx_websocket_type_name(type), error);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


int
ngx_http_websocket_type_view(ngx_conf_t *cf, ngx_websocket_type_t *type,
    const char *name, char *error, size_t size)
{
    ngx_http_websocket_view_t       *view;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (wmcf->views->nelts == NGX_HTTP_WEBSOCKET_VIEWS) {
        (void) ngx_snprintf((u_char *) error, size, "more than %d views%Z",
                            NGX_HTTP_WEBSOCKET_VIEWS);
        return -1;
    }

    view = ngx_array_push(wmcf->views);

    if (view == NULL) {
        (void) ngx_snprintf((u_char *) error, size, "no memory%Z");
        return -1;
    }

    view->type = type;
    view->view = ngx_websocket_type_find_view(type, name, ngx_strlen(name));

    return 0;
}


char *
ngx_http_websocket_typed_check(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_str_t                   *name;
    const ngx_websocket_type_t  *type;

    if (conf->typed.collect && conf->publishes && !conf->subscribes) {
        return ngx_http_websocket_collect_check(cf, conf);
    }

    if (conf->typed.view == NULL
        || (conf->typed.view->lengths == NULL
            && conf->typed.view->value.len == 0)
        || (!conf->publish && !conf->subscribes))
    {
        return NGX_CONF_OK;
    }

    type = ngx_http_websocket_sent_type(conf);

    if (type == NULL) {
        return "\"websocket_view\" needs \"websocket_outbound_type\" or "
               "\"websocket_inbound_type\", whose type has the views";
    }

    name = &conf->typed.view->value;

    if (conf->typed.view->lengths
        || ngx_websocket_type_find_view(type, (char *) name->data, name->len))
    {
        return NGX_CONF_OK;
    }

    return ngx_http_websocket_no_view(cf, type, name, "websocket_view");
}


char *
ngx_http_websocket_no_view(ngx_conf_t *cf, const ngx_websocket_type_t *type,
    ngx_str_t *name, char *directive)
{
    u_char  *text;

    text = ngx_pcalloc(cf->pool, NGX_MAX_CONF_ERRSTR);
    if (text == NULL) {
        return "no memory";
    }

    (void) ngx_snprintf(text, NGX_MAX_CONF_ERRSTR - 1,
                        "type \"%s\" has no view \"%V\", which \"%s\" says",
                        ngx_websocket_type_name(type), name, directive);

    return (char *) text;
}


/* also the type that is being made */

static ngx_websocket_type_t *
ngx_http_websocket_find_type(void *data, const char *name)
{
    ngx_http_websocket_main_conf_t *wmcf = data;

    ngx_uint_t              i;
    ngx_websocket_type_t  **type;

    if (wmcf->types == NULL) {
        return NULL;
    }

    type = wmcf->types->elts;

    for (i = 0; i < wmcf->types->nelts; i++) {
        if (ngx_strcmp(ngx_websocket_type_name(type[i]), name) == 0) {
            return type[i];
        }
    }

    return NULL;
}


static void *
ngx_http_websocket_compile_pattern(void *data, const char *pattern,
    char *error, size_t size)
{
    ngx_http_websocket_main_conf_t *wmcf = data;

    return ngx_http_websocket_pattern_compile(wmcf->types->pool, pattern,
                                              error, size);
}


static int
ngx_http_websocket_match_pattern(void *data, void *pattern, const char *text,
    size_t size)
{
    return ngx_http_websocket_pattern_match(pattern, text, size);
}


/*
 * TYPE [violations=report|close] [depth=N] [values=N], or off; TYPE may be
 * by=FIELD WORD=TYPE ...
 */

char *
ngx_http_websocket_use(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  i;
    ngx_http_websocket_use_t  **slot, *use;

    slot = (ngx_http_websocket_use_t **) (p + cmd->offset);

    if (*slot != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        *slot = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "has \"off\" alone";
    }

    use = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_use_t));
    if (use == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_strncmp(value[1].data, "by=", 3) == 0) {
        use->by = ngx_array_create(cf->pool, 4, sizeof(char *));

        if (use->by == NULL
            || ngx_http_websocket_use_by(cf, use, &value[1]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

    } else {
        use->name = value[1];
    }

    use->place.file = cf->conf_file->file.name.data;
    use->place.line = cf->conf_file->line;
    use->limits.size = NGX_MAX_INT32_VALUE;
    use->limits.depth = NGX_HTTP_WEBSOCKET_DEPTH;
    use->limits.values = NGX_HTTP_WEBSOCKET_VALUES;

    for (i = 2; i < cf->args->nelts; i++) {
        rv = ngx_http_websocket_use_param(cf, cmd, use, &value[i]);

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    *slot = use;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_use_param(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_websocket_use_t *use, ngx_str_t *value)
{
    ngx_uint_t  receive;

    /* over HTTP there is nothing to close */

    receive = cmd->offset == offsetof(ngx_http_websocket_loc_conf_t,
                                      typed.receive);

    if (receive && ngx_strcmp(value->data, "violations=close") == 0) {
        use->close = 1;
        return NGX_CONF_OK;
    }

    if (receive && ngx_strcmp(value->data, "violations=report") == 0) {
        use->close = 0;
        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_use_number(value, "depth=", &use->limits.depth,
                                      NGX_WEBSOCKET_JSON_DEPTH)
        == NGX_OK
        || ngx_http_websocket_use_number(value, "values=",
                                         &use->limits.values,
                                         NGX_HTTP_WEBSOCKET_VALUES_MAX)
           == NGX_OK)
    {
        return NGX_CONF_OK;
    }

    if (use->by
        && ngx_strncmp(value->data, "violations=", 11) != 0
        && ngx_strncmp(value->data, "depth=", 6) != 0
        && ngx_strncmp(value->data, "values=", 7) != 0
        && ngx_strchr(value->data, '='))
    {
        return ngx_http_websocket_use_by(cf, use, value);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\": "
                       "%sdepth= of 1 to %d, values= of 1 to %d are known",
                       value, receive ? "violations=report or close, " : "",
                       NGX_WEBSOCKET_JSON_DEPTH,
                       NGX_HTTP_WEBSOCKET_VALUES_MAX);

    return NGX_CONF_ERROR;
}


/* one more word of what becomes a type; its name is all of them */

static char *
ngx_http_websocket_use_by(ngx_conf_t *cf, ngx_http_websocket_use_t *use,
    ngx_str_t *value)
{
    u_char  *p, **word;

    word = ngx_array_push(use->by);
    p = ngx_pnalloc(cf->pool, use->name.len + value->len + 2);

    if (word == NULL || p == NULL) {
        return NGX_CONF_ERROR;
    }

    *word = value->data + (use->name.len ? 0 : sizeof("by=") - 1);

    use->name.len = ngx_sprintf(p, "%V%s%V%Z", &use->name,
                                use->name.len ? " " : "", value)
                    - p - 1;
    use->name.data = p;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_websocket_use_number(ngx_str_t *value, const char *name,
    uint32_t *number, ngx_int_t most)
{
    size_t     len;
    ngx_int_t  n;

    len = ngx_strlen(name);

    if (value->len <= len || ngx_strncmp(value->data, name, len) != 0) {
        return NGX_ERROR;
    }

    n = ngx_atoi(value->data + len, value->len - len);

    if (n < 1 || n > most) {
        return NGX_ERROR;
    }

    *number = n;

    return NGX_OK;
}


/* on [replay=N|all] [form=wrapped|bare], or off */

char *
ngx_http_websocket_filter(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                    n;
    ngx_http_websocket_param_t  *replay, *form;
    ngx_http_websocket_param_t   params[] = {
        { "replay=", ngx_null_string },
        { "form=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->typed.filter != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_http_websocket_conf_flag(cf, &wlcf->typed.filter) != NGX_OK
        || ngx_http_websocket_params(cf, params, 2) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    replay = &params[0];
    form = &params[1];

    if (!wlcf->typed.filter && cf->args->nelts > 2) {
        return "has \"off\" alone";
    }

    if (form->value.data) {
        wlcf->typed.bare = (ngx_strcmp(form->value.data, "bare") == 0);

        if (!wlcf->typed.bare
            && ngx_strcmp(form->value.data, "wrapped") != 0)
        {
            return ngx_http_websocket_bad_param(cf, form, "it is \"wrapped\" "
                                                "or \"bare\"");
        }
    }

    if (replay->value.data == NULL) {
        return NGX_CONF_OK;
    }

    n = ngx_http_websocket_replay_number(cf, &replay->value);

    if (n == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    wlcf->typed.replay = n;

    return NGX_CONF_OK;
}


void
ngx_http_websocket_typed_init(ngx_http_websocket_typed_t *typed)
{
    typed->receive = NGX_CONF_UNSET_PTR;
    typed->send = NGX_CONF_UNSET_PTR;
    typed->filter = NGX_CONF_UNSET;
    typed->stamp = NGX_CONF_UNSET_PTR;
    typed->collect = NGX_CONF_UNSET_PTR;

    /*
     * set by ngx_pcalloc():
     *
     *     typed->replay = 0;
     *     typed->bare = 0;
     *     typed->view = NULL;
     */
}


char *
ngx_http_websocket_typed_merge(ngx_conf_t *cf,
    ngx_http_websocket_typed_t *prev, ngx_http_websocket_typed_t *typed)
{
    ngx_conf_merge_ptr_value(typed->receive, prev->receive, NULL);
    ngx_conf_merge_ptr_value(typed->send, prev->send, NULL);

    if (typed->filter == NGX_CONF_UNSET) {
        typed->filter = (prev->filter == 1);
        typed->replay = prev->replay;
        typed->bare = prev->bare;
    }

    ngx_conf_merge_ptr_value(typed->stamp, prev->stamp, NULL);
    ngx_conf_merge_ptr_value(typed->collect, prev->collect, NULL);

    if (typed->view == NULL) {
        typed->view = prev->view;
    }

    typed->takes = typed->receive || typed->filter || typed->stamp;

    if (ngx_http_websocket_use_resolve(cf, typed->receive,
                                       "websocket_inbound_type")
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_websocket_use_resolve(cf, typed->send,
                                          "websocket_outbound_type");
}


static char *
ngx_http_websocket_use_resolve(ngx_conf_t *cf, ngx_http_websocket_use_t *use,
    const char *directive)
{
    char                             error[NGX_HTTP_WEBSOCKET_TYPE_ERROR];
    ngx_http_websocket_main_conf_t  *wmcf;

    if (use == NULL || use->type) {
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    use->type = ngx_http_websocket_find_type(wmcf, (char *) use->name.data);

    if (use->type == NULL && use->by) {
        use->type = ngx_http_websocket_use_several(cf, use, error,
                                                   sizeof(error));
        if (use->type == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\": %s in %s:%ui",
                          directive, error, use->place.file, use->place.line);
            return NGX_CONF_ERROR;
        }
    }

    if (use->type) {
        return NGX_CONF_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "\"%s\": no "
                  "\"websocket_type\" has the name \"%V\" in %s:%ui",
                  directive, &use->name, use->place.file, use->place.line);

    return NGX_CONF_ERROR;
}


static ngx_websocket_type_t *
ngx_http_websocket_use_several(ngx_conf_t *cf, ngx_http_websocket_use_t *use,
    char *error, size_t size)
{
    ngx_websocket_type_t  *type;

    type = ngx_http_websocket_type_create(cf, (char *) use->name.data, error,
                                          size);

    if (type == NULL
        || ngx_websocket_type_by(type, use->by->elts, use->by->nelts, error,
                                 size)
           != 0)
    {
        return NULL;
    }

    return type;
}
