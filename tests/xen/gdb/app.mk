# The server for gdb; and code that is as it was written, with prologues that gdb knows.
APP_LIBS	:= -u gdb_start
APP_CFLAGS	:= -O0 -fno-split-stack
