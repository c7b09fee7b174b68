
/*
 * Redis 7.0 and Valkey 8 have Lua 5.1, where every number is a double: epochs
 * and offsets stay below 2^53.
 */


#include "broker/scripts.h"


#define ngx_websocket_script(name, text)  { name, text, sizeof(text) - 1 }


/* the caller's generation is the server's, or nothing is done */

#define FENCE                                                                 \
    "local call = redis.call\n"                                               \
    "local gen = call('GET', KEYS[1])\n"                                      \
    "if gen ~= ARGV[1] then\n"                                                \
    "  return redis.error_reply('FENCED ' .. (gen or '-'))\n"                 \
    "end\n"

/* for a generation G that has not begun */

#define BEFORE(reply)                                                         \
    "local call = redis.call\n"                                               \
    "local gen = call('GET', KEYS[1])\n"                                      \
    "if gen and string.sub(gen, 1, 16) == ARGV[1] then\n"                     \
    "  return " reply "\n"                                                    \
    "end\n"

#define TIME                                                                  \
    "local function now()\n"                                                  \
    "  local t = call('TIME')\n"                                              \
    "  return t[1] * 1000000 + t[2]\n"                                        \
    "end\n"

#define ID                                                                    \
    "local function split(id)\n"                                              \
    "  local e, o = string.match(id, '^(%d+)-(%d+)$')\n"                      \
    "  return tonumber(e), tonumber(o)\n"                                     \
    "end\n"                                                                   \
    "local LAST = '18446744073709551615'\n"                                   \
    "local function text(e)\n"                                                \
    "  return e < 2^53 and string.format('%.0f', e) or LAST\n"                \
    "end\n"                                                                   \
                                                                              \
    /* the ID of a stream's newest entry, also of one that is gone */         \
                                                                              \
    "local function top(stream)\n"                                            \
    "  if call('EXISTS', stream) == 0 then return 0, 0 end\n"                 \
    "  local info = call('XINFO', 'STREAM', stream)\n"                        \
    "  for i = 1, #info, 2 do\n"                                              \
    "    if info[i] == 'last-generated-id' then\n"                            \
    "      return split(info[i + 1])\n"                                       \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "end\n"

/* a new epoch, in text */

#define BEGIN                                                                 \
    TIME                                                                      \
    ID                                                                        \
    "local floor = tonumber(string.sub(gen, 18))\n"                           \
    "local prefix = string.sub(KEYS[1], 1, -4)\n"                             \
                                                                              \
    "local function begin(...)\n"                                             \
    "  local given = tonumber(call('GET', KEYS[2]) or 0) + 1\n"               \
    "  local e = math.max(now(), floor, given, ...)\n"                        \
    "  call('SET', KEYS[2], text(e))\n"                                       \
    "  return text(e)\n"                                                      \
    "end\n"

/*
 * XADD with the caller's hint counts by itself.  It fails where a later epoch
 * reigns, adds nothing where the stream is gone, and begins with offset 0 where
 * the stream is behind the hint: it has lost something.
 */

#define ADD                                                                   \
    BEGIN                                                                     \
    "local function add(stream, hint, length, ...)\n"                         \
    "  local e = tonumber(hint)\n"                                            \
    "  if e ~= 0 then\n"                                                      \
    "    local id = redis.pcall('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '=',\n"\
    "                           length, hint .. '-*', ...)\n"                 \
    "    if type(id) == 'string' then\n"                                      \
    "      if string.sub(id, -2) ~= '-0' then return id end\n"                \
    "      call('XDEL', stream, id)\n"                                        \
    "      e = e + 1\n"                                                       \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "  local last, o = top(stream)\n"                                         \
    "  if o > 2^53 and last >= e then return nil end\n"                       \
    "  if last ~= 0 and last >= floor and last >= e then\n"                   \
    "    return call('XADD', stream, 'MAXLEN', '=', length,\n"                \
    "                text(last) .. '-*', ...)\n"                              \
    "  end\n"                                                                 \
    "  return call('XADD', stream, 'MAXLEN', '=', length,\n"                  \
    "              begin(e + 1, last + 1) .. '-1', ...)\n"                    \
    "end\n"

/* a message, from a place in ARGV and in KEYS */

