# SQLite's own tests that are written in C, and SQLite with the counters of its I/O error tests.
include tests/xen/sqlite/app.mk
APP_CFLAGS	+= -DSQLITE_TEST -isystem $(SQLITE_SRC)/test -isystem $(SQLITE_SRC)/src
