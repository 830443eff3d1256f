// The part of YAML that ignore files are written in: block mappings, block sequences, and scalars on one line, plain or
// quoted. Everything else (flow collections, anchors, aliases, tags, block scalars, several documents, tabs, duplicate
// keys) is an error: a file that two readers could read differently must not suppress anything.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace casemate::audit {

struct YamlMember;

struct YamlNode {
    enum class Kind : uint8_t { nothing, scalar, sequence, mapping } kind = Kind::nothing;
    size_t line = 0;  // from 1
    std::string scalar;
    std::vector<YamlNode> items;
    std::vector<YamlMember> members;
};

struct YamlMember {
    std::string key;
    YamlNode value;
};

// At most 1 MiB, 8 levels and 65536 lines. Errors begin with "line N: ". An empty file is `nothing`.
Result<YamlNode> parse_block_yaml(std::string_view text);

}  // namespace casemate::audit