#define SEND                                                                  \
    ADD                                                                       \
                                                                              \
    /* the messages of a channel that was deleted are void, and so are keys */\
                                                                              \
    "local function valid(id, stream)\n"                                      \
    "  return split(id) == (top(stream))\n"                                   \
    "         or #call('XRANGE', stream, id, id) > 0\n"                       \
    "end\n"                                                                   \
                                                                              \
    /* with "!" for one whose id ends otherwise: it had another body */       \
                                                                              \
    "local function known(stream, id, envelope)\n"                            \
    "  local entry = call('XRANGE', stream, id, id)[1]\n"                     \
    "  if entry and entry[2][1] == 'm'\n"                                     \
    "     and string.sub(entry[2][2], 13, 16)\n"                              \
    "         ~= string.sub(envelope, 13, 16)\n"                              \
    "  then\n"                                                                \
    "    return '!' .. id\n"                                                  \
    "  end\n"                                                                 \
    "  return '=' .. id\n"                                                    \
    "end\n"                                                                   \
                                                                              \
    "local function again(stream, after, envelope)\n"                         \
    "  local from = after == '-' and after or '(' .. after\n"                 \
    "  local own = string.sub(envelope, 1, 16)\n"                             \
    "  for _, entry in ipairs(call('XRANGE', stream, from, '+')) do\n"        \
    "    local fields = entry[2]\n"                                           \
    "    if fields[1] == 'm' and string.sub(fields[2], 1, 16) == own then\n"  \
    "      return entry[1]\n"                                                 \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "end\n"                                                                   \
                                                                              \
    /* after the greatest ID of an epoch XADD adds nothing: no publish has */ \
    /* to look whether the channel has ended */                                       \
                                                                              \
    "local function close(stream, name, length, id, m)\n"                     \
    "  local e, o = string.match(id, '^(%d+)-(%d+)$')\n"                      \
    "  call('XADD', stream, 'MAXLEN', '=', length + 1, e .. '-' .. LAST,\n"   \
    "       'x', 'e' .. o, 'i', string.sub(m, 1, 16))\n"                      \
    "  return call('PUBLISH', prefix .. 'c:' .. name, 'e' .. id)\n"           \
    "end\n"                                                                   \
                                                                              \
    /* an end alone: after which message; or nil, and the reply */            \
                                                                              \
    "local function bare(stream, hint, after, m)\n"                           \
    "  local last, o = top(stream)\n"                                         \
    "  hint = tonumber(hint)\n"                                               \
    "  if o > 2^53 and last >= hint then\n"                                   \
    "    local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]\n" \
    "    if after and newest and newest[2][4] == string.sub(m, 1, 16) then\n" \
    "      o = string.sub(newest[2][2], 2)\n"                                 \
    "      return nil, '=' .. text(last) .. '-' .. o\n"                       \
    "    end\n"                                                               \
    "    return nil, '.'\n"                                                   \
    "  end\n"                                                                 \
    "  if last == 0 or last < floor or last < hint then\n"                    \
    "    return begin(hint + 1, last + 1) .. '-0'\n"                          \
    "  end\n"                                                                 \
    "  return text(last) .. '-' .. text(o)\n"                                 \
    "end\n"                                                                   \
                                                                              \
    "local function send(a, k)\n"                                             \
    "  local argv = ARGV\n"                                                   \
    "  local flags, hint, stream = argv[a], argv[a + 1], KEYS[k]\n"           \
    "  local m, d = argv[a + 4], argv[a + 5]\n"                               \
    "  local name = string.sub(stream, #prefix + 3)\n"                        \
    "  local length, ttl = argv[a + 2], argv[a + 3]\n"                        \
    "  local key, keep, ends\n"                                               \
    "  k = k + 1\n"                                                           \
    "  local past = a + 6\n"                                                  \
    "  if flags ~= '' then\n"                                                 \
    "    if string.find(flags, 'i', 1, true) then\n"                          \
    "      key, keep = KEYS[k], argv[past]\n"                                 \
    "      k, past = k + 1, past + 1\n"                                       \
    "    end\n"                                                               \
    "    local after\n"                                                       \
    "    if string.find(flags, 'r', 1, true) then\n"                          \
    "      after = argv[past]\n"                                              \
    "      past = past + 1\n"                                                 \
    "    end\n"                                                               \
    "    ends = string.find(flags, 'z', 1, true)\n"                           \
    "    if ends and string.find(flags, 'e', 1, true) then\n"                 \
    "      local id, reply = bare(stream, hint, after, m)\n"                  \
    "      if not id then return reply, 0, past, k end\n"                     \
    "      length = math.max(call('XLEN', stream), length)\n"                 \
    "      local n = close(stream, name, length, id, m)\n"                    \
    "      call('PEXPIRE', stream, math.max(call('PTTL', stream), ttl))\n"    \
    "      return id, n, past, k\n"                                           \
    "    end\n"                                                               \
    "    if string.find(flags, 'e', 1, true) then\n"                          \
    "      if select(2, top(stream)) > 2^53 then return '.', 0, past, k end\n"\
    "      local n = call('PUBLISH', prefix .. 'c:' .. name,\n"               \
    "                     '~0-0 ' .. #m .. ' ' .. m .. d)\n"                  \
    "      return '~', n, past, k\n"                                          \
    "    end\n"                                                               \
    "    local was = key and call('GET', key)\n"                              \
    "    if was and not valid(was, stream) then was = nil end\n"              \
    "    was = was or after and again(stream, after, m)\n"                    \
    "    if was then return known(stream, was, m), 0, past, k end\n"          \
    "  end\n"                                                                 \
    "  if string.find(flags, 'k', 1, true) then\n"                            \
    "    length = math.max(call('XLEN', stream), length)\n"                   \
    "    ttl = math.max(call('PTTL', stream), ttl)\n"                         \
    "  end\n"                                                                 \
    "  local id = add(stream, hint, length, 'm', m, 'd', d)\n"                \
    "  if not id then return '.', 0, past, k end\n"                           \
    "  call('PEXPIRE', stream, ttl)\n"                                        \
    "  if key then call('SET', key, id, 'PX', keep) end\n"                    \
    "  local n = call('PUBLISH', prefix .. 'c:' .. name,\n"                   \
    "                 '+' .. id .. ' ' .. #m .. ' ' .. m .. d)\n"             \
    "  if ends then close(stream, name, length, id, m) end\n"                 \
    "  return id, n, past, k\n"                                               \
    "end\n"

