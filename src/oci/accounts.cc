// Whom an image means by `User`, looked up in its own passwd and group texts. Pure text work: NSS would load code from
// the image (CVE-2019-14271).
#include <algorithm>

#include "base/text.h"
#include "oci/conversion.h"

namespace casemate::oci {
namespace {

constexpr size_t max_line_bytes = 4096, max_name_bytes = 256, max_groups = 65536;

bool all_digits(std::string_view text) { return text.find_first_not_of("0123456789") == std::string_view::npos; }

// A number, or a name that could stand in passwd(5). What looks like neither is an error.
Result<UserRequest::Half> parse_half(std::string_view text, std::string_view what) {
    if (text.empty()) return Error::invalid(concat("the ", what, " is empty"));
    if (all_digits(text)) {
        const std::optional<uint64_t> number = parse_decimal(text, max_id);
        if (!number) return Error::invalid(concat("the ", what, " ", quoted(text.substr(0, 32)), " is above ", max_id));
        if (text.size() > 1 && text.front() == '0')
            return Error::invalid(concat("the ", what, " ", quoted(text), " has leading zeros"));
        return UserRequest::Half{{}, static_cast<uint32_t>(*number)};
    }
    const bool printable_name =
        std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) > ' ' && c != 0x7f && c != ','; });
    if (!printable_name || text.size() > max_name_bytes || text.front() == '-' || text.front() == '+')
        return Error::invalid(
            concat("the ", what, " ", quoted(text.substr(0, max_name_bytes)), " is neither a number nor a name"));
    return UserRequest::Half{std::string(text), std::nullopt};
}

// Calls `row` with the fields of each line that has `count` of them, until it returns true.
template <typename Row>
void for_each_row(std::string_view text, size_t count, Row row) {
    while (!text.empty()) {
        const size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (line.size() > max_line_bytes) continue;
        const std::vector<std::string_view> fields = split(line, ':');
        if (fields.size() == count && !fields[0].empty() && row(fields)) return;
    }
}

std::optional<uint32_t> id_of(std::string_view field) {
    const std::optional<uint64_t> number = parse_decimal(field, max_id);
    return number ? std::optional(static_cast<uint32_t>(*number)) : std::nullopt;
}

bool is_home(std::string_view path) {
    return path.starts_with('/') &&
           std::ranges::none_of(path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; });
}

// Fills uid, gid, name, home and shell from the first row that `half` means.
bool find_account(const UserRequest::Half& half, std::string_view passwd_text, ResolvedUser& out) {
    bool found = false;
    for_each_row(passwd_text, 7, [&](const std::vector<std::string_view>& row) {
        const std::optional<uint32_t> uid = id_of(row[2]), gid = id_of(row[3]);
        if (!uid || !gid || (half.id ? *uid != *half.id : row[0] != half.name)) return false;
        out.uid = *uid;
        out.gid = *gid;
        out.name = row[0];
        if (is_home(row[5])) out.home = row[5];
        out.shell = row[6];
        return found = true;
    });
    return found;
}

std::optional<uint32_t> find_group(const UserRequest::Half& half, std::string_view group_text) {
    if (half.id) return half.id;
    std::optional<uint32_t> gid;
    for_each_row(group_text, 4, [&](const std::vector<std::string_view>& row) {
        if (row[0] == half.name) gid = id_of(row[2]);
        return gid.has_value();
    });
    return gid;
}

Result<std::vector<uint32_t>> groups_of(std::string_view name, uint32_t primary, std::string_view group_text) {
    std::vector<uint32_t> out;
    for_each_row(group_text, 4, [&](const std::vector<std::string_view>& row) {
        const std::optional<uint32_t> gid = id_of(row[2]);
        const std::vector<std::string_view> members = split(row[3], ',');
        if (gid && *gid != primary && std::ranges::find(members, name) != members.end()) out.push_back(*gid);
        return false;
    });
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    if (out.size() > max_groups)
        return Error::with_code(E2BIG, concat("user ", quoted(name), " is in more than ", max_groups, " groups"));
    return out;
}

}  // namespace

Result<UserRequest> parse_user(std::string_view text) {
    UserRequest request;
    if (text.empty()) return request;
    const size_t colon = text.find(':');
    request.user = TRY(parse_half(text.substr(0, colon), "user"));
    if (colon == std::string_view::npos) return request;
    if (text.find(':', colon + 1) != std::string_view::npos)
        return Error::invalid(concat(quoted(text.substr(0, max_name_bytes)), " has more than one ':'"));
    request.group = TRY(parse_half(text.substr(colon + 1), "group"));
    return request;
}

std::string to_text(const UserRequest& request) {
    const auto half = [](const UserRequest::Half& h) { return h.id ? std::to_string(*h.id) : h.name; };
    if (!request.user) return {};
    return request.group ? concat(half(*request.user), ":", half(*request.group)) : half(*request.user);
}

Result<ResolvedUser> resolve_user(const UserRequest& request, std::string_view passwd_text,
                                  std::string_view group_text) {
    for (const std::string_view text : {passwd_text, group_text})
        if (text.size() > max_account_file_bytes)
            return Error::with_code(
                EFBIG, concat("the image's passwd or group is larger than ", max_account_file_bytes, " bytes"));
    ResolvedUser out;
    out.unnamed = !request.user;
    const UserRequest::Half user = request.user.value_or(UserRequest::Half{{}, 0});
    const bool found = find_account(user, passwd_text, out);
    if (!found) {
        if (!user.id)
            return Error::with_code(ENOENT, concat("user ", quoted(user.name), " is not in the image's passwd"));
        out.uid = *user.id;
        out.group_defaulted = !request.group && !out.unnamed;
    }
    if (request.group) {
        const std::optional<uint32_t> gid = find_group(*request.group, group_text);
        if (!gid)
            return Error::with_code(ENOENT,
                                    concat("group ", quoted(request.group->name), " is not in the image's group"));
        out.gid = *gid;
    } else if (!user.id) {
        out.additional_gids = TRY(groups_of(user.name, out.gid, group_text));
    }
    return out;
}

}  // namespace casemate::oci
