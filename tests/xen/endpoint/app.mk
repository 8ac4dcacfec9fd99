# The shell on the console, too.
APP_LIBS	:= -u shell_start
