#include "runtime/report.h"

#include <fcntl.h>

#include <cstring>

#include "base/text.h"
#include "json/writer.h"
#include "seccomp/filter.h"
#include "sys/call.h"

namespace casemate::runtime {
namespace {

void text_or_null(json::Writer& out, std::string_view name, const std::string& text) {
    out.key(name);
    if (text.empty())
        out.null();
    else
        out.value(text);
}

// Each table is asked: the call need not have been one of the native architecture.
const seccomp::Arch* arch_of(uint32_t audit, int number) {
    static constexpr seccomp::Arch every[] = {seccomp::Arch::x86_64, seccomp::Arch::x86, seccomp::Arch::aarch64,
                                              seccomp::Arch::arm};
    static constexpr seccomp::Arch x32 = seccomp::Arch::x32;
    constexpr int x32_bit = 0x40000000;  // __X32_SYSCALL_BIT: x32 has x86_64's audit value
    if (audit == seccomp::audit_arch(seccomp::Arch::x86_64) && (number & x32_bit)) return &x32;
    for (const seccomp::Arch& arch : every)
        if (seccomp::audit_arch(arch) == audit) return &arch;
    return nullptr;
}

void write_seccomp(json::Writer& out, const launch::ExitReport& report) {
    out.key("seccomp");
    if (report.cause != launch::Cause::seccomp) {
        out.null();
        return;
    }
    out.begin_object();
    if (report.seccomp) {
        const seccomp::Arch* arch = arch_of(report.seccomp->arch, report.seccomp->number);
        const seccomp::Syscall* call = arch ? seccomp::find_syscall(*arch, report.seccomp->number) : nullptr;
        out.field("syscall", report.seccomp->number);
        text_or_null(out, "name", call ? std::string(call->name) : std::string());
        text_or_null(out, "arch", arch ? std::string(seccomp::arch_name(*arch)) : std::string());
        out.key("unknownBecause").null();
    } else {
        for (const char* name : {"syscall", "name", "arch"}) out.key(name).null();
        out.field("unknownBecause", report.seccomp_unknown);
    }
    out.end_object();
}

}  // namespace

std::string to_json(const launch::ExitReport& report) {
    json::Writer out(json::Writer::Style::pretty);
    out.begin_object().field("schemaVersion", 1).field("id", report.id);
    out.field("pid", int64_t{report.pid}).field("exitCode", report.exit_code);
    const char* signal = report.signal ? ::sigabbrev_np(report.signal) : nullptr;
    out.key("signal");
    if (report.signal == 0)
        out.null();
    else
        out.value(report.signal);
    text_or_null(out, "signalName", signal ? concat("SIG", signal) : std::string());
    out.field("cause", launch::cause_name(report.cause));
    text_or_null(out, "phase", report.phase);
    text_or_null(out, "step", report.step);
    text_or_null(out, "error", report.error);
    out.field("wallMs", report.wall_ms)
        .field("cpuUserMs", report.cpu_user_ms)
        .field("cpuSystemMs", report.cpu_system_ms);
    out.field("maxRssKiB", report.max_rss_kib);
    write_seccomp(out, report);
    out.end_object();
    return out.take();
}

Result<void> write_report(const std::string& path, const launch::ExitReport& report) {
    const Fd file = TRY_IN(quoted(path), sys::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY, 0644));
    TRY_IN(quoted(path), sys::write_all(file, to_json(report) + "\n"));
    return {};
}

}  // namespace casemate::runtime