/*
 * What most messages are goes without the functions, which take longer to
 * define than it takes: those with a hint that is right, and no key.  A hint
 * that is ahead of the stream must not be used again.
 */

#define QUICK                                                                 \
    "local argv, keys, sub = ARGV, KEYS, string.sub\n"                        \
    "local before = sub(keys[1], 1, -4)\n"                                    \
    "local past, size = #before + 3, -1\n"                                    \
    "local reply, n, a, k, last, head = {}, 0, 2, 3, #argv, ''\n"             \
    "while a < last do\n"                                                     \
    "  local flags, hint, stream = argv[a], argv[a + 1], keys[k]\n"           \
    "  local keep = flags == 'k' or flags == 'kt'\n"                          \
    "  if hint == '0' or flags ~= '' and flags ~= 't' and not keep then\n"    \
    "    break\n"                                                             \
    "  end\n"                                                                 \
    "  local m, d, length = argv[a + 4], argv[a + 5], argv[a + 2]\n"          \
    "  if keep then\n"                                                        \
    "    local there = call('XLEN', stream)\n"                                \
    "    if there > tonumber(length) then length = there end\n"               \
    "  end\n"                                                                 \
    "  local id = redis.pcall('XADD', stream, 'NOMKSTREAM', 'MAXLEN', '=',\n" \
    "                         length, hint .. '-*', 'm', m, 'd', d)\n"        \
    "  if type(id) ~= 'string' then break end\n"                              \
    "  if sub(id, -2) == '-0' then\n"                                         \
    "    call('XDEL', stream, id)\n"                                          \
    "    argv[a + 1], argv[a + 2] = string.format('%.0f', hint + 1), length\n"\
    "    break\n"                                                             \
    "  end\n"                                                                 \
    "  if flags == '' then\n"                                                 \
    "    call('PEXPIRE', stream, argv[a + 3])\n"                              \
    "  elseif flags == 'k' then\n"                                            \
    "    call('PEXPIRE', stream, argv[a + 3], 'GT')\n"                        \
    "  end\n"                                                                 \
    "  if #m ~= size then\n"                                                  \
    "    size = #m\n"                                                         \
    "    head = ' ' .. size .. ' '\n"                                         \
    "  end\n"                                                                 \
    "  reply[n + 1] = id\n"                                                   \
    "  reply[n + 2] = call('PUBLISH', before .. 'c:' .. sub(stream, past),\n" \
    "                      '+' .. id .. head .. m .. d)\n"                    \
    "  n, a, k = n + 2, a + 6, k + 1\n"                                       \
    "end\n"                                                                   \
    "if a > last then return reply end\n"

#define PUBLISH                                                               \
    FENCE QUICK SEND                                                          \
    "while a <= last do\n"                                                    \
    "  reply[n + 1], reply[n + 2], a, k = send(a, k)\n"                       \
    "  n = n + 2\n"                                                           \
    "end\n"                                                                   \
    "return reply\n"

/*
 * Of entries with very large messages, as many are told as are read at once.
 * A channel without messages has an epoch, too: who begins to read it comes
 * back to where that was on any node.  A full server gives none.
 */

#define READ                                                                  \
    FENCE BEGIN                                                               \
    "local stream, reply = KEYS[3], ''\n"                                     \
    "local found = call('XRANGE', stream, ARGV[2], '+', 'COUNT', ARGV[3])\n"  \
    "if #found > 0 then\n"                                                    \
    "  local size = 0\n"                                                      \
    "  for i, entry in ipairs(found) do\n"                                    \
    "    size = size + (i > 1 and #(entry[2][4] or '') or 0)\n"               \
    "    if size > tonumber(ARGV[5]) and i < #found then\n"                   \
    "      found[i + 1] = nil\n"                                              \
    "      return { '+', found }\n"                                           \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "  return { reply, found }\n"                                             \
    "end\n"                                                                   \
    "local e, o = top(stream)\n"                                              \
    "if e == 0 then\n"                                                        \
    "  local done, epoch = pcall(begin)\n"                                    \
    "  if not done then return { reply, found } end\n"                        \
    "  e, o = tonumber(epoch), 0\n"                                           \
    "  call('XADD', stream, 'MAXLEN', '=', 0, epoch .. '-0', 'x', 't')\n"     \
    "end\n"                                                                   \
    "if o == 0 then call('PEXPIRE', stream, ARGV[4]) end\n"                   \
    "return { text(e) .. '-' .. text(o), found }\n"

/*
 * While a node tells whom it has, MEMBER notes who comes and goes: what the
 * node has read of itself may be older.  A server that has lost a member hears
 * that it leaves.
 */

