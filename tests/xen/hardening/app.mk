# It asks the kernel itself.  Frames that are not probed are tried, too.
APP_KERNEL := yes
APP_CFLAGS := -D_FORTIFY_SOURCE=2 -w
