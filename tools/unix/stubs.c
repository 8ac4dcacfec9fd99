#include "tender.h"
void control_start(const char*p){(void)p;} void control_end(void){} void write_perf_map(const char*i,pid_t p){(void)i;(void)p;}
