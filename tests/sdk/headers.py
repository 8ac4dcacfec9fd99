# SPDX-License-Identifier: ISC
"""Claims of tests/sdk/run about headers: that each compiles by itself and has the names that
programs for Linux expect, and that the functions which it declares exist.

HEADERS has a header in each line, and its names: `f()` is a function, `T*` a type, `M#` a macro, and
others are expressions.
"""

HEADERS = """
    arpa/inet.h inet_network() inet_makeaddr() inet_lnaof() inet_netof() inet_aton()
    byteswap.h bswap_16(1) bswap_32(1) bswap_64(1)
    dlfcn.h RTLD_NOW RTLD_LAZY RTLD_GLOBAL RTLD_LOCAL RTLD_DEFAULT dlopen() dlsym() dlclose() dlerror() dladdr() Dl_info*
    errno.h program_invocation_name program_invocation_short_name EUCLEAN
    error.h error() error_at_line() error_message_count
    execinfo.h backtrace() backtrace_symbols() backtrace_symbols_fd()
    fcntl.h SEEK_SET SEEK_CUR SEEK_END O_LARGEFILE O_CLOEXEC creat() posix_fallocate() posix_fadvise() AT_FDCWD
    features.h _POSIX_C_SOURCE#
    ftw.h ftw() nftw() FTW_PHYS FTW_D
    glob.h glob() globfree() GLOB_ABORTED GLOB_NOSYS GLOB_NOSPACE GLOB_NOMATCH GLOB_NOESCAPE GLOB_ERR GLOB_MARK GLOB_APPEND GLOB_DOOFFS GLOB_NOCHECK GLOB_NOSORT GLOB_BRACE GLOB_TILDE GLOB_ONLYDIR GLOB_PERIOD
    grp.h getgrnam() getgrgid() getgrnam_r() getgrgid_r() getgrent() setgrent() endgrent() getgrouplist() initgroups() setgroups()
    iconv.h iconv() iconv_open() iconv_close() iconv_t*
    ifaddrs.h getifaddrs() freeifaddrs() struct_ifaddrs*
    langinfo.h nl_langinfo() CODESET
    limits.h LOGIN_NAME_MAX TTY_NAME_MAX SYMLOOP_MAX NGROUPS_MAX PATH_MAX NAME_MAX IOV_MAX HOST_NAME_MAX NL_ARGMAX ARG_MAX
    linux/falloc.h FALLOC_FL_KEEP_SIZE
    linux/if.h struct_ifreq* IFF_UP
    linux/if_ether.h ETH_ALEN
    linux/limits.h PATH_MAX
    linux/random.h getrandom()
    linux/sockios.h SIOCGIFADDR
    linux/tcp.h TCP_INFO
    linux/types.h __u8* __u32* __u64* __be16*
    asm/types.h __u32*
    asm/ioctls.h FIONREAD
    net/ethernet.h ETHERTYPE_IP ETH_ALEN struct_ether_header* struct_ether_addr*
    net/if.h IFF_UP IFF_LOOPBACK IFF_RUNNING IFF_BROADCAST IFNAMSIZ struct_ifreq* struct_ifconf* if_nametoindex()
    net/if_arp.h ARPHRD_ETHER struct_arphdr*
    netdb.h getprotobynumber() getservbyname_r() getservbyport_r() herror() getaddrinfo()
    netinet/if_ether.h struct_ether_arp*
    netinet/in.h IPPROTO_ESP IPPROTO_SCTP IPPROTO_MAX struct_in6_pktinfo* IP_PKTINFO
    netinet/in_systm.h n_short* n_long*
    netinet/ip.h struct_ip* struct_iphdr* IPTOS_LOWDELAY IPTOS_THROUGHPUT IPVERSION IP_DF
    netinet/ip6.h struct_ip6_hdr*
    netinet/tcp.h TCP_INFO struct_tcp_info* struct_tcphdr* TCP_ESTABLISHED TCP_LISTEN TH_SYN
    netinet/udp.h struct_udphdr*
    pwd.h getpwnam() getpwuid() getpwnam_r() getpwuid_r() getpwent() setpwent() endpwent()
    regex.h regcomp() regoff_t* off_t*
    sched.h cpu_set_t* CPU_SETSIZE CPU_ZERO# CPU_SET# CPU_ISSET# CPU_COUNT# sched_getaffinity() sched_setaffinity() sched_getcpu() sched_yield()
    spawn.h posix_spawn() posix_spawnp() posix_spawn_file_actions_init() posix_spawnattr_init()
    stdlib.h WNOHANG WUNTRACED WEXITSTATUS# WIFEXITED# clearenv() secure_getenv() canonicalize_file_name() getloadavg() realpath()
    sys/auxv.h AT_PAGESZ AT_HWCAP getauxval()
    sys/ioctl.h FIOASYNC FIONBIO FIONREAD TIOCGWINSZ SIOCGIFCONF SIOCGIFADDR SIOCGIFFLAGS SIOCGIFHWADDR SIOCGIFINDEX struct_winsize*
    sys/mman.h MAP_NORESERVE MREMAP_MAYMOVE mremap() mincore() mlockall() madvise() shm_open() shm_unlink() memfd_create()
    sys/param.h MAXHOSTNAMELEN MAXPATHLEN MAXSYMLINKS NGROUPS DEV_BSIZE MIN# MAX# howmany# roundup# powerof2# setbit#
    sys/resource.h PRIO_PROCESS PRIO_MIN PRIO_MAX RLIMIT_NOFILE RLIM_NLIMITS getpriority() setpriority() getrlimit() setrlimit() prlimit() struct_rusage*
    sys/socket.h AF_MAX PF_MAX AF_NETLINK SO_PEERCRED SCM_RIGHTS struct_ucred*
    sys/statvfs.h statvfs() fstatvfs()
    sys/sysinfo.h sysinfo() get_nprocs() struct_sysinfo*
    sys/syslog.h LOG_DAEMON syslog()
    sys/un.h struct_sockaddr_un* SUN_LEN#
    sys/vfs.h statfs() struct_statfs*
    sys/wait.h WNOHANG wait() waitpid() waitid() wait3() wait4() WIFSIGNALED# WCOREDUMP# P_ALL
    sysexits.h EX_OK EX_USAGE EX_CONFIG EX_SOFTWARE
    termios.h struct_termios* ECHO ICANON TCSANOW B9600 VMIN tcgetattr() tcsetattr() tcflush() tcdrain() tcflow() tcsendbreak() cfgetospeed() cfsetospeed() cfmakeraw()
    threads.h thrd_create() thrd_join() mtx_init() mtx_timedlock() cnd_wait() tss_create() call_once() thrd_success mtx_recursive ONCE_FLAG_INIT# thread_local#
    time.h timegm() timelocal() timezone daylight strptime()
    unistd.h setresuid() setresgid() getresuid() getresgid() getdtablesize() closefrom() close_range() chroot() daemon() fork() vfork() execl() execvp() execvpe() pathconf() fpathconf() nice() getpgid() setpgid() getpgrp() setsid() getlogin_r() get_current_dir_name() gethostid() getdomainname() setreuid() setregid() dup3() pipe2() ttyname() ttyname_r() getpass() tcgetpgrp() tcsetpgrp() confstr() _CS_PATH eaccess()
    utmp.h struct_utmp* USER_PROCESS
    wchar.h fgetwc() fputws() wprintf() fwide()
"""
BUILTIN = "__unix__# __unix# __xenolith__# __x86_64__#"
# Of <time.h>: fields of BSD and Linux.
FIELDS = "#include <time.h>\nlong f(struct tm *t) { return t->tm_gmtoff + !t->tm_zone; }\n"

