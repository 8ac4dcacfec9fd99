# SQLite as the distribution has it, in one file, which its own scripts make (with tclsh).
SQLITE_SRC	?= $(SRC)/sqlite3
SQLITE		:= $(BUILD)/sqlite3
APP_SOURCES	:= $(SQLITE)/sqlite3.c
APP_CFLAGS	:= -I $(SQLITE) -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE \
		   -DHAVE_FDATASYNC -DHAVE_USLEEP -DHAVE_LOCALTIME_R

# Other images include this file.
ifndef SQLITE_RULE
SQLITE_RULE	:= yes
$(SQLITE)/sqlite3.c: $(if $(filter $(SRC)/%,$(SQLITE_SRC)),$(SQLITE_SRC)/.pin)
	@command -v tclsh > /dev/null || { echo "tclsh is not installed: apt-get install tcl" >&2; exit 1; }
	@echo "  SQLITE  $@"
	$(Q)mkdir -p $(@D) && cd $(@D) && { sh $(abspath $(SQLITE_SRC))/configure --disable-tcl \
		--disable-shared && $(MAKE) -s sqlite3.c; } > log 2>&1 || { tail -n 5 log >&2; exit 1; }
endif