#define MEMBER                                                                \
    FENCE SEND                                                                \
    "local op, node, session = ARGV[2], ARGV[3], ARGV[4]\n"                   \
    "local channel, value = ARGV[5], ARGV[6]\n"                               \
    "local members, own, nodes = KEYS[3], KEYS[4], KEYS[5]\n"                 \
    "local field, day = node .. ':' .. session, 86400000\n"                   \
    "local known, key = prefix .. 'm:' .. node, channel .. ' ' .. session\n"  \
    "local tells = call('EXISTS', known) == 1\n"                              \
    "local changed = 0\n"                                                     \
    "if op == 'j' then\n"                                                     \
    "  changed = call('HSET', members, field, value)\n"                       \
    "  call('PEXPIRE', members, day)\n"                                       \
    "  if changed == 1 then call('HINCRBY', own, channel, 1) end\n"           \
    "  call('PEXPIRE', own, day)\n"                                           \
    "elseif op == 'l' or call('ZSCORE', nodes, node) == '0' then\n"           \
    "  changed = call('HDEL', members, field)\n"                              \
    "  if changed == 1 and call('HINCRBY', own, channel, -1) <= 0 then\n"     \
    "    call('HDEL', own, channel)\n"                                        \
    "  end\n"                                                                 \
    "  if tells and op == 'l' and call('HGET', known, key) ~= 'l' then\n"     \
    "    changed = 1\n"                                                       \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "if tells then call('HSET', known, key, op == 'j' and 'j' or 'l') end\n"  \
    "local reply = { changed, call('HLEN', members) }\n"                      \
    "if changed == 1 and #ARGV > 6 then\n"                                    \
    "  reply[3], reply[4] = send(7, 6)\n"                                     \
    "end\n"                                                                   \
    "return reply\n"

#define MINE                                                                  \
    FENCE                                                                     \
    "local members, own, known = KEYS[2], KEYS[3], KEYS[4]\n"                 \
    "local node, channel, what = ARGV[2], ARGV[3], ARGV[4]\n"                 \
    "local function is(key, value)\n"                                         \
    "  return call('HGET', known, key) == value\n"                            \
    "end\n"                                                                   \
    "local function close()\n"                                                \
    "  local reply, at = {}, '0'\n"                                           \
    "  repeat\n"                                                              \
    "    local found = call('HSCAN', own, at, 'COUNT', 64)\n"                 \
    "    at = found[1]\n"                                                     \
    "    for i = 1, #found[2], 2 do\n"                                        \
    "      if not is(found[2][i], 'e') then\n"                                \
    "        reply[#reply + 1] = found[2][i]\n"                               \
    "      end\n"                                                             \
    "    end\n"                                                               \
    "  until at == '0' or #reply >= 64\n"                                     \
    "  if #reply == 0 then call('DEL', known) end\n"                          \
    "  return reply\n"                                                        \
    "end\n"                                                                   \
    "local function clear()\n"                                                \
    "  local n, at, gone = 0, '0', {}\n"                                      \
    "  repeat\n"                                                              \
    "    local found = call('HSCAN', members, at, 'MATCH', node .. ':*',\n"   \
    "                       'COUNT', 256)\n"                                  \
    "    at = found[1]\n"                                                     \
    "    for i = 1, #found[2], 2 do\n"                                        \
    "      local session = string.sub(found[2][i], #node + 2)\n"              \
    "      if is(channel .. ' ' .. session, 'j') then\n"                      \
    "        n = n + 1\n"                                                     \
    "      else\n"                                                            \
    "        gone[#gone + 1] = found[2][i]\n"                                 \
    "      end\n"                                                             \
    "    end\n"                                                               \
    "  until at == '0'\n"                                                     \
    "  for _, field in ipairs(gone) do call('HDEL', members, field) end\n"    \
    "  call('HDEL', own, channel)\n"                                          \
    "  if n > 0 then call('HSET', own, channel, n) end\n"                     \
    "  call('HSET', known, channel, 'e')\n"                                   \
    "end\n"                                                                   \
    "if what == 'o' then\n"                                                   \
    "  call('HSET', known, '', '')\n"                                         \
    "elseif call('EXISTS', known) == 0 then\n"                                \
    "  return -1\n"                                                           \
    "end\n"                                                                   \
    "call('PEXPIRE', known, 60000)\n"                                         \
    "if what == 'c' then return close() end\n"                                \
    "for a = 5, #ARGV, 2 do\n"                                                \
    "  local key = channel .. ' ' .. ARGV[a]\n"                               \
    "  if not is(key, 'l') then\n"                                            \
    "    call('HSET', members, node .. ':' .. ARGV[a], ARGV[a + 1])\n"        \
    "    call('HSET', known, key, 'j')\n"                                     \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "call('PEXPIRE', members, 86400000)\n"                                    \
    "if what == 'e' then clear() end\n"                                       \
    "call('PEXPIRE', own, 86400000)\n"                                        \
    "return 1\n"

/* which nodes live: those heard of within so many ms */

#define LIVING                                                                \
    "local function ms()\n"                                                   \
    "  local t = call('TIME')\n"                                              \
    "  return t[1] * 1000 + math.floor(t[2] / 1000)\n"                        \
    "end\n"                                                                   \
    "local function living(nodes, silent)\n"                                  \
    "  local live = {}\n"                                                     \
    "  local since = string.format('%.0f', ms() - silent)\n"                  \
    "  for _, n in ipairs(call('ZRANGEBYSCORE', nodes, since, '+inf')) do\n"  \
    "    live[n] = true\n"                                                    \
    "  end\n"                                                                 \
    "  return live\n"                                                         \
    "end\n"

