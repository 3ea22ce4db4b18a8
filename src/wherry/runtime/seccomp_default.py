"""The seccomp profile of a container that asks for none: what an everyday program needs, and nothing else.

An allow list by purpose. What isn't here is refused with EPERM, above all:

- new namespaces, mounts, and joining namespaces (clone with flags, unshare, setns, mount, the mount API);
- the machine itself: modules, kexec, reboot, swap, clocks, I/O ports, accounting, quotas, the kernel log;
- large surfaces with a history: bpf, perf events, io_uring, userfaultfd, the keyrings (which no namespace
  divides), AF_ALG and AF_VSOCK sockets.

Some of these come back with the capability that rules them, because whoever grants it wants their use; the
kernel's own checks then apply, within the container's user namespace.
"""

from __future__ import annotations

import errno
from typing import Any

_FILES = """
access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64
fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat ioctl
lchown lchown32 lgetxattr link linkat listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek
lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pread64
preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr removexattrat
rename renameat renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64
statmount statx symlink symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat
utime utimensat utimensat_time64 utimes vmsplice write writev
"""

_WAITING_ON_FILES = """
epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect pipe pipe2 poll ppoll
ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime
timerfd_gettime64 timerfd_settime timerfd_settime64
"""

_MEMORY = """
brk cachestat get_thread_area madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock
mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
pkey_mprotect process_mrelease remap_file_pages set_thread_area
"""

_PROCESSES = """
execve execveat exit exit_group fork getpgid getpgrp getpid getppid getsid gettid kill pidfd_open
pidfd_send_signal prctl rseq set_robust_list get_robust_list set_tid_address setpgid setsid tgkill tkill vfork
wait4 waitid waitpid uretprobe
"""

_IDENTITY = """
capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid setreuid32 setuid
setuid32
"""

_SIGNALS = """
alarm pause restart_syscall rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn
rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
"""

_SCHEDULING = """
getcpu getpriority getrlimit getrusage ioprio_get ioprio_set prlimit64 sched_getaffinity sched_getattr
sched_getparam sched_get_priority_max sched_get_priority_min sched_getscheduler sched_rr_get_interval
sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
setpriority setrlimit times ugetrlimit
"""

_TIME = """
adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64
"""

_NETWORK = """
accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""

_BETWEEN_PROCESSES = """
futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open
mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd
semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
"""

_SELF_CONFINEMENT = """
landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
"""

_ABOUT_THE_MACHINE = "getrandom sysinfo uname"

_PTRACE = "process_vm_readv process_vm_writev ptrace"

_ARM = "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2"

# what a capability brings back
_BY_CAPABILITY = {
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr
        move_mount open_tree open_tree_attr perf_event_open quotactl quotactl_fd setdomainname sethostname
        setns syslog umount umount2 unshare
    """,
    "CAP_BPF": "bpf",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": f"kcmp pidfd_getfd process_madvise {_PTRACE}",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYSLOG": "syslog",
}

# CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}; clone has no room for CLONE_NEWTIME
_NAMESPACE_FLAGS = 0x7E020000

# PER_LINUX, PER_LINUX32, both with UNAME26, and the question what it is now
_PERSONALITIES = (0, 8, 0x20000, 0x20008, 0xFFFFFFFF)

# address families from 38 on that are allowed; not 38, AF_ALG, nor 40, AF_VSOCK. Said as what is allowed,
# because "all but 40" lets 0x100000028 pass, which the kernel cuts to 40
_AF_ALG = 38
_LATE_FAMILIES = (39, 41, 42, 43, 44, 45)

_ALLOWED = (
    _FILES,
    _WAITING_ON_FILES,
    _MEMORY,
    _PROCESSES,
    _IDENTITY,
    _SIGNALS,
    _SCHEDULING,
    _TIME,
    _NETWORK,
    _BETWEEN_PROCESSES,
    _SELF_CONFINEMENT,
    _ABOUT_THE_MACHINE,
)


def default_profile() -> dict[str, Any]:
    """The profile in Docker's format, so it can be printed, edited and given back with --security-opt."""
    syscalls: list[dict[str, Any]] = [_allow(" ".join(_ALLOWED))]
    # before 4.8 a tracer could lead its tracee past the filter
    syscalls.append(_allow(_PTRACE, includes={"minKernel": "4.8"}))
    syscalls += [_allow("personality", _argument(0, "EQ", value)) for value in _PERSONALITIES]
    syscalls.append(_allow("socket", _argument(0, "LT", _AF_ALG)))
    syscalls += [_allow("socket", _argument(0, "EQ", family)) for family in _LATE_FAMILIES]
    syscalls.append(_allow(_ARM, includes={"arches": ["arm", "arm64"]}))
    syscalls.append(_allow("arch_prctl", includes={"arches": ["amd64", "x32"]}))
    syscalls.append(_allow("modify_ldt", includes={"arches": ["amd64", "x32", "x86"]}))
    syscalls += [_allow(names, includes={"caps": [name]}) for name, names in _BY_CAPABILITY.items()]
    without = {"caps": ["CAP_SYS_ADMIN"]}
    syscalls.append(_allow("clone", _argument(0, "MASKED_EQ", _NAMESPACE_FLAGS, 0), excludes=without))
    # its flags stand in memory, out of the filter's sight; C libraries fall back to clone
    refused = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": errno.ENOSYS}
    syscalls.append({**refused, "excludes": without})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": errno.EPERM,
        "archMap": [
            {
                "architecture": "SCMP_ARCH_X86_64",
                "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
            },
            {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        ],
        "syscalls": syscalls,
    }


def _allow(names: str, *args: dict[str, Any], **when: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": sorted(set(names.split())), "action": "SCMP_ACT_ALLOW"}
    if args:
        rule["args"] = list(args)
    rule.update(when)
    return rule


def _argument(index: int, operator: str, value: int, second: int = 0) -> dict[str, Any]:
    return {"index": index, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": second}