claims = []


def claim(function):
    claims.append(function)
    return function


def rows():
    for line in HEADERS.strip().splitlines():
        header, *names = line.split()
        yield header, names


def checks(names):
    """Lines of C that do not compile if a name is missing."""
    lines = []
    for i, name in enumerate(names):
        if name.endswith("#"):
            lines.append(f"#ifndef {name[:-1]}\n#error {name[:-1]} is missing\n#endif")
        elif name.endswith("*"):
            lines.append(f"extern char size{i}[sizeof({name[:-1].replace('struct_', 'struct ')})];")
        elif name.endswith("()"):
            lines.append(f"void *function{i}(void) {{ return (void *){name[:-2]}; }}")
        else:
            lines.append(f"void use{i}(void) {{ (void)({name}); }}")
    return "\n".join(lines) + "\n"


@claim
def each_header_compiles_by_itself_and_has_its_names(here):
    for header, names in rows():
        (here.folder / "header.c").write_text(f"#include <{header}>\n{checks(names)}")
        here.gcc("-fsyntax-only", "-Wall", "-Werror", "-D_GNU_SOURCE", "header.c")
    (here.folder / "header.c").write_text(checks(BUILTIN.split()) + FIELDS +
                                          "#if defined __linux__ || defined unix\n#error\n#endif\n")
    here.gcc("-fsyntax-only", "-Wall", "-Werror", "header.c")


@claim
def a_missing_name_is_found(here):
    for name in ("NO_SUCH_NAME", "NO_SUCH_MACRO#", "struct_no_such*", "no_such_function()"):
        (here.folder / "header.c").write_text("#include <stdlib.h>\n" + checks([name]))
        assert here.run("gcc", "-fsyntax-only", "-Werror", "header.c").returncode, name


@claim
def the_functions_of_the_headers_exist(here):
    functions = sorted({n[:-2] for _, names in rows() for n in names if n.endswith("()")})
    (here.folder / "all.c").write_text("".join(f"extern char {f}[];\n" for f in functions) +
                                       "char *volatile all[] = {" + ", ".join(functions) + "};\n"
                                       "int main(int n, char **v) { return !all[n]; }\n")
    here.gcc("-w", "-fno-builtin", "all.c", "-lnoprocess", "-o", "all")


@claim
def processes_are_missing_without_their_library(here):
    (here.folder / "fork.c").write_text("#include <unistd.h>\nint main(void) { return fork(); }\n")
    said = here.refused("fork.c")
    assert "fork(): a guest has one process" in said and "-lnoprocess" in said, said
    here.gcc("fork.c", "-lnoprocess", "-o", "fork")
