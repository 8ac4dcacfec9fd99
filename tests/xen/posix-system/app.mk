APP_LIBS := -lnoprocess
