APP_CFLAGS := -fno-builtin -Wno-alloc-size-larger-than
# It clears freed memory itself.
APP_KERNEL := yes
