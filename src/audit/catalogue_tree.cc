// What is said about an image's files (FS).
#include "audit/rule.h"

namespace casemate::audit {
namespace {

using enum Level;

constexpr Rule rules[] = {
    {"FS-01", fatal, "A set-id file", "It gives whoever runs it another identity",
     "chmod a-s; casemate strips it on unpacking", "CIS 4.8, DI-0008"},
    {"FS-02", fatal, "A file with capabilities", "It gives whoever runs it a privilege",
     "setcap -r; casemate strips it on unpacking", "N 4.4.3"},
    {"FS-03", warn, "Writable by everybody", "Any process may change it under the others",
     "chmod o-w, or the sticky bit on directories", "N 4.4.4"},
    {"FS-04", warn, "A device, FIFO or socket in the image", "Images hold files; these are ways to other things",
     "remove it", "CIS 5.18"},
    {"FS-05", fatal, "An empty password", "Anybody may become that account", "lock it: '!' in /etc/shadow",
     "DKL-LI-0001"},
    {"FS-06", warn, "A uid or gid given twice", "Two names for one identity hide who owns what",
     "give each its own number", "DKL-LI-0002"},
    {"FS-07", warn, "A second root or a login shell", "Accounts that nobody needs are ways in",
     "one uid 0; /sbin/nologin for the others", "CIS 4.1"},
    {"FS-08", fatal, "A credential file", "Everybody who can pull the image can read it, in every copy",
     "remove it and revoke it", "CIS 4.10, DI-0010, N 4.1.4"},
    {"FS-09", info, "Package caches", "They make the image large", "clean in the step that fills them",
     "DKL-DI-0005, DL3009"},
    {"FS-10", warn, "Files of a developer's machine", "History and settings tell more than the program should",
     "add them to .dockerignore", "DKL-LI-0003"},
    {"FS-11", warn, "A shell", "It is what most exploits want to start", "use a base without one", "CIS 4.3, N 4.5.1"},
    {"FS-12", warn, "A package manager", "It installs what an intruder lacks", "use a base without one", "CIS 4.3"},
    {"FS-13", warn, "A compiler or debugger", "It builds what an intruder lacks", "build in another stage", "CIS 4.3"},
    {"FS-14", warn, "Network tools or an SSH server", "They fetch what an intruder lacks, or let one in", "remove them",
     "CIS 5.7, CIS 4.3"},
    {"FS-15", warn, "A program to change identity", "su, sudo and the like serve no service", "remove it",
     "DKL-DI-0001"},
    {"FS-16", warn, "The application may be changed by its own user", "A flaw in it then lasts longer than the process",
     "chown root, or run with a read-only root", "NSA 1.1, N 4.4.4"},
    {"FS-17", warn, "A symlink to the kernel's or the host's files", "Whoever follows it from outside leaves the image",
     "remove it", "N 4.4.3"},
    {"FS-18", warn, "The distribution is past its end of life", "Nobody fixes it any more", "use a supported release",
     "N 4.1.1"},
    {"FS-19", fatal, "The loader may be taken over",
     "ld.so.preload, or a library directory that others write to, is code in every process",
     "remove it; chown root, chmod 0755", "N 4.4.4"},
    {"FS-20", fatal, "A control socket or run-time secrets baked in", "They belong to a host, not to an image",
     "remove them", "CIS 5.32, N 4.1.4"},
};

}  // namespace

std::span<const Rule> tree_catalogue() { return rules; }

}  // namespace casemate::audit
