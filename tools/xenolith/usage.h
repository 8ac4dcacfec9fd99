/* SPDX-License-Identifier: ISC */
/*
 * The commands and their help.  help.py reads this file too, so that `./xenolith --help`
 * works before anything is built: it understands USAGE_* and COMMAND() as they are here.
 */
#ifndef XENOLITH_USAGE_H
#define XENOLITH_USAGE_H

#define USAGE_HEAD \
	"usage: xenolith [--json] COMMAND DOMAIN [ARGUMENT...]\n" \
	"       xenolith COMMAND --help\n" \
	"       xenolith --version\n\n"

#define USAGE_TAIL \
	"\nD is a domain's number or name.  Other commands:\n\n" \
	"  run [OPTION...] IMAGE [-- ARG...]  create a domain from an image; run --help\n" \
	"  pool IMAGE -n N        guests created ahead, for run --pool; pool --help\n" \
	"  disk make FILE --size SIZE  a file with ext4, for --disk; disk --help\n" \
	"  disk serve NAME ...    a disk for any domain; disk serve --help\n" \
	"  new NAME [--template T]  in the sources' ./xenolith: a new project; then, in its\n" \
	"  build, run, test       folder, with xenolith.toml (docs/sdk.md)\n" \
	"  add NAME..., ports     other people's libraries and programs (docs/ports.md)\n" \
	"  lab start|stop|status  the Xen host in QEMU of ./xenolith; lab --help\n" \
	"  ec2 WORD...            run an image on Amazon EC2; ec2 --help\n"

#define USAGE_POOL \
	"usage: xenolith pool [OPTION...] IMAGE -n N   create N guests, paused; options of run\n" \
	"       xenolith pool list\n" \
	"       xenolith pool stop NAME                destroy those that were not started\n" \
	"The pool has the name of the image, or --name.  run --pool IMAGE starts a guest of it\n" \
	"(docs/warm.md).\n"

#define USAGE_RUN \
	"usage: xenolith run [OPTION...] IMAGE [-- ARG...]\n" \
	"  --type pv|pvh|hvm    guest type (default: pv); hvm: IMAGE is a disk made by\n" \
	"                       `xenolith ec2 image`; ./xenolith also takes unix, without Xen\n" \
	"  --memory MB          memory (default: 32)\n" \
	"  --name NAME          name of the domain (default: the image's)\n" \
	"  --disk FILE[:/PATH][,ro]  disk, may be repeated: xvda, xvdb, ...; hvm: xvde, ...;\n" \
	"                       the guest mounts it at /PATH; ,dev=NAME: another name\n" \
	"  -p LOCAL:GUEST       in the lab: forward a port of this machine to the guest, may\n" \
	"                       be repeated; on a Xen host: as --net\n" \
	"  --net[=BRIDGE]       network interface\n" \
	"  --cmdline WORDS      kernel options, before the arguments\n" \
	"  --ramdisk FILE       ramdisk\n" \
	"  --config LINE        line for the xl.cfg, may be repeated; replaces its line of\n" \
	"                       the same option\n" \
	"  --show               only show the xl.cfg\n" \
	"  --libvirt            in the sources' ./xenolith: define and start it as a domain of\n" \
	"                       libvirt (virsh)\n" \
	"  --timeout S          destroy the guest after S seconds; exit with status 124\n" \
	"  --quiet              do not show the xl.cfg\n" \
	"  --pool[=NAME]        start a guest of a pool; its --cmdline is added to the pool's\n" \
	"  --from FILE          start a copy of a snapshot, without IMAGE; its --cmdline, such\n" \
	"                       as ip=, is added to the snapshot's\n" \
	"  --background         do not wait for the guest's end; xenolith log and list show it\n"

/*
 * COMMAND(name, function, alone, usage, says).  alone: 1 does not need the endpoint, 2 has no
 * argument D.  The usage defines a command's options and its number of arguments.
 */
