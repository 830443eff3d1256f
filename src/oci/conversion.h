// Image configuration -> what the process of a container is, by image-spec conversion.md. Pure: the caller hands over
// the text of the image's own /etc/passwd and /etc/group, which are hostile data.
//
// Nothing here is policy: what a profile thinks of root, of group 0 or of a variable is decided by the planner. Hence the
// flags: they say where a value came from.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/image.h"

namespace casemate::oci {

// Highest uid or gid: 2^32-1 is "no change" to the kernel (CVE-2024-40635: larger ones once wrapped to 0).
inline constexpr uint32_t max_id = 0xfffffffe;

// "", "u", "u:g" where each is a number or a name. All digits is always a number, never looked up as a name
// (CVE-2016-3697); every wrong form is an error, never uid 0 (CVE-2026-30892).
struct UserRequest {
    struct Half {
        std::string name;            // empty when it is a number
        std::optional<uint32_t> id;  // set when it is a number
        bool operator==(const Half&) const = default;
    };
    std::optional<Half> user, group;  // both absent: the image names nobody, which means root
    bool operator==(const UserRequest&) const = default;
};
Result<UserRequest> parse_user(std::string_view text);
std::string to_text(const UserRequest& request);

struct ResolvedUser {
    uint32_t uid = 0, gid = 0;
    std::vector<uint32_t> additional_gids;  // sorted, without gid; only for a name without a group
    std::string name, home, shell;          // of the passwd row; empty when there is none
    bool unnamed = false;                   // the image says nothing: root by default
    bool group_defaulted = false;           // a number without a group and without a passwd row: gid 0 by the specification
};
// At most 1 MiB each, lines over 4096 bytes and malformed ones are skipped, the first matching row counts.
// Errors: unknown user or group (ENOENT), a file too large (EFBIG).
inline constexpr size_t max_account_file_bytes = size_t{1} << 20;
Result<ResolvedUser> resolve_user(const UserRequest& request, std::string_view passwd_text, std::string_view group_text);

struct ImageProcess {
    std::vector<std::string> args;  // Entrypoint + Cmd, or Entrypoint + the caller's; may be empty: nothing to run
    std::vector<std::string> env;   // the image's, PATH added where it has none
    std::string cwd;                // absolute; "/" where not said
    ResolvedUser user;
    std::string stop_signal;                         // as written, checked to be a signal; empty: not said
    std::map<std::string, std::string> annotations;  // conversion.md, Annotation Fields; labels win. Never a control
};
// What a variable PATH is where the image has none.
inline constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// `user` of the caller replaces the image's; `command` (when not empty) replaces Cmd. HOME is added from the passwd row
// where Env has none. Errors: an Env entry without "=" or with a control character in its name, given twice is not an
// error (the last wins), a WorkingDir that is relative or has "..", a stop signal that is none.
struct ConversionInput {
    std::string_view passwd_text, group_text;
    std::optional<std::string> user;
    std::vector<std::string> command;
    bool replace_entrypoint = false;  // `command` is the whole argv
};
Result<ImageProcess> convert(const ImageConfig& image, const ConversionInput& input);

}  // namespace casemate::oci
