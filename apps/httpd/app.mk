# The parser; LLHTTP_SRC=FOLDER takes another.
LLHTTP_SRC	?= $(SRC)/llhttp
APP_CFLAGS	:= -I $(LLHTTP_SRC) -DLLHTTP_STRICT_MODE=1
APP_SOURCES	:= $(addprefix $(LLHTTP_SRC)/,api.c http.c llhttp.c)