#define COMMANDS \
	COMMAND("list", list, 2, "list", \
		"all guests: type, state, age, image, address; also those that have ended") \
	COMMAND("info", info, 0, "info D", "image, version of Xen, uptime, arguments") \
	COMMAND("ps", ps, 0, "ps D", "threads: where they wait, CPU time, stack") \
	COMMAND("top", top, 0, "top D", "threads, each second, with their share of the CPU") \
	COMMAND("mem", mem, 0, "mem D", "memory") \
	COMMAND("stats", stats, 0, "stats D", "all statistics") \
	COMMAND("net", net, 0, "net [-c] D", \
		"network: addresses, rings, drops; -c: connections") \
	COMMAND("block", block, 0, "block D", "disks") \
	COMMAND("fs", filesystems, 0, "fs D [freeze|thaw PATH]", \
		"mounted disks; freeze: all is on the disk and changes wait, until thaw") \
	COMMAND("devices", devices, 0, "devices D", "split devices: state, rings") \
	COMMAND("log", show_log, 0, "log [-f] D", \
		"kernel log; -f: also new lines; after the end: the console, and how it ended") \
	COMMAND("level", level, 0, "level D [LEVEL [M]]", \
		"console's log level, of module M: error, warning, info, debug") \
	COMMAND("config", config, 0, "config D [KEY[=VALUE]]", \
		"options that can be changed while it runs") \
	COMMAND("cp", cp, 2, "cp [-r|-m] FROM TO", \
		"copy a file into or out of a guest, NAME:/PATH; -r: a folder; -: standard input, output") \
	COMMAND("profile", profile, 0, "profile D [OPTION...]", \
		"CPU profile: --seconds N, --hz N, --flame FILE.svg, --perf, --folded, --idle") \
	COMMAND("trace", trace, 0, "trace D [--seconds N] [E]", \
		"trace kernel events; E: sched, ring, tcp") \
	COMMAND("shutdown", end_guest, 0, "shutdown [-r|-c] D", \
		"shut down; -r: reboot, -c: crash") \
	COMMAND("stop", end_guest, 0, "stop [-r|-c] D", "the same") \
	COMMAND("wait", wait_end, 2, "wait NAME", \
		"wait for the end of a guest in the background; exits with its status") \
	COMMAND("rm", rm, 2, "rm [-f] NAME...", \
		"forget guests that have ended; -f: destroy those that run") \
	COMMAND("save", save, 1, "save D FILE", \
		"write a guest to a file and end it; restore continues it (docs/save.md)") \
	COMMAND("checkpoint", checkpoint, 1, "checkpoint D FILE", \
		"write a guest to a file; the guest continues") \
	COMMAND("snapshot", snapshot, 1, "snapshot D FILE", \
		"write a guest that waits with snapshot=yes to a file, for run --from") \
	COMMAND("restore", restore, 2, "restore FILE", "continue a saved guest") \
	COMMAND("migrate", migrate, 1, "migrate D HOST", \
		"move a guest to another Xen host, over ssh") \
	COMMAND("signal", send_signal, 0, "signal D NAME", \
		"send the application a signal: TERM, HUP, INT, QUIT, USR1, USR2, WINCH") \
	COMMAND("interfaces", interfaces, 0, "interfaces D", "list the interfaces") \
	COMMAND("describe", describe, 0, "describe D INTERFACE", \
		"describe the methods of an interface") \
	COMMAND("call", call, 0, "call D METHOD [JSON]", "call a method with parameters") \
	COMMAND("console", console, 1, "console D", "console (xl console); Ctrl-] leaves it") \
	COMMAND("gdb", gdb, 1, "gdb D [ELF...]", \
		"run gdb for the application, with the ELF file of its build") \
	COMMAND("vcat", vcat, 1, "vcat [-l] D PATH", \
		"connect standard input and output to a vchan; -l: as server")

#endif
