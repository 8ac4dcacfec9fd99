/* SPDX-License-Identifier: ISC */
/* noconsole DOMID: removes Xen's console from an HVM domain, as on EC2. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define HVM_OP 34			/* xen/xen.h, xen/hvm/hvm_op.h, xen/hvm/params.h */
#define SET_PARAM 0
#define CONSOLE_PFN 17
#define CONSOLE_EVTCHN 18

struct hypercall {			/* linux/privcmd.h */
	uint64_t op, arg[5];
};

int main(int argc, char **argv)
{
	struct {
		uint16_t domid, pad;
		uint32_t index;
		uint64_t value;
	} param = { .domid = argc > 1 ? atoi(argv[1]) : 0 };
	struct hypercall call = { HVM_OP, { SET_PARAM, (uintptr_t)&param } };
	int fd = open("/dev/xen/privcmd", O_RDWR);

	mlockall(MCL_CURRENT);
	for (param.index = CONSOLE_PFN; param.index <= CONSOLE_EVTCHN; param.index++)
		if (ioctl(fd, _IOC(_IOC_NONE, 'P', 0, sizeof(call)), &call)) {
			perror("noconsole");
			return 1;
		}
	return 0;
}
