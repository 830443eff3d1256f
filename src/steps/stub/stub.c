// The program between init and the app: no libc, no memory but its stack, a handful of system calls.
//
// It runs from a sealed memfd under the app's full confinement, says "ready" on the channel, awaits "go" (the host looks
// at it from outside meanwhile) and executes the app. With process.init it stays as PID 1: it starts the app as pid 2,
// forwards signals, reaps, and reports how the app ended. Every call it makes is in every filter (PROFILE 5.2).
//
// argv[0] is for it: the channel's descriptor in decimal, then "i" for process.init, then "p" when the program is the
// descriptor two above the channel instead of the path argv[1], then "w" when it waits for `casemate start`: "go" comes
// from the fifo three above the channel, and what is said then goes to the fifo four above it, as the launcher is gone.
// The app's own argv follows. Messages: one letter, then an errno or a wait status as a native int.
//   r ready   w waiting for start   e cannot execute (errno)   s started (process.init)   x the app ended (wait status)

#include <asm/unistd.h>

typedef unsigned long word;

enum { sigkill = 9, sigstop = 19, sigchld = 17, clone_vfork = 0x4000, clone_child_settid = 0x1000000, wnohang = 1, sig_block = 0, sig_setmask = 2, fd_cloexec = 1, f_setfd = 2, at_empty_path = 0x1000 };
enum { sigint = 2, sigquit = 3, sigtstp = 20, sigwinch = 28, si_kernel = 0x80 };
enum { eagain = 11, eintr = 4, eacces = 13, eperm = 1, enoexec = 8 };

#if defined(__x86_64__)
static long call(long number, word a, word b, word c, word d, word e) {
    long result;
    register word r10 __asm__("r10") = d;
    register word r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n endbr64\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call stub_main\n hlt\n");
#elif defined(__aarch64__)
static long call(long number, word a, word b, word c, word d, word e) {
    register word x0 __asm__("x0") = a;
    register word x1 __asm__("x1") = b;
    register word x2 __asm__("x2") = c;
    register word x3 __asm__("x3") = d;
    register word x4 __asm__("x4") = e;
    register long x8 __asm__("x8") = number;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8) : "memory");
    return (long)x0;
}
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x0,sp\n bl stub_main\n");
#else
#error "the stub knows x86_64 and aarch64"
#endif

static void leave(int code) {
    for (;;) call(__NR_exit_group, (word)code, 0, 0, 0, 0);
}

static long say(int channel, char letter, int number) {
    char message[1 + sizeof number];
    message[0] = letter;
    __builtin_memcpy(message + 1, &number, sizeof number);
    long sent;
    do sent = call(__NR_write, (word)channel, (word)message, sizeof message, 0, 0);
    while (sent == -eintr);
    return sent;
}

// With a word: a channel that only closes says that the app runs.
static void fail(int channel, long error) {
    say(channel, 'e', (int)-error);
    leave(125);
}

// One letter from the launcher, or from `start`.
static void await_go(int fd, int channel) {
    char go = 0;
    long got;
    do got = call(__NR_read, (word)fd, (word)&go, 1, 0, 0);
    while (got == -eintr);
    if (got < 0) fail(channel, got);
    if (got != 1 || go != 'g') leave(125);
}

static void close_on_exec(int fd, int channel) {
    const long done = call(__NR_fcntl, (word)fd, f_setfd, fd_cloexec, 0, 0);
    if (done < 0) fail(channel, done);
}

static void execute(int channel, int program, char **argv, char **envp) {
    static const char empty[1] = "";
    const long failed = program >= 0
                            ? call(__NR_execveat, (word)program, (word)empty, (word)(argv + 2), (word)envp, at_empty_path)
                            : call(__NR_execve, (word)argv[1], (word)(argv + 2), (word)envp, 0, 0);
    say(channel, 'e', (int)-failed);
    leave(failed == -eacces || failed == -eperm || failed == -enoexec ? 126 : 127);
}