/* HSCAN may return a field twice; a node that is new is not known yet */

#define MEMBERS                                                               \
    "local call = redis.call\n"                                               \
    LIVING                                                                    \
    "local limit, since = tonumber(ARGV[1]), ms() - ARGV[2]\n"                \
    "local dead = {}\n"                                                       \
    "for _, n in ipairs(call('ZRANGEBYSCORE', KEYS[2], '-inf',\n"             \
    "                        '(' .. string.format('%.0f', since))) do\n"      \
    "  dead[n] = true\n"                                                      \
    "end\n"                                                                   \
    "local reply, seen, at = { call('HLEN', KEYS[1]) }, {}, '0'\n"            \
    "repeat\n"                                                                \
    "  local found = call('HSCAN', KEYS[1], at, 'COUNT', 100)\n"              \
    "  at = found[1]\n"                                                       \
    "  for i = 1, #found[2], 2 do\n"                                          \
    "    local field = found[2][i]\n"                                         \
    "    local node = string.match(field, '^[^:]*')\n"                        \
    "    if limit > 0 and not dead[node] and not seen[field] then\n"          \
    "      seen[field], limit = true, limit - 1\n"                            \
    "      reply[#reply + 1] = field\n"                                       \
    "      reply[#reply + 1] = found[2][i + 1]\n"                             \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "until at == '0' or limit == 0\n"                                         \
    "return reply\n"

#define BEAT                                                                  \
    "local call = redis.call\n"                                               \
    LIVING                                                                    \
    "local node, nodes, time = ARGV[1], KEYS[2], ms()\n"                      \
    "local since = string.format('%.0f', time - ARGV[2])\n"                   \
    "local last = call('ZSCORE', nodes, node)\n"                              \
    "call('ZADD', nodes, string.format('%.0f', time), node)\n"                \
    "return { time, call('GET', KEYS[1]) or '',\n"                            \
    "         tonumber(call('GET', KEYS[3]) or 0),\n"                         \
    "         (not last or last == '0' or last % 1 ~= 0) and 1 or 0,\n"       \
    "         call('ZRANGEBYSCORE', nodes, '-inf', '(' .. since,\n"           \
    "              'LIMIT', 0, 16),\n"                                        \
    "         call('ZRANGEBYSCORE', nodes, since, '+inf') }\n"

#define BURY                                                                  \
    "local call = redis.call\n"                                               \
    LIVING                                                                    \
    "local node, by = ARGV[1], ARGV[2]\n"                                     \
    "local nodes, grave, own = KEYS[1], KEYS[2], KEYS[3]\n"                   \
    "local members = string.sub(nodes, 1, -6) .. 'p:'\n"                      \
    "local last = tonumber(call('ZSCORE', nodes, node) or -1)\n"              \
    "if last == -1 then return { -1 } end\n"                                  \
    "if last ~= 0 and last >= ms() - ARGV[3] then return { 0 } end\n"         \
    "if not call('SET', grave, by, 'NX', 'PX', ARGV[4])\n"                    \
    "   and call('GET', grave) ~= by\n"                                       \
    "then\n"                                                                  \
    "  return { 0 }\n"                                                        \
    "end\n"                                                                   \
    "call('PEXPIRE', grave, ARGV[4])\n"                                       \
    "call('ZADD', nodes, 0, node)\n"                                          \
    "\n"                                                                      \
    "local function left(channel)\n"                                          \
    "  local reply, at = { 1, channel }, '0'\n"                               \
    "  repeat\n"                                                              \
    "    local found = call('HSCAN', members .. channel, at, 'MATCH',\n"      \
    "                       node .. ':*', 'COUNT', 256)\n"                    \
    "    at = found[1]\n"                                                     \
    "    for i = 1, math.min(#found[2], 256), 2 do\n"                         \
    "      reply[#reply + 1] = string.sub(found[2][i], #node + 2)\n"          \
    "      reply[#reply + 1] = found[2][i + 1]\n"                             \
    "    end\n"                                                               \
    "  until at == '0' or #reply > 64\n"                                      \
    "  return #reply > 2 and reply\n"                                         \
    "end\n"                                                                   \
    "\n"                                                                      \
    "local at = '0'\n"                                                        \
    "repeat\n"                                                                \
    "  local found = call('HSCAN', own, at, 'COUNT', 64)\n"                   \
    "  at = found[1]\n"                                                       \
    "  for i = 1, #found[2], 2 do\n"                                          \
    "    local reply = left(found[2][i])\n"                                   \
    "    if reply then return reply end\n"                                    \
    "    call('HDEL', own, found[2][i])\n"                                    \
    "  end\n"                                                                 \
    "until at == '0'\n"                                                       \
    "call('ZREM', nodes, node)\n"                                             \
    "call('DEL', grave, own)\n"                                               \
    "return { -1 }\n"

/* a revocation replaces one of the same key, and never takes anything back */

