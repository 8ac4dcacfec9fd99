# It asks the kernel itself.
APP_KERNEL := yes