// sd_listen_fds(3) compares it. The plan says 2, but the app is not always: what entered the container before it had a pid too, as a
// startContainer hook does, or the child that stacks the image's layers before Linux 6.15.
static void correct_listen_pid(char **envp, char *text, int pid) {
    static const char planned[] = "LISTEN_PID=2";
    for (; *envp; ++envp) {
        int same = 0;
        while (same < (int)sizeof planned && (*envp)[same] == planned[same]) ++same;
        if (same < (int)sizeof planned) continue;
        int length = sizeof planned - 2, digits = 1;
        for (int rest = pid; rest >= 10; rest /= 10) ++digits;
        for (int i = 0; i < length; ++i) text[i] = planned[i];
        text[length + digits] = '\0';
        for (; digits > 0; pid /= 10) text[length + --digits] = (char)('0' + pid % 10);
        *envp = text;
        return;
    }
}

// The app's own init: forwards what arrives, reaps what dies, ends when the app ends.
static void supervise(int channel, long app) {
    const word all = ~0UL;
    for (;;) {
        int information[32];  // siginfo_t: 128 bytes; the signal first, its code third
        const long signal = call(__NR_rt_sigtimedwait, (word)&all, (word)information, 0, sizeof all, 0);
        if (signal < 0) {
            if (signal != -eintr && signal != -eagain) leave(125);
            continue;
        }
        // From the app's terminal: the kernel gave it to the whole foreground group, the app among it. A hang-up it gives to us
        // alone, who lead the session.
        if (information[2] == si_kernel && (signal == sigint || signal == sigquit || signal == sigtstp || signal == sigwinch)) continue;
        if (signal != sigchld) {
            call(__NR_kill, (word)app, (word)signal, 0, 0, 0);
            continue;
        }
        for (;;) {
            int status = 0;
            const long ended = call(__NR_wait4, (word)-1, (word)&status, wnohang, 0, 0);
            if (ended == -eintr) continue;
            if (ended < 0) leave(125);
            if (ended == 0) break;
            if (ended != app) continue;
            say(channel, 'x', status);
            leave((status & 0x7f) ? 128 + (status & 0x7f) : (status >> 8) & 0xff);
        }
    }
}

__attribute__((used)) void stub_main(word *stack) {
    const long argc = (long)stack[0];
    char **argv = (char **)(stack + 1);
    char **envp = argv + argc + 1;
    int channel = 0;
    const char *control = argv[0];
    for (; *control >= '0' && *control <= '9'; ++control) channel = channel * 10 + (*control - '0');
    const int own_init = *control == 'i';
    control += own_init;
    const int program = *control == 'p' ? channel + 2 : -1;
    control += program >= 0;
    const int waits = *control == 'w';

    // The app must have none of them: it could speak to the host in our name.
    close_on_exec(channel, channel);
    if (program >= 0) close_on_exec(program, channel);
    if (say(channel, 'r', 0) < 0) leave(125);
    await_go(channel, channel);
    if (waits) {
        close_on_exec(channel + 3, channel);
        close_on_exec(channel + 4, channel);
        if (say(channel, 'w', 0) < 0) leave(125);
        await_go(channel + 3, channel + 4);
        channel += 4;
    }
    if (!own_init) execute(channel, program, argv, envp);

    // Blocked from here on, so that none is lost between the clone and the wait; the app gets the old mask back.
    const word all = ~0UL;
    word before = 0;
    const long blocked = call(__NR_rt_sigprocmask, sig_block, (word)&all, (word)&before, sizeof all, 0);
    if (blocked < 0) fail(channel, blocked);
    // CLONE_VFORK: returns once the app has been executed, or has failed and said so. The child's pid is written for the child:
    // its address is the fourth argument on x86_64, the fifth on aarch64.
    int own = 0;
    const long app = call(__NR_clone, clone_vfork | clone_child_settid | sigchld, 0, 0, (word)&own, (word)&own);
    if (app == 0) {
        char listen_pid[32];
        correct_listen_pid(envp, listen_pid, own);
        const long set = call(__NR_rt_sigprocmask, sig_setmask, (word)&before, 0, sizeof all, 0);
        if (set < 0) fail(channel, set);
        execute(channel, program, argv, envp);
    }
    if (app < 0) fail(channel, app);
    say(channel, 's', 0);
    // The app's ends of pipes are the app's: a reader must see their end when the app closes them.
    for (int fd = 0; fd < channel; ++fd) call(__NR_close, (word)fd, 0, 0, 0, 0);
    supervise(channel, app);
}
