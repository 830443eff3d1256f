// Tree against a model: random layers of files, directories, links and whiteouts in random order. The model is the
// definition in layer.md: what a layer adds goes over what its whiteouts leave of the layers below.
#include <fcntl.h>

#include <map>
#include <random>
#include <set>

#include "image/tree.h"
#include "scratch.h"
#include "sys/call.h"

using namespace casemate;
using namespace casemate::image;

namespace {

using Model = std::map<std::string, std::string>;  // path -> "d" or "f" + content

std::string parent_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos ? "" : path.substr(0, slash);
}

void erase_below(Model& model, const std::string& path, bool itself) {
    std::erase_if(model, [&](const auto& item) {
        return item.first.starts_with(path.empty() ? "" : path + "/") || (itself && item.first == path);
    });
}

// `path` becomes `what`; missing parents are directories.
void put(Model& model, const std::string& path, const std::string& what) {
    for (std::string up = parent_of(path); !up.empty(); up = parent_of(up)) model.try_emplace(up, "d");
    const auto there = model.find(path);
    if (there != model.end() && !(there->second == "d" && what == "d")) erase_below(model, path, true);
    model[path] = what;
}

struct Layer {
    std::vector<Entry> entries;
    Model upper;                    // what the layer adds
    std::vector<std::string> gone;  // whiteouts
    std::vector<std::string> opaque;
};

Entry entry_of(EntryType type, const std::string& name, uint64_t size = 0) {
    Entry entry;
    entry.type = type;
    entry.name = name;
    entry.mode = type == EntryType::directory ? 0755 : 0644;
    entry.size = size;
    return entry;
}

Layer random_layer(std::mt19937& random, int number) {
    static const char* const names[] = {"a", "b", "c"};
    Layer layer;
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
    std::shuffle(layer.entries.begin(), layer.entries.end(), random);
    return layer;
}

// Entries of one layer need their directories' kinds to agree with what is below; where they do not, the layer is no
// well-formed change of it, and the case is not compared.
bool fits(const Model& lower, const Layer& layer) {
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

void apply_to_model(Model& model, const Layer& layer) {
    for (const std::string& path : layer.opaque) erase_below(model, path, false);
    for (const std::string& path : layer.gone) erase_below(model, path, true);
    for (const auto& [path, what] : layer.upper) put(model, path, what);
}

Model read_back(const test::Scratch& scratch, const std::string& root) {
    Model model;
    const std::string list =
        scratch.run({"sh", "-c", "cd \"$1\" && find . -mindepth 1 -printf '%P %y\\n'", "x", root}).out;
    size_t from = 0;
    while (from < list.size()) {
        const size_t end = list.find('\n', from);
        const std::string line = list.substr(from, end - from);
        const std::string path = line.substr(0, line.size() - 2);
        model[path] = line.back() == 'd' ? "d" : "f" + test::slurp(root + "/" + path);
        from = end + 1;
    }
    return model;
}

}  // namespace

TEST_CASE("whiteouts: random layers give what the model says, in every order") {
    test::Scratch scratch;
    std::mt19937 random(20261121);
    int compared = 0;
    uint64_t whiteouts = 0;
    for (int round = 0; round < 400; ++round) {
        const std::string root = scratch / std::to_string(round);
        REQUIRE(::mkdir(root.c_str(), 0755) == 0);
        TreeOptions options;
        options.own = ::geteuid() == 0;
        const Limits limits;
        Tree tree = Tree::make(sys::open(root.c_str(), O_RDONLY | O_DIRECTORY).take(), options, limits).take();
        Model model;
        for (int number = 0; number < 4; ++number) {
            const Layer layer = random_layer(random, number);
            if (!fits(model, layer)) continue;
            tree.start_layer(number > 0);
            for (const Entry& entry : layer.entries) {
                bool given = entry.size == 0;
                const std::string content = std::to_string(number);
                const auto applied = tree.apply(entry, [&]() -> Result<std::span<const uint8_t>> {
                    if (std::exchange(given, true)) return std::span<const uint8_t>();
                    return std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(content.data()), 1);
                });
                INFO(entry.name);
                INFO((applied ? "" : applied.error().text()));
                REQUIRE(applied);
            }
            REQUIRE(tree.leave_parent());
            if (number > 0)
                apply_to_model(model, layer);
            else
                for (const auto& [path, what] : layer.upper) put(model, path, what);
            ++compared;
        }
        whiteouts += tree.counts().whiteouts;
        REQUIRE(read_back(scratch, root) == model);
    }
    CHECK(compared > 800);
    CHECK(whiteouts > 1000);
}
