#include "image/names.h"

#include <vector>

#include "base/text.h"

namespace casemate::image {
namespace {

constexpr std::string_view whiteout_prefix = ".wh.";
constexpr std::string_view opaque_mark = ".wh..wh..opq";

}  // namespace

Result<EntryName> split_name(std::string_view name, const Limits& limits) {
    if (name.find('\0') != std::string_view::npos) return Error::with_code(EBADMSG, "a NUL in the name");
    if (name.size() > limits.path_bytes)
        return Error::with_code(ENAMETOOLONG, concat("the name has more than ", limits.path_bytes, " bytes"));
    EntryName split_up;
    size_t depth = 0;
    for (const std::string_view component : split(name, '/')) {
        if (component.empty() || component == ".") continue;
        if (component == "..") return Error::with_code(EBADMSG, "'..' in the name");
        if (component.size() > limits.name_bytes)
            return Error::with_code(ENAMETOOLONG, concat("a component has more than ", limits.name_bytes, " bytes"));
        if (++depth > limits.depth)
            return Error::with_code(ENAMETOOLONG, concat("deeper than ", limits.depth, " directories"));
        if (!split_up.leaf.empty()) {
            if (!split_up.parent.empty()) split_up.parent += '/';
            split_up.parent += split_up.leaf;
        }
        split_up.leaf = component;
    }
    return split_up;
}

Result<WhiteoutName> whiteout_name(const EntryName& name) {
    if (name.parent.find(whiteout_prefix) != std::string::npos)
        for (const std::string_view component : split(name.parent, '/'))
            if (component.starts_with(whiteout_prefix))
                return Error::with_code(EBADMSG, "a directory that is named like a whiteout");
    if (!name.leaf.starts_with(whiteout_prefix)) return WhiteoutName{};
    if (name.leaf == opaque_mark) return WhiteoutName{Whiteout::opaque, {}};
    const std::string target = name.leaf.substr(whiteout_prefix.size());
    if (target.empty() || target == "." || target == "..")
        return Error::with_code(EBADMSG, concat("a whiteout of ", quoted(target)));
    if (target.starts_with(whiteout_prefix)) return Error::with_code(EBADMSG, "a reserved whiteout name");
    return WhiteoutName{Whiteout::removal, target};
}

}  // namespace casemate::image
