# The two commands: make run, make test. See CONTRIBUTING.md for the rest.
SHELL = /bin/sh
PORTAL_SOURCES = $(shell find portal docs -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

.PHONY: run test bench build install-build install-test asan tsan clean

run: build
	@scripts/run

build: install-build portal/dist/index.html
	@test -f build/release/build.ninja || meson setup build/release >/dev/null
	@ninja -C build/release --quiet strowger strowger-script-worker
	@ln -sf release/strowger build/strowger

install-build:
	@test -n "$(SKIP_INSTALL)" || scripts/install build portal
	@mkdir -p build

install-test:
	@test -n "$(SKIP_INSTALL)" || scripts/install build portal test

portal/node_modules/.installed: portal/package-lock.json
	@node=$$(scripts/node) && cd portal && PATH="$$node:$$PATH" npm ci --silent --no-fund --no-audit
	@touch $@

portal/dist/index.html: portal/node_modules/.installed $(PORTAL_SOURCES)
	@node=$$(scripts/node) && cd portal && PATH="$$node:$$PATH" npm run --silent build

tests/node_modules/.installed: tests/package-lock.json
	@node=$$(scripts/node) && cd tests && PATH="$$node:$$PATH" npm ci --silent --no-fund --no-audit
	@touch $@

# The same program, with AddressSanitizer and UndefinedBehaviorSanitizer: what the tests run. At -O1 it is
# built in half the time.
asan: portal/dist/index.html
	@test -f build/asan/build.ninja || meson setup build/asan -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dtests=true >/dev/null
	@ninja -C build/asan --quiet

# And with ThreadSanitizer, for what runs in several threads.
tsan: portal/dist/index.html
	@test -f build/tsan/build.ninja || meson setup build/tsan -Doptimization=1 -Db_sanitize=thread -Db_lundef=false -Dtests=true >/dev/null
	@ninja -C build/tsan --quiet

test: install-test build asan tsan tests/node_modules/.installed
	@scripts/test

bench: build
	@test -n "$(SKIP_INSTALL)" || scripts/install bench
	@ninja -C build/release --quiet bench/flow_bench bench/route_bench bench/script_bench bench/tag_bench bench/curl_bench bench/codec_bench bench/rtp_load
	@bench/run

clean:
	rm -rf build portal/dist
