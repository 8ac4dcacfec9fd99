APP_CFLAGS := -fno-builtin -Wno-alloc-size-larger-than
