# apps/httpd's sources with another main(), and OpenSSL.
LLHTTP_SRC	?= $(SRC)/llhttp
APP_CFLAGS	:= -D_GNU_SOURCE -I $(LLHTTP_SRC) -DLLHTTP_STRICT_MODE=1
APP_LIBS	:= -u shell_start -lssl -lcrypto
APP_SOURCES	:= $(filter-out %/main.c,$(wildcard apps/httpd/*.c)) $(addprefix $(LLHTTP_SRC)/,api.c http.c llhttp.c)
APP_PORTS	:= openssl

$(BUILD)/httpsd/status.o: apps/httpd/status.html

ifeq ($(APP),httpsd)
NET		?= forward=8443:443
endif