#define REVOKE                                                                \
    "local call = redis.call\n"                                               \
    "local key, max = ARGV[1], tonumber(ARGV[5])\n"                           \
    "local time, till = tonumber(ARGV[2]), tonumber(ARGV[3])\n"               \
    "local was = call('HGET', KEYS[1], key)\n"                                \
    "if was then\n"                                                           \
    "  local t, u = string.match(was, '^(%d+) (%d+)$')\n"                     \
    "  time, till = math.max(time, t), math.max(till, u)\n"                   \
    "elseif call('HLEN', KEYS[1]) >= max then\n"                              \
    "  local all = call('HGETALL', KEYS[1])\n"                                \
    "  for i = 1, #all, 2 do\n"                                               \
    "    local u = string.match(all[i + 1], ' (%d+)$')\n"                     \
    "    if tonumber(u) <= tonumber(ARGV[4]) then\n"                          \
    "      call('HDEL', KEYS[1], all[i])\n"                                   \
    "    end\n"                                                               \
    "  end\n"                                                                 \
    "  if call('HLEN', KEYS[1]) >= max then return 0 end\n"                   \
    "end\n"                                                                   \
    "call('HSET', KEYS[1], key, string.format('%.0f %.0f', time, till))\n"    \
    "local n = call('INCR', KEYS[2])\n"                                       \
    "call('PUBLISH', string.sub(KEYS[1], 1, -4) .. 'ctl', 'r' .. n)\n"        \
    "return n\n"

/* what a node had in another generation is void: it sets its numbers anew */

#define LIMIT                                                                 \
    "local call = redis.call\n"                                               \
    LIVING                                                                    \
    "local op, node, ttl = ARGV[1], ARGV[2], ARGV[4]\n"                       \
    "local g = ':' .. string.sub(call('GET', KEYS[1]) or '', 1, 16)\n"        \
    "local own = node .. g\n"                                                 \
    "if op == 'a' then\n"                                                     \
    "  local live = living(KEYS[2], ARGV[3])\n"                               \
    "  live[node] = true\n"                                                   \
    "  for k = 3, #KEYS do\n"                                                 \
    "    local sum, all = 0, call('HGETALL', KEYS[k])\n"                      \
    "    for i = 1, #all, 2 do\n"                                             \
    "      local other, its = string.match(all[i], '^(.*)(:.*)$')\n"          \
    "      if live[other] and its == g then\n"                                \
    "        sum = sum + all[i + 1]\n"                                        \
    "      else\n"                                                            \
    "        call('HDEL', KEYS[k], all[i])\n"                                 \
    "      end\n"                                                             \
    "    end\n"                                                               \
    "    if sum >= tonumber(ARGV[k + 2]) then return k - 2 end\n"             \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "for k = 3, #KEYS do\n"                                                   \
    "  local n = tonumber(ARGV[k + 2])\n"                                     \
    "  if op == 'a' then\n"                                                   \
    "    n = call('HINCRBY', KEYS[k], own, 1)\n"                              \
    "  elseif op == 'r' then\n"                                               \
    "    n = call('HINCRBY', KEYS[k], own, -n)\n"                             \
    "  else\n"                                                                \
    "    call('HSET', KEYS[k], own, n)\n"                                     \
    "  end\n"                                                                 \
    "  if n <= 0 then call('HDEL', KEYS[k], own) end\n"                       \
    "  call('PEXPIRE', KEYS[k], ttl)\n"                                       \
    "end\n"                                                                   \
    "return 0\n"

/* one who was not there when it was deleted hears of it, too */

#define DELETE                                                                \
    FENCE ADD                                                                 \
    "local stream, id = KEYS[3], ''\n"                                        \
    "local last, o = top(stream)\n"                                           \
    "if o ~= 0 then\n"                                                        \
    "  local newest = call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]\n"   \
    "  if not newest or newest[2][1] ~= 'x' or newest[2][2] ~= 'd' then\n"    \
    "    id = begin(last + 1, ARGV[2] + 1) .. '-1'\n"                         \
    "    call('XADD', stream, 'MAXLEN', '=', 1, id, 'x', 'd')\n"              \
    "    call('PEXPIRE', stream, ARGV[3])\n"                                  \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "local name = string.sub(stream, #prefix + 3)\n"                          \
    "local n = call('PUBLISH', prefix .. 'c:' .. name,\n"                     \
    "               'x' .. (id ~= '' and id or '0-0'))\n"                     \
    "return { id, n }\n"

#define GENERATION                                                            \
    "local call = redis.call\n"                                               \
    TIME                                                                      \
    "local gen = call('GET', KEYS[1])\n"                                      \
    "if not gen and ARGV[2] == '1' and call('EXISTS', KEYS[2]) == 0 then\n"   \
    "  gen = ARGV[1] .. ':' .. string.format('%.0f', now())\n"                \
    "  call('SET', KEYS[1], gen)\n"                                           \
    "end\n"                                                                   \
    "if gen and string.sub(gen, 1, 16) == ARGV[1] then\n"                     \
    "  local ms = string.format('%.0f.5', math.floor(now() / 1000))\n"        \
    "  call('ZADD', KEYS[2], 'NX', ms, ARGV[3])\n"                            \
    "end\n"                                                                   \
    "return gen or ''\n"

