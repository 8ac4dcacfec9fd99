# SQLite, as in the test.
include tests/xen/sqlite/app.mk
