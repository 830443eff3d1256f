// Image configuration -> what the process of a container is, by image-spec conversion.md. Pure: the caller hands over
// the text of the image's own /etc/passwd and /etc/group, which are hostile data.
//
// Nothing here is policy: what a profile thinks of root, of group 0 or of a variable is decided by the planner. Hence
// the flags: they say where a value came from.
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
// (CVE-2016-3697); every wrong form ("1:", ":1", " 1", "-1", "00", 4294967295) is an error, never uid 0
// (CVE-2026-30892). parse_user(to_text(r)) is r.
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
    std::string name, home, shell;          // of the passwd row; empty when there is none. home is absolute or empty
    bool unnamed = false;                   // the image says nothing: root by default
    bool group_defaulted = false;  // a number without a group and without a passwd row: gid 0 by the specification
};
// passwd(5) and group(5) texts of at most 1 MiB each; lines over 4096 bytes and malformed ones are skipped, the first
// matching row counts. A name without a group gets the groups that list it (image-spec config.md, User).
// Errors: unknown user or group (ENOENT), a file too large (EFBIG), in more than 65536 groups (E2BIG, NGROUPS_MAX).
inline constexpr size_t max_account_file_bytes = size_t{1} << 20;
Result<ResolvedUser> resolve_user(const UserRequest& request, std::string_view passwd_text,
                                  std::string_view group_text);

struct ImageProcess {
    std::vector<std::string> args;  // Entrypoint + Cmd, or Entrypoint + the caller's; may be empty: nothing to run
    std::vector<std::string> env;   // the image's, each name once; PATH and HOME added where it has none
    std::string cwd;                // absolute and normal; "/" where not said
    ResolvedUser user;
    std::string stop_signal;                         // as written, checked to be a signal; empty: not said
    std::map<std::string, std::string> annotations;  // conversion.md, Annotation Fields; labels win. Never a control
};
// What a variable PATH is where the image has none.
inline constexpr std::string_view default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct ConversionInput {
    std::string_view passwd_text = {}, group_text = {};  // the image's
    std::optional<std::string> user = {};                // in place of the image's
    std::vector<std::string> command = {};               // in place of Cmd, when not empty
    bool replace_entrypoint = false;                     // `command` is the whole argv
};
// HOME is the passwd row's, or "/". Of a variable given twice the last counts. Errors name the image's key: an Env
// entry that is not NAME=value or has a control character in its name, a WorkingDir that is relative or has "..", a
// StopSignal that is none, and those of parse_user and resolve_user.
Result<ImageProcess> convert(const ImageConfig& image, const ConversionInput& input);

}  // namespace casemate::oci