#define TOPS                                                                  \
    "local call = redis.call\n"                                               \
    ID                                                                        \
    "local reply = {}\n"                                                      \
    "for i = 1, #KEYS do\n"                                                   \
    "  local e, o = top(KEYS[i])\n"                                           \
    "  reply[i] = text(e) .. '-' .. text(o)\n"                                \
    "end\n"                                                                   \
    "return reply\n"

/* a message is better than that it is missed */

#define BRING                                                                 \
    BEFORE("0")                                                               \
    "local channel, ttl, k = ARGV[2], ARGV[3], 4\n"                           \
    "for a = 6, #ARGV, 3 do\n"                                                \
    "  local lost = ARGV[a + 1] == 'xt'\n"                                    \
    "  call(lost and 'HSETNX' or 'HSET', KEYS[2], ARGV[a], ARGV[a + 1])\n"    \
    "  if ARGV[a + 2] ~= '' then\n"                                           \
    "    call('SET', KEYS[k], ARGV[a], 'NX', 'PX', ARGV[a + 2])\n"            \
    "    k = k + 1\n"                                                         \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "for i, field in ipairs({ 'length', 'ttl' }) do\n"                        \
    "  local was = tonumber(call('HGET', KEYS[2], field) or 0)\n"             \
    "  if tonumber(ARGV[3 + i]) > was then\n"                                 \
    "    call('HSET', KEYS[2], field, ARGV[3 + i])\n"                         \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "call('PEXPIRE', KEYS[2], ttl)\n"                                         \
    "call('SADD', KEYS[3], channel)\n"                                        \
    "call('PEXPIRE', KEYS[3], ttl)\n"                                         \
    "return 1\n"

/*
 * Waited for is who was heard of shortly before the last one was: the others
 * were dead before the server was.
 */

#define READY                                                                 \
    BEFORE("{ 0, 0, gen }")                                                   \
    LIVING                                                                    \
    "local done, wanted, till = KEYS[2], KEYS[3], KEYS[4]\n"                  \
    "local node, wait, ttl = ARGV[2], ARGV[3], ARGV[4]\n"                     \
    "local last = call('ZRANGE', KEYS[5], -1, -1, 'WITHSCORES')[2]\n"         \
    "if last and call('EXISTS', till) == 0 then\n"                            \
    "  local since = string.format('%.0f', math.max(last - 10000, 1))\n"      \
    "  for _, n in ipairs(call('ZRANGEBYSCORE', KEYS[5], since, '+inf')) do\n"\
    "    call('SADD', wanted, n)\n"                                           \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "for i = 5, #ARGV do call('SADD', wanted, ARGV[i]) end\n"                 \
    "call('SADD', done, node)\n"                                              \
    "call('SET', till, string.format('%.0f', ms() + wait), 'NX', 'PX', ttl)\n"\
    "call('DEL', KEYS[6])\n"                                                  \
    "call('HSET', KEYS[6], '', '')\n"                                         \
    "for _, i in ipairs({ 2, 3, 4, 6 }) do\n"                                 \
    "  call('PEXPIRE', KEYS[i], ttl)\n"                                       \
    "end\n"                                                                   \
    "call('ZADD', KEYS[5], 'NX', string.format('%.0f', ms()), node)\n"        \
    "if gen then\n"                                                           \
    "  gen = string.rep('0', 16) .. string.sub(gen, 17)\n"                    \
    "  call('SET', KEYS[1], gen)\n"                                           \
    "end\n"                                                                   \
    "local left = math.max(call('GET', till) - ms(), 0)\n"                    \
    "return { #call('SDIFF', wanted, done), left, gen or '' }\n"

/*
 * Above the newest entry, a hole of one epoch is filled, and one that is longer
 * than the history makes what is before it useless.  What was brought twice,
 * or is there, is passed over.
 */

#define MERGE                                                                 \
    BEFORE("-1")                                                              \
    ID                                                                        \
    "local stream, brought, n, list = KEYS[3], KEYS[4], 0, {}\n"              \
    "local length = tonumber(call('HGET', brought, 'length') or 0)\n"         \
    "local ttl = tonumber(call('HGET', brought, 'ttl') or 0)\n"               \
    "for _, id in ipairs(call('HKEYS', brought)) do\n"                        \
    "  local e, o = split(id)\n"                                              \
    "  if e then list[#list + 1] = { e = e, o = o, id = id } end\n"           \
    "end\n"                                                                   \
    "table.sort(list, function(a, b)\n"                                       \
    "  return a.e < b.e or a.e == b.e and a.o < b.o\n"                        \
    "end)\n"                                                                  \
    "local e, o = top(stream)\n"                                              \
    "local function put(...)\n"                                               \
    "  local most = o > 2^53 and length + 1 or o > 0 and length or 0\n"       \
    "  call('XADD', stream, 'MAXLEN', '=', most,\n"                           \
    "       text(e) .. '-' .. text(o), ...)\n"                                \
    "end\n"                                                                   \
    "for _, it in ipairs(list) do\n"                                          \
    "  if it.e > e or it.e == e and it.o > o then\n"                          \
    "    local content = call('HGET', brought, it.id)\n"                      \
    "    local before = string.match(content, '^xe(%d+)$')\n"                 \
    "    before = before and tonumber(before) or it.o - 1\n"                  \
    "    if it.e == e and before + 1 - o > length then\n"                     \
    "      call('XTRIM', stream, 'MAXLEN', '=', 0)\n"                         \
    "    elseif it.e == e then\n"                                             \
    "      while o < before do\n"                                             \
    "        o = o + 1\n"                                                     \
    "        put('x', 't')\n"                                                 \
    "      end\n"                                                             \
    "    end\n"                                                               \
    "    e, o = it.e, it.o\n"                                                 \
    "    if string.sub(content, 1, 1) == 'x' then\n"                          \
    "      put('x', string.sub(content, 2))\n"                                \
    "    else\n"                                                              \
    "      local size, past = string.match(content, '^(%d+) ()')\n"           \
    "      put('m', string.sub(content, past, past + size - 1),\n"            \
    "          'd', string.sub(content, past + size))\n"                      \
    "    end\n"                                                               \
    "    n = n + 1\n"                                                         \
    "  end\n"                                                                 \
    "end\n"                                                                   \
    "if e ~= 0 then\n"                                                        \
    "  call('PEXPIRE', stream, math.max(call('PTTL', stream), ttl))\n"        \
    "end\n"                                                                   \
    "if e > tonumber(call('GET', KEYS[2]) or 0) then\n"                       \
    "  call('SET', KEYS[2], text(e))\n"                                       \
    "end\n"                                                                   \
    "return n\n"

