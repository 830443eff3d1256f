// The host's own posture: not traceable, a procfs that nobody can redirect, and the program that init becomes.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/text.h"
#include "steps/host/steps.h"
#include "steps/stub.h"
#include "sys/call.h"

namespace casemate::steps::host {

// Why here: nothing hostile may open our /proc entries from now on (I10). Rootless this would make init's map files
// root-owned and unwritable (RECIPES H1, measured): there init does it after the maps are written. An exec has no maps to
// write, and a hostile container to enter.
const HostStep hide_from_ptrace{
    "hide from ptrace", Phase::prepare,
    [](const plan::Plan& plan) { return plan.exec() || plan.ids().mode != plan::Mode::rootless; },
    [](const plan::Plan&) { return std::string("PR_SET_DUMPABLE 0"); },
    [](HostContext&) { return sys::prctl(PR_SET_DUMPABLE, 0, "prctl PR_SET_DUMPABLE"); }};

// A private procfs where we may mount one; else the host's, verified on every open (I4, CVE-2025-52881).
const HostStep open_procfs{
    "open procfs", Phase::prepare, [](const plan::Plan&) { return true; },
    [](const plan::Plan& plan) {
        return std::string(plan.ids().mode == plan::Mode::rootless ? "the host's, verified" : "a private mount");
    },
    [](HostContext& context) -> Result<void> {
        if (!context.proc) context.proc = context.plan.ids().mode == plan::Mode::rootless ? TRY(sys::Procfs::host()) : TRY(sys::Procfs::make());
        return {};
    }};

namespace {
constexpr unsigned memfd_exec = 0x10;  // MFD_EXEC [6.3]
constexpr int seal_exec = 0x20;        // F_SEAL_EXEC [6.3]
}  // namespace

// The process that becomes the app passes through this sealed, libc-free program: nobody can write to what it executes
// (I6, CVE-2019-5736). Sealing the mode also seals the contents, so they are written first (trap T6).
const HostStep seal_stub{
    "seal stub", Phase::prepare, [](const plan::Plan&) { return true; },
    [](const plan::Plan&) { return concat("memfd of ", stub_program().size(), " bytes, sealed"); },
    [](HostContext& context) -> Result<void> {
        bool exec_flag = true;
        auto made = sys::memfd("casemate-stub", MFD_ALLOW_SEALING | memfd_exec);
        if (!made && made.error().code() == EINVAL) {  // before 6.3
            exec_flag = false;
            made = sys::memfd("casemate-stub", MFD_ALLOW_SEALING);
        }
        if (!made)
            return std::move(made).take_error().hint("is the sysctl vm.memfd_noexec 2 on this host? casemate needs 0 or 1");
        Fd stub = std::move(made).take();
        const auto program = stub_program();
        TRY(sys::write_all(stub, std::string_view(reinterpret_cast<const char*>(program.data()), program.size())));
        if (::fchmod(stub.get(), 0555) < 0) return Error::sys("fchmod");
        const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
        if (exec_flag && ::fcntl(stub.get(), F_ADD_SEALS, seal_exec) < 0) return Error::sys("fcntl F_SEAL_EXEC");
        if (::fcntl(stub.get(), F_ADD_SEALS, seals) < 0) return Error::sys("fcntl F_ADD_SEALS");
        context.prepared.stub = std::move(stub);
        return {};
    }};

}  // namespace casemate::steps::host
