// Whiteout merge against the model of tests/unit/image/layer_model.h, the fuzzer's bytes being the dice. Works in a
// directory of a tmpfs (/dev/shm), which it empties each time.
// rooms: image
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "image/file_list.h"
#include "image/removal.h"
#include "sys/call.h"
#include "unit/image/layer_model.h"

using namespace test;

namespace {

struct Dice {
    const uint8_t* data;
    size_t left;
    uint32_t operator()() {
        if (left == 0) return 0;
        --left;
        return *data++;
    }
};

const std::string& directory() {
    static const std::string path = [] {
        char name[] = "/dev/shm/casemate-fuzz-XXXXXX";
        if (!::mkdtemp(name)) std::abort();
        return std::string(name);
    }();
    return path;
}

Model read_back(FdView root) {
    Model model;
    const OnFile add = [&](const std::string& line) -> Result<void> {
        const std::string path = line.substr(0, line.find(' '));
        if (path != ".") model[path.substr(2)] = line.find(" type=dir ") != std::string::npos ? "d" : "f";
        return {};
    };
    if (!list_files(root, add)) std::abort();
    return model;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Dice dice{data, size};
    const Fd parent = sys::open(directory().c_str(), O_RDONLY | O_DIRECTORY).take();
    if (::mkdirat(parent.get(), "root", 0755) != 0) std::abort();
    TreeOptions options;
    options.own = ::geteuid() == 0;
    const Limits limits;
    Model model;
    {
        Tree tree = Tree::make(sys::openat2(parent, "root", O_RDONLY | O_DIRECTORY, 0).take(), options, limits).take();
        for (int number = 0; number < 5 && dice.left > 0; ++number) {
            const ModelLayer layer = random_layer(dice, number);
            if (!fits(model, layer)) continue;
            tree.start_layer(number > 0);
            if (!apply_to_tree(tree, layer, std::to_string(number))) std::abort();
            if (number > 0)
                apply_to_model(model, layer);
            else
                for (const auto& [path, what] : layer.upper) put(model, path, what);
        }
        for (auto& [path, what] : model) what = what.substr(0, 1);
        if (read_back(tree.root()) != model) std::abort();
    }
    if (!remove_scratch(parent, "root")) std::abort();
    return 0;
}
