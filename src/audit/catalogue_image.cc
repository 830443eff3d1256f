// What is said about an image's configuration (IMG) and history (HIS).
#include "audit/rule.h"

namespace casemate::audit {
namespace {

using enum Level;

constexpr Rule rules[] = {
    {"IMG-01", fatal, "The image runs as root", "Root in a container that breaks out is root where it arrives",
     "add USER with a number above 0", "CIS 4.1, DI-0001, DL3002, DS-0002, PSS, NSA 1.0, N 4.1.2"},
    {"IMG-02", info, "USER is a name", "Names are looked up in files that the image brings; a number cannot change",
     "write USER as UID:GID", "DL3066"},
    {"IMG-03", warn, "The image's group is root's", "Files of group 0 are many, and some are writable",
     "write USER as UID:GID with a GID above 0", "PSS, NSA 1.6"},
    {"IMG-04", fatal, "A credential in the configuration",
     "Everybody who can pull the image can read it, in every copy",
     "hand it over at run time as a secret, and revoke it", "CIS 4.10, DI-0010, DL3064, DS-0031, N 4.1.4"},
    {"IMG-05", info, "No health check", "A hung service looks like a running one",
     "add HEALTHCHECK, or health in the profile", "CIS 4.6, DI-0006, DS-0026, DL3057"},
    {"IMG-06", warn, "An SSH port is exposed", "A login service in a container is a second, unwatched way in",
     "remove sshd; use exec", "DS-0004, CIS 5.7"},
    {"IMG-07", info, "An exposed port is wrong or privileged", "Ports below 1024 need a capability or a sysctl",
     "listen above 1023 and publish as you like", "DS-0008, DL3011"},
    {"IMG-08", warn, "VOLUME on a system directory",
     "It hides or replaces files that the kernel or the image relies on", "declare volumes for data only",
     "DKL-DI-0002, DS-0030"},
    {"IMG-09", warn, "WORKDIR is wrong", "A relative, missing or system directory makes paths mean something else",
     "set WORKDIR to a directory of the application", "DL3000, DS-0009"},
    {"IMG-10", warn, "The entry point is not in exec form",
     "A shell gets the signals, expands text and must be in the image", "write ENTRYPOINT [\"/path/to/program\"]",
     "DL3025"},
    {"IMG-11", fatal, "The entry point is missing or not safe",
     "What is started must exist and must not be changeable by what it starts", "make it owned by root, mode 0755",
     "N 4.4.4"},
    {"IMG-12", info, "The reference moves", "latest is another image tomorrow", "name a version, or pin by digest",
     "DKL-DI-0006, DL3006, DL3007, DS-0001, CIS 5.28"},
    {"IMG-13", info, "The image is old", "What was fixed since is not in it", "rebuild it", "CIS 4.4, N 4.2.2"},
    {"IMG-14", info, "The base image is not recorded", "Nobody can tell which fixes reach it",
     "set org.opencontainers.image.base.name and .digest", "CIS 4.2, DL3026, N 4.1.5"},
    {"IMG-15", fatal, "No signature that holds under the key", "Nobody vouches for what is in it",
     "sign it (cosign sign, by digest) and check it with --public-key (admission.signature)",
     "CIS 4.5, CIS 4.12, DI-0005, N 4.1.5"},
    {"IMG-17", info, "No bill of materials", "Nobody can tell whether the next vulnerability is in it",
     "attach an SPDX or CycloneDX document to the image's digest", "N 4.1.1"},
    {"IMG-18", info, "Origin labels are missing", "Source, revision and licence cannot be traced",
     "set the org.opencontainers.image labels", "DL3049"},
    {"IMG-19", warn, "The image is for another platform", "It cannot run here", "build it for this platform",
     "image-spec"},
    {"IMG-21", warn, "Too many layers", "Engines cannot mount them together", "squash the image", "N 4.5.1"},
    {"HIS-01", warn, "ADD where COPY would do", "ADD unpacks archives and follows URLs, which nobody sees in review",
     "use COPY", "CIS 4.9, DI-0009, DL3020, DS-0005"},
    {"HIS-02", fatal, "Something downloaded is run or added unchecked",
     "Who controls the server or the way to it controls the image",
     "download by digest, or use packages with signatures", "CIS 4.11, DL4006"},
    {"HIS-03", info, "Package lists are updated alone", "The layer is cached, later installs get old versions",
     "update and install in one RUN", "CIS 4.7, DI-0007, DS-0017"},
    {"HIS-04", info, "The whole distribution is upgraded", "The result is no longer the base that was tested",
     "use a newer base image", "DKL-DI-0003, DS-0024"},
    {"HIS-05", warn, "sudo in the build", "It is not needed, and stays in the image", "use USER around the step",
     "DKL-DI-0001, DL3004, DS-0010"},
    {"HIS-06", info, "Package caches stay in a layer", "They make the image large and show what was current when",
     "clean in the same RUN", "DKL-DI-0004, DKL-DI-0005, DL3009, DL3019, DL3042, DS-0025"},
    {"HIS-07", fatal, "A credential in a build step",
     "History is part of the image; everybody who can pull it can read it",
     "use RUN --mount=type=secret, and revoke it", "CIS 4.10, DS-0031"},
    {"HIS-08", info, "Versions are not pinned", "The same Dockerfile gives another image tomorrow", "name the versions",
     "DL3008, DL3013, DL3016, DL3018, DL3028"},
    {"HIS-09", warn, "The build ends as root again", "An earlier USER looks like a protection that is not there",
     "end with USER UID:GID", "DL3002"},
};

}  // namespace

std::span<const Rule> image_catalogue() { return rules; }

}  // namespace casemate::audit
