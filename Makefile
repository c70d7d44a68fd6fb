# convex_migrate: move a PostgreSQL database into Convex.
#
#   make, make install, make installcheck   as for every PGXS extension;
#                                           PG_CONFIG=… chooses the server
#   make demo                               see it work, on a private cluster
#   make test                               all tests; installs what is missing
#   make bench                              benchmarks
#   make chaos                              1,000 migrations to which something happens
#   make bridge-soak                        convex-bridge with 200,000 rows
#   make export-soak                        convex_export() with 10,000,000 rows
#   make bridge-image                       what the Dockerfile builds, in a chroot
#   make fuzz                               random inputs and schemas, for minutes
#   make valgrind                           memcheck over the encoder
#
# Variables: WERROR=1 makes warnings errors; HOSTILE=1 runs regression files in
# a session whose settings change how values are printed.

EXTENSION = convex_migrate
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" convex_migrate.control)
DATA = convex_migrate--$(EXTVERSION).sql

MODULE_big = convex_migrate
OBJS = convex_migrate.o $(patsubst %.c,%.o,$(sort $(wildcard src/*/*.c)))

# Regression files: those that need a deployment, in CONVEX_URL and CONVEX_KEY,
# and all others, which "make installcheck" runs. tests/run.sh runs both.
REGRESS_CONVEX = migrate matching cycles failures session drift
REGRESS = $(filter-out $(REGRESS_CONVEX),$(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql))))
REGRESS_OPTS = --encoding=UTF8
ifdef HOSTILE
REGRESS_OPTS += --launcher=tests/regress/hostile.sh
endif

SCRIPTS_built = bridge/convex-bridge

PG_CONFIG ?= pg_config
PKG_CONFIG ?= pkg-config
LIBRARIES = libcurl libcjson libisal libzstd

# PostgreSQL's headers are system headers to us: they are not clean under
# -Wextra. Of PostgreSQL's own flags one is excused, since we write C11:
# declaration-after-statement. A server built by gcc hands clang flags that
# clang does not know, and a printf attribute in its headers: named below.
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server) \
	-DCM_VERSION='"$(EXTVERSION)"' $(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
PG_CFLAGS = -std=gnu11 -Wall -Wextra -Wno-declaration-after-statement
ifneq (,$(findstring clang,$(CC)))
PG_CFLAGS += -Wno-ignored-optimization-argument -Wno-unknown-warning-option \
	-Wno-ignored-attributes
endif
ifdef WERROR
PG_CFLAGS += -Werror
endif
SHLIB_LINK = $(shell $(PKG_CONFIG) --libs $(LIBRARIES))

EXTRA_CLEAN = src/generate/migrate_template.h src/catalog/left_behind_query.h results regression.diffs regression.out

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h src/*/*.h) convex_migrate.control

# Texts as lines of a C string: the functions that convex_functions() prints, and
# a query that convex-bridge has too.
AS_C_STRING = sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/"&\\n"/'

src/generate/migrate_template.h: src/generate/migrate.ts.in
	$(AS_C_STRING) $< > $@

src/catalog/left_behind_query.h: src/catalog/left_behind.sql.in
	$(AS_C_STRING) $< > $@

src/generate/functions.o src/generate/functions.bc: src/generate/migrate_template.h
src/catalog/left_behind.o src/catalog/left_behind.bc: src/catalog/left_behind_query.h

# The program convex-bridge is one file, made of its parts.
bridge/convex-bridge: $(wildcard bridge/*.sh bridge/sql/*.sql) src/catalog/provider.c src/catalog/left_behind.sql.in
	bridge/build.sh '$(bindir)' > $@
	chmod 755 $@

.PHONY: demo test bench bridge-soak export-soak bridge-image chaos fuzz valgrind print-regress print-regress-convex

# For scripts: the names of regression files.
print-regress:
	@echo $(REGRESS)

print-regress-convex:
	@echo $(REGRESS_CONVEX)

demo:
	tests/setup.sh
	tests/demo.sh

test:
	tests/setup.sh
	tests/run.sh

bench:
	tests/setup.sh
	tests/bench/run.sh

chaos:
	tests/setup.sh
	tests/chaos/run.sh

bridge-soak: install
	tests/setup.sh
	cd tests && PG_CONFIG=$(PG_CONFIG) node --test soak/bridge.test.mjs

export-soak: install
	tests/setup.sh
	cd tests && PG_CONFIG=$(PG_CONFIG) node --test soak/export.test.mjs

bridge-image: install
	tests/setup.sh mmdebstrap
	cd tests && PG_CONFIG=$(PG_CONFIG) node --test soak/image.test.mjs

fuzz:
	tests/setup.sh libclang-rt-dev
	tests/fuzz/run.sh
	if [ -x tests/property/fuzz.sh ]; then tests/property/fuzz.sh; fi

valgrind:
	tests/setup.sh valgrind libc6-dbg
	tests/valgrind/run.sh
