# SQLite's test/speedtest1.c, as it is.
include tests/xen/sqlite/app.mk
APP_CFLAGS	+= -isystem $(SQLITE_SRC)/test