#define FINISH                                                                \
    BEFORE("gen")                                                             \
    TIME                                                                      \
    "local floor = math.max(ARGV[2],\n"                                       \
    "                       gen and string.sub(gen, 18) or 0)\n"              \
    "if ARGV[3] == '1' then\n"                                                \
    "  floor = math.max(floor, now(), (call('GET', KEYS[2]) or 0) + 1)\n"     \
    "end\n"                                                                   \
    "gen = ARGV[1] .. ':' .. string.format('%.0f', floor)\n"                  \
    "call('SET', KEYS[1], gen)\n"                                             \
    "call('DEL', KEYS[3], KEYS[4], KEYS[5], KEYS[6])\n"                       \
    "call('PUBLISH', string.sub(KEYS[1], 1, -4) .. 'ctl', 'g' .. gen)\n"      \
    "return gen\n"

/* where the lease is another node's, and is not over, it stays so */

#define TAKE                                                                  \
    "local call = redis.call\n"                                               \
    LIVING                                                                    \
    "local ing, node, known = KEYS[1], ARGV[1], ARGV[3]\n"                    \
    "local was = call('HMGET', ing, 'node', 'till', 'mark', 'n')\n"           \
    "local mark, n = was[3], tonumber(was[4] or 0)\n"                         \
    "if was[1] and was[1] ~= node and tonumber(was[2]) > ms() then\n"         \
    "  return { was[1], mark, n }\n"                                          \
    "end\n"                                                                   \
    "if not mark or known ~= mark then\n"                                     \
    "  local t = call('TIME')\n"                                              \
    "  mark, n = t[1] .. string.format('%06d', t[2]), 0\n"                    \
    "  if mark == was[3] then mark = mark .. '+' end\n"                       \
    "  call('PUBLISH', ing, 'm' .. mark)\n"                                   \
    "end\n"                                                                   \
    "call('HSET', ing, 'node', node, 'mark', mark, 'n', n,\n"                 \
    "     'till', string.format('%.0f', ms() + ARGV[2]))\n"                   \
    "return { node, mark, n }\n"

#define INGEST                                                                \
    FENCE SEND                                                                \
    "local ing, node, mark, n = KEYS[3], ARGV[2], ARGV[3], tonumber(ARGV[4])\n"\
    "local was = call('HMGET', ing, 'node', 'mark', 'n')\n"                   \
    "if was[1] ~= node or was[2] ~= mark then return { '', 0 } end\n"         \
    "if n <= tonumber(was[3]) then return { '=', 0 } end\n"                   \
    "if n ~= was[3] + 1 then return { '', 0 } end\n"                          \
    "local id, heard = send(5, 4)\n"                                          \
    "call('HSET', ing, 'n', ARGV[4])\n"                                       \
    "return { id, heard }\n"


const ngx_websocket_script_t  ngx_websocket_scripts[NGX_WEBSOCKET_SCRIPTS] = {
    ngx_websocket_script("publish", PUBLISH),
    ngx_websocket_script("read", READ),
    ngx_websocket_script("member", MEMBER),
    ngx_websocket_script("mine", MINE),
    ngx_websocket_script("members", MEMBERS),
    ngx_websocket_script("beat", BEAT),
    ngx_websocket_script("bury", BURY),
    ngx_websocket_script("revoke", REVOKE),
    ngx_websocket_script("limit", LIMIT),
    ngx_websocket_script("delete", DELETE),
    ngx_websocket_script("generation", GENERATION),
    ngx_websocket_script("tops", TOPS),
    ngx_websocket_script("bring", BRING),
    ngx_websocket_script("ready", READY),
    ngx_websocket_script("merge", MERGE),
    ngx_websocket_script("finish", FINISH),
    ngx_websocket_script("take", TAKE),
    ngx_websocket_script("ingest", INGEST)
};
