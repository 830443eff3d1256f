// Ways to memory that is both written and executed, directly or one after the other.
#include <elf.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "base/fd.h"
#include "proof/probe/act.h"

namespace casemate::probe {

namespace {

constexpr size_t page = 4096;

void* writable_page() { return mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

std::string map_both(const std::string&) {
    void* mapped = mmap(nullptr, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mapped == MAP_FAILED ? failed() : "ok";
}

std::string protect(const std::string&) {
    void* mapped = writable_page();
    if (mapped == MAP_FAILED) return "skip: mmap " + failed();
    return outcome(mprotect(mapped, page, PROT_READ | PROT_EXEC));
}

std::string protect_with_key(const std::string&) {
    void* mapped = writable_page();
    if (mapped == MAP_FAILED) return "skip: mmap " + failed();
    constexpr int no_key = -1;
    return outcome(syscall(SYS_pkey_mprotect, mapped, page, PROT_READ | PROT_EXEC, no_key));
}

std::string attach_shared(const std::string&) {
    const int segment = shmget(IPC_PRIVATE, page, IPC_CREAT | 0600);
    if (segment < 0) return "shmget " + failed();
    void* mapped = shmat(segment, nullptr, SHM_EXEC);
    const std::string seen = mapped == reinterpret_cast<void*>(-1) ? failed() : "ok";
    shmctl(segment, IPC_RMID, nullptr);
    return seen;
}

Fd memfd_with_program(std::string& why) {
    Fd file(static_cast<int>(syscall(SYS_memfd_create, "probe", 0)));
    if (!file) {
        why = failed();
        return file;
    }
    const auto program = smallest_program();
    if (write(file.get(), program.data(), program.size()) != static_cast<ssize_t>(program.size()))
        why = "skip: write " + failed();
    return file;
}

std::string map_memfd(const std::string&) {
    std::string why;
    const Fd file = memfd_with_program(why);
    if (!why.empty()) return why;
    void* mapped = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE, file.get(), 0);
    return mapped == MAP_FAILED ? failed() : "ok";
}

std::string exec_memfd(const std::string&) {
    std::string why;
    const Fd file = memfd_with_program(why);
    if (!why.empty()) return why;
    const pid_t child = fork();
    if (child == 0) {
        char* const argv[] = {const_cast<char*>("probe"), nullptr};
        char* const nothing[] = {nullptr};
        syscall(SYS_execveat, file.get(), "", argv, nothing, AT_EMPTY_PATH);
        _exit(errno);
    }
    return child_outcome(child);
}

// READ_IMPLIES_EXEC would make every later mapping executable.
std::string read_implies_exec(const std::string&) { return outcome(personality(READ_IMPLIES_EXEC)); }

// Can a grandchild undo it? MDWE is inherited and cannot be cleared.
std::string after_fork(const std::string&) {
    const pid_t child = fork();
    if (child == 0) _exit(map_both("") == "ok" ? child_ok : errno);
    return child_outcome(child);
}

constexpr std::array<Act, 8> acts = {{{"wx-mmap", map_both},
                                      {"wx-mprotect", protect},
                                      {"wx-pkey-mprotect", protect_with_key},
                                      {"wx-shmat", attach_shared},
                                      {"wx-memfd", map_memfd},
                                      {"wx-fork", after_fork},
                                      {"memfd-exec", exec_memfd},
                                      {"read-implies-exec", read_implies_exec}}};

#if defined(__x86_64__)
constexpr Elf64_Half machine = EM_X86_64;
// mov edi, child_ok; mov eax, 231 (exit_group); syscall
constexpr std::array<unsigned char, 12> code = {0xbf, child_ok, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05};
#elif defined(__aarch64__)
constexpr Elf64_Half machine = EM_AARCH64;
// mov x0, child_ok; mov x8, 94 (exit_group); svc 0
constexpr std::array<unsigned char, 12> code = {0x40, 0x15, 0x80, 0xd2, 0xc8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};
#endif

struct Image {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    std::array<unsigned char, code.size()> text;
};

}  // namespace

std::span<const unsigned char> smallest_program() {
    constexpr Elf64_Addr base = 0x400000;
    static const Image image = [] {
        Image out{};
        const unsigned char ident[] = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT};
        for (size_t i = 0; i < sizeof ident; ++i) out.header.e_ident[i] = ident[i];
        out.header.e_type = ET_EXEC;
        out.header.e_machine = machine;
        out.header.e_version = EV_CURRENT;
        out.header.e_entry = base + offsetof(Image, text);
        out.header.e_phoff = offsetof(Image, segment);
        out.header.e_ehsize = sizeof(Elf64_Ehdr);
        out.header.e_phentsize = sizeof(Elf64_Phdr);
        out.header.e_phnum = 1;
        out.segment.p_type = PT_LOAD;
        out.segment.p_flags = PF_R | PF_X;
        out.segment.p_vaddr = out.segment.p_paddr = base;
        out.segment.p_filesz = out.segment.p_memsz = sizeof(Image);
        out.segment.p_align = 4096;
        out.text = code;
        return out;
    }();
    return {reinterpret_cast<const unsigned char*>(&image), sizeof image};
}

std::span<const Act> memory_acts() { return acts; }

}  // namespace casemate::probe
