# The parser; LLHTTP_SRC=FOLDER takes another.
LLHTTP_SRC	?= $(SRC)/llhttp
APP_CFLAGS	:= -D_GNU_SOURCE -I $(LLHTTP_SRC) -DLLHTTP_STRICT_MODE=1
APP_LIBS	:= -u shell_start
APP_SOURCES	:= $(addprefix $(LLHTTP_SRC)/,api.c http.c llhttp.c)

# What is not C is in status.c too.
$(BUILD)/httpd/status.o: apps/httpd/status.html

# `make run` lets this machine in, if nothing else is asked for.
ifeq ($(APP),httpd)
NET		?= forward=8080:80
endif
