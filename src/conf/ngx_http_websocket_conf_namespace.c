
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "conf/ngx_http_websocket_conf_channel.h"
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_pattern.h"


#define NGX_HTTP_WEBSOCKET_NAMESPACE_ERROR  512


/* a line of the block */

typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    least;        /* arguments */
    ngx_uint_t                    most;
    char                       *(*set)(ngx_conf_t *cf,
                                     ngx_http_websocket_namespace_t *ns,
                                     size_t offset);
    size_t                        offset;       /* of what it sets */
    ngx_uint_t                    flag;         /* in ns->lines, once set */
} ngx_http_websocket_namespace_line_t;


typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    value;
} ngx_http_websocket_namespace_word_t;


static ngx_http_websocket_namespace_t *ngx_http_websocket_namespace_add(
    ngx_conf_t *cf, ngx_http_websocket_main_conf_t *wmcf, ngx_str_t *name);
static ngx_uint_t ngx_http_websocket_namespace_named(ngx_str_t *name);
static char *ngx_http_websocket_namespace_line(ngx_conf_t *cf,
    ngx_command_t *dummy, void *conf);
static char *ngx_http_websocket_namespace_unknown(ngx_conf_t *cf);
static char *ngx_http_websocket_namespace_check(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns);
static char *ngx_http_websocket_namespace_history(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_flag(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_recovery(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_filter(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_delta(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_wanted(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_events(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_right(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_pattern(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset);
static char *ngx_http_websocket_namespace_words(ngx_conf_t *cf,
    const ngx_http_websocket_namespace_word_t *words, ngx_uint_t *mask);


static ngx_http_websocket_namespace_line_t
    ngx_http_websocket_namespace_lines[] =
{
    { ngx_string("history"), 1, 3, ngx_http_websocket_namespace_history,
      0, 0x0001 },

    { ngx_string("recovery"), 1, 3, ngx_http_websocket_namespace_recovery,
      0, 0x0002 },

    { ngx_string("positioning"), 1, 1, ngx_http_websocket_namespace_wanted,
      offsetof(ngx_http_websocket_namespace_t, positioning), 0x0004 },

    { ngx_string("presence"), 1, 1, ngx_http_websocket_namespace_flag,
      offsetof(ngx_http_websocket_namespace_t, presence), 0x0008 },

    { ngx_string("events"), 1, 3, ngx_http_websocket_namespace_events,
      0, 0x0010 },

    { ngx_string("subscribe"), 1, 2, ngx_http_websocket_namespace_right,
      offsetof(ngx_http_websocket_namespace_t, subscribe), 0x0020 },

    { ngx_string("publish"), 1, 3, ngx_http_websocket_namespace_right,
      offsetof(ngx_http_websocket_namespace_t, publish), 0x0040 },

    { ngx_string("history_access"), 1, 3, ngx_http_websocket_namespace_right,
      offsetof(ngx_http_websocket_namespace_t, history_access), 0x0080 },

    { ngx_string("presence_access"), 1, 3, ngx_http_websocket_namespace_right,
      offsetof(ngx_http_websocket_namespace_t, presence_access), 0x0100 },

    { ngx_string("users"), 1, 1, ngx_http_websocket_namespace_flag,
      offsetof(ngx_http_websocket_namespace_t, users), 0x0200 },

    { ngx_string("pattern"), 1, 1, ngx_http_websocket_namespace_pattern,
      0, 0x0400 },

    { ngx_string("filter"), 1, 1, ngx_http_websocket_namespace_filter,
      0, 0x0800 },

    { ngx_string("delta"), 1, 1, ngx_http_websocket_namespace_delta,
      0, 0x1000 },

    { ngx_null_string, 0, 0, NULL, 0, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_wants[] =
{
    { ngx_string("allow"), NGX_HTTP_WEBSOCKET_ALLOW },
    { ngx_string("force"), NGX_HTTP_WEBSOCKET_FORCE },
    { ngx_null_string, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_recoveries[] =
{
    { ngx_string("allow"), NGX_HTTP_WEBSOCKET_ALLOW },
    { ngx_string("force"), NGX_HTTP_WEBSOCKET_FORCE },
    { ngx_string("cache"), NGX_HTTP_WEBSOCKET_CACHE },
    { ngx_string("auto"), NGX_HTTP_WEBSOCKET_CACHE_AUTO },
    { ngx_null_string, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_filters[] =
{
    { ngx_string("tags"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_deltas[] =
{
    { ngx_string("fossil"), 1 },
    { ngx_null_string, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_event_names[] =
{
    { ngx_string("join"), NGX_HTTP_WEBSOCKET_JOIN },
    { ngx_string("leave"), NGX_HTTP_WEBSOCKET_LEAVE },
    { ngx_string("push"), NGX_HTTP_WEBSOCKET_PUSH },
    { ngx_null_string, 0 }
};


static const ngx_http_websocket_namespace_word_t
    ngx_http_websocket_namespace_who[] =
{
    { ngx_string("client"), NGX_HTTP_WEBSOCKET_WHO_CLIENT },
    { ngx_string("subscriber"), NGX_HTTP_WEBSOCKET_WHO_SUBSCRIBER },
    { ngx_string("anonymous"), NGX_HTTP_WEBSOCKET_WHO_ANONYMOUS },
    { ngx_null_string, 0 }
};


static ngx_str_t  ngx_http_websocket_namespace_default = ngx_string("default");

/* of names without a colon, where nothing was said of them */

static ngx_http_websocket_namespace_t  ngx_http_websocket_namespace_none = {
    .name = ngx_string("default")
};


char *
ngx_http_websocket_namespace(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_main_conf_t *wmcf = conf;

    char                            *rv;
    ngx_str_t                       *value;
    ngx_conf_t                       save;
    ngx_http_websocket_namespace_t  *ns;

    value = cf->args->elts;

    ns = ngx_http_websocket_namespace_add(cf, wmcf, &value[1]);
    if (ns == NULL) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_websocket_namespace_line;
    cf->handler_conf = (void *) ns;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_websocket_namespace_check(cf, ns) : rv;
}


static ngx_http_websocket_namespace_t *
ngx_http_websocket_namespace_add(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf, ngx_str_t *name)
{
    ngx_uint_t                        i;
    ngx_http_websocket_namespace_t  **slot, *ns;

    if (!ngx_http_websocket_namespace_named(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid name \"%V\" of a namespace: it is of two "
                           "or more letters, digits, \"_\" and \"-\"", name);
        return NULL;
    }

    if (wmcf->namespaces == NULL) {
        wmcf->namespaces = ngx_array_create(cf->pool, 4,
                                  sizeof(ngx_http_websocket_namespace_t *));
        if (wmcf->namespaces == NULL) {
            return NULL;
        }
    }

    slot = wmcf->namespaces->elts;

    for (i = 0; i < wmcf->namespaces->nelts; i++) {
        if (slot[i]->name.len == name->len
            && ngx_strncmp(slot[i]->name.data, name->data, name->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate namespace \"%V\"", name);
            return NULL;
        }
    }

    slot = ngx_array_push(wmcf->namespaces);
    ns = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_namespace_t));

    if (slot == NULL || ns == NULL) {
        return NULL;
    }

    ns->name = *name;
    *slot = ns;

    return ns;
}


static ngx_uint_t
ngx_http_websocket_namespace_named(ngx_str_t *name)
{
    u_char  c;
    size_t  i;

    for (i = 0; i < name->len; i++) {

        c = name->data[i];

        if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z')
            && c != '_' && c != '-')
        {
            return 0;
        }
    }

    return name->len > 1;
}


static char *
ngx_http_websocket_namespace_line(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf)
{
    ngx_http_websocket_namespace_t *ns = conf;

    ngx_str_t                            *value;
    ngx_uint_t                            n;
    ngx_http_websocket_namespace_line_t  *line;

    value = cf->args->elts;
    n = cf->args->nelts - 1;

    for (line = ngx_http_websocket_namespace_lines; line->set; line++) {
        if (line->name.len == value[0].len
            && ngx_strncmp(line->name.data, value[0].data, value[0].len) == 0)
        {
            break;
        }
    }

    if (line->set == NULL) {
        return ngx_http_websocket_namespace_unknown(cf);
    }

    if (ns->lines & line->flag) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" is duplicate",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (n < line->least || n > line->most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\"", &value[0]);
        return NGX_CONF_ERROR;
    }

    ns->lines |= line->flag;

    return line->set(cf, ns, line->offset);
}


static char *
ngx_http_websocket_namespace_unknown(ngx_conf_t *cf)
{
    u_char                                known[NGX_MAX_CONF_ERRSTR];
    u_char                               *p, *last;
    ngx_str_t                            *value;
    ngx_http_websocket_namespace_line_t  *line;

    p = known;
    last = known + NGX_MAX_CONF_ERRSTR;
    value = cf->args->elts;

    for (line = ngx_http_websocket_namespace_lines; line->set; line++) {
        p = ngx_slprintf(p, last, "%s%V", p == known ? "" : ", ",
                         &line->name);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"websocket_namespace\", "
                       "none of %*s", &value[0], (size_t) (p - known), known);

    return NGX_CONF_ERROR;
}


/* what needs something else: found when the block was read */

static char *
ngx_http_websocket_namespace_check(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns)
{
    char  *what;

    if (ns->history.length == 0 && (ns->recovery || ns->positioning)) {
        what = "\"recovery\" and \"positioning\" need a \"history\"";

    } else if (ns->history.length == 0 && ns->history_access) {
        what = "\"history_access\" needs a \"history\"";

    } else if (ns->presence == 0 && ns->presence_access) {
        what = "\"presence_access\" needs \"presence on\"";

    } else {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "namespace \"%V\": %s", &ns->name,
                       what);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_websocket_namespace_history(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    char  *rv;

    rv = ngx_http_websocket_history_params(cf, NULL, &ns->history);

    if (rv == NGX_CONF_OK && ns->history.length == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"history\" of no length: leave it out");
        return NGX_CONF_ERROR;
    }

    return rv;
}


static char *
ngx_http_websocket_namespace_flag(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    ngx_flag_t  flag;

    if (ngx_http_websocket_conf_flag(cf, &flag) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    *(ngx_uint_t *) ((u_char *) ns + offset) = flag;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_namespace_wanted(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    return ngx_http_websocket_namespace_words(cf,
                                      ngx_http_websocket_namespace_wants,
                                      (void *) ((u_char *) ns + offset));
}


static char *
ngx_http_websocket_namespace_recovery(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    char        *what;
    ngx_uint_t   who;

    if (ngx_http_websocket_namespace_words(cf,
                                      ngx_http_websocket_namespace_recoveries,
                                      &ns->recovery)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    who = ns->recovery & (NGX_HTTP_WEBSOCKET_ALLOW|NGX_HTTP_WEBSOCKET_FORCE);

    if (who == 0) {
        what = "\"recovery\" needs \"allow\" or \"force\"";

    } else if (who == (NGX_HTTP_WEBSOCKET_ALLOW|NGX_HTTP_WEBSOCKET_FORCE)) {
        what = "\"allow\" and \"force\" exclude each other";

    } else if ((ns->recovery & NGX_HTTP_WEBSOCKET_CACHE_AUTO)
               && !(ns->recovery & NGX_HTTP_WEBSOCKET_CACHE))
    {
        what = "\"auto\" needs \"cache\"";

    } else {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", what);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_websocket_namespace_filter(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    return ngx_http_websocket_namespace_words(cf,
                                      ngx_http_websocket_namespace_filters,
                                      &ns->filter);
}


static char *
ngx_http_websocket_namespace_delta(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    return ngx_http_websocket_namespace_words(cf,
                                      ngx_http_websocket_namespace_deltas,
                                      &ns->delta);
}


static char *
ngx_http_websocket_namespace_events(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    if (ngx_http_websocket_namespace_words(cf,
                                    ngx_http_websocket_namespace_event_names,
                                    &ns->events)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ns->events == NGX_HTTP_WEBSOCKET_PUSH) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"push\" needs \"join\" or \"leave\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_namespace_right(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    ngx_uint_t  *mask;

    mask = (ngx_uint_t *) ((u_char *) ns + offset);

    if (ngx_http_websocket_namespace_words(cf,
                                           ngx_http_websocket_namespace_who,
                                           mask)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (mask == &ns->subscribe
        && (*mask & NGX_HTTP_WEBSOCKET_WHO_SUBSCRIBER))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"subscriber\" cannot be who may subscribe");
        return NGX_CONF_ERROR;
    }

    if (*mask == NGX_HTTP_WEBSOCKET_WHO_ANONYMOUS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"anonymous\" stands beside \"client\"%s",
                           mask == &ns->subscribe ? "" : " or \"subscriber\"");
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* of all of the name that follows the namespace's */

static char *
ngx_http_websocket_namespace_pattern(ngx_conf_t *cf,
    ngx_http_websocket_namespace_t *ns, size_t offset)
{
    char        error[NGX_HTTP_WEBSOCKET_NAMESPACE_ERROR];
    ngx_str_t  *value;

    value = cf->args->elts;

    ns->pattern = ngx_http_websocket_pattern_compile(cf->pool,
                                                     (char *) value[1].data,
                                                     error, sizeof(error));
    if (ns->pattern) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid pattern \"%V\": %s",
                       &value[1], error);

    return NGX_CONF_ERROR;
}


/* each argument is one of the words, whose values make up the mask */

static char *
ngx_http_websocket_namespace_words(ngx_conf_t *cf,
    const ngx_http_websocket_namespace_word_t *words, ngx_uint_t *mask)
{
    u_char                                     known[NGX_MAX_CONF_ERRSTR];
    u_char                                    *p, *last;
    ngx_str_t                                 *value;
    ngx_uint_t                                 i;
    const ngx_http_websocket_namespace_word_t *word;

    value = cf->args->elts;

    p = known;
    last = known + NGX_MAX_CONF_ERRSTR;

    for (word = words; word->name.len; word++) {
        p = ngx_slprintf(p, last, "%s\"%V\"", p == known ? "" : ", ",
                         &word->name);
    }

    for (i = 1; i < cf->args->nelts; i++) {

        for (word = words; word->name.len; word++) {
            if (word->name.len == value[i].len
                && ngx_strncmp(word->name.data, value[i].data, value[i].len)
                   == 0)
            {
                break;
            }
        }

        if (word->name.len == 0 || (*mask & word->value)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\": it must be, "
                               "once, one of %*s", &value[i], &value[0],
                               (size_t) (p - known), known);
            return NGX_CONF_ERROR;
        }

        *mask |= word->value;
    }

    return NGX_CONF_OK;
}


/* "$", which means that a token is wanted, is no part of it */

ngx_http_websocket_namespace_t *
ngx_http_websocket_namespace_of(ngx_array_t *namespaces, ngx_str_t *channel)
{
    u_char                           *colon;
    ngx_str_t                         name;
    ngx_uint_t                        i;
    ngx_http_websocket_namespace_t  **ns;

    name = *channel;

    if (name.len && name.data[0] == '$') {
        name.data++;
        name.len--;
    }

    colon = ngx_strlchr(name.data, name.data + name.len, ':');

    if (colon) {
        name.len = colon - name.data;

    } else {
        name = ngx_http_websocket_namespace_default;
    }

    if (namespaces) {
        ns = namespaces->elts;

        for (i = 0; i < namespaces->nelts; i++) {
            if (ns[i]->name.len == name.len
                && ngx_strncmp(ns[i]->name.data, name.data, name.len) == 0)
            {
                return ns[i];
            }
        }
    }

    return colon ? NULL : &ngx_http_websocket_namespace_none;
}


ngx_uint_t
ngx_http_websocket_namespace_takes(ngx_http_websocket_namespace_t *ns,
    ngx_str_t *channel)
{
    u_char  *p, *last;

    if (ns->pattern == NULL) {
        return 1;
    }

    last = channel->data + channel->len;

    p = ngx_strlchr(channel->data, last, ':');
    p = p ? p + 1 : channel->data + (channel->data[0] == '$');

    ngx_http_websocket_pattern_begin();

    return ngx_http_websocket_pattern_match(ns->pattern, (char *) p, last - p)
           == 1;
}
