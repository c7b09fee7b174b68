# make run     builds the module, starts nginx with the chat on port 8080, or
#              with another example: make run EXAMPLE=logger
# make test    builds the module, runs all tests
# make bench   measures it against other servers, writes build/bench/report.md

CC ?= cc
PORT ?= 8080
ADDRESS ?= 127.0.0.1
EXAMPLE ?= chat
PREFIX ?=
T ?=
TIME ?= 600

build := build
module := $(build)/modules/ngx_http_websocket_module.so
sources := config $(wildcard src/*.[ch] src/*/*.[ch])
unit := $(patsubst t/unit/%.c,$(build)/unit/%,$(wildcard t/unit/*_test.c))
fuzz := $(patsubst t/fuzz/%.c,$(build)/fuzz/%,$(wildcard t/fuzz/*_fuzz.c))

packages := nginx nginx-dev libnginx-mod-http-ndk libnginx-mod-http-ndk-dev \
    libjansson-dev libjwt-dev libhiredis-dev libpcre2-dev libssl-dev \
    systemtap-sdt-dev zlib1g-dev gcc make
test_packages := $(packages) clang libclang-rt-dev llvm \
    libtest-base-perl libtest-longstring-perl libhttp-message-perl \
    libio-socket-ssl-perl dpkg-dev libnginx-mod-http-js \
    python3 python3-websockets python3-prometheus-client python3-redis \
    redis-server redis-sentinel \
    nodejs npm chromium openssl curl valgrind

bench_packages := $(test_packages) gnuplot-nox
bench_peers := libnginx-mod-nchan golang-go \
    golang-github-gorilla-websocket-dev

flags := -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror -I src -I t/unit \
    -fsanitize=address,undefined -fno-sanitize-recover=all

.PHONY: help build run binaries test test-asan test-valgrind test-fault \
    test-broker test-builds test-extended fuzz bench bench-short bench-typed \
    bench-broker bench-instructions bench-stalls install uninstall clean \
    distclean FORCE

help:
	@sed -n 's/^# make/make/p' Makefile
	@echo "also: build install uninstall test-asan test-valgrind" \
	    "test-fault test-broker test-builds test-extended fuzz" \
	    "bench-short bench-typed" \
	    "bench-broker bench-instructions bench-stalls clean distclean"

build: $(module)

$(build)/packages: Makefile
	@t/tools/packages $(packages)
	@mkdir -p $(build) && touch $@

$(build)/test-packages: Makefile
	@t/tools/packages $(test_packages)
	@mkdir -p $(build) && touch $@ $(build)/packages

# the compiler of the last build: another one builds anew
$(build)/compiler: FORCE
	@mkdir -p $(build)
	@echo '$(CC)' | cmp -s - $@ || echo '$(CC)' > $@

$(module): $(build)/packages $(build)/compiler $(sources) t/tools/build-module
	@CC='$(CC)' t/tools/build-module $(build)

run: $(module)
	@PORT='$(PORT)' ADDRESS='$(ADDRESS)' t/tools/run $(build) '$(EXAMPLE)'

$(build)/unit/%: t/unit/%.c t/unit/*.[ch] $(sources) | $(build)/test-packages
	@mkdir -p $(@D)
	$(CC) $(flags) -o $@ $< -lz -ljwt -ljansson -lhiredis -lcrypto

$(build)/fuzz/%: t/fuzz/%.c $(sources) | $(build)/test-packages
	@mkdir -p $(@D)
	clang $(flags) -fsanitize=fuzzer -o $@ $< -lz -ljwt -ljansson -lhiredis -lcrypto

# quiet when it works, and without a network it fails within seconds
npm := npm ci --loglevel=error --no-audit --no-fund --no-update-notifier \
    --fetch-timeout=60000 --fetch-retries=2 --fetch-retry-mintimeout=1000 \
    --fetch-retry-maxtimeout=5000

$(build)/node_modules: t/package.json t/package-lock.json \
    | $(build)/test-packages
	@mkdir -p $(build)
	@cp t/package.json t/package-lock.json $(build)
	@cd $(build) && $(npm) > /dev/null && touch node_modules \
	    || { rm -rf node_modules; exit 1; }

# all, or those that are asked for, on all CPUs
binaries := $(filter $(if $(T),$(subst *,%,$(T)),%),$(unit) $(fuzz))
build_binaries := $(MAKE) -j"$$(nproc)" --no-print-directory binaries

binaries: $(binaries)
	@:

test: $(build)/test-packages $(build)/node_modules $(module)
	@+$(build_binaries)
	@t/tools/test $(build) $(T)

test-asan: $(build)/test-packages $(build)/node_modules
	@+$(build_binaries)
	@t/tools/build-asan $(build)
	@t/tools/test-asan $(build) $(T)

test-valgrind: $(build)/test-packages $(module)
	@t/tools/test-valgrind $(build) $(T)

test-fault: $(build)/test-packages $(module)
	@WEBSOCKET_LONG=1 t/tools/test $(build) t/fault/*_test.py

test-builds: $(build)/test-packages
	@WEBSOCKET_LONG=1 t/tools/test $(build) t/builds/*_test.py

test-broker: $(build)/test-packages $(module)
	@+$(build_binaries)
	@WEBSOCKET_LONG=1 t/tools/test $(build) t/broker/*_test.py

test-extended: test test-asan test-valgrind test-builds

fuzz: $(fuzz)
	@t/tools/fuzz $(build) $(TIME)

bench_flags := -std=gnu11 -O2 -Wall -Wextra -Werror
load := $(patsubst %,t/bench/%.c,client echo fanout handshake idle load meter \
    stalls)

$(build)/bench-packages: Makefile
	@t/tools/packages $(bench_packages)
	@t/tools/packages $(bench_peers) || echo "without some peers"
	@mkdir -p $(build) && touch $@

$(build)/bench/load: $(load) t/bench/load.h t/bench/frame.h \
    | $(build)/test-packages
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -o $@ $(load) -lz -lssl -lcrypto

$(build)/bench/floor: t/bench/floor.c t/bench/frame.h \
    | $(build)/test-packages
	@mkdir -p $(@D)
	$(CC) $(bench_flags) -o $@ $< -lssl -lcrypto

bench := PYTHONPATH=t/lib/python t/bench/bench
bench_needs := $(module) $(build)/bench/load $(build)/bench/floor

bench bench-short: $(build)/bench-packages $(build)/node_modules $(bench_needs)
	@$(bench) $(build) $(if $(filter bench,$@),full,short)

bench-typed: $(build)/test-packages $(bench_needs)
	@$(bench) $(build) typed

bench-instructions: $(build)/test-packages $(bench_needs)
	@$(bench) $(build) instructions '$(T)'

bench-broker: $(build)/test-packages $(bench_needs)
	@PYTHONPATH=t/lib/python /usr/bin/python3 t/bench/bench $(build) broker

bench-stalls: $(build)/bench-packages $(build)/node_modules $(bench_needs)
	@$(bench) $(build) stalls '$(T)'

modules_dir := $(DESTDIR)$(PREFIX)/usr/lib/nginx/modules
available_dir := $(DESTDIR)$(PREFIX)/usr/share/nginx/modules-available
enabled_dir := $(DESTDIR)$(PREFIX)/etc/nginx/modules-enabled

install: $(module)
	install -D -m 644 $(module) $(modules_dir)/$(notdir $(module))
	install -D -m 644 conf/mod-http-websocket.conf \
	    $(available_dir)/mod-http-websocket.conf
	mkdir -p $(enabled_dir)
	ln -sf /usr/share/nginx/modules-available/mod-http-websocket.conf \
	    $(enabled_dir)/60-mod-http-websocket.conf
ifeq ($(DESTDIR)$(PREFIX),)
	@echo 'nginx loads the module from now on.  Next: what is inside' \
	    '"http { }" of conf/minimal.conf into' \
	    '/etc/nginx/conf.d/websocket.conf, then nginx -t.'
endif

uninstall:
	rm -f $(modules_dir)/$(notdir $(module)) \
	    $(available_dir)/mod-http-websocket.conf \
	    $(enabled_dir)/60-mod-http-websocket.conf

clean:
	rm -rf $(build)/modules $(build)/nginx $(build)/unit $(build)/fuzz \
	    $(build)/fault $(build)/asks $(build)/joins $(build)/late \
	    $(build)/shout $(build)/calm $(build)/work $(build)/bench $(build)/run \
	    $(build)/servroot $(build)/variants

distclean:
	rm -rf $(build)
