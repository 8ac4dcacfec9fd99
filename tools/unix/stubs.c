#include "tender.h"
void disk_add(const char *w){(void)w;} void disks_start(void){} void disk_words(FILE*f){(void)f;}
void net_add(const char *w){(void)w;} void net_forward(const char*w){(void)w;} void net_start(void){}
void control_start(const char*p){(void)p;} void control_end(void){} void write_perf_map(const char*i,pid_t p){(void)i;(void)p;}
