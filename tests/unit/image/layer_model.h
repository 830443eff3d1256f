// Random layers, and the definition of what they make: what a layer adds goes over what its whiteouts leave of the layers
// below (layer.md). Tree is compared with it, alone, through overlays as the store uses it, and by the fuzzer.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "image/tree.h"

namespace test {

using namespace casemate;
using namespace casemate::image;

using Model = std::map<std::string, std::string>;  // path -> "d" or "f" + content

inline std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

inline void erase_below(Model& model, const std::string& path, bool itself) {
    std::erase_if(model, [&](const auto& item) {
        return item.first.starts_with(path.empty() ? "" : path + "/") || (itself && item.first == path);
    });
}

// `path` becomes `what`; missing parents are directories.
inline void put(Model& model, const std::string& path, const std::string& what) {
    for (std::string up = parent_of(path); !up.empty(); up = parent_of(up)) model.try_emplace(up, "d");
    const auto there = model.find(path);
    if (there != model.end() && !(there->second == "d" && what == "d")) erase_below(model, path, true);
    model[path] = what;
}

struct ModelLayer {
    std::vector<Entry> entries;
    Model upper;                    // what the layer adds
    std::vector<std::string> gone;  // whiteouts
    std::vector<std::string> opaque;
};

inline Entry entry_of(EntryType type, const std::string& name, uint64_t size = 0) {
    Entry entry;
    entry.type = type;
    entry.name = name;
    entry.mode = type == EntryType::directory ? 0755 : 0644;
    entry.size = size;
    return entry;
}

// `random()` gives numbers: a generator in the tests, a fuzzer's bytes in the fuzzing.
template <typename Random>
ModelLayer random_layer(Random& random, int number) {
    static const char* const names[] = {"a", "b", "c"};
    ModelLayer layer;
    const auto path = [&] {
        std::string text = names[random() % 3];
        for (uint32_t depth = random() % 3; depth > 0; --depth) text += std::string("/") + names[random() % 3];
        return text;
    };
    for (uint32_t count = 1 + random() % 8; count > 0; --count) {
        const std::string where = path();
        switch (random() % 4) {
            case 0: {
                // One layer gives a path one type only, and files have no children.
                bool clash = layer.upper.contains(where);
                for (std::string up = parent_of(where); !up.empty(); up = parent_of(up))
                    clash = clash || (layer.upper.contains(up) && layer.upper[up] != "d");
                if (clash) break;
                put(layer.upper, where, "f" + std::to_string(number));
                layer.entries.push_back(entry_of(EntryType::file, where, 1));
                break;
            }
            case 1: {
                bool clash = layer.upper.contains(where);
                for (std::string up = parent_of(where); !up.empty(); up = parent_of(up))
                    clash = clash || (layer.upper.contains(up) && layer.upper[up] != "d");
                if (clash) break;
                put(layer.upper, where, "d");
                layer.entries.push_back(entry_of(EntryType::directory, where));
                break;
            }
            case 2: {
                layer.gone.push_back(where);
                const std::string up = parent_of(where), leaf = up.empty() ? where : where.substr(up.size() + 1);
                layer.entries.push_back(entry_of(EntryType::file, (up.empty() ? "" : up + "/") + ".wh." + leaf));
                break;
            }
            default:
                layer.opaque.push_back(where);
                layer.entries.push_back(entry_of(EntryType::file, where + "/.wh..wh..opq"));
        }
    }
    for (size_t i = layer.entries.size(); i > 1; --i) std::swap(layer.entries[i - 1], layer.entries[random() % i]);
    return layer;
}

// Entries of one layer need their directories' kinds to agree with what is below; where they do not, the layer is no
// well-formed change of it, and the case is not compared.
inline bool fits(const Model& lower, const ModelLayer& layer) {
    const auto is_file = [&](const std::string& path) {
        const auto there = lower.find(path);
        return there != lower.end() && there->second != "d";
    };
    const auto clear_way = [&](const std::string& path) {
        for (std::string up = parent_of(path); !up.empty(); up = parent_of(up))
            if (is_file(up) || (layer.upper.contains(up) && layer.upper.at(up) != "d")) return false;
        return true;
    };
    for (const auto& [path, what] : layer.upper)
        if (!clear_way(path)) return false;
    for (const std::string& path : layer.gone)
        if (!clear_way(path)) return false;
    for (const std::string& path : layer.opaque)
        if (!clear_way(path) || is_file(path) || (layer.upper.contains(path) && layer.upper.at(path) != "d"))
            return false;
    return true;
}

inline void apply_to_model(Model& model, const ModelLayer& layer) {
    for (const std::string& path : layer.opaque) erase_below(model, path, false);
    for (const std::string& path : layer.gone) erase_below(model, path, true);
    for (const auto& [path, what] : layer.upper) put(model, path, what);
}

// Applies the layer: every file of it holds `content`, one letter.
inline Result<void> apply_to_tree(Tree& tree, const ModelLayer& layer, const std::string& content) {
    for (const Entry& entry : layer.entries) {
        bool given = entry.size == 0;
        TRY_IN(entry.name, tree.apply(entry, [&]() -> Result<std::span<const uint8_t>> {
            if (std::exchange(given, true)) return std::span<const uint8_t>();
            return std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(content.data()), 1);
        }));
    }
    return tree.leave_parent();
}

}  // namespace test
